#!/usr/bin/env python3
"""Makes tiny embedding models with reference outputs of sentence-transformers.

SPDX-License-Identifier: Apache-2.0

usage: make_embedding_fixture.py [--out FOLDER] SPEC...

SPEC is the name of a file in specs/embed/ (without .json) or a path. The
fixture goes into FOLDER/NAME, by default tests/data/fixtures/embed/NAME.

A spec is a JSON object, with make_fixture.py's fields and
  pooling     pooling_mode of 1_Pooling/config.json, or a list of them
  dense       sizes of dense modules behind the pooling
  activation  of the dense modules (Tanh)
  rename      [[pattern, replacement], ...] for the names of tensors, where a
              published checkpoint has others than transformers saves
  published   config.json as published, where transformers reads another
"""

import argparse
import json
import pathlib
import re
import shutil

import numpy
import safetensors.numpy
import safetensors.torch
import sentence_transformers
import tokenizers
import torch
import transformers

import make_fixture as text

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "data" / "fixtures" / "embed"
TEXTS = ["Hello world", "What is the capital of France?", "a",
         "The quick brown fox jumps over the lazy dog, and then it sleeps.",
         "naïve café 12345"]
MODULES = "sentence_transformers.models."


def make_tokenizer(folder, both_ends):
    tokenizer = text.make_tokenizer(folder)
    ids = {word: tokenizer.token_to_id(word) for word in ("<s>", "</s>")}
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>" if both_ends else "$A </s>",
        special_tokens=list(ids.items()))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").unlink()
    return tokenizer


def write_modules(spec, size, folder):
    types = ["Transformer", "Pooling"]
    types += ["Dense"] * len(spec.get("dense", [])) + ["Normalize"]
    modules = []
    for i, kind in enumerate(types):
        path = "" if i == 0 else f"{i}_{kind}"
        modules.append({"idx": i, "name": str(i), "path": path,
                        "type": MODULES + kind})
    text.write_json(folder / "modules.json", modules)
    (folder / "1_Pooling").mkdir()
    modes = spec["pooling"]
    text.write_json(folder / "1_Pooling" / "config.json",
                    {"word_embedding_dimension": size, "pooling_mode": modes})
    size *= 1 if isinstance(modes, str) else len(modes)
    random = numpy.random.default_rng(spec.get("seed", 1) + 7)
    for i, outputs in enumerate(spec.get("dense", [])):
        dense = folder / f"{i + 2}_Dense"
        dense.mkdir()
        name = spec.get("activation", "Tanh")
        place = "linear" if name == "Identity" else "activation"
        text.write_json(dense / "config.json", {
            "in_features": size, "out_features": outputs, "bias": i == 0,
            "activation_function": f"torch.nn.modules.{place}.{name}"})
        tensors = {"linear.weight": random.standard_normal(
            (outputs, size)).astype("float32") / size ** 0.5}
        if i == 0:
            tensors["linear.bias"] = random.standard_normal(
                outputs).astype("float32")
        safetensors.numpy.save_file(tensors, dense / "model.safetensors")
        size = outputs


def save_model(spec, config, folder):
    model = transformers.AutoModel.from_config(
        config, dtype=torch.float32, attn_implementation="eager")
    drawer = text.Drawer(spec, spec.get("seed", 1))
    with torch.no_grad():
        for name, values in sorted(model.named_parameters()):
            drawn = drawer.draw(name, tuple(values.shape))
            values.copy_(torch.from_numpy(numpy.asarray(drawn, "float32")))
    model.to(torch.bfloat16).save_pretrained(folder)


# The checkpoint in its published form, beside what transformers has read.
def publish(spec, fields, folder):
    file = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    renamed = {}
    # Joined tensors stand in the order query, key, value.
    for name, values in sorted(tensors.items(), key=lambda item: re.sub(
            "q_proj", "a_proj", item[0])):
        for pattern, replacement in spec.get("rename", []):
            name = re.sub(pattern, replacement, name)
        renamed.setdefault(name, []).append(values)
    order = {name: parts[0] if len(parts) == 1 else torch.cat(parts)
             for name, parts in renamed.items()}
    safetensors.torch.save_file(order, file, {"format": "pt"})
    published = dict(spec.get("published", fields))
    published["vocab_size"] = fields["vocab_size"]
    published["torch_dtype"] = "bfloat16"
    text.write_json(folder / "config.json", published)


def make(spec, name, folder):
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "reference").mkdir(parents=True)
    tokenizer = make_tokenizer(folder, spec.get("both_ends", True))
    fields = dict(spec["config"])
    fields.setdefault("vocab_size", tokenizer.get_vocab_size())
    fields.setdefault("pad_token_id", tokenizer.token_to_id("<pad>"))
    text.write_json(folder / "config.json", fields)
    config = transformers.AutoConfig.from_pretrained(folder)
    save_model(spec, config, folder)
    text.write_json(folder / "config.json", fields)
    (folder / "generation_config.json").unlink(missing_ok=True)
    write_modules(spec, config.hidden_size, folder)
    model = sentence_transformers.SentenceTransformer(
        str(folder), device="cpu", local_files_only=True,
        model_kwargs={"dtype": torch.float32, "attn_implementation": "eager"})
    arrays = {}
    cases = []
    for i, each in enumerate(TEXTS):
        ids = tokenizer.encode(each).ids
        with torch.no_grad():
            hidden = model[0].auto_model(torch.tensor([ids])).last_hidden_state
        arrays[f"text{i}.hidden"] = hidden[0].numpy()
        cases.append({"text": each, "ids": ids, "hidden": f"text{i}.hidden"})
    alone = numpy.stack([model.encode(each) for each in TEXTS])
    arrays["embeddings"] = alone
    together = model.encode(TEXTS)
    safetensors.numpy.save_file(
        {key: numpy.ascontiguousarray(value, "float32")
         for key, value in arrays.items()},
        folder / "reference" / "arrays.safetensors")
    publish(spec, fields, folder)
    reference = {
        "kind": "embed", "name": name,
        "model_type": spec["config"]["model_type"],
        "source": {
            "library": "sentence-transformers",
            "sentence_transformers": sentence_transformers.__version__,
            "transformers": transformers.__version__,
            "torch": torch.__version__.split("+")[0],
            "attn_implementation": "eager",
            "compute": "float32 on CPU; the weights are the stored ones, "
                       "widened to float32"},
        "seed": spec.get("seed", 1), "weights_dtype": "bfloat16",
        "pooling": spec["pooling"], "normalised": True,
        "tolerance": {"float32": {"max_abs": 0.0002}},
        "arrays": "reference/arrays.safetensors", "embeddings": "embeddings",
        "cases": cases,
        "padded_batch_minus_alone":
            float(f"{numpy.abs(together - alone).max():.2e}"),
        "cosine": numpy.round(alone @ alone.T, 4).tolist()}
    (folder / "reference.json").write_text(
        json.dumps(reference, ensure_ascii=False) + "\n")
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    print(json.dumps({"name": name, "kilobytes": size // 1024,
                      "padded_batch_minus_alone":
                          reference["padded_batch_minus_alone"],
                      "cosine": reference["cosine"][0]}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=FIXTURES)
    parser.add_argument("specs", nargs="+")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for spec in options.specs:
        path = pathlib.Path(spec)
        if not path.is_file():
            path = HERE / "specs" / "embed" / f"{spec}.json"
        make(json.loads(path.read_text()), path.stem, options.out / path.stem)


if __name__ == "__main__":
    main()

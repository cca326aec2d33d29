#!/usr/bin/env python3
"""Makes tiny models with reference outputs from PyTorch transformers.

SPDX-License-Identifier: Apache-2.0

usage: make_fixture.py [--out FOLDER] SPEC...

SPEC is the name of a file in specs/ (without .json) or a path. The fixture goes
into FOLDER/NAME, by default tests/data/fixtures/text/NAME, in the format of
the fixtures that golden_test reads. requirements.txt beside this file pins what
it needs. Everything is drawn from the seed, so the same spec gives the same
fixture.

A spec is a JSON object:
  config        config.json as the model's publishers write it; vocab_size and
                the ids of special tokens are filled in
  seed          where seeds begin (default 1): the first one is taken whose
                greedy paths have no near tie
  transposed    matrices named c_attn, c_proj and c_fc are stored with the inputs
                first
  norm_offset   what the model adds to stored norm weights, so that they are
                drawn around 1 - norm_offset (default 0)
  gain          standard deviation of a layer's outputs over its inputs (1.5)
  head_gain     multiplies the weights that give the logits (1)
  draw          {pattern: [mean, deviation]} for parameters whose name matches
  strip         what names of tensors begin with in the library only
  extra         {name: shape} of tensors that a checkpoint has beside those
                of the model
  nest          {model_type, architectures, names, beside}: writes the model
                as the text_config of another one, with renamed tensors and
                those that text does not need
  attention     the library's implementation of attention (eager)
  empty_padding the padding token's embedding is zero, as the library makes it
  fused         experts stay in the stacks that the library computes with,
                under its own names
  cached        what follows a prompt is compared with what the library computes
                token by token: where the rotation depends on the length of a
                sequence, one pass over all of it is something else
  python        settings of the loaded model's config, for what the config file
                alone does not switch
"""

import argparse
import json
import math
import pathlib
import re
import shutil
import sys

import numpy
import safetensors
import safetensors.numpy
import safetensors.torch
import tokenizers
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "data" / "fixtures" / "text"
PROMPT_LENGTHS = (1, 7, 33, 70)
BATCH_LENGTHS = (7, 20, 33)
NEW_TOKENS = 24
POSITIONS = 4  # whose logits are kept of a long prompt
LEAST_GAP = 0.015  # far above the error of float32
MOST_SEEDS = 40
SPECIAL = ["<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}<|user|>\n"
    "{% elif message['role'] == 'assistant' %}<|assistant|>\n"
    "{% else %}{{ raise_exception('Unknown role: ' + message['role']) }}"
    "{% endif %}{{ message['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}")
STRINGS = ["", "Hello world", " leading and trailing ", "def f(x):\n\treturn x",
           "naïve café 12345", "日本語 😀", "<|user|>hi</s>"]
CHATS = [[{"role": "user", "content": "What is the capital of France?"}],
         [{"role": "user", "content": "Hello"},
          {"role": "assistant", "content": "Hello! What is it?"},
          {"role": "user", "content": "Nothing."}]]


def make_tokenizer(folder):
    """Byte-level BPE of single bytes, a few pairs and the special tokens."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    merges = [("h", "e"), ("l", "l"), ("he", "ll"), ("Ġ", "t"), ("i", "n"),
              ("a", "n"), ("o", "r")]
    words = alphabet + [first + second for first, second in merges]
    model = tokenizers.models.BPE(
        vocab={word: i for i, word in enumerate(words)}, merges=merges)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(
        add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [tokenizers.AddedToken(word, special=True) for word in SPECIAL])
    bos = tokenizer.token_to_id("<s>")
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", bos)])
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", {
        "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
        "clean_up_tokenization_spaces": False,
        "tokenizer_class": "PreTrainedTokenizerFast"})
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return tokenizer


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


class Drawer:
    """Random weights, wide enough that a wrong constant shows."""

    def __init__(self, spec, seed):
        self.random = numpy.random.default_rng(seed)
        self.spec = spec
        self.gain = spec.get("gain", 1.5)
        self.center = 1 - spec.get("norm_offset", 0)

    def normal(self, shape, mean, deviation):
        return mean + deviation * self.random.standard_normal(shape)

    def draw(self, name, shape):
        for pattern, (mean, deviation) in self.spec.get("draw", {}).items():
            if re.search(pattern, name):
                return self.normal(shape, mean, deviation)
        leaf = name.rsplit(".", 1)[-1]
        if leaf == "A_log":  # decays between exp(-1) and exp(-8) a step
            return numpy.log(self.random.uniform(1, 8, shape))
        if leaf in ("dt_bias", "dt_proj_bias") or name.endswith("dt_proj.bias"):
            return self.normal(shape, -2, 1)
        if leaf == "D":
            return self.normal(shape, 1, 0.3)
        if leaf.endswith("correction_bias"):
            return self.normal(shape, 0, 0.1)
        if len(shape) < 2:
            is_norm = re.search(r"norm|ln_|layernorm", name, re.I)
            if is_norm and leaf != "bias":
                return self.normal(shape, self.center, 0.25)
            return self.normal(shape, 0, 0.3)
        return self.normal(shape, 0, self.deviation(name, shape))

    def deviation(self, name, shape):
        if re.search(r"embed|wte|lm_head|embed_out", name):
            head = re.search(r"lm_head|embed_out", name)
            tied = self.spec["config"].get("tie_word_embeddings", False)
            gives_logits = head or tied
            gain = self.spec.get("head_gain", 1) if gives_logits else 1
            return 4 * gain / math.sqrt(shape[-1])
        if "conv" in name and len(shape) == 3 and shape[1] == 1:
            return self.gain / math.sqrt(shape[-1])
        inputs = shape[-1]
        if self.spec.get("transposed") and re.search("c_attn|c_proj|c_fc", name):
            inputs = shape[0]  # GPT-2 stores (inputs, outputs)
        return self.gain / math.sqrt(inputs)


def model_class(config):
    """By its type, or, where that alone says too little, by its name."""
    known = transformers.AutoModelForCausalLM._model_mapping
    if type(config) in known:
        return known[type(config)]
    return getattr(transformers, config.architectures[0])


def save_random_model(spec, config, seed, folder):
    """config.json and bfloat16 weights in the checkpoint's own layout."""
    model = model_class(config)._from_config(
        config, dtype=torch.float32, attn_implementation="eager")
    drawer = Drawer(spec, seed)
    with torch.no_grad():
        named = list(model.named_parameters())
        kept = set(model.state_dict())
        named += [item for item in model.named_buffers() if item[0] in kept]
        for name, values in sorted(named, key=lambda item: item[0]):
            if not values.is_floating_point():
                continue
            drawn = drawer.draw(name, tuple(values.shape))
            values.copy_(torch.from_numpy(numpy.asarray(drawn, "float32")))
        if spec.get("empty_padding"):
            model.get_input_embeddings().weight[config.pad_token_id] = 0
    model.to(torch.bfloat16).save_pretrained(
        folder, save_original_format=not spec.get("fused", False))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if "strip" in spec or "extra" in spec:
        edit_names(spec, folder / "model.safetensors")
    return model


def edit_names(spec, path):
    """Names without the prefix to strip, and tensors that no model reads."""
    prefix = spec.get("strip", "")
    weights = {name.removeprefix(prefix): values for name, values
               in safetensors.torch.load_file(path).items()}
    for name, shape in spec.get("extra", {}).items():
        weights[name] = torch.ones(shape, dtype=torch.bfloat16)
    safetensors.torch.save_file(weights, path, metadata={"format": "pt"})


def load_widened(folder, spec):
    config = transformers.AutoConfig.from_pretrained(folder)
    model = model_class(config).from_pretrained(
        folder, dtype=torch.float32,
        attn_implementation=spec.get("attention", "eager"))
    for name, value in spec.get("python", {}).items():
        setattr(model.config, name, value)
    # Paths go on past end tokens; None in the settings of a call means this.
    model.generation_config.eos_token_id = None
    return model.eval()


def logits_of(model, ids, mask=None):
    given = {"input_ids": torch.tensor(ids), "use_cache": False}
    if mask is not None:
        given["attention_mask"] = torch.tensor(mask)
        given["position_ids"] = (torch.tensor(mask).cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad():
        return model(**given).logits.float().numpy()


def greedy(model, ids):
    """The tokens after `ids` and the logits before each, one more than them."""
    settings = transformers.GenerationConfig(
        max_new_tokens=NEW_TOKENS + 1, do_sample=False, use_cache=True,
        eos_token_id=None, pad_token_id=0, output_logits=True,
        return_dict_in_generate=True)
    with torch.no_grad():
        out = model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=int),
            generation_config=settings)
    logits = numpy.stack([step[0].float().numpy() for step in out.logits])
    return out.sequences[0, len(ids):-1].tolist(), logits


def top2_gap(rows):
    best = numpy.sort(rows, -1)
    return float((best[..., -1] - best[..., -2]).min())


def run_prompts(model, prompts, arrays, cached=False):
    rows = []
    for i, ids in enumerate(prompts):
        all_logits = logits_of(model, [ids])[0]
        first = 0 if len(ids) <= 8 else len(ids) - POSITIONS
        tokens, steps = greedy(model, ids)
        whole = logits_of(model, [ids + tokens])[0][len(ids) - 1:]
        together = steps if cached else whole
        arrays[f"prompt{i}.logits"] = all_logits[first:]
        arrays[f"prompt{i}.logits_after_greedy"] = together[-1:]
        drift = float(numpy.abs(whole - steps).max())
        rows.append({
            "ids": ids, "logits": f"prompt{i}.logits",
            "logits_positions": list(range(first, len(ids))),
            "greedy": tokens,
            "logits_after_greedy": f"prompt{i}.logits_after_greedy",
            "min_top2_gap": round(top2_gap(together[:-1]), 4),
            "distinct_tokens": len(set(tokens)),
            "one_pass_agrees_with_cache":
                whole[:-1].argmax(-1).tolist() == tokens,
            "one_pass_minus_cache": float(f"{drift:.2e}")})
    return rows


def run_batch(model, rows, pad, arrays):
    longest = max(map(len, rows))
    ids = [[pad] * (longest - len(row)) + row for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    alone = numpy.stack([logits_of(model, [row])[0][-1] for row in rows])
    arrays["batch.last_logits"] = alone
    try:
        padded = logits_of(model, ids, mask)[:, -1]
        difference = float(f"{numpy.abs(padded - alone).max():.2e}")
    except (TypeError, ValueError, RuntimeError):
        difference = None
    return {"ids": ids, "attention_mask": mask,
            "last_logits": "batch.last_logits",
            "transformers_padded_minus_alone": difference}


def tokenizer_facts(folder):
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    strings = []
    for text in STRINGS:
        plain = tokenizer.encode(text, add_special_tokens=False)
        strings.append({
            "text": text, "ids": tokenizer.encode(text),
            "ids_without_special": plain,
            "decoded": tokenizer.decode(plain, skip_special_tokens=False)})
    chats = []
    for messages in CHATS:
        rendered = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True)
        chats.append({
            "messages": messages, "add_generation_prompt": True,
            "rendered": rendered,
            "ids": tokenizer.encode(rendered, add_special_tokens=False)})
    return {"strings": strings, "chats": chats}


def write_model(spec, seed, folder):
    """The model folder with the config as its publishers write it."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "reference").mkdir(parents=True)
    tokenizer = make_tokenizer(folder)
    fields = dict(spec["config"])
    special = {f"{name}_token_id": tokenizer.token_to_id(word) for name, word
               in (("bos", "<s>"), ("eos", "</s>"), ("pad", "<pad>"))}
    fields.setdefault("vocab_size", tokenizer.get_vocab_size())
    fields.update(special)
    fields["torch_dtype"] = "bfloat16"
    write_json(folder / "config.json", fields)
    config = transformers.AutoConfig.from_pretrained(folder)
    model = save_random_model(spec, config, seed, folder)
    write_json(folder / "config.json", fields)
    write_json(folder / "generation_config.json", {
        "bos_token_id": special["bos_token_id"],
        "eos_token_id": special["eos_token_id"], "do_sample": False})
    return {"architecture": type(model).__name__,
            "parameters": sum(p.numel() for p in model.parameters()),
            "ordinary": tokenizer.get_vocab_size() - len(SPECIAL),
            "pad": special["pad_token_id"]}


def make(spec, name, folder):
    """One fixture; the first seed without near ties."""
    first = spec.get("seed", 1)
    for seed in range(first, first + MOST_SEEDS):
        facts = write_model(spec, seed, folder)
        model = load_widened(folder, spec)
        random = numpy.random.default_rng(seed + 1000)
        draw = lambda n: random.integers(0, facts["ordinary"], n).tolist()
        arrays = {}
        prompts = run_prompts(model, [draw(n) for n in PROMPT_LENGTHS], arrays,
                              spec.get("cached", False))
        gap = min(prompt["min_top2_gap"] for prompt in prompts)
        if gap >= LEAST_GAP:
            break
    else:
        sys.exit(f"{name}: every seed has a near tie")
    batch = run_batch(model, [draw(n) for n in BATCH_LENGTHS], facts["pad"],
                      arrays)
    safetensors.numpy.save_file(
        {key: numpy.ascontiguousarray(value, "float32")
         for key, value in arrays.items()},
        folder / "reference" / "arrays.safetensors")
    reference = {
        "kind": "text", "name": name,
        "model_type": spec["config"]["model_type"],
        "architecture": facts["architecture"],
        "source": {
            "library": "transformers",
            "transformers": transformers.__version__,
            "torch": torch.__version__.split("+")[0],
            "tokenizers": tokenizers.__version__,
            "safetensors": safetensors.__version__,
            "attn_implementation": "eager",
            "compute": "float32 on CPU; the weights are the stored ones, "
                       "widened to float32"},
        "seed": seed, "weights_dtype": "bfloat16",
        "parameters": facts["parameters"], "stop_tokens_ignored": True,
        "max_new_tokens": NEW_TOKENS,
        "tolerance": {
            "float32": {"max_abs_logits": 0.005, "expected": 0.0002},
            "bfloat16": {"max_abs_logits": 1.6, "mean_abs_logits": 0.25},
            "float16": {"max_abs_logits": 0.25, "mean_abs_logits": 0.04},
            "greedy": "exact in float32; in half precision compare while "
                      "min_top2_gap is larger than the error"},
        "arrays": "reference/arrays.safetensors", "prompts": prompts,
        "min_top2_gap": gap,
        "logits_std": round(float(numpy.concatenate(
            list(arrays.values())).std()), 3),
        "left_padded_batch": batch, "tokenizer": tokenizer_facts(folder)}
    if "nest" in spec:
        nest(spec["nest"], folder)
        reference["model_type"] = spec["nest"]["model_type"]
    (folder / "reference.json").write_text(
        json.dumps(reference, ensure_ascii=False) + "\n")
    report(folder, reference)


def nest(outer, folder):
    """The model as the language model of one for text and images."""
    fields = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", {
        "architectures": outer["architectures"],
        "model_type": outer["model_type"], "text_config": fields,
        "eos_token_id": fields["eos_token_id"],
        "torch_dtype": fields["torch_dtype"]})
    path = folder / "model.safetensors"
    weights = {}
    for name, values in safetensors.torch.load_file(path).items():
        for pattern, new in outer["names"].items():
            name = re.sub(pattern, new, name)
        weights[name] = values
    for name, shape in outer["beside"].items():
        weights[name] = torch.ones(shape, dtype=torch.bfloat16)
    safetensors.torch.save_file(weights, path, metadata={"format": "pt"})


def report(folder, reference):
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    prompts = reference["prompts"]
    print(json.dumps({
        "name": reference["name"], "kilobytes": size // 1024,
        "seed": reference["seed"], "logits_std": reference["logits_std"],
        "min_top2_gap": reference["min_top2_gap"],
        "distinct": [prompt["distinct_tokens"] for prompt in prompts],
        "one_pass_minus_cache":
            max(prompt["one_pass_minus_cache"] for prompt in prompts),
        "padded_minus_alone": reference["left_padded_batch"][
            "transformers_padded_minus_alone"]}), flush=True)


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
            path = HERE / "specs" / f"{spec}.json"
        make(json.loads(path.read_text()), path.stem, options.out / path.stem)


if __name__ == "__main__":
    main()

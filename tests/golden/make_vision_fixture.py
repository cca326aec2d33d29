#!/usr/bin/env python3
"""Makes a fixture of a model of images and text beside an existing one.

SPDX-License-Identifier: Apache-2.0

usage: make_vision_fixture.py SPEC BASE OUT

SPEC is a JSON file with `name`, `config` (config.json), `preprocessor` and
`processor` (their files); BASE the folder of a fixture whose tokenizer, chat
template and images it takes. SPEC may have `tokens`, which renames some of the
tokens, `template`, pairs of texts to be exchanged in the chat template,
`chat_template`, one of its own, `tokenizer`, fields for tokenizer_config.json, and
`cases`, by name the images and the words of each case, or its parts in order: names
of images and words; `head_scale` sets the logits further apart, and
`turned` names stacks of matrices that are stored with the inputs first. Weights
are drawn from a seed, spread as wide as those of the other fixtures; everything is
computed by transformers in float32 on the CPU from the stored weights. Needs
requirements.txt and pillow.
"""

import json
import pathlib
import sys

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import (AutoConfig, AutoModelForImageTextToText,
                          AutoProcessor)

TOKENS = 24
TEXT_INPUTS = ("input_ids", "attention_mask", "token_type_ids",
               "mm_token_type_ids", "cross_attention_mask")
CASES = {
    "small": ["small.png", "Describe the image."],
    "large": ["large.png", "What is the capital of France?"],
    "two": ["small.png", "tall.png", "Describe the image."],
    "text": ["Describe the image."],
}


def take_states_before_layers():
    """Llama 3.2 Vision's tower gives the states that go into some layers, as Meta's
    and vLLM's code has it and transformers had it up to 4.52; the list of later
    versions begins behind the first layer."""
    from transformers.models.mllama import modeling_mllama as mllama
    forward = mllama.MllamaVisionEncoder.forward

    def with_embedding(self, hidden_states, attention_mask=None):
        output = forward(self, hidden_states, attention_mask)
        output.hidden_states = (hidden_states, *output.hidden_states)
        return output

    mllama.MllamaVisionEncoder.forward = with_embedding


def draw_weights(model, seed, head_scale):
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.named_parameters():
        noise = torch.randn(tensor.shape, generator=generator)
        if tensor.numel() == 1 and "gate" in name:
            tensor.data = 0.6 + 0.2 * noise
        elif tensor.ndim == 1 and "norm" in name and name.endswith("weight"):
            tensor.data = 1 + 0.2 * noise
        elif tensor.ndim == 1:
            tensor.data = 0.2 * noise
        elif "embed" in name or "position" in name:
            tensor.data = 0.5 * noise
        else:
            fan_in = tensor[0].numel()
            tensor.data = noise * (2.0 / fan_in) ** 0.5
        if name == "lm_head.weight":
            tensor.data = tensor.data * head_scale
    for tensor in model.parameters():
        tensor.data = tensor.data.to(torch.bfloat16).to(torch.float32)


def parts_of(case):
    """The parts of a case's one message, with the names of its images."""
    if isinstance(case[0], list):
        case = [*case[0], case[1]]
    return [{"type": "image", "name": part} if part.endswith(".png")
            else {"type": "text", "text": part} for part in case]


def image_features(model, inputs):
    images = {k: v for k, v in inputs.items() if k not in TEXT_INPUTS}
    if hasattr(model, "get_image_features"):
        return model.get_image_features(**images).pooler_output
    states = model.model.vision_model(**images).last_hidden_state
    return model.model.multi_modal_projector(states)


def run_case(model, processor, folder, parts, arrays, key):
    names = [part["name"] for part in parts if "name" in part]
    content = [{k: v for k, v in part.items() if k != "name"}
               for part in parts]
    messages = [{"role": "user", "content": content}]
    prompt = processor.apply_chat_template(messages,
                                           add_generation_prompt=True)
    images = [Image.open(folder / "images" / name) for name in names]
    # The tokenizer adds its own.
    prompt = prompt.removeprefix(processor.tokenizer.bos_token or "")
    # Llama's processor adds the beginning by itself.
    added = {} if model.config.model_type != "mllama" else {
        "add_special_tokens": False}
    inputs = processor(text=prompt, images=images or None, return_tensors="pt",
                       **added)
    if "pixel_values" in inputs:
        inputs["pixel_values"] = inputs["pixel_values"].half().float()
    with torch.no_grad():
        logits = model(**inputs).logits[0]
        out = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False,
                             output_logits=True, return_dict_in_generate=True,
                             eos_token_id=-1, pad_token_id=0)
        features = image_features(model, inputs) if names else None
    length = inputs["input_ids"].shape[1]
    positions = list(range(length - 4, length))
    arrays[f"{key}.logits"] = logits[positions].contiguous()
    case = {"case": key, "images": [f"../../images/{n}" for n in names],
            "messages": messages, "prompt": prompt,
            "ids": inputs["input_ids"][0].tolist(),
            "logits": f"{key}.logits", "logits_positions": positions,
            "greedy": out.sequences[0, length:].tolist(), "inputs": {},
            "min_top2_gap": round(min(float(s[0].topk(2).values.diff().abs())
                                      for s in out.logits), 4)}
    for name, value in inputs.items():
        if name in TEXT_INPUTS:
            continue
        stored = value.half() if value.is_floating_point() else value
        arrays[f"{key}.{name}"] = stored.contiguous()
        case["inputs"][name] = {"array": f"{key}.{name}",
                                "shape": list(value.shape)}
    if hasattr(model.model, "get_rope_index"):
        positions, delta = model.model.get_rope_index(
            inputs["input_ids"], inputs["mm_token_type_ids"],
            image_grid_thw=inputs.get("image_grid_thw"))
        arrays[f"{key}.position_ids"] = positions[:, 0].contiguous()
        case["position_ids"] = f"{key}.position_ids"
        case["rope_delta"] = int(delta)
    if features is not None:
        if isinstance(features, (list, tuple)):
            features = torch.cat(list(features))
        arrays[f"{key}.image_features"] = features.reshape(
            -1, features.shape[-1]).contiguous()
        case["image_features"] = f"{key}.image_features"
    return case


def write_tokenizer(spec, base, folder):
    """The files of BASE with the tokens that SPEC renames."""
    def renamed(text):
        for old, new in spec.get("tokens", {}).items():
            text = text.replace(old, new)
        return text
    for name in ("tokenizer.json", "chat_template.jinja",
                 "generation_config.json"):
        if (base / name).exists():
            text = (base / name).read_text()
            if name == "chat_template.jinja":
                for old, new in spec.get("template", []):
                    text = text.replace(old, new)
                text = spec.get("chat_template", text)
            (folder / name).write_text(renamed(text))
    config = json.loads(renamed((base / "tokenizer_config.json").read_text()))
    config.update(spec.get("tokenizer", {}))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(config, indent=1) + "\n")


def main():
    spec = json.loads(pathlib.Path(sys.argv[1]).read_text())
    base, out = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    folder = out / "vision" / spec["name"]
    (folder / "reference").mkdir(parents=True, exist_ok=True)
    write_tokenizer(spec, base, folder)
    for name, key in (("config.json", "config"),
                      ("preprocessor_config.json", "preprocessor"),
                      ("processor_config.json", "processor")):
        if key in spec:
            (folder / name).write_text(json.dumps(spec[key], indent=1) + "\n")
    config = AutoConfig.from_pretrained(folder)
    if config.model_type == "mllama":
        take_states_before_layers()
    model = AutoModelForImageTextToText.from_config(
        config, attn_implementation="eager").float().eval()
    draw_weights(model, spec["seed"], spec.get("head_scale", 1))
    weights = {name: tensor.to(torch.bfloat16).contiguous()
               for name, tensor in model.state_dict().items()}
    for name in weights:
        if name.endswith(tuple(spec.get("turned", ["?"]))):
            weights[name] = weights[name].transpose(1, 2).contiguous()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    processor = AutoProcessor.from_pretrained(folder, use_fast=False)
    arrays = {}
    cases = [run_case(model, processor, base.parent.parent, parts_of(case),
                      arrays, key)
             for key, case in spec.get("cases", CASES).items()]
    save_file(arrays, folder / "reference" / "arrays.safetensors")
    reference = {"kind": "vision", "name": spec["name"],
                 "model_type": spec["config"]["model_type"],
                 "source": {"library": "transformers",
                            "torch": torch.__version__},
                 "seed": spec["seed"], "weights_dtype": "bfloat16",
                 "tolerance": {"float32": {"max_abs_logits": 0.005}},
                 "arrays": "reference/arrays.safetensors", "cases": cases}
    (folder / "reference.json").write_text(
        json.dumps(reference, separators=(",", ":")) + "\n")
    print([(c["case"], c["min_top2_gap"]) for c in cases],
          float(arrays[cases[0]["logits"]].std()))


if __name__ == "__main__":
    main()

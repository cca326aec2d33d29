#!/usr/bin/env python3
"""Makes tests/data/vision_conversations.json: what transformers computes for
conversations with images in several turns, behind a system prompt, and behind a
long history.

SPDX-License-Identifier: Apache-2.0

usage: make_vision_conversations.py FIXTURES OUT [MODEL...]

FIXTURES is the folder with vision/; images/ stands beside it or in a folder that
IMAGES names. With MODELs, the others of OUT are kept. Needs the packages of
requirements.txt and pillow. Everything runs in float32 on the CPU.
"""

import json
import os
import pathlib
import sys

import torch
from PIL import Image
from make_vision_fixture import take_states_before_layers
from transformers import AutoModelForImageTextToText, AutoProcessor

MODELS = ["gemma3", "idefics3", "llava", "qwen2_5_vl", "qwen2_vl", "qwen3_vl"]
TOKENS = 16


def text(words):
    return {"type": "text", "text": words}


def image(name):
    return {"type": "image", "name": name}


def turn(role, *parts):
    return {"role": role, "content": list(parts)}


HISTORY = []
for i in range(6):
    HISTORY += [turn("user", text(f"Tell me more about number {i}, please.")),
                turn("assistant", text(f"It comes behind {i - 1}, if at all."))]

CONVERSATIONS = {
    "earlier": [turn("user", image("small.png"), text("What is it?")),
                turn("assistant", text("A red disc.")),
                turn("user", text("And the line?"))],
    "turns": [turn("user", image("small.png"), text("What is it?")),
              turn("assistant", text("A red disc.")),
              turn("user", image("tall.png"), text("And this?")),
              turn("assistant", text("A line.")),
              turn("user", image("large.png"), image("small.png"),
                   text("Compare them."))],
    "system": [turn("system", text("Answer in one word.")),
               turn("user", image("large.png"), text("What is it?"))],
    "history": HISTORY + [turn("user", image("large.png"), text("And this?"))],
}


def answer(folder, messages):
    processor = AutoProcessor.from_pretrained(folder, use_fast=False)
    model = AutoModelForImageTextToText.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    names = [part["name"] for message in messages
             for part in message["content"] if part["type"] == "image"]
    images = [Image.open(pathlib.Path(os.environ.get(
        "IMAGES", folder.parent.parent / "images")) / name) for name in names]
    plain = [{"role": m["role"],
              "content": [{k: v for k, v in p.items() if k != "name"}
                          for p in m["content"]]} for m in messages]
    prompt = processor.apply_chat_template(plain, add_generation_prompt=True)
    bos = processor.tokenizer.bos_token
    inputs = processor(text=prompt, images=images or None, return_tensors="pt",
                       add_special_tokens=not (bos and prompt.startswith(bos))
                       and model.config.model_type != "mllama")
    with torch.no_grad():
        out = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False,
                             output_logits=True, return_dict_in_generate=True,
                             eos_token_id=-1, pad_token_id=0)
    length = inputs["input_ids"].shape[1]
    gaps = [float(top[0] - top[1]) for top in
            (step[0].topk(2).values for step in out.logits)]
    return {"ids": inputs["input_ids"][0].tolist(),
            "greedy": out.sequences[0, length:].tolist(),
            "min_top2_gap": round(min(gaps), 4)}


def main():
    fixtures, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    made = {"source": f"transformers, torch {torch.__version__}", "cases": []}
    models = sys.argv[3:] or MODELS
    take_states_before_layers()
    if sys.argv[3:] and out.exists():
        made["cases"] = [case for case in json.loads(out.read_text())["cases"]
                         if case["model"] not in models]
    for model in models:
        for name, messages in CONVERSATIONS.items():
            try:
                result = answer(fixtures / "vision" / model, messages)
            except Exception as error:  # the template refuses, say
                print(f"{model} {name}: {error!r}"[:300], file=sys.stderr)
                continue
            made["cases"].append({"model": model, "conversation": name,
                                  "messages": messages, **result})
            print(model, name, len(result["ids"]), result["min_top2_gap"])
    out.write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

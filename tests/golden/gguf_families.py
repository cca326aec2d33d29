"""Which architecture of llama.cpp stands for a model type, and what its converter
does to their values.

SPDX-License-Identifier: Apache-2.0
"""

import json
import struct

ARCHITECTURES = {
    "afmoe": "afmoe", "arcee": "arcee", "bailing_moe": "bailingmoe2",
    "bloom": "bloom", "dots1": "dots1", "falcon": "falcon",
    "hunyuan_v1_dense": "hunyuan-dense", "hunyuan_v1_moe": "hunyuan-moe",
    "jais2": "jais2", "lfm2_moe": "lfm2moe", "llama4_text": "llama4",
    "minimax_m2": "minimax-m2", "ministral3": "mistral3", "mpt": "mpt",
    "nemotron_h": "nemotron_h", "qwen": "qwen", "apertus": "apertus",
    "exaone_moe": "exaone-moe", "modernbert": "modern-bert",
    "deepseek": "deepseek", "ernie4_5_moe": "ernie4_5-moe", "exaone": "exaone",
    "exaone4": "exaone4", "falcon_h1": "falcon-h1", "falcon_mamba": "mamba", "mamba": "mamba",
    "minicpm": "minicpm", "nemotron": "nemotron",
    "eurobert": "eurobert", "nomic_bert": "nomic-bert", "olmo": "olmo",
    "seed_oss": "seed_oss", "cohere": "command-r", "cohere2": "cohere2", "deepseek_v2": "deepseek2",
    "deepseek_v3": "deepseek2", "ernie4_5": "ernie4_5", "gemma": "gemma",
    "gemma2": "gemma2", "gemma3_text": "gemma3",
    "gemma3n_text": "gemma3n", "gemma4_text": "gemma4", "glm4": "glm4",
    "glm4_moe": "glm4moe", "gpt2": "gpt2", "gpt_bigcode": "starcoder",
    "gpt_neox": "gptneox", "gpt_oss": "gpt-oss", "granite": "granite",
    "granitemoe": "granitemoe", "granitemoehybrid": "granitehybrid",
    "jamba": "jamba", "mistral4": "mistral4",
    "minicpm3": "minicpm3", "lfm2": "lfm2", "llama": "llama",
    "mamba2": "mamba2", "mistral": "llama", "mixtral": "llama",
    "olmo2": "olmo2", "olmoe": "olmoe", "phi": "phi2", "phi3": "phi3",
    "phimoe": "phimoe", "qwen2": "qwen2", "qwen2_moe": "qwen2moe",
    "qwen3": "qwen3", "qwen3_moe": "qwen3moe",
    "qwen3_next": "qwen3next", "smollm3": "smollm3",
    "stablelm": "stablelm", "starcoder2": "starcoder2"}
INTERLEAVED = {"llama", "granite", "granitemoe", "smollm3", "deepseek",
               "minicpm", "olmo", "granitehybrid", "arcee", "mistral3",
               "bailingmoe"}
SHIFTED = {"gemma", "gemma2", "gemma3", "nemotron", "qwen3next"}
STATE_SPACES = ("mamba", "mamba2")


def read_header(folder):
    shapes = {}
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as file:
            size, = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
        header.pop("__metadata__", None)
        shapes.update({name: row["shape"] for name, row in header.items()})
    return shapes

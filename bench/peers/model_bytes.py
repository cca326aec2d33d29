#!/usr/bin/env python3
"""What one decode step reads of a model, as one JSON object.

SPDX-License-Identifier: Apache-2.0

usage: model_bytes.py MODEL.gguf|FOLDER

weight_bytes: of all tensors, each once; a table of embeddings that is not the
output matrix, too, is left out, for a step reads a row of it.
kv_bytes_per_position: keys and values of all layers at 16 bits.
"""

import json
import pathlib
import struct
import sys

import gguf


def of_gguf(path):
    reader = gguf.GGUFReader(path)
    kind = reader.get_field("general.architecture").contents()

    def field(name):
        found = reader.get_field(f"{kind}.{name}")
        return found.contents() if found else None

    sizes = {tensor.name: int(tensor.n_bytes) for tensor in reader.tensors}
    if "output.weight" in sizes:
        del sizes["token_embd.weight"]
    heads = field("attention.head_count")
    size = (field("attention.key_length")
            or field("embedding_length") // heads)
    return sum(sizes.values()), 4 * size * field("block_count") * (
        field("attention.head_count_kv") or heads)


def of_folder(path):
    config = json.loads((path / "config.json").read_text())
    total = 0
    for file in path.glob("*.safetensors"):
        with open(file, "rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        for name, tensor in header.items():
            begin, end = tensor["data_offsets"]
            if "embed_tokens" not in name or config["tie_word_embeddings"]:
                total += end - begin
    heads = config["num_attention_heads"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    return total, 4 * size * config["num_hidden_layers"] * config.get(
        "num_key_value_heads", heads)


def main():
    path = pathlib.Path(sys.argv[1])
    weights, kv = of_folder(path) if path.is_dir() else of_gguf(path)
    print(json.dumps({"weight_bytes": weights, "kv_bytes_per_position": kv}))


if __name__ == "__main__":
    main()

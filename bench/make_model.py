#!/usr/bin/env python3
"""Makes seeded random-weight models of real shapes, for measuring speed.

SPDX-License-Identifier: Apache-2.0

usage: bench/make_model.py SHAPE FORMAT [--folder .deps/bench-models]
           [--seed N]

SHAPE is a name below; FORMAT is mlx4 (MLX, 4 bits, groups of 64), hf-bf16
(safetensors), q4_0, q8_0 or bf16 (GGUF). Runs in the environment that
bench/peers/setup makes, prints the path of the model, and leaves an existing
one alone. Quantised blocks are drawn as such: their values have mean zero and
the deviation that keeps activations near one. One tensor is in memory at a
time.
"""

import argparse
import json
import math
import pathlib
import shutil
import struct
import zlib

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
FORMATS = ("mlx4", "hf-bf16", "q4_0", "q8_0", "bf16")
GROUP = 64  # of mlx4

# The fields of each model's published config.json that shape the work.
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"],
         "hidden_act": "silu", "tie_word_embeddings": True,
         "attention_bias": False, "mlp_bias": False, "rms_norm_eps": 1e-5}
QWEN3 = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"],
         "hidden_act": "silu", "tie_word_embeddings": True,
         "attention_bias": False, "rms_norm_eps": 1e-6,
         "rope_theta": 1000000.0, "max_position_embeddings": 40960,
         "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936}
SHAPES = {
    "smollm2-135m": LLAMA | {
        "hidden_size": 576, "intermediate_size": 1536,
        "num_hidden_layers": 30, "num_attention_heads": 9,
        "num_key_value_heads": 3, "head_dim": 64, "vocab_size": 49152,
        "rope_theta": 100000.0, "max_position_embeddings": 8192},
    "qwen3-0.6b": QWEN3 | {
        "hidden_size": 1024, "intermediate_size": 3072,
        "num_hidden_layers": 28, "num_attention_heads": 16},
    "llama-3.2-1b": LLAMA | {
        "hidden_size": 2048, "intermediate_size": 8192,
        "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 128256,
        "rope_theta": 500000.0, "max_position_embeddings": 131072,
        "rope_scaling": {"rope_type": "llama3", "factor": 32.0,
                         "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 8192}},
    "qwen3-4b": QWEN3 | {
        "hidden_size": 2560, "intermediate_size": 9728,
        "num_hidden_layers": 36, "num_attention_heads": 32},
}


def tensors_of(config):
    """(checkpoint name, GGUF name, shape) of every weight."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    size = config["head_dim"]
    query = config["num_attention_heads"] * size
    keys = config["num_key_value_heads"] * size
    found = [("model.embed_tokens", "token_embd",
              (config["vocab_size"], hidden)),
             ("model.norm", "output_norm", (hidden,))]
    parts = [("input_layernorm", "attn_norm", (hidden,)),
             ("post_attention_layernorm", "ffn_norm", (hidden,)),
             ("self_attn.q_proj", "attn_q", (query, hidden)),
             ("self_attn.k_proj", "attn_k", (keys, hidden)),
             ("self_attn.v_proj", "attn_v", (keys, hidden)),
             ("self_attn.o_proj", "attn_output", (hidden, query)),
             ("mlp.gate_proj", "ffn_gate", (inner, hidden)),
             ("mlp.up_proj", "ffn_up", (inner, hidden)),
             ("mlp.down_proj", "ffn_down", (hidden, inner))]
    if config["model_type"] == "qwen3":
        parts += [("self_attn.q_norm", "attn_q_norm", (size,)),
                  ("self_attn.k_norm", "attn_k_norm", (size,))]
    for layer in range(config["num_hidden_layers"]):
        found += [(f"model.layers.{layer}.{name}", f"blk.{layer}.{short}",
                   shape) for name, short, shape in parts]
    return found


class Random:
    """Each tensor has a stream of its own, whatever the order of writing."""

    def __init__(self, seed):
        self.seed = seed

    def stream(self, name):
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def scales(self, stream, shape, columns, levels):
        """Of blocks whose `levels` have a deviation of `levels` before."""
        wide = stream.uniform(0.5, 1.5, shape) / (levels * math.sqrt(columns))
        return wide * stream.choice(np.array([-1.0, 1.0]), shape)


def to_bf16(values):
    return (values.astype(np.float32).view(np.uint32) >> 16).astype("<u2")


def bf16_matrix(random, name, shape):
    stream = random.stream(name)
    rows, columns = shape
    out = np.empty(shape, "<u2")
    for first in range(0, rows, 4096):
        part = out[first:first + 4096]
        part[:] = to_bf16(stream.standard_normal(part.shape, np.float32)
                          / np.float32(math.sqrt(columns)))
    return out


def q4_0_matrix(random, name, shape):
    """Blocks of 32: a float16 scale, then 16 bytes with two values each."""
    stream = random.stream(name)
    rows, columns = shape
    out = np.empty((rows, columns // 32, 18), np.uint8)
    scales = random.scales(stream, out.shape[:2], columns, 4.61)
    out[..., :2] = scales.astype("<f2")[..., None].view(np.uint8)
    out[..., 2:] = stream.integers(0, 256, (*out.shape[:2], 16), np.uint8)
    return out.reshape(rows, -1)


def q8_0_matrix(random, name, shape):
    stream = random.stream(name)
    rows, columns = shape
    out = np.empty((rows, columns // 32, 34), np.uint8)
    scales = random.scales(stream, out.shape[:2], columns, 73.3)
    out[..., :2] = scales.astype("<f2")[..., None].view(np.uint8)
    values = stream.integers(-127, 128, (*out.shape[:2], 32), np.int8)
    out[..., 2:] = values.view(np.uint8)
    return out.reshape(rows, -1)


def mlx4_matrix(random, name, shape):
    """(weight, scales, biases) of MLX's affine quantisation."""
    stream = random.stream(name)
    rows, columns = shape
    scales = to_bf16(random.scales(stream, (rows, columns // GROUP), columns,
                                   4.61))
    exact = (scales.astype(np.uint32) << 16).view(np.float32)
    packed = stream.integers(0, 1 << 32, (rows, columns // 8), np.uint32)
    return packed, scales, to_bf16(-7.5 * exact)


def byte_alphabet():
    """The characters that byte-level vocabularies write bytes as."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain}
    letters |= {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]


END_TOKEN = "<|end|>"


def vocabulary(count):
    """Tokens and merges: bytes, a few pairs, one end token, padding."""
    merges = [("t", "h"), ("h", "e"), ("i", "n"), ("e", "r")]
    tokens = [*byte_alphabet(), *(a + b for a, b in merges), END_TOKEN]
    tokens += [f"[PAD{i}]" for i in range(len(tokens), count)]
    return tokens, [f"{a} {b}" for a, b in merges]


def write_tokenizer(folder, config):
    tokens, merges = vocabulary(config["vocab_size"])
    end = tokens.index(END_TOKEN)
    byte_level = {"type": "ByteLevel", "add_prefix_space": False,
                  "trim_offsets": True, "use_regex": True}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": end, "content": END_TOKEN, "special": True,
                          "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False}],
        "normalizer": None, "pre_tokenizer": byte_level,
        "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False,
                  "byte_fallback": False,
                  "vocab": {token: i for i, token in enumerate(tokens)},
                  "merges": merges}}))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast",
         "eos_token": END_TOKEN}))


def write_safetensors(path, layout, arrays):
    """`layout`: name -> (type, shape, bytes), `arrays` in the same order."""
    header, offset = {}, 0
    for name, (kind, shape, size) in layout.items():
        header[name] = {"dtype": kind, "shape": shape,
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps({"__metadata__": {"format": "mlx"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            array.tofile(file)


def folder_layout(config, quantised):
    layout = {}
    for name, _, shape in tensors_of(config):
        if len(shape) == 1:
            layout[name + ".weight"] = ("BF16", shape, 2 * shape[0])
        elif not quantised:
            layout[name + ".weight"] = ("BF16", shape, 2 * math.prod(shape))
        else:
            rows, columns = shape
            layout[name + ".weight"] = ("U32", (rows, columns // 8),
                                        rows * columns // 2)
            for part in (".scales", ".biases"):
                layout[name + part] = ("BF16", (rows, columns // GROUP),
                                       2 * rows * columns // GROUP)
    return layout


def folder_arrays(config, random, quantised):
    for name, _, shape in tensors_of(config):
        if len(shape) == 1:
            yield to_bf16(np.ones(shape))
        elif quantised:
            yield from mlx4_matrix(random, name, shape)
        else:
            yield bf16_matrix(random, name, shape)


def make_folder(path, config, random, quantised):
    path.mkdir(parents=True)
    published = config | {"torch_dtype": "bfloat16",
                          "bos_token_id": None, "eos_token_id": 260}
    if quantised:
        published["quantization"] = {"group_size": GROUP, "bits": 4}
    (path / "config.json").write_text(json.dumps(published, indent=2))
    write_tokenizer(path, config)
    write_safetensors(path / "model.safetensors",
                      folder_layout(config, quantised),
                      folder_arrays(config, random, quantised))


def add_metadata(writer, config, kind):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(kind)
    tokens, merges = vocabulary(config["vocab_size"])
    end = tokens.index(END_TOKEN)
    types = [gguf.TokenType.NORMAL if i < end else gguf.TokenType.UNUSED
             for i in range(len(tokens))]
    types[end] = gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)


def llama3_factors(config):
    """GGUF stores what llama3's scaling divides each frequency by."""
    scaling = config["rope_scaling"]
    dims = config["head_dim"]
    frequency = config["rope_theta"] ** -(np.arange(0, dims, 2) / dims)
    turns = scaling["original_max_position_embeddings"] * frequency / (
        2 * math.pi)
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    smooth = np.clip((turns - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / scaling["factor"] + smooth)).astype("<f4")


def make_gguf(path, config, random, form):
    kind = {"q4_0": gguf.GGMLQuantizationType.Q4_0,
            "q8_0": gguf.GGMLQuantizationType.Q8_0,
            "bf16": gguf.GGMLQuantizationType.BF16}[form]
    file_type = {"q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
                 "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
                 "bf16": gguf.LlamaFileType.MOSTLY_BF16}[form]
    make = {"q4_0": q4_0_matrix, "q8_0": q8_0_matrix,
            "bf16": bf16_matrix}[form]
    block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, config["model_type"])
    add_metadata(writer, config, file_type)
    tensors = tensors_of(config)
    for _, name, shape in tensors:
        if len(shape) == 1:
            writer.add_tensor_info(name + ".weight", shape,
                                   np.dtype(np.float32), 4 * shape[0])
        else:
            bytes_shape = (shape[0], shape[1] // block * block_bytes)
            writer.add_tensor_info(name + ".weight", bytes_shape,
                                   np.dtype(np.uint8), math.prod(bytes_shape),
                                   raw_dtype=kind)
    factors = llama3_factors(config) if "rope_scaling" in config else None
    if factors is not None:
        writer.add_tensor_info("rope_freqs.weight", factors.shape,
                               factors.dtype, factors.nbytes)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, _, shape in tensors:
        writer.write_tensor_data(
            np.ones(shape, "<f4") if len(shape) == 1
            else make(random, name, shape).view(np.uint8))
    if factors is not None:
        writer.write_tensor_data(factors)
    writer.close()


def make_model(shape, form, folder, seed=0):
    """Path of the model, made if it is not there."""
    config = SHAPES[shape]
    if form in ("mlx4", "hf-bf16"):
        path = folder / f"{shape}-{form}"
    else:
        path = folder / f"{shape}-{form}.gguf"
    if path.exists():
        return path
    partial = path.with_name(path.name + ".partial")
    if partial.is_dir():
        shutil.rmtree(partial)
    random = Random(seed)
    if form in ("mlx4", "hf-bf16"):
        make_folder(partial, config, random, quantised=form == "mlx4")
    else:
        make_gguf(partial, config, random, form)
    partial.rename(path)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("format", choices=FORMATS)
    parser.add_argument("--folder", type=pathlib.Path,
                        default=ROOT / ".deps" / "bench-models")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(make_model(arguments.shape, arguments.format, arguments.folder,
                     arguments.seed))


if __name__ == "__main__":
    main()

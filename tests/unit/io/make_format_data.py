#!/usr/bin/env python3
"""Makes the small files of tests/data/formats: weights packed by others' code.

SPDX-License-Identifier: Apache-2.0

usage: make_format_data.py [OUT]

gguf_blocks.safetensors: for each block type TYPE.blocks, random bytes, and
TYPE.values, what the package gguf (0.19) makes of them.
packed.safetensors: for each CASE the tensors of a module m as checkpoints have
them, and CASE.values. MLX's modes are packed by mlx.core.quantize (0.32.4);
the others by the formulas of their documents.
"""

import pathlib
import sys

import gguf
import mlx.core as mx
import numpy as np
import safetensors.numpy

OUT = (pathlib.Path(__file__).resolve().parents[2] / "data" / "formats")
TYPES = """Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ1_S IQ1_M IQ2_XXS
IQ2_XS IQ2_S IQ3_XXS IQ3_S IQ4_NL IQ4_XS TQ1_0 TQ2_0 MXFP4""".split()


def make_blocks(random):
    arrays = {}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        _, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = []
        while len(blocks) < 3:
            block = random.integers(0, 256, (1, size), dtype=np.uint8)
            with np.errstate(all="ignore"):
                values = gguf.quants.dequantize(block, kind)
            if np.isfinite(values).all() and np.abs(values).max() < 1e30:
                blocks.append(block)
        blocks = np.concatenate(blocks)
        arrays[f"{name}.blocks"] = blocks
        arrays[f"{name}.values"] = gguf.quants.dequantize(
            blocks, kind).astype("float32")
    return arrays


def pack(codes, bits):
    """Rows of codes to rows of int32 words, from the lowest bit up."""
    rows = []
    for row in codes:
        stream = 0
        for i, code in enumerate(row):
            stream |= int(code) << (i * bits)
        words = (len(row) * bits + 31) // 32
        rows.append([(stream >> (32 * w)) & 0xffffffff for w in range(words)])
    return np.array(rows, "uint32").view("int32")


def make_gptq(random, bits, version, act_order, arrays, case):
    inputs, outputs, group = 64, 32, 32
    groups = inputs // group
    codes = random.integers(0, 2**bits, (inputs, outputs))
    zeros = random.integers(1, 2**bits, (groups, outputs))
    scales = random.uniform(0.01, 0.1, (groups, outputs)).astype("float16")
    g_idx = np.arange(inputs, dtype="int32") // group
    if act_order:
        g_idx = random.permutation(g_idx)
    arrays[f"{case}.m.qweight"] = pack(codes.T, bits).T.copy()
    arrays[f"{case}.m.qzeros"] = pack(zeros - (version == 1), bits)
    arrays[f"{case}.m.scales"] = scales
    arrays[f"{case}.m.g_idx"] = g_idx
    wide = scales.astype("float32")
    arrays[f"{case}.values"] = (
        (codes - zeros[g_idx]) * wide[g_idx]).T.astype("float32").copy()


def make_awq(random, arrays, case):
    inputs, outputs, group = 64, 32, 32
    groups = inputs // group
    order = [0, 2, 4, 6, 1, 3, 5, 7]

    def pack_awq(codes):
        turned = codes.reshape(len(codes), -1, 8)[:, :, order]
        return pack(turned.reshape(len(codes), -1), 4)

    codes = random.integers(0, 16, (inputs, outputs))
    zeros = random.integers(0, 16, (groups, outputs))
    scales = random.uniform(0.01, 0.1, (groups, outputs)).astype("float16")
    arrays[f"{case}.m.qweight"] = pack_awq(codes)
    arrays[f"{case}.m.qzeros"] = pack_awq(zeros)
    arrays[f"{case}.m.scales"] = scales
    wide = scales.astype("float32").repeat(group, 0)
    arrays[f"{case}.values"] = (
        (codes - zeros.repeat(group, 0)) * wide).T.astype("float32").copy()


def make_compressed(random, arrays):
    outputs, inputs, group = 16, 64, 32
    groups = inputs // group
    scales = random.uniform(0.01, 0.1, (outputs, groups)).astype("float16")
    wide = scales.astype("float32").repeat(group, 1)
    codes = random.integers(-8, 8, (outputs, inputs))
    zeros = random.integers(-8, 8, (outputs, groups))
    for case, zero in (("ct-sym", None), ("ct-asym", zeros)):
        arrays[f"{case}.m.weight_packed"] = pack(codes + 8, 4)
        arrays[f"{case}.m.weight_scale"] = scales
        arrays[f"{case}.m.weight_shape"] = np.array([outputs, inputs], "int64")
        shift = 0
        if zero is not None:
            arrays[f"{case}.m.weight_zero_point"] = pack(
                zero.T + 8, 4).T.copy()
            shift = zero.repeat(group, 1)
        arrays[f"{case}.values"] = ((codes - shift) * wide).astype("float32")
    weight = random.integers(-127, 128, (outputs, inputs)).astype("int8")
    row_scales = random.uniform(0.01, 0.1, (outputs, 1)).astype("float32")
    arrays["ct-int8.m.weight"] = weight
    arrays["ct-int8.m.weight_scale"] = row_scales
    arrays["ct-int8.values"] = weight * row_scales


def make_other_groups(random, arrays):
    """Groups, shapes and zeros beside the usual ones."""
    outputs = 16
    for case, bits, inputs, group in (
            ("ct-5", 5, 64, 32), ("ct-6", 6, 64, 32), ("ct-odd", 4, 100, 20),
            ("ct-mixed", 8, 64, 32)):
        groups = inputs // group
        half = 2**(bits - 1)
        codes = random.integers(-half, half, (outputs, inputs))
        zeros = random.integers(-half, half, (outputs, groups))
        scales = random.uniform(0.01, 0.1, (outputs, groups)).astype("float16")
        arrays[f"{case}.m.weight_packed"] = pack(codes + half, bits)
        arrays[f"{case}.m.weight_scale"] = scales
        arrays[f"{case}.m.weight_shape"] = np.array([outputs, inputs], "int64")
        arrays[f"{case}.m.weight_zero_point"] = pack(
            zeros.T + half, bits).T.copy()
        arrays[f"{case}.values"] = (
            (codes - zeros.repeat(group, 1))
            * scales.astype("float32").repeat(group, 1)).astype("float32")
    for case, groups in (("ct-int8-asym", 1), ("ct-int8-group", 2)):
        codes = random.integers(-128, 128, (outputs, 64))
        zeros = random.integers(-128, 128, (outputs, groups))
        scales = random.uniform(0.01, 0.1, (outputs, groups)).astype("float32")
        arrays[f"{case}.m.weight"] = codes.astype("int8")
        arrays[f"{case}.m.weight_scale"] = scales
        arrays[f"{case}.m.weight_zero_point"] = zeros.astype("int8")
        arrays[f"{case}.values"] = (
            (codes - zeros.repeat(64 // groups, 1)).astype("float32")
            * scales.repeat(64 // groups, 1))
    inputs, group = 80, 32  # the last group has 16 columns
    codes = random.integers(0, 16, (inputs, 32))
    zeros = random.integers(1, 16, (3, 32))
    scales = random.uniform(0.01, 0.1, (3, 32)).astype("float16")
    g_idx = np.arange(inputs, dtype="int32") // group
    arrays["gptq-ragged.m.qweight"] = pack(codes.T, 4).T.copy()
    arrays["gptq-ragged.m.qzeros"] = pack(zeros - 1, 4)
    arrays["gptq-ragged.m.scales"] = scales
    arrays["gptq-ragged.m.g_idx"] = g_idx
    arrays["gptq-ragged.values"] = (
        (codes - zeros[g_idx]) * scales.astype("float32")[g_idx]
    ).T.astype("float32").copy()
    arrays["fp8-ct.m.weight"] = fp8_bytes(random, (20, 40))
    # Powers of two, which need no more digits than bfloat16 has.
    tiles = 2.0**random.integers(-9, -3, (3, 3)).astype("float32")
    arrays["fp8-ct.m.weight_scale"] = tiles.astype("float32")
    arrays["fp8-ct.values"] = (
        e4m3(arrays["fp8-ct.m.weight"])
        * tiles.repeat(8, 0).repeat(16, 1)[:20, :40]).astype("float32")


def e4m3(byte):
    """The format's definition: 1 sign, 4 exponent (bias 7), 3 mantissa bits."""
    byte = byte.astype("int64")
    exponent, mantissa = byte >> 3 & 15, byte & 7
    size = np.where(exponent == 0, mantissa * 2.0**-9,
                    (1 + mantissa / 8) * 2.0**(exponent - 7))
    return np.where(byte & 128, -size, size)


def fp8_bytes(random, shape):
    bytes_ = random.integers(0, 256, shape, dtype=np.uint8)
    return np.where(bytes_ & 0x7f == 0x7f, 0, bytes_).astype("uint8")


def make_fp8(random, arrays):
    weight = fp8_bytes(random, (20, 40))
    for case, shape, name in (("fp8-block", (3, 3), "weight_scale_inv"),
                              ("fp8-row", (20, 1), "weight_scale"),
                              ("fp8-tensor", (1,), "weight_scale")):
        scales = random.uniform(0.001, 0.1, shape).astype("float32")
        if case == "fp8-block":  # tiles of 8 rows and 16 columns
            spread = scales.repeat(8, 0).repeat(16, 1)[:20, :40]
        else:
            spread = scales
        arrays[f"{case}.m.weight"] = weight
        arrays[f"{case}.m.{name}"] = scales
        arrays[f"{case}.values"] = (
            e4m3(weight).astype("float32") * spread).astype("float32")


def make_nvfp4(random, arrays):
    values = np.array([0, .5, 1, 1.5, 2, 3, 4, 6])
    values = np.concatenate([values, -values])
    codes = random.integers(0, 16, (8, 64))
    scales = random.integers(8, 0x7e, (8, 4)).astype("uint8")
    arrays["ct-nvfp4.m.weight_packed"] = (
        codes[:, ::2] | codes[:, 1::2] << 4).astype("uint8")
    arrays["ct-nvfp4.m.weight_scale"] = scales
    arrays["ct-nvfp4.m.weight_global_scale"] = np.array([8.0], "float32")
    arrays["ct-nvfp4.values"] = (
        values[codes] * (e4m3(scales) / 8).repeat(16, 1)).astype("float32")


def make_mlx(random, arrays):
    weight = mx.array(random.standard_normal((8, 128)).astype("float32"))
    for mode, bits, group in [("affine", b, 32) for b in (2, 3, 4, 5, 6, 8)] + [
            ("mxfp4", 4, 32), ("mxfp8", 8, 32), ("nvfp4", 4, 16)]:
        case = f"mlx-{mode}{bits if mode == 'affine' else ''}"
        packed = mx.quantize(weight, group_size=group, bits=bits, mode=mode)
        for name, array in zip(("weight", "scales", "biases"), packed):
            arrays[f"{case}.m.{name}"] = np.array(array)
        arrays[f"{case}.values"] = np.array(mx.dequantize(
            *packed, group_size=group, bits=bits, mode=mode,
            dtype=mx.float32).astype(mx.float32))


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(5)
    safetensors.numpy.save_file(make_blocks(random),
                                out / "gguf_blocks.safetensors")
    arrays = {}
    for bits in (2, 3, 4, 8):
        make_gptq(random, bits, 1, False, arrays, f"gptq-{bits}")
    make_gptq(random, 4, 2, False, arrays, "gptq-v2")
    make_gptq(random, 4, 1, True, arrays, "gptq-act-order")
    make_awq(random, arrays, "awq")
    make_compressed(random, arrays)
    make_fp8(random, arrays)
    make_nvfp4(random, arrays)
    make_mlx(random, arrays)
    make_other_groups(np.random.default_rng(6), arrays)
    safetensors.numpy.save_file(arrays, out / "packed.safetensors")


if __name__ == "__main__":
    main()

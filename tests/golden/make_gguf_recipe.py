#!/usr/bin/env python3
"""Writes down how llama.cpp's converter would turn a text fixture into GGUF.

SPDX-License-Identifier: Apache-2.0

usage: make_gguf_recipe.py FIXTURES OUT

For each folder of FIXTURES whose architecture llama.cpp knows, OUT/NAME.json
says which metadata and tensors the file has, and what is done to the values on
the way. gguf_golden_test follows the recipe, and the model must give the
fixture's logits. Names of tensors and keys are those of the package gguf, of
which this was run with 0.19; the edits are transcribed from the converter.
Written by hand in the same form: baichuan (three parts of W_pack) and
minicpm-longrope (factors of 1, so that the fixture's logits stay).
"""

import json
import math
import pathlib
import re
import statistics
import sys

import gguf
import safetensors
from gguf_families import (ARCHITECTURES, INTERLEAVED, SHIFTED,
                           STATE_SPACES, read_header)

KEYS = gguf.Keys

class Recipe:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.shapes = read_header(folder)
        self.arch = ARCHITECTURES[self.config["model_type"]]
        if self.arch == "nemotron_h" and self.config.get("n_routed_experts"):
            self.arch = "nemotron_h_moe"
        self.metadata = [[KEYS.General.ARCHITECTURE, "string", self.arch]]
        self.tensors = []
        self.folder = folder
        if self.arch == "bailingmoe2" and not self.config.get("use_qk_norm"):
            self.arch = "bailingmoe"
        if self.config.get("alibi"):
            raise ValueError("not in llama.cpp")
        self.metadata[0][2] = self.arch
        self.metadata = [[KEYS.General.ARCHITECTURE, "string", self.arch]]
        self.tensors = []

    def get(self, *names, default=None):
        for name in names:
            if self.config.get(name) is not None:
                return self.config[name]
        return default

    def put(self, key, kind, value):
        if value is not None:
            key = key.format(arch=self.arch)
            self.metadata.append([key, kind, value])

    def size(self, key, value):
        self.put(key, "uint32", value)

    def number(self, key, value):
        self.put(key, "float32", value)

    def rope(self):
        config = self.config
        parameters = config.get("rope_parameters") or {}
        if "full_attention" in parameters:
            self.number(KEYS.Rope.FREQ_BASE,
                        parameters["full_attention"]["rope_theta"])
            parameters = parameters["full_attention"]
        else:
            base = self.get("rope_theta", "rotary_emb_base",
                            default=parameters.get("rope_theta"))
            alpha = (config.get("rope_scaling") or {}).get("alpha")
            if alpha is not None:
                size = self.head_dim()
                base *= alpha ** (size / (size - 2))
            self.number(KEYS.Rope.FREQ_BASE,
                        config.get("global_rope_theta", base))
            self.number(KEYS.Rope.FREQ_BASE_SWA,
                        config.get("local_rope_theta"))
        scaling = config.get("rope_scaling") or parameters
        kind = scaling.get("rope_type", scaling.get("type"))
        if kind in ("linear", "yarn"):
            self.put(KEYS.Rope.SCALING_TYPE, "string", kind)
            self.number(KEYS.Rope.SCALING_FACTOR, scaling.get("factor"))
            self.size(KEYS.Rope.SCALING_ORIG_CTX_LEN,
                      scaling.get("original_max_position_embeddings"))
            self.number(KEYS.Rope.SCALING_YARN_BETA_FAST,
                        scaling.get("beta_fast"))
            self.number(KEYS.Rope.SCALING_YARN_BETA_SLOW,
                        scaling.get("beta_slow"))
            if self.arch == "mistral4":
                self.number(KEYS.Attention.TEMPERATURE_SCALE,
                            scaling["llama_4_scaling_beta"])
            latent = self.arch in ("deepseek2", "mistral4")
            if latent and "mscale_all_dim" in scaling:
                self.number(KEYS.Rope.SCALING_YARN_LOG_MUL,
                            0.1 * scaling["mscale_all_dim"])
            if self.arch == "mistral3":
                self.number(KEYS.Attention.TEMPERATURE_SCALE,
                            scaling["llama_4_scaling_beta"])
                self.number(KEYS.Rope.SCALING_YARN_LOG_MUL,
                            scaling["mscale_all_dim"])
        if kind in ("longrope", "su"):
            self.longrope(scaling)
        if kind == "llama3" and self.arch in ("llama4", "apertus"):
            return self.slower_pairs(scaling)
        if kind == "llama3":
            raise ValueError("rope_freqs is covered by other fixtures")
        if config.get("scale_attn_by_inverse_layer_idx"):
            raise ValueError("GGUF does not say how scores are scaled")

    # By how much each pair turns more slowly.
    def slower_pairs(self, scaling):
        size = self.head_dim()
        factors = []
        for i in range(0, size, 2):
            turns = scaling["original_max_position_embeddings"] / (
                2 * math.pi * self.config["rope_theta"] ** (i / size))
            low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
            share = min(max((turns - low) / (high - low), 0), 1)
            factors.append(1 / ((1 - share) / scaling["factor"] + share))
        self.add("rope_freqs.weight", ["model.norm.weight"],
                 ["fill:" + ":".join(f"{factor:.9g}" for factor in factors)])

    def longrope(self, scaling):
        self.size(KEYS.Rope.SCALING_ORIG_CTX_LEN, self.get(
            "original_max_position_embeddings",
            default=scaling.get("original_max_position_embeddings")))
        if "short_mscale" in scaling:
            raise ValueError("amplitudes of their own")
        for name, field in (("long", "long_factor"), ("short", "short_factor")):
            self.tensors.append({"name": f"rope_factors_{name}.weight",
                                 "values": scaling[field]})

    def head_dim(self):
        heads = self.get("num_attention_heads", "n_head", "n_heads")
        return self.get("head_dim") or self.get("hidden_size", "n_embd",
                                                "d_model") // heads

    def sizes(self):
        layers = self.get("num_hidden_layers", "n_layer", "num_layers",
                          "n_layers")
        if self.config.get("hybrid_override_pattern"):
            layers = len(self.config["hybrid_override_pattern"])
        hidden = self.get("hidden_size", "n_embd", "d_model")
        self.layers = layers
        self.size(KEYS.LLM.BLOCK_COUNT, layers)
        self.size(KEYS.LLM.CONTEXT_LENGTH,
                  self.get("max_position_embeddings", "n_positions",
                           "max_seq_len"))
        self.size(KEYS.LLM.EMBEDDING_LENGTH, hidden)
        rms = self.get("rms_norm_eps", "norm_eps")
        if self.arch in STATE_SPACES or self.arch in (
                "exaone", "nemotron_h", "nemotron_h_moe", "qwen"):
            rms = self.get("layer_norm_epsilon")
        if self.arch in ("olmo", "modern-bert"):
            rms = None
        self.number(KEYS.Attention.LAYERNORM_RMS_EPS, rms)
        if rms is None:
            self.number(KEYS.Attention.LAYERNORM_EPS, self.get(
                "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon",
                "norm_eps", default=1e-5))
        elif self.arch == "nemotron":
            self.number(KEYS.Attention.LAYERNORM_EPS, rms)

    def attention(self):
        heads = self.get("num_attention_heads", "n_head", "n_heads")
        kv = self.get("num_key_value_heads", default=heads)
        if self.arch == "falcon":
            grouped = self.config["new_decoder_architecture"]
            kv = self.config["num_kv_heads"] if grouped else 1
        if self.config["model_type"] == "gpt_bigcode":
            kv = 1 if self.config.get("multi_query", True) else heads
        self.size(KEYS.Attention.HEAD_COUNT, heads)
        pattern = self.config.get("hybrid_override_pattern")
        if pattern:
            self.put(KEYS.Attention.HEAD_COUNT_KV, "uint32s",
                     [kv if kind == "*" else 0 for kind in pattern])
        elif self.arch in ("lfm2", "lfm2moe"):
            attends = [t == "full_attention" for t in self.config["layer_types"]]
            self.put(KEYS.Attention.HEAD_COUNT_KV, "uint32s",
                     [kv if a else 0 for a in attends])
        elif self.arch == "granitehybrid":
            self.put(KEYS.Attention.HEAD_COUNT_KV, "uint32s",
                     [kv if t == "attention" else 0
                      for t in self.config["layer_types"]])
        elif self.arch == "jamba":
            period = self.config["attn_layer_period"]
            offset = self.config["attn_layer_offset"]
            self.put(KEYS.Attention.HEAD_COUNT_KV, "uint32s",
                     [kv if i % period == offset else 0
                      for i in range(self.layers)])
        elif self.config.get("num_global_key_value_heads"):
            self.put(KEYS.Attention.HEAD_COUNT_KV, "uint32s",
                     [self.config["num_global_key_value_heads"]
                      if kind == "full_attention" else kv
                      for kind in self.config["layer_types"]])
        else:
            self.size(KEYS.Attention.HEAD_COUNT_KV, kv)
        latent = self.arch in ("deepseek2", "mistral4")
        if self.config.get("head_dim") and not latent:
            size = self.get("global_head_dim", default=self.head_dim())
            self.size(KEYS.Attention.KEY_LENGTH, size)
            self.size(KEYS.Attention.VALUE_LENGTH, size)
        uses = self.config.get("use_sliding_window", True)
        if uses and self.config.get("sliding_window"):
            self.size(KEYS.Attention.SLIDING_WINDOW,
                      self.config["sliding_window"])
        if self.arch == "modern-bert":
            self.size(KEYS.Attention.SLIDING_WINDOW,
                      self.config["local_attention"])
            self.size(KEYS.Attention.SLIDING_WINDOW_PATTERN,
                      self.config["global_attn_every_n_layers"])
        elif self.arch == "dots1":
            # Which layers slide, files of published models need not say.
            first = self.config["max_window_layers"]
            self.put(KEYS.Attention.SLIDING_WINDOW_PATTERN, "bools",
                     [i >= first for i in range(self.layers)])
        elif self.arch == "llama4":
            self.size(KEYS.Attention.SLIDING_WINDOW,
                      self.config["attention_chunk_size"])
            self.put(KEYS.Attention.SLIDING_WINDOW_PATTERN, "bools",
                     [bool(i) for i in self.config["no_rope_layers"]])
            self.size(KEYS.Attention.TEMPERATURE_LENGTH,
                      self.config["floor_scale"])
            self.number(KEYS.Attention.TEMPERATURE_SCALE,
                        self.config["attn_scale"])
        elif "sliding_attention" in self.config.get("layer_types", []):
            self.put(KEYS.Attention.SLIDING_WINDOW_PATTERN, "bools",
                     [t == "sliding_attention"
                      for t in self.config["layer_types"]])
        else:
            self.size(KEYS.Attention.SLIDING_WINDOW_PATTERN,
                      self.config.get("sliding_window_pattern"))
        if self.config.get("rotary_dim"):
            self.size(KEYS.Rope.DIMENSION_COUNT, self.config["rotary_dim"])
        share = self.get("partial_rotary_factor", "rotary_pct")
        if share is not None and not latent:
            self.size(KEYS.Rope.DIMENSION_COUNT, int(self.head_dim() * share))
        inner = self.get("intermediate_size_mlp", "intermediate_size",
                         "n_inner", "ffn_hidden_size")
        if inner is None:
            inner = 4 * self.get("hidden_size", "n_embd", "d_model")
        if pattern:
            unit = "E" if self.arch == "nemotron_h_moe" else "-"
            inner = [inner if kind in ("-", unit) else 0 for kind in pattern]
        if self.arch == "lfm2":
            inner = self.shapes["model.layers.0.feed_forward.w1.weight"][0]
        if self.config.get("use_double_wide_mlp"):
            own = self.layers - self.config["num_kv_shared_layers"]
            inner = [inner * (1 + (i >= own)) for i in range(self.layers)]
        if isinstance(inner, list):
            self.put(KEYS.LLM.FEED_FORWARD_LENGTH, "uint32s", inner)
        else:
            self.size(KEYS.LLM.FEED_FORWARD_LENGTH, inner)
        self.rope()

    def experts(self):
        if self.arch in ("nemotron_h", "hunyuan-dense"):
            return
        count = self.get("num_local_experts", "num_experts", "n_routed_experts",
                         "moe_num_experts")
        if not count:
            return
        self.size(KEYS.LLM.EXPERT_COUNT, count)
        used = self.get("num_experts_per_tok", "experts_per_token",
                        "moe_k", "top_k_experts", "moe_topk")
        self.size(KEYS.LLM.EXPERT_USED_COUNT,
                  used[0] if isinstance(used, list) else used)
        inner = self.get("moe_intermediate_size")
        if self.arch in ("gpt-oss", "minimax-m2", "llama4", "hunyuan-moe"):
            inner = self.get("intermediate_size")
        self.size(KEYS.LLM.EXPERT_FEED_FORWARD_LENGTH, inner)
        shared = self.get("n_shared_experts", "moe_num_shared_experts",
                          "num_shared_experts", "num_shared_expert")
        shared = shared[0] if isinstance(shared, list) else shared
        size = self.get("shared_expert_intermediate_size",
                        "moe_shared_expert_intermediate_size")
        if self.arch == "bailingmoe2":
            size = inner * shared
        if self.arch == "hunyuan-moe":
            size = inner
        self.size(KEYS.LLM.EXPERT_SHARED_FEED_FORWARD_LENGTH, size)
        self.size(KEYS.LLM.EXPERT_SHARED_COUNT, shared)
        if self.arch == "lfm2moe":
            self.size(KEYS.LLM.LEADING_DENSE_BLOCK_COUNT,
                      self.get("num_dense_layers"))
            self.size(KEYS.LLM.EXPERT_GATING_FUNC, 2)
        if self.arch == "llama4":
            self.size(KEYS.LLM.INTERLEAVE_MOE_LAYER_STEP,
                      self.get("interleave_moe_layer_step"))
        if self.arch in ("afmoe", "bailingmoe", "bailingmoe2", "dots1",
                         "exaone-moe", "nemotron_h_moe"):
            self.size(KEYS.LLM.LEADING_DENSE_BLOCK_COUNT, self.get(
                "first_k_dense_replace", "num_dense_layers"))
            self.number(KEYS.LLM.EXPERT_WEIGHTS_SCALE, self.get(
                "routed_scaling_factor", "route_scale"))
            self.put(KEYS.LLM.EXPERT_WEIGHTS_NORM, "bool",
                     self.get("norm_topk_prob", "route_norm"))
            if self.get("n_group", default=1) > 1:
                self.size(KEYS.LLM.EXPERT_GROUP_COUNT, self.get("n_group"))
                self.size(KEYS.LLM.EXPERT_GROUP_USED_COUNT,
                          self.get("topk_group"))
        if self.arch == "ernie4_5-moe":
            self.size(KEYS.LLM.LEADING_DENSE_BLOCK_COUNT,
                      self.get("moe_layer_start_index"))
            self.size(KEYS.LLM.INTERLEAVE_MOE_LAYER_STEP,
                      self.get("moe_layer_interval"))
        if self.arch == "deepseek":
            self.size(KEYS.LLM.LEADING_DENSE_BLOCK_COUNT,
                      self.get("first_k_dense_replace"))
            self.number(KEYS.LLM.EXPERT_WEIGHTS_SCALE, 1.0)
        if self.arch in ("deepseek2", "glm4moe", "mistral4"):
            self.size(KEYS.LLM.LEADING_DENSE_BLOCK_COUNT,
                      self.get("first_k_dense_replace"))
            self.number(KEYS.LLM.EXPERT_WEIGHTS_SCALE,
                        self.get("routed_scaling_factor"))
            self.put(KEYS.LLM.EXPERT_WEIGHTS_NORM, "bool",
                     self.get("norm_topk_prob"))
            sigmoid = self.config["model_type"] not in ("deepseek_v2",
                                                        "mistral4")
            self.size(KEYS.LLM.EXPERT_GATING_FUNC, 2 if sigmoid else 1)
            if self.get("n_group", default=1) > 1:
                self.size(KEYS.LLM.EXPERT_GROUP_COUNT, self.get("n_group"))
                self.size(KEYS.LLM.EXPERT_GROUP_USED_COUNT,
                          self.get("topk_group"))

    def family(self):
        config, arch = self.config, self.arch
        if arch in ("deepseek2", "mistral4"):
            nope, rope = config["qk_nope_head_dim"], config["qk_rope_head_dim"]
            latent = config["kv_lora_rank"]
            self.size(KEYS.Attention.Q_LORA_RANK, config.get("q_lora_rank"))
            self.size(KEYS.Attention.KV_LORA_RANK, latent)
            self.size(KEYS.Attention.KEY_LENGTH, latent + rope)
            self.size(KEYS.Attention.VALUE_LENGTH, latent)
            self.size(KEYS.Attention.KEY_LENGTH_MLA, nope + rope)
            self.size(KEYS.Attention.VALUE_LENGTH_MLA, config["v_head_dim"])
            self.size(KEYS.Rope.DIMENSION_COUNT, rope)
        if arch in ("command-r", "cohere2"):
            self.number(KEYS.LLM.LOGIT_SCALE, config["logit_scale"])
        if arch in ("eurobert", "nomic-bert"):
            self.size(KEYS.LLM.POOLING_TYPE, 1)
        if arch == "gemma3n":
            self.gemma3n()
        if arch == "gemma4":
            self.gemma4()
        if arch == "modern-bert":
            self.size(KEYS.LLM.POOLING_TYPE, 1)
        if arch == "apertus":
            self.xielu()
        if arch == "mpt":
            attention = config.get("attn_config") or {}
            self.number(KEYS.Attention.CLAMP_KQV, attention.get("clip_qkv"))
            self.number(KEYS.Attention.MAX_ALIBI_BIAS,
                        attention.get("alibi_bias_max", 8))
        if arch in ("nemotron_h", "nemotron_h_moe"):
            heads = config["mamba_num_heads"]
            self.size(KEYS.SSM.CONV_KERNEL, config["conv_kernel"])
            self.size(KEYS.SSM.INNER_SIZE, heads * config["mamba_head_dim"])
            self.size(KEYS.SSM.STATE_SIZE, config["ssm_state_size"])
            self.size(KEYS.SSM.TIME_STEP_RANK, heads)
            self.size(KEYS.SSM.GROUP_COUNT, config["n_groups"])
        if arch == "jamba":
            self.size(KEYS.SSM.CONV_KERNEL, config["mamba_d_conv"])
            self.size(KEYS.SSM.INNER_SIZE,
                      config["mamba_expand"] * config["hidden_size"])
            self.size(KEYS.SSM.STATE_SIZE, config["mamba_d_state"])
            self.size(KEYS.SSM.TIME_STEP_RANK, config["mamba_dt_rank"])
        if arch in ("gemma2", "gemma3"):
            # The published sizes follow from others; fixtures need the key.
            self.number(KEYS.Attention.SCALE,
                        config["query_pre_attn_scalar"] ** -0.5)
            self.number(KEYS.Rope.FREQ_BASE_SWA,
                        config.get("rope_local_base_freq"))
            self.number(KEYS.LLM.ATTN_LOGIT_SOFTCAPPING,
                        config.get("attn_logit_softcapping"))
            self.number(KEYS.LLM.FINAL_LOGIT_SOFTCAPPING,
                        config.get("final_logit_softcapping"))
        if arch == "minicpm3":
            self.size(KEYS.Attention.Q_LORA_RANK, config.get("q_lora_rank"))
            self.size(KEYS.Attention.KV_LORA_RANK, config["kv_lora_rank"])
            self.size(KEYS.Attention.KEY_LENGTH, config["qk_nope_head_dim"] +
                      config["qk_rope_head_dim"])
            self.size(KEYS.Rope.DIMENSION_COUNT, config["qk_rope_head_dim"])
        if arch in ("granitehybrid", "falcon-h1"):
            self.size(KEYS.SSM.CONV_KERNEL, config["mamba_d_conv"])
            self.size(KEYS.SSM.INNER_SIZE, config.get(
                "mamba_d_ssm", config["mamba_expand"] * config["hidden_size"]))
            self.size(KEYS.SSM.STATE_SIZE, config["mamba_d_state"])
            self.size(KEYS.SSM.TIME_STEP_RANK, config["mamba_n_heads"])
            self.size(KEYS.SSM.GROUP_COUNT, config["mamba_n_groups"])
        if arch == "qwen3next":
            values = config["linear_num_value_heads"]
            self.size(KEYS.SSM.CONV_KERNEL, config["linear_conv_kernel_dim"])
            self.size(KEYS.SSM.INNER_SIZE,
                      values * config["linear_value_head_dim"])
            self.size(KEYS.SSM.STATE_SIZE, config["linear_key_head_dim"])
            self.size(KEYS.SSM.TIME_STEP_RANK, values)
            self.size(KEYS.SSM.GROUP_COUNT, config["linear_num_key_heads"])
            self.size("{arch}.full_attention_interval",
                      config["full_attention_interval"])
        if arch == "granitehybrid":
            self.size(KEYS.LLM.EXPERT_SHARED_FEED_FORWARD_LENGTH,
                      config["shared_intermediate_size"])
            # The converter says no but of Bamba; a fixture rotates, too.
            self.put(KEYS.Rope.SCALING_FINETUNED, "bool",
                     config["position_embedding_type"] == "rope")
        if arch in ("granite", "granitemoe", "granitehybrid"):
            self.number(KEYS.LLM.EMBEDDING_SCALE,
                        config["embedding_multiplier"])
            self.number(KEYS.LLM.RESIDUAL_SCALE, config["residual_multiplier"])
            self.number(KEYS.Attention.SCALE, config["attention_multiplier"])
            self.number(KEYS.LLM.LOGIT_SCALE, config["logits_scaling"])
        if arch in ("lfm2", "lfm2moe"):
            self.size(KEYS.ShortConv.L_CACHE, config["conv_L_cache"])
        if arch in ("gptneox", "stablelm"):
            parallel = config.get("use_parallel_residual", arch == "gptneox")
            self.put(KEYS.LLM.USE_PARALLEL_RESIDUAL, "bool", parallel)
        if arch in ("minicpm", "minicpm3"):
            # minicpm3 has no such keys: the published numbers are constants
            # of llama.cpp, and fixtures have others.
            layers, hidden = config["num_hidden_layers"], config["hidden_size"]
            self.number(KEYS.LLM.EMBEDDING_SCALE, config["scale_emb"])
            self.number(KEYS.LLM.RESIDUAL_SCALE,
                        config["scale_depth"] / layers ** 0.5)
            self.number(KEYS.LLM.LOGIT_SCALE, hidden / config["dim_model_base"])
        if arch == "olmo":
            self.number(KEYS.Attention.CLAMP_KQV, config.get("clip_qkv"))
        if arch == "mamba":
            self.size(KEYS.SSM.CONV_KERNEL, config["conv_kernel"])
            self.size(KEYS.SSM.INNER_SIZE, config["intermediate_size"])
            self.size(KEYS.SSM.STATE_SIZE, config["state_size"])
            self.size(KEYS.SSM.TIME_STEP_RANK, config["time_step_rank"])
            self.put(KEYS.SSM.DT_B_C_RMS, "bool",
                     config["model_type"] == "falcon_mamba")
        if arch == "mamba2":
            self.size(KEYS.SSM.CONV_KERNEL, config["conv_kernel"])
            self.size(KEYS.SSM.INNER_SIZE,
                      config["num_heads"] * config["head_dim"])
            self.size(KEYS.SSM.STATE_SIZE, config["state_size"])
            self.size(KEYS.SSM.TIME_STEP_RANK, config["num_heads"])
            self.size(KEYS.SSM.GROUP_COUNT, config["n_groups"])

    # The numbers of each layer's activation.
    def xielu(self):
        with safetensors.safe_open(self.folder / "model.safetensors",
                                   "pt") as file:
            for name in ("alpha_p", "alpha_n", "beta", "eps"):
                self.metadata.append([f"xielu.{name}", "float32s", [
                    float(file.get_tensor(
                        f"model.layers.{i}.mlp.act_fn.{name}").float())
                    for i in range(self.layers)]])

    def gemma3n(self):
        config = self.config
        self.size(KEYS.LLM.ALTUP_ACTIVE_IDX, config["altup_active_idx"])
        self.size(KEYS.LLM.ALTUP_NUM_INPUTS, config["altup_num_inputs"])
        self.size(KEYS.LLM.EMBD_LENGTH_PER_LAYER_INP,
                  config["hidden_size_per_layer_input"])
        self.size(KEYS.Attention.SHARED_KV_LAYERS,
                  config["num_kv_shared_layers"])
        normal = statistics.NormalDist()
        # The converter stores minus infinity of 0, which JSON cannot say.
        self.put(KEYS.LLM.ACTIVATION_SPARSITY_SCALE, "float32s",
                 [normal.inv_cdf(share) if share else -1e30
                  for share in config["activation_sparsity_pattern"]])
        # A constant of llama.cpp, and the fixture has another.
        self.number(KEYS.Rope.FREQ_BASE_SWA, config["rope_local_base_freq"])

    def gemma4(self):
        config = self.config
        self.size(KEYS.Attention.SHARED_KV_LAYERS,
                  config["num_kv_shared_layers"])
        self.size(KEYS.LLM.EMBD_LENGTH_PER_LAYER_INP,
                  config["hidden_size_per_layer_input"])
        self.size(KEYS.Attention.KEY_LENGTH_SWA, config["head_dim"])
        self.size(KEYS.Attention.VALUE_LENGTH_SWA, config["head_dim"])
        self.number(KEYS.Rope.FREQ_BASE_SWA, config["rope_parameters"][
            "sliding_attention"]["rope_theta"])
        self.number(KEYS.LLM.FINAL_LOGIT_SOFTCAPPING,
                    config["final_logit_softcapping"])

    # A factor for each pair of a head that sees all: those that stay get one so
    # large that they do not turn.
    def gemma4_factors(self):
        half = self.config["global_head_dim"] // 2
        turning = int(half * self.config["rope_parameters"]["full_attention"][
            "partial_rotary_factor"])
        source = "model.norm.weight"
        self.add("rope_freqs.weight", [source],
                 ["fill:" + ":".join(["1"] * turning +
                                     ["1e30"] * (half - turning))])

    # What the converter does to the values of one tensor of the checkpoint.
    def edits(self, name):
        arch, config = self.arch, self.config
        heads = self.get("num_attention_heads", "n_head")
        if arch in INTERLEAVED and re.search(r"\.[qk]_proj\.", name):
            count = heads if ".q_proj." in name else self.get(
                "num_key_value_heads", default=heads)
            return [f"interleave:{count}"]
        inner_norm = name.endswith("linear_attn.norm.weight")
        if arch in SHIFTED and name.endswith("norm.weight") and not inner_norm:
            return ["add:1"]
        if arch in ("gptneox", "bloom") and "query_key_value" in name:
            return [f"joined_heads:{heads}"]
        if arch == "falcon" and "query_key_value" in name:
            kv = (config["num_kv_heads"] if config["new_decoder_architecture"]
                  else 1)
            return [f"joined_heads:{heads}:{kv}"]
        if arch == "gpt2" and re.search(
                r"(c_attn|c_proj|c_fc|c_proj)\.weight", name):
            return ["transpose"]
        if arch == "falcon-h1":
            factors = self.falcon_factors(name)
            if factors:
                return ["times:" + ":".join(f"{f:.9g}" for f in factors)]
        if arch in ("mamba", "qwen3next", "jamba") and name.endswith(".A_log"):
            return ["neg_exp"]
        if arch in ("mamba2", "granitehybrid", "falcon-h1", "nemotron_h",
                    "nemotron_h_moe"):
            if name.endswith(".A_log"):
                return ["neg_exp", "column"]
            if name.endswith(".D"):
                return ["column"]
            if name.endswith(("mixer.norm.weight", "mamba.norm.weight")):
                groups = self.get("n_groups", "mamba_n_groups")
                return [f"groups:{groups}"]
        if "conv" in name and name.endswith(".weight") and len(
                self.shapes[name]) == 3:
            return ["squeeze"]
        return []

    # One for all rows, or how many rows and their factor, again and again.
    def falcon_factors(self, name):
        config = self.config
        outer = config["attention_in_multiplier"]
        if "k_proj" in name:
            return [config["key_multiplier"] * outer]
        for part, factor in (
                ("down_proj", config["mlp_multipliers"][1]),
                ("gate_proj", config["mlp_multipliers"][0]),
                ("q_proj", outer), ("v_proj", outer),
                ("o_proj", config["attention_out_multiplier"]),
                ("out_proj", config["ssm_out_multiplier"]),
                ("lm_head", config["lm_head_multiplier"]),
                ("embed_tokens", config["embedding_multiplier"])):
            if part in name:
                return [factor]
        if "in_proj" not in name:
            return []
        inner = config["mamba_d_ssm"]
        shared = config["mamba_n_groups"] * config["mamba_d_state"]
        sizes = (inner, inner, shared, shared, config["mamba_n_heads"])
        return [number
                for size, factor in zip(sizes, config["ssm_multipliers"])
                for number in (size, factor * config["ssm_in_multiplier"])]

    def add(self, name, sources, edits):
        self.tensors.append({"name": name, "from": sources, "edits": edits})

    def map_tensors(self):
        kind = next(k for k, v in gguf.MODEL_ARCH_NAMES.items()
                    if v == self.arch)
        names = gguf.get_tensor_name_map(kind, self.layers)

        def mapped(name):
            found = self.direct_name(name) or names.get_name(
                name, try_suffixes=(".weight", ".bias"))
            if found is None:
                raise ValueError(f"no name for {name}")
            return found

        tied = self.config.get("tie_word_embeddings", False)
        stacks = {}
        norms = {}
        for name in sorted(self.shapes):
            expert = re.match(r"(.*\.experts)\.(\d+)\.(.*)", name)
            stream = re.match(r"(.*\.altup_\w*projections)\.(\d+)(\.weight)",
                              name)
            norm = re.match(r"(.*_layernorm)\.norms\.(\d+)\.weight", name)
            if expert:
                key = f"{expert[1]}.{expert[3]}"
                stacks.setdefault(key, []).append((int(expert[2]), name))
            elif stream:
                stacks.setdefault(stream[1] + stream[3], []).append(
                    (int(stream[2]), name))
            elif norm:
                norms.setdefault(norm[1] + ".weight", []).append(
                    (int(norm[2]), name))
            elif name.startswith("lm_head") and tied:
                continue
            elif name.endswith(("rotary_emb.inv_freq", ".attn.bias",
                                ".attn.masked_bias", ".attention.bias")):
                continue
            else:
                self.map_one(name, mapped)
        if tied and self.arch == "falcon-h1":
            # A tied head would lose its multiplier: files do not say it.
            self.add("output.weight", ["model.embed_tokens.weight"],
                     [f"times:{self.config['lm_head_multiplier']}"])
        for key, parts in (stacks | norms).items():
            self.add(mapped(key), [n for _, n in sorted(parts)], ["stack"])

    # What the converter renames before it looks names up.
    def direct_name(self, name):
        if name == "lm_head.weight":
            return "output.weight"
        layer = re.search(r"layers[.](\d+)[.]", name)
        if name.endswith(("expert_bias", "e_score_correction_bias")) and (
                self.arch not in ("deepseek2", "glm4moe", "ernie4_5-moe")):
            return f"blk.{layer[1]}.exp_probs_b.bias"
        plain = re.search(r"mlp[.](gate|up|down)_proj[.]weight$", name)
        if self.arch == "bailingmoe" and plain:
            return f"blk.{layer[1]}.ffn_{plain[1]}.weight"
        expert = re.search(r"experts[.](\w+)([.]weight)?$", name)
        direct = ("lfm2moe", "llama4", "nemotron_h_moe")
        if expert and self.arch in direct:
            part = {"w1": "gate", "w2": "down", "w3": "up"}.get(
                expert[1], expert[1].split("_")[0])
            ending = "shexp" if "shared_expert" in name else "exps"
            return f"blk.{layer[1]}.ffn_{part}_{ending}.weight"
        bloom = {"word_embeddings_layernorm": "token_embd_norm",
                 "post_attention_layernorm": "ffn_norm"}
        for part, target in bloom.items():
            if self.arch == "bloom" and part in name:
                number = re.search(r"h[.](\d+)[.]", name)
                prefix = f"blk.{number[1]}." if number else ""
                return prefix + target + "." + name.rsplit(".", 1)[1]
        return None

    def map_one(self, name, mapped):
        config = self.config
        if self.arch == "llama4" and name.endswith("experts.gate_up_proj"):
            for i, part in enumerate(("gate_proj", "up_proj")):
                target = name.replace("gate_up_proj", part)
                self.add(mapped(target), [name], ["transpose", f"chunk:{i}:2"])
            return None
        if self.arch == "llama4" and name.endswith("experts.down_proj"):
            return self.add(mapped(name), [name], ["transpose"])
        if name.endswith("expert_bias"):
            return self.add(mapped(name), [name], [])
        if ".act_fn." in name:
            return None
        if name == "lm_head.weight" and config.get("norm_head"):
            return self.add("output.weight", [name], ["unit_columns"])
        if self.arch == "bailingmoe" and "query_key_value" in name:
            return self.map_bailing_heads(name)
        if self.arch == "gpt-oss" and ".experts." in name:
            return self.map_gpt_oss(name, mapped)
        if self.arch == "granitehybrid" and "shared_mlp" in name:
            return self.map_shared_unit(name, mapped)
        hybrid = self.arch in ("granitemoe", "granitehybrid")
        if hybrid and "input_linear" in name:
            base = name[:name.index("block_sparse_moe")]
            for i, part in enumerate(("w1", "w3")):
                target = f"{base}block_sparse_moe.experts.{part}.weight"
                self.add(mapped(target), [name], [f"chunk:{i}:2"])
            return None
        if hybrid and "output_linear" in name:
            base = name[:name.index("block_sparse_moe")]
            return self.add(mapped(f"{base}block_sparse_moe.experts.w2.weight"),
                            [name], [])
        if self.arch in ("deepseek2", "mistral4") and name.endswith(
                "kv_b_proj.weight"):
            sizes = (f"{config['num_attention_heads']}:"
                     f"{config['qk_nope_head_dim']}:{config['v_head_dim']}")
            self.add(mapped(name.replace("kv_b_proj", "k_b_proj")), [name],
                     [f"k_b:{sizes}"])
            return self.add(mapped(name.replace("kv_b_proj", "v_b_proj")),
                            [name], [f"v_b:{sizes}"])
        # llama.cpp knows no layer of these without experts; the fixture has one.
        plain = re.match(r".*[.](\d+)[.]mlp[.](gate|up|down)_proj.weight", name)
        if self.arch == "qwen3next" and plain:
            return self.add(f"blk.{plain[1]}.ffn_{plain[2]}.weight", [name], [])
        if self.arch == "gemma4" and name.endswith("router.scale"):
            short = name.replace("router.scale", "router.proj")
            return self.add(mapped(short) + ".scale", [name], [])
        if name.endswith("router.per_expert_scale"):
            short = name.replace("router.per_expert_scale", "experts.down_proj")
            return self.add(mapped(short) + ".scale", [name], [])
        if name.endswith("layer_scalar"):
            return self.add(mapped(name) + ".weight", [name], [])
        if self.arch in ("gemma4", "mistral4") and ".experts." in name:
            return self.add(mapped(name) + ".weight", [name], [])
        if name.endswith("in_proj_qkvz.weight"):
            return self.map_delta_inputs(name)
        if name.endswith(".dt_bias"):
            return self.add(mapped(name.replace(".dt_bias", ".dt_proj.bias")),
                            [name], [])
        if name.endswith("moe_statics.e_score_correction_bias"):
            short = name.replace("_bias", "")
            return self.add(mapped(short) + ".bias", [name], [])
        if self.direct_name(name):
            return self.add(mapped(name), [name], self.edits(name))
        if name.endswith("e_score_correction_bias"):
            short = name.replace("e_score_correction_bias", "e_score_correction")
            return self.add(mapped(short + ".bias"), [name], [])
        if name.endswith("_scale"):
            return self.add(mapped(name + ".weight"), [name], [])
        if name.endswith(".sinks"):
            return self.add(mapped(name + ".weight"), [name], [])
        return self.add(mapped(name), [name], self.edits(name))

    # All queries, keys and values, and the gates apart; stored a key head after
    # the other.
    def map_delta_inputs(self, name):
        config = self.config
        heads, key = config["linear_num_key_heads"], config["linear_key_head_dim"]
        values = (config["linear_num_value_heads"] // heads *
                  config["linear_value_head_dim"])
        blocks = f"parts:{heads}:{2 * key + 2 * values}"
        layer = f"blk.{re.search(r'[.]([0-9]+)[.]', name)[1]}"
        self.add(f"{layer}.attn_qkv.weight", [name],
                 [f"{blocks}:0:{key}:{key}:{key}:{2 * key}:{values}"])
        self.add(f"{layer}.attn_gate.weight", [name],
                 [f"{blocks}:{2 * key + values}:{values}"])

    def map_bailing_heads(self, name):
        heads = self.config["num_attention_heads"]
        kv = self.config["num_key_value_heads"]
        size = self.head_dim()
        layer = re.search(r"layers[.](\d+)[.]", name)[1]
        first = 0
        for part, count in (("q", heads), ("k", kv), ("v", kv)):
            rows = [f"parts:1:{(heads + 2 * kv) * size}:{first}:{count * size}"]
            turn = [] if part == "v" else [f"interleave:{count}"]
            self.add(f"blk.{layer}.attn_{part}.weight", [name], rows + turn)
            first += count * size

    # Of experts, or all that a layer has.
    def map_shared_unit(self, name, mapped):
        base = name[:name.index("shared_mlp")]
        beside = self.config["num_local_experts"]
        unit = "mlp.shared_expert." if beside else "mlp."
        if "output_linear" in name:
            return self.add(mapped(f"{base}{unit}down_proj.weight"), [name], [])
        for i, part in enumerate(("gate_proj", "up_proj")):
            self.add(mapped(f"{base}{unit}{part}.weight"), [name],
                     [f"chunk:{i}:2"])
        return None

    # (experts, inputs, outputs), the halves of gate_up interleaved.
    def map_gpt_oss(self, name, mapped):
        base, leaf = name.rsplit(".", 1)
        is_bias = leaf.endswith("_bias")
        suffix = ".bias" if is_bias else ".weight"
        turn = [] if is_bias else ["transpose"]
        if leaf.startswith("down_proj"):
            return self.add(mapped(f"{base}.down_proj{suffix}"), [name], turn)
        for i, part in enumerate(("gate_proj", "up_proj")):
            every = "every_last" if is_bias else "every"
            self.add(mapped(f"{base}.{part}{suffix}"), [name],
                     turn + [f"{every}:{i}:2"])
        return None

    def build(self):
        self.sizes()
        if self.arch not in STATE_SPACES:
            self.attention()
            self.experts()
        self.family()
        self.map_tensors()
        if self.arch == "gemma4":
            self.gemma4_factors()
        self.size(KEYS.Tokenizer.BOS_ID, self.get("bos_token_id"))
        eos = self.get("eos_token_id")
        self.size(KEYS.Tokenizer.EOS_ID,
                  eos[0] if isinstance(eos, list) else eos)
        return {"metadata": self.metadata, "tensors": self.tensors}


def main():
    source, out = map(pathlib.Path, sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    for folder in sorted(p.parent for p in source.glob("*/config.json")):
        kind = json.loads((folder / "config.json").read_text())["model_type"]
        if kind not in ARCHITECTURES:
            continue
        try:
            recipe = Recipe(folder).build()
        except ValueError as reason:
            print(f"{folder.name}: left out: {reason}")
            continue
        recipe["of"] = folder.name
        text = json.dumps(recipe, separators=(",", ":"))
        (out / f"{folder.name}.json").write_text(
            text.replace("},{", "},\n{").replace("],[", "],\n[") + "\n")
        print(f"{folder.name}: {len(recipe['tensors'])} tensors")


if __name__ == "__main__":
    main()

// The facts beside the registry's lines.
// SPDX-License-Identifier: Apache-2.0
#include "models/catalogue.h"

#include <algorithm>

namespace abstractllm::models {

namespace {

// Sorted by model_type; a test compares it with the registry.
constexpr CatalogueRow kRows[] = {
    {.model_type = "apertus",
     .models = "Apertus",
     .verified = "as `llama`: a learned activation, norms of q and k",
     .formats = "safetensors"},
    {.model_type = "arcee",
     .models = "Arcee's AFM",
     .verified = "as `llama`: squared ReLU in the place of the gated unit",
     .formats = "safetensors"},
    {.model_type = "baichuan",
     .models = "Baichuan and Baichuan 2",
     .verified = "as `llama`, from the same weights in its layout: fused "
                 "projections, a head with rows of length 1",
     .formats = "safetensors, GGUF"},
    {.model_type = "bailing_moe",
     .models = "Ling, Ring",
     .verified = "logits and greedy tokens of mlx-lm in float32: experts by "
                 "softmax and, in groups, by corrected sigmoids",
     .formats = "safetensors"},
    {.model_type = "bailing_moe_v2",
     .models = "Ling 2.0, Ring 2.0",
     .verified = "the same code as `bailing_moe`",
     .formats = "safetensors"},
    {.model_type = "bert",
     .models =
         "BERT and the embedding models in its shape (BGE, E5, GTE, MiniLM)",
     .verified =
         "float32 hidden states and embeddings of the reference implementation",
     .formats = "safetensors, GGUF"},
    {.model_type = "bloom",
     .models = "BLOOM, BLOOMZ",
     .verified = "as `llama`: ALiBi, a norm behind the embedding",
     .formats = "safetensors"},
    {.model_type = "camembert",
     .models = "CamemBERT",
     .verified = "the same code as `roberta`",
     .formats = "safetensors"},
    {.model_type = "cohere",
     .models = "Command R and R+, Aya",
     .verified =
         "as `llama`: both halves of a layer side by side, layer norms without "
         "biases, rotation in neighbouring pairs, norms of each head's own",
     .formats = "safetensors, GGUF"},
    {.model_type = "cohere2",
     .models = "Command R7B, Command A",
     .verified = "as `llama`, with windows in three layers of four and no "
                 "rotation in the fourth",
     .formats = "safetensors, GGUF"},
    {.model_type = "cwm",
     .models = "Code World Model",
     .verified = "as `llama`: windows in three layers of four",
     .formats = "safetensors"},
    {.model_type = "deepseek",
     .models = "DeepSeek-MoE 16B",
     .verified = "logits and greedy tokens of mlx-lm in float32: shared and "
                 "chosen experts",
     .formats = "safetensors, GGUF"},
    {.model_type = "deepseek_v2",
     .models = "DeepSeek 2, Lite, Coder",
     .verified = "as `llama`: latent attention, experts chosen by softmax",
     .formats = "safetensors, GGUF"},
    {.model_type = "deepseek_v3",
     .models = "DeepSeek 3, R1",
     .verified = "as `llama`: low-rank queries, YaRN, experts in groups by "
                 "corrected sigmoids",
     .formats = "safetensors, GGUF"},
    {.model_type = "distilbert",
     .models = "DistilBERT",
     .verified = "as `bert`",
     .formats = "safetensors"},
    {.model_type = "dots1",
     .models = "dots.llm1",
     .verified = "as `llama`: norms of q and k, experts by corrected sigmoids",
     .formats = "safetensors"},
    {.model_type = "ernie4_5",
     .models = "ERNIE 4.5 dense",
     .verified = "as `llama`",
     .formats = "safetensors, GGUF"},
    {.model_type = "ernie4_5_moe",
     .models = "ERNIE 4.5 with experts",
     .verified = "as `llama`: experts by corrected softmax, shared ones",
     .formats = "safetensors, GGUF"},
    {.model_type = "exaone",
     .models = "EXAONE 3, 3.5",
     .verified = "logits and greedy tokens of mlx-lm in float32",
     .formats = "safetensors, GGUF"},
    {.model_type = "exaone4",
     .models = "EXAONE 4",
     .verified = "as `llama`: norms behind each half, windows, no rotation "
                 "where all is seen",
     .formats = "safetensors, GGUF"},
    {.model_type = "exaone_moe",
     .models = "K-EXAONE",
     .verified = "as `llama`: windows, no rotation where all is seen, experts "
                 "by corrected sigmoids",
     .formats = "safetensors"},
    {.model_type = "falcon",
     .models = "Falcon 7B, 40B, 180B, Falcon 2",
     .verified = "as `llama`: halves side by side behind one norm or two, "
                 "three orders of fused projections",
     .formats = "safetensors"},
    {.model_type = "falcon_h1",
     .models = "Falcon H1",
     .verified = "as `llama`: a state space beside each attention, with and "
                 "without its norm, all multipliers",
     .formats = "safetensors, GGUF"},
    {.model_type = "falcon_mamba",
     .models = "Falcon Mamba",
     .verified = "as `mamba`, with normed steps",
     .formats = "safetensors, GGUF"},
    {.model_type = "flex_olmo",
     .models = "FlexOlmo",
     .verified = "as `llama`: the norms of `olmo2`, with experts",
     .formats = "safetensors"},
    {.model_type = "gemma",
     .models = "Gemma 1, CodeGemma",
     .verified = "as `llama`, with the tanh GELU",
     .formats = "safetensors, GGUF"},
    {.model_type = "gemma2",
     .models = "Gemma 2",
     .verified = "as `llama`, with capped scores and logits and a window in "
                 "every other layer",
     .formats = "safetensors, GGUF"},
    {.model_type = "gemma3",
     .models = "Gemma 3 4B to 27B",
     .verified = "float32 features, logits and greedy tokens of the reference "
                 "implementation from its pixel values; images see themselves "
                 "both ways, windows",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "gemma3_text",
     .models = "Gemma 3's language model, EmbeddingGemma",
     .verified = "as `llama`, with two rotations and norms of q and k",
     .formats = "safetensors, GGUF"},
    {.model_type = "gemma3n",
     .models = "Gemma 3n E2B, E4B (text)",
     .verified =
         "as `gemma3n_text`, behind `text_config` and beside the towers",
     .formats = "safetensors"},
    {.model_type = "gemma3n_text",
     .models = "Gemma 3n's language model",
     .verified = "as `llama`: alternating updates, embeddings of layers, "
                 "sparse gates, layers that share keys",
     .formats = "safetensors, GGUF"},
    {.model_type = "glm",
     .models = "GLM 4 9B (2024), GLM Edge",
     .verified = "as `llama`: half of a head rotated in neighbouring pairs",
     .formats = "safetensors"},
    {.model_type = "glm4",
     .models = "GLM 4 (0414)",
     .verified = "as `llama`",
     .formats = "safetensors, GGUF"},
    {.model_type = "glm4_moe",
     .models = "GLM 4.5, 4.6, Air",
     .verified = "as `llama`: experts in groups by corrected sigmoids behind a "
                 "dense layer",
     .formats = "safetensors, GGUF"},
    {.model_type = "glm4_moe_lite",
     .models = "GLM 4.7 Flash",
     .verified = "as `llama`: latent attention, experts by corrected sigmoids",
     .formats = "safetensors"},
    {.model_type = "gpt2",
     .models = "GPT-2, DistilGPT-2",
     .verified =
         "as `llama`: learned positions, matrices with the inputs first",
     .formats = "safetensors, GGUF"},
    {.model_type = "gpt_bigcode",
     .models = "StarCoder 1, SantaCoder",
     .verified = "as `llama`: learned positions, one head of keys and values",
     .formats = "safetensors, GGUF"},
    {.model_type = "gpt_neox",
     .models = "Pythia, GPT-NeoX, Dolly 2",
     .verified = "as `llama`: halves side by side and one after the other",
     .formats = "safetensors, GGUF"},
    {.model_type = "gpt_oss",
     .models = "gpt-oss",
     .verified = "as `llama`: sinks, windows, YaRN without rounding, clamped "
                 "experts",
     .formats = "safetensors, MXFP4 as published, GGUF"},
    {.model_type = "gptj",
     .models = "GPT-J",
     .verified = "as `llama`: halves side by side, a head with a bias",
     .formats = "safetensors"},
    {.model_type = "granite",
     .models = "Granite 3, 4 dense",
     .verified = "as `llama`",
     .formats = "safetensors, GGUF"},
    {.model_type = "granitemoe",
     .models = "Granite 3 with experts",
     .verified = "as `llama`",
     .formats = "safetensors, GGUF"},
    {.model_type = "granitemoehybrid",
     .models = "Granite 4",
     .verified = "as `llama`: state spaces beside attention, experts beside a "
                 "shared unit",
     .formats = "safetensors, GGUF"},
    {.model_type = "granitemoeshared",
     .models = "Granite 4 tiny preview, with a shared expert",
     .verified = "as `granitemoe`, with a shared unit",
     .formats = "safetensors"},
    {.model_type = "helium",
     .models = "Helium",
     .verified = "as `llama`, with rotation in neighbouring pairs",
     .formats = "safetensors"},
    {.model_type = "hunyuan_v1_dense",
     .models = "Hunyuan 0.5B to 7B",
     .verified =
         "as `llama`: norms of q and k behind the rotation, a raised base",
     .formats = "safetensors"},
    {.model_type = "hunyuan_v1_moe",
     .models = "Hunyuan A13B",
     .verified = "as `hunyuan_v1_dense`, with experts and a shared one",
     .formats = "safetensors"},
    {.model_type = "idefics3",
     .models = "Idefics 3",
     .verified = "float32 features, logits and greedy tokens of the reference "
                 "implementation from its pixel values; crops with row and "
                 "column marks",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "internlm2",
     .models = "InternLM 2, 2.5",
     .verified = "logits and greedy tokens of mlx-lm in float32: q, k and v "
                 "fused by groups",
     .formats = "safetensors, GGUF"},
    {.model_type = "internlm3",
     .models = "InternLM 3",
     .verified = "as `llama`",
     .formats = "safetensors"},
    {.model_type = "internvl",
     .models = "InternVL 2.5, 3, 3.5 in the layout of transformers",
     .verified = "as `llava` over Qwen 2: crops, squares of patches, scaled "
                 "halves, norms of q and k",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "internvl_chat",
     .models = "InternVL 1.5 to 3 in its authors' layout",
     .verified = "as `internvl`, from the same weights under these names",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "lfm2",
     .models = "LFM 2",
     .verified = "as `llama`: short convolutions beside attention",
     .formats = "safetensors, GGUF"},
    {.model_type = "lfm2_moe",
     .models = "LFM 2 8B-A1B",
     .verified = "as `lfm2`, with experts by corrected sigmoids",
     .formats = "safetensors"},
    {.model_type = "llama",
     .models = "Llama 1 to 3.x, SmolLM2, CodeLlama, sqlcoder",
     .verified = "float32 logits and greedy tokens of the reference "
                 "implementation; rope scaling default, linear, llama3; "
                 "biases; single and sharded files",
     .formats = "safetensors, MLX affine 4 and 8 bit, GGUF (F16, Q4_0, Q4_1, "
                "Q8_0, Q4_K and Q6_K)"},
    {.model_type = "llama4",
     .models = "Llama 4 Scout, Maverick (text)",
     .verified = "as `llama4_text`, behind `text_config` and beside the tower",
     .formats = "safetensors"},
    {.model_type = "llama4_text",
     .models = "Llama 4's language model",
     .verified =
         "as `llama`: stretches of attention, layers without rotation whose "
         "queries grow with the position, experts with weighted inputs",
     .formats = "safetensors"},
    {.model_type = "llava",
     .models = "LLaVA 1.5 and its like",
     .verified =
         "float32 features, logits and greedy tokens of the reference "
         "implementation from its pixel values; CLIP before its last layer",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "llava_next",
     .models = "LLaVA-NeXT (1.6)",
     .verified = "as `llava`: crops without their margins",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "mamba",
     .models = "Mamba 1",
     .verified = "as `llama`: selective state spaces only",
     .formats = "safetensors, GGUF"},
    {.model_type = "mamba2",
     .models = "Mamba 2",
     .verified = "as `llama`: state spaces only",
     .formats = "safetensors, GGUF"},
    {.model_type = "minicpm",
     .models = "MiniCPM 1, 2, 4 dense",
     .verified = "logits and greedy tokens of mlx-lm in float32: multipliers "
                 "of embeddings, branches and logits",
     .formats = "safetensors, GGUF"},
    {.model_type = "minicpm3",
     .models = "MiniCPM 3",
     .verified = "as `llama`: latent attention, longrope, multipliers",
     .formats = "safetensors, GGUF"},
    {.model_type = "minimax_m2",
     .models = "MiniMax M2",
     .verified = "as `llama`: norms over all heads, part of a head rotated, "
                 "experts by corrected sigmoids",
     .formats = "safetensors"},
    {.model_type = "ministral",
     .models = "Ministral 8B",
     .verified = "the same code as `mistral`, windows by layer",
     .formats = "safetensors"},
    {.model_type = "ministral3",
     .models = "Ministral 3 (text)",
     .verified = "as `llama`: YaRN, queries that grow with the position",
     .formats = "safetensors"},
    {.model_type = "mistral",
     .models = "Mistral 7B, Nemo; h2o-danube 2 (head size 80)",
     .verified = "as `llama`, with a sliding window shorter than the prompt",
     .formats = "safetensors, GGUF"},
    {.model_type = "mistral3",
     .models = "Mistral Small 3.1, 3.2",
     .verified = "as `pixtral`: merged patches",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "mixtral",
     .models = "Mixtral",
     .verified = "as `llama`",
     .formats = "safetensors, MLX affine 4 bit, GGUF"},
    {.model_type = "mllama",
     .models = "Llama 3.2 Vision 11B, 90B",
     .verified = "float32 features, logits and greedy tokens of the reference "
                 "implementation from its pixel values; layers that look at "
                 "images beside the text, several images in one prompt, none; "
                 "the tower's states are those that go into the layers named, "
                 "as in Meta's code and transformers up to 4.52 (later ones "
                 "take those behind them)",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "modernbert",
     .models = "ModernBERT and embedding models of it",
     .verified = "as `bert`: windows on both sides, two rotations, gated units",
     .formats = "safetensors"},
    {.model_type = "mpt",
     .models = "MPT",
     .verified = "as `llama`: ALiBi, layer norms without biases",
     .formats = "safetensors"},
    {.model_type = "nemotron",
     .models = "Nemotron 3 and 4, Minitron",
     .verified =
         "as `llama`: layer norms, squared ReLU, half of a head rotated",
     .formats = "safetensors, GGUF"},
    {.model_type = "nemotron_h",
     .models = "Nemotron-H, Nemotron Nano 2, Nemotron 3 Nano",
     .verified =
         "as `llama`: state spaces, attention without rotation, squared ReLU",
     .formats = "safetensors"},
    {.model_type = "nomic_bert",
     .models = "Nomic Embed Text 1, 1.5",
     .verified = "as `bert`: rotation, gated units",
     .formats = "safetensors, GGUF"},
    {.model_type = "olmo",
     .models = "OLMo 1",
     .verified =
         "as `llama`: layer norms without weights, projections cut to a range",
     .formats = "safetensors, GGUF"},
    {.model_type = "olmo2",
     .models = "OLMo 2",
     .verified = "as `llama`: norms behind each half and over all heads",
     .formats = "safetensors, GGUF"},
    {.model_type = "olmo3",
     .models = "OLMo 3",
     .verified = "as `olmo2`, with windows, and YaRN where all is seen",
     .formats = "safetensors"},
    {.model_type = "olmoe",
     .models = "OLMoE",
     .verified = "as `llama`: norms over all heads, experts",
     .formats = "safetensors, GGUF"},
    {.model_type = "opt",
     .models = "OPT",
     .verified = "as `llama`: learned positions from the third row on",
     .formats = "safetensors"},
    {.model_type = "paligemma",
     .models = "PaliGemma, PaliGemma 2",
     .verified = "float32 features, logits and greedy tokens of the reference "
                 "implementation from its pixel values; the whole prompt sees "
                 "itself both ways",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "phi",
     .models = "Phi 1, 1.5, 2",
     .verified = "as `llama`: both halves of a layer side by side, biases up "
                 "to the head, with and without norms of q and k",
     .formats = "safetensors, GGUF"},
    {.model_type = "phi3",
     .models = "Phi 3, 3.5, 4 mini",
     .verified = "as `llama`: fused projections, longrope on both sides of its "
                 "border, partial rotation, windows",
     .formats = "safetensors, GGUF"},
    {.model_type = "phi3_v",
     .models = "Phi 3 and 3.5 vision",
     .verified =
         "float32 features, logits and greedy tokens of the reference "
         "implementation from its pixel values; crops with learned separators",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "phimoe",
     .models = "Phi 3.5 MoE",
     .verified =
         "as `llama`: experts by the sparse mixer, longrope up to its border",
     .formats = "safetensors, GGUF"},
    {.model_type = "pixtral",
     .models = "Pixtral 12B (also as `llava` with a `pixtral` tower)",
     .verified = "as `llava`: images of any size, rows and columns by rotation",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "qwen2",
     .models = "Qwen 2, 2.5",
     .verified = "as `llama`",
     .formats = "safetensors, GGUF (Q8_0)"},
    {.model_type = "qwen2_5_vl",
     .models = "Qwen2.5-VL",
     .verified = "float32 features, logits and greedy tokens of the reference "
                 "implementation from its pixel values; positions in time, "
                 "height and width, windows of the tower",
     .formats = "safetensors",
     .vision = "images, video"},
    {.model_type = "qwen2_moe",
     .models = "Qwen 1.5 and 2 MoE",
     .verified = "as `llama`, with the shared expert",
     .formats = "safetensors"},
    {.model_type = "qwen2_vl",
     .models = "Qwen2-VL",
     .verified = "float32 features, logits and greedy tokens of the reference "
                 "implementation from its pixel values; positions in time, "
                 "height and width",
     .formats = "safetensors",
     .vision = "images, video"},
    {.model_type = "qwen3",
     .models = "Qwen 3 dense, Qwen 3 Embedding",
     .verified = "as `llama`, old and new spelling of the rope fields",
     .formats = "safetensors, MLX affine 4 and 8 bit, GGUF"},
    {.model_type = "qwen3_5",
     .models = "Qwen 3.5 dense (text)",
     .verified = "the code of `qwen3_5_text`, behind `text_config` and beside "
                 "the tower",
     .formats = "safetensors"},
    {.model_type = "qwen3_5_moe",
     .models = "Qwen 3.5 with experts (text)",
     .verified = "the code of `qwen3_5_moe_text`, behind `text_config` and "
                 "beside the tower",
     .formats = "safetensors"},
    {.model_type = "qwen3_5_moe_text",
     .models = "Qwen 3.5's language model with experts",
     .verified = "as `llama`: linear attention by the gated delta rule, "
                 "experts in fused stacks",
     .formats = "safetensors"},
    {.model_type = "qwen3_5_text",
     .models = "Qwen 3.5's dense language model",
     .verified = "as `qwen3_next`, dense and from projections of its own",
     .formats = "safetensors"},
    {.model_type = "qwen3_moe",
     .models = "Qwen 3 MoE",
     .verified = "as `llama`",
     .formats = "safetensors"},
    {.model_type = "qwen3_next",
     .models = "Qwen 3 Next 80B",
     .verified = "as `llama`: linear attention by the gated delta rule, gated "
                 "attention, experts",
     .formats = "safetensors, GGUF"},
    {.model_type = "qwen3_vl",
     .models = "Qwen3-VL dense",
     .verified = "float32 features, logits and greedy tokens of the reference "
                 "implementation from its pixel values; positions in time, "
                 "height and width, deepstack",
     .formats = "safetensors",
     .vision = "images, video"},
    {.model_type = "qwen3_vl_moe",
     .models = "Qwen3-VL 30B-A3B, 235B-A22B",
     .verified = "as `qwen3_vl`, with experts stacked in three layouts",
     .formats = "safetensors",
     .vision = "images, video"},
    {.model_type = "roberta",
     .models = "RoBERTa",
     .verified =
         "as `bert`, with positions counted from behind the padding token",
     .formats = "safetensors"},
    {.model_type = "seed_oss",
     .models = "Seed-OSS",
     .verified = "as `llama`, with biases of q, k and v",
     .formats = "safetensors, GGUF"},
    {.model_type = "smollm3",
     .models = "SmolLM 3",
     .verified = "as `llama`, without rotation in every fourth layer",
     .formats = "safetensors, GGUF"},
    {.model_type = "smolvlm",
     .models = "SmolVLM, SmolVLM 2 (images)",
     .verified = "by `idefics3`, whose layout it has",
     .formats = "safetensors",
     .vision = "yes"},
    {.model_type = "solar_open",
     .models = "Solar Open",
     .verified = "as `llama`: experts of `glm4_moe` in every layer",
     .formats = "safetensors"},
    {.model_type = "stablelm",
     .models = "StableLM 1 to 2, Zephyr 3B",
     .verified =
         "as `llama`: also the 12B's form with norms of each head's own",
     .formats = "safetensors, GGUF"},
    {.model_type = "starcoder2",
     .models = "StarCoder 2",
     .verified = "as `llama`: layer norms, biases, tanh GELU, windows",
     .formats = "safetensors, GGUF"},
    {.model_type = "xlm-roberta",
     .models = "XLM-RoBERTa, multilingual E5, BGE M3 (dense)",
     .verified = "the same code as `roberta`",
     .formats = "safetensors"},
};

std::string cell(std::string_view text, std::string_view otherwise) {
  return " " + std::string(text.empty() ? otherwise : text) + " |";
}

}  // namespace

std::span<const CatalogueRow> catalogue() { return kRows; }

const CatalogueRow* find_in_catalogue(std::string_view model_type) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const CatalogueRow& candidate) {
                                  return candidate.model_type == model_type;
                                });
  return row == std::end(kRows) ? nullptr : row;
}

std::string catalogue_markdown(
    const std::function<std::string(std::string_view)>& tools) {
  std::string text =
      "# Models\n\n"
      "Made from `src/models/catalogue.cpp`; a test compares the two, and "
      "`ABSTRACTLLM_UPDATE_DOCS=1 build/dev/bin/models_test` writes this file. "
      "`allm doctor MODEL` says the same and more of a model at hand.\n\n"
      "| `model_type` | models | verified by | formats | tool calls | images | "
      "backends |\n| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const CatalogueRow& row : kRows) {
    text += "| `" + std::string(row.model_type) + "` |";
    text += cell(row.models, "") + cell(row.verified, "") +
            cell(row.formats, "") + cell(tools(row.model_type), "by template") +
            cell(row.vision, "no") + cell(row.backends, "") + "\n";
  }
  text +=
      "\nBackends: \"CPU\" are our kernels, \"reference\" is stock MLX in "
      "float32 (`--cpu-backend reference`).\n";
  return text;
}

}  // namespace abstractllm::models

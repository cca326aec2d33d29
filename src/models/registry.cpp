// The list of architectures: the only place that names them all.
// SPDX-License-Identifier: Apache-2.0
#include "models/registry.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "abstractllm/error.h"
#include "base/nearest_names.h"
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/architectures.h"
#include "models/class_defaults.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

enum class Reads { kText, kImages };

struct Row {
  std::string_view model_type;
  std::unique_ptr<Model> (*make)(const ModelSource&);
  ModelKind kind = ModelKind::kDecoder;
  Reads reads = Reads::kText;
};

// Sorted by model_type, which is config.json's.
constexpr std::array kRows{
    Row{"afmoe", make_afmoe},
    Row{"albert", make_albert, ModelKind::kEncoder},
    Row{"apertus", make_apertus},
    Row{"arcee", make_arcee},
    Row{"axk1", make_axk1},
    Row{"baichuan", make_baichuan},
    Row{"bailing_moe", make_bailing_moe},
    Row{"bailing_moe_v2", make_bailing_moe},
    Row{"bamba", make_bamba},
    Row{"bert", make_bert, ModelKind::kEncoder},
    Row{"biogpt", make_biogpt},
    Row{"bitnet", make_bitnet},
    Row{"bloom", make_bloom},
    Row{"camembert", make_roberta, ModelKind::kEncoder},
    Row{"codegen", make_codegen},
    Row{"cohere", make_cohere},
    Row{"cohere2", make_cohere2},
    Row{"cohere2_moe", make_cohere2_moe},
    Row{"cwm", make_cwm},
    Row{"data2vec-text", make_data2vec_text, ModelKind::kEncoder},
    Row{"dbrx", make_dbrx},
    Row{"deberta-v2", make_deberta_v2, ModelKind::kEncoder},
    Row{"deepseek", make_deepseek_v1},
    Row{"deepseek_v2", make_deepseek_v2},
    Row{"deepseek_v3", make_deepseek_v3},
    Row{"deepseek_v32", make_deepseek_v32},
    Row{"distilbert", make_distilbert, ModelKind::kEncoder},
    Row{"dots1", make_dots1},
    Row{"electra", make_electra, ModelKind::kEncoder},
    Row{"ernie", make_ernie, ModelKind::kEncoder},
    Row{"ernie4_5", make_ernie4_5},
    Row{"ernie4_5_moe", make_ernie4_5_moe},
    Row{"eurobert", make_eurobert, ModelKind::kEncoder},
    Row{"exaone", make_exaone},
    Row{"exaone4", make_exaone4},
    Row{"exaone_moe", make_exaone_moe},
    Row{"falcon", make_falcon},
    Row{"falcon_h1", make_falcon_h1},
    Row{"falcon_mamba", make_mamba},
    Row{"flex_olmo", make_flex_olmo},
    Row{"gemma", make_gemma},
    Row{"gemma2", make_gemma2},
    Row{"gemma3", make_gemma3, ModelKind::kDecoder, Reads::kImages},
    Row{"gemma3_text", make_gemma3_text},
    Row{"gemma3n", make_gemma3n_text},
    Row{"gemma3n_text", make_gemma3n_text},
    Row{"gemma4", make_gemma4_text},
    Row{"gemma4_text", make_gemma4_text},
    Row{"gemma4_unified", make_gemma4_text},
    Row{"gemma4_unified_text", make_gemma4_text},
    Row{"glm", make_glm},
    Row{"glm4", make_glm4},
    Row{"glm4_moe", make_glm4_moe},
    Row{"glm4_moe_lite", make_glm4_moe_lite},
    Row{"glm_moe_dsa", make_glm_moe_dsa},
    Row{"gpt2", make_gpt2},
    Row{"gpt_bigcode", make_gpt_bigcode},
    Row{"gpt_neo", make_gpt_neo},
    Row{"gpt_neox", make_gpt_neox},
    Row{"gpt_neox_japanese", make_gpt_neox_japanese},
    Row{"gpt_oss", make_gpt_oss},
    Row{"gptj", make_gptj},
    Row{"granite", make_granite},
    Row{"granite_swa", make_granite_swa},
    Row{"granitemoe", make_granitemoe},
    Row{"granitemoe_swa", make_granitemoe_swa},
    Row{"granitemoehybrid", make_granitemoehybrid},
    Row{"granitemoeshared", make_granitemoe},
    Row{"gte", make_gte, ModelKind::kEncoder},
    Row{"helium", make_helium},
    Row{"hunyuan_v1_dense", make_hunyuan_v1_dense},
    Row{"hunyuan_v1_moe", make_hunyuan_v1_moe},
    Row{"hy_v3", make_hy_v3},
    Row{"hyperclovax", make_hyperclovax},
    Row{"idefics3", make_idefics3, ModelKind::kDecoder, Reads::kImages},
    Row{"internlm2", make_internlm2},
    Row{"internlm3", make_internlm3},
    Row{"internvl", make_internvl, ModelKind::kDecoder, Reads::kImages},
    Row{"internvl_chat", make_internvl, ModelKind::kDecoder, Reads::kImages},
    Row{"iquestcoder", make_iquestcoder},
    Row{"jais2", make_jais2},
    Row{"jamba", make_jamba},
    Row{"jina_embeddings_v3", make_jina_embeddings_v3, ModelKind::kEncoder},
    Row{"kimi_k2", make_deepseek_v3},
    Row{"lfm2", make_lfm2},
    Row{"lfm2_moe", make_lfm2},
    Row{"lfm3", make_lfm3},
    Row{"llama", make_llama},
    Row{"llama4", make_llama4_text},
    Row{"llama4_text", make_llama4_text},
    Row{"llava", make_llava, ModelKind::kDecoder, Reads::kImages},
    Row{"llava_next", make_llava_next, ModelKind::kDecoder, Reads::kImages},
    Row{"mamba", make_mamba},
    Row{"mamba2", make_mamba2},
    Row{"mellum", make_mellum},
    Row{"mimo", make_qwen2},
    Row{"mimo_v2_flash", make_mimo_v2_flash},
    Row{"minicpm", make_minicpm},
    Row{"minicpm3", make_minicpm3},
    Row{"minimax_m2", make_minimax_m2},
    Row{"ministral", make_mistral},
    Row{"ministral3", make_ministral3},
    Row{"mistral", make_mistral},
    Row{"mistral3", make_mistral3, ModelKind::kDecoder, Reads::kImages},
    Row{"mistral4", make_mistral4},
    Row{"mixtral", make_mixtral},
    Row{"mllama", make_mllama, ModelKind::kDecoder, Reads::kImages},
    Row{"modernbert", make_modernbert, ModelKind::kEncoder},
    Row{"modernbert-decoder", make_modernbert_decoder},
    Row{"mpnet", make_mpnet, ModelKind::kEncoder},
    Row{"mpt", make_mpt},
    Row{"nanochat", make_nanochat},
    Row{"nemotron", make_nemotron},
    Row{"nemotron_h", make_nemotron_h},
    Row{"new", make_gte, ModelKind::kEncoder},
    Row{"nomic_bert", make_nomic_bert, ModelKind::kEncoder},
    Row{"olmo", make_olmo},
    Row{"olmo2", make_olmo2},
    Row{"olmo3", make_olmo3},
    Row{"olmo_hybrid", make_olmo_hybrid},
    Row{"olmoe", make_olmoe},
    Row{"openelm", make_openelm},
    Row{"opt", make_opt},
    Row{"paligemma", make_paligemma, ModelKind::kDecoder, Reads::kImages},
    Row{"persimmon", make_persimmon},
    Row{"phi", make_phi},
    Row{"phi3", make_phi3},
    Row{"phi3_v", make_phi3_v, ModelKind::kDecoder, Reads::kImages},
    Row{"phimoe", make_phimoe},
    Row{"pixtral", make_pixtral, ModelKind::kDecoder, Reads::kImages},
    Row{"qwen", make_qwen},
    Row{"qwen2", make_qwen2},
    Row{"qwen2_5_vl", make_qwen2_5_vl, ModelKind::kDecoder, Reads::kImages},
    Row{"qwen2_moe", make_qwen2_moe},
    Row{"qwen2_vl", make_qwen2_vl, ModelKind::kDecoder, Reads::kImages},
    Row{"qwen3", make_qwen3},
    Row{"qwen3_5", make_qwen3_5},
    Row{"qwen3_5_moe", make_qwen3_5},
    Row{"qwen3_5_moe_text", make_qwen3_5},
    Row{"qwen3_5_text", make_qwen3_5},
    Row{"qwen3_moe", make_qwen3_moe},
    Row{"qwen3_next", make_qwen3_next},
    Row{"qwen3_vl", make_qwen3_vl, ModelKind::kDecoder, Reads::kImages},
    Row{"qwen3_vl_moe", make_qwen3_vl, ModelKind::kDecoder, Reads::kImages},
    Row{"roberta", make_roberta, ModelKind::kEncoder},
    Row{"roberta-prelayernorm", make_roberta_prelayernorm, ModelKind::kEncoder},
    Row{"seed_oss", make_seed_oss},
    Row{"smollm3", make_smollm3},
    Row{"smolvlm", make_smolvlm, ModelKind::kDecoder, Reads::kImages},
    Row{"solar_open", make_solar_open},
    Row{"stablelm", make_stablelm},
    Row{"starcoder2", make_starcoder2},
    Row{"vaultgemma", make_vaultgemma},
    Row{"xglm", make_xglm},
    Row{"xlm-roberta", make_roberta, ModelKind::kEncoder},
    Row{"xlm-roberta-xl", make_xlm_roberta_xl, ModelKind::kEncoder},
    Row{"youtu", make_youtu},
};

constexpr int kMaxListedTensors = 5;

const Row* find_row(std::string_view model_type) {
  const auto row = std::find_if(
      kRows.begin(), kRows.end(),
      [&](const Row& candidate) { return candidate.model_type == model_type; });
  return row == kRows.end() ? nullptr : &*row;
}

// Tables that some exporters store though the config determines them.
bool is_known_table(const std::string& name) {
  constexpr std::array<std::string_view, 6> kEnds{
      "rotary_emb.inv_freq", ".position_ids",   ".attn.bias",
      ".attn.masked_bias",   ".attention.bias", ".attention.masked_bias"};
  return std::any_of(kEnds.begin(), kEnds.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

// Layers that predict further tokens, which no answer needs: behind the last
// layer of the model, or under a name of their own.
bool predicts_further(const std::string& name, const io::JsonConfig& config) {
  constexpr std::string_view kLayers = "model.layers.";
  if (name.starts_with("mtp.") || name.starts_with("model.mtp.") ||
      name.starts_with("model.mtp_layers.")) {
    return true;
  }
  if (!name.starts_with(kLayers)) return false;
  const auto extra = config.find_int("num_nextn_predict_layers").value_or(0);
  return extra > 0 && std::atoll(name.c_str() + kLayers.size()) >=
                          config.require_int("num_hidden_layers");
}

}  // namespace

void refuse_unread_tensors(const io::WeightSource& weights) {
  std::string list;
  int count = 0;
  for (const std::string& name : weights.unread_names()) {
    if (is_known_table(name)) continue;
    if (predicts_further(name, weights.config())) continue;
    if (++count <= kMaxListedTensors) list += (count > 1 ? ", " : "") + name;
  }
  if (count == 0) return;
  if (count > kMaxListedTensors) list += ", ...";
  throw ModelLoadingError(
      "[models] " + weights.path().string() + " has " + std::to_string(count) +
          " tensors that the architecture does not know: " + list,
      "The model may be of another architecture than its config says.");
}

bool contains(std::string_view model_type) {
  return find_row(model_type) != nullptr;
}

ModelKind kind_of(const io::JsonConfig& config) {
  const Row* row = find_row(config.find_string("model_type").value_or(""));
  if (row == nullptr) return ModelKind::kDecoder;
  return sees_both_ways(config) ? ModelKind::kEncoder : row->kind;
}

std::vector<std::string> model_types() {
  std::vector<std::string> types;
  for (const Row& row : kRows) types.emplace_back(row.model_type);
  return types;
}

void require_supported(std::string_view model_type) {
  if (contains(model_type)) return;
  throw UnsupportedModelError(
      "[models] architecture '" + std::string(model_type) +
          "' is not supported",
      "The nearest supported one is '" +
          base::nearest_names(model_type, model_types(), 1).front() + "'.");
}

bool reads_images(std::string_view model_type) {
  const Row* row = find_row(model_type);
  return row != nullptr && row->reads == Reads::kImages;
}

std::vector<std::string> vision_model_types() {
  std::vector<std::string> types;
  for (const Row& row : kRows) {
    if (row.reads == Reads::kImages) types.emplace_back(row.model_type);
  }
  return types;
}

std::unique_ptr<Model> make_model_of_type(std::string_view model_type,
                                          const ModelSource& source) {
  require_supported(model_type);
  const auto& make = find_row(model_type)->make;
  if (source.weights.is_gguf()) return make(source);
  const io::JsonConfig whole = with_class_defaults(source.config);
  return make({whole, source.weights, source.backend, source.on_progress});
}

std::unique_ptr<Model> make_model(const ModelSource& source) {
  const std::string type = source.config.require_string("model_type");
  std::unique_ptr<Model> model = make_model_of_type(type, source);
  if (!reads_images(type)) refuse_unread_tensors(source.weights);
  return model;
}

}  // namespace abstractllm::models

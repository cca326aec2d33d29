// Lengths of context.
// SPDX-License-Identifier: Apache-2.0
#include "engine/context_length.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace abstractllm::engine {
namespace {

// Where neither the config nor the family says one.
constexpr int kDefault = 2048;
// Of a state of one size for any number of tokens: a bound for what is sized by
// the context, such as a conversation's window.
constexpr int kWithoutLimit = 1 << 20;
// Keeps sums of two lengths within int.
constexpr std::int64_t kMost = 1 << 28;

// GPT-2's name first: the table of positions has as many rows as that says.
constexpr const char* kFields[] = {"n_positions", "max_position_embeddings",
                                   "max_seq_len", "max_sequence_length",
                                   "seq_length",  "model_max_length",
                                   "n_ctx"};

bool is_one_of(std::string_view type,
               std::initializer_list<std::string_view> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool has_state_alone(std::string_view type) {
  return is_one_of(type, {"mamba", "mamba2", "falcon_mamba"});
}

// RoBERTa counts positions from behind the padding token's id on.
int first_position(std::string_view type, const io::JsonConfig& config) {
  constexpr int kOfMpnet = 2;
  if (type == "mpnet") return kOfMpnet;
  if (!is_one_of(type, {"roberta", "xlm-roberta", "camembert", "data2vec-text",
                        "roberta-prelayernorm", "xlm-roberta-xl"})) {
    return 0;
  }
  return static_cast<int>(std::clamp<std::int64_t>(
      config.find_int("pad_token_id").value_or(1) + 1, 0, kMost));
}

std::string type_of(const io::JsonConfig& config) {
  return config.is_string("model_type") ? config.require_string("model_type")
                                        : std::string();
}

// How far dynamic scaling stretches a context; 1: there is none.
double dynamic_factor(const io::JsonConfig& config) {
  for (const char* field : {"rope_scaling", "rope_parameters"}) {
    if (!config.is_object(field)) continue;
    const io::JsonConfig scaling = config.require_object(field);
    const char* name = scaling.has("rope_type") ? "rope_type" : "type";
    if (!scaling.is_string(name) || scaling.has("alpha")) continue;
    if (scaling.require_string(name) != "dynamic") continue;
    const double factor = scaling.find_number("factor").value_or(1.0);
    return factor > 1 && factor <= kMost ? factor : 1;
  }
  return 1;
}

}  // namespace

// Of Baichuan's the larger models; see models::make_baichuan.
bool takes_alibi(const io::JsonConfig& config) {
  constexpr int kLayersOf13B = 40;
  const std::string type = type_of(config);
  if (type == "baichuan") {
    return !config.has("max_position_embeddings") ||
           config.find_int("num_hidden_layers") == kLayersOf13B;
  }
  if (type == "falcon") return config.find_bool("alibi").value_or(false);
  return is_one_of(type, {"bloom", "mpt"});
}

ContextLength read_context_length(const io::JsonConfig& config, int otherwise) {
  const std::string type = type_of(config);
  const int most = static_cast<int>(kMost);
  if (has_state_alone(type)) return {kWithoutLimit, most};
  std::int64_t said = 0;
  for (const char* field : kFields) {
    said = config.find_int(field).value_or(0);
    if (said > 0) break;
  }
  if (said <= 0) said = otherwise > 0 ? otherwise : kDefault;
  const double factor = dynamic_factor(config);
  const double stretched =
      std::min(static_cast<double>(said) * factor, static_cast<double>(kMost));
  const int tokens = static_cast<int>(std::clamp<std::int64_t>(
      static_cast<std::int64_t>(stretched) - first_position(type, config), 1,
      kMost));
  return {tokens, takes_alibi(config) || factor > 1 ? most : tokens};
}

}  // namespace abstractllm::engine

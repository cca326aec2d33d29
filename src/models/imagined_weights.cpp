// What the published classes take for granted, which a checkpoint would show.
// SPDX-License-Identifier: Apache-2.0
#include "models/imagined_weights.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "models/common/vision_language.h"

namespace abstractllm::models {
namespace {

// Families whose class ties the head to the embedding unless its config says
// otherwise: the default of tie_word_embeddings in transformers.
using namespace std::string_view_literals;

constexpr std::array kTied{
    "biogpt"sv,      "bloom"sv,        "cohere"sv,
    "cohere2"sv,     "ernie4_5"sv,     "ernie4_5_moe"sv,
    "falcon"sv,      "falcon_mamba"sv, "gemma"sv,
    "gemma2"sv,      "gemma3"sv,       "gemma3_text"sv,
    "gemma3n"sv,     "gemma3n_text"sv, "gpt2"sv,
    "gpt_bigcode"sv, "gpt_neo"sv,      "gpt_neox_japanese"sv,
    "lfm2"sv,        "lfm2_moe"sv,     "mamba"sv,
    "minicpm"sv,     "minicpm3"sv,     "mpt"sv,
    "openelm"sv,     "opt"sv,          "paligemma"sv,
    "smollm3"sv,     "starcoder2"sv,   "xglm"sv,
    "youtu"sv};

bool ties_by_itself(std::string_view type) {
  return std::find(kTied.begin(), kTied.end(), type) != kTied.end();
}

}  // namespace

io::WeightSource imagined_weights(const io::JsonConfig& config) {
  const auto type_of = [](const io::JsonConfig& fields) {
    return fields.find_string("model_type").value_or("");
  };
  const bool ties = ties_by_itself(type_of(config)) ||
                    ties_by_itself(type_of(text_config(config)));
  return io::WeightSource::imagined(config.with_defaults(
      io::JsonConfig::parse(ties ? R"({"tie_word_embeddings": true})"
                                 : R"({"tie_word_embeddings": false})",
                            config.origin())));
}

}  // namespace abstractllm::models

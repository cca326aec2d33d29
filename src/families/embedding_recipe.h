// How a model's hidden states become one vector for a text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace abstractllm::io {
class JsonConfig;
}

namespace abstractllm::families {

/// What of the hidden states of a text's tokens is kept.
enum class PoolingMode {
  kCls,             ///< the first token's
  kMax,             ///< the largest of each value
  kMean,            ///< the mean
  kMeanSqrtLength,  ///< the sum, divided by the square root of their number
  kWeightedMean,    ///< the mean, token i (from 1) counting i times
  kLastToken,       ///< the last token's
};

/// "cls", "max", "mean", ... as in the published configs.
std::string_view to_string(PoolingMode mode) noexcept;

enum class DenseActivation { kIdentity, kTanh, kRelu, kGelu, kSigmoid, kSilu };

/// y = activation(weight x + bias), and x or residual x added to it.
struct DenseProjection {
  int inputs = 0;
  int outputs = 0;
  std::vector<float> weight;  ///< (outputs, inputs)
  std::vector<float> bias;    ///< (outputs), or empty
  DenseActivation activation = DenseActivation::kTanh;
  bool adds_input = false;
  std::vector<float> residual;  ///< (outputs, inputs), or empty: x itself
};

/// Division by the length.
struct UnitLength {};

using EmbeddingStep = std::variant<DenseProjection, UnitLength>;

/// A plain value.
struct EmbeddingRecipe {
  std::vector<PoolingMode> pooling;  ///< results stand one after the other
  /// False: the tokens of a prompt are not pooled.
  bool include_prompt = true;
  std::vector<EmbeddingStep> steps;  ///< behind the pooling, in order
  std::optional<int> max_tokens;     ///< of a text, where the model says so
  bool lower_case = false;           ///< texts are put into lower case first
  std::optional<int> dimensions;     ///< that vectors are cut to by default
  /// Texts in front of inputs, by name ("query").
  std::map<std::string, std::string> prompts;
  std::string default_prompt;  ///< its name; empty: none
  std::string source;          ///< where the pooling was found, for people
};

struct EmbeddingSource {
  std::filesystem::path folder;  ///< empty: a single file
  std::string_view name;         ///< of the model, for the last resort
  bool is_encoder = false;
  std::string_view pooling{};  ///< as a GGUF file says it; empty: it does not
};

/// The recipe of sentence-transformers' files (modules.json and what it names,
/// config_sentence_transformers.json, sentence_bert_config.json). Without
/// them: `pooling`; else the mean for encoders, the last token for decoders
/// that are called embedding models, nothing for other decoders. Throws
/// ModelLoadingError for damaged files and UnsupportedModelError for modules
/// that cannot be run.
std::optional<EmbeddingRecipe> read_embedding_recipe(
    const EmbeddingSource& source);

/// "mean, then 768 dimensions": for people.
std::string describe(const EmbeddingRecipe& recipe);

}  // namespace abstractllm::families

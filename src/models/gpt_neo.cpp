// GPT-Neo: learned positions, layers with a window between those that see all,
// scores that are not scaled.
// SPDX-License-Identifier: Apache-2.0
#include <cctype>
#include <cstdlib>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/gpt2.h"

namespace abstractllm::models {

namespace {

[[noreturn]] void refuse_kinds(const std::string& found) {
  throw ModelLoadingError(
      "[config] attention_types is " + found +
      ", expected lists of kinds with how often they follow each other");
}

// [[["global", "local"], 6], ...]: the kinds of each list, 6 times.
std::vector<std::string> repeat_kinds(const std::string& text,
                                      std::size_t most) {
  std::vector<std::string> kinds;
  std::vector<std::string> list;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      const std::size_t end = text.find('"', i + 1);
      if (end == std::string::npos) refuse_kinds(text);  // an escaped mark
      list.push_back(text.substr(i + 1, end - i - 1));
      i = end;
    } else if (std::isdigit(static_cast<unsigned char>(text[i])) != 0) {
      char* end = nullptr;
      const long times = std::strtol(text.c_str() + i, &end, 10);
      if (list.empty()) refuse_kinds(text);
      for (long n = 0; n < times && kinds.size() <= most; ++n) {
        kinds.insert(kinds.end(), list.begin(), list.end());
      }
      list.clear();
      i = static_cast<std::size_t>(end - text.c_str()) - 1;
    }
  }
  return kinds;
}

std::vector<int> read_layer_windows(const io::JsonConfig& config, int layers) {
  const auto types = config.find_json("attention_types");
  const auto count = static_cast<std::size_t>(layers);
  std::vector<std::string> kinds;
  if (types) {
    kinds = repeat_kinds(*types, count);
  } else if (const auto each = config.find_strings("attention_layers")) {
    kinds = *each;
  } else {
    kinds = repeat_kinds(R"([[["global","local"],12]])", count);
  }
  if (kinds.size() != count) refuse_kinds(types.value_or("of another length"));
  const int window = size_or(config, "window_size", 256);
  std::vector<int> windows;
  for (const std::string& kind : kinds) {
    if (kind != "global" && kind != "local") refuse_kinds("'" + kind + "'");
    windows.push_back(kind == "local" ? window : 0);
  }
  return windows;
}

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  read.intermediate_size =
      size_or(config, "intermediate_size", 4 * read.hidden_size);
  read.num_hidden_layers = require_size(config, "num_layers");
  read.num_attention_heads = require_size(config, "num_heads");
  read.num_key_value_heads = read.num_attention_heads;
  if (read.hidden_size % read.num_attention_heads != 0) {
    throw ModelLoadingError("[config] hidden_size (" +
                            std::to_string(read.hidden_size) +
                            ") is no multiple of num_heads (" +
                            std::to_string(read.num_attention_heads) + ")");
  }
  read.head_dim = read.hidden_size / read.num_attention_heads;
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  read.activation = read_activation(config, "activation_function", "gelu_new");
  read.windows = read_layer_windows(config, read.num_hidden_layers);
  return read;
}

}  // namespace

std::unique_ptr<Model> make_gpt_neo(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const WeightReader reader(source.weights, source.backend);
  const std::string prefix = reader.prefix_of("wte", {""}, "transformer.");
  DenseTraits traits{.norm = ops::NormKind::kLayer,
                     .names = gpt2_names(prefix)};
  traits.names.attention = "attn.attention.";
  traits.names.output = "out_proj";
  traits.feed_forward = plain_mlps(config, "mlp.c_fc", "mlp.c_proj");
  DecoderParts parts = read_dense_parts(source, config, traits);
  edit_attention(parts, [](int /*index*/, ops::AttentionBlock& block) {
    block.spec.scale = 1;
  });
  parts.positions = reader.linear(
      prefix + "wpe", size_or(source.config, "max_position_embeddings", 2048),
      config.hidden_size, Bias::kNone);
  // Some files have the masks of the windows.
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const std::string module = traits.names.layers + std::to_string(i) + ".";
    pass_over(source.weights, {module + "attn.attention.bias",
                               module + "attn.attention.masked_bias"});
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models

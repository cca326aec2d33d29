// Reading of Llama-like configs and checkpoints.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/dense_decoder.h"

#include <cmath>
#include <optional>
#include <string>

#include "abstractllm/error.h"
#include "io/weight_source.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

namespace {

void check_heads(const DenseConfig& config) {
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    throw ModelLoadingError("[config] num_attention_heads (" +
                            std::to_string(config.num_attention_heads) +
                            ") is no multiple of num_key_value_heads (" +
                            std::to_string(config.num_key_value_heads) + ")");
  }
  if (config.head_dim % 2 != 0) {
    throw ModelLoadingError("[config] head_dim is " +
                            std::to_string(config.head_dim) +
                            ", expected an even number");
  }
}

int rotated_dims(const io::JsonConfig& config, const DenseDefaults& defaults,
                 int head_dim) {
  if (defaults.rope.dims > 0) {
    return checked_rotary_dim(defaults.rope.dims, head_dim);
  }
  const bool counts =
      defaults.rotates_part || defaults.partial_rotary_factor != 1.0;
  if (!counts || is_proportional_rope(config)) return head_dim;
  std::optional<double> share = config.find_number("partial_rotary_factor");
  if (const auto parameters = find_rope_scaling(config)) {
    const auto inner = parameters->find_number("partial_rotary_factor");
    if (inner) share = inner;
  }
  const bool whole = config.is_null("partial_rotary_factor");
  const double factor =
      share.value_or(whole ? 1.0 : defaults.partial_rotary_factor);
  const bool is_share = factor >= 0 && factor <= 1;
  const int dims = is_share ? static_cast<int>(head_dim * factor) : 0;
  if (!is_share || dims + dims % 2 > head_dim) {
    throw ModelLoadingError(
        "[config] partial_rotary_factor is " + std::to_string(factor) +
        ", expected a share of head_dim (" + std::to_string(head_dim) + ")");
  }
  return dims;
}

// Of the residual stream.
ops::Norm read_norm(const WeightReader& weights, const DenseConfig& config,
                    const DenseTraits& traits, const std::string& module) {
  if (traits.norm_weights) {
    return weights.norm(traits.norm, module, config.hidden_size,
                        config.norm_eps, traits.norm_offset);
  }
  return weights.norm(traits.norm, std::vector<float>(config.hidden_size, 1.0f),
                      config.norm_eps);
}

// One layer's modules, read the way the traits say.
class LayerReader {
 public:
  LayerReader(const WeightReader& weights, const DenseConfig& config,
              const DenseTraits& traits, int index)
      : weights_(weights),
        config_(config),
        traits_(traits),
        index_(index),
        prefix_(traits.names.layers + std::to_string(index) + ".") {}

  DecoderLayer read() const {
    const DenseNames& names = traits_.names;
    ops::ResidualFrame first =
        frame(names.before_attention, names.after_attention);
    ops::ResidualFrame second = frame(names.before_mlp, names.after_mlp);
    Mixer mixer = traits_.mixer
                      ? traits_.mixer(weights_, prefix_, index_, first)
                      : Mixer(read_attention(weights_, config_, traits_,
                                             prefix_ + traits_.names.attention,
                                             index_, std::move(first)));
    FeedForward feed_forward =
        traits_.feed_forward
            ? traits_.feed_forward(weights_, prefix_, index_, second)
            : FeedForward(read_gated_mlp(weights_, config_, traits_,
                                         prefix_ + names.mlp,
                                         std::move(second)));
    return {std::move(mixer), std::move(feed_forward)};
  }

 private:
  std::optional<ops::Norm> norm(const std::string& name) const {
    if (name.empty()) return std::nullopt;
    return read_norm(weights_, config_, traits_, prefix_ + name);
  }

  ops::ResidualFrame frame(const std::string& before,
                           const std::string& after) const {
    return {.before = norm(before), .after = norm(after)};
  }

  const WeightReader& weights_;
  const DenseConfig& config_;
  const DenseTraits& traits_;
  int index_;
  std::string prefix_;
};

// Of the queries or the keys.
std::optional<ops::Norm> read_head_norm(const WeightReader& weights,
                                        const DenseConfig& config,
                                        const DenseTraits& traits,
                                        const std::string& module, int heads) {
  const HeadNorm kind = traits.query_key_norm;
  if (kind == HeadNorm::kNone) return std::nullopt;
  const int size = config.head_dim * (kind == HeadNorm::kEachHead ? 1 : heads);
  ops::Norm norm = weights.norm(traits.query_key_norm_kind, module, size,
                                config.norm_eps, traits.norm_offset);
  if (kind == HeadNorm::kOwn) norm.groups = heads;
  return norm;
}

// Query, key, value and, where there is one, the gate.
std::vector<ops::Linear> read_projections(const WeightReader& weights,
                                          const DenseConfig& config,
                                          const DenseTraits& traits,
                                          const std::string& prefix) {
  const int query = config.num_attention_heads * config.head_dim;
  const int kv = config.num_key_value_heads * config.head_dim;
  const int hidden = config.hidden_size;
  const Bias bias = traits.query_key_value_bias;
  const DenseNames& names = traits.names;
  if (traits.projections) return traits.projections(weights, prefix);
  if (traits.fused_query_key_value) {
    return weights.split_linear(prefix + names.query_key_value, {query, kv, kv},
                                hidden, bias);
  }
  if (traits.gated_attention) {
    const auto part = [&](int index) {
      const int size = config.head_dim;
      return weights.pick_linear(
          prefix + names.query, 2 * query, hidden,
          head_rows(config.num_attention_heads, 2 * size, index * size, size),
          bias);
    };
    return {part(0), weights.linear(prefix + names.key, kv, hidden, bias),
            weights.linear(prefix + names.value, kv, hidden, bias), part(1)};
  }
  return {weights.linear(prefix + names.query, query, hidden, bias),
          weights.linear(prefix + names.key, kv, hidden, bias),
          weights.linear(prefix + names.value, kv, hidden, bias)};
}

// What an embedding model has of a decoder is saved without the part that
// surrounds it, whose name then is missing. True if so.
bool drop_missing_prefix(const WeightReader& weights, DenseNames& names) {
  const std::size_t dot = names.embedding.find('.') + 1;
  const std::string prefix = names.embedding.substr(0, dot);
  if (dot == 0 || weights.has_matrix(names.embedding) ||
      !weights.has_matrix(names.embedding.substr(dot))) {
    return false;
  }
  for (std::string* name :
       {&names.embedding, &names.layers, &names.final_norm}) {
    if (name->starts_with(prefix)) name->erase(0, dot);
  }
  return true;
}

// "LLLG": L slides, G sees all, from the first layer on and over again. The
// last layer sees all.
std::vector<int> windows_of_letters(const std::string& pattern, int layers,
                                    int window) {
  std::vector<int> windows(static_cast<std::size_t>(layers), 0);
  if (pattern.empty() || pattern.find_first_not_of("LG") != std::string::npos) {
    throw ModelLoadingError("[config] sliding_window_pattern is '" + pattern +
                            "', expected a number or letters L and G");
  }
  for (std::size_t i = 0; i + 1 < windows.size(); ++i) {
    if (pattern[i % pattern.size()] == 'L') windows[i] = window;
  }
  return windows;
}

}  // namespace

int checked_rotary_dim(int dims, int head_dim) {
  if (dims <= head_dim && dims % 2 == 0) return dims;
  throw ModelLoadingError("[config] rotary_dim is " + std::to_string(dims) +
                          ", expected an even number up to head_dim (" +
                          std::to_string(head_dim) + ")");
}

bool sees_both_ways(const io::JsonConfig& config) {
  // Gemma 4: "all", or "vision" where the parts of an image see each other.
  if (config.is_string("use_bidirectional_attention")) {
    return config.require_string("use_bidirectional_attention") == "all";
  }
  return config.find_bool("use_bidirectional_attention").value_or(false) ||
         !flag_or(config, "is_causal", true);
}

// layer_types says it per layer; other configs by a pattern (Gemma 3), by a
// switch and the first layer that slides (Qwen), or by sliding_window alone
// (Mistral).
std::vector<int> read_windows(const io::JsonConfig& config, int layers,
                              int default_pattern, int default_window) {
  std::vector<int> windows(layers, 0);
  if (config.is_null("sliding_window")) return windows;
  if (!config.has("sliding_window") && default_window == 0) return windows;
  if (!flag_or(config, "use_sliding_window", true)) return windows;
  const int window = size_or(config, "sliding_window", default_window);
  if (const auto types = config.find_strings("layer_types")) {
    if (static_cast<int>(types->size()) < layers) {
      throw ModelLoadingError("[config] layer_types has " +
                              std::to_string(types->size()) +
                              " entries, expected " + std::to_string(layers));
    }
    for (int i = 0; i < layers; ++i) {
      if ((*types)[i] == "sliding_attention") windows[i] = window;
    }
    return windows;
  }
  if (config.is_string("sliding_window_pattern")) {
    return windows_of_letters(config.require_string("sliding_window_pattern"),
                              layers, window);
  }
  const int pattern =
      size_or(config, "sliding_window_pattern", default_pattern);
  const auto first_sliding =
      config.has("use_sliding_window")
          ? config.find_int("max_window_layers").value_or(0)
          : 0;
  for (int i = 0; i < layers; ++i) {
    const bool sees_all = pattern > 0 && (i + 1) % pattern == 0;
    if (i >= first_sliding && !sees_all) windows[i] = window;
  }
  return windows;
}

DenseConfig read_dense_config(const io::JsonConfig& config,
                              const DenseDefaults& defaults) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  if (defaults.dense_layers || config.has("intermediate_size")) {
    read.intermediate_size = require_size(config, "intermediate_size");
  }
  read.num_hidden_layers = require_size(config, defaults.num_hidden_layers);
  read.num_attention_heads = require_size(config, "num_attention_heads");
  read.num_key_value_heads =
      size_or(config, "num_key_value_heads", read.num_attention_heads);
  const bool shared = defaults.head_dim == 0 || config.is_null("head_dim");
  read.head_dim = size_or(
      config, "head_dim",
      shared ? read.hidden_size / read.num_attention_heads : defaults.head_dim);
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, defaults.norm_eps, defaults.norm_eps_value);
  read.activation =
      read_activation(config, defaults.activation, defaults.activation_name);
  read.windows =
      read_windows(config, read.num_hidden_layers,
                   defaults.sliding_window_pattern, defaults.sliding_window);
  read.bidirectional = sees_both_ways(config);
  check_heads(read);
  RopeDefaults rope = defaults.rope;
  rope.dims = rotated_dims(config, defaults, read.head_dim);
  read.rope = read_rope(config, rope);
  return read;
}

std::vector<ops::Linear> read_joined_heads(const WeightReader& weights,
                                           const DenseConfig& config,
                                           const std::string& module) {
  const int size = config.head_dim;
  const int groups = config.num_key_value_heads;
  const int queries = config.num_attention_heads / groups * size;
  const int all = queries + 2 * size;
  const auto part = [&](int first, int count) {
    return weights.pick_linear(module, groups * all, config.hidden_size,
                               head_rows(groups, all, first, count),
                               Bias::kIfPresent);
  };
  return {part(0, queries), part(queries, size), part(queries + size, size)};
}

ops::AttentionBlock read_attention(const WeightReader& weights,
                                   const DenseConfig& config,
                                   const DenseTraits& traits,
                                   const std::string& prefix, int index,
                                   ops::ResidualFrame frame) {
  const std::vector<ops::Linear> inputs =
      read_projections(weights, config, traits, prefix);
  const int heads = config.num_attention_heads;
  const int kv_heads = config.num_key_value_heads;
  ops::AttentionBlock block{
      .frame = std::move(frame),
      .spec =
          ops::AttentionSpec{
              .heads = heads,
              .kv_heads = kv_heads,
              .head_dim = config.head_dim,
              .scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim)),
              .window = config.windows[index],
              .bidirectional = config.bidirectional,
              .rope = config.rope},
      .query = inputs[0],
      .key = inputs[1],
      .value = inputs[2],
      .output = weights.linear(prefix + traits.names.output, config.hidden_size,
                               heads * config.head_dim, traits.output_bias),
      .query_norm = read_head_norm(weights, config, traits,
                                   prefix + traits.names.query_norm, heads),
      .key_norm = read_head_norm(weights, config, traits,
                                 prefix + traits.names.key_norm, kv_heads)};
  if (inputs.size() > 3) block.gate = inputs[3];
  return block;
}

ops::MlpBlock read_plain_mlp(const WeightReader& weights,
                             const DenseConfig& config, const std::string& up,
                             const std::string& down,
                             ops::ResidualFrame frame) {
  const int hidden = config.hidden_size;
  const int inner = config.intermediate_size;
  return {.frame = std::move(frame),
          .activation = config.activation,
          .gate = std::nullopt,
          .up = weights.linear(up, inner, hidden, Bias::kIfPresent),
          .down = weights.linear(down, hidden, inner, Bias::kIfPresent)};
}

std::function<FeedForward(const WeightReader&, const std::string& prefix,
                          int index, ops::ResidualFrame)>
plain_mlps(const DenseConfig& config, std::string up, std::string down) {
  return [&config, up = std::move(up), down = std::move(down)](
             const WeightReader& weights, const std::string& prefix,
             int /*index*/, ops::ResidualFrame frame) -> FeedForward {
    return read_plain_mlp(weights, config, prefix + up, prefix + down,
                          std::move(frame));
  };
}

void join_heads(const DenseConfig& config, DenseTraits& traits) {
  traits.projections = [&config](const WeightReader& weights,
                                 const std::string& prefix) {
    return read_joined_heads(weights, config, prefix + "query_key_value");
  };
  traits.feed_forward =
      plain_mlps(config, "mlp.dense_h_to_4h", "mlp.dense_4h_to_h");
}

void check_shared_heads(const DenseConfig& config) {
  if (config.num_attention_heads % config.num_key_value_heads == 0 &&
      config.head_dim % 2 == 0) {
    return;
  }
  throw ModelLoadingError(
      "[config] " + std::to_string(config.num_attention_heads) +
      " heads of size " + std::to_string(config.head_dim) + " cannot share " +
      std::to_string(config.num_key_value_heads) + " heads of keys");
}

void grow_queries(const io::JsonConfig& config, ops::AttentionSpec& spec) {
  const auto rope = find_rope_scaling(config);
  if (!rope || !rope->has("llama_4_scaling_beta")) return;
  spec.temperature = number_or(*rope, "llama_4_scaling_beta", 0);
  spec.temperature_step =
      require_size(*rope, "original_max_position_embeddings");
  spec.temperature_first = 0;
}

ops::MlpBlock read_gated_mlp(const WeightReader& weights,
                             const DenseConfig& config,
                             const DenseTraits& traits,
                             const std::string& prefix,
                             ops::ResidualFrame frame) {
  const int hidden = config.hidden_size;
  const int inner = config.intermediate_size;
  const Bias bias = traits.mlp_bias;
  const DenseNames& names = traits.names;
  if (names.gate.empty()) {
    return read_plain_mlp(weights, config, prefix + names.up,
                          prefix + names.down, std::move(frame));
  }
  const std::vector<ops::Linear> inputs =
      traits.fused_gate_up
          ? weights.split_linear(prefix + names.gate_up, {inner, inner}, hidden,
                                 bias)
          : std::vector<ops::Linear>{
                weights.linear(prefix + names.gate, inner, hidden, bias),
                weights.linear(prefix + names.up, inner, hidden, bias)};
  // Read ahead of the block: GCC 12 frees the gate twice where an initializer
  // behind it throws.
  ops::Linear down = weights.linear(prefix + names.down, hidden, inner, bias);
  return {.frame = std::move(frame),
          .activation = config.activation,
          .gate = inputs[0],
          .up = inputs[1],
          .down = std::move(down)};
}

DecoderParts read_dense_parts(const ModelSource& source, DenseConfig config,
                              DenseTraits traits) {
  if (const auto factors = source.weights.find_vector("rope_freqs.weight")) {
    apply_frequency_factors(config.rope, *factors);
  }
  const WeightReader weights(source.weights, source.backend);
  const bool bare = drop_missing_prefix(weights, traits.names);
  const bool has_head = weights.has_matrix(traits.names.head);
  const bool tied =
      source.config.find_bool("tie_word_embeddings").value_or(!has_head);
  const int embedding_size =
      config.embedding_size > 0 ? config.embedding_size : config.hidden_size;
  DecoderParts parts{
      .embedding = weights.linear(
          traits.names.embedding,
          config.embedding_rows > 0 ? config.embedding_rows : config.vocab_size,
          embedding_size, Bias::kNone),
      .layers = {},
      .head = std::nullopt};
  if (!traits.names.final_norm.empty()) {
    parts.final_norm =
        read_norm(weights, config, traits, traits.names.final_norm);
  }
  if (bare && !has_head && !tied) {
    parts.headless = true;
  } else if (tied) {
    // Some checkpoints carry a copy of the embedding as the head.
    source.weights.find_tensor(traits.names.head + ".weight");
    const std::string bias = traits.names.head + ".bias";
    if (weights.has_vector(bias)) {
      parts.head =
          weights.linear(traits.names.embedding, config.vocab_size, {},
                         weights.matrix(traits.names.embedding,
                                        config.vocab_size, embedding_size),
                         weights.vector(bias, config.vocab_size));
    }
  } else {
    parts.head = weights.linear(traits.names.head, config.vocab_size,
                                embedding_size, Bias::kIfPresent);
  }
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    parts.layers.push_back(LayerReader(weights, config, traits, i).read());
    if (source.on_progress) {
      source.on_progress((i + 1.0) / config.num_hidden_layers);
    }
  }
  return parts;
}

void put_norms_behind(DenseNames& names) {
  names.before_attention = "";
  names.after_attention = "post_attention_layernorm";
  names.before_mlp = "";
  names.after_mlp = "post_feedforward_layernorm";
}

void edit_attention(
    DecoderParts& parts,
    const std::function<void(int index, ops::AttentionBlock& block)>& edit) {
  for (std::size_t i = 0; i < parts.layers.size(); ++i) {
    auto* block = std::get_if<ops::AttentionBlock>(&parts.layers[i].mixer);
    if (block) edit(static_cast<int>(i), *block);
  }
}

}  // namespace abstractllm::models

// Nemotron-H, Nemotron Nano 2 and 3: state spaces, attention without rotation
// and plain feed-forward networks or experts, each a layer of its own in the
// checkpoint.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"
#include "models/common/state_space.h"

namespace abstractllm::models {

namespace {

constexpr int kNone = -1;

// A mixing layer of the checkpoint and the feed-forward one behind it, if
// there is one: together they are a layer of ours.
struct Pair {
  int mixer = kNone;
  bool attends = false;
  int feed_forward = kNone;
  bool has_experts = false;
};

// The kinds of the layers as letters: M, *, - and, for experts, E.
std::string read_pattern(const io::JsonConfig& config) {
  if (const auto pattern = config.find_string("hybrid_override_pattern")) {
    return *pattern;
  }
  auto types = config.find_strings("layers_block_type");
  if (!types) types = config.find_strings("layer_types");
  if (!types) return config.require_string("hybrid_override_pattern");
  std::string pattern;
  for (const std::string& type : *types) {
    pattern += type == "mamba" || type == "linear_attention"     ? 'M'
               : type == "attention" || type == "full_attention" ? '*'
               : type == "mlp"                                   ? '-'
               : type == "moe"                                   ? 'E'
                                                                 : '?';
  }
  return pattern;
}

std::vector<Pair> read_pairs(const std::string& pattern) {
  std::vector<Pair> pairs;
  if (pattern.empty()) {
    throw ModelLoadingError("[config] hybrid_override_pattern has no layers");
  }
  for (int i = 0; i < static_cast<int>(pattern.size()); ++i) {
    const char kind = pattern[static_cast<std::size_t>(i)];
    if (kind == 'M' || kind == '*') {
      pairs.push_back({.mixer = i, .attends = kind == '*'});
    } else if ((kind == '-' || kind == 'E') && !pairs.empty() &&
               pairs.back().feed_forward == kNone) {
      pairs.back().feed_forward = i;
      pairs.back().has_experts = kind == 'E';
    } else {
      throw UnsupportedModelError(
          "[config] the layers '" + pattern + "' are not supported at " +
              std::to_string(i),
          "Supported: M and *, each with at most one - or E behind it.");
    }
  }
  return pairs;
}

ops::StateSpaceSpec read_spec(const io::JsonConfig& config) {
  ops::StateSpaceSpec spec{.heads = require_size(config, "mamba_num_heads"),
                           .head_dim = require_size(config, "mamba_head_dim"),
                           .groups = size_or(config, "n_groups", 1),
                           .state = require_size(config, "ssm_state_size")};
  read_step_limits(config, spec, "mamba_hidden_act");
  // Whatever time_step_limit says.
  spec.least_step = number_or(config, "time_step_min", 0.001);
  spec.largest_step = std::numeric_limits<float>::infinity();
  return spec;
}

DenseConfig read_config(const io::JsonConfig& config, int layers) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  if (config.has("intermediate_size")) {
    read.intermediate_size = require_size(config, "intermediate_size");
  }
  read.num_hidden_layers = layers;
  read.num_attention_heads = require_size(config, "num_attention_heads");
  read.num_key_value_heads =
      size_or(config, "num_key_value_heads", read.num_attention_heads);
  read.head_dim = size_or(
      config, config.has("head_dim") ? "head_dim" : "attention_head_dim", 128);
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  read.activation = read_activation(config, "mlp_hidden_act", "relu2");
  read.windows.assign(static_cast<std::size_t>(layers), 0);
  if (read.num_attention_heads % read.num_key_value_heads == 0) return read;
  throw ModelLoadingError("[config] num_attention_heads (" +
                          std::to_string(read.num_attention_heads) +
                          ") is no multiple of num_key_value_heads (" +
                          std::to_string(read.num_key_value_heads) + ")");
}

MoeConfig read_moe_config(const io::JsonConfig& config) {
  MoeConfig moe{
      .experts = require_size(config, "n_routed_experts"),
      .intermediate_size = require_size(config, "moe_intermediate_size"),
      .router = {.chosen = require_size(config, "num_experts_per_tok"),
                 .score = ops::RouterScore::kSigmoid,
                 .normalise = flag_or(config, "norm_topk_prob", true),
                 .scale = number_or(config, "routed_scaling_factor", 1)},
      .shared_intermediate_size =
          require_size(config, "moe_shared_expert_intermediate_size")};
  read_router_groups(config, moe.router);
  if (config.has("moe_latent_size") ||
      read_activation(config, "mlp_hidden_act", "relu2") !=
          ops::Activation::kReluSquared) {
    throw UnsupportedModelError(
        "[config] experts of a latent size or without squared ReLU are not "
        "supported",
        "Supported: moe_latent_size null, mlp_hidden_act relu2.");
  }
  return moe;
}

// Experts without gates: relu(u)^2 is relu(u) * u, so that the first matrix
// serves as the gate, too.
ops::MoeBlock read_experts(const WeightReader& weights,
                           const DenseConfig& config, const MoeConfig& moe,
                           const std::string& module,
                           ops::ResidualFrame frame) {
  check_router(moe);
  const int hidden = config.hidden_size;
  const int inner = moe.intermediate_size;
  // In stacks of transformers, ours or mlx-lm, or one by one.
  const auto stack = [&](const std::string& name, const char* stacked,
                         int outputs, int inputs) {
    std::string found = module + "experts." + name;
    for (const std::string& other : {name, std::string(stacked)}) {
      if (!weights.has_matrix(found)) found = module + "switch_mlp." + other;
    }
    return weights.experts(module + "experts.", name, found, moe.experts,
                           outputs, inputs);
  };
  const ops::ExpertLinear up = stack("up_proj", "fc1", inner, hidden);
  const int shared_inner = moe.shared_intermediate_size;
  const std::string shared = module + "shared_experts.";
  const ops::Linear shared_up = weights.linear(shared + "up_proj", shared_inner,
                                               hidden, Bias::kIfPresent);
  ops::MoeBlock block{
      .frame = std::move(frame),
      .router =
          weights.linear(module + "gate", moe.experts, hidden, Bias::kNone),
      .spec = moe.router,
      .activation = ops::Activation::kRelu,
      .gate = up,
      .up = up,
      .down = stack("down_proj", "fc2", hidden, inner),
      .shared = ops::SharedExpert{
          .gate = shared_up,
          .up = shared_up,
          .down = weights.linear(shared + "down_proj", hidden, shared_inner,
                                 Bias::kIfPresent)}};
  const std::string correction = module + "gate.e_score_correction_bias";
  if (weights.has_vector(correction)) {
    block.correction =
        ops::make_floats(weights.vector(correction, moe.experts));
  }
  return block;
}

}  // namespace

std::unique_ptr<Model> make_nemotron_h(const ModelSource& source) {
  const std::vector<Pair> pairs = read_pairs(read_pattern(source.config));
  const DenseConfig config =
      read_config(source.config, static_cast<int>(pairs.size()));
  const ops::StateSpaceSpec spec = read_spec(source.config);
  const StateSpaceLayout layout{
      .hidden_size = config.hidden_size,
      .kernel = size_or(source.config, "conv_kernel", 4),
      .norm_eps = config.norm_eps,
      .norm_groups = spec.groups};
  const bool any_experts =
      std::any_of(pairs.begin(), pairs.end(),
                  [](const Pair& pair) { return pair.has_experts; });
  const MoeConfig moe =
      any_experts ? read_moe_config(source.config) : MoeConfig();
  const WeightReader reader(source.weights, source.backend);
  // transformers 5 saves under another name than the published one.
  const std::string root =
      reader.has_matrix("model.embeddings") ? "model." : "backbone.";
  const auto layer = [&](int index) {
    return root + "layers." + std::to_string(index) + ".";
  };
  const auto frame = [&](const WeightReader& weights, int index) {
    return ops::ResidualFrame{
        .before = weights.norm(ops::NormKind::kRms, layer(index) + "norm",
                               config.hidden_size, config.norm_eps)};
  };
  DenseTraits traits;
  traits.names = {.embedding = root + "embeddings",
                  .layers = root + "layers.",
                  .final_norm = root + "norm_f",
                  .before_attention = "",
                  .before_mlp = ""};
  traits.mixer = [&](const WeightReader& weights, const std::string&, int index,
                     ops::ResidualFrame) -> Mixer {
    const Pair& pair = pairs[static_cast<std::size_t>(index)];
    const std::string module = layer(pair.mixer) + "mixer.";
    if (pair.attends) {
      return read_attention(weights, config, traits, module, index,
                            frame(weights, pair.mixer));
    }
    return read_state_space(weights, spec, layout, module,
                            frame(weights, pair.mixer));
  };
  traits.feed_forward = [&](const WeightReader& weights, const std::string&,
                            int index, ops::ResidualFrame) -> FeedForward {
    const Pair& pair = pairs[static_cast<std::size_t>(index)];
    const int own = pair.feed_forward;
    if (own == kNone) return std::monostate();
    const std::string module = layer(own) + "mixer.";
    if (pair.has_experts) {
      return read_experts(weights, config, moe, module, frame(weights, own));
    }
    return read_plain_mlp(weights, config, module + "up_proj",
                          module + "down_proj", frame(weights, own));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models

// OLMo Hybrid: linear attention by the gated delta rule, with norms before each
// half, between layers of OLMo 3's attention, with norms behind each half.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "io/weight_source.h"
#include "mlx/ops.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

// Of the norm behind the rule, whatever rms_norm_eps says.
constexpr float kRuleNormEps = 1e-5f;

bool attends(const io::JsonConfig& config, int layer, int layers) {
  const auto types = config.find_strings("layer_types");
  if (!types) {
    return layer % 4 == 3 || (layers < 4 && layer == layers - 1);
  }
  if (static_cast<int>(types->size()) < layers) {
    throw ModelLoadingError("[config] layer_types has " +
                            std::to_string(types->size()) +
                            " entries, expected " + std::to_string(layers));
  }
  return (*types)[static_cast<std::size_t>(layer)] != "linear_attention";
}

ops::DeltaRuleSpec read_spec(const io::JsonConfig& config,
                             const DenseConfig& dense) {
  require_silu(config, "hidden_act");
  const int heads = dense.num_attention_heads;
  ops::DeltaRuleSpec spec{
      .key_heads = size_or(config, "linear_num_key_heads", heads),
      .value_heads = size_or(config, "linear_num_value_heads", heads)};
  const double key_dim = 0.75 * dense.hidden_size / spec.key_heads;
  spec.key_dim =
      size_or(config, "linear_key_head_dim", static_cast<int>(key_dim));
  spec.value_dim = size_or(config, "linear_value_head_dim", 2 * spec.key_dim);
  const bool turns_round = flag_or(config, "linear_allow_neg_eigval", true);
  spec.share_scale = turns_round ? 2.0f : 1.0f;
  if (spec.value_heads % spec.key_heads == 0) return spec;
  throw ModelLoadingError("[config] linear_num_value_heads (" +
                          std::to_string(spec.value_heads) +
                          ") is no multiple of linear_num_key_heads (" +
                          std::to_string(spec.key_heads) + ")");
}

// Of queries, keys and values together, or published apart. transformers
// divides what it has together into parts of equal sizes.
ops::CausalConvolution read_convolutions(const WeightReader& weights,
                                         const ops::DeltaRuleSpec& spec,
                                         int kernel,
                                         const std::string& module) {
  if (!weights.has_matrix(module + "q_conv1d")) {
    return read_convolution(weights, module + "conv1d", spec.channels(),
                            kernel);
  }
  std::vector<mlx::core::array> parts;
  int left = spec.channels();
  for (const char* name : {"q_conv1d", "k_conv1d", "v_conv1d"}) {
    const auto& shape =
        weights.source().tensor(module + name + ".weight").shape;
    const int channels = static_cast<int>(
        std::min<std::int64_t>(left, shape.empty() ? 0 : shape[0]));
    if (channels < 1) break;
    parts.push_back(
        read_convolution(weights, module + name, channels, kernel).weight);
    left -= channels;
  }
  if (parts.size() == 3 && left == 0) {
    mlx::core::array weight = mlx::core::concatenate(parts, 1);
    weight.eval();  // kernels read its numbers
    return {.kernel = kernel, .weight = std::move(weight)};
  }
  throw ModelLoadingError("[weights] the convolutions of '" + module +
                          "' do not have " + std::to_string(spec.channels()) +
                          " channels together");
}

ops::DeltaRuleBlock read_rule(const WeightReader& weights, int hidden,
                              const ops::DeltaRuleSpec& spec, int kernel,
                              const std::string& module,
                              ops::ResidualFrame frame) {
  std::vector<float> decay = weights.vector(module + "A_log", spec.value_heads);
  for (float& value : decay) value = -std::exp(value);
  return {
      .frame = std::move(frame),
      .spec = spec,
      .input = weights.stacked_linear({{module + "q_proj", spec.keys()},
                                       {module + "k_proj", spec.keys()},
                                       {module + "v_proj", spec.values()},
                                       {module + "g_proj", spec.values()}},
                                      hidden),
      .rates = weights.stacked_linear({{module + "b_proj", spec.value_heads},
                                       {module + "a_proj", spec.value_heads}},
                                      hidden),
      .convolution = read_convolutions(weights, spec, kernel, module),
      .step_bias = ops::make_floats(
          weights.vector(module + "dt_bias", spec.value_heads)),
      .decay = ops::make_floats(decay),
      .norm = weights.norm(ops::NormKind::kRms, module + "o_norm",
                           spec.value_dim, kRuleNormEps),
      .output = weights.linear(module + "o_proj", hidden, spec.values(),
                               Bias::kNone)};
}

// Published models do not turn: their base is null, which is not the same as
// absent here.
bool turns(const io::JsonConfig& config) {
  const auto parameters = config.find_json("rope_parameters").value_or("");
  return parameters.find("\"rope_theta\":null") == std::string::npos;
}

// Layers of the rule are published with names of their own, which transformers
// gives to norms of the other layers, too, when it saves.
std::string norm_name(const WeightReader& weights, const std::string& prefix,
                      const std::string& published, const std::string& other) {
  const bool renamed = weights.has_vector(prefix + published + ".weight");
  return prefix + (renamed ? published : other);
}

}  // namespace

std::unique_ptr<Model> make_olmo_hybrid(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  DenseConfig config = read_dense_config(fields);
  if (!turns(fields)) config.rope = {};
  const int layers = config.num_hidden_layers;
  const ops::DeltaRuleSpec spec = read_spec(fields, config);
  const int kernel = size_or(fields, "linear_conv_kernel_dim", 4);
  const auto frame = [&](const WeightReader& weights, bool behind,
                         const std::string& before, const std::string& after) {
    const ops::Norm norm =
        weights.norm(ops::NormKind::kRms, behind ? after : before,
                     config.hidden_size, config.norm_eps);
    return behind ? ops::ResidualFrame{.after = norm}
                  : ops::ResidualFrame{.before = norm};
  };
  DenseTraits traits{.query_key_norm = HeadNorm::kAllHeads};
  traits.names.before_attention = "";
  traits.names.before_mlp = "";
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame) -> Mixer {
    const bool full = attends(fields, index, layers);
    ops::ResidualFrame around = frame(
        weights, full,
        norm_name(weights, prefix, "attention_layer_norm", "input_layernorm"),
        norm_name(weights, prefix, "feedforward_layer_norm",
                  "post_attention_layernorm"));
    if (full) {
      return read_attention(weights, config, traits,
                            prefix + traits.names.attention, index,
                            std::move(around));
    }
    return read_rule(weights, config.hidden_size, spec, kernel,
                     prefix + "linear_attn.", std::move(around));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame) -> FeedForward {
    return read_gated_mlp(
        weights, config, traits, prefix + traits.names.mlp,
        frame(weights, attends(fields, index, layers),
              norm_name(weights, prefix, "feedforward_layer_norm",
                        "post_attention_layernorm"),
              prefix + "post_feedforward_layernorm"));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models

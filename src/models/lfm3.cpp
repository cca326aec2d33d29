// LFM 3: LFM 2 with norms behind each half, windows in some layers, and a gate
// for each head of attention.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/convolution.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

enum class Kind { kConvolution, kSlides, kSeesAll };

std::vector<Kind> read_kinds(const io::JsonConfig& config, int layers) {
  const auto types = config.find_strings("layer_types");
  if (types && static_cast<int>(types->size()) < layers) {
    throw ModelLoadingError("[config] layer_types has " +
                            std::to_string(types->size()) +
                            " entries, expected " + std::to_string(layers));
  }
  std::vector<Kind> kinds;
  for (int i = 0; i < layers; ++i) {
    const std::string type = types ? (*types)[static_cast<std::size_t>(i)]
                             : i % 4 == 2          ? "full_attention"
                             : i % 4 == 0 && i > 0 ? "sliding_attention"
                                                   : "conv";
    kinds.push_back(type == "conv"                ? Kind::kConvolution
                    : type == "sliding_attention" ? Kind::kSlides
                                                  : Kind::kSeesAll);
  }
  return kinds;
}

ops::RopeTable read_layer_rope(const io::JsonConfig& config, Kind kind,
                               int dims) {
  const bool slides = kind == Kind::kSlides;
  const char* name = slides ? "sliding_attention" : "full_attention";
  const RopeDefaults defaults{.theta = 1000000, .dims = dims};
  if (const auto table = find_layer_rope(config, name, defaults)) {
    return *table;
  }
  if (slides) return plain_rope({.dims = dims});
  return read_rope_parameters(
      config,
      io::JsonConfig::parse(R"({"rope_type": "proportional",
                                "partial_rotary_factor": 0.5})",
                            "the family's rotation"),
      defaults);
}

DenseConfig read_config(const io::JsonConfig& config,
                        const std::vector<Kind>& kinds) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  read.intermediate_size = require_size(config, "intermediate_size");
  read.num_hidden_layers = static_cast<int>(kinds.size());
  read.num_attention_heads = require_size(config, "num_attention_heads");
  read.num_key_value_heads = require_size(config, "num_key_value_heads");
  read.head_dim = size_or(config, "head_dim", 128);
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "norm_eps", 1e-5);
  const int window = config.is_null("sliding_window")
                         ? 0
                         : size_or(config, "sliding_window", 256);
  for (const Kind kind : kinds) {
    read.windows.push_back(kind == Kind::kSlides ? window : 0);
  }
  check_shared_heads(read);
  return read;
}

}  // namespace

std::unique_ptr<Model> make_lfm3(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const std::vector<Kind> kinds =
      read_kinds(fields, require_size(fields, "num_hidden_layers"));
  const DenseConfig config = read_config(fields, kinds);
  const int hidden = config.hidden_size;
  const int kernel = size_or(fields, "conv_L_cache", 7);
  const bool gated = flag_or(fields, "use_attention_gate", true);
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.names.final_norm = "model.embedding_norm";
  traits.names.before_attention = "operator_norm";
  traits.names.before_mlp = "ffn_norm";
  traits.names.mlp = "feed_forward.";
  traits.names.gate = "w1";
  traits.names.up = "w3";
  traits.names.down = "w2";
  if (flag_or(fields, "use_sandwich_norm", true)) {
    traits.names.after_attention = "post_operator_norm";
    traits.names.after_mlp = "post_ffn_norm";
  }
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    const Kind kind = kinds[static_cast<std::size_t>(index)];
    if (kind == Kind::kConvolution) {
      return read_short_convolution(weights, hidden, kernel, prefix + "conv.",
                                    std::move(frame));
    }
    const std::string module = prefix + traits.names.attention;
    ops::AttentionBlock block = read_attention(weights, config, traits, module,
                                               index, std::move(frame));
    block.spec.rope = read_layer_rope(fields, kind, config.head_dim);
    if (gated) {
      // Published under the first name; transformers has the other inside.
      const bool published = weights.has_matrix(module + "gate_proj");
      block.gate =
          weights.linear(module + (published ? "gate_proj" : "g_proj"),
                         config.num_attention_heads, hidden, Bias::kNone);
    }
    return block;
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models

// Gemma 3's language model: five layers with a window and unscaled rotation to
// one that sees all.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/gemma.h"

namespace abstractllm::models {

namespace {

constexpr double kLocalTheta = 10000;
constexpr double kGlobalTheta = 1000000;

struct Ropes {
  ops::RopeTable local;
  ops::RopeTable global;
};

// rope_parameters of newer configs has one object for each kind of layer.
Ropes read_ropes(const io::JsonConfig& config, int dims) {
  const auto parameters = config.find_object("rope_parameters");
  if (parameters && parameters->is_object("full_attention")) {
    const auto kind = [&](const char* name, double theta) {
      return read_rope_parameters(config, parameters->require_object(name),
                                  {.theta = theta, .dims = dims});
    };
    return {kind("sliding_attention", kLocalTheta),
            kind("full_attention", kGlobalTheta)};
  }
  const double local =
      config.find_number("rope_local_base_freq").value_or(kLocalTheta);
  return {plain_rope({.theta = local, .dims = dims}),
          read_rope(config, {.theta = kGlobalTheta, .dims = dims})};
}

}  // namespace

std::unique_ptr<Model> make_gemma3_text(const ModelSource& source) {
  DenseConfig config =
      read_gemma_config(source.config, {.sliding_window_pattern = 6});
  const Ropes ropes = read_ropes(source.config, config.head_dim);
  DecoderParts parts = read_gemma_parts(source, config, /* around = */ true,
                                        HeadNorm::kEachHead);
  parts.logit_softcap = number_or(source.config, "final_logit_softcapping", 0);
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    block.spec.scale = gemma_score_scale(source.config);
    block.spec.softcap = number_or(source.config, "attn_logit_softcapping", 0);
    block.spec.rope = config.windows[index] > 0 ? ropes.local : ropes.global;
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models

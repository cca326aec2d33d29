// OLMo 2: norms behind each half instead of before it, and over all heads of q
// and of k.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_olmo2(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.norm_eps_value = 1e-5});
  DenseTraits traits{.query_key_norm = HeadNorm::kAllHeads};
  put_norms_behind(traits.names);
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models

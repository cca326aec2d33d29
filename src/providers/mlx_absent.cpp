// Stands in for the MLX provider in a build without MLX.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "providers/mlx.h"

namespace abstractllm {

namespace {

[[noreturn]] void refuse() {
  throw UnsupportedProviderError(
      "[providers] mlx is not built into this program",
      "Configure with -DABSTRACTLLM_MLX=ON and build again, or use another "
      "provider.",
      "mlx");
}

}  // namespace

Diagnosis diagnose(std::string_view) { refuse(); }

Diagnosis diagnose(const ProviderConfig&) { refuse(); }

ModelDescription describe_model(std::string_view) { refuse(); }

bool providers::mlx_is_built_in() noexcept { return false; }

std::set<ModelCapability> providers::mlx_capabilities() { return {}; }

std::unique_ptr<AbstractLLMInterface> providers::make_mlx(ProviderConfig) {
  refuse();
}

}  // namespace abstractllm

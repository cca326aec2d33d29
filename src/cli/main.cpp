// The program `allm`.
// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "abstractllm/convert.h"
#include "abstractllm/factory.h"
#include "abstractllm/routing.h"
#include "cli/cli.h"

namespace {

using namespace abstractllm;

// A service that is busy for a moment is asked again; a model in this process
// has no such moments.
std::unique_ptr<AbstractLLMInterface> open_provider(std::string_view provider,
                                                    ProviderConfig config) {
  auto llm = create_llm(provider, std::move(config));
  if (llm->provider() == "mlx") return llm;
  return create_retrying(std::move(llm));
}

}  // namespace

int main(int argc, char** argv) {
  return cli::run_process(
      argc, argv,
      {open_provider, list_local_models, describe_model, provider_names,
       provider_info, list_models, pull_model, plan_model_removal, remove_model,
       [](const ProviderConfig& config) { return diagnose(config); },
       convert_model, provider_id});
}

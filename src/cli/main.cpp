// The program `allm`.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/factory.h"
#include "cli/cli.h"

int main(int argc, char** argv) {
  return abstractllm::cli::run_process(
      argc, argv,
      {abstractllm::create_llm, abstractllm::list_local_models,
       abstractllm::describe_model, abstractllm::provider_names,
       abstractllm::provider_info, abstractllm::list_models,
       abstractllm::pull_model});
}

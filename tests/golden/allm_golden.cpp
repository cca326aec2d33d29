// allm-golden DIR...: compares models with the reference outputs beside them,
// one JSON line a fixture.
// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "golden/golden.h"
#include "golden/vision_golden.h"

int main(int argc, char** argv) {
  using namespace abstractllm;
  std::vector<std::filesystem::path> roots;
  golden::GoldenOptions options;
  options.engine.cpu_precision = ops::cpu::Precision::kExact;

  CLI::App app{"Compares models with the reference outputs of fixtures."};
  app.add_option("folders", roots, "fixture folders, or folders of them")
      ->required();
  app.add_option("--chunk", options.chunk,
                 "tokens computed at a time; 0: the whole prompt");
  app.add_option("--cpu-backend", options.engine.cpu_backend,
                 "fast or reference")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, engine::CpuBackend>{
              {"fast", engine::CpuBackend::kFast},
              {"reference", engine::CpuBackend::kReference}}));
  app.add_option("--threads", options.engine.threads, "worker threads");
  app.add_option("--precision", options.engine.cpu_precision,
                 "exact, pair (what the program uses) or int8")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, ops::cpu::Precision>{
              {"exact", ops::cpu::Precision::kExact},
              {"pair", ops::cpu::Precision::kInt8Pair},
              {"int8", ops::cpu::Precision::kInt8}}));
  CLI11_PARSE(app, argc, argv);

  bool all_passed = true;
  int count = 0;
  for (const auto& root : roots) {
    for (const auto& folder : golden::find_fixtures(root)) {
      const golden::GoldenResult result =
          folder.parent_path().filename() == "vision"
              ? golden::run_vision_fixture(folder, options).text
              : golden::run_fixture(folder, options);
      std::cout << golden::to_json(result) << std::endl;
      all_passed = all_passed && result.pass;
      ++count;
    }
  }
  if (count == 0) std::cerr << "allm-golden: no reference.json found\n";
  return all_passed && count > 0 ? 0 : 1;
}

// The choice of a backend.
// SPDX-License-Identifier: Apache-2.0
#include "engine/backend_choice.h"

#include <memory>
#include <string_view>

#include "io/json_config.h"
#include "ops/cpu_state.h"

namespace abstractllm::engine {

namespace {

std::string_view to_string(ops::cpu::Precision precision) {
  switch (precision) {
    case ops::cpu::Precision::kInt8:
      return "int8";
    case ops::cpu::Precision::kInt8Pair:
      return "int8-pair";
    case ops::cpu::Precision::kExact:
      return "exact";
  }
  return {};
}

}  // namespace

ops::Backend choose_backend(const EngineOptions& options,
                            std::int64_t hidden_size) {
  if (options.cpu_backend == CpuBackend::kReference) {
    return {.kind = ops::BackendKind::kReference,
            .adaptation = std::make_shared<ops::Adaptation>()};
  }
  return {.kind = ops::BackendKind::kCpu,
          .cpu = std::make_shared<ops::CpuState>(
              options.threads,
              ops::choose_cpu_precision(options.cpu_precision, hidden_size),
              options.kv_cache_type),
          .adaptation = std::make_shared<ops::Adaptation>()};
}

ops::WeightKeeping weight_keeping(const EngineOptions& options,
                                  std::int64_t hidden_size) {
  if (options.cpu_backend == CpuBackend::kReference) {
    return {.kind = ops::BackendKind::kReference};
  }
  return {.kind = ops::BackendKind::kCpu,
          .all_digits = ops::keeps_all_digits(
              ops::choose_cpu_precision(options.cpu_precision, hidden_size))};
}

std::int64_t hidden_size(const io::JsonConfig& config) {
  if (const auto text = config.find_object("text_config")) {
    return hidden_size(*text);
  }
  if (const auto size = config.find_int("hidden_size")) return *size;
  if (const auto size = config.find_int("n_embd")) return *size;
  return config.find_int("d_model").value_or(0);
}

std::string describe_precision(const EngineOptions& options,
                               std::int64_t hidden_size) {
  if (options.cpu_backend == CpuBackend::kReference) {
    return "float32, by the reference backend";
  }
  const ops::CpuPrecision chosen =
      ops::choose_cpu_precision(options.cpu_precision, hidden_size);
  std::string text(to_string(chosen.generated));
  if (chosen.prompt != chosen.generated) {
    text = std::string(to_string(chosen.prompt)) + " in prompts, " + text +
           " in answers";
  }
  if (options.cpu_precision) return text + " (as asked for)";
  const std::string limit = std::to_string(ops::kBearsRounding);
  return text + " (auto: a hidden size of " + std::to_string(hidden_size) +
         (hidden_size < ops::kBearsRounding ? " is less than " + limit
                                            : ", at least " + limit) +
         ")";
}

}  // namespace abstractllm::engine

// Names to values, with the bounds of each.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx_options.h"

#include <algorithm>
#include <string>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::providers {

namespace {

constexpr char kId[] = "mlx";

std::optional<ops::cpu::Precision> read_cpu_precision(
    const ProviderConfig& config) {
  using ops::cpu::Precision;
  const std::string& name = config.cpu_precision;
  if (config.cpu_exact && name != "auto" && name != "exact") {
    throw InvalidParameterError(
        "[mlx] cpu_exact does not go with cpu_precision '" + name + "'",
        "Give one of the two.", kId);
  }
  if (config.cpu_exact || name == "exact") return Precision::kExact;
  if (name == "auto") return std::nullopt;
  if (name == "int8") return Precision::kInt8;
  if (name == "int8-pair") return Precision::kInt8Pair;
  throw InvalidParameterError("[mlx] cpu_precision is '" + name +
                                  "', expected auto, int8, int8-pair or exact",
                              "", kId);
}

std::optional<ops::cpu::KvType> read_kv_cache_type(
    const ProviderConfig& config) {
  using ops::cpu::KvType;
  const std::string& name = config.kv_cache_type;
  if (name == "auto") return std::nullopt;
  if (config.cpu_backend == "reference") {
    throw UnsupportedFeatureError(
        "[mlx] kv_cache_type goes with the CPU's own kernels alone",
        "Leave it out, or use cpu_backend fast.", kId);
  }
  if (name == "f32") return KvType::kF32;
  if (name == "f16") return KvType::kF16;
  if (name == "bf16") return KvType::kBF16;
  if (name == "int8") return KvType::kInt8;
  throw InvalidParameterError("[mlx] kv_cache_type is '" + name +
                                  "', expected auto, f32, f16, bf16 or int8",
                              "", kId);
}

engine::CpuBackend read_cpu_backend(const std::string& name) {
  if (name == "fast") return engine::CpuBackend::kFast;
  if (name == "reference") return engine::CpuBackend::kReference;
  throw InvalidParameterError(
      "[mlx] cpu_backend is '" + name + "', expected fast or reference", "",
      kId);
}

void check_device(const std::string& device) {
  if (device == "auto" || device == "cpu") return;
  throw UnsupportedFeatureError("[mlx] device '" + device + "' is not built in",
                                "Use auto or cpu.", kId);
}

int choose_context_length(int wanted, const engine::ContextLength& known) {
  if (wanted == 0) return known.tokens;
  if (wanted >= 1 && wanted <= known.most) return wanted;
  throw InvalidParameterError(
      "[mlx] context_length is " + std::to_string(wanted) + ", expected 1 to " +
          std::to_string(known.most),
      "The model was trained for " + std::to_string(known.tokens) + " tokens.",
      kId);
}

void check_count(const char* name, int value, int most) {
  if (value >= 0 && value <= most) return;
  throw InvalidParameterError("[mlx] " + std::string(name) + " is " +
                                  std::to_string(value) + ", expected 0 to " +
                                  std::to_string(most),
                              "0 lets the engine choose.", kId);
}

}  // namespace

engine::EngineOptions read_mlx_options(ProviderConfig& config,
                                       const engine::ModelPackage& package,
                                       const MlxAdapters& adapters) {
  if (config.connection != ConnectionOptions{}) {
    throw UnsupportedFeatureError(
        "[mlx] the provider mlx runs in this process and has no connection",
        "Leave base_url, api_key and the other connection options out.", kId);
  }
  check_device(config.device);
  check_count("threads", config.threads, 1024);
  check_count("prefill_chunk", config.prefill_chunk, 1 << 30);
  check_count("parallel_sequences", config.parallel_sequences, 1024);
  check_count("max_queued_requests", config.max_queued_requests, 1 << 20);
  validate(config.parameters);
  return {.cpu_backend = read_cpu_backend(config.cpu_backend),
          .cpu_precision = read_cpu_precision(config),
          .kv_cache_type = read_kv_cache_type(config),
          .threads = config.threads,
          .context_length = choose_context_length(config.context_length,
                                                  package.context_length),
          .prefill_chunk = config.prefill_chunk,
          .parallel_sequences = config.parallel_sequences,
          .max_queued_requests = config.max_queued_requests,
          .kv_cache_bytes = config.kv_cache_bytes,
          .adapters = adapters.files(),
          .score_adapter = adapters.default_number(),
          .on_load_progress = std::move(config.on_load_progress)};
}

engine::EngineOptions read_diagnosis_options(const ProviderConfig& config) {
  check_device(config.device);
  check_count("context_length", config.context_length, 1 << 30);
  return {.cpu_backend = read_cpu_backend(config.cpu_backend),
          .cpu_precision = read_cpu_precision(config),
          .kv_cache_type = read_kv_cache_type(config),
          .context_length = config.context_length};
}

std::optional<std::int64_t> read_max_pixels(std::uint64_t wanted) {
  if (wanted == 0) return std::nullopt;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;  // no tower's
  return static_cast<std::int64_t>(std::min(wanted, kMost));
}

}  // namespace abstractllm::providers

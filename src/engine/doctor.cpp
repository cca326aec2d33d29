// Gathers facts, each from the part that knows it, and judges.
// SPDX-License-Identifier: Apache-2.0
#include "engine/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "abstractllm/error.h"
#include "base/available_memory.h"
#include "engine/backend_limits.h"
#include "engine/model_outline.h"
#include "engine/model_package.h"
#include "hub/local_models.h"
#include "io/model_files.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/backend/metal/metal.h"
#include "mlx/version.h"
#include "models/catalogue.h"
#include "models/registry.h"
#include "models/sequence.h"
#include "ops/cpu/cpu_budget.h"
#include "ops/cpu/cpu_features.h"
#include "ops/shapes_only.h"

namespace abstractllm::engine {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

// What a prompt is computed in at a time, for the memory that takes.
constexpr int kChunk = 512;
// Distinct products that are listed.
constexpr std::size_t kListedProducts = 24;

struct KvType {
  const char* name;
  double bytes;  // of one element; int8 has a scale for each head
};
constexpr KvType kKvTypes[] = {
    {"f32", 4}, {"f16", 2}, {"bf16", 2}, {"int8", 1.0625}};
constexpr const char* kUsedKvType = "f16";

std::string gigabytes(double bytes) {
  return fmt::format("{:.2f} GB", bytes / 1e9);
}

std::string simd_text(const ops::cpu::CpuFeatures& features) {
  std::string text;
  const auto add = [&](bool has, const char* name) {
    if (has) text += (text.empty() ? "" : ", ") + std::string(name);
  };
  add(features.avx512, "AVX-512");
  add(features.avx512_vnni, "AVX-512 VNNI");
  add(features.avx512_bf16, "AVX-512 BF16");
  add(features.amx_int8, "AMX int8");
  add(features.avx2, "AVX2");
  add(features.avx_vnni, "AVX VNNI");
  add(features.sse4, "SSE4");
  add(features.neon_dot, "NEON dot products");
  return text.empty() ? "none that our kernels know" : text;
}

// One examination, from the files to the verdict.
class Doctor {
 public:
  explicit Doctor(const MachineFacts& machine) : machine_(machine) {
    add_machine();
  }

  void examine(std::string_view id) {
    const auto path =
        hub::LocalModels(hub::ModelLocations::from_environment()).resolve(id);
    json_["model"] = {{"id", id}, {"path", path.string()}};
    io::JsonConfig config;
    std::optional<io::WeightSource> weights;
    try {
      const io::ModelFiles files = io::ModelFiles::at(path);
      if (files.config) config = io::JsonConfig::load(*files.config);
      read_architecture(config);
      weights = io::WeightSource::open(files);
      config = weights->config();
      read_architecture(config);
    } catch (const Error& error) {
      refuse(error);
    }
    outline_ = read_outline(config);
    if (weights) build_of_shapes(*weights);
    read_package(id);
    add_sizes(weights);
    if (outline_.hidden_size > 0) {
      add_memory();
      add_paths();
    }
  }

  Diagnosis finish() {
    result_.verdict = !result_.reason.empty() ? Verdict::kDoesNotRun
                      : result_.notes.empty() ? Verdict::kRuns
                                              : Verdict::kRunsWithNotes;
    json_["notes"] = result_.notes;
    json_["reason"] = result_.reason;
    json_["verdict"] = result_.verdict == Verdict::kDoesNotRun ? "does_not_run"
                       : result_.verdict == Verdict::kRuns     ? "runs"
                                                           : "runs_with_notes";
    result_.json = json_.dump(2, ' ', false, Json::error_handler_t::replace);
    return std::move(result_);
  }

 private:
  // The first reason is the one that the others follow from.
  void refuse(const Error& error) {
    std::string reason = error.what();
    if (!error.hint().empty()) reason += ". " + error.hint();
    if (result_.reason.empty()) result_.reason = std::move(reason);
  }

  void add_machine() {
    const hub::ModelLocations places = hub::ModelLocations::from_environment();
    const char* device = "cpu, our kernels";
    Rows rows{
        {"device", device},
        {"libmlx", fmt::format("{}; CPU{}{}", machine_.mlx_version,
                               machine_.has_metal ? ", Metal" : "",
                               machine_.has_cuda ? ", CUDA" : "")},
        {"SIMD", machine_.simd},
        {"cores", fmt::format("{}, {} used", machine_.logical_cores,
                              machine_.usable_threads)},
        {"memory", gigabytes(static_cast<double>(machine_.memory_available)) +
                       " available"},
        {"models", places.models.string()},
        {"hub cache", places.hugging_face.string()}};
    json_["machine"] = {{"device", "cpu"},
                        {"mlx_version", machine_.mlx_version},
                        {"metal", machine_.has_metal},
                        {"cuda", machine_.has_cuda},
                        {"simd", machine_.simd},
                        {"cores", machine_.logical_cores},
                        {"threads", machine_.usable_threads},
                        {"memory_available", machine_.memory_available},
                        {"models", places.models.string()},
                        {"hub_cache", places.hugging_face.string()}};
    result_.sections.push_back({"Machine", std::move(rows)});
  }

  void read_architecture(const io::JsonConfig& config) {
    const auto type = config.find_string("model_type");
    if (!type) return;
    json_["architecture"] = {{"model_type", *type},
                             {"supported", models::contains(*type)}};
    models::require_supported(*type);
    if (const auto* row = models::find_in_catalogue(*type)) {
      json_["architecture"]["verified"] = row->verified;
    }
  }

  // Tensors that are missing, misshapen or unknown; no weight is read.
  void build_of_shapes(const io::WeightSource& weights) {
    if (!result_.reason.empty()) return;
    try {
      const ops::ShapesOnly shapes;
      const auto model = models::make_model({.config = weights.config(),
                                             .weights = weights,
                                             .backend = {},
                                             .on_progress = {}});
      const ops::KvLayers cache = model->make_cache();
      exact_cache_ = [bytes = cache_sizes(cache)](std::size_t i) {
        return bytes[i];
      };
    } catch (const Error& error) {
      refuse(error);
    }
  }

  std::vector<int> context_lengths() const {
    std::vector<int> lengths;
    const int most =
        outline_.context_length > 0 ? outline_.context_length : 4096;
    for (int length = 2048; length < most; length *= 4) {
      lengths.push_back(length);
    }
    lengths.push_back(most);
    return lengths;
  }

  // float32, as stock MLX keeps it.
  std::vector<double> cache_sizes(const ops::KvLayers& cache) const {
    std::vector<double> sizes;
    for (const int length : context_lengths()) {
      sizes.push_back(static_cast<double>(models::cache_bytes(cache, length)));
    }
    return sizes;
  }

  void read_package(std::string_view id) {
    if (!result_.reason.empty()) return;
    try {
      const ModelPackage package = ModelPackage::open(id);
      Rows rows;
      for (const auto& [key, value] : describe(package)) {
        json_["facts"][key] = value;
        rows.push_back({key, value});
      }
      result_.sections.push_back({"Model", std::move(rows)});
      if (package.chat.source != TemplateSource::kModel) {
        result_.notes.push_back("the model has no chat template; " +
                                std::string(to_string(package.chat.source)) +
                                " is used");
      }
    } catch (const Error& error) {
      refuse(error);
    }
  }

  void add_sizes(const std::optional<io::WeightSource>& weights) {
    Rows rows;
    if (weights) {
      summary_ = summarise_weights(*weights);
      weight_bytes_ = static_cast<double>(summary_.bytes);
      for (const auto& [form, parameters] : summary_.forms) {
        rows.push_back(
            {form, fmt::format("{:.1f} M parameters",
                               static_cast<double>(parameters) / 1e6)});
        json_["weights"]["forms"][form] = parameters;
      }
    } else {
      summary_.parameters = outline_.estimated_parameters;
      weight_bytes_ = 2.0 * static_cast<double>(summary_.parameters);
      result_.notes.push_back(
          "its weights are not here: sizes are computed from the config, at 16 "
          "bits a parameter");
    }
    rows.push_back(
        {"all", fmt::format("{:.1f} M parameters, {}",
                            static_cast<double>(summary_.parameters) / 1e6,
                            gigabytes(weight_bytes_))});
    json_["weights"]["parameters"] = summary_.parameters;
    json_["weights"]["bytes"] = static_cast<std::uint64_t>(weight_bytes_);
    json_["weights"]["exact"] = weights.has_value();
    result_.sections.push_back({"Weights", std::move(rows)});
    const models::CatalogueRow* row = nullptr;
    if (json_.contains("architecture")) {
      row = models::find_in_catalogue(
          json_["architecture"]["model_type"].get<std::string>());
    }
    const bool sees = row != nullptr && !row->vision.empty();
    json_["vision"] = {{"model", outline_.has_vision}, {"supported", sees}};
    if (outline_.has_vision && !sees) {
      result_.notes.push_back("images are not supported for this model");
    }
  }

  void add_memory() {
    const std::vector<int> lengths = context_lengths();
    Rows rows{{"CONTEXT", "WEIGHTS", "F32 CACHE", "F16", "BF16", "INT8",
               "ACTIVATIONS", "NEEDED", "FITS"}};
    Json list = Json::array();
    std::string short_of;
    const auto available = static_cast<double>(machine_.memory_available);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const double whole =
          exact_cache_
              ? exact_cache_(i)
              : 4.0 * static_cast<double>(outline_.kv_elements) * lengths[i];
      const double activations =
          4.0 *
          (std::min(kChunk, lengths[i]) *
               (8.0 * outline_.hidden_size + 3.0 * outline_.intermediate_size) +
           outline_.vocabulary);
      std::vector<std::string> row{std::to_string(lengths[i]),
                                   gigabytes(weight_bytes_)};
      Json entry{{"context", lengths[i]}};
      double needed = 0;
      for (const KvType& type : kKvTypes) {
        const double bytes = whole / 4 * type.bytes;
        row.push_back(gigabytes(bytes));
        entry["cache_bytes"][type.name] = static_cast<std::uint64_t>(bytes);
        if (type.name == std::string_view(kUsedKvType)) {
          needed = weight_bytes_ + bytes + activations;
        }
      }
      const bool fits = needed <= available;
      row.insert(row.end(), {gigabytes(activations), gigabytes(needed),
                             fits ? "yes" : "no"});
      entry["needed_bytes"] = static_cast<std::uint64_t>(needed);
      entry["fits"] = fits;
      rows.push_back(std::move(row));
      list.push_back(std::move(entry));
      if (!fits && short_of.empty()) {
        short_of =
            fmt::format("a context of {} needs {} and {} are available",
                        lengths[i], gigabytes(needed), gigabytes(available));
        if (i == 0) {
          refuse(MemoryExceededError("[doctor] " + short_of));
        } else {
          result_.notes.push_back(short_of);
        }
      }
    }
    json_["memory"] = std::move(list);
    result_.sections.push_back(
        {"Memory (needed with an f16 cache)", std::move(rows)});
  }

  void add_paths() {
    Rows rows{{"WHAT", "BACKEND", "PATH", "BECAUSE"}};
    Json list = Json::array();
    const auto add = [&](const std::string& what, Target target,
                         const KernelPath& path) {
      rows.push_back({what, std::string(to_string(target)),
                      std::string(to_string(path.route)), path.because});
      list.push_back({{"what", what},
                      {"backend", to_string(target)},
                      {"path", to_string(path.route)},
                      {"because", path.because}});
    };
    const AttentionShape& shape = outline_.attention;
    if (shape.heads > 0) {
      for (const Phase phase : {Phase::kDecode, Phase::kPrefill}) {
        const std::string what =
            fmt::format("attention {}x{} over {}, {}", shape.heads,
                        shape.head_dim, shape.kv_heads, to_string(phase));
        for (const Target target : kTargets) {
          add(what, target, attention_path(target, phase, shape));
        }
      }
    }
    std::size_t listed = 0;
    for (const auto& [product, count] : summary_.products) {
      if (++listed > kListedProducts) break;
      const std::string what =
          fmt::format("{}x matmul {}x{}, {} bits", count, product.outputs,
                      product.inputs, product.bits);
      for (const Target target : kTargets) {
        add(what, target, matmul_path(target, product));
      }
    }
    json_["paths"] = std::move(list);
    result_.sections.push_back({"Paths", std::move(rows)});
  }

  const MachineFacts& machine_;
  Diagnosis result_;
  Json json_ = Json::object();
  ModelOutline outline_;
  WeightSummary summary_;
  double weight_bytes_ = 0;
  std::function<double(std::size_t)> exact_cache_;
};

}  // namespace

MachineFacts MachineFacts::of_this_machine() {
  return {
      .mlx_version = mlx::core::version(),
      .has_metal = mlx::core::metal::is_available(),
      .has_cuda = mlx::core::cu::is_available(),
      .simd = simd_text(ops::cpu::detect_cpu_features()),
      .logical_cores = static_cast<int>(std::thread::hardware_concurrency()),
      .usable_threads = ops::cpu::usable_threads(),
      .memory_available = base::available_memory()};
}

Diagnosis diagnose(std::string_view model, const MachineFacts& machine) {
  Doctor doctor(machine);
  if (!model.empty()) doctor.examine(model);
  return doctor.finish();
}

}  // namespace abstractllm::engine

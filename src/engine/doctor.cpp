// Gathers facts, each from the part that knows it, and judges.
// SPDX-License-Identifier: Apache-2.0
#include "engine/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "abstractllm/error.h"
#include "engine/backend_choice.h"
#include "engine/backend_limits.h"
#include "engine/memory_forecast.h"
#include "engine/model_outline.h"
#include "engine/model_package.h"
#include "engine/weight_summary.h"
#include "hub/local_models.h"
#include "io/model_config.h"
#include "io/model_files.h"
#include "models/catalogue.h"
#include "models/common/vision_language.h"
#include "models/imagined_weights.h"
#include "models/registry.h"
#include "ops/cpu_precision.h"
#include "ops/shapes_only.h"
#include "vision/towers/tower.h"

namespace abstractllm::engine {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

// Distinct products that are listed.
constexpr std::size_t kListedProducts = 24;

std::string gigabytes(double bytes) {
  return fmt::format("{:.2f} GB", bytes / 1e9);
}

// Of sums that may be larger than any number.
std::uint64_t whole_bytes(double bytes) {
  return static_cast<std::uint64_t>(std::min(bytes, 1e19));
}

// One examination, from the files to the verdict.
class Doctor {
 public:
  Doctor(const MachineFacts& machine, const EngineOptions& options)
      : machine_(machine), options_(options) {
    add_machine();
  }

  void examine(std::string_view id) {
    const auto path =
        hub::LocalModels(hub::ModelLocations::from_environment()).resolve(id);
    json_["model"] = {{"id", id}, {"path", path.string()}};
    open(path);
    outline_ = read_outline(config_);
    if (!weights_ || !build_of_shapes(*weights_)) imagine();
    summarise();
    read_text(id);
    add_sizes();
    if (is_built_) add_memory();
    add_paths();
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
  // The first reason is the one that the verdict rests on.
  void refuse(const Error& error) {
    std::string reason = error.what();
    if (!error.hint().empty()) reason += ". " + error.hint();
    if (result_.reason.empty()) {
      result_.reason = std::move(reason);
    } else if (reason != result_.reason) {
      result_.notes.push_back(std::move(reason));
    }
  }

  // Runs `part`, which may find a reason; what follows is looked at all the
  // same.
  template <typename Part>
  void look(Part&& part) {
    try {
      part();
    } catch (const Error& error) {
      refuse(error);
    }
  }

  void open(const std::filesystem::path& path) {
    look([&] {
      files_ = io::ModelFiles::at(path);
      if (!files_.config) return;
      config_ = io::load_model_config(*files_.config);
      read_architecture(config_);
    });
    if (!result_.reason.empty()) return;
    look([&] {
      weights_ = models::canonical_weights(io::WeightSource::open(files_));
      config_ = weights_->config();
      read_architecture(config_);
    });
  }

  void add_machine() {
    const hub::ModelLocations places = hub::ModelLocations::from_environment();
    const bool own = options_.cpu_backend == CpuBackend::kFast;
    const char* device = own ? "cpu, our kernels" : "cpu, stock MLX";
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
    if (!type) {
      throw UnsupportedModelError(
          "[doctor] " + config.origin() +
              ": there is no model_type, which names the architecture",
          "The file is of another program, or of an older one: use a model "
          "published for transformers, MLX or as GGUF.");
    }
    json_["architecture"] = {{"model_type", *type},
                             {"supported", models::contains(*type)}};
    is_supported_ = models::contains(*type);
    models::require_supported(*type);
    if (const auto* row = models::find_in_catalogue(*type)) {
      json_["architecture"]["verified"] = row->verified;
    }
  }

  // Tensors that are missing, misshapen or unknown; no weight is read.
  bool build_of_shapes(const io::WeightSource& weights) {
    look([&] {
      ops::WeightTally held(weight_keeping(options_, hidden_size(config_)));
      const ops::ShapesOnly shapes(&held);
      const models::ModelSource source{.config = weights.config(),
                                       .weights = weights,
                                       .backend = {},
                                       .on_progress = {}};
      const auto model = models::make_model(source);
      if (models::reads_images(weights.config().require_string("model_type"))) {
        vision::make_tower(source);
        if (!weights.is_imagined()) models::refuse_unread_tensors(weights);
      }
      layers_ = model->make_cache();
      held_bytes_ = held.bytes();
      is_built_ = true;
    });
    return is_built_;
  }

  // The model that the config promises, where its weights cannot say it.
  void imagine() {
    if (!is_supported_) return;
    look([&] { imagined_ = models::imagined_weights(config_); });
    if (imagined_ && !build_of_shapes(*imagined_)) imagined_.reset();
  }

  std::vector<int> context_lengths() const {
    std::vector<int> lengths;
    int most = outline_.context_length > 0 ? outline_.context_length : 4096;
    if (options_.context_length > 0) most = options_.context_length;
    for (int length = 2048; length < most; length *= 4) {
      lengths.push_back(length);
    }
    lengths.push_back(most);
    return lengths;
  }

  // In float32, as stock MLX keeps it.
  std::vector<CacheSize> cache_sizes() const {
    std::vector<CacheSize> sizes;
    if (outline_.is_encoder) return sizes;
    for (const int length : context_lengths()) {
      CacheSize size;
      for (const auto& layer : layers_) {
        (layer->recurrent() != nullptr ? size.states : size.keys_and_values) +=
            static_cast<double>(layer->bytes_at(length));
      }
      sizes.push_back(size);
    }
    return sizes;
  }

  const io::WeightSource* known_weights() const {
    if (weights_) return &*weights_;
    return imagined_ ? &*imagined_ : nullptr;
  }

  // Of a model that was built, without the tensors that it left alone.
  void summarise() {
    const io::WeightSource* known = known_weights();
    if (known == nullptr) return;
    summary_ = is_built_ ? summarise_weights(*known, known->unread_names())
                         : summarise_weights(*known);
  }

  void add_facts(const ModelDescription& facts) {
    Rows rows;
    for (const auto& [key, value] : facts) {
      json_["facts"][key] = value;
      rows.push_back({key, value});
    }
    result_.sections.push_back({"Model", std::move(rows)});
  }

  // Also of a model whose weights are missing or faulty.
  void read_text(std::string_view id) {
    if (!is_supported_) return;
    try {
      const ModelText package = ModelText::read(id, files_, config_);
      outline_.context_length = package.context_length.tokens;
      add_facts(describe(package, config_, summary_ ? &*summary_ : nullptr,
                         options_));
      if (options_.context_length > package.context_length.most) {
        throw InvalidParameterError(
            fmt::format("[doctor] context_length is {}, expected 1 to {}",
                        options_.context_length, package.context_length.most),
            "The model was trained for no more tokens.");
      }
      if (!package.is_encoder &&
          package.chat.source != TemplateSource::kModel) {
        result_.notes.push_back(
            std::string("the model has no chat template, so ") +
            (package.chat.source == TemplateSource::kFamily
                 ? "its family's is used"
                 : "a plain one is used"));
      }
    } catch (const Error& error) {
      refuse(error);
    }
    if (!json_.contains("facts")) {
      look([&] {
        ModelDescription facts = describe_config(id, files_, config_);
        if (summary_) {
          facts.emplace_back("quantisation", describe_forms(*summary_));
        }
        add_facts(facts);
      });
    }
  }

  void add_sizes() {
    if (!summary_) return;
    Rows rows;
    for (const auto& [form, parameters] : summary_->forms) {
      rows.push_back(
          {form, fmt::format("{:.1f} M parameters",
                             static_cast<double>(parameters) / 1e6)});
      json_["weights"]["forms"][form] = parameters;
    }
    if (!weights_) {
      result_.notes.push_back(
          "its weights are not here: sizes are computed from the config");
    }
    rows.push_back(
        {"all", fmt::format("{:.1f} M parameters, {}",
                            static_cast<double>(summary_->parameters) / 1e6,
                            gigabytes(static_cast<double>(summary_->bytes)))});
    json_["weights"]["parameters"] = summary_->parameters;
    json_["weights"]["bytes"] = summary_->bytes;
    if (is_built_) {
      rows.push_back({"in memory", gigabytes(held_bytes_)});
      json_["weights"]["memory_bytes"] = whole_bytes(held_bytes_);
    }
    json_["weights"]["exact"] = weights_.has_value();
    result_.sections.push_back({"Weights", std::move(rows)});
    add_vision();
  }

  void add_vision() {
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

  // Of the caches, as the engine chooses it.
  std::string_view used_cache() const {
    if (options_.cpu_backend == CpuBackend::kReference) return "f32";
    return to_string(options_.kv_cache_type.value_or(
        ops::default_kv_type(ops::choose_cpu_precision(options_.cpu_precision,
                                                       outline_.hidden_size))));
  }

  void add_memory() {
    const std::vector<int> lengths = context_lengths();
    const std::string used(used_cache());
    if (!outline_.is_encoder) json_["cache_type"] = used;
    Rows rows{{"CONTEXT", "WEIGHTS"}};
    if (!outline_.is_encoder) {
      rows[0].insert(rows[0].end(), {"F32 CACHE", "F16", "BF16", "INT8"});
    }
    rows[0].insert(rows[0].end(), {"ACTIVATIONS", "NEEDED", "FITS"});
    Json list = Json::array();
    const auto available = static_cast<double>(machine_.memory_available);
    bool fitted = true;
    for (const MemoryNeed& need :
         forecast_memory(outline_, lengths, cache_sizes(), held_bytes_, used)) {
      const bool fits = need.needed <= available;
      std::vector<std::string> row{std::to_string(need.context),
                                   gigabytes(held_bytes_)};
      Json entry{{"context", need.context}};
      for (const auto& [type, bytes] : need.caches) {
        row.push_back(gigabytes(bytes));
        entry["cache_bytes"][type] = whole_bytes(bytes);
      }
      row.insert(row.end(), {gigabytes(need.activations),
                             gigabytes(need.needed), fits ? "yes" : "no"});
      entry["needed_bytes"] = whole_bytes(need.needed);
      entry["fits"] = fits;
      rows.push_back(std::move(row));
      list.push_back(std::move(entry));
      if (!fits && fitted) report_shortage(need, lengths.front(), available);
      fitted = fitted && fits;
    }
    json_["memory"] = std::move(list);
    result_.sections.push_back(
        {outline_.is_encoder ? "Memory"
                             : "Memory (needed with a cache in " + used + ")",
         std::move(rows)});
  }

  void report_shortage(const MemoryNeed& need, int shortest, double available) {
    const std::string text =
        fmt::format("a context of {} needs {} and {} are available",
                    need.context, gigabytes(need.needed), gigabytes(available));
    if (need.context == shortest) {
      refuse(MemoryExceededError("[doctor] " + text));
    } else {
      result_.notes.push_back(text);
    }
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
        // An encoder reads whole texts.
        if (outline_.is_encoder && phase == Phase::kDecode) continue;
        const std::string what =
            fmt::format("attention {}x{} over {}, {}", shape.heads,
                        shape.head_dim, shape.kv_heads, to_string(phase));
        for (const Target target : kTargets) {
          add(what, target, attention_path(target, phase, shape));
        }
      }
    }
    std::size_t listed = 0;
    const WeightSummary none;
    for (const auto& [product, count] :
         (summary_ ? *summary_ : none).products) {
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
  const EngineOptions& options_;
  Diagnosis result_;
  Json json_ = Json::object();
  io::ModelFiles files_;
  io::JsonConfig config_;
  bool is_supported_ = false;
  bool is_built_ = false;
  std::optional<io::WeightSource> weights_;
  std::optional<io::WeightSource> imagined_;  // where there are none
  ops::KvLayers layers_;                      // of the model, built of shapes
  ModelOutline outline_;
  std::optional<WeightSummary> summary_;
  double held_bytes_ = 0;  // by the weights, packed
};

}  // namespace

Diagnosis diagnose(std::string_view model, const MachineFacts& machine,
                   const EngineOptions& options) {
  Doctor doctor(machine, options);
  if (!model.empty()) doctor.examine(model);
  return doctor.finish();
}

}  // namespace abstractllm::engine

// An adapter of any layer of any family changes what the same change in the
// stored weights changes, or is refused by the layer's name.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "abstractllm/error.h"
#include "engine/backend_choice.h"
#include "golden/golden.h"
#include "io/adapter_file.h"
#include "io/embedding_names.h"
#include "io/model_files.h"
#include "io/weight_source.h"
#include "mlx/mlx.h"
#include "models/registry.h"
#include "models/sequence.h"
#include "ops/adapter.h"
#include "support/source_folder.h"
#include "unit/io/safetensors_builder.h"
#include "unit/io/test_files.h"

namespace abstractllm::golden {
namespace {

namespace fs = std::filesystem;
namespace mx = mlx::core;

constexpr int kRank = 2;

struct Case {
  fs::path folder;
  engine::CpuBackend backend;
};

std::string name_of(const Case& c) {
  std::string name =
      c.folder.parent_path().filename().string() + "_" +
      c.folder.filename().string() +
      (c.backend == engine::CpuBackend::kFast ? "_fast" : "_reference");
  for (char& letter : name) {
    if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
  }
  return name;
}

void PrintTo(const Case& c, std::ostream* stream) { *stream << name_of(c); }

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  std::set<std::string> seen;
  for (const fs::path& root : {fs::path(ABSTRACTLLM_TEST_DATA),
                               test::source_folder() / "tests/data"}) {
    for (const char* kind : {"text", "quant"}) {
      for (const auto& folder : find_fixtures(root / "fixtures" / kind)) {
        if (!seen.insert(folder.filename().string()).second) continue;
        cases.push_back({folder, engine::CpuBackend::kFast});
        cases.push_back({folder, engine::CpuBackend::kReference});
      }
    }
  }
  return cases;
}

// A layer of the checkpoint, as an adapter sees it.
struct Layer {
  std::string module;
  std::int64_t experts = 1;
  std::int64_t outputs = 0;  // of an expert
  std::int64_t inputs = 0;
  bool inputs_first = false;
};

// The same of all layers of the model: numbers do not count.
std::string kind_of(const std::string& module) {
  std::string kind;
  for (const char letter : module) {
    const bool digit = std::isdigit(static_cast<unsigned char>(letter)) != 0;
    if (!digit) kind += letter;
    if (digit && kind.ends_with('.')) kind += '#';
  }
  return kind;
}

class Model {
 public:
  Model(const io::WeightSource& weights, engine::CpuBackend cpu)
      : backend_(choose(cpu)),
        model_(models::make_model(
            {weights.config(), weights, backend_, nullptr})) {}

  const ops::Backend& backend() const { return backend_; }

  // Of a few tokens in two steps.
  std::vector<float> logits(
      const std::shared_ptr<const ops::Adapter>& adapter) const {
    models::Sequence sequence(*model_);
    std::vector<float> values;
    for (const std::vector<std::int32_t>& ids :
         {std::vector<std::int32_t>{3, 41, 7, 112, 60}, {9, 77, 23}}) {
      const mx::array rows = [&] {
        ops::RowChanges changes;
        if (adapter) changes = {{0, static_cast<int>(ids.size()), adapter}};
        const ops::AdapterScope scope(backend_, std::move(changes));
        return model_->logits(sequence.advance(ids));
      }();
      sequence.evaluate({rows});
      values.insert(values.end(), rows.data<float>(),
                    rows.data<float>() + rows.size());
    }
    return values;
  }

 private:
  static ops::Backend choose(engine::CpuBackend cpu) {
    engine::EngineOptions options;
    options.cpu_backend = cpu;
    options.cpu_precision = ops::cpu::Precision::kExact;
    options.threads = 1;
    return engine::choose_backend(options, 0);
  }

  ops::Backend backend_;
  std::unique_ptr<models::Model> model_;
};

// Matrices of the checkpoint that an adapter can name, by their kinds.
std::map<std::string, std::vector<Layer>> layers_of(
    const io::WeightSource& weights, const ops::Backend& backend) {
  std::map<std::string, std::vector<Layer>> kinds;
  for (const std::string& name : weights.names()) {
    std::string module = name;
    const std::size_t dimensions = weights.tensor(name).shape.size();
    if (name.ends_with(".weight")) {
      module.resize(name.size() - 7);
    } else if (name.ends_with("_blocks")) {
      module.resize(name.size() - 7);
    } else if (dimensions != 3 || name.ends_with("_scales") ||
               name.ends_with(".scales") || name.ends_with(".biases")) {
      continue;
    }
    const std::string_view last = io::last_part(module);
    if (dimensions < 2 || last.find("conv") != last.npos) continue;
    const io::WeightMatrix matrix = weights.matrix(module);
    Layer layer{
        .module = module, .outputs = matrix.rows(), .inputs = matrix.columns()};
    if (matrix.leading_shape().size() > 1) {
      layer.experts = matrix.leading_shape().front();
      layer.outputs /= layer.experts;
    }
    for (const ops::LinearSite& site : backend.adaptation->sites) {
      if (site.module != module) continue;
      layer.outputs = site.module_outputs / layer.experts;
      layer.inputs = site.linear.inputs();
    }
    layer.inputs_first = last.starts_with("c_") &&
                         weights.config().find_string("model_type") == "gpt2";
    kinds[kind_of(module)].push_back(layer);
  }
  return kinds;
}

// An adapter of `layers`: the first layers with magnitudes, too.
class RandomAdapter {
 public:
  explicit RandomAdapter(const std::vector<Layer>& layers) {
    // Only mlx-lm has files for stacks and for tables that are heads, too.
    const Layer& first = layers.front();
    const bool is_mlx = first.experts > 1 || io::names_a_table(first.module);
    std::vector<io::TestTensor> tensors;
    for (const Layer& layer : layers) {
      if (is_mlx) {
        add_mlx(layer, tensors);
      } else {
        add_peft(layer, tensors);
      }
    }
    folder_.write(
        "adapter_config.json",
        is_mlx ? R"({"fine_tune_type": "lora", "lora_parameters":
                               {"rank": 2, "scale": 1.0}})"
               : R"({"peft_type": "LORA", "r": 2, "lora_alpha": 2,
                               "use_dora": true, "fan_in_fan_out": )" +
                     std::string(first.inputs_first ? "true" : "false") + "}");
    folder_.write(is_mlx ? "adapters.safetensors" : "adapter_model.safetensors",
                  io::safetensors_text(tensors));
    file_ = std::make_shared<const io::AdapterFile>(
        io::AdapterFile::open(folder_.path()));
  }

  const std::shared_ptr<const io::AdapterFile>& file() const { return file_; }

 private:
  std::vector<float> numbers(std::int64_t count, double deviation,
                             double middle = 0) {
    std::normal_distribution<float> one(static_cast<float>(middle),
                                        static_cast<float>(deviation));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = one(random_);
    return values;
  }

  void add_mlx(const Layer& layer, std::vector<io::TestTensor>& tensors) {
    const auto [module, experts, outputs, inputs, turned] = layer;
    const double deviation = 1 / std::sqrt(double(inputs));
    using Shape = std::vector<std::int64_t>;
    const bool is_table = io::names_a_table(module);
    const Shape a =
        is_table ? Shape{outputs, kRank} : Shape{experts, kRank, inputs};
    const Shape b =
        is_table ? Shape{kRank, inputs} : Shape{experts, outputs, kRank};
    tensors.push_back(io::f32_tensor(
        module + ".lora_a", a,
        numbers(is_table ? outputs * kRank : experts * kRank * inputs,
                is_table ? 0.3 : deviation)));
    tensors.push_back(io::f32_tensor(
        module + ".lora_b", b,
        numbers(is_table ? kRank * inputs : experts * outputs * kRank, 0.3)));
  }

  void add_peft(const Layer& layer, std::vector<io::TestTensor>& tensors) {
    const std::string name = "base_model.model." + layer.module;
    tensors.push_back(io::f32_tensor(
        name + ".lora_A.weight", {kRank, layer.inputs},
        numbers(kRank * layer.inputs, 1 / std::sqrt(double(layer.inputs)))));
    tensors.push_back(io::f32_tensor(name + ".lora_B.weight",
                                     {layer.outputs, kRank},
                                     numbers(layer.outputs * kRank, 0.3)));
    if (tensors.size() % 5 != 2) return;
    tensors.push_back(io::f32_tensor(name + ".lora_magnitude_vector",
                                     {layer.outputs},
                                     numbers(layer.outputs, 0.2, 1)));
  }

  std::mt19937 random_{7};
  io::TemporaryFolder folder_;
  std::shared_ptr<const io::AdapterFile> file_;
};

float largest_difference(const std::vector<float>& a,
                         const std::vector<float>& b) {
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

// What `run` gives; nothing where it refuses one of `layers` by its name.
template <typename Run>
std::optional<std::vector<float>> unless_refused(
    const std::vector<Layer>& layers, Run run) {
  try {
    return run();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_TRUE(std::any_of(layers.begin(), layers.end(),
                            [&](const Layer& layer) {
                              return text.find(layer.module) != text.npos;
                            }))
        << text;
    return std::nullopt;
  }
}

// What text does not go through: towers, layers that guess further tokens, and
// what chooses among more tokens than there are here.
bool is_unseen(const std::string& kind) {
  for (const char* part :
       {"vision_", "multi_modal_projector", "eh_proj", "indexer"}) {
    if (kind.find(part) != kind.npos) return true;
  }
  return false;
}

class AdapterLaw : public testing::TestWithParam<Case> {};

TEST_P(AdapterLaw, RunningIsFusedOrRefusedByName) {
  const auto [folder, cpu] = GetParam();
  const auto open = [&] {
    return io::WeightSource::open(io::ModelFiles::at(folder));
  };
  const io::WeightSource weights = open();
  const Model base(weights, cpu);
  const std::vector<float> unchanged = base.logits(nullptr);
  int changed = 0;
  for (const auto& [kind, layers] : layers_of(weights, base.backend())) {
    SCOPED_TRACE(kind);
    const RandomAdapter adapter(layers);
    const auto fused = unless_refused(layers, [&] {
      return Model(open().fused(adapter.file()), cpu).logits(nullptr);
    });
    const auto running = unless_refused(layers, [&] {
      return base.logits(ops::make_adapter(base.backend(), *adapter.file()));
    });
    for (const auto& logits : {fused, running}) {
      if (!logits || is_unseen(kind)) continue;
      EXPECT_GT(largest_difference(*logits, unchanged), 1e-3)
          << (logits == fused ? "fused" : "running");
    }
    if (!fused || !running) continue;
    ++changed;
    EXPECT_LT(largest_difference(*fused, *running), 2e-3);
  }
  EXPECT_GE(changed, 2);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AdapterLaw, testing::ValuesIn(all_cases()),
                         [](const testing::TestParamInfo<Case>& info) {
                           return name_of(info.param);
                         });

TEST(AdapterLawFixtures, AreThere) { EXPECT_GE(all_cases().size(), 50u); }

}  // namespace
}  // namespace abstractllm::golden

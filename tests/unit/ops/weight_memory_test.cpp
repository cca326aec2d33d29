// What is forecast of weights against what their packed forms take.
// SPDX-License-Identifier: Apache-2.0
#include "ops/weight_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "block_data.h"
#include "io/model_files.h"
#include "io/packed_checkpoints.h"
#include "io/tensor_archive.h"
#include "io/weight_source.h"
#include "ops/cpu/packed_matrix.h"
#include "ops/shapes_only.h"
#include "support/source_folder.h"
#include "unit/io/test_files.h"

namespace abstractllm::ops {
namespace {

namespace fs = std::filesystem;

Backend backend_of(const WeightKeeping& keeping) {
  if (keeping.kind != BackendKind::kCpu) return {};
  const auto precision =
      keeping.all_digits ? cpu::Precision::kExact : cpu::Precision::kInt8Pair;
  return {
      .kind = BackendKind::kCpu,
      .cpu = std::make_shared<CpuState>(1, CpuPrecision{precision, precision})};
}

double bytes_of(const Linear& linear) {
  if (const auto* dense = std::get_if<DenseWeight>(&linear.storage())) {
    return static_cast<double>(dense->weight.nbytes());
  }
  if (const auto* affine = std::get_if<AffineWeight>(&linear.storage())) {
    return static_cast<double>(affine->codes.nbytes() +
                               affine->scales.nbytes() +
                               affine->biases.nbytes());
  }
  return static_cast<double>(linear.packed()->bytes());
}

// All matrices of one checkpoint, counted as the doctor does and then packed.
void expect_forecast(const std::vector<io::WeightMatrix>& matrices) {
  for (const WeightKeeping keeping :
       {WeightKeeping{}, WeightKeeping{.all_digits = true},
        WeightKeeping{.kind = BackendKind::kReference}}) {
    const Backend backend = backend_of(keeping);
    WeightTally tally(keeping);
    double held = 0;
    for (const io::WeightMatrix& matrix : matrices) {
      {
        const ShapesOnly shapes(&tally);
        make_linear(backend, matrix);
      }
      held += bytes_of(make_linear(backend, matrix));
    }
    EXPECT_NEAR(tally.bytes() / held, 1, 0.01)
        << "exact " << keeping.all_digits << ", kind " << int(keeping.kind);
  }
}

std::vector<io::WeightMatrix> matrices_of(const io::WeightSource& weights) {
  std::set<std::string> modules;
  for (const std::string& name : weights.names()) {
    const std::size_t dot = name.rfind('.');
    if (dot != name.npos && weights.has_matrix(name.substr(0, dot))) {
      modules.insert(name.substr(0, dot));
    }
  }
  std::vector<io::WeightMatrix> matrices;
  for (const std::string& module : modules) {
    io::WeightMatrix matrix = weights.matrix(module);
    if (matrix.rows() > 1) matrices.push_back(std::move(matrix));
  }
  return matrices;
}

TEST(WeightMemory, IsThatOfThePackedWeightsOfMlxAndGguf) {
  int seen = 0;
  for (const char* kind : {"quant", "gguf"}) {
    for (const fs::path& folder : io::fixtures(kind)) {
      SCOPED_TRACE(folder.string());
      fs::path place = folder;
      for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".gguf") place = entry.path();
      }
      const auto matrices =
          matrices_of(io::WeightSource::open(io::ModelFiles::at(place)));
      EXPECT_FALSE(matrices.empty());
      expect_forecast(matrices);
      ++seen;
    }
  }
  EXPECT_GT(seen, 6);
}

// FP8 takes twice its bytes, and what has no common groups 16 bits a number.
TEST(WeightMemory, IsThatOfThePackedWeightsOfOtherTools) {
  const auto archive = io::TensorArchive::open_safetensors(
      test::source_folder() / "tests" / "data" / "formats" /
      "packed.safetensors");
  const auto find = [&](const std::string& prefix) -> io::TensorLookup {
    return [&archive, prefix](const std::string& name) {
      static std::vector<std::unique_ptr<io::StoredTensor>> kept;
      const io::StoredTensor* stored = archive.find(prefix + "." + name);
      if (stored == nullptr || !prefix.starts_with("fp8") ||
          name != "m.weight") {
        return stored;
      }
      kept.push_back(std::make_unique<io::StoredTensor>(*stored));
      kept.back()->type = io::StorageType::kF8E4M3;
      return static_cast<const io::StoredTensor*>(kept.back().get());
    };
  };
  const std::map<std::string, std::string> forms{
      {"gptq-4", R"("gptq")"},
      {"gptq-8", R"("gptq","bits":8)"},
      {"gptq-act-order", R"("gptq","desc_act":true)"},
      {"awq", R"("awq")"},
      {"ct-sym", R"("compressed-tensors")"},
      {"ct-asym", R"("compressed-tensors")"},
      {"ct-int8", R"("compressed-tensors")"},
      {"ct-nvfp4", R"("compressed-tensors")"},
      {"ct-odd", R"("compressed-tensors")"},
      {"fp8-block", R"("fp8","weight_block_size":[8,16])"},
      {"fp8-row", R"("fp8")"},
      {"fp8-tensor", R"("fp8")"}};
  for (const auto& [prefix, method] : forms) {
    SCOPED_TRACE(prefix);
    const io::QuantizationConfig config(io::JsonConfig::parse(
        R"({"quantization_config":{"quant_method":)" + method + "}}",
        "config.json"));
    const auto matrix = io::read_packed(config, "m", find(prefix));
    ASSERT_TRUE(matrix.has_value());
    expect_forecast({*matrix});
    if (!prefix.starts_with("fp8")) continue;
    WeightTally tally({});
    tally.add(*matrix);
    EXPECT_GE(tally.bytes(), 2.0 * matrix->rows() * matrix->columns());
  }
}

// Sizes that no machine has are sums like others.
TEST(WeightMemory, AddsShapesWithoutWeights) {
  const auto weights = io::WeightSource::imagined(io::JsonConfig::parse(
      R"({"quantization": {"bits": 4, "group_size": 64}})", "config.json"));
  const auto side = std::int64_t{1} << 26;
  WeightTally tally({});
  tally.add(weights.imagine_matrix("m", side, side));
  EXPECT_NEAR(tally.bytes() / (0x1p52 * 4.5 / 8), 1, 0.01);
  WeightTally stock({.kind = BackendKind::kReference});
  stock.add(weights.imagine_matrix("n", 4096, 4096));
  EXPECT_EQ(stock.bytes(), 4096 * (4096 / 2 + 64 * 8));
}

}  // namespace
}  // namespace abstractllm::ops

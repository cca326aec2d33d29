// Comparison of a model with the reference outputs of a fixture.
// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>

#include "abstractllm/error.h"
#include "engine/backend_choice.h"
#include "golden/embedding_fixture.h"
#include "golden/references.h"
#include "golden/vision_golden.h"
#include "io/adapter_file.h"
#include "io/model_files.h"
#include "io/weight_source.h"
#include "mlx/mlx.h"
#include "models/registry.h"
#include "models/sequence.h"
#include "ops/adapter.h"

namespace abstractllm::golden {

namespace mx = mlx::core;
using nlohmann::json;

namespace {

using Ids = std::vector<std::int32_t>;

// Collects how far logits are from the reference.
class Comparison {
 public:
  void add(std::span<const float> got, std::span<const float> want) {
    for (std::size_t i = 0; i < want.size(); ++i) {
      const double difference = std::abs(double{got[i]} - double{want[i]});
      // A NaN must count as the worst of differences.
      if (!(difference <= worst_)) worst_ = difference;
    }
    ++rows_;
    agreeing_ += argmax(got) == argmax(want) ? 1 : 0;
  }

  static std::ptrdiff_t argmax(std::span<const float> row) {
    return std::max_element(row.begin(), row.end()) - row.begin();
  }

  double worst() const { return worst_; }
  double agreement() const {
    return rows_ == 0 ? 0 : static_cast<double>(agreeing_) / rows_;
  }

 private:
  double worst_ = 0;
  int rows_ = 0;
  int agreeing_ = 0;
};

class FixtureRun {
 public:
  FixtureRun(const std::filesystem::path& folder, const json& reference,
             const GoldenOptions& options)
      : reference_(reference),
        options_(options),
        references_(folder / reference.at("arrays").get<std::string>()),
        weights_(
            io::WeightSource::open(io::ModelFiles::at(model_path(folder)))),
        backend_(engine::choose_backend(options.engine, 0)) {
    if (reference_.at("kind") == "lora") {
      adapter_file_ = std::make_shared<const io::AdapterFile>(
          io::AdapterFile::open(folder));
      if (options.fuse_adapter) weights_ = weights_.fused(adapter_file_);
    }
    model_ =
        models::make_model({weights_.config(), weights_, backend_, nullptr});
    if (adapter_file_ && !options.fuse_adapter) {
      adapter_ = ops::make_adapter(backend_, *adapter_file_);
    }
    backend_.adaptation->sites.clear();
  }

  void run(GoldenResult& result) {
    result.greedy_equal = true;
    for (const json& prompt : reference_.at("prompts")) {
      check_prompt(prompt, result);
    }
    if (reference_.contains("left_padded_batch")) check_batch();
    result.max_logit_difference = comparison_.worst();
    result.argmax_agreement = comparison_.agreement();
    result.tolerance =
        reference_.at("tolerance").at("float32").at("max_abs_logits");
    result.pass =
        result.greedy_equal && result.max_logit_difference <= result.tolerance;
  }

 private:
  std::filesystem::path model_path(const std::filesystem::path& folder) const {
    if (!options_.model.empty()) return options_.model;
    if (reference_.at("kind") == "lora") {
      return folder / reference_.at("base").get<std::string>();
    }
    return reference_.contains("file")
               ? folder / reference_.at("file").get<std::string>()
               : folder;
  }

  // Logits of all `ids`, fed in chunks.
  std::vector<Row> feed(models::Sequence& sequence,
                        std::span<const std::int32_t> ids) const {
    std::vector<Row> rows;
    const std::size_t chunk = options_.chunk > 0
                                  ? static_cast<std::size_t>(options_.chunk)
                                  : ids.size();
    for (std::size_t done = 0; done < ids.size(); done += chunk) {
      const auto some = ids.subspan(done, std::min(chunk, ids.size() - done));
      const mx::array logits = [&] {
        const ops::AdapterScope scope(backend_, changes(some.size()));
        return model_->logits(sequence.advance(some));
      }();
      sequence.evaluate({logits});
      append_rows(logits, rows);
    }
    return rows;
  }

  ops::RowChanges changes(std::size_t rows) const {
    if (!adapter_) return {};
    return {{0, static_cast<int>(rows), adapter_}};
  }

  static void append_rows(const mx::array& logits, std::vector<Row>& rows) {
    const auto width = static_cast<std::size_t>(logits.shape(1));
    const float* data = logits.data<float>();
    for (int i = 0; i < logits.shape(0); ++i, data += width) {
      rows.emplace_back(data, data + width);
    }
  }

  void check_prompt(const json& prompt, GoldenResult& result) {
    models::Sequence sequence(*model_);
    const auto ids = prompt.at("ids").get<Ids>();
    sequence.reuse(ids);
    const std::vector<Row> logits = feed(sequence, ids);
    const std::vector<Row> want =
        references_.rows(prompt.at("logits").get<std::string>());
    const auto positions = prompt.contains("logits_positions")
                               ? prompt.at("logits_positions").get<Ids>()
                               : last_positions(ids.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      comparison_.add(logits.at(static_cast<std::size_t>(positions[i])),
                      want[i]);
    }
    check_greedy(prompt, sequence, logits.back(), result);
  }

  static Ids last_positions(std::size_t length, std::size_t count) {
    Ids positions;
    for (std::size_t i = length - count; i < length; ++i) {
      positions.push_back(static_cast<std::int32_t>(i));
    }
    return positions;
  }

  void check_greedy(const json& prompt, models::Sequence& sequence, Row row,
                    GoldenResult& result) {
    const auto want = prompt.at("greedy").get<Ids>();
    bool follows = true;
    for (const std::int32_t expected : want) {
      follows = follows && Comparison::argmax(row) == expected;
      row = feed(sequence, std::span(&expected, 1)).back();
    }
    result.greedy_equal = result.greedy_equal && follows;
    if (prompt.contains("logits_after_greedy")) {
      const auto after =
          references_.rows(prompt.at("logits_after_greedy").get<std::string>());
      comparison_.add(row, after.front());
    }
  }

  // The rows of a padded batch as one ragged step.
  void check_batch() {
    const json& batch = reference_.at("left_padded_batch");
    const auto padded = batch.at("ids").get<std::vector<Ids>>();
    const auto masks = batch.at("attention_mask").get<std::vector<Ids>>();
    std::vector<ops::KvLayers> caches;
    ops::Step step;
    Ids joined;
    caches.reserve(padded.size());
    for (std::size_t i = 0; i < padded.size(); ++i) {
      const int first = static_cast<int>(joined.size());
      for (std::size_t j = 0; j < padded[i].size(); ++j) {
        if (masks[i][j] != 0) joined.push_back(padded[i][j]);
      }
      caches.push_back(model_->make_cache());
      step.sequences.push_back(
          {&caches.back(), first, static_cast<int>(joined.size()) - first});
    }
    const mx::array ids(joined.data(), {static_cast<int>(joined.size())},
                        mx::int32);
    const mx::array logits =
        model_->logits(model_->forward(model_->embed(ids), step));
    mx::eval(logits);
    std::vector<Row> rows;
    append_rows(logits, rows);
    const std::vector<Row> want =
        references_.rows(batch.at("last_logits").get<std::string>());
    for (std::size_t i = 0; i < want.size(); ++i) {
      const ops::SequenceRows& sequence = step.sequences[i];
      comparison_.add(rows.at(static_cast<std::size_t>(sequence.first_row +
                                                       sequence.rows - 1)),
                      want[i]);
    }
  }

  const json& reference_;
  const GoldenOptions& options_;
  References references_;
  io::WeightSource weights_;
  ops::Backend backend_;
  std::shared_ptr<const io::AdapterFile> adapter_file_;
  std::shared_ptr<const ops::Adapter> adapter_;
  std::unique_ptr<models::Model> model_;
  Comparison comparison_;
};

json read_json(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream)
    throw FileProcessingError("[golden] cannot read " + file.string());
  return json::parse(stream);
}

}  // namespace

GoldenResult run_fixture(const std::filesystem::path& folder,
                         const GoldenOptions& options) {
  GoldenResult result;
  result.name = folder.filename().string();
  try {
    const json reference = read_json(folder / "reference.json");
    result.name = reference.at("name");
    result.kind = reference.at("kind");
    if (result.kind == "embed") {
      run_embedding_fixture(folder, reference, options, result);
      return result;
    }
    if (result.kind == "vision") {
      return run_vision_fixture(folder, options).text;
    }
    if (result.kind != "text" && result.kind != "quant" &&
        result.kind != "gguf" && result.kind != "lora") {
      throw UnsupportedOperationError("[golden] fixtures of kind '" +
                                      result.kind + "' cannot be run yet");
    }
    FixtureRun(folder, reference, options).run(result);
  } catch (const std::exception& error) {
    result.error = error.what();
    result.pass = false;
  }
  return result;
}

std::string to_json(const GoldenResult& result) {
  nlohmann::ordered_json line{
      {"name", result.name},
      {"kind", result.kind},
      {"max_logit_difference", result.max_logit_difference},
      {"tolerance", result.tolerance},
      {"argmax_agreement", result.argmax_agreement},
      {"greedy_equal", result.greedy_equal},
      {"pass", result.pass}};
  if (!result.error.empty()) line["error"] = result.error;
  return line.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<std::filesystem::path> find_fixtures(
    const std::filesystem::path& root) {
  if (std::filesystem::exists(root / "reference.json")) return {root};
  std::vector<std::filesystem::path> folders;
  if (!std::filesystem::is_directory(root)) return folders;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().filename() == "reference.json") {
      folders.push_back(entry.path().parent_path());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace abstractllm::golden

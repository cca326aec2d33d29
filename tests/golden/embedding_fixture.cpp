// Comparison of an embedding model with the reference of a fixture.
// SPDX-License-Identifier: Apache-2.0
#include "golden/embedding_fixture.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "engine/backend_choice.h"
#include "engine/embedding_run.h"
#include "engine/model_package.h"
#include "golden/references.h"
#include "mlx/mlx.h"
#include "models/registry.h"
#include "models/sequence.h"

namespace abstractllm::golden {

namespace mx = mlx::core;
using nlohmann::json;

namespace {

double distance(const Row& got, const Row& want) {
  if (got.size() != want.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double difference = std::abs(double{got[i]} - double{want[i]});
    if (!(difference <= worst)) worst = difference;
  }
  return std::isnan(worst) ? INFINITY : worst;
}

class EmbeddingFixture {
 public:
  EmbeddingFixture(const std::filesystem::path& folder, const json& reference,
                   const GoldenOptions& options)
      : reference_(reference),
        references_(folder / reference.at("arrays").get<std::string>()),
        package_(engine::ModelPackage::open(
            (options.model.empty() ? folder : options.model).string())),
        chunk_(options.chunk > 0 ? options.chunk : 512),
        model_(models::make_model({package_.config(), package_.weights,
                                   engine::choose_backend(options.engine, 0),
                                   nullptr})) {}

  void run(GoldenResult& result) {
    result.greedy_equal = true;  // stands for the token ids
    const auto want =
        references_.rows(reference_.at("embeddings").get<std::string>());
    std::vector<engine::EmbeddingText> texts;
    const json& cases = reference_.at("cases");
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const auto ids = cases[i].at("ids").get<std::vector<std::int32_t>>();
      if (package_.tokenizer.encode(cases[i].at("text").get<std::string>(),
                                    true) != ids) {
        result.greedy_equal = false;
      }
      texts.push_back({ids});
      compare_hidden(ids, cases[i].at("hidden").get<std::string>());
      worst_ = std::max(worst_, distance(embed({{ids}}).front(), want.at(i)));
    }
    const engine::Vectors together = embed(texts);
    for (std::size_t i = 0; i < want.size(); ++i) {
      worst_ = std::max(worst_, distance(together.at(i), want[i]));
    }
    result.max_logit_difference = worst_;
    result.argmax_agreement = 1;
    result.tolerance = reference_.at("tolerance").at("float32").at("max_abs");
    result.pass = result.greedy_equal && worst_ <= result.tolerance;
  }

 private:
  void compare_hidden(const std::vector<std::int32_t>& ids,
                      const std::string& name) {
    models::Sequence sequence(*model_);
    const mx::array hidden = sequence.advance(ids);
    sequence.evaluate({hidden});
    const std::vector<Row> want = references_.rows(name);
    const float* row = hidden.data<float>();
    for (const Row& each : want) {
      worst_ = std::max(worst_, distance(Row(row, row + each.size()), each));
      row += each.size();
    }
  }

  engine::Vectors embed(std::vector<engine::EmbeddingText> texts) const {
    if (!package_.embedding) {
      throw UnsupportedOperationError("[golden] the model has no pooling");
    }
    engine::EmbeddingRun run(
        *model_,
        {.texts = std::move(texts),
         .recipe = *package_.embedding,
         .dimensions = {},
         .cancel = {}},
        {.chunk = chunk_, .parallel = 4, .whole_texts = package_.is_encoder});
    while (run.advance()) {
    }
    return run.take_vectors();
  }

  const json& reference_;
  References references_;
  engine::ModelPackage package_;
  int chunk_;
  std::unique_ptr<models::Model> model_;
  double worst_ = 0;
};

}  // namespace

void run_embedding_fixture(const std::filesystem::path& folder,
                           const json& reference, const GoldenOptions& options,
                           GoldenResult& result) {
  EmbeddingFixture(folder, reference, options).run(result);
}

}  // namespace abstractllm::golden

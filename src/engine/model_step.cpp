// Rows in, logits of the rows that are sampled out.
// SPDX-License-Identifier: Apache-2.0
#include "engine/model_step.h"

#include <chrono>
#include <vector>

#include "mlx/ops.h"

namespace abstractllm::engine {

namespace mx = mlx::core;

namespace {

// Rows `wanted` of hidden, without a node where they are all there are.
mx::array select_rows(const mx::array& hidden,
                      const std::vector<std::int32_t>& wanted) {
  const int rows = hidden.shape(0);
  const int count = static_cast<int>(wanted.size());
  if (count == rows) return hidden;
  if (wanted.back() - wanted.front() == count - 1) {
    return mx::slice(hidden, {wanted.front(), 0},
                     {wanted.back() + 1, hidden.shape(1)});
  }
  return mx::take(hidden, mx::array(wanted.data(), {count}, mx::int32), 0);
}

}  // namespace

std::optional<mx::array> run_step(const models::Model& model,
                                  std::span<const StepRows> rows,
                                  models::TokenKind kind, WorkTimes& times) {
  const auto started = std::chrono::steady_clock::now();
  const auto graph_is_made = [&] {
    times.build += std::chrono::duration<double>(
                       std::chrono::steady_clock::now() - started)
                       .count();
  };
  std::vector<models::NewTokens> tokens;
  std::vector<std::int32_t> wanted;
  tokens.reserve(rows.size());
  std::int32_t end = 0;
  for (const StepRows& part : rows) {
    tokens.push_back(part.tokens);
    end += static_cast<std::int32_t>(part.tokens.ids.size());
    if (part.wants_logits) wanted.push_back(end - 1);
  }
  const mx::array hidden = models::advance_together(model, tokens, kind);
  if (wanted.empty()) {
    graph_is_made();
    models::evaluate_together({hidden}, tokens);
    return std::nullopt;
  }
  mx::array logits = model.logits(select_rows(hidden, wanted));
  graph_is_made();
  models::evaluate_together({logits}, tokens);
  return logits;
}

}  // namespace abstractllm::engine

// Rows in, logits of the rows that are sampled out.
// SPDX-License-Identifier: Apache-2.0
#include "engine/model_step.h"

#include <algorithm>
#include <chrono>
#include <utility>
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

// Rows of a pass that computes a sequence again.
constexpr std::size_t kRestartRows = 512;

void restart_beyond_border(const models::Model& model,
                           const models::NewTokens& tokens,
                           const StepAdapters& adapters) {
  const int count = static_cast<int>(tokens.ids.size());
  models::Sequence& sequence = *tokens.sequence;
  if (!sequence.crosses_border(count)) return;
  const std::vector<std::int32_t> before = sequence.restart_beyond(count);
  for (std::size_t done = 0; done < before.size(); done += kRestartRows) {
    const auto some = std::span(before).subspan(
        done, std::min(kRestartRows, before.size() - done));
    const models::NewTokens again{&sequence, some};
    ops::RowChanges changes;
    adapters.add_rows(sequence.adapter(), 0, static_cast<int>(some.size()),
                      changes);
    const ops::AdapterScope scope(adapters.backend, std::move(changes));
    models::evaluate_together(
        {models::advance_together(model, {&again, 1},
                                  models::TokenKind::kPrompt)},
        {&again, 1});
  }
}

}  // namespace

void StepAdapters::add_rows(int number, int first, int count,
                            ops::RowChanges& changes) const {
  if (number == 0) return;
  const auto& adapter = list.at(static_cast<std::size_t>(number - 1));
  if (!changes.empty()) {
    ops::RowChange& last = changes.back();
    if (last.adapter == adapter && last.first + last.count == first) {
      last.count += count;
      return;
    }
  }
  changes.push_back({first, count, adapter});
}

std::optional<mx::array> run_step(const models::Model& model,
                                  std::span<const StepRows> rows,
                                  models::TokenKind kind,
                                  const StepAdapters& adapters,
                                  const StepClocks& clocks) {
  const auto outside_of_kernels = [&clocks] {
    std::chrono::nanoseconds time =
        std::chrono::steady_clock::now().time_since_epoch();
    if (clocks.kernels != nullptr) time -= clocks.kernels->total();
    return std::chrono::duration<double>(time);
  };
  for (const StepRows& part : rows) {
    restart_beyond_border(model, part.tokens, adapters);
  }
  const auto started = outside_of_kernels();
  const auto graph_is_made = [&] {
    clocks.work.build += (outside_of_kernels() - started).count();
  };
  std::vector<models::NewTokens> tokens;
  std::vector<std::int32_t> wanted;
  tokens.reserve(rows.size());
  ops::RowChanges changes;
  ops::RowChanges head_changes;
  std::int32_t end = 0;
  for (const StepRows& part : rows) {
    const auto count = static_cast<std::int32_t>(part.tokens.ids.size());
    const int adapter = part.tokens.sequence->adapter();
    tokens.push_back(part.tokens);
    adapters.add_rows(adapter, end, count, changes);
    end += count;
    if (!part.wants_logits) continue;
    adapters.add_rows(adapter, static_cast<int>(wanted.size()), 1,
                      head_changes);
    wanted.push_back(end - 1);
  }
  const mx::array hidden = [&] {
    const ops::AdapterScope scope(adapters.backend, std::move(changes));
    return models::advance_together(model, tokens, kind);
  }();
  if (wanted.empty()) {
    graph_is_made();
    models::evaluate_together({hidden}, tokens);
    return std::nullopt;
  }
  mx::array logits = [&] {
    const ops::AdapterScope scope(adapters.backend, std::move(head_changes));
    return model.logits(select_rows(hidden, wanted));
  }();
  graph_is_made();
  models::evaluate_together({logits}, tokens);
  return logits;
}

}  // namespace abstractllm::engine

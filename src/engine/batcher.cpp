// From the line of requests to a step, and from logits to tokens.
// SPDX-License-Identifier: Apache-2.0
#include "engine/batcher.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "engine/model_step.h"
#include "models/image_prompt.h"

namespace abstractllm::engine {

namespace mx = mlx::core;

namespace {

using Clock = Generation::Clock;

// Tokens of an answer that memory is set aside for in advance.
constexpr int kHeadroom = 256;

int common_prefix(std::span<const std::int32_t> a,
                  std::span<const std::int32_t> b) {
  const auto most = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  const auto split = std::mismatch(a.begin(), a.begin() + most, b.begin());
  return static_cast<int>(split.first - a.begin());
}

// Whether a beginning that both have serves both: with some models all that
// they were shown or asked decides about it.
bool could_share(models::PromptSight sight, const Generation& a,
                 const Generation& b) {
  if (sight == models::PromptSight::kWholePrompt) {
    const auto prompt = [](const Generation& generation) {
      return generation.tokens().first(
          static_cast<std::size_t>(generation.prompt_tokens()));
    };
    return std::ranges::equal(prompt(a), prompt(b));
  }
  if (sight != models::PromptSight::kImagesBeside) return true;
  return models::image_numbers(a.tokens(), a.prompt_tokens()) ==
         models::image_numbers(b.tokens(), b.prompt_tokens());
}

GenerationError engine_error(const std::exception& error) {
  return GenerationError(std::string("[engine] ") + error.what(),
                         "The request was dropped; the model is still loaded.");
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Batcher::Batcher(const models::Model& model, const BatcherOptions& options)
    : model_(model),
      options_(options),
      sizes_(model.make_cache()),
      can_fork_(std::none_of(
          sizes_.begin(), sizes_.end(),
          [](const auto& layer) { return layer->recurrent() != nullptr; })),
      pace_(options.prefill_chunk) {}

void Batcher::add(std::unique_ptr<Generation> generation) {
  line_.push_back({.generation = std::move(generation)});
}

Batcher::Progress Batcher::step() {
  // What goes wrong outside of a pass concerns nobody in particular.
  try {
    return try_step();
  } catch (const Error& error) {
    fail_all(error);
  } catch (const std::exception& error) {
    fail_all(engine_error(error));
  }
  return Progress::kStepped;
}

Batcher::Progress Batcher::try_step() {
  drop_cancelled();
  if (line_.empty()) return Progress::kIdle;
  admit();
  share_prefixes();
  std::vector<RequestView> views = look();
  for (std::size_t i = 0; i < views.size(); ++i) views[i].follows = follows(i);
  StepPlan plan = plan_step(pace_.budget(), views, after_prompt_);
  if (plan.rows.empty()) return Progress::kBlocked;
  std::vector<PlannedRows> rows = prepare(plan, end_of_image_work());
  // Images take longer: the rest of the step is the others', whose turn it
  // stays.
  while (rows.empty()) {
    for (const PlannedRows& planned : plan.rows) {
      views[planned.request].follows = true;
    }
    plan = plan_step(pace_.budget(), views, after_prompt_);
    if (plan.rows.empty()) break;
    rows = prepare(plan, std::nullopt);
  }
  if (!rows.empty()) {
    after_prompt_ = plan.prompt;
    compute(plan.prompt, rows);
  }
  erase_ended();
  return Progress::kStepped;
}

int Batcher::waiting() const {
  return static_cast<int>(
      std::count_if(line_.begin(), line_.end(), [](const Request& request) {
        return !request.running && !request.sampled;
      }));
}

void Batcher::cancel_all() {
  const Moment end = now();
  for (Request& request : line_) {
    abandon_images(request);
    request.generation->finish_cancelled(end);
    request.generation.reset();
  }
  line_.clear();
}

void Batcher::drop_cancelled() {
  for (Request& request : line_) {
    if (!request.generation->cancelled()) continue;
    abandon_images(request);
    request.generation->finish_cancelled(now());
    request.generation.reset();
    pool_.keep(std::move(request.sequence));
  }
  erase_ended();
}

Moment Batcher::now() const {
  WorkTimes work = work_;
  if (options_.kernels != nullptr) {
    work.kernels =
        std::chrono::duration<double>(options_.kernels->total()).count();
  }
  return {Clock::now(), work};
}

void Batcher::erase_ended() {
  std::erase_if(line_,
                [](const Request& request) { return !request.generation; });
}

std::size_t Batcher::bytes_needed(const Request& request) const {
  const auto tokens =
      static_cast<std::int64_t>(request.generation->tokens().size());
  const int answer = std::min(request.generation->tokens_left(), kHeadroom);
  return models::cache_bytes(sizes_, static_cast<int>(tokens) + answer);
}

std::vector<RequestView> Batcher::look() const {
  std::vector<RequestView> views;
  views.reserve(line_.size());
  for (const Request& request : line_) {
    const std::size_t held = request.sequence ? request.sequence->bytes() : 0;
    views.push_back(
        {.running = request.running,
         .parked = request.generation->parked(),
         .pending = request.pending(),
         .pending_prompt =
             std::max(0, request.generation->prompt_tokens() - request.done()),
         .kv_held = held,
         .kv_needed = std::max(held, bytes_needed(request))});
  }
  return views;
}

void Batcher::find_kept_matches(std::vector<RequestView>& views) const {
  int places = options_.limits.parallel;
  for (const RequestView& view : views) places -= view.running ? 1 : 0;
  for (std::size_t i = 0; i < views.size() && places > 0; ++i) {
    if (views[i].running || views[i].parked) continue;
    --places;
    if (!line_[i].sequence) {
      const auto match = pool_.best_match(line_[i].prefix());
      if (match) views[i].kept_match = match->index;
    }
  }
}

void Batcher::admit() {
  std::vector<RequestView> views = look();
  find_kept_matches(views);
  const Admission plan = plan_admission(options_.limits, views, pool_.bytes());
  for (const std::size_t i : plan.leave) line_[i].running = false;
  for (const std::size_t i : plan.release) {
    line_[i].running = false;
    line_[i].sequence.reset();
  }
  pool_.evict(plan.evict);
  for (const std::size_t i : plan.start) start(line_[i]);
}

void Batcher::start(Request& request) {
  request.running = true;
  if (request.sequence) return;
  request.sequence =
      std::make_unique<models::Sequence>(model_, request.generation->adapter());
  reuse(request);
  request.begun = false;
  take_from_pool(request);
}

void Batcher::reuse(Request& request) {
  const Prefix prefix = request.prefix();
  request.sequence->reuse(prefix.tokens, prefix.prompt_tokens,
                          request.generation->images());
}

void Batcher::take_from_pool(Request& request) {
  const Prefix prefix = request.prefix();
  const auto match = pool_.best_match(prefix);
  if (!match || match->shared <= request.done()) return;
  std::unique_ptr<models::Sequence> found = pool_.take(*match);
  pool_.keep(std::move(request.sequence));
  request.sequence = std::move(found);
  reuse(request);
}

void Batcher::share_prefixes() {
  for (std::size_t i = 0; i < line_.size(); ++i) {
    if (!line_[i].running || line_[i].begun || follows(i)) continue;
    take_from_pool(line_[i]);
    if (can_fork_) fork_from_running(line_[i]);
  }
}

void Batcher::fork_from_running(Request& request) {
  const Prefix prefix = request.prefix();
  const models::Sequence* best = nullptr;
  int most = request.done() + kLeastShared - 1;
  for (const Request& other : line_) {
    if (!other.sequence || &other == &request) continue;
    const int shared = shared_positions(*other.sequence, prefix);
    if (shared <= most) continue;
    most = shared;
    best = other.sequence.get();
  }
  if (best == nullptr) return;
  std::unique_ptr<models::Sequence> copy = best->clone();
  pool_.keep(std::move(request.sequence));
  request.sequence = std::move(copy);
  reuse(request);
}

bool Batcher::follows(std::size_t index) const {
  const Request& request = line_[index];
  if (!can_fork_ || !request.running || request.begun) return false;
  for (std::size_t i = 0; i < index; ++i) {
    const Request& leader = line_[i];
    if (!leader.running || leader.pending() <= 1) continue;
    if (leader.generation->adapter() != request.generation->adapter()) continue;
    const int shared = common_prefix(leader.generation->tokens(),
                                     request.generation->tokens());
    if (shared > leader.done() && shared >= request.done() + kLeastShared &&
        could_share(model_.prompt_sight(), *leader.generation,
                    *request.generation)) {
      return true;
    }
  }
  return false;
}

int Batcher::ready_tokens(Request& request, int tokens,
                          std::optional<Clock::time_point> until) {
  models::ImagePrompt* images = request.generation->images().get();
  if (images == nullptr) return tokens;
  const int done = request.done();
  for (const std::size_t i : images->images_in(done, done + tokens)) {
    models::PromptImage& image = images->images()[i];
    if (image.features) continue;
    if (options_.images == nullptr) {
      throw InternalError("[engine] the model has no tower for images");
    }
    if (until) {
      image.features =
          options_.images->features(image.number, request.generation->image(i),
                                    std::max(0.0, -seconds_since(*until)));
    }
    if (image.features) continue;
    const bool whole =
        model_.prompt_sight() == models::PromptSight::kWholePrompt;
    return whole ? 0 : images->next_place(i, done) - done;
  }
  return tokens;
}

void Batcher::abandon_images(const Request& request) {
  if (options_.images == nullptr || !request.generation->images()) return;
  for (const auto& image : request.generation->images()->images()) {
    const bool wanted =
        std::any_of(line_.begin(), line_.end(), [&](const Request& other) {
          return &other != &request && other.generation &&
                 other.generation->images() &&
                 other.generation->images()->shows(image.number);
        });
    if (!wanted) options_.images->abandon(image.number);
  }
}

bool Batcher::someone_generates() const {
  return std::any_of(line_.begin(), line_.end(), [](const Request& request) {
    return request.running && request.generation &&
           request.done() >= request.generation->prompt_tokens();
  });
}

Clock::time_point Batcher::end_of_image_work() const {
  const double seconds = someone_generates() ? options_.image_seconds_beside
                                             : options_.image_seconds_alone;
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(seconds));
}

std::vector<PlannedRows> Batcher::prepare(
    const StepPlan& plan, std::optional<Clock::time_point> until) {
  std::vector<PlannedRows> rows;
  for (PlannedRows planned : plan.rows) {
    Request& request = line_[planned.request];
    const int done = request.done();
    planned.tokens = models::next_cut(model_, request.generation->tokens(),
                                      request.generation->prompt_tokens(),
                                      done + planned.tokens) -
                     done;
    request.generation->begin(Clock::now(), done);
    try {
      const int ready = ready_tokens(request, planned.tokens, until);
      if (ready < planned.tokens) until = std::nullopt;  // it has had its time
      planned.tokens = ready;
    } catch (const Error& error) {
      fail_image(request, error);
      continue;
    } catch (const std::exception& error) {
      fail_image(request, engine_error(error));
      continue;
    }
    if (planned.tokens > 0) rows.push_back(planned);
  }
  return rows;
}

void Batcher::compute(bool prompt, std::span<const PlannedRows> rows) {
  const Clock::time_point started = Clock::now();
  std::vector<StepRows> step;
  std::vector<Request*> sampled;
  int tokens = 0;
  for (const PlannedRows& planned : rows) {
    Request& request = line_[planned.request];
    const bool whole = planned.tokens == request.pending();
    request.begun = true;
    step.push_back({.tokens = {request.sequence.get(),
                               request.generation->tokens().subspan(
                                   static_cast<std::size_t>(request.done()),
                                   static_cast<std::size_t>(planned.tokens))},
                    .wants_logits = whole});
    if (whole) sampled.push_back(&request);
    tokens += planned.tokens;
  }
  try {
    std::optional<mx::array> logits = run_step(
        model_, step,
        prompt ? models::TokenKind::kPrompt : models::TokenKind::kGenerated,
        options_.adapters, {work_, options_.kernels});
    if (logits) sample(sampled, *logits);
  } catch (const Error& error) {
    return fail(rows, error);
  } catch (const std::exception& error) {
    return fail(rows, engine_error(error));
  }
  if (prompt) pace_.observe(tokens, seconds_since(started));
  deliver(sampled);
}

void Batcher::sample(std::span<Request* const> requests, mx::array& logits) {
  const Clock::time_point started = Clock::now();
  const auto width = static_cast<std::size_t>(logits.shape(1));
  float* data = logits.data<float>();
  const auto sample_rows = [&](std::int64_t begin, std::int64_t end, int) {
    for (auto i = static_cast<std::size_t>(begin);
         i < static_cast<std::size_t>(end); ++i) {
      requests[i]->generation->sample({data + i * width, width});
    }
  };
  const auto count = static_cast<std::int64_t>(requests.size());
  if (options_.pool != nullptr && count > 1) {
    options_.pool->parallel_for(count, 1, sample_rows);
  } else {
    sample_rows(0, count, 0);
  }
  work_.sampling += seconds_since(started);
}

void Batcher::deliver(std::span<Request* const> requests) {
  const Moment sampled = now();
  for (Request* request : requests) {
    request->sampled = true;
    const Generation::State state = request->generation->deliver(sampled);
    if (state == Generation::State::kGoesOn) continue;
    request->generation->finish(sampled);
    request->generation.reset();
    // After a failure nobody knows what the caches hold.
    if (state == Generation::State::kEnds) {
      pool_.keep(std::move(request->sequence));
    }
  }
  erase_ended();
}

void Batcher::fail(std::span<const PlannedRows> rows, const Error& error) {
  for (const PlannedRows& planned : rows) {
    fail_one(line_[planned.request], error);
  }
  erase_ended();
}

void Batcher::fail_one(Request& request, const Error& error) {
  request.generation->finish_failed(error);
  request.generation.reset();
}

void Batcher::fail_image(Request& request, const Error& error) {
  fail_one(request, error);
  pool_.keep(std::move(request.sequence));  // which no pass has touched
}

void Batcher::fail_all(const Error& error) {
  for (Request& request : line_) {
    if (!request.generation) continue;
    abandon_images(request);
    fail_one(request, error);
  }
  line_.clear();
}

}  // namespace abstractllm::engine

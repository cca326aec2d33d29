// The in-process provider: requests to token ids, tokens to events.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "engine/doctor.h"
#include "engine/engine.h"
#include "engine/model_package.h"
#include "output/answer_stream.h"
#include "providers/mlx_adapters.h"
#include "providers/mlx_embedding.h"
#include "providers/mlx_request.h"
#include "types/check_embedding.h"
#include "types/resolve.h"

namespace abstractllm::providers {

namespace {

constexpr char kId[] = "mlx";

std::uint64_t draw_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

Error of_this_provider(const Error& error) {
  return Error(error.code(), error.message(), error.hint(), kId);
}

// The answer of one request on its way from tokens to events.
class Answer {
 public:
  Answer(const engine::ModelPackage& package, const PreparedRequest& request,
         const types::SamplingOptions& options, const EventSink& sink)
      : package_(package),
        marks_(request.marks),
        decoder_(package.tokenizer, /* skip_special = */ false),
        answer_({.format = request.format,
                 .stops = options.stop,
                 .one_call = request.one_call,
                 .id_seed = options.seed}),
        sink_(sink) {}

  // False when no more tokens are wanted.
  bool take(const engine::TokenStep& step) {
    ids_.push_back(step.id);
    std::optional<TokenLogprob> logprob = step.logprob;
    if (logprob) fill_bytes(*logprob);
    std::vector<Event> events;
    answer_.push(piece_of(step), std::move(logprob), events);
    show(std::move(events));
    return !answer_.stopped() && !left_;
  }

  void finish(engine::GenerationEnd end) {
    if (!answer_.stopped()) {
      std::vector<Event> events;
      answer_.push(decoder_.finish(), std::nullopt, events);
      answer_.finish(events);
      show(std::move(events));
    }
    Finished finished{.reason = end.reason,
                      .stop_text = std::string(answer_.stop_text()),
                      .usage = end.usage,
                      .timings = end.timings,
                      .token_ids = std::move(ids_)};
    // Tokens that were computed ahead of a stop text do not count.
    finished.usage.completion_tokens =
        static_cast<int>(finished.token_ids.size());
    if (answer_.stopped()) finished.reason = FinishReason::kStop;
    if (answer_.calls() > 0 && finished.reason == FinishReason::kStop) {
      finished.reason = FinishReason::kToolCalls;
    }
    if (left_) finished.reason = FinishReason::kCancelled;
    sink_(finished);
  }

 private:
  // Special tokens have no text, but for the marks of calls and reasoning.
  std::string piece_of(const engine::TokenStep& step) {
    const bool hidden =
        package_.tokenizer.is_special(step.id) && !marks_.contains(step.id);
    return step.ends || hidden ? "" : decoder_.push(step.id);
  }

  void fill_bytes(TokenLogprob& logprob) const {
    logprob.bytes = package_.tokenizer.token_bytes(logprob.token_id);
    for (auto& alternative : logprob.top) {
      alternative.bytes = package_.tokenizer.token_bytes(alternative.token_id);
    }
  }

  void show(std::vector<Event> events) {
    for (Event& event : events) {
      if (!left_) left_ = !sink_(event);
    }
  }

  const engine::ModelPackage& package_;
  const std::set<std::int32_t>& marks_;
  text::StreamDecoder decoder_;
  output::AnswerStream answer_;
  const EventSink& sink_;
  std::vector<std::int32_t> ids_;
  bool left_ = false;  // the sink wants no more
};

// Closes the channel and waits for the engine's last word, also when a sink
// throws: the job refers to objects of this call.
class ChannelReader {
 public:
  explicit ChannelReader(std::shared_ptr<engine::TokenChannel> channel)
      : channel_(std::move(channel)) {}

  ~ChannelReader() {
    if (!ended_) drain();
  }

  std::optional<engine::TokenStep> next() {
    engine::EngineEvent event = channel_->pop();
    if (auto* step = std::get_if<engine::TokenStep>(&event)) {
      return std::move(*step);
    }
    end_ = std::get<engine::GenerationEnd>(std::move(event));
    ended_ = true;
    return std::nullopt;
  }

  engine::GenerationEnd drain() {
    channel_->close();
    while (!ended_) next();
    return std::move(end_);
  }

 private:
  std::shared_ptr<engine::TokenChannel> channel_;
  engine::GenerationEnd end_;
  bool ended_ = false;
};

std::optional<std::int64_t> read_max_pixels(std::uint64_t wanted) {
  if (wanted == 0) return std::nullopt;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;  // no tower's
  return static_cast<std::int64_t>(std::min(wanted, kMost));
}

const GenerationParameters& find_preset(const engine::ModelPackage& package,
                                        const std::string& name) {
  const families::MLXModelConfig& family = *package.family.family;
  if (const auto* preset = family.find_preset(name)) return *preset;
  std::string known;
  for (const auto& [its, parameters] : family.presets) {
    known += (known.empty() ? "" : ", ") + std::string(its);
  }
  throw InvalidParameterError(
      "[mlx] the family '" + std::string(family.name) + "' of " + package.id +
          " has no preset '" + name + "'",
      known.empty() ? "It has none: set the parameters themselves."
                    : "It has: " + known + ".",
      kId);
}

class MLXProvider : public AbstractLLMInterface {
 public:
  explicit MLXProvider(ProviderConfig config)
      : adapters_(config),
        package_(open_package(config, adapters_)),
        requests_(package_, read_max_pixels(config.max_pixels)),
        defaults_(std::move(config.parameters)),
        engine_options_(read_options(config, package_, adapters_)),
        engine_(package_.config(), package_.weights, engine_options_) {}

  std::string_view provider() const override { return kId; }
  std::string_view model() const override { return package_.id; }

  Capabilities capabilities() const override {
    using enum ModelCapability;
    std::set<ModelCapability> supported = mlx_capabilities();
    if (package_.is_encoder) supported = {kTokenize};
    if (package_.embedding) {
      supported.insert(kEmbeddings);
    } else {
      supported.erase(kEmbeddings);
    }
    if (package_.images) supported.insert(kVision);
    return {.supported = std::move(supported),
            .context_length = engine_options_.context_length};
  }

  void stream(const Request& request, const EventSink& sink) override {
    // The sink is called outside of any catch: what it throws is its caller's.
    std::optional<Running> running;
    std::optional<Error> error;
    try {
      running = start(request);
    } catch (const Error& thrown) {
      error = of_this_provider(thrown);
    }
    if (running) error = follow(std::move(*running), sink);
    if (error) sink(Failed{*error});
  }

  EmbeddingResponse embed(const EmbeddingRequest& request) override {
    types::check_embedding(request, kId);
    if (!package_.embedding) return AbstractLLMInterface::embed(request);
    return embed_texts(package_, engine_, engine_options_.context_length,
                       request);
  }

  int count_tokens(const Request& request) override {
    return static_cast<int>(requests_.prompt(request).size());
  }

  std::vector<ImageCost> image_costs(const Request& request) override {
    return requests_.image_costs(request);
  }

  std::vector<std::int32_t> tokenize(std::string_view text,
                                     bool add_special_tokens) override {
    return package_.tokenizer.encode(text, add_special_tokens);
  }

  std::string detokenize(const std::vector<std::int32_t>& ids) override {
    return package_.tokenizer.decode(ids, /* skip_special = */ false);
  }

  Score score(const std::vector<std::int32_t>& ids) override {
    refuse_encoder();
    return engine_.score(ids, CancelToken());
  }

  ModelDescription describe() override {
    return engine::describe(package_, engine_options_);
  }

 private:
  static engine::ModelPackage open_package(const ProviderConfig& config,
                                           const MlxAdapters& adapters) {
    engine::ModelPackage package = engine::ModelPackage::open(config.model);
    if (!config.preset.empty()) {
      package.defaults =
          overlay(find_preset(package, config.preset), package.defaults);
    }
    if (adapters.fused()) {
      package.weights = package.weights.fused(adapters.fused());
    }
    return package;
  }
  static engine::EngineOptions read_options(ProviderConfig& config,
                                            const engine::ModelPackage& package,
                                            const MlxAdapters& adapters);

  void refuse_encoder() const;

  // A submitted job.
  struct Running {
    types::SamplingOptions options;
    PreparedRequest request;
    std::shared_ptr<engine::TokenChannel> channel;
  };
  Running start(const Request& request);
  // Turns tokens into events up to the end; an error if the job failed.
  std::optional<Error> follow(Running running, const EventSink& sink) const;

  MlxAdapters adapters_;
  engine::ModelPackage package_;
  RequestReader requests_;
  GenerationParameters defaults_;
  engine::EngineOptions engine_options_;
  engine::Engine engine_;
};

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

int read_context_length(int wanted, int trained) {
  if (wanted == 0) return trained;
  if (wanted >= 1 && wanted <= trained) return wanted;
  throw InvalidParameterError(
      "[mlx] context_length is " + std::to_string(wanted) + ", expected 1 to " +
          std::to_string(trained),
      "The model was trained for " + std::to_string(trained) + " tokens.", kId);
}

void check_count(const char* name, int value, int most) {
  if (value >= 0 && value <= most) return;
  throw InvalidParameterError("[mlx] " + std::string(name) + " is " +
                                  std::to_string(value) + ", expected 0 to " +
                                  std::to_string(most),
                              "0 lets the engine choose.", kId);
}

engine::EngineOptions MLXProvider::read_options(
    ProviderConfig& config, const engine::ModelPackage& package,
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
          .context_length = read_context_length(config.context_length,
                                                package.context_length),
          .prefill_chunk = config.prefill_chunk,
          .parallel_sequences = config.parallel_sequences,
          .max_queued_requests = config.max_queued_requests,
          .kv_cache_bytes = config.kv_cache_bytes,
          .adapters = adapters.files(),
          .score_adapter = adapters.default_number(),
          .on_load_progress = std::move(config.on_load_progress)};
}

void MLXProvider::refuse_encoder() const {
  if (!package_.is_encoder) return;
  throw UnsupportedOperationError(
      "[mlx] " + package_.id + " is an encoder (" + package_.architecture +
          "): it makes embeddings, no text",
      "Ask it for embeddings (allm embed), or use a model that generates.",
      kId);
}

MLXProvider::Running MLXProvider::start(const Request& request) {
  refuse_encoder();
  Running running{.options = types::resolve(request.parameters, defaults_,
                                            package_.defaults, draw_seed),
                  .request = {},
                  .channel = std::make_shared<engine::TokenChannel>()};
  running.request = requests_.prepare(request, running.options);
  engine_.submit({.prompt = std::move(running.request.prompt),
                  .images = std::move(running.request.images),
                  .options = running.options,
                  .end_tokens = package_.end_tokens,
                  .cancel = request.cancel,
                  .channel = running.channel,
                  .constraint = std::move(running.request.constraint),
                  .adapter = adapters_.number_of(request)});
  return running;
}

std::optional<Error> MLXProvider::follow(Running running,
                                         const EventSink& sink) const {
  ChannelReader reader(std::move(running.channel));
  Answer answer(package_, running.request, running.options, sink);
  while (const std::optional<engine::TokenStep> step = reader.next()) {
    if (!answer.take(*step)) break;
  }
  engine::GenerationEnd end = reader.drain();
  if (end.error) return of_this_provider(*end.error);
  answer.finish(std::move(end));
  return std::nullopt;
}

}  // namespace

bool mlx_is_built_in() noexcept { return true; }

std::set<ModelCapability> mlx_capabilities() {
  using enum ModelCapability;
  return {kStreaming,  kSystemPrompt,     kMultiTurn, kTools,
          kEmbeddings, kStructuredOutput, kLogprobs,  kTokenize};
}

// What of `config` a diagnosis depends on.
engine::EngineOptions read_diagnosed(const ProviderConfig& config) {
  check_device(config.device);
  return {.cpu_backend = read_cpu_backend(config.cpu_backend),
          .cpu_precision = read_cpu_precision(config),
          .kv_cache_type = read_kv_cache_type(config),
          .context_length = config.context_length};
}

std::unique_ptr<AbstractLLMInterface> make_mlx(ProviderConfig config) {
  return std::make_unique<MLXProvider>(std::move(config));
}

}  // namespace abstractllm::providers

namespace abstractllm {

Diagnosis diagnose(std::string_view model) {
  ProviderConfig config;
  config.model = model;
  return diagnose(config);
}

Diagnosis diagnose(const ProviderConfig& config) {
  return engine::diagnose(config.model, engine::MachineFacts::of_this_machine(),
                          providers::read_diagnosed(config));
}

ModelDescription describe_model(std::string_view model) {
  return engine::describe(engine::ModelPackage::open(model));
}

}  // namespace abstractllm

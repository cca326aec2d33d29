// The in-process provider: requests to token ids, tokens to events.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx.h"

#include <random>
#include <set>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "engine/doctor.h"
#include "engine/engine.h"
#include "engine/model_package.h"
#include "providers/mlx_adapters.h"
#include "providers/mlx_answer.h"
#include "providers/mlx_embedding.h"
#include "providers/mlx_options.h"
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
        engine_options_(read_mlx_options(config, package_, adapters_)),
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
  MlxAnswer answer(package_, running.request, running.options, sink);
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
  Diagnosis diagnosis =
      engine::diagnose(config.model, engine::MachineFacts::of_this_machine(),
                       providers::read_diagnosis_options(config));
  // Of a model that cannot be opened no presets are known.
  if (!config.preset.empty() && !config.model.empty() &&
      diagnosis.verdict != Verdict::kDoesNotRun) {
    providers::find_preset(engine::ModelPackage::open(config.model),
                           config.preset);
  }
  return diagnosis;
}

ModelDescription describe_model(std::string_view model) {
  return engine::describe(engine::ModelPackage::open(model));
}

}  // namespace abstractllm

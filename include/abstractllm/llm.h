// The one interface over every provider.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abstractllm/embedding.h"
#include "abstractllm/event.h"
#include "abstractllm/export.h"
#include "abstractllm/request.h"
#include "abstractllm/response.h"

namespace abstractllm {

/// What a provider with its model can do. Capabilities are data: a request
/// that needs a missing one is refused with UnsupportedFeatureError.
enum class ModelCapability {
  kStreaming,
  kSystemPrompt,
  kMultiTurn,
  kTools,
  kVision,
  kEmbeddings,
  kStructuredOutput,
  kLogprobs,
  kTokenize,  ///< tokenize, detokenize, score and exact count_tokens
};

/// "streaming", "system_prompt", ...
ABSTRACTLLM_API std::string_view to_string(ModelCapability capability) noexcept;

struct Capabilities {
  std::set<ModelCapability> supported;
  int context_length = 0;  ///< tokens, prompt and answer together; 0: unknown
  bool supports(ModelCapability capability) const {
    return supported.contains(capability);
  }
};

/// Facts about a loaded or inspected model, in reading order. Names are stable
/// snake_case keys ("architecture", "context_length", "chat_template_source").
using ModelDescription = std::vector<std::pair<std::string, std::string>>;

/// How well a model predicts given tokens.
struct Score {
  int tokens = 0;                      ///< predicted tokens: all but the first
  double negative_log_likelihood = 0;  ///< sum over them, natural logarithm
};

/// What an image of a request costs, known before anything is computed.
struct ImageCost {
  int width = 0;  ///< of the image, upright
  int height = 0;
  int seen_width = 0;  ///< what it is resized to
  int seen_height = 0;
  std::int64_t pixels = 0;  ///< that the model sees, over all crops
  int tokens = 0;           ///< of the prompt
};

/// A language model behind a provider. Thread-safe: calls from several
/// threads are queued or run together, each request on its own.
class ABSTRACTLLM_API AbstractLLMInterface {
 public:
  virtual ~AbstractLLMInterface();

  /// Provider id ("mlx", "openai", ...).
  virtual std::string_view provider() const = 0;
  /// Model id as it was asked for.
  virtual std::string_view model() const = 0;
  virtual Capabilities capabilities() const = 0;

  /// Streams the answer into `sink`; returns after the terminal event. Errors
  /// arrive as Failed and are not thrown; only a sink's own exception is.
  virtual void stream(const Request& request, const EventSink& sink) = 0;

  /// The whole answer at once. Throws the error that a stream reports as
  /// Failed. A cancelled request returns what there is.
  GenerateResponse generate(const Request& request);
  /// One user message, with the given parameters.
  GenerateResponse generate(std::string_view prompt,
                            const GenerationParameters& parameters = {});

  /// Vectors of texts. Throws UnsupportedOperationError where the model has
  /// none, InvalidRequestError and the provider's own errors.
  virtual EmbeddingResponse embed(const EmbeddingRequest& request);

  /// Tokens of the prompt that `request` makes, template included. Throws
  /// UnsupportedOperationError where the provider cannot know.
  virtual int count_tokens(const Request& request);

  /// The costs of the images of `request`, in order. Throws
  /// UnsupportedOperationError where the provider cannot know,
  /// UnsupportedFeatureError for a model that reads text only.
  virtual std::vector<ImageCost> image_costs(const Request& request);

  /// Token ids of `text`; with the model's special tokens around it if asked.
  virtual std::vector<std::int32_t> tokenize(std::string_view text,
                                             bool add_special_tokens);
  /// Text of `ids`, special tokens spelled out.
  virtual std::string detokenize(const std::vector<std::int32_t>& ids);
  /// One pass over `ids`, in windows of the context length where it must.
  virtual Score score(const std::vector<std::int32_t>& ids);
  virtual ModelDescription describe();
};

}  // namespace abstractllm

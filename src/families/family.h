// What a family of models has in common where a model's files say nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abstractllm/parameters.h"
#include "output/tool_calls/dialect.h"

namespace abstractllm::families {

/// What becomes of a system message.
enum class SystemPrompt {
  kNative,       ///< a turn of its own
  kFolded,       ///< put before the text of the next user turn
  kUnsupported,  ///< the model takes none: an error says so
};

/// "native", "folded", "unsupported".
std::string_view to_string(SystemPrompt policy) noexcept;

/// One family, as plain values; a class derived from it sets them. A model's
/// own files win over all of it. The texts live as long as the program.
struct MLXModelConfig {
  std::string_view name;
  /// The family whose prompts this one shares; a model is of it only by name.
  std::string_view parent{};

  // How a model is recognised.
  /// Values of config.json's model_type that no other family has.
  std::vector<std::string_view> model_types{};
  /// Those that other families have too. The family that comes first in the
  /// registry has them where nothing else is known.
  std::vector<std::string_view> shared_model_types{};
  /// Texts that all stand in a chat template of this family and of none other.
  std::vector<std::string_view> template_marks{};
  /// Parts of a model's name, in lower case, each from the beginning of a word
  /// on; '*' stands for any text. The longest that matches wins.
  std::vector<std::string_view> names{};

  /// The same of fine-tunes, which write their turns in this way whatever the
  /// architecture. They count where a model has no template.
  std::vector<std::string_view> tuning_names{};

  // The prompt.
  std::string_view user_turn{};    ///< what begins a user's turn
  std::string_view answer_turn{};  ///< what begins the model's
  std::string_view turn_end{};
  std::string_view beginning{};  ///< beginning token
  /// Further tokens that end an answer, those that the vocabulary has.
  std::vector<std::string_view> end_tokens{};
  /// Tokens that look as if they did, and do not.
  std::vector<std::string_view> inner_tokens{};
  SystemPrompt system_prompt = SystemPrompt::kNative;
  /// Jinja, without a beginning token, for a model that has no template. Empty:
  /// plain_chat_template().
  std::string chat_template{};
  /// Special tokens that `chat_template` writes: a vocabulary without them
  /// gets the plain one.
  std::vector<std::string_view> template_tokens{};
  std::optional<output::ToolDialect> tool_dialect{};
  std::string_view reasoning_begin{};
  std::string_view reasoning_end{};
  /// The template's variable that switches thinking; "" where there is none.
  std::string_view thinking_variable{};
  int context_length = 0;  ///< where config.json has none; 0: unknown

  // Sampling.
  /// Below generation_config.json and above the library's defaults.
  GenerationParameters sampling{};
  /// Sets of parameters that a user may ask for by name.
  std::vector<std::pair<std::string_view, GenerationParameters>> presets{};

  /// Null if the family has none of that name.
  const GenerationParameters* find_preset(std::string_view preset) const;
};

/// All families, the generic one last. Immutable.
const std::vector<MLXModelConfig>& all_families();

/// Null for an unknown name.
const MLXModelConfig* find_family(std::string_view name);

/// What there is to recognise a model by. Views need to live for the call.
struct FamilyEvidence {
  std::string_view model_type{};  ///< of config.json; empty for a GGUF file
  std::vector<std::string> architectures{};  ///< of config.json
  std::string_view gguf_architecture{};      ///< general.architecture
  std::string_view chat_template{};          ///< the model's own
  std::string_view name{};                   ///< as asked for, or a path
  std::string_view stored_name{};            ///< what a GGUF file calls itself
};

/// What decided.
enum class FoundBy {
  kModelType,
  kTemplate,
  kGgufArchitecture,
  kName,
  kNothing,  ///< the generic family
};

/// "model_type", "template", "gguf_architecture", "name", "nothing".
std::string_view to_string(FoundBy by) noexcept;

struct FoundFamily {
  const MLXModelConfig* family;  ///< never null
  FoundBy by = FoundBy::kNothing;
  std::string evidence{};  ///< what was read, for people: "model_type qwen3"
};

/// The family of a model. In this order: the architecture that the config
/// names, if the template is that family's too; marks in the template; a name,
/// the longest match; the architecture alone. A name also tells families apart
/// that share their prompts.
FoundFamily detect_family(const FamilyEvidence& evidence);

}  // namespace abstractllm::families

// Opening of a model's files, and what they say.
// SPDX-License-Identifier: Apache-2.0
#include "engine/model_package.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "abstractllm/error.h"
#include "base/log.h"
#include "families/chat_fallback.h"
#include "families/end_tokens.h"
#include "families/generation_defaults.h"
#include "hub/local_models.h"
#include "io/gguf.h"
#include "models/registry.h"
#include "text/gguf_vocabulary.h"
#include "text/special_tokens.h"
#include "text/token_replay.h"

namespace abstractllm::engine {

namespace {

// Where neither the config nor the caller says a context length.
constexpr int kDefaultContextLength = 2048;
// Keeps sums of two lengths within int.
constexpr std::int64_t kMaxContextLength = 1 << 28;

// What the two layouts of a model say of its text.
struct TextParts {
  text::Tokenizer tokenizer;
  text::SpecialTokens special;
  text::ChatTemplateSources templates;
  std::vector<std::int32_t> end_tokens;  // the tokenizer's own
};

TextParts read_gguf(const std::filesystem::path& path) {
  const io::GgufFile file = io::GgufFile::open(path);
  const text::GgufVocabulary vocabulary = text::read_gguf_vocabulary(file);
  std::vector<std::int32_t> ends;
  for (const auto& id : {vocabulary.eos, vocabulary.eot, vocabulary.eom}) {
    if (id) ends.push_back(*id);
  }
  return {text::Tokenizer::from_vocabulary(vocabulary),
          text::special_tokens_of(vocabulary), text::read_chat_templates(file),
          std::move(ends)};
}

TextParts read_folder(const io::ModelFiles& files) {
  if (!files.tokenizer) {
    throw ModelLoadingError(
        "[tokenizer] " + files.location.string() + " has no tokenizer.json",
        "Convert the tokenizer with transformers (save_pretrained).");
  }
  text::Tokenizer tokenizer = text::Tokenizer::from_file(*files.tokenizer);
  text::SpecialTokens special = text::read_special_tokens(files.location);
  std::vector<std::int32_t> ends;
  if (const auto eos = special.named.find("eos_token");
      eos != special.named.end()) {
    if (const auto id = tokenizer.token_to_id(eos->second)) ends.push_back(*id);
  }
  return {std::move(tokenizer), std::move(special),
          text::read_chat_templates(files.location), std::move(ends)};
}

int read_context_length(const io::JsonConfig& config) {
  const std::int64_t length = config.find_int("max_position_embeddings")
                                  .value_or(kDefaultContextLength);
  return static_cast<int>(
      std::clamp<std::int64_t>(length, 1, kMaxContextLength));
}

std::string read_architecture(const io::JsonConfig& config) {
  const std::string type = config.require_string("model_type");
  models::require_supported(type);
  return type;
}

std::string join(const std::vector<std::int32_t>& ids) {
  std::string text;
  for (const std::int32_t id : ids) {
    text += (text.empty() ? "" : ", ") + std::to_string(id);
  }
  return text;
}

// Of the first layer's feed-forward or attention weights; empty where the
// architecture names them otherwise.
std::string describe_quantisation(const io::WeightSource& weights) {
  for (const char* module :
       {"model.layers.0.mlp.down_proj", "model.layers.0.self_attn.o_proj"}) {
    if (!weights.has_matrix(module)) continue;
    const io::WeightMatrix matrix = weights.matrix(module);
    std::string text(io::to_string(matrix.stored_type()));
    if (matrix.encoding() == io::WeightEncoding::kDense) return text;
    return std::to_string(matrix.bits()) + " bits, groups of " +
           std::to_string(matrix.group_size()) + " (" + text + ")";
  }
  return {};
}

}  // namespace

ModelPackage ModelPackage::open(std::string_view id) {
  const auto path =
      hub::LocalModels(hub::ModelLocations::from_environment()).resolve(id);
  io::ModelFiles files = io::ModelFiles::at(path);
  io::WeightSource weights = io::WeightSource::open(files);
  std::string architecture = read_architecture(weights.config());
  TextParts parts = files.gguf ? read_gguf(*files.gguf) : read_folder(files);

  const std::optional<std::string> own =
      text::choose_chat_template(parts.templates, /* tools_offered = */ false);
  const std::string source =
      own ? *own : std::string(families::plain_chat_template());
  io::JsonConfig generation_config;
  if (files.generation_config) {
    generation_config = io::JsonConfig::load(*files.generation_config);
  }
  if (!own) {
    base::log(
        base::LogLevel::kWarning, "engine",
        files.location.string() + " has no chat template; a plain one is used");
  }
  const text::Tokenizer& tokenizer = parts.tokenizer;
  std::vector<std::int32_t> ends = families::end_tokens(
      {.config = &weights.config(),
       .generation_config = &generation_config,
       .tokenizer_ids = parts.end_tokens,
       .chat_template = source,
       .special_token =
           [&](std::string_view token) -> std::optional<std::int32_t> {
         const auto token_id = tokenizer.token_to_id(token);
         return token_id && tokenizer.is_special(*token_id) ? token_id
                                                            : std::nullopt;
       }});
  const int context_length = read_context_length(weights.config());
  return {.id = std::string(id),
          .files = std::move(files),
          .weights = std::move(weights),
          .architecture = std::move(architecture),
          .tokenizer = tokenizer,
          .chat_template =
              text::ChatTemplate(source, std::move(parts.special.named)),
          .template_source =
              own ? TemplateSource::kModel : TemplateSource::kFallback,
          .end_tokens = std::move(ends),
          .defaults = families::generation_defaults(generation_config),
          .context_length = context_length};
}

std::vector<std::int32_t> ModelPackage::encode_chat(
    const std::vector<Message>& messages,
    const std::string& template_variables) const {
  // A model's own template writes the beginning token itself.
  const bool add_special = template_source == TemplateSource::kFallback;
  const auto now = text::local_now();
  return text::encode_with_replay(
      messages, {.render =
                     [&](const std::vector<Message>& list) {
                       return chat_template.render(
                           {.messages = text::messages_to_json(list),
                            .tools = std::nullopt,
                            .add_generation_prompt = true,
                            .variables = template_variables,
                            .now = now});
                     },
                 .encode =
                     [&](std::string_view text, bool at_start) {
                       return tokenizer.encode(text, add_special && at_start);
                     },
                 .decode =
                     [&](const std::vector<std::int32_t>& ids) {
                       return tokenizer.decode(ids, /* skip_special = */ false);
                     }});
}

ModelDescription describe(const ModelPackage& package) {
  const io::JsonConfig& config = package.config();
  ModelDescription facts{
      {"model", package.id},
      {"path", package.files.location.string()},
      {"format", package.files.gguf ? "gguf" : "safetensors"},
      {"architecture", package.architecture},
      {"quantisation", describe_quantisation(package.weights)},
      {"weight_bytes", std::to_string(package.weights.total_bytes())},
      {"context_length", std::to_string(package.context_length)}};
  for (const char* field :
       {"num_hidden_layers", "hidden_size", "num_attention_heads",
        "num_key_value_heads", "vocab_size"}) {
    if (const auto value = config.find_int(field)) {
      facts.emplace_back(field, std::to_string(*value));
    }
  }
  facts.emplace_back("end_tokens", join(package.end_tokens));
  facts.emplace_back("chat_template",
                     package.template_source == TemplateSource::kModel
                         ? "the model's own"
                         : "plain, because the model has none");
  facts.emplace_back("default_parameters", to_json(package.defaults));
  return facts;
}

}  // namespace abstractllm::engine

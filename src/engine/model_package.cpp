// Opening of a model's files, and what they say.
// SPDX-License-Identifier: Apache-2.0
#include "engine/model_package.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "abstractllm/error.h"
#include "base/log.h"
#include "engine/backend_choice.h"
#include "families/chat_fallback.h"
#include "families/conversation.h"
#include "families/end_tokens.h"
#include "families/generation_defaults.h"
#include "hub/local_models.h"
#include "io/gguf.h"
#include "models/common/vision_language.h"
#include "models/registry.h"
#include "text/gguf_vocabulary.h"
#include "text/special_tokens.h"
#include "text/token_replay.h"

namespace abstractllm::engine {

namespace {

// What the two layouts of a model say of its text.
struct TextParts {
  text::Tokenizer tokenizer;
  text::SpecialTokens special;
  text::ChatTemplateSources templates;
  std::vector<std::int32_t> end_tokens;  // the tokenizer's own
  std::string model_name{};              // as a GGUF file says it
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
          std::move(ends), vocabulary.model_name};
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
  return {std::move(tokenizer),
          std::move(special),
          text::read_chat_templates(files.location),
          std::move(ends),
          {}};
}

std::optional<families::EmbeddingRecipe> read_embedding(
    std::string_view id, const io::ModelFiles& files,
    const io::JsonConfig& config, bool is_encoder) {
  const std::string name =
      std::string(id) + " " + files.location.filename().string();
  const std::string pooling =
      files.gguf ? config.find_string("pooling_mode").value_or("") : "";
  return families::read_embedding_recipe(
      {.folder = files.gguf ? std::filesystem::path() : files.location,
       .name = name,
       .is_encoder = is_encoder,
       .pooling = pooling});
}

std::string read_architecture(const io::JsonConfig& config) {
  const std::string type = config.require_string("model_type");
  models::require_supported(type);
  return type;
}

families::FoundFamily find_family(std::string_view id,
                                  const io::ModelFiles& files,
                                  const io::JsonConfig& config,
                                  const TextParts& parts) {
  const std::string type = config.find_string("model_type").value_or("");
  const std::string chat_template =
      text::choose_chat_template(parts.templates, false).value_or("");
  families::FamilyEvidence evidence{.chat_template = chat_template, .name = id};
  if (files.gguf) {
    evidence.gguf_architecture = type;
    if (!parts.model_name.empty()) evidence.name = parts.model_name;
  } else {
    evidence.model_type = type;
    if (const auto classes = config.find_strings("architectures")) {
      evidence.architectures = *classes;
    }
  }
  return families::detect_family(evidence);
}

bool has_tokens(const text::Tokenizer& tokenizer,
                const std::vector<std::string_view>& tokens) {
  return std::all_of(tokens.begin(), tokens.end(), [&](std::string_view token) {
    return tokenizer.token_to_id(token).has_value();
  });
}

Chat make_chat(std::string_view source, const TextParts& parts,
               const families::MLXModelConfig& family, TemplateSource from) {
  text::ChatTemplate chat_template(source, parts.special.named);
  families::TemplateFacts facts = families::find_template_facts(chat_template);
  families::AnswerRules rules = families::find_answer_rules(
      chat_template.source(), facts, family, [&](std::string_view text) {
        return parts.tokenizer.token_to_id(text).has_value();
      });
  return {std::move(chat_template), from, std::move(facts), std::move(rules)};
}

// The model's own template, its family's or a plain one; `with_tools` is its
// own for requests with tools, if it has one. An encoder needs none.
Chat choose_chat(const TextParts& parts, const families::MLXModelConfig& family,
                 const io::ModelFiles& files, bool is_encoder,
                 std::optional<Chat>& with_tools) {
  const auto own = text::choose_chat_template(parts.templates, false);
  const auto for_tools = text::choose_chat_template(parts.templates, true);
  if (for_tools && for_tools != own) {
    with_tools = make_chat(*for_tools, parts, family, TemplateSource::kModel);
  }
  if (own) return make_chat(*own, parts, family, TemplateSource::kModel);
  const bool has_fallback = !family.chat_template.empty() &&
                            has_tokens(parts.tokenizer, family.template_tokens);
  const TemplateSource source =
      has_fallback ? TemplateSource::kFamily : TemplateSource::kPlain;
  if (!is_encoder) {
    base::log(base::LogLevel::kWarning, "engine",
              files.location.string() + " has no chat template; " +
                  (has_fallback ? "that of the family " +
                                      std::string(family.name) + " is used"
                                : "a plain one is used"));
  }
  return make_chat(
      has_fallback ? family.chat_template : families::plain_chat_template(),
      parts, family, source);
}

// Null where the model reads text, or where its folder does not say how it
// wants its images: text can be read all the same.
std::shared_ptr<const ImageReader> open_images(
    const std::string& architecture, const io::ModelFiles& files,
    const io::JsonConfig& config, const text::Tokenizer& tokenizer) {
  if (files.gguf || !models::reads_images(architecture)) return nullptr;
  const std::filesystem::path folder = files.location;
  if (!std::filesystem::exists(folder / "preprocessor_config.json")) {
    base::log(base::LogLevel::kWarning, "engine",
              folder.string() +
                  " has no preprocessor_config.json, so no images are taken");
    return nullptr;
  }
  return std::make_shared<const ImageReader>(
      folder, config,
      [&](std::string_view token) { return tokenizer.token_to_id(token); });
}

// Whether the template writes the place of an image that is a part of a
// message.
bool takes_image_parts(const Chat& chat, const ImageReader& images) {
  if (images.images_go_first()) return true;
  // Numbers go over all messages, which templates do not count.
  if (images.has_numbered_places()) return false;
  try {
    const std::string text = chat.chat_template.render(
        {.messages = text::messages_to_json(
             {{Role::kUser, {ImagePart{}, TextPart{"?"}}}}, chat.facts.shape),
         .add_generation_prompt = true,
         .now = text::local_now()});
    return text.find(images.processor().placeholder()) != text.npos;
  } catch (const InvalidRequestError&) {
    return false;  // it cannot take a list, which is the answer
  }
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

std::string describe_reasoning(const Chat& chat) {
  std::string text = chat.rules.has_channels()
                         ? "on a channel of its own"
                         : "between " + chat.rules.reasoning_begin + " and " +
                               chat.rules.reasoning_end;
  if (!chat.rules.has_channels() && chat.rules.reasoning_end.empty()) {
    return "none";
  }
  if (!chat.facts.thinking.variable.empty()) {
    text += ", set by " + chat.facts.thinking.variable;
  }
  return text;
}

// What is known of its prompts and answers.
void describe_family(const ModelText& package, ModelDescription& facts) {
  const families::FoundFamily& found = package.family;
  const Chat& chat = package.chat_for(/* with_tools = */ true);
  std::string by(to_string(found.by));
  if (!found.evidence.empty()) by += " (" + found.evidence + ")";
  facts.emplace_back("family", found.family->name);
  facts.emplace_back("family_found_by", by);
  facts.emplace_back("chat_template", to_string(package.chat.source));
  facts.emplace_back("system_prompt",
                     to_string(package.chat.facts.system_prompt));
  facts.emplace_back("tools", chat.facts.tools ? "told by the template"
                                               : "told in the system prompt");
  facts.emplace_back("tool_dialect", to_string(chat.rules.dialect));
  facts.emplace_back("reasoning", describe_reasoning(chat));
}

}  // namespace

std::string_view to_string(TemplateSource source) noexcept {
  switch (source) {
    case TemplateSource::kModel:
      return "the model's own";
    case TemplateSource::kFamily:
      return "its family's, because the model has none";
    case TemplateSource::kPlain:
      return "plain, because the model has none";
  }
  return {};
}

ModelPackage ModelPackage::open(std::string_view id) {
  const auto path =
      hub::LocalModels(hub::ModelLocations::from_environment()).resolve(id);
  io::ModelFiles files = io::ModelFiles::at(path);
  io::WeightSource weights =
      models::canonical_weights(io::WeightSource::open(files));
  return {ModelText::read(id, files, weights.config()), std::move(weights)};
}

ModelText ModelText::read(std::string_view id, const io::ModelFiles& files,
                          const io::JsonConfig& config) {
  std::string architecture = read_architecture(config);
  TextParts parts = files.gguf ? read_gguf(*files.gguf) : read_folder(files);
  families::FoundFamily family = find_family(id, files, config, parts);
  const bool is_encoder =
      models::kind_of(config) == models::ModelKind::kEncoder;
  std::optional<Chat> tool_chat;
  Chat chat = choose_chat(parts, *family.family, files, is_encoder, tool_chat);
  io::JsonConfig generation_config;
  if (files.generation_config) {
    generation_config = io::JsonConfig::load(*files.generation_config);
  }
  const text::Tokenizer& tokenizer = parts.tokenizer;
  // Models with images may keep these fields with their text model.
  const io::JsonConfig fields =
      config.with_defaults(models::text_config(config));
  std::vector<std::int32_t> ends = families::end_tokens(
      {.config = &fields,
       .generation_config = &generation_config,
       .tokenizer_ids = parts.end_tokens,
       .chat_template = chat.chat_template.source(),
       .family = family.family,
       .special_token =
           [&](std::string_view token) -> std::optional<std::int32_t> {
         const auto token_id = tokenizer.token_to_id(token);
         return token_id && tokenizer.is_special(*token_id) ? token_id
                                                            : std::nullopt;
       }});
  const ContextLength context_length =
      read_context_length(fields, family.family->context_length);
  auto images = open_images(architecture, files, config, tokenizer);
  const bool takes_text = images && !takes_image_parts(chat, *images);
  GenerationParameters defaults =
      overlay(families::generation_defaults(generation_config),
              family.family->sampling);
  std::optional<families::EmbeddingRecipe> embedding =
      read_embedding(id, files, config, is_encoder);
  return {.id = std::string(id),
          .files = files,
          .architecture = std::move(architecture),
          .tokenizer = tokenizer,
          .family = std::move(family),
          .chat = std::move(chat),
          .tool_chat = std::move(tool_chat),
          .end_tokens = std::move(ends),
          .defaults = std::move(defaults),
          .context_length = context_length,
          .is_encoder = is_encoder,
          .embedding = std::move(embedding),
          .images = std::move(images),
          .template_takes_text = takes_text};
}

EncodedChat ModelPackage::encode_chat(const ChatPrompt& prompt) const {
  const Chat& used = chat_for(!prompt.tools.empty());
  const families::TemplateFacts& facts = used.facts;
  const bool told = prompt.tools.empty() || facts.tools;
  const std::vector<Message> messages = families::adapt_conversation(
      prompt.messages, told ? "" : families::tools_preamble(prompt.tools),
      facts);
  // A model's own template writes the beginning token itself.
  const bool add_special = used.source != TemplateSource::kModel;
  const auto encode_text = [&](std::string_view text, bool special) {
    return tokenizer.encode(text, special);
  };
  std::optional<ImageReader::PromptEncoder> with_images;
  if (images) with_images.emplace(*images, prompt.images, encode_text);
  EncodedChat encoded;
  const text::PromptCoder coder{
      .render =
          [&](const std::vector<Message>& list) {
            std::string text = render(used, prompt, list);
            // The first is the prompt itself; others are for comparison.
            if (encoded.text.empty()) encoded.text = text;
            return text;
          },
      .encode =
          [&](std::string_view text, bool at_start) {
            return with_images ? with_images->encode(text, at_start)
                               : encode_text(text, add_special && at_start);
          },
      .decode =
          [&](const std::vector<std::int32_t>& ids) {
            return tokenizer.decode(ids, /* skip_special = */ false);
          }};
  // Numbered places are counted over the whole prompt.
  const bool whole =
      images && !prompt.images.empty() && images->has_numbered_places();
  encoded.ids = whole ? coder.encode(coder.render(messages), true)
                      : text::encode_with_replay(messages, coder);
  if (!prompt.images.empty()) {
    images->name_images(prompt.images, encoded.ids);
  }
  return encoded;
}

std::string ModelPackage::render(const Chat& used, const ChatPrompt& prompt,
                                 const std::vector<Message>& messages) const {
  // PaliGemma continues one text; no turns are marked.
  if (images && images->images_go_first() &&
      used.source != TemplateSource::kModel) {
    std::string text;
    for (const Message& message : messages) {
      if (!text.empty()) text += '\n';
      text += message.text();
    }
    return text;
  }
  const families::TemplateFacts& facts = used.facts;
  const bool told = prompt.tools.empty() || facts.tools;
  return used.chat_template.render(
      {.messages = text::messages_to_json(
           template_takes_text ? images->with_places(messages) : messages,
           facts.shape),
       .tools = told ? text::tools_to_json(prompt.tools) : std::nullopt,
       .add_generation_prompt = true,
       .variables = prompt.template_variables,
       .now = text::local_now()});
}

ModelDescription describe(const ModelPackage& package,
                          const EngineOptions& options) {
  ModelDescription facts = describe(package, package.config(), options);
  // Behind the architecture.
  const auto after = std::find_if(
      facts.begin(), facts.end(),
      [](const auto& fact) { return fact.first == "context_length"; });
  facts.insert(
      after, {{"quantisation", describe_quantisation(package.weights)},
              {"weight_bytes", std::to_string(package.weights.total_bytes())}});
  return facts;
}

ModelDescription describe(const ModelText& package,
                          const io::JsonConfig& config,
                          const EngineOptions& options) {
  ModelDescription facts{
      {"model", package.id},
      {"path", package.files.location.string()},
      {"format", package.files.gguf ? "gguf" : "safetensors"},
      {"architecture", package.architecture},
      {"context_length", std::to_string(package.context_length.tokens)}};
  if (!package.context_length.is_limited()) {
    facts.emplace_back("context_limit", "none but the memory");
  }
  const io::JsonConfig fields = models::text_config(config);
  for (const char* field :
       {"num_hidden_layers", "hidden_size", "num_attention_heads",
        "num_key_value_heads", "vocab_size"}) {
    if (const auto value = fields.find_int(field)) {
      facts.emplace_back(field, std::to_string(*value));
    }
  }
  facts.emplace_back("cpu_precision",
                     describe_precision(options, hidden_size(config)));
  if (package.embedding) {
    facts.emplace_back("embedding_pooling",
                       families::describe(*package.embedding));
    if (package.embedding->max_tokens) {
      facts.emplace_back("embedding_max_tokens",
                         std::to_string(*package.embedding->max_tokens));
    }
    std::string names;
    for (const auto& [name, prompt] : package.embedding->prompts) {
      names += (names.empty() ? "" : ", ") + name;
    }
    if (!names.empty()) facts.emplace_back("embedding_prompts", names);
  }
  if (package.is_encoder) return facts;
  facts.emplace_back("end_tokens", join(package.end_tokens));
  describe_family(package, facts);
  if (package.images) {
    facts.emplace_back("images", package.images->processor().kind());
  }
  for (const auto& [name, parameters] : package.family.family->presets) {
    facts.emplace_back("preset_" + std::string(name), to_json(parameters));
  }
  facts.emplace_back("default_parameters", to_json(package.defaults));
  return facts;
}

}  // namespace abstractllm::engine

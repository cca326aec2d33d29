// Opening of a model's files.
// SPDX-License-Identifier: Apache-2.0
#include "engine/model_package.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <utility>

#include "abstractllm/error.h"
#include "base/log.h"
#include "engine/chat_choice.h"
#include "engine/text_parts.h"
#include "families/end_tokens.h"
#include "families/generation_defaults.h"
#include "hub/local_models.h"
#include "models/common/vision_language.h"
#include "models/registry.h"

namespace abstractllm::engine {

namespace {

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
                                  const text::ChatTemplateSources& templates,
                                  std::string_view stored_name) {
  const std::string type = config.find_string("model_type").value_or("");
  const std::string chat_template =
      text::choose_chat_template(templates, false).value_or("");
  families::FamilyEvidence evidence{.chat_template = chat_template, .name = id};
  if (files.gguf) {
    evidence.gguf_architecture = type;
    evidence.stored_name = stored_name;
  } else {
    evidence.model_type = type;
    if (const auto classes = config.find_strings("architectures")) {
      evidence.architectures = *classes;
    }
  }
  return families::detect_family(evidence);
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

ModelText read_with(TextParts parts, std::string_view id,
                    const io::ModelFiles& files, const io::JsonConfig& config);

}  // namespace

std::string describe(const families::FoundFamily& found) {
  const std::string by(to_string(found.by));
  return found.evidence.empty() ? by : by + " (" + found.evidence + ")";
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
  read_architecture(config);
  return read_with(read_text_parts(files), id, files, config);
}

namespace {

ModelText read_with(TextParts parts, std::string_view id,
                    const io::ModelFiles& files, const io::JsonConfig& config) {
  std::string architecture = read_architecture(config);
  families::FoundFamily family =
      find_family(id, files, config, parts.templates, parts.model_name);
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

// All that does not ask for a tokenizer's words.
ModelDescription describe_without_tokenizer(std::string_view id,
                                            const io::ModelFiles& files,
                                            const io::JsonConfig& config) {
  ModelDescription facts =
      describe(read_with(outline_text_parts(files), id, files, config), config,
               /* weights = */ nullptr, {});
  // Of settings that are not known here.
  std::erase_if(facts, [](const auto& fact) {
    return fact.first == "cpu_precision" || fact.first == "images";
  });
  return facts;
}

}  // namespace

ModelDescription describe_config(std::string_view id,
                                 const io::ModelFiles& files,
                                 const io::JsonConfig& config) {
  if (!files.gguf && !files.tokenizer) {
    try {
      return describe_without_tokenizer(id, files, config);
    } catch (const Error& error) {
      base::log(base::LogLevel::kDebug, "engine", error.what());
    }
  }
  ModelDescription facts{
      {"model", std::string(id)},
      {"path", files.location.string()},
      {"architecture", config.find_string("model_type").value_or("")}};
  // One fact that cannot be read keeps no other away.
  const auto add = [](const auto& read) {
    try {
      read();
    } catch (const Error& error) {
      base::log(base::LogLevel::kDebug, "engine", error.what());
    }
  };
  text::ChatTemplateSources templates;
  add([&] { templates = text::read_chat_templates(files.location); });
  const families::FoundFamily found =
      find_family(id, files, config, templates, {});
  io::JsonConfig fields = config;
  add([&] { fields = config.with_defaults(models::text_config(config)); });
  add([&] {
    facts.emplace_back(
        "context_length",
        std::to_string(
            read_context_length(fields, found.family->context_length).tokens));
  });
  if (models::kind_of(config) == models::ModelKind::kEncoder) return facts;
  add([&] {
    const auto ends = families::end_tokens(
        {.config = &fields,
         .tokenizer_ids = {},
         .chat_template = {},
         .special_token = [](std::string_view) { return std::nullopt; }});
    facts.emplace_back("end_tokens", fmt::format("{}", fmt::join(ends, ", ")));
  });
  facts.emplace_back("family", found.family->name);
  facts.emplace_back("family_found_by", describe(found));
  return facts;
}

}  // namespace abstractllm::engine

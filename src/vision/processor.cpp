// Which image processor a model's files ask for.
// SPDX-License-Identifier: Apache-2.0
#include "vision/processor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string>

#include "abstractllm/error.h"
#include "io/model_config.h"
#include "vision/kinds.h"
#include "vision/placeholders.h"

namespace abstractllm::vision {
namespace {

// By image_processor_type, without "Fast" behind it, or by model_type where
// the type is shared by models that differ, or is not there.
struct Entry {
  std::string_view name;
  std::unique_ptr<ImageProcessor> (*make)(const ProcessorFiles&);
};

constexpr std::array kProcessorTypes = {
    Entry{"Gemma3ImageProcessor", make_gemma3},
    Entry{"GotOcr2ImageProcessor", make_internvl},
    Entry{"Idefics3ImageProcessor", make_idefics3},
    Entry{"LlavaImageProcessor", make_llava},
    Entry{"LlavaNextImageProcessor", make_llava_next},
    Entry{"MllamaImageProcessor", make_mllama},
    Entry{"Phi3VImageProcessor", make_phi3_v},
    Entry{"PixtralImageProcessor", make_pixtral},
    Entry{"Qwen2VLImageProcessor", make_qwen2_vl},
    Entry{"Qwen2_5_VLImageProcessor", make_qwen2_vl},
    Entry{"Qwen3VLImageProcessor", make_qwen2_vl},
    Entry{"SmolVLMImageProcessor", make_idefics3},
};

constexpr std::array kModelTypes = {
    Entry{"gemma3", make_gemma3},         Entry{"idefics3", make_idefics3},
    Entry{"internvl", make_internvl},     Entry{"internvl_chat", make_internvl},
    Entry{"llava", make_llava},           Entry{"llava_next", make_llava_next},
    Entry{"mistral3", make_pixtral},      Entry{"mllama", make_mllama},
    Entry{"paligemma", make_paligemma},   Entry{"phi3_v", make_phi3_v},
    Entry{"pixtral", make_pixtral},       Entry{"qwen2_5_vl", make_qwen2_vl},
    Entry{"qwen2_vl", make_qwen2_vl},     Entry{"qwen3_vl", make_qwen2_vl},
    Entry{"qwen3_vl_moe", make_qwen2_vl}, Entry{"smolvlm", make_idefics3},
    Entry{"vipllava", make_llava},
};

template <typename Table>
const Entry* find(const Table& table, std::string_view name) {
  for (const Entry& entry : table) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

std::string plain_type(std::string type) {
  for (const std::string_view suffix : {"Fast", "Pil"}) {
    if (type.ends_with(suffix)) type.resize(type.size() - suffix.size());
  }
  return type;
}

io::JsonConfig read(const std::filesystem::path& folder, const char* name) {
  const auto path = folder / name;
  return std::filesystem::exists(path) ? io::JsonConfig::load(path)
                                       : io::JsonConfig();
}

io::JsonConfig read_model(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  return std::filesystem::exists(path) ? io::load_model_config(path)
                                       : io::JsonConfig();
}

}  // namespace

std::vector<PromptPiece> ImageProcessor::expand(
    std::string_view prompt, std::span<const ImagePlan> plans) const {
  if (video_placeholder_.empty()) {
    return {{.text = replace_placeholders(
                 prompt, placeholder_, plans.size(),
                 [&](std::size_t image) { return text_of(plans[image]); })}};
  }
  return {{.text = replace_placeholders(
               prompt, {placeholder_, video_placeholder_}, plans.size(),
               [&](std::size_t image, std::size_t kind) {
                 const bool moves = !plans[image].frames.empty();
                 if (moves == (kind == 1)) return text_of(plans[image]);
                 throw InvalidRequestError(
                     "[image processor] the chat template has the places of "
                     "images and of moving pictures in another order than the "
                     "messages");
               })}};
}

std::size_t ImageProcessor::places_in(std::string_view prompt) const {
  return occurrences(prompt, placeholder_) +
         occurrences(prompt, video_placeholder_);
}

namespace {

[[noreturn]] void refuse_video(std::string_view kind) {
  throw UnsupportedFeatureError(
      fmt::format("[image processor] {} models see still images alone", kind),
      "Qwen2-VL, Qwen2.5-VL and Qwen3-VL see moving pictures; or send frames "
      "as images.");
}

}  // namespace

ImagePlan ImageProcessor::plan_video(const io::MovingPicture& /*video*/,
                                     const PixelBudget& /*budget*/) const {
  refuse_video(kind());
}

ImageInputs ImageProcessor::process_video(const io::MovingPicture& /*video*/,
                                          const PixelBudget& /*budget*/) const {
  refuse_video(kind());
}

std::string ImageProcessor::text_of(const ImagePlan& plan) const {
  return repeated(image_token_, plan.image_tokens);
}

ProcessorFiles ProcessorFiles::in(const std::filesystem::path& folder) {
  ProcessorFiles files{.preprocessor = read(folder, "preprocessor_config.json"),
                       .processor = read(folder, "processor_config.json"),
                       .model = read_model(folder),
                       .tokenizer = read(folder, "tokenizer_config.json"),
                       .video = read(folder, "video_preprocessor_config.json")};
  // Newer folders keep the image processor's fields inside the other file.
  if (files.preprocessor.keys().empty()) {
    if (auto inner = files.processor.find_object("image_processor")) {
      files.preprocessor = std::move(*inner);
    }
  }
  if (files.video.keys().empty()) {
    files.video = files.processor.find_object("video_processor")
                      .value_or(files.preprocessor);
  }
  return files;
}

std::unique_ptr<ImageProcessor> ImageProcessor::from_config(
    const ProcessorFiles& files) {
  auto type = files.preprocessor.find_string("image_processor_type");
  if (!type) type = files.preprocessor.find_string("feature_extractor_type");
  if (type) {
    if (const Entry* entry = find(kProcessorTypes, plain_type(*type))) {
      return entry->make(files);
    }
  }
  const auto model = files.model.find_string("model_type").value_or("");
  if (const Entry* entry = find(kModelTypes, model)) return entry->make(files);
  std::vector<std::string_view> known;
  for (const Entry& entry : kModelTypes) known.push_back(entry.name);
  throw UnsupportedModelError(
      fmt::format("[image processor] no processor for image_processor_type "
                  "'{}', model_type '{}'",
                  type.value_or("none"), model),
      fmt::format("the models whose images are read: {}",
                  fmt::join(known, ", ")));
}

}  // namespace abstractllm::vision

// Images of messages, decoded, named and put into prompts.
// SPDX-License-Identifier: Apache-2.0
#include "engine/image_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "abstractllm/error.h"
#include "hub/digest.h"
#include "io/image.h"
#include "io/moving_picture.h"

namespace abstractllm::engine {

namespace {

io::EncodedImage open_image(const ImagePart& part) {
  if (!part.path.empty()) return io::EncodedImage::open(part.path);
  if (!part.bytes.empty()) return io::EncodedImage::from_bytes(part.bytes);
  if (part.url.starts_with("data:")) {
    return io::EncodedImage::from_data_url(part.url);
  }
  throw InvalidRequestError(
      "[images] an image is given by its address only, and local models fetch "
      "nothing",
      "Give the file, its bytes or a data: URL.");
}

// What services give images of low detail.
constexpr std::int64_t kLowDetailPixels = 512 * 512;

// What the model may see of `part`. Of a model that needs more than little
// detail has, about as much as it needs.
vision::PixelBudget budget_of(const vision::ImageProcessor& processor,
                              const ImagePart& part,
                              const io::EncodedImage& image,
                              std::optional<std::int64_t> max_pixels) {
  const vision::PixelBudget all{.max_pixels = max_pixels};
  if (part.detail.empty() || part.detail == "auto" || part.detail == "high") {
    return all;
  }
  if (part.detail != "low") {
    throw InvalidRequestError(
        "[images] the detail of an image is '" + part.detail + "'",
        "Known are low, high and auto.");
  }
  const std::int64_t most =
      processor.plan(image.width(), image.height(), all).pixels;
  for (std::int64_t pixels = kLowDetailPixels; pixels < most; pixels *= 2) {
    try {
      processor.plan(image.width(), image.height(), {.max_pixels = pixels});
      return {.max_pixels = pixels};
    } catch (const InvalidParameterError&) {
      continue;  // too few for this model: says the processor
    }
  }
  return all;
}

SeenImage see_video(const vision::ImageProcessor& processor,
                    const io::MovingPicture& video,
                    std::optional<std::int64_t> max_pixels) {
  return {.width = video.width(),
          .height = video.height(),
          .plan = processor.plan_video(video, {.max_pixels = max_pixels})};
}

JobImage job_image(std::string digest, vision::ImageInputs inputs) {
  const vision::ImagePlan plan = inputs.plan;
  return {
      .digest = std::move(digest),
      .inputs = std::make_shared<const vision::ImageInputs>(std::move(inputs)),
      .tokens = plan.image_tokens,
      .grid_rows = plan.grid_rows,
      .grid_columns = plan.grid_columns,
      .frame_step = plan.frame_step};
}

std::vector<const ImagePart*> images_of(const std::vector<Message>& messages) {
  std::vector<const ImagePart*> images;
  for (const Message& message : messages) {
    for (const Part& part : message.parts) {
      if (const auto* image = std::get_if<ImagePart>(&part)) {
        images.push_back(image);
      }
    }
  }
  return images;
}

// The bytes of the file and all that its plan depends on.
std::string digest_of(const io::EncodedImage& image,
                      const vision::ImagePlan& plan) {
  hub::Digest digest(hub::Digest::Kind::kSha256);
  const std::span<const std::byte> bytes = image.bytes();
  digest.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  digest.update(fmt::format("|{}x{}|{}|{}x{}|{}", plan.width, plan.height,
                            plan.crops, plan.grid_rows, plan.grid_columns,
                            plan.image_tokens));
  return digest.finish();
}

// The same for a moving picture.
std::string digest_of(const io::MovingPicture& video,
                      const vision::ImagePlan& plan) {
  hub::Digest digest(hub::Digest::Kind::kSha256);
  video.read_bytes([&digest](std::span<const std::byte> bytes) {
    digest.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
  digest.update(fmt::format("|{}x{}|{}|{}", plan.width, plan.height,
                            fmt::join(plan.frames, ","), plan.frame_step));
  return digest.finish();
}

SeenImage see(const vision::ImageProcessor& processor,
              const io::EncodedImage& image,
              const vision::PixelBudget& budget) {
  return {.width = image.width(),
          .height = image.height(),
          .plan = processor.plan(image.width(), image.height(), budget)};
}

}  // namespace

ImageReader::ImageReader(
    const std::filesystem::path& folder, const io::JsonConfig& config,
    const std::function<std::optional<std::int32_t>(std::string_view)>&
        token_id) {
  vision::ProcessorFiles files = vision::ProcessorFiles::in(folder);
  files.model = config;
  processor_ = vision::ImageProcessor::from_config(files);
  const std::string& token = processor_->image_token();
  if (token.empty()) return;
  image_token_ = token_id(token);
  if (!image_token_) {
    throw ModelLoadingError("[images] the tokenizer of " + folder.string() +
                            " has no token '" + token +
                            "', which stands for images");
  }
  if (!processor_->video_token().empty()) {
    video_token_ = token_id(processor_->video_token());
  }
}

ConversationImages ImageReader::look(
    const std::vector<Message>& messages,
    std::optional<std::int64_t> max_pixels) const {
  ConversationImages found;
  for (const ImagePart* part : images_of(messages)) {
    if (io::is_video(*part)) {
      found.seen.push_back(
          see_video(*processor_, *io::MovingPicture::open(*part), max_pixels));
      continue;
    }
    const io::EncodedImage image = open_image(*part);
    found.seen.push_back(see(*processor_, image,
                             budget_of(*processor_, *part, image, max_pixels)));
  }
  return found;
}

ConversationImages ImageReader::read(
    const std::vector<Message>& messages,
    std::optional<std::int64_t> max_pixels) const {
  ConversationImages found;
  for (const ImagePart* part : images_of(messages)) {
    if (io::is_video(*part)) {
      const auto video = io::MovingPicture::open(*part);
      found.seen.push_back(see_video(*processor_, *video, max_pixels));
      found.images.push_back(job_image(
          digest_of(*video, found.seen.back().plan),
          processor_->process_video(*video, {.max_pixels = max_pixels})));
      continue;
    }
    const io::EncodedImage image = open_image(*part);
    const vision::PixelBudget budget =
        budget_of(*processor_, *part, image, max_pixels);
    found.seen.push_back(see(*processor_, image, budget));
    found.images.push_back(job_image(digest_of(image, found.seen.back().plan),
                                     processor_->process(image, budget)));
  }
  return found;
}

std::vector<Message> ImageReader::with_places(
    std::vector<Message> messages) const {
  std::size_t number = 0;
  for (Message& message : messages) {
    std::string text;
    bool has_image = false;
    std::vector<Part> others;
    for (const Part& part : message.parts) {
      if (const auto* image = std::get_if<ImagePart>(&part)) {
        has_image = true;
        ++number;
        const std::string& place = io::is_video(*image)
                                       ? processor_->video_placeholder()
                                       : processor_->placeholder();
        text += (has_numbered_places() ? fmt::format("<|image_{}|>", number)
                                       : place) +
                "\n";
      } else if (const auto* words = std::get_if<TextPart>(&part)) {
        text += words->text;
      } else {
        others.push_back(part);
      }
    }
    if (!has_image) continue;
    others.insert(others.begin(), TextPart{std::move(text)});
    message.parts = std::move(others);
  }
  return messages;
}

ImageReader::PromptEncoder::PromptEncoder(const ImageReader& reader,
                                          const std::vector<SeenImage>& images,
                                          Encode encode)
    : reader_(reader), encode_(std::move(encode)) {
  for (const SeenImage& image : images) plans_.push_back(image.plan);
}

// Unless the template has written the beginning token itself.
bool ImageReader::PromptEncoder::adds_special(std::string_view text) const {
  if (!reader_.processor_->adds_special_tokens()) return false;
  const std::vector<std::int32_t> added = encode_("", true);
  if (added.empty()) return false;
  const std::vector<std::int32_t> plain = encode_(text, false);
  return plain.empty() || plain.front() != added.front();
}

std::vector<std::int32_t> ImageReader::PromptEncoder::encode(
    std::string_view text, bool at_start) {
  if (at_start) used_ = 0;
  const vision::ImageProcessor& processor = *reader_.processor_;
  const std::size_t left = plans_.size() - used_;
  const bool together =
      reader_.images_go_first() || reader_.has_numbered_places();
  const std::size_t places =
      together ? (at_start ? left : 0) : processor.places_in(text);
  if (places > left) {
    throw InvalidRequestError(
        fmt::format("[images] the prompt has places for {} images or more, "
                    "the messages have {}",
                    used_ + places, plans_.size()),
        "Texts must not contain '" +
            (processor.video_placeholder().empty() ||
                     text.find(processor.video_placeholder()) == text.npos
                 ? processor.placeholder()
                 : processor.video_placeholder()) +
            "'.");
  }
  // A model whose images go first marks the end of its prompt, too.
  const bool expands = places > 0 || (reader_.images_go_first() && at_start);
  std::vector<vision::PromptPiece> pieces{{.text = std::string(text)}};
  if (expands) {
    pieces = processor.expand(text, std::span(plans_).subspan(used_, places));
  }
  used_ += places;
  std::vector<std::int32_t> ids;
  bool first = at_start;
  for (const vision::PromptPiece& piece : pieces) {
    if (piece.count > 0) {
      ids.insert(ids.end(), static_cast<std::size_t>(piece.count), piece.id);
    } else {
      const bool special = first && adds_special(piece.text);
      const std::vector<std::int32_t> more = encode_(piece.text, special);
      ids.insert(ids.end(), more.begin(), more.end());
    }
    first = false;
  }
  return ids;
}

void ImageReader::name_images(const std::vector<SeenImage>& images,
                              std::vector<std::int32_t>& ids) const {
  std::size_t image = 0;
  int used = 0;
  for (std::int32_t& id : ids) {
    if (id >= 0 && id != image_token_ && id != video_token_) continue;
    if (image < images.size() && used == images[image].plan.image_tokens) {
      ++image;
      used = 0;
    }
    if (image == images.size()) {
      throw InvalidRequestError(
          "[images] the prompt has more tokens of images than its images",
          "Texts must not contain '" +
              (id == video_token_ ? processor_->video_token()
                                  : processor_->image_token()) +
              "'.");
    }
    id = image_id(image);
    ++used;
  }
  const bool all = images.empty() || (image + 1 == images.size() &&
                                      used == images[image].plan.image_tokens);
  if (!all) {
    throw InvalidRequestError(
        "[images] the prompt has not the tokens of its images",
        "The model's chat template may not know images where they were put.");
  }
}

}  // namespace abstractllm::engine

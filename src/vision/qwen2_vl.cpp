// Qwen2-VL, Qwen2.5-VL, Qwen3-VL: any size, as a grid of patches in the order
// in which the merger takes them. pixel_values (patches, 3 * temporal *
// patch^2), image_grid_thw (1, 3) in patches.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "abstractllm/error.h"
#include "vision/kinds.h"
#include "vision/picture.h"
#include "vision/placeholders.h"
#include "vision/qwen_video.h"

namespace abstractllm::vision {
namespace {

int either(const io::JsonConfig& json, const char* key,
           const io::JsonConfig& tower, const char* tower_key, int otherwise,
           int most) {
  return int_setting(
      json, key, int_setting(tower, tower_key, otherwise, 1, most), 1, most);
}

// Of all frames of a moving picture: 400 MB of values, more tokens than most
// contexts hold.
constexpr std::int64_t kMostVideoPixels = std::int64_t{1} << 25;

// Beyond this proportion the model was never shown an image.
constexpr double kMaxProportion = 200;

struct Config {
  int patch = 14;
  int temporal = 2;  // a still image fills this many frames
  int merge = 2;
  std::int64_t min_pixels = 56 * 56;
  std::int64_t max_pixels = 28 * 28 * 1280;
  bool resizes = true;
  Filter filter = Filter::kBicubic;

  // What `json` leaves out is the tower's.
  Config(const io::JsonConfig& json, const io::JsonConfig& tower)
      : patch(either(json, "patch_size", tower, "patch_size", 14, 1024)),
        temporal(either(json, "temporal_patch_size", tower,
                        "temporal_patch_size", 2, 64)),
        merge(either(json, "merge_size", tower, "spatial_merge_size", 2, 64)),
        resizes(json.find_bool("do_resize").value_or(true)),
        filter(filter_setting(json, Filter::kBicubic)) {
    // Both edges are numbers of pixels; the older names come first.
    constexpr int kMost = 1 << 30;
    if (const auto size =
            size_setting(json, "size", SingleNumber::kShortestEdge, kMost)) {
      min_pixels = size->shortest_edge.value_or(static_cast<int>(min_pixels));
      max_pixels = size->longest_edge.value_or(static_cast<int>(max_pixels));
    }
    min_pixels =
        int_setting(json, "min_pixels", static_cast<int>(min_pixels), 1, kMost);
    max_pixels =
        int_setting(json, "max_pixels", static_cast<int>(max_pixels), 1, kMost);
    if (min_pixels > max_pixels) {
      throw ModelLoadingError(fmt::format(
          "[image processor] {}: min_pixels {} is more than max_pixels {}",
          json.origin(), min_pixels, max_pixels));
    }
  }

  int factor() const { return patch * merge; }
};

class Qwen2Vl final : public ImageProcessor {
 public:
  explicit Qwen2Vl(const ProcessorFiles& files)
      : config_(files.preprocessor, files.model.find_object("vision_config")
                                        .value_or(io::JsonConfig())),
        values_(files.preprocessor, PixelValues::kClipMean,
                PixelValues::kClipStd),
        newer_(files.model.find_string("model_type")
                   .value_or("")
                   .starts_with("qwen3")),
        video_(files.video, newer_, config_.patch, config_.merge,
               config_.temporal),
        video_filter_(filter_setting(files.video, config_.filter)),
        video_values_(files.video, PixelValues::kClipMean,
                      PixelValues::kClipStd) {
    image_token_ = image_token_of(files, "<|image_pad|>");
    placeholder_ = image_token_;
    video_token_ = token_named(files, "video_token_id", "<|video_pad|>");
    video_placeholder_ = video_token_;
    start_ = token_named(files, "vision_start_token_id", "<|vision_start|>");
    end_ = token_named(files, "vision_end_token_id", "<|vision_end|>");
    // Frames have marks of their own, which stand for those of the template.
    if (newer_) video_placeholder_ = start_ + video_token_ + end_;
    if (const auto tower = files.model.find_object("vision_config")) {
      const bool measures =
          files.model.find_string("model_type") == "qwen2_5_vl";
      positions_a_second_ =
          tower->find_number("tokens_per_second").value_or(measures ? 4 : 0);
      constexpr double kMost = 100;
      if (!(positions_a_second_ >= 0 && positions_a_second_ <= kMost)) {
        throw ModelLoadingError(
            fmt::format("[config] tokens_per_second is {}, expected up to {}",
                        positions_a_second_, kMost));
      }
    }
  }

  std::string_view kind() const noexcept override { return "qwen2_vl"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    check_proportion(width, height);
    const Extent size = resized({width, height}, budget);
    const int rows = size.height / config_.factor();
    const int columns = size.width / config_.factor();
    return {.image_tokens = rows * columns,
            .prompt_tokens = rows * columns,
            .pixels = size.pixels(),
            .grid_rows = rows,
            .grid_columns = columns,
            .width = size.width,
            .height = size.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    const ResizeJob job = ResizeJob::whole(image, inputs.plan.width,
                                           inputs.plan.height, config_.filter);
    const io::RgbImage resized = std::move(resize(image, {&job, 1}).front());
    const int rows = inputs.plan.height / config_.patch;
    const int columns = inputs.plan.width / config_.patch;
    inputs.integers["image_grid_thw"] = {{1, 3}, {1, rows, columns}};
    inputs.pixel_values = blank(
        {rows * columns, 3 * config_.temporal * config_.patch * config_.patch});
    const std::vector<const io::RgbImage*> frames(
        static_cast<std::size_t>(config_.temporal), &resized);
    write_patches(frames, values_, inputs.pixel_values.values);
    return inputs;
  }

  ImagePlan plan_video(const io::MovingPicture& video,
                       const PixelBudget& budget) const override {
    check_proportion(video.width(), video.height());
    std::vector<int> frames = video_.frames_of(video);
    const auto count = static_cast<int>(frames.size());
    const Extent size = video_.size_of({video.width(), video.height()}, count,
                                       budget.max_pixels);
    const int rows = size.height / config_.factor();
    const int columns = size.width / config_.factor();
    const double rate = video.rate().value_or(kUsualFrameRate);
    ImagePlan plan{.pixels = size.pixels() * count,
                   .crops = count,
                   .grid_rows = rows,
                   .grid_columns = columns,
                   .width = size.width,
                   .height = size.height,
                   .frames = std::move(frames)};
    plan.times = video_.times_of(plan.frames, rate);
    const std::int64_t tokens =
        static_cast<std::int64_t>(plan.times.size()) * rows * columns;
    if (tokens > std::numeric_limits<int>::max()) {
      throw ResourceExceededError(
          fmt::format("[video] {} frames would be {} tokens", count, tokens),
          "Leave frames out, or declare fewer pixels (max_pixels).");
    }
    plan.image_tokens = static_cast<int>(tokens);
    plan.prompt_tokens = plan.image_tokens;
    if (positions_a_second_ > 0 && !newer_) {
      const double seen_rate = rate * count / video.frames();
      plan.frame_step = positions_a_second_ * config_.temporal / seen_rate;
    }
    return plan;
  }

  ImageInputs process_video(const io::MovingPicture& video,
                            const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan_video(video, budget)};
    const ImagePlan& plan = inputs.plan;
    if (plan.pixels > kMostVideoPixels) {
      throw ResourceExceededError(
          fmt::format("[video] {} frames of {}x{} pixels are {} pixels, the "
                      "limit is {}",
                      plan.crops, plan.width, plan.height, plan.pixels,
                      kMostVideoPixels),
          "Leave frames out, or declare fewer pixels (max_pixels).");
    }
    const auto stretches = static_cast<int>(plan.times.size());
    const int rows = plan.height / config_.patch;
    const int columns = plan.width / config_.patch;
    inputs.integers["image_grid_thw"] = {{1, 3}, {stretches, rows, columns}};
    inputs.pixel_values =
        blank({stretches * rows * columns,
               3 * config_.temporal * config_.patch * config_.patch});
    std::vector<io::RgbImage> held;  // of one stretch
    int written = 0;
    const auto write = [&] {
      std::vector<const io::RgbImage*> frames;
      for (std::size_t i = 0; i < static_cast<std::size_t>(config_.temporal);
           ++i) {
        frames.push_back(&held[std::min(i, held.size() - 1)]);
      }
      write_patches(frames, video_values_,
                    part(inputs.pixel_values, written++, stretches));
      held.clear();
    };
    video.read(plan.frames, [&](const io::ImageSource& frame) {
      const ResizeJob job =
          ResizeJob::whole(frame, plan.width, plan.height, video_filter_);
      held.push_back(std::move(resize(frame, {&job, 1}).front()));
      if (static_cast<int>(held.size()) == config_.temporal) write();
    });
    if (!held.empty()) write();
    return inputs;
  }

 protected:
  std::string text_of(const ImagePlan& plan) const override {
    if (plan.frames.empty()) return ImageProcessor::text_of(plan);
    if (!newer_) return repeated(video_token_, plan.image_tokens);
    std::string text;
    for (const double time : plan.times) {
      text += fmt::format("<{:.1f} seconds>", time) + start_ +
              repeated(video_token_, plan.grid_rows * plan.grid_columns) + end_;
    }
    return text;
  }

 private:
  static void check_proportion(int width, int height) {
    require_size(width, height);
    const double proportion =
        static_cast<double>(std::max(width, height)) / std::min(width, height);
    if (proportion <= kMaxProportion) return;
    throw ImageProcessingError(
        fmt::format("[image processor] {}x{} pixels are {:.0f} to 1, the "
                    "model takes up to {:.0f} to 1",
                    width, height, proportion, kMaxProportion),
        "crop the image");
  }

  Extent resized(Extent size, const PixelBudget& budget) const {
    const int factor = config_.factor();
    if (!config_.resizes) {
      if (size.width % factor == 0 && size.height % factor == 0) return size;
      throw ImageProcessingError(
          fmt::format("[image processor] {}x{} pixels: the model's files ask "
                      "for multiples of {}",
                      size.width, size.height, factor));
    }
    const std::int64_t least = std::int64_t{factor} * factor;
    std::int64_t most = config_.max_pixels;
    if (budget.max_pixels) {
      if (*budget.max_pixels < least) require_budget(budget, least, kind());
      most = std::min(most, *budget.max_pixels);
    }
    Extent result =
        smart_resize(size, factor, std::min(config_.min_pixels, most), most);
    // What a minimum or a very long image asks for beyond a budget.
    while (budget.max_pixels && result.pixels() > *budget.max_pixels) {
      (result.width >= result.height ? result.width : result.height) -= factor;
    }
    return result;
  }

  // (rows / merge, columns / merge, merge, merge) patches of (3, temporal,
  // patch, patch). `frames`: of one size, as many as are taken together.
  void write_patches(const std::vector<const io::RgbImage*>& frames,
                     const PixelValues& values, std::span<float> out) const {
    const int patch = config_.patch;
    const int block = config_.factor();
    const auto plane =
        static_cast<std::size_t>(patch) * static_cast<std::size_t>(patch);
    std::vector<std::vector<float>> planes(frames.size(),
                                           std::vector<float>(3 * plane));
    float* to = out.data();
    for (int top = 0; top < frames.front()->height; top += block) {
      for (int left = 0; left < frames.front()->width; left += block) {
        for (int i = 0; i < config_.merge * config_.merge; ++i) {
          for (std::size_t frame = 0; frame < frames.size(); ++frame) {
            if (frame > 0 && frames[frame] == frames[frame - 1]) {
              planes[frame] = planes[frame - 1];
              continue;
            }
            values.planes(*frames[frame], left + i % config_.merge * patch,
                          top + i / config_.merge * patch, patch, patch,
                          planes[frame]);
          }
          for (std::size_t channel = 0; channel < 3; ++channel) {
            for (const std::vector<float>& frame : planes) {
              to = std::copy_n(frame.data() + channel * plane, plane, to);
            }
          }
        }
      }
    }
  }

  Config config_;
  PixelValues values_;
  bool newer_;  // Qwen3-VL
  QwenVideo video_;
  Filter video_filter_;
  PixelValues video_values_;
  std::string start_;  // around what is seen
  std::string end_;
  double positions_a_second_ = 0;  // 0: time has no measure
};

}  // namespace

std::unique_ptr<ImageProcessor> make_qwen2_vl(const ProcessorFiles& files) {
  return std::make_unique<Qwen2Vl>(files);
}

}  // namespace abstractllm::vision

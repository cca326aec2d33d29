// Phi-3-vision, Phi-3.5-vision: the image on a canvas of 336-pixel crops, and
// the whole canvas in front of them. pixel_values (1, num_crops + 1, 3, 336,
// 336), what is not used zero; image_sizes (1, 2), height and width of the
// canvas. Written after the processor in the published model folders.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "abstractllm/error.h"
#include "vision/kinds.h"
#include "vision/picture.h"
#include "vision/placeholders.h"

namespace abstractllm::vision {
namespace {

constexpr int kSide = 336;
constexpr std::int64_t kPicturePixels = std::int64_t{kSide} * kSide;
constexpr std::string_view kOpen = "<|image_";

// The image with its axes exchanged.
class Transposed final : public io::ImageSource {
 public:
  explicit Transposed(const io::ImageSource& image)
      : ImageSource(transposed(image.shape())), image_(image) {}
  void read_rows(const io::RowSink& sink) const override {
    image_.read_rows(sink);
  }

 private:
  static io::ImageShape transposed(io::ImageShape shape) {
    shape.orientation.transposed = !shape.orientation.transposed;
    return shape;
  }
  const io::ImageSource& image_;
};

// How a landscape image lies on its canvas: `size` with white above and below.
struct Canvas {
  Extent size{};
  int columns = 0;
  int rows = 0;
  int above = 0;
};

// As many columns of crops as fit into `most` crops.
Canvas canvas_of(Extent landscape, int most) {
  const double ratio = static_cast<double>(landscape.width) / landscape.height;
  int columns = 1;
  while (columns * std::ceil(columns / ratio) <= most) ++columns;
  columns = std::max(1, columns - 1);
  Canvas canvas{.columns = columns};
  canvas.size.width = columns * kSide;
  canvas.size.height = static_cast<int>(canvas.size.width / ratio);
  if (canvas.size.height < 1) {
    throw ImageProcessingError(
        fmt::format("[image processor] {}x{} pixels are too long for phi3_v",
                    landscape.width, landscape.height),
        "crop the image");
  }
  canvas.rows = (canvas.size.height + kSide - 1) / kSide;
  canvas.above = (canvas.rows * kSide - canvas.size.height) / 2;
  return canvas;
}

// PyTorch's bicubic interpolation, without antialiasing: four taps about each
// position, the border repeated.
struct CubicTaps {
  std::array<int, 4> at{};
  std::array<float, 4> weight{};
};

std::vector<CubicTaps> cubic_taps(int input) {
  constexpr float a = -0.75F;
  const auto near = [](float x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](float x) {
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  };
  std::vector<CubicTaps> taps(kSide);
  const float scale = static_cast<float>(input) / kSide;
  for (int i = 0; i < kSide; ++i) {
    const float position = scale * (static_cast<float>(i) + 0.5F) - 0.5F;
    const float base = std::floor(position);
    const float t = position - base;
    CubicTaps& tap = taps[static_cast<std::size_t>(i)];
    tap.weight = {far(t + 1), near(t), near(1 - t), far(2 - t)};
    for (int k = 0; k < 4; ++k) {
      tap.at[static_cast<std::size_t>(k)] =
          std::clamp(static_cast<int>(base) - 1 + k, 0, input - 1);
    }
  }
  return taps;
}

// `plane` (height, width) to (336, 336).
void shrink(std::span<const float> plane, int width, int height,
            std::span<float> out) {
  const auto columns = cubic_taps(width);
  const auto rows = cubic_taps(height);
  for (std::size_t y = 0; y < kSide; ++y) {
    for (std::size_t x = 0; x < kSide; ++x) {
      float sum = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        const float* row =
            plane.data() + static_cast<std::ptrdiff_t>(rows[y].at[i]) * width;
        float line = 0;
        for (std::size_t k = 0; k < 4; ++k) {
          line += row[columns[x].at[k]] * columns[x].weight[k];
        }
        sum += line * rows[y].weight[i];
      }
      out[y * kSide + x] = sum;
    }
  }
}

class Phi3V final : public ImageProcessor {
 public:
  explicit Phi3V(const ProcessorFiles& files)
      : values_(files.preprocessor, PixelValues::kClipMean,
                PixelValues::kClipStd),
        crops_(int_setting(files.preprocessor, "num_crops", 16, 1, 256)),
        tokens_(int_setting(files.preprocessor, "num_img_tokens", 144, 1,
                            1 << 16)) {
    placeholder_ = "<|image_1|>";
  }

  std::string_view kind() const noexcept override { return "phi3_v"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    const bool portrait = width < height;
    const Canvas canvas =
        canvas_of(portrait ? Extent{height, width} : Extent{width, height},
                  crops_within(budget));
    const int rows = portrait ? canvas.columns : canvas.rows;
    const int columns = portrait ? canvas.rows : canvas.columns;
    // Rows of merged patches end with a separator; one stands between the
    // crops and the whole.
    const int merged = static_cast<int>(std::sqrt(tokens_));
    const int tokens = (rows * columns + 1) * tokens_ + 1 + (rows + 1) * merged;
    return {.image_tokens = tokens,
            .prompt_tokens = tokens,
            .pixels = (rows * columns + 1) * kPicturePixels,
            .crops = rows * columns + 1,
            .grid_rows = rows,
            .grid_columns = columns,
            .width = portrait ? canvas.size.height : canvas.size.width,
            .height = portrait ? canvas.size.width : canvas.size.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    const ImagePlan& plan = inputs.plan;
    const io::RgbImage canvas = on_canvas(image, budget);
    inputs.integers["image_sizes"] = {{1, 2}, {canvas.height, canvas.width}};
    const int most = crops_within(budget) + 1;
    inputs.pixel_values = blank({1, most, 3, kSide, kSide});
    for (int i = 0; i + 1 < plan.crops; ++i) {
      values_.planes(canvas, i % plan.grid_columns * kSide,
                     i / plan.grid_columns * kSide, kSide, kSide,
                     part(inputs.pixel_values, i + 1, most));
    }
    std::vector<float> planes(canvas.pixels.size());
    values_.planes(canvas, planes);
    const std::size_t plane = planes.size() / 3;
    const auto whole = part(inputs.pixel_values, 0, most);
    for (std::size_t c = 0; c < 3; ++c) {
      shrink(std::span(planes).subspan(c * plane, plane), canvas.width,
             canvas.height, whole.subspan(c * kPicturePixels, kPicturePixels));
    }
    return inputs;
  }

  // <|image_N|> stands for image N, in any order; its tokens are -N.
  std::vector<PromptPiece> expand(
      std::string_view prompt,
      std::span<const ImagePlan> plans) const override {
    if (plans.empty()) return {{.text = std::string(prompt)}};
    std::vector<PromptPiece> pieces;
    std::set<std::size_t> named;
    std::string text;
    while (!prompt.empty()) {
      const std::size_t open = prompt.find(kOpen);
      text += prompt.substr(0, open);
      if (open == std::string_view::npos) break;
      prompt.remove_prefix(open);
      const auto [number, length] = tag(prompt);
      if (length == 0) {
        text += prompt.front();
        prompt.remove_prefix(1);
        continue;
      }
      prompt.remove_prefix(length);
      named.insert(number);
      if (number == 0 || number > plans.size()) {
        require_places(number, plans.size(), "<|image_N|>");
      }
      if (!text.empty()) pieces.push_back({.text = std::exchange(text, {})});
      pieces.push_back({.id = -static_cast<std::int32_t>(number),
                        .count = plans[number - 1].image_tokens});
    }
    require_places(named.size(), plans.size(), "<|image_N|>");
    if (!text.empty()) pieces.push_back({.text = std::move(text)});
    return pieces;
  }

 private:
  // The number and the length of the tag that `text` begins with; length 0 if
  // it is none.
  static std::pair<std::size_t, std::size_t> tag(std::string_view text) {
    std::size_t at = kOpen.size();
    std::size_t number = 0;
    constexpr std::size_t kMost = 1'000'000;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      number = std::min(kMost,
                        10 * number + static_cast<std::size_t>(text[at] - '0'));
      ++at;
    }
    const bool closed = at > kOpen.size() && text.substr(at).starts_with("|>");
    return {number, closed ? at + 2 : 0};
  }

  int crops_within(const PixelBudget& budget) const {
    if (!budget.max_pixels) return crops_;
    require_budget(budget, 2 * kPicturePixels, kind());
    return static_cast<int>(std::min<std::int64_t>(
        crops_, *budget.max_pixels / kPicturePixels - 1));
  }

  io::RgbImage on_canvas(const io::ImageSource& image,
                         const PixelBudget& budget) const {
    if (image.width() >= image.height()) return landscape(image, budget);
    const Transposed turned(image);
    const io::RgbImage canvas = landscape(turned, budget);
    return io::read_pixels(Transposed(io::PixelSource(canvas)));
  }

  io::RgbImage landscape(const io::ImageSource& image,
                         const PixelBudget& budget) const {
    const Canvas canvas =
        canvas_of({image.width(), image.height()}, crops_within(budget));
    const ResizeJob job = ResizeJob::whole(
        image, canvas.size.width, canvas.size.height, Filter::kBilinear);
    const io::RgbImage resized = std::move(resize(image, {&job, 1}).front());
    io::RgbImage filled{.width = canvas.size.width,
                        .height = canvas.rows * kSide};
    const std::size_t row = 3 * static_cast<std::size_t>(filled.width);
    filled.pixels.assign(row * static_cast<std::size_t>(filled.height), 255);
    std::copy(resized.pixels.begin(), resized.pixels.end(),
              filled.pixels.begin() +
                  static_cast<std::ptrdiff_t>(
                      row * static_cast<std::size_t>(canvas.above)));
    return filled;
  }

  PixelValues values_;
  int crops_;
  int tokens_;  // for each crop
};

}  // namespace

std::unique_ptr<ImageProcessor> make_phi3_v(const ProcessorFiles& files) {
  return std::make_unique<Phi3V>(files);
}

}  // namespace abstractllm::vision

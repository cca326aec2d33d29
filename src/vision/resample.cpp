// Rows of an image fed through the weights of both axes.
// SPDX-License-Identifier: Apache-2.0
#include "vision/resample.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::vision {
namespace {

constexpr std::int32_t kHalf = std::int32_t{1}
                               << (AxisWeights::kWeightBits - 1);

std::uint8_t clipped(std::int32_t sum) {
  return static_cast<std::uint8_t>(
      std::clamp(sum >> AxisWeights::kWeightBits, 0, 255));
}

// One line of RGB pixels through the weights of its axis.
void resample_line(const AxisWeights& axis, const std::uint8_t* line,
                   std::uint8_t* result, std::size_t step) {
  for (std::size_t i = 0; i < axis.first.size(); ++i) {
    const std::int32_t* weight =
        &axis.weights[i * static_cast<std::size_t>(axis.taps)];
    const std::uint8_t* pixel = line + 3 * axis.first[i];
    std::int32_t red = kHalf;
    std::int32_t green = kHalf;
    std::int32_t blue = kHalf;
    for (int k = 0; k < axis.count[i]; ++k, pixel += 3) {
      red += pixel[0] * weight[k];
      green += pixel[1] * weight[k];
      blue += pixel[2] * weight[k];
    }
    std::uint8_t* out = result + i * step;
    out[0] = clipped(red);
    out[1] = clipped(green);
    out[2] = clipped(blue);
  }
}

// Sums of the lines that belong to each output line, opened when its first
// line comes and closed with its last one. Lines may come in either order.
class LineSums {
 public:
  explicit LineSums(AxisWeights axis)
      : axis_(std::move(axis)), sums_(axis_.first.size()), left_(axis_.count) {}

  // Adds input line `index`; calls done(output, line) for what is complete.
  template <typename Done>
  void add(int index, std::span<const std::uint8_t> line, const Done& done) {
    for (std::size_t i = first_output(index);
         i < sums_.size() && axis_.first[i] <= index; ++i) {
      if (sums_[i].empty()) open(i, line.size());
      const std::int32_t weight =
          axis_.weights[i * static_cast<std::size_t>(axis_.taps) +
                        static_cast<std::size_t>(index - axis_.first[i])];
      std::int32_t* sum = sums_[i].data();
      for (std::size_t k = 0; k < line.size(); ++k) sum[k] += line[k] * weight;
      if (--left_[i] == 0) close(i, done);
    }
  }

 private:
  std::size_t first_output(int index) const {
    std::size_t low = 0;
    std::size_t high = sums_.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (axis_.first[middle] + axis_.count[middle] <= index) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  void open(std::size_t i, std::size_t size) {
    if (!spare_.empty()) {
      sums_[i] = std::move(spare_.back());
      spare_.pop_back();
    }
    sums_[i].assign(size, kHalf);
  }

  template <typename Done>
  void close(std::size_t i, const Done& done) {
    line_.resize(sums_[i].size());
    for (std::size_t k = 0; k < line_.size(); ++k) {
      line_[k] = clipped(sums_[i][k]);
    }
    spare_.push_back(std::move(sums_[i]));
    sums_[i].clear();
    done(i, std::span<const std::uint8_t>(line_));
  }

  AxisWeights axis_;
  std::vector<std::vector<std::int32_t>> sums_;
  std::vector<int> left_;
  std::vector<std::vector<std::int32_t>> spare_;
  std::vector<std::uint8_t> line_;
};

// Pillow 13 begins with the axis along which more is saved: rows count half.
// Before, it always began along x.
bool begins_along_x(const ResizeJob& job) {
  return job.region.height - job.height <=
         2 * std::max(0, job.region.width - job.width);
}

// One job, fed with the stored rows of its image; in a transposed image they
// lie along y.
class RunningJob {
 public:
  RunningJob(const ResizeJob& job, bool transposed)
      : region_(job.region),
        transposed_(transposed),
        along_first_(begins_along_x(job) != transposed),
        across_(AxisWeights{}) {
    const Window& window = job.window;
    AxisWeights x = AxisWeights::of(job.filter, region_.width, job.width,
                                    window.left, window.width);
    AxisWeights y = AxisWeights::of(job.filter, region_.height, job.height,
                                    window.top, window.height);
    along_ = std::move(transposed ? y : x);
    across_ = LineSums(std::move(transposed ? x : y));
    const auto width = static_cast<std::size_t>(window.width);
    result_.width = window.width;
    result_.height = window.height;
    result_.pixels.resize(3 * width * static_cast<std::size_t>(window.height));
    if (along_first_) line_.resize(3 * along_.first.size());
  }

  // `index`: the row's y, or x where transposed; `row` from the left or top.
  void take(int index, std::span<const std::uint8_t> row) {
    const int begin = transposed_ ? region_.left : region_.top;
    const int lines = transposed_ ? region_.width : region_.height;
    if (index < begin || index >= begin + lines) return;
    const int start = transposed_ ? region_.top : region_.left;
    const int length = transposed_ ? region_.height : region_.width;
    row = row.subspan(3 * static_cast<std::size_t>(start),
                      3 * static_cast<std::size_t>(length));
    if (along_first_) {
      resample_line(along_, row.data(), line_.data(), 3);
      row = line_;
    }
    across_.add(index - begin, row,
                [this](std::size_t i, auto line) { finish_line(i, line); });
  }

  io::RgbImage finish() { return std::move(result_); }

 private:
  // Line `i` of the result, which is a column where transposed.
  void finish_line(std::size_t i, std::span<const std::uint8_t> line) {
    const std::size_t row = 3 * static_cast<std::size_t>(result_.width);
    std::uint8_t* to = result_.pixels.data() + i * (transposed_ ? 3 : row);
    const std::size_t step = transposed_ ? row : 3;
    if (!along_first_) return resample_line(along_, line.data(), to, step);
    for (std::size_t k = 0; k < line.size(); k += 3, to += step) {
      std::copy_n(line.data() + k, 3, to);
    }
  }

  Window region_;
  bool transposed_;
  bool along_first_;
  AxisWeights along_;
  LineSums across_;
  std::vector<std::uint8_t> line_;
  io::RgbImage result_;
};

bool inside(const Window& window, int width, int height) {
  return window.left >= 0 && window.top >= 0 && window.width > 0 &&
         window.height > 0 && window.width <= width - window.left &&
         window.height <= height - window.top;
}

void check(const ResizeJob& job, const io::ImageSource& source) {
  if (inside(job.region, source.width(), source.height()) &&
      inside(job.window, job.width, job.height)) {
    return;
  }
  throw InternalError(fmt::format(
      "[resize] region {}x{} at ({}, {}) of a {}x{} image, window {}x{} at "
      "({}, {}) of {}x{}",
      job.region.width, job.region.height, job.region.left, job.region.top,
      source.width(), source.height(), job.window.width, job.window.height,
      job.window.left, job.window.top, job.width, job.height));
}

void mirror(std::span<const std::uint8_t> row,
            std::vector<std::uint8_t>& mirrored) {
  mirrored.resize(row.size());
  for (std::size_t i = 0; i < row.size(); i += 3) {
    std::copy_n(row.data() + i, 3, mirrored.data() + row.size() - i - 3);
  }
}

}  // namespace

ResizeJob ResizeJob::whole(const Window& region, int width, int height,
                           Filter filter) {
  return {.region = region,
          .width = width,
          .height = height,
          .window = {.width = width, .height = height},
          .filter = filter};
}

ResizeJob ResizeJob::whole(const io::ImageSource& source, int width, int height,
                           Filter filter) {
  return whole(Window{.width = source.width(), .height = source.height()},
               width, height, filter);
}

std::vector<io::RgbImage> resize(const io::ImageSource& source,
                                 std::span<const ResizeJob> jobs) {
  const io::ImageShape& shape = source.shape();
  std::vector<RunningJob> running;
  for (const ResizeJob& job : jobs) {
    check(job, source);
    running.emplace_back(job, shape.orientation.transposed);
  }
  std::vector<std::uint8_t> mirrored;
  int stored_row = 0;
  source.read_rows([&](std::span<const std::uint8_t> row) {
    if (shape.orientation.mirrored_x) {
      mirror(row, mirrored);
      row = mirrored;
    }
    const int index = shape.orientation.mirrored_y
                          ? shape.stored_height - 1 - stored_row
                          : stored_row;
    for (RunningJob& job : running) job.take(index, row);
    ++stored_row;
  });
  std::vector<io::RgbImage> results;
  for (RunningJob& job : running) results.push_back(job.finish());
  return results;
}

}  // namespace abstractllm::vision

// Takes any text for a preprocessor_config.json of each kind of model, and
// processes a small image by it.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "abstractllm/error.h"
#include "fuzz/require.h"
#include "vision/processor.h"

namespace {

using namespace abstractllm;

// A configuration may ask for gigabytes; this much is processed here.
constexpr std::int64_t kMostPixels = 1 << 18;

void process(const vision::ProcessorFiles& files) {
  const auto processor = vision::ImageProcessor::from_config(files);
  for (const auto& [width, height] : {std::pair{7, 5}, {1, 1}, {3, 90}}) {
    const vision::PixelBudget budget{.max_pixels = kMostPixels};
    const vision::ImagePlan plan = processor->plan(width, height, budget);
    fuzz::require(plan.pixels <= kMostPixels);
    io::RgbImage image{.width = width, .height = height};
    image.pixels.resize(3 * static_cast<std::size_t>(width * height), 100);
    const auto inputs =
        processor->process(io::PixelSource(std::move(image)), budget);
    fuzz::require(inputs.plan == plan);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto config = io::JsonConfig::parse(text, "fuzz.json");
    process({.preprocessor = config,
             .processor = config,
             .model = config,
             .tokenizer = config});
  } catch (const Error&) {
    // A refusal is the expected answer to most inputs.
  }
  return 0;
}

// Every vision fixture: pixel values, grids and token ids against what the
// reference processors made.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "io/half.h"
#include "io/safetensors.h"
#include "support/source_folder.h"
#include "text/tokenizer.h"
#include "vision/processor.h"

namespace abstractllm::vision {
namespace {

using nlohmann::json;

std::vector<std::filesystem::path> folders() {
  std::map<std::string, std::filesystem::path> found;  // by name
  for (const std::filesystem::path& data :
       {std::filesystem::path(ABSTRACTLLM_TEST_DATA),
        test::source_folder() / "tests/data"}) {
    const auto root = data / "fixtures" / "vision";
    if (!std::filesystem::is_directory(root)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
      if (std::filesystem::exists(entry.path() / "reference.json")) {
        found.emplace(entry.path().filename().string(), entry.path());
      }
    }
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& [name, path] : found) paths.push_back(path);
  return paths;
}

struct Reference {
  std::filesystem::path folder;
  json content;
  io::SafetensorsFile arrays;

  explicit Reference(const std::filesystem::path& path)
      : folder(path),
        content(json::parse(std::ifstream(path / "reference.json"))),
        arrays(io::open_safetensors(path /
                                    content.at("arrays").get<std::string>())) {}

  std::vector<double> values(const std::string& name) const {
    for (const io::StoredTensor& tensor : arrays.tensors) {
      if (tensor.name != name) continue;
      std::vector<double> all;
      const std::byte* at = tensor.bytes.data();
      for (std::int64_t i = 0; i < tensor.element_count(); ++i) {
        all.push_back(number(tensor.type, at));
      }
      return all;
    }
    throw std::runtime_error("no array " + name);
  }

 private:
  template <typename T>
  static T next(const std::byte*& at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    return value;
  }
  static double number(io::StorageType type, const std::byte*& at) {
    switch (type) {
      case io::StorageType::kF16:
        return io::f16_to_f32(next<std::uint16_t>(at));
      case io::StorageType::kF32:
        return next<float>(at);
      case io::StorageType::kI64:
        return static_cast<double>(next<std::int64_t>(at));
      case io::StorageType::kI32:
        return next<std::int32_t>(at);
      default:
        throw std::runtime_error("array of another type");
    }
  }
};

template <typename Tensor>
std::vector<double> joined(const std::vector<const Tensor*>& tensors) {
  std::vector<double> all;
  for (const Tensor* tensor : tensors) {
    EXPECT_EQ(std::accumulate(tensor->shape.begin(), tensor->shape.end(),
                              std::size_t{1}, std::multiplies<>()),
              tensor->values.size());
    all.insert(all.end(), tensor->values.begin(), tensor->values.end());
  }
  return all;
}

// As an array of `shape` has them: images of several sizes lie in one of the
// largest height and width, with zeros below and beside them.
std::vector<double> laid_out(const std::vector<const FloatTensor*>& images,
                             const std::vector<int>& shape) {
  if (shape.size() != 4) return joined(images);
  std::vector<double> all;
  for (const FloatTensor* image : images) {
    const int height = image->shape.end()[-2];
    const int width = image->shape.end()[-1];
    EXPECT_LE(height, shape[2]);
    EXPECT_LE(width, shape[3]);
    for (std::size_t plane = 0; plane < image->values.size();
         plane += static_cast<std::size_t>(height * width)) {
      for (int y = 0; y < shape[2]; ++y) {
        for (int x = 0; x < shape[3]; ++x) {
          const auto at = plane + static_cast<std::size_t>(y * width + x);
          all.push_back(y < height && x < width ? image->values[at] : 0.0);
        }
      }
    }
  }
  return all;
}

std::vector<ImageInputs> process(const Reference& reference, const json& item,
                                 const ImageProcessor& processor) {
  std::vector<ImageInputs> images;
  for (const auto& path : item.at("images")) {
    images.push_back(processor.process(
        io::EncodedImage::open(reference.folder / path.get<std::string>()),
        {}));
  }
  return images;
}

class VisionFixture : public testing::TestWithParam<std::filesystem::path> {
 protected:
  Reference reference{GetParam()};
  std::unique_ptr<ImageProcessor> processor =
      ImageProcessor::from_config(ProcessorFiles::in(GetParam()));
};

TEST_P(VisionFixture, PixelValuesAndGridsAreThoseOfTheReference) {
  for (const json& item : reference.content.at("cases")) {
    SCOPED_TRACE(item.at("case").get<std::string>());
    const auto images = process(reference, item, *processor);
    for (const auto& [name, input] : item.at("inputs").items()) {
      if (name.ends_with("token_type_ids")) continue;
      SCOPED_TRACE(name);
      std::vector<const FloatTensor*> floats;
      std::vector<const IntTensor*> integers;
      for (const ImageInputs& image : images) {
        if (name == "pixel_values") {
          floats.push_back(&image.pixel_values);
        } else {
          ASSERT_TRUE(image.integers.contains(name));
          integers.push_back(&image.integers.at(name));
        }
      }
      const auto got = floats.empty() ? joined(integers)
                                      : laid_out(floats, input.at("shape"));
      const auto want = reference.values(input.at("array"));
      ASSERT_EQ(got.size(), want.size());
      double worst = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        // The stored values are of half precision.
        const double rounding = std::abs(want[i]) / 2048 + 1e-7;
        worst = std::max(worst, std::abs(got[i] - want[i]) - rounding);
      }
      EXPECT_LE(worst, 1e-5);
    }
  }
}

TEST_P(VisionFixture, ExpandedPromptsBecomeTheIdsOfTheReference) {
  const auto tokenizer =
      text::Tokenizer::from_file(GetParam() / "tokenizer.json");
  for (const json& item : reference.content.at("cases")) {
    SCOPED_TRACE(item.at("case").get<std::string>());
    std::vector<ImagePlan> plans;
    int tokens = 0;
    for (const auto& path : item.at("images")) {
      const auto image =
          io::EncodedImage::open(GetParam() / path.get<std::string>());
      plans.push_back(processor->plan(image.width(), image.height(), {}));
      tokens += plans.back().image_tokens;
    }
    if (item.contains("image_tokens")) {  // else the ids say it
      EXPECT_EQ(tokens, item.at("image_tokens").get<int>());
    }
    std::vector<std::int32_t> ids;
    bool first = true;
    for (const PromptPiece& piece :
         processor->expand(item.at("prompt").get<std::string>(), plans)) {
      if (piece.count > 0) {
        ids.insert(ids.end(), static_cast<std::size_t>(piece.count), piece.id);
      } else {
        const auto more = tokenizer.encode(
            piece.text, first && processor->adds_special_tokens());
        ids.insert(ids.end(), more.begin(), more.end());
      }
      first = false;
    }
    EXPECT_EQ(ids, item.at("ids").get<std::vector<std::int32_t>>());
  }
}

INSTANTIATE_TEST_SUITE_P(All, VisionFixture, testing::ValuesIn(folders()),
                         [](const auto& info) {
                           return info.param.filename().string();
                         });

}  // namespace
}  // namespace abstractllm::vision

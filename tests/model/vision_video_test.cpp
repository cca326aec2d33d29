// Moving pictures through the MLX provider, against the reference.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/png_writer.h"
#include "model/changed_model.h"
#include "support/source_folder.h"
#include "support/temporary_folder.h"

namespace abstractllm {
namespace {

using test::fixture;
using Ids = std::vector<std::int32_t>;

// As make_vision_videos.py draws it.
std::string frame(int index, int width, int height) {
  io::RgbImage image{.width = width, .height = height};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int level :
           {x * 5 + index * 40, y * 3 + index * 25, (x + y) * 2 + index * 60}) {
        image.pixels.push_back(static_cast<std::uint8_t>(level % 256));
      }
    }
  }
  return io::encode_png(image);
}

// A model whose template has a place for moving pictures, and whose files ask
// for no other size.
class VideoModel : public test::ChangedModel {
 public:
  explicit VideoModel(const std::string& name)
      : ChangedModel("vision/" + name) {
    change("chat_template.jinja", "{% elif 'text' in content %}",
           "{% elif content['type'] == 'video' %}<|vision_start|><|video_pad|>"
           "<|vision_end|>{% elif 'text' in content %}");
    nlohmann::json settings =
        nlohmann::json::parse(read("preprocessor_config.json"));
    settings.erase("min_pixels");
    settings.erase("max_pixels");
    settings["size"] = {{"shortest_edge", 1}, {"longest_edge", 1 << 24}};
    write("video_preprocessor_config.json", settings.dump());
  }
};

Request ask(ImagePart video, int max_tokens) {
  Request request;
  request.messages = {{.role = Role::kUser,
                       .parts = {std::move(video), TextPart{"What moves?"}}}};
  request.parameters.temperature = 0;
  request.parameters.max_tokens = max_tokens;
  request.parameters.ignore_eos = true;
  return request;
}

TEST(Videos, AnswersAreThoseOfTheReference) {
  const auto reference = nlohmann::json::parse(std::ifstream(
      abstractllm::test::source_folder() / "tests/data/vision_videos.json"));
  int compared = 0;
  for (const auto& c : reference.at("cases")) {
    const auto name = c.at("model").get<std::string>();
    if (!std::filesystem::exists(fixture("vision/" + name))) continue;
    SCOPED_TRACE(name + " " + c.at("clip").get<std::string>());
    const test::TemporaryFolder frames;
    for (int i = 0; i < c.at("frames").get<int>(); ++i) {
      frames.file("f" + std::to_string(i) + ".png",
                  frame(i, c.at("width"), c.at("height")));
    }
    const auto greedy = c.at("greedy").get<Ids>();
    const VideoModel model(name);
    const auto llm = model.open();
    const Request request =
        ask({.path = frames.path().string(),
             .media_type = "video/frames; fps=" +
                           std::to_string(c.at("rate").get<double>())},
            static_cast<int>(greedy.size()));
    const GenerateResponse response = llm->generate(request);
    EXPECT_EQ(response.usage.prompt_tokens, c.at("prompt_tokens"));
    EXPECT_EQ(llm->count_tokens(request), response.usage.prompt_tokens);
    EXPECT_EQ(response.token_ids, greedy);
    ++compared;
  }
  EXPECT_GE(compared, 3);
}

TEST(Videos, AGifIsSampledAndReusedInTheNextTurn) {
  const VideoModel model("qwen3_vl_moe");
  const auto llm = model.open();
  const auto gif = [] {
    return ImagePart{.path = (abstractllm::test::source_folder() /
                              "tests/data/videos/moving.gif")
                                 .string(),
                     .media_type = "video/gif"};
  };
  Request request = ask(gif(), 4);
  const GenerateResponse first = llm->generate(request);
  request.messages.push_back({.role = Role::kAssistant,
                              .parts = {TextPart{first.content}},
                              .token_ids = first.token_ids});
  request.messages.push_back(Message::user("Why?"));
  const GenerateResponse second = llm->generate(request);
  EXPECT_GE(second.usage.cached_tokens, first.usage.prompt_tokens);
  EXPECT_EQ(model.open()->generate(request).token_ids, second.token_ids);
}

TEST(Videos, TheSameFramesAtAnotherRateAreAnotherPicture) {
  const test::TemporaryFolder frames;
  for (int i = 0; i < 6; ++i) {
    frames.file("f" + std::to_string(i) + ".png", frame(i, 64, 32));
  }
  const auto at = [&](const char* rate) {
    Request request =
        ask({.path = frames.path().string(),
             .media_type = std::string("video/frames; fps=") + rate},
            4);
    request.parameters.logprobs = true;
    return request;
  };
  int compared = 0;
  for (const char* name : {"qwen2_5_vl", "qwen3_vl_moe"}) {
    if (!std::filesystem::exists(fixture(std::string("vision/") + name))) {
      continue;
    }
    const VideoModel model(name);
    const auto llm = model.open();
    const GenerateResponse slow = llm->generate(at("0.5"));
    const GenerateResponse fast = llm->generate(at("4"));
    const GenerateResponse fresh = model.open()->generate(at("4"));
    EXPECT_EQ(fast.token_ids, fresh.token_ids) << name;
    EXPECT_NEAR(fast.logprobs[0].logprob, fresh.logprobs[0].logprob, 1e-4);
    EXPECT_NE(fast.logprobs[0].logprob, slow.logprobs[0].logprob) << name;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(Videos, ModelsOfStillImagesRefuseThem) {
  const auto llm = test::open_fixture("vision/gemma3");
  const test::TemporaryFolder frames;
  frames.file("1.png", frame(0, 8, 8));
  EXPECT_THROW(
      llm->generate(ask(
          {.path = frames.path().string(), .media_type = "video/frames"}, 2)),
      UnsupportedFeatureError);
}

}  // namespace
}  // namespace abstractllm

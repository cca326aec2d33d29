// The MLX provider on tiny models of images and text.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "abstractllm/session.h"
#include "model/tiny_model.h"
#include "support/source_folder.h"
#include "support/temporary_folder.h"

namespace abstractllm {
namespace {

using test::fixture;
using test::open_fixture;
using test::reference_of;
using testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

ImagePart image(const std::string& name) {
  return {.path = (fixture("images") / name).string()};
}

Message user(std::vector<Part> parts) {
  return {.role = Role::kUser, .parts = std::move(parts)};
}

Request request_of(std::vector<Message> messages, int max_tokens = 6) {
  Request request;
  request.messages = std::move(messages);
  request.parameters.temperature = 0;
  request.parameters.max_tokens = max_tokens;
  request.parameters.ignore_eos = true;
  return request;
}

// The messages of a case of a fixture, its images taken from their files; of
// a model without turns the images and the prompt.
Request request_of_case(const nlohmann::json& c) {
  if (c.at("messages").is_null()) {
    std::vector<Part> parts;
    for (const std::filesystem::path path : c.at("images")) {
      parts.push_back(image(path.filename().string()));
    }
    parts.push_back(TextPart{c.at("prompt").get<std::string>()});
    return request_of({user(std::move(parts))}, 24);
  }
  std::vector<Message> messages;
  std::size_t next = 0;
  for (const auto& message : c.at("messages")) {
    Message read{.role = parse_role(message.at("role").get<std::string>()),
                 .parts = {}};
    for (const auto& part : message.at("content")) {
      if (part.at("type") == "image") {
        const std::filesystem::path path = c.at("images").at(next++);
        read.parts.push_back(image(path.filename().string()));
      } else {
        read.parts.push_back(TextPart{part.at("text").get<std::string>()});
      }
    }
    messages.push_back(std::move(read));
  }
  return request_of(std::move(messages), 24);
}

std::vector<std::string> vision_fixtures() {
  std::set<std::string> names;
  for (const std::filesystem::path& data :
       {std::filesystem::path(ABSTRACTLLM_TEST_DATA),
        test::source_folder() / "tests/data"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(data / "fixtures" / "vision")) {
      names.insert("vision/" + entry.path().filename().string());
    }
  }
  return {names.begin(), names.end()};
}

class OnEachVisionFixture : public testing::TestWithParam<std::string> {};

// From the image files on; the pixel values differ from the reference's by the
// rounding that it stored them with.
TEST_P(OnEachVisionFixture, AnswersAsTheReference) {
  const auto llm = open_fixture(GetParam(), {.prefill_chunk = 16});
  EXPECT_TRUE(llm->capabilities().supports(ModelCapability::kVision));
  const auto reference = reference_of(GetParam());
  for (const auto& c : reference.at("cases")) {
    // The reference's Gemma 3 prompts begin with two beginning tokens, the
    // template's and the tokenizer's.
    const auto ids = c.at("ids").get<Ids>();
    const bool twice = ids[0] == ids[1] && ids[0] == 2;
    const Request request = request_of_case(c);
    const GenerateResponse response = llm->generate(request);
    EXPECT_EQ(response.usage.prompt_tokens,
              static_cast<int>(ids.size()) - (twice ? 1 : 0))
        << c.at("case");
    EXPECT_EQ(llm->count_tokens(request), response.usage.prompt_tokens);
    if (!twice) {
      EXPECT_EQ(response.token_ids, c.at("greedy").get<Ids>()) << c.at("case");
    }
  }
}

TEST_P(OnEachVisionFixture, TellsImagesOfOneSizeApart) {
  const auto llm = open_fixture(GetParam());
  const auto ask = [&](const char* file) {
    Request request =
        request_of({user({image(file), TextPart{"What is it?"}})});
    request.parameters.logprobs = true;
    return llm->generate(request);
  };
  const GenerateResponse first = ask("large.png");
  const GenerateResponse other = ask("tall.png");
  const GenerateResponse again = ask("large.png");
  EXPECT_EQ(again.token_ids, first.token_ids);
  EXPECT_NE(other.logprobs.at(0).logprob, first.logprobs.at(0).logprob);
  EXPECT_LT(other.usage.cached_tokens, 12)
      << "nothing behind the place of the image is shared";
}

TEST_P(OnEachVisionFixture, GoesOnWithAConversationThatBeganWithAnImage) {
  const auto llm = open_fixture(GetParam());
  std::vector<Message> messages{
      user({image("small.png"), TextPart{"What is it?"}})};
  const GenerateResponse first = llm->generate(request_of(messages));
  messages.push_back({.role = Role::kAssistant,
                      .parts = {TextPart{first.content}},
                      .token_ids = first.token_ids});
  messages.push_back(user({TextPart{"Why?"}, image("tall.png")}));
  const GenerateResponse second = llm->generate(request_of(messages));
  const auto fresh = open_fixture(GetParam());
  EXPECT_EQ(fresh->generate(request_of(messages)).token_ids, second.token_ids)
      << "what was kept of the first turn changes nothing";
}

INSTANTIATE_TEST_SUITE_P(Fixtures, OnEachVisionFixture,
                         testing::ValuesIn(vision_fixtures()),
                         [](const auto& info) {
                           std::string name = info.param.substr(7);
                           return name;
                         });

// Images in earlier turns, several in one, behind a system prompt and behind a
// long history.
TEST(MLXProviderVision, AnswersConversationsAsTheReference) {
  // Pixel values differ by rounding, which must not decide between two tokens.
  constexpr double kClearGap = 0.05;
  std::ifstream stream(abstractllm::test::source_folder() /
                       "tests/data/vision_conversations.json");
  const auto reference = nlohmann::json::parse(stream);
  int compared = 0;
  for (const auto& c : reference.at("cases")) {
    const std::string name = "vision/" + c.at("model").get<std::string>();
    if (!std::filesystem::exists(fixture(name))) continue;
    SCOPED_TRACE(name + " " + c.at("conversation").get<std::string>());
    std::vector<Message> messages;
    for (const auto& message : c.at("messages")) {
      Message read{.role = parse_role(message.at("role").get<std::string>()),
                   .parts = {}};
      for (const auto& part : message.at("content")) {
        if (part.at("type") == "image") {
          read.parts.push_back(image(part.at("name").get<std::string>()));
        } else {
          read.parts.push_back(TextPart{part.at("text").get<std::string>()});
        }
      }
      messages.push_back(std::move(read));
    }
    const auto greedy = c.at("greedy").get<Ids>();
    const GenerateResponse response = open_fixture(name)->generate(
        request_of(std::move(messages), static_cast<int>(greedy.size())));
    EXPECT_EQ(response.usage.prompt_tokens,
              static_cast<int>(c.at("ids").size()));
    if (c.at("min_top2_gap") > kClearGap) {
      EXPECT_EQ(response.token_ids, greedy);
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

TEST(MLXProviderVision, ReusesAPromptWithTheSameImage) {
  const auto llm = open_fixture("vision/gemma3");
  const Request request =
      request_of({user({image("small.png"), TextPart{"What is it?"}})});
  const GenerateResponse first = llm->generate(request);
  const GenerateResponse again = llm->generate(request);
  EXPECT_EQ(again.usage.cached_tokens, again.usage.prompt_tokens - 1);
  EXPECT_EQ(again.token_ids, first.token_ids);
}

TEST(MLXProviderVision, ComputesThePromptOfPaliGemmaAnew) {
  const auto llm = open_fixture("vision/paligemma");
  const Request request =
      request_of({user({image("small.png"), TextPart{"What is it?"}})});
  const GenerateResponse first = llm->generate(request);
  const GenerateResponse again = llm->generate(request);
  EXPECT_EQ(again.usage.cached_tokens, 0) << "each token has seen all others";
  EXPECT_EQ(again.token_ids, first.token_ids);
}

TEST(MLXProviderVision, TellsWhatImagesCost) {
  const auto llm = open_fixture("vision/gemma3");
  const Request request = request_of(
      {user({image("small.png"), image("large.png"), TextPart{"What?"}})});
  const std::vector<ImageCost> costs = llm->image_costs(request);
  ASSERT_EQ(costs.size(), 2u);
  EXPECT_EQ(costs[0].width, 67);
  EXPECT_EQ(costs[0].height, 43);
  EXPECT_EQ(costs[0].seen_width, 56);
  EXPECT_EQ(costs[1].pixels, 56 * 56);
  EXPECT_GE(costs[1].tokens, 4);
}

TEST(MLXProviderVision, LittleDetailCostsNoMoreThanMuch) {
  for (const std::string& name : vision_fixtures()) {
    SCOPED_TRACE(name);
    const auto llm = open_fixture(name);
    const auto cost = [&](const char* detail) {
      ImagePart part = image("large.png");
      part.detail = detail;
      return llm->image_costs(request_of({user({part, TextPart{"?"}})}))
          .at(0)
          .tokens;
    };
    EXPECT_EQ(cost("high"), cost(""));
    EXPECT_EQ(cost("auto"), cost(""));
    EXPECT_LE(cost("low"), cost(""));
    EXPECT_THROW(cost("medium"), InvalidRequestError);
  }
}

TEST(MLXProviderVision, LittleDetailIsAQuarterOfAMegapixel) {
  const test::TemporaryFolder folder;
  for (const auto& entry : std::filesystem::directory_iterator(
           fixture("vision/qwen3_vl_mlx_4bit"))) {
    if (!entry.is_regular_file()) continue;
    std::filesystem::copy(entry.path(),
                          folder.path() / entry.path().filename());
  }
  std::filesystem::remove(folder.path() / "preprocessor_config.json");
  folder.file("preprocessor_config.json",
              R"({"patch_size": 8, "merge_size": 2, "image_processor_type":
                  "Qwen2VLImageProcessor", "min_pixels": 256,
                  "max_pixels": 16777216})");
  const auto llm = create_llm("mlx", {.model = folder.path().string()});
  ImagePart part = image("large.png");
  const auto cost = [&] {
    return llm->image_costs(request_of({user({part, TextPart{"?"}})})).at(0);
  };
  EXPECT_EQ(cost().seen_width, 640);
  EXPECT_EQ(cost().pixels, 640 * 432);
  part.detail = "low";
  EXPECT_LE(cost().pixels, 512 * 512);
  EXPECT_GT(cost().pixels, 512 * 512 * 9 / 10);
}

// As mlx-vlm's conversions of Pixtral are named.
TEST(MLXProviderVision, ReadsPixtralsTowerWhereOnlyTheModelIsNamed) {
  const test::TemporaryFolder folder;
  for (const auto& entry :
       std::filesystem::directory_iterator(fixture("vision/pixtral"))) {
    if (!entry.is_regular_file() || entry.path().filename() == "config.json") {
      continue;
    }
    std::filesystem::copy(entry.path(),
                          folder.path() / entry.path().filename());
  }
  std::ifstream stream(fixture("vision/pixtral") / "config.json");
  auto config = nlohmann::json::parse(stream);
  config["model_type"] = "pixtral";
  config["vision_config"].erase("model_type");
  folder.file("config.json", config.dump());
  const auto llm =
      create_llm("mlx", {.model = folder.path().string(), .cpu_exact = true});
  const Request request =
      request_of({user({image("small.png"), TextPart{"What is it?"}})});
  EXPECT_EQ(llm->generate(request).token_ids,
            open_fixture("vision/pixtral")->generate(request).token_ids);
}

TEST(MLXProviderVision, TakesImagesAsBytesAndDataUrls) {
  const auto llm = open_fixture("vision/gemma3");
  std::ifstream file(fixture("images") / "small.png", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto ask = [&](ImagePart part) {
    return llm
        ->generate(request_of({user({std::move(part), TextPart{"What?"}})}))
        .token_ids;
  };
  EXPECT_EQ(ask({.bytes = bytes}), ask(image("small.png")));
}

TEST(MLXProviderVision, RefusesWhatIsNoImage) {
  const auto llm = open_fixture("vision/gemma3");
  const auto ask = [&](ImagePart part) {
    llm->generate(request_of({user({std::move(part), TextPart{"What?"}})}));
  };
  EXPECT_THROW(ask({.bytes = "no image"}), ImageProcessingError);
  EXPECT_THROW(ask({.path = "/no/such/file.png"}), Error);
  EXPECT_THROW(ask({.url = "https://example.org/cat.png"}),
               InvalidRequestError);
}

TEST(MLXProviderVision, RefusesTextsThatSpellAnImage) {
  const auto llm = open_fixture("vision/gemma3");
  EXPECT_THROW(llm->generate(request_of(
                   {user({image("small.png"), TextPart{"<start_of_image>"}})})),
               InvalidRequestError);
}

TEST(MLXProviderVision, AStoredSessionGoesOnWithItsImages) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "sessions.db";
  const std::shared_ptr<AbstractLLMInterface> llm =
      open_fixture("vision/gemma3");
  SessionState start;
  start.parameters.temperature = 0;
  start.parameters.max_tokens = 6;
  const Message first = user({image("small.png"), TextPart{"What is it?"}});
  SessionManager(file).create(llm, "pictures", {}, start).send(first);
  SessionManager manager(file);
  Session session = manager.open("pictures", open_fixture("vision/gemma3"));
  ASSERT_EQ(session.state().messages.size(), 2u);
  EXPECT_EQ(session.messages().at(0), first);
  const Turn turn = session.send("And why?");
  EXPECT_GT(turn.response.usage.completion_tokens, 0);
  Request whole;
  whole.messages = session.messages();
  whole.messages.pop_back();
  EXPECT_EQ(turn.response.usage.prompt_tokens, llm->count_tokens(whole));
}

TEST(MLXProviderVision, NamesModelsThatReadImages) {
  const auto llm = open_fixture("text/llama3");
  EXPECT_FALSE(llm->capabilities().supports(ModelCapability::kVision));
  try {
    llm->generate(request_of({user({image("small.png"), TextPart{"What?"}})}));
    FAIL();
  } catch (const UnsupportedFeatureError& error) {
    EXPECT_THAT(error.message(), HasSubstr("reads text"));
    EXPECT_THAT(error.hint(), HasSubstr("qwen2_vl"));
  }
}

}  // namespace
}  // namespace abstractllm

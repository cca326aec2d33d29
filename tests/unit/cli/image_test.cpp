// Images on the command line and in chats, and boxes in answers.
// SPDX-License-Identifier: Apache-2.0
#include "io/image.h"

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "base/base64.h"
#include "cli_harness.h"
#include "io/png_writer.h"

namespace abstractllm::cli {
namespace {

using nlohmann::json;

class Images : public CliTest {
 protected:
  // A grey picture of 64 x 32 as a PNG.
  std::string png() const {
    io::RgbImage picture{.width = 64, .height = 32};
    picture.pixels.assign(64 * 32 * 3, 128);
    return io::encode_png(picture);
  }
  std::string picture() { return folder.file("a.png", png()); }
};

TEST_F(Images, TravelInFrontOfThePromptInTheirOrder) {
  model->enqueue("a cat");
  const std::string file = picture();
  const std::string data =
      "data:image/png;base64," + base::base64_encode(png());
  const RunResult result =
      run({"run", "m", "--image", file, "--image", data, "What is this?"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "a cat\n");
  const Message message = only_request().messages.at(0);
  ASSERT_EQ(message.parts.size(), 3u);
  EXPECT_EQ(std::get<ImagePart>(message.parts[0]).path, file);
  EXPECT_EQ(std::get<ImagePart>(message.parts[1]).bytes, png());
  EXPECT_EQ(std::get<ImagePart>(message.parts[1]).media_type, "image/png");
  EXPECT_EQ(message.text(), "What is this?");
}

TEST_F(Images, ThatAreNotThereAreRefusedBeforeTheModelLoads) {
  const RunResult missing =
      run({"run", "m", "--image", folder.path() / "none.png", "p"});
  EXPECT_NE(missing.exit_code, 0);
  EXPECT_NE(missing.err.find("none.png"), std::string::npos);
  const RunResult damaged =
      run({"run", "m", "--image", "data:image/png,abc", "p"});
  EXPECT_NE(damaged.exit_code, 0);
  EXPECT_TRUE(opened.empty());
}

TEST_F(Images, MaxPixelsReachesTheProvider) {
  model->enqueue("ok");
  run({"run", "m", "--max-pixels", "50176", "--image", picture(), "p"});
  EXPECT_EQ(opened.at(0).max_pixels, 50176u);
}

TEST_F(Images, BoxesOfTheAnswerAreInItsJson) {
  model->enqueue("<loc0256><loc0000><loc0768><loc0512> cat");
  const RunResult result =
      run({"run", "m", "--json", "--image", picture(), "detect cat"});
  const json found = json::parse(result.out).at("detections").at(0);
  EXPECT_EQ(found.at("label"), "cat");
  EXPECT_EQ(found.at("box").at("top"), 0.25);
  EXPECT_EQ(found.at("box").at("right"), 0.5);
}

TEST_F(Images, AnswersWithoutBoxesHaveNoneInTheirJson) {
  model->enqueue("no cat");
  const RunResult result =
      run({"run", "m", "--json", "--image", picture(), "detect cat"});
  EXPECT_FALSE(json::parse(result.out).contains("detections"));
}

TEST_F(Images, DrawPutsBoxesOverTheFirstImage) {
  model->enqueue("<loc0256><loc0256><loc0768><loc0768> cat");
  const std::string out = folder.path() / "out.png";
  const RunResult result =
      run({"run", "m", "--draw", out, "--image", picture(), "detect cat"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const io::RgbImage drawn = io::read_pixels(io::EncodedImage::open(out));
  ASSERT_EQ(drawn.width, 64);
  ASSERT_EQ(drawn.height, 32);
  const auto pixel = [&](int x, int y) {
    return std::vector<int>(drawn.pixels.begin() + 3 * (y * 64 + x),
                            drawn.pixels.begin() + 3 * (y * 64 + x) + 3);
  };
  const std::vector<int> grey{128, 128, 128};
  EXPECT_NE(pixel(16, 8), grey) << "a corner of the box";
  EXPECT_NE(pixel(47, 23), grey) << "the corner across";
  EXPECT_EQ(pixel(30, 16), grey) << "its middle";
  EXPECT_EQ(pixel(10, 4), grey) << "outside";
}

TEST_F(Images, DrawNeedsAnImage) {
  EXPECT_EQ(run({"run", "m", "--draw", "out.png", "p"}).exit_code, 2);
}

TEST_F(Images, AreShownWithTheNextMessageOfAChat) {
  Capabilities can = model->capabilities();
  can.supported.insert(ModelCapability::kVision);
  model->set_capabilities(can);
  model->enqueue("a cat");
  model->enqueue("yes");
  const RunResult result =
      run({"chat", "m"}, "/image " + picture() + "\nWhat?\nSure?\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto requests = model->requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].messages.at(0).parts.size(), 2u);
  EXPECT_EQ(requests[1].messages.at(0).parts.size(), 2u)
      << "the image stays in the history";
  EXPECT_EQ(requests[1].messages.back().parts.size(), 1u);
}

TEST_F(Images, AreRefusedInAChatWithAModelOfText) {
  const RunResult result = run({"chat", "m"}, "/image " + picture() + "\n");
  EXPECT_NE(result.err.find("reads no images"), std::string::npos)
      << result.err;
}

}  // namespace
}  // namespace abstractllm::cli

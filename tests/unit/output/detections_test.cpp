// Boxes in answers.
// SPDX-License-Identifier: Apache-2.0
#include "output/detections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace abstractllm::output {
namespace {

using testing::IsEmpty;

TEST(FindDetections, ReadsBoxesAndLabels) {
  const auto found = find_detections(
      "<loc0256><loc0128><loc0768><loc0640> cat ; "
      "<loc0000><loc0000><loc1023><loc0512> two dogs");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], (Detection{.label = "cat",
                                 .left = 0.125,
                                 .top = 0.25,
                                 .right = 0.625,
                                 .bottom = 0.75}));
  EXPECT_EQ(found[1].label, "two dogs");
  EXPECT_EQ(found[1].right, 0.5);
}

TEST(FindDetections, ReadsMasks) {
  std::string text = "<loc0001><loc0002><loc0003><loc0004>";
  for (int i = 0; i < 16; ++i) {
    text += "<seg0" + std::string(i < 10 ? "0" : "") + std::to_string(i) + ">";
  }
  const auto found = find_detections(text + " car");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].mask_codes.size(), 16u);
  EXPECT_EQ(found[0].mask_codes[15], 15);
  EXPECT_EQ(found[0].label, "car");
}

TEST(FindDetections, OrdersTheSidesOfABox) {
  const auto found =
      find_detections("<loc0800><loc0700><loc0200><loc0100> mirrored");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_LT(found[0].left, found[0].right);
  EXPECT_LT(found[0].top, found[0].bottom);
}

TEST(FindDetections, PassesOverWhatIsNoBox) {
  for (const char* text :
       {"", "a cat on a mat", "<loc", "<loc0001><loc0002><loc0003>",
        "<loc0001><loc0002><loc0003><loc1024> beyond", "<loc12><loc34>",
        "<loc0001><loc0002><loc000x><loc0004>", "<loc-001><loc0002>"}) {
    EXPECT_THAT(find_detections(text), IsEmpty()) << text;
  }
}

TEST(FindDetections, FindsABoxBehindOneThatIsCutOff) {
  const auto found = find_detections(
      "<loc0001><loc0002> lost <loc0004><loc0005><loc0006><loc0007> found");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].label, "found");
}

}  // namespace
}  // namespace abstractllm::output

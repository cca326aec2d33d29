// Names and configs of models of images and text.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/vision_language.h"

#include <gtest/gtest.h>

namespace abstractllm::models {
namespace {

TEST(CanonicalName, IsOneForAllLayouts) {
  // transformers before 4.52 and since, mlx-vlm.
  for (const char* name : {"model.language_model.layers.0.mlp.up_proj.weight",
                           "language_model.model.layers.0.mlp.up_proj.weight",
                           "model.text_model.layers.0.mlp.up_proj.weight",
                           "language_model.layers.0.mlp.up_proj.weight",
                           "model.layers.0.mlp.up_proj.weight"}) {
    EXPECT_EQ(canonical_name(name), "model.layers.0.mlp.up_proj.weight");
  }
  for (const char* name : {"lm_head.weight", "language_model.lm_head.weight"}) {
    EXPECT_EQ(canonical_name(name), "lm_head.weight");
  }
  for (const char* name :
       {"visual.blocks.3.norm1.bias", "model.visual.blocks.3.norm1.bias",
        "vision_tower.blocks.3.norm1.bias"}) {
    EXPECT_EQ(canonical_name(name), "vision_tower.blocks.3.norm1.bias");
  }
  for (const char* name :
       {"vision_tower.vision_model.post_layernorm.bias",
        "model.vision_tower.vision_model.post_layernorm.bias",
        "model.vision_model.post_layernorm.bias",
        "vision_model.post_layernorm.bias",
        "model.vision_embed_tokens.img_processor.vision_model.post_layernorm."
        "bias"}) {
    EXPECT_EQ(canonical_name(name), "vision_tower.post_layernorm.bias");
  }
  EXPECT_EQ(canonical_name("model.vision_embed_tokens.glb_GN"),
            "vision_embed_tokens.glb_GN");
}

TEST(TextConfig, FillsInWhatTheFamilyTakes) {
  const io::JsonConfig config = text_config(io::JsonConfig::parse(
      R"({"model_type": "llava", "vocab_size": 32064,
          "text_config": {"model_type": "llama", "rms_norm_eps": 1e-5}})",
      "test"));
  EXPECT_EQ(config.require_int("hidden_size"), 4096);
  EXPECT_EQ(config.require_int("vocab_size"), 32064);
  EXPECT_EQ(config.require_number("rms_norm_eps"), 1e-5);
}

TEST(TextConfig, IsTheConfigItselfWhereThatIsFlat) {
  const io::JsonConfig config = text_config(io::JsonConfig::parse(
      R"({"model_type": "qwen2_vl", "hidden_size": 8})", "test"));
  EXPECT_EQ(config.require_int("hidden_size"), 8);
}

TEST(VisionConfig, FillsInWhatTheTowerTakes) {
  const io::JsonConfig config = vision_config(io::JsonConfig::parse(
      R"({"model_type": "paligemma", "vision_config": {"hidden_size": 1152}})",
      "test"));
  EXPECT_EQ(config.require_int("hidden_size"), 1152);
  EXPECT_EQ(config.require_int("patch_size"), 16);
  EXPECT_EQ(config.require_string("hidden_act"), "gelu_pytorch_tanh");
}

}  // namespace
}  // namespace abstractllm::models

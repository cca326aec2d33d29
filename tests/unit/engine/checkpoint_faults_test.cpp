// Every fixture with one thing wrong at a time, a tensor or a field of its
// config: an Error that says what, and never a crash.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "io/model_files.h"
#include "io/weight_source.h"
#include "models/common/vision_language.h"
#include "models/registry.h"
#include "ops/shapes_only.h"
#include "support/source_folder.h"
#include "unit/io/test_files.h"
#include "vision/towers/tower.h"

namespace abstractllm::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<fs::path> fixtures_of(std::initializer_list<const char*> kinds) {
  std::map<std::string, fs::path> by_name;
  for (const fs::path& root : {fs::path(ABSTRACTLLM_TEST_DATA),
                               test::source_folder() / "tests/data"}) {
    for (const char* kind : kinds) {
      const fs::path folder = root / "fixtures" / kind;
      if (!fs::is_directory(folder)) continue;
      for (const auto& entry : fs::directory_iterator(folder)) {
        if (!fs::exists(entry.path() / "config.json")) continue;
        by_name.emplace(kind + ("/" + entry.path().filename().string()),
                        entry.path());
      }
    }
  }
  std::vector<fs::path> folders;
  for (const auto& [name, folder] : by_name) folders.push_back(folder);
  return folders;
}

// Parts of a checkpoint that the model at hand has no use for.
bool is_passed_over(const std::string& name, const io::JsonConfig& config) {
  if (config.has("num_nextn_predict_layers")) {
    const auto last = config.require_int("num_hidden_layers");
    if (name.starts_with("model.layers." + std::to_string(last) + ".")) {
      return true;
    }
  }
  return name.starts_with("pooler.") ||
         name.starts_with("model.embed_audio.") ||
         name.starts_with("model.embed_vision.") ||
         name.starts_with("model.mtp_layers.") ||
         name.starts_with("model.vision_tower.") ||
         name.starts_with("vision_model.") ||
         name.starts_with("multi_modal_projector.");
}

// As the engine does, of shapes alone.
void build(const io::JsonConfig& config, const io::WeightSource& weights) {
  const ops::ShapesOnly shapes;
  const models::ModelSource source{
      .config = config, .weights = weights, .backend = {}, .on_progress = {}};
  const auto model = models::make_model(source);
  model->make_cache();
  if (!models::reads_images(config.require_string("model_type"))) return;
  const auto tower = vision::make_tower(source);
  models::refuse_unread_tensors(weights);
}

class CheckpointFaults : public testing::TestWithParam<fs::path> {
 protected:
  io::WeightSource open() const {
    return models::canonical_weights(
        io::WeightSource::open(io::ModelFiles::at(GetParam())));
  }
};

// A tower's last layers may be there unused, under any name: none of vision.
class MissingTensor : public CheckpointFaults {};

TEST_P(MissingTensor, IsNamed) {
  const io::WeightSource weights = open();
  ASSERT_NO_THROW(build(weights.config(), weights));
  for (const std::string& missing : weights.names()) {
    const io::WeightSource lacking =
        weights.renamed([&](std::string_view name) {
          return std::string(name) + (name == missing ? ".elsewhere" : "");
        });
    if (is_passed_over(missing, weights.config())) {
      EXPECT_NO_THROW(build(weights.config(), lacking)) << missing;
      continue;
    }
    SCOPED_TRACE(missing);
    EXPECT_THAT(io::message_of<ModelLoadingError>(
                    [&] { build(weights.config(), lacking); }),
                AnyOf(HasSubstr("tensor '"),
                      HasSubstr(missing.substr(0, missing.rfind('.')))));
  }
}

// Values that each field of a config is given in turn.
const std::vector<json>& nonsense() {
  static const std::vector<json> values{nullptr,
                                        0,
                                        -1,
                                        7,
                                        2147483647,
                                        9.2e18,
                                        1e300,
                                        0.5,
                                        "x",
                                        true,
                                        {0},
                                        {},
                                        json::object(),
                                        json::array({"x", nullptr, 1e9})};
  return values;
}

// Loads, or says in an Error why not; anything else ends the test.
void try_build(const json& config, const io::WeightSource& weights,
               const std::string& what) {
  SCOPED_TRACE(what);
  try {
    build(io::JsonConfig::parse(config.dump(), "config.json"), weights);
  } catch (const Error& error) {
    EXPECT_THAT(std::string(error.what()), StartsWith("[")) << what;
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": " << error.what();
  }
}

void spoil(json& whole, json& part, const io::WeightSource& weights,
           const std::string& path) {
  for (auto& [key, field] : part.items()) {
    const json kept = field;
    for (const json& value : nonsense()) {
      field = value;
      try_build(whole, weights, path + key + " = " + value.dump());
    }
    field = kept;
    if (field.is_object()) spoil(whole, field, weights, path + key + ".");
  }
}

TEST_P(CheckpointFaults, NonsenseInAConfigIsAnErrorOrNothing) {
  const io::WeightSource weights = open();
  json config = json::parse(weights.config().to_json());
  spoil(config, config, weights, "");
}

// A field of one fixture's config with a value that would be computed wrongly,
// and what the error names.
struct WrongValue {
  const char* fixture;
  const char* field;
  json value;
  const char* named;
};

class WrongValues : public testing::TestWithParam<WrongValue> {};

TEST_P(WrongValues, AreRefusedByName) {
  const WrongValue& wrong = GetParam();
  const fs::path folder =
      test::source_folder() / "tests/data/fixtures/text" / wrong.fixture;
  const io::WeightSource weights =
      io::WeightSource::open(io::ModelFiles::at(folder));
  json config = json::parse(weights.config().to_json());
  config[wrong.field] = wrong.value;
  const auto read = io::JsonConfig::parse(config.dump(), "config.json");
  EXPECT_THAT(io::message_of<ModelLoadingError>([&] { build(read, weights); }),
              HasSubstr(wrong.named));
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, WrongValues,
    testing::Values(
        WrongValue{"dbrx", "n_heads", 3, "3 heads of size"},
        WrongValue{"gpt_neo", "attention_types",
                   json::parse(R"([[["glo\"bal"], 3]])"), "attention_types"},
        WrongValue{"gpt_neo", "attention_types",
                   json::parse("[[[], 1000000000]]"), "attention_types"},
        WrongValue{"openelm", "ffn_multipliers", json::parse("[1e300, 1e300]"),
                   "ffn_multipliers"},
        WrongValue{"gptj", "rotary_dim", 4096, "rotary_dim is 4096"},
        WrongValue{"gptj", "rotary_dim", 3, "rotary_dim is 3"},
        WrongValue{"nemotron_h", "hybrid_override_pattern", "", "no layers"}));

std::string name_of(const testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.parent_path().filename().string() + "_" +
                     info.param.filename().string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, MissingTensor,
    testing::ValuesIn(fixtures_of({"text", "embed", "quant"})), name_of);
INSTANTIATE_TEST_SUITE_P(Fixtures, CheckpointFaults,
                         testing::ValuesIn(fixtures_of({"text", "embed",
                                                        "quant", "vision"})),
                         name_of);

}  // namespace
}  // namespace abstractllm::engine

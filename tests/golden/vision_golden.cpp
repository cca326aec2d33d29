// Vision fixtures: the tower on the stored pixel values, then the text model.
// SPDX-License-Identifier: Apache-2.0
#include "golden/vision_golden.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>

#include "engine/backend_choice.h"
#include "io/image.h"
#include "io/model_files.h"
#include "io/weight_source.h"
#include "mlx/mlx.h"
#include "models/common/vision_language.h"
#include "models/registry.h"
#include "models/sequence.h"
#include "vision/towers/tower.h"

namespace abstractllm::golden {

namespace mx = mlx::core;
using nlohmann::json;

namespace {

using Ids = std::vector<std::int32_t>;

std::vector<float> host_floats(const mx::array& x) {
  mx::array plain = mx::contiguous(mx::astype(x, mx::float32));
  plain.eval();
  return {plain.data<float>(), plain.data<float>() + plain.size()};
}

// A case as the engine would get it.
struct Prompt {
  Ids ids;  // numbers in the places of image tokens
  std::shared_ptr<models::ImagePrompt> images;
};

class VisionRun {
 public:
  VisionRun(const std::filesystem::path& folder, const json& reference,
            const GoldenOptions& options)
      : folder_(folder),
        reference_(reference),
        options_(options),
        arrays_(
            mx::load_safetensors(
                (folder / reference.at("arrays").get<std::string>()).string())
                .first),
        weights_(
            models::canonical_weights(io::WeightSource::open(io::ModelFiles::at(
                options.model.empty() ? folder : options.model)))),
        backend_(engine::choose_backend(options.engine, 0)),
        model_(models::make_model(
            {weights_.config(), weights_, backend_, nullptr})),
        processor_(
            vision::ImageProcessor::from_config(vision::ProcessorFiles::in(
                options.model.empty() ? folder : options.model))),
        tower_(vision::make_tower(
            {weights_.config(), weights_, backend_, nullptr})) {
    models::refuse_unread_tensors(weights_);
  }

  void run(VisionResult& result) {
    result.text.greedy_equal = true;
    std::vector<Prompt> prompts;
    for (const json& c : reference_.at("cases")) {
      prompts.push_back(make_prompt(c, result));
      check_case(c, prompts.back(), result);
    }
    check_together(prompts);
    result.text.max_logit_difference = worst_;
    result.text.argmax_agreement = agreeing_ / std::max(1.0, rows_);
    result.text.tolerance =
        reference_.at("tolerance").at("float32").at("max_abs_logits");
    result.text.pass = result.text.greedy_equal &&
                       worst_ <= result.text.tolerance &&
                       result.max_feature_difference <=
                           1e-4 * std::max(1.0, result.largest_feature);
  }

 private:
  const mx::array& array(const std::string& name) const {
    return arrays_.at(name);
  }

  static vision::FloatTensor tensor(const mx::array& x) {
    return {{x.shape().begin(), x.shape().end()}, host_floats(x)};
  }

  // The inputs of each image of a case.
  std::vector<vision::ImageInputs> split_inputs(const json& c) const {
    const std::size_t count = c.at("images").size();
    const json& inputs = c.at("inputs");
    std::vector<vision::ImageInputs> images(count);
    mx::array pixels = array(inputs.at("pixel_values").at("array"));
    int crops = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const io::EncodedImage file = io::EncodedImage::open(
          folder_ / c.at("images").at(i).get<std::string>());
      images[i].plan = processor_->plan(file.width(), file.height(), {});
      crops += images[i].plan.crops;
    }
    // Idefics has the crops of all images in one row.
    if (pixels.ndim() == 5 && pixels.shape(0) == 1 &&
        pixels.shape(1) == crops) {
      pixels = mx::squeeze(pixels, 0);
    }
    // Llama has the images of a prompt in one row, with all tiles.
    if (pixels.ndim() == 6) pixels = mx::squeeze(pixels, 0);
    const bool has_crop_rows = pixels.shape(0) == crops;
    int patch = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto rows_of = [&](const mx::array& x, int first, int rows) {
        mx::Shape start(x.ndim(), 0);
        mx::Shape stop = x.shape();
        start[0] = first;
        stop[0] = first + rows;
        return mx::slice(x, start, stop);
      };
      int first = static_cast<int>(i);
      int rows = has_crop_rows ? images[i].plan.crops : 1;
      bool are_joined = has_crop_rows;
      for (const auto& [name, input] : inputs.items()) {
        const bool is_tiles = name.starts_with("aspect_ratio_");
        if (!is_tiles && !name.starts_with("image_")) continue;
        const mx::array& stored = array(input.at("array"));
        const std::vector<float> values = host_floats(
            rows_of(is_tiles ? mx::squeeze(stored, 0) : stored, first, 1));
        vision::IntTensor& to = images[i].integers[name];
        to.values.assign(values.begin(), values.end());
        to.shape = {1, static_cast<int>(values.size())};
        if (name == "image_grid_thw") {
          rows = to.values[0] * to.values[1] * to.values[2];
          are_joined = true;
        }
      }
      if (are_joined) first = patch;
      patch += rows;
      images[i].pixel_values = tensor(rows_of(pixels, first, rows));
    }
    return images;
  }

  bool is_image_token(std::int32_t id) const {
    const io::JsonConfig& config = weights_.config();
    for (const char* field : {"image_token_id", "image_token_index"}) {
      if (config.find_int(field) == id) return true;
    }
    return id < 0 || id == reference_.value("image_token_id", -1);
  }

  Prompt make_prompt(const json& c, VisionResult& result) {
    Prompt prompt{c.at("ids").get<Ids>(), nullptr};
    if (c.at("images").empty()) return prompt;
    std::vector<models::PromptImage> images;
    std::vector<mx::array> rows;
    for (const vision::ImageInputs& inputs : split_inputs(c)) {
      const auto features =
          std::make_shared<models::ImageFeatures>(tower_->encode(inputs));
      mx::eval(features->arrays());
      rows.push_back(features->rows);
      images.push_back({.number = -1 - static_cast<int>(images.size()),
                        .tokens = inputs.plan.image_tokens,
                        .grid_rows = inputs.plan.grid_rows,
                        .grid_columns = inputs.plan.grid_columns,
                        .features = features});
    }
    compare_features(c, mx::concatenate(rows, 0), result);
    std::size_t image = 0;
    int used = 0;
    for (std::int32_t& id : prompt.ids) {
      if (!is_image_token(id)) continue;
      if (image < images.size() && used == images[image].tokens) {
        ++image;
        used = 0;
      }
      id = images.at(image).number;
      ++used;
    }
    prompt.images = std::make_shared<models::ImagePrompt>(
        prompt.ids, std::move(images), model_->image_mode());
    check_positions(c, *prompt.images, static_cast<int>(prompt.ids.size()));
    return prompt;
  }

  void compare_features(const json& c, const mx::array& got,
                        VisionResult& result) const {
    const std::vector<float> mine = host_floats(got);
    const std::vector<float> want = host_floats(array(c.at("image_features")));
    if (mine.size() != want.size()) {
      throw std::runtime_error("the features have another size");
    }
    for (std::size_t i = 0; i < want.size(); ++i) {
      const double difference = std::abs(double{mine[i]} - double{want[i]});
      if (!(difference <= result.max_feature_difference)) {
        result.max_feature_difference = difference;
      }
      result.largest_feature =
          std::max(result.largest_feature, std::abs(double{want[i]}));
    }
  }

  void check_positions(const json& c, const models::ImagePrompt& images,
                       int length) const {
    if (!c.contains("position_ids")) return;
    const std::vector<float> want = host_floats(array(c.at("position_ids")));
    const Ids got = images.positions(0, length);
    if (!std::equal(got.begin(), got.end(), want.begin(), want.end()) ||
        images.shift_behind() != c.at("rope_delta")) {
      throw std::runtime_error("the positions differ");
    }
  }

  std::vector<std::vector<float>> feed(models::Sequence& sequence,
                                       std::span<const std::int32_t> all,
                                       int planned) {
    std::vector<std::vector<float>> rows;
    while (sequence.length() < static_cast<int>(all.size())) {
      const int done = sequence.length();
      int end = options_.chunk > 0 ? std::min(done + options_.chunk,
                                              static_cast<int>(all.size()))
                                   : static_cast<int>(all.size());
      end = models::next_cut(*model_, all, planned, end);
      const mx::array logits =
          model_->logits(sequence.advance(all.subspan(done, end - done)));
      sequence.evaluate({logits});
      append(logits, rows);
    }
    return rows;
  }

  static void append(const mx::array& logits,
                     std::vector<std::vector<float>>& rows) {
    const std::vector<float> values = host_floats(logits);
    const auto width = static_cast<std::size_t>(logits.shape(1));
    for (std::size_t at = 0; at < values.size(); at += width) {
      rows.emplace_back(
          values.begin() + static_cast<std::ptrdiff_t>(at),
          values.begin() + static_cast<std::ptrdiff_t>(at + width));
    }
  }

  void check_case(const json& c, const Prompt& prompt, VisionResult& result) {
    models::Sequence sequence(*model_);
    const int planned = static_cast<int>(prompt.ids.size());
    sequence.reuse(prompt.ids, planned, prompt.images);
    const auto logits = feed(sequence, prompt.ids, planned);
    const auto positions = c.at("logits_positions").get<Ids>();
    const mx::array& want = array(c.at("logits"));
    const std::vector<float> values = host_floats(want);
    const auto width = static_cast<std::size_t>(want.shape(-1));
    for (std::size_t i = 0; i < positions.size(); ++i) {
      compare(logits.at(static_cast<std::size_t>(positions[i])),
              std::span(values).subspan(i * width, width));
    }
    last_rows_.emplace_back(values.end() - static_cast<std::ptrdiff_t>(width),
                            values.end());
    check_greedy(c, prompt, sequence, logits.back(), result);
  }

  void check_greedy(const json& c, const Prompt& prompt,
                    models::Sequence& sequence, std::vector<float> row,
                    VisionResult& result) {
    Ids all = prompt.ids;
    for (const std::int32_t expected : c.at("greedy").get<Ids>()) {
      result.text.greedy_equal =
          result.text.greedy_equal && argmax(row) == expected;
      all.push_back(expected);
      row = feed(sequence, all, static_cast<int>(prompt.ids.size())).back();
    }
  }

  // All cases as one ragged step.
  void check_together(const std::vector<Prompt>& prompts) {
    std::vector<std::unique_ptr<models::Sequence>> sequences;
    std::vector<models::NewTokens> tokens;
    Ids lasts;
    std::int32_t end = 0;
    for (const Prompt& prompt : prompts) {
      sequences.push_back(std::make_unique<models::Sequence>(*model_));
      sequences.back()->reuse(prompt.ids, static_cast<int>(prompt.ids.size()),
                              prompt.images);
      tokens.push_back({sequences.back().get(), prompt.ids});
      end += static_cast<std::int32_t>(prompt.ids.size());
      lasts.push_back(end - 1);
    }
    const mx::array hidden =
        models::advance_together(*model_, tokens, models::TokenKind::kPrompt);
    const mx::array logits = model_->logits(mx::take(
        hidden,
        mx::array(lasts.data(), {static_cast<int>(lasts.size())}, mx::int32),
        0));
    models::evaluate_together({logits}, tokens);
    std::vector<std::vector<float>> rows;
    append(logits, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      compare(rows[i], last_rows_[i]);
    }
  }

  static std::ptrdiff_t argmax(std::span<const float> row) {
    return std::max_element(row.begin(), row.end()) - row.begin();
  }

  void compare(std::span<const float> got, std::span<const float> want) {
    for (std::size_t i = 0; i < want.size(); ++i) {
      const double difference = std::abs(double{got[i]} - double{want[i]});
      if (!(difference <= worst_)) worst_ = difference;
    }
    rows_ += 1;
    agreeing_ += argmax(got) == argmax(want) ? 1 : 0;
  }

  const std::filesystem::path folder_;
  const json& reference_;
  const GoldenOptions& options_;
  std::unordered_map<std::string, mx::array> arrays_;
  io::WeightSource weights_;
  ops::Backend backend_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<vision::ImageProcessor> processor_;
  std::unique_ptr<vision::VisionTower> tower_;
  std::vector<std::vector<float>> last_rows_;  // of the cases, wanted
  double worst_ = 0;
  double rows_ = 0;
  double agreeing_ = 0;
};

}  // namespace

VisionResult run_vision_fixture(const std::filesystem::path& folder,
                                const GoldenOptions& options) {
  VisionResult result;
  result.text.name = folder.filename().string();
  try {
    std::ifstream stream(folder / "reference.json");
    const json reference = json::parse(stream);
    result.text.name = reference.at("name");
    result.text.kind = reference.at("kind");
    VisionRun(folder, reference, options).run(result);
  } catch (const std::exception& error) {
    result.text.error = error.what();
    result.text.pass = false;
  }
  return result;
}

}  // namespace abstractllm::golden

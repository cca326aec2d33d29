// A tokenizer's decoder, read from its description.
// SPDX-License-Identifier: Apache-2.0
#include "text/decoder_plan.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace abstractllm::text {
namespace {

using nlohmann::json;
using Kind = DecodeStep::Kind;

Kind kind_of(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, Kind>, 8> kKinds{{
      {"Replace", Kind::kReplace},
      {"Strip", Kind::kStrip},
      {"Metaspace", Kind::kMetaspace},
      {"WordPiece", Kind::kWordPiece},
      {"BPEDecoder", Kind::kSuffix},
      {"ByteFallback", Kind::kByteFallback},
      {"ByteLevel", Kind::kByteLevel},
      {"Fuse", Kind::kFuse},
  }};
  for (const auto& [name, kind] : kKinds) {
    if (name == type) return kind;
  }
  return Kind::kOther;
}

DecodeStep read_step(const json& decoder) {
  DecodeStep step;
  step.kind = kind_of(decoder.value("type", ""));
  switch (step.kind) {
    case Kind::kReplace:
      // A regular expression leaves the content empty.
      step.content = decoder.at("pattern").value("String", "");
      step.replacement = decoder.value("content", "");
      break;
    case Kind::kStrip:
      step.content = decoder.value("content", " ");
      step.limit = decoder.value("start", std::size_t{0});
      if (decoder.value("stop", 0) != 0) step.kind = Kind::kOther;
      break;
    case Kind::kMetaspace:
      step.content = decoder.value("replacement", "▁");
      step.flag = decoder.value("prepend_scheme", "always") != "never";
      break;
    case Kind::kWordPiece:
      step.content = decoder.value("prefix", "##");
      step.flag = decoder.value("cleanup", true);
      break;
    case Kind::kSuffix:
      step.content = decoder.value("suffix", "</w>");
      break;
    default:
      break;
  }
  return step;
}

void read_steps(const json& decoder, std::vector<DecodeStep>& steps) {
  if (!decoder.is_object()) return;
  if (decoder.value("type", "") != "Sequence") {
    steps.push_back(read_step(decoder));
    return;
  }
  for (const json& inner : decoder.at("decoders")) read_steps(inner, steps);
}

}  // namespace

DecoderPlan::DecoderPlan(std::string_view text) {
  const json decoder = json::parse(text, nullptr, false);
  read_steps(decoder, steps_);
  if (decoder.is_null())
    steps_.push_back(DecodeStep{Kind::kJoin, {}, {}, 0, false});
  bool fused = false;
  for (DecodeStep& step : steps_) {
    const bool works_on_text =
        step.kind == Kind::kStrip || step.kind == Kind::kFuse;
    const bool needs_content =
        step.kind == Kind::kReplace || step.kind == Kind::kSuffix;
    if ((fused && !works_on_text) || step.kind == Kind::kOther ||
        (needs_content && step.content.empty())) {
      streams_ = false;
    }
    if (step.kind == Kind::kStrip) step.flag = fused;
    fused = fused || step.kind == Kind::kFuse || step.kind == Kind::kByteLevel;
  }
}

std::optional<std::vector<std::unique_ptr<DecodeStage>>>
DecoderPlan::make_stages() const {
  if (!streams_) return std::nullopt;
  std::vector<std::unique_ptr<DecodeStage>> stages;
  for (const DecodeStep& step : steps_) {
    if (auto stage = make_stage(step)) stages.push_back(std::move(stage));
  }
  return stages;
}

std::string DecoderPlan::token_bytes(std::string_view token) const {
  std::string bytes(token);
  for (const DecodeStep& step : steps_) {
    if (step.kind == Kind::kByteLevel) {
      bytes = bytes_of_byte_level(bytes);
    } else if (step.kind == Kind::kByteFallback) {
      if (const auto byte = byte_of_token(bytes)) {
        return std::string(1, static_cast<char>(*byte));
      }
    } else if (step.kind == Kind::kWordPiece) {
      bytes = bytes.starts_with(step.content)
                  ? bytes.substr(step.content.size())
                  : " " + bytes;
    } else if (step.content.empty()) {
      continue;
    } else if (step.kind == Kind::kReplace) {
      bytes = replace_all(std::move(bytes), step.content, step.replacement);
    } else if (step.kind == Kind::kMetaspace || step.kind == Kind::kSuffix) {
      bytes = replace_all(std::move(bytes), step.content, " ");
    }
  }
  return bytes;
}

}  // namespace abstractllm::text

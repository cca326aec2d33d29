// What a Tokenizer holds; for the files that build one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rust/cxx.h"
#include "text/decoder_plan.h"
#include "text/tokenizer.h"
#include "textbridge/textbridge.h"

namespace abstractllm::text {

struct Tokenizer::Impl {
  explicit Impl(rust::Box<textbridge::Tokenizer> tokenizer);

  rust::Box<textbridge::Tokenizer> rust;
  DecoderPlan decoder;
  std::vector<std::int32_t> special;
  /// Ids whose text another, smaller id has too, with that id: the crate knows
  /// a text once.
  std::map<std::int32_t, std::int32_t> duplicates;
  /// Rows of the vocabulary where they are more than the crate knows.
  std::int32_t minimum_size = 0;
};

inline rust::Slice<const std::uint8_t> as_slice(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace abstractllm::text

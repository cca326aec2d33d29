// Fuzzes the reader of tokenizer.json, and what a tokenizer from it makes of
// text.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "fuzz/require.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace abstractllm;
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokenizer = text::Tokenizer::from_json(json, "fuzz input");
    const auto ids = tokenizer.encode("Hello, wörld! \n 123 \U0001F600", true);
    fuzz::require(base::is_valid_utf8(tokenizer.decode(ids, false)));
    text::StreamDecoder decoder(tokenizer, /*skip_special=*/false);
    std::string streamed;
    for (const auto id : ids) streamed += decoder.push(id);
    streamed += decoder.finish();
    fuzz::require(streamed == tokenizer.decode(ids, false));
  } catch (const Error&) {
  }
  return 0;
}

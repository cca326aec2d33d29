// Generation parameters from JSON: what is accepted is in range and comes back
// the same from its own JSON; everything else is an InvalidParameterError.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "abstractllm/error.h"
#include "abstractllm/parameters.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace abstractllm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const GenerationParameters parsed = parse_generation_parameters(text);
    validate(parsed);
    if (parse_generation_parameters(to_json(parsed)) != parsed) std::abort();
  } catch (const InvalidParameterError& error) {
    if (error.hint().empty()) std::abort();
  }
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return 0;
  GenerationParameters parameters;
  try {
    set_parameter(parameters, text.substr(0, equals), text.substr(equals + 1));
    validate(parameters);
  } catch (const InvalidParameterError&) {
    if (parameters != GenerationParameters{}) std::abort();
  }
  return 0;
}

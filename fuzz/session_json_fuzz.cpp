// Session files: what is read comes back the same from its own JSON;
// everything else is an InvalidRequestError or InvalidParameterError.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "abstractllm/error.h"
#include "abstractllm/session.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace abstractllm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const SessionState state = session_from_json(text);
    if (session_from_json(session_to_json(state)) != state) std::abort();
    session_to_markdown(state);
  } catch (const InvalidRequestError&) {
  }
  return 0;
}

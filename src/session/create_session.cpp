// A session from names alone. In a file of its own: only this needs providers.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/session.h"

namespace abstractllm {

Session create_session(std::string_view provider, ProviderConfig config,
                       SessionOptions options, SessionState state) {
  return Session(create_llm(provider, std::move(config)), std::move(options),
                 std::move(state));
}

}  // namespace abstractllm

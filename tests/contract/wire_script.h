// What a scripted service says, in each provider's own protocol.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "abstractllm/factory.h"
#include "support/http_server.h"

namespace abstractllm::test {

/// One provider with the words of its service.
struct WireScript {
  std::string provider;
  /// Takes tools, images, a system prompt.
  bool has_tools = true;
  bool has_images = true;

  std::string base_path;  ///< of base_url
  /// The body of an answer of text pieces, with usage 12 + 7, 4 cached where
  /// the service counts that.
  std::string (*text)(const std::vector<std::string>& pieces);
  /// Two calls: add {"x":1} with id "c1", and now {} with id "c2".
  std::string (*calls)();
  /// A stream that breaks off with the service's own error: overloaded.
  std::string (*mid_stream_error)();
  /// The body of an answer with an error status.
  std::string (*fault)(const std::string& type, const std::string& message);
  /// The body of the list of the models "alpha" and "beta".
  std::string (*models)();
  /// The body of an answer of `count` vectors, (1, 0), (1, 1) ...; null where
  /// the service makes none.
  std::string (*vectors)(int count) = nullptr;
  bool is_lines = false;  ///< of JSON, not server-sent events
  int cached_tokens = 4;
};

inline void PrintTo(const WireScript& script, std::ostream* out) {
  *out << script.provider;
}

const std::vector<WireScript>& wire_scripts();

/// A provider that talks to `server`, with the key "sk-test-secret".
std::unique_ptr<AbstractLLMInterface> provider_at(
    const WireScript& script, const HttpServer& server,
    ConnectionOptions options = {});

ConnectionOptions connection_to(const WireScript& script,
                                const HttpServer& server,
                                ConnectionOptions options = {});

/// The answer with `stream` as its body, in one chunk.
Reply stream_reply(const WireScript& script, const std::string& stream);

inline constexpr char kTestKey[] = "sk-test-secret";

}  // namespace abstractllm::test

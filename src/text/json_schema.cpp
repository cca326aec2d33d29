// JSON Schema, over the Rust crate.
// SPDX-License-Identifier: Apache-2.0
#include "text/json_schema.h"

#include <fmt/format.h>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "text/tokenizer_impl.h"
#include "textbridge/textbridge.h"

namespace abstractllm::text {
namespace {

// A model corrects what it is told; more than this only fills its context.
constexpr std::size_t kMaxViolations = 8;
constexpr std::size_t kMaxMessageBytes = 300;
constexpr std::size_t kMaxSchemaBytes = 1u << 20;

std::string shortened(std::string text) {
  if (text.size() <= kMaxMessageBytes) return text;
  text.resize(base::valid_utf8_prefix(text.substr(0, kMaxMessageBytes)));
  return text + "...";
}

}  // namespace

struct JsonSchema::Impl {
  rust::Box<textbridge::JsonSchema> rust;
};

JsonSchema::JsonSchema(std::string_view schema) {
  if (schema.size() > kMaxSchemaBytes) {
    throw InvalidRequestError(
        fmt::format("[json schema] it has {} bytes, at most {} are read",
                    schema.size(), kMaxSchemaBytes));
  }
  try {
    impl_ = std::make_shared<Impl>(
        Impl{textbridge::json_schema_compile(as_slice(schema))});
  } catch (const rust::Error& error) {
    throw InvalidRequestError(
        fmt::format("[json schema] it is not valid: {}",
                    shortened(error.what())),
        "See json-schema.org for what a schema looks like.");
  }
}

std::vector<SchemaViolation> JsonSchema::violations(
    std::string_view json) const {
  std::vector<SchemaViolation> found;
  try {
    const rust::Vec<rust::String> pairs =
        impl_->rust->violations(as_slice(json), kMaxViolations);
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
      found.push_back(
          {std::string(pairs[i]), shortened(std::string(pairs[i + 1]))});
    }
  } catch (const rust::Error& error) {
    found = {{"", fmt::format("not valid JSON: {}", shortened(error.what()))}};
  }
  return found;
}

std::string join_violations(const std::vector<SchemaViolation>& violations) {
  std::string text;
  for (const SchemaViolation& violation : violations) {
    if (!text.empty()) text += "; ";
    if (!violation.path.empty()) text += "at " + violation.path + ": ";
    text += violation.message;
  }
  return text;
}

}  // namespace abstractllm::text

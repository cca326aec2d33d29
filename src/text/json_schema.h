// JSON Schema: whether a JSON text is what was asked for, and where it is not.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::text {

/// One place where a JSON text breaks a schema.
struct SchemaViolation {
  std::string path;     ///< JSON pointer (RFC 6901); empty: the whole
  std::string message;  ///< for a person or a model; may quote the value
  bool operator==(const SchemaViolation&) const = default;
};

/// A compiled schema of draft 4 to 2020-12 (the one that `$schema` names, else
/// the newest). `format` is not judged from draft 2019-09 on, an unknown one
/// never. A `$ref` outside of the schema is refused, never fetched. Immutable;
/// thread-safe; cheap to copy.
class JsonSchema {
 public:
  /// Throws InvalidRequestError if `schema` is no JSON or no schema.
  explicit JsonSchema(std::string_view schema);

  /// The first few violations of `json`, none if it holds. A text that is no
  /// JSON is one violation of the whole.
  std::vector<SchemaViolation> violations(std::string_view json) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// "at /a: message; at /b: message", for an error or a model.
std::string join_violations(const std::vector<SchemaViolation>& violations);

}  // namespace abstractllm::text

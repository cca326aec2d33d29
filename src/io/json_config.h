// A model's config.json and its siblings, field by field.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::io {

/// A JSON object from a file that is not trusted. A field that is null counts
/// as absent. find_* return nothing for an absent field; require_* throw. Both
/// throw ModelLoadingError, naming file, field, expected and found, if the
/// field is there but of another type. Immutable; thread-safe; cheap to copy.
class JsonConfig {
 public:
  /// An empty object.
  JsonConfig();

  /// Throws ModelLoadingError if the file cannot be read, exceeds the limits
  /// (16 MB, 64 levels), or holds no JSON object.
  static JsonConfig load(const std::filesystem::path& path);

  /// `origin` names the text in messages.
  static JsonConfig parse(std::string_view text, std::string_view origin);

  /// Name of the file, with the path of the object in it: "config.json",
  /// "config.json: rope_scaling".
  const std::string& origin() const noexcept;

  bool has(std::string_view key) const;
  /// The field is there and is null, which switches off what a family has
  /// where the field is absent.
  bool is_null(std::string_view key) const;
  /// The field is there and is an object / array / string.
  bool is_object(std::string_view key) const;
  bool is_array(std::string_view key) const;
  bool is_string(std::string_view key) const;

  /// Fields that are not null, sorted.
  std::vector<std::string> keys() const;

  /// A whole number; 64.0 counts as one.
  std::optional<std::int64_t> find_int(std::string_view key) const;
  /// Any number; also the strings "Infinity", "-Infinity" and "NaN".
  std::optional<double> find_number(std::string_view key) const;
  std::optional<std::string> find_string(std::string_view key) const;
  std::optional<bool> find_bool(std::string_view key) const;
  std::optional<JsonConfig> find_object(std::string_view key) const;
  /// Objects of an array.
  std::optional<std::vector<JsonConfig>> find_objects(
      std::string_view key) const;
  /// A single value counts as an array of one (eos_token_id is either).
  std::optional<std::vector<std::int64_t>> find_ints(
      std::string_view key) const;
  std::optional<std::vector<double>> find_numbers(std::string_view key) const;
  std::optional<std::vector<std::string>> find_strings(
      std::string_view key) const;

  std::int64_t require_int(std::string_view key) const;
  double require_number(std::string_view key) const;
  std::string require_string(std::string_view key) const;
  bool require_bool(std::string_view key) const;
  JsonConfig require_object(std::string_view key) const;

  /// This object, with the fields of `others` where it has none of its own or
  /// has null.
  JsonConfig with_defaults(const JsonConfig& others) const;

  /// This object with `value`, which is JSON text, as that field.
  JsonConfig with_field(std::string_view key, std::string_view value) const;

  /// The whole object as JSON text.
  std::string to_json() const;
  /// One field as JSON text, of any type; nothing if absent.
  std::optional<std::string> find_json(std::string_view key) const;

 private:
  struct Value;
  explicit JsonConfig(std::shared_ptr<const Value> value);
  std::shared_ptr<const Value> value_;
};

}  // namespace abstractllm::io

// Arguments and results of C++ functions, between JSON and types.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <nlohmann/json.hpp>

#include "abstractllm/tool_function.h"
#include "base/json_text.h"

namespace abstractllm::tool_values {
namespace {

using Json = nlohmann::json;

const Json& json_of(const void* value) {
  return *static_cast<const Json*>(value);
}

const Json& null_json() {
  static const Json kNull;
  return kNull;
}

[[noreturn]] void throw_out_of_range(const Json& json) {
  throw InvalidRequestError("[tool] the number " + json.dump() +
                            " does not fit the parameter");
}

}  // namespace

struct JsonDocument::Impl {
  Json json;
};

JsonDocument::JsonDocument(std::string_view text)
    : impl_(std::make_unique<Impl>()) {
  if (!base::is_too_deep(text)) {
    impl_->json = Json::parse(text, nullptr, false);
  }
  if (!impl_->json.is_object()) {
    throw InvalidRequestError("[tool] the arguments are not a JSON object");
  }
}

JsonDocument::~JsonDocument() = default;

JsonView JsonDocument::root() const { return JsonView(&impl_->json); }

bool JsonView::is_null() const { return json_of(value_).is_null(); }

bool JsonView::boolean() const { return json_of(value_).get<bool>(); }

// JSON Schema takes 3.0 for an integer.
std::int64_t JsonView::integer(std::int64_t low, std::int64_t high) const {
  const Json& json = json_of(value_);
  std::int64_t number = 0;
  if (json.is_number_float()) {
    const double value = json.get<double>();
    if (std::abs(value) > 9007199254740992.0) throw_out_of_range(json);
    number = static_cast<std::int64_t>(value);
  } else if (json.is_number_unsigned()) {
    const auto value = json.get<std::uint64_t>();
    if (!std::in_range<std::int64_t>(value)) throw_out_of_range(json);
    number = static_cast<std::int64_t>(value);
  } else {
    number = json.get<std::int64_t>();
  }
  if (number < low || number > high) throw_out_of_range(json);
  return number;
}

double JsonView::number() const { return json_of(value_).get<double>(); }

std::string JsonView::text() const {
  return json_of(value_).get<std::string>();
}

std::size_t JsonView::size() const { return json_of(value_).size(); }

JsonView JsonView::at(std::size_t index) const {
  return JsonView(&json_of(value_).at(index));
}

JsonView JsonView::member(std::string_view name) const {
  const Json& json = json_of(value_);
  const auto found = json.find(name);
  return JsonView(found == json.end() ? &null_json() : &*found);
}

std::string json_quoted(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string json_number(double value) { return Json(value).dump(); }

}  // namespace abstractllm::tool_values

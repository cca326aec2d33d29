// Tools from C++ functions: their types become the schema.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "abstractllm/export.h"
#include "abstractllm/tools.h"

namespace abstractllm {

/// The texts that stand for an enum's values in a tool's arguments:
///   template <> struct abstractllm::ToolEnum<Unit> {
///     static constexpr std::array<std::pair<Unit, std::string_view>, 2>
///         names{{{Unit::kMetre, "metre"}, {Unit::kFoot, "foot"}}};
///   };
template <typename T>
struct ToolEnum;

/// One member of a struct in a tool's arguments.
template <typename Struct, typename Value>
struct ToolField {
  std::string_view name;
  Value Struct::*member;
  std::string_view description{};
};

/// The members of a struct that tools take or return:
///   template <> struct abstractllm::ToolFields<Point> {
///     static constexpr std::tuple fields{ToolField{"x", &Point::x},
///                                        ToolField{"y", &Point::y}};
///   };
template <typename T>
struct ToolFields;

/// Name and description of one parameter of a function.
struct ToolParameter {
  std::string_view name;
  std::string_view description{};
};

/// What the templates below stand on; not for use of its own.
namespace tool_values {

/// A JSON value, read in place. REQUIRES: it has the type that is asked for.
class ABSTRACTLLM_API JsonView {
 public:
  explicit JsonView(const void* value) : value_(value) {}
  bool is_null() const;
  bool boolean() const;
  /// Throws InvalidRequestError if it is not in [low, high].
  std::int64_t integer(std::int64_t low, std::int64_t high) const;
  double number() const;
  std::string text() const;
  std::size_t size() const;
  JsonView at(std::size_t index) const;
  /// Null if there is none.
  JsonView member(std::string_view name) const;

 private:
  const void* value_;
};

class ABSTRACTLLM_API JsonDocument {
 public:
  /// Throws InvalidRequestError.
  explicit JsonDocument(std::string_view text);
  ~JsonDocument();
  JsonView root() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

ABSTRACTLLM_API std::string json_quoted(std::string_view text);
ABSTRACTLLM_API std::string json_number(double value);

}  // namespace tool_values

namespace detail {

using tool_values::json_number;
using tool_values::json_quoted;
using tool_values::JsonDocument;
using tool_values::JsonView;

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <typename T>
inline constexpr bool kIsVector = false;
template <typename T>
inline constexpr bool kIsVector<std::vector<T>> = true;

template <typename T>
concept StructOfFields = requires {
  ToolFields<T>::fields;
};
template <typename T>
concept EnumOfNames = std::is_enum_v<T> && requires {
  ToolEnum<T>::names;
};

template <typename T>
std::string schema_of(std::string_view description = {});

inline void append_property(std::string& properties, std::string& required,
                            std::string_view name, const std::string& schema,
                            bool optional) {
  if (!properties.empty()) properties += ',';
  properties += json_quoted(name) + ':' + schema;
  if (optional) return;
  if (!required.empty()) required += ',';
  required += json_quoted(name);
}

inline std::string object_schema(const std::string& properties,
                                 const std::string& required,
                                 const std::string& more) {
  return R"({"type":"object","properties":{)" + properties +
         R"(},"required":[)" + required + R"(],"additionalProperties":false)" +
         more + '}';
}

template <typename T>
std::string struct_schema(const std::string& more) {
  std::string properties;
  std::string required;
  std::apply(
      [&](const auto&... field) {
        (append_property(
             properties, required, field.name,
             schema_of<std::decay_t<decltype(T{}.*field.member)>>(
                 field.description),
             kIsOptional<std::decay_t<decltype(T{}.*field.member)>>),
         ...);
      },
      ToolFields<T>::fields);
  return object_schema(properties, required, more);
}

template <typename T>
std::string schema_of(std::string_view description) {
  std::string more;
  if (!description.empty())
    more = ",\"description\":" + json_quoted(description);
  if constexpr (kIsOptional<T>) {
    return schema_of<typename T::value_type>(description);
  } else if constexpr (std::same_as<T, bool>) {
    return R"({"type":"boolean")" + more + '}';
  } else if constexpr (std::unsigned_integral<T>) {
    return R"({"type":"integer","minimum":0)" + more + '}';
  } else if constexpr (std::integral<T>) {
    return R"({"type":"integer")" + more + '}';
  } else if constexpr (std::floating_point<T>) {
    return R"({"type":"number")" + more + '}';
  } else if constexpr (std::same_as<T, std::string>) {
    return R"({"type":"string")" + more + '}';
  } else if constexpr (kIsVector<T>) {
    return R"({"type":"array","items":)" + schema_of<typename T::value_type>() +
           more + '}';
  } else if constexpr (EnumOfNames<T>) {
    std::string names;
    for (const auto& [value, name] : ToolEnum<T>::names) {
      names += (names.empty() ? "" : ",") + json_quoted(name);
    }
    return R"({"type":"string","enum":[)" + names + ']' + more + '}';
  } else {
    static_assert(StructOfFields<T>,
                  "a tool takes bool, numbers, std::string, std::vector, "
                  "std::optional, and what ToolEnum or ToolFields describe");
    return struct_schema<T>(more);
  }
}

template <typename T>
T read_json(JsonView json) {
  if constexpr (kIsOptional<T>) {
    if (json.is_null()) return std::nullopt;
    return read_json<typename T::value_type>(json);
  } else if constexpr (std::same_as<T, bool>) {
    return json.boolean();
  } else if constexpr (std::integral<T>) {
    using Limits = std::numeric_limits<T>;
    constexpr auto kHigh = std::in_range<std::int64_t>(Limits::max())
                               ? static_cast<std::int64_t>(Limits::max())
                               : std::numeric_limits<std::int64_t>::max();
    return static_cast<T>(
        json.integer(static_cast<std::int64_t>(Limits::min()), kHigh));
  } else if constexpr (std::floating_point<T>) {
    return static_cast<T>(json.number());
  } else if constexpr (std::same_as<T, std::string>) {
    return json.text();
  } else if constexpr (kIsVector<T>) {
    T values;
    for (std::size_t i = 0; i < json.size(); ++i) {
      values.push_back(read_json<typename T::value_type>(json.at(i)));
    }
    return values;
  } else if constexpr (EnumOfNames<T>) {
    const std::string text = json.text();
    for (const auto& [value, name] : ToolEnum<T>::names) {
      if (name == text) return value;
    }
    throw InternalError("[tool] a name of an enum passed its schema");
  } else {
    T value{};
    std::apply(
        [&](const auto&... field) {
          ((value.*field.member =
                read_json<std::decay_t<decltype(value.*field.member)>>(
                    json.member(field.name))),
           ...);
        },
        ToolFields<T>::fields);
    return value;
  }
}

template <typename T>
std::string write_json(const T& value) {
  if constexpr (kIsOptional<T>) {
    return value ? write_json(*value) : "null";
  } else if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::integral<T>) {
    return std::to_string(value);
  } else if constexpr (std::floating_point<T>) {
    return json_number(value);
  } else if constexpr (std::convertible_to<T, std::string_view>) {
    return json_quoted(value);
  } else if constexpr (kIsVector<T>) {
    std::string list;
    for (const auto& item : value) {
      list += (list.empty() ? "" : ",") + write_json(item);
    }
    return '[' + list + ']';
  } else if constexpr (EnumOfNames<T>) {
    for (const auto& [each, name] : ToolEnum<T>::names) {
      if (each == value) return json_quoted(name);
    }
    return "null";
  } else {
    static_assert(StructOfFields<T>, "a tool cannot return this type");
    std::string members;
    std::apply(
        [&](const auto&... field) {
          ((members += (members.empty() ? "" : ",") + json_quoted(field.name) +
                       ':' + write_json(value.*field.member)),
           ...);
        },
        ToolFields<T>::fields);
    return '{' + members + '}';
  }
}

template <typename F>
struct Signature : Signature<decltype(&F::operator())> {};
template <typename R, typename... A>
struct Signature<R (*)(A...)> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<A>...>;
};
template <typename C, typename R, typename... A>
struct Signature<R (C::*)(A...) const> : Signature<R (*)(A...)> {};
template <typename C, typename R, typename... A>
struct Signature<R (C::*)(A...)> : Signature<R (*)(A...)> {};

template <typename Arguments, std::size_t kCount>
std::string arguments_schema(const std::array<ToolParameter, kCount>& names) {
  std::string properties;
  std::string required;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (append_property(
         properties, required, names[I].name,
         schema_of<std::tuple_element_t<I, Arguments>>(names[I].description),
         kIsOptional<std::tuple_element_t<I, Arguments>>),
     ...);
  }
  (std::make_index_sequence<kCount>{});
  return object_schema(properties, required, {});
}

template <typename T>
T argument(JsonView object, const std::vector<std::string>& names,
           std::size_t index, const ToolContext& context) {
  if constexpr (std::same_as<T, ToolContext>) {
    return context;
  } else {
    return read_json<T>(object.member(names[index]));
  }
}

template <typename F>
std::string call_with(F& function, std::string_view arguments,
                      const std::vector<std::string>& names,
                      const ToolContext& context) {
  using Arguments = typename Signature<F>::Arguments;
  using Result = typename Signature<F>::Result;
  const JsonDocument document(arguments);
  const JsonView object = document.root();
  return [&]<std::size_t... I>(std::index_sequence<I...>)->std::string {
    const auto call = [&]() -> decltype(auto) {
      return function(argument<std::tuple_element_t<I, Arguments>>(
          object, names, I, context)...);
    };
    if constexpr (std::is_void_v<Result>) {
      call();
      return "done";
    } else if constexpr (std::convertible_to<Result, std::string>) {
      return call();
    } else {
      return write_json(call());
    }
  }
  (std::make_index_sequence<std::tuple_size_v<Arguments>>{});
}

template <typename F, std::size_t kCount>
Tool make_tool(std::string name, std::string description,
               const std::array<ToolParameter, kCount>& parameters,
               F function) {
  using Arguments = typename Signature<F>::Arguments;
  constexpr bool kWithContext = [] {
    if constexpr (std::tuple_size_v<Arguments> == 0) {
      return false;
    } else {
      return std::same_as<
          std::tuple_element_t<std::tuple_size_v<Arguments> - 1, Arguments>,
          ToolContext>;
    }
  }();
  static_assert(std::tuple_size_v<Arguments> == kCount + (kWithContext ? 1 : 0),
                "name each parameter of the function, but not a last "
                "ToolContext");
  std::vector<std::string> names;
  for (const ToolParameter& each : parameters) names.emplace_back(each.name);
  Tool tool;
  tool.definition = {std::move(name), std::move(description),
                     arguments_schema<Arguments>(parameters)};
  tool.handler = [function = std::move(function), names = std::move(names)](
                     std::string_view arguments,
                     const ToolContext& context) mutable {
    return call_with(function, arguments, names, context);
  };
  return tool;
}

}  // namespace detail

/// A tool from a C++ function: make_tool("add", "Adds two numbers.",
/// {{"a"}, {"b", "the second"}}, [](int a, int b) { return a + b; }).
/// Parameter types become the schema; std::optional ones are not required. A
/// last parameter of type ToolContext is not the model's. Text is returned as
/// it is, void as "done", anything else as JSON. `function` is called from
/// several threads at once.
template <typename F, std::size_t kCount>
Tool make_tool(std::string name, std::string description,
               const ToolParameter (&parameters)[kCount], F function) {
  return detail::make_tool(std::move(name), std::move(description),
                           std::to_array(parameters), std::move(function));
}

/// A function without parameters for the model.
template <typename F>
Tool make_tool(std::string name, std::string description, F function) {
  return detail::make_tool(std::move(name), std::move(description),
                           std::array<ToolParameter, 0>{}, std::move(function));
}

}  // namespace abstractllm

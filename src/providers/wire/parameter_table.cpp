// The parameter table, and the one function that sends what it says.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/parameter_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "providers/wire/json.h"
#include "types/parameter_fields.h"

namespace abstractllm::providers {
namespace {

constexpr std::array<std::string_view, kParameterColumns> kProviders{
    "mlx",    "openai",   "openai-responses", "anthropic",
    "ollama", "lmstudio", "huggingface",      "openai-compatible"};

constexpr std::string_view kNo = "";
constexpr std::string_view kOwn = kByLibrary;

// clang-format off
constexpr std::array kTable{
    // field                            mlx   openai                   openai-responses     anthropic         ollama                       lmstudio              huggingface          openai-compatible
    ParameterRow{"temperature",        {kOwn, "temperature",           "temperature",       "temperature",    "options.temperature",       "temperature",        "temperature",       "temperature"}},
    ParameterRow{"top_k",              {kOwn, kNo,                     kNo,                 "top_k",          "options.top_k",             "top_k",              kNo,                 "top_k"}},
    ParameterRow{"top_p",              {kOwn, "top_p",                 "top_p",             "top_p",          "options.top_p",             "top_p",              "top_p",             "top_p"}},
    ParameterRow{"min_p",              {kOwn, kNo,                     kNo,                 kNo,              "options.min_p",             kNo,                  kNo,                 "min_p"}},
    ParameterRow{"typical_p",          {kOwn, kNo,                     kNo,                 kNo,              "options.typical_p",         kNo,                  kNo,                 "typical_p"}},
    ParameterRow{"repetition_penalty", {kOwn, kNo,                     kNo,                 kNo,              "options.repeat_penalty",    "repeat_penalty",     kNo,                 "repetition_penalty"}},
    ParameterRow{"presence_penalty",   {kOwn, "presence_penalty",      kNo,                 kNo,              "options.presence_penalty",  "presence_penalty",   "presence_penalty",  "presence_penalty"}},
    ParameterRow{"frequency_penalty",  {kOwn, "frequency_penalty",     kNo,                 kNo,              "options.frequency_penalty", "frequency_penalty",  "frequency_penalty", "frequency_penalty"}},
    ParameterRow{"repetition_window",  {kOwn, kNo,                     kNo,                 kNo,              "options.repeat_last_n",     kNo,                  kNo,                 kNo}},
    ParameterRow{"logit_bias",         {kOwn, "logit_bias",            kNo,                 kNo,              kNo,                         "logit_bias",         "logit_bias",        "logit_bias"}},
    ParameterRow{"seed",               {kOwn, "seed",                  kNo,                 kNo,              "options.seed",              "seed",               "seed",              "seed"}},
    ParameterRow{"stop",               {kOwn, "stop",                  kNo,                 "stop_sequences", "options.stop",              "stop",               "stop",              "stop"}},
    ParameterRow{"stop_token_ids",     {kOwn, kNo,                     kNo,                 kNo,              kNo,                         kNo,                  kNo,                 "stop_token_ids"}},
    ParameterRow{"max_tokens",         {kOwn, "max_completion_tokens", "max_output_tokens", "max_tokens",     "options.num_predict",       "max_tokens",         "max_tokens",        "max_tokens"}},
    ParameterRow{"min_tokens",         {kOwn, kNo,                     kNo,                 kNo,              kNo,                         kNo,                  kNo,                 "min_tokens"}},
    ParameterRow{"ignore_eos",         {kOwn, kNo,                     kNo,                 kNo,              kNo,                         kNo,                  kNo,                 "ignore_eos"}},
    ParameterRow{"logprobs",           {kOwn, "logprobs",              "include",           kNo,              "logprobs",                  kNo,                  "logprobs",          "logprobs"}},
    ParameterRow{"top_logprobs",       {kOwn, "top_logprobs",          "top_logprobs",      kNo,              "top_logprobs",              kNo,                  "top_logprobs",      "top_logprobs"}},
    ParameterRow{"clamp_parameters",   {kOwn, kOwn,                    kOwn,                kOwn,             kOwn,                        kOwn,                 kOwn,                kOwn}},
};
// clang-format on

const ParameterRow& row_of(std::string_view field) {
  const auto row = std::find_if(
      kTable.begin(), kTable.end(),
      [&](const ParameterRow& each) { return each.field == field; });
  if (row == kTable.end()) {
    throw InternalError("[providers] the parameter table has no row for '" +
                        std::string(field) + "'");
  }
  return *row;
}

[[noreturn]] void refuse(std::string_view field, std::string_view provider) {
  std::string having;
  for (const ParameterRow& row : kTable) {
    if (row.field != field) continue;
    for (std::size_t i = 0; i < kParameterColumns; ++i) {
      if (row.cells[i].empty()) continue;
      having += (having.empty() ? "" : ", ") + std::string(kProviders[i]);
    }
  }
  throw UnsupportedFeatureError(
      "[" + std::string(provider) + "] the parameter " + std::string(field) +
          " is not supported by the provider " + std::string(provider),
      "Leave it out, or use one of: " + having + ".", std::string(provider));
}

Json& place(Json& body, std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return body[std::string(path)];
  return place(body[std::string(path.substr(0, dot))], path.substr(dot + 1));
}

// What the wire wants in another form than the library has it.
Json wire_value(ParameterColumn column, std::string_view field, int value) {
  // Ollama looks at nothing for 0, and at the whole context for -1.
  if (column == ParameterColumn::kOllama && field == "repetition_window" &&
      value == 0) {
    return -1;
  }
  return value;
}

Json wire_value(ParameterColumn column, std::string_view field, double value) {
  if (column == ParameterColumn::kAnthropic && field == "temperature" &&
      value > 1) {
    throw InvalidParameterError(
        "[anthropic] temperature is " + Json(value).dump() +
            ", and the service takes a number in [0, 1]",
        "Lower it.", "anthropic");
  }
  return value;
}

Json wire_value(ParameterColumn, std::string_view,
                const std::map<std::int32_t, double>& bias) {
  Json object = Json::object();
  for (const auto& [id, value] : bias) object[std::to_string(id)] = value;
  return object;
}

template <typename T>
Json wire_value(ParameterColumn, std::string_view, const T& value) {
  return value;
}

void write_value(ParameterColumn column, std::string_view field,
                 std::string_view path, const Json& value, Json& body) {
  if (column == ParameterColumn::kOpenAIResponses && field == "logprobs") {
    if (value == true) {
      place(body, path).push_back("message.output_text.logprobs");
    }
    return;
  }
  place(body, path) = value;
}

GenerationParameters clamped(const GenerationParameters& parameters) {
  GenerationParameters result = parameters;
  if (result.clamp_parameters.value_or(false) && result.temperature) {
    result.temperature =
        std::clamp(*result.temperature, types::kClampedTemperatureLow,
                   types::kClampedTemperatureHigh);
  }
  return result;
}

}  // namespace

std::string_view provider_of(ParameterColumn column) {
  return kProviders[static_cast<std::size_t>(column)];
}

std::span<const ParameterRow> parameter_table() { return kTable; }

void write_parameters(const GenerationParameters& parameters,
                      ParameterColumn column, Json& body) {
  validate(parameters);
  const GenerationParameters wanted = clamped(parameters);
  types::for_each_field([&](const auto& field) {
    const auto& value = wanted.*field.member;
    if (!value) return;
    const std::string_view path = row_of(field.name).cell(column);
    if (path.empty()) refuse(field.name, provider_of(column));
    if (path == kByLibrary) return;
    write_value(column, field.name, path,
                wire_value(column, field.name, *value), body);
  });
}

std::string markdown_heading(std::string_view corner) {
  std::string text = "| " + std::string(corner) + (corner.empty() ? "|" : " |");
  for (const std::string_view id : kProviders) {
    text += " `" + std::string(id) + "` |";
  }
  text += "\n| --- |";
  for (std::size_t i = 0; i < kParameterColumns; ++i) text += " --- |";
  return text + "\n";
}

std::string parameter_table_markdown() {
  std::string text = markdown_heading("parameter");
  for (const ParameterRow& row : kTable) {
    text += "| `" + std::string(row.field) + "` |";
    for (const std::string_view cell : row.cells) {
      if (cell.empty()) {
        text += " refused |";
      } else if (cell == kByLibrary) {
        text += " honoured |";
      } else {
        text += " `" + std::string(cell) + "` |";
      }
    }
    text += "\n";
  }
  return text;
}

}  // namespace abstractllm::providers

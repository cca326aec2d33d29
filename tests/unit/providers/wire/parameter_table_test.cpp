// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/parameter_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "abstractllm/error.h"
#include "providers/wire/anthropic_messages.h"
#include "providers/wire/feature_table.h"
#include "providers/wire/ollama_chat.h"
#include "providers/wire/openai_chat.h"
#include "providers/wire/openai_responses.h"
#include "support/source_folder.h"
#include "types/parameter_fields.h"
#include "wire_testing.h"

namespace abstractllm::providers {
namespace {

using ::testing::HasSubstr;

std::vector<ParameterColumn> remote_columns() {
  std::vector<ParameterColumn> columns;
  for (std::size_t i = 1; i < kParameterColumns; ++i) {
    columns.push_back(static_cast<ParameterColumn>(i));
  }
  return columns;
}

std::unique_ptr<Dialect> dialect_of(ParameterColumn column) {
  switch (column) {
    case ParameterColumn::kAnthropic:
      return anthropic_dialect();
    case ParameterColumn::kOllama:
      return ollama_dialect();
    case ParameterColumn::kOpenAIResponses:
      return openai_responses_dialect();
    default:
      return openai_chat_dialect({.column = column});
  }
}

// A value of each field that no default has, as the user writes it and as the
// wire has it.
struct Sample {
  const char* field;
  const char* text;
  const char* wire;
};
constexpr Sample kSamples[] = {
    {"temperature", "0.25", "0.25"},
    {"top_k", "7", "7"},
    {"top_p", "0.5", "0.5"},
    {"min_p", "0.125", "0.125"},
    {"typical_p", "0.75", "0.75"},
    {"repetition_penalty", "1.5", "1.5"},
    {"presence_penalty", "0.5", "0.5"},
    {"frequency_penalty", "-0.5", "-0.5"},
    {"repetition_window", "32", "32"},
    {"logit_bias", R"({"5": 2})", R"({"5":2.0})"},
    {"seed", "11", "11"},
    {"stop", "##", R"(["##"])"},
    {"stop_token_ids", "[3]", "[3]"},
    {"max_tokens", "99", "99"},
    {"min_tokens", "4", "4"},
    {"ignore_eos", "true", "true"},
    {"logprobs", "true", "true"},
    {"top_logprobs", "2", "2"},
    {"clamp_parameters", "true", ""},
};

const Sample& sample_of(std::string_view field) {
  for (const Sample& sample : kSamples) {
    if (sample.field == field) return sample;
  }
  throw std::out_of_range(std::string(field));
}

Request request_with(const Sample& sample) {
  Request request;
  request.messages = {Message::user("a")};
  std::string json = "{\"" + std::string(sample.field) + "\": ";
  const std::string text = sample.text;
  json += text == "##" ? "[\"##\"]" : text;
  request.parameters = parse_generation_parameters(json + "}");
  return request;
}

const TestJson* at_path(const TestJson& body, std::string_view path) {
  const TestJson* place = &body;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string name(path.substr(0, dot));
    if (!place->is_object() || !place->contains(name)) return nullptr;
    place = &(*place)[name];
    path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
  }
  return place;
}

TEST(ParameterTable, HasOneRowForEveryFieldInOrder) {
  std::vector<std::string_view> fields;
  for (const ParameterRow& row : parameter_table()) {
    fields.push_back(row.field);
  }
  EXPECT_EQ(fields, parameter_names());
}

TEST(ParameterTable, EveryParameterOfEveryProviderIsSentOrRefused) {
  for (const ParameterColumn column : remote_columns()) {
    const auto dialect = dialect_of(column);
    for (const ParameterRow& row : parameter_table()) {
      SCOPED_TRACE(std::string(provider_of(column)) + ' ' +
                   std::string(row.field));
      const Sample& sample = sample_of(row.field);
      const Request request = request_with(sample);
      const std::string_view path = row.cell(column);
      if (path.empty()) {
        try {
          body_of(*dialect, request);
          ADD_FAILURE() << "was not refused";
        } catch (const UnsupportedFeatureError& error) {
          EXPECT_THAT(error.message(), HasSubstr(std::string(row.field)));
          EXPECT_THAT(error.message(),
                      HasSubstr(std::string(provider_of(column))));
          EXPECT_THAT(error.hint(), HasSubstr("mlx"));
        }
        continue;
      }
      const TestJson body = body_of(*dialect, request);
      if (path == kByLibrary) {
        EXPECT_FALSE(body.contains(std::string(row.field)));
        continue;
      }
      const TestJson* value = at_path(body, path);
      ASSERT_NE(value, nullptr) << body.dump();
      if (path == "include") {
        EXPECT_THAT(value->dump(), HasSubstr("logprobs"));
      } else {
        EXPECT_EQ(value->dump(), sample.wire);
      }
    }
  }
}

TEST(ParameterTable, WhatIsAbsentIsNotSent) {
  Request request;
  request.messages = {Message::user("a")};
  for (const ParameterColumn column : remote_columns()) {
    const TestJson body = body_of(*dialect_of(column), request);
    for (const ParameterRow& row : parameter_table()) {
      const std::string_view path = row.cell(column);
      if (path.empty() || path == kByLibrary || path == "include") continue;
      if (column == ParameterColumn::kAnthropic && path == "max_tokens") {
        continue;  // the service demands it
      }
      EXPECT_EQ(at_path(body, path), nullptr) << path;
    }
  }
}

TEST(ParameterTable, AValueOutOfRangeIsRefusedBeforeItIsSent) {
  Request request;
  request.messages = {Message::user("a")};
  request.parameters.temperature = 2.5;
  for (const ParameterColumn column : remote_columns()) {
    EXPECT_THROW(body_of(*dialect_of(column), request), InvalidParameterError);
  }
  request.parameters.clamp_parameters = true;
  EXPECT_EQ(
      body_of(*dialect_of(ParameterColumn::kOpenAI), request)["temperature"],
      2.0);
}

TEST(ParameterTable, OllamasWholeWindowIsMinusOne) {
  Request request;
  request.messages = {Message::user("a")};
  request.parameters.repetition_window = 0;
  EXPECT_EQ(body_of(*ollama_dialect(), request)["options"]["repeat_last_n"],
            -1);
}

TEST(ParameterTable, IsTheOneInTheDocumentation) {
  std::ifstream file(abstractllm::test::source_folder() / "docs/providers.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const std::string& table :
       {parameter_table_markdown(), feature_table_markdown()}) {
    EXPECT_THAT(text.str(), HasSubstr(table))
        << "docs/providers.md must have this table:\n"
        << table;
  }
}

}  // namespace
}  // namespace abstractllm::providers

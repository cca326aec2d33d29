// SPDX-License-Identifier: Apache-2.0
#include "contract/wire_script.h"

namespace abstractllm::test {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string data(const std::string& json) { return "data: " + json + "\n\n"; }

std::string named(const std::string& type, const std::string& rest) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + rest +
         "}\n\n";
}

// ------------------------------------------------------- chat completions

const std::string kChatUsage =
    R"({"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":4}}})";

std::string chat_end(const std::string& reason) {
  return data(R"({"choices":[{"index":0,"delta":{},"finish_reason":")" +
              reason + "\"}]}") +
         data(kChatUsage) + data("[DONE]");
}

std::string chat_piece(const std::string& text) {
  return data(R"({"choices":[{"index":0,"delta":{"content":)" + quoted(text) +
              "}}]}");
}

std::string chat_text(const std::vector<std::string>& pieces) {
  std::string stream;
  for (const std::string& piece : pieces) stream += chat_piece(piece);
  return stream + chat_end("stop");
}

std::string chat_calls() {
  return data(
             R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"add","arguments":"{\"x\""}}]}}]})") +
         data(
             R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]})") +
         data(
             R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c2","function":{"name":"now","arguments":"{}"}}]}}]})") +
         chat_end("tool_calls");
}

std::string chat_error() {
  return chat_piece("half") +
         data(R"({"error":{"message":"is overloaded","type":"overloaded"}})");
}

std::string chat_fault(const std::string& type, const std::string& message) {
  return R"({"error":{"type":)" + quoted(type) + R"(,"code":)" + quoted(type) +
         R"(,"message":)" + quoted(message) + "}}";
}

std::string chat_models() {
  return R"({"object":"list","data":[{"id":"beta","owned_by":"me"},{"id":"alpha"}]})";
}

// --------------------------------------------------------------- responses

std::string responses_end() {
  return named(
      "response.completed",
      R"(,"response":{"status":"completed","usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":4},"output_tokens":7}})");
}

std::string responses_text(const std::vector<std::string>& pieces) {
  std::string stream = named("response.created", R"(,"response":{})");
  for (const std::string& piece : pieces) {
    stream +=
        named("response.output_text.delta", R"(,"delta":)" + quoted(piece));
  }
  return stream + responses_end();
}

std::string responses_calls() {
  return named(
             "response.output_item.done",
             R"(,"item":{"type":"function_call","call_id":"c1","name":"add","arguments":"{\"x\":1}"})") +
         named(
             "response.output_item.done",
             R"(,"item":{"type":"function_call","call_id":"c2","name":"now","arguments":"{}"})") +
         responses_end();
}

std::string responses_error() {
  return named("response.output_text.delta", R"(,"delta":"half")") +
         named("error", R"(,"code":"overloaded","message":"is overloaded")");
}

// ---------------------------------------------------------------- messages

const std::string kMessageStart = named(
    "message_start",
    R"(,"message":{"usage":{"input_tokens":8,"cache_read_input_tokens":4,"output_tokens":1}})");

std::string message_end(const std::string& reason) {
  return named("message_delta", R"(,"delta":{"stop_reason":")" + reason +
                                    R"("},"usage":{"output_tokens":7})") +
         named("message_stop", "");
}

std::string message_block(int index, const std::string& block,
                          const std::vector<std::string>& deltas) {
  const std::string at = R"(,"index":)" + std::to_string(index);
  std::string stream =
      named("content_block_start", at + R"(,"content_block":)" + block);
  for (const std::string& each : deltas) {
    stream += named("content_block_delta", at + R"(,"delta":)" + each);
  }
  return stream + named("content_block_stop", at);
}

std::string message_text(const std::vector<std::string>& pieces) {
  std::vector<std::string> deltas;
  for (const std::string& piece : pieces) {
    deltas.push_back(R"({"type":"text_delta","text":)" + quoted(piece) + "}");
  }
  return kMessageStart +
         message_block(0, R"({"type":"text","text":""})", deltas) +
         message_end("end_turn");
}

std::string message_calls() {
  return kMessageStart +
         message_block(
             0, R"({"type":"tool_use","id":"c1","name":"add","input":{}})",
             {R"({"type":"input_json_delta","partial_json":"{\"x\""})",
              R"({"type":"input_json_delta","partial_json":":1}"})"}) +
         message_block(
             1, R"({"type":"tool_use","id":"c2","name":"now","input":{}})",
             {}) +
         message_end("tool_use");
}

std::string message_error() {
  return kMessageStart +
         message_block(0, R"({"type":"text","text":"half"})", {}) +
         named(
             "error",
             R"(,"error":{"type":"overloaded_error","message":"is overloaded"})");
}

std::string message_fault(const std::string& type, const std::string& message) {
  return R"({"type":"error","error":{"type":)" + quoted(type) +
         R"(,"message":)" + quoted(message) + R"(},"request_id":"req_7"})";
}

std::string message_models() {
  return R"({"data":[{"type":"model","id":"beta"},{"type":"model","id":"alpha"}],"has_more":false})";
}

// ------------------------------------------------------------------ ollama

const std::string kOllamaEnd =
    R"({"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":12,"eval_count":7})"
    "\n";

std::string ollama_text(const std::vector<std::string>& pieces) {
  std::string stream;
  for (const std::string& piece : pieces) {
    stream += R"({"message":{"role":"assistant","content":)" + quoted(piece) +
              R"(},"done":false})" + "\n";
  }
  return stream + kOllamaEnd;
}

std::string ollama_calls() {
  return R"({"message":{"content":"","tool_calls":[{"id":"c1","function":{"name":"add","arguments":{"x":1}}},{"id":"c2","function":{"name":"now","arguments":{}}}]},"done":false})"
         "\n" +
         kOllamaEnd;
}

std::string ollama_error() {
  return R"({"message":{"content":"half"},"done":false})"
         "\n"
         R"({"error":"is overloaded"})"
         "\n";
}

std::string ollama_fault(const std::string&, const std::string& message) {
  return R"({"error":)" + quoted(message) + "}";
}

std::string ollama_models() {
  return R"({"models":[{"name":"beta","model":"beta","size":5},{"name":"alpha","model":"alpha","size":7}]})";
}

// ------------------------------------------------------------- embeddings

// (1, 0), (1, 1) ..., each between `begin` and `end`.
std::string vector_list(int count, const std::string& begin,
                        const std::string& end) {
  std::string list;
  for (int i = 0; i < count; ++i) {
    std::string head = begin;
    if (const auto at = head.find('@'); at != std::string::npos) {
      head.replace(at, 1, std::to_string(i));
    }
    list += (i == 0 ? "" : ",") + head + "[1," + std::to_string(i) + "]" + end;
  }
  return "[" + list + "]";
}

std::string chat_vectors(int count) {
  return R"({"object":"list","data":)" +
         vector_list(count, R"({"index":@,"embedding":)", "}") +
         R"(,"usage":{"prompt_tokens":5,"total_tokens":5}})";
}

std::string ollama_vectors(int count) {
  return R"({"embeddings":)" + vector_list(count, "", "") +
         R"(,"prompt_eval_count":5})";
}

std::string bare_vectors(int count) { return vector_list(count, "", ""); }

WireScript chat(std::string provider,
                std::string (*vectors)(int) = &chat_vectors) {
  return {.provider = std::move(provider),
          .base_path = "/v1",
          .text = &chat_text,
          .calls = &chat_calls,
          .mid_stream_error = &chat_error,
          .fault = &chat_fault,
          .models = &chat_models,
          .vectors = vectors};
}

}  // namespace

const std::vector<WireScript>& wire_scripts() {
  static const std::vector<WireScript> scripts{
      chat("openai"),
      chat("lmstudio"),
      chat("huggingface", &bare_vectors),
      chat("openai-compatible"),
      {.provider = "openai-responses",
       .base_path = "/v1",
       .text = &responses_text,
       .calls = &responses_calls,
       .mid_stream_error = &responses_error,
       .fault = &chat_fault,
       .models = &chat_models,
       .vectors = &chat_vectors},
      {.provider = "anthropic",
       .base_path = "",
       .text = &message_text,
       .calls = &message_calls,
       .mid_stream_error = &message_error,
       .fault = &message_fault,
       .models = &message_models},
      {.provider = "ollama",
       .base_path = "",
       .text = &ollama_text,
       .calls = &ollama_calls,
       .mid_stream_error = &ollama_error,
       .fault = &ollama_fault,
       .models = &ollama_models,
       .vectors = &ollama_vectors,
       .is_lines = true,
       .cached_tokens = 0}};
  return scripts;
}

ConnectionOptions connection_to(const WireScript& script,
                                const HttpServer& server,
                                ConnectionOptions options) {
  options.base_url = server.url() + script.base_path;
  options.api_key = kTestKey;
  return options;
}

std::unique_ptr<AbstractLLMInterface> provider_at(const WireScript& script,
                                                  const HttpServer& server,
                                                  ConnectionOptions options) {
  ProviderConfig config;
  config.model = "alpha";
  config.connection = connection_to(script, server, std::move(options));
  return create_llm(script.provider, std::move(config));
}

Reply stream_reply(const WireScript& script, const std::string& stream) {
  Reply reply = script.is_lines ? Reply().ndjson() : Reply().sse();
  return reply.header("X-Request-Id", "req_7").chunk(stream);
}

}  // namespace abstractllm::test

// SPDX-License-Identifier: Apache-2.0
#include "contract/subject.h"

#include "contract/wire_script.h"

namespace abstractllm::test {
namespace {

class RemoteSubject : public Subject {
 public:
  explicit RemoteSubject(const WireScript& script)
      : script_(script), llm_(provider_at(script, server_)) {}

  AbstractLLMInterface& llm() override { return *llm_; }
  void say(const std::vector<std::string>& pieces) override {
    server_.enqueue(stream_reply(script_, script_.text(pieces)));
  }
  void say_and_wait(const std::string& piece, Gate gate) override {
    // The whole of the first piece, up to where the second would begin.
    const std::string stream = script_.text({piece, "@"});
    const std::size_t end = stream.rfind('\n', stream.find('@'));
    const std::size_t cut =
        script_.is_lines ? end + 1 : stream.rfind("\n\n", stream.find('@')) + 2;
    server_.enqueue(stream_reply(script_, stream.substr(0, cut))
                        .wait(gate)
                        .chunk(stream.substr(cut)));
  }
  void call() override {
    server_.enqueue(stream_reply(script_, script_.calls()));
  }
  void give_vectors(int count) override {
    if (script_.vectors == nullptr) return;
    server_.enqueue(Reply().json(script_.vectors(count)));
  }
  void fail() override {
    server_.enqueue(stream_reply(script_, script_.mid_stream_error()));
  }

 private:
  const WireScript& script_;
  HttpServer server_;
  std::unique_ptr<AbstractLLMInterface> llm_;
};

class InMemorySubject : public Subject {
 public:
  AbstractLLMInterface& llm() override { return llm_; }
  void say(const std::vector<std::string>& pieces) override {
    Script script;
    for (const std::string& piece : pieces) script.text(piece);
    llm_.enqueue(script);
  }
  void say_and_wait(const std::string& piece, Gate gate) override {
    llm_.enqueue(Script().text(piece).wait(gate).text("@"));
  }
  void call() override {
    llm_.enqueue(Script()
                     .event(ToolCall{"c1", "add", "{\"x\":1}"})
                     .event(ToolCall{"c2", "now", "{}"}));
  }
  void fail() override {
    Error error(ErrorCode::kProviderApi, "[scripted] is overloaded", "later",
                "scripted");
    error.set_service({.transient = true});
    llm_.enqueue(Script().text("half").fail(error));
  }

 private:
  ScriptedProvider llm_;
};

}  // namespace

Request Subject::request() const {
  Request request;
  request.messages = {Message::user("Hi")};
  return request;
}

std::vector<SubjectKind> scripted_subjects() {
  std::vector<SubjectKind> kinds{
      {"scripted", [] { return std::make_unique<InMemorySubject>(); }}};
  for (const WireScript& script : wire_scripts()) {
    std::string name = script.provider;
    std::erase_if(name, [](char c) { return c == '-'; });
    kinds.push_back(
        {name, [&script] { return std::make_unique<RemoteSubject>(script); }});
  }
  return kinds;
}

}  // namespace abstractllm::test

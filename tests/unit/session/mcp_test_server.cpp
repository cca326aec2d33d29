// An MCP server over standard streams, with one fault for each argument that
// it knows. Written against the protocol, not against our client.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using Json = nlohmann::json;

std::string fault;
bool added = false;

void send(const Json& message) { std::cout << message.dump() << std::endl; }

Json tool(const char* name, Json properties) {
  return {{"name", name},
          {"description", std::string("The tool ") + name},
          {"inputSchema",
           {{"type", "object"}, {"properties", std::move(properties)}}}};
}

Json tools(const Json& parameters) {
  if (!parameters.contains("cursor")) {
    return {{"tools",
             {tool("math.add", {{"a", {{"type", "integer"}}},
                                {"b", {{"type", "integer"}}}})}},
            {"nextCursor", "2"}};
  }
  Json list = {tool("fail", Json::object()), tool("picture", Json::object()),
               tool("slow", Json::object()), tool("secret", Json::object()),
               tool("grow", Json::object()), tool("die", Json::object())};
  if (added) list.push_back(tool("grown", Json::object()));
  return {{"tools", list}};
}

Json text(const std::string& value) {
  return {{"content", {{{"type", "text"}, {"text", value}}}}};
}

Json call(const Json& parameters) {
  const std::string name = parameters["name"];
  const Json& arguments = parameters["arguments"];
  if (name == "math.add") {
    return text(
        std::to_string(arguments["a"].get<int>() + arguments["b"].get<int>()));
  }
  if (name == "picture") {
    return {{"content",
             {{{"type", "text"}, {"text", "Here:"}},
              {{"type", "image"}, {"data", "AA=="}, {"mimeType", "image/png"}},
              {{"type", "resource_link"}, {"uri", "file:///x"}}}}};
  }
  if (name == "secret") {
    const char* value = std::getenv("SECRET_API_KEY");
    const char* given = std::getenv("GIVEN");
    return text(std::string(value ? value : "none") + "," +
                (given ? given : "none"));
  }
  if (name == "grow") {
    added = true;
    send({{"jsonrpc", "2.0"}, {"method", "notifications/tools/list_changed"}});
    return text("grown");
  }
  if (name == "die") {
    std::cerr << "first\nout of tea" << std::endl;
    std::_Exit(3);
  }
  Json failed = text("it broke");
  failed["isError"] = true;
  return failed;
}

void answer(const Json& request) {
  const std::string method = request.value("method", "");
  const Json parameters = request.value("params", Json::object());
  if (method == "notifications/cancelled") {
    std::cerr << "cancelled " << parameters["requestId"] << std::endl;
    return;
  }
  if (!request.contains("id") || method.empty()) return;
  if (method == "tools/call" && parameters["name"] == "slow") return;
  Json result;
  if (method == "initialize") {
    if (fault == "silent") return;
    result = {{"protocolVersion", fault == "old" ? "1999-01-01" : "2025-03-26"},
              {"capabilities", {{"tools", {{"listChanged", true}}}}},
              {"serverInfo", {{"name", "test"}, {"version", "1"}}}};
    send({{"jsonrpc", "2.0"}, {"id", "s1"}, {"method", "ping"}});
  } else if (method == "tools/list") {
    if (fault == "refuse") {
      send({{"jsonrpc", "2.0"},
            {"id", request["id"]},
            {"error", {{"code", -32000}, {"message", "not today"}}}});
      return;
    }
    result = tools(parameters);
  } else if (method == "tools/call") {
    result = call(parameters);
  }
  send({{"jsonrpc", "2.0"}, {"id", request["id"]}, {"result", result}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) fault = argv[1];
  if (fault == "exit") {
    std::cerr << "no configuration" << std::endl;
    return 7;
  }
  if (fault == "noise") std::cout << "Welcome!" << std::endl;
  if (fault == "stubborn") std::signal(SIGTERM, SIG_IGN);
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = Json::parse(line, nullptr, false);
    if (request.is_object()) answer(request);
  }
  while (fault == "stubborn") ::pause();
  return 0;
}

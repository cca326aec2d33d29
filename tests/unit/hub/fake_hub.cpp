// SPDX-License-Identifier: Apache-2.0
#include "unit/hub/fake_hub.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "hub/digest.h"

namespace abstractllm::hub {

using nlohmann::json;
using test::Reply;
using test::SeenRequest;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string sha256_of(const std::string& content) {
  Digest digest(Digest::Kind::kSha256);
  digest.update(content);
  return digest.finish();
}

std::string git_id_of(const std::string& content) {
  Digest digest(Digest::Kind::kSha1);
  digest.update("blob " + std::to_string(content.size()) + std::string(1, 0));
  digest.update(content);
  return digest.finish();
}

std::string noise(std::size_t size, unsigned seed) {
  std::string bytes(size, 0);
  for (char& byte : bytes) {
    seed = seed * 1664525U + 1013904223U;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

FakeHub::FakeHub() {
  files["config.json"] = {"{\"model_type\": \"llama\"}"};
  files["tokenizer.json"] = {"{}"};
  files["README.md"] = {"# name"};
  files["model.safetensors"] = {noise(100'000), true};
  hub_.set_handler([this](const auto& request) { return answer_hub(request); });
  storage_.set_handler(
      [this](const auto& request) { return answer_storage(request); });
}

PullOptions FakeHub::options() {
  return {.settings = {.endpoint = hub_.url(), .cache = cache()},
          .client = {.endpoint = {},
                     .http = {.timeouts = {.idle = std::chrono::seconds(20)}},
                     .pause = [](int) { return std::chrono::milliseconds(0); }},
          .download = {.connections = 4, .range_bytes = 10'000},
          .free_bytes = {}};
}

std::filesystem::path FakeHub::pull(const std::string& address) {
  return hub::pull(parse_address(address), options(), {});
}

std::string FakeHub::etag(const std::string& path) const {
  const FakeFile& file = files.at(path);
  return file.is_large ? sha256_of(file.content) : git_id_of(file.content);
}

std::filesystem::path FakeHub::blob(const std::string& path) const {
  return repository() / "blobs" / etag(path);
}

std::filesystem::path FakeHub::incomplete(const std::string& path) const {
  return repository() / "blobs" / (etag(path) + ".incomplete");
}

std::string FakeHub::repository_json() const {
  json siblings = json::array();
  for (const auto& [path, file] : files) {
    json entry{{"rfilename", path}};
    if (has_blobs) {
      entry["size"] = file.content.size();
      entry["blobId"] = git_id_of(file.content);
      if (file.is_large) {
        entry["lfs"] = {{"sha256", sha256_of(file.content)},
                        {"size", file.content.size()}};
      }
    }
    siblings.push_back(entry);
  }
  return json{{"id", kId}, {"sha", kCommit}, {"siblings", siblings}}.dump();
}

std::string FakeHub::tree_json() const {
  json tree = json::array();
  tree.push_back({{"type", "directory"}, {"path", "sub"}, {"size", 0}});
  for (const auto& [path, file] : files) {
    json entry{{"type", "file"},
               {"path", path},
               {"size", file.content.size()},
               {"oid", git_id_of(file.content)}};
    if (file.is_large) {
      entry["lfs"] = {{"oid", sha256_of(file.content)},
                      {"size", file.content.size()}};
    }
    tree.push_back(entry);
  }
  return tree.dump();
}

Reply FakeHub::bytes_of(const SeenRequest& request,
                        const std::string& content) const {
  unsigned long begin = 0;
  unsigned long end = 0;
  const std::string range = request.header("Range");
  if (!gives_ranges ||
      std::sscanf(range.c_str(), "bytes=%lu-%lu", &begin, &end) != 2) {
    return Reply().body(content, "application/octet-stream");
  }
  if (begin >= content.size()) {
    return Reply(416).body("", "text/plain");
  }
  const std::string part = content.substr(begin, end - begin + 1);
  return Reply(206)
      .header("Content-Range",
              fmt::format("bytes {}-{}/{}", begin, begin + part.size() - 1,
                          content.size()))
      .body(part, "application/octet-stream");
}

Reply FakeHub::answer_file(const SeenRequest& request,
                           const std::string& path) {
  const auto found = files.find(path);
  if (found == files.end()) {
    return Reply(404).header("X-Error-Code", "EntryNotFound").json("{}");
  }
  const FakeFile& file = found->second;
  if (!file.is_large) {
    return bytes_of(request, file.content)
        .header("X-Repo-Commit", kCommit)
        .header("ETag", '"' + etag(path) + '"');
  }
  return Reply(302)
      .header("X-Repo-Commit", kCommit)
      .header("X-Linked-Etag", '"' + etag(path) + '"')
      .header("X-Linked-Size", std::to_string(file.content.size()))
      .header("Location", storage_.url() + "/" + etag(path) + "?signed=1")
      .body("", "text/plain");
}

Reply FakeHub::answer_hub(const SeenRequest& request) {
  if (auto reply = meddle_hub(request)) return *reply;
  if (!token.empty() && request.header("Authorization") != "Bearer " + token) {
    return Reply(401).json("{\"error\": \"Unauthorized\"}");
  }
  const std::string api = std::string("/api/models/") + kId;
  const std::string target = request.target.substr(0, request.target.find('?'));
  if (target == api) return Reply().json(repository_json());
  if (target == api + "/revision/main" || target == api + "/revision/v1" ||
      target == api + "/revision/" + kCommit) {
    return Reply().json(repository_json());
  }
  if (target == api + "/tree/" + kCommit && has_tree) {
    return Reply().json(tree_json());
  }
  const std::string file = std::string("/") + kId + "/resolve/" + kCommit + "/";
  if (target.starts_with(file)) {
    return answer_file(request, target.substr(file.size()));
  }
  return Reply(404).json("{\"error\": \"not found\"}");
}

Reply FakeHub::answer_storage(const SeenRequest& request) {
  if (auto reply = meddle_storage(request)) return *reply;
  for (const auto& [path, file] : files) {
    if (request.target == "/" + etag(path) + "?signed=1") {
      return bytes_of(request, file.content);
    }
  }
  return Reply(404).body("no such object", "text/plain");
}

namespace {

std::vector<std::string> lines_of(const test::HttpServer& server) {
  std::vector<std::string> lines;
  for (const SeenRequest& request : server.requests()) {
    std::string line = request.method + " " + request.target;
    const std::string range = request.header("Range");
    if (!range.empty()) line += " " + range;
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

std::vector<std::string> FakeHub::hub_requests() const {
  return lines_of(hub_);
}

std::vector<std::string> FakeHub::storage_requests() const {
  return lines_of(storage_);
}

}  // namespace abstractllm::hub

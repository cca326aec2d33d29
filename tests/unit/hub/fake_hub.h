// A hub that speaks Hugging Face's protocol, with a storage on another host.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "hub/pull.h"
#include "support/http_server.h"
#include "support/temporary_folder.h"

namespace abstractllm::hub {

struct FakeFile {
  std::string content;
  bool is_large = false;  ///< kept in the storage, named by its SHA-256
};

/// What a test changes in an answer: nothing for the answer as it should be.
/// It may be set while the server still answers a client that has left.
class Meddle {
 public:
  using Function =
      std::function<std::optional<test::Reply>(const test::SeenRequest&)>;

  Meddle& operator=(Function function) {
    const std::lock_guard lock(mutex_);
    function_ = std::move(function);
    return *this;
  }
  std::optional<test::Reply> operator()(
      const test::SeenRequest& request) const {
    Function function;
    {
      const std::lock_guard lock(mutex_);
      function = function_;
    }
    return function ? function(request) : std::nullopt;
  }

 private:
  mutable std::mutex mutex_;
  Function function_;  // mutex_
};

class FakeHub {
 public:
  FakeHub();

  static constexpr const char* kId = "org/name";
  static constexpr const char* kCommit =
      "0123456789abcdef0123456789abcdef01234567";

  std::map<std::string, FakeFile> files;
  /// Whether the repository's answer has sizes and etags, and whether there is
  /// a tree that has them.
  bool has_blobs = true;
  bool has_tree = true;
  bool gives_ranges = true;
  std::string token;  ///< that requests must have; empty: none
  Meddle meddle_hub;
  Meddle meddle_storage;

  PullOptions options();
  std::filesystem::path pull(const std::string& address = kId);
  std::filesystem::path cache() const { return folder_.path() / "hub"; }
  std::filesystem::path repository() const {
    return cache() / "models--org--name";
  }
  std::filesystem::path blob(const std::string& path) const;
  std::filesystem::path incomplete(const std::string& path) const;
  std::string etag(const std::string& path) const;

  /// Targets of the requests that reached the two, "METHOD target [range]".
  std::vector<std::string> hub_requests() const;
  std::vector<std::string> storage_requests() const;
  const test::HttpServer& hub() const { return hub_; }
  const test::HttpServer& storage() const { return storage_; }

 private:
  test::Reply answer_hub(const test::SeenRequest& request);
  test::Reply answer_storage(const test::SeenRequest& request);
  test::Reply answer_file(const test::SeenRequest& request,
                          const std::string& path);
  test::Reply bytes_of(const test::SeenRequest& request,
                       const std::string& content) const;
  std::string repository_json() const;
  std::string tree_json() const;

  test::TemporaryFolder folder_;
  test::HttpServer storage_;
  test::HttpServer hub_;  // its answers name the storage, which outlives it
};

std::string read_file(const std::filesystem::path& path);

/// SHA-256, or git's object id.
std::string sha256_of(const std::string& content);
std::string git_id_of(const std::string& content);

/// `size` bytes, different at every place.
std::string noise(std::size_t size, unsigned seed = 1);

}  // namespace abstractllm::hub

// From an address to a snapshot.
// SPDX-License-Identifier: Apache-2.0
#include "hub/pull.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <system_error>

#include "abstractllm/error.h"
#include "hub/cache_layout.h"
#include "hub/file_selection.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;

// Left free, for what other programs write meanwhile.
constexpr std::uint64_t kReserve = std::uint64_t{64} << 20;
constexpr std::chrono::milliseconds kReportEvery{100};

[[noreturn]] void fail(const std::string& what, const fs::path& path,
                       const std::error_code& error) {
  throw FileProcessingError(fmt::format("[hub] cannot {} {}: {}", what,
                                        path.string(), error.message()));
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("make the folder", folder, error);
}

std::uint64_t size_on_disk(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

std::string gigabytes(std::uint64_t bytes) {
  return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9);
}

// A name beside `path` that nobody else has, neither another process nor
// another thread: what is written there is renamed, so that nobody sees a half.
fs::path beside(const fs::path& path) {
  static std::atomic<unsigned> count = 0;
  return path.parent_path() / fmt::format(".{}.{}-{}.new",
                                          path.filename().string(), ::getpid(),
                                          ++count);
}

void write_text(const fs::path& path, const std::string& text) {
  make_folder(path.parent_path());
  const fs::path fresh = beside(path);
  std::ofstream stream(fresh, std::ios::binary);
  stream << text;
  stream.close();
  std::error_code error;
  if (!stream) {
    fail("write", path, std::make_error_code(std::errc::io_error));
  }
  fs::rename(fresh, path, error);
  if (error) fail("rename", fresh, error);
}

// A link, or where the file system has none a second name of the blob.
void link_file(const CachedRepository& cached, const std::string& commit,
               const RemoteFile& file) {
  const fs::path link = cached.snapshot(commit) / file.path;
  const fs::path target = CachedRepository::link_target(file.path, file.etag);
  make_folder(link.parent_path());
  std::error_code error;
  if (fs::read_symlink(link, error) == target && !error) return;
  const fs::path fresh = beside(link);
  fs::remove(fresh, error);
  fs::create_symlink(target, fresh, error);
  if (error) fs::create_hard_link(cached.blob(file.etag), fresh, error);
  if (error) fail("link", link, error);
  fs::rename(fresh, link, error);
  if (error) fail("rename", fresh, error);
}

// One pull from its beginning to its end.
class Pull {
 public:
  Pull(const RepositoryAddress& address, const PullOptions& options,
       const std::function<bool(const PullProgress&)>& report)
      : address_(address),
        options_(options),
        report_(report),
        client_(client_options(options)),
        cached_(options.settings.cache, address.id) {}

  fs::path run() {
    look_up([this] { read_facts(); });
    fetch_missing();
    for (const RemoteFile& file : files_) link_file(cached_, commit_, file);
    if (address_.revision != commit_) {
      write_text(cached_.ref(address_.revision), commit_);
    }
    const fs::path snapshot = cached_.snapshot(commit_);
    tell({.status = "complete",
          .total = total_,
          .completed = total_,
          .path = snapshot.string()});
    return snapshot;
  }

 private:
  static HubClientOptions client_options(const PullOptions& options) {
    HubClientOptions client = options.client;
    client.endpoint = options.settings.endpoint;
    client.token = options.settings.token;
    client.http.provider = "hub";
    return client;
  }

  void tell(PullProgress progress) const {
    if (!report_ || report_(progress)) return;
    throw CancelledError("[hub] the download of " + address_.id + " was left",
                         "Pulling it again goes on with it.", "hub");
  }

  // Waits for `work` on another thread, so that the caller can leave it.
  void look_up(const std::function<void()>& work) {
    std::future<void> done = std::async(std::launch::async, work);
    try {
      do {
        tell({.status = "looking up " + address_.id});
      } while (done.wait_for(kReportEvery) != std::future_status::ready);
    } catch (...) {
      cancel_.cancel();
      done.wait();
      throw;
    }
    done.get();
  }

  void read_facts() {
    RemoteRepository repository = client_.repository(address_, cancel_);
    if (repository.lacks_facts()) {
      client_.add_tree(address_.id, repository, cancel_);
    }
    commit_ = repository.commit;
    files_ = select_files(address_.id, repository.files, address_.files);
    for (RemoteFile& file : files_) {
      if (file.size && !file.etag.empty()) continue;
      client_.add_facts(address_.id, commit_, file, cancel_);
      if (!file.etag.empty()) continue;
      throw ProviderAPIError(
          fmt::format("[hub] {} does not say what {} is called in its cache "
                      "(no ETag)",
                      options_.settings.endpoint, file.path),
          "Does HF_ENDPOINT name a hub that speaks Hugging Face's protocol?",
          "hub");
    }
  }

  bool is_there(const RemoteFile& file) const {
    std::error_code error;
    const auto size = fs::file_size(cached_.blob(file.etag), error);
    return !error && size == file.size.value_or(size);
  }

  void fetch_missing() {
    std::vector<DownloadFile> missing;
    std::uint64_t there = 0;
    std::uint64_t needed = 0;
    for (const RemoteFile& file : files_) {
      total_ += file.size.value_or(0);
      if (is_there(file)) {
        there += file.size.value_or(0);
        continue;
      }
      const std::uint64_t begun = size_on_disk(cached_.incomplete(file.etag));
      const std::uint64_t size = file.size.value_or(0);
      needed += size > begun ? size - begun : 0;
      missing.push_back(
          {.expected = ExpectedFile{file.path, file.size, file.etag},
           .url = client_.file_url(address_.id, commit_, file.path),
           .request = client_.request_of(address_.id, commit_, file.path),
           .incomplete = cached_.incomplete(file.etag),
           .complete = cached_.blob(file.etag),
           .lock = cached_.lock(file.etag)});
    }
    if (missing.empty()) return;
    make_folder(cached_.folder() / "blobs");
    require_room(needed);
    Downloads(client_, without_repeats(std::move(missing)), options_.download)
        .run([&](std::uint64_t bytes, const std::string& file) {
          return !report_ ||
                 report_({.status = "fetching",
                          .total = total_,
                          .completed = std::min(there + bytes, total_),
                          .file = file});
        });
  }

  // Files of the same content have one blob, which is fetched once.
  static std::vector<DownloadFile> without_repeats(
      std::vector<DownloadFile> files) {
    std::vector<DownloadFile> once;
    for (DownloadFile& file : files) {
      const bool is_new = std::none_of(once.begin(), once.end(),
                                       [&](const DownloadFile& other) {
                                         return other.complete == file.complete;
                                       });
      if (is_new) once.push_back(std::move(file));
    }
    return once;
  }

  void require_room(std::uint64_t needed) const {
    const fs::path& cache = options_.settings.cache;
    std::uint64_t room = 0;
    if (options_.free_bytes) {
      room = options_.free_bytes(cache);
    } else {
      std::error_code error;
      const fs::space_info space = fs::space(cache, error);
      if (error) return;
      room = space.available;
    }
    if (needed == 0 || (room > kReserve && needed <= room - kReserve)) return;
    throw ResourceExceededError(
        fmt::format("[hub] {} needs {} more, and {} has {} left", address_.id,
                    gigabytes(needed), cache.string(), gigabytes(room)),
        "Make room there, or let HF_HOME or HF_HUB_CACHE name a place with "
        "more.");
  }

  const RepositoryAddress& address_;
  const PullOptions& options_;
  const std::function<bool(const PullProgress&)>& report_;
  const HubClient client_;
  const CachedRepository cached_;
  CancelToken cancel_;  // of the requests before the first byte
  std::string commit_;
  std::vector<RemoteFile> files_;
  std::uint64_t total_ = 0;
};

}  // namespace

fs::path pull(const RepositoryAddress& address, const PullOptions& options,
              const std::function<bool(const PullProgress&)>& report) {
  if (options.settings.offline) {
    throw UnsupportedOperationError(
        fmt::format("[hub] {} is not fetched: HF_HUB_OFFLINE is set",
                    address.id),
        "Unset it to pull; models that are there run without a network.",
        "hub");
  }
  if (options.settings.cache.empty()) {
    throw FileProcessingError("[hub] there is no home folder to keep models in",
                              "Let HF_HOME name a folder.");
  }
  try {
    return Pull(address, options, report).run();
  } catch (const ProviderConnectionError& error) {
    // The hint of the connection speaks of other settings than these.
    ProviderConnectionError told(
        error.message(),
        "Check the network, the proxy (https_proxy) and HF_ENDPOINT. What has "
        "arrived is kept.",
        "hub");
    told.set_service(error.service());
    throw told;
  }
}

}  // namespace abstractllm::hub

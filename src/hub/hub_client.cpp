// Hops from the hub to its storage.
// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "net/url.h"

namespace abstractllm::hub {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxRedirects = 5;
constexpr int kMaxPages = 1000;
constexpr std::size_t kMaxJson = std::size_t{64} << 20;
constexpr std::size_t kMaxErrorBody = std::size_t{64} << 10;
constexpr milliseconds kLongestPause{60'000};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 ||
         status == 308;
}

std::string escaped_path(std::string_view path) {
  std::string escaped;
  while (true) {
    const std::size_t slash = path.find('/');
    escaped += net::escape_url(path.substr(0, slash));
    if (slash == path.npos) return escaped;
    escaped += '/';
    path.remove_prefix(slash + 1);
  }
}

std::optional<std::uint64_t> number_of(std::optional<std::string_view> text) {
  std::uint64_t number = 0;
  if (!text || text->empty() ||
      std::from_chars(text->data(), text->data() + text->size(), number).ec !=
          std::errc()) {
    return std::nullopt;
  }
  return number;
}

// The body of a refusal; a broken one is as good as none.
std::string error_body(net::HttpExchange& exchange) {
  try {
    return exchange.read_all(kMaxErrorBody);
  } catch (const CancelledError&) {
    throw;
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

void Retry::after(const Error& error) {
  ++failures_;
  if (!error.service().transient || failures_ >= options_.attempts) {
    throw_error(error);
  }
  milliseconds pause = options_.pause
                           ? options_.pause(failures_)
                           : milliseconds(500) * (1 << std::min(failures_, 6));
  if (error.service().retry_after) {
    pause = std::max(pause, milliseconds(static_cast<std::int64_t>(
                                *error.service().retry_after * 1000)));
  }
  const auto until =
      std::chrono::steady_clock::now() + std::min(pause, kLongestPause);
  while (std::chrono::steady_clock::now() < until && !cancel_.cancelled()) {
    std::this_thread::sleep_for(std::min(pause, milliseconds(20)));
  }
  if (cancel_.cancelled()) {
    throw CancelledError("[hub] the download was left",
                         "Pulling again goes on with it.", "hub");
  }
}

HubClient::HubClient(HubClientOptions options)
    : options_(std::move(options)), http_(options_.http) {}

HubRequest HubClient::request_of(const std::string& id,
                                 const std::string& revision,
                                 const std::string& path) const {
  return {.endpoint = options_.endpoint,
          .id = id,
          .revision = revision,
          .path = path,
          .has_token = !options_.token.empty()};
}

std::string HubClient::file_url(const std::string& id,
                                const std::string& commit,
                                const std::string& path) const {
  return net::join_url(options_.endpoint, escaped_path(id) + "/resolve/" +
                                              net::escape_url(commit) + "/" +
                                              escaped_path(path));
}

HubClient::Answer HubClient::ask(const std::string& method,
                                 const std::string& url,
                                 std::optional<ByteRange> range,
                                 const CancelToken& cancel, bool stay) const {
  net::Headers headers{{"User-Agent", "abstractllm"},
                       {"Accept-Encoding", "identity"}};
  if (range) {
    headers.push_back(
        {"Range", fmt::format("bytes={}-{}", range->begin, range->end - 1)});
  }
  net::Headers seen;
  std::string at = url;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    net::Headers sent = headers;
    if (!options_.token.empty() && net::same_origin(at, options_.endpoint)) {
      sent.push_back({"Authorization", "Bearer " + options_.token});
    }
    net::HttpExchange exchange = http_.start(
        {.method = method, .url = at, .headers = std::move(sent)}, cancel);
    const int status = exchange.status();
    seen.insert(seen.end(), exchange.headers().begin(),
                exchange.headers().end());
    const auto location = net::find_header(exchange.headers(), "Location");
    if (!is_redirect(status) || !location) {
      return {std::move(exchange), at, std::move(seen)};
    }
    const std::string next = net::resolve_url(at, *location);
    if (next.empty() ||
        (at.starts_with("https:") && !next.starts_with("https:"))) {
      throw ProviderAPIError(
          fmt::format("[hub] {} redirects to what is no {} URL",
                      net::display_url(at),
                      at.starts_with("https:") ? "https" : "http"),
          "Does HF_ENDPOINT name a hub that speaks Hugging Face's protocol?",
          "hub");
    }
    if (stay && !net::same_origin(at, next)) {
      return {std::move(exchange), at, std::move(seen)};
    }
    exchange.drain(milliseconds(50));
    at = next;
  }
  throw ProviderAPIError(fmt::format("[hub] {} redirects more than {} times",
                                     net::display_url(url), kMaxRedirects),
                         {}, "hub");
}

std::string HubClient::get_json(const std::string& url,
                                const HubRequest& request,
                                const CancelToken& cancel,
                                std::string* link) const {
  Retry retry(options_, cancel);
  while (true) {
    try {
      Answer answer = ask("GET", url, {}, cancel);
      const int status = answer.exchange.status();
      if (status >= 300) {
        throw_error(hub_fault(status, answer.exchange.headers(),
                              error_body(answer.exchange), request));
      }
      if (link != nullptr) {
        const auto header = net::find_header(answer.exchange.headers(), "Link");
        const std::string next = next_link(header.value_or(""));
        *link = next.empty() ? next : net::resolve_url(answer.url, next);
      }
      return answer.exchange.read_all(kMaxJson);
    } catch (const Error& error) {
      retry.after(error);
    }
  }
}

RemoteRepository HubClient::repository(const RepositoryAddress& address,
                                       const CancelToken& cancel) const {
  const std::string base = net::join_url(
      options_.endpoint, "api/models/" + escaped_path(address.id));
  const HubRequest request = request_of(address.id, address.revision);
  try {
    return read_repository(get_json(
        base + "/revision/" + net::escape_url(address.revision) + "?blobs=true",
        request, cancel, nullptr));
  } catch (const ModelNotFoundError& error) {
    if (error.service().http_status == 0) throw;
    // Not every hub says which of the two is missing, nor knows revisions.
    std::string whole;
    try {
      whole = get_json(base + "?blobs=true", request, cancel, nullptr);
    } catch (const ModelNotFoundError&) {
      throw_error(error);
    }
    if (address.revision == "main") return read_repository(whole);
    throw_error(
        hub_fault(404, {{"X-Error-Code", "RevisionNotFound"}}, "", request));
  }
}

void HubClient::add_tree(const std::string& id, RemoteRepository& repository,
                         const CancelToken& cancel) const {
  std::string url =
      net::join_url(options_.endpoint,
                    "api/models/" + escaped_path(id) + "/tree/" +
                        net::escape_url(repository.commit) + "?recursive=true");
  const HubRequest request = request_of(id, repository.commit);
  try {
    for (int page = 0; page < kMaxPages && !url.empty(); ++page) {
      std::string next;
      add_tree_facts(get_json(url, request, cancel, &next), repository);
      // A page of another host would see the token.
      url = net::same_origin(next, options_.endpoint) ? next : std::string();
    }
  } catch (const ModelNotFoundError&) {
    // The files' own headers say the same.
  }
}

void HubClient::add_facts(const std::string& id, const std::string& commit,
                          RemoteFile& file, const CancelToken& cancel) const {
  const HubRequest request = request_of(id, commit, file.path);
  Retry retry(options_, cancel);
  while (true) {
    try {
      Answer answer = ask("HEAD", file_url(id, commit, file.path), {}, cancel,
                          /* stay = */ true);
      const int status = answer.exchange.status();
      if (status >= 400) {
        throw_error(hub_fault(status, answer.headers, "", request));
      }
      const auto find = [&](const char* name) {
        return net::find_header(answer.headers, name);
      };
      const auto linked = find("X-Linked-Etag");
      if (file.etag.empty()) {
        file.etag = etag_of(linked ? *linked : find("ETag").value_or(""));
      }
      if (!file.size) file.size = number_of(find("X-Linked-Size"));
      if (!file.size && status < 300) {
        file.size = number_of(
            net::find_header(answer.exchange.headers(), "Content-Length"));
      }
      return;
    } catch (const Error& error) {
      retry.after(error);
    }
  }
}

HubClient::Answer RemoteSource::open(std::optional<ByteRange> range,
                                     const CancelToken& cancel) {
  std::string storage;
  {
    const std::lock_guard lock(mutex_);
    storage = storage_;
  }
  while (true) {
    HubClient::Answer answer =
        client_.ask("GET", storage.empty() ? url_ : storage, range, cancel);
    const int status = answer.exchange.status();
    if (status == 200 || status == 206 || status == 416) {
      const std::lock_guard lock(mutex_);
      storage_ = answer.url == url_ ? std::string() : answer.url;
      return answer;
    }
    const std::string body = error_body(answer.exchange);
    if (storage.empty() || status >= 500) {
      throw_error(hub_fault(status, answer.exchange.headers(), body, request_));
    }
    storage.clear();  // signed for some minutes only
  }
}

}  // namespace abstractllm::hub

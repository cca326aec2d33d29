// One libcurl multi handle an exchange, driven by the caller's own thread and
// kept with its open connection for the next one.
// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "net/broken_pipes.h"
#include "net/curl_errors.h"
#include "net/url.h"

namespace abstractllm::net {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often a waiting exchange looks at its cancel token.
constexpr milliseconds kCancelCheck{20};
// Idle connections that a client keeps; beyond it they are closed.
constexpr std::size_t kMaxIdle = 128;

// The handles of one exchange at a time. The multi handle owns the connection
// that stays open between exchanges.
class Transport {
 public:
  Transport() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
    if (multi_ == nullptr || easy_ == nullptr) {
      release();
      throw std::bad_alloc();
    }
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 2L);
  }
  ~Transport() { release(); }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  CURLM* multi() const { return multi_; }
  CURL* easy() const { return easy_; }

 private:
  void release() {
    const BrokenPipes quiet;
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_);
  }
  CURLM* multi_;
  CURL* easy_;
};

void initialise_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) {
    throw InternalError("[net] libcurl cannot be initialised: " +
                        std::string(curl_easy_strerror(result)));
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) !=
                              std::string_view::npos) {
    text.remove_suffix(1);
  }
  while (!text.empty() && (text[0] == ' ' || text[0] == '\t')) {
    text.remove_prefix(1);
  }
  return text;
}

}  // namespace

class HttpClient::Pool {
 public:
  explicit Pool(HttpClientOptions options) : options_(std::move(options)) {
    initialise_curl();
  }

  const HttpClientOptions& options() const { return options_; }

  // The latest that was given back: its connection is the most likely to be
  // alive, and the others get the chance to grow old.
  std::unique_ptr<Transport> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Transport> transport = std::move(idle_.back());
        idle_.pop_back();
        return transport;
      }
    }
    return std::make_unique<Transport>();
  }

  void give_back(std::unique_ptr<Transport> transport) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(transport));
  }

 private:
  const HttpClientOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Transport>> idle_;  // mutex_
};

class HttpExchange::State {
 public:
  State(std::shared_ptr<HttpClient::Pool> pool, HttpRequest request,
        CancelToken cancel)
      : pool_(std::move(pool)),
        request_(std::move(request)),
        cancel_(std::move(cancel)),
        transport_(pool_->take()),
        started_(Clock::now()) {
    set_up();
    curl_multi_add_handle(transport_->multi(), transport_->easy());
  }

  ~State() {
    {
      const BrokenPipes quiet;
      curl_multi_remove_handle(transport_->multi(), transport_->easy());
    }
    curl_easy_reset(transport_->easy());
    curl_slist_free_all(lines_);
    pool_->give_back(std::move(transport_));
  }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void wait_for_head() {
    while (!head_complete_ && !ended_) turn();
    if (!head_complete_) fail(CURLE_GOT_NOTHING);
  }

  // Leaves the next bytes in `arrived_`; none at the end.
  std::string_view read() {
    wait_for_head();
    handed_out_.clear();
    while (arrived_.empty() && !ended_) turn();
    std::swap(handed_out_, arrived_);
    return handed_out_;
  }

  bool drain(milliseconds patience) {
    const Clock::time_point until = Clock::now() + patience;
    while (!ended_ && Clock::now() < until) {
      arrived_.clear();
      turn(patience);
    }
    return ended_;
  }

  int status() const { return status_; }
  const Headers& headers() const { return headers_; }
  const HttpClientOptions& options() const { return pool_->options(); }
  std::string shown_url() const { return display_url(request_.url); }

 private:
  void set_up();
  void set_headers();
  void set_network();
  CURLMcode perform(int& running) const;
  void turn(milliseconds patience = kCancelCheck);
  void read_messages();
  milliseconds check_deadlines() const;
  [[noreturn]] void fail(CURLcode code) const;

  static std::size_t on_header(char* bytes, std::size_t, std::size_t count,
                               void* self);
  static std::size_t on_body(char* bytes, std::size_t, std::size_t count,
                             void* self);

  std::shared_ptr<HttpClient::Pool> pool_;
  HttpRequest request_;
  CancelToken cancel_;
  std::unique_ptr<Transport> transport_;
  curl_slist* lines_ = nullptr;
  char detail_[CURL_ERROR_SIZE] = "";

  Clock::time_point started_;
  Clock::time_point last_arrival_{};
  bool body_began_ = false;
  bool head_complete_ = false;
  bool ended_ = false;
  bool out_of_memory_ = false;
  int status_ = 0;
  Headers headers_;
  std::string arrived_;
  std::string handed_out_;
};

void HttpExchange::State::set_headers() {
  // Without it libcurl waits a second for leave to send a large body.
  lines_ = curl_slist_append(lines_, "Expect:");
  for (const Header& header : request_.headers) {
    curl_slist* const longer =
        curl_slist_append(lines_, header_line(header).c_str());
    if (longer == nullptr) throw std::bad_alloc();
    lines_ = longer;
  }
  curl_easy_setopt(transport_->easy(), CURLOPT_HTTPHEADER, lines_);
}

void HttpExchange::State::set_network() {
  CURL* const easy = transport_->easy();
  const HttpClientOptions& options = pool_->options();
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  // A cancelled name lookup is left behind instead of being waited for.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  // libcurl takes 0 for its own default of five minutes.
  const auto connect = options.timeouts.connect.count();
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   connect > 0 ? static_cast<long>(connect) : 86'400'000L);
  if (!options.proxy.empty()) {
    curl_easy_setopt(easy, CURLOPT_PROXY, options.proxy.c_str());
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  } else if (is_loopback_url(request_.url)) {
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
  }
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!options.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  }
}

void HttpExchange::State::set_up() {
  CURL* const easy = transport_->easy();
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail_);
  if (request_.method == "POST" || !request_.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
  }
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request_.method != "POST" && request_.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &State::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &State::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  try {
    set_headers();
  } catch (...) {
    curl_slist_free_all(lines_);
    curl_easy_reset(easy);
    throw;
  }
  set_network();
}

// No exception may cross libcurl's frames: what is thrown here becomes a
// short count, which ends the transfer.
std::size_t HttpExchange::State::on_header(char* bytes, std::size_t,
                                           std::size_t count, void* self) {
  State& state = *static_cast<State*>(self);
  try {
    const std::string_view line = trimmed({bytes, count});
    if (line.starts_with("HTTP/")) {
      // Also after an interim answer, whose headers are not the answer's.
      state.headers_.clear();
      state.status_ = 0;
      const std::size_t space = line.find(' ');
      if (space != std::string_view::npos) {
        std::from_chars(line.data() + space + 1, line.data() + line.size(),
                        state.status_);
      }
    } else if (line.empty()) {
      state.head_complete_ = state.status_ >= 200;
    } else if (const auto colon = line.find(':');
               colon != std::string_view::npos && !state.head_complete_) {
      state.headers_.push_back({std::string(trimmed(line.substr(0, colon))),
                                std::string(trimmed(line.substr(colon + 1)))});
    }
  } catch (const std::bad_alloc&) {
    state.out_of_memory_ = true;
    return 0;
  }
  return count;
}

std::size_t HttpExchange::State::on_body(char* bytes, std::size_t,
                                         std::size_t count, void* self) {
  State& state = *static_cast<State*>(self);
  try {
    state.arrived_.append(bytes, count);
  } catch (const std::bad_alloc&) {
    state.out_of_memory_ = true;
    return 0;
  }
  return count;
}

void HttpExchange::State::fail(CURLcode code) const {
  if (out_of_memory_) throw std::bad_alloc();
  throw_curl_error(code, detail_,
                   {.provider = options().provider,
                    .url = shown_url(),
                    .ca_file = options().ca_file,
                    .connect_timeout = options().timeouts.connect,
                    .answer_began = head_complete_});
}

milliseconds HttpExchange::State::check_deadlines() const {
  const HttpTimeouts& limits = options().timeouts;
  const Clock::time_point now = Clock::now();
  milliseconds wait = kCancelCheck;
  const auto check = [&](milliseconds limit, Clock::time_point since,
                         std::string_view what) {
    if (limit.count() <= 0) return;
    const auto left = std::chrono::ceil<milliseconds>(since + limit - now);
    if (left.count() <= 0) {
      throw_timeout(what, limit, options().provider, shown_url());
    }
    wait = std::min(wait, left);
  };
  check(limits.total, started_, "the whole answer");
  if (body_began_) {
    check(limits.idle, last_arrival_, "a further byte");
  } else {
    check(limits.first_byte, started_, "the first byte of the answer");
  }
  return wait;
}

void HttpExchange::State::read_messages() {
  int left = 0;
  while (const CURLMsg* message =
             curl_multi_info_read(transport_->multi(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    ended_ = true;
    const CURLcode code = message->data.result;
    // Bytes that came before the break are the caller's; the error meets the
    // next turn.
    if (code != CURLE_OK) fail(code);
  }
}

CURLMcode HttpExchange::State::perform(int& running) const {
  const BrokenPipes quiet;
  return curl_multi_perform(transport_->multi(), &running);
}

// One step of the transfer: runs what is ready, and sleeps if that was
// nothing.
void HttpExchange::State::turn(milliseconds patience) {
  if (cancel_.cancelled()) {
    throw CancelledError("[" + options().provider + "] the request to " +
                             shown_url() + " was cancelled",
                         {}, options().provider);
  }
  int running = 0;
  const bool had_head = head_complete_;
  const CURLMcode result = perform(running);
  if (result != CURLM_OK) {
    throw InternalError("[net] libcurl: " +
                        std::string(curl_multi_strerror(result)));
  }
  if (!arrived_.empty()) {
    body_began_ = true;
    last_arrival_ = Clock::now();
    return;
  }
  if (running == 0) {
    read_messages();
    return;
  }
  if (head_complete_ && !had_head) return;
  const milliseconds wait = std::min(check_deadlines(), patience);
  curl_multi_poll(transport_->multi(), nullptr, 0,
                  static_cast<int>(wait.count()), nullptr);
}

HttpExchange::HttpExchange(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
HttpExchange::HttpExchange(HttpExchange&&) noexcept = default;
HttpExchange& HttpExchange::operator=(HttpExchange&&) noexcept = default;
HttpExchange::~HttpExchange() = default;

int HttpExchange::status() {
  state_->wait_for_head();
  return state_->status();
}

const Headers& HttpExchange::headers() {
  state_->wait_for_head();
  return state_->headers();
}

std::string_view HttpExchange::read() { return state_->read(); }

std::string HttpExchange::read_all(std::size_t max_bytes) {
  std::string body;
  for (std::string_view piece = read(); !piece.empty(); piece = read()) {
    if (piece.size() > max_bytes - body.size()) {
      throw ProviderAPIError(
          "[" + state_->options().provider + "] the answer of " +
              state_->shown_url() + " has more than " +
              std::to_string(max_bytes) + " bytes",
          "The service answers with something else than expected.",
          state_->options().provider);
    }
    body.append(piece);
  }
  return body;
}

bool HttpExchange::drain(std::chrono::milliseconds patience) noexcept {
  try {
    return state_->drain(patience);
  } catch (...) {
    // Nobody waits for these bytes: that they do not come is no failure.
    return false;
  }
}

HttpClient::HttpClient(HttpClientOptions options)
    : pool_(std::make_shared<Pool>(std::move(options))) {}

HttpClient::~HttpClient() = default;

HttpExchange HttpClient::start(HttpRequest request, CancelToken cancel) const {
  return HttpExchange(std::make_unique<HttpExchange::State>(
      pool_, std::move(request), std::move(cancel)));
}

}  // namespace abstractllm::net

// The loop over libcurl: what is sent, what arrives, and when it is too late.
// SPDX-License-Identifier: Apache-2.0
#include "net/http_transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <new>
#include <utility>

#include "abstractllm/error.h"
#include "net/broken_pipes.h"
#include "net/curl_errors.h"

namespace abstractllm::net {
namespace {

using std::chrono::milliseconds;

// How often a waiting exchange looks at its cancel token.
constexpr milliseconds kCancelCheck{20};

static_assert(CURL_ERROR_SIZE == 256);

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

HttpTransfer::HttpTransfer(std::shared_ptr<ConnectionPool> pool,
                           HttpRequest request, CancelToken cancel)
    : pool_(std::move(pool)),
      request_(std::move(request)),
      cancel_(std::move(cancel)),
      transport_(pool_->take()),
      started_(Clock::now()) {
  set_up();
  curl_multi_add_handle(transport_->multi(), transport_->easy());
}

HttpTransfer::~HttpTransfer() {
  {
    const BrokenPipes quiet;
    curl_multi_remove_handle(transport_->multi(), transport_->easy());
  }
  curl_easy_reset(transport_->easy());
  curl_slist_free_all(lines_);
  pool_->give_back(std::move(transport_));
}

void HttpTransfer::wait_for_head() {
  while (!head_complete_ && !ended_) turn(kCancelCheck);
  if (!head_complete_) fail(CURLE_GOT_NOTHING);
}

std::string_view HttpTransfer::read() {
  wait_for_head();
  handed_out_.clear();
  while (arrived_.empty() && !ended_) turn(kCancelCheck);
  std::swap(handed_out_, arrived_);
  return handed_out_;
}

bool HttpTransfer::drain(milliseconds patience) {
  const Clock::time_point until = Clock::now() + patience;
  while (!ended_ && Clock::now() < until) {
    arrived_.clear();
    turn(patience);
  }
  return ended_;
}

void HttpTransfer::set_headers() {
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

void HttpTransfer::set_network() {
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

void HttpTransfer::set_up() {
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
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body);
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
std::size_t HttpTransfer::on_header(char* bytes, std::size_t, std::size_t count,
                                    void* self) {
  HttpTransfer& state = *static_cast<HttpTransfer*>(self);
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

std::size_t HttpTransfer::on_body(char* bytes, std::size_t, std::size_t count,
                                  void* self) {
  HttpTransfer& state = *static_cast<HttpTransfer*>(self);
  try {
    state.arrived_.append(bytes, count);
  } catch (const std::bad_alloc&) {
    state.out_of_memory_ = true;
    return 0;
  }
  return count;
}

void HttpTransfer::fail(int curl_code) const {
  const auto code = static_cast<CURLcode>(curl_code);
  if (out_of_memory_) throw std::bad_alloc();
  throw_curl_error(code, detail_,
                   {.provider = options().provider,
                    .url = shown_url(),
                    .ca_file = options().ca_file,
                    .connect_timeout = options().timeouts.connect,
                    .answer_began = head_complete_,
                    .uses_proxy = !options().proxy.empty()});
}

void HttpTransfer::check_total(Clock::time_point now) const {
  const milliseconds limit = options().timeouts.total;
  if (limit.count() <= 0 || now < started_ + limit) return;
  throw_timeout("the whole answer", limit, options().provider, shown_url());
}

milliseconds HttpTransfer::check_deadlines() const {
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

void HttpTransfer::read_messages() {
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

int HttpTransfer::perform(int& running) const {
  const BrokenPipes quiet;
  return curl_multi_perform(transport_->multi(), &running);
}

// One step of the transfer: runs what is ready, and sleeps if that was
// nothing.
void HttpTransfer::turn(milliseconds patience) {
  if (cancel_.cancelled()) {
    throw CancelledError("[" + options().provider + "] the request to " +
                             shown_url() + " was cancelled",
                         {}, options().provider);
  }
  int running = 0;
  const bool had_head = head_complete_;
  const auto result = static_cast<CURLMcode>(perform(running));
  if (result != CURLM_OK) {
    throw InternalError("[net] libcurl: " +
                        std::string(curl_multi_strerror(result)));
  }
  if (!arrived_.empty()) {
    body_began_ = true;
    last_arrival_ = Clock::now();
    check_total(last_arrival_);  // bytes that keep coming put no end off
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

}  // namespace abstractllm::net

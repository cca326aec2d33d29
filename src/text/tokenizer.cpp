// The tokenizer, over the Rust crate.
// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "abstractllm/error.h"
#include "base/mapped_file.h"
#include "text/tokenizer_impl.h"

namespace abstractllm::text {
namespace {

// The largest published ones have 40 MB; parsing takes about ten times that.
constexpr std::size_t kMaxJsonBytes = std::size_t{256} << 20;

}  // namespace

Tokenizer::Impl::Impl(rust::Box<textbridge::Tokenizer> tokenizer)
    : rust(std::move(tokenizer)), decoder(std::string(rust->decoder_json())) {
  for (const std::uint32_t id : rust->special_ids()) {
    special.push_back(static_cast<std::int32_t>(id));
  }
}

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl)
    : impl_(std::move(impl)) {}

Tokenizer Tokenizer::from_file(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  std::shared_ptr<const base::MappedFile> file;
  try {
    file = base::MappedFile::open(path);
  } catch (const FileProcessingError& error) {
    throw ModelLoadingError(error.message(), error.hint());
  }
  const auto bytes = file->bytes();
  if (bytes.size() > kMaxJsonBytes) {
    throw ModelLoadingError(
        fmt::format("[tokenizer] {} has {} bytes, at most {} are read",
                    path.string(), bytes.size(), kMaxJsonBytes));
  }
  return from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                   path.string());
}

Tokenizer Tokenizer::from_json(std::string_view json, std::string_view origin) {
  try {
    return Tokenizer(std::make_shared<Impl>(
        textbridge::tokenizer_from_json(as_slice(json))));
  } catch (const rust::Error& error) {
    throw ModelLoadingError(
        fmt::format("[tokenizer] {} is no tokenizer.json that can be used: {}",
                    origin, error.what()),
        "Fetch the model again, or convert its tokenizer to the format of the "
        "Hugging Face tokenizers library.");
  }
}

std::string Tokenizer::to_json() const {
  return std::string(impl_->rust->to_json());
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text,
                                            bool add_special_tokens) const {
  try {
    const auto ids = impl_->rust->encode(as_slice(text), add_special_tokens);
    return {ids.begin(), ids.end()};
  } catch (const rust::Error& error) {
    throw InvalidRequestError(
        fmt::format("[tokenizer] a text of {} bytes cannot be encoded: {}",
                    text.size(), error.what()),
        "Pass UTF-8 text.");
  }
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids,
                              bool skip_special) const {
  std::vector<std::uint32_t> known;
  known.reserve(ids.size());
  for (const std::int32_t id : ids) {
    const auto same = impl_->duplicates.find(id);
    known.push_back(static_cast<std::uint32_t>(
        same == impl_->duplicates.end() ? id : same->second));
  }
  try {
    return std::string(
        impl_->rust->decode({known.data(), known.size()}, skip_special));
  } catch (const rust::Error& error) {
    throw GenerationError(
        fmt::format("[tokenizer] {} tokens cannot be decoded: {}", ids.size(),
                    error.what()));
  }
}

std::optional<std::int32_t> Tokenizer::token_to_id(
    std::string_view token) const {
  const std::int64_t id = impl_->rust->token_to_id(as_slice(token));
  if (id < 0) return std::nullopt;
  return static_cast<std::int32_t>(id);
}

std::optional<std::string> Tokenizer::token_text(std::int32_t id) const {
  const auto same = impl_->duplicates.find(id);
  if (same != impl_->duplicates.end()) id = same->second;
  rust::String text;
  if (!impl_->rust->id_to_token(static_cast<std::uint32_t>(id), text)) {
    return std::nullopt;
  }
  return std::string(text);
}

std::string Tokenizer::token_bytes(std::int32_t id) const {
  const auto text = token_text(id);
  return text ? impl_->decoder.token_bytes(*text) : std::string();
}

std::int32_t Tokenizer::vocab_size() const {
  return std::max(impl_->minimum_size,
                  static_cast<std::int32_t>(impl_->rust->vocab_size()));
}

const std::vector<std::int32_t>& Tokenizer::special_ids() const noexcept {
  return impl_->special;
}

bool Tokenizer::is_special(std::int32_t id) const noexcept {
  return std::binary_search(impl_->special.begin(), impl_->special.end(), id);
}

}  // namespace abstractllm::text

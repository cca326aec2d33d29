// FIPS 180-4, sections 6.1 and 6.2.
// SPDX-License-Identifier: Apache-2.0
#include "hub/digest.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace abstractllm::hub {
namespace {

constexpr std::array<std::uint32_t, 64> kRound{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::array<std::uint32_t, 8> kSha256Start{
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constexpr std::array<std::uint32_t, 8> kSha1Start{
    0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0, 0, 0, 0};

std::uint32_t word_at(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | bytes[3];
}

}  // namespace

Digest::Digest(Kind kind)
    : kind_(kind), state_(kind == Kind::kSha1 ? kSha1Start : kSha256Start) {}

void Digest::take_sha1(const std::array<std::uint32_t, 16>& words) {
  std::array<std::uint32_t, 80> w;
  std::copy(words.begin(), words.end(), w.begin());
  for (std::size_t i = 16; i < 80; ++i) {
    w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t i = 0; i < 80; ++i) {
    const std::uint32_t mix = i < 20   ? ((b & c) | (~b & d))
                              : i < 40 ? (b ^ c ^ d)
                              : i < 60 ? ((b & c) | (b & d) | (c & d))
                                       : (b ^ c ^ d);
    const std::uint32_t constant = i < 20   ? 0x5a827999
                                   : i < 40 ? 0x6ed9eba1
                                   : i < 60 ? 0x8f1bbcdc
                                            : 0xca62c1d6;
    const std::uint32_t next = std::rotl(a, 5) + mix + e + constant + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  const std::array<std::uint32_t, 8> more{a, b, c, d, e, 0, 0, 0};
  for (std::size_t i = 0; i < 8; ++i) state_[i] += more[i];
}

void Digest::take_sha256(const std::array<std::uint32_t, 16>& words) {
  std::array<std::uint32_t, 64> w;
  std::copy(words.begin(), words.end(), w.begin());
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t s0 =
        std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const std::uint32_t s1 =
        std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t s1 =
        std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t first =
        h + s1 + ((e & f) ^ (~e & g)) + kRound[i] + w[i];
    const std::uint32_t s0 =
        std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t second = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  const std::array<std::uint32_t, 8> more{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state_[i] += more[i];
}

void Digest::take_block(const unsigned char* block) {
  std::array<std::uint32_t, 16> words;
  for (std::size_t i = 0; i < 16; ++i) words[i] = word_at(block + 4 * i);
  kind_ == Kind::kSha1 ? take_sha1(words) : take_sha256(words);
}

void Digest::update(std::string_view bytes) {
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (held_bytes_ == 0 && bytes.size() >= held_.size()) {
      take_block(reinterpret_cast<const unsigned char*>(bytes.data()));
      bytes.remove_prefix(held_.size());
      continue;
    }
    const std::size_t count =
        std::min(bytes.size(), held_.size() - held_bytes_);
    std::memcpy(held_.data() + held_bytes_, bytes.data(), count);
    held_bytes_ += count;
    bytes.remove_prefix(count);
    if (held_bytes_ == held_.size()) {
      take_block(held_.data());
      held_bytes_ = 0;
    }
  }
}

std::string Digest::finish() {
  const std::uint64_t bits = bytes_ * 8;
  std::string padding(1, '\x80');
  padding.append((119 - held_bytes_) % 64, '\0');
  for (int shift = 56; shift >= 0; shift -= 8) {
    padding += static_cast<char>(bits >> shift & 0xff);
  }
  update(padding);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  const std::size_t words = kind_ == Kind::kSha1 ? 5 : 8;
  for (std::size_t i = 0; i < words; ++i) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      hex += kDigits[state_[i] >> shift & 15];
    }
  }
  return hex;
}

bool EtagDigest::knows(std::string_view etag) {
  return (etag.size() == 40 || etag.size() == 64) &&
         etag.find_first_not_of("0123456789abcdef") == etag.npos;
}

EtagDigest::EtagDigest(std::string_view etag, std::uint64_t size)
    : digest_(etag.size() == 64 ? Digest::Kind::kSha256 : Digest::Kind::kSha1) {
  if (etag.size() == 64) return;
  std::string head = "blob " + std::to_string(size);
  head += '\0';
  digest_.update(head);
}

}  // namespace abstractllm::hub

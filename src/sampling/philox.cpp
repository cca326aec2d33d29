// Philox4x32-10, with the constants of its paper.
// SPDX-License-Identifier: Apache-2.0
#include "sampling/philox.h"

namespace abstractllm::sampling {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

double uniform(std::uint64_t seed, std::uint64_t position) {
  const auto words =
      philox4x32({static_cast<std::uint32_t>(position),
                  static_cast<std::uint32_t>(position >> 32), 0, 0},
                 {static_cast<std::uint32_t>(seed),
                  static_cast<std::uint32_t>(seed >> 32)});
  const std::uint64_t bits = std::uint64_t{words[1]} << 32 | words[0];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace abstractllm::sampling

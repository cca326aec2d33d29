// Runs a fuzz target over the inputs of a corpus folder, as an ordinary test.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

void replay(const std::vector<std::uint8_t>& input) {
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  int inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (!entry.is_regular_file()) continue;
    const std::vector<std::uint8_t> whole = read_file(entry.path());
    replay(whole);
    // Readers must survive a file that was cut short anywhere.
    for (std::size_t part = 1; part < 8; ++part) {
      replay({whole.begin(), whole.begin() + whole.size() * part / 8});
    }
    ++inputs;
  }
  replay({});
  std::printf("%d inputs replayed\n", inputs);
  return inputs == 0 ? 1 : 0;
}

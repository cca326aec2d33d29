// Reads any bytes as a GGUF file: metadata by every look-up, configuration,
// and every tensor.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "abstractllm/error.h"
#include "io/gguf.h"
#include "io/gguf_config.h"
#include "io/weight_matrix.h"

namespace {

using namespace abstractllm;

template <typename Call>
void refused_or_done(Call&& call) {
  try {
    call();
  } catch (const Error&) {
    // A refusal is the expected answer to most inputs.
  }
}

void look_up(const io::GgufFile& gguf, std::string_view key) {
  refused_or_done([&] { gguf.find_string(key); });
  refused_or_done([&] { gguf.find_int(key); });
  refused_or_done([&] { gguf.find_float(key); });
  refused_or_done([&] { gguf.find_bool(key); });
  refused_or_done([&] { gguf.find_strings(key); });
  refused_or_done([&] { gguf.find_ints(key); });
  refused_or_done([&] { gguf.find_floats(key); });
}

void read_rows(const io::StoredTensor& tensor) {
  const auto matrix = io::WeightMatrix::plain(tensor);
  const auto columns = static_cast<std::size_t>(matrix.columns());
  std::vector<float> row(columns);
  std::vector<std::uint8_t> codes(columns);
  const std::size_t groups =
      matrix.encoding() == io::WeightEncoding::kDense
          ? 0
          : columns / static_cast<std::size_t>(matrix.group_size());
  std::vector<float> scales(groups);
  std::vector<float> biases(groups);
  for (std::int64_t i = 0; i < matrix.rows(); ++i) {
    matrix.read_row(i, row);
    if (groups > 0) matrix.read_row_affine(i, codes, scales, biases);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  refused_or_done([&] {
    const auto gguf = io::GgufFile::read(base::MappedFile::in_memory(
        std::as_bytes(std::span(data, size)), "fuzz.gguf"));
    for (const std::string_view key : gguf.metadata_keys()) look_up(gguf, key);
    refused_or_done([&] { io::config_from_gguf(gguf); });
    for (const io::StoredTensor& tensor : gguf.tensors()) {
      refused_or_done([&] { read_rows(tensor); });
    }
  });
  return 0;
}

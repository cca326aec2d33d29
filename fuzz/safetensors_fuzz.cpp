// Reads any bytes as a safetensors file, and every tensor that is found.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "abstractllm/error.h"
#include "io/safetensors.h"
#include "io/weight_matrix.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace abstractllm;
  try {
    const auto file = io::read_safetensors(base::MappedFile::in_memory(
        std::as_bytes(std::span(data, size)), "fuzz.safetensors"));
    for (const io::StoredTensor& tensor : file.tensors) {
      if (!io::storage_traits(tensor.type).readable || tensor.bytes.empty()) {
        continue;
      }
      const auto matrix = io::WeightMatrix::plain(tensor);
      std::vector<float> row(static_cast<std::size_t>(matrix.columns()));
      for (std::int64_t i = 0; i < matrix.rows(); ++i) matrix.read_row(i, row);
    }
  } catch (const Error&) {
    // A refusal is the expected answer to most inputs.
  }
  return 0;
}

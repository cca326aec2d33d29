// The floats of a fixture by name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/tensor_archive.h"
#include "io/weight_matrix.h"

namespace abstractllm::golden {

using Row = std::vector<float>;

class References {
 public:
  explicit References(const std::filesystem::path& file)
      : archive_(io::TensorArchive::open_safetensors(file)) {}

  std::vector<Row> rows(const std::string& name) const {
    const io::WeightMatrix matrix = io::WeightMatrix::plain(archive_.at(name));
    std::vector<Row> rows(static_cast<std::size_t>(matrix.rows()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].resize(static_cast<std::size_t>(matrix.columns()));
      matrix.read_row(static_cast<std::int64_t>(i), rows[i]);
    }
    return rows;
  }

 private:
  io::TensorArchive archive_;
};

}  // namespace abstractllm::golden

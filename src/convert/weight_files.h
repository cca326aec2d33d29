// The safetensors files of a conversion, written in any order.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "convert/plan.h"

namespace abstractllm::convert {

/// Opens all files of `plan` below `folder` with their headers; tensors are
/// filled in piece by piece. One thread at a time.
class WeightFiles {
 public:
  /// `keeps`: files that are there are gone on with. Throws
  /// FileProcessingError.
  WeightFiles(const std::filesystem::path& folder, const ConversionPlan& plan,
              std::uint64_t shard_bytes, bool keeps);
  ~WeightFiles();
  WeightFiles(const WeightFiles&) = delete;
  WeightFiles& operator=(const WeightFiles&) = delete;

  /// Whether a file of `name` is one of these.
  bool has_file(const std::string& name) const;

  /// `bytes` of `tensor` from `offset` on. Throws FileProcessingError.
  void write(const std::string& tensor, std::uint64_t offset,
             std::span<const std::byte> bytes);

  /// Puts on the disk what has been written. Throws FileProcessingError.
  void sync();

  /// Puts everything on the disk, and model.safetensors.index.json where there
  /// are several files.
  void finish();

 private:
  struct Place {
    std::size_t file;
    std::uint64_t offset;  // in the file
    std::uint64_t bytes;
  };
  struct File {
    std::filesystem::path path;
    int descriptor = -1;
    bool is_synced = false;
  };

  std::filesystem::path folder_;
  std::vector<File> files_;
  std::map<std::string, Place> places_;
  std::uint64_t total_ = 0;
};

}  // namespace abstractllm::convert

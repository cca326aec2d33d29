// Headers first, then bytes in their places.
// SPDX-License-Identifier: Apache-2.0
#include "convert/weight_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::convert {
namespace {

using nlohmann::ordered_json;

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw FileProcessingError(fmt::format("[convert] cannot {} {}: {}", what,
                                        path.string(), std::strerror(errno)));
}

// Tensors of each file, so that none has more than `limit` bytes unless it has
// one tensor.
std::vector<std::vector<const PlannedTensor*>> divide(
    const ConversionPlan& plan, std::uint64_t limit) {
  std::vector<std::vector<const PlannedTensor*>> files(1);
  std::uint64_t filled = 0;
  for (const PlannedModule& module : plan.modules) {
    for (const PlannedTensor& tensor : module.tensors) {
      if (filled > 0 && filled + tensor.bytes > limit) {
        files.emplace_back();
        filled = 0;
      }
      files.back().push_back(&tensor);
      filled += tensor.bytes;
    }
  }
  return files;
}

std::string header_of(const std::vector<const PlannedTensor*>& tensors) {
  ordered_json header;
  header["__metadata__"] = {{"format", "mlx"}};
  std::uint64_t offset = 0;
  for (const PlannedTensor* tensor : tensors) {
    header[tensor->name] = {{"dtype", tensor->type},
                            {"shape", tensor->shape},
                            {"data_offsets", {offset, offset + tensor->bytes}}};
    offset += tensor->bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const auto size = static_cast<std::uint64_t>(text.size());
  std::string bytes(sizeof(size), '\0');
  std::memcpy(bytes.data(), &size, sizeof(size));
  return bytes + text;
}

void write_all(int descriptor, const std::filesystem::path& path,
               std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(descriptor, bytes.data(), bytes.size(),
                                   static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(path, "write");
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace

WeightFiles::WeightFiles(const std::filesystem::path& folder,
                         const ConversionPlan& plan, std::uint64_t shard_bytes,
                         bool keeps)
    : folder_(folder) {
  const auto files = divide(plan, shard_bytes);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string name =
        files.size() == 1 ? "model.safetensors"
                          : fmt::format("model-{:05}-of-{:05}.safetensors",
                                        i + 1, files.size());
    File& file = files_.emplace_back(File{.path = folder / name});
    file.descriptor =
        ::open(file.path.c_str(),
               O_WRONLY | O_CREAT | O_CLOEXEC | (keeps ? 0 : O_TRUNC), 0644);
    if (file.descriptor < 0) fail(file.path, "open");
    const std::string header = header_of(files[i]);
    write_all(file.descriptor, file.path, 0, std::as_bytes(std::span(header)));
    std::uint64_t offset = header.size();
    for (const PlannedTensor* tensor : files[i]) {
      places_.emplace(tensor->name, Place{i, offset, tensor->bytes});
      offset += tensor->bytes;
      total_ += tensor->bytes;
    }
    if (::ftruncate(file.descriptor, static_cast<off_t>(offset)) != 0) {
      fail(file.path, "enlarge");
    }
  }
}

WeightFiles::~WeightFiles() {
  for (const File& file : files_) {
    if (file.descriptor >= 0) ::close(file.descriptor);
  }
}

bool WeightFiles::has_file(const std::string& name) const {
  return std::any_of(files_.begin(), files_.end(), [&](const File& file) {
    return file.path.filename() == name;
  });
}

void WeightFiles::write(const std::string& tensor, std::uint64_t offset,
                        std::span<const std::byte> bytes) {
  const Place& place = places_.at(tensor);
  if (offset > place.bytes || bytes.size() > place.bytes - offset) {
    throw InternalError("[convert] '" + tensor + "' is larger than planned");
  }
  File& file = files_[place.file];
  file.is_synced = false;
  write_all(file.descriptor, file.path, place.offset + offset, bytes);
}

void WeightFiles::sync() {
  for (File& file : files_) {
    if (std::exchange(file.is_synced, true)) continue;
    if (::fsync(file.descriptor) != 0) fail(file.path, "write");
  }
}

void WeightFiles::finish() {
  sync();
  for (File& file : files_) {
    if (::close(std::exchange(file.descriptor, -1)) != 0) {
      fail(file.path, "write");
    }
  }
  if (files_.size() == 1) return;
  ordered_json index;
  index["metadata"] = {{"total_size", total_}};
  ordered_json& map = index["weight_map"];
  for (const auto& [name, place] : places_) {
    map[name] = files_[place.file].path.filename().string();
  }
  const auto path = folder_ / "model.safetensors.index.json";
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream << index.dump(2) << '\n';
  if (!stream.flush()) fail(path, "write");
}

}  // namespace abstractllm::convert

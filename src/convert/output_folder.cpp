// A tree of something else must not go away by a slip.
// SPDX-License-Identifier: Apache-2.0
#include "convert/output_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "abstractllm/error.h"
#include "convert/model_folder.h"

namespace abstractllm::convert {
namespace {

namespace fs = std::filesystem;

// Of files that models are published with and conversions write.
constexpr std::array<std::string_view, 8> kEndings{
    ".json", ".jinja",    ".safetensors", ".model",
    ".txt",  ".tiktoken", ".md",          ".py"};
constexpr std::array<std::string_view, 5> kNames{
    "LICENSE", "NOTICE", ".gitattributes", ".cache", ".DS_Store"};

// Whether a conversion may have put `entry` into a folder with `known`
// subfolders, or a conversion of `model` will.
bool is_familiar(const fs::directory_entry& entry, const fs::path& model,
                 const std::vector<fs::path>& known) {
  const std::string name = entry.path().filename().string();
  const auto is = [&](std::string_view other) { return name == other; };
  if (std::any_of(kNames.begin(), kNames.end(), is)) return true;
  if (entry.is_directory()) {
    return std::any_of(known.begin(), known.end(), [&](const fs::path& folder) {
      return folder.begin() != folder.end() && is(folder.begin()->string());
    });
  }
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  return std::any_of(kEndings.begin(), kEndings.end(), ends) ||
         (is_side_file(entry.path()) && fs::is_regular_file(model / name));
}

}  // namespace

void refuse_own_source(const fs::path& output, const fs::path& model) {
  std::error_code ignored;
  const fs::path folder =
      fs::is_directory(model, ignored) ? model : model.parent_path();
  if (!fs::equivalent(output, folder, ignored)) return;
  throw InvalidParameterError(
      fmt::format("[convert] {} is the folder of the model itself",
                  output.string()),
      "Choose another folder: the model is read while the new one is written.");
}

OutputLock::OutputLock(const fs::path& output)
    : path_(output.parent_path() /
            ("." + output.filename().string() + ".lock")) {
  fs::create_directories(output.parent_path());
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) {
      throw FileProcessingError(fmt::format("[convert] cannot write {}: {}",
                                            path_.string(),
                                            std::strerror(errno)));
    }
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(descriptor_);
      throw FileProcessingError(
          fmt::format("[convert] another conversion is writing {}",
                      output.string()),
          "Wait for it, or choose another folder.");
    }
    // The one before may have removed the file after it was opened here.
    struct stat own {};
    struct stat there {};
    if (::fstat(descriptor_, &own) == 0 && ::stat(path_.c_str(), &there) == 0 &&
        own.st_ino == there.st_ino) {
      return;
    }
    ::close(descriptor_);
  }
}

OutputLock::~OutputLock() {
  ::unlink(path_.c_str());
  ::close(descriptor_);
}

void check_output(const fs::path& output, const fs::path& model, bool force) {
  if (output.empty()) {
    throw InvalidParameterError("[convert] no output folder is given");
  }
  if (!fs::exists(output)) return;
  if (!fs::is_directory(output)) {
    throw FileProcessingError(
        fmt::format("[convert] {} is a file", output.string()),
        "Choose another name for the folder.");
  }
  if (fs::is_empty(output)) return;
  if (!fs::exists(output / "config.json")) {
    throw FileProcessingError(
        fmt::format("[convert] {} holds no model and is not replaced",
                    output.string()),
        "Choose another folder.");
  }
  const std::vector<fs::path> known = side_folders(output);
  for (const auto& entry : fs::directory_iterator(output)) {
    if (is_familiar(entry, model, known)) continue;
    throw FileProcessingError(
        fmt::format("[convert] {} holds more than a model and is not replaced: "
                    "{}",
                    output.string(), entry.path().filename().string()),
        "Choose another folder, or move what is to be kept.");
  }
  if (force) return;
  throw FileProcessingError(
      fmt::format("[convert] {} is there already", output.string()),
      "Choose another folder, or replace the model in it with --force.");
}

}  // namespace abstractllm::convert

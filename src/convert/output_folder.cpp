// A tree of something else must not go away by a slip.
// SPDX-License-Identifier: Apache-2.0
#include "convert/output_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
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

// Finding config.json, tokenizer files or a GGUF file at a path.
// SPDX-License-Identifier: Apache-2.0
#include "io/model_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "abstractllm/error.h"
#include "base/text.h"

namespace abstractllm::io {
namespace {

namespace fs = std::filesystem;

// Names listed in a message; a downloads folder may have thousands.
constexpr std::size_t kListedNames = 8;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::optional<fs::path> existing(const fs::path& path) {
  return is_file(path) ? std::optional(path) : std::nullopt;
}

// "NAME-00002-of-00003.gguf": a part that is not the first.
bool is_later_part(const std::string& name) {
  constexpr std::string_view kFirst = "00001";
  const auto of = name.rfind("-of-");
  return of != name.npos && of >= 6 && name[of - 6] == '-' &&
         name.substr(of - 5, 5) != kFirst &&
         name.find_first_not_of("0123456789", of - 5) == of;
}

constexpr std::string_view kGgufEnding = ".gguf";

bool is_gguf_name(const std::string& name) {
  return base::lower(name).ends_with(kGgufEnding);
}

// Ollama's blobs are GGUF files without that name.
bool is_gguf_content(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  char magic[4] = {};
  stream.read(magic, sizeof(magic));
  return stream && std::string_view(magic, sizeof(magic)) == "GGUF";
}

struct FolderContent {
  std::vector<std::string> names;  // sorted
  std::vector<std::string> ggufs;  // whole models: first parts only
};

FolderContent list_folder(const fs::path& folder) {
  FolderContent content;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    content.names.push_back(name);
    if (is_gguf_model_name(name) && !is_later_part(name)) {
      content.ggufs.push_back(name);
    }
  }
  if (error) {
    throw ModelLoadingError(fmt::format("[model] cannot list {}: {}",
                                        folder.string(), error.message()));
  }
  std::sort(content.names.begin(), content.names.end());
  std::sort(content.ggufs.begin(), content.ggufs.end());
  return content;
}

std::string listed(const std::vector<std::string>& names) {
  if (names.empty()) return "nothing";
  const std::size_t shown = std::min(names.size(), kListedNames);
  std::string text = fmt::format(
      "{}",
      fmt::join(names.begin(), names.begin() + std::ptrdiff_t(shown), ", "));
  if (shown < names.size()) {
    text += fmt::format(" and {} more", names.size() - shown);
  }
  return text;
}

void add_side_files(ModelFiles& files, const fs::path& folder) {
  files.config = existing(folder / "config.json");
  files.generation_config = existing(folder / "generation_config.json");
  files.tokenizer = existing(folder / "tokenizer.json");
  files.tokenizer_config = existing(folder / "tokenizer_config.json");
  files.special_tokens_map = existing(folder / "special_tokens_map.json");
  files.chat_template = existing(folder / "chat_template.jinja");
  if (!files.chat_template) {
    files.chat_template = existing(folder / "chat_template.json");
  }
}

ModelFiles at_folder(const fs::path& folder) {
  ModelFiles files;
  files.location = folder;
  add_side_files(files, folder);
  if (files.config) return files;

  const FolderContent content = list_folder(folder);
  if (content.ggufs.size() == 1) {
    // The GGUF file describes itself; nothing beside it is taken for its own.
    return {.location = folder / content.ggufs.front(),
            .gguf = folder / content.ggufs.front()};
  }
  if (content.ggufs.size() > 1) {
    throw ModelLoadingError(
        fmt::format("[model] {}: no config.json, but {} GGUF models: {}",
                    folder.string(), content.ggufs.size(),
                    listed(content.ggufs)),
        "Name one of the files.");
  }
  throw ModelLoadingError(
      fmt::format("[model] {}: no config.json and no .gguf file; found {}",
                  folder.string(), listed(content.names)),
      "A model is a folder with config.json and *.safetensors, or a .gguf "
      "file.");
}

}  // namespace

bool is_gguf_model_name(std::string_view path) {
  const std::string name = base::lower(path.substr(path.rfind('/') + 1));
  if (!name.ends_with(kGgufEnding)) return false;
  const std::string_view stem =
      std::string_view(name).substr(0, name.size() - kGgufEnding.size());
  return stem.find("mmproj") == stem.npos && !stem.starts_with("imatrix") &&
         !stem.ends_with("imatrix");
}

ModelFiles ModelFiles::at(const fs::path& location) {
  std::error_code error;
  const fs::file_status status = fs::status(location, error);
  if (!fs::exists(status)) {
    throw ModelNotFoundError(
        fmt::format("[model] {}: no such file or folder", location.string()));
  }
  if (fs::is_directory(status)) return at_folder(location);
  if (fs::is_regular_file(status) &&
      (is_gguf_name(location.filename().string()) ||
       is_gguf_content(location))) {
    return {.location = location, .gguf = location};
  }
  throw ModelLoadingError(
      fmt::format("[model] {}: neither a folder nor a .gguf file",
                  location.string()),
      "For a safetensors model name the folder that holds its config.json.");
}

std::optional<fs::path> ModelFiles::find(const char* name) const {
  if (gguf) return std::nullopt;
  return existing(location / name);
}

}  // namespace abstractllm::io

// Looking at folders without opening models.
// SPDX-License-Identifier: Apache-2.0
#include "hub/model_folder.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <system_error>

#include "abstractllm/error.h"
#include "base/text.h"
#include "hub/file_selection.h"
#include "io/gguf.h"
#include "io/json_config.h"
#include "io/model_files.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;

// Entries of one folder that are looked at; more is not a folder of models.
constexpr std::size_t kMaxEntries = 10'000;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::uint64_t size_of(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

bool has_ending(const fs::path& path, std::string_view ending) {
  return base::lower(path.filename().string()).ends_with(ending);
}

// Adds the GGUF models of `folder`; their names begin with `prefix`.
void add_ggufs(const std::vector<fs::path>& entries, const std::string& prefix,
               std::vector<GgufEntry>& ggufs) {
  std::map<std::string, GgufEntry> by_name;
  for (const fs::path& entry : entries) {
    const std::string name = prefix + entry.filename().string();
    if (!io::is_gguf_model_name(name) || !is_file(entry)) continue;
    // Sorted: the first part comes first.
    GgufEntry& model = by_name[gguf_model_name(name)];
    if (model.path.empty()) {
      model.name = name;
      model.path = entry;
    }
    model.bytes += size_of(entry);
  }
  for (auto& [name, model] : by_name) ggufs.push_back(std::move(model));
}

// Those of the folders in `folder`.
std::vector<GgufEntry> ggufs_below(const fs::path& folder) {
  std::vector<GgufEntry> ggufs;
  for (const fs::path& entry : entries_of(folder)) {
    if (is_folder(entry)) {
      add_ggufs(entries_of(entry), entry.filename().string() + "/", ggufs);
    }
  }
  return ggufs;
}

}  // namespace

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end;
       !error && entry != end && entries.size() < kMaxEntries;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with('.')) {
      entries.push_back(entry->path());
    }
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

ModelFolder::ModelFolder(const fs::path& folder) : path(folder) {
  if (!is_folder(folder)) return;
  const bool has_config = is_file(folder / "config.json");
  const std::vector<fs::path> entries = entries_of(folder);
  for (const fs::path& entry : entries) {
    if (has_config && has_ending(entry, ".safetensors") && is_file(entry)) {
      has_safetensors = true;
      safetensors_bytes += size_of(entry);
    }
  }
  add_ggufs(entries, "", ggufs);
  std::sort(
      ggufs.begin(), ggufs.end(),
      [](const GgufEntry& a, const GgufEntry& b) { return a.name < b.name; });
}

void ModelFolder::look_below() {
  if (empty()) ggufs = ggufs_below(path);
}

std::vector<GgufEntry> ModelFolder::find(std::string_view wanted) const {
  std::vector<GgufEntry> all;
  add_ggufs(entries_of(path), "", all);
  for (GgufEntry& entry : ggufs_below(path)) all.push_back(std::move(entry));
  std::vector<std::string> names;
  for (const GgufEntry& entry : all) names.push_back(entry.name);
  std::vector<GgufEntry> found;
  for (const std::size_t i : gguf_models_named(wanted, names)) {
    found.push_back(all[i]);
  }
  return found;
}

std::vector<fs::path> gguf_parts(const fs::path& file) {
  const std::string name = file.filename().string();
  const std::string model = gguf_model_name(name);
  // "-00002.gguf" and the like: a whole file has no such end.
  const std::string_view end = std::string_view(name).substr(model.size());
  constexpr std::size_t kNumber = 6;
  if (end.size() <= kNumber + std::string_view(".gguf").size()) return {file};
  const std::string_view of = end.substr(kNumber);
  std::vector<fs::path> parts;
  for (const fs::path& entry : entries_of(file.parent_path())) {
    const std::string other = entry.filename().string();
    if (other.size() == name.size() && other.ends_with(of) &&
        gguf_model_name(other) == model) {
      parts.push_back(entry);
    }
  }
  return parts;
}

std::uint64_t gguf_bytes(const fs::path& file) {
  std::uint64_t bytes = 0;
  for (const fs::path& part : gguf_parts(file)) bytes += size_of(part);
  return bytes;
}

bool is_gguf(const fs::path& path) {
  if (!is_file(path)) return false;
  if (has_ending(path, ".gguf")) return true;
  std::ifstream stream(path, std::ios::binary);
  char magic[4] = {};
  stream.read(magic, sizeof(magic));
  return stream && std::string_view(magic, sizeof(magic)) == "GGUF";
}

bool is_model(const fs::path& path) {
  return is_gguf(path) || !ModelFolder(path).empty();
}

bool holds_models_below(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    if (is_folder(entry->path()) && !ModelFolder(entry->path()).empty()) {
      return true;
    }
  }
  return false;
}

std::string architecture_of(const fs::path& model) {
  try {
    if (is_folder(model)) {
      const fs::path config = model / "config.json";
      if (is_file(config)) {
        return io::JsonConfig::load(config)
            .find_string("model_type")
            .value_or("");
      }
      const ModelFolder folder(model);
      if (folder.ggufs.empty()) return {};
      return architecture_of(folder.ggufs.front().path);
    }
    const io::GgufFile file = io::GgufFile::open(model);
    return std::string(file.find_string("general.architecture").value_or(""));
  } catch (const Error&) {
    // A list shows what there is, also of broken files.
    return {};
  }
}

}  // namespace abstractllm::hub

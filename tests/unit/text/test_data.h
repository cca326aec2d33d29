// The reference data that the tests of text go through.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace abstractllm::text {

using Json = nlohmann::ordered_json;
using Paths = std::vector<std::filesystem::path>;

inline std::filesystem::path test_data() { return ABSTRACTLLM_TEST_DATA; }

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline Json read_json(const std::filesystem::path& path) {
  return Json::parse(read_file(path));
}

/// Model folders of all kinds that hold a reference.json, sorted.
inline Paths fixture_folders() {
  Paths folders;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           test_data() / "fixtures")) {
    if (entry.path().filename() == "reference.json") {
      folders.push_back(entry.path().parent_path());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// Files in `folder` that end in `suffix`, sorted.
inline Paths files_of(const std::filesystem::path& folder,
                      const std::string& suffix) {
  Paths files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().ends_with(suffix)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// A name for a parameterised test: the last parts of the path.
inline std::string test_name(
    const testing::TestParamInfo<std::filesystem::path>& info) {
  const auto& path = info.param;
  // A fixture and a published tokenizer may have the same name.
  const auto folder = path.parent_path();
  std::string name = folder.parent_path().filename().string() + "_" +
                     folder.filename().string() + "_" +
                     path.filename().string();
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

}  // namespace abstractllm::text

// Numbers of parts, read out of names.
// SPDX-License-Identifier: Apache-2.0
#include "hub/model_parts.h"

#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "hub/model_folder.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;

struct Part {
  std::string name;  // of all parts, with their ending
  int number = 0;
  int count = 0;
};

std::optional<int> number_in(std::string_view digits) {
  int number = 0;
  const auto parsed =
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool is_whole =
      parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size();
  return is_whole ? std::optional(number) : std::nullopt;
}

std::optional<Part> part_of(const fs::path& file) {
  constexpr std::string_view kOf = "-of-";
  const std::string ending = file.extension().string();
  if (ending != ".safetensors" && ending != ".gguf") return std::nullopt;
  const std::string stem = file.stem().string();
  const std::size_t of = stem.rfind(kOf);
  if (of == stem.npos || of == 0) return std::nullopt;
  const std::size_t dash = stem.rfind('-', of - 1);
  if (dash == stem.npos) return std::nullopt;
  const std::string_view text = stem;
  const auto number = number_in(text.substr(dash + 1, of - dash - 1));
  const auto count = number_in(text.substr(of + kOf.size()));
  if (!number || !count) return std::nullopt;
  return Part{stem.substr(0, dash) + ending, *number, *count};
}

}  // namespace

bool lacks_parts(const fs::path& model) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(model, ignored);
  const auto own = is_folder ? std::nullopt : part_of(model);
  if (!is_folder && !own) return false;
  std::map<std::pair<std::string, int>, std::set<int>> parts;
  for (const fs::path& file :
       entries_of(is_folder ? model : model.parent_path())) {
    const auto part = part_of(file);
    if (!part || (own && own->name != part->name)) continue;
    // A link of the hub's cache may point at what is not there.
    if (!fs::is_regular_file(file, ignored)) continue;
    parts[{part->name, part->count}].insert(part->number);
  }
  for (const auto& [name, numbers] : parts) {
    if (static_cast<int>(numbers.size()) < name.second) return true;
  }
  return false;
}

}  // namespace abstractllm::hub

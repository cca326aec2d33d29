// The choice of files, and the message that lists what there is to choose.
// SPDX-License-Identifier: Apache-2.0
#include "hub/file_selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <map>

#include "abstractllm/error.h"
#include "base/text.h"
#include "io/model_files.h"

namespace abstractllm::hub {
namespace {

constexpr std::size_t kListed = 40;

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

// "Q4_K_M", "IQ2_XXS", "TQ1_0", "F16", "BF16", "MXFP4".
bool is_quantisation(std::string_view word) {
  for (const std::string_view whole :
       {"F16", "FP16", "BF16", "F32", "FP32", "MXFP4", "MXFP4_MOE", "NVFP4"}) {
    if (word == whole) return true;
  }
  for (const std::string_view prefix : {"IQ", "TQ", "Q"}) {
    if (!word.starts_with(prefix)) continue;
    const std::string_view rest = word.substr(prefix.size());
    return rest.size() >= 2 && rest[0] >= '1' && rest[0] <= '8' &&
           rest[1] == '_';
  }
  return false;
}

// What a model needs besides weights lies in the repository's own folder, and
// for embeddings in the folders of its further steps.
bool is_side_file(std::string_view path) {
  const std::string name = base::lower(path);
  const std::size_t slash = name.find('/');
  if (slash != name.npos) {
    const std::string_view folder = std::string_view(name).substr(0, slash);
    return folder.ends_with("_pooling") || folder.ends_with("_dense") ||
           folder.ends_with("_normalize") || folder.ends_with("_layernorm") ||
           (folder == "additional_chat_templates" && name.ends_with(".jinja"));
  }
  return name.ends_with(".json") || name.ends_with(".jinja") ||
         name.ends_with(".model") || name.ends_with(".tiktoken") ||
         name == "vocab.txt" || name == "merges.txt";
}

bool is_weight_file(std::string_view path) {
  return path.find('/') == path.npos &&
         base::lower(path).ends_with(".safetensors");
}

// Another program's layout, which mostly repeats the model.
bool is_consolidated(std::string_view path) {
  return path.starts_with("consolidated");
}

// The most wanted first.
constexpr std::array<std::string_view, 5> kVariants{".bf16", ".fp16", ".fp32",
                                                    ".int8", ".non_ema"};

bool is_of_variant(std::string_view path, std::string_view variant) {
  return path.find(std::string(variant) + ".safetensors") != path.npos ||
         path.find(std::string(variant) + "-0") != path.npos;
}

bool is_variant(std::string_view path) {
  return std::any_of(
      kVariants.begin(), kVariants.end(),
      [&](std::string_view variant) { return is_of_variant(path, variant); });
}

// The files of the one variant that is taken where there is nothing else: of
// several, none could be told to be the model.
std::vector<RemoteFile> one_variant(const std::vector<RemoteFile>& files) {
  for (const std::string_view variant : kVariants) {
    std::vector<RemoteFile> chosen;
    for (const RemoteFile& file : files) {
      if (is_of_variant(file.path, variant)) chosen.push_back(file);
    }
    if (!chosen.empty()) return chosen;
  }
  return {};
}

std::string size_text(std::uint64_t bytes) {
  return bytes < 1'000'000'000 ? fmt::format("{:.0f} MB", bytes / 1e6)
                               : fmt::format("{:.1f} GB", bytes / 1e9);
}

// The GGUF models of a repository, parts together, by name.
struct GgufModels {
  std::map<std::string, std::vector<RemoteFile>> by_name;

  explicit GgufModels(const std::vector<RemoteFile>& files) {
    for (const RemoteFile& file : files) {
      if (io::is_gguf_model_name(file.path)) {
        by_name[gguf_model_name(file.path)].push_back(file);
      }
    }
  }

  // "Q4_K_M (4.9 GB), Q8_0 (8.5 GB)"; whole names where quantisations repeat.
  std::string choices() const {
    std::map<std::string, int> labels;
    for (const auto& entry : by_name) {
      ++labels[quantisation_in_name(entry.first)];
    }
    std::vector<std::string> list;
    for (const auto& [name, parts] : by_name) {
      const std::string label = quantisation_in_name(name);
      std::uint64_t bytes = 0;
      for (const RemoteFile& part : parts) bytes += part.size.value_or(0);
      std::string text =
          label.empty() || labels[label] > 1 ? parts.front().path : label;
      if (bytes > 0) text += " (" + size_text(bytes) + ")";
      list.push_back(std::move(text));
    }
    if (list.size() <= kListed) return fmt::format("{}", fmt::join(list, ", "));
    const std::size_t left = list.size() - kListed;
    list.resize(kListed);
    return fmt::format("{} and {} more", fmt::join(list, ", "), left);
  }

  [[noreturn]] void refuse(std::string_view id, std::string_view why) const {
    throw InvalidRequestError(
        fmt::format("[hub] {} {}", id, why),
        fmt::format("Choose one: allm pull {}:NAME, where NAME is one of {}.",
                    id, choices()));
  }
};

[[noreturn]] void refuse_weights(std::string_view id,
                                 const std::vector<RemoteFile>& files) {
  std::string has = "it has no weights";
  for (const RemoteFile& file : files) {
    const std::string name = base::lower(name_of(file.path));
    if (name.ends_with(".bin") || name.ends_with(".pt") ||
        name.ends_with(".pth") || name.ends_with(".ckpt") ||
        name.ends_with(".h5") || name.ends_with(".onnx") ||
        name.ends_with(".msgpack")) {
      has = "it has " + file.path;
      break;
    }
  }
  throw ModelNotFoundError(
      fmt::format("[hub] {} has no safetensors and no GGUF files; {}", id, has),
      "Look for a conversion of it, or name files: allm pull "
      "ORG/NAME:GLOB.");
}

std::vector<RemoteFile> default_files(std::string_view id,
                                      const std::vector<RemoteFile>& files) {
  std::vector<RemoteFile> chosen;
  // What is taken where there is no model itself: "model.fp16.safetensors".
  std::vector<RemoteFile> variants;
  std::vector<RemoteFile> consolidated;
  bool has_weights = false;
  for (const RemoteFile& file : files) {
    if (is_weight_file(file.path)) {
      if (is_consolidated(file.path)) {
        consolidated.push_back(file);
        continue;
      }
      if (is_variant(file.path)) {
        variants.push_back(file);
        continue;
      }
      has_weights = true;
    } else if (!is_side_file(file.path)) {
      continue;
    }
    chosen.push_back(file);
  }
  if (!has_weights && !variants.empty()) {
    const std::vector<RemoteFile> one = one_variant(variants);
    chosen.insert(chosen.end(), one.begin(), one.end());
    has_weights = true;
  }
  if (has_weights) return chosen;
  const GgufModels models(files);
  if (models.by_name.empty() && !consolidated.empty()) {
    chosen.insert(chosen.end(), consolidated.begin(), consolidated.end());
    return chosen;
  }
  if (models.by_name.empty()) refuse_weights(id, files);
  if (models.by_name.size() > 1) {
    models.refuse(id, fmt::format("has {} GGUF models", models.by_name.size()));
  }
  return models.by_name.begin()->second;
}

std::vector<RemoteFile> quantised_files(std::string_view id,
                                        const std::vector<RemoteFile>& files,
                                        std::string_view wanted) {
  const GgufModels all(files);
  std::vector<std::string> names;
  for (const auto& entry : all.by_name) names.push_back(entry.first);
  GgufModels fit{{}};
  for (const std::size_t i : gguf_models_named(wanted, names)) {
    fit.by_name.emplace(names[i], all.by_name.at(names[i]));
  }
  if (fit.by_name.size() > 1) {
    fit.refuse(id, fmt::format("has {} GGUF models of '{}'", fit.by_name.size(),
                               wanted));
  }
  if (!fit.by_name.empty()) return fit.by_name.begin()->second;
  if (!all.by_name.empty()) {
    all.refuse(id, fmt::format("has no GGUF model of '{}'", wanted));
  }
  throw ModelNotFoundError(
      fmt::format("[hub] {} has no file '{}'", id, wanted),
      "A glob such as '*.safetensors' names several; without any, what the "
      "model needs is fetched.");
}

}  // namespace

std::string gguf_model_name(std::string_view path) {
  std::string name(path);
  if (base::lower(name).ends_with(".gguf")) name.resize(name.size() - 5);
  // "-00001-of-00002"
  constexpr std::size_t kPart = 15;
  if (name.size() > kPart) {
    const std::string_view end =
        std::string_view(name).substr(name.size() - kPart);
    const auto is_number = [](std::string_view text) {
      return text.find_first_not_of("0123456789") == text.npos;
    };
    if (end[0] == '-' && is_number(end.substr(1, 5)) &&
        end.substr(6, 4) == "-of-" && is_number(end.substr(10))) {
      name.resize(name.size() - kPart);
    }
  }
  return name;
}

std::string quantisation_in_name(std::string_view path) {
  const std::string name = upper(name_of(gguf_model_name(path)));
  std::size_t end = name.size();
  while (end > 0) {
    const std::size_t before = name.find_last_of("-.", end - 1);
    const std::size_t begin = before == name.npos ? 0 : before + 1;
    const std::string word = name.substr(begin, end - begin);
    if (is_quantisation(word)) return word;
    end = begin == 0 ? 0 : begin - 1;
  }
  return {};
}

bool is_glob(std::string_view files) {
  return files.find_first_of("*?[") != files.npos;
}

std::vector<std::size_t> gguf_models_named(
    std::string_view wanted, const std::vector<std::string>& paths) {
  const std::string want = upper(wanted);
  const auto pick = [&](const auto& fits) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (fits(paths[i])) found.push_back(i);
    }
    return found;
  };
  if (is_glob(wanted)) {
    return pick([&](const std::string& path) {
      return ::fnmatch(want.c_str(), upper(path).c_str(), 0) == 0;
    });
  }
  auto found = pick([&](const std::string& path) {
    return upper("/" + path).ends_with("/" + want);
  });
  if (found.empty()) {
    found = pick([&](const std::string& path) {
      return quantisation_in_name(path) == want;
    });
  }
  if (!found.empty()) return found;
  return pick([&](const std::string& path) {
    const std::string name = upper(gguf_model_name(path));
    return name == want || name.ends_with("-" + want) ||
           name.ends_with("." + want) || name.ends_with("/" + want) ||
           name.starts_with(want + "/");
  });
}

std::vector<RemoteFile> select_files(std::string_view id,
                                     const std::vector<RemoteFile>& files,
                                     std::string_view wanted) {
  if (wanted.empty()) return default_files(id, files);
  const bool has_glob = is_glob(wanted);
  const std::string pattern(wanted);
  std::vector<RemoteFile> chosen;
  for (const RemoteFile& file : files) {
    if (has_glob ? ::fnmatch(pattern.c_str(), file.path.c_str(), 0) == 0
                 : file.path == wanted) {
      chosen.push_back(file);
    }
  }
  if (!chosen.empty()) return chosen;
  if (!has_glob) return quantised_files(id, files, wanted);
  std::vector<std::string> names;
  for (const RemoteFile& file : files) {
    if (names.size() < kListed) names.push_back(file.path);
  }
  throw ModelNotFoundError(
      fmt::format("[hub] no file of {} fits '{}'", id, wanted),
      fmt::format("It has {}.", fmt::join(names, ", ")));
}

}  // namespace abstractllm::hub

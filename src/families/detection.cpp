// From config, template and name to a family.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>

#include "families/family.h"

namespace abstractllm::families {

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool has(const std::vector<std::string_view>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// The last part of an id or a path, in lower case, words divided by '-'.
std::string normalised_name(std::string_view name) {
  while (name.ends_with('/')) name.remove_suffix(1);
  if (const auto slash = name.rfind('/'); slash != std::string_view::npos) {
    name.remove_prefix(slash + 1);
  }
  std::string text(name);
  for (char& c : text) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (c == '_' || c == ' ' || c == ':') c = '-';
  }
  return text;
}

bool starts_word(std::string_view text, std::size_t at) {
  return at == 0 || !std::isalnum(static_cast<unsigned char>(text[at - 1]));
}

// The pieces between the stars, in order; the first begins a word.
bool matches(std::string_view name, std::string_view pattern) {
  std::size_t at = 0;
  bool first = true;
  while (!pattern.empty()) {
    const std::size_t star = std::min(pattern.find('*'), pattern.size());
    const std::string_view piece = pattern.substr(0, star);
    std::size_t found = name.find(piece, at);
    while (first && found != std::string_view::npos &&
           !starts_word(name, found)) {
      found = name.find(piece, found + 1);
    }
    if (found == std::string_view::npos) return false;
    at = found + piece.size();
    first = false;
    pattern.remove_prefix(std::min(star + 1, pattern.size()));
  }
  return true;
}

// Characters that a matching pattern fixes; 0: none matches any of `names`.
std::size_t name_match(const std::vector<std::string_view>& patterns,
                       const std::vector<std::string>& names) {
  std::size_t best = 0;
  for (const std::string_view pattern : patterns) {
    const auto stars = static_cast<std::size_t>(
        std::count(pattern.begin(), pattern.end(), '*'));
    for (const std::string& name : names) {
      if (matches(name, pattern)) best = std::max(best, pattern.size() - stars);
    }
  }
  return best;
}

// Whether a template may be one of this family.
bool fits(const MLXModelConfig& family, std::string_view chat_template) {
  return chat_template.empty() || (contains(chat_template, family.user_turn) &&
                                   contains(chat_template, family.answer_turn));
}

template <typename Rank>
const MLXModelConfig* best_family(Rank&& rank) {
  const MLXModelConfig* best = nullptr;
  std::size_t best_rank = 0;
  for (const MLXModelConfig& family : all_families()) {
    const std::size_t its = rank(family);
    if (its > best_rank) {
      best = &family;
      best_rank = its;
    }
  }
  return best;
}

const MLXModelConfig* by_marks(std::string_view chat_template) {
  return best_family([&](const MLXModelConfig& family) -> std::size_t {
    std::size_t length = 0;
    for (const std::string_view mark : family.template_marks) {
      if (!contains(chat_template, mark)) return 0;
      length += mark.size();
    }
    return length;
  });
}

const MLXModelConfig* by_type(std::string_view type) {
  return best_family([&](const MLXModelConfig& family) -> std::size_t {
    return !type.empty() && has(family.model_types, type) ? 1 : 0;
  });
}

const MLXModelConfig* by_shared_type(std::string_view type) {
  return best_family([&](const MLXModelConfig& family) -> std::size_t {
    return !type.empty() && has(family.shared_model_types, type) ? 1 : 0;
  });
}

// "Qwen3ForCausalLM" is model_type qwen3, mostly.
std::string type_of_class(std::string_view name) {
  for (const std::string_view end :
       {"ForCausalLM", "ForConditionalGeneration", "LMHeadModel", "Model"}) {
    if (!name.ends_with(end)) continue;
    name.remove_suffix(end.size());
    break;
  }
  std::string type;
  for (const char c : name) {
    type += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return type;
}

// What the config or the file says the architecture is.
struct Architecture {
  std::string type{};
  FoundBy by = FoundBy::kModelType;
  std::string evidence{};
};

Architecture architecture_of(const FamilyEvidence& evidence) {
  if (!evidence.model_type.empty()) {
    const std::string type(evidence.model_type);
    if (by_type(type) != nullptr || by_shared_type(type) != nullptr ||
        evidence.architectures.empty()) {
      return {type, FoundBy::kModelType, "model_type " + type};
    }
  }
  if (!evidence.architectures.empty()) {
    const std::string& name = evidence.architectures.front();
    return {type_of_class(name), FoundBy::kModelType, "architecture " + name};
  }
  const std::string type(evidence.gguf_architecture);
  return {type, FoundBy::kGgufArchitecture, "general.architecture " + type};
}

}  // namespace

FoundFamily detect_family(const FamilyEvidence& evidence) {
  const Architecture architecture = architecture_of(evidence);
  std::vector<std::string> names;
  for (const std::string_view name : {evidence.stored_name, evidence.name}) {
    if (!name.empty()) names.push_back(normalised_name(name));
  }
  const auto told_by = [&](const std::vector<std::string_view>& patterns) {
    for (const std::string& name : names) {
      if (name_match(patterns, {name}) == name_match(patterns, names)) {
        return "the name " + name;
      }
    }
    return std::string();
  };
  const std::string_view chat = evidence.chat_template;
  FoundFamily found{find_family("generic"), FoundBy::kNothing, {}};
  const auto named = [&](auto&& may_be) {
    return best_family([&](const MLXModelConfig& family) {
      return may_be(family) ? name_match(family.names, names) : 0;
    });
  };
  const MLXModelConfig* tuned =
      best_family([&](const MLXModelConfig& family) -> std::size_t {
        return chat.empty() ? name_match(family.tuning_names, names) : 0;
      });
  if (tuned != nullptr) {
    return {tuned, FoundBy::kName, told_by(tuned->tuning_names)};
  }
  const auto type = architecture.type;
  const MLXModelConfig* typed = by_type(type);
  const MLXModelConfig* marked = chat.empty() ? nullptr : by_marks(chat);
  if (typed != nullptr && (fits(*typed, chat) || marked == nullptr)) {
    found = {typed, architecture.by, architecture.evidence};
  } else if (marked != nullptr) {
    found = {marked, FoundBy::kTemplate, "marks in the chat template"};
  }
  // Families that a name may still choose: the kin of what was found, or all
  // that the template does not speak against.
  const MLXModelConfig* called = named([&](const MLXModelConfig& family) {
    if (!fits(family, chat)) return false;
    if (found.by == FoundBy::kNothing) return true;
    return family.parent == found.family->name ||
           has(family.shared_model_types, type);
  });
  if (called != nullptr && called != found.family)
    return {called, FoundBy::kName, told_by(called->names)};
  if (found.by != FoundBy::kNothing) return found;
  if (const MLXModelConfig* shared = by_shared_type(type)) {
    return {shared, architecture.by, architecture.evidence};
  }
  return found;
}

}  // namespace abstractllm::families

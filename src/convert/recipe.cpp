// Reading of modes, rules and recipes, and their application to names.
// SPDX-License-Identifier: Apache-2.0
#include "convert/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "abstractllm/error.h"

namespace abstractllm::convert {
namespace {

[[noreturn]] void refuse(const std::string& what, std::string hint) {
  throw InvalidParameterError("[convert] " + what, std::move(hint));
}

void check(const Quantisation& wanted) {
  const auto is = [](int value, std::initializer_list<int> allowed) {
    return std::find(allowed.begin(), allowed.end(), value) != allowed.end();
  };
  if (wanted.mode == "affine") {
    if (!is(wanted.bits, {2, 3, 4, 5, 6, 8})) {
      refuse(fmt::format("{} bits", wanted.bits), "Use 2, 3, 4, 5, 6 or 8.");
    }
    if (!is(wanted.group_size, {32, 64, 128})) {
      refuse(fmt::format("groups of {}", wanted.group_size),
             "Use 32, 64 or 128.");
    }
    return;
  }
  const Quantisation own = wanted.mode == "mxfp8" ? Quantisation{"mxfp8", 8, 32}
                           : wanted.mode == "nvfp4"
                               ? Quantisation{"nvfp4", 4, 16}
                               : Quantisation{"mxfp4", 4, 32};
  if (wanted != own) {
    refuse(fmt::format("mode '{}' with {} bits in groups of {}", wanted.mode,
                       wanted.bits, wanted.group_size),
           "Modes are affine, mxfp4, mxfp8 and nvfp4; the last three have bits "
           "and groups of their own.");
  }
}

Quantisation of_mode(const std::string& mode, int bits, int group_size) {
  Quantisation wanted{.mode = mode,
                      .bits = mode == "mxfp8" ? 8 : 4,
                      .group_size = mode == "affine"  ? 64
                                    : mode == "nvfp4" ? 16
                                                      : 32};
  if (bits != 0) wanted.bits = bits;
  if (group_size != 0) wanted.group_size = group_size;
  check(wanted);
  return wanted;
}

std::optional<int> read_number(std::string_view text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

// The number in a module's name that stands for a layer; 0 without one.
int layer_of(std::string_view module) {
  while (!module.empty()) {
    const std::size_t dot = std::min(module.find('.'), module.size());
    if (const auto number = read_number(module.substr(0, dot))) return *number;
    module.remove_prefix(std::min(dot + 1, module.size()));
  }
  return 0;
}

}  // namespace

std::optional<Quantisation> parse_rule(const std::string& text) {
  if (text == "keep") return std::nullopt;
  const std::size_t slash = text.find('/');
  const auto bits = read_number(std::string_view(text).substr(0, slash));
  if (!bits) return of_mode(text, 0, 0);
  int group = 0;
  if (slash != text.npos) {
    const auto given = read_number(std::string_view(text).substr(slash + 1));
    if (!given) refuse(fmt::format("rule '{}'", text), "As in 8/32.");
    group = *given;
  }
  return of_mode("affine", *bits, group);
}

std::optional<Recipe> parse_recipe(const std::string& name) {
  if (name.empty()) return std::nullopt;
  if (name == "mixed_2_6") return Recipe{2, 6};
  if (name == "mixed_3_4") return Recipe{3, 4};
  if (name == "mixed_3_6") return Recipe{3, 6};
  if (name == "mixed_4_6") return Recipe{4, 6};
  refuse(fmt::format("recipe '{}'", name),
         "Known are mixed_2_6, mixed_3_4, mixed_3_6 and mixed_4_6.");
}

bool matches_glob(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = glob.npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t]) &&
        glob[g] != '*') {
      ++g;
      ++t;
    } else if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (star != glob.npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool takes_more_bits(std::string_view module, int layers) {
  const auto has = [&](std::string_view part) {
    return module.find(part) != module.npos;
  };
  if (has("lm_head")) return true;
  const int layer = layer_of(module);
  const int eighth = layers / 8;
  const bool is_chosen = layer < eighth || layer >= 7 * layers / 8 ||
                         (layer >= eighth && (layer - eighth) % 3 == 2);
  return is_chosen && (has("v_proj") || has("v_a_proj") || has("v_b_proj") ||
                       has("down_proj"));
}

std::optional<Quantisation> common_quantisation(
    const ConversionOptions& options) {
  if (options.mode.empty()) {
    if (options.bits != 0 || options.group_size != 0 ||
        !options.recipe.empty()) {
      refuse("bits, group size or recipe without a mode", "Give a mode.");
    }
    return std::nullopt;
  }
  const auto recipe = parse_recipe(options.recipe);
  if (recipe && (options.mode != "affine" || options.bits != 0)) {
    refuse("a recipe goes with mode affine and no bits of its own", "");
  }
  return of_mode(options.mode, recipe ? recipe->low : options.bits,
                 options.group_size);
}

}  // namespace abstractllm::convert

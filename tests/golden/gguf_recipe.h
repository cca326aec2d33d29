// GGUF files made of text fixtures, as a recipe says.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace abstractllm::golden {

/// The content of a GGUF file with the weights of `fixture` in float32.
/// `recipe`: a file of make_gguf_recipe.py. `has_tokens`: with a vocabulary of
/// made-up tokens, which converting asks for.
std::string make_gguf(const std::filesystem::path& recipe,
                      const std::filesystem::path& fixture,
                      bool has_tokens = false);

/// Name of the fixture that `recipe` is for.
std::string fixture_of_recipe(const std::filesystem::path& recipe);

}  // namespace abstractllm::golden

// A copy of a tiny model with some of its files changed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

#include "model/tiny_model.h"
#include "support/temporary_folder.h"

namespace abstractllm::test {

/// Links to a fixture's files, in a folder of its own.
class ChangedModel {
 public:
  explicit ChangedModel(const std::string& name) {
    for (const auto& entry :
         std::filesystem::directory_iterator(fixture(name))) {
      if (!entry.is_regular_file()) continue;
      std::filesystem::create_symlink(entry.path(),
                                      folder_.path() / entry.path().filename());
    }
  }

  std::string read(const std::string& name) const {
    std::ifstream stream(folder_.path() / name);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::remove(folder_.path() / name);
    folder_.file(name, text);
  }

  /// Throws std::runtime_error if `old` is not there.
  void change(const std::string& name, const std::string& old,
              const std::string& changed) {
    std::string text = read(name);
    const std::size_t at = text.find(old);
    if (at == std::string::npos) {
      throw std::runtime_error("no '" + old + "' in " + name);
    }
    write(name, text.replace(at, old.size(), changed));
  }

  std::unique_ptr<AbstractLLMInterface> open() const {
    return create_llm("mlx",
                      {.model = folder_.path().string(), .cpu_exact = true});
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace abstractllm::test

// Whether all files of a model are there that its files' names count.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace abstractllm::hub {

/// Whether `model`, a folder or a GGUF file, lacks one of the parts that the
/// others are numbered by ("NAME-00002-of-00003.safetensors"). A folder that
/// cannot be read lacks none.
bool lacks_parts(const std::filesystem::path& model);

}  // namespace abstractllm::hub

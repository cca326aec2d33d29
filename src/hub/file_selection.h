// Which files of a repository make up the model that was asked for.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hub/remote_repository.h"

namespace abstractllm::hub {

/// The files to fetch of the repository `id`, in its order. `wanted` is
///   empty: the safetensors in the repository's own folder with every config,
///     tokenizer and template file; of a repository with GGUF files alone, its
///     only model;
///   a glob ("*" passes over slashes, as the hub's own tools have it), with
///     one of * ? [ in it;
///   the path of a file;
///   the name of a quantisation: "Q4_K_M", in any letter case.
/// Throws InvalidRequestError that lists the choices where there are several,
/// and ModelNotFoundError where nothing fits.
std::vector<RemoteFile> select_files(std::string_view id,
                                     const std::vector<RemoteFile>& files,
                                     std::string_view wanted);

/// Which of `paths`, each of a GGUF model or its first part, `wanted` names, in
/// any letter case: all that a glob fits; else those of this path or the end of
/// one; else those of this quantisation; else those whose name without its
/// ending is or ends with it ("UD-Q4_K_XL"), or whose folder has this name.
std::vector<std::size_t> gguf_models_named(
    std::string_view wanted, const std::vector<std::string>& paths);

/// Whether `files` of an address is a glob: has one of * ? [ in it.
bool is_glob(std::string_view files);

/// The quantisation that a GGUF file's name speaks of, in capitals; empty:
/// none.
std::string quantisation_in_name(std::string_view path);

/// The path of a GGUF model without the part's number and the ending: equal
/// for all parts of one model.
std::string gguf_model_name(std::string_view path);

}  // namespace abstractllm::hub

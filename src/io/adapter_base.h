// Whether an adapter was made for the model that it is given to.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "io/adapter_file.h"

namespace abstractllm::io {

/// Whether the names `base` ("org/Name-1B", or a folder) and `model` (likewise)
/// are clearly those of two models: neither name is part of the other, whatever
/// stands between their letters, as those of quantised copies are. False where
/// one is empty.
bool names_another_model(std::string_view base, std::string_view model);

/// Says so in the log, with a hint, if `adapter` names another model than
/// `model`, a hub's name or a path. Shapes that fit prove nothing.
void warn_of_other_base(const AdapterFile& adapter, std::string_view model);

}  // namespace abstractllm::io

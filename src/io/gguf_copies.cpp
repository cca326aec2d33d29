// Copies of single fields.
// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_copies.h"

#include <nlohmann/json.hpp>

namespace abstractllm::io {

void copy_number(const GgufFields& fields, const char* name,
                 nlohmann::json& config, const char* field) {
  if (const auto value = fields.find_number(name)) config[field] = *value;
}

void copy_size(const GgufFields& fields, const char* name,
               nlohmann::json& config, const char* field) {
  if (const auto value = fields.find_size(name)) config[field] = *value;
}

void copy_bool(const GgufFields& fields, const char* name,
               nlohmann::json& config, const char* field) {
  if (const auto value = fields.file().find_bool(fields.key(name))) {
    config[field] = *value;
  }
}

}  // namespace abstractllm::io

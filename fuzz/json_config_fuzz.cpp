// Reads any bytes as config.json and asks for every field in every way.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "io/quantization_config.h"

namespace {

using namespace abstractllm;

template <typename Call>
void refused_or_done(Call&& call) {
  try {
    call();
  } catch (const Error&) {
    // A refusal is the expected answer to most inputs.
  }
}

void look_up(const io::JsonConfig& config, const std::string& key) {
  refused_or_done([&] { config.find_int(key); });
  refused_or_done([&] { config.find_number(key); });
  refused_or_done([&] { config.find_string(key); });
  refused_or_done([&] { config.find_bool(key); });
  refused_or_done([&] { config.find_ints(key); });
  refused_or_done([&] { config.find_numbers(key); });
  refused_or_done([&] { config.find_strings(key); });
  refused_or_done([&] { config.find_objects(key); });
  refused_or_done([&] { config.find_json(key); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  refused_or_done([&] {
    const auto config = io::JsonConfig::parse(
        {reinterpret_cast<const char*>(data), size}, "fuzz.json");
    for (const std::string& key : config.keys()) {
      look_up(config, key);
      refused_or_done([&] {
        const auto inner = config.find_object(key);
        if (!inner) return;
        for (const std::string& name : inner->keys()) look_up(*inner, name);
      });
    }
    refused_or_done([&] { io::QuantizationConfig(config).rule("lm_head"); });
    // What was read can be written and read again.
    io::JsonConfig::parse(config.to_json(), "again");
  });
  return 0;
}

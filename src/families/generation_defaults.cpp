// generation_config.json as parameters.
// SPDX-License-Identifier: Apache-2.0
#include "families/generation_defaults.h"

#include "abstractllm/error.h"
#include "io/json_config.h"

namespace abstractllm::families {

namespace {

// Keeps `value` in `field` if the parameters stay valid with it.
template <typename T>
void take(GenerationParameters& parameters,
          std::optional<T> GenerationParameters::*field,
          std::optional<double> value) {
  if (!value) return;
  GenerationParameters trial;
  trial.*field = static_cast<T>(*value);
  try {
    validate(trial);
  } catch (const InvalidParameterError&) {
    return;
  }
  parameters.*field = trial.*field;
}

}  // namespace

GenerationParameters generation_defaults(const io::JsonConfig& config) {
  using P = GenerationParameters;
  GenerationParameters parameters;
  take(parameters, &P::temperature, config.find_number("temperature"));
  // The rest counts all the same: penalties act on greedy answers, too.
  if (!config.find_bool("do_sample").value_or(true)) {
    parameters.temperature = 0;
  }
  take(parameters, &P::top_k, config.find_number("top_k"));
  take(parameters, &P::top_p, config.find_number("top_p"));
  take(parameters, &P::min_p, config.find_number("min_p"));
  take(parameters, &P::typical_p, config.find_number("typical_p"));
  take(parameters, &P::repetition_penalty,
       config.find_number("repetition_penalty"));
  return parameters;
}

}  // namespace abstractllm::families

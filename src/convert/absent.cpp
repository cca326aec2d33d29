// Conversion in a build without MLX.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/convert.h"
#include "abstractllm/error.h"

namespace abstractllm {

ConversionResult convert_model(const ConversionOptions& /*options*/) {
  throw UnsupportedOperationError(
      "[convert] this build has no MLX, which quantises",
      "Use a build with it.");
}

}  // namespace abstractllm

// What a few repeated measurements say.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace abstractllm::cli {

struct Spread {
  double median = 0;
  double lowest = 0;
  double highest = 0;
};

/// REQUIRES: `values` is not empty.
Spread spread_of(std::vector<double> values);

}  // namespace abstractllm::cli

// A program linked to MLX as ours are; check_blas.py starts it.
// SPDX-License-Identifier: Apache-2.0
#include "mlx/mlx.h"

int main() {
  namespace mx = mlx::core;
  const mx::array ones = mx::ones({4, 4});
  return mx::sum(mx::matmul(ones, ones)).item<float>() == 64.0f ? 0 : 1;
}

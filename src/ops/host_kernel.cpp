// The MLX primitive behind host_kernel.
// SPDX-License-Identifier: Apache-2.0
#include "ops/host_kernel.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "mlx/allocator.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/ops.h"
#include "mlx/primitives.h"
#include "ops/cpu_state.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// The changes that adapters make hold for one kernel: left behind they would
// keep the adapter, and through it this state, alive.
class ChangesOfKernel {
 public:
  ChangesOfKernel(CpuState& cpu, std::shared_ptr<const RowChanges> changes)
      : cpu_(cpu) {
    cpu_.adapters.changes = std::move(changes);
  }
  ~ChangesOfKernel() { cpu_.adapters.changes.reset(); }
  ChangesOfKernel(const ChangesOfKernel&) = delete;
  ChangesOfKernel& operator=(const ChangesOfKernel&) = delete;

 private:
  CpuState& cpu_;
};

class HostKernel : public mx::UnaryPrimitive {
 public:
  HostKernel(mx::Stream stream, std::shared_ptr<CpuState> cpu, const char* name,
             HostFunction function)
      : UnaryPrimitive(stream),
        options_(cpu->next_options),
        changes_(cpu->next_changes),
        cpu_(std::move(cpu)),
        name_(name),
        function_(std::move(function)) {}

  const char* name() const override { return name_; }

  void eval_cpu(const std::vector<mx::array>& inputs,
                mx::array& output) override {
    output.set_data(mx::allocator::malloc(output.nbytes()));
    std::vector<const float*> pointers;
    pointers.reserve(inputs.size());
    for (const mx::array& input : inputs) {
      pointers.push_back(input.data<float>());
    }
    // The encoder copies the task, so the function moves in once and for all;
    // MLX keeps inputs and output alive until the task has run.
    mx::cpu::get_command_encoder(stream()).dispatch(
        [cpu = std::move(cpu_), options = options_,
         changes = std::move(changes_), function = std::move(function_),
         pointers = std::move(pointers), out = output.data<float>()]() {
          const auto start = std::chrono::steady_clock::now();
          cpu->options = options;
          const ChangesOfKernel changed(*cpu, changes);
          function(pointers, out);
          cpu->clock.add(std::chrono::steady_clock::now() - start);
        });
  }

  void eval_gpu(const std::vector<mx::array>& /*inputs*/,
                mx::array& /*output*/) override {
    throw std::runtime_error("[host_kernel] has no GPU implementation");
  }

 private:
  cpu::LinearOptions options_;  // as they were when the node was made
  std::shared_ptr<const RowChanges> changes_;  // likewise
  std::shared_ptr<CpuState> cpu_;
  const char* name_;
  HostFunction function_;
};

// Whether the elements lie in row-major order for certain, so that no node is
// needed to bring them there.
bool is_plain(const mx::array& x) {
  if (x.dtype() != mx::float32) return false;
  if (!x.has_primitive()) return x.flags().row_contiguous;
  return dynamic_cast<const HostKernel*>(&x.primitive()) != nullptr;
}

}  // namespace

mx::array host_kernel(std::shared_ptr<CpuState> cpu, const char* name,
                      mx::Shape shape, std::vector<mx::array> inputs,
                      HostFunction function) {
  for (mx::array& input : inputs) {
    if (!is_plain(input)) {
      input = mx::contiguous(mx::astype(input, mx::float32));
    }
  }
  return mx::array(
      std::move(shape), mx::float32,
      std::make_shared<HostKernel>(mx::default_stream(mx::Device::cpu),
                                   std::move(cpu), name, std::move(function)),
      std::move(inputs));
}

}  // namespace abstractllm::ops

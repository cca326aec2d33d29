// Kernels that run at once, and the MLX primitive of those that cannot.
// SPDX-License-Identifier: Apache-2.0
#include "ops/host_kernel.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "mlx/allocator.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/ops.h"
#include "mlx/primitives.h"
#include "mlx/transforms.h"
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

// What kernels are made with, and hold on to until they run.
struct Settings {
  explicit Settings(const CpuState& cpu)
      : options(cpu.next_options), changes(cpu.next_changes) {}

  KernelOptions options;
  std::shared_ptr<const RowChanges> changes;
};

void run(CpuState& cpu, const Settings& settings, const HostFunction& function,
         std::span<const float* const> inputs, float* output) {
  const auto start = std::chrono::steady_clock::now();
  cpu.options = settings.options;
  const ChangesOfKernel changed(cpu, settings.changes);
  function(inputs, output);
  cpu.clock.add(std::chrono::steady_clock::now() - start);
}

// The last errors of kernels in graphs, out of which only their words come:
// those are what they are found by. Thread-safe.
class GraphErrors {
 public:
  void keep(const char* words, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (errors_.size() == kMost) errors_.pop_front();
    errors_.push_back({words, std::move(error)});
  }

  // Rethrows the one that `words` tell of, if there is one.
  void rethrow(const char* words) {
    std::exception_ptr found;
    {
      const std::lock_guard lock(mutex_);
      const auto it =
          std::find_if(errors_.begin(), errors_.end(), [&](const Kept& kept) {
            return std::strstr(words, kept.words.c_str()) != nullptr;
          });
      if (it == errors_.end()) return;
      found = std::move(it->error);
      errors_.erase(it);
    }
    std::rethrow_exception(found);
  }

 private:
  static constexpr std::size_t kMost = 16;
  struct Kept {
    std::string words;
    std::exception_ptr error;
  };
  std::mutex mutex_;
  std::deque<Kept> errors_;
};

GraphErrors& graph_errors() {
  static GraphErrors errors;
  return errors;
}

std::vector<const float*> pointers_to(const std::vector<mx::array>& inputs) {
  std::vector<const float*> pointers;
  pointers.reserve(inputs.size());
  for (const mx::array& input : inputs) pointers.push_back(input.data<float>());
  return pointers;
}

class HostKernel : public mx::UnaryPrimitive {
 public:
  HostKernel(mx::Stream stream, std::shared_ptr<CpuState> cpu, const char* name,
             HostFunction function)
      : UnaryPrimitive(stream),
        settings_(*cpu),
        cpu_(std::move(cpu)),
        name_(name),
        function_(std::move(function)) {}

  const char* name() const override { return name_; }

  void eval_cpu(const std::vector<mx::array>& inputs,
                mx::array& output) override {
    output.set_data(mx::allocator::malloc(output.nbytes()));
    // The encoder copies the task, so the function moves in once and for all;
    // MLX keeps inputs and output alive until the task has run.
    mx::cpu::get_command_encoder(stream()).dispatch(
        [cpu = std::move(cpu_), settings = std::move(settings_),
         function = std::move(function_), pointers = pointers_to(inputs),
         out = output.data<float>()]() {
          try {
            run(*cpu, settings, function, pointers, out);
          } catch (const Error& error) {
            graph_errors().keep(error.what(), std::current_exception());
            throw;
          }
        });
  }

  void eval_gpu(const std::vector<mx::array>& /*inputs*/,
                mx::array& /*output*/) override {
    throw std::runtime_error("[host_kernel] has no GPU implementation");
  }

 private:
  Settings settings_;
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

bool is_ready(const mx::array& x) {
  return x.dtype() == mx::float32 && x.is_available() &&
         x.flags().row_contiguous;
}

mx::array run_now(CpuState& cpu, mx::Shape shape,
                  const std::vector<mx::array>& inputs,
                  const HostFunction& function) {
  std::size_t bytes = sizeof(float);
  for (const int side : shape) bytes *= static_cast<std::size_t>(side);
  mx::array output(mx::allocator::malloc(bytes), std::move(shape), mx::float32);
  run(cpu, Settings(cpu), function, pointers_to(inputs), output.data<float>());
  return output;
}

}  // namespace

mx::array host_kernel(std::shared_ptr<CpuState> cpu, const char* name,
                      mx::Shape shape, std::vector<mx::array> inputs,
                      HostFunction function) {
  if (std::all_of(inputs.begin(), inputs.end(), is_ready)) {
    return run_now(*cpu, std::move(shape), inputs, function);
  }
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

void evaluate(std::vector<mx::array> arrays) {
  try {
    mx::eval(std::move(arrays));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    graph_errors().rethrow(error.what());
    throw;
  }
}

}  // namespace abstractllm::ops

// Speed of the CPU kernels beside the speed of reading memory.
// SPDX-License-Identifier: Apache-2.0
//
//   cpu_kernels_bench --benchmark_filter=decode --threads=2
//
// Decode figures stream through enough copies of a matrix that no cache holds
// them. `GB/s` counts the bytes of packed weights, `GMAC/s` products.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "ops/cpu/linear.h"

namespace {

using namespace abstractllm::ops::cpu;

int threads = 0;

ThreadPool& pool() {
  static ThreadPool instance({.threads = threads});
  return instance;
}

class RandomRows final : public RowSource {
 public:
  explicit RandomRows(WeightShape shape, bool symmetric)
      : shape_(shape), symmetric_(symmetric) {}
  WeightShape shape() const override { return shape_; }
  void read_row(std::int64_t row, float* values) const override {
    for (std::int64_t i = 0; i < shape_.columns; ++i) {
      values[i] = static_cast<float>((row * 31 + i * 17) % 255 - 127) / 128.0f;
    }
  }
  void read_codes(std::int64_t row, std::uint8_t* codes, float* scales,
                  float* biases) const override {
    for (std::int64_t i = 0; i < shape_.columns; ++i) {
      codes[i] = static_cast<std::uint8_t>((row * 31 + i * 17) &
                                           ((1 << shape_.bits) - 1));
    }
    for (std::int64_t g = 0; g < shape_.groups(); ++g) {
      scales[g] = 0.0078125f;
      biases[g] = symmetric_
                      ? -0.0078125f * static_cast<float>(1 << (shape_.bits - 1))
                      : -0.05078125f;
    }
  }

 private:
  WeightShape shape_;
  bool symmetric_;
};

struct Format {
  const char* name;
  WeightEncoding encoding;
  int bits;
  int group;
  bool symmetric;
};

constexpr Format kFormats[] = {
    {"q4_0", WeightEncoding::kAffine, 4, 32, true},
    {"q4_1", WeightEncoding::kAffine, 4, 32, false},
    {"mlx4_g64", WeightEncoding::kAffine, 4, 64, false},
    {"q5_0", WeightEncoding::kAffine, 5, 32, true},
    {"q6_k", WeightEncoding::kAffine, 6, 16, true},
    {"q8_0", WeightEncoding::kAffine, 8, 32, true},
    {"mxfp4", WeightEncoding::kMxfp4, 4, 32, false},
    {"bf16", WeightEncoding::kBF16, 0, 0, false},
    {"f16", WeightEncoding::kF16, 0, 0, false},
    {"f32", WeightEncoding::kF32, 0, 0, false},
};

struct Size {
  std::int64_t n, k;
};

PackedMatrix make(const Format& format, Size size,
                  WeightArena* arena = nullptr) {
  return PackedMatrix::pack(RandomRows({.rows = size.n,
                                        .columns = size.k,
                                        .encoding = format.encoding,
                                        .bits = format.bits,
                                        .group = format.group},
                                       format.symmetric),
                            pool(), {.arena = arena});
}

void run(benchmark::State& state, const Format& format, Size size,
         std::int64_t m, bool exact, std::int64_t total_bytes) {
  WeightArena arena;
  std::vector<PackedMatrix> copies;
  std::int64_t bytes = 0;
  do {
    copies.push_back(make(format, size, &arena));
    bytes += copies.back().bytes();
  } while (bytes < total_bytes);
  std::vector<float> x(static_cast<std::size_t>(m * size.k));
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i % 13) - 6.0f;
  }
  std::vector<float> y(static_cast<std::size_t>(m * size.n));
  Activations input;
  std::size_t next = 0;
  for (auto _ : state) {
    input.set(x.data(), m, size.k);
    linear(pool(), input, {{.weights = &copies[next], .y = y.data()}},
           {.precision = exact ? Precision::kExact : Precision::kInt8});
    next = (next + 1) % copies.size();
  }
  const auto calls = static_cast<double>(state.iterations());
  state.counters["GB/s"] =
      benchmark::Counter(calls * static_cast<double>(copies[0].bytes()) * 1e-9,
                         benchmark::Counter::kIsRate);
  state.counters["GMAC/s"] = benchmark::Counter(
      calls * static_cast<double>(m * size.n * size.k) * 1e-9,
      benchmark::Counter::kIsRate);
}

void read_memory(benchmark::State& state) {
  const std::size_t bytes = std::size_t{512} << 20;
  AlignedBuffer memory(bytes);
  std::memset(memory.data(), 1, bytes);
  const auto* words = memory.as<std::uint64_t>();
  std::uint64_t total = 0;
  for (auto _ : state) {
    std::vector<std::uint64_t> sums(static_cast<std::size_t>(pool().size()) *
                                    8);
    pool().parallel_for(static_cast<std::int64_t>(bytes >> 20), 1,
                        [&](std::int64_t begin, std::int64_t end, int slot) {
                          std::uint64_t sum[8] = {};
                          const std::uint64_t* stop = words + (end << 17);
                          for (const std::uint64_t* p = words + (begin << 17);
                               p < stop; p += 8) {
                            __builtin_prefetch(p + 512);
                            for (int i = 0; i < 8; ++i) sum[i] += p[i];
                          }
                          for (const std::uint64_t s : sum) {
                            sums[static_cast<std::size_t>(slot) * 8] += s;
                          }
                        });
    for (const std::uint64_t s : sums) total += s;
  }
  benchmark::DoNotOptimize(total);
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) *
                             static_cast<double>(bytes) * 1e-9,
                         benchmark::Counter::kIsRate);
}

void dispatch(benchmark::State& state) {
  for (auto _ : state) {
    pool().parallel_for(pool().size(), 1,
                        [](std::int64_t, std::int64_t, int) {});
  }
}

void pack(benchmark::State& state, const Format& format, Size size) {
  std::int64_t bytes = 0;
  for (auto _ : state) bytes = make(format, size).bytes();
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) *
                             static_cast<double>(bytes) * 1e-9,
                         benchmark::Counter::kIsRate);
}

void add(const std::string& name, const Format& format, Size size,
         std::int64_t m, bool exact, std::int64_t total_bytes) {
  benchmark::RegisterBenchmark(
      (name + "/" + format.name + "/" + std::to_string(size.n) + "x" +
       std::to_string(size.k) + "/m" + std::to_string(m) +
       (exact ? "/exact" : ""))
          .c_str(),
      run, format, size, m, exact, total_bytes)
      ->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--threads=", 10) == 0) {
      threads = std::atoi(argv[i] + 10);
      for (int j = i; j + 1 < argc; ++j) argv[j] = argv[j + 1];
      --argc;
      break;
    }
  }
  benchmark::RegisterBenchmark("memory/read", read_memory)->UseRealTime();
  benchmark::RegisterBenchmark("pool/dispatch", dispatch)->UseRealTime();
  constexpr std::int64_t kFromMemory = std::int64_t{256} << 20;
  constexpr Size kSmall[] = {{576, 576}, {1536, 576}, {576, 1536}};
  constexpr Size kOneB[] = {{2048, 2048}, {8192, 2048}, {2048, 8192}};
  constexpr Size kFourB[] = {{9728, 2560}};
  for (const Format& format : kFormats) {
    for (Size size : kSmall) {
      add("cached", format, size, 1, false, 1);
      add("decode", format, size, 1, false, kFromMemory);
    }
    for (Size size : kOneB) add("decode", format, size, 1, false, kFromMemory);
    for (Size size : kFourB) add("decode", format, size, 1, false, kFromMemory);
    add("decode", format, kOneB[1], 1, true, kFromMemory);
    add("batch", format, kOneB[1], 8, false, kFromMemory);
    add("prefill", format, kSmall[1], 512, false, 1);
    add("prefill", format, kSmall[2], 512, false, 1);
    add("prefill", format, kOneB[1], 512, false, 1);
    add("prefill", format, kOneB[1], 512, true, 1);
    benchmark::RegisterBenchmark((std::string("pack/") + format.name).c_str(),
                                 pack, format, kOneB[1])
        ->UseRealTime();
  }
  add("decode", kFormats[5], {49152, 576}, 1, false, kFromMemory);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

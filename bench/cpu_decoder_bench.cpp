// Speed of whole decoder steps of real shapes with random weights, kernels
// alone: no graph, no tokenizer, no sampling but the largest logit.
// SPDX-License-Identifier: Apache-2.0

//   cpu_decoder_bench --threads=2 --benchmark_filter=smollm2

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ops/cpu/attention.h"
#include "ops/cpu/float_kernels.h"
#include "ops/cpu/linear.h"

namespace {

using namespace abstractllm::ops::cpu;

int threads = 0;

ThreadPool& pool() {
  static ThreadPool instance({.threads = threads});
  return instance;
}

struct Format {
  const char* name;
  WeightEncoding encoding;
  int bits;
  int group;
  bool symmetric;
};

constexpr Format kQ40 = {"q4_0", WeightEncoding::kAffine, 4, 32, true};
constexpr Format kQ41 = {"q4_1", WeightEncoding::kAffine, 4, 32, false};
constexpr Format kQ80 = {"q8_0", WeightEncoding::kAffine, 8, 32, true};
constexpr Format kMlx4 = {"mlx4_g64", WeightEncoding::kAffine, 4, 64, false};
constexpr Format kBf16 = {"bf16", WeightEncoding::kBF16, 0, 0, false};

struct Model {
  const char* name;
  int layers, hidden, inner, heads, kv_heads, head_size, vocabulary;
};

constexpr Model kSmolLm2 = {"smollm2_135m", 30, 576, 1536, 9, 3, 64, 49152};
constexpr Model kQwen06B = {"qwen3_0.6b", 28, 1024, 3072, 16, 8, 128, 151936};
constexpr Model kLlama1B = {"llama3.2_1b", 16, 2048, 8192, 32, 8, 64, 128256};
constexpr Model kQwen4B = {"qwen3_4b", 36, 2560, 9728, 32, 8, 128, 151936};

class RandomRows final : public RowSource {
 public:
  RandomRows(const Format& format, std::int64_t rows, std::int64_t columns)
      : format_(format), rows_(rows), columns_(columns) {}
  WeightShape shape() const override {
    return {.rows = rows_,
            .columns = columns_,
            .encoding = format_.encoding,
            .bits = format_.bits,
            .group = format_.group};
  }
  void read_row(std::int64_t row, float* values) const override {
    for (std::int64_t i = 0; i < columns_; ++i) {
      values[i] = static_cast<float>(hash(row, i) % 255) / 4096.0f - 0.03f;
    }
  }
  void read_codes(std::int64_t row, std::uint8_t* codes, float* scales,
                  float* biases) const override {
    for (std::int64_t i = 0; i < columns_; ++i) {
      codes[i] =
          static_cast<std::uint8_t>(hash(row, i) & ((1u << format_.bits) - 1));
    }
    const auto half = static_cast<float>(1 << (format_.bits - 1));
    for (std::int64_t g = 0; g < shape().groups(); ++g) {
      scales[g] = 0.0625f / half;
      biases[g] = format_.symmetric ? -0.0625f : -0.0605f;
    }
  }

 private:
  static std::uint32_t hash(std::int64_t row, std::int64_t column) {
    auto x = static_cast<std::uint32_t>(row * 7919 + column);
    x *= 2654435761u;
    return x >> 13;
  }
  Format format_;
  std::int64_t rows_, columns_;
};

// Adds up memory as fast as one thread can.
#if defined(__x86_64__) && !defined(__clang__)
__attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#endif
std::uint64_t
read_memory(const std::uint8_t* data, std::int64_t bytes) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(data);
  std::uint64_t sums[32] = {};
  for (std::int64_t i = 0; i + 32 <= bytes / 8; i += 32) {
    for (int j = 0; j < 32; ++j) sums[j] += words[i + j];
  }
  std::uint64_t total = 0;
  for (const std::uint64_t sum : sums) total += sum;
  return total;
}

struct Layer {
  PackedMatrix q, k, v, o, gate, up, down;
  std::vector<float> norm;
};

/// A decoder and one sequence of it.
class Decoder {
 public:
  Decoder(const Model& model, const Format& format, const Format& head)
      : m_(model), rope_(frequencies(model.head_size)) {
    const int kv = m_.kv_heads * m_.head_size;
    const int q = m_.heads * m_.head_size;
    for (int i = 0; i < m_.layers; ++i) {
      layers_.push_back(
          {pack(format, q, m_.hidden), pack(format, kv, m_.hidden),
           pack(format, kv, m_.hidden), pack(format, m_.hidden, q),
           pack(format, m_.inner, m_.hidden), pack(format, m_.inner, m_.hidden),
           pack(format, m_.hidden, m_.inner),
           std::vector<float>(static_cast<std::size_t>(m_.hidden), 1.0f)});
      slabs_.emplace_back(
          KvSlab::Options{.heads = m_.kv_heads, .head_size = m_.head_size});
    }
    head_ = pack(head, m_.vocabulary, m_.hidden);
  }

  /// Bytes of weights that a step reads.
  std::int64_t bytes() const { return bytes_; }
  std::int64_t context() const { return slabs_[0].length(); }
  void reset(std::int64_t length) {
    for (KvSlab& slab : slabs_) slab.truncate(length);
  }

  /// Reads all weights and does nothing with them: the limit of a step. All
  /// threads read halves of one piece, as plain reading is done best.
  std::uint64_t read_weights() {
    std::vector<std::uint64_t> sums(static_cast<std::size_t>(pool().size()));
    std::vector<const PackedMatrix*> all;
    for (const Layer& l : layers_) {
      for (const PackedMatrix* m :
           {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down}) {
        all.push_back(m);
      }
    }
    all.push_back(&head_);
    const std::int64_t threads = pool().size();
    pool().parallel_for(
        threads, 1, [&](std::int64_t begin, std::int64_t end, int) {
          for (std::int64_t t = begin; t < end; ++t) {
            for (const PackedMatrix* m : all) {
              const std::int64_t share = m->bytes() / threads / 256 * 256;
              sums[static_cast<std::size_t>(t)] +=
                  read_memory(m->panel(0) + t * share, share);
            }
          }
        });
    std::uint64_t total = 0;
    for (const std::uint64_t sum : sums) total += sum;
    return total;
  }

  std::int64_t step(const std::vector<std::int32_t>& ids) {
    const auto tokens = static_cast<std::int64_t>(ids.size());
    resize(tokens);
    head_.gather_rows(ids, hidden_.data());
    const RopeRows rows = rope_.rows(context(), tokens);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      attend(layers_[i], slabs_[i], rows, tokens);
      feed_forward(layers_[i], tokens);
    }
    const float* last = hidden_.data() + (tokens - 1) * m_.hidden;
    rms_norm(pool(), last, 1, m_.hidden, layers_[0].norm.data(), {},
             normed_.data());
    x_.set(normed_.data(), 1, m_.hidden);
    linear(pool(), x_, {{.weights = &head_, .y = logits_.data()}});
    return argmax(logits_.data(), m_.vocabulary);
  }

 private:
  PackedMatrix pack(const Format& format, std::int64_t rows,
                    std::int64_t columns) {
    PackedMatrix packed = PackedMatrix::pack(RandomRows(format, rows, columns),
                                             pool(), {.arena = &arena_});
    bytes_ += packed.bytes();
    return packed;
  }

  static std::vector<float> frequencies(int dims) {
    std::vector<float> result;
    for (int i = 0; i < dims; i += 2) {
      result.push_back(std::pow(
          10000.0f, -static_cast<float>(i) / static_cast<float>(dims)));
    }
    return result;
  }

  void resize(std::int64_t tokens) {
    const auto n = static_cast<std::size_t>(tokens);
    const auto q = static_cast<std::size_t>(m_.heads * m_.head_size);
    const auto kv = static_cast<std::size_t>(m_.kv_heads * m_.head_size);
    hidden_.resize(n * static_cast<std::size_t>(m_.hidden));
    normed_.resize(hidden_.size());
    q_.resize(n * q);
    attended_.resize(n * q);
    k_.resize(n * kv);
    v_.resize(n * kv);
    inner_.resize(n * static_cast<std::size_t>(m_.inner));
    logits_.resize(static_cast<std::size_t>(m_.vocabulary));
  }

  void attend(const Layer& layer, KvSlab& slab, const RopeRows& rows,
              std::int64_t tokens) {
    rms_norm(pool(), hidden_.data(), tokens, m_.hidden, layer.norm.data(), {},
             normed_.data());
    x_.set(normed_.data(), tokens, m_.hidden);
    linear(pool(), x_,
           {{.weights = &layer.q, .y = q_.data()},
            {.weights = &layer.k, .y = k_.data()},
            {.weights = &layer.v, .y = v_.data()}});
    transform_heads(pool(), q_.data(), tokens, m_.heads, m_.head_size, 0,
                    {.rope = rows});
    slab.append(pool(), {.k = k_.data(),
                         .v = v_.data(),
                         .tokens = tokens,
                         .k_transform = {.rope = rows}});
    attention(pool(), scratch_,
              {.heads = m_.heads,
               .kv_heads = m_.kv_heads,
               .head_size = m_.head_size,
               .scale = 1.0f / std::sqrt(static_cast<float>(m_.head_size))},
              {{.kv = &slab,
                .q = q_.data(),
                .out = attended_.data(),
                .tokens = tokens}});
    x_.set(attended_.data(), tokens, m_.heads * m_.head_size);
    linear(pool(), x_,
           {{.weights = &layer.o, .y = hidden_.data(), .add = true}});
  }

  void feed_forward(const Layer& layer, std::int64_t tokens) {
    rms_norm(pool(), hidden_.data(), tokens, m_.hidden, layer.norm.data(), {},
             normed_.data());
    x_.set(normed_.data(), tokens, m_.hidden);
    gated_linear(pool(), x_,
                 {.gate = &layer.gate, .up = &layer.up, .y = inner_.data()});
    x_.set(inner_.data(), tokens, m_.inner);
    linear(pool(), x_,
           {{.weights = &layer.down, .y = hidden_.data(), .add = true}});
  }

  Model m_;
  RotaryTable rope_;
  WeightArena arena_;
  std::vector<Layer> layers_;
  std::vector<KvSlab> slabs_;
  PackedMatrix head_;
  std::int64_t bytes_ = 0;
  Activations x_;
  AttentionScratch scratch_;
  std::vector<float> hidden_, normed_, q_, k_, v_, attended_, inner_, logits_;
};

struct Case {
  Model model;
  Format format;
  Format head;
};

// One decoder at a time is kept: the larger ones fill memories.
Decoder& decoder_of(const Case& wanted) {
  static std::string name;
  static std::unique_ptr<Decoder> decoder;
  const std::string key =
      std::string(wanted.model.name) + "/" + wanted.format.name;
  if (key != name) {
    decoder.reset();
    decoder =
        std::make_unique<Decoder>(wanted.model, wanted.format, wanted.head);
    name = key;
  }
  return *decoder;
}

void decode(benchmark::State& state, const Case& c, std::int64_t context) {
  Decoder& decoder = decoder_of(c);
  decoder.reset(0);
  for (std::int64_t done = 0; done < context; done += 256) {
    decoder.step(std::vector<std::int32_t>(
        static_cast<std::size_t>(std::min<std::int64_t>(256, context - done)),
        7));
  }
  using Clock = std::chrono::steady_clock;
  const auto seconds_of = [](auto run) {
    const auto start = Clock::now();
    run();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::vector<double> reads;
  for (auto _ : state) {
    decoder.reset(context);
    state.SetIterationTime(
        seconds_of([&] { benchmark::DoNotOptimize(decoder.step({11})); }));
    // In turns, since other tenants of the machine take their share of the bus.
    reads.push_back(
        seconds_of([&] { benchmark::DoNotOptimize(decoder.read_weights()); }));
  }
  std::nth_element(
      reads.begin(),
      reads.begin() + static_cast<std::ptrdiff_t>(reads.size() / 2),
      reads.end());
  const double read_rate =
      static_cast<double>(decoder.bytes()) * 1e-9 / reads[reads.size() / 2];
  state.counters["read GB/s"] = read_rate;
  const std::int64_t kv =
      context * c.model.layers * c.model.kv_heads * c.model.head_size * 2 * 2;
  const auto steps = static_cast<double>(state.iterations());
  state.counters["tokens/s"] =
      benchmark::Counter(steps, benchmark::Counter::kIsRate);
  state.counters["GB/s"] = benchmark::Counter(
      steps * static_cast<double>(decoder.bytes() + kv) * 1e-9,
      benchmark::Counter::kIsRate);
}

void prefill(benchmark::State& state, const Case& c, std::int64_t tokens) {
  Decoder& decoder = decoder_of(c);
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens), 5);
  for (auto _ : state) {
    decoder.reset(0);
    benchmark::DoNotOptimize(decoder.step(ids));
  }
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * tokens),
                         benchmark::Counter::kIsRate);
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
  const Case cases[] = {
      {kSmolLm2, kQ41, kQ80},   {kQwen06B, kQ40, kQ80},
      {kQwen06B, kQ80, kQ80},   {kLlama1B, kQ40, kQ80},
      {kLlama1B, kMlx4, kMlx4}, {kLlama1B, kBf16, kBf16},
      {kQwen4B, kMlx4, kMlx4},
  };
  for (const Case& c : cases) {
    const std::string name =
        std::string(c.model.name) + "/" + c.format.name + "/";
    for (const std::int64_t context : {128, 4096}) {
      benchmark::RegisterBenchmark(
          (name + "decode/context" + std::to_string(context)).c_str(), decode,
          c, context)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
    benchmark::RegisterBenchmark((name + "prefill/512").c_str(), prefill, c,
                                 512)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

// Writes safetensors files for tests.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace abstractllm::io {

struct TestTensor {
  std::string name;
  std::string type;  ///< as the format spells it
  std::vector<std::int64_t> shape;
  std::string bytes;
};

template <typename T>
TestTensor test_tensor(std::string name, std::string type,
                       std::vector<std::int64_t> shape,
                       const std::vector<T>& values) {
  TestTensor tensor{std::move(name), std::move(type), std::move(shape), {}};
  tensor.bytes.resize(values.size() * sizeof(T));
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

inline TestTensor f32_tensor(std::string name, std::vector<std::int64_t> shape,
                             const std::vector<float>& values) {
  return test_tensor(std::move(name), "F32", std::move(shape), values);
}

/// The content of a file.
inline std::string safetensors_text(const std::vector<TestTensor>& tensors) {
  nlohmann::json header = nlohmann::json::object();
  std::string data;
  for (const TestTensor& tensor : tensors) {
    header[tensor.name] = {
        {"dtype", tensor.type},
        {"shape", tensor.shape},
        {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  const std::string text = header.dump();
  const auto size = static_cast<std::uint64_t>(text.size());
  std::string file(sizeof(size), '\0');
  std::memcpy(file.data(), &size, sizeof(size));
  return file + text + data;
}

}  // namespace abstractllm::io

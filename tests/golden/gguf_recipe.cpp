// The edits of llama.cpp's converter, one by one.
// SPDX-License-Identifier: Apache-2.0
#include "golden/gguf_recipe.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "io/tensor_archive.h"
#include "io/weight_matrix.h"
#include "unit/io/gguf_builder.h"

namespace abstractllm::golden {

namespace {

using nlohmann::json;
using Shape = std::vector<std::size_t>;

struct Tensor {
  Shape shape;
  std::vector<float> values;

  std::size_t rows() const {  // but for the last dimension
    return std::accumulate(shape.begin(), shape.end() - 1, std::size_t{1},
                           std::multiplies<>());
  }
  std::size_t columns() const { return shape.back(); }
};

Tensor read_tensor(const io::StoredTensor& stored) {
  const io::WeightMatrix matrix = io::WeightMatrix::plain(stored);
  Tensor tensor{{stored.shape.begin(), stored.shape.end()},
                std::vector<float>(std::size_t(stored.element_count()))};
  for (std::int64_t row = 0; row < matrix.rows(); ++row) {
    matrix.read_row(row, std::span(tensor.values)
                             .subspan(std::size_t(row * matrix.columns()),
                                      std::size_t(matrix.columns())));
  }
  return tensor;
}

// Rows in another order; a vector counts as rows of one element.
Tensor pick_rows(const Tensor& tensor, const Shape& order) {
  const bool is_vector = tensor.shape.size() == 1;
  const std::size_t width = is_vector ? 1 : tensor.columns();
  Tensor picked{is_vector ? Shape{order.size()} : Shape{order.size(), width},
                {}};
  for (const std::size_t row : order) {
    const auto first =
        tensor.values.begin() + static_cast<std::ptrdiff_t>(row * width);
    picked.values.insert(picked.values.end(), first,
                         first + static_cast<std::ptrdiff_t>(width));
  }
  return picked;
}

// The last two dimensions change places.
Tensor transpose(const Tensor& tensor) {
  const std::size_t columns = tensor.columns();
  const std::size_t rows = tensor.shape[tensor.shape.size() - 2];
  Tensor turned = tensor;
  std::swap(turned.shape[turned.shape.size() - 2], turned.shape.back());
  const std::size_t size = rows * columns;
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const std::size_t in = i % size;
    turned.values[i - in + in % columns * rows + in / columns] =
        tensor.values[i];
  }
  return turned;
}

// Each column divided by its length.
Tensor with_unit_columns(Tensor tensor) {
  const std::size_t columns = tensor.columns();
  std::vector<double> squares(columns);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    squares[i % columns] += double{tensor.values[i]} * tensor.values[i];
  }
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    tensor.values[i] /= static_cast<float>(std::sqrt(squares[i % columns]));
  }
  return tensor;
}

struct Edit {
  std::string name;
  Shape numbers;
  std::vector<float> factors;  // the same, with their fractions
};

Edit parse_edit(const std::string& text) {
  std::istringstream stream(text);
  Edit edit;
  std::getline(stream, edit.name, ':');
  for (std::string part; std::getline(stream, part, ':');) {
    edit.numbers.push_back(std::stoul(part));
    edit.factors.push_back(std::stof(part));
  }
  return edit;
}

// Rows first, first + step ... of each matrix in a stack.
Shape every_row(const Tensor& tensor, std::size_t first, std::size_t count,
                std::size_t step) {
  const std::size_t size = tensor.shape[tensor.shape.size() - 2];
  Shape order;
  for (std::size_t base = 0; base < tensor.rows(); base += size) {
    for (std::size_t i = 0; i < count; ++i) {
      order.push_back(base + first + i * step);
    }
  }
  return order;
}

Tensor with_rows(const Tensor& tensor, const Shape& order,
                 std::size_t rows_each) {
  Tensor result = pick_rows(tensor, order);
  result.shape = tensor.shape;
  result.shape[result.shape.size() - 2] = rows_each;
  return result;
}

Shape interleaved(std::size_t rows, std::size_t heads) {
  const std::size_t size = rows / heads;
  Shape order;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t in = row % size;
    order.push_back(row - in + in % 2 * (size / 2) + in / 2);
  }
  return order;
}

// All queries, then all keys, then all values.
Shape joined(std::size_t rows, std::size_t heads, std::size_t kv_heads) {
  const std::size_t size = rows / (heads + 2 * kv_heads);
  const std::size_t shared = heads / kv_heads;
  Shape order;
  const auto add = [&](std::size_t group, std::size_t head) {
    const std::size_t first = (group * (shared + 2) + head) * size;
    for (std::size_t i = 0; i < size; ++i) order.push_back(first + i);
  };
  for (std::size_t head = 0; head < heads; ++head) {
    add(head / shared, head % shared);
  }
  for (const std::size_t part : {shared, shared + 1}) {
    for (std::size_t group = 0; group < kv_heads; ++group) add(group, part);
  }
  return order;
}

// Of (heads * (plain + values), latent): (heads, latent, plain), or
// (heads, values, latent).
Tensor latent_part(const Tensor& tensor, const Shape& sizes, bool keys) {
  const auto [heads, plain, values] = std::tuple{sizes[0], sizes[1], sizes[2]};
  Shape order;
  for (std::size_t head = 0; head < heads; ++head) {
    const std::size_t first = head * (plain + values) + (keys ? 0 : plain);
    for (std::size_t i = 0; i < (keys ? plain : values); ++i) {
      order.push_back(first + i);
    }
  }
  Tensor part = pick_rows(tensor, order);
  part.shape = {heads, keys ? plain : values, tensor.columns()};
  return keys ? transpose(part) : part;
}

// One factor for all, or how many rows and their factor, again and again.
void times(Tensor& tensor, const Edit& edit) {
  if (edit.factors.size() == 1) {
    for (float& value : tensor.values) value *= edit.factors[0];
    return;
  }
  auto value = tensor.values.begin();
  for (std::size_t i = 0; i + 1 < edit.factors.size(); i += 2) {
    const std::size_t count = edit.numbers[i] * tensor.columns();
    for (std::size_t j = 0; j < count; ++j) *value++ *= edit.factors[i + 1];
  }
}

// Numbers: blocks of rows, rows of each, and then again and again the first and
// how many of each block.
Tensor parts_of_blocks(const Tensor& tensor, const Shape& numbers) {
  Shape order;
  for (std::size_t i = 2; i + 1 < numbers.size(); i += 2) {
    for (std::size_t block = 0; block < numbers[0]; ++block) {
      for (std::size_t row = 0; row < numbers[i + 1]; ++row) {
        order.push_back(block * numbers[1] + numbers[i] + row);
      }
    }
  }
  return pick_rows(tensor, order);
}

Tensor apply(const Tensor& tensor, const Edit& edit) {
  const std::string& name = edit.name;
  const Shape& n = edit.numbers;
  Tensor result = tensor;
  if (name == "interleave") {
    return pick_rows(tensor, interleaved(tensor.shape[0], n.at(0)));
  }
  if (name == "joined_heads") {
    return pick_rows(
        tensor, joined(tensor.shape[0], n.at(0), n.size() > 1 ? n[1] : n[0]));
  }
  if (name == "transpose") return transpose(tensor);
  if (name == "parts") return parts_of_blocks(tensor, n);
  if (name == "k_b" || name == "v_b") {
    return latent_part(tensor, n, name == "k_b");
  }
  if (name == "chunk") {
    const std::size_t rows = tensor.shape[tensor.shape.size() - 2] / n.at(1);
    return with_rows(tensor, every_row(tensor, n[0] * rows, rows, 1), rows);
  }
  if (name == "every") {
    const std::size_t rows = tensor.shape[tensor.shape.size() - 2] / n.at(1);
    return with_rows(tensor, every_row(tensor, n[0], rows, n[1]), rows);
  }
  if (name == "every_last") {
    return apply(apply(transpose(tensor), {"every", n, {}}),
                 {"transpose", {}, {}});
  }
  if (name == "add") {
    for (float& value : result.values) value += static_cast<float>(n.at(0));
  } else if (name == "times") {
    times(result, edit);
  } else if (name == "neg_exp") {
    for (float& value : result.values) value = -std::exp(value);
  } else if (name == "fill") {
    result = {{edit.factors.size()}, edit.factors};
  } else if (name == "column") {
    result.shape.push_back(1);
  } else if (name == "groups") {
    result.shape = {n.at(0), tensor.values.size() / n[0]};
  } else if (name == "unit_columns") {
    result = with_unit_columns(std::move(result));
  } else if (name == "squeeze") {
    std::erase(result.shape, 1u);
  } else {
    throw std::runtime_error("no edit " + name);
  }
  return result;
}

Tensor stack(const std::vector<Tensor>& parts) {
  Tensor all{parts.front().shape, {}};
  all.shape.insert(all.shape.begin(), parts.size());
  for (const Tensor& part : parts) {
    all.values.insert(all.values.end(), part.values.begin(), part.values.end());
  }
  return all;
}

Tensor make_tensor(const json& row, const io::TensorArchive& archive) {
  if (row.contains("values")) {
    auto values = row.at("values").get<std::vector<float>>();
    return {{values.size()}, std::move(values)};
  }
  std::vector<Tensor> parts;
  for (const std::string source : row.at("from")) {
    parts.push_back(read_tensor(archive.at(source)));
  }
  Tensor tensor = parts.front();
  for (const std::string text : row.at("edits")) {
    tensor = text == "stack" ? stack(parts) : apply(tensor, parse_edit(text));
  }
  return tensor;
}

void put_metadata(io::GgufBuilder& builder, const json& row) {
  const std::string key = row.at(0);
  const std::string kind = row.at(1);
  const json& value = row.at(2);
  if (kind == "uint32") {
    builder.put(key, value.get<std::uint32_t>());
  } else if (kind == "float32") {
    builder.put(key, value.get<float>());
  } else if (kind == "bool") {
    builder.put(key, value.get<bool>());
  } else if (kind == "string") {
    builder.put(key, value.get<std::string>().c_str());
  } else if (kind == "bools") {
    const auto flags = value.get<std::vector<bool>>();
    builder.put_array(key, 7,
                      std::vector<std::uint8_t>(flags.begin(), flags.end()));
  } else if (kind == "float32s") {
    builder.put_array(key, 6, value.get<std::vector<float>>());
  } else if (kind == "uint32s") {
    builder.put_array(key, 4, value.get<std::vector<std::uint32_t>>());
  } else {
    throw std::runtime_error("no kind " + kind);
  }
}

json read_recipe(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return json::parse(stream);
}

}  // namespace

std::string fixture_of_recipe(const std::filesystem::path& recipe) {
  return read_recipe(recipe).at("of");
}

namespace {

// A vocabulary of the model's size, of no meaning.
void put_tokens(io::GgufBuilder& builder, std::size_t count) {
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < count; ++i) {
    tokens.push_back("t" + std::to_string(i));
  }
  builder.put("tokenizer.ggml.model", "gpt2");
  builder.put("tokenizer.ggml.tokens", tokens);
  builder.put("tokenizer.ggml.merges", std::vector<std::string>{});
}

}  // namespace

std::string make_gguf(const std::filesystem::path& recipe,
                      const std::filesystem::path& fixture, bool has_tokens) {
  const json lines = read_recipe(recipe);
  const auto archive = io::TensorArchive::open_folder(fixture);
  io::GgufBuilder builder;
  for (const json& row : lines.at("metadata")) put_metadata(builder, row);
  for (const json& row : lines.at("tensors")) {
    const Tensor tensor = make_tensor(row, archive);
    if (has_tokens && row.at("name") == "token_embd.weight") {
      put_tokens(builder, tensor.shape.at(0));
    }
    const auto* bytes = reinterpret_cast<const char*>(tensor.values.data());
    builder.tensor(row.at("name").get<std::string>(), 0,
                   {tensor.shape.begin(), tensor.shape.end()},
                   {bytes, tensor.values.size() * sizeof(float)});
  }
  return builder.build();
}

}  // namespace abstractllm::golden

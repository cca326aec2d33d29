// GGUF: header, metadata, tensor table, padding, data; joining of split files.
// SPDX-License-Identifier: Apache-2.0
#include "io/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

#include "abstractllm/error.h"
#include "io/gguf_format.h"

namespace abstractllm::io {
namespace {

using namespace gguf;

// The format's limit of a key is 65,535 bytes.
constexpr std::uint64_t kMaxKeyBytes = 65'535;
// ggml allows 63 bytes; other writers are more generous.
constexpr std::uint64_t kMaxTensorNameBytes = 1'024;
// ggml's tensors have at most 4 dimensions.
constexpr std::uint32_t kMaxDimensions = 4;
// The largest models have a few thousand tensors and split into some hundred
// parts; the limits keep a hostile header from costing memory.
constexpr std::uint64_t kMaxTensors = 1'000'000;
constexpr std::uint64_t kMaxMetadataEntries = 1'000'000;
constexpr std::int64_t kMaxParts = 99'999;  // five digits in the file name
constexpr std::uint32_t kDefaultAlignment = 32;
constexpr std::uint32_t kMaxAlignment = 1u << 24;

constexpr std::string_view kMagic = "GGUF";
constexpr const char* kIncompleteHint =
    "The file may be an incomplete download: fetch it again.";

struct NumberedType {
  std::uint32_t number;  // of the format: do not renumber
  StorageType type;
};

constexpr NumberedType kTensorTypes[] = {
    {0, StorageType::kF32},      {1, StorageType::kF16},
    {2, StorageType::kQ4_0},     {3, StorageType::kQ4_1},
    {6, StorageType::kQ5_0},     {7, StorageType::kQ5_1},
    {8, StorageType::kQ8_0},     {9, StorageType::kQ8_1},
    {10, StorageType::kQ2_K},    {11, StorageType::kQ3_K},
    {12, StorageType::kQ4_K},    {13, StorageType::kQ5_K},
    {14, StorageType::kQ6_K},    {15, StorageType::kQ8_K},
    {16, StorageType::kIQ2_XXS}, {17, StorageType::kIQ2_XS},
    {18, StorageType::kIQ3_XXS}, {19, StorageType::kIQ1_S},
    {20, StorageType::kIQ4_NL},  {21, StorageType::kIQ3_S},
    {22, StorageType::kIQ2_S},   {23, StorageType::kIQ4_XS},
    {24, StorageType::kI8},      {25, StorageType::kI16},
    {26, StorageType::kI32},     {27, StorageType::kI64},
    {28, StorageType::kF64},     {29, StorageType::kIQ1_M},
    {30, StorageType::kBF16},    {34, StorageType::kTQ1_0},
    {35, StorageType::kTQ2_0},   {39, StorageType::kMxfp4},
};

}  // namespace

// Reads one file; every read checks what is left.
class GgufFile::Reader {
 public:
  explicit Reader(std::shared_ptr<const base::MappedFile> file)
      : file_(std::move(file)), rest_(file_->bytes()) {}

  GgufFile read() {
    GgufFile result;
    result.path_ = file_->path();
    result.file_ = file_;
    result.version_ = read_version();
    const std::uint64_t tensors = read_number<std::uint64_t>("tensor count");
    const std::uint64_t entries = read_number<std::uint64_t>("metadata count");
    check_count("tensors", tensors, kMaxTensors);
    check_count("metadata entries", entries, kMaxMetadataEntries);
    for (std::uint64_t i = 0; i < entries; ++i) read_entry(result);
    read_alignment(result);
    read_tensor_table(tensors);
    place_tensors(result);
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what, std::string hint = {}) const {
    throw ModelLoadingError(
        fmt::format("[gguf] {}: {}", file_->path().string(), what),
        std::move(hint));
  }

  std::span<const std::byte> take(std::uint64_t count, std::string_view what) {
    if (count > rest_.size()) {
      fail(fmt::format("{} takes {} bytes at byte {}, but the file ends after "
                       "{}",
                       what, count, file_->bytes().size() - rest_.size(),
                       rest_.size()),
           kIncompleteHint);
    }
    const auto taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(static_cast<std::size_t>(count));
    return taken;
  }

  template <typename T>
  T read_number(std::string_view what) {
    return load<T>(take(sizeof(T), what).data());
  }

  std::string_view read_text(std::uint64_t limit, std::string_view what) {
    const auto length = read_number<std::uint64_t>(what);
    if (length > limit) {
      fail(fmt::format("{} of {} bytes, more than the limit of {}", what,
                       length, limit));
    }
    return as_text(take(length, what));
  }

  std::uint32_t read_version() {
    const auto bytes = file_->bytes();
    if (as_text(bytes.first(std::min<std::size_t>(4, bytes.size()))) !=
        kMagic) {
      fail(bytes.size() < 4
               ? fmt::format("{} bytes are too few for a GGUF file",
                             bytes.size())
               : "does not begin with \"GGUF\": not a GGUF file",
           kIncompleteHint);
    }
    take(4, "magic");
    const auto version = read_number<std::uint32_t>("version");
    if (version == 2 || version == 3) return version;
    if ((version & 0xffff) == 0 && version != 0) {
      fail("is big endian; only little endian files are supported");
    }
    fail(fmt::format("GGUF version {} is not supported, only 2 and 3", version),
         version == 1 ? "Convert the model again with a current converter."
                      : "");
  }

  // What remains bounds a count from below: an entry takes some bytes.
  void check_count(const char* what, std::uint64_t count,
                   std::uint64_t limit) const {
    if (count > limit || count > rest_.size()) {
      fail(fmt::format("{} {} in a file of {} bytes", count, what,
                       file_->bytes().size()),
           kIncompleteHint);
    }
  }

  void read_entry(GgufFile& result) {
    const std::string_view key = read_text(kMaxKeyBytes, "metadata key");
    Value value;
    value.type = read_number<std::uint32_t>(key);
    if (value.type == kArray) {
      value.is_array = true;
      value.type = read_number<std::uint32_t>(key);
      value.count = read_number<std::uint64_t>(key);
    }
    if (value.type >= kValueTypes || value.type == kArray) {
      fail(fmt::format("metadata '{}': {}{}", key,
                       value.type == kArray ? "arrays of arrays are not "
                                              "supported, type "
                                            : "unknown value type ",
                       value.type));
    }
    if (value.type == kString) {
      value.bytes = take_strings(key, value.count);
    } else {
      const std::size_t size = kValueBytes[value.type];
      if (value.count > rest_.size() / size) {
        fail(fmt::format("metadata '{}': {} values of {} bytes, but {} bytes "
                         "are left",
                         key, value.count, size, rest_.size()),
             kIncompleteHint);
      }
      value.bytes = take(value.count * size, key);
    }
    if (!result.values_.emplace(key, value).second) {
      fail(fmt::format("metadata '{}' is given twice", key));
    }
  }

  std::span<const std::byte> take_strings(std::string_view key,
                                          std::uint64_t count) {
    const auto start = rest_;
    for (std::uint64_t i = 0; i < count; ++i) {
      take(read_number<std::uint64_t>(key), key);
    }
    return start.first(start.size() - rest_.size());
  }

  void read_alignment(const GgufFile& result) {
    const auto found = result.find_int("general.alignment");
    if (!found) return;
    if (*found <= 0 || *found > kMaxAlignment ||
        !std::has_single_bit(static_cast<std::uint64_t>(*found))) {
      fail(
          fmt::format("general.alignment is {}, expected a power of two up to "
                      "{}",
                      *found, kMaxAlignment));
    }
    alignment_ = static_cast<std::uint64_t>(*found);
  }

  struct Entry {
    StoredTensor tensor;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  void read_tensor_table(std::uint64_t count) {
    std::set<std::string_view> names;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto name = read_text(kMaxTensorNameBytes, "tensor name");
      if (!names.insert(name).second) {
        fail(fmt::format("tensor '{}' is given twice", name));
      }
      entries_.push_back(read_tensor(name));
    }
  }

  Entry read_tensor(std::string_view name) {
    Entry entry;
    StoredTensor& tensor = entry.tensor;
    tensor.name = name;
    tensor.file = file_;
    const auto dimensions = read_number<std::uint32_t>(name);
    if (dimensions > kMaxDimensions) {
      fail(fmt::format("tensor '{}': {} dimensions, more than {}", name,
                       dimensions, kMaxDimensions));
    }
    for (std::uint32_t i = 0; i < dimensions; ++i) {
      const auto size = read_number<std::uint64_t>(name);
      if (size > static_cast<std::uint64_t>(INT64_MAX)) {
        fail(fmt::format("tensor '{}': dimension of {}", name, size));
      }
      tensor.shape.push_back(static_cast<std::int64_t>(size));
    }
    // The file has the fastest dimension first.
    std::reverse(tensor.shape.begin(), tensor.shape.end());
    tensor.type = read_tensor_type(name);
    entry.offset = read_number<std::uint64_t>(name);
    entry.size = tensor_bytes(tensor);
    return entry;
  }

  StorageType read_tensor_type(std::string_view name) {
    const auto number = read_number<std::uint32_t>(name);
    for (const NumberedType& known : kTensorTypes) {
      if (known.number == number) return known.type;
    }
    const char* known = number == 40   ? " (NVFP4)"
                        : number == 41 ? " (Q1_0)"
                                       : "";
    fail(fmt::format("tensor '{}': type {}{} is not read", name, number, known),
         "Use a file in F16, Q8_0, Q4_K_M or another type listed in the "
         "documentation.");
  }

  std::uint64_t tensor_bytes(const StoredTensor& tensor) const {
    const StorageTraits& traits = storage_traits(tensor.type);
    const std::int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
    if (row % traits.block_elements != 0) {
      fail(
          fmt::format("tensor '{}': rows of {} elements do not fill {} blocks "
                      "of {}",
                      tensor.name, row, traits.name, traits.block_elements));
    }
    const auto count = checked_element_count(tensor.shape);
    const auto bytes =
        count ? checked_byte_count(tensor.type, *count) : std::nullopt;
    if (!bytes) {
      fail(fmt::format("tensor '{}': {} {} is larger than any file",
                       tensor.name, traits.name, shape_text(tensor.shape)));
    }
    return static_cast<std::uint64_t>(*bytes);
  }

  void place_tensors(GgufFile& result) {
    const std::uint64_t end_of_table = file_->bytes().size() - rest_.size();
    const std::uint64_t padding =
        (alignment_ - end_of_table % alignment_) % alignment_;
    // A file of metadata alone may end without the padding.
    const auto data = rest_.subspan(
        std::min<std::size_t>(static_cast<std::size_t>(padding), rest_.size()));
    for (Entry& entry : entries_) {
      StoredTensor& tensor = entry.tensor;
      if (entry.offset % alignment_ != 0) {
        fail(fmt::format("tensor '{}': offset {} is not a multiple of {}",
                         tensor.name, entry.offset, alignment_));
      }
      if (entry.offset > data.size() ||
          entry.size > data.size() - entry.offset) {
        fail(fmt::format("tensor '{}': {} bytes from {} in {} bytes of data",
                         tensor.name, entry.size, entry.offset, data.size()),
             kIncompleteHint);
      }
      tensor.bytes = data.subspan(static_cast<std::size_t>(entry.offset),
                                  static_cast<std::size_t>(entry.size));
    }
    check_overlap();
    for (Entry& entry : entries_) {
      result.tensors_.push_back(std::move(entry.tensor));
    }
  }

  void check_overlap() const {
    std::vector<const Entry*> order;
    for (const Entry& entry : entries_) {
      if (entry.size > 0) order.push_back(&entry);
    }
    std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
      return a->offset < b->offset;
    });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (order[i]->offset < order[i - 1]->offset + order[i - 1]->size) {
        fail(fmt::format("tensor '{}': data from {} overlaps tensor '{}'",
                         order[i]->tensor.name, order[i]->offset,
                         order[i - 1]->tensor.name));
      }
    }
  }

  std::shared_ptr<const base::MappedFile> file_;
  std::span<const std::byte> rest_;
  std::uint64_t alignment_ = kDefaultAlignment;
  std::vector<Entry> entries_;
};

// Finds the parts of a split model and puts their tensors together.
class GgufFile::Joiner {
 public:
  static GgufFile join(GgufFile any_part) {
    const auto parts = any_part.find_int("split.count").value_or(1);
    if (parts <= 1) return any_part;
    const std::filesystem::path path = any_part.path();
    const std::string name = path.filename().string();
    const std::string tail = fmt::format("-of-{:05}.gguf", parts);
    const std::size_t head =
        name.size() < tail.size() + 6 ? 0 : name.size() - tail.size() - 6;
    if (parts > kMaxParts || head == 0 || !name.ends_with(tail) ||
        name[head] != '-') {
      throw ModelLoadingError(
          fmt::format("[gguf] {}: is one of {} parts, expected a name that "
                      "ends with -00001{}",
                      path.string(), parts, tail),
          "Keep the names that the parts were published under.");
    }
    GgufFile joined;
    std::set<std::string> names;
    for (std::int64_t i = 0; i < parts; ++i) {
      const auto part_path =
          path.parent_path() /
          fmt::format("{}-{:05}{}", name.substr(0, head), i + 1, tail);
      GgufFile part = Reader(map_model_file(part_path)).read();
      check_part(part, i, parts);
      for (StoredTensor& tensor : part.tensors_) {
        if (!names.insert(tensor.name).second) {
          throw ModelLoadingError(
              fmt::format("[gguf] {}: tensor '{}' is in another part, too",
                          part_path.string(), tensor.name));
        }
      }
      append(joined, std::move(part));
    }
    const auto expected = joined.find_int("split.tensors.count");
    if (expected &&
        *expected != static_cast<std::int64_t>(joined.tensors_.size())) {
      throw ModelLoadingError(fmt::format(
          "[gguf] {}: expected {} tensors in {} parts, found {}",
          joined.path().string(), *expected, parts, joined.tensors_.size()));
    }
    return joined;
  }

 private:
  static void check_part(const GgufFile& part, std::int64_t index,
                         std::int64_t parts) {
    const auto number = part.find_int("split.no");
    const auto count = part.find_int("split.count");
    if (number != index || count != parts) {
      throw ModelLoadingError(
          fmt::format("[gguf] {}: expected part {} of {}, found part {} of {}",
                      part.path().string(), index + 1, parts,
                      number.value_or(-1) + 1, count.value_or(1)));
    }
  }

  static void append(GgufFile& joined, GgufFile part) {
    if (!joined.file_) {
      joined = std::move(part);
      return;
    }
    std::move(part.tensors_.begin(), part.tensors_.end(),
              std::back_inserter(joined.tensors_));
  }
};

GgufFile GgufFile::open(const std::filesystem::path& path) {
  return Joiner::join(Reader(map_model_file(path)).read());
}

GgufFile GgufFile::read(std::shared_ptr<const base::MappedFile> file) {
  return Reader(std::move(file)).read();
}

}  // namespace abstractllm::io

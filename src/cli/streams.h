// Where the program reads from and writes to, so that a test can stand in.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>

namespace abstractllm::cli {

/// The reader of our output went away (`| head -1`). Ends the program without
/// a word, as it would any other filter.
class BrokenPipe : public std::exception {
 public:
  const char* what() const noexcept override { return "broken pipe"; }
};

/// Takes bytes at once; nothing is kept back. One thread at a time.
class Output {
 public:
  virtual ~Output() = default;
  /// Throws BrokenPipe, or FileProcessingError when the bytes find no place
  /// (disk full).
  virtual void write(std::string_view text) = 0;
};

/// Gives bytes. One thread at a time.
class Input {
 public:
  virtual ~Input() = default;
  /// At most `size` bytes into `buffer`; 0 at the end. Throws
  /// FileProcessingError.
  virtual std::size_t read(char* buffer, std::size_t size) = 0;
};

/// An open file descriptor, not owned. `name` is what errors call it.
class FileOutput : public Output {
 public:
  FileOutput(int descriptor, std::string name)
      : descriptor_(descriptor), name_(std::move(name)) {}
  void write(std::string_view text) override;

 private:
  int descriptor_;
  std::string name_;
};

/// An open file descriptor, not owned. A closed one reads as empty.
class FileInput : public Input {
 public:
  FileInput(int descriptor, std::string name)
      : descriptor_(descriptor), name_(std::move(name)) {}
  std::size_t read(char* buffer, std::size_t size) override;

 private:
  int descriptor_;
  std::string name_;
};

/// Everything that `input` has. Throws InvalidRequestError beyond `limit`
/// bytes; `name` is what the error calls the input.
std::string read_all(Input& input, std::size_t limit, std::string_view name);

}  // namespace abstractllm::cli

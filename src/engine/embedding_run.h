// The vectors of given texts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "engine/embedding_job.h"
#include "engine/embedding_pooling.h"
#include "models/model.h"
#include "models/sequence.h"

namespace abstractllm::engine {

struct EmbeddingOptions {
  int chunk = 0;     ///< tokens computed at a time
  int parallel = 0;  ///< texts that have caches at a time
  /// A text is computed whole, however long: its tokens see each other.
  bool whole_texts = false;
};

/// Texts of about the same length side by side, as many as the options allow,
/// so that requests can be computed in between. A text's vector does not depend
/// on the others. Engine thread only. Refers to the model.
class EmbeddingRun {
 public:
  /// Throws InvalidRequestError for a text with nothing to pool.
  EmbeddingRun(const models::Model& model, EmbeddingJob job,
               EmbeddingOptions options);

  /// Computes a chunk. False when that was the last one. Throws CancelledError.
  bool advance();

  /// In the order of the texts, once advance() has returned false.
  Vectors take_vectors() { return std::move(vectors_); }

 private:
  // A text that is being computed.
  struct Open {
    std::size_t text;
    std::unique_ptr<models::Sequence> sequence;
    std::unique_ptr<Pooling> pooling;
  };

  std::size_t length(std::size_t text) const {
    return job_.texts[text].ids.size();
  }
  std::size_t left(const Open& open) const {
    return length(open.text) -
           static_cast<std::size_t>(open.sequence->length());
  }
  void open_texts();
  void compute();
  void close_texts();

  const models::Model& model_;
  const EmbeddingJob job_;
  const EmbeddingOptions options_;
  std::vector<std::size_t> order_;  // of the texts, shortest first
  std::size_t next_ = 0;            // in order_
  std::vector<Open> open_;
  Vectors vectors_;
};

}  // namespace abstractllm::engine

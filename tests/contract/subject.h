// Whatever stands behind the interface, as the contract's tests drive it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "abstractllm/llm.h"
#include "support/scripted_provider.h"

namespace abstractllm::test {

/// One provider under the contract. What it is to say is queued before it is
/// asked; a model that is no script says what it will.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual AbstractLLMInterface& llm() = 0;
  /// Whether it says what it is told to.
  virtual bool is_scripted() const { return true; }
  virtual void say(const std::vector<std::string>& pieces) = 0;
  /// Says `piece`, stands at `gate`, and goes on.
  virtual void say_and_wait(const std::string& piece, Gate gate) = 0;
  /// Calls add {"x":1} as "c1" and now {} as "c2".
  virtual void call() = 0;
  /// Fails with a ProviderAPIError that passes, after "half".
  virtual void fail() = 0;
  /// The next request for embeddings gets that many vectors of two numbers;
  /// a model that is no script gives its own.
  virtual void give_vectors(int) {}
  /// A request as it understands it, of which the answer is longer than one
  /// delta.
  virtual Request request() const;
};

/// How a subject is made; the name is part of the tests' names.
struct SubjectKind {
  std::string name;
  std::function<std::unique_ptr<Subject>()> make;
};

inline void PrintTo(const SubjectKind& kind, std::ostream* out) {
  *out << kind.name;
}

/// Remote providers over scripted servers, and the scripted one in memory.
std::vector<SubjectKind> scripted_subjects();

/// The MLX provider with a tiny model; none in a build without MLX.
std::vector<SubjectKind> local_subjects();

/// The same with a tiny model that makes embeddings and no text.
std::vector<SubjectKind> local_embedding_subjects();

}  // namespace abstractllm::test

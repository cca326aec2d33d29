// What every provider of embeddings promises, and that the others refuse.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "abstractllm/error.h"
#include "contract/subject.h"

namespace abstractllm::test {
namespace {

bool makes_embeddings(const AbstractLLMInterface& llm) {
  return llm.capabilities().supports(ModelCapability::kEmbeddings);
}

class EmbeddingContract : public ::testing::TestWithParam<SubjectKind> {
 protected:
  std::unique_ptr<Subject> subject = GetParam().make();
  AbstractLLMInterface& llm = subject->llm();
};

TEST_P(EmbeddingContract, OneVectorAText) {
  subject->give_vectors(3);
  if (!makes_embeddings(llm)) {
    EXPECT_THROW(llm.embed({.inputs = {"a"}}), UnsupportedOperationError);
    return;
  }
  const EmbeddingResponse response =
      llm.embed({.inputs = {"one", "two words", "three"}});
  ASSERT_EQ(response.vectors.size(), 3U);
  EXPECT_GE(response.vectors[0].size(), 2U);
  EXPECT_EQ(response.vectors[0].size(), response.vectors[2].size());
  EXPECT_NE(response.vectors[0], response.vectors[1]);
  EXPECT_EQ(response.model, llm.model());
}

TEST_P(EmbeddingContract, BadRequestsAreRefused) {
  if (!makes_embeddings(llm)) return;
  for (const EmbeddingRequest& bad :
       {EmbeddingRequest{}, EmbeddingRequest{.inputs = {"a", ""}},
        EmbeddingRequest{.inputs = {"a"}, .dimensions = 0}}) {
    try {
      llm.embed(bad);
      ADD_FAILURE();
    } catch (const InvalidRequestError& error) {
      EXPECT_EQ(error.provider(), llm.provider());
      EXPECT_NE(error.hint(), "");
    }
  }
}

TEST_P(EmbeddingContract, ACancelBeforeTheStartIsTheEnd) {
  if (!makes_embeddings(llm)) return;
  EmbeddingRequest request{.inputs = {"a"}};
  request.cancel.cancel();
  EXPECT_THROW(llm.embed(request), CancelledError);
}

TEST_P(EmbeddingContract, CallsOfSeveralThreadsEachGetTheirs) {
  if (!makes_embeddings(llm)) return;
  constexpr int kThreads = 6;
  for (int i = 0; i < kThreads; ++i) subject->give_vectors(2);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      if (llm.embed({.inputs = {"a", "b"}}).vectors.size() == 2) ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads);
}

// The scripted provider in memory promises nothing of what it is asked.
std::vector<SubjectKind> remote_subjects() {
  std::vector<SubjectKind> kinds = scripted_subjects();
  std::erase_if(
      kinds, [](const SubjectKind& kind) { return kind.name == "scripted"; });
  return kinds;
}

std::string name_of(const ::testing::TestParamInfo<SubjectKind>& kind) {
  return kind.param.name;
}

INSTANTIATE_TEST_SUITE_P(Remote, EmbeddingContract,
                         ::testing::ValuesIn(remote_subjects()), name_of);
INSTANTIATE_TEST_SUITE_P(Local, EmbeddingContract,
                         ::testing::ValuesIn(local_embedding_subjects()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(LocalText, EmbeddingContract,
                         ::testing::ValuesIn(local_subjects()), name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EmbeddingContract);

}  // namespace
}  // namespace abstractllm::test

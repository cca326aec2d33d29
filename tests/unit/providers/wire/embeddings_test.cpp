// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/embeddings.h"

#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm::providers {
namespace {

using Vectors = std::vector<std::vector<float>>;

TEST(Embeddings, AreReadInTheOrderOfTheInputs) {
  const EmbeddingResponse response = read_openai_embeddings(
      R"({"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2.5]}],"model":"e","usage":{"prompt_tokens":7}})",
      "p");
  EXPECT_EQ(response.vectors, (Vectors{{1, 2.5}, {3, 4}}));
  EXPECT_EQ(response.model, "e");
  EXPECT_EQ(response.usage.prompt_tokens, 7);
  EXPECT_EQ(read_ollama_embeddings(
                R"({"embeddings":[[1],[2]],"prompt_eval_count":3})")
                .vectors,
            (Vectors{{1}, {2}}));
  EXPECT_EQ(read_plain_embeddings("[[1],[2]]", "p").vectors,
            (Vectors{{1}, {2}}));
}

TEST(Embeddings, NothingStandsInForAVectorThatIsNone) {
  for (const char* body :
       {"{}", "[]", R"({"data":{}})", R"({"data":[{"index":0}]})",
        R"({"data":[{"index":5,"embedding":[1]}]})",
        R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
        R"({"data":[{"embedding":["a"]}]})", R"({"data":[{"embedding":[]}]})",
        "no json"}) {
    EXPECT_THROW(read_openai_embeddings(body, "p"), ProviderAPIError) << body;
  }
  EXPECT_THROW(read_ollama_embeddings(R"({"embedding":[1]})"),
               ProviderAPIError);
  EXPECT_THROW(read_plain_embeddings("{}", "p"), ProviderAPIError);
}

}  // namespace
}  // namespace abstractllm::providers

// Ranks replies by how likely a model finds them after a text, best first.
// SPDX-License-Identifier: Apache-2.0
//
// usage: rank_replies MODEL TEXT REPLY...
#include <abstractllm/abstractllm.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

namespace llm = abstractllm;

namespace {

struct Ranked {
  std::string reply;
  double logprob_per_token = 0;
};

// The log-probability of `reply` after `text`: that of both together less
// that of the text alone.
Ranked rank(llm::AbstractLLMInterface& model, const std::string& text,
            const std::string& reply) {
  const auto before = model.tokenize(text, /*add_special_tokens=*/true);
  auto whole = before;
  const auto added = model.tokenize(reply, /*add_special_tokens=*/false);
  whole.insert(whole.end(), added.begin(), added.end());
  const double nll = model.score(whole).negative_log_likelihood -
                     model.score(before).negative_log_likelihood;
  return {reply, -nll / static_cast<double>(added.size())};
}

int run(const std::string& model_id, const std::string& text,
        const std::vector<std::string>& replies) {
  auto model = llm::create_llm("mlx", {.model = model_id});
  if (!model->capabilities().supports(llm::ModelCapability::kTokenize)) {
    std::cerr << model_id << " cannot score texts\n";
    return 1;
  }
  std::vector<Ranked> ranked;
  for (const std::string& reply : replies) {
    ranked.push_back(rank(*model, text, reply));
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](auto& a, auto& b) {
    return a.logprob_per_token > b.logprob_per_token;
  });
  for (const Ranked& entry : ranked) {
    std::printf("%8.3f  %s\n", entry.logprob_per_token, entry.reply.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s MODEL TEXT REPLY...\n", argv[0]);
    return 2;
  }
  try {
    return run(argv[1], argv[2], {argv + 3, argv + argc});
  } catch (const llm::ModelNotFoundError& error) {
    // Errors have classes, so a program can answer to each in its own way.
    std::cerr << error.message() << "\nmodels that are here:\n";
    for (const llm::LocalModel& model : llm::list_local_models()) {
      std::cerr << "  " << model.id << '\n';
    }
    return llm::error_traits(error.code()).exit_code;
  } catch (const llm::Error& error) {
    std::cerr << error.message() << '\n' << error.hint() << '\n';
    return llm::error_traits(error.code()).exit_code;
  }
}

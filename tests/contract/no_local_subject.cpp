// SPDX-License-Identifier: Apache-2.0
#include "contract/subject.h"

namespace abstractllm::test {

std::vector<SubjectKind> local_subjects() { return {}; }

std::vector<SubjectKind> local_embedding_subjects() { return {}; }

}  // namespace abstractllm::test

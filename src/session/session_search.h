// What a query asks of the stored messages.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/session.h"
#include "session/sqlite.h"

namespace abstractllm::session {

/// The words of a query. The full-text index knows words between spaces and
/// signs; what stands within a run of Chinese, Japanese, Korean, Thai and the
/// like, and signs alone, it does not know: such words are looked for in the
/// text itself.
struct SearchTerms {
  std::string indexed{};              ///< an FTS5 expression; empty: none
  std::vector<std::string> pieces{};  ///< each must be in the text
};

/// Throws InvalidRequestError for a query without a word.
SearchTerms search_terms(std::string_view query);

/// Messages that have all of them, the best first, or the latest where the
/// index has no say.
std::vector<SessionHit> search_messages(Database& database,
                                        const SearchTerms& terms, int limit);

}  // namespace abstractllm::session

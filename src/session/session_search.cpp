// The index, and the texts themselves for what it does not know.
// SPDX-License-Identifier: Apache-2.0
#include "session/session_search.h"

#include <algorithm>
#include <array>
#include <utility>

#include "abstractllm/error.h"
#include "base/utf8.h"

namespace abstractllm::session {
namespace {

// Scripts that put no spaces between words, or join particles to them, and
// signs, emoji among them. Blocks of the Unicode standard.
constexpr std::array<std::pair<char32_t, char32_t>, 10> kUnindexed{{
    {0x0E00, 0x0EFF},    // Thai, Lao
    {0x1000, 0x109F},    // Myanmar
    {0x1100, 0x11FF},    // Hangul Jamo
    {0x1780, 0x17FF},    // Khmer
    {0x2000, 0x2BFF},    // signs
    {0x2E80, 0xD7FF},    // Chinese, Japanese, Korean
    {0xF900, 0xFAFF},    // compatibility ideographs
    {0xFE00, 0xFFEF},    // variation selectors, full-width forms
    {0x1F000, 0x1FAFF},  // emoji
    {0x20000, 0x3FFFF},  // further ideographs
}};

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

bool is_indexed(std::string_view word) {
  if (std::none_of(word.begin(), word.end(), is_letter_or_digit)) return false;
  while (!word.empty()) {
    const base::CodePoint point = base::next_code_point(word);
    for (const auto& [first, last] : kUnindexed) {
      if (point.value >= first && point.value <= last) return false;
    }
    word.remove_prefix(point.bytes);
  }
  return true;
}

// In quotes, so that it is taken for no operator of FTS5.
std::string quoted(std::string_view word) {
  std::string text = "\"";
  for (const char c : word) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + "\"";
}

}  // namespace

SearchTerms search_terms(std::string_view query) {
  constexpr std::string_view kSpace(" \t\r\n\v\f\0", 7);
  const std::string text = base::replace_invalid_utf8(query);
  std::string_view rest = text;
  SearchTerms terms;
  while (true) {
    const std::size_t start = rest.find_first_not_of(kSpace);
    if (start == std::string_view::npos) break;
    rest.remove_prefix(start);
    const std::string_view word = rest.substr(0, rest.find_first_of(kSpace));
    rest.remove_prefix(word.size());
    if (!is_indexed(word)) {
      terms.pieces.emplace_back(word);
      continue;
    }
    terms.indexed += (terms.indexed.empty() ? "" : " ") + quoted(word);
  }
  if (!terms.indexed.empty() || !terms.pieces.empty()) return terms;
  throw InvalidRequestError("[sessions] there is no word to search for");
}

std::vector<SessionHit> search_messages(Database& database,
                                        const SearchTerms& terms, int limit) {
  const bool by_index = !terms.indexed.empty();
  std::string sql =
      "SELECT sessions.id, coalesce(sessions.name, ''), messages.position, "
      "messages.role, ";
  // Around the first piece where there is no word of the index.
  sql += by_index
             ? "snippet(words, 0, '', '', '...', 16) FROM words "
               "JOIN messages ON messages.number = words.rowid "
             : "iif(instr(messages.text, ?1) > 41, '...', '') || "
               "substr(messages.text, max(1, instr(messages.text, ?1) - 40), "
               "120) || iif(length(messages.text) > "
               "max(1, instr(messages.text, ?1) - 40) + 119, '...', '') "
               "FROM messages ";
  sql += "JOIN sessions ON sessions.id = messages.session WHERE ";
  if (by_index) sql += "words MATCH ?";
  for (std::size_t i = 0; i < terms.pieces.size(); ++i) {
    sql += i > 0 || by_index ? " AND instr(messages.text, ?) > 0"
                             : "instr(messages.text, ?1) > 0";
  }
  sql += by_index ? " ORDER BY words.rank, messages.number LIMIT ?"
                  : " ORDER BY sessions.updated_at DESC, messages.number "
                    "LIMIT ?";
  Statement rows(database, sql);
  if (by_index) rows.bind(terms.indexed);
  for (const std::string& piece : terms.pieces) rows.bind(piece);
  rows.bind(std::int64_t{limit});
  std::vector<SessionHit> hits;
  while (rows.step()) {
    hits.push_back({rows.text(0), rows.text(1),
                    static_cast<std::size_t>(rows.number(2)),
                    parse_role(rows.text(3)), rows.text(4)});
  }
  return hits;
}

}  // namespace abstractllm::session

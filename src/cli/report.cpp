// Errors as lines for people or as JSON for programs.
// SPDX-License-Identifier: Apache-2.0
#include "cli/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/nearest_names.h"
#include "base/utf8.h"

namespace abstractllm::cli {
namespace {

// Calls `replace(character)` for each control character, C0, DEL and C1, and
// appends what it returns.
template <typename Replace>
std::string without_controls(std::string_view text, Replace&& replace) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() &&
                    static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) {
      clean += replace('\x1b');
      ++i;
    } else if (byte < 0x20 || byte == 0x7F) {
      clean += replace(text[i]);
    } else {
      clean += text[i];
    }
  }
  return clean;
}

}  // namespace

std::string one_line(std::string_view text) {
  return without_controls(base::replace_invalid_utf8(text),
                          [](char) { return std::string_view(" "); });
}

std::string terminal_text(std::string_view text) {
  return without_controls(text, [](char control) {
    if (control == '\n') return std::string_view("\n");
    if (control == '\t') return std::string_view("\t");
    return std::string_view();
  });
}

void report_error(Output& err, std::string_view name, int exit_code,
                  std::string_view message, std::string_view hint, bool json) {
  try {
    if (json) {
      const nlohmann::ordered_json line = {{"error",
                                            {{"name", std::string(name)},
                                             {"message", one_line(message)},
                                             {"hint", one_line(hint)},
                                             {"exit_code", exit_code}}}};
      err.write(line.dump() + "\n");
      return;
    }
    std::string lines = fmt::format("allm: error: {}\n", one_line(message));
    if (!hint.empty()) lines += fmt::format("hint: {}\n", one_line(hint));
    err.write(lines);
  } catch (const std::exception&) {
    // The exit code still tells; there is nowhere left to say more.
  }
}

void report_error(Output& err, const Error& error, bool json) {
  report_error(err, error.name(), error_traits(error.code()).exit_code,
               error.message(), error.hint(), json);
}

void report_warning(Output& err, std::string_view where,
                    std::string_view message) noexcept {
  try {
    err.write(fmt::format("allm: warning: [{}] {}\n", one_line(where),
                          one_line(message)));
  } catch (const std::exception&) {
    // A warning that cannot be said is no reason to stop.
  }
}

void report_note(Output& err, std::string_view text) {
  err.write(fmt::format("allm: note: {}\n", one_line(text)));
}

std::string suggestion(std::string_view name,
                       const std::vector<std::string>& known) {
  const auto quoted = [](std::string_view known_name) {
    return fmt::format("Did you mean '{}'?", known_name);
  };
  // A name cut short is further away than edits tell.
  for (const std::string& each : known) {
    if (name.size() > 2 && each.starts_with(name)) return quoted(each);
  }
  const auto nearest = base::nearest_names(name, known, 1);
  if (nearest.empty()) return {};
  // Two letters swapped are two edits, also in a short word.
  const std::size_t longer = std::max(name.size(), nearest[0].size());
  const std::size_t allowed = std::max<std::size_t>(2, longer / 3);
  const std::size_t distance = base::edit_distance(name, nearest[0]);
  if (distance > allowed || distance >= longer) return {};
  return quoted(nearest[0]);
}

}  // namespace abstractllm::cli

// The tables of the session store, version by version.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/sqlite.h"

namespace abstractllm::session {

/// Brings the tables to the newest version, in one transaction. Throws
/// FileProcessingError for a file that is no database, or that a newer version
/// of this library made.
void migrate(Database& database);

}  // namespace abstractllm::session

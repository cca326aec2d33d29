// A session over a scripted model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "abstractllm/session.h"
#include "support/scripted_provider.h"

namespace abstractllm {

using test::Gate;
using test::Script;
using test::ScriptedProvider;

class SessionTest : public ::testing::Test {
 protected:
  Session session(SessionOptions options = {}, SessionState state = {}) {
    return Session(model, std::move(options), std::move(state));
  }

  static std::vector<Role> roles(const Session& session) {
    std::vector<Role> roles;
    for (const Message& message : session.messages()) {
      roles.push_back(message.role);
    }
    return roles;
  }

  static SessionMessage said(Message message) {
    SessionMessage entry;
    entry.message = std::move(message);
    return entry;
  }

  void set_context(int tokens) {
    Capabilities can = model->capabilities();
    can.context_length = tokens;
    model->set_capabilities(can);
  }

  std::shared_ptr<ScriptedProvider> model =
      std::make_shared<ScriptedProvider>();
};

}  // namespace abstractllm

// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include "abstractllm/error.h"
#include "session/sqlite.h"
#include "session_fixture.h"
#include "support/temporary_folder.h"

namespace abstractllm {
namespace {

class SessionManagerTest : public SessionTest {
 protected:
  std::filesystem::path file() const { return folder.path() / "a/b.db"; }

  static SessionState named(std::string name, std::string text = "hello") {
    SessionState state;
    state.name = std::move(name);
    state.messages = {said(Message::user(std::move(text)))};
    return state;
  }

  test::TemporaryFolder folder;
};

TEST_F(SessionManagerTest, EachTurnIsStoredAndGoneOnWith) {
  model->enqueue("Hello.");
  model->enqueue("Fine.");
  SessionState kept;
  {
    SessionManager manager(file());
    Session chat = manager.create(model, "tea");
    EXPECT_TRUE(manager.list().empty());
    chat.send("Hi");
    EXPECT_EQ(manager.list().size(), 1u);
    kept = chat.state();
  }
  SessionManager manager(file());
  Session chat = manager.open("tea", model);
  EXPECT_EQ(chat.state(), kept);
  chat.send("How are you?");
  EXPECT_EQ(model->requests()[1].messages.size(), 3u);
  EXPECT_EQ(manager.load("tea"), chat.state());
  EXPECT_EQ(manager.load(kept.id).messages.size(), 4u);
}

TEST_F(SessionManagerTest, UndoAndEditReachTheFile) {
  for (const char* answer : {"a", "b", "c"}) model->enqueue(answer);
  SessionManager manager(file());
  Session chat = manager.create(model, "s");
  chat.send("one");
  chat.send("two");
  chat.undo();
  EXPECT_EQ(manager.load("s"), chat.state());
  chat.edit(0, "uno");
  EXPECT_EQ(manager.load("s"), chat.state());
  chat.clear();
  chat.set_metadata("k", "v");
  EXPECT_EQ(manager.load("s"), chat.state());
}

TEST_F(SessionManagerTest, TheFileIsPrivate) {
  SessionManager manager(file());
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(SessionManagerTest, NamesAreUniqueAndUnknownOnesNameTheNearest) {
  SessionManager manager(file());
  manager.save(named("holiday"));
  EXPECT_THROW(manager.save(named("holiday")), InvalidRequestError);
  EXPECT_THROW(manager.create(model, "holiday"), InvalidRequestError);
  try {
    manager.load("holidays");
    FAIL();
  } catch (const InvalidRequestError& error) {
    EXPECT_EQ(error.hint(), "Did you mean 'holiday'?");
  }
  EXPECT_TRUE(manager.remove("holiday"));
  EXPECT_FALSE(manager.remove("holiday"));
  manager.save(named(""));
  manager.save(named(""));
  EXPECT_EQ(manager.list().size(), 2u);
}

TEST_F(SessionManagerTest, TheListHasTheLatestFirst) {
  SessionManager manager(file());
  SessionState old = named("old");
  old.updated_at = 1000;
  SessionState young = named("young");
  young.updated_at = 2000;
  young.model = "m";
  manager.save(young);
  manager.save(old);
  const auto list = manager.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].name, "young");
  EXPECT_EQ(list[0].model, "m");
  EXPECT_EQ(list[0].messages, 1u);
}

TEST_F(SessionManagerTest, SearchFindsAllTheWords) {
  SessionManager manager(file());
  manager.save(named("one", "The caf\xC3\xA9 in Lisbon was closed"));
  manager.save(named("two", "Lisbon is sunny"));
  const auto names = [&](std::string_view query) {
    std::vector<std::string> found;
    for (const SessionHit& hit : manager.search(query)) {
      found.push_back(hit.session_name);
    }
    return found;
  };
  EXPECT_EQ(names("lisbon").size(), 2u);
  EXPECT_EQ(names("cafe LISBON"), std::vector<std::string>{"one"});
  EXPECT_TRUE(names("Porto").empty());
  for (const char* odd : {"\"", "a\"b*", "NOT", "AND OR", "(", "x:y", "-"}) {
    EXPECT_NO_THROW(manager.search(odd)) << odd;
  }
  EXPECT_THROW(manager.search("  "), InvalidRequestError);
  manager.remove("one");
  EXPECT_TRUE(names("closed").empty());
}

// The index has no words of scripts without spaces, and no signs.
TEST_F(SessionManagerTest, SearchFindsWhatHasNoSpacesAroundIt) {
  SessionManager manager(file());
  manager.save(named("tokyo", "明日は東京都で会議があります 🎉 C++"));
  manager.save(named("paris", "Paris 旅行, " + std::string(200, 'x') + "🎉"));
  const auto names = [&](std::string_view query) {
    std::vector<std::string> found;
    for (const SessionHit& hit : manager.search(query)) {
      found.push_back(hit.session_name);
    }
    std::sort(found.begin(), found.end());
    return found;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("東京"), Names{"tokyo"});
  EXPECT_EQ(names("会議 東京"), Names{"tokyo"});
  EXPECT_EQ(names("paris 旅行"), Names{"paris"});
  EXPECT_EQ(names("paris 東京"), Names{});
  EXPECT_EQ(names("🎉"), (Names{"paris", "tokyo"}));
  EXPECT_EQ(names("++"), Names{"tokyo"});
  const auto hits = manager.search("🎉 旅行");
  ASSERT_EQ(hits.size(), 1u);
  EXPECT_NE(hits[0].excerpt.find("🎉"), std::string::npos);
  EXPECT_TRUE(hits[0].excerpt.starts_with("...x")) << hits[0].excerpt;
  EXPECT_TRUE(manager.search("東京").front().excerpt.starts_with("明日は"));
}

TEST_F(SessionManagerTest, WhatAnotherProgramChangedIsNotOverwritten) {
  for (int i = 0; i < 3; ++i) model->enqueue("ok");
  SessionManager manager(file());
  manager.create(model, "s").send("one");
  SessionManager other(file());
  Session mine = manager.open("s", model);
  Session theirs = other.open("s", model);
  theirs.send("two");
  EXPECT_THROW(mine.send("three"), InvalidRequestError);
  EXPECT_EQ(manager.load("s"), theirs.state());
}

TEST_F(SessionManagerTest, WhatAFailedSaveLeftOutComesWithTheNext) {
  for (int i = 0; i < 2; ++i) model->enqueue("ok");
  SessionManager manager(file());
  manager.save(named("taken"));
  Session chat = manager.create(model, "s");
  chat.options().observer(chat.state(), 0);
  chat.send("one");
  EXPECT_THROW(chat.set_name("taken"), InvalidRequestError);
  EXPECT_THROW(chat.send("two"), InvalidRequestError);
  chat.set_name("free");
  EXPECT_EQ(manager.load("free"), chat.state());
}

TEST_F(SessionManagerTest, SeveralThreadsStoreAtOnce) {
  SessionManager manager(file());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&manager, i] {
      const auto own = std::make_shared<ScriptedProvider>();
      Session chat = manager.create(own, "s" + std::to_string(i));
      for (int turn = 0; turn < 5; ++turn) {
        own->enqueue("ok");
        chat.send("hi");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const SessionSummary& each : manager.list()) {
    EXPECT_EQ(each.messages, 10u);
  }
  EXPECT_EQ(manager.list().size(), 4u);
}

TEST_F(SessionManagerTest, WhatIsNoStoreIsRefused) {
  std::ofstream(folder.path() / "text.db") << std::string(5000, 'x');
  EXPECT_THROW(SessionManager(folder.path() / "text.db"), FileProcessingError);
  EXPECT_THROW(SessionManager(folder.path()), FileProcessingError);
  EXPECT_THROW(SessionManager("/dev/null/x.db"), FileProcessingError);
}

TEST_F(SessionManagerTest, AFileOfANewerVersionIsRefused) {
  { const SessionManager manager(file()); }
  session::Database(file()).run("PRAGMA user_version = 99");
  try {
    SessionManager manager(file());
    FAIL();
  } catch (const FileProcessingError& error) {
    EXPECT_NE(error.message().find("version 99"), std::string::npos);
  }
}

// A writer that is killed in the middle of its work loses at most the turn
// that it was storing.
TEST_F(SessionManagerTest, AKilledWriterLosesAtMostItsUnfinishedTurn) {
  { const SessionManager manager(file()); }
  for (int round = 0; round < 3; ++round) {
    int done[2];
    ASSERT_EQ(::pipe(done), 0);
    const std::string name = "round" + std::to_string(round);
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      SessionManager manager(file());
      const auto own = std::make_shared<ScriptedProvider>();
      Session chat = manager.create(own, name);
      for (std::uint32_t turn = 1;; ++turn) {
        own->enqueue("answer");
        chat.send("question");
        if (::write(done[1], &turn, sizeof turn) != sizeof turn) ::_exit(1);
      }
    }
    ::close(done[1]);
    std::uint32_t finished = 0;
    while (finished < 7u + static_cast<std::uint32_t>(round)) {
      ASSERT_EQ(::read(done[0], &finished, sizeof finished),
                static_cast<ssize_t>(sizeof finished));
    }
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    // Turns that were reported before the end came.
    for (std::uint32_t more = 0;
         ::read(done[0], &more, sizeof more) == sizeof more;) {
      finished = more;
    }
    ::close(done[0]);
    const SessionState state = SessionManager(file()).load(name);
    EXPECT_EQ(state.messages.size() % 2, 0u);
    EXPECT_GE(state.messages.size(), 2u * finished);
    EXPECT_LE(state.messages.size(), 2u * finished + 2);
  }
}

}  // namespace
}  // namespace abstractllm

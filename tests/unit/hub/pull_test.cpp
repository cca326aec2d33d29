// SPDX-License-Identifier: Apache-2.0
#include "hub/pull.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "abstractllm/error.h"
#include "hub/file_lock.h"
#include "hub/local_models.h"
#include "unit/hub/fake_hub.h"
#include "unit/io/test_files.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;
using io::message_of;
using test::Reply;
using test::SeenRequest;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

void put(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

TEST(Pull, FillsTheCacheAsPythonToolsDo) {
  FakeHub hub;
  const fs::path snapshot = hub.pull();
  EXPECT_EQ(snapshot, hub.repository() / "snapshots" / FakeHub::kCommit);
  for (const char* name :
       {"config.json", "tokenizer.json", "model.safetensors"}) {
    EXPECT_EQ(fs::read_symlink(snapshot / name),
              fs::path("../../blobs") / hub.etag(name));
    EXPECT_EQ(read_file(snapshot / name), hub.files[name].content) << name;
  }
  EXPECT_FALSE(fs::exists(snapshot / "README.md"));
  EXPECT_EQ(read_file(hub.repository() / "refs/main"), FakeHub::kCommit);
  EXPECT_FALSE(fs::exists(hub.incomplete("model.safetensors")));
  EXPECT_EQ(LocalModels(ModelLocations{"", hub.cache()}).resolve("org/name"),
            snapshot);
}

TEST(Pull, FetchesLargeFilesInRangesThatCoverThemOnce) {
  FakeHub hub;
  hub.pull();
  EXPECT_THAT(hub.storage_requests(), SizeIs(10));
  EXPECT_THAT(hub.storage_requests(),
              AllOf(Each(HasSubstr(" bytes=")),
                    Contains(HasSubstr("bytes=90000-99999"))));
}

TEST(Pull, KeepsTheTokenFromTheStorage) {
  FakeHub hub;
  hub.token = "hf_secret";
  PullOptions options = hub.options();
  options.settings.token = "hf_secret";
  pull(parse_address("org/name"), options, {});
  ASSERT_THAT(hub.storage().requests(), Not(IsEmpty()));
  for (const SeenRequest& request : hub.storage().requests()) {
    EXPECT_EQ(request.header("Authorization"), "");
  }
  for (const SeenRequest& request : hub.hub().requests()) {
    EXPECT_EQ(request.header("Authorization"), "Bearer hf_secret");
  }
}

TEST(Pull, AsksForNothingThatIsThere) {
  FakeHub hub;
  hub.pull();
  const std::size_t before = hub.hub_requests().size();
  hub.pull();
  EXPECT_EQ(hub.hub_requests().size(), before + 1);
  EXPECT_THAT(hub.storage_requests(), SizeIs(10));
}

TEST(Pull, NestedFilesLinkToTheSameBlobs) {
  FakeHub hub;
  hub.files["1_Pooling/config.json"] = {"{\"a\": 1}"};
  hub.files["special_tokens_map.json"] = {"{}"};  // as tokenizer.json
  const fs::path snapshot = hub.pull();
  EXPECT_EQ(fs::read_symlink(snapshot / "1_Pooling/config.json"),
            fs::path("../../../blobs") / hub.etag("1_Pooling/config.json"));
  EXPECT_EQ(read_file(snapshot / "special_tokens_map.json"), "{}");
}

TEST(Pull, TakesARevisionAndAGlob) {
  FakeHub hub;
  const fs::path snapshot = hub.pull("hf:org/name@v1:*.json");
  EXPECT_TRUE(fs::exists(snapshot / "config.json"));
  EXPECT_FALSE(fs::exists(snapshot / "model.safetensors"));
  EXPECT_EQ(read_file(hub.repository() / "refs/v1"), FakeHub::kCommit);
  EXPECT_FALSE(fs::exists(hub.repository() / "refs/main"));
  hub.pull(std::string("org/name@") + FakeHub::kCommit + ":README.md");
  EXPECT_TRUE(fs::exists(snapshot / "README.md"));
  EXPECT_FALSE(fs::exists(hub.repository() / "refs" / FakeHub::kCommit));
}

TEST(Pull, ChoosesAmongGgufFilesByTheQuantisationsName) {
  FakeHub hub;
  hub.files = {{"m-Q4_K_M.gguf", {noise(30'000, 2), true}},
               {"m-Q8_0.gguf", {noise(50'000, 3), true}}};
  EXPECT_THAT(message_of<InvalidRequestError>([&] { hub.pull(); }),
              HasSubstr("2 GGUF models"));
  EXPECT_THAT(hub.storage_requests(), IsEmpty());
  const fs::path snapshot = hub.pull("org/name:q4_k_m");
  EXPECT_EQ(read_file(snapshot / "m-Q4_K_M.gguf"),
            hub.files["m-Q4_K_M.gguf"].content);
  EXPECT_FALSE(fs::exists(snapshot / "m-Q8_0.gguf"));
}

TEST(Pull, FindsSizesAndNamesInTheTreeOrInTheFilesThemselves) {
  for (const bool has_tree : {true, false}) {
    FakeHub hub;
    hub.has_blobs = false;
    hub.has_tree = has_tree;
    const fs::path snapshot = hub.pull();
    EXPECT_EQ(read_file(snapshot / "model.safetensors"),
              hub.files["model.safetensors"].content);
    EXPECT_EQ(fs::read_symlink(snapshot / "config.json").filename(),
              hub.etag("config.json"));
    EXPECT_THAT(hub.hub_requests(),
                has_tree ? Not(Contains(StartsWith("HEAD ")))
                         : testing::Matcher<std::vector<std::string>>(
                               Contains(StartsWith("HEAD "))));
  }
}

TEST(Pull, GoesOnWhereAnEarlierOneWasLeft) {
  FakeHub hub;
  const std::string content = hub.files["model.safetensors"].content;
  put(hub.incomplete("model.safetensors"), content.substr(0, 33'333));
  hub.pull();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")), content);
  EXPECT_THAT(hub.storage_requests(),
              AllOf(SizeIs(7), Contains(HasSubstr("bytes=33333-43332"))));
}

TEST(Pull, FinishesAFileThatOnlyLacksItsName) {
  FakeHub hub;
  const std::string content = hub.files["model.safetensors"].content;
  put(hub.incomplete("model.safetensors"), content);
  hub.pull();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")), content);
  EXPECT_THAT(hub.storage_requests(), IsEmpty());
}

TEST(Pull, StartsAgainWhereTheBeginningIsDamaged) {
  FakeHub hub;
  const std::string content = hub.files["model.safetensors"].content;
  for (const std::string& bad :
       {std::string(40'000, 'x'), std::string(200'000, 'x')}) {
    fs::remove_all(hub.cache());
    put(hub.incomplete("model.safetensors"), bad);
    hub.pull();
    EXPECT_EQ(read_file(hub.blob("model.safetensors")), content);
  }
}

TEST(Pull, TakesAFileWholeFromAServerWithoutRanges) {
  FakeHub hub;
  hub.gives_ranges = false;
  const std::string content = hub.files["model.safetensors"].content;
  put(hub.incomplete("model.safetensors"), content.substr(0, 12'345));
  hub.pull();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")), content);
  EXPECT_THAT(hub.storage_requests(), SizeIs(1));
}

TEST(Pull, DoesNotAskAgainForAFileOfAnotherSizeThanListed) {
  FakeHub hub;
  hub.gives_ranges = false;
  hub.meddle_storage = [](const SeenRequest&) -> std::optional<Reply> {
    return Reply().body(std::string(70'000, 'y'), "application/octet-stream");
  };
  EXPECT_THAT(message_of<ProviderAPIError>([&] { hub.pull(); }),
              AllOf(HasSubstr("has 100000 bytes by the hub's list"),
                    HasSubstr("sends 70000")));
  EXPECT_THAT(hub.storage_requests(), SizeIs(1));
}

TEST(Pull, AsksAgainForWhatWasCutOff) {
  FakeHub hub;
  std::atomic<int> cuts = 0;
  hub.meddle_storage = [&](const SeenRequest& request) -> std::optional<Reply> {
    if (request.header("Range") != "bytes=20000-29999" || cuts++ > 0) return {};
    return Reply(206)
        .header("Content-Range", "bytes 20000-29999/100000")
        .body(hub.files["model.safetensors"].content.substr(20'000, 10'000),
              "application/octet-stream")
        .cut(4'000);
  };
  hub.pull();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")),
            hub.files["model.safetensors"].content);
  EXPECT_THAT(hub.storage_requests(), Contains(HasSubstr("bytes=24000-29999")));
}

TEST(Pull, AsksAgainAfterErrorsThatPass) {
  FakeHub hub;
  std::atomic<int> refused = 0;
  hub.meddle_storage = [&](const SeenRequest&) -> std::optional<Reply> {
    if (refused++ % 2 == 1) return {};
    return Reply(503).body("busy", "text/plain");
  };
  std::atomic<int> limited = 0;
  hub.meddle_hub = [&](const SeenRequest&) -> std::optional<Reply> {
    if (limited++ > 0) return {};
    return Reply(429).header("Retry-After", "0").json("{}");
  };
  hub.pull();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")),
            hub.files["model.safetensors"].content);
}

TEST(Pull, ASingleStreamGoesOnBehindItsBreak) {
  FakeHub hub;
  hub.gives_ranges = false;
  std::atomic<int> asked = 0;
  hub.meddle_storage = [&](const SeenRequest&) -> std::optional<Reply> {
    if (asked++ > 0) return {};
    return Reply()
        .body(hub.files["model.safetensors"].content, "text/plain")
        .cut(50'000);
  };
  hub.pull();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")),
            hub.files["model.safetensors"].content);
  EXPECT_EQ(asked, 2);
}

TEST(Pull, GivesUpAfterEnoughFailuresAndKeepsWhatArrived) {
  FakeHub hub;
  hub.meddle_storage = [&](const SeenRequest& request) -> std::optional<Reply> {
    const std::string range = request.header("Range");
    if (range == "bytes=0-9999" || range == "bytes=10000-19999") return {};
    return Reply(500).body("down", "text/plain");
  };
  PullOptions options = hub.options();
  options.download.connections = 1;
  EXPECT_THAT(message_of<ProviderAPIError>(
                  [&] { pull(parse_address("org/name"), options, {}); }),
              AllOf(HasSubstr("500"), HasSubstr("model.safetensors")));
  EXPECT_EQ(read_file(hub.incomplete("model.safetensors")),
            hub.files["model.safetensors"].content.substr(0, 20'000));
  EXPECT_FALSE(fs::exists(hub.repository() / "snapshots"));
  hub.meddle_storage = nullptr;
  hub.pull();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")),
            hub.files["model.safetensors"].content);
}

TEST(Pull, ForgetsBytesWithAWrongDigest) {
  FakeHub hub;
  hub.meddle_storage = [&](const SeenRequest& request) -> std::optional<Reply> {
    if (!request.header("Range").empty()) return {};
    return Reply().body(std::string(100'000, 'x'), "text/plain");
  };
  hub.files["model.safetensors"].content[5] ^= 1;
  const std::string promised = hub.etag("model.safetensors");
  hub.files["model.safetensors"].content[5] ^= 1;
  hub.meddle_hub = [&](const SeenRequest& request) -> std::optional<Reply> {
    if (request.target.starts_with("/api/")) {
      return Reply().json(
          std::string(R"({"sha": "c0", "siblings": [{"rfilename": )") +
          R"("model.safetensors", "size": 100000, "lfs": {"sha256": ")" +
          promised + R"(", "size": 100000}}]})");
    }
    return Reply(302)
        .header("Location", hub.storage().url() + "/" +
                                hub.etag("model.safetensors") + "?signed=1")
        .body("", "text/plain");
  };
  const std::string message = message_of<ProviderAPIError>([&] { hub.pull(); });
  EXPECT_THAT(message, AllOf(HasSubstr("SHA-256"), HasSubstr(promised)));
  EXPECT_EQ(read_file(hub.repository() / "blobs" / (promised + ".incomplete")),
            "");
  EXPECT_FALSE(fs::exists(hub.repository() / "blobs" / promised));
  EXPECT_FALSE(fs::exists(hub.repository() / "snapshots"));
}

TEST(Pull, AFileThatHasChangedMeanwhileIsAnError) {
  FakeHub hub;
  hub.meddle_storage = [&](const SeenRequest&) -> std::optional<Reply> {
    return Reply(416).body("", "text/plain");
  };
  EXPECT_THAT(message_of<ProviderAPIError>([&] { hub.pull(); }),
              HasSubstr("has no byte"));
  hub.meddle_storage = [&](const SeenRequest&) -> std::optional<Reply> {
    return Reply(206)
        .header("Content-Range", "bytes 0-9999/77777")
        .body(std::string(10'000, 'x'), "text/plain");
  };
  EXPECT_THROW(hub.pull(), ProviderAPIError);
  hub.meddle_storage = [&](const SeenRequest&) -> std::optional<Reply> {
    return Reply().body(std::string(100'001, 'x'), "text/plain");
  };
  EXPECT_THAT(message_of<ProviderAPIError>([&] { hub.pull(); }),
              HasSubstr("sends 100001"));
}

TEST(Pull, AsksTheHubAgainWhenAStorageAddressHasRunOut) {
  FakeHub hub;
  std::atomic<int> asked = 0;
  hub.meddle_storage = [&](const SeenRequest&) -> std::optional<Reply> {
    if (asked++ != 3) return {};
    return Reply(403).body("expired", "text/plain");
  };
  hub.pull();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")),
            hub.files["model.safetensors"].content);
}

TEST(Pull, SaysHowAccessIsGiven) {
  FakeHub hub;
  hub.token = "other";
  try {
    hub.pull();
    FAIL();
  } catch (const AuthenticationError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("org/name"), HasSubstr("401")));
    EXPECT_THAT(error.hint(), AllOf(HasSubstr("HF_TOKEN"),
                                    HasSubstr(hub.hub().url() + "/org/name")));
  }
  hub.token = "";
  hub.meddle_hub = [](const SeenRequest& request) -> std::optional<Reply> {
    if (request.target.starts_with("/api/")) return {};
    return Reply(403)
        .header("X-Error-Code", "GatedRepo")
        .header("X-Error-Message", "Access to model is restricted")
        .json("{}");
  };
  try {
    hub.pull();
    FAIL();
  } catch (const AuthenticationError& error) {
    EXPECT_THAT(error.what(), HasSubstr("is gated"));
    EXPECT_THAT(error.hint(), HasSubstr("Accept its terms"));
  }
}

TEST(Pull, TellsTheMissingRepositoryFromTheMissingRevisionAndFile) {
  FakeHub hub;
  EXPECT_THAT(message_of<ModelNotFoundError>([&] { hub.pull("org/other"); }),
              HasSubstr("there is no model org/other"));
  EXPECT_THAT(message_of<ModelNotFoundError>([&] { hub.pull("org/name@v9"); }),
              HasSubstr("org/name has no revision 'v9'"));
  EXPECT_THAT(
      message_of<ModelNotFoundError>([&] { hub.pull("org/name:x.bin"); }),
      HasSubstr("org/name has no file 'x.bin'"));
  hub.meddle_hub = [](const SeenRequest& request) -> std::optional<Reply> {
    if (request.target.find("tokenizer.json") == std::string::npos) return {};
    return Reply(404).header("X-Error-Code", "EntryNotFound").json("{}");
  };
  EXPECT_THAT(message_of<ModelNotFoundError>([&] { hub.pull(); }),
              HasSubstr("no file 'tokenizer.json'"));
}

TEST(Pull, TakesAHubThatKnowsNoRevisions) {
  FakeHub hub;
  hub.meddle_hub = [](const SeenRequest& request) -> std::optional<Reply> {
    if (request.target.find("/revision/") == std::string::npos) return {};
    return Reply(404).json("{}");
  };
  EXPECT_TRUE(fs::exists(hub.pull() / "model.safetensors"));
  EXPECT_THROW(hub.pull("org/name@v1"), ModelNotFoundError);
}

TEST(Pull, RefusesWhatDoesNotFitBeforeTheFirstByte) {
  FakeHub hub;
  PullOptions options = hub.options();
  options.free_bytes = [](const fs::path&) { return std::uint64_t{50'000}; };
  try {
    pull(parse_address("org/name"), options, {});
    FAIL();
  } catch (const ResourceExceededError& error) {
    EXPECT_THAT(error.what(), HasSubstr(hub.cache().string()));
    EXPECT_THAT(error.hint(), HasSubstr("HF_HOME"));
  }
  EXPECT_THAT(hub.storage_requests(), IsEmpty());
}

TEST(Pull, SaysThatTheDiskIsFull) {
  FakeHub hub;
  fs::create_directories(hub.repository() / "blobs");
  fs::create_symlink("/dev/full", hub.incomplete("model.safetensors"));
  EXPECT_THAT(message_of<ResourceExceededError>([&] { hub.pull(); }),
              HasSubstr("No space left"));
}

TEST(Pull, IsLeftWithinTheDownloadAndGoesOnLater) {
  FakeHub hub;
  hub.meddle_storage = [&](const SeenRequest& request) -> std::optional<Reply> {
    const std::string range = request.header("Range");
    if (range == "bytes=0-9999") return {};
    // Whichever part is asked for: the next one may be before the download is
    // left.
    const std::string bounds = range.substr(range.find('=') + 1);
    return Reply(206)
        .header("Content-Range", "bytes " + bounds + "/100000")
        .chunk(hub.files["model.safetensors"].content.substr(std::stoul(bounds),
                                                             1'234))
        .hang();
  };
  PullOptions options = hub.options();
  options.download.connections = 2;
  EXPECT_THROW(pull(parse_address("org/name"), options,
                    [&](const PullProgress& progress) {
                      std::error_code error;
                      const auto held = fs::file_size(
                          hub.incomplete("model.safetensors"), error);
                      return error || held < 10'000 ||
                             progress.completed < 10'000 + 2 * 1'234;
                    }),
               CancelledError);
  // With the part that had begun; what came of the one behind it is lost.
  EXPECT_EQ(fs::file_size(hub.incomplete("model.safetensors")), 11'234u);
  hub.meddle_storage = nullptr;
  hub.pull();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")),
            hub.files["model.safetensors"].content);
}

TEST(Pull, IsLeftWhileTheHubIsSilent) {
  FakeHub hub;
  hub.meddle_hub = [](const SeenRequest&) -> std::optional<Reply> {
    return Reply().hang();
  };
  int reports = 0;
  EXPECT_THROW(pull(parse_address("org/name"), hub.options(),
                    [&](const PullProgress&) { return ++reports < 3; }),
               CancelledError);
}

TEST(Pull, ReportsBytesFilesAndThePlace) {
  FakeHub hub;
  std::vector<std::string> done;
  PullProgress last;
  pull(parse_address("org/name"), hub.options(),
       [&](const PullProgress& progress) {
         if (!progress.file.empty()) done.push_back(progress.file);
         EXPECT_LE(progress.completed, progress.total);
         last = progress;
         return true;
       });
  EXPECT_THAT(done, testing::UnorderedElementsAre(
                        "config.json", "tokenizer.json", "model.safetensors"));
  EXPECT_EQ(last.completed, last.total);
  EXPECT_EQ(last.total, 100'000u + 2 + 23);
  EXPECT_EQ(last.path, (hub.repository() / "snapshots" / FakeHub::kCommit));
}

TEST(Pull, TwoAtOnceFetchEachFileOnce) {
  FakeHub hub;
  std::thread other([&] { hub.pull(); });
  hub.pull();
  other.join();
  EXPECT_EQ(read_file(hub.blob("model.safetensors")),
            hub.files["model.safetensors"].content);
  EXPECT_THAT(hub.storage_requests(), SizeIs(10));
}

TEST(Pull, WaitsForWhoeverHoldsAFilesLock) {
  FakeHub hub;
  const CancelToken never;
  auto lock =
      std::make_unique<FileLock>(hub.cache() / ".locks/models--org--name" /
                                     (hub.etag("model.safetensors") + ".lock"),
                                 never);
  int waited = 0;
  pull(parse_address("org/name"), hub.options(),
       [&](const PullProgress& progress) {
         if (progress.status == "fetching" && ++waited == 2) {
           EXPECT_THAT(hub.storage_requests(), IsEmpty());
           lock.reset();
         }
         return true;
       });
  EXPECT_THAT(hub.storage_requests(), SizeIs(10));
}

TEST(Pull, AsksNobodyWhenOffline) {
  FakeHub hub;
  PullOptions options = hub.options();
  options.settings.offline = true;
  EXPECT_THAT(message_of<UnsupportedOperationError>(
                  [&] { pull(parse_address("org/name"), options, {}); }),
              HasSubstr("HF_HUB_OFFLINE"));
  EXPECT_EQ(hub.hub().connections(), 0);
}

TEST(Pull, SaysThatNobodyAnswers) {
  FakeHub hub;
  PullOptions options = hub.options();
  options.settings.endpoint =
      "http://127.0.0.1:" + std::to_string(test::closed_port());
  EXPECT_THROW(pull(parse_address("org/name"), options, {}),
               ProviderConnectionError);
}

TEST(Pull, GoesThroughAProxy) {
  FakeHub hub;
  PullOptions options = hub.options();
  options.client.http.proxy =
      "http://127.0.0.1:" + std::to_string(test::closed_port());
  EXPECT_THROW(pull(parse_address("org/name"), options, {}),
               ProviderConnectionError);
  EXPECT_EQ(hub.hub().connections(), 0);
}

TEST(Pull, RefusesRedirectsThatGoInCircles) {
  FakeHub hub;
  hub.meddle_hub = [&](const SeenRequest& request) -> std::optional<Reply> {
    return Reply(307).header("Location", request.target).body("", "text/plain");
  };
  EXPECT_THAT(message_of<ProviderAPIError>([&] { hub.pull(); }),
              HasSubstr("redirects more than"));
  hub.meddle_hub = [&](const SeenRequest&) -> std::optional<Reply> {
    return Reply(307).header("Location", "file:///etc/passwd").json("{}");
  };
  EXPECT_THAT(message_of<ProviderAPIError>([&] { hub.pull(); }),
              HasSubstr("redirects to what is no"));
}

TEST(Pull, RefusesNamesThatLeadOutOfTheCache) {
  FakeHub hub;
  for (const char* path : {"../../evil", "/etc/x", "a//b", "a/./b", "a\\\\b"}) {
    hub.meddle_hub = [&](const SeenRequest&) -> std::optional<Reply> {
      return Reply().json(std::string(R"({"sha": "c0", "siblings": [)") +
                          R"({"rfilename": ")" + path + "\"}]}");
    };
    EXPECT_THROW(hub.pull(), ProviderAPIError) << path;
  }
  hub.meddle_hub = [&](const SeenRequest&) -> std::optional<Reply> {
    return Reply().json(R"({"sha": "../x", "siblings": []})");
  };
  EXPECT_THROW(hub.pull(), ProviderAPIError);
  hub.meddle_hub = [&](const SeenRequest&) -> std::optional<Reply> {
    return Reply().json("<html>");
  };
  EXPECT_THROW(hub.pull(), ProviderAPIError);
}

}  // namespace
}  // namespace abstractllm::hub

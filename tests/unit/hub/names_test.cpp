// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "hub/cache_layout.h"
#include "hub/digest.h"
#include "hub/hub_settings.h"
#include "hub/remote_repository.h"
#include "hub/repository_address.h"
#include "unit/io/test_files.h"

namespace abstractllm::hub {
namespace {

namespace fs = std::filesystem;

TEST(RepositoryAddress, IsIdRevisionAndFiles) {
  using A = RepositoryAddress;
  EXPECT_EQ(parse_address("Qwen/Qwen3-4B"), (A{"Qwen/Qwen3-4B"}));
  EXPECT_EQ(parse_address("gpt2"), (A{"gpt2"}));
  EXPECT_EQ(parse_address("hf:a/b@refs/pr/1"), (A{"a/b", "refs/pr/1"}));
  EXPECT_EQ(parse_address("a/b:*.gguf"), (A{"a/b", "main", "*.gguf"}));
  EXPECT_EQ(parse_address("a/b@v1.0:sub/x:y"), (A{"a/b", "v1.0", "sub/x:y"}));
  for (const char* page : {"https://huggingface.co"
                           "/a/b",
                           "hf.co/a/b"}) {
    EXPECT_EQ(parse_address(page), (A{"a/b"})) << page;
  }
}

TEST(RepositoryAddress, RefusesWhatIsNoName) {
  for (const char* text : {"", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a b",
                           "a/b@", "a/b:", "a/b@../x", "-a/b", "a/b-", "a--b/c",
                           "a/b..c", "hf:", "a\nb"}) {
    EXPECT_THROW(parse_address(text), InvalidRequestError) << text;
  }
  EXPECT_THROW(parse_address(std::string(200, 'a')), InvalidRequestError);
}

TEST(Paths, StayInTheirFolder) {
  for (const char* path : {"a", "a/b.c", ".hidden", "a..b/c", "a b"}) {
    EXPECT_TRUE(is_safe_path(path)) << path;
  }
  for (const char* path : {"", "/", "/a", "a/", "..", "a/..", "../a", ".",
                           "a/./b", "a//b", "a\\b", "a\nb"}) {
    EXPECT_FALSE(is_safe_path(path)) << path;
  }
  for (const char* name : {"", ".a", "a/b", "a b"}) {
    EXPECT_FALSE(is_safe_name(name)) << name;
  }
}

// Examples of FIPS 180-4 and of `git hash-object`.
TEST(Digest, GivesThePublishedValues) {
  const auto digest = [](Digest::Kind kind, std::string_view text) {
    Digest made(kind);
    made.update(text);
    return made.finish();
  };
  EXPECT_EQ(digest(Digest::Kind::kSha256, "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest(Digest::Kind::kSha256, ""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest(Digest::Kind::kSha256, std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(digest(Digest::Kind::kSha1, "abc"),
            "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(digest(Digest::Kind::kSha1, std::string(1'000'000, 'a')),
            "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  const std::string id = "ce013625030ba8dba906f756967f9e9ca394464a";
  EtagDigest git(id, 6);
  git.update("hello\n");
  EXPECT_EQ(git.finish(), id);
}

TEST(Digest, IsTheSameHoweverTheBytesAreSplit) {
  const std::string text(200, 'x');
  for (std::size_t size = 0; size <= 130; ++size) {
    Digest whole(Digest::Kind::kSha256);
    whole.update(text.substr(0, size));
    Digest pieces(Digest::Kind::kSha256);
    for (std::size_t i = 0; i < size; i += 7) {
      pieces.update(text.substr(i, std::min<std::size_t>(7, size - i)));
    }
    EXPECT_EQ(whole.finish(), pieces.finish()) << size;
  }
}

TEST(CachedRepository, HasTheLayoutOfTheHubsOwnTools) {
  const CachedRepository cached("/c", "org/name");
  EXPECT_EQ(cached.blob("e1"), "/c/models--org--name/blobs/e1");
  EXPECT_EQ(cached.incomplete("e1"),
            "/c/models--org--name/blobs/e1.incomplete");
  EXPECT_EQ(cached.ref("main"), "/c/models--org--name/refs/main");
  EXPECT_EQ(cached.snapshot("c0"), "/c/models--org--name/snapshots/c0");
  EXPECT_EQ(cached.lock("e1"), "/c/.locks/models--org--name/e1.lock");
  EXPECT_EQ(CachedRepository::link_target("a.json", "e1"), "../../blobs/e1");
  EXPECT_EQ(CachedRepository::link_target("a/b/c.json", "e1"),
            "../../../../blobs/e1");
  EXPECT_EQ(CachedRepository::id_of("models--org--name"), "org/name");
  EXPECT_EQ(CachedRepository::id_of("models--gpt2"), "gpt2");
  EXPECT_EQ(CachedRepository::id_of("datasets--a--b"), std::nullopt);
  EXPECT_EQ(CachedRepository::id_of("models--"), std::nullopt);
}

TEST(CachedRepository, KnowsTheCommitOfARevision) {
  const io::TemporaryFolder folder;
  folder.write("models--a--b/refs/main", "c1\n");
  folder.write("models--a--b/refs/gone", "c9");
  folder.write("models--a--b/refs/bad", "../../x");
  folder.write("models--a--b/snapshots/c1/config.json", "{}");
  folder.write("models--a--b/snapshots/c2/config.json", "{}");
  const CachedRepository cached(folder.path(), "a/b");
  EXPECT_EQ(cached.commit_of("main"), "c1");
  EXPECT_EQ(cached.commit_of("c2"), "c2");
  for (const char* none : {"gone", "bad", "c3", "../x", ""}) {
    EXPECT_EQ(cached.commit_of(none), std::nullopt) << none;
  }
  EXPECT_THAT(cached.commits(), testing::ElementsAre("c1", "c2"));
}

HubSettings settings(std::map<std::string, std::string> environment) {
  return HubSettings::from_environment([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(HubSettings, FollowTheVariablesOfTheHubsOwnTools) {
  EXPECT_EQ(settings({}).endpoint, "https://huggingface.co");
  EXPECT_EQ(settings({{"HF_ENDPOINT", "http://m:1/x/"}}).endpoint,
            "http://m:1/x");
  EXPECT_THROW(settings({{"HF_ENDPOINT", "m"}}), InvalidParameterError);
  EXPECT_EQ(settings({{"HOME", "/h"}}).cache, "/h/.cache/huggingface/hub");
  EXPECT_EQ(settings({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}).cache,
            "/x/huggingface/hub");
  EXPECT_EQ(settings({{"HOME", "/h"}, {"HF_HOME", "~/f"}}).cache, "/h/f/hub");
  EXPECT_EQ(settings({{"HF_HOME", "/f"}, {"HF_HUB_CACHE", "/c"}}).cache, "/c");
  EXPECT_EQ(settings({{"HUGGINGFACE_HUB_CACHE", "/c"}}).cache, "/c");
  EXPECT_EQ(settings({}).cache, "");
  EXPECT_FALSE(settings({{"HF_HUB_OFFLINE", "0"}}).offline);
  EXPECT_TRUE(settings({{"HF_HUB_OFFLINE", "true"}}).offline);
  EXPECT_TRUE(settings({{"TRANSFORMERS_OFFLINE", "1"}}).offline);
}

TEST(HubSettings, FindTheTokenInTheEnvironmentOrWhereLoginLeavesIt) {
  const io::TemporaryFolder folder;
  folder.write("token", "hf_stored\n");
  folder.write("other", "hf_other");
  const std::string home = folder.path().string();
  EXPECT_EQ(settings({{"HF_TOKEN", " \t\r\nhf_a \n"}}).token, "hf_a");
  EXPECT_EQ(
      settings({{"HF_TOKEN", " \n"}, {"HUGGING_FACE_HUB_TOKEN", "hf_b"}}).token,
      "hf_b");
  EXPECT_EQ(settings({{"HF_TOKEN", "hf_a\n"}, {"HF_HOME", home}}).token,
            "hf_a");
  EXPECT_EQ(settings({{"HUGGING_FACE_HUB_TOKEN", "hf_b"}}).token, "hf_b");
  EXPECT_EQ(settings({{"HF_HOME", home}}).token, "hf_stored");
  EXPECT_EQ(
      settings({{"HF_HOME", home}, {"HF_TOKEN_PATH", home + "/other"}}).token,
      "hf_other");
  EXPECT_EQ(
      settings({{"HF_HOME", home}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})
          .token,
      "");
}

TEST(RemoteRepository, ReadsFilesSortedWithTheirFacts) {
  const std::string sha(64, 'a');
  const std::string git(40, 'b');
  const RemoteRepository repository = read_repository(
      R"({"sha": "c0", "siblings": [{"rfilename": "z", "size": 3,
          "blobId": ")" +
      git + R"("}, {"rfilename": "m", "blobId": ")" + git +
      R"(", "size": 1, "lfs": {"sha256": ")" + sha +
      R"(", "size": 9, "pointerSize": 134}}, {"rfilename": "plain"}]})");
  EXPECT_EQ(repository.commit, "c0");
  EXPECT_THAT(repository.files,
              testing::ElementsAre(RemoteFile{"m", 9, sha}, RemoteFile{"plain"},
                                   RemoteFile{"z", 3, git}));
  EXPECT_TRUE(repository.lacks_facts());
}

TEST(RemoteRepository, ReadsEtagsAndLinks) {
  EXPECT_EQ(etag_of("\"abc\""), "abc");
  EXPECT_EQ(etag_of("W/\"abc\""), "abc");
  EXPECT_EQ(etag_of("abc"), "abc");
  EXPECT_EQ(etag_of("\"../x\""), "");
  EXPECT_EQ(etag_of(""), "");
  EXPECT_EQ(next_link("<http://h/a?x=1>; rel=\"next\""), "http://h/a?x=1");
  EXPECT_EQ(next_link("<p>; rel=\"prev\", <n>; rel=\"next\""), "n");
  EXPECT_EQ(next_link("<p>; rel=\"prev\""), "");
  EXPECT_EQ(next_link(""), "");
}

}  // namespace
}  // namespace abstractllm::hub

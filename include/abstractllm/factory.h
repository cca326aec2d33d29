// From a provider id and a model id to a ready AbstractLLMInterface.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/export.h"
#include "abstractllm/llm.h"
#include "abstractllm/parameters.h"

namespace abstractllm {

/// How a remote service is reached. A plain value; times are in seconds.
struct ConnectionOptions {
  /// "https://host/v1"; empty: the provider's environment variable, then its
  /// own address.
  std::string base_url{};
  /// Empty: the provider's environment variable. Never in a log or an error.
  std::string api_key{};
  std::string organization{};
  std::map<std::string, std::string> headers{};  ///< sent with every request
  /// "http://host:port"; empty: http_proxy, https_proxy and no_proxy.
  std::string proxy{};
  std::string ca_file{};  ///< PEM; empty: the system's
  double connect_timeout = 10;
  double first_byte_timeout = 600;
  double idle_timeout = 120;  ///< between two pieces of an answer
  double total_timeout = 0;   ///< 0: none
  bool operator==(const ConnectionOptions&) const = default;
};

/// How a provider is set up. A plain value; fields that a provider has no use
/// for are an UnsupportedFeatureError when set.
struct ProviderConfig {
  /// Model id, or for local providers a folder or a .gguf file.
  std::string model{};
  /// Defaults of every request of this object.
  GenerationParameters parameters{};
  /// Remote services only.
  ConnectionOptions connection{};
  /// Local: "auto", "cpu" or "cuda" / "metal" where built in.
  std::string device = "auto";
  /// Local, CPU: "fast" (own kernels) or "reference" (stock MLX in float32).
  std::string cpu_backend = "fast";
  /// Local, CPU: what quantised weights are multiplied with: "int8" (8 bits,
  /// scaled by 32), "int8-pair" (15 bits), "exact" (float32), or "auto": pairs,
  /// but 8 bits in the prompts of models with a hidden size of 1024 or more.
  std::string cpu_precision = "auto";
  bool cpu_exact = false;  ///< the same as cpu_precision "exact"
  /// Local, CPU with its own kernels: how keys and values are kept: "f32",
  /// "f16", "bf16", "int8" (a scale for each 32 numbers of a head), or "auto":
  /// f16, with exact activations f32.
  std::string kv_cache_type = "auto";
  /// Local, CPU: worker threads; 0 takes what the process may use.
  int threads = 0;
  /// Local and Ollama: tokens of context to provide for; 0: the model's own.
  int context_length = 0;
  /// Local: prompt tokens computed at a time; 0 lets the engine choose.
  int prefill_chunk = 0;
  /// Local: requests that are computed together; 0 lets the engine choose.
  int parallel_sequences = 0;
  /// Local: requests that may wait beside them before more are refused with
  /// ResourceExceededError; 0 lets the engine choose.
  int max_queued_requests = 0;
  /// Local: memory for the keys and values of all sequences. Requests wait
  /// while it is used up. 0 takes half of what is free once the model is
  /// loaded.
  std::uint64_t kv_cache_bytes = 0;
  /// Local: pixels of one image that the model may see, over all crops; more
  /// than its files allow changes nothing; 0 takes what they say.
  std::uint64_t max_pixels = 0;
  /// Local: adapters (LoRA, DoRA) that requests may choose by these names, and
  /// their folders in mlx-lm's or PEFT's format.
  std::map<std::string, std::string> adapters{};
  /// Local: the one of requests that name none, a name of `adapters` or a
  /// folder; empty: none.
  std::string adapter{};
  /// Local: `adapter`, a folder, becomes part of the weights, for all requests.
  bool fuse_adapter = false;
  /// Local: a preset of the model's family, such as "steady"; describe_model
  /// lists them as preset_NAME. It lies over the model's own defaults and under
  /// `parameters`. Empty: none.
  std::string preset{};
  /// Local: called while weights load with the share done, in [0, 1]; may be
  /// empty. Runs on the loading thread.
  std::function<void(double)> on_load_progress{};
};

/// Makes the model behind `provider` ready: an id or alias of provider_info.
/// A local model is loaded before this returns; a remote one is first asked
/// with the first request. `provider` may also be
/// "provider/model" with an empty config.model. Throws
/// UnsupportedProviderError naming the known ones, ModelNotFoundError,
/// ModelLoadingError and the provider's own errors. Thread-safe.
ABSTRACTLLM_API std::unique_ptr<AbstractLLMInterface> create_llm(
    std::string_view provider, ProviderConfig config);

/// A model that can be used without a download.
struct LocalModel {
  std::string id;      ///< what to pass as model
  std::string path;    ///< folder or file
  std::string format;  ///< "gguf", "safetensors"; "incomplete": a broken pull
  std::uint64_t bytes = 0;
  /// Whose it is: "abstractllm" (the models folder), "huggingface",
  /// "lmstudio" or "ollama".
  std::string source{};
  std::string architecture{};  ///< as its files call it; empty: not said
};

/// Models in the local model folders, sorted by id. Never touches a network.
ABSTRACTLLM_API std::vector<LocalModel> list_local_models();

/// What remove_model takes away. A plain value.
struct ModelRemoval {
  std::string id;
  std::vector<std::string> paths;  ///< files and folders, as they are now
  std::uint64_t bytes = 0;         ///< that become free
};

/// What would go with the local model `id`: its files in the models folder; in
/// Hugging Face's cache the repository, with @REVISION a snapshot, with :FILES
/// what that names, and content that nothing else shares. Throws
/// ModelNotFoundError, and UnsupportedOperationError for what belongs to
/// another program or lies elsewhere.
ABSTRACTLLM_API ModelRemoval plan_model_removal(std::string_view id);

/// Throws FileProcessingError for what cannot be removed; the rest is gone.
ABSTRACTLLM_API void remove_model(const ModelRemoval& removal);

enum class Verdict { kRuns, kRunsWithNotes, kDoesNotRun };

/// "runs", "runs, with notes", "does not run".
ABSTRACTLLM_API std::string_view to_string(Verdict verdict) noexcept;

/// What is known of this machine, and of a model on it. A plain value.
struct Diagnosis {
  /// Facts of one kind, for people. The first row of a table of more than two
  /// columns is its head.
  struct Section {
    std::string title;
    std::vector<std::vector<std::string>> rows;
  };
  Verdict verdict = Verdict::kRuns;
  std::string reason{};              ///< why it does not run; else empty
  std::vector<std::string> notes{};  ///< what to know before using it
  std::vector<Section> sections{};
  std::string json{};  ///< the same as one JSON object
};

/// Whether and how `model` would run here, from its files' headers alone: no
/// weights are loaded. An empty `model`: the machine alone. What is wrong with
/// the model is in the result. Throws ModelNotFoundError where there is none.
ABSTRACTLLM_API Diagnosis diagnose(std::string_view model = {});

/// The same of `config.model` as create_llm would run it: memory is what its
/// kv_cache_type and context_length need. Of `config` these, device, preset,
/// cpu_backend and cpu_precision count, no others. Throws InvalidParameterError
/// and UnsupportedFeatureError for those of them that create_llm refuses.
ABSTRACTLLM_API Diagnosis diagnose(const ProviderConfig& config);

/// What a model's files say of it, without loading weights. Throws
/// ModelNotFoundError and ModelLoadingError.
ABSTRACTLLM_API ModelDescription describe_model(std::string_view model);

/// A model that a provider has.
struct ModelEntry {
  std::string id;
  std::string owner;        ///< empty: not said
  std::uint64_t bytes = 0;  ///< on the machine that has it; 0: not said
  int context_length = 0;   ///< tokens; 0: not said
};

/// The models that `provider` has, sorted by id: of "mlx" those on this
/// machine, of a remote service those it lists. Throws
/// UnsupportedProviderError, UnsupportedOperationError for a provider that
/// cannot list, and the provider's own errors.
ABSTRACTLLM_API std::vector<ModelEntry> list_models(
    std::string_view provider, const ConnectionOptions& connection = {});

/// How far a model's download is.
struct PullProgress {
  std::string status;           ///< the service's word for what it does
  std::uint64_t total = 0;      ///< bytes; 0: not known
  std::uint64_t completed = 0;  ///< bytes
  std::string file{};  ///< that is complete with this report; empty: none
  std::string path{};  ///< of the model, when all of it is there
};

/// Fetches a model: "mlx" from a hub onto this machine, into the cache that
/// Hugging Face's tools share; "ollama" makes its server do it. For "mlx",
/// `model` is ORG/NAME[@REVISION][:FILES], FILES a glob or the name of a
/// quantisation; `connection` may name another hub and its key. `report` may
/// be empty; returning false ends the download, which a later call goes on
/// with. Throws UnsupportedOperationError for other providers and where
/// HF_HUB_OFFLINE is set, CancelledError, AuthenticationError,
/// ModelNotFoundError, ResourceExceededError for a full disk, and the
/// provider's own errors.
ABSTRACTLLM_API void pull_model(
    std::string_view provider, std::string_view model,
    const ConnectionOptions& connection = {},
    const std::function<bool(const PullProgress&)>& report = {});

/// By the provider's id.
using ProviderConnections = std::map<std::string, ConnectionOptions>;

enum class ProviderState {
  kReady,
  kKeyMissing,
  kAddressMissing,    ///< of a service that has none of its own
  kServerNotRunning,  ///< of a server on this machine
  kNotBuiltIn,
};

/// "ready", "key missing", "address missing", "server not running",
/// "not built in".
ABSTRACTLLM_API std::string_view to_string(ProviderState state) noexcept;

/// What a provider is, and whether it can be used now.
struct ProviderInfo {
  std::string id;
  std::vector<std::string> aliases;
  ProviderState state = ProviderState::kReady;
  std::string detail;  ///< the address, or what to do
  /// Of the provider; a single model may have fewer.
  std::set<ModelCapability> capabilities;
};

/// All known providers, sorted by id. Servers on this machine are asked
/// whether they are there, for at most half a second; services elsewhere are
/// not. `connections` says how those are reached that the environment alone
/// does not describe.
ABSTRACTLLM_API std::vector<ProviderInfo> provider_info(
    const ProviderConnections& connections = {});

using ProviderFactory =
    std::function<std::unique_ptr<AbstractLLMInterface>(ProviderConfig)>;

/// Adds a provider of the application. Throws InvalidRequestError if `id` is
/// taken. Thread-safe.
ABSTRACTLLM_API void register_provider(std::string id, ProviderFactory factory);

/// Ids of all known providers, sorted.
ABSTRACTLLM_API std::vector<std::string> list_providers();

/// Ids and aliases of all known providers, sorted.
ABSTRACTLLM_API std::vector<std::string> provider_names();

/// The id behind an id or alias. Throws UnsupportedProviderError naming the
/// known ones.
ABSTRACTLLM_API std::string provider_id(std::string_view id_or_alias);

}  // namespace abstractllm

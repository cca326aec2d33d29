// A conversion from beginning to end: plan, space, weights, the rest, rename.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/convert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "abstractllm/error.h"
#include "base/log.h"
#include "convert/model_folder.h"
#include "convert/output_folder.h"
#include "convert/plan.h"
#include "convert/quantiser.h"
#include "convert/weight_files.h"
#include "hub/local_models.h"
#include "io/adapter_base.h"
#include "io/adapter_file.h"
#include "io/model_files.h"

namespace abstractllm {
namespace convert {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgressName = ".progress";
// Room for what lies beside the weights.
constexpr std::uint64_t kSideBytes = 64u << 20;
// What a run that is killed may have to write once more.
constexpr std::uint64_t kPendingBytes = 64u << 20;

// Of the journal and of what the files of an unfinished run hold.
constexpr int kFormatVersion = 2;

// What changes when a file is replaced or rewritten.
std::string state_of(const fs::path& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return path.string() + " absent";
  const auto time = fs::last_write_time(path).time_since_epoch().count();
  return fmt::format("{} {} {} {}", fs::absolute(path).string(), facts.st_size,
                     time, facts.st_ino);
}

// The files that the numbers come from.
std::set<fs::path> source_files(const io::WeightSource& weights,
                                const std::string& adapter) {
  std::set<fs::path> files;
  for (const std::string& name : weights.names()) {
    const auto& file = weights.tensor(name).file;
    if (file) files.insert(file->path());
  }
  if (adapter.empty()) return files;
  for (const auto& entry : fs::directory_iterator(adapter)) {
    if (entry.is_regular_file()) files.insert(entry.path());
  }
  return files;
}

// FNV-1a: a run may be gone on with by another build.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

// What an earlier run must have had in common to be gone on with.
std::string fingerprint(const io::WeightSource& weights,
                        const ConversionOptions& options,
                        const ConversionPlan& plan) {
  std::string text =
      fmt::format("{} {} {}", kFormatVersion, options.shard_bytes,
                  weights.config().to_json());
  for (const fs::path& file : source_files(weights, options.adapter)) {
    text += "\n" + state_of(file);
  }
  for (const PlannedModule& module : plan.modules) {
    for (const PlannedTensor& tensor : module.tensors) {
      text += fmt::format("\n{} {} {}", tensor.name, tensor.type, tensor.bytes);
    }
    if (!module.quantisation) continue;
    text +=
        fmt::format(" {} {} {}", module.quantisation->mode,
                    module.quantisation->bits, module.quantisation->group_size);
  }
  return fmt::format("{:016x}", hash_of(text));
}

// The modules that are on the disk: a line each, behind the fingerprint. Some
// are noted together, for putting bytes on the disk takes its time.
class Journal {
 public:
  /// Empties `folder` where it holds something else than the beginning of this
  /// very conversion.
  Journal(const fs::path& folder, const std::string& print) {
    const fs::path path = folder / kProgressName;
    std::ifstream old(path);
    std::string line;
    if (std::getline(old, line) && line == print) {
      resumes_ = true;
      while (std::getline(old, line)) done_.insert(line);
    }
    old.close();
    if (!resumes_) fs::remove_all(folder);
    fs::create_directories(folder);
    stream_.open(
        path, std::ios::binary | (resumes_ ? std::ios::app : std::ios::trunc));
    if (!resumes_) stream_ << print << '\n' << std::flush;
    if (!stream_) {
      throw FileProcessingError("[convert] cannot write " + path.string());
    }
  }

  bool resumes() const { return resumes_; }
  bool has(const std::string& module) const { return done_.contains(module); }
  void add(const PlannedModule& module, WeightFiles& target) {
    pending_ += module.source + '\n';
    for (const PlannedTensor& tensor : module.tensors) bytes_ += tensor.bytes;
    if (bytes_ >= kPendingBytes) write_pending(target);
  }
  void write_pending(WeightFiles& target) {
    target.sync();
    stream_ << std::exchange(pending_, {}) << std::flush;
    bytes_ = 0;
  }

 private:
  bool resumes_ = false;
  std::set<std::string> done_;
  std::ofstream stream_;
  std::string pending_;
  std::uint64_t bytes_ = 0;  // of the modules in it
};

void check_space(const fs::path& folder, std::uint64_t needed) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || space.available >= needed) return;
  throw ResourceExceededError(
      fmt::format("[convert] {} has {} MB free, {} MB are needed",
                  folder.string(), space.available >> 20, needed >> 20),
      "Free some space, or choose a folder on another disk.");
}

class Conversion {
 public:
  explicit Conversion(const ConversionOptions& options)
      : options_(options),
        output_(fs::absolute(fs::path(options.output)).lexically_normal()),
        files_(io::ModelFiles::at(
            hub::LocalModels(hub::ModelLocations::from_environment())
                .resolve(options.model))),
        weights_(open_weights()) {
    if (options.shard_bytes == 0) {
      throw InvalidParameterError("[convert] weight files of 0 bytes",
                                  "Give the most bytes that one may have.");
    }
    if (output_.filename().empty()) output_ = output_.parent_path();
    refuse_own_source(output_, files_.location);
    check_output(output_, files_.location, options.force);
    plan_ = make_plan(weights_, options);
    partial_ = output_.parent_path() /
               ("." + output_.filename().string() + ".partial");
  }

  ConversionResult run() {
    for (const std::string& note : plan_.notes) {
      base::log(base::LogLevel::kWarning, "convert", note);
    }
    const OutputLock lock(output_);
    check_output(output_, files_.location, options_.force);
    Journal journal(partial_, fingerprint(weights_, options_, plan_));
    if (!journal.resumes()) {
      check_space(partial_, plan_.bytes + kSideBytes);
    }
    ConversionResult result{.folder = output_.string(), .bytes = plan_.bytes};
    WeightFiles target(partial_, plan_, options_.shard_bytes,
                       journal.resumes());
    remove_leftovers(target);
    try {
      write_modules(target, journal, result);
    } catch (const CancelledError&) {
      journal.write_pending(target);
      throw;
    }
    target.finish();
    write_side_files(files_, weights_, plan_, options_, partial_);
    put_in_place();
    return result;
  }

 private:
  io::WeightSource open_weights() const {
    io::WeightSource weights = io::WeightSource::open(files_);
    if (options_.adapter.empty()) return weights;
    auto adapter = std::make_shared<const io::AdapterFile>(
        io::AdapterFile::open(options_.adapter));
    io::warn_of_other_base(*adapter, options_.model);
    return weights.fused(std::move(adapter));
  }

  void write_modules(WeightFiles& target, Journal& journal,
                     ConversionResult& result) {
    for (const PlannedModule& module : plan_.modules) {
      result.tensors += static_cast<int>(module.tensors.size());
      result.quantised += module.quantisation ? 1 : 0;
      if (journal.has(module.source)) {
        ++result.resumed;
        count(module);
        continue;
      }
      write(module, target);
      journal.add(module, target);
    }
  }

  void write(const PlannedModule& module, WeightFiles& target) {
    std::vector<std::uint64_t> offsets(module.tensors.size(), 0);
    const auto sink = [&](std::size_t tensor,
                          std::span<const std::byte> bytes) {
      if (options_.cancel.cancelled()) {
        throw CancelledError("[convert] cancelled at " + module.source);
      }
      target.write(module.tensors[tensor].name, offsets[tensor], bytes);
      offsets[tensor] += bytes.size();
      report(bytes.size());
    };
    if (module.kind == PlannedModule::Kind::kRaw) {
      sink(0, weights_.tensor(module.source).bytes);
    } else {
      write_module(weights_, module, sink);
    }
    check_written(module, offsets);
  }

  // What a shape of the file promised and its numbers did not keep would else
  // be zeros.
  static void check_written(const PlannedModule& module,
                            const std::vector<std::uint64_t>& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const PlannedTensor& tensor = module.tensors[i];
      if (bytes[i] == tensor.bytes) continue;
      throw ModelLoadingError(
          fmt::format("[convert] '{}' has {} of the {} bytes of shape ({})",
                      tensor.name, bytes[i], tensor.bytes,
                      fmt::join(tensor.shape, ", ")),
          "The file does not fit its config.json, or is damaged.");
    }
  }

  void count(const PlannedModule& module) {
    for (const PlannedTensor& tensor : module.tensors) report(tensor.bytes);
  }

  void report(std::uint64_t bytes) {
    written_ += bytes;
    if (!options_.on_progress || plan_.bytes == 0) return;
    options_.on_progress(static_cast<double>(written_) /
                         static_cast<double>(plan_.bytes));
  }

  // What a run was stopped at while it wrote what lies beside the weights.
  void remove_leftovers(const WeightFiles& target) const {
    std::vector<fs::path> leftovers;
    for (const auto& entry : fs::directory_iterator(partial_)) {
      const std::string name = entry.path().filename().string();
      if (name != kProgressName && !target.has_file(name)) {
        leftovers.push_back(entry.path());
      }
    }
    for (const fs::path& path : leftovers) fs::remove_all(path);
  }

  // The old folder stays until the new one has its name.
  void put_in_place() {
    check_output(output_, files_.location, options_.force);
    fs::remove(partial_ / kProgressName);
    const fs::path old =
        output_.parent_path() / ("." + output_.filename().string() + ".old");
    const bool replaces = fs::exists(output_);
    if (replaces) {
      fs::remove_all(old);
      fs::rename(output_, old);
    }
    fs::rename(partial_, output_);
    if (replaces) fs::remove_all(old);
  }

  const ConversionOptions& options_;
  fs::path output_;
  fs::path partial_;
  io::ModelFiles files_;
  io::WeightSource weights_;
  ConversionPlan plan_;
  std::uint64_t written_ = 0;
};

}  // namespace
}  // namespace convert

ConversionResult convert_model(const ConversionOptions& options) {
  try {
    return convert::Conversion(options).run();
  } catch (const std::filesystem::filesystem_error& error) {
    throw FileProcessingError(std::string("[convert] ") + error.what());
  }
}

}  // namespace abstractllm

// `allm convert` and `allm quantize`: a model as a folder in MLX's format.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "abstractllm/convert.h"
#include "cli/commands.h"
#include "cli/interrupts.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/report.h"

namespace abstractllm::cli {
namespace {

struct ConvertOptions {
  ConversionOptions conversion;
  std::vector<std::string> rules;  // GLOB=RULE
};

int convert(ConvertOptions given, CliEnvironment& env) {
  ConversionOptions& options = given.conversion;
  for (const std::string& rule : given.rules) {
    const std::size_t equals = rule.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(fmt::format("'{}' is no rule", one_line(rule)),
                       "As in --rule '*.down_proj=8'.");
    }
    options.rules.emplace_back(rule.substr(0, equals), rule.substr(equals + 1));
  }
  std::unique_ptr<ProgressBar> bar;
  if (env.err_is_terminal) {
    bar = std::make_unique<ProgressBar>(env.err, "writing " + options.output,
                                        env.columns, env.color);
    options.on_progress = [&bar](double share) { bar->update(share); };
  }
  const CancelToken cancel;
  options.cancel = cancel;
  ConversionResult result;
  {
    Interrupts interrupts(Interrupts::Mode::kFilter);
    const Interrupts::Answer interruptible(cancel);
    result = env.models.convert(options);
  }
  bar.reset();
  std::string note =
      fmt::format("{} has {} tensors, {:.1f} MB, {} modules quantised",
                  result.folder, result.tensors,
                  static_cast<double>(result.bytes) / 1e6, result.quantised);
  if (result.resumed > 0) {
    note += fmt::format(" ({} were there from an earlier run)", result.resumed);
  }
  report_note(env.err, note);
  return 0;
}

void add_common_options(CLI::App& command, ConvertOptions& options) {
  ConversionOptions& conversion = options.conversion;
  command
      .add_option("MODEL", conversion.model, "Model id, folder or .gguf file")
      ->required()
      ->type_name("MODEL");
  command.add_option("OUTPUT", conversion.output, "The folder to make")
      ->required()
      ->type_name("FOLDER");
  command
      .add_option("--dtype", conversion.dtype,
                  "Of what is not quantised: float16, bfloat16 or float32 (as "
                  "the model says)")
      ->type_name("TYPE")
      ->check(
          CLI::IsMember({"float16", "bfloat16", "float32"}).description(""));
  command
      .add_option("--adapter", conversion.adapter,
                  "Adapter (LoRA, DoRA) that becomes part of the weights")
      ->type_name("DIR");
  command
      .add_option("--shard-bytes", conversion.shard_bytes,
                  "Bytes of a weight file, at most (5000000000)")
      ->type_name("N")
      ->check(
          CLI::Range(std::int64_t{1}, std::int64_t{1} << 50).description(""));
  command.add_flag("--force", conversion.force,
                   "Replace a model folder that is there");
}

void add_quantisation_options(CLI::App& command, ConvertOptions& options) {
  ConversionOptions& conversion = options.conversion;
  command
      .add_option("--mode", conversion.mode,
                  "affine, mxfp4, mxfp8 or nvfp4 (affine)")
      ->type_name("MODE")
      ->check(
          CLI::IsMember({"affine", "mxfp4", "mxfp8", "nvfp4"}).description(""));
  command
      .add_option("--bits", conversion.bits,
                  "Of a weight: 2, 3, 4, 5, 6 or 8 (4)")
      ->type_name("N");
  command
      .add_option("--group-size", conversion.group_size,
                  "Weights that share a scale: 32, 64 or 128 (64)")
      ->type_name("N");
  command
      .add_option("--recipe", conversion.recipe,
                  "mixed_2_6, mixed_3_4, mixed_3_6 or mixed_4_6: more bits for "
                  "some modules")
      ->type_name("NAME");
  command
      .add_option("--rule", options.rules,
                  "For modules that GLOB names: bits (8), bits and group "
                  "(8/32), a mode, or keep; repeatable, the first counts")
      ->type_name("GLOB=RULE")
      ->allow_extra_args(false);
}

void add_command(CLI::App& app, Invocation& invocation, const char* name,
                 const char* text, bool quantises) {
  CLI::App* command = app.add_subcommand(name, text);
  const auto options = std::make_shared<ConvertOptions>();
  add_common_options(*command, *options);
  if (quantises) add_quantisation_options(*command, *options);
  command->callback([options, quantises, &invocation] {
    invocation.run = [options, quantises, &invocation] {
      if (quantises && options->conversion.mode.empty()) {
        options->conversion.mode = "affine";
      }
      return convert(*options, invocation.environment);
    };
  });
}

}  // namespace

void add_convert_command(CLI::App& app, Invocation& invocation) {
  add_command(app, invocation, "convert",
              "Write a model as a folder in MLX's format", false);
}

void add_quantize_command(CLI::App& app, Invocation& invocation) {
  add_command(app, invocation, "quantize", "The same with quantised weights",
              true);
}

}  // namespace abstractllm::cli

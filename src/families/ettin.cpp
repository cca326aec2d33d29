// Ettin's decoders, which were trained to continue texts with ModernBERT's
// vocabulary.
// SPDX-License-Identifier: Apache-2.0
#include "families/configs.h"

namespace abstractllm::families {

EttinConfig::EttinConfig() {
  name = "ettin";
  model_types = {"modernbert-decoder"};
  names = {"ettin"};
  beginning = "[CLS]";
  end_tokens = {"[SEP]", "<|endoftext|>"};
  tool_dialect = output::ToolDialect::kJson;
}

}  // namespace abstractllm::families

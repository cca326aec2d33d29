// The makers of the image processors, one file each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vision/processor.h"

namespace abstractllm::vision {

std::unique_ptr<ImageProcessor> make_gemma3(const ProcessorFiles& files);
std::unique_ptr<ImageProcessor> make_idefics3(const ProcessorFiles& files);
std::unique_ptr<ImageProcessor> make_internvl(const ProcessorFiles& files);
std::unique_ptr<ImageProcessor> make_llava(const ProcessorFiles& files);
std::unique_ptr<ImageProcessor> make_llava_next(const ProcessorFiles& files);
std::unique_ptr<ImageProcessor> make_mllama(const ProcessorFiles& files);
std::unique_ptr<ImageProcessor> make_paligemma(const ProcessorFiles& files);
std::unique_ptr<ImageProcessor> make_phi3_v(const ProcessorFiles& files);
std::unique_ptr<ImageProcessor> make_pixtral(const ProcessorFiles& files);
std::unique_ptr<ImageProcessor> make_qwen2_vl(const ProcessorFiles& files);

}  // namespace abstractllm::vision

// One constructor per architecture file; registry.cpp lists them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "models/model.h"
#include "models/source.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_afmoe(const ModelSource& source);
std::unique_ptr<Model> make_albert(const ModelSource& source);
std::unique_ptr<Model> make_apertus(const ModelSource& source);
std::unique_ptr<Model> make_arcee(const ModelSource& source);
std::unique_ptr<Model> make_baichuan(const ModelSource& source);
std::unique_ptr<Model> make_bailing_moe(const ModelSource& source);
std::unique_ptr<Model> make_bert(const ModelSource& source);
std::unique_ptr<Model> make_biogpt(const ModelSource& source);
std::unique_ptr<Model> make_bloom(const ModelSource& source);
std::unique_ptr<Model> make_codegen(const ModelSource& source);
std::unique_ptr<Model> make_cohere(const ModelSource& source);
std::unique_ptr<Model> make_cohere2(const ModelSource& source);
std::unique_ptr<Model> make_cwm(const ModelSource& source);
std::unique_ptr<Model> make_data2vec_text(const ModelSource& source);
std::unique_ptr<Model> make_dbrx(const ModelSource& source);
std::unique_ptr<Model> make_deepseek_v1(const ModelSource& source);
std::unique_ptr<Model> make_deepseek_v2(const ModelSource& source);
std::unique_ptr<Model> make_deepseek_v3(const ModelSource& source);
std::unique_ptr<Model> make_deepseek_v32(const ModelSource& source);
std::unique_ptr<Model> make_distilbert(const ModelSource& source);
std::unique_ptr<Model> make_dots1(const ModelSource& source);
std::unique_ptr<Model> make_electra(const ModelSource& source);
std::unique_ptr<Model> make_ernie(const ModelSource& source);
std::unique_ptr<Model> make_ernie4_5(const ModelSource& source);
std::unique_ptr<Model> make_ernie4_5_moe(const ModelSource& source);
std::unique_ptr<Model> make_exaone(const ModelSource& source);
std::unique_ptr<Model> make_exaone4(const ModelSource& source);
std::unique_ptr<Model> make_exaone_moe(const ModelSource& source);
std::unique_ptr<Model> make_falcon(const ModelSource& source);
std::unique_ptr<Model> make_falcon_h1(const ModelSource& source);
std::unique_ptr<Model> make_flex_olmo(const ModelSource& source);
std::unique_ptr<Model> make_gemma(const ModelSource& source);
std::unique_ptr<Model> make_gemma2(const ModelSource& source);
std::unique_ptr<Model> make_gemma3(const ModelSource& source);
std::unique_ptr<Model> make_gemma3_text(const ModelSource& source);
std::unique_ptr<Model> make_gemma3n_text(const ModelSource& source);
std::unique_ptr<Model> make_glm(const ModelSource& source);
std::unique_ptr<Model> make_glm4(const ModelSource& source);
std::unique_ptr<Model> make_glm4_moe(const ModelSource& source);
std::unique_ptr<Model> make_glm4_moe_lite(const ModelSource& source);
std::unique_ptr<Model> make_glm_moe_dsa(const ModelSource& source);
std::unique_ptr<Model> make_gpt2(const ModelSource& source);
std::unique_ptr<Model> make_gpt_bigcode(const ModelSource& source);
std::unique_ptr<Model> make_gpt_neo(const ModelSource& source);
std::unique_ptr<Model> make_gpt_neox(const ModelSource& source);
std::unique_ptr<Model> make_gpt_neox_japanese(const ModelSource& source);
std::unique_ptr<Model> make_gpt_oss(const ModelSource& source);
std::unique_ptr<Model> make_gptj(const ModelSource& source);
std::unique_ptr<Model> make_granite(const ModelSource& source);
std::unique_ptr<Model> make_granitemoe(const ModelSource& source);
std::unique_ptr<Model> make_granitemoehybrid(const ModelSource& source);
std::unique_ptr<Model> make_helium(const ModelSource& source);
std::unique_ptr<Model> make_hunyuan_v1_dense(const ModelSource& source);
std::unique_ptr<Model> make_hunyuan_v1_moe(const ModelSource& source);
std::unique_ptr<Model> make_hyperclovax(const ModelSource& source);
std::unique_ptr<Model> make_idefics3(const ModelSource& source);
std::unique_ptr<Model> make_internlm2(const ModelSource& source);
std::unique_ptr<Model> make_internlm3(const ModelSource& source);
std::unique_ptr<Model> make_internvl(const ModelSource& source);
std::unique_ptr<Model> make_jais2(const ModelSource& source);
std::unique_ptr<Model> make_lfm2(const ModelSource& source);
std::unique_ptr<Model> make_llama(const ModelSource& source);
std::unique_ptr<Model> make_llama4_text(const ModelSource& source);
std::unique_ptr<Model> make_llava(const ModelSource& source);
std::unique_ptr<Model> make_llava_next(const ModelSource& source);
std::unique_ptr<Model> make_mamba(const ModelSource& source);
std::unique_ptr<Model> make_mamba2(const ModelSource& source);
std::unique_ptr<Model> make_minicpm(const ModelSource& source);
std::unique_ptr<Model> make_minicpm3(const ModelSource& source);
std::unique_ptr<Model> make_minimax_m2(const ModelSource& source);
std::unique_ptr<Model> make_ministral3(const ModelSource& source);
std::unique_ptr<Model> make_mistral(const ModelSource& source);
std::unique_ptr<Model> make_mistral3(const ModelSource& source);
std::unique_ptr<Model> make_mixtral(const ModelSource& source);
std::unique_ptr<Model> make_mllama(const ModelSource& source);
std::unique_ptr<Model> make_modernbert(const ModelSource& source);
std::unique_ptr<Model> make_mpnet(const ModelSource& source);
std::unique_ptr<Model> make_mpt(const ModelSource& source);
std::unique_ptr<Model> make_nemotron(const ModelSource& source);
std::unique_ptr<Model> make_nemotron_h(const ModelSource& source);
std::unique_ptr<Model> make_nomic_bert(const ModelSource& source);
std::unique_ptr<Model> make_olmo(const ModelSource& source);
std::unique_ptr<Model> make_olmo2(const ModelSource& source);
std::unique_ptr<Model> make_olmo3(const ModelSource& source);
std::unique_ptr<Model> make_olmoe(const ModelSource& source);
std::unique_ptr<Model> make_openelm(const ModelSource& source);
std::unique_ptr<Model> make_opt(const ModelSource& source);
std::unique_ptr<Model> make_paligemma(const ModelSource& source);
std::unique_ptr<Model> make_persimmon(const ModelSource& source);
std::unique_ptr<Model> make_phi(const ModelSource& source);
std::unique_ptr<Model> make_phi3(const ModelSource& source);
std::unique_ptr<Model> make_phi3_v(const ModelSource& source);
std::unique_ptr<Model> make_phimoe(const ModelSource& source);
std::unique_ptr<Model> make_pixtral(const ModelSource& source);
std::unique_ptr<Model> make_qwen(const ModelSource& source);
std::unique_ptr<Model> make_qwen2(const ModelSource& source);
std::unique_ptr<Model> make_qwen2_5_vl(const ModelSource& source);
std::unique_ptr<Model> make_qwen2_moe(const ModelSource& source);
std::unique_ptr<Model> make_qwen2_vl(const ModelSource& source);
std::unique_ptr<Model> make_qwen3(const ModelSource& source);
std::unique_ptr<Model> make_qwen3_5(const ModelSource& source);
std::unique_ptr<Model> make_qwen3_moe(const ModelSource& source);
std::unique_ptr<Model> make_qwen3_next(const ModelSource& source);
std::unique_ptr<Model> make_qwen3_vl(const ModelSource& source);
std::unique_ptr<Model> make_roberta(const ModelSource& source);
std::unique_ptr<Model> make_roberta_prelayernorm(const ModelSource& source);
std::unique_ptr<Model> make_seed_oss(const ModelSource& source);
std::unique_ptr<Model> make_smollm3(const ModelSource& source);
std::unique_ptr<Model> make_smolvlm(const ModelSource& source);
std::unique_ptr<Model> make_solar_open(const ModelSource& source);
std::unique_ptr<Model> make_stablelm(const ModelSource& source);
std::unique_ptr<Model> make_starcoder2(const ModelSource& source);
std::unique_ptr<Model> make_xglm(const ModelSource& source);
std::unique_ptr<Model> make_xlm_roberta_xl(const ModelSource& source);
std::unique_ptr<Model> make_youtu(const ModelSource& source);

}  // namespace abstractllm::models

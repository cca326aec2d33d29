// Everything an application needs, in one include.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "abstractllm/cancel.h"
#include "abstractllm/convert.h"
#include "abstractllm/embedding.h"
#include "abstractllm/error.h"
#include "abstractllm/event.h"
#include "abstractllm/factory.h"
#include "abstractllm/llm.h"
#include "abstractllm/message.h"
#include "abstractllm/model_parameter.h"
#include "abstractllm/observe.h"
#include "abstractllm/parameters.h"
#include "abstractllm/request.h"
#include "abstractllm/response.h"
#include "abstractllm/routing.h"
#include "abstractllm/session.h"
#include "abstractllm/structured.h"
#include "abstractllm/tool_function.h"
#include "abstractllm/tools.h"

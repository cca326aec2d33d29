# libabstractllm: the folders that make the library, in one shared object that
# shows the public symbols alone.
# SPDX-License-Identifier: Apache-2.0
add_library(abstractllm SHARED)
add_library(abstractllm::abstractllm ALIAS abstractllm)

get_property(folders GLOBAL PROPERTY ABSTRACTLLM_FOLDERS)
list(REMOVE_ITEM folders server cli)
# The objects make the library whole; the archives after them add nothing but
# the third-party libraries that they need.
foreach(folder IN LISTS folders)
  target_sources(abstractllm PRIVATE $<TARGET_OBJECTS:abstractllm_${folder}>)
  target_link_libraries(abstractllm PRIVATE abstractllm_${folder})
endforeach()
target_link_libraries(abstractllm PRIVATE abstractllm_flags)

target_sources(abstractllm PUBLIC
  FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES
  "${PROJECT_SOURCE_DIR}/include/abstractllm/abstractllm.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/cancel.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/convert.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/embedding.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/error.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/event.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/export.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/factory.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/llm.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/message.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/model_parameter.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/observe.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/parameters.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/request.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/response.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/routing.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/session.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/structured.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/tool_function.h"
  "${PROJECT_SOURCE_DIR}/include/abstractllm/tools.h")
target_compile_features(abstractllm PUBLIC cxx_std_20)
set_target_properties(abstractllm PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  LINKER_LANGUAGE CXX
  VERIFY_INTERFACE_HEADER_SETS ON)

# Visibility hides our own internals; the export list hides what static
# third-party code would show.
if(APPLE)
  target_link_options(abstractllm PRIVATE
    "LINKER:-exported_symbols_list,${PROJECT_SOURCE_DIR}/cmake/exports.txt")
  set_property(TARGET abstractllm APPEND PROPERTY LINK_DEPENDS
    "${PROJECT_SOURCE_DIR}/cmake/exports.txt")
else()
  target_link_options(abstractllm PRIVATE
    "LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map")
  if(NOT sanitize)
    target_link_options(abstractllm PRIVATE "LINKER:-z,defs")
  endif()
  set_property(TARGET abstractllm APPEND PROPERTY LINK_DEPENDS
    "${PROJECT_SOURCE_DIR}/cmake/exports.map")
endif()

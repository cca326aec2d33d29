# Compiler settings shared by every target, in one INTERFACE target.
# SPDX-License-Identifier: Apache-2.0
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

add_library(abstractllm_flags INTERFACE)
target_compile_options(abstractllm_flags INTERFACE
  -Wall -Wextra -Wnon-virtual-dtor -Woverloaded-virtual
  # Fields left out of a designated initialiser keep their defaults on purpose.
  -Wno-missing-field-initializers
  $<$<BOOL:${ABSTRACTLLM_WERROR}>:-Werror>)

set(sanitize "${ABSTRACTLLM_SANITIZE}")
if(ABSTRACTLLM_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "libFuzzer needs Clang: use the preset 'fuzz'")
  endif()
  set(sanitize address,undefined)
  target_compile_options(abstractllm_flags INTERFACE
    -fsanitize=fuzzer-no-link)
endif()
if(sanitize)
  target_compile_options(abstractllm_flags INTERFACE
    -fsanitize=${sanitize} -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
  target_link_options(abstractllm_flags INTERFACE -fsanitize=${sanitize})
endif()

# ccache shares its results among checkouts of this repository, and takes what
# was compiled with a precompiled header.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(ccache "${CMAKE_COMMAND}" -E env
    "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    "${CCACHE_PROGRAM}")
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache})
  set(CMAKE_C_COMPILER_LAUNCHER ${ccache})
endif()

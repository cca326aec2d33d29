# What a source file's folder, a test and a fuzz target are in CMake.
# SPDX-License-Identifier: Apache-2.0

# abstractllm_folder(NAME SOURCES ... DEPENDS ... LIBRARIES ...)
# One folder of src/ as one static library. DEPENDS names folders that it may
# include (scripts/check_includes checks them against the table of the
# architecture); LIBRARIES are third-party targets, linked privately.
function(abstractllm_folder name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(abstractllm_${name} STATIC ${arg_SOURCES})
  set_property(GLOBAL APPEND PROPERTY ABSTRACTLLM_FOLDERS ${name})
  target_include_directories(abstractllm_${name} PUBLIC
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(abstractllm_${name} PRIVATE abstractllm_flags
                        ${arg_LIBRARIES})
  foreach(folder IN LISTS arg_DEPENDS)
    target_link_libraries(abstractllm_${name} PUBLIC abstractllm_${folder})
  endforeach()
endfunction()

# abstractllm_test(NAME SOURCES ... DEPENDS ... LABELS ...)
# One test binary, registered test by test with CTest.
function(abstractllm_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE abstractllm_flags GTest::gmock_main
                        abstractllm_test_source_folder ${arg_LIBRARIES})
  foreach(folder IN LISTS arg_DEPENDS)
    target_link_libraries(${name} PRIVATE abstractllm_${folder})
  endforeach()
  target_precompile_headers(${name} REUSE_FROM test_pch)
  target_compile_options(${name} PRIVATE
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)  # for ccache
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${name} PRIVATE
    ABSTRACTLLM_TEST_DATA="${ABSTRACTLLM_TEST_DATA}")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${arg_LABELS}")
endfunction()

# abstractllm_fuzz(NAME SOURCES ... DEPENDS ...)
# One fuzz target over LLVMFuzzerTestOneInput. In the fuzz build it is a
# libFuzzer binary; in every other build a test that replays the inputs kept in
# fuzz/corpus/NAME.
function(abstractllm_fuzz name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  set(corpus "${PROJECT_SOURCE_DIR}/fuzz/corpus/${name}")
  if(NOT IS_DIRECTORY "${corpus}")
    message(FATAL_ERROR "The fuzz target ${name} has no corpus in ${corpus}")
  endif()
  add_executable(fuzz_${name} ${arg_SOURCES})
  add_dependencies(fuzzers fuzz_${name})
  target_include_directories(fuzz_${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(fuzz_${name} PRIVATE abstractllm_flags ${arg_LIBRARIES})
  foreach(folder IN LISTS arg_DEPENDS)
    target_link_libraries(fuzz_${name} PRIVATE abstractllm_${folder})
  endforeach()
  if(ABSTRACTLLM_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE
                   "${PROJECT_SOURCE_DIR}/fuzz/replay_main.cpp")
    add_test(NAME fuzz_replay.${name} COMMAND fuzz_${name} "${corpus}")
    set_tests_properties(fuzz_replay.${name} PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()

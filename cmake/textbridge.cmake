# Builds rust/textbridge with cargo: a static library and its C++ headers, as
# the target abstractllm_textbridge.
# SPDX-License-Identifier: Apache-2.0
find_program(CARGO_EXECUTABLE cargo HINTS "$ENV{HOME}/.cargo/bin")
if(NOT CARGO_EXECUTABLE)
  message(FATAL_ERROR "cargo is missing. Run scripts/setup, or install Rust "
                      "from https://rustup.rs.")
endif()
find_package(Threads REQUIRED)

set(textbridge_crate "${PROJECT_SOURCE_DIR}/rust/textbridge")
set(textbridge_out "${PROJECT_BINARY_DIR}/textbridge")
set(textbridge_library "${textbridge_out}/libtextbridge.a")
set(textbridge_headers
  "${textbridge_out}/include/textbridge/textbridge.h"
  "${textbridge_out}/include/rust/cxx.h")
# One profile serves every build type; a shared folder saves building the
# crates again in the next build directory.
if(DEFINED ENV{CARGO_TARGET_DIR})
  set(textbridge_target "$ENV{CARGO_TARGET_DIR}")
else()
  set(textbridge_target "${textbridge_out}/target")
endif()
file(GLOB textbridge_sources CONFIGURE_DEPENDS "${textbridge_crate}/src/*.rs")

add_custom_command(
  OUTPUT "${textbridge_library}"
  BYPRODUCTS ${textbridge_headers}
  COMMAND ${CMAKE_COMMAND} -E env
    "CARGO_TARGET_DIR=${textbridge_target}"
    "TEXTBRIDGE_INCLUDE_DIR=${textbridge_out}/include"
    "${CARGO_EXECUTABLE}" build --quiet --locked --release
    --manifest-path "${textbridge_crate}/Cargo.toml"
  COMMAND ${CMAKE_COMMAND} -E copy
    "${textbridge_target}/release/libtextbridge.a" "${textbridge_library}"
  DEPENDS ${textbridge_sources} "${textbridge_crate}/build.rs"
    "${textbridge_crate}/Cargo.toml" "${textbridge_crate}/Cargo.lock"
  COMMENT "Building the Rust crate textbridge"
  USES_TERMINAL VERBATIM)
add_custom_target(textbridge_crate DEPENDS "${textbridge_library}")

file(MAKE_DIRECTORY "${textbridge_out}/include")
add_library(abstractllm_textbridge STATIC IMPORTED GLOBAL)
set_target_properties(abstractllm_textbridge PROPERTIES
  IMPORTED_LOCATION "${textbridge_library}"
  INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}"
  INTERFACE_INCLUDE_DIRECTORIES "${textbridge_out}/include")
add_dependencies(abstractllm_textbridge textbridge_crate)

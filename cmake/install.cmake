# What an installation has: the program, the library with its headers and CMake
# package, and beside them the MLX libraries in the layout that they need.
# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# Not GNUInstallDirs: the tree can be moved, so its inner paths are fixed.
set(mlx_folder lib/abstractllm)

install(TARGETS abstractllm EXPORT abstractllmTargets
        LIBRARY DESTINATION lib
        FILE_SET HEADERS DESTINATION include
        INCLUDES DESTINATION include)
set_target_properties(abstractllm PROPERTIES
  BUILD_RPATH_USE_ORIGIN ON)
if(TARGET allm)
  install(TARGETS allm RUNTIME DESTINATION bin)
endif()

if(ABSTRACTLLM_MLX AND NOT APPLE)
  set(wheel "${ABSTRACTLLM_DEPS_DIR}/mlx")
  install(FILES "${wheel}/mlx/lib/libmlx.so" DESTINATION ${mlx_folder}/mlx/lib)
  install(DIRECTORY "${wheel}/mlx_cpu.libs" DESTINATION ${mlx_folder})
  file(GLOB mlx_license "${wheel}/mlx_cpu-*.dist-info/licenses/LICENSE")
  install(FILES ${mlx_license} DESTINATION share/licenses/abstractllm
          RENAME mlx-LICENSE)
  set_property(TARGET abstractllm PROPERTY
    INSTALL_RPATH "$ORIGIN/abstractllm/mlx/lib")
  if(TARGET allm)
    set_property(TARGET allm PROPERTY
      INSTALL_RPATH "$ORIGIN/../${mlx_folder}/mlx/lib")
  endif()
endif()

set(rust_licences "${PROJECT_BINARY_DIR}/rust-crates.txt")
add_custom_command(OUTPUT "${rust_licences}"
  COMMAND Python3::Interpreter "${PROJECT_SOURCE_DIR}/scripts/rust_licences"
          "${CARGO_EXECUTABLE}" "${textbridge_crate}/Cargo.toml"
          "${rust_licences}"
  DEPENDS "${PROJECT_SOURCE_DIR}/scripts/rust_licences"
          "${textbridge_crate}/Cargo.lock"
  COMMENT "Collecting the licences of Rust crates" VERBATIM)
add_custom_target(rust_licences ALL DEPENDS "${rust_licences}")
install(FILES LICENSE NOTICE "${rust_licences}"
        DESTINATION share/licenses/abstractllm)
install(EXPORT abstractllmTargets NAMESPACE abstractllm::
        DESTINATION lib/cmake/abstractllm)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/config.cmake.in"
  "${PROJECT_BINARY_DIR}/abstractllmConfig.cmake"
  INSTALL_DESTINATION lib/cmake/abstractllm
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/abstractllmConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/abstractllmConfig.cmake"
  "${PROJECT_BINARY_DIR}/abstractllmConfigVersion.cmake"
  DESTINATION lib/cmake/abstractllm)

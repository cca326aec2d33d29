# The MLX wheel that scripts/setup unpacked, and OpenBLAS ahead of it: the wheel
# bundles a reference BLAS, and the first definition of cblas_* in load order
# wins.
# SPDX-License-Identifier: Apache-2.0
if(NOT APPLE)
  list(PREPEND CMAKE_PREFIX_PATH "${ABSTRACTLLM_DEPS_DIR}/mlx/mlx")
endif()
find_package(MLX 0.32 CONFIG QUIET)
if(NOT MLX_FOUND)
  message(FATAL_ERROR "MLX is missing. Run scripts/setup, or configure with "
                      "-DABSTRACTLLM_MLX=OFF for a build without local models.")
endif()

add_library(abstractllm_mlx INTERFACE)
if(NOT APPLE)
  # Nothing of ours calls BLAS, so the linker has to be told to keep it.
  set(CMAKE_CXX_LINK_LIBRARY_USING_ALWAYS_NEEDED
    "LINKER:--push-state,--no-as-needed" "<LINK_ITEM>" "LINKER:--pop-state")
  set(CMAKE_CXX_LINK_LIBRARY_USING_ALWAYS_NEEDED_SUPPORTED TRUE)
  find_library(OPENBLAS_LIBRARY openblas REQUIRED)
  target_link_libraries(abstractllm_mlx INTERFACE
    "$<LINK_LIBRARY:ALWAYS_NEEDED,${OPENBLAS_LIBRARY}>")
endif()
target_include_directories(abstractllm_mlx SYSTEM INTERFACE
  $<TARGET_PROPERTY:mlx,INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(abstractllm_mlx INTERFACE mlx)

# The MLX wheel that scripts/setup unpacked, and OpenBLAS ahead of it: the wheel
# bundles a reference BLAS, and the first definition of cblas_* in link order
# wins.
if(NOT APPLE)
  list(PREPEND CMAKE_PREFIX_PATH "${ABSTRACTLLM_DEPS_DIR}/mlx/mlx")
endif()
find_package(MLX CONFIG QUIET)
if(NOT MLX_FOUND)
  message(FATAL_ERROR "MLX is missing. Run scripts/setup, or configure with "
                      "-DABSTRACTLLM_MLX=OFF for a build without local models.")
endif()

add_library(abstractllm_mlx INTERFACE)
if(NOT APPLE)
  find_library(OPENBLAS_LIBRARY openblas REQUIRED)
  target_link_libraries(abstractllm_mlx INTERFACE
    "-Wl,--no-as-needed" "${OPENBLAS_LIBRARY}" "-Wl,--as-needed")
endif()
target_include_directories(abstractllm_mlx SYSTEM INTERFACE
  $<TARGET_PROPERTY:mlx,INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(abstractllm_mlx INTERFACE mlx)

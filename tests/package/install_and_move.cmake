# Installs BUILD_DIR, moves the tree to PREFIX, and checks that nothing in it
# looks for libraries outside.
# SPDX-License-Identifier: Apache-2.0
file(REMOVE_RECURSE "${PREFIX}" "${PREFIX}-first")
execute_process(
  COMMAND "${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${PREFIX}-first"
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${PREFIX}-first" "${PREFIX}")

file(GLOB objects "${PREFIX}/bin/*" "${PREFIX}/lib/lib*")
foreach(object IN LISTS objects)
  if(READELF AND NOT IS_SYMLINK "${object}")
    execute_process(COMMAND "${READELF}" -d "${object}"
                    OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
    if(dynamic MATCHES "(RUNPATH|RPATH)[^[]*\\[([^]]*)\\]")
      foreach(path IN LISTS CMAKE_MATCH_2)
        if(NOT path MATCHES "^\\$ORIGIN")
          message(FATAL_ERROR "${object} looks for libraries in ${path}")
        endif()
      endforeach()
    endif()
  endif()
endforeach()

# What is linked in or carried along has its licence beside it.
file(READ "${PREFIX}/share/licenses/abstractllm/rust-crates.txt" crates)
foreach(crate IN ITEMS tokenizers minijinja cxx onig)
  if(NOT crates MATCHES "\n${crate} [0-9.]+: [^\n]+\\[[0-9]+\\]")
    message(FATAL_ERROR "the licence of the crate ${crate} is not installed")
  endif()
endforeach()

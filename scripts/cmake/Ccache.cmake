# Compiles through ccache where it is present.
#
# A precompiled header is cached only with these settings: ccache must not refuse the macros that
# the header was built with, and g++ must leave a mark of the header in its preprocessed output.
find_program(MLRUN_CCACHE ccache DOC "Compiler cache; empty to compile without")

if(MLRUN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${MLRUN_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
  message(STATUS "Compiler cache: ${MLRUN_CCACHE}")
endif()

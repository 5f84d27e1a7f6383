# Finds LibTorch and gives it as LibTorch::LibTorch, in this order: CMAKE_PREFIX_PATH or Torch_DIR,
# the system's package, the copy inside an importable Python `torch`.

# Sets `found` to the folder of the CMake package in Python's torch, or to an empty string.
function(mlrun_python_torch found)
  set(${found} "" PARENT_SCOPE)
  find_program(MLRUN_PYTHON python3 DOC "Python whose torch is used where no other LibTorch is found")
  if(NOT MLRUN_PYTHON)
    return()
  endif()
  execute_process(
    COMMAND ${MLRUN_PYTHON} -c
            "import torch; print(int(torch.compiled_with_cxx11_abi()), torch.utils.cmake_prefix_path, sep=';')"
    OUTPUT_VARIABLE answer RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(failed)
    return()
  endif()
  list(GET answer 0 new_abi)
  list(GET answer 1 prefix)
  if(NOT new_abi)
    message(FATAL_ERROR
      "The LibTorch inside ${MLRUN_PYTHON}'s torch (${prefix}) cannot be used: it was built with the old C++ ABI "
      "(_GLIBCXX_USE_CXX11_ABI=0), which does not link with this system's libraries. Install libtorch-dev, a torch "
      "of 2.7 or later, or unpack the cxx11-abi LibTorch and pass -DCMAKE_PREFIX_PATH=its folder.")
  endif()
  set(${found} ${prefix} PARENT_SCOPE)
endfunction()

find_package(Torch QUIET)
if(NOT Torch_FOUND)
  mlrun_python_torch(python_torch)
  if(python_torch)
    find_package(Torch QUIET PATHS ${python_torch} NO_DEFAULT_PATH)
  endif()
endif()

if(NOT Torch_FOUND)
  message(FATAL_ERROR
    "LibTorch was not found. Install Debian's libtorch-dev (scripts/setup does), or pass "
    "-DCMAKE_PREFIX_PATH=/path/to/libtorch, or make a Python torch importable by python3.")
endif()
if(TORCH_CXX_FLAGS MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
  message(FATAL_ERROR
    "The LibTorch in ${Torch_DIR} cannot be used: it was built with the old C++ ABI (_GLIBCXX_USE_CXX11_ABI=0), "
    "which does not link with this system's libraries. Take the one marked cxx11-abi.")
endif()

if(NOT TARGET LibTorch::LibTorch)
  separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_link_libraries(LibTorch::LibTorch INTERFACE ${TORCH_LIBRARIES})
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_compile_options(LibTorch::LibTorch INTERFACE ${torch_flags})
  message(STATUS "LibTorch: ${Torch_DIR}")
endif()

# OpenBLAS with threads of its own works against LibTorch's and oneDNN's, which are OpenMP's: whichever has nothing to do
# waits by spinning, and takes the processor from the other. Executables therefore take Debian's variant with OpenMP where it
# is installed, whatever the system's default BLAS is: by DT_RPATH, since only that reaches what LibTorch itself loads.
option(MLRUN_OPENMP_BLAS "Load OpenBLAS's OpenMP variant where it is installed" ON)
if(MLRUN_OPENMP_BLAS AND CMAKE_LIBRARY_ARCHITECTURE)
  find_path(MLRUN_OPENMP_BLAS_FOLDER libblas.so.3 PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp
            NO_DEFAULT_PATH DOC "Folder of OpenBLAS's OpenMP variant")
  if(MLRUN_OPENMP_BLAS_FOLDER)
    list(APPEND CMAKE_BUILD_RPATH ${MLRUN_OPENMP_BLAS_FOLDER})
    list(APPEND CMAKE_INSTALL_RPATH ${MLRUN_OPENMP_BLAS_FOLDER})
    add_link_options(-Wl,--disable-new-dtags)
    message(STATUS "BLAS: ${MLRUN_OPENMP_BLAS_FOLDER}")
  endif()
endif()

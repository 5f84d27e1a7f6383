# What keeps a fault from becoming an attack.

# Executables are linked with the search path that they are installed with. CMake otherwise fills a shorter one of the
# build with colons, and an empty element is the current folder: a file named libz.so.1 there would be run.
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

if(MLRUN_SANITIZE)
  set(mlrun_hardened 0)
else()
  set(mlrun_hardened $<CONFIG:Release>)
endif()

# mlrun_harden(target): release builds check lengths and stack frames, lie at addresses that differ each time, and seal
# their tables of addresses at the start.
function(mlrun_harden target)
  target_compile_options(${target} INTERFACE $<${mlrun_hardened}:-fPIE> $<${mlrun_hardened}:-fstack-protector-strong>
                         $<${mlrun_hardened}:-U_FORTIFY_SOURCE> $<${mlrun_hardened}:-D_FORTIFY_SOURCE=2>)
  target_link_options(${target} INTERFACE $<${mlrun_hardened}:-pie> $<${mlrun_hardened}:LINKER:-z,relro,-z,now>)
endfunction()

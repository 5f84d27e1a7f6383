# Writes version.cpp for the commit in hand; run by the build each time, rewrites it only when it changes.
#   cmake -DSOURCE=... -DTARGET=... -DMLRUN_VERSION=... -P Version.cmake
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                OUTPUT_VARIABLE MLRUN_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT MLRUN_COMMIT)
  set(MLRUN_COMMIT unknown)
endif()
configure_file(${SOURCE}/lib/base/version.cpp.in ${TARGET} @ONLY)

# Finds OpenCV's core, imgcodecs and imgproc as the targets opencv_core, opencv_imgcodecs and opencv_imgproc.
#
# OpenCV's own CMake package comes, on Debian, only with every OpenCV module and 250 packages they
# need. Where it is absent, the three libraries and their headers are enough.
find_package(OpenCV CONFIG QUIET COMPONENTS ${OpenCV_FIND_COMPONENTS})

if(NOT OpenCV_FOUND)
  find_path(OpenCV_INCLUDE_DIR opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4)
  find_library(OpenCV_core_LIBRARY opencv_core)
  find_library(OpenCV_imgcodecs_LIBRARY opencv_imgcodecs)
  find_library(OpenCV_imgproc_LIBRARY opencv_imgproc)
  mark_as_advanced(OpenCV_INCLUDE_DIR OpenCV_core_LIBRARY OpenCV_imgcodecs_LIBRARY OpenCV_imgproc_LIBRARY)
endif()

include(FindPackageHandleStandardArgs)
if(OpenCV_FOUND)
  find_package_handle_standard_args(OpenCV CONFIG_MODE)
else()
  find_package_handle_standard_args(OpenCV
    REQUIRED_VARS OpenCV_core_LIBRARY OpenCV_imgcodecs_LIBRARY OpenCV_imgproc_LIBRARY OpenCV_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "install libopencv-imgcodecs-dev, or configure with -DMLRUN_WITH_OPENCV=OFF")
  foreach(component core imgcodecs imgproc)
    if(OpenCV_FOUND AND NOT TARGET opencv_${component})
      add_library(opencv_${component} UNKNOWN IMPORTED)
      set_target_properties(opencv_${component} PROPERTIES
        IMPORTED_LOCATION ${OpenCV_${component}_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${OpenCV_INCLUDE_DIR})
    endif()
  endforeach()
  if(OpenCV_FOUND)
    set_property(TARGET opencv_imgproc PROPERTY INTERFACE_LINK_LIBRARIES opencv_core)
    set_property(TARGET opencv_imgcodecs PROPERTY INTERFACE_LINK_LIBRARIES opencv_imgproc opencv_core)
  endif()
endif()

# The Python module gatewise._native: native/python over gatewise_core. It links neither torch nor numpy.
find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
execute_process(
  COMMAND "${Python_EXECUTABLE}" -m nanobind --cmake_dir
  OUTPUT_STRIP_TRAILING_WHITESPACE OUTPUT_VARIABLE nanobind_ROOT RESULT_VARIABLE _failed)
if(_failed)
  message(FATAL_ERROR "nanobind is missing for ${Python_EXECUTABLE}. `pip install .` brings it; or install it \
there: python -m pip install nanobind.")
endif()
find_package(nanobind CONFIG REQUIRED)

nanobind_add_module(_native NB_STATIC NOMINSIZE NB_SUPPRESS_WARNINGS native/python/bind.cpp)
target_link_libraries(_native PRIVATE gatewise_core)

if(SKBUILD_STATE STREQUAL "editable")  # an editable install imports from the source tree
  set_target_properties(_native PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/src/gatewise")
endif()
install(TARGETS _native LIBRARY DESTINATION gatewise)

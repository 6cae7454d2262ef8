# Finds a C++20 compiler, or says what to install; sets the flags that all of native/ shares.
set(_needed "gatewise's native engine needs a C++20 compiler: g++ 11 or newer, or clang 14 or newer")
set(_remedy "Install one (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++; macOS: \
xcode-select --install), or name it with the environment variable CXX")

include(CheckLanguage)
check_language(CXX)
if(NOT CMAKE_CXX_COMPILER)
  message(FATAL_ERROR "${_needed}, and none was found. ${_remedy}.")
endif()

# Linked into Python modules, run on any machine of the architecture: never -march=native.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
enable_language(CXX)

set(_minimum_GNU 11)
set(_minimum_Clang 14)
set(_minimum_AppleClang 14)
set(_minimum "${_minimum_${CMAKE_CXX_COMPILER_ID}}")
if(NOT _minimum OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS _minimum)
  message(FATAL_ERROR "${_needed}; '${CMAKE_CXX_COMPILER}' is ${CMAKE_CXX_COMPILER_ID} \
${CMAKE_CXX_COMPILER_VERSION}. ${_remedy}.")
endif()

# Fused multiply-adds are the only liberty that the compiler has with sums, and which products it fuses has to be
# the same in every tile of an instruction set: results may not depend on how rows are shared among threads.
# Clang's "fast" decides tile by tile; its "on" does so by the source. GCC's "on" is off.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(_contract on)
else()
  set(_contract fast)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")
add_library(gatewise_flags INTERFACE)
target_compile_options(gatewise_flags INTERFACE
  -ffp-contract=${_contract} -fno-math-errno -fno-trapping-math -Wall -Wextra
  $<$<BOOL:${GATEWISE_STRICT}>:-Werror>)
target_include_directories(gatewise_flags INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/native/include")
if(GATEWISE_SANITIZE)
  # Under the address sanitizer the kernels take four times as long to compile with -O1 as with -O0.
  set(_level -O0)
  if(GATEWISE_SANITIZE STREQUAL "thread")
    set(_level -O1)
  endif()
  target_compile_options(gatewise_flags INTERFACE
    -fsanitize=${GATEWISE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1 ${_level})
  target_link_options(gatewise_flags INTERFACE -fsanitize=${GATEWISE_SANITIZE})
endif()

# gatewise_core: everything in native/ but the Python module, as one object library. The kernels are compiled
# once per instruction set; dispatch.cpp picks a set when the program runs.
if(CMAKE_OSX_ARCHITECTURES)
  set(_architecture "${CMAKE_OSX_ARCHITECTURES}")
else()
  set(_architecture "${CMAKE_SYSTEM_PROCESSOR}")
endif()

# Least capable first: this is also the order in which they are linked. A C++ inline function that several
# sets compile exists once in the program, and the linker keeps the first; so no set can be handed
# instructions that it was not built for.
if(_architecture MATCHES "^(x86_64|AMD64|amd64)$")
  set(_isas baseline avx2 avx512 avx512bf16)
elseif(_architecture MATCHES "^(aarch64|arm64|ARM64)$")
  set(_isas neon)
else()
  set(_isas baseline)
endif()
set(GATEWISE_ISAS "" CACHE STRING
  "Build only the instruction sets that match, such as baseline|avx512; host: the best of this machine; empty: all")
set(_base_avx512bf16 avx512)  # whose float32 and float64 kernels it shares
set(_lent "")  # the set of which only what another shares is compiled
if(GATEWISE_ISAS STREQUAL "host")
  include(host)
  host_isa(_host "${_isas}")
  set(_isas ${_host} ${_base_${_host}})  # all run here, and the largest file, bfloat16's, is begun first
  set(_lent "${_base_${_host}}")
elseif(GATEWISE_ISAS)
  list(FILTER _isas INCLUDE REGEX "^(${GATEWISE_ISAS})$")
  if(NOT _isas)
    message(FATAL_ERROR "GATEWISE_ISAS is '${GATEWISE_ISAS}', which matches no instruction set of ${_architecture}.")
  endif()
endif()
set(_flags_baseline "")
set(_flags_neon "")
set(_flags_avx2 -mavx2 -mfma)
set(_flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
set(_flags_avx512bf16 ${_flags_avx512} -mavx512bf16)

find_package(Threads REQUIRED)
add_library(gatewise_core INTERFACE)
target_link_libraries(gatewise_core INTERFACE gatewise_flags Threads::Threads)

file(GLOB _sources CONFIGURE_DEPENDS native/*.cpp)
add_library(gatewise_common OBJECT ${_sources})
target_link_libraries(gatewise_common PRIVATE gatewise_flags Threads::Threads)
target_sources(gatewise_core INTERFACE $<TARGET_OBJECTS:gatewise_common>)

file(GLOB _sources CONFIGURE_DEPENDS native/kernels/*.cpp)
foreach(_isa IN LISTS _isas)
  set(_files ${_sources})
  if(_isa STREQUAL _lent)
    list(FILTER _files INCLUDE REGEX "/(forward|backward)_f(32|64)\\.cpp$|/stream\\.cpp$")
  else()
    target_compile_definitions(gatewise_common PRIVATE GATEWISE_WITH_${_isa})
  endif()
  add_library(gatewise_kernels_${_isa} OBJECT ${_files})
  target_compile_definitions(gatewise_kernels_${_isa} PRIVATE GATEWISE_ISA_NAME=${_isa})
  if(_base_${_isa})
    target_compile_definitions(gatewise_kernels_${_isa} PRIVATE GATEWISE_BASE_ISA=${_base_${_isa}})
  endif()
  target_compile_options(gatewise_kernels_${_isa} PRIVATE ${_flags_${_isa}})
  target_link_libraries(gatewise_kernels_${_isa} PRIVATE gatewise_flags)
  target_sources(gatewise_core INTERFACE $<TARGET_OBJECTS:gatewise_kernels_${_isa}>)
endforeach()

# host_isa(VARIABLE "ISAS"): the most capable of the instruction sets that the compiler finds on this machine.
function(host_isa variable isas)
  list(GET isas 0 _best)
  execute_process(
    COMMAND "${CMAKE_CXX_COMPILER}" -march=native -dM -E -x c++ /dev/null
    OUTPUT_VARIABLE _macros ERROR_QUIET)
  # The same conditions as in dispatch.cpp.
  set(_needed_avx2 AVX2 FMA)
  set(_needed_avx512 ${_needed_avx2} BMI BMI2 AVX512F AVX512BW AVX512CD AVX512DQ AVX512VL)
  set(_needed_avx512bf16 ${_needed_avx512} AVX512BF16)
  foreach(_isa IN LISTS isas)
    set(_has TRUE)
    foreach(_feature IN LISTS _needed_${_isa})
      if(NOT _macros MATCHES "#define __${_feature}__ 1")
        set(_has FALSE)
      endif()
    endforeach()
    if(_has)
      set(_best ${_isa})
    endif()
  endforeach()
  message(STATUS "gatewise: compiling for this machine alone, with ${_best}")
  set(${variable} ${_best} PARENT_SCOPE)
endfunction()

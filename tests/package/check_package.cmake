function(do)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
# The flags are those of the build under test, so that a compiler cache knows the objects already.
set(options
  -G ${GENERATOR}
  -DCMAKE_BUILD_TYPE=${BUILD_TYPE}
  -DCMAKE_CXX_COMPILER=${COMPILER}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
  -DCMAKE_CXX_FLAGS=${FLAGS}
  -DCMAKE_CXX_FLAGS_DEBUG=${FLAGS_DEBUG})
if(WAY STREQUAL installed)
  do(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix)
  list(APPEND options -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
else()
  list(APPEND options -DTROUPE_DIR=${SOURCE_DIR})
endif()
do(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${WAY} -B ${WORK_DIR}/build ${options})
if(WAY STREQUAL subdirectory)
  # The defaults have been checked; from here on, compile as the build under test did.
  do(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${WAY} -B ${WORK_DIR}/build
    -DCHECK_DEFAULTS=OFF -DTROUPE_WARNINGS_AS_ERRORS=${WARNINGS_AS_ERRORS})
endif()
do(${CMAKE_COMMAND} --build ${WORK_DIR}/build --target consumer)
execute_process(COMMAND ${WORK_DIR}/build/consumer
  TIMEOUT 30 OUTPUT_VARIABLE printed OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT printed STREQUAL "41")
  message(FATAL_ERROR "the consumer printed `${printed}`, not 41")
endif()

# What the page about own steps tells its readers to do: a project of their own, with the installed package.
function(do)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
do(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix)
foreach(title greeter.cpp CMakeLists.txt)
  do(${CMAKE_COMMAND} -D PAGE=${PAGE} -D TITLE=${title} -D FOLDER=${WORK_DIR}/project
    -P ${CMAKE_CURRENT_LIST_DIR}/extract_block.cmake)
endforeach()
# The flags are those of the build under test, so that a compiler cache knows the object already.
do(${CMAKE_COMMAND} -S ${WORK_DIR}/project -B ${WORK_DIR}/build -G ${GENERATOR}
  -DCMAKE_BUILD_TYPE=${BUILD_TYPE}
  -DCMAKE_CXX_COMPILER=${COMPILER}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
  -DCMAKE_CXX_FLAGS=${FLAGS}
  -DCMAKE_CXX_FLAGS_DEBUG=${FLAGS_DEBUG}
  -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
do(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
execute_process(COMMAND ${WORK_DIR}/build/greeter types repeat
  TIMEOUT 30 OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
if(NOT printed MATCHES "repeats a text")
  message(FATAL_ERROR "the program does not know its own step type:\n${printed}")
endif()

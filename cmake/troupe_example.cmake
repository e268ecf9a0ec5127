# Builds <name>.cpp of the calling folder, and makes it a test: the example must run and, with EXPECT, print something
# that matches. (With EXPECT, CTest looks at the text only, so the example has to print it last.)
function(troupe_example name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "EXPECT" "ARGS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "troupe_example(${name}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  set(target example_${name})
  add_executable(${target} ${name}.cpp)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} CXX_EXTENSIONS OFF)
  target_link_libraries(${target} PRIVATE troupe::runtime)
  troupe_warnings(${target})
  if(NOT TROUPE_BUILD_TESTS)
    return()
  endif()
  troupe_sanitized_program(${target})
  add_test(NAME example.${name} COMMAND ${target} ${arg_ARGS})
  set_tests_properties(example.${name} PROPERTIES
    LABELS example TIMEOUT 60 ENVIRONMENT "${TROUPE_TEST_ENVIRONMENT}")
  if(arg_EXPECT)
    # A pass by text ignores the exit status, so what sanitizers and aborts print must fail the test by text too.
    set_tests_properties(example.${name} PROPERTIES
      PASS_REGULAR_EXPRESSION "${arg_EXPECT}"
      FAIL_REGULAR_EXPRESSION "Sanitizer:|runtime error:|terminate called")
  endif()
endfunction()

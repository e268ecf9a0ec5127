# Applies TROUPE_SANITIZE to everything built here and sets TROUPE_TEST_ENVIRONMENT, which every test is run with.
set(TROUPE_TEST_ENVIRONMENT "")
if(TROUPE_SANITIZE)
  add_compile_options(-fsanitize=${TROUPE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TROUPE_SANITIZE})
  if(TROUPE_SANITIZE MATCHES undefined)
    # CAF's init_fun_factory binds a reference to nothing when a function without arguments is spawned. A null pointer
    # that matters still stops the program.
    add_compile_options(-fno-sanitize=null -fno-sanitize-recover=undefined)
    set(TROUPE_TEST_ENVIRONMENT UBSAN_OPTIONS=print_stacktrace=1)
  endif()
  if(TROUPE_SANITIZE MATCHES thread)
    set(TROUPE_TEST_ENVIRONMENT
        TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp:halt_on_error=0:exitcode=66)
  endif()
endif()

# Makes a program fit for the sanitizer of this build. Under ThreadSanitizer it gets the edges that CAF's own code,
# which is not instrumented, does not show.
function(troupe_sanitized_program target)
  if(TROUPE_SANITIZE MATCHES thread)
    target_link_libraries(${target} PRIVATE troupe_tsan_shim)
    set_target_properties(${target} PROPERTIES ENABLE_EXPORTS ON)
  endif()
endfunction()

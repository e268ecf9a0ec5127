# Lets programs of this project allocate with mimalloc where it is installed: a run is opened on one thread and ends on
# another, which is what the C library's allocator is slow at (docs/decisions/0010). Libraries never choose for whoever
# links them. Sanitizers bring an allocator of their own.
find_package(mimalloc CONFIG QUIET)

function(troupe_fast_allocator target)
  if(mimalloc_FOUND AND NOT TROUPE_SANITIZE)
    target_link_libraries(${target} PRIVATE mimalloc)
  endif()
endfunction()

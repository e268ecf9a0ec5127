# One library per top-level folder. USES is the only way to see another component's headers, so a dependency in the
# wrong direction does not compile. LINKS are third-party libraries that stay out of the public headers. HEADERS are
# relative to include/troupe/<name>/; UMBRELLA names the few public headers outside it, relative to include/.
function(troupe_component name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;UMBRELLA;SOURCES;USES;LINKS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "troupe_component(${name}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  list(TRANSFORM arg_HEADERS PREPEND include/troupe/${name}/)
  list(TRANSFORM arg_UMBRELLA PREPEND include/)
  add_library(troupe_${name} STATIC)
  add_library(troupe::${name} ALIAS troupe_${name})
  target_sources(troupe_${name}
    PRIVATE ${arg_SOURCES}
    PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${arg_HEADERS} ${arg_UMBRELLA})
  target_compile_features(troupe_${name} PUBLIC cxx_std_20)
  target_link_libraries(troupe_${name} PUBLIC ${arg_USES} PRIVATE ${arg_LINKS})
  target_include_directories(troupe_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  troupe_warnings(troupe_${name})
  set_target_properties(troupe_${name} PROPERTIES
    EXPORT_NAME ${name}
    CXX_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON
    VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
  if(TROUPE_INSTALL)
    install(TARGETS troupe_${name} EXPORT troupe-targets
      ARCHIVE COMPONENT dev
      FILE_SET HEADERS COMPONENT dev)
  endif()
endfunction()

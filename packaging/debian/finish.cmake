# Called by CPack on what it is about to pack: does what Debian's policy asks for and install() cannot.
find_program(gzip gzip REQUIRED)
file(GLOB_RECURSE texts
  ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/man/man1/*.1
  ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/doc/*/changelog
  ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/doc/*/changelog.Debian)
foreach(text ${texts})
  execute_process(COMMAND ${gzip} -9nf ${text} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
# Objects without debug symbols, as in every other -dev package.
find_program(strip strip REQUIRED)
file(GLOB_RECURSE archives ${CPACK_TEMPORARY_DIRECTORY}/*.a)
foreach(archive ${archives})
  execute_process(COMMAND ${strip} --strip-debug --enable-deterministic-archives
      --remove-section=.comment --remove-section=.note ${archive} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

include(CMakePackageConfigHelpers)
set(troupe_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
configure_package_config_file(cmake/troupeConfig.cmake.in ${PROJECT_BINARY_DIR}/troupeConfig.cmake
  INSTALL_DESTINATION ${troupe_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/troupeConfig.cmake
  ${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake
  cmake/FindCAF.cmake
  DESTINATION ${troupe_package_dir} COMPONENT dev)
install(EXPORT troupe-targets NAMESPACE troupe:: DESTINATION ${troupe_package_dir} COMPONENT dev)
install(FILES schema/workflow.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/troupe COMPONENT command)

# What is installed where, and the Debian package of it: toolchain/package.
include(GNUInstallDirs)

set(unit_directory lib/systemd/system)
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  # systemd looks there too, for programs that no package brought.
  set(unit_directory ${CMAKE_INSTALL_SYSCONFDIR}/systemd/system)
endif()
configure_file(${PROJECT_SOURCE_DIR}/systemd/framelogd@.service.in
  ${PROJECT_BINARY_DIR}/systemd/framelogd@.service @ONLY)

install(TARGETS framelogd framelog RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${PROJECT_BINARY_DIR}/systemd/framelogd@.service systemd/framelog.target
  DESTINATION ${unit_directory})
install(FILES systemd/sysusers.conf DESTINATION lib/sysusers.d RENAME framelog.conf)
install(FILES systemd/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME framelog.conf)
install(FILES systemd/60-framelog.rules DESTINATION lib/udev/rules.d)
if(EXISTS ${PROJECT_SOURCE_DIR}/systemd/framelog.catalog)
  install(FILES systemd/framelog.catalog DESTINATION lib/systemd/catalog)
endif()
install(FILES toolchain/packaging/framelog.bash-completion
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME framelog)

set(documents ${CMAKE_INSTALL_DATADIR}/doc/framelog)
install(DIRECTORY config/examples/ DESTINATION ${documents}/examples FILES_MATCHING PATTERN "*.conf")
install(FILES systemd/10-realtime.conf DESTINATION ${documents}/examples)
install(FILES toolchain/packaging/debian/copyright DESTINATION ${documents})
install(FILES toolchain/packaging/debian/lintian-overrides
  DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME framelog)

# Manual pages and change log, compressed as Debian wants them: the same bytes for the same text.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(manual ${PROJECT_BINARY_DIR}/manual)
set(pages framelogd.8 framelog.1 framelogd.conf.5)
list(TRANSFORM pages PREPEND ${manual}/)
file(GLOB manual_texts CONFIGURE_DEPENDS toolchain/manual/*.in)
add_custom_command(OUTPUT ${pages}
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/toolchain/manual/make_manual.py "--emulator=${CMAKE_CROSSCOMPILING_EMULATOR}"
    --framelogd $<TARGET_FILE:framelogd> --framelog $<TARGET_FILE:framelog> ${manual}
  DEPENDS framelogd framelog toolchain/manual/make_manual.py ${manual_texts}
  COMMENT "Writing the manual pages" VERBATIM)
set(compressed)
foreach(file IN LISTS pages ITEMS ${PROJECT_SOURCE_DIR}/toolchain/packaging/debian/changelog)
  cmake_path(GET file FILENAME name)
  if(name STREQUAL "changelog")
    set(name changelog.Debian)
  endif()
  add_custom_command(OUTPUT ${manual}/${name}.gz
    COMMAND sh -c "gzip -9nc '${file}' > '${manual}/${name}.gz'" DEPENDS ${file} VERBATIM)
  list(APPEND compressed ${manual}/${name}.gz)
endforeach()
add_custom_target(manual ALL DEPENDS ${compressed})
install(FILES ${manual}/changelog.Debian.gz DESTINATION ${documents})
install(FILES ${manual}/framelogd.8.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${manual}/framelog.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${manual}/framelogd.conf.5.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)

# The package framelog-media: a module that the programs load when they draw or make movies.
if(TARGET framelog_media)
  set(media_documents ${CMAKE_INSTALL_DATADIR}/doc/framelog-media)
  install(TARGETS framelog_media LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/framelog COMPONENT media)
  install(FILES toolchain/packaging/debian/copyright DESTINATION ${media_documents} COMPONENT media)
  install(FILES ${manual}/changelog.Debian.gz DESTINATION ${media_documents} COMPONENT media)
  install(FILES toolchain/packaging/debian/media-lintian-overrides
    DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME framelog-media COMPONENT media)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)  # Two packages: what names no component is framelog itself.
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME framelog)
set(CPACK_DEBIAN_MEDIA_PACKAGE_NAME framelog-media)
set(CPACK_PACKAGE_NAME framelog)
set(CPACK_PACKAGE_VENDOR framelog)
set(CPACK_PACKAGE_CONTACT "framelog maintainers <maintainers@framelog.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "flight recorder for scientific instruments")
set(CPACK_COMPONENT_UNSPECIFIED_DESCRIPTION
"The daemon framelogd runs unattended beside a microscope, a detector or a
camera: it takes every frame that the hardware delivers, reduces it in real
time (dark and flat correction, region of interest, binning, accumulation,
virtual detectors, statistics), and writes rolling HDF5, RAW and TIFF files
that explain themselves. Every frame is accounted for, and what was recorded
stays readable after a crash, a power cut or a full disk.

The command framelog lists, inspects, verifies and recovers recordings.")
set(CPACK_COMPONENT_MEDIA_DESCRIPTION
"Pictures with scale bars, and movies, of recordings.

With this package the command framelog draws scale bars, time stamps, outlines
of detectors and axes on the pictures that it exports, and makes movies of
recordings: GIF, WebM (VP9) and MP4 (H.264).

Recorders that only record do not need it.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
if(CMAKE_CROSSCOMPILING)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${FRAMELOG_ARCHITECTURE})
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
    ${CMAKE_SYSROOT}/lib/${CMAKE_LIBRARY_ARCHITECTURE} ${CMAKE_SYSROOT}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
endif()
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
# The module knows the program's classes: both are of one build.
set(CPACK_DEBIAN_MEDIA_PACKAGE_DEPENDS "framelog (= ${PROJECT_VERSION}-1), fonts-dejavu-core")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_CONTROL_EXTRA
  ${PROJECT_SOURCE_DIR}/toolchain/packaging/debian/postinst
  ${PROJECT_SOURCE_DIR}/toolchain/packaging/debian/prerm
  ${PROJECT_SOURCE_DIR}/toolchain/packaging/debian/postrm)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)

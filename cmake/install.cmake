# libhse (shared and static), its pkg-config file, and what `make install` puts where.
if(HSE_FUZZ)
  return()                              # a library of instrumented objects is of no use to anybody
endif()
set(HSE_LIBRARY_FOLDERS base kernels formats audio text nn models config engine)
foreach(folder ${HSE_LIBRARY_FOLDERS})
  get_target_property(type hse_${folder} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    list(APPEND hse_objects $<TARGET_OBJECTS:hse_${folder}>)
  endif()
endforeach()
set(hse_packages jansson yaml_0_1 soxr kissfft_float zlib libutf8proc expat)

# The soname carries HSE_ABI_VERSION of hse.h; only what is marked HSE_API is visible.
file(STRINGS ${CMAKE_SOURCE_DIR}/include/hse.h abi REGEX "^#define HSE_ABI_VERSION")
string(REGEX REPLACE "[^0-9]*([0-9]+).*" "\\1" abi "${abi}")
add_library(libhse SHARED ${hse_objects})
add_library(libhse_static STATIC ${hse_objects})
set_target_properties(libhse PROPERTIES OUTPUT_NAME hse SOVERSION ${abi} VERSION ${abi}.${PROJECT_VERSION})
set_target_properties(libhse_static PROPERTIES OUTPUT_NAME hse)
foreach(package ${hse_packages})
  target_link_libraries(libhse PRIVATE PkgConfig::${package})
endforeach()
target_link_libraries(libhse PRIVATE Threads::Threads m ${CMAKE_DL_LIBS})
if(NOT HSE_SANITIZE AND NOT HSE_FUZZ)
  target_link_options(libhse PRIVATE -Wl,--no-undefined -Wl,-z,relro,-z,now)
endif()

# hse.pc finds the prefix from where it lies itself, so an installed tree may be moved.
file(RELATIVE_PATH HSE_PC_TO_PREFIX /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
configure_file(${CMAKE_SOURCE_DIR}/cmake/hse.pc.in ${CMAKE_BINARY_DIR}/hse.pc @ONLY)

install(TARGETS libhse libhse_static DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_SOURCE_DIR}/include/hse.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/hse.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET hse)
  install(TARGETS hse DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/models/demo DESTINATION ${CMAKE_INSTALL_DATADIR}/hse/models)
# The language packs that were made on this machine (scripts/language-data); without them everything else is installed.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/build/languages/ DESTINATION ${CMAKE_INSTALL_DATADIR}/hse/languages OPTIONAL
  FILES_MATCHING PATTERN "*.pack")
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
# The manual page and the completion come from the program's own option tables.
if(TARGET hse)
  add_custom_command(TARGET hse POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 sh -c "./hse man > hse.1 && ./hse completion > hse.bash"
    WORKING_DIRECTORY ${CMAKE_BINARY_DIR} VERBATIM)
  install(FILES ${CMAKE_BINARY_DIR}/hse.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${CMAKE_BINARY_DIR}/hse.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME hse)
endif()

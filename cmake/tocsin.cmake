# The build's three functions: tocsin_module (a folder of src/ with its layer rights),
# tocsin_fuzzer and tocsin_bench.
add_library(tocsin_flags INTERFACE)
target_compile_features(tocsin_flags INTERFACE cxx_std_23)
target_include_directories(tocsin_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
target_compile_options(tocsin_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -fstack-protector-strong $<$<BOOL:${TOCSIN_WERROR}>:-Werror>)
# g++ 12 at -O3 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
target_compile_options(tocsin_flags INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>)
target_compile_definitions(tocsin_flags INTERFACE
  FMT_SHARED $<$<BOOL:${TOCSIN_TEST_SWITCHES}>:TOCSIN_TEST_SWITCHES=1>)
target_link_libraries(tocsin_flags INTERFACE Threads::Threads)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(TOCSIN_SANITIZE)
  add_compile_options(-fsanitize=${TOCSIN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TOCSIN_SANITIZE})
endif()

# tocsin_module(name SOURCES … TESTS … DEPS … LIBS … TEST_LIBS …)
# DEPS names modules of ours: the link list and the right to include, checked by the CTest
# `layers.<name>`. LIBS are third-party targets, private to the module.
function(tocsin_module name)
  cmake_parse_arguments(M "" "" "SOURCES;TESTS;DEPS;LIBS;TEST_LIBS" ${ARGN})
  add_library(tocsin_${name} STATIC ${M_SOURCES})
  list(TRANSFORM M_DEPS PREPEND tocsin_ OUTPUT_VARIABLE dep_targets)
  target_link_libraries(tocsin_${name} PUBLIC tocsin_flags ${dep_targets} PRIVATE ${M_LIBS})
  if(NOT BUILD_TESTING)
    return()
  endif()
  if(M_TESTS)
    add_executable(${name}_test ${M_TESTS})
    target_link_libraries(${name}_test PRIVATE tocsin_${name} ${M_LIBS} ${M_TEST_LIBS}
                          GTest::gtest GTest::gtest_main)
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
                         PROPERTIES LABELS unit TIMEOUT 300)
  endif()
  string(JOIN "," allowed ${M_DEPS})
  add_test(NAME layers.${name}
           COMMAND ${CMAKE_COMMAND} -DSRC=${CMAKE_SOURCE_DIR}/src -DMODULE=${name}
                   "-DALLOWED=${allowed}" -P ${CMAKE_SOURCE_DIR}/cmake/check_layers.cmake)
  set_tests_properties(layers.${name} PROPERTIES LABELS layering)
endfunction()

# tocsin_bench(name SOURCES … DEPS … LIBS …): one google-benchmark program, never a test.
function(tocsin_bench name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${M_SOURCES})
  list(TRANSFORM M_DEPS PREPEND tocsin_ OUTPUT_VARIABLE dep_targets)
  target_link_libraries(${name} PRIVATE ${dep_targets} ${M_LIBS} benchmark::benchmark)
  add_dependencies(benchmarks ${name})
endfunction()
add_custom_target(benchmarks)

# tocsin_fuzzer(name SOURCES … DEPS …): one libFuzzer program with its seed corpus in fuzz/seeds/<name>.
function(tocsin_fuzzer name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} ${M_SOURCES})
  list(TRANSFORM M_DEPS PREPEND tocsin_ OUTPUT_VARIABLE dep_targets)
  target_link_libraries(${name} PRIVATE ${dep_targets} ${M_LIBS} -fsanitize=fuzzer)
endfunction()

# Finds every library the program links, each under the name the modules use in LIBS.
# The set-up scripts install them; a missing one is named here with the package that has it.
include(FindPkgConfig)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(RocksDB REQUIRED)
find_package(simdjson REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(date REQUIRED)
# Asio and Beast, headers only.
find_package(Boost 1.81 REQUIRED)

find_path(RAPIDCHECK_INCLUDE_DIR rapidcheck.h REQUIRED)
find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
add_library(rapidcheck_lib INTERFACE)
target_include_directories(rapidcheck_lib SYSTEM INTERFACE ${RAPIDCHECK_INCLUDE_DIR})
target_link_libraries(rapidcheck_lib INTERFACE ${RAPIDCHECK_LIBRARY})

# Arrow: the system's when it has one, else the pinned Python wheel that scripts/install_dependencies
# unpacked under build/deps (headers and libraries in one folder).
find_package(Arrow QUIET)
find_package(Parquet QUIET)
if(NOT (Arrow_FOUND AND Parquet_FOUND))
  set(TOCSIN_ARROW_ROOT "${CMAKE_SOURCE_DIR}/build/deps/arrow/pyarrow" CACHE PATH
      "Folder of the unpacked pyarrow wheel")
  if(NOT EXISTS "${TOCSIN_ARROW_ROOT}/include/arrow/api.h")
    message(FATAL_ERROR "Arrow C++ was found neither on the system nor in ${TOCSIN_ARROW_ROOT}; "
                        "run scripts/install_dependencies first")
  endif()
  foreach(library arrow parquet)
    file(GLOB path "${TOCSIN_ARROW_ROOT}/lib${library}.so.*00")
    add_library(tocsin_${library} SHARED IMPORTED)
    set_target_properties(tocsin_${library} PROPERTIES IMPORTED_LOCATION "${path}")
    target_include_directories(tocsin_${library} SYSTEM INTERFACE "${TOCSIN_ARROW_ROOT}/include")
  endforeach()
  # The wheel's libparquet exports a simdjson and an OpenSSL of its own, of other versions. The
  # system's must be found first, so they stand before all other libraries: a libcrypto that finds
  # half of its functions in the other one crashes (seen when it loads the system's authorities).
  find_library(TOCSIN_SIMDJSON_LIBRARY simdjson REQUIRED)
  list(JOIN OPENSSL_LIBRARIES "," tocsin_openssl)
  target_link_options(tocsin_parquet INTERFACE
    "LINKER:--push-state,--no-as-needed,${TOCSIN_SIMDJSON_LIBRARY},${tocsin_openssl},--pop-state")
  add_library(Parquet::parquet_shared ALIAS tocsin_parquet)
  add_library(Arrow::arrow_shared ALIAS tocsin_arrow)
endif()

# librdkafka: the one that scripts/install_dependencies built under build/deps, its mock cluster
# included. Releases before 2.12 lose, double or stall data; all of them up to 2.15.1 can wait for ever
# for a group's coordinator, which ours does not (scripts/librdkafka.patch).
option(TOCSIN_SYSTEM_RDKAFKA "Link the system's librdkafka, 2.12 or later" OFF)
if(TOCSIN_SYSTEM_RDKAFKA)
  pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka>=2.12)
  add_library(rdkafka::rdkafka ALIAS PkgConfig::RDKAFKA)
else()
  set(TOCSIN_RDKAFKA_ROOT "${CMAKE_SOURCE_DIR}/build/deps/librdkafka" CACHE PATH
      "Folder with include/librdkafka/rdkafka.h and lib/librdkafka.a")
  if(NOT EXISTS "${TOCSIN_RDKAFKA_ROOT}/lib/librdkafka.a")
    message(FATAL_ERROR "librdkafka was not found in ${TOCSIN_RDKAFKA_ROOT}; "
                        "run scripts/install_dependencies first")
  endif()
  add_library(rdkafka::rdkafka STATIC IMPORTED)
  set_target_properties(rdkafka::rdkafka PROPERTIES
    IMPORTED_LOCATION "${TOCSIN_RDKAFKA_ROOT}/lib/librdkafka.a")
  target_include_directories(rdkafka::rdkafka SYSTEM INTERFACE "${TOCSIN_RDKAFKA_ROOT}/include")
  target_compile_definitions(rdkafka::rdkafka INTERFACE LIBRDKAFKA_STATICLIB)
  target_link_libraries(rdkafka::rdkafka INTERFACE CURL::libcurl OpenSSL::SSL OpenSSL::Crypto
    PkgConfig::LZ4 PkgConfig::ZSTD ZLIB::ZLIB Threads::Threads ${CMAKE_DL_LIBS} m rt)
endif()

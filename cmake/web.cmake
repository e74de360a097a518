# The page of web/ inside the program. With Node 18 or later it is built by esbuild and embedded;
# without, or with -DTOCSIN_WEB=OFF, the program is whole but for the page, whose address says so.
#
# Sets TOCSIN_WEB_ASSETS_SOURCE: the source file of tocsin_web_assets that has StaticAssets().
# Packages come from the lockfile into build/<preset>/web: nothing is written into the checkout.
option(TOCSIN_WEB "Build the dashboard's page and embed it, where Node is there" ON)
set(TOCSIN_WEB_ASSETS_SOURCE ${CMAKE_SOURCE_DIR}/src/web_assets/no_assets.cc)
set(TOCSIN_WEB_FOLDER ${CMAKE_BINARY_DIR}/web)

find_program(TOCSIN_NODE NAMES node nodejs)
find_program(TOCSIN_NPM NAMES npm)
set(TOCSIN_WEB_BUILT OFF)
if(NOT TOCSIN_WEB)
  message(STATUS "dashboard page: left out (TOCSIN_WEB=OFF)")
elseif(NOT TOCSIN_NODE OR NOT TOCSIN_NPM)
  message(STATUS "dashboard page: left out, node and npm are not there (apt-get install nodejs npm)")
else()
  execute_process(COMMAND ${TOCSIN_NODE} --version OUTPUT_VARIABLE node_version
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(node_version MATCHES "^v([0-9]+)" AND CMAKE_MATCH_1 GREATER_EQUAL 18)
    set(TOCSIN_WEB_BUILT ON)
  else()
    message(STATUS "dashboard page: left out, node is ${node_version} and 18 is needed")
  endif()
endif()

if(TOCSIN_WEB_BUILT)
  message(STATUS "dashboard page: built with node ${node_version}")
  set(web ${CMAKE_SOURCE_DIR}/web)
  file(GLOB_RECURSE web_sources CONFIGURE_DEPENDS ${web}/src/* ${web}/test/* ${web}/mock/*)
  # A copy: npm puts node_modules beside package.json, and the checkout stays clean.
  set(copy_web ${CMAKE_COMMAND} -DFROM=${web} -DTO=${TOCSIN_WEB_FOLDER} -P ${CMAKE_SOURCE_DIR}/cmake/copy_web.cmake)
  add_custom_command(
    OUTPUT ${TOCSIN_WEB_FOLDER}/packages.stamp
    COMMAND ${copy_web}
    COMMAND ${CMAKE_COMMAND} -E chdir ${TOCSIN_WEB_FOLDER}
            ${TOCSIN_NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${TOCSIN_WEB_FOLDER}/packages.stamp
    DEPENDS ${web}/package.json ${web}/package-lock.json ${web}/.npmrc ${CMAKE_SOURCE_DIR}/cmake/copy_web.cmake
    COMMENT "Packages of the dashboard page (npm; -DTOCSIN_WEB=OFF leaves the page out)" VERBATIM)
  add_custom_command(
    OUTPUT ${CMAKE_BINARY_DIR}/generated/static_assets.cc
    COMMAND ${copy_web}
    COMMAND ${CMAKE_COMMAND} -E chdir ${TOCSIN_WEB_FOLDER}
            ${TOCSIN_NODE} node_modules/typescript/bin/tsc --noEmit
    COMMAND ${CMAKE_COMMAND} -E chdir ${TOCSIN_WEB_FOLDER} ${TOCSIN_NODE} build.mjs
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated
    COMMAND ${TOCSIN_NODE} ${TOCSIN_WEB_FOLDER}/embed.mjs ${TOCSIN_WEB_FOLDER}/dist
            ${CMAKE_BINARY_DIR}/generated/static_assets.cc
    DEPENDS ${TOCSIN_WEB_FOLDER}/packages.stamp ${web_sources} ${web}/build.mjs ${web}/embed.mjs
            ${web}/tsconfig.json
    COMMENT "The dashboard page" VERBATIM)
  set(TOCSIN_WEB_ASSETS_SOURCE ${CMAKE_BINARY_DIR}/generated/static_assets.cc)
  # A target of this folder, so that targets of others may wait for the file.
  add_custom_target(web_page DEPENDS ${TOCSIN_WEB_ASSETS_SOURCE})
endif()

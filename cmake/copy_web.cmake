# Copies the page's sources (FROM) to the folder in which they are built (TO), without what
# a developer's own run left there.
file(GLOB entries RELATIVE ${FROM} ${FROM}/* ${FROM}/.npmrc)
list(REMOVE_ITEM entries node_modules dist pictures)
file(REMOVE_RECURSE ${TO}/src ${TO}/test ${TO}/mock)
foreach(entry IN LISTS entries)
  file(COPY ${FROM}/${entry} DESTINATION ${TO})
endforeach()

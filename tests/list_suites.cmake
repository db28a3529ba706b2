# Run by the build behind a test program: writes the file that tells ctest of its suites, one test each.
#
# cmake -D PROGRAM=... -D EMULATOR=... -D PREFIX=... -D TIMEOUT_S=... -D OUTPUT=... -P list_suites.cmake
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${EMULATOR} ${PROGRAM} --gtest_list_tests
  OUTPUT_VARIABLE listed RESULT_VARIABLE status TIMEOUT 60)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} does not list its tests: ${status}")
endif()

string(REPLACE ";" "," listed "${listed}")  # In texts of parameters; it separates CMake's lists.

# Suites begin their line and end with a dot; behind it may be a comment. Their tests are indented.
string(REGEX MATCHALL "(^|\n)[^ \n]+\\.( *#[^\n]*)?(\n  [^\n]+)+" suites "${listed}")
# The tests' files lie in memory where there is enough: their many syncs, which the plain build tries on the disk, wait
# for whatever else the disk has to do.
set(environment "")
execute_process(COMMAND df --output=avail -B1 /dev/shm OUTPUT_VARIABLE room ERROR_QUIET)
if(room MATCHES "([0-9]+)" AND CMAKE_MATCH_1 GREATER_EQUAL 4294967296)
  set(environment TMPDIR=/dev/shm)
endif()

set(tests "")
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "^\n?([^ \n]+)\\..*$" "\\1" name "${suite}")
  set(cost 0)
  if(name MATCHES "SessionErrorSweep$")  # The longest begins first, so that nothing waits for it in the end.
    set(cost 100)
  endif()
  string(APPEND tests "add_test([==[${PREFIX}${name}]==]")
  foreach(word IN LISTS EMULATOR PROGRAM)
    string(APPEND tests " [==[${word}]==]")
  endforeach()
  string(APPEND tests " [==[--gtest_filter=${name}.*]==])\n"
    "set_tests_properties([==[${PREFIX}${name}]==] PROPERTIES TIMEOUT ${TIMEOUT_S} COST ${cost}\n"
    "  ENVIRONMENT [==[${environment}]==])\n")
endforeach()

# A suite that is overlooked would be a test that never fails.
string(REGEX MATCHALL "\n  [^\n]+" all_tests "${listed}")
list(JOIN suites "\n" listed_suites)
string(REGEX MATCHALL "\n  [^\n]+" found_tests "${listed_suites}")
list(LENGTH all_tests all)
list(LENGTH found_tests found)
if(found EQUAL 0 OR NOT found EQUAL all)
  message(FATAL_ERROR "${PROGRAM} has ${all} tests, of which ${found} belong to a suite")
endif()
file(WRITE ${OUTPUT} "${tests}")

# CMake with ninja and with make: configured, built, tested, installed.
# needs: cmake ninja make gcc
# plans: default
# varying: by-*
mkdir source && printf 'int f(void) { return 3; }\n' >source/f.c && printf 'int f(void);\nint main(void) { return f() - 3; }\n' >source/main.c
cat >source/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.10)
project(p C)
include(CheckFunctionExists)
check_function_exists(memfd_create HAS_MEMFD)
message(STATUS "memfd: ${HAS_MEMFD}")
add_library(f SHARED f.c)
add_executable(p main.c)
target_link_libraries(p f)
enable_testing()
add_test(NAME runs COMMAND p)
install(TARGETS p f)
CMAKE
for how in Ninja 'Unix Makefiles'; do
	cmake -G "$how" -S source -B by -DCMAKE_INSTALL_PREFIX="$PWD/installed" | grep -E 'memfd|compiler' && cmake --build by -j2 >log && tail -1 log
	(cd by && ctest | grep passed) && cmake --install by >/dev/null && ls installed/*; rm -rf by log
done

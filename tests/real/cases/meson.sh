# Meson with ninja: configured, built, tested.
# needs: meson ninja gcc
# plans: default
printf "project('p', 'c')\ne = executable('p', 'p.c', dependencies: dependency('threads'))\ntest('runs', e)\nconfigure_file(output: 'c.h', configuration: {'x': meson.get_compiler('c').has_function('openat2')})\n" >meson.build
echo 'int main(void) { return 0; }' >p.c && meson setup out | grep -E 'Compiler for|Build targets' && ninja -C out | tail -1 | cut -c1-20 && meson test -C out | grep -E '^(Ok|Fail)' && meson setup missing nowhere 2>&1 | tail -1; rm -rf out

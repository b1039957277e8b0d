# autoconf and automake: a package made ready, configured, built, checked, packed.
# needs: autoconf automake make gcc
# plans: default
printf 'AC_INIT([p], [1])\nAM_INIT_AUTOMAKE([foreign -Wall])\nAC_PROG_CC\nAC_CHECK_FUNCS([openat2 memfd_create])\nAC_CONFIG_HEADERS([config.h])\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n' >configure.ac
printf 'bin_PROGRAMS = p\np_SOURCES = p.c\nTESTS = p\n' >Makefile.am && echo 'int main(void) { return 0; }' >p.c
autoreconf -i 2>&1 | grep -v installing; ./configure --prefix="$PWD/out" | grep -E 'functional|memfd|config.h'; make -s >/dev/null && make -s check 2>&1 | grep -E '^# (PASS|FAIL)' && make -s install >/dev/null && out/bin/p && make -s dist >/dev/null && tar tzf p-1.tar.gz | sort | head -20; echo $?
rm -rf autom4te.cache config.* p *.o *.gz *.log *.trs out Makefile.in aclocal.m4 configure .deps Makefile stamp-h1

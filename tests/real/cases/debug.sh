# Debuggers and tracers on a program of our own.
# needs: gdb strace gcc
# plans: default
printf '#include <stdio.h>\nint twice(int x) { return 2 * x; }\nint main(int n, char **a) { FILE *f = fopen("missing", "r"); return twice(n) + (f != NULL); }\n' >p.c && gcc -g -o p p.c
gdb -q -batch -nx -ex 'break twice' -ex run -ex 'print x' -ex bt -ex 'finish' -ex 'kill' ./p 2>&1 | grep -E '^(\$|#|Value|Run till)' | sed 's/0x[0-9a-f]*/ADDRESS/g'
strace -f -e trace=openat -o log ./p; echo $?; grep -c '"missing".*ENOENT' log; strace -c -o log ./p two; echo $?; strace -o log ./none; rm -f log

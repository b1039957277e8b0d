# gdb's prompt.
# needs: gdb gcc
# plans: default
#< (gdb)
#> break main\n
#< Breakpoint 1
#> run\n
#< Breakpoint 1,
#> print 6*7\n
#< 42
#> kill\n
#< (y or n)
#> y\n
#> quit\n
echo 'int main(void) { return 3; }' >p.c; gcc -g -o p p.c; TERM=dumb exec gdb -q -nx ./p

# Valgrind finds what is lost.
# needs: valgrind gcc
# plans: default
printf '#include <stdlib.h>\nint main(void) { char *p = malloc(40); return p[3] != 0; }\n' >p.c && gcc -g -o p p.c
valgrind --leak-check=full --error-exitcode=9 ./p 2>&1 | sed 's/==[0-9]*==//' | grep -E 'definitely|Conditional|ERROR'

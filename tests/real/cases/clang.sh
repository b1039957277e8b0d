# Clang and its linker, C and C++.
# needs: clang
# plans: default
printf '#include <stdio.h>\nint main(void) { puts("c"); return 4; }\n' >c.c && clang -O1 -o c c.c && ./c; echo $?
printf '#include <string>\n#include <iostream>\nint main() { std::string s("c++"); std::cout << s << std::endl; }\n' >d.cc && clang++ -o d d.cc && ./d
clang -c missing.c; echo 'int main(void) { return x; }' >broken.c; clang -c broken.c

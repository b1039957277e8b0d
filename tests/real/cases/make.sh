# A small project in C: objects, a static and a shared library, the program, its run.
# needs: gcc make ar ld
for i in 1 2 3 4 5 6; do
	printf '#include <stdio.h>\n#include "all.h"\nint f%d(int x) { return x + %d; }\n' "$i" "$i" >"f$i.c"
	printf 'int f%d(int x);\n' "$i" >>all.h
done
printf '#include "all.h"\n#include <stdio.h>\nint main(void) { printf("%%d\\n", f1(f2(f3(f4(f5(f6(0))))))); return 3; }\n' >main.c
cat >Makefile <<'MAKE'
CFLAGS = -O1 -fPIC -g
OBJECTS = f1.o f2.o f3.o
all: program
%.o: %.c all.h
	@$(CC) $(CFLAGS) -c -o $@ $<
libfirst.a: $(OBJECTS)
	@$(AR) rcD $@ $^
libsecond.so: f4.o f5.o f6.o
	@ld -shared -o $@ $^
program: main.o libfirst.a libsecond.so
	@$(CC) -o $@ main.o libfirst.a -L. -lsecond -Wl,-rpath,'$$ORIGIN'
clean:
	rm -f *.o
MAKE
make -j2 && ./program
echo "the program said $?"
touch -d @1500000000 -- * && touch -d @1500000001 f1.c && make -q
echo "make -q said $?"
make clean
gcc -o nothing nothing.c
echo "gcc said $?"
echo 'int main(void) { return broken; }' >broken.c && gcc -c broken.c
ar t libfirst.a && nm -D libsecond.so | grep ' T '

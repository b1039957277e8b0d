/* A program that the policy denies, without anything around it: all that it would do is to say that it ran.
 */
#ifndef TEXT
#define TEXT "KEEP-AWAY: the denied program ran\n"
#endif

static long call(long number, long a, long b, long c)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c)
	                 : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
#endif
}

_Noreturn void _start(void);

_Noreturn void _start(void)
{
	static const char text[] = TEXT;

#if defined(__x86_64__)
	call(1, 1, (long)text, sizeof(text) - 1);
	for (;;)
		call(231, 0, 0, 0);
#else
	call(64, 1, (long)text, sizeof(text) - 1);
	for (;;)
		call(94, 0, 0, 0);
#endif
}

/* Fetches a page by the name of its host, with whatever libc it is linked to. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int fetch(int fd, const char *host)
{
	char bytes[512];
	ssize_t n;

	dprintf(fd, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", host);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		fwrite(bytes, 1, (size_t)n, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int r = argc == 3 ? getaddrinfo(argv[1], argv[2], &hints, &found) : EAI_FAIL;

	if (r != 0) {
		printf("getaddrinfo: %s\n", gai_strerror(r));
		return 1;
	}
	for (const struct addrinfo *i = found; i; i = i->ai_next) {
		int fd = socket(i->ai_family, SOCK_STREAM, 0);

		if (fd >= 0 && connect(fd, i->ai_addr, i->ai_addrlen) == 0)
			return fetch(fd, argv[1]);
		perror("connect");
	}
	return 1;
}

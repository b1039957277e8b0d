/* network: own. A network of its own, with a loopback and no way out; no capabilities come with it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "driver.h"

#define OWN reeve, "run", "--read", "/", "--exec", "/", "--network", "own"

static struct run run;

static int run_it(const char *const *command)
{
	start(&run, false, NULL, command);
	CHECK(expect_end(&run), "no end of the output");
	return finish_run(&run);
}

#define RUN_IT(...) run_it((const char *[]){__VA_ARGS__, NULL})

/* A listener on the loopback that everybody has. */
static int listen_here(unsigned *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 8) < 0 ||
	        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		abort();
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void is_apart(void)
{
	char script[128];
	unsigned port;
	int listener = listen_here(&port);

	snprintf(script, sizeof(script), "exec 3<>/dev/tcp/127.0.0.1/%u && echo reached", port);
	CHECK(RUN_IT(reeve, "run", "--read", "/", "--exec", "/", "--connect", "127.0.0.1:*", "--", "bash",
	              "-c", script) == 0,
	        "%s", run.text);
	CHECK(strstr(run.text, "reached"), "without: %s", run.text);
	CHECK(RUN_IT(OWN, "--", "bash", "-c", script) == 1, "%s", run.text);
	CHECK(strstr(run.text, "refused"), "%s", run.text);
	close(listener);
	CHECK(RUN_IT(OWN, "--", "sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1") == 0, "%s", run.text);
	CHECK(strcmp(run.text + strspn(run.text, " "), "lo\n") == 0, "interfaces: %s", run.text);
}

static void works_inside(void)
{
	static const char script[] =
	        "import socket\n"
	        "for family, address in (socket.AF_INET, ('127.0.0.1', 0)), (socket.AF_UNIX, b'\\0own'):\n"
	        "    s = socket.socket(family); s.bind(address); s.listen()\n"
	        "    c = socket.socket(family); c.connect(s.getsockname()); c.send(b'x')\n"
	        "    assert s.accept()[0].recv(1) == b'x'\n"
	        "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0))\n"
	        "u.sendto(b'y', u.getsockname()); assert u.recv(1) == b'y'\n"
	        "print('works')\n";

	CHECK(RUN_IT(OWN, "--summary", "--", "python3", "-c", script) == 0, "%s", run.text);
	CHECK(strstr(run.text, "works"), "%s", run.text);
	CHECK(RUN_IT(OWN, "--", "sh", "-c", "exit 9") == 9, "%s", run.text);
	CHECK(RUN_IT(OWN, "--", "sh", "-c", "kill -9 $$") == 137, "%s", run.text);
}

static void gives_no_rights(void)
{
	static const char script[] = "import ctypes, os\n"
	                             "libc = ctypes.CDLL(None, use_errno=True)\n"
	                             "libc.setns(os.open('/proc/self/ns/net', 0), 0)\n"
	                             "print('setns', ctypes.get_errno())\n";

	CHECK(RUN_IT(OWN, "--", "python3", "-c", script) == 0, "%s", run.text);
	CHECK(strstr(run.text, "setns 1\n"), "%s", run.text);
	if (getuid() == 0)
		return;
	CHECK(RUN_IT(OWN, "--", "sh", "-c", "id -u; grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status") ==
	                0,
	        "%s", run.text);
	CHECK(strspn(strchr(run.text, '\n'), "CapInhPrmEfBdAb:\t\n0") == strlen(strchr(run.text, '\n')),
	        "capabilities: %s", run.text);
	CHECK((uid_t)atoi(run.text) == getuid(), "another user: %s", run.text);
}

/* Where there is none nothing runs: what its rules allow would be allowed on everybody's network. */
static void cannot_be_had(void)
{
	const char *const reasons[] = {"--quiet", "--best-effort"};

	for (size_t i = 0; i < 2; i++) {
		int code = RUN_IT(reeve, "run", "--read", "/", "--exec", "/", "--write", "/tmp", "--write",
		        ".", "--deny-call", "unshare", "--", reeve, "run", reasons[i], "--read", "/",
		        "--exec", "/", "--network", "own", "--", "echo", "started");

		CHECK(code == 125, "code %d: %s", code, run.text);
		CHECK(strstr(run.text, "'network: own' needs a network namespace"), "%s", run.text);
		CHECK(!strstr(run.text, "started\n"), "it runs: %s", run.text);
	}
}

void test_network(void)
{
	now = NATIVE;
	RUN_IT(OWN, "--", "true");
	if (strstr(run.text, "this machine gives none")) {
		printf("uid %d: %s", (int)getuid(), run.text);
		exit(77);
	}
	is_apart();
	works_inside();
	gives_no_rights();
	cannot_be_had();
}

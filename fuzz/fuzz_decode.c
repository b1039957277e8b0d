/* Any registers and any memory as a notification: what decode makes of them is bounded, and what it leaves
 * out is an errno. The first 2 bytes are the call's number, the next 48 its six arguments, in which a value
 * of 0x5a00NNNN points NNNN bytes into the rest; the rest ends where memory does. Built as fuzz_policy.c is.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/path.h"
#include "supervise/act/control.h"
#include "supervise/decode.h"
#include "target/resolve.h"

#define MEMORY 65536
#define POINTER UINT64_C(0x5a000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* The target's memory: pages with nothing behind them. */
static uint8_t *memory(void)
{
	static uint8_t *pages;

	if (!pages) {
		pages = mmap(NULL, 2 * MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		require(pages != MAP_FAILED && munmap(pages + MEMORY, MEMORY) == 0, "memory");
	}
	return pages;
}

static void check_call(const struct exchange *x)
{
	require(x->call.path_count <= EXCHANGE_PATHS, "no more paths than there is room for");
	for (size_t i = 0; i < x->call.path_count; i++) {
		const struct call_path *path = &x->call.paths[i];
		char text[RESOLVE_PATH_SIZE];
		int n;

		require(path->length < sizeof(path->text) && strlen(path->text) == path->length,
		        "a path is as long as it says");
		n = resolve_text(&x->task, path->dirfd, path->text, text, sizeof(text));
		require(n < 0 || (text[0] == '/' && strlen(text) == (size_t)n),
		        "a resolved text is absolute");
		require(n < 0 || !strstr(text, "/../"), "and has no way up");
	}
}

/* A message: what its pieces and control messages make the supervisor copy has bounds. */
static void check_message(struct exchange *x, uint64_t address)
{
	static struct decoded_message message; /* large */
	static char bytes[4096];
	const struct sockets_kind kinds[] = {{AF_UNIX, SOCK_DGRAM, 0}, {AF_INET, SOCK_DGRAM, IPPROTO_UDP}};
	ssize_t n;

	if (decode_message(x, address, &message) != 0)
		return;
	require(message.piece_count <= UIO_MAXIOV && message.size <= INT32_MAX, "a message has bounds");
	for (size_t at = 0; at < 3; at++) {
		n = decode_pieces(x, &message, at * 7, bytes, sizeof(bytes));
		require(n <= (ssize_t)sizeof(bytes) && n <= (ssize_t)message.size, "no more than there is");
	}
	for (size_t i = 0; i < 2; i++) {
		struct control control;

		control_read(x, &kinds[i], &message, &control);
		require(control.fd_count <= CONTROL_MOST, "no more descriptors than there is room for");
		control_done(&control);
	}
}

static void check_sockets(struct exchange *x)
{
	for (int i = 0; i < 6; i++) {
		uint64_t value = x->request.data.args[i];

		if (x->row->args[i] == SYSCALLS_ADDRESS &&
		        decode_address(x, value, (int)x->request.data.args[(i + 1) % 6]) == 0)
			require(x->call.address.length <= sizeof(struct sockaddr_storage) &&
			                strlen(call_address_path(&x->call.address)) < 127,
			        "an address ends");
		if (x->row->args[i] == SYSCALLS_MESSAGE || x->row->args[i] == SYSCALLS_MESSAGES)
			check_message(x, value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct exchange x; /* large */
	static struct task_view view;
	static bool has_view;
	uint8_t *rest;
	uint16_t nr;
	int r;

	if (!has_view)
		require(task_view_init(&view) == 0, "a view of tasks");
	has_view = true;
	if (size < 2 + sizeof(x.request.data.args) || size > MEMORY)
		return 0;
	memset(&x, 0xa5, sizeof(x));
	memcpy(&nr, data, sizeof(nr));
	memcpy(x.request.data.args, data + 2, sizeof(x.request.data.args));
	data += 2 + sizeof(x.request.data.args);
	size -= 2 + sizeof(x.request.data.args);
	rest = memory() + MEMORY - size;
	memcpy(rest, data, size);
	for (int i = 0; i < 6; i++)
		if ((x.request.data.args[i] & ~UINT64_C(0xffff)) == POINTER)
			x.request.data.args[i] = (uintptr_t)rest + (x.request.data.args[i] & 0xffff);
	x.request.tid = getpid();
	x.task = (struct task){.view = &view, .tid = x.request.tid};
	x.why = NULL;
	x.row = syscalls_row_by_nr(syscalls_native(), nr);
	if (!x.row)
		return 0;
	r = decode_call(&x);
	require(r == 0 || r == REEVE_GONE || (r < 0 && r > -4096), "read, gone, or an errno");
	if (r == 0)
		check_call(&x);
	check_sockets(&x);
	return 0;
}

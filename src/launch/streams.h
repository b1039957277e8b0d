/* The files that the command's output goes to. A plain one is opened once and the command writes to it itself. One
 * that rotates is behind a pipe, which a thread of the server empties: only so can every process of the tree change
 * to a new file at the same moment, between two writes. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"
#include "record/record.h"

struct streams_copier {
	int pipe; /* its end to read from, or -EBADF: unused */
	int folder, file;
	char *name; /* of the file, in the folder */
	uint64_t size, rotate;
	unsigned keep;
	bool in_line;    /* what was written last did not end with a new line */
	bool has_failed; /* it does not rotate any more, which was told */
	struct recorder *recorder;
	char *buffer;
	pthread_mutex_t lock; /* held while bytes are between the pipe and the file */
	pthread_t thread;
	bool is_running;
	int stop; /* eventfd */
};

struct streams {
	int child[POLICY_STREAMS]; /* what the command gets, or -EBADF: what it would have had without */
	struct streams_copier copiers[POLICY_STREAMS];
};

/* Opens the files of the policy. 0, or -errno with the stream that could not be opened. */
int streams_open(const struct policy *policy, struct streams *ret, enum policy_stream_kind *ret_kind);

/* In the child: only system calls. 0 or -errno. */
int streams_put_on(const struct streams *streams);

/* The most descriptors that copying needs. */
#define STREAMS_DESCRIPTORS (2 * 3)

/* Adds them to a list as of credentials_keep. 0 or -EMFILE. */
int streams_keep(const struct streams *streams, int *list, size_t *count, size_t size);

/* Starts copying, in the server. 0 or -errno. */
int streams_start(struct streams *streams, struct recorder *recorder);

/* What was written until now is in the files when this returns. */
void streams_flush(struct streams *streams);

/* Nobody writes any more: copies what is left, and closes. */
void streams_finish(struct streams *streams);

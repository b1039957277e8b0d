/* The files that the command's output goes to. A plain one is opened once and the command writes to it itself. One
 * that rotates is behind a pipe, which a thread of the server, or of the
 * library, empties: only so can every process of the tree change
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
	pthread_t thread; /* what is above is its alone once it runs */
	bool is_running;
	int wake; /* eventfd: something below was asked for */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool shall_flush, shall_end, has_ended;
};

struct streams {
	int child[POLICY_STREAMS]; /* what the command gets, or -EBADF: what it would have had without */
	struct streams_copier copiers[POLICY_STREAMS];
};

/* Before all else. */
void streams_init(struct streams *streams);

/* Opens the files of the policy, but for the streams that are left out (NULL: none is). 0, or -errno with the stream
 * that could not be opened; streams_finish closes also then. */
int streams_open(const struct policy *policy, const bool leave_out[POLICY_STREAMS], struct streams *ret,
        enum policy_stream_kind *ret_kind);

/* In the child: only system calls. 0 or -errno. */
int streams_put_on(const struct streams *streams);

/* The command has its ends: ours are closed. */
void streams_given(struct streams *streams);

/* The most descriptors that copying needs. */
#define STREAMS_DESCRIPTORS (2 * 3)

/* Adds them to a list as of credentials_keep. 0 or -EMFILE. */
int streams_keep(const struct streams *streams, int *list, size_t *count, size_t size);

/* Starts copying. `apart`: on threads with descriptors of their own, for a process that is not ours; else they share
 * those of the calling one. 0 or -errno. */
int streams_start(struct streams *streams, struct recorder *recorder, bool apart);

/* What was written until now is in the files when this returns. */
void streams_flush(struct streams *streams);

/* Copies what is left, and closes. `waits`: until nobody has them open to write any more. */
void streams_finish(struct streams *streams, bool waits);

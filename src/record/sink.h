/* Where records go: whole pieces to one descriptor. Blocks rather than drops; what fails is counted. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct sink {
	int fd; /* borrowed; -1: none */
	bool is_file;
	bool torn; /* the last piece was cut off by an error */
	uint64_t failed;
	pthread_mutex_t lock;
};

void sink_init(struct sink *sink, int fd);
void sink_done(struct sink *sink);

/* From now on pieces go nowhere. */
void sink_close(struct sink *sink);

/* Writes one piece: one write(2) where the descriptor takes it whole. 0; 1 when this is the first piece to be
 * lost, and 2 for later ones, with the (negative) reason in *ret_error. */
int sink_write(struct sink *sink, const char *bytes, size_t size, int *ret_error);

/* One more piece was lost, before it could be written. */
void sink_count_lost(struct sink *sink);

bool sink_is_open(struct sink *sink);

/* How many pieces were lost. */
uint64_t sink_failed(struct sink *sink);

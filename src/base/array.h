/* A growing array. ARRAY_PUSH returns 0 or -ENOMEM; `items` is owned by whoever holds the struct. */
#pragma once

#include <errno.h>
#include <stdlib.h>

#define ARRAY(type)                                                                                          \
	struct {                                                                                             \
		type *items;                                                                                 \
		size_t count, capacity;                                                                      \
	}

static inline int array_grow(void **items, size_t *capacity, size_t item_size)
{
	size_t wanted = *capacity ? *capacity * 2 : 8;
	void *grown = reallocarray(*items, wanted, item_size);

	if (!grown)
		return -ENOMEM;
	*items = grown;
	*capacity = wanted;
	return 0;
}

#define ARRAY_PUSH(array, value)                                                                             \
	__extension__({                                                                                      \
		int r_ = 0;                                                                                  \
		if ((array)->count == (array)->capacity)                                                     \
			r_ = array_grow(                                                                     \
			        (void **)&(array)->items, &(array)->capacity, sizeof(*(array)->items));      \
		if (r_ == 0)                                                                                 \
			(array)->items[(array)->count++] = (value);                                          \
		r_;                                                                                          \
	})

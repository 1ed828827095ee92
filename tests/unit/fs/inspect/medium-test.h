/* medium-test.h - media in memory for the wipe check's tests: with bad places, an early end, and what a test puts on them */
#ifndef TESTS_INSPECT_MEDIUM_H
#define TESTS_INSPECT_MEDIUM_H

#include "fs/inspect/private.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

struct medium {
	uint8_t *bytes;
	uint64_t size_bytes;
	uint64_t bad_from, bad_to; /* EIO whatever touches it */
	uint64_t end;		   /* where it ends by now */
	struct inspect_source source;
};

static BL_UNUSED ssize_t medium_read(const struct inspect_source *source, uint8_t *out,
				     size_t length, uint64_t offset)
{
	const struct medium *m = source->context;

	if (offset < m->bad_to && offset + length > m->bad_from) {
		errno = EIO;
		return -1;
	}
	if (offset >= m->end)
		return 0;
	length = (size_t)BL_MIN((uint64_t)length, m->end - offset);
	memcpy(out, m->bytes + offset, length);
	return (ssize_t)length;
}

static BL_UNUSED struct medium *medium_new(uint64_t size_bytes, uint8_t fill)
{
	struct medium *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->bytes = malloc(size_bytes);
	assert_non_null(m->bytes);
	memset(m->bytes, fill, size_bytes);
	m->size_bytes = m->end = size_bytes;
	m->source = (struct inspect_source){.read = medium_read,
					    .context = m,
					    .fd = -1,
					    .direct_fd = -1,
					    .size_bytes = size_bytes};
	return m;
}

static BL_UNUSED void medium_free(struct medium *m)
{
	free(m->bytes);
	free(m);
}

static BL_UNUSED void medium_put(struct medium *m, uint64_t offset, const void *bytes,
				 size_t length)
{
	assert_true(offset + length <= m->size_bytes);
	memcpy(m->bytes + offset, bytes, length);
}

/* UTF-8 as UTF-16; characters beyond the first plane are not in these tests. */
static BL_UNUSED size_t wide(const char *text, enum inspect_order order, uint8_t *out)
{
	size_t size = 0;

	for (const uint8_t *p = (const uint8_t *)text; *p;) {
		unsigned code = *p++;

		if (code >= 0xe0) {
			code = (code & 15) << 12 | (p[0] & 63u) << 6 | (p[1] & 63u);
			p += 2;
		} else if (code >= 0xc0) {
			code = (code & 31) << 6 | (*p++ & 63u);
		}
		out[size + (order == ORDER_BIG)] = (uint8_t)code;
		out[size + (order == ORDER_LITTLE)] = (uint8_t)(code >> 8);
		size += 2;
	}
	return size;
}

/* The same bytes for the same seed, whatever the machine. */
static BL_UNUSED void fill_random(uint8_t *out, size_t length, uint32_t seed)
{
	uint8_t key[randombytes_SEEDBYTES] = {0};

	memcpy(key, &seed, sizeof(seed));
	randombytes_buf_deterministic(out, length, key);
}

static BL_UNUSED uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static BL_UNUSED int setup_sodium(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

#endif

/* walking.h - what the tests of the walkers share: walk a text in pieces, and say what was found */
#ifndef TESTS_WALKING_H
#define TESTS_WALKING_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/walk.h"

struct walked {
	uint8_t *cover;	 /* by byte: class + 1, and 64 where it is in a part */
	uint8_t *phases; /* by byte of a part: charset * 4 + transfer */
	struct walk_state state;
	char found[2048]; /* "name[Ada] part[S2lt]" in order of place */
};

static inline void walked_free(struct walked *walked)
{
	free(walked->cover);
	free(walked->phases);
}

/* Walk @text with cuts behind @cuts[0..count). */
static inline void walk_cut(const struct detect_profile *profile, const char *bytes, size_t length,
			    const size_t *cuts, size_t count, struct walked *out)
{
	struct text text = {(const uint8_t *)bytes, length};
	struct detect_spans spans = {0};
	struct sink sink = {.spans = &spans, .classes = ~UINT64_C(0), .to = length};
	struct walk_out found = {.sink = &sink};
	size_t from = 0, used = 0;

	memset(out, 0, sizeof(*out));
	out->cover = calloc(1, length + 1);
	out->phases = calloc(1, length + 1);
	assert_non_null(out->cover);
	assert_non_null(out->phases);
	for (size_t i = 0; i <= count; i++) {
		size_t to = i < count ? cuts[i] : length;

		walk(profile, &out->state, &text, from, to, &found);
		from = to;
	}
	assert_false(found.has_failed);
	for (size_t i = 0; i < spans.count; i++) {
		const struct detect_span *span = &spans.items[i];

		assert_true(span->offset + span->length <= length);
		memset(out->cover + span->offset, span->class + 1, span->length);
		if (used + span->length + 40 < sizeof(out->found))
			used += (size_t)snprintf(out->found + used, sizeof(out->found) - used,
						 "%s%s[%.*s]", used ? " " : "",
						 bl_class_name((enum bl_class)span->class),
						 (int)span->length, bytes + span->offset);
	}
	for (size_t i = 0; i < found.part_count; i++) {
		const struct walk_part *part = &found.parts[i];

		assert_true(part->start < part->end && part->end <= length);
		for (size_t at = part->start; at < part->end; at++) {
			out->cover[at] |= 64;
			out->phases[at] = (uint8_t)(part->charset * 4 + part->transfer);
		}
		if (used + part->end - part->start + 40 < sizeof(out->found))
			used += (size_t)snprintf(
				out->found + used, sizeof(out->found) - used, "%s%u/%u/%u[%.*s]",
				used ? " " : "", part->charset, part->transfer, part->phase,
				(int)(part->end - part->start), bytes + part->start);
	}
	free(spans.items);
	free(found.parts);
}

static inline void assert_same_walk(const struct walked *a, const struct walked *b,
				    const char *text, size_t length, size_t cut)
{
	if (memcmp(&a->state, &b->state, sizeof(a->state)) != 0 ||
	    memcmp(a->cover, b->cover, length) != 0 || memcmp(a->phases, b->phases, length) != 0)
		fail_msg("a cut at %zu changes what is found in: %.300s", cut, text);
}

static inline uint64_t walk_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Walk @bytes whole, then cut at every place, at all places, and at random ones: the same each time. */
static inline void walk_every_way(const struct detect_profile *profile, const char *bytes,
				  size_t length, struct walked *out)
{
	struct walked other;
	uint64_t seed = 88172645463325252u;
	size_t *cuts = calloc(length + 1, sizeof(*cuts));

	assert_non_null(cuts);
	walk_cut(profile, bytes, length, NULL, 0, out);
	for (size_t cut = 1; cut < length && length < 3000; cut++) {
		walk_cut(profile, bytes, length, &cut, 1, &other);
		assert_same_walk(out, &other, bytes, length, cut);
		walked_free(&other);
	}
	for (unsigned round = 0; round < 20; round++) {
		size_t count = 0;

		for (size_t at = 1; at < length; at++)
			if (round == 0 || walk_random(&seed) % (2 + 5 * round) == 0)
				cuts[count++] = at;
		walk_cut(profile, bytes, length, cuts, count, &other);
		assert_same_walk(out, &other, bytes, length, 0);
		walked_free(&other);
	}
	free(cuts);
}

struct walk_row {
	const char *text, *found;
};

static inline void check_rows(enum detect_format format, char separator,
			      const struct walk_row *rows, size_t count)
{
	struct detect_profile profile = {
		.is_text = true, .format = (uint8_t)format, .separator = separator};

	for (size_t i = 0; i < count; i++) {
		struct walked walked;

		walk_every_way(&profile, rows[i].text, strlen(rows[i].text), &walked);
		if (strcmp(walked.found, rows[i].found) != 0)
			fail_msg("in: %s\nfound:  %s\nwanted: %s", rows[i].text, walked.found,
				 rows[i].found);
		walked_free(&walked);
	}
}

#endif

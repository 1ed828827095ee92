/* naive-path.h - patterns the slow and plain way: by backtracking, from the language's page ("Meaning" 8)
 *
 * Shares nothing with glob.c and places.c but utf8proc.
 */
#ifndef TESTS_UNIT_POLICY_RULES_NAIVE_PATH_H
#define TESTS_UNIT_POLICY_RULES_NAIVE_PATH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

struct naive_text {
	uint32_t symbols[256];
	size_t count;
};

/* Fold what is UTF-8, keep what is not: each valid stretch by itself. */
static inline struct naive_text naive_fold(const char *bytes, size_t length)
{
	struct naive_text text = {.count = 0};

	while (length) {
		size_t good = length;
		utf8proc_uint8_t *folded = NULL;
		utf8proc_int32_t symbol;

		/* the longest prefix that utf8proc takes whole */
		while (good &&
		       utf8proc_map((const utf8proc_uint8_t *)bytes, (utf8proc_ssize_t)good,
				    &folded,
				    UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD) < 0)
			good--;
		if (!good) {
			free(folded);
			text.symbols[text.count++] = 0x110000u + (uint8_t)*bytes;
			bytes++;
			length--;
			continue;
		}
		for (const utf8proc_uint8_t *at = folded; *at;) {
			at += utf8proc_iterate(at, -1, &symbol);
			text.symbols[text.count++] = (uint32_t)symbol;
		}
		free(folded);
		bytes += good;
		length -= good;
	}
	return text;
}

static inline struct naive_text naive_splice(const uint32_t *a, size_t a_count, const uint32_t *b,
					     size_t b_count)
{
	struct naive_text text = {.count = a_count + b_count};

	memcpy(text.symbols, a, a_count * sizeof(*a));
	memcpy(text.symbols + a_count, b, b_count * sizeof(*b));
	return text;
}

static inline bool naive_glob(const uint32_t *p, size_t pn, const uint32_t *s, size_t sn)
{
	if (pn == 0)
		return sn == 0;
	if (*p == '*') {
		for (size_t i = 0; i <= sn; i++)
			if (naive_glob(p + 1, pn - 1, s + i, sn - i))
				return true;
		return false;
	}
	if (*p == '{') {
		size_t depth = 0, start = 1, close = 0;

		for (size_t i = 0; !close; i++) {
			depth += p[i] == '{';
			depth -= p[i] == '}';
			close = depth == 0 ? i : 0;
		}
		for (size_t i = 1; i <= close; i++) {
			depth += p[i] == '{';
			if (i == close || (depth == 0 && p[i] == ',')) {
				struct naive_text one = naive_splice(p + start, i - start,
								     p + close + 1, pn - close - 1);

				if (naive_glob(one.symbols, one.count, s, sn))
					return true;
				start = i + 1;
			}
			depth -= p[i] == '}' && i < close;
		}
		return false;
	}
	if (sn == 0)
		return false;
	if (*p == '[') {
		bool is_not = p[1] == '!', is_in = false;
		size_t i = is_not ? 2 : 1;

		for (; p[i] != ']'; i++)
			if (p[i + 1] == '-' && p[i + 2] != ']') {
				is_in |= *s >= p[i] && *s <= p[i + 2];
				i += 2;
			} else {
				is_in |= *s == p[i];
			}
		return is_in != is_not && naive_glob(p + i + 1, pn - i - 1, s + 1, sn - 1);
	}
	return (*p == '?' || *p == *s) && naive_glob(p + 1, pn - 1, s + 1, sn - 1);
}

static inline size_t naive_split(const char *path, const char *parts[16], size_t lengths[16])
{
	size_t count = 0;

	for (const char *at = path; *at;) {
		size_t length = strcspn(at, "/");

		if (length) {
			parts[count] = at;
			lengths[count++] = length;
		}
		at += length + (at[length] == '/');
	}
	return count;
}

struct naive_path {
	const char *parts[16];
	size_t lengths[16];
	size_t count;
};

static inline bool naive_component(const struct naive_path *pattern, size_t i,
				   const struct naive_path *path, size_t j)
{
	struct naive_text p = naive_fold(pattern->parts[i], pattern->lengths[i]);
	struct naive_text s = naive_fold(path->parts[j], path->lengths[j]);

	return naive_glob(p.symbols, p.count, s.symbols, s.count);
}

static inline bool naive_is_double(const struct naive_path *pattern, size_t i)
{
	return pattern->lengths[i] == 2 && memcmp(pattern->parts[i], "**", 2) == 0;
}

/* @below: could something under the path match? */
static inline bool naive_parts(const struct naive_path *pattern, size_t i,
			       const struct naive_path *path, size_t j, bool below)
{
	if (below && j == path->count)
		return i < pattern->count;
	if (i == pattern->count)
		return j == path->count;
	if (naive_is_double(pattern, i)) {
		if (i + 1 == pattern->count)
			return below || j < path->count;
		for (size_t k = j; k <= path->count; k++)
			if (naive_parts(pattern, i + 1, path, k, below))
				return true;
		return false;
	}
	return j < path->count && naive_component(pattern, i, path, j) &&
	       naive_parts(pattern, i + 1, path, j + 1, below);
}

/*
 * naive_path_match - does the pattern match the path (or, @below, could it match something under it)?
 */
static inline bool naive_path_match(const char *pattern, const char *path, bool below)
{
	struct naive_path p, names;

	p.count = naive_split(pattern, p.parts, p.lengths);
	names.count = naive_split(path, names.parts, names.lengths);
	return naive_parts(&p, 0, &names, 0, below);
}

/*
 * What was matched before, by the addresses of both strings: they have to stay where they are until it is cleared.
 * Without it a million questions take minutes.
 */
#define NAIVE_MEMO 4096 /* power of two */
struct naive_memo {
	struct naive_memo_entry {
		const char *pattern, *path;
		bool below, matches;
	} entries[NAIVE_MEMO];
};

/* @memo may be NULL */
static inline bool naive_path_recall(struct naive_memo *memo, const char *pattern, const char *path,
				     bool below)
{
	uint64_t key = ((uint64_t)(uintptr_t)pattern * 31 + (uint64_t)(uintptr_t)path) * 2 + below;
	size_t slot = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (NAIVE_MEMO - 1);

	if (!memo)
		return naive_path_match(pattern, path, below);
	struct naive_memo_entry *entry = &memo->entries[slot];

	if (entry->pattern != pattern || entry->path != path || entry->below != below)
		*entry = (struct naive_memo_entry){pattern, path, below,
						   naive_path_match(pattern, path, below)};
	return entry->matches;
}

#endif

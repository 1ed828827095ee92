/* container-segments.c - images in numbered files: E01, E02, ... and .001, .002, ... or .aa, .ab, ... */
#include "fs/image/container-parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LETTERS 26u

/* Last section descriptors of a segment: where they begin from its end, and how "a further segment follows" looks. */
#define EWF1_SECTION 76
#define EWF2_SECTION 64
#define EWF2_NEXT    13

enum naming { NAMED_NOT, NAMED_EWF, NAMED_EWF2, NAMED_DIGITS, NAMED_LETTERS };

/* A family of names: all the same up to @stem bytes. */
struct series {
	enum naming naming;
	size_t stem;
	char first[256];
};

/* @number counts from 1. 200 segments end at EDW, so the first letter never moves on. */
static void name_of(const struct series *series, unsigned number, char out[256])
{
	char tail[16], a = series->first[series->stem] >= 'a' ? 'a' : 'A';
	unsigned behind = number - (series->naming == NAMED_LETTERS ? 1 : 100);
	unsigned high = behind / LETTERS, low = behind % LETTERS;

	if (series->naming == NAMED_DIGITS)
		snprintf(tail, sizeof(tail), "%03u", number);
	else if (series->naming != NAMED_LETTERS && number < 100)
		snprintf(tail, sizeof(tail), "%02u", number);
	else
		snprintf(tail, sizeof(tail), "%c%c", (char)(a + (char)high), (char)(a + (char)low));
	size_t keep = series->stem;
	if (series->naming == NAMED_EWF)
		keep += 1;
	if (series->naming == NAMED_EWF2)
		keep += 2;
	snprintf(out, 256, "%.*s%s", (int)BL_MIN(keep, (size_t)240), series->first, tail);
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static enum naming naming_of(const char *tail, bool is_ewf)
{
	size_t length = strlen(tail);

	if (is_ewf && length == 3 && is_one_of(tail[0], "EeSs") && strcmp(tail + 1, "01") == 0)
		return NAMED_EWF;
	if (is_ewf && length == 4 && is_one_of(tail[0], "Ee") && is_one_of(tail[1], "Xx") &&
	    strcmp(tail + 2, "01") == 0)
		return NAMED_EWF2;
	if (!is_ewf && strcmp(tail, "001") == 0)
		return NAMED_DIGITS;
	return !is_ewf && strcmp(tail, "aa") == 0 ? NAMED_LETTERS : NAMED_NOT;
}

static struct series series_of(const char *first, bool is_ewf)
{
	struct series series = {.naming = NAMED_NOT};
	const char *dot = strrchr(first, '.');

	if (!dot || strlen(first) > 240)
		return series;
	series.stem = (size_t)(dot + 1 - first);
	series.naming = naming_of(dot + 1, is_ewf);
	snprintf(series.first, sizeof(series.first), "%s", first);
	return series;
}

/* The name of @number is not there: is it the end, or a gap? */
static enum bl_status check_gap(const struct container_place *place, const struct series *series,
				unsigned number, struct bl_error *why)
{
	char missing[256], later[256];

	name_of(series, number, missing);
	for (unsigned next = number + 1; next <= CONTAINER_FILES; next++) {
		name_of(series, next, later);
		if (container_is_there(place, later))
			return bl_fail(why, BL_INVALID,
				       "'%s' is missing, but '%s' is there (put all segments into "
				       "one folder)",
				       missing, later);
	}
	return BL_OK;
}

static enum bl_status add_series(const struct container_place *place, const struct series *series,
				 struct container *container, struct bl_error *why)
{
	char name[256];

	for (unsigned number = 2; number <= CONTAINER_FILES; number++) {
		name_of(series, number, name);
		enum bl_status status = container_add(place, name, container, why);
		if (status == BL_NOT_FOUND)
			return check_gap(place, series, number, why);
		if (status != BL_OK)
			return status;
	}
	name_of(series, CONTAINER_FILES + 1, name);
	if (container_is_there(place, name))
		return bl_fail(why, BL_TOO_LARGE,
			       "'%s' has more than %d segments (export it anew in larger ones)",
			       place->path, CONTAINER_FILES);
	return BL_OK;
}

static bool is_ewf2(const struct container_head *head)
{
	return head->first[3] == '2';
}

/* Whether the last file says that one more follows. A cut file says nothing: its program tells what is unreadable. */
static enum bl_status check_end(const struct container_place *place,
				const struct container_head *head,
				const struct container *container, struct bl_error *why)
{
	size_t length = is_ewf2(head) ? EWF2_SECTION : EWF1_SECTION;
	uint8_t section[EWF1_SECTION];
	struct stat meta;
	int fd = container->fds[container->count - 1];

	if (fstat(fd, &meta) < 0 || meta.st_size < (off_t)length)
		return bl_fail(why, BL_INVALID, "'%s' is cut short (get the file anew)",
			       container->names[container->count - 1]);
	if (!container_peek(fd, (uint64_t)meta.st_size - length, section, length))
		return bl_fail_errno(why, BL_IO, "cannot read '%s'",
				     container->names[container->count - 1]);
	bool is_next =
		is_ewf2(head) ? bl_get32(section) == EWF2_NEXT : memcmp(section, "next", 5) == 0;
	if (!is_next)
		return BL_OK;
	return bl_fail(
		why, BL_INVALID,
		"'%s' has no last segment: more follow behind '%s' (put all segments into one "
		"folder)",
		place->path, container->names[container->count - 1]);
}

enum bl_status container_add_ewf(const struct container_place *place,
				 const struct container_head *head, struct container *container,
				 struct bl_error *why)
{
	uint32_t number = is_ewf2(head) ? bl_get32(head->first + 12) : bl_get16(head->first + 9);
	const struct series series = series_of(container->names[0], true);

	if (number != 1)
		return bl_fail(why, BL_INVALID,
			       "'%s' is not the first segment of its image (give that one, '.E01')",
			       place->path);
	if (series.naming != NAMED_NOT) {
		enum bl_status status = add_series(place, &series, container, why);
		if (status != BL_OK)
			return status;
	}
	return check_end(place, head, container, why);
}

/* All pieces but the last are as long as the first: a cut one would move all bytes behind it. */
static enum bl_status check_lengths(const struct container *container, struct bl_error *why)
{
	off_t usual = 0;

	for (size_t i = 0; i < container->count; i++) {
		struct stat meta;

		if (fstat(container->fds[i], &meta) < 0)
			return bl_fail_errno(why, BL_IO, "cannot look at '%s'",
					     container->names[i]);
		usual = i == 0 ? meta.st_size : usual;
		bool is_last = i + 1 == container->count;
		if (meta.st_size > usual || (meta.st_size < usual && !is_last))
			return bl_fail(why, BL_INVALID,
				       "'%s' is not as long as the first piece (get the piece "
				       "anew, or join them by hand: 'cat')",
				       container->names[i]);
	}
	return BL_OK;
}

enum bl_status container_add_pieces(const struct container_place *place,
				    struct container *container, struct bl_error *why)
{
	const struct series series = series_of(container->names[0], false);

	if (series.naming == NAMED_NOT)
		return BL_OK;
	enum bl_status status = add_series(place, &series, container, why);
	if (status != BL_OK || container->count == 1)
		return status;
	container->kind = CONTAINER_SPLIT;
	return check_lengths(container, why);
}

/* answers.h - belief in nothing a reader says: each answer checked, on a copy the child cannot change
 *
 * All functions are pure; @bytes is the parent's own copy, of any alignment.
 */
#ifndef FS_IMAGE_ANSWERS_H
#define FS_IMAGE_ANSWERS_H

#include "fs/image/image.h"
#include "fs/image/wire.h"

#define IMAGE_RUNS_LIMIT (1u << 20) /* of one file, joined: 24 MiB; more is refused */
#define IMAGE_RUN_UNIT	 512u	    /* no filesystem we read has smaller blocks */
#define IMAGE_LINK_LIMIT 4095u	    /* bytes of a target, as Linux has it */

/*
 * image_check_volumes - the table of an OPEN answer
 *
 * Bounds are clipped to the image; a readable volume with nothing inside the image, a number twice,
 * or a table of no whole number of volumes or over IMAGE_VOLUMES makes the answer false.
 * @out has room for IMAGE_VOLUMES.
 */
bool image_check_volumes(const uint8_t *bytes, size_t length, uint64_t image_bytes,
			 struct image_volume *out, size_t *out_count) BL_MUST_CHECK;

/* image_same_volumes - does a restarted reader see the very same table (notices aside)? */
bool image_same_volumes(const uint8_t *a, size_t a_length, const uint8_t *b,
			size_t b_length) BL_MUST_CHECK;

/* image_check_attr - false for sizes no file can have; odd modes become IMAGE_OTHER without rights */
bool image_check_attr(const struct wire_attr *attr, struct image_attr *out) BL_MUST_CHECK;

/*
 * image_next_entry - the entry at *@inout_at of a LIST answer, *@inout_at moved behind it
 *
 * @name points into @bytes, not NUL-terminated: it is copied to @out_name (IMAGE_NAME_LIMIT + 1).
 * False: not an entry (bad lengths, bad name). An entry with impossible attributes has none.
 */
bool image_next_entry(const uint8_t *bytes, size_t length, size_t *inout_at,
		      struct image_entry *out, char *out_name) BL_MUST_CHECK;

/* image_check_entries - a whole LIST answer at once; how many entries are in it */
bool image_check_entries(const uint8_t *bytes, size_t length, size_t *out_count) BL_MUST_CHECK;

/*
 * image_append_runs - check one page of a MAP answer and put it behind the runs already there
 *
 * Sorted, no overlap, no overflow, inside @volume; clipped to @size_bytes; neighbours joined.
 * @runs      room for *@inout_count plus all of this page
 * @inout_end file offset that the last run checked so far ends at, before clipping; 0 at first
 */
bool image_append_runs(const uint8_t *bytes, size_t length, const struct image_volume *volume,
		       uint64_t size_bytes, struct wire_run *runs, size_t *inout_count,
		       uint64_t *inout_end) BL_MUST_CHECK;

/*
 * image_append_places - check one page of a PLACES or USED answer and put it behind the ranges already there
 *
 * Ascending, no overlap, no overflow, inside @volume, file_offset 0; neighbours joined.
 * @out       room for *@inout_count plus all of this page
 * @inout_end where the last range ends; 0 at first
 */
bool image_append_places(const uint8_t *bytes, size_t length, const struct image_volume *volume,
			 struct image_range *out, size_t *inout_count,
			 uint64_t *inout_end) BL_MUST_CHECK;

/* image_check_link - 1..IMAGE_LINK_LIMIT bytes without NUL */
bool image_check_link(const uint8_t *bytes, size_t length) BL_MUST_CHECK;

/*
 * image_check_xattrs - a whole XATTRS answer: names of 1..255 bytes without NUL, values of at most IMAGE_XATTR_LIMIT
 *
 * image_next_xattr - the one at *@inout_at of an answer so checked; its bytes are the answer's own
 */
bool image_check_xattrs(const uint8_t *bytes, size_t length) BL_MUST_CHECK;
struct image_xattr image_next_xattr(const uint8_t *bytes, size_t *inout_at);

/* image_escape - printable ASCII stays, other bytes become \xNN; @out is NUL-terminated, cut to fit */
void image_escape(const char *bytes, size_t length, char *out, size_t size);

#endif

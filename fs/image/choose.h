/* choose.h - which bytes of an image belong to which files: what intake leaves out, what a part's shred destroys
 *
 * Path patterns are those of the policy (policy/rules/glob.h): components with `*` `?` `[..]` `{a,b}` and `**`, folded, from the
 * root of a volume; a first component that names a volume ("p1-ntfs") restricts it to that volume, as views show it. A pattern
 * that matches a directory means all below it.
 */
#ifndef FS_IMAGE_CHOOSE_H
#define FS_IMAGE_CHOOSE_H

#include "fs/image/image.h"

#define IMAGE_PATTERNS	   32	    /* of each kind */
#define IMAGE_RANGES_LIMIT 4000000u /* ranges of one choice, before they are joined */

struct image_choice {
	const char *const *without; /* these files are left out */
	size_t without_count;
	const char *const *only; /* all other files are left out, and so is free space */
	size_t only_count;
	bool no_free_space; /* what no file and no table uses is left out, in and between the volumes */
};

/* Sorted by offset, joined, without overlap. */
struct image_ranges {
	struct image_range *items;
	size_t count, room;
};
void image_ranges_done(struct image_ranges *ranges);
/* image_ranges_add - any order; image_ranges_join sorts and joins. BL_OK, BL_TOO_LARGE, BL_NO_MEMORY */
enum bl_status image_ranges_add(struct image_ranges *ranges, uint64_t offset,
				uint64_t length) BL_MUST_CHECK;
void image_ranges_join(struct image_ranges *ranges);
uint64_t image_ranges_bytes(const struct image_ranges *ranges);
/* image_ranges_find - the first item that ends after @offset; count when there is none */
size_t image_ranges_find(const struct image_ranges *ranges, uint64_t offset);
/* image_ranges_subtract - @from without @what; both joined */
enum bl_status image_ranges_subtract(struct image_ranges *from,
				     const struct image_ranges *what) BL_MUST_CHECK;

struct image_choice_report {
	uint64_t files;		 /* seen, all volumes */
	uint64_t files_left_out; /* matched */
	uint64_t bytes_left_out; /* of the image */
	uint64_t free_bytes;	 /* of these: free space */
	unsigned
		volumes_left_out; /* cannot be read, so nobody can say that nothing of it matches: left out whole */
	unsigned volumes_kept_whole; /* its free space is not known: kept (no_free_space alone) */
};

/* image_choice_check - are all of them patterns? Before there is an image. BL_INVALID (as image_choose), BL_NO_MEMORY */
enum bl_status image_choice_check(const struct image_choice *choice,
				  struct bl_error *why) BL_MUST_CHECK;

/* Told now and then; false: stop (BL_STALE). May be NULL. */
typedef bool image_choose_progress_fn(void *context, uint64_t files);

/*
 * image_choose - what is left out of @image at intake
 *
 * @image_bytes  its whole length
 * Never left out: partition tables (the first and last MiB of the image, everything in front of the first volume up to 1 MiB),
 * a filesystem's own tables, directories and names; bytes that also belong to a file that is kept (shared extents) are kept
 * when only `without` says so, and the report does not count them.
 * With `without` or `only`, a volume that cannot be read, and a file whose places cannot be told, is left out whole, resp.
 * refused (BL_UNSUPPORTED, a count and the way out, no name).
 *
 * BL_OK, BL_INVALID (a pattern), BL_UNSUPPORTED, BL_STALE (stopped), BL_IO, BL_TIMED_OUT, BL_TOO_LARGE, BL_NO_MEMORY.
 */
enum bl_status image_choose(struct image *image, uint64_t image_bytes,
			    const struct image_choice *choice, image_choose_progress_fn *progress,
			    void *context, struct image_ranges *out_left_out,
			    struct image_choice_report *out_report,
			    struct bl_error *why) BL_MUST_CHECK;

/*
 * image_find - where the files lie that match any of @patterns, for destroying them
 *
 * @out_files  how many matched
 * A volume that cannot be read, is of no more than 1 GiB, and holds nothing but zeros (Windows' reserved partition) has no files.
 * BL_NOT_FOUND: no file matches. BL_UNSUPPORTED: one of them lies where it cannot be told, or shares bytes with a file that does
 * not match, or may lie in a volume that cannot be read and is not blank. Else as image_choose.
 */
enum bl_status image_find(struct image *image, const char *const *patterns, size_t count,
			  struct image_ranges *out_places, uint64_t *out_files,
			  struct bl_error *why) BL_MUST_CHECK;

#endif

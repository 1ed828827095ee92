/* private.h - what the files of fs/inspect's engine share: a medium that is read whole, block by block */
#ifndef FS_INSPECT_PRIVATE_H
#define FS_INSPECT_PRIVATE_H

#include <sys/types.h>

#include "fs/inspect/inspect.h"

#define INSPECT_BLOCK	((size_t)1 << 20) /* what one thread takes at once; the grid of everything */
#define INSPECT_PIECE	((size_t)4096)	  /* what is tried alone when a block cannot be read */
#define INSPECT_GAP	4096u		  /* fill that parts two regions */
#define INSPECT_CONTEXT ((size_t)20 << 10) /* read around a block with contents: over DETECT_LEAD */
#define INSPECT_THREADS 16
#define INSPECT_RUN	8 /* characters of text that are looked into */

_Static_assert(INSPECT_CONTEXT >= DETECT_LEAD && INSPECT_CONTEXT >= DETECT_TAIL,
	       "context is short");

/* ---- source.c: the bytes ------------------------------------------------------------------------------ */

/* Any number of threads read one. @read: as pread(2), replaced by tests. */
struct inspect_source {
	ssize_t (*read)(const struct inspect_source *source, uint8_t *out, size_t length,
			uint64_t offset);
	void *context;
	int fd;		/* of our own, without O_DIRECT; -1: none */
	int direct_fd;	/* the same with O_DIRECT; -1: not here */
	bool has_holes; /* what is not there reads as zeros, and can be asked for */
	uint64_t size_bytes;
};

/* inspect_source_open - BL_OK, BL_INVALID, BL_IO. inspect_source_close is right after both */
enum bl_status inspect_source_open(struct inspect_source *source, int fd,
				   struct bl_error *why) BL_MUST_CHECK;
void inspect_source_close(struct inspect_source *source);

struct inspect_read {
	uint64_t unreadable_bytes;
	uint64_t short_bytes; /* that the medium has no longer */
};
/*
 * inspect_source_read - all @length bytes at @offset, what cannot be read as @fill
 *
 * @out and @offset are multiples of INSPECT_PIECE, @out has room for @length rounded up to it. @stop ends a long row of bad pieces.
 */
void inspect_source_read(const struct inspect_source *source, uint8_t *out, size_t length,
			 uint64_t offset, uint8_t fill, const atomic_bool *stop,
			 struct inspect_read *out_read);
/* inspect_source_data - where the next bytes are that are no hole, at @offset or behind; the size when none are */
uint64_t inspect_source_data(const struct inspect_source *source, uint64_t offset);
/* inspect_source_changed - is its size another one now? */
bool inspect_source_changed(const struct inspect_source *source);

/* ---- zero.c: fill, and regions that are not ------------------------------------------------------------- */

bool inspect_is_fill(const uint8_t *bytes, size_t length, uint8_t fill);

/* At most so many in one block: each takes a byte and a gap. */
#define INSPECT_BLOCK_REGIONS (INSPECT_BLOCK / (INSPECT_GAP + 1) + 1)
/* inspect_block_regions - the regions of @length <= INSPECT_BLOCK bytes, by offset from @offset on; how many */
size_t inspect_block_regions(const uint8_t *bytes, size_t length, uint64_t offset, uint8_t fill,
			     struct inspect_region out[INSPECT_BLOCK_REGIONS]);

/* Regions of one block after the other; those that a gap of less than INSPECT_GAP parts are one. */
struct inspect_joiner {
	struct inspect_region open; /* length 0: none */
};
void inspect_join(struct inspect_joiner *joiner, const struct inspect_region *region,
		  struct inspect_result *result);
void inspect_join_end(struct inspect_joiner *joiner, struct inspect_result *result);

/* ---- runs.c: text among bytes --------------------------------------------------------------------------- */

enum inspect_order { ORDER_UTF8, ORDER_LITTLE, ORDER_BIG };

/*
 * The ways to read bytes as text. UTF-16 has one for each group of scripts: of 16 random bits nearly all are a character of
 * some script, so only what stays within one group for eight characters is text.
 */
enum inspect_reading {
	READING_UTF8,
	READING_LITTLE, /* alphabets: U+0000 to U+17FF and the punctuation that goes with them */
	READING_BIG,
	READING_LITTLE_HAN, /* Chinese and Japanese */
	READING_BIG_HAN,
	READING_LITTLE_HANGUL,
	READING_BIG_HANGUL,
	READING_COUNT
};
enum inspect_order inspect_reading_order(enum inspect_reading reading);

struct inspect_run_of_text {
	size_t from, to; /* bytes; of UTF-16 a multiple of 2 between */
};

/* What a byte may be, and the same for 64 of them at once from either twin. */
enum inspect_kind {
	KIND_TEXT,   /* ASCII that prints, and tab to carriage return */
	KIND_BEHIND, /* 80 to bf */
	KIND_TWO,    /* the first byte of a character of so many */
	KIND_THREE,
	KIND_FOUR,
	KIND_LATIN, /* the low byte of a unit whose high byte is 0: text, or a0 to ff */
	KIND_ZERO,
	KIND_ALPHABET, /* the high byte of a unit in such a group */
	KIND_HAN,
	KIND_HANGUL,
	KIND_COUNT
};
struct inspect_kinds {
	uint64_t bits[KIND_COUNT]; /* a bit per byte, the first the lowest */
};
/* By the halves of a byte: it is of a kind when both have a bit in common. */
struct inspect_kind_tables {
	uint8_t low[KIND_COUNT][16], high[KIND_COUNT][16];
};
void inspect_kind_tables_init(struct inspect_kind_tables *tables);
typedef void inspect_kinds_fn(const struct inspect_kind_tables *tables, const uint8_t bytes[64],
			      struct inspect_kinds *out);
inspect_kinds_fn inspect_kinds_plain, inspect_kinds_avx2;
bool inspect_kinds_has_avx2(void); /* may inspect_kinds_avx2 be called here? */

/* Where text may be: of UTF-8 a bit per byte of a whole character that prints, of UTF-16 one where a unit begins that does. */
struct inspect_runs {
	struct inspect_kind_tables tables;
	size_t length;
	uint64_t *bits[READING_COUNT];
	uint64_t *starts[READING_COUNT]; /* a bit per word of these: a run may begin in it */
	uint64_t *mixed;		 /* a bit per word: units of UTF-16 may begin in it */
	uint64_t *memory;
	size_t memory_words;
};
/* inspect_runs_init - for up to @most bytes at once. BL_OK, BL_NO_MEMORY. inspect_runs_done wipes */
enum bl_status inspect_runs_init(struct inspect_runs *runs, size_t most) BL_MUST_CHECK;
void inspect_runs_done(struct inspect_runs *runs);
/* inspect_runs_look - @length <= most bytes; @kinds: one of the twins */
void inspect_runs_look(struct inspect_runs *runs, const uint8_t *bytes, size_t length,
		       inspect_kinds_fn *kinds);
/*
 * inspect_runs_next - the next run of at least INSPECT_RUN characters at @inout_at or behind; false: none
 *
 * @parity  of UTF-16: those that begin at even (0) or odd (1) bytes. Of UTF-8: 0
 * @bytes   as looked at. What seems to be UTF-8 may have forms in it that are too long, or halves of pairs
 */
bool inspect_runs_next(const struct inspect_runs *runs, const uint8_t *bytes,
		       enum inspect_reading reading, unsigned parity, size_t *inout_at,
		       struct inspect_run_of_text *out_run);

/* ---- text.c: personal data in one block ------------------------------------------------------------------ */

struct inspect_finding {
	uint64_t offset;
	uint32_t length;
	uint32_t run; /* bytes of the run it is in */
	uint8_t class, reading;
	bool is_identity, is_dropped;
};
struct inspect_text; /* one thread's; wiped when freed */
enum bl_status inspect_text_new(const struct detect_scanner *scanner,
				struct inspect_text **out_text) BL_MUST_CHECK;
void inspect_text_free(struct inspect_text *text);
BL_DEFINE_CLEANUP(struct inspect_text, inspect_text_free)
/*
 * inspect_text_look - what begins in [@from, @to) of @bytes, the first of which is at @offset of the medium
 *
 * @out_items  the text's own, till the next call; sorted by offset. BL_OK, BL_NO_MEMORY, BL_FAILED (the scanner would not look)
 */
enum bl_status inspect_text_look(struct inspect_text *text, const uint8_t *bytes, size_t length,
				 size_t from, size_t to, uint64_t offset,
				 const struct inspect_finding **out_items, size_t *out_count,
				 struct bl_error *why) BL_MUST_CHECK;

/* ---- signs.c: signatures --------------------------------------------------------------------------------- */

enum inspect_sign_kind { SIGN_TABLE, SIGN_FILESYSTEM };
struct inspect_found_sign {
	enum inspect_sign_kind kind;
	struct inspect_sign sign;
};
#define INSPECT_SIGNS_AT 24 /* at one place, at most */
#define INSPECT_SIGN_AREA                                                                          \
	((size_t)512 << 10) /* bytes that signatures need behind the begin of a volume */
#define INSPECT_STARTS 512

/* inspect_signs_at - of a volume (or medium) that begins with these bytes at @offset; how many were put into @out */
size_t inspect_signs_at(const uint8_t *bytes, size_t length, uint64_t offset, bool is_medium,
			struct inspect_found_sign out[INSPECT_SIGNS_AT]);
/* inspect_signs_end - of a medium (or volume) of @size_bytes that ends with these bytes */
size_t inspect_signs_end(const uint8_t *bytes, size_t length, uint64_t size_bytes,
			 struct inspect_found_sign out[INSPECT_SIGNS_AT]);
/* inspect_sign_add - into the result, which stays sorted */
void inspect_sign_add(struct inspect_result *result, const struct inspect_found_sign *found);
/*
 * inspect_starts - where partitions begin that a table names, but for those at multiples of INSPECT_BLOCK; sorted, each once
 *
 * @buffer  INSPECT_SIGN_AREA bytes, aligned for inspect_source_read
 */
size_t inspect_starts(const struct inspect_source *source, uint8_t *buffer, const atomic_bool *stop,
		      uint64_t out[INSPECT_STARTS]);

/* ---- places.c: what a filesystem says of a place ------------------------------------------------------------ */

#define INSPECT_RANGES ((size_t)4 << 20) /* of used bytes, of all volumes together */

struct inspect_range {
	uint64_t from, to;
};
struct inspect_ranges {
	struct inspect_range *items; /* sorted and apart, once inspect_ranges_sort was called */
	size_t count, room;
};
struct inspect_map {
	struct inspect_ranges volumes; /* whose filesystem told what it uses */
	struct inspect_ranges used;
};
/* inspect_ranges_add - BL_OK, BL_NO_MEMORY, BL_TOO_LARGE (over @most) */
enum bl_status inspect_ranges_add(struct inspect_ranges *ranges, uint64_t from, uint64_t to,
				  size_t most) BL_MUST_CHECK;
void inspect_ranges_sort(struct inspect_ranges *ranges);
/* inspect_map_read - never fails: what cannot be told is nobody's. BL_OK, BL_NO_MEMORY */
enum bl_status inspect_map_read(struct inspect_map *map, int fd, const char *reader_path,
				struct bl_error *why) BL_MUST_CHECK;
void inspect_map_done(struct inspect_map *map);
enum inspect_where inspect_map_where(const struct inspect_map *map, uint64_t offset);

/* ---- run.c --------------------------------------------------------------------------------------------------- */

/* inspect_run_source - inspect_run, of what @source reads; job->fd is for the filesystems' map only (-1: none) */
enum bl_status inspect_run_source(const struct inspect_job *job,
				  const struct inspect_source *source,
				  struct inspect_result **out_result,
				  struct bl_error *why) BL_MUST_CHECK;

#endif

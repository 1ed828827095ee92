/* reader.h - the sealed child's own pieces: blocks, names, runs, volumes and trees (docs/reader.md)
 *
 * Private to fs/image/reader and its tests. Functions that can fail return 0 or a positive errno, because that
 * is what the wire carries. Nothing here is shared between lanes, so nothing here locks.
 */
#ifndef FS_IMAGE_READER_READER_H
#define FS_IMAGE_READER_READER_H

#include "fs/image/wire.h"
#include "policy/base.h"

#define READER_VOLUMES	    128		/* as IMAGE_VOLUMES of image.h */
#define READER_NAME_LIMIT   255		/* bytes of a shown name, as IMAGE_NAME_LIMIT of image.h */
#define READER_ENTRIES	    1000000	/* entries of one directory */
#define READER_NAME_BYTES   (64u << 20) /* names of one directory, all together */
#define READER_RUNS	    (1u << 21)	/* runs of one file: 48 MiB of map */
#define READER_FILE_LIMIT   (UINT64_C(1) << 46) /* a file said to be over 64 TiB is refused */
#define READER_USED_RUNS    (WIRE_WINDOW / sizeof(struct wire_run)) /* of one page */
#define READER_BLOCK_BUDGET 16384 /* blocks asked for in one call: 1 GiB */
#define READER_KEY	    16	  /* crypto_shorthash_KEYBYTES */

/* ---- blocks: the image, through a cache ------------------------------------------------------- */

#define BLOCKS_PAGE  65536u /* what is asked at once; also the read-ahead */
#define BLOCKS_PAGES 64	    /* 4 MiB a lane */
#define BLOCKS_BAD   64	    /* pages known to be unreadable as a whole */
#define BLOCKS_PIECE                                                                               \
	128u /* of such a page only these are asked for: the size of the smallest inode */

/*
 * block_fetch_fn - bring exactly @length bytes (at most BLOCKS_PAGE) of the image
 *
 * @out_bytes  borrowed until the next fetch
 */
typedef int block_fetch_fn(void *context, uint64_t offset, size_t length,
			   const uint8_t **out_bytes);

struct block_page {
	uint64_t index, used; /* page number in the image; when it was last of use, 0: empty */
	uint8_t *bytes;
};

struct blocks {
	uint64_t image_bytes;
	block_fetch_fn *fetch;
	void *context;
	unsigned budget; /* fetches left in this call */
	uint64_t clock;
	size_t last; /* the page of the last hit: most reads follow one another */
	struct block_page pages[BLOCKS_PAGES];
	uint64_t bad[BLOCKS_BAD]; /* page number + 1; a ring */
	size_t bad_count;
	uint64_t failures; /* reads that failed so far: parsers forget some of them, we do not */
};

void blocks_init(struct blocks *blocks, uint64_t image_bytes, block_fetch_fn *fetch, void *context);
void blocks_done(struct blocks *blocks);

/*
 * blocks_read - all of @length bytes at @offset, or EIO (past the end, over the budget, not readable), ENOMEM
 *
 * On failure @out is as it was, and blocks->failures is one more; whoever goes another way then puts that back.
 * Not readable: a byte of them, or one beside them in the same BLOCKS_PIECE. The rest of a page with such a byte is read.
 */
int blocks_read(struct blocks *blocks, uint64_t offset, void *out, size_t length) BL_MUST_CHECK;

/* blocks_read_bare - the same of bytes in one page: of one that cannot be had no byte more than these is asked for. EIO. */
int blocks_read_bare(struct blocks *blocks, uint64_t offset, void *out,
		     size_t length) BL_MUST_CHECK;

/* ---- a directory's entries -------------------------------------------------------------------- */

/* Which bytes of a name are escaped: of NTFS also what its streams and its UTF-16 need (docs/reader.md, "Names") */
enum name_style { NAMES_BYTES, NAMES_UTF16 };

struct listed {
	uint64_t inode;
	size_t name; /* where in listing->names */
	uint16_t name_length;
	uint16_t sequence;    /* of the inode that is meant, tree_ops.check looks at it; 0: any */
	bool is_only_streams; /* no entry itself: its streams are */
};

struct listing {
	struct listed *items;
	size_t count, room;
	char *names;
	size_t names_used, names_room;
	enum name_style style;
	uint32_t *slots;	 /* set of names: index + 1 into items, 0: empty */
	size_t slot_count;	 /* a power of two */
	uint8_t key[READER_KEY]; /* so that a hostile directory cannot choose collisions */
};

void listing_init(struct listing *listing, const uint8_t key[READER_KEY]);
void listing_done(struct listing *listing); /* empty again, key kept */

/*
 * listing_add - one entry, under the name it is shown by
 *
 * @name  bytes as in the filesystem; any bytes, any length
 *
 * 0, EFBIG (READER_ENTRIES, READER_NAME_BYTES), ENOMEM.
 */
int listing_add(struct listing *listing, uint64_t inode, const char *name,
		size_t length) BL_MUST_CHECK;
/* listing_add_sequenced - the same of a file that is known by a sequence number too; the very same one again is left out */
int listing_add_sequenced(struct listing *listing, uint64_t inode, uint16_t sequence,
			  const char *name, size_t length) BL_MUST_CHECK;
/* listing_add_streams - of a folder that is no entry of its own, the root: its streams alone, below @name as it is */
int listing_add_streams(struct listing *listing, uint64_t inode, const char *name) BL_MUST_CHECK;

/*
 * name_show - how a name is shown, before duplicates are told apart (docs/reader.md, "Names")
 *
 * @out  READER_NAME_LIMIT + 1 bytes, NUL-terminated
 *
 * Returns the length, 1..READER_NAME_LIMIT.
 */
size_t name_show(enum name_style style, const char *name, size_t length,
		 char out[READER_NAME_LIMIT + 1]);

/*
 * name_of_utf16 - UTF-16LE as UTF-8; half a surrogate pair as the three bytes that UTF-8 would have for it, which no text has
 *
 * @out  3 * @count bytes. Returns the length.
 */
size_t name_of_utf16(const uint8_t *units, size_t count, char *out);

/*
 * name_stream - how a stream of a file is shown: FILE:STREAM
 *
 * @file   as it is shown already
 * @name   of the stream, as name_of_utf16 gives it
 * @twins  streams of the file before this one that have the same name
 *
 * Returns the length, 1..READER_NAME_LIMIT. No two are the same.
 */
size_t name_stream(const char *file, size_t file_length, const char *name, size_t length,
		   unsigned twins, char out[READER_NAME_LIMIT + 1]);

/* name_number - "a.txt" and 2 give "a%~2.txt"; returns the length */
size_t name_number(const char *shown, size_t length, unsigned number,
		   char out[READER_NAME_LIMIT + 1]);

/* ---- a file's map ----------------------------------------------------------------------------- */

struct runs {
	struct wire_run *items;
	size_t count, room;
};

void runs_done(struct runs *runs);

/*
 * runs_add - file bytes [file_offset, + length) lie at image_offset; joins what touches
 *
 * @limit  bytes of the file that are data: the run is cut there
 *
 * 0, EIO (not behind the last run, or past the largest file), EFBIG (READER_RUNS), ENOMEM.
 */
int runs_add(struct runs *runs, uint64_t limit, uint64_t file_offset, uint64_t image_offset,
	     uint64_t length) BL_MUST_CHECK;

/* runs_place - [image_offset, + length) with file_offset 0; joins what touches the last. 0, EIO (overflow), EFBIG, ENOMEM */
int runs_place(struct runs *runs, uint64_t image_offset, uint64_t length) BL_MUST_CHECK;
/* runs_sort - by image_offset; what overlaps or touches becomes one */
void runs_sort(struct runs *runs);

/* ---- extended attributes ---------------------------------------------------------------------- */

/* An answer being written: struct wire_xattr one behind the other. */
struct xattr_pack {
	uint8_t *bytes;
	size_t used, room;
};

/* xattr_pack - one more; 0 or EFBIG */
int xattr_pack(struct xattr_pack *pack, const char *name, size_t name_length, const void *value,
	       size_t length) BL_MUST_CHECK;

/* ---- a filesystem ----------------------------------------------------------------------------- */

struct tree;

/* A stream of a file, beside its contents. */
struct stream_told {
	uint64_t inode; /* its own */
	uint32_t number;
	unsigned twins; /* streams of the file before this one that have the same name */
	size_t length;
	char name[3 * 255];
};

/* All return 0 or an errno; ENOENT: no such inode. */
struct tree_ops {
	int (*list)(struct tree *tree, uint64_t inode, struct listing *listing);
	int (*stat)(struct tree *tree, uint64_t inode, struct wire_attr *out_attr);
	int (*map)(struct tree *tree, uint64_t inode, struct runs *runs); /* ENODATA: read it */
	int (*read)(struct tree *tree, uint64_t inode, uint64_t offset, uint8_t *out, size_t length,
		    size_t *out_length);
	int (*link)(struct tree *tree, uint64_t inode, char *out, size_t size, size_t *out_length);
	/* Of any node, by xattr_pack; NULL: this kind has none that are shown */
	int (*xattrs)(struct tree *tree, uint64_t inode, struct xattr_pack *pack);
	/* Where a file's contents lie (image.h, image_places), by runs_place, in any order; EOPNOTSUPP: cannot be told. */
	int (*places)(struct tree *tree, uint64_t inode, struct runs *runs);
	/* What is used from the block @cursor on (0: start), at most READER_USED_RUNS; *out_next: go on there, 0: that was all */
	int (*used)(struct tree *tree, uint64_t cursor, struct runs *runs, uint64_t *out_next);
	void (*close)(struct tree *tree);
	/* Is this entry of a listing still what it names? ENOENT: no. NULL: all are. */
	int (*check)(struct tree *tree, const struct listed *item);
	/* The first stream of a file or folder whose number is @number, from 1 on, or above. ENOENT: none. NULL: there are none. */
	int (*stream)(struct tree *tree, uint64_t inode, uint32_t number, struct stream_told *out);
};

struct tree {
	const struct tree_ops *ops;
	struct blocks *blocks;
	uint64_t offset, length,
		root; /* of the volume in the image, bytes; inode of the root directory */
	char type[16];
	bool is_keeping; /* its parser keeps what it made of reads that failed */
	enum name_style names;
};

/*
 * ext_open, ntfs_open, sleuth_open - a filesystem by libext2fs, by ourselves, by libtsk
 *
 * @out_notice  when it fails: what it is and why, static; untouched otherwise
 *
 * 0 or EIO. *out_tree is closed by tree->ops->close.
 */
int ext_open(struct blocks *blocks, uint64_t offset, uint64_t length, struct tree **out_tree,
	     const char **out_notice) BL_MUST_CHECK;

int ntfs_open(struct blocks *blocks, uint64_t offset, uint64_t length, struct tree **out_tree,
	      const char **out_notice) BL_MUST_CHECK;
/* iso_open - ISO 9660 with the names of Rock Ridge, else Joliet's, else its own; as ext_open */
int iso_open(struct blocks *blocks, uint64_t offset, uint64_t length, struct tree **out_tree,
	     const char **out_notice) BL_MUST_CHECK;

/* hfs_journal - why the HFS+ at @offset must not be shown, static; NULL: nothing is in its journal only, or it has none */
const char *hfs_journal(struct blocks *blocks, uint64_t offset, uint64_t length);

#define APFS_VOLUMES 100 /* of one container: NX_MAX_FILE_SYSTEMS */

/* apfs_open - volume @index, from 0, of the container at @offset; as ext_open */
int apfs_open(struct blocks *blocks, uint64_t offset, uint64_t length, size_t index,
	      struct tree **out_tree, const char **out_notice) BL_MUST_CHECK;
/* apfs_volumes - how many it has; 0 also when that cannot be told */
size_t apfs_volumes(struct blocks *blocks, uint64_t offset, uint64_t length);

struct sleuth_image; /* libtsk's view of the image: one a lane */
struct sleuth_image *sleuth_image_new(struct blocks *blocks); /* NULL: no memory */
void sleuth_image_free(struct sleuth_image *image);

/* @type  "fat12", "fat16", "fat32", "exfat", "hfsplus" */
int sleuth_open(struct sleuth_image *image, const char *type, uint64_t offset, uint64_t length,
		struct tree **out_tree, const char **out_notice) BL_MUST_CHECK;

/* A part of a table in the table's own units, and what it is in the image in bytes. */
struct table_part {
	uint64_t start, sectors;
};
struct partition {
	uint64_t offset, length;
	uint32_t number;
};

enum table_kind { TABLE_DOS, TABLE_GPT, TABLE_MAP, TABLE_LABEL };

/*
 * sleuth_parts - what libtsk lists as allocated in the table at @offset: the second opinion
 *
 * @sector  bytes of the table's units
 *
 * 0; ENOENT: libtsk sees no such table, EFBIG: more than @room.
 */
int sleuth_parts(struct sleuth_image *image, enum table_kind kind, uint64_t offset, unsigned sector,
		 struct table_part *out, size_t room, size_t *out_count) BL_MUST_CHECK;

/* ---- what lies where -------------------------------------------------------------------------- */

enum probe_parser { PROBE_NONE, PROBE_EXT, PROBE_NTFS, PROBE_SLEUTH, PROBE_APFS, PROBE_ISO };

struct probe_kind {
	const char *type;   /* "ntfs" */
	const char *notice; /* PROBE_NONE: why it is not read */
	enum probe_parser parser;
	uint32_t super_offset; /* of the 4 KiB that are digested */
};

#define PROBE_ROOM 4

/*
 * probe - what the bytes at @offset could be, likeliest first; 0 kinds: nothing known
 *
 * More than one is normal: a stale superblock of another filesystem may have been left behind.
 */
size_t probe(struct blocks *blocks, uint64_t offset, uint64_t length,
	     const struct probe_kind *out_kinds[PROBE_ROOM]);

struct volume {
	struct partition at;
	const char *trouble; /* of the partition table; NULL: none */
	const char
		*hint; /* what the table calls it, for when nothing is known there; NULL: nothing */
	const struct probe_kind *kinds[PROBE_ROOM];
	size_t kind_count;
	size_t inside; /* which of the volumes of a container of APFS, from 0 */
	bool is_tried;
	struct tree *tree; /* NULL: not readable, or not tried */
	const char *notice;
};

/*
 * tables_scan - the partitions of the image, without kinds
 *
 * @sector  the first 512 bytes of the image
 *
 * Returns how many; 0: there is no table. A table that is damaged, or that libtsk reads otherwise, is one volume, all of the
 * image, with trouble.
 */
size_t tables_scan(struct blocks *blocks, struct sleuth_image *image, const uint8_t *sector,
		   struct volume out[READER_VOLUMES]);

/* volumes_scan - partitions and what they could hold; nothing is opened yet. At least one, number 0 is the image. */
int volumes_scan(struct blocks *blocks, struct sleuth_image *image,
		 struct volume out[READER_VOLUMES], size_t *out_count) BL_MUST_CHECK;
/* volume_open - the volume's tree, NULL when it cannot be read; the answer is kept */
struct tree *volume_open(struct volume *volume, struct blocks *blocks, struct sleuth_image *image);
void volume_describe(const struct volume *volume, struct blocks *blocks, struct wire_volume *out);
/* volume_forget - a read failed: a tree that may have kept something wrong is closed, and opened again by volume_open */
void volume_forget(struct volume *volume);
void volume_close(struct volume *volume);

/* ---- the process ------------------------------------------------------------------------------ */

/* confine_early - with one thread still: what later calls would need the kernel for, and all that threads inherit */
int confine_early(unsigned lanes) BL_MUST_CHECK;
/* confine_late - with all threads started and before the first byte of the image: limits and the system call list */
int confine_late(void) BL_MUST_CHECK;

struct lane; /* one lane: socket, windows, and everything the parsers keep for it */
struct lane *lane_new(int socket, uint8_t *data, const uint8_t *window, uint64_t image_bytes,
		      const uint8_t key[READER_KEY]);
/* lane_serve - answer until the parent hangs up (0) or talks nonsense (EPROTO) */
int lane_serve(struct lane *lane);
void lane_free(struct lane *lane);
BL_DEFINE_CLEANUP(struct lane, lane_free)

#endif

/* apfs.h - objects and B-trees of an APFS container; private to apfs*.c
 *
 * Everything here is as in Apple's "Apple File System Reference" (2020-06-22); names of fields are Apple's. An object whose checksum,
 * number, transaction or type is not what it must be is none: EIO.
 */
#ifndef FS_IMAGE_READER_APFS_H
#define FS_IMAGE_READER_APFS_H

#include "fs/image/reader/reader.h"

#define APFS_LEAST  4096       /* bytes of a block */
#define APFS_MOST   65536      /* and at most */
#define APFS_LEVELS 12	       /* of a B-tree: more than 2^60 records need */
#define APFS_NODES  (1u << 18) /* looked at in one walk: a million entries need some 20,000 */

/* obj_phys_t.o_type, low half */
enum apfs_type {
	APFS_SUPER = 1,
	APFS_ROOT = 2,
	APFS_NODE = 3,
	APFS_OMAP = 11,
	APFS_CHECKPOINT = 12,
	APFS_VOLUME = 13,
	APFS_FILES = 14, /* subtype of the tree of files */
};

/* A container, or the volume in it: where its blocks are, and the state that is looked at. */
struct apfs_place {
	struct blocks *blocks;
	uint64_t offset, length; /* of the container in the image, bytes */
	uint32_t block_bytes;
	uint64_t xid; /* no object is of a later transaction */
};

/* apfs_sum_holds - Fletcher-64 of an object */
bool apfs_sum_holds(const uint8_t *object, size_t length);

/*
 * apfs_object - block @at, a whole object that verifies
 *
 * @oid  its number must be this
 * @out  place->block_bytes bytes
 */
int apfs_object(const struct apfs_place *place, uint64_t at, uint64_t oid, enum apfs_type type,
		uint8_t *out) BL_MUST_CHECK;

/* A tree: of an object map (physical, its nodes found by block), or of files (virtual, found through such a map). */
struct apfs_tree {
	const struct apfs_place *place;
	const struct apfs_tree *map; /* NULL: physical */
	uint64_t root;		     /* object number */
	enum apfs_type kind;	     /* APFS_OMAP or APFS_FILES */
};

struct apfs_record {
	const uint8_t *key, *value;
	uint16_t key_bytes, value_bytes;
};

/* What a walk makes of a key: before what is wanted (-1), wanted (0), behind it (1). */
typedef int apfs_compare_fn(void *context, const uint8_t *key, size_t length);
/* One wanted record; anything but 0 ends the walk and is its result. */
typedef int apfs_record_fn(void *context, const struct apfs_record *record);

/*
 * apfs_walk - all wanted records, in their order
 *
 * 0, what @tell returned, EIO (damaged), EFBIG (APFS_NODES), ENOMEM.
 */
int apfs_walk(const struct apfs_tree *tree, apfs_compare_fn *compare, apfs_record_fn *tell,
	      void *context) BL_MUST_CHECK;

/* apfs_find - the block of virtual object @oid by @map, as of place->xid; ENOENT: none, EOPNOTSUPP: encrypted or without header */
int apfs_find(const struct apfs_tree *map, uint64_t oid, uint64_t *out_at) BL_MUST_CHECK;

/* apfs_map_open - the tree of the object map that is object @oid, physical */
int apfs_map_open(const struct apfs_place *place, uint64_t oid,
		  struct apfs_tree *out) BL_MUST_CHECK;

#endif

/* journal.h - an unclean ext journal, replayed into a map of newer blocks; nothing is ever written
 *
 * Private to fs/image/reader.
 */
#ifndef FS_IMAGE_READER_JOURNAL_H
#define FS_IMAGE_READER_JOURNAL_H

#include "fs/image/reader/reader.h"

struct overlay_block {
	uint64_t block;	 /* of the volume */
	uint64_t place;	 /* byte in the image where its newer copy lies: in the journal */
	bool is_escaped; /* the copy's first four bytes stand for the journal's magic */
};

struct overlay {
	struct overlay_block *items; /* ascending, each block once */
	size_t count;
	uint32_t unit; /* bytes of a block */
};

/*
 * journal_replay - what every complete transaction of the journal wrote
 *
 * @journal  runs of the journal's file
 * @unit     bytes of a block of the filesystem
 *
 * 0; EOPNOTSUPP (fast commits, or commits that need checksums and have none); EIO (damaged: a checksum of a
 * complete transaction does not verify, a block outside the journal); EFBIG, ENOMEM.
 */
int journal_replay(struct blocks *blocks, const struct runs *journal, uint32_t unit,
		   struct overlay *out) BL_MUST_CHECK;
void overlay_done(struct overlay *overlay);

/* overlay_touches - is any of @count blocks from @block newer in the journal? */
bool overlay_touches(const struct overlay *overlay, uint64_t block, uint64_t count);

/* overlay_read - put what is newer over @out, which holds the volume's bytes [offset, + length) */
int overlay_read(const struct overlay *overlay, struct blocks *blocks, uint64_t offset,
		 uint8_t *out, size_t length) BL_MUST_CHECK;

#endif

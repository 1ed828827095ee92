/* iso.h - records of an ISO 9660 volume and what Rock Ridge says in them; private to iso*.c */
#ifndef FS_IMAGE_READER_ISO_H
#define FS_IMAGE_READER_ISO_H

#include "fs/image/reader/reader.h"

#define ISO_SECTOR 2048
#define ISO_RECORD 34	/* bytes of the shortest record (ECMA-119, 9.1) */
#define ISO_NAME   1024 /* bytes of a name in several pieces, and of a link's target */
#define ISO_LINK   4096

struct iso_record {
	uint8_t bytes[256];
	uint8_t length;
};

/* What Rock Ridge (IEEE P1282, RRIP 1.12) says of a record. */
struct iso_rock {
	bool has_mode, is_moved,
		is_packed; /* moved: shown where its CL is; packed: zisofs, sparse */
	uint32_t mode, nlink, uid, gid;
	uint32_t child; /* block of a folder that lies elsewhere (CL); 0: none */
	int64_t mtime, ctime, atime;
	bool has_mtime, has_ctime, has_atime;
	char name[ISO_NAME], link[ISO_LINK];
	size_t name_length, link_length;
	bool is_link_going; /* a component goes on in the next entry */
	bool is_name_going;
	bool is_damaged; /* what follows could not be read: genisoimage breaks off long targets */
};

/* iso_time - seven bytes of ECMA-119, 9.1.5, as nanoseconds since 1970 */
int64_t iso_time(const uint8_t *seven);

/*
 * iso_rock_read - the system use area of @record, and where it goes on
 *
 * @skip  bytes in front of it, as the volume's SP entry says
 *
 * 0, EIO (damaged, so that not even the name is known for sure).
 */
int iso_rock_read(struct tree *tree, const struct iso_record *record, unsigned skip,
		  struct iso_rock *out) BL_MUST_CHECK;

/* iso_has_rock - does this record, the root's own, say that the volume has Rock Ridge, and how much is to be skipped? */
bool iso_has_rock(const struct iso_record *record, unsigned *out_skip);

#endif

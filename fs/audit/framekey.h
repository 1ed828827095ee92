/* framekey.h - private to fs/audit: keys of the frames' macs, and the file `key` that keeps the one of the moment
 *
 * docs/format-log.md, "Frame keys". A forward-secure MAC by hashing the key on, as in Bellare and Yee, "Forward-Security in
 * Private-Key Cryptography", CT-RSA 2003.
 */
#ifndef FS_AUDIT_FRAMEKEY_H
#define FS_AUDIT_FRAMEKEY_H

#include "fs/audit/format.h"
#include "fs/audit/io.h"

#define FRAMEKEY_FILE	   "key"
#define FRAMEKEY_FILE_SIZE 8192u
#define FRAMEKEY_COPIES	   2u
#define FRAMEKEY_EVERY	   256u /* frames between two writes of the file, at most */

/* The key of one frame; hold it in guarded memory, or wipe it. */
struct framekey {
	uint64_t frame;
	uint8_t key[AUDIT_KEY];
};

void framekey_first(const uint8_t k0[AUDIT_KEY], struct framekey *out); /* of frame 1 */
void framekey_next(struct framekey *key);				/* wipes the one before */
/* framekey_forward - up to @frame; it may not lie behind */
void framekey_forward(struct framekey *key, uint64_t frame);
/* The mac of the frame whose header is @header and whose chain is @chain; the key must be that frame's. */
void framekey_mac(const struct framekey *key, const uint8_t header[FRAME_HEADER],
		  const uint8_t chain[AUDIT_DIGEST], uint8_t out_mac[AUDIT_DIGEST]);
/* H(3 || k_0), as log.id tells it */
void framekey_commitment(const uint8_t k0[AUDIT_KEY], uint8_t out[AUDIT_DIGEST]);

/* The copies in the file that a crash did not tear, in their order there. Wipe it. */
struct framekey_copies {
	unsigned count; /* 1 or 2 */
	struct framekey key[FRAMEKEY_COPIES];
	uint64_t generation; /* the greatest */
	uint64_t oldest;     /* the least frame whose key lies in the file, be it in a torn copy */
};
/* framekey_newest - the one that counts */
const struct framekey *framekey_newest(const struct framekey_copies *copies);

/*
 * framekey_read_copies - all that are good. BL_OK, BL_NOT_FOUND (no file), BL_TAMPERED (no good copy, another log's), BL_IO
 * framekey_write - both copies in place, each synced; the file is there already. @generation must grow
 * framekey_create - make the file (as "key.new", renamed): durable on return
 */
enum bl_status framekey_read_copies(int log_fd, const uint8_t log_id[LOG_ID_SIZE],
				    struct framekey_copies *out,
				    struct bl_error *why) BL_MUST_CHECK;
enum bl_status framekey_write(const struct audit_io *io, int fd, const uint8_t log_id[LOG_ID_SIZE],
			      uint64_t generation, const struct framekey *key,
			      struct bl_error *why) BL_MUST_CHECK;
enum bl_status framekey_create(const struct audit_io *io, int log_fd,
			       const uint8_t log_id[LOG_ID_SIZE], const struct framekey *key,
			       struct bl_error *why) BL_MUST_CHECK;

#endif

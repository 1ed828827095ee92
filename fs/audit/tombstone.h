/* tombstone.h - private to fs/audit: what is left of a segment that was old enough to go (docs/format-log.md, "Tombstones") */
#ifndef FS_AUDIT_TOMBSTONE_H
#define FS_AUDIT_TOMBSTONE_H

#include "fs/audit/format.h"
#include "fs/audit/io.h"

#define TOMBSTONE_SIZE 416u
#define TOMBSTONE_FRAMES                                                                           \
	(1u << 24)	       /* it stands for at most: bounds what a verifier hashes for keys */
#define TOMBSTONE_NAME_SIZE 22 /* "tomb." + 16 hex digits + NUL */

struct tombstone {
	uint8_t log_id[LOG_ID_SIZE];
	uint64_t number, first_sequence, last_sequence, first_frame, last_frame;
	uint8_t previous_chain[AUDIT_DIGEST], chain[AUDIT_DIGEST];
	int64_t begun_s, removed_s; /* CLOCK_REALTIME */
};

void tombstone_name(uint64_t first_sequence, char out[TOMBSTONE_NAME_SIZE]);
bool tombstone_name_parse(const char *name, uint64_t *out_first_sequence);
void tombstone_write(const struct tombstone *tombstone, const struct vault *vault,
		     char out[TOMBSTONE_SIZE]);
/* @public_key  NULL: form only. False: wrong form or signature */
bool tombstone_parse(const char *bytes, size_t length, const uint8_t public_key[VAULT_PUBLIC_KEY],
		     struct tombstone *out);
/* The detail of AUDIT_TRIMMED */
void tombstone_detail(uint64_t number, const char bytes[TOMBSTONE_SIZE],
		      char out[AUDIT_DETAIL_SIZE]);

/* tombstone_read - the file of that name. BL_OK, BL_NOT_FOUND, BL_TAMPERED, BL_IO; @out_bytes may be NULL */
enum bl_status tombstone_read(int log_fd, uint64_t first_sequence,
			      const uint8_t public_key[VAULT_PUBLIC_KEY], struct tombstone *out,
			      char out_bytes[TOMBSTONE_SIZE], struct bl_error *why) BL_MUST_CHECK;
/* tombstone_keep - durable under its name on return */
enum bl_status tombstone_keep(const struct audit_io *io, int log_fd, uint64_t first_sequence,
			      const char bytes[TOMBSTONE_SIZE], struct bl_error *why) BL_MUST_CHECK;

#endif

/* private.h - what the files of this part share: where an image lies, the journal of a shred, its steps */
#ifndef FS_RETENTION_PRIVATE_H
#define FS_RETENTION_PRIVATE_H

#include <sys/types.h>

#include "fs/retention/retention.h"
#include "fs/vault/medium.h"

#define PATTERN_KEY	32
#define DIGEST		32
#define HEX_SIZE(bytes) (2 * (bytes) + 1)
#define CHUNK		(1u << 20) /* of overwriting and reading back */

/* ---- layout.c ---- */

enum bl_status retention_check_source(int fd, struct bl_error *why) BL_MUST_CHECK;

/* ---- journal.c ---- */

/* Exceptions: bits of docs/format-certificate.md. */
enum exception {
	EXCEPTION_NOT_RAW = 1 << 0,
	EXCEPTION_KEYS_CACHED = 1 << 1,
	EXCEPTION_VANISHED = 1 << 2,
	EXCEPTION_VANISHED_VERIFIED = 1 << 3,
	EXCEPTION_LINKED = 1 << 4,
	EXCEPTION_MOVED = 1 << 5,
};
#define EXCEPTION_COUNT 6

enum verification { VERIFIED_NONE, VERIFIED_RAW, VERIFIED_FILE, VERIFICATION_COUNT };

struct journal {
	enum retention_step step; /* to be done next */
	bool has_pattern;
	uint8_t pattern[PATTERN_KEY];
	uint8_t digest[DIGEST];
	uint64_t size;
	struct medium_layout layout;
	unsigned major, minor;
	char disk[64], filesystem[16];
	char entry[BL_RULE_ID_SIZE];
	uint8_t policy_digest[DIGEST];
	uint64_t policy_serial;
	int64_t due_unix, begun_unix;
	uid_t by;
	uint64_t intent_sequence;
	enum verification verification;
	uint64_t verified_bytes;
	bool are_keys_raw;
	unsigned exceptions;
};
void journal_done(struct journal *journal);
enum bl_status journal_save(struct device_store *store, const char *id,
			    const struct journal *journal, struct bl_error *why) BL_MUST_CHECK;
/* BL_NOT_FOUND: none. */
enum bl_status journal_load(struct device_store *store, const char *id, struct journal *out_journal,
			    struct bl_error *why) BL_MUST_CHECK;

/* ---- overwrite.c ---- */

enum bl_status overwrite_digest(int fd, uint64_t size, uint8_t out[DIGEST],
				struct bl_error *why) BL_MUST_CHECK;
enum bl_status overwrite_write(int fd, uint64_t size, const uint8_t key[PATTERN_KEY],
			       struct bl_error *why) BL_MUST_CHECK;
/* overwrite_check_disk, _file - do these bytes hold the pattern, past the page cache? BL_NOT_VERIFIED: they do not */
enum bl_status overwrite_check_disk(int disk_fd, const struct medium_layout *layout, uint64_t size,
				    const uint8_t key[PATTERN_KEY],
				    struct bl_error *why) BL_MUST_CHECK;
enum bl_status overwrite_check_file(int fd, uint64_t size, const uint8_t key[PATTERN_KEY],
				    struct bl_error *why) BL_MUST_CHECK;

/* ---- certificate.c ---- */

const char *certificate_status(const struct journal *journal); /* "ERASED", ... */
/* certificate_make - signed canonical JSON with its newline, owned by the caller */
enum bl_status certificate_make(struct device_store *store, const struct device *device,
				const struct journal *journal, int64_t done_unix, char **out_json,
				struct bl_error *why) BL_MUST_CHECK;
/* certificate_is_of - is this a certificate of ours for that device? */
bool certificate_is_of(struct device_store *store, const char *id, const char *json, size_t length);

#endif

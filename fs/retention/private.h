/* private.h - what the files of this part share: where an image lies, the journal of a shred, its steps */
#ifndef FS_RETENTION_PRIVATE_H
#define FS_RETENTION_PRIVATE_H

#include <sys/types.h>

#include "fs/retention/retention.h"

#define EXTENT_LIMIT	65536 /* so that a journal stays under the store's 8 MiB */
#define PATTERN_KEY	32
#define DIGEST		32
#define HEX_SIZE(bytes) (2 * (bytes) + 1)
#define CHUNK		(1u << 20) /* of overwriting and reading back */
#define DIRECT_ALIGN	4096u	   /* O_DIRECT: of memory, offsets and lengths */

struct extent {
	uint64_t logical, physical, length; /* bytes: in the file, on the block device */
};

struct layout {
	struct extent *items;
	size_t count, room;
};
void layout_free(struct layout *layout); /* the items, not the struct */

/* ---- layout.c ---- */

/* layout_read - where the bytes of @fd lie; BL_UNSUPPORTED when some lie nowhere or are not ours alone */
enum bl_status layout_read(int fd, uint64_t size, struct layout *out_layout,
			   struct bl_error *why) BL_MUST_CHECK;
/* layout_disk - kernel name of a block device ("loop0"), "" when there is none */
void layout_disk(dev_t dev, char out[64]);
/* layout_filesystem - "ext2/3/4", "xfs"; NULL: not one where an overwrite in place reaches the bytes */
const char *layout_filesystem(int fd);

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
	struct layout layout;
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
/* overwrite_open_disk - the block device itself, O_DIRECT; -1 when it cannot be had */
int overwrite_open_disk(unsigned major, unsigned minor, const char *disk);
/* overwrite_check_disk, _file - do these bytes hold the pattern, past the page cache? BL_NOT_VERIFIED: they do not */
enum bl_status overwrite_check_disk(int disk_fd, const struct layout *layout, uint64_t size,
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

/* sealed.h - a device's image, encrypted from its first byte on: written once, read at random, destroyed whole or in part
 *
 * Format and key hierarchy: docs/format-vault.md (BVAULT1). An image is a folder; every function takes the descriptor of
 * the *device's* folder (devices/ID), in which it is "image". No function here knows records, policy or log.
 */
#ifndef FS_VAULT_SEALED_H
#define FS_VAULT_SEALED_H

#include "fs/vault/vault.h"
#include "policy/base.h"

#define SEALED_CHUNK	 65536u
#define SEALED_GROUP	 (1u << 20) /* 16 chunks: what has one key, and is written at once */
#define SEALED_ID	 16
#define SEALED_GAPS	 (1u << 22)
#define SEALED_MOST	 (UINT64_C(1) << 50) /* bytes of an image: five levels of keys */
#define SEALED_HOT_BYTES (UINT64_C(32) << 20)
#define SEALED_HOT_SPARE 4 /* of so many parts one more must be lockable: for keys */
#define SEALED_FOLDER	 "image"

enum sealed_algorithm { SEALED_AES256_GCM = 1, SEALED_XCHACHA20 = 2 };
const char *sealed_algorithm_name(enum sealed_algorithm algorithm); /* "AES-256-GCM" */
/* sealed_algorithm_here - the fastest this host has in hardware, or the portable one */
enum sealed_algorithm sealed_algorithm_here(void);

enum sealed_gap_kind { SEALED_UNREADABLE = 1, SEALED_LEFT_OUT = 2 };
struct sealed_gap {
	uint64_t offset, length;
	enum sealed_gap_kind kind;
};

struct sealed_facts {
	uint8_t vault_id[SEALED_ID];
	enum sealed_algorithm algorithm;
	uint64_t image_bytes; /* 0 while an intake does not know it */
	uint64_t done_bytes;  /* sealed and durable */
	bool is_complete;
	uint8_t digest[32];    /* of the image; zero until complete */
	uint64_t stored_bytes; /* blocks the folder's files take up */
};

/* ---- writing: intake --------------------------------------------------------------------------- */

struct sealed_writer;

/*
 * sealed_create - make the folder "image" with an empty image; durable on return, or nothing is there (a half-made "image.new" is swept)
 * sealed_resume - go on with one that is not complete; generations begin above all that may have been used
 *
 * @root         RK (vault_image_root), copied into guarded memory
 * @image_bytes  0: not known before its end
 *
 * BL_OK, BL_EXISTS (create), BL_NOT_FOUND (resume: none), BL_INVALID (resume: complete already; @image_bytes another than it was begun
 * with), BL_TAMPERED, BL_UNSUPPORTED (its cipher is not to be had here), BL_TOO_LARGE, BL_IO, BL_NO_MEMORY.
 */
enum bl_status sealed_create(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
			     uint64_t image_bytes, enum sealed_algorithm algorithm,
			     struct sealed_writer **out_writer, struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_resume(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
			     uint64_t image_bytes, struct sealed_writer **out_writer,
			     struct bl_error *why) BL_MUST_CHECK;
void sealed_writer_close(struct sealed_writer *writer); /* what was not checkpointed is lost */
BL_DEFINE_CLEANUP(struct sealed_writer, sealed_writer_close)

void sealed_writer_facts(const struct sealed_writer *writer, struct sealed_facts *out_facts);

/*
 * sealed_put - the next group: exactly behind the last one
 *
 * @bytes   SEALED_GROUP bytes of room, aligned to 4096 (written over: encrypted in place); behind @length zeros
 * @length  SEALED_GROUP, or less for the last group of the image
 * A chunk of zeros takes no space. One thread at a time. BL_IO (also: no space; the writer goes on being usable after a checkpoint failed
 * for want of space: nothing counted as done is lost), BL_INVALID (behind the image's end), BL_TOO_LARGE.
 */
enum bl_status sealed_put(struct sealed_writer *writer, uint8_t *bytes, size_t length,
			  struct bl_error *why) BL_MUST_CHECK;
/* sealed_skip - @groups whole groups of zeros, or the rest of the image; nearly free, however many */
enum bl_status sealed_skip(struct sealed_writer *writer, uint64_t groups,
			   struct bl_error *why) BL_MUST_CHECK;
uint64_t sealed_at(const struct sealed_writer *writer); /* where the next group goes */
/* sealed_checkpoint - all that was put is durable and would be gone on from */
enum bl_status sealed_checkpoint(struct sealed_writer *writer, struct bl_error *why) BL_MUST_CHECK;

/*
 * sealed_look_back - bytes that were put before (done or not), decrypted: for comparing with the source, and for the digest
 *
 * @length  any; all of it lies in front of sealed_at. BL_OK, BL_TAMPERED, BL_IO.
 */
enum bl_status sealed_look_back(struct sealed_writer *writer, uint64_t offset, uint8_t *out,
				size_t length, struct bl_error *why) BL_MUST_CHECK;

/*
 * sealed_finish - gaps, digest and state complete, durable. Nothing can be put any more
 *
 * @gaps    sorted, without overlap; count 0: none
 * @digest  of the whole image (digest.h) (gaps as zeros)
 * BL_INVALID when not all of the image was put.
 */
enum bl_status sealed_finish(struct sealed_writer *writer, const struct sealed_gap *gaps,
			     size_t gap_count, const uint8_t digest[32],
			     struct bl_error *why) BL_MUST_CHECK;

/* ---- reading ------------------------------------------------------------------------------------- */

struct sealed_hot; /* decrypted chunks of all open images: locked memory, a cap, wiped on eviction */

/* sealed_hot_new - @bytes at most; less when the limit of locked memory says so, of which a part is left for keys. BL_NO_MEMORY: not even 1 MiB
 * can be locked (raise LimitMEMLOCK) */
enum bl_status sealed_hot_new(uint64_t bytes, struct sealed_hot **out_hot,
			      struct bl_error *why) BL_MUST_CHECK;
void sealed_hot_free(struct sealed_hot *hot); /* every image that uses it is closed */
BL_DEFINE_CLEANUP(struct sealed_hot, sealed_hot_free)
uint64_t sealed_hot_bytes(const struct sealed_hot *hot); /* its room */

struct sealed;

/*
 * sealed_open - a complete image, for reading
 *
 * @image_bytes  as the device's record has it; another one in the header is BL_TAMPERED
 * @hot   shared, outlives the image
 *
 * BL_OK, BL_NOT_FOUND, BL_INVALID (not complete yet), BL_TAMPERED (header, tree top, gaps; a file missing or foreign),
 * BL_UNSUPPORTED (version, cipher), BL_IO, BL_NO_MEMORY.
 */
enum bl_status sealed_open(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
			   uint64_t image_bytes, struct sealed_hot *hot, struct sealed **out_sealed,
			   struct bl_error *why) BL_MUST_CHECK;
void sealed_close(struct sealed *sealed); /* its hot chunks and keys are wiped */
BL_DEFINE_CLEANUP(struct sealed, sealed_close)
void sealed_facts_of(const struct sealed *sealed, struct sealed_facts *out_facts);
size_t sealed_gap_count(const struct sealed *sealed);
const struct sealed_gap *sealed_gaps(const struct sealed *sealed); /* borrowed */

/*
 * sealed_read - all of @length bytes at @offset or none; any number of threads; want of memory only makes it slower
 *
 * BL_OK, BL_IO (a gap: "was not readable at intake", "was left out at intake"; or the medium), BL_TAMPERED (a chunk, index or node does not verify; never
 * zeros), BL_INVALID (past the end).
 */
enum bl_status sealed_read(struct sealed *sealed, uint64_t offset, void *out, size_t length,
			   struct bl_error *why) BL_MUST_CHECK;

/* sealed_look - facts without keys where they can be had: from the header's current slot, its MAC not checked. For status and doctor */
enum bl_status sealed_look(int device_fd, const char *id, struct sealed_facts *out_facts,
			   struct bl_error *why) BL_MUST_CHECK;
/* sealed_look_proven - the same with the MAC checked, whatever ciphers this host has: for what is signed. BL_TAMPERED: not what was written */
enum bl_status sealed_look_proven(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
				  struct sealed_facts *out_facts,
				  struct bl_error *why) BL_MUST_CHECK;

/* ---- destroying the whole ------------------------------------------------------------------------- */

/*
 * sealed_try - does any of these keys still open it? Call after the device's keys are destroyed
 *
 * BL_OK: none does. BL_NOT_VERIFIED: one does. BL_NOT_FOUND: there is nothing to try on (wiped before). BL_IO.
 * @vault  every key of vault_each_key is tried on the top key of both header slots
 */
enum bl_status sealed_try(int device_fd, const char *id, struct vault *vault,
			  struct bl_error *why) BL_MUST_CHECK;

struct sealed_wiped {
	uint64_t bytes; /* overwritten: header, index, keys, gaps, ... */
	uint64_t
		bytes_raw; /* of these: read back from the block device below and found overwritten */
	uint64_t data_bytes; /* of data: punched (ciphertext without a key) */
	bool was_punched;    /* false: the filesystem cannot, the blocks were freed only */
};
/* sealed_wipe - overwrite all but data in place, sync, read back; punch data. Idempotent. BL_OK, BL_IO (also: read back differs) */
enum bl_status sealed_wipe(int device_fd, struct sealed_wiped *out_wiped,
			   struct bl_error *why) BL_MUST_CHECK;
/* sealed_remove - the files and the folder, synced; BL_OK when there is none. Only names of the format are ever removed. */
enum bl_status sealed_remove(int device_fd, struct bl_error *why) BL_MUST_CHECK;

/* ---- destroying a part -------------------------------------------------------------------------------- */

struct sealed_place {
	uint64_t offset, length; /* sorted, without overlap */
};
struct sealed_part {
	uint64_t groups;	/* re-encrypted */
	uint64_t bytes;		/* zeroed */
	enum vault_proof proof; /* of the new root in both copies */
};

/*
 * sealed_part_prepare - steps 1 and 2 of "Destroying a part": everything under new keys, beside the old; nothing counts yet
 *                       (step 3, the commit, is vault_image_root_set with the new root)
 * sealed_part_finish  - steps 4 and 5: copy, overwrite the old nodes, read back
 * sealed_part_recover - after a crash: which of them is next
 *
 * The image is not open for reading by anybody meanwhile. @out_root: RK after it; the caller keeps it only for the commit.
 * prepare: BL_OK, BL_INVALID (not complete, places past the end), BL_TAMPERED, BL_IO (no space), BL_NO_MEMORY: nothing happened then.
 * finish: BL_IO: call again. recover: SEALED_PART_NONE, _PREPARED (its root is not in force: removed, begin again), _COMMITTED (finish it).
 */
enum sealed_part_state { SEALED_PART_NONE, SEALED_PART_PREPARED, SEALED_PART_COMMITTED };
enum bl_status sealed_part_prepare(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
				   const struct sealed_place *places, size_t count,
				   uint8_t out_root[VAULT_KEY], struct sealed_part *out_part,
				   struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_part_finish(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
				  struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_part_recover(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
				   enum sealed_part_state *out_state,
				   struct bl_error *why) BL_MUST_CHECK;
/* sealed_part_check - the places read as zeros now; what surrounds them within their groups has @digest (of prepare's time) */
enum bl_status sealed_part_check(struct sealed *sealed, const struct sealed_place *places,
				 size_t count, const uint8_t digest[32],
				 struct bl_error *why) BL_MUST_CHECK;
/* sealed_part_digest - of all bytes of the touched groups but the places; before prepare, and the same after finish */
enum bl_status sealed_part_digest(struct sealed *sealed, const struct sealed_place *places,
				  size_t count, uint8_t out_digest[32],
				  struct bl_error *why) BL_MUST_CHECK;

#endif

/* sealed-format.h - private to fs/vault: the bytes of docs/format-vault.md, and the pieces that writer, reader and shredder share */
#ifndef FS_VAULT_SEALED_FORMAT_H
#define FS_VAULT_SEALED_FORMAT_H

#include "fs/vault/sealed-io.h"
#include "fs/vault/sealed.h"

#define SEALED_PAGE	    4096u
#define SEALED_LEVELS	    5
#define SEALED_FAN	    64 /* entries of a node */
#define SEALED_ENTRY	    64
#define SEALED_INDEX_ENTRY  32
#define SEALED_GROUP_CHUNKS 16
#define SEALED_GROUP_INDEX                                                                         \
	(SEALED_GROUP_CHUNKS * SEALED_INDEX_ENTRY) /* bytes of a group in the index */
#define SEALED_TAG	  16
#define SEALED_HASH	  32
#define SEALED_RANGE	  (UINT64_C(1) << 20) /* generations taken at once */
#define SEALED_CHECKPOINT (UINT64_C(256) << 20)
#define SEALED_STREAM_MOST                                                                         \
	(UINT64_C(1) << 44) /* of an image whose length was not known: four levels */

/* ---- sealed-header.c ---------------------------------------------------------------------------- */

enum sealed_state { SEALED_INTAKE = 1, SEALED_COMPLETE = 2 };

struct sealed_header {
	enum sealed_algorithm algorithm;
	uint8_t vault_id[SEALED_ID];
	char device[BL_DEVICE_ID_SIZE];
	uint64_t generation, image_bytes, done_bytes, reserved;
	enum sealed_state state;
	unsigned levels;
	unsigned top_side;
	uint64_t top_generation; /* 0: empty */
	uint8_t top_key[VAULT_KEY], top_tag[SEALED_TAG], top_hash[SEALED_HASH];
	uint8_t gaps_hash[SEALED_HASH], digest[32];
};

/* @root NULL in decode: the MAC is not checked. BL_OK, BL_NOT_FOUND (zeros), BL_INVALID (torn: checksum), BL_UNSUPPORTED (version,
 * cipher), BL_TAMPERED (right checksum: wrong MAC or fields that cannot be) */
void sealed_header_encode(const struct sealed_header *header, const uint8_t root[VAULT_KEY],
			  uint8_t page[SEALED_PAGE]);
enum bl_status sealed_header_decode(const uint8_t page[SEALED_PAGE], const uint8_t *root,
				    struct sealed_header *out_header,
				    struct bl_error *why) BL_MUST_CHECK;

/* sealed_header_parse - decode without a look at MAC and cipher: for facts, and for keeping a host without AES apart from harm */
enum bl_status sealed_header_parse(const uint8_t page[SEALED_PAGE],
				   struct sealed_header *out_header,
				   struct bl_error *why) BL_MUST_CHECK;

/* The open files of an image; -1: not there. @io: how they are changed. */
struct sealed_files {
	int folder, header, data, index, keys;
	const struct sealed_io *io;
};
#define SEALED_FILES_NONE                                                                          \
	((struct sealed_files){.folder = -1, .header = -1, .data = -1, .index = -1, .keys = -1})
void sealed_files_close(struct sealed_files *files);
/* sealed_files_open - existing ones; refuses links, other types, others' files. BL_NOT_FOUND: no image; BL_TAMPERED: one is missing */
enum bl_status sealed_files_open(int device_fd, bool is_writable, struct sealed_files *out_files,
				 struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_files_open_by(const struct sealed_io *io, int device_fd, bool is_writable,
				    struct sealed_files *out_files,
				    struct bl_error *why) BL_MUST_CHECK;
/* sealed_files_fit - BL_TAMPERED: one is longer than the header allows. Shorter is fine: zeros lie behind */
enum bl_status sealed_files_fit(const struct sealed_files *files,
				const struct sealed_header *header,
				struct bl_error *why) BL_MUST_CHECK;

/*
 * sealed_header_read - the current slot, its MAC verified under @root
 *
 * @out_slot  which one it is (0, 1). A part's destruction under way ("rewrite" is there) lets a newer slot of a wrong MAC be passed over.
 */
enum bl_status sealed_header_read(const struct sealed_files *files, const char *id,
				  const uint8_t root[VAULT_KEY], struct sealed_header *out_header,
				  unsigned *out_slot, struct bl_error *why) BL_MUST_CHECK;
/* sealed_header_peek - the current slot without a look at the cipher; @root NULL: nor at the MAC */
enum bl_status sealed_header_peek(const struct sealed_files *files, const char *id,
				  const uint8_t *root, struct sealed_header *out_header,
				  struct bl_error *why) BL_MUST_CHECK;
/* sealed_header_write - into the slot that is not *inout_slot, durable; then that one is current */
enum bl_status sealed_header_write(const struct sealed_files *files,
				   const struct sealed_header *header,
				   const uint8_t root[VAULT_KEY], unsigned *inout_slot,
				   struct bl_error *why) BL_MUST_CHECK;

unsigned sealed_levels_for(uint64_t image_bytes); /* 0: not known */
uint64_t sealed_groups(uint64_t image_bytes);

/* ---- chunk.c -------------------------------------------------------------------------------------- */

struct sealed_names { /* what everything is bound to */
	uint8_t vault_id[SEALED_ID];
	uint8_t device[32]; /* NUL-padded */
	enum sealed_algorithm algorithm;
};
/* sealed_derive - KDF(@key, @purpose, @rest) of the format */
void sealed_derive(const uint8_t key[VAULT_KEY], const char *purpose, const void *rest,
		   size_t length, uint8_t out[VAULT_KEY]);
void sealed_names_of(const struct sealed_header *header, struct sealed_names *out_names);

struct chunk_index {
	uint64_t generation; /* 0: zeros */
	uint8_t tag[SEALED_TAG];
};
void chunk_index_encode(const struct chunk_index *entry, uint8_t out[SEALED_INDEX_ENTRY]);
bool chunk_index_decode(const uint8_t bytes[SEALED_INDEX_ENTRY], struct chunk_index *out_entry);

/* @bytes SEALED_CHUNK, in place; @length how many belong to the image */
void chunk_seal(const struct sealed_names *names, const uint8_t group_key[VAULT_KEY],
		uint64_t chunk, uint64_t generation, uint32_t length, uint8_t *bytes,
		uint8_t out_tag[SEALED_TAG]);
/* chunk_seal_to - the same into another place */
void chunk_seal_to(const struct sealed_names *names, const uint8_t group_key[VAULT_KEY],
		   uint64_t chunk, uint64_t generation, uint32_t length, const uint8_t *plain,
		   uint8_t *out, uint8_t out_tag[SEALED_TAG]);
/* chunk_open - BL_TAMPERED: zeroed */
enum bl_status chunk_open(const struct sealed_names *names, const uint8_t group_key[VAULT_KEY],
			  uint64_t chunk, const struct chunk_index *entry, uint32_t length,
			  uint8_t *bytes) BL_MUST_CHECK;
bool chunk_is_zero(const uint8_t *bytes, size_t length); /* fast */

/* ---- tree.c ---------------------------------------------------------------------------------------- */

struct tree_entry {
	uint64_t generation; /* 0: empty */
	uint8_t wrapped[VAULT_KEY], tag[SEALED_TAG];
	unsigned side;
};
bool tree_entry_decode(const uint8_t bytes[SEALED_ENTRY], struct tree_entry *out_entry);
void tree_entry_encode(const struct tree_entry *entry, uint8_t bytes[SEALED_ENTRY]);

/* tree_place - where node (level, index) of a tree of @levels lies in the file, on @side */
uint64_t tree_place(unsigned levels, unsigned level, uint64_t index, unsigned side);
uint64_t tree_nodes(unsigned levels, unsigned level); /* how many there can be */

/*
 * tree_wrap / tree_unwrap - one key, as the entry that stands for it
 *
 * @level, @index, as in the format ("The key tree"; the top: 255, 0); @hash of what it covers
 */
void tree_wrap(const struct sealed_names *names, const uint8_t with[VAULT_KEY], unsigned level,
	       uint64_t index, uint64_t generation, unsigned side, const uint8_t hash[SEALED_HASH],
	       const uint8_t key[VAULT_KEY], struct tree_entry *out_entry);
enum bl_status tree_unwrap(const struct sealed_names *names, const uint8_t with[VAULT_KEY],
			   unsigned level, uint64_t index, const struct tree_entry *entry,
			   const uint8_t hash[SEALED_HASH],
			   uint8_t out_key[VAULT_KEY]) BL_MUST_CHECK;
void tree_top_key(const uint8_t root[VAULT_KEY],
		  uint8_t out_key[VAULT_KEY]); /* KDF(RK, "bailee image tree") */
void sealed_hash(const void *bytes, size_t length, uint8_t out[SEALED_HASH]);

/* ---- sealed-look.c ---------------------------------------------------------------------------------- */

uint64_t sealed_stored_bytes(const struct sealed_files *files);
void sealed_facts_from(const struct sealed_files *files, const struct sealed_header *header,
		       struct sealed_facts *out_facts);

/* ---- gaps.c ----------------------------------------------------------------------------------------- */

/* BL_OK, BL_TAMPERED (hash, seal, form), BL_IO, BL_NO_MEMORY; zero hash: none. @out_gaps owned by the caller (free) */
enum bl_status sealed_gaps_read(const struct sealed_files *files, const char *id,
				const uint8_t root[VAULT_KEY], const uint8_t hash[SEALED_HASH],
				uint64_t image_bytes, struct sealed_gap **out_gaps,
				size_t *out_count, struct bl_error *why) BL_MUST_CHECK;
bool sealed_gaps_ok(const struct sealed_gap *gaps, size_t count, uint64_t image_bytes);
/* sealed_gaps_decode - of the bytes that were sealed; as sealed_gaps_read. BL_TAMPERED (form), BL_NO_MEMORY */
enum bl_status sealed_gaps_decode(const uint8_t *plain, size_t length, uint64_t image_bytes,
				  struct sealed_gap **out_gaps, size_t *out_count,
				  struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_gaps_write(const struct sealed_files *files, const char *id,
				 const uint8_t root[VAULT_KEY], const struct sealed_gap *gaps,
				 size_t count, uint8_t out_hash[SEALED_HASH],
				 struct bl_error *why) BL_MUST_CHECK;

#endif

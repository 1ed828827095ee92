/* sealed-path.h - private to fs/vault: the nodes from the top to the group that is written next, and those that were looked back at */
#ifndef FS_VAULT_SEALED_PATH_H
#define FS_VAULT_SEALED_PATH_H

#include "fs/vault/sealed-format.h"

struct path_node {
	bool is_there;
	bool is_dirty;	 /* has entries that its place in the file has not */
	bool is_written; /* since the last header: it lies on the other side */
	bool is_durable; /* the last header reaches it on @side */
	unsigned side;
	uint64_t index;
	uint8_t key[VAULT_KEY];
	uint8_t bytes[SEALED_PAGE];
};

/* Groups are written in order, so one node a level is all that changes: what is left of it is full, what is right of it empty. */
struct sealed_path {
	struct path_node now[SEALED_LEVELS];
	struct path_node seen[SEALED_LEVELS]; /* full ones, read again; never written */
	uint8_t top_key[VAULT_KEY];	      /* what the top's key is wrapped with */
};

/* What the path works on; lives as long as it. */
struct path_owner {
	const struct sealed_files *files;
	const struct sealed_names *names;
	unsigned levels;
	struct sealed_path *path; /* in guarded memory */
	uint64_t generation;	  /* the next one: all that are used come from here */
	bool has_written;	  /* to `keys`, since its last sync */
};

/*
 * path_seek  - the nodes for writing group @group, which lies behind all before it: full ones go to the file, the next ones are read or made
 * path_flush - all that is dirty goes to the file; the top's entry into @header
 * path_settled - a durable header names what was flushed
 * path_add   - the key of @group, which path_seek was called for, into its leaf
 *
 * They take at most one generation a level (add: one). BL_IO: call again. BL_TAMPERED.
 */
enum bl_status path_seek(struct path_owner *owner, const struct sealed_header *header,
			 uint64_t group, struct bl_error *why) BL_MUST_CHECK;
enum bl_status path_flush(struct path_owner *owner, struct sealed_header *header,
			  struct bl_error *why) BL_MUST_CHECK;
void path_settled(struct path_owner *owner);
void path_add(struct path_owner *owner, uint64_t group,
	      const uint8_t index_bytes[SEALED_GROUP_INDEX], const uint8_t group_key[VAULT_KEY]);

/* path_find - the key of a group that was added. BL_NOT_FOUND: it is zeros. BL_TAMPERED, BL_IO */
enum bl_status path_find(struct path_owner *owner, const struct sealed_header *header,
			 uint64_t group, const uint8_t index_bytes[SEALED_GROUP_INDEX],
			 uint8_t out_key[VAULT_KEY], struct bl_error *why) BL_MUST_CHECK;

#endif

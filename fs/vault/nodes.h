/* nodes.h - private to fs/vault: the key tree of one image, read and verified, with a cache of what was unwrapped
 *
 * Everything in the cache was checked against what names it, up to the header's MAC: the bytes of a node or of a group's index
 * are kept with its key, so that nothing can be exchanged under it afterwards. Keys lie in guarded memory, are wiped when they are
 * evicted, and on close.
 */
#ifndef FS_VAULT_NODES_H
#define FS_VAULT_NODES_H

#include "fs/vault/sealed-format.h"

#define NODES_MOST	  256  /* nodes that are kept: 16 GiB of an image by its leaves */
#define NODES_GROUPS_MOST 2048 /* groups that are kept: 2 GiB of an image */

struct nodes;

/*
 * nodes_open - for reading by any number of threads; the top node is read and verified
 *
 * @header, @files  borrowed for its life
 * BL_OK, BL_TAMPERED, BL_IO, BL_NO_MEMORY.
 */
enum bl_status nodes_open(const struct sealed_header *header, const struct sealed_files *files,
			  const uint8_t root[VAULT_KEY], struct nodes **out_nodes,
			  struct bl_error *why) BL_MUST_CHECK;
void nodes_close(struct nodes *nodes);
BL_DEFINE_CLEANUP(struct nodes, nodes_close)

/* The key is the caller's to wipe. */
struct nodes_group {
	bool is_zero; /* nothing of it is stored: all its bytes are zeros */
	uint8_t key[VAULT_KEY];
	uint8_t index[SEALED_GROUP_INDEX]; /* verified */
};
struct nodes_node {
	bool is_empty; /* there is none: all below it is zeros */
	uint8_t key[VAULT_KEY];
	uint8_t bytes[SEALED_PAGE]; /* verified */
};

/* Any thread; allocate nothing. BL_OK, BL_TAMPERED, BL_IO; without a key on failure. */
enum bl_status nodes_group(struct nodes *nodes, uint64_t group, struct nodes_group *out_group,
			   struct bl_error *why) BL_MUST_CHECK;
enum bl_status nodes_node(struct nodes *nodes, unsigned level, uint64_t index,
			  struct nodes_node *out_node, struct bl_error *why) BL_MUST_CHECK;

#endif

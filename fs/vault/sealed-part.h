/* sealed-part.h - private to fs/vault: destroying a part of an image (docs/format-vault.md, "Destroying a part")
 *
 * Beside the names of the format: "gaps.new" holds the gaps under the new root until they are copied over "gaps" in place, and a
 * "rewrite" that was copied is "rewrite.old" while it is overwritten, so that a "rewrite" is always either whole or never begun with.
 */
#ifndef FS_VAULT_SEALED_PART_H
#define FS_VAULT_SEALED_PART_H

#include "fs/vault/nodes.h"

#define REWRITE	     "rewrite"
#define REWRITE_OLD  "rewrite.old"
#define REWRITE_HEAD 64
#define REWRITE_ROW  (8 + SEALED_GROUP_INDEX + SEALED_GROUP)

/* One destruction under way. */
struct part {
	struct sealed_files files;
	struct sealed_header header; /* the current one; in prepare: what the new one will say */
	unsigned slot;
	struct sealed_names names;
	struct nodes *
		nodes; /* the tree of the header that was read; NULL while it is none of our business */
	const char *id;
	const uint8_t *root;
	uint8_t *room; /* SEALED_GROUP of guarded memory: plaintext */
	const struct sealed_place *places;
	size_t place_count;
	uint64_t *groups; /* touched, with something stored; sorted */
	size_t group_count;
	uint64_t generation; /* the next that was never used */
};

/* ---- sealed-part-rewrite.c ------------------------------------------------------------------------ */

/* A rewrite that is being written. */
struct rewrite_out {
	int fd;
	uint64_t rows;
	struct rewrite_hash *hash;
};
enum bl_status rewrite_begin(struct part *part, struct rewrite_out *out_rewrite,
			     struct bl_error *why) BL_MUST_CHECK;
/* rewrite_group - one group anew: its places zeroed, under a key of its own, behind the last one. @out_key is wiped by the caller */
enum bl_status rewrite_group(struct part *part, struct rewrite_out *rewrite, uint64_t group,
			     uint8_t out_key[VAULT_KEY], uint8_t out_hash[SEALED_HASH],
			     bool *out_is_zero, struct bl_error *why) BL_MUST_CHECK;
/* rewrite_seal - its head; durable with its name on return */
enum bl_status rewrite_seal(struct part *part, struct rewrite_out *rewrite,
			    struct bl_error *why) BL_MUST_CHECK;
void rewrite_out_close(struct rewrite_out *rewrite);

/* rewrite_open - BL_OK, BL_NOT_FOUND (none), BL_INVALID (without a head: never completed), BL_TAMPERED, BL_IO */
enum bl_status rewrite_open(const struct part *part, int *out_fd, uint64_t *out_rows,
			    struct bl_error *why) BL_MUST_CHECK;
/* rewrite_row_at - a row's group and its index; BL_TAMPERED when it is no group of the image */
enum bl_status rewrite_row_at(const struct part *part, int fd, uint64_t row, uint64_t *out_group,
			      uint8_t out_index[SEALED_GROUP_INDEX],
			      struct bl_error *why) BL_MUST_CHECK;
/* rewrite_load - check all of it against its head, and give part->groups */
enum bl_status rewrite_load(struct part *part, int fd, uint64_t rows,
			    struct bl_error *why) BL_MUST_CHECK;
/* rewrite_copy - into data and index, durable */
enum bl_status rewrite_copy(struct part *part, int fd, struct bl_error *why) BL_MUST_CHECK;
/* rewrite_sweep - what is left of a "rewrite.old": overwritten, removed */
enum bl_status rewrite_sweep(const struct part *part, struct bl_error *why) BL_MUST_CHECK;

/* ---- sealed-part-tree.c --------------------------------------------------------------------------- */

/* part_tree_write - touched groups and the nodes above them anew, durable; part->header then names the new top under @new_root */
enum bl_status part_tree_write(struct part *part, struct rewrite_out *rewrite,
			       const uint8_t new_root[VAULT_KEY],
			       struct bl_error *why) BL_MUST_CHECK;
/* part_tree_wipe - overwrite the sides of the touched nodes that do not count any more; durable */
enum bl_status part_tree_wipe(struct part *part, struct bl_error *why) BL_MUST_CHECK;
uint64_t
part_tree_generations(const struct part *part); /* how many a tree and its groups take at most */

/* ---- sealed-part-gaps.c --------------------------------------------------------------------------- */

/* part_gaps_prepare - "gaps.new" under the new root; its hash in part->header */
enum bl_status part_gaps_prepare(struct part *part, const uint8_t new_root[VAULT_KEY],
				 struct bl_error *why) BL_MUST_CHECK;
/* part_gaps_finish - over "gaps", in place; durable */
enum bl_status part_gaps_finish(struct part *part, struct bl_error *why) BL_MUST_CHECK;

/* ---- sealed-part.c: as sealed.h says, on a disk that tests can stand in for ------------------------ */

enum bl_status sealed_part_prepare_by(const struct sealed_io *io, int device_fd, const char *id,
				      const uint8_t root[VAULT_KEY],
				      const struct sealed_place *places, size_t count,
				      uint8_t out_root[VAULT_KEY], struct sealed_part *out_part,
				      struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_part_finish_by(const struct sealed_io *io, int device_fd, const char *id,
				     const uint8_t root[VAULT_KEY],
				     struct bl_error *why) BL_MUST_CHECK;
enum bl_status sealed_part_recover_by(const struct sealed_io *io, int device_fd, const char *id,
				      const uint8_t root[VAULT_KEY],
				      enum sealed_part_state *out_state,
				      struct bl_error *why) BL_MUST_CHECK;

#endif

#include "fs/vault/sealed-part.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* A touched node: what its parent's entry must say. */
struct fresh_node {
	uint64_t index;
	unsigned side;
	uint8_t key[VAULT_KEY], hash[SEALED_HASH];
};

/* The touched nodes of one level, sorted. */
struct fresh_level {
	struct fresh_node *nodes; /* vault_guarded */
	size_t count;
};

struct fresh {
	struct fresh_level levels[SEALED_LEVELS];
};

static void fresh_done(struct fresh *fresh)
{
	for (size_t i = 0; i < SEALED_LEVELS; i++)
		sodium_free(fresh->levels[i].nodes);
}

static unsigned shift_of(unsigned level)
{
	return 6 * (level + 1);
}

/* How many nodes of a level lie above touched groups; the top always is one. */
static size_t count_touched(const struct part *part, unsigned level)
{
	size_t count = 0;

	if (level == part->header.levels - 1)
		return 1;
	for (size_t i = 0; i < part->group_count; i++)
		count += i == 0 || part->groups[i] >> shift_of(level) !=
					   part->groups[i - 1] >> shift_of(level);
	return count;
}

static bool list_touched(const struct part *part, unsigned level, struct fresh_level *out_level)
{
	size_t count = count_touched(part, level), at = 0;

	out_level->count = count;
	if (count == 0)
		return true;
	out_level->nodes = vault_guarded(count, sizeof(*out_level->nodes));
	if (!out_level->nodes)
		return false;
	memset(out_level->nodes, 0, count * sizeof(*out_level->nodes));
	for (size_t i = 0; i < part->group_count && level < part->header.levels - 1; i++) {
		uint64_t index = part->groups[i] >> shift_of(level);

		if (i == 0 || index != part->groups[i - 1] >> shift_of(level))
			out_level->nodes[at++].index = index;
	}
	return true;
}

static enum bl_status list_all(const struct part *part, struct fresh *fresh, struct bl_error *why)
{
	for (unsigned level = 0; level < part->header.levels; level++)
		if (!list_touched(part, level, &fresh->levels[level]))
			return bl_fail(why, BL_NO_MEMORY,
				       "cannot hold the touched keys: out of memory");
	return BL_OK;
}

uint64_t part_tree_generations(const struct part *part)
{
	uint64_t count = (uint64_t)part->group_count * SEALED_GROUP_CHUNKS;

	for (unsigned level = 0; level < part->header.levels; level++)
		count += (uint64_t)count_touched(part, level) * SEALED_FAN;
	return count + 1; /* and the top key's */
}

/* The side that counts, of a node of the tree in part->nodes. BL_NOT_FOUND: there is no such node. */
static enum bl_status side_of(const struct part *part, unsigned level, uint64_t index,
			      unsigned *out_side, struct bl_error *why)
{
	struct nodes_node parent;
	struct tree_entry entry;

	if (level == part->header.levels - 1) {
		*out_side = part->header.top_side;
		return part->header.top_generation ? BL_OK : BL_NOT_FOUND;
	}

	enum bl_status status =
		nodes_node(part->nodes, level + 1, index / SEALED_FAN, &parent, why);

	if (status != BL_OK)
		return status;
	sodium_memzero(parent.key, sizeof(parent.key));
	if (parent.is_empty ||
	    !tree_entry_decode(parent.bytes + index % SEALED_FAN * SEALED_ENTRY, &entry) ||
	    entry.generation == 0)
		return BL_NOT_FOUND;
	*out_side = entry.side;
	return BL_OK;
}

/* ---- writing ------------------------------------------------------------------------------------ */

/* What one entry covers, with its key: as it is, or made anew. */
struct covered {
	bool is_empty;
	unsigned side;
	uint8_t key[VAULT_KEY], hash[SEALED_HASH];
};

static bool is_touched(const struct part *part, uint64_t group)
{
	size_t low = 0, high = part->group_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (part->groups[middle] < group)
			low = middle + 1;
		else
			high = middle;
	}
	return low < part->group_count && part->groups[low] == group;
}

static enum bl_status cover_group(struct part *part, struct rewrite_out *rewrite, uint64_t group,
				  struct covered *out, struct bl_error *why)
{
	struct nodes_group old;

	if (is_touched(part, group))
		return rewrite_group(part, rewrite, group, out->key, out->hash, &out->is_empty,
				     why);

	enum bl_status status = nodes_group(part->nodes, group, &old, why);

	if (status != BL_OK)
		return status;
	out->is_empty = old.is_zero;
	if (old.is_zero)
		return BL_OK;
	memcpy(out->key, old.key, VAULT_KEY);
	sealed_hash(old.index, sizeof(old.index), out->hash);
	sodium_memzero(old.key, sizeof(old.key));
	return BL_OK;
}

static const struct fresh_node *find_fresh(const struct fresh_level *level, uint64_t index)
{
	size_t low = 0, high = level->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (level->nodes[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < level->count && level->nodes[low].index == index ? &level->nodes[low] : NULL;
}

static enum bl_status cover_node(struct part *part, const struct fresh *fresh, unsigned level,
				 uint64_t index, unsigned side, struct covered *out,
				 struct bl_error *why)
{
	const struct fresh_node *node = find_fresh(&fresh->levels[level], index);
	struct nodes_node old;

	if (node) {
		out->side = node->side;
		memcpy(out->key, node->key, VAULT_KEY);
		memcpy(out->hash, node->hash, SEALED_HASH);
		return BL_OK;
	}

	enum bl_status status = nodes_node(part->nodes, level, index, &old, why);

	if (status != BL_OK)
		return status;
	out->side = side;
	memcpy(out->key, old.key, VAULT_KEY);
	sealed_hash(old.bytes, sizeof(old.bytes), out->hash);
	sodium_memzero(old.key, sizeof(old.key));
	return BL_OK;
}

/* Entry @e of a node under its new key, into @bytes. */
static enum bl_status write_entry(struct part *part, struct rewrite_out *rewrite,
				  const struct fresh *fresh, unsigned level,
				  const struct fresh_node *node, size_t e, const uint8_t *old,
				  uint8_t *bytes, struct bl_error *why)
{
	struct covered covered = {0};
	struct tree_entry entry;
	uint64_t child = node->index * SEALED_FAN + e;
	enum bl_status status;

	memset(bytes, 0, SEALED_ENTRY);
	if (!tree_entry_decode(old, &entry))
		return bl_fail(why, BL_TAMPERED,
			       "the image's keys do not verify (restore the store from a copy)");
	if (entry.generation == 0)
		return BL_OK;
	if (level == 0)
		status = cover_group(part, rewrite, child, &covered, why);
	else
		status = cover_node(part, fresh, level - 1, child, entry.side, &covered, why);
	if (status == BL_OK && !covered.is_empty) {
		tree_wrap(&part->names, node->key, level, child, part->generation++, covered.side,
			  covered.hash, covered.key, &entry);
		tree_entry_encode(&entry, bytes);
	}
	sodium_memzero(covered.key, sizeof(covered.key));
	return status;
}

/* A touched node, under a new key, to the side that does not count. */
static enum bl_status write_node(struct part *part, struct rewrite_out *rewrite,
				 const struct fresh *fresh, unsigned level, struct fresh_node *node,
				 struct bl_error *why)
{
	struct nodes_node old;
	uint8_t bytes[SEALED_PAGE];
	unsigned side = 0;
	enum bl_status status = side_of(part, level, node->index, &side, why);

	if (status == BL_OK)
		status = nodes_node(part->nodes, level, node->index, &old, why);
	if (status != BL_OK)
		return status;
	sodium_memzero(old.key, sizeof(old.key));
	node->side = 1 - side;
	randombytes_buf(node->key, sizeof(node->key));
	for (size_t e = 0; e < SEALED_FAN && status == BL_OK; e++)
		status = write_entry(part, rewrite, fresh, level, node, e,
				     old.bytes + e * SEALED_ENTRY, bytes + e * SEALED_ENTRY, why);
	if (status != BL_OK)
		return status;
	sealed_hash(bytes, sizeof(bytes), node->hash);
	return sealed_io_write(part->files.io, part->files.keys, bytes, sizeof(bytes),
			       tree_place(part->header.levels, level, node->index, node->side),
			       "keys", why);
}

static void name_top(struct part *part, const struct fresh_node *top,
		     const uint8_t new_root[VAULT_KEY])
{
	struct sealed_header *header = &part->header;
	struct tree_entry entry;
	uint8_t with[VAULT_KEY];

	tree_top_key(new_root, with);
	tree_wrap(&part->names, with, 255, 0, part->generation++, top->side, top->hash, top->key,
		  &entry);
	sodium_memzero(with, sizeof(with));
	header->top_generation = entry.generation;
	header->top_side = top->side;
	memcpy(header->top_key, entry.wrapped, sizeof(entry.wrapped));
	memcpy(header->top_tag, entry.tag, sizeof(entry.tag));
	memcpy(header->top_hash, top->hash, sizeof(top->hash));
}

enum bl_status part_tree_write(struct part *part, struct rewrite_out *rewrite,
			       const uint8_t new_root[VAULT_KEY], struct bl_error *why)
{
	struct fresh fresh = {0};
	unsigned top = part->header.levels - 1;

	if (part->header.top_generation == 0)
		return BL_OK;

	enum bl_status status = list_all(part, &fresh, why);

	/* From the leaves up: a parent covers what its children are by then. */
	for (unsigned level = 0; level <= top && status == BL_OK; level++)
		for (size_t i = 0; i < fresh.levels[level].count && status == BL_OK; i++)
			status = write_node(part, rewrite, &fresh, level,
					    &fresh.levels[level].nodes[i], why);
	if (status == BL_OK)
		status = sealed_io_sync(part->files.io, part->files.keys, "keys", why);
	if (status == BL_OK)
		name_top(part, &fresh.levels[top].nodes[0], new_root);
	fresh_done(&fresh);
	return status;
}

/* ---- wiping ------------------------------------------------------------------------------------- */

static enum bl_status wipe_node(const struct part *part, unsigned level, uint64_t index,
				struct bl_error *why)
{
	uint8_t bytes[SEALED_PAGE];
	unsigned side;
	enum bl_status status = side_of(part, level, index, &side, why);

	if (status != BL_OK)
		return status == BL_NOT_FOUND ? BL_OK : status;
	randombytes_buf(bytes, sizeof(bytes));
	return sealed_io_write(part->files.io, part->files.keys, bytes, sizeof(bytes),
			       tree_place(part->header.levels, level, index, 1 - side), "keys",
			       why);
}

enum bl_status part_tree_wipe(struct part *part, struct bl_error *why)
{
	struct fresh touched = {0};
	enum bl_status status = list_all(part, &touched, why);

	for (unsigned level = 0; level < part->header.levels && status == BL_OK; level++)
		for (size_t i = 0; i < touched.levels[level].count && status == BL_OK; i++)
			status = wipe_node(part, level, touched.levels[level].nodes[i].index, why);
	if (status == BL_OK)
		status = sealed_io_sync(part->files.io, part->files.keys, "keys", why);
	fresh_done(&touched);
	return status;
}

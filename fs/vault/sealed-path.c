#include "fs/vault/sealed-path.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define TOP_LEVEL 255 /* in the entry of the top, which stands in the header */

static uint64_t index_at(uint64_t group, unsigned level)
{
	return group >> 6 * (level + 1);
}

static uint8_t *entry_of(struct path_node *parent, uint64_t index)
{
	return parent->bytes + (index % SEALED_FAN) * SEALED_ENTRY;
}

static struct tree_entry top_entry(const struct sealed_header *header)
{
	struct tree_entry entry = {.generation = header->top_generation, .side = header->top_side};

	memcpy(entry.wrapped, header->top_key, VAULT_KEY);
	memcpy(entry.tag, header->top_tag, SEALED_TAG);
	return entry;
}

static enum bl_status changed(struct bl_error *why)
{
	return bl_fail(why, BL_TAMPERED, "the image's keys are not what was written");
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum bl_status read_node(const struct path_owner *owner, const struct tree_entry *entry,
				const struct path_node *parent, unsigned level, uint64_t index,
				struct path_node *node, struct bl_error *why)
{
	bool is_top = level == owner->levels - 1;
	const uint8_t *with = is_top ? owner->path->top_key : parent->key;
	uint8_t hash[SEALED_HASH];

	node->is_there = false;

	enum bl_status status =
		sealed_read_at(owner->files->keys, node->bytes, SEALED_PAGE,
			       tree_place(owner->levels, level, index, entry->side), "keys", why);

	if (status != BL_OK)
		return status;
	sealed_hash(node->bytes, SEALED_PAGE, hash);
	if (tree_unwrap(owner->names, with, is_top ? TOP_LEVEL : level + 1, index, entry, hash,
			node->key) != BL_OK)
		return changed(why);
	node->index = index;
	node->side = entry->side;
	node->is_durable = true;
	node->is_dirty = node->is_written = false;
	node->is_there = true;
	return BL_OK;
}

/* The entry that stands for node (@level, @index), from its parent or from the header. */
static enum bl_status find_entry(const struct path_owner *owner, const struct sealed_header *header,
				 struct path_node *parent, unsigned level, uint64_t index,
				 struct tree_entry *out_entry, struct bl_error *why)
{
	if (level == owner->levels - 1)
		*out_entry = top_entry(header);
	else if (!tree_entry_decode(entry_of(parent, index), out_entry))
		return changed(why);
	return BL_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void make_node(struct path_node *node, uint64_t index)
{
	memset(node, 0, sizeof(*node));
	node->index = index;
	node->is_there = true;
	randombytes_buf(node->key, sizeof(node->key));
}

static enum bl_status load_node(struct path_owner *owner, const struct sealed_header *header,
				unsigned level, uint64_t index, struct bl_error *why)
{
	struct path_node *node = &owner->path->now[level];
	struct path_node *parent = level + 1 < owner->levels ? &owner->path->now[level + 1] : NULL;
	struct tree_entry entry;
	enum bl_status status = find_entry(owner, header, parent, level, index, &entry, why);

	if (status != BL_OK)
		return status;
	if (entry.generation == 0)
		make_node(node, index);
	else
		status = read_node(owner, &entry, parent, level, index, node, why);
	return status;
}

/* Never over what the last durable header reaches: a crash leaves one whole tree. */
static enum bl_status write_node(struct path_owner *owner, unsigned level,
				 struct tree_entry *out_entry, struct bl_error *why)
{
	struct path_node *node = &owner->path->now[level];
	bool is_top = level == owner->levels - 1;
	const uint8_t *with = is_top ? owner->path->top_key : owner->path->now[level + 1].key;
	unsigned side = node->is_durable ? 1 - node->side : 0;
	uint8_t hash[SEALED_HASH];

	owner->has_written = true;

	enum bl_status status =
		sealed_io_write(owner->files->io, owner->files->keys, node->bytes, SEALED_PAGE,
				tree_place(owner->levels, level, node->index, side), "keys", why);

	if (status != BL_OK)
		return status;
	sealed_hash(node->bytes, SEALED_PAGE, hash);
	tree_wrap(owner->names, with, is_top ? TOP_LEVEL : level + 1, node->index,
		  owner->generation++, side, hash, node->key, out_entry);
	node->is_dirty = false;
	node->is_written = true;
	return BL_OK;
}

/* Levels below the top only: their entries go into their parents. */
static enum bl_status flush_below(struct path_owner *owner, unsigned levels, struct bl_error *why)
{
	for (unsigned level = 0; level < levels; level++) {
		struct path_node *node = &owner->path->now[level];
		struct path_node *parent = &owner->path->now[level + 1];
		struct tree_entry entry;

		if (!node->is_there || !node->is_dirty)
			continue;

		enum bl_status status = write_node(owner, level, &entry, why);

		if (status != BL_OK)
			return status;
		tree_entry_encode(&entry, entry_of(parent, node->index));
		parent->is_dirty = true;
	}
	return BL_OK;
}

enum bl_status path_seek(struct path_owner *owner, const struct sealed_header *header,
			 uint64_t group, struct bl_error *why)
{
	struct path_node *now = owner->path->now;
	unsigned stale = owner->levels; /* from here on up all are as they must be */

	assert(index_at(group, owner->levels - 1) == 0);
	while (stale > 0 && now[stale - 1].is_there &&
	       now[stale - 1].index == index_at(group, stale - 1))
		stale--;
	if (stale == 0)
		return BL_OK;

	enum bl_status status = flush_below(owner, BL_MIN(stale, owner->levels - 1), why);

	/* What was looked back at may have been filled further since. */
	for (unsigned level = 0; level < owner->levels; level++)
		owner->path->seen[level].is_there = false;
	for (unsigned level = stale; level-- > 0 && status == BL_OK;)
		status = load_node(owner, header, level, index_at(group, level), why);
	return status;
}

void path_add(struct path_owner *owner, uint64_t group,
	      const uint8_t index_bytes[SEALED_GROUP_INDEX], const uint8_t group_key[VAULT_KEY])
{
	struct path_node *leaf = &owner->path->now[0];
	uint8_t hash[SEALED_HASH];
	struct tree_entry entry;

	assert(leaf->is_there && leaf->index == index_at(group, 0));
	sealed_hash(index_bytes, SEALED_GROUP_INDEX, hash);
	tree_wrap(owner->names, leaf->key, 0, group, owner->generation++, 0, hash, group_key,
		  &entry);
	tree_entry_encode(&entry, entry_of(leaf, group));
	leaf->is_dirty = true;
}

enum bl_status path_flush(struct path_owner *owner, struct sealed_header *header,
			  struct bl_error *why)
{
	struct path_node *top = &owner->path->now[owner->levels - 1];
	struct tree_entry entry;
	enum bl_status status = flush_below(owner, owner->levels - 1, why);

	if (status != BL_OK || !top->is_there || !top->is_dirty)
		return status;
	status = write_node(owner, owner->levels - 1, &entry, why);
	if (status != BL_OK)
		return status;
	header->top_generation = entry.generation;
	header->top_side = entry.side;
	memcpy(header->top_key, entry.wrapped, VAULT_KEY);
	memcpy(header->top_tag, entry.tag, SEALED_TAG);
	sealed_hash(top->bytes, SEALED_PAGE, header->top_hash);
	return BL_OK;
}

void path_settled(struct path_owner *owner)
{
	for (unsigned level = 0; level < owner->levels; level++) {
		struct path_node *node = &owner->path->now[level];

		if (!node->is_written)
			continue;
		node->side = node->is_durable ? 1 - node->side : 0;
		node->is_durable = true;
		node->is_written = false;
	}
}

/* ---- looking back ---------------------------------------------------------------------------- */

/* The node on the way to @group: the one being written, the one looked at last, or one read now. NULL and BL_OK: nothing is there. */
static enum bl_status see_node(struct path_owner *owner, const struct sealed_header *header,
			       struct path_node *parent, unsigned level, uint64_t index,
			       struct path_node **out_node, struct bl_error *why)
{
	struct path_node *now = &owner->path->now[level], *seen = &owner->path->seen[level];
	struct tree_entry entry;
	enum bl_status status = BL_OK;

	*out_node = now->is_there && now->index == index ? now : seen;
	if (*out_node == now || (seen->is_there && seen->index == index))
		return BL_OK;
	status = find_entry(owner, header, parent, level, index, &entry, why);
	if (status != BL_OK)
		return status;
	if (entry.generation == 0)
		*out_node = NULL;
	else
		status = read_node(owner, &entry, parent, level, index, seen, why);
	return status;
}

enum bl_status path_find(struct path_owner *owner, const struct sealed_header *header,
			 uint64_t group, const uint8_t index_bytes[SEALED_GROUP_INDEX],
			 uint8_t out_key[VAULT_KEY], struct bl_error *why)
{
	struct path_node *node = NULL;
	struct tree_entry entry;
	uint8_t hash[SEALED_HASH];

	for (unsigned level = owner->levels; level-- > 0;) {
		enum bl_status status =
			see_node(owner, header, node, level, index_at(group, level), &node, why);

		if (status != BL_OK)
			return status;
		if (!node)
			return BL_NOT_FOUND;
	}
	/* A header without levels was refused when it was read. */
	if (!node || !tree_entry_decode(entry_of(node, group), &entry))
		return changed(why);
	if (entry.generation == 0)
		return BL_NOT_FOUND;
	sealed_hash(index_bytes, SEALED_GROUP_INDEX, hash);
	if (tree_unwrap(owner->names, node->key, 0, group, &entry, hash, out_key) != BL_OK)
		return changed(why);
	return BL_OK;
}

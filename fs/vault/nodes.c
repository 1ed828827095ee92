#include "fs/vault/nodes.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WAYS	 8 /* of a set of the cache */
#define FAN_BITS 6

_Static_assert(1 << FAN_BITS == SEALED_FAN, "a child's number has its parent's in front");

/* A cache of sets of WAYS; the bytes are not secret, the keys are. */
struct kept {
	size_t sets, item_bytes;
	uint64_t *tags; /* 0: free */
	uint64_t *stamps;
	uint8_t *bytes;
	uint8_t *keys; /* vault_guarded */
	uint64_t now;
};

struct nodes {
	const struct sealed_header *header;
	const struct sealed_files *files;
	struct sealed_names names;
	pthread_mutex_t lock; /* over both caches; never held while the disk is read */
	struct kept node_cache, group_cache;
	uint8_t *top_key; /* vault_guarded; the top node stays */
	uint8_t top[SEALED_PAGE];
};

/* ---- the cache ---------------------------------------------------------------------------------- */

static bool kept_init(struct kept *kept, uint64_t wanted, size_t most, size_t item_bytes)
{
	size_t items = wanted < most ? (size_t)wanted : most;

	kept->sets = items / WAYS + (items % WAYS != 0);
	items = kept->sets * WAYS;
	kept->item_bytes = item_bytes;
	kept->tags = calloc(items, sizeof(*kept->tags));
	kept->stamps = calloc(items, sizeof(*kept->stamps));
	kept->bytes = calloc(items, item_bytes);
	kept->keys = vault_guarded(items, VAULT_KEY);
	return kept->tags && kept->stamps && kept->bytes && kept->keys;
}

static void kept_done(struct kept *kept)
{
	free(kept->tags);
	free(kept->stamps);
	free(kept->bytes);
	sodium_free(kept->keys);
}

static size_t set_of(const struct kept *kept, uint64_t tag)
{
	return (size_t)((tag * UINT64_C(0x9e3779b97f4a7c15) >> 32) % kept->sets) * WAYS;
}

static bool kept_get(struct kept *kept, uint64_t tag, uint8_t key[VAULT_KEY], uint8_t *bytes)
{
	size_t first = set_of(kept, tag);

	for (size_t i = first; i < first + WAYS; i++) {
		if (kept->tags[i] != tag)
			continue;
		kept->stamps[i] = ++kept->now;
		memcpy(key, kept->keys + i * VAULT_KEY, VAULT_KEY);
		memcpy(bytes, kept->bytes + i * kept->item_bytes, kept->item_bytes);
		return true;
	}
	return false;
}

/* Over the same one (two threads loaded it), a free one, or the one that was used longest ago: its key is overwritten. */
static void kept_put(struct kept *kept, uint64_t tag, const uint8_t key[VAULT_KEY],
		     const uint8_t *bytes)
{
	size_t first = set_of(kept, tag), best = first;

	for (size_t i = first; i < first + WAYS; i++) {
		if (kept->tags[i] == tag) {
			best = i;
			break;
		}
		if (kept->stamps[i] < kept->stamps[best])
			best = i;
	}
	kept->tags[best] = tag;
	kept->stamps[best] = ++kept->now;
	memcpy(kept->keys + best * VAULT_KEY, key, VAULT_KEY);
	memcpy(kept->bytes + best * kept->item_bytes, bytes, kept->item_bytes);
}

static bool get(struct nodes *nodes, struct kept *kept, uint64_t tag, uint8_t key[VAULT_KEY],
		uint8_t *bytes)
{
	pthread_mutex_lock(&nodes->lock);

	bool is_there = kept_get(kept, tag, key, bytes);

	pthread_mutex_unlock(&nodes->lock);
	return is_there;
}

static void put(struct nodes *nodes, struct kept *kept, uint64_t tag, const uint8_t key[VAULT_KEY],
		const uint8_t *bytes)
{
	pthread_mutex_lock(&nodes->lock);
	kept_put(kept, tag, key, bytes);
	pthread_mutex_unlock(&nodes->lock);
}

static uint64_t node_tag(unsigned level, uint64_t index)
{
	return (uint64_t)(level + 1) << 56 | index;
}

/* ---- reading and verifying ----------------------------------------------------------------------- */

static enum bl_status mismatch(struct bl_error *why)
{
	return bl_fail(why, BL_TAMPERED,
		       "the image's keys do not verify (restore the store from a copy)");
}

/* The node that @entry stands for, by the key @with of its parent (@level: 255 for the header). */
static enum bl_status read_node(const struct nodes *nodes, const uint8_t with[VAULT_KEY],
				unsigned parent_level, const struct tree_entry *entry,
				unsigned level, uint64_t index, struct nodes_node *out_node,
				struct bl_error *why)
{
	uint8_t hash[SEALED_HASH], bytes[SEALED_PAGE], key[VAULT_KEY];
	enum bl_status status = sealed_read_at(
		nodes->files->keys, bytes, sizeof(bytes),
		tree_place(nodes->header->levels, level, index, entry->side), "keys", why);

	if (status != BL_OK)
		return status;
	sealed_hash(bytes, sizeof(bytes), hash);
	if (tree_unwrap(&nodes->names, with, parent_level, index, entry, hash, key) != BL_OK)
		return mismatch(why);
	out_node->is_empty = false;
	memcpy(out_node->key, key, sizeof(key));
	memcpy(out_node->bytes, bytes, sizeof(bytes));
	sodium_memzero(key, sizeof(key));
	return BL_OK;
}

/* One step down: @node is the parent of (@level, @index), and then that one. */
static enum bl_status step_down(struct nodes *nodes, unsigned level, uint64_t index,
				struct nodes_node *node, struct bl_error *why)
{
	struct tree_entry entry;
	uint8_t with[VAULT_KEY];

	if (!tree_entry_decode(node->bytes + (index % SEALED_FAN) * SEALED_ENTRY, &entry))
		return mismatch(why);
	if (entry.generation == 0) {
		node->is_empty = true;
		return BL_OK;
	}
	memcpy(with, node->key, sizeof(with));

	enum bl_status status = read_node(nodes, with, level + 1, &entry, level, index, node, why);

	sodium_memzero(with, sizeof(with));
	if (status == BL_OK)
		put(nodes, &nodes->node_cache, node_tag(level, index), node->key, node->bytes);
	return status;
}

/* The lowest one that is in memory on the way from the top to (@level, @index); its level. */
static unsigned nearest(struct nodes *nodes, unsigned level, uint64_t index,
			struct nodes_node *out_node)
{
	unsigned top = nodes->header->levels - 1, at = level;

	out_node->is_empty = nodes->header->top_generation == 0;
	if (out_node->is_empty)
		return top;
	while (at < top && !get(nodes, &nodes->node_cache, node_tag(at, index), out_node->key,
				out_node->bytes)) {
		at++;
		index >>= FAN_BITS;
	}
	if (at == top) {
		memcpy(out_node->key, nodes->top_key, VAULT_KEY);
		memcpy(out_node->bytes, nodes->top, sizeof(nodes->top));
	}
	return at;
}

enum bl_status nodes_node(struct nodes *nodes, unsigned level, uint64_t index,
			  struct nodes_node *out_node, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	unsigned at = nearest(nodes, level, index, out_node);

	while (status == BL_OK && !out_node->is_empty && at > level) {
		at--;
		status = step_down(nodes, at, index >> FAN_BITS * (at - level), out_node, why);
	}
	if (status != BL_OK || out_node->is_empty)
		sodium_memzero(out_node->key, sizeof(out_node->key));
	return status;
}

/* By its entry in the leaf; the index is checked before any of it counts. */
static enum bl_status read_group(struct nodes *nodes, const struct nodes_node *leaf, uint64_t group,
				 struct nodes_group *out_group, struct bl_error *why)
{
	struct tree_entry entry;
	uint8_t hash[SEALED_HASH];

	if (!tree_entry_decode(leaf->bytes + (group % SEALED_FAN) * SEALED_ENTRY, &entry))
		return mismatch(why);
	out_group->is_zero = entry.generation == 0;
	if (out_group->is_zero)
		return BL_OK;

	enum bl_status status =
		sealed_read_at(nodes->files->index, out_group->index, sizeof(out_group->index),
			       group * SEALED_GROUP_INDEX, "index", why);

	if (status != BL_OK)
		return status;
	sealed_hash(out_group->index, sizeof(out_group->index), hash);
	if (tree_unwrap(&nodes->names, leaf->key, 0, group, &entry, hash, out_group->key) != BL_OK)
		return mismatch(why);
	put(nodes, &nodes->group_cache, group + 1, out_group->key, out_group->index);
	return BL_OK;
}

enum bl_status nodes_group(struct nodes *nodes, uint64_t group, struct nodes_group *out_group,
			   struct bl_error *why)
{
	struct nodes_node leaf;

	out_group->is_zero = false;
	if (get(nodes, &nodes->group_cache, group + 1, out_group->key, out_group->index))
		return BL_OK;

	enum bl_status status = nodes_node(nodes, 0, group >> FAN_BITS, &leaf, why);

	if (status != BL_OK)
		return status;
	if (leaf.is_empty) {
		out_group->is_zero = true;
		return BL_OK;
	}
	status = read_group(nodes, &leaf, group, out_group, why);
	sodium_memzero(leaf.key, sizeof(leaf.key));
	return status;
}

/* ---- life ---------------------------------------------------------------------------------------- */

static enum bl_status read_top(struct nodes *nodes, const uint8_t root[VAULT_KEY],
			       struct bl_error *why)
{
	const struct sealed_header *header = nodes->header;
	struct tree_entry entry = {.generation = header->top_generation, .side = header->top_side};
	struct nodes_node top;
	uint8_t with[VAULT_KEY];

	if (entry.generation == 0)
		return BL_OK;
	memcpy(entry.wrapped, header->top_key, sizeof(entry.wrapped));
	memcpy(entry.tag, header->top_tag, sizeof(entry.tag));
	tree_top_key(root, with);

	enum bl_status status =
		read_node(nodes, with, 255, &entry, header->levels - 1, 0, &top, why);

	sodium_memzero(with, sizeof(with));
	if (status != BL_OK)
		return status;
	memcpy(nodes->top_key, top.key, VAULT_KEY);
	memcpy(nodes->top, top.bytes, sizeof(nodes->top));
	sodium_memzero(top.key, sizeof(top.key));
	return BL_OK;
}

static bool caches_init(struct nodes *nodes)
{
	uint64_t groups = BL_MAX(sealed_groups(nodes->header->image_bytes), 1), count = 0;

	for (unsigned level = 0; level + 1 < nodes->header->levels; level++)
		count += (groups >> FAN_BITS * (level + 1)) + 1;
	return kept_init(&nodes->node_cache, BL_MAX(count, 1), NODES_MOST, SEALED_PAGE) &&
	       kept_init(&nodes->group_cache, groups, NODES_GROUPS_MOST, SEALED_GROUP_INDEX);
}

enum bl_status nodes_open(const struct sealed_header *header, const struct sealed_files *files,
			  const uint8_t root[VAULT_KEY], struct nodes **out_nodes,
			  struct bl_error *why)
{
	BL_CLEANUP(nodes_close) struct nodes *nodes = calloc(1, sizeof(*nodes));

	if (!nodes)
		return bl_fail(why, BL_NO_MEMORY, "cannot hold keys: out of memory");
	nodes->header = header;
	nodes->files = files;
	sealed_names_of(header, &nodes->names);
	pthread_mutex_init(&nodes->lock, NULL);
	nodes->top_key = vault_guarded(1, VAULT_KEY);
	if (!nodes->top_key || !caches_init(nodes))
		return bl_fail(why, BL_NO_MEMORY,
			       "no memory can be locked for the image's keys (raise LimitMEMLOCK)");

	enum bl_status status = read_top(nodes, root, why);

	if (status == BL_OK)
		*out_nodes = BL_TAKE(nodes);
	return status;
}

void nodes_close(struct nodes *nodes)
{
	if (!nodes)
		return;
	kept_done(&nodes->node_cache);
	kept_done(&nodes->group_cache);
	sodium_free(nodes->top_key);
	pthread_mutex_destroy(&nodes->lock);
	free(nodes);
}

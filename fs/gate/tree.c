#include "fs/gate/private.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 1024u

/* Names of one directory; entries point into it. */
struct block {
	struct block *next;
	char *names;
	size_t length;
};

struct tree {
	struct entry **chunks;
	size_t chunk_count, chunk_room;
	uint32_t count;
	struct tree_index names, marks, inodes;
	struct block *blocks;
	uint8_t hash_key[crypto_shorthash_KEYBYTES]; /* names are hostile: chains must not be */
};

/* ---- fresh ------------------------------------------------------------------------------------- */

static void find_free(struct name_find *find)
{
	if (find)
		detect_spans_free(&find->spans);
	free(find);
}

void fresh_done(struct fresh *fresh)
{
	for (size_t i = 0; i < fresh->count; i++)
		find_free(fresh->items[i].find);
	free(fresh->items);
	if (fresh->names)
		sodium_memzero(fresh->names, fresh->names_room);
	free(fresh->names);
	memset(fresh, 0, sizeof(*fresh));
}

static bool fresh_room(struct fresh *fresh, size_t name_bytes)
{
	if (fresh->count == fresh->room) {
		size_t room = fresh->room ? fresh->room * 2 : 64;
		struct fresh_entry *items = realloc(fresh->items, room * sizeof(*items));

		if (!items)
			return false;
		fresh->items = items;
		fresh->room = room;
	}
	if (fresh->names_room - fresh->names_length < name_bytes) {
		size_t room = fresh->names_room ? fresh->names_room * 2 : 4096;
		char *names = realloc(fresh->names, room);

		if (!names)
			return false;
		fresh->names = names;
		fresh->names_room = room;
	}
	return true;
}

bool fresh_add(struct fresh *fresh, const struct image_entry *entry, unsigned volume,
	       enum entry_kind kind)
{
	if (entry->length == 0 || entry->length > IMAGE_NAME_LIMIT)
		return true;
	if (fresh->count >= GATE_ENTRIES) {
		fresh->status = BL_TOO_LARGE;
		return false;
	}
	if (!fresh_room(fresh, entry->length + 1)) {
		fresh->status = BL_NO_MEMORY;
		return false;
	}
	fresh->items[fresh->count++] = (struct fresh_entry){
		.inode = entry->inode,
		.identity = entry->identity,
		.name = fresh->names_length,
		.length = (uint8_t)entry->length,
		.kind = (uint8_t)kind,
		.volume = (uint16_t)volume,
		.attr = entry->attr,
	};
	memcpy(fresh->names + fresh->names_length, entry->name, entry->length);
	fresh->names[fresh->names_length + entry->length] = 0;
	fresh->names_length += entry->length + 1;
	return true;
}

/* ---- index ------------------------------------------------------------------------------------- */

static void index_put(struct tree_index *index, uint32_t hash, uint32_t id)
{
	size_t at = hash & (index->room - 1);

	while (index->slots[at].id)
		at = (at + 1) & (index->room - 1);
	index->slots[at] = (struct index_slot){hash, id};
	index->used++;
}

static bool index_reserve(struct tree_index *index, size_t extra)
{
	size_t room = index->room ? index->room : 64;

	while ((index->used + extra) * 2 > room)
		room *= 2;
	if (room == index->room)
		return true;
	struct tree_index bigger = {.slots = calloc(room, sizeof(*bigger.slots)), .room = room};

	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < index->room; i++) {
		if (index->slots[i].id)
			index_put(&bigger, index->slots[i].hash, index->slots[i].id);
	}
	free(index->slots);
	*index = bigger;
	return true;
}

/* The next entry with this hash from *at on; 0 at the end. Start with *at = hash. */
static uint32_t index_next(const struct tree_index *index, uint32_t hash, size_t *at)
{
	if (!index->room)
		return 0;
	for (;;) {
		const struct index_slot *slot = &index->slots[*at & (index->room - 1)];

		if (!slot->id)
			return 0;
		++*at;
		if (slot->hash == hash)
			return slot->id;
	}
}

static uint32_t hash_of(const struct tree *tree, uint64_t number, const char *bytes, size_t length)
{
	uint8_t in[sizeof(number) + IMAGE_NAME_LIMIT], out[crypto_shorthash_BYTES];

	bl_put64(in, number);
	memcpy(in + sizeof(number), bytes, length);
	crypto_shorthash(out, in, sizeof(number) + length, tree->hash_key);
	return bl_get32(out);
}

static uint32_t identity_hash(const struct tree *tree, unsigned volume, uint64_t identity)
{
	char text[2];

	bl_put16((uint8_t *)text, (uint16_t)volume);
	return hash_of(tree, identity, text, sizeof(text));
}

/* ---- tree -------------------------------------------------------------------------------------- */

static enum bl_status tree_grow(struct tree *tree, uint32_t count)
{
	size_t chunks = ((size_t)count + CHUNK - 1) / CHUNK;

	if (chunks > tree->chunk_room) {
		size_t room = BL_MAX(chunks, tree->chunk_room * 2);
		struct entry **grown = realloc(tree->chunks, room * sizeof(*grown));

		if (!grown)
			return BL_NO_MEMORY;
		tree->chunks = grown;
		tree->chunk_room = room;
	}
	while (tree->chunk_count < chunks) {
		struct entry *chunk = calloc(CHUNK, sizeof(*chunk));

		if (!chunk)
			return BL_NO_MEMORY;
		tree->chunks[tree->chunk_count++] = chunk;
	}
	return BL_OK;
}

struct tree *tree_new(void)
{
	BL_CLEANUP(tree_free) struct tree *tree = calloc(1, sizeof(*tree));

	if (!tree || tree_grow(tree, 1) != BL_OK)
		return NULL;
	crypto_shorthash_keygen(tree->hash_key);
	tree->count = 1;
	*tree->chunks[0] = (struct entry){.name = "",
					  .kind = ENTRY_DEVICE,
					  .attr = {.type = IMAGE_DIR, .mode = 040555, .nlink = 1}};
	return BL_TAKE(tree);
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	for (uint32_t id = 0; id < tree->count; id++)
		find_free(tree_entry(tree, id)->find);
	while (tree->blocks) {
		struct block *block = tree->blocks;

		tree->blocks = block->next;
		sodium_memzero(block->names, block->length);
		free(block->names);
		free(block);
	}
	for (size_t i = 0; i < tree->chunk_count; i++)
		free(tree->chunks[i]);
	free(tree->chunks);
	free(tree->names.slots);
	free(tree->marks.slots);
	free(tree->inodes.slots);
	free(tree);
}

uint32_t tree_count(const struct tree *tree)
{
	return tree->count;
}

/* An id of the tree's own is always there. */
static struct entry *at_id(const struct tree *tree, uint32_t id)
{
	return &tree->chunks[id / CHUNK][id % CHUNK];
}

struct entry *tree_entry(const struct tree *tree, uint32_t id)
{
	return id < tree->count ? at_id(tree, id) : NULL;
}

struct entry *tree_find_name(const struct tree *tree, uint32_t parent, const char *name,
			     size_t length)
{
	if (length == 0 || length > IMAGE_NAME_LIMIT)
		return NULL;
	uint32_t hash = hash_of(tree, parent, name, length);
	size_t at = hash;
	uint32_t id;

	while ((id = index_next(&tree->names, hash, &at))) {
		struct entry *entry = at_id(tree, id);

		if (entry->parent == parent && entry->length == length &&
		    memcmp(entry->name, name, length) == 0)
			return entry;
	}
	return NULL;
}

struct entry *tree_find_mark(const struct tree *tree, uint32_t parent, const char *mark,
			     const uint8_t mark_key[MASK_KEY])
{
	uint32_t hash = hash_of(tree, parent, mark, MASK_MARK);
	size_t at = hash;
	uint32_t id;

	while ((id = index_next(&tree->marks, hash, &at))) {
		struct entry *entry = at_id(tree, id);
		char own[MASK_MARK + 1];

		if (entry->parent != parent)
			continue;
		mask_mark(mark_key, entry->find->node_id, own);
		if (memcmp(own, mark, MASK_MARK) == 0)
			return entry;
	}
	return NULL;
}

/* Put the entry into the ring of its file, and count the links that its directory had of it already. */
static uint32_t link_in(struct tree *tree, struct entry *entry)
{
	uint32_t hash = identity_hash(tree, entry->volume, entry->identity);
	size_t at = hash;
	uint32_t id, ordinal = 0;

	entry->next_link = entry->id;
	while ((id = index_next(&tree->inodes, hash, &at))) {
		struct entry *first = at_id(tree, id);

		if (first->identity != entry->identity || first->volume != entry->volume)
			continue;
		struct entry *link = first;

		for (uint32_t seen = 0; seen < GATE_LINKS; seen++) {
			ordinal += link->parent == entry->parent;
			link = at_id(tree, link->next_link);
			if (link == first)
				break;
		}
		entry->next_link = first->next_link;
		first->next_link = entry->id;
		return ordinal;
	}
	index_put(&tree->inodes, hash, entry->id);
	return 0;
}

/*
 * The number that an entry's mark is made of: of the node, never of the name, and the same after a restart. Several links
 * in one directory are told apart by their order; in a crowd of them by their place.
 */
static uint64_t node_id_of(const struct entry *entry, uint32_t ordinal, uint32_t position,
			   const uint8_t mark_key[MASK_KEY])
{
	uint8_t in[8 + 4 + 4], out[crypto_generichash_BYTES_MIN];

	bl_put64(in, entry->identity);
	bl_put32(in + 8, entry->volume);
	bl_put32(in + 12, ordinal < GATE_LINKS / 2 ? ordinal : GATE_LINKS + position);
	crypto_generichash(out, sizeof(out), in, sizeof(in), mark_key, MASK_KEY);
	return bl_get64(out);
}

static void index_mark(struct tree *tree, struct entry *entry, const uint8_t mark_key[MASK_KEY])
{
	char mark[MASK_MARK + 1];

	mask_mark(mark_key, entry->find->node_id, mark);
	index_put(&tree->marks, hash_of(tree, entry->parent, mark, MASK_MARK), entry->id);
}

static void install_one(struct tree *tree, struct entry *parent, struct fresh_entry *item,
			const char *name, const uint8_t mark_key[MASK_KEY])
{
	/* A second entry of a name could never be reached: the first one stays. */
	if (tree_find_name(tree, parent->id, name, item->length))
		return;
	struct entry *entry = &tree->chunks[tree->count / CHUNK][tree->count % CHUNK];

	*entry = (struct entry){
		.inode = item->inode,
		.identity = item->identity,
		.name = name,
		.find = BL_TAKE(item->find),
		.attr = item->attr,
		.id = tree->count,
		.parent = parent->id,
		.volume = item->volume,
		.depth = (uint16_t)(parent->depth + 1),
		.length = item->length,
		.kind = item->kind,
	};
	tree->count++;
	index_put(&tree->names, hash_of(tree, parent->id, name, item->length), entry->id);
	if (entry->kind != ENTRY_IMAGE) {
		entry->next_link = entry->id;
		return;
	}
	uint32_t ordinal = link_in(tree, entry);

	if (entry->find) {
		entry->find->node_id =
			node_id_of(entry, ordinal, entry->id - parent->first, mark_key);
		index_mark(tree, entry, mark_key);
	}
}

enum bl_status tree_install(struct tree *tree, struct entry *parent, struct fresh *fresh,
			    const uint8_t mark_key[MASK_KEY])
{
	if (fresh->count > GATE_ENTRIES - tree->count)
		return BL_TOO_LARGE;
	struct block *block = calloc(1, sizeof(*block));

	if (!block || tree_grow(tree, tree->count + (uint32_t)fresh->count) != BL_OK ||
	    !index_reserve(&tree->names, fresh->count) ||
	    !index_reserve(&tree->marks, fresh->count) ||
	    !index_reserve(&tree->inodes, fresh->count)) {
		free(block);
		return BL_NO_MEMORY;
	}
	*block = (struct block){tree->blocks, fresh->names, fresh->names_room};
	tree->blocks = block;
	fresh->names = NULL;
	fresh->names_room = 0;
	parent->first = tree->count;
	for (size_t i = 0; i < fresh->count; i++)
		install_one(tree, parent, &fresh->items[i], block->names + fresh->items[i].name,
			    mark_key);
	parent->count = tree->count - parent->first;
	return BL_OK;
}

/* Written from the end, so that nothing is kept on the way up. */
bool tree_path(const struct tree *tree, const struct entry *entry, const char *child,
	       char out[GATE_PATH], size_t *out_length)
{
	size_t at = GATE_PATH, length = child ? strlen(child) : 0;

	if (length >= at)
		return false;
	at -= length;
	memcpy(out + at, child ? child : "", length);
	bool has_tail = child != NULL;

	while (entry->id != 0) {
		if (at < (size_t)entry->length + has_tail)
			return false;
		if (has_tail)
			out[--at] = '/';
		at -= entry->length;
		memcpy(out + at, entry->name, entry->length);
		has_tail = true;
		entry = at_id(tree, entry->parent);
	}
	*out_length = GATE_PATH - at;
	memmove(out, out + at, *out_length);
	return true;
}

/* choose-walk.c - a stack of folders instead of recursion, and a set of those that were on it */
#include "fs/image/choose-walk.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct node {
	uint64_t inode, identity, owner;
	uint32_t state;
};

struct nodes {
	struct node *items;
	size_t count, room;
};

struct volume_walk {
	struct choose_walk *walk;
	unsigned volume;
	uint32_t state;	      /* of the folder that is listed */
	struct nodes folders; /* a stack */
	struct nodes unsure; /* of the folder that is listed: the image did not say what they are */
	struct node *seen;   /* folders, open addressing; state + 1, 0 is free */
	size_t seen_count, seen_size;
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct choose_files *files;
	bool is_whole;
	enum bl_status status; /* of the callback */
	struct bl_error *why;
};

void choose_files_done(struct choose_files *files)
{
	free(files->items);
	*files = (struct choose_files){0};
}

bool choose_is_fatal(enum bl_status status)
{
	return status == BL_NO_MEMORY || status == BL_STALE;
}

enum bl_status choose_walk_goes_on(const struct choose_walk *walk, uint64_t files,
				   struct bl_error *why)
{
	if (!walk->progress || walk->progress(walk->context, walk->files + files))
		return BL_OK;
	return bl_fail(why, BL_STALE, "choosing files was stopped");
}

static enum bl_status fail_memory(struct bl_error *why)
{
	return bl_fail(why, BL_NO_MEMORY, "cannot list the files of the image: out of memory");
}

/* ---- lists --------------------------------------------------------------------------------- */

static bool push(struct nodes *nodes, struct node node)
{
	if (nodes->count == nodes->room) {
		size_t room = nodes->room ? nodes->room * 2 : 64;
		struct node *items = reallocarray(nodes->items, room, sizeof(*items));

		if (!items)
			return false;
		nodes->items = items;
		nodes->room = room;
	}
	nodes->items[nodes->count++] = node;
	return true;
}

static size_t place_of(const struct volume_walk *vw, const struct node *node)
{
	uint8_t hash[crypto_shorthash_BYTES], bytes[12];

	bl_put64(bytes, node->inode);
	bl_put32(bytes + 8, node->state);
	crypto_shorthash(hash, bytes, sizeof(bytes), vw->key);
	return (size_t)bl_get64(hash) & (vw->seen_size - 1);
}

static bool grow_seen(struct volume_walk *vw)
{
	struct node *old = vw->seen;
	size_t old_size = vw->seen_size;
	size_t size = old_size ? old_size * 2 : 256;
	struct node *seen = calloc(size, sizeof(*seen));

	if (!seen)
		return false;
	vw->seen = seen;
	vw->seen_size = size;
	for (size_t i = 0; i < old_size; i++) {
		if (!old[i].state)
			continue;
		size_t at = place_of(vw, &old[i]);

		while (seen[at].state)
			at = (at + 1) & (size - 1);
		seen[at] = old[i];
	}
	free(old);
	return true;
}

static enum bl_status push_folder(struct volume_walk *vw, uint64_t inode, uint32_t state)
{
	struct node node = {.inode = inode, .state = state + 1};

	if (vw->seen_count * 2 >= vw->seen_size && !grow_seen(vw))
		return fail_memory(vw->why);
	size_t at = place_of(vw, &node);

	for (; vw->seen[at].state; at = (at + 1) & (vw->seen_size - 1))
		if (vw->seen[at].inode == inode && vw->seen[at].state == node.state)
			return BL_OK;
	vw->seen[at] = node;
	vw->seen_count++;
	return push(&vw->folders, (struct node){.inode = inode, .state = state})
		       ? BL_OK
		       : fail_memory(vw->why);
}

static enum bl_status push_file(struct volume_walk *vw, const struct node *node)
{
	struct choose_files *files = vw->files;

	if (files->count == files->room) {
		size_t room = files->room ? files->room * 2 : 256;
		struct choose_file *items = reallocarray(files->items, room, sizeof(*items));

		if (!items)
			return fail_memory(vw->why);
		files->items = items;
		files->room = room;
	}
	files->items[files->count++] = (struct choose_file){
		.identity = node->identity,
		.inode = node->inode,
		.owner = node->owner,
		.verdicts = (uint8_t)choose_match_verdict(vw->walk->match, node->state),
	};
	return BL_OK;
}

/* ---- one folder ---------------------------------------------------------------------------- */

static enum bl_status take(struct volume_walk *vw, const struct node *node, enum image_type type)
{
	switch (type) {
	case IMAGE_DIR:
		return push_folder(vw, node->inode, node->state);
	case IMAGE_FILE:
		return push_file(vw, node);
	case IMAGE_LINK:
	case IMAGE_OTHER:
		break;
	}
	return BL_OK;
}

static bool see(void *context, const struct image_entry *entry)
{
	struct volume_walk *vw = context;
	struct node node = {
		.inode = entry->inode, .identity = entry->identity, .owner = entry->owner};

	if (++vw->walk->entries > CHOOSE_ENTRIES) {
		vw->status = bl_fail(vw->why, BL_TOO_LARGE, "the image has more than %u files",
				     CHOOSE_ENTRIES);
		return false;
	}
	vw->status = choose_match_step(vw->walk->match, vw->state, entry->name, entry->length,
				       &node.state, vw->why);
	if (vw->status != BL_OK)
		return false;
	if (entry->has_attr)
		vw->status = take(vw, &node, entry->attr.type);
	else if (!push(&vw->unsure, node))
		vw->status = fail_memory(vw->why);
	return vw->status == BL_OK;
}

/* What cannot be looked at is of no matter where it and all below it would be kept anyway. */
static enum bl_status miss(struct volume_walk *vw, uint32_t state, enum bl_status status,
			   const struct bl_error *told)
{
	bool is_settled = choose_match_is_settled(vw->walk->match, state);

	if (choose_is_fatal(status) || (status == BL_TIMED_OUT && !is_settled)) {
		if (vw->why)
			*vw->why = *told;
		return status;
	}
	if (!is_settled)
		vw->is_whole = false;
	return BL_OK;
}

static enum bl_status ask_unsure(struct volume_walk *vw)
{
	enum bl_status status = BL_OK;

	for (size_t i = 0; status == BL_OK && vw->is_whole && i < vw->unsure.count; i++) {
		const struct node *node = &vw->unsure.items[i];
		struct bl_error told = {{0}};
		struct image_attr attr;

		status = image_stat(vw->walk->image, vw->volume, node->inode, &attr, &told);
		status = status == BL_OK ? take(vw, node, attr.type)
					 : miss(vw, node->state, status, &told);
	}
	return status;
}

static enum bl_status list_folder(struct volume_walk *vw, struct node folder)
{
	struct bl_error told = {{0}};

	vw->state = folder.state;
	vw->status = BL_OK;
	vw->unsure.count = 0;
	enum bl_status status =
		image_list(vw->walk->image, vw->volume, folder.inode, see, vw, &told);

	if (vw->status != BL_OK)
		return vw->status;
	if (status != BL_OK)
		status = miss(vw, folder.state, status, &told);
	if (status == BL_OK)
		status = ask_unsure(vw);
	return status == BL_OK ? choose_walk_goes_on(vw->walk, vw->files->count, vw->why) : status;
}

/* ---- one volume ---------------------------------------------------------------------------- */

static uint64_t family_of(const struct choose_file *file)
{
	return file->owner ? file->owner : file->identity;
}

static int by_identity(const void *left, const void *right)
{
	const struct choose_file *a = left, *b = right;

	if (family_of(a) != family_of(b))
		return family_of(a) < family_of(b) ? -1 : 1;
	/* The file itself before its streams. */
	if (!a->owner != !b->owner)
		return a->owner ? 1 : -1;
	if (a->identity != b->identity)
		return a->identity < b->identity ? -1 : 1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

/* What is said of one name is said of the file: all its names get all verdicts, then one of each inode stays. */
static void join_names(struct choose_files *files)
{
	struct choose_file *items = files->items;
	size_t kept = 0;

	if (files->count == 0)
		return;
	qsort(items, files->count, sizeof(*items), by_identity);
	for (size_t from = 0, until; from < files->count; from = until) {
		uint8_t verdicts = 0;

		for (until = from;
		     until < files->count && items[until].identity == items[from].identity; until++)
			verdicts |= items[until].verdicts;
		for (size_t i = from; i < until; i++) {
			if (i > from && items[i].inode == items[kept - 1].inode)
				continue;
			items[kept] = items[i];
			items[kept++].verdicts = verdicts;
		}
	}
	files->count = kept;
}

/* A file that goes takes its streams with it. */
static void follow_owners(struct choose_files *files)
{
	const struct choose_file *owner = NULL;

	for (size_t i = 0; i < files->count; i++) {
		struct choose_file *file = &files->items[i];

		if (!file->owner)
			owner = file;
		else if (owner && owner->identity == file->owner &&
			 !(owner->verdicts & CHOOSE_KEPT))
			file->verdicts =
				(uint8_t)((file->verdicts & ~CHOOSE_KEPT) | owner->verdicts);
	}
}

static void done(struct volume_walk *vw)
{
	free(vw->folders.items);
	free(vw->unsure.items);
	free(vw->seen);
}

enum bl_status choose_walk_volume(struct choose_walk *walk, unsigned volume,
				  struct choose_files *out_files, bool *out_is_whole,
				  struct bl_error *why)
{
	struct volume_walk vw = {
		.walk = walk, .volume = volume, .files = out_files, .is_whole = true, .why = why};
	uint32_t root = 0;
	enum bl_status status = choose_match_root(walk->match, volume, &root, why);

	crypto_shorthash_keygen(vw.key);
	if (status == BL_OK)
		status = push_folder(&vw, image_volume(walk->image, volume)->root, root);
	while (status == BL_OK && vw.is_whole && vw.folders.count > 0)
		status = list_folder(&vw, vw.folders.items[--vw.folders.count]);
	done(&vw);
	if (status != BL_OK)
		return status;
	join_names(out_files);
	follow_owners(out_files);
	*out_is_whole = vw.is_whole;
	return BL_OK;
}

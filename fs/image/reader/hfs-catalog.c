/*
 * HFS+: what libtsk does not look at in its two trees (Apple TN1150, "B-Trees"). It goes from leaf to leaf as each says, for ever where
 * they lead back, and ends a folder where they end.
 */
#include "fs/image/reader/sleuth.h"

#include <errno.h>
#include <stdlib.h>

#define OVERFLOW    3 /* their own numbers */
#define CATALOG	    4
#define NODE_LEAST  512
#define NODE_MOST   32768
#define DESCRIPTOR  14
#define KEY_LEAST   6 /* a parent and the length of a name */
#define KIND_LEAF   0xff
#define KIND_INDEX  0
#define NAMED_FIRST 16 /* ids below are the filesystem's own, but for the root folder, 2 */

struct hfs_tree {
	TSK_FS_FILE *file;
	uint8_t *node;
	uint32_t size, nodes, root, first_leaf, last_leaf;
};

static uint32_t big32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t big16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static int node_read(struct hfs_tree *tree, uint32_t number)
{
	uint64_t offset = (uint64_t)number * tree->size;

	if (!number || number >= tree->nodes)
		return EIO;
	ssize_t got = tsk_fs_file_read(tree->file, (TSK_OFF_T)offset, (char *)tree->node,
				       tree->size, TSK_FS_FILE_READ_FLAG_NONE);

	tsk_error_reset();
	return got == (ssize_t)tree->size ? 0 : EIO;
}

/* The key of a record, and behind it what it is of; EIO: not in its node. */
static int record_at(const struct hfs_tree *tree, uint32_t index, const uint8_t **out_key,
		     const uint8_t **out_data, size_t *out_length)
{
	const uint8_t *node = tree->node;
	uint32_t offsets = 2 * (big16(node + 10) + 1);

	if (offsets > tree->size - DESCRIPTOR)
		return EIO;
	uint32_t at = big16(node + tree->size - 2 * (index + 1));
	uint32_t end = big16(node + tree->size - 2 * (index + 2));

	if (at < DESCRIPTOR || end > tree->size - offsets || end < at + 2 + KEY_LEAST)
		return EIO;
	uint32_t key = big16(node + at);
	if (key < KEY_LEAST || key > end - at - 2 || 2 * big16(node + at + 6) > key - KEY_LEAST)
		return EIO;
	*out_key = node + at + 2;
	*out_data = node + at + 2 + key;
	*out_length = end - at - 2 - key;
	return 0;
}

/* The child that the folder's own record, the first of its keys, is in. */
static int child_find(const struct hfs_tree *tree, uint32_t folder, uint32_t *out_child)
{
	const uint8_t *key, *data;
	uint32_t count = big16(tree->node + 10);
	size_t length;

	if (!count)
		return EIO;
	for (uint32_t i = 0; i < count; i++) {
		int error = record_at(tree, i, &key, &data, &length);

		if (error || length < 4)
			return EIO;
		uint32_t parent = big32(key);
		if (i && (parent > folder || (parent == folder && big16(key + 4))))
			break;
		*out_child = big32(data);
	}
	return 0;
}

/* Each level is lower than the one above, so a tree that leads back ends. */
static int leaf_find(struct hfs_tree *tree, uint32_t folder, uint32_t *out_leaf)
{
	uint32_t at = tree->root;
	int error = node_read(tree, at);

	while (!error && tree->node[8] == KIND_INDEX) {
		unsigned height = tree->node[9];

		error = child_find(tree, folder, &at);
		if (!error)
			error = node_read(tree, at);
		if (!error && tree->node[9] + 1u != height)
			error = EIO;
	}
	if (!error && tree->node[8] != KIND_LEAF)
		error = EIO;
	*out_leaf = at;
	return error;
}

static bool is_dots(const uint8_t *key)
{
	uint32_t length = big16(key + 4);

	return length && length < 3 && big16(key + 6) == '.' && big16(key + 4 + 2 * length) == '.';
}

/* The names of a leaf; *out_is_over: what follows is of later folders. */
static int leaf_count(const struct hfs_tree *tree, uint32_t folder, uint64_t *inout_count,
		      bool *out_is_over)
{
	const uint8_t *key, *data;
	size_t length;

	for (uint32_t i = 0; i < big16(tree->node + 10); i++) {
		int error = record_at(tree, i, &key, &data, &length);

		if (error || length < 2)
			return EIO;
		uint32_t parent = big32(key), kind = big16(data);
		bool is_name = parent == folder && (kind == 1 || kind == 2) && !is_dots(key);
		*out_is_over = parent > folder;
		if (*out_is_over)
			return 0;
		if (is_name && length < 12)
			return EIO;
		if (is_name)
			*inout_count += big32(data + 8) >= NAMED_FIRST || big32(data + 8) == 2;
	}
	return 0;
}

/* Leaf by leaf, each of which knows the one before; the last one is known, too. */
static int leaves_count(struct hfs_tree *tree, uint32_t folder, uint64_t *out_count)
{
	uint32_t at = 0;
	bool is_over = false;
	int error = leaf_find(tree, folder, &at);

	*out_count = 0;
	for (uint32_t steps = 0; !error; steps++) {
		error = leaf_count(tree, folder, out_count, &is_over);
		uint32_t next = big32(tree->node), before = at;
		if (error || is_over || (!next && at == tree->last_leaf))
			return error;
		at = next;
		error = steps < tree->nodes ? node_read(tree, at) : EIO;
		if (!error && (tree->node[8] != KIND_LEAF || big32(tree->node + 4) != before))
			error = EIO;
	}
	return error;
}

/* Its header; the caller closes it, also on failure. */
static int tree_open(struct sleuth_tree *sleuth, uint64_t number, struct hfs_tree *out)
{
	uint8_t header[DESCRIPTOR + 30];

	out->file = tsk_fs_file_open_meta(sleuth->fs, NULL, number);
	ssize_t got = out->file ? tsk_fs_file_read(out->file, 0, (char *)header, sizeof(header),
						   TSK_FS_FILE_READ_FLAG_NONE)
				: -1;

	tsk_error_reset();
	if (got != (ssize_t)sizeof(header))
		return EIO;
	out->root = big32(header + DESCRIPTOR + 2);
	out->first_leaf = big32(header + DESCRIPTOR + 10);
	out->last_leaf = big32(header + DESCRIPTOR + 14);
	out->size = big16(header + DESCRIPTOR + 18);
	out->nodes = big32(header + DESCRIPTOR + 22);
	if (out->size < NODE_LEAST || out->size > NODE_MOST || (out->size & (out->size - 1)))
		return EIO;
	out->node = malloc(out->size);
	return out->node ? 0 : ENOMEM;
}

static void tree_close(struct hfs_tree *tree)
{
	tsk_fs_file_close(tree->file);
	free(tree->node);
}

int hfs_names(struct sleuth_tree *sleuth, uint64_t folder, uint64_t *out_count)
{
	struct hfs_tree tree = {0};
	int error = tree_open(sleuth, CATALOG, &tree);

	if (!error)
		error = leaves_count(&tree, (uint32_t)folder, out_count);
	tree_close(&tree);
	return error;
}

/* Each leaf knows the one before; so they end, and at the last one. */
static int leaves_check(struct hfs_tree *tree)
{
	uint32_t at = tree->first_leaf, before = 0;
	int error = 0;

	while (at && !error) {
		error = node_read(tree, at);
		if (!error && (tree->node[8] != KIND_LEAF || big32(tree->node + 4) != before))
			error = EIO;
		before = at;
		at = big32(tree->node);
	}
	return !error && before != tree->last_leaf ? EIO : error;
}

int hfs_overflow_check(struct sleuth_tree *sleuth)
{
	struct hfs_tree tree = {0};
	int error = tree_open(sleuth, OVERFLOW, &tree);

	/* A tree of nothing has no root. */
	if (!error && tree.root)
		error = leaves_check(&tree);
	tree_close(&tree);
	return error;
}

/* make-apfs.h - a container of APFS with a few files, made block by block (Apple File System Reference) */
#ifndef TESTS_MAKE_APFS_H
#define TESTS_MAKE_APFS_H

#include "policy/base.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#define AB	    4096u /* bytes of a block */
#define APFS_BLOCKS 64u
#define APFS_XID    5u

/* Where what lies; blocks 1 to 4 are the ring of checkpoints. */
enum apfs_at {
	AT_OLD_MAP = 1,
	AT_OLD_SUPER,
	AT_MAP,
	AT_SUPER,
	AT_OMAP,
	AT_OMAP_TREE,
	AT_VOLUME,
	AT_VOLUME_OMAP,
	AT_VOLUME_OMAP_TREE,
	AT_FILES,
	AT_LEAF_1,
	AT_LEAF_2,
	AT_METADATA_END,
	AT_DATA = 20,
};

#define OID_VOLUME 1026u
#define OID_FILES  1028u
#define OID_LEAF_1 1030u
#define OID_LEAF_2 1031u

#define ID_FILE	      20u /* 6000 bytes in two extents, the second one in front of the first */
#define ID_SPARSE     21u /* data, hole, data: 12288 bytes */
#define ID_LINK	      22u
#define ID_COMPRESSED 23u
#define ID_FOLDER     24u
#define ID_EMPTY      25u

#define INODE_AT_SIZE 92

static inline void apfs_seal(uint8_t *block)
{
	const uint64_t most = UINT32_MAX;
	uint64_t one = 0, two = 0;

	for (size_t at = 8; at < AB; at += 4) {
		one = (one + bl_get32(block + at)) % most;
		two = (two + one) % most;
	}
	uint64_t low = most - (one + two) % most, high = most - (one + low) % most;
	bl_put64(block, high << 32 | low);
}

static inline uint8_t *apfs_head(uint8_t *image, unsigned at, uint64_t oid, uint64_t xid,
				 uint32_t type, uint32_t subtype)
{
	uint8_t *block = image + (size_t)at * AB;

	memset(block, 0, AB);
	bl_put64(block + 8, oid);
	bl_put64(block + 16, xid);
	bl_put32(block + 24, type);
	bl_put32(block + 28, subtype);
	return block;
}

/* ---- nodes: keys grow from the front, values from the end ---- */

struct apfs_node {
	uint8_t *block;
	unsigned count, keys, values, end, toc;
	bool is_fixed;
};

static inline struct apfs_node node_begin(uint8_t *block, unsigned flags, unsigned level)
{
	struct apfs_node node = {.block = block, .toc = 512, .is_fixed = flags & 4};

	node.end = flags & 1 ? AB - 40 : AB;
	bl_put16(block + 32, (uint16_t)flags);
	bl_put16(block + 34, (uint16_t)level);
	bl_put16(block + 42, (uint16_t)node.toc);
	if (flags & 1) {
		bl_put32(block + AB - 36, AB);
		bl_put32(block + AB - 32, node.is_fixed ? 16 : 0);
		bl_put32(block + AB - 28, node.is_fixed ? 16 : 0);
	}
	return node;
}

static inline void node_add(struct apfs_node *node, const void *key, unsigned key_bytes,
			    const void *value, unsigned value_bytes)
{
	uint8_t *toc = node->block + 56 + node->count * (node->is_fixed ? 4 : 8);

	memcpy(node->block + 56 + node->toc + node->keys, key, key_bytes);
	node->values += value_bytes;
	memcpy(node->block + node->end - node->values, value, value_bytes);
	bl_put16(toc, (uint16_t)node->keys);
	bl_put16(toc + 2, (uint16_t)(node->is_fixed ? node->values : key_bytes));
	if (!node->is_fixed) {
		bl_put16(toc + 4, (uint16_t)node->values);
		bl_put16(toc + 6, (uint16_t)value_bytes);
	}
	node->keys += key_bytes;
	bl_put32(node->block + 36, ++node->count);
	assert(56 + node->toc + node->keys <= node->end - node->values);
}

static inline void node_pair(struct apfs_node *node, uint64_t oid, uint64_t xid, uint64_t at)
{
	uint8_t key[16], value[16] = {0};

	bl_put64(key, oid);
	bl_put64(key + 8, xid);
	bl_put32(value + 4, AB);
	bl_put64(value + 8, at);
	node_add(node, key, 16, value, 16);
}

/* ---- records of files ---- */

static inline void put_inode(struct apfs_node *node, uint64_t id, unsigned mode, uint64_t size,
			     unsigned count)
{
	uint8_t key[8], value[92 + 8 + 40] = {0};
	bool has_stream = size > 0;

	bl_put64(key, id | UINT64_C(3) << 60);
	bl_put64(value, 2);
	bl_put64(value + 8, id);
	bl_put64(value + 24, UINT64_C(1600000000123456789));
	bl_put32(value + 56, count);
	bl_put32(value + 72, 501);
	bl_put32(value + 76, 20);
	bl_put16(value + 80, (uint16_t)mode);
	if (id == ID_COMPRESSED) {
		bl_put32(value + 68, 0x20);
		bl_put64(value + 48, 0x40000);
		bl_put64(value + 84, size);
		has_stream = false;
	}
	if (has_stream) {
		bl_put16(value + 92, 1);
		bl_put16(value + 94, 40);
		value[96] = 8;
		bl_put16(value + 98, 40);
		bl_put64(value + 100, size);
	}
	node_add(node, key, 8, value, has_stream ? sizeof(value) : 92);
}

static inline void put_name(struct apfs_node *node, uint64_t folder, const char *name, uint64_t id,
			    bool is_hashed)
{
	uint8_t key[12 + 256] = {0}, value[18] = {0};
	unsigned length = (unsigned)strlen(name) + 1, head = is_hashed ? 12 : 10;

	bl_put64(key, folder | UINT64_C(9) << 60);
	if (is_hashed)
		bl_put32(key + 8, length | 0x12345u << 10);
	else
		bl_put16(key + 8, (uint16_t)length);
	memcpy(key + head, name, length);
	bl_put64(value, id);
	node_add(node, key, head + length, value, sizeof(value));
}

static inline void put_extent(struct apfs_node *node, uint64_t id, uint64_t at, uint64_t bytes,
			      uint64_t block)
{
	uint8_t key[16], value[24] = {0};

	bl_put64(key, id | UINT64_C(8) << 60);
	bl_put64(key + 8, at);
	bl_put64(value, bytes);
	bl_put64(value + 8, block);
	node_add(node, key, sizeof(key), value, sizeof(value));
}

static inline void put_link(struct apfs_node *node, uint64_t id, const char *target)
{
	static const char name[] = "com.apple.fs.symlink";
	uint8_t key[10 + sizeof(name)], value[64] = {0};
	unsigned length = (unsigned)strlen(target) + 1;

	bl_put64(key, id | UINT64_C(4) << 60);
	bl_put16(key + 8, sizeof(name));
	memcpy(key + 10, name, sizeof(name));
	bl_put16(value, 2);
	bl_put16(value + 2, (uint16_t)length);
	memcpy(value + 4, target, length);
	node_add(node, key, sizeof(key), value, 4 + length);
}

static inline void put_child(struct apfs_node *node, uint64_t id, unsigned type, uint64_t child)
{
	uint8_t key[8], value[8];

	bl_put64(key, id | (uint64_t)type << 60);
	bl_put64(value, child);
	node_add(node, key, 8, value, 8);
}

/* ---- the container ---- */

static inline void super_put(uint8_t *image, unsigned at, uint64_t xid, unsigned index)
{
	uint8_t *super = apfs_head(image, at, 1, xid, 0x80000001u, 0);

	memcpy(super + 32, "NXSB", 4);
	bl_put32(super + 36, AB);
	bl_put64(super + 40, APFS_BLOCKS);
	bl_put64(super + 64, 2);
	bl_put32(super + 104, 4);
	bl_put64(super + 112, AT_OLD_MAP);
	bl_put32(super + 136, index);
	bl_put32(super + 140, 2);
	bl_put64(super + 160, AT_OMAP);
	bl_put32(super + 180, 100);
	bl_put64(super + 184, OID_VOLUME);
	apfs_seal(super);
}

static inline void omap_put(uint8_t *image, unsigned at, unsigned tree)
{
	uint8_t *omap = apfs_head(image, at, at, APFS_XID, 0x4000000bu, 0);

	bl_put64(omap + 48, tree);
	apfs_seal(omap);
}

static inline void files_put(uint8_t *image, bool is_hashed)
{
	struct apfs_node one =
		node_begin(apfs_head(image, AT_LEAF_1, OID_LEAF_1, APFS_XID, 3, 14), 2, 0);
	struct apfs_node two =
		node_begin(apfs_head(image, AT_LEAF_2, OID_LEAF_2, APFS_XID, 3, 14), 2, 0);
	struct apfs_node root =
		node_begin(apfs_head(image, AT_FILES, OID_FILES, APFS_XID, 2, 14), 1, 1);

	put_name(&one, 1, "private-dir", 3, is_hashed);
	put_name(&one, 1, "root", 2, is_hashed);
	put_inode(&one, 2, S_IFDIR | 0755, 0, 5);
	put_name(&one, 2, "File", ID_FILE, is_hashed);
	put_name(&one, 2, "compressed", ID_COMPRESSED, is_hashed);
	put_name(&one, 2, "folder", ID_FOLDER, is_hashed);
	/* Names of one folder in two leaves. */
	put_name(&two, 2, "link", ID_LINK, is_hashed);
	put_name(&two, 2, "sparse", ID_SPARSE, is_hashed);
	put_inode(&two, ID_FILE, S_IFREG | 0644, 6000, 2);
	put_extent(&two, ID_FILE, 0, AB, AT_DATA + 3);
	put_extent(&two, ID_FILE, AB, AB, AT_DATA);
	put_inode(&two, ID_SPARSE, S_IFREG | 0600, 3 * AB, 1);
	put_extent(&two, ID_SPARSE, 0, AB, AT_DATA + 1);
	put_extent(&two, ID_SPARSE, AB, AB, 0);
	put_extent(&two, ID_SPARSE, 2 * AB, AB, AT_DATA + 2);
	put_inode(&two, ID_LINK, S_IFLNK | 0755, 0, 1);
	put_link(&two, ID_LINK, "folder/other");
	put_inode(&two, ID_COMPRESSED, S_IFREG | 0644, 777, 1);
	put_inode(&two, ID_FOLDER, S_IFDIR | 0700, 0, 2);
	put_name(&two, ID_FOLDER, "empty", ID_EMPTY, is_hashed);
	put_name(&two, ID_FOLDER, "other", ID_FILE, is_hashed);
	put_inode(&two, ID_EMPTY, S_IFREG | 0644, 0, 1);
	put_child(&root, 1, 9, OID_LEAF_1);
	put_child(&root, 2, 9, OID_LEAF_2);
	apfs_seal(one.block);
	apfs_seal(two.block);
	apfs_seal(root.block);
}

/* APFS_BLOCKS * AB bytes, all of them set. */
static inline void apfs_make(uint8_t *image, bool is_hashed)
{
	memset(image, 0, (size_t)APFS_BLOCKS * AB);
	super_put(image, 0, APFS_XID, 2);
	apfs_seal(apfs_head(image, AT_OLD_MAP, 100, 4, 0x4000000cu, 0));
	super_put(image, AT_OLD_SUPER, 4, 0);
	apfs_seal(apfs_head(image, AT_MAP, 101, APFS_XID, 0x4000000cu, 0));
	super_put(image, AT_SUPER, APFS_XID, 2);
	omap_put(image, AT_OMAP, AT_OMAP_TREE);
	struct apfs_node volumes = node_begin(
		apfs_head(image, AT_OMAP_TREE, AT_OMAP_TREE, APFS_XID, 0x40000002u, 11), 7, 0);
	node_pair(&volumes, OID_VOLUME, APFS_XID, AT_VOLUME);
	apfs_seal(volumes.block);
	uint8_t *volume = apfs_head(image, AT_VOLUME, OID_VOLUME, APFS_XID, 13, 0);
	memcpy(volume + 32, "APSB", 4);
	bl_put64(volume + 56, is_hashed ? 1 : 0);
	bl_put64(volume + 128, AT_VOLUME_OMAP);
	bl_put64(volume + 136, OID_FILES);
	bl_put64(volume + 264, 1);
	apfs_seal(volume);
	omap_put(image, AT_VOLUME_OMAP, AT_VOLUME_OMAP_TREE);
	struct apfs_node nodes =
		node_begin(apfs_head(image, AT_VOLUME_OMAP_TREE, AT_VOLUME_OMAP_TREE, APFS_XID,
				     0x40000002u, 11),
			   7, 0);
	/* Older and newer copies of a node: neither counts. */
	node_pair(&nodes, OID_FILES, 3, 50);
	node_pair(&nodes, OID_FILES, APFS_XID, AT_FILES);
	node_pair(&nodes, OID_FILES, APFS_XID + 1, 51);
	node_pair(&nodes, OID_LEAF_1, 4, AT_LEAF_1);
	node_pair(&nodes, OID_LEAF_2, APFS_XID, AT_LEAF_2);
	apfs_seal(nodes.block);
	files_put(image, is_hashed);
	for (size_t i = (size_t)AT_DATA * AB; i < (size_t)(AT_DATA + 4) * AB; i++)
		image[i] = (uint8_t)(i * 31 >> 3 ^ i >> 12);
}

#endif

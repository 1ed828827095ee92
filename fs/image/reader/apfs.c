/* APFS: containers, volumes and files, read-only and as of the newest checkpoint (Apple File System Reference). */
#include "fs/image/reader/apfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ROOT_INODE  2
#define FIRST_INODE 16	  /* APFS_MIN_USER_INO_NUM; lower ones, but for the root, are its own */
#define CHECKPOINTS 65536 /* blocks of the ring of checkpoints: Apple's tools make a few hundred */
#define LINK_LIMIT  4096

/* nx_incompatible_features */
#define NX_VERSION_2 2
#define NX_FUSION    0x100
/* apfs_incompatible_features; others are of volumes that a Mac, too, must know before it reads them */
#define VOLUME_IS_HASHED                                                                           \
	9 /* case or normalization insensitive: names of folders have a hash in front */
#define VOLUME_KNOWN	 11
#define VOLUME_IS_SEALED 0x20
/* apfs_fs_flags */
#define VOLUME_IS_PLAIN 1

/* j_obj_types */
#define RECORD_INODE  3
#define RECORD_XATTR  4
#define RECORD_EXTENT 8
#define RECORD_NAME   9

#define INODE_VALUE	92	/* bytes of j_inode_val_t in front of its extended fields */
#define INODE_TRUNCATED 0x20	/* INODE_BEING_TRUNCATED: its size and extents do not fit yet */
#define INODE_HAS_SIZE	0x40000 /* INODE_HAS_UNCOMPRESSED_SIZE */
#define FIELD_DSTREAM	8
#define BSD_COMPRESSED	0x20
#define BSD_DATALESS	0x40000000

struct inode {
	uint64_t id, stream, size;
	int64_t mtime, ctime, atime;
	uint32_t nlink, uid, gid, bsd_flags;
	uint16_t mode;
	bool has_stream, is_between;
};

struct apfs {
	struct tree base;
	struct apfs_place place;
	struct apfs_tree container_map, map, files;
	bool is_hashed;
	/* The last file's runs: it is read in units, one after another. */
	struct runs runs;
	uint64_t runs_inode, runs_size;
};

/* ---- containers ---- */

struct super {
	uint64_t xid, map, volumes[APFS_VOLUMES];
	uint32_t features_bad;
	size_t count;
};

static bool is_super(const uint8_t *object, size_t length)
{
	return !memcmp(object + 32, "NXSB", 4) && bl_get16(object + 24) == APFS_SUPER &&
	       apfs_sum_holds(object, length);
}

/* A checkpoint that was written half, or harmed: what it leads back to may have been written over. */
static bool is_newer(const uint8_t *object, uint64_t xid)
{
	unsigned type = bl_get16(object + 24);

	return (type == APFS_SUPER || type == APFS_CHECKPOINT) && bl_get64(object + 16) > xid;
}

struct ring {
	uint64_t base, blocks;
	uint64_t newest, newest_harmed, at; /* of the superblock with @newest, as a block */
};

static int ring_scan(const struct apfs_place *place, struct ring *ring, uint8_t *bytes)
{
	for (uint64_t i = 0; i < ring->blocks; i++) {
		uint64_t at = place->offset + (ring->base + i) * place->block_bytes;
		int error = blocks_read(place->blocks, at, bytes, place->block_bytes);

		if (error)
			return error;
		if (!apfs_sum_holds(bytes, place->block_bytes)) {
			if (is_newer(bytes, ring->newest_harmed))
				ring->newest_harmed = bl_get64(bytes + 16);
		} else if (is_super(bytes, place->block_bytes) &&
			   bl_get64(bytes + 16) > ring->newest) {
			ring->newest = bl_get64(bytes + 16);
			ring->at = at;
		}
	}
	return ring->newest > ring->newest_harmed ? 0 : EIO;
}

/* All blocks of the checkpoint: maps, and its superblock. */
static int checkpoint_check(const struct apfs_place *place, const struct ring *ring,
			    const uint8_t *super, uint8_t *bytes)
{
	uint32_t index = bl_get32(super + 136), count = bl_get32(super + 140);

	if (!count || count > ring->blocks || index >= ring->blocks)
		return EIO;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at = ring->base + (index + i) % ring->blocks;
		int error = blocks_read(place->blocks, place->offset + at * place->block_bytes,
					bytes, place->block_bytes);

		if (error || !apfs_sum_holds(bytes, place->block_bytes) ||
		    bl_get64(bytes + 16) != ring->newest)
			return EIO;
	}
	return 0;
}

static bool place_shape(struct apfs_place *place, const uint8_t *super, struct ring *ring)
{
	uint32_t bytes = bl_get32(super + 36);
	uint64_t room = bytes ? place->length / bytes : 0;

	ring->blocks = bl_get32(super + 104);
	ring->base = bl_get64(super + 112);
	place->block_bytes = bytes;
	/* The highest bit: a ring in pieces, found through a tree. */
	return !memcmp(super + 32, "NXSB", 4) && bytes >= APFS_LEAST && bytes <= APFS_MOST &&
	       !(bytes & (bytes - 1)) && ring->blocks && ring->blocks <= CHECKPOINTS &&
	       ring->base < room && ring->blocks <= room - ring->base;
}

static void super_take(const uint8_t *bytes, struct super *out)
{
	uint64_t features = bl_get64(bytes + 64);
	size_t most = BL_MIN(bl_get32(bytes + 180), (uint32_t)APFS_VOLUMES);

	*out = (struct super){
		.xid = bl_get64(bytes + 16),
		.map = bl_get64(bytes + 160),
		.features_bad = features != NX_VERSION_2 ? (features & NX_FUSION ? 2 : 1) : 0,
	};
	for (size_t i = 0; i < most; i++)
		if (bl_get64(bytes + 184 + 8 * i))
			out->volumes[out->count++] = bl_get64(bytes + 184 + 8 * i);
}

/* The superblock of the newest checkpoint, which sets place->xid. The one in block 0 may be older, and not newer. */
static int super_find(struct apfs_place *place, struct super *out)
{
	BL_CLEANUP(bl_free) uint8_t *first = malloc(APFS_MOST);
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(APFS_MOST);
	struct ring ring = {0};

	if (!first || !bytes)
		return ENOMEM;
	int error = blocks_read(place->blocks, place->offset, first, APFS_LEAST);
	if (!error && !place_shape(place, first, &ring))
		error = EIO;
	if (!error)
		error = blocks_read(place->blocks, place->offset, first, place->block_bytes);
	if (!error && !is_super(first, place->block_bytes))
		error = EIO;
	if (!error)
		error = ring_scan(place, &ring, bytes);
	if (!error && ring.newest < bl_get64(first + 16))
		error = EIO;
	if (!error)
		error = blocks_read(place->blocks, ring.at, first, place->block_bytes);
	if (!error)
		error = checkpoint_check(place, &ring, first, bytes);
	if (error)
		return error;
	place->xid = ring.newest;
	super_take(first, out);
	return 0;
}

size_t apfs_volumes(struct blocks *blocks, uint64_t offset, uint64_t length)
{
	struct apfs_place place = {.blocks = blocks, .offset = offset, .length = length};
	struct super super;

	return super_find(&place, &super) ? 0 : super.count;
}

/* ---- records of files ---- */

struct wanted {
	uint64_t oid;
	unsigned type;
	const struct apfs *apfs;
	struct inode *inode;
	const char *name; /* of an extended attribute */
	uint8_t *out;
	size_t out_room, out_length;
	struct listing *listing;
	struct runs *runs;
	uint64_t size, end;
	bool is_found;
};

static int wanted_compare(void *context, const uint8_t *key, size_t length)
{
	const struct wanted *wanted = context;

	if (length < 8)
		return 1;
	uint64_t word = bl_get64(key), oid = word & ((UINT64_C(1) << 60) - 1);
	unsigned type = (unsigned)(word >> 60);

	if (oid != wanted->oid)
		return oid < wanted->oid ? -1 : 1;
	return type < wanted->type ? -1 : type > wanted->type;
}

/* xf_blob_t: so many fields, and their values behind, each on 8 bytes. */
static int stream_take(const uint8_t *blob, size_t length, struct inode *inode)
{
	size_t count = length >= 4 ? bl_get16(blob) : 0, at = 4 + 4 * count;

	if (!length)
		return 0;
	if (at > length)
		return EIO;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *field = blob + 4 + 4 * i;
		size_t bytes = bl_get16(field + 2);

		if (bytes > length - at)
			return EIO;
		if (field[0] == FIELD_DSTREAM) {
			if (bytes < 16)
				return EIO;
			inode->has_stream = true;
			inode->size = bl_get64(blob + at);
		}
		at = BL_MIN(at + (bytes + 7) / 8 * 8, length);
	}
	return 0;
}

static int inode_take(void *context, const struct apfs_record *record)
{
	struct wanted *wanted = context;
	struct inode *inode = wanted->inode;
	const uint8_t *value = record->value;

	if (record->value_bytes < INODE_VALUE)
		return EIO;
	uint64_t flags = bl_get64(value + 48);
	*inode = (struct inode){
		.id = wanted->oid,
		.stream = bl_get64(value + 8),
		.mtime = (int64_t)bl_get64(value + 24),
		.ctime = (int64_t)bl_get64(value + 32),
		.atime = (int64_t)bl_get64(value + 40),
		.nlink = bl_get32(value + 56),
		.bsd_flags = bl_get32(value + 68),
		.uid = bl_get32(value + 72),
		.gid = bl_get32(value + 76),
		.mode = bl_get16(value + 80),
		.is_between = flags & INODE_TRUNCATED,
	};
	int error =
		stream_take(value + INODE_VALUE, record->value_bytes - (size_t)INODE_VALUE, inode);
	if (!error && inode->bsd_flags & BSD_COMPRESSED && flags & INODE_HAS_SIZE)
		inode->size = bl_get64(value + 84);
	wanted->is_found = true;
	return error;
}

static int inode_find(const struct apfs *apfs, uint64_t id, struct inode *out)
{
	struct wanted wanted = {.oid = id, .type = RECORD_INODE, .inode = out};

	if (id != ROOT_INODE && id < FIRST_INODE)
		return ENOENT;
	int error = apfs_walk(&apfs->files, wanted_compare, inode_take, &wanted);
	if (!error && !wanted.is_found)
		error = ENOENT;
	return error;
}

static int xattr_take(void *context, const struct apfs_record *record)
{
	struct wanted *wanted = context;
	size_t name_bytes = strlen(wanted->name) + 1;

	if (record->key_bytes < 10 || bl_get16(record->key + 8) > record->key_bytes - 10)
		return EIO;
	if (bl_get16(record->key + 8) != name_bytes ||
	    memcmp(record->key + 10, wanted->name, name_bytes) != 0)
		return 0;
	/* Embedded: its value is in the record. */
	if (record->value_bytes < 4 || !(bl_get16(record->value) & 2) ||
	    bl_get16(record->value + 2) > record->value_bytes - 4 ||
	    bl_get16(record->value + 2) > wanted->out_room)
		return EIO;
	wanted->out_length = bl_get16(record->value + 2);
	memcpy(wanted->out, record->value + 4, wanted->out_length);
	wanted->is_found = true;
	return 0;
}

static int extent_take(void *context, const struct apfs_record *record)
{
	struct wanted *wanted = context;
	const struct apfs_place *place = &wanted->apfs->place;
	uint64_t room = place->length / place->block_bytes;

	if (record->key_bytes < 16 || record->value_bytes < 24)
		return EIO;
	uint64_t at = bl_get64(record->key + 8), block = bl_get64(record->value + 8);
	uint64_t bytes = bl_get64(record->value) & ((UINT64_C(1) << 56) - 1);

	/* Extents follow one another without a gap, holes (block 0) among them; what is missing is damage. */
	if (at != wanted->end || !bytes || bytes % place->block_bytes ||
	    __builtin_add_overflow(at, bytes, &wanted->end))
		return EIO;
	if (!block || at >= wanted->size)
		return 0;
	/* A key of its own: in a volume that says it is not encrypted nobody knows what that means. */
	if (bl_get64(record->value + 16))
		return EOPNOTSUPP;
	if (block >= room || bytes / place->block_bytes > room - block)
		return EIO;
	return runs_add(wanted->runs, wanted->size, at, place->offset + block * place->block_bytes,
			bytes);
}

static int name_take(void *context, const struct apfs_record *record)
{
	struct wanted *wanted = context;
	size_t head = wanted->apfs->is_hashed ? 12 : 10, length;
	const char *name = (const char *)record->key + head;

	if (record->key_bytes <= head || record->value_bytes < 18)
		return EIO;
	length = wanted->apfs->is_hashed ? bl_get32(record->key + 8) & 0x3ff
					 : bl_get16(record->key + 8);
	if (!length || length > record->key_bytes - head || name[length - 1])
		return EIO;
	uint64_t id = bl_get64(record->value);
	if (id < FIRST_INODE)
		return id == ROOT_INODE ? EIO : 0;
	return listing_add(wanted->listing, id, name, length - 1);
}

/* ---- the tree's calls ---- */

static struct apfs *apfs_of(struct tree *tree)
{
	return (struct apfs *)tree;
}

static int apfs_stat(struct tree *tree, uint64_t id, struct wire_attr *out)
{
	struct inode inode;
	int error = inode_find(apfs_of(tree), id, &inode);

	if (error)
		return error;
	bool is_folder = S_ISDIR(inode.mode);
	if (inode.size > READER_FILE_LIMIT)
		return EFBIG;
	*out = (struct wire_attr){
		.size_bytes = is_folder ? 0 : inode.size,
		.blocks_512 = is_folder ? 0 : (inode.size + 511) / 512,
		.mtime_ns = inode.mtime,
		.atime_ns = inode.atime,
		.ctime_ns = inode.ctime,
		.mode = inode.mode,
		.uid = inode.uid,
		.gid = inode.gid,
		/* Of a folder the field counts its entries. */
		.nlink = is_folder || !inode.nlink ? 1 : inode.nlink,
	};
	if (S_ISLNK(inode.mode)) {
		uint8_t target[LINK_LIMIT];
		struct wanted wanted = {.oid = id,
					.type = RECORD_XATTR,
					.name = "com.apple.fs.symlink",
					.out = target,
					.out_room = sizeof(target)};

		error = apfs_walk(&apfs_of(tree)->files, wanted_compare, xattr_take, &wanted);
		out->size_bytes = wanted.out_length ? wanted.out_length - 1 : 0;
	}
	return error ? error : inode.mode & S_IFMT ? 0 : EIO;
}

static int apfs_list(struct tree *tree, uint64_t id, struct listing *listing)
{
	struct wanted wanted = {
		.oid = id, .type = RECORD_NAME, .apfs = apfs_of(tree), .listing = listing};
	struct inode inode;
	int error = inode_find(apfs_of(tree), id, &inode);

	if (!error && !S_ISDIR(inode.mode))
		error = ENOTDIR;
	if (!error)
		error = apfs_walk(&apfs_of(tree)->files, wanted_compare, name_take, &wanted);
	/* The folder knows how many it has: fewer is half a listing. */
	return !error && listing->count != inode.nlink ? EIO : error;
}

static int data_check(const struct inode *inode)
{
	if (!S_ISREG(inode->mode))
		return S_ISDIR(inode->mode) ? EISDIR : EINVAL;
	if (inode->bsd_flags & (BSD_COMPRESSED | BSD_DATALESS))
		return EOPNOTSUPP;
	return inode->is_between ? EIO : inode->size > READER_FILE_LIMIT ? EFBIG : 0;
}

static int apfs_map(struct tree *tree, uint64_t id, struct runs *runs)
{
	struct inode inode;
	int error = inode_find(apfs_of(tree), id, &inode);

	if (!error)
		error = data_check(&inode);
	if (error || !inode.size)
		return error;
	struct wanted wanted = {.oid = inode.stream,
				.type = RECORD_EXTENT,
				.apfs = apfs_of(tree),
				.runs = runs,
				.size = inode.size};
	error = apfs_walk(&apfs_of(tree)->files, wanted_compare, extent_take, &wanted);
	return !error && wanted.end < inode.size ? EIO : error;
}

static int runs_of(struct apfs *apfs, uint64_t id)
{
	struct inode inode;

	if (apfs->runs_inode == id)
		return 0;
	apfs->runs_inode = 0;
	runs_done(&apfs->runs);
	int error = apfs_map(&apfs->base, id, &apfs->runs);
	if (!error)
		error = inode_find(apfs, id, &inode);
	if (error)
		return error;
	apfs->runs_inode = id;
	apfs->runs_size = inode.size;
	return 0;
}

static int apfs_read(struct tree *tree, uint64_t id, uint64_t offset, uint8_t *out, size_t length,
		     size_t *out_length)
{
	struct apfs *apfs = apfs_of(tree);
	int error = runs_of(apfs, id);

	*out_length = 0;
	if (error || offset >= apfs->runs_size)
		return error;
	length = BL_MIN(length, (size_t)(apfs->runs_size - offset));
	memset(out, 0, length);
	for (size_t i = 0; i < apfs->runs.count && !error; i++) {
		const struct wire_run *run = &apfs->runs.items[i];
		uint64_t from = BL_MAX(run->file_offset, offset);
		uint64_t until = BL_MIN(run->file_offset + run->length, offset + length);

		if (from < until)
			error = blocks_read(apfs->base.blocks,
					    run->image_offset + (from - run->file_offset),
					    out + (from - offset), (size_t)(until - from));
	}
	*out_length = error ? 0 : length;
	return error;
}

static int apfs_link(struct tree *tree, uint64_t id, char *out, size_t size, size_t *out_length)
{
	struct wanted wanted = {.oid = id,
				.type = RECORD_XATTR,
				.name = "com.apple.fs.symlink",
				.out = (uint8_t *)out,
				.out_room = BL_MIN(size, (size_t)LINK_LIMIT)};
	struct inode inode;
	int error = inode_find(apfs_of(tree), id, &inode);

	if (!error && !S_ISLNK(inode.mode))
		error = EINVAL;
	if (!error)
		error = apfs_walk(&apfs_of(tree)->files, wanted_compare, xattr_take, &wanted);
	/* With its NUL. */
	if (!error && (wanted.out_length < 2 || out[wanted.out_length - 1]))
		error = EIO;
	if (!error)
		*out_length = wanted.out_length - 1;
	return error;
}

/* Clones share extents, snapshots keep older ones: where one file's contents are nobody here can tell. */
static int apfs_places(struct tree *tree BL_UNUSED, uint64_t id BL_UNUSED,
		       struct runs *runs BL_UNUSED)
{
	return EOPNOTSUPP;
}

static int apfs_used(struct tree *tree BL_UNUSED, uint64_t cursor BL_UNUSED,
		     struct runs *runs BL_UNUSED, uint64_t *out_next BL_UNUSED)
{
	return EOPNOTSUPP;
}

static void apfs_close(struct tree *tree)
{
	runs_done(&apfs_of(tree)->runs);
	free(tree);
}

static const struct tree_ops OPS = {
	.list = apfs_list,
	.stat = apfs_stat,
	.map = apfs_map,
	.read = apfs_read,
	.link = apfs_link,
	.places = apfs_places,
	.used = apfs_used,
	.close = apfs_close,
};

/* ---- opening ---- */

/* What this version would show wrong, or not at all. */
static const char *refusal_of(const uint8_t *volume)
{
	uint64_t features = bl_get64(volume + 56), flags = bl_get64(volume + 264);

	if (memcmp(volume + 32, "APSB", 4) != 0)
		return "APFS volume whose superblock is damaged";
	if (!(flags & VOLUME_IS_PLAIN))
		return "APFS volume with FileVault: encrypted, and the key is not here";
	if (features & VOLUME_IS_SEALED)
		return "sealed system volume of APFS is not read by this version";
	if (features & ~(uint64_t)VOLUME_KNOWN)
		return "APFS volume with features that this version does not know";
	if (bl_get64(volume + 160) || bl_get64(volume + 968))
		return "APFS volume that is being set back to a snapshot is not read by this "
		       "version";
	return NULL;
}

/* apfs->place has block_bytes and xid. */
static int volume_read(struct apfs *apfs, uint64_t oid, uint8_t *bytes, const char **out_notice)
{
	uint64_t at = 0;
	int error = apfs_find(&apfs->container_map, oid, &at);

	if (!error)
		error = apfs_object(&apfs->place, at, oid, APFS_VOLUME, bytes);
	if (error) {
		*out_notice = "APFS volume whose superblock is damaged";
		return error;
	}
	*out_notice = refusal_of(bytes);
	if (*out_notice)
		return EIO;
	*out_notice = "APFS volume whose tables are damaged";
	apfs->is_hashed = bl_get64(bytes + 56) & VOLUME_IS_HASHED;
	error = apfs_map_open(&apfs->place, bl_get64(bytes + 128), &apfs->map);
	apfs->files =
		(struct apfs_tree){&apfs->place, &apfs->map, bl_get64(bytes + 136), APFS_FILES};
	return error;
}

static int container_open(struct apfs *apfs, size_t index, const char **out_notice)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(APFS_MOST);
	struct super super;
	struct inode root;
	int error = bytes ? super_find(&apfs->place, &super) : ENOMEM;

	*out_notice = "APFS container whose newest checkpoint is damaged";
	if (error)
		return error;
	*out_notice = super.features_bad > 1
			      ? "APFS over two disks (Fusion) is not read by this version"
		      : super.features_bad
			      ? "APFS container with features that this version does not know"
		      : index >= super.count ? "APFS container without a volume"
					     : NULL;
	if (*out_notice)
		return EIO;
	*out_notice = "APFS container whose object map is damaged";
	error = apfs_map_open(&apfs->place, super.map, &apfs->container_map);
	if (!error)
		error = volume_read(apfs, super.volumes[index], bytes, out_notice);
	if (!error)
		error = inode_find(apfs, ROOT_INODE, &root);
	return error;
}

int apfs_open(struct blocks *blocks, uint64_t offset, uint64_t length, size_t index,
	      struct tree **out_tree, const char **out_notice)
{
	struct apfs *apfs = calloc(1, sizeof(*apfs));
	const char *notice = NULL;

	if (!apfs)
		return EIO;
	apfs->base =
		(struct tree){&OPS, blocks, offset, length, ROOT_INODE, "apfs", false, NAMES_BYTES};
	apfs->place = (struct apfs_place){.blocks = blocks, .offset = offset, .length = length};
	if (container_open(apfs, index, &notice)) {
		*out_notice = notice ? notice : "APFS that cannot be read";
		apfs_close(&apfs->base);
		return EIO;
	}
	*out_tree = &apfs->base;
	return 0;
}

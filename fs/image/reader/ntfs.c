/*
 * NTFS by ourselves. libtsk writes '^' for control characters in names, knows 256 attributes of a file, joins streams whose names begin
 * alike, and reads no stream that is not packed beside one that is; libntfs-3g is GPL and cannot be in one program with libtsk.
 */
#include "fs/image/reader/ntfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECTOR	      512u
#define CLUSTER_LIMIT (2u << 20)
#define EPOCH_100NS   INT64_C(116444736000000000) /* from 1601 to 1970 */
#define INDEX_NAME    "$I30"
#define ROOT_HEADER   16u /* of an $INDEX_ROOT, in front of its node */
#define BLOCK_VCN     16u
#define BLOCK_NODE    24u

static int64_t time_ns(uint64_t since_1601)
{
	int64_t ns;

	if (since_1601 > INT64_MAX ||
	    __builtin_mul_overflow((int64_t)since_1601 - EPOCH_100NS, INT64_C(100), &ns))
		return 0;
	return ns;
}

static uint64_t folder_bytes(struct ntfs_file *file)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < file->stream_count; i++) {
		const struct mft_attribute *head = ntfs_head(file, &file->streams[i]);

		if (head->type == MFT_INDEX_ROOT || head->type == MFT_INDEX_BLOCKS)
			bytes = BL_MAX(bytes, ntfs_size(file, &file->streams[i]));
	}
	return bytes;
}

static uint64_t link_bytes(struct tree *tree, uint64_t inode)
{
	char target[NTFS_LINK_LIMIT];
	size_t length = 0;

	/* One whose target cannot be told is a link all the same: it says so when it is asked. */
	return ntfs_link(tree, inode, target, sizeof(target), &length) ? 0 : length;
}

static int size_of(struct tree *tree, struct ntfs_file *file, uint64_t inode, uint32_t kind,
		   uint64_t *out_bytes)
{
	uint32_t number = (uint32_t)(inode >> NTFS_NUMBER_BITS);
	bool is_twice = false;
	const struct ntfs_stream *stream =
		number ? ntfs_stream_numbered(file, number)
		       : ntfs_stream_find(file, MFT_DATA, NULL, &is_twice);

	*out_bytes = 0;
	if (is_twice)
		return EIO;
	if (kind == S_IFDIR)
		*out_bytes = folder_bytes(file);
	else if (kind == S_IFLNK)
		*out_bytes = link_bytes(tree, inode);
	else if (kind == S_IFREG && stream)
		*out_bytes = ntfs_size(file, stream);
	return *out_bytes > READER_FILE_LIMIT ? EFBIG : 0;
}

static int ntfs_stat(struct tree *tree, uint64_t inode, struct wire_attr *out)
{
	struct ntfs_file *file = NULL;
	uint64_t bytes = 0;
	int error = ntfs_file_open((struct ntfs_tree *)tree, inode, &file);

	if (error)
		return error;
	uint32_t kind = inode >> NTFS_NUMBER_BITS ? S_IFREG : ntfs_kind(file);
	error = size_of(tree, file, inode, kind, &bytes);
	if (error)
		return error;
	uint16_t links = mft_links(file->records[0]->bytes);
	/* NTFS has no such rights. */
	*out = (struct wire_attr){
		.size_bytes = bytes,
		.lies_at = kind == S_IFREG ? ntfs_lies_at(tree, inode) : 0,
		.blocks_512 = (bytes + 511) / 512,
		.mtime_ns = time_ns(file->times[1]),
		.ctime_ns = time_ns(file->times[2]),
		.atime_ns = time_ns(file->times[3]),
		.mode = kind | (kind == S_IFDIR ? 0755 : 0644),
		.nlink = BL_MAX(links, 1),
	};
	return 0;
}

/* ---- folders ---- */

static bool is_dots(const struct mft_entry *entry)
{
	bool is_all = entry->name_length > 0 && entry->name_length < 3;

	for (size_t i = 0; i < entry->name_length && is_all; i++)
		is_all = bl_get16(entry->name + 2 * i) == '.';
	return is_all;
}

static int add_entry(struct listing *listing, const struct mft_entry *entry)
{
	uint64_t number = MFT_NUMBER(entry->reference);
	char name[3 * UINT8_MAX];

	/* Each file once: a DOS name stands beside a longer one. */
	if (entry->is_short || number < NTFS_FIRST || is_dots(entry))
		return 0;
	size_t length = name_of_utf16(entry->name, entry->name_length, name);
	return listing_add_sequenced(listing, number, MFT_SEQUENCE(entry->reference), name, length);
}

static int add_node(struct listing *listing, const uint8_t *node, size_t length)
{
	struct mft_entry entry;
	size_t at = 0;
	int error;

	while (!(error = mft_next_entry(node, length, &at, &entry)))
		if ((error = add_entry(listing, &entry)))
			return error;
	return error == ENOENT ? 0 : error;
}

static int add_block(const struct ntfs_tree *ntfs, const struct ntfs_file *file,
		     struct ntfs_stream *blocks, uint64_t index, size_t size,
		     struct listing *listing)
{
	BL_CLEANUP(bl_free) uint8_t *block = malloc(size);
	/* Numbered by clusters, or by sectors where a cluster is larger than a block. */
	uint64_t unit = size < ntfs->cluster ? SECTOR : ntfs->cluster;

	if (!block)
		return ENOMEM;
	int error = ntfs_stream_read(ntfs, file, blocks, index * size, block, size);
	if (!error)
		error = mft_unfix_block(block, size);
	if (!error && bl_get64(block + BLOCK_VCN) != index * size / unit)
		error = EIO;
	return error ? error : add_node(listing, block + BLOCK_NODE, size - BLOCK_NODE);
}

/* All blocks that are in use, in their order: what the tree looks like does not matter, and it can have no loop. */
static int add_blocks(const struct ntfs_tree *ntfs, struct ntfs_file *file, size_t size,
		      struct listing *listing)
{
	bool is_twice = false;
	struct ntfs_stream *blocks =
		ntfs_stream_find(file, MFT_INDEX_BLOCKS, INDEX_NAME, &is_twice);
	BL_CLEANUP(bl_free) uint8_t *bits = NULL;
	size_t length = 0;
	int error = is_twice ? EIO : 0;

	if (!blocks || error)
		return error;
	struct ntfs_stream *bitmap = ntfs_stream_find(file, MFT_BITMAP, INDEX_NAME, &is_twice);
	if (!bitmap || is_twice || size < SECTOR || size > MFT_BLOCK_LIMIT || size % SECTOR)
		return EIO;
	error = ntfs_stream_whole(ntfs, file, bitmap, NTFS_TABLE_LIMIT, &bits, &length);
	uint64_t count = ntfs_size(file, blocks) / size;
	for (uint64_t i = 0; i < (uint64_t)length * 8 && !error; i++) {
		if (!(bits[i / 8] >> i % 8 & 1))
			continue;
		error = i < count ? add_block(ntfs, file, blocks, i, size, listing) : EIO;
	}
	return error;
}

static int ntfs_list(struct tree *tree, uint64_t inode, struct listing *listing)
{
	struct ntfs_tree *ntfs = (struct ntfs_tree *)tree;
	struct ntfs_file *file = NULL;
	bool is_twice = false;
	int error = ntfs_file_open(ntfs, inode, &file);

	if (error)
		return error;
	if (inode >> NTFS_NUMBER_BITS || ntfs_kind(file) != S_IFDIR)
		return ENOTDIR;
	struct ntfs_stream *stream = ntfs_stream_find(file, MFT_INDEX_ROOT, INDEX_NAME, &is_twice);
	if (!stream || is_twice)
		return EIO;
	const struct mft_attribute *root = ntfs_head(file, stream);
	if (!root->is_resident || root->value_length < ROOT_HEADER)
		return EIO;
	if (inode == NTFS_ROOT && file->named)
		error = listing_add_streams(listing, inode, ".");
	if (!error)
		error = add_node(listing, root->value + ROOT_HEADER,
				 root->value_length - ROOT_HEADER);
	return error ? error : add_blocks(ntfs, file, bl_get32(root->value + 8), listing);
}

/* A record that was used again is another file: the name that is left names nothing. */
static int ntfs_check(struct tree *tree, const struct listed *item)
{
	struct ntfs_file *file = NULL;
	int error = ntfs_file_open((struct ntfs_tree *)tree, item->inode, &file);

	if (error)
		return error;
	return item->sequence && item->sequence != mft_sequence(file->records[0]->bytes) ? ENOENT
											 : 0;
}

/* How many streams before this one have its very name: none, but where the volume is damaged. */
static unsigned earlier_twins(const struct ntfs_file *file, const struct ntfs_stream *stream)
{
	const struct mft_attribute *head = ntfs_head(file, stream);
	unsigned count = 0;

	for (const struct ntfs_stream *other = file->streams; other < stream; other++) {
		const struct mft_attribute *at = ntfs_head(file, other);

		count += at->type == MFT_DATA && at->name_length == head->name_length &&
			 !memcmp(at->name, head->name, 2u * head->name_length);
	}
	return count;
}

static int ntfs_stream(struct tree *tree, uint64_t inode, uint32_t number, struct stream_told *out)
{
	struct ntfs_file *file = NULL;
	int error = ntfs_file_open((struct ntfs_tree *)tree, inode, &file);

	if (error)
		return error;
	for (; number <= file->named; number++) {
		const struct ntfs_stream *stream = ntfs_stream_numbered(file, number);
		const struct mft_attribute *head = ntfs_head(file, stream);

		if (ntfs_is_hidden(file, head))
			continue;
		out->inode = inode | (uint64_t)number << NTFS_NUMBER_BITS;
		out->number = number;
		out->twins = earlier_twins(file, stream);
		out->length = name_of_utf16(head->name, head->name_length, out->name);
		return 0;
	}
	return ENOENT;
}

/* ---- opening ---- */

static void ntfs_close(struct tree *tree)
{
	struct ntfs_tree *ntfs = (struct ntfs_tree *)tree;

	ntfs_file_free(ntfs->file);
	ntfs_runs_done(&ntfs->mft);
	free(ntfs);
}

static const struct tree_ops OPS = {
	.list = ntfs_list,
	.stat = ntfs_stat,
	.map = ntfs_map,
	.read = ntfs_read,
	.link = ntfs_link,
	.places = ntfs_places,
	.used = ntfs_used,
	.close = ntfs_close,
	.check = ntfs_check,
	.stream = ntfs_stream,
};

/* Bytes, or as a power of two below zero; in the boot sector as clusters. */
static uint64_t sized(int8_t said, uint64_t cluster)
{
	return said > 0 ? (uint64_t)said * cluster : said > -32 ? UINT64_C(1) << -said : 0;
}

static bool is_power_of_2(uint64_t value)
{
	return value && !(value & (value - 1));
}

static int read_boot(struct ntfs_tree *ntfs, uint64_t *out_mft)
{
	struct tree *tree = &ntfs->base;
	uint8_t boot[SECTOR];
	uint64_t bytes;

	if (tree->length < SECTOR || blocks_read(tree->blocks, tree->offset, boot, SECTOR))
		return EIO;
	uint64_t sector = bl_get16(boot + 11), count = boot[13], sectors = bl_get64(boot + 40);
	/* Above 128 it is a power of two, below zero. */
	if (count > 128)
		count = UINT64_C(1) << BL_MIN(256 - count, UINT64_C(31));
	if (!is_power_of_2(sector) || sector < SECTOR || sector > 4096 || !is_power_of_2(count) ||
	    sector * count > CLUSTER_LIMIT || __builtin_mul_overflow(sectors, sector, &bytes))
		return EIO;
	ntfs->cluster = (uint32_t)(sector * count);
	ntfs->clusters = BL_MIN(bytes, tree->length) / ntfs->cluster;
	uint64_t record = sized((int8_t)boot[64], ntfs->cluster);
	if (!is_power_of_2(record) || record < MFT_STRIDE || record > MFT_RECORD_LIMIT)
		return EIO;
	ntfs->record_size = (uint32_t)record;
	*out_mft = bl_get64(boot + 48);
	return 0;
}

static int open_all(struct ntfs_tree *ntfs)
{
	struct ntfs_file *root = NULL;
	uint64_t mft = 0;
	int error = read_boot(ntfs, &mft);

	if (!error)
		error = ntfs_mft_open(ntfs, mft);
	if (!error)
		error = ntfs_file_open(ntfs, NTFS_ROOT, &root);
	return !error && !root->is_folder ? EIO : error;
}

int ntfs_open(struct blocks *blocks, uint64_t offset, uint64_t length, struct tree **out_tree,
	      const char **out_notice)
{
	struct ntfs_tree *ntfs = calloc(1, sizeof(*ntfs));

	if (!ntfs)
		return EIO;
	ntfs->base = (struct tree){
		.ops = &OPS,
		.blocks = blocks,
		.offset = offset,
		.length = length,
		.root = NTFS_ROOT,
		.type = "ntfs",
		.names = NAMES_UTF16,
	};
	if (open_all(ntfs)) {
		*out_notice = "NTFS whose boot sector or MFT is damaged";
		ntfs_close(&ntfs->base);
		return EIO;
	}
	*out_tree = &ntfs->base;
	return 0;
}

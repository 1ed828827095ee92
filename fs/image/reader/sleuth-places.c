/* Where a file of NTFS, FAT, exFAT, HFS+ or ISO 9660 lies, all its streams, and which blocks a volume uses. */
#include "fs/image/reader/mft.h"
#include "fs/image/reader/sleuth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define USED_STEPS	 (1u << 22)   /* blocks or clusters looked at in one call */
#define EXTENSIONS	 1024u	      /* records that may hold pieces of one file's $DATA */
#define ATTRLIST_LIMIT	 (256u << 10) /* bytes, NTFS's own */
#define ATTRLIST_ENTRY	 26
#define NTFS_RECORD_SIZE 64 /* in the boot sector: clusters, or below zero the power of two */

/* Exported by libtsk, though in no header that libtsk.h brings: what the FAT says of a cluster. */
uint8_t fatfs_getFAT(void *fatfs, TSK_DADDR_T cluster, TSK_DADDR_T *value);

/* ---- runs ---- */

static int place_run(const struct sleuth_tree *sleuth, const TSK_FS_ATTR_RUN *run,
		     struct runs *runs)
{
	uint64_t unit = sleuth->fs->block_size, end;

	/* A filler stands for a piece that is missing. */
	if (run->flags & TSK_FS_ATTR_RUN_FLAG_FILLER)
		return EIO;
	if (run->flags & TSK_FS_ATTR_RUN_FLAG_SPARSE)
		return 0;
	if (__builtin_add_overflow((uint64_t)run->addr, (uint64_t)run->len, &end) ||
	    end > sleuth->base.length / unit)
		return EIO;
	return runs_place(runs, sleuth->base.offset + (uint64_t)run->addr * unit,
			  (uint64_t)run->len * unit);
}

static int place_attribute(const struct sleuth_tree *sleuth, const TSK_FS_ATTR *attr,
			   struct runs *runs)
{
	uint64_t covered = 0, unit = sleuth->fs->block_size;
	uint64_t wanted = attr->size < 0 ? 0 : (uint64_t)attr->size;
	int error = 0;

	if (attr->nrd.skiplen)
		return EOPNOTSUPP;
	for (const TSK_FS_ATTR_RUN *run = attr->nrd.run; run && !error; run = run->next) {
		/* The list goes forward; one that does not is a loop. */
		if (run->offset < covered || !run->len ||
		    __builtin_add_overflow((uint64_t)run->offset, (uint64_t)run->len, &covered))
			return EIO;
		error = place_run(sleuth, run, runs);
	}
	/* A chain that ends early is damage: there is more of the file somewhere. */
	if (!error && covered < wanted / unit + (wanted % unit != 0))
		return EIO;
	return error;
}

/* ---- FAT: clusters behind the end of the file ---- */

/* Blocks that share one answer: those of a cluster. */
struct grid {
	uint64_t first, step; /* below @first, each block by itself */
	uint64_t count;	      /* blocks that the filesystem has */
};

static bool is_fat(const struct sleuth_tree *sleuth)
{
	return TSK_FS_TYPE_ISFAT(sleuth->fs->ftype) && sleuth->fs->ftype != TSK_FS_TYPE_EXFAT;
}

static int grid_of(const struct sleuth_tree *sleuth, struct grid *out)
{
	const struct tree *tree = &sleuth->base;
	uint8_t boot[SLEUTH_SECTOR];
	uint64_t unit = sleuth->fs->block_size, volume = tree->length / unit, count;

	if (__builtin_add_overflow((uint64_t)sleuth->fs->last_block, 1, &count))
		return EIO;
	*out = (struct grid){0, 1, BL_MIN(count, volume)};
	if (!is_fat(sleuth) && sleuth->fs->ftype != TSK_FS_TYPE_EXFAT)
		return 0;
	if (blocks_read(tree->blocks, tree->offset, boot, sizeof(boot)))
		return EIO;
	if (sleuth->fs->ftype == TSK_FS_TYPE_EXFAT) {
		/* exFAT specification 3.1: ClusterCount; what lies behind has no bit in the bitmap. */
		out->first = sleuth->exfat_heap / unit;
		out->step = sleuth->exfat_cluster / unit;
		count = out->first + bl_get32(boot + 92) * out->step;
		out->count = BL_MIN(out->count, count);
		return out->step ? 0 : EIO;
	}
	uint64_t table = bl_get16(boot + 22) ? bl_get16(boot + 22) : bl_get32(boot + 36);
	uint64_t folder = (bl_get16(boot + 17) * UINT64_C(32) + unit - 1) / unit;
	/* Only where libtsk sees what this boot sector says: it may have taken the copy. */
	if (bl_get16(boot + 11) != unit || !boot[13])
		return 0;
	out->first = bl_get16(boot + 14) + boot[16] * table + folder;
	out->step = boot[13];
	return 0;
}

/* libtsk follows a chain as far as the size goes; what was allocated ahead is the file's, too. */
static int place_chain(struct sleuth_tree *sleuth, const TSK_FS_ATTR *attr, struct runs *runs)
{
	const struct tree *tree = &sleuth->base;
	const TSK_FS_ATTR_RUN *run = attr->nrd.run;
	uint64_t unit = sleuth->fs->block_size;
	struct grid grid;
	int error = grid_of(sleuth, &grid);

	while (run && run->next)
		run = run->next;
	if (error || !run || run->addr + run->len <= grid.first)
		return error;
	uint64_t clusters = (grid.count - grid.first) / grid.step;
	TSK_DADDR_T cluster = (run->addr + run->len - 1 - grid.first) / grid.step + 2;
	/* No more than all there are, or the chain is a loop. */
	for (uint64_t i = 0; i <= clusters && !error; i++) {
		if (fatfs_getFAT(sleuth->fs, cluster, &cluster))
			return EIO;
		if (cluster < 2 || cluster - 2 >= clusters)
			return 0;
		error = runs_place(runs,
				   tree->offset + (grid.first + (cluster - 2) * grid.step) * unit,
				   grid.step * unit);
	}
	return error ? error : EIO;
}

/* ---- NTFS: records of the MFT ---- */

struct mft {
	struct sleuth_tree *sleuth;
	TSK_FS_FILE *file; /* $MFT itself */
	const TSK_FS_ATTR *data;
	size_t record_size;
	struct runs *runs;
	uint64_t places[MFT_RECORD_LIMIT / MFT_STRIDE]; /* of this record's strides */
	size_t resident;				/* found so far, and their bytes */
	uint64_t resident_bytes;
};

static int mft_open(struct sleuth_tree *sleuth, struct runs *runs, struct mft *out)
{
	const struct tree *tree = &sleuth->base;
	uint8_t boot[SLEUTH_SECTOR];

	*out = (struct mft){.sleuth = sleuth, .runs = runs};
	if (blocks_read(tree->blocks, tree->offset, boot, sizeof(boot)))
		return EIO;
	int8_t size = (int8_t)boot[NTFS_RECORD_SIZE];
	if (size < -12 || size > 8)
		return EIO;
	out->record_size = size > 0 ? (size_t)size * sleuth->fs->block_size : (size_t)1 << -size;
	if (out->record_size < MFT_STRIDE || out->record_size > MFT_RECORD_LIMIT)
		return EOPNOTSUPP;
	out->file = tsk_fs_file_open_meta(sleuth->fs, NULL, 0);
	out->data = out->file ? tsk_fs_file_attr_get(out->file) : NULL;
	tsk_error_reset();
	return out->data && (out->data->flags & TSK_FS_ATTR_NONRES) ? 0 : EIO;
}

static int stride_at(const struct mft *mft, uint64_t offset, uint64_t *out_place)
{
	uint64_t unit = mft->sleuth->fs->block_size, block = offset / unit, end;

	for (const TSK_FS_ATTR_RUN *run = mft->data->nrd.run; run; run = run->next) {
		if (block < run->offset || block - run->offset >= run->len)
			continue;
		uint64_t place = run->addr + (block - run->offset);
		if (run->flags || __builtin_add_overflow(place, 1, &end) ||
		    end > mft->sleuth->base.length / unit)
			return EIO;
		*out_place = mft->sleuth->base.offset + place * unit + offset % unit;
		return 0;
	}
	return EIO;
}

static int tell_range(void *context, size_t from, size_t to)
{
	struct mft *mft = context;

	/* No range crosses a stride: its last two bytes are never in one. */
	return runs_place(mft->runs, mft->places[from / MFT_STRIDE] + from % MFT_STRIDE, to - from);
}

static int place_record(struct mft *mft, uint64_t number, uint64_t base)
{
	uint8_t record[MFT_RECORD_LIMIT];
	uint64_t start, bytes = 0;
	size_t count = 0;
	int error = 0;

	if (__builtin_mul_overflow(number, (uint64_t)mft->record_size, &start))
		return EIO;
	for (size_t at = 0; at < mft->record_size && !error; at += MFT_STRIDE) {
		uint64_t *place = &mft->places[at / MFT_STRIDE];

		error = stride_at(mft, start + at, place);
		if (!error)
			error = blocks_read(mft->sleuth->base.blocks, *place, record + at,
					    MFT_STRIDE);
	}
	if (!error)
		error = mft_unfix(record, mft->record_size);
	/* A list that names somebody else's record must not give that one's bytes away. */
	if (!error && mft_base(record) != base)
		error = EIO;
	if (!error)
		error = mft_places(record, mft->record_size, tell_range, mft, &count, &bytes);
	mft->resident += count;
	mft->resident_bytes += bytes;
	return error;
}

static int place_extensions(struct mft *mft, uint64_t inode, const uint8_t *list, size_t length)
{
	uint64_t seen[EXTENSIONS];
	size_t count = 0;
	int error = 0;

	for (size_t at = 0; at + ATTRLIST_ENTRY <= length && !error;) {
		uint64_t record = bl_get32(list + at + 16) | (uint64_t)bl_get16(list + at + 20)
								     << 32;
		size_t step = bl_get16(list + at + 4), k = 0;

		if (step < ATTRLIST_ENTRY)
			return EIO;
		bool is_data = bl_get32(list + at) == TSK_FS_ATTR_TYPE_NTFS_DATA;
		at += step;
		while (k < count && seen[k] != record)
			k++;
		if (!is_data || record == inode || k < count)
			continue;
		if (count == EXTENSIONS)
			return EFBIG;
		seen[count++] = record;
		error = place_record(mft, record, inode);
	}
	return error;
}

static int place_records(struct mft *mft, TSK_FS_FILE *file, uint64_t inode)
{
	const TSK_FS_ATTR *list =
		tsk_fs_file_attr_get_type(file, TSK_FS_ATTR_TYPE_NTFS_ATTRLIST, 0, 0);
	int error = place_record(mft, inode, 0);

	tsk_error_reset();
	if (error || !list)
		return error;
	if (list->size < 0 || list->size > ATTRLIST_LIMIT)
		return EFBIG;
	size_t length = (size_t)list->size;
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(length + 1);
	if (!bytes)
		return ENOMEM;
	ssize_t got = tsk_fs_attr_read(list, 0, (char *)bytes, length, TSK_FS_FILE_READ_FLAG_NONE);
	tsk_error_reset();
	if (got < 0 || (size_t)got != length)
		return EIO;
	return place_extensions(mft, inode, bytes, length);
}

/* What libtsk says is resident must be all that was found in the records, and nothing else. */
static int place_resident(struct sleuth_tree *sleuth, TSK_FS_FILE *file, uint64_t inode,
			  size_t count, uint64_t bytes, struct runs *runs)
{
	struct mft mft;
	int error = mft_open(sleuth, runs, &mft);

	if (!error)
		error = place_records(&mft, file, inode);
	tsk_fs_file_close(mft.file);
	return !error && (mft.resident != count || mft.resident_bytes != bytes) ? EIO : error;
}

/* ---- a file ---- */

static bool is_contents(const struct sleuth_tree *sleuth, const TSK_FS_ATTR *attr)
{
	if (sleuth->fs->ftype == TSK_FS_TYPE_NTFS)
		return attr->type == TSK_FS_ATTR_TYPE_NTFS_DATA;
	/* HFS+'s extended attributes are none; its compressed contents are kept as one. */
	return attr->type != TSK_FS_ATTR_TYPE_HFS_EXT_ATTR;
}

static int place_streams(struct sleuth_tree *sleuth, TSK_FS_FILE *file, uint64_t inode,
			 struct runs *runs)
{
	bool is_ntfs = sleuth->fs->ftype == TSK_FS_TYPE_NTFS;
	int count = tsk_fs_file_attr_getsize(file), error = 0;
	size_t resident = 0;
	uint64_t resident_bytes = 0;

	for (int i = 0; i < count && !error; i++) {
		const TSK_FS_ATTR *attr = tsk_fs_file_attr_get_idx(file, i);

		if (!attr)
			return EIO;
		if (!is_contents(sleuth, attr))
			continue;
		if (attr->flags & TSK_FS_ATTR_NONRES) {
			error = place_attribute(sleuth, attr, runs);
			if (!error && is_fat(sleuth))
				error = place_chain(sleuth, attr, runs);
		} else if (!is_ntfs) {
			error = attr->size ? EOPNOTSUPP : 0; /* in HFS+'s attribute tree */
		} else {
			resident++;
			resident_bytes += (uint64_t)attr->size;
		}
	}
	if (!error && is_ntfs)
		error = place_resident(sleuth, file, inode, resident, resident_bytes, runs);
	return error;
}

int sleuth_places(struct tree *tree, uint64_t inode, struct runs *runs)
{
	struct sleuth_tree *sleuth = (struct sleuth_tree *)tree;
	TSK_FS_FILE *file = NULL;
	int error = sleuth_file_open(sleuth, inode, &file);

	if (error)
		return error;
	if (file->meta->type != TSK_FS_META_TYPE_REG)
		return file->meta->type == TSK_FS_META_TYPE_DIR ? EISDIR : EINVAL;
	if (sleuth->fs->block_pre_size || sleuth->fs->block_post_size)
		return EOPNOTSUPP;
	tsk_error_reset();
	if (tsk_fs_file_attr_getsize(file) < 0 || tsk_error_get_errno()) {
		tsk_error_reset();
		return EIO;
	}
	error = place_streams(sleuth, file, inode, runs);
	tsk_error_reset();
	return error;
}

/* ---- a volume ---- */

static int block_used(struct sleuth_tree *sleuth, uint64_t block, bool *out_is_used)
{
	TSK_FS_BLOCK_FLAG_ENUM flags = sleuth->fs->block_getflags(sleuth->fs, block);

	/* libtsk calls a block of HFS+ free when it could not tell, and leaves an error behind. */
	if (!(flags & (TSK_FS_BLOCK_FLAG_ALLOC | TSK_FS_BLOCK_FLAG_META)) &&
	    (!(flags & TSK_FS_BLOCK_FLAG_UNALLOC) || tsk_error_get_errno())) {
		tsk_error_reset();
		return EIO;
	}
	*out_is_used = (flags & (TSK_FS_BLOCK_FLAG_ALLOC | TSK_FS_BLOCK_FLAG_META)) != 0;
	return 0;
}

static int scan_used(struct sleuth_tree *sleuth, const struct grid *grid, uint64_t cursor,
		     struct runs *runs, uint64_t *out_next)
{
	const struct tree *tree = &sleuth->base;
	uint64_t unit = sleuth->fs->block_size, block = cursor;
	int error = 0;

	for (size_t step = 0; block < grid->count && !error; step++) {
		uint64_t length = block < grid->first ? 1 : grid->step;
		bool is_used = false;
		/* A page may stop early for the budget or the time: the next one goes on there. */
		if (step == USED_STEPS || runs->count == READER_USED_RUNS ||
		    (step && tree->blocks->budget < READER_BLOCK_BUDGET / 2))
			break;
		length = BL_MIN(length, grid->count - block);
		error = block_used(sleuth, block, &is_used);
		if (!error && is_used)
			error = runs_place(runs, tree->offset + block * unit, length * unit);
		block += length;
	}
	*out_next = block < grid->count ? block : 0;
	return error;
}

/* NTFS has a copy of its boot sector behind the last cluster, HFS+ one of its header there or close to it. */
static int place_behind(const struct sleuth_tree *sleuth, const struct grid *grid,
			struct runs *runs)
{
	const struct tree *tree = &sleuth->base;
	uint64_t start = grid->count * sleuth->fs->block_size;

	return runs_place(runs, tree->offset + start,
			  BL_MIN(tree->length - start, (uint64_t)sleuth->fs->block_size));
}

int sleuth_used(struct tree *tree, uint64_t cursor, struct runs *runs, uint64_t *out_next)
{
	struct sleuth_tree *sleuth = (struct sleuth_tree *)tree;
	struct grid grid;

	if (sleuth->fs->block_pre_size || sleuth->fs->block_post_size)
		return EOPNOTSUPP;
	if (sleuth->fs->ftype == TSK_FS_TYPE_ISO9660) {
		*out_next = 0;
		return runs_place(runs, tree->offset, tree->length);
	}
	int error = grid_of(sleuth, &grid);
	tsk_error_reset();
	if (!error)
		error = scan_used(sleuth, &grid, cursor, runs, out_next);
	/* The page may be full; then the rest of the volume is the next page. */
	if (!error && *out_next == 0 && runs->count == READER_USED_RUNS)
		*out_next = grid.count;
	else if (!error && *out_next == 0)
		error = place_behind(sleuth, &grid, runs);
	tsk_error_reset();
	return error;
}

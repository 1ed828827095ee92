/* Where a file of FAT, exFAT or HFS+ lies, all its streams, and which blocks a volume uses. */
#include "fs/image/reader/sleuth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define USED_STEPS (1u << 22) /* blocks or clusters looked at in one call */

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

/* ---- a file ---- */

static int place_streams(struct sleuth_tree *sleuth, TSK_FS_FILE *file, struct runs *runs)
{
	int count = tsk_fs_file_attr_getsize(file), error = 0;

	for (int i = 0; i < count && !error; i++) {
		const TSK_FS_ATTR *attr = tsk_fs_file_attr_get_idx(file, i);

		if (!attr)
			return EIO;
		/* HFS+'s extended attributes are no contents; its compressed contents are kept as one. */
		if (attr->type == TSK_FS_ATTR_TYPE_HFS_EXT_ATTR)
			continue;
		if (attr->flags & TSK_FS_ATTR_NONRES)
			error = place_attribute(sleuth, attr, runs);
		else if (attr->size)
			error = EOPNOTSUPP; /* in HFS+'s attribute tree */
		if (!error && is_fat(sleuth))
			error = place_chain(sleuth, attr, runs);
	}
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
	error = place_streams(sleuth, file, runs);
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

/* HFS+ has a copy of its header behind its last block or close to it. */
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

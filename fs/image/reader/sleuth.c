/* FAT, exFAT, HFS+ and partition tables through libtsk, always with an explicit type. */
#include "fs/image/reader/sleuth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HFS_FIRST  16 /* catalog ids below are, too (Apple TN1150), but for the root folder, 2 */
#define PATH_LIMIT 4096

/* tsk_img_open_external: the caller's structure begins with libtsk's. */
struct sleuth_image {
	TSK_IMG_INFO info;
	struct blocks *blocks;
	uint64_t ahead_offset; /* what failed last, when that may have been read-ahead only */
	size_t ahead_length;   /* 0: nothing did */
};

/*
 * Exported by libtsk, though in none of its headers: tells it the parent of a directory. Without it, opening a
 * directory by inode makes libtsk walk the whole tree for "..", which nobody here asks for.
 */
uint8_t fatfs_dir_buf_add(void *fatfs, TSK_INUM_T parent, TSK_INUM_T directory);

/*
 * libtsk fills its cache from the sector that is wanted on, and when that fails asks at once for what is wanted alone. The
 * first failure is none then; every other one counts, since libtsk forgets some of them: a piece of a sector that could not
 * be read it takes for zeros.
 */
static bool is_asked_again(const struct sleuth_image *image, uint64_t offset)
{
	return image->ahead_length && offset >= image->ahead_offset &&
	       offset - image->ahead_offset < SLEUTH_SECTOR;
}

static ssize_t image_read(TSK_IMG_INFO *info, TSK_OFF_T offset, char *out, size_t length)
{
	struct sleuth_image *image = (struct sleuth_image *)info;
	struct blocks *blocks = image->blocks;
	uint64_t at = (uint64_t)offset;

	if (offset < 0 || at >= blocks->image_bytes) {
		blocks->failures++;
		return -1;
	}
	length = BL_MIN(length, (size_t)(blocks->image_bytes - at));
	bool is_again = is_asked_again(image, at) && length <= image->ahead_length;
	int error = blocks_read(blocks, at, out, length);

	if (is_again)
		blocks->failures--;
	image->ahead_offset = at;
	image->ahead_length = error && !is_again && length <= TSK_IMG_INFO_CACHE_LEN ? length : 0;
	return error ? -1 : (ssize_t)length;
}

static void image_close(TSK_IMG_INFO *info)
{
	(void)info;
}

static void image_stat(TSK_IMG_INFO *info, FILE *file)
{
	(void)info;
	(void)file;
}

struct sleuth_image *sleuth_image_new(struct blocks *blocks)
{
	struct sleuth_image *image = calloc(1, sizeof(*image));

	if (!image)
		return NULL;
	image->blocks = blocks;
	if (!tsk_img_open_external(image, (TSK_OFF_T)blocks->image_bytes, SLEUTH_SECTOR, image_read,
				   image_close, image_stat)) {
		free(image);
		return NULL;
	}
	return image;
}

void sleuth_image_free(struct sleuth_image *image)
{
	if (!image)
		return;
	tsk_img_close(&image->info);
	free(image);
}

/* ---- partitions ---- */

static int parts_take(const TSK_VS_INFO *table, struct table_part *out, size_t room,
		      size_t *out_count)
{
	size_t count = 0;

	for (const TSK_VS_PART_INFO *part = table->part_list; part; part = part->next) {
		if (!(part->flags & TSK_VS_PART_FLAG_ALLOC) ||
		    (part->flags & TSK_VS_PART_FLAG_META) || part->slot_num < 0)
			continue;
		if (count == room)
			return EFBIG;
		out[count++] = (struct table_part){(uint64_t)part->start, (uint64_t)part->len};
	}
	*out_count = count;
	return 0;
}

int sleuth_parts(struct sleuth_image *image, enum table_kind kind, uint64_t offset, unsigned sector,
		 struct table_part *out, size_t room, size_t *out_count)
{
	static const TSK_VS_TYPE_ENUM types[] = {
		[TABLE_DOS] = TSK_VS_TYPE_DOS,
		[TABLE_GPT] = TSK_VS_TYPE_GPT,
		[TABLE_MAP] = TSK_VS_TYPE_MAC,
		[TABLE_LABEL] = TSK_VS_TYPE_BSD,
	};
	int error = ENOENT;

	image->info.sector_size = sector;
	TSK_VS_INFO *table = tsk_vs_open(&image->info, (TSK_DADDR_T)offset, types[kind]);
	tsk_error_reset();
	if (table && table->block_size == sector)
		error = parts_take(table, out, room, out_count);
	if (table)
		tsk_vs_close(table);
	image->info.sector_size = SLEUTH_SECTOR;
	return error;
}

/* ---- files ---- */

static bool is_own(const struct sleuth_tree *sleuth, uint64_t inode)
{
	return inode < sleuth->first_inode && inode != sleuth->base.root;
}

/*
 * The last inode number is libtsk's $OrphanFiles: opening it searches the whole volume, and a corrupt entry that names
 * it deadlocks. The other virtual ones ($MBR, $FAT1) lie right below and are told by their type. Of HFS+ it is none: the last one is the
 * newest file or folder.
 */
static bool is_possible(const struct sleuth_tree *sleuth, uint64_t inode)
{
	const TSK_FS_INFO *fs = sleuth->fs;
	uint64_t end = (uint64_t)fs->last_inum + (TSK_FS_TYPE_ISHFS(fs->ftype) ? 1 : 0);

	return inode >= fs->first_inum && inode < end && !is_own(sleuth, inode);
}

int sleuth_file_open(struct sleuth_tree *sleuth, uint64_t inode, TSK_FS_FILE **out_file)
{
	if (!is_possible(sleuth, inode))
		return ENOENT;
	if (!sleuth->file || sleuth->file_inode != inode) {
		uint64_t before = sleuth->base.blocks->failures;

		tsk_fs_file_close(sleuth->file);
		sleuth->file = tsk_fs_file_open_meta(sleuth->fs, NULL, inode);
		sleuth->file_inode = inode;
		tsk_error_reset();
		/* Half known: not kept for another name of it in the same listing. */
		if (sleuth->base.blocks->failures != before) {
			tsk_fs_file_close(sleuth->file);
			sleuth->file = NULL;
			return EIO;
		}
	}
	if (!sleuth->file || !sleuth->file->meta)
		return EIO;
	if (!(sleuth->file->meta->flags & TSK_FS_META_FLAG_ALLOC) ||
	    sleuth->file->meta->type == TSK_FS_META_TYPE_VIRT ||
	    sleuth->file->meta->type == TSK_FS_META_TYPE_VIRT_DIR)
		return ENOENT;
	*out_file = sleuth->file;
	return 0;
}

static uint32_t mode_of(const struct sleuth_tree *sleuth, const TSK_FS_META *meta)
{
	static const uint32_t types[] = {
		[TSK_FS_META_TYPE_REG] = S_IFREG,   [TSK_FS_META_TYPE_DIR] = S_IFDIR,
		[TSK_FS_META_TYPE_FIFO] = S_IFIFO,  [TSK_FS_META_TYPE_CHR] = S_IFCHR,
		[TSK_FS_META_TYPE_BLK] = S_IFBLK,   [TSK_FS_META_TYPE_LNK] = S_IFLNK,
		[TSK_FS_META_TYPE_SOCK] = S_IFSOCK,
	};
	uint32_t type = (size_t)meta->type < BL_COUNT(types) ? types[meta->type] : 0;
	uint32_t rights = (uint32_t)meta->mode & 0777;

	/* FAT has no such rights: libtsk makes some up from attributes. */
	if (!TSK_FS_TYPE_ISHFS(sleuth->fs->ftype))
		rights = type == S_IFDIR ? 0755 : 0644;
	return type ? type | rights : 0;
}

static int64_t time_ns(time_t seconds, uint32_t nano)
{
	int64_t whole;

	if (__builtin_mul_overflow((int64_t)seconds, INT64_C(1000000000), &whole))
		return 0;
	return whole + (int64_t)BL_MIN(nano, 999999999u);
}

/* Its name, its size and its place are in one set of entries with one checksum. */
static bool is_exfat_broken(const struct sleuth_tree *sleuth, uint64_t inode)
{
	uint64_t written;

	return sleuth->fs->ftype == TSK_FS_TYPE_EXFAT && inode != sleuth->base.root &&
	       exfat_written(sleuth, inode, &written);
}

static int sleuth_stat(struct tree *tree, uint64_t inode, struct wire_attr *out)
{
	struct sleuth_tree *sleuth = (struct sleuth_tree *)tree;
	TSK_FS_FILE *file = NULL;
	int error = sleuth_file_open(sleuth, inode, &file);

	if (!error && is_exfat_broken(sleuth, inode))
		error = EIO;
	if (error)
		return error;
	const TSK_FS_META *meta = file->meta;
	if (meta->size < 0 || (uint64_t)meta->size > READER_FILE_LIMIT)
		return EFBIG;
	*out = (struct wire_attr){
		.size_bytes = (uint64_t)meta->size,
		.blocks_512 = ((uint64_t)meta->size + 511) / 512,
		.mtime_ns = time_ns(meta->mtime, meta->mtime_nano),
		.atime_ns = time_ns(meta->atime, meta->atime_nano),
		.ctime_ns = time_ns(meta->ctime, meta->ctime_nano),
		.mode = mode_of(sleuth, meta),
		.nlink = meta->nlink > 0 ? (uint32_t)meta->nlink : 1,
	};
	if (TSK_FS_TYPE_ISHFS(sleuth->fs->ftype)) {
		out->uid = meta->uid;
		out->gid = meta->gid;
	}
	return out->mode ? 0 : EIO;
}

/* ---- directories ---- */

/*
 * exFAT's bitmap, up-case table and label are entries of the root folder, which libtsk lists as files. The slot says
 * what it is: 0x85 begins a file. libtsk numbers the 32-byte slots of the cluster heap from 3 on.
 */
static bool is_exfat_file(const struct sleuth_tree *sleuth, uint64_t inode)
{
	const struct tree *tree = &sleuth->base;
	uint8_t type = 0;

	return inode >= 3 &&
	       !blocks_read(tree->blocks, tree->offset + sleuth->exfat_heap + (inode - 3) * 32,
			    &type, 1) &&
	       type == 0x85;
}

static bool is_customers(const struct sleuth_tree *sleuth, const TSK_FS_NAME *name)
{
	static const char label[] = " (Volume Label Entry)";
	size_t length = name->name ? strlen(name->name) : 0;

	if (!(name->flags & TSK_FS_NAME_FLAG_ALLOC) || name->type == TSK_FS_NAME_TYPE_VIRT ||
	    name->type == TSK_FS_NAME_TYPE_VIRT_DIR || !is_possible(sleuth, name->meta_addr) ||
	    name->meta_addr == sleuth->base.root)
		return false;
	if (length && length < 3 && !memcmp(name->name, "..", length))
		return false;
	if (sleuth->fs->ftype == TSK_FS_TYPE_EXFAT)
		return is_exfat_file(sleuth, name->meta_addr);
	/* libtsk's words for a FAT volume label, and perhaps a file's own name. */
	return !(TSK_FS_TYPE_ISFAT(sleuth->fs->ftype) && length >= sizeof(label) - 1 &&
		 !strcmp(name->name + length - (sizeof(label) - 1), label) &&
		 slot_is_label(sleuth, name->meta_addr));
}

/* Are all names there that the catalog has? */
static int hfs_check(struct sleuth_tree *sleuth, uint64_t folder, const TSK_FS_DIR *dir)
{
	uint64_t wanted = 0, count = 0;
	int error = hfs_names(sleuth, folder, &wanted);

	for (size_t i = 0; i < dir->names_used; i++) {
		const TSK_FS_NAME *name = &dir->names[i];
		size_t length = name->name ? strlen(name->name) : 0;
		bool is_dots = length && length < 3 && !memcmp(name->name, "..", length);

		count += !is_dots &&
			 (name->meta_addr >= HFS_FIRST || name->meta_addr == sleuth->base.root);
	}
	return error ? error : wanted == count ? 0 : EIO;
}

static int sleuth_list(struct tree *tree, uint64_t inode, struct listing *listing)
{
	struct sleuth_tree *sleuth = (struct sleuth_tree *)tree;
	TSK_FS_FILE *file = NULL;
	int error = sleuth_file_open(sleuth, inode, &file);

	if (error)
		return error;
	if (file->meta->type != TSK_FS_META_TYPE_DIR)
		return ENOTDIR;
	if (TSK_FS_TYPE_ISFAT(sleuth->fs->ftype) &&
	    fatfs_dir_buf_add(sleuth->fs, sleuth->base.root, inode)) {
		tsk_error_reset();
		return EIO;
	}
	TSK_FS_DIR *dir = tsk_fs_dir_open_meta(sleuth->fs, inode);
	/* libtsk gives what it could save of a damaged directory and an error: half a listing is none. */
	bool is_broken = tsk_error_get_errno() != 0;
	tsk_error_reset();
	if (!dir)
		return EIO;
	for (size_t i = 0; i < dir->names_used && !error; i++) {
		const TSK_FS_NAME *name = &dir->names[i];

		if (!is_customers(sleuth, name))
			continue;
		if (is_exfat_broken(sleuth, name->meta_addr))
			error = EIO;
		else
			error = listing_add(listing, name->meta_addr, name->name,
					    strlen(name->name));
	}
	if (!error && (TSK_FS_TYPE_ISFAT(sleuth->fs->ftype)))
		error = slots_check(sleuth, dir, listing);
	if (!error && TSK_FS_TYPE_ISHFS(sleuth->fs->ftype))
		error = hfs_check(sleuth, inode, dir);
	tsk_fs_dir_close(dir);
	return !error && is_broken ? EIO : error;
}

/* ---- contents ---- */

static int data_of(struct sleuth_tree *sleuth, uint64_t inode, TSK_FS_FILE **out_file,
		   const TSK_FS_ATTR **out_data)
{
	int error = sleuth_file_open(sleuth, inode, out_file);

	if (error)
		return error;
	const TSK_FS_META *meta = (*out_file)->meta;
	if (meta->type != TSK_FS_META_TYPE_REG)
		return meta->type == TSK_FS_META_TYPE_DIR ? EISDIR : EINVAL;
	if (meta->size < 0 || (uint64_t)meta->size > READER_FILE_LIMIT)
		return EFBIG;
	*out_data = tsk_fs_file_attr_get(*out_file);
	tsk_error_reset();
	if (!*out_data)
		return meta->size ? EIO : 0;
	if ((*out_data)->flags & TSK_FS_ATTR_ENC)
		return EOPNOTSUPP;
	return (*out_data)->size == meta->size ? 0 : EIO;
}

static int written_bytes(struct sleuth_tree *sleuth, uint64_t inode, const TSK_FS_ATTR *data,
			 uint64_t *out_bytes)
{
	uint64_t size = (uint64_t)data->size;

	if (sleuth->fs->ftype == TSK_FS_TYPE_EXFAT) {
		int error = exfat_written(sleuth, inode, out_bytes);
		*out_bytes = error ? 0 : BL_MIN(*out_bytes, size);
		return error;
	}
	*out_bytes = data->nrd.initsize < 0 ? 0 : BL_MIN((uint64_t)data->nrd.initsize, size);
	return 0;
}

static int map_run(struct sleuth_tree *sleuth, const TSK_FS_ATTR_RUN *run, uint64_t limit,
		   struct runs *runs)
{
	uint64_t unit = sleuth->fs->block_size;
	uint64_t blocks_end, at, place, length;

	if (__builtin_mul_overflow((uint64_t)run->offset, unit, &at) ||
	    __builtin_mul_overflow((uint64_t)run->len, unit, &length))
		return EIO;
	/* What nothing was found for: none of these filesystems has holes. */
	if (run->flags & (TSK_FS_ATTR_RUN_FLAG_FILLER | TSK_FS_ATTR_RUN_FLAG_SPARSE))
		return EIO;
	if (run->flags & TSK_FS_ATTR_RUN_FLAG_ENCRYPTED)
		return EOPNOTSUPP;
	if (__builtin_add_overflow((uint64_t)run->addr, (uint64_t)run->len, &blocks_end) ||
	    blocks_end > sleuth->base.length / unit)
		return EIO;
	place = sleuth->base.offset + (uint64_t)run->addr * unit;
	return runs_add(runs, limit, at, place, length);
}

static int sleuth_map(struct tree *tree, uint64_t inode, struct runs *runs)
{
	struct sleuth_tree *sleuth = (struct sleuth_tree *)tree;
	TSK_FS_FILE *file = NULL;
	const TSK_FS_ATTR *data = NULL;
	uint64_t limit = 0, covered = 0;
	int error = data_of(sleuth, inode, &file, &data);

	if (error || !data || !data->size)
		return error;
	if (!(data->flags & TSK_FS_ATTR_NONRES) || (data->flags & TSK_FS_ATTR_COMP) || data->r ||
	    data->nrd.skiplen || sleuth->fs->block_pre_size || sleuth->fs->block_post_size)
		return ENODATA;
	error = written_bytes(sleuth, inode, data, &limit);
	for (const TSK_FS_ATTR_RUN *run = data->nrd.run; run && !error; run = run->next) {
		/* The list goes forward; one that does not is a loop. */
		if (run->offset * sleuth->fs->block_size < covered || !run->len)
			return EIO;
		covered = (run->offset + run->len) * sleuth->fs->block_size;
		error = map_run(sleuth, run, limit, runs);
		if (covered >= limit)
			break;
	}
	/* A cluster chain that ends early is damage, not zeros. */
	return !error && covered < limit ? EIO : error;
}

static int sleuth_read(struct tree *tree, uint64_t inode, uint64_t offset, uint8_t *out,
		       size_t length, size_t *out_length)
{
	struct sleuth_tree *sleuth = (struct sleuth_tree *)tree;
	TSK_FS_FILE *file = NULL;
	const TSK_FS_ATTR *data = NULL;
	uint64_t written = 0;
	int error = data_of(sleuth, inode, &file, &data);

	*out_length = 0;
	if (error || !data || offset >= (uint64_t)data->size)
		return error;
	length = BL_MIN(length, (uint64_t)data->size - offset);
	if (data->flags & TSK_FS_ATTR_NONRES)
		error = written_bytes(sleuth, inode, data, &written);
	else
		written = (uint64_t)data->size;
	if (error)
		return error;
	size_t wanted = offset < written ? (size_t)BL_MIN((uint64_t)length, written - offset) : 0;
	memset(out, 0, length);
	ssize_t got = wanted ? tsk_fs_attr_read(data, (TSK_OFF_T)offset, (char *)out, wanted,
						TSK_FS_FILE_READ_FLAG_NONE)
			     : 0;
	tsk_error_reset();
	if (got < 0 || (size_t)got != wanted)
		return EIO;
	*out_length = length;
	return 0;
}

static int sleuth_link(struct tree *tree, uint64_t inode, char *out, size_t size,
		       size_t *out_length)
{
	TSK_FS_FILE *file = NULL;
	int error = sleuth_file_open((struct sleuth_tree *)tree, inode, &file);

	if (error)
		return error;
	if (file->meta->type != TSK_FS_META_TYPE_LNK)
		return EINVAL;
	size_t length = file->meta->link ? strnlen(file->meta->link, PATH_LIMIT) : 0;
	if (!length || length >= PATH_LIMIT || length > size)
		return EIO;
	memcpy(out, file->meta->link, length);
	*out_length = length;
	return 0;
}

/* ---- opening ---- */

static void sleuth_close(struct tree *tree)
{
	struct sleuth_tree *sleuth = (struct sleuth_tree *)tree;

	tsk_fs_file_close(sleuth->file);
	if (sleuth->fs)
		tsk_fs_close(sleuth->fs);
	free(sleuth);
}

static const struct tree_ops OPS = {
	.list = sleuth_list,
	.stat = sleuth_stat,
	.map = sleuth_map,
	.read = sleuth_read,
	.link = sleuth_link,
	.places = sleuth_places,
	.used = sleuth_used,
	.close = sleuth_close,
};

static const struct {
	const char *type;
	TSK_FS_TYPE_ENUM kind;
	uint64_t first_inode;
	const char *notice;
} KINDS[] = {
	{"fat12", TSK_FS_TYPE_FAT12, 0, "FAT12 whose boot sector is damaged"},
	{"fat16", TSK_FS_TYPE_FAT16, 0, "FAT16 whose boot sector is damaged"},
	{"fat32", TSK_FS_TYPE_FAT32, 0, "FAT32 whose boot sector is damaged"},
	{"exfat", TSK_FS_TYPE_EXFAT, 0, "exFAT whose boot sector or root is damaged"},
	{"hfsplus", TSK_FS_TYPE_HFS, HFS_FIRST, "HFS+ whose header or catalog is damaged"},
};

/*
 * libtsk may open a volume without a table that it could not read, and then shows less: HFS+ without the folder of its
 * hard links takes a link for an empty file.
 */
static bool has_lost_table(const struct sleuth_tree *sleuth, uint64_t failures_before)
{
	return sleuth->base.blocks->failures != failures_before;
}

/* Deleted files are hunted by walking all metadata on the first directory opened: nobody here asks for them. */
static uint8_t walk_nothing(TSK_FS_INFO *fs BL_UNUSED, TSK_INUM_T first BL_UNUSED,
			    TSK_INUM_T last BL_UNUSED, TSK_FS_META_FLAG_ENUM flags BL_UNUSED,
			    TSK_FS_META_WALK_CB tell BL_UNUSED, void *context BL_UNUSED)
{
	return 0;
}

int sleuth_open(struct sleuth_image *image, const char *type, uint64_t offset, uint64_t length,
		struct tree **out_tree, const char **out_notice)
{
	size_t kind = 0;

	while (kind < BL_COUNT(KINDS) && strcmp(KINDS[kind].type, type) != 0)
		kind++;
	if (kind == BL_COUNT(KINDS))
		return EIO;
	struct sleuth_tree *sleuth = calloc(1, sizeof(*sleuth));
	if (!sleuth)
		return EIO;
	sleuth->base = (struct tree){&OPS, image->blocks, offset, length, 0, "", true, NAMES_BYTES};
	sleuth->first_inode = KINDS[kind].first_inode;
	uint64_t before = image->blocks->failures;
	sleuth->fs = tsk_fs_open_img(&image->info, (TSK_OFF_T)offset, KINDS[kind].kind);
	tsk_error_reset();
	if (!sleuth->fs || !sleuth->fs->block_size || has_lost_table(sleuth, before) ||
	    (KINDS[kind].kind == TSK_FS_TYPE_EXFAT && exfat_layout(sleuth)) ||
	    (KINDS[kind].kind == TSK_FS_TYPE_HFS && hfs_overflow_check(sleuth))) {
		*out_notice = KINDS[kind].notice;
		sleuth_close(&sleuth->base);
		return EIO;
	}
	sleuth->fs->inode_walk = walk_nothing;
	sleuth->base.root = sleuth->fs->root_inum;
	strcpy(sleuth->base.type, type);
	*out_tree = &sleuth->base;
	return 0;
}

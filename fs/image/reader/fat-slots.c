/* Folders of FAT and exFAT, slot by slot: libtsk leaves out, without a word, every entry that does not please it (docs/reader.md, "Traps"). */
#include "fs/image/reader/sleuth.h"

#include <errno.h>
#include <string.h>

#define SLOT	   32
#define SLOTS_FROM 3 /* libtsk's number of the first slot of the data area */
#define SHORT_NAME 13

/* Microsoft's FAT specification 1.03, "FAT Directory Structure" */
#define GONE	   0xe5
#define KANJI	   0x05 /* stands for 0xe5 */
#define ATTR_LABEL 0x08 /* and all parts of long names */
#define ATTR_KIND  0x18 /* with that of folders */

struct slots {
	const struct sleuth_tree *sleuth;
	const TSK_FS_DIR *dir;
	struct listing *listing;
	uint64_t begin; /* of the data area: bytes from the volume's start */
	size_t next;	/* libtsk keeps to the order of the slots */
	bool is_end;
};

static bool is_told(struct slots *slots, uint64_t inode)
{
	for (size_t i = slots->next; i < slots->dir->names_used; i++) {
		const TSK_FS_NAME *name = &slots->dir->names[i];

		if (name->meta_addr != inode || !(name->flags & TSK_FS_NAME_FLAG_ALLOC))
			continue;
		slots->next = i + 1;
		return true;
	}
	return false;
}

static size_t part_copy(char *out, const uint8_t *part, size_t length)
{
	while (length && part[length - 1] == ' ')
		length--;
	memcpy(out, part, length);
	return length;
}

static size_t short_name(const uint8_t slot[SLOT], char out[SHORT_NAME])
{
	size_t length = part_copy(out, slot, 8);
	size_t more = part_copy(out + length + 1, slot + 8, 3);

	if (length && slot[0] == KANJI)
		out[0] = (char)GONE;
	if (!more)
		return length;
	out[length] = '.';
	return length + 1 + more;
}

static int fat_slot(struct slots *slots, uint64_t inode, const uint8_t slot[SLOT])
{
	char name[SHORT_NAME];

	if (slot[0] == GONE || (slot[11] & ATTR_LABEL) || !memcmp(slot, ".          ", 11) ||
	    !memcmp(slot, "..         ", 11) || is_told(slots, inode))
		return 0;
	/* Its attributes cannot be had from libtsk: who asks for them is told an error. */
	return listing_add(slots->listing, inode, name, short_name(slot, name));
}

static int exfat_slot(struct slots *slots, uint64_t inode, const uint8_t slot[SLOT])
{
	return slot[0] == 0x85 && !is_told(slots, inode) ? EIO : 0;
}

static int sector_look(struct slots *slots, uint64_t at, size_t length)
{
	uint8_t bytes[4096];
	const struct tree *tree = &slots->sleuth->base;
	bool is_exfat = slots->sleuth->fs->ftype == TSK_FS_TYPE_EXFAT;

	if (length > sizeof(bytes) || at < slots->begin ||
	    blocks_read(tree->blocks, tree->offset + at, bytes, length))
		return EIO;
	for (size_t i = 0; i < length; i += SLOT) {
		uint64_t inode = (at + i - slots->begin) / SLOT + SLOTS_FROM;

		if (!bytes[i]) {
			slots->is_end = true;
			return 0;
		}
		int error = is_exfat ? exfat_slot(slots, inode, bytes + i)
				     : fat_slot(slots, inode, bytes + i);
		if (error)
			return error;
	}
	return 0;
}

static int data_begin(const struct sleuth_tree *sleuth, uint64_t *out_begin)
{
	uint8_t boot[SLEUTH_SECTOR];
	const struct tree *tree = &sleuth->base;

	*out_begin = sleuth->exfat_heap;
	if (sleuth->fs->ftype == TSK_FS_TYPE_EXFAT)
		return 0;
	if (blocks_read(tree->blocks, tree->offset, boot, sizeof(boot)))
		return EIO;
	uint64_t table = bl_get16(boot + 22) ? bl_get16(boot + 22) : bl_get32(boot + 36);
	*out_begin = (bl_get16(boot + 14) + boot[16] * table) * bl_get16(boot + 11);
	return 0;
}

bool slot_is_label(const struct sleuth_tree *sleuth, uint64_t inode)
{
	const struct tree *tree = &sleuth->base;
	uint64_t begin = 0;
	uint8_t slot[SLOT];

	return inode >= SLOTS_FROM && !data_begin(sleuth, &begin) &&
	       !blocks_read(tree->blocks, tree->offset + begin + (inode - SLOTS_FROM) * SLOT, slot,
			    SLOT) &&
	       (slot[11] & ATTR_KIND) == ATTR_LABEL;
}

int slots_check(const struct sleuth_tree *sleuth, TSK_FS_DIR *dir, struct listing *listing)
{
	struct slots slots = {.sleuth = sleuth, .dir = dir, .listing = listing};
	uint64_t unit = sleuth->fs->block_size, left = (uint64_t)dir->fs_file->meta->size;
	const TSK_FS_ATTR *data = tsk_fs_file_attr_get(dir->fs_file);
	int error = data_begin(sleuth, &slots.begin);

	tsk_error_reset();
	if (!data || !(data->flags & TSK_FS_ATTR_NONRES))
		return EIO;
	for (const TSK_FS_ATTR_RUN *run = data->nrd.run; run && !error; run = run->next)
		for (uint64_t i = 0; i < run->len && left && !slots.is_end && !error; i++) {
			error = sector_look(&slots, (run->addr + i) * unit, unit);
			left -= BL_MIN(left, unit);
		}
	return error;
}

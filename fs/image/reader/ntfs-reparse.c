/*
 * Reparse points: links whose target can be told are links; a file whose contents are kept by another way is refused, never shown as the
 * zeros that its stream has instead. Tags and layouts: [MS-FSCC] 2.1.2.
 */
#include "fs/image/reader/ntfs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define TAG_MOUNT_POINT 0xa0000003u /* junctions and mounted volumes */
#define TAG_SYMLINK	0xa000000cu
#define TAG_LX_SYMLINK	0xa000001du /* WSL's: a POSIX path in UTF-8 */
#define TAG_AF_UNIX	0x80000023u
#define TAG_LX_FIFO	0x80000024u
#define TAG_LX_CHR	0x80000025u
#define TAG_LX_BLK	0x80000026u
#define TAG_WOF		0x80000017u
#define TAG_CLOUD	0x9000001au /* and with 1 to f in bits 12 to 15: OneDrive and its like */
#define TAG_CLOUD_MASK	0xffff0fffu

#define DOS_SYSTEM     0x4u
#define DOS_NOT_HERE   0x441000u /* offline, recall on open, recall on data access */
#define REPARSE_LIMIT  16384u	 /* bytes, NTFS's own */
#define REPARSE_HEADER 8u
#define IS_RELATIVE    1u
#define INTERIX_BYTES  8u

static const struct {
	uint32_t tag, kind;
} KINDS[] = {
	{TAG_MOUNT_POINT, S_IFLNK}, {TAG_SYMLINK, S_IFLNK}, {TAG_LX_SYMLINK, S_IFLNK},
	{TAG_AF_UNIX, S_IFSOCK},    {TAG_LX_FIFO, S_IFIFO}, {TAG_LX_CHR, S_IFCHR},
	{TAG_LX_BLK, S_IFBLK},
};

/* "IntxLNK" and 1, then the target in UTF-16: Interix's links, which ntfs-3g makes as well. Only system files are some. */
static bool says_interix(const struct ntfs_tree *ntfs, struct ntfs_file *file)
{
	static const uint8_t magic[INTERIX_BYTES] = "IntxLNK\1";
	uint8_t head[INTERIX_BYTES];
	bool is_twice = false;
	struct ntfs_stream *stream = ntfs_stream_find(file, MFT_DATA, NULL, &is_twice);

	if (!(file->dos & DOS_SYSTEM) || file->tag || !stream || is_twice)
		return false;
	uint64_t size = ntfs_size(file, stream);
	return size > INTERIX_BYTES && size <= INTERIX_BYTES + 2u * 255 && size % 2 == 0 &&
	       ntfs_head(file, stream)->is_resident &&
	       !ntfs_stream_read(ntfs, file, stream, 0, head, sizeof(head)) &&
	       !memcmp(head, magic, sizeof(magic));
}

int ntfs_read_tag(const struct ntfs_tree *ntfs, struct ntfs_file *file)
{
	bool is_twice = false;
	struct ntfs_stream *stream = ntfs_stream_find(file, MFT_REPARSE, NULL, &is_twice);
	uint8_t head[8] = {0};

	file->is_interix_link = !stream && says_interix(ntfs, file);
	if (!stream || is_twice)
		return is_twice ? EIO : 0;
	int error = ntfs_stream_read(ntfs, file, stream, 0, head, sizeof(head));
	file->tag = bl_get32(head);
	/* One that says nothing is damage: what it stood for is not known. */
	return error || file->tag ? error : EIO;
}

uint32_t ntfs_kind(const struct ntfs_file *file)
{
	if (file->is_interix_link)
		return S_IFLNK;
	for (size_t i = 0; file->tag && i < BL_COUNT(KINDS); i++)
		if (KINDS[i].tag == file->tag)
			return KINDS[i].kind;
	return file->is_folder ? S_IFDIR : S_IFREG;
}

/* ---- contents that are elsewhere ---- */

static bool has_packed(const struct ntfs_file *file)
{
	for (size_t i = 0; i < file->stream_count; i++) {
		const struct mft_attribute *head = ntfs_head(file, &file->streams[i]);

		if (head->type == MFT_DATA && ntfs_name_is(head, "WofCompressedData"))
			return true;
	}
	return false;
}

bool ntfs_is_hidden(const struct ntfs_file *file, const struct mft_attribute *attribute)
{
	return file->tag == TAG_WOF && ntfs_name_is(attribute, "WofCompressedData");
}

/* Every byte of the unnamed stream lies in this volume and was written: what keeps it elsewhere leaves a hole. */
static int is_complete(const struct ntfs_tree *ntfs, struct ntfs_file *file, bool *out_is)
{
	bool is_twice = false;
	struct ntfs_stream *stream = ntfs_stream_find(file, MFT_DATA, NULL, &is_twice);

	*out_is = false;
	if (!stream || is_twice || !ntfs_size(file, stream) || (file->dos & DOS_NOT_HERE))
		return is_twice ? EIO : 0;
	const struct mft_attribute *head = ntfs_head(file, stream);
	*out_is = head->is_resident || head->written >= head->size;
	int error = head->is_resident ? 0 : ntfs_stream_runs(ntfs, file, stream);
	for (size_t i = 0; i < stream->runs.count && *out_is; i++)
		*out_is = !stream->runs.items[i].is_hole;
	return error;
}

int ntfs_is_elsewhere(const struct ntfs_tree *ntfs, struct ntfs_file *file, bool *out_is)
{
	bool is_here = true;
	int error = 0;

	/* Without its tag, too: a file with such a stream reads as zeros. */
	if (file->tag == TAG_WOF || has_packed(file))
		is_here = false;
	else if (file->tag)
		error = is_complete(ntfs, file, &is_here);
	*out_is = !is_here;
	return error;
}

int ntfs_has_all_places(const struct ntfs_tree *ntfs, struct ntfs_file *file, bool *out_has)
{
	*out_has = true;
	/* What a cloud still has is in no image; a packed file is its other stream, or lies in an archive. */
	if (!file->tag || (file->tag & TAG_CLOUD_MASK) == TAG_CLOUD)
		return 0;
	if (file->tag == TAG_WOF) {
		*out_has = has_packed(file);
		return 0;
	}
	return is_complete(ntfs, file, out_has);
}

/* ---- links ---- */

static int put(const char *bytes, size_t length, char *out, size_t size, size_t *inout_used)
{
	if (length > size - *inout_used)
		return EIO;
	memcpy(out + *inout_used, bytes, length);
	*inout_used += length;
	return 0;
}

/* Each name as a folder shows it, so that a link to what is there leads to it. */
static int put_name(const uint8_t *units, size_t count, bool is_drive, char *out, size_t size,
		    size_t *inout_used)
{
	char name[3 * 256], shown[READER_NAME_LIMIT + 1];

	if (count > 255)
		return EIO;
	size_t length = name_of_utf16(units, count, name);
	if (is_drive)
		return put(name, length, out, size, inout_used);
	if (!length)
		return 0;
	length = name_show(NAMES_UTF16, name, length, shown);
	return put(shown, length, out, size, inout_used);
}

/* "\??\C:\folder\file" is C:/folder/file, "..\file" is ../file. */
static int put_path(const uint8_t *units, size_t count, bool is_relative, char *out, size_t size,
		    size_t *out_length)
{
	static const char lead[] = "\\??\\";
	size_t used = 0, from = 0;
	bool is_first = true;
	int error = 0;

	while (!is_relative && from < 4 && from < count &&
	       bl_get16(units + 2 * from) == (uint8_t)lead[from])
		from++;
	if (from < 4)
		from = 0;
	for (size_t i = from; i <= count && !error; i++) {
		if (i < count && bl_get16(units + 2 * i) != '\\')
			continue;
		error = put_name(units + 2 * from, i - from, is_first && !is_relative, out, size,
				 &used);
		if (!error && i < count)
			error = put("/", 1, out, size, &used);
		is_first = false;
		from = i + 1;
	}
	*out_length = used;
	return error ? error : used ? 0 : EIO;
}

static int windows_link(uint32_t tag, const uint8_t *value, size_t length, char *out, size_t size,
			size_t *out_length)
{
	size_t names = tag == TAG_SYMLINK ? 12 : 8;

	if (length < REPARSE_HEADER + names)
		return EIO;
	const uint8_t *at = value + REPARSE_HEADER;
	size_t from = bl_get16(at), bytes = bl_get16(at + 2),
	       room = length - REPARSE_HEADER - names;
	bool is_relative = tag == TAG_SYMLINK && (bl_get32(at + 8) & IS_RELATIVE);
	if (from > room || bytes > room - from || from % 2 || bytes % 2)
		return EIO;
	return put_path(at + names + from, bytes / 2, is_relative, out, size, out_length);
}

static int link_target(uint32_t tag, const uint8_t *value, size_t length, char *out, size_t size,
		       size_t *out_length)
{
	if (length < REPARSE_HEADER || bl_get16(value + 4) > length - REPARSE_HEADER)
		return EIO;
	length = REPARSE_HEADER + bl_get16(value + 4);
	if (tag != TAG_LX_SYMLINK)
		return windows_link(tag, value, length, out, size, out_length);
	/* A version, 2, then the path. */
	if (length < REPARSE_HEADER + 5 || length - REPARSE_HEADER - 4 > size)
		return EIO;
	*out_length = length - REPARSE_HEADER - 4;
	memcpy(out, value + REPARSE_HEADER + 4, *out_length);
	return 0;
}

/* A POSIX path; each name in it as a folder shows it. */
static int interix_link(const uint8_t *value, size_t length, char *out, size_t size,
			size_t *out_length)
{
	const uint8_t *units = value + INTERIX_BYTES;
	size_t count = (length - INTERIX_BYTES) / 2, used = 0, from = 0;
	int error = 0;

	for (size_t i = 0; i <= count && !error; i++) {
		if (i < count && bl_get16(units + 2 * i) != '/')
			continue;
		error = put_name(units + 2 * from, i - from, false, out, size, &used);
		if (!error && i < count)
			error = put("/", 1, out, size, &used);
		from = i + 1;
	}
	*out_length = used;
	return error;
}

int ntfs_link(struct tree *tree, uint64_t inode, char *out, size_t size, size_t *out_length)
{
	struct ntfs_tree *ntfs = (struct ntfs_tree *)tree;
	BL_CLEANUP(bl_free) uint8_t *value = NULL;
	struct ntfs_file *file = NULL;
	size_t length = 0;
	bool is_twice = false;
	int error = ntfs_file_open(ntfs, inode, &file);

	if (error)
		return error;
	if (inode >> NTFS_NUMBER_BITS || ntfs_kind(file) != S_IFLNK)
		return EINVAL;
	uint32_t type = file->is_interix_link ? MFT_DATA : MFT_REPARSE;
	error = ntfs_stream_whole(ntfs, file, ntfs_stream_find(file, type, NULL, &is_twice),
				  REPARSE_LIMIT, &value, &length);
	size = BL_MIN(size, (size_t)NTFS_LINK_LIMIT);
	if (error)
		return error;
	return file->is_interix_link ? interix_link(value, length, out, size, out_length)
				     : link_target(file->tag, value, length, out, size, out_length);
}

/* ISO 9660 (ECMA-119) with Rock Ridge or Joliet: docs/reader.md, "ISO 9660". */
#include "fs/image/reader/iso.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DESCRIPTORS	 16 /* the sector of the first volume descriptor */
#define DESCRIPTORS_MOST 64
#define ROOT_AT		 156	      /* of a volume descriptor: the record of its root */
#define FOLDER_MOST	 (256u << 20) /* bytes of a folder: a million long names */
#define SECTIONS	 1024	      /* of one file: 4 GiB each */

#define FLAG_FOLDER 2
#define FLAG_MORE   0x80 /* the file goes on in the next record */

enum names { NAMES_PLAIN, NAMES_JOLIET, NAMES_ROCK };

struct iso {
	struct tree base;
	enum names names;
	unsigned skip; /* bytes in front of each system use area */
};

/* ---- records; an inode is the byte of the volume where the record begins ---- */

static int record_at(struct tree *tree, uint64_t at, struct iso_record *out)
{
	uint64_t room = ISO_SECTOR - at % ISO_SECTOR;

	if (at < (uint64_t)DESCRIPTORS * ISO_SECTOR || at >= tree->length)
		return ENOENT;
	int error = blocks_read(tree->blocks, tree->offset + at, &out->length, 1);
	if (error)
		return error;
	if (out->length < ISO_RECORD || out->length > room || out->length > tree->length - at)
		return EIO;
	error = blocks_read(tree->blocks, tree->offset + at, out->bytes, out->length);
	return error ? error : 33 + (unsigned)out->bytes[32] > out->length ? EIO : 0;
}

static uint64_t extent_of(const struct iso_record *record)
{
	return ((uint64_t)bl_get32(record->bytes + 2) + record->bytes[1]) * ISO_SECTOR;
}

static uint32_t size_of(const struct iso_record *record)
{
	return bl_get32(record->bytes + 10);
}

/* "." and ".." */
static bool is_own(const struct iso_record *record)
{
	return record->bytes[32] == 1 && record->bytes[33] <= 1;
}

struct folder {
	uint64_t at, end;
};

/* The next record, wherever its sector begins; *out_at 0: there is none. */
static int folder_next(struct tree *tree, struct folder *folder, struct iso_record *out,
		       uint64_t *out_at)
{
	*out_at = 0;
	while (folder->at < folder->end) {
		uint8_t length = 0;
		int error = blocks_read(tree->blocks, tree->offset + folder->at, &length, 1);

		if (error)
			return error;
		if (length) {
			error = record_at(tree, folder->at, out);
			*out_at = folder->at;
			folder->at += out->length;
			return error == ENOENT ? EIO : error;
		}
		folder->at = (folder->at / ISO_SECTOR + 1) * ISO_SECTOR;
	}
	return 0;
}

struct entry {
	struct iso_record record;
	struct iso_rock rock;
	struct folder folder; /* of a folder: where its records are */
	bool is_folder;
};

/* A folder that Rock Ridge moved away lies at its CL; its size is in its own record there. */
static int entry_move(struct iso *iso, struct entry *entry)
{
	uint64_t at = (uint64_t)entry->rock.child * ISO_SECTOR;
	int error = record_at(&iso->base, at, &entry->record);

	if (!error && !(entry->record.bytes[25] & FLAG_FOLDER))
		error = EIO;
	if (!error)
		error = iso_rock_read(&iso->base, &entry->record, iso->skip, &entry->rock);
	return error == ENOENT ? EIO : error;
}

static int entry_take(struct iso *iso, uint64_t at, struct entry *out)
{
	int error = record_at(&iso->base, at, &out->record);

	memset(&out->rock, 0, sizeof(out->rock));
	/* The descriptor has a copy of the root's record without more: its own is at its extent. */
	if (!error && at == iso->base.root)
		error = record_at(&iso->base, extent_of(&out->record), &out->record);
	if (!error && iso->names == NAMES_ROCK)
		error = iso_rock_read(&iso->base, &out->record, iso->skip, &out->rock);
	if (!error && out->rock.child)
		error = entry_move(iso, out);
	if (error)
		return error;
	out->is_folder = out->record.bytes[25] & FLAG_FOLDER;
	out->folder.at = extent_of(&out->record);
	out->folder.end = out->folder.at + size_of(&out->record);
	/* Of one section only (ECMA-119, 6.8.1): what another one holds would be left out. */
	if (out->is_folder &&
	    (size_of(&out->record) > FOLDER_MOST || out->folder.end > iso->base.length ||
	     out->record.bytes[26] || out->record.bytes[25] & FLAG_MORE))
		return EIO;
	return 0;
}

/* The folder's own record says what POSIX needs to know of it. */
static int rock_of_folder(struct iso *iso, struct entry *entry)
{
	struct iso_record own = {0};
	int error = record_at(&iso->base, entry->folder.at, &own);

	if (!error && !is_own(&own))
		error = EIO;
	return error == ENOENT ? EIO : error;
}

/* ---- names ---- */

static size_t utf8_put(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Big-endian UTF-16; half a pair stays what it is, in three bytes. */
static size_t joliet_name(const uint8_t *bytes, size_t length, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i + 2 <= length; i += 2) {
		uint32_t c = (uint32_t)bytes[i] << 8 | bytes[i + 1];

		if (c >= 0xd800 && c < 0xdc00 && i + 4 <= length && (bytes[i + 2] & 0xfc) == 0xdc) {
			c = 0x10000 + ((c & 0x3ff) << 10) +
			    ((uint32_t)(bytes[i + 2] & 3) << 8 | bytes[i + 3]);
			i += 2;
		}
		used += utf8_put(c, out + used);
	}
	return used;
}

/* ";1" is every file's version, and a dot before it one that nobody typed. */
static size_t without_version(const char *name, size_t length, bool is_folder, bool is_plain)
{
	if (!is_folder && length > 2 && !memcmp(name + length - 2, ";1", 2)) {
		length -= 2;
		if (is_plain && length > 1 && name[length - 1] == '.')
			length--;
	}
	return length;
}

static int add_name(struct iso *iso, struct listing *listing, uint64_t at,
		    const struct entry *entry, const struct iso_record *record)
{
	char name[ISO_NAME];
	size_t length = record->bytes[32];
	bool is_folder = record->bytes[25] & FLAG_FOLDER;

	if (iso->names == NAMES_ROCK && entry->rock.name_length)
		return listing_add(listing, at, entry->rock.name, entry->rock.name_length);
	if (iso->names == NAMES_JOLIET) {
		length = joliet_name(record->bytes + 33, length, name);
		return listing_add(listing, at, name,
				   without_version(name, length, is_folder, false));
	}
	const char *plain = (const char *)record->bytes + 33;
	return listing_add(listing, at, plain, without_version(plain, length, is_folder, true));
}

/* ---- the tree's calls ---- */

static struct iso *iso_of(struct tree *tree)
{
	return (struct iso *)tree;
}

static bool is_same_name(const struct iso_record *a, const struct iso_record *b)
{
	return a->bytes[32] == b->bytes[32] && !memcmp(a->bytes + 33, b->bytes + 33, a->bytes[32]);
}

static int iso_list(struct tree *tree, uint64_t inode, struct listing *listing)
{
	struct iso *iso = iso_of(tree);
	struct entry folder, entry;
	struct iso_record record = {0}, last = {0};
	uint64_t at = 0;
	int error = entry_take(iso, inode, &folder);

	if (!error && !folder.is_folder)
		error = ENOTDIR;
	if (!error)
		error = rock_of_folder(iso, &folder);
	while (!error) {
		error = folder_next(tree, &folder.folder, &record, &at);
		if (error || !at)
			break;
		bool is_section = last.bytes[25] & FLAG_MORE;
		/* Of another name it is no section, but a file that would not be listed. */
		if (is_section && !is_same_name(&record, &last))
			return EIO;
		last = record;
		if (is_own(&record) || is_section)
			continue;
		entry.rock.name_length = 0;
		entry.rock.is_moved = false;
		if (iso->names == NAMES_ROCK)
			error = iso_rock_read(tree, &record, iso->skip, &entry.rock);
		if (!error && !entry.rock.is_moved)
			error = add_name(iso, listing, at, &entry, &record);
	}
	return error;
}

/* All sections of a file: so many bytes, and where they are. */
static int sections(struct tree *tree, uint64_t at, struct runs *runs, bool is_whole,
		    uint64_t *out_size)
{
	struct folder folder = {at, (at / ISO_SECTOR + 2) * ISO_SECTOR};
	struct iso_record record, first = {0};
	uint64_t size = 0;

	for (unsigned i = 0; i < SECTIONS; i++) {
		uint64_t found = 0;
		int error = folder_next(tree, &folder, &record, &found);

		if (error || !found)
			return error ? error : EIO;
		folder.end = (found / ISO_SECTOR + 2) * ISO_SECTOR;
		uint64_t start = extent_of(&record), bytes = size_of(&record);
		uint64_t whole = (bytes + ISO_SECTOR - 1) / ISO_SECTOR * ISO_SECTOR;
		if (i && !is_same_name(&record, &first))
			return EIO;
		first = record;
		/* Interleaved with another file: nobody writes that. */
		if (runs && (record.bytes[26] || record.bytes[27]))
			return EOPNOTSUPP;
		if (runs && bytes && (start > tree->length || bytes > tree->length - start))
			return EIO;
		if (runs && bytes && is_whole)
			error = runs_place(runs, tree->offset + start,
					   BL_MIN(whole, tree->length - start));
		else if (runs && bytes)
			error = runs_add(runs, UINT64_MAX, size, tree->offset + start, bytes);
		if (error)
			return error;
		size += bytes;
		if (!(record.bytes[25] & FLAG_MORE)) {
			*out_size = size;
			return 0;
		}
		if (bytes % ISO_SECTOR)
			return EIO;
	}
	return EFBIG;
}

static uint32_t mode_of(const struct entry *entry)
{
	if (entry->rock.has_mode && entry->rock.mode & S_IFMT)
		return entry->rock.mode & (S_IFMT | 07777);
	return entry->is_folder ? S_IFDIR | 0755 : S_IFREG | 0644;
}

static int iso_stat(struct tree *tree, uint64_t inode, struct wire_attr *out)
{
	struct entry entry;
	uint64_t size = 0;
	int error = entry_take(iso_of(tree), inode, &entry);
	uint32_t mode = error ? 0 : mode_of(&entry);
	int64_t time = error ? 0 : iso_time(entry.record.bytes + 18);

	/* What the record is, is what it is: a mode that says otherwise is a lie. */
	if (!error &&
	    (entry.is_folder != S_ISDIR(mode) || (entry.rock.is_damaged && !entry.rock.has_mode)))
		error = EIO;
	if (!error && S_ISREG(mode))
		error = sections(tree, inode, NULL, false, &size);
	if (error)
		return error;
	if (S_ISLNK(mode))
		size = entry.rock.link_length;
	else if (entry.is_folder)
		size = size_of(&entry.record);
	*out = (struct wire_attr){
		.size_bytes = size,
		.blocks_512 = (size + 511) / 512,
		.mtime_ns = entry.rock.has_mtime ? entry.rock.mtime : time,
		.atime_ns = entry.rock.has_atime ? entry.rock.atime : time,
		.ctime_ns = entry.rock.has_ctime ? entry.rock.ctime : time,
		.mode = mode,
		.uid = entry.rock.uid,
		.gid = entry.rock.gid,
		.nlink = entry.rock.nlink ? entry.rock.nlink : 1,
	};
	return 0;
}

static int data_of(struct tree *tree, uint64_t inode)
{
	struct entry entry;
	int error = entry_take(iso_of(tree), inode, &entry);

	if (error)
		return error;
	if (entry.is_folder || !S_ISREG(mode_of(&entry)))
		return entry.is_folder ? EISDIR : EINVAL;
	if (entry.rock.is_damaged)
		return EIO;
	return entry.rock.is_packed ? EOPNOTSUPP : 0;
}

static int iso_map(struct tree *tree, uint64_t inode, struct runs *runs)
{
	uint64_t size = 0;
	int error = data_of(tree, inode);

	return error ? error : sections(tree, inode, runs, false, &size);
}

static int iso_places(struct tree *tree, uint64_t inode, struct runs *runs)
{
	uint64_t size = 0;
	int error = data_of(tree, inode);

	if (error == EOPNOTSUPP)
		error = 0;
	return error ? error : sections(tree, inode, runs, true, &size);
}

static int iso_read(struct tree *tree, uint64_t inode, uint64_t offset, uint8_t *out, size_t length,
		    size_t *out_length)
{
	struct runs runs = {0};
	int error = iso_map(tree, inode, &runs);
	uint64_t end = offset;

	for (size_t i = 0; i < runs.count && !error; i++) {
		const struct wire_run *run = &runs.items[i];
		uint64_t from = BL_MAX(run->file_offset, offset);
		uint64_t until = BL_MIN(run->file_offset + run->length, offset + length);

		if (from >= until)
			continue;
		error = blocks_read(tree->blocks, run->image_offset + (from - run->file_offset),
				    out + (from - offset), (size_t)(until - from));
		end = until;
	}
	runs_done(&runs);
	*out_length = error ? 0 : (size_t)(end - offset);
	return error;
}

static int iso_link(struct tree *tree, uint64_t inode, char *out, size_t size, size_t *out_length)
{
	struct entry entry;
	int error = entry_take(iso_of(tree), inode, &entry);

	if (error)
		return error;
	if (!S_ISLNK(mode_of(&entry)))
		return EINVAL;
	if (!entry.rock.link_length || entry.rock.link_length > size || entry.rock.is_damaged)
		return EIO;
	memcpy(out, entry.rock.link, entry.rock.link_length);
	*out_length = entry.rock.link_length;
	return 0;
}

/* Nothing is free on a disc. */
static int iso_used(struct tree *tree, uint64_t cursor BL_UNUSED, struct runs *runs,
		    uint64_t *out_next)
{
	*out_next = 0;
	return runs_place(runs, tree->offset, tree->length);
}

static void iso_close(struct tree *tree)
{
	free(tree);
}

static const struct tree_ops OPS = {
	.list = iso_list,
	.stat = iso_stat,
	.map = iso_map,
	.read = iso_read,
	.link = iso_link,
	.places = iso_places,
	.used = iso_used,
	.close = iso_close,
};

/* ---- opening ---- */

static bool is_joliet(const uint8_t *descriptor)
{
	return descriptor[88] == '%' && descriptor[89] == '/' &&
	       (descriptor[90] == '@' || descriptor[90] == 'C' || descriptor[90] == 'E');
}

/* Where the records of the two roots are; 0: none. */
static int descriptors_read(struct tree *tree, uint64_t *out_primary, uint64_t *out_joliet)
{
	uint8_t found[ISO_SECTOR];

	*out_primary = *out_joliet = 0;
	for (uint64_t i = DESCRIPTORS; i < DESCRIPTORS + DESCRIPTORS_MOST; i++) {
		if ((i + 1) * ISO_SECTOR > tree->length)
			return EIO;
		int error = blocks_read(tree->blocks, tree->offset + i * ISO_SECTOR, found,
					sizeof(found));
		if (error || memcmp(found + 1, "CD001", 5) != 0)
			return EIO;
		if (found[0] == 255)
			return *out_primary ? 0 : EIO;
		/* Blocks of 512 or 1024 bytes are allowed, and made by nobody. */
		if (found[0] == 1 && !*out_primary && bl_get16(found + 128) == ISO_SECTOR)
			*out_primary = i * ISO_SECTOR + ROOT_AT;
		if (found[0] == 2 && !*out_joliet && is_joliet(found) &&
		    bl_get16(found + 128) == ISO_SECTOR)
			*out_joliet = i * ISO_SECTOR + ROOT_AT;
	}
	return EIO;
}

static int root_find(struct iso *iso)
{
	struct tree *tree = &iso->base;
	struct iso_record record = {0};
	uint64_t primary, joliet;
	int error = descriptors_read(tree, &primary, &joliet);

	if (!error)
		error = record_at(tree, primary, &record);
	if (!error)
		error = record_at(tree, extent_of(&record), &record);
	if (!error && !is_own(&record))
		error = EIO;
	if (error)
		return error;
	bool has_rock = iso_has_rock(&record, &iso->skip);
	iso->names = has_rock ? NAMES_ROCK : joliet ? NAMES_JOLIET : NAMES_PLAIN;
	tree->root = iso->names == NAMES_JOLIET ? joliet : primary;
	return 0;
}

int iso_open(struct blocks *blocks, uint64_t offset, uint64_t length, struct tree **out_tree,
	     const char **out_notice)
{
	struct iso *iso = calloc(1, sizeof(*iso));
	struct entry root;

	if (!iso)
		return EIO;
	iso->base = (struct tree){&OPS, blocks, offset, length, 0, "iso9660", false, NAMES_BYTES};
	if (root_find(iso) || entry_take(iso, iso->base.root, &root) || !root.is_folder ||
	    rock_of_folder(iso, &root)) {
		*out_notice = "ISO 9660 whose descriptors are damaged";
		free(iso);
		return EIO;
	}
	*out_tree = &iso->base;
	return 0;
}

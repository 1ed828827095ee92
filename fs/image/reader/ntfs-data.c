/* Contents of an NTFS stream: resident, in runs, or packed in units. */
#include "fs/image/reader/lznt.h"
#include "fs/image/reader/ntfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define UNIT_LIMIT                                                                                 \
	(1u                                                                                        \
	 << 20) /* bytes of a compression unit; Windows makes them of 16 clusters of 4 KiB at most */
#define CLUSTERS_LIMIT (UINT64_C(1) << 42) /* of a stream: 2 MiB each are 2^63 bytes */
#define LZNT1	       1u
#define SHORT_PAIRS    32u /* bytes */

/* ---- runs ---- */

void ntfs_runs_done(struct ntfs_runs *runs)
{
	free(runs->items);
	*runs = (struct ntfs_runs){0};
}

int ntfs_runs_add(struct ntfs_runs *runs, const struct mft_run *run)
{
	struct mft_run *last = runs->count ? &runs->items[runs->count - 1] : NULL;

	/* A hole is no larger than it says: its bytes must be countable, and a run behind it must not be at 0 again. */
	if (run->vcn != (last ? last->vcn + last->count : 0) ||
	    run->count > CLUSTERS_LIMIT - run->vcn)
		return EIO;
	if (last && last->is_hole == run->is_hole &&
	    (run->is_hole || last->lcn + last->count == run->lcn)) {
		last->count += run->count;
		return 0;
	}
	if (runs->count == READER_RUNS)
		return EFBIG;
	if (runs->count == runs->room) {
		size_t room = runs->room ? 2 * runs->room : 8;
		struct mft_run *items = reallocarray(runs->items, room, sizeof(*items));

		if (!items)
			return ENOMEM;
		runs->items = items;
		runs->room = room;
	}
	runs->items[runs->count++] = *run;
	return 0;
}

const struct mft_run *ntfs_runs_find(const struct ntfs_runs *runs, uint64_t vcn)
{
	size_t low = 0, high = runs->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mft_run *run = &runs->items[middle];

		if (vcn < run->vcn)
			high = middle;
		else if (vcn - run->vcn >= run->count)
			low = middle + 1;
		else
			return run;
	}
	return NULL;
}

static int part_runs(const struct ntfs_tree *ntfs, const struct mft_attribute *part,
		     struct ntfs_runs *runs)
{
	struct mft_pairs pairs;
	struct mft_run run;
	int error;

	mft_pairs_init(&pairs, part);
	while (!(error = mft_next_run(&pairs, ntfs->clusters, &run)))
		if ((error = ntfs_runs_add(runs, &run)))
			return error;
	/* As many clusters as the part says. One that has none says -1. */
	return error == ENOENT && pairs.vcn == part->last_vcn + 1 ? 0 : EIO;
}

static uint64_t clusters_of(const struct ntfs_tree *ntfs, uint64_t bytes)
{
	return bytes / ntfs->cluster + (bytes % ntfs->cluster != 0);
}

int ntfs_stream_runs(const struct ntfs_tree *ntfs, const struct ntfs_file *file,
		     struct ntfs_stream *stream)
{
	const struct mft_attribute *head = ntfs_head(file, stream);
	int error = 0;

	if (stream->has_runs)
		return 0;
	if (head->is_resident)
		return EIO;
	ntfs_runs_done(&stream->runs);
	for (size_t i = 0; i < stream->count && !error; i++)
		error = part_runs(ntfs, &file->parts[stream->first + i].at, &stream->runs);
	if (error)
		return error;
	const struct ntfs_runs *runs = &stream->runs;
	const struct mft_run *last = runs->count ? &runs->items[runs->count - 1] : NULL;
	/* A chain that ends early is damage, not zeros. */
	if (clusters_of(ntfs, head->size) > (last ? last->vcn + last->count : 0))
		return EIO;
	stream->has_runs = true;
	return 0;
}

/* ---- reading what is not packed ---- */

static int read_value(const struct ntfs_file *file, const struct ntfs_stream *stream,
		      uint64_t offset, uint8_t *out, size_t length)
{
	const struct ntfs_part *part = &file->parts[stream->first];
	const struct ntfs_record *record = file->records[part->record];
	const uint8_t *from = part->at.value + offset;

	for (size_t i = 0; record->has_gaps && i < length; i++) {
		size_t at = (size_t)(from - record->bytes) + i;

		if (record->gaps[at / 8] >> at % 8 & 1)
			return EIO;
	}
	memcpy(out, from, length);
	return 0;
}

static int read_runs(const struct ntfs_tree *ntfs, const struct ntfs_runs *runs, uint64_t offset,
		     uint8_t *out, size_t length)
{
	while (length) {
		uint64_t vcn = offset / ntfs->cluster, within = offset % ntfs->cluster;
		const struct mft_run *run = ntfs_runs_find(runs, vcn);

		if (!run)
			return EIO;
		uint64_t left = (run->vcn + run->count - vcn) * ntfs->cluster - within;
		size_t part = (size_t)BL_MIN((uint64_t)length, left);
		uint64_t place =
			ntfs->base.offset + (run->lcn + vcn - run->vcn) * ntfs->cluster + within;
		int error = 0;
		if (run->is_hole)
			memset(out, 0, part);
		else
			error = blocks_read(ntfs->base.blocks, place, out, part);
		if (error)
			return error;
		offset += part;
		out += part;
		length -= part;
	}
	return 0;
}

int ntfs_stream_read(const struct ntfs_tree *ntfs, const struct ntfs_file *file,
		     struct ntfs_stream *stream, uint64_t offset, uint8_t *out, size_t length)
{
	const struct mft_attribute *head = ntfs_head(file, stream);
	uint64_t size = ntfs_size(file, stream), end;

	if (__builtin_add_overflow(offset, length, &end) || end > size)
		return EIO;
	if (head->is_resident)
		return read_value(file, stream, offset, out, length);
	if (head->flags & (MFT_COMPRESSED | MFT_ENCRYPTED))
		return EIO;
	int error = ntfs_stream_runs(ntfs, file, stream);
	if (error)
		return error;
	/* Behind what was ever written the clusters hold what somebody deleted. */
	uint64_t written = BL_MIN(head->written, size);
	size_t real = offset < written ? (size_t)BL_MIN((uint64_t)length, written - offset) : 0;
	memset(out + real, 0, length - real);
	return read_runs(ntfs, &stream->runs, offset, out, real);
}

int ntfs_stream_whole(const struct ntfs_tree *ntfs, const struct ntfs_file *file,
		      struct ntfs_stream *stream, size_t limit, uint8_t **out_bytes,
		      size_t *out_length)
{
	uint64_t size = ntfs_size(file, stream);

	if (size > limit)
		return EFBIG;
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc((size_t)size + 1);
	if (!bytes)
		return ENOMEM;
	int error = ntfs_stream_read(ntfs, file, stream, 0, bytes, (size_t)size);
	if (error)
		return error;
	*out_bytes = BL_TAKE(bytes);
	*out_length = (size_t)size;
	return 0;
}

/* ---- reading what is packed ---- */

/* How many clusters of the unit are there: they are its first ones, and what follows is a hole. */
static int unit_clusters(const struct ntfs_runs *runs, uint64_t first, uint64_t count,
			 uint64_t *out_there)
{
	uint64_t there = 0;
	bool is_ended = false;

	for (uint64_t at = first; at < first + count;) {
		const struct mft_run *run = ntfs_runs_find(runs, at);
		uint64_t end = run ? BL_MIN(run->vcn + run->count, first + count) : first + count;

		if (!run || run->is_hole)
			is_ended = true;
		else if (is_ended)
			return EIO;
		else
			there += end - at;
		at = end;
	}
	*out_there = there;
	return 0;
}

static int unit_unpack(const struct ntfs_tree *ntfs, const struct ntfs_runs *runs, uint64_t first,
		       uint64_t there, uint8_t *out, size_t size)
{
	size_t length = (size_t)there * ntfs->cluster;
	BL_CLEANUP(bl_free) uint8_t *packed = malloc(length + 1);

	if (!packed)
		return ENOMEM;
	int error = read_runs(ntfs, runs, first * ntfs->cluster, packed, length);
	return error ? error : lznt_unpack(packed, length, out, size);
}

/* The unit, unpacked, stays with the file: it is asked for in pieces. */
static int unit_load(const struct ntfs_tree *ntfs, struct ntfs_file *file,
		     struct ntfs_stream *stream, uint64_t unit, size_t size)
{
	uint64_t count = UINT64_C(1) << ntfs_head(file, stream)->unit_shift;
	uint64_t first = unit * count, there = 0;

	if (file->unit_of == stream && file->unit_at == unit)
		return 0;
	if (!file->unit)
		file->unit = malloc(UNIT_LIMIT);
	if (!file->unit)
		return ENOMEM;
	file->unit_of = NULL;
	uint8_t *bytes = file->unit;
	int error = unit_clusters(&stream->runs, first, count, &there);
	if (error)
		return error;
	if (!there)
		memset(bytes, 0, size);
	else if (there == count)
		error = read_runs(ntfs, &stream->runs, first * ntfs->cluster, bytes, size);
	else
		error = unit_unpack(ntfs, &stream->runs, first, there, bytes, size);
	if (error)
		return error;
	file->unit_of = stream;
	file->unit_at = unit;
	return 0;
}

static int read_packed(const struct ntfs_tree *ntfs, struct ntfs_file *file,
		       struct ntfs_stream *stream, uint64_t offset, uint8_t *out, size_t length)
{
	const struct mft_attribute *head = ntfs_head(file, stream);
	uint64_t size;

	if (!head->unit_shift || head->unit_shift > 20)
		return EIO;
	size = (uint64_t)ntfs->cluster << head->unit_shift;
	if (size > UNIT_LIMIT)
		return EOPNOTSUPP;
	int error = ntfs_stream_runs(ntfs, file, stream);
	while (length && !error) {
		size_t within = (size_t)(offset % size);
		size_t part = BL_MIN(length, (size_t)size - within);

		error = unit_load(ntfs, file, stream, offset / size, (size_t)size);
		if (!error)
			memcpy(out, file->unit + within, part);
		offset += part;
		out += part;
		length -= part;
	}
	return error;
}

/* ---- what is asked for ---- */

/* The stream of a number on the wire; NULL and 0: a file without contents. */
static int data_of(struct ntfs_tree *ntfs, uint64_t inode, struct ntfs_file **out_file,
		   struct ntfs_stream **out_stream)
{
	uint32_t number = (uint32_t)(inode >> NTFS_NUMBER_BITS);
	bool is_elsewhere = false, is_twice = false;
	int error = ntfs_file_open(ntfs, inode, out_file);

	if (error)
		return error;
	struct ntfs_file *file = *out_file;
	if (!number && ntfs_kind(file) != S_IFREG)
		return ntfs_kind(file) == S_IFDIR ? EISDIR : EINVAL;
	*out_stream = number ? ntfs_stream_numbered(file, number)
			     : ntfs_stream_find(file, MFT_DATA, NULL, &is_twice);
	if (is_twice)
		return EIO;
	if (!number)
		error = ntfs_is_elsewhere(ntfs, file, &is_elsewhere);
	if (error || is_elsewhere)
		return error ? error : EOPNOTSUPP;
	if (!*out_stream)
		return number ? ENOENT : 0;
	const struct mft_attribute *head = ntfs_head(file, *out_stream);
	if (head->flags & MFT_ENCRYPTED)
		return ENOKEY;
	if ((head->flags & MFT_COMPRESSED) > LZNT1 || ntfs_is_hidden(file, head))
		return EOPNOTSUPP;
	return ntfs_size(file, *out_stream) > READER_FILE_LIMIT ? EFBIG : 0;
}

static bool is_packed(const struct mft_attribute *head)
{
	return !head->is_resident && (head->flags & MFT_COMPRESSED);
}

int ntfs_map(struct tree *tree, uint64_t inode, struct runs *runs)
{
	struct ntfs_tree *ntfs = (struct ntfs_tree *)tree;
	struct ntfs_file *file = NULL;
	struct ntfs_stream *stream = NULL;
	int error = data_of(ntfs, inode, &file, &stream);

	if (error || !stream || !ntfs_size(file, stream))
		return error;
	const struct mft_attribute *head = ntfs_head(file, stream);
	if (head->is_resident || is_packed(head))
		return ENODATA;
	error = ntfs_stream_runs(ntfs, file, stream);
	for (size_t i = 0; i < stream->runs.count && !error; i++) {
		const struct mft_run *run = &stream->runs.items[i];

		if (!run->is_hole)
			error = runs_add(runs, BL_MIN(head->written, head->size),
					 run->vcn * ntfs->cluster,
					 tree->offset + run->lcn * ntfs->cluster,
					 run->count * ntfs->cluster);
	}
	return error;
}

uint64_t ntfs_lies_at(struct tree *tree, uint64_t inode)
{
	struct ntfs_tree *ntfs = (struct ntfs_tree *)tree;
	struct ntfs_file *file = NULL;
	struct ntfs_stream *stream = NULL;

	if (data_of(ntfs, inode, &file, &stream) || !stream)
		return 0;
	const struct mft_attribute *head = ntfs_head(file, stream);
	/* Only where it costs nothing to know: one part, of few runs. */
	if (head->is_resident || is_packed(head) || stream->count > 1 ||
	    head->pairs_length > SHORT_PAIRS || !head->size || head->written < head->size ||
	    ntfs_stream_runs(ntfs, file, stream))
		return 0;
	const struct mft_run *run = stream->runs.items;
	return run->is_hole || run->count * ntfs->cluster < head->size
		       ? 0
		       : tree->offset + run->lcn * ntfs->cluster;
}

int ntfs_read(struct tree *tree, uint64_t inode, uint64_t offset, uint8_t *out, size_t length,
	      size_t *out_length)
{
	struct ntfs_tree *ntfs = (struct ntfs_tree *)tree;
	struct ntfs_file *file = NULL;
	struct ntfs_stream *stream = NULL;
	int error = data_of(ntfs, inode, &file, &stream);

	*out_length = 0;
	if (error || !stream || offset >= ntfs_size(file, stream))
		return error;
	const struct mft_attribute *head = ntfs_head(file, stream);
	length = (size_t)BL_MIN((uint64_t)length, ntfs_size(file, stream) - offset);
	if (is_packed(head)) {
		uint64_t written = BL_MIN(head->written, head->size);
		size_t real =
			offset < written ? (size_t)BL_MIN((uint64_t)length, written - offset) : 0;

		memset(out + real, 0, length - real);
		error = read_packed(ntfs, file, stream, offset, out, real);
	} else {
		error = ntfs_stream_read(ntfs, file, stream, offset, out, length);
	}
	if (!error)
		*out_length = length;
	return error;
}

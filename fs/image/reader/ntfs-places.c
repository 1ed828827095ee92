/* Where an NTFS file lies, all its streams, where one stream lies, and which clusters the volume uses. */
#include "fs/image/reader/ntfs.h"

#include <errno.h>
#include <sys/stat.h>

#define USED_STEPS (1u << 22) /* clusters looked at in one call */
#define PIECE	   32768u     /* clusters looked at at a time */

struct telling {
	const struct ntfs_tree *ntfs;
	const struct ntfs_record *record;
	struct runs *runs;
};

static int tell_range(void *context, size_t from, size_t to)
{
	const struct telling *telling = context;
	uint64_t place = 0;
	/* No range crosses a stride: its last two bytes are never in one. */
	int error = ntfs_record_place(telling->ntfs, telling->record->number, from / MFT_STRIDE,
				      &place);

	return error ? error : runs_place(telling->runs, place + from % MFT_STRIDE, to - from);
}

static int place_runs(const struct ntfs_tree *ntfs, const struct ntfs_file *file,
		      struct ntfs_stream *stream, struct runs *runs)
{
	int error = ntfs_stream_runs(ntfs, file, stream);

	for (size_t i = 0; i < stream->runs.count && !error; i++) {
		const struct mft_run *run = &stream->runs.items[i];

		if (!run->is_hole)
			error = runs_place(runs, ntfs->base.offset + run->lcn * ntfs->cluster,
					   run->count * ntfs->cluster);
	}
	return error;
}

/* Its own record, and those that hold a piece of a $DATA stream. */
static bool holds_data(const struct ntfs_file *file, size_t record)
{
	for (size_t i = 0; i < file->part_count; i++)
		if (file->parts[i].record == record && file->parts[i].at.type == MFT_DATA)
			return true;
	return record == 0;
}

static int place_file(const struct ntfs_tree *ntfs, struct ntfs_file *file, struct runs *runs)
{
	int error = 0;

	for (size_t i = 0; i < file->stream_count && !error; i++) {
		struct ntfs_stream *stream = &file->streams[i];
		const struct mft_attribute *head = ntfs_head(file, stream);

		if (head->type == MFT_DATA && !head->is_resident)
			error = place_runs(ntfs, file, stream, runs);
	}
	for (size_t i = 0; i < file->record_count && !error; i++) {
		struct telling telling = {ntfs, file->records[i], runs};

		if (holds_data(file, i))
			error = mft_places(file->records[i]->bytes, ntfs->record_size, tell_range,
					   &telling);
	}
	return error;
}

/* ---- one stream ---- */

static bool overlap(const struct runs *a, const struct runs *b)
{
	for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
		const struct wire_run *x = &a->items[i], *y = &b->items[k];

		if (x->image_offset + x->length <= y->image_offset)
			i++;
		else if (y->image_offset + y->length <= x->image_offset)
			k++;
		else
			return true;
	}
	return false;
}

/* Clusters that two streams of a file lay claim to cannot be given up for one of them. */
static int judge_shared(const struct ntfs_tree *ntfs, struct ntfs_file *file,
			const struct ntfs_stream *wanted, struct runs *runs)
{
	struct runs others = {0};
	int error = 0;

	for (size_t i = 0; i < file->stream_count && !error; i++) {
		struct ntfs_stream *stream = &file->streams[i];
		const struct mft_attribute *head = ntfs_head(file, stream);

		if (stream != wanted && head->type == MFT_DATA && !head->is_resident)
			error = place_runs(ntfs, file, stream, &others);
	}
	runs_sort(&others);
	runs_sort(runs);
	if (!error && overlap(runs, &others))
		error = EIO;
	runs_done(&others);
	return error;
}

static int place_stream(const struct ntfs_tree *ntfs, struct ntfs_file *file,
			struct ntfs_stream *stream, struct runs *runs)
{
	const struct ntfs_part *part = &file->parts[stream->first];
	struct telling telling = {ntfs, file->records[part->record], runs};

	if (part->at.is_resident)
		return mft_value_places(telling.record->bytes, &part->at, tell_range, &telling);
	int error = place_runs(ntfs, file, stream, runs);
	return error ? error : judge_shared(ntfs, file, stream, runs);
}

int ntfs_places(struct tree *tree, uint64_t inode, struct runs *runs)
{
	struct ntfs_tree *ntfs = (struct ntfs_tree *)tree;
	uint32_t number = (uint32_t)(inode >> NTFS_NUMBER_BITS);
	struct ntfs_file *file = NULL;
	bool has_all = false;
	int error = ntfs_file_open(ntfs, inode, &file);

	if (error)
		return error;
	if (number) {
		struct ntfs_stream *stream = ntfs_stream_numbered(file, number);

		return stream ? place_stream(ntfs, file, stream, runs) : ENOENT;
	}
	if (ntfs_kind(file) != S_IFREG)
		return ntfs_kind(file) == S_IFDIR ? EISDIR : EINVAL;
	error = ntfs_has_all_places(ntfs, file, &has_all);
	if (error || !has_all)
		return error ? error : EOPNOTSUPP;
	return place_file(ntfs, file, runs);
}

/* ---- what a volume uses ---- */

static int add_bits(const struct ntfs_tree *ntfs, const uint8_t *bits, uint64_t first,
		    uint64_t count, struct runs *runs)
{
	int error = 0;

	for (uint64_t i = 0, end; i < count && !error; i = end) {
		bool is_used = bits[i / 8] >> i % 8 & 1;

		for (end = i + 1; end < count && (bits[end / 8] >> end % 8 & 1) == is_used; end++)
			;
		if (is_used)
			error = runs_place(runs, ntfs->base.offset + (first + i) * ntfs->cluster,
					   (end - i) * ntfs->cluster);
	}
	return error;
}

/* A page ends where it is full, or has looked at much; the next one goes on there. */
static int scan_bitmap(const struct ntfs_tree *ntfs, const struct ntfs_file *file,
		       struct ntfs_stream *bitmap, uint64_t cursor, struct runs *runs,
		       uint64_t *out_next)
{
	uint8_t bits[PIECE / 8];
	uint64_t at = cursor;
	int error = 0;

	for (; at < ntfs->clusters && !error; at += PIECE) {
		uint64_t count = BL_MIN(ntfs->clusters - at, (uint64_t)PIECE);

		/* Every other bit of the next piece may begin a run. */
		if (at > cursor &&
		    (at - cursor >= USED_STEPS || runs->count + PIECE / 2 + 1 > READER_USED_RUNS))
			break;
		error = ntfs_stream_read(ntfs, file, bitmap, at / 8, bits, (size_t)(count + 7) / 8);
		if (!error)
			error = add_bits(ntfs, bits, at, count, runs);
	}
	*out_next = at < ntfs->clusters ? at : 0;
	return error;
}

int ntfs_used(struct tree *tree, uint64_t cursor, struct runs *runs, uint64_t *out_next)
{
	struct ntfs_tree *ntfs = (struct ntfs_tree *)tree;
	BL_CLEANUP(ntfs_file_free) struct ntfs_file *file = NULL;
	uint64_t end = ntfs->clusters * ntfs->cluster;
	bool is_twice = false;

	if (cursor % PIECE)
		return EINVAL;
	int error = ntfs_file_load(ntfs, NTFS_BITMAP, &file);
	if (error)
		return error == ENOENT ? EIO : error;
	struct ntfs_stream *bitmap = ntfs_stream_find(file, MFT_DATA, NULL, &is_twice);
	if (!bitmap || is_twice)
		return EIO;
	error = scan_bitmap(ntfs, file, bitmap, cursor, runs, out_next);
	/* Behind the last cluster is a copy of the boot sector. */
	if (!error && !*out_next)
		error = runs_place(runs, tree->offset + end,
				   BL_MIN(tree->length - end, (uint64_t)ntfs->cluster));
	return error;
}

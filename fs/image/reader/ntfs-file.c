/* Records of the MFT, and the attributes that make a file, wherever they are: in its record, or in those that its list names. */
#include "fs/image/reader/ntfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GAP_PIECE 2u /* bytes: what a place of a record is told in, at least */

/* ---- records ---- */

int ntfs_record_place(const struct ntfs_tree *ntfs, uint64_t number, size_t stride,
		      uint64_t *out_place)
{
	uint64_t at;

	if (number >= ntfs->mft_bytes / ntfs->record_size)
		return ENOENT;
	at = number * ntfs->record_size + stride * MFT_STRIDE;
	const struct mft_run *run = ntfs_runs_find(&ntfs->mft, at / ntfs->cluster);
	if (!run || run->is_hole)
		return EIO;
	*out_place = ntfs->base.offset +
		     (run->lcn + at / ntfs->cluster - run->vcn) * ntfs->cluster +
		     at % ntfs->cluster;
	return 0;
}

static bool is_gap(const struct ntfs_record *record, size_t at)
{
	return record->gaps[at / 8] >> at % 8 & 1;
}

static void mark_gap(struct ntfs_record *record, size_t at)
{
	record->gaps[at / 8] |= (uint8_t)(1u << at % 8);
	record->has_gaps = true;
}

/*
 * A resident stream that was left out at intake must not take the rest of the file with it: what is around it is read by
 * itself. Where the first bytes of all are missing, more is.
 */
static int read_around(const struct ntfs_tree *ntfs, uint64_t place, struct ntfs_record *record,
		       size_t at)
{
	struct blocks *blocks = ntfs->base.blocks;
	uint64_t before = blocks->failures;

	for (size_t i = 0; i < MFT_STRIDE; i += BLOCKS_PIECE) {
		if (!blocks_read_bare(blocks, place + i, record->bytes + at + i, BLOCKS_PIECE))
			continue;
		for (size_t k = i; k < i + BLOCKS_PIECE; k += GAP_PIECE) {
			uint8_t *to = record->bytes + at + k;

			if (!blocks_read_bare(blocks, place + k, to, GAP_PIECE))
				continue;
			if (at + k == 0)
				return EIO;
			memset(to, 0, GAP_PIECE);
			for (size_t m = 0; m < GAP_PIECE; m++)
				mark_gap(record, at + k + m);
		}
	}
	blocks->failures = before;
	return 0;
}

/* The bytes that lie in the array instead of in their place are missing there, then. */
static void move_gaps(struct ntfs_record *record, size_t size)
{
	for (size_t stride = 0; stride < size / MFT_STRIDE; stride++)
		for (size_t i = 0; i < 2; i++)
			if (is_gap(record, mft_pair_at(record->bytes, stride) + i))
				mark_gap(record, (stride + 1) * MFT_STRIDE - 2 + i);
}

/* Only contents may be missing: a header, a name or a list with holes says something else than it said. */
static int judge_gaps(const struct ntfs_record *record, size_t size)
{
	struct mft_attribute attribute;
	size_t at = 0, from = mft_pair_at(record->bytes, 0),
	       array = mft_pair_at(record->bytes, size / MFT_STRIDE);
	bool is_bad = false;
	int error;

	for (size_t i = 0; i < from; i++)
		is_bad |= is_gap(record, i);
	from = array;
	while (!(error = mft_next(record->bytes, size, &at, &attribute))) {
		size_t end = at;

		if (attribute.type == MFT_DATA && attribute.is_resident)
			end = (size_t)(attribute.value - record->bytes);
		for (; from < end; from++)
			is_bad |= is_gap(record, from);
		from = at;
	}
	/* The end mark; behind it is nothing that is read. */
	for (; error == ENOENT && from < at + 4; from++)
		is_bad |= is_gap(record, from);
	return error != ENOENT || is_bad ? EIO : 0;
}

static int record_read(const struct ntfs_tree *ntfs, uint64_t number, struct ntfs_record *out)
{
	struct blocks *blocks = ntfs->base.blocks;
	int error = 0;

	*out = (struct ntfs_record){.number = number};
	for (size_t at = 0; at < ntfs->record_size && !error; at += MFT_STRIDE) {
		uint64_t place = 0, before = blocks->failures;

		error = ntfs_record_place(ntfs, number, at / MFT_STRIDE, &place);
		if (error)
			return error;
		error = blocks_read(blocks, place, out->bytes + at, MFT_STRIDE);
		if (error != EIO)
			continue;
		error = read_around(ntfs, place, out, at);
		blocks->failures = error ? blocks->failures : before;
	}
	if (!error)
		error = mft_unfix(out->bytes, ntfs->record_size);
	if (!error && out->has_gaps) {
		move_gaps(out, ntfs->record_size);
		error = judge_gaps(out, ntfs->record_size);
	}
	return error;
}

/* @items with room for one more, or NULL: no memory */
static void *with_room(void *items, size_t count, size_t *inout_room, size_t width)
{
	size_t room = *inout_room ? *inout_room * 2 : 16;

	if (count < *inout_room)
		return items;
	void *grown = reallocarray(items, room, width);
	if (grown)
		*inout_room = room;
	return grown;
}

/* ---- a file out of its records ---- */

void ntfs_file_free(struct ntfs_file *file)
{
	if (!file)
		return;
	for (size_t i = 0; i < file->stream_count; i++)
		ntfs_runs_done(&file->streams[i].runs);
	for (size_t i = 0; i < file->record_count; i++)
		free(file->records[i]);
	free(file->streams);
	free(file->parts);
	free(file->records);
	free(file->unit);
	free(file);
}

static int add_record(const struct ntfs_tree *ntfs, struct ntfs_file *file, uint64_t number)
{
	if (file->record_count == NTFS_RECORDS_LIMIT)
		return EFBIG;
	struct ntfs_record **records = with_room(file->records, file->record_count,
						 &file->record_room, sizeof(struct ntfs_record *));
	if (!records)
		return ENOMEM;
	file->records = records;
	struct ntfs_record *record = malloc(sizeof(*record));
	if (!record)
		return ENOMEM;
	int error = record_read(ntfs, number, record);
	if (error)
		free(record);
	else
		records[file->record_count++] = record;
	return error;
}

static bool same_name(const struct mft_attribute *a, const uint8_t *name, uint8_t length)
{
	return a->name_length == length && !memcmp(a->name, name, 2u * length);
}

bool ntfs_name_is(const struct mft_attribute *attribute, const char *ascii)
{
	size_t length = strlen(ascii);

	if (attribute->name_length != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (bl_get16(attribute->name + 2 * i) != (uint8_t)ascii[i])
			return false;
	return true;
}

static int add_stream(struct ntfs_file *file, const struct mft_attribute *part)
{
	struct ntfs_stream *streams =
		with_room(file->streams, file->stream_count, &file->stream_room, sizeof(*streams));

	if (!streams)
		return ENOMEM;
	file->streams = streams;
	bool is_named = part->type == MFT_DATA && part->name_length;
	file->named += is_named;
	streams[file->stream_count++] = (struct ntfs_stream){.first = file->part_count,
							     .number = is_named ? file->named : 0};
	return 0;
}

static bool goes_on(const struct mft_attribute *last, const struct mft_attribute *part)
{
	return last->type == part->type && !last->is_resident &&
	       same_name(last, part->name, part->name_length) &&
	       last->last_vcn + 1 == part->first_vcn;
}

/* Parts come by type, name and cluster; one that goes on goes on where the one before it ended. */
static int add_part(struct ntfs_file *file, const struct mft_attribute *part, size_t record)
{
	struct ntfs_part *parts =
		with_room(file->parts, file->part_count, &file->part_room, sizeof(*parts));
	int error = 0;

	if (!parts)
		return ENOMEM;
	file->parts = parts;
	if (part->is_resident || !part->first_vcn)
		error = add_stream(file, part);
	else if (!file->part_count || !goes_on(&parts[file->part_count - 1].at, part))
		error = EIO;
	if (error)
		return error;
	file->streams[file->stream_count - 1].count++;
	parts[file->part_count++] = (struct ntfs_part){*part, record};
	return 0;
}

static int read_standard(struct ntfs_file *file, const struct mft_attribute *part)
{
	if (!part->is_resident || part->value_length < 36)
		return EIO;
	for (size_t i = 0; i < BL_COUNT(file->times); i++)
		file->times[i] = bl_get64(part->value + 8 * i);
	file->dos = bl_get32(part->value + 32);
	return 0;
}

static int take_part(struct ntfs_file *file, const struct mft_attribute *part, size_t record)
{
	int error = add_part(file, part, record);

	return !error && part->type == MFT_STANDARD ? read_standard(file, part) : error;
}

/* The attributes of the file's own record. */
static int take_own(struct ntfs_tree *ntfs, struct ntfs_file *file)
{
	struct mft_attribute part;
	size_t at = 0;
	int error;

	while (!(error = mft_next(file->records[0]->bytes, ntfs->record_size, &at, &part)))
		if ((error = take_part(file, &part, 0)))
			return error;
	return error == ENOENT ? 0 : error;
}

/* 0, ENOENT (it has none), EIO */
static int find_own(const struct ntfs_tree *ntfs, const struct ntfs_file *file, uint32_t type,
		    struct mft_attribute *out)
{
	size_t at = 0;
	int error;

	while (!(error = mft_next(file->records[0]->bytes, ntfs->record_size, &at, out)))
		if (out->type == type && (type == MFT_LIST || !out->name_length))
			return 0;
	return error;
}

static int record_of(struct ntfs_tree *ntfs, struct ntfs_file *file, uint64_t reference,
		     size_t *inout_last)
{
	uint64_t number = MFT_NUMBER(reference);
	int error = 0;

	if (file->records[*inout_last]->number == number)
		return 0;
	for (size_t i = 0; i < file->record_count; i++) {
		if (file->records[i]->number == number) {
			*inout_last = i;
			return 0;
		}
	}
	error = add_record(ntfs, file, number);
	if (error)
		return error == ENOENT ? EIO : error;
	*inout_last = file->record_count - 1;
	const uint8_t *bytes = file->records[*inout_last]->bytes;
	/* A list that names somebody else's record must not give that one's bytes away. */
	return mft_is_used(bytes) && mft_base(bytes) &&
			       MFT_NUMBER(mft_base(bytes)) == file->number &&
			       mft_sequence(bytes) == MFT_SEQUENCE(reference)
		       ? 0
		       : EIO;
}

static int find_part(const struct ntfs_tree *ntfs, const struct ntfs_record *record,
		     const struct mft_listed *listed, struct mft_attribute *out)
{
	size_t at = 0;
	int error;

	while (!(error = mft_next(record->bytes, ntfs->record_size, &at, out)))
		if (out->type == listed->type && out->id == listed->id &&
		    same_name(out, listed->name, listed->name_length))
			return out->is_resident || out->first_vcn == listed->first_vcn ? 0 : EIO;
	return EIO;
}

/* What counts is what the list says: a part that it does not name is nobody's. */
static int take_listed(struct ntfs_tree *ntfs, struct ntfs_file *file, const uint8_t *list,
		       size_t length)
{
	struct mft_listed listed;
	struct mft_attribute part;
	size_t at = 0, record = 0;
	int error;

	while (!(error = mft_next_listed(list, length, &at, &listed))) {
		if (listed.type == MFT_LIST)
			continue;
		error = record_of(ntfs, file, listed.reference, &record);
		if (!error)
			error = find_part(ntfs, file->records[record], &listed, &part);
		if (!error)
			error = take_part(file, &part, record);
		if (error)
			return error;
	}
	return error == ENOENT ? 0 : error;
}

/* The list itself may lie anywhere; read as a stream of a file that has nothing else. */
static int read_list(struct ntfs_tree *ntfs, const struct mft_attribute *part, uint8_t **out_bytes,
		     size_t *out_length)
{
	struct ntfs_part parts[1] = {{*part, 0}};
	struct ntfs_record none = {0}, *records[1] = {&none};
	struct ntfs_file file = {.records = records, .parts = parts, .part_count = 1};
	struct ntfs_stream stream = {.count = 1};
	int error = ntfs_stream_whole(ntfs, &file, &stream, NTFS_LIST_LIMIT, out_bytes, out_length);

	ntfs_runs_done(&stream.runs);
	return error;
}

static int take_parts(struct ntfs_tree *ntfs, struct ntfs_file *file)
{
	BL_CLEANUP(bl_free) uint8_t *list = NULL;
	struct mft_attribute part;
	size_t length = 0;
	int error = find_own(ntfs, file, MFT_LIST, &part);

	if (error)
		return error == ENOENT ? take_own(ntfs, file) : error;
	error = read_list(ntfs, &part, &list, &length);
	return error ? error : take_listed(ntfs, file, list, length);
}

int ntfs_file_load(struct ntfs_tree *ntfs, uint64_t number, struct ntfs_file **out_file)
{
	BL_CLEANUP(ntfs_file_free) struct ntfs_file *file = calloc(1, sizeof(*file));

	if (!file)
		return ENOMEM;
	file->number = number;
	int error = add_record(ntfs, file, number);
	if (error)
		return error;
	const uint8_t *bytes = file->records[0]->bytes;
	if (!mft_is_used(bytes) || mft_base(bytes))
		return ENOENT;
	file->is_folder = mft_is_folder(bytes);
	error = take_parts(ntfs, file);
	if (!error)
		error = ntfs_read_tag(ntfs, file);
	if (!error)
		*out_file = BL_TAKE(file);
	return error;
}

int ntfs_file_open(struct ntfs_tree *ntfs, uint64_t inode, struct ntfs_file **out_file)
{
	uint64_t number = MFT_NUMBER(inode);

	if (number < NTFS_FIRST && number != NTFS_ROOT)
		return ENOENT;
	if (!ntfs->file || ntfs->file->number != number) {
		struct ntfs_file *file = NULL;
		int error = ntfs_file_load(ntfs, number, &file);

		if (error)
			return error;
		ntfs_file_free(ntfs->file);
		ntfs->file = file;
	}
	if (inode >> NTFS_NUMBER_BITS > ntfs->file->named)
		return ENOENT;
	*out_file = ntfs->file;
	return 0;
}

/* ---- the MFT itself ---- */

static int learn_runs(struct ntfs_tree *ntfs, const struct mft_attribute *part)
{
	struct mft_pairs pairs;
	struct mft_run run;
	int error;

	if (part->is_resident)
		return EIO;
	mft_pairs_init(&pairs, part);
	while (!(error = mft_next_run(&pairs, ntfs->clusters, &run)))
		if ((error = ntfs_runs_add(&ntfs->mft, &run)))
			return error;
	return error == ENOENT ? 0 : error;
}

/* Each record of the list lies where the parts before it say. */
static int learn_listed(struct ntfs_tree *ntfs, struct ntfs_file *file, const uint8_t *list,
			size_t length)
{
	struct mft_listed listed;
	struct mft_attribute part;
	size_t at = 0, record = 0;
	int error;

	while (!(error = mft_next_listed(list, length, &at, &listed))) {
		if (listed.type != MFT_DATA || listed.name_length || !listed.first_vcn)
			continue;
		error = record_of(ntfs, file, listed.reference, &record);
		if (!error)
			error = find_part(ntfs, file->records[record], &listed, &part);
		if (!error)
			error = learn_runs(ntfs, &part);
		if (error)
			return error;
	}
	return error == ENOENT ? 0 : error;
}

static int learn_mft(struct ntfs_tree *ntfs, struct ntfs_file *file)
{
	BL_CLEANUP(bl_free) uint8_t *list = NULL;
	struct mft_attribute part;
	size_t length = 0;
	int error = find_own(ntfs, file, MFT_DATA, &part);

	if (error || part.is_resident || part.first_vcn)
		return EIO;
	ntfs->mft_bytes = BL_MIN(part.written, part.size);
	error = learn_runs(ntfs, &part);
	if (error)
		return error;
	error = find_own(ntfs, file, MFT_LIST, &part);
	if (error)
		return error == ENOENT ? 0 : error;
	error = read_list(ntfs, &part, &list, &length);
	return error ? error : learn_listed(ntfs, file, list, length);
}

int ntfs_mft_open(struct ntfs_tree *ntfs, uint64_t first_cluster)
{
	BL_CLEANUP(ntfs_file_free) struct ntfs_file *file = calloc(1, sizeof(*file));
	uint64_t count = (ntfs->record_size + ntfs->cluster - 1) / ntfs->cluster;
	const struct mft_run first = {.lcn = first_cluster, .count = count};

	if (!file)
		return ENOMEM;
	if (first_cluster >= ntfs->clusters || count > ntfs->clusters - first_cluster)
		return EIO;
	ntfs->mft_bytes = ntfs->record_size;
	int error = ntfs_runs_add(&ntfs->mft, &first);
	if (!error)
		error = add_record(ntfs, file, 0);
	/* What it says of itself is the truth from here on. */
	ntfs_runs_done(&ntfs->mft);
	if (!error && (!mft_is_used(file->records[0]->bytes) || mft_base(file->records[0]->bytes)))
		error = EIO;
	return error ? error : learn_mft(ntfs, file);
}

/* ---- streams ---- */

struct ntfs_stream *ntfs_stream_find(struct ntfs_file *file, uint32_t type, const char *name,
				     bool *out_is_twice)
{
	struct ntfs_stream *found = NULL;

	*out_is_twice = false;
	for (size_t i = 0; i < file->stream_count; i++) {
		const struct mft_attribute *head = ntfs_head(file, &file->streams[i]);

		if (head->type != type || !ntfs_name_is(head, name ? name : ""))
			continue;
		*out_is_twice = found != NULL;
		if (found)
			return found;
		found = &file->streams[i];
	}
	return found;
}

struct ntfs_stream *ntfs_stream_numbered(struct ntfs_file *file, uint32_t number)
{
	for (size_t i = 0; i < file->stream_count; i++)
		if (number && file->streams[i].number == number)
			return &file->streams[i];
	return NULL;
}

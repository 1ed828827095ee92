/* ntfs.h - an open NTFS volume, read by ourselves; private to the ntfs*.c files beside it
 *
 * A file's number on the wire is that of its MFT record. A named stream of it has the same with its place among the file's
 * named $DATA streams, from 1 on, above NTFS_NUMBER_BITS: it depends on the image alone, so it is the same after a restart.
 */
#ifndef FS_IMAGE_READER_NTFS_H
#define FS_IMAGE_READER_NTFS_H

#include "fs/image/reader/mft.h"
#include "fs/image/reader/reader.h"

#define NTFS_NUMBER_BITS   48
#define NTFS_ROOT	   5
#define NTFS_BITMAP	   6
#define NTFS_FIRST	   16 /* records below are the filesystem's own, but for the root */
#define NTFS_LIST_LIMIT	   (256u << 10) /* bytes of an attribute list, NTFS's own */
#define NTFS_RECORDS_LIMIT 8192u	/* of one file: more than such a list can name */
#define NTFS_LINK_LIMIT	   4095u	/* bytes of a target, as Linux has it */
#define NTFS_TABLE_LIMIT   (64u << 20)	/* bytes of a folder's bitmap: more than it can have */

struct ntfs_runs {
	struct mft_run *items;
	size_t count, room;
};

/* One record of a file, and which of its bytes nobody has: left out at intake, or unreadable. */
struct ntfs_record {
	uint64_t number;
	bool has_gaps;
	uint8_t gaps[MFT_RECORD_LIMIT / 8];
	uint8_t bytes[MFT_RECORD_LIMIT];
};

struct ntfs_part {
	struct mft_attribute at; /* points into the record */
	size_t record;		 /* index */
};

/* All attributes of one type and name: file->parts from `first` on, ascending by cluster. */
struct ntfs_stream {
	size_t first, count;
	uint32_t number; /* of a named $DATA stream, from 1 on; else 0 */
	bool has_runs;
	struct ntfs_runs runs;
};

struct ntfs_file {
	uint64_t number;
	struct ntfs_record **records; /* the first is its own */
	size_t record_count, record_room;
	struct ntfs_part *parts;
	size_t part_count, part_room;
	struct ntfs_stream *streams;
	size_t stream_count, stream_room;
	uint32_t named;	      /* $DATA streams with a name */
	uint32_t dos;	      /* file attributes of $STANDARD_INFORMATION */
	uint64_t times[4];    /* made, written, changed, read: 100 ns since 1601 */
	uint32_t tag;	      /* of the reparse point; 0: none */
	bool is_interix_link; /* as ntfs-3g writes links: a file that says what it is */
	bool is_folder;	      /* as its record says: a junction is one, too */
	uint8_t *unit;	      /* the last compression unit that was unpacked */
	uint64_t unit_at;     /* which */
	const struct ntfs_stream *unit_of; /* of whom; NULL: none */
};

struct ntfs_tree {
	struct tree base;
	uint32_t cluster, record_size; /* bytes */
	uint64_t clusters;
	struct ntfs_runs mft;
	uint64_t mft_bytes;
	struct ntfs_file
		*file; /* the last one opened: a file is read in units, one after another */
};

/* ---- ntfs-file.c: records and what they are made of ---- */

/* ntfs_mft_open - find the MFT; @first_cluster from the boot sector. 0 or an errno */
int ntfs_mft_open(struct ntfs_tree *ntfs, uint64_t first_cluster) BL_MUST_CHECK;

/*
 * ntfs_file_open - the file or folder of a record, or of a stream of it
 *
 * 0, ENOENT (no such record, free, or a piece of another one), EIO (damaged), EFBIG, ENOMEM. The file is the tree's until the next call.
 */
int ntfs_file_open(struct ntfs_tree *ntfs, uint64_t inode,
		   struct ntfs_file **out_file) BL_MUST_CHECK;
void ntfs_file_free(struct ntfs_file *file);
BL_DEFINE_CLEANUP(struct ntfs_file, ntfs_file_free)

/* ntfs_file_load - the same of any record, the filesystem's own, too; *out_file is owned by the caller */
int ntfs_file_load(struct ntfs_tree *ntfs, uint64_t number,
		   struct ntfs_file **out_file) BL_MUST_CHECK;

/* ntfs_record_place - where stride @stride of record @number lies in the image. 0, EIO */
int ntfs_record_place(const struct ntfs_tree *ntfs, uint64_t number, size_t stride,
		      uint64_t *out_place) BL_MUST_CHECK;

/* @name  ASCII; NULL: no name. Returns NULL when there is none; *out_is_twice: and another one like it */
struct ntfs_stream *ntfs_stream_find(struct ntfs_file *file, uint32_t type, const char *name,
				     bool *out_is_twice);
struct ntfs_stream *ntfs_stream_numbered(struct ntfs_file *file, uint32_t number);
static inline const struct mft_attribute *ntfs_head(const struct ntfs_file *file,
						    const struct ntfs_stream *stream)
{
	return &file->parts[stream->first].at;
}
static inline uint64_t ntfs_size(const struct ntfs_file *file, const struct ntfs_stream *stream)
{
	const struct mft_attribute *head = ntfs_head(file, stream);

	return head->is_resident ? head->value_length : head->size;
}
bool ntfs_name_is(const struct mft_attribute *attribute, const char *ascii);

/* ---- ntfs-data.c: contents ---- */

/* ntfs_stream_runs - where a stream lies, checked: ascending, inside the volume, nothing missing; kept in @stream */
int ntfs_stream_runs(const struct ntfs_tree *ntfs, const struct ntfs_file *file,
		     struct ntfs_stream *stream) BL_MUST_CHECK;
void ntfs_runs_done(struct ntfs_runs *runs);
/* ntfs_runs_add - 0, EIO (it does not follow on the last one), EFBIG, ENOMEM */
int ntfs_runs_add(struct ntfs_runs *runs, const struct mft_run *run) BL_MUST_CHECK;
/* ntfs_runs_find - the run that @vcn is in, NULL: none */
const struct mft_run *ntfs_runs_find(const struct ntfs_runs *runs, uint64_t vcn);

/* ntfs_stream_read - all of [offset, + length) of a stream that is not packed; behind its end is EIO */
int ntfs_stream_read(const struct ntfs_tree *ntfs, const struct ntfs_file *file,
		     struct ntfs_stream *stream, uint64_t offset, uint8_t *out,
		     size_t length) BL_MUST_CHECK;
/* ntfs_stream_whole - all of a small one; *out_bytes is owned by the caller. 0, EFBIG over @limit, EIO, ENOMEM */
int ntfs_stream_whole(const struct ntfs_tree *ntfs, const struct ntfs_file *file,
		      struct ntfs_stream *stream, size_t limit, uint8_t **out_bytes,
		      size_t *out_length) BL_MUST_CHECK;

int ntfs_map(struct tree *tree, uint64_t inode, struct runs *runs);
/* ntfs_lies_at - where all of it lies in one piece; 0: it does not, or that is not known */
uint64_t ntfs_lies_at(struct tree *tree, uint64_t inode);
int ntfs_read(struct tree *tree, uint64_t inode, uint64_t offset, uint8_t *out, size_t length,
	      size_t *out_length);

/* ---- ntfs-reparse.c: what a reparse point makes of a file ---- */

/* ntfs_read_tag - what the file is said to be besides a file: fills tag and is_interix_link. 0, EIO */
int ntfs_read_tag(const struct ntfs_tree *ntfs, struct ntfs_file *file) BL_MUST_CHECK;
/* ntfs_kind - S_IFREG, S_IFDIR, S_IFLNK or what WSL made of it */
uint32_t ntfs_kind(const struct ntfs_file *file);
/* ntfs_is_elsewhere - its contents are not (all) in its streams: reading them would show zeros */
int ntfs_is_elsewhere(const struct ntfs_tree *ntfs, struct ntfs_file *file, bool *out_is);
/* ntfs_has_all_places - is what there is of its contents in this volume in its streams? */
int ntfs_has_all_places(const struct ntfs_tree *ntfs, struct ntfs_file *file, bool *out_has);
/* ntfs_is_hidden - the packed contents of a file that Windows shows as the file's own */
bool ntfs_is_hidden(const struct ntfs_file *file, const struct mft_attribute *attribute);
int ntfs_link(struct tree *tree, uint64_t inode, char *out, size_t size, size_t *out_length);

/* ---- ntfs-places.c ---- */

int ntfs_places(struct tree *tree, uint64_t inode, struct runs *runs);
int ntfs_used(struct tree *tree, uint64_t cursor, struct runs *runs, uint64_t *out_next);

#endif

/* image.h - a disk image or a directory as volumes and files; hostile bytes are parsed in a child only
 *
 * Two backends behind one table: a directory in which an image is mounted already (read through its descriptor, never
 * following links, never crossing mounts), and raw bytes parsed by `bailee-reader`, a sealed child that is killed and
 * restarted when it crashes or hangs (docs/reader.md). File data goes by extent map: the child says where, the parent
 * checks the map, pins it, and reads by itself. Any thread may call anything here on one image.
 */
#ifndef FS_IMAGE_IMAGE_H
#define FS_IMAGE_IMAGE_H

#include <sys/types.h>

#include "policy/base.h"

#define IMAGE_NAME_LIMIT 255 /* bytes of one name, without NUL */
#define IMAGE_VOLUMES	 128 /* partitions of one image, at most */

enum image_kind { IMAGE_DIRECTORY, IMAGE_RAW };

struct container;  /* fs/image/container.h */
struct image_part; /* fs/image/part.h */

struct image_options {
	const char *
		reader_path; /* the bailee-reader program, with bailee-container-* beside it; IMAGE_RAW only */
	const struct image_part *
		part; /* NULL: the whole image. Of image_open and IMAGE_RAW only; borrowed until it returns */
	unsigned try_ms; /* one try of one request; 0: 4000 */
	unsigned
		request_ms; /* a request with its tries and all that it waits for; 0: 10000, or 5/2 of a longer try */
	/* Told from any thread when a reader died, hung, or gave a bad answer: fixed words, never content. NULL: nobody. */
	void (*on_trouble)(void *context, unsigned volume, uint64_t inode, const char *text);
	void *context;
};

struct image;

/*
 * Raw bytes, wherever they are kept: a file, or a sealed image of the vault. Here vault and reader meet, and only here.
 *
 * read  all of @length bytes at @offset or none. BL_OK, BL_IO (unreadable or left out: part of them is not there),
 *       BL_TAMPERED (they do not verify; told as trouble, answered as BL_IO), BL_NO_MEMORY. Any thread. Never called past size_bytes.
 */
struct image_bytes {
	enum bl_status (*read)(void *context, uint64_t offset, void *out, size_t length,
			       struct bl_error *why);
	void *context;
	uint64_t size_bytes;
};

/*
 * image_open - open what lies behind @fd (duplicated; the caller keeps its own)
 *
 * IMAGE_RAW starts the reader and has it look at the partition table. A volume that cannot be read is in the list all
 * the same, with a notice.
 *
 * BL_OK, BL_INVALID (zero bytes, no volume at all, a part of a directory, or one behind the end), BL_NOT_FOUND (no such partition, or
 * another filesystem in it), BL_IO, BL_TIMED_OUT, BL_NO_MEMORY, BL_FAILED (no reader program).
 */
enum bl_status image_open(int fd, enum image_kind kind, const struct image_options *options,
			  struct image **out_image, struct bl_error *why) BL_MUST_CHECK;
/*
 * image_open_container - as IMAGE_RAW, what lies in the files of @container (container_open_beside), which is taken over, also on failure
 *
 * Also BL_INVALID (the sealed program refuses it: fixed words).
 */
enum bl_status image_open_container(struct container *container,
				    const struct image_options *options, struct image **out_image,
				    struct bl_error *why) BL_MUST_CHECK;
/* image_open_bytes - the same as IMAGE_RAW, of @bytes (copied; its context outlives the image) */
enum bl_status image_open_bytes(const struct image_bytes *bytes,
				const struct image_options *options, struct image **out_image,
				struct bl_error *why) BL_MUST_CHECK;
void image_close(struct image *image); /* every image_file of it is closed already */
BL_DEFINE_CLEANUP(struct image, image_close)

struct image_volume {
	char name
		[32]; /* "p1-ntfs", "p2-unreadable"; "" for a directory source: it has no partitions */
	char type[16]; /* "ext4", "ntfs", "fat32", "" when not known */
	bool is_readable;
	bool is_left_out; /* not of the part that was asked for: every call about it is BL_NOT_FOUND */
	char notice[256]; /* when not readable: what it is and why, one line, no content; else "" */
	uint64_t offset, length; /* bytes in the image; 0, 0 for a directory */
	uint64_t root;		 /* inode of its root directory */
};
size_t image_volume_count(const struct image *image); /* at least 1 */
const struct image_volume *image_volume(const struct image *image, size_t index);

enum image_type { IMAGE_FILE, IMAGE_DIR, IMAGE_LINK, IMAGE_OTHER };

struct image_attr {
	enum image_type type;
	uint32_t mode; /* st_mode with type bits; suid, sgid cleared by the serving side */
	uint32_t uid, gid, nlink;
	uint64_t size_bytes;
	uint64_t blocks_512;		 /* 512-byte units in use */
	uint64_t lies_at;		 /* for image_file_open_known; nothing to be relied on */
	uint32_t rdev_major, rdev_minor; /* of a device node; never opened here */
	int64_t mtime_ns, atime_ns, ctime_ns;
};

struct image_entry {
	uint64_t inode;
	uint64_t identity; /* which file: the same under all its names, and after a restart */
	uint64_t
		owner; /* identity of the file or folder that it is a stream of (NTFS); 0: it is none */
	const char *name; /* ends in NUL; no '/', not "", ".", ".."; bytes: docs/reader.md */
	size_t length;	  /* 1..IMAGE_NAME_LIMIT */
	bool has_attr;	  /* false: ask image_stat */
	struct image_attr attr;
};

/*
 * image_list - every entry of a directory, in the image's order; @tell returns false to stop
 *
 * Never "." or "..", never virtual entries of a parser ($OrphanFiles), never deleted files. @tell may not call image_*.
 * BL_OK, BL_NOT_FOUND (no such inode or no directory), BL_IO (corrupt, poisoned, or the reader died twice),
 * BL_TIMED_OUT, BL_TOO_LARGE (over a million entries), BL_NO_MEMORY.
 */
typedef bool image_entry_fn(void *context, const struct image_entry *entry);
enum bl_status image_list(struct image *image, unsigned volume, uint64_t inode,
			  image_entry_fn *tell, void *context, struct bl_error *why) BL_MUST_CHECK;

enum bl_status image_stat(struct image *image, unsigned volume, uint64_t inode,
			  struct image_attr *out_attr, struct bl_error *why) BL_MUST_CHECK;

/* image_readlink - target bytes, NUL-terminated; BL_TOO_LARGE over @size, BL_INVALID when no link */
enum bl_status image_readlink(struct image *image, unsigned volume, uint64_t inode, char *out,
			      size_t size, struct bl_error *why) BL_MUST_CHECK;

#define IMAGE_XATTR_LIMIT 65536u /* bytes of one value, as Linux has it */

struct image_xattr {
	const char *name; /* as xattr(7) has it, "user.origin"; not NUL-terminated */
	size_t name_length;
	const uint8_t *value;
	size_t length;
};
typedef bool image_xattr_fn(void *context, const struct image_xattr *xattr); /* false: stop */

/*
 * image_xattrs - every extended attribute of a node of any type; most have none
 *
 * Of ext2, ext3 and ext4: user, trusted, security and the two ACLs. Other kinds, and a directory source, tell none. @tell may not call
 * image_*. BL_OK, BL_NOT_FOUND, BL_IO, BL_TIMED_OUT, BL_TOO_LARGE (over a MiB, all together), BL_NO_MEMORY.
 */
enum bl_status image_xattrs(struct image *image, unsigned volume, uint64_t inode,
			    image_xattr_fn *tell, void *context,
			    struct bl_error *why) BL_MUST_CHECK;

struct image_file;

/*
 * image_file_open - pin one regular file: its size and its checked extent map
 *
 * BL_OK, BL_NOT_FOUND, BL_INVALID (no regular file), BL_NO_KEY (encrypted), BL_UNSUPPORTED (kept in a way that is not read), BL_IO,
 * BL_TIMED_OUT, BL_TOO_LARGE, BL_NO_MEMORY.
 */
enum bl_status image_file_open(struct image *image, unsigned volume, uint64_t inode,
			       struct image_file **out_file, struct bl_error *why) BL_MUST_CHECK;
/* image_file_open_known - the same of one whose attributes image_list or image_stat told: they are not asked for again */
enum bl_status image_file_open_known(struct image *image, unsigned volume, uint64_t inode,
				     const struct image_attr *known, struct image_file **out_file,
				     struct bl_error *why) BL_MUST_CHECK;
void image_file_close(struct image_file *file);
BL_DEFINE_CLEANUP(struct image_file, image_file_close)
uint64_t image_file_size(const struct image_file *file);

/*
 * image_file_read - up to @length bytes at @offset; short only at the end of the file
 *
 * Holes and unwritten extents read as zeros. No allocation when the file has a map. Any number of threads.
 * BL_OK, BL_IO, BL_TIMED_OUT, BL_UNSUPPORTED, BL_STALE (a directory source changed underneath: size or mtime differ from open).
 */
enum bl_status image_file_read(struct image_file *file, uint64_t offset, uint8_t *out,
			       size_t length, size_t *out_length,
			       struct bl_error *why) BL_MUST_CHECK;

/*
 * image_file_seek - where the next data (@is_hole: the next hole) begins, from @offset on, as lseek(2) tells it
 *
 * Holes and unwritten extents are holes; one is behind the end of every file. A file without a map is data. At once for a raw image.
 * BL_OK, BL_NOT_FOUND (@offset is at or behind the end, or no data follows: ENXIO); of a directory source also BL_IO and BL_STALE.
 */
enum bl_status image_file_seek(struct image_file *file, uint64_t offset, bool is_hole,
			       uint64_t *out_offset) BL_MUST_CHECK;

/* ---- where things lie: for leaving out at intake and for destroying a part --------------------- */

struct image_range {
	uint64_t offset, length; /* bytes of the image; length above zero */
};
typedef bool image_range_fn(void *context, const struct image_range *range); /* false: stop */

/*
 * image_places - every byte of the image that holds, or may hold, this file's contents
 *
 * All its data streams (NTFS alternate ones too; of an entry that is such a stream, that one alone), whole blocks or clusters with their slack, preallocated and unwritten
 * ones, compressed ones as stored, and what is kept inside the filesystem's own tables (resident or inline data, to the byte: the
 * bytes around it belong to others). Sorted by offset, without overlap, inside the volume. A regular file only. Raw images only.
 *
 * BL_OK, BL_NOT_FOUND, BL_INVALID (no regular file), BL_UNSUPPORTED (a directory source, or it lies where it cannot be told:
 * nothing was told then), BL_IO, BL_TIMED_OUT, BL_TOO_LARGE, BL_NO_MEMORY.
 */
enum bl_status image_places(struct image *image, unsigned volume, uint64_t inode,
			    image_range_fn *tell, void *context,
			    struct bl_error *why) BL_MUST_CHECK;

/*
 * image_used - every byte of the image that this volume uses: its tables, journals and allocated blocks; the rest of the volume
 * is free space. Sorted, without overlap, inside the volume
 *
 * BL_OK, BL_UNSUPPORTED (cannot be told), else as image_places.
 */
enum bl_status image_used(struct image *image, unsigned volume, image_range_fn *tell, void *context,
			  struct bl_error *why) BL_MUST_CHECK;

#endif

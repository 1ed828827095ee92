/* wire.h - what the parent and the sealed reader say to each other (docs/reader.md, "Protocol")
 *
 * Both ends run on one machine from one build: native byte order, fixed structs. The child is hostile: the
 * parent believes nothing here without checking. The child trusts its parent, not the blocks.
 *
 * A lane is one SOCK_SEQPACKET socket, one 1 MiB data window (child writes answers), one 1 MiB block window
 * (parent writes blocks). One request in flight per lane. Lane i of `bailee-reader LANES IMAGE_BYTES` has the
 * descriptors WIRE_FIRST_FD + 3 * i (socket), + 1 (data window), + 2 (block window); nothing else is open but 0-2 on
 * /dev/null.
 */
#ifndef FS_IMAGE_WIRE_H
#define FS_IMAGE_WIRE_H

#include <stdint.h>

#define WIRE_MAGIC    0x31524c42u /* "BLR1" */
#define WIRE_FIRST_FD 3
#define WIRE_LANES    2
#define WIRE_WINDOW   (1u << 20)
#define WIRE_UNIT     65536u /* READ is asked in aligned units of this */
#define WIRE_OPENING                                                                               \
	(WIRE_WINDOW -                                                                             \
	 4) /* there in the data window during OPEN: 1 + the volume that is looked into, 4 bytes */
#define WIRE_READY_VOLUME                                                                          \
	UINT32_MAX /* after sealing itself the child sends one WIRE_READY on lane 0 */

enum wire_op {
	WIRE_READY = 1, /* child ► parent: sealed, no byte of the image seen yet */
	WIRE_OPEN, /* parent ► child: answer is length/sizeof struct wire_volume in the data window. offset, length: bits of the volumes
	                   0 to 63, 64 to 127 that are left alone, since a reader ended on them */
	WIRE_LIST, /* volume, inode, offset = cursor (0: start); answer: length bytes of struct wire_entry,
	                   offset = next cursor, 0 at the end */
	WIRE_STAT, /* answer: one struct wire_attr */
	WIRE_MAP, /* offset = index of the first run wanted; answer: length/sizeof struct wire_run, offset = next
	                   index, 0 at the end; error ENODATA: this file has no map, use READ */
	WIRE_READ, /* offset, length <= WIRE_WINDOW; answer: length bytes */
	WIRE_LINK, /* answer: length bytes of target */
	WIRE_BLOCK, /* child ► parent: offset, length <= WIRE_WINDOW, of the image; answer: length bytes in the block
	                   window, or error */
	WIRE_PLACES, /* offset = index of the first run wanted; answer: length/sizeof struct wire_run (file_offset 0,
	                   ascending by image_offset), offset = next index, 0 at the end; error EOPNOTSUPP: cannot be told */
	WIRE_USED, /* offset = cursor (0: start); answer as of WIRE_PLACES, perhaps no run, offset = a higher cursor, 0 at
	                   the end */
	WIRE_XATTRS, /* answer: length bytes of struct wire_xattr, all of the node's; error EFBIG: more than the window holds */
};

struct wire_message {
	uint32_t magic;
	uint16_t op;
	uint16_t is_answer;
	int32_t error; /* 0 or an errno, in answers */
	uint32_t volume;
	uint64_t inode;
	uint64_t offset;
	uint64_t length;
	uint64_t serial; /* of the request; the answer repeats it (BLOCK has its own count) */
};

struct wire_volume {
	uint64_t offset, length, root;
	uint32_t number; /* of the partition, 1-based; 0: no partition table */
	uint32_t is_readable;
	char type[16];	    /* "ext4"; NUL-padded */
	char notice[200];   /* fixed words of the reader, NUL-padded; printable ASCII only */
	uint8_t digest[32]; /* of the superblock's 4 KiB: equal after a restart */
};

struct wire_attr {
	uint64_t size_bytes, blocks_512;
	/* Of a file: all size_bytes lie here in the image, one behind the other, as WIRE_MAP would say it. 0: not said */
	uint64_t lies_at;
	int64_t mtime_ns, atime_ns, ctime_ns;
	uint32_t mode, uid, gid, nlink;
	uint32_t rdev_major, rdev_minor; /* of a device node */
};

/* Entries are packed one behind the other, each padded to 8 bytes. */
struct wire_entry {
	uint64_t inode;
	uint64_t owner; /* inode of the file or folder that it is a stream of; 0: it is none */
	struct wire_attr attr;
	uint32_t has_attr;
	uint16_t name_length;	/* bytes that follow */
	uint16_t record_length; /* of this struct, the name and the padding */
};

/* Attributes are packed one behind the other, each padded to 8 bytes. */
struct wire_xattr {
	uint32_t name_length, value_length; /* bytes that follow, first the name */
	uint64_t record_length;		    /* of this struct, both and the padding */
};

/* A run of file bytes that lie in the image; what no run covers reads as zeros. */
struct wire_run {
	uint64_t file_offset, image_offset, length;
};

#endif

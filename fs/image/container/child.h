/* child.h - parts of one bailee-container-*: sealing, the files it was given, the stream or the answers it writes, its library
 *
 * Descriptors: 0 /dev/null, 1 the pipe, 2 /dev/null, 3 and up the files; in place 0 and 1 are the socket (ask.h). Arguments: the
 * byte to start at, or "ask"; how many files.
 * No name is passed: a process list would show it to everybody.
 */
#ifndef FS_IMAGE_CONTAINER_CHILD_H
#define FS_IMAGE_CONTAINER_CHILD_H

#include "fs/image/container/exits.h"
#include "policy/base.h"

#define CHILD_FIRST_FD	 3
#define CHILD_FILES	 200
#define GRANULE_BYTES	 65536u
#define SECTOR_BYTES	 512u
#define GRANULE_SECTORS	 (GRANULE_BYTES / SECTOR_BYTES)
#define STREAM_MAX_FRAME (UINT32_C(1) << 20)

enum stream_frame { FRAME_DATA = 1, FRAME_ZEROS, FRAME_UNREADABLE, FRAME_END };

/* One file of the image. Libraries seek and read; nothing here ever opens, closes or writes one. */
struct input_file {
	int fd;
	bool is_open; /* what the library believes */
	uint64_t bytes, position;
};

struct input {
	size_t count;
	struct input_file files[CHILD_FILES];
	uint64_t bytes; /* of the image, once open */
	void *library;	/* the backend's own */
};

/* What one read of up to 64 KiB, beginning at a multiple of it, came to. */
struct granule {
	uint64_t offset;
	uint32_t length;
	uint8_t bytes[GRANULE_BYTES];
	bool is_bad[GRANULE_SECTORS]; /* sectors of the image that cannot be read */
};

/*
 * One container library. Each program has exactly one, named by BACKEND: these libraries each export a libbfio of their own, and
 * two in one process would call into each other's.
 */
struct backend {
	/* Sets @input's bytes. Called after sealing. */
	enum container_exit (*open)(struct input *input);
	/* Fills @granule, any of them in any order, and says which sectors are bad; bytes of bad ones do not matter. */
	void (*read)(struct input *input, struct granule *granule);
};
extern const struct backend BACKEND;

/* All of the confinement; 0 or EXIT_NOT_SEALED. Nothing of the image may be read before. */
enum container_exit seal(size_t files);
/* Kills us by SIGPROF when one call into the library takes a minute of CPU: hostile tables can be circles. */
void seal_rearm(void);

/* Descriptors CHILD_FIRST_FD and up; false when one is no file, or a device without a size. */
bool input_init(struct input *input, size_t count);
/* Exactly @length bytes, or false. */
bool input_read(const struct input_file *file, uint64_t offset, uint8_t *bytes, size_t length);

/* All @sectors from byte @at of the granule on are bad. */
void granule_mark(struct granule *granule, uint64_t at, uint64_t length);

/* Is there at least one, and are all zero? */
bool bytes_are_zero(const uint8_t *bytes, size_t length);

enum container_exit stream_write(struct input *input, uint64_t start);
/* Questions of ask.h, until the other side hangs up. */
enum container_exit answer_all(struct input *input);

#endif

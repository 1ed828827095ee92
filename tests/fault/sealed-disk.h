/* sealed-disk.h - everything that a writer of a sealed image does to its files, in order; and what a disk may hold after any part of it */
#ifndef TESTS_FAULT_SEALED_DISK_H
#define TESTS_FAULT_SEALED_DISK_H

#include "fs/vault/sealed-writer.h"
#include "tests/unit/fs/vault/sealed-image.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>

#define NODES  64   /* files and folders, ever */
#define STEPS  4096 /* of one run */
#define DEVICE 0    /* the node of the device's folder */
#define FDS    1024
#define NEVER  UINT32_MAX
#define GONE   (UINT32_MAX - 1)

enum step_kind {
	STEP_MAKE,
	STEP_WRITE,
	STEP_RESIZE,
	STEP_SYNC,
	STEP_RENAME,
	STEP_REMOVE,
	STEP_ACK
};
struct step {
	enum step_kind kind;
	unsigned node, folder;	 /* folder: of make, rename, remove */
	uint64_t offset, length; /* resize: length. ACK: offset is what is done */
	uint8_t *bytes;
	char name[16], to[16];
	bool is_folder;
	unsigned
		synced_at; /* write, resize: the step that made it durable, NEVER, or GONE: its sync failed */
};

/* What becomes of a write that no sync covers. */
enum loss { KEPT, LOST, FIRST_HALF, SECOND_HALF, EVERY_OTHER, EARLIER, SOME, SECTORS };
static const struct {
	const char *what;
	enum loss loss;
	bool are_names_kept;
	unsigned seed;
} LOSSES[] = {
	{"whatever was not synced is gone", LOST, false, 0},
	{"all of it is there", KEPT, true, 0},
	{"names are gone", KEPT, false, 0},
	{"contents are gone, names not", LOST, true, 0},
	{"first halves are gone", FIRST_HALF, true, 0},
	{"second halves are gone", SECOND_HALF, true, 0},
	{"every other write is gone", EVERY_OTHER, true, 0},
	{"the later ones are gone", EARLIER, true, 0},
	{"some are gone", SOME, true, 1},
	{"some others are gone", SOME, true, 2},
	{"some sectors are gone", SECTORS, true, 3},
};

struct name {
	unsigned folder, node;
	char name[16]; /* "": none */
	bool is_folder;
};
struct names {
	struct name rows[NODES];
	unsigned count;
};

/* Told of each write before it is made; may be NULL. */
typedef void see_write(void *context, const char *name, const uint8_t *bytes, size_t length,
		       uint64_t offset);

struct recorder {
	pthread_mutex_t lock;
	struct step steps[STEPS];
	unsigned count, nodes;
	struct names names;
	int node_of_fd[FDS];
	bool is_through[FDS]; /* O_DSYNC */
	int device_fd;
	see_write *see;
	void *context;

	/* Call number @fail_at (from 1) fails with @error; 0: it writes half. */
	unsigned calls, fail_at;
	int error;
};

static inline BL_UNUSED void must(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "sealed-disk: %s\n", what);
	abort();
}

static inline BL_UNUSED struct step *add_step(struct recorder *recorder, enum step_kind kind,
					      unsigned node)
{
	must(recorder->count < STEPS, "too many steps");

	struct step *step = &recorder->steps[recorder->count++];

	*step = (struct step){.kind = kind, .node = node, .synced_at = NEVER};
	return step;
}

static inline BL_UNUSED struct name *find_name(struct names *names, unsigned folder,
					       const char *name)
{
	for (unsigned i = 0; i < names->count; i++)
		if (names->rows[i].folder == folder && strcmp(names->rows[i].name, name) == 0)
			return &names->rows[i];
	return NULL;
}

static inline BL_UNUSED void apply_name(struct names *names, const struct step *step)
{
	struct name *row = find_name(names, step->folder, step->name), *over;

	switch (step->kind) {
	case STEP_MAKE:
		must(!row && names->count < NODES, "names");
		row = &names->rows[names->count++];
		*row = (struct name){step->folder, step->node, "", step->is_folder};
		memcpy(row->name, step->name, sizeof(row->name));
		break;
	case STEP_RENAME:
		over = find_name(names, step->folder, step->to);
		if (over)
			over->name[0] = '\0';
		must(row, "a rename of nothing");
		memcpy(row->name, step->to, sizeof(row->name));
		break;
	case STEP_REMOVE:
		must(row, "a removal of nothing");
		row->name[0] = '\0';
		break;
	case STEP_WRITE:
	case STEP_RESIZE:
	case STEP_SYNC:
	case STEP_ACK:
		break;
	}
}

static inline BL_UNUSED struct step *name_step(struct recorder *recorder, enum step_kind kind,
					       int dir_fd, const char *name)
{
	struct step *step = add_step(recorder, kind, 0);

	step->folder = (unsigned)recorder->node_of_fd[dir_fd];
	must(strlen(name) < sizeof(step->name), "a long name");
	memcpy(step->name, name, strlen(name) + 1);
	return step;
}

/* True: this call is to fail (errno is set), or to write half (it is 0). */
static inline BL_UNUSED bool fails(struct recorder *recorder)
{
	if (++recorder->calls != recorder->fail_at)
		return false;
	errno = recorder->error;
	return true;
}

static inline BL_UNUSED void remember_fd(struct recorder *recorder, int fd, unsigned node,
					 int flags)
{
	must(fd < FDS, "too many descriptors");
	recorder->node_of_fd[fd] = (int)node;
	recorder->is_through[fd] = (flags & O_DSYNC) != 0;
}

static inline BL_UNUSED int disk_open_at(void *context, int dir_fd, const char *name, int flags,
					 unsigned mode)
{
	struct recorder *recorder = context;
	int fd = -1;

	pthread_mutex_lock(&recorder->lock);
	if (fails(recorder))
		errno = recorder->error ? recorder->error : EIO;
	else
		fd = openat(dir_fd, name, flags, (mode_t)mode);
	if (fd >= 0 && (flags & O_CREAT)) {
		struct step *step = name_step(recorder, STEP_MAKE, dir_fd, name);

		step->node = recorder->nodes++;
		apply_name(&recorder->names, step);
	}
	if (fd >= 0) {
		struct name *row =
			find_name(&recorder->names, (unsigned)recorder->node_of_fd[dir_fd], name);

		must(row, "a file out of nowhere");
		remember_fd(recorder, fd, row->node, flags);
	}
	pthread_mutex_unlock(&recorder->lock);
	return fd;
}

static inline BL_UNUSED int disk_make_folder(void *context, int dir_fd, const char *name)
{
	struct recorder *recorder = context;

	if (fails(recorder))
		return errno = recorder->error ? recorder->error : EIO, -1;
	if (mkdirat(dir_fd, name, 0700) != 0)
		return -1;

	struct step *step = name_step(recorder, STEP_MAKE, dir_fd, name);

	step->node = recorder->nodes++;
	step->is_folder = true;
	apply_name(&recorder->names, step);
	return 0;
}

static inline BL_UNUSED const char *name_of(const struct recorder *recorder, unsigned node)
{
	for (unsigned i = 0; i < recorder->names.count; i++)
		if (recorder->names.rows[i].node == node)
			return recorder->names.rows[i].name;
	return "";
}

/* All of a file that no sync had yet. */
static inline BL_UNUSED void mark(struct recorder *recorder, unsigned node, unsigned synced_at)
{
	for (unsigned i = 0; i < recorder->count; i++) {
		struct step *step = &recorder->steps[i];

		if (step->node == node && step->synced_at == NEVER &&
		    (step->kind == STEP_WRITE || step->kind == STEP_RESIZE))
			step->synced_at = synced_at;
	}
}

static inline BL_UNUSED void settle(struct recorder *recorder, unsigned node)
{
	add_step(recorder, STEP_SYNC, node);
	mark(recorder, node, recorder->count - 1);
}

static inline BL_UNUSED ssize_t disk_write_at(void *context, int fd, const void *bytes,
					      size_t length, uint64_t offset)
{
	struct recorder *recorder = context;
	ssize_t put = -1;

	pthread_mutex_lock(&recorder->lock);

	bool is_failing = fails(recorder);

	if (is_failing && recorder->error == 0)
		length /= 2;
	if (!is_failing || recorder->error == 0) {
		struct step *step =
			add_step(recorder, STEP_WRITE, (unsigned)recorder->node_of_fd[fd]);

		step->offset = offset;
		step->length = length;
		step->bytes = malloc(length);
		must(step->bytes, "no memory");
		memcpy(step->bytes, bytes, length);
		if (recorder->see)
			recorder->see(recorder->context, name_of(recorder, step->node), bytes,
				      length, offset);
		/* By a descriptor of its own: halves need not be aligned as the writer's are. */
		put = pwrite(fd, bytes, length, (off_t)offset);
		if (recorder->is_through[fd] && put == (ssize_t)length && !is_failing)
			settle(recorder, step->node);
	}
	if (is_failing && recorder->error)
		errno = recorder->error;
	pthread_mutex_unlock(&recorder->lock);
	return put;
}

static inline BL_UNUSED int disk_resize(void *context, int fd, uint64_t length)
{
	struct recorder *recorder = context;
	int result = -1;

	pthread_mutex_lock(&recorder->lock);
	if (fails(recorder)) {
		errno = recorder->error ? recorder->error : EIO;
	} else {
		add_step(recorder, STEP_RESIZE, (unsigned)recorder->node_of_fd[fd])->length =
			length;
		result = ftruncate(fd, (off_t)length);
	}
	pthread_mutex_unlock(&recorder->lock);
	return result;
}

static inline BL_UNUSED int disk_sync(void *context, int fd)
{
	struct recorder *recorder = context;
	int result = 0;

	pthread_mutex_lock(&recorder->lock);
	if (fails(recorder)) {
		/* As Linux does it: what could not be written counts as written from now on. */
		mark(recorder, (unsigned)recorder->node_of_fd[fd], GONE);
		errno = recorder->error ? recorder->error : EIO;
		result = -1;
	} else {
		settle(recorder, (unsigned)recorder->node_of_fd[fd]);
	}
	pthread_mutex_unlock(&recorder->lock);
	return result;
}

static inline BL_UNUSED int disk_rename_at(void *context, int dir_fd, const char *from,
					   const char *to)
{
	struct recorder *recorder = context;

	if (fails(recorder))
		return errno = recorder->error ? recorder->error : EIO, -1;
	if (renameat(dir_fd, from, dir_fd, to) != 0)
		return -1;

	struct step *step = name_step(recorder, STEP_RENAME, dir_fd, from);

	must(strlen(to) < sizeof(step->to), "a long name");
	memcpy(step->to, to, strlen(to) + 1);
	apply_name(&recorder->names, step);
	return 0;
}

static inline BL_UNUSED int disk_remove_at(void *context, int dir_fd, const char *name,
					   bool is_folder)
{
	struct recorder *recorder = context;

	if (fails(recorder))
		return errno = recorder->error ? recorder->error : EIO, -1;
	if (unlinkat(dir_fd, name, is_folder ? AT_REMOVEDIR : 0) != 0)
		return -1;
	apply_name(&recorder->names, name_step(recorder, STEP_REMOVE, dir_fd, name));
	return 0;
}

static inline BL_UNUSED struct sealed_io disk_io(struct recorder *recorder)
{
	return (struct sealed_io){.open_at = disk_open_at,
				  .make_folder = disk_make_folder,
				  .write_at = disk_write_at,
				  .resize = disk_resize,
				  .sync = disk_sync,
				  .sync_folder = disk_sync,
				  .rename_at = disk_rename_at,
				  .remove_at = disk_remove_at,
				  .context = recorder};
}

/* ---- beginning, and ending ------------------------------------------------------------------- */

/* A file that is there already: its bytes are durable. */
static inline BL_UNUSED void adopt_file(struct recorder *recorder, int folder_fd, const char *name)
{
	BL_CLEANUP(fd_close) int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
	struct step *made = name_step(recorder, STEP_MAKE, folder_fd, name);
	unsigned node = made->node = recorder->nodes++;
	struct stat st;

	apply_name(&recorder->names, made);
	must(fd >= 0 && fstat(fd, &st) == 0, "adopting");
	add_step(recorder, STEP_RESIZE, node)->length = (uint64_t)st.st_size;
	for (off_t at = lseek(fd, 0, SEEK_DATA), end; at >= 0; at = lseek(fd, end, SEEK_DATA)) {
		struct step *step = add_step(recorder, STEP_WRITE, node);

		end = lseek(fd, at, SEEK_HOLE);
		step->offset = (uint64_t)at;
		step->length = (uint64_t)(end - at);
		step->bytes = malloc(step->length);
		must(step->bytes && pread(fd, step->bytes, step->length, at) == end - at,
		     "adopting");
	}
	settle(recorder, node);
}

static inline BL_UNUSED void adopt_folder(struct recorder *recorder, const char *folder)
{
	int fd = openat(recorder->device_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;

	struct step *made = name_step(recorder, STEP_MAKE, recorder->device_fd, folder);
	DIR *entries = fdopendir(fd);

	made->node = recorder->nodes++;
	made->is_folder = true;
	apply_name(&recorder->names, made);
	remember_fd(recorder, fd, made->node, 0);
	must(entries, "adopting");
	for (struct dirent *entry; (entry = readdir(entries));)
		if (entry->d_name[0] != '.')
			adopt_file(recorder, fd, entry->d_name);
	settle(recorder, (unsigned)recorder->node_of_fd[fd]);
	closedir(entries);
}

static inline BL_UNUSED struct recorder *recorder_new(int device_fd)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	must(recorder, "no memory");
	pthread_mutex_init(&recorder->lock, NULL);
	recorder->nodes = DEVICE + 1;
	recorder->device_fd = device_fd;
	remember_fd(recorder, device_fd, DEVICE, 0);
	adopt_folder(recorder, "image");
	adopt_folder(recorder, "image.new");
	settle(recorder, DEVICE);
	return recorder;
}

static inline BL_UNUSED void recorder_free(struct recorder *recorder)
{
	for (unsigned i = 0; i < recorder->count; i++)
		free(recorder->steps[i].bytes);
	pthread_mutex_destroy(&recorder->lock);
	free(recorder);
}

static inline BL_UNUSED void recorder_ack(struct recorder *recorder, uint64_t done)
{
	pthread_mutex_lock(&recorder->lock);
	add_step(recorder, STEP_ACK, 0)->offset = done;
	pthread_mutex_unlock(&recorder->lock);
}

/* ---- losing power ---------------------------------------------------------------------------- */

static inline BL_UNUSED unsigned dice(unsigned seed, unsigned a, uint64_t b)
{
	uint8_t in[16], out[crypto_generichash_BYTES_MIN];

	bl_put32(in, seed);
	bl_put32(in + 4, a);
	bl_put64(in + 8, b);
	crypto_generichash(out, sizeof(out), in, sizeof(in), NULL, 0);
	return out[0];
}

/* Is the byte at @at of that step lost? Asked for each half and sector. */
static inline BL_UNUSED bool is_lost(size_t which, const struct step *step, unsigned number,
				     unsigned cut, size_t at)
{
	unsigned seed = LOSSES[which].seed + cut;

	switch (LOSSES[which].loss) {
	case KEPT:
		return false;
	case LOST:
		return true;
	case FIRST_HALF:
		return at < step->length / 2;
	case SECOND_HALF:
		return at >= step->length / 2;
	case EVERY_OTHER:
		return number % 2 == 0;
	case EARLIER:
		return number + 4 > cut;
	case SOME:
		return dice(seed, number, 0) % 2;
	case SECTORS:
		return dice(seed, number, 1 + at / 512) % 3 == 0;
	}
	return true;
}

static inline BL_UNUSED void put_bytes(int fd, const struct step *step, size_t from, size_t to)
{
	must(pwrite(fd, step->bytes + from, to - from, (off_t)(step->offset + from)) ==
		     (ssize_t)(to - from),
	     "cannot build the disk");
}

static inline BL_UNUSED void put_step(int fd, const struct recorder *recorder, unsigned number,
				      unsigned cut, size_t which)
{
	const struct step *step = &recorder->steps[number];
	bool is_durable = step->synced_at < cut;

	if (step->synced_at == GONE)
		return;
	if (step->kind == STEP_RESIZE && (is_durable || !is_lost(which, step, number, cut, 0)))
		must(ftruncate(fd, (off_t)step->length) == 0, "cannot build the disk");
	if (step->kind != STEP_WRITE)
		return;
	for (size_t at = 0, end; at < step->length; at = end) {
		size_t unit = is_durable ? step->length : BL_MIN((size_t)512, step->length);

		end = BL_MIN(at + unit, step->length);
		if (is_durable || !is_lost(which, step, number, cut, at))
			put_bytes(fd, step, at, end);
	}
}

static inline BL_UNUSED void put_names(int folder_fd, const struct recorder *recorder,
				       const struct names *names, unsigned folder, unsigned cut,
				       size_t which)
{
	for (unsigned i = 0; i < names->count; i++) {
		const struct name *row = &names->rows[i];

		if (row->folder != folder || !row->name[0] || row->is_folder)
			continue;

		BL_CLEANUP(fd_close)
		int fd = openat(folder_fd, row->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		must(fd >= 0, "cannot build the disk");
		for (unsigned number = 0; number < cut; number++)
			if (recorder->steps[number].node == row->node)
				put_step(fd, recorder, number, cut, which);
	}
}

static inline BL_UNUSED void keep_folder(struct names *durable, const struct names *now,
					 unsigned folder)
{
	for (unsigned i = 0; i < now->count; i++)
		if (now->rows[i].folder == folder)
			durable->rows[i] = now->rows[i];
	durable->count = now->count;
}

/* What the disk may hold after the first @cut steps, into an empty folder. */
static inline BL_UNUSED void disk_build(int device_fd, const struct recorder *recorder,
					unsigned cut, size_t which)
{
	struct names now = {.count = 0}, durable = {.count = 0};
	const struct names *names = LOSSES[which].are_names_kept ? &now : &durable;

	for (unsigned i = 0; i < cut; i++) {
		apply_name(&now, &recorder->steps[i]);
		if (recorder->steps[i].kind == STEP_SYNC)
			keep_folder(&durable, &now, recorder->steps[i].node);
	}
	for (unsigned i = 0; i < names->count; i++) {
		const struct name *row = &names->rows[i];

		if (row->folder != DEVICE || !row->name[0] || !row->is_folder)
			continue;
		must(mkdirat(device_fd, row->name, 0700) == 0, "cannot build the disk");

		BL_CLEANUP(fd_close)
		int fd = openat(device_fd, row->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		put_names(fd, recorder, names, row->node, cut, which);
	}
}

#endif

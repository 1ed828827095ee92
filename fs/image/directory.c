/* directory.c - a directory as an image: never out of it, never over a mount, never a special file
 *
 * A node is (parent, name), not a descriptor and not the filesystem's inode, so that a tree of
 * any size costs memory only for what was listed. Every access walks again from the root with
 * openat2, where a link or a mount anywhere on the way is a failure.
 */
#include "fs/image/backend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOT_INODE  1u
#define NODES_LIMIT (1u << 23) /* about 600 MiB of names; a bigger tree is not listed further */
#define NODES_FIRST 256u       /* power of two */
#define DEPTH_LIMIT 65536u
#define WALK_BYTES  4000u /* of one openat2 path, below PATH_MAX */
#define LIST_BYTES  32768u
#define RACE_TRIES  8

struct node {
	uint32_t parent; /* inode */
	uint8_t length;
	char name[];
};

struct directory {
	struct image image;
	int root_fd;
	uint64_t mount_id; /* of the root; 0: kernel too old to say */
	pthread_rwlock_t lock;
	struct node **nodes; /* node of inode i is nodes[i - 1] */
	uint32_t *slots;     /* open addressing: inode or 0; twice @capacity, a power of two */
	uint32_t count, capacity;
	uint8_t key[crypto_shorthash_KEYBYTES];
};

struct directory_file {
	struct image_file file;
	int fd;
	struct timespec mtime;
};

static struct directory *directory_of(struct image *image)
{
	return (struct directory *)(void *)image;
}

/* Keyed: whoever made the names must not be able to choose where they collide. */
static uint64_t node_hash(const struct directory *d, uint32_t parent, const char *name,
			  size_t length)
{
	uint8_t in[sizeof(parent) + IMAGE_NAME_LIMIT];
	uint8_t out[crypto_shorthash_BYTES];

	memcpy(in, &parent, sizeof(parent));
	memcpy(in + sizeof(parent), name, length);
	crypto_shorthash(out, in, sizeof(parent) + length, d->key);
	return bl_get64(out);
}

static uint32_t *slot_of(struct directory *d, uint32_t parent, const char *name, size_t length)
{
	uint32_t mask = d->capacity * 2 - 1;
	uint32_t at = (uint32_t)node_hash(d, parent, name, length) & mask;

	for (;; at = (at + 1) & mask) {
		if (d->slots[at] == 0)
			return &d->slots[at];
		const struct node *node = d->nodes[d->slots[at] - 1];
		if (node->parent == parent && node->length == length &&
		    memcmp(node->name, name, length) == 0)
			return &d->slots[at];
	}
}

static bool grow(struct directory *d)
{
	uint32_t capacity = d->capacity ? d->capacity * 2 : NODES_FIRST;
	struct node **nodes = realloc(d->nodes, capacity * sizeof(struct node *));

	if (!nodes)
		return false;
	d->nodes = nodes;
	uint32_t *slots = calloc((size_t)capacity * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(d->slots);
	d->slots = slots;
	d->capacity = capacity;
	for (uint32_t i = 0; i < d->count; i++)
		*slot_of(d, d->nodes[i]->parent, d->nodes[i]->name, d->nodes[i]->length) = i + 1;
	return true;
}

static enum bl_status add_locked(struct directory *d, uint32_t parent, const char *name,
				 size_t length, uint64_t *out_inode)
{
	if (d->count >= NODES_LIMIT)
		return BL_TOO_LARGE;
	if (d->count == d->capacity && !grow(d))
		return BL_NO_MEMORY;
	uint32_t *slot = slot_of(d, parent, name, length);
	if (*slot == 0) {
		struct node *node = malloc(sizeof(*node) + length);

		if (!node)
			return BL_NO_MEMORY;
		node->parent = parent;
		node->length = (uint8_t)length;
		memcpy(node->name, name, length);
		d->nodes[d->count++] = node;
		*slot = d->count;
	}
	*out_inode = *slot;
	return BL_OK;
}

static enum bl_status node_add(struct directory *d, uint32_t parent, const char *name,
			       size_t length, uint64_t *out_inode)
{
	pthread_rwlock_wrlock(&d->lock);
	enum bl_status status = add_locked(d, parent, name, length, out_inode);
	pthread_rwlock_unlock(&d->lock);
	return status;
}

static int open_beneath(int at, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	int fd = -1;

	/* EAGAIN: a rename beside us, says openat2(2) */
	for (int i = 0; i < RACE_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

static enum bl_status fail_open(struct bl_error *why, uint64_t inode)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP: /* a link stands where a directory was */
	case EXDEV: /* a mount stands there: not part of this image */
		return bl_fail(why, BL_NOT_FOUND,
			       "node %llu of the directory is not there any more",
			       (unsigned long long)inode);
	case ENOMEM:
	case ENFILE:
	case EMFILE:
		return bl_fail_errno(why, BL_NO_MEMORY, "cannot open node %llu of the directory",
				     (unsigned long long)inode);
	default:
		return bl_fail_errno(why, BL_IO, "cannot open node %llu of the directory",
				     (unsigned long long)inode);
	}
}

/* Root first; the nodes themselves never move and never change. */
static enum bl_status chain_of(struct directory *d, uint64_t inode, struct node ***out_chain,
			       size_t *out_depth)
{
	enum bl_status status = BL_OK;
	struct node **chain = NULL;
	size_t depth = 0;

	pthread_rwlock_rdlock(&d->lock);
	if (inode == 0 || inode > d->count)
		status = BL_NOT_FOUND;
	else
		for (uint64_t i = inode; i != ROOT_INODE; i = d->nodes[i - 1]->parent)
			depth++;
	if (depth > DEPTH_LIMIT)
		status = BL_TOO_LARGE;
	if (status == BL_OK) {
		chain = malloc((depth + 1) * sizeof(struct node *));
		if (!chain)
			status = BL_NO_MEMORY;
	}
	if (chain) {
		uint64_t at = inode;

		for (size_t i = depth; i > 0; i--, at = d->nodes[at - 1]->parent)
			chain[i - 1] = d->nodes[at - 1];
		*out_chain = chain;
		*out_depth = depth;
	}
	pthread_rwlock_unlock(&d->lock);
	return status;
}

/* As many names of the chain as fit into one path; returns how many. */
static size_t join(struct node **chain, size_t depth, char *path)
{
	size_t used = 0, i = 0;

	for (; i < depth && used + chain[i]->length + 2 <= WALK_BYTES; i++) {
		if (i > 0)
			path[used++] = '/';
		memcpy(path + used, chain[i]->name, chain[i]->length);
		used += chain[i]->length;
	}
	if (depth == 0)
		path[used++] = '.';
	path[used] = '\0';
	return i;
}

/* Paths longer than the kernel takes are walked in pieces, each beneath the last. */
static enum bl_status node_open(struct directory *d, uint64_t inode, uint64_t flags, int *out_fd,
				struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct node **chain = NULL;
	BL_CLEANUP(fd_close) int at = -1;
	char path[WALK_BYTES + 1];
	size_t depth = 0, done = 0;
	enum bl_status status = chain_of(d, inode, &chain, &depth);

	if (status != BL_OK)
		return bl_fail(why, status, "cannot open node %llu of the directory",
			       (unsigned long long)inode);
	do {
		size_t joined = join(chain + done, depth - done, path);
		bool is_last = done + joined == depth;
		int next = open_beneath(at < 0 ? d->root_fd : at, path,
					is_last ? flags : O_PATH | O_DIRECTORY);

		if (next < 0)
			return fail_open(why, inode);
		fd_close(at);
		at = next;
		done += joined;
	} while (done < depth);
	*out_fd = fd_take(&at);
	return BL_OK;
}

static int64_t nanoseconds(struct statx_timestamp t)
{
	int64_t ns;

	/* Outside 1677..2262 nanoseconds do not fit: the nearest that does. */
	if (__builtin_mul_overflow((int64_t)t.tv_sec, INT64_C(1000000000), &ns) ||
	    __builtin_add_overflow(ns, (int64_t)t.tv_nsec, &ns))
		return t.tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static void attr_of(const struct statx *x, struct image_attr *out)
{
	*out = (struct image_attr){
		.type = image_type_of(x->stx_mode),
		.mode = x->stx_mode,
		.uid = x->stx_uid,
		.gid = x->stx_gid,
		.nlink = x->stx_nlink,
		.size_bytes = x->stx_size,
		.blocks_512 = x->stx_blocks,
		.rdev_major = x->stx_rdev_major,
		.rdev_minor = x->stx_rdev_minor,
		.mtime_ns = nanoseconds(x->stx_mtime),
		.atime_ns = nanoseconds(x->stx_atime),
		.ctime_ns = nanoseconds(x->stx_ctime),
	};
}

static bool is_same_mount(const struct directory *d, const struct statx *x)
{
	return !d->mount_id || !(x->stx_mask & STATX_MNT_ID) || x->stx_mnt_id == d->mount_id;
}

static int stat_at(int fd, const char *name, struct statx *out)
{
	return statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH,
		     STATX_BASIC_STATS | STATX_MNT_ID, out);
}

static enum bl_status directory_stat(struct image *image, unsigned volume, uint64_t inode,
				     struct image_attr *out_attr, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	struct statx x;
	enum bl_status status = node_open(directory_of(image), inode, O_PATH, &fd, why);

	(void)volume;
	if (status != BL_OK)
		return status;
	if (stat_at(fd, "", &x) < 0)
		return bl_fail_errno(why, BL_IO, "cannot look at node %llu of the directory",
				     (unsigned long long)inode);
	attr_of(&x, out_attr);
	return BL_OK;
}

struct listing {
	struct directory *directory;
	int fd;
	uint32_t inode;
	size_t count;
	image_entry_fn *tell;
	void *context;
};

/* True in *@out_stop: the caller has enough. Entries gone meanwhile and mounts are left out. */
static enum bl_status list_one(struct listing *l, const char *name, bool *out_stop)
{
	struct image_entry entry = {.name = name, .length = strlen(name)};
	struct statx x;

	if (!image_name_ok(name, entry.length))
		return BL_OK;
	if (stat_at(l->fd, name, &x) == 0) {
		if (!is_same_mount(l->directory, &x))
			return BL_OK;
		entry.has_attr = true;
		entry.identity = x.stx_ino; /* one filesystem: never over a mount */
		attr_of(&x, &entry.attr);
	} else if (errno == ENOENT) {
		return BL_OK;
	}
	if (l->count++ >= IMAGE_ENTRIES_LIMIT)
		return BL_TOO_LARGE;
	enum bl_status status = node_add(l->directory, l->inode, name, entry.length, &entry.inode);
	if (status == BL_OK)
		*out_stop = !l->tell(l->context, &entry);
	return status;
}

static enum bl_status list_page(struct listing *l, const uint8_t *page, size_t length,
				bool *out_stop)
{
	enum bl_status status = BL_OK;

	for (size_t at = 0; at < length && status == BL_OK && !*out_stop;) {
		const struct dirent64 *d = (const struct dirent64 *)(const void *)(page + at);

		status = list_one(l, d->d_name, out_stop);
		at += d->d_reclen;
	}
	return status;
}

static enum bl_status directory_list(struct image *image, unsigned volume, uint64_t inode,
				     image_entry_fn *tell, void *context, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	_Alignas(struct dirent64) uint8_t page[LIST_BYTES];
	bool is_stopped = false;

	(void)volume;
	enum bl_status status = node_open(directory_of(image), inode,
					  O_RDONLY | O_DIRECTORY | O_NONBLOCK, &fd, why);
	if (status != BL_OK)
		return status;
	struct listing l = {directory_of(image), fd, (uint32_t)inode, 0, tell, context};
	while (status == BL_OK && !is_stopped) {
		ssize_t got = getdents64(fd, page, LIST_BYTES);

		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot list node %llu of the directory",
					     (unsigned long long)inode);
		if (got == 0)
			return BL_OK;
		status = list_page(&l, page, (size_t)got, &is_stopped);
	}
	if (status != BL_OK)
		bl_fail(why, status, "cannot list node %llu of the directory",
			(unsigned long long)inode);
	return status;
}

static enum bl_status directory_readlink(struct image *image, unsigned volume, uint64_t inode,
					 char *out, size_t size, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	struct stat st;
	enum bl_status status = node_open(directory_of(image), inode, O_PATH, &fd, why);

	(void)volume;
	if (status != BL_OK)
		return status;
	if (fstat(fd, &st) < 0)
		return fail_open(why, inode);
	if (!S_ISLNK(st.st_mode))
		return bl_fail(why, BL_INVALID, "node %llu of the directory is no link",
			       (unsigned long long)inode);
	ssize_t length = readlinkat(fd, "", out, size);
	if (length < 0)
		return bl_fail_errno(why, BL_IO, "cannot read link %llu of the directory",
				     (unsigned long long)inode);
	if ((size_t)length >= size) {
		memset(out, 0, size);
		return bl_fail(why, BL_TOO_LARGE, "the target of link %llu is too long",
			       (unsigned long long)inode);
	}
	out[length] = '\0';
	return BL_OK;
}

/* Through /proc, so that what is opened is the very inode looked at: opening a device or a FIFO
 * that was put in its place would already be an act. */
static int reopen(int path_fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static enum bl_status directory_file_open(struct image *image, unsigned volume, uint64_t inode,
					  const struct image_attr *known BL_UNUSED,
					  struct image_file **out_file, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int path_fd = -1;
	BL_CLEANUP(fd_close) int fd = -1;
	struct stat st;
	enum bl_status status = node_open(directory_of(image), inode, O_PATH, &path_fd, why);

	(void)volume;
	if (status != BL_OK)
		return status;
	if (fstat(path_fd, &st) < 0)
		return fail_open(why, inode);
	if (!S_ISREG(st.st_mode))
		return bl_fail(why, BL_INVALID, "node %llu of the directory is no regular file",
			       (unsigned long long)inode);
	fd = reopen(path_fd);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_open(why, inode);
	struct directory_file *file = calloc(1, sizeof(*file));
	if (!file)
		return bl_fail(why, BL_NO_MEMORY, "cannot open a file: out of memory");
	file->file.image = image;
	file->file.size_bytes = (uint64_t)st.st_size;
	file->mtime = st.st_mtim;
	file->fd = fd_take(&fd);
	*out_file = &file->file;
	return BL_OK;
}

static void directory_file_close(struct image_file *base)
{
	struct directory_file *file = (struct directory_file *)(void *)base;

	fd_close(file->fd);
	free(file);
}

static enum bl_status check_unchanged(const struct directory_file *file, struct bl_error *why)
{
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return bl_fail_errno(why, BL_IO, "cannot look at a file of the directory");
	if ((uint64_t)st.st_size != file->file.size_bytes ||
	    st.st_mtim.tv_sec != file->mtime.tv_sec || st.st_mtim.tv_nsec != file->mtime.tv_nsec)
		return bl_fail(why, BL_STALE, "the file has changed since it was opened");
	return BL_OK;
}

/* Looked at after the read: a change before or during it shows in both size and time. */
static enum bl_status directory_file_read(struct image_file *base, uint64_t offset, uint8_t *out,
					  size_t length, struct bl_error *why)
{
	struct directory_file *file = (struct directory_file *)(void *)base;
	enum bl_status status = image_pread(file->fd, offset, out, length, why);
	enum bl_status unchanged = check_unchanged(file, why);

	return unchanged == BL_OK ? status : unchanged;
}

static enum bl_status directory_file_seek(struct image_file *base, uint64_t offset, bool is_hole,
					  uint64_t *out_offset)
{
	struct directory_file *file = (struct directory_file *)(void *)base;
	/* Reads say where they read, so that nobody minds where the descriptor stands. */
	off_t found = lseek(file->fd, (off_t)offset, is_hole ? SEEK_HOLE : SEEK_DATA);

	bool is_none = found < 0 && errno == ENXIO;
	enum bl_status status = check_unchanged(file, NULL);

	if (status != BL_OK)
		return status;
	if (found < 0)
		return is_none ? BL_NOT_FOUND : BL_IO;
	*out_offset = (uint64_t)found;
	return BL_OK;
}

static void directory_close(struct image *image)
{
	struct directory *d = directory_of(image);

	for (uint32_t i = 0; i < d->count; i++)
		free(d->nodes[i]);
	free(d->nodes);
	free(d->slots);
	fd_close(d->root_fd);
	pthread_rwlock_destroy(&d->lock);
	free(d);
}

static const struct image_backend DIRECTORY_BACKEND = {
	.close = directory_close,
	.list = directory_list,
	.stat = directory_stat,
	.readlink = directory_readlink,
	.file_open = directory_file_open,
	.file_close = directory_file_close,
	.file_read = directory_file_read,
	.file_seek = directory_file_seek,
};

static enum bl_status prepare(struct directory *d, int fd, struct bl_error *why)
{
	struct statx x;
	uint64_t root;

	d->root_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (d->root_fd < 0 || stat_at(d->root_fd, "", &x) < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the directory");
	if (!S_ISDIR(x.stx_mode))
		return bl_fail(why, BL_INVALID, "cannot open the directory: it is none");
	d->mount_id = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0;
	d->image.volumes = calloc(1, sizeof(*d->image.volumes));
	if (!d->image.volumes || add_locked(d, 0, "", 0, &root) != BL_OK)
		return bl_fail(why, BL_NO_MEMORY, "cannot open the directory: out of memory");
	d->image.volumes[0] = (struct image_volume){.is_readable = true, .root = root};
	d->image.volume_count = 1;
	return BL_OK;
}

enum bl_status image_directory_open(int fd, struct image **out_image, struct bl_error *why)
{
	struct directory *d = calloc(1, sizeof(*d));

	if (!d || sodium_init() < 0) {
		free(d);
		return bl_fail(why, BL_NO_MEMORY, "cannot open the directory: out of memory");
	}
	d->image.backend = &DIRECTORY_BACKEND;
	d->root_fd = -1;
	pthread_rwlock_init(&d->lock, NULL);
	randombytes_buf(d->key, sizeof(d->key));
	enum bl_status status = prepare(d, fd, why);
	if (status != BL_OK) {
		image_close(&d->image);
		return status;
	}
	*out_image = &d->image;
	return BL_OK;
}

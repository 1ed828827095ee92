/*
 * plain.c - a gate that lets everything pass, for tests and measuring only: is what fs/image and fs/serve show the truth, and how
 * fast are they?
 *
 *   bailee-plain [-f] [-o offset=BYTES,partition=N,fs=TYPE] SOURCE MOUNTPOINT
 *
 * No policy, no detection, no masks, no log. These are the functions of fs/gate/gate.h that fs/serve calls, linked in place of the
 * gate's own with the very same objects of fs/serve and fs/image, and the gate's tree of names, into build/test/bailee-plain, which is
 * never installed. A lone partition, or the one that is asked for, is the root of the mount; else every one is a folder.
 */
#include "fs/gate/private.h"
#include "fs/image/container.h"
#include "fs/image/part.h"
#include "fs/serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EPOCH	 1u /* nothing is ever taken back */
#define NO_ENTRY UINT32_MAX

struct plain {
	pthread_rwlock_t lock; /* of the tree */
	struct tree *tree;
	struct image *image;
	int fd;
	bool is_lone; /* the root is a volume's */
	unsigned lone;
};

struct plain_handle {
	struct image_file *file; /* NULL: a directory */
	uint32_t id;
};

/* What serve calls a view is this program's one and only. */
static struct plain *plain_of(struct gate_view *view)
{
	return (struct plain *)(void *)view;
}

static struct gate_view *view_of(struct plain *plain)
{
	return (struct gate_view *)(void *)plain;
}

static struct plain_handle *handle_of(uint64_t number)
{
	return (struct plain_handle *)(uintptr_t)number;
}

static int errno_of(enum bl_status status)
{
	static const int ERRORS[BL_STATUS_COUNT] = {
		[BL_NOT_FOUND] = ENOENT,
		[BL_NO_KEY] = ENOKEY,
		[BL_INVALID] = EINVAL,
		[BL_NO_MEMORY] = ENOMEM,
	};

	return status == BL_OK ? 0 : ERRORS[status] ? ERRORS[status] : EIO;
}

static void answer(struct gate_reply *reply, int error)
{
	reply->error = error;
	reply->epoch = EPOCH;
	reply->done(reply);
}

/* ---- the tree ---------------------------------------------------------------------------------- */

/* Entry 0 is node 1. Both under the lock. */
static struct entry *entry_at(const struct plain *plain, uint64_t node)
{
	return node == 0 || node > UINT32_MAX ? NULL
					      : tree_entry(plain->tree, (uint32_t)(node - 1));
}

static void attr_of(const struct plain *plain, const struct entry *entry, struct gate_attr *out)
{
	/* Two partitions may use the same number. */
	uint64_t apart = plain->is_lone ? 0 : (uint64_t)(entry->volume + 1) << 48;

	*out = (struct gate_attr){
		.node = (uint64_t)entry->id + 1,
		.inode = entry->inode ^ apart,
		.has_stat = true,
		.attr = entry->attr,
	};
}

struct collecting {
	struct fresh fresh;
	unsigned volume;
};

static bool collect(void *context, const struct image_entry *entry)
{
	struct collecting *collecting = context;
	struct image_entry copy = *entry;

	if (!entry->has_attr)
		copy.attr = (struct image_attr){.type = IMAGE_OTHER, .nlink = NO_ENTRY};
	return fresh_add(&collecting->fresh, &copy, collecting->volume, ENTRY_IMAGE);
}

static void stat_lacking(struct plain *plain, struct fresh *fresh)
{
	for (size_t i = 0; i < fresh->count; i++) {
		struct fresh_entry *item = &fresh->items[i];

		if (item->attr.nlink == NO_ENTRY &&
		    image_stat(plain->image, item->volume, item->inode, &item->attr, NULL) != BL_OK)
			item->attr.nlink = 1;
	}
}

/* What cannot be read is a folder without rights. */
static enum bl_status collect_volumes(struct plain *plain, struct fresh *fresh)
{
	for (size_t i = 0; i < image_volume_count(plain->image); i++) {
		const struct image_volume *volume = image_volume(plain->image, i);
		struct image_entry entry = {
			.inode = volume->root,
			.identity = volume->root,
			.name = volume->name,
			.length = strlen(volume->name),
			.attr = {.type = IMAGE_DIR, .mode = S_IFDIR, .nlink = 1},
		};

		if (volume->is_readable && !volume->is_left_out) {
			enum bl_status status = image_stat(plain->image, (unsigned)i, volume->root,
							   &entry.attr, NULL);

			if (status != BL_OK)
				return status;
		}
		if (!volume->is_left_out && !fresh_add(fresh, &entry, (unsigned)i, ENTRY_VOLUME))
			break;
	}
	return fresh->status;
}

static enum bl_status collect_directory(struct plain *plain, const struct entry *entry,
					struct collecting *collecting)
{
	if (entry->kind == ENTRY_DEVICE && !plain->is_lone)
		return collect_volumes(plain, &collecting->fresh);
	enum bl_status status =
		image_list(plain->image, entry->volume, entry->inode, collect, collecting, NULL);

	if (status == BL_OK)
		status = collecting->fresh.status;
	if (status == BL_OK)
		stat_lacking(plain, &collecting->fresh);
	return status;
}

/* The directory's entries are in the tree afterwards. Two may read it at once; the first one's are kept. */
static int load(struct plain *plain, uint64_t node)
{
	static const uint8_t NO_KEY[MASK_KEY];

	pthread_rwlock_rdlock(&plain->lock);
	struct entry *entry = entry_at(plain, node);
	bool is_loaded = entry && entry->load == LOAD_READY;
	bool is_directory = entry && entry->attr.type == IMAGE_DIR;

	pthread_rwlock_unlock(&plain->lock);
	if (is_loaded || !is_directory)
		return is_loaded ? 0 : entry ? ENOTDIR : ENOENT;
	/* Of an entry only `load` and its children ever change. */
	struct collecting collecting = {.volume = entry->volume};
	enum bl_status status = collect_directory(plain, entry, &collecting);

	pthread_rwlock_wrlock(&plain->lock);
	if (status == BL_OK && entry->load != LOAD_READY) {
		status = tree_install(plain->tree, entry, &collecting.fresh, NO_KEY);
		if (status == BL_OK)
			entry->load = LOAD_READY;
	}
	pthread_rwlock_unlock(&plain->lock);
	fresh_done(&collecting.fresh);
	return errno_of(status);
}

/* ---- what serve asks of a view ----------------------------------------------------------------- */

uint64_t gate_view_epoch(const struct gate_view *view BL_UNUSED)
{
	return EPOCH;
}

bool gate_view_is_revoked(const struct gate_view *view BL_UNUSED)
{
	return false;
}

void gate_view_on_change(struct gate_view *view BL_UNUSED, gate_changed_fn *changed BL_UNUSED,
			 void *context BL_UNUSED)
{
}

void gate_lookup(struct gate_view *view, const struct gate_caller *caller BL_UNUSED,
		 uint64_t parent, const char *name, struct gate_reply *reply)
{
	struct plain *plain = plain_of(view);
	int error = load(plain, parent);

	if (!error) {
		pthread_rwlock_rdlock(&plain->lock);
		const struct entry *entry =
			tree_find_name(plain->tree, (uint32_t)(parent - 1), name, strlen(name));

		if (entry)
			attr_of(plain, entry, &reply->attr);
		pthread_rwlock_unlock(&plain->lock);
		error = entry ? 0 : ENOENT;
	}
	answer(reply, error);
}

void gate_getattr(struct gate_view *view, const struct gate_caller *caller BL_UNUSED, uint64_t node,
		  struct gate_reply *reply)
{
	struct plain *plain = plain_of(view);

	pthread_rwlock_rdlock(&plain->lock);
	const struct entry *entry = entry_at(plain, node);

	if (entry)
		attr_of(plain, entry, &reply->attr);
	pthread_rwlock_unlock(&plain->lock);
	answer(reply, entry ? 0 : ENOENT);
}

/* find - what no lock is needed for afterwards: the place of a node in the image */
/* What an entry is in the image. */
struct found {
	struct image_attr attr;
	uint64_t inode;
	unsigned volume;
	uint32_t id;
};

static int find(struct plain *plain, uint64_t node, struct found *out)
{
	pthread_rwlock_rdlock(&plain->lock);
	const struct entry *entry = entry_at(plain, node);

	if (entry)
		*out = (struct found){entry->attr, entry->inode, entry->volume, entry->id};
	pthread_rwlock_unlock(&plain->lock);
	return entry ? 0 : ENOENT;
}

void gate_readlink(struct gate_view *view, const struct gate_caller *caller BL_UNUSED,
		   uint64_t node, uint8_t *buffer, size_t size, struct gate_reply *reply)
{
	struct plain *plain = plain_of(view);
	struct found found;
	int error = find(plain, node, &found);

	if (!error)
		error = errno_of(image_readlink(plain->image, found.volume, found.inode,
						(char *)buffer, size, NULL));
	reply->bytes = buffer;
	reply->length = error ? 0 : strlen((const char *)buffer);
	answer(reply, error);
}

static void open_node(struct gate_view *view, uint64_t node, bool is_file, struct gate_reply *reply)
{
	struct plain *plain = plain_of(view);
	BL_CLEANUP(bl_free) struct plain_handle *handle = calloc(1, sizeof(*handle));
	struct found found;
	int error = handle ? find(plain, node, &found) : ENOMEM;

	if (!error && is_file)
		error = errno_of(image_file_open_known(plain->image, found.volume, found.inode,
						       &found.attr, &handle->file, NULL));
	if (!error)
		handle->id = found.id;
	if (!error)
		reply->handle = (uintptr_t)BL_TAKE(handle);
	answer(reply, error);
}

void gate_open(struct gate_view *view, const struct gate_caller *caller BL_UNUSED, uint64_t node,
	       int flags, struct gate_reply *reply)
{
	if ((flags & O_ACCMODE) != O_RDONLY)
		answer(reply, EROFS);
	else
		open_node(view, node, true, reply);
}

void gate_opendir(struct gate_view *view, const struct gate_caller *caller BL_UNUSED, uint64_t node,
		  struct gate_reply *reply)
{
	open_node(view, node, false, reply);
}

void gate_read(struct gate_view *view BL_UNUSED, const struct gate_caller *caller BL_UNUSED,
	       uint64_t number, uint64_t offset, size_t size, uint8_t *buffer,
	       size_t room BL_UNUSED, struct gate_reply *reply)
{
	enum bl_status status = image_file_read(handle_of(number)->file, offset, buffer, size,
						&reply->length, NULL);

	reply->bytes = buffer;
	answer(reply, errno_of(status));
}

void gate_readdir(struct gate_view *view, const struct gate_caller *caller BL_UNUSED,
		  uint64_t number, uint64_t offset, gate_add_fn *add, void *context,
		  struct gate_reply *reply)
{
	struct plain *plain = plain_of(view);
	const struct plain_handle *handle = handle_of(number);
	int error = load(plain, (uint64_t)handle->id + 1);

	if (!error) {
		pthread_rwlock_rdlock(&plain->lock);
		const struct entry *folder = tree_entry(plain->tree, handle->id);

		for (; offset < folder->count; offset++) {
			const struct entry *entry =
				tree_entry(plain->tree, folder->first + (uint32_t)offset);
			struct gate_attr attr;

			attr_of(plain, entry, &attr);
			if (!add(context, entry->name, &attr, offset + 1))
				break;
			reply->length++;
		}
		pthread_rwlock_unlock(&plain->lock);
	}
	answer(reply, error);
}

void gate_seek(struct gate_view *view BL_UNUSED, const struct gate_caller *caller BL_UNUSED,
	       uint64_t number, uint64_t offset, bool is_hole, struct gate_reply *reply)
{
	enum bl_status status =
		image_file_seek(handle_of(number)->file, offset, is_hole, &reply->offset);

	answer(reply, status == BL_NOT_FOUND ? ENXIO : errno_of(status));
}

/* ---- extended attributes: those of the image, and none of ours ------------------------------------ */

struct gathering {
	const char *name; /* whose value is wanted; NULL: all names are */
	uint8_t *buffer;
	size_t used, size;
	int error;
};

static void gather_bytes(struct gathering *gathering, const void *bytes, size_t length)
{
	if (length > gathering->size - gathering->used) {
		gathering->error = ERANGE;
		return;
	}
	memcpy(gathering->buffer + gathering->used, bytes, length);
	gathering->used += length;
}

static bool gather(void *context, const struct image_xattr *xattr)
{
	struct gathering *gathering = context;

	if (!gathering->name) {
		gather_bytes(gathering, xattr->name, xattr->name_length);
		gather_bytes(gathering, "", 1);
	} else if (strlen(gathering->name) == xattr->name_length &&
		   memcmp(gathering->name, xattr->name, xattr->name_length) == 0) {
		gathering->error = 0;
		gather_bytes(gathering, xattr->value, xattr->length);
		return false;
	}
	return true;
}

static void answer_xattr(struct gate_view *view, uint64_t node, struct gathering *gathering,
			 struct gate_reply *reply)
{
	struct plain *plain = plain_of(view);
	struct found found;
	int error = find(plain, node, &found);

	if (!error)
		error = errno_of(image_xattrs(plain->image, found.volume, found.inode, gather,
					      gathering, NULL));
	reply->bytes = gathering->buffer;
	reply->length = gathering->used;
	/* The folder of all partitions is in none of them. */
	answer(reply, error && error != ENOENT ? error : gathering->error);
}

void gate_xattrs(struct gate_view *view, const struct gate_caller *caller BL_UNUSED, uint64_t node,
		 uint8_t *buffer, struct gate_reply *reply)
{
	struct gathering gathering = {.buffer = buffer, .size = GATE_XATTR_ROOM};

	answer_xattr(view, node, &gathering, reply);
}

void gate_xattr(struct gate_view *view, const struct gate_caller *caller BL_UNUSED, uint64_t node,
		const char *name, uint8_t *buffer, size_t size BL_UNUSED, struct gate_reply *reply)
{
	struct gathering gathering = {
		.name = name, .buffer = buffer, .size = GATE_XATTR_ROOM, .error = ENODATA};

	answer_xattr(view, node, &gathering, reply);
}

void gate_release(struct gate_view *view BL_UNUSED, uint64_t number)
{
	image_file_close(handle_of(number)->file);
	free(handle_of(number));
}

/* ---- the program ------------------------------------------------------------------------------- */

struct given {
	bool in_foreground;
	struct image_part part;
	const char *source, *mountpoint;
};

static void die(const char *what, const struct bl_error *why)
{
	fprintf(stderr, "bailee-plain: %s%s%s\n", what, why ? ": " : "", why ? why->text : "");
	exit(1);
}

static void take_options(char *text, struct given *given)
{
	struct bl_error why = {{0}};

	for (char *word; (word = strsep(&text, ","));) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		switch ((int)image_part_take(&given->part, word, value ? value : "", &why)) {
		case BL_OK:
			break;
		case BL_NOT_FOUND:
			die("unknown option (give offset=BYTES, partition=N, fs=TYPE)", NULL);
			break;
		default:
			die("-o", &why);
		}
	}
}

/* The reader lies in the folder above ours, as make puts it. */
static void reader_path(char out[PATH_MAX])
{
	static const char READER[] = "/../bailee-reader";
	ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - sizeof(READER));

	if (length <= 0)
		die("cannot find bailee-reader", NULL);
	out[length] = '\0';
	strcpy(strrchr(out, '/'), READER);
}

static void tell_trouble(void *context BL_UNUSED, unsigned volume, uint64_t inode, const char *text)
{
	fprintf(stderr, "bailee-plain: volume %u, inode %llu: %s\n", volume,
		(unsigned long long)inode, text);
}

static void open_image(struct plain *plain, const struct given *given)
{
	char reader[PATH_MAX];
	const struct image_options options = {
		.reader_path = reader,
		.on_trouble = tell_trouble,
		.part = image_part_is_whole(&given->part) ? NULL : &given->part,
	};
	struct bl_error why = {{0}};
	struct container *container = NULL;
	enum bl_status status;
	struct stat stat;

	reader_path(reader);
	plain->fd = open(given->source, O_RDONLY | O_CLOEXEC);
	if (plain->fd < 0 || fstat(plain->fd, &stat) != 0)
		die("cannot open the source", NULL);
	if (S_ISDIR(stat.st_mode))
		status = image_open(plain->fd, IMAGE_DIRECTORY, &options, &plain->image, &why);
	else
		status = container_open_beside(plain->fd, given->source, &container, &why);
	if (status == BL_OK && container)
		status = image_open_container(container, &options, &plain->image, &why);
	if (status != BL_OK)
		die("cannot open the image", &why);
}

static void choose_root(struct plain *plain)
{
	size_t asked = 0;

	for (size_t i = 0; i < image_volume_count(plain->image); i++) {
		if (!image_volume(plain->image, i)->is_left_out) {
			plain->lone = (unsigned)i;
			asked++;
		}
	}
	plain->is_lone = asked == 1;
	plain->tree = tree_new();
	if (!plain->tree)
		die("out of memory", NULL);
	if (!plain->is_lone)
		return;
	const struct image_volume *volume = image_volume(plain->image, plain->lone);
	struct entry *root = tree_entry(plain->tree, 0);
	struct bl_error why = {{0}};

	if (!volume->is_readable)
		die(volume->notice, NULL);
	root->volume = (uint16_t)plain->lone;
	root->inode = root->identity = volume->root;
	if (image_stat(plain->image, plain->lone, volume->root, &root->attr, &why) != BL_OK)
		die("cannot read the root", &why);
}

static void on_end(void *context BL_UNUSED)
{
	kill(getpid(), SIGTERM);
}

/* Blocked before any thread begins, and taken by the first one only. */
static int run(const struct given *given, int ready_fd)
{
	struct plain plain = {.fd = -1};
	const struct serve_options options = {
		.fuse_fd = -1, .mountpoint = given->mountpoint, .on_end = on_end};
	struct serve *serve;
	struct bl_error why = {{0}};
	sigset_t ends;
	int which;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		die("libsodium does not start", NULL);
	pthread_rwlock_init(&plain.lock, NULL);
	open_image(&plain, given);
	choose_root(&plain);
	if (serve_start(view_of(&plain), &options, &serve, &why) != BL_OK)
		die("cannot serve", &why);
	puts("no policy, no masks, no log: for tests only");
	fflush(stdout);
	if (ready_fd >= 0 && write(ready_fd, "", 1) == 1) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		for (int fd = 0; fd <= 2 && null >= 0; fd++)
			dup2(null, fd);
		fd_close(null);
		fd_close(ready_fd);
	}
	sigwait(&ends, &which);
	serve_stop(serve);
	image_close(plain.image);
	tree_free(plain.tree);
	fd_close(plain.fd);
	pthread_rwlock_destroy(&plain.lock);
	return 0;
}

static int run_in_background(const struct given *given)
{
	int ends[2], state;
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("cannot make a pipe", NULL);
	pid_t child = fork();

	if (child < 0)
		die("cannot start in the background (try -f)", NULL);
	if (child == 0) {
		fd_close(ends[0]);
		setsid();
		exit(run(given, ends[1]));
	}
	fd_close(ends[1]);
	if (read(ends[0], &byte, 1) == 1)
		return 0;
	waitpid(child, &state, 0);
	return WIFEXITED(state) ? WEXITSTATUS(state) : 1;
}

int main(int argc, char **argv)
{
	struct given given = {.in_foreground = false};
	int option;

	while ((option = getopt(argc, argv, "fo:")) != -1) {
		if (option == 'f')
			given.in_foreground = true;
		else if (option == 'o')
			take_options(optarg, &given);
		else
			return 2;
	}
	if (argc - optind != 2)
		die("use: bailee-plain [-f] [-o offset=BYTES,partition=N,fs=TYPE] SOURCE "
		    "MOUNTPOINT",
		    NULL);
	given.source = argv[optind];
	given.mountpoint = argv[optind + 1];
	return given.in_foreground ? run(&given, -1) : run_in_background(&given);
}

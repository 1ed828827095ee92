/* What the kernel keeps of what serve tells it, for how long, and how much it asks at a time: with a gate that answers by what a test says. */
#include "fs/serve/serve.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROOT = 1, FILE_NODE, LINK_NODE };
#define PATIENCE  60 /* seconds after which a test that hangs is killed */
#define GIVE_UP	  20 /* seconds after which reads that are held are refused */
#define READS	  64u
#define READ_MOST SERVE_MAX_READ

/* A read that the gate has not answered yet. */
struct held {
	struct gate_reply *reply;
	uint8_t *buffer;
	uint64_t offset;
	size_t size;
};

struct fake {
	atomic_uint_fast64_t epoch;
	gate_changed_fn *changed;
	void *changed_context;
	atomic_uint lookups, getattrs, readlinks, lists;
	atomic_bool is_late; /* the view changes between a decision and its answer */
	struct serve *serve;
	int mount_fd, end_fd;
	/* So many reads are waited for before any is answered, the last one first. 0: none is */
	size_t holds, held_count;
	pthread_mutex_t lock;
	struct held held[READS];
	pthread_t watch;
	int over_fd;
};

/* What fuse_lowlevel_notify_inval_* answers instead of doing it; 0: it does it. */
static atomic_int inval_error;

static struct fake *fake_of(struct gate_view *view)
{
	return (struct fake *)(void *)view;
}

static const struct fake *const_fake_of(const struct gate_view *view)
{
	return (const struct fake *)(const void *)view;
}

/* ---- the kernel's side of taking back -------------------------------------------------------------------- */

int fuse_lowlevel_notify_inval_inode(struct fuse_session *session, fuse_ino_t node, off_t offset,
				     off_t length)
{
	int (*real)(struct fuse_session *, fuse_ino_t, off_t, off_t);
	int error = atomic_load(&inval_error);

	if (error)
		return error;
	*(void **)&real = dlsym(RTLD_NEXT, "fuse_lowlevel_notify_inval_inode");
	return real(session, node, offset, length);
}

/* ---- the gate -------------------------------------------------------------------------------------------- */

static void answer(struct fake *fake, struct gate_reply *reply, int error)
{
	reply->error = error;
	reply->epoch = atomic_load(&fake->epoch);
	if (atomic_load(&fake->is_late))
		atomic_fetch_add(&fake->epoch, 1);
	reply->done(reply);
}

static struct gate_attr attr_of(uint64_t node)
{
	static const uint32_t MODES[] = {[ROOT] = S_IFDIR | 0500,
					 [FILE_NODE] = S_IFREG | 0400,
					 [LINK_NODE] = S_IFLNK | 0777};

	return (struct gate_attr){.node = node,
				  .inode = node,
				  .has_stat = true,
				  .attr = {.mode = MODES[node],
					   .nlink = 1,
					   .size_bytes = (uint64_t)READS * READ_MOST}};
}

uint64_t gate_view_epoch(const struct gate_view *view)
{
	return atomic_load(&const_fake_of(view)->epoch);
}

bool gate_view_is_revoked(const struct gate_view *view)
{
	(void)view;
	return false;
}

void gate_view_on_change(struct gate_view *view, gate_changed_fn *changed, void *context)
{
	fake_of(view)->changed = changed;
	fake_of(view)->changed_context = context;
}

void gate_lookup(struct gate_view *view, const struct gate_caller *caller, uint64_t parent,
		 const char *name, struct gate_reply *reply)
{
	uint64_t node = strcmp(name, "file") == 0 ? FILE_NODE : LINK_NODE;

	(void)caller, (void)parent;
	atomic_fetch_add(&fake_of(view)->lookups, 1);
	reply->attr = attr_of(node);
	answer(fake_of(view), reply, 0);
}

void gate_getattr(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		  struct gate_reply *reply)
{
	(void)caller;
	atomic_fetch_add(&fake_of(view)->getattrs, node != ROOT);
	reply->attr = attr_of(node);
	answer(fake_of(view), reply, 0);
}

void gate_readlink(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		   uint8_t *buffer, size_t size, struct gate_reply *reply)
{
	(void)caller, (void)node, (void)size;
	atomic_fetch_add(&fake_of(view)->readlinks, 1);
	memcpy(buffer, "file", 5);
	reply->bytes = buffer;
	answer(fake_of(view), reply, 0);
}

void gate_open(struct gate_view *view, const struct gate_caller *caller, uint64_t node, int flags,
	       struct gate_reply *reply)
{
	(void)caller, (void)flags;
	reply->handle = node;
	answer(fake_of(view), reply, 0);
}

void gate_opendir(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		  struct gate_reply *reply)
{
	gate_open(view, caller, node, 0, reply);
}

void gate_readdir(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
		  uint64_t offset, gate_add_fn *add, void *context, struct gate_reply *reply)
{
	const struct gate_attr attr = attr_of(FILE_NODE);

	(void)caller, (void)handle;
	if (offset == 0) {
		atomic_fetch_add(&fake_of(view)->lists, 1);
		add(context, "file", &attr, 1);
	}
	answer(fake_of(view), reply, 0);
}

/* Every eight bytes say where they are. */
static void answer_read(struct fake *fake, const struct held *held)
{
	for (size_t at = 0; at < held->size; at += sizeof(uint64_t)) {
		uint64_t where = held->offset + at;

		memcpy(held->buffer + at, &where, sizeof(where));
	}
	held->reply->bytes = held->buffer;
	held->reply->length = held->size;
	answer(fake, held->reply, 0);
}

/* fake->lock is held. */
static size_t take_held(struct fake *fake, struct held ready[READS])
{
	size_t count = fake->held_count;

	memcpy(ready, fake->held, count * sizeof(ready[0]));
	fake->held_count = 0;
	return count;
}

/*
 * As many as are waited for do not come: refused, so that the test fails. A process that is killed with reads of its own mount under way
 * never ends, since nobody is left to answer them.
 */
static void *watch(void *context)
{
	struct fake *fake = context;
	struct pollfd over = {.fd = fake->over_fd, .events = POLLIN};
	struct held ready[READS];

	if (poll(&over, 1, GIVE_UP * 1000) != 0)
		return NULL;
	pthread_mutex_lock(&fake->lock);
	size_t count = take_held(fake, ready);

	fake->holds = 0;
	pthread_mutex_unlock(&fake->lock);
	while (count > 0)
		answer(fake, ready[--count].reply, EIO);
	return NULL;
}

void gate_read(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
	       uint64_t offset, size_t size, uint8_t *buffer, size_t room, struct gate_reply *reply)
{
	struct fake *fake = fake_of(view);
	struct held ready[READS];
	size_t count = 0;

	(void)caller, (void)handle, (void)room;
	pthread_mutex_lock(&fake->lock);
	bool is_held = fake->holds > 0;

	if (is_held)
		fake->held[fake->held_count++] = (struct held){reply, buffer, offset, size};
	if (is_held && fake->held_count == fake->holds)
		count = take_held(fake, ready);
	pthread_mutex_unlock(&fake->lock);
	if (!is_held)
		answer(fake, reply, EIO);
	while (count > 0)
		answer_read(fake, &ready[--count]);
}

void gate_release(struct gate_view *view, uint64_t handle)
{
	(void)view, (void)handle;
}

void gate_seek(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
	       uint64_t offset, bool is_hole, struct gate_reply *reply)
{
	(void)caller, (void)handle, (void)offset, (void)is_hole;
	answer(fake_of(view), reply, ENXIO);
}

void gate_xattrs(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		 uint8_t *buffer, struct gate_reply *reply)
{
	(void)caller, (void)node, (void)buffer;
	answer(fake_of(view), reply, ENOTSUP);
}

void gate_xattr(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		const char *name, uint8_t *buffer, size_t size, struct gate_reply *reply)
{
	(void)caller, (void)node, (void)name, (void)buffer, (void)size;
	answer(fake_of(view), reply, ENOTSUP);
}

/* ---- a mount that lies nowhere ----------------------------------------------------------------------------- */

static void on_end(void *context)
{
	eventfd_write(((const struct fake *)context)->end_fd, 1);
}

static int set_up(void **state)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	struct serve_options options = {.on_end = on_end, .context = fake};
	struct bl_error why = {{0}};

	if (!fake || geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0) {
		free(fake);
		return 0; /* the test skips */
	}
	alarm(PATIENCE);
	atomic_init(&fake->epoch, 1);
	pthread_mutex_init(&fake->lock, NULL);
	fake->over_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&fake->watch, NULL, watch, fake), 0);
	fake->end_fd = eventfd(0, EFD_CLOEXEC);
	if (serve_mount(0, 0, &fake->mount_fd, &options.fuse_fd, &why) != BL_OK ||
	    serve_start((struct gate_view *)(void *)fake, &options, &fake->serve, &why) != BL_OK)
		fail_msg("%s", why.text);
	*state = fake;
	return 0;
}

static int tear_down(void **state)
{
	struct fake *fake = *state;

	atomic_store(&inval_error, 0);
	if (!fake)
		return 0;
	close(fake->mount_fd);
	serve_stop(fake->serve);
	close(fake->end_fd);
	eventfd_write(fake->over_fd, 1);
	pthread_join(fake->watch, NULL);
	close(fake->over_fd);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
	alarm(0);
	return 0;
}

static struct fake *given(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static int look(const struct fake *fake, const char *name)
{
	struct stat stat;

	return fstatat(fake->mount_fd, name, &stat, AT_SYMLINK_NOFOLLOW);
}

static void list(const struct fake *fake)
{
	int fd = openat(fake->mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fdopendir(fd);
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	assert_int_equal(count, 3);
	closedir(folder);
}

static void change(struct fake *fake)
{
	atomic_fetch_add(&fake->epoch, 1);
	fake->changed(fake->changed_context);
}

/* ---- what is kept ------------------------------------------------------------------------------------------ */

static void names_and_attributes_are_asked_for_once_until_they_are_taken_back(void **state)
{
	struct fake *fake = given(state);

	for (unsigned round = 1; round <= 3; round++) {
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(look(fake, "file"), 0);
		assert_int_equal(fake->lookups, round);
		assert_int_equal(fake->getattrs, 0);
		change(fake);
		while (!serve_is_settled(fake->serve))
			continue;
	}
}

static void lists_and_targets_are_asked_for_each_time(void **state)
{
	struct fake *fake = given(state);
	char target[16];

	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(readlinkat(fake->mount_fd, "link", target, sizeof(target)), 4);
		list(fake);
		assert_int_equal(fake->readlinks, i);
		assert_int_equal(fake->lists, i);
	}
}

static void what_was_decided_before_a_change_is_not_kept(void **state)
{
	struct fake *fake = given(state);

	atomic_store(&fake->is_late, true);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(look(fake, "file"), 0);
		assert_int_equal(fake->lookups, i);
	}
	/* Nor what a listing brings along. */
	list(fake);
	assert_int_equal(look(fake, "file"), 0);
	assert_int_equal(fake->lookups, 4);
	atomic_store(&fake->is_late, false);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(look(fake, "file"), 0);
	assert_int_equal(fake->lookups, 5);
}

static void what_cannot_be_taken_back_cuts_the_connection(void **state)
{
	struct fake *fake = given(state);
	eventfd_t count;

	/* The kernel has forgotten it by itself: nothing to take back. */
	assert_int_equal(look(fake, "file"), 0);
	atomic_store(&inval_error, -ENOENT);
	change(fake);
	while (!serve_is_settled(fake->serve))
		continue;
	assert_int_equal(look(fake, "link"), 0);

	atomic_store(&inval_error, -EIO);
	change(fake);
	assert_int_equal(eventfd_read(fake->end_fd, &count), 0);
	assert_int_equal(look(fake, "file"), -1);
	assert_true(errno == ENOTCONN || errno == ECONNABORTED);
}

static void nothing_in_it_is_written_run_or_opened_as_a_device(void **state)
{
	struct fake *fake = given(state);
	int fd = openat(fake->mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statvfs fs;

	assert_int_equal(fstatvfs(fd, &fs), 0);
	assert_int_equal(fs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC),
			 ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
	close(fd);
}

/* ---- how much is asked at a time ------------------------------------------------------------------------- */

/* How many of a size are served at a time: docs/serving.md, "Contents" (buffers), and "Settings of a mount". */
static const struct {
	size_t size, at_once;
} SIZES[] = {{4096, READS}, {16384, READS}, {131072, 32}, {READ_MOST, 8}};

static void assert_read(const uint8_t *bytes, size_t size, size_t index)
{
	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		uint64_t where;

		memcpy(&where, bytes + at, sizeof(where));
		if (where != index * READ_MOST + at)
			fail_msg("read %zu of %zu: byte %zu is that of %llu", index, size, at,
				 (unsigned long long)where);
	}
}

static void hold(struct fake *fake, size_t count)
{
	pthread_mutex_lock(&fake->lock);
	fake->holds = count;
	pthread_mutex_unlock(&fake->lock);
}

struct reader {
	pthread_t thread;
	int fd;
	size_t index, size;
	ssize_t got;
	uint8_t *bytes;
};

static void *read_one(void *context)
{
	struct reader *reader = context;

	reader->got =
		pread(reader->fd, reader->bytes, reader->size, (off_t)(reader->index * READ_MOST));
	return NULL;
}

/* None is answered before all are asked: a server that did them one by one would hang. */
static void reads_of_many_threads_are_under_way_at_once(void **state)
{
	struct fake *fake = given(state);
	int fd = openat(fake->mount_fd, "file", O_RDONLY | O_CLOEXEC);
	struct reader readers[READS];
	/* Of 257 pages the kernel would make two reads. */
	uint8_t *bytes = aligned_alloc(4096, (size_t)READS * READ_MOST);

	assert_true(fd >= 0 && bytes);
	for (size_t i = 0; i < BL_COUNT(SIZES); i++) {
		hold(fake, SIZES[i].at_once);
		for (size_t k = 0; k < READS; k++) {
			readers[k] = (struct reader){.fd = fd,
						     .index = k,
						     .size = SIZES[i].size,
						     .bytes = bytes + k * READ_MOST};
			assert_int_equal(
				pthread_create(&readers[k].thread, NULL, read_one, &readers[k]), 0);
		}
		size_t failed = 0;

		for (size_t k = 0; k < READS; k++) {
			pthread_join(readers[k].thread, NULL);
			failed += readers[k].got != (ssize_t)SIZES[i].size;
			if (!failed)
				assert_read(readers[k].bytes, SIZES[i].size, k);
		}
		if (failed)
			fail_msg("%zu at a time of %zu bytes: not served", SIZES[i].at_once,
				 SIZES[i].size);
	}
	free(bytes);
	close(fd);
}

/* The kernel limits what one thread asks for without waiting: SERVE_BACKGROUND, not its own dozen. */
static void reads_of_one_thread_are_under_way_at_once(void **state)
{
	struct fake *fake = given(state);
	int fd = openat(fake->mount_fd, "file", O_RDONLY | O_DIRECT | O_CLOEXEC);
	struct iocb blocks[READS] = {0}, *asked[READS];
	struct io_event came[READS];
	aio_context_t ring = 0;
	uint8_t *bytes = aligned_alloc(4096, (size_t)READS * 4096);

	if (syscall(SYS_io_setup, READS, &ring) < 0)
		skip(); /* no aio here */
	assert_true(fd >= 0 && bytes);
	hold(fake, READS);
	for (size_t k = 0; k < READS; k++) {
		blocks[k] = (struct iocb){.aio_lio_opcode = IOCB_CMD_PREAD,
					  .aio_fildes = (uint32_t)fd,
					  .aio_buf = (uint64_t)(uintptr_t)(bytes + k * 4096),
					  .aio_nbytes = 4096,
					  .aio_offset = (int64_t)(k * READ_MOST),
					  .aio_data = k};
		asked[k] = &blocks[k];
	}
	assert_int_equal(syscall(SYS_io_submit, ring, READS, asked), READS);
	assert_int_equal(syscall(SYS_io_getevents, ring, READS, READS, came, NULL), READS);
	for (size_t k = 0; k < READS; k++) {
		assert_int_equal(came[k].res, 4096);
		assert_read(bytes + k * 4096, 4096, k);
	}
	syscall(SYS_io_destroy, ring);
	free(bytes);
	close(fd);
}

#define ON_A_MOUNT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_MOUNT(names_and_attributes_are_asked_for_once_until_they_are_taken_back),
		ON_A_MOUNT(lists_and_targets_are_asked_for_each_time),
		ON_A_MOUNT(what_was_decided_before_a_change_is_not_kept),
		ON_A_MOUNT(what_cannot_be_taken_back_cuts_the_connection),
		ON_A_MOUNT(nothing_in_it_is_written_run_or_opened_as_a_device),
		ON_A_MOUNT(reads_of_many_threads_are_under_way_at_once),
		ON_A_MOUNT(reads_of_one_thread_are_under_way_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the kernel keeps of what serve tells it, and for how long: with a gate that answers by what a test says. */
#include "fs/serve/serve.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
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
#include <unistd.h>

#include <cmocka.h>

enum { ROOT = 1, FILE_NODE, LINK_NODE };
#define PATIENCE 60 /* seconds after which a test that hangs is killed */

struct fake {
	atomic_uint_fast64_t epoch;
	gate_changed_fn *changed;
	void *changed_context;
	atomic_uint lookups, getattrs, readlinks, lists;
	atomic_bool is_late; /* the view changes between a decision and its answer */
	struct serve *serve;
	int mount_fd, end_fd;
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
				  .attr = {.mode = MODES[node], .nlink = 1, .size_bytes = 4096}};
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

void gate_read(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
	       uint64_t offset, size_t size, uint8_t *buffer, size_t room, struct gate_reply *reply)
{
	(void)caller, (void)handle, (void)offset, (void)size, (void)buffer, (void)room;
	answer(fake_of(view), reply, EIO);
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

#define ON_A_MOUNT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_MOUNT(names_and_attributes_are_asked_for_once_until_they_are_taken_back),
		ON_A_MOUNT(lists_and_targets_are_asked_for_each_time),
		ON_A_MOUNT(what_was_decided_before_a_change_is_not_kept),
		ON_A_MOUNT(what_cannot_be_taken_back_cuts_the_connection),
		ON_A_MOUNT(nothing_in_it_is_written_run_or_opened_as_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A mount while one allocation or call of fs/serve and of libfuse after the other fails: what is seen through the kernel is right or an
 * honest error, a folder is whole or an error, and what is left of it afterwards is nothing.
 *
 * Behind it is a gate of this test's own (the functions of fs/gate/gate.h that serve calls), which never fails.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/serve/serve.h"

#include "tests/fault/sweep.h"

#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#define NAMES 300u /* in the folder: more than one batch of them */
#define LARGE 300000u

enum node { NODE_ROOT = GATE_ROOT, NODE_FILE, NODE_LINK, NODE_FOLDER, NODE_FIRST };

static const char TARGET[] = "file";

struct gate_view {
	atomic_ullong epoch;
	pthread_mutex_t lock;
	gate_changed_fn *changed;
	void *context;
};

struct bench {
	struct gate_view view;
	bool is_handed; /* somebody else mounts, as the service does */
	char point[64];
	struct serve *serve;
	atomic_bool has_ended;
	struct sweep_run clean, first, second;
	bool has_clean;
	uint8_t read[LARGE];
};

/* ---- a gate that never fails ------------------------------------------------------------------------- */

static uint8_t contents[LARGE];

static void answer(struct gate_view *view, struct gate_reply *reply, int error)
{
	reply->epoch = atomic_load(&view->epoch);
	reply->error = error;
	reply->done(reply);
}

static void attr_of(uint64_t node, struct gate_attr *out)
{
	bool is_folder = node == NODE_ROOT || node == NODE_FOLDER;

	*out = (struct gate_attr){.node = node, .inode = node, .has_stat = true};
	out->attr.type = is_folder ? IMAGE_DIR : node == NODE_LINK ? IMAGE_LINK : IMAGE_FILE;
	out->attr.mode = is_folder	     ? S_IFDIR | 0555
			 : node == NODE_LINK ? S_IFLNK | 0777
					     : S_IFREG | 0444;
	out->attr.nlink = 1;
	out->attr.size_bytes = node == NODE_FILE ? LARGE : node == NODE_LINK ? 4 : 0;
}

static void name_of(unsigned number, char out[64])
{
	snprintf(out, 64, "one of many files in a folder, number %04u", number);
}

uint64_t gate_view_epoch(const struct gate_view *view)
{
	return atomic_load(&view->epoch);
}

bool gate_view_is_revoked(const struct gate_view *view)
{
	(void)view;
	return false;
}

void gate_view_on_change(struct gate_view *view, gate_changed_fn *changed, void *context)
{
	pthread_mutex_lock(&view->lock);
	view->changed = changed;
	view->context = context;
	pthread_mutex_unlock(&view->lock);
}

static uint64_t node_named(uint64_t parent, const char *name)
{
	static const char *const ROOT[] = {"file", "link", "folder"};
	unsigned number = 0;
	char own[64];

	for (size_t i = 0; parent == NODE_ROOT && i < BL_COUNT(ROOT); i++)
		if (strcmp(ROOT[i], name) == 0)
			return NODE_FILE + i;
	if (parent != NODE_FOLDER || strlen(name) < 4)
		return 0;
	number = (unsigned)strtoul(name + strlen(name) - 4, NULL, 10);
	name_of(number, own);
	return number < NAMES && strcmp(own, name) == 0 ? NODE_FIRST + number : 0;
}

void gate_lookup(struct gate_view *view, const struct gate_caller *caller, uint64_t parent,
		 const char *name, struct gate_reply *reply)
{
	uint64_t node = node_named(parent, name);

	(void)caller;
	if (node)
		attr_of(node, &reply->attr);
	answer(view, reply, node ? 0 : ENOENT);
}

void gate_getattr(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		  struct gate_reply *reply)
{
	(void)caller;
	attr_of(node, &reply->attr);
	answer(view, reply, 0);
}

void gate_readlink(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		   uint8_t *buffer, size_t size, struct gate_reply *reply)
{
	(void)caller, (void)node, (void)size;
	memcpy(buffer, TARGET, sizeof(TARGET));
	reply->bytes = buffer;
	reply->length = sizeof(TARGET) - 1;
	answer(view, reply, 0);
}

void gate_open(struct gate_view *view, const struct gate_caller *caller, uint64_t node, int flags,
	       struct gate_reply *reply)
{
	(void)caller, (void)flags;
	reply->handle = node;
	answer(view, reply, 0);
}

void gate_opendir(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		  struct gate_reply *reply)
{
	gate_open(view, caller, node, 0, reply);
}

void gate_read(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
	       uint64_t offset, size_t size, uint8_t *buffer, size_t room, struct gate_reply *reply)
{
	(void)caller, (void)handle, (void)room;
	reply->bytes = buffer;
	reply->length = offset < LARGE ? BL_MIN(size, LARGE - (size_t)offset) : 0;
	memcpy(buffer, contents + (reply->length ? offset : 0), reply->length);
	answer(view, reply, 0);
}

void gate_readdir(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
		  uint64_t offset, gate_add_fn *add, void *context, struct gate_reply *reply)
{
	static const char *const ROOT[] = {"file", "link", "folder"};
	uint64_t count = handle == NODE_ROOT ? BL_COUNT(ROOT) : NAMES;
	struct gate_attr attr;
	char name[64];

	(void)caller;
	for (; offset < count; offset++) {
		if (handle == NODE_ROOT)
			strcpy(name, ROOT[offset]);
		else
			name_of((unsigned)offset, name);
		attr_of((handle == NODE_ROOT ? NODE_FILE : NODE_FIRST) + offset, &attr);
		if (!add(context, name, &attr, offset + 1))
			break;
		reply->length++;
	}
	answer(view, reply, 0);
}

void gate_xattr(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		const char *name, uint8_t *buffer, size_t size, struct gate_reply *reply)
{
	(void)caller, (void)node, (void)name, (void)size;
	memcpy(buffer, "since", 5);
	reply->bytes = buffer;
	reply->length = 5;
	answer(view, reply, 0);
}

void gate_xattrs(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		 uint8_t *buffer, struct gate_reply *reply)
{
	gate_xattr(view, caller, node, NULL, buffer, GATE_XATTR_ROOM, reply);
}

void gate_seek(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
	       uint64_t offset, bool is_hole, struct gate_reply *reply)
{
	(void)caller, (void)handle, (void)offset, (void)is_hole;
	answer(view, reply, 0);
}

void gate_release(struct gate_view *view, uint64_t handle)
{
	(void)view, (void)handle;
}

/* ---- what is seen ------------------------------------------------------------------------------------- */

static const char *at(const struct bench *bench, const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", bench->point, name);
	return path;
}

static int error_of(bool is_good)
{
	return is_good ? 0 : errno;
}

static void see_stat(struct bench *bench, struct sweep_run *run, const char *name)
{
	struct stat st;
	int error = error_of(stat(at(bench, name), &st) == 0);

	sweep_note(run, "stat", error, &st.st_size, error ? 0 : sizeof(st.st_size));
}

/* To its end, as everybody does it: a name less would be one that nobody misses. */
static void see_names(struct bench *bench, struct sweep_run *run, const char *name)
{
	DIR *directory = opendir(at(bench, name));
	const struct dirent *entry;
	uint64_t names = 0, sum = 0;
	int error = error_of(directory);
	struct stat st;

	errno = 0;
	/* Who looks at what is listed is told of all attributes with the names (READDIRPLUS). */
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		names++;
		sum += entry->d_ino;
		if (fstatat(dirfd(directory), entry->d_name, &st, 0) != 0)
			break;
		errno = 0;
	}
	if (directory)
		error = errno;
	if (directory)
		closedir(directory);
	uint64_t seen[] = {names, sum};

	sweep_note(run, name, error, seen, error ? 0 : sizeof(seen));
}

static void see_link(struct bench *bench, struct sweep_run *run)
{
	char target[64];
	ssize_t length = readlink(at(bench, "link"), target, sizeof(target));

	sweep_note(run, "readlink", error_of(length >= 0), target, length < 0 ? 0 : (size_t)length);
}

static void see_contents(struct bench *bench, struct sweep_run *run, size_t size)
{
	int fd = open(at(bench, "file"), O_RDONLY | O_CLOEXEC), error = error_of(fd >= 0);
	size_t got = 0;

	for (ssize_t more = 1; !error && more > 0 && got < LARGE; got += (size_t)more) {
		more = read(fd, bench->read + got, BL_MIN(size, LARGE - got));
		if (more < 0) {
			error = errno;
			break;
		}
	}
	if (fd >= 0)
		close(fd);
	if (memcmp(bench->read, contents, error ? 0 : got) != 0)
		sweep_fail("wrong contents");
	sweep_note(run, "contents", error, bench->read, error ? 0 : got);
}

static void see_why(struct bench *bench, struct sweep_run *run)
{
	char words[64];
	ssize_t length = getxattr(at(bench, "file"), "user.bailee.why", words, sizeof(words));

	sweep_note(run, "why", error_of(length >= 0), words, length < 0 ? 0 : (size_t)length);
}

static void see_refused(struct bench *bench, struct sweep_run *run)
{
	struct statfs what;
	struct stat st;

	sweep_note(run, "statfs", error_of(statfs(at(bench, "file"), &what) == 0), NULL, 0);
	sweep_note(run, "none", error_of(stat(at(bench, "none"), &st) == 0), NULL, 0);
	sweep_note(run, "write", error_of(truncate(at(bench, "file"), 0) == 0), NULL, 0);
}

static void change(struct bench *bench)
{
	struct gate_view *view = &bench->view;

	atomic_fetch_add(&view->epoch, 1);
	pthread_mutex_lock(&view->lock);
	if (view->changed)
		view->changed(view->context);
	pthread_mutex_unlock(&view->lock);
	while (!serve_is_settled(bench->serve))
		usleep(200);
}

static void see_all(struct bench *bench, struct sweep_run *run)
{
	run->count = 0;
	see_stat(bench, run, "file");
	see_names(bench, run, "");
	see_names(bench, run, "folder");
	see_stat(bench, run, "folder/one of many files in a folder, number 0042");
	see_link(bench, run);
	see_contents(bench, run, 4096);
	see_contents(bench, run, LARGE);
	see_why(bench, run);
	see_refused(bench, run);
	change(bench);
	see_stat(bench, run, "file");
	see_names(bench, run, "folder");
}

/* ---- a run ---------------------------------------------------------------------------------------------- */

static const int HONEST[] = {EIO, ENOMEM, ENOTCONN, ECONNABORTED, ECONNREFUSED, 0};

/* The connection is cut, as the service does it, or whoever is in it would wait for ever. It stays mounted: it is held. */
static void ended(void *context)
{
	struct bench *bench = context;

	atomic_store(&bench->has_ended, true);
	(void)umount2(bench->point, MNT_FORCE);
}

static int mount_by_hand(const struct bench *bench)
{
	char options[200];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,max_read=%u", fd, getuid(), getgid(),
		 SERVE_MAX_READ);
	if (mount("bailee", bench->point, "fuse.bailee",
		  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, options) != 0)
		sweep_fail("cannot mount: %s", strerror(errno));
	return fd;
}

static enum bl_status start(struct bench *bench)
{
	struct serve_options options = {.fuse_fd = bench->is_handed ? mount_by_hand(bench) : -1,
					.mountpoint = bench->is_handed ? NULL : bench->point,
					.threads = 2,
					.on_end = ended,
					.context = bench};
	enum bl_status status;

	sweep_armed();
	faults_on();
	status = serve_start(&bench->view, &options, &bench->serve, NULL);
	faults_off();
	return status;
}

/*
 * Is the mount over? Then that is told. But where libfuse had no memory for the kernel's first request it said so, and there are no more: whoever
 * mounted sees that.
 */
static bool is_over_and_told(const struct bench *bench)
{
	int last = bench->second.steps[bench->second.count - 1].error;

	if (last == ECONNREFUSED)
		return true;
	for (unsigned i = 0; last && !atomic_load(&bench->has_ended) && i < 10000; i++)
		usleep(1000);
	if (last && !atomic_load(&bench->has_ended))
		sweep_fail("the mount is over, and nobody was told");
	return last != 0;
}

static void run(void *context)
{
	struct bench *bench = context;
	bool is_clean = sweep.at == LONG_MAX;

	bench->serve = NULL;
	atomic_store(&bench->has_ended, false);
	enum bl_status status = start(bench);

	if (status != BL_OK && is_clean)
		sweep_fail("it does not start: %s", bl_status_name(status));
	int held = open(bench->point, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (status == BL_OK) {
		see_all(bench, &bench->first);
		faults_pause();
		if (!bench->has_clean)
			bench->clean = bench->first;
		bench->has_clean = true;
		sweep_judge(&bench->clean, &bench->first, is_clean ? NULL : HONEST);
		see_all(bench, &bench->second);
		bool is_over = is_over_and_told(bench);

		sweep_judge(&bench->clean, &bench->second, is_over ? HONEST : NULL);
		faults_resume(sweep.kind);
		faults_on();
		serve_abort(bench->serve);
		serve_stop(bench->serve);
		faults_off();
	}
	faults_pause();
	close(held);
	/* What libfuse 3.14 closes when it had no memory to mount. */
	if (!bench->is_handed && fcntl(STDIN_FILENO, F_GETFD) < 0)
		assert_int_equal(open("/dev/null", O_RDONLY), STDIN_FILENO);
	if (bench->is_handed && umount2(bench->point, MNT_DETACH) != 0)
		sweep_fail("cannot unmount: %s", strerror(errno));
	/* What was cut from outside libfuse takes for unmounted. */
	if (umount2(bench->point, MNT_DETACH) == 0 && !atomic_load(&bench->has_ended))
		sweep_fail("a mount is left");
}

static void sweep_mount(bool is_handed)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench || sodium_init() < 0)
		abort();
	for (size_t i = 0; i < LARGE; i++)
		contents[i] = (uint8_t)(i * 31 >> 3);
	bench->is_handed = is_handed;
	atomic_init(&bench->view.epoch, 1);
	pthread_mutex_init(&bench->view.lock, NULL);
	strcpy(bench->point, "/tmp/bailee-sweep-XXXXXX");
	if (!mkdtemp(bench->point))
		abort();
	sweep.kind = FAULT_KINDS;
	sweep.at = LONG_MAX;

	const struct sweep_plan plan = {is_handed ? "handed over" : "solo", run, bench, 60};

	sweep_all(&plan);
	assert_int_equal(rmdir(bench->point), 0);
	pthread_mutex_destroy(&bench->view.lock);
	free(bench);
}

static bool can_mount(void)
{
	return geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0;
}

static void a_mount_that_was_handed_over_is_right_or_an_error(void **state)
{
	(void)state;
	if (!can_mount())
		skip();
	sweep_mount(true);
}

static void a_mount_of_its_own_is_right_or_an_error(void **state)
{
	(void)state;
	if (!can_mount())
		skip();
	sweep_mount(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mount_that_was_handed_over_is_right_or_an_error),
		cmocka_unit_test(a_mount_of_its_own_is_right_or_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Destructions on a machine that loses power: in front of every call that may reach the disk the store's disk is kept as it is. On
 * each of these disks the store is opened again: without INTENT nothing has happened, with it all of it does, once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/syscall.h>

#include "tests/fault/retention.h"

#define DISKS 400 /* of one destruction */

/* ---- keeping disks: libc's calls are replaced for the whole program, so this cannot be handed around ---- */

static struct {
	pthread_mutex_t lock;
	bool is_on, is_full;
	unsigned count;
	char disk[128], folder[64];
} camera = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void disk_path(unsigned number, char out[128])
{
	snprintf(out, 128, "%s/disk-%u", camera.folder, number);
}

/* Holes stay holes. */
static bool copy_disk(const char *from, const char *to)
{
	static uint8_t bytes[1 << 16];
	int in = open(from, O_RDONLY | O_CLOEXEC),
	    out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	off_t at = 0, end;
	bool is_ok = in >= 0 && out >= 0 && ftruncate(out, STORE_SIZE) == 0;

	while (is_ok && (at = lseek(in, at, SEEK_DATA)) >= 0) {
		end = lseek(in, at, SEEK_HOLE);
		while (is_ok && at < end) {
			size_t length = BL_MIN(sizeof(bytes), (size_t)(end - at));

			is_ok = syscall(SYS_pread64, in, bytes, length, at) == (ssize_t)length &&
				syscall(SYS_pwrite64, out, bytes, length, at) == (ssize_t)length;
			at += (off_t)length;
		}
	}
	close(in);
	close(out);
	return is_ok;
}

static bool is_same(const char *one, const char *other)
{
	char *argv[] = {(char *)"cmp", (char *)"-s", (char *)one, (char *)other, NULL};

	return run_quietly(argv);
}

/* One that is as the last one is not kept. */
static void keep_disk(void)
{
	char path[128], last[128];

	pthread_mutex_lock(&camera.lock);
	if (camera.is_on) {
		camera.is_on = false; /* what is done for it is not looked at */
		disk_path(camera.count, path);
		if (camera.count == DISKS || !copy_disk(camera.disk, path)) {
			camera.is_full = true;
		} else {
			disk_path(camera.count - 1, last);
			camera.count += camera.count == 0 || !is_same(last, path);
		}
		camera.is_on = true;
	}
	pthread_mutex_unlock(&camera.lock);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	keep_disk();
	return syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	keep_disk();
	return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

int fsync(int fd)
{
	keep_disk();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	keep_disk();
	return (int)syscall(SYS_fdatasync, fd);
}

int renameat(int old_fd, const char *old, int new_fd, const char *new)
{
	keep_disk();
	return (int)syscall(SYS_renameat, old_fd, old, new_fd, new);
}

int unlinkat(int fd, const char *name, int flags)
{
	keep_disk();
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}

/* ---- losing power ------------------------------------------------------------------------------------ */

struct kind {
	enum shred_kind kind;
	int64_t now_unix;
	enum bl_status (*destroy)(const struct retention_context *context, const char *id,
				  struct bl_error *why);
	enum audit_op intent;
};

/* Destroys in a child, which leaves the disks and their number behind. */
static unsigned destroy_and_watch(struct fixture *fixture, const struct kind *kind)
{
	unsigned *count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (!fixture_open_store(fixture))
			_exit(2);

		struct retention_context context = context_of(fixture, kind->now_unix);

		snprintf(camera.disk, sizeof(camera.disk), "%.60s/vol.disk", fixture->root);
		snprintf(camera.folder, sizeof(camera.folder), "%s", fixture->root);
		camera.is_on = true;

		enum bl_status result = kind->destroy(&context, "RMA-1", NULL);

		keep_disk();
		camera.is_on = false;
		*count = camera.count;
		_exit(result == BL_OK && !camera.is_full ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	snprintf(camera.folder, sizeof(camera.folder), "%s", fixture->root);

	unsigned kept = *count;

	munmap(count, sizeof(*count));
	return kept;
}

/* Over the disk that lived on. */
static void mount_kept(struct fixture *fixture, unsigned number)
{
	char path[128], link[64], loop_path[64] = "";

	disk_path(number, path);

	int backing = open(path, O_RDWR | O_CLOEXEC), loop = loop_attach(backing);

	assert_true(loop >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", loop);
	assert_true(readlink(link, loop_path, sizeof(loop_path) - 1) > 0);
	assert_int_equal(mount(loop_path, path_of(fixture, "vol"), "ext4", 0, NULL), 0);
	close(loop);
	close(backing);
}

static bool has_key(struct fixture *fixture)
{
	uint8_t key[VAULT_KEY];
	bool is_there =
		vault_image_root(device_store_vault(fixture->store), "RMA-1", key, NULL) == BL_OK;

	sodium_memzero(key, sizeof(key));
	return is_there;
}

static void assert_destroyed(struct fixture *fixture, const struct kind *kind, const char *image)
{
	if (kind->kind == SHRED_SEALED) {
		assert_sealed_destroyed(fixture, "RMA-1");
		return;
	}
	assert_certified(fixture, "RMA-1", "~part-1.json", AUDIT_PART_INTENT, AUDIT_PART_DONE,
			 "ERASED");
	assert_part_gone(fixture, "RMA-1", image);
	assert_false(journal_is_there(fixture->store, "RMA-1", SHRED_PART));
}

/* Of a kept disk: had it begun? Then it ends, and a second recovery has nothing to do. */
static bool recover_kept(struct fixture *fixture, const struct kind *kind, const char *image)
{
	struct retention_context context = context_of(fixture, kind->now_unix);
	struct bl_error why = {.text = ""};
	size_t finished = 0;
	bool has_begun = count_events(fixture, "RMA-1", kind->intent).found > 0;

	if (retention_recover(&context, &finished, &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_int_equal(recover(fixture, kind->now_unix), 0);
	if (has_begun) {
		assert_destroyed(fixture, kind, image);
		return true;
	}
	assert_int_equal(finished, 0);
	assert_true(has_key(fixture));
	/* It can still be asked for. */
	if (kind->destroy(&context, "RMA-1", &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_destroyed(fixture, kind, image);
	return false;
}

static void lose_power_everywhere(struct fixture *fixture, const struct kind *kind,
				  const char *image)
{
	unsigned count = destroy_and_watch(fixture, kind), begun = 0;

	for (unsigned i = 0; i < count; i++) {
		char path[128];

		mount_kept(fixture, i);
		assert_true(fixture_open_store(fixture));
		begun += recover_kept(fixture, kind, image);
		fixture_close_store(fixture);
		assert_int_equal(umount2(path_of(fixture, "vol"), 0), 0);
		disk_path(i, path);
		assert_int_equal(unlink(path), 0);
	}
	print_message("%u disks, begun on %u\n", count, begun);
	/* Some of each, or nothing was tried. */
	assert_in_range(begun, 5, count - 1);
}

static void sealed_device_is_destroyed_once_whenever_the_power_goes(void **state)
{
	static const struct kind SEALED = {SHRED_SEALED, NOW, retention_shred, AUDIT_SHRED_INTENT};
	struct fixture *fixture = *state;

	READY(fixture);
	assert_true(fixture_open_store(fixture));
	assert_true(add_sealed(fixture, "RMA-1", 2, 2 << 20, true));
	fixture_close_store(fixture);
	lose_power_everywhere(fixture, &SEALED, NULL);
}

static void part_is_destroyed_once_whenever_the_power_goes(void **state)
{
	static const struct kind PART = {SHRED_PART, NOT_DUE, shred_secret, AUDIT_PART_INTENT};
	struct fixture *fixture = *state;
	char image[128], reader[PATH_MAX];

	READY(fixture);
	if (!find_reader(reader, sizeof(reader)))
		skip();
	assert_true(fixture_open_store(fixture));
	add_filesystem(fixture, "RMA-1", image);
	fixture_close_store(fixture);
	lose_power_everywhere(fixture, &PART, image);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	if (geteuid() == 0)
		fixture->has_mount = mount_volume(fixture, "ext4"); /* READY wants both */
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	fixture->has_mount = false;
	/* Of a test that failed one more lies on top. */
	fixture_close_store(fixture);
	umount2(path_of(fixture, "vol"), MNT_DETACH);
	fixture_done(fixture);
	free(fixture);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(sealed_device_is_destroyed_once_whenever_the_power_goes),
		TEST(part_is_destroyed_once_whenever_the_power_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

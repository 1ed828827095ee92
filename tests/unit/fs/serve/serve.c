#include "tests/unit/fs/gate/fixture.h"

#include "fs/serve/serve.h"

#include <dirent.h>
#include <poll.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define FUSE_MAGIC 0x65735546

struct mounted {
	struct fixture fixture;
	struct gate_view *view;
	struct serve *serve;
	char point[96];
	int end_pipe[2];    /* on_end writes here */
	int change_pipe[2]; /* on_change */
};

static const char OWNER_ROOT[] =
	"  - id: root-copies\n    permit: [list, stat, read, copy]\n    who: [master]\n"
	"    why: The tester copies the masked view.\n";

/* The mount of a test is its own process's: the policy names whoever runs it. */
static void policy_for_me(struct fixture *fixture, int serial, bool may_copy)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "bailee: 1\nname: test\nserial: %d\ntimezone: UTC\nuses: [builtin/baseline]\n"
		 "people:\n  'uid:%u': {roles: [master]}\nroles:\n  master: {}\n"
		 "detect:\n  sets: [contact, payment]\n  customer: true\n"
		 "defaults: {access: forbid, mask: fill, unscanned: withhold}\nrules:\n%s",
		 serial, (unsigned)getuid(),
		 may_copy ? OWNER_ROOT
			  : "  - id: root-looks\n    permit: [list, stat]\n    who: [master]\n"
			    "    why: The tester only looks now.\n");
	fixture_policy_text(fixture, text);
}

static void ended(void *context)
{
	struct mounted *mounted = context;

	assert_int_equal(write(mounted->end_pipe[1], "e", 1), 1);
}

static void changed(void *context)
{
	struct mounted *mounted = context;

	assert_int_equal(write(mounted->change_pipe[1], "c", 1), 1);
}

static bool can_mount(void)
{
	if (access("/dev/fuse", R_OK | W_OK) != 0)
		return false;
	/* fusermount3 mounts for people with a name only */
	return geteuid() == 0 || (access("/usr/bin/fusermount3", X_OK) == 0 && getpwuid(getuid()));
}

static int unmounted(void **state)
{
	struct mounted *mounted = *state;

	serve_stop(mounted->serve);
	if (mounted->view)
		gate_view_close(mounted->view);
	if (mounted->fixture.root[0])
		fixture_done(&mounted->fixture);
	free(mounted);
	return 0;
}

static int with_mount(void **state)
{
	struct mounted *mounted = calloc(1, sizeof(*mounted));
	struct fixture *fixture;
	struct bl_error why = {""};

	assert_non_null(mounted);
	*state = mounted;
	if (!can_mount())
		return 0;
	fixture = &mounted->fixture;
	fixture_bare(fixture);
	fixture_directory(fixture, "sub");
	fixture_text(fixture, "note.txt", "my card is 4111 1111 1111 1111, bye\n");
	fixture_text(fixture, "sub/ottoline@example.org.txt", "plain\n");
	fixture_file(fixture, "raw.bin",
		     "\x7f"
		     "ELF\0\1\2\3",
		     8);
	fixture_enroll(fixture);
	fixture_gate(fixture);
	policy_for_me(fixture, 1, true);
	mounted->view = fixture_view(fixture, getuid());
	snprintf(mounted->point, sizeof(mounted->point), "%s/mnt", fixture->root);
	assert_int_equal(mkdir(mounted->point, 0755), 0);
	assert_int_equal(pipe2(mounted->end_pipe, O_CLOEXEC), 0);
	assert_int_equal(pipe2(mounted->change_pipe, O_CLOEXEC), 0);
	struct serve_options options = {.fuse_fd = -1,
					.mountpoint = mounted->point,
					.on_end = ended,
					.on_change = changed,
					.context = mounted};

	if (serve_start(mounted->view, &options, &mounted->serve, &why) == BL_OK)
		return 0;
	fprintf(stderr, "%s\n", why.text);
	unmounted(state);
	return -1;
}

#define NEED_MOUNT(mounted)                                                                        \
	do {                                                                                       \
		if (!(mounted)->serve)                                                             \
			skip();                                                                    \
	} while (0)

static const char *at(const struct mounted *mounted, const char *path)
{
	static char full[1024];

	snprintf(full, sizeof(full), "%s/%s", mounted->point, path);
	return full;
}

static ssize_t slurp(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	ssize_t got = read(fd, out, size);

	close(fd);
	return got;
}

static void names_sizes_and_contents_come_through(void **state)
{
	struct mounted *mounted = *state;
	char text[128] = "";
	struct stat stat_before;

	NEED_MOUNT(mounted);
	assert_int_equal(stat(at(mounted, "RMA-1/note.txt"), &stat_before), 0);
	assert_int_equal(stat_before.st_size, 36);
	assert_int_equal(stat_before.st_uid, getuid());
	assert_int_equal(stat_before.st_mode & 07222, 0);
	assert_int_equal(slurp(at(mounted, "RMA-1/note.txt"), text, sizeof(text)), 36);
	assert_memory_equal(text, "my card is ", 11);
	assert_null(strstr(text, "4111"));
	assert_int_equal(slurp(at(mounted, "RMA-1/raw.bin"), text, sizeof(text)), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(slurp(at(mounted, "RMA-1/none"), text, sizeof(text)), -1);
	assert_int_equal(errno, ENOENT);
}

static size_t count_names(const char *path, char *out_last)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		strcpy(out_last, entry->d_name);
		count++;
	}
	closedir(directory);
	return count;
}

static void listings_show_masked_names_that_open(void **state)
{
	struct mounted *mounted = *state;
	char name[256] = "", path[512], text[16] = "";

	NEED_MOUNT(mounted);
	assert_int_equal(count_names(mounted->point, name), 2);
	assert_string_equal(name, "READ ME.txt");
	assert_int_equal(count_names(at(mounted, "RMA-1"), name), 3);
	assert_int_equal(count_names(at(mounted, "RMA-1/sub"), name), 1);
	assert_null(strstr(name, "ottoline"));
	snprintf(path, sizeof(path), "RMA-1/sub/%s", name);
	assert_int_equal(slurp(at(mounted, path), text, sizeof(text)), 6);
	assert_memory_equal(text, "plain\n", 6);
}

static void the_mount_is_read_only_and_says_why(void **state)
{
	struct mounted *mounted = *state;
	char text[4096] = "";
	struct statfs what;

	NEED_MOUNT(mounted);
	assert_int_equal(statfs(mounted->point, &what), 0);
	assert_int_equal(what.f_type, FUSE_MAGIC);
	assert_true(what.f_flags & ST_RDONLY);
	assert_true(what.f_flags & ST_NOSUID);
	assert_true(what.f_flags & ST_NODEV);
	assert_int_equal(open(at(mounted, "RMA-1/new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
	assert_int_equal(errno, EROFS);
	assert_true(getxattr(at(mounted, "RMA-1/note.txt"), "user.bailee.why", text,
			     sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "root-copies"));
	assert_true(getxattr(at(mounted, "RMA-1/note.txt"), "user.other", text, sizeof(text)) < 0);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(listxattr(at(mounted, "RMA-1/note.txt"), text, sizeof(text)),
			 (ssize_t)sizeof("user.bailee.why"));
}

static void the_root_says_what_may_be_done(void **state)
{
	struct mounted *mounted = *state;
	char text[4096] = "", why[4096] = "";
	struct stat stat_of;

	NEED_MOUNT(mounted);
	ssize_t length = slurp(at(mounted, "READ ME.txt"), text, sizeof(text) - 1);

	assert_true(length > 0);
	assert_non_null(strstr(text, "RMA-1:\n"));
	assert_int_equal(stat(at(mounted, "READ ME.txt"), &stat_of), 0);
	assert_int_equal(stat_of.st_size, length);
	assert_int_equal(getxattr(mounted->point, "user.bailee.why", why, sizeof(why)), length);
	assert_memory_equal(why, text, (size_t)length);
	assert_int_equal(open(at(mounted, "READ ME.txt"), O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, EROFS);
}

static void large_reads_are_whole(void **state)
{
	struct mounted *mounted = *state;
	const size_t size = (3u << 20) + 12345;
	char *wrote = malloc(size), *got = malloc(size);
	size_t at_byte = 0;

	NEED_MOUNT(mounted);
	for (size_t i = 0; i < size; i++)
		wrote[i] = i % 61 == 60 ? '\n' : (char)('a' + i * 7 % 26);
	fixture_file(&mounted->fixture, "sub/large.txt", wrote, size);
	/* The directory is not known to the view yet. */
	int fd = open(at(mounted, "RMA-1/sub/large.txt"), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (ssize_t more = 1; more > 0; at_byte += (size_t)more) {
		more = read(fd, got + at_byte, BL_MIN(size - at_byte, (size_t)(1u << 20)));
		assert_true(more >= 0);
	}
	close(fd);
	assert_int_equal(at_byte, size);
	assert_memory_equal(wrote, got, size);
	free(wrote);
	free(got);
}

/* Poll without sleeping for a fixed time: the kernel is told by another thread. */
static int open_until(const char *path, int wanted_errno)
{
	for (int i = 0; i < 5000; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0 && errno == wanted_errno)
			return wanted_errno;
		close(fd);
		usleep(1000);
	}
	return 0;
}

static void a_new_policy_reaches_names_and_pages_in_the_kernel(void **state)
{
	struct mounted *mounted = *state;
	char text[64];

	NEED_MOUNT(mounted);
	int fd = open(at(mounted, "RMA-1/note.txt"), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, text, 8, 0), 8);
	policy_for_me(&mounted->fixture, 2, false);
	assert_int_equal(pread(fd, text, 8, 0), -1);
	assert_int_equal(errno, ESTALE);
	close(fd);
	assert_int_equal(open_until(at(mounted, "RMA-1/note.txt"), EACCES), EACCES);
	/* And what is not there any more at all: a device that is due loses its name. */
	assert_int_equal(device_set_state(mounted->fixture.store, "RMA-1", STATE_DUE, 1, NULL),
			 BL_OK);
	gate_device_changed(mounted->fixture.gate, "RMA-1");
	assert_int_equal(open_until(at(mounted, "RMA-1"), ENOENT), ENOENT);
}

/* Settled when the kernel has forgotten: what is asked then is asked of us. */
static void a_change_is_told_and_reaches_the_kernel(void **state)
{
	struct mounted *mounted = *state;
	char byte;

	NEED_MOUNT(mounted);
	assert_int_equal(access(at(mounted, "RMA-1/note.txt"), F_OK), 0);
	assert_int_equal(device_set_state(mounted->fixture.store, "RMA-1", STATE_DUE, 1, NULL),
			 BL_OK);
	gate_device_changed(mounted->fixture.gate, "RMA-1");
	assert_int_equal(read(mounted->change_pipe[0], &byte, 1), 1);
	while (!serve_is_settled(mounted->serve))
		usleep(1000);
	assert_int_equal(access(at(mounted, "RMA-1/note.txt"), F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

static void an_aborted_view_answers_nothing_and_says_so(void **state)
{
	struct mounted *mounted = *state;
	char byte, text[64];

	NEED_MOUNT(mounted);
	int fd = open(at(mounted, "RMA-1/note.txt"), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	serve_abort(mounted->serve);
	assert_int_equal(read(mounted->end_pipe[0], &byte, 1), 1);
	assert_int_equal(pread(fd, text, 8, 0), -1);
	assert_true(errno == ECONNABORTED || errno == ENOTCONN);
	close(fd);
	assert_int_equal(open(at(mounted, "RMA-1"), O_RDONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, ENOTCONN);
}

static void an_unmount_from_outside_is_told(void **state)
{
	struct mounted *mounted = *state;
	char byte;

	NEED_MOUNT(mounted);
	if (geteuid() != 0)
		skip();
	assert_int_equal(umount2(mounted->point, 0), 0);
	assert_int_equal(read(mounted->end_pipe[0], &byte, 1), 1);
}

/* What was read through it may still be on its way to a screen. */
static void a_change_after_the_end_is_told(void **state)
{
	struct mounted *mounted = *state;
	char byte;

	NEED_MOUNT(mounted);
	if (geteuid() != 0)
		skip();
	assert_int_equal(umount2(mounted->point, 0), 0);
	assert_int_equal(read(mounted->end_pipe[0], &byte, 1), 1);
	assert_int_equal(device_set_state(mounted->fixture.store, "RMA-1", STATE_DUE, 1, NULL),
			 BL_OK);
	gate_device_changed(mounted->fixture.gate, "RMA-1");

	struct pollfd told = {.fd = mounted->change_pipe[0], .events = POLLIN};

	assert_int_equal(poll(&told, 1, 20000), 1);
}

/* As the daemon does it: somebody else mounts and hands the descriptor over. */
static void a_handed_over_descriptor_is_served(void **state)
{
	struct mounted *mounted = *state;
	char point[96], options[300], text[64] = "", path[160];
	struct bl_error why = {""};
	struct serve *serve = NULL;

	NEED_MOUNT(mounted);
	if (geteuid() != 0)
		skip();
	struct gate_view *view = fixture_view(&mounted->fixture, getuid());
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(point, sizeof(point), "%s/two", mounted->fixture.root);
	assert_int_equal(mkdir(point, 0755), 0);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,max_read=%u", fd, getuid(), getgid(),
		 SERVE_MAX_READ);
	assert_int_equal(mount("bailee", point, "fuse.bailee",
			       MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, options),
			 0);
	struct serve_options serve_options = {.fuse_fd = fd};

	if (serve_start(view, &serve_options, &serve, &why) != BL_OK)
		fail_msg("%s", why.text);
	snprintf(path, sizeof(path), "%s/RMA-1/note.txt", point);
	assert_int_equal(slurp(path, text, sizeof(text)), 36);
	serve_stop(serve);
	gate_view_close(view);
	assert_int_equal(slurp(path, text, sizeof(text)), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(umount2(point, 0), 0);
}

static void a_place_that_is_not_empty_is_refused(void **state)
{
	struct mounted *mounted = *state;
	struct serve *serve = NULL;
	struct bl_error why = {""};

	NEED_MOUNT(mounted);
	struct serve_options options = {.fuse_fd = -1, .mountpoint = mounted->fixture.root};

	assert_int_equal(serve_start(mounted->view, &options, &serve, &why), BL_INVALID);
	assert_non_null(strstr(why.text, "not empty"));
	options.mountpoint = "/nonexistent/place";
	assert_int_equal(serve_start(mounted->view, &options, &serve, &why), BL_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_sizes_and_contents_come_through, with_mount,
						unmounted),
		cmocka_unit_test_setup_teardown(listings_show_masked_names_that_open, with_mount,
						unmounted),
		cmocka_unit_test_setup_teardown(the_mount_is_read_only_and_says_why, with_mount,
						unmounted),
		cmocka_unit_test_setup_teardown(the_root_says_what_may_be_done, with_mount,
						unmounted),
		cmocka_unit_test_setup_teardown(large_reads_are_whole, with_mount, unmounted),
		cmocka_unit_test_setup_teardown(a_new_policy_reaches_names_and_pages_in_the_kernel,
						with_mount, unmounted),
		cmocka_unit_test_setup_teardown(a_change_is_told_and_reaches_the_kernel, with_mount,
						unmounted),
		cmocka_unit_test_setup_teardown(an_aborted_view_answers_nothing_and_says_so,
						with_mount, unmounted),
		cmocka_unit_test_setup_teardown(a_change_after_the_end_is_told, with_mount,
						unmounted),
		cmocka_unit_test_setup_teardown(an_unmount_from_outside_is_told, with_mount,
						unmounted),
		cmocka_unit_test_setup_teardown(a_handed_over_descriptor_is_served, with_mount,
						unmounted),
		cmocka_unit_test_setup_teardown(a_place_that_is_not_empty_is_refused, with_mount,
						unmounted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

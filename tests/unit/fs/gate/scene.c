/* scene.c - what a view may see of a real small ext4 image with partitions, read by the real reader */
#include "tests/unit/fs/find-program.h"
#include "tests/unit/fs/gate/fixture.h"

#include <sys/wait.h>

#define MIB (1u << 20)

struct scenery {
	struct fixture fixture;
	struct gate_view *view;
	char image[128];
	bool is_there; /* mke2fs and the reader are */
};

static bool run(const char *const argv[])
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* An MBR by hand: ext4 at 1 MiB, and 1 MiB of nothing known behind it. */
static void write_table(const char *path, uint32_t filesystem_mib)
{
	uint8_t sector[512] = {0};
	const uint32_t per_mib = MIB / 512;

	sector[446 + 4] = 0x83;
	bl_put32(sector + 446 + 8, per_mib);
	bl_put32(sector + 446 + 12, filesystem_mib * per_mib);
	sector[462 + 4] = 0x83;
	bl_put32(sector + 462 + 8, (1 + filesystem_mib) * per_mib);
	bl_put32(sector + 462 + 12, per_mib);
	sector[510] = 0x55;
	sector[511] = 0xaa;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, sector, sizeof(sector), 0), sizeof(sector));
	assert_int_equal(ftruncate(fd, (off_t)(2 + filesystem_mib) * MIB), 0);
	close(fd);
}

static bool make_image(struct scenery *scenery)
{
	struct fixture *fixture = &scenery->fixture;
	char filesystem[128], of[160], from[160];

	snprintf(filesystem, sizeof(filesystem), "%s/fs.img", fixture->root);
	snprintf(scenery->image, sizeof(scenery->image), "%s/disk.raw", fixture->root);
	const char *const mke2fs[] = {"mke2fs",	       "-q",	   "-F", "-t", "ext4", "-d",
				      fixture->source, filesystem, "8M", NULL};

	if (!run(mke2fs))
		return false;
	write_table(scenery->image, 8);
	snprintf(from, sizeof(from), "if=%s", filesystem);
	snprintf(of, sizeof(of), "of=%s", scenery->image);
	const char *const dd[] = {"dd", from, of, "bs=1M", "seek=1", "conv=notrunc", NULL};

	return run(dd);
}

static const char SCENE_RULES[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    why: Owners copy the masked view.\n"
	"  - id: closed-stays\n    forbid: [copy]\n    who: everyone\n"
	"    what: {paths: ['/closed/**']}\n    why: What lies there is closed.\n"
	"  - id: no-dates\n    forbid: [stat]\n    who: everyone\n"
	"    what: {paths: ['/open/plain.txt']}\n    why: Sizes of this one are nobody's.\n";

static int with_image(void **state)
{
	struct scenery *scenery = calloc(1, sizeof(*scenery));
	struct fixture *fixture = &scenery->fixture;
	char from[160], to[160];

	assert_non_null(scenery);
	*state = scenery;
	fixture_bare(fixture);
	fixture_directory(fixture, "open");
	fixture_directory(fixture, "open/deep");
	fixture_directory(fixture, "closed");
	fixture_text(fixture, "closed/secret.txt", "three\n");
	fixture_text(fixture, "open/plain.txt", "plain\n");
	fixture_text(fixture, "open/deep/ottoline@example.org.txt", "deep\n");
	snprintf(from, sizeof(from), "%s/closed/secret.txt", fixture->source);
	snprintf(to, sizeof(to), "%s/open/second.txt", fixture->source);
	assert_int_equal(link(from, to), 0);
	scenery->is_there =
		find_reader(fixture->reader, sizeof(fixture->reader)) && make_image(scenery);
	if (!scenery->is_there)
		return 0;
	fixture->image = scenery->image;
	fixture_enroll(fixture);
	fixture_gate(fixture);
	fixture_policy(fixture, 1, SCENE_RULES);
	scenery->view = fixture_view(fixture, UID_OWNER);
	return 0;
}

static int without_image(void **state)
{
	struct scenery *scenery = *state;

	if (scenery->view)
		gate_view_close(scenery->view);
	fixture_done(&scenery->fixture);
	free(scenery);
	return 0;
}

#define NEED_IMAGE(scenery)                                                                        \
	do {                                                                                       \
		if (!(scenery)->is_there)                                                          \
			skip();                                                                    \
	} while (0)

static int attr_of(struct gate_view *view, uint64_t node, struct gate_attr *out)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;

	waited_begin(&waited);
	gate_getattr(view, &caller, node, &waited.reply);
	int error = waited_end(&waited);

	*out = waited.reply.attr;
	return error;
}

static void partitions_are_directories_and_an_unreadable_one_has_a_notice(void **state)
{
	struct scenery *scenery = *state;
	struct listed listed;
	uint64_t handle;
	char text[512] = "";
	size_t length;

	NEED_IMAGE(scenery);
	assert_int_equal(do_list(scenery->view, walked(scenery->view, "RMA-1"), &listed), 0);
	assert_int_equal(listed.count, 2);
	assert_true(is_listed(&listed, "p1-ext4"));
	assert_true(is_listed(&listed, "p2-unreadable"));
	assert_int_equal(do_open(scenery->view, UID_OWNER,
				 walked(scenery->view, "RMA-1/p2-unreadable/NOTICE.txt"), &handle),
			 0);
	assert_int_equal(
		do_read(scenery->view, UID_OWNER, handle, 0, text, sizeof(text) - 1, 4096, &length),
		0);
	assert_non_null(strstr(text, "cannot be read"));
}

/* A forbid by any known path of a file holds on every path. */
static void another_name_of_a_forbidden_file_stays_closed(void **state)
{
	struct scenery *scenery = *state;
	uint64_t handle, node;
	struct gate_attr one, two;

	NEED_IMAGE(scenery);
	node = walked(scenery->view, "RMA-1/p1-ext4/open/second.txt");
	assert_int_equal(attr_of(scenery->view, node, &one), 0);
	uint64_t other = walked(scenery->view, "RMA-1/p1-ext4/closed/secret.txt");

	assert_int_equal(attr_of(scenery->view, other, &two), 0);
	assert_int_not_equal(one.node, two.node);
	assert_int_equal(one.inode, two.inode);
	assert_int_equal(one.attr.nlink, 2);
	assert_int_equal(do_open(scenery->view, UID_OWNER, node, &handle), EACCES);
	assert_int_equal(logged(&scenery->fixture, AUDIT_OPEN, AUDIT_DENIED, "closed-stays"), 1);
}

static void a_name_without_the_right_to_stat_has_no_size(void **state)
{
	struct scenery *scenery = *state;
	struct gate_attr attr;

	NEED_IMAGE(scenery);
	uint64_t node = walked(scenery->view, "RMA-1/p1-ext4/open/plain.txt");

	assert_int_equal(attr_of(scenery->view, node, &attr), EACCES);
	assert_int_equal(attr.attr.size_bytes, 0);
	assert_int_equal(logged(&scenery->fixture, AUDIT_STAT, AUDIT_DENIED, "no-dates"), 1);
}

static void parents_lead_only_to_what_is_permitted(void **state)
{
	struct scenery *scenery = *state;
	static const char DEEP_ONLY[] =
		"  - id: owner-deep\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
		"    what: {paths: ['/open/deep/**']}\n    why: Only what lies deep in there.\n";
	struct listed listed;
	struct gate_attr attr;
	uint64_t node;

	NEED_IMAGE(scenery);
	fixture_policy(&scenery->fixture, 2, DEEP_ONLY);
	assert_int_equal(do_list(scenery->view, walked(scenery->view, "RMA-1/p1-ext4"), &listed),
			 0);
	assert_int_equal(listed.count, 1);
	assert_true(is_listed(&listed, "open"));
	node = walked(scenery->view, "RMA-1/p1-ext4/open");
	assert_int_equal(attr_of(scenery->view, node, &attr), 0);
	assert_int_equal(attr.attr.mtime_ns, 0);
	assert_int_equal(do_list(scenery->view, node, &listed), 0);
	assert_int_equal(listed.count, 1);
	assert_int_equal(
		do_list(scenery->view, walked(scenery->view, "RMA-1/p1-ext4/open/deep"), &listed),
		0);
	assert_int_equal(listed.count, 1);
	assert_null(strstr(listed.names[0], "ottoline"));
	assert_int_equal(do_walk(scenery->view, "RMA-1/p1-ext4/open/plain.txt", &node), ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			partitions_are_directories_and_an_unreadable_one_has_a_notice, with_image,
			without_image),
		cmocka_unit_test_setup_teardown(another_name_of_a_forbidden_file_stays_closed,
						with_image, without_image),
		cmocka_unit_test_setup_teardown(a_name_without_the_right_to_stat_has_no_size,
						with_image, without_image),
		cmocka_unit_test_setup_teardown(parents_lead_only_to_what_is_permitted, with_image,
						without_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

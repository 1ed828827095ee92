/* xattr.c - extended attributes of the files of a real ext4 image, through two views */
#include "tests/unit/fs/find-program.h"
#include "tests/unit/fs/gate/fixture.h"

#include <sys/wait.h>

#define VIEW_RULES                                                                                 \
	"  - id: owner-lists\n    permit: [list, stat, read]\n    who: [owner, lead]\n"            \
	"    why: Owners and leads look.\n"                                                        \
	"  - id: no-folder\n    forbid: [list, stat]\n    who: [owner]\n"                          \
	"    what: {paths: ['/hidden/**', '/hidden']}\n    why: That is not theirs.\n"

static const char COPIES[] = VIEW_RULES
	"  - id: copies\n    permit: [copy]\n    who: [owner, lead]\n"
	"    why: They take the masked view along.\n"
	"  - id: no-pictures\n    withhold: [pdf]\n    who: everyone\n    why: Not looked into.\n"
	"  - id: lead-tail\n    mask: {card: keep-last-4}\n    who: [lead]\n"
	"    why: Cards are matched to receipts.\n";

struct pair {
	struct fixture fixture;
	struct gate_view *owner, *lead, *clerk;
	char image[128];
	bool is_there; /* mke2fs, debugfs and the reader are */
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

/* One attribute of a file of the image, as it lies there. */
static const struct given {
	const char *file, *name, *value;
	size_t length; /* 0: strlen */
} GIVEN[] = {
	{"open/note.txt", "user.comment", "from ottoline@example.org, at two", 0},
	{"open/note.txt", "user.receipt", "4111 1111 1111 1111", 0},
	{"open/note.txt", "user.phone", "five words, and a number", 0},
	{"open/note.txt", "user.com.example.password", "x", 0},
	{"open/note.txt", "user.plain", "a gooseberry", 0},
	{"open/note.txt", "user.empty", "", 0},
	{"open/note.txt", "user.binary", "one\0two", 7},
	{"open/note.txt", "user.latin", "caf\xe9 au lait, caf\xe9", 0},
	{"open/note.txt", "user.json", "{\"a\": \"gooseberry\", \"b\": [1, 2, 3]}", 0},
	{"open/note.txt", "user.by-ottoline@example.org", "mine", 0},
	{"open/note.txt", "user.bailee.why", "because", 0},
	{"open/note.txt", "user.bailee.mine", "because", 0},
	{"open/note.txt", "trusted.gooseberry", "a gooseberry", 0},
	{"open/note.txt", "security.selinux", "a gooseberry", 0},
	{"open/picture", "user.plain", "a gooseberry", 0},
	{"open/scan.pdf", "user.plain", "a gooseberry", 0},
	{"hidden/note.txt", "user.plain", "a gooseberry", 0},
	{"open", "user.plain", "a gooseberry", 0},
};

static bool put_attributes(const struct pair *pair)
{
	char commands[160], value[160];
	bool is_put = true;

	snprintf(commands, sizeof(commands), "%s/commands", pair->fixture.root);
	for (size_t i = 0; i < BL_COUNT(GIVEN) && is_put; i++) {
		const struct given *given = &GIVEN[i];
		size_t length = given->length ? given->length : strlen(given->value);

		snprintf(value, sizeof(value), "%s/value", pair->fixture.root);
		FILE *file = fopen(value, "w");

		assert_non_null(file);
		assert_int_equal(fwrite(given->value, 1, length, file), length);
		fclose(file);
		file = fopen(commands, "w");
		assert_non_null(file);
		fprintf(file, "ea_set -f %s /%s %s\n", value, given->file, given->name);
		fclose(file);
		is_put = run(
			(const char *const[]){"debugfs", "-w", "-f", commands, pair->image, NULL});
	}
	return is_put;
}

static bool make_image(struct pair *pair)
{
	const char *const mke2fs[] = {
		"mke2fs",    "-q", "-F", "-t", "ext4", "-I", "1024", "-d", pair->fixture.source,
		pair->image, "8M", NULL};

	return run(mke2fs) && put_attributes(pair);
}

static int with_attributes(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct fixture *fixture = &pair->fixture;

	assert_non_null(pair);
	*state = pair;
	fixture_bare(fixture);
	fixture_directory(fixture, "open");
	fixture_directory(fixture, "hidden");
	fixture_text(fixture, "open/note.txt", "nothing to see\n");
	fixture_text(fixture, "open/bare.txt", "nothing to see\n");
	fixture_file(fixture, "open/picture", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
	fixture_text(fixture, "open/scan.pdf", "%PDF-1.4\nnothing to see\n");
	fixture_text(fixture, "hidden/note.txt", "nothing to see\n");
	snprintf(pair->image, sizeof(pair->image), "%s/disk.raw", fixture->root);
	pair->is_there = find_reader(fixture->reader, sizeof(fixture->reader)) && make_image(pair);
	if (!pair->is_there)
		return 0;
	fixture->image = pair->image;
	fixture_end(fixture, COPIES);
	pair->owner = fixture_view(fixture, UID_OWNER);
	pair->lead = fixture_view(fixture, UID_LEAD);
	pair->clerk = fixture_view(fixture, UID_CLERK);
	return 0;
}

static int without_attributes(void **state)
{
	struct pair *pair = *state;

	if (pair->owner) {
		gate_view_close(pair->owner);
		gate_view_close(pair->lead);
		gate_view_close(pair->clerk);
	}
	fixture_done(&pair->fixture);
	free(pair);
	return 0;
}

#define NEED_IMAGE(pair)                                                                           \
	do {                                                                                       \
		if (!(pair)->is_there)                                                             \
			skip();                                                                    \
	} while (0)

#define NOTE "RMA-1/p1-ext4/open/note.txt"

static uint8_t buffer[GATE_XATTR_ROOM];

/* The value into @out with a NUL behind it; the errno. */
static int value_within(struct gate_view *view, const char *path, const char *name, size_t size,
			char *out, size_t *out_length)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;

	memset(buffer, 0x55, sizeof(buffer));
	waited_begin(&waited);
	gate_xattr(view, &caller, walked(view, path), name, buffer, size, &waited.reply);
	int error = waited_end(&waited);

	*out_length = waited.reply.length;
	out[0] = 0;
	if (waited.reply.bytes) {
		assert_true(waited.reply.length < 100);
		memcpy(out, waited.reply.bytes, waited.reply.length);
		out[waited.reply.length] = 0;
	}
	return error;
}

static int value(struct gate_view *view, const char *path, const char *name, char *out)
{
	size_t length;
	int error = value_within(view, path, name, 100, out, &length);

	assert_int_equal(length, strlen(out));
	return error;
}

/* The names, each with a '|' behind it; the errno. */
static int names(struct gate_view *view, const char *path, char *out, size_t size)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;

	waited_begin(&waited);
	gate_xattrs(view, &caller, walked(view, path), buffer, &waited.reply);
	int error = waited_end(&waited);

	out[0] = 0;
	if (error)
		return error;
	assert_true(waited.reply.length < size);
	for (size_t i = 0; i < waited.reply.length; i++)
		out[i] = buffer[i] ? (char)buffer[i] : '|';
	out[waited.reply.length] = 0;
	return 0;
}

static void names_are_listed_but_those_that_say_who(void **state)
{
	struct pair *pair = *state;
	char all[1000];

	NEED_IMAGE(pair);
	assert_int_equal(names(pair->clerk, NOTE, all, sizeof(all)), 0);
	assert_ptr_equal(strstr(all, "user.bailee.why|"), all);
	assert_null(strstr(all + 1, "user.bailee."));
	assert_non_null(strstr(all, "|user.comment|"));
	assert_non_null(strstr(all, "|user.plain|"));
	assert_null(strstr(all, "ottoline"));
	assert_null(strstr(all, "trusted."));
	assert_null(strstr(all, "security."));
	assert_int_equal(logged(&pair->fixture, AUDIT_LIST, AUDIT_PERMITTED, "clerk-lists"), 1);
}

static void where_there_are_none_nothing_is_listed_and_nothing_logged(void **state)
{
	struct pair *pair = *state;
	static const char *const PATHS[] = {"RMA-1/p1-ext4/open/bare.txt", "RMA-1/p1-ext4/open",
					    "RMA-1"};
	char all[1000];

	NEED_IMAGE(pair);
	for (size_t i = 0; i < BL_COUNT(PATHS); i++) {
		assert_int_equal(names(pair->owner, PATHS[i], all, sizeof(all)), 0);
		assert_string_equal(all, "user.bailee.why|");
	}
	assert_int_equal(logged(&pair->fixture, AUDIT_LIST, AUDIT_PERMITTED, NULL), 0);
}

static void what_is_asked_for_answers_as_documented(void **state)
{
	struct pair *pair = *state;
	static const struct {
		const char *file, *name;
		int error;
		const char *owner, *lead;
	} ROWS[] = {
		{"open/note.txt", "user.comment", 0, "from ********************, at two", NULL},
		{"open/note.txt", "user.receipt", 0, "*******************", "**** **** **** 1111"},
		{"open/note.txt", "user.phone", 0, "************************", NULL},
		{"open/note.txt", "user.com.example.password", 0, "*", NULL},
		{"open/note.txt", "user.plain", 0, "a gooseberry", NULL},
		{"open/note.txt", "user.empty", 0, "", NULL},
		{"open/note.txt", "user.binary", EACCES, "", NULL},
		{"open/note.txt", "user.latin", EACCES, "", NULL},
		{"open/note.txt", "user.json", EACCES, "", NULL},
		{"open/note.txt", "user.by-ottoline@example.org", ENODATA, "", NULL},
		{"open/note.txt", "user.bailee.mine", ENODATA, "", NULL},
		{"open/note.txt", "user.none", ENODATA, "", NULL},
		{"open/note.txt", "user.", ENODATA, "", NULL},
		{"open/note.txt", "trusted.gooseberry", ENODATA, "", NULL},
		{"open/note.txt", "security.selinux", ENODATA, "", NULL},
		{"open/note.txt", "system.posix_acl_access", ENODATA, "", NULL},
		{"open/picture", "user.plain", EACCES, "", NULL},
		{"open/scan.pdf", "user.plain", EACCES, "", NULL},
		{"open", "user.plain", ENODATA, "", NULL},
	};
	char path[64], out[101];

	NEED_IMAGE(pair);
	/* Each after the other: nothing that one was given is the other's. */
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
			const char *lead = ROWS[i].lead ? ROWS[i].lead : ROWS[i].owner;

			snprintf(path, sizeof(path), "RMA-1/p1-ext4/%s", ROWS[i].file);
			int error = value(pair->owner, path, ROWS[i].name, out);

			if (error != ROWS[i].error || strcmp(out, ROWS[i].owner) != 0)
				fail_msg("%s %s: %s, '%s'", path, ROWS[i].name, strerror(error),
					 out);
			error = value(pair->lead, path, ROWS[i].name, out);
			if (error != ROWS[i].error || strcmp(out, lead) != 0)
				fail_msg("%s %s, lead: %s, '%s'", path, ROWS[i].name,
					 strerror(error), out);
		}
	}
}

static void without_the_right_to_copy_no_value_is_told_from_one_that_is_refused(void **state)
{
	struct pair *pair = *state;
	char out[101];
	size_t length;
	uint64_t node;

	NEED_IMAGE(pair);
	assert_int_equal(value(pair->clerk, NOTE, "user.plain", out), EACCES);
	assert_int_equal(value_within(pair->clerk, NOTE, "user.plain", 0, out, &length), EACCES);
	assert_int_equal(length, 0);
	assert_int_equal(logged(&pair->fixture, AUDIT_READ, AUDIT_DENIED, "default"), 2);
	/* What the node's own name would not be shown for. */
	assert_int_equal(do_walk(pair->owner, "RMA-1/p1-ext4/hidden/note.txt", &node), ENOENT);
	assert_int_equal(value(pair->lead, "RMA-1/p1-ext4/hidden/note.txt", "user.plain", out), 0);
}

/* A tool that goes through everything is no storm of page faults. */
static void refused_values_do_not_end_the_view(void **state)
{
	struct pair *pair = *state;
	char out[101];

	NEED_IMAGE(pair);
	for (int i = 0; i < 150; i++)
		assert_int_equal(value(pair->clerk, NOTE, "user.plain", out), EACCES);
	assert_false(gate_view_is_revoked(pair->clerk));
}

static void a_value_is_an_event_with_its_bytes_and_the_file(void **state)
{
	struct pair *pair = *state;
	char out[101];
	size_t length;

	NEED_IMAGE(pair);
	assert_int_equal(value(pair->owner, NOTE, "user.plain", out), 0);
	assert_int_equal(logged(&pair->fixture, AUDIT_READ, AUDIT_PERMITTED, "copies"), 1);
	/* Too little room: the length, and nothing in the buffer. */
	assert_int_equal(value_within(pair->owner, NOTE, "user.plain", 3, out, &length), 0);
	assert_int_equal(length, 12);
	assert_string_equal(out, "");
	assert_null(memmem(buffer, sizeof(buffer), "gooseberry", 10));
	assert_int_equal(value(pair->owner, NOTE, "user.binary", out), EACCES);
	assert_null(memmem(buffer, sizeof(buffer), "two", 3));
	assert_int_equal(logged(&pair->fixture, AUDIT_READ, AUDIT_WITHHELD, "builtin/unscanned"),
			 1);
}

static void a_value_is_gone_with_the_permit(void **state)
{
	struct pair *pair = *state;
	char out[101];

	NEED_IMAGE(pair);
	assert_int_equal(value(pair->owner, NOTE, "user.plain", out), 0);
	fixture_policy(&pair->fixture, 2, VIEW_RULES);
	assert_int_equal(value(pair->owner, NOTE, "user.plain", out), EACCES);
	assert_string_equal(out, "");
	fixture_policy(&pair->fixture, 3, COPIES);
	assert_int_equal(value(pair->owner, NOTE, "user.plain", out), 0);
}

static void a_broken_log_gives_no_value(void **state)
{
	struct pair *pair = *state;
	struct gate_caller caller = caller_uid(UID_OWNER);
	struct waited waited;

	NEED_IMAGE(pair);
	uint64_t node = walked(pair->owner, NOTE);

	atomic_store(&pair->fixture.is_sync_broken, true);
	waited_begin(&waited);
	gate_xattr(pair->owner, &caller, node, "user.plain", buffer, 100, &waited.reply);
	assert_int_equal(waited_end(&waited), EIO);
	assert_null(waited.reply.bytes);
	assert_int_equal(waited.reply.length, 0);
}

static const char LIMITED[] =
	VIEW_RULES "  - id: copies\n    permit: [copy]\n    who: [owner, lead]\n"
		   "    limits: {files: 2 per day, bytes: 20 per day}\n    why: Not too many.\n";

static void recount(struct fixture *fixture)
{
	int fd = openat(device_store_fd(fixture->store), "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(gate_recount(fixture->gate, fd, NULL), BL_OK);
	close(fd);
}

static void a_value_counts_as_a_file_and_its_bytes_also_after_a_restart(void **state)
{
	struct pair *pair = *state;
	char out[101];
	size_t length;

	NEED_IMAGE(pair);
	fixture_policy(&pair->fixture, 2, LIMITED);
	/* Lengths and what is not given cost nothing. */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(value_within(pair->owner, NOTE, "user.plain", 0, out, &length), 0);
		assert_int_equal(length, 12);
		assert_int_equal(value(pair->owner, NOTE, "user.binary", out), EACCES);
		assert_int_equal(value(pair->owner, NOTE, "user.none", out), ENODATA);
	}
	assert_int_equal(value(pair->owner, NOTE, "user.plain", out), 0);
	assert_int_equal(value(pair->owner, NOTE, "user.plain", out), 0);
	assert_int_equal(value(pair->owner, NOTE, "user.plain", out), EACCES);
	assert_int_equal(logged(&pair->fixture, AUDIT_READ, AUDIT_DENIED, "limit"), 1);
	assert_int_equal(value(pair->lead, NOTE, "user.plain", out), 0);
	gate_view_close(pair->owner);
	gate_view_close(pair->lead);
	gate_view_close(pair->clerk);
	pair->owner = NULL;
	fixture_restart(&pair->fixture);
	fixture_policy(&pair->fixture, 3, LIMITED);
	recount(&pair->fixture);
	struct gate_view *owner = fixture_view(&pair->fixture, UID_OWNER);
	struct gate_view *lead = fixture_view(&pair->fixture, UID_LEAD);

	assert_int_equal(value(owner, NOTE, "user.plain", out), EACCES);
	assert_int_equal(value(lead, NOTE, "user.plain", out), 0);
	assert_int_equal(value(lead, NOTE, "user.plain", out), EACCES);
	gate_view_close(owner);
	gate_view_close(lead);
}

#define WITH_ATTRIBUTES(test)                                                                      \
	cmocka_unit_test_setup_teardown(test, with_attributes, without_attributes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ATTRIBUTES(names_are_listed_but_those_that_say_who),
		WITH_ATTRIBUTES(where_there_are_none_nothing_is_listed_and_nothing_logged),
		WITH_ATTRIBUTES(what_is_asked_for_answers_as_documented),
		WITH_ATTRIBUTES(
			without_the_right_to_copy_no_value_is_told_from_one_that_is_refused),
		WITH_ATTRIBUTES(refused_values_do_not_end_the_view),
		WITH_ATTRIBUTES(a_value_is_an_event_with_its_bytes_and_the_file),
		WITH_ATTRIBUTES(a_value_is_gone_with_the_permit),
		WITH_ATTRIBUTES(a_broken_log_gives_no_value),
		WITH_ATTRIBUTES(a_value_counts_as_a_file_and_its_bytes_also_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

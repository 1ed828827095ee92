/* Anchors: a note is somewhere else or the state says that it is not, and nobody waits for anybody. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/anchor.h"
#include "tests/unit/fs/audit/scratch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define LOG_ID	   "00112233445566778899aabbccddeeff"
#define OTHER_LOG  "ffeeddccbbaa99887766554433221100"
#define CHAIN	   "c3ludGhldGljIGNoYWluLCAzMiBieXRlcyBsb25nISE="
#define KEY_ID	   "QUJDRHNpZ25hdHVyZSBvZiBub2JvZHksIDY0IGJ5dGVzIG9mIHRleHQgdGhhdCBzaWdu"
#define SIGNATURE  KEY_ID "IG5vdGhpbmcgLi4uLi4uISE="
#define ORIGIN	   "bailee.log/v1"
#define FILE_NAME  LOG_ID ".anchors"
#define HANG_GUARD 120 /* seconds: no test waits so long unless it hangs */

/* Nothing here ends by one of them unless its test shortens it. */
static const struct anchor_limits SLOW = {.command_ms = 100000,
					  .socket_ms = 100000,
					  .hang_ms = 100000,
					  .close_ms = 100000,
					  .retry_first_ms = 5,
					  .retry_last_ms = 40};

struct fixture {
	char path[32];	  /* of everything */
	char store[40];	  /* PATH/store */
	char folder[40];  /* PATH/medium */
	char more[4][96]; /* made by at() */
	int store_fd;
	sem_t changes;
	struct anchors *anchors;
	pid_t child; /* a process that a test knows of, ended in any case */
	int medium;  /* mounts made */
	char shm[64];
};

static void interrupt(int signal_number BL_UNUSED)
{
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct sigaction guard = {.sa_handler = interrupt}; /* no SA_RESTART: what waits, fails */

	if (!fixture || sigaction(SIGALRM, &guard, NULL) != 0)
		return -1;
	strcpy(fixture->path, "/tmp/bailee-test-XXXXXX");
	if (!mkdtemp(fixture->path) || sem_init(&fixture->changes, 0, 0) != 0)
		return -1;
	snprintf(fixture->store, sizeof(fixture->store), "%s/store", fixture->path);
	snprintf(fixture->folder, sizeof(fixture->folder), "%s/medium", fixture->path);
	if (mkdir(fixture->store, 0700) != 0 || mkdir(fixture->folder, 0700) != 0)
		return -1;
	fixture->store_fd = open(fixture->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	alarm(HANG_GUARD);
	*state = fixture;
	return fixture->store_fd >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	anchors_close(fixture->anchors);
	if (fixture->child > 0)
		kill(fixture->child, SIGKILL);
	while (fixture->medium-- > 0)
		umount2(fixture->folder, MNT_DETACH);
	if (fixture->shm[0])
		scratch_remove(fixture->shm);
	close(fixture->store_fd);
	scratch_remove(fixture->path);
	sem_destroy(&fixture->changes);
	free(fixture);
	return 0;
}

/* PATH/name; @slot: 0..3 */
static const char *at(struct fixture *fixture, unsigned slot, const char *name)
{
	snprintf(fixture->more[slot], sizeof(fixture->more[slot]), "%s/%s", fixture->path, name);
	return fixture->more[slot];
}

/* ---- notes ----------------------------------------------------------------------------------- */

static struct audit_checkpoint_note note_of_log(const char *log_id, uint64_t sequence)
{
	struct audit_checkpoint_note note = {.sequence = sequence,
					     .frame = sequence / 2 + 1,
					     .realtime_s = 1800000000,
					     .boottime_ns = (int64_t)(sequence % 1000) * 7 + 1};
	char text[AUDIT_NOTE + 1];
	int length = snprintf(text, sizeof(text),
			      ORIGIN "\n%s\n%020" PRIu64 "\n%020" PRIu64 "\n" CHAIN "\n%020" PRId64
				     "\n\n\xe2\x80\x94 " ORIGIN " " SIGNATURE "\n",
			      log_id, note.sequence, note.frame, note.realtime_s);

	assert_int_equal(length, AUDIT_NOTE);
	memcpy(note.text, text, AUDIT_NOTE);
	return note;
}

static struct audit_checkpoint_note note_number(uint64_t sequence)
{
	return note_of_log(LOG_ID, sequence);
}

static void put(struct fixture *fixture, uint64_t sequence)
{
	struct audit_checkpoint_note note = note_number(sequence);

	anchors_put(fixture->anchors, &note);
}

/* ---- anchors --------------------------------------------------------------------------------- */

static void count_change(void *context)
{
	sem_post(context);
}

static void begin(struct fixture *fixture, const struct anchor_limits *limits, size_t count,
		  const char *const *targets)
{
	struct bl_error why = {""};
	enum bl_status status = anchors_open_limited(targets, count, fixture->store_fd, limits,
						     &fixture->anchors, &why);

	if (status != BL_OK)
		fail_msg("cannot begin: %s", why.text);
	anchors_on_change(fixture->anchors, count_change, &fixture->changes);
}

static void begin_one(struct fixture *fixture, const char *target)
{
	begin(fixture, &SLOW, 1, &target);
}

static void end(struct fixture *fixture)
{
	anchors_close(fixture->anchors);
	fixture->anchors = NULL;
}

static void next_change(struct fixture *fixture)
{
	assert_int_equal(sem_wait(&fixture->changes), 0);
}

static struct anchor_state wait_taken(struct fixture *fixture, size_t index, uint64_t sequence)
{
	struct anchor_state state;

	for (;;) {
		anchors_state(fixture->anchors, index, &state);
		if (state.sequence >= sequence && !state.trouble[0])
			return state;
		next_change(fixture);
	}
}

/* Until its state has @words as its trouble. */
static void wait_trouble(struct fixture *fixture, size_t index, const char *words)
{
	struct anchor_state state;

	for (unsigned changes = 0;; changes++) {
		anchors_state(fixture->anchors, index, &state);
		if (strstr(state.trouble, words))
			break;
		if (changes > 500)
			fail_msg("no '%s', but: %s", words, state.trouble);
		next_change(fixture);
	}
	/* One line that names the target and the fix. */
	assert_int_equal(state.trouble[0], '\'');
	assert_null(strchr(state.trouble, '\n'));
	assert_int_equal(state.trouble[strlen(state.trouble) - 1], ')');
}

/* ---- files ----------------------------------------------------------------------------------- */

static size_t read_file(const char *folder, const char *name, char *out, size_t size)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	ssize_t got = read(fd, out, size - 1);

	close(fd);
	assert_true(got >= 0);
	out[got] = '\0';
	return (size_t)got;
}

static void write_file(const char *folder, const char *name, const char *bytes, size_t length)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static bool is_there(const char *folder, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

/* The file holds exactly the notes with these numbers; 0 ends the list */
static void assert_notes(const char *folder, const char *name, const uint64_t *sequences)
{
	char bytes[16 * AUDIT_NOTE], expected[16 * AUDIT_NOTE];
	size_t length = read_file(folder, name, bytes, sizeof(bytes)), count = 0;

	for (; sequences[count]; count++) {
		struct audit_checkpoint_note note = note_number(sequences[count]);

		memcpy(expected + count * AUDIT_NOTE, note.text, AUDIT_NOTE);
	}
	assert_int_equal(length, count * AUDIT_NOTE);
	assert_memory_equal(bytes, expected, length);
}
#define NOTES(...) ((const uint64_t[]){__VA_ARGS__, 0})

/* ---- opening --------------------------------------------------------------------------------- */

static void what_is_no_place_for_an_anchor_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char long_socket[160], long_command[ANCHOR_TARGET_BYTES + 2];
	const struct {
		const char *row, *target, *words;
	} rows[] = {
		{"nothing", "", "no such kind"},
		{"another kind", "https://anchor.example/", "no such kind"},
		{"a kind with a typing error", "sylog:", "no such kind"},
		{"a folder that is not there", at(fixture, 0, "nowhere"), "not a folder"},
		{"a file", at(fixture, 1, "file"), "not a folder"},
		{"the store", fixture->store, "in the store"},
		{"a folder in the store", at(fixture, 2, "store/log"), "in the store"},
		{"a symlink to it", at(fixture, 3, "link"), "in the store"},
		{"no command", "command:", "no command"},
		{"too long a socket", long_socket, "too long"},
		{"too long a command", long_command, "too long"},
	};

	write_file(fixture->path, "file", "x", 1);
	assert_int_equal(mkdir(rows[6].target, 0700), 0);
	assert_int_equal(symlink("store/log", rows[7].target), 0);
	memset(long_socket, 'x', sizeof(long_socket));
	memcpy(long_socket, "syslog:/", 8);
	long_socket[sizeof(long_socket) - 1] = '\0';
	memset(long_command, 'x', sizeof(long_command));
	memcpy(long_command, "command:", 8);
	long_command[sizeof(long_command) - 1] = '\0';

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct anchors *anchors = NULL;
		struct bl_error why = {""};
		enum bl_status status =
			anchors_open(&rows[i].target, 1, fixture->store_fd, &anchors, &why);

		if (status != BL_INVALID || anchors || !strstr(why.text, rows[i].words))
			fail_msg("%s: %s, '%s'", rows[i].row, bl_status_name(status), why.text);
	}
}

static void a_place_named_twice_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const char *link = at(fixture, 0, "link");
	const struct {
		const char *row, *one, *other;
	} rows[] = {
		{"a folder", fixture->folder, fixture->folder},
		{"a folder by a symlink", fixture->folder, link},
		{"syslog", "syslog:", "syslog:"},
		{"a command", "command:true", "command:true"},
	};

	assert_int_equal(symlink("medium", link), 0);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		const char *targets[] = {rows[i].one, rows[i].other};
		struct anchors *anchors = NULL;
		struct bl_error why = {""};

		if (anchors_open(targets, 2, fixture->store_fd, &anchors, &why) != BL_INVALID ||
		    !strstr(why.text, "twice"))
			fail_msg("%s: '%s'", rows[i].row, why.text);
	}
}

static void too_many_places_are_refused_and_none_is_fine(void **state)
{
	struct fixture *fixture = *state;
	char texts[ANCHOR_TARGETS + 1][24];
	const char *targets[ANCHOR_TARGETS + 1];
	struct anchors *anchors = NULL;
	struct anchor_state newest;
	struct bl_error why;

	for (size_t i = 0; i < BL_COUNT(targets); i++) {
		snprintf(texts[i], sizeof(texts[i]), "command:exit %zu", i);
		targets[i] = texts[i];
	}
	assert_int_equal(
		anchors_open(targets, BL_COUNT(targets), fixture->store_fd, &anchors, &why),
		BL_INVALID);
	assert_int_equal(anchors_open(targets, SIZE_MAX, fixture->store_fd, &anchors, &why),
			 BL_INVALID);
	assert_null(anchors);
	begin(fixture, &SLOW, ANCHOR_TARGETS, targets);
	assert_int_equal(anchors_count(fixture->anchors), ANCHOR_TARGETS);
	end(fixture);
	begin(fixture, &SLOW, 0, NULL);
	put(fixture, 1);
	assert_int_equal(anchors_count(fixture->anchors), 0);
	assert_false(anchors_newest(fixture->anchors, &newest));
}

static void closing_nothing_is_fine(void **state BL_UNUSED)
{
	anchors_close(NULL);
}

/* ---- a folder -------------------------------------------------------------------------------- */

static void a_folder_gets_each_note_behind_the_one_before(void **state)
{
	struct fixture *fixture = *state;
	const char *target = fixture->folder;
	struct anchor_state newest, taken;
	struct stat st;
	char path[128];

	/* The limits as they are for everybody. */
	assert_int_equal(anchors_open(&target, 1, fixture->store_fd, &fixture->anchors, NULL),
			 BL_OK);
	anchors_on_change(fixture->anchors, count_change, &fixture->changes);
	assert_false(anchors_newest(fixture->anchors, &newest));
	for (uint64_t i = 1; i <= 3; i++) {
		put(fixture, 10 * i);
		taken = wait_taken(fixture, 0, 10 * i);
	}
	assert_notes(fixture->folder, FILE_NAME, NOTES(10, 20, 30));
	assert_ptr_not_equal(taken.target, target);
	assert_string_equal(taken.target, target);
	assert_int_equal(taken.sequence, 30);
	assert_int_equal(taken.realtime_s, 1800000000);
	assert_int_equal(taken.boottime_ns, 211);
	assert_true(anchors_newest(fixture->anchors, &newest));
	assert_int_equal(newest.sequence, 30);
	snprintf(path, sizeof(path), "%s/" FILE_NAME, fixture->folder);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
}

static void a_relative_folder_is_the_one_it_was_when_it_was_named(void **state)
{
	struct fixture *fixture = *state;
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(chdir(fixture->path), 0);
	begin_one(fixture, "medium");
	assert_int_equal(fchdir(here), 0);
	close(here);
	put(fixture, 1);
	wait_taken(fixture, 0, 1);
	assert_notes(fixture->folder, FILE_NAME, NOTES(1));
}

static void a_torn_end_is_written_over(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *row;
		size_t length, nul_at; /* of the torn one; SIZE_MAX: no NUL in it */
		unsigned whole;	       /* notes before it */
	} ROWS[] = {
		{"nothing torn", 0, SIZE_MAX, 2},
		{"an empty file", 0, SIZE_MAX, 0},
		{"one byte", 1, SIZE_MAX, 1},
		{"one byte and no note before", 1, SIZE_MAX, 0},
		{"all but one", AUDIT_NOTE - 1, SIZE_MAX, 1},
		{"all but one, with NULs", AUDIT_NOTE - 1, 3, 1},
		{"whole length, a NUL at the end", AUDIT_NOTE, AUDIT_NOTE - 1, 1},
		{"whole length, a NUL at the beginning", AUDIT_NOTE, 0, 1},
		{"whole length, a NUL, and no note before", AUDIT_NOTE, 100, 0},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_checkpoint_note notes[] = {note_number(1), note_number(2)},
					     torn = note_number(3);
		char bytes[8 * AUDIT_NOTE], got[8 * AUDIT_NOTE];
		size_t whole = ROWS[i].whole * AUDIT_NOTE;

		memcpy(bytes, notes[0].text, AUDIT_NOTE);
		memcpy(bytes + AUDIT_NOTE, notes[1].text, AUDIT_NOTE);
		if (ROWS[i].nul_at != SIZE_MAX)
			torn.text[ROWS[i].nul_at] = '\0';
		memcpy(bytes + whole, torn.text, ROWS[i].length);
		write_file(fixture->folder, FILE_NAME, bytes, whole + ROWS[i].length);
		begin_one(fixture, fixture->folder);
		put(fixture, 9);
		wait_taken(fixture, 0, 9);
		end(fixture);
		torn = note_number(9);
		memcpy(bytes + whole, torn.text, AUDIT_NOTE);
		if (read_file(fixture->folder, FILE_NAME, got, sizeof(got)) != whole + AUDIT_NOTE ||
		    memcmp(got, bytes, whole + AUDIT_NOTE) != 0)
			fail_msg("%s: the file is not what it should be", ROWS[i].row);
	}
}

static void lay_two_nuls(const struct fixture *fixture)
{
	struct audit_checkpoint_note note = note_number(1);
	char bytes[2 * AUDIT_NOTE];

	memcpy(bytes, note.text, AUDIT_NOTE);
	memset(bytes + AUDIT_NOTE, 0, AUDIT_NOTE);
	bytes[5] = '\0';
	write_file(fixture->folder, FILE_NAME, bytes, sizeof(bytes));
}

static void lay_words(const struct fixture *fixture)
{
	char bytes[3 * AUDIT_NOTE];

	memset(bytes, 'w', sizeof(bytes));
	write_file(fixture->folder, FILE_NAME, bytes, sizeof(bytes));
}

static void lay_other_log(const struct fixture *fixture)
{
	struct audit_checkpoint_note note = note_of_log(OTHER_LOG, 1);

	write_file(fixture->folder, FILE_NAME, note.text, AUDIT_NOTE);
}

static void lay_hole(const struct fixture *fixture)
{
	char path[128];

	write_file(fixture->folder, FILE_NAME, "", 0);
	snprintf(path, sizeof(path), "%s/" FILE_NAME, fixture->folder);
	assert_int_equal(truncate(path, (off_t)AUDIT_NOTE << 32), 0);
}

static void lay_symlink(const struct fixture *fixture)
{
	char path[128];

	write_file(fixture->path, "elsewhere", "", 0);
	snprintf(path, sizeof(path), "%s/" FILE_NAME, fixture->folder);
	assert_int_equal(symlink("../elsewhere", path), 0);
}

static void lay_fifo(const struct fixture *fixture)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" FILE_NAME, fixture->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void lay_folder(const struct fixture *fixture)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" FILE_NAME, fixture->folder);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void lay_hard_link(const struct fixture *fixture)
{
	char path[128], other[128];

	snprintf(path, sizeof(path), "%s/" FILE_NAME, fixture->folder);
	snprintf(other, sizeof(other), "%s/second", fixture->path);
	write_file(fixture->folder, FILE_NAME, "", 0);
	assert_int_equal(link(path, other), 0);
}

static void lay_writable(const struct fixture *fixture)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" FILE_NAME, fixture->folder);
	write_file(fixture->folder, FILE_NAME, "", 0);
	assert_int_equal(chmod(path, 0620), 0);
}

/* A file of another user needs root; without, the row says nothing wrong. */
static void lay_of_another(const struct fixture *fixture)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" FILE_NAME, fixture->folder);
	write_file(fixture->folder, FILE_NAME, "", 0);
	if (chown(path, 61001, 61001) != 0)
		lay_words(fixture);
}

static void what_is_not_our_file_of_notes_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *row;
		void (*lay)(const struct fixture *fixture);
		const char *words;
	} ROWS[] = {
		{"other words", lay_words, "holds other things"},
		{"notes of another log", lay_other_log, "holds other things"},
		{"two torn notes", lay_two_nuls, "holds other things"},
		{"a terabyte of nothing", lay_hole, "holds other things"},
		{"a symlink", lay_symlink, "cannot open its file"},
		{"a fifo", lay_fifo, "not one of ours alone"},
		{"a folder", lay_folder, "cannot open its file"},
		{"a hard link", lay_hard_link, "not one of ours alone"},
		{"a file others may write", lay_writable, "not one of ours alone"},
		{"a file of somebody else", lay_of_another, "its file"},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct stat before, after;
		struct anchor_state told;
		char path[128];

		snprintf(path, sizeof(path), "%s/" FILE_NAME, fixture->folder);
		ROWS[i].lay(fixture);
		assert_int_equal(lstat(path, &before), 0);
		begin_one(fixture, fixture->folder);
		put(fixture, 9);
		next_change(fixture);
		anchors_state(fixture->anchors, 0, &told);
		end(fixture);
		assert_int_equal(lstat(path, &after), 0);
		if (!strstr(told.trouble, ROWS[i].words) || told.sequence != 0 ||
		    before.st_size != after.st_size || before.st_ino != after.st_ino ||
		    before.st_mtim.tv_nsec != after.st_mtim.tv_nsec)
			fail_msg("%s: '%s'", ROWS[i].row, told.trouble);
		while (sem_trywait(&fixture->changes) == 0)
			;
		assert_int_equal(remove(path), 0);
	}
	char bytes[8];

	assert_int_equal(read_file(fixture->path, "elsewhere", bytes, sizeof(bytes)), 0);
}

static void a_file_that_knows_more_than_the_log_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct audit_checkpoint_note note = note_number(7);

	write_file(fixture->folder, FILE_NAME, note.text, AUDIT_NOTE);
	begin_one(fixture, fixture->folder);
	put(fixture, 6);
	wait_trouble(fixture, 0, "was put back");
	assert_notes(fixture->folder, FILE_NAME, NOTES(7));
	/* The same record with another chain: one of the two is not this log. */
	note.text[100] = note.text[100] == 'A' ? 'B' : 'A';
	anchors_put(fixture->anchors, &note);
	next_change(fixture);
	wait_trouble(fixture, 0, "was put back");
	assert_notes(fixture->folder, FILE_NAME, NOTES(7));
	put(fixture, 8);
	wait_taken(fixture, 0, 8);
	assert_notes(fixture->folder, FILE_NAME, NOTES(7, 8));
}

static void a_note_that_is_there_already_is_not_there_twice(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned run = 0; run < 3; run++) {
		begin_one(fixture, fixture->folder);
		put(fixture, 5);
		wait_taken(fixture, 0, 5);
		end(fixture);
	}
	assert_notes(fixture->folder, FILE_NAME, NOTES(5));
}

static void a_full_medium_is_trouble_and_keeps_no_torn_note(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before, small;

	begin_one(fixture, fixture->folder);
	put(fixture, 1);
	wait_taken(fixture, 0, 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){.rlim_cur = AUDIT_NOTE + 100, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	put(fixture, 2);
	wait_trouble(fixture, 0, "make room");
	end(fixture);
	assert_notes(fixture->folder, FILE_NAME, NOTES(1));
	begin_one(fixture, fixture->folder);
	put(fixture, 2);
	wait_trouble(fixture, 0, "make room");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	wait_taken(fixture, 0, 2);
	assert_notes(fixture->folder, FILE_NAME, NOTES(1, 2));
}

/* In place of the C library's fdatasync: it can fail, and tells what lay in the file at its call. */
static struct {
	atomic_uint to_fail, calls;
	atomic_long size; /* at the last call */
} syncs;

int fdatasync(int fd)
{
	struct stat st = {0};

	atomic_fetch_add(&syncs.calls, 1);
	if (fstat(fd, &st) == 0)
		atomic_store(&syncs.size, (long)st.st_size);
	if (atomic_load(&syncs.to_fail) > 0) {
		atomic_fetch_sub(&syncs.to_fail, 1);
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static void a_note_counts_only_once_it_is_synced(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_limits limits = SLOW;

	limits.retry_first_ms = limits.retry_last_ms = 3600000;
	begin(fixture, &limits, 1, (const char *[]){fixture->folder});
	for (uint64_t i = 1; i <= 3; i++) {
		unsigned calls = atomic_load(&syncs.calls);

		put(fixture, 10 * i);
		wait_taken(fixture, 0, 10 * i);
		assert_int_equal(atomic_load(&syncs.calls), calls + 1);
		assert_int_equal(atomic_load(&syncs.size), i * AUDIT_NOTE);
	}
	atomic_store(&syncs.to_fail, 1);
	put(fixture, 40);
	wait_trouble(fixture, 0, "cannot be written: Input/output error");
	/* What the medium may not have is not in the file either, and is written anew. */
	assert_notes(fixture->folder, FILE_NAME, NOTES(10, 20, 30));
	put(fixture, 50);
	wait_taken(fixture, 0, 50);
	assert_notes(fixture->folder, FILE_NAME, NOTES(10, 20, 30, 50));
}

/* /dev/shm is a medium of its own nearly everywhere. */
static bool make_other_medium(struct fixture *fixture)
{
	struct stat here, there;

	strcpy(fixture->shm, "/dev/shm/bailee-test-XXXXXX");
	if (!mkdtemp(fixture->shm)) {
		fixture->shm[0] = '\0';
		return false;
	}
	return stat(fixture->store, &here) == 0 && stat(fixture->shm, &there) == 0 &&
	       here.st_dev != there.st_dev;
}

static void a_folder_on_the_medium_of_the_store_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_state told;

	if (!make_other_medium(fixture))
		skip();
	begin(fixture, &SLOW, 3, (const char *[]){fixture->folder, fixture->shm, "command:true"});
	anchors_state(fixture->anchors, 0, &told);
	assert_true(told.is_same_medium);
	anchors_state(fixture->anchors, 1, &told);
	assert_false(told.is_same_medium);
	anchors_state(fixture->anchors, 2, &told);
	assert_false(told.is_same_medium);
}

static void another_medium_in_its_place_gets_nothing(void **state)
{
	struct fixture *fixture = *state;
	const char *link = at(fixture, 0, "link");

	if (!make_other_medium(fixture))
		skip();
	assert_int_equal(symlink(fixture->shm, link), 0);
	begin_one(fixture, link);
	put(fixture, 1);
	wait_taken(fixture, 0, 1);
	assert_int_equal(unlink(link), 0);
	put(fixture, 2);
	wait_trouble(fixture, 0, "is not a folder");
	assert_int_equal(symlink(fixture->folder, link), 0);
	wait_trouble(fixture, 0, "not the medium it was");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(fixture->store, link), 0);
	wait_trouble(fixture, 0, "in the store");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(fixture->shm, link), 0);
	wait_taken(fixture, 0, 2);
	assert_notes(fixture->shm, FILE_NAME, NOTES(1, 2));
	assert_false(is_there(fixture->folder, FILE_NAME));
	assert_false(is_there(fixture->store, FILE_NAME));
}

/*
 * So that mounts of ours go with this process. Before threads are made: each has its namespace from
 * who made it. False: we may not.
 */
static bool own_namespace(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool mount_here(struct fixture *fixture, const char *type, const char *options)
{
	if (mount("test", fixture->folder, type, MS_NOSUID | MS_NODEV, options) != 0)
		return false;
	fixture->medium++;
	return true;
}

static void a_bare_mount_point_gets_nothing(void **state)
{
	struct fixture *fixture = *state;

	if (!own_namespace() || !mount_here(fixture, "tmpfs", "size=4096,mode=0700"))
		skip();
	begin_one(fixture, fixture->folder);
	put(fixture, 1);
	wait_taken(fixture, 0, 1);
	/* Nothing of ours keeps it busy. */
	assert_int_equal(umount(fixture->folder), 0);
	fixture->medium--;
	put(fixture, 2);
	wait_trouble(fixture, 0, "not the medium it was");
	assert_false(is_there(fixture->folder, FILE_NAME));
}

static void a_small_medium_takes_what_fits_and_no_torn_note(void **state)
{
	struct fixture *fixture = *state;
	char bytes[32 * AUDIT_NOTE];

	if (!own_namespace() || !mount_here(fixture, "tmpfs", "size=4096,mode=0700"))
		skip();
	begin_one(fixture, fixture->folder);
	for (uint64_t i = 1; i <= 4096 / AUDIT_NOTE; i++) {
		put(fixture, i);
		wait_taken(fixture, 0, i);
	}
	put(fixture, 100);
	wait_trouble(fixture, 0, "No space left");
	end(fixture);
	assert_int_equal(read_file(fixture->folder, FILE_NAME, bytes, sizeof(bytes)),
			 4096 / AUDIT_NOTE * AUDIT_NOTE);
}

/* ---- syslog ---------------------------------------------------------------------------------- */

static int listen_at(struct fixture *fixture, int type, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", fixture->path,
			     name) < (int)sizeof(address.sun_path));
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* RFC 5424 by hand: what must be in which place. */
static void assert_message(const char *message, uint64_t sequence)
{
	static const char SHAPE[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	char host[256], tail[700], after[700];
	const char *timestamp = message + strlen("<109>1 ");
	struct tm utc = {0};

	assert_memory_equal(message, "<109>1 ", strlen("<109>1 "));
	for (size_t i = 0; i < strlen(SHAPE); i++) {
		if (SHAPE[i] == 'd' ? timestamp[i] < '0' || timestamp[i] > '9'
				    : timestamp[i] != SHAPE[i])
			fail_msg("no timestamp: %s", message);
	}
	assert_non_null(strptime(timestamp, "%Y-%m-%dT%H:%M:%S", &utc));
	assert_in_range(timegm(&utc), time(NULL) - HANG_GUARD, time(NULL) + 1);
	assert_int_equal(sscanf(timestamp + strlen(SHAPE), " %255s %699[^\n]", host, tail), 2);
	snprintf(after, sizeof(after),
		 "bailee %ld checkpoint [bailee@32473 log=\"" LOG_ID "\" sequence=\"%" PRIu64
		 "\" frame=\"%" PRIu64 "\" chain=\"" CHAIN "\" time=\"1800000000\" "
		 "signature=\"" SIGNATURE "\"] bailee checkpoint",
		 (long)getpid(), sequence, sequence / 2 + 1);
	assert_string_equal(tail, after);
}

static void syslog_gets_one_datagram_with_the_note_in_its_data(void **state)
{
	struct fixture *fixture = *state;
	char target[64], message[2048];
	int fd = listen_at(fixture, SOCK_DGRAM, "log");

	snprintf(target, sizeof(target), "syslog:%s/log", fixture->path);
	begin_one(fixture, target);
	for (uint64_t i = 1; i <= 2; i++) {
		put(fixture, 1000 * i);
		ssize_t got = recv(fd, message, sizeof(message) - 1, 0);

		assert_true(got > 0);
		message[got] = '\0';
		assert_message(message, 1000 * i);
		wait_taken(fixture, 0, 1000 * i);
	}
	close(fd);
}

static size_t receive_stream(int listener, char *out, size_t size)
{
	int fd = accept(listener, NULL, NULL);
	size_t length = 0;
	ssize_t got;

	if (fd < 0)
		return 0;
	while ((got = read(fd, out + length, size - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	out[length] = '\0';
	return length;
}

static void a_stream_gets_its_messages_counted(void **state)
{
	struct fixture *fixture = *state;
	char target[64], message[2048], *rest;
	int fd = listen_at(fixture, SOCK_STREAM, "log");

	snprintf(target, sizeof(target), "syslog:%s/log", fixture->path);
	begin_one(fixture, target);
	for (uint64_t i = 1; i <= 2; i++) {
		put(fixture, 70 * i);
		receive_stream(fd, message, sizeof(message));
		size_t length = strtoul(message, &rest, 10);

		assert_int_equal(*rest, ' ');
		assert_int_equal(strlen(rest + 1), length);
		assert_message(rest + 1, 70 * i);
		wait_taken(fixture, 0, 70 * i);
	}
	close(fd);
}

static void a_socket_that_comes_back_gets_the_note_without_a_new_one(void **state)
{
	struct fixture *fixture = *state;
	char target[64], message[2048];
	int fd = listen_at(fixture, SOCK_DGRAM, "log");

	snprintf(target, sizeof(target), "syslog:%s/log", fixture->path);
	begin_one(fixture, target);
	put(fixture, 1);
	assert_true(recv(fd, message, sizeof(message), 0) > 0);
	wait_taken(fixture, 0, 1);
	close(fd);
	put(fixture, 2);
	wait_trouble(fixture, 0, "cannot connect: Connection refused");
	fd = listen_at(fixture, SOCK_STREAM, "log");
	receive_stream(fd, message, sizeof(message));
	assert_message(strchr(message, ' ') + 1, 2);
	wait_taken(fixture, 0, 2);
	close(fd);
}

static void no_socket_at_all_is_trouble(void **state)
{
	struct fixture *fixture = *state;
	char target[64];

	snprintf(target, sizeof(target), "syslog:%s/log", fixture->path);
	begin_one(fixture, target);
	put(fixture, 1);
	wait_trouble(fixture, 0, "cannot connect: No such file");
}

/* Takes connections and closes them; reads what comes, or not. */
struct receiver {
	int listener;
	bool is_deaf;
	pthread_t thread;
};

static void *receive(void *context)
{
	const struct receiver *receiver = context;
	char message[2048];
	int fd;

	if (!receiver->is_deaf) {
		while (receive_stream(receiver->listener, message, sizeof(message)) > 0)
			;
		return NULL;
	}
	while ((fd = accept(receiver->listener, NULL, NULL)) >= 0) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};

		poll(&ready, 1, -1);
		close(fd);
	}
	return NULL;
}

static void receiver_stop(struct receiver *receiver)
{
	shutdown(receiver->listener, SHUT_RDWR);
	pthread_join(receiver->thread, NULL);
	close(receiver->listener);
}

static void who_does_not_read_has_not_taken_it(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *row;
		int type;
	} ROWS[] = {{"a stream", SOCK_STREAM}, {"datagrams", SOCK_DGRAM}};
	struct anchor_limits limits = SLOW;
	char target[64];

	limits.socket_ms = 60;
	snprintf(target, sizeof(target), "syslog:%s/log", fixture->path);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int fd = listen_at(fixture, ROWS[i].type, "log");
		struct anchor_state told;

		begin(fixture, &limits, 2, (const char *[]){target, fixture->folder});
		for (uint64_t number = 1; number <= 3; number++) {
			put(fixture, 10 * (i + 1) + number);
			/* It does not hold up the other one. */
			wait_taken(fixture, 1, 10 * (i + 1) + number);
		}
		wait_trouble(fixture, 0, "does not take it: Connection timed out");
		anchors_state(fixture->anchors, 0, &told);
		if (told.sequence != 0)
			fail_msg("%s: counts as taken", ROWS[i].row);
		end(fixture);
		close(fd);
	}
	struct receiver receiver = {.listener = listen_at(fixture, SOCK_STREAM, "log")};

	begin(fixture, &limits, 1, (const char *[]){target});
	put(fixture, 99);
	wait_trouble(fixture, 0, "does not take it");
	assert_int_equal(pthread_create(&receiver.thread, NULL, receive, &receiver), 0);
	wait_taken(fixture, 0, 99);
	receiver_stop(&receiver);
}

static void who_hangs_up_without_reading_has_not_taken_it(void **state)
{
	struct fixture *fixture = *state;
	struct receiver receiver = {.listener = listen_at(fixture, SOCK_STREAM, "log"),
				    .is_deaf = true};
	char target[64];

	snprintf(target, sizeof(target), "syslog:%s/log", fixture->path);
	assert_int_equal(pthread_create(&receiver.thread, NULL, receive, &receiver), 0);
	begin_one(fixture, target);
	put(fixture, 1);
	wait_trouble(fixture, 0, "does not take it: Connection reset");
	end(fixture);
	receiver_stop(&receiver);
}

/* ---- a command ------------------------------------------------------------------------------- */

static void a_command_has_the_note_as_its_input(void **state)
{
	struct fixture *fixture = *state;
	char target[128];

	snprintf(target, sizeof(target), "command:cat >> %s/out", fixture->path);
	begin_one(fixture, target);
	put(fixture, 1);
	wait_taken(fixture, 0, 1);
	put(fixture, UINT64_MAX);
	wait_taken(fixture, 0, UINT64_MAX);
	assert_notes(fixture->path, "out", NOTES(1, UINT64_MAX));
}

/* Each is a command that ends with 0 if what its row says is so. */
static void a_command_starts_with_a_clean_table(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *row, *target;
	} ROWS[] = {
		{"no other descriptor is open", "command:test ! -e /proc/$$/fd/199"},
		{"its output is nowhere", "command:test \"$(readlink /proc/$$/fd/1)\" = /dev/null"},
		{"it may write there", "command:echo word"},
		{"its input is all there is", "command:test $(wc -c) -eq 267"},
		{"no signal is blocked", "command:grep -q 'SigBlk:.0*$' /proc/self/status"},
		/* 32 and 33 are the C library's own: its posix_spawn leaves them so. */
		{"no signal is ignored",
		 "command:grep -Eq 'SigIgn:.0*(180000000)?$' /proc/self/status"},
		{"it leads a group of its own",
		 "command:test \"$(cut -d ' ' -f 5 /proc/$$/stat)\" = $$"},
		{"it need not read", "command:exit 0"},
		{"a dash in front is no option", "command:-x 2>&1 || true"},
	};
	sigset_t some, before;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(dup2(fd, 199), 199);
	close(fd);
	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigaddset(&some, SIGINT);
	sigaddset(&some, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &some, &before);
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct anchor_state told;

		begin_one(fixture, ROWS[i].target);
		put(fixture, 1);
		next_change(fixture);
		anchors_state(fixture->anchors, 0, &told);
		end(fixture);
		while (sem_trywait(&fixture->changes) == 0)
			;
		if (told.sequence != 1)
			fail_msg("not so: %s: %s", ROWS[i].row, told.trouble);
	}
	signal(SIGPIPE, old);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(199);
}

static void a_command_that_fails_is_trouble_that_says_how(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *target, *words;
	} ROWS[] = {
		{"command:exit 3", "'command:exit 3': ended with 3 (run it by hand"},
		{"command:kill -9 $$", "ended with signal 9 "},
		{"command:/nonexistent/anchor 2>&1", "ended with 127"},
		{"command:: a long command that is cut in the middle of it; false",
		 "'command:: a long command that is cut in the ...': ended with 1"},
		{"command:false \001\n", "'command:false ?\?': ended with 1"},
		{"command:: 345678901234567890123456789012345\xc3\xa4\xc3\xa4; false",
		 "2345...': ended with 1"},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		begin_one(fixture, ROWS[i].target);
		put(fixture, 1);
		wait_trouble(fixture, 0, ROWS[i].words);
		end(fixture);
	}
}

static pid_t read_pid(struct fixture *fixture, const char *name)
{
	char bytes[64];

	read_file(fixture->path, name, bytes, sizeof(bytes));
	return (pid_t)strtol(bytes, NULL, 10);
}

static void a_command_that_hangs_is_killed_with_all_it_started(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_limits limits = SLOW;
	char target[160];
	int status = 0;

	/* What is orphaned becomes ours, so that its end can be waited for. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	snprintf(target, sizeof(target),
		 "command:sleep 1000 & echo $! > %s/new; mv %s/new %s/pid; wait", fixture->path,
		 fixture->path, fixture->path);
	limits.command_ms = 400;
	limits.retry_first_ms = 2000;
	limits.retry_last_ms = 2000;
	begin(fixture, &limits, 2, (const char *[]){target, fixture->folder});
	put(fixture, 1);
	wait_taken(fixture, 1, 1);
	do {
		next_change(fixture);
		wait_trouble(fixture, 0, "did not end within 0.4 s and was killed");
	} while (!is_there(fixture->path, "pid")); /* a machine this slow gets another try */
	fixture->child = read_pid(fixture, "pid");
	assert_true(fixture->child > 0);
	assert_int_equal(waitpid(fixture->child, &status, 0), fixture->child);
	fixture->child = 0;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

/* ---- queue and retry --------------------------------------------------------------------------- */

/* One word through a fifo: waits for the other side. */
static void say(struct fixture *fixture, const char *name)
{
	int fd = open(at(fixture, 3, name), O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "go\n", 3), 3);
	close(fd);
}

static void hear(struct fixture *fixture, const char *name, char *out, size_t size)
{
	int fd = open(at(fixture, 3, name), O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	assert_true(fd >= 0);
	while ((got = read(fd, out + length, size - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	out[length] = '\0';
}

static void only_the_newest_waits_for_who_is_slow(void **state)
{
	struct fixture *fixture = *state;
	char target[200], word[16];

	assert_int_equal(mkfifo(at(fixture, 0, "started"), 0600), 0);
	assert_int_equal(mkfifo(at(fixture, 1, "go-on"), 0600), 0);
	snprintf(target, sizeof(target),
		 "command:cat >> %s/out; echo yes > %s/started; read x < %s/go-on", fixture->path,
		 fixture->path, fixture->path);
	begin_one(fixture, target);
	put(fixture, 1);
	hear(fixture, "started", word, sizeof(word));
	for (uint64_t i = 2; i <= 500; i++)
		put(fixture, i);
	/* Two threads of the log may hand them over in another order. */
	put(fixture, 400);
	say(fixture, "go-on");
	hear(fixture, "started", word, sizeof(word));
	say(fixture, "go-on");
	wait_taken(fixture, 0, 500);
	put(fixture, 400);
	end(fixture);
	assert_notes(fixture->path, "out", NOTES(1, 500));
}

static void what_failed_is_tried_again_without_a_new_note(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_limits limits = SLOW;
	char target[200], tries[64];
	struct timespec before, after;

	limits.retry_first_ms = 10;
	limits.retry_last_ms = 30;
	snprintf(target, sizeof(target),
		 "command:echo try >> %s/tries; test $(wc -l < %s/tries) -ge 5", fixture->path,
		 fixture->path);
	begin(fixture, &limits, 1, (const char *[]){target});
	clock_gettime(CLOCK_MONOTONIC, &before);
	put(fixture, 1);
	wait_taken(fixture, 0, 1);
	clock_gettime(CLOCK_MONOTONIC, &after);
	read_file(fixture->path, "tries", tries, sizeof(tries));
	assert_string_equal(tries, "try\ntry\ntry\ntry\ntry\n");
	/* 10, 20, 30, 30 */
	assert_true((after.tv_sec - before.tv_sec) * 1000 +
			    (after.tv_nsec - before.tv_nsec) / 1000000 >=
		    90 - 4);
	/* Taken is taken: none comes by itself. */
	put(fixture, 2);
	wait_taken(fixture, 0, 2);
	assert_int_equal(read_file(fixture->path, "tries", tries, sizeof(tries)), 6 * 4);
}

static void a_new_note_does_not_wait_for_the_next_try(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_limits limits = SLOW;
	char target[128];

	limits.retry_first_ms = limits.retry_last_ms = 3600000;
	snprintf(target, sizeof(target), "command:test -e %s/now && cat > %s/out", fixture->path,
		 fixture->path);
	begin(fixture, &limits, 1, (const char *[]){target});
	put(fixture, 1);
	wait_trouble(fixture, 0, "ended with 1");
	write_file(fixture->path, "now", "", 0);
	put(fixture, 2);
	wait_taken(fixture, 0, 2);
	assert_notes(fixture->path, "out", NOTES(2));
}

static void the_newest_of_all_targets_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_state newest;
	char target[160];

	snprintf(target, sizeof(target), "command:grep -q '^0*1$'");
	begin(fixture, &SLOW, 3, (const char *[]){"command:false", target, fixture->folder});
	put(fixture, 1);
	wait_taken(fixture, 1, 1);
	wait_taken(fixture, 2, 1);
	put(fixture, 2);
	wait_taken(fixture, 2, 2);
	wait_trouble(fixture, 1, "ended with 1");
	assert_true(anchors_newest(fixture->anchors, &newest));
	assert_int_equal(newest.sequence, 2);
	assert_string_equal(newest.target, fixture->folder);
	anchors_state(fixture->anchors, 1, &newest);
	assert_int_equal(newest.sequence, 1);
}

static void what_is_no_note_goes_nowhere(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *row;
		unsigned at;
		char byte;
	} ROWS[] = {
		{"another origin", 3, 'x'},
		{"a path for a log id", 14, '/'},
		{"a NUL in it", 20, '\0'},
		{"another number than it is said to have", 66, '7'},
		{"a number too large", 68, '9'},
		{"a quote in the chain", 100, '"'},
		{"a bracket", 101, ']'},
		{"no empty line", 155, ' '},
		{"another dash", 156, '-'},
		{"a quote in the signature", 200, '"'},
		{"no newline", 266, ' '},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_checkpoint_note note = note_number(5);
		struct anchor_state told;

		note.text[ROWS[i].at] = ROWS[i].byte;
		begin_one(fixture, fixture->folder);
		anchors_put(fixture->anchors, &note);
		next_change(fixture);
		anchors_state(fixture->anchors, 0, &told);
		end(fixture);
		while (sem_trywait(&fixture->changes) == 0)
			;
		if (!strstr(told.trouble, "no proper checkpoint") || told.sequence != 0)
			fail_msg("%s: '%s'", ROWS[i].row, told.trouble);
	}
	assert_int_equal(rmdir(fixture->folder), 0); /* nothing was made there */
}

/* ---- closing --------------------------------------------------------------------------------- */

static void closing_puts_what_waits(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_limits limits = SLOW;
	char failing[160];

	limits.retry_first_ms = limits.retry_last_ms = 3600000;
	snprintf(failing, sizeof(failing), "command:test -e %s/now && cat > %s/out", fixture->path,
		 fixture->path);
	begin(fixture, &limits, 2, (const char *[]){failing, fixture->folder});
	put(fixture, 1);
	wait_trouble(fixture, 0, "ended with 1");
	write_file(fixture->path, "now", "", 0);
	/* One has failed and waits for an hour, the other gets its note now. */
	wait_taken(fixture, 1, 1);
	end(fixture);
	assert_notes(fixture->path, "out", NOTES(1));
	begin_one(fixture, fixture->folder);
	put(fixture, 2);
	end(fixture);
	assert_notes(fixture->folder, FILE_NAME, NOTES(1, 2));
}

static void closing_kills_a_command_that_runs(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_limits limits = SLOW;
	char target[128], pid[32];

	limits.close_ms = 50;
	assert_int_equal(mkfifo(at(fixture, 0, "started"), 0600), 0);
	snprintf(target, sizeof(target), "command:echo $$ > %s/started; exec sleep 1000",
		 fixture->path);
	begin(fixture, &limits, 1, (const char *[]){target});
	put(fixture, 1);
	hear(fixture, "started", pid, sizeof(pid));
	int fd = pidfd_open((pid_t)strtol(pid, NULL, 10), 0);

	assert_true(fd >= 0);
	put(fixture, 2);
	end(fixture);
	struct pollfd gone = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&gone, 1, 0), 1);
	close(fd);
}

static void closing_does_not_wait_for_who_does_not_read(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_limits limits = SLOW;
	char target[64];
	int fd = listen_at(fixture, SOCK_STREAM, "log");

	limits.close_ms = 50;
	snprintf(target, sizeof(target), "syslog:%s/log", fixture->path);
	begin(fixture, &limits, 1, (const char *[]){target});
	put(fixture, 1);
	/* The connection comes, so the thread is at it. */
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&ready, 1, -1), 1);
	end(fixture);
	close(fd);
}

/* A filesystem that never answers: who opens something there hangs until its descriptor is closed. */
static void a_medium_that_hangs_holds_up_nobody(void **state)
{
	struct fixture *fixture = *state;
	struct anchor_limits limits = SLOW;
	struct anchor_state told;
	char options[64], target[64];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	limits.hang_ms = 10;
	limits.close_ms = 50;
	snprintf(target, sizeof(target), "command:cat >> %s/out", fixture->path);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fd,
		 geteuid(), getegid());
	if (fd < 0 || !own_namespace()) {
		close(fd);
		skip();
	}
	begin(fixture, &limits, 2, (const char *[]){fixture->folder, target});
	if (!mount_here(fixture, "fuse", options)) {
		close(fd);
		skip();
	}
	for (uint64_t i = 1; i <= 3; i++) {
		put(fixture, i);
		wait_taken(fixture, 1, i);
	}
	assert_notes(fixture->path, "out", NOTES(1, 2, 3));
	/* Nobody tells of what does not happen: it is seen by who looks. */
	while (anchors_state(fixture->anchors, 0, &told), !told.trouble[0])
		sched_yield();
	assert_non_null(strstr(told.trouble, "has not answered for "));
	assert_int_equal(told.sequence, 0);
	end(fixture);
	assert_int_equal(umount2(fixture->folder, MNT_DETACH), 0);
	fixture->medium--;
	close(fd);
	assert_false(is_there(fixture->folder, FILE_NAME));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_place_for_an_anchor_is_refused),
		TEST(a_place_named_twice_is_refused),
		TEST(too_many_places_are_refused_and_none_is_fine),
		cmocka_unit_test(closing_nothing_is_fine),
		TEST(a_folder_gets_each_note_behind_the_one_before),
		TEST(a_relative_folder_is_the_one_it_was_when_it_was_named),
		TEST(a_torn_end_is_written_over),
		TEST(what_is_not_our_file_of_notes_is_left_alone),
		TEST(a_file_that_knows_more_than_the_log_is_told),
		TEST(a_note_that_is_there_already_is_not_there_twice),
		TEST(a_note_counts_only_once_it_is_synced),
		TEST(a_full_medium_is_trouble_and_keeps_no_torn_note),
		TEST(a_folder_on_the_medium_of_the_store_is_told),
		TEST(another_medium_in_its_place_gets_nothing),
		TEST(a_bare_mount_point_gets_nothing),
		TEST(a_small_medium_takes_what_fits_and_no_torn_note),
		TEST(syslog_gets_one_datagram_with_the_note_in_its_data),
		TEST(a_stream_gets_its_messages_counted),
		TEST(a_socket_that_comes_back_gets_the_note_without_a_new_one),
		TEST(no_socket_at_all_is_trouble),
		TEST(who_does_not_read_has_not_taken_it),
		TEST(who_hangs_up_without_reading_has_not_taken_it),
		TEST(a_command_has_the_note_as_its_input),
		TEST(a_command_starts_with_a_clean_table),
		TEST(a_command_that_fails_is_trouble_that_says_how),
		TEST(a_command_that_hangs_is_killed_with_all_it_started),
		TEST(only_the_newest_waits_for_who_is_slow),
		TEST(what_failed_is_tried_again_without_a_new_note),
		TEST(a_new_note_does_not_wait_for_the_next_try),
		TEST(the_newest_of_all_targets_is_told),
		TEST(what_is_no_note_goes_nowhere),
		TEST(closing_puts_what_waits),
		TEST(closing_kills_a_command_that_runs),
		TEST(closing_does_not_wait_for_who_does_not_read),
		TEST(a_medium_that_hangs_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

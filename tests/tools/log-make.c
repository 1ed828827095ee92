/*
 * log-make.c - logs of all kinds, made by the real writer, for those who tamper with them (tests/tools/log-tamper.py)
 *
 *   log-make KIND DIR            bring the store DIR into that state; made when missing, with DIR.key (public key in hex), DIR.kit
 *                                and DIR.anchors (every checkpoint, as an anchor would hold it); kinds are below in KINDS
 *   log-make sign DIR            signs each line of standard input (hex) with the store's key: what who holds the disk can do
 *   log-make verify-many LIST    one line of JSON for each case of the list: what audit_verify says of it
 *
 * A case is a line of six fields between tabs: name, log folder, key file, kit, anchor files (between commas), edits (between
 * commas; made in place, and taken back after it). "-" is none. An edit is FILE=OFFSET:HEX (bytes overwritten) or
 * FILE<LENGTH (cut). Everything in these logs is synthetic.
 */
#include "fs/audit/audit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT_BYTES (256u << 10)
#define DAY_NS	      (INT64_C(86400) * 1000000000)
#define EDITS_MOST    8u

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "log-make: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(enum bl_status status, const struct bl_error *why)
{
	if (status == BL_OK)
		return;
	fprintf(stderr, "log-make: %s: %s\n", bl_status_name(status), why->text);
	exit(1);
}

/* ---- a disk and a clock that do what a test wants ------------------------------------------------- */

struct disk {
	atomic_int frames_left; /* until a frame is written in halves; below 0: never */
	bool is_power_lost;	/* then the process ends there; else the write fails */
	bool is_clock_frozen;	/* CLOCK_BOOTTIME: nothing is due by time */
	int64_t realtime_shift_ns;
	int64_t boottime_ns; /* while frozen */
};

static int disk_open(void *context BL_UNUSED, int dir_fd, const char *name, int flags,
		     unsigned mode)
{
	return audit_io_real()->open_at(NULL, dir_fd, name, flags, mode);
}

static ssize_t disk_write(void *context, int fd, const void *bytes, size_t length, uint64_t offset)
{
	struct disk *disk = context;
	const struct audit_io *real = audit_io_real();
	bool is_frame = length >= 32 && memcmp(bytes, "BLFR", 4) == 0;

	if (!is_frame || atomic_load(&disk->frames_left) < 0 ||
	    atomic_fetch_sub(&disk->frames_left, 1) > 0)
		return real->write_at(NULL, fd, bytes, length, offset);
	if (disk->is_power_lost) {
		real->write_at(NULL, fd, bytes, length / 2, offset);
		_exit(0);
	}
	errno = EIO;
	return -1;
}

static int disk_sync(void *context BL_UNUSED, int fd BL_UNUSED)
{
	return 0; /* nobody pulls a plug here */
}

static int disk_rename(void *context BL_UNUSED, int dir_fd, const char *from, const char *to)
{
	return audit_io_real()->rename_at(NULL, dir_fd, from, to);
}

static int64_t disk_realtime(void *context)
{
	const struct disk *disk = context;

	return audit_io_real()->realtime_ns(NULL) + disk->realtime_shift_ns;
}

static int64_t disk_boottime(void *context)
{
	const struct disk *disk = context;

	return disk->is_clock_frozen ? disk->boottime_ns : audit_io_real()->boottime_ns(NULL);
}

/* ---- a store --------------------------------------------------------------------------------------- */

struct maker {
	const char *dir;
	int store_fd;
	struct vault *vault;
	struct disk disk;
	struct audit_io io;
	uint8_t auditors[2][AUDIT_KEY];
	size_t auditor_count; /* of a log that is made */
	uint64_t segment_bytes;
	sem_t broken;	 /* posted when the log latches */
	unsigned number; /* of the next event */
};

static void side_path(const struct maker *maker, const char *suffix, char out[PATH_MAX])
{
	if (snprintf(out, PATH_MAX, "%s%s", maker->dir, suffix) >= PATH_MAX)
		die("path");
}

static void side_write(const struct maker *maker, const char *suffix, int flags, const char *text,
		       size_t length)
{
	char path[PATH_MAX];

	side_path(maker, suffix, path);

	BL_CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

	if (fd < 0 || write(fd, text, length) != (ssize_t)length)
		die(path);
}

static enum bl_status keep_kit(void *context, const struct audit_kit *kit,
			       struct bl_error *why BL_UNUSED)
{
	char text[AUDIT_KIT_TEXT];

	side_write(context, ".kit", O_TRUNC, text, audit_kit_format(kit, text));
	return BL_OK;
}

static void on_broken(void *context, const char *text BL_UNUSED)
{
	struct maker *maker = context;

	sem_post(&maker->broken);
}

static void on_checkpoint(void *context, const struct audit_checkpoint_note *note)
{
	side_write(context, ".anchors", O_APPEND, note->text, AUDIT_NOTE);
}

static void store_open(struct maker *maker)
{
	struct bl_error why = {""};
	char hex[2 * VAULT_PUBLIC_KEY + 2];

	if (mkdir(maker->dir, 0700) != 0 && errno != EEXIST)
		die(maker->dir);
	maker->store_fd = open(maker->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (maker->store_fd < 0)
		die(maker->dir);
	if (faccessat(maker->store_fd, "keys", F_OK, 0) == 0)
		must(vault_open(maker->store_fd, NULL, 0, &maker->vault, &why), &why);
	else
		must(vault_create(maker->store_fd, NULL, 0, &maker->vault, &why), &why);
	sodium_bin2hex(hex, sizeof(hex), vault_public_key(maker->vault), VAULT_PUBLIC_KEY);
	strcat(hex, "\n");
	side_write(maker, ".key", O_TRUNC, hex, strlen(hex));
}

static void maker_init(struct maker *maker, const char *dir)
{
	memset(maker, 0, sizeof(*maker));
	maker->dir = dir;
	maker->segment_bytes = SEGMENT_BYTES;
	atomic_init(&maker->disk.frames_left, -1);
	maker->disk.boottime_ns = audit_io_real()->boottime_ns(NULL);
	maker->io = (struct audit_io){.context = &maker->disk,
				      .open_at = disk_open,
				      .write_at = disk_write,
				      .sync_data = disk_sync,
				      .sync_dir = disk_sync,
				      .rename_at = disk_rename,
				      .realtime_ns = disk_realtime,
				      .boottime_ns = disk_boottime};
	memset(maker->auditors[0], 0x41, AUDIT_KEY);
	memset(maker->auditors[1], 0x29, AUDIT_KEY);
	sem_init(&maker->broken, 0, 0);
	store_open(maker);
	side_write(maker, ".anchors", 0, "", 0);
}

static void maker_done(struct maker *maker)
{
	vault_close(maker->vault);
	fd_close(maker->store_fd);
	sem_destroy(&maker->broken);
}

static struct audit_config maker_config(struct maker *maker)
{
	return (struct audit_config){.store_fd = maker->store_fd,
				     .vault = maker->vault,
				     .segment_bytes = maker->segment_bytes,
				     .io = &maker->io,
				     .auditors = maker->auditors,
				     .auditor_count = maker->auditor_count,
				     .keep_kit = keep_kit,
				     .on_broken = on_broken,
				     .on_checkpoint = on_checkpoint,
				     .context = maker};
}

static struct audit *run_open(struct maker *maker)
{
	struct audit_config config = maker_config(maker);
	struct audit *audit = NULL;
	struct bl_error why = {""};

	must(audit_open(&config, &audit, &why), &why);
	return audit;
}

/* ---- events ----------------------------------------------------------------------------------------- */

static struct audit_event synthetic(unsigned number)
{
	struct audit_event event = {.op = number % 3 ? AUDIT_READ : AUDIT_OPEN,
				    .verdict = number % 5 ? AUDIT_PERMITTED : AUDIT_DENIED,
				    .uid = 61000 + number % 7,
				    .gid = 61000,
				    .pid = 100 + number,
				    .login_uid = UINT32_MAX,
				    .view = 1 + number % 2,
				    .device = "RMA-1001",
				    .rule = "technicians-read",
				    .error_number = number % 5 ? 0 : EACCES,
				    .policy_serial = 3,
				    .offset = number * UINT64_C(4096),
				    .bytes = 4096,
				    .handle = number};

	bl_put32(event.token, number + 1);
	if (number % 11 == 0)
		snprintf(event.detail, sizeof(event.detail), "synthetic %u", number);
	return event;
}

static void put(struct maker *maker, struct audit *audit, unsigned count)
{
	struct bl_error why = {""};

	for (unsigned i = 0; i < count; i++) {
		struct audit_event event = synthetic(maker->number++);

		must(audit_append(audit, &event, NULL, &why), &why);
	}
}

struct waiter {
	struct audit_ticket ticket; /* first */
	sem_t *done;
};

static void waiter_done(struct audit_ticket *ticket, enum bl_status status)
{
	if (status != BL_OK)
		die("an event was refused");
	sem_post(((struct waiter *)ticket)->done);
}

/* Submitted without waiting in between: several share a frame. */
static void submit_all(struct audit *audit, const struct audit_event *events, unsigned count)
{
	struct waiter *waiters = calloc(count, sizeof(*waiters));
	sem_t done;

	if (!waiters)
		die("memory");
	sem_init(&done, 0, 0);
	for (unsigned i = 0; i < count; i++) {
		waiters[i] = (struct waiter){.ticket.done = waiter_done, .done = &done};
		audit_submit(audit, &events[i], &waiters[i].ticket);
	}
	for (unsigned i = 0; i < count; i++)
		while (sem_wait(&done) != 0)
			;
	sem_destroy(&done);
	free(waiters);
}

static void burst(struct maker *maker, struct audit *audit, unsigned count)
{
	struct audit_event *events = calloc(count, sizeof(*events));

	if (!events)
		die("memory");
	for (unsigned i = 0; i < count; i++)
		events[i] = synthetic(maker->number++);
	submit_all(audit, events, count);
	free(events);
}

static void checkpoint(struct audit *audit)
{
	struct bl_error why = {""};

	must(audit_checkpoint(audit, &why), &why);
}

static void put_named(struct maker *maker, struct audit *audit, size_t path_length, bool has_reason)
{
	static const uint8_t LN[VAULT_KEY] = {0x17};
	char path[AUDIT_NAME_TEXT];
	uint8_t token[AUDIT_TOKEN];
	struct audit_event event = synthetic(maker->number++);
	struct bl_error why = {""};

	for (size_t i = 0; i < path_length; i++)
		path[i] = "p1-ext2/folder/planted"[i % 22];
	audit_token(LN, path, path_length, token);
	memcpy(event.token, token, sizeof(token));

	const struct audit_name names[] = {{.kind = AUDIT_NAME_PATH,
					    .device = "RMA-1001",
					    .log_names_key = LN,
					    .token = token,
					    .text = path,
					    .length = path_length},
					   {.kind = AUDIT_NAME_REASON,
					    .device = "",
					    .log_names_key = LN,
					    .text = "ticket 5",
					    .length = 8}};

	must(audit_append_named(audit, &event, names, has_reason ? 2 : 1, NULL, &why), &why);
}

/* ---- kinds ------------------------------------------------------------------------------------------- */

/* A run of the writer that ends without audit_close, as a kill ends it: in a child. */
static void run_killed(struct maker *maker, void (*load)(struct maker *maker, struct audit *audit))
{
	pid_t child = fork();
	int status = 0;

	if (child < 0)
		die("fork");
	if (child == 0) {
		load(maker, run_open(maker));
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("the writer that was to be killed");
	maker->number += 1000;
}

static void make_plain(struct maker *maker)
{
	struct audit *audit = run_open(maker);

	burst(maker, audit, 20);
	put(maker, audit, 60);
	checkpoint(audit);
	burst(maker, audit, 100);
	put(maker, audit, 60);
	checkpoint(audit);
	put(maker, audit, 40);
	audit_close(audit);
}

/* Few bytes, and one of everything: for flipping each of them. */
static void make_small(struct maker *maker)
{
	maker->auditor_count = 2;

	struct audit *audit = run_open(maker);

	put(maker, audit, 3);
	put_named(maker, audit, 30, true);
	burst(maker, audit, 3);
	checkpoint(audit);
	put(maker, audit, 3);
	audit_close(audit);
}

static void make_more(struct maker *maker)
{
	struct audit *audit = run_open(maker);

	put(maker, audit, 10);
	burst(maker, audit, 10);
	checkpoint(audit);
	put(maker, audit, 10);
	audit_close(audit);
}

static void make_restarted(struct maker *maker)
{
	for (unsigned run = 0; run < 3; run++)
		make_more(maker);
}

static uint64_t segment_now(const struct audit *audit)
{
	struct audit_state state;

	audit_state(audit, &state);
	return state.segment;
}

static void make_rotated(struct maker *maker)
{
	struct audit *audit = run_open(maker);

	while (segment_now(audit) < 5)
		burst(maker, audit, 64);
	put(maker, audit, 20);
	audit_close(audit);
}

static void load_half(struct maker *maker, struct audit *audit)
{
	put(maker, audit, 30);
	checkpoint(audit);
	put(maker, audit, 20);
	maker->disk.is_power_lost = true;
	atomic_store(&maker->disk.frames_left, 0);
	burst(maker, audit, 40);
}

static void make_torn(struct maker *maker)
{
	maker->disk.is_clock_frozen = true;
	run_killed(maker, load_half);
}

static void make_torn_taken(struct maker *maker)
{
	make_torn(maker);
	maker->disk.is_clock_frozen = false;
	make_more(maker);
}

/* Stands between two writes of `key`: frames behind it can be forged, frames before it cannot. */
static void load_forgeable(struct maker *maker, struct audit *audit)
{
	struct audit_state state;

	put(maker, audit, 200);
	checkpoint(audit);
	do {
		put(maker, audit, 10);
		audit_state(audit, &state);
	} while (state.last_sequence < 300 || state.forgeable_frames < 30 ||
		 state.forgeable_frames > 200);
}

static void make_killed(struct maker *maker)
{
	maker->disk.is_clock_frozen = true;
	run_killed(maker, load_forgeable);
}

static void make_killed_taken(struct maker *maker)
{
	make_killed(maker);
	maker->disk.is_clock_frozen = false;
	make_more(maker);
}

static void make_named(struct maker *maker)
{
	static const size_t LENGTHS[] = {1, 62, 63, 500, 3966, 3967, 8000, AUDIT_NAME_TEXT};

	maker->auditor_count = 2;

	struct audit *audit = run_open(maker);

	for (unsigned i = 0; i < 24; i++) {
		put_named(maker, audit, LENGTHS[i % BL_COUNT(LENGTHS)], i % 2);
		burst(maker, audit, 5);
	}
	audit_close(audit);
}

/* Six runs, ten days apart: six segments. */
static void make_old(struct maker *maker)
{
	for (int run = 0; run < 6; run++) {
		maker->disk.realtime_shift_ns = (run - 6) * 10 * DAY_NS;
		make_more(maker);
	}
	maker->disk.realtime_shift_ns = 0;
}

static void make_trim(struct maker *maker)
{
	struct audit *audit = run_open(maker);
	struct bl_error why = {""};
	size_t segments = 0;

	put(maker, audit, 5);
	must(audit_trim(audit, disk_realtime(&maker->disk) / 1000000000 - 25 * 86400, &segments,
			&why),
	     &why);
	if (segments == 0)
		die("nothing was trimmed");
	put(maker, audit, 5);
	audit_close(audit);
}

static void make_trimmed(struct maker *maker)
{
	make_old(maker);
	make_trim(maker);
}

/* The events that told of the first tombstones are themselves in a segment that is gone. */
static void make_trimmed_twice(struct maker *maker)
{
	make_trimmed(maker);
	maker->disk.realtime_shift_ns = 30 * DAY_NS;
	make_more(maker);
	maker->disk.realtime_shift_ns = 60 * DAY_NS;
	make_trim(maker);
}

static void make_storm(struct maker *maker)
{
	struct audit *audit = run_open(maker);
	struct audit_event events[400];

	put(maker, audit, 10);
	for (unsigned i = 0; i < BL_COUNT(events); i++) {
		events[i] = synthetic(10 * (1 + i % 2));
		events[i].verdict = AUDIT_DENIED;
		events[i].error_number = EACCES;
		events[i].pid = 500 + i % 3;
	}
	submit_all(audit, events, BL_COUNT(events));
	put(maker, audit, 10);
	audit_close(audit);
}

static void refused(struct audit *audit, const struct audit_event *event)
{
	struct bl_error why = {""};

	if (audit_append(audit, event, NULL, &why) != BL_LOG_BROKEN)
		die("a latched log took an event");
}

static void make_latched(struct maker *maker)
{
	struct audit *audit = run_open(maker);
	struct audit_event event = synthetic(1), closed = synthetic(2), mended = synthetic(3);
	struct bl_error why = {""};

	put(maker, audit, 30);
	atomic_store(&maker->disk.frames_left, 0);
	refused(audit, &event);
	while (sem_wait(&maker->broken) != 0)
		;
	closed.op = AUDIT_VIEW_REVOKED;
	closed.verdict = AUDIT_PERMITTED;
	must(audit_append(audit, &closed, NULL, &why), &why);
	refused(audit, &event);
	mended.op = AUDIT_UNLATCHED;
	mended.verdict = AUDIT_PERMITTED;
	must(audit_unlatch(audit, &mended, &why), &why);
	put(maker, audit, 30);
	audit_close(audit);
}

static void make_empty(struct maker *maker)
{
	struct audit_config config = maker_config(maker);
	struct bl_error why = {""};

	must(audit_create(&config, &why), &why);
}

/* Two logs that one store signed: the first lies beside it as log.other; kit and anchors are the second one's. */
static void make_twice(struct maker *maker)
{
	make_plain(maker);
	if (renameat(maker->store_fd, "log", maker->store_fd, "log.other") != 0)
		die("log.other");
	side_write(maker, ".anchors", O_TRUNC, "", 0);
	make_plain(maker);
}

/* ---- a log copied while it is written ------------------------------------------------------------------ */

struct runner {
	struct maker *maker;
	struct audit *audit;
	atomic_bool is_over;
};

static void *run_on(void *context)
{
	struct runner *runner = context;

	while (!atomic_load(&runner->is_over))
		burst(runner->maker, runner->audit, 16);
	return NULL;
}

static void copy_file(int from_dir, int to_dir, const char *name)
{
	BL_CLEANUP(fd_close) int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC);
	BL_CLEANUP(fd_close)
	int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char bytes[4096];
	ssize_t got;

	if (from < 0 || to < 0)
		die(name);
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)got) != got)
			die(name);
	if (got < 0)
		die(name);
}

static int folder_open(int dir_fd, const char *name, bool is_made)
{
	if (is_made && mkdirat(dir_fd, name, 0700) != 0)
		die(name);

	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(name);
	return fd;
}

/* Whatever @prefix begins, in no order. */
static void copy_some(int from_dir, int to_dir, const char *prefix)
{
	int fd = openat(from_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		die("folder");
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			copy_file(from_dir, to_dir, entry->d_name);
	closedir(dir);
}

static void copy_log(const struct maker *maker, const char *name)
{
	BL_CLEANUP(fd_close) int from = folder_open(maker->store_fd, "log", false);
	BL_CLEANUP(fd_close) int to = folder_open(maker->store_fd, name, true);
	BL_CLEANUP(fd_close) int notes_to = folder_open(to, "checkpoints", true);

	/* The order that docs/format-log.md asks for. */
	copy_file(from, to, "log.id");
	copy_file(from, to, "key");
	if (faccessat(from, "checkpoints", F_OK, 0) == 0) {
		BL_CLEANUP(fd_close) int notes = folder_open(from, "checkpoints", false);

		copy_some(notes, notes_to, "");
	}
	copy_some(from, to, "seg.");
}

/* DIR/log.copy1 to log.copy8 are taken meanwhile, at different ages of the log. */
static void make_running(struct maker *maker)
{
	struct runner runner = {.maker = maker, .audit = run_open(maker)};
	pthread_t thread;
	char name[32];

	atomic_init(&runner.is_over, false);
	if (pthread_create(&thread, NULL, run_on, &runner) != 0)
		die("thread");
	for (unsigned copy = 1; copy <= 8; copy++) {
		snprintf(name, sizeof(name), "log.copy%u", copy);
		copy_log(maker, name);
		checkpoint(runner.audit);
	}
	atomic_store(&runner.is_over, true);
	pthread_join(thread, NULL);
	audit_close(runner.audit);
}

static const struct kind {
	const char *name;
	void (*make)(struct maker *maker);
} KINDS[] = {
	{"plain", make_plain},
	{"small", make_small},
	{"rotated", make_rotated},
	{"more", make_more}, /* a further run of any store, orderly */
	{"restarted", make_restarted},
	{"torn", make_torn},
	{"torn-taken", make_torn_taken},
	{"killed", make_killed},
	{"killed-taken", make_killed_taken},
	{"named", make_named},
	{"old", make_old},
	{"trim", make_trim}, /* of a store of that kind */
	{"trimmed", make_trimmed},
	{"trimmed-twice", make_trimmed_twice},
	{"storm", make_storm},
	{"latched", make_latched},
	{"running", make_running},
	{"empty", make_empty},
	{"twice", make_twice},
};

static int make(const char *name, const char *dir)
{
	for (size_t i = 0; i < BL_COUNT(KINDS); i++) {
		struct maker maker;

		if (strcmp(name, KINDS[i].name) != 0)
			continue;
		maker_init(&maker, dir);
		KINDS[i].make(&maker);
		maker_done(&maker);
		return 0;
	}
	fprintf(stderr, "log-make: no kind '%s'\n", name);
	return 2;
}

/* ---- signing for the attacker ---------------------------------------------------------------------------- */

static int sign_lines(const char *dir)
{
	BL_CLEANUP(bl_free) char *line = NULL;
	size_t room = 0;
	ssize_t length;
	struct maker maker;

	maker_init(&maker, dir);
	while ((length = getline(&line, &room, stdin)) > 0) {
		uint8_t message[1024], signature[VAULT_SIGNATURE];
		char hex[2 * VAULT_SIGNATURE + 1];
		size_t decoded;

		if (sodium_hex2bin(message, sizeof(message), line, (size_t)length, "\n", &decoded,
				   NULL) != 0)
			die("hex");
		vault_sign(maker.vault, message, decoded, signature);
		puts(sodium_bin2hex(hex, sizeof(hex), signature, sizeof(signature)));
	}
	maker_done(&maker);
	return 0;
}

/* ---- verifying many --------------------------------------------------------------------------------------- */

enum { CASE_NAME, CASE_LOG, CASE_KEY, CASE_KIT, CASE_ANCHORS, CASE_EDITS, CASE_FIELDS };

struct edit {
	int fd;
	uint64_t at;
	size_t length; /* of what was there */
	uint8_t *before;
};

static void edit_apply(int log_fd, char *text, struct edit *edit)
{
	size_t name_length = strcspn(text, "=<");
	bool is_cut = text[name_length] == '<';
	char *rest = text + name_length + 1;
	uint8_t bytes[8192];
	size_t count = 0;
	struct stat st;

	text[name_length] = '\0';
	edit->at = strtoull(rest, &rest, 10);
	edit->fd = openat(log_fd, text, O_RDWR | O_CLOEXEC);
	if (edit->fd < 0 || fstat(edit->fd, &st) != 0)
		die(text);
	if (!is_cut &&
	    sodium_hex2bin(bytes, sizeof(bytes), rest + 1, strlen(rest + 1), NULL, &count, NULL))
		die("an edit's bytes");
	edit->length = is_cut ? (size_t)((uint64_t)st.st_size - edit->at) : count;
	edit->before = malloc(edit->length + 1);
	if (!edit->before ||
	    pread(edit->fd, edit->before, edit->length, (off_t)edit->at) != (ssize_t)edit->length)
		die("an edit lies outside of its file");
	if (is_cut ? ftruncate(edit->fd, (off_t)edit->at) != 0
		   : pwrite(edit->fd, bytes, count, (off_t)edit->at) != (ssize_t)count)
		die(text);
}

static void edit_undo(struct edit *edit)
{
	if (pwrite(edit->fd, edit->before, edit->length, (off_t)edit->at) != (ssize_t)edit->length)
		die("an edit taken back");
	free(edit->before);
	fd_close(edit->fd);
}

static bool read_text(const char *path, char *out, size_t room, size_t *out_length)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, room);

	if (got < 0)
		die(path);
	*out_length = (size_t)got;
	return true;
}

/* As the command line takes them: a kit that cannot be read says nothing about the log. */
static enum bl_status verify_one(char *const fields[CASE_FIELDS], int log_fd,
				 struct audit_report *report, struct bl_error *why)
{
	char text[AUDIT_KIT_TEXT];
	size_t length, decoded;
	uint8_t key[VAULT_PUBLIC_KEY];
	struct audit_kit kit;
	int anchors[8];
	struct audit_evidence evidence = {.anchor_fds = anchors};
	enum bl_status status = BL_OK;

	if (strcmp(fields[CASE_KEY], "-") != 0 &&
	    read_text(fields[CASE_KEY], text, sizeof(text), &length)) {
		if (sodium_hex2bin(key, sizeof(key), text, length, "\n", &decoded, NULL) != 0)
			die("a key");
		evidence.public_key = key;
	}
	if (strcmp(fields[CASE_KIT], "-") != 0 &&
	    read_text(fields[CASE_KIT], text, sizeof(text), &length)) {
		status = audit_kit_parse(text, length, &kit, why);
		evidence.kit = &kit;
	}
	if (strcmp(fields[CASE_ANCHORS], "-") != 0)
		for (char *path = strtok(fields[CASE_ANCHORS], ","); path; path = strtok(NULL, ","))
			anchors[evidence.anchor_count++] = open(path, O_RDONLY | O_CLOEXEC);
	if (status == BL_OK)
		status = audit_verify(log_fd, &evidence, report, why);
	for (size_t i = 0; i < evidence.anchor_count; i++)
		fd_close(anchors[i]);
	return status;
}

static bool count_record(void *context, const struct audit_record *record BL_UNUSED)
{
	++*(uint64_t *)context;
	return true;
}

static bool count_name(void *context, const struct audit_named *named BL_UNUSED)
{
	++*(uint64_t *)context;
	return true;
}

/* Readers are given the same: they must live through it, and see in a good log what the verifier saw. */
static uint64_t scan_one(int log_fd)
{
	uint64_t count = 0;
	const struct audit_listener listener = {
		.record = count_record, .named = count_name, .context = &count};
	struct bl_error why = {""};

	return audit_scan_names(log_fd, 0, &listener, &why) == BL_OK ? count : UINT64_MAX;
}

static void print_case(const char *name, enum bl_status status, const struct audit_report *report,
		       uint64_t scanned, const struct bl_error *why)
{
	char chain[2 * AUDIT_DIGEST + 1];
	int code = status == BL_OK && !report->has_anchor ? bl_status_exit(BL_NOT_VERIFIED)
							  : bl_status_exit(status);
	json_t *windows = json_array();
	size_t kept = BL_MIN(report->window_count, (uint64_t)AUDIT_WINDOWS);

	for (size_t i = 0; i < kept; i++)
		json_array_append_new(windows,
				      json_pack("{s:I,s:I,s:b}", "first_sequence",
						(json_int_t)report->windows[i].first_sequence,
						"last_sequence",
						(json_int_t)report->windows[i].last_sequence,
						"is_now", report->windows[i].is_now));
	sodium_bin2hex(chain, sizeof(chain), report->chain, AUDIT_DIGEST);

	BL_CLEANUP(bl_free) char *text = NULL;
	json_t *line = json_pack(
		"{s:s,s:i,s:s,s:s,s:I,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:b,s:I,"
		"s:o}",
		"case", name, "exit", code, "looks",
		status == BL_TAMPERED ? audit_looks_name(report->looks) : "", "problem",
		status == BL_TAMPERED ? report->problem : why->text, "bad_sequence",
		(json_int_t)report->bad_sequence, "bad_offset", (json_int_t)report->bad_offset,
		"bad_file", report->bad_file, "records", (json_int_t)report->records, "frames",
		(json_int_t)report->frames, "segments", (json_int_t)report->segments, "names",
		(json_int_t)report->names, "checkpoints", (json_int_t)report->checkpoints,
		"trimmed_segments", (json_int_t)report->trimmed_segments, "first_sequence",
		(json_int_t)report->first_sequence, "last_sequence",
		(json_int_t)report->last_sequence, "checkpointed_sequence",
		(json_int_t)report->checkpointed_sequence, "anchored_sequence",
		(json_int_t)report->anchored_sequence, "chain", chain, "is_torn", report->is_torn,
		"scanned", (json_int_t)scanned, "windows", windows);

	text = json_dumps(line, JSON_COMPACT);
	if (!text)
		die("a report that is no JSON");
	puts(text);
	json_decref(line);
}

static void verify_line(char *line)
{
	char *fields[CASE_FIELDS];
	struct edit edits[EDITS_MOST];
	size_t edit_count = 0;
	struct audit_report report = {0};
	struct bl_error why = {""};
	char *rest = line, *place = NULL;

	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < CASE_FIELDS; i++)
		if (!(fields[i] = strsep(&rest, "\t")))
			die("a case has too few fields");

	BL_CLEANUP(fd_close)
	int log_fd = open(fields[CASE_LOG], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (log_fd < 0)
		die(fields[CASE_LOG]);
	if (strcmp(fields[CASE_EDITS], "-") != 0)
		for (char *edit = strtok_r(fields[CASE_EDITS], ",", &place); edit;
		     edit = strtok_r(NULL, ",", &place)) {
			if (edit_count == EDITS_MOST)
				die("a case with too many edits");
			edit_apply(log_fd, edit, &edits[edit_count++]);
		}

	enum bl_status status = verify_one(fields, log_fd, &report, &why);
	uint64_t scanned = scan_one(log_fd);

	while (edit_count)
		edit_undo(&edits[--edit_count]);
	print_case(fields[CASE_NAME], status, &report, scanned, &why);
}

static int verify_many(const char *path)
{
	BL_CLEANUP(bl_free) char *line = NULL;
	size_t room = 0;
	FILE *list = fopen(path, "re");

	if (!list)
		die(path);
	while (getline(&line, &room, list) > 0)
		verify_line(line);
	fclose(list);
	return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return 1;
	if (argc == 3 && strcmp(argv[1], "verify-many") == 0)
		return verify_many(argv[2]);
	if (argc == 3 && strcmp(argv[1], "sign") == 0)
		return sign_lines(argv[2]);
	if (argc == 3)
		return make(argv[1], argv[2]);
	fprintf(stderr, "use: log-make KIND DIR | sign DIR | verify-many LIST\n");
	return 2;
}

/*
 * The log on a disk that fails and a machine that loses power.
 *
 * Sweep: every open, write, sync and rename fails in turn. Recorder: all writes and syncs are kept in order
 * with the acknowledgements, so that one can ask of each of those whether a finished sync covers it,
 * and can build what the disk may hold after losing power at any point.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/format.h"
#include "tests/unit/fs/audit/scratch.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

static void *zeroed(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

#define EVENTS 1500u /* more than a segment of 256 KiB holds, so that the log rotates */

/* ---- a load ---------------------------------------------------------------------------------- */

struct load_state;

struct load_ticket {
	struct audit_ticket ticket; /* first */
	struct load_state *load;
	enum bl_status status;
};

struct load_state {
	struct load_ticket tickets[EVENTS];
	atomic_uint left;
	sem_t done;
	void (*acknowledged)(void *context, uint64_t sequence);
	void *context;
};

static void load_done(struct audit_ticket *ticket, enum bl_status status)
{
	struct load_ticket *mine = (struct load_ticket *)ticket;
	struct load_state *load = mine->load;

	mine->status = status;
	if (status == BL_OK && load->acknowledged)
		load->acknowledged(load->context, ticket->sequence);
	if (atomic_fetch_sub(&load->left, 1) == 1)
		sem_post(&load->done);
}

static void load_run(struct load_state *load, struct audit *audit)
{
	atomic_store(&load->left, EVENTS);
	sem_init(&load->done, 0, 0);
	for (unsigned i = 0; i < EVENTS; i++) {
		struct audit_event event = scratch_event(i);

		load->tickets[i] = (struct load_ticket){.ticket.done = load_done, .load = load};
		audit_submit(audit, &event, &load->tickets[i].ticket);
	}
	while (sem_wait(&load->done) != 0 && errno == EINTR)
		;
	sem_destroy(&load->done);
}

/* ---- every call failing in turn -------------------------------------------------------------- */

enum fault { FAULT_EIO, FAULT_SHORT };

struct faulty {
	const struct audit_io *real;
	atomic_uint calls;
	unsigned fail_at;
	enum fault fault;
	atomic_bool has_failed;
};

static bool fails_now(struct faulty *faulty)
{
	if (atomic_fetch_add(&faulty->calls, 1) != faulty->fail_at)
		return false;
	atomic_store(&faulty->has_failed, true);
	errno = EIO;
	return true;
}

static int faulty_open(void *context, int dir_fd, const char *name, int flags, unsigned mode)
{
	struct faulty *faulty = context;

	return fails_now(faulty) ? -1 : faulty->real->open_at(NULL, dir_fd, name, flags, mode);
}

static ssize_t faulty_write(void *context, int fd, const void *bytes, size_t length,
			    uint64_t offset)
{
	struct faulty *faulty = context;

	if (!fails_now(faulty))
		return faulty->real->write_at(NULL, fd, bytes, length, offset);
	/* A full disk shows first as a short write. */
	return faulty->fault == FAULT_SHORT
		       ? faulty->real->write_at(NULL, fd, bytes, length / 2, offset)
		       : -1;
}

static int faulty_sync(void *context, int fd)
{
	struct faulty *faulty = context;

	return fails_now(faulty) ? -1 : faulty->real->sync_data(NULL, fd);
}

static int faulty_sync_dir(void *context, int fd)
{
	struct faulty *faulty = context;

	return fails_now(faulty) ? -1 : faulty->real->sync_dir(NULL, fd);
}

static int faulty_rename(void *context, int dir_fd, const char *from, const char *to)
{
	struct faulty *faulty = context;

	return fails_now(faulty) ? -1 : faulty->real->rename_at(NULL, dir_fd, from, to);
}

static int64_t plain_realtime(void *context BL_UNUSED)
{
	return audit_io_real()->realtime_ns(NULL);
}

static int64_t plain_boottime(void *context BL_UNUSED)
{
	return audit_io_real()->boottime_ns(NULL);
}

struct found {
	bool is_there[2 * EVENTS];
};

static bool find_record(void *context, const struct audit_record *record)
{
	struct found *found = context;

	if (record->sequence < BL_COUNT(found->is_there))
		found->is_there[record->sequence] = true;
	return true;
}

static void check_nothing_is_missing(const struct scratch *scratch, const struct load_state *load,
				     unsigned fail_at)
{
	struct found *found = zeroed(sizeof(*found));
	struct audit_report report;
	struct bl_error why = {""};
	int fd = scratch_log_fd(scratch);

	if (scratch_verify(scratch, &report, &why) != BL_OK)
		fail_msg("call %u failed: then verify says: %s", fail_at, why.text);
	assert_int_equal(audit_scan(fd, find_record, found, &why), BL_OK);
	close(fd);
	for (unsigned i = 0; i < EVENTS; i++)
		if (load->tickets[i].status == BL_OK &&
		    !found->is_there[load->tickets[i].ticket.sequence])
			fail_msg("call %u failed: acknowledged record %lu is missing", fail_at,
				 (unsigned long)load->tickets[i].ticket.sequence);
	free(found);
}

static void count_broken(void *context, const char *text)
{
	atomic_uint *count = context;

	assert_true(text[0] != '\0');
	atomic_fetch_add(count, 1);
}

/* One run; true when the fault was met. */
static bool sweep_once(struct faulty *faulty, struct load_state *load)
{
	void *state = NULL;
	struct audit_io io = {.context = faulty,
			      .open_at = faulty_open,
			      .write_at = faulty_write,
			      .sync_data = faulty_sync,
			      .sync_dir = faulty_sync_dir,
			      .rename_at = faulty_rename,
			      .realtime_ns = plain_realtime,
			      .boottime_ns = plain_boottime};
	struct audit *audit = NULL;
	struct bl_error why = {""};
	atomic_uint broken = 0;

	if (scratch_setup(&state) != 0 || !state)
		abort();

	struct scratch *scratch = state;
	struct audit_config config = {.store_fd = scratch->store_fd,
				      .vault = scratch->vault,
				      .segment_bytes = SCRATCH_SEGMENT,
				      .io = &io,
				      .on_broken = count_broken,
				      .broken_context = &broken};
	enum bl_status status = audit_open(&config, &audit, &why);
	bool has_failed_at_work = false;

	memset(load->tickets, 0, sizeof(load->tickets));
	for (unsigned i = 0; i < EVENTS; i++)
		load->tickets[i].status = BL_FAILED;
	if (status == BL_OK) {
		struct audit_event event = scratch_event(0);

		load_run(load, audit);
		has_failed_at_work = atomic_load(&faulty->has_failed);
		/* Whatever failed, the log says no: at the latest when the failing thread got to say so. */
		for (int64_t from = plain_boottime(NULL);
		     has_failed_at_work && audit_is_writable(audit);) {
			if (plain_boottime(NULL) - from > INT64_C(20) * 1000000000)
				fail_msg("call %u failed: not latched", faulty->fail_at);
			sched_yield();
		}
		status = audit_append(audit, &event, NULL, NULL);
		if (status != BL_OK)
			assert_int_equal(status, BL_LOG_BROKEN);
		if (has_failed_at_work && status == BL_OK)
			fail_msg("call %u failed: the log takes events after it", faulty->fail_at);
		audit_close(audit);
		if (has_failed_at_work)
			assert_int_equal(atomic_load(&broken), 1);
		assert_true(atomic_load(&broken) <= 1);
	} else if (!atomic_load(&faulty->has_failed) || (status != BL_IO)) {
		fail_msg("call %u: open says %s: %s", faulty->fail_at, bl_status_name(status),
			 why.text);
	}
	/* A sound disk again: the log opens, takes events, verifies, and has all it acknowledged. */
	if (scratch_open(scratch, NULL, &audit, &why) != BL_OK)
		fail_msg("call %u failed: does not open again: %s", faulty->fail_at, why.text);
	assert_int_equal(scratch_fill(audit, 1), 1);
	audit_close(audit);
	check_nothing_is_missing(scratch, load, faulty->fail_at);
	scratch_teardown(&state);
	return atomic_load(&faulty->has_failed);
}

static void sweep(enum fault fault)
{
	struct load_state *load = zeroed(sizeof(*load));
	unsigned clean = 0;

	/* The number of frames depends on timing: two clean runs in a row end the sweep. */
	for (unsigned n = 0; clean < 2; n++) {
		struct faulty faulty = {.real = audit_io_real(), .fail_at = n, .fault = fault};

		clean = sweep_once(&faulty, load) ? 0 : clean + 1;
		assert_true(n < 2000);
	}
	free(load);
}

static void each_call_failing_loses_nothing_acknowledged(void **state BL_UNUSED)
{
	sweep(FAULT_EIO);
}

static void each_write_cut_short_loses_nothing_acknowledged(void **state BL_UNUSED)
{
	sweep(FAULT_SHORT);
}

/* ---- the recorder ---------------------------------------------------------------------------- */

#define FILES 64
#define STEPS 4096

enum step_kind { STEP_CREATE, STEP_WRITE, STEP_SYNC, STEP_RENAME, STEP_SYNC_DIR, STEP_ACK };

struct step {
	enum step_kind kind;
	unsigned file;		 /* object; STEP_SYNC_DIR: folder */
	uint64_t offset, length; /* STEP_ACK: offset is the sequence */
	uint8_t *bytes;
	char name[32];
	unsigned folder;
};

struct recorder {
	const struct audit_io *real;
	pthread_mutex_t lock;
	struct step steps[STEPS];
	unsigned count, files;
	int file_of_fd[1024]; /* -1: not ours; folders are FILES + number */
	struct {
		char name[32];
		unsigned folder;
	} names[FILES];
	bool is_sync_left_out; /* the bug that the checker must find */
};

enum { FOLDER_STORE, FOLDER_LOG, FOLDER_NOTES };

static struct step *add_step(struct recorder *recorder, enum step_kind kind, unsigned file)
{
	assert_true(recorder->count < STEPS);

	struct step *step = &recorder->steps[recorder->count++];

	*step = (struct step){.kind = kind, .file = file};
	return step;
}

static unsigned folder_of(const struct recorder *recorder, int fd)
{
	int file = fd >= 0 && fd < 1024 ? recorder->file_of_fd[fd] : -1;

	return file >= FILES ? (unsigned)file - FILES : FOLDER_STORE;
}

static unsigned find_file(struct recorder *recorder, unsigned folder, const char *name, bool is_new)
{
	unsigned i;

	for (i = 0; i < recorder->files && !is_new; i++)
		if (recorder->names[i].folder == folder &&
		    strcmp(recorder->names[i].name, name) == 0)
			return i;
	for (i = 0; i < recorder->files; i++)
		if (recorder->names[i].folder == folder &&
		    strcmp(recorder->names[i].name, name) == 0)
			recorder->names[i].name[0] = '\0';
	i = recorder->files++;
	assert_true(i < FILES);
	snprintf(recorder->names[i].name, sizeof(recorder->names[i].name), "%s", name);
	recorder->names[i].folder = folder;

	struct step *step = add_step(recorder, STEP_CREATE, i);

	snprintf(step->name, sizeof(step->name), "%s", name);
	step->folder = folder;
	return i;
}

static int recorder_open(void *context, int dir_fd, const char *name, int flags, unsigned mode)
{
	struct recorder *recorder = context;
	int fd = recorder->real->open_at(NULL, dir_fd, name, flags, mode);

	if (fd < 0)
		return fd;
	assert_true(fd < 1024);
	pthread_mutex_lock(&recorder->lock);
	if (strcmp(name, "log") == 0)
		recorder->file_of_fd[fd] = FILES + FOLDER_LOG;
	else if (strcmp(name, "checkpoints") == 0)
		recorder->file_of_fd[fd] = FILES + FOLDER_NOTES;
	else
		recorder->file_of_fd[fd] = (int)find_file(recorder, folder_of(recorder, dir_fd),
							  name, (flags & O_TRUNC) != 0);
	pthread_mutex_unlock(&recorder->lock);
	return fd;
}

static ssize_t recorder_write(void *context, int fd, const void *bytes, size_t length,
			      uint64_t offset)
{
	struct recorder *recorder = context;
	ssize_t put;

	pthread_mutex_lock(&recorder->lock);

	struct step *step = add_step(recorder, STEP_WRITE, (unsigned)recorder->file_of_fd[fd]);

	step->offset = offset;
	step->length = length;
	step->bytes = malloc(length);
	assert_non_null(step->bytes);
	memcpy(step->bytes, bytes, length);
	put = recorder->real->write_at(NULL, fd, bytes, length, offset);
	pthread_mutex_unlock(&recorder->lock);
	return put;
}

static int recorder_sync(void *context, int fd)
{
	struct recorder *recorder = context;

	if (recorder->is_sync_left_out)
		return 0;

	int result = recorder->real->sync_data(NULL, fd);

	/* Noted when it is finished, not when it is begun. */
	pthread_mutex_lock(&recorder->lock);
	add_step(recorder, STEP_SYNC, (unsigned)recorder->file_of_fd[fd]);
	pthread_mutex_unlock(&recorder->lock);
	return result;
}

static int recorder_sync_dir(void *context, int fd)
{
	struct recorder *recorder = context;
	int result = recorder->real->sync_dir(NULL, fd);

	pthread_mutex_lock(&recorder->lock);
	add_step(recorder, STEP_SYNC_DIR, folder_of(recorder, fd));
	pthread_mutex_unlock(&recorder->lock);
	return result;
}

static int recorder_rename(void *context, int dir_fd, const char *from, const char *to)
{
	struct recorder *recorder = context;

	pthread_mutex_lock(&recorder->lock);

	unsigned folder = folder_of(recorder, dir_fd);
	unsigned file = find_file(recorder, folder, from, false);
	struct step *step = add_step(recorder, STEP_RENAME, file);
	int result = recorder->real->rename_at(NULL, dir_fd, from, to);

	snprintf(step->name, sizeof(step->name), "%s", to);
	step->folder = folder;
	snprintf(recorder->names[file].name, sizeof(recorder->names[file].name), "%s", to);
	pthread_mutex_unlock(&recorder->lock);
	return result;
}

static void recorder_acknowledge(void *context, uint64_t sequence)
{
	struct recorder *recorder = context;

	pthread_mutex_lock(&recorder->lock);
	add_step(recorder, STEP_ACK, 0)->offset = sequence;
	pthread_mutex_unlock(&recorder->lock);
}

static void record_run(const struct scratch *scratch, struct recorder *recorder)
{
	struct audit_io io = {.context = recorder,
			      .open_at = recorder_open,
			      .write_at = recorder_write,
			      .sync_data = recorder_sync,
			      .sync_dir = recorder_sync_dir,
			      .rename_at = recorder_rename,
			      .realtime_ns = plain_realtime,
			      .boottime_ns = plain_boottime};
	struct load_state *load = zeroed(sizeof(*load));
	struct audit *audit = NULL;

	load->acknowledged = recorder_acknowledge;
	load->context = recorder;
	recorder->real = audit_io_real();
	pthread_mutex_init(&recorder->lock, NULL);
	assert_int_equal(scratch_open(scratch, &io, &audit, NULL), BL_OK);
	load_run(load, audit);
	audit_close(audit);
	free(load);
}

static void recorder_free(struct recorder *recorder)
{
	for (unsigned i = 0; i < recorder->count; i++)
		free(recorder->steps[i].bytes);
	pthread_mutex_destroy(&recorder->lock);
	free(recorder);
}

/* What is on the disk for sure, file by file, while walking the steps. */
struct cover {
	uint64_t written[FILES], durable[FILES]; /* last sequence number in frames */
	bool is_named[FILES], is_name_durable[FILES];
};

static void cover_write(struct cover *cover, const struct step *step)
{
	struct frame_header header;

	if (step->offset >= SEGMENT_HEADER && step->length >= FRAME_HEADER &&
	    format_frame_header_parse(step->bytes, &header))
		cover->written[step->file] = header.first_sequence + header.count - 1;
}

static bool is_covered(const struct cover *cover, uint64_t sequence)
{
	for (unsigned i = 0; i < FILES; i++)
		if (cover->is_name_durable[i] && cover->durable[i] >= sequence)
			return true;
	return false;
}

/* How many acknowledgements come before a finished sync of their bytes and their segment's name. */
static unsigned count_uncovered(const struct recorder *recorder, unsigned *out_acknowledged)
{
	struct cover *cover = zeroed(sizeof(*cover));
	unsigned uncovered = 0;

	*out_acknowledged = 0;
	for (unsigned i = 0; i < recorder->count; i++) {
		const struct step *step = &recorder->steps[i];

		switch (step->kind) {
		case STEP_CREATE:
			break;
		case STEP_WRITE:
			cover_write(cover, step);
			break;
		case STEP_SYNC:
			cover->durable[step->file] = cover->written[step->file];
			break;
		case STEP_RENAME:
			cover->is_named[step->file] = strncmp(step->name, "seg.", 4) == 0;
			break;
		case STEP_SYNC_DIR:
			for (unsigned k = 0; k < FILES && step->file == FOLDER_LOG; k++)
				cover->is_name_durable[k] = cover->is_named[k];
			break;
		case STEP_ACK:
			(*out_acknowledged)++;
			uncovered += !is_covered(cover, step->offset);
			break;
		}
	}
	free(cover);
	return uncovered;
}

static void each_acknowledgement_follows_a_finished_sync_of_its_bytes(void **state)
{
	struct recorder *recorder = zeroed(sizeof(*recorder));
	unsigned acknowledged;

	record_run(*state, recorder);
	assert_int_equal(count_uncovered(recorder, &acknowledged), 0);
	assert_int_equal(acknowledged, EVENTS);
	recorder_free(recorder);
}

static void a_log_that_leaves_the_sync_out_is_caught(void **state)
{
	struct recorder *recorder = zeroed(sizeof(*recorder));
	unsigned acknowledged;

	recorder->is_sync_left_out = true;
	record_run(*state, recorder);
	assert_int_equal(count_uncovered(recorder, &acknowledged), EVENTS);
	assert_int_equal(acknowledged, EVENTS);
	recorder_free(recorder);
}

/* ---- losing power ---------------------------------------------------------------------------- */

/* What becomes of writes that no finished sync covers. */
enum loss { LOSS_DROPPED, LOSS_KEPT, LOSS_TORN, LOSS_SECOND_HALF, LOSS_COUNT };

#define DISK_FILE (SCRATCH_SEGMENT + 1)

struct disk {
	uint8_t *bytes[FILES];
	size_t size[FILES];
	char names[FILES][32]; /* as they are */
	char durable_names[FILES][32];
	unsigned folders[FILES];
};

static void disk_write(struct disk *disk, const struct step *step, size_t from, size_t to)
{
	unsigned file = step->file;

	if (!disk->bytes[file])
		disk->bytes[file] = zeroed(DISK_FILE);
	assert_true(step->offset + step->length <= DISK_FILE);
	if (to <= from)
		return;
	memcpy(disk->bytes[file] + step->offset + from, step->bytes + from, to - from);
	disk->size[file] = BL_MAX(disk->size[file], step->offset + to);
}

static bool is_synced_later(const struct recorder *recorder, unsigned at, unsigned cut)
{
	for (unsigned i = at + 1; i < cut; i++)
		if (recorder->steps[i].kind == STEP_SYNC &&
		    recorder->steps[i].file == recorder->steps[at].file)
			return true;
	return false;
}

static void disk_lose(struct disk *disk, const struct step *step, enum loss loss)
{
	size_t half = step->length / 2 + 7;

	half = BL_MIN(half, step->length);
	switch (loss) {
	case LOSS_DROPPED:
	case LOSS_COUNT:
		break;
	case LOSS_KEPT:
		disk_write(disk, step, 0, step->length);
		break;
	case LOSS_TORN:
		disk_write(disk, step, 0, half);
		break;
	case LOSS_SECOND_HALF:
		/* Out of order within the file's old size only: what extends it comes as a prefix. */
		if (step->offset + step->length <= disk->size[step->file])
			disk_write(disk, step, half, step->length);
		break;
	}
}

static void disk_build(struct disk *disk, const struct recorder *recorder, unsigned cut,
		       enum loss loss)
{
	for (unsigned i = 0; i < cut; i++) {
		const struct step *step = &recorder->steps[i];

		switch (step->kind) {
		case STEP_CREATE:
			disk->folders[step->file] = step->folder;
			memcpy(disk->names[step->file], step->name, sizeof(step->name));
			break;
		case STEP_WRITE:
			if (is_synced_later(recorder, i, cut))
				disk_write(disk, step, 0, step->length);
			else
				disk_lose(disk, step, loss);
			break;
		case STEP_RENAME:
			memcpy(disk->names[step->file], step->name, sizeof(step->name));
			break;
		case STEP_SYNC_DIR:
			for (unsigned k = 0; k < FILES; k++)
				if (disk->folders[k] == step->file)
					memcpy(disk->durable_names[k], disk->names[k],
					       sizeof(disk->names[k]));
			break;
		case STEP_SYNC:
		case STEP_ACK:
			break;
		}
	}
	/* A name not synced may be there or not. */
	if (loss == LOSS_DROPPED)
		memcpy(disk->names, disk->durable_names, sizeof(disk->names));
}

static void disk_put(const struct disk *disk, int store_fd)
{
	assert_int_equal(mkdirat(store_fd, "log", 0700), 0);
	assert_int_equal(mkdirat(store_fd, "log/checkpoints", 0700), 0);
	for (unsigned i = 0; i < FILES; i++) {
		char path[80];

		if (!disk->names[i][0])
			continue;
		snprintf(path, sizeof(path), "log/%s%s",
			 disk->folders[i] == FOLDER_NOTES ? "checkpoints/" : "", disk->names[i]);

		int fd = openat(store_fd, path, O_RDWR | O_CREAT | O_TRUNC, 0600);

		assert_true(fd >= 0);
		if (disk->bytes[i])
			assert_int_equal(pwrite(fd, disk->bytes[i], disk->size[i], 0),
					 disk->size[i]);
		close(fd);
	}
}

static void disk_free(struct disk *disk)
{
	for (unsigned i = 0; i < FILES; i++)
		free(disk->bytes[i]);
	free(disk);
}

static uint64_t acknowledged_before(const struct recorder *recorder, unsigned cut)
{
	uint64_t newest = 0;

	for (unsigned i = 0; i < cut; i++)
		if (recorder->steps[i].kind == STEP_ACK)
			newest = BL_MAX(newest, recorder->steps[i].offset);
	return newest;
}

static void lose_power_at(const struct scratch *scratch, const struct recorder *recorder,
			  unsigned cut, enum loss loss)
{
	char path[80];
	struct disk *disk = zeroed(sizeof(*disk));
	struct scratch again = *scratch;
	struct audit *audit = NULL;
	struct audit_report report;
	struct bl_error why = {""};

	snprintf(path, sizeof(path), "%s/again", scratch->path);
	assert_int_equal(mkdir(path, 0700), 0);
	again.store_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	disk_build(disk, recorder, cut, loss);
	disk_put(disk, again.store_fd);
	disk_free(disk);
	if (scratch_open(&again, NULL, &audit, &why) != BL_OK)
		fail_msg("power lost after step %u, loss %d: %s", cut, loss, why.text);
	assert_int_equal(scratch_fill(audit, 1), 1);
	audit_close(audit);
	if (scratch_verify(&again, &report, &why) != BL_OK)
		fail_msg("power lost after step %u, loss %d: %s", cut, loss, why.text);
	/* start, the event and stop came after whatever there was */
	if (report.last_sequence < acknowledged_before(recorder, cut) + 3)
		fail_msg("power lost after step %u, loss %d: an acknowledged record is missing",
			 cut, loss);
	close(again.store_fd);
	scratch_remove(path);
}

static void power_lost_at_any_step_loses_nothing_acknowledged(void **state)
{
	struct recorder *recorder = zeroed(sizeof(*recorder));

	record_run(*state, recorder);
	for (unsigned cut = 1; cut <= recorder->count; cut++) {
		/* Between two acknowledgements nothing reaches the disk. */
		if (cut < recorder->count && recorder->steps[cut - 1].kind == STEP_ACK &&
		    recorder->steps[cut].kind == STEP_ACK)
			continue;
		for (enum loss loss = LOSS_DROPPED; loss < LOSS_COUNT; loss++)
			lose_power_at(*state, recorder, cut, loss);
	}
	recorder_free(recorder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_failing_loses_nothing_acknowledged),
		cmocka_unit_test(each_write_cut_short_loses_nothing_acknowledged),
		TEST(each_acknowledgement_follows_a_finished_sync_of_its_bytes),
		TEST(a_log_that_leaves_the_sync_out_is_caught),
		TEST(power_lost_at_any_step_loses_nothing_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The log on a machine that loses power: after every step, with what was not synced gone, torn, reordered. It is built up again
 * on another disk, recovers there, has all that was acknowledged, and verifies with its kit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/fault/audit-recorder.h"

#include <sodium.h>

/* ---- losing power ---------------------------------------------------------------------------- */

static const struct {
	const char *what;
	enum loss loss;
	bool are_names_kept; /* those that no sync of the folder covers */
} LOSSES[] = {
	{"whatever was not synced is gone", LOSS_ALL, false},
	{"all of it is there", LOSS_NONE, true},
	{"names are gone", LOSS_NONE, false},
	{"contents are gone, names not", LOSS_ALL, true},
	{"second halves are gone", LOSS_SECOND_HALF, true},
	{"first halves are gone", LOSS_FIRST_HALF, true},
	{"every other write is gone", LOSS_EVERY_OTHER, true},
	{"some sectors are gone", LOSS_SECTORS, true},
};

struct disk {
	uint8_t *bytes[FILES];
	size_t size[FILES], room[FILES];
	char names[FILES][32]; /* as they are; "": none */
	char durable_names[FILES][32];
	enum folder folders[FILES];
	unsigned files, writes; /* writes: that no sync covers */
};

static void disk_write(struct disk *disk, const struct step *step, size_t from, size_t to)
{
	unsigned file = step->file;
	size_t end = step->offset + to;

	if (to <= from)
		return;
	if (end > disk->room[file]) {
		size_t room = BL_MAX(end, (size_t)SCRATCH_SEGMENT);

		disk->bytes[file] = realloc(disk->bytes[file], room);
		assert_non_null(disk->bytes[file]);
		memset(disk->bytes[file] + disk->room[file], 0, room - disk->room[file]);
		disk->room[file] = room;
	}
	memcpy(disk->bytes[file] + step->offset + from, step->bytes + from, to - from);
	disk->size[file] = BL_MAX(disk->size[file], end);
}

static void disk_lose(struct disk *disk, const struct step *step, enum loss loss)
{
	bool is_other = disk->writes++ % 2;

	if (loss == LOSS_EVERY_OTHER)
		loss = is_other ? LOSS_ALL : LOSS_NONE;
	for (size_t at = 0, end; at < step->length; at = end) {
		bool lost = is_lost(loss, step, at);

		for (end = at + 1; end < step->length && is_lost(loss, step, end) == lost;)
			end++;
		if (!lost)
			disk_write(disk, step, at, end);
	}
}

static void disk_name(struct disk *disk, const struct step *step)
{
	for (unsigned i = 0; i < disk->files; i++)
		if (disk->folders[i] == step->folder && strcmp(disk->names[i], step->name) == 0)
			disk->names[i][0] = '\0';
	disk->files = BL_MAX(disk->files, step->file + 1);
	disk->folders[step->file] = step->folder;
	memcpy(disk->names[step->file], step->name, sizeof(step->name));
}

static void disk_sync_folder(struct disk *disk, enum folder folder)
{
	for (unsigned i = 0; i < disk->files; i++)
		if (disk->folders[i] == folder)
			memcpy(disk->durable_names[i], disk->names[i], sizeof(disk->names[i]));
}

/* For each write: the step of the first sync of its file behind it. */
static unsigned *find_syncs(const struct recorder *recorder)
{
	unsigned *synced = zeroed((recorder->count + 1) * sizeof(*synced)), next[FILES];

	for (unsigned i = 0; i < FILES; i++)
		next[i] = UINT32_MAX;
	for (unsigned i = recorder->count; i-- > 0;) {
		const struct step *step = &recorder->steps[i];

		if (step->kind == STEP_SYNC || step->kind == STEP_SETTLED)
			next[step->file] = i;
		else if (step->kind == STEP_WRITE)
			synced[i] = next[step->file];
	}
	return synced;
}

/* What the disk may hold after the first @cut steps. */
static void disk_build(struct disk *disk, const struct recorder *recorder, const unsigned *synced,
		       unsigned cut, size_t which)
{
	for (unsigned i = 0; i < cut; i++) {
		const struct step *step = &recorder->steps[i];

		switch (step->kind) {
		case STEP_CREATE:
		case STEP_RENAME:
			disk_name(disk, step);
			break;
		case STEP_WRITE:
			if (synced[i] < cut)
				disk_write(disk, step, 0, step->length);
			else
				disk_lose(disk, step, LOSSES[which].loss);
			break;
		case STEP_SYNC_DIR:
			disk_sync_folder(disk, (enum folder)step->file);
			break;
		case STEP_SYNC:
		case STEP_SETTLED:
		case STEP_ACK:
		case STEP_HAND:
			break;
		}
	}
	if (!LOSSES[which].are_names_kept)
		memcpy(disk->names, disk->durable_names, sizeof(disk->names));
}

static void disk_put(const struct disk *disk, int store_fd)
{
	assert_int_equal(mkdirat(store_fd, "log", 0700), 0);
	assert_int_equal(mkdirat(store_fd, "log/" NOTE_FOLDER, 0700), 0);
	for (unsigned i = 0; i < disk->files; i++) {
		char path[80];

		if (!disk->names[i][0] || disk->folders[i] == FOLDER_STORE)
			continue;
		snprintf(path, sizeof(path), "log/%s%s",
			 disk->folders[i] == FOLDER_NOTES ? NOTE_FOLDER "/" : "", disk->names[i]);

		BL_CLEANUP(fd_close)
		int fd = openat(store_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		if (disk->size[i])
			assert_int_equal(pwrite(fd, disk->bytes[i], disk->size[i], 0),
					 disk->size[i]);
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
		if (recorder->steps[i].kind == STEP_ACK && !recorder->steps[i].may_wait)
			newest = BL_MAX(newest, recorder->steps[i].offset);
	return newest;
}

/* Power is lost after so many steps, in one of so many ways; and somebody holds the kit that was kept till then. */
struct outage {
	const struct scratch *scratch;
	const struct recorder *recorder;
	const unsigned *synced;
	const struct keeper *keeper;
	unsigned cut;
	size_t which;
};

#define fail_outage(outage, ...)                                                                   \
	do {                                                                                       \
		print_error("power lost after step %u, %s:\n", (outage)->cut,                      \
			    LOSSES[(outage)->which].what);                                         \
		fail_msg(__VA_ARGS__);                                                             \
	} while (0)

static void check_recovered(const struct outage *outage, const struct scratch *scratch)
{
	struct keeper keeper = {.kit = outage->keeper->kit};
	uint64_t acknowledged = acknowledged_before(outage->recorder, outage->cut);
	struct audit_io io = quiet_io();
	struct audit *audit = NULL;
	struct audit_report report;
	struct bl_error why = {""};

	if (open_log(scratch, &io, &keeper, &audit, &why) != BL_OK)
		fail_outage(outage, "it does not open: %s", why.text);
	assert_int_equal(scratch_fill(audit, 1), 1);
	audit_close(audit);
	if (keeper.kits && acknowledged)
		fail_outage(outage, "it was made anew");
	if (verify_by_kit(scratch, &keeper, &report, &why) != BL_OK)
		fail_outage(outage, "verify says: %s", why.text);
	assert_true(report.has_macs);
	/* start, the event and stop came after whatever there was */
	if (report.last_sequence < acknowledged + 3)
		fail_outage(outage, "an acknowledged record is missing");
}

static void lose_power(const struct outage *outage)
{
	char path[80];
	struct disk *disk = zeroed(sizeof(*disk));
	struct scratch again = *outage->scratch;

	snprintf(path, sizeof(path), "%s/again", outage->scratch->path);
	assert_int_equal(mkdir(path, 0700), 0);
	again.store_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	disk_build(disk, outage->recorder, outage->synced, outage->cut, outage->which);
	disk_put(disk, again.store_fd);
	disk_free(disk);
	check_recovered(outage, &again);
	close(again.store_fd);
	scratch_remove(path);
}

static bool is_filling(const struct step *step)
{
	return step->kind == STEP_WRITE && sodium_is_zero(step->bytes, step->length);
}

/* Between two acknowledgements nothing reaches the disk, and one zero more or less in what is prepared is all the same. */
static bool is_dull(const struct recorder *recorder, unsigned cut)
{
	const struct step *last = &recorder->steps[cut - 1], *next = &recorder->steps[cut];

	return cut < recorder->count &&
	       ((last->kind == STEP_ACK && next->kind == STEP_ACK) ||
		(is_filling(last) && is_filling(next) && last->file == next->file));
}

/* From step @from on, each @every-th of all ways; how many outages there were. */
static unsigned lose_power_everywhere(struct outage *outage, unsigned from, unsigned every)
{
	unsigned *synced = find_syncs(outage->recorder), outages = 0, ways = 0;

	outage->synced = synced;
	for (outage->cut = from; outage->cut <= outage->recorder->count; outage->cut++) {
		if (is_dull(outage->recorder, outage->cut))
			continue;
		for (outage->which = 0; outage->which < BL_COUNT(LOSSES); outage->which++)
			if (ways++ % every == 0) {
				lose_power(outage);
				outages++;
			}
	}
	free(synced);
	return outages;
}

static void power_lost_at_any_step_loses_nothing_acknowledged(void **state)
{
	struct recorder *recorder = recorder_new();
	struct keeper keeper = {0};
	struct outage outage = {.scratch = *state, .recorder = recorder, .keeper = &keeper};

	record_run(*state, recorder, &keeper, 4);

	unsigned outages = lose_power_everywhere(&outage, 1, 1);

	print_message("%u steps, %u outages\n", recorder->count, outages);
	assert_true(outages > 100);
	recorder_free(recorder);
}

/* A sync fails, the log goes on in its reserve, is unlatched, goes on. */
static void latch_run(const struct scratch *scratch, struct recorder *recorder,
		      struct keeper *keeper)
{
	struct audit_io io = recorder_io(recorder);
	struct load_state *load = zeroed(sizeof(*load));
	struct audit_event due = scratch_event(1), unlatched = {.op = AUDIT_UNLATCHED};
	struct audit *audit = NULL;
	struct bl_error why = {""};

	due.op = AUDIT_DUE;
	due.verdict = AUDIT_PERMITTED;
	recorder_watch(recorder, keeper, load);
	assert_int_equal(open_log(scratch, &io, keeper, &audit, &why), BL_OK);
	for (unsigned i = 0; audit_is_writable(audit); i++) {
		struct audit_event event = scratch_event(i);

		assert_true(i < 10);
		(void)!audit_append(audit, &event, NULL, NULL);
	}
	load_begin(load, 2);
	load_submit(load, audit, 0, &due);
	load_wait(load, 0);
	if (audit_unlatch(audit, &unlatched, &why) != BL_OK)
		fail_msg("it does not unlatch: %s", why.text);
	load_submit(load, audit, 1, &due);
	load_end(load);
	assert_int_equal(load->tickets[0].status, BL_OK);
	assert_int_equal(load->tickets[1].status, BL_OK);
	audit_close(audit);
	free(load);
}

static unsigned find_settled(const struct recorder *recorder)
{
	for (unsigned i = 0; i < recorder->count; i++)
		if (recorder->steps[i].kind == STEP_SETTLED)
			return i;
	fail_msg("no sync failed");
	return 0;
}

static void power_lost_after_a_failed_sync_loses_nothing_acknowledged(void **state BL_UNUSED)
{
	unsigned outages = 0;

	for (enum loss loss = LOSS_NONE; loss <= LOSS_SECTORS; loss++) {
		struct recorder *recorder = recorder_new();
		struct scratch *scratch = scratch_new();
		struct keeper keeper = {0};
		struct outage outage = {
			.scratch = scratch, .recorder = recorder, .keeper = &keeper};

		/* The first frame is that of the start. */
		recorder->fail_frames = 2 + (unsigned)loss % 3;
		recorder->failed_loss = loss;
		latch_run(scratch, recorder, &keeper);
		outages += lose_power_everywhere(&outage, find_settled(recorder) + 1, 3);
		scratch_free(scratch);
		recorder_free(recorder);
	}
	print_message("%u outages\n", outages);
	assert_true(outages > 300);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(power_lost_at_any_step_loses_nothing_acknowledged),
		cmocka_unit_test(power_lost_after_a_failed_sync_loses_nothing_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A log is made whole or not at all, and writing goes on only where everything that was said before is there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/recover.h"
#include "tests/unit/fs/audit/build.h"

#include <errno.h>
#include <inttypes.h>

/* What was kept as the kit. */
struct keeper {
	struct audit_kit kit;
	unsigned calls;
	enum bl_status answer;
	int log_fd_at_call; /* 1: log.id was there already */
	const struct scratch *scratch;
};

static enum bl_status keep(void *context, const struct audit_kit *kit, struct bl_error *why)
{
	struct keeper *keeper = context;

	keeper->calls++;
	keeper->log_fd_at_call |= faccessat(keeper->scratch->store_fd, "log/log.id", F_OK, 0) == 0;
	if (keeper->answer != BL_OK)
		return bl_fail(why, keeper->answer, "no place for the kit");
	keeper->kit = *kit;
	return BL_OK;
}

static struct audit_config config_of(const struct scratch *scratch, struct keeper *keeper)
{
	keeper->scratch = scratch;
	return (struct audit_config){.store_fd = scratch->store_fd,
				     .vault = scratch->vault,
				     .keep_kit = keep,
				     .context = keeper};
}

static void resume_done(struct resume *resume)
{
	fd_close(resume->log_fd);
	fd_close(resume->notes_fd);
	fd_close(resume->key_fd);
}

static enum bl_status try_recover(const struct scratch *scratch, struct bl_error *why)
{
	struct keeper keeper = {.answer = BL_OK};
	struct audit_config config = config_of(scratch, &keeper);
	struct resume resume;
	struct bl_error unused;
	enum bl_status status = recover(&config, audit_io_real(), &resume, why ? why : &unused);

	if (status == BL_OK)
		resume_done(&resume);
	return status;
}

static enum bl_status verify_kit(const struct scratch *scratch, const struct audit_kit *kit,
				 struct bl_error *why)
{
	const struct audit_evidence evidence = {.kit = kit};
	BL_CLEANUP(fd_close) int fd = scratch_log_fd(scratch);
	struct audit_report report;

	return audit_verify(fd, &evidence, &report, why);
}

/* ---- made ------------------------------------------------------------------------------------- */

static void a_log_is_made_where_there_is_none(void **state)
{
	struct scratch *scratch = *state;
	struct keeper keeper = {.answer = BL_OK};
	struct audit_config config = config_of(scratch, &keeper);
	struct resume resume;
	struct bl_error why = {.text = ""};

	if (recover(&config, audit_io_real(), &resume, &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_int_equal(keeper.calls, 1);
	assert_int_equal(keeper.log_fd_at_call, 0);
	assert_memory_equal(keeper.kit.log_id, resume.identity.log_id, LOG_ID_SIZE);
	assert_memory_equal(keeper.kit.public_key, vault_public_key(scratch->vault),
			    VAULT_PUBLIC_KEY);
	assert_int_equal(resume.number, 1);
	assert_int_equal(resume.sequence, 1);
	assert_int_equal(resume.frame, 1);
	assert_int_equal(resume.key.frame, 1);
	assert_int_equal(resume.key_frame, 1);
	assert_int_equal(resume.key_generation, 1);
	assert_memory_equal(resume.chain, resume.identity.genesis, AUDIT_DIGEST);
	assert_string_equal(resume.note_name, "");
	assert_string_equal(resume.tail_detail, "");

	struct framekey first;

	framekey_first(keeper.kit.first, &first);
	assert_memory_equal(first.key, resume.key.key, AUDIT_KEY);
	resume_done(&resume);
	if (verify_kit(scratch, &keeper.kit, &why) != BL_OK)
		fail_msg("%s", why.text);
	/* The second time there is one. */
	assert_int_equal(recover(&config, audit_io_real(), &resume, &why), BL_OK);
	assert_int_equal(keeper.calls, 1);
	assert_memory_equal(first.key, resume.key.key, AUDIT_KEY);
	resume_done(&resume);
}

static void auditors_are_sorted_and_count_once(void **state)
{
	static const uint8_t KEYS[][AUDIT_KEY] = {{9}, {3}, {9}, {5}, {3}};
	struct keeper keeper = {.answer = BL_OK};
	struct audit_config config = config_of(*state, &keeper);
	struct resume resume;

	config.auditors = KEYS;
	config.auditor_count = BL_COUNT(KEYS);
	assert_int_equal(recover(&config, audit_io_real(), &resume, NULL), BL_OK);
	assert_int_equal(resume.identity.auditor_count, 3);
	assert_int_equal(keeper.kit.auditor_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(resume.identity.auditors[i][0], 3 + 2 * i + 2 * (i == 2));
		assert_memory_equal(keeper.kit.auditors[i], resume.identity.auditors[i], AUDIT_KEY);
	}
	resume_done(&resume);
}

static void more_auditors_than_there_is_room_for_are_refused(void **state)
{
	uint8_t keys[AUDIT_AUDITORS + 1][AUDIT_KEY] = {{0}};
	struct keeper keeper = {.answer = BL_OK};
	struct audit_config config = config_of(*state, &keeper);
	struct resume resume;
	struct bl_error why;

	for (size_t i = 0; i < BL_COUNT(keys); i++)
		keys[i][0] = (uint8_t)i;
	config.auditors = (const uint8_t(*)[AUDIT_KEY])keys;
	config.auditor_count = BL_COUNT(keys);
	assert_int_equal(recover(&config, audit_io_real(), &resume, &why), BL_INVALID);
	assert_int_equal(keeper.calls, 0);
	config.auditor_count--;
	assert_int_equal(recover(&config, audit_io_real(), &resume, &why), BL_OK);
	resume_done(&resume);
}

static void without_a_place_for_the_kit_there_is_no_log(void **state)
{
	struct scratch *scratch = *state;
	struct keeper keeper = {.answer = BL_IO};
	struct audit_config config = config_of(scratch, &keeper);
	struct resume resume;
	struct bl_error why;

	assert_int_equal(recover(&config, audit_io_real(), &resume, &why), BL_IO);
	assert_string_equal(why.text, "no place for the kit");
	assert_int_equal(faccessat(scratch->store_fd, "log/log.id", F_OK, 0), -1);
	keeper.answer = BL_OK;
	assert_int_equal(recover(&config, audit_io_real(), &resume, &why), BL_OK);
	resume_done(&resume);
}

/* Every call of the log's io, in turn, is the last one that the machine does. */
struct crash {
	struct audit_io io;
	unsigned left;
	bool is_dead;
};

static bool dies(struct crash *crash)
{
	crash->is_dead |= crash->left-- == 0;
	if (crash->is_dead) {
		crash->left = 0;
		errno = EIO;
	}
	return crash->is_dead;
}

static int crash_open(void *context, int dir_fd, const char *name, int flags, unsigned mode)
{
	return dies(context) ? -1 : audit_io_real()->open_at(NULL, dir_fd, name, flags, mode);
}

static ssize_t crash_write(void *context, int fd, const void *bytes, size_t length, uint64_t at)
{
	/* A torn one. */
	if (dies(context))
		return audit_io_real()->write_at(NULL, fd, bytes, length / 2, at);
	return audit_io_real()->write_at(NULL, fd, bytes, length, at);
}

static int crash_sync(void *context, int fd)
{
	return dies(context) ? -1 : audit_io_real()->sync_data(NULL, fd);
}

static int crash_rename(void *context, int dir_fd, const char *from, const char *to)
{
	return dies(context) ? -1 : audit_io_real()->rename_at(NULL, dir_fd, from, to);
}

static void a_crash_while_it_is_made_leaves_no_log_or_a_whole_one(void **state)
{
	bool is_done = false;

	for (unsigned calls = 0; !is_done; calls++) {
		if (calls && (scratch_teardown(state) != 0 || scratch_setup(state) != 0))
			fail_msg("no store for call %u", calls);

		struct scratch *scratch = *state;
		struct keeper keeper = {.answer = BL_OK};
		struct audit_config config = config_of(scratch, &keeper);
		struct crash crash = {.io = *audit_io_real(), .left = calls};
		struct resume resume;
		struct bl_error why = {.text = ""};

		crash.io.context = &crash;
		crash.io.open_at = crash_open;
		crash.io.write_at = crash_write;
		crash.io.sync_data = crash.io.sync_dir = crash_sync;
		crash.io.rename_at = crash_rename;

		enum bl_status status = recover(&config, &crash.io, &resume, &why);

		is_done = status == BL_OK;
		if (is_done)
			resume_done(&resume);
		if (is_done == crash.is_dead)
			fail_msg("call %u: %s", calls, bl_status_name(status));
		if (recover(&config, audit_io_real(), &resume, &why) != BL_OK)
			fail_msg("after call %u: %s", calls, why.text);
		resume_done(&resume);
		if (verify_kit(scratch, &keeper.kit, &why) != BL_OK)
			fail_msg("after call %u, verified: %s", calls, why.text);
		if (calls > 100)
			fail_msg("it does not end");
	}
}

static void what_only_a_log_leaves_behind_is_no_place_for_a_new_one(void **state)
{
	static const char *const NAMES[] = {"seg.0000000000000001", "tomb.0000000000000001",
					    BUILD_NOTES};
	struct build *build = *state;
	struct bl_error why;

	build_key(build);
	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		unlinkat(build->log_fd, "log.id", 0);
		build_put_file(build, NAMES[i], "x", 1, 0);
		if (try_recover(build->scratch, &why) != BL_TAMPERED)
			fail_msg("%s: %s", NAMES[i], why.text);
		assert_int_equal(unlinkat(build->log_fd, NAMES[i], 0), 0);
	}
	assert_int_equal(try_recover(build->scratch, &why), BL_OK);
}

static void a_log_that_is_not_ours_to_write_is_refused(void **state)
{
	struct build *build = *state;
	struct build_file file = build_load(build, "log.id");
	uint8_t key[VAULT_PUBLIC_KEY];
	struct bl_error why;

	assert_int_equal(fchmod(build->log_fd, 0750), 0);
	assert_int_equal(try_recover(build->scratch, &why), BL_INVALID);
	assert_int_equal(fchmod(build->log_fd, 0700), 0);

	int other = openat(build->scratch->store_fd, "log", O_RDONLY | O_DIRECTORY);
	struct keeper keeper = {.answer = BL_OK};
	struct audit_config config = config_of(build->scratch, &keeper);
	struct resume resume;

	assert_int_equal(recover(&config, audit_io_real(), &resume, &why), BL_OK);
	assert_int_equal(try_recover(build->scratch, &why), BL_LOCKED);
	resume_done(&resume);
	close(other);

	memcpy(key, build->identity.public_key, sizeof(key));
	build->identity.public_key[0] ^= 1;
	format_identity(&build->identity, file.bytes);
	build_put(&file, 0, file.bytes, file.size);
	assert_int_equal(try_recover(build->scratch, &why), BL_TAMPERED);
	file.bytes[300] ^= 1;
	build_put(&file, 0, file.bytes, file.size);
	assert_int_equal(try_recover(build->scratch, &why), BL_TAMPERED);
	build_put(&file, 0, "other", 5);
	assert_int_equal(try_recover(build->scratch, &why), BL_INVALID);
	build_unload(&file);
}

/* ---- where it goes on ------------------------------------------------------------------------- */

/* Recovers, and compares what it found with where the builder is. */
static void expect_resume(const struct build *build, struct resume *out)
{
	struct keeper keeper = {.answer = BL_OK};
	struct audit_config config = config_of(build->scratch, &keeper);
	struct bl_error why = {.text = ""};

	if (recover(&config, audit_io_real(), out, &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_int_equal(keeper.calls, 0);
	assert_int_equal(out->number, build->number);
	assert_int_equal(out->sequence, build->sequence);
	assert_int_equal(out->frame, build->frame);
	assert_memory_equal(out->chain, build->chain, AUDIT_DIGEST);
	assert_int_equal(out->key.frame, build->frame);
	assert_memory_equal(out->key.key, build->key.key, AUDIT_KEY);
	assert_int_equal(out->key_generation, build->key_generation);
	assert_int_equal(out->note_at, build->note_at);
	resume_done(out);
}

static void writing_goes_on_behind_the_last_frame(void **state)
{
	struct build *build = *state;
	struct resume resume;

	build_sample(build);
	expect_resume(build, &resume);
	assert_int_equal(resume.key_frame, build->frame);
	assert_string_equal(resume.tail_detail, "");
	assert_string_equal(resume.empty_detail, "");
	assert_string_equal(resume.note_name, "2026-09-21");
}

static void what_was_forgeable_begins_with_the_older_copy_of_the_key(void **state)
{
	struct build *build = *state;
	struct resume resume;
	struct framekey older;

	build_start(build, 1);
	build_reads(build, 5);
	older = build->key; /* of frame 7 */
	build_reads(build, 4);
	build_key_half(build, &older, true);
	expect_resume(build, &resume);
	assert_int_equal(resume.key_frame, 7);
	assert_int_equal(resume.key.frame, 11);
	resume_done(&resume);
}

static void the_key_is_moved_on_over_all_frames_behind_it(void **state)
{
	struct build *build = *state;
	struct resume resume;

	build_start(build, 1);
	build_reads(build, 5);
	build_key(build); /* 7 */
	build_reads(build, 4);
	expect_resume(build, &resume);
	assert_int_equal(resume.key_frame, 7);
	for (unsigned i = 0; i < 4; i++) {
		build_segment(build);
		build_reads(build, 3);
		expect_resume(build, &resume);
		assert_int_equal(resume.key_frame, 7);
	}
}

/* Before f nothing is known of macs, from f on every one has to be right, in whichever segment. */
static void macs_are_checked_from_the_key_on(void **state)
{
	for (uint64_t wrong = 2; wrong <= 14; wrong++) {
		if (wrong > 2 && (build_teardown(state) != 0 || build_setup_empty(state) != 0))
			fail_msg("no store for frame %" PRIu64, wrong);

		struct build *build = *state;
		struct bl_error why = {.text = ""};

		build_start(build, 1);
		for (uint64_t frame = 2; frame <= 14; frame++) {
			if (frame == 6 || frame == 10)
				build_segment(build);
			if (frame == 8)
				build_key(build);
			build->has_wrong_mac = frame == wrong;
			build_reads(build, 1);
		}

		enum bl_status status = try_recover(build->scratch, &why);

		if (status != (wrong < 8 ? BL_OK : BL_TAMPERED))
			fail_msg("frame %" PRIu64 ": %s", wrong, why.text);
	}
}

static void a_torn_tail_is_told_of(void **state)
{
	struct build *build = *state;
	struct resume resume;
	char detail[AUDIT_DETAIL_SIZE];
	uint8_t torn[300], sum[AUDIT_DIGEST];

	memset(torn, 0x42, sizeof(torn));
	build_start(build, 1);
	build_reads(build, 5);
	assert_int_equal(pwrite(build->fd, torn, sizeof(torn), (off_t)build->at), sizeof(torn));
	format_leaf(torn, sizeof(torn), sum);
	format_tail_detail(build->at, sizeof(torn), sum, detail);
	expect_resume(build, &resume);
	assert_string_equal(resume.tail_detail, detail);
}

/* A crash right after a segment was made: it is replaced, and what is torn is told of both. */
static void a_last_segment_without_frames_is_replaced(void **state)
{
	static const struct {
		bool is_first;	/* there is no other */
		size_t torn[2]; /* in the segment before, in the last */
	} ROWS[] = {{true, {0, 0}},   {true, {0, 77}},	{false, {0, 0}},
		    {false, {0, 77}}, {false, {50, 0}}, {false, {50, 77}}};
	uint8_t torn[100], sum[AUDIT_DIGEST];

	memset(torn, 0x42, sizeof(torn));
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char tail[AUDIT_DETAIL_SIZE] = "", empty[AUDIT_DETAIL_SIZE] = "";
		struct resume resume;

		if (i && (build_teardown(state) != 0 || build_setup_empty(state) != 0))
			fail_msg("no store for row %zu", i);

		struct build *build = *state;

		if (!ROWS[i].is_first) {
			build_start(build, 1);
			build_reads(build, 3);
			build_note(build, NULL);
			assert_int_equal(pwrite(build->fd, torn, ROWS[i].torn[0], (off_t)build->at),
					 ROWS[i].torn[0]);
		}
		format_leaf(torn, ROWS[i].torn[0], sum);
		if (ROWS[i].torn[0])
			format_tail_detail(build->at, ROWS[i].torn[0], sum, tail);

		struct build before = *build;

		build_segment(build);
		assert_int_equal(pwrite(build->fd, torn, ROWS[i].torn[1], SEGMENT_HEADER),
				 ROWS[i].torn[1]);
		format_leaf(torn, ROWS[i].torn[1], sum);
		if (ROWS[i].torn[1])
			format_empty_detail(ROWS[i].torn[1], sum, empty);
		expect_resume(&before, &resume);
		if (strcmp(resume.tail_detail, tail) != 0 ||
		    strcmp(resume.empty_detail, empty) != 0)
			fail_msg("row %zu: '%s', '%s'", i, resume.tail_detail, resume.empty_detail);
	}
}

static void a_trimmed_log_goes_on(void **state)
{
	struct build *build = *state;
	struct resume resume;

	build_start(build, 1);
	build_reads(build, 4);
	build_segment(build);
	build_reads(build, 3);
	build_segment(build);
	build_trim(build, 1, 0, 4);
	build_trim(build, 2, 5, 7);
	build_key(build);
	build_reads(build, 2);
	expect_resume(build, &resume);
}

/* ---- what may not be gone on with --------------------------------------------------------------- */

enum harm {
	HARM_KEY_GONE,
	HARM_KEY_BEYOND,
	HARM_KEY_OLDER,
	HARM_KEY_OTHER,
	HARM_NOTE_BEYOND,
	HARM_NOTE_FORGED,
	HARM_NOTE_OTHER_CHAIN,
	HARM_SEGMENT_GONE,
	HARM_ALL_GONE,
	HARM_FRAME_BROKEN,
	HARM_FOREIGN_NAME,
};

/* Three segments, `key` in the second, the newest note in the last. */
static void do_harm(struct build *build, enum harm harm)
{
	struct note note;
	char bytes[NOTE_SIZE];

	build_start(build, 1);
	build_reads(build, 4);
	build_segment(build); /* 6 */
	build_reads(build, 2);
	build_key(build); /* 8 */
	build_reads(build, 2);
	build_segment(build); /* 10 */
	build_reads(build, 4);
	build_note(build, NULL);
	note = build_note_of(build);
	switch (harm) {
	case HARM_KEY_GONE:
		assert_int_equal(unlinkat(build->log_fd, FRAMEKEY_FILE, 0), 0);
		break;
	case HARM_KEY_BEYOND:
		framekey_next(&build->key);
		build_key(build);
		break;
	case HARM_KEY_OLDER:
		build->key.frame = 3;
		build_key(build);
		assert_int_equal(unlinkat(build->log_fd, "seg.0000000000000001", 0), 0);
		build_put_file(build, "tomb.0000000000000001", "x", 1, 0);
		break;
	case HARM_KEY_OTHER:
		build->key.frame = 8;
		build_key(build);
		break;
	case HARM_NOTE_BEYOND:
		build_reads(build, 1);
		build_note(build, NULL);
		assert_int_equal(ftruncate(build->fd, (off_t)(build->at - 100)), 0);
		assert_int_equal(ftruncate(build->fd, (off_t)build->size), 0);
		break;
	case HARM_NOTE_FORGED:
		note.sequence = note.frame = build->sequence;
		note_write(&note, build->scratch->vault, bytes);
		bytes[200] ^= 1;
		build_put_file(build, BUILD_NOTES, bytes, NOTE_SIZE, build->note_at);
		break;
	case HARM_NOTE_OTHER_CHAIN:
		build->chain[0] ^= 1;
		build->note_at = 0;
		build_note(build, NULL);
		break;
	case HARM_SEGMENT_GONE:
		assert_int_equal(unlinkat(build->log_fd, "seg.0000000000000006", 0), 0);
		break;
	case HARM_ALL_GONE:
		assert_int_equal(unlinkat(build->log_fd, "seg.0000000000000001", 0), 0);
		assert_int_equal(unlinkat(build->log_fd, "seg.0000000000000006", 0), 0);
		assert_int_equal(unlinkat(build->log_fd, "seg.000000000000000a", 0), 0);
		assert_int_equal(unlinkat(build->log_fd, BUILD_NOTES, 0), 0);
		break;
	case HARM_FRAME_BROKEN:
		assert_int_equal(pwrite(build->fd, "x", 1, (off_t)(build->frames[10].at + 50)), 1);
		break;
	case HARM_FOREIGN_NAME:
		build_put_file(build, "seg.zzz", "x", 1, 0);
		break;
	}
}

static void what_does_not_fit_stops_everything_and_is_left_as_it_is(void **state)
{
	for (enum harm harm = HARM_KEY_GONE; harm <= HARM_FOREIGN_NAME; harm++) {
		struct bl_error why = {.text = ""};

		if (harm && (build_teardown(state) != 0 || build_setup_empty(state) != 0))
			fail_msg("no store for %u", harm);
		do_harm(*state, harm);
		if (try_recover(((struct build *)*state)->scratch, &why) != BL_TAMPERED ||
		    !*why.text)
			fail_msg("harm %u: '%s'", harm, why.text);
	}
}

static void the_end_of_the_log_is_missed_by_its_key(void **state)
{
	struct build *build = *state;
	struct bl_error why;

	do_harm(build, HARM_KEY_BEYOND);
	assert_int_equal(try_recover(build->scratch, &why), BL_TAMPERED);
	assert_non_null(strstr(why.text, "the end of the log is missing"));
}

/* ---- again ------------------------------------------------------------------------------------ */

/* A commit failed: its frame is there or not, or half of it. The key is of that frame. */
static void writing_goes_on_after_a_failed_sync(void **state)
{
	static const struct {
		bool is_there;
		size_t torn;
	} ROWS[] = {{false, 0}, {true, 0}, {false, 60}};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct keeper keeper = {.answer = BL_OK};
		struct resume resume;
		struct bl_error why = {.text = ""};

		if (i && (build_teardown(state) != 0 || build_setup_empty(state) != 0))
			fail_msg("no store for row %zu", i);

		struct build *build = *state;
		struct audit_config config = config_of(build->scratch, &keeper);
		uint8_t torn[60];

		memset(torn, 0x42, sizeof(torn));
		assert_int_equal(recover(&config, audit_io_real(), &resume, &why), BL_OK);
		build_start(build, 1);
		build_reads(build, 6);
		build_note(build, NULL);
		resume.key = build->key;
		if (ROWS[i].is_there)
			build_reads(build, 1);
		assert_int_equal(pwrite(build->fd, torn, ROWS[i].torn, (off_t)build->at),
				 ROWS[i].torn);
		if (recover_again(build->identity.public_key, &resume, &why) != BL_OK)
			fail_msg("row %zu: %s", i, why.text);
		assert_int_equal(resume.sequence, build->sequence);
		assert_int_equal(resume.frame, build->frame);
		assert_int_equal(resume.number, build->number);
		assert_memory_equal(resume.chain, build->chain, AUDIT_DIGEST);
		assert_int_equal(resume.key.frame, build->frame);
		assert_memory_equal(resume.key.key, build->key.key, AUDIT_KEY);
		assert_int_equal(resume.tail_detail[0] != '\0', ROWS[i].torn != 0);
		assert_int_equal(resume.note_at, NOTE_SIZE);
		/* The key file is the writer's to bring forward. */
		assert_int_equal(resume.key_frame, 1);
		assert_int_equal(resume.key_generation, 1);
		resume_done(&resume);
	}
}

static void frames_that_were_durable_must_be_there_again(void **state)
{
	struct build *build = *state;
	struct keeper keeper = {.answer = BL_OK};
	struct audit_config config = config_of(build->scratch, &keeper);
	struct resume resume;
	uint8_t zeros[200] = {0};
	struct bl_error why;

	assert_int_equal(recover(&config, audit_io_real(), &resume, &why), BL_OK);
	build_start(build, 1);
	build_reads(build, 6);
	resume.key = build->key;
	assert_int_equal(pwrite(build->fd, zeros, sizeof(zeros), (off_t)(build->at - 200)), 200);
	assert_int_equal(recover_again(build->identity.public_key, &resume, &why), BL_TAMPERED);
	resume_done(&resume);
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
#define BUILT(name) cmocka_unit_test_setup_teardown(name, build_setup_empty, build_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_log_is_made_where_there_is_none),
		TEST(auditors_are_sorted_and_count_once),
		TEST(more_auditors_than_there_is_room_for_are_refused),
		TEST(without_a_place_for_the_kit_there_is_no_log),
		TEST(a_crash_while_it_is_made_leaves_no_log_or_a_whole_one),
		BUILT(what_only_a_log_leaves_behind_is_no_place_for_a_new_one),
		BUILT(a_log_that_is_not_ours_to_write_is_refused),
		BUILT(writing_goes_on_behind_the_last_frame),
		BUILT(the_key_is_moved_on_over_all_frames_behind_it),
		BUILT(what_was_forgeable_begins_with_the_older_copy_of_the_key),
		BUILT(macs_are_checked_from_the_key_on),
		BUILT(a_torn_tail_is_told_of),
		BUILT(a_last_segment_without_frames_is_replaced),
		BUILT(a_trimmed_log_goes_on),
		BUILT(what_does_not_fit_stops_everything_and_is_left_as_it_is),
		BUILT(the_end_of_the_log_is_missed_by_its_key),
		BUILT(writing_goes_on_after_a_failed_sync),
		BUILT(frames_that_were_durable_must_be_there_again),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

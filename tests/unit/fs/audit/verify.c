/* Nothing can be changed in a closed log without being found. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/format.h"
#include "tests/unit/fs/audit/scratch.h"

#include <stdio.h>

#define EVENTS 12

static int setup_log(void **state)
{
	struct audit *audit = NULL;

	if (scratch_setup(state) != 0 || scratch_open(*state, NULL, &audit, NULL) != BL_OK)
		return -1;

	unsigned filled = scratch_fill(audit, EVENTS);

	audit_close(audit);
	return filled == EVENTS ? 0 : -1;
}

/* Two runs: two segments. */
static int setup_two(void **state)
{
	struct audit *audit = NULL;

	if (setup_log(state) != 0 || scratch_open(*state, NULL, &audit, NULL) != BL_OK)
		return -1;
	scratch_fill(audit, 3);
	audit_close(audit);
	return 0;
}

struct file {
	int fd;
	size_t size;
	uint8_t *bytes;
};

static struct file load(const struct scratch *scratch, const char *name)
{
	struct file file = {0};
	struct stat st;
	char path[128];

	snprintf(path, sizeof(path), "log/%s", name);
	file.fd = openat(scratch->store_fd, path, O_RDWR);
	if (file.fd < 0 || fstat(file.fd, &st) != 0)
		fail_msg("no '%s'", name);
	file.size = (size_t)st.st_size;
	file.bytes = malloc(file.size);
	assert_non_null(file.bytes);
	assert_int_equal(pread(file.fd, file.bytes, file.size, 0), file.size);
	return file;
}

static void unload(struct file *file)
{
	close(file->fd);
	free(file->bytes);
}

static void put(const struct file *file, size_t at, const void *bytes, size_t length)
{
	assert_int_equal(pwrite(file->fd, bytes, length, (off_t)at), length);
}

/* The end of the last frame of a segment */
static size_t frames_end(const struct file *file, size_t out_frames[64], size_t *out_count)
{
	size_t at = SEGMENT_HEADER;
	struct frame_header header;

	*out_count = 0;
	while (at + FRAME_HEADER < file->size &&
	       format_frame_header_parse(file->bytes + at, &header)) {
		out_frames[(*out_count)++] = at;
		at += header.length;
	}
	out_frames[*out_count] = at;
	return at;
}

static void newest_note_name(const struct scratch *scratch, char out[32])
{
	int fd = openat(scratch->store_fd, "log/checkpoints", O_RDONLY | O_DIRECTORY);
	DIR *folder = fdopendir(fd);

	for (const struct dirent *entry; (entry = readdir(folder));)
		if (entry->d_name[0] != '.')
			snprintf(out, 32, "checkpoints/%.12s", entry->d_name);
	closedir(folder);
}

static void a_closed_log_is_good(void **state)
{
	struct audit_report report;

	assert_int_equal(scratch_verify(*state, &report, NULL), BL_OK);
	assert_int_equal(report.records, EVENTS + 2);
	assert_int_equal(report.first_sequence, 1);
	assert_int_equal(report.last_sequence, EVENTS + 2);
	assert_int_equal(report.checkpointed_sequence, EVENTS + 2);
	assert_int_equal(report.segments, 1);
	assert_false(report.is_torn);
}

static void every_flipped_byte_of_a_segment_is_found(void **state)
{
	struct file file = load(*state, "seg.0000000000000001");
	size_t frames[64], count, end = frames_end(&file, frames, &count);
	struct audit_report report;

	for (size_t at = 0; at < file.size; at += at < end + 40 ? 1 : 4099) {
		/* The reserved middle of the header is one field: every 16th byte of it will do. */
		if (at > 200 && at < 4060 && at % 16 != 0)
			continue;

		uint8_t flipped = file.bytes[at] ^ 0x20;

		put(&file, at, &flipped, 1);
		if (scratch_verify(*state, &report, NULL) == BL_OK)
			fail_msg("byte %zu flipped is not found", at);
		put(&file, at, file.bytes + at, 1);
	}
	assert_int_equal(scratch_verify(*state, &report, NULL), BL_OK);
	unload(&file);
}

static void every_flipped_byte_of_log_id_and_checkpoints_is_found(void **state)
{
	char note[32] = "";
	struct audit_report report;

	newest_note_name(*state, note);

	const char *const names[] = {"log.id", note};

	for (size_t i = 0; i < BL_COUNT(names); i++) {
		struct file file = load(*state, names[i]);

		for (size_t at = 0; at < file.size; at++) {
			uint8_t flipped = file.bytes[at] ^ 0x01;

			put(&file, at, &flipped, 1);
			if (scratch_verify(*state, &report, NULL) == BL_OK)
				fail_msg("%s: byte %zu flipped is not found", names[i], at);
			put(&file, at, file.bytes + at, 1);
		}
		unload(&file);
	}
}

static void a_truncated_segment_is_found_at_every_byte(void **state)
{
	struct file file = load(*state, "seg.0000000000000001");
	size_t frames[64], count, end = frames_end(&file, frames, &count);
	struct audit_report report;

	for (size_t at = 0; at < file.size; at += at < end + 8 && at >= 4000 ? 1 : 509) {
		assert_int_equal(ftruncate(file.fd, (off_t)at), 0);
		if (scratch_verify(*state, &report, NULL) != BL_TAMPERED)
			fail_msg("cut at %zu is not found", at);
		put(&file, 0, file.bytes, file.size);
	}
	unload(&file);
}

/* A torn note is told; one that is gone as a whole is missed only by whoever kept an anchor. */
static void a_truncated_checkpoint_is_torn_and_vouches_for_nothing(void **state)
{
	char note[32] = "";
	struct audit_report report;

	newest_note_name(*state, note);

	struct file file = load(*state, note);

	for (size_t at = 1; at < file.size; at++) {
		assert_int_equal(ftruncate(file.fd, (off_t)at), 0);
		assert_int_equal(scratch_verify(*state, &report, NULL), BL_OK);
		if (!report.is_torn && at % 267 != 0)
			fail_msg("a note cut at %zu is not told", at);
		assert_true(report.checkpointed_sequence < EVENTS + 2);
		put(&file, 0, file.bytes, file.size);
	}
	unload(&file);
}

/* The end of the log is rolled back to frame boundaries, below the newest checkpoint. */
static void frames_cut_off_below_the_newest_checkpoint_are_missed(void **state)
{
	struct file file = load(*state, "seg.0000000000000001");
	size_t frames[64], count, end = frames_end(&file, frames, &count);
	uint8_t *zeros = calloc(1, end);
	struct audit_report report;

	for (size_t keep = 0; keep < count; keep++) {
		put(&file, frames[keep], zeros, end - frames[keep]);
		assert_int_equal(scratch_verify(*state, &report, NULL), BL_TAMPERED);
		if (report.bad_sequence != keep + 1)
			fail_msg("%zu frames left: blamed is record %lu", keep,
				 (unsigned long)report.bad_sequence);
		put(&file, 0, file.bytes, end);
	}
	free(zeros);
	unload(&file);
}

static void frames_dropped_swapped_or_doubled_are_found(void **state)
{
	struct file file = load(*state, "seg.0000000000000001");
	size_t frames[64], count, end = frames_end(&file, frames, &count);
	uint8_t *bytes = calloc(1, file.size);
	struct audit_report report;

	assert_true(count > 4);
	for (size_t i = 0; i + 1 < count; i++) {
		size_t one = frames[i + 1] - frames[i], two = frames[i + 2] - frames[i + 1];

		/* dropped: the rest moves up */
		memcpy(bytes, file.bytes, file.size);
		memmove(bytes + frames[i], bytes + frames[i + 1], end - frames[i + 1]);
		memset(bytes + end - one, 0, one);
		put(&file, 0, bytes, file.size);
		assert_int_equal(scratch_verify(*state, &report, NULL), BL_TAMPERED);
		assert_int_equal(report.bad_sequence, i + 1);
		assert_int_equal(report.bad_offset, frames[i]);
		assert_string_equal(report.bad_file, "seg.0000000000000001");
		/* swapped with the next */
		memcpy(bytes, file.bytes, file.size);
		memcpy(bytes + frames[i], file.bytes + frames[i + 1], two);
		memcpy(bytes + frames[i] + two, file.bytes + frames[i], one);
		put(&file, 0, bytes, file.size);
		assert_int_equal(scratch_verify(*state, &report, NULL), BL_TAMPERED);
		/* doubled: the rest moves down */
		memcpy(bytes, file.bytes, file.size);
		memcpy(bytes + frames[i + 1], file.bytes + frames[i], end - frames[i]);
		put(&file, 0, bytes, file.size);
		assert_int_equal(scratch_verify(*state, &report, NULL), BL_TAMPERED);
		put(&file, 0, file.bytes, file.size);
	}
	free(bytes);
	unload(&file);
}

/* An attacker without the signing key computes the chain again from a changed record on. */
static void a_rewritten_chain_misses_its_checkpoint(void **state)
{
	struct file file = load(*state, "seg.0000000000000001");
	size_t frames[64], count;
	uint8_t chain[AUDIT_DIGEST], leaf[AUDIT_DIGEST];
	struct audit_report report;

	frames_end(&file, frames, &count);
	file.bytes[frames[4] + FRAME_HEADER + 32] ^= 1; /* who it was */
	memcpy(chain, file.bytes + frames[4] - FRAME_TRAILER, AUDIT_DIGEST);
	for (size_t i = 4; i < count; i++) {
		struct frame_header header;
		uint8_t *frame = file.bytes + frames[i];

		assert_true(format_frame_header_parse(frame, &header));
		assert_int_equal(header.count, 1);
		format_leaf(frame + FRAME_HEADER, bl_get16(frame + FRAME_HEADER), leaf);
		chain_record(chain, leaf);
		format_frame(frame, &header, chain);
	}
	put(&file, 0, file.bytes, file.size);
	assert_int_equal(scratch_verify(*state, &report, NULL), BL_TAMPERED);
	assert_non_null(strstr(report.problem, "checkpoint"));
	unload(&file);
}

static void move(const struct scratch *scratch, const char *from, const char *to)
{
	char a[128], b[128];

	snprintf(a, sizeof(a), "%s/log/%s", scratch->path, from);
	snprintf(b, sizeof(b), "%s/log/%s", scratch->path, to);
	assert_int_equal(rename(a, b), 0);
}

static void copy(const struct scratch *scratch, const char *from, const char *to)
{
	struct file file = load(scratch, from);
	char path[128];

	snprintf(path, sizeof(path), "log/%s", to);

	int fd = openat(scratch->store_fd, path, O_RDWR | O_CREAT | O_EXCL, 0600);

	assert_int_equal(pwrite(fd, file.bytes, file.size, 0), file.size);
	close(fd);
	unload(&file);
}

static void segments_missing_doubled_or_foreign_are_found(void **state)
{
	struct scratch *scratch = *state;
	struct audit_report report;
	static const char ONE[] = "seg.0000000000000001", TWO[] = "seg.000000000000000f";
	static const struct {
		const char *from, *to;
		bool is_copy;
	} ROWS[] = {
		{ONE, "gone", false},
		{TWO, "gone", false},
		{TWO, "seg.0000000000000020", true},
		{ONE, "seg.0000000000000009", true},
		{ONE, "seg.1", true},
		{TWO, "seg.000000000000000F", true},
		{TWO, "seg.0000000000000000", true},
	};

	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
	assert_int_equal(report.segments, 2);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char path[64];

		if (ROWS[i].is_copy)
			copy(scratch, ROWS[i].from, ROWS[i].to);
		else
			move(scratch, ROWS[i].from, ROWS[i].to);
		if (scratch_verify(scratch, &report, NULL) != BL_TAMPERED)
			fail_msg("row %zu: %s as %s is not found", i, ROWS[i].from, ROWS[i].to);
		snprintf(path, sizeof(path), "log/%s", ROWS[i].to);
		if (ROWS[i].is_copy)
			assert_int_equal(unlinkat(scratch->store_fd, path, 0), 0);
		else
			move(scratch, ROWS[i].to, ROWS[i].from);
	}
	assert_int_equal(scratch_verify(scratch, &report, NULL), BL_OK);
}

static void a_log_checked_with_another_key_or_id_is_refused(void **state)
{
	struct scratch *scratch = *state;
	uint8_t key[VAULT_PUBLIC_KEY], id[16] = {1};
	struct audit_report report;
	struct bl_error why;
	int fd = scratch_log_fd(scratch);

	memcpy(key, vault_public_key(scratch->vault), sizeof(key));
	assert_int_equal(audit_verify(fd, key, id, &report, &why), BL_INVALID);
	key[5] ^= 1;
	assert_int_equal(audit_verify(fd, key, NULL, &report, &why), BL_TAMPERED);
	close(fd);
	assert_int_equal(audit_verify(scratch->store_fd, key, NULL, &report, &why), BL_INVALID);
}

/* Bytes of a segment, with its checksum made right again: what only the chain protects. */
static void a_changed_header_with_a_right_checksum_is_found(void **state)
{
	static const size_t AT[] = {16, 32, 40, 48, 56, 88, 136, 144, 152, 160};
	struct file file = load(*state, "seg.0000000000000001");
	struct audit_report report;

	for (size_t i = 0; i < BL_COUNT(AT); i++) {
		uint8_t header[SEGMENT_HEADER];

		memcpy(header, file.bytes, sizeof(header));
		header[AT[i]] ^= 1;
		format_leaf(header, SEGMENT_HEADER - 32, header + SEGMENT_HEADER - 32);
		put(&file, 0, header, sizeof(header));
		if (scratch_verify(*state, &report, NULL) != BL_TAMPERED)
			fail_msg("header byte %zu is not found", AT[i]);
	}
	unload(&file);
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup_log, scratch_teardown)
#define TEST2(name) cmocka_unit_test_setup_teardown(name, setup_two, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_closed_log_is_good),
		TEST(every_flipped_byte_of_a_segment_is_found),
		TEST(every_flipped_byte_of_log_id_and_checkpoints_is_found),
		TEST(a_truncated_segment_is_found_at_every_byte),
		TEST(a_truncated_checkpoint_is_torn_and_vouches_for_nothing),
		TEST(frames_cut_off_below_the_newest_checkpoint_are_missed),
		TEST(frames_dropped_swapped_or_doubled_are_found),
		TEST(a_rewritten_chain_misses_its_checkpoint),
		TEST2(segments_missing_doubled_or_foreign_are_found),
		TEST(a_log_checked_with_another_key_or_id_is_refused),
		TEST(a_changed_header_with_a_right_checksum_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

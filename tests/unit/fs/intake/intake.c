/* A device's image is taken in whole, whatever form it comes in, and what was taken in can be proved. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/intake/fixture.h"

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture) || !open_store(fixture) || !enrol(fixture, DEVICE))
		return -1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

#define ASSERT_OK(fixture, status)                                                                 \
	do {                                                                                       \
		enum bl_status status_ = (status);                                                 \
		if (status_ != BL_OK)                                                              \
			fail_msg("%s: %s", bl_status_name(status_), (fixture)->why.text);          \
	} while (0)

static void file_is_sealed_and_its_digest_is_what_sha256sum_says(void **state)
{
	static const uint64_t sizes[] = {1, 4096, 65536, MIB - 1, MIB, MIB + 1, 5 * MIB + 12345};
	char image[160], digest[65], back[65];

	for (size_t i = 0; i < BL_COUNT(sizes); i++) {
		struct fixture *fixture = *state;

		if (i) {
			fixture_done(fixture);
			assert_true(fixture_init(fixture) && open_store(fixture) &&
				    enrol(fixture, DEVICE));
		}
		snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
		assert_true(put_island(image, sizes[i], 0, (size_t)sizes[i]));
		assert_true(digest_of(image, digest));
		ASSERT_OK(fixture, take_in_file(fixture, image, true));
		if (*trouble_of(fixture, digest, sizes[i]))
			fail_msg("%lu bytes: %s", (unsigned long)sizes[i],
				 trouble_of(fixture, digest, sizes[i]));
		assert_true(unseal_to(fixture, path_of(fixture, "back")));
		assert_true(digest_of(path_of(fixture, "back"), back));
		assert_string_equal(back, digest);
		assert_int_equal(count_planted(fixture, "store"), 0);
		assert_int_equal(fixture->prepared, 1);
		assert_true(receipt_says(fixture, "\"verified\":true"));
	}
}

/* ---- pipes ------------------------------------------------------------------------------------------ */

static void again(struct fixture *fixture)
{
	fixture_done(fixture);
	assert_true(fixture_init(fixture) && open_store(fixture) && enrol(fixture, DEVICE));
}

/* An image of some data, zeros in the middle, and a tail that is no whole chunk. */
static uint8_t *make_image(struct fixture *fixture, size_t length, char digest[65])
{
	uint8_t *image = calloc(1, length);

	assert_non_null(image);
	make_bytes(image, 0, length / 3);
	make_bytes(image + length - length / 4, length - length / 4, length / 4);

	FILE *file = fopen(path_of(fixture, "image"), "we");

	assert_true(file && fwrite(image, 1, length, file) == length);
	assert_int_equal(fclose(file), 0);
	assert_true(digest_of(path_of(fixture, "image"), digest));
	return image;
}

static void plain_pipe_and_stream_seal_what_a_file_does(void **state)
{
	static const struct {
		const char *name;
		enum intake_form form;
		size_t length;
		bool is_said;
	} rows[] = {
		{"plain, not said how long", INTAKE_PLAIN, 9 * MIB + 777, false},
		{"plain, whole groups, not said", INTAKE_PLAIN, 3 * MIB, false},
		{"plain, said how long", INTAKE_PLAIN, 9 * MIB + 777, true},
		{"stream", INTAKE_STREAM, 9 * MIB + 777, false},
		{"stream of whole groups", INTAKE_STREAM, 4 * MIB, false},
		{"stream of one byte", INTAKE_STREAM, 4, false},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct fixture *fixture = *state;
		char digest[65], back[65];

		again(fixture);

		uint8_t *image = make_image(fixture, rows[i].length, digest);
		struct stream stream = stream_of(image, rows[i].length, 0);
		bool is_stream = rows[i].form == INTAKE_STREAM;
		enum bl_status status =
			take_in_pipe(fixture, rows[i].form, is_stream ? stream.bytes : image,
				     is_stream ? stream.length : rows[i].length,
				     rows[i].is_said ? rows[i].length : 0);

		if (status != BL_OK || *trouble_of(fixture, digest, rows[i].length))
			fail_msg("%s: %s %s", rows[i].name, fixture->why.text,
				 trouble_of(fixture, digest, rows[i].length));
		assert_true(unseal_to(fixture, path_of(fixture, "back")));
		assert_true(digest_of(path_of(fixture, "back"), back));
		assert_string_equal(back, digest);
		assert_int_equal(count_planted(fixture, "store"), 0);
		assert_true(receipt_says(fixture, "\"verified\":false"));
		free(stream.bytes);
		free(image);
	}
}

static void source_of_another_length_than_was_said_is_refused_and_gone_on_with(void **state)
{
	static const struct {
		const char *name;
		size_t length;
		uint64_t said;
		const char *words;
	} rows[] = {
		{"early", 3 * MIB + 5, 4 * MIB, "ends early"},
		{"early at a group", 3 * MIB, 4 * MIB, "ends early"},
		{"late", 4 * MIB + 1, 4 * MIB, "goes on behind"},
		{"nothing at all", 0, 4 * MIB, "ends early"},
	};
	struct fixture *fixture = *state;
	char digest[65];

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		again(fixture);

		uint8_t *image = make_image(fixture, 4 * MIB, digest);
		uint8_t *given = calloc(1, 5 * MIB);

		assert_non_null(given);
		memcpy(given, image, 4 * MIB);
		if (take_in_pipe(fixture, INTAKE_PLAIN, given, rows[i].length, rows[i].said) !=
			    BL_INVALID ||
		    !strstr(fixture->why.text, rows[i].words))
			fail_msg("%s: %s", rows[i].name, fixture->why.text);
		assert_int_equal(count_events(fixture).found, 0);
		ASSERT_OK(fixture,
			  take_in_pipe(fixture, INTAKE_PLAIN, image, 4 * MIB, rows[i].said));
		assert_string_equal(trouble_of(fixture, digest, 4 * MIB), "");
		free(given);
		free(image);
	}
}

static void empty_source_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct stream stream = {.length = 0};

	stream_head(&stream, 0, 0);
	assert_int_equal(take_in_pipe(fixture, INTAKE_PLAIN, "", 0, 0), BL_INVALID);
	assert_non_null(strstr(fixture->why.text, "empty"));
	again(fixture);
	assert_int_equal(take_in_pipe(fixture, INTAKE_STREAM, stream.bytes, stream.length, 0),
			 BL_INVALID);
	assert_non_null(strstr(fixture->why.text, "empty"));
	assert_true(put_island(path_of(fixture, "image"), 0, 0, 0));
	assert_int_equal(take_in_file(fixture, path_of(fixture, "image"), false), BL_INVALID);
	assert_non_null(strstr(fixture->why.text, "empty"));
	free(stream.bytes);
}

/* Each is a stream of 3 MiB that goes wrong in its own way; a good one goes on with it. */
static void malformed_stream_ends_early_and_is_gone_on_with(void **state)
{
	enum wrong {
		CUT_IN_HEAD,
		CUT_IN_FRAME_HEAD,
		CUT_IN_BYTES,
		CUT_BEFORE_END,
		NO_FRAMES,
		KIND_ZERO,
		KIND_FIVE,
		NOT_ZERO,
		LENGTH_ZERO,
		LENGTH_HUGE,
		TOO_LONG,
		ZEROS_TOO_LONG,
		BAD_OVERFLOWS,
		END_EARLY,
		END_WITH_LENGTH,
		OTHER_MAGIC,
		START_ODD,
		START_LATE,
		SIZE_HUGE,
		WRONG_COUNT
	};
	struct fixture *fixture = *state;
	char digest[65];

	for (unsigned wrong = 0; wrong < WRONG_COUNT; wrong++) {
		again(fixture);

		const size_t length = 3 * MIB;
		uint8_t *image = make_image(fixture, length, digest);
		struct stream stream = {.length = 0};

		stream_head(&stream, wrong == SIZE_HUGE ? UINT64_MAX : length,
			    wrong == START_ODD	  ? 4096
			    : wrong == START_LATE ? 4 * MIB
						  : 0);
		if (wrong == OTHER_MAGIC)
			stream.bytes[5] = '2';
		if (wrong == CUT_IN_HEAD)
			stream.length = 23;
		if (wrong > CUT_IN_HEAD && wrong < OTHER_MAGIC && wrong != NO_FRAMES) {
			stream_frame(&stream, DATA, MIB, image);
			stream_frame(&stream, DATA, MIB, image + MIB);
		}

		size_t whole = stream.length;
		uint8_t *last;

		stream_frame(&stream, DATA, MIB, image + 2 * MIB);
		last = stream.bytes + whole;
		switch ((enum wrong)wrong) {
		case CUT_IN_HEAD:
			stream.length = 23;
			break;
		case NO_FRAMES:
			stream.length = whole;
			break;
		case CUT_IN_FRAME_HEAD:
			stream.length = whole + 15;
			break;
		case CUT_IN_BYTES:
			stream.length -= 1;
			break;
		case KIND_ZERO:
			bl_put32(last, 0);
			break;
		case KIND_FIVE:
			bl_put32(last, 5);
			break;
		case NOT_ZERO:
			last[4] = 1;
			break;
		case LENGTH_ZERO:
			bl_put64(last + 8, 0);
			break;
		case LENGTH_HUGE:
			bl_put64(last + 8, MIB + 1);
			break;
		case TOO_LONG:
			stream_frame(&stream, DATA, 1, "x");
			break;
		case ZEROS_TOO_LONG:
			bl_put32(last, ZEROS);
			bl_put64(last + 8, MIB + 1);
			break;
		case BAD_OVERFLOWS:
			bl_put32(last, BAD);
			bl_put64(last + 8, UINT64_MAX - 2 * MIB + 1);
			break;
		case END_EARLY:
			bl_put32(last, END);
			bl_put64(last + 8, 0);
			break;
		case END_WITH_LENGTH:
			stream_frame(&stream, END, 1, NULL);
			break;
		case CUT_BEFORE_END:
		case OTHER_MAGIC:
		case START_ODD:
		case START_LATE:
		case SIZE_HUGE:
		case WRONG_COUNT:
			break;
		}
		if (take_in_pipe(fixture, INTAKE_STREAM, stream.bytes, stream.length, 0) !=
		    BL_INVALID)
			fail_msg("row %u: %s", wrong, fixture->why.text);
		if (wrong < OTHER_MAGIC && wrong != CUT_IN_HEAD &&
		    !strstr(fixture->why.text, "ends early"))
			fail_msg("row %u: %s", wrong, fixture->why.text);
		assert_int_equal(count_events(fixture).found, 0);

		uint64_t start = 0;
		enum bl_status done = intake_done(fixture->store, DEVICE, &start, NULL);

		assert_true(done == BL_OK || done == BL_NOT_FOUND);
		free(stream.bytes);
		stream = stream_of(image, length, (size_t)start);

		enum bl_status status =
			take_in_pipe(fixture, INTAKE_STREAM, stream.bytes, stream.length, 0);

		if (status != BL_OK || *trouble_of(fixture, digest, length))
			fail_msg("row %u: %s", wrong, fixture->why.text);
		free(stream.bytes);
		free(image);
	}
}

static void unreadable_frames_are_zeros_in_the_digest_and_gaps_in_the_image(void **state)
{
	struct fixture *fixture = *state;
	const size_t length = 8 * MIB + 100;
	struct stream stream = {.length = 0};
	char digest[65];
	uint8_t *image = make_image(fixture, length, digest);

	/* Bytes 1,000,000 up to 1,000,700 in two frames, whole groups 3 to 6, and the last 50. */
	memset(image + 1000000, 0, 700);
	memset(image + 3 * MIB, 0, 3 * MIB);
	memset(image + length - 50, 0, 50);

	FILE *file = fopen(path_of(fixture, "image"), "we");

	assert_true(file && fwrite(image, 1, length, file) == length && fclose(file) == 0);
	assert_true(digest_of(path_of(fixture, "image"), digest));
	stream_head(&stream, length, 0);
	stream_frame(&stream, DATA, 1000000, image);
	stream_frame(&stream, BAD, 300, NULL);
	stream_frame(&stream, BAD, 400, NULL);
	for (size_t at = 1000700; at < 3 * MIB;) {
		size_t part = BL_MIN((size_t)MIB, 3 * MIB - at);

		stream_frame(&stream, DATA, part, image + at);
		at += part;
	}
	stream_frame(&stream, BAD, 3 * MIB, NULL);
	stream_frame(&stream, DATA, MIB, image + 6 * MIB);
	stream_frame(&stream, DATA, MIB, image + 7 * MIB);
	stream_frame(&stream, DATA, 50, image + 8 * MIB);
	stream_frame(&stream, BAD, 50, NULL);
	stream_frame(&stream, END, 0, NULL);
	ASSERT_OK(fixture, take_in_pipe(fixture, INTAKE_STREAM, stream.bytes, stream.length, 0));
	assert_string_equal(trouble_of(fixture, digest, length), "");
	assert_int_equal(fixture->result.unreadable, 700 + 3 * MIB + 50);
	assert_true(receipt_says(fixture, "\"unreadable\":{\"bytes\":3146478,\"more\":0,\"ranges\":"
					  "[[1000000,700],[3145728,3145728],[8388658,50]]}"));
	assert_true(receipt_says(fixture, "\"container\":\"e01\""));
	free(stream.bytes);
	free(image);
}

/* ---- holes ------------------------------------------------------------------------------------------- */

static void sparse_file_is_sealed_as_islands(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = UINT64_C(2) << 30;
	char image[160], digest[65];

	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, size, 0, 100000));
	assert_true(put_island(image, size, UINT64_C(1000) * MIB + 12345, MIB));
	assert_true(put_island(image, size, size - 300000, 300000));
	assert_true(digest_of(image, digest));
	ASSERT_OK(fixture, take_in_file(fixture, image, false));
	assert_string_equal(trouble_of(fixture, digest, size), "");
	/* Three islands of at most 24 chunks, nodes, header. */
	assert_true(fixture->result.facts.stored_bytes < 4 * MIB);
}

/* ---- once and again ------------------------------------------------------------------------------------ */

static void source_that_changes_while_it_is_read_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;
	char image[160], digest[65];
	struct stat st;

	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, 3 * MIB, 0, 3 * MIB));
	fixture->change = image;
	assert_int_equal(take_in_file(fixture, image, false), BL_INVALID);
	assert_non_null(strstr(fixture->why.text, "changed while it was read"));
	assert_int_equal(count_events(fixture).found, 0);
	assert_int_equal(stat(path_of(fixture, "store/devices/" DEVICE "/image"), &st), -1);
	assert_int_equal(stat(path_of(fixture, "store/devices/" DEVICE "/image.new"), &st), -1);
	assert_true(digest_of(image, digest));
	ASSERT_OK(fixture, take_in_file(fixture, image, true));
	assert_string_equal(trouble_of(fixture, digest, 3 * MIB + 1), "");
}

static void stopped_intake_is_gone_on_with_where_it_was(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = UINT64_C(1500) * MIB + 5;
	char image[160], digest[65];
	uint64_t done = 0;

	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, size, 0, 2 * MIB));
	assert_true(put_island(image, size, size - 100000, 100000));
	assert_true(digest_of(image, digest));
	fixture->stop_at = 1;
	assert_int_equal(take_in_file(fixture, image, false), BL_STALE);
	assert_int_equal(intake_done(fixture->store, DEVICE, &done, NULL), BL_OK);
	assert_true(done > 0);
	fixture->stop_at = 0;
	ASSERT_OK(fixture, take_in_file(fixture, image, false));
	assert_true(fixture->result.resumed_at >= done);
	assert_string_equal(trouble_of(fixture, digest, size), "");
	assert_true(receipt_says(fixture, "\"resumed\":1"));
	assert_int_equal(take_in_file(fixture, image, false), BL_EXISTS);
	assert_int_equal(intake_done(fixture->store, DEVICE, &done, NULL), BL_NOT_FOUND);
	assert_string_equal(trouble_of(fixture, digest, size), "");
}

enum change {
	CHANGE_NOTHING,
	CHANGE_TIME,
	CHANGE_SIZE,
	CHANGE_FILE,
	CHANGE_FIRST_BYTE,
	CHANGE_LAST_BYTE,
	CHANGE_FORM
};

/* Begun with 3 of 4 MiB, out of a pipe; what comes then is what it was, or is refused. */
static void pipe_that_changed_between_two_tries_is_refused(void **state)
{
	static const struct {
		enum intake_form form;
		enum change change;
		enum bl_status status;
	} rows[] = {
		{INTAKE_PLAIN, CHANGE_NOTHING, BL_OK},
		{INTAKE_PLAIN, CHANGE_FIRST_BYTE, BL_INVALID},
		{INTAKE_PLAIN, CHANGE_LAST_BYTE, BL_INVALID},
		{INTAKE_PLAIN, CHANGE_FORM, BL_INVALID},
		{INTAKE_PLAIN, CHANGE_SIZE, BL_INVALID},
		{INTAKE_STREAM, CHANGE_NOTHING, BL_OK},
		{INTAKE_STREAM, CHANGE_LAST_BYTE, BL_INVALID},
		{INTAKE_STREAM, CHANGE_SIZE, BL_INVALID},
		{INTAKE_STREAM, CHANGE_FORM, BL_INVALID},
	};
	struct fixture *fixture = *state;
	const size_t length = 4 * MIB;
	char digest[65];

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		again(fixture);

		uint8_t *image = calloc(1, length + MIB);
		uint64_t start = 0;

		assert_non_null(image);
		make_bytes(image, 0, length + MIB);

		struct stream stream = stream_of(image, length, 0);
		bool is_stream = rows[i].form == INTAKE_STREAM;

		assert_int_equal(take_in_pipe(fixture, rows[i].form,
					      is_stream ? stream.bytes : image,
					      is_stream ? stream.length - MIB : 3 * MIB, length),
				 BL_INVALID);
		assert_int_equal(intake_done(fixture->store, DEVICE, &start, NULL), BL_OK);
		/* Of the 3 whole groups that came the last one comes again. */
		assert_int_equal(start, 2 * MIB);
		if (rows[i].change == CHANGE_FIRST_BYTE)
			image[0] ^= 1;
		if (rows[i].change == CHANGE_LAST_BYTE)
			image[start + MIB - 1] ^= 1;
		if (rows[i].change == CHANGE_FORM)
			is_stream = !is_stream;

		size_t now = rows[i].change == CHANGE_SIZE ? length + MIB : length;

		free(stream.bytes);
		stream = stream_of(image, now, (size_t)start);

		enum bl_status status = take_in_pipe(
			fixture, is_stream ? INTAKE_STREAM : INTAKE_PLAIN,
			is_stream ? stream.bytes : image, is_stream ? stream.length : now, now);

		if (status != rows[i].status)
			fail_msg("row %zu: %s: %s", i, bl_status_name(status), fixture->why.text);
		assert_int_equal(count_events(fixture).found, status == BL_OK);
		if (status == BL_OK) {
			FILE *file = fopen(path_of(fixture, "image"), "we");

			assert_true(file && fwrite(image, 1, now, file) == now);
			assert_int_equal(fclose(file), 0);
			assert_true(digest_of(path_of(fixture, "image"), digest));
			assert_string_equal(trouble_of(fixture, digest, now), "");
			assert_int_equal(fixture->result.resumed_at, start + MIB);
		}
		free(stream.bytes);
		free(image);
	}
}

static void stream_that_begins_too_late_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const size_t length = 4 * MIB;
	uint8_t *image = calloc(1, length);

	assert_non_null(image);
	make_bytes(image, 0, length);

	struct stream stream = stream_of(image, length, 65536);

	assert_int_equal(take_in_pipe(fixture, INTAKE_STREAM, stream.bytes, stream.length, 0),
			 BL_INVALID);
	assert_non_null(strstr(fixture->why.text, "has to begin at 0"));
	free(stream.bytes);
	free(image);
}

/* Dies at the second checkpoint: so much is durable as the first one says. */
static bool take_in_and_die(struct fixture *fixture, const char *image, const char *step,
			    unsigned skips)
{
	int status;

	close_store(fixture);

	pid_t pid = fork();

	if (pid == 0) {
		fixture->die_at = step;
		fixture->die_skips = skips;
		if (!open_store(fixture))
			_exit(98);
		(void)!take_in_file(fixture, image, true);
		_exit(97);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 99 && open_store(fixture);
}

static void file_that_changed_between_two_tries_is_refused(void **state)
{
	static const struct {
		enum change change;
		enum bl_status status;
		const char *words;
	} rows[] = {
		{CHANGE_NOTHING, BL_OK, ""},
		{CHANGE_TIME, BL_INVALID, "not the source it was"},
		{CHANGE_SIZE, BL_INVALID, "not the source it was"},
		{CHANGE_FILE, BL_INVALID, "not the source it was"},
		{CHANGE_LAST_BYTE, BL_INVALID, "differs"},
	};
	const uint64_t size = UINT64_C(520) * MIB;
	struct fixture *fixture = *state;
	char image[160], digest[65];

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct stat st;

		again(fixture);
		snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
		assert_true(put_island(image, size, 255 * MIB, 2 * MIB));
		assert_int_equal(stat(image, &st), 0);
		assert_true(take_in_and_die(fixture, image, "checkpoint", 1));

		const struct timespec was[2] = {st.st_mtim, st.st_mtim};

		if (rows[i].change == CHANGE_TIME)
			assert_int_equal(utimensat(AT_FDCWD, image, NULL, 0), 0);
		if (rows[i].change == CHANGE_SIZE)
			assert_int_equal(truncate(image, (off_t)size + 1), 0);
		if (rows[i].change == CHANGE_LAST_BYTE) {
			int fd = open(image, O_WRONLY | O_CLOEXEC);

			/* In the last group that is durable; somebody put the time back. */
			assert_int_equal(pwrite(fd, "~", 1, 256 * (off_t)MIB - 1), 1);
			close(fd);
			assert_int_equal(utimensat(AT_FDCWD, image, was, 0), 0);
		}
		if (rows[i].change == CHANGE_FILE) {
			assert_int_equal(rename(image, path_of(fixture, "aside")), 0);
			assert_true(put_island(image, size, 255 * MIB, 2 * MIB));
			assert_int_equal(utimensat(AT_FDCWD, image, was, 0), 0);
		}

		enum bl_status status = take_in_file(fixture, image, false);

		if (status != rows[i].status || !strstr(fixture->why.text, rows[i].words))
			fail_msg("row %zu: %s: %s", i, bl_status_name(status), fixture->why.text);
		if (status != BL_OK)
			continue;
		assert_int_equal(fixture->result.resumed_at, 256 * MIB);
		assert_true(digest_of(image, digest));
		assert_string_equal(trouble_of(fixture, digest, size), "");
	}
}

/* ---- what is not done ------------------------------------------------------------------------------------ */

static void only_one_works_on_a_device(void **state)
{
	struct fixture *fixture = *state;
	char image[160];

	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, MIB, 0, MIB));
	assert_int_equal(device_shred_claim(fixture->store, DEVICE, NULL), BL_OK);
	assert_int_equal(take_in_file(fixture, image, false), BL_LOCKED);
	device_shred_unclaim(fixture->store, DEVICE);
	ASSERT_OK(fixture, take_in_file(fixture, image, false));
}

static void device_that_is_not_to_be_sealed_or_known_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct device plain = {.kind = DEVICE_DISK, .enrolled_unix = NOW, .received_unix = NOW};
	const struct intake intake = intake_of(fixture);
	char image[160];

	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, MIB, 0, MIB));

	int fd = open(image, O_RDONLY | O_CLOEXEC);
	const struct intake_source source = {.form = INTAKE_FILE, .fd = fd, .container = "raw"};

	snprintf(plain.id, sizeof(plain.id), "RMA-2");
	snprintf(plain.source, sizeof(plain.source), "%s", image);
	assert_int_equal(device_enroll(fixture->store, &plain, NULL, NULL), BL_OK);
	assert_int_equal(intake_run(&intake, "RMA-2", &source, NULL, false, NULL, &fixture->result,
				    &fixture->why),
			 BL_INVALID);
	assert_int_equal(intake_run(&intake, "RMA-3", &source, NULL, false, NULL, &fixture->result,
				    &fixture->why),
			 BL_NOT_FOUND);
	assert_int_equal(device_set_state(fixture->store, DEVICE, STATE_DUE, 1, NULL), BL_OK);
	assert_int_equal(take_in(fixture, &source, NULL, false), BL_INVALID);
	assert_non_null(strstr(fixture->why.text, "is due"));
	close(fd);
}

static void source_that_is_neither_file_nor_device_is_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(take_in_file(fixture, "/dev/null", false), BL_INVALID);
	assert_int_equal(take_in_file(fixture, "/tmp", false), BL_INVALID);
}

/* What the caller writes down before the end failed: nothing is complete, and the next try does not read it all again. */
static void failure_before_the_end_is_gone_on_from(void **state)
{
	struct fixture *fixture = *state;
	char image[160], digest[65], *before, *after;
	struct device device;
	size_t length;

	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, 2 * MIB, 0, 2 * MIB));
	assert_true(digest_of(image, digest));
	fixture->prepare_status = BL_IO;
	assert_int_equal(take_in_file(fixture, image, false), BL_IO);
	assert_int_equal(count_events(fixture).found, 0);
	assert_int_equal(device_find(fixture->store, DEVICE, &device, NULL), BL_OK);
	assert_false(device.is_complete);
	before = read_receipt(fixture, &length);
	assert_non_null(before);
	fixture->prepare_status = BL_OK;
	/* The source is not even looked at any more. */
	ASSERT_OK(fixture, take_in_file(fixture, "/dev/null", true));
	after = read_receipt(fixture, &length);
	assert_string_equal(after, before);
	assert_string_equal(trouble_of(fixture, digest, 2 * MIB), "");
	free(before);
	free(after);
}

static void receipt_that_is_not_the_one_of_the_log_is_told(void **state)
{
	struct fixture *fixture = *state;
	char image[160];

	snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
	assert_true(put_island(image, MIB, 0, MIB));
	assert_true(take_in_and_die(fixture, image, "complete", 0));
	assert_int_equal(unlink(path_of(fixture, "store/certificates/" DEVICE "~intake.json")), 0);
	/* Made anew it says another program run's time. */
	assert_int_equal(count_events(fixture).found, 1);

	struct intake intake = intake_of(fixture);
	int fd = open(image, O_RDONLY | O_CLOEXEC);
	const struct intake_source source = {.form = INTAKE_FILE, .fd = fd, .container = "raw"};

	intake.by = 1001;
	assert_int_equal(intake_run(&intake, DEVICE, &source, NULL, false, NULL, &fixture->result,
				    &fixture->why),
			 BL_TAMPERED);
	assert_int_equal(count_events(fixture).found, 1);
	close(fd);
}

/* Who can write into the store can take a file of the intake away, and cannot have it begun anew over what was sealed. */
static void missing_or_changed_job_is_told(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = UINT64_C(520) * MIB;
	char image[160], job[160];

	for (unsigned i = 0; i < 2; i++) {
		again(fixture);
		snprintf(image, sizeof(image), "%s", path_of(fixture, "image"));
		snprintf(job, sizeof(job), "%s",
			 path_of(fixture, "store/devices/" DEVICE "/image/intake"));
		assert_true(put_island(image, size, 0, 100));
		assert_true(take_in_and_die(fixture, image, "checkpoint", 1));
		if (i == 0) {
			assert_int_equal(unlink(job), 0);
		} else {
			int fd = open(job, O_WRONLY | O_CLOEXEC);

			assert_int_equal(pwrite(fd, "x", 1, 60), 1);
			close(fd);
		}
		assert_int_equal(take_in_file(fixture, image, false), BL_TAMPERED);
		assert_int_equal(count_events(fixture).found, 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(file_is_sealed_and_its_digest_is_what_sha256sum_says),
		TEST(plain_pipe_and_stream_seal_what_a_file_does),
		TEST(source_of_another_length_than_was_said_is_refused_and_gone_on_with),
		TEST(empty_source_is_refused),
		TEST(malformed_stream_ends_early_and_is_gone_on_with),
		TEST(unreadable_frames_are_zeros_in_the_digest_and_gaps_in_the_image),
		TEST(sparse_file_is_sealed_as_islands),
		TEST(source_that_changes_while_it_is_read_leaves_nothing),
		TEST(stopped_intake_is_gone_on_with_where_it_was),
		TEST(pipe_that_changed_between_two_tries_is_refused),
		TEST(stream_that_begins_too_late_is_refused),
		TEST(file_that_changed_between_two_tries_is_refused),
		TEST(only_one_works_on_a_device),
		TEST(device_that_is_not_to_be_sealed_or_known_is_refused),
		TEST(source_that_is_neither_file_nor_device_is_refused),
		TEST(failure_before_the_end_is_gone_on_from),
		TEST(receipt_that_is_not_the_one_of_the_log_is_told),
		TEST(missing_or_changed_job_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

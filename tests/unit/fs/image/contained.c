/*
 * Containers in place: the same bytes wherever one begins to read, whatever becomes of the programs that decode them. Where they
 * misbehave, this very program is one of them: it plays what the container's file says.
 */
#include "container-made.h"

#include "fs/image/contained.h"
#include "fs/image/container/ask.h"

#include <pthread.h>
#include <time.h>

/* ---- the program that misbehaves ---------------------------------------------------------------- */

enum play {
	PLAY_WELL,
	PLAY_DIE,      /* at granule @at */
	PLAY_HANG,     /* there */
	PLAY_SERIAL,   /* there it repeats another serial */
	PLAY_OFFSET,   /* another offset */
	PLAY_MAGIC,    /* another magic */
	PLAY_SHORT,    /* a byte less */
	PLAY_LONG,     /* more bytes than a granule has */
	PLAY_STUB,     /* half a head */
	PLAY_CLAIM,    /* says more than it sends */
	PLAY_RESERVED, /* a field that is none */
	PLAY_BAD,      /* its sector 3 cannot be read */
	PLAY_MUTE,     /* never says how much there is */
	PLAY_NOTHING,  /* says there are 0 bytes */
	PLAY_HUGE,     /* says there are over a pebibyte */
	PLAY_LEAVE,    /* ends at once, as for an encrypted container */
	PLAY_FIRST,    /* says its size with bytes behind it */
};

/* The file of such a container. */
struct script {
	uint64_t bytes, at;
	uint64_t play;
};

struct said {
	struct ask_answer head;
	uint8_t bytes[ASK_GRANULE + 512];
};

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset / 511 + offset);
}

/* Each granule begins with the number of its process. */
static void play_granule(const struct script *script, const struct ask_question *question,
			 struct said *said)
{
	uint64_t begin = question->offset, left = script->bytes - begin;
	uint32_t length = (uint32_t)BL_MIN(left, (uint64_t)ASK_GRANULE), sent = length;
	enum play play = begin == script->at ? (enum play)script->play : PLAY_WELL;

	said->head = (struct ask_answer){ASK_MAGIC, question->serial, begin, length, 0, {0}};
	for (uint32_t i = 0; i < length; i++)
		said->bytes[i] = byte_at(begin + i);
	bl_put32(said->bytes, (uint32_t)getpid());
	switch (play) {
	case PLAY_DIE:
		_exit(1);
	case PLAY_HANG:
		for (;;)
			pause();
	case PLAY_SERIAL:
		said->head.serial--;
		break;
	case PLAY_OFFSET:
		said->head.offset += ASK_GRANULE;
		break;
	case PLAY_MAGIC:
		said->head.magic++;
		break;
	case PLAY_SHORT:
		sent = said->head.length = length - 1;
		break;
	case PLAY_LONG:
		sent = said->head.length = length + 512;
		break;
	case PLAY_CLAIM:
		sent = length / 2;
		break;
	case PLAY_RESERVED:
		said->head.reserved = 1;
		break;
	case PLAY_BAD:
		said->head.is_bad[0] = 1u << 3;
		break;
	case PLAY_STUB:
		(void)!write(1, said, sizeof(said->head) / 2);
		return;
	case PLAY_WELL:
	case PLAY_MUTE:
	case PLAY_NOTHING:
	case PLAY_HUGE:
	case PLAY_LEAVE:
	case PLAY_FIRST:
		break;
	}
	(void)!write(1, said, sizeof(said->head) + sent);
}

static int play_program(void)
{
	static struct said said;
	struct ask_question question;
	struct script script;

	if (pread(3, &script, sizeof(script), 0) != (ssize_t)sizeof(script))
		return 2;
	if (script.play == PLAY_LEAVE)
		return 70; /* EXIT_ENCRYPTED */
	while (script.play == PLAY_MUTE)
		pause();
	said.head = (struct ask_answer){.magic = ASK_MAGIC, .offset = script.bytes};
	if (script.play == PLAY_NOTHING)
		said.head.offset = 0;
	if (script.play == PLAY_HUGE)
		said.head.offset = UINT64_MAX;
	(void)!write(1, &said, sizeof(said.head) + (script.play == PLAY_FIRST ? 8 : 0));
	while (read(0, &question, sizeof(question)) == (ssize_t)sizeof(question))
		play_granule(&script, &question, &said);
	return 0;
}

/* ---- the stage ---------------------------------------------------------------------------------- */

/* In the stage's folder lies a "bailee-container-qcow" that is this program. */
static int setup(void **state)
{
	if (stage_setup(state) != 0)
		return -1;
	char path[PATH_MAX], own[PATH_MAX] = "";

	stage_path(*state, "bailee-container-qcow", path);
	return readlink("/proc/self/exe", own, sizeof(own) - 1) > 0 ? symlink(own, path) : -1;
}

static struct container *container_of(const struct stage *stage, const char *name)
{
	struct container *container = NULL;
	char path[PATH_MAX];

	stage_path(stage, name, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct bl_error why = {""};
	if (container_open_beside(fd, path, &container, &why) != BL_OK)
		fail_msg("%s: %s", name, why.text);
	close(fd);
	return container;
}

static void write_script(const struct stage *stage, const struct script *script)
{
	stage_write(stage, "script", script, sizeof(*script));
}

static enum bl_status open_script(const struct stage *stage, const struct script *script,
				  struct contained **out, struct bl_error *why)
{
	const struct contained_options options = {stage->folder, 200, 200};

	write_script(stage, script);
	struct container *container = container_of(stage, "script");
	container->kind = CONTAINER_QCOW; /* nobody looks at it again */
	return contained_open(container, &options, out, why);
}

static struct contained *opened(const struct stage *stage, const struct script *script)
{
	struct contained *contained = NULL;

	assert_int_equal(open_script(stage, script, &contained, NULL), BL_OK);
	return contained;
}

/* Who decoded the granule that begins there? */
static pid_t pid_at(struct contained *contained, uint64_t offset)
{
	uint8_t bytes[4];

	assert_int_equal(contained_read(contained, offset, bytes, sizeof(bytes), NULL), BL_OK);
	return (pid_t)bl_get32(bytes);
}

static void assert_bytes(struct contained *contained, uint64_t offset, size_t length)
{
	uint8_t *bytes = malloc(length);

	assert_non_null(bytes);
	assert_int_equal(contained_read(contained, offset, bytes, length, NULL), BL_OK);
	for (size_t i = 0; i < length; i++)
		if ((offset + i) % ASK_GRANULE >= 4 && bytes[i] != byte_at(offset + i))
			fail_msg("byte %llu", (unsigned long long)(offset + i));
	free(bytes);
}

#define GRANULES UINT64_C(40)
static const struct script WELL = {GRANULES * ASK_GRANULE + 700, 0, PLAY_WELL};

/* ---- the real programs -------------------------------------------------------------------------- */

static void read_anywhere(const struct made *row, const struct stage *stage,
			  struct contained *contained)
{
	uint8_t *bytes = malloc(RAW_BYTES);
	uint64_t random = 5;

	assert_non_null(bytes);
	assert_int_equal(contained_size(contained), RAW_BYTES);
	for (int i = 0; i < 60; i++) {
		uint32_t at = stage_random(&random) % RAW_BYTES;
		uint32_t length = 1 + stage_random(&random) % BL_MIN(RAW_BYTES - at, 300000u);

		assert_int_equal(contained_read(contained, at, bytes, length, NULL), BL_OK);
		if (memcmp(bytes, stage->raw + at, length) != 0)
			fail_msg("%s: %u bytes at %u differ", row->name, length, at);
	}
	assert_int_equal(contained_read(contained, 0, bytes, RAW_BYTES, NULL), BL_OK);
	assert_memory_equal(bytes, stage->raw, RAW_BYTES);
	assert_int_equal(contained_read(contained, RAW_BYTES - 1, bytes, 2, NULL), BL_IO);
	assert_int_equal(contained_read(contained, UINT64_MAX, bytes, 2, NULL), BL_IO);
	free(bytes);
}

static void every_container_is_read_from_anywhere(void **state)
{
	const struct stage *stage = *state;
	const struct contained_options options = {.folder = stage->programs};

	for (size_t i = 0; i < BL_COUNT(MADE); i++) {
		struct contained *contained = NULL;
		struct bl_error why = {""};

		if (!make(stage, &MADE[i]))
			continue;
		if (contained_open(container_of(stage, MADE[i].open), &options, &contained, &why) !=
		    BL_OK)
			fail_msg("%s: %s", MADE[i].name, why.text);
		read_anywhere(&MADE[i], stage, contained);
		contained_close(contained);
	}
}

/* Backwards, so that what is known of later chunks is known first. */
static void damaged_chunks_of_e01_are_errors_from_wherever_one_comes(void **state)
{
	const struct stage *stage = *state;
	const struct contained_options options = {.folder = stage->programs};
	struct contained *contained = NULL;
	size_t bad = 0;

	if (!stage_has(stage, "ewfacquire"))
		skip();
	assert_int_equal(stage_run(stage, "ewfacquire -u -c none -f encase6 -t damaged raw.dd"), 0);
	spoil(stage, "damaged.E01", 1200000);
	spoil(stage, "damaged.E01", 1500000);
	assert_int_equal(
		contained_open(container_of(stage, "damaged.E01"), &options, &contained, NULL),
		BL_OK);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = RAW_BYTES / 512; i-- > 0;) {
			uint8_t sector[512];
			enum bl_status status =
				contained_read(contained, i * 512, sector, sizeof(sector), NULL);

			if (status == BL_OK)
				assert_memory_equal(sector, stage->raw + i * 512, sizeof(sector));
			bad += status != BL_OK;
		}
	assert_int_equal(bad, 2 * 2 * 32768 / 512);
	contained_close(contained);
}

static void refused_container_says_why(void **state)
{
	const struct stage *stage = *state;
	const struct contained_options options = {.folder = stage->programs};
	struct contained *contained = NULL;
	struct bl_error why = {""};

	/* A header and nothing behind it. */
	stage_write(stage, "none.q", "QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(contained_open(container_of(stage, "none.q"), &options, &contained, &why),
			 BL_INVALID);
	assert_non_null(strstr(why.text, "damaged"));
	const struct contained_options nowhere = {.folder = "/nonexistent"};
	assert_int_equal(contained_open(container_of(stage, "none.q"), &nowhere, &contained, &why),
			 BL_FAILED);
}

/* ---- programs that misbehave -------------------------------------------------------------------- */

static void what_was_decoded_is_not_asked_for_again(void **state)
{
	struct contained *contained = opened(*state, &WELL);
	pid_t pid = pid_at(contained, 0);

	assert_bytes(contained, 0, (size_t)WELL.bytes);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_bytes(contained, 0, (size_t)WELL.bytes);
	assert_int_equal(pid_at(contained, 0), pid);
	contained_close(contained);
}

static void program_that_died_is_started_anew(void **state)
{
	struct contained *contained = opened(*state, &WELL);
	pid_t pid = pid_at(contained, 0);

	assert_int_equal(kill(pid, SIGKILL), 0);
	pid_t next = pid_at(contained, ASK_GRANULE);
	assert_int_not_equal(next, pid);
	assert_int_equal(kill(pid, 0), -1); /* reaped */
	assert_int_equal(pid_at(contained, 2 * ASK_GRANULE), next);
	contained_close(contained);
	assert_int_equal(kill(next, 0), -1);
}

/* Whatever it does at one granule, that one is an error and its neighbours are not. */
static void misbehaving_costs_one_granule(void **state)
{
	static const enum play PLAYS[] = {PLAY_DIE,   PLAY_HANG,    PLAY_SERIAL, PLAY_OFFSET,
					  PLAY_MAGIC, PLAY_SHORT,   PLAY_LONG,	 PLAY_STUB,
					  PLAY_CLAIM, PLAY_RESERVED};
	uint8_t byte;

	for (size_t i = 0; i < BL_COUNT(PLAYS); i++) {
		struct contained *contained =
			opened(*state, &(struct script){WELL.bytes, 3 * ASK_GRANULE, PLAYS[i]});

		assert_bytes(contained, 0, 3 * (size_t)ASK_GRANULE);
		if (contained_read(contained, 3 * ASK_GRANULE + 9, &byte, 1, NULL) != BL_IO)
			fail_msg("play %d is believed", PLAYS[i]);
		assert_bytes(contained, 4 * ASK_GRANULE, 5 * (size_t)ASK_GRANULE);
		/* It is known now, and nobody else has to die of it. */
		pid_t pid = pid_at(contained, 10 * ASK_GRANULE);
		assert_int_equal(contained_read(contained, 3 * ASK_GRANULE, &byte, 1, NULL), BL_IO);
		assert_int_equal(pid_at(contained, 11 * ASK_GRANULE), pid);
		contained_close(contained);
	}
}

static void bad_sector_is_an_error_of_what_lies_in_it(void **state)
{
	struct contained *contained = opened(*state, &(struct script){WELL.bytes, 0, PLAY_BAD});
	uint8_t bytes[4096];

	assert_bytes(contained, 0, 3 * 512);
	assert_bytes(contained, 4 * 512, 2 * (size_t)ASK_GRANULE);
	assert_int_equal(contained_read(contained, 3 * 512, bytes, 1, NULL), BL_IO);
	assert_int_equal(contained_read(contained, 4 * 512 - 1, bytes, 1, NULL), BL_IO);
	assert_int_equal(contained_read(contained, 0, bytes, sizeof(bytes), NULL), BL_IO);
	assert_int_equal(contained_read(contained, 3 * 512 - 1, bytes, 1, NULL), BL_OK);
	contained_close(contained);
}

static void first_words_are_not_believed_either(void **state)
{
	static const struct {
		enum play play;
		enum bl_status status;
	} ROWS[] = {{PLAY_MUTE, BL_TIMED_OUT},
		    {PLAY_NOTHING, BL_IO},
		    {PLAY_HUGE, BL_IO},
		    {PLAY_LEAVE, BL_INVALID},
		    {PLAY_FIRST, BL_IO}};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct script script = {WELL.bytes, 0, ROWS[i].play};
		struct contained *contained = NULL;
		enum bl_status status = open_script(*state, &script, &contained, NULL);

		if (status != ROWS[i].status)
			fail_msg("play %d: %s", ROWS[i].play, bl_status_name(status));
	}
}

static void other_size_later_is_another_image(void **state)
{
	struct contained *contained = opened(*state, &WELL);
	uint8_t byte;

	assert_int_equal(kill(pid_at(contained, 0), SIGKILL), 0);
	write_script(*state, &(struct script){WELL.bytes + 1, 0, PLAY_WELL});
	assert_int_equal(contained_read(contained, ASK_GRANULE, &byte, 1, NULL), BL_IO);
	write_script(*state, &WELL);
	assert_bytes(contained, 2 * ASK_GRANULE, ASK_GRANULE);
	contained_close(contained);
}

static void image_whose_programs_die_all_the_time_is_given_up(void **state)
{
	struct contained *contained = opened(*state, &WELL);
	uint8_t byte;

	assert_bytes(contained, 0, ASK_GRANULE);
	for (unsigned i = 0; i < CONTAINED_DEATHS; i++) {
		uint64_t at = (1 + i) * ASK_GRANULE;

		write_script(*state, &(struct script){WELL.bytes, at, PLAY_DIE});
		kill(pid_at(contained, 0), SIGKILL);
		(void)!contained_read(contained, at, &byte, 1, NULL);
	}
	write_script(*state, &WELL);
	assert_int_equal(contained_read(contained, 39 * ASK_GRANULE, &byte, 1, NULL), BL_IO);
	/* What is decoded stays. */
	assert_bytes(contained, 0, ASK_GRANULE);
	contained_close(contained);
}

/* More than is kept: the oldest go, and come again. */
static void far_more_than_is_kept_is_read_twice(void **state)
{
	const uint64_t granules = 2 * CONTAINED_KEPT + 3;
	struct contained *contained =
		opened(*state, &(struct script){granules * ASK_GRANULE, 0, PLAY_WELL});

	for (int pass = 0; pass < 2; pass++)
		for (uint64_t i = 0; i < granules; i++)
			assert_bytes(contained, i * ASK_GRANULE + 4, 100);
	contained_close(contained);
}

/* ---- several at once ---------------------------------------------------------------------------- */

struct many {
	struct contained *contained;
	uint64_t seed;
	bool is_wrong;
};

static void *read_many(void *context)
{
	struct many *many = context;
	uint8_t bytes[70000];

	for (int i = 0; i < 200; i++) {
		uint64_t at = stage_random(&many->seed) % (WELL.bytes - sizeof(bytes));

		if (contained_read(many->contained, at, bytes, sizeof(bytes), NULL) != BL_OK) {
			many->is_wrong = true;
			continue;
		}
		for (size_t j = 0; j < sizeof(bytes); j++)
			if ((at + j) % ASK_GRANULE >= 4 && bytes[j] != byte_at(at + j))
				many->is_wrong = true;
	}
	return NULL;
}

static void many_threads_read_one_image(void **state)
{
	struct contained *contained = opened(*state, &WELL);
	struct many many[6];
	pthread_t threads[6];

	for (size_t i = 0; i < BL_COUNT(many); i++) {
		many[i] = (struct many){contained, i, false};
		assert_int_equal(pthread_create(&threads[i], NULL, read_many, &many[i]), 0);
	}
	for (size_t i = 0; i < BL_COUNT(many); i++) {
		pthread_join(threads[i], NULL);
		assert_false(many[i].is_wrong);
	}
	contained_close(contained);
}

static void *read_the_one_that_hangs(void *context)
{
	uint8_t byte;

	return contained_read(context, 0, &byte, 1, NULL) == BL_IO ? context : NULL;
}

/* While one program hangs another one works: this read comes back first, and the hanging one then. */
static void hanging_program_holds_nobody_up(void **state)
{
	const struct contained_options options = {((struct stage *)*state)->folder, 3000, 0};
	const struct script script = {WELL.bytes, 0, PLAY_HANG};
	struct contained *contained = NULL;
	pthread_t thread;
	void *is_error = NULL;

	write_script(*state, &script);
	struct container *container = container_of(*state, "script");
	container->kind = CONTAINER_QCOW;
	assert_int_equal(contained_open(container, &options, &contained, NULL), BL_OK);
	assert_int_equal(pthread_create(&thread, NULL, read_the_one_that_hangs, contained), 0);
	for (uint64_t i = 1; i < GRANULES; i++)
		assert_bytes(contained, i * ASK_GRANULE, ASK_GRANULE);
	assert_int_equal(pthread_join(thread, &is_error), 0);
	assert_ptr_equal(is_error, contained);
	contained_close(contained);
}

/* ---- which files count -------------------------------------------------------------------------- */

static enum bl_status open_beside(const struct stage *stage, const char *name, struct bl_error *why)
{
	struct container *container = NULL;
	char path[PATH_MAX];

	stage_path(stage, name, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	enum bl_status status = container_open_beside(fd, path, &container, why);
	close(fd);
	container_free(container);
	return status;
}

static void further_file_that_is_not_like_the_first_does_not_count(void **state)
{
	static const struct {
		const char *make, *words;
	} ROWS[] = {
		{"ln -s /etc/hostname f.002", "is a link"},
		{"chmod 640 f.001 && cp f.001 f.002 && chmod 600 f.002", "another owner"},
		{"mkfifo f.002", "no image"},
		{"mkdir f.002", "no image"},
	};
	const struct stage *stage = *state;
	struct bl_error why;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		stage_run(stage, "rm -rf f.00*");
		stage_write(stage, "f.001", "12345678", 8);
		assert_int_equal(stage_run(stage, ROWS[i].make), 0);
		assert_int_equal(open_beside(stage, "f.001", &why), BL_INVALID);
		if (!strstr(why.text, ROWS[i].words))
			fail_msg("%s: %s", ROWS[i].make, why.text);
	}
	stage_run(stage, "rm -rf f.00* && printf 12345678 >f.001 && cp f.001 f.002");
	assert_int_equal(open_beside(stage, "f.001", &why), BL_OK);
	if (geteuid() != 0)
		return;
	assert_int_equal(stage_run(stage, "chown 1 f.002"), 0);
	assert_int_equal(open_beside(stage, "f.001", &why), BL_INVALID);
	assert_int_equal(stage_run(stage, "chown 0:1 f.002"), 0);
	assert_int_equal(open_beside(stage, "f.001", &why), BL_INVALID);
}

/* Whoever wrote to the stick that this is an image of wants the disk beside it. */
static void raw_image_that_looks_like_a_descriptor_names_nobody_else(void **state)
{
	static const char TEXT[] = "# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\n"
				   "createType=\"monolithicFlat\"\nRW 16 FLAT \"%s\" 0\n";
	static const struct {
		const char *name;
		bool is_fine;
	} ROWS[] = {{"neighbour.vmdk", false},	   {"stick-flat.vmdk", true},
		    {"stick2-flat.vmdk", false},   {"sticks.vmdk", false},
		    {"stick.vmdk", false},	   {"-flat.vmdk", false},
		    {"../stick-flat.vmdk", false}, {"stick-../x.vmdk", false}};
	const struct stage *stage = *state;
	char text[512];

	assert_int_equal(stage_run(stage, "for f in neighbour stick-flat stick2-flat sticks -flat; "
					  "do truncate -s 8K -- $f.vmdk; done"),
			 0);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int length = snprintf(text, sizeof(text), TEXT, ROWS[i].name);

		stage_write(stage, "stick.dd", text, (size_t)length);
		bool is_fine = open_beside(stage, "stick.dd", NULL) == BL_OK;
		if (is_fine != ROWS[i].is_fine)
			fail_msg("'%s'", ROWS[i].name);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_container_is_read_from_anywhere),
		cmocka_unit_test(damaged_chunks_of_e01_are_errors_from_wherever_one_comes),
		cmocka_unit_test(refused_container_says_why),
		cmocka_unit_test(what_was_decoded_is_not_asked_for_again),
		cmocka_unit_test(program_that_died_is_started_anew),
		cmocka_unit_test(misbehaving_costs_one_granule),
		cmocka_unit_test(bad_sector_is_an_error_of_what_lies_in_it),
		cmocka_unit_test(first_words_are_not_believed_either),
		cmocka_unit_test(other_size_later_is_another_image),
		cmocka_unit_test(image_whose_programs_die_all_the_time_is_given_up),
		cmocka_unit_test(far_more_than_is_kept_is_read_twice),
		cmocka_unit_test(many_threads_read_one_image),
		cmocka_unit_test(hanging_program_holds_nobody_up),
		cmocka_unit_test(further_file_that_is_not_like_the_first_does_not_count),
		cmocka_unit_test(raw_image_that_looks_like_a_descriptor_names_nobody_else),
	};

	if (argc == 3 && strcmp(argv[0], "bailee-container") == 0)
		return play_program();
	return cmocka_run_group_tests(tests, setup, stage_teardown);
}

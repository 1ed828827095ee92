/* Sealing: what was put comes back, whenever it is looked at, and only if nothing was changed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/vault/sealed-image.h"

#include <sodium.h>

static const uint8_t ROOT[VAULT_KEY] = {1}, OTHER_ROOT[VAULT_KEY] = {2};
static const uint8_t DIGEST[32] = {0xd1};

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

struct room {
	uint8_t *put, *back;
};

static struct room room_new(void)
{
	struct room room = {aligned_alloc(4096, SEALED_GROUP), aligned_alloc(4096, SEALED_GROUP)};

	if (!room.put || !room.back)
		abort();
	return room;
}

static void room_free(struct room *room)
{
	free(room->put);
	free(room->back);
}

/* What group @group of a source holds: all of it, some chunks, one byte, nothing. */
static void fill(uint64_t group, uint8_t version, uint8_t *out)
{
	uint8_t seed[randombytes_SEEDBYTES] = {version};

	bl_put64(seed + 8, group);
	memset(out, 0, SEALED_GROUP);
	switch (group % 4) {
	case 0:
		randombytes_buf_deterministic(out, SEALED_GROUP, seed);
		break;
	case 1:
		randombytes_buf_deterministic(out + 2 * SEALED_CHUNK, SEALED_CHUNK, seed);
		randombytes_buf_deterministic(out + 9 * SEALED_CHUNK, 3 * SEALED_CHUNK, seed);
		break;
	case 2:
		out[SEALED_GROUP - 1] = version;
		break;
	default:
		break;
	}
}

static void put(struct sealed_writer *writer, const struct room *room, uint8_t version,
		size_t length)
{
	struct bl_error why = {""};

	fill(sealed_at(writer) / SEALED_GROUP, version, room->put);
	if (sealed_put(writer, room->put, length, &why) != BL_OK)
		fail_msg("%s", why.text);
}

static void put_groups(struct sealed_writer *writer, const struct room *room, uint8_t version,
		       unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put(writer, room, version, SEALED_GROUP);
}

static void check_group(struct sealed_writer *writer, const struct room *room, uint64_t group,
			uint8_t version, size_t length)
{
	struct bl_error why = {""};

	fill(group, version, room->put);
	if (sealed_look_back(writer, group * SEALED_GROUP, room->back, length, &why) != BL_OK)
		fail_msg("group %llu: %s", (unsigned long long)group, why.text);
	if (memcmp(room->put, room->back, length) != 0)
		fail_msg("group %llu is another", (unsigned long long)group);
}

static struct sealed_writer *begin(const struct place *place, uint64_t image_bytes)
{
	struct sealed_writer *writer = NULL;
	struct bl_error why = {""};

	if (sealed_create(place->fd, ID, ROOT, image_bytes, sealed_algorithm_here(), &writer,
			  &why) != BL_OK)
		fail_msg("%s", why.text);
	return writer;
}

static struct sealed_writer *go_on(const struct place *place, uint64_t image_bytes)
{
	struct sealed_writer *writer = NULL;
	struct bl_error why = {""};

	if (sealed_resume(place->fd, ID, ROOT, image_bytes, &writer, &why) != BL_OK)
		fail_msg("%s", why.text);
	return writer;
}

/* Some groups, then so many skipped; each row crosses other nodes. */
static const struct {
	const char *what;
	uint64_t image_bytes;
	struct {
		unsigned put;
		uint64_t skip;
	} parts[4];
	unsigned last; /* bytes of a shorter group at the end */
} SHAPES[] = {
	{"one byte", 1, {{0, 0}}, 1},
	{"one group", MIB, {{1, 0}}, 0},
	{"five groups and some bytes", 5 * MIB + 70000, {{5, 0}}, 70000},
	{"over the end of a leaf", 68 * MIB, {{2, 60}, {6, 0}}, 0},
	{"leaves apart", GIB, {{1, 127}, {5, 63}, {1, 827}}, 0},
	{"over the end of a node of leaves", 5 * GIB, {{1, 4092}, {8, 0}, {0, 1019}}, 0},
	{"five levels", 20 * TIB, {{1, 16777214}, {3, 4000000}, {1, 194301}}, 0},
	{"nothing but zeros", 3 * GIB, {{0, 3072}}, 0},
	{"a stream", 0, {{6, 100}, {3, 0}}, 0},
	{"a stream that ends within a chunk", 0, {{1, 1}, {1, 1}}, 5},
	{"a stream that ends between chunks", 0, {{0, 0}}, 131072},
};

enum when { AT_ONCE, CHECKPOINTS, RESUMED };
static const char *const WHENS[] = {"at once", "with checkpoints", "each part resumed"};

static void pause_at(struct place *place, struct sealed_writer **writer, uint64_t image_bytes,
		     enum when when)
{
	if (when != AT_ONCE)
		assert_int_equal(sealed_checkpoint(*writer, NULL), BL_OK);
	if (when != RESUMED)
		return;
	sealed_writer_close(*writer);
	*writer = go_on(place, image_bytes);
}

static void check_shape(struct sealed_writer *writer, const struct room *room, size_t shape)
{
	uint64_t group = 0;

	for (size_t part = 0; part < BL_COUNT(SHAPES[shape].parts); part++) {
		for (unsigned i = 0; i < SHAPES[shape].parts[part].put; i++)
			check_group(writer, room, group++, 3, SEALED_GROUP);
		group += SHAPES[shape].parts[part].skip;
	}
	if (SHAPES[shape].last)
		check_group(writer, room, group, 3, SHAPES[shape].last);
}

static void check_zeros(struct sealed_writer *writer, const struct room *room, uint64_t at)
{
	assert_int_equal(sealed_look_back(writer, at, room->back, SEALED_GROUP, NULL), BL_OK);
	assert_true(sodium_is_zero(room->back, SEALED_GROUP));
}

static void seal_shape(struct place *place, const struct room *room, size_t shape, enum when when)
{
	uint64_t size = SHAPES[shape].image_bytes;
	struct sealed_writer *writer = begin(place, size);
	struct sealed_facts facts;

	for (size_t part = 0; part < BL_COUNT(SHAPES[shape].parts); part++) {
		put_groups(writer, room, 3, SHAPES[shape].parts[part].put);
		assert_int_equal(sealed_skip(writer, SHAPES[shape].parts[part].skip, NULL), BL_OK);
		if (SHAPES[shape].parts[part].skip)
			check_zeros(writer, room, sealed_at(writer) - SEALED_GROUP);
		pause_at(place, &writer, size, when);
	}
	if (SHAPES[shape].last)
		put(writer, room, 3, SHAPES[shape].last);
	check_shape(writer, room, shape);
	if (size && sealed_at(writer) != size)
		fail_msg("%s: it ends at %llu", SHAPES[shape].what,
			 (unsigned long long)sealed_at(writer));
	size = sealed_at(writer);
	pause_at(place, &writer, SHAPES[shape].image_bytes, when);
	assert_int_equal(sealed_finish(writer, NULL, 0, DIGEST, NULL), BL_OK);
	check_shape(writer, room, shape);
	sealed_writer_close(writer);
	assert_int_equal(sealed_look(place->fd, ID, &facts, NULL), BL_OK);
	assert_true(facts.is_complete);
	assert_int_equal(facts.image_bytes, size);
	assert_int_equal(facts.done_bytes, size);
	assert_memory_equal(facts.digest, DIGEST, 32);
}

static void what_was_put_comes_back(void **state BL_UNUSED)
{
	struct room room = room_new();

	for (size_t shape = 0; shape < BL_COUNT(SHAPES); shape++)
		for (enum when when = AT_ONCE; when <= RESUMED; when++) {
			void *place = NULL;

			/* On ext4 no file has more than 16 TiB. */
			const char *folder = SHAPES[shape].image_bytes > TIB ? "/dev/shm" : "/tmp";

			print_message("%s, %s\n", SHAPES[shape].what, WHENS[when]);
			assert_int_equal(place_setup_in(folder, &place), 0);
			seal_shape(place, &room, shape, when);
			place_teardown(&place);
		}
	room_free(&room);
}

static void it_comes_back_byte_by_byte_too(void **state)
{
	static const struct {
		uint64_t offset;
		size_t length;
	} PARTS[] = {{0, 1}, {65535, 2}, {1, 65535}, {100, 200000}, {MIB - 1, 2}, {3 * MIB, 0}};
	struct room room = room_new();
	struct sealed_writer *writer = begin(*state, 3 * MIB);
	uint8_t *whole = malloc(3 * MIB);

	assert_non_null(whole);
	for (unsigned i = 0; i < 3; i++)
		fill(i, 3, whole + i * MIB);
	put_groups(writer, &room, 3, 3);
	for (size_t i = 0; i < BL_COUNT(PARTS); i++) {
		assert_int_equal(
			sealed_look_back(writer, PARTS[i].offset, room.back, PARTS[i].length, NULL),
			BL_OK);
		if (memcmp(room.back, whole + PARTS[i].offset, PARTS[i].length) != 0)
			fail_msg("row %zu", i);
	}
	assert_int_equal(sealed_look_back(writer, 3 * MIB, room.back, 1, NULL), BL_INVALID);
	sealed_writer_close(writer);
	free(whole);
	room_free(&room);
}

static void what_was_not_checkpointed_leaves_no_trace(void **state)
{
	struct place *place = *state;
	struct room room = room_new();
	struct sealed_writer *writer = begin(place, 20 * MIB);

	put_groups(writer, &room, 3, 5);
	assert_int_equal(sealed_checkpoint(writer, NULL), BL_OK);
	put_groups(writer, &room, 3, 15);
	check_group(writer, &room, 19, 3, SEALED_GROUP);
	sealed_writer_close(writer);

	/* The source has changed meanwhile: there is nothing more in it. */
	writer = go_on(place, 20 * MIB);
	assert_int_equal(sealed_at(writer), 5 * MIB);
	assert_int_equal(sealed_skip(writer, 12, NULL), BL_OK);
	put_groups(writer, &room, 4, 3);
	check_group(writer, &room, 4, 3, SEALED_GROUP);
	check_group(writer, &room, 18, 4, SEALED_GROUP);
	for (uint64_t group = 5; group < 17; group++)
		check_zeros(writer, &room, group * MIB);
	assert_int_equal(sealed_finish(writer, NULL, 0, DIGEST, NULL), BL_OK);
	for (uint64_t group = 5; group < 17; group++)
		check_zeros(writer, &room, group * MIB);
	sealed_writer_close(writer);
	room_free(&room);
}

/* A leaf that was looked back at while it was half full is filled further. */
static void looking_back_sees_what_was_put_since(void **state)
{
	struct place *place = *state;
	struct room room = room_new();
	struct sealed_writer *writer = begin(place, 200 * MIB);

	put_groups(writer, &room, 3, 3);
	assert_int_equal(sealed_checkpoint(writer, NULL), BL_OK);
	sealed_writer_close(writer);
	writer = go_on(place, 200 * MIB);
	check_group(writer, &room, 0, 3, SEALED_GROUP);
	put_groups(writer, &room, 3, 2);
	assert_int_equal(sealed_skip(writer, 60, NULL), BL_OK);
	put_groups(writer, &room, 3, 4);
	check_group(writer, &room, 4, 3, SEALED_GROUP);
	check_group(writer, &room, 0, 3, SEALED_GROUP);
	check_group(writer, &room, 68, 3, SEALED_GROUP);
	sealed_writer_close(writer);
	room_free(&room);
}

static void zeros_take_no_space_and_no_time(void **state)
{
	struct room room = room_new();
	struct sealed_writer *writer = begin(*state, 100 * GIB);
	struct sealed_facts facts;

	memset(room.put, 0, SEALED_GROUP);
	assert_int_equal(sealed_put(writer, room.put, SEALED_GROUP, NULL), BL_OK);
	assert_int_equal(sealed_skip(writer, 102398, NULL), BL_OK);
	room.put[5 * SEALED_CHUNK] = 1;
	assert_int_equal(sealed_put(writer, room.put, SEALED_GROUP, NULL), BL_OK);
	assert_int_equal(sealed_finish(writer, NULL, 0, DIGEST, NULL), BL_OK);
	sealed_writer_facts(writer, &facts);
	/* A chunk, two pages of header, three nodes, a page of index. */
	assert_true(facts.stored_bytes > SEALED_CHUNK);
	assert_true(facts.stored_bytes <= SEALED_CHUNK + 64 * 1024);
	sealed_writer_close(writer);
	room_free(&room);
}

static void an_image_has_its_size(void **state)
{
	struct room room = room_new();
	struct sealed_writer *writer = begin(*state, 3 * MIB + 5);

	memset(room.put, 1, SEALED_GROUP);
	assert_int_equal(sealed_put(writer, room.put, 0, NULL), BL_INVALID);
	assert_int_equal(sealed_put(writer, room.put, SEALED_GROUP - 1, NULL), BL_INVALID);
	assert_int_equal(sealed_skip(writer, 5, NULL), BL_INVALID);
	assert_int_equal(sealed_skip(writer, UINT64_MAX, NULL), BL_INVALID);
	assert_int_equal(sealed_skip(writer, 3, NULL), BL_OK);
	assert_int_equal(sealed_put(writer, room.put, 6, NULL), BL_INVALID);
	assert_int_equal(sealed_put(writer, room.put, 4, NULL), BL_INVALID);
	assert_int_equal(sealed_finish(writer, NULL, 0, DIGEST, NULL), BL_INVALID);
	assert_int_equal(sealed_put(writer, room.put, 5, NULL), BL_OK);
	assert_int_equal(sealed_put(writer, room.put, 1, NULL), BL_INVALID);
	assert_int_equal(sealed_skip(writer, 1, NULL), BL_INVALID);
	assert_int_equal(sealed_finish(writer, NULL, 0, DIGEST, NULL), BL_OK);
	assert_int_equal(sealed_finish(writer, NULL, 0, DIGEST, NULL), BL_INVALID);
	assert_int_equal(sealed_checkpoint(writer, NULL), BL_INVALID);
	sealed_writer_close(writer);
	room_free(&room);
}

static void a_stream_has_an_end_and_a_limit(void **state)
{
	struct room room = room_new();
	struct sealed_writer *writer = begin(*state, 0);
	struct bl_error why = {""};

	memset(room.put, 1, SEALED_GROUP);
	assert_int_equal(sealed_finish(writer, NULL, 0, DIGEST, NULL), BL_INVALID);
	assert_int_equal(sealed_skip(writer, (16 * TIB >> 20) + 1, &why), BL_TOO_LARGE);
	assert_non_null(strstr(why.text, "--size"));
	assert_int_equal(sealed_skip(writer, 16 * TIB >> 20, NULL), BL_OK);
	assert_int_equal(sealed_put(writer, room.put, SEALED_GROUP, NULL), BL_TOO_LARGE);
	sealed_writer_close(writer);
	room_free(&room);
}

static void a_stream_that_ended_takes_nothing_more(void **state)
{
	struct place *place = *state;
	struct room room = room_new();
	struct sealed_writer *writer = begin(place, 0);

	put(writer, &room, 3, 1000);
	assert_int_equal(sealed_skip(writer, 1, NULL), BL_INVALID);
	assert_int_equal(sealed_checkpoint(writer, NULL), BL_OK);
	sealed_writer_close(writer);
	writer = go_on(place, 0);
	assert_int_equal(sealed_at(writer), 1000);
	memset(room.put, 1, SEALED_GROUP);
	assert_int_equal(sealed_put(writer, room.put, 1, NULL), BL_INVALID);
	assert_int_equal(sealed_finish(writer, NULL, 0, DIGEST, NULL), BL_OK);
	sealed_writer_close(writer);
	room_free(&room);
}

static void an_image_is_made_once(void **state)
{
	struct place *place = *state;
	struct sealed_writer *writer = NULL, *other = NULL;

	assert_int_equal(sealed_resume(place->fd, ID, ROOT, MIB, &writer, NULL), BL_NOT_FOUND);
	assert_int_equal(
		sealed_create(place->fd, "../x", ROOT, MIB, SEALED_XCHACHA20, &writer, NULL),
		BL_INVALID);
	assert_int_equal(sealed_create(place->fd, ID, ROOT, SEALED_MOST + 1, SEALED_XCHACHA20,
				       &writer, NULL),
			 BL_TOO_LARGE);
	assert_int_equal(mkdirat(place->fd, "image.new", 0700), 0);
	close(openat(place->fd, "image.new/data", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	writer = begin(place, MIB);
	assert_int_equal(faccessat(place->fd, "image.new", F_OK, 0), -1);
	assert_int_equal(sealed_create(place->fd, ID, ROOT, MIB, SEALED_XCHACHA20, &other, NULL),
			 BL_EXISTS);
	sealed_writer_close(writer);
	assert_int_equal(sealed_resume(place->fd, ID, ROOT, 2 * MIB, &other, NULL), BL_INVALID);
	assert_int_equal(sealed_resume(place->fd, ID, ROOT, 0, &other, NULL), BL_INVALID);
	assert_int_equal(sealed_resume(place->fd, ID, OTHER_ROOT, MIB, &other, NULL), BL_TAMPERED);
	assert_int_equal(sealed_resume(place->fd, "phone-2", ROOT, MIB, &other, NULL), BL_TAMPERED);
	writer = go_on(place, MIB);
	assert_int_equal(sealed_skip(writer, 1, NULL), BL_OK);
	assert_int_equal(sealed_finish(writer, NULL, 0, DIGEST, NULL), BL_OK);
	sealed_writer_close(writer);
	assert_int_equal(sealed_resume(place->fd, ID, ROOT, MIB, &other, NULL), BL_INVALID);
	assert_null(other);
}

static void gaps_lie_within_the_image(void **state)
{
	static const struct sealed_gap GAP = {MIB - 1, 1, SEALED_UNREADABLE},
				       BEHIND = {MIB - 1, 2, SEALED_UNREADABLE};
	struct place *place = *state;
	struct sealed_writer *writer = begin(place, MIB);
	struct sealed_files files;
	struct sealed_header header;
	struct sealed_gap *gaps = NULL;
	size_t count = 0;
	unsigned slot;

	assert_int_equal(sealed_skip(writer, 1, NULL), BL_OK);
	assert_int_equal(sealed_finish(writer, &BEHIND, 1, DIGEST, NULL), BL_INVALID);
	assert_int_equal(sealed_finish(writer, &GAP, 1, DIGEST, NULL), BL_OK);
	sealed_writer_close(writer);
	assert_int_equal(sealed_files_open(place->fd, false, &files, NULL), BL_OK);
	assert_int_equal(sealed_header_read(&files, ID, ROOT, &header, &slot, NULL), BL_OK);
	assert_int_equal(
		sealed_gaps_read(&files, ID, ROOT, header.gaps_hash, MIB, &gaps, &count, NULL),
		BL_OK);
	assert_int_equal(count, 1);
	assert_int_equal(gaps[0].offset, MIB - 1);
	free(gaps);
	sealed_files_close(&files);
}

/* One byte of the files of an image of two groups. */
static const struct {
	const char *what, *name;
	off_t at;
} DAMAGES[] = {
	{"ciphertext", "image/data", 5},
	{"the second group's ciphertext", "image/data", MIB + 65536 * 2},
	{"a tag", "image/index", 8},
	{"a generation", "image/index", 512 + 2 * 32},
	{"a chunk that was zeros", "image/index", 512 + 3 * 32 + 8},
	{"a key in a leaf", "image/keys", 2 * 4096 + 8},
	{"an entry nobody uses yet", "image/keys", 2 * 4096 + 64 * 60},
	{"a key in the top", "image/keys", 8},
	{"the top's end", "image/keys", 4095},
};

static void flip(const struct place *place, const char *name, off_t at)
{
	BL_CLEANUP(fd_close) int fd = openat(place->fd, name, O_RDWR | O_CLOEXEC);
	uint8_t byte = 0;

	(void)!pread(fd, &byte, 1, at);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void what_was_changed_does_not_come_back(void **state)
{
	struct place *place = *state;
	struct room room = room_new();
	struct sealed_writer *writer = begin(place, 100 * MIB);

	put_groups(writer, &room, 3, 2);
	assert_int_equal(sealed_checkpoint(writer, NULL), BL_OK);
	sealed_writer_close(writer);
	for (size_t i = 0; i < BL_COUNT(DAMAGES); i++) {
		enum bl_status first, second;

		flip(place, DAMAGES[i].name, DAMAGES[i].at);
		writer = go_on(place, 100 * MIB);
		first = sealed_look_back(writer, 0, room.back, SEALED_GROUP, NULL);
		second = sealed_look_back(writer, MIB, room.back, SEALED_GROUP, NULL);
		if (first != BL_TAMPERED && second != BL_TAMPERED)
			fail_msg("%s", DAMAGES[i].what);
		sealed_writer_close(writer);
		flip(place, DAMAGES[i].name, DAMAGES[i].at);
	}
	writer = go_on(place, 100 * MIB);
	check_group(writer, &room, 0, 3, SEALED_GROUP);
	check_group(writer, &room, 1, 3, SEALED_GROUP);
	sealed_writer_close(writer);
	room_free(&room);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_comes_back),
		TEST(it_comes_back_byte_by_byte_too),
		TEST(what_was_not_checkpointed_leaves_no_trace),
		TEST(looking_back_sees_what_was_put_since),
		TEST(zeros_take_no_space_and_no_time),
		TEST(an_image_has_its_size),
		TEST(a_stream_has_an_end_and_a_limit),
		TEST(a_stream_that_ended_takes_nothing_more),
		TEST(an_image_is_made_once),
		TEST(gaps_lie_within_the_image),
		TEST(what_was_changed_does_not_come_back),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

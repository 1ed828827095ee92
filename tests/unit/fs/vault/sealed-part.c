/* A part that was destroyed is gone, its neighbours are what they were, and nothing old opens anything. */
#include "fs/vault/sealed-part.h"

#include "tests/unit/fs/vault/sealed-read-fixture.h"

#include <sys/mman.h>

#define SMALL (UINT64_C(1) << 20)

static const struct sealed_gap GAPS[] = {
	{.offset = 4096, .length = 512, .kind = SEALED_UNREADABLE},
	{.offset = 100 * (uint64_t)SEALED_GROUP, .length = SEALED_GROUP, .kind = SEALED_LEFT_OUT},
};

/* Bytes in a chunk, a whole chunk, over the edge of two leaves, where nothing is stored, and the image's end. */
static const struct sealed_place PLACES[] = {
	{100, 1},
	{SEALED_CHUNK - 10, 20},
	{3 * SEALED_CHUNK, SEALED_CHUNK},
	{64 * (uint64_t)SEALED_GROUP - 5000, 10000},
	{90 * (uint64_t)SEALED_GROUP + 5, 2 * SEALED_GROUP},
	{IMAGE_BYTES - 300, 300},
};
static const uint64_t TOUCHED[] = {0, 63, 64, 130}; /* of what is stored */

static struct sealed *open_with(const struct image *image, const uint8_t *root,
				struct sealed_hot *hot)
{
	struct sealed *sealed = NULL;
	struct bl_error why = {""};

	must_be_ok(sealed_open(image->device_fd, ID, root, IMAGE_BYTES, hot, &sealed, &why), &why);
	return sealed;
}

static void digest_of(const struct image *image, uint8_t out[32])
{
	struct bl_error why = {""};
	struct sealed_hot *hot = hot_make(SMALL);
	struct sealed *sealed = open_with(image, image->root, hot);

	must_be_ok(sealed_part_digest(sealed, PLACES, BL_COUNT(PLACES), out, &why), &why);
	sealed_close(sealed);
	sealed_hot_free(hot);
}

/* The bytes of the model without the places. */
static void model_zero(struct image *image)
{
	for (size_t i = 0; i < STORED; i++)
		for (size_t p = 0; p < BL_COUNT(PLACES); p++) {
			uint64_t start = STORED_AT[i] * SEALED_GROUP, end = start + SEALED_GROUP;
			uint64_t from = BL_MAX(PLACES[p].offset, start);
			uint64_t to = BL_MIN(PLACES[p].offset + PLACES[p].length, end);

			if (from < to)
				memset(image->plain[i] + (from - start), 0, to - from);
		}
}

static void reads_as_the_model(const struct image *image, const uint8_t *root)
{
	struct sealed_hot *hot = hot_make(SMALL);
	struct sealed *sealed = open_with(image, root, hot);
	uint8_t *is = malloc(SEALED_GROUP), *wanted = malloc(SEALED_GROUP);

	for (uint64_t group = 0; group < IMAGE_GROUPS; group++) {
		uint64_t from = group * SEALED_GROUP + (group == 0 ? 4608 : 0);
		size_t length = length_of_group(group) - (group == 0 ? 4608 : 0);

		if (group == 100)
			continue; /* left out */

		struct bl_error why = {""};

		must_be_ok(sealed_read(sealed, from, is, length, &why), &why);
		model_read(image, from, wanted, length);
		if (memcmp(is, wanted, length) != 0)
			fail_msg("group %d", (int)group);
	}
	assert_int_equal(sealed_read(sealed, 4096, is, 1, NULL), BL_IO);
	assert_int_equal(sealed_gap_count(sealed), BL_COUNT(GAPS));
	free(is);
	free(wanted);
	sealed_close(sealed);
	sealed_hot_free(hot);
}

static enum bl_status status_of_read(const struct image *image, const uint8_t *root, uint64_t at)
{
	struct sealed_hot *hot = hot_make(SMALL);
	struct sealed *sealed = NULL;
	uint8_t byte;
	enum bl_status status =
		sealed_open(image->device_fd, ID, root, IMAGE_BYTES, hot, &sealed, NULL);

	if (status == BL_OK)
		status = sealed_read(sealed, at, &byte, 1, NULL);
	sealed_close(sealed);
	sealed_hot_free(hot);
	return status;
}

static enum sealed_part_state state_of(const struct image *image, const uint8_t *root)
{
	enum sealed_part_state state = SEALED_PART_NONE;
	struct bl_error why = {""};

	must_be_ok(sealed_part_recover(image->device_fd, ID, root, &state, &why), &why);
	return state;
}

static void destroy(const struct image *image, uint8_t new_root[VAULT_KEY])
{
	struct sealed_part part;
	struct bl_error why = {""};

	must_be_ok(sealed_part_prepare(image->device_fd, ID, image->root, PLACES, BL_COUNT(PLACES),
				       new_root, &part, &why),
		   &why);
	assert_int_equal(part.groups, BL_COUNT(TOUCHED));
	assert_int_equal(part.bytes, 1 + 20 + SEALED_CHUNK + 10000 + 2 * SEALED_GROUP + 300);
	must_be_ok(sealed_part_finish(image->device_fd, ID, new_root, &why), &why);
}

static void the_places_are_zeros_and_the_rest_is_what_it_was(void **state BL_UNUSED)
{
	static const enum sealed_algorithm ALGORITHMS[] = {SEALED_AES256_GCM, SEALED_XCHACHA20};

	for (size_t a = 0; a < BL_COUNT(ALGORITHMS); a++) {
		struct image image;
		uint8_t digest[32], first[VAULT_KEY], second[VAULT_KEY];
		struct bl_error why = {""};

		if (ALGORITHMS[a] == SEALED_AES256_GCM &&
		    sealed_algorithm_here() != SEALED_AES256_GCM)
			continue;
		image_make(&image, ALGORITHMS[a], GAPS, BL_COUNT(GAPS));
		digest_of(&image, digest);
		destroy(&image, first);
		model_zero(&image);
		reads_as_the_model(&image, first);
		assert_int_equal(state_of(&image, first), SEALED_PART_NONE);

		struct sealed_hot *hot = hot_make(SMALL);
		struct sealed *sealed = open_with(&image, first, hot);

		must_be_ok(sealed_part_check(sealed, PLACES, BL_COUNT(PLACES), digest, &why), &why);
		digest[0] ^= 1;
		assert_int_equal(sealed_part_check(sealed, PLACES, BL_COUNT(PLACES), digest, &why),
				 BL_NOT_VERIFIED);
		sealed_close(sealed);
		sealed_hot_free(hot);

		/* Once more, the same: the second is as good as the first. */
		memcpy(image.root, first, sizeof(first));
		destroy(&image, second);
		reads_as_the_model(&image, second);
		assert_int_equal(status_of_read(&image, first, 0), BL_TAMPERED);
		image_done(&image);
	}
}

static void a_check_before_it_is_done_says_no(void **state BL_UNUSED)
{
	struct image image;
	uint8_t digest[32];
	struct sealed_hot *hot = hot_make(SMALL);

	image_make(&image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	digest_of(&image, digest);

	struct sealed *sealed = open_with(&image, image.root, hot);

	assert_int_equal(sealed_part_check(sealed, PLACES, BL_COUNT(PLACES), digest, NULL),
			 BL_NOT_VERIFIED);
	sealed_close(sealed);
	sealed_hot_free(hot);
	image_done(&image);
}

/* A file of the folder as it is now. */
struct kept {
	uint8_t *bytes;
	size_t size;
};

static struct kept keep(const struct image *image, const char *name)
{
	struct kept kept = {.size = (size_t)file_size(image, name)};

	kept.bytes = malloc(kept.size);
	assert_non_null(kept.bytes);
	file_get(image, name, 0, kept.bytes, kept.size);
	return kept;
}

static bool is_in(const struct kept *kept, const void *pattern, size_t length)
{
	return memmem(kept->bytes, kept->size, pattern, length) != NULL;
}

/* Every wrapped key of a node, when it is in none of the files any more; @now: header, index, keys, gaps. */
static void node_is_gone(const uint8_t *node, const struct kept *now, size_t count)
{
	for (size_t f = 0; f < count; f++)
		for (size_t e = 0; e < SEALED_FAN; e++) {
			const uint8_t *entry = node + e * SEALED_ENTRY;

			if (bl_get64(entry) && is_in(&now[f], entry + 8, VAULT_KEY))
				fail_msg("entry %zu of an old node is in file %zu", e, f);
		}
}

static void nothing_old_is_in_the_files(void **state BL_UNUSED)
{
	static const char *const NAMES[] = {"header", "index", "keys", "gaps"};
	struct image image;
	struct sealed_header header;
	unsigned slot = 0;
	uint8_t new_root[VAULT_KEY];
	struct kept old[BL_COUNT(NAMES)], now[BL_COUNT(NAMES)];

	image_make(&image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));

	struct kept data = keep(&image, "data");

	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		old[i] = keep(&image, NAMES[i]);
	header_get(&image, &header, &slot);
	assert_true(is_in(&old[0], header.top_key, VAULT_KEY)); /* so it would be found */
	destroy(&image, new_root);
	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		now[i] = keep(&image, NAMES[i]);

	struct kept data_now = keep(&image, "data");

	assert_false(is_in(&now[0], header.top_key, VAULT_KEY));
	assert_false(is_in(&now[3], old[3].bytes + 24, 32));

	/* The top and the three leaves, all of them touched, on either side. */
	for (size_t at = 0; at + SEALED_PAGE <= old[2].size; at += SEALED_PAGE)
		if (!sodium_is_zero(old[2].bytes + at, SEALED_PAGE))
			node_is_gone(old[2].bytes + at, now, BL_COUNT(now));
	for (size_t i = 0; i < BL_COUNT(TOUCHED); i++) {
		uint64_t at = TOUCHED[i] * SEALED_GROUP;

		for (uint64_t p = at; p < at + SEALED_GROUP && p < data.size; p += 512) {
			uint64_t chunk = p / SEALED_CHUNK % SEALED_GROUP_CHUNKS;

			if (chunk != ZERO_CHUNK &&
			    memcmp(data.bytes + p, data_now.bytes + p, 512) == 0)
				fail_msg("old ciphertext at %llu", (unsigned long long)p);
		}
		assert_memory_not_equal(old[1].bytes + TOUCHED[i] * SEALED_GROUP_INDEX,
					now[1].bytes + TOUCHED[i] * SEALED_GROUP_INDEX, 24);
	}
	/* What is in other groups was not even written. */
	for (size_t i = 0; i < 2; i++) {
		uint64_t group = i ? 70 : 1;

		assert_memory_equal(data.bytes + group * SEALED_GROUP,
				    data_now.bytes + group * SEALED_GROUP, SEALED_GROUP);
		assert_memory_equal(old[1].bytes + group * SEALED_GROUP_INDEX,
				    now[1].bytes + group * SEALED_GROUP_INDEX, SEALED_GROUP_INDEX);
	}
	run("test \"$(ls %s/image | tr '\\n' ' ')\" = 'data gaps header index keys '", image.path);
	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		free(old[i].bytes);
		free(now[i].bytes);
	}
	free(data.bytes);
	free(data_now.bytes);
	image_done(&image);
}

static void a_copy_from_before_is_of_no_use(void **state BL_UNUSED)
{
	/* What somebody who kept the old folder puts back; the touched group is 0, its leaf's other groups are 1 and 63 */
	static const struct {
		const char *files;
		uint64_t at;
		enum bl_status expected;
	} ROWS[] = {
		{"header", 0, BL_TAMPERED},
		{"keys", 0, BL_TAMPERED},
		{"header keys index data gaps", 0, BL_TAMPERED},
		{"index", 0, BL_TAMPERED},
		{"data", 0, BL_TAMPERED},
		{"index data", 0, BL_TAMPERED},
		{"gaps", 0, BL_TAMPERED},
		{"index data", SEALED_GROUP, BL_OK}, /* that group is the same */
	};
	struct image image;
	uint8_t new_root[VAULT_KEY];

	image_make(&image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	run("cp -a %s/image %s/before", image.path, image.path);
	destroy(&image, new_root);
	run("cp -a %s/image %s/after", image.path, image.path);
	assert_int_equal(status_of_read(&image, image.root, 0), BL_TAMPERED);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		run("cd %s && rm -r image && cp -a after image && cd before && cp -a %s ../image",
		    image.path, ROWS[i].files);

		enum bl_status status = status_of_read(&image, new_root, ROWS[i].at);

		if (status != ROWS[i].expected)
			fail_msg("%s: %s", ROWS[i].files, bl_status_name(status));
	}
	image_done(&image);
}

/* The MAC and checksum of the old slots made for the new root: what only who has the new root could do, and still no use. */
static void an_old_tree_under_a_header_of_the_new_root_is_no_use(void **state BL_UNUSED)
{
	struct image image;
	uint8_t new_root[VAULT_KEY], page[SEALED_PAGE];
	struct sealed_header header;
	unsigned slot = 0;

	image_make(&image, sealed_algorithm_here(), NULL, 0);
	run("cp -a %s/image %s/before", image.path, image.path);
	header_get(&image, &header, &slot);
	destroy(&image, new_root);
	run("cd %s && rm -r image && cp -a before image", image.path);
	sealed_header_encode(&header, new_root, page);
	file_put(&image, "header", 0, page, sizeof(page));
	header.generation++;
	sealed_header_encode(&header, new_root, page);
	file_put(&image, "header", SEALED_PAGE, page, sizeof(page));
	assert_int_equal(status_of_read(&image, new_root, 0), BL_TAMPERED);
	image_done(&image);
}

static void before_the_new_root_is_in_force_nothing_happened(void **state BL_UNUSED)
{
	struct image image;
	struct sealed_part part;
	struct bl_error why = {""};
	uint8_t new_root[VAULT_KEY], third[VAULT_KEY];

	image_make(&image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	must_be_ok(sealed_part_prepare(image.device_fd, ID, image.root, PLACES, BL_COUNT(PLACES),
				       new_root, &part, &why),
		   &why);
	reads_as_the_model(&image, image.root);
	assert_int_equal(sealed_part_finish(image.device_fd, ID, image.root, &why), BL_INVALID);
	assert_int_equal(sealed_part_prepare(image.device_fd, ID, image.root, PLACES,
					     BL_COUNT(PLACES), third, &part, &why),
			 BL_INVALID);
	assert_int_equal(state_of(&image, image.root), SEALED_PART_PREPARED);
	assert_int_equal(state_of(&image, image.root), SEALED_PART_NONE);
	reads_as_the_model(&image, image.root);
	assert_int_equal(status_of_read(&image, new_root, 0), BL_TAMPERED);
	destroy(&image, third);
	model_zero(&image);
	reads_as_the_model(&image, third);
	image_done(&image);
}

static void after_it_finishing_can_be_done_again(void **state BL_UNUSED)
{
	struct image image;
	struct sealed_part part;
	struct bl_error why = {""};
	uint8_t new_root[VAULT_KEY];

	image_make(&image, sealed_algorithm_here(), GAPS, BL_COUNT(GAPS));
	must_be_ok(sealed_part_prepare(image.device_fd, ID, image.root, PLACES, BL_COUNT(PLACES),
				       new_root, &part, &why),
		   &why);
	assert_int_equal(state_of(&image, new_root), SEALED_PART_COMMITTED);
	assert_int_equal(state_of(&image, new_root), SEALED_PART_COMMITTED);
	flip(&image, "rewrite", 5000);
	assert_int_equal(sealed_part_finish(image.device_fd, ID, new_root, &why), BL_TAMPERED);
	flip(&image, "rewrite", 5000);
	run("printf 0000000000 | dd of=%s/image/rewrite conv=notrunc status=none && cp -a "
	    "%s/image/rewrite %s/kept",
	    image.path, image.path, image.path);

	enum sealed_part_state found;

	/* A rewrite that was damaged is not one that was never completed. */
	assert_int_equal(sealed_part_recover(image.device_fd, ID, new_root, &found, &why),
			 BL_TAMPERED);
	file_put(&image, "rewrite", 0, "BVREWR1\0\4\0", 10);
	for (size_t i = 0; i < 3; i++)
		must_be_ok(sealed_part_finish(image.device_fd, ID, new_root, &why), &why);
	model_zero(&image);
	reads_as_the_model(&image, new_root);
	image_done(&image);
}

static void places_must_be_in_the_image_and_in_order(void **state BL_UNUSED)
{
	static const struct {
		struct sealed_place places[2];
		size_t count;
	} ROWS[] = {
		{{{0, 0}}, 0},
		{{{0, 0}}, 1},
		{{{IMAGE_BYTES, 1}}, 1},
		{{{IMAGE_BYTES - 1, 2}}, 1},
		{{{UINT64_MAX - 1, 10}}, 1},
		{{{10, UINT64_MAX - 5}}, 1},
		{{{100, 10}, {109, 1}}, 2},
		{{{100, 10}, {50, 1}}, 2},
	};
	struct image image;

	image_make(&image, sealed_algorithm_here(), NULL, 0);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct sealed_part part;
		uint8_t root[VAULT_KEY];
		struct bl_error why = {""};
		enum bl_status status =
			sealed_part_prepare(image.device_fd, ID, image.root, ROWS[i].places,
					    ROWS[i].count, root, &part, &why);

		if (status != BL_INVALID)
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
	assert_int_equal(status_of_read(&image, image.root, 0), BL_OK);
	image_done(&image);
}

/* Five GiB and a bit: three levels, most of it zeros. */
static void a_part_of_a_tree_of_three_levels(void **state BL_UNUSED)
{
	static const uint64_t AT[] = {0, 4500, 4501, 5120};
	static const uint64_t BYTES = 5120 * (uint64_t)SEALED_GROUP + 5000;
	const struct sealed_place place = {4500 * (uint64_t)SEALED_GROUP + 70000, 100};
	struct image image = {.path = "/tmp/sealed-test-XXXXXX"};
	struct sealed_writer *writer = NULL;
	struct sealed_part part;
	struct bl_error why = {""};
	uint8_t *room = aligned_alloc(4096, SEALED_GROUP), digest[32] = {1}, is[200];
	uint8_t new_root[VAULT_KEY];
	struct sealed_hot *hot = hot_make(SMALL);
	struct sealed *sealed = NULL;

	assert_non_null(mkdtemp(image.path));
	image.device_fd = open(image.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must_be_ok(sealed_create(image.device_fd, ID, image.root, BYTES, sealed_algorithm_here(),
				 &writer, &why),
		   &why);
	for (size_t i = 0; i < BL_COUNT(AT); i++) {
		size_t length =
			(size_t)BL_MIN(BYTES - AT[i] * SEALED_GROUP, (uint64_t)SEALED_GROUP);

		if (AT[i] > sealed_at(writer) / SEALED_GROUP)
			must_be_ok(
				sealed_skip(writer, AT[i] - sealed_at(writer) / SEALED_GROUP, &why),
				&why);
		memset(room, 0, SEALED_GROUP);
		memset(room, (int)i + 1, length);
		must_be_ok(sealed_put(writer, room, length, &why), &why);
	}
	must_be_ok(sealed_finish(writer, NULL, 0, digest, &why), &why);
	sealed_writer_close(writer);
	must_be_ok(sealed_part_prepare(image.device_fd, ID, image.root, &place, 1, new_root, &part,
				       &why),
		   &why);
	assert_int_equal(part.groups, 1);
	must_be_ok(sealed_part_finish(image.device_fd, ID, new_root, &why), &why);
	must_be_ok(sealed_open(image.device_fd, ID, new_root, BYTES, hot, &sealed, &why), &why);
	must_be_ok(sealed_read(sealed, place.offset - 50, is, sizeof(is), &why), &why);
	for (size_t i = 0; i < sizeof(is); i++)
		assert_int_equal(is[i], i >= 50 && i < 150 ? 0 : 2);
	for (size_t i = 0; i < BL_COUNT(AT); i++) {
		must_be_ok(sealed_read(sealed, AT[i] * SEALED_GROUP, is, 100, &why), &why);
		assert_int_equal(is[99], i + 1);
	}
	must_be_ok(sealed_read(sealed, 3000 * (uint64_t)SEALED_GROUP, is, 100, &why), &why);
	assert_true(sodium_is_zero(is, 100));
	sealed_close(sealed);
	sealed_hot_free(hot);
	free(room);
	image_done(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_places_are_zeros_and_the_rest_is_what_it_was),
		cmocka_unit_test(a_check_before_it_is_done_says_no),
		cmocka_unit_test(nothing_old_is_in_the_files),
		cmocka_unit_test(a_copy_from_before_is_of_no_use),
		cmocka_unit_test(an_old_tree_under_a_header_of_the_new_root_is_no_use),
		cmocka_unit_test(before_the_new_root_is_in_force_nothing_happened),
		cmocka_unit_test(after_it_finishing_can_be_done_again),
		cmocka_unit_test(a_part_of_a_tree_of_three_levels),
		cmocka_unit_test(places_must_be_in_the_image_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

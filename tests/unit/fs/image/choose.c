/* choose.c - what is left out and what is found, on trees made up here, against a model that looks at every block */
#include "fs/image/choose.h"

#include "fs/image/backend.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB	(UINT64_C(1) << 20)
#define BLOCK	4096u
#define VOLUMES 3u
#define NODES	64u
#define PLACES	4u
#define ROOT	2u

/* ---- an image made up ------------------------------------------------------------------------ */

struct entry {
	uint64_t inode;
	char name[16];
};

struct node {
	enum image_type type;
	enum bl_status trouble; /* of its listing or its places */
	bool is_shy;		/* listed without attributes */
	bool is_lost;		/* and stat fails */
	struct entry *entries;
	size_t entry_count;
	struct image_range places[PLACES]; /* of the volume */
	size_t place_count;
};

struct fake {
	struct image image;
	struct image_volume volumes[VOLUMES];
	struct node *nodes[VOLUMES];
	size_t node_count[VOLUMES];
	struct image_ranges used[VOLUMES]; /* of the volume; joined */
	enum bl_status used_trouble[VOLUMES];
	unsigned lists, places;
	uint64_t full_from;	      /* bytes of the image before are zeros */
	enum bl_status bytes_trouble; /* of all bytes */
};

static struct fake *fake_of(struct image *image)
{
	return (struct fake *)(void *)image;
}

static struct node *node_of(struct fake *fake, unsigned volume, uint64_t inode)
{
	return inode < fake->node_count[volume] ? &fake->nodes[volume][inode] : NULL;
}

static enum bl_status fail_of(enum bl_status status, struct bl_error *why)
{
	return status == BL_OK ? BL_OK : bl_fail(why, status, "made to fail");
}

static enum bl_status fake_list(struct image *image, unsigned volume, uint64_t inode,
				image_entry_fn *tell, void *context, struct bl_error *why)
{
	struct fake *fake = fake_of(image);
	struct node *node = node_of(fake, volume, inode);

	fake->lists++;
	if (!node || node->type != IMAGE_DIR)
		return fail_of(BL_NOT_FOUND, why);
	if (node->trouble != BL_OK)
		return fail_of(node->trouble, why);
	for (size_t i = 0; i < node->entry_count; i++) {
		const struct entry *from = &node->entries[i];
		const struct node *to = node_of(fake, volume, from->inode);
		struct image_entry entry = {
			.inode = from->inode,
			.identity = from->inode,
			.name = from->name,
			.length = strlen(from->name),
			.has_attr = to && !to->is_shy,
			.attr.type = to ? to->type : IMAGE_OTHER,
		};

		if (!tell(context, &entry))
			return BL_OK;
	}
	return BL_OK;
}

static enum bl_status fake_stat(struct image *image, unsigned volume, uint64_t inode,
				struct image_attr *out_attr, struct bl_error *why)
{
	const struct node *node = node_of(fake_of(image), volume, inode);

	if (!node || node->is_lost)
		return fail_of(BL_IO, why);
	*out_attr = (struct image_attr){.type = node->type};
	return BL_OK;
}

static enum bl_status tell_ranges(const struct image_range *items, size_t count, uint64_t offset,
				  image_range_fn *tell, void *context)
{
	for (size_t i = 0; i < count; i++) {
		struct image_range range = {offset + items[i].offset, items[i].length};

		if (!tell(context, &range))
			break;
	}
	return BL_OK;
}

static enum bl_status fake_places(struct image *image, unsigned volume, uint64_t inode,
				  image_range_fn *tell, void *context, struct bl_error *why)
{
	struct fake *fake = fake_of(image);
	const struct node *node = node_of(fake, volume, inode);

	fake->places++;
	if (!node || node->type != IMAGE_FILE)
		return fail_of(BL_INVALID, why);
	if (node->trouble != BL_OK)
		return fail_of(node->trouble, why);
	return tell_ranges(node->places, node->place_count, fake->volumes[volume].offset, tell,
			   context);
}

static enum bl_status fake_bytes(struct image *image, unsigned volume, uint64_t offset, void *out,
				 size_t length, struct bl_error *why)
{
	const struct fake *fake = fake_of(image);
	const struct image_volume *about = &fake->volumes[volume];

	assert_true(offset >= about->offset && offset + length <= about->offset + about->length);
	memset(out, 0, length);
	if (offset + length > fake->full_from)
		((uint8_t *)out)[length - 1] = 1;
	return fail_of(fake->bytes_trouble, why);
}

static enum bl_status fake_used(struct image *image, unsigned volume, image_range_fn *tell,
				void *context, struct bl_error *why)
{
	struct fake *fake = fake_of(image);

	if (fake->used_trouble[volume] != BL_OK)
		return fail_of(fake->used_trouble[volume], why);
	return tell_ranges(fake->used[volume].items, fake->used[volume].count,
			   fake->volumes[volume].offset, tell, context);
}

static const struct image_backend FAKE = {
	.list = fake_list,
	.stat = fake_stat,
	.places = fake_places,
	.used = fake_used,
	.bytes = fake_bytes,
};

static void add_volume(struct fake *fake, const char *name, uint64_t offset, uint64_t length,
		       size_t nodes)
{
	size_t at = fake->image.volume_count++;
	struct image_volume *volume = &fake->volumes[at];

	*volume = (struct image_volume){
		.is_readable = true, .offset = offset, .length = length, .root = ROOT};
	snprintf(volume->name, sizeof(volume->name), "%s", name);
	fake->nodes[at] = calloc(nodes, sizeof(struct node));
	assert_non_null(fake->nodes[at]);
	fake->node_count[at] = nodes;
	for (size_t i = 0; i < nodes; i++)
		fake->nodes[at][i].type = IMAGE_OTHER;
	fake->nodes[at][ROOT].type = IMAGE_DIR;
}

static struct fake *fake_new(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	fake->image.backend = &FAKE;
	fake->image.volumes = fake->volumes;
	return fake;
}

static void fake_free(struct fake *fake)
{
	for (size_t v = 0; v < fake->image.volume_count; v++) {
		for (size_t i = 0; i < fake->node_count[v]; i++)
			free(fake->nodes[v][i].entries);
		free(fake->nodes[v]);
		image_ranges_done(&fake->used[v]);
	}
	free(fake);
}

static void add_entry(struct fake *fake, unsigned volume, uint64_t folder, const char *name,
		      uint64_t inode)
{
	struct node *node = &fake->nodes[volume][folder];

	if ((node->entry_count & (node->entry_count - 1)) == 0) {
		size_t room = node->entry_count ? node->entry_count * 2 : 1;

		node->entries = reallocarray(node->entries, room, sizeof(*node->entries));
		assert_non_null(node->entries);
	}
	struct entry *entry = &node->entries[node->entry_count++];

	entry->inode = inode;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
}

static void add_folder(struct fake *fake, unsigned volume, uint64_t above, const char *name,
		       uint64_t inode)
{
	fake->nodes[volume][inode].type = IMAGE_DIR;
	add_entry(fake, volume, above, name, inode);
}

/* A file of @count blocks from @block of the volume on; 0: empty. */
static void add_file(struct fake *fake, unsigned volume, uint64_t above, const char *name,
		     uint64_t inode, uint64_t block, uint64_t count)
{
	struct node *node = &fake->nodes[volume][inode];

	node->type = IMAGE_FILE;
	if (count)
		node->places[node->place_count++] =
			(struct image_range){block * BLOCK, count * BLOCK};
	add_entry(fake, volume, above, name, inode);
}

static void use(struct fake *fake, unsigned volume, uint64_t block, uint64_t count)
{
	assert_int_equal(image_ranges_add(&fake->used[volume], block * BLOCK, count * BLOCK),
			 BL_OK);
	image_ranges_join(&fake->used[volume]);
}

/* ---- one small disk --------------------------------------------------------------------------- */

#define DISK_BYTES   (16 * MIB)
#define FIRST_OFFSET (2 * MIB)	/* p1, 4 MiB */
#define SECOND	     (8 * MIB)	/* p2, 4 MiB */
#define THIRD	     (13 * MIB) /* p3, 1 MiB, cannot be read */

enum { DIR_A = 3, DIR_B, FILE_X, FILE_Y, FILE_Z, FILE_E };

/* p1: /a/x (blocks 100-109), /a/y (110-111), /b/z (120), /b/e (empty). Used: 0-9 and the files. p2: /a/x alone, at 50. */
static struct fake *small_disk(void)
{
	struct fake *fake = fake_new();

	add_volume(fake, "p1-ext4", FIRST_OFFSET, 4 * MIB, NODES);
	add_folder(fake, 0, ROOT, "a", DIR_A);
	add_folder(fake, 0, ROOT, "b", DIR_B);
	add_file(fake, 0, DIR_A, "x", FILE_X, 100, 10);
	add_file(fake, 0, DIR_A, "y", FILE_Y, 110, 2);
	add_file(fake, 0, DIR_B, "z", FILE_Z, 120, 1);
	add_file(fake, 0, DIR_B, "e", FILE_E, 0, 0);
	use(fake, 0, 0, 10);
	use(fake, 0, 100, 12);
	use(fake, 0, 120, 1);
	add_volume(fake, "p2-fat32", SECOND, 4 * MIB, NODES);
	add_folder(fake, 1, ROOT, "a", DIR_A);
	add_file(fake, 1, DIR_A, "x", FILE_X, 50, 1);
	use(fake, 1, 0, 20);
	use(fake, 1, 50, 1);
	add_volume(fake, "p3-unreadable", THIRD, MIB, 3);
	fake->volumes[2].is_readable = false;
	return fake;
}

struct outcome {
	struct image_ranges ranges;
	struct image_choice_report report;
	struct bl_error why;
	enum bl_status status;
};

static void outcome_done(struct outcome *outcome)
{
	image_ranges_done(&outcome->ranges);
}

static struct outcome choose(struct fake *fake, const struct image_choice *choice)
{
	struct outcome outcome = {.why = {{0}}};

	outcome.status = image_choose(&fake->image, DISK_BYTES, choice, NULL, NULL, &outcome.ranges,
				      &outcome.report, &outcome.why);
	if (outcome.status != BL_OK) {
		assert_null(outcome.ranges.items);
		assert_true(outcome.why.text[0] != '\0');
	}
	return outcome;
}

static struct outcome without(struct fake *fake, const char *pattern)
{
	struct image_choice choice = {.without = &pattern, .without_count = 1};

	return choose(fake, &choice);
}

static struct outcome find(struct fake *fake, const char *pattern)
{
	struct outcome outcome = {.why = {{0}}};

	outcome.status = image_find(&fake->image, &pattern, 1, &outcome.ranges,
				    &outcome.report.files_left_out, &outcome.why);
	if (outcome.status != BL_OK) {
		assert_null(outcome.ranges.items);
		assert_true(outcome.why.text[0] != '\0');
	}
	return outcome;
}

static void expect_ranges(const struct image_ranges *ranges, const struct image_range *wanted,
			  size_t count)
{
	for (size_t i = 0; i < BL_MAX(count, ranges->count); i++)
		if (i >= count || i >= ranges->count ||
		    ranges->items[i].offset != wanted[i].offset ||
		    ranges->items[i].length != wanted[i].length)
			fail_msg("range %zu of %zu, wanted %zu: at %llu, %llu bytes", i,
				 ranges->count, count,
				 i < ranges->count ? (unsigned long long)ranges->items[i].offset
						   : 0,
				 i < ranges->count ? (unsigned long long)ranges->items[i].length
						   : 0);
}
#define EXPECT(outcome, ...)                                                                       \
	do {                                                                                       \
		const struct image_range wanted_[] = {__VA_ARGS__};                                \
                                                                                                   \
		assert_int_equal((outcome).status, BL_OK);                                         \
		expect_ranges(&(outcome).ranges, wanted_, BL_COUNT(wanted_));                      \
	} while (0)
#define P1(block, count)                                                                           \
	{                                                                                          \
		FIRST_OFFSET + (block)*BLOCK, (uint64_t)(count)*BLOCK                              \
	}
#define P2(block, count)                                                                           \
	{                                                                                          \
		SECOND + (block)*BLOCK, (uint64_t)(count)*BLOCK                                    \
	}
#define P3                                                                                         \
	{                                                                                          \
		THIRD, MIB                                                                         \
	}

static void without_leaves_out_what_matches_and_what_nobody_can_read(void **state)
{
	struct fake *fake = small_disk();
	struct outcome outcome = without(fake, "/a");

	(void)state;
	EXPECT(outcome, P1(100, 12), P2(50, 1), P3);
	assert_int_equal(outcome.report.files, 5);
	assert_int_equal(outcome.report.files_left_out, 3);
	assert_int_equal(outcome.report.bytes_left_out, 13 * BLOCK + MIB);
	assert_int_equal(outcome.report.free_bytes, 0);
	assert_int_equal(outcome.report.volumes_left_out, 1);
	assert_int_equal(outcome.report.volumes_kept_whole, 0);
	outcome_done(&outcome);
	fake_free(fake);
}

static void volume_that_no_pattern_reaches_is_kept(void **state)
{
	struct fake *fake = small_disk();
	struct outcome outcome = without(fake, "p1-ext4/**/x");

	(void)state;
	EXPECT(outcome, P1(100, 10));
	assert_int_equal(outcome.report.volumes_left_out, 0);
	outcome_done(&outcome);
	outcome = without(fake, "p3-unreadable");
	EXPECT(outcome, P3);
	outcome_done(&outcome);
	fake_free(fake);
}

static void only_keeps_tables_and_what_matches(void **state)
{
	const char *pattern = "/b";
	struct image_choice choice = {.only = &pattern, .only_count = 1};
	struct fake *fake = small_disk();
	struct outcome outcome = choose(fake, &choice);

	(void)state;
	/* p1 keeps 0-9 and 120, p2 keeps 0-19; the gap behind p3 ends where the last MiB begins */
	EXPECT(outcome, {MIB, MIB}, P1(10, 110),
	       {FIRST_OFFSET + 121 * BLOCK, 6 * MIB - 121 * BLOCK},
	       {SECOND + 20 * BLOCK, 7 * MIB - 20 * BLOCK});
	assert_int_equal(outcome.report.files_left_out, 3);
	assert_int_equal(outcome.report.free_bytes,
			 outcome.report.bytes_left_out - 13 * BLOCK - MIB);
	assert_int_equal(outcome.report.volumes_left_out, 1);
	outcome_done(&outcome);
	fake_free(fake);
}

static void no_free_space_keeps_files_tables_and_unknown_volumes(void **state)
{
	struct image_choice choice = {.no_free_space = true};
	struct fake *fake = small_disk();
	struct outcome outcome = choose(fake, &choice);

	(void)state;
	EXPECT(outcome, {MIB, MIB}, P1(10, 90), P1(112, 8),
	       {FIRST_OFFSET + 121 * BLOCK, 6 * MIB - 121 * BLOCK}, P2(20, 30),
	       {SECOND + 51 * BLOCK, 5 * MIB - 51 * BLOCK}, {14 * MIB, MIB});
	assert_int_equal(outcome.report.files_left_out, 0);
	assert_int_equal(outcome.report.free_bytes, outcome.report.bytes_left_out);
	assert_int_equal(outcome.report.volumes_kept_whole, 1);
	assert_int_equal(outcome.report.volumes_left_out, 0);
	outcome_done(&outcome);
	fake_free(fake);
}

static void volume_whose_free_space_is_not_known_is_kept_or_left_out(void **state)
{
	static const enum bl_status ROWS[] = {BL_UNSUPPORTED, BL_IO, BL_TOO_LARGE};
	const char *pattern = "/b";

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct image_choice choice = {.no_free_space = true};
		struct fake *fake = small_disk();

		fake->used_trouble[0] = ROWS[i];
		struct outcome outcome = choose(fake, &choice);
		assert_int_equal(outcome.status, BL_OK);
		assert_int_equal(outcome.report.volumes_kept_whole, 2);
		assert_int_equal(image_ranges_find(&outcome.ranges, FIRST_OFFSET), 1);
		assert_int_equal(outcome.ranges.items[1].offset, 6 * MIB);
		outcome_done(&outcome);
		choice = (struct image_choice){.only = &pattern, .only_count = 1};
		outcome = choose(fake, &choice);
		assert_int_equal(outcome.status, BL_OK);
		assert_int_equal(outcome.report.volumes_left_out, 2);
		assert_int_equal(outcome.report.volumes_kept_whole, 0);
		assert_int_equal(outcome.ranges.items[0].offset, MIB);
		assert_int_equal(outcome.ranges.items[0].length, 7 * MIB);
		outcome_done(&outcome);
		fake_free(fake);
	}
}

/* A table of free space that is behind the files must not cost a file. */
static void file_in_what_the_table_calls_free_is_kept(void **state)
{
	struct image_choice choice = {.no_free_space = true};
	struct fake *fake = small_disk();

	(void)state;
	fake->nodes[0][FILE_E].places[0] = (struct image_range){500 * BLOCK, BLOCK};
	fake->nodes[0][FILE_E].place_count = 1;
	struct outcome outcome = choose(fake, &choice);
	assert_int_equal(outcome.status, BL_OK);
	size_t at = image_ranges_find(&outcome.ranges, FIRST_OFFSET + 500 * BLOCK);
	assert_int_equal(outcome.ranges.items[at].offset, FIRST_OFFSET + 501 * BLOCK);
	outcome_done(&outcome);
	fake_free(fake);
}

static void nothing_asked_leaves_out_nothing(void **state)
{
	struct image_choice choice = {0};
	struct fake *fake = small_disk();
	struct outcome outcome = choose(fake, &choice);

	(void)state;
	assert_int_equal(outcome.status, BL_OK);
	assert_int_equal(outcome.ranges.count, 0);
	assert_int_equal(fake->lists, 0);
	outcome_done(&outcome);
	fake_free(fake);
}

/* ---- partition tables ------------------------------------------------------------------------ */

static void tables_between_logical_partitions_are_kept(void **state)
{
	struct image_choice choice = {.no_free_space = true};
	struct fake *fake = fake_new();

	(void)state;
	add_volume(fake, "p1-ext4", MIB, MIB, NODES);
	add_volume(fake, "p5-ext4", 6 * MIB, MIB, NODES);
	add_volume(fake, "p6-ext4", 8 * MIB, MIB, NODES);
	for (unsigned v = 0; v < 3; v++)
		use(fake, v, 0, MIB / BLOCK);
	struct outcome outcome = choose(fake, &choice);
	EXPECT(outcome, {3 * MIB, 2 * MIB}, {9 * MIB, 6 * MIB});
	outcome_done(&outcome);
	fake_free(fake);
}

static void volume_over_the_whole_image_is_left_out_whole(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	add_volume(fake, "p1-unreadable", 0, DISK_BYTES, 3);
	fake->volumes[0].is_readable = false;
	struct outcome outcome = without(fake, "/a");
	EXPECT(outcome, {0, DISK_BYTES});
	outcome_done(&outcome);
	/* beside others there is a table, whatever this one says of itself */
	add_volume(fake, "p2-ext4", 4 * MIB, MIB, NODES);
	outcome = without(fake, "/a");
	EXPECT(outcome, {MIB, DISK_BYTES - 2 * MIB});
	outcome_done(&outcome);
	fake_free(fake);
}

/* Without a table the first MiB is files like any other. */
static void file_at_the_very_front_is_left_out(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	add_volume(fake, "p1-fat32", 0, DISK_BYTES, NODES);
	add_file(fake, 0, ROOT, "x", FILE_X, 8, 1);
	struct outcome outcome = without(fake, "x");
	EXPECT(outcome, {8 * BLOCK, BLOCK});
	outcome_done(&outcome);
	fake_free(fake);
}

static void mounted_directory_is_refused(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	add_volume(fake, "", 0, 0, NODES);
	struct outcome outcome = without(fake, "/a");
	assert_int_equal(outcome.status, BL_UNSUPPORTED);
	outcome = find(fake, "/a");
	assert_int_equal(outcome.status, BL_UNSUPPORTED);
	fake_free(fake);
}

/* ---- bytes that two files have ---------------------------------------------------------------- */

static void file_with_a_name_that_stays_is_kept_and_not_destroyed(void **state)
{
	struct fake *fake = small_disk();

	(void)state;
	add_entry(fake, 0, DIR_B, "other", FILE_X);
	struct outcome outcome = without(fake, "p1-ext4/a");
	EXPECT(outcome, P1(110, 2));
	assert_int_equal(outcome.report.files_left_out, 1);
	assert_int_equal(outcome.report.files, 5);
	outcome_done(&outcome);
	outcome = find(fake, "p1-ext4/a");
	assert_int_equal(outcome.status, BL_UNSUPPORTED);
	outcome = find(fake, "p1-ext4/a/y");
	EXPECT(outcome, P1(110, 2));
	outcome_done(&outcome);
	outcome = find(fake, "p1-ext4/**/{x,other}");
	EXPECT(outcome, P1(100, 10));
	assert_int_equal(outcome.report.files_left_out, 1);
	outcome_done(&outcome);
	fake_free(fake);
}

static void only_keeps_a_file_that_matches_under_any_name(void **state)
{
	const char *pattern = "p1-ext4/b";
	struct image_choice choice = {.only = &pattern, .only_count = 1};
	struct fake *fake = small_disk();

	(void)state;
	add_entry(fake, 0, DIR_B, "other", FILE_X);
	struct outcome outcome = choose(fake, &choice);
	assert_int_equal(outcome.status, BL_OK);
	size_t at = image_ranges_find(&outcome.ranges, FIRST_OFFSET + 100 * BLOCK);
	assert_int_equal(outcome.ranges.items[at].offset, FIRST_OFFSET + 110 * BLOCK);
	outcome_done(&outcome);
	fake_free(fake);
}

static void shared_bytes_stay_where_they_really_overlap(void **state)
{
	const char *pattern = "p1-ext4/b";
	struct image_choice choice = {.only = &pattern, .only_count = 1};
	struct fake *fake = small_disk();

	(void)state;
	fake->nodes[0][FILE_Z].places[0] = (struct image_range){105 * BLOCK, 2 * BLOCK};
	struct outcome outcome = without(fake, "p1-ext4/a/x");
	EXPECT(outcome, P1(100, 5), P1(107, 3));
	outcome_done(&outcome);
	outcome = find(fake, "p1-ext4/a/x");
	assert_int_equal(outcome.status, BL_UNSUPPORTED);
	/* `only` says more than `without`: what others have is not wanted, whoever has it too */
	outcome = choose(fake, &choice);
	assert_int_equal(outcome.status, BL_OK);
	size_t at = image_ranges_find(&outcome.ranges, FIRST_OFFSET + 105 * BLOCK);
	assert_true(outcome.ranges.items[at].offset <= FIRST_OFFSET + 105 * BLOCK);
	outcome_done(&outcome);
	fake_free(fake);
}

/* ---- damage and lies --------------------------------------------------------------------------- */

static void folder_that_cannot_be_listed_counts_where_it_matters(void **state)
{
	static const struct {
		uint64_t folder;
		const char *pattern;
		bool is_left_out;
	} ROWS[] = {
		{DIR_B, "p1-ext4/a/**", false}, /* nothing below /b can match */
		{DIR_A, "p1-ext4/a/**", true},	{DIR_B, "p1-ext4/**/x", true},
		{ROOT, "p1-ext4/a", true},	{DIR_A, "p1-ext4/a", true},
		{DIR_B, "p2-fat32/a", false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct fake *fake = small_disk();

		fake->nodes[0][ROWS[i].folder].trouble = BL_IO;
		struct outcome outcome = without(fake, ROWS[i].pattern);
		size_t at = image_ranges_find(&outcome.ranges, FIRST_OFFSET);
		bool is_left_out = at < outcome.ranges.count &&
				   outcome.ranges.items[at].offset == FIRST_OFFSET &&
				   outcome.ranges.items[at].length == 4 * MIB;
		if (outcome.status != BL_OK || is_left_out != ROWS[i].is_left_out ||
		    outcome.report.volumes_left_out != ROWS[i].is_left_out)
			fail_msg("row %zu: %s", i, bl_status_name(outcome.status));
		outcome_done(&outcome);
		outcome = find(fake, ROWS[i].pattern);
		if ((outcome.status == BL_UNSUPPORTED) != ROWS[i].is_left_out)
			fail_msg("row %zu: find: %s", i, bl_status_name(outcome.status));
		outcome_done(&outcome);
		fake_free(fake);
	}
}

/* Who asks again may have an answer; where it does not matter nobody waits for one. */
static void folder_that_takes_too_long_is_told(void **state)
{
	struct fake *fake = small_disk();

	(void)state;
	fake->nodes[0][DIR_A].trouble = BL_TIMED_OUT;
	struct outcome outcome = without(fake, "p1-ext4/a");
	assert_int_equal(outcome.status, BL_TIMED_OUT);
	outcome = without(fake, "p1-ext4/b");
	EXPECT(outcome, P1(120, 1));
	outcome_done(&outcome);
	fake_free(fake);
}

static void node_of_unknown_type_is_asked_for(void **state)
{
	struct fake *fake = small_disk();

	(void)state;
	fake->nodes[0][DIR_A].is_shy = fake->nodes[0][FILE_X].is_shy = true;
	fake->nodes[0][FILE_Z].is_shy = fake->nodes[0][FILE_Z].is_lost = true;
	struct outcome outcome = without(fake, "p1-ext4/a/**");
	EXPECT(outcome, P1(100, 12));
	outcome_done(&outcome);
	fake->nodes[0][FILE_X].is_lost = true;
	outcome = without(fake, "p1-ext4/a/**");
	EXPECT(outcome, {FIRST_OFFSET, 4 * MIB});
	outcome_done(&outcome);
	fake_free(fake);
}

static void file_that_does_not_tell_where_it_lies_is_refused(void **state)
{
	static const struct {
		enum bl_status trouble, status;
	} ROWS[] = {
		{BL_UNSUPPORTED, BL_UNSUPPORTED}, {BL_IO, BL_UNSUPPORTED},
		{BL_TOO_LARGE, BL_UNSUPPORTED},	  {BL_NOT_FOUND, BL_UNSUPPORTED},
		{BL_TIMED_OUT, BL_TIMED_OUT},	  {BL_NO_MEMORY, BL_NO_MEMORY},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct fake *fake = small_disk();

		fake->nodes[0][FILE_X].trouble = ROWS[i].trouble;
		struct outcome outcome = without(fake, "p1-ext4/a");
		if (outcome.status != ROWS[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(outcome.status));
		outcome = find(fake, "p1-ext4/a");
		if (outcome.status != ROWS[i].status)
			fail_msg("row %zu: find: %s", i, bl_status_name(outcome.status));
		/* of a file that stays nobody needs to know */
		outcome = without(fake, "p1-ext4/b");
		if (ROWS[i].status != BL_NO_MEMORY && outcome.status != BL_OK)
			fail_msg("row %zu: kept: %s", i, bl_status_name(outcome.status));
		outcome_done(&outcome);
		fake_free(fake);
	}
}

static void refusal_says_how_many_and_no_name(void **state)
{
	struct fake *fake = small_disk();

	(void)state;
	snprintf(fake->nodes[0][DIR_A].entries[0].name, 16, "marta.quill");
	fake->nodes[0][FILE_X].trouble = fake->nodes[0][FILE_Y].trouble = BL_IO;
	struct outcome outcome = without(fake, "p1-ext4/a");
	assert_int_equal(outcome.status, BL_UNSUPPORTED);
	assert_string_equal(outcome.why.text,
			    "files that are to be left out, but lie where it cannot be told: 2 "
			    "(take the device in whole, or name other files)");
	fake_free(fake);
}

static void places_outside_of_the_volume_are_refused(void **state)
{
	static const struct image_range ROWS[] = {
		{4 * MIB, 1},
		{4 * MIB - 1, 2},
		{(uint64_t)0 - FIRST_OFFSET, 1},
		{0, UINT64_MAX},
		{UINT64_MAX - FIRST_OFFSET, 1},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct fake *fake = small_disk();

		fake->nodes[0][FILE_X].places[0] = ROWS[i];
		struct outcome outcome = find(fake, "p1-ext4/a");
		if (outcome.status != BL_UNSUPPORTED)
			fail_msg("row %zu: %s", i, bl_status_name(outcome.status));
		fake_free(fake);
	}
}

static void loops_of_folders_end(void **state)
{
	struct fake *fake = small_disk();

	(void)state;
	add_entry(fake, 0, DIR_A, "up", ROOT);
	add_entry(fake, 0, DIR_A, "self", DIR_A);
	add_entry(fake, 0, ROOT, "self", ROOT);
	struct outcome outcome = without(fake, "p1-ext4/**/x");
	EXPECT(outcome, P1(100, 10));
	assert_int_equal(outcome.report.files, 5);
	assert_in_range(fake->lists, 1, 12);
	outcome_done(&outcome);
	/* /a/self/y and /a/up/a/y are names of y too */
	outcome = find(fake, "p1-ext4/a/y");
	assert_int_equal(outcome.status, BL_UNSUPPORTED);
	fake_free(fake);
}

static bool stop_at(void *context, uint64_t files)
{
	unsigned *left = context;

	(void)files;
	return (*left)-- > 0;
}

static void choosing_can_be_stopped(void **state)
{
	const char *pattern = "/a";
	struct image_choice choice = {.without = &pattern, .without_count = 1};
	unsigned calls = 0;
	enum bl_status status;

	(void)state;
	do {
		struct fake *fake = small_disk();
		struct outcome outcome = {.why = {{0}}};
		unsigned left = calls++;

		status = image_choose(&fake->image, DISK_BYTES, &choice, stop_at, &left,
				      &outcome.ranges, &outcome.report, &outcome.why);
		if (status != BL_OK && status != BL_STALE)
			fail_msg("call %u: %s", calls, bl_status_name(status));
		outcome_done(&outcome);
		fake_free(fake);
	} while (status == BL_STALE && calls < 100);
	assert_in_range(calls, 3, 99);
	assert_int_equal(status, BL_OK);
}

static void nothing_found_is_said(void **state)
{
	struct fake *fake = small_disk();
	struct outcome outcome = find(fake, "p1-ext4/none");

	(void)state;
	assert_int_equal(outcome.status, BL_NOT_FOUND);
	outcome = find(fake, "p1-ext4/b/e");
	assert_int_equal(outcome.status, BL_OK); /* an empty file is a file */
	assert_int_equal(outcome.ranges.count, 0);
	assert_int_equal(outcome.report.files_left_out, 1);
	outcome_done(&outcome);
	/* p3 could hold one */
	outcome = find(fake, "/none");
	assert_int_equal(outcome.status, BL_UNSUPPORTED);
	fake_free(fake);
}

/* ---- many files ---------------------------------------------------------------------------------- */

#define MANY 100000u

static void volume_of_zeros_has_no_file_that_could_match(void **state)
{
	static const struct {
		uint64_t length, full_from;
		enum bl_status trouble, found;
	} ROWS[] = {
		{MIB, THIRD + MIB, BL_OK, BL_OK},
		{MIB, THIRD + MIB - 1, BL_OK, BL_UNSUPPORTED},
		{MIB + 5, THIRD + MIB + 5, BL_OK, BL_OK},
		{MIB + 5, THIRD + MIB + 4, BL_OK, BL_UNSUPPORTED},
		{1024 * MIB, UINT64_MAX, BL_OK, BL_OK},
		{1024 * MIB + 1, UINT64_MAX, BL_OK, BL_UNSUPPORTED},
		{MIB, UINT64_MAX, BL_IO, BL_UNSUPPORTED},
		{MIB, UINT64_MAX, BL_NO_MEMORY, BL_NO_MEMORY},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct fake *fake = small_disk();

		fake->volumes[2].length = ROWS[i].length;
		fake->full_from = ROWS[i].full_from;
		fake->bytes_trouble = ROWS[i].trouble;
		struct outcome outcome = find(fake, "/a");
		if (outcome.status != ROWS[i].found)
			fail_msg("row %zu: %s", i, bl_status_name(outcome.status));
		outcome_done(&outcome);
		fake_free(fake);
	}
}

static void hundred_thousand_files_are_joined_once(void **state)
{
	struct fake *fake = fake_new();
	char name[16];

	(void)state;
	add_volume(fake, "p1-ext4", FIRST_OFFSET, UINT64_C(1) << 40, MANY + 10);
	add_folder(fake, 0, ROOT, "a", 3);
	add_folder(fake, 0, ROOT, "b", 4);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "%u", i);
		add_file(fake, 0, 3 + i % 2, name, 10 + i, i * UINT64_C(7919) % MANY * 2, 1);
	}
	struct outcome outcome = without(fake, "/a");
	assert_int_equal(outcome.status, BL_OK);
	assert_int_equal(outcome.report.files, MANY);
	assert_int_equal(outcome.report.files_left_out, MANY / 2);
	assert_int_equal(outcome.report.bytes_left_out, UINT64_C(4096) * MANY / 2);
	assert_int_equal(fake->places, MANY); /* each once */
	outcome_done(&outcome);
	fake_free(fake);
}

/* ---- random trees against a model that is too simple to be wrong -------------------------------- */

#define ROUNDS	  400u
#define PATTERNS  3u
#define BLOCKS	  (DISK_BYTES / BLOCK)
#define MAX_DEPTH 5

static uint64_t next_random(uint64_t *state, uint64_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*state >> 33) % below;
}

struct model {
	struct fake *fake;
	struct image_choice choice;
	const char *without[PATTERNS], *only[PATTERNS];
	char texts[PATTERNS * 2][64];
	unsigned names[VOLUMES]
		      [NODES]; /* 1: a name that stays, 2: left out by `without`, 4: by `only` */
};

/* Folders hold only what has a higher number, so there is no loop; files may have several names. */
static void random_tree(uint64_t *seed, struct fake *fake, unsigned volume)
{
	static const char *const NAMES[] = {"a", "b", "c", "ab", "p1-ext4"};
	uint64_t blocks = fake->volumes[volume].length / BLOCK;

	for (unsigned inode = ROOT + 1; inode < 24; inode++) {
		unsigned above = ROOT + (unsigned)next_random(seed, BL_MIN(inode - ROOT, 8u));
		struct node *node = &fake->nodes[volume][inode];
		const char *name = NAMES[next_random(seed, BL_COUNT(NAMES))];

		node->is_shy = next_random(seed, 4) == 0;
		if (inode < 10) {
			add_folder(fake, volume, above, name, inode);
			continue;
		}
		add_file(fake, volume, above, name, inode, next_random(seed, blocks - 40),
			 next_random(seed, 40));
		if (next_random(seed, 5) == 0)
			add_entry(fake, volume, ROOT + next_random(seed, 8), "b", inode);
	}
	for (unsigned i = 0; i < 6; i++)
		use(fake, volume, next_random(seed, blocks - 100), 1 + next_random(seed, 99));
}

static void random_pattern(uint64_t *seed, char *text, size_t size)
{
	static const char *const PARTS[] = {"a", "b", "c", "*", "**", "?b", "[ab]", "p1-ext4"};
	size_t count = 1 + next_random(seed, 4), length = 0;

	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(text + length, size - length, "/%s",
					   PARTS[next_random(seed, BL_COUNT(PARTS))]);
}

static void random_model(uint64_t *seed, struct model *model)
{
	static const char *const VOLUME_NAMES[] = {"p1-ext4", "p2-fat32", "p3-ntfs"};
	static const uint64_t OFFSETS[] = {MIB / 2, 5 * MIB, 10 * MIB};

	*model = (struct model){.fake = fake_new()};
	for (unsigned v = 0; v < VOLUMES; v++) {
		add_volume(model->fake, VOLUME_NAMES[v], OFFSETS[v], 4 * MIB, NODES);
		random_tree(seed, model->fake, v);
	}
	model->fake->volumes[2].is_readable = next_random(seed, 2);
	for (size_t i = 0; i < PATTERNS * 2; i++)
		random_pattern(seed, model->texts[i], sizeof(model->texts[i]));
	for (size_t i = 0; i < PATTERNS; i++) {
		model->without[i] = model->texts[i];
		model->only[i] = model->texts[PATTERNS + i];
	}
	model->choice = (struct image_choice){
		model->without,
		next_random(seed, PATTERNS + 1),
		model->only,
		next_random(seed, 2) * next_random(seed, PATTERNS),
		next_random(seed, 2) == 0,
	};
}

static const char *next_name(const char *path, char *name)
{
	size_t length = strcspn(path, "/");

	memcpy(name, path, length);
	name[length] = '\0';
	return path[length] ? path + length + 1 : NULL;
}

/* Both without their first slash; NULL: nothing more. A pattern that ends covers all below. */
static bool covers(const char *pattern, const char *path)
{
	char part[64], name[64];

	if (!pattern)
		return true;
	const char *more = next_name(pattern, part);
	if (!path)
		return false;
	const char *below = next_name(path, name);
	if (strcmp(part, "**") != 0)
		return fnmatch(part, name, 0) == 0 && covers(more, below);
	/* a trailing `**` needs one name, others none */
	return !more || covers(more, path) || covers(pattern, below);
}

static bool any_covers(const char *const *patterns, size_t count, unsigned volume, const char *path)
{
	for (size_t i = 0; i < count; i++) {
		const char *pattern = patterns[i] + 1;

		/* the one volume that a part can name */
		if (strncmp(pattern, "p1-ext4", 7) == 0) {
			if (volume != 0)
				continue;
			pattern = pattern[7] ? pattern + 8 : NULL;
		}
		if (covers(pattern, path))
			return true;
	}
	return false;
}

/* Bounded: a tree of the model is at most eight folders deep. */
static void name_files(struct model *model, unsigned volume, uint64_t folder, const char *above)
{
	const struct node *node = &model->fake->nodes[volume][folder];

	for (size_t i = 0; i < node->entry_count; i++) {
		const struct entry *entry = &node->entries[i];
		const struct image_choice *choice = &model->choice;
		char path[256];

		snprintf(path, sizeof(path), "%s%s%s", above, *above ? "/" : "", entry->name);
		if (model->fake->nodes[volume][entry->inode].type == IMAGE_DIR) {
			name_files(model, volume, entry->inode, path);
			continue;
		}
		bool is_out = any_covers(choice->without, choice->without_count, volume, path);
		bool is_in = !choice->only_count ||
			     any_covers(choice->only, choice->only_count, volume, path);

		model->names[volume][entry->inode] |= !is_in ? 4 : is_out ? 2 : 1;
	}
}

#define IS_VOLUME  1u
#define IS_USED	   2u
#define IS_KEPT	   4u
#define IS_WITHOUT 8u
#define IS_OTHER   16u
#define IS_WHOLE   32u

static void mark(uint8_t *blocks, const struct image_range *range, uint64_t offset, uint8_t flag)
{
	for (uint64_t at = offset + range->offset; at < offset + range->offset + range->length;
	     at += BLOCK)
		blocks[at / BLOCK] |= flag;
}

/* Could a name be left out of the third volume, which nobody can read? Patterns of the model reach it unless they name p1. */
static bool is_third_left_out(const struct model *model)
{
	if (model->choice.only_count)
		return true;
	for (size_t i = 0; i < model->choice.without_count; i++)
		if (strncmp(model->choice.without[i], "/p1-ext4", 8) != 0)
			return true;
	return false;
}

static void mark_volume(struct model *model, unsigned v, uint8_t *blocks)
{
	struct fake *fake = model->fake;
	uint64_t offset = fake->volumes[v].offset;

	mark(blocks, &(struct image_range){0, fake->volumes[v].length}, offset, IS_VOLUME);
	if (!fake->volumes[v].is_readable) {
		mark(blocks, &(struct image_range){0, fake->volumes[v].length}, offset,
		     is_third_left_out(model) ? IS_WHOLE : IS_USED);
		return;
	}
	name_files(model, v, ROOT, "");
	for (size_t i = 0; i < fake->used[v].count; i++)
		mark(blocks, &fake->used[v].items[i], offset, IS_USED);
	for (unsigned i = 0; i < NODES; i++) {
		unsigned names = model->names[v][i];
		uint8_t flag = names & 1 ? IS_KEPT : names & 4 ? IS_OTHER : IS_WITHOUT;

		if (names && fake->nodes[v][i].place_count)
			mark(blocks, &fake->nodes[v][i].places[0], offset, flag);
	}
}

static bool is_left_out(const struct model *model, size_t block, uint8_t flags)
{
	bool is_end = block < MIB / BLOCK || block >= BLOCKS - MIB / BLOCK;
	bool is_free = model->choice.only_count || model->choice.no_free_space;

	if (flags & (IS_WHOLE | IS_OTHER))
		return true;
	if (!(flags & IS_VOLUME))
		return is_free && !is_end;
	return !(flags & IS_KEPT) && (flags & IS_WITHOUT || (is_free && !(flags & IS_USED)));
}

static void compare_with_model(struct model *model, const struct outcome *outcome, unsigned round)
{
	static uint8_t blocks[BLOCKS];
	const struct image_ranges *ranges = &outcome->ranges;
	uint64_t bytes = 0, left_out = 0;

	memset(blocks, 0, sizeof(blocks));
	for (unsigned v = 0; v < VOLUMES; v++)
		mark_volume(model, v, blocks);
	for (size_t block = 0; block < BLOCKS; block++) {
		uint64_t offset = block * BLOCK;
		size_t at = image_ranges_find(ranges, offset);
		bool is_out = at < ranges->count && ranges->items[at].offset <= offset;

		if (is_out != is_left_out(model, block, blocks[block]))
			fail_msg("round %u: block %zu (flags %#x): %s", round, block, blocks[block],
				 is_out ? "left out" : "kept");
		bytes += is_out * BLOCK;
	}
	for (unsigned v = 0; v < VOLUMES; v++)
		for (unsigned i = 0; i < NODES; i++)
			left_out += model->names[v][i] && !(model->names[v][i] & 1);
	if (outcome->report.bytes_left_out != bytes || image_ranges_bytes(ranges) != bytes ||
	    outcome->report.files_left_out != left_out)
		fail_msg("round %u: the report is wrong", round);
}

static void random_choices_are_those_of_the_model(void **state)
{
	uint64_t seed = 20261122;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct model model;

		random_model(&seed, &model);
		struct outcome outcome = choose(model.fake, &model.choice);
		if (outcome.status != BL_OK)
			fail_msg("round %u: %s: %s", round, bl_status_name(outcome.status),
				 outcome.why.text);
		if (model.choice.without_count || model.choice.only_count ||
		    model.choice.no_free_space)
			compare_with_model(&model, &outcome, round);
		outcome_done(&outcome);
		fake_free(model.fake);
	}
}

/* As mark_volume does; but a file that matches under one of its names is found, whatever its other names. */
static void mark_found(struct model *model, unsigned v, uint8_t *blocks, bool *out_is_any)
{
	mark_volume(model, v, blocks);
	for (unsigned i = 0; i < NODES; i++) {
		const struct node *node = &model->fake->nodes[v][i];

		if (!(model->names[v][i] & 2))
			continue;
		*out_is_any = true;
		if (node->place_count)
			mark(blocks, &node->places[0], model->fake->volumes[v].offset, IS_WITHOUT);
	}
}

static enum bl_status model_finds(struct model *model, uint8_t *blocks)
{
	bool is_any = false;

	memset(blocks, 0, BLOCKS);
	for (unsigned v = 0; v < VOLUMES; v++)
		mark_found(model, v, blocks, &is_any);
	for (size_t block = 0; block < BLOCKS; block++)
		if (blocks[block] & IS_KEPT && blocks[block] & IS_WITHOUT)
			return BL_UNSUPPORTED;
	return is_any ? BL_OK : BL_NOT_FOUND;
}

static void compare_found(const struct image_ranges *ranges, const uint8_t *blocks, unsigned round)
{
	for (size_t block = 0; block < BLOCKS; block++) {
		size_t at = image_ranges_find(ranges, block * BLOCK);
		bool is_found = at < ranges->count && ranges->items[at].offset <= block * BLOCK;

		if (is_found != !!(blocks[block] & IS_WITHOUT))
			fail_msg("round %u: block %zu", round, block);
	}
}

static void random_finds_are_those_of_the_model(void **state)
{
	static uint8_t blocks[BLOCKS];
	unsigned results[BL_STATUS_COUNT] = {0};
	uint64_t seed = 8;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct model model;

		random_model(&seed, &model);
		model.fake->volumes[2].is_readable = true;
		model.choice.only_count = 0;
		model.choice.without_count = 1;
		enum bl_status wanted = model_finds(&model, blocks);
		struct outcome outcome = find(model.fake, model.without[0]);
		if (outcome.status != wanted)
			fail_msg("round %u: %s", round, bl_status_name(outcome.status));
		if (wanted == BL_OK)
			compare_found(&outcome.ranges, blocks, round);
		results[wanted]++;
		outcome_done(&outcome);
		fake_free(model.fake);
	}
	/* all three were tried */
	assert_true(results[BL_OK] && results[BL_NOT_FOUND] && results[BL_UNSUPPORTED]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_leaves_out_what_matches_and_what_nobody_can_read),
		cmocka_unit_test(volume_that_no_pattern_reaches_is_kept),
		cmocka_unit_test(only_keeps_tables_and_what_matches),
		cmocka_unit_test(no_free_space_keeps_files_tables_and_unknown_volumes),
		cmocka_unit_test(volume_whose_free_space_is_not_known_is_kept_or_left_out),
		cmocka_unit_test(file_in_what_the_table_calls_free_is_kept),
		cmocka_unit_test(nothing_asked_leaves_out_nothing),
		cmocka_unit_test(tables_between_logical_partitions_are_kept),
		cmocka_unit_test(volume_over_the_whole_image_is_left_out_whole),
		cmocka_unit_test(file_at_the_very_front_is_left_out),
		cmocka_unit_test(mounted_directory_is_refused),
		cmocka_unit_test(file_with_a_name_that_stays_is_kept_and_not_destroyed),
		cmocka_unit_test(only_keeps_a_file_that_matches_under_any_name),
		cmocka_unit_test(shared_bytes_stay_where_they_really_overlap),
		cmocka_unit_test(folder_that_cannot_be_listed_counts_where_it_matters),
		cmocka_unit_test(folder_that_takes_too_long_is_told),
		cmocka_unit_test(node_of_unknown_type_is_asked_for),
		cmocka_unit_test(file_that_does_not_tell_where_it_lies_is_refused),
		cmocka_unit_test(refusal_says_how_many_and_no_name),
		cmocka_unit_test(places_outside_of_the_volume_are_refused),
		cmocka_unit_test(loops_of_folders_end),
		cmocka_unit_test(choosing_can_be_stopped),
		cmocka_unit_test(nothing_found_is_said),
		cmocka_unit_test(volume_of_zeros_has_no_file_that_could_match),
		cmocka_unit_test(hundred_thousand_files_are_joined_once),
		cmocka_unit_test(random_choices_are_those_of_the_model),
		cmocka_unit_test(random_finds_are_those_of_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

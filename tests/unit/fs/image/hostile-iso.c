/* hostile-iso.c - ISO 9660 discs of our own making, broken where it matters: each question ends, as an answer or an error */
#include "tests/unit/fs/image/real-image.h"

#define SECTOR	 UINT64_C(2048)
#define ROOT_AT	 20u /* sector of the root's records */
#define OTHER_AT 21u /* of a folder's, and on */
#define FILE_AT	 60u /* of a file's contents */
#define SMALL	 64u /* sectors */
#define FOLDER	 2

static void both(uint8_t *at, uint32_t value)
{
	bl_put32(at, value);
	for (unsigned i = 0; i < 4; i++)
		at[4 + i] = (uint8_t)(value >> 8 * (3 - i));
}

/* ECMA-119, 9.1; @use bytes behind the name. Returns where the next one goes. */
static uint8_t *record(uint8_t *at, const void *name, size_t length, uint32_t extent, uint32_t size,
		       uint8_t flags, const void *use, size_t use_length)
{
	size_t head = 33 + length + (length % 2 == 0);

	memset(at, 0, head + use_length);
	at[0] = (uint8_t)((head + use_length + 1) & ~(size_t)1);
	both(at + 2, extent);
	both(at + 10, size);
	at[25] = flags;
	at[28] = at[31] = 1;
	at[32] = (uint8_t)length;
	memcpy(at + 33, name, length);
	if (use_length)
		memcpy(at + head, use, use_length);
	return at + at[0];
}

static uint8_t *sector(const struct real *r, uint32_t number)
{
	return r->bytes + number * SECTOR;
}

/* "." and ".." of a folder, which may say anything; @rock: it is the root of one with Rock Ridge */
static uint8_t *begin(struct real *r, uint32_t at, uint32_t size, bool has_rock)
{
	static const uint8_t SP[7] = {'S', 'P', 7, 1, 0xbe, 0xef, 0};
	uint8_t *next = record(sector(r, at), "\0", 1, at, size, FOLDER, SP, has_rock ? 7 : 0);

	return record(next, "\1", 1, ROOT_AT, (uint32_t)SECTOR, FOLDER, NULL, 0);
}

static void disc(struct real *r, uint32_t sectors, uint32_t root_size, bool is_joliet)
{
	free(r->bytes);
	r->size_bytes = sectors * SECTOR;
	r->bytes = calloc(1, r->size_bytes);
	assert_non_null(r->bytes);
	for (uint32_t i = 16; i < 18u + is_joliet; i++) {
		uint8_t *at = sector(r, i);

		memcpy(at, "\1CD001\1", 7);
		at[0] = i == 17u + is_joliet ? 255 : i == 17 ? 2 : 1;
		both(at + 80, sectors);
		bl_put16(at + 128, (uint16_t)SECTOR);
		record(at + 156, "\0", 1, ROOT_AT, root_size, FOLDER, NULL, 0);
		if (i == 17 && is_joliet)
			memcpy(at + 88, "%/E", 3);
	}
}

struct names {
	char wanted[64];
	uint64_t inode;
	size_t count;
};

static bool each_name(void *context, const struct image_entry *entry)
{
	struct names *names = context;

	names->count++;
	if (!strcmp(entry->name, names->wanted))
		names->inode = entry->inode;
	return true;
}

static enum bl_status list(struct real *r, uint64_t inode, const char *wanted,
			   struct names *out_names)
{
	*out_names = (struct names){0};
	snprintf(out_names->wanted, sizeof(out_names->wanted), "%s", wanted);
	return image_list(r->image, 0, inode, each_name, out_names, NULL);
}

static uint64_t root_of(const struct real *r)
{
	return image_volume(r->image, 0)->root;
}

/* What the reader of this process has had at most, in KiB. */
static long reader_peak(void)
{
	char line[256];
	long peak = -1;
	FILE *found =
		popen("cat /proc/$(cat /proc/$PPID/task/*/children | tr ' ' '\\n' | while read "
		      "p; do grep -q bailee-reader /proc/$p/comm && echo $p; done | head "
		      "-1)/status 2>/dev/null",
		      "r");

	assert_non_null(found);
	while (fgets(line, sizeof(line), found))
		(void)sscanf(line, "VmHWM: %ld", &peak);
	pclose(found);
	return peak;
}

static void a_million_names_are_listed_and_no_more(void **state)
{
	static const struct {
		uint32_t count;
		enum bl_status wanted;
	} ROWS[] = {{1000000, BL_OK}, {1000001, BL_TOO_LARGE}};
	struct real *r = *state;

	for (size_t row = 0; row < BL_COUNT(ROWS); row++) {
		uint32_t each = (uint32_t)(SECTOR / 42), sectors = ROWS[row].count / each + 2;
		struct names names;

		disc(r, sectors + 64, (uint32_t)(sectors * SECTOR), false);
		uint8_t *at = begin(r, ROOT_AT, (uint32_t)(sectors * SECTOR), false);
		for (uint32_t i = 0; i < ROWS[row].count; i++) {
			char name[16];
			size_t room = SECTOR - (size_t)(at - r->bytes) % SECTOR;

			snprintf(name, sizeof(name), "%08u", i);
			at += room < 42 ? room : 0;
			at = record(at, name, 8, FILE_AT, 0, 0, NULL, 0);
		}
		real_open(r);
		enum bl_status status = list(r, root_of(r), "00999999", &names);
		if (status != ROWS[row].wanted)
			fail_msg("%u names: %d", ROWS[row].count, status);
		if (status == BL_OK)
			assert_int_equal(names.count, ROWS[row].count);
		/* It has an address space of 512 MiB; this is what it needs of it. */
		assert_in_range(reader_peak(), 1000, 200 << 10);
		struct image_attr attr;
		assert_int_equal(image_stat(r->image, 0, root_of(r), &attr, NULL), BL_OK);
	}
}

static void folders_may_hold_each_other(void **state)
{
	struct real *r = *state;
	struct names names;

	disc(r, SMALL, (uint32_t)SECTOR, false);
	uint8_t *at = begin(r, ROOT_AT, (uint32_t)SECTOR, false);
	at = record(at, "A", 1, OTHER_AT, (uint32_t)SECTOR, FOLDER, NULL, 0);
	record(at, "ROOT", 4, ROOT_AT, (uint32_t)SECTOR, FOLDER, NULL, 0);
	at = begin(r, OTHER_AT, (uint32_t)SECTOR, false);
	at = record(at, "B", 1, OTHER_AT + 1, (uint32_t)SECTOR, FOLDER, NULL, 0);
	record(at, "A", 1, OTHER_AT, (uint32_t)SECTOR, FOLDER, NULL, 0);
	at = begin(r, OTHER_AT + 1, (uint32_t)SECTOR, false);
	record(at, "A", 1, OTHER_AT, (uint32_t)SECTOR, FOLDER, NULL, 0);
	real_open(r);
	static const char *const WAYS[] = {"A", "B", "A", "A", "A", "B", "A"};
	uint64_t inode = root_of(r);
	for (size_t i = 0; i < BL_COUNT(WAYS); i++) {
		if (list(r, inode, WAYS[i], &names) != BL_OK || !names.inode)
			fail_msg("step %zu", i);
		inode = names.inode;
	}
	assert_int_equal(list(r, root_of(r), "ROOT", &names), BL_OK);
	assert_int_equal(list(r, names.inode, "A", &names), BL_OK);
}

static void ten_thousand_folders_deep_are_listed(void **state)
{
	enum { DEPTH = 10000 };
	struct real *r = *state;
	struct names names;

	disc(r, ROOT_AT + DEPTH + 2, (uint32_t)SECTOR, false);
	for (uint32_t i = 0; i <= DEPTH; i++) {
		uint8_t *at = begin(r, ROOT_AT + i, (uint32_t)SECTOR, false);

		if (i < DEPTH)
			record(at, "D", 1, ROOT_AT + i + 1, (uint32_t)SECTOR, FOLDER, NULL, 0);
	}
	real_open(r);
	uint64_t inode = root_of(r);
	for (uint32_t i = 0; i < DEPTH; i++) {
		if (list(r, inode, "D", &names) != BL_OK || !names.inode)
			fail_msg("depth %u", i);
		inode = names.inode;
	}
	assert_int_equal(list(r, inode, "D", &names), BL_OK);
	assert_int_equal(names.count, 0);
}

static void broken_records_are_errors(void **state)
{
	struct real *r = *state;
	uint8_t digest[32];

	disc(r, SMALL, (uint32_t)SECTOR, false);
	uint8_t *file = begin(r, ROOT_AT, (uint32_t)SECTOR, false);
	uint8_t *folder = record(file, "F", 1, FILE_AT, 1000, 0, NULL, 0);
	record(folder, "D", 1, OTHER_AT, (uint32_t)SECTOR, FOLDER, NULL, 0);
	begin(r, OTHER_AT, (uint32_t)SECTOR, false);
	struct {
		const char *name;
		uint8_t *at;
		uint32_t value;
		unsigned bytes;
		enum bl_status listed, read, inside; /* the root; the file; the folder */
	} rows[] = {
		{"nothing", file, file[0], 1, BL_OK, BL_OK, BL_OK},
		{"a record of 255 bytes", file, 255, 1, BL_OK, BL_OK, BL_OK},
		{"a record of 33 bytes", file, 33, 1, BL_IO, BL_IO, BL_OK},
		{"a record of one byte", file, 1, 1, BL_IO, BL_IO, BL_OK},
		{"a name longer than its record", file + 32, 222, 1, BL_IO, BL_IO, BL_OK},
		{"a file behind the disc", file + 2, 0xfffffff0, 4, BL_OK, BL_IO, BL_OK},
		{"a file over the end", file + 10, 0xffffffff, 4, BL_OK, BL_IO, BL_OK},
		{"a file that goes on, in no record", file + 25, 0x80, 1, BL_IO, BL_IO, BL_OK},
		{"a file between others", file + 26, 1, 1, BL_OK, BL_UNSUPPORTED, BL_OK},
		{"a folder behind the disc", folder + 2, 0xfffffff0, 4, BL_OK, BL_OK, BL_IO},
		{"a folder of 4 GiB", folder + 10, 0xffffffff, 4, BL_OK, BL_OK, BL_IO},
		{"a folder where the file is", folder + 2, FILE_AT, 4, BL_OK, BL_OK, BL_IO},
		{"a folder in pieces", folder + 26, 1, 1, BL_OK, BL_OK, BL_IO},
	};
	uint64_t file_at = (uint64_t)(file - r->bytes), folder_at = (uint64_t)(folder - r->bytes);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		uint8_t before[4];
		struct names names;

		memcpy(before, rows[i].at, 4);
		memcpy(rows[i].at,
		       &(uint8_t[4]){(uint8_t)rows[i].value, (uint8_t)(rows[i].value >> 8),
				     (uint8_t)(rows[i].value >> 16),
				     (uint8_t)(rows[i].value >> 24)},
		       rows[i].bytes);
		real_open(r);
		enum bl_status listed = list(r, root_of(r), "", &names);
		enum bl_status read = real_digest(r, file_at, digest);
		enum bl_status inside = list(r, folder_at, "", &names);
		bool is_refused = rows[i].read == BL_UNSUPPORTED;
		if (listed != rows[i].listed || inside != rows[i].inside ||
		    (is_refused ? read == BL_OK : read != rows[i].read))
			fail_msg("%s: list %d, read %d, inside %d", rows[i].name, listed, read,
				 inside);
		memcpy(rows[i].at, before, 4);
	}
}

/* "CE": the fields go on at @sector, from @offset on, for @length bytes */
static void goes_on(uint8_t *at, uint32_t where, uint32_t offset, uint32_t length)
{
	memcpy(at, "CE\34\1", 4);
	both(at + 4, where);
	both(at + 12, offset);
	both(at + 20, length);
}

static void rock_ridge_that_goes_round_ends(void **state)
{
	struct real *r = *state;
	struct names names;
	struct image_attr attr;
	char target[5000];
	uint8_t use[64];

	/* One file whose fields go on in themselves; with a part of a name in each round; and one beside it. */
	for (unsigned with_name = 0; with_name < 2; with_name++) {
		disc(r, SMALL, (uint32_t)SECTOR, false);
		goes_on(use, OTHER_AT, 0, 28 + 9 * with_name);
		uint8_t *at = begin(r, ROOT_AT, (uint32_t)SECTOR, true);
		uint8_t *next = record(at, "R", 1, FILE_AT, 100, 0, use, 28);
		memcpy(use, "NM\11\1\0good", 9);
		record(next, "G", 1, FILE_AT, 100, 0, use, 9);
		memcpy(sector(r, OTHER_AT), "NM\11\1\1name", 9);
		goes_on(sector(r, OTHER_AT) + 9 * with_name, OTHER_AT, 0, 28 + 9 * with_name);
		real_open(r);
		/* A name that is not whole is none, and the folder an error; never an entry that is another one. */
		assert_int_equal(list(r, root_of(r), "good", &names), BL_IO);
		assert_int_equal(image_stat(r->image, 0, (uint64_t)(at - r->bytes), &attr, NULL),
				 BL_IO);
	}
	/* A link whose target goes on in itself: listed, by a name that is whole, and its target an error. */
	disc(r, SMALL, (uint32_t)SECTOR, false);
	uint8_t *at = begin(r, ROOT_AT, (uint32_t)SECTOR, true);
	memcpy(use, "NM\11\1\0link", 9);
	goes_on(use + 9, OTHER_AT, 0, 28 + 13);
	record(at, "L", 1, FILE_AT, 0, 0, use, 37);
	memcpy(sector(r, OTHER_AT), "SL\15\1\1\0\6target", 13);
	goes_on(sector(r, OTHER_AT) + 13, OTHER_AT, 0, 28 + 13);
	real_open(r);
	assert_int_equal(list(r, root_of(r), "link", &names), BL_OK);
	assert_int_equal(names.count, 1);
	assert_int_not_equal(image_readlink(r->image, 0, names.inode, target, sizeof(target), NULL),
			     BL_OK);
	/* A folder that was moved into itself. */
	disc(r, SMALL, (uint32_t)SECTOR, false);
	at = begin(r, ROOT_AT, (uint32_t)SECTOR, true);
	memcpy(use, "NM\11\1\0loop", 9);
	memcpy(use + 9, "CL\14\1", 4);
	both(use + 13, ROOT_AT);
	record(at, "C", 1, FILE_AT, 0, 0, use, 21);
	real_open(r);
	assert_int_equal(list(r, root_of(r), "loop", &names), BL_OK);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t inode = names.inode;

		assert_int_equal(list(r, inode, "loop", &names), BL_OK);
		assert_int_equal(names.inode, inode);
	}
}

/* Half a character at the end of a name is none; a name of nothing is shown as such. */
static void joliet_names_of_odd_lengths_are_shown(void **state)
{
	struct real *r = *state;
	struct names names;

	disc(r, SMALL, (uint32_t)SECTOR, true);
	uint8_t *at = begin(r, ROOT_AT, (uint32_t)SECTOR, false);
	at = record(at, "\0a\0b\0", 5, FILE_AT, 10, 0, NULL, 0);
	at = record(at, "\0c", 2, FILE_AT, 10, 0, NULL, 0);
	at = record(at, "\xd8", 1, FILE_AT, 10, 0, NULL, 0);
	record(at, "\xd8\0\0x", 4, FILE_AT, 10, 0, NULL, 0);
	real_open(r);
	assert_int_equal(list(r, root_of(r), "ab", &names), BL_OK);
	assert_int_equal(names.count, 4);
	assert_int_not_equal(names.inode, 0);
	assert_int_equal(list(r, root_of(r), "%-", &names), BL_OK);
	assert_int_not_equal(names.inode, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REAL_TEST(a_million_names_are_listed_and_no_more),
		REAL_TEST(folders_may_hold_each_other),
		REAL_TEST(ten_thousand_folders_deep_are_listed),
		REAL_TEST(broken_records_are_errors),
		REAL_TEST(rock_ridge_that_goes_round_ends),
		REAL_TEST(joliet_names_of_odd_lengths_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

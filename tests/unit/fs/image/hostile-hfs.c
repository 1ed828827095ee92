/* hostile-hfs.c - HFS+ volumes of our own making, broken where it matters: each question ends, as an answer or an error */
#include "tests/unit/fs/image/make-hfs.h"
#include "tests/unit/fs/image/real-image.h"

#define CONTENTS 48u /* block of a file's contents, in a volume of 64 */
#define SMALL	 (64 * HFS_BLOCK)

struct names {
	char wanted[HFS_NAME];
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

static void take(struct real *r, struct hfs *h)
{
	free(r->bytes);
	r->bytes = h->bytes;
	r->size_bytes = h->size_bytes;
	h->bytes = NULL;
	hfs_done(h);
}

static void what_is_whole_is_shown(void **state)
{
	struct real *r = *state;
	struct hfs h = hfs_begin(SMALL);
	struct names names;
	uint8_t digest[32];

	hfs_file(&h, 20, HFS_ROOT, "A", 5000, CONTENTS, 2);
	hfs_folder(&h, 21, HFS_ROOT, "D");
	hfs_file(&h, 22, 21, "B", 10, CONTENTS + 2, 1);
	hfs_end(&h);
	take(r, &h);
	real_open(r);
	assert_int_equal(list(r, HFS_ROOT, "D", &names), BL_OK);
	assert_int_equal(names.count, 2);
	assert_int_equal(names.inode, 21);
	assert_int_equal(list(r, 21, "B", &names),
			 BL_OK); /* the newest file: the last number there is */
	assert_int_equal(names.inode, 22);
	assert_int_equal(real_digest(r, 20, digest), BL_OK);
}

/* ---- loops ------------------------------------------------------------------------------------------------------- */

/* A question that may be an answer or an error, but has an end; so have all behind it. */
static void ends(enum bl_status status, const char *row)
{
	if (status != BL_OK && status != BL_IO && status != BL_NOT_FOUND &&
	    status != BL_TOO_LARGE && status != BL_TIMED_OUT)
		fail_msg("%s: %d", row, status);
}

/* With little time for what does not end. */
static enum bl_status open_soon(struct real *r)
{
	struct image_options options = {
		.reader_path = r->reader, .try_ms = 1000, .on_trouble = real_trouble, .context = r};
	struct image_bytes bytes = {real_read, r, r->size_bytes};

	image_close(r->image);
	r->image = NULL;
	return image_open_bytes(&bytes, &options, &r->image, NULL);
}

static void folders_may_hold_each_other(void **state)
{
	struct real *r = *state;
	struct hfs h = hfs_begin(SMALL);
	struct names names;

	hfs_folder(&h, 21, 22, "D"); /* each is in the other, and both are nowhere else */
	hfs_folder(&h, 22, 21, "E");
	hfs_folder(&h, 23, HFS_ROOT, "F");
	hfs_folder(&h, 23, 23, "SELF"); /* itself, and a thread that says so, too */
	hfs_folder(&h, 24, HFS_ROOT, "LIES");
	uint8_t *root = hfs_record(&h, 24, "ROOT", 88); /* the root below it */
	hfs_big(root, 1, 2);
	hfs_big(root + 8, HFS_ROOT, 4);
	hfs_file(&h, 30, HFS_ROOT, "GOOD", 100, CONTENTS, 1);
	uint8_t *to_e = hfs_record(&h, HFS_ROOT, "TOE", 88);
	hfs_big(to_e, 1, 2);
	hfs_big(to_e + 8, 22, 4);
	hfs_end(&h);
	take(r, &h);
	real_open(r);
	static const uint64_t FOLDERS[] = {HFS_ROOT, 21, 22, 23, 24};
	for (size_t i = 0; i < BL_COUNT(FOLDERS); i++)
		assert_int_equal(list(r, FOLDERS[i], "", &names), BL_OK);
	/* each is one number, however one gets there */
	assert_int_equal(list(r, 23, "SELF", &names), BL_OK);
	assert_int_equal(names.inode, 23);
	assert_int_equal(list(r, 21, "E", &names), BL_OK);
	assert_int_equal(names.inode, 22);
	assert_int_equal(list(r, 22, "D", &names), BL_OK);
	assert_int_equal(names.inode, 21);
	assert_int_equal(list(r, 24, "ROOT", &names), BL_OK);
	assert_int_equal(names.inode, 0);
	assert_int_equal(list(r, HFS_ROOT, "GOOD", &names), BL_OK);
	uint8_t digest[32];
	assert_int_equal(real_digest(r, names.inode, digest), BL_OK);
}

/* A catalog of three levels, so that there are nodes to point at each other. */
static struct hfs catalog(void)
{
	struct hfs h = hfs_begin(4 * MIB);

	for (uint32_t i = 0; i < 3000; i++) {
		char name[HFS_NAME];

		snprintf(name, sizeof(name), "N%05u", i);
		hfs_file(&h, 100 + i, HFS_ROOT, name, 10, 900, 1);
	}
	hfs_end(&h);
	assert_true(h.depth >= 3);
	return h;
}

static uint8_t *node_of(struct real *r, uint32_t node)
{
	return r->bytes + (HFS_CATALOG + node) * HFS_BLOCK;
}

/* Where the record @index of a node begins: at its key. */
static uint8_t *record_of(uint8_t *node, unsigned index)
{
	const uint8_t *offset = node + HFS_BLOCK - 2 * (index + 1);

	return node + ((size_t)offset[0] << 8 | offset[1]);
}

/* The number that a record of an index node leads to. */
static uint8_t *child_of(uint8_t *node, unsigned index)
{
	uint8_t *record = record_of(node, index);

	return record + 2 + ((size_t)record[0] << 8 | record[1]);
}

static void loops_of_the_catalog_end(void **state)
{
	struct real *r = *state;
	struct hfs h = catalog();
	uint32_t root = h.root_node, leaves = h.leaves;
	struct names names;

	take(r, &h);
	real_open(r);
	assert_int_equal(list(r, HFS_ROOT, "N02999", &names), BL_OK);
	assert_int_equal(names.count, 3000);
	uint32_t index = hfs_get(child_of(node_of(r, root), 0));
	uint8_t *first = node_of(r, hfs_get(child_of(node_of(r, index), 0)));
	struct {
		const char *name;
		uint8_t *at;
		uint64_t value;
		unsigned bytes;
	} rows[] = {
		{"the root of the tree is its own child", child_of(node_of(r, root), 0), root, 4},
		{"an index node is its own child", child_of(node_of(r, index), 0), index, 4},
		{"an index node leads back to the root", child_of(node_of(r, index), 1), root, 4},
		{"an index node leads to the header", child_of(node_of(r, index), 0), 0, 4},
		{"a child behind the catalog", child_of(node_of(r, index), 0), 0x7fffffff, 4},
		{"an index node is followed by itself", node_of(r, index), index, 4},
		{"the first leaf is followed by itself", first, 1, 4},
		{"the last leaf is followed by the first", node_of(r, leaves), 1, 4},
		{"a leaf is followed by an index node", first, root, 4},
		{"a leaf is followed by the header", first + 3, 0, 1},
		{"a leaf is called an index node", first + 8, 0, 1},
		{"an index node is called a leaf", node_of(r, index) + 8, 0xff, 1},
		{"more records than fit", first + 10, 0xffff, 2},
		{"no records", first + 10, 0, 2},
		{"a record outside of its node", first + HFS_BLOCK - 4, 0xfff0, 2},
		{"a record in the descriptor", first + HFS_BLOCK - 4, 2, 2},
		{"a record in the offsets", first + HFS_BLOCK - 4, HFS_BLOCK - 4, 2},
		{"two records at one place", first + HFS_BLOCK - 4, 14, 2},
		{"a key longer than its node", record_of(first, 1), 0xffff, 2},
		{"a key of no length", record_of(first, 1), 0, 2},
		{"a name longer than its key", record_of(first, 1) + 6, 0xffff, 2},
		{"an index key longer than its node", record_of(node_of(r, index), 0), 0xffff, 2},
		{"the tree's root behind its end", node_of(r, 0) + 14 + 2, 0x7fffffff, 4},
		{"the tree's root is the header", node_of(r, 0) + 14 + 2, 0, 4},
		{"nodes of no bytes", node_of(r, 0) + 14 + 18, 0, 2},
		{"nodes of a byte", node_of(r, 0) + 14 + 18, 1, 2},
		{"nodes of 65535 bytes", node_of(r, 0) + 14 + 18, 0xffff, 2},
		{"a depth of 65535", node_of(r, 0) + 14, 0xffff, 2},
		{"as many nodes as there are numbers", node_of(r, 0) + 14 + 22, 0xffffffff, 4},
		{"blocks of no bytes", r->bytes + HFS_HEADER + 40, 0, 4},
		{"blocks of two gigabytes", r->bytes + HFS_HEADER + 40, 0x80000000, 4},
		{"blocks without number", r->bytes + HFS_HEADER + 44, 0xffffffff, 4},
		{"a catalog of no blocks", r->bytes + HFS_HEADER + 272 + 20, 0, 4},
		{"a catalog of all blocks", r->bytes + HFS_HEADER + 272 + 20, 0xffffffff, 4},
		{"a catalog of 2^63 - 1 bytes", r->bytes + HFS_HEADER + 272, INT64_MAX, 8},
		{"a catalog in the tree of extents", r->bytes + HFS_HEADER + 272 + 16, HFS_OVERFLOW,
		 4},
	};
	unsigned whole = 0;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		uint8_t before[8];
		struct image_attr attr;
		uint8_t digest[32];

		memcpy(before, rows[i].at, rows[i].bytes);
		hfs_big(rows[i].at, rows[i].value, rows[i].bytes);
		enum bl_status status = open_soon(r);
		ends(status, rows[i].name);
		if (status == BL_OK && image_volume(r->image, 0)->is_readable) {
			enum bl_status listed = list(r, HFS_ROOT, "", &names);

			/* All of it or an error. */
			ends(listed, rows[i].name);
			if (listed == BL_OK && names.count != 3000)
				fail_msg("%s: %zu names", rows[i].name, names.count);
			ends(image_stat(r->image, 0, 3000, &attr, NULL), rows[i].name);
			ends(real_digest(r, 100, digest), rows[i].name);
			whole += listed == BL_OK;
		}
		memcpy(rows[i].at, before, rows[i].bytes);
	}
	/* what is not needed may be wrong */
	assert_in_range(whole, 1, 8);
	real_open(r);
	assert_int_equal(list(r, HFS_ROOT, "N02999", &names), BL_OK);
	assert_int_equal(names.count, 3000);
}

/* ---- contents ---------------------------------------------------------------------------------------------------- */

/* A leaf of the tree of extents: of the file @id, whose contents go on at its block @first. */
static uint8_t *overflow_leaf(struct hfs *h, uint32_t id, uint32_t first)
{
	uint8_t *node = h->bytes + (HFS_OVERFLOW + 1) * HFS_BLOCK, *record = node + 14;

	hfs_header(h->bytes + HFS_OVERFLOW * HFS_BLOCK, 1, 1, 1, 2, 10);
	node[8] = 0xff;
	node[9] = 1;
	hfs_big(node + 10, 1, 2);
	hfs_big(record, 10, 2);
	hfs_big(record + 4, id, 4);
	hfs_big(record + 8, first, 4);
	hfs_big(node + HFS_BLOCK - 2, 14, 2);
	hfs_big(node + HFS_BLOCK - 4, 14 + 12 + 64, 2);
	return node;
}

static void extents_that_lead_nowhere_end(void **state)
{
	struct real *r = *state;
	struct hfs h = hfs_begin(SMALL);
	uint8_t digest[32];

	hfs_file(&h, 20, HFS_ROOT, "A", 6 * HFS_BLOCK, CONTENTS, 2);
	hfs_file(&h, 21, HFS_ROOT, "GOOD", 3, CONTENTS, 1);
	hfs_end(&h);
	uint8_t *leaf = overflow_leaf(&h, 20, 2), *extents = leaf + 14 + 12;
	hfs_big(extents, CONTENTS + 4, 4);
	hfs_big(extents + 4, 4, 4);
	take(r, &h);
	real_open(r);
	assert_int_equal(real_digest(r, 20, digest), BL_OK);
	uint8_t *header = r->bytes + HFS_OVERFLOW * HFS_BLOCK;
	/* the file's own record: the second behind the thread of the root */
	uint8_t *fork = memmem(r->bytes, r->size_bytes, "\0\1\0A\0\2", 6);
	assert_non_null(fork);
	fork += 4 + 88;
	struct {
		const char *name;
		uint8_t *at;
		uint64_t value;
		unsigned bytes;
		enum bl_status wanted; /* BL_OK: any end will do */
	} rows[] = {
		{"the leaf is followed by itself", leaf, 1, 4, BL_OK},
		{"the leaf is an index node", leaf + 8, 0, 1, BL_OK},
		{"the root is the header", header + 14 + 2, 0, 4, BL_IO},
		{"the root is behind the end", header + 14 + 2, 0x7fffffff, 4, BL_IO},
		{"records of no length", leaf + 14, 0, 2, BL_IO},
		{"records longer than a node", leaf + 14, 0xffff, 2, BL_IO},
		{"records without number", leaf + 10, 0xffff, 2, BL_OK},
		{"of another file", leaf + 14 + 4, 99, 4, BL_IO},
		{"it goes on elsewhere", leaf + 14 + 8, 3, 4, BL_IO},
		{"it goes on at its beginning", leaf + 14 + 8, 0, 4, BL_IO},
		{"blocks behind the volume", extents, 0xfffffff0, 4, BL_IO},
		{"more blocks than there are", extents + 4, 0xffffffff, 4, BL_IO},
		{"no blocks", extents + 4, 0, 4, BL_IO},
		{"a file's blocks behind the volume", fork + 16, 0xfffffff0, 4, BL_IO},
		{"a file's blocks without number", fork + 20, 0xffffffff, 4, BL_IO},
		{"a file's first blocks over the others", fork + 16, CONTENTS + 3, 4, BL_OK},
		{"64 TiB out of six blocks", fork, UINT64_C(1) << 46, 8, BL_IO},
		{"2^63 - 1 bytes", fork, INT64_MAX, 8, BL_TOO_LARGE},
		{"2^64 - 1 bytes", fork, UINT64_MAX, 8, BL_TOO_LARGE},
	};
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		uint8_t before[8];

		memcpy(before, rows[i].at, rows[i].bytes);
		hfs_big(rows[i].at, rows[i].value, rows[i].bytes);
		enum bl_status status = open_soon(r);
		if (status == BL_OK && !image_volume(r->image, 0)->is_readable) {
			status = BL_IO;
		} else if (status == BL_OK) {
			status = real_digest(r, 20, digest);
			if (real_digest(r, 21, digest) != BL_OK)
				fail_msg("%s: the file beside it", rows[i].name);
		}
		ends(status, rows[i].name);
		if (rows[i].wanted != BL_OK && status != rows[i].wanted)
			fail_msg("%s: %d, wanted %d", rows[i].name, status, rows[i].wanted);
		memcpy(rows[i].at, before, rows[i].bytes);
	}
}

/* ---- many and deep ------------------------------------------------------------------------------------------------ */

static void ten_thousand_folders_deep_are_listed(void **state)
{
	struct real *r = *state;
	struct hfs h = hfs_begin(8 * MIB);
	struct names names;

	for (uint32_t i = 0; i < 10000; i++)
		hfs_folder(&h, 100 + i, i ? 99 + i : HFS_ROOT, "D");
	hfs_end(&h);
	take(r, &h);
	real_open(r);
	uint64_t at = HFS_ROOT;
	for (uint32_t i = 0; i < 10000; i++) {
		if (list(r, at, "D", &names) != BL_OK || names.inode != 100 + i)
			fail_msg("depth %u", i);
		at = names.inode;
	}
	assert_int_equal(list(r, at, "D", &names), BL_OK);
	assert_int_equal(names.count, 0);
}

/* libtsk compares each name of a folder with all before it: a folder of more than it has time for is an error, and nothing else is. */
static void many_names_are_listed_or_refused(void **state)
{
	enum { MANY = 20000, TOO_MANY = 200000 };
	struct real *r = *state;
	struct hfs h = hfs_begin(160 * MIB);
	struct names names;
	uint8_t digest[32];

	hfs_folder(&h, 20, HFS_ROOT, "MANY");
	hfs_folder(&h, 21, HFS_ROOT, "TOOMANY");
	for (uint32_t i = 0; i < MANY + TOO_MANY; i++) {
		char name[HFS_NAME];

		snprintf(name, sizeof(name), "N%06u", i);
		hfs_file(&h, 100 + i, i < MANY ? 20 : 21, name, 9, 31000, 1);
	}
	hfs_end(&h);
	take(r, &h);
	assert_int_equal(open_soon(r), BL_OK);
	if (list(r, 21, "", &names) != BL_OK)
		assert_int_equal(names.count, 0); /* never half of it */
	else
		assert_int_equal(names.count, TOO_MANY);
	real_open(r);
	assert_int_equal(list(r, 20, "N019999", &names), BL_OK);
	assert_int_equal(names.count, MANY);
	assert_int_equal(names.inode, 99 + MANY);
	assert_int_equal(real_digest(r, names.inode, digest), BL_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REAL_TEST(what_is_whole_is_shown),
		REAL_TEST(folders_may_hold_each_other),
		REAL_TEST(loops_of_the_catalog_end),
		REAL_TEST(extents_that_lead_nowhere_end),
		REAL_TEST(ten_thousand_folders_deep_are_listed),
		REAL_TEST(many_names_are_listed_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

static const uint8_t KEY[MASK_KEY] = {7};

static void add(struct fresh *fresh, const char *name, uint64_t inode, bool is_found)
{
	struct image_entry entry = {
		.inode = inode, .identity = inode, .name = name, .length = strlen(name)};

	assert_true(fresh_add(fresh, &entry, 0, ENTRY_IMAGE));
	if (is_found) {
		struct name_find *find = calloc(1, sizeof(*find));

		assert_non_null(find);
		fresh->items[fresh->count - 1].find = find;
	}
}

static void install(struct tree *tree, uint32_t parent, struct fresh *fresh)
{
	assert_int_equal(tree_install(tree, tree_entry(tree, parent), fresh, KEY), BL_OK);
	fresh_done(fresh);
}

static void names_are_found_in_their_directory_only(void **state)
{
	struct tree *tree = tree_new();
	struct fresh fresh = {0};

	(void)state;
	add(&fresh, "one", 10, false);
	add(&fresh, "two", 11, false);
	install(tree, 0, &fresh);
	struct entry *one = tree_find_name(tree, 0, "one", 3);

	assert_non_null(one);
	add(&fresh, "two", 12, false);
	install(tree, one->id, &fresh);
	assert_int_equal(tree_find_name(tree, 0, "two", 3)->inode, 11);
	assert_int_equal(tree_find_name(tree, one->id, "two", 3)->inode, 12);
	assert_null(tree_find_name(tree, one->id, "one", 3));
	assert_null(tree_find_name(tree, 0, "tw", 2));
	tree_free(tree);
}

static void thousands_of_names_are_all_found(void **state)
{
	struct tree *tree = tree_new();
	struct fresh fresh = {0};
	char name[32];

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "file-%llu", (unsigned long long)i);
		add(&fresh, name, 100 + i, i % 100 == 0);
	}
	install(tree, 0, &fresh);
	assert_int_equal(tree_entry(tree, 0)->count, 20000);
	for (uint64_t i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "file-%llu", (unsigned long long)i);
		struct entry *entry = tree_find_name(tree, 0, name, strlen(name));

		if (!entry || entry->inode != 100 + i)
			fail_msg("%s", name);
	}
	tree_free(tree);
}

static void a_name_twice_is_kept_once(void **state)
{
	struct tree *tree = tree_new();
	struct fresh fresh = {0};

	(void)state;
	add(&fresh, "same", 1, false);
	add(&fresh, "same", 2, true);
	install(tree, 0, &fresh);
	assert_int_equal(tree_entry(tree, 0)->count, 1);
	assert_int_equal(tree_find_name(tree, 0, "same", 4)->inode, 1);
	tree_free(tree);
}

static void links_in_one_directory_have_marks_of_their_own(void **state)
{
	struct tree *tree = tree_new();
	struct fresh fresh = {0};

	(void)state;
	for (int i = 0; i < 300; i++) {
		char name[32];

		snprintf(name, sizeof(name), "link-%d", i);
		add(&fresh, name, 42, true);
	}
	install(tree, 0, &fresh);
	for (uint32_t id = 1; id <= 300; id++) {
		char mark[MASK_MARK + 1];

		mask_mark(KEY, tree_entry(tree, id)->find->node_id, mark);
		if (tree_find_mark(tree, 0, mark, KEY) != tree_entry(tree, id))
			fail_msg("link %u", id);
	}
	/* And they are one ring. */
	uint32_t seen = 1;

	for (uint32_t id = tree_entry(tree, 1)->next_link; id != 1;
	     id = tree_entry(tree, id)->next_link)
		seen++;
	assert_int_equal(seen, 300);
	tree_free(tree);
}

static void marks_are_the_same_the_next_time(void **state)
{
	uint64_t ids[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct tree *tree = tree_new();
		struct fresh fresh = {0};

		if (i) { /* another way through the device gives other entry numbers */
			add(&fresh, "before", 1, false);
			install(tree, 0, &fresh);
			add(&fresh, "found", 9, true);
			install(tree, 1, &fresh);
		} else {
			add(&fresh, "found", 9, true);
			install(tree, 0, &fresh);
		}
		ids[i] = tree_find_name(tree, i ? 1 : 0, "found", 5)->find->node_id;
		tree_free(tree);
	}
	assert_int_equal(ids[0], ids[1]);
}

static void paths_are_told_from_the_device_down(void **state)
{
	struct tree *tree = tree_new();
	struct fresh fresh = {0};
	char path[GATE_PATH];
	size_t length;

	(void)state;
	add(&fresh, "p1-ext4", 2, false);
	install(tree, 0, &fresh);
	add(&fresh, "home", 3, false);
	install(tree, 1, &fresh);
	assert_true(tree_path(tree, tree_entry(tree, 2), NULL, path, &length));
	assert_int_equal(length, 12);
	assert_memory_equal(path, "p1-ext4/home", 12);
	assert_true(tree_path(tree, tree_entry(tree, 2), "x", path, &length));
	assert_memory_equal(path, "p1-ext4/home/x", 14);
	assert_true(tree_path(tree, tree_entry(tree, 0), "D", path, &length));
	assert_int_equal(length, 1);
	tree_free(tree);
}

static void a_path_that_is_too_long_is_said_so(void **state)
{
	struct tree *tree = tree_new();
	char name[IMAGE_NAME_LIMIT + 1], path[GATE_PATH];
	size_t length;
	uint32_t parent = 0;

	(void)state;
	memset(name, 'n', IMAGE_NAME_LIMIT);
	name[IMAGE_NAME_LIMIT] = 0;
	for (uint64_t depth = 1; depth <= GATE_PATH / (IMAGE_NAME_LIMIT + 1) + 1; depth++) {
		struct fresh fresh = {0};
		bool fits = depth * (IMAGE_NAME_LIMIT + 1) - 1 <= GATE_PATH;

		add(&fresh, name, depth, false);
		install(tree, parent, &fresh);
		parent = tree_entry(tree, parent)->first;
		assert_int_equal(tree_path(tree, tree_entry(tree, parent), NULL, path, &length),
				 fits);
	}
	tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_in_their_directory_only),
		cmocka_unit_test(thousands_of_names_are_all_found),
		cmocka_unit_test(a_name_twice_is_kept_once),
		cmocka_unit_test(links_in_one_directory_have_marks_of_their_own),
		cmocka_unit_test(marks_are_the_same_the_next_time),
		cmocka_unit_test(paths_are_told_from_the_device_down),
		cmocka_unit_test(a_path_that_is_too_long_is_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

#include "policy/detect/detect.h"
#include "policy/mask/mask.h"

#define SIZE ((size_t)(5 * DETECT_WINDOW + 4321))

/* Text with personal data everywhere, above all over the edges of windows. */
static char *make_text(unsigned seed)
{
	static const char *const PARTS[] = {
		"ottoline@example.org",
		"4111 1111 1111 1111",
		"5500-0000-0000-0004",
		"DE89 3704 0044 0532 0130 00",
		"Ottoline Quessenberry",
		"quessenberry.o@example.net",
		"plain words of no interest",
		"+1 212 555 0147",
		"378282246310005",
		"\xc3\xa9t\xc3\xa9",
	};
	char *text = malloc(SIZE);
	size_t at = 0;

	assert_non_null(text);
	while (at < SIZE) {
		seed = seed * 1103515245u + 12345u;
		const char *part = PARTS[(seed >> 16) % BL_COUNT(PARTS)];
		size_t length = strlen(part);

		if (at + length + 1 > SIZE) {
			memset(text + at, '.', SIZE - at);
			break;
		}
		memcpy(text + at, part, length);
		text[at + length] = seed >> 8 & 1 ? ' ' : '\n';
		at += length + 1;
	}
	return text;
}

/* Styles that look at the value: a mask made of cut or already masked bytes would differ. */
static const char OWNER_MASKS[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    what: {paths: ['/open/**', '/open']}\n    why: Owners copy the masked view.\n"
	"  - id: owner-masks\n    mask: {email: token, card: keep-last-4, phone: shape, iban: "
	"keep-last-4}\n"
	"    who: [owner]\n    why: Enough to tell one from another.\n";

struct law {
	struct fixture fixture;
	char *text;
	char *whole; /* the masked file, read once from front to back */
	struct gate_view *view;
	uint64_t handle;
};

static int with_law(void **state)
{
	struct law *law = calloc(1, sizeof(*law));
	uint64_t node;
	size_t got, at = 0;

	assert_non_null(law);
	*state = law;
	fixture_bare(&law->fixture);
	fixture_directory(&law->fixture, "open");
	law->text = make_text(7);
	fixture_file(&law->fixture, "open/big.txt", law->text, SIZE);
	/* NUL far behind the head: text by its profile, and a window nobody can look into. */
	char *holed = malloc(SIZE);

	assert_non_null(holed);
	memset(holed, 'x', SIZE);
	for (size_t i = 79; i < SIZE; i += 80)
		holed[i] = '\n';
	holed[3 * DETECT_WINDOW + 20000] = 0;
	holed[3 * DETECT_WINDOW + 20001] = (char)0xff;
	fixture_file(&law->fixture, "open/holed.txt", holed, SIZE);
	free(holed);
	fixture_enroll(&law->fixture);
	fixture_gate(&law->fixture);
	fixture_policy(&law->fixture, 1, OWNER_MASKS);
	law->view = fixture_view(&law->fixture, UID_OWNER);
	assert_int_equal(do_walk(law->view, "RMA-1/open/big.txt", &node), 0);
	assert_int_equal(do_open(law->view, UID_OWNER, node, &law->handle), 0);
	law->whole = malloc(SIZE);
	assert_non_null(law->whole);
	do {
		assert_int_equal(do_read(law->view, UID_OWNER, law->handle, at, law->whole + at,
					 1u << 20, GATE_READ_ROOM(1u << 20), &got),
				 0);
		at += got;
	} while (got);
	assert_int_equal(at, SIZE);
	return 0;
}

static int without_law(void **state)
{
	struct law *law = *state;

	gate_view_close(law->view);
	fixture_done(&law->fixture);
	free(law->text);
	free(law->whole);
	free(law);
	return 0;
}

static void something_is_masked_and_newlines_stay(void **state)
{
	struct law *law = *state;
	size_t changed = 0;

	for (size_t i = 0; i < SIZE; i++) {
		changed += law->text[i] != law->whole[i];
		if ((law->text[i] == '\n') != (law->whole[i] == '\n'))
			fail_msg("newline at %zu", i);
	}
	assert_true(changed > SIZE / 10);
	assert_null(memmem(law->whole, SIZE, "ottoline@", 9));
	assert_null(memmem(law->whole, SIZE, "4111 1111", 9));
}

/* The same file masked by hand: every window whole, with all its lead and tail, from the original bytes. */
static void the_whole_is_what_its_windows_say(void **state)
{
	struct law *law = *state;
	struct policy *policy = gate_policy(law->fixture.gate);
	struct device_record record = {0};
	struct detect_scanner *scanner;
	struct detect_spans spans = {0};
	struct mask mask = {.styles = {[CLASS_EMAIL] = STYLE_TOKEN,
				       [CLASS_CARD] = STYLE_KEEP_LAST_4,
				       [CLASS_PHONE] = STYLE_SHAPE,
				       [CLASS_IBAN] = STYLE_KEEP_LAST_4}};
	uint8_t *bytes = malloc(SIZE);

	assert_non_null(bytes);
	assert_int_equal(device_identities(law->fixture.store, "RMA-1", &record, NULL), BL_OK);
	assert_int_equal(detect_scanner_new(policy_detects(policy), NULL, record.identities,
					    record.identity_count, &scanner, NULL),
			 BL_OK);
	assert_int_equal(vault_device_key(device_store_vault(law->fixture.store), "RMA-1",
					  VAULT_MASK, mask.key, NULL),
			 BL_OK);
	for (size_t at = 0; at < SIZE; at += DETECT_WINDOW) {
		memcpy(bytes, law->text, SIZE);
		size_t lead = BL_MIN(at, (size_t)DETECT_LEAD);
		size_t core = BL_MIN(SIZE - at, (size_t)DETECT_WINDOW);
		size_t tail = BL_MIN(SIZE - at - core, (size_t)DETECT_TAIL);
		struct detect_window window = {bytes + at - lead, lead, core, tail, at};

		assert_int_equal(detect_scan(scanner, &window, &spans), BL_OK);
		mask_window(&mask, bytes + at - lead, lead, core, tail, at, &spans);
		if (memcmp(bytes + at, law->whole + at, core) != 0)
			fail_msg("window at %zu differs", at);
	}
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	device_record_done(&record);
	policy_unref(policy);
	free(bytes);
}

/* Any offset, size and room, in any order, cold and warm: the bytes of the one masked file. */
static void check_read(struct law *law, uint64_t offset, size_t size, size_t room)
{
	static _Thread_local char got[1u << 20];
	size_t length, left = offset < SIZE ? SIZE - (size_t)offset : 0;

	assert_int_equal(
		do_read(law->view, UID_OWNER, law->handle, offset, got, size, room, &length), 0);
	if (length != BL_MIN(size, left) ||
	    memcmp(got, law->whole + BL_MIN(offset, SIZE), length) != 0)
		fail_msg("read of %zu at %llu in %zu differs", size, (unsigned long long)offset,
			 room);
}

static void any_read_gives_the_bytes_of_the_whole(void **state)
{
	static const struct {
		uint64_t offset;
		size_t size;
	} ROWS[] = {
		{0, 1},
		{0, SIZE},
		{SIZE - 1, 1},
		{SIZE, 10},
		{SIZE + 99999, 10},
		{DETECT_WINDOW - 1, 2},
		{DETECT_WINDOW, DETECT_WINDOW},
		{DETECT_WINDOW - DETECT_MARGIN, 2 * DETECT_MARGIN},
		{2 * DETECT_WINDOW - 10, DETECT_WINDOW + 20},
		{3, 1u << 20},
	};
	struct law *law = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		check_read(law, ROWS[i].offset, ROWS[i].size, ROWS[i].size);
		check_read(law, ROWS[i].offset, ROWS[i].size, GATE_READ_ROOM(ROWS[i].size));
	}
	/* Around one window's edge, byte by byte. */
	for (uint64_t at = DETECT_WINDOW - 40; at < DETECT_WINDOW + 40; at++)
		check_read(law, at, 37, 37);
}

struct reader {
	struct law *law;
	unsigned seed;
};

static void *read_at_random(void *context)
{
	struct reader *reader = context;

	for (int i = 0; i < 300; i++) {
		reader->seed = reader->seed * 1103515245u + 12345u;
		uint64_t offset = (uint64_t)(reader->seed >> 4) % (SIZE + 100);
		size_t size = 1 + (reader->seed >> 9) % (i % 10 ? 9000 : 300000);

		check_read(reader->law, offset, size, i & 1 ? size : GATE_READ_ROOM(size));
		/* Now and then everything is forgotten under the others. */
		if (i % 50 == 49)
			gate_device_changed(reader->law->fixture.gate, "RMA-1");
	}
	return NULL;
}

static void threads_at_random_see_one_file(void **state)
{
	struct law *law = *state;
	pthread_t threads[4];
	struct reader readers[4];
	uint64_t node;

	/* Nothing is known of any window any more: each is scanned for whatever read comes first. */
	gate_device_drop(law->fixture.gate, "RMA-1");
	gate_device_changed(law->fixture.gate, "RMA-1");
	assert_int_equal(do_walk(law->view, "RMA-1/open/big.txt", &node), 0);
	assert_int_equal(do_open(law->view, UID_OWNER, node, &law->handle), 0);

	for (unsigned i = 0; i < 4; i++) {
		readers[i] = (struct reader){law, i * 977 + 1};
		assert_int_equal(pthread_create(&threads[i], NULL, read_at_random, &readers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void a_window_that_is_no_text_is_withheld_alone(void **state)
{
	static const struct {
		uint64_t offset;
		size_t size;
		int error;
	} ROWS[] = {
		{0, 4096, 0},
		{3 * DETECT_WINDOW, 4096, EACCES},
		{3 * DETECT_WINDOW - 1, 2, EACCES},
		{3 * DETECT_WINDOW - 4096, 4096, 0},
		{4 * DETECT_WINDOW + 4096, 4096, 0},
		{0, 1u << 20, EACCES},
		{3 * DETECT_WINDOW, 4096, EACCES},
	};
	struct law *law = *state;
	static char got[1u << 20];
	uint64_t node, handle;
	size_t length;

	assert_int_equal(do_walk(law->view, "RMA-1/open/holed.txt", &node), 0);
	assert_int_equal(do_open(law->view, UID_OWNER, node, &handle), 0);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		int error = do_read(law->view, UID_OWNER, handle, ROWS[i].offset, got, ROWS[i].size,
				    ROWS[i].size, &length);

		if (error != ROWS[i].error || (error && length))
			fail_msg("row %zu: %d, %zu bytes", i, error, length);
	}
	assert_int_equal(logged(&law->fixture, AUDIT_READ, AUDIT_WITHHELD, "builtin/unscanned"), 4);
}

static void a_file_that_changes_underneath_is_stale(void **state)
{
	struct law *law = *state;
	char got[64];
	size_t length;

	fixture_text(&law->fixture, "open/big.txt", "another file altogether\n");
	assert_int_equal(do_read(law->view, UID_OWNER, law->handle, 0, got, 16, 4096, &length),
			 ESTALE);
	assert_int_equal(length, 0);
}

/* ---- files that are looked through in order, and of other charsets ------------------------------------------ */

#define TABLE_SIZE (3u << 20) /* more than two steps of looking */

struct other {
	struct fixture fixture;
	char *table, *whole; /* as it is, and as its owner sees it */
};

/* A table whose header names a column of names that nothing else would tell; one value has a newline in it. */
static char *make_table(size_t size)
{
	static const char HEADER[] = "number,surname,note\n";
	char *text = malloc(size + 64);
	size_t at = sizeof(HEADER) - 1;

	assert_non_null(text);
	memcpy(text, HEADER, at);
	for (unsigned row = 0; at < size; row++) {
		int length = snprintf(text + at, 64, "%u,%s%u,%s\n", row,
				      row % 50 ? "Zq" : "\"Zqv\nwx\"", 0u,
				      row % 7 ? "kept as it is" : "kim@example.org");

		at += (size_t)length;
	}
	return text;
}

static int with_other(void **state)
{
	struct other *other = calloc(1, sizeof(*other));
	static const char WIDE[] =
		"w\0r\0i\0t\0e\0 \0k\0i\0m\0@\0e\0x\0a\0m\0p\0l\0e\0.\0o\0r\0g\0\n\0";
	static const char LATIN[] = "Gr\xfc\xdf an kim@example.org\n";

	assert_non_null(other);
	*state = other;
	fixture_bare(&other->fixture);
	fixture_directory(&other->fixture, "open");
	other->table = make_table(TABLE_SIZE);
	fixture_file(&other->fixture, "open/table.csv", other->table, TABLE_SIZE);
	fixture_file(&other->fixture, "open/latin.txt", LATIN, sizeof(LATIN) - 1);
	char wide[2 * DETECT_WINDOW + 2];
	size_t at = 2;

	memcpy(wide, "\xff\xfe", 2);
	for (; at + sizeof(WIDE) - 1 <= sizeof(wide); at += sizeof(WIDE) - 1)
		memcpy(wide + at, WIDE, sizeof(WIDE) - 1);
	fixture_file(&other->fixture, "open/wide.txt", wide, at);
	fixture_enroll(&other->fixture);
	fixture_gate(&other->fixture);
	fixture_policy(&other->fixture, 1, OWNER_MASKS);
	other->whole = malloc(TABLE_SIZE);
	assert_non_null(other->whole);
	return 0;
}

static int without_other(void **state)
{
	struct other *other = *state;

	fixture_done(&other->fixture);
	free(other->table);
	free(other->whole);
	free(other);
	return 0;
}

static void read_table(struct other *other, uint64_t offset, size_t size, char *out)
{
	struct gate_view *view = fixture_view(&other->fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/table.csv");
	size_t length;

	assert_int_equal(
		do_read(view, UID_OWNER, handle, offset, out, size, GATE_READ_ROOM(size), &length),
		0);
	assert_int_equal(length, size);
	gate_release(view, handle);
	gate_view_close(view);
}

static void read_whole_table(struct other *other)
{
	for (size_t at = 0; at < TABLE_SIZE; at += 1u << 20)
		read_table(other, at, 1u << 20, other->whole + at);
}

static void begin_anew(struct other *other)
{
	gate_device_renew(other->fixture.gate, "RMA-1");
}

static void a_table_is_masked_by_its_header_wherever_one_begins_to_read(void **state)
{
	static const size_t ORDER[] = {
		TABLE_SIZE - 5000, 40000, TABLE_SIZE / 2, 0, TABLE_SIZE - 70000, 1u << 20, 17};
	struct other *other = *state;
	static char got[70000];

	read_whole_table(other);
	assert_null(memmem(other->whole, TABLE_SIZE, "Zq", 2));
	assert_null(memmem(other->whole, TABLE_SIZE, "kim@", 4));
	assert_non_null(memmem(other->whole, TABLE_SIZE, "kept as it is", 13));
	for (size_t limit = 0; limit < 3; limit++) {
		begin_anew(other);
		/* Once with all that is kept, once with no cache in memory at all. */
		other->fixture.gate->spans.limit = limit == 1 ? 0 : GATE_SPANS;
		for (size_t i = 0; i < BL_COUNT(ORDER); i++) {
			size_t size = BL_MIN(sizeof(got), TABLE_SIZE - ORDER[i]);

			read_table(other, ORDER[i], size, got);
			assert_memory_equal(got, other->whole + ORDER[i], size);
		}
	}
}

static void it_is_the_same_when_nothing_can_be_kept(void **state)
{
	struct other *other = *state;
	static char got[5000];
	char path[160];

	read_whole_table(other);
	gate_device_drop(other->fixture.gate, "RMA-1");
	/* A folder of that name: no file can be made there. */
	snprintf(path, sizeof(path), "%s/store/devices/RMA-1/spans", other->fixture.root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	gate_device_changed(other->fixture.gate, "RMA-1");
	other->fixture.gate->spans.limit = 0;
	for (size_t at = TABLE_SIZE - sizeof(got);; at -= 500000) {
		read_table(other, at, sizeof(got), got);
		assert_memory_equal(got, other->whole + at, sizeof(got));
		if (at < 500000)
			break;
	}
	assert_int_equal(rmdir(path), 0);
}

static void who_reads_far_ahead_waits_and_goes_on_where_it_stopped(void **state)
{
	struct other *other = *state;
	struct gate_view *view = fixture_view(&other->fixture, UID_OWNER);
	uint64_t handle = opened(view, "RMA-1/open/table.csv");
	static char got[64];
	size_t length;

	other->fixture.gate->look_ms = 0; /* a MiB a read */
	for (int i = 0; i < 3; i++) {
		int error = do_read(view, UID_OWNER, handle, TABLE_SIZE - 64, got, 64, 64, &length);

		assert_int_equal(error, i < 2 ? EACCES : 0);
	}
	assert_int_equal(logged(&other->fixture, AUDIT_READ, AUDIT_WITHHELD, "builtin/unscanned"),
			 2);
	/* What lies before is there at once. */
	assert_int_equal(do_read(view, UID_OWNER, handle, 100, got, 64, 64, &length), 0);
	gate_release(view, handle);
	gate_view_close(view);
}

static void a_restart_finds_what_was_looked_through(void **state)
{
	struct other *other = *state;
	static char got[5000];

	read_whole_table(other);
	fixture_restart(&other->fixture);
	fixture_policy(&other->fixture, 2, OWNER_MASKS);
	read_table(other, TABLE_SIZE - 5000, 5000, got);
	assert_memory_equal(got, other->whole + TABLE_SIZE - 5000, 5000);
	struct gate_device *device = gate_device_named(other->fixture.gate, "RMA-1");

	assert_int_equal(atomic_load(&device->newest->scanned_bytes), 0);
	gate_device_unref(device);
}

static void other_charsets_are_masked_in_place(void **state)
{
	static const char *const NAMES[] = {"RMA-1/open/wide.txt", "RMA-1/open/latin.txt"};
	static const char WIDE[] = "k\0i\0m\0@";
	struct other *other = *state;
	struct gate_view *view = fixture_view(&other->fixture, UID_OWNER);
	static char whole[3 * DETECT_WINDOW], part[300];

	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		uint64_t handle = opened(view, NAMES[i]);
		size_t length, got;

		assert_int_equal(do_read(view, UID_OWNER, handle, 0, whole, sizeof(whole),
					 sizeof(whole), &length),
				 0);
		assert_null(memmem(whole, length, WIDE, sizeof(WIDE) - 1));
		assert_null(memmem(whole, length, "kim@", 4));
		for (size_t at = 0; at < length; at += 1013) {
			assert_int_equal(do_read(view, UID_OWNER, handle, at, part, sizeof(part),
						 sizeof(part), &got),
					 0);
			assert_memory_equal(part, whole + at, got);
		}
		gate_release(view, handle);
	}
	gate_view_close(view);
}

#define OTHER(name) cmocka_unit_test_setup_teardown(name, with_other, without_other)

/* No byte leaves: nothing is owed to the log. But whoever may not read is refused there too, with an event. */
static void what_is_read_behind_the_end_is_no_event(void **state)
{
	struct law *law = *state;
	struct fixture *fixture = &law->fixture;
	size_t before = logged(fixture, AUDIT_READ, AUDIT_PERMITTED, NULL), got = 9;
	size_t refused = logged(fixture, AUDIT_READ, AUDIT_DENIED, NULL);
	char bytes[GATE_READ_ROOM(64)];

	assert_int_equal(do_read(law->view, UID_OWNER, law->handle, SIZE - 1, bytes, 64,
				 sizeof(bytes), &got),
			 0);
	assert_int_equal(got, 1);
	assert_int_equal(logged(fixture, AUDIT_READ, AUDIT_PERMITTED, NULL), before + 1);
	for (uint64_t at = SIZE; at < UINT64_MAX / 4; at *= 3) {
		assert_int_equal(do_read(law->view, UID_OWNER, law->handle, at, bytes, 64,
					 sizeof(bytes), &got),
				 0);
		assert_int_equal(got, 0);
	}
	assert_int_equal(logged(fixture, AUDIT_READ, AUDIT_PERMITTED, NULL), before + 1);
	assert_int_equal(do_read(law->view, UID_OWNER + 1, law->handle, SIZE, bytes, 64,
				 sizeof(bytes), &got),
			 EACCES);
	assert_int_equal(logged(fixture, AUDIT_READ, AUDIT_DENIED, NULL), refused + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(something_is_masked_and_newlines_stay, with_law,
						without_law),
		cmocka_unit_test_setup_teardown(the_whole_is_what_its_windows_say, with_law,
						without_law),
		cmocka_unit_test_setup_teardown(what_is_read_behind_the_end_is_no_event, with_law,
						without_law),
		cmocka_unit_test_setup_teardown(any_read_gives_the_bytes_of_the_whole, with_law,
						without_law),
		cmocka_unit_test_setup_teardown(threads_at_random_see_one_file, with_law,
						without_law),
		cmocka_unit_test_setup_teardown(a_window_that_is_no_text_is_withheld_alone,
						with_law, without_law),
		cmocka_unit_test_setup_teardown(a_file_that_changes_underneath_is_stale, with_law,
						without_law),
		OTHER(a_table_is_masked_by_its_header_wherever_one_begins_to_read),
		OTHER(it_is_the_same_when_nothing_can_be_kept),
		OTHER(who_reads_far_ahead_waits_and_goes_on_where_it_stopped),
		OTHER(a_restart_finds_what_was_looked_through),
		OTHER(other_charsets_are_masked_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

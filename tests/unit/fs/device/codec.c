#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES  "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS  "2222222222222222222222222222222222222222222222222222222222222222"

/* As the version before wrote it, byte for byte. */
static const char FIRST[] =
	"{\"before_hold\":\"closed\",\"complete\":true,\"destroy_when_due\":false,\"enrolled\":"
	"1767312000,"
	"\"has_received\":true,\"holds\":[{\"by\":8,\"number\":2,\"reason\":\"dispute\",\"since\":"
	"1767312002}],"
	"\"id\":\"RMA-1\",\"kind\":\"phone\",\"maker\":\"Examplo\",\"model\":\"\",\"next_hold\":3,"
	"\"received\":1767312000,\"serial\":\"a'b\",\"source\":\"/tmp/image\","
	"\"source_birth\":1795357506100556147,\"source_dev\":\"fe00\",\"source_ino\":\"a726b2\","
	"\"source_kind\":\"raw\",\"source_size\":6,\"state\":\"held\",\"version\":1}";

static const char SECOND[] =
	"{\"before_hold\":\"closed\",\"capacity\":549755813888,\"closed\":300,\"complete\":true,"
	"\"destroy_when_due\":false,\"end\":{\"at\":0,\"by\":0,\"certificate\":\"\"},\"enrolled\":"
	"200,\"grace\":0,"
	"\"has_received\":true,\"holds\":[{\"by\":8,\"incident\":4,\"number\":2,\"reason\":"
	"\"dispute\","
	"\"reviewed\":500,\"since\":400}],\"id\":\"RMA-1\",\"inspected\":{\"at\":600,\"by\":9,"
	"\"empty\":true,"
	"\"other\":false,\"statement\":\"" TWOS "\"},\"kind\":\"phone\",\"location\":\"shelf/2\","
	"\"maker\":\"Examplo\",\"model\":\"\",\"next_hold\":3,\"next_note\":5,\"noticed\":700,"
	"\"origin\":\"\","
	"\"pictures\":[\"" ONES "\"],\"received\":100,\"revision\":6,\"scan\":\"" TWOS
	"\",\"serial\":\"a'b\","
	"\"source\":\"/tmp/"
	"image\",\"source_birth\":77,\"source_dev\":\"fe00\",\"source_ino\":\"a726b2\","
	"\"source_kind\":\"raw\",\"source_size\":6,\"state\":\"held\","
	"\"verified\":{\"at\":0,\"by\":0,\"good\":false},\"version\":2}";

static struct device_entry *decoded(const char *text)
{
	struct device_entry *entry = malloc(sizeof(*entry));
	struct bl_error why = {.text = ""};

	assert_non_null(entry);
	if (codec_decode(text, strlen(text), entry, &why) != BL_OK)
		fail_msg("%s", why.text);
	return entry;
}

static void record_of_the_version_before_is_read(void **state)
{
	BL_CLEANUP(bl_free) struct device_entry *entry = decoded(FIRST);
	const struct device *device = &entry->device;

	(void)state;
	assert_string_equal(device->id, "RMA-1");
	assert_int_equal(device->state, STATE_HELD);
	assert_int_equal(entry->before_hold, STATE_CLOSED);
	assert_int_equal(device->source_ino, 0xa726b2);
	assert_int_equal(device->source_birth_ns, 1795357506100556147);
	assert_int_equal(device->hold_count, 1);
	assert_int_equal(device->holds[0].since_unix, 1767312002);
	assert_int_equal(device->holds[0].reviewed_unix, 1767312002);
	assert_int_equal(device->holds[0].incident, 0);
	assert_int_equal(device->revision, 1);
	assert_int_equal(device->next_note, 1);
	assert_int_equal(device->capacity_bytes, 0);
	assert_int_equal(device->closed_unix, 0);
	assert_int_equal(device->end.at_unix, 0);
	assert_false(device->has_scan);
}

/* @SECOND with @part in the place where its key belongs. */
static char *with_part(const char *part)
{
	const char *at = strstr(SECOND, "\"pictures\"");
	char *text = NULL;

	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - SECOND), SECOND, part, at) > 0);
	return text;
}

static void part_of_a_source_is_canonical_both_ways(void **state)
{
	BL_CLEANUP(bl_free)
	char *given = with_part("\"part\":{\"fs\":\"ext4\",\"offset\":5,\"partition\":3},");
	BL_CLEANUP(bl_free) struct device_entry *entry = decoded(given);
	BL_CLEANUP(bl_free) char *again = NULL;

	(void)state;
	assert_true(device_is_part(&entry->device));
	assert_int_equal(entry->device.source_offset, 5);
	assert_int_equal(entry->device.source_partition, 3);
	assert_string_equal(entry->device.source_fs, "ext4");
	assert_int_equal(codec_encode(entry, &again, NULL), BL_OK);
	assert_string_equal(again, given);
}

/* Destroying what is a part would destroy the other parts. */
static void part_that_cannot_be_one_is_refused(void **state)
{
	static const char *const ROWS[] = {
		"\"part\":{\"fs\":\"\",\"offset\":0,\"partition\":"
		"0},", /* the whole is written as none */
		"\"part\":{\"fs\":\"\",\"offset\":9223372036854775808,\"partition\":"
		"0},", /* behind the end of everything */
		"\"part\":{\"fs\":\"\",\"offset\":-1,\"partition\":"
		"0},",
		"\"part\":{\"fs\":\"0123456789abcdef\",\"offset\":"
		"0,\"partition\":0},",
		"\"part\":{\"offset\":1,\"partition\":0},",
		"\"part\":3,",
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(bl_free) char *text = with_part(ROWS[i]);
		struct device_entry *entry = malloc(sizeof(*entry));

		if (codec_decode(text, strlen(text), entry, NULL) == BL_OK)
			fail_msg("row %zu is taken", i);
		free(entry);
	}
	BL_CLEANUP(bl_free) struct device_entry *entry = decoded(SECOND);
	BL_CLEANUP(bl_free) char *text = NULL;

	entry->device.source_offset = 1;
	entry->device.destroy_when_due = true;
	assert_int_equal(codec_encode(entry, &text, NULL), BL_INVALID);
}

/* From then on it is one of this version, with nothing lost. */
static void record_of_the_version_before_is_written_as_this_one(void **state)
{
	BL_CLEANUP(bl_free) struct device_entry *entry = decoded(FIRST);
	BL_CLEANUP(bl_free) char *text = NULL;

	(void)state;
	assert_int_equal(codec_encode(entry, &text, NULL), BL_OK);
	assert_non_null(strstr(text, "\"version\":2}"));

	BL_CLEANUP(bl_free) struct device_entry *again = decoded(text);

	assert_memory_equal(&again->device, &entry->device, sizeof(entry->device));
}

static void record_is_canonical_both_ways(void **state)
{
	BL_CLEANUP(bl_free) struct device_entry *entry = decoded(SECOND);
	BL_CLEANUP(bl_free) char *text = NULL;
	const struct device *device = &entry->device;

	(void)state;
	assert_int_equal(device->capacity_bytes, UINT64_C(512) << 30);
	assert_int_equal(device->holds[0].incident, 4);
	assert_int_equal(device->holds[0].reviewed_unix, 500);
	assert_int_equal(device->inspected.at_unix, 600);
	assert_true(device->inspected.is_empty);
	assert_int_equal(device->inspected.statement[31], 0x22);
	assert_int_equal(device->picture_count, 1);
	assert_int_equal(device->pictures[0][0], 0x11);
	assert_true(device->has_scan);
	assert_string_equal(device->location, "shelf/2");
	assert_int_equal(device->noticed_unix, 700);
	assert_int_equal(codec_encode(entry, &text, NULL), BL_OK);
	assert_string_equal(text, SECOND);
}

static char *replaced(const char *text, const char *what, const char *with)
{
	const char *at = strstr(text, what);
	char *out = NULL;

	assert_non_null(at);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, with, at + strlen(what)) >
		    0);
	return out;
}

/* One thing of a good record is another: each row alone. */
static void anything_else_is_refused(void **state)
{
	static const struct {
		const char *base, *what, *with;
	} ROWS[] = {
		{SECOND, "\"version\":2", "\"version\":3"},
		{SECOND, "\"version\":2", "\"version\":1"},
		{SECOND, "\"version\":2", "\"version\":0"},
		{SECOND, "\"version\":2", "\"version\":\"2\""},
		{SECOND, ",\"version\":2", ""},
		{SECOND, "\"version\":2", "\"version\":2,\"more\":1"},
		{SECOND, "\"version\":2", "\"version\":2,\"version\":2"},
		{SECOND, "\"maker\"", "\"made\""},
		{SECOND, "\"revision\":6", "\"revision\":0"},
		{SECOND, "\"revision\":6", "\"revision\":4294967296"},
		{SECOND, "\"revision\":6", "\"revision\":6.5"},
		{SECOND, "\"next_note\":5", "\"next_note\":0"},
		{SECOND, "\"next_hold\":3", "\"next_hold\":2"},
		{SECOND, "\"capacity\":549755813888", "\"capacity\":-1"},
		{SECOND, "\"closed\":300", "\"closed\":-1"},
		{SECOND, "\"closed\":300", "\"closed\":253402300800"},
		{SECOND, "\"before_hold\":\"closed\"", "\"before_hold\":\"open\""},
		{SECOND, "\"before_hold\":\"closed\"", "\"before_hold\":\"held\""},
		{SECOND, "\"state\":\"held\"", "\"state\":\"closed\""},
		{SECOND, "\"state\":\"held\"", "\"state\":\"lost\""},
		{SECOND, "\"kind\":\"phone\"", "\"kind\":\"spoon\""},
		{SECOND, "\"id\":\"RMA-1\"", "\"id\":\"../x\""},
		{SECOND, "\"id\":\"RMA-1\"", "\"id\":\"\""},
		{SECOND, "\"maker\":\"Examplo\"", "\"maker\":\"Exa\\nmplo\""},
		{SECOND, "\"maker\":\"Examplo\"", "\"maker\":\"Exa\\u0000mplo\""},
		{SECOND, "\"maker\":\"Examplo\"", "\"maker\":null"},
		{SECOND, "\"location\":\"shelf/2\"", "\"location\":\"shelf 2\""},
		{SECOND, "\"has_received\":true", "\"has_received\":1"},
		{SECOND, "\"source\":\"/tmp/image\"", "\"source\":\"image\""},
		{SECOND, "\"source\":\"/tmp/image\"", "\"source\":\"\""},
		{SECOND, "\"source_kind\":\"raw\"", "\"source_kind\":\"sealed\""},
		{SECOND, "\"complete\":true", "\"complete\":false"},
		{SECOND, "\"source_dev\":\"fe00\"", "\"source_dev\":\"FE00\""},
		{SECOND, "\"source_dev\":\"fe00\"", "\"source_dev\":\"\""},
		{SECOND, "\"source_dev\":\"fe00\"", "\"source_dev\":\"10000000000000000\""},
		{SECOND, "\"" ONES "\"", "\"1111\""},
		{SECOND, "\"" ONES "\"", "7"},
		{SECOND, "[\"" ONES "\"]", "{}"},
		{SECOND, "\"scan\":\"" TWOS "\"", "\"scan\":\"" ZEROS "\""},
		{SECOND, "\"scan\":\"" TWOS "\"", "\"scan\":\"22\""},
		{SECOND, "\"statement\":\"" TWOS "\"", "\"statement\":\"\""},
		{SECOND, "\"at\":600", "\"at\":0"},
		{SECOND, "\"empty\":true", "\"empty\":true,\"full\":false"},
		{SECOND, "\"certificate\":\"\"", "\"certificate\":\"" ONES "\""},
		{SECOND, "{\"at\":0,\"by\":0,\"certificate\":\"\"}",
		 "{\"at\":5,\"by\":0,\"certificate\":\"\"}"},
		/* The end of a device that is not at its end. */
		{SECOND, "{\"at\":0,\"by\":0,\"certificate\":\"\"}",
		 "{\"at\":5,\"by\":0,\"certificate\":\"" ONES "\"}"},
		{SECOND, "{\"at\":0,\"by\":0,\"certificate\":\"\"}",
		 "{\"at\":0,\"by\":1,\"certificate\":\"\"}"},
		{SECOND, "{\"at\":0,\"by\":0,\"good\":false}", "{\"at\":5,\"by\":0,\"good\":true}"},
		{SECOND, "{\"at\":0,\"by\":0,\"good\":false}", "{\"at\":0,\"by\":0,\"good\":true}"},
		{SECOND, "\"incident\":4,", ""},
		{SECOND, "\"incident\":4", "\"incident\":-1"},
		{SECOND, "\"reason\":\"dispute\"", "\"reason\":\"\""},
		{SECOND, "\"number\":2", "\"number\":0"},
		{SECOND, "\"number\":2", "\"number\":3"},
		{SECOND, "\"by\":8", "\"by\":4294967296"},
		{FIRST, "\"since\":1767312002", "\"since\":1767312002,\"reviewed\":1767312002"},
		{FIRST, "\"version\":1", "\"revision\":1,\"version\":1"},
		{FIRST, "\"version\":1", "\"version\":2"},
		{FIRST, "\"state\":\"held\"", "\"state\":\"open\""},
		{FIRST, "[{\"by\":8,\"number\":2,\"reason\":\"dispute\",\"since\":1767312002}]",
		 "[]"},
		{FIRST, "{\"before_hold\"", "[{\"before_hold\""},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(bl_free)
		char *text = replaced(ROWS[i].base, ROWS[i].what, ROWS[i].with);
		BL_CLEANUP(bl_free) struct device_entry *entry = malloc(sizeof(*entry));
		struct bl_error why = {.text = ""};

		assert_non_null(entry);
		if (codec_decode(text, strlen(text), entry, &why) != BL_INVALID || !*why.text)
			fail_msg("row %zu, %s: taken", i, ROWS[i].with);
	}
}

static void states_after_the_end_say_how_or_are_older(void **state)
{
	static const struct {
		const char *state, *end, *verified;
		bool is_ok;
	} ROWS[] = {
#define NOT_ENDED    "{\"at\":0,\"by\":0,\"certificate\":\"\"}"
#define ENDED	     "{\"at\":5,\"by\":4294967295,\"certificate\":\"" ONES "\"}"
#define NOT_VERIFIED "{\"at\":0,\"by\":0,\"good\":false}"
#define VERIFIED     "{\"at\":6,\"by\":0,\"good\":true}"
		{"shredded", NOT_ENDED, NOT_VERIFIED, true},
		{"shredded", ENDED, VERIFIED, true},
		{"shredded", NOT_ENDED, VERIFIED, true},
		{"released", ENDED, VERIFIED, true},
		{"released", NOT_ENDED, NOT_VERIFIED, true},
		{"due", ENDED, NOT_VERIFIED, true},
		{"due", ENDED, VERIFIED, false},
		{"closed", ENDED, NOT_VERIFIED, false},
		{"closed", NOT_ENDED, VERIFIED, false},
	};
	static const char HOLD[] = "{\"by\":8,\"incident\":4,\"number\":2,\"reason\":\"dispute\","
				   "\"reviewed\":500,\"since\":400}";

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(bl_free) char *no_hold = replaced(SECOND, HOLD, "");
		BL_CLEANUP(bl_free)
		char *now = replaced(no_hold, "\"state\":\"held\"", "\"state\":\"%s\"");
		BL_CLEANUP(bl_free) char *end = replaced(now, NOT_ENDED, ROWS[i].end);
		BL_CLEANUP(bl_free) char *verified = replaced(end, NOT_VERIFIED, ROWS[i].verified);
		BL_CLEANUP(bl_free) char *text = replaced(verified, "%s", ROWS[i].state);
		struct device_entry *entry = malloc(sizeof(*entry));

		assert_non_null(entry);

		enum bl_status status = codec_decode(text, strlen(text), entry, NULL);

		free(entry);
		if (status != (ROWS[i].is_ok ? BL_OK : BL_INVALID))
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
}

static void state_open(struct device_entry *entry)
{
	entry->device.state = STATE_OPEN;
}
static void no_revision(struct device_entry *entry)
{
	entry->device.revision = 0;
}
static void scan_of_zeros(struct device_entry *entry)
{
	memset(entry->device.scan, 0, DEVICE_DIGEST);
}
static void too_many_pictures(struct device_entry *entry)
{
	entry->device.picture_count = DEVICE_PICTURES + 1;
}
static void too_many_holds(struct device_entry *entry)
{
	entry->device.hold_count = DEVICE_HOLDS + 1;
}
static void end_before_1970(struct device_entry *entry)
{
	entry->device.grace_unix = -1;
}
static void endless_maker(struct device_entry *entry)
{
	memset(entry->device.maker, 'x', sizeof(entry->device.maker));
}
static void size_beyond_json(struct device_entry *entry)
{
	entry->device.capacity_bytes = UINT64_MAX;
}
static void holds_out_of_order(struct device_entry *entry)
{
	entry->device.hold_count = 2;
	entry->device.holds[1] = entry->device.holds[0];
	entry->device.holds[1].number = 1;
}

/* A store that cannot be opened any more is worse than a change that fails. */
static void what_could_not_be_read_is_not_written(void **state)
{
	static void (*const ROWS[])(struct device_entry * entry) = {
		state_open,	   no_revision,	     scan_of_zeros,
		too_many_pictures, too_many_holds,   end_before_1970,
		endless_maker,	   size_beyond_json, holds_out_of_order,
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(bl_free) struct device_entry *entry = decoded(SECOND);
		char *text = NULL;

		ROWS[i](entry);
		if (codec_encode(entry, &text, NULL) != BL_INVALID || text)
			fail_msg("row %zu was written", i);
	}
}

static void pictures_have_a_limit(void **state)
{
	char list[(DEVICE_PICTURES + 1) * 70] = "[";
	struct device_entry *entry = malloc(sizeof(*entry));

	(void)state;
	assert_non_null(entry);
	for (unsigned count = 1; count <= DEVICE_PICTURES + 1; count++) {
		/* The same one again is no harm: only people are told that they listed it twice. */
		sprintf(list + strlen(list), "%s\"" ONES "\"", count > 1 ? "," : "");

		BL_CLEANUP(bl_free) char *open = replaced(SECOND, "[\"" ONES "\"", list);
		enum bl_status status = codec_decode(open, strlen(open), entry, NULL);

		if (status != (count <= DEVICE_PICTURES ? BL_OK : BL_INVALID))
			fail_msg("%u pictures: %s", count, bl_status_name(status));
	}
	free(entry);
}

/* ---- the register of holds ------------------------------------------------------------------------- */

#define HELD_1                                                                                     \
	"{\"by\":8,\"device\":\"RMA-1\",\"incident\":4,\"number\":2,\"reason\":\"dispute\","       \
	"\"reviewed\":5,"                                                                          \
	"\"since\":4}"
#define HELD_2                                                                                     \
	"{\"by\":8,\"device\":\"RMA-2\",\"incident\":0,\"number\":1,\"reason\":\"r\","             \
	"\"reviewed\":5,\"since\":4}"

static void register_is_canonical_both_ways(void **state)
{
	static const char *const ROWS[] = {
		"{\"holds\":[],\"version\":1}",
		"{\"holds\":[" HELD_1 "],\"version\":1}",
		"{\"holds\":[" HELD_1 "," HELD_2 "],\"version\":1}",
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(bl_free) struct held *held = NULL;
		BL_CLEANUP(bl_free) char *text = NULL;
		size_t count = 99;

		assert_int_equal(codec_held_decode(ROWS[i], strlen(ROWS[i]), &held, &count), BL_OK);
		assert_int_equal(count, i);
		assert_int_equal(codec_held_encode(held, count, &text), BL_OK);
		assert_string_equal(text, ROWS[i]);
	}
}

static void anything_else_is_no_register(void **state)
{
	static const char *const ROWS[] = {
		"",
		"[]",
		"{}",
		"{\"holds\":[],\"version\":2}",
		"{\"holds\":[],\"version\":1,\"more\":1}",
		"{\"holds\":{},\"version\":1}",
		"{\"holds\":[7],\"version\":1}",
		"{\"holds\":[" HELD_2 "," HELD_1 "],\"version\":1}", /* not sorted */
		"{\"holds\":[" HELD_1 "," HELD_1 "],\"version\":1}", /* twice */
		"{\"holds\":[{\"by\":8,\"device\":\"../"
		"x\",\"incident\":0,\"number\":1,\"reason\":\"r\","
		"\"reviewed\":5,\"since\":4}],\"version\":1}",
		"{\"holds\":[{\"by\":8,\"device\":\"RMA-1\",\"incident\":0,\"number\":0,\"reason\":"
		"\"r\","
		"\"reviewed\":5,\"since\":4}],\"version\":1}",
		"{\"holds\":[{\"by\":8,\"device\":\"RMA-1\",\"incident\":0,\"number\":4294967295,"
		"\"reason\":\"r\",\"reviewed\":5,\"since\":4}],\"version\":1}",
		"{\"holds\":[{\"by\":8,\"device\":\"RMA-1\",\"incident\":0,\"number\":1,\"reason\":"
		"\"\","
		"\"reviewed\":5,\"since\":4}],\"version\":1}",
		"{\"holds\":[{\"by\":8,\"incident\":0,\"number\":1,\"reason\":\"r\",\"reviewed\":5,"
		"\"since\":4}],\"version\":1}",
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct held *held = NULL;
		size_t count = 0;

		if (codec_held_decode(ROWS[i], strlen(ROWS[i]), &held, &count) != BL_TAMPERED ||
		    held)
			fail_msg("%s: taken", ROWS[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_of_the_version_before_is_read),
		cmocka_unit_test(record_of_the_version_before_is_written_as_this_one),
		cmocka_unit_test(record_is_canonical_both_ways),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(part_of_a_source_is_canonical_both_ways),
		cmocka_unit_test(part_that_cannot_be_one_is_refused),
		cmocka_unit_test(states_after_the_end_say_how_or_are_older),
		cmocka_unit_test(what_could_not_be_read_is_not_written),
		cmocka_unit_test(pictures_have_a_limit),
		cmocka_unit_test(register_is_canonical_both_ways),
		cmocka_unit_test(anything_else_is_no_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fs/device/device.h"

#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS "2222222222222222222222222222222222222222222222222222222222222222"

static void whole_record_is_read(void **state)
{
	static const char TEXT[] = "received: 2026-07-01 10:30\n"
				   "maker: Examplo\n"
				   "model: 'One'\n"
				   "serial: 00123\n"
				   "capacity: 512G\n"
				   "origin: branch-4\n"
				   "location: shelf/2.1_a\n"
				   "condition:\n"
				   "  notes: |\n"
				   "    Scratched.\n"
				   "    Hinge \"loose\", M\xc3\xbcll.\n"
				   "  pictures: [" ONES ", " TWOS "]\n"
				   "customer:\n"
				   "  name: [Zoe Sample, Z. Sample]\n"
				   "  email: zoe@example.org\n"
				   "consent: {repair: granted, resale: withdrawn}\n";
	struct device_record record;
	struct bl_error why = {.text = ""};

	(void)state;
	if (device_record_parse(TEXT, strlen(TEXT), &record, &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_true(record.has_received);
	assert_int_equal(record.received_unix, 1782901800);
	assert_string_equal(record.maker, "Examplo");
	assert_string_equal(record.serial, "00123");
	assert_int_equal(record.capacity_bytes, UINT64_C(512) << 30);
	assert_string_equal(record.origin, "branch-4");
	assert_string_equal(record.location, "shelf/2.1_a");
	assert_string_equal(record.condition, "Scratched.\nHinge \"loose\", M\xc3\xbcll.");
	assert_int_equal(record.picture_count, 2);
	assert_int_equal(record.pictures[1][31], 0x22);
	assert_string_equal(record.device, "");
	assert_int_equal(record.kind, -1);
	assert_int_equal(record.state, -1);
	assert_int_equal(record.revision, 0);
	assert_int_equal(record.identity_count, 3);
	assert_string_equal(record.identities[1].value, "Z. Sample");
	assert_int_equal(record.identities[1].kind, IDENTITY_NAME);
	assert_string_equal(record.identities[2].value, "zoe@example.org");
	assert_int_equal(record.identities[2].kind, IDENTITY_EMAIL);
	assert_int_equal(record.consent_count, 2);
	assert_string_equal(record.consents[0].purpose, "repair");
	assert_true(record.consents[0].is_granted);
	assert_string_equal(record.consents[1].purpose, "resale");
	assert_false(record.consents[1].is_granted);
	device_record_done(&record);
	assert_int_equal(record.identity_count + record.consent_count, 0);
}

static void dates_are_read_or_refused(void **state)
{
	static const struct {
		const char *text;
		int64_t unix_time; /* -1: refused */
	} ROWS[] = {
		{"1970-01-01", 0},
		{"2024-02-29", 1709164800},
		{"2026-01-15 23:59", 1768521540},
		{"2023-02-29", -1},
		{"2026-13-01", -1},
		{"2026-00-10", -1},
		{"2026-04-31", -1},
		{"2026-1-1", -1},
		{"2026-01-01T10:00", -1},
		{"2026-01-01 24:00", -1},
		{"2026-01-01 10:60", -1},
		{"2026-01-01 10:00:00", -1},
		{"01.02.2026", -1},
		{"1969-12-31", -1},
		{"yesterday", -1},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_record record = {0};
		char text[64];

		snprintf(text, sizeof(text), "received: %s\n", ROWS[i].text);

		enum bl_status status = device_record_parse(text, strlen(text), &record, NULL);

		if (status != (ROWS[i].unix_time < 0 ? BL_INVALID : BL_OK) ||
		    (status == BL_OK && record.received_unix != ROWS[i].unix_time))
			fail_msg("'%s': %s, %lld", ROWS[i].text, bl_status_name(status),
				 (long long)record.received_unix);
		if (status == BL_OK)
			device_record_done(&record);
	}
}

static void capacities_are_read_or_refused(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes; /* 0: refused */
	} ROWS[] = {
		{"1", 1},
		{"500107862016", 500107862016},
		{"1K", 1024},
		{"'20M'", 20971520},
		{"512G", UINT64_C(512) << 30},
		{"8T", UINT64_C(8) << 40},
		{"9223372036854775807", INT64_MAX},
		{"9223372036854775808", 0},
		{"18446744073709551617", 0},
		{"8388608T", 0},
		{"17179869184T", 0},
		{"0", 0},
		{"0G", 0},
		{"-1", 0},
		{"+1", 0},
		{"1.5G", 0},
		{"5.", 0},
		{"512g", 0},
		{"512 G", 0},
		{"512GB", 0},
		{"G", 0},
		{"''", 0},
		{"[1]", 0},
		{"1e3", 0},
		{"0x10", 0},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_record record = {.kind = -1};
		char text[64];

		snprintf(text, sizeof(text), "capacity: %s\n", ROWS[i].text);

		enum bl_status status = device_record_parse(text, strlen(text), &record, NULL);

		if (status != (ROWS[i].bytes ? BL_OK : BL_INVALID) ||
		    (status == BL_OK && record.capacity_bytes != ROWS[i].bytes))
			fail_msg("'%s': %s, %llu", ROWS[i].text, bl_status_name(status),
				 (unsigned long long)record.capacity_bytes);
		if (status == BL_OK)
			device_record_done(&record);
	}
}

/* What `bailee device show --yaml` wrote says of which device and which revision it is. */
static void record_to_be_changed_says_what_it_is(void **state)
{
	static const char TEXT[] =
		"device: RMA-1\nkind: usb-stick\nstate: held\nrevision: 4294967295\n";
	struct device_record record;

	(void)state;
	assert_int_equal(device_record_parse(TEXT, strlen(TEXT), &record, NULL), BL_OK);
	assert_string_equal(record.device, "RMA-1");
	assert_int_equal(record.kind, DEVICE_USB_STICK);
	assert_int_equal(record.state, STATE_HELD);
	assert_int_equal(record.revision, UINT32_MAX);
	device_record_done(&record);
}

/* Each says where, and none says what: SECRET stands for the customer. */
static void bad_records_are_refused_without_telling_the_customer(void **state)
{
	static const struct {
		const char *text, *place;
	} ROWS[] = {
		{"makers: x\n", "1:1: "},
		{"maker: x\nSECRET: y\n", "2:1: "},
		{"customer: SECRET\n", "1:11: "},
		{"customer: {SECRET: x}\n", "1:12: "},
		{"customer: {name: {SECRET: x}}\n", "1:18: "},
		{"customer: {name: [SECRET, [SECRET]]}\n", "1:27: "},
		{"customer: {name: ''}\n", "1:18: "},
		{"customer:\n  name: SECRET\n  name: SECRET\n", "3:3: "},
		{"customer:\n  SECRET: x\n  SECRET: y\n", "3:3: "},
		{"customer: {name: &SECRET x}\n", "1:18: "},
		{"customer: {name: *SECRET}\n", "1:18: "},
		{"customer: {name: \"SECRET\\x07\"}\n", "1:"},
		{"customer: {name: SECRET\n", ""},
		{"[SECRET]\n", "1:1: "},
		{"", ""},
		{"maker: [a, b]\n", "1:8: "},
		{"maker:\n", "1:"},
		{"consent: granted\n", "1:10: "},
		{"consent: [SECRET]\n", "1:10: "},
		{"consent: {SECRET: granted}\n", "1:11: "},
		{"consent: {repair: SECRET}\n", "1:19: "},
		{"consent: {repair: unknown}\n", "1:19: "},
		{"consent: {repair: [granted]}\n", "1:19: "},
		{"consent: {repair: granted, repair: withdrawn}\n", "1:28: "},
		{"capacity: SECRET\n", "1:11: "},
		{"origin: SECRET street\n", "1:9: "},
		{"origin: ''\n", "1:9: "},
		{"location: [SECRET]\n", "1:11: "},
		{"location: 'SECRET:1'\n", "1:11: "},
		{"condition: SECRET\n", "1:12: "},
		{"condition: {note: SECRET}\n", "1:13: "},
		{"condition: {notes: [SECRET]}\n", "1:20: "},
		{"condition: {notes: ''}\n", "1:20: "},
		{"condition: {notes: ' '}\n", "1:20: "},
		{"condition: {notes: \"SECRET\\tx\"}\n", "1:20: "},
		{"condition: {pictures: SECRET}\n", "1:23: "},
		{"condition: {pictures: []}\n", "1:23: "},
		{"condition: {pictures: [SECRET]}\n", "1:24: "},
		{"condition: {pictures: [[" ONES "]]}\n", "1:24: "},
		{"condition: {pictures: [" ONES "11]}\n", "1:24: "},
		{"condition:\n  pictures:\n    - " ONES "\n    - " TWOS "\n    - " ONES "\n",
		 "5:7: "},
		{"device: 'SECRET RMA'\n", "1:9: "},
		{"kind: SECRET\n", "1:7: "},
		{"state: SECRET\n", "1:8: "},
		{"revision: SECRET\n", "1:11: "},
		{"revision: 0\n", "1:11: "},
		{"revision: 4294967296\n", "1:11: "},
		{"revision: 1K\n", "1:11: "},
		{"revision: [1]\n", "1:11: "},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_record record;
		struct bl_error why = {.text = ""};
		enum bl_status status =
			device_record_parse(ROWS[i].text, strlen(ROWS[i].text), &record, &why);

		if (status != BL_INVALID ||
		    strncmp(why.text, ROWS[i].place, strlen(ROWS[i].place)) != 0 ||
		    strstr(why.text, "SECRET") || !*why.text)
			fail_msg("%s: %s: '%s'", ROWS[i].text, bl_status_name(status), why.text);
	}
}

static void limits_hold(void **state)
{
	static const struct {
		const char *head;
		size_t repeat;
		const char *item, *tail;
		enum bl_status status;
	} ROWS[] = {
		{"maker: ", 127, "m", "\n", BL_OK},
		{"maker: ", 128, "m", "\n", BL_INVALID},
		{"customer: {name: ", 256, "n", "}\n", BL_OK},
		{"customer: {name: ", 257, "n", "}\n", BL_INVALID},
		{"customer: {name: [", 63, "n, ", "n]}\n", BL_OK},
		{"customer: {name: [", 64, "n, ", "n]}\n", BL_INVALID},
		{"customer: {email: x, name: [", 63, "n, ", "n]}\n", BL_INVALID},
		{"origin: ", 63, "o", "\n", BL_OK},
		{"origin: ", 64, "o", "\n", BL_INVALID},
		{"condition: {notes: ", 1023, "n", "}\n", BL_OK},
		{"condition: {notes: ", 1024, "n", "}\n", BL_INVALID},
		{"device: ", 31, "R", "\n", BL_OK},
		{"device: ", 32, "R", "\n", BL_INVALID},
		{"consent: {", 63, "p", ": granted}\n", BL_OK},
		{"consent: {", 64, "p", ": granted}\n", BL_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_record record;
		char text[2048];
		size_t used = (size_t)snprintf(text, sizeof(text), "%s", ROWS[i].head);

		for (size_t k = 0; k < ROWS[i].repeat; k++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s",
						 ROWS[i].item);
		snprintf(text + used, sizeof(text) - used, "%s", ROWS[i].tail);

		enum bl_status status = device_record_parse(text, strlen(text), &record, NULL);

		if (status != ROWS[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(status));
		if (status == BL_OK)
			device_record_done(&record);
	}
}

static void consent_has_a_limit_of_purposes(void **state)
{
	static const struct {
		unsigned count;
		enum bl_status status;
	} ROWS[] = {{DEVICE_CONSENTS, BL_OK}, {DEVICE_CONSENTS + 1, BL_INVALID}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_record record;
		char text[1024] = "consent:\n";

		for (unsigned k = 0; k < ROWS[i].count; k++)
			sprintf(text + strlen(text), "  p%u: granted\n", k);

		enum bl_status status = device_record_parse(text, strlen(text), &record, NULL);

		if (status != ROWS[i].status)
			fail_msg("%u purposes: %s", ROWS[i].count, bl_status_name(status));
		if (status == BL_OK)
			device_record_done(&record);
	}
}

static void pictures_have_a_limit(void **state)
{
	static const struct {
		unsigned count;
		enum bl_status status;
	} ROWS[] = {{DEVICE_PICTURES, BL_OK}, {DEVICE_PICTURES + 1, BL_INVALID}};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_record record;
		char text[2048] = "condition:\n  pictures:\n";

		for (unsigned k = 0; k < ROWS[i].count; k++)
			sprintf(text + strlen(text), "    - %064x\n", k);

		enum bl_status status = device_record_parse(text, strlen(text), &record, NULL);

		if (status != ROWS[i].status)
			fail_msg("%u pictures: %s", ROWS[i].count, bl_status_name(status));
		if (status == BL_OK)
			device_record_done(&record);
	}
}

/* Whoever wrote it learns what it may hold. */
static void unknown_keys_are_told_the_known_ones(void **state)
{
	static const struct {
		const char *text, *words;
	} ROWS[] = {
		{"colour: red\n",
		 "received, maker, model, serial, capacity, origin, location, "
		 "condition, customer, consent; to be changed: device, kind, state, "
		 "revision"},
		{"condition: {colour: red}\n", "notes, pictures"},
		{"customer: {colour: red}\n", "name, email, phone, address"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_record record;
		struct bl_error why = {.text = ""};

		assert_int_equal(
			device_record_parse(ROWS[i].text, strlen(ROWS[i].text), &record, &why),
			BL_INVALID);
		if (!strstr(why.text, ROWS[i].words))
			fail_msg("%s", why.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_record_is_read),
		cmocka_unit_test(dates_are_read_or_refused),
		cmocka_unit_test(bad_records_are_refused_without_telling_the_customer),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(consent_has_a_limit_of_purposes),
		cmocka_unit_test(capacities_are_read_or_refused),
		cmocka_unit_test(record_to_be_changed_says_what_it_is),
		cmocka_unit_test(pictures_have_a_limit),
		cmocka_unit_test(unknown_keys_are_told_the_known_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fs/device/device.h"

static void whole_record_is_read(void **state)
{
	static const char TEXT[] = "received: 2026-07-01 10:30\n"
				   "maker: Examplo\n"
				   "model: 'One'\n"
				   "serial: 00123\n"
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
		{"consent: {", 63, "p", ": granted}\n", BL_OK},
		{"consent: {", 64, "p", ": granted}\n", BL_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_record record;
		char text[1024];
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_record_is_read),
		cmocka_unit_test(dates_are_read_or_refused),
		cmocka_unit_test(bad_records_are_refused_without_telling_the_customer),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(consent_has_a_limit_of_purposes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

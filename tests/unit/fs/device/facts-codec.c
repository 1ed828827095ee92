/* The form of facts: what it may hold comes back to the byte, and nothing else is taken. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define NOW INT64_C(1767312000)

/* What a test changes before it looks whether the result is still taken. */
struct row {
	const char *what;
	void (*change)(struct device_facts *facts);
	enum bl_status status;
};

static struct device_facts *sample(void)
{
	struct device_facts *facts = facts_new();

	assert_non_null(facts);
	facts->last_open_unix = NOW;
	facts->early_shred_unix = NOW + 1;
	facts->early_shred_by = 61005;
	facts->next_request = 9;
	facts->consent_count = 2;
	facts->consents[0] = (struct device_consent){
		.purpose = "repair", .is_granted = true, .since_unix = NOW, .by = 61001};
	facts->consents[1] = (struct device_consent){
		.purpose = "resale", .was_granted = true, .since_unix = NOW + 2, .by = UINT32_MAX};
	facts->check_count = 1;
	facts->checks[0] = (struct device_check){CHECK_TWO_FACTOR, 61001, NOW, "T-1"};
	facts->request_count = 2;
	facts->requests[0] = (struct device_request){.number = 3,
						     .by = 61001,
						     .action = ACTION_UNMASK,
						     .class = "card",
						     .path = strdup("/a/b"),
						     .reason = "r",
						     .since_unix = NOW,
						     .approval_count = 2,
						     .approvals = {{61002, NOW}, {61003, NOW}}};
	facts->requests[1] = (struct device_request){.number = 8,
						     .action = ACTION_SHRED,
						     .reason = "s",
						     .since_unix = NOW,
						     .is_refused = true,
						     .refused_by = 61004};
	assert_non_null(facts->requests[0].path);
	return facts;
}

static void as_it_is(struct device_facts *facts)
{
	(void)facts;
}

static void everything_at_its_limit(struct device_facts *facts)
{
	char *path = malloc(DEVICE_PATH + 1);

	assert_non_null(path);
	memset(path, 'p', DEVICE_PATH);
	path[0] = '/';
	path[DEVICE_PATH] = '\0';
	facts->next_request = UINT32_MAX;
	facts->consent_count = DEVICE_CONSENTS;
	for (unsigned i = 0; i < DEVICE_CONSENTS; i++)
		snprintf(facts->consents[i].purpose, DEVICE_PURPOSE, "p%062u", i);
	facts->check_count = DEVICE_CHECKS;
	for (unsigned i = 0; i < DEVICE_CHECKS; i++) {
		facts->checks[i].check = CHECK_ONE_FACTOR;
		memset(facts->checks[i].ticket, 'T', DEVICE_TICKET - 1);
	}
	free(facts->requests[0].path);
	facts->request_count = DEVICE_REQUESTS;
	for (unsigned i = 0; i < DEVICE_REQUESTS; i++) {
		struct device_request *request = &facts->requests[i];

		*request = (struct device_request){.number = i + 1,
						   .action = ACTION_UNMASK,
						   .is_refused = true,
						   .approval_count = DEVICE_APPROVALS};
		memset(request->class, 'c', sizeof(request->class) - 1);
		memset(request->reason, 'r', sizeof(request->reason) - 1);
		request->path = strdup(path);
		assert_non_null(request->path);
		for (unsigned k = 0; k < DEVICE_APPROVALS; k++)
			request->approvals[k].by = k + 1;
	}
	free(path);
}

#define CHANGE(name, statement)                                                                    \
	static void name(struct device_facts *facts)                                               \
	{                                                                                          \
		statement;                                                                         \
	}

static void replace_path(struct device_facts *facts, const char *path)
{
	free(facts->requests[0].path);
	facts->requests[0].path = strdup(path);
	assert_non_null(facts->requests[0].path);
}

CHANGE(no_number_is_next, facts->next_request = 0)
CHANGE(number_is_above_next, facts->next_request = 8)
CHANGE(date_is_before_1970, facts->last_open_unix = -1)
CHANGE(date_is_far, facts->early_shred_unix = INT64_C(253402300800))
CHANGE(consent_date_is_far, facts->consents[0].since_unix = INT64_MAX)
CHANGE(purpose_is_twice, strcpy(facts->consents[1].purpose, "repair"))
CHANGE(purpose_is_empty, facts->consents[1].purpose[0] = '\0')
CHANGE(purpose_is_no_name, facts->consents[1].purpose[0] = 'R')
CHANGE(check_is_none, facts->checks[0].check = CHECK_NONE)
CHANGE(check_is_unknown, facts->checks[0].check = CHECK_COUNT)
CHANGE(ticket_is_none, facts->checks[0].ticket[0] = '\n')
CHANGE(number_is_zero, facts->requests[0].number = 0)
CHANGE(number_is_twice, facts->requests[1].number = 3)
CHANGE(numbers_go_back, facts->requests[1].number = 2)
CHANGE(class_without_unmask, facts->requests[0].action = ACTION_READ)
CHANGE(class_is_no_name, facts->requests[0].class[0] = '.')
CHANGE(reason_is_empty, facts->requests[0].reason[0] = '\0')
CHANGE(reason_has_control, facts->requests[0].reason[0] = '\x1b')
CHANGE(path_of_a_shred, facts->requests[0].action = ACTION_SHRED;
       facts->requests[0].class[0] = '\0')
CHANGE(path_goes_up, replace_path(facts, "/a/../b"))
CHANGE(path_is_empty, replace_path(facts, ""))
CHANGE(approved_by_who_asked, facts->requests[0].approvals[1].by = 61001)
CHANGE(approved_twice, facts->requests[0].approvals[1].by = 61002)

static void only_sound_facts_come_back(void **state)
{
	static const struct row ROWS[] = {
		{"as it is", as_it_is, BL_OK},
		{"everything at its limit", everything_at_its_limit, BL_OK},
		{"no number is next", no_number_is_next, BL_TAMPERED},
		{"number is above next", number_is_above_next, BL_TAMPERED},
		{"date is before 1970", date_is_before_1970, BL_TAMPERED},
		{"date is far", date_is_far, BL_TAMPERED},
		{"consent date is far", consent_date_is_far, BL_TAMPERED},
		{"purpose is twice", purpose_is_twice, BL_TAMPERED},
		{"purpose is empty", purpose_is_empty, BL_TAMPERED},
		{"purpose is no name", purpose_is_no_name, BL_TAMPERED},
		{"check is none", check_is_none, BL_TAMPERED},
		{"check is unknown", check_is_unknown, BL_TAMPERED},
		{"ticket is none", ticket_is_none, BL_TAMPERED},
		{"number is zero", number_is_zero, BL_TAMPERED},
		{"number is twice", number_is_twice, BL_TAMPERED},
		{"numbers go back", numbers_go_back, BL_TAMPERED},
		{"class without unmask", class_without_unmask, BL_TAMPERED},
		{"class is no name", class_is_no_name, BL_TAMPERED},
		{"reason is empty", reason_is_empty, BL_TAMPERED},
		{"reason has control", reason_has_control, BL_TAMPERED},
		{"path of a shred", path_of_a_shred, BL_TAMPERED},
		{"path goes up", path_goes_up, BL_TAMPERED},
		{"path is empty", path_is_empty, BL_TAMPERED},
		{"approved by who asked", approved_by_who_asked, BL_TAMPERED},
		{"approved twice", approved_twice, BL_TAMPERED},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(device_facts_free) struct device_facts *facts = sample(), *back = NULL;
		PLAIN_CLEANUP struct plain plain = {0}, again = {0};

		ROWS[i].change(facts);
		assert_int_equal(facts_encode(facts, &plain), BL_OK);

		enum bl_status status = facts_decode(plain.bytes, plain.length, &back);

		if (status != ROWS[i].status)
			fail_msg("%s: %s", ROWS[i].what, bl_status_name(status));
		if (status != BL_OK)
			continue;
		assert_in_range(plain.length, FACTS_HEAD, FACTS_LIMIT);
		assert_int_equal(facts_encode(back, &again), BL_OK);
		assert_int_equal(again.length, plain.length);
		assert_memory_equal(again.bytes, plain.bytes, plain.length);
	}
}

/* The one place outside the codec that looks into the form. */
static void last_open_lies_where_it_is_looked_for(void **state)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = sample();
	PLAIN_CLEANUP struct plain plain = {0};

	(void)state;
	assert_int_equal(facts_encode(facts, &plain), BL_OK);
	assert_int_equal(bl_get64(plain.bytes + FACTS_LAST_OPEN), NOW);
}

/* Stores are older than the version that tells who asked for an early shred. */
static void facts_of_version_1_are_read(void **state)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = sample(), *back = NULL;
	PLAIN_CLEANUP struct plain plain = {0}, again = {0};
	const size_t by = 1 + 8 + 8;

	(void)state;
	assert_int_equal(facts_encode(facts, &plain), BL_OK);
	plain.bytes[0] = 1;
	memmove(plain.bytes + by, plain.bytes + by + 4, plain.length - by - 4);
	assert_int_equal(facts_decode(plain.bytes, plain.length - 4, &back), BL_OK);
	assert_int_equal(back->early_shred_unix, NOW + 1);
	assert_int_equal(back->early_shred_by, UINT32_MAX);
	assert_int_equal(back->request_count, 2);
	assert_int_equal(facts_encode(back, &again), BL_OK);
	assert_int_equal(again.length, plain.length);
	assert_int_equal(again.bytes[0], 2);
}

/* Exact copies, so that ASan sees a byte read beyond. */
static enum bl_status decode_copy(const uint8_t *bytes, size_t length)
{
	struct device_facts *facts = NULL;
	uint8_t *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);

	enum bl_status status = facts_decode(copy, length, &facts);

	free(copy);
	device_facts_free(facts);
	return status;
}

static void cut_or_continued_facts_are_refused(void **state)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = sample();
	PLAIN_CLEANUP struct plain plain = {0};
	uint8_t longer[4096];

	(void)state;
	assert_int_equal(facts_encode(facts, &plain), BL_OK);
	for (size_t length = 0; length < plain.length; length++)
		if (decode_copy(plain.bytes, length) != BL_TAMPERED)
			fail_msg("cut to %zu of %zu bytes", length, plain.length);
	assert_in_range(plain.length, 1, sizeof(longer) - 1);
	memcpy(longer, plain.bytes, plain.length);
	longer[plain.length] = 0;
	assert_int_equal(decode_copy(longer, plain.length + 1), BL_TAMPERED);
}

/* Whatever byte is changed to whatever: what is still taken means just that, and nothing is read beyond. */
static void changed_bytes_are_refused_or_mean_what_they_say(void **state)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = sample();
	PLAIN_CLEANUP struct plain plain = {0};
	size_t refused = 0;

	(void)state;
	assert_int_equal(facts_encode(facts, &plain), BL_OK);
	for (size_t at = 0; at < plain.length; at++) {
		uint8_t old = plain.bytes[at];

		for (unsigned value = 0; value < 256; value++) {
			BL_CLEANUP(device_facts_free) struct device_facts *back = NULL;
			PLAIN_CLEANUP struct plain again = {0};

			plain.bytes[at] = (uint8_t)value;
			if (facts_decode(plain.bytes, plain.length, &back) != BL_OK) {
				refused++;
				continue;
			}
			assert_int_equal(facts_encode(back, &again), BL_OK);
			if (again.length != plain.length ||
			    memcmp(again.bytes, plain.bytes, plain.length) != 0)
				fail_msg("byte %zu as %u comes back as another", at, value);
		}
		plain.bytes[at] = old;
	}
	assert_true(refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_sound_facts_come_back),
		cmocka_unit_test(last_open_lies_where_it_is_looked_for),
		cmocka_unit_test(facts_of_version_1_are_read),
		cmocka_unit_test(cut_or_continued_facts_are_refused),
		cmocka_unit_test(changed_bytes_are_refused_or_mean_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

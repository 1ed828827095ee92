/* What people record of a device is kept, counted as documented, and gone with it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fts.h>
#include <pthread.h>

#include "tests/unit/fs/device/temp.h"

#define NOW	INT64_C(1767312000)
#define DAY	INT64_C(86400)
#define REASON	"planted reason of a synthetic person"
#define PATH	"/planted folder/letter.txt"
#define ANNA	61001
#define BEN	61002
#define CARLA	61003
#define STORED	"store/devices/RMA-1/facts.sealed"
#define RECORD_ "consent: {repair: granted, resale: withdrawn}\n"

static struct device_facts *read_facts(struct temp *temp, const char *id)
{
	struct device_facts *facts = NULL;
	struct bl_error why = {.text = ""};

	if (device_facts_read(temp->store, id, &facts, &why) != BL_OK)
		fail_msg("facts of %s: %s", id, why.text);
	return facts;
}

static enum bl_status set_consent(struct temp *temp, const char *purpose, bool is_granted,
				  int64_t at_unix)
{
	struct device_consent consent = {
		.is_granted = is_granted, .since_unix = at_unix, .by = ANNA};

	snprintf(consent.purpose, sizeof(consent.purpose), "%s", purpose);
	return device_consent_set(temp->store, "RMA-1", &consent, NULL);
}

static enum bl_status add_check(struct temp *temp, enum bl_check check, uid_t by, int64_t at_unix)
{
	const struct device_check added = {
		.check = check, .by = by, .since_unix = at_unix, .ticket = "T-1"};

	return device_check_add(temp->store, "RMA-1", &added, NULL);
}

static enum bl_status add_request(struct temp *temp, uid_t by, int64_t at_unix,
				  uint32_t *out_number)
{
	char path[] = PATH;
	const struct device_request request = {.by = by,
					       .action = ACTION_COPY,
					       .path = path,
					       .reason = REASON,
					       .since_unix = at_unix};

	return device_request_add(temp->store, "RMA-1", &request, out_number, NULL);
}

static enum bl_status approve(struct temp *temp, uint32_t number, uid_t by, int64_t at_unix)
{
	const struct device_approval approval = {.by = by, .since_unix = at_unix};

	return device_request_approve(temp->store, "RMA-1", number, &approval, NULL);
}

/* One of each, so that whoever refuses refuses them all. */
static enum bl_status record_one(struct temp *temp, unsigned which)
{
	switch (which) {
	case 0:
		return set_consent(temp, "repair", true, NOW);
	case 1:
		return add_check(temp, CHECK_ONE_FACTOR, ANNA, NOW);
	case 2:
		return add_request(temp, ANNA, NOW, NULL);
	case 3:
		return approve(temp, 1, BEN, NOW);
	case 4:
		return device_request_refuse(temp->store, "RMA-1", 1, BEN, NULL);
	case 5:
		return device_early_shred_set(temp->store, "RMA-1", ANNA, NOW, NULL);
	default:
		return device_opened(temp->store, "RMA-1", NOW, NULL);
	}
}
#define WRITERS 7

static void nothing_recorded_is_nothing_known(void **state)
{
	struct temp *temp = *state;
	int64_t until = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);

	BL_CLEANUP(device_facts_free) struct device_facts *facts = read_facts(temp, "RMA-1");
	struct device_facts *none = NULL;

	assert_int_equal(facts->consent_count + facts->check_count + facts->request_count, 0);
	assert_int_equal(facts->last_open_unix, 0);
	assert_int_equal(facts->early_shred_unix, 0);
	assert_int_equal(facts->early_shred_by, UINT32_MAX);
	assert_int_equal(device_consent_of(facts, "repair"), CONSENT_UNKNOWN);
	assert_int_equal(device_consent_of(facts, NULL), CONSENT_UNKNOWN);
	assert_int_equal(device_consent_withdrawn(facts), 0);
	assert_int_equal(device_check_of(facts, ANNA, NOW, &until), CHECK_NONE);
	assert_int_equal(until, INT64_MAX);
	assert_int_equal(access(temp_path(temp, STORED), F_OK), -1);
	assert_int_equal(device_facts_read(temp->store, "RMA-2", &none, NULL), BL_NOT_FOUND);
	assert_null(none);
}

static void all_that_is_recorded_comes_back_after_a_restart(void **state)
{
	struct temp *temp = *state;
	char path[] = "/Users/\xff\xe9/mail \xe2\x80\xae";
	const struct device_request unmask = {.by = BEN,
					      .action = ACTION_UNMASK,
					      .class = "loyalty-card",
					      .path = path,
					      .reason = "é",
					      .since_unix = NOW + 5};
	uint32_t number = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(set_consent(temp, "repair", true, NOW), BL_OK);
	assert_int_equal(set_consent(temp, "resale", false, NOW + 1), BL_OK);
	assert_int_equal(add_check(temp, CHECK_TWO_FACTOR, BEN, NOW + 2), BL_OK);
	assert_int_equal(add_request(temp, ANNA, NOW + 3, &number), BL_OK);
	assert_int_equal(number, 1);
	assert_int_equal(device_request_add(temp->store, "RMA-1", &unmask, &number, NULL), BL_OK);
	assert_int_equal(number, 2);
	assert_int_equal(approve(temp, 1, BEN, NOW + 6), BL_OK);
	assert_int_equal(approve(temp, 1, CARLA, NOW + 7), BL_OK);
	assert_int_equal(device_request_refuse(temp->store, "RMA-1", 2, CARLA, NULL), BL_OK);
	assert_int_equal(device_early_shred_set(temp->store, "RMA-1", CARLA, NOW + 8, NULL), BL_OK);
	assert_int_equal(device_opened(temp->store, "RMA-1", NOW + 9, NULL), BL_OK);
	for (unsigned pass = 0; pass < 2; pass++) {
		BL_CLEANUP(device_facts_free)
		struct device_facts *facts = read_facts(temp, "RMA-1");
		const struct device_request *first = &facts->requests[0];
		const struct device_request *second = &facts->requests[1];

		assert_int_equal(facts->consent_count, 2);
		assert_string_equal(facts->consents[0].purpose, "repair");
		assert_true(facts->consents[0].is_granted);
		assert_int_equal(facts->consents[0].by, ANNA);
		assert_int_equal(facts->consents[1].since_unix, NOW + 1);
		assert_int_equal(facts->check_count, 1);
		assert_int_equal(facts->checks[0].check, CHECK_TWO_FACTOR);
		assert_int_equal(facts->checks[0].by, BEN);
		assert_int_equal(facts->checks[0].since_unix, NOW + 2);
		assert_string_equal(facts->checks[0].ticket, "T-1");
		assert_int_equal(facts->request_count, 2);
		assert_int_equal(facts->next_request, 3);
		assert_int_equal(first->number, 1);
		assert_int_equal(first->by, ANNA);
		assert_int_equal(first->action, ACTION_COPY);
		assert_string_equal(first->class, "");
		assert_string_equal(first->path, PATH);
		assert_string_equal(first->reason, REASON);
		assert_int_equal(first->since_unix, NOW + 3);
		assert_false(first->is_refused);
		assert_int_equal(first->approval_count, 2);
		assert_int_equal(first->approvals[1].by, CARLA);
		assert_int_equal(first->approvals[1].since_unix, NOW + 7);
		assert_int_equal(second->action, ACTION_UNMASK);
		assert_string_equal(second->class, "loyalty-card");
		assert_string_equal(second->path, path);
		assert_string_equal(second->reason, "é");
		assert_true(second->is_refused);
		assert_int_equal(second->refused_by, CARLA);
		assert_int_equal(facts->early_shred_unix, NOW + 8);
		assert_int_equal(facts->early_shred_by, CARLA);
		assert_int_equal(facts->last_open_unix, NOW + 9);
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	}
}

/* After the first time there is nothing to read: the folder may even be out of reach. */
static void facts_are_read_from_the_disk_once(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(set_consent(temp, "repair", true, NOW), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	device_facts_free(read_facts(temp, "RMA-1"));
	assert_int_equal(unlink(temp_path(temp, STORED)), 0);

	BL_CLEANUP(device_facts_free) struct device_facts *facts = read_facts(temp, "RMA-1");

	assert_int_equal(device_consent_of(facts, "repair"), CONSENT_GRANTED);
}

/* ---- what is refused ------------------------------------------------------------------------- */

#define LONG_63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"

static void consent_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *purpose;
		int64_t at_unix;
		enum bl_status status;
	} ROWS[] = {
		{"repair", NOW, BL_OK},
		{LONG_63, NOW, BL_OK},
		{"a", 0, BL_OK},
		{"b", INT64_C(253402300799), BL_OK},
		{"", NOW, BL_INVALID},
		{"Repair", NOW, BL_INVALID},
		{"1st", NOW, BL_INVALID},
		{"-x", NOW, BL_INVALID},
		{"re pair", NOW, BL_INVALID},
		{"r\xc3\xa9paration", NOW, BL_INVALID},
		{"c", -1, BL_INVALID},
		{"d", INT64_C(253402300800), BL_INVALID},
		{"e", INT64_MAX, BL_INVALID},
		{"f", INT64_MIN, BL_INVALID},
	};
	struct temp *temp = *state;
	struct device_consent endless = {.is_granted = true};
	size_t taken = 0;

	memset(endless.purpose, 'a', sizeof(endless.purpose));
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		enum bl_status status = set_consent(temp, ROWS[i].purpose, true, ROWS[i].at_unix);

		taken += status == BL_OK;
		if (status != ROWS[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
	assert_int_equal(device_consent_set(temp->store, "RMA-1", &endless, NULL), BL_INVALID);

	BL_CLEANUP(device_facts_free) struct device_facts *facts = read_facts(temp, "RMA-1");

	assert_int_equal(facts->consent_count, taken);
}

static void check_that_is_none_is_refused(void **state)
{
	static const struct {
		struct device_check check;
		enum bl_status status;
	} ROWS[] = {
		{{.check = CHECK_ONE_FACTOR, .ticket = "A.b_c-9"}, BL_OK},
		{{.check = CHECK_TWO_FACTOR, .ticket = LONG_63}, BL_OK},
		{{.check = CHECK_NONE, .ticket = "T"}, BL_INVALID},
		{{.check = CHECK_COUNT, .ticket = "T"}, BL_INVALID},
		{{.check = CHECK_ONE_FACTOR, .ticket = ""}, BL_INVALID},
		{{.check = CHECK_ONE_FACTOR, .ticket = "T 1"}, BL_INVALID},
		{{.check = CHECK_ONE_FACTOR, .ticket = "T/1"}, BL_INVALID},
		{{.check = CHECK_ONE_FACTOR, .ticket = "T\n"}, BL_INVALID},
		{{.check = CHECK_ONE_FACTOR, .ticket = "T", .since_unix = -1}, BL_INVALID},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		enum bl_status status =
			device_check_add(temp->store, "RMA-1", &ROWS[i].check, NULL);

		if (status != ROWS[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
}

static void request_that_is_none_is_refused(void **state)
{
	static const struct {
		enum bl_action action;
		const char *class, *path, *reason;
		enum bl_status status;
	} ROWS[] = {
		{ACTION_READ, "", NULL, "r", BL_OK},
		{ACTION_SHRED, "", NULL, "r", BL_OK},
		{ACTION_UNMASK, "card", "/a", "r", BL_OK},
		{ACTION_COPY, "", "/a/.b/..c/...", "r", BL_OK},
		{ACTION_COUNT, "", NULL, "r", BL_INVALID},
		{(enum bl_action)77, "", NULL, "r", BL_INVALID},
		{ACTION_READ, "card", NULL, "r", BL_INVALID},
		{ACTION_UNMASK, "Card", NULL, "r", BL_INVALID},
		{ACTION_SHRED, "", "/a", "r", BL_INVALID},
		{ACTION_READ, "", "", "r", BL_INVALID},
		{ACTION_READ, "", "/", "r", BL_INVALID},
		{ACTION_READ, "", "a", "r", BL_INVALID},
		{ACTION_READ, "", "/a/", "r", BL_INVALID},
		{ACTION_READ, "", "//a", "r", BL_INVALID},
		{ACTION_READ, "", "/./a", "r", BL_INVALID},
		{ACTION_READ, "", "/a/..", "r", BL_INVALID},
		{ACTION_READ, "", "/a\n", "r", BL_INVALID},
		{ACTION_READ, "", "/a\x7f", "r", BL_INVALID},
		{ACTION_READ, "", "/a\x1b[2J", "r", BL_INVALID},
		{ACTION_READ, "", "/a\xc2\x9b", "r", BL_INVALID},
		{ACTION_READ, "", NULL, "", BL_INVALID},
		{ACTION_READ, "", NULL, "r\t", BL_INVALID},
		{ACTION_READ, "", NULL, "r\xff", BL_INVALID},
		{ACTION_READ, "", NULL, "r\xe2\x80\xae", BL_INVALID},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *path = ROWS[i].path ? strdup(ROWS[i].path) : NULL;
		struct device_request request = {
			.by = ANNA, .action = ROWS[i].action, .path = path, .since_unix = NOW};
		struct bl_error why = {.text = ""};

		snprintf(request.class, sizeof(request.class), "%s", ROWS[i].class);
		snprintf(request.reason, sizeof(request.reason), "%s", ROWS[i].reason);

		enum bl_status status =
			device_request_add(temp->store, "RMA-1", &request, NULL, &why);

		free(path);
		if (status != ROWS[i].status || (status != BL_OK && !*why.text))
			fail_msg("row %zu: %s: '%s'", i, bl_status_name(status), why.text);
	}
}

static void path_may_be_as_long_as_paths_are(void **state)
{
	static const struct {
		size_t length;
		enum bl_status status;
	} ROWS[] = {{DEVICE_PATH, BL_OK}, {DEVICE_PATH + 1, BL_INVALID}, {70000, BL_INVALID}};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(bl_free) char *path = malloc(ROWS[i].length + 1);
		const struct device_request request = {
			.action = ACTION_READ, .path = path, .reason = "r", .since_unix = NOW};

		assert_non_null(path);
		memset(path, 'a', ROWS[i].length);
		path[0] = '/';
		path[ROWS[i].length] = '\0';

		enum bl_status status =
			device_request_add(temp->store, "RMA-1", &request, NULL, NULL);

		if (status != ROWS[i].status)
			fail_msg("%zu bytes: %s", ROWS[i].length, bl_status_name(status));
	}
}

static void nothing_is_recorded_of_what_is_gone(void **state)
{
	static const struct {
		enum bl_device_state states[2];
		bool is_shredding;
	} ROWS[] = {
		{{STATE_DUE, STATE_SHREDDED}, false},
		{{STATE_RELEASED, STATE_RELEASED}, false},
		{{STATE_DUE, STATE_DUE}, true},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct temp *temp = *state;

		if (i && (temp_tear_down(state) != 0 || temp_set_up(state) != 0))
			fail_msg("no store for row %zu", i);
		temp = *state;
		assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
		for (size_t k = 0; k < 2; k++)
			assert_int_equal(
				device_set_state(temp->store, "RMA-1", ROWS[i].states[k], 1, NULL),
				BL_OK);
		if (ROWS[i].is_shredding)
			assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_OK);
		for (unsigned which = 0; which < WRITERS; which++)
			if (record_one(temp, which) != BL_INVALID)
				fail_msg("row %zu, writer %u", i, which);
		assert_int_equal(access(temp_path(temp, STORED), F_OK), -1);
	}
}

static void unknown_device_is_not_found(void **state)
{
	struct temp *temp = *state;

	for (unsigned which = 0; which < WRITERS; which++)
		if (record_one(temp, which) != BL_NOT_FOUND)
			fail_msg("writer %u", which);
}

/* ---- consent ----------------------------------------------------------------------------------- */

static void earliest_withdrawal_counts_until_granted_again(void **state)
{
	static const struct {
		const char *purpose;
		bool is_granted;
		int64_t at_unix, withdrawn_unix; /* the latter: afterwards */
	} ROWS[] = {
		{"repair", true, NOW, 0},
		{"repair", false, NOW + 1, NOW + 1},
		{"repair", false, NOW + 9, NOW + 1}, /* said again it is not put off */
		{"resale", false, NOW + 2, NOW + 1}, /* never given: starts nothing */
		{"resale", true, NOW + 3, NOW + 1},
		{"resale", false, NOW + 3, NOW + 1}, /* a second one does not put the first off */
		{"repair", true, NOW + 4, NOW + 3},
		{"repair", false, NOW + 5, NOW + 3},
		{"resale", true, NOW + 6, NOW + 5},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		assert_int_equal(
			set_consent(temp, ROWS[i].purpose, ROWS[i].is_granted, ROWS[i].at_unix),
			BL_OK);

		BL_CLEANUP(device_facts_free)
		struct device_facts *facts = read_facts(temp, "RMA-1");
		enum bl_consent wanted = ROWS[i].is_granted ? CONSENT_GRANTED : CONSENT_WITHDRAWN;

		if (device_consent_of(facts, ROWS[i].purpose) != wanted ||
		    device_consent_withdrawn(facts) != ROWS[i].withdrawn_unix)
			fail_msg("row %zu: withdrawn %lld", i,
				 (long long)device_consent_withdrawn(facts));
	}
}

static void purposes_have_a_limit_and_none_is_lost(void **state)
{
	struct temp *temp = *state;
	char purpose[16];

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (int i = 0; i < DEVICE_CONSENTS; i++) {
		snprintf(purpose, sizeof(purpose), "p-%d", i);
		assert_int_equal(set_consent(temp, purpose, false, NOW), BL_OK);
	}
	assert_int_equal(set_consent(temp, "one-more", false, NOW), BL_INVALID);
	assert_int_equal(set_consent(temp, "p-0", true, NOW), BL_OK);

	BL_CLEANUP(device_facts_free) struct device_facts *facts = read_facts(temp, "RMA-1");

	assert_int_equal(facts->consent_count, DEVICE_CONSENTS);
	assert_int_equal(device_consent_of(facts, "p-0"), CONSENT_GRANTED);
	assert_int_equal(device_consent_of(facts, "p-31"), CONSENT_WITHDRAWN);
}

static enum bl_status enroll_record(struct temp *temp, const char *id, const char *text)
{
	struct device device = temp_device(temp, id);
	struct device_record record;
	struct bl_error why = {.text = ""};

	device.enrolled_unix = NOW;
	if (device_record_parse(text, strlen(text), &record, &why) != BL_OK)
		fail_msg("%s", why.text);

	enum bl_status status = device_enroll(temp->store, &device, &record, NULL);

	device_record_done(&record);
	return status;
}

static void consent_of_a_record_counts_from_enrolment(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(enroll_record(temp, "RMA-1", "received: 2025-12-01\n" RECORD_), BL_OK);
	assert_int_equal(enroll_record(temp, "RMA-2", "consent: {}\n"), BL_OK);
	for (unsigned pass = 0; pass < 2; pass++) {
		BL_CLEANUP(device_facts_free)
		struct device_facts *facts = read_facts(temp, "RMA-1");
		BL_CLEANUP(device_facts_free)
		struct device_facts *none = read_facts(temp, "RMA-2");

		assert_int_equal(facts->consent_count, 2);
		assert_int_equal(device_consent_of(facts, "repair"), CONSENT_GRANTED);
		assert_int_equal(device_consent_of(facts, "resale"), CONSENT_WITHDRAWN);
		assert_int_equal(device_consent_withdrawn(facts),
				 0); /* never given: starts no date */
		assert_int_equal(facts->consents[0].by, UINT32_MAX);
		assert_int_equal(none->consent_count, 0);
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	}
}

/* A record that is filled by hand, not by the parser: nothing of the device is left behind. */
static void enrolment_with_a_bad_consent_leaves_nothing(void **state)
{
	struct temp *temp = *state;
	struct device_record record = {.consents = {{.purpose = "Not a purpose"}},
				       .consent_count = 1,
				       .kind = -1,
				       .state = -1};
	struct device device = temp_device(temp, "RMA-1");

	assert_int_equal(device_enroll(temp->store, &device, &record, NULL), BL_INVALID);
	assert_int_equal(access(temp_path(temp, "store/devices/RMA-1"), F_OK), -1);
	assert_int_equal(access(temp_path(temp, "store/devices/.new-RMA-1"), F_OK), -1);
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
}

/* ---- checks of callers --------------------------------------------------------------------------- */

#define HOUR DEVICE_CHECK_SECONDS

static void check_counts_for_whoever_made_it_for_an_hour(void **state)
{
	static const struct {
		struct device_check checks[3];
		size_t count;
		int64_t now_unix;
		enum bl_check wanted;
		int64_t until;
	} ROWS[] = {
		{{{CHECK_ONE_FACTOR, ANNA, NOW, ""}}, 1, NOW, CHECK_ONE_FACTOR, NOW + HOUR},
		{{{CHECK_ONE_FACTOR, ANNA, NOW, ""}},
		 1,
		 NOW + HOUR - 1,
		 CHECK_ONE_FACTOR,
		 NOW + HOUR},
		{{{CHECK_ONE_FACTOR, ANNA, NOW, ""}}, 1, NOW + HOUR, CHECK_NONE, INT64_MAX},
		{{{CHECK_TWO_FACTOR, BEN, NOW, ""}}, 1, NOW, CHECK_NONE, INT64_MAX},
		/* The better one counts, and until it ends. */
		{{{CHECK_TWO_FACTOR, ANNA, NOW, ""}, {CHECK_ONE_FACTOR, ANNA, NOW + 9, ""}},
		 2,
		 NOW + 10,
		 CHECK_TWO_FACTOR,
		 NOW + HOUR},
		{{{CHECK_ONE_FACTOR, ANNA, NOW, ""}, {CHECK_TWO_FACTOR, ANNA, NOW + 9, ""}},
		 2,
		 NOW + 10,
		 CHECK_TWO_FACTOR,
		 NOW + 9 + HOUR},
		{{{CHECK_TWO_FACTOR, ANNA, NOW, ""}, {CHECK_ONE_FACTOR, ANNA, NOW + 9, ""}},
		 2,
		 NOW + HOUR,
		 CHECK_ONE_FACTOR,
		 NOW + 9 + HOUR},
		{{{CHECK_ONE_FACTOR, ANNA, NOW + 9, ""}, {CHECK_ONE_FACTOR, ANNA, NOW, ""}},
		 2,
		 NOW + 10,
		 CHECK_ONE_FACTOR,
		 NOW + 9 + HOUR},
		/* Before it was made, on a clock that was put back, it does not count yet. */
		{{{CHECK_ONE_FACTOR, ANNA, NOW, ""}}, 1, NOW - 1, CHECK_NONE, NOW},
		{{{CHECK_ONE_FACTOR, ANNA, NOW, ""}, {CHECK_TWO_FACTOR, ANNA, NOW + 50, ""}},
		 2,
		 NOW + 1,
		 CHECK_ONE_FACTOR,
		 NOW + 50},
		{{{CHECK_ONE_FACTOR, ANNA, NOW, ""}}, 1, INT64_MIN, CHECK_NONE, NOW},
		{{{CHECK_ONE_FACTOR, ANNA, NOW, ""}}, 1, INT64_MAX, CHECK_NONE, INT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(bl_free) struct device_facts *facts = calloc(1, sizeof(*facts));
		int64_t until = -1;

		assert_non_null(facts);
		memcpy(facts->checks, ROWS[i].checks, sizeof(ROWS[i].checks));
		facts->check_count = ROWS[i].count;

		enum bl_check check = device_check_of(facts, ANNA, ROWS[i].now_unix, &until);

		if (check != ROWS[i].wanted || until != ROWS[i].until)
			fail_msg("row %zu: %s until %lld", i, bl_check_name(check),
				 (long long)until);
	}
}

static void nobody_pushes_out_the_checks_of_others(void **state)
{
	struct temp *temp = *state;
	int64_t until;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_check(temp, CHECK_TWO_FACTOR, BEN, NOW), BL_OK);
	for (unsigned i = 0; i < 2 * DEVICE_CHECKS; i++)
		assert_int_equal(
			add_check(temp, i % 2 ? CHECK_ONE_FACTOR : CHECK_TWO_FACTOR, ANNA, NOW + i),
			BL_OK);

	BL_CLEANUP(device_facts_free) struct device_facts *facts = read_facts(temp, "RMA-1");

	assert_int_equal(facts->check_count, 3);
	assert_int_equal(device_check_of(facts, BEN, NOW + 100, &until), CHECK_TWO_FACTOR);
	assert_int_equal(device_check_of(facts, ANNA, NOW + 200, &until), CHECK_TWO_FACTOR);
	assert_int_equal(until, NOW + 2 * DEVICE_CHECKS - 2 + 3600);
}

static void checks_that_are_over_make_room(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_check(temp, CHECK_ONE_FACTOR, ANNA, NOW), BL_OK);
	assert_int_equal(add_check(temp, CHECK_ONE_FACTOR, BEN, NOW + 1), BL_OK);
	assert_int_equal(add_check(temp, CHECK_ONE_FACTOR, CARLA, NOW + 3600), BL_OK);

	BL_CLEANUP(device_facts_free) struct device_facts *facts = read_facts(temp, "RMA-1");

	assert_int_equal(facts->check_count, 2);
	assert_int_equal(facts->checks[0].by, BEN);
}

static void oldest_check_makes_room(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (unsigned i = 0; i < DEVICE_CHECKS + 3; i++)
		assert_int_equal(add_check(temp, CHECK_ONE_FACTOR, 2000 + i, NOW + i), BL_OK);

	BL_CLEANUP(device_facts_free) struct device_facts *facts = read_facts(temp, "RMA-1");

	assert_int_equal(facts->check_count, DEVICE_CHECKS);
	assert_int_equal(facts->checks[0].since_unix, NOW + 3);
	assert_int_equal(facts->checks[DEVICE_CHECKS - 1].since_unix, NOW + DEVICE_CHECKS + 2);
}

/* ---- requests ---------------------------------------------------------------------------------------- */

static void one_person_fills_no_more_than_their_share(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (unsigned i = 0; i < DEVICE_REQUESTS_EACH; i++)
		assert_int_equal(add_request(temp, ANNA, NOW, NULL), BL_OK);
	assert_int_equal(add_request(temp, ANNA, NOW, NULL), BL_INVALID);
	assert_int_equal(add_request(temp, BEN, NOW, NULL), BL_OK);
	/* One that is refused, or was not answered in time, is not open. */
	assert_int_equal(device_request_refuse(temp->store, "RMA-1", 7, BEN, NULL), BL_OK);
	assert_int_equal(add_request(temp, ANNA, NOW, NULL), BL_OK);
	assert_int_equal(add_request(temp, ANNA, NOW + DEVICE_REQUEST_DAYS * DAY - 1, NULL),
			 BL_INVALID);
	assert_int_equal(add_request(temp, ANNA, NOW + DEVICE_REQUEST_DAYS * DAY, NULL), BL_OK);
}

static void fill_requests(struct temp *temp)
{
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (unsigned i = 0; i < DEVICE_REQUESTS; i++)
		assert_int_equal(add_request(temp, ANNA + i / DEVICE_REQUESTS_EACH, NOW + i, NULL),
				 BL_OK);
}

static bool has_request(struct temp *temp, uint32_t number)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = read_facts(temp, "RMA-1");

	for (size_t i = 0; i < facts->request_count; i++)
		if (facts->requests[i].number == number)
			return true;
	return false;
}

static void only_what_nobody_waits_for_makes_room(void **state)
{
	struct temp *temp = *state;
	uint32_t number = 0;

	fill_requests(temp);
	assert_int_equal(add_request(temp, 7, NOW, NULL), BL_INVALID);
	assert_int_equal(device_request_refuse(temp->store, "RMA-1", 20, BEN, NULL), BL_OK);
	assert_int_equal(device_request_refuse(temp->store, "RMA-1", 9, BEN, NULL), BL_OK);
	assert_int_equal(add_request(temp, 7, NOW, &number), BL_OK);
	assert_int_equal(number, DEVICE_REQUESTS + 1); /* never one that was given before */
	assert_false(has_request(temp, 9));
	assert_true(has_request(temp, 20));
	assert_int_equal(add_request(temp, 7, NOW, NULL), BL_OK);
	assert_false(has_request(temp, 20));
	assert_int_equal(add_request(temp, 7, NOW, NULL), BL_INVALID);
	/* The first was made at NOW. */
	assert_int_equal(add_request(temp, 7, NOW + DEVICE_REQUEST_DAYS * DAY, NULL), BL_OK);
	assert_false(has_request(temp, 1));
	assert_true(has_request(temp, 2));
}

static void approvals_are_of_others_once_and_in_time(void **state)
{
	static const struct {
		uint32_t number;
		uid_t by;
		int64_t at_unix;
		enum bl_status status;
	} ROWS[] = {
		{1, ANNA, NOW, BL_FORBIDDEN},
		{1, BEN, NOW + 1, BL_OK},
		{1, BEN, NOW + 2, BL_EXISTS},
		{1, CARLA, NOW + 2, BL_OK},
		{1, CARLA + 1, -1, BL_INVALID},
		{1, CARLA + 1, NOW + DEVICE_REQUEST_DAYS * DAY, BL_FORBIDDEN},
		{1, CARLA + 1, NOW + DEVICE_REQUEST_DAYS * DAY - 1, BL_OK},
		{2, BEN, NOW, BL_FORBIDDEN}, /* refused */
		{0, BEN, NOW, BL_NOT_FOUND},
		{3, BEN, NOW, BL_NOT_FOUND},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(add_request(temp, ANNA, NOW, NULL), BL_OK);
	assert_int_equal(add_request(temp, ANNA, NOW, NULL), BL_OK);
	assert_int_equal(device_request_refuse(temp->store, "RMA-1", 2, BEN, NULL), BL_OK);
	assert_int_equal(device_request_refuse(temp->store, "RMA-1", 2, BEN, NULL), BL_EXISTS);
	assert_int_equal(device_request_refuse(temp->store, "RMA-1", 3, BEN, NULL), BL_NOT_FOUND);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		enum bl_status status = approve(temp, ROWS[i].number, ROWS[i].by, ROWS[i].at_unix);

		if (status != ROWS[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
	for (unsigned i = 0; i < DEVICE_APPROVALS - 3; i++)
		assert_int_equal(approve(temp, 1, 70000 + i, NOW), BL_OK);
	assert_int_equal(approve(temp, 1, 80000, NOW), BL_INVALID);
}

/* ---- dates -------------------------------------------------------------------------------------------- */

static ino_t stored_inode(struct temp *temp)
{
	struct stat st;

	assert_int_equal(stat(temp_path(temp, STORED), &st), 0);
	return st.st_ino;
}

/* Each writing makes a new file; the old one is kept open, so that its number is not given again. */
static void looks_are_written_once_a_minute(void **state)
{
	static const struct {
		int64_t at_unix, last_open_unix;
		bool is_written;
	} ROWS[] = {
		{NOW + 1, NOW, false},	     {NOW + 59, NOW, false},
		{NOW - DAY, NOW, false},     {NOW + 60, NOW + 60, true},
		{NOW + 61, NOW + 60, false}, {NOW + DAY, NOW + DAY, true},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_opened(temp->store, "RMA-1", NOW, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(fd_close) int fd = open(temp_path(temp, STORED), O_RDONLY | O_CLOEXEC);
		ino_t before = stored_inode(temp);

		assert_int_equal(device_opened(temp->store, "RMA-1", ROWS[i].at_unix, NULL), BL_OK);

		BL_CLEANUP(device_facts_free)
		struct device_facts *facts = read_facts(temp, "RMA-1");

		if (facts->last_open_unix != ROWS[i].last_open_unix ||
		    (stored_inode(temp) != before) != ROWS[i].is_written)
			fail_msg("row %zu: %lld", i, (long long)facts->last_open_unix);
	}
}

static void early_shred_is_never_put_off(void **state)
{
	static const struct {
		int64_t at_unix, wanted;
		uid_t wanted_by;
		enum bl_status status;
	} ROWS[] = {
		{0, 0, UINT32_MAX, BL_INVALID},	     {-1, 0, UINT32_MAX, BL_INVALID},
		{NOW, NOW, ANNA + 2, BL_OK},	     {NOW + DAY, NOW, ANNA + 2, BL_OK},
		{NOW - 1, NOW - 1, ANNA + 4, BL_OK},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		enum bl_status status = device_early_shred_set(
			temp->store, "RMA-1", ANNA + (uid_t)i, ROWS[i].at_unix, NULL);
		BL_CLEANUP(device_facts_free)
		struct device_facts *facts = read_facts(temp, "RMA-1");

		if (status != ROWS[i].status || facts->early_shred_unix != ROWS[i].wanted ||
		    facts->early_shred_by != ROWS[i].wanted_by)
			fail_msg("row %zu: %s, %lld", i, bl_status_name(status),
				 (long long)facts->early_shred_unix);
	}
}

/* ---- at rest -------------------------------------------------------------------------------------------- */

static bool holds_plain(const char *path, size_t size)
{
	static const char *const PLANTED[] = {REASON, "planted folder", "T-planted",
					      "planted-purpose"};
	BL_CLEANUP(bl_free) char *bytes = malloc(size + 1);
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(bytes && fd >= 0);
	assert_int_equal(read(fd, bytes, size), size);
	for (size_t i = 0; i < BL_COUNT(PLANTED); i++)
		if (memmem(bytes, size, PLANTED[i], strlen(PLANTED[i])))
			return true;
	return false;
}

static void assert_nothing_lies_open(struct temp *temp)
{
	char *const roots[] = {temp->store_path, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL, NULL);
	unsigned files = 0;

	assert_non_null(tree);
	for (FTSENT *entry; (entry = fts_read(tree));) {
		if (entry->fts_info != FTS_F)
			continue;
		files++;
		if (holds_plain(entry->fts_accpath, (size_t)entry->fts_statp->st_size))
			fail_msg("'%s' holds what was recorded", entry->fts_name);
	}
	fts_close(tree);
	assert_in_range(files, 3, 100);
}

static void record_planted(struct temp *temp)
{
	const struct device_check check = {
		.check = CHECK_ONE_FACTOR, .since_unix = NOW, .ticket = "T-planted"};

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(set_consent(temp, "planted-purpose", true, NOW), BL_OK);
	assert_int_equal(add_request(temp, ANNA, NOW, NULL), BL_OK);
	assert_int_equal(device_check_add(temp->store, "RMA-1", &check, NULL), BL_OK);
}

static void nothing_lies_open_in_the_store_and_a_shred_takes_it(void **state)
{
	struct temp *temp = *state;
	struct stat st;

	record_planted(temp);
	assert_int_equal(stat(temp_path(temp, STORED), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);

	/* A second name, so that what the file held can be looked at after it was unlinked. */
	char kept[160];
	struct stat after;

	snprintf(kept, sizeof(kept), "%s/kept", temp->root);
	assert_int_equal(link(temp_path(temp, STORED), kept), 0);

	BL_CLEANUP(bl_free) char *before = malloc((size_t)st.st_size);
	BL_CLEANUP(bl_free) char *wiped = malloc((size_t)st.st_size);
	BL_CLEANUP(fd_close) int fd = open(kept, O_RDONLY | O_CLOEXEC);

	assert_true(before && wiped);
	assert_int_equal(pread(fd, before, (size_t)st.st_size, 0), st.st_size);
	for (unsigned pass = 0; pass < 2; pass++) {
		assert_nothing_lies_open(temp);
		assert_int_equal(device_forget_customer(temp->store, "RMA-1", NULL), BL_OK);
	}
	assert_int_equal(access(temp_path(temp, STORED), F_OK), -1);
	assert_int_equal(pread(fd, wiped, (size_t)st.st_size, 0), st.st_size);
	assert_int_equal(fstat(fd, &after), 0);
	assert_int_equal(after.st_size, st.st_size);
	/* Sixteen bytes in a row that were there before are there no more. */
	for (off_t at = 0; at + 16 <= st.st_size; at += 16)
		assert_memory_not_equal(before + at, wiped + at, 16);

	BL_CLEANUP(device_facts_free) struct device_facts *facts = read_facts(temp, "RMA-1");

	assert_int_equal(facts->consent_count + facts->check_count + facts->request_count, 0);
}

static void flip(const char *path, off_t at)
{
	char byte;
	BL_CLEANUP(fd_close) int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void facts_that_do_not_verify_refuse_everything(void **state)
{
	struct temp *temp = *state;
	struct stat st;

	record_planted(temp);
	assert_int_equal(temp_enroll(temp, "RMA-2"), BL_OK);
	assert_int_equal(stat(temp_path(temp, STORED), &st), 0);
	for (off_t at = 0; at < st.st_size; at += 29) {
		struct device_facts *facts = NULL;
		struct bl_error why = {.text = ""};

		flip(temp_path(temp, STORED), at);
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);

		enum bl_status status = device_facts_read(temp->store, "RMA-1", &facts, &why);

		if (status != BL_TAMPERED || facts || !strstr(why.text, "RMA-1"))
			fail_msg("byte %ld: %s: %s", (long)at, bl_status_name(status), why.text);
		for (unsigned which = 0; which < WRITERS; which++)
			if (record_one(temp, which) != BL_TAMPERED)
				fail_msg("byte %ld: writer %u", (long)at, which);
		device_facts_free(read_facts(temp, "RMA-2"));
		/* Put right again it is read, without a restart. */
		flip(temp_path(temp, STORED), at);
		device_facts_free(read_facts(temp, "RMA-1"));
	}
}

static void facts_of_another_device_do_not_verify(void **state)
{
	struct temp *temp = *state;
	struct device_facts *facts = NULL;
	char other[160];

	record_planted(temp);
	assert_int_equal(temp_enroll(temp, "RMA-2"), BL_OK);
	snprintf(other, sizeof(other), "%s/store/devices/RMA-2/facts.sealed", temp->root);
	assert_int_equal(link(temp_path(temp, STORED), other), 0);
	assert_int_equal(device_facts_read(temp->store, "RMA-2", &facts, NULL), BL_TAMPERED);
	/* Nor when the key is gone and only the file was left, as in the middle of a shred. */
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	enum vault_proof proof;

	assert_int_equal(
		vault_device_destroy(device_store_vault(temp->store), "RMA-1", &proof, NULL),
		BL_OK);
	assert_int_equal(device_facts_read(temp->store, "RMA-1", &facts, NULL), BL_TAMPERED);
	assert_null(facts);
}

/* ---- many at once ------------------------------------------------------------------------------------------- */

#define THREADS 16
#define ROUNDS	6

struct worker {
	pthread_t thread;
	struct temp *temp;
	unsigned number, failed;
};

static void *work(void *context)
{
	struct worker *worker = context;
	char purpose[32];

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct device_consent consent = {.is_granted = true, .since_unix = NOW + i};
		struct device_check check = {.check = CHECK_ONE_FACTOR,
					     .by = 3 * worker->number + i,
					     .since_unix = NOW + i,
					     .ticket = "T"};
		struct device_request request = {.by = worker->number,
						 .action = ACTION_READ,
						 .reason = "r",
						 .since_unix = NOW};
		struct device_facts *facts = NULL;

		snprintf(purpose, sizeof(purpose), "p-%u", worker->number);
		memcpy(consent.purpose, purpose, sizeof(purpose));
		consent.is_granted = i % 2 == 0;
		worker->failed +=
			device_consent_set(worker->temp->store, "RMA-1", &consent, NULL) != BL_OK;
		if (i < 3)
			worker->failed += device_check_add(worker->temp->store, "RMA-1", &check,
							   NULL) != BL_OK;
		if (i < 4)
			worker->failed += device_request_add(worker->temp->store, "RMA-1", &request,
							     NULL, NULL) != BL_OK;
		if (device_facts_read(worker->temp->store, "RMA-1", &facts, NULL) != BL_OK ||
		    device_consent_of(facts, purpose) !=
			    (i % 2 ? CONSENT_WITHDRAWN : CONSENT_GRANTED))
			worker->failed++;
		device_facts_free(facts);
	}
	return NULL;
}

static void nothing_is_lost_when_many_record_at_once(void **state)
{
	struct temp *temp = *state;
	struct worker workers[THREADS];

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.temp = temp, .number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		if (workers[i].failed)
			fail_msg("worker %u: %u failed", i, workers[i].failed);
	for (unsigned pass = 0; pass < 2; pass++) {
		BL_CLEANUP(device_facts_free)
		struct device_facts *facts = read_facts(temp, "RMA-1");

		assert_int_equal(facts->consent_count, THREADS);
		assert_int_equal(facts->check_count, THREADS * 3);
		assert_int_equal(facts->request_count, THREADS * 4);
		for (size_t i = 0; i < facts->request_count; i++)
			assert_int_equal(facts->requests[i].number, i + 1);
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_recorded_is_nothing_known),
		TEST(all_that_is_recorded_comes_back_after_a_restart),
		TEST(facts_are_read_from_the_disk_once),
		TEST(consent_that_is_none_is_refused),
		TEST(check_that_is_none_is_refused),
		TEST(request_that_is_none_is_refused),
		TEST(path_may_be_as_long_as_paths_are),
		TEST(nothing_is_recorded_of_what_is_gone),
		TEST(unknown_device_is_not_found),
		TEST(earliest_withdrawal_counts_until_granted_again),
		TEST(purposes_have_a_limit_and_none_is_lost),
		TEST(consent_of_a_record_counts_from_enrolment),
		TEST(enrolment_with_a_bad_consent_leaves_nothing),
		TEST(check_counts_for_whoever_made_it_for_an_hour),
		TEST(nobody_pushes_out_the_checks_of_others),
		TEST(checks_that_are_over_make_room),
		TEST(oldest_check_makes_room),
		TEST(one_person_fills_no_more_than_their_share),
		TEST(only_what_nobody_waits_for_makes_room),
		TEST(approvals_are_of_others_once_and_in_time),
		TEST(looks_are_written_once_a_minute),
		TEST(early_shred_is_never_put_off),
		TEST(nothing_lies_open_in_the_store_and_a_shred_takes_it),
		TEST(facts_that_do_not_verify_refuse_everything),
		TEST(facts_of_another_device_do_not_verify),
		TEST(nothing_is_lost_when_many_record_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Incidents and the customer's requests are kept as documented, end once, and outlive the device. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>

#include "fs/device/private.h"
#include "tests/unit/fs/device/temp.h"

#define NOW    INT64_C(1767312000)
#define DAY    INT64_C(86400)
#define ANNA   61001
#define BEN    61002
#define ACTION "planted action of a synthetic person"
#define STORED "store/devices/RMA-1/matters.sealed"

static const uint8_t PROOF[DEVICE_DIGEST] = {1, 2, 3};

static struct device_matters *read_matters(struct temp *temp, const char *id)
{
	struct device_matters *matters = NULL;
	struct bl_error why = {.text = ""};

	if (device_matters_read(temp->store, id, &matters, &why) != BL_OK)
		fail_msg("matters of %s: %s", id, why.text);
	return matters;
}

static enum bl_status open_incident(struct temp *temp, enum incident_kind kind, int64_t at_unix,
				    uint32_t *out_number)
{
	const struct device_incident incident = {
		.kind = kind, .opened_unix = at_unix, .deadline_unix = at_unix + DAY, .by = ANNA};

	return device_incident_add(temp->store, "RMA-1", &incident, out_number, NULL);
}

static enum bl_status close_incident(struct temp *temp, uint32_t number, int64_t at_unix)
{
	return device_incident_close(temp->store, "RMA-1", number, BEN, at_unix, ACTION, NULL);
}

static enum bl_status ask_why(struct temp *temp, enum customer_request_kind kind, int64_t at_unix,
			      uint32_t *out_number, struct bl_error *why)
{
	const struct device_customer_request request = {.kind = kind,
							.since_unix = at_unix,
							.deadline_unix = at_unix + DAY,
							.by = ANNA,
							.ticket = "T-1"};

	return device_customer_request_add(temp->store, "RMA-1", &request, out_number, why);
}

static enum bl_status ask(struct temp *temp, enum customer_request_kind kind, int64_t at_unix,
			  uint32_t *out_number)
{
	return ask_why(temp, kind, at_unix, out_number, NULL);
}

static enum bl_status end_request(struct temp *temp, uint32_t number,
				  enum customer_request_state state, int64_t at_unix)
{
	return device_customer_request_end(temp->store, "RMA-1", number, state, BEN, at_unix,
					   state == CUSTOMER_DONE ? PROOF : NULL, NULL);
}

/* What changes the file: with number 1 of each there. */
static enum bl_status write_one(struct temp *temp, unsigned which)
{
	switch (which) {
	case 0:
		return open_incident(temp, INCIDENT_LOSS, NOW, NULL);
	case 1:
		return device_incident_freeze(temp->store, "RMA-1", 1, 1, NULL);
	case 2:
		return ask(temp, CUSTOMER_DISCLOSE, NOW, NULL);
	case 3:
		return close_incident(temp, 1, NOW);
	default:
		return end_request(temp, 1, CUSTOMER_REFUSED, NOW);
	}
}
#define WRITERS 5

/* ---- words ------------------------------------------------------------------------------------- */

/* docs/retention.md, "Incidents", "Requests of the customer" */
static void kinds_are_those_of_the_page(void **state)
{
	static const struct {
		const char *name;
		bool freezes;
		int64_t seconds;
	} INCIDENTS[] = {
		{"damage", false, 14 * DAY},
		{"loss", true, 3 * DAY},
		{"exposure", true, 3 * DAY},
		{"complaint", true, 30 * DAY},
	};
	static const struct {
		const char *name;
		int64_t seconds;
	} REQUESTS[] = {{"erase", 0}, {"disclose", 30 * DAY}, {"return", 30 * DAY}};
	enum customer_request_kind asked = CUSTOMER_REQUEST_KIND_COUNT;
	enum incident_kind kind = INCIDENT_KIND_COUNT;

	(void)state;
	assert_int_equal(BL_COUNT(INCIDENTS), INCIDENT_KIND_COUNT);
	for (size_t i = 0; i < BL_COUNT(INCIDENTS); i++) {
		assert_true(incident_kind_parse(INCIDENTS[i].name, &kind));
		assert_string_equal(incident_kind_name(kind), INCIDENTS[i].name);
		if (incident_freezes(kind) != INCIDENTS[i].freezes ||
		    incident_seconds(kind) != INCIDENTS[i].seconds)
			fail_msg("%s", INCIDENTS[i].name);
	}
	assert_int_equal(BL_COUNT(REQUESTS), CUSTOMER_REQUEST_KIND_COUNT);
	for (size_t i = 0; i < BL_COUNT(REQUESTS); i++) {
		assert_true(customer_request_kind_parse(REQUESTS[i].name, &asked));
		assert_string_equal(customer_request_kind_name(asked), REQUESTS[i].name);
		if (customer_request_seconds(asked) != REQUESTS[i].seconds)
			fail_msg("%s", REQUESTS[i].name);
	}
	assert_false(incident_kind_parse("theft", &kind));
	assert_false(incident_kind_parse("", &kind));
	assert_false(customer_request_kind_parse("damage", &asked));
	assert_string_equal(customer_request_state_name(CUSTOMER_OPEN), "open");
	assert_string_equal(customer_request_state_name(CUSTOMER_DONE), "done");
	assert_string_equal(customer_request_state_name(CUSTOMER_REFUSED), "refused");
}

/* ---- kept ---------------------------------------------------------------------------------------- */

static void nothing_happened_at_first(void **state)
{
	struct temp *temp = *state;
	struct device_matters *none = NULL;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);

	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");

	assert_int_equal(matters->incident_count + matters->request_count, 0);
	assert_int_equal(matters->next_incident, 1);
	assert_int_equal(matters->next_request, 1);
	assert_int_equal(device_matters_requested(matters), 0);
	assert_int_equal(access(temp_path(temp, STORED), F_OK), -1);
	assert_int_equal(device_matters_read(temp->store, "RMA-2", &none, NULL), BL_NOT_FOUND);
	assert_null(none);
	/* Nothing is frozen, closed or ended that was never there. */
	assert_int_equal(write_one(temp, 1), BL_NOT_FOUND);
	assert_int_equal(write_one(temp, 3), BL_NOT_FOUND);
	assert_int_equal(write_one(temp, 4), BL_NOT_FOUND);
}

static void all_that_happened_comes_back_after_a_restart(void **state)
{
	struct temp *temp = *state;
	uint32_t number = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_DAMAGE, NOW, &number), BL_OK);
	assert_int_equal(number, 1);
	assert_int_equal(open_incident(temp, INCIDENT_EXPOSURE, NOW + 1, &number), BL_OK);
	assert_int_equal(number, 2);
	assert_int_equal(device_incident_freeze(temp->store, "RMA-1", 2, 9, NULL), BL_OK);
	assert_int_equal(close_incident(temp, 1, NOW + 2), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_ERASE, NOW + 3, &number), BL_OK);
	assert_int_equal(number, 1);
	assert_int_equal(ask(temp, CUSTOMER_RETURN, NOW + 4, &number), BL_OK);
	assert_int_equal(number, 2);
	assert_int_equal(end_request(temp, 2, CUSTOMER_DONE, NOW + 5), BL_OK);
	for (unsigned pass = 0; pass < 2; pass++) {
		BL_CLEANUP(device_matters_free)
		struct device_matters *matters = read_matters(temp, "RMA-1");
		const struct device_incident *damage = &matters->incidents[0];
		const struct device_incident *exposure = &matters->incidents[1];
		const struct device_customer_request *erase = &matters->requests[0];
		const struct device_customer_request *back = &matters->requests[1];

		assert_int_equal(matters->incident_count, 2);
		assert_int_equal(matters->next_incident, 3);
		assert_int_equal(damage->number, 1);
		assert_int_equal(damage->kind, INCIDENT_DAMAGE);
		assert_int_equal(damage->opened_unix, NOW);
		assert_int_equal(damage->deadline_unix, NOW + DAY);
		assert_int_equal(damage->by, ANNA);
		assert_int_equal(damage->hold, 0);
		assert_true(damage->is_closed);
		assert_int_equal(damage->closed_unix, NOW + 2);
		assert_int_equal(damage->closed_by, BEN);
		assert_string_equal(damage->action, ACTION);
		assert_int_equal(exposure->kind, INCIDENT_EXPOSURE);
		assert_int_equal(exposure->hold, 9);
		assert_false(exposure->is_closed);
		assert_string_equal(exposure->action, "");
		assert_int_equal(matters->request_count, 2);
		assert_int_equal(matters->next_request, 3);
		assert_int_equal(erase->kind, CUSTOMER_ERASE);
		assert_int_equal(erase->state, CUSTOMER_OPEN);
		assert_int_equal(erase->since_unix, NOW + 3);
		assert_int_equal(erase->deadline_unix, NOW + 3 + DAY);
		assert_int_equal(erase->by, ANNA);
		assert_string_equal(erase->ticket, "T-1");
		assert_false(erase->has_proof);
		assert_int_equal(back->kind, CUSTOMER_RETURN);
		assert_int_equal(back->state, CUSTOMER_DONE);
		assert_int_equal(back->ended_unix, NOW + 5);
		assert_int_equal(back->ended_by, BEN);
		assert_true(back->has_proof);
		assert_memory_equal(back->proof, PROOF, DEVICE_DIGEST);
		assert_int_equal(device_matters_requested(matters), NOW + 3);
		assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	}
}

/* What the caller wrote into the places that are not theirs is not taken. */
static void only_what_is_the_callers_is_taken(void **state)
{
	struct temp *temp = *state;
	const struct device_incident incident = {.number = 77,
						 .kind = INCIDENT_LOSS,
						 .opened_unix = NOW,
						 .deadline_unix = NOW,
						 .is_closed = true,
						 .closed_unix = NOW,
						 .closed_by = BEN,
						 .action = ACTION};
	const struct device_customer_request request = {.number = 77,
							.kind = CUSTOMER_ERASE,
							.state = CUSTOMER_DONE,
							.since_unix = NOW,
							.deadline_unix = NOW,
							.ticket = "T",
							.ended_unix = NOW,
							.ended_by = BEN,
							.has_proof = true,
							.proof = {1}};
	uint32_t number = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_incident_add(temp->store, "RMA-1", &incident, &number, NULL),
			 BL_OK);
	assert_int_equal(number, 1);
	assert_int_equal(device_customer_request_add(temp->store, "RMA-1", &request, &number, NULL),
			 BL_OK);
	assert_int_equal(number, 1);
	/* The decoder would refuse an open one with an end. */
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");

	assert_false(matters->incidents[0].is_closed);
	assert_string_equal(matters->incidents[0].action, "");
	assert_int_equal(matters->requests[0].state, CUSTOMER_OPEN);
	assert_false(matters->requests[0].has_proof);
}

static void matters_are_read_from_the_disk_once(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_LOSS, NOW, NULL), BL_OK);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	device_matters_free(read_matters(temp, "RMA-1"));
	assert_int_equal(unlink(temp_path(temp, STORED)), 0);

	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");

	assert_int_equal(matters->incident_count, 1);
}

/* ---- what is refused ----------------------------------------------------------------------------- */

#define LAST	INT64_C(253402300799)
#define LONG_63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"

static void incident_that_is_none_is_refused(void **state)
{
	static const struct {
		struct device_incident incident;
		enum bl_status status;
	} ROWS[] = {
		{{.kind = INCIDENT_LOSS, .opened_unix = 1, .deadline_unix = 1}, BL_OK},
		{{.kind = INCIDENT_LOSS, .opened_unix = LAST, .deadline_unix = LAST}, BL_OK},
		{{.kind = INCIDENT_KIND_COUNT, .opened_unix = 1, .deadline_unix = 1}, BL_INVALID},
		{{.kind = (enum incident_kind) - 1, .opened_unix = 1, .deadline_unix = 1},
		 BL_INVALID},
		{{.kind = INCIDENT_LOSS, .opened_unix = 0, .deadline_unix = 1}, BL_INVALID},
		{{.kind = INCIDENT_LOSS, .opened_unix = -1, .deadline_unix = 1}, BL_INVALID},
		{{.kind = INCIDENT_LOSS, .opened_unix = 2, .deadline_unix = 1}, BL_INVALID},
		{{.kind = INCIDENT_LOSS, .opened_unix = 2, .deadline_unix = -1}, BL_INVALID},
		{{.kind = INCIDENT_LOSS, .opened_unix = 1, .deadline_unix = LAST + 1}, BL_INVALID},
		{{.kind = INCIDENT_LOSS, .opened_unix = LAST + 1, .deadline_unix = LAST + 1},
		 BL_INVALID},
		{{.kind = INCIDENT_LOSS, .opened_unix = 1, .deadline_unix = INT64_MAX}, BL_INVALID},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		enum bl_status status =
			device_incident_add(temp->store, "RMA-1", &ROWS[i].incident, NULL, &why);

		if (status != ROWS[i].status || (status != BL_OK && !*why.text))
			fail_msg("row %zu: %s: '%s'", i, bl_status_name(status), why.text);
	}
	/* What was taken can be read again. */
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	device_matters_free(read_matters(temp, "RMA-1"));
}

static void request_that_is_none_is_refused(void **state)
{
	static const struct {
		enum customer_request_kind kind;
		const char *ticket;
		int64_t since_unix, deadline_unix;
		enum bl_status status;
	} ROWS[] = {
		{CUSTOMER_ERASE, "A.b_c-9", NOW, NOW, BL_OK},
		{CUSTOMER_RETURN, LONG_63, NOW, LAST, BL_OK},
		{CUSTOMER_REQUEST_KIND_COUNT, "T", NOW, NOW, BL_INVALID},
		{CUSTOMER_DISCLOSE, "", NOW, NOW, BL_INVALID},
		{CUSTOMER_DISCLOSE, "T 1", NOW, NOW, BL_INVALID},
		{CUSTOMER_DISCLOSE, "T/1", NOW, NOW, BL_INVALID},
		{CUSTOMER_DISCLOSE, "T\"", NOW, NOW, BL_INVALID},
		{CUSTOMER_DISCLOSE, "T\n", NOW, NOW, BL_INVALID},
		{CUSTOMER_DISCLOSE, "T", 0, NOW, BL_INVALID},
		{CUSTOMER_DISCLOSE, "T", NOW, NOW - 1, BL_INVALID},
		{CUSTOMER_DISCLOSE, "T", NOW, LAST + 1, BL_INVALID},
		{CUSTOMER_DISCLOSE, "T", NOW, NOW, BL_OK},
	};
	struct temp *temp = *state;
	struct device_customer_request endless = {
		.kind = CUSTOMER_RETURN, .since_unix = NOW, .deadline_unix = NOW};

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct device_customer_request request = {.kind = ROWS[i].kind,
							  .since_unix = ROWS[i].since_unix,
							  .deadline_unix = ROWS[i].deadline_unix};
		struct bl_error why = {.text = ""};

		snprintf(request.ticket, sizeof(request.ticket), "%s", ROWS[i].ticket);

		enum bl_status status =
			device_customer_request_add(temp->store, "RMA-1", &request, NULL, &why);

		if (status != ROWS[i].status || (status != BL_OK && !*why.text))
			fail_msg("row %zu: %s: '%s'", i, bl_status_name(status), why.text);
	}
	memset(endless.ticket, 'T', sizeof(endless.ticket));
	assert_int_equal(device_customer_request_add(temp->store, "RMA-1", &endless, NULL, NULL),
			 BL_INVALID);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	device_matters_free(read_matters(temp, "RMA-1"));
}

static void incident_closes_once_and_with_an_action(void **state)
{
	static const struct {
		uint32_t number;
		const char *action;
		int64_t at_unix;
		enum bl_status status;
	} ROWS[] = {
		{2, ACTION, NOW, BL_NOT_FOUND},
		{0, ACTION, NOW, BL_NOT_FOUND},
		{1, NULL, NOW, BL_INVALID},
		{1, "", NOW, BL_INVALID},
		{1, "two\nlines", NOW, BL_INVALID},
		{1, "\xff", NOW, BL_INVALID},
		{1, "\xe2\x80\xae", NOW, BL_INVALID},
		{1, LONG_63 LONG_63 LONG_63 LONG_63 "1234", NOW, BL_INVALID},
		{1, ACTION, 0, BL_INVALID},
		{1, ACTION, LAST + 1, BL_INVALID},
		{1, LONG_63 LONG_63 LONG_63 LONG_63 "123", NOW, BL_OK},
		{1, ACTION, NOW, BL_EXISTS},
		{1, "", NOW, BL_EXISTS},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_LOSS, NOW, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		enum bl_status status =
			device_incident_close(temp->store, "RMA-1", ROWS[i].number, BEN,
					      ROWS[i].at_unix, ROWS[i].action, &why);
		BL_CLEANUP(device_matters_free)
		struct device_matters *matters = read_matters(temp, "RMA-1");

		if (status != ROWS[i].status || (status != BL_OK && !*why.text))
			fail_msg("row %zu: %s: '%s'", i, bl_status_name(status), why.text);
		if (matters->incidents[0].is_closed != (i >= 10))
			fail_msg("row %zu: is_closed %d", i, matters->incidents[0].is_closed);
	}
}

static void incident_names_the_one_hold_that_it_placed(void **state)
{
	static const struct {
		uint32_t number, hold;
		enum bl_status status;
	} ROWS[] = {
		{3, 1, BL_NOT_FOUND}, {1, 0, BL_INVALID}, {1, 4, BL_OK},
		{1, 4, BL_OK},	      {1, 5, BL_EXISTS},  {2, 5, BL_EXISTS}, /* closed */
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_LOSS, NOW, NULL), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_LOSS, NOW, NULL), BL_OK);
	assert_int_equal(close_incident(temp, 2, NOW), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		enum bl_status status = device_incident_freeze(temp->store, "RMA-1", ROWS[i].number,
							       ROWS[i].hold, NULL);

		if (status != ROWS[i].status)
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}

	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");

	assert_int_equal(matters->incidents[0].hold, 4);
	assert_int_equal(matters->incidents[1].hold, 0);
}

static void request_ends_once_and_is_done_with_proof_only(void **state)
{
	static const struct {
		uint32_t number;
		enum customer_request_state ends;
		const uint8_t *proof;
		int64_t at_unix;
		enum bl_status status;
	} ROWS[] = {
		{3, CUSTOMER_DONE, PROOF, NOW, BL_NOT_FOUND},
		{0, CUSTOMER_DONE, PROOF, NOW, BL_NOT_FOUND},
		{1, CUSTOMER_OPEN, PROOF, NOW, BL_INVALID},
		{1, (enum customer_request_state)7, PROOF, NOW, BL_INVALID},
		{1, CUSTOMER_DONE, NULL, NOW, BL_INVALID},
		{1, CUSTOMER_DONE, PROOF, 0, BL_INVALID},
		{1, CUSTOMER_DONE, PROOF, LAST + 1, BL_INVALID},
		{1, CUSTOMER_DONE, PROOF, NOW, BL_OK},
		{1, CUSTOMER_DONE, PROOF, NOW, BL_EXISTS},
		{1, CUSTOMER_REFUSED, NULL, NOW, BL_EXISTS},
		{2, CUSTOMER_REFUSED, PROOF, NOW, BL_OK}, /* which it does not keep */
		{2, CUSTOMER_REFUSED, NULL, NOW, BL_EXISTS},
		{2, CUSTOMER_DONE, PROOF, NOW, BL_EXISTS},
	};
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_ERASE, NOW, NULL), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_DISCLOSE, NOW, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		enum bl_status status = device_customer_request_end(
			temp->store, "RMA-1", ROWS[i].number, ROWS[i].ends, UINT32_MAX,
			ROWS[i].at_unix, ROWS[i].proof, &why);
		BL_CLEANUP(device_matters_free)
		struct device_matters *matters = read_matters(temp, "RMA-1");

		if (status != ROWS[i].status || (status != BL_OK && !*why.text))
			fail_msg("row %zu: %s: '%s'", i, bl_status_name(status), why.text);
		if ((matters->requests[0].state == CUSTOMER_OPEN) != (i < 7) ||
		    (device_matters_requested(matters) == NOW) != (i < 7))
			fail_msg("row %zu: %s", i,
				 customer_request_state_name(matters->requests[0].state));
		if (matters->requests[0].has_proof != (i >= 7) || matters->requests[1].has_proof)
			fail_msg("row %zu: proof", i);
	}
}

static void one_request_of_a_kind_waits_at_a_time(void **state)
{
	struct temp *temp = *state;
	struct bl_error why = {.text = ""};
	uint32_t number = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_RETURN, NOW, NULL), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_ERASE, NOW + 1, NULL), BL_OK);
	assert_int_equal(ask_why(temp, CUSTOMER_ERASE, NOW + 2, NULL, &why), BL_EXISTS);
	assert_non_null(strstr(why.text, "RMA-1/2"));
	assert_int_equal(end_request(temp, 2, CUSTOMER_REFUSED, NOW + 3), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_ERASE, NOW + 4, &number), BL_OK);
	assert_int_equal(number, 3);

	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");

	assert_int_equal(matters->request_count, 3);
	/* The one that was refused starts no date any more. */
	assert_int_equal(device_matters_requested(matters), NOW + 4);
}

/* ---- limits ---------------------------------------------------------------------------------------- */

static bool has_incident(struct temp *temp, uint32_t number)
{
	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");

	return device_incident_find(matters, number) != NULL;
}

static void what_is_closed_longest_makes_room_and_what_is_open_never(void **state)
{
	struct temp *temp = *state;
	uint32_t number = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (unsigned i = 0; i < MATTERS_INCIDENTS; i++)
		assert_int_equal(open_incident(temp, INCIDENT_DAMAGE, NOW + i, NULL), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_DAMAGE, NOW + 99, NULL), BL_TOO_LARGE);
	assert_int_equal(close_incident(temp, 3, NOW + 300), BL_OK);
	assert_int_equal(close_incident(temp, 60, NOW + 200), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_DAMAGE, NOW + 400, &number), BL_OK);
	assert_int_equal(number, MATTERS_INCIDENTS + 1);
	assert_false(has_incident(temp, 60));
	assert_true(has_incident(temp, 3));
	assert_int_equal(open_incident(temp, INCIDENT_DAMAGE, NOW + 401, &number), BL_OK);
	assert_int_equal(number, MATTERS_INCIDENTS + 2);
	assert_false(has_incident(temp, 3));
	assert_int_equal(open_incident(temp, INCIDENT_DAMAGE, NOW + 402, NULL), BL_TOO_LARGE);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	for (uint32_t i = 1; i <= MATTERS_INCIDENTS + 2; i++)
		if (has_incident(temp, i) != (i != 3 && i != 60))
			fail_msg("incident %u", (unsigned)i);
}

static void requests_that_ended_longest_make_room_and_numbers_grow(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_ERASE, NOW, NULL), BL_OK);
	for (uint32_t i = 2; i <= MATTERS_REQUESTS + 3; i++) {
		uint32_t number = 0;

		assert_int_equal(ask(temp, CUSTOMER_DISCLOSE, NOW + i, &number), BL_OK);
		assert_int_equal(number, i);
		assert_int_equal(end_request(temp, number, CUSTOMER_DONE, NOW + i), BL_OK);
	}
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");

	assert_int_equal(matters->request_count, MATTERS_REQUESTS);
	assert_int_equal(matters->requests[0].number, 1); /* open: it stays */
	assert_int_equal(matters->requests[1].number, 5);
	assert_int_equal(matters->next_request, MATTERS_REQUESTS + 4);
	assert_int_equal(device_matters_requested(matters), NOW);
}

static void numbers_come_to_an_end(void **state)
{
	struct temp *temp = *state;
	BL_CLEANUP(device_matters_free) struct device_matters *matters = matters_new();
	PLAIN_CLEANUP struct plain plain = {0};
	BL_CLEANUP(fd_close) int fd = -1;

	assert_non_null(matters);
	matters->next_incident = matters->next_request = UINT32_MAX;
	assert_int_equal(matters_encode(matters, &plain), BL_OK);
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(secret_put(device_store_vault(temp->store), "RMA-1", fd, SECRET_MATTERS,
				    &plain, NULL),
			 BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_LOSS, NOW, NULL), BL_TOO_LARGE);
	assert_int_equal(ask(temp, CUSTOMER_ERASE, NOW, NULL), BL_TOO_LARGE);
}

/* ---- states of the device ------------------------------------------------------------------------ */

static void become(struct temp *temp, enum bl_device_state state)
{
	struct bl_error why = {.text = ""};

	if (device_set_state(temp->store, "RMA-1", state, NOW, &why) != BL_OK)
		fail_msg("%s", why.text);
}

static void shred(struct temp *temp)
{
	enum vault_proof proof;

	become(temp, STATE_DUE);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(
		vault_device_destroy(device_store_vault(temp->store), "RMA-1", &proof, NULL),
		BL_OK);
	assert_int_equal(device_forget_customer(temp->store, "RMA-1", NULL), BL_OK);
	become(temp, STATE_SHREDDED);
}

static void matters_outlive_the_device_and_its_key(void **state)
{
	struct temp *temp = *state;
	struct bl_error why = {.text = ""};

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_DAMAGE, NOW, NULL), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_ERASE, NOW, NULL), BL_OK);
	shred(temp);
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	/* Somebody complains afterwards; wants to know; what they asked for is done by now. */
	assert_int_equal(open_incident(temp, INCIDENT_COMPLAINT, NOW, NULL), BL_OK);
	assert_int_equal(close_incident(temp, 1, NOW), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_DISCLOSE, NOW, NULL), BL_OK);
	assert_int_equal(end_request(temp, 1, CUSTOMER_DONE, NOW), BL_OK);
	/* There is nothing to destroy or to give back. */
	assert_int_equal(ask_why(temp, CUSTOMER_ERASE, NOW, NULL, &why), BL_INVALID);
	assert_non_null(strstr(why.text, "bailee certificate show RMA-1"));
	assert_int_equal(ask(temp, CUSTOMER_RETURN, NOW, NULL), BL_INVALID);

	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");

	assert_int_equal(matters->incident_count, 2);
	assert_int_equal(matters->request_count, 2);
}

static void of_what_is_being_destroyed_nothing_is_returned(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	become(temp, STATE_DUE);
	assert_int_equal(device_shred_begin(temp->store, "RMA-1", NULL), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_RETURN, NOW, NULL), BL_INVALID);
	assert_int_equal(ask(temp, CUSTOMER_ERASE, NOW, NULL), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_DISCLOSE, NOW, NULL), BL_OK);
}

static void what_is_released_is_only_brought_to_its_end(void **state)
{
	struct temp *temp = *state;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_DAMAGE, NOW, NULL), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_DISCLOSE, NOW, NULL), BL_OK);
	become(temp, STATE_RELEASED);
	assert_int_equal(open_incident(temp, INCIDENT_DAMAGE, NOW, NULL), BL_INVALID);
	assert_int_equal(device_incident_freeze(temp->store, "RMA-1", 1, 1, NULL), BL_INVALID);
	for (int i = 0; i < CUSTOMER_REQUEST_KIND_COUNT; i++)
		assert_int_equal(ask(temp, (enum customer_request_kind)i, NOW, NULL), BL_INVALID);
	assert_int_equal(close_incident(temp, 1, NOW), BL_OK);
	assert_int_equal(end_request(temp, 1, CUSTOMER_DONE, NOW), BL_OK);
}

/* ---- what somebody did to the file --------------------------------------------------------------- */

static char *sealed_of(struct temp *temp, const char *id, size_t *out_length)
{
	BL_CLEANUP(fd_close) int fd = -1;
	char *bytes = NULL;

	assert_int_equal(device_folder(temp->store, id, &fd, NULL), BL_OK);
	assert_int_equal(file_get(fd, "matters.sealed", &bytes, out_length, NULL), BL_OK);
	return bytes;
}

/* With a line that is right, into a store that has read nothing yet. */
static void put_sealed(struct temp *temp, const char *bytes, size_t length)
{
	BL_CLEANUP(fd_close) int fd = -1;

	assert_int_equal(temp_reopen(temp, NULL), BL_OK);
	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(file_put(fd, "matters.sealed", bytes, length, NULL), BL_OK);
}

/* Nobody reads it as if nothing had happened, and nothing is written over it. */
static void assert_tampered(struct temp *temp, const char *what)
{
	struct device_matters *matters = NULL;
	struct bl_error why = {.text = ""};

	if (device_matters_read(temp->store, "RMA-1", &matters, &why) != BL_TAMPERED || matters ||
	    !*why.text)
		fail_msg("%s: read: '%s'", what, why.text);
	for (unsigned which = 0; which < WRITERS; which++)
		if (write_one(temp, which) != BL_TAMPERED)
			fail_msg("%s: writer %u", what, which);
}

static void file_that_is_not_as_it_was_is_refused_and_left_alone(void **state)
{
	static const size_t PLACES[] = {0, 12, 24, 40};
	struct temp *temp = *state;
	size_t length = 0, length_after = 0;
	char what[32];

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_LOSS, NOW, NULL), BL_OK);
	assert_int_equal(ask(temp, CUSTOMER_ERASE, NOW, NULL), BL_OK);

	BL_CLEANUP(bl_free) char *bytes = sealed_of(temp, "RMA-1", &length);

	assert_true(length > 200);
	for (size_t i = 0; i <= BL_COUNT(PLACES); i++) {
		size_t at = i < BL_COUNT(PLACES) ? PLACES[i] : length - 1;

		bytes[at] = (char)(bytes[at] ^ 1);
		put_sealed(temp, bytes, length);
		bytes[at] = (char)(bytes[at] ^ 1);
		snprintf(what, sizeof(what), "byte %zu", at);
		assert_tampered(temp, what);
	}
	for (size_t cut = 0; cut < length; cut += 37) {
		put_sealed(temp, bytes, cut);
		snprintf(what, sizeof(what), "%zu bytes", cut);
		assert_tampered(temp, what);
	}
	/* Put back it is taken again, without a restart. */
	BL_CLEANUP(fd_close) int fd = -1;

	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(file_put(fd, "matters.sealed", bytes, length, NULL), BL_OK);

	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");
	BL_CLEANUP(bl_free) char *after = sealed_of(temp, "RMA-1", &length_after);

	assert_int_equal(matters->incident_count, 1);
	assert_int_equal(length_after, length);
	assert_memory_equal(after, bytes, length);
}

static void file_of_another_device_is_refused(void **state)
{
	struct temp *temp = *state;
	const struct device_incident incident = {
		.kind = INCIDENT_LOSS, .opened_unix = NOW, .deadline_unix = NOW};
	size_t length = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(temp_enroll(temp, "RMA-2"), BL_OK);
	assert_int_equal(device_incident_add(temp->store, "RMA-2", &incident, NULL, NULL), BL_OK);

	BL_CLEANUP(bl_free) char *bytes = sealed_of(temp, "RMA-2", &length);

	put_sealed(temp, bytes, length);
	assert_tampered(temp, "of another device");
}

/* Sealed by Bailee, but of a version that is not this one. */
static void file_of_another_version_is_refused(void **state)
{
	static const char LATER[] = "{\"incidents\":[],\"next_incident\":1,\"next_request\":1,"
				    "\"requests\":[],\"version\":2}";
	struct temp *temp = *state;
	uint8_t bytes[sizeof(LATER)];
	const struct plain plain = {.bytes = bytes, .length = sizeof(LATER) - 1};
	BL_CLEANUP(fd_close) int fd = -1;

	memcpy(bytes, LATER, sizeof(LATER));
	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(device_folder(temp->store, "RMA-1", &fd, NULL), BL_OK);
	assert_int_equal(secret_put(device_store_vault(temp->store), "RMA-1", fd, SECRET_MATTERS,
				    &plain, NULL),
			 BL_OK);
	assert_tampered(temp, "of another version");
	/* It was not kept: what an operator puts in its place counts at once. */
	assert_int_equal(unlink(temp_path(temp, STORED)), 0);
	assert_int_equal(write_one(temp, 0), BL_OK);
}

static void nothing_of_them_lies_in_the_store_in_plain(void **state)
{
	struct temp *temp = *state;
	struct stat st;
	size_t length = 0;

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	assert_int_equal(open_incident(temp, INCIDENT_LOSS, NOW, NULL), BL_OK);
	assert_int_equal(close_incident(temp, 1, NOW), BL_OK);

	BL_CLEANUP(bl_free) char *bytes = sealed_of(temp, "RMA-1", &length);

	assert_null(memmem(bytes, length, "planted", 7));
	assert_null(memmem(bytes, length, "incidents", 9));
	assert_int_equal(stat(temp_path(temp, STORED), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* ---- at once --------------------------------------------------------------------------------------- */

#define EACH (MATTERS_INCIDENTS / 2)

struct adder {
	struct temp *temp;
	uint32_t numbers[EACH];
	enum bl_status status;
};

static void *add_incidents(void *context)
{
	struct adder *adder = context;

	for (unsigned i = 0; i < EACH && adder->status == BL_OK; i++)
		adder->status =
			open_incident(adder->temp, INCIDENT_DAMAGE, NOW + i, &adder->numbers[i]);
	return NULL;
}

static void two_who_add_at_once_both_get_numbers_of_their_own(void **state)
{
	struct temp *temp = *state;
	struct adder adders[2] = {{.temp = temp}, {.temp = temp}};
	bool was_given[MATTERS_INCIDENTS + 1] = {false};
	pthread_t threads[2];

	assert_int_equal(temp_enroll(temp, "RMA-1"), BL_OK);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_incidents, &adders[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(adders[i].status, BL_OK);
		for (unsigned k = 0; k < EACH; k++) {
			uint32_t number = adders[i].numbers[k];

			if (number < 1 || number > MATTERS_INCIDENTS || was_given[number])
				fail_msg("number %u", (unsigned)number);
			was_given[number] = true;
		}
	}
	assert_int_equal(temp_reopen(temp, NULL), BL_OK);

	BL_CLEANUP(device_matters_free)
	struct device_matters *matters = read_matters(temp, "RMA-1");

	assert_int_equal(matters->incident_count, MATTERS_INCIDENTS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_those_of_the_page),
		TEST(nothing_happened_at_first),
		TEST(all_that_happened_comes_back_after_a_restart),
		TEST(only_what_is_the_callers_is_taken),
		TEST(matters_are_read_from_the_disk_once),
		TEST(incident_that_is_none_is_refused),
		TEST(request_that_is_none_is_refused),
		TEST(incident_closes_once_and_with_an_action),
		TEST(incident_names_the_one_hold_that_it_placed),
		TEST(request_ends_once_and_is_done_with_proof_only),
		TEST(one_request_of_a_kind_waits_at_a_time),
		TEST(what_is_closed_longest_makes_room_and_what_is_open_never),
		TEST(requests_that_ended_longest_make_room_and_numbers_grow),
		TEST(numbers_come_to_an_end),
		TEST(matters_outlive_the_device_and_its_key),
		TEST(of_what_is_being_destroyed_nothing_is_returned),
		TEST(what_is_released_is_only_brought_to_its_end),
		TEST(file_that_is_not_as_it_was_is_refused_and_left_alone),
		TEST(file_of_another_device_is_refused),
		TEST(file_of_another_version_is_refused),
		TEST(nothing_of_them_lies_in_the_store_in_plain),
		TEST(two_who_add_at_once_both_get_numbers_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

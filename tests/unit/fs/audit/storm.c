/* Denials without end: gathered kind by kind, each answered once, each counted, whatever else is going on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/storm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

static int setup(void **state)
{
	struct storms *storms = malloc(sizeof(*storms));

	if (!storms)
		return -1;
	storms_init(storms);
	*state = storms;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static struct audit_event denial(unsigned kind)
{
	struct audit_event event = {.op = AUDIT_READ,
				    .verdict = AUDIT_DENIED,
				    .uid = 61000,
				    .gid = 61000,
				    .pid = 400,
				    .login_uid = UINT32_MAX,
				    .view = 7,
				    .device = "RMA-1001",
				    .rule = "nobody-reads",
				    .error_number = EACCES,
				    .policy_serial = 3};

	bl_put32(event.token, kind + 1);
	return event;
}

/* ---- one kind -------------------------------------------------------------------------------- */

/* @count denials of one kind, @apart_ns from each other; how many of them were gathered */
static unsigned deny(struct storms *storms, unsigned kind, unsigned count, int64_t at_ns,
		     int64_t apart_ns, struct audit_ticket *tickets)
{
	struct audit_event event = denial(kind);
	unsigned gathered = 0;

	for (unsigned i = 0; i < count; i++)
		gathered += storms_take(storms, &event, at_ns + i * apart_ns, &tickets[i]);
	return gathered;
}

static unsigned count_tickets(const struct audit_ticket *tickets)
{
	unsigned count = 0;

	for (; tickets; tickets = tickets->next)
		count++;
	return count;
}

static void the_33rd_denial_within_a_second_is_the_first_that_is_gathered(void **state)
{
	static const struct {
		const char *what;
		unsigned count;
		int64_t apart_ns;
		unsigned gathered;
	} ROWS[] = {
		{"none too many", 32, MS, 0},
		{"one too many", 33, MS, 1},
		{"all at one moment", 40, 0, 8},
		{"the last of them just within the second", 33, SECOND / 33, 1},
		{"the last of them a second after the first", 33, SECOND / 32, 0},
		{"for a long time, but not often", 200, 40 * MS, 0},
	};
	static struct audit_ticket tickets[200];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct storms *storms = malloc(sizeof(*storms));
		unsigned gathered;

		assert_non_null(storms);
		storms_init(storms);
		gathered = deny(storms, 1, ROWS[i].count, SECOND, ROWS[i].apart_ns, tickets);
		free(storms);
		if (gathered != ROWS[i].gathered)
			fail_msg("%s: %u of %u were gathered, not %u", ROWS[i].what, gathered,
				 ROWS[i].count, ROWS[i].gathered);
	}
}

static void what_is_gathered_is_told_with_its_first_event_and_its_number(void **state)
{
	struct storms *storms = *state;
	static struct audit_ticket tickets[STORM_FREE + 5];
	struct audit_event event = denial(1), told;
	struct audit_ticket *who = NULL;

	assert_int_equal(deny(storms, 1, STORM_FREE, SECOND, 0, tickets), 0);
	for (unsigned i = 0; i < 5; i++) {
		event.pid = 500 + i;
		event.offset = 4096 * i;
		event.repeats = 77; /* whoever submits has no say in it */
		assert_true(storms_take(storms, &event, SECOND + i * MS, &tickets[STORM_FREE + i]));
	}
	assert_int_equal(storms_due(storms), SECOND + STORM_DELAY_NS);
	assert_false(storms_next(storms, SECOND + STORM_DELAY_NS - 1, &told, &who));
	assert_true(storms_next(storms, SECOND + STORM_DELAY_NS, &told, &who));
	assert_int_equal(told.repeats, 4);
	assert_int_equal(told.pid, 500);
	assert_int_equal(told.offset, 0);
	for (unsigned i = 0; i < 5; i++, who = who->next)
		assert_ptr_equal(who, &tickets[STORM_FREE + i]);
	assert_null(who);
	assert_int_equal(storms_due(storms), INT64_MAX);
	assert_false(storms_next(storms, INT64_MAX, &told, &who));
}

static void a_storm_ends_when_a_second_passed_without_any(void **state)
{
	static const struct {
		const char *what;
		int64_t pause_ns;
		unsigned gathered;
	} ROWS[] = {
		{"at once", 0, 3},
		{"a moment less than a second later", SECOND - 1, 3},
		{"a second later", SECOND, 0},
		{"an hour later", 3600 * SECOND, 0},
	};
	static struct audit_ticket tickets[64];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct storms *storms = malloc(sizeof(*storms));
		struct audit_event told;
		struct audit_ticket *who;
		unsigned gathered;

		assert_non_null(storms);
		storms_init(storms);
		assert_int_equal(deny(storms, 1, 40, SECOND, 0, tickets), 8);
		assert_true(storms_next(storms, INT64_MAX, &told, &who));
		gathered = deny(storms, 1, 3, SECOND + ROWS[i].pause_ns, 0, tickets);
		free(storms);
		if (gathered != ROWS[i].gathered)
			fail_msg("%s: %u were gathered, not %u", ROWS[i].what, gathered,
				 ROWS[i].gathered);
	}
}

static void who_comes_while_others_still_wait_is_told_with_them(void **state)
{
	struct storms *storms = *state;
	static struct audit_ticket tickets[64], late;
	struct audit_event event = denial(1), told;
	struct audit_ticket *who;

	/* The disk was away for a minute, nobody could be told. */
	assert_int_equal(deny(storms, 1, 40, SECOND, 0, tickets), 8);
	assert_true(storms_take(storms, &event, 60 * SECOND, &late));
	assert_int_equal(storms_due(storms), SECOND + STORM_DELAY_NS);
	assert_true(storms_next(storms, 60 * SECOND, &told, &who));
	assert_int_equal(told.repeats, 8);
	assert_int_equal(count_tickets(who), 9);
}

static void set_uid(struct audit_event *event)
{
	event->uid++;
}

static void set_view(struct audit_event *event)
{
	event->view++;
}

static void set_op(struct audit_event *event)
{
	event->op = AUDIT_OPEN;
}

static void set_verdict(struct audit_event *event)
{
	event->verdict = AUDIT_WITHHELD;
}

static void set_errno(struct audit_event *event)
{
	event->error_number = EIO;
}

static void set_rule(struct audit_event *event)
{
	strcpy(event->rule, "nobody-read");
}

static void set_device(struct audit_event *event)
{
	strcpy(event->device, "RMA-1001n");
}

static void set_token(struct audit_event *event)
{
	event->token[AUDIT_TOKEN - 1] ^= 1;
}

static void move_a_letter(struct audit_event *event)
{
	strcpy(event->device, "RMA-1001n");
	strcpy(event->rule, "obody-reads");
}

static void set_what_differs_from_call_to_call(struct audit_event *event)
{
	event->pid++;
	event->offset += 4096;
	event->bytes++;
	event->handle++;
}

static void set_what_lies_behind_the_texts(struct audit_event *event)
{
	event->device[sizeof(event->device) - 1] = 'x';
	event->rule[sizeof(event->rule) - 1] = 'x';
}

static void set_no_view(struct audit_event *event)
{
	event->view = 0;
}

static void set_permitted(struct audit_event *event)
{
	event->verdict = AUDIT_PERMITTED;
}

static void only_denials_of_the_very_same_kind_are_gathered(void **state)
{
	static const struct {
		const char *what;
		void (*set)(struct audit_event *event);
		bool is_same;
	} ROWS[] = {
		{"uid", set_uid, false},
		{"view", set_view, false},
		{"op", set_op, false},
		{"verdict", set_verdict, false},
		{"errno", set_errno, false},
		{"rule", set_rule, false},
		{"device", set_device, false},
		{"token", set_token, false},
		{"device and rule, the same letters in a row", move_a_letter, false},
		{"no view", set_no_view, false},
		{"permitted", set_permitted, false},
		{"pid, offset, bytes, handle", set_what_differs_from_call_to_call, true},
		{"what lies behind the texts", set_what_lies_behind_the_texts, true},
	};
	struct storms *storms = *state;
	static struct audit_ticket tickets[64], other;

	assert_int_equal(deny(storms, 1, 40, SECOND, 0, tickets), 8);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_event event = denial(1);

		ROWS[i].set(&event);
		if (storms_take(storms, &event, SECOND + MS, &other) != ROWS[i].is_same)
			fail_msg("%s: %s", ROWS[i].what,
				 ROWS[i].is_same ? "not gathered" : "gathered");
	}
}

static void what_is_permitted_or_has_no_view_is_never_gathered(void **state)
{
	static void (*const ROWS[])(struct audit_event * event) = {set_no_view, set_permitted};
	struct audit_ticket ticket;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_event event = denial(1);

		ROWS[i](&event);
		for (unsigned n = 0; n < 1000; n++)
			if (storms_take(*state, &event, SECOND, &ticket))
				fail_msg("row %zu: call %u was gathered", i, n);
	}
	assert_int_equal(storms_due(*state), INT64_MAX);
}

static void a_clock_read_before_the_lock_does_no_harm(void **state)
{
	struct storms *storms = *state;
	static struct audit_ticket tickets[64], late;
	struct audit_event event = denial(1), told;
	struct audit_ticket *who;

	assert_int_equal(deny(storms, 1, 40, SECOND, 0, tickets), 8);
	assert_true(storms_take(storms, &event, SECOND - 3 * MS, &late));
	assert_int_equal(storms_due(storms), SECOND + STORM_DELAY_NS);
	assert_true(storms_next(storms, SECOND + STORM_DELAY_NS, &told, &who));
	assert_int_equal(count_tickets(who), 9);
}

static void a_record_that_can_count_no_more_is_told_at_once(void **state)
{
	struct storms *storms = *state;
	static struct audit_ticket tickets[STORM_FREE + 1], last, alone;
	struct audit_event event = denial(1), told;
	struct audit_ticket *who;
	struct storm *storm = NULL;

	assert_int_equal(deny(storms, 1, STORM_FREE + 1, SECOND, 0, tickets), 1);
	for (unsigned i = 0; i < STORM_KINDS; i++)
		if (storms->items[i].gathered)
			storm = &storms->items[i];
	assert_non_null(storm);
	storm->gathered = UINT32_MAX - 1; /* four thousand million of them later */
	assert_true(storms_take(storms, &event, SECOND + MS, &last));
	assert_false(storms_take(storms, &event, SECOND + 2 * MS, &alone));
	assert_true(storms_due(storms) <= SECOND + 2 * MS);
	assert_true(storms_next(storms, SECOND + 2 * MS, &told, &who));
	assert_int_equal(told.repeats, UINT32_MAX - 1);
	assert_int_equal(count_tickets(who), 2);
	assert_true(storms_take(storms, &event, SECOND + 3 * MS, &alone));
}

/* ---- more kinds than places ------------------------------------------------------------------ */

/* Denials by somebody who wants all places for himself: which kind the n-th is of, and how far apart they are. */
struct noise {
	const char *what;
	unsigned kinds; /* taken in turn; 0: each is a new one */
	unsigned burst; /* at first so many of each kind, to make it a storm */
	int64_t apart_ns;
};

static void tell_what_is_due(struct storms *storms, int64_t now_ns)
{
	struct audit_event told;
	struct audit_ticket *who;

	while (storms_next(storms, now_ns, &told, &who))
		for (struct audit_ticket *next; who; who = next) {
			next = who->next;
			free(who);
		}
}

static bool deny_once(struct storms *storms, unsigned kind, int64_t now_ns)
{
	struct audit_event event = denial(kind);
	struct audit_ticket *ticket = malloc(sizeof(*ticket));

	assert_non_null(ticket);
	if (storms_take(storms, &event, now_ns, ticket))
		return true;
	free(ticket);
	return false;
}

/* Two seconds of noise, then a storm of one call in 50 us for two seconds; how many of its calls were told one by one */
static unsigned count_ungathered(struct storms *storms, const struct noise *noise)
{
	const int64_t begin = 2 * SECOND, end = 4 * SECOND;
	unsigned ungathered = 0, n = 0;
	int64_t next_storm = begin, next_noise = 0;

	for (unsigned kind = 0; kind < noise->kinds; kind++)
		for (unsigned i = 0; i < noise->burst; i++)
			deny_once(storms, 1000 + kind, 0);
	while (next_storm < end) {
		int64_t now = BL_MIN(next_storm, next_noise);

		tell_what_is_due(storms, now);
		if (now == next_storm) {
			ungathered += !deny_once(storms, 1, now);
			next_storm += MS / 20;
		} else {
			deny_once(storms, 1000 + (noise->kinds ? n % noise->kinds : n), now);
			n++;
			next_noise += noise->apart_ns;
		}
	}
	tell_what_is_due(storms, INT64_MAX);
	return ungathered;
}

static void nobody_can_keep_a_storm_from_being_gathered(void **state)
{
	static const struct noise ROWS[] = {
		{"nothing else", 1, 0, SECOND},
		{"a new kind every 100 us", 0, 0, MS / 10},
		{"a new kind every 60 us", 0, 0, 3 * MS / 50},
		{"as many kinds as there are places, each as often as goes ungathered", 64, 0,
		 SECOND / (64 * 31)},
		{"more kinds than places, each as often as goes ungathered", 100, 0,
		 SECOND / (100 * 31)},
		{"each place a storm that is kept up by one call a second", 64, 40, SECOND / 65},
		{"each place a storm in which nearly always somebody waits", 64, 40, MS / 2},
		{"more storms than places", 200, 40, MS / 2},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct storms *storms = malloc(sizeof(*storms));
		unsigned ungathered;

		assert_non_null(storms);
		storms_init(storms);
		ungathered = count_ungathered(storms, &ROWS[i]);
		free(storms);
		/* 40,000 calls. A tenth of a second may pass until a place is free. */
		if (ungathered < STORM_FREE || ungathered > 2000 + STORM_FREE)
			fail_msg("%s: %u calls were told one by one", ROWS[i].what, ungathered);
	}
}

/* ---- against a model ------------------------------------------------------------------------- */

#define MODEL_KINDS 100u
#define MODEL_CALLS 20000u

struct model_ticket {
	struct audit_ticket ticket; /* first */
	unsigned kind;
	int64_t at_ns;
	unsigned answers;
};

struct model {
	struct model_ticket tickets[MODEL_CALLS];
	uint64_t calls[MODEL_KINDS], told[MODEL_KINDS]; /* told: sum of 1 + repeats */
	int64_t now_ns;
	uint64_t seed;
};

static uint64_t model_random(struct model *model)
{
	/* xorshift64 (Marsaglia 2003): the same every time */
	model->seed ^= model->seed << 13;
	model->seed ^= model->seed >> 7;
	model->seed ^= model->seed << 17;
	return model->seed;
}

static void model_told(struct model *model, const struct audit_event *event,
		       struct audit_ticket *who, int64_t now_ns)
{
	unsigned kind = bl_get32(event->token) - 1;
	uint64_t count = 0;

	assert_true(kind < MODEL_KINDS);
	for (struct audit_ticket *next; who; who = next, count++) {
		struct model_ticket *mine = (struct model_ticket *)who;

		next = who->next;
		mine->answers++;
		if (mine->kind != kind)
			fail_msg("a call of kind %u was told as kind %u", mine->kind, kind);
		if (now_ns != INT64_MAX && now_ns - mine->at_ns > STORM_DELAY_NS)
			fail_msg("a call of kind %u waited for %ld ns", kind,
				 (long)(now_ns - mine->at_ns));
	}
	assert_int_equal(count, 1 + (uint64_t)event->repeats);
	model->told[kind] += count;
}

/* Time goes on, and whenever something is due it is told at that very moment. */
static void model_pass(struct model *model, struct storms *storms, int64_t until_ns)
{
	for (int64_t due; (due = storms_due(storms)) <= until_ns;) {
		struct audit_event event;
		struct audit_ticket *who;

		assert_true(due >= model->now_ns);
		assert_true(storms_next(storms, due, &event, &who));
		model_told(model, &event, who, due);
		model->now_ns = due;
	}
	model->now_ns = until_ns;
}

/* Mostly a moment; at times long enough for storms to end. */
static int64_t model_pause(struct model *model)
{
	static const struct {
		unsigned below; /* of 10,000 */
		int64_t most_ns;
	} PAUSES[] = {{4000, 1},       {7000, 1000},	 {9900, MS / 10},   {9970, 5 * MS},
		      {9992, 40 * MS}, {9998, 150 * MS}, {10000, 3000 * MS}};
	uint64_t dice = model_random(model) % 10000;
	unsigned which = 0;

	while (dice >= PAUSES[which].below)
		which++;
	return (int64_t)(model_random(model) % (uint64_t)PAUSES[which].most_ns);
}

/* The kinds of low numbers come much more often. */
static unsigned model_kind(struct model *model)
{
	uint64_t most = 1 + model_random(model) % MODEL_KINDS;

	return (unsigned)(model_random(model) % most);
}

static uint64_t model_run(struct model *model, struct storms *storms, uint64_t seed)
{
	uint64_t gathered = 0;

	memset(model, 0, sizeof(*model));
	model->seed = seed;
	for (unsigned i = 0; i < MODEL_CALLS; i++) {
		struct model_ticket *mine = &model->tickets[i];
		struct audit_event event;

		mine->kind = model_kind(model);
		event = denial(mine->kind);
		model_pass(model, storms, model->now_ns + model_pause(model));
		mine->at_ns = model->now_ns;
		model->calls[mine->kind]++;
		if (storms_take(storms, &event, model->now_ns, &mine->ticket)) {
			gathered++;
		} else {
			mine->answers++;
			model->told[mine->kind]++;
		}
	}
	return gathered;
}

static void every_call_is_answered_once_and_counted_once(void **state)
{
	struct model *model = malloc(sizeof(*model));
	uint64_t gathered = 0;

	assert_non_null(model);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct audit_event event;
		struct audit_ticket *who;

		gathered += model_run(model, *state, seed * UINT64_C(0x9e3779b97f4a7c15));
		while (storms_next(*state, INT64_MAX, &event, &who))
			model_told(model, &event, who, INT64_MAX);
		for (unsigned i = 0; i < MODEL_CALLS; i++)
			if (model->tickets[i].answers != 1)
				fail_msg("seed %lu: call %u was answered %u times",
					 (unsigned long)seed, i, model->tickets[i].answers);
		for (unsigned i = 0; i < MODEL_KINDS; i++)
			if (model->told[i] != model->calls[i])
				fail_msg("seed %lu: kind %u: %lu calls, %lu counted",
					 (unsigned long)seed, i, (unsigned long)model->calls[i],
					 (unsigned long)model->told[i]);
		storms_init(*state);
	}
	/* Enough of both kinds. */
	print_message("%lu of %u gathered\n", (unsigned long)gathered, 20 * MODEL_CALLS);
	assert_true(gathered > 20 * MODEL_CALLS / 5);
	assert_true(gathered < 20 * MODEL_CALLS * 4 / 5);
	free(model);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_33rd_denial_within_a_second_is_the_first_that_is_gathered),
		TEST(what_is_gathered_is_told_with_its_first_event_and_its_number),
		TEST(a_storm_ends_when_a_second_passed_without_any),
		TEST(who_comes_while_others_still_wait_is_told_with_them),
		TEST(only_denials_of_the_very_same_kind_are_gathered),
		TEST(what_is_permitted_or_has_no_view_is_never_gathered),
		TEST(a_clock_read_before_the_lock_does_no_harm),
		TEST(a_record_that_can_count_no_more_is_told_at_once),
		TEST(nobody_can_keep_a_storm_from_being_gathered),
		TEST(every_call_is_answered_once_and_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

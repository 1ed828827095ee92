#include "desk.h"

#define STORE                                                                                      \
	"bailee: 1\n"                                                                              \
	"name: Store\n"                                                                            \
	"serial: 1\n"                                                                              \
	"timezone: Europe/Dublin\n"                                                                \
	"uses: [builtin/baseline]\n"                                                               \
	"people:\n"                                                                                \
	"  anna: {roles: [technician]}\n"                                                          \
	"  ben: {roles: [trained, technician], training_expires: 2026-06-30}\n"                    \
	"  carla: {roles: [supervisor]}\n"                                                         \
	"  fay: {roles: [auditor, supervisor]}\n"                                                  \
	"roles:\n"                                                                                 \
	"  technician: {}\n"                                                                       \
	"  trained: {requires: [training]}\n"                                                      \
	"  supervisor: {}\n"                                                                       \
	"  auditor: {never_with: [supervisor]}\n"                                                  \
	"workplaces:\n"                                                                            \
	"  bench: {hosts: [bench-01]}\n"                                                           \
	"  office: {hosts: [office-01]}\n"                                                         \
	"detect:\n"                                                                                \
	"  sets: [payment]\n"                                                                      \
	"  customer: false\n"                                                                      \
	"  custom: {loyalty-card: {pattern: 'NG-[0-9]{8}', example: NG-20417733}}\n"               \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"rules:\n"                                                                                 \
	"  - id: looks\n"                                                                          \
	"    permit: [list, read]\n"                                                               \
	"    who: [technician, supervisor]\n"                                                      \
	"    where: bench\n"                                                                       \
	"    when: {hours: Mon-Sat 07:00-20:00, purpose: [repair, grading], consent: granted}\n"   \
	"    limits: {files: 200 per hour}\n"                                                      \
	"    why: Repair needs a look\n"                                                           \
	"  - id: logs\n"                                                                           \
	"    permit: [read]\n"                                                                     \
	"    who: [trained]\n"                                                                     \
	"    what: {devices: [laptop, disk], paths: ['/var/log/**'], kinds: [text], max_size: "    \
	"5M}\n"                                                                                    \
	"    why: Logs show what broke.\n"                                                         \
	"  - id: overseen\n"                                                                       \
	"    permit: [read]\n"                                                                     \
	"    who: [supervisor]\n"                                                                  \
	"    what: {ids: ['CB-*'], status: [closed]}\n"                                            \
	"    when: {caller_verified: two-factor}\n"                                                \
	"    why: Closed cases are looked at again.\n"                                             \
	"  - id: no-cards\n"                                                                       \
	"    forbid: [read]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    what: {contains: [card-track, card-pin]}\n"                                           \
	"    why: Tracks are never opened.\n"                                                      \
	"  - id: no-copies\n"                                                                      \
	"    forbid: [copy]\n"                                                                     \
	"    who: [technician, trained]\n"                                                         \
	"    unless: {approved: copy}\n"                                                           \
	"    why: Contents stay on Bailee.\n"                                                      \
	"  - id: export\n"                                                                         \
	"    permit: [copy]\n"                                                                     \
	"    who: [technician, supervisor]\n"                                                      \
	"    needs: {reason: required, approvals: {count: 2, from: [supervisor], valid: 4h}}\n"    \
	"    why: The customer asked for it.\n"                                                    \
	"  - id: tail\n"                                                                           \
	"    mask: {card: keep-last-4}\n"                                                          \
	"    who: [technician]\n"                                                                  \
	"    why: Receipts are matched.\n"                                                         \
	"  - id: stricter\n"                                                                       \
	"    mask: {card: shape}\n"                                                                \
	"    who: everyone\n"                                                                      \
	"    when: {consent: withdrawn}\n"                                                         \
	"    why: Without consent less is shown.\n"                                                \
	"  - id: no-films\n"                                                                       \
	"    withhold: [video]\n"                                                                  \
	"    who: everyone\n"                                                                      \
	"    why: Films are never shown.\n"                                                        \
	"  - id: refund\n"                                                                         \
	"    permit: [unmask]\n"                                                                   \
	"    who: [technician]\n"                                                                  \
	"    what: {contains: [loyalty-card]}\n"                                                   \
	"    why: Refunds are paid to it.\n"

#define SECRET_PATH "/Users/kim/secret-name.txt"

static char *explain(const struct desk *desk, enum bl_action action, unsigned class)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	rules_explain(out, desk->subject, &desk->facts, action, class);
	fclose(out);
	return text;
}

static void become(struct desk *desk, const char *login, const char *purpose)
{
	struct rules_circumstances who = {.caller = {.uid = 7, .login = login},
					  .purpose = purpose,
					  .workplace = "bench",
					  .now_unix = DESK_NOW,
					  .is_clock_trusted = true};

	desk_become(desk, &who);
}

static void the_whole_story_of_a_read(void **state)
{
	struct rules_used used = {.amount = {[UNIT_FILES] = {[PERIOD_HOUR] = 12}}};
	struct desk desk;

	(void)state;
	desk_open(&desk, STORE, "anna", DESK_NOW, SECRET_PATH);
	become(&desk, "anna", "repair");
	desk.facts.consent = CONSENT_GRANTED;
	desk.facts.is_whole_known = true;
	desk.facts.used = &used;
	char *text = explain(&desk, ACTION_READ, 0);

	assert_string_equal(
		text,
		"permit: read is permitted by rule 'looks': Repair needs a look.\n"
		"asked by: anna (technician), for purpose 'repair', at workplace 'bench', no "
		"reason, at 2026-07-01 10:00\n"
		"decided by: looks\n"
		"matched:\n"
		"  rule 'looks' (permit, line 25)\n"
		"  rule 'tail' (mask, line 58)\n"
		"did not match:\n"
		"  rule 'logs' (permit, line 32); who: not 'trained'; paths: not in '/var/log/**'\n"
		"  rule 'overseen' (permit, line 37); who: not 'supervisor'; device: not 'CB-*'; "
		"status: not 'closed'; caller_verified: not two-factor\n"
		"  rule 'no-cards' (forbid, line 43); contains: not 'card-track', 'card-pin'\n"
		"  rule 'stricter' (mask, line 62); consent: not withdrawn\n"
		"  rule 'no-films' (withhold, line 67); kinds: not 'video'\n"
		"not known: nothing\n"
		"limit: 12 of 200 files this hour by rule 'looks'\n"
		"shown as: card keep-last-4, loyalty-card original; all else fill\n");
	free(text);
	desk_close(&desk);
}

static void what_failed_and_what_was_not_known_is_told(void **state)
{
	static const struct {
		const char *login, *purpose;
		enum bl_action action;
		bool is_known; /* consent, and what the file holds */
		const char *wanted, *unwanted;
	} rows[] = {
		{"anna", "repair", ACTION_COPY, true,
		 "matched:\n  rule 'export' (permit, line 53); needs a reason and 2 approvals\n",
		 "loyalty-card original"},
		{"anna", "repair", ACTION_READ, true,
		 "shown as: card keep-last-4, loyalty-card original", NULL},
		/* unknown counts against the reader, each effect in its own way */
		{"anna", "repair", ACTION_READ, false,
		 "  rule 'no-cards' (forbid, line 43); contains: not known to hold 'card-track', "
		 "'card-pin'; counts as if it held\n",
		 NULL},
		{"anna", "repair", ACTION_READ, false,
		 "  rule 'stricter' (mask, line 62); consent: not known to be withdrawn; can only "
		 "make it stricter\n",
		 NULL},
		{"anna", "repair", ACTION_READ, false,
		 "did not match:\n"
		 "  rule 'logs' (permit, line 32); who: not 'trained'; paths: not in "
		 "'/var/log/**'\n"
		 "  rule 'looks' (permit, line 25); consent: not known to be granted; gives "
		 "nothing\n",
		 NULL},
		{"anna", "repair", ACTION_READ, false, "not known: what the file holds, consent\n",
		 NULL},
		{"anna", "repair", ACTION_READ, false, "shown as: card shape; all else fill\n",
		 "original"},
		/* a purpose of the caller's own is never repeated */
		{"anna", "curiosity", ACTION_READ, true, "for a purpose the policy does not name",
		 "curiosity"},
		{"anna", "curiosity", ACTION_READ, true,
		 "rule 'looks' (permit, line 25); purpose: not 'repair', 'grading'\n", NULL},
		/* what would change it is what would help this person */
		{"anna", "repair", ACTION_READ, false,
		 "would change it: if the customer consents, have it recorded: bailee consent ID "
		 "grant "
		 "repair; try again when it has been looked through",
		 NULL},
		{"carla", "repair", ACTION_COPY, true,
		 "would change it: give a reason (--reason TEXT) and ask for 2 approvals by others "
		 "who "
		 "hold 'supervisor': bailee request copy ",
		 NULL},
		{"anna", "repair", ACTION_SHRED, true,
		 "would change it: nothing but another policy\n", "shown as"},
		/* lapses, and roles that are never held together */
		{"ben", "repair", ACTION_READ, true,
		 "lapsed: role 'trained' (training until 2026-06-30)\n", NULL},
		{"fay", "repair", ACTION_READ, true,
		 "never held together, so none counts: 'supervisor', 'auditor'\n", NULL},
		{"fay", "repair", ACTION_READ, true,
		 "  rule 'looks' (permit, line 25); who: not known to be 'technician', "
		 "'supervisor'; gives nothing\n",
		 NULL},
		{"zed", "repair", ACTION_READ, true, "asked by: nobody, for purpose 'repair'",
		 "fay"},
	};
	struct desk desk;

	(void)state;
	desk_open(&desk, STORE, "anna", DESK_NOW, SECRET_PATH);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		become(&desk, rows[i].login, rows[i].purpose);
		desk.facts.consent = rows[i].is_known ? CONSENT_GRANTED : CONSENT_UNKNOWN;
		desk.facts.is_whole_known = rows[i].is_known;
		char *text = explain(&desk, rows[i].action, 0);
		bool has_wanted = strstr(text, rows[i].wanted) != NULL;
		bool has_unwanted = (rows[i].unwanted && strstr(text, rows[i].unwanted)) ||
				    strstr(text, "secret-name");

		if (!has_wanted || has_unwanted)
			fail_msg("row %zu: %s", i, text);
		free(text);
	}
	desk_close(&desk);
}

/* Each way in which the one permit of a rule can fail, and the words for it. */
static void each_part_of_a_rule_has_its_words(void **state)
{
	static const struct {
		const char *device_id, *path;
		int device, kind, state;
		int64_t size_bytes;
		enum bl_check check;
		const char *wanted;
	} rows[] = {
		{"B-1", "/var/log/a", DEVICE_CAMERA, FILE_TEXT, STATE_OPEN, 1, CHECK_NONE,
		 "rule 'logs' (permit, line 32); device: not 'laptop', 'disk'\n"},
		{"B-1", "/var/log/a", -1, FILE_TEXT, STATE_OPEN, 1, CHECK_NONE,
		 "rule 'logs' (permit, line 32); device: not known to be 'laptop', 'disk'; gives "
		 "nothing\n"},
		{"B-1", "/var/a", DEVICE_LAPTOP, FILE_TEXT, STATE_OPEN, 1, CHECK_NONE,
		 "rule 'logs' (permit, line 32); paths: not in '/var/log/**'\n"},
		{"B-1", NULL, DEVICE_LAPTOP, FILE_TEXT, STATE_OPEN, 1, CHECK_NONE,
		 "rule 'logs' (permit, line 32); paths: not known to be in '/var/log/**'; gives "
		 "nothing\n"},
		{"B-1", "/var/log/a", DEVICE_LAPTOP, FILE_PDF, STATE_OPEN, 1, CHECK_NONE,
		 "rule 'logs' (permit, line 32); kinds: not 'text'\n"},
		{"B-1", "/var/log/a", DEVICE_LAPTOP, FILE_TEXT, STATE_OPEN, 6 << 20, CHECK_NONE,
		 "rule 'logs' (permit, line 32); max_size: not at most 5M\n"},
		{"B-1", "/var/log/a", DEVICE_LAPTOP, FILE_TEXT, STATE_OPEN, -1, CHECK_NONE,
		 "rule 'logs' (permit, line 32); max_size: not known to be at most 5M; gives "
		 "nothing\n"},
		{"B-1", "/a", DEVICE_LAPTOP, FILE_TEXT, STATE_CLOSED, 1, CHECK_TWO_FACTOR,
		 "rule 'overseen' (permit, line 37); device: not 'CB-*'\n"},
		{"CB-1", "/a", DEVICE_LAPTOP, FILE_TEXT, STATE_OPEN, 1, CHECK_TWO_FACTOR,
		 "rule 'overseen' (permit, line 37); status: not 'closed'\n"},
		{"CB-1", "/a", DEVICE_LAPTOP, FILE_TEXT, STATE_CLOSED, 1, CHECK_ONE_FACTOR,
		 "rule 'overseen' (permit, line 37); caller_verified: not two-factor\n"},
	};
	/* holds every role; never at a workplace, nor for a purpose */
	static const char *const others = "rule 'looks' (permit, line 25); where: not in 'bench'; "
					  "purpose: not 'repair', 'grading'\n";

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_device device = {rows[i].device_id, rows[i].device};
		struct rules_circumstances who = {
			.caller = {.uid = 7},
			.now_unix = DESK_NOW,
			.is_clock_trusted = true,
			.role = strstr(rows[i].wanted, "logs") ? "trained" : "supervisor"};
		struct desk desk = {.policy = desk_parse(STORE)};

		desk_become(&desk, &who);
		assert_int_equal(rules_places_new(desk.policy, &device, &desk.places, NULL), BL_OK);
		desk.facts = (struct rules_facts){.places = desk.places,
						  .place = RULES_PLACE_UNKNOWN,
						  .kind = rows[i].kind,
						  .state = rows[i].state,
						  .size_bytes = rows[i].size_bytes,
						  .caller_check = rows[i].check,
						  .consent = CONSENT_GRANTED,
						  .is_log_writable = true,
						  .is_whole_known = true};
		if (rows[i].path)
			assert_int_equal(
				rules_places_walk(desk.places, rows[i].path, &desk.facts.place),
				BL_OK);
		char *text = explain(&desk, ACTION_READ, 0);

		if (!strstr(text, rows[i].wanted) ||
		    (strcmp(who.role, "supervisor") == 0 && !strstr(text, others)))
			fail_msg("row %zu: %s", i, text);
		free(text);
		desk_close(&desk);
	}
}

/* Four of a rule's own words, and that there are more. */
static void of_many_words_the_first_are_told(void **state)
{
	static const struct {
		const char *paths, *wanted;
	} rows[] = {
		{"'/a/**', '/b/**', '/c/**', '/d/**'",
		 "; paths: not in '/a/**', '/b/**', '/c/**', '/d/**'\n"},
		{"'/a/**', '/b/**', '/c/**', '/d/**', '/e/**', '/f/**'",
		 "; paths: not in '/a/**', '/b/**', '/c/**', '/d/**', ...\n"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct desk desk;
		char *whole = NULL;

		assert_true(asprintf(&whole,
				     STORE
				     "  - {id: many, permit: [read], who: [technician], what: "
				     "{paths: [%s]}, why: Many folders.}\n",
				     rows[i].paths) > 0);
		desk_open(&desk, whole, "anna", DESK_NOW, SECRET_PATH);
		become(&desk, "anna", "repair");
		char *text = explain(&desk, ACTION_READ, 0);

		if (!strstr(text, rows[i].wanted))
			fail_msg("row %zu: %s", i, text);
		free(text);
		free(whole);
		desk_close(&desk);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_story_of_a_read),
		cmocka_unit_test(what_failed_and_what_was_not_known_is_told),
		cmocka_unit_test(each_part_of_a_rule_has_its_words),
		cmocka_unit_test(of_many_words_the_first_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

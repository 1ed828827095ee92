/* Two policies that differ in one thing: which of them is the wider? */
#include "tests/unit/policy/rules/rows.h"

static const char BASE[] =
	"bailee: 1\n"
	"name: Desk\n"
	"serial: 3\n"
	"timezone: Europe/Dublin\n"
	"uses: [builtin/baseline]\n"
	"people:\n"
	"  anna: {roles: [technician], training_expires: 2027-03-31}\n"
	"  ben: {roles: [technician], training_expires: 2026-02-28}\n"
	"  carla: {roles: [supervisor]}\n"
	"  dora: {roles: [supervisor, officer]}\n"
	"  ed: {roles: [officer]}\n"
	"  pia: {roles: [agent, technician], training_expires: 2027-03-31}\n"
	"  gus: {roles: [officer, clerk]}\n"
	"roles:\n"
	"  technician: {requires: [training]}\n"
	"  supervisor: {}\n"
	"  officer: {}\n"
	"  agent: {}\n"
	"  clerk: {}\n"
	"workplaces:\n"
	"  bench: {hosts: [bench-01, bench-02]}\n"
	"  office: {hosts: [office-01]}\n"
	"detect:\n"
	"  sets: [contact, payment, secrets, government-id]\n"
	"  customer: true\n"
	"  custom: {loyalty: {pattern: 'NG-[0-9]{8}', example: NG-20417733}}\n"
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
	"rules:\n"
	"  - id: looks\n"
	"    permit: [list, read]\n"
	"    who: [technician, supervisor]\n"
	"    what: {devices: [laptop, phone]}\n"
	"    where: bench\n"
	"    when: {hours: Mon-Sat 07:00-20:00, purpose: [grading, repair], consent: granted}\n"
	"    limits: {files: 200 per hour, bytes: 500M per day}\n"
	"    why: Repairs need a look at it.\n"
	"  - id: asks\n"
	"    permit: [list, read]\n"
	"    who: [supervisor]\n"
	"    where: office\n"
	"    when: {purpose: [customer-request]}\n"
	"    why: The customer asked for it.\n"
	"  - id: helps\n"
	"    permit: [list, read]\n"
	"    who: [agent]\n"
	"    what: {kinds: [pdf, text], paths: ['/Cases/{open,new}/*.pdf', '/var/log/**'], "
	"max_size: 5M}\n"
	"    when: {caller_verified: two-factor}\n"
	"    unless: {hours: Sun 00:00-24:00, consent: withdrawn}\n"
	"    why: Callers are helped with a case.\n"
	"  - id: health-closed\n"
	"    forbid: [read]\n"
	"    who: [technician]\n"
	"    what: {contains: [iban, email]}\n"
	"    why: Accounts are for supervisors.\n"
	"  - id: no-pictures\n"
	"    withhold: [image, video]\n"
	"    who: everyone\n"
	"    what: {paths: ['/Users/*/{Pictures,Movies}/**', '**/DCIM/**']}\n"
	"    unless: {approved: copy}\n"
	"    why: Pictures are never shown.\n"
	"  - id: no-copies\n"
	"    forbid: [copy]\n"
	"    who: [officer]\n"
	"    why: Officers take nothing along.\n"
	"  - id: export\n"
	"    permit: [copy]\n"
	"    who: [supervisor]\n"
	"    where: office\n"
	"    when: {purpose: [customer-request]}\n"
	"    needs: {reason: required, approvals: {count: 2, from: [supervisor, officer], valid: "
	"4h}}\n"
	"    why: The customer wants it back.\n"
	"  - id: card-tail\n"
	"    mask: {card: keep-last-4}\n"
	"    who: [supervisor]\n"
	"    when: {consent: granted}\n"
	"    why: Receipts are matched by it.\n"
	"  - id: phone-tail\n"
	"    mask: {phone: keep-last-4}\n"
	"    who: [technician, supervisor]\n"
	"    why: It tells two phones apart.\n"
	"  - id: mail-private\n"
	"    mask: {phone: shape}\n"
	"    who: everyone\n"
	"    what: {paths: ['/Users/*/Mail/**']}\n"
	"    why: Letters are private matters.\n"
	"  - id: refund\n"
	"    permit: [unmask]\n"
	"    who: [supervisor]\n"
	"    what: {contains: [loyalty, email]}\n"
	"    when: {purpose: [customer-request]}\n"
	"    needs: {reason: required}\n"
	"    limits: {unmasks: 10 per day}\n"
	"    why: A refund goes to an account.\n"
	"  - id: wipes\n"
	"    permit: [shred]\n"
	"    who: [officer]\n"
	"    what: {status: [received, open]}\n"
	"    why: The ordinary end of a device.\n"
	"  - id: pledged\n"
	"    forbid: [shred]\n"
	"    who: everyone\n"
	"    what: {ids: ['PAWN-*']}\n"
	"    why: It belongs to the customer.\n"
	"  - {id: life, permit: [hold, approve, administer, intake], who: [supervisor, officer], "
	"why: "
	"They decide on it.}\n"
	"retention:\n"
	"  - {id: all, destroy_after: {intake: 30d, closed: 3d}, destroy_by: 90d}\n"
	"  - {id: phones, what: {devices: [phone]}, destroy_after: {last_open: 7d}}\n"
	"  - {id: paid, what: {ids: ['RMA-*']}, keep_at_least: 10d}\n"
	"sessions: {viewers: [less, nnn], interpreters: [bash], idle: 15m, total: 4h}\n"
	"holds: {longest: 90d, review_every: 30d, release_approvals: 2}\n"
	"proof: {verify: 50%, certificate: true}\n"
	"audit: {durability: before-answer, keep: 3y, tell_customer: true, anchor_every: 1h}\n"
	"report: {names: false, contact: The desk}\n"
	"requests: {destroy_within: 72h}\n"
	"consent_withdrawn: {destroy_within: 24h}\n"
	"test_clock: 2026-07-01 10:00\n"
	"tests:\n"
	"  - {name: not looked through, as: carla, do: read, device: laptop, id: RMA-1, file: /a, "
	"kind: "
	"text, size: 10, where: office, purpose: customer-request, has: unknown, expect: withhold, "
	"rule: default}\n";

enum direction { WIDER, NARROWER, NEITHER, BOTH };

struct edit {
	const char *from, *to;
	enum direction
		direction;    /* of @to against @from; the other way round when they are swapped */
	const char *question; /* part of what is asked, or NULL */
};

#define PERMIT_BENCH "  - id: looks\n    permit: [list, read]"

static const struct edit EDITS[] = {
	/* nothing that a question is about */
	{"serial: 3", "serial: 4", NEITHER, NULL},
	{"why: Pictures are never shown.", "why: Photos are never shown here.", NEITHER, NULL},
	{"  - id: no-copies\n    forbid: [copy]", "  - id: no-export\n    forbid: [copy]", NEITHER,
	 NULL},
	{"devices: [laptop, phone]", "devices: [phone, laptop]", NEITHER, NULL},
	/* rules as a whole: a permit gone, a forbid gone */
	{PERMIT_BENCH "\n    who: [technician, supervisor]", PERMIT_BENCH "\n    who: [technician]",
	 NARROWER, "read"},
	{"    permit: [copy]", "    permit: [verify]", BOTH, "copy"},
	{"    forbid: [read]\n    who: [technician]", "    forbid: [read]\n    who: [clerk]", WIDER,
	 "read"},
	{"    withhold: [image, video]", "    withhold: [image]", WIDER, "(video)"},
	{"    withhold: [image, video]", "    withhold: [any]", NARROWER, "read"},
	{"    forbid: [shred]\n    who: everyone", "    forbid: [copy]\n    who: everyone", BOTH,
	 NULL},
	{"permit: [hold, approve, administer, intake]", "permit: [approve, administer, intake]",
	 NARROWER, "hold"},
	/* who */
	{"  - id: asks\n    permit: [list, read]\n    who: [supervisor]",
	 "  - id: asks\n    permit: [list, read]\n    who: everyone", WIDER, "customer-request"},
	{"ed: {roles: [officer]}", "ed: {roles: [officer, agent]}", WIDER, "'agent'"},
	{"ben: {roles: [technician], training_expires: 2026-02-28}",
	 "ben: {roles: [technician], training_expires: 2026-12-31}", WIDER, "'technician'"},
	{"anna: {roles: [technician], training_expires: 2027-03-31}",
	 "anna: {roles: [technician], training_expires: 2027-02-28}", NARROWER, "'technician'"},
	{"  ed: {roles: [officer]}\n", "  ed: {roles: [officer]}\n  eve: {roles: [officer]}\n",
	 WIDER, "hold"},
	{"  clerk: {}", "  clerk: {never_with: [officer]}", NARROWER, NULL},
	{"technician: {requires: [training]}", "technician: {}", WIDER, "'technician'"},
	/* what */
	{"devices: [laptop, phone]", "devices: [laptop]", NARROWER, "on a phone"},
	{"devices: [laptop, phone]", "devices: [laptop, phone, camera]", WIDER, "on a camera"},
	{"    what: {devices: [laptop, phone]}\n", "", WIDER, "read"},
	{"kinds: [pdf, text]", "kinds: [pdf]", NARROWER, "(text)"},
	{"devices: [laptop, phone]",
	 "devices: [laptop, phone], kinds: [text, mail, contacts, calendar, database, document, "
	 "spreadsheet, presentation, pdf, image, audio, video, archive, program, key, other]",
	 NARROWER, "(a folder)"},
	{"max_size: 5M", "max_size: 6M", WIDER, "bytes"},
	{"'/Cases/{open,new}/*.pdf'", "'/Cases/{open,new,old}/*.pdf'", WIDER, "/Cases/old/x.pdf"},
	{"'/Cases/{open,new}/*.pdf'", "'/Cases/open/*.pdf'", NARROWER, "/Cases/new/x.pdf"},
	{"'/Cases/{open,new}/*.pdf'", "'/Cases/{open,new}/**/*.pdf'", WIDER, "/Cases/"},
	{"'**/DCIM/**'", "'/DCIM/**'", WIDER, "/DCIM/"},
	{", '**/DCIM/**'", "", WIDER, "/DCIM/"},
	{"contains: [iban, email]", "contains: [iban]", WIDER, "holding email"},
	{"status: [received, open]", "status: [received, open, closed]", WIDER, "closed"},
	{"ids: ['PAWN-*']", "ids: ['PAWN-?']", WIDER, "PAWN-"},
	/* where and when */
	{"bench: {hosts: [bench-01, bench-02]}", "bench: {hosts: [bench-01]}", NARROWER,
	 "on bench-02"},
	{"    where: bench\n", "", WIDER, "read"},
	{"    where: bench\n", "    where: [bench, office]\n", WIDER, "on office-01"},
	{"Mon-Sat 07:00-20:00", "Mon-Sat 07:00-20:01", WIDER, "20:00"},
	{"Mon-Sat 07:00-20:00", "Mon-Fri 07:00-20:00", NARROWER, "Sat"},
	{"Mon-Sat 07:00-20:00", "Mon-Sat 07:01-20:00", NARROWER, "07:00"},
	{"hours: Mon-Sat 07:00-20:00, ", "", WIDER, "read"},
	{"purpose: [grading, repair]", "purpose: [repair]", NARROWER, "for grading"},
	{"purpose: [grading, repair]", "purpose: [grading, repair, hobby]", WIDER, "for hobby"},
	{", consent: granted}\n    limits", "}\n    limits", WIDER, "consent"},
	{"caller_verified: two-factor", "caller_verified: one-factor", WIDER, "one-factor"},
	{"unless: {hours: Sun 00:00-24:00, consent: withdrawn}", "unless: {consent: withdrawn}",
	 NARROWER, "consent "},
	{"    unless: {approved: copy}\n", "", NARROWER, "approved by"},
	{"Europe/Dublin", "Europe/Berlin", BOTH, NULL},
	/* needs and limits */
	{"files: 200 per hour", "files: 201 per hour", WIDER, "after 200 files"},
	{"files: 200 per hour", "files: 200 per day", BOTH, NULL},
	{", bytes: 500M per day", "", WIDER, "after 524288000 bytes"},
	{"    limits: {unmasks: 10 per day}\n", "", WIDER, "after 10 unmasks"},
	{"approvals: {count: 2,", "approvals: {count: 1,", WIDER, "approved by 1"},
	{"approvals: {count: 2, from: [supervisor, officer]",
	 "approvals: {count: 2, from: [officer]", NARROWER, "approved by 2 of 'supervisor'"},
	{"valid: 4h", "valid: 5h", WIDER, "approved by 2"},
	{"reason: required, approvals", "approvals", WIDER, "without a reason"},
	/* what is shown */
	{"mask: {card: keep-last-4}", "mask: {card: shape}", NARROWER, "see card"},
	{"mask: {card: keep-last-4}", "mask: {card: keep-first-6-last-4}", WIDER, "see card"},
	{"mask: {phone: shape}", "mask: {name: shape}", WIDER, "see phone"},
	{"    what: {contains: [loyalty, email]}", "    what: {contains: [loyalty, phone, email]}",
	 WIDER, "unmask phone"},
	{"    what: {contains: [loyalty, email]}\n", "", WIDER, "unmask"},
	{"mask: fill, unscanned", "mask: shape, unscanned", WIDER, "see "},
	{"payment, secrets, government-id", "payment, secrets", WIDER, "see national-id"},
	{"  customer: true", "  customer: false", WIDER, "see customer"},
	/* retention */
	{"intake: 30d", "intake: 31d", WIDER, "keep a"},
	{"closed: 3d", "closed: 2d", NARROWER, "closed"},
	{"last_open: 7d", "last_open: 8d", WIDER, "keep a phone"},
	{"keep_at_least: 10d", "keep_at_least: 40d", WIDER, "'RMA-"},
	{"requests: {destroy_within: 72h}", "requests: {destroy_within: 24h}", NARROWER,
	 "requested"},
	{"consent_withdrawn: {destroy_within: 24h}", "consent_withdrawn: {destroy_within: 48h}",
	 WIDER, "consent withdrawn"},
	/* sessions: programs by themselves, whatever their order */
	{"[less, nnn]", "[nnn, less]", NEITHER, NULL},
	{"[less, nnn]", "[less, nnn, hexdump]", WIDER, "look with 'hexdump'"},
	{"[less, nnn]", "[less]", NARROWER, "look with 'nnn'"},
	{"[less, nnn]", "[less, /usr/bin/nnn]", BOTH, "look with '/usr/bin/nnn'"},
	{"[less, nnn], interpreters: [bash]", "[less], interpreters: [bash, nnn]", WIDER,
	 "look with 'nnn'"},
	{", interpreters: [bash]", "", NARROWER, "look with 'bash'"},
	{"idle: 15m, total: 4h", "idle: 900s, total: 240m", NEITHER, NULL},
	{"idle: 15m, total: 4h", "total: 4h", NEITHER, NULL},
	{"idle: 15m", "idle: 16m", WIDER, "nobody uses it"},
	{"idle: 15m", "idle: 14m", NARROWER, "nobody uses it"},
	{"idle: 15m, total: 4h", "idle: 15m", WIDER, "last at most"},
	{"total: 4h", "total: 3h", NARROWER, "last at most"},
	{"total: 4h", "total: 4h, visible_proc: accept", WIDER, "processes can be seen"},
	{"total: 4h", "total: 4h, visible_proc: refuse", NEITHER, NULL},
	/* holds, proof, audit: what is not stated is the loosest, but for the log's end */
	{"longest: 90d", "longest: 91d", WIDER, "overdue"},
	{"longest: 90d, ", "", WIDER, "overdue"},
	{"review_every: 30d", "review_every: 29d", NARROWER, "reviewed"},
	{"review_every: 30d, ", "", WIDER, "reviewed"},
	{"release_approvals: 2", "release_approvals: 1", WIDER, "be released"},
	{"release_approvals: 2", "release_approvals: 3", NARROWER, "be released"},
	{", release_approvals: 2", "", WIDER, "be released"},
	{"verify: 50%", "verify: 49%", WIDER, "looked at again"},
	{"verify: 50%", "verify: 51%", NARROWER, "looked at again"},
	{"verify: 50%, ", "", WIDER, "looked at again"},
	{"certificate: true", "certificate: false", WIDER, "its certificate"},
	{"durability: before-answer, ", "", NEITHER, NULL},
	{"durability: before-answer", "durability: bounded, bounded: 1ms", WIDER, "on disk"},
	{"keep: 3y", "keep: 2y", WIDER, "be kept"},
	{"keep: 3y", "keep: 1095d", NEITHER, NULL},
	{"keep: 3y, ", "", NARROWER, "be kept"},
	{"tell_customer: true", "tell_customer: false", WIDER, "to the customer"},
	{"names: false", "names: true", WIDER, "name who looked"},
	{"contact: The desk", "contact: The office", NEITHER, NULL},
	{"anchor_every: 1h", "anchor_every: 2h", WIDER, "without an anchor"},
	{", anchor_every: 1h", "", WIDER, "without an anchor"},
};

struct heard {
	const char *question;
	size_t wider, narrower;
	bool is_asked, is_empty;
};

static void hear(void *context, const struct rules_difference *difference)
{
	struct heard *heard = context;

	*(difference->is_wider ? &heard->wider : &heard->narrower) += 1;
	heard->is_asked |= !heard->question || strstr(difference->question, heard->question);
	heard->is_empty |= !difference->who[0] || !difference->question[0] ||
			   !difference->before[0] || !difference->after[0] || !difference->rule[0];
}

static struct policy *parse(const char *text)
{
	struct rules_findings findings;
	struct policy *policy = NULL;
	struct bl_error why = {""};

	if (rules_parse(text, strlen(text), &policy, &findings, &why) != BL_OK)
		fail_msg("%s", why.text);
	return policy;
}

static enum direction compare(const struct policy *older, const struct policy *newer,
			      struct heard *heard)
{
	size_t wider, narrower;

	assert_int_equal(rules_diff(older, newer, hear, heard, &wider, &narrower), BL_OK);
	assert_int_equal(heard->wider, wider);
	assert_int_equal(heard->narrower, narrower);
	assert_false(heard->is_empty);
	if (wider && narrower)
		return BOTH;
	return wider ? WIDER : narrower ? NARROWER : NEITHER;
}

static const char *word(enum direction direction)
{
	static const char *const words[] = {"wider", "narrower", "neither", "both"};

	return words[direction];
}

static bool try_edit(size_t i, const struct policy *base)
{
	static const enum direction reversed[] = {NARROWER, WIDER, NEITHER, BOTH};
	const struct row row = {EDITS[i].from, EDITS[i].to, NULL, NULL};
	unsigned line, column;
	BL_CLEANUP(bl_free) char *text = rows_break(BASE, &row, &line, &column);
	BL_CLEANUP(policy_unref) struct policy *changed = parse(text);
	struct heard there = {.question = EDITS[i].question}, back = {0};
	enum direction forth = compare(base, changed, &there);
	enum direction again = compare(changed, base, &back);

	if (forth == EDITS[i].direction && again == reversed[forth] &&
	    (there.is_asked || forth == NEITHER))
		return true;
	print_error("row %zu: '%s' is %s, and back %s, wanted %s%s\n", i, EDITS[i].to, word(forth),
		    word(again), word(EDITS[i].direction),
		    there.is_asked ? "" : "; not asked in those words");
	return false;
}

static void every_edit_is_noticed_with_its_direction(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *base = parse(BASE);
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(EDITS); i++)
		wrong += !try_edit(i, base);
	assert_int_equal(wrong, 0);
}

/* A pattern may find less than the one before it, and nobody can say whether it does. */
static void another_pattern_of_a_class_counts_as_wider(void **state)
{
	const struct row row = {"'NG-[0-9]{8}'", "'NG-[0-9]{6,8}'", NULL, NULL};
	unsigned line, column;
	BL_CLEANUP(bl_free) char *text = rows_break(BASE, &row, &line, &column);
	BL_CLEANUP(policy_unref) struct policy *base = parse(BASE);
	BL_CLEANUP(policy_unref) struct policy *changed = parse(text);
	struct heard heard = {.question = "find items of 'loyalty'"};

	(void)state;
	assert_int_equal(compare(base, changed, &heard), WIDER);
	assert_true(heard.is_asked);
}

/* ---- each rule taken out ------------------------------------------------------------------------------------ */

/* The line at which the rule behind @at ends. */
static const char *rule_end(const char *at)
{
	const char *next = strstr(at + 1, "\n  - "), *section = strstr(at, "\nretention:");

	return (!next || section < next ? section : next) + 1;
}

static void each_permit_taken_out_is_narrower_and_nothing_else_widens_unseen(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *base = parse(BASE);
	const char *rule = strstr(BASE, "rules:\n") + 6;
	size_t permits = 0;

	(void)state;
	while (strncmp(rule, "\nretention", 10) != 0) {
		const char *end = rule_end(rule) - 1;
		BL_CLEANUP(bl_free) char *text = malloc(sizeof(BASE));
		bool is_permit = memmem(rule, (size_t)(end - rule), "permit: [", 9) != NULL;

		assert_non_null(text);
		snprintf(text, sizeof(BASE), "%.*s%s", (int)(rule - BASE), BASE, end);

		BL_CLEANUP(policy_unref) struct policy *changed = parse(text);
		struct heard heard = {0};
		enum direction direction = compare(base, changed, &heard);

		if (is_permit ? direction != NARROWER
			      : direction == NARROWER && !memmem(rule, 60, "mask", 4))
			fail_msg("without '%.*s': %s", (int)(end - rule), rule, word(direction));
		permits += is_permit;
		rule = end;
	}
	assert_true(permits >= 6);
}

/* Of more combinations than are asked the one that differs is still found. */
static void a_policy_too_large_for_every_combination_is_compared_around_its_rules(void **state)
{
	size_t size = sizeof(BASE) + 300 * 200, used = 0;
	BL_CLEANUP(bl_free) char *text = malloc(size), *wider = malloc(size);
	const char *cut = strstr(BASE, "retention:\n");

	(void)state;
	assert_true(text && wider);
	used = (size_t)snprintf(text, size, "%.*s", (int)(cut - BASE), BASE);
	for (unsigned i = 0; i < 150; i++)
		used += (size_t)snprintf(text + used, size - used,
					 "  - {id: p%u, permit: [read], who: [technician], what: "
					 "{paths: ['/p%u/**'], ids: "
					 "['D%u-*'], max_size: %uK}, when: {purpose: [q%u], hours: "
					 "Mon-Fri %02u:00-%02u:30}, "
					 "why: One of very many rules.}\n",
					 i, i, i % 20, i + 1, i % 15, i % 12, i % 12 + 4);
	snprintf(text + used, size - used, "%s", cut);
	snprintf(wider, size, "%s", text);
	memcpy(strstr(wider, "/p149/"), "/z149/", 6);

	BL_CLEANUP(policy_unref) struct policy *older = parse(text);
	BL_CLEANUP(policy_unref) struct policy *newer = parse(wider);
	struct heard heard = {.question = "/z149/"}, same = {0};

	assert_int_equal(compare(older, newer, &heard), BOTH);
	assert_true(heard.is_asked);
	assert_int_equal(compare(older, older, &same), NEITHER);
}

/* Five hundred people leave, and one rule becomes wider. */
static void many_narrower_differences_do_not_hide_a_wider_one(void **state)
{
	const struct row row = {"keep_at_least: 10d", "keep_at_least: 40d", NULL, NULL};
	unsigned line, column;
	BL_CLEANUP(bl_free) char *longer = rows_break(BASE, &row, &line, &column);
	size_t size = sizeof(BASE) + 500 * 40, used = 0;
	BL_CLEANUP(bl_free) char *crowded = malloc(size);
	const char *cut = strstr(BASE, "roles:\n");
	struct heard heard = {.question = "keep a"};
	size_t wider, narrower;

	(void)state;
	assert_non_null(crowded);
	used = (size_t)snprintf(crowded, size, "%.*s", (int)(cut - BASE), BASE);
	for (unsigned i = 0; i < 500; i++)
		used += (size_t)snprintf(crowded + used, size - used, "  z%u: {roles: [clerk]}\n",
					 i);
	snprintf(crowded + used, size - used, "%s", cut);

	BL_CLEANUP(policy_unref) struct policy *older = parse(crowded);
	BL_CLEANUP(policy_unref) struct policy *newer = parse(longer);

	assert_int_equal(rules_diff(older, newer, hear, &heard, &wider, &narrower), BL_OK);
	assert_true(wider >= 1 && narrower == 200);
	assert_true(heard.is_asked && heard.wider == wider && heard.narrower == narrower);
}

static char *with_many_permits(const char *base, const char *when, const char *who)
{
	const char *cut = strstr(base, "rules:\n") + strlen("rules:\n");
	size_t size = strlen(base) + 250 * 128 + 128, used;
	char *text = malloc(size);

	assert_non_null(text);
	used = (size_t)snprintf(text, size,
				"%.*s  - {id: ends, permit: [shred], who: [%s], why: Only for a "
				"test.}\n",
				(int)(cut - base), base, who);
	for (unsigned i = 0; i < 250; i++)
		used += (size_t)snprintf(
			text + used, size - used,
			"  - {id: n%u, permit: [read], who: [clerk], what: {paths: ['/n%u/**']}%s,"
			" why: Only for a test.}\n",
			i, i, when);
	snprintf(text + used, size - used, "%s", cut);
	return text;
}

static void many_narrower_rules_do_not_hide_a_wider_one(void **state)
{
	static const char MANY[] =
		"bailee: 1\nname: Many\nserial: 1\ntimezone: UTC\n"
		"people: {anna: {roles: [clerk]}, carla: {roles: [boss]}}\n"
		"roles: {clerk: {}, boss: {}}\n"
		"defaults: {access: forbid, mask: fill}\nrules:\n"
		"  - {id: run, permit: [administer], who: [boss], why: Only for a test.}\n";
	BL_CLEANUP(bl_free) char *before = with_many_permits(MANY, "", "boss");
	BL_CLEANUP(bl_free)
	char *after = with_many_permits(MANY, ", when: {purpose: [repair]}", "boss, clerk");
	BL_CLEANUP(policy_unref) struct policy *older = parse(before);
	BL_CLEANUP(policy_unref) struct policy *newer = parse(after);
	struct heard heard = {0};

	(void)state;
	assert_int_equal(compare(older, newer, &heard), BOTH);
	assert_int_equal(heard.narrower, 200);
}

/* 600 rules differ, and fewer paths are told apart: whatever hides there is not called narrower. */
static void what_cannot_be_compared_counts_as_wider(void **state)
{
	char *texts[2];
	struct policy *policies[2];
	size_t wider, narrower;

	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		size_t length;
		FILE *out = open_memstream(&texts[side], &length);

		fprintf(out, "bailee: 1\nname: Many\nserial: 1\ntimezone: UTC\n"
			     "people: {anna: {roles: [worker]}}\nroles: {worker: {}}\n"
			     "defaults: {access: forbid, mask: fill}\nrules:\n");
		for (unsigned i = 0; i < 600; i++)
			fprintf(out,
				"  - {id: r%u, permit: [%s], who: [worker], what: {paths: "
				"[/folder-%u]}, why: One folder of many.}\n",
				i, side ? "read" : "list, read", i);
		fclose(out);

		struct rules_findings findings;

		assert_int_equal(rules_parse(texts[side], strlen(texts[side]), &policies[side],
					     &findings, NULL),
				 BL_OK);
	}
	assert_int_equal(rules_diff(policies[0], policies[1], NULL, NULL, &wider, &narrower),
			 BL_OK);
	assert_true(wider > 0);
	assert_int_equal(rules_diff(policies[0], policies[0], NULL, NULL, &wider, &narrower),
			 BL_OK);
	assert_int_equal(wider, 0);
	for (unsigned side = 0; side < 2; side++) {
		policy_unref(policies[side]);
		free(texts[side]);
	}
}

/* ---- parts of a device ------------------------------------------------------------------------------------- */

#define WITH_PATHS(paths, dates) "  - {id: part, what: {paths: [" paths "]}, " dates "}\n"

static const struct {
	const char *older, *newer;
	enum direction direction;
	const char *question;
} PARTS[] = {
	{WITH_PATHS("'/Users/**'", "destroy_by: 5d"), WITH_PATHS("'/Users/**'", "destroy_by: 6d"),
	 WIDER, "keep '/Users/**' of a sealed "},
	{WITH_PATHS("'/Users/**'", "destroy_by: 5d"), WITH_PATHS("'/Users/**'", "destroy_by: 4d"),
	 NARROWER, "keep '/Users/**' of a sealed "},
	{"", WITH_PATHS("'/Users/**'", "destroy_by: 5d"), NARROWER, "keep '/Users/**'"},
	/* later than the whole device: nothing */
	{"", WITH_PATHS("'/Users/**'", "destroy_by: 31d"), NEITHER, NULL},
	{"", WITH_PATHS("'/Users/**'", "keep_at_least: 31d"), WIDER, "keep a "},
	{WITH_PATHS("'/Users/**'", "destroy_by: 5d"),
	 WITH_PATHS("'/Users/**'", "destroy_by: 5d, window: Sun 10:00-11:00"), NARROWER,
	 "keep '/Users/**' of a sealed "},
	{WITH_PATHS("'/Users/**'", "destroy_after: {closed: 2d}"),
	 WITH_PATHS("'/Users/**'", "destroy_after: {closed: 3d}"), WIDER, ", closed"},
	/* urgent dates are the device's; its parts go with it */
	{"requests: {destroy_within: 72h}\n" WITH_PATHS("'/a/**'", "destroy_by: 20d"),
	 "requests: {destroy_within: 73h}\n" WITH_PATHS("'/a/**'", "destroy_by: 20d"), WIDER,
	 "destruction requested"},
	/* other files, more files, fewer files */
	{WITH_PATHS("'/a/**'", "destroy_by: 5d"), WITH_PATHS("'/b/**'", "destroy_by: 5d"), BOTH,
	 "keep '/b/**'"},
	{WITH_PATHS("'/a/**'", "destroy_by: 5d"), WITH_PATHS("'/a/b/**'", "destroy_by: 5d"), WIDER,
	 "keep '/a/**'"},
	{WITH_PATHS("'/a/b'", "destroy_by: 5d"), WITH_PATHS("'/**'", "destroy_by: 5d"), NARROWER,
	 "keep '/**'"},
	{WITH_PATHS("'/a/b/**'", "destroy_by: 5d"), WITH_PATHS("'/a/**'", "destroy_by: 6d"), BOTH,
	 "keep '/a/b/**'"},
	{WITH_PATHS("'/a/**'", "destroy_by: 5d"), WITH_PATHS("'/ab/**'", "destroy_by: 5d"), BOTH,
	 "keep '/ab/**'"},
	/* said in another way */
	{WITH_PATHS("'/a/**', '/b'", "destroy_by: 5d"),
	 WITH_PATHS("'/b'", "destroy_by: 5d") "  - {id: rest, what: {paths: ['/a/**']}, "
					      "destroy_after: {intake: 5d}}\n",
	 NEITHER, NULL},
	{WITH_PATHS("'/a/**'", "destroy_by: 5d"),
	 WITH_PATHS("'/a/**', '/a/b/**'", "destroy_by: 5d"), NEITHER, NULL},
	/* of devices in one status, and of one kind */
	{"  - {id: s, what: {status: [due]}, destroy_by: 5d}\n",
	 "  - {id: s, what: {status: [due]}, destroy_by: 6d}\n", WIDER, "that is due"},
	{"  - {id: k, what: {devices: [wearable]}, destroy_by: 5d}\n",
	 "  - {id: k, what: {devices: [wearable]}, destroy_by: 4d}\n", NARROWER, "keep a wearable"},
	/* a long pattern is cut, and not inside a letter */
	{WITH_PATHS("'/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé/**'",
		    "destroy_by: 5d"),
	 WITH_PATHS("'/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé/**'",
		    "destroy_by: 6d"),
	 WIDER, "aaaa' of a sealed "},
	/* the files, or the whole device */
	{WITH_PATHS("'/a/**'", "destroy_by: 5d"), "  - {id: part, destroy_by: 5d}\n", NARROWER,
	 "keep a sealed "},
};

static struct policy *parse_retention(const char *entries)
{
	static const char HEAD[] = "  - {id: all, destroy_after: {intake: 30d}}\n";
	const char *retention = strstr(BASE, "retention:\n");
	bool has_section = strncmp(entries, "requests", 8) == 0;
	size_t section = has_section ? strcspn(entries, "\n") + 1 : 0;
	size_t size = sizeof(BASE) + strlen(entries) + sizeof(HEAD);
	BL_CLEANUP(bl_free) char *text = malloc(size);

	assert_non_null(text);
	snprintf(text, size, "%.*s%.*sretention:\n%s%s", (int)(retention - BASE), BASE,
		 (int)section, entries, HEAD, entries + section);
	return parse(text);
}

static void a_part_that_stays_longer_is_wider(void **state)
{
	static const enum direction reversed[] = {NARROWER, WIDER, NEITHER, BOTH};
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(PARTS); i++) {
		BL_CLEANUP(policy_unref) struct policy *older = parse_retention(PARTS[i].older);
		BL_CLEANUP(policy_unref) struct policy *newer = parse_retention(PARTS[i].newer);
		struct heard there = {.question = PARTS[i].question}, back = {0};
		enum direction forth = compare(older, newer, &there);
		enum direction again = compare(newer, older, &back);

		if (forth == PARTS[i].direction && again == reversed[forth] &&
		    (there.is_asked || forth == NEITHER))
			continue;
		wrong++;
		print_error("row %zu: %s, and back %s, wanted %s%s\n", i, word(forth), word(again),
			    word(PARTS[i].direction),
			    there.is_asked ? "" : "; not asked in those words");
	}
	assert_int_equal(wrong, 0);
}

/* Each entry about other devices, with a list of @paths patterns from number @from on. */
static struct policy *parse_many(size_t entries, size_t paths, size_t from)
{
	size_t size = entries * (paths * 16 + 100) + 1, used = 0;
	BL_CLEANUP(bl_free) char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i < entries; i++) {
		used += (size_t)snprintf(text + used, size - used,
					 "  - {id: p%zu, destroy_by: %zud, what: {ids: ['D%zu-*'], "
					 "paths: [",
					 i, i % 20 + 1, i);
		for (size_t k = 0; k < paths; k++)
			used += (size_t)snprintf(text + used, size - used, "%s'/p%zu/**'",
						 k ? ", " : "", from + k);
		used += (size_t)snprintf(text + used, size - used, "]}}\n");
	}
	return parse_retention(text);
}

static void more_parts_than_can_be_compared_count_as_wider(void **state)
{
	static const struct {
		size_t entries, paths, from;
		bool is_cut;
	} rows[] = {{1, 64, 0, false}, {1, 65, 0, true},  {1, 32, 32, false},
		    {1, 33, 32, true}, {20, 2, 0, false}, {250, 1, 0, true}};
	BL_CLEANUP(policy_unref) struct policy *older = parse_many(1, 32, 0);

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		BL_CLEANUP(policy_unref)
		struct policy *newer = parse_many(rows[i].entries, rows[i].paths, rows[i].from);
		struct heard heard = {.question = "more dates and paths of retention"};

		(void)compare(older, newer, &heard);
		if (heard.is_asked != rows[i].is_cut || (heard.is_asked && !heard.wider))
			fail_msg("row %zu: %zu wider, %s", i, heard.wider,
				 heard.is_asked ? "not compared" : "compared");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_compared_counts_as_wider),
		cmocka_unit_test(every_edit_is_noticed_with_its_direction),
		cmocka_unit_test(another_pattern_of_a_class_counts_as_wider),
		cmocka_unit_test(many_narrower_differences_do_not_hide_a_wider_one),
		cmocka_unit_test(many_narrower_rules_do_not_hide_a_wider_one),
		cmocka_unit_test(each_permit_taken_out_is_narrower_and_nothing_else_widens_unseen),
		cmocka_unit_test(
			a_policy_too_large_for_every_combination_is_compared_around_its_rules),
		cmocka_unit_test(a_part_that_stays_longer_is_wider),
		cmocka_unit_test(more_parts_than_can_be_compared_count_as_wider),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

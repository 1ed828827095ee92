/* What a policy cannot mean: a good one, and what is said when one thing in it comes to nothing. */
#include "tests/unit/policy/rules/rows.h"

#include "policy/mask/mask.h"
#include "policy/rules/check.h"

static const char GOOD[] =
	"bailee: 1\n"
	"name: Desk\n"
	"serial: 3\n"
	"timezone: Europe/Dublin\n"
	"uses: [builtin/baseline]\n"
	"people:\n"
	"  anna: {roles: [technician]}\n"
	"  carla: {roles: [supervisor]}\n"
	"  dora: {roles: [supervisor, keeper]}\n"
	"  ed: {roles: [officer, keeper]}\n"
	"roles:\n"
	"  technician: {}\n"
	"  supervisor: {}\n"
	"  officer: {never_with: [technician]}\n"
	"  keeper: {}\n"
	"workplaces:\n"
	"  bench: {hosts: [bench-01]}\n"
	"  office: {hosts: [office-01]}\n"
	"detect:\n"
	"  sets: [contact, payment, secrets]\n"
	"  custom: {loyalty: {pattern: 'NG-[0-9]{8}', example: NG-20417733}}\n"
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
	"rules:\n"
	"  - id: looks\n"
	"    permit: [list, read]\n"
	"    who: [technician, supervisor]\n"
	"    what: {devices: [laptop], paths: ['/Users/**']}\n"
	"    where: bench\n"
	"    when: {hours: Mon-Fri 08:00-18:00, purpose: [repair], consent: granted}\n"
	"    why: Repairs need a look at it.\n"
	"  - id: asks\n"
	"    permit: [list, read]\n"
	"    who: [supervisor]\n"
	"    where: office\n"
	"    when: {purpose: [customer-request]}\n"
	"    why: The customer asked for it.\n"
	"  - id: export\n"
	"    permit: [copy]\n"
	"    who: [supervisor]\n"
	"    where: office\n"
	"    when: {purpose: [customer-request]}\n"
	"    needs: {approvals: {count: 2, from: [supervisor, officer], valid: 4h}}\n"
	"    why: The customer wants it back.\n"
	"  - id: refund\n"
	"    permit: [unmask]\n"
	"    who: [supervisor]\n"
	"    what: {contains: [loyalty, email]}\n"
	"    when: {purpose: [customer-request]}\n"
	"    why: A refund goes to an account.\n"
	"  - id: no-pictures\n"
	"    withhold: [image]\n"
	"    who: everyone\n"
	"    what: {paths: ['/Users/**']}\n"
	"    unless: {approved: copy}\n"
	"    why: Pictures are never shown.\n"
	"  - id: tail\n"
	"    mask: {card: keep-last-4, email: keep-domain}\n"
	"    who: [supervisor]\n"
	"    why: Receipts are matched by it.\n"
	"  - {id: life, permit: [hold, shred, approve, administer], who: [supervisor, officer], "
	"why: "
	"They decide.}\n"
	"  - {id: keeps, permit: [verify], who: [keeper], why: Somebody has to check it.}\n"
	"retention:\n"
	"  - {id: everything, destroy_after: {intake: 30d, closed: 3d}, destroy_by: 90d}\n"
	"consent_withdrawn: {destroy_within: 24h}\n";

#define AFTER_RULES                                                                                \
	"  - {id: keeps, permit: [verify], who: [keeper], why: Somebody has to check it.}\n"

static const struct row ROWS[] = {
	/* people */
	{"anna: {roles: [technician]}", "~anna: {roles: [technician, officer]}",
	 "'anna' gets neither 'technician' nor 'officer': nobody may hold both", "take one"},
	{"  keeper: {}\n", "  keeper: {}\n  ~auditor: {}\n", "nobody holds the role 'auditor'",
	 "give it"},
	/* approvals that nobody else can give */
	{"  - id: export\n    permit: [copy]\n    who: [supervisor]",
	 "  - id: ~export\n    permit: [copy]\n    who: [supervisor, officer]",
	 "rule 'export' gives 'officer' nothing: copy also needs a read, and no rule permits one "
	 "with it",
	 "permit 'read'"},
	{"dora: {roles: [supervisor, keeper]}", "dora: {roles: [keeper]}",
	 "rule 'export' asks for 2 approvals, and other people can give 'carla' only 1",
	 "lower 'count'"},
	{"from: [supervisor, officer]", "from: [supervisor]",
	 "rule 'export' asks for 2 approvals, and other people can give 'carla' only 1",
	 "lower 'count'"},
	{"count: 2, from: [supervisor, officer]", "count: 1, from: [technician]",
	 "rule 'export' asks for 1 approval, and other people can give 'carla' only 0",
	 "let somebody else"},
	/* offices */
	{"permit: [hold, shred, approve, administer]", "permit: [hold, shred, approve]",
	 "nobody is left who can administer: the daemon answers no administrator",
	 "permit: [administer]"},
	{"permit: [hold, shred, approve, administer]", "permit: [shred, approve, administer]",
	 "nobody is left who can hold: no shredding could ever be stopped", "permit: [hold]"},
	{AFTER_RULES,
	 AFTER_RULES
	 "  - {id: no-run, forbid: [administer], who: everyone, why: Nobody runs it.}\n",
	 "nobody is left who can administer: the daemon answers no administrator", ""},
	/* rules that cannot hold */
	{"consent: granted}\n", "consent: granted}\n    unless: {hours: Mon-Sun 07:30-18:00}\n",
	 "rule 'looks' never matches: 'unless' takes all of 'when'", "change"},
	{"consent: granted}\n",
	 "consent: granted}\n    unless: {hours: Mon-Fri 08:00-18:00, purpose: [repair], consent: "
	 "granted}\n",
	 "rule 'looks' never matches: 'unless' takes all of 'when'", "change"},
	{"what: {paths: ['/Users/**']}\n    unless",
	 "what: {paths: ['/Users/**'], kinds: [video]}\n    unless",
	 "rule 'no-pictures' never matches: 'kinds' has none of what it withholds", "withhold a"},
	{"unless: {approved: copy}", "unless: {approved: shred}",
	 "rule 'no-pictures' waits for an approved shred, and no permit of it asks for approvals",
	 "'approvals'"},
	{"what: {devices: [laptop], paths", "what: {status: [due], paths",
	 "rule 'looks' never opens anything: a device that is due or shredded is closed to "
	 "everybody",
	 "status"},
	/* permits that something closes */
	{AFTER_RULES,
	 AFTER_RULES "  - {id: never, forbid: [verify, copy], who: [keeper], why: Keepers do "
		     "nothing at all.}\n",
	 "rule 'keeps' never counts: 'never' forbids all of it", "remove one"},
	{AFTER_RULES,
	 AFTER_RULES "  - {id: no-copies, forbid: [copy], who: everyone, where: office, why: "
		     "Nothing leaves the place.}\n",
	 "rule 'export' never counts: 'no-copies' forbids all of it", "remove one"},
	{AFTER_RULES,
	 AFTER_RULES "  - {id: no-reads, forbid: [read], who: [supervisor], when: {purpose: "
		     "[customer-request]}, why: Nobody reads for that.}\n",
	 "rule 'asks' never permits read: 'no-reads' forbids it", "take the action"},
	{AFTER_RULES,
	 AFTER_RULES "  - {id: none, forbid: [list, read], who: [technician], what: {devices: "
		     "[laptop, phone]}, why: Technicians look at nothing.}\n",
	 "rule 'looks' gives 'technician' nothing: 'none' forbids it", "take the role"},
	{AFTER_RULES,
	 AFTER_RULES "  - {id: closed, withhold: [any], who: everyone, why: Nothing is shown.}\n",
	 "rule 'looks' never permits read: 'closed' withholds it", "take the action"},
	{AFTER_RULES,
	 AFTER_RULES "  - {id: no-mail, forbid: [unmask], who: everyone, what: {contains: [email, "
		     "loyalty]}, why: Nobody needs to see it.}\n",
	 "rule 'refund' never counts: 'no-mail' forbids all of it", "remove one"},
	/* what copy and unmask need */
	{"    who: [supervisor]\n    where: office\n    when: {purpose: [customer-request]}\n    "
	 "why: "
	 "The customer asked",
	 "    who: [supervisor]\n    where: office\n    when: {purpose: [complaint]}\n    why: The "
	 "customer asked",
	 "rule 'export' gives 'supervisor' nothing: copy also needs a read, and no rule permits "
	 "one "
	 "with it",
	 "permit 'read'"},
	{"    when: {purpose: [customer-request]}\n    why: The customer asked for it.\n"
	 "  - id: export\n    permit: [copy]\n    who: [supervisor]\n    where: office\n"
	 "    when: {purpose: [customer-request]}",
	 "    when: {hours: Mon-Fri 08:00-18:00}\n    why: The customer asked for it.\n"
	 "  - id: ~export\n    permit: [copy]\n    who: [supervisor]\n    where: office\n"
	 "    when: {hours: [Sat 08:00-18:00, Mon 18:00-19:00]}",
	 "rule 'export' gives 'supervisor' nothing: copy also needs a read, and no rule permits "
	 "one "
	 "with it",
	 "permit 'read'"},
	{"contains: [loyalty, email]", "contains: [loyalty, card]",
	 "rule 'refund' never unmasks 'card': builtin/baseline forbids it", "take the class"},
	/* masks and classes */
	{"email: keep-domain", "phone: keep-domain",
	 "rule 'tail' masks 'phone' with 'keep-domain', which does not fit it and is fill",
	 "write fill"},
	{"email: keep-domain", "loyalty: keep-domain",
	 "rule 'tail' masks 'loyalty' with 'keep-domain', which does not fit it and is fill",
	 "fits"},
	{"    who: [supervisor]\n    why: Receipts",
	 "    who: [supervisor]\n    what: {contains: [card]}\n    why: Receipts",
	 "rule 'tail' never masks 'email': its 'contains' leaves it out", "'contains'"},
	/* what sessions show */
	{AFTER_RULES,
	 AFTER_RULES
	 "  - {id: ~late, permit: [list, read], who: [supervisor], limits: {shown: 16383 per "
	 "day}, why: A look at the end.}\n",
	 "rule 'late' lets a session show nothing: 'shown' is below 16K", "50M per day"},
	{AFTER_RULES,
	 AFTER_RULES
	 "  - {id: ~late, permit: [list, unmask], who: [supervisor], limits: {shown: 1M "
	 "per day}, why: A look at the end.}\n",
	 "rule 'late' limits what is shown in sessions, and permits no read", "take 'shown' out"},
	/* workplaces, consent, retention */
	{"  office: {hosts: [office-01]}\n",
	 "  office: {hosts: [office-01]}\n  ~attic: {hosts: [attic-01]}\n",
	 "no rule speaks of the workplace 'attic'", "'where'"},
	{"consent_withdrawn: {destroy_within: 24h}\n", "",
	 "rule 'looks' asks for consent, and no 'consent_withdrawn' says what follows when it is "
	 "withdrawn",
	 "destroy_within"},
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: ~phones, what: {devices: [phone]}, destroy_after: {intake: "
	 "40d, closed: 3d}}\n",
	 "retention entry 'phones' never decides: 'everything' always comes first", "earlier"},
	{"destroy_after: {intake: 30d, closed: 3d}, destroy_by: 90d", "destroy_by: 365d",
	 "retention entry 'everything' never decides: 180 days from intake always come first",
	 "180d"},
	{"intake: 30d, closed: 3d}, destroy_by: 90d", "intake: 90d, closed: 3d}, destroy_by: 90d",
	 "'destroy_after: intake' of 'everything' never decides: 'destroy_by' comes first",
	 "shorter"},
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: ~kept, what: {ids: ['X-*']}, keep_at_least: 200d}\n",
	 "'keep_at_least' of 'kept' is not kept: nothing stays longer than 180 days", "180d"},
	{"destroy_after: {intake: 30d, closed: 3d}, destroy_by: 90d", "destroy_by: 180d",
	 "retention entry 'everything' never decides: 180 days from intake always come first",
	 "180d"},
	/* whatever the order of the entries */
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: ~phones, what: {devices: [phone]}, destroy_by: 29d}\n"
	 "  - {id: handsets, what: {devices: [phone, tablet]}, destroy_by: 20d}\n",
	 "retention entry 'phones' never decides: 'handsets' always comes first", "earlier"},
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: ~law, what: {devices: [phone]}, keep_at_least: 5d}\n"
	 "  - {id: laws, keep_at_least: 6d}\n",
	 "retention entry 'law' never decides: 'laws' always comes first", "earlier"},
	/* parts of a device: shadowed only where files and device are */
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: phones, what: {devices: [phone]}, destroy_by: 10d}\n"
	 "  - {id: ~mail, what: {devices: [phone], paths: ['/Mail/**']}, destroy_by: 12d}\n",
	 "the files of retention entry 'mail' never go before the whole device: 'phones' always "
	 "comes first",
	 "earlier"},
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: ~mail, what: {paths: ['/Mail/**']}, destroy_after: {closed: "
	 "4d}}\n",
	 "the files of retention entry 'mail' never go before the whole device: 'everything' "
	 "always comes first",
	 "earlier"},
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: ~mail, what: {paths: ['/Mail/**']}, destroy_after: {intake: "
	 "31d, closed: 3d}}\n",
	 "the files of retention entry 'mail' never go before the whole device: 'everything' "
	 "always comes first",
	 "earlier"},
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: ~mail, what: {paths: ['/Mail/**']}, destroy_by: 30d, "
	 "keep_at_least: 5d}\n",
	 "the files of retention entry 'mail' never go before the whole device: 'everything' "
	 "always comes first",
	 "earlier"},
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: ~mail, what: {devices: [phone], paths: ['/Mail/**']}, "
	 "destroy_by: 5d}\n  - {id: law, what: {devices: [phone, tablet]}, keep_at_least: 30d}\n",
	 "the files of retention entry 'mail' never go before the whole device: 'law' keeps them "
	 "until then",
	 "its dates"},
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: users, what: {paths: ['/Users/**']}, destroy_by: 5d}\n"
	 "  - {id: ~kim, what: {devices: [phone], paths: ['/Users/kim/**', '/Users/**']}, "
	 "destroy_by: 6d}\n",
	 "retention entry 'kim' never decides: 'users' always comes first", "earlier"},
	{"destroy_by: 90d}\n",
	 "destroy_by: 90d}\n  - {id: users, what: {paths: ['/Users/**']}, keep_at_least: 5d}\n"
	 "  - {id: ~kim, what: {devices: [phone]}, keep_at_least: 5d}\n",
	 "retention entry 'kim' never decides: 'users' always comes first", "earlier"},
};

static void a_policy_that_means_all_it_says_has_no_findings(void **state)
{
	(void)state;
	rows_assert_good(GOOD, 0);
}

static void what_comes_to_nothing_is_told_where_it_stands(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		wrong += !rows_try(GOOD, i, &ROWS[i], RULES_WARNING);
	assert_int_equal(wrong, 0);
}

/* Near misses of the rows above: each means something, so nothing is said. */
static void what_still_means_something_is_left_alone(void **state)
{
	static const struct row FINE[] = {
		{"dora: {roles: [supervisor, keeper]}", "'group:desk': {roles: [supervisor]}", NULL,
		 NULL},
		{"consent: granted}\n",
		 "consent: granted}\n    unless: {hours: Mon-Thu 07:30-18:00}\n", NULL, NULL},
		{"consent: granted}\n",
		 "consent: granted}\n    unless: {hours: Mon-Fri "
		 "08:00-18:00, purpose: [repair], consent: withdrawn}\n",
		 NULL, NULL},
		{AFTER_RULES,
		 AFTER_RULES "  - {id: no-copies, forbid: [copy], who: everyone, where: bench, "
			     "why: Nothing leaves the place.}\n",
		 NULL, NULL},
		{AFTER_RULES,
		 AFTER_RULES "  - {id: no-copies, forbid: [copy], who: everyone, when: "
			     "{caller_verified: two-factor}, why: Nothing leaves it.}\n",
		 NULL, NULL},
		{AFTER_RULES,
		 AFTER_RULES "  - {id: no-copies, forbid: [copy], who: everyone, what: {status: "
			     "[received]}, why: Nothing leaves it.}\n",
		 NULL, NULL},
		{AFTER_RULES,
		 AFTER_RULES "  - {id: no-copies, forbid: [copy], who: everyone, unless: {consent: "
			     "granted}, why: Nothing leaves it.}\n",
		 NULL, NULL},
		{AFTER_RULES,
		 AFTER_RULES "  - {id: no-copies, forbid: [copy], who: everyone, what: {contains: "
			     "[iban]}, why: Nothing leaves it.}\n",
		 NULL, NULL},
		{AFTER_RULES,
		 AFTER_RULES "  - {id: no-mail, forbid: [unmask], who: everyone, what: {contains: "
			     "[email]}, why: Nobody needs it.}\n",
		 NULL, NULL},
		{AFTER_RULES,
		 AFTER_RULES "  - {id: no-run, forbid: [administer], who: [keeper], why: They "
			     "keep and do not run it.}\n",
		 NULL, NULL},
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: phones, what: {devices: [phone]}, destroy_after: "
		 "{intake: 40d, closed: 2d}}\n",
		 NULL, NULL},
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: phones, what: {devices: [phone]}, destroy_after: "
		 "{intake: 7d, closed: 2d}}\n",
		 NULL, NULL},
		{"    permit: [copy]\n    who: [supervisor]",
		 "    permit: [copy]\n    who: [keeper]", NULL, NULL},
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: paid, what: {ids: ['X-*']}, keep_at_least: 10d}\n",
		 NULL, NULL},
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: phones, what: {devices: [phone]}, destroy_after: "
		 "{intake: 7d}}\n",
		 NULL, NULL},
		/* of two that agree the first stays */
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: phones, what: {devices: [phone]}, destroy_by: 20d}\n"
		 "  - {id: handsets, what: {devices: [phone, tablet]}, destroy_by: 20d}\n",
		 NULL, NULL},
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: law, what: {devices: [phone]}, keep_at_least: 5d}\n"
		 "  - {id: laws, keep_at_least: 5d}\n",
		 NULL, NULL},
		/* files with an earlier date, by any start; of a device that is kept for less long */
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: mail, what: {paths: ['/Mail/**']}, destroy_by: 29d}\n"
		 "  - {id: law, keep_at_least: 29d}\n",
		 NULL, NULL},
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: mail, what: {paths: ['/Mail/**']}, destroy_after: "
		 "{last_open: 60d}}\n",
		 NULL, NULL},
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: mail, what: {paths: ['/Mail/**']}, destroy_by: 30d, "
		 "window: Sun 10:00-12:00}\n",
		 NULL, NULL},
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: mail, what: {paths: ['/Mail/**']}, keep_at_least: "
		 "5d}\n",
		 NULL, NULL},
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: mail, what: {devices: [phone], paths: ['/Mail/**']}, "
		 "destroy_by: 5d}\n  - {id: law, what: {devices: [laptop]}, keep_at_least: 30d}\n",
		 NULL, NULL},
		/* the whole device, however early some of its files go */
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: mail, what: {paths: ['/Mail/**']}, destroy_by: 5d}\n"
		 "  - {id: phones, what: {devices: [phone]}, destroy_by: 6d}\n",
		 NULL, NULL},
		/* other files, or more of them */
		{"destroy_by: 90d}\n",
		 "destroy_by: 90d}\n  - {id: users, what: {paths: ['/Users/kim/**']}, destroy_by: "
		 "5d}\n"
		 "  - {id: kim, what: {paths: ['/Users/kim/**', '/Users/k*']}, destroy_by: 6d}\n",
		 NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(FINE); i++) {
		unsigned line, column;
		BL_CLEANUP(bl_free) char *text = rows_break(GOOD, &FINE[i], &line, &column);

		rows_assert_good(text, i);
	}
}

static void what_closes_a_read_closes_the_copy_that_needs_it(void **state)
{
	const struct row row = {AFTER_RULES,
				AFTER_RULES "  - {id: no-reads, forbid: [read], who: everyone, "
					    "where: office, why: Nobody reads here.}\n",
				NULL, NULL};
	unsigned line, column;
	BL_CLEANUP(bl_free) char *text = rows_break(GOOD, &row, &line, &column);
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;
	bool is_told = false;

	(void)state;
	assert_int_equal(rules_parse(text, strlen(text), &policy, &findings, NULL), BL_OK);
	for (size_t i = 0; i < findings.count; i++)
		is_told |= strcmp(findings.items[i].text, "rule 'export' never counts: 'no-reads' "
							  "forbids all of it") == 0;
	assert_true(is_told);
}

/* ---- the table of masks ------------------------------------------------------------------------------------ */

/* One item of @class masked in @style; true when that is not what fill makes of it. */
static bool differs_from_fill(unsigned class, unsigned style, const char *value)
{
	struct detect_span span = {0, (uint32_t)strlen(value), (uint8_t) class, 1};
	struct detect_spans spans = {&span, 1, 1};
	char masked[2][64];

	for (unsigned i = 0; i < 2; i++) {
		struct mask mask = {.key = {7}};

		memset(mask.styles, STYLE_FILL, sizeof(mask.styles));
		mask.styles[class] = (uint8_t)(i ? style : (unsigned)STYLE_FILL);
		snprintf(masked[i], sizeof(masked[i]), "%s", value);
		mask_window(&mask, (uint8_t *)masked[i], 0, strlen(value), 0, 0, &spans);
	}
	return strcmp(masked[0], masked[1]) != 0;
}

static void a_style_is_said_to_fit_just_where_masking_uses_it(void **state)
{
	static const char *const values[] = {"4000001234567899", "kim.the.customer.of.ours@ex.org",
					     "1978-05-17", "12345678 90123456"};

	(void)state;
	for (unsigned class = 0; class <= CLASS_COUNT; class ++)
		for (unsigned style = STYLE_SHAPE; style < STYLE_COUNT; style++) {
			bool is_used = false, fits = bl_style_fitted(style, class) == style;

			for (size_t i = 0; i < BL_COUNT(values); i++)
				is_used |= differs_from_fill(class, style, values[i]);
			if (is_used != fits)
				fail_msg("class %u, %s: masking %s it", class, bl_style_name(style),
					 is_used ? "uses" : "does not use");
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_that_means_all_it_says_has_no_findings),
		cmocka_unit_test(what_comes_to_nothing_is_told_where_it_stands),
		cmocka_unit_test(what_still_means_something_is_left_alone),
		cmocka_unit_test(what_closes_a_read_closes_the_copy_that_needs_it),
		cmocka_unit_test(a_style_is_said_to_fit_just_where_masking_uses_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

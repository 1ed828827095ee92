/* The customer's notice says what the policy says, and nothing else. */
#include "tests/unit/policy/rules/rows.h"

static const char BASE[] =
	"bailee: 1\n"
	"name: Returns desk\n"
	"serial: 15\n"
	"timezone: Europe/Dublin\n"
	"people: {anna: {roles: [technician]}, carla: {roles: [privacy-officer]}}\n"
	"roles: {technician: {}, privacy-officer: {}}\n"
	"workplaces: {bench: {hosts: [bench-01]}}\n"
	"detect: {sets: [contact, payment], customer: true}\n"
	"defaults: {access: forbid, mask: fill}\n"
	"rules:\n"
	"  - {id: looks, permit: [list, read], who: [technician], what: {devices: [laptop, "
	"usb-stick]}, "
	"where: bench, when: {hours: Mon-Fri 08:00-18:00, purpose: [grading, repair], consent: "
	"granted}, "
	"why: Repairs need a look at it}\n"
	"  - {id: reviews, permit: [review, hold, administer], who: [privacy-officer], why: The "
	"log is "
	"read.}\n"
	"retention:\n"
	"  - {id: all, destroy_after: {intake: 30d, closed: 3d}}\n";

#define RULES	  "rules:\n"
#define RETENTION "retention:\n"

/* With @from changed to @to the notice has @has and has not @lacks; NULL: nothing is asked. */
struct change {
	const char *from, *to, *has, *lacks;
};

static const struct change CHANGES[] = {
	{"serial: 15", "serial: 16", "(number 16)", "(number 15)"},
	/* what is looked at, and what for */
	{"serial", "serial",
	 "- **technician**, on a device of the kind laptop and usb stick, for the purpose of "
	 "grading and "
	 "repair, as long as your consent is on record, Monday to Friday 08:00 to 18:00, only on "
	 "our own "
	 "machines (bench). Repairs need a look at it.\n",
	 NULL},
	{"permit: [list, read], who: [technician]", "permit: [intake], who: [technician]", NULL,
	 "Nobody else looks"},
	{"serial", "serial",
	 "Contents are looked into in a sealed place: they are shown on a screen", NULL},
	{"permit: [list, read], who: [technician]", "permit: [list], who: [technician]",
	 "Nobody else looks", "sealed place"},
	{"who: [technician]", "who: everyone", "**everybody who works here**", "**technician**"},
	{"hours: Mon-Fri 08:00-18:00, ", "", NULL, "Monday"},
	{"Mon-Fri 08:00-18:00", "[Mon-Wed 08:00-18:00, Sat 09:00-12:30]",
	 "Monday to Wednesday 08:00 to 18:00 and Saturday 09:00 to 12:30", NULL},
	/* hidden */
	{"serial", "serial", "What it finds is hidden completely.\n", "unless one of these lines"},
	{"mask: fill", "mask: shape", "only its shape can be seen",
	 "What it finds is hidden completely"},
	{"sets: [contact, payment]", "sets: [contact]", "email addresses", "IBANs"},
	{"customer: true", "customer: false", NULL, "your own name"},
	{RULES,
	 RULES "  - {id: tail, mask: {phone: keep-last-4}, who: [technician], why: It tells them "
	       "apart.}\n",
	 "- To **technician**, phone numbers: hidden but for the last four digits.\n", NULL},
	{RULES,
	 RULES "  - {id: names, mask: {name: shape}, who: [technician], why: It tells them "
	       "apart.}\n",
	 "names: hidden, only", NULL},
	/* the masks of a shipped set lift no default */
	{"serial: 15\n", "serial: 15\nuses: [builtin/gdpr]\n", NULL, "behind the @"},
	{"serial: 15\n", "serial: 15\nuses: [builtin/gdpr]\n", "not once an unmask was approved",
	 "once a unmask"},
	{RULES,
	 RULES "  - {id: shut, withhold: [image], who: everyone, unless: {approved: copy}, why: "
	       "Photos are not shown.}\n",
	 "- To **everybody who works here**: files of the kind image, but not once a copy was "
	 "approved. "
	 "Photos are not shown.\n",
	 NULL},
	{RULES,
	 RULES "  - {id: shut, forbid: [read], who: [technician], what: {contains: [iban]}, why: "
	       "Accounts are private.}\n",
	 "- To **technician**: files in which the filter finds IBANs. Accounts are private.\n",
	 NULL},
	{RULES,
	 RULES "  - {id: shut, forbid: [read], who: [technician], what: {contains: [passport]}, "
	       "why: Papers are private.}\n",
	 NULL, "Papers are private"},
	{"serial", "serial", "Nobody sees what the filter hides.", NULL},
	{RULES,
	 RULES "  - {id: show, permit: [unmask], who: [technician], what: {contains: [email]}, "
	       "needs: {reason: required}, why: A reply has to go somewhere.}\n",
	 "- email addresses to\n  - **technician**, with a reason that is recorded. A reply has to "
	 "go "
	 "somewhere.\n",
	 "Nobody sees what the filter hides."},
	/* who receives it */
	{"serial", "serial", "Contents are not copied out", NULL},
	{RULES,
	 RULES "  - {id: out, permit: [copy], who: [technician], needs: {approvals: {count: 1, "
	       "from: [privacy-officer], valid: 4h}}, why: You asked for it.}\n",
	 "- **technician**, after 1 other person has agreed (privacy officer). You asked for it.\n",
	 "Contents are not copied out"},
	/* the choice */
	{"serial", "serial", "You may refuse your consent", "This does not rest on consent"},
	{", consent: granted", "", "No work here rests on your consent",
	 "You may refuse your consent"},
	{RULES,
	 RULES
	 "  - {id: out, permit: [copy], who: [technician], when: {consent: granted}, why: You "
	 "asked for it.}\n",
	 "Without it none of this happens:\n\n- **technician**, as long as your consent is on "
	 "record. You asked for it.\n",
	 NULL},
	{RULES,
	 RULES
	 "  - {id: shown, permit: [unmask], who: [technician], when: {consent: granted}, why: "
	 "You asked for it.}\n",
	 "Without it none of this happens:\n\n- **technician**, as long as your consent is on "
	 "record. You asked for it.\n",
	 NULL},
	{RETENTION, "consent_withdrawn: {destroy_within: 24h}\n" RETENTION,
	 "If you withdraw it, nobody opens your data from then on, and our copy is destroyed "
	 "within 24 hours, unless we must keep it",
	 "at once, unless we must keep it as said below"},
	{"serial", "serial", "our copy is destroyed at once, unless we must keep it as said below",
	 "our copy is destroyed within"},
	/* how long */
	{"serial", "serial",
	 "- What was on your device is destroyed 30 days after we took it in, or 3 days after your "
	 "order "
	 "was closed, whichever comes first.\n",
	 "overdue"},
	{"{intake: 30d, closed: 3d}", "{last_open: 2d}",
	 "is destroyed 48 hours after it was last looked at.\n", "whichever"},
	{"destroy_after: {intake: 30d, closed: 3d}", "what: {devices: [phone]}, keep_at_least: 10d",
	 "- What was on a device of the kind phone is kept for at least 10 days.\n",
	 "is destroyed 30"},
	{RETENTION, "holds: {longest: 120d, review_every: 30d}\n" RETENTION,
	 "Whether it is still needed is to be looked at again every 30 days. After 120 days we are "
	 "reminded of it as overdue until it is released.\n",
	 "lasts at most"},
	{RETENTION, "holds: {release_approvals: 1}\n" RETENTION,
	 "that is recorded. To release it, 1 other person has to agree.\n", "overdue"},
	{RETENTION, "holds: {release_approvals: 2}\n" RETENTION,
	 "To release it, 2 other people have to agree.\n", NULL},
	{"serial", "serial",
	 "Nothing is kept for longer than 180 days after we took it in, unless a hold stops that: "
	 "somebody has to say why, and that is recorded.\n",
	 "to agree.\n"},
	/* parts of a device */
	{"{id: all, destroy_after",
	 "{id: part, what: {paths: ['/Users/**']}, destroy_by: 5d}\n  - {id: all, destroy_after",
	 "- What was in certain folders of your device is destroyed 5 days after we took it in, at "
	 "the latest. Where it cannot be destroyed by itself, all that was on the device goes "
	 "then.\n",
	 "/Users/**"},
	{"{id: all, destroy_after",
	 "{id: part, what: {devices: [phone], paths: ['/Users/**']}, destroy_by: 5d, "
	 "keep_at_least: 2d}\n  - {id: all, destroy_after",
	 "- What was in certain folders of a device of the kind phone is destroyed 5 days after we "
	 "took it in, at the latest; it is kept for at least 48 hours, and all else on the device "
	 "as "
	 "long. Where it cannot be destroyed by itself, all that was on the device goes then.\n",
	 NULL},
	{"{id: all, destroy_after",
	 "{id: part, what: {paths: ['/Users/**']}, keep_at_least: 5d}\n  - {id: all, destroy_after",
	 "- What was in certain folders of your device is kept for at least 5 days, and all else "
	 "on "
	 "the device as long.\n",
	 "cannot be destroyed by itself"},
	{"serial", "serial", NULL, "and all else on the device"},
	/* proof, record, rights */
	{RETENTION, "proof: {verify: 100%, certificate: true}\n" RETENTION,
	 "Every destruction is to be looked at again by somebody who neither asked for it nor "
	 "agreed "
	 "to it. You can have a certificate of it.",
	 "in every 100"},
	{RETENTION, "proof: {verify: 5%, certificate: false}\n" RETENTION,
	 "Of each month's destructions 5 in every 100, drawn so that anybody can check the draw, "
	 "are "
	 "to be looked at again by somebody who neither asked for them nor agreed to them.\n",
	 "certificate"},
	{"serial", "serial", "beside it goes too.\n", "looked at again by"},
	{"serial", "serial", "The record is read by:\n\n- **privacy officer**.",
	 "You can have a report"},
	{RETENTION, "audit: {keep: 3y, tell_customer: true}\n" RETENTION,
	 "The record is kept for 3 years. You can have a report of it", NULL},
	{RETENTION, "requests: {destroy_within: 72h}\n" RETENTION,
	 "If you ask us to destroy it, and we have seen that it is you who asks, that happens "
	 "within 3 days, unless we must keep it as said above.",
	 "happens at once"},
	{"serial", "serial", "[your authority and its address]", "happens within"},
	{"serial", "serial", "that happens at once, unless we must keep it as said above.", NULL},
	/* whom to ask, and where to complain: as stated, else a blank */
	{"serial", "serial", "tell us at [how to reach you]. Without it", NULL},
	{RETENTION, "report: {contact: The *desk*.}\n" RETENTION,
	 "Responsible for it: The \\*desk\\*.\n", "[how to reach you]"},
	{RETENTION, "report: {contact: The desk}\n" RETENTION,
	 "tell us at The desk. Without it none of this happens:", "[your company's name]"},
	{RETENTION, "report: {complain: The authority}\n" RETENTION,
	 "for data protection: The authority.\n", "[your authority"},
	{RETENTION, "report: {names: true}\n" RETENTION, "[your authority and its address].\n",
	 NULL},
	/* text of the file is text, never markup */
	{"name: Returns desk", "name: 'A *bold* <b> [link](x)'",
	 "A \\*bold\\* \\<b\\> \\[link\\](x)", "<b>"},
	{"why: Repairs need a look at it", "why: 'We <script> need a look!'",
	 "We \\<script\\> need a look!\n", "<script>"},
};

static char *publish(const char *text)
{
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {""};
	char *notice = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&notice, &size);

	assert_non_null(out);
	if (rules_parse(text, strlen(text), &policy, &findings, &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_int_equal(rules_publish(out, policy), BL_OK);
	fclose(out);
	return notice;
}

static void the_notice_says_what_the_policy_says(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(CHANGES); i++) {
		const struct change *change = &CHANGES[i];
		const struct row row = {change->from, change->to, NULL, NULL};
		unsigned line, column;
		BL_CLEANUP(bl_free) char *text = rows_break(BASE, &row, &line, &column);
		BL_CLEANUP(bl_free) char *notice = publish(text);

		if ((!change->has || strstr(notice, change->has)) &&
		    (!change->lacks || !strstr(notice, change->lacks)))
			continue;
		print_error("row %zu: wanted '%s' and not '%s' in:\n%s\n", i,
			    change->has ? change->has : "", change->lacks ? change->lacks : "",
			    notice);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void a_notice_that_cannot_be_written_is_told(void **state)
{
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	setbuf(full, NULL);
	assert_int_equal(rules_parse(BASE, strlen(BASE), &policy, &findings, NULL), BL_OK);
	assert_int_equal(rules_publish(full, policy), BL_IO);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_notice_says_what_the_policy_says),
		cmocka_unit_test(a_notice_that_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

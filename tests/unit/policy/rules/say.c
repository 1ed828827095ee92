#include "desk.h"

/* A shop with one rule for each thing that can be missing. */
#define SHOP                                                                                       \
	"bailee: 1\n"                                                                              \
	"name: Shop\n"                                                                             \
	"serial: 1\n"                                                                              \
	"timezone: Europe/Dublin\n"                                                                \
	"people:\n"                                                                                \
	"  anna: {roles: [technician], training_expires: 2027-03-31}\n"                            \
	"  ben: {roles: [technician], training_expires: 2026-06-30}\n"                             \
	"  carla: {roles: [supervisor]}\n"                                                         \
	"  dmitri: {roles: [supervisor, officer]}\n"                                               \
	"  gus: {roles: [officer]}\n"                                                              \
	"  kai: {roles: [agent]}\n"                                                                \
	"  fay: {roles: [auditor, administrator]}\n"                                               \
	"  otto: {roles: [administrator]}\n"                                                       \
	"roles:\n"                                                                                 \
	"  technician: {requires: [training]}\n"                                                   \
	"  supervisor: {}\n"                                                                       \
	"  officer: {}\n"                                                                          \
	"  agent: {}\n"                                                                            \
	"  auditor: {never_with: [administrator]}\n"                                               \
	"  administrator: {}\n"                                                                    \
	"workplaces:\n"                                                                            \
	"  bench: {hosts: [bench-01]}\n"                                                           \
	"  lab: {hosts: [lab-01]}\n"                                                               \
	"  office: {hosts: [office-01]}\n"                                                         \
	"detect: {sets: [contact, payment, government-id, health, secrets]}\n"                     \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"rules:\n"                                                                                 \
	"  - id: looks\n"                                                                          \
	"    permit: [list, read]\n"                                                               \
	"    who: [technician, supervisor]\n"                                                      \
	"    what: {devices: [laptop]}\n"                                                          \
	"    where: [bench, lab]\n"                                                                \
	"    when: {hours: Mon-Sat 07:00-20:00, purpose: [repair], consent: granted}\n"            \
	"    limits: {files: 200 per hour, bytes: 500M per day, shown: 50M per day}\n"             \
	"    why: Repair needs a look\n"                                                           \
	"  - id: calls\n"                                                                          \
	"    permit: [list, read]\n"                                                               \
	"    who: [agent]\n"                                                                       \
	"    when: {purpose: [call], caller_verified: two-factor}\n"                               \
	"    why: Nothing is opened before two checks.\n"                                          \
	"  - id: asked-to\n"                                                                       \
	"    permit: [list, read]\n"                                                               \
	"    who: [supervisor]\n"                                                                  \
	"    where: office\n"                                                                      \
	"    when: {purpose: [customer-request]}\n"                                                \
	"    why: The customer asked us to look.\n"                                                \
	"  - id: no-health\n"                                                                      \
	"    forbid: [read]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    what: {contains: [health-id]}\n"                                                      \
	"    why: Health is for supervisors.\n"                                                    \
	"  - id: no-photos\n"                                                                      \
	"    withhold: [image]\n"                                                                  \
	"    who: everyone\n"                                                                      \
	"    unless: {approved: copy}\n"                                                           \
	"    why: Photos are never shown.\n"                                                       \
	"  - id: no-films\n"                                                                       \
	"    withhold: [video]\n"                                                                  \
	"    who: everyone\n"                                                                      \
	"    why: Films are never shown.\n"                                                        \
	"  - id: no-copies\n"                                                                      \
	"    forbid: [copy]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    why: Contents stay on Bailee.\n"                                                      \
	"  - id: export\n"                                                                         \
	"    permit: [copy]\n"                                                                     \
	"    who: [supervisor]\n"                                                                  \
	"    where: office\n"                                                                      \
	"    when: {purpose: [customer-request]}\n"                                                \
	"    needs: {reason: required, approvals: {count: 2, from: [supervisor, officer], "        \
	"valid: 4h}}\n"                                                                            \
	"    why: The customer asked for their files.\n"                                           \
	"  - id: refund\n"                                                                         \
	"    permit: [unmask]\n"                                                                   \
	"    who: [supervisor]\n"                                                                  \
	"    what: {contains: [email]}\n"                                                          \
	"    when: {purpose: [customer-request]}\n"                                                \
	"    needs: {reason: required}\n"                                                          \
	"    limits: {unmasks: 10 per day}\n"                                                      \
	"    why: Refunds are paid to it.\n"                                                       \
	"  - id: takes-in\n"                                                                       \
	"    permit: [intake, request]\n"                                                          \
	"    who: [technician, supervisor]\n"                                                      \
	"    why: The counter takes devices in.\n"                                                 \
	"  - id: officers-ask\n"                                                                   \
	"    permit: [request]\n"                                                                  \
	"    who: [officer]\n"                                                                     \
	"    why: Officers may ask for more.\n"                                                    \
	"  - id: papers\n"                                                                         \
	"    permit: [list, read]\n"                                                               \
	"    who: [officer]\n"                                                                     \
	"    when: {purpose: [papers]}\n"                                                          \
	"    why: Officers look for papers.\n"                                                     \
	"  - id: rings\n"                                                                          \
	"    permit: [unmask]\n"                                                                   \
	"    who: [officer]\n"                                                                     \
	"    what: {contains: [phone]}\n"                                                          \
	"    needs: {approvals: {count: 1, from: [supervisor], valid: 8h}}\n"                      \
	"    why: The owner is rung up.\n"                                                         \
	"  - id: holds\n"                                                                          \
	"    permit: [hold]\n"                                                                     \
	"    who: [officer]\n"                                                                     \
	"    needs: {approvals: {count: 1, from: [supervisor], valid: 8h}}\n"                      \
	"    why: A hold is agreed.\n"                                                             \
	"  - id: officer-exports\n"                                                                \
	"    permit: [copy]\n"                                                                     \
	"    who: [agent]\n"                                                                       \
	"    when: {purpose: [call]}\n"                                                            \
	"    needs: {approvals: {count: 1, from: [supervisor], valid: 8h}}\n"                      \
	"    why: Answers are sent.\n"                                                             \
	"  - id: runs\n"                                                                           \
	"    permit: [administer]\n"                                                               \
	"    who: [administrator]\n"                                                               \
	"    why: Somebody runs it.\n"

#define SECRET_PATH "/Users/kim/secret-name.txt"

/* What a row does not say: anna reads a text for repair at the bench, with consent, and all is looked through. */
struct situation {
	const char *login; /* NULL: anna */
	enum bl_action action;
	unsigned class;
	const char *purpose, *workplace; /* NULL: repair, bench; "" : none */
	int hours_on;
	bool has_reason, is_unscanned, is_log_broken;
	int consent; /* enum bl_consent + 1; 0: granted */
	enum bl_check check;
	bl_classes has;
	int kind;  /* enum bl_file_kind + 1; 0: text */
	int state; /* enum bl_device_state + 1; 0: open */
	struct rules_used used;
	size_t approvals; /* by other people who hold every role */
	const char *text;
};

static const char *or_else(const char *text, const char *otherwise)
{
	if (!text)
		return otherwise;
	return *text ? text : NULL;
}

static void become(struct desk *desk, const struct situation *row)
{
	struct rules_circumstances who = {
		.caller = {.uid = 7, .login = or_else(row->login, "anna")},
		.purpose = or_else(row->purpose, "repair"),
		.workplace = or_else(row->workplace, "bench"),
		.has_reason = row->has_reason,
		.now_unix = DESK_NOW + row->hours_on * INT64_C(3600),
		.is_clock_trusted = true};

	desk_become(desk, &who);
	desk->facts.kind = row->kind ? row->kind - 1 : FILE_TEXT;
	desk->facts.state = row->state ? row->state - 1 : STATE_OPEN;
	desk->facts.is_log_writable = !row->is_log_broken;
	desk->facts.consent = row->consent ? (enum bl_consent)(row->consent - 1) : CONSENT_GRANTED;
	desk->facts.caller_check = row->check;
	desk->facts.has = row->has;
	desk->facts.is_whole_known = !row->is_unscanned;
	desk->facts.is_unscanned = row->is_unscanned;
	desk->facts.used = &row->used;
}

static void check_row(const struct situation *row, size_t number)
{
	struct rules_approval approvals[4];
	struct desk desk;
	char text[1024];

	desk_open(&desk, SHOP, "anna", DESK_NOW, SECRET_PATH);
	become(&desk, row);
	for (size_t i = 0; i < row->approvals; i++)
		approvals[i] = (struct rules_approval){.request = 1,
						       .giver = (uid_t)(100 + i),
						       .roles = UINT64_MAX,
						       .given_unix = DESK_NOW,
						       .action = RULES_ANY,
						       .class = RULES_ANY};
	desk.facts.approvals = approvals;
	desk.facts.approval_count = row->approvals;
	struct rules_decision got = desk_decide(&desk, row->action, row->class);

	rules_say(desk.subject, &desk.facts, row->action, &got, text, sizeof(text));
	if (strcmp(text, row->text) != 0)
		fail_msg("row %zu: %s", number, text);
	desk_close(&desk);
}

#define USED(unit, period, count)                                                                  \
	{                                                                                          \
		.amount = { [unit] = {[period] = (count)} }                                        \
	}

static void every_answer_names_what_is_missing_and_the_next_step(void **state)
{
	static const struct situation rows[] = {
		/* permitted */
		{.action = ACTION_READ,
		 .text = "read is permitted by rule 'looks': Repair needs a look."},
		/* a reason, approvals, both */
		{.login = "carla",
		 .action = ACTION_UNMASK,
		 .class = CLASS_EMAIL,
		 .purpose = "customer-request",
		 .workplace = "office",
		 .text = "unmask needs a reason by rule 'refund': Refunds are paid to it. Next: "
			 "give a reason (--reason TEXT)"},
		{.login = "carla",
		 .action = ACTION_COPY,
		 .purpose = "customer-request",
		 .workplace = "office",
		 .text = "copy needs a reason and 2 approvals by rule 'export': The customer asked "
			 "for their files. Next: give a reason (--reason TEXT) and ask for 2 "
			 "approvals by others who hold 'supervisor' or 'officer': bailee request "
			 "copy RMA-1 [PATH] --reason TEXT"},
		{.login = "carla",
		 .action = ACTION_COPY,
		 .purpose = "customer-request",
		 .workplace = "office",
		 .has_reason = true,
		 .approvals = 1,
		 .text = "copy needs 1 more approval by rule 'export': The customer asked for "
			 "their files. Next: ask for 1 more approval by others who hold "
			 "'supervisor' or 'officer': bailee request copy RMA-1 [PATH] --reason "
			 "TEXT"},
		{.login = "carla",
		 .action = ACTION_COPY,
		 .purpose = "customer-request",
		 .workplace = "office",
		 .approvals = 2,
		 .text = "copy needs a reason by rule 'export': The customer asked for their "
			 "files. Next: give a reason (--reason TEXT)"},
		{.login = "gus",
		 .action = ACTION_HOLD,
		 .text = "hold needs 1 approval by rule 'holds': A hold is agreed. Next: ask for 1 "
			 "approval by others who hold 'supervisor': bailee request hold ID "
			 "--reason TEXT"},
		{.login = "gus",
		 .action = ACTION_UNMASK,
		 .class = CLASS_PHONE,
		 .purpose = "papers",
		 .text = "unmask needs 1 approval by rule 'rings': The owner is rung up. Next: ask "
			 "for 1 approval by others who hold 'supervisor': bailee request unmask "
			 "RMA-1 [PATH] --class CLASS --reason TEXT"},
		/* whoever lacks only approvals may request them, without a permit of request */
		{.login = "kai",
		 .action = ACTION_COPY,
		 .purpose = "call",
		 .check = CHECK_TWO_FACTOR,
		 .text = "copy needs 1 approval by rule 'officer-exports': Answers are sent. Next: "
			 "ask for 1 approval by others who hold 'supervisor': bailee request copy "
			 "RMA-1 [PATH] --reason TEXT"},
		/* purpose, consent, caller, workplace, and two at once */
		{.action = ACTION_READ,
		 .purpose = "",
		 .text = "read is forbidden: no rule permits it to you here. Next: if it is so, "
			 "state the purpose 'repair'; if the customer consents, record it: bailee "
			 "consent ID grant repair (rule 'looks': Repair needs a look.)"},
		/* what the caller typed is not ours to repeat */
		{.action = ACTION_READ,
		 .purpose = "curiosity",
		 .text = "read is forbidden: no rule permits it to you here. Next: if it is so, "
			 "state the purpose 'repair'; if the customer consents, record it: bailee "
			 "consent ID grant repair (rule 'looks': Repair needs a look.)"},
		{.login = "kai",
		 .action = ACTION_READ,
		 .purpose = "",
		 .check = CHECK_TWO_FACTOR,
		 .text = "read is forbidden: no rule permits it to you here. Next: if it is so, "
			 "state the purpose 'call' (rule 'calls': Nothing is opened before two "
			 "checks.)"},
		{.action = ACTION_READ,
		 .consent = 1 + CONSENT_UNKNOWN,
		 .text = "read is forbidden: no rule permits it to you here. Next: if the customer "
			 "consents, record it: bailee consent ID grant repair (rule 'looks': "
			 "Repair needs a look.)"},
		{.action = ACTION_READ,
		 .consent = 1 + CONSENT_WITHDRAWN,
		 .text = "read is forbidden: no rule permits it to you here. Next: consent was "
			 "withdrawn: if the customer gives it again, record it: bailee consent ID "
			 "grant repair (rule 'looks': Repair needs a look.)"},
		{.login = "kai",
		 .action = ACTION_READ,
		 .purpose = "call",
		 .text = "read is forbidden: no rule permits it to you here. Next: check the "
			 "caller: bailee caller ID verified --by two-factor --ticket T (rule "
			 "'calls': Nothing is opened before two checks.)"},
		{.login = "kai",
		 .action = ACTION_READ,
		 .purpose = "call",
		 .check = CHECK_ONE_FACTOR,
		 .text = "read is forbidden: no rule permits it to you here. Next: check the "
			 "caller: bailee caller ID verified --by two-factor --ticket T (rule "
			 "'calls': Nothing is opened before two checks.)"},
		{.action = ACTION_READ,
		 .workplace = "",
		 .text = "read is forbidden: no rule permits it to you here. Next: do it at "
			 "workplace 'bench' or 'lab' (rule 'looks': Repair needs a look.)"},
		{.login = "carla",
		 .action = ACTION_READ,
		 .purpose = "",
		 .workplace = "",
		 .text = "read is forbidden: no rule permits it to you here. Next: do it at "
			 "workplace 'office'; if it is so, state the purpose 'customer-request' "
			 "(rule 'asked-to': The customer asked us to look.)"},
		{.login = "kai",
		 .action = ACTION_READ,
		 .purpose = "",
		 .text = "read is forbidden: no rule permits it to you here. Next: if it is so, "
			 "state the purpose 'call'; check the caller: bailee caller ID verified "
			 "--by two-factor --ticket T (rule 'calls': Nothing is opened before two "
			 "checks.)"},
		/* hours; limits; both */
		{.action = ACTION_READ,
		 .hours_on = 12,
		 .text = "read is forbidden: no rule permits it to you here. Next: come back at "
			 "2026-07-02 07:00"},
		{.action = ACTION_READ,
		 .hours_on = 12,
		 .workplace = "",
		 .text = "read is forbidden: no rule permits it to you here. Next: come back at "
			 "2026-07-02 07:00; do it at workplace 'bench' or 'lab' (rule 'looks': "
			 "Repair needs a look.)"},
		{.action = ACTION_READ,
		 .used = USED(UNIT_FILES, PERIOD_HOUR, 200),
		 .text = "read is forbidden: a limit is used up: 200 of 200 files this hour (rule "
			 "'looks'). Next: come back at 2026-07-01 11:00"},
		{.action = ACTION_READ,
		 .used = USED(UNIT_BYTES, PERIOD_DAY, 600 << 20),
		 .text = "read is forbidden: a limit is used up: 600M of 500M bytes today (rule "
			 "'looks'). Next: come back at 2026-07-02 07:00"},
		{.action = ACTION_READ,
		 .used = USED(UNIT_SHOWN, PERIOD_DAY, 50 << 20),
		 .text = "read is forbidden: a limit is used up: 50M of 50M shown today (rule "
			 "'looks'). Next: come back at 2026-07-02 07:00"},
		{.action = ACTION_READ,
		 .hours_on = 9,
		 .used = USED(UNIT_FILES, PERIOD_HOUR, 201),
		 .text = "read is forbidden: a limit is used up: 201 of 200 files this hour (rule "
			 "'looks'). Next: come back at 2026-07-02 07:00"},
		{.login = "carla",
		 .action = ACTION_UNMASK,
		 .class = CLASS_EMAIL,
		 .purpose = "customer-request",
		 .workplace = "office",
		 .has_reason = true,
		 .used = USED(UNIT_UNMASKS, PERIOD_DAY, 10),
		 .text = "unmask is forbidden: a limit is used up: 10 of 10 unmasks today (rule "
			 "'refund'). Next: come back at 2026-07-02 00:00"},
		/* lapsed, and lapsed beside something else */
		{.login = "ben",
		 .action = ACTION_READ,
		 .text = "read is forbidden: role 'technician' (training until 2026-06-30) lapsed. "
			 "Next: renew it and have its new last day put into the policy"},
		{.login = "ben",
		 .action = ACTION_READ,
		 .purpose = "",
		 .text = "read is forbidden: no rule permits it to you here. Next: renew role "
			 "'technician' (training until 2026-06-30) and have the new last day put "
			 "into the policy; if it is so, state the purpose 'repair'; if the "
			 "customer consents, have it recorded by a holder of role 'technician' or "
			 "'supervisor': bailee consent ID grant repair (rule 'looks': Repair needs "
			 "a look.)"},
		{.login = "ben",
		 .action = ACTION_COPY,
		 .text = "copy is forbidden by rule 'no-copies' (whether a lapsed role still "
			 "counts is not known here, and what is not known counts against it): "
			 "Contents stay on Bailee. Next: ask a holder of role 'supervisor', who "
			 "may copy for the purpose 'customer-request' at workplace 'office', with "
			 "a reason and 2 approvals"},
		/* roles that are never held together; nobody */
		{.login = "fay",
		 .action = ACTION_ADMINISTER,
		 .text = "administer is forbidden: no rule permits it to you here. The roles "
			 "'auditor' and 'administrator' are never held together, so none of them "
			 "counts. Next: have the policy give you only 'administrator' of the roles "
			 "that are never held together"},
		{.login = "zed",
		 .action = ACTION_READ,
		 .text = "read is forbidden: no rule permits it to somebody who is not in the "
			 "policy here. Next: ask a holder of role 'technician' or 'supervisor', "
			 "who may read here"},
		/* forbidden, withheld, not looked through */
		{.action = ACTION_COPY,
		 .text = "copy is forbidden by rule 'no-copies': Contents stay on Bailee. Next: "
			 "ask a holder of role 'supervisor', who may copy for the purpose "
			 "'customer-request' at workplace 'office', with a reason and 2 approvals"},
		{.action = ACTION_READ,
		 .has = CLASS_BIT(CLASS_HEALTH_ID),
		 .text = "read is forbidden by rule 'no-health': Health is for supervisors. Next: "
			 "ask a holder of role 'supervisor', who may read here"},
		{.action = ACTION_READ,
		 .is_unscanned = true,
		 .text = "read is forbidden by rule 'no-health' (what the file holds is not known "
			 "here, and what is not known counts against it): Health is for "
			 "supervisors. Next: try again when it has been looked through"},
		{.login = "carla",
		 .action = ACTION_READ,
		 .is_unscanned = true,
		 .text = "contents are withheld: they are still being looked through. Next: try "
			 "again when it has been looked through"},
		{.action = ACTION_READ,
		 .kind = 1 + FILE_VIDEO,
		 .text = "contents are withheld by rule 'no-films': Films are never shown. Next: "
			 "nothing; by this policy nobody may read here"},
		{.login = "carla",
		 .action = ACTION_READ,
		 .kind = 1 + FILE_IMAGE,
		 .purpose = "customer-request",
		 .workplace = "office",
		 .text = "contents are withheld by rule 'no-photos': Photos are never shown. Next: "
			 "have the copy approved by others who hold 'supervisor' or 'officer': "
			 "bailee request copy RMA-1 [PATH] --reason TEXT (rule 'asked-to': The "
			 "customer asked us to look.)"},
		/* one class of many; the floor */
		{.login = "carla",
		 .action = ACTION_UNMASK,
		 .class = CLASS_EMAIL,
		 .workplace = "office",
		 .text = "unmask is forbidden: no rule permits it to you here. Next: for email: if "
			 "it is so, state the purpose 'customer-request', with a reason (rule "
			 "'refund': Refunds are paid to it.)"},
		{.login = "carla",
		 .action = ACTION_UNMASK,
		 .class = CLASS_PHONE,
		 .purpose = "customer-request",
		 .workplace = "office",
		 .has_reason = true,
		 .text = "unmask is forbidden: no rule permits it to you here. Next: for phone: "
			 "ask a holder of role 'officer', who may unmask for the purpose 'papers', "
			 "with 1 approval"},
		{.login = "carla",
		 .action = ACTION_UNMASK,
		 .class = CLASS_CARD,
		 .text = "unmask is forbidden by builtin/baseline: this class is never shown. "
			 "Next: nothing; no policy can permit it"},
		/* gates */
		{.action = ACTION_READ,
		 .state = 1 + STATE_DUE,
		 .text = "read is forbidden: this device is due to be destroyed and closed to "
			 "everybody. Next: a hold keeps it from being destroyed; it opens "
			 "again only when its date is put off"},
		{.action = ACTION_READ,
		 .state = 1 + STATE_SHREDDED,
		 .text = "read is forbidden: this device has been destroyed. Next: its certificate "
			 "says when and how"},
		{.action = ACTION_READ,
		 .is_log_broken = true,
		 .text = "read is forbidden: the log cannot be written. Next: tell whoever runs "
			 "Bailee that its log cannot be written"},
		/* nobody at all */
		{.action = ACTION_SHRED,
		 .text = "shred is forbidden: no rule permits it to you here. Next: nothing; by "
			 "this policy nobody may shred here"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		check_row(&rows[i], i);
}

/* The more rules, the fewer things are tried; then it is not said that nobody may. */
static void what_was_not_tried_to_the_end_is_not_said_to_be_nothing(void **state)
{
	char *whole = NULL, text[512];
	size_t size = 0;
	struct desk desk;
	FILE *out = open_memstream(&whole, &size);

	(void)state;
	assert_non_null(out);
	fprintf(out, "bailee: 1\nname: Big\nserial: 1\ntimezone: UTC\n"
		     "people: {anna: {roles: [technician]}}\nroles: {technician: {}}\n"
		     "defaults: {access: forbid, mask: fill, unscanned: withhold}\nrules:\n");
	for (unsigned i = 0; i < 1000; i++)
		fprintf(out,
			"  - {id: rule-%u, permit: [read], who: [technician], "
			"what: {devices: [phone]}, when: {purpose: [p%u]}, why: Phones only.}\n",
			i, i % 20);
	fclose(out);
	desk_open(&desk, whole, "anna", DESK_NOW, SECRET_PATH);
	struct rules_decision got = desk_decide(&desk, ACTION_READ, 0);

	rules_say(desk.subject, &desk.facts, ACTION_READ, &got, text, sizeof(text));
	assert_string_equal(text, "read is forbidden: no rule permits it to you here. Next: ask "
				  "whoever keeps the policy; nothing that was tried would help");
	desk_close(&desk);
	free(whole);
}

#define SMALL                                                                                      \
	"bailee: 1\nname: Small\nserial: 1\ntimezone: UTC\n"                                       \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"detect: {sets: [contact]}\n"

/* Shops of a few rules, for what the large one does not come to. */
static void small_shops_are_answered_as_well(void **state)
{
	static const struct {
		const char *policy;
		enum bl_action action;
		uint64_t files; /* opened in this hour */
		const char *text;
	} rows[] = {
		/* a copy needs a read: what that needs, too */
		{SMALL
		 "people: {anna: {roles: [boss]}, bert: {roles: [boss]}}\nroles: {boss: {}}\n"
		 "rules:\n"
		 "  - {id: reads, permit: [list, read], who: [boss], needs: {reason: "
		 "required}, why: Looks are explained.}\n"
		 "  - {id: out, permit: [copy], who: [boss], when: {purpose: [papers]}, needs: "
		 "{approvals: {count: 1, from: [boss], valid: 4h}}, why: Two people agree.}\n",
		 ACTION_COPY, 0,
		 "copy is forbidden: no rule permits it to you here. Next: if it is so, state the "
		 "purpose 'papers', with 1 approval (rule 'out': Two people agree.)"},
		{SMALL "people: {anna: {roles: [boss]}}\nroles: {boss: {}}\n"
		       "rules:\n"
		       "  - {id: reads, permit: [list, read], who: [boss], limits: {files: 5 per "
		       "hour}, why: A few at a time.}\n"
		       "  - {id: out, permit: [copy], who: [boss], why: Copies are sent.}\n",
		 ACTION_COPY, 5,
		 "copy is forbidden: a limit is used up: 5 of 5 files this hour (rule 'reads'). "
		 "Next: "
		 "come back at 2026-07-01 10:00"},
		{SMALL "people: {anna: {roles: [boss]}}\nroles: {boss: {}}\n"
		       "rules:\n"
		       "  - {id: reads, permit: [list, read], who: [boss], limits: {files: 5 per "
		       "hour}, why: A few at a time.}\n"
		       "  - {id: again, permit: [read], who: [boss], limits: {files: 4 per "
		       "hour}, why: A few at a time.}\n",
		 ACTION_READ, 5,
		 "read is forbidden: a limit is used up: 5 of 4 files this hour (rule 'again'), "
		 "5 of 5 files this hour (rule 'reads'). Next: come back at 2026-07-01 10:00"},
		/* the first role of the file is one of the two */
		{SMALL "people: {anna: {roles: [boss, clerk]}, bert: {roles: [boss]}}\n"
		       "roles:\n  boss: {never_with: [clerk]}\n  clerk: {}\n"
		       "rules:\n"
		       "  - {id: reads, permit: [list, read], who: [boss], why: The boss looks.}\n",
		 ACTION_READ, 0,
		 "read is forbidden: no rule permits it to you here. The roles 'boss' and 'clerk' "
		 "are never held together, so none of them counts. Next: have the policy give you "
		 "only 'boss' of the roles that are never held together"},
		/* what is asked for would not open it: withholds come after needs */
		{SMALL "people: {anna: {roles: [boss]}}\nroles: {boss: {}}\n"
		       "rules:\n"
		       "  - {id: reads, permit: [list, read], who: [boss], needs: {reason: "
		       "required}, why: Looks are explained.}\n"
		       "  - {id: shut, withhold: [text], who: everyone, why: Texts stay closed.}\n",
		 ACTION_READ, 0,
		 "read needs a reason by rule 'reads': Looks are explained. Next: nothing; by "
		 "this policy nobody may read here"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct rules_used used = USED(UNIT_FILES, PERIOD_HOUR, rows[i].files);
		struct desk desk;
		char text[512];

		desk_open(&desk, rows[i].policy, "anna", DESK_NOW, SECRET_PATH);
		desk.facts.used = &used;
		desk.facts.is_whole_known = true;
		struct rules_decision got = desk_decide(&desk, rows[i].action, 0);

		rules_say(desk.subject, &desk.facts, rows[i].action, &got, text, sizeof(text));
		if (strcmp(text, rows[i].text) != 0)
			fail_msg("row %zu: %s", i, text);
		desk_close(&desk);
	}
}

static void a_short_buffer_is_cut_and_closed(void **state)
{
	struct desk desk;
	char text[12];

	(void)state;
	desk_open(&desk, DESK_HEAD, "anna", DESK_NOW, SECRET_PATH);
	struct rules_decision got = desk_decide(&desk, ACTION_COPY, 0);

	memset(text, 'x', sizeof(text));
	rules_say(desk.subject, &desk.facts, ACTION_COPY, &got, text, sizeof(text));
	assert_string_equal(text, "copy is for");
	desk_close(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_names_what_is_missing_and_the_next_step),
		cmocka_unit_test(what_was_not_tried_to_the_end_is_not_said_to_be_nothing),
		cmocka_unit_test(small_shops_are_answered_as_well),
		cmocka_unit_test(a_short_buffer_is_cut_and_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

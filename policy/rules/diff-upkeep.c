#include <stdio.h>
#include <string.h>

#include "policy/rules/diff-told.h"
#include "policy/rules/diff.h"

#define TOPIC_UPKEEP	0x40000u
#define TOPIC_PROGRAMS	0x48000u
#define PROGRAMS_LISTED (2 * RULES_PROGRAMS_LIMIT)

/* What both files say of one thing. */
struct setting {
	const char *who, *question, *section;
	int64_t rank
		[SIDES]; /* the greater is the wider: more is open, for longer, or with less proof */
	char words[SIDES][40];
};

static void tell(struct tellings *tellings, unsigned topic, const struct setting *setting)
{
	struct told_answer answers[SIDES];

	if (setting->rank[OLDER] == setting->rank[NEWER])
		return;
	for (unsigned side = 0; side < SIDES; side++)
		answers[side] = (struct told_answer){
			setting->rank[side] > setting->rank[!side],
			setting->words[side],
			setting->section,
		};
	tellings_add(tellings, setting->who, topic, &answers[OLDER], &answers[NEWER],
		     setting->question);
}

/* ---- what is set ------------------------------------------------------------------------------------ */

static void say_span(int64_t seconds, const char *none, char out[40])
{
	static const struct {
		int64_t seconds;
		char unit;
	} UNITS[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};

	snprintf(out, 40, "%s", none);
	for (size_t i = 0; seconds && i < BL_COUNT(UNITS); i++)
		if (seconds % UNITS[i].seconds == 0) {
			snprintf(out, 40, "%lld%c", (long long)(seconds / UNITS[i].seconds),
				 UNITS[i].unit);
			return;
		}
}

/* @none: what it means when it is not stated, which is without an end */
static void set_span(struct setting *setting, enum side side, int64_t seconds, const char *none)
{
	setting->rank[side] = seconds ? seconds : INT64_MAX;
	say_span(seconds, none, setting->words[side]);
}

static void set_word(struct setting *setting, enum side side, int64_t rank, const char *word)
{
	setting->rank[side] = rank;
	snprintf(setting->words[side], sizeof(setting->words[side]), "%s", word);
}

enum upkeep {
	UPKEEP_IDLE,
	UPKEEP_TOTAL,
	UPKEEP_PROC,
	UPKEEP_LONGEST,
	UPKEEP_REVIEW,
	UPKEEP_RELEASE,
	UPKEEP_VERIFY,
	UPKEEP_CERTIFICATE,
	UPKEEP_DURABILITY,
	UPKEEP_KEEP,
	UPKEEP_ANCHOR,
	UPKEEP_TELL,
	UPKEEP_NAMES,
	UPKEEP_COUNT
};

static void set_sessions(struct setting settings[UPKEEP_COUNT], enum side side,
			 const struct rules_sessions *sessions)
{
	set_span(&settings[UPKEEP_IDLE], side, sessions->idle_seconds, "");
	set_span(&settings[UPKEEP_TOTAL], side, sessions->total_seconds, "");
	set_word(&settings[UPKEEP_PROC], side, sessions->accepts_visible_proc,
		 sessions->accepts_visible_proc ? "accept" : "refuse");
}

static void set_proof(struct setting settings[UPKEEP_COUNT], enum side side,
		      const struct policy *policy)
{
	const struct rules_holds *holds = policy_holds(policy);
	unsigned release = holds->release_approvals, verify = policy->verify_percent;

	set_span(&settings[UPKEEP_LONGEST], side, holds->longest_seconds, "without an end");
	set_span(&settings[UPKEEP_REVIEW], side, holds->review_every_seconds, "never");
	set_word(&settings[UPKEEP_RELEASE], side, -(int64_t)release, "");
	snprintf(settings[UPKEEP_RELEASE].words[side], 40, "%u", release);
	set_word(&settings[UPKEEP_VERIFY], side, -(int64_t)verify, "");
	snprintf(settings[UPKEEP_VERIFY].words[side], 40, "%u%%", verify);
	set_word(&settings[UPKEEP_CERTIFICATE], side, !policy->has_certificate,
		 policy->has_certificate ? "true" : "false");
}

static void set_audit(struct setting settings[UPKEEP_COUNT], enum side side,
		      const struct rules_audit *audit)
{
	set_word(&settings[UPKEEP_DURABILITY], side, audit->is_bounded ? audit->bounded_ms : 0,
		 "before the answer");
	if (audit->is_bounded)
		snprintf(settings[UPKEEP_DURABILITY].words[side], 40, "within %u ms",
			 audit->bounded_ms);
	/* what is gone proves nothing, so here a longer time is the narrower */
	set_span(&settings[UPKEEP_KEEP], side, audit->keep_seconds, "without an end");
	settings[UPKEEP_KEEP].rank[side] = -settings[UPKEEP_KEEP].rank[side];
	set_span(&settings[UPKEEP_ANCHOR], side, audit->anchor_every_seconds, "never");
	set_word(&settings[UPKEEP_TELL], side, !audit->tell_customer,
		 audit->tell_customer ? "true" : "false");
}

static void set_report(struct setting settings[UPKEEP_COUNT], enum side side,
		       const struct rules_report *report)
{
	set_word(&settings[UPKEEP_NAMES], side, report->has_names,
		 report->has_names ? "true" : "false");
}

static void compare_settings(const struct policy *const policy[SIDES], struct tellings *tellings)
{
	static const struct {
		const char *who, *question, *section;
	} ABOUT[UPKEEP_COUNT] = {
		[UPKEEP_IDLE] = {"a session", "last when nobody uses it", "sessions"},
		[UPKEEP_TOTAL] = {"a session", "last at most", "sessions"},
		[UPKEEP_PROC] = {"a session", "begin where other people's processes can be seen",
				 "sessions"},
		[UPKEEP_LONGEST] = {"a hold", "stand until it is told as overdue", "holds"},
		[UPKEEP_REVIEW] = {"a hold", "stand until it has to be reviewed", "holds"},
		[UPKEEP_RELEASE] = {"a hold", "be released with the approvals of others", "holds"},
		[UPKEEP_VERIFY] = {"a destruction", "be looked at again", "proof"},
		[UPKEEP_CERTIFICATE] = {"a destruction", "promise the customer its certificate",
					"proof"},
		[UPKEEP_DURABILITY] = {"the log", "have a read on disk", "audit"},
		[UPKEEP_KEEP] = {"the log", "be kept", "audit"},
		[UPKEEP_ANCHOR] = {"the log", "go without an anchor", "audit"},
		[UPKEEP_TELL] = {"the log", "be told of to the customer", "audit"},
		[UPKEEP_NAMES] = {"a customer's report", "name who looked", "report"},
	};
	struct setting settings[UPKEEP_COUNT] = {0};

	for (unsigned i = 0; i < UPKEEP_COUNT; i++) {
		settings[i].who = ABOUT[i].who;
		settings[i].question = ABOUT[i].question;
		settings[i].section = ABOUT[i].section;
	}

	for (unsigned i = 0; i < SIDES; i++) {
		enum side side = (enum side)i;

		set_sessions(settings, side, &policy[side]->sessions);
		set_proof(settings, side, policy[side]);
		set_audit(settings, side, policy_audit(policy[side]));
		set_report(settings, side, policy_report(policy[side]));
	}
	for (unsigned i = 0; i < UPKEEP_COUNT; i++)
		tell(tellings, TOPIC_UPKEEP + i, &settings[i]);
}

/* ---- programs of sessions --------------------------------------------------------------------------- */

static bool has_program(const char *const *programs, size_t count, const char *program)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(programs[i], program) == 0)
			return true;
	return false;
}

/* One that runs what it is given is the wider. */
static void set_program(struct setting *setting, enum side side,
			const struct rules_sessions *sessions, const char *program)
{
	if (has_program(sessions->interpreters, sessions->interpreter_count, program))
		set_word(setting, side, 2, "an interpreter");
	else if (has_program(sessions->viewers, sessions->viewer_count, program))
		set_word(setting, side, 1, "a viewer");
	else
		set_word(setting, side, 0, "not there");
}

/* Both lists of one file; of one with too many nothing is loaded. */
static size_t list_programs(const struct rules_sessions *sessions, const char *out[PROGRAMS_LISTED])
{
	size_t count = 0;

	for (size_t i = 0; i < sessions->viewer_count && count < PROGRAMS_LISTED; i++)
		out[count++] = sessions->viewers[i];
	for (size_t i = 0; i < sessions->interpreter_count && count < PROGRAMS_LISTED; i++)
		out[count++] = sessions->interpreters[i];
	return count;
}

static void compare_programs(const struct policy *const policy[SIDES], struct tellings *tellings)
{
	const char *programs[SIDES][PROGRAMS_LISTED];
	size_t count[SIDES];
	unsigned topic = TOPIC_PROGRAMS;

	for (unsigned side = 0; side < SIDES; side++)
		count[side] = list_programs(&policy[side]->sessions, programs[side]);
	for (unsigned side = SIDES; side-- > 0;)
		for (size_t i = 0; i < count[side]; i++) {
			const char *program = programs[side][i];
			char question[200];
			struct setting setting = {
				.who = "a session", .question = question, .section = "sessions"};

			/* those of both were told with the newer file */
			if (side == OLDER && has_program(programs[NEWER], count[NEWER], program))
				continue;
			snprintf(question, sizeof(question), "look with '%.150s'", program);
			for (unsigned of = 0; of < SIDES; of++)
				set_program(&setting, (enum side)of, &policy[of]->sessions,
					    program);
			tell(tellings, topic++, &setting);
		}
}

void diff_upkeep(const struct policy *older, const struct policy *newer, struct tellings *tellings)
{
	const struct policy *const policy[SIDES] = {[OLDER] = older, [NEWER] = newer};

	compare_programs(policy, tellings);
	compare_settings(policy, tellings);
}

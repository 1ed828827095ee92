/* rules.h - the policy: YAML in, decisions out. Pure: no clock, no threads; only rules_load opens a file
 *
 * Semantics: docs/bailee-policy.md ("Meaning"). The way of one decision:
 *
 *   rules_load ► struct policy (immutable, counted)
 *   who, why, when ► rules_subject_new ► the rules this person can match, valid until an instant
 *   device, path   ► rules_places_*    ► the rules this file can match, one step per path component
 *   both + facts   ► rules_decide      ► an AND and a look-up; no allocation
 *   rules_explain tells any of it in words.
 */
#ifndef POLICY_RULES_RULES_H
#define POLICY_RULES_RULES_H

#include <stdio.h>
#include <sys/types.h>

#include "policy/base.h"
#include "policy/detect/detect.h"
#include "policy/words.h"

struct policy;

/* ---- loading ------------------------------------------------------------------------------- */

enum rules_severity { RULES_ERROR, RULES_WARNING };

struct rules_finding {
	enum rules_severity severity;
	unsigned line, column; /* 1-based; 0 when the file as a whole is meant */
	char text[256];	       /* lower case, one line: what is wrong */
	char fix[256];	       /* one line: what to write instead; may be empty */
	char source[160];      /* the line of the file, tabs as spaces, cut; may be empty */
};

#define RULES_FINDINGS_LIMIT 20
struct rules_findings {
	size_t count;	/* at most RULES_FINDINGS_LIMIT, errors first come */
	size_t dropped; /* found beyond the limit */
	struct rules_finding items[RULES_FINDINGS_LIMIT];
};

/*
 * rules_load - read, check and compile one policy file exactly as the daemon does
 *
 * @path          regular file, at most YAML_SIZE_LIMIT, not writable by group or others
 * @out_policy    owned by the caller (policy_unref)
 * @out_findings  what is wrong (errors) or odd (warnings); always written; may not be NULL
 *
 * BL_OK (warnings possible), BL_INVALID (at least one error finding), BL_IO, BL_NOT_FOUND,
 * BL_NO_MEMORY.
 */
enum bl_status rules_load(const char *path, struct policy **out_policy,
			  struct rules_findings *out_findings, struct bl_error *why) BL_MUST_CHECK;

/* rules_parse - the same from memory; the only other file read is the zone's (/usr/share/zoneinfo) */
enum bl_status rules_parse(const char *bytes, size_t length, struct policy **out_policy,
			   struct rules_findings *out_findings, struct bl_error *why) BL_MUST_CHECK;

struct policy *policy_ref(const struct policy *policy); /* counted with an atomic: any thread */
void policy_unref(struct policy *policy);
BL_DEFINE_CLEANUP(struct policy, policy_unref)

const char *policy_name(const struct policy *policy);
const char *
policy_zone_name(const struct policy *policy); /* "Europe/Berlin": of its hours and days */
uint64_t policy_serial(const struct policy *policy);
const uint8_t *
policy_digest(const struct policy *policy); /* 32 B, BLAKE2b-256 of the file's bytes */
bl_classes
policy_detects(const struct policy *policy); /* classes the policy looks for; unknown to the
                                                              detectors of today = still listed */
/* The compiled patterns of `detect.custom`, borrowed; NULL: none. */
const struct detect_custom *policy_custom(const struct policy *policy);
/* "card", "loyalty-card"; lives as long as the policy. @class below CLASS_LIMIT; "?" when there is no such class */
const char *policy_class_name(const struct policy *policy, unsigned class);
bool policy_class_parse(const struct policy *policy, const char *name, unsigned *out_class);
/* The `why` of a rule, by its id; NULL: there is no such rule. */
const char *policy_rule_why(const struct policy *policy, const char *id);
/* Does some rule name this purpose? What a client states beyond that is never repeated. */
bool policy_names_purpose(const struct policy *policy, const char *purpose);
/* Does some rule speak of `contains` as a fact about files? Then whole files have to be looked through. */
bool policy_needs_whole_files(const struct policy *policy);

/* `audit`. Spans in seconds; 0: not stated. */
struct rules_audit {
	bool is_bounded; /* durability: bounded */
	uint32_t bounded_ms;
	int64_t keep_seconds, anchor_every_seconds;
	bool tell_customer;
};
const struct rules_audit *policy_audit(const struct policy *policy);

/* `report`: what the customer of a device is told beside the facts. Texts live as long as the policy; NULL: not stated. */
struct rules_report {
	bool has_names;	      /* whose looks they were, by name */
	const char *contact;  /* whom to ask */
	const char *complain; /* which authority takes complaints */
};
const struct rules_report *policy_report(const struct policy *policy);

/*
 * `sessions`: docs/sessions.md. What is not stated has its default: viewers nnn less ls find file tree grep hexdump, no interpreters, idle 15
 * minutes (or the total, if that is less), total 8 hours. The first viewer is what one lands in. Lists live as long as the policy; no two
 * programs of them have the same last name.
 */
#define RULES_PROGRAMS_LIMIT 64u /* of both lists together: what bailee-session takes */
struct rules_sessions {
	const char *const *viewers;	 /* names or whole paths of programs */
	const char *const *interpreters; /* the same, of those that run others */
	size_t viewer_count, interpreter_count;
	int64_t idle_seconds, total_seconds; /* more than 0 */
	bool accepts_visible_proc;
	bool is_stated; /* the policy has the section */
};
void policy_sessions(const struct policy *policy, struct rules_sessions *out);

/* `holds`; 0: not stated. */
struct rules_holds {
	int64_t longest_seconds, review_every_seconds;
	unsigned release_approvals;
};
const struct rules_holds *policy_holds(const struct policy *policy);
/* `requests: destroy_within`, in seconds; 0: at once. `proof: verify`, in percent; 0: none has to be. */
int64_t policy_request_seconds(const struct policy *policy);
unsigned policy_verify_percent(const struct policy *policy);

/* rules_print_findings - "file:line:column: error: text", the line, a caret, the fix; for people */
void rules_print_findings(FILE *out, const char *path, const struct rules_findings *findings);

/* ---- who asks ------------------------------------------------------------------------------ */

/* What the kernel and NSS say of the caller; resolved once per view by whoever owns a clock. */
struct rules_caller {
	uid_t uid;
	const char *login;	   /* NULL when the uid has no name */
	const char *const *groups; /* group names */
	size_t group_count;
};

struct rules_circumstances {
	struct rules_caller caller;
	const char *purpose; /* NULL: none stated (a known fact) */
	/* The daemon's own host name, never what a caller says; NULL: no workplace (a known fact). */
	const char *host;
	const char *workplace; /* tests and explain: as if in this workplace; NULL: by @host */
	bool has_reason;
	int64_t now_unix; /* seconds; ignored unless is_clock_trusted */
	bool is_clock_trusted;
	const char *role; /* explain only: as if the caller held just this role; else NULL */
};

struct rules_subject;

/*
 * rules_subject_new - the rules this caller can match, for one purpose, at one moment
 *
 * A caller who is nobody in the policy gives a subject that is permitted nothing. The subject pins
 * its policy (policy_ref). Immutable: any number of threads.
 *
 * BL_OK, BL_NO_MEMORY.
 */
enum bl_status rules_subject_new(const struct policy *policy,
				 const struct rules_circumstances *circumstances,
				 struct rules_subject **out_subject,
				 struct bl_error *why) BL_MUST_CHECK;
void rules_subject_free(struct rules_subject *subject);
BL_DEFINE_CLEANUP(struct rules_subject, rules_subject_free)

/* First instant at which the subject may differ (an hour's edge, a lapse); INT64_MAX: never. */
int64_t rules_subject_valid_until(const struct rules_subject *subject);
/* "anna", "uid:61001": the key(s) that matched, "," between; "nobody" when none. */
const char *rules_subject_person(const struct rules_subject *subject);
/* Roles that count and roles that lapsed, "," between; "" when none. */
const char *rules_subject_roles(const struct rules_subject *subject);
const char *rules_subject_lapsed(const struct rules_subject *subject);
/* Bits of the roles that count now, for rules_approval.roles; they mean nothing to another policy. */
uint64_t rules_subject_role_bits(const struct rules_subject *subject);

/* ---- what is asked for --------------------------------------------------------------------- */

struct rules_device {
	const char *id; /* NULL: unknown */
	int kind;	/* enum bl_device_kind; -1: unknown */
};

/*
 * Places: interned states of the path automaton for one device and one policy. A place is a small
 * number; a tree keeps one per node and a child costs one step. Not locked: its owner does.
 */
struct rules_places;
typedef uint32_t rules_place;
#define RULES_PLACE_UNKNOWN UINT32_MAX /* path not known */

enum bl_status rules_places_new(const struct policy *policy, const struct rules_device *device,
				struct rules_places **out_places,
				struct bl_error *why) BL_MUST_CHECK;
void rules_places_free(struct rules_places *places);
BL_DEFINE_CLEANUP(struct rules_places, rules_places_free)

/* The place of "/" (of a partition, or of a directory source). */
rules_place rules_places_root(const struct rules_places *places);
/*
 * rules_places_step - the place of a child
 *
 * @name  one component, any bytes but '/' and NUL; compared NFC-normalised and case-folded; bytes
 *        that are not UTF-8 match as themselves
 *
 * BL_OK, BL_NO_MEMORY (then the caller must treat the child as not there).
 */
enum bl_status rules_places_step(struct rules_places *places, rules_place parent, const char *name,
				 size_t length, rules_place *out_place) BL_MUST_CHECK;
/* rules_places_walk - step over every component of "/a/b/c" */
enum bl_status rules_places_walk(struct rules_places *places, const char *path,
				 rules_place *out_place) BL_MUST_CHECK;

/* One approval that somebody gave. Of what and where it was given was matched by whoever gathers the facts. */
#define RULES_ANY (-1)
struct rules_approval {
	uint64_t request; /* approvals of different requests never add up */
	uid_t giver;	  /* the subject's own uid never counts; one giver counts once */
	uint64_t roles;	  /* of the giver, as they count now: rules_subject_role_bits */
	int64_t given_unix;
	int action; /* enum bl_action it was asked for, or RULES_ANY. One of copy or unmask also counts for the read it needs, and one of
	            read for list and stat. */
	int class;  /* of an unmask, or RULES_ANY */
};

/* What the person has used up this clock hour and this calendar day, over all devices. */
struct rules_used {
	uint64_t amount[UNIT_COUNT][PERIOD_COUNT];
};

struct rules_facts {
	const struct rules_places
		*places;		 /* NULL: no device in this question (review, administer) */
	rules_place place;		 /* by the path used */
	const rules_place *other_places; /* by the node's other known paths */
	size_t other_count;
	int kind;	      /* enum bl_file_kind; -1: unknown */
	int64_t size_bytes;   /* -1: unknown */
	int state;	      /* enum bl_device_state; -1: not stated */
	bool is_log_writable; /* a system gate: false forbids everything */
	bool is_directory;    /* what speaks of files is false of a directory */

	/* All of what follows is unknown or none when it is zero. */
	enum bl_consent consent;    /* for this device and the subject's purpose */
	enum bl_check caller_check; /* of the caller on the phone */
	bl_classes has;		    /* classes found in the file so far */
	bool is_whole_known; /* the whole file was looked through: what is not in `has` is not there */
	bool is_unscanned; /* what is asked for is not looked through: defaults.unscanned holds */
	bool is_paid; /* an open handle decides again: `files` and `unmasks` were counted at open */
	const struct rules_used *used;		/* NULL: nothing yet */
	const struct rules_approval *approvals; /* NULL: none */
	size_t approval_count;
};

/*
 * rules_approvals_until - the first instant after @now_unix at which one of @approvals stops counting for some rule
 * (`valid`); INT64_MAX: never. Decide again then, with a new subject.
 */
int64_t rules_approvals_until(const struct policy *policy, const struct rules_approval *approvals,
			      size_t count, int64_t now_unix);

/* ---- deciding ------------------------------------------------------------------------------ */

enum rules_outcome { RULES_PERMIT, RULES_FORBID, RULES_ASK, RULES_WITHHOLD };

/* Why, when no rule of the file decided; RULES_BY_RULE when one did. */
enum rules_by {
	RULES_BY_RULE,
	RULES_BY_DEFAULT,
	RULES_BY_LAPSED,
	RULES_BY_LIMIT,
	RULES_BY_GATE,
	RULES_BY_BASELINE
};

struct rules_decision {
	enum rules_outcome outcome;
	enum rules_by by;
	const char *rule;    /* its id, or "default", "lapsed", "gate", "builtin/baseline";
	                                   lives as long as the policy */
	uint16_t rule_index; /* into the policy's rules, when by == RULES_BY_RULE */
	bool is_unknown;     /* the deciding forbid or withhold was unknown, not true */
};

/*
 * rules_decide - may this subject do this here?
 *
 * @class   for ACTION_UNMASK: the class; else ignored. May be a custom class number.
 *
 * copy and unmask also need a read under the same facts: the lesser outcome counts. A withhold
 * closes read, copy and unmask. Allocation-free, lock-free, any thread.
 */
void rules_decide(const struct rules_subject *subject, const struct rules_facts *facts,
		  enum bl_action action, unsigned class, struct rules_decision *out_decision);

/*
 * rules_may_walk - can a directory at this place lead to anything this subject may list?
 *
 * True when list is permitted here, or some permit of list could still match below. Parents of
 * permitted paths can be walked, showing only what leads there.
 */
bool rules_may_walk(const struct rules_subject *subject, const struct rules_facts *facts);

/*
 * rules_reach - may this subject do @action to something at this place or below it?
 *
 * The best that any permit of it could still say, of whatever file; only a forbid that closes the place itself is against it. Not for unmask.
 */
void rules_reach(const struct rules_subject *subject, const struct rules_facts *facts,
		 enum bl_action action, struct rules_decision *out_decision);

/*
 * rules_limit_step - how many more of @unit this subject may use before a decision can change; UINT64_MAX: no limit
 *
 * Of all permits that could match here and now. Whoever counts decides again once that many are used.
 */
uint64_t rules_limit_step(const struct rules_subject *subject, const struct rules_used *used,
			  enum bl_unit unit);

/*
 * rules_shows - how each class is shown to whoever does @action here: rules_styles, and STYLE_ORIGINAL for a class whose
 * unmask is permitted; with copy only where a permit of copy that needs approvals is met
 */
void rules_shows(const struct rules_subject *subject, const struct rules_facts *facts,
		 enum bl_action action, uint8_t out_styles[CLASS_LIMIT]);

/*
 * rules_styles - how each class is shown in a masked view at this place
 *
 * @out_styles  CLASS_LIMIT bytes: enum bl_style per class, already strictest-wins, floor applied.
 *              Never STYLE_ORIGINAL: unmasking is a decision of its own.
 */
void rules_styles(const struct rules_subject *subject, const struct rules_facts *facts,
		  uint8_t out_styles[CLASS_LIMIT]);

/* ---- in words ------------------------------------------------------------------------------ */

/*
 * rules_say - one line for the person: which rule, why in the policy's words, what to do next
 *
 * "forbidden by rule 'no-copies': Contents stay on Bailee. ... Next: ..." Holds nothing found in a
 * device: rule ids, the policy's `why`, roles, hours, dates. Needs the action because the
 * next step depends on it.
 */
void rules_say(const struct rules_subject *subject, const struct rules_facts *facts,
	       enum bl_action action, const struct rules_decision *decision, char *out,
	       size_t size);

/*
 * rules_permit_until - until when @action stays permitted here if nothing but time passes
 *
 * INT64_MAX: no end within a fortnight. Only when it is permitted now.
 */
int64_t rules_permit_until(const struct rules_subject *subject, const struct rules_facts *facts,
			   enum bl_action action, unsigned class);

/* The limits of the permits of @action that match here. Return false to stop. */
struct rules_limit {
	const char *rule;
	enum bl_unit unit;
	enum bl_period period;
	uint64_t most, used;
};
typedef bool rules_limit_fn(void *context, const struct rules_limit *limit);
void rules_each_limit(const struct rules_subject *subject, const struct rules_facts *facts,
		      enum bl_action action, rules_limit_fn *tell, void *context);

/*
 * rules_explain - the whole story of one decision, several lines: deciding rule, all that matched,
 * what was unknown, lapsed roles, what would change it
 */
void rules_explain(FILE *out, const struct rules_subject *subject, const struct rules_facts *facts,
		   enum bl_action action, unsigned class);

/* ---- the file's own tests ------------------------------------------------------------------ */

struct rules_test_result {
	const char *name;
	unsigned line;
	bool has_passed;
	char text[256]; /* when failed: expected and got; one line */
};
typedef void rules_test_fn(void *context, const struct rules_test_result *result);

/* rules_test - run every test of the file; BL_OK when all pass, BL_FAILED, BL_NO_MEMORY */
enum bl_status rules_test(const struct policy *policy, rules_test_fn *tell, void *context,
			  size_t *out_passed, size_t *out_failed) BL_MUST_CHECK;

/* rules_test_coverage - each rule, and how many tests it took part in deciding; least first */
typedef void rules_coverage_fn(void *context, const char *rule, unsigned line, size_t tests);
enum bl_status rules_test_coverage(const struct policy *policy, rules_coverage_fn *tell,
				   void *context) BL_MUST_CHECK;

/*
 * rules_test_mutate - delete each rule and flip each effect in turn: does some test of the file notice?
 *
 * A permit becomes a forbid and a forbid a permit, without what belongs to permits or forbids alone. A withhold the other
 * way round is none, so it is only deleted. Each class of a mask is made `fill`, and is given the loosest style that fits it.
 * Rules of shipped sets are left alone, and a test that fails as the policy stands notices nothing. The policy itself is
 * never changed.
 *
 * BL_OK: every change fails a test; BL_FAILED: some change goes unnoticed (each told with is_noticed false).
 */
struct rules_mutation {
	const char *rule;
	unsigned line;
	const char *change; /* "deleted", "permit became forbid", ... */
	bool is_noticed;
	const char *by; /* the first test that fails; NULL when none does */
};
typedef void rules_mutation_fn(void *context, const struct rules_mutation *mutation);
enum bl_status rules_test_mutate(const struct policy *policy, rules_mutation_fn *tell,
				 void *context, size_t *out_unnoticed) BL_MUST_CHECK;

/* ---- people -------------------------------------------------------------------------------- */

/* One role of one key of `people`, and how it stands at a moment. Strings live as long as the policy. */
enum rules_standing {
	STANDING_COUNTS,
	STANDING_LAPSED,
	STANDING_NOT_RECORDED, /* a requirement has no date: the role gives nothing */
	STANDING_CONFLICT,     /* held together with a role that it is never_with */
};
struct rules_role_standing {
	const char *person, *role;
	unsigned line;
	enum rules_standing standing;
	const char *
		requirement; /* the one that ends first, or is missing: "training", "insurance"; NULL: none */
	int64_t lapses_unix; /* the first instant at which it gives nothing; INT64_MAX: never; 0: a date is missing */
};
typedef bool rules_role_fn(void *context, const struct rules_role_standing *standing);
void rules_each_role(const struct policy *policy, int64_t now_unix, rules_role_fn *tell,
		     void *context);
/* Lapses are told of from so many days before. */
#define RULES_WARN_DAYS 30

/* rules_check_dates - findings (warnings) about requirements that have run out at @now_unix, or will within RULES_WARN_DAYS */
void rules_check_dates(const struct policy *policy, int64_t now_unix,
		       struct rules_findings *findings);

/*
 * rules_check_paths - findings about patterns of `paths` that match nothing; @walk calls rules_paths_see for each path that
 * is there ("/a/b", rooted at its partition)
 */
struct rules_paths_seen;
enum bl_status rules_paths_new(const struct policy *policy, struct rules_paths_seen **out_seen,
			       struct bl_error *why) BL_MUST_CHECK;
enum bl_status rules_paths_see(struct rules_paths_seen *seen, const char *path) BL_MUST_CHECK;
void rules_paths_find(const struct rules_paths_seen *seen, struct rules_findings *findings);
void rules_paths_free(struct rules_paths_seen *seen);
BL_DEFINE_CLEANUP(struct rules_paths_seen, rules_paths_free)

/* ---- two policies --------------------------------------------------------------------------- */

/*
 * rules_diff - what does @newer permit, show or keep that @older does not, and the other way round?
 *
 * Asked are all roles of both files, and the people who hold several or whose roles differ; all actions; an unmask for each
 * class that rules tell apart; how each class is shown where both permit a read or a list; both files' tests; and the
 * dates of devices and of their parts.
 * How long people hold their roles is compared by days. Of sessions, holds, proof and audit each key is compared by itself: more programs,
 * longer times, fewer approvals, a smaller share, a log that is kept for less long or anchored less often are wider.
 *
 * Facts are cells: what the words of either file tell apart. Kinds, statuses, ids for each pattern, one path for each state
 * that both path automata reach, sizes around each max_size, minutes around the edges of hours in one week (that of the test
 * clock), purposes and hosts of either file and none, consent, caller check, reason, classes of `contains`, limits one below
 * and at their end, approvals that are enough, one too few, or just expired. Up to 20,000 combinations all are asked. Of more,
 * those around each rule, around each pair of rules, and with any two facts changed, what differs between the files first, up
 * to 60,000 for one caller and action: a difference that takes three other rules together can then be missed.
 *
 * Of one kind of fact at most 512 values are told apart; when that is not enough, two files that differ count as wider.
 *
 * Not asked: what is not known of a file or device but its contents and consent, other names of a file, clocks that are not
 * trusted, several limits used up at once, approvals by people of different roles. Another
 * pattern of a custom class counts as wider. The same caller, action and deciding rules are told once, by one example; at most
 * 200 wider ones, which come first, and 200 narrower ones are told and counted.
 */
struct rules_difference {
	bool is_wider; /* else narrower */
	const char *who;
	char question[200]; /* "read /Users/x/a.txt on a laptop, for repair, consent granted" */
	char before[120], after[120];
	const char *rule; /* that decides now */
};
typedef void rules_difference_fn(void *context, const struct rules_difference *difference);
enum bl_status rules_diff(const struct policy *older, const struct policy *newer,
			  rules_difference_fn *tell, void *context, size_t *out_wider,
			  size_t *out_narrower) BL_MUST_CHECK;

/* ---- for people and editors ------------------------------------------------------------------- */

/* rules_publish - the customer's notice, from this policy, in plain words (Markdown) */
enum bl_status rules_publish(FILE *out, const struct policy *policy) BL_MUST_CHECK;
/*
 * rules_each_promise - the same facts of one device: each permit that lets somebody look at what is on it, see what the filter hides, or
 * receive it, and that no forbid takes back whole. In the order of enum rules_promised; lists and texts live as long as the policy, but `roles`
 */
enum rules_promised { RULES_LOOKED_AT, RULES_UNMASKED, RULES_RECEIVED, RULES_PROMISED_COUNT };
struct rules_promise {
	enum rules_promised what;
	const char *rule, *why;
	bool is_for_everyone; /* else the roles */
	const char *roles[64];
	size_t role_count;
	const char *const *purposes; /* none: for any */
	size_t purpose_count;
	bool needs_consent, needs_reason;
	unsigned approvals; /* by so many others */
	bl_classes classes; /* of RULES_UNMASKED; 0: all that may be shown */
};
typedef void rules_promise_fn(void *context, const struct rules_promise *promise);
void rules_each_promise(const struct policy *policy, const struct rules_device *device,
			rules_promise_fn *tell, void *context);
/* rules_hidden - what is looked for and can be found, so hidden unless a promise says otherwise */
bl_classes rules_hidden(const struct policy *policy);
/* rules_class_words - "payment card numbers": of a class that comes with Bailee, for people who are no engineers; else "" */
const char *rules_class_words(unsigned class);
/* rules_schema - JSON Schema (draft 7) of the language, for editors */
void rules_schema(FILE *out);

/* ---- retention ----------------------------------------------------------------------------- */

struct rules_retention_facts {
	struct rules_device device;
	int state; /* enum bl_device_state; -1: not stated */
	/* Files of it can be destroyed by themselves (its image is sealed): then entries with `paths` are about those only. */
	bool has_parts;
	int64_t intake_unix;
	/* Starts that have not happened are 0 and give no date. */
	int64_t last_open_unix, closed_unix;
	int64_t consent_withdrawn_unix;
	int64_t requested_unix;	  /* the customer asked for it to be destroyed */
	int64_t early_shred_unix; /* an early shred that was permitted */
};

/* What a date is counted from. */
enum rules_start {
	RULES_FROM_INTAKE,
	RULES_FROM_LAST_OPEN,
	RULES_FROM_CLOSED,
	RULES_FROM_REQUEST,
	RULES_FROM_WITHDRAWAL,
	RULES_FROM_EARLY_SHRED,
	RULES_START_COUNT
};
const char *
rules_start_name(enum rules_start start); /* "intake", "last look", "closing", ...: for people */

/* A date, and why that one. Texts live as long as the policy. */
struct rules_due {
	int64_t due_unix;
	const char *entry; /* as rules_due says it */
	enum rules_start start;
	int64_t start_unix, span_seconds; /* of the deciding entry: start + span = unmoved_unix */
	int64_t unmoved_unix;		  /* before a window moved it; due_unix: none did */
	const char *window;		  /* the entry whose window it was; NULL */
	int64_t notice_unix; /* from then on it is to be told of: `notice` of the deciding entry; due_unix: none */
	bool is_kept;	/* it would be earlier, but for `keep_at_least` of the deciding entry */
	bool is_capped; /* it would be later, but for builtin/longest */
};

/*
 * rules_due - when is this device to be destroyed, and by which entry?
 *
 * Strongest first: `keep_at_least`; an early shred, a request, a withdrawn consent; `destroy_by`; the earliest
 * `destroy_after`. Moved earlier by `window`; the built-in cap of 180 days from intake always holds. Unknown facts count as
 * true. Holds are the device's, not the policy's: see device.h. With has_parts the dates of an entry with `paths` are not the device's
 * (rules_part_due); its `keep_at_least` is. Without, such an entry counts for the whole device.
 *
 * @out_entry  id of the deciding entry, "builtin/early-shred", "builtin/request", "builtin/consent-withdrawn" or
 *             "builtin/longest"; lives as long as the policy
 */
#define RULES_LONGEST_DAYS 180
int64_t rules_due(const struct policy *policy, const struct rules_retention_facts *facts,
		  const char **out_entry);
/* rules_due_told - the same, with why */
void rules_due_told(const struct policy *policy, const struct rules_retention_facts *facts,
		    struct rules_due *out_due);

/*
 * rules_part_due - when are the files of retention entry @index destroyed, if it has `paths` and speaks of this device? (has_parts)
 *
 * Its own earliest date, never before any `keep_at_least` that speaks of the device, moved earlier by its own `window`.
 * False: no such part, or no date yet. Urgent dates are the whole device's.
 */
struct rules_part {
	const char *const *paths;
	size_t path_count;
	struct rules_due due;
};
size_t rules_retention_count(const struct policy *policy); /* entries; @index is below it */
bool rules_has_parts(const struct policy *policy);	   /* has any of them `paths`? */
bool rules_part_due(const struct policy *policy, const struct rules_retention_facts *facts,
		    size_t index, struct rules_part *out_part);

/*
 * rules_kept - until when does a `keep_at_least` keep this device, and every part of it? Never beyond the built-in cap; INT64_MIN: none does
 *
 * @out_entry  the one that does; as it was, when none does
 */
int64_t rules_kept(const struct policy *policy, const struct rules_retention_facts *facts,
		   const char **out_entry);

/* rules_period_start - the clock hour or calendar day of the policy's zone that @at_unix lies in, and where the next begins */
int64_t rules_period_start(const struct policy *policy, enum bl_period period, int64_t at_unix,
			   int64_t *out_next);

/* rules_local_time - "2026-07-01 10:00" in the policy's zone */
void rules_local_time(const struct policy *policy, int64_t at_unix, char out[20]);

/* ---- built in ------------------------------------------------------------------------------ */

/* The policy of `bailee mount` without one: its user (uid) lists and copies the masked view. YAML. */
enum bl_status rules_solo_text(uid_t uid, char *out, size_t size) BL_MUST_CHECK;

#endif

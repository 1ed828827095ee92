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
uint64_t policy_serial(const struct policy *policy);
const uint8_t *
policy_digest(const struct policy *policy); /* 32 B, BLAKE2b-256 of the file's bytes */
bl_classes
policy_detects(const struct policy *policy); /* classes the policy looks for; unknown to the
                                                              detectors of today = still listed */

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
	bool is_directory;    /* withhold and max_size speak of files only */
};

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

/* ---- retention ----------------------------------------------------------------------------- */

struct rules_retention_facts {
	struct rules_device device;
	int state; /* enum bl_device_state; -1: not stated */
	int64_t intake_unix;
};

/*
 * rules_due - when is this device to be destroyed, and by which entry?
 *
 * Earliest `destroy_after: {intake}` of the entries that match (unknown facts count as true), capped
 * by `destroy_by`, held back by `keep_at_least`, moved earlier by `window`; the built-in cap of 180
 * days from intake always holds. Holds are the device's, not the policy's: see device.h.
 *
 * @out_entry  id of the deciding entry or "builtin/longest"; lives as long as the policy
 */
#define RULES_LONGEST_DAYS 180
int64_t rules_due(const struct policy *policy, const struct rules_retention_facts *facts,
		  const char **out_entry);

/* rules_local_time - "2026-07-01 10:00" in the policy's zone */
void rules_local_time(const struct policy *policy, int64_t at_unix, char out[20]);

/* ---- built in ------------------------------------------------------------------------------ */

/* The policy of `bailee mount` without one: its user (uid) lists and copies the masked view. YAML. */
enum bl_status rules_solo_text(uid_t uid, char *out, size_t size) BL_MUST_CHECK;

#endif

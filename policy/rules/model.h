/* model.h - a parsed policy as plain structs: written by load.c, read by everything else in rules/
 *
 * Private to policy/rules and its tests. Strings live in the policy's arena.
 */
#ifndef POLICY_RULES_MODEL_H
#define POLICY_RULES_MODEL_H

#include <stdatomic.h>

#include "policy/rules/rules.h"

#define STYLE_NONE 0xff

enum rules_effect { EFFECT_PERMIT, EFFECT_FORBID, EFFECT_MASK, EFFECT_WITHHOLD };

struct position {
	unsigned line, column;
};

/* Mon is bit 0. Minutes of the day; until is excluded; 1440 is 24:00. */
struct hours {
	uint8_t days;
	uint16_t from_minute, until_minute;
};

struct string_list {
	const char **items;
	size_t count;
};

/* An absent condition has count 0 (or set 0) and holds. */
struct conditions {
	struct hours *hours;
	size_t hours_count;
	struct string_list purposes;
	enum bl_consent consent; /* CONSENT_UNKNOWN: absent */
	enum bl_check check;	 /* at least; CHECK_NONE: absent */
	uint8_t approved;	 /* enum bl_action + 1; 0: absent */
};

/* `needs: {approvals: ...}`; count 0: none. */
struct approvals {
	unsigned count;
	uint64_t from; /* bits into policy->roles */
	int64_t valid_seconds;
};

/* One of `limits`; is_set false: none. */
struct limit {
	bool is_set;
	enum bl_period period;
	uint64_t most;
};

struct rule {
	char id[BL_RULE_ID_SIZE];
	struct position at, id_at;
	enum rules_effect effect;
	uint32_t actions;	     /* permit, forbid: bits of enum bl_action */
	uint8_t styles[CLASS_LIMIT]; /* mask: enum bl_style or STYLE_NONE */
	uint32_t withhold_kinds;     /* withhold: bits of enum bl_file_kind; `any` sets all */
	bool is_for_everyone;
	uint64_t roles; /* who: bits into policy->roles (at most 64 roles) */
	/* what */
	uint32_t device_kinds;	  /* bits; 0: any */
	uint32_t states;	  /* bits of enum bl_device_state; 0: any */
	struct string_list ids;	  /* glob patterns, case-sensitive, `*` and `?` */
	struct string_list paths; /* path patterns as written */
	uint32_t file_kinds;	  /* bits; 0: any */
	bl_classes contains; /* 0: any. Of unmask and mask: the items; else a fact about the file */
	int64_t max_size_bytes; /* -1: none */
	uint64_t workplaces;	/* where: bits into policy->workplaces; 0: anywhere */
	struct conditions when, unless;
	bool needs_reason;
	struct approvals approvals;
	struct limit limits[UNIT_COUNT];
	const char *why;
	/* Of a set in `uses` ("builtin/pci"); NULL: of the file itself. Its masks only ever make stricter. */
	const char *set;
};

struct role {
	const char *name;
	struct position at;
	bool needs_training, needs_insurance;
	uint64_t never_with; /* bits into policy->roles; mutual */
};

struct workplace {
	const char *name;
	struct position at;
	struct string_list hosts; /* lower case */
};

/* A class of detect.custom; its number is CLASS_COUNT + its index. */
struct custom_class {
	const char *name, *pattern, *example;
	struct position at, pattern_at, example_at;
};

/* A day is days since 1970-01-01; DAY_NONE: not stated (then the requirement is not met). */
#define DAY_NONE INT32_MIN

enum person_key { PERSON_LOGIN, PERSON_UID, PERSON_GROUP };

struct person {
	enum person_key key;
	const char *name;  /* as written: "anna", "uid:61001", "group:desk" */
	const char *value; /* "anna", "61001", "desk" */
	uid_t uid;	   /* PERSON_UID */
	struct position at;
	uint64_t roles; /* bits into policy->roles */
	int32_t training_expires_day, insurance_expires_day;
};

struct retention_entry {
	char id[BL_RULE_ID_SIZE];
	struct position at, id_at;
	uint32_t device_kinds, states; /* bits; 0: any */
	struct string_list ids;
	struct string_list paths;
	int64_t after_intake_seconds;			       /* -1: not stated */
	int64_t after_last_open_seconds, after_closed_seconds; /* 0: not stated */
	int64_t notice_seconds;				       /* 0: none */
	int64_t keep_at_least_seconds;			       /* -1 */
	int64_t destroy_by_seconds;			       /* -1 */
	struct hours *window; /* shredding moves back to the end of the last such window */
	size_t window_count;
};

/* One `tests` entry. */
struct rules_test_case {
	const char *name;
	struct position at;
	size_t person; /* index into policy->people */
	enum bl_action action;
	int class;		    /* unmask: class; -1 */
	struct rules_device device; /* NULL, -1: unknown */
	const char *file;	    /* NULL: unknown path */
	int kind, state;	    /* -1: unknown / not stated */
	int64_t size_bytes;	    /* -1: unknown */
	int64_t at_unix;	    /* its own `at`, else the test clock */
	const char *purpose;	    /* NULL: none */
	bool has_reason;
	const char *workplace; /* NULL: none */
	enum bl_consent consent;
	enum bl_check check;
	bool is_has_unknown; /* has: unknown; else `has` is all that the file holds */
	bl_classes has;
	size_t *approvals; /* indexes into policy->people */
	size_t approval_count;
	struct rules_used used;
	enum rules_outcome expect;
	const char *rule;
	uint8_t shows[CLASS_LIMIT]; /* enum bl_style, STYLE_ORIGINAL, or STYLE_NONE */
};

struct zone;	 /* zone.h: an IANA time zone, read once by the loader */
struct compiled; /* compile.h: bitsets and the path automaton, made once after checking */

struct policy {
	atomic_uint references;
	uint8_t digest[32];
	char **lines; /* the file's lines, for findings */
	size_t line_count;
	const char *name;
	uint64_t serial;
	const char *zone_name;
	struct zone *zone;
	enum bl_style default_style;
	bl_classes
		detects; /* the classes of detect.sets; CLASS_CUSTOMER when customer: true; custom ones */
	bl_classes named; /* those of the sets that the file itself writes */
	struct custom_class *custom;
	size_t custom_count;
	struct detect_custom *custom_patterns; /* NULL: none */
	struct workplace *workplaces;
	size_t workplace_count;
	struct string_list uses;		  /* shipped sets, the floor left out */
	int64_t request_seconds, consent_seconds; /* destroy_within; 0: not stated */
	struct rules_holds holds;
	unsigned verify_percent; /* proof */
	bool has_certificate;
	bool has_audit;
	struct rules_audit audit;
	struct rules_report report;
	struct rules_sessions sessions; /* with its defaults */
	struct role *roles;
	size_t role_count;
	struct person *people;
	size_t person_count;
	struct rule *rules;
	size_t rule_count;
	struct retention_entry *retention;
	size_t retention_count;
	int64_t test_clock_unix; /* INT64_MIN: none */
	struct rules_test_case *tests;
	size_t test_count;
	struct compiled *compiled;
	struct arena *arena; /* yaml/arena.h: every string and array above */
};

/* load.c calls these, in this order, when the tree is well-formed. */
void rules_check(struct policy *policy,
		 struct rules_findings *findings); /* check.c: names, floor, sense */
enum bl_status rules_compile(struct policy *policy,
			     struct bl_error *why) BL_MUST_CHECK; /* compile.c */
void rules_compiled_free(struct compiled *compiled);

/* Add one finding (errors may not be dropped for warnings); used by load.c and check.c. */
void rules_find(const struct policy *policy, struct rules_findings *findings,
		enum rules_severity severity, struct position at, const char *fix,
		const char *format, ...) BL_PRINTF(6, 7);

#endif

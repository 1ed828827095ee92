/* desk.h - a small policy from YAML, and short ways to ask it: for tests that speak of meaning */
#ifndef TESTS_UNIT_POLICY_RULES_DESK_H
#define TESTS_UNIT_POLICY_RULES_DESK_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/rules.h"

#define DESK_NOW INT64_C(1782896400) /* 2026-07-01 10:00 in Dublin, a Wednesday */
#define DESK_DAY INT64_C(86400)

#define DESK_HEAD                                                                                  \
	"bailee: 1\n"                                                                              \
	"name: Desk\n"                                                                             \
	"serial: 1\n"                                                                              \
	"timezone: Europe/Dublin\n"                                                                \
	"uses: [builtin/baseline]\n"                                                               \
	"people:\n"                                                                                \
	"  anna:  {roles: [technician], training_expires: 2027-03-31}\n"                           \
	"  ben:   {roles: [technician], training_expires: 2026-06-30}\n"                           \
	"  carla: {roles: [supervisor], training_expires: 2027-01-31}\n"                           \
	"  'uid:61001': {roles: [technician], training_expires: 2026-07-02}\n"                     \
	"  'group:desk': {roles: [supervisor], training_expires: 2027-01-31}\n"                    \
	"roles:\n"                                                                                 \
	"  technician: {requires: [training]}\n"                                                   \
	"  supervisor: {requires: [training]}\n"                                                   \
	"detect: {sets: [contact, payment, secrets]}\n"                                            \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"rules:\n"                                                                                 \
	"  - id: looks\n"                                                                          \
	"    permit: [list, read]\n"                                                               \
	"    who: [technician, supervisor]\n"                                                      \
	"    what: {devices: [laptop], paths: ['/Users/**']}\n"                                    \
	"    when: {hours: Mon-Sat 07:00-20:00, purpose: [repair]}\n"                              \
	"    why: Repair needs a look\n"                                                           \
	"  - id: no-copies\n"                                                                      \
	"    forbid: [copy]\n"                                                                     \
	"    who: [technician]\n"                                                                  \
	"    why: Contents stay on Bailee.\n"                                                      \
	"  - id: export\n"                                                                         \
	"    permit: [copy]\n"                                                                     \
	"    who: [supervisor]\n"                                                                  \
	"    needs: {reason: required}\n"                                                          \
	"    why: The customer asked for their files.\n"                                           \
	"  - id: no-pictures\n"                                                                    \
	"    withhold: [image]\n"                                                                  \
	"    who: everyone\n"                                                                      \
	"    what: {paths: ['**/Pictures/**']}\n"                                                  \
	"    why: Photos are never shown.\n"                                                       \
	"  - id: tail\n"                                                                           \
	"    mask: {card: keep-last-4, email: shape}\n"                                            \
	"    who: [supervisor]\n"                                                                  \
	"    what: {kinds: [text]}\n"                                                              \
	"    why: Receipts are matched.\n"                                                         \
	"  - id: refund\n"                                                                         \
	"    permit: [unmask]\n"                                                                   \
	"    who: [supervisor]\n"                                                                  \
	"    why: Refunds need it.\n"

static inline struct policy *desk_parse(const char *text)
{
	struct rules_findings findings;
	struct policy *policy = NULL;
	struct bl_error why = {""};

	if (rules_parse(text, strlen(text), &policy, &findings, &why) != BL_OK)
		fail_msg("%s; %u:%u: %s", why.text, findings.items[0].line,
			 findings.items[0].column, findings.items[0].text);
	return policy;
}

struct desk {
	struct policy *policy;
	struct rules_subject *subject;
	struct rules_places *places;
	struct rules_facts facts;
};

/* @login at @now, for 'repair', on a laptop, in a text file at @path (NULL: unknown). */
static inline void desk_open(struct desk *desk, const char *text, const char *login, int64_t now,
			     const char *path)
{
	struct rules_circumstances who = {.caller = {.uid = 7, .login = login},
					  .purpose = "repair",
					  .now_unix = now,
					  .is_clock_trusted = true};
	struct rules_device device = {"RMA-1", DEVICE_LAPTOP};

	*desk = (struct desk){.policy = desk_parse(text)};
	assert_int_equal(rules_subject_new(desk->policy, &who, &desk->subject, NULL), BL_OK);
	assert_int_equal(rules_places_new(desk->policy, &device, &desk->places, NULL), BL_OK);
	desk->facts = (struct rules_facts){.places = desk->places,
					   .place = RULES_PLACE_UNKNOWN,
					   .kind = FILE_TEXT,
					   .size_bytes = 10,
					   .state = STATE_OPEN,
					   .is_log_writable = true};
	if (path)
		assert_int_equal(rules_places_walk(desk->places, path, &desk->facts.place), BL_OK);
}

/* The same place, somebody or something else about the caller. */
static inline void desk_become(struct desk *desk, const struct rules_circumstances *who)
{
	rules_subject_free(desk->subject);
	desk->subject = NULL;
	assert_int_equal(rules_subject_new(desk->policy, who, &desk->subject, NULL), BL_OK);
}

static inline struct rules_decision desk_decide(const struct desk *desk, enum bl_action action,
						unsigned class)
{
	struct rules_decision decision;

	rules_decide(desk->subject, &desk->facts, action, class, &decision);
	return decision;
}

static inline void desk_close(struct desk *desk)
{
	rules_subject_free(desk->subject);
	rules_places_free(desk->places);
	policy_unref(desk->policy);
}

/* ---- one question, every fact of it -------------------------------------------------------- */

/*
 * A head without rules. Whoever asks is anna, uid 7, a technician who may also be asked to
 * supervise.
 */
#define SCENE_HEAD                                                                                 \
	"bailee: 1\n"                                                                              \
	"name: Scene\n"                                                                            \
	"serial: 1\n"                                                                              \
	"timezone: Europe/Dublin\n"                                                                \
	"uses: [builtin/baseline]\n"                                                               \
	"people:\n"                                                                                \
	"  anna:  {roles: [technician], training_expires: 2027-03-31}\n"                           \
	"  ben:   {roles: [technician], training_expires: 2026-06-30}\n"                           \
	"  carla: {roles: [supervisor]}\n"                                                         \
	"  dmitri: {roles: [officer]}\n"                                                           \
	"  erin: {roles: [technician, auditor], training_expires: 2027-03-31}\n"                   \
	"  'uid:61002': {roles: [clerk]}\n"                                                        \
	"roles:\n"                                                                                 \
	"  technician: {requires: [training]}\n"                                                   \
	"  supervisor: {}\n"                                                                       \
	"  officer: {}\n"                                                                          \
	"  auditor: {never_with: [technician]}\n"                                                  \
	"  clerk: {}\n"                                                                            \
	"workplaces:\n"                                                                            \
	"  bench: {hosts: [bench-01, bench-02]}\n"                                                 \
	"  office: {hosts: [office-01]}\n"                                                         \
	"detect: {sets: [contact, payment, health, secrets]}\n"                                    \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"rules:\n"
/* The bits of roles, in the order in which SCENE_HEAD names them. */
#define SCENE_TECHNICIAN UINT64_C(1)
#define SCENE_SUPERVISOR UINT64_C(2)
#define SCENE_OFFICER	 UINT64_C(4)

#define SCENE_APPROVALS 8
struct scene {
	struct rules_circumstances who;
	struct rules_device device;
	const char *path, *other_path; /* NULL: unknown; none */
	struct rules_facts facts;      /* but for places, paths and what is counted */
	struct rules_used used;
	struct rules_approval approvals[SCENE_APPROVALS];
};

static inline struct scene scene_make(void)
{
	return (struct scene){
		.who = {.caller = {.uid = 7, .login = "anna"},
			.purpose = "repair",
			.host = "bench-01",
			.now_unix = DESK_NOW,
			.is_clock_trusted = true},
		.device = {"RMA-1", DEVICE_LAPTOP},
		.path = "/Users/kim/notes.txt",
		.facts = {.kind = FILE_TEXT,
			  .size_bytes = 10,
			  .state = STATE_OPEN,
			  .is_log_writable = true,
			  .is_whole_known = true},
	};
}

/* @giver approved whatever is asked for, just now, in request 0. */
static inline struct rules_approval *scene_approve(struct scene *scene, uid_t giver, uint64_t roles)
{
	struct rules_approval *approval = &scene->approvals[scene->facts.approval_count++];

	*approval = (struct rules_approval){.giver = giver,
					    .roles = roles,
					    .given_unix = scene->who.now_unix,
					    .action = RULES_ANY,
					    .class = RULES_ANY};
	return approval;
}

/* A scene in a policy: what rules_decide and its like are given. */
struct stage {
	struct policy *policy;
	struct rules_subject *subject;
	struct rules_places *places;
	rules_place other;
	struct rules_facts facts;
};

static inline void stage_open(struct stage *stage, const char *text, const struct scene *scene)
{
	*stage = (struct stage){.policy = desk_parse(text), .facts = scene->facts};
	assert_int_equal(rules_subject_new(stage->policy, &scene->who, &stage->subject, NULL),
			 BL_OK);
	assert_int_equal(rules_places_new(stage->policy, &scene->device, &stage->places, NULL),
			 BL_OK);
	stage->facts.places = stage->places;
	stage->facts.place = RULES_PLACE_UNKNOWN;
	if (scene->path)
		assert_int_equal(rules_places_walk(stage->places, scene->path, &stage->facts.place),
				 BL_OK);
	if (scene->other_path) {
		assert_int_equal(rules_places_walk(stage->places, scene->other_path, &stage->other),
				 BL_OK);
		stage->facts.other_places = &stage->other;
		stage->facts.other_count = 1;
	}
	stage->facts.used = &scene->used;
	stage->facts.approvals = scene->approvals;
}

static inline struct rules_decision stage_decide(const struct stage *stage, enum bl_action action,
						 unsigned class)
{
	struct rules_decision decision;

	rules_decide(stage->subject, &stage->facts, action, class, &decision);
	return decision;
}

static inline void stage_close(struct stage *stage)
{
	rules_subject_free(stage->subject);
	rules_places_free(stage->places);
	policy_unref(stage->policy);
}

#endif

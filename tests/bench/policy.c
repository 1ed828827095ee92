/* policy.c - what one decision and one step of a path cost, with 1,024 rules that use the whole language
 *
 * 65,536 distinct pairs of a subject and a node, shuffled: neither is in the nearest cache, and every node has facts of its
 * own. Then as many random questions as LAW_PAIRS says are held against the naive evaluator.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/policy/rules/naive-hold.h"

#define RULES	  1024
#define SUBJECTS  256
#define NODES	  256
#define PAIRS	  (SUBJECTS * NODES)
#define ROUNDS	  9
#define NOW	  INT64_C(1782896400) /* 2026-07-01 10:00 in Dublin */
#define LAW_PAIRS 400000

struct pair {
	uint16_t subject, node;
};

struct bench {
	struct policy *policy;
	struct rules_subject *subjects[SUBJECTS];
	struct rules_places *places;
	struct rules_facts nodes[NODES];
	struct pair pairs[PAIRS];
	struct rules_used used;
	struct rules_approval approvals[2];
};

static void must(enum bl_status status, const char *what)
{
	if (status == BL_OK)
		return;
	fprintf(stderr, "bench: cannot %s: %s\n", what, bl_status_name(status));
	exit(1);
}

/* ---- a policy of a chain of shops -------------------------------------------------------------- */

static void write_head(FILE *out)
{
	fprintf(out, "bailee: 1\nname: Bench\nserial: 1\ntimezone: Europe/Dublin\n"
		     "uses: [builtin/baseline]\npeople:\n");
	for (unsigned i = 0; i < SUBJECTS; i++)
		fprintf(out, "  'uid:%u': {roles: [r%u, r%u], training_expires: 2026-%02u-28}\n",
			61000 + i, i % 32, 32 + i / 32 % 8, i % 10 ? 12 : 6);
	fprintf(out, "roles:\n");
	for (unsigned i = 0; i < 40; i++)
		fprintf(out, "  r%u: {requires: [training]}\n", i);
	fprintf(out, "workplaces:\n");
	for (unsigned i = 0; i < 4; i++)
		fprintf(out, "  w%u: {hosts: [host-%u, host-%u]}\n", i, i, (i + 1) % 4);
	fprintf(out, "detect: {sets: [contact, payment, government-id, health]}\n"
		     "defaults: {access: forbid, mask: fill, unscanned: withhold}\nrules:\n");
}

/* What rules are like, in turn; each is of one role of forty, and half of them of some paths. */
static const char *const SHAPES[] = {
	"permit: [list, read]\n    when: {purpose: [repair, grading], consent: granted}\n"
	"    limits: {files: 200 per hour, bytes: 500M per day}",
	"permit: [list, read]\n    where: [w0, w1]\n"
	"    when: {hours: Mon-Sat 07:00-20:00, caller_verified: one-factor}",
	"permit: [copy]\n"
	"    needs: {reason: required, approvals: {count: 2, from: [r1, r2], valid: 4h}}",
	"permit: [unmask]\n    needs: {reason: required}\n    limits: {unmasks: 10 per day}",
	"permit: [list, read]\n    unless: {consent: withdrawn}\n    needs: {reason: required}",
	"forbid: [copy]\n    unless: {hours: Mon-Fri 08:00-18:00, consent: granted}",
	"mask: {email: keep-domain, phone: keep-last-4}\n    when: {consent: granted}",
	"withhold: [image, video]\n    unless: {approved: copy}",
};
/* Words of `what` beside the paths. */
static const char *const WHATS[] = {
	"devices: [laptop, phone]", "max_size: 20M",  "kinds: [text, mail, pdf]",
	"status: [received, open]", "ids: ['RMA-*']",
};

static void write_rule(FILE *out, unsigned i)
{
	fprintf(out, "  - id: rule-%u\n    %s\n    who: [r%u]\n", i, SHAPES[i % BL_COUNT(SHAPES)],
		i * 7 % 40);
	fprintf(out, "    what: {%s", WHATS[i / 8 % BL_COUNT(WHATS)]);
	if (i / 8 % 2)
		fprintf(out, ", paths: ['/area%u/**', '/shared/**/x%u*']", i / 4 % NODES, i);
	fprintf(out, "}\n    why: A rule to be measured.\n");
}

/* Rules of a few roles that speak of what files contain: everybody's would close everything. */
static void write_contents(FILE *out, unsigned i)
{
	static const char *const effects[] = {"forbid: [read]", "withhold: [any]",
					      "forbid: [unmask]"};

	fprintf(out,
		"  - id: contents-%u\n    %s\n    who: [r%u]\n    what: {contains: [health-id, "
		"passport]}\n    why: A rule to be measured.\n",
		i, effects[i % BL_COUNT(effects)], i % 40);
}

static void load(struct bench *bench)
{
	struct rules_findings findings;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		exit(1);
	write_head(out);
	for (unsigned i = 0; i < RULES; i++)
		if (i % 32 == 31)
			write_contents(out, i);
		else
			write_rule(out, i);
	fclose(out);
	if (rules_parse(text, size, &bench->policy, &findings, NULL) != BL_OK) {
		fprintf(stderr, "bench: policy: %s\n", findings.items[0].text);
		exit(1);
	}
	free(text);
}

/* ---- who asks, and about what ------------------------------------------------------------------ */

static void make_subjects(struct bench *bench)
{
	static const char *const hosts[] = {"host-0", "host-1", "host-2", "host-3"};
	static const char *const purposes[] = {"repair", "grading", NULL};

	for (unsigned i = 0; i < SUBJECTS; i++) {
		struct rules_circumstances who = {.caller = {.uid = 61000 + i},
						  .host = hosts[i % BL_COUNT(hosts)],
						  .purpose = purposes[i % BL_COUNT(purposes)],
						  .has_reason = i % 2,
						  .now_unix = NOW,
						  .is_clock_trusted = true};

		must(rules_subject_new(bench->policy, &who, &bench->subjects[i], NULL),
		     "make a subject");
	}
}

static void make_nodes(struct bench *bench)
{
	static const int kinds[] = {FILE_TEXT, FILE_MAIL, FILE_PDF, FILE_IMAGE, -1};
	struct rules_device device = {"RMA-1", DEVICE_LAPTOP};

	bench->approvals[0] = (struct rules_approval){1, 7, 3, NOW - 60, ACTION_COPY, RULES_ANY};
	bench->approvals[1] = (struct rules_approval){1, 8, 6, NOW - 60, ACTION_COPY, RULES_ANY};
	bench->used.amount[UNIT_FILES][PERIOD_HOUR] = 100;
	must(rules_places_new(bench->policy, &device, &bench->places, NULL), "make places");
	for (unsigned i = 0; i < NODES; i++) {
		struct rules_facts *node = &bench->nodes[i];
		char path[64];

		*node = (struct rules_facts){.places = bench->places,
					     .kind = kinds[i % BL_COUNT(kinds)],
					     .size_bytes = (int64_t)i << 17,
					     .state = STATE_OPEN,
					     .is_log_writable = true,
					     .consent = i % 4 ? CONSENT_GRANTED : CONSENT_UNKNOWN,
					     .caller_check = (enum bl_check)(i % CHECK_COUNT),
					     .has = i % 8 ? 0 : CLASS_BIT(CLASS_HEALTH_ID),
					     .is_whole_known = i % 16 != 1,
					     .used = &bench->used,
					     .approvals = bench->approvals,
					     .approval_count = i % 3};
		snprintf(path, sizeof(path), "/area%u/folder%u/file", i, i % 7);
		must(rules_places_walk(bench->places, path, &node->place), "walk");
	}
}

static void shuffle(struct bench *bench)
{
	struct dice dice = dice_of(1);

	for (unsigned i = 0; i < PAIRS; i++)
		bench->pairs[i] = (struct pair){(uint16_t)(i / NODES), (uint16_t)(i % NODES)};
	for (unsigned i = PAIRS; i > 1; i--) {
		unsigned other = dice_below(&dice, i);
		struct pair swapped = bench->pairs[other];

		bench->pairs[other] = bench->pairs[i - 1];
		bench->pairs[i - 1] = swapped;
	}
}

/* ---- measuring --------------------------------------------------------------------------------- */

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double decide_once(const struct bench *bench, enum bl_action action, size_t counts[4])
{
	double start = now_ns();

	for (unsigned i = 0; i < PAIRS; i++) {
		struct rules_decision decision;

		rules_decide(bench->subjects[bench->pairs[i].subject],
			     &bench->nodes[bench->pairs[i].node], action, CLASS_EMAIL, &decision);
		counts[decision.outcome]++;
	}
	return (now_ns() - start) / PAIRS;
}

static double step_once(struct bench *bench)
{
	static const char *const names[] = {"report.txt", "x12.jpg",  "folder3", "Area7",
					    "notes",	  "x999.pdf", "file",	 "IMG_0001.JPG"};
	rules_place root = rules_places_root(bench->places), child;
	size_t lengths[BL_COUNT(names)];

	for (size_t i = 0; i < BL_COUNT(names); i++)
		lengths[i] = strlen(names[i]);

	double start = now_ns();

	for (unsigned i = 0; i < PAIRS; i++) {
		size_t name = i % BL_COUNT(names);
		rules_place parent = i % 2 ? bench->nodes[bench->pairs[i].node].place : root;

		must(rules_places_step(bench->places, parent, names[name], lengths[name], &child),
		     "step");
	}
	return (now_ns() - start) / PAIRS;
}

static int by_value(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

static double middle(double figures[ROUNDS])
{
	qsort(figures, ROUNDS, sizeof(*figures), by_value);
	return figures[ROUNDS / 2];
}

static void measure_decisions(void)
{
	static struct bench bench;
	double reads[ROUNDS], unmasks[ROUNDS], steps[ROUNDS];
	size_t counts[4] = {0};

	load(&bench);
	make_subjects(&bench);
	make_nodes(&bench);
	shuffle(&bench);
	for (unsigned i = 0; i < ROUNDS; i++) {
		reads[i] = decide_once(&bench, ACTION_READ, counts);
		unmasks[i] = decide_once(&bench, ACTION_UNMASK, (size_t[4]){0});
		steps[i] = step_once(&bench);
	}
	/* a bench in which nothing is permitted, or everything, would measure nothing */
	for (size_t i = 0; i < BL_COUNT(counts); i++)
		if (counts[i] < PAIRS / 50) {
			fprintf(stderr, "bench: only %zu of %d: %s\n", counts[i] / ROUNDS, PAIRS,
				words_outcome((enum rules_outcome)i));
			exit(1);
		}
	printf("bench: policy.decide_ns %.1f ns\n", middle(reads));
	printf("bench: policy.decide_unmask_ns %.1f ns\n", middle(unmasks));
	printf("bench: policy.step_ns %.1f ns\n", middle(steps));
	for (unsigned i = 0; i < SUBJECTS; i++)
		rules_subject_free(bench.subjects[i]);
	rules_places_free(bench.places);
	policy_unref(bench.policy);
}

/* Seeds that `make check` never comes to. */
static void measure_law(void)
{
	static struct hold_run run;
	const char *stated = getenv("LAW_PAIRS"), *seed = getenv("LAW_SEED");
	size_t pairs = stated ? strtoull(stated, NULL, 10) : LAW_PAIRS;

	must(zone_load("Europe/Dublin", &run.zone, NULL), "load a zone");
	double start = now_ns();

	if (!hold_pairs(&run, seed ? strtoull(seed, NULL, 10) : 1u << 24, pairs))
		exit(1);
	printf("bench: policy.law_pairs %.0f pairs/s\n",
	       (double)run.pairs * 1e9 / (now_ns() - start));
	zone_free(run.zone);
}

int main(void)
{
	measure_decisions();
	measure_law();
	return 0;
}

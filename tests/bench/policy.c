/* policy.c - what one decision and one step of a path cost, with 1,024 rules
 *
 * 65,536 distinct pairs of a subject and a place, shuffled: neither is in the nearest cache. Synthetic rules in
 * equal parts permit, forbid, mask and withhold; nine places in ten match some of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/rules/rules.h"

#define RULES	 1024
#define SUBJECTS 256
#define PLACES	 256
#define PAIRS	 (SUBJECTS * PLACES)
#define ROUNDS	 9
#define NOW	 INT64_C(1782896400) /* 2026-07-01 10:00 in Dublin */

struct pair {
	uint16_t subject, place;
};

struct bench {
	struct policy *policy;
	struct rules_subject *subjects[SUBJECTS];
	struct rules_places *places;
	rules_place place[PLACES];
	struct pair pairs[PAIRS];
};

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32) % limit;
}

static void must(enum bl_status status, const char *what)
{
	if (status == BL_OK)
		return;
	fprintf(stderr, "bench: cannot %s: %s\n", what, bl_status_name(status));
	exit(1);
}

static void write_head(FILE *out)
{
	fprintf(out, "bailee: 1\nname: Bench\nserial: 1\ntimezone: Europe/Dublin\n"
		     "uses: [builtin/baseline]\npeople:\n");
	for (unsigned i = 0; i < SUBJECTS; i++)
		fprintf(out, "  'uid:%u': {roles: [r%u, r%u]}\n", 61000 + i, i % 32,
			32 + i / 32 % 8);
	fprintf(out, "roles:\n");
	for (unsigned i = 0; i < 40; i++)
		fprintf(out, "  r%u: {}\n", i);
	fprintf(out, "detect: {sets: [contact, payment]}\n"
		     "defaults: {access: forbid, mask: fill, unscanned: withhold}\nrules:\n");
}

static void write_rule(FILE *out, unsigned i)
{
	static const char *const effects[] = {"permit: [list, read]", "forbid: [copy]",
					      "mask: {email: shape}", "withhold: [image]"};

	/* permits of what everybody may reach in the end, so that a decision looks through many */
	fprintf(out, "  - id: rule-%u\n    %s\n    who: [r%u]\n", i, effects[i % 4], i % 40);
	fprintf(out, "    what: {paths: ['/area%u/**', '/shared/**/x%u*']}\n", i / 4 % PLACES, i);
	fprintf(out, "    why: A rule to be measured.\n");
}

static void load(struct bench *bench)
{
	struct rules_findings findings;
	struct bl_error why;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		exit(1);
	write_head(out);
	for (unsigned i = 0; i < RULES; i++)
		write_rule(out, i);
	fclose(out);
	if (rules_parse(text, size, &bench->policy, &findings, &why) != BL_OK) {
		fprintf(stderr, "bench: policy: %s\n", why.text);
		exit(1);
	}
	free(text);
}

static void prepare(struct bench *bench)
{
	struct rules_device device = {"RMA-1", DEVICE_LAPTOP};
	uint64_t dice = 88172645463325252;

	for (unsigned i = 0; i < SUBJECTS; i++) {
		struct rules_circumstances who = {
			.caller = {.uid = 61000 + i}, .now_unix = NOW, .is_clock_trusted = true};

		must(rules_subject_new(bench->policy, &who, &bench->subjects[i], NULL),
		     "make a subject");
	}
	must(rules_places_new(bench->policy, &device, &bench->places, NULL), "make places");
	for (unsigned i = 0; i < PLACES; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/area%u/file", i);
		must(rules_places_walk(bench->places, path, &bench->place[i]), "walk");
	}
	for (unsigned i = 0; i < PAIRS; i++)
		bench->pairs[i] = (struct pair){(uint16_t)(i / PLACES), (uint16_t)(i % PLACES)};
	for (unsigned i = PAIRS; i > 1; i--) {
		unsigned other = random_below(&dice, i);
		struct pair swapped = bench->pairs[other];

		bench->pairs[other] = bench->pairs[i - 1];
		bench->pairs[i - 1] = swapped;
	}
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double decide_once(const struct bench *bench, size_t counts[4])
{
	struct rules_facts facts = {.places = bench->places,
				    .kind = FILE_TEXT,
				    .size_bytes = 100,
				    .state = STATE_OPEN,
				    .is_log_writable = true};
	double start = now_ns();

	for (unsigned i = 0; i < PAIRS; i++) {
		struct rules_decision decision;

		facts.place = bench->place[bench->pairs[i].place];
		rules_decide(bench->subjects[bench->pairs[i].subject], &facts, ACTION_READ, 0,
			     &decision);
		counts[decision.outcome]++;
	}
	return (now_ns() - start) / PAIRS;
}

static double step_once(struct bench *bench)
{
	rules_place root = rules_places_root(bench->places), child;
	double start = now_ns();

	for (unsigned i = 0; i < PAIRS; i++) {
		rules_place parent = i % 2 ? bench->place[i / 2 % PLACES] : root;

		must(rules_places_step(bench->places, parent, "report.txt", 10, &child), "step");
	}
	return (now_ns() - start) / PAIRS;
}

static int by_value(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

int main(void)
{
	static struct bench bench;
	double decides[ROUNDS], steps[ROUNDS];
	size_t counts[4] = {0};

	load(&bench);
	prepare(&bench);
	for (unsigned i = 0; i < ROUNDS; i++) {
		decides[i] = decide_once(&bench, counts);
		steps[i] = step_once(&bench);
	}
	/* a bench in which nothing is permitted would measure nothing */
	if (!counts[RULES_PERMIT] || !counts[RULES_FORBID])
		return 1;
	qsort(decides, ROUNDS, sizeof(*decides), by_value);
	qsort(steps, ROUNDS, sizeof(*steps), by_value);
	printf("bench: policy.decide_ns %.1f ns\n", decides[ROUNDS / 2]);
	printf("bench: policy.step_ns %.1f ns\n", steps[ROUNDS / 2]);
	for (unsigned i = 0; i < SUBJECTS; i++)
		rules_subject_free(bench.subjects[i]);
	rules_places_free(bench.places);
	policy_unref(bench.policy);
	return 0;
}

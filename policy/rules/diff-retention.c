#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/cover.h"
#include "policy/rules/diff-told.h"
#include "policy/rules/diff.h"

#define TOPIC_RETENTION 0x20000u
#define TOPIC_PARTS	0x28000u
#define DAY_SECONDS	INT64_C(86400)

/* Looks at an entry, about: more would make a hostile pair of files slow. A window costs as much as so many. */
#define LOOKS_LIMIT   UINT64_C(100000000)
#define WINDOW_LOOKS  32u
#define PATTERN_LIMIT 64u /* bits */

/* What has happened a day after intake: each combination is asked. */
#define STARTS 5u
enum start { START_OPENED, START_CLOSED, START_WITHDRAWN, START_REQUESTED, START_SHRED };

/* What is asked about: a device, and whether its files can be destroyed alone. */
struct question {
	uint16_t id, kind, state; /* into cells */
	unsigned starts;
	bool has_parts;
};

struct retention_diff {
	const struct cells *cells;
	struct tellings *tellings;
	uint16_t kept[3][CELL_LIMIT]; /* ids, kinds, states that entries tell apart */
	size_t kept_count[3];
	const char *patterns[PATTERN_LIMIT]; /* of entries with `paths`, of both files */
	size_t pattern_count;
	bool is_cut; /* there are more patterns */
	uint64_t covered[SIDES]
			[RETENTION_LIMIT]; /* per entry: patterns all of whose files are its */
};

/* A date and who decided it. */
struct dated {
	int64_t due;
	const char *entry;
};

static struct rules_retention_facts facts_of(const struct cells *cells, struct question question)
{
	int64_t later = cells->base_unix + DAY_SECONDS;
	unsigned starts = question.starts;

	return (struct rules_retention_facts){
		.device = {cells->ids[question.id], question.kind},
		.state = question.state,
		.has_parts = question.has_parts,
		.intake_unix = cells->base_unix,
		.last_open_unix = starts >> START_OPENED & 1 ? later : 0,
		.closed_unix = starts >> START_CLOSED & 1 ? later : 0,
		.consent_withdrawn_unix = starts >> START_WITHDRAWN & 1 ? later : 0,
		.requested_unix = starts >> START_REQUESTED & 1 ? later : 0,
		.early_shred_unix = starts >> START_SHRED & 1 ? later : 0,
	};
}

/* The head of a pattern, not cut inside a character. */
#define PATTERN_SHOWN 60u
static int shown_length(const char *pattern)
{
	size_t length = strnlen(pattern, PATTERN_SHOWN);

	while (length && ((uint8_t)pattern[length] & 0xc0) == 0x80)
		length--;
	return (int)length;
}

/* @pattern: the files that are asked about; NULL: the whole device */
static void say_question(const struct cells *cells, struct question question, const char *pattern,
			 char out[200])
{
	static const char *const words[STARTS] = {[START_OPENED] = ", opened",
						  [START_CLOSED] = ", closed",
						  [START_WITHDRAWN] = ", consent withdrawn",
						  [START_REQUESTED] = ", destruction requested",
						  [START_SHRED] = ", early shred permitted"};
	FILE *text = fmemopen(out, 200, "w");

	out[0] = '\0';
	if (!text)
		return;
	fputs("keep ", text);
	if (pattern)
		fprintf(text, "'%.*s' of ", shown_length(pattern), pattern);
	fprintf(text, "a %s%s '%s' that is %s", question.has_parts ? "sealed " : "",
		bl_device_kind_name((enum bl_device_kind)question.kind), cells->ids[question.id],
		bl_device_state_name((enum bl_device_state)question.state));
	for (unsigned i = 0; i < STARTS; i++)
		if (question.starts >> i & 1)
			fputs(words[i], text);
	if (question.starts)
		fputs(" a day after intake", text);
	fclose(text);
	out[199] = '\0';
}

static void tell(const struct retention_diff *diff, struct question question, const char *pattern,
		 const struct dated dated[SIDES])
{
	const char *who = pattern ? "a part of a device" : "a device";
	unsigned topic = pattern ? TOPIC_PARTS : TOPIC_RETENTION;
	struct told_answer answers[SIDES];
	char words[SIDES][40], text[200];

	if (dated[OLDER].due == dated[NEWER].due)
		return;
	for (unsigned side = 0; side < SIDES; side++) {
		int64_t hours = (dated[side].due - diff->cells->base_unix) / 3600;

		snprintf(words[side], sizeof(words[side]), "%lld d %lld h from intake",
			 (long long)hours / 24, (long long)hours % 24);
		answers[side] = (struct told_answer){.words = words[side],
						     .rule = dated[side].entry,
						     .rank = dated[side].due > dated[!side].due};
	}
	if (tellings_is_known(diff->tellings, who, topic, &answers[OLDER], &answers[NEWER]))
		return;
	say_question(diff->cells, question, pattern, text);
	tellings_add(diff->tellings, who, topic, &answers[OLDER], &answers[NEWER], text);
}

/* ---- parts --------------------------------------------------------------------------------- */

static void add_pattern(struct retention_diff *diff, const char *pattern)
{
	for (size_t i = 0; i < diff->pattern_count; i++)
		if (strcmp(diff->patterns[i], pattern) == 0)
			return;
	if (diff->pattern_count < PATTERN_LIMIT)
		diff->patterns[diff->pattern_count++] = pattern;
	else
		diff->is_cut = true;
}

static uint64_t covered_by(const struct retention_diff *diff, const struct string_list *paths)
{
	uint64_t covered = 0;

	for (size_t i = 0; i < diff->pattern_count; i++)
		for (size_t k = 0; k < paths->count; k++)
			if (cover_pattern(paths->items[k], diff->patterns[i]))
				covered |= UINT64_C(1) << i;
	return covered;
}

static void gather_patterns(struct retention_diff *diff)
{
	for (unsigned side = 0; side < SIDES; side++) {
		const struct policy *policy = diff->cells->policy[side];

		for (size_t i = 0; i < policy->retention_count && !diff->is_cut; i++)
			for (size_t k = 0; k < policy->retention[i].paths.count; k++)
				add_pattern(diff, policy->retention[i].paths.items[k]);
	}
	for (unsigned side = 0; side < SIDES && !diff->is_cut; side++) {
		const struct policy *policy = diff->cells->policy[side];

		for (size_t i = 0; i < policy->retention_count; i++)
			diff->covered[side][i] = covered_by(diff, &policy->retention[i].paths);
	}
}

/*
 * When the files of each pattern are gone: with the device, or with the earliest part that is known to hold
 * them all. A file that stays longer under one of the policies is of the pattern that ended it under the other,
 * and that pattern too stays longer: so nothing wider is missed, whatever the patterns have in common.
 */
static void date_parts(const struct retention_diff *diff, enum side side,
		       const struct rules_retention_facts *facts, struct dated device,
		       struct dated out[PATTERN_LIMIT])
{
	const struct policy *policy = diff->cells->policy[side];

	for (size_t i = 0; i < diff->pattern_count; i++)
		out[i] = device;
	for (size_t entry = 0; entry < rules_retention_count(policy); entry++) {
		struct rules_part part;

		if (!rules_part_due(policy, facts, entry, &part))
			continue;
		for (size_t i = 0; i < diff->pattern_count; i++)
			if (diff->covered[side][entry] >> i & 1 && part.due.due_unix < out[i].due)
				out[i] = (struct dated){part.due.due_unix, part.due.entry};
	}
}

static void compare(const struct retention_diff *diff, struct question question)
{
	struct rules_retention_facts facts = facts_of(diff->cells, question);
	struct dated device[SIDES], parts[SIDES][PATTERN_LIMIT];

	for (unsigned side = 0; side < SIDES; side++) {
		device[side].due =
			rules_due(diff->cells->policy[side], &facts, &device[side].entry);
		date_parts(diff, (enum side)side, &facts, device[side], parts[side]);
	}
	tell(diff, question, NULL, device);
	for (size_t i = 0; question.has_parts && i < diff->pattern_count; i++) {
		const struct dated dated[SIDES] = {parts[OLDER][i], parts[NEWER][i]};

		/* of files that go with the device all is told already */
		if (dated[OLDER].due < device[OLDER].due || dated[NEWER].due < device[NEWER].due)
			tell(diff, question, diff->patterns[i], dated);
	}
}

/* ---- all questions ------------------------------------------------------------------------- */

/* Do the entries of both files tell @value from an earlier one of its dimension? */
static uint64_t entry_bits(const struct cells *cells, size_t dimension, size_t value)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (unsigned side = 0; side < SIDES; side++)
		for (size_t i = 0; i < cells->policy[side]->retention_count; i++) {
			const struct retention_entry *entry = &cells->policy[side]->retention[i];
			bool holds = dimension == 1   ? entry->device_kinds >> value & 1
				     : dimension == 2 ? entry->states >> value & 1
						      : false;

			for (size_t k = 0; dimension == 0 && k < entry->ids.count; k++)
				holds |= glob_match_id(entry->ids.items[k], cells->ids[value]);
			hash = (hash ^ (holds + 1u)) * UINT64_C(0x100000001b3);
		}
	return hash;
}

/* Of values that no entry tells apart the first. */
static void gather_values(struct retention_diff *diff)
{
	const struct cells *cells = diff->cells;
	const size_t counts[3] = {cells->count[DIM_ID], DEVICE_KIND_COUNT, STATE_COUNT};
	uint64_t bits[CELL_LIMIT];

	for (size_t dimension = 0; dimension < 3; dimension++)
		for (size_t value = 0; value < counts[dimension]; value++) {
			size_t *count = &diff->kept_count[dimension], like = 0;

			bits[*count] = entry_bits(cells, dimension, value);
			while (bits[like] != bits[*count])
				like++;
			if (like == *count)
				diff->kept[dimension][(*count)++] = (uint16_t)value;
		}
}

static uint64_t looks_of(const struct retention_diff *diff, size_t questions)
{
	uint64_t looks = 0;

	for (unsigned side = 0; side < SIDES; side++) {
		const struct policy *policy = diff->cells->policy[side];
		uint64_t entries = 1, parts = 1;

		for (size_t i = 0; i < policy->retention_count; i++) {
			entries += 1 + WINDOW_LOOKS * policy->retention[i].window_count;
			parts += policy->retention[i].paths.count > 0;
		}
		looks += questions * entries * parts;
	}
	return looks;
}

static void ask_all(const struct retention_diff *diff, size_t questions)
{
	for (size_t at = 0; at < questions; at++) {
		size_t rest = at;
		struct question question = {.starts = rest % (1u << STARTS)};

		rest /= 1u << STARTS;
		question.state = diff->kept[2][rest % diff->kept_count[2]];
		rest /= diff->kept_count[2];
		question.kind = diff->kept[1][rest % diff->kept_count[1]];
		rest /= diff->kept_count[1];
		question.id = diff->kept[0][rest % diff->kept_count[0]];
		question.has_parts = rest / diff->kept_count[0];
		compare(diff, question);
	}
}

/* What was not asked may be anything, so it counts as wider. */
static void tell_too_many(const struct retention_diff *diff)
{
	static const struct told_answer before = {0, "not asked", "retention"};
	static const struct told_answer after = {1, "not asked: counts as wider", "retention"};

	tellings_add(diff->tellings, "a device", TOPIC_RETENTION, &before, &after,
		     "more dates and paths of retention are told apart than can be compared");
}

enum bl_status diff_retention(const struct cells *cells, struct tellings *tellings)
{
	BL_CLEANUP(bl_free) struct retention_diff *diff = calloc(1, sizeof(*diff));

	if (!diff)
		return BL_NO_MEMORY;
	if (memcmp(policy_digest(cells->policy[OLDER]), policy_digest(cells->policy[NEWER]), 32) ==
	    0)
		return BL_OK;
	diff->cells = cells;
	diff->tellings = tellings;
	gather_values(diff);
	gather_patterns(diff);
	size_t questions = diff->kept_count[0] * diff->kept_count[1] * diff->kept_count[2] *
			   (1u << STARTS) * (diff->pattern_count ? 2 : 1);

	if (diff->is_cut || looks_of(diff, questions) > LOOKS_LIMIT)
		tell_too_many(diff);
	else
		ask_all(diff, questions);
	return BL_OK;
}

#include <stdio.h>
#include <string.h>

#include "policy/rules/diff-told.h"
#include "policy/rules/diff.h"

#define TOPIC_RETENTION 0x20000u
#define DAY_SECONDS	INT64_C(86400)

/* What has happened a day after intake: each combination is asked. */
#define STARTS 5u
enum start { START_OPENED, START_CLOSED, START_WITHDRAWN, START_REQUESTED, START_SHRED };

static void set_facts(const struct cells *cells, const uint16_t values[3], unsigned starts,
		      struct rules_retention_facts *out)
{
	int64_t later = cells->base_unix + DAY_SECONDS;

	*out = (struct rules_retention_facts){
		.device = {cells->ids[values[0]], values[1]},
		.state = values[2],
		.intake_unix = cells->base_unix,
		.last_open_unix = starts >> START_OPENED & 1 ? later : 0,
		.closed_unix = starts >> START_CLOSED & 1 ? later : 0,
		.consent_withdrawn_unix = starts >> START_WITHDRAWN & 1 ? later : 0,
		.requested_unix = starts >> START_REQUESTED & 1 ? later : 0,
		.early_shred_unix = starts >> START_SHRED & 1 ? later : 0,
	};
}

static void say_question(const struct cells *cells, const uint16_t values[3], unsigned starts,
			 char out[200])
{
	static const char *const words[STARTS] = {[START_OPENED] = ", opened",
						  [START_CLOSED] = ", closed",
						  [START_WITHDRAWN] = ", consent withdrawn",
						  [START_REQUESTED] = ", destruction requested",
						  [START_SHRED] = ", early shred permitted"};
	int used =
		snprintf(out, 200, "keep a %s '%s' that is %s",
			 bl_device_kind_name((enum bl_device_kind)values[1]), cells->ids[values[0]],
			 bl_device_state_name((enum bl_device_state)values[2]));

	for (unsigned i = 0; i < STARTS && used > 0 && used < 200; i++)
		if (starts >> i & 1)
			used += snprintf(out + used, (size_t)(200 - used), "%s", words[i]);
	if (starts && used > 0 && used < 200)
		snprintf(out + used, (size_t)(200 - used), " a day after intake");
}

static void compare(const struct cells *cells, const uint16_t values[3], unsigned starts,
		    struct tellings *tellings)
{
	struct rules_retention_facts facts;
	struct told_answer answers[SIDES];
	int64_t due[SIDES];
	char words[SIDES][40], question[200];

	set_facts(cells, values, starts, &facts);
	for (unsigned side = 0; side < SIDES; side++)
		due[side] = rules_due(cells->policy[side], &facts, &answers[side].rule);
	if (due[OLDER] == due[NEWER])
		return;
	for (unsigned side = 0; side < SIDES; side++) {
		int64_t hours = (due[side] - cells->base_unix) / 3600;

		snprintf(words[side], sizeof(words[side]), "%lld d %lld h from intake",
			 (long long)hours / 24, (long long)hours % 24);
		answers[side].words = words[side];
		answers[side].rank = due[side] > due[!side];
	}
	if (tellings_is_known(tellings, "a device", TOPIC_RETENTION, &answers[OLDER],
			      &answers[NEWER]))
		return;
	say_question(cells, values, starts, question);
	tellings_add(tellings, "a device", TOPIC_RETENTION, &answers[OLDER], &answers[NEWER],
		     question);
}

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

static bool is_like_earlier(const struct cells *cells, size_t dimension, size_t value)
{
	uint64_t bits = entry_bits(cells, dimension, value);

	for (size_t i = 0; i < value; i++)
		if (entry_bits(cells, dimension, i) == bits)
			return true;
	return false;
}

void diff_retention(const struct cells *cells, struct tellings *tellings)
{
	const size_t counts[3] = {cells->count[DIM_ID], DEVICE_KIND_COUNT, STATE_COUNT};
	uint16_t kept[3][CELL_LIMIT];
	size_t kept_count[3] = {0};

	for (size_t dimension = 0; dimension < 3; dimension++)
		for (size_t value = 0; value < counts[dimension]; value++)
			if (!is_like_earlier(cells, dimension, value))
				kept[dimension][kept_count[dimension]++] = (uint16_t)value;
	for (size_t id = 0; id < kept_count[0]; id++)
		for (size_t kind = 0; kind < kept_count[1]; kind++)
			for (size_t state = 0; state < kept_count[2]; state++)
				for (unsigned starts = 0; starts < 1u << STARTS; starts++) {
					const uint16_t values[3] = {kept[0][id], kept[1][kind],
								    kept[2][state]};

					compare(cells, values, starts, tellings);
				}
}

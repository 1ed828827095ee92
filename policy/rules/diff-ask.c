#include <stdlib.h>
#include <string.h>

#include "policy/rules/diff.h"
#include "policy/rules/say.h"
#include "policy/rules/zone.h"

#define SUBJECTS 4096u /* remembered of one caller, by their number */

struct known_subject {
	struct rules_subject *subject;
	uint64_t number;
};

/* One device in both policies, and the places of its paths. */
struct known_device {
	struct rules_places *places[SIDES];
	rules_place *place[SIDES];
	bool *is_walked[SIDES];
};

struct asker {
	const struct cells *cells;
	const struct diff_caller *caller;
	struct known_subject subjects[SIDES][SUBJECTS];
	struct known_device **devices; /* DEVICE_KIND_COUNT for each id */
	struct rules_approval approvals[SIDES][APPROVERS_LIMIT];
	struct rules_used used[SIDES];
};

/* ---- life --------------------------------------------------------------------------------------------------- */

enum bl_status asker_new(const struct cells *cells, struct asker **out_asker)
{
	BL_CLEANUP(asker_free) struct asker *asker = calloc(1, sizeof(*asker));

	if (!asker)
		return BL_NO_MEMORY;
	asker->cells = cells;
	asker->devices =
		calloc(cells->count[DIM_ID] * DEVICE_KIND_COUNT, sizeof(struct known_device *));
	if (!asker->devices)
		return BL_NO_MEMORY;
	*out_asker = BL_TAKE(asker);
	return BL_OK;
}

static void forget_subjects(struct asker *asker)
{
	for (unsigned side = 0; side < SIDES; side++)
		for (unsigned i = 0; i < SUBJECTS; i++) {
			rules_subject_free(asker->subjects[side][i].subject);
			asker->subjects[side][i].subject = NULL;
		}
}

static void free_device(struct known_device *device)
{
	for (unsigned side = 0; device && side < SIDES; side++) {
		rules_places_free(device->places[side]);
		free(device->place[side]);
		free(device->is_walked[side]);
	}
	free(device);
}

void asker_free(struct asker *asker)
{
	if (!asker)
		return;
	forget_subjects(asker);
	for (size_t i = 0; asker->devices && i < asker->cells->count[DIM_ID] * DEVICE_KIND_COUNT;
	     i++)
		free_device(asker->devices[i]);
	free(asker->devices);
	free(asker);
}

void asker_become(struct asker *asker, const struct diff_caller *caller)
{
	forget_subjects(asker);
	asker->caller = caller;
}

/* ---- who asks ------------------------------------------------------------------------------------------------ */

static struct rules_caller caller_of(const struct person *person)
{
	bool is_group = person && person->key == PERSON_GROUP;

	return (struct rules_caller){
		.uid = person && person->key == PERSON_UID ? person->uid : (uid_t)-1,
		.login = person && person->key == PERSON_LOGIN ? person->value : NULL,
		.groups = is_group ? (const char *const *)&person->value : NULL,
		.group_count = is_group,
	};
}

static enum bl_status make_subject(const struct asker *asker, enum side side,
				   const uint16_t values[DIM_COUNT], struct rules_subject **out)
{
	const struct cells *cells = asker->cells;
	struct rules_circumstances circumstances = {
		.caller = caller_of(asker->caller->person[side]),
		.purpose = cells->purposes[values[DIM_PURPOSE]],
		.host = cells->hosts[values[DIM_HOST]],
		.has_reason = values[DIM_REASON],
		.now_unix = cells->moments[values[DIM_MOMENT]],
		.is_clock_trusted = true,
		.role = asker->caller->is_person ? NULL : asker->caller->name,
	};

	return rules_subject_new(cells->policy[side], &circumstances, out, NULL);
}

static enum bl_status find_subject(struct asker *asker, enum side side,
				   const uint16_t values[DIM_COUNT],
				   const struct rules_subject **out)
{
	uint64_t number = values[DIM_MOMENT];

	number = number * CELL_LIMIT + values[DIM_PURPOSE];
	number = number * CELL_LIMIT + values[DIM_HOST];
	number = number * 2 + values[DIM_REASON];
	struct known_subject *known =
		&asker->subjects[side][number * UINT64_C(0x9e3779b97f4a7c15) >> 52];

	if (!known->subject || known->number != number) {
		rules_subject_free(known->subject);
		known->subject = NULL;
		known->number = number;
		if (make_subject(asker, side, values, &known->subject) != BL_OK)
			return BL_NO_MEMORY;
	}
	*out = known->subject;
	return BL_OK;
}

/* ---- about what ---------------------------------------------------------------------------------------------- */

static enum bl_status make_device(const struct cells *cells, const uint16_t values[DIM_COUNT],
				  struct known_device **out)
{
	struct rules_device device = {cells->ids[values[DIM_ID]], values[DIM_DEVICE]};
	struct known_device *known = calloc(1, sizeof(*known));
	enum bl_status status = known ? BL_OK : BL_NO_MEMORY;

	for (unsigned side = 0; side < SIDES && status == BL_OK; side++) {
		known->place[side] = calloc(cells->count[DIM_PATH], sizeof(rules_place));
		known->is_walked[side] = calloc(cells->count[DIM_PATH], sizeof(bool));
		status = known->place[side] && known->is_walked[side]
				 ? rules_places_new(cells->policy[side], &device,
						    &known->places[side], NULL)
				 : BL_NO_MEMORY;
	}
	if (status != BL_OK)
		free_device(known);
	else
		*out = known;
	return status;
}

static enum bl_status find_place(struct asker *asker, enum side side, enum bl_action action,
				 const uint16_t values[DIM_COUNT], struct rules_facts *facts)
{
	size_t path = values[DIM_PATH];
	struct known_device **known =
		&asker->devices[values[DIM_ID] * (size_t)DEVICE_KIND_COUNT + values[DIM_DEVICE]];

	/* these are asked without a device */
	if (action == ACTION_REVIEW || action == ACTION_ADMINISTER)
		return BL_OK;
	if (!*known && make_device(asker->cells, values, known) != BL_OK)
		return BL_NO_MEMORY;
	facts->places = (*known)->places[side];
	if (!diff_is_of_files(action))
		return BL_OK;
	if (!(*known)->is_walked[side][path] &&
	    rules_places_walk((*known)->places[side], asker->cells->paths[path],
			      &(*known)->place[side][path]) != BL_OK)
		return BL_NO_MEMORY;
	(*known)->is_walked[side][path] = true;
	facts->place = (*known)->place[side][path];
	return BL_OK;
}

static bl_classes classes_of(const struct cells *cells, enum side side, size_t value)
{
	bl_classes has = 0;

	for (size_t i = 0; i < cells->has_count; i++) {
		int number = cells->classes[cells->has[i]].number[side];

		if ((value == HAS_CLASS(i) || value == HAS_CLASS(cells->has_count)) && number >= 0)
			has |= CLASS_BIT(number);
	}
	return has;
}

static uint64_t role_bit(const struct policy *policy, const char *role)
{
	for (size_t i = 0; i < policy->role_count; i++)
		if (strcmp(policy->roles[i].name, role) == 0)
			return UINT64_C(1) << i;
	return 0;
}

static void set_approvals(struct asker *asker, enum side side, const uint16_t values[DIM_COUNT],
			  struct rules_facts *facts)
{
	const struct diff_approvals *given = &asker->cells->approvals[values[DIM_APPROVALS]];
	int64_t now = asker->cells->moments[values[DIM_MOMENT]];

	/* uids that no caller has: a role alone is nobody in particular */
	for (unsigned i = 0; i < given->count; i++)
		asker->approvals[side][i] = (struct rules_approval){
			.request = 1,
			.giver = UINT32_C(4000000000) + i,
			.roles = role_bit(asker->cells->policy[side], given->role),
			.given_unix = now - given->age_seconds,
			.action = RULES_ANY,
			.class = RULES_ANY,
		};
	facts->approvals = asker->approvals[side];
	facts->approval_count = given->count;
}

static void set_used(struct asker *asker, enum side side, const uint16_t values[DIM_COUNT],
		     struct rules_facts *facts)
{
	const struct diff_used *used = &asker->cells->used[values[DIM_USED]];

	asker->used[side] = (struct rules_used){0};
	if (!used->is_none)
		asker->used[side].amount[used->unit][used->period] = used->amount;
	facts->used = &asker->used[side];
}

enum bl_status asker_set(struct asker *asker, enum side side, enum bl_action action,
			 const uint16_t values[DIM_COUNT], struct asked_of *out)
{
	const struct cells *cells = asker->cells;
	bool is_directory = values[DIM_KIND] == VALUE_DIRECTORY;

	out->facts = (struct rules_facts){
		.place = RULES_PLACE_UNKNOWN,
		.kind = is_directory ? -1 : values[DIM_KIND],
		.is_directory = is_directory,
		.size_bytes = cells->sizes[values[DIM_SIZE]],
		.state = values[DIM_STATE],
		.is_log_writable = true,
		.consent = (enum bl_consent)values[DIM_CONSENT],
		.caller_check = (enum bl_check)values[DIM_CHECK],
		.has = classes_of(cells, side, values[DIM_HAS]),
		.is_whole_known = values[DIM_HAS] <= HAS_CLASS(cells->has_count),
	};
	set_used(asker, side, values, &out->facts);
	set_approvals(asker, side, values, &out->facts);
	if (find_place(asker, side, action, values, &out->facts) != BL_OK)
		return BL_NO_MEMORY;
	return find_subject(asker, side, values, &out->subject);
}

/* ---- in words ------------------------------------------------------------------------------------------------- */

static bool matters(const struct merged *merged, enum dimension dimension)
{
	return merged->count[dimension] > 1;
}

static void say_file(struct line *line, const struct cells *cells, const struct merged *merged,
		     const uint16_t values[DIM_COUNT])
{
	unsigned kind = values[DIM_KIND];

	line_add(line, " %s", cells->paths[values[DIM_PATH]]);
	if (matters(merged, DIM_KIND))
		line_add(line, " (%s)",
			 kind == VALUE_DIRECTORY ? "a folder"
						 : bl_file_kind_name((enum bl_file_kind)kind));
	if (matters(merged, DIM_SIZE))
		line_add(line, " of %lld bytes", (long long)cells->sizes[values[DIM_SIZE]]);
	if (matters(merged, DIM_HAS) && values[DIM_HAS] > HAS_CLASS(cells->has_count))
		line_add(line, " not looked through yet");
	else if (matters(merged, DIM_HAS) && values[DIM_HAS] == HAS_CLASS(cells->has_count))
		line_add(line, " holding all of them");
	else if (matters(merged, DIM_HAS) && values[DIM_HAS] != HAS_NOTHING)
		line_add(line, " holding %s", cells->classes[cells->has[values[DIM_HAS] - 1]].name);
}

static void say_device(struct line *line, const struct cells *cells, const struct merged *merged,
		       const uint16_t values[DIM_COUNT])
{
	if (matters(merged, DIM_DEVICE))
		line_add(line, " on a %s",
			 bl_device_kind_name((enum bl_device_kind)values[DIM_DEVICE]));
	if (matters(merged, DIM_ID))
		line_add(line, " '%s'", cells->ids[values[DIM_ID]]);
	if (matters(merged, DIM_STATE))
		line_add(line, ", %s",
			 bl_device_state_name((enum bl_device_state)values[DIM_STATE]));
}

static void say_moment(struct line *line, const struct cells *cells,
		       const uint16_t values[DIM_COUNT])
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	struct zone_time wall;

	zone_local(cells->policy[NEWER]->zone, cells->moments[values[DIM_MOMENT]], &wall);
	line_add(line, ", %s %02u:%02u", days[wall.weekday % 7], wall.minute / 60u,
		 wall.minute % 60u);
}

static void say_circumstances(struct line *line, const struct cells *cells,
			      const struct merged *merged, const uint16_t values[DIM_COUNT])
{
	const char *purpose = cells->purposes[values[DIM_PURPOSE]];
	const char *host = cells->hosts[values[DIM_HOST]];

	if (matters(merged, DIM_PURPOSE))
		line_add(line, purpose ? ", for %s" : ", for no purpose", purpose);
	if (matters(merged, DIM_HOST))
		line_add(line, host ? ", on %s" : ", at no workplace", host);
	if (matters(merged, DIM_CONSENT))
		line_add(line, ", consent %s",
			 bl_consent_name((enum bl_consent)values[DIM_CONSENT]));
	if (matters(merged, DIM_CHECK))
		line_add(line, ", caller check %s",
			 bl_check_name((enum bl_check)values[DIM_CHECK]));
	if (matters(merged, DIM_REASON))
		line_add(line, values[DIM_REASON] ? ", with a reason" : ", without a reason");
	if (matters(merged, DIM_MOMENT))
		say_moment(line, cells, values);
}

static void say_before(struct line *line, const struct cells *cells, const struct merged *merged,
		       const uint16_t values[DIM_COUNT])
{
	const struct diff_used *used = &cells->used[values[DIM_USED]];
	const struct diff_approvals *given = &cells->approvals[values[DIM_APPROVALS]];

	if (matters(merged, DIM_USED) && !used->is_none)
		line_add(line, ", after %llu %s this %s", (unsigned long long)used->amount,
			 bl_unit_name(used->unit), bl_period_name(used->period));
	if (!matters(merged, DIM_APPROVALS))
		return;
	if (!given->count)
		line_add(line, ", approved by nobody");
	else
		line_add(line, ", approved by %u of '%s' %lld min ago", given->count, given->role,
			 (long long)given->age_seconds / 60);
}

void diff_words(const struct cells *cells, const struct merged *merged, enum bl_action action,
		const char *verb, const uint16_t values[DIM_COUNT], char *out, size_t size)
{
	struct line line = {out, size, 0};

	out[0] = '\0';
	line_add(&line, "%s", verb);
	if (diff_is_of_files(action))
		say_file(&line, cells, merged, values);
	say_device(&line, cells, merged, values);
	say_circumstances(&line, cells, merged, values);
	say_before(&line, cells, merged, values);
}

/* Rows of tables into sums: people, devices, hours; and the whole, put together at the end. */
#include "fs/cli/report-model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/report-model-parts.h"
#include "fs/cli/report-text.h"
#include "policy/rules/zone.h"

#define HOUR	   INT64_C(3600)
#define DAY	   INT64_C(86400)
#define HOURS_TOLD (72 * HOUR) /* of a time as long as that each hour is told of; then each day; */
#define DAYS_TOLD  (120 * DAY) /* then each week */

/* ---- small things ---------------------------------------------------------------------------------- */

struct report_model *report_model_new(const struct report_scope *scope)
{
	struct report_model *model = calloc(1, sizeof(*model));

	if (!model)
		return NULL;
	model->scope = *scope;
	json_t **const LISTS[] = {&model->unmasked, &model->denials, &model->unusual,
				  &model->readers,  &model->shows,   &model->hold_events,
				  &model->shreds,   &model->policies};
	json_t **const MAPS[] = {&model->pairs,	       &model->unmasked_pairs, &model->names,
				 &model->roles,	       &model->rules,	       &model->kept,
				 &model->people.index, &model->devices.index,  &model->uids,
				 &model->purposes,     &model->show_index};
	json_t **const FACTS[] = {&model->holds, &model->lapses, &model->requests,
				  &model->incidents};

	for (size_t i = 0; i < BL_COUNT(LISTS); i++)
		model->is_short_of_memory |= !(*LISTS[i] = json_array());
	for (size_t i = 0; i < BL_COUNT(MAPS); i++)
		model->is_short_of_memory |= !(*MAPS[i] = json_object());
	for (size_t i = 0; scope->has_service && i < BL_COUNT(FACTS); i++)
		model->is_short_of_memory |= !(*FACTS[i] = json_array());
	return model;
}

static void parties_done(struct report_parties *parties)
{
	for (size_t i = 0; i < parties->count; i++) {
		json_decref(parties->items[i].name);
		json_decref(parties->items[i].more);
	}
	free(parties->items);
	json_decref(parties->index);
}

void report_model_free(struct report_model *model)
{
	if (!model)
		return;
	json_t *const ALL[] = {
		model->pairs,	    model->unmasked, model->unmasked_pairs, model->denials,
		model->unusual,	    model->readers,  model->shows,	    model->shreds,
		model->hold_events, model->policies, model->before,	    model->names,
		model->roles,	    model->rules,    model->kept,	    model->kept_digest,
		model->holds,	    model->lapses,   model->requests,	    model->incidents,
		model->purposes,    model->uids,     model->show_index};

	for (size_t i = 0; i < BL_COUNT(ALL); i++)
		json_decref(ALL[i]);
	for (size_t i = 0; i < model->openeds.count; i++) {
		json_decref(model->openeds.items[i].purpose);
		json_decref(model->openeds.items[i].reason);
	}
	parties_done(&model->people);
	parties_done(&model->devices);
	free(model->openeds.items);
	free(model->hours.items);
	free(model->volumes.items);
	free(model->refusals.items);
	free(model->kept_text);
	free(model);
}

void report_set(struct report_model *model, json_t *item, const char *key, json_t *value)
{
	model->is_short_of_memory |= json_object_set_new(item, key, value) != 0;
}

json_t *report_safe(const json_t *object, const char *key, size_t limit)
{
	const json_t *text = json_object_get(object, key);

	return report_text(json_string_value(text) ? json_string_value(text) : "",
			   json_string_length(text), limit);
}

char *report_moment(const struct report_model *model, int64_t at_unix, char out[REPORT_MOMENT])
{
	struct zone_time wall;
	int64_t second = (at_unix % 60 + 60) % 60;

	zone_local(model->scope.zone, at_unix, &wall);
	int64_t offset = (wall.day * DAY + wall.minute * 60 + second - at_unix) / 60;
	int length = snprintf(out, REPORT_MOMENT, "%04d-%02u-%02uT%02u:%02u:%02u", (int)wall.year,
			      wall.month, wall.mday, wall.minute / 60u, wall.minute % 60u,
			      (unsigned)second);

	if (length < 0 || length >= REPORT_MOMENT - 8)
		out[0] = '\0';
	else if (offset == 0)
		strcpy(out + length, "Z");
	else
		snprintf(out + length, REPORT_MOMENT - (size_t)length, "%c%02d:%02d",
			 offset < 0 ? '-' : '+', abs((int)offset) / 60, abs((int)offset) % 60);
	return out;
}

void report_add_moment(const struct report_model *model, json_t *item, const char *key,
		       int64_t at_unix)
{
	char text[REPORT_MOMENT], name[32];

	snprintf(name, sizeof(name), "%s_unix", key);
	json_object_set_new(item, key, json_string(report_moment(model, at_unix, text)));
	json_object_set_new(item, name, json_integer(at_unix));
}

void report_add_span(const struct report_model *model, json_t *item, const struct report_sum *sum)
{
	json_object_set_new(item, "first_sequence", json_integer((json_int_t)sum->first_sequence));
	json_object_set_new(item, "last_sequence", json_integer((json_int_t)sum->last_sequence));
	report_add_moment(model, item, "first", sum->first_unix);
	report_add_moment(model, item, "last", sum->last_unix);
}

int64_t report_day(const struct report_model *model, int64_t at_unix)
{
	struct zone_time wall;

	zone_local(model->scope.zone, at_unix, &wall);
	return zone_unix(model->scope.zone, wall.day, 0);
}

/* Who somebody is, is told beside their rows; later, for all that name them. */
static void learn_name(struct report_model *model, const json_t *told)
{
	const json_t *uid = json_object_get(told, "uid");
	char key[24];

	if (!json_is_integer(uid) || !*cli_text(told, "person"))
		return;
	snprintf(key, sizeof(key), "%" JSON_INTEGER_FORMAT, json_integer_value(uid));
	if (!json_object_get(model->names, key))
		report_set(model, model->names, key, report_safe(told, "person", 256));
}

void report_add_person(struct report_model *model, json_t *item, const json_t *told)
{
	const json_t *uid = json_object_get(told, "uid");

	char key[24];

	learn_name(model, told);
	snprintf(key, sizeof(key), "%" JSON_INTEGER_FORMAT, json_integer_value(uid));
	if (json_is_integer(uid) && !json_object_get(model->uids, key))
		report_set(model, model->uids, key, json_true());
	report_set(model, item, "uid",
		   json_is_integer(uid) ? json_integer(json_integer_value(uid)) : json_null());
}

/* ---- sums ---------------------------------------------------------------------------------------------- */

static struct report_party *party_of(struct report_model *model, struct report_parties *parties,
				     const char *id)
{
	const json_t *place = json_object_get(parties->index, id);

	if (place)
		return &parties->items[json_integer_value(place)];
	if (strlen(id) >= sizeof(parties->items->id) ||
	    !report_grow(&parties->items, &parties->room, parties->count,
			 sizeof(*parties->items)) ||
	    json_object_set_new(parties->index, id, json_integer((json_int_t)parties->count)) !=
		    0) {
		model->is_short_of_memory = true;
		return NULL;
	}
	struct report_party *party = &parties->items[parties->count++];

	memset(party, 0, sizeof(*party));
	strcpy(party->id, id);
	return party;
}

/* What one row adds to. */
struct row {
	uint64_t events, bytes, unmasked, first_sequence, last_sequence;
	int64_t hour_unix, first_unix, last_unix;
	const char *device;
	char uid[24]; /* "": the daemon itself */
	uint32_t uid_number;
};

static void read_row(const json_t *json, struct row *out)
{
	const json_t *uid = json_object_get(json, "uid");

	*out = (struct row){
		.events = (uint64_t)cli_number(json, "events"),
		.bytes = (uint64_t)cli_number(json, "bytes"),
		.unmasked = (uint64_t)cli_number(json, "unmasked"),
		.first_sequence = (uint64_t)cli_number(json, "first_sequence"),
		.last_sequence = (uint64_t)cli_number(json, "last_sequence"),
		.hour_unix = cli_number(json, "hour_unix"),
		.first_unix = cli_number(json, "first_unix"),
		.last_unix = cli_number(json, "last_unix"),
		.device = cli_text(json, "device"),
	};
	if (!bl_device_id_ok(out->device))
		out->device = "";
	if (!json_is_integer(uid))
		return;
	out->uid_number = (uint32_t)json_integer_value(uid);
	snprintf(out->uid, sizeof(out->uid), "%u", out->uid_number);
}

static void sum_add(struct report_sum *sum, const struct row *row)
{
	if (!sum->events || row->first_sequence < sum->first_sequence) {
		sum->first_sequence = row->first_sequence;
		sum->first_unix = row->first_unix;
	}
	if (row->last_sequence > sum->last_sequence) {
		sum->last_sequence = row->last_sequence;
		sum->last_unix = row->last_unix;
	}
	sum->events += row->events;
	sum->bytes += row->bytes;
	sum->unmasked += row->unmasked;
}

/* Is it the first time that these two come together? */
static bool is_new_pair(struct report_model *model, json_t *pairs, const struct row *row)
{
	char key[64];

	snprintf(key, sizeof(key), "%s/%s", row->uid, row->device);
	if (json_object_get(pairs, key))
		return false;
	report_set(model, pairs, key, json_true());
	return true;
}

static void add_parties(struct report_model *model, const json_t *json, const struct row *row)
{
	struct report_party *person = *row->uid ? party_of(model, &model->people, row->uid) : NULL;
	struct report_party *device =
		*row->device ? party_of(model, &model->devices, row->device) : NULL;

	learn_name(model, json);
	if (person)
		sum_add(&person->sum, row);
	if (device)
		sum_add(&device->sum, row);
	if (person && device && is_new_pair(model, model->pairs, row)) {
		person->sum.others++;
		device->sum.others++;
	}
	if (person && device && row->unmasked && is_new_pair(model, model->unmasked_pairs, row))
		model->is_short_of_memory |=
			json_array_append_new(
				model->unmasked,
				json_pack("[I,s]", (json_int_t)row->uid_number, row->device)) != 0;
}

static struct report_hour *hour_of(struct report_model *model, int64_t at_unix)
{
	struct report_hours *hours = &model->hours;

	if (hours->count && hours->items[hours->count - 1].at_unix == at_unix)
		return &hours->items[hours->count - 1];
	if (!report_grow(&hours->items, &hours->room, hours->count, sizeof(*hours->items))) {
		model->is_short_of_memory = true;
		return NULL;
	}
	hours->items[hours->count] = (struct report_hour){.at_unix = at_unix};
	return &hours->items[hours->count++];
}

static void add_time(struct report_model *model, const struct row *row)
{
	struct report_hour *hour = hour_of(model, row->hour_unix);
	struct zone_time wall;

	zone_local(model->scope.zone, row->hour_unix, &wall);
	model->week[wall.weekday % 7 * 24 + wall.minute / 60 % 24] += row->events;
	if (hour) {
		hour->events += row->events;
		hour->bytes += row->bytes;
	}
	if (*row->uid)
		report_own_add(model, &model->volumes,
			       &(struct report_own){row->uid_number,
						    report_day(model, row->hour_unix), row->bytes,
						    row->first_sequence});
}

/* What was not permitted is told of a second time, by its verdict. */
static void add_refused(struct report_model *model, const struct row *row,
			enum audit_verdict verdict)
{
	struct report_hour *hour = hour_of(model, row->hour_unix);
	struct report_party *person = *row->uid ? party_of(model, &model->people, row->uid) : NULL;
	struct report_party *device =
		*row->device ? party_of(model, &model->devices, row->device) : NULL;

	model->verdicts[verdict] += row->events;
	if (hour)
		hour->refused += row->events;
	if (verdict != AUDIT_DENIED)
		return;
	if (person)
		person->sum.denied += row->events;
	if (device)
		device->sum.denied += row->events;
	if (person)
		report_own_add(model, &model->refusals,
			       &(struct report_own){row->uid_number, row->hour_unix, row->events,
						    row->first_sequence});
}

void report_model_hour(struct report_model *model, const json_t *json, enum audit_verdict verdict)
{
	struct row row;

	read_row(json, &row);
	if (verdict != AUDIT_PERMITTED) {
		add_refused(model, &row, verdict);
		return;
	}
	sum_add(&model->total, &row);
	add_parties(model, json, &row);
	add_time(model, &row);
}

void report_model_off_hours(struct report_model *model, const json_t *json)
{
	struct row row;
	json_t *item = json_object();

	read_row(json, &row);
	struct report_party *person = *row.uid ? party_of(model, &model->people, row.uid) : NULL;

	if (person)
		person->sum.off_hours += row.events;
	if (!person || !item) {
		json_decref(item);
		return;
	}
	report_set(model, item, "kind", json_string("off-hours"));
	report_set(model, item, "day", report_safe(json, "day", 32));
	report_set(model, item, "day_unix", json_integer(cli_number(json, "day_unix")));
	report_add_person(model, item, json);
	report_set(model, item, "value", json_integer((json_int_t)row.events));
	report_set(model, item, "usual", json_integer(0));
	report_set(model, item, "first_sequence", json_integer((json_int_t)row.first_sequence));
	model->is_short_of_memory |= json_array_append_new(model->unusual, item) != 0;
}

void report_model_denial(struct report_model *model, const json_t *json)
{
	struct row row;
	struct report_sum sum = {0};
	json_t *item = json_object();

	read_row(json, &row);
	sum_add(&sum, &row);
	model->denial_count += row.events;
	report_set(model, item, "rule", report_safe(json, "rule", BL_RULE_ID_SIZE));
	report_add_person(model, item, json);
	report_set(model, item, "device", json_string(row.device));
	report_set(model, item, "count", json_integer((json_int_t)row.events));
	report_add_span(model, item, &sum);
	model->is_short_of_memory |= json_array_append_new(model->denials, item) != 0;
}

void report_model_reader(struct report_model *model, const json_t *json)
{
	json_t *item = json_object();

	report_set(model, item, "sequence", json_integer(cli_number(json, "sequence")));
	report_add_moment(model, item, "at", cli_number(json, "time_unix"));
	report_add_person(model, item, json);
	report_set(model, item, "device", report_safe(json, "device", BL_DEVICE_ID_SIZE));
	report_set(model, item, "what", report_safe(json, "detail", AUDIT_DETAIL_SIZE));
	model->is_short_of_memory |= json_array_append_new(model->readers, item) != 0;
}

const json_t *report_model_unmasked(struct report_model *model)
{
	return model->unmasked;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static int compare_hours(const void *a, const void *b)
{
	const struct report_hour *left = a, *right = b;

	return (left->at_unix > right->at_unix) - (left->at_unix < right->at_unix);
}

static int64_t next_of(const struct report_model *model, char unit, int64_t at_unix)
{
	struct zone_time wall;

	if (unit == 'h')
		return at_unix + HOUR;
	zone_local(model->scope.zone, at_unix, &wall);
	return zone_unix(model->scope.zone, wall.day + (unit == 'd' ? 1 : 7), 0);
}

static int64_t begin_of(const struct report_model *model, char unit, int64_t at_unix)
{
	struct zone_time wall;

	if (unit == 'h')
		return at_unix;
	zone_local(model->scope.zone, at_unix, &wall);
	return zone_unix(model->scope.zone, wall.day - (unit == 'd' ? 0 : wall.weekday), 0);
}

/* Every one from the first event to the last, also where nothing happened. */
static json_t *points_of(struct report_model *model, char unit)
{
	const struct report_hours *hours = &model->hours;
	json_t *points = json_array();
	size_t i = 0;
	int64_t at = hours->count ? begin_of(model, unit, hours->items[0].at_unix) : 0;

	while (i < hours->count && json_array_size(points) < REPORT_ROWS) {
		struct report_hour sum = {.at_unix = at};
		int64_t next = next_of(model, unit, at);
		char label[REPORT_MOMENT];

		for (; i < hours->count && hours->items[i].at_unix < next; i++) {
			sum.events += hours->items[i].events;
			sum.refused += hours->items[i].refused;
			sum.bytes += hours->items[i].bytes;
		}
		report_moment(model, at, label);
		label[10] = ' ';
		label[unit == 'h' ? 16 : 10] = '\0';
		json_array_append_new(
			points,
			json_pack("{s:I,s:s,s:I,s:I,s:I}", "at_unix", (json_int_t)at, "label",
				  label, "permitted",
				  (json_int_t)(sum.events - BL_MIN(sum.events, sum.refused)),
				  "denied", (json_int_t)sum.refused, "bytes",
				  (json_int_t)sum.bytes));
		at = next;
	}
	return points;
}

static json_t *over_time_of(struct report_model *model)
{
	struct report_hours *hours = &model->hours;
	int64_t span = 0;
	char unit = 'h';

	if (hours->count) {
		qsort(hours->items, hours->count, sizeof(*hours->items), compare_hours);
		span = hours->items[hours->count - 1].at_unix - hours->items[0].at_unix;
	}
	if (span >= HOURS_TOLD)
		unit = span < DAYS_TOLD ? 'd' : 'w';
	return json_pack("{s:s,s:o}", "unit",
			 unit == 'h'   ? "hour"
			 : unit == 'd' ? "day"
				       : "week",
			 "points", points_of(model, unit));
}

static json_t *week_of(const struct report_model *model)
{
	json_t *week = json_array();

	for (size_t i = 0; i < BL_COUNT(model->week); i++)
		json_array_append_new(week, json_integer((json_int_t)model->week[i]));
	return week;
}

static json_t *totals_of(struct report_model *model)
{
	const struct report_sum *total = &model->total;
	uint64_t refused = 0;
	json_t *item = json_pack("{s:I}", "events", (json_int_t)total->events);

	for (unsigned i = AUDIT_DENIED; i <= AUDIT_FAILED_VERDICT; i++) {
		const char *name = audit_verdict_name((enum audit_verdict)i);

		report_set(model, item, name, json_integer((json_int_t)model->verdicts[i]));
		refused += model->verdicts[i];
	}
	report_set(model, item, "permitted",
		   json_integer((json_int_t)(total->events - BL_MIN(total->events, refused))));
	report_set(model, item, "people", json_integer((json_int_t)model->people.count));
	report_set(model, item, "devices", json_integer((json_int_t)model->devices.count));
	report_set(model, item, "bytes", json_integer((json_int_t)total->bytes));
	report_set(model, item, "unmasked", json_integer((json_int_t)total->unmasked));
	report_set(model, item, "denials", json_integer((json_int_t)model->denial_count));
	if (total->events)
		report_add_span(model, item, total);
	return item;
}

static int compare_parties(const void *a, const void *b)
{
	const struct report_party *left = a, *right = b;

	if (left->sum.events != right->sum.events)
		return left->sum.events > right->sum.events ? -1 : 1;
	return strcmp(left->id, right->id);
}

static json_t *party_json(struct report_model *model, const struct report_party *party,
			  bool is_person)
{
	const struct report_sum *sum = &party->sum;
	json_t *item = json_object();
	json_t *roles = is_person ? json_object_get(model->roles, party->id) : NULL;

	if (is_person) {
		report_set(model, item, "uid", json_integer(strtoll(party->id, NULL, 10)));
		report_set(model, item, "roles", roles ? json_incref(roles) : json_null());
		report_set(model, item, "off_hours", json_integer((json_int_t)sum->off_hours));
	} else {
		report_set(model, item, "device", json_string(party->id));
		report_set(model, item, "kind", report_safe(party->more, "kind", 64));
		report_set(model, item, "state", report_safe(party->more, "state", 64));
	}
	report_set(model, item, is_person ? "devices" : "people",
		   json_integer((json_int_t)sum->others));
	report_set(model, item, "events", json_integer((json_int_t)sum->events));
	report_set(model, item, "bytes", json_integer((json_int_t)sum->bytes));
	report_set(model, item, "denied", json_integer((json_int_t)sum->denied));
	report_set(model, item, "unmasked", json_integer((json_int_t)sum->unmasked));
	report_add_span(model, item, sum);
	return item;
}

static json_t *parties_json(struct report_model *model, struct report_parties *parties,
			    bool is_person)
{
	json_t *list = json_array();

	if (parties->count)
		qsort(parties->items, parties->count, sizeof(*parties->items), compare_parties);
	for (size_t i = 0; i < parties->count; i++)
		if (i < REPORT_ROWS)
			json_array_append_new(list,
					      party_json(model, &parties->items[i], is_person));
	return list;
}

/* The list, cut, and beside it how many are not told. */
static void add_list(struct report_model *model, json_t *object, const char *key, json_t *list,
		     size_t count)
{
	char more[48];
	size_t size = json_array_size(list);

	count = BL_MAX(count, size);
	while (size > REPORT_ROWS)
		json_array_remove(list, --size);
	snprintf(more, sizeof(more), "%s_more", key);
	if (count > size)
		report_set(model, object, more, json_integer((json_int_t)(count - size)));
	report_set(model, object, key, list ? list : json_null());
}

static json_t *taken(json_t **list)
{
	json_t *taken_list = *list;

	*list = NULL;
	return taken_list;
}

/* By what was told last of each: names and words came behind the rows that they belong to. */
static void fill_in(struct report_model *model, json_t *list)
{
	json_t *item;
	size_t index;

	json_array_foreach(list, index, item)
	{
		const json_t *uid = json_object_get(item, "uid");
		const char *rule = json_string_value(json_object_get(item, "rule"));
		char key[24] = "";

		if (json_is_integer(uid))
			snprintf(key, sizeof(key), "%" JSON_INTEGER_FORMAT,
				 json_integer_value(uid));
		json_t *name = json_object_get(model->names, key);
		json_t *words = rule ? json_object_get(model->rules, rule) : NULL;

		if (uid)
			report_set(model, item, "person",
				   name ? json_incref(name) : json_string(""));
		if (rule && json_object_get(item, "count"))
			report_set(model, item, "text",
				   words ? json_incref(words) : json_string(""));
	}
}

static void add_limits(struct report_model *model, json_t *limits)
{
	const struct {
		bool holds;
		const char *text;
	} LIMITS[] = {
		{true, "What was done to the devices or to this machine without Bailee is not in "
		       "its log: a copy of a disk that was made before it was taken in, for "
		       "example."},
		{true, "Accounts are told by their numbers, with the names and roles of today. Who "
		       "sat at the keyboard the log does not know."},
		{true, "Paths of files are not told here: bailee log query --names does, for an "
		       "auditor."},
		{!model->scope.has_service,
		 "Made of a copy of the log, without the service: there are no names of persons, "
		 "no "
		 "words of rules, no texts of policies, no open holds, lapsing roles, requests and "
		 "incidents."},
		{!model->scope.has_names, "The reasons that people gave are sealed in the log: an "
					  "auditor's secret key opens "
					  "them (--names)."},
	};

	for (size_t i = 0; i < BL_COUNT(LIMITS); i++)
		if (LIMITS[i].holds)
			json_array_append_new(limits, json_string(LIMITS[i].text));
}

static json_t *period_of(const struct report_model *model)
{
	const struct report_scope *scope = &model->scope;
	json_t *period = json_pack("{s:n,s:n,s:n,s:n,s:s}", "since", "since_unix", "until",
				   "until_unix", "zone", scope->zone_name);

	if (scope->since_unix != INT64_MIN)
		report_add_moment(model, period, "since", scope->since_unix);
	if (scope->until_unix != INT64_MAX)
		report_add_moment(model, period, "until", scope->until_unix);
	return period;
}

static int compare_unusual(const void *a, const void *b)
{
	const json_t *const *left = a, *const *right = b;
	long long x = cli_number(*left, "day_unix"), y = cli_number(*right, "day_unix");

	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(cli_text(*left, "kind"), cli_text(*right, "kind"));
}

/* The newest first. */
static json_t *sorted(json_t *list, int (*compare)(const void *a, const void *b))
{
	size_t count = json_array_size(list);
	BL_CLEANUP(bl_free) json_t **items = calloc(count + 1, sizeof(json_t *));
	json_t *out = json_array();

	for (size_t i = 0; items && i < count; i++)
		items[i] = json_array_get(list, i);
	if (items && count)
		qsort(items, count, sizeof(json_t *), compare);
	for (size_t i = 0; items && i < count; i++)
		json_array_append(out, items[i]);
	json_decref(list);
	return out;
}

enum bl_status report_model_finish(struct report_model *model, json_t *integrity, json_t *limits,
				   json_t **out_model)
{
	char at[REPORT_MOMENT];
	json_t *object =
		json_pack("{s:s,s:{s:s,s:I},s:o,s:o,s:o,s:o,s:o}", "format", "bailee.report/v1",
			  "made", "at", report_moment(model, model->scope.made_unix, at), "at_unix",
			  (json_int_t)model->scope.made_unix, "period", period_of(model),
			  "integrity", integrity, "totals", totals_of(model), "over_time",
			  over_time_of(model), "week", week_of(model));
	size_t people = model->people.count, devices = model->devices.count;

	report_find_unusual(model);
	const struct {
		const char *key;
		json_t *list;
		size_t count;
	} LISTS[] = {
		{"people", parties_json(model, &model->people, true), people},
		{"devices", parties_json(model, &model->devices, false), devices},
		{"denials", taken(&model->denials), 0},
		{"unmasking", report_finish_unmasking(model), 0},
		{"unusual", sorted(taken(&model->unusual), compare_unusual), 0},
		{"policies", report_finish_policies(model), 0},
		{"holds", taken(&model->holds), 0},
		{"hold_events", taken(&model->hold_events), 0},
		{"shreds", taken(&model->shreds), 0},
		{"lapses", taken(&model->lapses), 0},
		{"requests", taken(&model->requests), 0},
		{"incidents", taken(&model->incidents), 0},
		{"readers", taken(&model->readers), 0},
	};

	for (size_t i = 0; i < BL_COUNT(LISTS); i++) {
		fill_in(model, LISTS[i].list);
		add_list(model, object, LISTS[i].key, LISTS[i].list, LISTS[i].count);
	}
	add_limits(model, limits);
	report_set(model, object, "limits", limits);
	if (!object || model->is_short_of_memory) {
		json_decref(object);
		return BL_NO_MEMORY;
	}
	*out_model = object;
	return BL_OK;
}

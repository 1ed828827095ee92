/* What is asked: JSON into a question. */
#include "fs/daemon/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/zone.h"

#define HOURS_DEFAULT "08:00-18:00"
#define DAYS_DEFAULT  "mon-fri"

static const char *const DAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* ---- hours and days ---------------------------------------------------------------------------------- */

/* "08:00"; 24:00 is the end of a day. */
static bool take_minute(const char **at, unsigned most, unsigned *out)
{
	const char *text = *at;

	for (size_t i = 0; i < 5; i++)
		if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
			return false;
	unsigned hour = (unsigned)((text[0] - '0') * 10 + text[1] - '0');
	unsigned minute = (unsigned)((text[3] - '0') * 10 + text[4] - '0');

	*out = hour * 60 + minute;
	*at = text + 5;
	return minute < 60 && *out <= most;
}

bool question_hours(const char *text, unsigned *out_from, unsigned *out_to)
{
	unsigned from, to;

	if (!take_minute(&text, 1439, &from) || *text++ != '-' || !take_minute(&text, 1440, &to) ||
	    *text || from == to)
		return false;
	*out_from = from;
	*out_to = to;
	return true;
}

static bool take_day(const char **at, unsigned *out)
{
	for (unsigned i = 0; i < BL_COUNT(DAYS); i++) {
		if (strncmp(*at, DAYS[i], 3) == 0) {
			*at += 3;
			*out = i;
			return true;
		}
	}
	return false;
}

bool question_days(const char *text, unsigned *out_days)
{
	unsigned days = 0, first, last;

	do {
		if (!take_day(&text, &first))
			return false;
		last = first;
		if (*text == '-' && (text++, !take_day(&text, &last)))
			return false;
		for (unsigned day = first;; day = (day + 1) % BL_COUNT(DAYS)) {
			days |= 1u << day;
			if (day == last)
				break;
		}
	} while (*text == ',' && *++text);
	if (*text || text[-1] == ',')
		return false;
	*out_days = days;
	return true;
}

/* Of a zone whose clock shows whole minutes; what was off by seconds is long past. */
static int32_t offset_at(void *context, int64_t at_unix)
{
	struct zone_time wall;
	int64_t second = at_unix % 60;

	if (second < 0)
		second += 60;
	zone_local(context, at_unix, &wall);
	return (int32_t)(wall.day * INT64_C(86400) + wall.minute * 60 + second - at_unix);
}

/* ---- the request ----------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *request, const char *key)
{
	return json_string_value(json_object_get(request, key));
}

static int64_t number_of(const json_t *request, const char *key, int64_t absent)
{
	const json_t *value = json_object_get(request, key);

	return json_is_integer(value) ? json_integer_value(value) : absent;
}

static enum bl_status read_words(const json_t *request, struct audit_query *query,
				 struct bl_error *why)
{
	const char *op = text_of(request, "op"), *verdict = text_of(request, "verdict");
	enum audit_op op_value = AUDIT_START;

	if (op && !audit_op_parse(op, &op_value))
		return bl_fail(why, BL_INVALID, "'%.40s' is no operation of the log", op);
	if (op)
		query->op = (int)op_value;
	for (unsigned i = 0; verdict && i <= AUDIT_FAILED_VERDICT; i++)
		if (strcmp(audit_verdict_name((enum audit_verdict)i), verdict) == 0)
			query->verdict = (int)i;
	if (verdict && query->verdict < 0)
		return bl_fail(why, BL_INVALID,
			       "'%.40s' is no verdict (permitted denied asked withheld failed)",
			       verdict);
	/* It goes into the log as the device that was asked about. */
	if (query->device && !bl_device_id_ok(query->device))
		return bl_fail(why, BL_INVALID, "no device id (1 to 31 of A-Z a-z 0-9 . _ -)");
	if (text_of(request, "path") && !query->device)
		return bl_fail(why, BL_INVALID,
			       "a path is looked for on one device (give --device)");
	return BL_OK;
}

static enum bl_status read_hours(const json_t *request, struct question *question,
				 struct bl_error *why)
{
	const char *hours = text_of(request, "hours"), *days = text_of(request, "days");

	question->hours = (struct audit_hours){.offset = offset_at, .context = question->zone};
	if ((hours || days) && (!question->is_table || question->table != AUDIT_TABLE_OFF_HOURS))
		return bl_fail(why, BL_INVALID, "hours and days are of off-hours only");
	if (!question_hours(hours ? hours : HOURS_DEFAULT, &question->hours.from_minute,
			    &question->hours.to_minute))
		return bl_fail(why, BL_INVALID, "hours are as 08:00-18:00, or 22:00-06:00");
	if (!question_days(days ? days : DAYS_DEFAULT, &question->hours.days))
		return bl_fail(why, BL_INVALID, "days are as mon-fri, or mon,wed,sat");
	return BL_OK;
}

static enum bl_status read_show(const json_t *request, struct question *question,
				struct bl_error *why)
{
	const char *show = text_of(request, "show");

	question->is_table = show && strcmp(show, "events") != 0;
	if (question->is_table && !audit_table_parse(show, &question->table))
		return bl_fail(why, BL_INVALID,
			       "'%.40s' cannot be shown (events accesses who denied volume "
			       "off-hours readers hours)",
			       show);
	if (question->is_table && question->wants_names)
		return bl_fail(why, BL_INVALID, "names are of events: a table has none");
	return BL_OK;
}

enum bl_status question_read(const json_t *request, const char *zone_name,
			     struct question *out_question, struct bl_error *why)
{
	const char *zone = text_of(request, "zone");
	struct question question = {
		.query = {.uid = number_of(request, "uid", -1),
			  .device = text_of(request, "device"),
			  .rule = text_of(request, "rule"),
			  .op = -1,
			  .verdict = -1,
			  .view = (uint64_t)number_of(request, "view", 0),
			  .session = (uint64_t)number_of(request, "session", 0),
			  .policy_serial = (uint64_t)number_of(request, "policy", 0),
			  .since_unix = number_of(request, "since", INT64_MIN),
			  .until_unix = number_of(request, "until", INT64_MAX),
			  .last_sequence = (uint64_t)number_of(request, "until_event", 0),
			  .last = (uint64_t)number_of(request, "last", 0)},
		.zone_name = zone ? zone : zone_name,
		.wants_names = json_is_true(json_object_get(request, "names")),
		.is_without_index = json_is_true(json_object_get(request, "no_index")),
	};
	enum bl_status status = read_words(request, &question.query, why);

	if (status == BL_OK && question.query.last > QUESTION_LAST)
		status = bl_fail(why, BL_INVALID, "only the last %d can be asked for",
				 QUESTION_LAST);
	if (status == BL_OK && question.query.uid != -1 && text_of(request, "person"))
		status = bl_fail(why, BL_INVALID, "a person is asked for by name or by uid");
	if (status == BL_OK)
		status = read_show(request, &question, why);
	if (status == BL_OK)
		status = zone_load(question.zone_name, &question.zone, why);
	/* What was typed is wrong; a device or a person that is not there is another thing. */
	if (status == BL_NOT_FOUND)
		status = BL_INVALID;
	if (status == BL_OK)
		status = read_hours(request, &question, why);
	if (status == BL_OK)
		*out_question = question;
	else
		question_done(&question);
	return status;
}

void question_person(struct question *question, uint32_t *uids, size_t count)
{
	free(question->uids);
	question->uids = uids;
	question->query.uids = uids;
	question->query.uid_count = count;
}

void question_done(struct question *question)
{
	zone_free(question->zone);
	free(question->uids);
}

const char *question_show(const struct question *question)
{
	return question->is_table ? audit_table_name(question->table) : "events";
}

bool question_wants_index(const struct question *question)
{
	const struct audit_query *query = &question->query;
	bool is_all = query->uid == -1 && !query->uids && !query->device && !query->rule &&
		      query->op == -1 && query->verdict == -1 && !query->view && !query->session &&
		      !query->policy_serial && !query->last && query->since_unix == INT64_MIN;

	return !question->is_without_index && (question->is_table || !is_all);
}

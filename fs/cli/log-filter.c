#include "fs/cli/log-filter.h"

#include <string.h>
#include <time.h>

#include "fs/cli/moment.h"
#include "fs/daemon/question.h"
#include "policy/rules/zone.h"

void log_filter_rows(struct log_filter *filter, struct option_row *rows)
{
	const struct option_row ROWS[LOG_FILTER_OPTIONS] = {
		{.name = "person", .text = &filter->person},
		{.name = "uid", .text = &filter->uid},
		{.name = "device", .text = &filter->device},
		{.name = "path", .text = &filter->path},
		{.name = "since", .text = &filter->since},
		{.name = "until", .text = &filter->until},
		{.name = "op", .text = &filter->op},
		{.name = "verdict", .text = &filter->verdict},
		{.name = "rule", .text = &filter->rule},
		{.name = "policy", .text = &filter->policy},
		{.name = "view", .text = &filter->view},
		{.name = "session", .text = &filter->session},
		{.name = "last", .text = &filter->last},
		{.name = "zone", .text = &filter->zone},
		{.name = "names", .text = &filter->names},
		{.name = "reason", .text = &filter->reason},
	};

	memcpy(rows, ROWS, sizeof(ROWS));
}

static enum bl_status add_texts(json_t *request, const struct log_filter *filter,
				struct bl_error *why)
{
	const struct {
		const char *key, *text;
	} TEXTS[] = {{"device", filter->device},   {"op", filter->op},	   {"rule", filter->rule},
		     {"verdict", filter->verdict}, {"path", filter->path}, {"zone", filter->zone}};

	for (size_t i = 0; i < BL_COUNT(TEXTS); i++)
		if (TEXTS[i].text &&
		    json_object_set_new(request, TEXTS[i].key, json_string(TEXTS[i].text)) != 0)
			return bl_fail(why, BL_INVALID, "arguments are not UTF-8 text");
	return BL_OK;
}

/* A name of the policy, or a uid. */
static enum bl_status add_person(json_t *request, const struct log_filter *filter,
				 struct bl_error *why)
{
	const char *text = filter->person ? filter->person : filter->uid;
	uint64_t uid;

	if (filter->person && filter->uid)
		return bl_fail(why, BL_INVALID, "--uid is --person: give one of them");
	if (!text)
		return BL_OK;
	if (cli_parse_number(text, UINT32_MAX, &uid))
		json_object_set_new(request, "uid", json_integer((json_int_t)uid));
	else if (!filter->person)
		return bl_fail(why, BL_INVALID, "--uid needs a number");
	else if (json_object_set_new(request, "person", json_string(text)) != 0)
		return bl_fail(why, BL_INVALID, "arguments are not UTF-8 text");
	return BL_OK;
}

static enum bl_status add_numbers(json_t *request, const struct log_filter *filter,
				  struct bl_error *why)
{
	const struct {
		const char *key, *text;
		uint64_t least;
	} NUMBERS[] = {{"policy", filter->policy, 1},
		       {"view", filter->view, 0},
		       {"session", filter->session, 1},
		       {"last", filter->last, 0}};
	uint64_t number;

	for (size_t i = 0; i < BL_COUNT(NUMBERS); i++) {
		if (!NUMBERS[i].text)
			continue;
		if (!cli_parse_number(NUMBERS[i].text, INT64_MAX, &number) ||
		    number < NUMBERS[i].least)
			return bl_fail(why, BL_INVALID, "--%s needs a number%s", NUMBERS[i].key,
				       NUMBERS[i].least ? " from 1 on" : "");
		if (NUMBERS[i].text == filter->last && number > QUESTION_LAST)
			return bl_fail(why, BL_INVALID,
				       "--last: only the last %d can be asked for (more: leave it "
				       "out, or ask for a time)",
				       QUESTION_LAST);
		json_object_set_new(request, NUMBERS[i].key, json_integer((json_int_t)number));
	}
	return BL_OK;
}

static enum bl_status add_moments(json_t *request, const struct log_filter *filter,
				  struct bl_error *why)
{
	const struct {
		const char *key, *text;
	} MOMENTS[] = {{"since", filter->since}, {"until", filter->until}};
	BL_CLEANUP(zone_free) struct zone *zone = NULL;
	enum bl_status status = zone_load(filter->zone ? filter->zone : "UTC", &zone, why);
	int64_t at[BL_COUNT(MOMENTS)] = {INT64_MIN, INT64_MAX}, now = (int64_t)time(NULL);

	for (size_t i = 0; i < BL_COUNT(MOMENTS) && status == BL_OK; i++) {
		if (!MOMENTS[i].text)
			continue;
		if (!moment_parse(MOMENTS[i].text, zone, now, &at[i]))
			return bl_fail(why, BL_INVALID, "--%s: a time is " MOMENT_FORMS,
				       MOMENTS[i].key);
		json_object_set_new(request, MOMENTS[i].key, json_integer(at[i]));
	}
	if (status == BL_OK && at[0] >= at[1])
		return bl_fail(why, BL_INVALID,
			       "there is no time from --since up to --until (until is not "
			       "included)");
	return status;
}

enum bl_status log_filter_request(json_t *request, const struct log_filter *filter,
				  struct bl_error *why)
{
	enum bl_status status = add_texts(request, filter, why);

	if (status == BL_OK)
		status = add_person(request, filter, why);
	if (status == BL_OK)
		status = add_numbers(request, filter, why);
	if (status == BL_OK)
		status = add_moments(request, filter, why);
	if (filter->names)
		json_object_set_new(request, "names", json_true());
	cli_add_reason(request, filter->reason);
	return status;
}

#include "fs/cli/report-gather.h"

#include <stdlib.h>
#include <string.h>

#define EACH_LIMIT 64	  /* persons and devices that are asked for one by one */
#define ROWS_LIMIT 100000 /* of a table that is not of hours: its first ones, by its own order */

struct asking {
	const struct report_gathering *gathering;
	struct report_model *model;
	enum audit_verdict verdict; /* of a table of hours */
	void (*take)(struct report_model *model, const json_t *row);
};

/* What every question of a report has. Owned by the caller. */
static json_t *question(const struct report_gathering *gathering, const char *show)
{
	const struct report_scope *scope = gathering->scope;
	json_t *request = json_pack("{s:s,s:s,s:s*,s:s*}", "show", show, "zone", scope->zone_name,
				    "reason", gathering->reason, "purpose", gathering->purpose);

	if (scope->since_unix != INT64_MIN)
		json_object_set_new(request, "since", json_integer(scope->since_unix));
	if (scope->until_unix != INT64_MAX)
		json_object_set_new(request, "until", json_integer(scope->until_unix));
	if (gathering->up_to <= INT64_MAX)
		json_object_set_new(request, "until_event",
				    json_integer((json_int_t)gathering->up_to));
	return request;
}

static enum bl_status ask(const struct asking *asking, const json_t *request,
			  daemon_partial_fn *take, struct bl_error *why)
{
	enum bl_status status = log_source_ask(asking->gathering->source, request, take,
					       (void *)(uintptr_t)asking, NULL, why);

	return status == BL_TAMPERED && asking->gathering->is_broken ? BL_OK : status;
}

/* ---- tables --------------------------------------------------------------------------------------------- */

static bool take_hour(void *context, const json_t *answer)
{
	const struct asking *asking = context;

	if (json_object_get(answer, "row"))
		report_model_hour(asking->model, json_object_get(answer, "row"), asking->verdict);
	return true;
}

static bool take_row(void *context, const json_t *answer)
{
	const struct asking *asking = context;

	if (json_object_get(answer, "row"))
		asking->take(asking->model, json_object_get(answer, "row"));
	return true;
}

#define LONG_AGO   INT64_C(0)
#define SHORTEST_S INT64_C(86400)

/* A table that is too long for one answer, in halves of its time: nothing of it was told then. */
static enum bl_status ask_hours(struct asking *asking, const json_t *request, int64_t since,
				int64_t until, struct bl_error *why)
{
	enum bl_status status = ask(asking, request, take_hour, why);

	if (status != BL_TOO_LARGE)
		return status;
	int64_t at = BL_MAX(since, LONG_AGO);
	int64_t end = until == INT64_MAX ? asking->gathering->scope->made_unix + SHORTEST_S : until;
	int64_t step = (end - at) / 2;

	/* From the beginning in ever smaller steps, as far as each is short enough. */
	while (at < end) {
		BL_CLEANUP(json_decref) json_t *part = json_copy((json_t *)(uintptr_t)request);
		int64_t next = end - at > step ? at + step : end;

		json_object_set_new(part, "since",
				    json_integer(at == LONG_AGO && since < LONG_AGO ? since : at));
		json_object_set_new(
			part, "until",
			json_integer(next == end && until == INT64_MAX ? INT64_MAX : next));
		status = ask(asking, part, take_hour, why);
		if (status == BL_TOO_LARGE && step > SHORTEST_S)
			step /= 2;
		else if (status != BL_OK)
			return status;
		else
			at = next;
	}
	return BL_OK;
}

static enum bl_status ask_all_hours(struct asking *asking, struct bl_error *why)
{
	const struct report_scope *scope = asking->gathering->scope;
	enum bl_status status = BL_OK;

	/* All of them, and again those that were not permitted. */
	for (unsigned i = AUDIT_PERMITTED; i <= AUDIT_FAILED_VERDICT && status == BL_OK; i++) {
		BL_CLEANUP(json_decref) json_t *request = question(asking->gathering, "hours");

		asking->verdict = (enum audit_verdict)i;
		if (i != AUDIT_PERMITTED)
			json_object_set_new(request, "verdict",
					    json_string(audit_verdict_name(asking->verdict)));
		status = ask_hours(asking, request, scope->since_unix, scope->until_unix, why);
	}
	return status;
}

static enum bl_status ask_tables(struct asking *asking, struct bl_error *why)
{
	static const struct {
		const char *show;
		void (*take)(struct report_model *model, const json_t *row);
	} TABLES[] = {{"off-hours", report_model_off_hours},
		      {"denied", report_model_denial},
		      {"readers", report_model_reader}};
	enum bl_status status = ask_all_hours(asking, why);

	for (size_t i = 0; i < BL_COUNT(TABLES) && status == BL_OK; i++) {
		BL_CLEANUP(json_decref)
		json_t *request = question(asking->gathering, TABLES[i].show);

		json_object_set_new(request, "last", json_integer(ROWS_LIMIT));
		asking->take = TABLES[i].take;
		status = ask(asking, request, take_row, why);
	}
	return status;
}

/* ---- events ------------------------------------------------------------------------------------------------ */

static bool take_event(void *context, const json_t *answer)
{
	const struct asking *asking = context;
	struct names *names = asking->gathering->names;
	const json_t *record = json_object_get(answer, "record");
	const char *reason = NULL;
	size_t length = 0;

	if (names && names_take(names, answer))
		return true;
	if (names)
		reason = names_reason(names, answer, &length);
	if (record)
		report_model_event(asking->model, record, cli_text(answer, "person"), reason,
				   length);
	return true;
}

static enum bl_status ask_events(struct asking *asking, json_t *request, enum audit_op op,
				 bool wants_reason, struct bl_error *why)
{
	json_object_set_new(request, "op", json_string(audit_op_name(op)));
	if (wants_reason && asking->gathering->names)
		json_object_set_new(request, "names", json_true());
	return ask(asking, request, take_event, why);
}

/* What the first policy of the report is compared to. */
static enum bl_status ask_before(struct asking *asking, struct bl_error *why)
{
	int64_t since = asking->gathering->scope->since_unix;
	BL_CLEANUP(json_decref) json_t *request = question(asking->gathering, "events");

	if (since == INT64_MIN)
		return BL_OK;
	json_object_del(request, "since");
	json_object_set_new(request, "until", json_integer(since));
	json_object_set_new(request, "last", json_integer(1));
	return ask_events(asking, request, AUDIT_POLICY_LOADED, false, why);
}

/* Only of those who were shown something unmasked: others open files without end. */
static enum bl_status ask_shows(struct asking *asking, struct bl_error *why)
{
	const json_t *pairs = report_model_unmasked(asking->model), *pair;
	BL_CLEANUP(json_decref) json_t *views = question(asking->gathering, "events");
	BL_CLEANUP(json_decref) json_t *all = question(asking->gathering, "events");
	size_t index;

	if (!json_array_size(pairs))
		return BL_OK;
	/* Views that were opened before show what is told of here. */
	json_object_del(views, "since");
	enum bl_status status = ask_events(asking, views, AUDIT_VIEW_OPENED, true, why);

	if (status == BL_OK && json_array_size(pairs) > EACH_LIMIT)
		return ask_events(asking, all, AUDIT_OPEN, false, why);
	json_array_foreach(pairs, index, pair)
	{
		BL_CLEANUP(json_decref) json_t *each = question(asking->gathering, "events");

		json_object_set(each, "uid", json_array_get(pair, 0));
		json_object_set(each, "device", json_array_get(pair, 1));
		if (status == BL_OK)
			status = ask_events(asking, each, AUDIT_OPEN, false, why);
	}
	return status;
}

static enum bl_status ask_lists(struct asking *asking, struct bl_error *why)
{
	static const struct {
		enum audit_op op;
		bool has_reason;
	} OPS[] = {{AUDIT_POLICY_LOADED, true}, {AUDIT_POLICY_REFUSED, true},
		   {AUDIT_HOLD_ADDED, false},	{AUDIT_HOLD_RELEASED, false},
		   {AUDIT_SHRED_DONE, false},	{AUDIT_PART_DONE, false},
		   {AUDIT_SOURCE_DONE, false}};
	enum bl_status status = ask_before(asking, why);

	for (size_t i = 0; i < BL_COUNT(OPS) && status == BL_OK; i++) {
		BL_CLEANUP(json_decref) json_t *request = question(asking->gathering, "events");

		status = ask_events(asking, request, OPS[i].op, OPS[i].has_reason, why);
	}
	return status == BL_OK ? ask_shows(asking, why) : status;
}

/* ---- facts ------------------------------------------------------------------------------------------------ */

static bool take_fact(void *context, const json_t *answer)
{
	report_model_fact(context, answer);
	return true;
}

static enum bl_status ask_facts(struct asking *asking, bool *out_unread, struct bl_error *why)
{
	const struct report_gathering *gathering = asking->gathering;
	BL_CLEANUP(json_decref) json_t *request = report_model_wishes(asking->model);
	BL_CLEANUP(json_decref) json_t *answer = NULL;

	json_object_set_new(request, "do", json_string("log-report"));
	if (gathering->scope->since_unix != INT64_MIN)
		json_object_set_new(request, "since", json_integer(gathering->scope->since_unix));
	if (gathering->scope->until_unix != INT64_MAX)
		json_object_set_new(request, "until", json_integer(gathering->scope->until_unix));
	cli_add_reason(request, gathering->reason);
	if (gathering->purpose)
		json_object_set_new(request, "purpose", json_string(gathering->purpose));
	enum bl_status status = cli_call(gathering->invocation, request, -1, take_fact,
					 asking->model, &answer, why);

	*out_unread = json_is_true(json_object_get(answer, "is_unread"));
	return status;
}

enum bl_status report_gather(const struct report_gathering *gathering, struct report_model *model,
			     bool *out_unread, struct bl_error *why)
{
	struct asking asking = {.gathering = gathering, .model = model};
	enum bl_status status = gathering->source ? ask_tables(&asking, why) : BL_OK;

	*out_unread = false;
	if (status == BL_OK && gathering->source)
		status = ask_lists(&asking, why);
	if (status == BL_OK && gathering->scope->has_service)
		status = ask_facts(&asking, out_unread, why);
	return status;
}

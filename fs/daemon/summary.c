/* What somebody has to look at, on one screen: states, dates that are near, what is late, holds, samples, clocks. */
#include <string.h>

#include "fs/daemon/life.h"
#include "fs/retention/sample.h"

#define WEEK	   INT64_C(604800)
#define TOLD_LIMIT 40 /* of each list, for an answer is short: the figures beside them count all */

struct summary {
	const struct asked *asked;
	const struct policy *policy;
	struct retention_now now;
	int64_t states[STATE_COUNT];
	int64_t requests_open, incidents_open, holds, due_week_count;
	json_t *due_week, *notice, *unsure, *requests_warn, *incidents_warn, *holds_warn;
};

static void tell(json_t *list, json_t *item)
{
	if (json_array_size(list) < TOLD_LIMIT)
		json_array_append(list, item);
	json_decref(item);
}

static json_t *date_of(const struct summary *summary, const struct device *device,
		       const struct retention_plan *plan)
{
	json_t *item = json_object();

	answer_text(item, "device", device->id);
	answer_moment(item, "due", summary->policy, plan->due_unix);
	answer_text(item, "retention", plan->entry);
	return item;
}

static void look_at_date(struct summary *summary, const struct device *device)
{
	int64_t now = summary->now.access_unix;
	struct retention_plan plan;

	if (device->state == STATE_SHREDDED || device->state == STATE_RELEASED)
		return;
	retention_plan_of(summary->asked->daemon->store, summary->policy, device, &summary->now,
			  &plan);
	if (plan.is_unsure)
		tell(summary->unsure, json_string(device->id));
	if (plan.due_unix - now < WEEK) {
		summary->due_week_count++;
		tell(summary->due_week, date_of(summary, device, &plan));
	}
	if (plan.notice_unix <= now && plan.notice_unix < plan.due_unix && !plan.is_due)
		tell(summary->notice, date_of(summary, device, &plan));
}

static void look_at_holds(struct summary *summary, const struct device *device)
{
	for (size_t i = 0; i < device->hold_count; i++) {
		const struct device_hold *hold = &device->holds[i];
		const char *overdue =
			life_hold_overdue(summary->policy, hold, summary->now.trusted_unix);
		json_t *item;

		summary->holds++;
		if (!*overdue)
			continue;
		item = json_object();
		answer_text(item, "device", device->id);
		answer_number(item, "hold", hold->number);
		answer_moment(item, "since", summary->policy, hold->since_unix);
		answer_moment(item, "review_by", summary->policy,
			      life_review_by(summary->policy, hold));
		answer_text(item, "overdue", overdue);
		tell(summary->holds_warn, item);
	}
}

static void look_at_matters(struct summary *summary, const struct device *device)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	int64_t now = summary->now.trusted_unix;

	if (device_matters_read(summary->asked->daemon->store, device->id, &matters, NULL) !=
	    BL_OK) {
		tell(summary->unsure, json_string(device->id));
		return;
	}
	for (size_t i = 0; i < matters->incident_count; i++) {
		const struct device_incident *incident = &matters->incidents[i];

		summary->incidents_open += !incident->is_closed;
		if (life_incident_warning(incident, now) != LIFE_QUIET)
			tell(summary->incidents_warn,
			     life_incident(summary->policy, device->id, incident, now));
	}
	for (size_t i = 0; i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];

		summary->requests_open += request->state == CUSTOMER_OPEN;
		if (life_request_warning(request, now) != LIFE_QUIET)
			tell(summary->requests_warn,
			     life_request(summary->policy, device->id, request, now));
	}
}

static bool look_at_device(void *context, const struct device *device)
{
	struct summary *summary = context;

	summary->states[device->state]++;
	look_at_date(summary, device);
	look_at_holds(summary, device);
	look_at_matters(summary, device);
	return true;
}

static json_t *states_of(const struct summary *summary)
{
	json_t *states = json_object();

	for (unsigned i = 0; i < STATE_COUNT; i++)
		answer_number(states, bl_device_state_name((enum bl_device_state)i),
			      summary->states[i]);
	return states;
}

static bool add_sample(void *context, const struct sample *sample)
{
	json_t *item = json_object();

	answer_text(item, "period", sample->period);
	answer_number(item, "percent", sample->percent);
	answer_number(item, "shreds", (int64_t)sample->shreds);
	answer_number(item, "drawn", (int64_t)sample->count);
	answer_number(item, "missing", (int64_t)sample->missing);
	tell(context, item);
	return true;
}

static json_t *clock_json(const struct clock *clock)
{
	struct clock_state state;
	json_t *item = json_object();

	clock_state(clock, &state);
	answer_number(item, "trusted_unix", state.trusted_unix);
	answer_number(item, "wall_unix", state.wall_unix);
	answer_number(item, "ahead_s", state.ahead_s);
	answer_number(item, "waited_s", state.waited_s);
	answer_number(item, "wait_s", CLOCK_WAIT);
	json_object_set_new(item, "is_synchronised", json_boolean(state.is_synchronised));
	return item;
}

static void answer_summary(struct asked *asked, struct summary *summary)
{
	const struct {
		const char *key;
		json_t *value;
	} rows[] = {
		{"states", states_of(summary)},
		{"due_week", summary->due_week},
		{"due_week_count", json_integer(summary->due_week_count)},
		{"notice", summary->notice},
		{"unsure", summary->unsure},
		{"requests_open", json_integer(summary->requests_open)},
		{"requests_warn", summary->requests_warn},
		{"incidents_open", json_integer(summary->incidents_open)},
		{"incidents_warn", summary->incidents_warn},
		{"holds", json_integer(summary->holds)},
		{"holds_warn", summary->holds_warn},
		{"clock", clock_json(asked->daemon->clock)},
		{"holds_restored",
		 json_integer((json_int_t)device_holds_restored(asked->daemon->store, NULL))},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		json_object_set_new(asked->answer, rows[i].key, rows[i].value);
}

void life_summary(struct asked *asked, const struct policy *policy)
{
	struct device_store *store = asked->daemon->store;
	struct summary summary = {
		.asked = asked,
		.policy = policy,
		.now = daemon_times(asked->daemon),
		.due_week = json_array(),
		.notice = json_array(),
		.unsure = json_array(),
		.requests_warn = json_array(),
		.incidents_warn = json_array(),
		.holds_warn = json_array(),
	};
	json_t *samples = json_array();

	device_each(store, look_at_device, &summary);
	answer_summary(asked, &summary);
	if (sample_missing(store, policy, summary.now.trusted_unix, add_sample, samples, NULL) !=
	    BL_OK)
		json_object_set_new(asked->answer, "samples_unknown", json_true());
	json_object_set_new(asked->answer, "samples_missing", samples);
}

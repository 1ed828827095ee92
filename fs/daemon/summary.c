/* What somebody has to look at, on one screen: states, dates that are near, what is late, holds, samples, clocks. */
#include <string.h>

#include "fs/daemon/life.h"
#include "fs/retention/sample.h"

#define WEEK	   INT64_C(604800)
#define TOLD_LIMIT 40 /* of each list, for an answer is short: the figures beside them count all */

struct told {
	json_t *list;
	int64_t count; /* with those that are not in the list any more */
};

struct summary {
	const struct asked *asked;
	const struct policy *policy;
	struct retention_now now;
	int64_t states[STATE_COUNT];
	int64_t requests_open, requests_late, incidents_open, incidents_late, holds;
	struct told due_week, notice, unsure, requests_warn, incidents_warn, holds_warn;
};

static void tell(struct told *told, json_t *item)
{
	if (told->count++ < TOLD_LIMIT)
		json_array_append(told->list, item);
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

/* False: something that dates depend on could not be read. */
static bool look_at_date(struct summary *summary, const struct device *device)
{
	int64_t now = summary->now.access_unix;
	struct retention_plan plan;

	if (device_is_gone(device))
		return true;
	retention_plan_of(summary->asked->daemon->store, summary->policy, device, &summary->now,
			  &plan);
	if (plan.due_unix - now < WEEK)
		tell(&summary->due_week, date_of(summary, device, &plan));
	if (plan.why.notice_unix <= now && plan.why.notice_unix < plan.due_unix && !plan.is_due)
		tell(&summary->notice, date_of(summary, device, &plan));
	return !plan.is_unsure;
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
		tell(&summary->holds_warn, item);
	}
}

static bool look_at_matters(struct summary *summary, const struct device *device)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	int64_t now = summary->now.trusted_unix;

	if (device_matters_read(summary->asked->daemon->store, device->id, &matters, NULL) != BL_OK)
		return false;
	for (size_t i = 0; i < matters->incident_count; i++) {
		const struct device_incident *incident = &matters->incidents[i];
		enum life_warning warning = life_incident_warning(incident, now);

		summary->incidents_open += !incident->is_closed;
		summary->incidents_late += warning == LIFE_LATE;
		if (warning != LIFE_QUIET)
			tell(&summary->incidents_warn,
			     life_incident(summary->policy, device->id, incident, now));
	}
	for (size_t i = 0; i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];
		enum life_warning warning = life_request_warning(request, now);

		summary->requests_open += request->state == CUSTOMER_OPEN;
		summary->requests_late += warning == LIFE_LATE;
		if (warning != LIFE_QUIET)
			tell(&summary->requests_warn,
			     life_request(summary->policy, device->id, request, now));
	}
	return true;
}

static bool look_at_device(void *context, const struct device *device)
{
	struct summary *summary = context;

	summary->states[device->state]++;
	look_at_holds(summary, device);

	bool is_sure = look_at_date(summary, device);

	is_sure &= look_at_matters(summary, device);
	if (!is_sure)
		tell(&summary->unsure, json_string(device->id));
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
		{"due_week", summary->due_week.list},
		{"due_week_count", json_integer(summary->due_week.count)},
		{"notice", summary->notice.list},
		{"unsure", summary->unsure.list},
		{"unsure_count", json_integer(summary->unsure.count)},
		{"requests_open", json_integer(summary->requests_open)},
		{"requests_late", json_integer(summary->requests_late)},
		{"requests_warn", summary->requests_warn.list},
		{"requests_warn_count", json_integer(summary->requests_warn.count)},
		{"incidents_open", json_integer(summary->incidents_open)},
		{"incidents_late", json_integer(summary->incidents_late)},
		{"incidents_warn", summary->incidents_warn.list},
		{"incidents_warn_count", json_integer(summary->incidents_warn.count)},
		{"holds", json_integer(summary->holds)},
		{"holds_warn", summary->holds_warn.list},
		{"holds_warn_count", json_integer(summary->holds_warn.count)},
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
		.due_week.list = json_array(),
		.notice.list = json_array(),
		.unsure.list = json_array(),
		.requests_warn.list = json_array(),
		.incidents_warn.list = json_array(),
		.holds_warn.list = json_array(),
	};
	struct told samples = {.list = json_array()};

	device_each(store, look_at_device, &summary);
	answer_summary(asked, &summary);
	/* Where some could not be looked for there is no figure: it would say that all is well. */
	if (sample_missing(store, policy, summary.now.trusted_unix, add_sample, &samples, NULL) ==
	    BL_OK)
		answer_number(asked->answer, "samples_missing_count", samples.count);
	else
		json_object_set_new(asked->answer, "samples_unknown", json_true());
	json_object_set_new(asked->answer, "samples_missing", samples.list);
}

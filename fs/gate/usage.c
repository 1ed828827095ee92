#include "fs/gate/private.h"

#include <stdlib.h>
#include <string.h>

static const int64_t LENGTHS[PERIOD_COUNT] = {[PERIOD_HOUR] = 3600, [PERIOD_DAY] = 86400};

/* ---- life ------------------------------------------------------------------------------------------- */

static struct gate_usage *find(struct gate *gate, uid_t uid)
{
	struct gate_usage *usage = gate->usages;

	while (usage && usage->uid != uid)
		usage = usage->next;
	return usage;
}

struct gate_usage *usage_of(struct gate *gate, uid_t uid)
{
	pthread_mutex_lock(&gate->usage_lock);
	struct gate_usage *usage = find(gate, uid);

	if (!usage) {
		usage = calloc(1, sizeof(*usage));
		if (usage) {
			pthread_mutex_init(&usage->lock, NULL);
			usage->uid = uid;
			usage->next = gate->usages;
			gate->usages = usage;
		}
	}
	pthread_mutex_unlock(&gate->usage_lock);
	return usage;
}

struct gate_usage *usage_known(struct gate *gate, uid_t uid)
{
	pthread_mutex_lock(&gate->usage_lock);
	struct gate_usage *usage = find(gate, uid);

	pthread_mutex_unlock(&gate->usage_lock);
	return usage;
}

void usage_done(struct gate *gate)
{
	while (gate->usages) {
		struct gate_usage *usage = gate->usages;

		gate->usages = usage->next;
		pthread_mutex_destroy(&usage->lock);
		free(usage);
	}
}

/* ---- counting --------------------------------------------------------------------------------------- */

void usage_read(const struct gate_usage *usage, struct rules_used *out_used)
{
	memset(out_used, 0, sizeof(*out_used));
	for (size_t unit = 0; usage && unit < UNIT_COUNT; unit++)
		for (size_t period = 0; period < PERIOD_COUNT; period++)
			out_used->amount[unit][period] = atomic_load(&usage->amount[unit][period]);
}

void usage_count(struct gate_usage *usage, enum bl_unit unit, uint64_t amount)
{
	for (size_t period = 0; period < PERIOD_COUNT; period++)
		atomic_fetch_add(&usage->amount[unit][period], amount);
	usage->total[unit] += amount;
}

bool usage_reserve(struct gate_view *view, enum bl_unit unit, uint64_t amount)
{
	struct gate_usage *usage = view->usage;

	pthread_mutex_lock(&usage->lock);
	bool is_there = usage->total[unit] < view->steps[unit];

	if (is_there)
		usage_count(usage, unit, amount);
	pthread_mutex_unlock(&usage->lock);
	return is_there;
}

void usage_refund(struct gate_usage *usage, enum bl_unit unit, uint64_t amount)
{
	pthread_mutex_lock(&usage->lock);
	/* A new period may have begun since: what is no longer counted is not given back. */
	for (size_t period = 0; period < PERIOD_COUNT; period++) {
		uint64_t counted = atomic_load(&usage->amount[unit][period]);

		atomic_store(&usage->amount[unit][period], counted - BL_MIN(counted, amount));
	}
	usage->total[unit] -= amount;
	pthread_mutex_unlock(&usage->lock);
}

static bool is_stepped(const struct gate_view *view)
{
	for (size_t unit = 0; unit < UNIT_COUNT; unit++)
		if (view->usage->total[unit] >= view->steps[unit])
			return true;
	return false;
}

bool usage_is_stepped(struct gate_view *view)
{
	pthread_mutex_lock(&view->usage->lock);
	bool is = is_stepped(view);

	pthread_mutex_unlock(&view->usage->lock);
	return is;
}

void usage_stepped(struct gate_view *view)
{
	struct gate *gate = view->gate;

	pthread_rwlock_wrlock(&gate->policy_lock);
	for (struct gate_view *other = gate->views; other; other = other->next) {
		if (other->usage != view->usage || !usage_is_stepped(other))
			continue;
		/* Moved first: whoever counts against the new step then sees that it has to decide again. */
		view_moved(other);
		usage_steps(other);
	}
	pthread_rwlock_unlock(&gate->policy_lock);
}

/* At least one: a step that is never reached would be asked for again at every read. */
static uint64_t step_of(const struct gate_view *view, const struct rules_used *used,
			enum bl_unit unit)
{
	uint64_t step = view->subject ? rules_limit_step(view->subject, used, unit) : UINT64_MAX;

	return BL_MAX(step, 1);
}

void usage_steps(struct gate_view *view)
{
	static const struct rules_used NOTHING;
	struct rules_used used;

	view->is_limited = false;
	pthread_mutex_lock(&view->usage->lock);
	usage_read(view->usage, &used);
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
		uint64_t step = step_of(view, &used, (enum bl_unit)unit);
		uint64_t total = view->usage->total[unit];

		view->steps[unit] = step > UINT64_MAX - total ? UINT64_MAX : total + step;
		view->is_limited |= step_of(view, &NOTHING, (enum bl_unit)unit) != UINT64_MAX;
	}
	pthread_mutex_unlock(&view->usage->lock);
}

/* ---- periods ----------------------------------------------------------------------------------------- */

static struct gate_period period_at(const struct policy *policy, enum bl_period period,
				    int64_t at_unix)
{
	struct gate_period answer;
	int64_t length = LENGTHS[period];

	if (policy) {
		answer.start = rules_period_start(policy, period, at_unix, &answer.next);
		return answer;
	}
	answer.start = at_unix - (at_unix % length + length) % length;
	answer.next = answer.start + length;
	return answer;
}

/* What was used in @period so far is of the one before, or of none at all when that is longer ago. */
static void turn(struct gate *gate, enum bl_period period, bool is_next)
{
	for (struct gate_usage *usage = gate->usages; usage; usage = usage->next) {
		pthread_mutex_lock(&usage->lock);
		for (size_t unit = 0; unit < UNIT_COUNT; unit++) {
			uint64_t used = atomic_exchange(&usage->amount[unit][period], 0);

			usage->before[unit][period] = is_next ? used : 0;
		}
		pthread_mutex_unlock(&usage->lock);
	}
}

/* Time is cut elsewhere now: what may lie in the new period counts in it. */
static void carry(struct gate *gate, enum bl_period period)
{
	for (struct gate_usage *usage = gate->usages; usage; usage = usage->next) {
		pthread_mutex_lock(&usage->lock);
		for (size_t unit = 0; unit < UNIT_COUNT; unit++) {
			atomic_fetch_add(&usage->amount[unit][period], usage->before[unit][period]);
			usage->before[unit][period] = 0;
		}
		pthread_mutex_unlock(&usage->lock);
	}
}

static void set_due(struct gate *gate)
{
	int64_t due = INT64_MAX;

	for (size_t period = 0; period < PERIOD_COUNT; period++)
		due = BL_MIN(due, gate->periods[period].next);
	for (const struct gate_giver *giver = gate->givers; giver; giver = giver->next)
		due = BL_MIN(due, giver->valid_until);
	atomic_store(&gate->due_unix, due);
}

bool usage_roll(struct gate *gate, int64_t now_unix)
{
	bool has_rolled = false;

	pthread_mutex_lock(&gate->usage_lock);
	for (unsigned period = 0; period < PERIOD_COUNT; period++) {
		struct gate_period *old = &gate->periods[period];

		if (now_unix < old->next)
			continue;
		struct gate_period new = period_at(gate->policy, (enum bl_period)period, now_unix);

		turn(gate, (enum bl_period)period, new.start == old->next);
		*old = new;
		has_rolled = true;
	}
	set_due(gate);
	pthread_mutex_unlock(&gate->usage_lock);
	return has_rolled;
}

void usage_zone(struct gate *gate, const struct policy *policy, int64_t now_unix)
{
	(void)usage_roll(gate, now_unix);
	pthread_mutex_lock(&gate->usage_lock);
	for (unsigned period = 0; period < PERIOD_COUNT; period++) {
		struct gate_period new = period_at(policy, (enum bl_period)period, now_unix);

		if (new.start != gate->periods[period].start)
			carry(gate, (enum bl_period)period);
		gate->periods[period] = new;
	}
	set_due(gate);
	pthread_mutex_unlock(&gate->usage_lock);
}

/* ---- from the log ------------------------------------------------------------------------------------- */

/* A session that has not ended yet, and what it has counted in each period that is counted. */
struct shown_by {
	struct shown_by *next;
	uint64_t session;
	uint64_t amount[PERIOD_COUNT], before[PERIOD_COUNT];
};

struct recount {
	struct gate *gate;
	struct looks_seen *looks;
	struct shown_by *sessions;
	enum bl_status status;
};

static void count_at(struct gate *gate, struct gate_usage *usage, enum bl_unit unit,
		     uint64_t amount, int64_t at_unix)
{
	for (size_t period = 0; period < PERIOD_COUNT; period++) {
		int64_t start = gate->periods[period].start;

		if (at_unix >= start)
			atomic_fetch_add(&usage->amount[unit][period], amount);
		else if (at_unix >= start - LENGTHS[period])
			usage->before[unit][period] += amount;
	}
}

/* ---- what sessions have shown: counted before it was, and what was not is given back (session.c) ---- */

static struct shown_by **shown_at(struct recount *recount, uint64_t session)
{
	struct shown_by **at = &recount->sessions;

	while (*at && (*at)->session != session)
		at = &(*at)->next;
	return at;
}

static bool recount_shown(struct recount *recount, struct gate_usage *usage,
			  const struct audit_event *event, int64_t at_unix)
{
	struct shown_by **at = shown_at(recount, event->session), *by = *at;

	if (!by) {
		by = *at = calloc(1, sizeof(*by));
		if (!by)
			return false;
		by->session = event->session;
	}
	count_at(recount->gate, usage, UNIT_SHOWN, event->bytes, at_unix);
	for (size_t period = 0; period < PERIOD_COUNT; period++) {
		int64_t start = recount->gate->periods[period].start;

		if (at_unix >= start)
			by->amount[period] += event->bytes;
		else if (at_unix >= start - LENGTHS[period])
			by->before[period] += event->bytes;
	}
	return true;
}

/* In the period in which it ended, and no more than it had counted in that one. */
static void recount_ended(struct recount *recount, struct gate_usage *usage,
			  const struct audit_event *event, int64_t at_unix)
{
	struct shown_by **at = shown_at(recount, event->session), *by = *at;
	uint64_t left = event->offset - BL_MIN(event->bytes, event->offset);

	if (!by)
		return;
	for (size_t period = 0; period < PERIOD_COUNT; period++) {
		int64_t start = recount->gate->periods[period].start;

		if (at_unix >= start)
			atomic_fetch_sub(&usage->amount[UNIT_SHOWN][period],
					 BL_MIN(left, by->amount[period]));
		else if (at_unix >= start - LENGTHS[period])
			usage->before[UNIT_SHOWN][period] -= BL_MIN(left, by->before[period]);
	}
	*at = by->next;
	free(by);
}

static void forget_sessions(struct recount *recount)
{
	while (recount->sessions) {
		struct shown_by *by = recount->sessions;

		recount->sessions = by->next;
		free(by);
	}
}

/* What counts is what contents.c and session.c counted when it happened: contents of devices, not words of our own. */
static bool is_counted(const struct audit_event *event)
{
	bool is_ours = event->op == AUDIT_OPEN || event->op == AUDIT_READ;

	if (event->op == AUDIT_SHOWN || event->op == AUDIT_SESSION_ENDED)
		return event->verdict == AUDIT_PERMITTED;
	return is_ours && event->verdict == AUDIT_PERMITTED && event->error_number == 0 &&
	       event->device[0] && strcmp(event->rule, RULE_NOTICE) != 0;
}

/* A value of an attribute was given: nothing was opened for it. */
static bool is_attribute(const struct audit_event *event)
{
	return event->op == AUDIT_READ && event->handle == 0 && event->bytes > 0;
}

/* The same of looks (look.c). */
static bool is_look(const struct audit_event *event)
{
	bool is_ours = event->op == AUDIT_OPEN || event->op == AUDIT_LIST || is_attribute(event);

	return is_ours && event->verdict == AUDIT_PERMITTED && event->error_number == 0 &&
	       event->device[0] && strcmp(event->rule, RULE_NOTICE) != 0;
}

/* usage->lock is held. False: no memory. */
static bool count_event(struct recount *recount, struct gate_usage *usage,
			const struct audit_event *event, int64_t at_unix)
{
	if (event->op == AUDIT_SHOWN)
		return recount_shown(recount, usage, event, at_unix);
	if (event->op == AUDIT_SESSION_ENDED) {
		recount_ended(recount, usage, event, at_unix);
	} else if (event->op == AUDIT_READ) {
		count_at(recount->gate, usage, UNIT_BYTES, event->bytes, at_unix);
		count_at(recount->gate, usage, UNIT_FILES, is_attribute(event), at_unix);
	} else {
		count_at(recount->gate, usage, UNIT_FILES, 1, at_unix);
		count_at(recount->gate, usage, UNIT_UNMASKS, event->bytes > 0, at_unix);
	}
	return true;
}

static bool recount_one(void *context, const struct audit_record *record)
{
	struct recount *recount = context;
	const struct audit_event *event = &record->event;
	int64_t at = record->realtime_ns / 1000000000;

	if (is_look(event) && !looks_see(recount->looks, event, at)) {
		recount->status = BL_NO_MEMORY;
		return false;
	}
	if (!is_counted(event))
		return true;
	struct gate_usage *usage = usage_of(recount->gate, event->uid);

	if (!usage) {
		recount->status = BL_NO_MEMORY;
		return false;
	}
	pthread_mutex_lock(&usage->lock);
	bool is_counted_now = count_event(recount, usage, event, at);

	pthread_mutex_unlock(&usage->lock);
	if (!is_counted_now)
		recount->status = BL_NO_MEMORY;
	return is_counted_now;
}

static void forget_all(struct gate *gate)
{
	for (struct gate_usage *usage = gate->usages; usage; usage = usage->next) {
		pthread_mutex_lock(&usage->lock);
		memset(usage->before, 0, sizeof(usage->before));
		for (size_t unit = 0; unit < UNIT_COUNT; unit++)
			for (size_t period = 0; period < PERIOD_COUNT; period++)
				atomic_store(&usage->amount[unit][period], 0);
		pthread_mutex_unlock(&usage->lock);
	}
}

enum bl_status gate_recount(struct gate *gate, int log_fd, struct bl_error *why)
{
	BL_CLEANUP(looks_seen_free) struct looks_seen *looks = looks_seen_new();
	struct recount recount = {.gate = gate, .looks = looks};
	int64_t now = gate->config.now_unix(gate->config.clock_context);

	if (!looks)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	pthread_mutex_lock(&gate->change_lock);
	pthread_rwlock_wrlock(&gate->policy_lock);
	(void)usage_roll(gate, now);
	int64_t since = gate->periods[PERIOD_DAY].start - LENGTHS[PERIOD_DAY];

	pthread_rwlock_unlock(&gate->policy_lock);
	forget_all(gate);
	enum bl_status status = audit_scan_since(log_fd, since, recount_one, &recount, why);

	forget_sessions(&recount);
	pthread_mutex_unlock(&gate->change_lock);
	if (status == BL_OK)
		looks_judge(gate, looks);
	if (status == BL_OK && recount.status != BL_OK)
		return bl_fail(why, recount.status, "out of memory");
	return status;
}

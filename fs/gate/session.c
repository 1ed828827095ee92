/*
 * Sealed sessions (docs/sessions.md): a view of one device, whose contents are decided by `read`. What is shown on its screen is counted
 * before it is shown.
 */
#include "fs/gate/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a session's view is ------------------------------------------------------------------------- */

bool view_shows(const struct gate_view *view, const struct gate_device *device)
{
	bool is_shown = !view->devices;

	if (view->is_session)
		return strcmp(view->session_device, device->id) == 0;
	for (size_t i = 0; i < view->device_count && !is_shown; i++)
		is_shown = strcmp(view->devices[i], device->id) == 0;
	return is_shown;
}

bool view_limit(struct gate_view *view, char (*devices)[BL_DEVICE_ID_SIZE], size_t count)
{
	if (!devices)
		return true;
	view->devices = calloc(count + 1, sizeof(*devices));
	if (!view->devices)
		return false;
	memcpy(view->devices, devices, count * sizeof(*devices));
	view->device_count = count;
	return true;
}

enum bl_action view_contents(const struct gate_view *view)
{
	return view->is_session ? ACTION_READ : ACTION_COPY;
}

uid_t view_owner_uid(const struct gate_view *view)
{
	return view->is_session ? view->inside_uid : view->uid;
}

gid_t view_owner_gid(const struct gate_view *view)
{
	return view->is_session ? view->inside_uid : view->gid;
}

/* The kernel gives pids as the mount's own pid namespace knows them: whoever is not in there is 0, whatever its uid. */
bool view_is_caller(const struct gate_view *view, const struct gate_caller *caller)
{
	if (!view->is_session)
		return caller->uid == view->uid;
	return caller->uid == view->inside_uid && caller->pid != 0;
}

void view_caller(const struct gate_view *view, struct audit_event *event)
{
	if (!view->is_session)
		return;
	/* Whoever is inside is nobody to limits, queries and a later count: it is the person who looks. */
	event->uid = view->uid;
	event->gid = view->gid;
}

uint64_t gate_view_session(const struct gate_view *view)
{
	return view->session;
}

/* ---- may the person read? ------------------------------------------------------------------------------- */

static bool is_dropped(struct gate *gate, const struct gate_device *device)
{
	pthread_rwlock_rdlock(&gate->policy_lock);
	bool is = device->is_dropped;

	pthread_rwlock_unlock(&gate->policy_lock);
	return is;
}

/* The device, counted; one that is being renewed is waited for, so that this ends no session. NULL: it is gone. */
static struct gate_device *device_of(struct gate_view *view)
{
	struct gate *gate = view->gate;
	struct gate_device *device = gate_device_settled(gate, view->session_device);

	if (!device || !is_dropped(gate, device))
		return device;
	gate_device_unref(device);
	pthread_mutex_lock(&gate->change_lock);
	device = gate_device_named(gate, view->session_device);
	pthread_mutex_unlock(&gate->change_lock);
	return device;
}

/* One question about the device as a whole. */
struct reading_of {
	struct gate_view *view;
	struct scene *scene;
	uint64_t
		more; /* bytes that are about to be shown: the last of them has to be within the limits too */
	/*
	 * Of a new session: what its device was called. Nothing was counted yet; and who may not list it is told that it is not there. NULL: it
	 * is under way.
	 */
	const char *admits;
	struct rules_decision decision;
};

static enum bl_status closed(const struct reading_of *reading, const char *what,
			     struct bl_error *why)
{
	return bl_fail(why, BL_NOT_FOUND, "device '%s' is closed: %s",
		       reading->view->session_device, what);
}

/* Our own words for what closes a device to everybody. NULL: it is open. */
static const char *closing(const struct scene *scene)
{
	const struct gate_device *device = scene->device;
	const struct gate_facts *facts = device->facts;

	if (device->is_dropped || !facts || facts->status != BL_OK)
		return "it cannot be shown now (bailee status says more)";
	if (device->state == STATE_SHREDDED)
		return "it was destroyed";
	if (device->state != STATE_DUE)
		return NULL;
	return facts->record && device_consent_withdrawn(facts->record)
		       ? "the consent to look at it was withdrawn"
		       : "its date has come, and it is going to be destroyed";
}

static bool may_be_listed(const struct scene *scene)
{
	struct rules_decision decision;

	if (scene->closed)
		return false;
	scene_decide(scene, ACTION_LIST, &decision);
	return decision.outcome == RULES_PERMIT || decision.by == RULES_BY_LIMIT ||
	       rules_may_walk(scene->view->subject, &scene->facts);
}

/* Of some file that the device may hold: each is decided by itself when it is opened. usage->lock is held. */
static void decide_read(struct reading_of *reading)
{
	struct scene *scene = reading->scene;

	usage_read(reading->view->usage, &scene->used);
	/* A limit is reached when all of it is used: so the last byte is permitted with those before it counted. */
	for (size_t period = 0; reading->more && period < PERIOD_COUNT; period++) {
		uint64_t *used = &scene->used.amount[UNIT_SHOWN][period];

		*used = *used > UINT64_MAX - reading->more ? UINT64_MAX : *used + reading->more - 1;
	}
	/* Whoever has used up their files goes on with those that are open: it is the next open that is refused. */
	scene->facts.is_paid = !reading->admits;
	if (scene->closed)
		scene_decide(scene, ACTION_READ, &reading->decision);
	else
		rules_reach(reading->view->subject, &scene->facts, ACTION_READ, &reading->decision);
}

/* All that was counted of this session, by period: no more than that is ever given back in it. usage->lock is held. */
static void count_shown(struct gate_view *view, uint64_t bytes)
{
	const struct gate *gate = view->gate;

	usage_count(view->usage, UNIT_SHOWN, bytes);
	for (size_t period = 0; period < PERIOD_COUNT; period++) {
		struct shown_in *in = &view->shown[period];

		if (in->start != gate->periods[period].start)
			*in = (struct shown_in){gate->periods[period].start, 0};
		in->bytes += bytes;
	}
}

static enum bl_status status_of(enum rules_outcome outcome)
{
	static const enum bl_status STATUSES[] = {
		[RULES_PERMIT] = BL_OK,
		[RULES_FORBID] = BL_FORBIDDEN,
		[RULES_ASK] = BL_ASK,
		[RULES_WITHHOLD] = BL_WITHHELD,
	};

	return STATUSES[outcome];
}

/* The decision, and with it the count: nobody else of this person comes between. Locks are held. */
static enum bl_status judge(struct reading_of *reading, struct bl_error *why)
{
	struct gate_view *view = reading->view;
	struct scene *scene = reading->scene;
	char text[sizeof(why->text)];

	pthread_mutex_lock(&view->usage->lock);
	decide_read(reading);
	bool is_permitted = reading->decision.outcome == RULES_PERMIT;

	if (is_permitted && reading->more)
		count_shown(view, reading->more);
	pthread_mutex_unlock(&view->usage->lock);
	if (is_permitted)
		return BL_OK;
	if (scene->closed)
		return bl_fail(why, BL_FORBIDDEN, "read is forbidden by %s", scene->closed);
	rules_say(view->subject, &scene->facts, ACTION_READ, &reading->decision, text,
		  sizeof(text));
	return bl_fail(why, status_of(reading->decision.outcome), "%s", text);
}

static enum bl_status judge_device(struct reading_of *reading, struct gate_device *device,
				   struct bl_error *why)
{
	struct gate_view *view = reading->view;
	struct gate *gate = view->gate;

	scene_set(reading->scene, view, device, tree_entry(device->tree, 0), -1);
	if (reading->admits && !may_be_listed(reading->scene))
		return bl_fail(why, BL_NOT_FOUND, "no device '%s'", reading->admits);
	const char *what = closing(reading->scene);

	if (what)
		return closed(reading, what, why);
	if (atomic_load(&gate->is_unanchored)) {
		reading->decision = (struct rules_decision){
			.outcome = RULES_FORBID, .by = RULES_BY_GATE, .rule = RULE_ANCHOR};
		return bl_fail(why, BL_FORBIDDEN,
			       "read is forbidden by " RULE_ANCHOR
			       ": the log has not been anchored for longer than the policy allows");
	}
	return judge(reading, why);
}

static enum bl_status ask_to_read(struct reading_of *reading, char *out_rule, struct bl_error *why)
{
	struct gate_view *view = reading->view;
	struct gate *gate = view->gate;
	int64_t now = gate->config.now_unix(gate->config.clock_context);

	reading->decision = (struct rules_decision){.outcome = RULES_FORBID, .rule = RULE_GATE};
	if (!audit_is_writable(gate->config.audit))
		return bl_fail(why, BL_LOG_BROKEN, "the log cannot take an event");
	if (atomic_load(&view->valid_until) <= now || atomic_load(&gate->due_unix) <= now)
		(void)gate_tick(gate, now);
	BL_CLEANUP(gate_device_unref) struct gate_device *device = device_of(view);

	if (!device)
		return reading->admits
			       ? bl_fail(why, BL_NOT_FOUND, "no device '%s'", reading->admits)
			       : closed(reading, "it is not there any more", why);
	BL_CLEANUP(bl_free) struct scene *scene = malloc(sizeof(*scene));

	if (!scene)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	reading->scene = scene;
	pthread_mutex_lock(&device->lock);
	pthread_rwlock_rdlock(&gate->policy_lock);
	enum bl_status status = judge_device(reading, device, why);

	/* The rule's name lives as long as the policy. */
	if (out_rule)
		snprintf(out_rule, BL_RULE_ID_SIZE, "%s",
			 reading->decision.rule ? reading->decision.rule : "");
	pthread_rwlock_unlock(&gate->policy_lock);
	pthread_mutex_unlock(&device->lock);
	return status;
}

enum bl_status session_admit(struct gate_view *view, const char *device, char *out_rule,
			     struct bl_error *why)
{
	struct reading_of reading = {.view = view, .admits = device};

	return ask_to_read(&reading, out_rule, why);
}

enum bl_status gate_view_may_read(struct gate_view *view, struct bl_error *why)
{
	struct reading_of reading = {.view = view};

	return ask_to_read(&reading, NULL, why);
}

/* ---- events ------------------------------------------------------------------------------------------------ */

static void session_event(const struct gate_view *view, enum audit_op op, const char *detail,
			  struct audit_event *out_event)
{
	struct gate_caller caller = {view->uid, view->gid, view->pid};

	view_event(view, &caller, op, out_event);
	memcpy(out_event->device, view->session_device, sizeof(out_event->device));
	snprintf(out_event->detail, sizeof(out_event->detail), "%s", detail);
}

enum bl_status gate_view_begun(struct gate_view *view, const char *viewer, struct bl_error *why)
{
	struct audit_event event;

	session_event(view, AUDIT_SESSION_BEGUN, viewer, &event);
	return audit_append(view->gate->config.audit, &event, NULL, why);
}

/* Not shown after all: taken out of the periods in which it was counted, and of no other. */
static void give_back(struct gate_view *view, uint64_t bytes)
{
	struct gate *gate = view->gate;
	struct gate_usage *usage = view->usage;

	if (!bytes)
		return;
	pthread_rwlock_wrlock(&gate->policy_lock);
	pthread_mutex_lock(&usage->lock);
	for (size_t period = 0; period < PERIOD_COUNT; period++) {
		struct shown_in *in = &view->shown[period];
		atomic_uint_fast64_t *amount = &usage->amount[UNIT_SHOWN][period];
		uint64_t back = in->start == gate->periods[period].start ? in->bytes : 0;

		back = BL_MIN(BL_MIN(back, bytes), atomic_load(amount));
		atomic_fetch_sub(amount, back);
		in->bytes -= BL_MIN(in->bytes, bytes);
	}
	pthread_mutex_unlock(&usage->lock);
	/* What was used up is so no more, and is to be noticed when it is again. */
	for (struct gate_view *other = gate->views; other; other = other->next) {
		if (other->usage != usage || !other->is_limited)
			continue;
		usage_steps(other);
		view_moved(other);
	}
	pthread_rwlock_unlock(&gate->policy_lock);
}

enum bl_status gate_view_count_shown(struct gate_view *view, uint64_t bytes,
				     uint64_t counted_so_far, struct bl_error *why)
{
	struct reading_of reading = {.view = view, .more = bytes};
	struct audit_event event;
	enum bl_status status = ask_to_read(&reading, NULL, why);

	if (status != BL_OK)
		return status;
	session_event(view, AUDIT_SHOWN, "", &event);
	event.bytes = bytes;
	event.offset = counted_so_far;
	status = audit_append(view->gate->config.audit, &event, NULL, why);
	if (status != BL_OK) {
		give_back(view, bytes);
		return status;
	}
	if (usage_is_stepped(view))
		usage_stepped(view);
	return BL_OK;
}

void gate_view_ended(struct gate_view *view, uint64_t counted, uint64_t shown, const char *detail)
{
	struct audit_event event;

	session_event(view, AUDIT_SESSION_ENDED, detail, &event);
	event.bytes = BL_MIN(shown, counted);
	event.offset = counted;
	/*
	 * Written first: what a crash between the two takes away is a refund. Whether the log takes it is the log's to say; its reserve does.
	 */
	enum bl_status status = audit_append(view->gate->config.audit, &event, NULL, NULL);

	if (status == BL_OK)
		give_back(view, event.offset - event.bytes);
}

/* ---- the first screen ---------------------------------------------------------------------------------------- */

struct terms {
	struct answer answer;
	size_t begun; /* of the line that is being said */
};

/* The line is complete. One that does not fit is left out, and so is all behind it. */
static void terms_end(struct terms *terms)
{
	struct answer *answer = &terms->answer;

	answer_say(answer, "\n");
	if (answer->used + 1 >= answer->size) {
		answer->text[terms->begun] = 0;
		answer->used = terms->begun;
		answer->size = answer->used + 1;
	}
	terms->begun = answer->used;
}

static void terms_classes(struct terms *terms, const struct policy *policy, const char *label,
			  bl_classes classes, const char *more)
{
	struct answer *answer = &terms->answer;

	if (!classes)
		return;
	answer_say(answer, "%s\t", label);
	for (bl_classes left = classes; left; left &= left - 1)
		answer_say(answer, "%s%s", left == classes ? "" : ", ",
			   policy_class_name(policy, (unsigned)__builtin_ctzll(left)));
	answer_say(answer, "%s", more);
	terms_end(terms);
}

static void terms_masks(struct terms *terms, const struct scene *scene)
{
	const struct policy *policy = scene->view->gate->policy;
	bl_classes built_in = CLASS_BIT(CLASS_COUNT) - 1, wanted = policy_detects(policy);
	bl_classes blind = wanted & built_in & ~detect_supported(), by_style[STYLE_COUNT + 1] = {0};
	uint8_t styles[CLASS_LIMIT];
	char how[64];

	rules_shows(scene->view->subject, &scene->facts, ACTION_READ, styles);
	for (bl_classes left = wanted & ~blind; left; left &= left - 1) {
		unsigned class = (unsigned)__builtin_ctzll(left);

		by_style[BL_MIN(styles[class], STYLE_ORIGINAL)] |= CLASS_BIT(class);
	}
	for (unsigned style = 0; style < STYLE_COUNT; style++) {
		snprintf(how, sizeof(how), " (%s)", bl_style_name((enum bl_style)style));
		terms_classes(terms, policy, "Masked:", by_style[style],
			      style == STYLE_FILL ? "" : how);
	}
	terms_classes(terms, policy, "Shown:", by_style[STYLE_ORIGINAL], " (as they are)");
	terms_classes(terms, policy, "Not masked:", blind, " (nothing finds these yet)");
}

static void say_amount(char out[32], enum bl_unit unit, uint64_t amount)
{
	static const char *const NAMES[] = {"", " KiB", " MiB", " GiB"};
	size_t at = 0;

	if (unit == UNIT_BYTES || unit == UNIT_SHOWN)
		for (; at + 1 < BL_COUNT(NAMES) && amount >= 10240; at++)
			amount /= 1024;
	snprintf(out, 32, "%llu%s", (unsigned long long)amount, NAMES[at]);
}

static bool terms_limit(void *context, const struct rules_limit *limit)
{
	static const char *const PERIODS[PERIOD_COUNT] = {
		[PERIOD_HOUR] = "this hour", [PERIOD_DAY] = "today"};
	struct terms *terms = context;
	char used[32], most[32];

	say_amount(used, limit->unit, limit->used);
	say_amount(most, limit->unit, limit->most);
	answer_say(&terms->answer, "Used:\t%s of %s %s %s", used, most, bl_unit_name(limit->unit),
		   PERIODS[limit->period]);
	terms_end(terms);
	return true;
}

static void terms_all(struct terms *terms, const struct scene *scene)
{
	const struct rules_subject *subject = scene->view->subject;
	char when[20];
	struct rules_decision decision;

	terms_masks(terms, scene);
	rules_each_limit(subject, &scene->facts, ACTION_READ, terms_limit, terms);
	scene_decide(scene, ACTION_READ, &decision);
	int64_t until = decision.outcome == RULES_PERMIT
				? rules_permit_until(subject, &scene->facts, ACTION_READ, 0)
				: INT64_MAX;

	if (until == INT64_MAX)
		return;
	rules_local_time(scene->view->gate->policy, until, when);
	answer_say(&terms->answer, "Until:\t%s", when);
	terms_end(terms);
}

void gate_view_terms(struct gate_view *view, char *out, size_t size)
{
	BL_CLEANUP(gate_device_unref) struct gate_device *device = device_of(view);
	BL_CLEANUP(bl_free) struct scene *scene = malloc(sizeof(*scene));
	struct terms terms = {.answer = {out, size, 0}};

	if (size)
		out[0] = 0;
	if (!size || !device || !scene)
		return;
	pthread_mutex_lock(&device->lock);
	pthread_rwlock_rdlock(&view->gate->policy_lock);
	scene_set(scene, view, device, tree_entry(device->tree, 0), -1);
	scene->facts.is_directory = false;
	scene->facts.size_bytes = -1;
	if (!scene->closed)
		terms_all(&terms, scene);
	pthread_rwlock_unlock(&view->gate->policy_lock);
	pthread_mutex_unlock(&device->lock);
}

#include "fs/gate/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Whoever asks without a view is given one of their own for the question, which is in no list: its facts are gathered under
 * the locks, and what takes long (advice, dates) is worked out of them afterwards, with places of its own.
 */
struct asker {
	struct gate_view *view;
	struct policy *policy; /* what the subject and the places are of; counted */
	struct rules_places *places;
	struct scene scene;
};

#define TRIES 8 /* a policy may be set between two looks at it; this often in a row it is not */

static void asker_free(struct asker *asker)
{
	if (!asker)
		return;
	rules_places_free(asker->places);
	view_free(asker->view);
	if (asker->policy)
		policy_unref(asker->policy);
	free(asker);
}
BL_DEFINE_CLEANUP(struct asker, asker_free)

/* @account  counted for the asker, taken whatever happens */
static enum bl_status asker_new(struct gate *gate, const struct gate_question *question,
				struct person *account, struct asker **out_asker)
{
	BL_CLEANUP(asker_free) struct asker *asker = calloc(1, sizeof(*asker));
	BL_CLEANUP(person_free) struct person *held = account;

	if (!asker)
		return BL_NO_MEMORY;
	asker->view = calloc(1, sizeof(*asker->view));
	if (!asker->view)
		return BL_NO_MEMORY;
	struct gate_view *view = asker->view;

	pthread_mutex_init(&view->lock, NULL);
	pthread_mutex_init(&view->notice_lock, NULL);
	pthread_mutex_init(&view->refused_lock, NULL);
	view->gate = gate;
	view->uid = question->uid;
	view->gid = question->gid;
	view->account = BL_TAKE(held);
	view->has_reason = question->has_reason;
	view->usage = usage_known(gate, question->uid);
	view->purpose = question->purpose ? strdup(question->purpose) : NULL;
	if (question->purpose && !view->purpose)
		return BL_NO_MEMORY;
	*out_asker = BL_TAKE(asker);
	return BL_OK;
}

/* A subject under the policy in force. */
static enum bl_status asker_judge(struct asker *asker, struct bl_error *why)
{
	struct gate *gate = asker->view->gate;
	int64_t now = gate->config.now_unix(gate->config.clock_context);

	if (asker->policy)
		policy_unref(asker->policy);
	asker->policy = gate_policy(gate);
	if (!asker->policy)
		return bl_fail(why, BL_FORBIDDEN, "there is no policy in force (load one)");
	view_prepare(asker->view, asker->policy, now);
	rules_subject_free(asker->view->subject);
	asker->view->subject = BL_TAKE(asker->view->coming);
	asker->view->now_unix = now;
	return asker->view->subject ? BL_OK : bl_fail(why, BL_NO_MEMORY, "out of memory");
}

/* Who asks that question, judged. Blocks on NSS. */
static enum bl_status asker_of(struct gate *gate, const struct gate_question *question,
			       struct asker **out_asker, struct bl_error *why)
{
	struct person *account = NULL;
	BL_CLEANUP(asker_free) struct asker *asker = NULL;
	enum bl_status status = person_lookup(question->uid, question->gid, &account, why);

	if (status == BL_OK)
		status = asker_new(gate, question, account, &asker);
	if (status == BL_OK)
		status = asker_judge(asker, why);
	if (status == BL_OK)
		*out_asker = BL_TAKE(asker);
	return status;
}

/* ---- facts -------------------------------------------------------------------------------------------- */

/* Of a question that is about no device. */
static void facts_without_device(struct asker *asker)
{
	struct gate_view *view = asker->view;
	struct scene *scene = &asker->scene;

	usage_read(view->usage, &scene->used);
	scene->view = view;
	scene->device = NULL;
	scene->facts = (struct rules_facts){
		.place = RULES_PLACE_UNKNOWN,
		.kind = -1,
		.size_bytes = -1,
		.state = -1,
		.is_log_writable = audit_is_writable(view->gate->config.audit),
		.used = &scene->used,
	};
}

/* The facts of the device, if the policy is still the one that the asker was judged by. */
static bool gather_device(struct asker *asker, struct gate_device *device, bool *out_is_closed)
{
	struct gate *gate = asker->view->gate;

	pthread_mutex_lock(&device->lock);
	pthread_rwlock_rdlock(&gate->policy_lock);
	bool is_same = gate->policy == asker->policy;

	if (is_same) {
		scene_device(&asker->scene, asker->view, device);
		*out_is_closed =
			device->is_dropped || !device->facts || device->facts->status != BL_OK;
	}
	pthread_rwlock_unlock(&gate->policy_lock);
	pthread_mutex_unlock(&device->lock);
	return is_same;
}

static enum bl_status facts_of_device(struct asker *asker, struct gate_device *device,
				      bool *out_is_closed, struct bl_error *why)
{
	struct rules_device asked = {.id = device->id, .kind = (int)device->kind};
	enum bl_status status = BL_OK;

	for (unsigned i = 0; !gather_device(asker, device, out_is_closed); i++) {
		status = i < TRIES ? asker_judge(asker, why) : BL_STALE;
		if (status != BL_OK)
			return status;
	}
	rules_places_free(BL_TAKE(asker->places));
	status = rules_places_new(asker->policy, &asked, &asker->places, why);
	if (status != BL_OK)
		return status;
	asker->scene.facts.places = asker->places;
	asker->scene.facts.place = rules_places_root(asker->places);
	return BL_OK;
}

/* ---- one question -------------------------------------------------------------------------------------- */

static bool is_of_what_is_in_it(enum bl_action action)
{
	return action == ACTION_LIST || action == ACTION_STAT || action == ACTION_READ ||
	       action == ACTION_COPY || action == ACTION_UNMASK;
}

static enum bl_status status_of(enum rules_outcome outcome)
{
	switch (outcome) {
	case RULES_PERMIT:
		return BL_OK;
	case RULES_ASK:
		return BL_ASK;
	case RULES_WITHHOLD:
		return BL_WITHHELD;
	case RULES_FORBID:
		break;
	}
	return BL_FORBIDDEN;
}

static enum bl_status answer_question(struct asker *asker, const struct gate_question *question,
				      bool is_closed, char *out_rule, struct bl_error *why)
{
	struct rules_facts *facts = &asker->scene.facts;
	struct rules_decision decision;
	char text[sizeof(why->text)];

	if (is_closed && is_of_what_is_in_it(question->action)) {
		snprintf(out_rule, BL_RULE_ID_SIZE, "%s", RULE_GATE);
		return bl_fail(why, BL_FORBIDDEN, "%s is forbidden by %s: the device is closed",
			       bl_action_name(question->action), RULE_GATE);
	}
	/* Of the device as a whole: of any file that it may hold, and so of none that is known. */
	facts->is_directory = false;
	facts->size_bytes = -1;
	rules_decide(asker->view->subject, facts, question->action, question->class, &decision);
	snprintf(out_rule, BL_RULE_ID_SIZE, "%s", decision.rule ? decision.rule : "");
	enum bl_status status = status_of(decision.outcome);

	if (status == BL_OK)
		return BL_OK;
	rules_say(asker->view->subject, facts, question->action, &decision, text, sizeof(text));
	return bl_fail(why, status, "%s", text);
}

enum bl_status gate_ask(struct gate *gate, const struct gate_question *question, char *out_rule,
			struct bl_error *why)
{
	BL_CLEANUP(asker_free) struct asker *asker = NULL;
	BL_CLEANUP(gate_device_unref) struct gate_device *device = NULL;
	bool is_closed = false;
	enum bl_status status = asker_of(gate, question, &asker, why);

	out_rule[0] = 0;
	if (status != BL_OK)
		return status;
	if (question->device) {
		device = gate_device_settled(gate, question->device);
		if (!device)
			return bl_fail(why, BL_NOT_FOUND, "no device '%s'", question->device);
		status = facts_of_device(asker, device, &is_closed, why);
	} else {
		facts_without_device(asker);
	}
	return status == BL_OK ? answer_question(asker, question, is_closed, out_rule, why)
			       : status;
}

/* ---- everything that somebody may do --------------------------------------------------------------------- */

static const char *outcome_name(enum rules_outcome outcome)
{
	static const char *const NAMES[] = {
		[RULES_PERMIT] = "permit",
		[RULES_FORBID] = "forbid",
		[RULES_ASK] = "ask",
		[RULES_WITHHOLD] = "withhold",
	};

	return NAMES[outcome];
}

/* The classes are part of what is said of unmask. */
static void say_line(const struct asker *asker, enum bl_action action,
		     const struct rules_decision *decision, bl_classes classes, char *out,
		     size_t size)
{
	rules_say(asker->view->subject, &asker->scene.facts, action, decision, out, size);
	if (!classes || decision->outcome == RULES_FORBID)
		return;
	struct answer answer = {out, size, strlen(out)};

	answer_say(&answer, " [");
	answer_classes(&answer, asker->policy, classes);
	answer_say(&answer, "]");
}

/* One action; true: go on. */
static bool tell_action(const struct asker *asker, const char *device, enum bl_action action,
			gate_may_fn *tell, void *context)
{
	const struct rules_subject *subject = asker->view->subject;
	const struct rules_facts *facts = &asker->scene.facts;
	struct rules_decision decision = {.outcome = RULES_FORBID, .by = RULES_BY_DEFAULT};
	bl_classes classes = 0;
	char text[1024], limits[256] = "";
	struct answer answer = {limits, sizeof(limits), 0};

	if (action == ACTION_UNMASK)
		classes = unmask_best(subject, facts, policy_detects(asker->policy), &decision);
	else
		rules_decide(subject, facts, action, 0, &decision);
	if (decision.outcome == RULES_FORBID && decision.by == RULES_BY_DEFAULT)
		return true;
	say_line(asker, action, &decision, classes, text, sizeof(text));
	answer_limits(&answer, subject, facts, action);
	struct gate_may_line line = {
		.device = device,
		.action = action,
		.outcome = outcome_name(decision.outcome),
		.rule = decision.rule,
		.text = text,
		.until_unix = INT64_MAX,
		.limits = limits,
	};
	unsigned class = classes ? (unsigned)__builtin_ctzll(classes) : 0;

	if (decision.outcome == RULES_PERMIT)
		line.until_unix = rules_permit_until(subject, facts, action, class);
	return tell(context, &line);
}

/* Of no device, whichever it is: whoever may, may beside all of them. */
static bool is_beside_devices(enum bl_action action)
{
	return action == ACTION_INTAKE || action == ACTION_REVIEW || action == ACTION_ADMINISTER;
}

/* Nothing is told of what the person may not list; a limit that is used up is told. */
static bool may_list(const struct asker *asker)
{
	const struct rules_subject *subject = asker->view->subject;
	struct rules_decision decision;

	rules_decide(subject, &asker->scene.facts, ACTION_LIST, 0, &decision);
	return decision.outcome == RULES_PERMIT || decision.by == RULES_BY_LIMIT ||
	       rules_may_walk(subject, &asker->scene.facts);
}

static void tell_actions(const struct asker *asker, const char *device, gate_may_fn *tell,
			 void *context, bool *out_goes_on)
{
	for (unsigned i = 0; i < ACTION_COUNT && *out_goes_on; i++) {
		enum bl_action action = (enum bl_action)i;

		if (is_beside_devices(action) == !device)
			*out_goes_on = tell_action(asker, device, action, tell, context);
	}
}

static enum bl_status may_with_device(struct asker *asker, struct gate_device *device,
				      gate_may_fn *tell, void *context, bool *out_goes_on,
				      struct bl_error *why)
{
	bool is_closed;
	enum bl_status status = facts_of_device(asker, device, &is_closed, why);

	if (status != BL_OK || is_closed || !may_list(asker))
		return status;
	tell_actions(asker, device->id, tell, context, out_goes_on);
	return BL_OK;
}

static enum bl_status may_all(struct asker *asker, gate_may_fn *tell, void *context,
			      struct bl_error *why)
{
	enum bl_status status = BL_OK;
	bool goes_on = true;
	uint32_t slot = 0;

	while (status == BL_OK && goes_on) {
		BL_CLEANUP(gate_device_unref)
		struct gate_device *device = gate_device_after(asker->view->gate, slot);

		if (!device)
			break;
		slot = device->slot;
		if (view_shows(asker->view, device))
			status = may_with_device(asker, device, tell, context, &goes_on, why);
	}
	/* A session is of its device and of nothing else. */
	if (status != BL_OK || asker->view->is_session)
		return status;
	facts_without_device(asker);
	tell_actions(asker, NULL, tell, context, &goes_on);
	return BL_OK;
}

bool gate_knows(struct gate *gate, const struct gate_question *question)
{
	BL_CLEANUP(asker_free) struct asker *asker = NULL;
	BL_CLEANUP(gate_device_unref)
	struct gate_device *device = gate_device_settled(gate, question->device);
	bool is_closed = true;

	return device && asker_of(gate, question, &asker, NULL) == BL_OK &&
	       facts_of_device(asker, device, &is_closed, NULL) == BL_OK && !is_closed &&
	       may_list(asker);
}

enum bl_status gate_may(struct gate *gate, uid_t uid, gid_t gid, const char *purpose,
			bool has_reason, gate_may_fn *tell, void *context, struct bl_error *why)
{
	const struct gate_question question = {
		.uid = uid, .gid = gid, .purpose = purpose, .has_reason = has_reason};
	BL_CLEANUP(asker_free) struct asker *asker = NULL;
	enum bl_status status = asker_of(gate, &question, &asker, why);

	return status == BL_OK ? may_all(asker, tell, context, why) : status;
}

/* ---- the notice in the root of a view ------------------------------------------------------------------------ */

#define NOTICE_ROOM  1024u /* kept for what stands below the list */
#define NOTICE_BLOCK 8192u /* lines of one device */
#define NOTICE_NAMES 2048u /* devices of which the same is said */

struct notice {
	struct answer answer;
	const struct asker *asker;
	char device[BL_DEVICE_ID_SIZE]; /* of the lines that come now */
	char names[NOTICE_NAMES];	/* the devices that the block before is of; "" : none yet */
	char block[NOTICE_BLOCK], before[NOTICE_BLOCK];
	bool has_any, is_full;
};

/* Out with the devices of which the same is said. */
static void notice_flush(struct notice *notice)
{
	struct answer *answer = &notice->answer;
	size_t needed = strlen(notice->names) + strlen(notice->before) + NOTICE_ROOM;

	notice->is_full |= answer->size - answer->used < needed;
	if (notice->names[0] && !notice->is_full)
		answer_say(answer, "%s:\n%s", notice->names, notice->before);
	notice->names[0] = 0;
}

/* All lines of a device are there: does the same hold as of the ones before? */
static void notice_device_done(struct notice *notice)
{
	size_t length = strlen(notice->names);

	if (!notice->device[0])
		return;
	bool is_same = length && strcmp(notice->block, notice->before) == 0 &&
		       length + BL_DEVICE_ID_SIZE + 2 < sizeof(notice->names);

	if (!is_same)
		notice_flush(notice);
	length = strlen(notice->names);
	snprintf(notice->names + length, sizeof(notice->names) - length, "%s%s", length ? ", " : "",
		 notice->device);
	memcpy(notice->before, notice->block, sizeof(notice->before));
	notice->device[0] = 0;
}

static bool notice_line(void *context, const struct gate_may_line *line)
{
	struct notice *notice = context;
	const char *device = line->device ? line->device : "beside devices";

	if (strcmp(notice->device, device) != 0) {
		notice_device_done(notice);
		snprintf(notice->device, sizeof(notice->device), "%s", device);
		notice->block[0] = 0;
	}
	notice->has_any = true;
	struct answer block = {notice->block, sizeof(notice->block), strlen(notice->block)};
	char when[20];

	answer_say(&block, "  - %s", line->text);
	if (line->until_unix != INT64_MAX) {
		rules_local_time(notice->asker->policy, line->until_unix, when);
		answer_say(&block, " (until %s)", when);
	}
	answer_say(&block, "\n");
	return !notice->is_full;
}

/* In a session nobody can ask why: so what was refused in it is told here, before anything else. */
static void say_refused(struct answer *answer, struct gate_view *view)
{
	pthread_mutex_lock(&view->refused_lock);
	if (view->refused)
		answer_say(answer, "What was refused here, the last one first\n\n");
	for (unsigned i = 0; i < REFUSED_WORDS && view->refused_why[i][0]; i++)
		answer_say(answer, "  - %s\n", view->refused_why[i]);
	if (view->refused)
		answer_say(answer, "\n");
	pthread_mutex_unlock(&view->refused_lock);
}

static void say_head(struct answer *answer, struct gate_view *view, const struct policy *policy)
{
	bool is_named = view->purpose && policy_names_purpose(policy, view->purpose);

	answer_say(answer,
		   "This %s is yours alone%s%s%s. Whatever you look at is on record.\n"
		   "Personal data is covered unless the policy lets you see it.\n\n",
		   view->is_session ? "session" : "view", is_named ? ", for the purpose '" : "",
		   is_named ? view->purpose : "", is_named ? "'" : "");
	say_refused(answer, view);
	answer_say(answer, "What you may do here now\n\n");
}

static void say_tail(struct answer *answer, const struct notice *notice, bool is_session)
{
	if (notice->is_full)
		answer_say(answer, "and more: bailee may\n");
	else if (!notice->has_any)
		answer_say(answer, "Nothing at the moment.\n");
	answer_say(answer,
		   "\nTo know more, or to ask for more%s\n\n"
		   "  bailee may         all of this, with what is used up\n"
		   "%s"
		   "  bailee request read|copy|unmask DEVICE [PATH] --reason TEXT\n"
		   "                     ask others to approve it\n",
		   is_session ? ", outside this session" : "",
		   is_session
			   ? ""
			   : "  bailee why PATH    why something is refused, and the next step\n");
}

static enum bl_status write_notice(struct gate_view *view, char *text, size_t size)
{
	struct gate *gate = view->gate;
	BL_CLEANUP(asker_free) struct asker *asker = NULL;

	pthread_rwlock_rdlock(&gate->policy_lock);
	struct person *account = person_ref(view->account);

	pthread_rwlock_unlock(&gate->policy_lock);
	const struct gate_question question = {.uid = view->uid,
					       .gid = view->gid,
					       .purpose = view->purpose,
					       .has_reason = view->has_reason};
	enum bl_status status = asker_new(gate, &question, account, &asker);

	if (status == BL_OK)
		status = asker_judge(asker, NULL);
	if (status != BL_OK)
		return status;
	asker->view->is_session = view->is_session;
	memcpy(asker->view->session_device, view->session_device, sizeof(view->session_device));
	if (!view_limit(asker->view, view->devices, view->device_count))
		return BL_NO_MEMORY;
	BL_CLEANUP(bl_free) struct notice *notice = calloc(1, sizeof(*notice));

	if (!notice)
		return BL_NO_MEMORY;
	notice->answer = (struct answer){text, size, 0};
	notice->asker = asker;
	say_head(&notice->answer, view, asker->policy);
	status = may_all(asker, notice_line, notice, NULL);
	notice_device_done(notice);
	notice_flush(notice);
	say_tail(&notice->answer, notice, view->is_session);
	return status;
}

/* notice_lock is held. */
static enum bl_status renew_notice(struct gate_view *view)
{
	uint64_t epoch = gate_view_epoch(view), refused = gate_view_refused(view, NULL, 0);

	if (view->notice && view->notice_epoch == epoch && view->notice_refused == refused)
		return BL_OK;
	BL_CLEANUP(bl_free) char *text = malloc(ROOT_NOTICE_SIZE);
	enum bl_status status = text ? write_notice(view, text, ROOT_NOTICE_SIZE) : BL_NO_MEMORY;

	if (status != BL_OK)
		return status;
	free(view->notice);
	view->notice = strdup(text);
	view->notice_epoch = epoch;
	view->notice_refused = refused;
	return view->notice ? BL_OK : BL_NO_MEMORY;
}

enum bl_status root_notice(struct gate_view *view, uint64_t offset, uint8_t *out, size_t size,
			   size_t *out_length, size_t *out_total)
{
	pthread_mutex_lock(&view->notice_lock);
	enum bl_status status = renew_notice(view);

	if (status == BL_OK) {
		size_t total = strlen(view->notice);
		size_t from = (size_t)BL_MIN(offset, total);

		*out_total = total;
		*out_length = BL_MIN(size, total - from);
		if (*out_length)
			memcpy(out, view->notice + from, *out_length);
	}
	pthread_mutex_unlock(&view->notice_lock);
	return status;
}

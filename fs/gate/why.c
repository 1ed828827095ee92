#include "fs/gate/private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- words -------------------------------------------------------------------------------------------- */

void answer_say(struct answer *answer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int length =
		vsnprintf(answer->text + answer->used, answer->size - answer->used, format, args);
	va_end(args);
	if (length > 0)
		answer->used += BL_MIN((size_t)length, answer->size - answer->used - 1);
}

void answer_classes(struct answer *answer, const struct policy *policy, bl_classes classes)
{
	for (bl_classes left = classes; left; left &= left - 1)
		answer_say(answer, "%s%s", left == classes ? "" : ",",
			   policy_class_name(policy, (unsigned)__builtin_ctzll(left)));
}

struct limits {
	struct answer *answer;
	bool has_one;
};

static bool say_limit(void *context, const struct rules_limit *limit)
{
	static const char *const PERIODS[PERIOD_COUNT] = {
		[PERIOD_HOUR] = "this hour", [PERIOD_DAY] = "today"};
	struct limits *limits = context;

	answer_say(limits->answer, "%s%llu of %llu %s %s", limits->has_one ? "; " : "",
		   (unsigned long long)limit->used, (unsigned long long)limit->most,
		   bl_unit_name(limit->unit), PERIODS[limit->period]);
	limits->has_one = true;
	return true;
}

void answer_limits(struct answer *answer, const struct rules_subject *subject,
		   const struct rules_facts *facts, enum bl_action action)
{
	struct limits limits = {answer, false};

	rules_each_limit(subject, facts, action, say_limit, &limits);
}

bl_classes unmask_best(const struct rules_subject *subject, const struct rules_facts *facts,
		       bl_classes asked, struct rules_decision *out_decision)
{
	static const uint8_t ORDER[] = {
		[RULES_FORBID] = 1, [RULES_WITHHOLD] = 2, [RULES_ASK] = 3, [RULES_PERMIT] = 4};
	bl_classes classes = 0;
	unsigned best = 0;

	for (bl_classes left = asked; left; left &= left - 1) {
		unsigned class = (unsigned)__builtin_ctzll(left);
		struct rules_decision decision;

		rules_decide(subject, facts, ACTION_UNMASK, class, &decision);
		/* The floor is nobody's to lower: it says nothing of what this person may do. */
		if (decision.by == RULES_BY_BASELINE)
			continue;
		if (ORDER[decision.outcome] > best) {
			best = ORDER[decision.outcome];
			classes = 0;
			*out_decision = decision;
		}
		if (ORDER[decision.outcome] == best)
			classes |= CLASS_BIT(class);
	}
	return classes;
}

/* ---- why ------------------------------------------------------------------------------------------------ */

static void say_until(struct answer *answer, const struct scene *scene, int64_t until)
{
	char when[20];

	if (until == INT64_MAX)
		return;
	rules_local_time(scene->view->gate->policy, until, when);
	answer_say(answer, " (until %s)", when);
}

/* What goes with a permit of contents: until when, and what is left. */
static void say_bounds(struct answer *answer, const struct scene *scene, enum bl_action action,
		       unsigned class, const struct rules_decision *decision)
{
	const struct rules_subject *subject = scene->view->subject;
	char text[256] = "";
	struct answer limits = {text, sizeof(text), 0};

	if (decision->outcome == RULES_PERMIT)
		say_until(answer, scene, rules_permit_until(subject, &scene->facts, action, class));
	answer_limits(&limits, subject, &scene->facts, action);
	if (text[0])
		answer_say(answer, " (used: %s)", text);
}

#define ANY_PATH " [PATH]" /* what rules_say leaves to whoever knows the path */

/* One name as the person sees it, as a shell takes it between single quotes. False: it cannot be told on a line. */
static bool quote_name(const struct scene *scene, struct entry *entry, struct answer *out)
{
	struct scene here;
	char name[MASK_NAME_SIZE];

	scene_set(&here, scene->view, scene->device, entry, -1);
	scene_name(&here, name);
	for (const char *at = name; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return false;
		answer_say(out, *at == '\'' ? "'\\''" : "%c", *at);
	}
	return true;
}

/* " '/p1/Users/kim/a.txt'": the path below the device; "" for the device itself. False: leave it to the person. */
static bool quote_path(const struct scene *scene, char *out, size_t size)
{
	struct answer answer = {out, size, 0};
	uint32_t way[GATE_DEPTH + 1];
	size_t depth = 0;

	out[0] = 0;
	for (uint32_t id = scene->entry->id; id != 0;
	     id = tree_entry(scene->device->tree, id)->parent) {
		if (depth == BL_COUNT(way))
			return false;
		way[depth++] = id;
	}
	if (depth == 0)
		return true;
	answer_say(&answer, " '");
	while (depth > 0) {
		answer_say(&answer, "/");
		if (!quote_name(scene, tree_entry(scene->device->tree, way[--depth]), &answer))
			return false;
	}
	answer_say(&answer, "'");
	return answer.used + 1 < size;
}

/* The next step is a command to be pasted: here the path is known. */
static void say_decision(struct answer *answer, const struct scene *scene, enum bl_action action,
			 const struct rules_decision *decision)
{
	char line[1024], path[2048];

	rules_say(scene->view->subject, &scene->facts, action, decision, line, sizeof(line));
	char *any = strstr(line, ANY_PATH);

	if (!any || !scene->entry || !quote_path(scene, path, sizeof(path))) {
		answer_say(answer, "%s", line);
		return;
	}
	answer_say(answer, "%.*s%s%s", (int)(any - line), line, path, any + strlen(ANY_PATH));
}

/* What is in the file would decide, and nobody will ever know all of it. */
static bool is_never_known(const struct scene *scene, enum bl_action action,
			   const struct gate_file *file, const struct rules_decision *decision)
{
	struct rules_facts facts = scene->facts;
	struct rules_decision if_clean;

	if (!atomic_load(&file->is_hopeless) || facts.is_whole_known ||
	    decision->outcome == RULES_PERMIT ||
	    !policy_needs_whole_files(scene->view->gate->policy))
		return false;
	facts.is_whole_known = true;
	rules_decide(scene->view->subject, &facts, action, 0, &if_clean);
	return if_clean.outcome != decision->outcome;
}

/* The rule's own words, and another next step: to wait would be in vain. */
static void say_never_known(struct answer *answer, const struct scene *scene, enum bl_action action,
			    const struct rules_decision *decision)
{
	char line[1024];

	rules_say(scene->view->subject, &scene->facts, action, decision, line, sizeof(line));
	const char *next = strstr(line, " Next: ");

	answer_say(
		answer,
		"%.*s Not all of this file can be looked through. Next: ask for a safe copy of it "
		"when renditions are there\n",
		(int)(next ? next - line : (ptrdiff_t)strlen(line)), line);
}

/* Whether it may be done, by which rule, and what next. @file: of contents; NULL: of anything else */
static void say_action(struct answer *answer, const struct scene *scene, enum bl_action action,
		       const struct gate_file *file)
{
	struct rules_decision decision;

	scene_decide(scene, action, &decision);
	if (scene->closed) {
		answer_say(answer, "%s is forbidden by %s\n", bl_action_name(action),
			   scene->closed);
		return;
	}
	if (file && atomic_load(&scene->view->gate->is_unanchored)) {
		answer_say(
			answer,
			"%s is forbidden by " RULE_ANCHOR
			": the log has not been anchored for longer than the policy allows, and so "
			"contents are closed to everybody. Next: whoever runs the service mends "
			"its "
			"anchors (bailee status shows them)\n",
			bl_action_name(action));
		return;
	}
	if (file && decision.outcome == RULES_PERMIT && !file->profile.is_text) {
		answer_say(answer,
			   "%s is withheld by " RULE_UNSCANNED
			   ": this is %s, and nothing can look into it yet. "
			   "Next: ask for a safe copy of it when renditions are there\n",
			   bl_action_name(action),
			   file->profile.reason ? file->profile.reason : "not text");
		return;
	}
	if (file && is_never_known(scene, action, file, &decision)) {
		say_never_known(answer, scene, action, &decision);
		return;
	}
	if (file && decision.outcome == RULES_PERMIT && atomic_load(&scene->device->is_pending)) {
		answer_say(answer,
			   "%s is withheld by " RULE_UNSCANNED
			   ": who is known on this device is found out before anything in it is "
			   "shown; it is being looked through, %u %%. Next: open it again in a "
			   "while\n",
			   bl_action_name(action), harvest_percent(scene->device));
		return;
	}
	if (file && contents_would_matter(scene, file, &decision)) {
		answer_say(answer,
			   "%s is withheld by " RULE_UNSCANNED
			   ": it depends on what is in the file, which is being looked through, "
			   "%u %%. Next: open it again, and that goes on\n",
			   bl_action_name(action), file_looked_percent(file));
		return;
	}
	say_decision(answer, scene, action, &decision);
	if (file)
		say_bounds(answer, scene, action, 0, &decision);
	answer_say(answer, "\n");
}

/* The last one comes first, and each only once. refused_lock is held. */
static void keep_refused(struct gate_view *view, const char *text)
{
	unsigned at = 0;

	while (at + 1 < REFUSED_WORDS && strcmp(view->refused_why[at], text) != 0)
		at++;
	memmove(view->refused_why[1], view->refused_why[0], at * sizeof(view->refused_why[0]));
	snprintf(view->refused_why[0], sizeof(view->refused_why[0]), "%s", text);
}

void view_note_refused(struct gate_view *view, const struct scene *scene,
		       const struct gate_file *file)
{
	char text[REFUSED_TEXT] = "";
	struct answer answer = {text, sizeof(text), 0};

	if (!view->is_session)
		return;
	/* Its name stays out: the person's terminal keeps these words when the session has ended. */
	struct scene nameless = *scene;

	nameless.entry = NULL;
	say_action(&answer, &nameless, view_contents(view), file);
	text[strcspn(text, "\n")] = 0;
	pthread_mutex_lock(&view->refused_lock);
	view->refused++;
	keep_refused(view, text);
	pthread_mutex_unlock(&view->refused_lock);
}

uint64_t gate_view_refused(struct gate_view *view, char *out, size_t size)
{
	pthread_mutex_lock(&view->refused_lock);
	uint64_t refused = view->refused;

	if (out)
		snprintf(out, size, "%s", view->refused_why[0]);
	pthread_mutex_unlock(&view->refused_lock);
	return refused;
}

/* Which classes may be shown as they are, and whether this mount is a place for that. */
static void say_unmask(struct answer *answer, const struct scene *scene)
{
	const struct policy *policy = scene->view->gate->policy;
	struct rules_decision decision;
	struct mask mask;

	if (scene->closed)
		return;
	bl_classes classes =
		unmask_best(scene->view->subject, &scene->facts, policy_detects(policy), &decision);

	if (!classes)
		return;
	say_decision(answer, scene, ACTION_UNMASK, &decision);
	say_bounds(answer, scene, ACTION_UNMASK, (unsigned)__builtin_ctzll(classes), &decision);
	if (decision.outcome == RULES_FORBID) {
		answer_say(answer, "\n");
		return;
	}
	answer_say(answer, " [");
	answer_classes(answer, policy, classes);
	answer_say(answer, "]\n");
	classes = scene_mask_contents(scene, &mask);
	memset(&mask, 0, sizeof(mask));
	bool is_session = scene->view->is_session;

	answer_say(answer, is_session ? "unmasked in this session: " : "unmasked on this mount: ");
	answer_classes(answer, policy, classes);
	if (!classes)
		answer_say(answer, is_session ? "nothing"
					      : "nothing (an open mount shows originals only where "
						"others have approved the copy)");
	answer_say(answer, "\n");
}

static void say_file(struct answer *answer, struct asked *asked, struct scene *scene,
		     struct gate_file *file)
{
	scene_set(scene, asked->view, asked->device, tree_entry(asked->device->tree, asked->entry),
		  file ? (int)file->profile.kind : -1);
	if (file && !scene->closed)
		scene_look(scene, file);
	if (scene->entry->kind == ENTRY_NOTICE)
		answer_say(answer,
			   "this is a notice of Bailee's own, open to everybody who sees it\n");
	say_action(answer, scene, ACTION_LIST, NULL);
	say_action(answer, scene, ACTION_STAT, NULL);
	if (scene->entry->attr.type != IMAGE_FILE || scene->entry->kind != ENTRY_IMAGE)
		return;
	say_action(answer, scene, ACTION_READ, file);
	/* Out of a session nothing is copied: there is nothing to be said of that. */
	if (!scene->view->is_session)
		say_action(answer, scene, ACTION_COPY, file);
	say_unmask(answer, scene);
}

static int why_of(struct asked *asked, uint64_t node, struct answer *answer)
{
	struct scene scene;
	BL_CLEANUP(file_unref) struct gate_file *file = NULL;
	int error = asked_node(asked, node);

	if (error)
		return error;
	asked_lock(asked);
	error = asked_visible(asked, asked->entry, &scene);
	bool is_file =
		!error && scene.entry->attr.type == IMAGE_FILE && scene.entry->kind == ENTRY_IMAGE;
	enum bl_status status = BL_OK;

	asked_unlock(asked);
	/* Which kind of file it is decides too. When that cannot be told it stays unknown. */
	if (is_file)
		status = device_file(asked->device, asked->entry, &file);
	if (status == BL_NO_MEMORY)
		error = asked_failed(asked, status);
	if (status != BL_OK)
		file = NULL;
	if (error)
		return error;
	asked_lock(asked);
	error = asked_visible(asked, asked->entry, &scene);
	if (!error)
		say_file(answer, asked, &scene, file);
	asked_unlock(asked);
	return error;
}

/* Of the view as a whole: what its notice says. */
static int why_of_root(struct asked *asked, struct answer *answer)
{
	size_t total;
	enum bl_status status = root_notice(asked->view, 0, (uint8_t *)answer->text,
					    answer->size - 1, &answer->used, &total);

	return status == BL_OK ? 0 : asked_failed(asked, status);
}

static int answer_why(struct asked *asked, uint64_t node, struct answer *answer)
{
	if (answer->size < 2)
		return ERANGE;
	if (node == GATE_ROOT)
		return why_of_root(asked, answer);
	if (node != ROOT_NOTICE_NODE)
		return why_of(asked, node, answer);
	answer_say(answer, "this is a notice of Bailee's own, open to everybody who sees it\n");
	return 0;
}

void gate_why(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
	      uint8_t *buffer, size_t size, struct gate_reply *reply)
{
	struct answer answer = {(char *)buffer, size, 0};
	struct asked asked;

	if (!asked_begin(&asked, view, caller, AUDIT_WHY, reply))
		return;
	int error = answer_why(&asked, node, &answer);

	if (!error) {
		reply->bytes = buffer;
		reply->length = answer.used;
	}
	asked_finish(&asked, error);
}

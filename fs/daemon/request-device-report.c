/* What is told of one device to its customer, and what an auditor gets of it: facts; the words are the client's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/visits.h"
#include "fs/device/statement.h"

#define PARTS_TOLD 256

/* ---- what holds for the device: promises of the policy, for the customer ------------------------------------- */

struct promising {
	struct asked *asked;
	const struct policy *policy;
};

static json_t *texts_json(const char *const *items, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(items[i]));
	return list;
}

static json_t *classes_json(const struct policy *policy, bl_classes classes)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CLASS_LIMIT; i++)
		if (classes >> i & 1)
			json_array_append_new(list, json_string(policy_class_name(policy, i)));
	return list;
}

static void send_promise(void *context, const struct rules_promise *promise)
{
	static const char *const WHAT[RULES_PROMISED_COUNT] = {
		[RULES_LOOKED_AT] = "look",
		[RULES_UNMASKED] = "unmask",
		[RULES_RECEIVED] = "receive",
	};
	const struct promising *promising = context;
	json_t *item = json_object();

	answer_text(item, "what", WHAT[promise->what]);
	answer_text(item, "rule", promise->rule);
	json_object_set_new(item, "everyone", json_boolean(promise->is_for_everyone));
	json_object_set_new(item, "roles", texts_json(promise->roles, promise->role_count));
	json_object_set_new(item, "purposes",
			    texts_json(promise->purposes, promise->purpose_count));
	json_object_set_new(item, "consent", json_boolean(promise->needs_consent));
	json_object_set_new(item, "reason", json_boolean(promise->needs_reason));
	answer_number(item, "approvals", promise->approvals);
	json_object_set_new(item, "classes", classes_json(promising->policy, promise->classes));
	answer_text(item, "why", promise->why);
	asked_send(promising->asked, "promise", item);
}

static void send_promises(struct asked *asked, const struct policy *policy,
			  const struct device *device)
{
	struct promising promising = {asked, policy};
	const struct rules_device facts = {.id = device->id, .kind = (int)device->kind};

	rules_each_promise(policy, &facts, send_promise, &promising);
}

static void add_text_or_null(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text ? json_string(text) : json_null());
}

static void add_policy(json_t *answer, const struct policy *policy)
{
	const struct rules_report *report = policy_report(policy);

	answer_text(answer, "policy", policy_name(policy));
	answer_number(answer, "policy_serial", (int64_t)policy_serial(policy));
	add_text_or_null(answer, "contact", report->contact);
	add_text_or_null(answer, "complain", report->complain);
	json_object_set_new(answer, "names", json_boolean(report->has_names));
	json_object_set_new(answer, "hidden", classes_json(policy, rules_hidden(policy)));
}

/* ---- certificates ---------------------------------------------------------------------------------------------- */

/* Of what the store signed: how it ended, when, how much. Null: there is none. */
static json_t *certificate_json(struct device_store *store, const char *id, const char *suffix)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t length = 0;

	if (device_certificate_read(store, id, suffix, &text, &length, NULL) != BL_OK)
		return json_null();
	BL_CLEANUP(json_decref)
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *item = json_object();

	answer_text(item, "status", statement_text(json, NULL, "status"));
	answer_text(item, "done", statement_text(json, "when", "done"));
	answer_text(item, "operator", statement_text(json, "who", "operator"));
	answer_text(item, "category", statement_text(json, "how", "category"));
	answer_text(item, "technique", statement_text(json, "how", "technique"));
	answer_text(item, "standard", statement_text(json, "how", "standard"));
	answer_number(item, "files", statement_number(json, "what", "files"));
	answer_number(item, "intent", statement_number(json, "log", "intent_sequence"));
	answer_number(item, "exceptions",
		      (int64_t)json_array_size(json_object_get(json, "exceptions")));
	return item;
}

static void add_certificates(struct asked *asked, const struct device *device)
{
	struct device_store *store = asked->daemon->store;
	json_t *parts = json_array();

	for (unsigned i = 1; i <= PARTS_TOLD; i++) {
		char suffix[40];
		json_t *part;

		snprintf(suffix, sizeof(suffix), "~part-%u.json", i);
		part = certificate_json(store, device->id, suffix);
		if (json_is_null(part))
			break;
		answer_number(part, "number", i);
		json_array_append_new(parts, part);
	}
	json_object_set_new(asked->answer, "destroyed",
			    certificate_json(store, device->id, ".json"));
	json_object_set_new(asked->answer, "source_destroyed",
			    certificate_json(store, device->id, "~source.json"));
	json_object_set_new(asked->answer, "parts", parts);
	json_object_set_new(
		asked->answer, "public_key",
		hex_json(vault_public_key(device_store_vault(store)), VAULT_PUBLIC_KEY));
	json_object_set_new(
		asked->answer, "digest",
		hex_json(device->end.certificate, device->end.at_unix ? DEVICE_DIGEST : 0));
}

/* ---- what was held --------------------------------------------------------------------------------------------- */

static void add_found(struct asked *asked, const struct policy *policy, const char *id)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	BL_CLEANUP(json_decref) json_t *found = NULL;

	if (device_found_read(asked->daemon->store, id, &text, NULL) == BL_OK)
		found = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(found)) {
		json_object_set_new(asked->answer, "found", json_null());
		return;
	}
	answer_moment(found, "at", policy, json_integer_value(json_object_get(found, "at")));
	json_object_set(asked->answer, "found", found);
}

/* Reasons and who did it stay with us; what happened and when is told. */
static void add_matters_told(json_t *answer)
{
	static const struct {
		const char *list, *keys[8];
	} KEPT[] = {
		{"holds", {"number", "since", "since_unix", "incident"}},
		{"incidents",
		 {"number", "kind", "state", "opened", "opened_unix", "closed", "closed_unix",
		  "action"}},
		{"requests",
		 {"number", "kind", "state", "since", "since_unix", "ended", "ended_unix"}},
		{"consents", {"purpose", "state", "since", "since_unix"}},
	};

	for (size_t i = 0; i < BL_COUNT(KEPT); i++) {
		json_t *fresh = json_array(), *item;
		size_t index;

		json_array_foreach(json_object_get(answer, KEPT[i].list), index, item)
		{
			json_t *kept = json_object();

			for (size_t key = 0; key < 8 && KEPT[i].keys[key]; key++)
				json_object_set(kept, KEPT[i].keys[key],
						json_object_get(item, KEPT[i].keys[key]));
			json_array_append_new(fresh, kept);
		}
		json_object_set_new(answer, KEPT[i].list, fresh);
	}
}

/* Where it lies, notes and pictures are our own business. */
static void leave_out(json_t *answer)
{
	static const char *const INTERNAL[] = {
		"location",  "origin",	   "revision", "scan",	      "pictures",
		"retention", "warning",	   "notice",   "notice_unix", "unsure",
		"grace",     "grace_unix", "capacity", "complete",    "has_customer"};

	for (size_t i = 0; i < BL_COUNT(INTERNAL); i++)
		json_object_del(answer, INTERNAL[i]);
	json_object_del(json_object_get(answer, "end"), "by");
	json_object_del(json_object_get(answer, "verified"), "by");
	json_object_del(json_object_get(answer, "inspected"), "by");
	json_object_del(json_object_get(answer, "destroyed"), "operator");
	json_object_del(json_object_get(answer, "source_destroyed"), "operator");
	json_t *parts = json_object_get(answer, "parts"), *part;
	size_t index;

	json_array_foreach(parts, index, part) json_object_del(part, "operator");
}

/* ---- who looked, for the customer ------------------------------------------------------------------------------- */

struct person_told {
	uint32_t uid;
	char *person, *roles;
};

struct people {
	struct asked *asked;
	struct person_told *items;
	size_t count;
};

static void people_done(struct people *people)
{
	for (size_t i = 0; i < people->count; i++) {
		free(people->items[i].person);
		free(people->items[i].roles);
	}
	free(people->items);
}

/* Of who holds no role any more: what they held. */
static const struct person_told *person_of(struct people *people, uint32_t uid)
{
	struct daemon *daemon = people->asked->daemon;
	const struct peer peer = {.uid = uid, .gid = uid};

	for (size_t i = 0; i < people->count; i++)
		if (people->items[i].uid == uid)
			return &people->items[i];
	void *grown = reallocarray(people->items, people->count + 1, sizeof(*people->items));

	if (!grown)
		return NULL;
	people->items = grown;
	struct person_told *person = &people->items[people->count++];

	*person = (struct person_told){.uid = uid};
	if (caller_told(daemon, uid, &person->person, &person->roles) == BL_OK && !*person->roles) {
		free(person->roles);
		person->roles = lapsed_roles(daemon, &peer);
	}
	return person;
}

/* One line of what the customer reads: a day, who by role or name, what for. */
struct look {
	uint32_t visit; /* index */
	int64_t day_unix;
	const char *label, *roles, *purpose;
	bool is_sealed;
	uint32_t uid;
};

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_lines(const struct look *a, const struct look *b)
{
	int order = (a->day_unix > b->day_unix) - (a->day_unix < b->day_unix);

	if (!order)
		order = compare_texts(a->label, b->label);
	if (!order)
		order = compare_texts(a->purpose, b->purpose);
	return order ? order : a->is_sealed - b->is_sealed;
}

static int compare_looks(const void *first, const void *second)
{
	const struct look *a = first, *b = second;
	int order = compare_lines(a, b);

	return order ? order : (a->uid > b->uid) - (a->uid < b->uid);
}

/* What shows nothing that is on it (that the device is there) is no look, and worries nobody. */
static bool is_told(const struct visit *visit)
{
	return visit->names || visit->reads || visit->shown || visit->denied || visit->unmasked;
}

static size_t fill_looks(const struct visits *visits, struct people *people, bool has_names,
			 struct look *looks)
{
	size_t count = 0;

	for (size_t i = 0; i < visits->count; i++) {
		const struct visit *visit = &visits->items[i];
		const struct view_told *view = visits_view(visits, visit);
		const struct person_told *person = person_of(people, visit->uid);

		if (!is_told(visit) || !person)
			continue;
		looks[count++] = (struct look){
			.visit = (uint32_t)i,
			.day_unix = visit->day_unix,
			.label = has_names ? person->person : person->roles,
			.roles = person->roles,
			.purpose = view ? view->purpose : "unknown",
			.is_sealed = view && view->is_sealed,
			.uid = visit->uid,
		};
	}
	qsort(looks, count, sizeof(*looks), compare_looks);
	return count;
}

static void send_look(struct asked *asked, const struct visits *visits, const struct look *looks,
		      size_t count, uint64_t files, bool has_names)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	struct visit all = visits->items[looks[0].visit];
	struct visit classes = {.classes = ""};
	json_t *item = json_object();
	int64_t people = 1;

	for (size_t i = 0; i < count; i++) {
		const struct visit *visit = &visits->items[looks[i].visit];

		people += i > 0 && looks[i].uid != looks[i - 1].uid;
		visits_add_classes(&classes, visit->classes);
		if (i == 0)
			continue;
		all.first_unix = BL_MIN(all.first_unix, visit->first_unix);
		all.last_unix = BL_MAX(all.last_unix, visit->last_unix);
		all.names += visit->names;
		all.unmasked += visit->unmasked;
		all.denied += visit->denied;
	}
	answer_moment(item, "day", policy, looks[0].day_unix);
	answer_moment(item, "first", policy, all.first_unix);
	answer_moment(item, "last", policy, all.last_unix);
	add_text_or_null(item, "roles", looks[0].roles);
	if (has_names)
		add_text_or_null(item, "person", looks[0].label);
	answer_text(item, "purpose", looks[0].purpose);
	json_object_set_new(item, "sealed", json_boolean(looks[0].is_sealed));
	answer_number(item, "people", people);
	answer_number(item, "files", (int64_t)files);
	json_object_set_new(item, "listed", json_boolean(all.names > 0));
	answer_number(item, "unmasked", (int64_t)all.unmasked);
	answer_text(item, "classes", classes.classes);
	answer_number(item, "denied", (int64_t)all.denied);
	asked_send(asked, "look", item);
}

static enum bl_status send_looks(struct asked *asked, const struct visits *visits, bool has_names,
				 struct bl_error *why)
{
	__attribute__((cleanup(people_done))) struct people people = {.asked = asked};
	BL_CLEANUP(bl_free) struct look *looks = calloc(visits->count + 1, sizeof(*looks));
	BL_CLEANUP(bl_free) uint32_t *group_of = calloc(visits->count + 1, sizeof(*group_of));
	BL_CLEANUP(bl_free) uint64_t *files = calloc(visits->count + 2, sizeof(*files));

	if (!looks || !group_of || !files)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	size_t count = fill_looks(visits, &people, has_names, looks);
	uint32_t group = 0;

	/* Files of visits that are not told are of group 0: those of nobody. */
	for (size_t i = 0; i < count; i++) {
		group += i == 0 || compare_lines(&looks[i - 1], &looks[i]) != 0;
		group_of[looks[i].visit] = group;
	}
	if (!visits_count_files(visits, group_of, files))
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	for (size_t at = 0, next; at < count && asked_goes_on(asked); at = next) {
		next = at + 1;
		while (next < count && compare_lines(&looks[at], &looks[next]) == 0)
			next++;
		send_look(asked, visits, looks + at, next - at, files[group_of[looks[at].visit]],
			  has_names);
	}
	return BL_OK;
}

static enum bl_status report_customer(struct asked *asked, const struct policy *policy,
				      const struct device *device, struct bl_error *why)
{
	BL_CLEANUP(visits_free) struct visits *visits = calloc(1, sizeof(*visits));

	if (!visits)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	visits->asked = asked;
	visits->policy = policy;
	visits->device = device->id;
	enum bl_status status = life_facts(asked, policy, device, why);

	if (status == BL_OK)
		status = visits_gather(visits, device, why);
	if (status != BL_OK)
		return status;
	add_matters_told(asked->answer);
	add_certificates(asked, device);
	leave_out(asked->answer);
	add_found(asked, policy, device->id);
	add_policy(asked->answer, policy);
	send_promises(asked, policy, device);
	json_object_set_new(asked->answer, "is_more", json_boolean(visits->is_more));
	return send_looks(asked, visits, policy_report(policy)->has_names, why);
}

/* ---- the auditor's -------------------------------------------------------------------------------------------- */

static void add_person(json_t *item, struct people *people, uint32_t uid)
{
	const struct person_told *person = uid == UINT32_MAX ? NULL : person_of(people, uid);

	answer_number(item, "uid", uid);
	answer_text(item, "person", person && person->person ? person->person : "");
	answer_text(item, "roles", person && person->roles ? person->roles : "");
}

static void add_counts(json_t *item, const struct policy *policy, const struct visit *visit,
		       uint64_t files)
{
	answer_moment(item, "first", policy, visit->first_unix);
	answer_moment(item, "last", policy, visit->last_unix);
	answer_number(item, "first_sequence", (int64_t)visit->first_sequence);
	answer_number(item, "last_sequence", (int64_t)visit->last_sequence);
	answer_number(item, "files", (int64_t)files);
	answer_number(item, "reads", (int64_t)visit->reads);
	answer_number(item, "bytes", (int64_t)visit->bytes);
	answer_number(item, "shown", (int64_t)visit->shown);
	answer_number(item, "unmasked", (int64_t)visit->unmasked);
	answer_text(item, "classes", visit->classes);
	answer_number(item, "denied", (int64_t)visit->denied);
}

/* A session, with all of its days. */
static json_t *visit_json(const struct policy *policy, const struct visit *visit,
			  const struct view_told *view)
{
	json_t *item = json_object();

	answer_number(item, "session", (int64_t)visit->session);
	answer_text(item, "purpose", view ? view->purpose : "unknown");
	json_object_set_new(item, "sealed", json_boolean(view && view->is_sealed));
	json_object_set_new(item, "reason", json_boolean(view && view->has_reason));
	answer_moment(item, "opened", policy, view ? view->opened_unix : 0);
	answer_moment(item, "closed", policy, view ? view->closed_unix : 0);
	answer_number(item, "closed_sequence", view ? (int64_t)view->closed_sequence : 0);
	answer_text(item, "closed_by",
		    view && view->closed_sequence ? audit_op_name(view->closed_op) : "");
	return item;
}

static void join(struct visit *all, const struct visit *one)
{
	all->first_unix = BL_MIN(all->first_unix, one->first_unix);
	all->last_unix = BL_MAX(all->last_unix, one->last_unix);
	all->first_sequence = BL_MIN(all->first_sequence, one->first_sequence);
	all->last_sequence = BL_MAX(all->last_sequence, one->last_sequence);
	all->names += one->names;
	all->reads += one->reads;
	all->bytes += one->bytes;
	all->shown += one->shown;
	all->unmasked += one->unmasked;
	all->denied += one->denied;
	visits_add_classes(all, one->classes);
}

/* By person alone, or by session and person. */
static int compare_people(const void *first, const void *second)
{
	const struct visit *a = *(struct visit *const *)first, *b = *(struct visit *const *)second;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

static int compare_sessions(const void *first, const void *second)
{
	const struct visit *a = *(struct visit *const *)first, *b = *(struct visit *const *)second;
	int order = (a->session > b->session) - (a->session < b->session);

	return order ? order : compare_people(first, second);
}

/* {"visit": ...} for each session, or {"seen": ...} for each person. */
static enum bl_status send_joined(struct asked *asked, const struct policy *policy,
				  const struct visits *visits, struct people *people,
				  bool is_of_people, struct bl_error *why)
{
	int (*compare)(const void *, const void *) =
		is_of_people ? compare_people : compare_sessions;
	BL_CLEANUP(bl_free)
	struct visit **order = calloc(visits->count + 1, sizeof(struct visit *));
	BL_CLEANUP(bl_free) uint32_t *group_of = calloc(visits->count + 1, sizeof(*group_of));
	BL_CLEANUP(bl_free) uint64_t *files = calloc(visits->count + 1, sizeof(*files));
	uint32_t group = 0;

	if (!order || !group_of || !files)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < visits->count; i++)
		order[i] = &visits->items[i];
	qsort(order, visits->count, sizeof(struct visit *), compare);
	for (size_t i = 0; i < visits->count; i++) {
		group += i > 0 && compare(&order[i - 1], &order[i]) != 0;
		group_of[order[i] - visits->items] = group;
	}
	if (!visits_count_files(visits, group_of, files))
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	for (size_t at = 0, next; at < visits->count && asked_goes_on(asked); at = next) {
		struct visit all = *order[at];
		json_t *item;

		for (next = at + 1; next < visits->count && compare(&order[at], &order[next]) == 0;
		     next++)
			join(&all, order[next]);
		item = is_of_people ? json_object()
				    : visit_json(policy, &all, visits_view(visits, &all));
		add_person(item, people, all.uid);
		add_counts(item, policy, &all, files[group_of[order[at] - visits->items]]);
		asked_send(asked, is_of_people ? "seen" : "visit", item);
	}
	return BL_OK;
}

static void send_denials(struct asked *asked, const struct policy *policy,
			 const struct visits *visits, struct people *people)
{
	for (size_t i = 0; i < visits->denial_count && asked_goes_on(asked); i++) {
		const struct denial *denial = &visits->denials[i];
		const char *text = policy_rule_why(policy, denial->rule);
		json_t *item = json_object();

		add_person(item, people, denial->uid);
		answer_text(item, "rule", denial->rule);
		answer_text(item, "text", text ? text : "");
		answer_number(item, "count", (int64_t)denial->count);
		answer_moment(item, "first", policy, denial->first_unix);
		answer_moment(item, "last", policy, denial->last_unix);
		answer_number(item, "first_sequence", (int64_t)denial->first_sequence);
		answer_number(item, "last_sequence", (int64_t)denial->last_sequence);
		asked_send(asked, "denied", item);
	}
}

/* Each with who that is. */
static void send_events(struct asked *asked, const struct visits *visits, struct people *people)
{
	for (size_t i = 0; i < visits->other_count && asked_goes_on(asked); i++) {
		const struct audit_record *record = &visits->others[i];
		json_t *item = record_json(record);

		if (item)
			add_person(item, people, record->event.uid);
		asked_send(asked, life_is_custody(record->event.op) ? "custody" : "event", item);
	}
}

#define FILES_TOLD 5000

static int compare_tokens(const void *first, const void *second)
{
	const struct visit_file *a = first, *b = second;
	int order = memcmp(a->token, b->token, AUDIT_TOKEN);

	return order ? order : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static bool has_uid(const json_t *list, uint32_t uid)
{
	const json_t *item;
	size_t index;

	json_array_foreach(list, index, item) if (json_integer_value(item) == uid) return true;
	return false;
}

/* {"file": ...} for each file that was opened: by its token, since its name is the auditors' */
static void send_file(struct asked *asked, const struct visits *visits, struct people *people,
		      const struct visit_file *files, size_t count)
{
	json_t *item = json_object(), *uids = json_array(), *names = json_array();
	int64_t unmasked = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t uid = visits->items[files[i].visit].uid;
		const struct person_told *person = person_of(people, uid);

		unmasked += files[i].is_unmasked;
		if (has_uid(uids, uid))
			continue;
		json_array_append_new(uids, json_integer(uid));
		json_array_append_new(names,
				      json_string(person && person->person ? person->person : ""));
	}
	json_object_set_new(item, "token", hex_json(files[0].token, AUDIT_TOKEN));
	json_object_set_new(item, "uids", uids);
	json_object_set_new(item, "people", names);
	answer_number(item, "opened", (int64_t)count);
	answer_number(item, "unmasked", unmasked);
	answer_number(item, "first_sequence", (int64_t)files[0].sequence);
	answer_number(item, "last_sequence", (int64_t)files[count - 1].sequence);
	asked_send(asked, "file", item);
}

static void send_files(struct asked *asked, const struct visits *visits, struct people *people)
{
	size_t count = visits->file_count, told = 0;

	qsort(visits->files, count, sizeof(*visits->files), compare_tokens);
	for (size_t at = 0, next; at < count && asked_goes_on(asked); at = next) {
		next = at + 1;
		while (next < count &&
		       memcmp(visits->files[at].token, visits->files[next].token, AUDIT_TOKEN) == 0)
			next++;
		if (told++ < FILES_TOLD)
			send_file(asked, visits, people, visits->files + at, next - at);
	}
	answer_number(asked->answer, "files_more",
		      (int64_t)(told - BL_MIN(told, (size_t)FILES_TOLD)));
}

static enum bl_status report_auditor(struct asked *asked, const struct policy *policy,
				     const struct device *device, struct bl_error *why)
{
	__attribute__((cleanup(people_done))) struct people people = {.asked = asked};
	BL_CLEANUP(visits_free) struct visits *visits = calloc(1, sizeof(*visits));

	if (!visits)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	visits->asked = asked;
	visits->policy = policy;
	visits->device = device->id;
	visits->wants_others = true;
	enum bl_status status = life_facts(asked, policy, device, why);

	if (status == BL_OK)
		status = life_notes(asked, policy, device->id, -1, 0, why);
	if (status == BL_OK)
		status = visits_gather(visits, device, why);
	if (status == BL_OK)
		status = send_joined(asked, policy, visits, &people, true, why);
	if (status == BL_OK)
		status = send_joined(asked, policy, visits, &people, false, why);
	if (status != BL_OK)
		return status;
	send_events(asked, visits, &people);
	send_denials(asked, policy, visits, &people);
	if (visits->file_count)
		send_files(asked, visits, &people);
	add_certificates(asked, device);
	add_found(asked, policy, device->id);
	answer_text(asked->answer, "policy", policy_name(policy));
	answer_number(asked->answer, "policy_serial", (int64_t)policy_serial(policy));
	json_object_set_new(asked->answer, "is_more", json_boolean(visits->is_more));
	return BL_OK;
}

/* ---- the request ------------------------------------------------------------------------------------------------ */

static void add_made(struct asked *asked, const struct policy *policy, bool is_customer)
{
	struct audit_state state;

	audit_state(asked->daemon->audit, &state);
	answer_moment(asked->answer, "made", policy, daemon_wall());
	if (is_customer)
		return;
	answer_text(asked->answer, "host", asked->daemon->host);
	answer_text(asked->answer, "log", state.log_id);
	answer_number(asked->answer, "last_sequence", (int64_t)state.durable_sequence);
}

enum bl_status request_device_report(struct asked *asked, struct bl_error *why)
{
	static const enum bl_action TELLERS[] = {ACTION_REVIEW, ACTION_INTAKE};
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	const char *audience = asked_text(asked, "audience");
	bool is_customer = audience && strcmp(audience, "customer") == 0;
	struct device device;
	enum bl_status status;

	if (!is_customer && (!audience || strcmp(audience, "auditor") != 0))
		return bl_fail(why, BL_INVALID, "a report is for a customer or for an auditor");
	status = is_customer ? asked_permitted_any(asked, TELLERS, BL_COUNT(TELLERS), &device, why)
			     : asked_permitted_device(asked, ACTION_REVIEW, &device, why);
	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id,
				   is_customer ? "device-report customer" : "device-report auditor",
				   BL_OK, why);
	if (status != BL_OK)
		return status;
	add_made(asked, policy, is_customer);
	return is_customer ? report_customer(asked, policy, &device, why)
			   : report_auditor(asked, policy, &device, why);
}

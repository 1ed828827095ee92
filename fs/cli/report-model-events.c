/* Events that a report tells one by one: what was shown unmasked, policies, holds, shreds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/report-diff.h"
#include "fs/cli/report-model-parts.h"
#include "fs/cli/report-text.h"

#define REASON_TOLD	1000
#define DIFFS_LINES	20000 /* of all diffs of a report */
#define WISHES_PEOPLE	5000  /* as the table of requests has them */
#define WISHES_RULES	300
#define WISHES_POLICIES 400

static void append(struct report_model *model, json_t *list, json_t *item)
{
	model->is_short_of_memory |= json_array_append_new(list, item) != 0;
}

static int64_t moment_of(const json_t *record)
{
	long long ns = cli_number(record, "realtime_ns");

	return ns / 1000000000 - (ns % 1000000000 < 0);
}

static json_t *begun(struct report_model *model, const json_t *record)
{
	json_t *item = json_object();

	report_set(model, item, "sequence", json_integer(cli_number(record, "sequence")));
	report_add_moment(model, item, "at", moment_of(record));
	report_set(model, item, "device", report_safe(record, "device", BL_DEVICE_ID_SIZE));
	report_add_person(model, item, record);
	return item;
}

static bool is_permitted(const json_t *record)
{
	return strcmp(cli_text(record, "verdict"), "permitted") == 0;
}

/* ---- unmasking ----------------------------------------------------------------------------------------- */

/* "purpose repair, reason given, sealed" */
static void take_opened(struct report_model *model, const json_t *record, json_t *reason)
{
	struct report_openeds *openeds = &model->openeds;
	const char *detail = cli_text(record, "detail");
	char purpose[64] = "";

	if (!is_permitted(record) || !report_grow(&openeds->items, &openeds->room, openeds->count,
						  sizeof(*openeds->items))) {
		model->is_short_of_memory |= is_permitted(record);
		json_decref(reason);
		return;
	}
	if (sscanf(detail, "purpose %63[^,]", purpose) != 1 || strcmp(purpose, "none") == 0)
		purpose[0] = '\0';
	/* Many views are for one of few purposes. */
	if (!json_object_get(model->purposes, purpose))
		report_set(model, model->purposes, purpose,
			   report_text(purpose, strlen(purpose), sizeof(purpose)));
	openeds->items[openeds->count++] = (struct report_opened){
		.sequence = (uint64_t)cli_number(record, "sequence"),
		.view = (uint64_t)cli_number(record, "view"),
		.purpose = json_incref(json_object_get(model->purposes, purpose)),
		.reason = reason,
	};
}

/* The view that an event is of: its session; else the last one that had its number before it. NULL: opened before all that is known */
static const struct report_opened *opened_of(const struct report_model *model, const json_t *show)
{
	const struct report_openeds *openeds = &model->openeds;
	uint64_t session = (uint64_t)cli_number(show, "session");
	uint64_t view = (uint64_t)cli_number(show, "view");
	uint64_t sequence = (uint64_t)cli_number(show, "sequence");
	size_t low = 0, high = openeds->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (openeds->items[middle].sequence <= (session ? session : sequence))
			low = middle + 1;
		else
			high = middle;
	}
	if (session)
		return low && openeds->items[low - 1].sequence == session ? &openeds->items[low - 1]
									  : NULL;
	while (low && openeds->items[low - 1].view != view)
		low--;
	return low ? &openeds->items[low - 1] : NULL;
}

static bool has_word(const char *list, const char *word, size_t length)
{
	for (const char *at = list; (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ' ') && (at[length] == ',' || !at[length]))
			return true;
	return false;
}

/* "card, email": the classes of another file of the same view and device come to those that are there. */
static void add_classes(struct report_model *model, json_t *row, const char *more)
{
	char all[1024];

	snprintf(all, sizeof(all), "%s", cli_text(row, "classes"));
	while (*more) {
		size_t length = strcspn(more, ","), used = strlen(all);
		char word[AUDIT_DETAIL_SIZE];

		snprintf(word, sizeof(word), "%.*s", (int)length, more);
		if (*word && !has_word(all, word, strlen(word)))
			snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "", word);
		more += length;
		more += strspn(more, ", ");
	}
	report_set(model, row, "classes", json_string(all));
}

static int compare_sequence(const void *a, const void *b)
{
	const json_t *const *left = a, *const *right = b;
	long long x = cli_number(*left, "sequence"), y = cli_number(*right, "sequence");

	return (x > y) - (x < y);
}

static json_t **in_order(const json_t *list)
{
	size_t count = json_array_size(list);
	json_t **items = calloc(count + 1, sizeof(json_t *));

	for (size_t i = 0; items && i < count; i++)
		items[i] = json_array_get(list, i);
	if (items && count)
		qsort(items, count, sizeof(json_t *), compare_sequence);
	return items;
}

static void add_show(struct report_model *model, json_t *show)
{
	const struct report_opened *opened = opened_of(model, show);
	char key[128];

	snprintf(key, sizeof(key), "%" PRIu64 "/%lld/%s", opened ? opened->sequence : 0,
		 opened ? 0 : cli_number(show, "view"), cli_text(show, "device"));
	json_t *row = json_object_get(model->show_index, key);

	if (row) {
		report_set(model, row, "opens",
			   json_integer(cli_number(row, "opens") + cli_number(show, "opens")));
		add_classes(model, row, cli_text(show, "classes"));
		return;
	}
	report_set(model, show, "view_sequence",
		   opened ? json_integer((json_int_t)opened->sequence) : json_null());
	report_set(model, show, "purpose", opened ? json_incref(opened->purpose) : json_string(""));
	report_set(model, show, "reason",
		   opened && opened->reason ? json_incref(opened->reason) : json_null());
	json_object_del(show, "view");
	report_set(model, model->show_index, key, json_incref(show));
	append(model, model->shows, json_incref(show));
}

/* Views are known by now, and those who open files without end have one row for each view and device. */
static void take_show(struct report_model *model, const json_t *record)
{
	static const char WORDS[] = "unmasked: ";
	const char *detail = cli_text(record, "detail");

	if (!is_permitted(record) || cli_number(record, "bytes") <= 0)
		return;
	json_t *item = begun(model, record);
	bool has_words = strncmp(detail, WORDS, strlen(WORDS)) == 0;

	detail += has_words ? strlen(WORDS) : 0;
	report_set(model, item, "rule", report_safe(record, "rule", BL_RULE_ID_SIZE));
	report_set(model, item, "classes",
		   report_text(has_words ? detail : "", has_words ? strlen(detail) : 0,
			       AUDIT_DETAIL_SIZE));
	report_set(model, item, "opens", json_integer(1 + cli_number(record, "repeats")));
	report_set(model, item, "view", json_integer(cli_number(record, "view")));
	report_set(model, item, "session", json_integer(cli_number(record, "session")));
	add_show(model, item);
	json_decref(item);
}

json_t *report_finish_unmasking(struct report_model *model)
{
	BL_CLEANUP(bl_free) json_t **items = in_order(model->shows);
	json_t *rows = json_array();
	size_t count = json_array_size(model->shows);

	model->is_short_of_memory |= !items;
	for (size_t i = 0; items && i < count; i++)
		append(model, rows, json_incref(items[i]));
	return rows;
}

/* ---- policies ------------------------------------------------------------------------------------------- */

/* "serial 3 digest 00ff..." */
static void take_policy(struct report_model *model, const json_t *record, bool is_refused,
			json_t *reason)
{
	json_t *item = begun(model, record);
	char digest[65] = "";
	unsigned long long serial = 0;

	json_object_del(item, "device");
	if (!is_refused)
		(void)!sscanf(cli_text(record, "detail"), "serial %llu digest %64[0-9a-f]", &serial,
			      digest);
	report_set(model, item, "serial",
		   is_refused ? json_null() : json_integer((json_int_t)serial));
	report_set(model, item, "digest", strlen(digest) == 64 ? json_string(digest) : json_null());
	report_set(model, item, "reason", reason ? reason : json_null());
	report_set(model, item, "is_refused", json_boolean(is_refused));
	if (moment_of(record) >= model->scope.since_unix) {
		append(model, model->policies, item);
		return;
	}
	/* The one that was in force when the report's time began: what the first one is compared to. */
	if (!is_refused) {
		json_decref(model->before);
		model->before = json_incref(item);
	}
	json_decref(item);
}

static const json_t *text_of(const struct report_model *model, const json_t *digest)
{
	return json_object_get(model->kept,
			       json_string_value(digest) ? json_string_value(digest) : "");
}

static void add_diff(struct report_model *model, json_t *item, const json_t *before, size_t *room)
{
	const json_t *older = text_of(model, before);
	const json_t *newer = text_of(model, json_object_get(item, "digest"));
	json_t *diff = NULL;
	size_t more = 0;

	if (older && newer && *room)
		model->is_short_of_memory |=
			report_diff(json_string_value(older), json_string_length(older),
				    json_string_value(newer), json_string_length(newer), &diff,
				    &more) != BL_OK;
	while (json_array_size(diff) > *room) {
		json_array_remove(diff, json_array_size(diff) - 1);
		more++;
	}
	*room -= json_array_size(diff);
	report_set(model, item, "diff", diff ? diff : json_null());
	report_set(model, item, "diff_more", json_integer((json_int_t)more));
}

static void finish_policy(struct report_model *model, json_t *item, const json_t **before,
			  size_t *room)
{
	const json_t *digest = json_object_get(item, "digest");
	bool is_refused = json_is_true(json_object_get(item, "is_refused"));
	bool is_same = !is_refused && *before && json_equal(*before, digest);
	bool is_first = !is_refused && !*before;

	report_set(model, item, "is_kept", json_boolean(text_of(model, digest) != NULL));
	report_set(model, item, "is_unchanged", json_boolean(is_same));
	report_set(model, item, "is_first", json_boolean(is_first));
	if (is_same) {
		report_set(model, item, "diff", json_array());
		report_set(model, item, "diff_more", json_integer(0));
	} else {
		add_diff(model, item, is_refused ? NULL : *before, room);
	}
	if (!is_refused)
		*before = digest;
}

static void end_text(struct report_model *model)
{
	if (model->kept_digest && model->kept_text)
		report_set(model, model->kept, json_string_value(model->kept_digest),
			   json_stringn(model->kept_text, model->kept_length));
	json_decref(model->kept_digest);
	model->kept_digest = NULL;
	model->kept_length = 0;
}

json_t *report_finish_policies(struct report_model *model)
{
	BL_CLEANUP(bl_free) json_t **items = in_order(model->policies);
	const json_t *before = json_object_get(model->before, "digest");
	json_t *rows = json_array();
	size_t count = json_array_size(model->policies), room = DIFFS_LINES;

	end_text(model);
	model->is_short_of_memory |= !items;
	for (size_t i = 0; items && i < count; i++) {
		finish_policy(model, items[i], &before, &room);
		append(model, rows, json_incref(items[i]));
	}
	return rows;
}

/* ---- holds and shreds ----------------------------------------------------------------------------------- */

static void take_hold(struct report_model *model, const json_t *record, const char *what)
{
	if (!is_permitted(record))
		return;
	json_t *item = begun(model, record);

	report_set(model, item, "what", json_string(what));
	append(model, model->hold_events, item);
}

/* "erased certificate 00ff..." */
static void take_shred(struct report_model *model, const json_t *record, const char *what)
{
	const char *detail = cli_text(record, "detail"), *at = strstr(detail, " certificate ");
	size_t length = at ? (size_t)(at - detail) : strlen(detail);
	json_t *item = begun(model, record);

	report_set(model, item, "what", json_string(what));
	report_set(model, item, "status", report_text(detail, length, AUDIT_DETAIL_SIZE));
	at += at ? strlen(" certificate ") : 0;
	report_set(model, item, "certificate", at ? report_text(at, strlen(at), 64) : json_null());
	report_set(model, item, "is_erased", json_boolean(is_permitted(record)));
	append(model, model->shreds, item);
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

void report_model_event(struct report_model *model, const json_t *record, const char *person,
			const char *reason, size_t reason_length)
{
	BL_CLEANUP(json_decref) json_t *told = json_copy((json_t *)(uintptr_t)record);
	json_t *words = reason ? report_text(reason, reason_length, REASON_TOLD) : NULL;
	enum audit_op op = AUDIT_START;

	if (!told || !audit_op_parse(cli_text(record, "op"), &op)) {
		json_decref(words);
		return;
	}
	report_set(model, told, "person", json_string(person ? person : ""));
	if (op == AUDIT_VIEW_OPENED)
		take_opened(model, told, json_incref(words));
	else if (op == AUDIT_POLICY_LOADED || op == AUDIT_POLICY_REFUSED)
		take_policy(model, told, op == AUDIT_POLICY_REFUSED, json_incref(words));
	else if (op == AUDIT_OPEN)
		take_show(model, told);
	else if (op == AUDIT_HOLD_ADDED || op == AUDIT_HOLD_RELEASED)
		take_hold(model, told, op == AUDIT_HOLD_ADDED ? "added" : "released");
	else if (op == AUDIT_SHRED_DONE || op == AUDIT_PART_DONE || op == AUDIT_SOURCE_DONE)
		take_shred(model, told,
			   op == AUDIT_SHRED_DONE  ? "device"
			   : op == AUDIT_PART_DONE ? "part"
						   : "source");
	json_decref(words);
}

/* ---- what only the service knows ------------------------------------------------------------------------- */

static void wish(json_t *list, json_t *known, const char *text, size_t most)
{
	if (!text || !*text || json_object_get(known, text) || json_array_size(list) >= most)
		return;
	json_object_set_new(known, text, json_true());
	json_array_append_new(list, json_string(text));
}

json_t *report_model_wishes(const struct report_model *model)
{
	BL_CLEANUP(json_decref) json_t *known = json_object();
	json_t *people = json_array(), *rules = json_array(), *digests = json_array(), *item;
	const char *uid;
	size_t index, count = json_array_size(model->policies);

	for (size_t i = 0; i < model->people.count; i++)
		wish(people, known, model->people.items[i].id, WISHES_PEOPLE);
	/* Those who looked at nothing come up too: who refused, held, loaded, asked. */
	json_object_foreach(model->uids, uid, item) wish(people, known, uid, WISHES_PEOPLE);
	json_object_clear(known);
	json_array_foreach(model->denials, index, item)
		wish(rules, known, cli_text(item, "rule"), WISHES_RULES);
	json_object_clear(known);
	/* One is left for the policy that was there before. */
	for (size_t i = count; i > 0; i--)
		wish(digests, known, cli_text(json_array_get(model->policies, i - 1), "digest"),
		     WISHES_POLICIES - 1);
	wish(digests, known, cli_text(model->before, "digest"), WISHES_POLICIES);
	return json_pack("{s:o,s:o,s:o}", "people", people, "rules", rules, "digests", digests);
}

/* Pieces of the policy that was named before. */
static void take_text(struct report_model *model, const json_t *text)
{
	size_t length = json_string_length(text), all = model->kept_length + length;

	if (!model->kept_digest || !json_string_value(text))
		return;
	if (all >= model->kept_room) {
		char *grown = realloc(model->kept_text, 2 * all + 1);

		model->is_short_of_memory |= !grown;
		if (!grown)
			return;
		model->kept_text = grown;
		model->kept_room = 2 * all + 1;
	}
	memcpy(model->kept_text + model->kept_length, json_string_value(text), length);
	model->kept_length = all;
	model->kept_text[all] = '\0';
}

/* Every text of it made safe to show; numbers and what is nothing as they are. */
static json_t *safe_copy(struct report_model *model, const json_t *object)
{
	json_t *copy = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		report_set(model, copy, key,
			   json_is_string(value) ? report_safe(object, key, REASON_TOLD)
						 : json_incref(value));
		/* Who recorded it has a name as everybody else. */
		if (strcmp(key, "by") == 0 && json_is_integer(value))
			report_set(model, copy, "uid", json_incref(value));
	}
	return copy;
}

static void take_person(struct report_model *model, const json_t *person)
{
	BL_CLEANUP(json_decref) json_t *nobody = json_object();
	json_t *roles = json_array(), *role;
	size_t index;
	char uid[24];

	snprintf(uid, sizeof(uid), "%lld", cli_number(person, "uid"));
	report_add_person(model, nobody, person);
	json_array_foreach(json_object_get(person, "roles"), index, role)
		append(model, roles,
		       report_text(json_string_value(role) ? json_string_value(role) : "",
				   json_string_length(role), 128));
	report_set(model, model->roles, uid, roles);
}

static void take_device(struct report_model *model, const json_t *device)
{
	const json_t *place = json_object_get(model->devices.index, cli_text(device, "device"));

	if (!place)
		return;
	struct report_party *party = &model->devices.items[json_integer_value(place)];

	json_decref(party->more);
	party->more = safe_copy(model, device);
}

void report_model_fact(struct report_model *model, const json_t *answer)
{
	const struct {
		const char *key;
		json_t *list;
	} LISTS[] = {{"hold", model->holds},
		     {"lapse", model->lapses},
		     {"request", model->requests},
		     {"incident", model->incidents}};
	const json_t *text = json_object_get(answer, "text");
	const json_t *person = json_object_get(answer, "person");
	const json_t *rule = json_object_get(answer, "rule");
	const json_t *device = json_object_get(answer, "device");

	if (text) {
		take_text(model, text);
		return;
	}
	end_text(model);
	if (json_object_get(answer, "policy"))
		model->kept_digest =
			json_incref(json_object_get(json_object_get(answer, "policy"), "digest"));
	if (json_is_object(person))
		take_person(model, person);
	if (json_is_object(rule))
		report_set(model, model->rules, cli_text(rule, "rule"),
			   report_safe(rule, "text", REASON_TOLD));
	if (json_is_object(device))
		take_device(model, device);
	for (size_t i = 0; i < BL_COUNT(LISTS); i++)
		if (LISTS[i].list && json_object_get(answer, LISTS[i].key))
			append(model, LISTS[i].list,
			       safe_copy(model, json_object_get(answer, LISTS[i].key)));
}

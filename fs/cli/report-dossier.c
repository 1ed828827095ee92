#include "fs/cli/report-dossier.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/device-page.h"
#include "fs/cli/report-doc.h"

/* In the order of the page. */
enum section {
	AT_DEVICE,
	AT_PROOF,
	AT_CUSTODY,
	AT_PEOPLE,
	AT_SESSIONS,
	AT_FILES,
	AT_UNMASKING,
	AT_DENIALS,
	AT_APPROVALS,
	AT_HOLDS,
	AT_INCIDENTS,
	AT_CUSTOMER,
	AT_CERTIFICATES,
	AT_FOUND,
	AT_NOTES,
	AT_OTHERS,
	AT_LIMITS,
	SECTION_COUNT
};

static const struct html_section SECTIONS[SECTION_COUNT] = {
	[AT_DEVICE] = {"device", "The device"},
	[AT_PROOF] = {"proof", "What proves it"},
	[AT_CUSTODY] = {"custody", "Custody chain"},
	[AT_PEOPLE] = {"people", "Accesses by person"},
	[AT_SESSIONS] = {"sessions", "Views and sessions"},
	[AT_FILES] = {"files", "Files that were opened"},
	[AT_UNMASKING] = {"unmasking", "Unmasking"},
	[AT_DENIALS] = {"denials", "Denials"},
	[AT_APPROVALS] = {"approvals", "Requests and approvals"},
	[AT_HOLDS] = {"holds", "Holds"},
	[AT_INCIDENTS] = {"incidents", "Incidents"},
	[AT_CUSTOMER] = {"customer", "Requests of the customer"},
	[AT_CERTIFICATES] = {"certificates", "Parts and certificates"},
	[AT_FOUND] = {"found", "Personal data that was counted"},
	[AT_NOTES] = {"notes", "Notes"},
	[AT_OTHERS] = {"others", "Other events"},
	[AT_LIMITS] = {"limits", "What this dossier cannot say"},
};

struct dossier {
	struct doc doc;
	const json_t *answer;
};

#define CELL 192
#define WIDE 200 /* columns of a table on a terminal: as wide as what stands in it */

static void begin(struct dossier *dossier, enum section section)
{
	doc_heading(&dossier->doc, SECTIONS[section].id, SECTIONS[section].title);
}

/* ---- cells ------------------------------------------------------------------------------------------- */

/* "anna (uid:61001)", "uid:61001", "bailee" */
static const char *who_of(const json_t *item, char out[CELL])
{
	long long uid = cli_number(item, "uid");
	const char *person = cli_text(item, "person");
	bool is_key = strncmp(person, "uid:", 4) == 0 || strcmp(person, "nobody") == 0;

	if (uid == UINT32_MAX)
		snprintf(out, CELL, "bailee");
	else if (*person && !is_key)
		snprintf(out, CELL, "%s (uid:%lld)", person, uid);
	else
		snprintf(out, CELL, "uid:%lld", uid);
	return out;
}

/* "2026-11-22 10:00 (17)": the moment of an event, and its number */
static const char *event_of(const json_t *item, const char *key, char out[CELL])
{
	char number[32], at[TELL_DATE];

	snprintf(number, sizeof(number), "%s_sequence", key);
	if (cli_number(item, number))
		snprintf(out, CELL, "%s (%lld)", tell_utc(tell_unix(item, key), at),
			 cli_number(item, number));
	else
		snprintf(out, CELL, "%s", tell_utc(tell_unix(item, key), at));
	return out;
}

static const char *number_of(const json_t *item, const char *key, char out[CELL])
{
	snprintf(out, CELL, "%s", PAGE_GROUPED((uint64_t)BL_MAX(cli_number(item, key), 0)));
	return out;
}

static const char *events_of(const json_t *item, char out[CELL])
{
	long long first = cli_number(item, "first_sequence");
	long long last = cli_number(item, "last_sequence");

	if (first == last)
		snprintf(out, CELL, "%lld", first);
	else
		snprintf(out, CELL, "%lld to %lld", first, last);
	return out;
}

/* What the auditor's key opened of an event or a file; "" nothing */
static const char *path_of(const struct dossier *dossier, const json_t *item)
{
	return cli_text(json_object_get(dossier->answer, "paths"), cli_text(item, "token"));
}

static const char *reason_of(const struct dossier *dossier, long long sequence)
{
	char key[24];

	snprintf(key, sizeof(key), "%lld", sequence);
	return cli_text(json_object_get(dossier->answer, "reasons"), key);
}

static bool has_names(const struct dossier *dossier)
{
	return json_object_get(dossier->answer, "paths") != NULL;
}

static bool is_in(const char *text, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return true;
	return false;
}

static bool is_gone(const struct dossier *dossier)
{
	static const char *const GONE[] = {"shredded", "released", NULL};

	return is_in(cli_text(dossier->answer, "state"), GONE);
}

/* ---- events -------------------------------------------------------------------------------------------- */

static const struct html_column EVENTS[] = {{"Event", HTML_NUMBER}, {"When (UTC)", HTML_MOMENT},
					    {"Who", HTML_WORDS},    {"What", HTML_WORDS},
					    {"Detail", HTML_WORDS}, {"Rule", HTML_CODE},
					    {NULL, HTML_WORDS}};

static void put_event(const struct dossier *dossier, struct doc_table *table, const json_t *record,
		      bool is_anchor)
{
	char number[24], anchor[40], at[TELL_DATE], who[CELL];
	const char *reason = reason_of(dossier, cli_number(record, "sequence"));
	const char *path = path_of(dossier, record);
	struct tell_list detail = {.between = "; "};
	BL_CLEANUP(bl_free) char *text = NULL;

	device_say_detail(record, &detail);
	snprintf(number, sizeof(number), "%lld", cli_number(record, "sequence"));
	snprintf(anchor, sizeof(anchor), "event-%s", number);
	const char *before_path = *path && detail.length ? "; " : "";
	const char *before_reason = *reason && (detail.length || *path) ? "; " : "";

	if (asprintf(&text, "%s%s%s%s%s%s%s", detail.text, before_path, *path ? "path: " : "", path,
		     before_reason, *reason ? "reason: " : "", reason) < 0)
		text = NULL;
	doc_table_row(table,
		      (const char *const[]){
			      number, tell_utc(cli_number(record, "realtime_ns") / 1000000000, at),
			      who_of(record, who), cli_text(record, "op"), text,
			      cli_text(record, "rule")},
		      is_anchor ? anchor : NULL);
}

/* Those of @list whose op is one of @ops (NULL: all), or is none of them. */
static size_t put_events(struct dossier *dossier, const char *list, const char *caption,
			 const char *const *ops, bool is_one_of)
{
	const json_t *records = json_object_get(dossier->answer, list), *record;
	struct doc_table table;
	size_t index, count = 0;

	json_array_foreach(records, index, record)
	{
		if (ops && is_in(cli_text(record, "op"), ops) != is_one_of)
			continue;
		if (!count++)
			doc_table(&dossier->doc, caption, EVENTS, &table);
		/* Those of the custody chain stand there; chapters tell some of them again. */
		put_event(dossier, &table, record, !ops || strcmp(list, "custody") != 0);
	}
	if (count)
		doc_table_end(&table);
	return count;
}

/* ---- the device ------------------------------------------------------------------------------------------ */

static void put_date(struct dossier *dossier, const char *label, const char *key)
{
	char at[TELL_DATE];

	doc_row(&dossier->doc, label, tell_utc(tell_unix(dossier->answer, key), at));
}

static void put_device(struct dossier *dossier)
{
	const json_t *answer = dossier->answer;
	struct tell_list what = {.length = 0};
	char number[24];

	begin(dossier, AT_DEVICE);
	device_say_what(answer, &what);
	doc_row(&dossier->doc, "Kind", cli_text(answer, "kind"));
	doc_row(&dossier->doc, "What", what.text);
	doc_row(&dossier->doc, "State", cli_text(answer, "state"));
	doc_row(&dossier->doc, "Origin", cli_text(answer, "origin"));
	doc_row(&dossier->doc, "Where", cli_text(answer, "location"));
	put_date(dossier, "Received", "received");
	put_date(dossier, "Closed", "closed");
	put_date(dossier, "Due", "due");
	doc_row(&dossier->doc, "By the entry", cli_text(answer, "retention"));
	if (!is_gone(dossier))
		doc_row(&dossier->doc, "Image", device_say_fate(answer));
	doc_row(&dossier->doc, "Signed receipt", cli_text(answer, "scan"));
	snprintf(number, sizeof(number), "%lld", cli_number(answer, "policy_serial"));
	doc_row(&dossier->doc, "Policy in force", cli_text(answer, "policy"));
	doc_row(&dossier->doc, "Its number", number);
}

/* How each line is proven: by what the log says, which this page only repeats. */
static void put_proof(struct dossier *dossier)
{
	const char *id = cli_text(dossier->answer, "id");
	BL_CLEANUP(bl_free) char *text = NULL;
	BL_CLEANUP(bl_free) char *query = NULL;

	begin(dossier, AT_PROOF);
	if (asprintf(&text,
		     "This page proves nothing. Each line has the number of its event in the log "
		     "%s, of which %lld were durable when it was made; these commands prove the "
		     "log whole, and print the events:",
		     cli_text(dossier->answer, "log"),
		     cli_number(dossier->answer, "last_sequence")) < 0)
		text = NULL;
	if (text)
		doc_say(&dossier->doc, text);
	if (asprintf(&query,
		     "bailee log verify --kit KIT --anchor ANCHORS\nbailee log query --device %s",
		     id) > 0)
		doc_do(&dossier->doc, query);
}

static void put_found(struct dossier *dossier)
{
	const json_t *found = json_object_get(dossier->answer, "found"), *count;
	json_t *classes = json_object_get(found, "classes");
	static const struct html_column COLUMNS[] = {{"Class", HTML_WORDS},
						     {"Values", HTML_NUMBER},
						     {"Files", HTML_NUMBER},
						     {NULL, HTML_WORDS}};
	char at[TELL_DATE], caption[96], values[CELL], files[CELL];
	struct doc_table table;
	const char *class;

	begin(dossier, AT_FOUND);
	if (!json_is_object(found)) {
		doc_none(&dossier->doc, "Nobody counted it, or the counts were destroyed with it.");
		return;
	}
	snprintf(caption, sizeof(caption), "bailee scan of %s (UTC): %lld files looked through",
		 tell_utc(tell_unix(found, "at"), at), cli_number(found, "looked"));
	if (!json_object_size(classes)) {
		doc_none(&dossier->doc, caption);
		return;
	}
	doc_table(&dossier->doc, caption, COLUMNS, &table);
	json_object_foreach(classes, class, count)
		doc_table_row(&table,
			      (const char *const[]){class, number_of(count, "values", values),
						    number_of(count, "files", files)},
			      NULL);
	doc_table_end(&table);
}

/* ---- who looked -------------------------------------------------------------------------------------------- */

static void put_seen(struct dossier *dossier)
{
	static const struct html_column COLUMNS[] = {{"Who", HTML_WORDS},
						     {"Roles today", HTML_WORDS},
						     {"First (event)", HTML_MOMENT},
						     {"Last (event)", HTML_MOMENT},
						     {"Files", HTML_NUMBER},
						     {"Bytes", HTML_NUMBER},
						     {"Unmasked", HTML_NUMBER},
						     {"Refused", HTML_NUMBER},
						     {NULL, HTML_WORDS}};
	const json_t *list = json_object_get(dossier->answer, "seen"), *person;
	struct doc_table table;
	size_t index;

	begin(dossier, AT_PEOPLE);
	if (!json_array_size(list)) {
		doc_none(&dossier->doc, "Nobody looked at anything of it, or tried to.");
		return;
	}
	doc_table(&dossier->doc, "Each person once, over all sessions", COLUMNS, &table);
	json_array_foreach(list, index, person)
	{
		char who[CELL], first[CELL], last[CELL], files[CELL], bytes[CELL], unmasked[CELL],
			denied[CELL];

		doc_table_row(&table,
			      (const char *const[]){who_of(person, who), cli_text(person, "roles"),
						    event_of(person, "first", first),
						    event_of(person, "last", last),
						    number_of(person, "files", files),
						    number_of(person, "bytes", bytes),
						    number_of(person, "unmasked", unmasked),
						    number_of(person, "denied", denied)},
			      NULL);
	}
	doc_table_end(&table);
}

/* "repair, sealed; reason: ..." */
static char *say_visit(const struct dossier *dossier, const json_t *visit)
{
	const char *reason = reason_of(dossier, cli_number(visit, "session"));
	bool is_given = json_is_true(json_object_get(visit, "reason"));
	char *text;

	if (asprintf(&text, "%s, %s%s%s", cli_text(visit, "purpose"),
		     json_is_true(json_object_get(visit, "sealed")) ? "sealed session"
								    : "open mount",
		     *reason	? "; reason: "
		     : is_given ? "; with a reason"
				: "",
		     reason) < 0)
		return NULL;
	return text;
}

static void put_visit(const struct dossier *dossier, struct doc_table *table, const json_t *visit)
{
	char number[24] = "", who[CELL], opened[CELL], closed[CELL], events[CELL], files[CELL],
	     denied[CELL];
	BL_CLEANUP(bl_free) char *what = say_visit(dossier, visit);

	if (cli_number(visit, "session"))
		snprintf(number, sizeof(number), "%lld", cli_number(visit, "session"));
	doc_table_row(table,
		      (const char *const[]){
			      number, who_of(visit, who), what, event_of(visit, "opened", opened),
			      event_of(visit, "closed", closed), events_of(visit, events),
			      number_of(visit, "files", files), number_of(visit, "denied", denied)},
		      NULL);
}

static void put_visits(struct dossier *dossier)
{
	static const struct html_column COLUMNS[] = {{"Session", HTML_NUMBER},
						     {"Who", HTML_WORDS},
						     {"What for", HTML_WORDS},
						     {"Opened", HTML_MOMENT},
						     {"Closed (event)", HTML_MOMENT},
						     {"Events", HTML_MOMENT},
						     {"Files", HTML_NUMBER},
						     {"Refused", HTML_NUMBER},
						     {NULL, HTML_WORDS}};
	const json_t *list = json_object_get(dossier->answer, "visits"), *visit;
	struct doc_table table;
	size_t index;

	begin(dossier, AT_SESSIONS);
	if (!json_array_size(list)) {
		doc_none(&dossier->doc, "No view touched it.");
		return;
	}
	doc_table(&dossier->doc,
		  "A session's number is that of the event that opened it; times are UTC", COLUMNS,
		  &table);
	json_array_foreach(list, index, visit) put_visit(dossier, &table, visit);
	doc_table_end(&table);
}

static void put_people(const json_t *file, struct tell_list *out)
{
	const json_t *uids = json_object_get(file, "uids");

	for (size_t i = 0; i < json_array_size(uids); i++) {
		const json_t *name = json_array_get(json_object_get(file, "people"), i);
		char who[CELL];
		BL_CLEANUP(json_decref)
		json_t *item = json_pack("{s:O,s:s}", "uid", json_array_get(uids, i), "person",
					 json_string_value(name) ? json_string_value(name) : "");

		tell_list_add(out, "%s", who_of(item, who));
	}
}

static void put_names_note(struct dossier *dossier)
{
	if (is_gone(dossier))
		doc_note(&dossier->doc,
			 "The key of the names of this device is destroyed with it: nobody can "
			 "tell any more which file a token stood for. Equal tokens are the same "
			 "file.");
	else if (!has_names(dossier))
		doc_note(&dossier->doc, "Files stand here by their tokens; an auditor's secret key "
					"opens their names (--names).");
}

static void put_files(struct dossier *dossier)
{
	static const struct html_column COLUMNS[] = {
		{"File", HTML_CODE},	   {"Who", HTML_WORDS},	    {"Opened", HTML_NUMBER},
		{"Unmasked", HTML_NUMBER}, {"Events", HTML_MOMENT}, {NULL, HTML_WORDS}};
	const json_t *list = json_object_get(dossier->answer, "files"), *file;
	struct doc_table table;
	char more[96];
	size_t index;

	begin(dossier, AT_FILES);
	if (!json_array_size(list)) {
		doc_none(&dossier->doc, "No file was opened.");
		return;
	}
	put_names_note(dossier);
	doc_table(&dossier->doc, "Each file once", COLUMNS, &table);
	json_array_foreach(list, index, file)
	{
		const char *path = path_of(dossier, file);
		char opened[CELL], unmasked[CELL], events[CELL];
		struct tell_list people = {.length = 0};

		put_people(file, &people);
		doc_table_row(&table,
			      (const char *const[]){*path ? path : cli_text(file, "token"),
						    people.text, number_of(file, "opened", opened),
						    number_of(file, "unmasked", unmasked),
						    events_of(file, events)},
			      NULL);
	}
	doc_table_end(&table);
	snprintf(more, sizeof(more), "and %lld more files",
		 cli_number(dossier->answer, "files_more"));
	if (cli_number(dossier->answer, "files_more"))
		doc_note(&dossier->doc, more);
}

static void put_unmasking(struct dossier *dossier)
{
	static const char *const OPENS[] = {"open", NULL};

	begin(dossier, AT_UNMASKING);
	if (!put_events(dossier, "events", "Files that were shown with something unmasked", OPENS,
			true))
		doc_none(&dossier->doc, "Nothing was ever shown unmasked.");
}

static void put_denials(struct dossier *dossier)
{
	static const struct html_column COLUMNS[] = {{"Rule", HTML_CODE},
						     {"Its words", HTML_WORDS},
						     {"Who", HTML_WORDS},
						     {"Times", HTML_NUMBER},
						     {"First (event)", HTML_MOMENT},
						     {"Last (event)", HTML_MOMENT},
						     {NULL, HTML_WORDS}};
	const json_t *list = json_object_get(dossier->answer, "denials"), *denial;
	struct doc_table table;
	size_t index;

	begin(dossier, AT_DENIALS);
	if (!json_array_size(list)) {
		doc_none(&dossier->doc, "Nothing was refused.");
		return;
	}
	doc_table(&dossier->doc, "Each rule and person once; the words are today's policy's",
		  COLUMNS, &table);
	json_array_foreach(list, index, denial)
	{
		char who[CELL], count[CELL], first[CELL], last[CELL];

		doc_table_row(&table,
			      (const char *const[]){cli_text(denial, "rule"),
						    cli_text(denial, "text"), who_of(denial, who),
						    number_of(denial, "count", count),
						    event_of(denial, "first", first),
						    event_of(denial, "last", last)},
			      NULL);
	}
	doc_table_end(&table);
}

/* ---- what was decided --------------------------------------------------------------------------------------- */

/* The events of one kind, and what is on record now beside them. */
struct chapter {
	enum section section;
	const char *list, *none;
	const char *ops[5];
	void (*put)(struct dossier *dossier);
};

static void put_holds(struct dossier *dossier)
{
	const json_t *list = json_object_get(dossier->answer, "holds"), *hold;
	size_t index;

	json_array_foreach(list, index, hold)
	{
		char since[TELL_DATE], who[TELL_WHO];
		BL_CLEANUP(bl_free) char *text = NULL;

		if (asprintf(&text, "Hold %lld stands since %s, by %s: %s",
			     cli_number(hold, "number"), tell_utc(tell_unix(hold, "since"), since),
			     tell_who(hold, "by", who), cli_text(hold, "reason")) > 0)
			doc_item(&dossier->doc, text);
	}
}

static void put_incidents(struct dossier *dossier)
{
	const json_t *list = json_object_get(dossier->answer, "incidents"), *incident;
	size_t index;

	json_array_foreach(list, index, incident)
	{
		char deadline[TELL_DATE];
		BL_CLEANUP(bl_free) char *text = NULL;

		if (asprintf(&text, "Incident %lld: %s, %s, to be answered by %s%s%s",
			     cli_number(incident, "number"), cli_text(incident, "kind"),
			     cli_text(incident, "state"),
			     tell_utc(tell_unix(incident, "deadline"), deadline),
			     *cli_text(incident, "action") ? ". What was done: " : "",
			     cli_text(incident, "action")) > 0)
			doc_item(&dossier->doc, text);
	}
}

static void put_requests(struct dossier *dossier)
{
	const json_t *list = json_object_get(dossier->answer, "requests"), *request;
	size_t index;

	json_array_foreach(list, index, request)
	{
		char deadline[TELL_DATE];
		BL_CLEANUP(bl_free) char *text = NULL;

		if (asprintf(&text, "Request %lld: %s, %s, due %s, ticket %s%s%s",
			     cli_number(request, "number"), cli_text(request, "kind"),
			     cli_text(request, "state"),
			     tell_utc(tell_unix(request, "deadline"), deadline),
			     cli_text(request, "ticket"),
			     *cli_text(request, "proof") ? ", proof " : "",
			     cli_text(request, "proof")) > 0)
			doc_item(&dossier->doc, text);
	}
}

static void put_certificate(struct dossier *dossier, const char *of, const json_t *certificate,
			    const char *digest)
{
	BL_CLEANUP(bl_free) char *text = NULL;

	if (!json_is_object(certificate))
		return;
	if (asprintf(&text, "%s: %s, %s (%s), done %s, by %s, begun by event %lld%s%s", of,
		     cli_text(certificate, "status"), cli_text(certificate, "category"),
		     cli_text(certificate, "technique"), cli_text(certificate, "done"),
		     cli_text(certificate, "operator"), cli_number(certificate, "intent"),
		     *digest ? "; BLAKE2b-256 " : "", digest) > 0)
		doc_item(&dossier->doc, text);
}

static void put_certificates(struct dossier *dossier)
{
	const json_t *answer = dossier->answer, *part;
	size_t index;

	put_certificate(dossier, "The device", json_object_get(answer, "destroyed"),
			cli_text(answer, "digest"));
	put_certificate(dossier, "The source of its intake",
			json_object_get(answer, "source_destroyed"), "");
	json_array_foreach(json_object_get(answer, "parts"), index, part)
	{
		char of[40];

		snprintf(of, sizeof(of), "Part %lld, %lld files", cli_number(part, "number"),
			 cli_number(part, "files"));
		put_certificate(dossier, of, part, "");
	}
	doc_row(&dossier->doc, "Key of certificates", cli_text(answer, "public_key"));
}

static const struct chapter CHAPTERS[] = {
	{AT_APPROVALS,
	 "events",
	 "Nobody asked for more than the rules give.",
	 {"requested", "approved", "refused", "caller", NULL},
	 NULL},
	{AT_HOLDS,
	 "custody",
	 "It was never held.",
	 {"hold-added", "hold-released", NULL},
	 put_holds},
	{AT_INCIDENTS, "custody", "No incident.", {"incident", NULL}, put_incidents},
	{AT_CUSTOMER,
	 "custody",
	 "The customer asked for nothing.",
	 {"customer-request", "consent", NULL},
	 put_requests},
};

static void put_chapter(struct dossier *dossier, const struct chapter *chapter)
{
	begin(dossier, chapter->section);
	if (!put_events(dossier, chapter->list, "Events", chapter->ops, true))
		doc_none(&dossier->doc, chapter->none);
	if (chapter->put)
		chapter->put(dossier);
}

static void put_destruction(struct dossier *dossier)
{
	begin(dossier, AT_CERTIFICATES);
	if (!json_is_object(json_object_get(dossier->answer, "destroyed")) &&
	    !json_is_object(json_object_get(dossier->answer, "source_destroyed")) &&
	    !json_array_size(json_object_get(dossier->answer, "parts")))
		doc_none(&dossier->doc, "Nothing of it was destroyed yet.");
	put_certificates(dossier);
}

static void put_notes(struct dossier *dossier)
{
	const json_t *notes = json_object_get(dossier->answer, "notes"), *note;
	size_t index;

	begin(dossier, AT_NOTES);
	if (!json_array_size(notes))
		doc_none(&dossier->doc, "No note, or they were destroyed with it.");
	json_array_foreach(notes, index, note)
	{
		char at[TELL_DATE], who[TELL_WHO];
		BL_CLEANUP(bl_free) char *text = NULL;

		if (asprintf(&text, "%s, %s, about %s%s%.0lld: %s",
			     tell_utc(tell_unix(note, "at"), at), tell_who(note, "by", who),
			     cli_text(note, "about"), cli_number(note, "matter") ? " " : "",
			     cli_number(note, "matter"), cli_text(note, "text")) > 0)
			doc_item(&dossier->doc, text);
	}
}

static void put_others(struct dossier *dossier)
{
	static const char *const TOLD[] = {"open",    "requested", "approved",
					   "refused", "caller",	   NULL};

	begin(dossier, AT_OTHERS);
	if (!put_events(dossier, "events", "Who asked about it, what ended, what failed", TOLD,
			false))
		doc_none(&dossier->doc, "None.");
}

static void put_limits(struct dossier *dossier)
{
	begin(dossier, AT_LIMITS);
	doc_item(&dossier->doc, "What somebody remembered, or photographed from a screen.");
	doc_item(&dossier->doc, "What happened to the device before it was made known here.");
	doc_item(&dossier->doc, "Events that were trimmed by the policy's `audit: keep`; "
				"their tombstones stand in the log.");
	if (json_is_true(json_object_get(dossier->answer, "is_more")))
		doc_item(&dossier->doc,
			 "The log holds more than could be counted here: these figures are the "
			 "least. bailee log query tells all.");
	if (has_names(dossier) && cli_number(dossier->answer, "unopened"))
		doc_item(&dossier->doc, "Some names and reasons could not be opened: their keys "
					"are destroyed, or they were sealed for other auditors.");
}

void report_dossier(FILE *out, const json_t *answer, bool is_html)
{
	struct dossier dossier = {
		.doc = {.out = out, .is_html = is_html, .lang = "en", .widest = WIDE},
		.answer = answer};
	char made[TELL_DATE];
	BL_CLEANUP(bl_free) char *title = NULL;
	BL_CLEANUP(bl_free) char *lead = NULL;

	if (asprintf(&title, "Dossier of device %s", cli_text(answer, "id")) < 0)
		title = NULL;
	if (asprintf(&lead, "%s, %s. Made %s UTC on %s.", cli_text(answer, "kind"),
		     cli_text(answer, "state"), tell_utc(tell_unix(answer, "made"), made),
		     cli_text(answer, "host")) < 0)
		lead = NULL;

	const struct doc_head head = {.class = "",
				      .kind = "For an auditor",
				      .title = title ? title : "",
				      .lead = lead ? lead : "",
				      .has_script = true,
				      .sections = SECTIONS,
				      .section_count = SECTION_COUNT};

	doc_begin(&dossier.doc, &head);
	put_device(&dossier);
	put_proof(&dossier);
	begin(&dossier, AT_CUSTODY);
	put_events(&dossier, "custody", "What happened to it, in order", NULL, true);
	put_seen(&dossier);
	put_visits(&dossier);
	put_files(&dossier);
	put_unmasking(&dossier);
	put_denials(&dossier);
	for (size_t i = 0; i < BL_COUNT(CHAPTERS); i++)
		put_chapter(&dossier, &CHAPTERS[i]);
	put_destruction(&dossier);
	put_found(&dossier);
	put_notes(&dossier);
	put_others(&dossier);
	put_limits(&dossier);
	doc_end(&dossier.doc, &head);
}

#include "fs/cli/report-customer.h"

#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/report-doc.h"

#define LINES	  200 /* of looks that a page has; the JSON has all */
#define KEY_GROUP 8   /* digits that are read out in one breath */

struct report {
	struct doc doc;
	enum report_lang lang;
	const json_t *answer;
};

typedef void put_fn(struct doc *doc, const char *text);

/* ---- words ----------------------------------------------------------------------------------------- */

static void put_filled(struct report *report, put_fn *put, enum report_word word,
		       const char *const *texts)
{
	BL_CLEANUP(bl_free) char *text = report_say(report->lang, word, texts);

	if (text)
		put(&report->doc, text);
}
#define SAY(report, put, word, ...)                                                                \
	put_filled(report, put, word, (const char *const[]){__VA_ARGS__, NULL})
#define WORDS(report, word) report_word((report)->lang, WORD_##word)

/* The text of a variable length, made with fprintf. Owned by the caller. */
struct text {
	FILE *out;
	char *bytes;
	size_t size;
};

static bool text_open(struct text *text)
{
	*text = (struct text){.bytes = NULL};
	text->out = open_memstream(&text->bytes, &text->size);
	return text->out;
}

/* NULL: no memory */
static char *text_take(struct text *text)
{
	if (fclose(text->out) == 0)
		return text->bytes;
	free(text->bytes);
	return NULL;
}

static const char *date_of(const struct report *report, const json_t *object, const char *key,
			   char out[REPORT_DATE])
{
	return report_date(report->lang, cli_text(object, key), out);
}

static const char *short_date_of(const struct report *report, const json_t *object, const char *key,
				 char out[REPORT_DATE])
{
	return report_short_date(report->lang, cli_text(object, key), out);
}

/* "1,234", "1.234" */
static struct page_figure figure(const struct report *report, long long value)
{
	struct page_figure figure = page_grouped((uint64_t)BL_MAX(value, 0));

	for (char *at = figure.text; report->lang == REPORT_DE && *at; at++)
		if (*at == ',')
			*at = '.';
	return figure;
}

/* "1 file", "1,234 files": owned by the caller */
static char *files_of(const struct report *report, long long count)
{
	struct page_figure shown = figure(report, count);

	return REPORT_SAY(report->lang, count == 1 ? WORD_FILE_1 : WORD_FILE_N, shown.text);
}

/* Names of the policy: "privacy-officer" reads "privacy officer"; of a list each. */
static void put_name(FILE *out, const char *name)
{
	for (; *name; name++)
		if (*name == ',')
			fputs(", ", out);
		else
			fputc(*name == '-' ? ' ' : *name, out);
}

static void put_list(FILE *out, const json_t *list)
{
	const json_t *item;
	size_t index;

	json_array_foreach(list, index, item)
	{
		if (index)
			fputs(", ", out);
		put_name(out, json_string_value(item) ? json_string_value(item) : "");
	}
}

/* "payment card numbers, IBANs": of an array of names, or of a text of names. Owned by the caller */
static char *classes_of(const struct report *report, const json_t *classes)
{
	struct text text;
	const json_t *item;
	size_t index;

	if (!text_open(&text))
		return NULL;
	json_array_foreach(classes, index, item) fprintf(
		text.out, "%s%s", index ? ", " : "",
		report_class(report->lang, json_string_value(item) ? json_string_value(item) : ""));
	return text_take(&text);
}

static char *classes_said(const struct report *report, const char *names)
{
	BL_CLEANUP(json_decref) json_t *list = json_array();
	BL_CLEANUP(bl_free) char *copy = strdup(names);
	char *rest = copy;

	while (rest && *rest) {
		char *name = strsep(&rest, ",");

		json_array_append_new(list, json_string(name + strspn(name, " ")));
	}
	return classes_of(report, list);
}

/* "Laptop Acme Book 14" */
static char *device_of(const struct report *report)
{
	const char *maker = cli_text(report->answer, "maker");
	const char *model = cli_text(report->answer, "model");
	struct text text;

	if (!text_open(&text))
		return NULL;
	fprintf(text.out, "%s%s%s%s%s", report_kind(report->lang, cli_text(report->answer, "kind")),
		*maker ? " " : "", maker, *model ? " " : "", model);
	return text_take(&text);
}

/* ---- how it stands ------------------------------------------------------------------------------------ */

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static bool is_state(const struct report *report, const char *state)
{
	return strcmp(cli_text(report->answer, "state"), state) == 0;
}

static const json_t *certificate_of(const struct report *report)
{
	const json_t *certificate = json_object_get(report->answer, "destroyed");

	return json_is_object(certificate) ? certificate : NULL;
}

static bool is_gone(const struct report *report)
{
	return is_state(report, "shredded") || is_state(report, "released");
}

static bool is_ours(const struct report *report)
{
	return is_true(report->answer, "sealed") || is_true(report->answer, "destroy_when_due");
}

static bool is_proven(const struct report *report)
{
	return strncmp(cli_text(certificate_of(report), "status"), "ERASED", 6) == 0;
}

/* When it was destroyed: as the record has it, else the certificate. */
static const char *destroyed_at(const struct report *report)
{
	const char *at = cli_text(json_object_get(report->answer, "end"), "at");

	return *at ? at : cli_text(certificate_of(report), "done");
}

static void put_verdict_of(struct report *report, enum doc_mood mood, enum report_word words,
			   const char *moment, enum report_word text)
{
	char date[REPORT_DATE];
	BL_CLEANUP(bl_free)
	char *said = REPORT_SAY(report->lang, words, report_date(report->lang, moment, date));

	if (said)
		doc_verdict(&report->doc, mood, said, report_word(report->lang, text));
}

static void put_verdict(struct report *report)
{
	bool is_whole = strcmp(cli_text(certificate_of(report), "status"), "ERASED") == 0;
	const char *due = cli_text(report->answer, "due");

	if (certificate_of(report) && is_proven(report))
		put_verdict_of(report, is_whole ? DOC_GOOD : DOC_FAIR, WORD_V_DESTROYED,
			       destroyed_at(report),
			       is_whole ? WORD_V_DESTROYED_TEXT : WORD_V_EXCEPTIONS_TEXT);
	else if (certificate_of(report) || is_state(report, "shredded"))
		put_verdict_of(report, DOC_BAD, WORD_V_UNPROVEN, "", WORD_V_UNPROVEN_TEXT);
	else if (is_state(report, "released"))
		put_verdict_of(report, DOC_GOOD, WORD_V_RELEASED, "", WORD_V_RELEASED_TEXT);
	else if (is_true(report->answer, "held"))
		put_verdict_of(report, DOC_FAIR, WORD_V_HELD, "", WORD_V_HELD_TEXT);
	else if (is_state(report, "due"))
		put_verdict_of(report, DOC_FAIR, WORD_V_DUE, "", WORD_V_DUE_TEXT);
	else
		put_verdict_of(report, DOC_FAIR, WORD_V_HERE, due,
			       is_ours(report) ? WORD_V_HERE_TEXT : WORD_V_LENT_TEXT);
}

static struct doc_step last_step(const struct report *report, char when[REPORT_DATE])
{
	if (certificate_of(report) && is_proven(report)) {
		report_short_date(report->lang, destroyed_at(report), when);
		return (struct doc_step){WORDS(report, W_DESTROYED), when, true};
	}
	if (is_state(report, "released"))
		return (struct doc_step){WORDS(report, W_RELEASED), "", true};
	short_date_of(report, report->answer, "due", when);
	return (struct doc_step){is_ours(report) ? WORDS(report, W_TO_DESTROY)
						 : WORDS(report, W_TO_CLOSE),
				 when, false};
}

static void put_way(struct report *report)
{
	const json_t *look = json_array_get(json_object_get(report->answer, "looks"), 0);
	const json_t *hold = json_array_get(json_object_get(report->answer, "holds"), 0);
	char received[REPORT_DATE], looked[REPORT_DATE] = "", held[REPORT_DATE], last[REPORT_DATE];
	struct doc_step steps[4];
	size_t count = 0;

	steps[count++] = (struct doc_step){
		WORDS(report, W_RECEIVED),
		short_date_of(report, report->answer, "received", received), true};
	if (look)
		report_short_date(report->lang, cli_text(look, "first"), looked);
	steps[count++] = (struct doc_step){
		look ? WORDS(report, W_LOOKED) : WORDS(report, W_NOT_LOOKED), looked, look != NULL};
	if (hold)
		steps[count++] = (struct doc_step){
			WORDS(report, W_HELD), short_date_of(report, hold, "since", held), true};
	steps[count++] = last_step(report, last);
	doc_steps(&report->doc, WORDS(report, WAY), steps, count);
}

/* ---- what was held ---------------------------------------------------------------------------------------- */

static void put_found(struct report *report)
{
	const json_t *found = json_object_get(report->answer, "found"), *count;
	json_t *classes = json_object_get(found, "classes");
	char at[REPORT_DATE];
	const char *class;
	BL_CLEANUP(bl_free) char *looked = files_of(report, cli_number(found, "looked"));
	BL_CLEANUP(bl_free) char *withheld = files_of(report, cli_number(found, "withheld"));

	if (!json_is_object(found)) {
		doc_say(&report->doc, is_gone(report) ? WORDS(report, NOT_COUNTED_GONE)
						      : WORDS(report, NOT_COUNTED));
		return;
	}
	if (!looked || !withheld)
		return;
	SAY(report, doc_say, json_object_size(classes) ? WORD_FOUND : WORD_FOUND_NOTHING,
	    date_of(report, found, "at", at), looked);
	json_object_foreach(classes, class, count)
	{
		struct page_figure values = figure(report, cli_number(count, "values"));
		BL_CLEANUP(bl_free) char *files = files_of(report, cli_number(count, "files"));

		if (files)
			SAY(report, doc_item, WORD_FOUND_ITEM, report_class(report->lang, class),
			    values.text, files);
	}
	if (cli_number(found, "withheld"))
		SAY(report, doc_say, WORD_FOUND_WITHHELD, withheld);
}

static void put_held(struct report *report)
{
	const json_t *answer = report->answer;
	BL_CLEANUP(bl_free) char *device = device_of(report);
	char received[REPORT_DATE];

	doc_heading(&report->doc, "held", WORDS(report, H_HELD));
	doc_row(&report->doc, WORDS(report, L_DEVICE), device);
	doc_row(&report->doc, WORDS(report, L_SERIAL), cli_text(answer, "serial"));
	doc_row(&report->doc, WORDS(report, L_NUMBER), cli_text(answer, "id"));
	doc_row(&report->doc, WORDS(report, L_RECEIVED),
		date_of(report, answer, "received", received));
	doc_row(&report->doc, WORDS(report, L_COPY),
		is_true(answer, "sealed") ? WORDS(report, COPY_SEALED) : WORDS(report, COPY_PLACE));
	put_found(report);
}

/* ---- what the rules promise ---------------------------------------------------------------------------------- */

static void put_purposes(const struct report *report, FILE *out, const json_t *promise)
{
	const json_t *list = json_object_get(promise, "purposes");
	struct text text;
	BL_CLEANUP(bl_free) char *names = NULL;
	BL_CLEANUP(bl_free) char *said = NULL;

	if (!json_array_size(list) || !text_open(&text))
		return;
	put_list(text.out, list);
	names = text_take(&text);
	said = names ? REPORT_SAY(report->lang, WORD_P_FOR, names) : NULL;
	if (said)
		fprintf(out, ", %s", said);
}

static void put_terms(const struct report *report, FILE *out, const json_t *promise)
{
	long long approvals = cli_number(promise, "approvals");
	struct page_figure count = figure(report, approvals);
	BL_CLEANUP(bl_free) char *classes = classes_of(report, json_object_get(promise, "classes"));
	BL_CLEANUP(bl_free)
	char *only = classes && *classes ? REPORT_SAY(report->lang, WORD_P_ONLY, classes) : NULL;
	BL_CLEANUP(bl_free)
	char *agreed = REPORT_SAY(
		report->lang, approvals == 1 ? WORD_P_APPROVALS_1 : WORD_P_APPROVALS_N, count.text);

	if (only)
		fprintf(out, ", %s", only);
	if (is_true(promise, "consent"))
		fprintf(out, ", %s", WORDS(report, P_CONSENT));
	if (is_true(promise, "reason"))
		fprintf(out, ", %s", WORDS(report, P_REASON));
	if (approvals && agreed)
		fprintf(out, ", %s", agreed);
}

/* "technician, for repair, only with your consent. In the words of our rules: Repairs need a look." */
static void put_promise(struct report *report, const json_t *promise)
{
	BL_CLEANUP(bl_free)
	char *why = REPORT_SAY(report->lang, WORD_P_WHY, cli_text(promise, "why"));
	BL_CLEANUP(bl_free) char *line = NULL;
	struct text text;

	if (!text_open(&text))
		return;
	if (is_true(promise, "everyone"))
		fputs(WORDS(report, EVERYBODY), text.out);
	else
		put_list(text.out, json_object_get(promise, "roles"));
	put_purposes(report, text.out, promise);
	put_terms(report, text.out, promise);
	fprintf(text.out, ". %s", why ? why : "");
	line = text_take(&text);
	if (line)
		doc_item(&report->doc, line);
}

static size_t count_promises(const struct report *report, const char *what)
{
	const json_t *promises = json_object_get(report->answer, "promises"), *promise;
	size_t index, count = 0;

	json_array_foreach(promises, index, promise) count +=
		strcmp(cli_text(promise, "what"), what) == 0;
	return count;
}

static void put_promises(struct report *report, const char *what)
{
	const json_t *promises = json_object_get(report->answer, "promises"), *promise;
	size_t index;

	json_array_foreach(promises, index, promise) if (strcmp(cli_text(promise, "what"), what) ==
							 0) put_promise(report, promise);
}

static void put_what_for(struct report *report)
{
	bool is_looked_at = count_promises(report, "look") > 0;
	const char *words =
		is_gone(report) ? WORDS(report, WHAT_FOR_GONE) : WORDS(report, WHAT_FOR);

	doc_heading(&report->doc, "what-for", WORDS(report, H_WHAT_FOR));
	doc_say(&report->doc, is_looked_at ? words : WORDS(report, WHAT_FOR_NOBODY));
	put_promises(report, "look");
}

static void put_receivers(struct report *report)
{
	bool is_received = count_promises(report, "receive") > 0;
	const char *words = is_gone(report) ? WORDS(report, RECEIVE_GONE) : WORDS(report, RECEIVE);

	doc_heading(&report->doc, "receive", WORDS(report, H_RECEIVE));
	doc_say(&report->doc, is_received ? words : WORDS(report, RECEIVE_NOBODY));
	put_promises(report, "receive");
	if (is_received)
		doc_say(&report->doc, WORDS(report, RECEIVE_ELSE));
}

/* ---- the choice, and where to complain ------------------------------------------------------------------------- */

static void put_consents(struct report *report)
{
	const json_t *consents = json_object_get(report->answer, "consents"), *consent;
	size_t index;

	json_array_foreach(consents, index, consent)
	{
		bool is_granted = strcmp(cli_text(consent, "state"), "granted") == 0;
		char since[REPORT_DATE];
		struct text text;
		BL_CLEANUP(bl_free) char *purpose = NULL;

		if (!text_open(&text))
			return;
		put_name(text.out, cli_text(consent, "purpose"));
		purpose = text_take(&text);
		if (purpose)
			SAY(report, doc_item,
			    is_granted ? WORD_CONSENT_GRANTED : WORD_CONSENT_WITHDRAWN, purpose,
			    date_of(report, consent, "since", since));
	}
	if (!json_array_size(consents))
		doc_say(&report->doc, WORDS(report, CONSENT_NONE));
}

static void put_request(struct report *report, const json_t *request)
{
	static const struct {
		const char *kind;
		enum report_word word;
	} KINDS[] = {
		{"erase", WORD_R_ERASE}, {"disclose", WORD_R_DISCLOSE}, {"return", WORD_R_RETURN}};
	const char *state = cli_text(request, "state");
	enum report_word ended = strcmp(state, "done") == 0	 ? WORD_R_DONE
				 : strcmp(state, "refused") == 0 ? WORD_R_REFUSED
								 : WORD_R_OPEN;
	char since[REPORT_DATE], end[REPORT_DATE];
	BL_CLEANUP(bl_free)
	char *outcome = REPORT_SAY(report->lang, ended, date_of(report, request, "ended", end));

	for (size_t i = 0; outcome && i < BL_COUNT(KINDS); i++)
		if (strcmp(KINDS[i].kind, cli_text(request, "kind")) == 0)
			SAY(report, doc_item, WORD_REQUEST,
			    date_of(report, request, "since", since),
			    report_word(report->lang, KINDS[i].word), outcome);
}

static void put_choice(struct report *report)
{
	const json_t *requests = json_object_get(report->answer, "requests"), *request;
	size_t index;

	doc_heading(&report->doc, "choice", WORDS(report, H_CHOICE));
	if (!is_gone(report))
		put_consents(report);
	json_array_foreach(requests, index, request) put_request(report, request);
	doc_say(&report->doc, is_gone(report) ? WORDS(report, CHOICE_GONE) : WORDS(report, CHOICE));
}

static void put_complaint(struct report *report)
{
	const char *contact = cli_text(report->answer, "contact");
	const char *complain = cli_text(report->answer, "complain");

	doc_heading(&report->doc, "complain", WORDS(report, H_COMPLAIN));
	SAY(report, doc_say, WORD_ASK_US, cli_text(report->answer, "id"),
	    *contact ? contact : WORDS(report, ASK_US_BLANK));
	SAY(report, doc_say, WORD_COMPLAIN, *complain ? complain : WORDS(report, COMPLAIN_BLANK));
}

/* ---- who looked ------------------------------------------------------------------------------------------------ */

static char *who_of(const struct report *report, const json_t *look)
{
	const char *roles = cli_text(look, "roles"), *person = cli_text(look, "person");
	long long people = cli_number(look, "people");
	struct page_figure count = figure(report, people);
	struct text text;
	BL_CLEANUP(bl_free) char *named = NULL;

	if (!text_open(&text))
		return NULL;
	if (*roles)
		put_name(text.out, roles);
	else
		fputs(WORDS(report, WHO_NOBODY), text.out);
	named = text_take(&text);
	if (!named)
		return NULL;
	if (*person)
		return REPORT_SAY(report->lang, WORD_WHO_NAMED, person, named);
	return people > 1 ? REPORT_SAY(report->lang, WORD_WHO_MANY, named, count.text)
			  : BL_TAKE(named);
}

static char *purpose_of(const struct report *report, const json_t *look)
{
	const char *purpose = cli_text(look, "purpose");
	struct text text;

	if (strcmp(purpose, "none") == 0 || strcmp(purpose, "unknown") == 0)
		return strdup(WORDS(report, NO_PURPOSE));
	if (!text_open(&text))
		return NULL;
	put_name(text.out, purpose);
	return text_take(&text);
}

static char *seen_of(const struct report *report, const json_t *look)
{
	long long files = cli_number(look, "files"), denied = cli_number(look, "denied");
	struct page_figure refusals = figure(report, denied);
	BL_CLEANUP(bl_free) char *count = files_of(report, files);
	BL_CLEANUP(bl_free)
	char *opened = count ? REPORT_SAY(report->lang, WORD_SAW_FILES, count) : NULL;
	BL_CLEANUP(bl_free)
	char *refused = REPORT_SAY(
		report->lang, denied == 1 ? WORD_SAW_DENIED_1 : WORD_SAW_DENIED_N, refusals.text);
	bool is_listed = is_true(look, "listed");
	struct text text;

	if (!opened || !refused || !text_open(&text))
		return NULL;
	if (is_listed)
		fputs(WORDS(report, SAW_NAMES), text.out);
	if (files)
		fprintf(text.out, "%s%s", is_listed ? "; " : "", opened);
	if (denied)
		fprintf(text.out, "%s%s", is_listed || files ? "; " : "", refused);
	return text_take(&text);
}

static void put_look(struct report *report, struct doc_table *table, const json_t *look)
{
	char day[REPORT_DATE];
	BL_CLEANUP(bl_free) char *who = who_of(report, look);
	BL_CLEANUP(bl_free) char *purpose = purpose_of(report, look);
	BL_CLEANUP(bl_free) char *seen = seen_of(report, look);

	if (who && purpose && seen)
		doc_table_row(table,
			      (const char *const[]){date_of(report, look, "day", day), who, purpose,
						    seen},
			      NULL);
}

/* Where it was opened tells whether it can have been copied. */
static void put_places(struct report *report)
{
	const json_t *looks = json_object_get(report->answer, "looks"), *look;
	bool was_sealed = false, was_open = false;
	size_t index;

	json_array_foreach(looks, index, look)
	{
		bool is_sealed = is_true(look, "sealed");

		was_sealed |= is_sealed && cli_number(look, "files");
		was_open |= !is_sealed && cli_number(look, "files");
	}
	if (was_sealed)
		doc_say(&report->doc, WORDS(report, SEALED));
	if (was_open)
		doc_say(&report->doc, WORDS(report, OPEN_MOUNT));
}

static void put_looks(struct report *report)
{
	const json_t *looks = json_object_get(report->answer, "looks");
	const struct html_column columns[] = {{WORDS(report, C_DAY), HTML_WORDS},
					      {WORDS(report, C_WHO), HTML_WORDS},
					      {WORDS(report, C_WHAT_FOR), HTML_WORDS},
					      {WORDS(report, C_WHAT), HTML_WORDS},
					      {NULL, HTML_WORDS}};
	struct page_figure most = figure(report, LINES);
	struct doc_table table;

	doc_heading(&report->doc, "looked", WORDS(report, H_LOOKED));
	if (!json_array_size(looks)) {
		doc_say(&report->doc, WORDS(report, LOOKED_NOBODY));
		return;
	}
	doc_say(&report->doc, WORDS(report, LOOKED));
	doc_table(&report->doc, "", columns, &table);
	for (size_t i = 0; i < json_array_size(looks) && i < LINES; i++)
		put_look(report, &table, json_array_get(looks, i));
	doc_table_end(&table);
	if (json_array_size(looks) > LINES)
		SAY(report, doc_say, WORD_LOOKED_MORE, most.text);
	if (is_true(report->answer, "is_more"))
		doc_say(&report->doc, WORDS(report, LOOKED_LEAST));
	put_places(report);
}

/* ---- what stayed hidden --------------------------------------------------------------------------------------- */

static size_t put_unmasked(struct report *report)
{
	const json_t *looks = json_object_get(report->answer, "looks"), *look;
	size_t index, count = 0;

	json_array_foreach(looks, index, look)
	{
		long long times = cli_number(look, "unmasked");
		struct page_figure shown = figure(report, times);
		char day[REPORT_DATE];
		BL_CLEANUP(bl_free) char *who = who_of(report, look);
		BL_CLEANUP(bl_free)
		char *classes = classes_said(report, cli_text(look, "classes"));

		count += times > 0;
		if (times && who && classes && count <= LINES)
			SAY(report, doc_item, times == 1 ? WORD_UNMASKED_1 : WORD_UNMASKED_N,
			    classes, date_of(report, look, "day", day), who, shown.text);
	}
	return count;
}

static void put_masked(struct report *report)
{
	BL_CLEANUP(bl_free)
	char *hidden = classes_of(report, json_object_get(report->answer, "hidden"));

	doc_heading(&report->doc, "hidden", WORDS(report, H_MASKED));
	if (hidden)
		SAY(report, doc_say, WORD_MASKED, hidden);
	doc_say(&report->doc, WORDS(report, MASKED_LIMIT));
	if (!put_unmasked(report))
		doc_say(&report->doc, WORDS(report, UNMASKED_NEVER));
}

/* ---- what went wrong ------------------------------------------------------------------------------------------- */

static void put_incident(struct report *report, const json_t *incident)
{
	static const struct {
		const char *kind;
		enum report_word word;
	} KINDS[] = {{"damage", WORD_I_DAMAGE},
		     {"loss", WORD_I_LOSS},
		     {"exposure", WORD_I_EXPOSURE},
		     {"complaint", WORD_I_COMPLAINT}};
	bool is_closed = strcmp(cli_text(incident, "state"), "closed") == 0;
	char opened[REPORT_DATE], closed[REPORT_DATE];

	for (size_t i = 0; i < BL_COUNT(KINDS); i++)
		if (strcmp(KINDS[i].kind, cli_text(incident, "kind")) == 0)
			SAY(report, doc_item, is_closed ? WORD_INCIDENT_CLOSED : WORD_INCIDENT_OPEN,
			    date_of(report, incident, "opened", opened),
			    report_word(report->lang, KINDS[i].word),
			    date_of(report, incident, "closed", closed),
			    cli_text(incident, "action"));
}

static void put_incidents(struct report *report)
{
	const json_t *incidents = json_object_get(report->answer, "incidents"), *incident;
	size_t index;

	if (!json_array_size(incidents))
		return;
	doc_heading(&report->doc, "wrong", WORDS(report, H_WRONG));
	json_array_foreach(incidents, index, incident) put_incident(report, incident);
}

/* ---- its end ---------------------------------------------------------------------------------------------------- */

static const char *how_of(const struct report *report, const json_t *certificate)
{
	const char *technique = cli_text(certificate, "technique");

	if (strcmp(technique, "overwrite") == 0)
		return WORDS(report, HOW_OVERWRITE);
	return strcmp(technique, "cryptographic erase") == 0 ? WORDS(report, HOW_KEYS)
							     : WORDS(report, HOW_NONE);
}

static const char *result_of(const struct report *report, const json_t *certificate)
{
	const char *status = cli_text(certificate, "status");

	if (strcmp(status, "ERASED") == 0)
		return WORDS(report, D_ERASED);
	return strcmp(status, "ERASED_WITH_EXCEPTIONS") == 0 ? WORDS(report, D_EXCEPTIONS)
							     : WORDS(report, D_NOT);
}

static void put_parts(struct report *report)
{
	const json_t *parts = json_object_get(report->answer, "parts"), *part;
	const json_t *source = json_object_get(report->answer, "source_destroyed");
	char at[REPORT_DATE];
	size_t index;

	json_array_foreach(parts, index, part)
	{
		BL_CLEANUP(bl_free) char *files = files_of(report, cli_number(part, "files"));

		if (files)
			SAY(report, doc_say, WORD_D_PART, date_of(report, part, "done", at), files);
	}
	if (json_is_object(source))
		SAY(report, doc_say, WORD_D_SOURCE, date_of(report, source, "done", at));
}

static void put_destroyed(struct report *report)
{
	const json_t *certificate = certificate_of(report);
	const json_t *verified = json_object_get(report->answer, "verified");
	char at[REPORT_DATE];

	doc_heading(&report->doc, "destroyed", WORDS(report, H_DESTROYED));
	doc_row(&report->doc, WORDS(report, D_WHEN),
		report_date(report->lang, destroyed_at(report), at));
	doc_row(&report->doc, WORDS(report, D_HOW), how_of(report, certificate));
	doc_row(&report->doc, WORDS(report, D_RESULT), result_of(report, certificate));
	if (json_is_object(verified))
		SAY(report, doc_say, WORD_D_VERIFIED, date_of(report, verified, "at", at),
		    is_true(verified, "good") ? WORDS(report, D_VERIFIED_GOOD)
					      : WORDS(report, D_VERIFIED_BAD));
	put_parts(report);
}

static void put_holds(struct report *report)
{
	const json_t *holds = json_object_get(report->answer, "holds"), *hold;
	size_t index;

	json_array_foreach(holds, index, hold)
	{
		char since[REPORT_DATE];

		SAY(report, doc_item, WORD_D_HOLD, date_of(report, hold, "since", since),
		    cli_number(hold, "incident") ? WORDS(report, D_HOLD_INCIDENT)
						 : WORDS(report, D_HOLD_PERSON));
	}
}

static void put_end(struct report *report)
{
	char due[REPORT_DATE];

	if (certificate_of(report)) {
		put_destroyed(report);
		return;
	}
	doc_heading(&report->doc, "destroyed", WORDS(report, H_TO_DESTROY));
	if (is_gone(report))
		doc_say(&report->doc, WORDS(report, D_RELEASED));
	else
		SAY(report, doc_say, is_ours(report) ? WORD_D_ON : WORD_D_NOT_OURS,
		    date_of(report, report->answer, "due", due));
	put_holds(report);
	put_parts(report);
}

/* ---- how to check it -------------------------------------------------------------------------------------------- */

static char *grouped(const char *digits)
{
	struct text text;

	if (!text_open(&text))
		return NULL;
	for (size_t i = 0; digits[i]; i++)
		fprintf(text.out, "%s%c", i && i % KEY_GROUP == 0 ? " " : "", digits[i]);
	return text_take(&text);
}

static void put_check(struct report *report)
{
	const char *id = cli_text(report->answer, "id");
	BL_CLEANUP(bl_free) char *key = grouped(cli_text(report->answer, "public_key"));
	BL_CLEANUP(bl_free) char *digest = grouped(cli_text(report->answer, "digest"));
	BL_CLEANUP(bl_free) char *command = NULL;
	BL_CLEANUP(bl_free) char *of_file = NULL;
	char file[BL_DEVICE_ID_SIZE + 8];

	doc_heading(&report->doc, "check", WORDS(report, H_CHECK));
	if (!certificate_of(report)) {
		doc_say(&report->doc, is_gone(report) || !is_ours(report)
					      ? WORDS(report, CHECK_NONE)
					      : WORDS(report, CHECK_LATER));
		return;
	}
	snprintf(file, sizeof(file), "%s.json", id);
	SAY(report, doc_say, WORD_CHECK_ASK, file);
	if (asprintf(&command, "bailee certificate verify %s --key \\\n  %s", file,
		     cli_text(report->answer, "public_key")) < 0)
		return;
	doc_do(&report->doc, command);
	doc_say(&report->doc, WORDS(report, CHECK_GENUINE));
	doc_row(&report->doc, WORDS(report, CHECK_KEY), key);
	if (digest && *digest)
		of_file = REPORT_SAY(report->lang, WORD_CHECK_DIGEST_OF, digest, file);
	doc_row(&report->doc, WORDS(report, CHECK_DIGEST), of_file);
	doc_say(&report->doc, WORDS(report, CHECK_KEY_TEXT));
}

void report_customer(FILE *out, const json_t *answer, enum report_lang lang, bool is_html)
{
	struct report report = {.doc = {.out = out,
					.is_html = is_html,
					.lang = report_lang_name(lang),
					.widest = TELL_WIDE},
				.lang = lang,
				.answer = answer};
	struct page_figure serial = {.text = ""};
	char made[REPORT_DATE];
	BL_CLEANUP(bl_free) char *device = device_of(&report);
	BL_CLEANUP(bl_free)
	char *lead = REPORT_SAY(lang, WORD_LEAD, device ? device : "", cli_text(answer, "id"),
				date_of(&report, answer, "made", made));
	const struct doc_head head = {.class = "sheet",
				      .kind = report_word(lang, WORD_KIND),
				      .title = report_word(lang, WORD_TITLE),
				      .lead = lead ? lead : ""};

	snprintf(serial.text, sizeof(serial.text), "%lld", cli_number(answer, "policy_serial"));
	doc_begin(&report.doc, &head);
	put_verdict(&report);
	put_way(&report);
	put_held(&report);
	put_what_for(&report);
	put_receivers(&report);
	put_choice(&report);
	put_complaint(&report);
	put_looks(&report);
	put_masked(&report);
	put_incidents(&report);
	put_end(&report);
	put_check(&report);
	SAY(&report, doc_note, WORD_MADE, serial.text);
	doc_end(&report.doc, &head);
}

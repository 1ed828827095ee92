#include "fs/cli/device-page.h"

#include <inttypes.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/progress.h"

/* ---- words ------------------------------------------------------------------------------------------- */

void device_say_what(const json_t *device, struct tell_list *out)
{
	const char *maker = cli_text(device, "maker"), *model = cli_text(device, "model");
	const char *serial = cli_text(device, "serial");
	char bytes[24];

	if (*maker || *model)
		tell_list_add(out, "%s%s%s", maker, *maker && *model ? " " : "", model);
	if (*serial)
		tell_list_add(out, "serial number %s", serial);
	if (cli_number(device, "capacity") > 0)
		tell_list_add(out, "%s",
			      progress_bytes((uint64_t)cli_number(device, "capacity"), bytes));
}

const char *device_say_fate(const json_t *device)
{
	if (json_is_true(json_object_get(device, "sealed")))
		return "sealed in the store; destroyed on its date";
	return json_is_true(json_object_get(device, "destroy_when_due"))
		       ? "where it was enrolled; destroyed on its date"
		       : "where it was enrolled; closed on its date, not ours to destroy";
}

const char *device_say_warning(const json_t *object)
{
	const char *warning = cli_text(object, "warning");

	return strcmp(warning, "late") == 0 ? "LATE" : warning;
}

/* ---- what it is ---------------------------------------------------------------------------------------- */

#define LABEL 12

static void put_label(FILE *out, const char *label)
{
	fprintf(out, "%-*s", LABEL, label);
}

static void put_text(FILE *out, const char *label, const char *text)
{
	if (*text)
		tell_row(out, LABEL, label, text);
}

static void put_due(FILE *out, const json_t *device)
{
	char due[TELL_DATE], until[TELL_DATE];

	if (!*tell_date(device, "due", due))
		return;
	put_label(out, "due");
	fprintf(out, "%s, by '%s' (bailee retention plan tells why)\n", due,
		cli_text(device, "retention"));
	if (*tell_date(device, "grace", until))
		fprintf(out, "%*snot destroyed before %s: another policy made it due\n", LABEL, "",
			until);
	if (json_is_true(json_object_get(device, "held")))
		fprintf(out, "%*sHELD: nothing of it is destroyed until all holds are released\n",
			LABEL, "");
}

/* What was its image and its customer is not there any more. */
static bool is_gone(const json_t *device)
{
	const char *state = cli_text(device, "state");

	return strcmp(state, "shredded") == 0 || strcmp(state, "released") == 0;
}

static void put_image(FILE *out, const json_t *device)
{
	if (json_is_false(json_object_get(device, "complete")))
		put_text(out, "image", "its intake is NOT complete (the same command goes on)");
	else
		put_text(out, "image", device_say_fate(device));
}

static void put_customer(FILE *out, const json_t *device)
{
	const json_t *has = json_object_get(device, "has_customer");

	if (json_is_boolean(has))
		put_text(out, "customer",
			 json_is_true(has) ? "on record, sealed: shown to nobody"
					   : "nobody on record");
}

static void put_pictures(FILE *out, const json_t *device)
{
	const json_t *pictures = json_object_get(device, "pictures"), *picture;
	size_t index;

	json_array_foreach(pictures, index, picture)
		put_text(out, index ? "" : "pictures",
			 json_string_value(picture) ? json_string_value(picture) : "?");
}

static void put_facts(FILE *out, const json_t *device)
{
	struct tell_list what = {.length = 0};
	char received[TELL_DATE], closed[TELL_DATE];

	tell_safe(out, cli_text(device, "id"));
	fprintf(out, "  %s, %s", cli_text(device, "kind"), cli_text(device, "state"));
	if (*cli_text(device, "warning"))
		fprintf(out, ", %s", device_say_warning(device));
	fputs("\n\n", out);
	device_say_what(device, &what);
	put_text(out, "what", what.text);
	put_text(out, "origin", cli_text(device, "origin"));
	put_text(out, "where", cli_text(device, "location"));
	put_text(out, "received", tell_date(device, "received", received));
	put_text(out, "closed", tell_date(device, "closed", closed));
	put_due(out, device);
	if (!is_gone(device)) {
		put_image(out, device);
		put_customer(out, device);
	}
	put_pictures(out, device);
	put_text(out, "signed scan", cli_text(device, "scan"));
}

/* ---- how it ended -------------------------------------------------------------------------------------- */

static const char *say_verified(const json_t *verified)
{
	return json_is_true(json_object_get(verified, "good")) ? "good" : "BAD";
}

static const char *say_inspected(const json_t *inspected)
{
	if (!json_is_true(json_object_get(inspected, "empty")))
		return "NOT empty";
	return json_is_true(json_object_get(inspected, "other"))
		       ? "empty, but of ANOTHER serial number"
		       : "empty";
}

static const char *say_end(const json_t *end)
{
	(void)end;
	return "destroyed";
}

/* Absent, null or without a date: it did not happen. */
static void put_ends(FILE *out, const json_t *device)
{
	static const struct {
		const char *key;
		const char *(*say)(const json_t *object);
	} ENDS[] = {{"end", say_end}, {"verified", say_verified}, {"inspected", say_inspected}};

	for (size_t i = 0; i < BL_COUNT(ENDS); i++) {
		const json_t *object = json_object_get(device, ENDS[i].key);
		char at[TELL_DATE], who[TELL_WHO];

		if (!*tell_date(object, "at", at))
			continue;
		put_label(out, ENDS[i].key);
		fprintf(out, "%s  %s by ", at, ENDS[i].say(object));
		tell_safe(out, tell_who(object, "by", who));
		fputc('\n', out);
	}
	if (json_is_true(json_object_get(device, "certificate")))
		fprintf(out, "%*sbailee certificate show %s\n", LABEL, "", cli_text(device, "id"));
}

/* ---- what goes on about it ------------------------------------------------------------------------------ */

static void put_head(FILE *out, const json_t *list, const char *head)
{
	if (json_array_size(list))
		fprintf(out, "\n%s\n", head);
}

static void put_hold(FILE *out, const json_t *hold)
{
	char since[TELL_DATE], review[TELL_DATE], who[TELL_WHO];
	const json_t *overdue = json_object_get(hold, "overdue");

	fprintf(out, "  %-3lld %s  ", cli_number(hold, "number"), tell_date(hold, "since", since));
	tell_safe(out, tell_who(hold, "by", who));
	if (cli_number(hold, "incident"))
		fprintf(out, ", for incident %lld", cli_number(hold, "incident"));
	if (*tell_date(hold, "review_by", review))
		fprintf(out, ", review by %s", review);
	if (json_is_true(overdue) || (json_is_string(overdue) && *json_string_value(overdue)))
		fputs(" OVERDUE", out);
	fputc('\n', out);
	tell_wrapped(out, 6, cli_text(hold, "reason"));
}

static void put_consents(FILE *out, const json_t *consents)
{
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {.heads = {"CONSENT", "STATE", "SINCE", "BY"}, .indent = 2};
	const json_t *consent;
	size_t index;

	json_array_foreach(consents, index, consent)
	{
		char since[TELL_DATE], who[TELL_WHO];

		tell_table_add(&table, (const char *[]){cli_text(consent, "purpose"),
							cli_text(consent, "state"),
							tell_date(consent, "since", since),
							tell_who(consent, "by", who)});
	}
	if (table.rows) {
		fputc('\n', out);
		tell_table_print(out, &table);
	}
}

/* Of an incident or a request: which, how it stands, until when. */
static void put_matter(FILE *out, const json_t *matter, const char *from, const char *closed)
{
	char begun[TELL_DATE], ended[TELL_DATE], deadline[TELL_DATE];

	fprintf(out, "  %-3lld %-10s %-8s %s", cli_number(matter, "number"),
		cli_text(matter, "kind"), cli_text(matter, "state"),
		tell_date(matter, from, begun));
	if (*tell_date(matter, closed, ended))
		fprintf(out, ", ended %s", ended);
	else if (*tell_date(matter, "deadline", deadline))
		fprintf(out, ", until %s %s", deadline, device_say_warning(matter));
	fputc('\n', out);
	if (*cli_text(matter, "action"))
		tell_wrapped(out, 6, cli_text(matter, "action"));
}

static void put_incident(FILE *out, const json_t *incident)
{
	put_matter(out, incident, "opened", "closed");
}

static void put_request(FILE *out, const json_t *request)
{
	put_matter(out, request, "since", "ended");
}

static void put_note(FILE *out, const json_t *note)
{
	const char *about = cli_text(note, "about");
	char at[TELL_DATE], who[TELL_WHO];

	fprintf(out, "  %-3lld %s  ", cli_number(note, "number"), tell_date(note, "at", at));
	tell_safe(out, tell_who(note, "by", who));
	if (*about && strcmp(about, "device") != 0)
		fprintf(out, ", about %s%s", strcmp(about, "condition") == 0 ? "its " : "", about);
	if (cli_number(note, "matter"))
		fprintf(out, " %lld", cli_number(note, "matter"));
	fputc('\n', out);
	tell_wrapped(out, 6, cli_text(note, "text"));
}

/* ---- custody ---------------------------------------------------------------------------------------------- */

static const char *say_time(const json_t *record, char out[TELL_DATE])
{
	return tell_utc((int64_t)(cli_number(record, "realtime_ns") / 1000000000), out);
}

#define DIGEST 64 /* hex digits; the first SHOWN of them tell it from others, the log has all */
#define SHOWN  12

/* What an event says, with its digests cut. */
static void say_cut(const char *detail, struct tell_list *out)
{
	char text[256] = "";
	size_t length = 0;

	while (*detail && length + SHOWN + 4 < sizeof(text)) {
		size_t digits = strspn(detail, "0123456789abcdef");
		size_t kept = digits == DIGEST ? SHOWN : BL_MAX(digits, 1);

		kept = BL_MIN(kept, sizeof(text) - length - 4);
		memcpy(text + length, detail, kept);
		length += kept;
		if (digits == DIGEST)
			length += (size_t)sprintf(text + length, "...");
		detail += BL_MAX(digits, 1);
	}
	text[length] = '\0';
	tell_list_add(out, "%s", text);
}

/* The number of what it is about, and a date, stand in fields of their own. */
void device_say_detail(const json_t *record, struct tell_list *out)
{
	static const char *const NUMBERED[] = {"incident", "customer-request", "part-done"};
	const char *op = cli_text(record, "op"), *verdict = cli_text(record, "verdict");
	long long number = cli_number(record, "handle");
	char date[TELL_DATE];

	for (size_t i = 0; i < BL_COUNT(NUMBERED); i++)
		if (number && strcmp(op, NUMBERED[i]) == 0)
			tell_list_add(out, "%lld", number);
	if (strcmp(op, "notice") == 0)
		tell_list_add(out, "due %s", tell_utc(cli_number(record, "bytes"), date));
	say_cut(cli_text(record, "detail"), out);
	if (*verdict && strcmp(verdict, "permitted") != 0)
		tell_list_add(out, "%s", verdict);
}

static void put_custody(FILE *out, const json_t *chain)
{
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {.heads = {">EVENT", "WHEN (UTC)", "WHO", "WHAT", "DETAIL"},
				   .indent = 2};
	const json_t *record;
	size_t index;

	json_array_foreach(chain, index, record)
	{
		char number[24], at[TELL_DATE], who[TELL_WHO];
		struct tell_list detail = {.length = 0};

		device_say_detail(record, &detail);
		snprintf(number, sizeof(number), "%lld", cli_number(record, "sequence"));
		tell_table_add(&table, (const char *[]){number, say_time(record, at),
							tell_who(record, "uid", who),
							cli_text(record, "op"), detail.text});
	}
	put_head(out, chain, "custody (bailee log verify proves it whole)");
	if (table.rows)
		tell_table_print(out, &table);
}

void device_page(FILE *out, const json_t *answer)
{
	static const struct {
		const char *key, *head;
		void (*put)(FILE *out, const json_t *item);
	} LISTS[] = {{"holds", "holds", put_hold},
		     {"incidents", "incidents", put_incident},
		     {"requests", "requests of the customer", put_request},
		     {"notes", "notes", put_note}};

	put_facts(out, answer);
	put_ends(out, answer);
	put_consents(out, json_object_get(answer, "consents"));
	for (size_t i = 0; i < BL_COUNT(LISTS); i++) {
		const json_t *list = json_object_get(answer, LISTS[i].key), *item;
		size_t index;

		put_head(out, list, LISTS[i].head);
		json_array_foreach(list, index, item) LISTS[i].put(out, item);
	}
	put_custody(out, json_object_get(answer, "custody"));
}

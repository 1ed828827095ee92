#include "fs/cli/receipt-page.h"

#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/device-page.h"
#include "fs/cli/progress.h"

#define LABEL	   15
#define CONDITION  14 /* lines at most */
#define DIGEST_TOP 12 /* digits of a picture's digest that are printed */
#define RULE	   "________________________________"

static void put_label(FILE *out, const char *label)
{
	fprintf(out, "%-*s", LABEL, label);
}

static void put_text(FILE *out, const char *label, const char *text)
{
	tell_row(out, LABEL, label, *text ? text : "not stated");
}

static void put_device(FILE *out, const json_t *answer)
{
	char at[TELL_DATE], bytes[24];
	uint64_t capacity = (uint64_t)cli_number(answer, "capacity");

	put_text(out, "Device", cli_text(answer, "id"));
	put_text(out, "Kind", cli_text(answer, "kind"));
	put_text(out, "Maker", cli_text(answer, "maker"));
	put_text(out, "Model", cli_text(answer, "model"));
	put_text(out, "Serial number", cli_text(answer, "serial"));
	if (capacity)
		put_text(out, "Capacity", progress_bytes(capacity, bytes));
	put_text(out, "Received", tell_date(answer, "received", at));
}

/* At most CONDITION lines of @text, whole; says when there is more. */
static void put_head_of(FILE *out, const char *text)
{
	const char *end = text;

	for (size_t line = 0; line < CONDITION && *end; line++)
		end = strchr(end, '\n') + 1;
	fwrite(text, 1, (size_t)(end - text), out);
	if (*end)
		fprintf(out, "%*s(and more, on record)\n", LABEL, "");
}

static bool put_condition(FILE *out, const json_t *answer)
{
	const json_t *notes = json_object_get(answer, "notes"), *note;
	char *body = NULL;
	size_t size, index;
	FILE *memory = open_memstream(&body, &size);

	if (!memory)
		return false;
	json_array_foreach(notes, index, note) tell_wrapped(memory, LABEL, cli_text(note, "text"));
	if (fclose(memory) != 0) {
		free(body);
		return false;
	}
	fputs("\nCondition when it was handed in\n", out);
	if (size)
		put_head_of(out, body);
	else
		fprintf(out, "%*snothing was noted\n", LABEL, "");
	free(body);
	return true;
}

static void put_pictures(FILE *out, const json_t *answer)
{
	const json_t *pictures = json_object_get(answer, "pictures"), *picture;
	struct tell_list digests = {.length = 0};
	char count[TELL_COUNT];
	size_t index;

	if (!json_array_size(pictures))
		return;
	json_array_foreach(pictures, index, picture) if (json_is_string(picture))
		tell_list_add(&digests, "%.*s", DIGEST_TOP, json_string_value(picture));
	fprintf(out, "%*s%s of it; their SHA-256 begin with:\n", LABEL, "",
		tell_count((long long)json_array_size(pictures), "picture", count));
	tell_wrapped(out, LABEL, digests.text);
}

/* ---- what was taken in ---------------------------------------------------------------------------------- */

static const struct {
	const char *form, *words;
} FORMS[] = {{"file", "a disk, or an image of it"},
	     {"plain", "a stream of bytes"},
	     {"stream", "an image in a container"}};

static const char *say_form(const char *form)
{
	for (size_t i = 0; i < BL_COUNT(FORMS); i++)
		if (strcmp(FORMS[i].form, form) == 0)
			return FORMS[i].words;
	return form;
}

static void put_missing(FILE *out, const json_t *receipt, const char *group, const char *label)
{
	uint64_t missing = (uint64_t)cli_number(json_object_get(receipt, group), "bytes");
	char bytes[24];

	if (missing)
		put_text(out, label, progress_bytes(missing, bytes));
}

static void put_taken(FILE *out, const char *text)
{
	BL_CLEANUP(json_decref) json_t *receipt = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const json_t *source = json_object_get(receipt, "source");
	const json_t *digest = json_object_get(source, "digest");
	char bytes[24];

	fputs("\nWhat was taken from it\n", out);
	if (!receipt) {
		fprintf(out, "%*snothing was taken in: it was made known where it lies\n", LABEL,
			"");
		return;
	}
	put_text(out, "Taken from", say_form(cli_text(source, "form")));
	put_text(out, "Container", cli_text(source, "container"));
	put_label(out, "Bytes");
	fprintf(out, "%lld (%s)\n", cli_number(source, "bytes"),
		progress_bytes((uint64_t)cli_number(source, "bytes"), bytes));
	put_text(out, cli_text(digest, "algorithm"), cli_text(digest, "value"));
	put_missing(out, receipt, "unreadable", "Unreadable");
	put_missing(out, receipt, "left_out", "Left out");
}

/* ---- what happens with it --------------------------------------------------------------------------------- */

static void put_promise(FILE *out, const json_t *answer)
{
	bool is_destroyed = json_is_true(json_object_get(answer, "sealed")) ||
			    json_is_true(json_object_get(answer, "destroy_when_due"));
	char due[TELL_DATE];
	BL_CLEANUP(bl_free) char *text = NULL;

	fputs("\nWhat happens with what is on it\n", out);
	tell_date(answer, "due", due);
	if (asprintf(&text,
		     "It is looked at only for the work on this device, by those whom our policy "
		     "permits; personal data is masked unless the policy says otherwise; and each "
		     "look is written down. %s%s%s%s You may ask at any time what we have, have it "
		     "destroyed earlier, or complain: say the device's number.",
		     is_destroyed ? "Our copy is destroyed" : "Access to it ends",
		     *due ? " on " : " on its date", due,
		     is_destroyed ? ", and you can have the certificate of that."
				  : "; the device itself stays what it is.") < 0)
		text = NULL;
	if (text)
		tell_wrapped(out, 0, text);
}

static void put_signatures(FILE *out)
{
	fputs("\nBoth sign that this is the device, and that this was its condition.\n\n\n", out);
	fprintf(out, "%-40s%s\n", RULE, RULE);
	fprintf(out, "%-40s%s\n", "Handed in by (name, date)", "Taken in by (name, date)");
}

bool receipt_page(const json_t *answer, char **out_page)
{
	char *page = NULL;
	size_t size;
	FILE *out = open_memstream(&page, &size);

	if (!out)
		return false;
	fputs("RECEIPT OF A DEVICE\n\n", out);
	put_device(out, answer);

	bool is_whole = put_condition(out, answer);

	put_pictures(out, answer);
	put_taken(out, cli_text(answer, "certificate"));
	put_promise(out, answer);
	put_signatures(out);
	if (fclose(out) != 0 || !is_whole) {
		free(page);
		return false;
	}
	*out_page = page;
	return true;
}

#include "fs/cli/letter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/tell.h"

/* One letter a kind: the words that differ. */
struct letter {
	const char *kind;
	const char *subject;
	const char *opening;
	const char *consequences;
	const char *yours; /* what they can do themselves */
	bool is_breach;	   /* of personal data: GDPR art. 33 and 34 */
};

static const struct letter LETTERS[] = {
	{"damage", "Damage to your device",
	 "While your device was with us it was damaged. We are sorry: you trusted us with it, and "
	 "we answer for what happens to it here.",
	 "The device, or a part of it, may not work as it did. [is anything on it lost? what can "
	 "be repaired or replaced, and by when?]",
	 "Tell us whether you want it repaired, replaced or returned as it is. If you have a copy "
	 "of what is on it, keep it safe until this is settled.",
	 false},
	{"loss", "Loss of your device, or of what was on it",
	 "Your device, or something that held data of it, cannot be found. We are sorry: you "
	 "trusted us with it. We are still looking for it.",
	 "Whoever has it may be able to see what is on it: messages, pictures, contacts, saved "
	 "passwords. They could use it to write to you or to others in your name, or to get into "
	 "accounts. [was it locked or encrypted? then say so: it makes this unlikely]",
	 "Change the passwords of the accounts that were used on it, your e-mail first, and sign "
	 "the device out there. Lock or erase it from afar if it can do that. Have your bank watch "
	 "for payments you did not make. Be wary of calls and messages that know things about you.",
	 true},
	{"exposure", "Your data was seen by somebody who should not have seen it",
	 "Data on your device was seen, or may have been seen, by somebody who had no right to "
	 "that. We are sorry: you trusted us with it.",
	 "Somebody may know private things about you or about people close to you, and could tell "
	 "or use them. [which kinds of data, in plain words: pictures, messages, health, money]",
	 "If passwords or card numbers were on the device, change them and tell your bank. Be wary "
	 "of calls and messages that know things about you. Tell those whose data was on it if "
	 "you think they should know.",
	 true},
	{"complaint", "Your complaint",
	 "You complained about how we treated you or your device. Thank you for telling us: we "
	 "have looked into it.",
	 "[what this meant for the customer, and whether anything of it is still so]",
	 "If we have misunderstood you, or left something out, tell us: your complaint is open "
	 "until it is answered.",
	 false},
};

static const struct letter *letter_of(const char *kind)
{
	for (size_t i = 0; i < BL_COUNT(LETTERS); i++)
		if (strcmp(LETTERS[i].kind, kind) == 0)
			return &LETTERS[i];
	return NULL;
}

/* ---- paragraphs ---------------------------------------------------------------------------------------- */

static void paragraph(FILE *out, const char *format, ...) BL_PRINTF(2, 3);
static void paragraph(FILE *out, const char *format, ...)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0) {
		text = NULL;
		return;
	}
	tell_wrapped(out, 0, text);
	fputc('\n', out);
}

static void heading(FILE *out, const char *text)
{
	fprintf(out, "%s\n\n", text);
}

static void put_device(FILE *out, const json_t *incident)
{
	const char *maker = cli_text(incident, "maker"), *model = cli_text(incident, "model");
	const char *kind = cli_text(incident, "kind_of_device");
	char opened[TELL_DATE];

	paragraph(out, "Device: %s%s%s%s%s, number %s with us. Put on record: %s (UTC).",
		  *kind && strcmp(kind, "other") != 0 ? kind : "device", *maker ? " " : "", maker,
		  *model ? " " : "", model, cli_text(incident, "device"),
		  tell_utc(tell_unix(incident, "opened"), opened));
}

/* ---- who saw what ---------------------------------------------------------------------------------------- */

struct looks {
	long long people, files, unmasked, refused;
	int64_t first_unix, last_unix;
};

static void add_look(struct looks *looks, const json_t *person)
{
	int64_t first = tell_unix(person, "first"), last = tell_unix(person, "last");

	looks->refused += cli_number(person, "denied") > 0;
	if (!cli_number(person, "files") && !cli_number(person, "reads"))
		return;
	looks->people++;
	looks->files += cli_number(person, "files");
	looks->unmasked += cli_number(person, "unmasked");
	if (first && (!looks->first_unix || first < looks->first_unix))
		looks->first_unix = first;
	looks->last_unix = BL_MAX(looks->last_unix, last);
}

static const char *say_times(long long count, char *out, size_t size)
{
	snprintf(out, size, "%lld times", count);
	return out;
}

static void put_looks(FILE *out, const struct looks *looks)
{
	char people[TELL_COUNT], files[TELL_COUNT], times[TELL_COUNT];
	char first[TELL_DATE], last[TELL_DATE];

	if (!looks->people) {
		paragraph(out, "Every look at what is on your device is written down. By these "
			       "records nobody opened a file on it while it was with us.");
		return;
	}
	snprintf(people, sizeof(people), "%lld %s", looks->people,
		 looks->people == 1 ? "person" : "people");
	paragraph(out,
		  "Every look at what is on your device is written down. By these records %s who "
		  "work%s for us opened %s on it, between %s and %s (UTC). %s",
		  people, looks->people == 1 ? "s" : "", tell_count(looks->files, "file", files),
		  tell_utc(looks->first_unix, first), tell_utc(looks->last_unix, last),
		  looks->unmasked ? ""
				  : "Personal data in them was masked each time: they saw that "
				    "there was something, not what it was.");
	if (looks->unmasked)
		paragraph(out,
			  "Personal data was shown as it is, without a mask, %s; otherwise it was "
			  "masked: they saw that there was something, not what it was. [what that "
			  "was for]",
			  looks->unmasked == 1 ? "once"
					       : say_times(looks->unmasked, times, sizeof(times)));
}

static void put_seen(FILE *out, const json_t *incident)
{
	struct looks looks = {.people = 0};
	const json_t *person;
	size_t index;

	json_array_foreach(json_object_get(incident, "seen"), index, person)
		add_look(&looks, person);
	put_looks(out, &looks);
	if (json_is_true(json_object_get(incident, "is_more")))
		paragraph(out,
			  "[the log holds more than could be counted for this letter: correct "
			  "these figures by bailee log query --device %s]",
			  cli_text(incident, "device"));
	if (looks.refused)
		paragraph(out, "Attempts to open more were refused, and are on record too.");
}

/* ---- what was done ----------------------------------------------------------------------------------------- */

static void put_done(FILE *out, const json_t *incident, const struct letter *letter)
{
	int64_t closed = tell_unix(incident, "closed");
	char from[TELL_DATE], until[TELL_DATE];

	tell_utc(tell_unix(incident, "opened"), from);
	if (cli_number(incident, "hold") && closed)
		paragraph(out,
			  "From %s to %s (UTC) nothing of what we hold was destroyed or given "
			  "back, so that what happened could be found out.",
			  from, tell_utc(closed, until));
	else if (cli_number(incident, "hold"))
		paragraph(out,
			  "Since %s (UTC) nothing of what we hold is destroyed or given back, so "
			  "that what happened can be found out. That ends when this is settled.",
			  from);
	if (*cli_text(incident, "action"))
		paragraph(out, "So that it does not happen again: %s",
			  cli_text(incident, "action"));
	else
		paragraph(out, "[what has been done since, and what will be done, by when]");
	if (letter->is_breach)
		paragraph(out,
			  "[when the data protection authority was told, and which one; or why "
			  "it need not be]");
}

static void put_choices(FILE *out, const json_t *incident, const struct letter *letter)
{
	const char *id = cli_text(incident, "device");

	paragraph(out, "%s", letter->yours);
	paragraph(
		out,
		"You may have everything that we hold of your device destroyed, and get a signed "
		"certificate of it; have the device returned to you; or be told what we hold. Ask "
		"by any of the ways below and say the number %s. We shall make sure that it is "
		"you who asks. You may also complain to the data protection authority. [which "
		"one, with its address]",
		id);
}

static void put_contact(FILE *out)
{
	paragraph(out, "Whom to ask: [name, telephone, e-mail and address of the contact point, or "
		       "of the data protection officer]");
	paragraph(out, "[greeting, name and signature]");
}

/* Below the letter, for whoever sends it. */
static void put_notes(FILE *out, const json_t *incident)
{
	const char *id = cli_text(incident, "device");
	char deadline[TELL_DATE];

	fprintf(out, "--------------------------------- not for the letter "
		     "---------------------------\n");
	fprintf(out, "Incident %s/%lld", id, cli_number(incident, "number"));
	if (*tell_date(incident, "deadline", deadline))
		fprintf(out, ", to be answered by %s", deadline);
	fprintf(out, "\nWho saw what, by person:  bailee incident show %s/%lld\n", id,
		cli_number(incident, "number"));
	fprintf(out,
		"If they want it destroyed: bailee customer-request erase %s --verified --ticket "
		"T\n",
		id);
}

static void put_letter(FILE *out, const json_t *incident, const struct letter *letter)
{
	fputs("[DRAFT: complete what stands in brackets, read it once more, take this line out]\n\n"
	      "[name and address of the customer]\n\n[place and date]\n\n",
	      out);
	heading(out, letter->subject);
	put_device(out, incident);
	paragraph(out, "Dear [name],");
	paragraph(out, "%s", letter->opening);
	heading(out, "What happened");
	paragraph(out, "[what happened, in your own words: what, when, how it was noticed]");
	heading(out, "What was seen");
	put_seen(out, incident);
	heading(out, "What it may mean for you");
	paragraph(out, "%s", letter->consequences);
	heading(out, "What we have done");
	put_done(out, incident, letter);
	heading(out, "What you can do");
	put_choices(out, incident, letter);
	put_contact(out);
	put_notes(out, incident);
}

enum bl_status letter_write(const json_t *incident, char **out_text, struct bl_error *why)
{
	const struct letter *letter = letter_of(cli_text(incident, "kind"));
	char *text = NULL;
	size_t size;

	if (!letter)
		return bl_fail(why, BL_UNSUPPORTED,
			       "no letter is known for an incident of kind '%.40s'",
			       cli_text(incident, "kind"));
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	put_letter(out, incident, letter);
	if (fclose(out) != 0) {
		free(text);
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	*out_text = text;
	return BL_OK;
}

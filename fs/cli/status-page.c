#include "fs/cli/status-page.h"

#include <stdlib.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/device-page.h"
#include "fs/cli/tell.h"
#include "policy/words.h"

#define WIDE  8
#define LABEL "%-8s"
#define MOST  5 /* of any list; then how many more, and the command that tells of all */
#define WEEK  (7 * 86400)
#define DRIFT 60 /* s by which a wall clock may differ without a word: docs/retention.md */

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* The label stands before the first row of a list only. */
static void put_label(FILE *out, const char *label, size_t index)
{
	fprintf(out, LABEL, index ? "" : label);
}

/* Is this row one too many? Then it is told how many more there are: those that the answer had no place for, too. */
static bool is_enough(FILE *out, const json_t *answer, const char *list, size_t index,
		      const char *command)
{
	char counted[32];

	if (index < MOST)
		return false;
	snprintf(counted, sizeof(counted), "%s_count", list);
	long long count = BL_MAX(cli_number(answer, counted),
				 (long long)json_array_size(json_object_get(answer, list)));

	fprintf(out, LABEL "and %lld more: bailee %s\n", "", count - (long long)index, command);
	return true;
}

/* ---- policy, roles ------------------------------------------------------------------------------------------ */

static void put_lapse(FILE *out, const json_t *lapse)
{
	const char *standing = cli_text(lapse, "standing");
	bool is_soon = strcmp(standing, "counts") == 0;

	fprintf(out, "%s as '%s': %s %s%s\n", cli_text(lapse, "person"), cli_text(lapse, "role"),
		is_soon ? cli_text(lapse, "requirement") : standing, is_soon ? "ends with " : "",
		cli_text(lapse, "until"));
}

static void put_policy(FILE *out, const json_t *answer)
{
	fprintf(out, LABEL "%s, serial %lld\n", "policy", cli_text(answer, "policy"),
		cli_number(answer, "policy_serial"));
	if (!*cli_text(answer, "policy_trouble"))
		return;
	fprintf(out, LABEL "the last one was REFUSED and changed nothing: ", "");
	tell_safe(out, cli_text(answer, "policy_trouble"));
	fputc('\n', out);
}

static void put_roles(FILE *out, const json_t *answer)
{
	const json_t *lapses = json_object_get(answer, "lapses"), *lapse;
	size_t index;

	json_array_foreach(lapses, index, lapse)
	{
		if (is_enough(out, answer, "lapses", index, "people"))
			break;
		put_label(out, "roles", index);
		put_lapse(out, lapse);
	}
}

/* ---- log, anchors ------------------------------------------------------------------------------------------- */

static void put_anchor(FILE *out, const json_t *anchor)
{
	fprintf(out, LABEL, "anchor");
	tell_safe(out, cli_text(anchor, "target"));
	if (json_is_integer(json_object_get(anchor, "age_seconds")))
		fprintf(out, ": %lld s old, %lld events behind", cli_number(anchor, "age_seconds"),
			cli_number(anchor, "behind"));
	else
		fputs(": none taken yet", out);
	if (is_true(anchor, "is_same_medium"))
		fputs(" (on the store's own medium: it proves little)", out);
	if (*cli_text(anchor, "trouble")) {
		fputs("; FAILED: ", out);
		tell_safe(out, cli_text(anchor, "trouble"));
	}
	fputc('\n', out);
}

static void put_anchors(FILE *out, const json_t *log, bool is_solo)
{
	const json_t *anchors = json_object_get(log, "anchors"), *anchor;
	size_t index;

	json_array_foreach(anchors, index, anchor) put_anchor(out, anchor);
	if (anchors && !json_array_size(anchors) && !is_solo)
		tell_row(out, WIDE, "anchor",
			 "none: an older copy of the store could take its place unseen (bailee "
			 "serve --anchor DIR)");
	if (is_true(log, "are_contents_closed"))
		fprintf(out,
			LABEL "contents are CLOSED to everybody: no anchor is younger than the "
			      "policy wants (audit: anchor_every, %lld s). Next: %s\n",
			"", cli_number(log, "anchor_every_seconds"),
			json_array_size(anchors) ? "mend what is said of the anchors above"
			: is_solo		 ? "take anchor_every out of the policy"
						 : "bailee serve --anchor DIR");
}

static void put_log(FILE *out, const json_t *log, const char *key)
{
	bool is_writable = is_true(log, "is_writable");

	fprintf(out, LABEL "%s, %lld events durable%s", "log", is_writable ? "writable" : "BROKEN",
		cli_number(log, "durable_sequence"), is_writable ? "" : ": ");
	tell_safe(out, cli_text(log, "broken"));
	fputc('\n', out);
	if (!is_writable)
		fprintf(out,
			LABEL "%lld requests were refused since%s. Next: mend it, then bailee log "
			      "unlatch --reason TEXT\n",
			"", cli_number(log, "refused"),
			strcmp(cli_text(log, "mode"), "reserve") == 0
				? "; what is due is still destroyed, from the reserve"
				: "");
	if (cli_number(log, "bounded_ms"))
		fprintf(out,
			LABEL "bounded: permitted reads and stats are durable within %lld ms\n", "",
			cli_number(log, "bounded_ms"));
	fprintf(out, LABEL "%s\n", "key", key);
}

static void put_kit(FILE *out, const char *store)
{
	tell_row(out, WIDE, "kit", "in the store: whoever has the store can forge the log. Next:");
	fprintf(out, LABEL "move ", "");
	tell_safe(out, store);
	fputs("/auditor.kit to the auditor\n", out);
}

/* ---- clock --------------------------------------------------------------------------------------------------- */

static void put_clock(FILE *out, const json_t *clock)
{
	long long ahead = cli_number(clock, "ahead_s");
	char about[TELL_SPAN], waited[TELL_SPAN], wait[TELL_SPAN];

	if (ahead < -DRIFT)
		fprintf(out,
			LABEL "the wall clock is %s BEHIND trusted time: nothing is put off by "
			      "that\n",
			"clock", tell_about(ahead, about));
	if (ahead <= DRIFT)
		return;
	fprintf(out,
		LABEL "the wall clock is %s AHEAD of trusted time: what is due by it is\n" LABEL
		      "closed; nothing is destroyed by it before it is synchronised, or %s\n" LABEL
		      "have passed without another jump (%s so far)\n",
		"clock", tell_about(ahead, about), "", tell_span(cli_number(clock, "wait_s"), wait),
		"", tell_about(cli_number(clock, "waited_s"), waited));
}

/* ---- devices --------------------------------------------------------------------------------------------------- */

static void put_states(FILE *out, const json_t *answer)
{
	const json_t *states = json_object_get(answer, "states");
	struct tell_list words = {.length = 0};
	long long all = 0;

	for (unsigned i = 0; i < STATE_COUNT; i++) {
		const char *state = bl_device_state_name((enum bl_device_state)i);

		all += cli_number(states, state);
		if (cli_number(states, state))
			tell_list_add(&words, "%lld %s", cli_number(states, state), state);
	}
	if (all)
		fprintf(out, LABEL "%lld: %s\n", "devices", all, words.text);
	else if (json_is_object(states))
		fprintf(out, LABEL "none\n", "devices");
}

static bool is_gone(const json_t *device)
{
	const char *state = cli_text(device, "state");

	return strcmp(state, "shredded") == 0 || strcmp(state, "released") == 0;
}

static int by_date(const void *a, const void *b)
{
	const json_t *const *one = a, *const *other = b;
	int64_t first = tell_unix(*one, "due"), second = tell_unix(*other, "due");

	return (first > second) - (first < second);
}

/* Those whose date is within a week, or that notice was given of; sorted. Borrowed devices; owned by the caller (free) */
static const json_t **choose_near(const json_t *answer, int64_t until_unix, size_t *out_count)
{
	const json_t *devices = json_object_get(answer, "devices"), *device;
	const json_t **near = calloc(json_array_size(devices) + 1, sizeof(json_t *));
	size_t count = 0, index;

	json_array_foreach(devices, index, device)
	{
		if (near && !is_gone(device) && tell_unix(device, "due") &&
		    tell_unix(device, "due") <= until_unix)
			near[count++] = device;
	}
	if (near)
		qsort(near, count, sizeof(json_t *), by_date);
	*out_count = count;
	return near;
}

static void put_near(FILE *out, const json_t *device)
{
	char due[TELL_DATE];

	fprintf(out, "%s  %s  %s", tell_date(device, "due", due), cli_text(device, "id"),
		cli_text(device, "retention"));
	if (cli_number(device, "holds"))
		fputs(", held", out);
	else if (is_true(device, "sealed") || is_true(device, "destroy_when_due"))
		fputs(", destroyed then", out);
	else
		fputs(", closed then", out);
	fputc('\n', out);
}

static void put_due(FILE *out, const json_t *answer, int64_t now_unix)
{
	const json_t *clock = json_object_get(answer, "clock");
	int64_t trusted = tell_unix(clock, "trusted");
	/* What is due is closed by whichever is further: docs/retention.md, "Trusted time". */
	int64_t access = trusted ? BL_MAX(trusted, tell_unix(clock, "wall")) : now_unix;
	size_t count;
	BL_CLEANUP(bl_free)
	const json_t **near = choose_near(answer, access + WEEK, &count);

	for (size_t i = 0; i < count; i++) {
		if (i == MOST) {
			fprintf(out, LABEL "and %zu more this week: bailee device list\n", "",
				count - i);
			break;
		}
		put_label(out, "due", i);
		put_near(out, near[i]);
	}
}

static void put_unfinished(FILE *out, const json_t *answer)
{
	const json_t *devices = json_object_get(answer, "devices"), *device;
	size_t index, told = 0;

	json_array_foreach(devices, index, device)
	{
		if (!json_is_false(json_object_get(device, "complete")) || is_gone(device))
			continue;
		if (told < MOST) {
			put_label(out, "intake", told);
			fprintf(out, "%s is NOT complete: the same command goes on with it\n",
				cli_text(device, "id"));
		}
		told++;
	}
	if (told > MOST)
		fprintf(out, LABEL "and %zu more: bailee device list --warn\n", "", told - MOST);
}

static void put_unsure(FILE *out, const json_t *answer)
{
	const json_t *unsure = json_object_get(answer, "unsure"), *id;
	size_t index;

	json_array_foreach(unsure, index, id)
	{
		if (is_enough(out, answer, "unsure", index, "retention plan"))
			break;
		put_label(out, "unsure", index);
		tell_safe(out, json_string_value(id) ? json_string_value(id) : "?");
		fputs(": its facts could not be read; its date is counted without them\n", out);
	}
}

/* ---- what waits for people ------------------------------------------------------------------------------------- */

static void put_matters(FILE *out, const json_t *answer, const char *list, const char *label,
			const char *command)
{
	const json_t *matters = json_object_get(answer, list), *matter;
	size_t index;

	json_array_foreach(matters, index, matter)
	{
		char deadline[TELL_DATE];
		bool is_late = strcmp(cli_text(matter, "warning"), "late") == 0;

		if (is_enough(out, answer, list, index, command))
			break;
		put_label(out, label, index);
		fprintf(out, "%s%s/%lld %s, by %s\n",
			is_late ? "LATE: " : "soon: ", cli_text(matter, "device"),
			cli_number(matter, "number"), cli_text(matter, "kind"),
			tell_date(matter, "deadline", deadline));
	}
}

static void put_hold(FILE *out, const json_t *hold)
{
	char since[TELL_DATE], review[TELL_DATE];
	bool is_long = strcmp(cli_text(hold, "overdue"), "longest") == 0;

	tell_date(hold, "since", since);
	tell_date(hold, "review_by", review);
	if (is_long || !*review)
		fprintf(out, "%s hold %lld stands since %s: longer than the policy thinks right\n",
			cli_text(hold, "device"), cli_number(hold, "hold"), since);
	else
		fprintf(out, "%s hold %lld was to be reviewed by %s\n", cli_text(hold, "device"),
			cli_number(hold, "hold"), review);
}

static void put_holds(FILE *out, const json_t *answer)
{
	const json_t *holds = json_object_get(answer, "holds_warn"), *hold;
	size_t index;

	json_array_foreach(holds, index, hold)
	{
		if (is_enough(out, answer, "holds_warn", index, "device list"))
			break;
		put_label(out, "holds", index);
		put_hold(out, hold);
	}
	if (cli_number(answer, "holds_restored"))
		fprintf(out,
			LABEL "%lld were missing in records that were put back: they stand again\n",
			index ? "" : "holds", cli_number(answer, "holds_restored"));
}

static void put_samples(FILE *out, const json_t *answer)
{
	const json_t *samples = json_object_get(answer, "samples_missing"), *sample;
	size_t index;

	json_array_foreach(samples, index, sample)
	{
		if (is_enough(out, answer, "samples_missing", index,
			      "verify-sample --period YYYY-MM --draw-only"))
			break;
		put_label(out, "samples", index);
		fprintf(out, "%s: %lld of %lld not verified (bailee verify-sample --period %s)\n",
			cli_text(sample, "period"), cli_number(sample, "missing"),
			cli_number(sample, "drawn"), cli_text(sample, "period"));
	}
}

static void put_samples_unknown(FILE *out, const json_t *answer)
{
	if (is_true(answer, "samples_unknown"))
		fprintf(out, LABEL "not all could be looked for\n", "samples");
}

static void put_shreds(FILE *out, const json_t *answer)
{
	const char *trouble = cli_text(answer, "shred_trouble");

	if (!*trouble)
		return;
	fprintf(out, LABEL "NOT DONE: ", "shreds");
	tell_safe(out, trouble);
	fputc('\n', out);
}

/* ---- views ------------------------------------------------------------------------------------------------------- */

static void put_view(FILE *out, const json_t *view)
{
	const char *purpose = cli_text(view, "purpose");
	char since[TELL_DATE];

	fprintf(out, "%lld  %s%s%s  since %s  ", cli_number(view, "view"), cli_text(view, "person"),
		*purpose ? " for " : "", purpose, tell_utc(tell_unix(view, "since"), since));
	tell_safe(out, cli_text(view, "path"));
	fputc('\n', out);
}

static void put_session(FILE *out, const json_t *view)
{
	const char *purpose = cli_text(view, "purpose");
	char since[TELL_DATE];

	fprintf(out, "%lld  %s%s%s  since %s  ", cli_number(view, "session"),
		cli_text(view, "person"), *purpose ? " for " : "", purpose,
		tell_utc(tell_unix(view, "since"), since));
	tell_safe(out, cli_text(view, "device"));
	fputc('\n', out);
}

/* Open mounts, or sealed sessions: a view is one or the other. */
static void put_views(FILE *out, const json_t *answer, bool are_sessions)
{
	BL_CLEANUP(json_decref) json_t *some = json_pack("{s:[]}", "views");
	const json_t *list = json_object_get(some, "views");
	json_t *view;
	size_t index;

	json_array_foreach(json_object_get(answer, "views"), index,
			   view) if ((json_object_get(view, "session") != NULL) == are_sessions)
		json_array_append(json_object_get(some, "views"), view);
	json_array_foreach(list, index, view)
	{
		if (is_enough(out, some, "views", index,
			      are_sessions ? "sessions" : "status --json"))
			break;
		put_label(out, are_sessions ? "sealed" : "views", index);
		(are_sessions ? put_session : put_view)(out, view);
	}
}

void status_page(FILE *out, const json_t *answer, const char *store, int64_t now_unix)
{
	const json_t *log = json_object_get(answer, "log");
	bool is_solo = is_true(answer, "solo");

	fprintf(out, LABEL, "store");
	tell_safe(out, store);
	fputs(is_solo ? " (solo: nothing is enforced against its owner)\n" : "\n", out);
	put_policy(out, answer);
	put_log(out, log, cli_text(answer, "public_key"));
	put_anchors(out, log, is_solo);
	if (is_true(log, "is_kit_in_store") && !is_solo)
		put_kit(out, store);
	put_clock(out, json_object_get(answer, "clock"));
	put_states(out, answer);
	put_due(out, answer, now_unix);
	put_unfinished(out, answer);
	put_unsure(out, answer);
	put_matters(out, answer, "requests_warn", "asked", "customer-request list");
	put_matters(out, answer, "incidents_warn", "trouble", "incident list");
	put_holds(out, answer);
	put_roles(out, answer);
	put_samples(out, answer);
	put_samples_unknown(out, answer);
	put_shreds(out, answer);
	put_views(out, answer, false);
	put_views(out, answer, true);
}

#include "fs/cli/plan-page.h"

#include <string.h>

#include "fs/cli/cli.h"
#include "fs/retention/retention.h"

/* ---- why that date ------------------------------------------------------------------------------------- */

static bool is_set(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* "30 days from intake (2026-11-20)" */
static void say_count(const json_t *plan, char *out, size_t size)
{
	char span[TELL_SPAN], start[TELL_DATE];
	const char *from = cli_text(plan, "from");

	tell_date(plan, "start", start);
	snprintf(out, size, "%s from %s%s%.10s%s",
		 tell_span(cli_number(plan, "span_seconds"), span), *from ? from : "its start",
		 *start ? " (" : "", start, *start ? ")" : "");
}

static void say_base(const json_t *plan, struct tell_list *out)
{
	const char *entry = cli_text(plan, "retention");
	char count[160], due[TELL_DATE], start[TELL_DATE];

	say_count(plan, count, sizeof(count));
	if (is_set(plan, "is_kept"))
		tell_list_add(out, "kept by '%s' until %s (%s)", entry, tell_date(plan, "due", due),
			      count);
	else if (strcmp(entry, "builtin/early-shred") == 0)
		tell_list_add(out, "an early shred was permitted, %s",
			      tell_date(plan, "start", start));
	else if (strcmp(entry, "builtin/request") == 0 && !cli_number(plan, "span_seconds"))
		tell_list_add(out, "the customer asked for it, %s",
			      tell_date(plan, "start", start));
	else if (strcmp(entry, "builtin/longest") == 0)
		tell_list_add(out, "%s, the longest there is", count);
	else
		tell_list_add(out, "%s", count);
}

static void say_held(const json_t *plan, struct tell_list *out)
{
	const json_t *held = json_object_get(plan, "held");
	long long holds = json_is_integer(held) ? (long long)json_integer_value(held)
						: cli_number(plan, "holds");

	if (holds > 0)
		tell_list_add(out, "held (%lld)", holds);
	else if (json_is_true(held))
		tell_list_add(out, "held");
}

void plan_say_why(const json_t *plan, struct tell_list *out)
{
	const char *window = cli_text(plan, "window");
	char at[TELL_DATE];

	out->between = "; ";
	say_base(plan, out);
	if (*window)
		tell_list_add(out, "moved earlier by the window of '%s', from %s", window,
			      tell_date(plan, "unmoved", at));
	if (is_set(plan, "is_capped") &&
	    strcmp(cli_text(plan, "retention"), "builtin/longest") != 0)
		tell_list_add(out, "no later than %d days from intake", RULES_LONGEST_DAYS);
	say_held(plan, out);
	if (*tell_date(plan, "grace", at))
		tell_list_add(out, "grace until %s", at);
	if (is_set(plan, "unsure"))
		tell_list_add(out, "what is known of it could not be read: it may be earlier");
	if (json_is_false(json_object_get(plan, "destroyed")))
		tell_list_add(out, "closed only, not ours to destroy");
}

/* ---- as it is ------------------------------------------------------------------------------------------- */

static void put_parts(FILE *out, const json_t *plan, int indent)
{
	const json_t *part;
	size_t index;

	json_array_foreach(json_object_get(plan, "parts"), index, part)
	{
		char due[TELL_DATE];

		fprintf(out, "%*sfiles of '%s': %s\n", indent, "", cli_text(part, "retention"),
			tell_date(part, "due", due));
	}
}

static void put_plan(FILE *out, const json_t *plan, int width)
{
	struct tell_list why = {.length = 0};
	char due[TELL_DATE];

	plan_say_why(plan, &why);
	fprintf(out, "%-*s  %-8s  %-16s  %s%s\n", width, cli_text(plan, "device"),
		cli_text(plan, "state"), tell_date(plan, "due", due), cli_text(plan, "retention"),
		is_set(plan, "is_due") ? "  DUE" : "");
	tell_wrapped(out, (unsigned)width + 2, why.text);
	put_parts(out, plan, width + 2);
}

static int widest_id(const json_t *plans)
{
	size_t widest = strlen("DEVICE"), index;
	const json_t *plan;

	json_array_foreach(plans, index, plan)
	{
		size_t length = strlen(cli_text(plan, "device"));

		widest = BL_MAX(widest, length);
	}
	return (int)BL_MIN(widest, (size_t)BL_DEVICE_ID_SIZE);
}

/* ---- under another policy -------------------------------------------------------------------------------- */

static void add_move(struct tell_table *table, const json_t *plan)
{
	const json_t *then = json_object_get(plan, "then");
	int64_t moved = tell_unix(then, "due") - tell_unix(plan, "due");
	char due[TELL_DATE], due_then[TELL_DATE], about[TELL_SPAN];
	struct tell_list words = {.length = 0};

	if (moved)
		tell_list_add(&words, "%s %s", tell_about(moved, about),
			      moved < 0 ? "earlier" : "later");
	if (is_set(then, "is_due") && !is_set(plan, "is_due"))
		tell_list_add(&words, "DUE AT ONCE");
	if (words.length)
		tell_table_add(table, (const char *[]){cli_text(plan, "device"),
						       tell_date(plan, "due", due),
						       tell_date(then, "due", due_then),
						       cli_text(then, "retention"), words.text});
}

static const json_t *part_of(const json_t *parts, const char *entry)
{
	const json_t *part;
	size_t index;

	json_array_foreach(parts, index, part)
	{
		if (strcmp(cli_text(part, "retention"), entry) == 0)
			return part;
	}
	return NULL;
}

/* @now or @then is NULL: files that the entry is not about, under that policy. */
static void add_part_move(struct tell_table *table, const char *id, const json_t *now,
			  const json_t *then)
{
	const char *entry = cli_text(then ? then : now, "retention");
	char due[TELL_DATE], due_then[TELL_DATE], words[96];

	if (now && then && tell_unix(now, "due") == tell_unix(then, "due"))
		return;
	snprintf(words, sizeof(words), "files%s",
		 !now	 ? ", destroyed by it too"
		 : !then ? ", not destroyed by themselves any more"
			 : "");
	tell_table_add(table, (const char *[]){id, tell_date(now, "due", due),
					       tell_date(then, "due", due_then), entry, words});
}

static void add_part_moves(struct tell_table *table, const json_t *plan)
{
	const json_t *now = json_object_get(plan, "parts"), *part;
	const json_t *then = json_object_get(json_object_get(plan, "then"), "parts");
	const char *id = cli_text(plan, "device");
	size_t index;

	json_array_foreach(then, index, part)
		add_part_move(table, id, part_of(now, cli_text(part, "retention")), part);
	json_array_foreach(now, index, part)
	{
		if (!part_of(then, cli_text(part, "retention")))
			add_part_move(table, id, part, NULL);
	}
}

static void put_moves(FILE *out, const json_t *answer, const char *policy)
{
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {.heads = {"DEVICE", "NOW", "THEN", "BY", "MOVES"}};
	const json_t *plan;
	size_t index;

	json_array_foreach(json_object_get(answer, "plans"), index, plan)
	{
		if (!json_is_object(json_object_get(plan, "then")))
			continue;
		add_move(&table, plan);
		add_part_moves(&table, plan);
	}
	fputs("\nwith ", out);
	tell_safe(out, policy);
	fputc('\n', out);
	if (table.rows)
		tell_table_print(out, &table);
	else
		fputs("no date would move\n", out);
}

static void put_summary(FILE *out, const json_t *answer, const char *policy)
{
	char count[TELL_COUNT];

	fprintf(out, "\n%s", tell_count(cli_number(answer, "devices"), "device", count));
	if (!policy) {
		fprintf(out, " under '%s', serial %lld\n", cli_text(answer, "policy"),
			cli_number(answer, "serial"));
		return;
	}
	fprintf(out, ": %lld earlier, %lld later, %lld due at once", cli_number(answer, "earlier"),
		cli_number(answer, "later"), cli_number(answer, "due_at_once"));
	if (cli_number(answer, "due_at_once"))
		fprintf(out, " (closed then, destroyed after %d hours of grace)",
			(int)(RETENTION_GRACE / 3600));
	fputs("\nnothing was changed: bailee policy load puts a policy in force\n", out);
}

void plan_page(FILE *out, const json_t *answer, const char *policy)
{
	const json_t *plans = json_object_get(answer, "plans"), *plan;
	int width = widest_id(plans);
	size_t index;

	if (json_array_size(plans))
		fprintf(out, "%-*s  %-8s  %-16s  %s\n", width, "DEVICE", "STATE", "DUE", "BY");
	else
		fputs("no devices\n", out);
	json_array_foreach(plans, index, plan) put_plan(out, plan, width);
	if (policy)
		put_moves(out, answer, policy);
	put_summary(out, answer, policy);
}

/* The audit report as a page: section by section, out of the model
 * (docs/reports.md). */
#include "fs/cli/report-log-page.h"

#include <string.h>

#include "fs/cli/report-log-private.h"

#define LIST(name, ...) .fields = name, .count = BL_COUNT(name), __VA_ARGS__

static const struct html_section SECTIONS[] = {
	{"believe", "Can it be believed?"}, {"happened", "What happened"},
	{"accesses", "Accesses"},	    {"denials", "Denials"},
	{"unmasking", "Shown unmasked"},    {"unusual", "Unusual"},
	{"policies", "Policies"},	    {"devices", "Lives of devices"},
	{"readers", "Who read the log"},    {"limits", "What this report cannot say"},
};

/* ---- 2: what happened
 * ----------------------------------------------------------------------------------
 */

static uint64_t total(const struct board *board, const char *key)
{
	return board_number(json_object_get(board->model, "totals"), key);
}

/* Rows of a list, with those that were cut; 0 also when it is not there. */
static uint64_t rows_of(const struct board *board, const char *key)
{
	char more[48];

	snprintf(more, sizeof(more), "%s_more", key);
	return json_array_size(json_object_get(board->model, key)) +
	       board_number(board->model, more);
}

static bool is_there(const struct board *board, const char *key)
{
	return json_is_array(json_object_get(board->model, key));
}

/* "1 November 2026 to 22 November 2026", "from the beginning" */
static void put_period(const struct board *board)
{
	const json_t *period = json_object_get(board->model, "period");
	int64_t since = (int64_t)board_number(period, "since_unix"),
		until = (int64_t)board_number(period, "until_unix");
	char from[BOARD_DATE], to[BOARD_DATE];

	if (!until)
		until = (int64_t)board_number(json_object_get(board->model, "made"), "at_unix");
	board_date(board, since, from);
	board_date(board, until, to);
	html_put(board->out, "%s to %s", *from ? from : "From the beginning", *to ? to : "now");
}

static void put_how_many(const struct board *board)
{
	uint64_t people = total(board, "people"), devices = total(board, "devices"),
		 events = total(board, "events");

	html_put(board->out, "%s %s %s %s %s in %s %s. ", PAGE_GROUPED(people),
		 page_plural(people, "person", "people"), "worked with", PAGE_GROUPED(devices),
		 page_plural(devices, "device", "devices"), PAGE_GROUPED(events),
		 page_plural(events, "access", "accesses"));
	html_put(board->out, "%s %s permitted, %s denied", PAGE_GROUPED(total(board, "permitted")),
		 page_plural(total(board, "permitted"), "was", "were"),
		 PAGE_GROUPED(total(board, "denied")));
	if (total(board, "asked"))
		html_put(board->out, ", %s asked for more first",
			 PAGE_GROUPED(total(board, "asked")));
	if (total(board, "withheld"))
		html_put(board->out, ", %s withheld", PAGE_GROUPED(total(board, "withheld")));
	if (total(board, "failed"))
		html_put(board->out, ", %s failed", PAGE_GROUPED(total(board, "failed")));
	html_put(board->out, ". %s of contents were read. ", PAGE_SIZED(total(board, "bytes")));
}

/* "Most events: anna.albers (9,018); RMA-1001 (6,003). " */
static void put_most(const struct board *board)
{
	static const char *const LISTS[][2] = {{"people", "person"}, {"devices", "device"}};

	for (size_t i = 0; i < BL_COUNT(LISTS); i++) {
		const json_t *rows = json_object_get(board->model, LISTS[i][0]), *most = NULL;

		for (size_t at = 0; at < json_array_size(rows); at++)
			if (board_number(json_array_get(rows, at), "events") >
			    board_number(most, "events"))
				most = json_array_get(rows, at);
		if (most && *board_words(most, LISTS[i][1]) && json_array_size(rows) > 1)
			html_put(board->out,
				 "The %s with the most accesses is <bdi>%s</bdi> (%s). ",
				 LISTS[i][1], board_words(most, LISTS[i][1]),
				 PAGE_GROUPED(board_number(most, "events")));
	}
}

static void put_what_else(const struct board *board)
{
	static const struct {
		const char *key, *one, *many, *none;
	} WORDS[] = {
		{"unmasking", "view was shown unmasked", "views were shown unmasked",
		 "Nothing was shown unmasked. "},
		{"unusual", "thing stands out", "things stand out", "Nothing stands out. "},
		{"incidents", "incident was open", "incidents were open", ""},
	};

	for (size_t i = 0; i < BL_COUNT(WORDS); i++) {
		uint64_t count = rows_of(board, WORDS[i].key);

		if (!is_there(board, WORDS[i].key))
			continue;
		if (count)
			html_put(board->out, "%s %s. ", PAGE_GROUPED(count),
				 page_plural(count, WORDS[i].one, WORDS[i].many));
		else
			html_put(board->out, "%s", WORDS[i].none);
	}
}

/* Whole devices, of which that is proven. */
static void put_destroyed(const struct board *board)
{
	const json_t *shreds = json_object_get(board->model, "shreds");
	uint64_t count = 0;

	for (size_t i = 0; i < json_array_size(shreds); i++) {
		const json_t *shred = json_array_get(shreds, i);

		count += strcmp(board_words(shred, "what"), "device") == 0 &&
			 json_is_true(json_object_get(shred, "is_erased"));
	}
	if (is_there(board, "shreds"))
		html_put(board->out, "%s %s. ", count ? PAGE_GROUPED(count) : "No",
			 page_plural(BL_MAX(count, (uint64_t)1), "device was destroyed",
				     "devices were destroyed"));
}

static void put_happened(struct board *board)
{
	if (!json_is_object(json_object_get(board->model, "totals"))) {
		board_missing(board, "What happened");
		return;
	}
	fputs("<p class=\"lead\">", board->out);
	if (total(board, "events")) {
		put_how_many(board);
		put_most(board);
		put_what_else(board);
		put_destroyed(board);
	} else {
		fputs("Nobody looked at anything in this time: the log has no access of it.",
		      board->out);
	}
	fputs("</p>\n", board->out);
	board_figures(board);
	board_command(board, "log query --show accesses", true);
}

/* ---- 3: accesses
 * ---------------------------------------------------------------------------------------
 */

static void put_accesses(struct board *board)
{
	static const struct field PEOPLE[] = {
		{"person", "Person", FIELD_PERSON},
		{"roles", "Roles", FIELD_WORDS},
		{"devices", "Devices", FIELD_NUMBER},
		{"events", "Accesses", FIELD_NUMBER},
		{"bytes", "Read", FIELD_BYTES},
		{"denied", "Denied", FIELD_NUMBER},
		{"unmasked", "Unmasked", FIELD_NUMBER},
		{"off_hours", "Off hours", FIELD_NUMBER},
		{"first", "First", FIELD_DAY},
		{"last", "Last", FIELD_DAY},
		{"last_sequence", "Last event", FIELD_EVENT},
	};
	static const struct field DEVICES[] = {
		{"device", "Device", FIELD_ID},
		{"kind", "Kind", FIELD_WORDS},
		{"state", "State", FIELD_WORDS},
		{"people", "People", FIELD_NUMBER},
		{"events", "Accesses", FIELD_NUMBER},
		{"bytes", "Read", FIELD_BYTES},
		{"denied", "Denied", FIELD_NUMBER},
		{"unmasked", "Unmasked", FIELD_NUMBER},
		{"first", "First", FIELD_DAY},
		{"last", "Last", FIELD_DAY},
		{"last_sequence", "Last event", FIELD_EVENT},
	};

	board_over_time(board);
	board_week(board);
	fputs("<div class=\"columns\">\n", board->out);
	board_top(board, "people", "person",
		  &(struct html_plot){.id = "plot-people",
				      .title = "By person",
				      .text = "Whose accesses were the most.",
				      .series = {"permitted", "denied"}});
	board_top(board, "devices", "device",
		  &(struct html_plot){.id = "plot-devices",
				      .title = "By device",
				      .text = "Which devices they were about.",
				      .series = {"permitted", "denied"}});
	fputs("</div>\n", board->out);
	board_list(board, &(struct list){.key = "people",
					 .caption = "People",
					 .none = "Nobody did anything.",
					 .command = "log query --show accesses",
					 LIST(PEOPLE)});
	board_list(board, &(struct list){.key = "devices",
					 .caption = "Devices",
					 .none = "No device was touched.",
					 .command = "log query --show who --device ID",
					 LIST(DEVICES)});
}

/* ---- 4 to 6
 * --------------------------------------------------------------------------------------------
 */

static void put_denials(struct board *board)
{
	static const struct field FIELDS[] = {
		{"rule", "Rule", FIELD_CODE},	      {"text", "What it says", FIELD_WORDS},
		{"person", "Person", FIELD_PERSON},   {"device", "Device", FIELD_ID},
		{"count", "How often", FIELD_NUMBER}, {"first", "First", FIELD_MOMENT},
		{"last", "Last", FIELD_MOMENT},	      {"last_sequence", "Last event", FIELD_EVENT},
	};

	fputs("<p>Each line is a rule that said no to a person. <code>bailee why NUMBER</code> "
	      "explains any event of them.</p>\n",
	      board->out);
	board_list(board, &(struct list){.key = "denials",
					 .caption = "What was denied",
					 .none = "Nothing was denied.",
					 .command = "log query --show denied",
					 LIST(FIELDS)});
}

static void put_unmasking(struct board *board)
{
	static const struct field FIELDS[] = {
		{"sequence", "Event", FIELD_EVENT},   {"at", "When", FIELD_AT},
		{"person", "Person", FIELD_PERSON},   {"device", "Device", FIELD_ID},
		{"purpose", "For what", FIELD_WORDS}, {"rule", "Rule", FIELD_CODE},
		{"classes", "What", FIELD_WORDS},     {"opens", "Files", FIELD_NUMBER},
		{"reason", "Reason", FIELD_WORDS},
	};

	fputs("<p>Personal data is masked unless a rule lets a person see it for a purpose. Each "
	      "such view is here.</p>\n",
	      board->out);
	board_list(board, &(struct list){.key = "unmasking",
					 .caption = "Views without masks",
					 .none = "Nothing was shown unmasked.",
					 .command = "log query --op open --verdict permitted",
					 LIST(FIELDS)});
}

static void put_unusual(struct board *board)
{
	static const struct field FIELDS[] = {
		{"kind", "What", FIELD_KIND},	    {"day", "Day", FIELD_WORDS},
		{"person", "Person", FIELD_PERSON}, {"value", "How much", FIELD_MEASURE},
		{"usual", "Usual", FIELD_MEASURE},  {"first_sequence", "First event", FIELD_EVENT},
	};

	fputs("<p>Measured by each person's own days and hours, never by other people's: days with "
	      "more than three times the bytes that are usual for them, and more than 10 MiB; what "
	      "was done off hours; hours with many denials. None of it need be wrong: these are "
	      "the places to ask about.</p>\n",
	      board->out);
	board_list(board, &(struct list){.key = "unusual",
					 .caption = "What stands out",
					 .none = "Nothing stands out by these measures.",
					 .command = "log query --show volume",
					 LIST(FIELDS)});
	if (rows_of(board, "unusual"))
		board_command(board, "log query --show off-hours", true);
}

/* ---- 7: policies
 * ---------------------------------------------------------------------------------------
 */

static const char *class_of_sign(const char *sign)
{
	switch (*sign) {
	case '+':
		return "add";
	case '-':
		return "del";
	case '@':
		return "at";
	default:
		return "same";
	}
}

static void put_diff(const struct board *board, const json_t *diff)
{
	fputs("<pre class=\"diff\" tabindex=\"0\">", board->out);
	for (size_t i = 0; i < json_array_size(diff); i++) {
		const json_t *line = json_array_get(diff, i);
		const char *sign = board_words(line, "sign");

		html_put(board->out, "<span class=\"%s\">%s %s\n</span>", class_of_sign(sign), sign,
			 board_words(line, "text"));
	}
	fputs("</pre>\n", board->out);
}

/* What a policy changed in the one before it; of a refused one nothing did. */
static void put_change(const struct board *board, const json_t *policy)
{
	const json_t *diff = json_object_get(policy, "diff");
	uint64_t more = board_number(policy, "diff_more");
	char moment[BOARD_MOMENT];

	if (json_is_true(json_object_get(policy, "is_refused")))
		return;
	board_moment(board, (int64_t)board_number(policy, "at_unix"), false, moment);
	html_put(board->out, "<h3>What serial %llu changed, %s</h3>\n",
		 (unsigned long long)board_number(policy, "serial"),
		 *moment ? moment : board_words(policy, "at"));
	if (json_array_size(diff))
		put_diff(board, diff);
	else if (json_is_true(json_object_get(policy, "is_first")))
		fputs("<p class=\"none\">No policy before it is known: there is nothing to compare "
		      "it with.</p>\n",
		      board->out);
	else if (json_is_true(json_object_get(policy, "is_unchanged")))
		fputs("<p class=\"none\">Nothing: it is the policy that was in force.</p>\n",
		      board->out);
	else
		fputs("<p class=\"none\">This cannot be said: the text of this policy, or of the "
		      "one before it, was not there.</p>\n",
		      board->out);
	if (more)
		html_put(board->out, "<p class=\"note\">%s more lines changed.</p>\n",
			 PAGE_GROUPED(more));
}

static void put_policies(struct board *board)
{
	static const struct field FIELDS[] = {
		{"sequence", "Event", FIELD_EVENT},
		{"at", "When", FIELD_AT},
		{"serial", "Serial", FIELD_NUMBER},
		{"is_refused", "What became of it", FIELD_STATUS},
		{"person", "By", FIELD_PERSON},
		{"reason", "Reason", FIELD_WORDS},
		{"digest", "Digest", FIELD_CODE},
	};
	const json_t *policies = json_object_get(board->model, "policies");

	board_list(
		board,
		&(struct list){.key = "policies",
			       .caption = "Policies that were loaded or refused",
			       .none = "No policy was loaded: the one that was in force stayed so.",
			       .command = "log query --op policy-loaded",
			       LIST(FIELDS)});
	for (size_t i = 0; i < json_array_size(policies); i++)
		put_change(board, json_array_get(policies, i));
}

/* ---- 8 and 9
 * -------------------------------------------------------------------------------------------
 */

static void put_devices(struct board *board)
{
	static const struct field HOLDS[] = {
		{"device", "Device", FIELD_ID},	       {"number", "Hold", FIELD_NUMBER},
		{"since", "Since", FIELD_DAY},	       {"person", "Put by", FIELD_PERSON},
		{"reason", "Reason", FIELD_WORDS},     {"incident", "Incident", FIELD_OTHER},
		{"review_by", "Review by", FIELD_DAY}, {"overdue", "Overdue", FIELD_STATUS},
	};
	static const struct field HOLD_EVENTS[] = {
		{"sequence", "Event", FIELD_EVENT}, {"at", "When", FIELD_AT},
		{"device", "Device", FIELD_ID},	    {"what", "Hold was", FIELD_WORDS},
		{"person", "By", FIELD_PERSON},
	};
	static const struct field SHREDS[] = {
		{"sequence", "Event", FIELD_EVENT},
		{"at", "When", FIELD_AT},
		{"device", "Device", FIELD_ID},
		{"what", "What of it", FIELD_WORDS},
		{"status", "Result", FIELD_STATUS},
		{"person", "By", FIELD_PERSON},
		{"certificate", "Certificate", FIELD_CODE},
	};
	static const struct field LAPSES[] = {
		{"person", "Person", FIELD_PERSON},
		{"role", "Role", FIELD_WORDS},
		{"standing", "Standing", FIELD_STATUS},
		{"until", "Until", FIELD_WORDS},
		{"requirement", "What is wanted", FIELD_WORDS},
	};
	static const struct field REQUESTS[] = {
		{"device", "Device", FIELD_ID},	   {"number", "Request", FIELD_NUMBER},
		{"kind", "What for", FIELD_WORDS}, {"since", "Since", FIELD_DAY},
		{"deadline", "Due", FIELD_DAY},	   {"state", "State", FIELD_STATUS},
		{"ended", "Ended", FIELD_DAY},	   {"warning", "Deadline", FIELD_STATUS},
		{"by", "Taken by", FIELD_PERSON},  {"ended_by", "Ended by", FIELD_PERSON},
	};
	static const struct field INCIDENTS[] = {
		{"device", "Device", FIELD_ID},	   {"number", "Incident", FIELD_NUMBER},
		{"kind", "Kind", FIELD_WORDS},	   {"opened", "Opened", FIELD_DAY},
		{"deadline", "Due", FIELD_DAY},	   {"state", "State", FIELD_STATUS},
		{"closed", "Closed", FIELD_DAY},   {"warning", "Deadline", FIELD_STATUS},
		{"by", "Opened by", FIELD_PERSON}, {"action", "What was done", FIELD_WORDS},
	};
	static const struct list LISTS[] = {
		{.key = "holds",
		 .caption = "Holds that stand",
		 .none = "No device is held.",
		 LIST(HOLDS)},
		{.key = "hold_events",
		 .caption = "Holds that were put or released",
		 .none = "No hold was put or released.",
		 .command = "log query --op hold-added",
		 LIST(HOLD_EVENTS)},
		{.key = "shreds",
		 .caption = "Destroyed",
		 .none = "No device was destroyed.",
		 .command = "log query --op shred-done",
		 LIST(SHREDS)},
		{.key = "requests",
		 .caption = "Customers' requests",
		 .none = "There was no request of a customer.",
		 LIST(REQUESTS)},
		{.key = "incidents",
		 .caption = "Incidents",
		 .none = "No incident was opened.",
		 LIST(INCIDENTS)},
		{.key = "lapses",
		 .caption = "Roles that do not count, or soon will not",
		 .none = "Every role that somebody has counts.",
		 LIST(LAPSES)},
	};

	for (size_t i = 0; i < BL_COUNT(LISTS); i++) {
		board_list(board, &LISTS[i]);
		if (LISTS[i].fields == SHREDS && rows_of(board, "shreds"))
			board_command(board, "certificate verify FILE.json --key PUBLIC-KEY",
				      false);
	}
}

static void put_readers(struct board *board)
{
	static const struct field FIELDS[] = {
		{"sequence", "Event", FIELD_EVENT},
		{"at", "When", FIELD_AT},
		{"person", "Person", FIELD_PERSON},
		{"what", "What was asked", FIELD_WORDS},
	};

	fputs("<p>Whoever asks the service for its log is in the log.</p>\n", board->out);
	board_list(board, &(struct list){.key = "readers",
					 .caption = "Readers",
					 .none = "Nobody read the log through the service.",
					 .command = "log query --show readers",
					 LIST(FIELDS)});
}

/* ---- 10
 * -------------------------------------------------------------------------------------------------
 */

static void put_limits(struct board *board)
{
	const json_t *limits = json_object_get(board->model, "limits");

	if (!json_array_size(limits)) {
		fputs("<p>It says what the log says, and a log says nothing of what was done "
		      "without the service.</p>\n",
		      board->out);
		return;
	}
	fputs("<ul>\n", board->out);
	for (size_t i = 0; i < json_array_size(limits); i++) {
		const char *text = json_string_value(json_array_get(limits, i));

		html_put(board->out, "<li>%s</li>\n", text ? text : "");
	}
	fputs("</ul>\n", board->out);
}

/* ---- the page
 * -------------------------------------------------------------------------------------------
 */

/* "Made 2026-11-22 17:04 (Europe/Berlin) by gus on host with bailee 0.1.0." as far as it is known */
static void put_made(const struct board *board)
{
	static const struct {
		const char *key, *before;
	} WORDS[] = {{"by", "by"}, {"host", "on"}, {"program", "with"}};
	const json_t *made = json_object_get(board->model, "made");
	const char *zone = board_words(json_object_get(board->model, "period"), "zone");
	char moment[BOARD_MOMENT];

	board_moment(board, (int64_t)board_number(made, "at_unix"), false, moment);
	html_put(board->out, "<p class=\"note\">Made %s (%s)",
		 *moment ? moment : board_words(made, "at"), *zone ? zone : "UTC");
	for (size_t i = 0; i < BL_COUNT(WORDS); i++)
		if (*board_words(made, WORDS[i].key))
			html_put(board->out, " %s <bdi>%s</bdi>", WORDS[i].before,
				 board_words(made, WORDS[i].key));
	fputs(".</p>\n", board->out);
}

static void put_top(const struct board *board)
{
	fputs("<div class=\"top\"><p class=\"kind\">Audit report</p>\n<h1>Who saw customers' data, "
	      "and what became of it</h1>\n<p class=\"lead\">",
	      board->out);
	put_period(board);
	fputs("</p>\n", board->out);
	put_made(board);
	fputs("</div>\n", board->out);
}

/* What is about the whole: of a broken log the verdict comes before anything
 * else. */
static void put_header(const struct board *board)
{
	bool is_broken = board_is_broken(board->model);

	fputs("<header>\n", board->out);
	if (is_broken)
		board_verdict(board);
	put_top(board);
	if (!is_broken)
		board_verdict(board);
	fputs("</header>\n", board->out);
}

static void put_sections(struct board *board)
{
	static void (*const PUTS[BL_COUNT(SECTIONS)])(struct board *) = {
		board_believe, put_happened, put_accesses, put_denials, put_unmasking,
		put_unusual,   put_policies, put_devices,  put_readers, put_limits,
	};

	for (size_t i = 0; i < BL_COUNT(SECTIONS); i++) {
		html_section(board->out, &SECTIONS[i]);
		PUTS[i](board);
		html_section_end(board->out);
	}
}

/* Numbers of the events that get a row of their own: others' rows can point
 * there. */
static json_t *anchors_of(const json_t *model)
{
	json_t *anchors = json_object(), *list, *row;
	const char *key;
	size_t i;
	char number[24];

	json_object_foreach((json_t *)model, key, list)
	{
		json_array_foreach(list, i, row)
		{
			uint64_t sequence = board_number(row, "sequence");

			snprintf(number, sizeof(number), "%llu", (unsigned long long)sequence);
			if (sequence)
				json_object_set_new(anchors, number, json_true());
		}
	}
	return anchors;
}

/* Only of digits and what stands between them: it is typed into a shell. */
static void add_time(char *out, size_t size, const char *option, const char *moment)
{
	size_t used = strlen(out);

	if (strlen(moment) >= 16 && strspn(moment, "0123456789-T:") >= 16)
		snprintf(out + used, size - used, " %s '%.10s %.5s'", option, moment, moment + 11);
}

void report_log_page(FILE *out, const json_t *model)
{
	static const struct html_page PAGE = {
		.lang = "en", .title = "Audit report", .class = "", .has_script = true};
	const json_t *period = json_object_get(model, "period");
	BL_CLEANUP(zone_free) struct zone *zone = NULL;
	struct board board = {.out = out, .model = model, .anchors = anchors_of(model)};

	if (zone_load(board_words(period, "zone"), &zone, NULL) != BL_OK)
		(void)!zone_load("UTC", &zone, NULL);
	board.zone = zone;
	add_time(board.period, sizeof(board.period), "--since", board_words(period, "since"));
	add_time(board.period, sizeof(board.period), "--until", board_words(period, "until"));
	html_begin(out, &PAGE);
	put_header(&board);
	html_contents(out, SECTIONS, BL_COUNT(SECTIONS));
	fputs("<main>\n", out);
	put_sections(&board);
	fputs("</main>\n", out);
	html_end(out, &PAGE);
	json_decref(board.anchors);
}

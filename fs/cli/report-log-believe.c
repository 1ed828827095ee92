/* Can it be believed? What the verification found, in words that a board
 * understands and an auditor can repeat. */
#include <string.h>

#include "fs/cli/report-log-private.h"

static const json_t *integrity_of(const json_t *model)
{
	return json_object_get(model, "integrity");
}

static bool is_state(const json_t *model, const char *state)
{
	return strcmp(board_words(integrity_of(model), "state"), state) == 0;
}

bool board_is_broken(const json_t *model)
{
	return is_state(model, "broken");
}

/* Nobody but the service looked: then nothing is green. */
static bool is_own_word(const json_t *model)
{
	return strcmp(board_words(integrity_of(model), "by"), "service") == 0;
}

/* What it looks like, of the words of docs/format-log.md. */
static const char *looks_words(const char *looks)
{
	static const struct {
		const char *looks, *words;
	} WORDS[] = {
		{"changed", "a record was changed after it was written"},
		{"rewritten", "records were made anew by somebody who held the disk"},
		{"dropped", "records were taken out"},
		{"reordered", "records were put in another order"},
		{"repeated", "records were put in twice"},
		{"spliced", "a piece of another log was put in"},
		{"truncated", "the end was cut off"},
		{"rolled back", "an older copy of the log was put back"},
		{"inserted", "records were put in"},
		{"clock", "records carry times that cannot be"},
	};

	for (size_t i = 0; i < BL_COUNT(WORDS); i++)
		if (strcmp(WORDS[i].looks, looks) == 0)
			return WORDS[i].words;
	return "";
}

/* The last event before the break; 0: none. */
static uint64_t last_good(const json_t *integrity)
{
	const json_t *vouched = json_object_get(integrity, "vouched_sequence");
	uint64_t bad = board_number(integrity, "bad_sequence");

	if (json_is_integer(vouched))
		return board_number(integrity, "vouched_sequence");
	return bad ? bad - 1 : 0;
}

static void put_broken(const struct board *board, const json_t *integrity)
{
	const char *looks = looks_words(board_words(integrity, "looks"));
	uint64_t good = last_good(integrity), first = board_number(integrity, "first_sequence");

	fputs("<h2>Broken: do not rely on this log</h2>\n<p>", board->out);
	if (*looks)
		html_put(board->out, "It looks as if %s. ", looks);
	html_put(board->out, "What was found: <strong>%s</strong>",
		 board_words(integrity, "problem"));
	if (*board_words(integrity, "bad_file"))
		html_put(board->out, ", at byte %s of <code>%s</code>",
			 PAGE_GROUPED(board_number(integrity, "bad_offset")),
			 board_words(integrity, "bad_file"));
	fputs(".</p>\n<p>", board->out);
	if (good && good >= first)
		html_put(board->out,
			 "<strong>Still proved: events %llu to %llu.</strong> Only these are in "
			 "the rest of this report. Whatever came behind them may be missing, "
			 "changed or made up.",
			 (unsigned long long)first, (unsigned long long)good);
	else
		fputs("<strong>Nothing of it is proved.</strong> The rest of this report is empty.",
		      board->out);
	fputs("</p>\n<p>Keep a copy of the log as it is now, and the medium, before anything else "
	      "is done with them.</p>\n",
	      board->out);
}

static void put_good(const struct board *board, const json_t *integrity)
{
	uint64_t records = board_number(integrity, "records");
	char date[BOARD_DATE];

	board_date(board, (int64_t)board_number(integrity, "anchored_unix"), date);
	html_put(board->out,
		 "<h2>%s</h2>\n<p>%s %s checked: nothing was changed, dropped, reordered or put "
		 "back.",
		 is_own_word(board->model) ? "Good, by the service's own word"
					   : "Good: this log is whole",
		 PAGE_GROUPED(records), page_plural(records, "record was", "records were"));
	if (*date)
		html_put(board->out,
			 " An anchor of %s, kept where whoever holds the store cannot change it, "
			 "lies on it (event %llu).",
			 date, (unsigned long long)board_number(integrity, "anchored_sequence"));
	fputs("</p>\n", board->out);
	if (json_is_false(json_object_get(integrity, "has_macs")))
		fputs("<p>What came after the anchor was checked without the frames' macs: the "
		      "auditor's kit was not there.</p>\n",
		      board->out);
}

static void put_not_anchored(const struct board *board, const json_t *integrity)
{
	uint64_t records = board_number(integrity, "records");

	html_put(board->out,
		 "<h2>Good, but not anchored</h2>\n<p>%s %s checked: nothing was changed, dropped "
		 "or reordered. Whether this is an older copy of the log, put back, cannot be seen "
		 "from the log alone: an anchor that was kept elsewhere shows it.</p>\n",
		 PAGE_GROUPED(records), page_plural(records, "record was", "records were"));
}

static void put_not_checked(const struct board *board)
{
	fputs("<h2>Not checked</h2>\n<p>Whoever made this report could not read the log itself: "
	      "nothing here is proved. The command below checks a copy of it.</p>\n",
	      board->out);
}

void board_verdict(const struct board *board)
{
	const json_t *integrity = integrity_of(board->model);
	bool is_good = is_state(board->model, "good"), is_broken = board_is_broken(board->model);

	html_put(board->out, "<div class=\"verdict %s\" role=\"%s\">\n",
		 is_good && !is_own_word(board->model) ? "good"
		 : is_broken			       ? "bad"
						       : "fair",
		 is_broken ? "alert" : "note");
	if (is_broken)
		put_broken(board, integrity);
	else if (is_good)
		put_good(board, integrity);
	else if (is_state(board->model, "not-anchored"))
		put_not_anchored(board, integrity);
	else
		put_not_checked(board);
	if (is_own_word(board->model))
		fputs("<p>This is the word of the service that keeps the log, not of somebody who "
		      "checked it.</p>\n",
		      board->out);
	fputs("</div>\n", board->out);
}

/* ---- the section
 * ---------------------------------------------------------------------------------------
 */

BL_PRINTF(3, 4)
static void row(const struct board *board, const char *label, const char *format, ...)
{
	char value[256];
	va_list list;

	va_start(list, format);
	vsnprintf(value, sizeof(value), format, list);
	va_end(list);
	html_put(board->out, "<dt>%s</dt><dd>%s</dd>\n", label, value);
}

static void put_anchored(const struct board *board, const json_t *integrity)
{
	char moment[BOARD_MOMENT];
	uint64_t sequence = board_number(integrity, "anchored_sequence"),
		 last = board_number(integrity, "last_sequence");

	if (!sequence) {
		row(board, "Anchored", "no");
		return;
	}
	board_moment(board, (int64_t)board_number(integrity, "anchored_unix"), true, moment);
	row(board, "Anchored", "up to event %llu, at %s; %s %s since", (unsigned long long)sequence,
	    moment, PAGE_GROUPED(last > sequence ? last - sequence : 0),
	    page_plural(last - sequence, "record", "records"));
}

static void put_trimmed(const struct board *board, const json_t *integrity)
{
	uint64_t segments = board_number(integrity, "trimmed_segments");

	if (!segments)
		row(board, "Removed by age", "nothing");
	else
		row(board, "Removed by age", "%s %s with %s records, each with its tombstone",
		    PAGE_GROUPED(segments), page_plural(segments, "segment", "segments"),
		    PAGE_GROUPED(board_number(integrity, "trimmed_records")));
}

static void put_clocks(const struct board *board, const json_t *integrity)
{
	uint64_t steps = board_number(integrity, "clock_steps"),
		 silences = board_number(integrity, "silences");

	if (steps)
		row(board, "Clock", "was set %s %s while the service ran", PAGE_GROUPED(steps),
		    page_plural(steps, "time", "times"));
	else
		row(board, "Clock", "was not set while the service ran");
	if (silences)
		row(board, "Silences",
		    "%s longer than 75 s, the longest %s s (suspended, or held up)",
		    PAGE_GROUPED(silences),
		    PAGE_GROUPED(board_number(integrity, "longest_silence_s")));
}

static void put_facts(const struct board *board, const json_t *integrity)
{
	const json_t *macs = json_object_get(integrity, "has_macs");

	fputs("<dl class=\"rows\">\n", board->out);
	row(board, "Checked by", "%s",
	    is_own_word(board->model)
		    ? "the service itself"
		    : "the program that wrote this report, with what the auditor brought");
	row(board, "Records", "%s, events %llu to %llu",
	    PAGE_GROUPED(board_number(integrity, "records")),
	    (unsigned long long)board_number(integrity, "first_sequence"),
	    (unsigned long long)board_number(integrity, "last_sequence"));
	if (macs)
		row(board, "Macs of the frames", "%s",
		    json_is_true(macs) ? "checked by the auditor's kit"
				       : "not checked (no kit was brought)");
	row(board, "Checkpoints", "%s, signed up to event %llu",
	    PAGE_GROUPED(board_number(integrity, "checkpoints")),
	    (unsigned long long)board_number(integrity, "checkpointed_sequence"));
	put_anchored(board, integrity);
	put_trimmed(board, integrity);
	put_clocks(board, integrity);
	if (json_is_true(json_object_get(integrity, "is_torn")))
		row(board, "End",
		    "torn by a crash; the next start cuts it, and says so in the log");
	if (*board_words(integrity, "chain"))
		html_put(board->out,
			 "<dt>Chain of the last good record</dt><dd><code>%s</code></dd>\n",
			 board_words(integrity, "chain"));
	fputs("</dl>\n", board->out);
}

/* The numbers of events are names: no comma in them. */
static void put_sequence(const struct board *board, struct html_table *table, uint64_t sequence)
{
	html_cell_begin(board->out, table, NULL);
	html_put(board->out, "%llu", (unsigned long long)sequence);
	html_cell_end(board->out);
}

static void put_windows(const struct board *board, const json_t *integrity)
{
	static const struct html_column COLUMNS[] = {{"First event", HTML_NUMBER},
						     {"Last event", HTML_NUMBER},
						     {"By whom", HTML_WORDS},
						     {NULL, HTML_WORDS}};
	struct html_table table = {
		.caption = "Events that could have been made anew",
		.columns = COLUMNS,
	};
	const json_t *windows = json_object_get(integrity, "windows");
	uint64_t all = board_number(integrity, "forgeable_windows");
	size_t shown = json_array_size(windows);

	if (!shown) {
		/* Of a broken log nobody looked for them. */
		if (!board_is_broken(board->model))
			fputs("<p>No events were found that somebody who held the disk could have "
			      "made anew.</p>\n",
			      board->out);
		return;
	}
	html_table(board->out, &table);
	for (size_t i = 0; i < shown; i++) {
		const json_t *window = json_array_get(windows, i);

		html_row(board->out, &table, NULL);
		put_sequence(board, &table, board_number(window, "first_sequence"));
		put_sequence(board, &table, board_number(window, "last_sequence"));
		html_cell(
			board->out, &table,
			json_is_true(json_object_get(window, "is_now"))
				? "who holds the disk now"
				: "who held the disk when the log was taken up again behind them");
		html_row_end(board->out);
	}
	html_table_end(board->out);
	if (all > shown)
		html_put(board->out, "<p class=\"note\">The newest %zu of %s are here.</p>\n",
			 shown, PAGE_GROUPED(all));
}

void board_believe(struct board *board)
{
	const json_t *integrity = integrity_of(board->model);

	if (json_is_object(integrity) && !is_state(board->model, "not-checked")) {
		put_facts(board, integrity);
		put_windows(board, integrity);
	} else {
		fputs("<p class=\"none\">Nothing was checked.</p>\n", board->out);
	}
	fputs("<p>Everything above is found again, on any machine, on a copy of the log and with "
	      "what the auditor keeps:</p>\n",
	      board->out);
	board_typed(board, "log verify --log COPY --kit KIT --anchor ANCHORS");
	fputs("<p class=\"note\">It ends with 0 when all is good and anchored, with 13 when it is "
	      "good but not anchored, and with 12 when it is broken. Every number of an event in "
	      "this report is a record of that log.</p>\n",
	      board->out);
}

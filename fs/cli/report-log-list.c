/* What stands in the model: texts, numbers, moments, people; and lists of them
 * as tables. */
#include <string.h>

#include "fs/cli/report-log-private.h"

/* ---- values
 * ------------------------------------------------------------------------------------------
 */

const json_t *board_at(const json_t *object, const char *group, const char *key)
{
	return json_object_get(group ? json_object_get(object, group) : object, key);
}

const char *board_words(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t board_number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

/* From the year 1970 to 9999: what has four digits. */
#define LAST_MOMENT INT64_C(253402300799)

static bool local(const struct board *board, int64_t at_unix, struct zone_time *out)
{
	if (!board->zone || at_unix <= 0 || at_unix > LAST_MOMENT - 86400)
		return false;
	zone_local(board->zone, at_unix, out);
	return true;
}

const char *board_moment(const struct board *board, int64_t at_unix, bool has_seconds,
			 char out[BOARD_MOMENT])
{
	struct zone_time at;
	int length;

	out[0] = '\0';
	if (!local(board, at_unix, &at))
		return out;
	length = snprintf(out, BOARD_MOMENT, "%04u-%02u-%02u %02u:%02u", (unsigned)at.year % 10000,
			  at.month % 100u, at.mday % 100u, at.minute / 60u % 100, at.minute % 60u);
	if (has_seconds)
		snprintf(out + length, BOARD_MOMENT - (size_t)length, ":%02u",
			 (unsigned)(at_unix % 60));
	return out;
}

const char *board_date(const struct board *board, int64_t at_unix, char out[BOARD_DATE])
{
	static const char *const MONTHS[] = {
		"",	"January", "February",	"March",   "April",    "May",	  "June",
		"July", "August",  "September", "October", "November", "December"};
	struct zone_time at;

	out[0] = '\0';
	if (local(board, at_unix, &at) && at.month < BL_COUNT(MONTHS))
		snprintf(out, BOARD_DATE, "%u %s %d", at.mday, MONTHS[at.month], (int)at.year);
	return out;
}

/* ---- what is said in every section
 * -------------------------------------------------------------------- */

void board_missing(const struct board *board, const char *what)
{
	html_put(board->out,
		 "<p class=\"none\">%s: this report cannot say. It was made without the service "
		 "that knows.</p>\n",
		 what);
}

/* Broken between options, not within them. */
static void put_options(FILE *out, const char *text)
{
	while (*text) {
		const char *next = strstr(text + 1, " --");
		size_t length = next ? (size_t)(next - text) : strlen(text);

		fputs("<span>", out);
		html_text(out, text, length);
		fputs("</span><wbr>", out);
		text += length;
	}
}

void board_typed(const struct board *board, const char *command)
{
	fputs("<pre class=\"do\"><code>bailee ", board->out);
	put_options(board->out, command);
	fputs("</code></pre>\n", board->out);
}

void board_command(const struct board *board, const char *command, bool has_period)
{
	fputs("<p class=\"check\">Check: <code>bailee ", board->out);
	put_options(board->out, command);
	if (has_period)
		put_options(board->out, board->period);
	fputs("</code></p>\n", board->out);
}

/* ---- lists
 * -------------------------------------------------------------------------------------------
 */

static bool is_said(const json_t *value)
{
	return value && !json_is_null(value) &&
	       !(json_is_string(value) && !*json_string_value(value)) &&
	       !(json_is_array(value) && !json_array_size(value));
}

static int64_t unix_of(const json_t *row, const char *key)
{
	char name[48];

	snprintf(name, sizeof(name), "%s_unix", key);
	return (int64_t)json_integer_value(json_object_get(row, name));
}

static bool has_field(const json_t *row, const struct field *field)
{
	switch (field->kind) {
	case FIELD_MOMENT:
	case FIELD_AT:
	case FIELD_DAY:
		return unix_of(row, field->key) > 0 || is_said(json_object_get(row, field->key));
	case FIELD_PERSON:
		return is_said(json_object_get(row, field->key)) ||
		       is_said(json_object_get(row, "uid"));
	case FIELD_OTHER:
		return board_number(row, field->key) != 0;
	case FIELD_NUMBER:
	case FIELD_BYTES:
	case FIELD_MEASURE:
	case FIELD_KIND:
	case FIELD_ID:
	case FIELD_EVENT:
	case FIELD_WORDS:
	case FIELD_CODE:
	case FIELD_STATUS:
		break;
	}
	return is_said(json_object_get(row, field->key));
}

/* Into @used those of the list's fields that any row has; gives back how many.
 */
static unsigned fields_used(const json_t *rows, const struct list *list,
			    const struct field *used[HTML_COLUMNS])
{
	unsigned count = 0;

	for (size_t i = 0; i < list->count && count < HTML_COLUMNS; i++) {
		bool is_used = false;

		for (size_t at = 0; at < json_array_size(rows) && !is_used; at++)
			is_used = has_field(json_array_get(rows, at), &list->fields[i]);
		if (is_used)
			used[count++] = &list->fields[i];
	}
	return count;
}

static enum html_align align_of(enum field_kind kind)
{
	static const enum html_align ALIGNS[] = {
		[FIELD_WORDS] = HTML_WORDS,    [FIELD_CODE] = HTML_CODE,
		[FIELD_NUMBER] = HTML_NUMBER,  [FIELD_BYTES] = HTML_NUMBER,
		[FIELD_MOMENT] = HTML_MOMENT,  [FIELD_AT] = HTML_MOMENT,
		[FIELD_DAY] = HTML_MOMENT,     [FIELD_EVENT] = HTML_NUMBER,
		[FIELD_PERSON] = HTML_WORDS,   [FIELD_STATUS] = HTML_WORDS,
		[FIELD_MEASURE] = HTML_NUMBER, [FIELD_OTHER] = HTML_NUMBER,
		[FIELD_KIND] = HTML_WORDS,     [FIELD_ID] = HTML_NAME};

	return ALIGNS[kind];
}

/* Whatever is written from the right turns nothing beside it. */
static void put_scalar(FILE *out, const json_t *value)
{
	if (json_is_string(value)) {
		fputs("<bdi>", out);
		html_words(out, json_string_value(value), json_string_length(value));
		fputs("</bdi>", out);
	} else if (json_is_integer(value)) {
		html_put(out, "%lld", (long long)json_integer_value(value));
	} else if (json_is_boolean(value)) {
		fputs(json_is_true(value) ? "yes" : "no", out);
	}
}

static void put_words(FILE *out, const json_t *value)
{
	if (!json_is_array(value)) {
		put_scalar(out, value);
		return;
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		fputs(i ? ", " : "", out);
		put_scalar(out, json_array_get(value, i));
	}
}

static void put_person(FILE *out, const json_t *row, const char *key)
{
	const json_t *name = json_object_get(row, key), *uid = json_object_get(row, "uid");

	const json_t *number = json_is_integer(name) ? name : uid;
	bool has_name = is_said(name) && !json_is_integer(name);

	if (has_name)
		put_scalar(out, name);
	if (json_is_integer(number))
		html_put(out, has_name ? " <small>%lld</small>" : "<span>uid %lld</span>",
			 (long long)json_integer_value(number));
	else if (!has_name && json_is_null(uid))
		fputs("Bailee itself", out);
}

static void put_moment(const struct board *board, const json_t *row, const struct field *field)
{
	char moment[BOARD_MOMENT];

	board_moment(board, unix_of(row, field->key), field->kind == FIELD_AT, moment);
	if (field->kind == FIELD_DAY)
		moment[strcspn(moment, " ")] = '\0';
	html_parts(board->out, *moment ? moment : board_words(row, field->key));
}

/* Good and bad words of the states that a tag shows; any other is neutral. */
static const char *tone_of(const char *status)
{
	static const struct {
		const char *word, *tone;
	} TONES[] = {
		{"ERASED", "good"},	  {"ERASED_WITH_EXCEPTIONS", "fair"},
		{"NOT_ERASED", "bad"},	  {"done", "good"},
		{"closed", "good"},	  {"in force", "good"},
		{"late", "bad"},	  {"refused", "bad"},
		{"lapsed", "bad"},	  {"conflict", "bad"},
		{"review", "bad"},	  {"longest", "bad"},
		{"soon", "fair"},	  {"open", "fair"},
		{"not recorded", "fair"},
	};

	for (size_t i = 0; i < BL_COUNT(TONES); i++)
		if (strcmp(TONES[i].word, status) == 0)
			return TONES[i].tone;
	return "plain";
}

/* Of a policy "is_refused" is all there is. */
static void put_status(FILE *out, const json_t *value)
{
	const char *word = json_string_value(value);

	if (json_is_boolean(value))
		word = json_is_true(value) ? "refused" : "in force";
	if (word && *word)
		html_put(out, "<b class=\"tag %s\">%s</b>", tone_of(word), word);
}

/* A link, where the event has a row in this report. */
static void put_event(const struct board *board, uint64_t sequence)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)sequence);
	if (json_object_get(board->anchors, number))
		html_put(board->out, "<a href=\"#event-%s\">%s</a>", number, number);
	else
		html_put(board->out, "%s", number);
}

static bool is_volume(const json_t *row)
{
	return strcmp(board_words(row, "kind"), "volume") == 0;
}

/* What stands out, in words. */
static void put_kind(FILE *out, const char *kind)
{
	static const struct {
		const char *kind, *words;
	} WORDS[] = {{"volume", "much more read than usual"},
		     {"off-hours", "worked off hours"},
		     {"denials", "many denials at once"}};

	for (size_t i = 0; i < BL_COUNT(WORDS); i++)
		if (strcmp(WORDS[i].kind, kind) == 0)
			kind = WORDS[i].words;
	html_put(out, "%s", kind);
}

static void put_number(const struct board *board, struct html_table *table, const json_t *row,
		       const struct field *field)
{
	uint64_t value = board_number(row, field->key);

	if (!json_is_integer(json_object_get(row, field->key)) ||
	    (field->kind == FIELD_OTHER && !value))
		html_cell(board->out, table, "");
	else if (field->kind == FIELD_BYTES || (field->kind == FIELD_MEASURE && is_volume(row)))
		html_cell_bytes(board->out, table, value);
	else
		html_cell_number(board->out, table, value);
}

static void put_field(const struct board *board, struct html_table *table, const json_t *row,
		      const struct field *field)
{
	const json_t *value = json_object_get(row, field->key);

	if (align_of(field->kind) == HTML_NUMBER && field->kind != FIELD_EVENT) {
		put_number(board, table, row, field);
		return;
	}
	html_cell_begin(board->out, table, NULL);
	if (field->kind == FIELD_EVENT && json_is_integer(value))
		put_event(board, board_number(row, field->key));
	else if (align_of(field->kind) == HTML_MOMENT)
		put_moment(board, row, field);
	else if (field->kind == FIELD_PERSON)
		put_person(board->out, row, field->key);
	else if (field->kind == FIELD_KIND)
		put_kind(board->out, board_words(row, field->key));
	else if (field->kind == FIELD_ID)
		html_parts(board->out, board_words(row, field->key));
	else if (field->kind == FIELD_CODE && json_is_string(value))
		html_put(board->out, "%s", json_string_value(value));
	else if (field->kind == FIELD_STATUS)
		put_status(board->out, value);
	else
		put_words(board->out, value);
	html_cell_end(board->out);
}

#define ANCHOR 32

/* "event-17" of the row's own event, for the first row that has it; NULL: none
 */
static const char *anchor_of(struct board *board, const json_t *row, char out[ANCHOR])
{
	uint64_t sequence = board_number(row, "sequence");
	json_t *is_free;

	if (!sequence)
		return NULL;
	snprintf(out, ANCHOR, "%llu", (unsigned long long)sequence);
	is_free = json_object_get(board->anchors, out);
	if (!json_is_true(is_free) || json_object_set(board->anchors, out, json_false()) != 0)
		return NULL;
	snprintf(out, ANCHOR, "event-%llu", (unsigned long long)sequence);
	return out;
}

static void put_table(struct board *board, const struct list *list, const json_t *rows)
{
	const struct field *used[HTML_COLUMNS];
	struct html_column columns[HTML_COLUMNS + 1] = {{NULL, HTML_WORDS}};
	unsigned count = fields_used(rows, list, used);
	struct html_table table = {.caption = list->caption, .columns = columns};
	char anchor[ANCHOR];

	for (unsigned i = 0; i < count; i++)
		columns[i] = (struct html_column){used[i]->head, align_of(used[i]->kind)};
	html_table(board->out, &table);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		html_row(board->out, &table, anchor_of(board, row, anchor));
		for (unsigned at = 0; at < count; at++)
			put_field(board, &table, row, used[at]);
		html_row_end(board->out);
	}
	html_table_end(board->out);
}

static void put_more(const struct board *board, const struct list *list, size_t shown)
{
	char key[48];
	uint64_t more;

	snprintf(key, sizeof(key), "%s_more", list->key);
	more = board_number(board->model, key);
	if (more)
		html_put(board->out,
			 "<p class=\"note\">The first %s of %s rows are here; the command below "
			 "tells all.</p>\n",
			 PAGE_GROUPED(shown), PAGE_GROUPED(shown + more));
}

void board_list(struct board *board, const struct list *list)
{
	const json_t *rows = json_object_get(board->model, list->key);

	if (!json_is_array(rows)) {
		board_missing(board, list->caption);
		return;
	}
	if (!json_array_size(rows)) {
		html_put(board->out, "<p class=\"none\">%s</p>\n", list->none);
	} else {
		put_table(board, list, rows);
		put_more(board, list, json_array_size(rows));
	}
	if (list->command && json_array_size(rows))
		board_command(board, list->command, true);
}

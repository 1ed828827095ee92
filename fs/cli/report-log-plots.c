/* The numbers and plots of the report. */
#include <stdlib.h>
#include <string.h>

#include "fs/cli/report-log-private.h"

#define DAY    86400
#define POINTS 180 /* bars over time; more of them are taken together */
#define TOP    10  /* rows of the largest */

/* ---- over time
 * ---------------------------------------------------------------------------------------
 */

struct bar {
	char label[32], words[64];
	int64_t at_unix;
	uint64_t permitted, denied, bytes;
};
struct series {
	struct bar *bars;
	size_t count, group; /* how many units are one bar */
	const char *unit;    /* "hour", "day", "week" */
};

static uint64_t sum(uint64_t one, uint64_t other)
{
	uint64_t both;

	return __builtin_add_overflow(one, other, &both) ? UINT64_MAX : both;
}

static bool is_unit(const struct series *series, const char *unit)
{
	return strcmp(series->unit, unit) == 0;
}

/* "22 Nov", "14:00" of a day or two, "Nov 2026" of years. */
static void name_bar(const struct board *board, const struct series *series, struct bar *bar,
		     int64_t span)
{
	static const char *const DAYS[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	char date[BOARD_DATE], moment[BOARD_MOMENT];
	struct zone_time at;
	const char *from = series->group > 1 || is_unit(series, "week") ? "from " : "", *month;

	if (!*board_date(board, bar->at_unix, date))
		return;
	zone_local(board->zone, bar->at_unix, &at);
	board_moment(board, bar->at_unix, false, moment);
	month = strchr(date, ' ') + 1;
	if (is_unit(series, "hour") && span <= 2 * DAY)
		snprintf(bar->label, sizeof(bar->label), "%s %s", DAYS[at.weekday % 7],
			 strchr(moment, ' ') + 1);
	else if (span > 400 * DAY)
		snprintf(bar->label, sizeof(bar->label), "%.3s %d", month, (int)at.year);
	else
		snprintf(bar->label, sizeof(bar->label), "%u %.3s", at.mday, month);
	snprintf(bar->words, sizeof(bar->words), "%s%s %s%s%s", from, DAYS[at.weekday % 7], date,
		 is_unit(series, "hour") ? "," : "",
		 is_unit(series, "hour") ? strchr(moment, ' ') : "");
}

static const char *unit_of(const char *word)
{
	static const char *const UNITS[] = {"hour", "day", "week"};

	for (size_t i = 0; i < BL_COUNT(UNITS); i++)
		if (strcmp(UNITS[i], word) == 0)
			return UNITS[i];
	return "step";
}

/* False: there is nothing to draw. series->bars is the caller's (free). */
static bool series_of(const struct board *board, struct series *series)
{
	const json_t *over_time = json_object_get(board->model, "over_time"),
		     *points = json_object_get(over_time, "points");
	size_t count = json_array_size(points);
	int64_t span;

	*series = (struct series){.unit = unit_of(board_words(over_time, "unit")),
				  .group = BL_MAX((count + POINTS - 1) / POINTS, (size_t)1)};
	if (!count)
		return false;
	series->count = (count + series->group - 1) / series->group;
	series->bars = calloc(series->count, sizeof(*series->bars));
	if (!series->bars)
		return false;
	for (size_t i = 0; i < count; i++) {
		const json_t *point = json_array_get(points, i);
		struct bar *bar = &series->bars[i / series->group];

		if (i % series->group == 0)
			bar->at_unix = (int64_t)board_number(point, "at_unix");
		bar->permitted = sum(bar->permitted, board_number(point, "permitted"));
		bar->denied = sum(bar->denied, board_number(point, "denied"));
		bar->bytes = sum(bar->bytes, board_number(point, "bytes"));
	}
	span = series->bars[series->count - 1].at_unix - series->bars[0].at_unix;
	for (size_t i = 0; i < series->count; i++)
		name_bar(board, series, &series->bars[i], span);
	return true;
}

/* "Each bar is a day. Most: 1,204 (Sun 22 November 2026); nothing in 3 of 22." */
static void describe(const struct series *series, const struct html_point *points, bool is_bytes,
		     char out[256])
{
	size_t most = 0, empty = 0;
	uint64_t largest;
	char each[32], nothing[64] = "";

	for (size_t i = 0; i < series->count; i++) {
		if (points[i].values[0] + points[i].values[1] == 0)
			empty++;
		if (points[i].values[0] + points[i].values[1] >
		    points[most].values[0] + points[most].values[1])
			most = i;
	}
	largest = sum(points[most].values[0], points[most].values[1]);
	if (series->group > 1)
		snprintf(each, sizeof(each), "%zu %ss", series->group, series->unit);
	else
		snprintf(each, sizeof(each), "%s %s", is_unit(series, "hour") ? "an" : "a",
			 series->unit);
	if (empty)
		snprintf(nothing, sizeof(nothing), "; nothing in %zu of %zu", empty, series->count);
	if (!largest)
		snprintf(out, 256, "Each bar is %s. There was nothing.", each);
	else
		snprintf(out, 256, "Each bar is %s. Most: %s (%s)%s.", each,
			 is_bytes ? PAGE_SIZED(largest) : PAGE_GROUPED(largest), points[most].words,
			 nothing);
}

static void put_plot(const struct board *board, const struct series *series, bool is_bytes)
{
	BL_CLEANUP(bl_free)
	struct html_point *points = calloc(series->count, sizeof(*points));
	char text[256];

	if (!points)
		return;
	for (size_t i = 0; i < series->count; i++) {
		const struct bar *bar = &series->bars[i];

		points[i] = (struct html_point){.label = bar->label, .words = bar->words};
		points[i].values[0] = is_bytes ? bar->bytes : bar->permitted;
		points[i].values[1] = is_bytes ? 0 : bar->denied;
	}
	describe(series, points, is_bytes, text);
	html_bars_over_time(board->out,
			    &(struct html_plot){.id = is_bytes ? "plot-bytes" : "plot-events",
						.title = is_bytes ? "Bytes read over time"
								  : "Accesses over time",
						.text = text,
						.series = {is_bytes ? "read" : "permitted",
							   is_bytes ? NULL : "not permitted"},
						.points = points,
						.count = series->count,
						.is_bytes = is_bytes});
}

void board_over_time(const struct board *board)
{
	struct series series;

	if (!json_is_object(json_object_get(board->model, "over_time"))) {
		board_missing(board, "Accesses over time");
		return;
	}
	if (series_of(board, &series)) {
		put_plot(board, &series, false);
		put_plot(board, &series, true);
	}
	free(series.bars);
}

/* ---- key numbers
 * -------------------------------------------------------------------------------------
 */

static void put_spark(const struct board *board, const struct series *series, const char *text,
		      size_t field)
{
	BL_CLEANUP(bl_free) uint64_t *values = calloc(series->count, sizeof(*values));

	if (!values || series->count < 2)
		return;
	for (size_t i = 0; i < series->count; i++) {
		const struct bar *bar = &series->bars[i];

		values[i] = field == 0	 ? sum(bar->permitted, bar->denied)
			    : field == 1 ? bar->denied
					 : bar->bytes;
	}
	html_spark(board->out, text, values, series->count);
}

static void put_figure(const struct board *board, const struct series *series, const char *value,
		       const char *words, int spark)
{
	html_put(board->out, "<li><b>%s</b> %s", value, words);
	if (spark >= 0 && series->bars)
		put_spark(board, series, "The same over time", (size_t)spark);
	fputs("</li>\n", board->out);
}

void board_figures(const struct board *board)
{
	static const struct {
		const char *key, *one, *many;
		int spark; /* what is drawn below; -1: nothing */
	} FIGURES[] = {
		{"events", "access", "accesses", 0},  {"denied", "denied", "denied", 1},
		{"bytes", "read", "read", 2},	      {"people", "person", "people", -1},
		{"devices", "device", "devices", -1},
	};
	const json_t *totals = json_object_get(board->model, "totals"),
		     *unmasking = json_object_get(board->model, "unmasking");
	struct series series;

	if (!json_is_object(totals))
		return;
	series_of(board, &series);
	fputs("<ul class=\"figures\">\n", board->out);
	for (size_t i = 0; i < BL_COUNT(FIGURES); i++) {
		uint64_t value = board_number(totals, FIGURES[i].key);
		struct page_figure shown = strcmp(FIGURES[i].key, "bytes") == 0
						   ? page_sized(value)
						   : page_grouped(value);

		put_figure(board, &series, shown.text,
			   page_plural(value, FIGURES[i].one, FIGURES[i].many), FIGURES[i].spark);
	}
	if (json_is_array(unmasking)) {
		uint64_t shown =
			json_array_size(unmasking) + board_number(board->model, "unmasking_more");

		put_figure(board, &series, PAGE_GROUPED(shown), "shown unmasked", -1);
	}
	fputs("</ul>\n", board->out);
	free(series.bars);
}

/* ---- by hour and weekday
 * -----------------------------------------------------------------------------
 */

/* Numbers of lists in lists, one after the other. */
static size_t flatten(const json_t *list, uint64_t hours[HTML_WEEK], size_t count, unsigned depth)
{
	for (size_t i = 0; i < json_array_size(list) && count < HTML_WEEK; i++) {
		const json_t *value = json_array_get(list, i);

		if (json_is_array(value) && depth)
			count = flatten(value, hours, count, depth - 1);
		else if (json_is_integer(value))
			hours[count++] = (uint64_t)BL_MAX(json_integer_value(value), (json_int_t)0);
	}
	return count;
}

void board_week(const struct board *board)
{
	static const char *const DAYS[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	static const char *const NAMES[] = {"Mondays", "Tuesdays",  "Wednesdays", "Thursdays",
					    "Fridays", "Saturdays", "Sundays"};
	uint64_t hours[HTML_WEEK] = {0};
	size_t most = 0;
	char text[160];

	if (flatten(json_object_get(board->model, "week"), hours, 0, 2) < HTML_WEEK) {
		board_missing(board, "By hour and weekday");
		return;
	}
	for (size_t i = 1; i < HTML_WEEK; i++)
		if (hours[i] > hours[most])
			most = i;
	if (!hours[most])
		return;
	snprintf(text, sizeof(text), "Accesses by hour of the day. Most: %s at %zu:00, with %s.",
		 NAMES[most / 24], most % 24, PAGE_GROUPED(hours[most]));
	html_week(board->out, "plot-week", "By hour and weekday", text, DAYS, hours);
}

/* ---- the largest
 * -------------------------------------------------------------------------------------
 */

static int by_events(const void *one, const void *other)
{
	uint64_t left = board_number(*(json_t *const *)one, "events"),
		 right = board_number(*(json_t *const *)other, "events");

	return left < right ? 1 : left > right ? -1 : 0;
}

/* "anna", else "uid 61002" in @room */
static const char *name_of(const json_t *row, const char *name, char room[32])
{
	const char *text = board_words(row, name);

	if (!*text)
		snprintf(room, 32, "uid %lld",
			 (long long)json_integer_value(json_object_get(row, "uid")));
	return *text ? text : room;
}

void board_top(const struct board *board, const char *key, const char *name,
	       const struct html_plot *form)
{
	const json_t *list = json_object_get(board->model, key);
	size_t count = json_array_size(list);
	BL_CLEANUP(bl_free) const json_t **rows = calloc(count + 1, sizeof(*rows));
	struct html_point points[TOP] = {{NULL, NULL, {0}}};
	char rooms[TOP][32];
	struct html_plot plot = *form;

	if (!rows || count < 2)
		return;
	for (size_t i = 0; i < count; i++)
		rows[i] = json_array_get(list, i);
	qsort(rows, count, sizeof(const json_t *), by_events);
	plot.count = BL_MIN(count, (size_t)TOP);
	for (size_t i = 0; i < plot.count; i++) {
		uint64_t events = board_number(rows[i], "events"),
			 denied = BL_MIN(board_number(rows[i], "denied"), events);

		points[i] = (struct html_point){.label = name_of(rows[i], name, rooms[i]),
						.values = {events - denied, denied}};
	}
	plot.points = points;
	html_bars(board->out, &plot);
}

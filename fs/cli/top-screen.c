#include "fs/cli/top-screen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/cli/tell.h"

/* ECMA-48, SGR */
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define PLAIN  "\033[0m"

struct screen {
	FILE *out;
	const struct top_look *look;
	unsigned columns, left; /* lines that still fit */
	bool has_line;
};

const char *top_sort_name(enum top_sort sort)
{
	static const char *const NAMES[TOP_SORTS] = {
		[TOP_BY_EVENTS] = "events",
		[TOP_BY_BYTES] = "bytes",
		[TOP_BY_DENIALS] = "denials",
		[TOP_BY_NAME] = "name",
	};

	return NAMES[sort];
}

/* ---- lines ------------------------------------------------------------------------------------------ */

/* Cut by columns: every character of ours and of tell_clean takes one, but for bytes that go on. */
static void put_cut(FILE *out, const char *text, unsigned columns)
{
	for (; *text && (columns || ((unsigned char)*text & 0xc0) == 0x80); text++) {
		columns -= ((unsigned char)*text & 0xc0) != 0x80;
		fputc(*text, out);
	}
}

static void put_line(struct screen *screen, const char *color, const char *text)
{
	bool is_colored = screen->look->is_colored && color;

	if (!screen->left)
		return;
	if (screen->has_line)
		fputc('\n', screen->out);
	screen->has_line = true;
	screen->left--;
	if (is_colored)
		fputs(color, screen->out);
	put_cut(screen->out, text, screen->columns);
	if (is_colored)
		fputs(PLAIN, screen->out);
}

static void say(struct screen *screen, const char *color, const char *format, ...) BL_PRINTF(3, 4);
static void say(struct screen *screen, const char *color, const char *format, ...)
{
	char line[1200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	put_line(screen, color, line);
}

/* ---- parts ------------------------------------------------------------------------------------------ */

struct amount {
	char text[16];
};

/* "1,234", "56.7k", "1.2M": six columns at most. */
static struct amount amount(uint64_t value)
{
	static const char UNITS[] = " kMGTPE";
	struct amount result;
	double shown = (double)value;
	size_t unit = 0;

	for (; shown >= 9999.5 || (unit && shown >= 999.5); shown /= 1000)
		unit++;
	if (unit)
		snprintf(result.text, sizeof(result.text), "%.1f%c", shown, UNITS[unit]);
	else
		snprintf(result.text, sizeof(result.text), "%llu", (unsigned long long)value);
	return result;
}
#define AMOUNT(value) amount(value).text

/* A minute of events, the newest second last: one sign for each second, or for as many as it takes. */
static void spark(const struct top_window *window, const struct top_look *look, unsigned width,
		  char *out, size_t size)
{
	static const char *const SIGNS[2][9] = {{" ", ".", ":", "-", "=", "+", "*", "%", "#"},
						{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}};
	uint64_t values[TOP_SECONDS] = {0}, most = 1;
	size_t used = 0;

	width = BL_MIN(BL_MAX(width, 1u), (unsigned)TOP_SECONDS);
	for (unsigned back = 0; back < TOP_SECONDS; back++)
		values[(TOP_SECONDS - 1 - back) * width / TOP_SECONDS] +=
			top_window_second(window, back).events;
	for (unsigned i = 0; i < width; i++)
		most = BL_MAX(most, values[i]);
	for (unsigned i = 0; i < width && used + 4 < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s",
					 SIGNS[look->is_utf8][(values[i] * 8 + most - 1) / most]);
}

static void put_head(struct screen *screen, const struct top_window *window)
{
	const struct top_look *look = screen->look;
	struct top_sums minute = top_window_sums(window), now = top_window_second(window, 1);
	struct top_row rows[TOP_KEYS + 1];
	char line[TOP_SECONDS * 4 + 1] = "", at[16] = "";
	time_t second = (time_t)window->now_unix;
	struct tm wall;

	if (localtime_r(&second, &wall))
		strftime(at, sizeof(at), "%H:%M:%S", &wall);
	say(screen, BOLD, "bailee top  %s  %s%s", at, look->store,
	    look->is_paused ? "  PAUSED (p)" : "");
	if (*look->trouble)
		say(screen, RED, "%s", look->trouble);
	say(screen, NULL, "%s events/s, %s in a minute; %s denials; %s bytes; %s unmasked",
	    AMOUNT(now.events), AMOUNT(minute.events), AMOUNT(minute.denials), AMOUNT(minute.bytes),
	    AMOUNT(minute.unmasked));
	spark(window, look, BL_MIN(screen->columns - 24, (unsigned)TOP_SECONDS), line,
	      sizeof(line));
	say(screen, NULL, "%s  %zu people, %zu devices", line,
	    top_window_rows(window, true, TOP_BY_NAME, rows),
	    top_window_rows(window, false, TOP_BY_NAME, rows));
}

static const char *color_of(const struct top_sums *sums)
{
	return sums->denials ? RED : sums->unmasked ? YELLOW : NULL;
}

/* Columns that fit: the name takes what is left. */
static void put_key(struct screen *screen, const char *color, const char *name, const char *events,
		    const char *denials, const char *bytes, const char *what)
{
	BL_CLEANUP(bl_free) char *clean = tell_clean(name, NULL);
	unsigned fixed = screen->columns >= 60 ? 3 * 9 + 2 + 12 : 3 * 9;
	unsigned width = BL_MIN(screen->columns - fixed, 40u);
	char cell[TOP_NAME * 4 + 8], line[sizeof(cell) + 80];
	size_t columns = 0, used = 0;

	for (const char *at = clean ? clean : "?";
	     *at && (columns < width || ((unsigned char)*at & 0xc0) == 0x80) &&
	     used + 1 < sizeof(cell) - width;
	     at++) {
		columns += ((unsigned char)*at & 0xc0) != 0x80;
		cell[used++] = *at;
	}
	for (; columns < width; columns++)
		cell[used++] = ' ';
	cell[used] = '\0';
	snprintf(line, sizeof(line), "%s%9s%9s%9s  %s", cell, events, denials, bytes,
		 screen->columns >= 60 ? what : "");
	put_line(screen, color, line);
}

static void put_rows(struct screen *screen, const struct top_window *window, bool is_people,
		     unsigned room)
{
	struct top_row rows[TOP_KEYS + 1];
	size_t count = top_window_rows(window, is_people, screen->look->sort, rows), shown = 0;

	if (room < 2)
		return;
	put_key(screen, DIM, is_people ? "PERSON" : "DEVICE", "EVENTS", "DENIALS", "BYTES", "LAST");
	for (size_t i = 0; i < count && shown + 1 < room; i++) {
		if (screen->look->is_denials_only && !rows[i].sums.denials)
			continue;
		put_key(screen, color_of(&rows[i].sums), rows[i].name, AMOUNT(rows[i].sums.events),
			AMOUNT(rows[i].sums.denials), AMOUNT(rows[i].sums.bytes), rows[i].what);
		shown++;
	}
}

static void put_denials(struct screen *screen, const struct top_window *window, unsigned room)
{
	const struct top_denial *denial;

	if (room < 2)
		return;
	say(screen, DIM, "NEWEST DENIALS");
	for (size_t i = 0; i + 1 < room && (denial = top_window_denial(window, i)); i++) {
		BL_CLEANUP(bl_free) char *person = tell_clean(denial->person, NULL);
		BL_CLEANUP(bl_free) char *device = tell_clean(denial->device, NULL);
		BL_CLEANUP(bl_free) char *rule = tell_clean(denial->rule, NULL);
		time_t second = (time_t)denial->at_unix;
		char at[16] = "", times[24] = "";
		struct tm wall;

		if (localtime_r(&second, &wall))
			strftime(at, sizeof(at), "%H:%M:%S", &wall);
		if (denial->count > 1)
			snprintf(times, sizeof(times), " x%llu", (unsigned long long)denial->count);
		say(screen, RED, "%s  %s %s %s%s  %s", at, person ? person : "?", denial->what,
		    device ? device : "?", times, rule && *rule ? rule : "no rule");
	}
}

static unsigned lines_for(size_t rows, unsigned most)
{
	return (unsigned)BL_MIN(rows + 1, (size_t)most);
}

void top_screen_put(FILE *out, const struct top_window *window, const struct top_look *look)
{
	struct screen screen = {.out = out,
				.look = look,
				.columns = BL_MAX(look->columns, (unsigned)TOP_LEAST_COLUMNS),
				.left = BL_MAX(look->rows, (unsigned)TOP_LEAST_ROWS)};
	struct top_row rows[TOP_KEYS + 1];
	unsigned third, people, devices;

	screen.left--; /* of the keys */
	put_head(&screen, window);
	third = screen.left / 3;
	people = lines_for(top_window_rows(window, true, look->sort, rows), third);
	devices = lines_for(top_window_rows(window, false, look->sort, rows), third);
	put_rows(&screen, window, true, people);
	put_rows(&screen, window, false, devices);
	put_denials(&screen, window, screen.left);
	screen.left++;
	say(&screen, DIM, "q quit  p pause  s sort: %s  d %s", top_sort_name(look->sort),
	    look->is_denials_only ? "all" : "denials only");
}

#include "policy/rules/zone.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONE_FOLDER	 "/usr/share/zoneinfo/"
#define NAME_LIMIT	 64u
#define FILE_LIMIT	 ((size_t)64 << 10) /* the largest of the database has 3.5 KiB */
#define TRANSITION_LIMIT 4096u
#define TYPE_LIMIT	 256u
#define HEADER_SIZE	 44u
#define DAY_SECONDS	 86400
#define OFFSET_LIMIT	 (26 * 3600) /* RFC 8536, 3.2: utoff within -25 h .. 26 h */
/* Moments beyond this (the year 318857) are taken as this, so that days and years fit their fields. */
#define MOMENT_LIMIT INT64_C(10000000000000)

/* POSIX TZ, "M3.5.0/1": when in a year the offset changes. */
struct change {
	char kind; /* 'M': month.week.day; 'J': day 1..365, never 29 February; 'N': day 0..365 */
	int month, week, day;
	int32_t seconds; /* of that day; may be negative or beyond it */
};

struct footer {
	bool is_there, has_daylight;
	int32_t standard, daylight; /* seconds east of UTC */
	struct change start, end;   /* of daylight */
};

struct zone {
	size_t count;
	int64_t *moments;
	int32_t *offsets; /* from moments[i] on */
	int32_t first;	  /* before moments[0] */
	struct footer footer;
};

void zone_free(struct zone *zone)
{
	if (!zone)
		return;
	free(zone->moments);
	free(zone->offsets);
	free(zone);
}

/* ---- the calendar --------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned month_days(int64_t year, unsigned month)
{
	static const uint8_t DAYS[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return DAYS[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to 1 January of @year. */
static int64_t year_start(int64_t year)
{
	int64_t before = year - 1;

	return 365 * (year - 1970) +
	       (floor_div(before, 4) - floor_div(before, 100) + floor_div(before, 400)) -
	       (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t day_of(int64_t year, unsigned month, unsigned mday)
{
	int64_t day = year_start(year) + mday - 1;

	for (unsigned m = 1; m < month; m++)
		day += month_days(year, m);
	return day;
}

/* The year that @day falls into: an estimate that is never too late by more than one. */
static int64_t year_of(int64_t day)
{
	int64_t year = 1970 + floor_div(day * 400, 146097);

	while (year_start(year) > day)
		year--;
	while (year_start(year + 1) <= day)
		year++;
	return year;
}

static unsigned weekday_of(int64_t day)
{
	return (unsigned)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday; Mon is 0 */
}

bool zone_day(int year, unsigned month, unsigned mday, int32_t *out_day)
{
	if (year < 1 || year > 9999 || month < 1 || month > 12 || mday < 1 ||
	    mday > month_days(year, month))
		return false;
	*out_day = (int32_t)day_of(year, month, mday);
	return true;
}

/* ---- the footer: a POSIX TZ string (RFC 8536, 3.3) -------------------------------------------- */

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

static bool take_number(const char **p, int least, int most, int *out)
{
	int value = 0;
	unsigned digits = 0;

	while (**p >= '0' && **p <= '9' && digits < 4) {
		value = value * 10 + (**p - '0');
		++*p;
		digits++;
	}
	*out = value;
	return digits && value >= least && value <= most;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(const char **p, int hours_limit, int32_t *out)
{
	bool is_negative = take_char(p, '-');
	int hours, minutes = 0, seconds = 0;

	if (!is_negative)
		(void)take_char(p, '+');
	if (!take_number(p, 0, hours_limit, &hours))
		return false;
	if (take_char(p, ':') && !take_number(p, 0, 59, &minutes))
		return false;
	if (minutes >= 0 && take_char(p, ':') && !take_number(p, 0, 59, &seconds))
		return false;
	*out = hours * 3600 + minutes * 60 + seconds;
	if (is_negative)
		*out = -*out;
	return true;
}

/* "IST" or "<+0330>" */
static bool take_name(const char **p)
{
	static const char QUOTED[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
	size_t length;

	if (take_char(p, '<')) {
		length = strspn(*p, QUOTED);
		*p += length;
		return length && take_char(p, '>');
	}
	length = strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	*p += length;
	return length >= 3;
}

static bool take_change(const char **p, struct change *out)
{
	out->seconds = 2 * 3600;
	if (take_char(p, 'M')) {
		out->kind = 'M';
		if (!take_number(p, 1, 12, &out->month) || !take_char(p, '.') ||
		    !take_number(p, 1, 5, &out->week) || !take_char(p, '.') ||
		    !take_number(p, 0, 6, &out->day))
			return false;
	} else if (take_char(p, 'J')) {
		out->kind = 'J';
		if (!take_number(p, 1, 365, &out->day))
			return false;
	} else {
		out->kind = 'N';
		if (!take_number(p, 0, 365, &out->day))
			return false;
	}
	return !take_char(p, '/') || take_time(p, 167, &out->seconds);
}

static bool parse_footer(const char *text, struct footer *out)
{
	const char *p = text;
	int32_t west;

	if (!*p)
		return true; /* nothing is said of times behind the last transition: its offset stays */
	if (!take_name(&p) || !take_time(&p, 24, &west))
		return false;
	out->is_there = true;
	out->standard = -west;
	if (!*p)
		return true;
	out->has_daylight = true;
	out->daylight = out->standard + 3600;
	if (!take_name(&p))
		return false;
	if (*p != ',') {
		if (!take_time(&p, 24, &west))
			return false;
		out->daylight = -west;
	}
	return take_char(&p, ',') && take_change(&p, &out->start) && take_char(&p, ',') &&
	       take_change(&p, &out->end) && !*p;
}

/* Seconds since the epoch on the wall at which @change happens in @year. */
static int64_t change_wall(const struct change *change, int64_t year)
{
	int64_t day = year_start(year);

	if (change->kind == 'N') {
		day += change->day;
	} else if (change->kind == 'J') {
		day += change->day - 1 + (is_leap(year) && change->day >= 60);
	} else {
		int64_t first = day_of(year, (unsigned)change->month, 1);
		unsigned wanted = (unsigned)(change->day + 6) % 7; /* POSIX: Sun is 0 */
		int64_t ahead = (wanted + 7 - weekday_of(first)) % 7 + 7 * (change->week - 1);

		while (ahead >= month_days(year, (unsigned)change->month))
			ahead -= 7; /* week 5 is the last one */
		day = first + ahead;
	}
	return day * DAY_SECONDS + change->seconds;
}

static int32_t footer_offset(const struct footer *footer, int64_t at_unix)
{
	if (!footer->has_daylight)
		return footer->standard;

	int64_t year = year_of(floor_div(at_unix + footer->standard, DAY_SECONDS));
	int64_t start = change_wall(&footer->start, year) - footer->standard;
	int64_t end = change_wall(&footer->end, year) - footer->daylight;
	bool is_daylight = start < end ? at_unix >= start && at_unix < end
				       : !(at_unix >= end && at_unix < start);

	return is_daylight ? footer->daylight : footer->standard;
}

/* ---- the file (RFC 8536, 3) -------------------------------------------------------------------- */

struct input {
	const uint8_t *bytes;
	size_t length;
};

static bool take_bytes(struct input *input, size_t length, const uint8_t **out)
{
	if (length > input->length)
		return false;
	*out = input->bytes;
	input->bytes += length;
	input->length -= length;
	return true;
}

static uint32_t big32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct header {
	uint32_t isut, isstd, leap, time, type, text;
};

static bool take_header(struct input *input, struct header *out)
{
	const uint8_t *p;

	if (!take_bytes(input, HEADER_SIZE, &p) || memcmp(p, "TZif", 4) != 0 || p[4] < '2' ||
	    p[4] > '9')
		return false;
	*out = (struct header){
		.isut = big32(p + 20),
		.isstd = big32(p + 24),
		.leap = big32(p + 28),
		.time = big32(p + 32),
		.type = big32(p + 36),
		.text = big32(p + 40),
	};
	return out->isut <= TYPE_LIMIT && out->isstd <= TYPE_LIMIT && out->leap == 0 &&
	       out->time <= TRANSITION_LIMIT && out->type <= TYPE_LIMIT && out->text <= FILE_LIMIT;
}

/* The first block has 32-bit times; everything it says is in the second one, too. */
static bool skip_first_block(struct input *input)
{
	struct header header;
	const uint8_t *unused;

	return take_header(input, &header) &&
	       take_bytes(input,
			  (size_t)header.time * 5 + (size_t)header.type * 6 + header.text +
				  header.isstd + header.isut,
			  &unused);
}

static bool fill_transitions(struct zone *zone, const struct header *header, const uint8_t *times,
			     const uint8_t *indexes, const uint8_t *types)
{
	for (uint32_t i = 0; i < header->type; i++) {
		int32_t offset = (int32_t)big32(types + (size_t)i * 6);

		if (offset < -OFFSET_LIMIT || offset > OFFSET_LIMIT)
			return false;
	}
	zone->first = (int32_t)big32(types);
	for (uint32_t i = 0; i < header->time; i++) {
		if (indexes[i] >= header->type)
			return false;
		zone->moments[i] = (int64_t)((uint64_t)big32(times + (size_t)i * 8) << 32 |
					     big32(times + (size_t)i * 8 + 4));
		zone->offsets[i] = (int32_t)big32(types + (size_t)indexes[i] * 6);
		if (i && zone->moments[i] <= zone->moments[i - 1])
			return false;
	}
	zone->count = header->time;
	return true;
}

static bool take_footer(struct input *input, struct footer *out)
{
	char text[128];

	if (input->length < 2 || input->bytes[0] != '\n')
		return false;

	const uint8_t *from = input->bytes + 1, *to = memchr(from, '\n', input->length - 1);

	if (!to || (size_t)(to - from) >= sizeof(text) || memchr(from, 0, (size_t)(to - from)))
		return false;
	memcpy(text, from, (size_t)(to - from));
	text[to - from] = '\0';
	return parse_footer(text, out);
}

static struct zone *zone_new(size_t count)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	if (!zone)
		return NULL;
	zone->moments = calloc(count + 1, sizeof(*zone->moments));
	zone->offsets = calloc(count + 1, sizeof(*zone->offsets));
	if (zone->moments && zone->offsets)
		return zone;
	zone_free(zone);
	return NULL;
}

enum bl_status zone_parse(const uint8_t *bytes, size_t length, struct zone **out_zone)
{
	struct input input = {bytes, length};
	struct header header;
	const uint8_t *times, *indexes, *types, *unused;

	if (!skip_first_block(&input) || !take_header(&input, &header) || header.type == 0 ||
	    !take_bytes(&input, (size_t)header.time * 8, &times) ||
	    !take_bytes(&input, header.time, &indexes) ||
	    !take_bytes(&input, (size_t)header.type * 6, &types) ||
	    !take_bytes(&input, (size_t)header.text + header.isstd + header.isut, &unused))
		return BL_INVALID;

	BL_CLEANUP(zone_free) struct zone *zone = zone_new(header.time);

	if (!zone)
		return BL_NO_MEMORY;
	if (!fill_transitions(zone, &header, times, indexes, types) ||
	    !take_footer(&input, &zone->footer))
		return BL_INVALID;
	*out_zone = BL_TAKE(zone);
	return BL_OK;
}

/* Letters, digits, '_', '+', '-' and '/' between parts: no dot, so no way out of the folder. */
static bool is_name_ok(const char *name)
{
	static const char ALLOWED[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t length = strlen(name);

	return length && length <= NAME_LIMIT && strspn(name, ALLOWED) == length &&
	       name[0] != '/' && name[length - 1] != '/' && !strstr(name, "//");
}

static enum bl_status read_file(const char *path, uint8_t *bytes, size_t room, size_t *out_length)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	size_t length = 0;

	if (fd < 0)
		return BL_NOT_FOUND;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return BL_NOT_FOUND;
	while (length < room) {
		ssize_t got = read(fd, bytes + length, room - length);

		if (got < 0)
			return BL_IO;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	*out_length = length;
	return length < room ? BL_OK : BL_TOO_LARGE;
}

enum bl_status zone_load(const char *name, struct zone **out_zone, struct bl_error *why)
{
	char path[sizeof(ZONE_FOLDER) + NAME_LIMIT];
	size_t length;

	if (!is_name_ok(name))
		return bl_fail(why, BL_INVALID,
			       "not a name of a time zone (give one like Europe/Dublin)");
	if (strcmp(name, "UTC") == 0) {
		/* Needs no database. */
		*out_zone = calloc(1, sizeof(**out_zone));
		return *out_zone ? BL_OK : BL_NO_MEMORY;
	}
	memcpy(path, ZONE_FOLDER, sizeof(ZONE_FOLDER));
	strcpy(path + sizeof(ZONE_FOLDER) - 1, name);

	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(FILE_LIMIT);

	if (!bytes)
		return BL_NO_MEMORY;

	enum bl_status status = read_file(path, bytes, FILE_LIMIT, &length);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, status,
			       "no time zone '%s' (see " ZONE_FOLDER "; Debian package tzdata)",
			       name);
	if (status == BL_OK)
		status = zone_parse(bytes, length, out_zone);
	if (status != BL_OK && status != BL_NO_MEMORY)
		return bl_fail(why, status,
			       "cannot use '%s': not a TZif file of version 2 or later", path);
	return status;
}

/* ---- asking ------------------------------------------------------------------------------------ */

static int32_t offset_at(const struct zone *zone, int64_t at_unix)
{
	size_t low = 0, high = zone->count;

	if (zone->footer.is_there && (!zone->count || at_unix >= zone->moments[zone->count - 1]))
		return footer_offset(&zone->footer, at_unix);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->moments[middle] <= at_unix)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? zone->offsets[low - 1] : zone->first;
}

void zone_local(const struct zone *zone, int64_t at_unix, struct zone_time *out)
{
	int64_t moment = BL_MAX(BL_MIN(at_unix, MOMENT_LIMIT), -MOMENT_LIMIT);
	int64_t wall = moment + offset_at(zone, moment);
	int64_t day = floor_div(wall, DAY_SECONDS), year = year_of(day);
	unsigned left = (unsigned)(day - year_start(year)), month = 1;

	while (left >= month_days(year, month))
		left -= month_days(year, month++);
	out->day = (int32_t)day;
	out->minute = (uint16_t)((wall - day * DAY_SECONDS) / 60);
	out->weekday = (uint8_t)weekday_of(day);
	out->year = (int32_t)year;
	out->month = (uint8_t)month;
	out->mday = (uint8_t)(left + 1);
}

int64_t zone_unix(const struct zone *zone, int32_t day, unsigned minute)
{
	int64_t wall = (int64_t)day * DAY_SECONDS + (int64_t)minute * 60;

	wall = BL_MAX(BL_MIN(wall, MOMENT_LIMIT), -MOMENT_LIMIT);

	/* Around a change both offsets are tried; when the wall shows the time twice, the first one counts. */
	int64_t a = wall - offset_at(zone, wall - DAY_SECONDS),
		b = wall - offset_at(zone, wall + DAY_SECONDS);
	int64_t first = BL_MIN(a, b), second = BL_MAX(a, b);

	if (first + offset_at(zone, first) == wall)
		return first;
	if (second + offset_at(zone, second) == wall)
		return second;

	/* The wall skips it: find the change, where the wall jumps over it. */
	int64_t before = wall - 2 * DAY_SECONDS, after = wall + 2 * DAY_SECONDS;

	while (after - before > 1) {
		int64_t middle = before + (after - before) / 2;

		if (middle + offset_at(zone, middle) >= wall)
			after = middle;
		else
			before = middle;
	}
	return after;
}

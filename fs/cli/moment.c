#include "fs/cli/moment.h"

#include <string.h>

#include "policy/rules/zone.h"

#define DAY INT64_C(86400)

/* Exactly @count digits. */
static bool take_digits(const char **at, size_t count, unsigned *out)
{
	unsigned value = 0;

	for (size_t i = 0; i < count; i++) {
		if ((*at)[i] < '0' || (*at)[i] > '9')
			return false;
		value = value * 10 + (unsigned)((*at)[i] - '0');
	}
	*at += count;
	*out = value;
	return true;
}

static bool take_date(const char **at, int32_t *out_day)
{
	const char *text = *at;
	unsigned year, month, mday;

	if (!take_digits(&text, 4, &year) || *text++ != '-' || !take_digits(&text, 2, &month) ||
	    *text++ != '-' || !take_digits(&text, 2, &mday) ||
	    !zone_day((int)year, month, mday, out_day))
		return false;
	*at = text;
	return true;
}

/* "10:00", "10:00:30" */
static bool take_clock(const char **at, unsigned *out_minute, unsigned *out_second)
{
	const char *text = *at;
	unsigned hour, minute, second = 0;

	if (!take_digits(&text, 2, &hour) || *text++ != ':' || !take_digits(&text, 2, &minute))
		return false;
	if (*text == ':' && (text++, !take_digits(&text, 2, &second)))
		return false;
	*at = text;
	*out_minute = hour * 60 + minute;
	*out_second = second;
	return hour < 24 && minute < 60 && second < 60;
}

/* "Z", "+01:00"; *out_has: there is one. */
static bool take_offset(const char **at, bool *out_has, int64_t *out_seconds)
{
	unsigned minute = 0, second = 0;
	char sign = **at;

	*out_has = sign == 'Z' || sign == '+' || sign == '-';
	*at += *out_has;
	if ((sign == '+' || sign == '-') && (!take_clock(at, &minute, &second) || second))
		return false;
	*out_seconds = sign == '-' ? -(int64_t)minute * 60 : (int64_t)minute * 60;
	return true;
}

static bool parse_date(const char *text, const struct zone *zone, int64_t *out_unix)
{
	unsigned minute = 0, second = 0;
	int64_t offset = 0;
	bool has_offset = false;
	int32_t day;

	if (!take_date(&text, &day))
		return false;
	if (*text == ' ' || *text == 'T') {
		text++;
		if (!take_clock(&text, &minute, &second) ||
		    !take_offset(&text, &has_offset, &offset))
			return false;
	}
	if (*text)
		return false;
	*out_unix = has_offset ? day * DAY + (int64_t)minute * 60 + second - offset
			       : zone_unix(zone, day, minute) + second;
	return true;
}

static bool parse_today(const char *text, const struct zone *zone, int64_t now_unix,
			int64_t *out_unix)
{
	struct zone_time today;
	unsigned minute, second;

	if (!take_clock(&text, &minute, &second) || *text)
		return false;
	zone_local(zone, now_unix, &today);
	*out_unix = zone_unix(zone, today.day, minute) + second;
	return true;
}

static bool parse_ago(const char *text, int64_t now_unix, int64_t *out_unix)
{
	static const struct {
		char unit;
		int64_t seconds;
	} UNITS[] = {{'d', DAY}, {'h', 3600}, {'m', 60}};
	size_t digits = strspn(text, "0123456789");
	unsigned count;

	/* A hundred years of minutes have eight digits. */
	if (digits == 0 || digits > 8 || !take_digits(&text, digits, &count) || !text[0] || text[1])
		return false;
	for (size_t i = 0; i < BL_COUNT(UNITS); i++) {
		if (*text == UNITS[i].unit) {
			*out_unix = now_unix - count * UNITS[i].seconds;
			return true;
		}
	}
	return false;
}

bool moment_parse(const char *text, const struct zone *zone, int64_t now_unix, int64_t *out_unix)
{
	return parse_date(text, zone, out_unix) || parse_today(text, zone, now_unix, out_unix) ||
	       parse_ago(text, now_unix, out_unix);
}

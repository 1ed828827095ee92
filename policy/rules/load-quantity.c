/* Numbers, spans, sizes, rates, days and hours, as people write them. */
#include <string.h>

#include "policy/rules/load.h"
#include "policy/rules/zone.h"

/* ---- numbers ----------------------------------------------------------------------------------- */

/* Up to @digits_limit digits, no sign, no leading zero but "0" itself. */
static bool take_digits(const char **p, unsigned digits_limit, uint64_t *out)
{
	uint64_t value = 0;
	unsigned digits = 0;
	const char *from = *p;

	for (; **p >= '0' && **p <= '9'; ++*p) {
		if (++digits > digits_limit)
			return false;
		value = value * 10 + (uint64_t)(**p - '0');
	}
	*out = value;
	return digits && (from[0] != '0' || digits == 1);
}

bool load_number(struct loader *loader, const struct yaml_node *node, uint64_t *out)
{
	const char *text, *p;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (take_digits(&p, 15, out) && !*p && !node->is_quoted)
		return true;
	load_error(loader, load_at(node), "write a whole number, like 1", "'%s' must be a number",
		   LOAD_QUOTE(load_shown_name(node)));
	return false;
}

bool load_count(struct loader *loader, const struct yaml_node *node, unsigned least, unsigned most,
		unsigned *out)
{
	uint64_t value;
	char fix[64];

	if (!load_number(loader, node, &value))
		return false;
	if (value >= least && value <= most) {
		*out = (unsigned)value;
		return true;
	}
	snprintf(fix, sizeof(fix), "write %u to %u", least, most);
	load_error(loader, load_at(node), fix, "'%s' must be %u to %u",
		   LOAD_QUOTE(load_shown_name(node)), least, most);
	return false;
}

/* "5%", "100%" */
bool load_percent(struct loader *loader, const struct yaml_node *node, unsigned *out)
{
	const char *text, *p;
	uint64_t value;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (take_digits(&p, 3, &value) && value <= 100 && strcmp(p, "%") == 0) {
		*out = (unsigned)value;
		return true;
	}
	load_error(loader, load_at(node), "write 0% to 100%", "'%s' is not a share",
		   LOAD_QUOTE(text));
	return false;
}

bool load_span(struct loader *loader, const struct yaml_node *node, int64_t *out_seconds)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} UNITS[] = {{"s", 1},	   {"m", 60},	  {"h", 3600},
		     {"d", 86400}, {"w", 604800}, {"y", 31536000}};
	const char *text, *p;
	uint64_t value;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (take_digits(&p, 9, &value) && value)
		for (size_t i = 0; i < BL_COUNT(UNITS); i++)
			if (strcmp(p, UNITS[i].unit) == 0 &&
			    value <= (uint64_t)SPAN_DAYS_LIMIT * 86400 /
					     (uint64_t)UNITS[i].seconds) {
				*out_seconds = (int64_t)value * UNITS[i].seconds;
				return true;
			}
	load_error(loader, load_at(node), "write a span like 30d: s, m, h, d, w or y, at most 100y",
		   "'%s' is not a span of time", LOAD_QUOTE(text));
	return false;
}

/* As long as an answer may run ahead of the log: more would be no bound. */
#define MILLISECONDS_LIMIT 1000u

bool load_milliseconds(struct loader *loader, const struct yaml_node *node, uint32_t *out_ms)
{
	const char *text, *p;
	uint64_t value;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (take_digits(&p, 4, &value) && value) {
		value *= strcmp(p, "s") == 0 ? 1000 : 1;
		if ((strcmp(p, "s") == 0 || strcmp(p, "ms") == 0) && value <= MILLISECONDS_LIMIT) {
			*out_ms = (uint32_t)value;
			return true;
		}
	}
	load_error(loader, load_at(node), "write 1ms to 1s: 20ms",
		   "'%s' is not a span of at most a second", LOAD_QUOTE(text));
	return false;
}

/* "20", "20K", "20M", "20G", up to INT64_MAX; leaves @p behind it. */
static bool take_size(const char **p, bool has_units, uint64_t *out)
{
	static const char UNITS[] = "KMG";
	const char *unit;

	/* 12 digits of G stay below 2^70; so the product is checked. */
	if (!take_digits(p, 12, out))
		return false;
	unit = has_units && **p ? strchr(UNITS, **p) : NULL;
	if (!unit)
		return true;
	++*p;
	for (unsigned k = 0; k <= (unsigned)(unit - UNITS); k++)
		if (__builtin_mul_overflow(*out, UINT64_C(1024), out))
			return false;
	return *out <= (uint64_t)INT64_MAX;
}

bool load_size(struct loader *loader, const struct yaml_node *node, int64_t *out_bytes)
{
	const char *text, *p;
	uint64_t value;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (take_size(&p, true, &value) && !*p && value) {
		*out_bytes = (int64_t)value;
		return true;
	}
	load_error(loader, load_at(node), "write bytes, or a number with K, M or G: 20M",
		   "'%s' is not a size", LOAD_QUOTE(text));
	return false;
}

/* "200 per hour", "500M per day" */
bool load_rate(struct loader *loader, const struct yaml_node *node, bool has_units,
	       uint64_t *out_amount, enum bl_period *out_period)
{
	const char *text, *p;
	uint64_t value;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (take_size(&p, has_units, &value) && strncmp(p, " per ", 5) == 0 &&
	    bl_period_parse(p + 5, out_period)) {
		*out_amount = value;
		return true;
	}
	load_error(loader, load_at(node),
		   has_units ? "write an amount per hour or day: 500M per day"
			     : "write a number per hour or day: 200 per hour",
		   "'%s' is not a rate", LOAD_QUOTE(text));
	return false;
}

/* ---- days and hours ------------------------------------------------------------------------------ */

/* Exactly @count digits. */
static bool take_fixed(const char **p, unsigned count, unsigned *out)
{
	*out = 0;
	for (unsigned i = 0; i < count; i++, ++*p) {
		if (**p < '0' || **p > '9')
			return false;
		*out = *out * 10 + (unsigned)(**p - '0');
	}
	return true;
}

static bool take_mark(const char **p, char mark)
{
	if (**p != mark)
		return false;
	++*p;
	return true;
}

static bool take_date(const char **p, unsigned *year, unsigned *month, unsigned *mday)
{
	return take_fixed(p, 4, year) && take_mark(p, '-') && take_fixed(p, 2, month) &&
	       take_mark(p, '-') && take_fixed(p, 2, mday);
}

bool load_day(struct loader *loader, const struct yaml_node *node, int32_t *out_day)
{
	const char *text, *p;
	unsigned year, month, mday;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (!take_date(&p, &year, &month, &mday) || *p) {
		load_error(loader, load_at(node), "write year, month and day: 2027-03-31",
			   "'%s' is not a date", LOAD_QUOTE(text));
		return false;
	}
	if (zone_day((int)year, month, mday, out_day))
		return true;
	load_error(loader, load_at(node), "give a day of the calendar", "there is no day %s",
		   LOAD_QUOTE(text));
	return false;
}

/* HH:MM; 24:00 where @most is 1440 */
static bool take_minute(const char **p, unsigned most, unsigned *out)
{
	unsigned hour, minute;

	if (!take_fixed(p, 2, &hour) || !take_mark(p, ':') || !take_fixed(p, 2, &minute) ||
	    minute > 59)
		return false;
	*out = hour * 60 + minute;
	return *out <= most;
}

bool load_moment(struct loader *loader, const struct yaml_node *node, int64_t *out_unix)
{
	const char *text, *p;
	unsigned year, month, mday, minute = 0;
	struct zone_time wall;
	int32_t day;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (!take_date(&p, &year, &month, &mday) || !take_mark(&p, ' ') || strlen(p) != 5 ||
	    p[2] != ':' || strspn(p, "0123456789:") != 5) {
		load_error(loader, load_at(node),
			   "write day and time: 2026-07-01 10:00 (a bare 22:00 is a number to YAML "
			   "1.1)",
			   "'%s' is not a moment", LOAD_QUOTE(text));
		return false;
	}
	if (!zone_day((int)year, month, mday, &day) || !take_minute(&p, 1439, &minute) || *p) {
		load_error(loader, load_at(node), "give a day of the calendar and 00:00 to 23:59",
			   "there is no moment %s", LOAD_QUOTE(text));
		return false;
	}
	if (!loader->policy->zone)
		return false; /* the zone was refused, and that was said */
	*out_unix = zone_unix(loader->policy->zone, day, minute);
	zone_local(loader->policy->zone, *out_unix, &wall);
	if (wall.day == day && wall.minute == minute)
		return true;
	load_error(loader, load_at(node), "the clocks go forward then: give the time after",
		   "there is no %s in this time zone", LOAD_QUOTE(text));
	return false;
}

static bool take_weekday(const char **p, unsigned *out)
{
	static const char DAYS[] = "MonTueWedThuFriSatSun";

	for (unsigned i = 0; i < 7; i++)
		if (strncmp(*p, DAYS + (size_t)i * 3, 3) == 0) {
			*p += 3;
			*out = i;
			return true;
		}
	return false;
}

/* "Mon-Sat 07:00-20:00"; "Sat-Mon" goes over the week's end. */
static bool parse_hours(const char *text, struct hours *out)
{
	const char *p = text;
	unsigned first, last, from, until;

	if (!take_weekday(&p, &first))
		return false;
	last = first;
	if (*p == '-' && (p++, !take_weekday(&p, &last)))
		return false;
	if (!take_mark(&p, ' ') || !take_minute(&p, 1439, &from) || !take_mark(&p, '-') ||
	    !take_minute(&p, 1440, &until) || *p)
		return false;
	out->days = (uint8_t)(1u << first);
	for (unsigned day = first; day != last;) {
		day = (day + 1) % 7;
		out->days |= (uint8_t)(1u << day);
	}
	out->from_minute = (uint16_t)from;
	out->until_minute = (uint16_t)until;
	return true;
}

static bool load_window(struct loader *loader, const struct yaml_node *node, struct hours *out)
{
	const char *text;

	if (!load_word(loader, node, &text))
		return false;
	if (!parse_hours(text, out)) {
		load_error(loader, load_at(node), "write days and hours: Mon-Sat 07:00-20:00",
			   "'%s' are not hours", LOAD_QUOTE(text));
		return false;
	}
	if (out->from_minute == out->until_minute) {
		load_error(loader, load_at(node),
			   "end it later than it begins; the end is excluded", "'%s' is empty",
			   LOAD_QUOTE(text));
		return false;
	}
	if (out->from_minute > out->until_minute) {
		load_error(loader, load_at(node),
			   "write two: until 24:00 of one day, from 00:00 of the next",
			   "'%s' goes past midnight", LOAD_QUOTE(text));
		return false;
	}
	return true;
}

bool load_hours(struct loader *loader, const struct yaml_node *node, struct hours **out_hours,
		size_t *out_count)
{
	bool is_list = node && node->type == YAML_LIST, is_good = true;
	size_t count = 0;

	if (!node || (is_list && !load_list(loader, node, HOURS_LIMIT)))
		return false;

	struct hours *hours = load_take(loader, is_list ? node->count : 1, sizeof(*hours));

	if (!hours)
		return false;
	for (const struct yaml_node *entry = is_list ? node->first : node; entry;
	     entry = is_list ? entry->next : NULL)
		is_good = load_window(loader, entry, &hours[count++]) && is_good;
	if (is_good) {
		*out_hours = hours;
		*out_count = count;
	}
	return is_good;
}

/* zone.h - an IANA time zone read from its TZif file (RFC 8536), used without global state */
#ifndef POLICY_RULES_ZONE_H
#define POLICY_RULES_ZONE_H

#include "policy/base.h"

struct zone;

/* A moment as the clock on the wall shows it. */
struct zone_time {
	int32_t day;	 /* since 1970-01-01 */
	uint16_t minute; /* of the day, 0..1439 */
	uint8_t weekday; /* Mon is 0 */
	int32_t year;
	uint8_t month, mday; /* 1-based */
};

/* zone_load - @name as in the IANA database ("Europe/Dublin", "UTC"); no "..", no leading '/'. */
enum bl_status zone_load(const char *name, struct zone **out_zone,
			 struct bl_error *why) BL_MUST_CHECK;
/* zone_parse - the same from the bytes of a TZif file, any bytes; BL_OK, BL_INVALID, BL_NO_MEMORY */
enum bl_status zone_parse(const uint8_t *bytes, size_t length,
			  struct zone **out_zone) BL_MUST_CHECK;
void zone_free(struct zone *zone);
BL_DEFINE_CLEANUP(struct zone, zone_free)

void zone_local(const struct zone *zone, int64_t at_unix, struct zone_time *out);
/* zone_unix - the first instant at or after which the wall shows @day and @minute (a gap moves on) */
int64_t zone_unix(const struct zone *zone, int32_t day, unsigned minute);
/* zone_day - days since the epoch of a calendar date; false when there is no such date */
bool zone_day(int year, unsigned month, unsigned mday, int32_t *out_day);

#endif

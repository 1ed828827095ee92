/* Tests policy/detect/kinds/place.c: coordinates, and other pairs of numbers */
#include "tests/unit/policy/detect/kinds/rows.h"

#define PLACE CLASS_BIT(CLASS_LOCATION)
#define ROW(before, value, behind)                                                                 \
	{                                                                                          \
		before value behind, CLASS_LOCATION, value                                         \
	}

static void coordinates_are_found(void **state)
{
	static const struct row rows[] = {
		ROW("", "48.8577, 2.2950", ""),
		ROW("at ", "-33.8568,151.2153", "."),
		ROW("(", "40.7128; -74.0060", ")"),
		ROW("", "40.7128 -74.0060", ""),
		ROW("", "40.7128\u00b0 N, 74.0060\u00b0 W", ""),
		ROW("", "40.7128N 74.0060W", ""),
		ROW("geo:", "37.786,-122.399", ";u=35"),
		ROW("https://maps.example/?q=", "48.85,2.29", "&z=3"),
		ROW("https://maps.example/@", "48.8577,2.295", ",17z"),
		ROW("ll=", "48.8577,2.295", ""),
		ROW("", "+48.8577+002.2950", "/"),
		ROW("\"lat\": ", "48.858", ", "),
		ROW("<trkpt lat=\"", "48.8577", "\" lon=\"2.2950\">"),
		ROW("<trkpt lat=\"48.8577\" lon=\"", "2.2950", "\">"),
		ROW("latitude: ", "-33.8568", ""),
		ROW("Koordinaten: ", "48.13, 11.57", ""),
		ROW("GPS ", "48.85, 2.29", ""),
	};
	static const struct row angles[] = {
		ROW("Position: ", "48\u00b051'30\"N", ""),
		ROW("Position: ", "N 48\u00b0 51.502'", ""),
		ROW("Koordinaten ", "48\u00b0 51\u2032 30.1\u2033 N", ""),
		ROW("near ", "48\u00b051'30.5\"N", ", 2\u00b017'40.2\"E"),
		ROW("near 48\u00b051'30.5\"N, ", "2\u00b017'40.2\"E", ""),
		ROW("plus code ", "8FW4V75V+8Q", ""),
		ROW("what3words: ", "///filled.count.soap", ""),
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), PLACE);
	check_rows(angles, BL_COUNT(angles), PLACE);
}

static void other_numbers_stay(void **state)
{
	static const struct row rows[] = {
		{"3.14, 2.71", CLASS_COUNT, NULL},
		{"0.1234, 0.5678", CLASS_COUNT, NULL},
		{"[10.1234, 20.5678, 30.9012]", CLASS_COUNT, NULL},
		{"95.1234, 185.5678", CLASS_COUNT, NULL},
		{"91.1234, 95.5678", CLASS_COUNT, NULL},
		{"48.8577 and 2.2950", CLASS_COUNT, NULL},
		{"1.2345.6789, 2.3456", CLASS_COUNT, NULL},
		{"12.3456%, 7.8901%", CLASS_COUNT, NULL},
		{"it was 21\u00b0 outside", CLASS_COUNT, NULL},
		{"21.5\u00b0C", CLASS_COUNT, NULL},
		{"48.8577", CLASS_COUNT, NULL},
		{"turn 90\u00b0", CLASS_COUNT, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), PLACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coordinates_are_found),
		cmocka_unit_test(other_numbers_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

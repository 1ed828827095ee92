/*
 * Tests policy/detect/kinds/birth.c: dates of birth as people write them, and other dates. No ":" behind the label of what stays: a field
 * is hidden whole.
 */
#include "tests/unit/policy/detect/kinds/rows.h"

#define BIRTH CLASS_BIT(CLASS_DATE_OF_BIRTH)
#define ROW(before, value, behind)                                                                 \
	{                                                                                          \
		before value behind, CLASS_DATE_OF_BIRTH, value                                    \
	}

static void dates_of_birth_are_found(void **state)
{
	static const struct row rows[] = {
		ROW("Date of birth: ", "1976-07-04", ""),
		ROW("DOB ", "07/04/1976", ", male"),
		ROW("DOB: ", "7/4/76", ""),
		ROW("D.O.B. ", "04.07.1976", "."),
		ROW("dob=", "19760704", "&x"),
		ROW("\"date_of_birth\": \"", "1976-07-04", "T00:00:00Z\""),
		ROW("born on ", "4 July 1976", " in X"),
		ROW("born ", "July 4th, 1976", ""),
		ROW("born on the ", "4th of July, 1976", ""),
		ROW("Birthday: ", "Jul 4 1976", ""),
		ROW("birth date ", "04-JUL-1976", ""),
		ROW("birth date ", "04-JUL-76", ""),
		ROW("birth date ", "1976 July 4", ""),
		ROW("born on Sunday, ", "4 July 1976", ""),
		ROW("DOB: ", "29 February 1976", ""),
		ROW("Geburtsdatum: ", "4.7.1976", ""),
		ROW("geboren am ", "4. Juli 1976", " in X"),
		ROW("geb. ", "04.07.76", ""),
		ROW("Geburtstag: ", "4. M\u00e4rz 1976", ""),
		ROW("n\u00e9e le ", "1er janvier 1976", ""),
		ROW("n\u00e9 le ", "4 ao\u00fbt 1976", ""),
		ROW("Date de naissance : ", "04/07/1976", ""),
		ROW("fecha de nacimiento: ", "4 de julio de 1976", ""),
		ROW("nacido el ", "04/07/1976", ""),
		ROW("data di nascita ", "4 luglio 1976", ""),
		ROW("nata il ", "4/7/1976", ""),
		ROW("data de nascimento: ", "4 de mar\u00e7o de 1976", ""),
		ROW("geboortedatum: ", "4 maart 1976", ""),
		ROW("data urodzenia: ", "4 wrze\u015bnia 1976", ""),
		ROW("f\u00f6delsedatum ", "1976-07-04", ""),
		ROW("\u0434\u0430\u0442\u0430 \u0440\u043e\u0436\u0434\u0435\u043d\u0438\u044f: ",
		    "04.07.1976", ""),
		ROW("\u751f\u5e74\u6708\u65e5: ", "1976\u5e747\u67084\u65e5", ""),
		ROW("DOB ", "1976/07/04", ""),
		ROW("DOB ", "04 07 1976", ""),
		ROW("DOB ", "04 / 07 / 1976", ""),
		ROW("", "04/07/1976", " (date of birth)"),
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), BIRTH);
}

static void other_dates_stay(void **state)
{
	static const struct row rows[] = {
		{"invoice of 1976-07-04", CLASS_COUNT, NULL},
		{"IMG_19760704_120000.jpg", CLASS_COUNT, NULL},
		{"DOB 31.02.1976", CLASS_COUNT, NULL},
		{"DOB 29.02.1977", CLASS_COUNT, NULL},
		{"DOB 13/13/1976", CLASS_COUNT, NULL},
		{"DOB 04/07/1776", CLASS_COUNT, NULL},
		{"DOB 04/07/2976", CLASS_COUNT, NULL},
		{"DOB 04.07-1976", CLASS_COUNT, NULL},
		{"DOB 1.04.07.1976", CLASS_COUNT, NULL},
		{"DOB 04.07.1976.5", CLASS_COUNT, NULL},
		{"born free, 300 times", CLASS_COUNT, NULL},
		{"born to win 4 of 1976", CLASS_COUNT, NULL},
		{"DOB 99999999", CLASS_COUNT, NULL},
		{"n\u00e9anmoins 04/07/1976", CLASS_COUNT, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), BIRTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_of_birth_are_found),
		cmocka_unit_test(other_dates_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

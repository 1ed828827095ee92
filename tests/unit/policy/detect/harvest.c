/* Tests policy/detect/harvest.c: which files name people, whom they name, and who is nobody */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/detect/detect.h"

static void paths_tell_what_names_people(void **state)
{
	static const struct {
		const char *path;
		bool is_folder;
		enum detect_source source;
	} rows[] = {
		{"Users/kim.larsen", true, DETECT_SOURCE_PROFILE},
		{"home/ada", true, DETECT_SOURCE_PROFILE},
		{"Documents and Settings/Kim Larsen", true, DETECT_SOURCE_PROFILE},
		{"Windows.old/Users/kim", true, DETECT_SOURCE_PROFILE},
		{"Users/Public", true, DETECT_SOURCE_NONE},
		{"Users/All Users", true, DETECT_SOURCE_NONE},
		{"Users/Shared", true, DETECT_SOURCE_NONE},
		{"home/ubuntu", true, DETECT_SOURCE_NONE},
		{"srv/app/users/kim", true, DETECT_SOURCE_NONE},
		{"Users/kim/Documents", true, DETECT_SOURCE_NONE},
		{"Users", true, DETECT_SOURCE_NONE},
		{"Users/kim/a.VCF", false, DETECT_SOURCE_CARD},
		{"x/all.ldif", false, DETECT_SOURCE_CARD},
		{"mail/a.eml", false, DETECT_SOURCE_MAIL},
		{"home/ada/Maildir/cur/1700000000.M1P2.host:2,S", false, DETECT_SOURCE_MAIL},
		{"src/new/main.c", false, DETECT_SOURCE_NONE},
		{"Downloads/contacts-2024.csv", false, DETECT_SOURCE_CSV},
		{"Downloads/google.csv", false, DETECT_SOURCE_CSV},
		{"Downloads/prices.csv", false, DETECT_SOURCE_NONE},
		{"home/ada/.gitconfig", false, DETECT_SOURCE_GIT},
		{"home/ada/src/.git/config", false, DETECT_SOURCE_GIT},
		{"etc/config", false, DETECT_SOURCE_NONE},
		{"x/autofill-profiles.json", false, DETECT_SOURCE_BROWSER},
		{"x/Google/Chrome/User Data/Default/Preferences", false, DETECT_SOURCE_BROWSER},
		{"x/Preferences", false, DETECT_SOURCE_NONE},
		{"", true, DETECT_SOURCE_NONE},
		{"", false, DETECT_SOURCE_NONE},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (detect_harvest_source(rows[i].path, strlen(rows[i].path), rows[i].is_folder) !=
		    rows[i].source)
			fail_msg("%s", rows[i].path);
}

struct row {
	enum detect_source source;
	const char *path, *bytes;
	const char *found; /* kind:value, sorted */
};

static void check(const struct row *row)
{
	BL_CLEANUP(detect_harvest_free) struct detect_harvest *harvest = NULL;
	const struct detect_identity *items;
	char found[1024] = "";
	size_t count, used = 0;

	assert_int_equal(detect_harvest_new(&harvest), BL_OK);
	for (unsigned twice = 0; twice < 2; twice++)
		assert_int_equal(detect_harvest_file(harvest, row->source, row->path,
						     (const uint8_t *)row->bytes,
						     strlen(row->bytes)),
				 BL_OK);
	items = detect_harvest_items(harvest, &count);
	for (size_t i = 0; i < count; i++) {
		assert_true(items[i].is_harvested);
		used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%u:%s",
					 used ? "|" : "", (unsigned)items[i].kind, items[i].value);
	}
	if (strcmp(found, row->found) != 0)
		fail_msg("of %s\nfound:  %s\nwanted: %s", row->bytes, found, row->found);
}

static void people_are_read_from_files(void **state)
{
	static const struct row rows[] = {
		{DETECT_SOURCE_CARD, "a",
		 "BEGIN:VCARD\r\nN:Lovelace;Ada;;;\r\nFN:Ada\r\n  Lovelace\r\nTEL;TYPE=cell:+44 20 "
		 "7946 0000\r\nEMAIL:ada@x.example\r\n"
		 "ADR:;;1 Main Street;Oslo;;;\r\nPHOTO;ENCODING=b:AAAA\r\n",
		 "0:Ada Lovelace|1:ada@x.example|2:+44 20 7946 0000|3:1 Main Street"},
		{DETECT_SOURCE_CARD, "a",
		 "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:K=C3=AFm L=\r\n=C3=A4rsen\r\n",
		 "0:K\xc3\xafm L\xc3\xa4rsen"},
		{DETECT_SOURCE_CARD, "a",
		 "dn: cn=x\ncn:: QWRhIExvdmVsYWNl\nmail: ada@x.example\nmobile: +4712345678\n",
		 "0:Ada Lovelace|1:ada@x.example|2:+4712345678"},
		{DETECT_SOURCE_MAIL, "a",
		 "From: \"Larsen, Kim\" <kim@x.example>\nTo: =?iso-8859-1?Q?L=E4rs_Moe?=\n "
		 "<l@x.example>\nSubject: Eve <e@x.example>\n\n"
		 "From: Body Text <b@x.example>\n",
		 "0:Larsen, Kim|0:L\xc3\xa4rs Moe|1:kim@x.example|1:l@x.example"},
		{DETECT_SOURCE_MAIL, "a",
		 "From x Mon\nFrom: Ada Lovelace <a@x.example>\n\nhi\n\nFrom y Tue\nCc: "
		 "b@x.example (Bo Smith)\n\n",
		 "0:Ada Lovelace|0:Bo Smith|1:a@x.example|1:b@x.example"},
		{DETECT_SOURCE_CSV, "a",
		 "First Name,Last Name,E-mail 1 - Value,Phone 1 - Value,Organization Name\r\n"
		 "Ada,Lovelace,a@x.example ::: b@x.example,\"+44 20 7946 0000\",Acme\r\n",
		 "0:Ada Lovelace|1:a@x.example|1:b@x.example|2:+44 20 7946 0000"},
		{DETECT_SOURCE_CSV, "a", "Vorname;Nachname\nJ\xc3\xb6rg;M\xc3\xbcller\n",
		 "0:J\xc3\xb6rg M\xc3\xbcller"},
		{DETECT_SOURCE_GIT, "a",
		 "[core]\n\tname = nobody here\n[user]\n\tname = Kim Larsen\n\temail = "
		 "kim@x.example\n[alias]\n\tname = x\n",
		 "0:Kim Larsen|1:kim@x.example"},
		{DETECT_SOURCE_BROWSER, "a",
		 "{\"addresses\":[{\"given-name\":\"Eve\",\"family-name\":\"Moe\",\"tel\":\"+"
		 "4512345678\"}],"
		 "\"account_info\":[{\"email\":\"bo@x.example\",\"full_name\":\"Bo Smith\"}]}",
		 "0:Bo Smith|0:Eve Moe|1:bo@x.example|2:+4512345678"},
		{DETECT_SOURCE_PROFILE, "Users/kim.larsen2", "", "0:kim larsen"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		check(&rows[i]);
}

static void nobody_is_left_out(void **state)
{
	static const struct row rows[] = {
		{DETECT_SOURCE_MAIL, "a",
		 "From: No Reply <no-reply@x.example>\nTo: undisclosed-recipients:;\nCc: Al "
		 "<not-an-address>\n\n",
		 ""},
		{DETECT_SOURCE_MAIL, "a", "List-Id: <x>\nFrom: Ada Lovelace <a@x.example>\n\n", ""},
		{DETECT_SOURCE_CARD, "a",
		 "FN:Mom\nTEL:112\nFN:x\nEMAIL:none\nFN:\xff\xfe\xff bad\nFN::\nTEL\n", ""},
		{DETECT_SOURCE_PROFILE, "Users/user1", "", ""},
		{DETECT_SOURCE_PROFILE, "Users/kl", "", ""},
		{DETECT_SOURCE_CARD, "a", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		check(&rows[i]);
}

static void there_is_a_limit(void **state)
{
	BL_CLEANUP(detect_harvest_free) struct detect_harvest *harvest = NULL;
	char card[64];
	size_t count;

	(void)state;
	assert_int_equal(detect_harvest_new(&harvest), BL_OK);
	for (unsigned i = 0; i < DETECT_HARVEST_LIMIT + 500; i++) {
		int length = snprintf(card, sizeof(card), "EMAIL:kim%u@x.example\n", i);

		assert_int_equal(detect_harvest_file(harvest, DETECT_SOURCE_CARD, "a",
						     (const uint8_t *)card, (size_t)length),
				 BL_OK);
	}
	detect_harvest_items(harvest, &count);
	assert_int_equal(count, DETECT_HARVEST_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_tell_what_names_people),
		cmocka_unit_test(people_are_read_from_files),
		cmocka_unit_test(nobody_is_left_out),
		cmocka_unit_test(there_is_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

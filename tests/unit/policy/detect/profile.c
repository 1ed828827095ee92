/* Tests policy/detect/profile.c: kinds of files, and that what is not surely text is not text */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "policy/detect/detect.h"

static void files_are_told_by_content_and_name(void **state)
{
#define BYTES(s) s, sizeof(s) - 1
	static const struct {
		const char *bytes;
		size_t length;
		const char *name;
		enum bl_file_kind kind;
		bool is_text;
	} rows[] = {
		{BYTES(""), "empty", FILE_TEXT, true},
		{BYTES("hello\n"), "notes.txt", FILE_TEXT, true},
		{BYTES("name,phone\nKim,1\n"), "x.csv", FILE_TEXT, true},
		{BYTES("\xef\xbb\xbfhello"), NULL, FILE_TEXT, true},
		{BYTES("caf\xc3\xa9"), NULL, FILE_TEXT, true},
		{BYTES("caf\xe9 au lait"), "latin1.txt", FILE_TEXT, true},
		{BYTES("a\0b"), "x.txt", FILE_OTHER, false},
		{BYTES("\xff\xfeK\0i\0"), "x.txt", FILE_TEXT, true},
		{BYTES("K\0i\0m\0 \0"), "x.txt", FILE_TEXT, true},
		{BYTES("\0K\0i\0m\0 "), "x.txt", FILE_TEXT, true},
		{BYTES("BEGIN:VCARD\r\nFN:Kim\r\n"), "x", FILE_CONTACTS, true},
		{BYTES("BEGIN:VCARD\r\nFN;ENCODING=QUOTED-PRINTABLE:=4B\r\n"), "x", FILE_CONTACTS,
		 true},
		{BYTES("BEGIN:VCALENDAR\r\n"), "x", FILE_CALENDAR, true},
		{BYTES("hi"), "x.VCF", FILE_CONTACTS, true},
		{BYTES("From: a@b.example\nTo: c@d.example\n\nhi"), "x", FILE_MAIL, true},
		{BYTES("From: a\nTo: b\nContent-Transfer-Encoding:  BASE64\n\nS2lt"), "x",
		 FILE_MAIL, true},
		{BYTES("From: a\nTo: b\n\n--x\nContent-transfer-encoding: quoted-printable\n\nx"),
		 "x", FILE_MAIL, false},
		{BYTES("From: a\nTo: b\nContent-Transfer-Encoding: 8bit\n\nx"), "x", FILE_MAIL,
		 true},
		{BYTES("-----BEGIN PRIVATE KEY-----\n"), "x", FILE_KEY, true},
		{BYTES("x"), "id_rsa", FILE_KEY, true},
		{BYTES("{\\rtf1\\ansi K\\'69m}"), "x.txt", FILE_DOCUMENT, false},
		{BYTES("%!PS-Adobe-3.0\n(K) show"), "x.txt", FILE_DOCUMENT, false},
		{BYTES("\4%!PS-Adobe-3.0\n(K) show"), "x.txt", FILE_DOCUMENT, false},
		{BYTES("\n\n%PDF-1.4\n"), "x.txt", FILE_PDF, false},
		{BYTES("PuTTY-User-Key-File-3: ssh-rsa\n"), "x", FILE_KEY, false},
		{BYTES("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n"), "x", FILE_KEY, false},
		{BYTES("\x1b$B$3$s\x1b(B"), "x.txt", FILE_TEXT, false},
		{BYTES("see below\nbegin 644 notes.txt\n#0V%T\nend\n"), "x", FILE_TEXT, false},
		{BYTES("=ybegin line=128 size=1 name=x\n"), "x", FILE_TEXT, false},
		{BYTES("begin the day\nbegin 6 pm\n"), "x", FILE_TEXT, true},
		{BYTES("From: =?utf-8?B?S2lt?= <k@x.example>\nTo: b\n\nhi"), "x", FILE_MAIL, true},
		{BYTES("From: =?utf-8?q?K=69m?= <k@x.example>\nTo: b\n\nhi"), "x", FILE_MAIL, true},
		{BYTES("From: a\nTo: b\nContent-Transfer-Encoding: (7bit) base64\n\nS2lt"), "x",
		 FILE_MAIL, true},
		{BYTES("From: a\nTo: b\nContent-Transfer-Encoding: x-uue\n\nS2lt"), "x", FILE_MAIL,
		 true},
		{BYTES("From: a\rTo: b\rContent-Transfer-Encoding: base64\r\rS2lt"), "x", FILE_MAIL,
		 true},
		{BYTES("notes\rContent-Transfer-Encoding: base64\r\rS2lt"), "x", FILE_MAIL, false},
		{BYTES("BEGIN:VCARD\nN;encoding=quoted-printable:=4B\n"), "x", FILE_CONTACTS, true},
		{BYTES("BEGIN:VCARD\nN;QUOTED-PRINTABLE:=4B\n"), "x", FILE_CONTACTS, true},
		{BYTES("BEGIN:VCARD\nPHOTO;BASE64:AAAA\n"), "x", FILE_CONTACTS, true},
		{BYTES("dn:: Y249S2lt\nmail: x\n"), "x.ldif", FILE_CONTACTS, true},
		{BYTES("dn: cn=Kim\nmail: x\n"), "x.ldif", FILE_CONTACTS, true},
		{BYTES("SQLite format 3\0...."), "x.txt", FILE_DATABASE, false},
		{BYTES("%PDF-1.7\n"), "x.txt", FILE_PDF, false},
		{BYTES("\xff\xd8\xff\xe0"), "x", FILE_IMAGE, false},
		{BYTES("\x89PNG\r\n\x1a\n"), "x", FILE_IMAGE, false},
		{BYTES("GIF89a"), "x", FILE_IMAGE, false},
		{BYTES("RIFF....WEBP"), "x", FILE_IMAGE, false},
		{BYTES("RIFF....WAVE"), "x", FILE_AUDIO, false},
		{BYTES("....ftypheic"), "x", FILE_IMAGE, false},
		{BYTES("....ftypisom"), "x", FILE_VIDEO, false},
		{BYTES("ID3\3"), "x", FILE_AUDIO, false},
		{BYTES("\x7f"
		       "ELF\2"),
		 "x", FILE_PROGRAM, false},
		{BYTES("PK\3\4...."), "x.zip", FILE_ARCHIVE, false},
		{BYTES("PK\3\4....word/document.xml"), "x.zip", FILE_DOCUMENT, false},
		{BYTES("PK\3\4....xl/workbook.xml"), "x", FILE_SPREADSHEET, false},
		{BYTES("PK\3\4...."), "x.pptx", FILE_PRESENTATION, false},
		{BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "x.xls", FILE_SPREADSHEET, false},
		{BYTES("\x1f\x8b\x08"), "x", FILE_ARCHIVE, false},
		{BYTES("bplist00\xd1"), "x", FILE_OTHER, false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_profile profile;

		detect_profile((const uint8_t *)rows[i].bytes, rows[i].length, rows[i].length,
			       rows[i].name, &profile);
		if (profile.kind != rows[i].kind || profile.is_text != rows[i].is_text ||
		    (profile.reason == NULL) != rows[i].is_text)
			fail_msg("row %zu: %s, %s, %s", i, bl_file_kind_name(profile.kind),
				 profile.is_text ? "text" : "no text",
				 profile.reason ? profile.reason : "no reason");
	}
}

static void a_head_that_is_cut_short_is_not_text(void **state)
{
	struct detect_profile profile;

	(void)state;
	detect_profile((const uint8_t *)"hello", 5, 6, "x.txt", &profile);
	assert_false(profile.is_text);
	assert_non_null(profile.reason);
}

/* What is behind the head may be encoded in mail and cards: their walkers see to it. */
static void mail_and_cards_longer_than_the_head_are_walked_through(void **state)
{
	static const struct {
		const char *front;
		bool is_text;
	} rows[] = {
		{"From: a\nTo: b\n\n", true}, {"BEGIN:VCARD\n", true}, {"BEGIN:VCALENDAR\n", true},
		{"=?q?=69?=\n", true},	      {"dear diary\n", true},
	};
	static uint8_t head[DETECT_HEAD];

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_profile profile;

		memset(head, 'a', sizeof(head));
		memcpy(head, rows[i].front, strlen(rows[i].front));
		detect_profile(head, sizeof(head), DETECT_HEAD + 1, "x", &profile);
		if (profile.is_text != rows[i].is_text)
			fail_msg("row %zu", i);
		detect_profile(head, sizeof(head), DETECT_HEAD, "x", &profile);
		if (!profile.is_text)
			fail_msg("row %zu: just the head", i);
	}
}

static void a_character_cut_by_the_head_is_fine(void **state)
{
	static uint8_t head[DETECT_HEAD];
	struct detect_profile profile;

	(void)state;
	memset(head, 'a', sizeof(head));
	head[DETECT_HEAD - 1] = 0xc3;
	detect_profile(head, sizeof(head), DETECT_HEAD + 1, "x.txt", &profile);
	assert_true(profile.is_text);
	assert_int_equal(profile.charset, CHARSET_UTF8);
	head[DETECT_HEAD - 1] = 0x80;
	detect_profile(head, sizeof(head), DETECT_HEAD + 1, "x.txt", &profile);
	assert_true(profile.is_text);
	assert_int_equal(profile.charset, CHARSET_WINDOWS_1252);
}

static void mail_by_its_name_only_that_is_too_long_is_not_text(void **state)
{
	static uint8_t head[DETECT_HEAD];
	struct detect_profile profile;

	(void)state;
	memset(head, 'a', sizeof(head));
	detect_profile(head, sizeof(head), DETECT_HEAD + 1, "x.eml", &profile);
	assert_false(profile.is_text);
	detect_profile(head, sizeof(head), DETECT_HEAD, "x.eml", &profile);
	assert_true(profile.is_text);
}

static void charsets_and_formats_are_told(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *name;
		unsigned charset, format;
		char separator;
	} rows[] = {
		{BYTES("dear diary\n"), "x.txt", CHARSET_UTF8, DETECT_PLAIN, 0},
		{BYTES("caf\xe9!"), "x.txt", CHARSET_WINDOWS_1252, DETECT_PLAIN, 0},
		{BYTES("\xff\xfeK\0i\0"), "x", CHARSET_UTF16LE, DETECT_PLAIN, 0},
		{BYTES("\xfe\xff\0K\0i"), "x", CHARSET_UTF16BE, DETECT_PLAIN, 0},
		{BYTES("K\0i\0m\0 \0"), "x", CHARSET_UTF16LE, DETECT_PLAIN, 0},
		{BYTES("\xff\xfe\0\0K\0\0\0"), "x", CHARSET_UTF32LE, DETECT_PLAIN, 0},
		{BYTES("\0\0\xfe\xff\0\0\0K"), "x", CHARSET_UTF32BE, DETECT_PLAIN, 0},
		{BYTES("K\0\0\0i\0\0\0m\0\0\0"), "x", CHARSET_UTF32LE, DETECT_PLAIN, 0},
		{BYTES("\0\0\0K\0\0\0i\0\0\0m"), "x", CHARSET_UTF32BE, DETECT_PLAIN, 0},
		{BYTES("{\0\"\0a\0\"\0:\0"
		       "1\0}\0"),
		 "x", CHARSET_UTF16LE, DETECT_JSON, 0},
		{BYTES("name,phone\nKim,1\n"), "x", CHARSET_UTF8, DETECT_CSV, ','},
		{BYTES("name;phone\n\"Kim;\nLee\";1\n"), "x", CHARSET_UTF8, DETECT_CSV, ';'},
		{BYTES("name\tphone\nKim\t1\n"), "x.tsv", CHARSET_UTF8, DETECT_CSV, '\t'},
		{BYTES("n\xe4me|phone\nKim|1\n"), "x", CHARSET_WINDOWS_1252, DETECT_CSV, '|'},
		{BYTES("name\nKim\n"), "x.csv", CHARSET_UTF8, DETECT_CSV, ','},
		{BYTES("Dear Kim, hello,\nbye\n"), "x.txt", CHARSET_UTF8, DETECT_PLAIN, 0},
		{BYTES("1,2\n3,4\n"), "x.txt", CHARSET_UTF8, DETECT_PLAIN, 0},
		{BYTES(" {\"a\": 1}\n"), "x", CHARSET_UTF8, DETECT_JSON, 0},
		{BYTES("[1, 2]"), "x", CHARSET_UTF8, DETECT_JSON, 0},
		{BYTES("\"a\"\n"), "x.jsonl", CHARSET_UTF8, DETECT_JSON, 0},
		{BYTES("[section]\nname=Kim\n"), "x.ini", CHARSET_UTF8, DETECT_PLAIN, 0},
		{BYTES("[2026-11-22 21:00] up\n"), "x.log", CHARSET_UTF8, DETECT_PLAIN, 0},
		{BYTES("\xef\xbb\xbf<?xml version=\"1.0\"?><a/>"), "x", CHARSET_UTF8, DETECT_XML,
		 0},
		{BYTES("<!DOCTYPE html><p>hi"), "x", CHARSET_UTF8, DETECT_XML, 0},
		{BYTES("<kim@example.com> wrote:\n"), "x", CHARSET_UTF8, DETECT_PLAIN, 0},
		{BYTES("BEGIN:VCARD\n"), "x", CHARSET_UTF8, DETECT_CARD, 0},
		{BYTES("dn: cn=Kim\n"), "x.ldif", CHARSET_UTF8, DETECT_CARD, 0},
		{BYTES("From: a\nTo: b\n\nhi"), "x", CHARSET_UTF8, DETECT_MAIL, 0},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_profile profile;

		detect_profile((const uint8_t *)rows[i].bytes, rows[i].length, rows[i].length,
			       rows[i].name, &profile);
		if (!profile.is_text || profile.charset != rows[i].charset ||
		    profile.format != rows[i].format || profile.separator != rows[i].separator)
			fail_msg("row %zu: charset %u, format %u, separator '%c', %s", i,
				 profile.charset, profile.format, profile.separator,
				 profile.reason ? profile.reason : "text");
	}
}

static void what_is_not_surely_text_is_not_text(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} rows[] = {
		{BYTES("\xff\xfeK\0\0\0i\0")},	       /* NUL in UTF-16 */
		{BYTES("a\0b\0c\0\1\0\2\0\3\0")},      /* controls in it */
		{BYTES("K\0i\0m\0 \0\xff\xff\0\xd8")}, /* no characters */
		{BYTES("caf\xe9 \x81")},	       /* no character of windows-1252 */
		{BYTES("caf\xe9 \x03")},
		{BYTES("\xcf\xf0\xe8\xe2\xe5\xf2, Kim")}, /* Cyrillic of one byte a character */
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct detect_profile profile;

		detect_profile((const uint8_t *)rows[i].bytes, rows[i].length, rows[i].length, "x",
			       &profile);
		if (profile.is_text || !profile.reason)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_told_by_content_and_name),
		cmocka_unit_test(a_head_that_is_cut_short_is_not_text),
		cmocka_unit_test(mail_and_cards_longer_than_the_head_are_walked_through),
		cmocka_unit_test(a_character_cut_by_the_head_is_fine),
		cmocka_unit_test(mail_by_its_name_only_that_is_too_long_is_not_text),
		cmocka_unit_test(charsets_and_formats_are_told),
		cmocka_unit_test(what_is_not_surely_text_is_not_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

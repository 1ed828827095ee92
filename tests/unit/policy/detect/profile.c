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
		{BYTES("caf\xe9 au lait"), "latin1.txt", FILE_OTHER, false},
		{BYTES("a\0b"), "x.txt", FILE_OTHER, false},
		{BYTES("\xff\xfeK\0i\0"), "x.txt", FILE_TEXT, false},
		{BYTES("K\0i\0m\0 \0"), "x.txt", FILE_TEXT, false},
		{BYTES("\0K\0i\0m\0 "), "x.txt", FILE_TEXT, false},
		{BYTES("BEGIN:VCARD\r\nFN:Kim\r\n"), "x", FILE_CONTACTS, true},
		{BYTES("BEGIN:VCARD\r\nFN;ENCODING=QUOTED-PRINTABLE:=4B\r\n"), "x", FILE_CONTACTS,
		 false},
		{BYTES("BEGIN:VCALENDAR\r\n"), "x", FILE_CALENDAR, true},
		{BYTES("hi"), "x.VCF", FILE_CONTACTS, true},
		{BYTES("From: a@b.example\nTo: c@d.example\n\nhi"), "x", FILE_MAIL, true},
		{BYTES("From: a\nTo: b\nContent-Transfer-Encoding:  BASE64\n\nS2lt"), "x",
		 FILE_MAIL, false},
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
		{BYTES("From: =?utf-8?B?S2lt?= <k@x.example>\nTo: b\n\nhi"), "x", FILE_MAIL, false},
		{BYTES("From: =?utf-8?q?K=69m?= <k@x.example>\nTo: b\n\nhi"), "x", FILE_MAIL,
		 false},
		{BYTES("From: a\nTo: b\nContent-Transfer-Encoding: (7bit) base64\n\nS2lt"), "x",
		 FILE_MAIL, false},
		{BYTES("From: a\nTo: b\nContent-Transfer-Encoding: x-uue\n\nS2lt"), "x", FILE_MAIL,
		 false},
		{BYTES("BEGIN:VCARD\nN;encoding=quoted-printable:=4B\n"), "x", FILE_CONTACTS,
		 false},
		{BYTES("BEGIN:VCARD\nN;QUOTED-PRINTABLE:=4B\n"), "x", FILE_CONTACTS, false},
		{BYTES("BEGIN:VCARD\nPHOTO;BASE64:AAAA\n"), "x", FILE_CONTACTS, false},
		{BYTES("dn:: Y249S2lt\nmail: x\n"), "x.ldif", FILE_CONTACTS, false},
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

/* What is behind the head may be encoded in mail and cards; of other text it is scanned as it stands. */
static void mail_and_cards_longer_than_the_head_are_not_text(void **state)
{
	static const struct {
		const char *front;
		bool is_text;
	} rows[] = {
		{"From: a\nTo: b\n\n", false},
		{"BEGIN:VCARD\n", false},
		{"BEGIN:VCALENDAR\n", false},
		{"dear diary\n", true},
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
	head[DETECT_HEAD - 1] = 0x80;
	detect_profile(head, sizeof(head), DETECT_HEAD + 1, "x.txt", &profile);
	assert_false(profile.is_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_told_by_content_and_name),
		cmocka_unit_test(a_head_that_is_cut_short_is_not_text),
		cmocka_unit_test(mail_and_cards_longer_than_the_head_are_not_text),
		cmocka_unit_test(a_character_cut_by_the_head_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

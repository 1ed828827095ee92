/* Matters, notes and parts as they are sealed: what they may hold comes back to the byte, and nothing else is taken. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define HEX32 "0123456789abcdef0123456789abcdef"
#define HEX64 HEX32 HEX32

/* docs/format-store.md, "matters.sealed, notes.sealed, parts.sealed" */
#define MATTERS                                                                                    \
	"{\"incidents\":["                                                                         \
	"{\"action\":\"case \\\"x\\\" \\\\ r\xc3\xa9par\xc3\xa9\",\"by\":61001,\"closed\":1005,"   \
	"\"closed_by\":61002,\"deadline\":2000,\"hold\":0,\"kind\":\"damage\",\"number\":2,"       \
	"\"opened\":1000},"                                                                        \
	"{\"action\":\"\",\"by\":4294967295,\"closed\":0,\"closed_by\":0,"                         \
	"\"deadline\":253402300799,\"hold\":7,\"kind\":\"complaint\",\"number\":5,"                \
	"\"opened\":1001}],"                                                                       \
	"\"next_incident\":6,\"next_request\":4,\"requests\":["                                    \
	"{\"by\":61003,\"deadline\":3000,\"ended\":0,\"ended_by\":0,\"kind\":\"erase\","           \
	"\"number\":1,\"proof\":\"\",\"since\":1002,\"state\":\"open\",\"ticket\":\"T-1\"},"       \
	"{\"by\":61003,\"deadline\":1003,\"ended\":1004,\"ended_by\":4294967295,"                  \
	"\"kind\":\"erase\",\"number\":2,\"proof\":\"" HEX64 "\",\"since\":1003,"                  \
	"\"state\":\"done\",\"ticket\":\"T.2_x\"},"                                                \
	"{\"by\":61003,\"deadline\":3001,\"ended\":1006,\"ended_by\":61004,"                       \
	"\"kind\":\"disclose\",\"number\":3,\"proof\":\"\",\"since\":1005,"                        \
	"\"state\":\"refused\",\"ticket\":\"T-3\"}],\"version\":1}"
#define NO_MATTERS                                                                                 \
	"{\"incidents\":[],\"next_incident\":1,\"next_request\":1,\"requests\":[],\"version\":1}"
#define PARTS                                                                                      \
	"{\"parts\":[{\"at\":1000,\"entry\":\"mail-30d\",\"paths\":\"" HEX64 "\"},"                \
	"{\"at\":999,\"entry\":\"builtin/x\",\"paths\":\"" HEX64 "\"}],\"version\":1}"
#define NO_PARTS "{\"parts\":[],\"version\":1}"

/* A change of a text that is taken: @from, which is in there, becomes @to. */
struct row {
	const char *what, *from, *to;
	enum bl_status status;
};

static char *changed(const char *text, const struct row *row)
{
	const char *at = strstr(text, row->from);
	size_t size = strlen(text) + strlen(row->to) + 1;
	char *out = malloc(size);

	if (!at || !out)
		fail_msg("%s: '%s' is not there", row->what, row->from);
	snprintf(out, size, "%.*s%s%s", (int)(at - text), text, row->to, at + strlen(row->from));
	return out;
}

/* An exact copy, so that ASan sees a read one byte too far. */
static uint8_t *copy_of(const void *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	return copy;
}

/* Whatever is taken is written as it was. */
static void assert_same(const struct plain *again, const uint8_t *copy, size_t length)
{
	assert_int_equal(again->length, length);
	assert_memory_equal(again->bytes, copy, length);
}

static enum bl_status matters_again(const char *text, size_t length)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	BL_CLEANUP(bl_free) uint8_t *copy = copy_of(text, length);
	PLAIN_CLEANUP struct plain again = {0};
	enum bl_status status = matters_decode(copy, length, &matters);

	if (status != BL_OK) {
		assert_null(matters);
		return status;
	}
	assert_int_equal(matters_encode(matters, &again), BL_OK);
	assert_same(&again, copy, length);
	return BL_OK;
}

static enum bl_status parts_again(const char *text, size_t length)
{
	BL_CLEANUP(bl_free) struct device_parts *parts = malloc(sizeof(*parts));
	BL_CLEANUP(bl_free) uint8_t *copy = copy_of(text, length);
	PLAIN_CLEANUP struct plain again = {0};

	assert_non_null(parts);

	enum bl_status status = parts_decode(copy, length, parts);

	if (status != BL_OK)
		return status;
	assert_int_equal(parts_encode(parts, &again), BL_OK);
	assert_same(&again, copy, length);
	return BL_OK;
}

static void check_rows(const char *text, const struct row *rows, size_t count,
		       enum bl_status (*again)(const char *text, size_t length))
{
	for (size_t i = 0; i < count; i++) {
		BL_CLEANUP(bl_free) char *other = changed(text, &rows[i]);
		enum bl_status status = again(other, strlen(other));

		if (status != rows[i].status)
			fail_msg("%s: %s", rows[i].what, bl_status_name(status));
	}
}

#define ACTION	 "case \\\"x\\\" \\\\ r\xc3\xa9par\xc3\xa9" /* as it stands in MATTERS */
#define TEXT_63	 "a23456789-123456789-123456789-123456789-123456789-123456789-123"
#define TEXT_255 TEXT_63 TEXT_63 TEXT_63 TEXT_63 "abc"

static void matters_are_taken_to_the_byte_or_not_at_all(void **state)
{
	static const struct row ROWS[] = {
		{"as they are", "1000", "1000", BL_OK},
		{"the longest action", ACTION, TEXT_255, BL_OK},
		{"an action that is too long", ACTION, TEXT_255 "4", BL_TAMPERED},
		{"a word in it", "case", "casing", BL_OK},
		{"the longest ticket", "T-1", TEXT_63, BL_OK},
		{"the last date", "\"opened\":1000", "\"opened\":2000", BL_OK},
		{"the last number", "\"next_incident\":6", "\"next_incident\":4294967295", BL_OK},
		{"another version", "\"version\":1", "\"version\":2", BL_TAMPERED},
		{"an unknown key", "\"by\":61001", "\"by\":61001,\"for\":1", BL_TAMPERED},
		{"a missing key", "\"hold\":0,", "", BL_TAMPERED},
		{"keys in another order", "\"by\":61003,\"deadline\":3000",
		 "\"deadline\":3000,\"by\":61003", BL_TAMPERED},
		{"a space", "\"opened\":1000", "\"opened\": 1000", BL_TAMPERED},
		{"something behind", "\"version\":1}", "\"version\":1}\n", BL_TAMPERED},
		{"a comma too many", "\"opened\":1001}]", "\"opened\":1001},]", BL_TAMPERED},
		{"a comma first", "\"incidents\":[", "\"incidents\":[,", BL_TAMPERED},
		{"no comma", "},{\"action\":\"\"", "}{\"action\":\"\"", BL_TAMPERED},
		{"a zero in front", "\"opened\":1000", "\"opened\":01000", BL_TAMPERED},
		{"a sign", "\"opened\":1000", "\"opened\":-1000", BL_TAMPERED},
		{"a fraction", "\"opened\":1000", "\"opened\":1000.0", BL_TAMPERED},
		{"no number", "\"opened\":1000", "\"opened\":", BL_TAMPERED},
		{"a date after 9999", "253402300799", "253402300800", BL_TAMPERED},
		{"a number without end", "253402300799",
		 "99999999999999999999999999999999999999999999999", BL_TAMPERED},
		{"a uid of 33 bits", "\"by\":4294967295", "\"by\":4294967296", BL_TAMPERED},
		{"no date", "\"opened\":1000", "\"opened\":0", BL_TAMPERED},
		{"a deadline before", "\"deadline\":2000", "\"deadline\":999", BL_TAMPERED},
		{"an unknown kind", "damage", "damages", BL_TAMPERED},
		{"a kind that is too long", "damage", "damagedamagedamagedamage", BL_TAMPERED},
		{"a proof of 33 bytes", HEX64, HEX64 "00", BL_TAMPERED},
		{"a kind in capitals", "damage", "Damage", BL_TAMPERED},
		{"closed without action", ACTION, "", BL_TAMPERED},
		{"open with action", "\"action\":\"\"", "\"action\":\"a\"", BL_TAMPERED},
		{"open, closed by", "\"closed_by\":0", "\"closed_by\":1", BL_TAMPERED},
		{"a needless escape", "case", "c\\ase", BL_TAMPERED},
		{"an escape in letters", "case", "c\\u0061se", BL_TAMPERED},
		{"no UTF-8", "case", "c\xff", BL_TAMPERED},
		{"a new line", "case", "c\n", BL_TAMPERED},
		{"a direction mark", "case", "c\xe2\x80\xae", BL_TAMPERED},
		{"numbers that go back", "\"number\":5", "\"number\":1", BL_TAMPERED},
		{"a number twice", "\"number\":5", "\"number\":2", BL_TAMPERED},
		{"the number 0", "\"number\":2", "\"number\":0", BL_TAMPERED},
		{"a number above next", "\"next_incident\":6", "\"next_incident\":5", BL_TAMPERED},
		{"a request above next", "\"next_request\":4", "\"next_request\":3", BL_TAMPERED},
		{"an open request with an end", "\"ended\":0", "\"ended\":5", BL_TAMPERED},
		{"an open request, ended by", "\"ended_by\":0", "\"ended_by\":5", BL_TAMPERED},
		{"done without proof", HEX64, "", BL_TAMPERED},
		{"done without an end", "\"ended\":1004", "\"ended\":0", BL_TAMPERED},
		{"a proof of 31 bytes", HEX64, HEX32 "0123456789abcdef0123456789abcd", BL_TAMPERED},
		{"a proof in capitals", HEX64, HEX32 "0123456789ABCDEF0123456789ABCDEF",
		 BL_TAMPERED},
		{"a proof that is none", HEX64, HEX32 "0123456789abcdef0123456789abcdeg",
		 BL_TAMPERED},
		{"refused with proof", "\"number\":3,\"proof\":\"",
		 "\"number\":3,\"proof\":\"" HEX64, BL_TAMPERED},
		{"two open of a kind",
		 "\"ended\":1004,\"ended_by\":4294967295,\"kind\":\"erase\",\"number\":2,"
		 "\"proof\":\"" HEX64 "\",\"since\":1003,\"state\":\"done\"",
		 "\"ended\":0,\"ended_by\":0,\"kind\":\"erase\",\"number\":2,\"proof\":\"\","
		 "\"since\":1003,\"state\":\"open\"",
		 BL_TAMPERED},
		{"two open of two kinds",
		 "\"ended\":1004,\"ended_by\":4294967295,\"kind\":\"erase\",\"number\":2,"
		 "\"proof\":\"" HEX64 "\",\"since\":1003,\"state\":\"done\"",
		 "\"ended\":0,\"ended_by\":0,\"kind\":\"return\",\"number\":2,\"proof\":\"\","
		 "\"since\":1003,\"state\":\"open\"",
		 BL_OK},
		{"an unknown state", "refused", "denied", BL_TAMPERED},
		{"requests' numbers that go back", "\"number\":3,\"proof\":\"\",\"since\":1005",
		 "\"number\":1,\"proof\":\"\",\"since\":1005", BL_TAMPERED},
		{"a request's number twice", "\"number\":3,\"proof\":\"\",\"since\":1005",
		 "\"number\":2,\"proof\":\"\",\"since\":1005", BL_TAMPERED},
		{"a request's deadline before", "\"deadline\":3001", "\"deadline\":1004",
		 BL_TAMPERED},
		{"no ticket", "T-1", "", BL_TAMPERED},
		{"a ticket that is none", "T-1", "T 1", BL_TAMPERED},
		{"a ticket that is too long", "T-1", TEXT_63 "4", BL_TAMPERED},
	};

	(void)state;
	check_rows(MATTERS, ROWS, BL_COUNT(ROWS), matters_again);
	assert_int_equal(matters_again(NO_MATTERS, strlen(NO_MATTERS)), BL_OK);
}

static void parts_are_taken_to_the_byte_or_not_at_all(void **state)
{
	static const struct row ROWS[] = {
		{"as they are", "1000", "1000", BL_OK},
		{"the longest entry", "mail-30d", TEXT_63, BL_OK},
		{"an entry that is too long", "mail-30d", TEXT_63 "4", BL_TAMPERED},
		{"no entry", "mail-30d", "", BL_TAMPERED},
		{"an entry that is none", "mail-30d", "Mail", BL_TAMPERED},
		{"another version", "\"version\":1", "\"version\":0", BL_TAMPERED},
		{"no paths", HEX64, "", BL_TAMPERED},
		{"no date", "1000", "0", BL_TAMPERED},
		{"the same twice", "builtin/x", "mail-30d", BL_TAMPERED},
		{"something behind", "\"version\":1}", "\"version\":1} ", BL_TAMPERED},
	};

	(void)state;
	check_rows(PARTS, ROWS, BL_COUNT(ROWS), parts_again);
	assert_int_equal(parts_again(NO_PARTS, strlen(NO_PARTS)), BL_OK);
}

/* ---- cut, and with each byte another ------------------------------------------------------------- */

static void what_is_cut_is_refused(void **state)
{
	(void)state;
	for (size_t length = 0; length < strlen(MATTERS); length++)
		if (matters_again(MATTERS, length) != BL_TAMPERED)
			fail_msg("matters of %zu bytes", length);
	for (size_t length = 0; length < strlen(PARTS); length++)
		if (parts_again(PARTS, length) != BL_TAMPERED)
			fail_msg("parts of %zu bytes", length);
}

static void nul_in_a_text_is_refused(void **state)
{
	char text[sizeof(MATTERS)] = MATTERS;

	(void)state;
	strstr(text, "case")[2] = '\0';
	assert_int_equal(matters_again(text, strlen(MATTERS)), BL_TAMPERED);
}

/* ---- limits ---------------------------------------------------------------------------------------- */

static struct device_matters *full_matters(void)
{
	struct device_matters *matters = matters_new();

	assert_non_null(matters);
	matters->next_incident = matters->next_request = UINT32_MAX;
	for (uint32_t i = 0; i < MATTERS_INCIDENTS; i++) {
		struct device_incident *incident = &matters->incidents[i];

		*incident = (struct device_incident){.number = UINT32_MAX - MATTERS_INCIDENTS + i,
						     .kind = INCIDENT_COMPLAINT,
						     .opened_unix = FACTS_DATE_LIMIT,
						     .deadline_unix = FACTS_DATE_LIMIT,
						     .by = UINT32_MAX,
						     .hold = UINT32_MAX,
						     .is_closed = true,
						     .closed_unix = FACTS_DATE_LIMIT,
						     .closed_by = UINT32_MAX};
		memset(incident->action, '"', MATTERS_ACTION - 1);
	}
	for (uint32_t i = 0; i < MATTERS_REQUESTS; i++) {
		struct device_customer_request *request = &matters->requests[i];

		*request = (struct device_customer_request){.number = UINT32_MAX -
								      MATTERS_REQUESTS + i,
							    .kind = CUSTOMER_DISCLOSE,
							    .state = CUSTOMER_DONE,
							    .since_unix = FACTS_DATE_LIMIT,
							    .deadline_unix = FACTS_DATE_LIMIT,
							    .by = UINT32_MAX,
							    .ended_unix = FACTS_DATE_LIMIT,
							    .ended_by = UINT32_MAX,
							    .has_proof = true};
		memset(request->ticket, 't', MATTERS_TICKET - 1);
	}
	matters->incident_count = MATTERS_INCIDENTS;
	matters->request_count = MATTERS_REQUESTS;
	return matters;
}

static void matters_at_their_limits_come_back_and_fit(void **state)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = full_matters();
	PLAIN_CLEANUP struct plain plain = {0};

	(void)state;
	assert_int_equal(matters_encode(matters, &plain), BL_OK);
	assert_true(plain.length <= MATTERS_LIMIT);
	assert_int_equal(matters_again((const char *)plain.bytes, plain.length), BL_OK);
}

/* @text with @item once more at the end of the list that @end closes. */
static char *with_more(const char *text, const char *end, const char *item)
{
	const struct row row = {.what = "one more", .from = end, .to = item};

	return changed(text, &row);
}

static void one_more_than_there_is_room_for_is_refused(void **state)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = full_matters();
	PLAIN_CLEANUP struct plain plain = {0};

	(void)state;
	for (uint32_t i = 0; i < MATTERS_INCIDENTS; i++)
		matters->incidents[i].number = matters->requests[i].number = i + 1;
	assert_int_equal(matters_encode(matters, &plain), BL_OK);

	BL_CLEANUP(bl_free) char *text = strndup((const char *)plain.bytes, plain.length);

	assert_non_null(text);
	assert_int_equal(matters_again(text, strlen(text)), BL_OK);

	BL_CLEANUP(bl_free)
	char *more_incidents = with_more(
		text, "],\"next_incident",
		",{\"action\":\"\",\"by\":1,\"closed\":0,\"closed_by\":0,\"deadline\":9,\"hold\":0,"
		"\"kind\":\"loss\",\"number\":65,\"opened\":9}],\"next_incident");
	BL_CLEANUP(bl_free)
	char *more_requests = with_more(
		text, "],\"version",
		",{\"by\":1,\"deadline\":9,\"ended\":0,\"ended_by\":0,\"kind\":\"return\","
		"\"number\":65,\"proof\":\"\",\"since\":9,\"state\":\"open\",\"ticket\":\"T\"}],"
		"\"version");

	assert_int_equal(matters_again(more_incidents, strlen(more_incidents)), BL_TAMPERED);
	assert_int_equal(matters_again(more_requests, strlen(more_requests)), BL_TAMPERED);
}

static void parts_at_their_limit_come_back_and_fit_and_one_more_is_refused(void **state)
{
	BL_CLEANUP(bl_free) struct device_parts *parts = calloc(1, sizeof(*parts));
	PLAIN_CLEANUP struct plain plain = {0};

	(void)state;
	assert_non_null(parts);
	parts->count = MATTERS_PARTS;
	for (unsigned i = 0; i < MATTERS_PARTS; i++) {
		snprintf(parts->items[i].entry, BL_RULE_ID_SIZE, "p%062u", i);
		memset(parts->items[i].paths, 0xff, DEVICE_DIGEST);
		parts->items[i].at_unix = FACTS_DATE_LIMIT;
	}
	assert_int_equal(parts_encode(parts, &plain), BL_OK);
	assert_true(plain.length <= PARTS_LIMIT);

	BL_CLEANUP(bl_free) char *text = strndup((const char *)plain.bytes, plain.length);

	assert_non_null(text);
	assert_int_equal(parts_again(text, strlen(text)), BL_OK);

	BL_CLEANUP(bl_free)
	char *more = with_more(text, "],\"version",
			       ",{\"at\":9,\"entry\":\"x\",\"paths\":\"" HEX64 "\"}],\"version");

	assert_int_equal(parts_again(more, strlen(more)), BL_TAMPERED);
}

/* ---- notes ------------------------------------------------------------------------------------------- */

/* Two notes, byte by byte: docs/format-store.md. */
static const uint8_t NOTES[] = {
	1,   2,	   0, /* two */
	1,   0,	   0,  0, 0, 0, 0, 0, 0, 0x49, 0xee, 0, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0, 2, 0, /* */
	'a', 'b',									    /* */
	9,   0,	   0,  0, 2, 7, 0, 0, 0, 0x4a, 0xee, 0, 0, 0xe9, 3, 0, 0, 0, 0, 0, 0, 3, 0, /* */
	'c', '\n', 'd'};
#define FIRST  3	/* where the first note begins */
#define SECOND (3 + 25) /* the second */

static enum bl_status notes_again(const uint8_t *bytes, size_t length)
{
	BL_CLEANUP(device_notes_free) struct device_notes *notes = NULL;
	BL_CLEANUP(bl_free) uint8_t *copy = copy_of(bytes, length);
	PLAIN_CLEANUP struct plain again = {0};
	enum bl_status status = notes_decode(copy, length, &notes);

	if (status != BL_OK) {
		assert_null(notes);
		return status;
	}
	assert_int_equal(notes_encode(notes, &again), BL_OK);
	assert_same(&again, copy, length);
	return BL_OK;
}

static void notes_are_what_the_format_says(void **state)
{
	BL_CLEANUP(device_notes_free) struct device_notes *notes = NULL;

	(void)state;
	assert_int_equal(notes_decode(NOTES, sizeof(NOTES), &notes), BL_OK);
	assert_int_equal(notes->count, 2);
	assert_int_equal(notes->items[0].number, 1);
	assert_int_equal(notes->items[0].about, NOTE_DEVICE);
	assert_int_equal(notes->items[0].matter, 0);
	assert_int_equal(notes->items[0].by, 61001);
	assert_int_equal(notes->items[0].at_unix, 1000);
	assert_string_equal(notes->items[0].text, "ab");
	assert_int_equal(notes->items[1].number, 9);
	assert_int_equal(notes->items[1].about, NOTE_INCIDENT);
	assert_int_equal(notes->items[1].matter, 7);
	assert_string_equal(notes->items[1].text, "c\nd");
	assert_int_equal(notes_again(NOTES, sizeof(NOTES)), BL_OK);
}

static void notes_are_taken_to_the_byte_or_not_at_all(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t byte;
		enum bl_status status;
	} ROWS[] = {
		{"as they are", 0, 1, BL_OK},
		{"another version", 0, 2, BL_TAMPERED},
		{"fewer than there are", 1, 1, BL_TAMPERED},
		{"more than there are", 1, 3, BL_TAMPERED},
		{"more than there may be", 2, 0xff, BL_TAMPERED},
		{"the number 0", FIRST, 0, BL_TAMPERED},
		{"a number twice", SECOND, 1, BL_TAMPERED},
		{"another number", SECOND, 2, BL_OK},
		{"about what is not", FIRST + 4, 4, BL_TAMPERED},
		{"about its condition", FIRST + 4, 1, BL_OK},
		{"about no incident", FIRST + 4, 2, BL_TAMPERED},
		{"about the device, and an incident", FIRST + 5, 1, BL_TAMPERED},
		{"about a request", SECOND + 4, 3, BL_OK},
		{"about the device with a matter", SECOND + 4, 0, BL_TAMPERED},
		{"a date before 1970", FIRST + 20, 0x80, BL_TAMPERED},
		{"a date after 9999", FIRST + 18, 0xff, BL_TAMPERED},
		{"an empty text", FIRST + 21, 0, BL_TAMPERED},
		{"a text that ends early", SECOND + 21, 2, BL_TAMPERED},
		{"a text that never ends", SECOND + 22, 0xff, BL_TAMPERED},
		{"a NUL", FIRST + 23, 0, BL_TAMPERED},
		{"a NUL at its end", FIRST + 24, 0, BL_TAMPERED},
		{"a control character", FIRST + 23, 0x1b, BL_TAMPERED},
		{"a tab", FIRST + 23, '\t', BL_TAMPERED},
		{"no UTF-8", FIRST + 23, 0xff, BL_TAMPERED},
		{"a new line", FIRST + 23, '\n', BL_OK},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t bytes[sizeof(NOTES)];

		memcpy(bytes, NOTES, sizeof(bytes));
		bytes[ROWS[i].at] = ROWS[i].byte;

		enum bl_status status = notes_again(bytes, sizeof(bytes));

		if (status != ROWS[i].status)
			fail_msg("%s: %s", ROWS[i].what, bl_status_name(status));
	}
	for (size_t length = 0; length < sizeof(NOTES); length++)
		if (notes_again(NOTES, length) != BL_TAMPERED)
			fail_msg("notes of %zu bytes", length);
}

static void note_texts_are_sentences_of_people(void **state)
{
	static const struct {
		const char *text;
		bool is_ok;
	} ROWS[] = {
		{"a", true},
		{"\n", true},
		{"two\nlines", true},
		{"r\xc3\xa9par\xc3\xa9", true},
		{"", false},
		{"tab\t", false},
		{"return\r\n", false},
		{"\x1b[2J", false},
		{"\xc2\x9b", false},
		{"\xe2\x80\xae", false},
		{"\xe2\x80\xa8", false},
		{"\xff", false},
		{"cut \xc3", false},
	};
	char text[DEVICE_NOTE + 1] = "";

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (device_note_ok(ROWS[i].text) != ROWS[i].is_ok)
			fail_msg("row %zu", i);
	memset(text, 'n', DEVICE_NOTE - 1);
	assert_true(device_note_ok(text));
	text[DEVICE_NOTE - 1] = 'n';
	assert_false(device_note_ok(text));
}

static void notes_at_their_limit_come_back_and_fit(void **state)
{
	BL_CLEANUP(bl_free) struct device_notes *notes = calloc(1, sizeof(*notes));
	PLAIN_CLEANUP struct plain plain = {0};
	char text[DEVICE_NOTE] = "";

	(void)state;
	assert_non_null(notes);
	memset(text, 'n', sizeof(text) - 1);
	for (uint32_t i = 0; i < MATTERS_NOTES; i++)
		notes->items[notes->count++] = (struct device_note){.number = i + 1, .text = text};
	assert_int_equal(notes_encode(notes, &plain), BL_OK);
	assert_int_equal(plain.length, NOTES_LIMIT);
	assert_int_equal(notes_again(plain.bytes, plain.length), BL_OK);
}

/* Made by hand: no struct holds as many. */
static void one_note_more_than_there_is_room_for_is_refused(void **state)
{
	uint8_t bytes[3 + (MATTERS_NOTES + 1) * 24] = {1};

	(void)state;
	for (uint32_t count = MATTERS_NOTES; count <= MATTERS_NOTES + 1; count++) {
		bl_put16(bytes + 1, (uint16_t)count);
		for (uint32_t i = 0; i < count; i++) {
			uint8_t *at = bytes + 3 + i * 24;

			memset(at, 0, 24);
			bl_put32(at, i + 1);
			at[21] = 1;
			at[23] = 'n';
		}

		enum bl_status status = notes_again(bytes, 3 + count * 24);

		if (status != (count == MATTERS_NOTES ? BL_OK : BL_TAMPERED))
			fail_msg("%u notes: %s", (unsigned)count, bl_status_name(status));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matters_are_taken_to_the_byte_or_not_at_all),
		cmocka_unit_test(parts_are_taken_to_the_byte_or_not_at_all),
		cmocka_unit_test(what_is_cut_is_refused),
		cmocka_unit_test(nul_in_a_text_is_refused),
		cmocka_unit_test(matters_at_their_limits_come_back_and_fit),
		cmocka_unit_test(one_more_than_there_is_room_for_is_refused),
		cmocka_unit_test(parts_at_their_limit_come_back_and_fit_and_one_more_is_refused),
		cmocka_unit_test(notes_are_what_the_format_says),
		cmocka_unit_test(notes_are_taken_to_the_byte_or_not_at_all),
		cmocka_unit_test(note_texts_are_sentences_of_people),
		cmocka_unit_test(notes_at_their_limit_come_back_and_fit),
		cmocka_unit_test(one_note_more_than_there_is_room_for_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

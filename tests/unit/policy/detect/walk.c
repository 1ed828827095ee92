/* Tests policy/detect/walk.c: any bytes, any format, any cuts */
#include "walking.h"

/* Pieces of all formats in random order: nothing is well-formed, and still no cut changes anything. */
static void cuts_change_nothing_in_broken_text(void **state)
{
	static const char *const bits[] = {
		"full_name,",
		"phone",
		"\"",
		"\"\"",
		",",
		";",
		"\n",
		"\r\n",
		"\r",
		" ",
		"{",
		"}",
		"[",
		"]",
		":",
		"\\",
		"\\\"",
		"<phone>",
		"</phone>",
		"<",
		">",
		"<![CDATA[",
		"]]>",
		"<!--",
		"-->",
		"<input name=\"email\" value='",
		"'",
		"/",
		"=",
		"TEL:",
		"N:",
		"FN;ENCODING=QUOTED-PRINTABLE:",
		"=\r\n ",
		"PHOTO;ENCODING=b:AAAA",
		"AB==",
		"From: ",
		"Ada Lovelace ",
		"<a@x>",
		"=?utf-8?Q?a_b?=",
		"=?utf-8?B?",
		"Content-Type: multipart/x; boundary=b\n\n",
		"--b\n",
		"--b--\n",
		"Content-Transfer-Encoding: base64\n\n",
		"\n\n",
		"From ",
		"12",
		"\xc3\xa4",
		"\xff",
		"sep=;",
		"<key>Phone</key>",
		"(",
		")",
		"a",
	};
	uint64_t seed = 4711;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		struct detect_profile profile = {.is_text = true,
						 .format = (uint8_t)(round % DETECT_FORMAT_COUNT),
						 .separator = ','};
		struct walked walked;
		char text[800];
		size_t used = 0, pieces = 5 + walk_random(&seed) % 40;

		for (size_t i = 0; i < pieces; i++) {
			const char *bit = bits[walk_random(&seed) % BL_COUNT(bits)];

			memcpy(text + used, bit, strlen(bit));
			used += strlen(bit);
			if (used > 700)
				break;
		}
		text[used] = 0;
		walk_every_way(&profile, text, used, &walked);
		walked_free(&walked);
	}
}

static void a_state_alone_is_had_without_finds(void **state)
{
	static const char text[] = "{\"phone\": \"555\"}";
	struct detect_profile profile = {.is_text = true, .format = DETECT_JSON};
	struct text bytes = {(const uint8_t *)text, sizeof(text) - 1};
	struct walk_state a = {{0}}, b = {{0}};
	struct walk_out out = {0};

	(void)state;
	walk(&profile, &a, &bytes, 0, bytes.length, NULL);
	walk(&profile, &b, &bytes, 0, bytes.length, &out);
	assert_memory_equal(&a, &b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_change_nothing_in_broken_text),
		cmocka_unit_test(a_state_alone_is_had_without_finds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

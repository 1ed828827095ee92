/* Files of every charset, format and transfer encoding: what windows find is what the whole file has, and masks are those of its text */
#include "policy/detect/charset.h"
#include "policy/detect/look.h"
#include "policy/mask/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_SIZE (2 * DETECT_WINDOW + 20000)

static const struct detect_identity customer[] = {{IDENTITY_NAME, "Jörg Müller", false}};

struct bytes {
	uint8_t *bytes;
	size_t length;
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* ---- texts ------------------------------------------------------------------------------------ */

static const char *const words[] = {"lorem ",		"ipsum ",  "caf\xc3\xa9 ",
				    "\xe2\x82\xac 12 ", "dolor, ", "x = 7; "};
static const char *const values[] = {"kim@example.com", "4111 1111 1111 1111",
				     "GB82 WEST 1234 5698 7654 32", "J\xc3\xb6rg M\xc3\xbcller",
				     "+44 20 7946 0123"};

static void put(struct bytes *out, const char *text)
{
	memcpy(out->bytes + out->length, text, strlen(text));
	out->length += strlen(text);
}

static void put_some(struct bytes *out, uint32_t *seed)
{
	for (unsigned i = next_random(seed) % 6; i; i--)
		put(out, words[next_random(seed) % BL_COUNT(words)]);
}

static void put_row(struct bytes *out, unsigned format, uint32_t *seed)
{
	const char *value = values[next_random(seed) % BL_COUNT(values)];

	switch (format) {
	case DETECT_CSV:
		put(out, "\"");
		put_some(out, seed);
		put(out, "\n\",J\xc3\xb6rg,");
		put(out, value);
		put(out, "\r\n");
		break;
	case DETECT_JSON:
		put(out, "{\"note\": \"");
		put_some(out, seed);
		put(out, value);
		put(out,
		    "\\n\", \"phone\": 2079460123, \"first_name\": \"J\xc3\xb6rg \\\"K\\\"\"},\n");
		break;
	case DETECT_XML:
		put(out, "<row a=\"1\"><note>");
		put_some(out, seed);
		put(out, value);
		put(out, "</note><first_name>J\xc3\xb6rg &amp; K</first_name></row>\n");
		break;
	case DETECT_CARD:
		put(out, "BEGIN:VCARD\r\nFN:J\xc3\xb6rg M\r\n");
		put(out, "NOTE:");
		put_some(out, seed);
		put(out, value);
		put(out, "\r\n more\r\nEND:VCARD\r\n");
		break;
	default:
		put_some(out, seed);
		put(out, " ");
		put(out, value);
		put(out, next_random(seed) % 3 ? " and\n" : ".\r\n");
		break;
	}
}

static struct bytes make_text(unsigned format, uint32_t seed)
{
	struct bytes out = {malloc(TEXT_SIZE + 1024), 0};

	if (format == DETECT_CSV)
		put(&out, "Note,First Name,Contact\r\n");
	if (format == DETECT_JSON)
		put(&out, "[");
	if (format == DETECT_XML)
		put(&out, "<rows>\n");
	while (out.length < TEXT_SIZE)
		put_row(&out, format, &seed);
	return out;
}

/* ---- charsets and transfer encodings ------------------------------------------------------------ */

static size_t put_character(uint32_t code, unsigned charset, uint8_t *out)
{
	bool is_big = charset == CHARSET_UTF16BE || charset == CHARSET_UTF32BE;
	unsigned width = charset >= CHARSET_UTF32LE ? 4 : 2;

	if (charset == CHARSET_UTF8)
		return utf8_put(code, out);
	if (charset == CHARSET_WINDOWS_1252) {
		out[0] = windows_1252_byte(code);
		return 1;
	}
	for (unsigned i = 0; i < width; i++)
		out[is_big ? width - 1 - i : i] = (uint8_t)(code >> 8 * i);
	return width;
}

static struct bytes encode(const struct bytes *text, unsigned charset)
{
	struct bytes out = {malloc(4 * text->length + 4), 0};

	for (size_t at = 0; at < text->length; at += utf8_length(text->bytes[at]))
		out.length +=
			put_character(utf8_code(text->bytes + at), charset, out.bytes + out.length);
	return out;
}

static void put_base64(const struct bytes *from, struct bytes *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0, column = 0; i < from->length; i += 3) {
		uint32_t three = 0;

		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (i + k < from->length ? from->bytes[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			out->bytes[out->length++] =
				i + k > from->length ? '='
						     : (uint8_t)letters[three >> 6 * (3 - k) & 63];
		if (++column % 19 == 0)
			put(out, "\r\n");
	}
}

static void put_quoted(const struct bytes *from, struct bytes *out)
{
	for (size_t i = 0, column = 0; i < from->length; i++) {
		uint8_t byte = from->bytes[i];
		char escape[4];

		if (byte == '\n' || byte == '\r') {
			out->bytes[out->length++] = byte;
			column = 0;
			continue;
		}
		if (++column % 70 == 0)
			put(out, "=\r\n");
		snprintf(escape, sizeof(escape), byte & 1 ? "=%02X" : "=%02x", byte);
		if (byte == '=' || byte >= 0x80 || byte == '4' || byte == '@')
			put(out, escape);
		else
			out->bytes[out->length++] = byte;
	}
}

/* ---- looking through a file, window by window --------------------------------------------------- */

struct desk {
	struct detect_scanner *scanner;
	struct detect_work *work;
	struct detect_spans spans;
	struct detect_pieces pieces;
};

static struct desk *make_desk(void)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	assert_int_equal(detect_scanner_new(UINT64_MAX, NULL, customer, 1, &desk->scanner, NULL),
			 BL_OK);
	assert_int_equal(detect_work_new(&desk->work), BL_OK);
	return desk;
}

static void free_desk(struct desk *desk)
{
	detect_scanner_free(desk->scanner);
	detect_work_free(desk->work);
	detect_spans_free(&desk->spans);
	detect_pieces_free(&desk->pieces);
	free(desk);
}

typedef void window_fn(struct desk *desk, const struct detect_window *window, void *context);

static void look_through(struct desk *desk, const struct detect_profile *profile,
			 const struct bytes *file, window_fn *each, void *context)
{
	struct detect_state state = {0};

	for (size_t at = 0; at < file->length; at += DETECT_WINDOW) {
		size_t lead = BL_MIN(at, (size_t)DETECT_LEAD);
		size_t core = BL_MIN(file->length - at, (size_t)DETECT_WINDOW);
		size_t tail = BL_MIN(file->length - at - core, (size_t)DETECT_TAIL);
		/* Of its own: nothing around it may be looked at. */
		uint8_t *copy = malloc(lead + core + tail);
		struct detect_window window = {copy, lead, core, tail, at};

		memcpy(copy, file->bytes + at - lead, lead + core + tail);
		assert_int_equal(detect_look(desk->scanner, profile,
					     detect_is_local(profile) ? NULL : &state, &window,
					     desk->work, &desk->spans, &desk->pieces),
				 BL_OK);
		assert_int_equal(desk->pieces.items[0].start, at - lead);
		for (size_t i = 1; i < desk->pieces.count; i++)
			assert_int_equal(desk->pieces.items[i].start,
					 desk->pieces.items[i - 1].end);
		assert_int_equal(desk->pieces.items[desk->pieces.count - 1].end, at + core + tail);
		each(desk, &window, context);
		free(copy);
	}
}

struct masked {
	struct mask mask;
	uint8_t *out;
};

static void mask_each(struct desk *desk, const struct detect_window *window, void *context)
{
	struct masked *masked = context;
	size_t length = window->lead + window->core + window->tail;
	uint8_t *copy = malloc(length);

	memcpy(copy, window->bytes, length);
	assert_int_equal(mask_look(&masked->mask, &desk->pieces, copy, window->lead, window->core,
				   window->tail, window->offset, &desk->spans, desk->work),
			 BL_OK);
	assert_memory_equal(copy, window->bytes, window->lead);
	assert_memory_equal(copy + window->lead + window->core,
			    window->bytes + window->lead + window->core, window->tail);
	memcpy(masked->out + window->offset, copy + window->lead, window->core);
	free(copy);
}

static struct bytes mask_all(struct desk *desk, const struct detect_profile *profile,
			     const struct bytes *file, enum bl_style style)
{
	struct masked masked = {.out = malloc(file->length + 1)};

	memset(masked.mask.styles, (int)style, sizeof(masked.mask.styles));
	memset(masked.mask.key, 7, sizeof(masked.mask.key));
	look_through(desk, profile, file, mask_each, &masked);
	return (struct bytes){masked.out, file->length};
}

/* ---- laws ----------------------------------------------------------------------------------------- */

/* The model: walked and scanned as one text. */
static void find_whole(const struct desk *desk, const struct detect_profile *profile,
		       const struct bytes *text, struct detect_spans *out)
{
	struct text whole = {text->bytes, text->length};
	struct sink sink = {.spans = out, .classes = UINT64_MAX, .to = text->length};
	struct walk_out walked = {.sink = &sink};
	struct walk_state *state = calloc(1, sizeof(*state));

	if (!detect_is_local(profile))
		walk(profile, state, &whole, 0, text->length, &walked);
	assert_int_equal(walked.part_count, 0);
	assert_int_equal(scan_text(desk->scanner, &whole, 0, text->length, 0, out), BL_OK);
	spans_sort(out, 0);
	free(walked.parts);
	free(state);
}

struct expected {
	const struct detect_spans *whole; /* in bytes of the file */
	size_t found;
};

static bool touches(const struct detect_span *span, const struct detect_window *window)
{
	return span->offset < window->offset + window->core &&
	       span->offset + span->length > window->offset;
}

static void compare_each(struct desk *desk, const struct detect_window *window, void *context)
{
	struct expected *expected = context;
	const struct detect_spans *whole = expected->whole;
	size_t k = 0;

	for (size_t i = 0; i < desk->spans.count; i++) {
		const struct detect_span *span = &desk->spans.items[i];

		if (!touches(span, window))
			continue;
		while (k < whole->count && !touches(&whole->items[k], window))
			k++;
		if (k == whole->count || whole->items[k].offset != span->offset ||
		    whole->items[k].length != span->length || whole->items[k].class != span->class)
			fail_msg("window at %llu: %llu+%u of class %u; the whole file has %llu+%u "
				 "of class %u",
				 (unsigned long long)window->offset,
				 (unsigned long long)span->offset, span->length, span->class,
				 k < whole->count ? (unsigned long long)whole->items[k].offset : 0,
				 k < whole->count ? whole->items[k].length : 0,
				 k < whole->count ? whole->items[k].class : 0);
		k++;
		expected->found++;
	}
	for (; k < whole->count; k++)
		if (touches(&whole->items[k], window))
			fail_msg("window at %llu misses %llu+%u of class %u",
				 (unsigned long long)window->offset,
				 (unsigned long long)whole->items[k].offset, whole->items[k].length,
				 whole->items[k].class);
}

static void windows_find_what_the_whole_file_has(void **state)
{
	struct desk *desk = make_desk();

	(void)state;
	for (unsigned charset = 0; charset < CHARSET_COUNT; charset++)
		for (unsigned format = 0; format < DETECT_MAIL; format++) {
			struct detect_profile profile = {.charset = (uint8_t)charset,
							 .format = (uint8_t)format,
							 .separator = ','};
			struct bytes text = make_text(format, 100 * charset + format);
			struct bytes file = encode(&text, charset);
			struct detect_spans whole = {0};
			struct decoded decoded = {0};
			struct expected expected = {.whole = &whole};

			find_whole(desk, &profile, &text, &whole);
			assert_int_equal(decode(file.bytes, file.length, charset, TRANSFER_NONE, 0,
						&decoded),
					 BL_OK);
			assert_int_equal(decoded.length, text.length);
			for (size_t i = 0; i < whole.count; i++) {
				struct detect_span *span = &whole.items[i];
				size_t start = decoded_place(&decoded, span->offset);
				size_t end = decoded_end(&decoded, span->offset + span->length);

				span->offset = start;
				span->length = (uint32_t)(end - start);
			}
			look_through(desk, &profile, &file, compare_each, &expected);
			assert_true(expected.found > 500);
			decoded_free(&decoded);
			detect_spans_free(&whole);
			free(file.bytes);
			free(text.bytes);
		}
	free_desk(desk);
}

static void the_mask_is_that_of_the_text_whatever_the_charset(void **state)
{
	struct desk *desk = make_desk();

	(void)state;
	for (unsigned format = 0; format < DETECT_MAIL; format++)
		for (unsigned charset = 1; charset < CHARSET_COUNT; charset++) {
			enum bl_style style = STYLE_TOKEN;
			struct detect_profile profile = {.format = (uint8_t)format,
							 .separator = ','};
			struct bytes text = make_text(format, 7 * format + charset);
			struct bytes file = encode(&text, charset);
			struct bytes expected = mask_all(desk, &profile, &text, style), masked;
			struct decoded decoded = {0};
			size_t from = 0, to = 0;

			profile.charset = (uint8_t)charset;
			masked = mask_all(desk, &profile, &file, style);
			assert_int_equal(decode(masked.bytes, masked.length, charset, TRANSFER_NONE,
						0, &decoded),
					 BL_OK);
			/* What is fill is "**" for a letter of two bytes in UTF-8, and '*' in the others. */
			while (from < expected.length && to < decoded.length) {
				size_t stars = 0, fewer = 0;

				while (from < expected.length && expected.bytes[from] == '*')
					from++, stars++;
				while (to < decoded.length && decoded.bytes[to] == '*')
					to++, fewer++;
				assert_true((stars == 0) == (fewer == 0));
				if (from < expected.length && to < decoded.length &&
				    expected.bytes[from] != decoded.bytes[to])
					fail_msg("format %u, charset %u: '%.60s' became '%.60s'",
						 format, charset,
						 (char *)expected.bytes + from -
							 BL_MIN(from, (size_t)20),
						 (char *)decoded.bytes + to -
							 BL_MIN(to, (size_t)20));
				from++;
				to++;
			}
			assert_true(from >= expected.length && to >= decoded.length);
			decoded_free(&decoded);
			free(masked.bytes);
			free(expected.bytes);
			free(file.bytes);
			free(text.bytes);
		}
	free_desk(desk);
}

/* The bytes of the body of a mail: that of one part, which goes on to the end. */
static void bodies_of_mail_are_masked_as_their_text_is(void **state)
{
	static const struct {
		const char *name;
		unsigned charset;
	} charsets[] = {{"utf-8", CHARSET_UTF8},
			{"windows-1252", CHARSET_WINDOWS_1252},
			{"utf-16le", CHARSET_UTF16LE},
			{"utf-16be", CHARSET_UTF16BE}};
	struct desk *desk = make_desk();

	(void)state;
	for (unsigned i = 0; i < BL_COUNT(charsets); i++)
		for (unsigned transfer = TRANSFER_QUOTED_PRINTABLE; transfer <= TRANSFER_BASE64;
		     transfer++) {
			struct detect_profile plain = {0}, mail = {.format = DETECT_MAIL};
			struct bytes text = make_text(DETECT_PLAIN, i), file, body, expected,
				     masked;
			struct decoded decoded = {0};
			size_t head;

			if (charsets[i].charset > CHARSET_WINDOWS_1252 &&
			    transfer != TRANSFER_BASE64) {
				free(text.bytes);
				continue;
			}
			body = encode(&text, charsets[i].charset);
			file = (struct bytes){malloc(4 * body.length + 1024), 0};
			put(&file, "Subject: hello\r\nMIME-Version: 1.0\r\nContent-Type: "
				   "text/plain; charset=");
			put(&file, charsets[i].name);
			put(&file, "\r\nContent-Transfer-Encoding: ");
			put(&file, transfer == TRANSFER_BASE64 ? "base64" : "quoted-printable");
			put(&file, "\r\n\r\n");
			head = file.length;
			if (transfer == TRANSFER_BASE64)
				put_base64(&body, &file);
			else
				put_quoted(&body, &file);
			plain.charset = (uint8_t)charsets[i].charset;
			expected = mask_all(desk, &plain, &body, STYLE_TOKEN);
			masked = mask_all(desk, &mail, &file, STYLE_TOKEN);
			assert_memory_equal(masked.bytes, file.bytes, head);
			/* The bytes behind the transfer encoding, as characters of one byte. */
			assert_int_equal(decode(masked.bytes + head, masked.length - head,
						CHARSET_WINDOWS_1252, transfer, 0, &decoded),
					 BL_OK);
			{
				struct part_reader reader;
				struct part_character character;
				size_t at = 0;

				part_reader_start(&reader, masked.bytes + head,
						  masked.length - head, CHARSET_WINDOWS_1252,
						  transfer, 0);
				while (part_reader_next(&reader, &character)) {
					assert_true(at < expected.length);
					if (character.bytes[0].value != expected.bytes[at])
						fail_msg("%s, transfer %u: byte %zu: '%.80s'",
							 charsets[i].name, transfer, at,
							 (char *)expected.bytes + at -
								 BL_MIN(at, (size_t)40));
					at++;
				}
				assert_int_equal(at, expected.length);
			}
			decoded_free(&decoded);
			free(masked.bytes);
			free(expected.bytes);
			free(file.bytes);
			free(body.bytes);
			free(text.bytes);
		}
	free_desk(desk);
}

static void attachments_are_hidden_and_still_decode(void **state)
{
	static const char file[] =
		"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
		"boundary=x\r\n\r\n"
		"--x\r\nContent-Type: text/plain\r\n\r\nhello there\r\n"
		"--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		"iVBORw0KGgo\r\nAAAANSU=\r\n--x--\r\n";
	struct bytes bytes = {(uint8_t *)malloc(sizeof(file)), sizeof(file) - 1}, masked;
	struct detect_profile mail = {.format = DETECT_MAIL};
	struct desk *desk = make_desk();

	(void)state;
	memcpy(bytes.bytes, file, sizeof(file));
	masked = mask_all(desk, &mail, &bytes, STYLE_ORIGINAL);
	assert_non_null(memmem(masked.bytes, masked.length, "hello there", 11));
	assert_null(memmem(masked.bytes, masked.length, "iVBOR", 5));
	assert_non_null(
		memmem(masked.bytes, masked.length, "AAAAAAAAAAA\r\nAAAAAAA=\r\n--x--", 28));
	free(masked.bytes);
	free(bytes.bytes);
	free_desk(desk);
}

/* Base64 by its header, yet there to be read; text by its header, yet compressed. */
static void parts_that_are_not_what_they_say_are_hidden(void **state)
{
	static const char file[] =
		"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
		"boundary=x\r\n\r\n"
		"--x\r\nContent-Transfer-Encoding: base64\r\n\r\nwrite to kim@example.com\r\n"
		"--x\r\nContent-Transfer-Encoding: base64\r\n\r\nQlpoOTFBWSZTWQEC\r\n"
		"--x\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8gdGhlcmU=\r\n--x--\r\n";
	struct bytes bytes = {(uint8_t *)malloc(sizeof(file)), sizeof(file) - 1}, masked;
	struct detect_profile mail = {.format = DETECT_MAIL};
	struct desk *desk = make_desk();

	(void)state;
	memcpy(bytes.bytes, file, sizeof(file));
	masked = mask_all(desk, &mail, &bytes, STYLE_FILL);
	assert_null(memmem(masked.bytes, masked.length, "kim@", 4));
	assert_null(memmem(masked.bytes, masked.length, "QlpoOTFB", 8));
	assert_non_null(memmem(masked.bytes, masked.length, "aGVsbG8gdGhlcmU=", 16));
	free(masked.bytes);
	free(bytes.bytes);
	free_desk(desk);
}

static void a_window_that_lies_about_its_charset_is_read_byte_by_byte(void **state)
{
	static const char file[] = "caf\xe9, write to kim@example.com\n";
	struct bytes bytes = {(uint8_t *)malloc(sizeof(file)), sizeof(file) - 1}, masked;
	struct detect_profile plain = {0};
	struct desk *desk = make_desk();

	(void)state;
	memcpy(bytes.bytes, file, sizeof(file));
	masked = mask_all(desk, &plain, &bytes, STYLE_FILL);
	assert_memory_equal(masked.bytes, "caf\xe9, write to ***************\n", sizeof(file) - 1);
	free(masked.bytes);
	free(bytes.bytes);
	free_desk(desk);
}

static void nul_is_refused_and_the_state_goes_on(void **state)
{
	static const uint8_t bytes[] = "a,\0b\nc";
	struct detect_window window = {bytes, 0, sizeof(bytes) - 1, 0, 0};
	struct detect_profile csv = {.format = DETECT_CSV, .separator = ','}, plain = {0};
	struct detect_state at = {0};
	struct desk *desk = make_desk();

	(void)state;
	assert_int_equal(detect_look(desk->scanner, &csv, &at, &window, desk->work, &desk->spans,
				     &desk->pieces),
			 BL_UNSUPPORTED);
	assert_int_equal(at.offset, sizeof(bytes) - 1);
	assert_int_equal(detect_look(desk->scanner, &plain, NULL, &window, desk->work, &desk->spans,
				     &desk->pieces),
			 BL_UNSUPPORTED);
	free_desk(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_find_what_the_whole_file_has),
		cmocka_unit_test(the_mask_is_that_of_the_text_whatever_the_charset),
		cmocka_unit_test(bodies_of_mail_are_masked_as_their_text_is),
		cmocka_unit_test(attachments_are_hidden_and_still_decode),
		cmocka_unit_test(parts_that_are_not_what_they_say_are_hidden),
		cmocka_unit_test(a_window_that_lies_about_its_charset_is_read_byte_by_byte),
		cmocka_unit_test(nul_is_refused_and_the_state_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

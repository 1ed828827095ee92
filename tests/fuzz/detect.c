/* Any bytes as a file and as a name: spans stay inside, masks keep length, newlines and UTF-8; of "/PATTERN" and a newline
 * the rest is scanned with that pattern; windows agree with each other and with the whole, vector code with its scalar twin */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/parts.h"
#include "policy/mask/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void mask_in(const struct mask *mask, const uint8_t *bytes, size_t length,
		    const struct detect_spans *spans)
{
	uint8_t *copy = malloc(length ? length : 1);
	struct text text = {copy, length};

	if (!copy)
		return;
	memcpy(copy, bytes, length);
	mask_window(mask, copy, 0, length, 0, 0, spans);
	for (size_t i = 0; i < length; i++)
		require((copy[i] == '\n') == (bytes[i] == '\n'));
	require(text_is_utf8(&text, 0, length));
	free(copy);
}

/* Three of ours, compiled once: it takes longer than all the rest. */
static struct detect_custom *our_custom(void)
{
	static const struct detect_pattern ours[] = {
		{"NG-[0-9]{8}", CLASS_COUNT},
		{"\\b[a-m]{1,40}\u00e9?\\b", CLASS_COUNT + 1},
		{"[^a]b{1,3}|[\u00e0-\u00fc][0-9]", CLASS_COUNT + 1},
	};
	static struct detect_custom *custom;
	size_t bad;

	if (!custom)
		require(detect_custom_new(ours, BL_COUNT(ours), &custom, &bad, NULL) == BL_OK);
	return detect_custom_ref(custom);
}

/* The pattern on the first line, if it is one; else NULL. */
static struct detect_custom *make_custom(const uint8_t *bytes, size_t length)
{
	const uint8_t *end = length && bytes[0] == '/' ? memchr(bytes, '\n', length) : NULL;
	struct detect_custom *custom = NULL;
	struct bl_error why;
	char text[512];
	size_t bad;

	if (end && (size_t)(end - bytes) < sizeof(text)) {
		struct detect_pattern theirs = {text, CLASS_COUNT};

		memcpy(text, bytes + 1, (size_t)(end - bytes) - 1);
		text[end - bytes - 1] = '\0';
		if (detect_custom_new(&theirs, 1, &custom, &bad, &why) == BL_OK) {
			(void)detect_custom_finds(custom, CLASS_COUNT, (const char *)bytes, length);
			return custom;
		}
	}
	return NULL;
}

/* A scanner for them; with our own patterns made once, as its table of words takes longer than all the rest. */
static struct detect_scanner *make_scanner(const struct detect_custom *custom)
{
	static const struct detect_identity customer[] = {
		{IDENTITY_NAME, "Jörg Müller", false},
		{IDENTITY_EMAIL, "kim@example.com", false},
		{IDENTITY_PHONE, "+44 7700 900123", false},
		{IDENTITY_ADDRESS, "12 Harbour Street, TV1 2AB", false},
	};
	struct detect_scanner *scanner = NULL;

	require(detect_scanner_new(UINT64_MAX, custom, customer, BL_COUNT(customer), &scanner,
				   NULL) == BL_OK);
	return scanner;
}

static const struct detect_scanner *our_scanner(void)
{
	static struct detect_scanner *scanner;

	if (!scanner) {
		struct detect_custom *ours = our_custom();

		scanner = make_scanner(ours);
		detect_custom_unref(ours);
	}
	return scanner;
}

static size_t next_span(const struct detect_spans *spans, size_t i, uint64_t from)
{
	while (i < spans->count && spans->items[i].offset + spans->items[i].length <= from)
		i++;
	return i;
}

static void require_same(const struct detect_span *one, const struct detect_span *other)
{
	require(one->offset == other->offset && one->length == other->length &&
		one->class == other->class && one->is_sure == other->is_sure);
}

/* All that is set of the rows of bits, which stand one behind the other. */
static void compare_bits(const struct anchors *one, const struct anchors *other, size_t length)
{
	const uint64_t *ours = (const uint64_t *)one, *theirs = (const uint64_t *)other;
	size_t words = BL_MIN((size_t)SCAN_WORDS, (length + 63) / 64 + SCAN_AHEAD);

	for (size_t i = 0; i < sizeof(*one) / sizeof(*ours); i += SCAN_WORDS)
		require(memcmp(ours + i, theirs + i, words * sizeof(*ours)) == 0);
}

/* Both ways of telling bytes and words apart say the same. */
static void compare_twins(const uint8_t *bytes, size_t length)
{
	static struct anchors one, other;
	static struct words *words;
	static struct rows *rows;
	uint32_t found[FIND_WORDS], again[FIND_WORDS];

	if (!words)
		require(words_new(&words) == BL_OK && rows_new(UINT64_MAX, words, &rows) == BL_OK &&
			words_finish(words) == BL_OK);
	length = BL_MIN(length, (size_t)SCAN_REGION);
	if (!classify_has_avx2())
		return;

	struct text text = {bytes, length};

	classify_scalar(bytes, length, &one);
	classify_avx2(bytes, length, &other);
	compare_bits(&one, &other, length);
	for (size_t from = 0; from * 64 < length; from += FIND_BLOCKS) {
		size_t count =
			find_words_scalar(&text, 0, length, &one, from, words_filter(words), found);

		require(find_words_avx2(&text, 0, length, &one, from, words_filter(words), again) ==
				count &&
			memcmp(found, again, count * sizeof(*found)) == 0);
	}
}

/* A part of a text has the spans of the whole that touch it. */
static void compare_parts(const struct detect_scanner *scanner, const uint8_t *bytes, size_t length)
{
	struct text text = {bytes, length};
	struct detect_spans whole = {0}, part = {0};
	size_t from = length / 3, to = length - length / 4, k = 0;

	if (text_is_whole(&text) && scan_text(scanner, &text, 0, length, 5, &whole) == BL_OK &&
	    scan_text(scanner, &text, from, to, 5, &part) == BL_OK) {
		for (size_t i = 0; i < whole.count; i++) {
			const struct detect_span *span = &whole.items[i];

			if (span->offset + span->length <= from || span->offset >= to)
				continue;
			require(k < part.count);
			require_same(span, &part.items[k++]);
		}
		require(k == part.count);
	}
	detect_spans_free(&whole);
	detect_spans_free(&part);
}

/* The same bytes on a window's edge: both windows have the same matches around it. */
static void agree(const struct detect_scanner *scanner, const uint8_t *bytes, size_t length)
{
	size_t size = 2 * DETECT_WINDOW, core = DETECT_WINDOW;
	uint64_t from = core - DETECT_MARGIN, to = core + DETECT_MARGIN;
	struct detect_spans left = {0}, right = {0};
	uint8_t *file = malloc(size);

	length = BL_MIN(length, (size_t)DETECT_WINDOW);
	if (!file)
		return;
	memset(file, '\n', size);
	memcpy(file + core - length / 2, bytes, length);

	struct detect_window first = {file, 0, core, DETECT_TAIL, 0};
	struct detect_window second = {file + core - DETECT_LEAD, DETECT_LEAD, core, 0, core};

	if (detect_scan(scanner, &first, &left) == BL_OK &&
	    detect_scan(scanner, &second, &right) == BL_OK) {
		size_t i = next_span(&left, 0, from), k = next_span(&right, 0, from);

		for (; i < left.count && left.items[i].offset < to;
		     i = next_span(&left, i + 1, from), k = next_span(&right, k + 1, from)) {
			require(k < right.count);
			require_same(&left.items[i], &right.items[k]);
		}
		require(k == right.count || right.items[k].offset >= to);
	}
	detect_spans_free(&left);
	detect_spans_free(&right);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	BL_CLEANUP(detect_scanner_free) struct detect_scanner *own = NULL;
	BL_CLEANUP(detect_custom_unref) struct detect_custom *custom = make_custom(bytes, length);
	const struct detect_scanner *scanner;
	struct detect_spans spans = {0};
	struct detect_profile profile;
	struct mask mask = {0};
	size_t core = BL_MIN(length, (size_t)DETECT_WINDOW);
	struct detect_window window = {.bytes = bytes, .core = core, .tail = length - core};
	char out[MASK_NAME_SIZE];

	detect_profile(bytes, BL_MIN(length, (size_t)DETECT_HEAD), length, "x.eml", &profile);
	if (custom)
		own = make_scanner(custom);
	scanner = own ? own : our_scanner();
	if (detect_scan(scanner, &window, &spans) == BL_OK) {
		for (size_t i = 0; i < spans.count; i++) {
			require(spans.items[i].length > 0);
			require(spans.items[i].offset + spans.items[i].length <= length);
			require(spans.items[i].class == CLASS_PRIVATE_KEY ||
				spans.items[i].length <= SPAN_LIMIT);
		}
		for (unsigned style = 0; length == core && style <= STYLE_ORIGINAL; style++) {
			memset(mask.styles, (int)style, sizeof(mask.styles));
			mask_in(&mask, bytes, length, &spans);
		}
	}
	agree(scanner, bytes, length);
	compare_parts(scanner, bytes, length);
	compare_twins(bytes, length);
	length = BL_MIN(length, (size_t)255);
	if (detect_scan_name(scanner, (const char *)bytes, length, &spans) == BL_OK &&
	    mask_name(&mask, (const char *)bytes, length, &spans, 1, out)) {
		require(strlen(out) <= 255 && !strchr(out, '/'));
		require(mask_name_mark(out, strlen(out)) != NULL);
	}
	detect_spans_free(&spans);
	return 0;
}

/* Any bytes as a file and as a name: spans stay inside, masks keep length, newlines and UTF-8; of "/PATTERN" and a newline
 * the rest is scanned with that pattern: windows agree about its matches */
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

/* The pattern on the first line, if it is one. */
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
	return our_custom();
}

static size_t next_own(const struct detect_spans *spans, size_t i, uint64_t from)
{
	while (i < spans->count && (spans->items[i].class < CLASS_COUNT ||
				    spans->items[i].offset + spans->items[i].length <= from))
		i++;
	return i;
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
		size_t i = next_own(&left, 0, from), k = next_own(&right, 0, from);

		for (; i < left.count && left.items[i].offset < to;
		     i = next_own(&left, i + 1, from), k = next_own(&right, k + 1, from))
			require(k < right.count && left.items[i].offset == right.items[k].offset &&
				left.items[i].length == right.items[k].length &&
				left.items[i].class == right.items[k].class);
		require(k == right.count || right.items[k].offset >= to);
	}
	detect_spans_free(&left);
	detect_spans_free(&right);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct detect_identity customer[] = {
		{IDENTITY_NAME, "Jörg Müller", false},
		{IDENTITY_EMAIL, "kim@example.com", false},
		{IDENTITY_PHONE, "+44 7700 900123", false},
		{IDENTITY_ADDRESS, "12 Harbour Street, TV1 2AB", false},
	};
	BL_CLEANUP(detect_scanner_free) struct detect_scanner *scanner = NULL;
	BL_CLEANUP(detect_custom_unref) struct detect_custom *custom = make_custom(bytes, length);
	struct detect_spans spans = {0};
	struct detect_profile profile;
	struct mask mask = {0};
	size_t core = BL_MIN(length, (size_t)DETECT_WINDOW);
	struct detect_window window = {.bytes = bytes, .core = core, .tail = length - core};
	char out[MASK_NAME_SIZE];

	detect_profile(bytes, BL_MIN(length, (size_t)DETECT_HEAD), length, "x.eml", &profile);
	if (detect_scanner_new(UINT64_MAX, custom, customer, BL_COUNT(customer), &scanner, NULL) !=
	    BL_OK)
		return 0;
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
	length = BL_MIN(length, (size_t)255);
	if (detect_scan_name(scanner, (const char *)bytes, length, &spans) == BL_OK &&
	    mask_name(&mask, (const char *)bytes, length, &spans, 1, out)) {
		require(strlen(out) <= 255 && !strchr(out, '/'));
		require(mask_name_mark(out, strlen(out)) != NULL);
	}
	detect_spans_free(&spans);
	return 0;
}

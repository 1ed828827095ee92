/* Any bytes as a file and as a name: spans stay inside, masks keep length, newlines and UTF-8 */
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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct detect_identity customer[] = {
		{IDENTITY_NAME, "Jörg Müller"},
		{IDENTITY_EMAIL, "kim@example.com"},
		{IDENTITY_PHONE, "+44 7700 900123"},
		{IDENTITY_ADDRESS, "12 Harbour Street, TV1 2AB"},
	};
	BL_CLEANUP(detect_scanner_free) struct detect_scanner *scanner = NULL;
	struct detect_spans spans = {0};
	struct detect_profile profile;
	struct mask mask = {0};
	size_t core = BL_MIN(length, (size_t)DETECT_WINDOW);
	struct detect_window window = {.bytes = bytes, .core = core, .tail = length - core};
	char out[MASK_NAME_SIZE];

	detect_profile(bytes, BL_MIN(length, (size_t)DETECT_HEAD), length, "x.eml", &profile);
	if (detect_scanner_new(UINT64_MAX, NULL, customer, BL_COUNT(customer), &scanner, NULL) !=
	    BL_OK)
		return 0;
	if (detect_scan(scanner, &window, &spans) == BL_OK) {
		for (size_t i = 0; i < spans.count; i++) {
			require(spans.items[i].length > 0);
			require(spans.items[i].offset + spans.items[i].length <= length);
			require(spans.items[i].class == CLASS_PRIVATE_KEY ||
				spans.items[i].length <= SPAN_LIMIT);
		}
		for (unsigned style = 0; length == core && style < STYLE_COUNT; style++) {
			memset(mask.styles, (int)style, sizeof(mask.styles));
			mask_in(&mask, bytes, length, &spans);
		}
	}
	length = BL_MIN(length, (size_t)255);
	if (detect_scan_name(scanner, (const char *)bytes, length, &spans) == BL_OK &&
	    mask_name(&mask, (const char *)bytes, length, &spans, 1, out)) {
		require(strlen(out) <= 255 && !strchr(out, '/'));
		require(mask_name_mark(out, strlen(out)) != NULL);
	}
	detect_spans_free(&spans);
	return 0;
}

/* Any bytes as a table, a document, a card or a mail: no cut changes what is found, and what is found lies inside; then as a file that
 * names people. The first byte says which, the second where to cut */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/detect/kind.h"
#include "policy/detect/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

/* By byte: the class and whether it is in a part, charset and encoding of that. */
static uint16_t *walk_by(const struct detect_profile *profile, const struct text *text, size_t step,
			 struct walk_state *state)
{
	struct detect_spans spans = {0};
	struct sink sink = {.spans = &spans, .classes = ~UINT64_C(0), .to = text->length};
	struct walk_out out = {.sink = &sink};
	uint16_t *found = calloc(text->length + 1, sizeof(*found));

	require(found != NULL);
	memset(state, 0, sizeof(*state));
	for (size_t at = 0; at < text->length; at += step)
		walk(profile, state, text, at, BL_MIN(at + step, text->length), &out);
	for (size_t i = 0; i < spans.count; i++) {
		require(spans.items[i].offset + spans.items[i].length <= text->length);
		require(spans.items[i].length <= SPAN_LIMIT);
		for (size_t k = 0; k < spans.items[i].length; k++)
			found[spans.items[i].offset + k] |= 1;
	}
	for (size_t i = 0; i < out.part_count; i++) {
		const struct walk_part *part = &out.parts[i];

		require(part->start < part->end && part->end <= text->length);
		require(part->charset <= CHARSET_COUNT && part->phase < 16);
		for (size_t k = part->start; k < part->end; k++) {
			require(found[k] < 2); /* no byte is in two parts */
			found[k] |= (uint16_t)(2 | part->charset << 2 | part->transfer << 6);
		}
	}
	free(spans.items);
	free(out.parts);
	return found;
}

static void check_walk(const uint8_t *bytes, size_t length, uint8_t format, size_t step)
{
	static const char separators[] = ",;\t|";
	struct detect_profile profile = {
		.is_text = true, .format = format, .separator = separators[step % 4]};
	struct text text = {bytes, length};
	struct walk_state whole, cut;
	uint16_t *a = walk_by(&profile, &text, length + 1, &whole);
	uint16_t *b = walk_by(&profile, &text, step, &cut);

	require(memcmp(&whole, &cut, sizeof(whole)) == 0);
	require(memcmp(a, b, length * sizeof(*a)) == 0);
	free(a);
	free(b);
}

static void check_labels(const uint8_t *bytes, size_t length)
{
	struct detect_spans spans = {0};
	struct text text = {bytes, length};
	struct sink sink = {.spans = &spans, .classes = ~UINT64_C(0), .to = length};

	for (size_t at = 0; at < length; at++)
		if (bytes[at] == ':' || bytes[at] == '=')
			field_at(&text, at, &sink);
	for (size_t i = 0; i < spans.count; i++)
		require(spans.items[i].length <= SPAN_LIMIT &&
			spans.items[i].offset + spans.items[i].length <= length);
	free(spans.items);
}

static void check_harvest(const uint8_t *bytes, size_t length, unsigned source)
{
	struct detect_harvest *harvest;
	const struct detect_identity *items;
	char path[64];
	size_t count;

	memcpy(path, bytes, BL_MIN(length, sizeof(path) - 1));
	path[BL_MIN(length, sizeof(path) - 1)] = 0;
	require(detect_harvest_new(&harvest) == BL_OK);
	require(detect_harvest_file(harvest, (enum detect_source)source, path, bytes, length) ==
		BL_OK);
	items = detect_harvest_items(harvest, &count);
	for (size_t i = 0; i < count; i++)
		require(items[i].value[0] != 0);
	detect_harvest_source(path, strlen(path), source % 2);
	detect_harvest_free(harvest);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint8_t *copy;

	if (length < 2 || length > 1u << 16)
		return 0;
	copy = malloc(length - 2 ? length - 2
				 : 1); /* exactly as long: what reads further is seen */
	require(copy != NULL);
	memcpy(copy, bytes + 2, length - 2);
	check_walk(copy, length - 2, bytes[0] % DETECT_FORMAT_COUNT, 1u + bytes[1]);
	check_labels(copy, length - 2);
	check_harvest(copy, length - 2, bytes[0] % (DETECT_SOURCE_PROFILE + 1u));
	free(copy);
	return 0;
}

/* Parts decoded and written back; files of any charset and format, looked at and masked in windows */
#include <stdlib.h>
#include <string.h>

#include "policy/detect/charset.h"
#include "policy/detect/look.h"
#include "policy/mask/mask.h"

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* There and back: places, and nothing changes where nothing was masked. */
static void fuzz_part(const uint8_t *data, size_t size, unsigned charset, unsigned transfer,
		      unsigned phase)
{
	struct decoded decoded = {0};
	uint8_t *out = malloc(size + 1), *masked;

	check(decode(data, size, charset, transfer, phase, &decoded) == BL_OK);
	encode_back(&decoded, decoded.bytes, 0, size, out);
	check(memcmp(out, data, size) == 0);
	for (size_t at = 0; at < decoded.length; at += utf8_length(decoded.bytes[at])) {
		size_t place = decoded_place(&decoded, at);

		check(place < size && decoded_at(&decoded, place) == at);
	}
	masked = malloc(decoded.length + 1);
	memset(masked, '*', decoded.length);
	encode_back(&decoded, masked, 0, size, out);
	free(masked);
	free(out);
	decoded_free(&decoded);
}

static void fuzz_file(const struct detect_scanner *scanner, const struct detect_profile *profile,
		      const uint8_t *data, size_t size)
{
	struct detect_work *work = NULL;
	struct detect_spans spans = {0};
	struct detect_pieces pieces = {0};
	struct detect_state state = {0};
	struct detect_window window = {data, 0, size, 0, 0};
	struct mask mask = {.key = {1}};
	uint8_t *copy = malloc(size + 1);

	for (size_t i = 0; i < CLASS_LIMIT; i++)
		mask.styles[i] = (uint8_t)(i % (STYLE_COUNT + 1));
	check(detect_work_new(&work) == BL_OK);
	if (detect_look(scanner, profile, detect_is_local(profile) ? NULL : &state, &window, work,
			&spans, &pieces) == BL_OK) {
		uint64_t at = 0;

		for (size_t i = 0; i < pieces.count; i++) {
			check(pieces.items[i].start == at && pieces.items[i].end > at);
			at = pieces.items[i].end;
		}
		check(at == size);
		for (size_t i = 0; i < spans.count; i++)
			check(spans.items[i].length > 0 &&
			      spans.items[i].offset + spans.items[i].length <= size);
		memcpy(copy, data, size);
		check(mask_look(&mask, &pieces, copy, 0, size, 0, 0, &spans, work) == BL_OK);
	}
	free(copy);
	detect_spans_free(&spans);
	detect_pieces_free(&pieces);
	detect_work_free(work);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Made once: it costs more than all the rest. */
	static struct detect_scanner *scanner;
	struct detect_profile profile;

	if (!scanner)
		check(detect_scanner_new(UINT64_MAX, NULL, NULL, 0, &scanner, NULL) == BL_OK);
	if (size < 2 || size > DETECT_WINDOW)
		return 0;
	fuzz_part(data + 2, size - 2, data[0] % CHARSET_COUNT, data[0] / CHARSET_COUNT % 3,
		  data[1] % 16);
	detect_profile(data + 2, size - 2, size - 2, NULL, &profile);
	if (size > 2 && profile.is_text)
		fuzz_file(scanner, &profile, data + 2, size - 2);
	profile = (struct detect_profile){.charset = data[0] % CHARSET_COUNT,
					  .format = data[1] % DETECT_FORMAT_COUNT,
					  .separator = ','};
	if (size > 2)
		fuzz_file(scanner, &profile, data + 2, size - 2);
	return 0;
}

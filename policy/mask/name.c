/* File names: what is masked in them, and the mark by which they are found again */
#include "policy/mask/parts.h"

#include <sodium.h>
#include <string.h>

#define NAME_LIMIT	(MASK_NAME_SIZE - 1)
#define EXTENSION_LIMIT 8

void mask_mark(const uint8_t key[MASK_KEY], uint64_t node_id, char out[MASK_MARK + 1])
{
	uint8_t message[16 + 8] = "bailee name mark", hash[MASK_MARK < 16 ? 16 : MASK_MARK];

	bl_put64(message + 16, node_id);
	crypto_generichash(hash, sizeof(hash), message, sizeof(message), key, MASK_KEY);
	mask_letters(hash, MASK_MARK, out);
	out[MASK_MARK] = '\0';
}

static bool is_alnum(uint8_t byte)
{
	return mask_is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 26;
}

/* Where ".ext" begins; @length when the name has none that may be shown. */
static size_t extension_start(const char *name, size_t length)
{
	const char *dot = memrchr(name, '.', length);

	if (!dot || dot == name)
		return length;

	size_t at = (size_t)(dot - name), size = length - at - 1;

	if (size == 0 || size > EXTENSION_LIMIT)
		return length;
	for (size_t i = at + 1; i < length; i++)
		if (!is_alnum((uint8_t)name[i]))
			return length;
	return at;
}

static bool touches(const struct detect_spans *spans, size_t from, size_t to)
{
	for (size_t i = 0; i < spans->count; i++)
		if (spans->items[i].offset < to &&
		    spans->items[i].offset + spans->items[i].length > from)
			return true;
	return false;
}

bool mask_name(const struct mask *mask, const char *name, size_t length,
	       const struct detect_spans *spans, uint64_t node_id, char out[MASK_NAME_SIZE])
{
	uint8_t masked[MASK_NAME_SIZE];
	size_t stem, extension, room;

	length = BL_MIN(length, (size_t)NAME_LIMIT);
	memcpy(masked, name, length);
	if (spans->count == 0) {
		memcpy(out, masked, length);
		out[length] = '\0';
		return false;
	}
	struct mask_area area = {
		.bytes = masked, .length = length, .to = length, .shown = STYLE_FILL};

	mask_spans(mask, &area, spans);
	for (size_t i = 0; i < length; i++)
		if (masked[i] == '/' || masked[i] < ' ' || masked[i] == 0x7f)
			masked[i] = '_';
	stem = extension_start(name, length);
	if (stem < length && touches(spans, stem, length))
		stem = length;
	extension = length - stem;
	room = NAME_LIMIT - 1 - MASK_MARK - extension;
	if (stem > room) {
		size_t cut = room;

		/* Not in the middle of a character: what is left of it becomes '*'. */
		while (cut > 0 && room - cut < 4 && (masked[cut] & 0xc0) == 0x80)
			cut--;
		memset(masked + cut, '*', room - cut);
		memmove(masked + room, masked + stem, extension);
		stem = room;
	}
	memcpy(out, masked, stem);
	out[stem] = '~';
	mask_mark(mask->key, node_id, out + stem + 1);
	memcpy(out + stem + 1 + MASK_MARK, masked + stem, extension);
	out[stem + 1 + MASK_MARK + extension] = '\0';
	return true;
}

const char *mask_name_mark(const char *name, size_t length)
{
	size_t end = extension_start(name, length);

	/* A mark is the end of the name, or of what stands before the extension. */
	for (unsigned i = 0; i < 2; i++, end = length) {
		const char *mark = name + end - MASK_MARK;
		bool is_mark = end > MASK_MARK && mark[-1] == '~';

		for (size_t k = 0; is_mark && k < MASK_MARK; k++)
			is_mark = (mark[k] >= 'a' && mark[k] <= 'z') ||
				  (mark[k] >= '2' && mark[k] <= '7');
		if (is_mark)
			return mark;
	}
	return NULL;
}

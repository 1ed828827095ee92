#include "policy/mask/mask.h"
#include "policy/detect/verify.h"

#include <sodium.h>
#include <string.h>

#define VALUE_LIMIT                                                                                \
	DETECT_MARGIN /* a longer chain of spans is fill: no single value is that long */

/* A chain of overlapping spans, relative to the bytes at hand. */
struct chain {
	int64_t start, end;
	enum bl_style style;
	bl_classes whole;  /* classes of the spans that are as long as the chain */
	bl_classes hidden; /* classes of the spans that are not shown as they are */
};

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* Letters of any script count as alphanumeric, byte by byte; the punctuation of UTF-8 we tell from them. */
static bool is_alnum(uint8_t byte)
{
	return is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 26 || byte >= 0x80;
}

static bool is_newline(uint8_t byte)
{
	return byte == '\n' || byte == '\r';
}

static void fill(uint8_t *value, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_newline(value[i]))
			value[i] = '*';
}

/* ---- no valid numbers ------------------------------------------------------------------------ */

/* Would somebody's checksum take this for a real number? */
static bool is_valid_number(const uint8_t *value, size_t length)
{
	uint8_t digits[64];
	char characters[64];
	size_t digit_count = 0, count = 0;

	for (size_t i = 0; i < length && count < sizeof(characters); i++) {
		if (!is_alnum(value[i]) || value[i] >= 0x80)
			continue;
		if (is_digit(value[i]))
			digits[digit_count++] = (uint8_t)(value[i] - '0');
		characters[count++] = (char)(value[i] >= 'a' ? value[i] & 0xdf : value[i]);
	}
	if (digit_count == count && count >= 8 && verify_luhn(digits, digit_count))
		return true;
	return verify_iban(characters, count) ||
	       (count == 9 && digit_count == 9 && verify_ssn(digits));
}

/* Change one character of what is masked anyway, until no checksum fits. */
static void spoil(uint8_t *value, size_t length)
{
	for (size_t i = 0; i < length && is_valid_number(value, length); i++) {
		if (!is_alnum(value[i]))
			continue;
		value[i] = is_digit(value[i]) ? (uint8_t)(value[i] == '9' ? '8' : '9')
			   : value[i] == 'x'  ? 'y'
			   : value[i] == 'X'  ? 'Y'
			   : value[i] <= 'Z'  ? 'X'
					      : 'x';
	}
	if (is_valid_number(value, length))
		fill(value, length);
}

/* ---- styles ------------------------------------------------------------------------------------ */

static void shape(uint8_t *value, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = value[i];

		if (is_digit(byte))
			value[i] = '9';
		else if (byte >= 'A' && byte <= 'Z')
			value[i] = 'X';
		else if (is_alnum(byte))
			value[i] = 'x';
	}
	spoil(value, length);
}

/* What two spellings of one value share: its letters and digits; of a phone its last nine digits. */
static size_t normalize(const uint8_t *value, size_t length, bool is_phone,
			uint8_t out[VALUE_LIMIT])
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		if (is_phone ? is_digit(value[i]) : is_alnum(value[i]))
			out[count++] =
				value[i] >= 'A' && value[i] <= 'Z' ? value[i] | 0x20 : value[i];
	if (is_phone && count > 9) {
		memmove(out, out + count - 9, 9);
		count = 9;
	}
	return count;
}

static void letters_from(const uint8_t *bytes, size_t count, char *out)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (size_t i = 0; i < count; i++)
		out[i] = alphabet[bytes[i] & 31];
}

static void token(const struct mask *mask, uint8_t *value, size_t length, bool is_phone)
{
	uint8_t plain[VALUE_LIMIT], hash[64];
	size_t count = normalize(value, length, is_phone, plain), used = sizeof(hash);
	uint8_t block = 0;
	char letters[sizeof(hash)];

	for (size_t i = 0; i < length; i++) {
		if (!is_alnum(value[i]))
			continue;
		if (used == sizeof(hash)) {
			crypto_generichash_state state;

			crypto_generichash_init(&state, mask->key, MASK_KEY, sizeof(hash));
			crypto_generichash_update(&state, (const uint8_t *)"bailee token", 13);
			crypto_generichash_update(&state, &block, 1);
			crypto_generichash_update(&state, plain, count);
			crypto_generichash_final(&state, hash, sizeof(hash));
			letters_from(hash, sizeof(hash), letters);
			block++;
			used = 0;
		}
		value[i] = (uint8_t)letters[used++];
	}
	spoil(value, length);
	sodium_memzero(plain, sizeof(plain));
}

static size_t count_alnum(const uint8_t *value, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += is_alnum(value[i]);
	return count;
}

/* Only ASCII: what a number is made of. */
static size_t count_plain(const uint8_t *value, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += value[i] < 0x80 && is_alnum(value[i]);
	return count;
}

/* Keep the first @front and last @back digits, hide all other letters and digits. */
static void keep_digits(uint8_t *value, size_t length, size_t front, size_t back)
{
	size_t digits = 0, seen = 0;

	for (size_t i = 0; i < length; i++)
		digits += is_digit(value[i]);
	for (size_t i = 0; i < length; i++) {
		bool is_kept = is_digit(value[i]) && (seen < front || seen + back >= digits);

		seen += is_digit(value[i]);
		if (is_alnum(value[i]) && !is_kept)
			value[i] = '*';
	}
}

static void keep_domain(uint8_t *value, size_t length)
{
	const uint8_t *at = memrchr(value, '@', length);

	if (!at) {
		fill(value, length);
		return;
	}

	size_t local = (size_t)(at - value);

	if (2 * count_alnum(at, length - local) > count_alnum(value, length))
		fill(value, length);
	else
		fill(value, local);
}

/* The year is the one run of exactly four digits; anything else is no date we know. */
static void year_only(uint8_t *value, size_t length)
{
	size_t found = length, years = 0;

	for (size_t i = 0; i < length; i++) {
		size_t end = i;

		while (end < length && is_digit(value[end]))
			end++;
		if (end - i == 4) {
			found = i;
			years++;
		}
		if (end > i)
			i = end - 1;
	}
	if (years != 1 || count_alnum(value, length) < 8) {
		fill(value, length);
		return;
	}
	for (size_t i = 0; i < length; i++) {
		bool is_year = i >= found && i < found + 4;

		if (!is_year && is_alnum(value[i]))
			value[i] = '*';
	}
}

static void apply(const struct mask *mask, const struct chain *chain, uint8_t *value, size_t length)
{
	size_t plain = count_plain(value, length);
	bl_classes fitting = bl_style_classes(chain->style);
	/* a domain that is kept may have a card number in it */
	bool is_fit = chain->whole & fitting && !(chain->hidden & ~fitting);
	enum bl_style style = is_fit ? chain->style : STYLE_FILL;

	switch (style) {
	case STYLE_FILL:
		fill(value, length);
		break;
	case STYLE_SHAPE:
		shape(value, length);
		break;
	case STYLE_TOKEN:
		token(mask, value, length, chain->whole & CLASS_BIT(CLASS_PHONE));
		break;
	case STYLE_KEEP_DOMAIN:
		keep_domain(value, length);
		break;
	case STYLE_YEAR_ONLY:
		year_only(value, length);
		break;
	case STYLE_KEEP_LAST_4:
		if (plain < 8)
			fill(value, length);
		else
			keep_digits(value, length, 0, 4);
		break;
	case STYLE_KEEP_FIRST_6_LAST_4:
		/* PCI DSS 3.4.1 lets these ten of a card show; six at least must not. */
		if (plain < 16)
			fill(value, length);
		else
			keep_digits(value, length, 6, 4);
		break;
	case STYLE_COUNT:
		fill(value, length);
		break;
	}
}

/* ---- chains ------------------------------------------------------------------------------------ */

/* STYLE_ORIGINAL is the weakest, and @shown is what comes of it. */
static enum bl_style style_of(const struct mask *mask, enum bl_style shown,
			      const struct detect_span *span)
{
	uint8_t style = span->class < CLASS_LIMIT ? mask->styles[span->class] : (uint8_t)STYLE_FILL;

	if (span->class == CLASS_PRIVATE_KEY || style > STYLE_ORIGINAL)
		return STYLE_FILL;
	return style == STYLE_ORIGINAL ? shown : (enum bl_style)style;
}

/* The chain that begins with span @first; returns the first span behind it. */
static size_t chain_from(const struct mask *mask, enum bl_style shown,
			 const struct detect_spans *spans, size_t first, uint64_t origin,
			 struct chain *out)
{
	size_t next = first;

	out->start = (int64_t)(spans->items[first].offset - origin);
	out->end = out->start + spans->items[first].length;
	out->style = style_of(mask, shown, &spans->items[first]);
	for (; next < spans->count; next++) {
		const struct detect_span *span = &spans->items[next];
		int64_t start = (int64_t)(span->offset - origin);

		if (start >= out->end)
			break;
		out->end = BL_MAX(out->end, start + (int64_t)span->length);
		out->style = BL_MIN(out->style, style_of(mask, shown, span));
	}
	out->whole = out->hidden = 0;
	for (size_t i = first; i < next; i++) {
		const struct detect_span *span = &spans->items[i];

		if (style_of(mask, shown, span) != STYLE_ORIGINAL && span->class < CLASS_LIMIT)
			out->hidden |= CLASS_BIT(span->class);
		if ((int64_t)(span->offset - origin) == out->start &&
		    out->start + (int64_t)span->length == out->end && span->class < CLASS_LIMIT)
			out->whole |= CLASS_BIT(span->class);
	}
	/* Joined from parts: still a value for the styles that keep nothing. */
	if (!out->whole && out->style <= STYLE_TOKEN)
		out->whole = CLASS_BIT(CLASS_CUSTOMER);
	return next;
}

static void mask_bytes(const struct mask *mask, enum bl_style shown, uint8_t *bytes, size_t lead,
		       size_t core, size_t tail, uint64_t offset, const struct detect_spans *spans)
{
	uint64_t origin = offset - lead; /* file offset of bytes[0] */
	int64_t core_from = (int64_t)lead, core_to = (int64_t)(lead + core);
	int64_t from = core_from - (int64_t)BL_MIN(lead, (size_t)DETECT_MARGIN);
	int64_t to = core_to + (int64_t)BL_MIN(tail, (size_t)DETECT_MARGIN);

	for (size_t i = 0; i < spans->count;) {
		struct chain chain;
		uint8_t value[VALUE_LIMIT];

		i = chain_from(mask, shown, spans, i, origin, &chain);

		int64_t start = BL_MAX(chain.start, core_from), end = BL_MIN(chain.end, core_to);
		size_t length = (size_t)(chain.end - chain.start);

		if (start >= end)
			continue;
		/*
		 * Filling looks at one byte at a time: no need to have them all. Of a chain that is not all here
		 * we do not know what it hides: it is never shown.
		 */
		if (chain.style == STYLE_FILL || chain.start < from || chain.end > to ||
		    length > VALUE_LIMIT) {
			fill(bytes + start, (size_t)(end - start));
			continue;
		}
		if (chain.style == STYLE_ORIGINAL)
			continue;
		memcpy(value, bytes + chain.start, length);
		apply(mask, &chain, value, length);
		memcpy(bytes + start, value + (start - chain.start), (size_t)(end - start));
		sodium_memzero(value, length);
	}
}

void mask_window(const struct mask *mask, uint8_t *bytes, size_t lead, size_t core, size_t tail,
		 uint64_t offset, const struct detect_spans *spans)
{
	mask_bytes(mask, STYLE_ORIGINAL, bytes, lead, core, tail, offset, spans);
}

/* ---- names ------------------------------------------------------------------------------------- */

#define NAME_LIMIT	(MASK_NAME_SIZE - 1)
#define EXTENSION_LIMIT 8

void mask_mark(const uint8_t key[MASK_KEY], uint64_t node_id, char out[MASK_MARK + 1])
{
	uint8_t message[16 + 8] = "bailee name mark", hash[MASK_MARK < 16 ? 16 : MASK_MARK];

	bl_put64(message + 16, node_id);
	crypto_generichash(hash, sizeof(hash), message, sizeof(message), key, MASK_KEY);
	letters_from(hash, MASK_MARK, out);
	out[MASK_MARK] = '\0';
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
		if (!is_alnum((uint8_t)name[i]) || (uint8_t)name[i] >= 0x80)
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
	mask_bytes(mask, STYLE_FILL, masked, 0, length, 0, 0, spans);
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

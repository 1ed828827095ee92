/* Values in the styles of the policy language */
#include "policy/mask/parts.h"
#include "policy/detect/charset.h"
#include "policy/detect/verify.h"

#include <sodium.h>
#include <string.h>

/* Letters of any script count as alphanumeric, byte by byte. */
static bool is_alnum(uint8_t byte)
{
	return mask_is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 26 || byte >= 0x80;
}

static bool is_newline(uint8_t byte)
{
	return byte == '\n' || byte == '\r';
}

void mask_fill(uint8_t *value, size_t length)
{
	/* Without a branch: sixteen at a time. */
	for (size_t i = 0; i < length; i++)
		value[i] = is_newline(value[i]) ? value[i] : '*';
}

/* ---- no valid numbers ------------------------------------------------------------------------ */

/* Would somebody's checksum take this for a real number, whatever it was found as? */
static bool is_valid_number(const uint8_t *value, size_t length)
{
	uint8_t digits[64];
	char characters[64] = {0};
	size_t digit_count = 0, count = 0;

	for (size_t i = 0; i < length && count < sizeof(characters); i++) {
		if (!is_alnum(value[i]) || value[i] >= 0x80)
			continue;
		if (mask_is_digit(value[i]))
			digits[digit_count++] = (uint8_t)(value[i] - '0');
		characters[count++] = (char)(value[i] >= 'a' ? value[i] & 0xdf : value[i]);
	}
	if (digit_count == count && count >= 8 && verify_luhn(digits, digit_count))
		return true;
	return verify_iban(characters, count) ||
	       (count == 9 && digit_count == 9 && verify_ssn(digits));
}

bool mask_is_valid(bl_classes classes, const uint8_t *value, size_t length)
{
	if (is_valid_number(value, length))
		return true;
	for (classes &= CLASS_BIT(CLASS_COUNT) - 1; classes; classes &= classes - 1)
		if (detect_is_value((unsigned)__builtin_ctzll(classes), value, length))
			return true;
	return false;
}

/* Change one character of what is masked anyway, until no check fits. */
static void spoil(bl_classes classes, uint8_t *value, size_t length)
{
	for (size_t i = 0; i < length && mask_is_valid(classes, value, length); i++) {
		if (!is_alnum(value[i]) || value[i] >= 0x80)
			continue;
		value[i] = mask_is_digit(value[i]) ? (uint8_t)(value[i] == '9' ? '8' : '9')
			   : value[i] == 'x'	   ? 'y'
			   : value[i] == 'X'	   ? 'Y'
			   : value[i] <= 'Z'	   ? 'X'
						   : 'x';
	}
	if (mask_is_valid(classes, value, length))
		mask_fill(value, length);
}

/* ---- styles ------------------------------------------------------------------------------------ */

static void shape(bl_classes classes, uint8_t *value, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = value[i];

		if (mask_is_digit(byte))
			value[i] = '9';
		else if (byte >= 'A' && byte <= 'Z')
			value[i] = 'X';
		else if (is_alnum(byte))
			value[i] = 'x';
	}
	spoil(classes, value, length);
}

/* The character at @at: its bytes; one that is no UTF-8 counts as a byte. */
static size_t character_at(const uint8_t *value, size_t length, size_t at, uint32_t *out_code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = utf8_length(value[at]);

	*out_code = value[at] < 0x80 ? value[at] : CHARSET_BAD;
	if (size == 1 || size > length - at || value[at] < 0xc2 || value[at] > 0xf4)
		return 1;
	for (size_t i = 1; i < size; i++)
		if ((value[at + i] & 0xc0) != 0x80)
			return 1;

	uint32_t code = utf8_code(value + at);

	if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 1;
	*out_code = code;
	return size;
}

/* Signs of Latin-1 and General Punctuation separate, as those of ASCII do, and stay. */
static bool is_sign(uint32_t code)
{
	if (code < 0x80)
		return !is_alnum((uint8_t)code);
	if (code < 0xc0)
		return code != 0xaa && code != 0xb5 && code != 0xba;
	return code == 0xd7 || code == 0xf7 || (code >= 0x2000 && code < 0x2070) ||
	       code == 0x20ac || code == 0x2122 || code == 0x3000;
}

/* What two spellings of one value share: its letters and digits; of a phone its last nine digits. */
static size_t normalize(const uint8_t *value, size_t length, bool is_phone,
			uint8_t out[VALUE_LIMIT])
{
	size_t count = 0;

	for (size_t i = 0; i < length;) {
		uint32_t code;
		size_t size = character_at(value, length, i, &code);
		bool counts =
			is_phone ? code < 0x80 && mask_is_digit((uint8_t)code) : !is_sign(code);

		for (size_t k = i; counts && k < i + size; k++)
			out[count++] =
				value[k] >= 'A' && value[k] <= 'Z' ? value[k] | 0x20 : value[k];
		i += size;
	}
	if (is_phone && count > 9) {
		memmove(out, out + count - 9, 9);
		count = 9;
	}
	return count;
}

void mask_letters(const uint8_t *bytes, size_t count, char *out)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (size_t i = 0; i < count; i++)
		out[i] = alphabet[bytes[i] & 31];
}

/*
 * A letter of as many bytes of UTF-8, so that the same value has the same token in every charset: of two the letters of
 * ISO 8859-1, which windows-1252 writes as well; of three Hiragana; of four Deseret, two units of UTF-16 each.
 */
static void put_letter(uint8_t random, size_t size, uint8_t *out)
{
	static const uint32_t first[] = {0, 0, 0xdf, 0x304b, 0x10400};
	unsigned letter = random & 31;

	if (size == 1) {
		mask_letters(&random, 1, (char *)out);
		return;
	}
	if (size == 2 && first[2] + letter >= 0xf7) /* the division sign */
		letter++;
	utf8_put(first[size] + letter, out);
}

static void token(const struct mask *mask, bool is_phone, bl_classes classes, uint8_t *value,
		  size_t length)
{
	uint8_t plain[VALUE_LIMIT], hash[64];
	size_t count = normalize(value, length, is_phone, plain), used = sizeof(hash);
	uint8_t block = 0;

	for (size_t i = 0; i < length;) {
		uint32_t code;
		size_t size = character_at(value, length, i, &code);

		if (is_sign(code)) {
			i += size;
			continue;
		}
		if (used == sizeof(hash)) {
			crypto_generichash_state state;

			crypto_generichash_init(&state, mask->key, MASK_KEY, sizeof(hash));
			crypto_generichash_update(&state, (const uint8_t *)"bailee token", 13);
			crypto_generichash_update(&state, &block, 1);
			crypto_generichash_update(&state, plain, count);
			crypto_generichash_final(&state, hash, sizeof(hash));
			block++;
			used = 0;
		}
		put_letter(hash[used++], size, value + i);
		i += size;
	}
	spoil(classes, value, length);
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
		digits += mask_is_digit(value[i]);
	for (size_t i = 0; i < length; i++) {
		bool is_kept = mask_is_digit(value[i]) && (seen < front || seen + back >= digits);

		seen += mask_is_digit(value[i]);
		if (is_alnum(value[i]) && !is_kept)
			value[i] = '*';
	}
}

static void keep_domain(uint8_t *value, size_t length)
{
	const uint8_t *at = memrchr(value, '@', length);

	if (!at) {
		mask_fill(value, length);
		return;
	}

	size_t local = (size_t)(at - value);

	if (2 * count_alnum(at, length - local) > count_alnum(value, length))
		mask_fill(value, length);
	else
		mask_fill(value, local);
}

/* The year is the one run of exactly four digits; anything else is no date we know. */
static void year_only(uint8_t *value, size_t length)
{
	size_t found = length, years = 0;

	for (size_t i = 0; i < length; i++) {
		size_t end = i;

		while (end < length && mask_is_digit(value[end]))
			end++;
		if (end - i == 4) {
			found = i;
			years++;
		}
		if (end > i)
			i = end - 1;
	}
	if (years != 1 || count_alnum(value, length) < 8) {
		mask_fill(value, length);
		return;
	}
	for (size_t i = 0; i < length; i++) {
		bool is_year = i >= found && i < found + 4;

		if (!is_year && is_alnum(value[i]))
			value[i] = '*';
	}
}

void mask_style(const struct mask *mask, enum bl_style style, bool is_phone, bl_classes classes,
		uint8_t *value, size_t length)
{
	switch (style) {
	case STYLE_FILL:
	case STYLE_COUNT:
		mask_fill(value, length);
		break;
	case STYLE_SHAPE:
		shape(classes, value, length);
		break;
	case STYLE_TOKEN:
		token(mask, is_phone, classes, value, length);
		break;
	case STYLE_KEEP_DOMAIN:
		keep_domain(value, length);
		break;
	case STYLE_YEAR_ONLY:
		year_only(value, length);
		break;
	case STYLE_KEEP_LAST_4:
		if (count_plain(value, length) < 8)
			mask_fill(value, length);
		else
			keep_digits(value, length, 0, 4);
		break;
	case STYLE_KEEP_FIRST_6_LAST_4:
		/* PCI DSS 3.4.1 lets these ten of a card show; six at least must not. */
		if (count_plain(value, length) < 16)
			mask_fill(value, length);
		else
			keep_digits(value, length, 6, 4);
		break;
	}
}

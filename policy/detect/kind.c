/* The language of forms (kind.h), read as it stands: a form is shorter than any program made of it */
#include "policy/detect/kind.h"

#include <string.h>

#include "policy/detect/verify.h"

#define VALUE_LIMIT 128 /* letters and digits of a value; more than any standard has */

const struct kind_table *const kind_tables[] = {
	&kinds_government,
	&kinds_government_europe,
	&kinds_government_americas,
	&kinds_government_asia,
	&kinds_health,
	&kinds_payment,
	&kinds_phone,
	&kinds_device,
	&kinds_vehicle,
	&kinds_network,
	&kinds_secret,
	&kinds_crypto,
	&kinds_place,
	&kinds_birth,
	&kinds_person,
	&kinds_address,
};
const size_t kind_table_count = BL_COUNT(kind_tables);

/* ---- characters --------------------------------------------------------------------------------- */

/* A separator of the language at @at: its length and which one it is; 0: none. */
static size_t separator_at(const struct text *text, size_t at, uint8_t *out_which)
{
	const uint8_t *p = text->bytes + at;
	size_t left = text->length - at;

	if (left == 0)
		return 0;
	*out_which = *p;
	if (*p == ' ' || *p == '-' || *p == '.' || *p == '/')
		return 1;
	if (left >= 2 && p[0] == 0xc2 && p[1] == 0xa0) /* no-break space */
		return 2;
	if (left < 3 || p[0] != 0xe2 || p[1] != 0x80)
		return 0;
	*out_which = p[2];
	/* hyphen, non-breaking hyphen, en dash; narrow no-break space */
	return p[2] == 0x90 || p[2] == 0x91 || p[2] == 0x93 || p[2] == 0xaf ? 3 : 0;
}

static bool is_hex(uint8_t byte)
{
	return text_is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 6;
}

static bool fits_letter(char letter, uint8_t byte)
{
	switch (letter) {
	case 'd':
		return text_is_digit(byte);
	case 'a':
		return text_is_letter(byte);
	case 'x':
		return text_is_alnum(byte);
	default:
		return is_hex(byte);
	}
}

/* ---- one form ------------------------------------------------------------------------------------- */

struct reading {
	const struct text *text;
	size_t at;
	uint8_t dash, gap; /* the '-' and the '_' that were met: all of a form are alike */
	bool has_dash, has_gap;
};

/* "{n}" or "{n,m}" at @form; where it ends. */
static const char *read_bounds(const char *form, unsigned *out_least, unsigned *out_most)
{
	unsigned value = 0;

	*out_least = *out_most = 1;
	if (*form != '{')
		return form;
	for (form++; text_is_digit((uint8_t)*form); form++)
		value = value * 10 + (unsigned)(*form - '0');
	*out_least = value;
	if (*form == ',')
		for (value = 0, form++; text_is_digit((uint8_t)*form); form++)
			value = value * 10 + (unsigned)(*form - '0');
	*out_most = value;
	return *form == '}' ? form + 1 : form;
}

static bool read_run(struct reading *reading, char letter, unsigned least, unsigned most)
{
	unsigned count = 0;

	while (count < most && reading->at < reading->text->length &&
	       fits_letter(letter, reading->text->bytes[reading->at])) {
		reading->at++;
		count++;
	}
	return count >= least;
}

static bool read_dash(struct reading *reading)
{
	uint8_t which;
	size_t length = separator_at(reading->text, reading->at, &which);

	if (!length || (reading->has_dash && which != reading->dash))
		return false;
	reading->has_dash = true;
	reading->dash = which;
	reading->at += length;
	return true;
}

/* The first one says which it is, or that there are none. */
static bool read_gap(struct reading *reading)
{
	uint8_t which = 0;
	size_t length = separator_at(reading->text, reading->at, &which);

	if (!length)
		which = 0;
	if (reading->has_gap && which != reading->gap)
		return !reading->gap; /* none were: what follows does not fit anyway */
	reading->has_gap = true;
	reading->gap = which;
	reading->at += length;
	return true;
}

static bool read_plain(struct reading *reading, char letter)
{
	uint8_t want = (uint8_t)letter, byte;

	if (reading->at == reading->text->length)
		return false;
	byte = reading->text->bytes[reading->at++];
	return byte == want || (want >= 'A' && want <= 'Z' && byte == (want | 0x20));
}

/* Reads one element of a form; where the next is. */
static const char *read_element(struct reading *reading, const char *form, bool *out_fits)
{
	char letter = *form++;
	unsigned least, most;

	switch (letter) {
	case 'd':
	case 'a':
	case 'x':
	case 'h':
		form = read_bounds(form, &least, &most);
		*out_fits = read_run(reading, letter, least, most);
		break;
	case '-':
		*out_fits = read_dash(reading);
		break;
	case '_':
		*out_fits = read_gap(reading);
		break;
	default:
		if (letter == '\\' && *form)
			letter = *form++;
		*out_fits = read_plain(reading, letter);
		break;
	}
	return form;
}

/* Reads the form at @form; where it ends ('|' or the end) goes to @out_end. The value's end; @at when it does not fit. */
static size_t read_form(const char *form, const struct text *text, size_t at, const char **out_end)
{
	struct reading reading = {.text = text, .at = at};
	bool fits = true;

	while (fits && *form && *form != '|')
		form = read_element(&reading, form, &fits);
	while (*form && *form != '|')
		form += *form == '\\' && form[1] ? 2 : 1;
	*out_end = form;
	return fits ? reading.at : at;
}

/* ---- boundaries ------------------------------------------------------------------------------------- */

static bool joins_numbers(uint8_t byte)
{
	return byte == '-' || byte == '.' || byte == '/' || byte == ':';
}

static size_t digits_at(const struct text *text, size_t at)
{
	size_t end = at;

	while (end < text->length && end - at < 4 && text_is_digit(text->bytes[end]))
		end++;
	return end - at;
}

/* "1,234,567" goes on; "42,1234567" of a table does not. */
static bool continues_before(const struct text *text, size_t at)
{
	if (at < 2 || !text_is_digit(text->bytes[at - 2]))
		return false;
	return joins_numbers(text->bytes[at - 1]) ||
	       (text->bytes[at - 1] == ',' && digits_at(text, at) == 3 && at + 3 < text->length &&
		text->bytes[at + 3] == ',');
}

/* The same behind: "1234567,50 EUR" goes on as well. */
static bool continues_behind(const struct text *text, size_t end)
{
	size_t count;

	if (end + 1 >= text->length || !text_is_digit(text->bytes[end + 1]))
		return false;
	if (joins_numbers(text->bytes[end]))
		return true;
	if (text->bytes[end] != ',')
		return false;
	count = digits_at(text, end + 1);
	return count == 2 && end + 3 < text->length && memchr(" \t)", text->bytes[end + 3], 3);
}

static bool is_whole(const struct text *text, size_t at, size_t end)
{
	uint8_t first = text->bytes[at], last = text->bytes[end - 1];

	if ((text_is_alnum(first) || first >= 0x80) && !text_starts_word(text, at))
		return false;
	if ((text_is_alnum(last) || last >= 0x80) && !text_ends_word(text, end))
		return false;
	return !(text_is_digit(first) && continues_before(text, at)) &&
	       !(text_is_digit(last) && continues_behind(text, end));
}

/* ---- kinds -------------------------------------------------------------------------------------------- */

static bool passes(const struct kind *kind, const struct text *text, size_t at, size_t end)
{
	char value[VALUE_LIMIT + 1];
	size_t count = 0;

	if (!kind->check)
		return true;
	for (size_t i = at; i < end; i++) {
		uint8_t byte = text->bytes[i];

		if (!text_is_alnum(byte))
			continue;
		if (count == VALUE_LIMIT)
			return false;
		value[count++] = (char)(byte >= 'a' ? byte & 0xdf : byte);
	}
	value[count] = '\0';
	return kind->check(value, count);
}

size_t kind_end(const struct kind *kind, const struct text *text, size_t at)
{
	size_t best = at;

	if (at >= text->length)
		return at;
	if (kind->match) {
		size_t end = kind->match(text, at);

		return end > at && end - at <= SPAN_LIMIT && passes(kind, text, at, end) ? end : at;
	}
	for (const char *form = kind->forms; form && *form; form += *form == '|') {
		size_t end = read_form(form, text, at, &form);

		if (end > best && end - at <= SPAN_LIMIT && is_whole(text, at, end) &&
		    passes(kind, text, at, end))
			best = end;
	}
	return best;
}

/* ---- values ------------------------------------------------------------------------------------------- */

/* Cards and IBANs have no row: their parsers decide. */
static bool is_number_value(unsigned class, const uint8_t *bytes, size_t length)
{
	uint8_t digits[VALUE_LIMIT];
	char characters[VALUE_LIMIT];
	size_t count = 0, letters = 0;

	for (size_t i = 0; i < length; i++) {
		if (!text_is_alnum(bytes[i]))
			continue;
		if (count == VALUE_LIMIT)
			return false;
		letters += text_is_letter(bytes[i]);
		digits[count] = (uint8_t)(bytes[i] - '0');
		characters[count++] = (char)(bytes[i] >= 'a' ? bytes[i] & 0xdf : bytes[i]);
	}
	if (class == CLASS_CARD)
		return !letters && verify_card(digits, count);
	return class == CLASS_IBAN && count > 4 && verify_iban_length(characters) == count &&
	       verify_iban(characters, count);
}

bool detect_is_value(unsigned class, const uint8_t *bytes, size_t length)
{
	struct text text = {bytes, length};

	if (length == 0)
		return false;
	if (is_number_value(class, bytes, length))
		return true;
	for (size_t i = 0; i < kind_table_count; i++)
		for (size_t k = 0; k < kind_tables[i]->count; k++) {
			const struct kind *kind = &kind_tables[i]->rows[k];

			if (kind->class == class && kind->check &&
			    kind_end(kind, &text, 0) == length)
				return true;
		}
	return false;
}

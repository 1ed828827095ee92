/*
 * Places: decimal coordinates (as of RFC 5870, ISO 6709 annex H, RFC 7946), degrees with minutes and seconds (ISO 6709 annex D), Plus
 * Codes (Open Location Code 1.0) and what3words by label.
 *
 * Two numbers with four decimals each are eleven metres: that is where somebody was. Fewer decimals count behind "geo:" and in
 * addresses of maps, and by label.
 */
#include "policy/detect/kinds/place.h"

#include <string.h>
#include <strings.h>

#define SURE_DECIMALS  4
#define DECIMALS_LIMIT 17

/* One number as it stands. */
struct decimal {
	size_t start, end;
	unsigned whole, decimals;
	bool has_sign;
	uint8_t side; /* N, S, E, W; 0: not said */
};

static uint8_t byte_at(const struct text *text, size_t at)
{
	return at < text->length ? text->bytes[at] : 0;
}

static bool starts_with(const struct text *text, size_t at, const char *prefix)
{
	size_t length = strlen(prefix);

	return at <= text->length && text->length - at >= length &&
	       memcmp(text->bytes + at, prefix, length) == 0;
}

/* Length of the sign at @at: '-', '+', or the minus sign U+2212. */
static size_t sign_at(const struct text *text, size_t at)
{
	if (byte_at(text, at) == '-' || byte_at(text, at) == '+')
		return 1;
	return starts_with(text, at, "\u2212") ? 3 : 0;
}

static uint8_t side_at(const struct text *text, size_t at)
{
	uint8_t byte = byte_at(text, at) & 0xdf;

	/* O: ouest, oeste, Ost: a side, whichever it is */
	return byte != 0 && memchr("NSEWO", byte, 5) && text_ends_word(text, at + 1) ? byte : 0;
}

/* "-122.4194", "48.8577°", "48.8577° N"; false when none begins at @at. */
static bool read_decimal(const struct text *text, size_t at, unsigned least, struct decimal *out)
{
	size_t sign = sign_at(text, at), end = at + sign, gap;
	unsigned digits = 0;

	*out = (struct decimal){.start = at, .has_sign = sign > 0};
	for (; digits < 4 && text_is_digit(byte_at(text, end)); digits++, end++)
		out->whole = out->whole * 10 + (unsigned)(text->bytes[end] - '0');
	if (digits == 0 || digits > 3 || byte_at(text, end++) != '.')
		return false;
	for (; out->decimals <= DECIMALS_LIMIT && text_is_digit(byte_at(text, end)); end++)
		out->decimals++;
	if (out->decimals < least || out->decimals > DECIMALS_LIMIT || out->whole > 180)
		return false;
	if (starts_with(text, end, "\u00b0"))
		end += 2;
	gap = end + (byte_at(text, end) == ' ');
	out->side = side_at(text, gap);
	if (out->side)
		end = gap + 1;
	out->end = end;
	return text_ends_word(text, end) &&
	       !(byte_at(text, end) == '.' && text_is_digit(byte_at(text, end + 1))) &&
	       byte_at(text, end) != '%';
}

/* ---- pairs -------------------------------------------------------------------------------------- */

/* What stands between two numbers from @at on: at most a comma, a semicolon or a slash, with blanks around; @out_mark: which */
static size_t gap_at(const struct text *text, size_t at, uint8_t *out_mark)
{
	size_t end = at;

	*out_mark = ' ';
	while (end - at < 4) {
		uint8_t byte = byte_at(text, end);

		if (byte == ' ' || byte == '\t') {
			end++;
		} else if (byte != 0 && memchr(",;/|", byte, 4) && *out_mark == ' ') {
			*out_mark = byte;
			end++;
		} else if (starts_with(text, end, "%2C") || starts_with(text, end, "%2c")) {
			*out_mark = ',';
			end += 3;
		} else {
			break;
		}
	}
	return end;
}

static bool fit_together(const struct decimal *a, const struct decimal *b)
{
	if (a->side && b->side) /* a latitude and a longitude */
		return (memchr("NS", a->side, 2) != NULL) != (memchr("NS", b->side, 2) != NULL);
	return a->whole <= 90 || b->whole <= 90;
}

/* Is there another such number in front: a row of numbers, and no pair? */
static bool is_row_before(const struct text *text, size_t at, uint8_t mark)
{
	size_t from = at, decimals = 0;

	while (from > 0 && at - from < 3 && memchr(" \t,;/|", text->bytes[from - 1], 6))
		if (text->bytes[--from] == mark || mark == ' ')
			decimals = 1;
	if (from == at || !decimals)
		return false;
	for (decimals = 0;
	     from > 0 && decimals <= DECIMALS_LIMIT && text_is_digit(text->bytes[from - 1]); from--)
		decimals++;
	return decimals >= SURE_DECIMALS && from > 0 && text->bytes[from - 1] == '.';
}

static bool is_row(const struct text *text, const struct decimal *a, const struct decimal *b,
		   uint8_t mark)
{
	struct decimal next;
	uint8_t next_mark;
	size_t at = gap_at(text, b->end, &next_mark);

	if (a->side || b->side)
		return false;
	if (at > b->end && next_mark == mark && read_decimal(text, at, SURE_DECIMALS, &next))
		return true;
	return is_row_before(text, a->start, mark);
}

/* The pair whose first number begins at @at, sign included, with @least decimals; @at when there is none. */
static size_t pair_end(const struct text *text, size_t at, unsigned least, bool is_told)
{
	struct decimal first, second;
	uint8_t mark;
	size_t next;

	if (!read_decimal(text, at, least, &first))
		return at;
	next = gap_at(text, first.end, &mark);
	/* ISO 6709: "+48.8577+002.2950/" */
	if (next == first.end && !(first.has_sign && sign_at(text, next)))
		return at;
	if (!read_decimal(text, next, least, &second) || !fit_together(&first, &second))
		return at;
	/* Of tables of shares and the like both are below one. */
	if (!is_told &&
	    ((first.whole == 0 && second.whole == 0) || is_row(text, &first, &second, mark)))
		return at;
	return second.end;
}

/* Where pairs with fewer decimals stand. */
static bool is_map_before(const struct text *text, size_t at)
{
	static const char *const signs[] = {
		"geo:",	  "@",	    "?q=", "&q=",    "ll=",	"loc:",	    "query=",  "center=",
		"daddr=", "saddr=", "cp=", "point=", "/place/", "/search/", "latlng=", "q=loc:",
	};

	if (at == 0 || !memchr(":@=/", text->bytes[at - 1], 4)) /* what they all end with */
		return false;
	for (size_t i = 0; i < BL_COUNT(signs); i++) {
		size_t length = strlen(signs[i]);

		if (at >= length &&
		    strncasecmp((const char *)text->bytes + at - length, signs[i], length) == 0)
			return true;
	}
	return false;
}

/* Where the number really begins whose first digit is at @at. */
static size_t with_sign(const struct text *text, size_t at)
{
	if (at >= 1 && (text->bytes[at - 1] == '-' || text->bytes[at - 1] == '+'))
		return at - 1;
	return at >= 3 && starts_with(text, at - 3, "\u2212") ? at - 3 : at;
}

void place_at(const struct text *text, size_t at, struct sink *sink)
{
	size_t start = with_sign(text, at), end;
	bool is_map;

	/* Hardly ever a pair at all. */
	if (pair_end(text, start, 1, true) == start || !text_starts_word(text, start))
		return;
	is_map = is_map_before(text, start);
	end = pair_end(text, start, is_map ? 1 : SURE_DECIMALS, is_map);
	if (end > start)
		sink_add(sink, start, end, CLASS_LOCATION, true);
}

/* Behind a label: a pair with two decimals, or one number with three. */
static size_t match_coordinates(const struct text *text, size_t at)
{
	struct decimal decimal;
	size_t end;

	if (!text_starts_word(text, at) || (at > 0 && text->bytes[at - 1] == '.') ||
	    (with_sign(text, at) != at))
		return at;
	end = pair_end(text, at, 2, true);
	if (end == at && read_decimal(text, at, 3, &decimal))
		end = decimal.end;
	return end;
}

/* ---- degrees, minutes, seconds ------------------------------------------------------------------ */

/* Length of one of the signs at @at; 0: none. */
static size_t any_of(const struct text *text, size_t at, const char *const *signs)
{
	for (; *signs; signs++)
		if (starts_with(text, at, *signs))
			return strlen(*signs);
	return 0;
}
static const char *const degree_signs[] = {"\u00b0", "\u00ba", "&deg;", NULL};
static const char *const minute_signs[] = {"\u2032", "'", "\u2019", "\u00b4", NULL};
static const char *const second_signs[] = {"\u2033", "\\\"",	     "\"",	     "\u201d",
					   "''",     "\u2032\u2032", "\u2019\u2019", NULL};

/* Digits at @at, a fraction where @may_have_fraction; @at when there are none or they make @most and more. */
static size_t part_end(const struct text *text, size_t at, unsigned most)
{
	unsigned value = 0;
	size_t end = at;

	for (; end - at < 4 && text_is_digit(byte_at(text, end)); end++)
		value = value * 10 + (unsigned)(text->bytes[end] - '0');
	if (end == at || end - at > 3 || value >= most)
		return at;
	if ((byte_at(text, end) == '.' || byte_at(text, end) == ',') &&
	    text_is_digit(byte_at(text, end + 1)))
		for (end++; end - at < 20 && text_is_digit(byte_at(text, end));)
			end++;
	return end;
}

static size_t blank_end(const struct text *text, size_t at)
{
	while (byte_at(text, at) == ' ' || starts_with(text, at, "\u00a0"))
		at += byte_at(text, at) == ' ' ? 1 : 2;
	return at;
}

/* One angle from its first digit at @at: "48°51'30.1\"N", "48° 51.502' N", "N 48° 51'" has its side before. @out_has_side: behind */
static size_t angle_end(const struct text *text, size_t at, bool *out_has_side)
{
	size_t end = part_end(text, at, 181), sign, next;

	*out_has_side = false;
	if (end == at)
		return at;
	sign = blank_end(text, end);
	end = sign + any_of(text, sign, degree_signs);
	if (end == sign)
		return at;
	next = blank_end(text, end);
	if (part_end(text, next, 60) > next) {
		sign = blank_end(text, part_end(text, next, 60));
		if (any_of(text, sign, minute_signs)) {
			end = sign + any_of(text, sign, minute_signs);
			next = blank_end(text, end);
			sign = blank_end(text, part_end(text, next, 60));
			if (sign > next && any_of(text, sign, second_signs))
				end = sign + any_of(text, sign, second_signs);
		}
	}
	next = blank_end(text, end);
	*out_has_side = next - end <= 3 && side_at(text, next);
	return *out_has_side ? next + 1 : end;
}

/* Where the angle begins whose first digit is at @at: "N 48°..." */
static size_t side_before(const struct text *text, size_t at)
{
	size_t from = at;

	if (from > 0 && text->bytes[from - 1] == ' ')
		from--;
	return from > 0 && side_at(text, from - 1) && text_starts_word(text, from - 1) ? from - 1
										       : at;
}

void degree_at(const struct text *text, size_t at, struct sink *sink)
{
	size_t digit = at, start, end;
	bool has_side;

	while (digit > 0 && at - digit < 20 &&
	       (text_is_digit(text->bytes[digit - 1]) ||
		memchr(". ", text->bytes[digit - 1], 2) != NULL)) {
		if (text->bytes[digit - 1] == ' ' && digit < at)
			break;
		digit--;
	}
	if (!text_is_digit(byte_at(text, digit)) || !text_starts_word(text, digit))
		return;
	start = side_before(text, digit);
	end = angle_end(text, digit, &has_side);
	/* An angle or a temperature has no side. */
	if (end > digit && (has_side || start < digit))
		sink_add(sink, start, end, CLASS_LOCATION, true);
}

static size_t match_angle(const struct text *text, size_t at)
{
	size_t digit = at;
	bool has_side;
	size_t end;

	if (side_at(text, at) && text_starts_word(text, at))
		digit = blank_end(text, at + 1);
	digit += sign_at(text, digit);
	end = angle_end(text, digit, &has_side);
	return end > digit && (has_side || digit > at) ? end : at;
}

/* ---- codes -------------------------------------------------------------------------------------- */

/* Open Location Code: 20 characters, no vowels; '+' behind the eighth, or of a short one behind the fourth or sixth. */
static size_t match_plus_code(const struct text *text, size_t at)
{
	static const char alphabet[] = "23456789CFGHJMPQRVWX";
	size_t end = at, plus = 0;

	for (; end < text->length && end - at < 16; end++) {
		uint8_t byte = text->bytes[end];

		if (byte == '+' && !plus)
			plus = end;
		else if (!text_is_alnum(byte) ||
			 !strchr(alphabet, byte & (byte > '9' ? 0xdf : 0xff)))
			break;
	}
	if (!plus || (plus - at != 8 && plus - at != 6 && plus - at != 4) || end - plus < 3 ||
	    !text_starts_word(text, at) || !text_ends_word(text, end))
		return at;
	return end;
}

/* Three words with dots between, of any script. */
static size_t match_three_words(const struct text *text, size_t at)
{
	size_t end = at;
	unsigned dots = 0, length = 0;

	while (byte_at(text, end) == '/' && end - at < 3)
		end++;
	if (!text_starts_word(text, end))
		return at;
	while (end < text->length && end - at < 96) {
		int32_t code;
		size_t size = text_next(text, end, &code);

		if (code == '.' && length >= 3) {
			if (++dots == 3)
				break;
			length = 0;
		} else if (code >= '0' && code <= '9') {
			return at;
		} else if (text_is_word(code)) {
			length++;
		} else {
			break;
		}
		end += size;
	}
	if (dots == 3)
		return byte_at(text, end + 1) <= ' ' ? end : at;
	return dots == 2 && length >= 3 ? end : at;
}

static const char place_labels[] =
	"lat|latitude|lon|lng|long|longitude|lat lon|lat lng|latlng|latlon|lat long|gps|gps "
	"coordinates|gps position|coordinates|coordinate|coords|coord|geo|geolocation|geo "
	"location|location|position|point|waypoint|fix|gps fix|map|maps|pin|"
	"breitengrad|längengrad|breite|länge|koordinaten|koordinate|standort|ort|gps-koordinaten|"
	"gps-daten|coordonnées|coordonnées gps|emplacement|localisation|latitud|longitud|"
	"coordenadas|coordenadas gps|ubicación|posición|latitudine|longitudine|coordinate gps|"
	"posizione|localização|posição|coördinaten|breedtegraad|lengtegraad|locatie|współrzędne|"
	"szerokość|długość|położenie|latitud y longitud|gpslatitude|gpslongitude|gps latitude|gps "
	"longitude|last seen at|last known location";

static const struct kind rows[] = {
	{.id = "coordinates",
	 .standard = "ISO 6709, RFC 5870",
	 .class = CLASS_LOCATION,
	 .trust = KIND_LABELLED,
	 .forms = "d{1,3}|a_d",
	 .match = match_coordinates,
	 .labels = place_labels},
	{.id = "angles",
	 .standard = "ISO 6709 annex D",
	 .class = CLASS_LOCATION,
	 .trust = KIND_LABELLED,
	 .forms = "d{1,3}|a_d",
	 .match = match_angle,
	 .labels = place_labels},
	{.id = "plus-code",
	 .standard = "Open Location Code 1.0",
	 .class = CLASS_LOCATION,
	 .trust = KIND_LABELLED,
	 .match = match_plus_code,
	 .labels = "plus code|plus codes|pluscode|plus-code|plus_code|open location code|olc|"
		   "code plus|código plus|plus codes google|location|standort|ort"},
	{.id = "three-words",
	 .standard = "what3words",
	 .class = CLASS_LOCATION,
	 .trust = KIND_LABELLED,
	 .match = match_three_words,
	 .labels = "what3words|w3w|what 3 words|three words|three word address"},
};
const struct kind_table kinds_place = {rows, BL_COUNT(rows)};

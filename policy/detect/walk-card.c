/* Content lines: vCard 2.1, 3.0 (RFC 2426), 4.0 (RFC 6350), iCalendar (RFC 5545) and LDIF (RFC 2849) */
#include "policy/detect/walk-parts.h"

#include <string.h>

#define NAME_BYTES  48u /* of a property's name; longer ones say nothing */
#define PARAM_BYTES 24u /* of a parameter's name and value */

enum mode {
	NAME,	   /* of the property */
	PARAMETER, /* behind ';' */
	PARAMETER_VALUE,
	PARAMETER_QUOTED,
	COLON, /* behind ':': LDIF has a second one before base64 */
	SPACE, /* white space in front of LDIF's value */
	VALUE,
	LINE, /* behind a line end: does the line go on? */
};

struct card {
	uint8_t mode;
	uint8_t inner;	  /* the mode to go on with where a line is folded */
	uint8_t hidden;	  /* class of what is hidden now; 0: shown, else class + 1 */
	uint8_t class;	  /* the value's, packed; WALK_NONE */
	uint8_t is_parts; /* the value's components stand between ';' */
	uint8_t is_plain; /* no text: a picture, a key */
	uint8_t transfer, charset, phase;
	uint8_t folded;	    /* what was hidden where the line ended, in case it goes on */
	uint8_t is_soft;    /* the last byte of the line was '=' */
	uint8_t is_return;  /* the last byte was a CR */
	uint8_t is_ldif;    /* a "dn" was seen */
	uint8_t is_escaped; /* the last one was a '\\' */
	uint8_t is_begun;   /* the value's first byte was seen */
	uint8_t name_length, param_length, value_length;
	uint8_t name[NAME_BYTES];
	uint8_t param[PARAM_BYTES], value[PARAM_BYTES];
};
_Static_assert(sizeof(struct card) <= WALK_STATE, "the state has a fixed size");

/* Properties whose names are the format's own; all others are asked of field_rule. */
static const struct property {
	const char *name;
	uint8_t class; /* CLASS_COUNT: of none, whatever it is called */
	uint8_t is_parts;
	uint8_t strength;
} properties[] = {
	{"n", CLASS_NAME, 1, FIELD_SURE},
	{"fn", CLASS_NAME, 0, FIELD_SURE},
	{"cn", CLASS_NAME, 0, FIELD_SURE},
	{"sn", CLASS_NAME, 0, FIELD_SURE},
	{"gn", CLASS_NAME, 0, FIELD_SURE},
	{"dn", CLASS_NAME, 0, FIELD_SURE},
	{"uid", CLASS_COUNT, 0, FIELD_SURE}, /* of a card: a number; of LDIF: see below */
	{"member", CLASS_NAME, 0, FIELD_SURE},
	{"manager", CLASS_NAME, 0, FIELD_SURE},
	{"secretary", CLASS_NAME, 0, FIELD_SURE},
	{"displayname", CLASS_NAME, 0, FIELD_SURE},
	{"agent", CLASS_NAME, 0, FIELD_SURE},
	{"contact", CLASS_NAME, 0, FIELD_SURE},
	{"sort-string", CLASS_NAME, 0, FIELD_SURE},
	{"x-phonetic-first-name", CLASS_NAME, 0, FIELD_SURE},
	{"x-phonetic-last-name", CLASS_NAME, 0, FIELD_SURE},
	{"x-phonetic-middle-name", CLASS_NAME, 0, FIELD_SURE},
	{"x-maidenname", CLASS_NAME, 0, FIELD_SURE},
	{"x-spouse", CLASS_NAME, 0, FIELD_SURE},
	{"x-manager", CLASS_NAME, 0, FIELD_SURE},
	{"x-assistant", CLASS_NAME, 0, FIELD_SURE},
	{"x-abrelatednames", CLASS_NAME, 0, FIELD_SURE},
	{"related", CLASS_NAME, 0, FIELD_SURE},
	{"x-evolution-file-as", CLASS_NAME, 0, FIELD_SURE},
	{"x-skype", CLASS_NAME, 0, FIELD_SURE},
	{"x-skype-username", CLASS_NAME, 0, FIELD_SURE},
	{"x-aim", CLASS_NAME, 0, FIELD_SURE},
	{"x-icq", CLASS_NAME, 0, FIELD_SURE},
	{"x-msn", CLASS_EMAIL, 0, FIELD_SURE},
	{"x-jabber", CLASS_EMAIL, 0, FIELD_SURE},
	{"x-yahoo", CLASS_EMAIL, 0, FIELD_SURE},
	{"impp", CLASS_EMAIL, 0, FIELD_SURE},
	{"tel", CLASS_PHONE, 0, FIELD_SURE},
	{"adr", CLASS_ADDRESS, 1, FIELD_SURE},
	{"label", CLASS_ADDRESS, 0, FIELD_SURE},
	{"l", CLASS_ADDRESS, 0, FIELD_SURE},
	{"st", CLASS_ADDRESS, 0, FIELD_SURE},
	{"birthplace", CLASS_ADDRESS, 0, FIELD_SURE},
	{"deathplace", CLASS_ADDRESS, 0, FIELD_SURE},
	{"location", CLASS_ADDRESS, 0, FIELD_WEAK},
	{"x-apple-structured-location", CLASS_LOCATION, 0, FIELD_SURE},
	{"geo", CLASS_LOCATION, 0, FIELD_SURE},
	{"deathdate", CLASS_DATE_OF_BIRTH, 0, FIELD_SURE},
	{"name", CLASS_COUNT, 0, FIELD_SURE}, /* of a calendar, of a source */
	{"x-wr-calname", CLASS_NAME, 0, FIELD_WEAK},
	{"version", CLASS_COUNT, 0, FIELD_SURE},
};

static const char *const pictures[] = {"photo",
				       "logo",
				       "sound",
				       "key",
				       "jpegphoto",
				       "thumbnailphoto",
				       "usercertificate",
				       "attach",
				       "usersmimecertificate",
				       "audio"};

static bool is_picture(const uint8_t *name, size_t length)
{
	for (size_t i = 0; i < BL_COUNT(pictures); i++)
		if (length && text_lower(name[0]) == (uint8_t)pictures[i][0] &&
		    walk_same(name, length, pictures[i]))
			return true;
	return false;
}

/* What the name says, with the group in front ("item1.TEL") and LDIF's options behind (";binary") aside. */
static void end_name(struct card *card, struct walk_run *run)
{
	const uint8_t *name = card->name, *dot = memrchr(card->name, '.', card->name_length);
	size_t length = card->name_length;
	struct field_rule rule;

	card->class = WALK_NONE;
	card->is_parts = card->is_plain = 0;
	card->transfer = TRANSFER_NONE;
	card->charset = CHARSET_UTF8;
	card->is_begun = card->is_escaped = 0;
	card->phase = 0;
	if (length == NAME_BYTES)
		return;
	if (dot) {
		length -= (size_t)(dot + 1 - name);
		name = dot + 1;
	}
	card->is_plain = is_picture(name, length);
	card->is_ldif |= walk_same(name, length, "dn");
	if (card->is_ldif && walk_same(name, length, "uid")) {
		card->class = walk_pack((struct field_rule){CLASS_NAME, FIELD_SURE});
		return;
	}
	for (size_t i = 0; length && i < BL_COUNT(properties); i++)
		if (text_lower(name[0]) == (uint8_t)properties[i].name[0] &&
		    walk_same(name, length, properties[i].name)) {
			rule.class = properties[i].class;
			rule.strength = properties[i].strength;
			card->class = walk_pack(rule);
			card->is_parts = properties[i].is_parts;
			return;
		}
	rule = field_remember(&run->memo, name, length);
	if (rule.strength != FIELD_BESIDE)
		card->class = walk_pack(rule);
}

/* ---- parameters ------------------------------------------------------------------------------- */

static struct field_rule rule_of_parameter(const struct card *card)
{
	static const struct {
		const char *name;
		uint8_t class;
	} names[] = {
		{"cn", CLASS_NAME},	    {"sort-as", CLASS_NAME}, {"label", CLASS_ADDRESS},
		{"email", CLASS_EMAIL},	    {"geo", CLASS_LOCATION}, {"x-address", CLASS_ADDRESS},
		{"x-title", CLASS_ADDRESS},
	};

	for (size_t i = 0; i < BL_COUNT(names); i++)
		if (walk_same(card->param, card->param_length, names[i].name))
			return (struct field_rule){names[i].class, FIELD_SURE};
	return FIELD_NONE;
}

static void begin_hidden(struct card *card, struct walk_run *run, struct field_rule rule, size_t at)
{
	card->hidden = rule.class < CLASS_COUNT ? (uint8_t)(rule.class + 1) : 0;
	run->open = at;
}

static void end_hidden(struct card *card, struct walk_run *run, size_t at)
{
	if (card->hidden)
		walk_field(run, run->open, at, card->hidden - 1u);
	card->hidden = 0;
}

/* "ENCODING=b", "CHARSET=ISO-8859-1", and vCard 2.1's "QUOTED-PRINTABLE" without a name */
static void end_parameter(struct card *card)
{
	const uint8_t *value = card->value_length ? card->value : card->param;
	size_t length = card->value_length ? card->value_length : card->param_length;
	bool is_encoding =
		!card->value_length || walk_same(card->param, card->param_length, "encoding");

	if (is_encoding && walk_same(value, length, "quoted-printable"))
		card->transfer = TRANSFER_QUOTED_PRINTABLE;
	else if (is_encoding && (walk_same(value, length, "base64") ||
				 (card->value_length && walk_same(value, length, "b"))))
		card->transfer = TRANSFER_BASE64;
	else if (walk_same(card->param, card->param_length, "charset"))
		card->charset = (uint8_t)walk_charset(value, length);
	card->param_length = card->value_length = 0;
}

static void parameter_byte(struct card *card, struct walk_run *run, size_t at)
{
	uint8_t byte = run->text->bytes[at];

	if (byte == '=' && card->mode == PARAMETER) {
		card->mode = PARAMETER_VALUE;
		card->value_length = 0;
		card->is_begun = 0;
	} else if (byte == ';' || byte == ':') {
		end_hidden(card, run, at);
		end_parameter(card);
		card->is_begun = 0;
		card->mode = byte == ';' ? PARAMETER : COLON;
	} else if (byte == '"' && card->mode == PARAMETER_VALUE) {
		end_hidden(card, run, at);
		card->mode = PARAMETER_QUOTED;
		card->is_begun = 0;
	} else if (card->mode == PARAMETER) {
		if (card->param_length < PARAM_BYTES)
			card->param[card->param_length++] = byte;
	} else {
		if (!card->is_begun)
			begin_hidden(card, run, rule_of_parameter(card), at);
		card->is_begun = 1;
		if (card->value_length < PARAM_BYTES)
			card->value[card->value_length++] = byte;
	}
}

/* ---- values ----------------------------------------------------------------------------------- */

/* What [start, end) of a value is written in, when that is another way than the file. */
static void tell_part(struct card *card, struct walk_run *run, size_t start, size_t end)
{
	if (card->mode != VALUE || start >= end)
		return;
	if (card->is_plain && card->transfer == TRANSFER_NONE)
		return;
	if (card->transfer == TRANSFER_NONE && card->charset == CHARSET_UTF8)
		return;
	walk_part(run, start, end, card->is_plain ? CHARSET_COUNT : card->charset, card->transfer,
		  card->phase);
	if (card->transfer == TRANSFER_BASE64)
		card->phase = (uint8_t)walk_phase(run->text, start, end, card->phase);
}

/* "PHOTO:data:image/jpeg;base64,...": from the ',' on it is base64. Returns where the value begins. */
static size_t skip_data(struct card *card, const struct text *text, size_t at)
{
	size_t limit = BL_MIN(text->length, at + 80);

	if (!card->is_plain || text->length - at < 5 || !walk_same(text->bytes + at, 5, "data:"))
		return at;
	for (size_t i = at; i + 7 < limit && text->bytes[i] != '\n'; i++)
		if (memcmp(text->bytes + i, "base64,", 7) == 0)
			return i + 7;
	return at;
}

static void begin_value(struct card *card, struct walk_run *run, size_t at)
{
	struct field_rule rule = walk_unpack(card->class);

	card->hidden = 0;
	if (rule.class == CLASS_COUNT)
		return;
	if (rule.strength != FIELD_SURE) {
		size_t limit = BL_MIN(run->text->length, at + FIELD_VALUE), end = at;

		while (end < limit && run->text->bytes[end] != '\n' &&
		       run->text->bytes[end] != '\r')
			end++;
		if (card->transfer == TRANSFER_NONE && !field_fits(rule, run->text, at, end))
			return;
	}
	begin_hidden(card, run, rule, at);
}

/* The end of this line's stretch of the value. */
static size_t stretch_end(const struct walk_run *run, size_t at)
{
	const uint8_t *bytes = run->text->bytes, *end = memchr(bytes + at, '\n', run->to - at);
	const uint8_t *limit = end ? end : bytes + run->to;
	const uint8_t *back = memchr(bytes + at, '\r', (size_t)(limit - bytes) - at);

	return (size_t)((back ? back : limit) - bytes);
}

/* "Larsen;Kim;;;": each component is a value, so that what is between them stays. */
static void components(struct card *card, struct walk_run *run, size_t at, size_t end)
{
	for (; at < end; at++) {
		if (run->text->bytes[at] == ';' && !card->is_escaped) {
			end_hidden(card, run, at);
			begin_hidden(card, run, walk_unpack(card->class), at + 1);
		}
		card->is_escaped = run->text->bytes[at] == '\\' && !card->is_escaped;
	}
}

static size_t in_value(struct card *card, struct walk_run *run, size_t at)
{
	size_t end;

	if (!card->is_begun) {
		if (skip_data(card, run->text, at) > at)
			card->transfer =
				TRANSFER_BASE64; /* the few letters in front are hidden as well */
		begin_value(card, run, at);
		card->is_begun = 1;
	}
	end = stretch_end(run, at);
	if (card->is_parts && card->hidden)
		components(card, run, at, end);
	card->is_soft = end > at && run->text->bytes[end - 1] == '=';
	tell_part(card, run, at, end);
	return end;
}

/* ---- lines ------------------------------------------------------------------------------------ */

/* Some phones wrote base64 without the space that folds: a line of nothing else belongs to it. */
static bool is_base64_line(const struct text *text, size_t at)
{
	size_t limit = BL_MIN(text->length, at + 200), start = at;

	while (at < limit && (text_is_alnum(text->bytes[at]) || memchr("+/=", text->bytes[at], 3)))
		at++;
	return at > start && (at == limit || text->bytes[at] == '\n' || text->bytes[at] == '\r');
}

static void begin_line(struct card *card)
{
	card->mode = NAME;
	card->name_length = card->param_length = card->value_length = 0;
	card->is_soft = 0;
	card->is_begun = 0;
	card->transfer = TRANSFER_NONE;
}

/* Does the line that ends at @at, "\r\n" or one of them, go on in the next one? */
static bool goes_on(const struct card *card, const struct text *text, size_t at, bool is_value)
{
	if (text->bytes[at] == '\r' && at + 1 < text->length && text->bytes[at + 1] == '\n')
		at++;
	if (++at >= text->length)
		return false;
	return text->bytes[at] == ' ' || text->bytes[at] == '\t' ||
	       (is_value && card->transfer == TRANSFER_QUOTED_PRINTABLE && card->is_soft) ||
	       (is_value && card->transfer == TRANSFER_BASE64 && is_base64_line(text, at));
}

/* What is between two lines of an encoded value belongs to it: what was written across both is read as one. */
static void tell_fold(struct card *card, struct walk_run *run, size_t at)
{
	if (card->transfer != TRANSFER_NONE && !card->is_plain && card->is_begun)
		walk_part(run, at, at + 1, card->charset, card->transfer, card->phase);
}

static void end_line(struct card *card, struct walk_run *run, size_t at)
{
	if (card->mode == VALUE && goes_on(card, run->text, at, true))
		tell_fold(card, run, at);
	card->folded = card->hidden;
	end_hidden(card, run, at);
	card->inner = card->mode == COLON || card->mode == SPACE ? VALUE : card->mode;
	card->mode = LINE;
	card->is_return = run->text->bytes[at] == '\r';
}

/* Behind a line end: does the line go on here? Of a fold the first white space is no part of it. */
static size_t next_line(struct card *card, struct walk_run *run, size_t at)
{
	uint8_t byte = run->text->bytes[at];
	bool is_value = card->inner == VALUE, is_return = card->is_return;

	card->is_return = 0;
	if (byte == '\n' && is_return) {
		if (is_value && goes_on(card, run->text, at, true))
			tell_fold(card, run, at);
		return at + 1;
	}
	if (byte == ' ' || byte == '\t') {
		if (is_value && card->transfer == TRANSFER_BASE64)
			tell_fold(card, run, at);
		at++;
	} else if (!(is_value && card->transfer == TRANSFER_QUOTED_PRINTABLE && card->is_soft) &&
		   !(is_value && card->transfer == TRANSFER_BASE64 &&
		     is_base64_line(run->text, at))) {
		begin_line(card);
		return at;
	}
	card->mode = card->inner;
	card->hidden = card->folded;
	run->open = at;
	return at;
}

static size_t behind_colon(struct card *card, uint8_t byte, size_t at)
{
	if (card->mode == COLON && byte == ':') {
		card->transfer = TRANSFER_BASE64; /* LDIF */
		card->mode = SPACE;
		return at + 1;
	}
	card->mode = byte == ' ' ? SPACE : VALUE;
	return at + (byte == ' ');
}

static size_t in_name(struct card *card, struct walk_run *run, size_t at)
{
	uint8_t byte = run->text->bytes[at];

	if (byte == ':' || byte == ';') {
		end_name(card, run);
		card->mode = byte == ':' ? COLON : PARAMETER;
	} else if (card->name_length < NAME_BYTES) {
		card->name[card->name_length++] = byte;
	}
	return at + 1;
}

void walk_card(void *state, struct walk_run *run)
{
	struct card *card = state;

	for (size_t at = run->from; at < run->to;) {
		uint8_t byte = run->text->bytes[at];

		if ((byte == '\n' || byte == '\r') && card->mode != LINE) {
			end_line(card, run, at++);
			continue;
		}
		switch ((enum mode)card->mode) {
		case NAME:
			at = in_name(card, run, at);
			break;
		case PARAMETER:
		case PARAMETER_VALUE:
			parameter_byte(card, run, at++);
			break;
		case PARAMETER_QUOTED:
			if (byte == '"') {
				end_hidden(card, run, at);
				card->mode = PARAMETER_VALUE;
				card->is_begun = 1;
			} else if (!card->is_begun) {
				begin_hidden(card, run, rule_of_parameter(card), at);
				card->is_begun = 1;
			}
			at++;
			break;
		case COLON:
		case SPACE:
			at = behind_colon(card, byte, at);
			break;
		case VALUE:
			at = in_value(card, run, at);
			break;
		case LINE:
			at = next_line(card, run, at);
			break;
		}
	}
	if (card->hidden)
		walk_field(run, run->open, run->to, card->hidden - 1u);
}

/* Cards, mail, tables of contacts, git's and browsers' files: the names, addresses and numbers in them, decoded. */
#include "policy/detect/harvest-parts.h"
#include "policy/detect/walk-parts.h"

#include <string.h>

/* ---- lines ------------------------------------------------------------------------------------ */

struct lines {
	const struct text *text;
	size_t at;
};

static size_t line_end(const struct text *text, size_t at)
{
	const uint8_t *end = memchr(text->bytes + at, '\n', text->length - at);

	return end ? (size_t)(end - text->bytes) : text->length;
}

/*
 * The next logical line into @line: folded ones joined (RFC 6350, 3.2: the white space goes; RFC 5322, 2.2.3: it stays), "=" at the
 * end of a line of quoted-printable too. Returns its length; -1 at the end.
 */
static long next_line(struct lines *lines, uint8_t line[HARVEST_LINE], bool keeps_space)
{
	const struct text *text = lines->text;
	size_t used = 0;
	bool is_quoted = false;

	if (lines->at >= text->length)
		return -1;
	for (;;) {
		size_t end = line_end(text, lines->at), stop = end;

		while (stop > lines->at && text->bytes[stop - 1] == '\r')
			stop--;
		size_t length = BL_MIN(stop - lines->at, HARVEST_LINE - used);

		memcpy(line + used, text->bytes + lines->at, length);
		used += length;
		lines->at = end + (end < text->length);
		if (lines->at >= text->length)
			break;
		if (!keeps_space && !is_quoted)
			is_quoted = memmem(line, used, "QUOTED-PRINTABLE", 16) != NULL;
		if (is_quoted && used && line[used - 1] == '=') {
			used--;
			continue;
		}
		uint8_t next = text->bytes[lines->at];

		if (used == 0 || (next != ' ' && next != '\t'))
			break;
		lines->at += !keeps_space;
	}
	return (long)used;
}

/* [bytes, bytes + length) of another charset or encoding as UTF-8; NULL when it cannot be had. */
static const struct decoded *decode_value(struct detect_harvest *harvest, const uint8_t *bytes,
					  size_t length, unsigned charset, unsigned transfer)
{
	if (charset >= CHARSET_COUNT)
		return NULL;
	if (decode(bytes, length, charset, transfer, 0, &harvest->decoded) != BL_OK) {
		harvest->has_failed = true;
		return NULL;
	}
	return &harvest->decoded;
}

/* ---- cards ------------------------------------------------------------------------------------ */

struct card_line {
	const uint8_t *name, *value;
	size_t name_length, length;
	unsigned charset, transfer;
};

static void read_parameter(struct card_line *out, const uint8_t *bytes, size_t length)
{
	const uint8_t *equals = memchr(bytes, '=', length);
	const uint8_t *value = equals ? equals + 1 : bytes;
	size_t size = (size_t)(bytes + length - value);

	if (equals && walk_same(bytes, (size_t)(equals - bytes), "charset"))
		out->charset = walk_charset(value, size);
	else if (walk_same(value, size, "quoted-printable"))
		out->transfer = TRANSFER_QUOTED_PRINTABLE;
	else if (walk_same(value, size, "base64") || (equals && walk_same(value, size, "b")))
		out->transfer = TRANSFER_BASE64;
}

/* "item1.TEL;TYPE=cell:+47 ..." and LDIF's "cn:: S2lt" */
static bool read_card_line(const uint8_t *line, size_t length, struct card_line *out)
{
	size_t at = 0, part;
	bool is_quoted = false, is_name = true;

	*out = (struct card_line){.charset = CHARSET_UTF8, .name = line};
	for (part = 0; at < length; at++) {
		if (line[at] == '"')
			is_quoted = !is_quoted;
		if (is_quoted || (line[at] != ':' && line[at] != ';'))
			continue;
		if (is_name)
			out->name_length = at;
		else
			read_parameter(out, line + part, at - part);
		is_name = false;
		part = at + 1;
		if (line[at] == ':')
			break;
	}
	if (at >= length)
		return false;
	at++;
	if (at < length && line[at] == ':') {
		out->transfer = TRANSFER_BASE64;
		at++;
	}
	while (at < length && line[at] == ' ')
		at++;
	out->value = line + at;
	out->length = length - at;

	const uint8_t *dot = memrchr(out->name, '.', out->name_length);

	if (dot) {
		out->name_length -= (size_t)(dot + 1 - out->name);
		out->name = dot + 1;
	}
	return out->length > 0;
}

/* The @index-th component of "Larsen;Kim;;;", unescaped; returns its length. */
static size_t component(const uint8_t *value, size_t length, unsigned index, char separator,
			uint8_t out[HARVEST_VALUE])
{
	size_t used = 0;

	for (size_t at = 0; at < length; at++) {
		if (value[at] == '\\' && at + 1 < length) {
			at++;
			if (!index && used < HARVEST_VALUE)
				out[used++] =
					value[at] == 'n' || value[at] == 'N' ? ' ' : value[at];
			continue;
		}
		if (value[at] == (uint8_t)separator) {
			if (!index--)
				break;
			continue;
		}
		if (!index && used < HARVEST_VALUE)
			out[used++] = value[at];
	}
	return used;
}

static void card_value(struct detect_harvest *harvest, const struct card_line *line,
		       const uint8_t *value, size_t length)
{
	static const struct {
		const char *name;
		enum detect_identity_kind kind;
		unsigned index; /* of the component */
		char separator;
	} rows[] = {
		{"fn", IDENTITY_NAME, 0, 0},
		{"cn", IDENTITY_NAME, 0, 0},
		{"displayname", IDENTITY_NAME, 0, 0},
		{"email", IDENTITY_EMAIL, 0, 0},
		{"mail", IDENTITY_EMAIL, 0, 0},
		{"mozillasecondemail", IDENTITY_EMAIL, 0, 0},
		{"tel", IDENTITY_PHONE, 0, 0},
		{"telephonenumber", IDENTITY_PHONE, 0, 0},
		{"mobile", IDENTITY_PHONE, 0, 0},
		{"homephone", IDENTITY_PHONE, 0, 0},
		{"pager", IDENTITY_PHONE, 0, 0},
		{"facsimiletelephonenumber", IDENTITY_PHONE, 0, 0},
		{"adr", IDENTITY_ADDRESS, 2, ';'},
		{"street", IDENTITY_ADDRESS, 0, 0},
		{"streetaddress", IDENTITY_ADDRESS, 0, 0},
		{"mozillahomestreet", IDENTITY_ADDRESS, 0, 0},
		{"postaladdress", IDENTITY_ADDRESS, 0, '$'},
		{"homepostaladdress", IDENTITY_ADDRESS, 0, '$'},
	};
	uint8_t one[HARVEST_VALUE], two[HARVEST_VALUE];

	if (walk_same(line->name, line->name_length, "n")) {
		size_t family = component(value, length, 0, ';', one);
		size_t given = component(value, length, 1, ';', two);

		if (family && given)
			harvest_add_names(harvest, two, given, one, family);
		return;
	}
	if (length >= 4 && walk_same(value, 4, "tel:")) {
		value += 4;
		length -= 4;
	}
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (walk_same(line->name, line->name_length, rows[i].name)) {
			size_t size =
				component(value, length, rows[i].index, rows[i].separator, one);

			harvest_add(harvest, rows[i].kind, one, size);
		}
}

void harvest_card(struct detect_harvest *harvest, const struct text *text)
{
	struct lines lines = {text, 0};
	long length;

	while ((length = next_line(&lines, harvest->line, false)) >= 0) {
		struct card_line line;

		if (!read_card_line(harvest->line, (size_t)length, &line) || line.length > 1024)
			continue;
		if (line.transfer == TRANSFER_NONE && line.charset == CHARSET_UTF8) {
			card_value(harvest, &line, line.value, line.length);
			continue;
		}
		const struct decoded *decoded =
			decode_value(harvest, line.value, line.length, line.charset, line.transfer);

		if (decoded)
			card_value(harvest, &line, decoded->bytes, decoded->length);
	}
}

/* ---- mail ------------------------------------------------------------------------------------- */

/* "=?utf-8?Q?Kim_L=C3=A4?=" at @at of the line, as UTF-8 behind @out; returns where it ends, @at when it is none. */
static size_t read_word(struct detect_harvest *harvest, const uint8_t *line, size_t at,
			size_t length, uint8_t *out, size_t room, size_t *used)
{
	size_t charset = at + 2, mark, start, end;
	uint8_t text[HARVEST_VALUE * 2];
	bool is_quoted;

	if (length - at < 8 || line[at + 1] != '?')
		return at;
	for (mark = charset; mark < length && line[mark] != '?' && line[mark] != '*'; mark++)
		;
	unsigned code = walk_charset(line + charset, mark - charset);

	while (mark < length && line[mark] != '?')
		mark++;
	if (mark + 3 >= length || line[mark + 2] != '?')
		return at;
	is_quoted = (line[mark + 1] | 0x20) == 'q';
	for (start = end = mark + 3; end + 1 < length; end++)
		if (line[end] == '?' && line[end + 1] == '=')
			break;
	if (end + 1 >= length || end - start > sizeof(text))
		return at;
	memcpy(text, line + start, end - start);
	for (size_t i = 0; is_quoted && i < end - start; i++)
		if (text[i] == '_')
			text[i] = ' ';
	const struct decoded *decoded =
		decode_value(harvest, text, end - start, code,
			     is_quoted ? TRANSFER_QUOTED_PRINTABLE : TRANSFER_BASE64);

	if (decoded && decoded->length <= room - *used) {
		memcpy(out + *used, decoded->bytes, decoded->length);
		*used += decoded->length;
	}
	return end + 2;
}

/* The line with its encoded words decoded; blanks between two of them go (RFC 2047, 6.2). */
static size_t decode_words(struct detect_harvest *harvest, const uint8_t *line, size_t length,
			   uint8_t *out, size_t room)
{
	size_t used = 0, behind = 0;

	for (size_t at = 0; at < length && used < room;) {
		if (line[at] == '=') {
			size_t before = used, blanks = used;

			while (behind && blanks > behind && out[blanks - 1] == ' ')
				blanks--;
			if (behind && blanks == behind)
				used = behind;
			size_t end = read_word(harvest, line, at, length, out, room, &used);

			if (end > at) {
				at = end;
				behind = used;
				continue;
			}
			used = before;
		}
		out[used++] = line[at] == '\t' ? ' ' : line[at];
		at++;
	}
	return used;
}

static void mailbox(struct detect_harvest *harvest, const uint8_t *box, size_t length)
{
	const uint8_t *less = memchr(box, '<', length), *more, *open = memchr(box, '(', length);

	if (less) {
		more = memchr(less, '>', (size_t)(box + length - less));
		harvest_add(harvest, IDENTITY_NAME, box, (size_t)(less - box));
		if (more)
			harvest_add(harvest, IDENTITY_EMAIL, less + 1, (size_t)(more - less - 1));
		return;
	}
	harvest_add(harvest, IDENTITY_EMAIL, box, open ? (size_t)(open - box) : length);
	if (open && (more = memchr(open, ')', (size_t)(box + length - open))))
		harvest_add(harvest, IDENTITY_NAME, open + 1, (size_t)(more - open - 1));
}

static void mailboxes(struct detect_harvest *harvest, const uint8_t *line, size_t length)
{
	bool is_quoted = false;
	size_t start = 0;

	for (size_t at = 0; at <= length; at++) {
		if (at < length && line[at] == '"')
			is_quoted = !is_quoted;
		if (at < length && line[at] == ':' && !is_quoted)
			start = at + 1; /* a group's name */
		if (at < length && (is_quoted || (line[at] != ',' && line[at] != ';')))
			continue;
		mailbox(harvest, line + start, at - start);
		start = at + 1;
	}
}

static bool is_people(const uint8_t *line, size_t length, size_t *out_value)
{
	static const char *const names[] = {
		"from",	  "to",		 "cc",	      "bcc",	      "reply-to",
		"sender", "resent-from", "resent-to", "delivered-to", "x-original-to"};
	const uint8_t *colon = memchr(line, ':', length);

	for (size_t i = 0; colon && i < BL_COUNT(names); i++)
		if (walk_same(line, (size_t)(colon - line), names[i])) {
			*out_value = (size_t)(colon + 1 - line);
			return true;
		}
	return false;
}

void harvest_mail(struct detect_harvest *harvest, const struct text *text)
{
	struct lines lines = {text, 0};
	bool is_header = true, was_blank = true, is_list = false;
	uint8_t plain[HARVEST_LINE];
	long length;

	while (lines.at < text->length) {
		size_t end = line_end(text, lines.at), value;
		bool is_from = text->length - lines.at >= 5 &&
			       memcmp(text->bytes + lines.at, "From ", 5) == 0;

		if (is_from && was_blank) {
			is_header = true;
			is_list = was_blank = false;
			lines.at = end + 1;
			continue;
		}
		was_blank = end - lines.at <= 1;
		if (!is_header || was_blank) {
			is_header = is_header && lines.at == 0; /* blank lines in front of all */
			lines.at = end + 1;
			continue;
		}
		length = next_line(&lines, harvest->line, true);
		if (length < 0)
			break;
		/* What a mailing list sends has the list's name in "From". */
		is_list |= length > 8 && walk_same(harvest->line, 8, "list-id:");
		if (is_list || !is_people(harvest->line, (size_t)length, &value))
			continue;
		size_t size = decode_words(harvest, harvest->line + value, (size_t)length - value,
					   plain, sizeof(plain));

		mailboxes(harvest, plain, size);
	}
	explicit_bzero(plain, sizeof(plain));
}

/* ---- tables of contacts ----------------------------------------------------------------------- */

#define COLUMNS 128u

enum column {
	COLUMN_NONE,
	COLUMN_NAME,
	COLUMN_GIVEN,
	COLUMN_FAMILY,
	COLUMN_EMAIL,
	COLUMN_PHONE,
	COLUMN_ADDRESS
};

static bool mentions(const uint8_t *name, size_t length, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(words[i]);

		for (size_t at = 0; at + size <= length; at++)
			if (walk_same(name + at, size, words[i]))
				return true;
	}
	return false;
}

static enum column column_of(const uint8_t *name, size_t length)
{
	static const char *const given[] = {
		"first", "given",   "vorname",	      "pr\xc3\xa9nom", "prenom",  "voornaam",
		"imi",	 "fornavn", "f\xc3\xb6rnamn", "forename",      "etunimi", "primeiro"};
	static const char *const family[] = {"last",	 "family",    "surname", "nachname",
					     "famil",	 "apellido",  "cognome", "achternaam",
					     "nazwisko", "etternavn", "efter",	 "sukunimi",
					     "sobrenome"};
	static const char *const streets[] = {"street", "stra",	 "address", "adres",
					      "rue",	"calle", "direcci", "indirizzo",
					      "via",	"ender", "ulica"};
	static const char *const others[] = {"city",	 "state",	"country",  "region",
					     "province", "postal code", "postcode", "zip",
					     "phonetic", "yomi",	"middle",   "nick",
					     "prefix",	 "suffix",	"maiden"};
	struct field_rule rule = field_rule(name, length);

	if (rule.class == CLASS_COUNT || rule.strength == FIELD_BESIDE ||
	    rule.strength == FIELD_HANDLE || mentions(name, length, others, BL_COUNT(others)))
		return COLUMN_NONE;
	switch (rule.class) {
	case CLASS_NAME:
		if (mentions(name, length, given, BL_COUNT(given)))
			return COLUMN_GIVEN;
		return mentions(name, length, family, BL_COUNT(family)) ? COLUMN_FAMILY
									: COLUMN_NAME;
	case CLASS_EMAIL:
		return COLUMN_EMAIL;
	case CLASS_PHONE:
		return COLUMN_PHONE;
	case CLASS_ADDRESS:
		return mentions(name, length, streets, BL_COUNT(streets)) ? COLUMN_ADDRESS
									  : COLUMN_NONE;
	default:
		return COLUMN_NONE;
	}
}

struct table {
	uint8_t columns[COLUMNS];
	size_t column;
	bool is_named;
	uint8_t given[HARVEST_VALUE], family[HARVEST_VALUE];
	size_t given_length, family_length;
};

static void keep_cell(uint8_t out[HARVEST_VALUE], size_t *out_length, const uint8_t *cell,
		      size_t length)
{
	*out_length = length <= HARVEST_VALUE ? length : 0;
	memcpy(out, cell, *out_length);
}

/* Google writes several values as "a ::: b". */
static void add_values(struct detect_harvest *harvest, enum detect_identity_kind kind,
		       const uint8_t *cell, size_t length)
{
	while (length) {
		const uint8_t *gap = memmem(cell, length, ":::", 3);
		size_t size = gap ? (size_t)(gap - cell) : length;

		harvest_add(harvest, kind, cell, size);
		size = BL_MIN(length, size + 3);
		cell += size;
		length -= size;
	}
}

static void end_cell(struct detect_harvest *harvest, struct table *table, const uint8_t *cell,
		     size_t length)
{
	static const enum detect_identity_kind kinds[] = {
		[COLUMN_NAME] = IDENTITY_NAME,
		[COLUMN_EMAIL] = IDENTITY_EMAIL,
		[COLUMN_PHONE] = IDENTITY_PHONE,
		[COLUMN_ADDRESS] = IDENTITY_ADDRESS,
	};
	enum column column;

	if (table->column >= COLUMNS)
		return;
	if (!table->is_named) {
		table->columns[table->column++] = (uint8_t)column_of(cell, length);
		return;
	}
	column = (enum column)table->columns[table->column++];
	if (column == COLUMN_GIVEN)
		keep_cell(table->given, &table->given_length, cell, length);
	else if (column == COLUMN_FAMILY)
		keep_cell(table->family, &table->family_length, cell, length);
	else if (column != COLUMN_NONE)
		add_values(harvest, kinds[column], cell, length);
}

static void end_record(struct detect_harvest *harvest, struct table *table)
{
	if (table->given_length && table->family_length)
		harvest_add_names(harvest, table->given, table->given_length, table->family,
				  table->family_length);
	table->given_length = table->family_length = table->column = 0;
	table->is_named = true;
}

/* The separator that the first line has most of. */
static uint8_t separator_of(const struct text *text)
{
	static const char separators[] = ",;\t|";
	size_t end = line_end(text, 0), best = 0, most = 0;

	for (size_t i = 0; i < 4; i++) {
		size_t count = 0;

		for (size_t at = 0; at < end; at++)
			count += text->bytes[at] == (uint8_t)separators[i];
		if (count > most) {
			most = count;
			best = i;
		}
	}
	return (uint8_t)separators[best];
}

void harvest_csv(struct detect_harvest *harvest, const struct text *text)
{
	struct table table = {.column = 0};
	uint8_t separator = separator_of(text);
	uint8_t *cell = harvest->line;
	size_t used = 0;
	bool is_quoted = false;

	for (size_t at = 0; at < text->length; at++) {
		uint8_t byte = text->bytes[at];

		if (byte == '"') {
			bool is_double =
				is_quoted && at + 1 < text->length && text->bytes[at + 1] == '"';

			if (!is_double) {
				is_quoted = !is_quoted;
				continue;
			}
			at++;
		} else if (!is_quoted && (byte == separator || byte == '\n')) {
			end_cell(harvest, &table, cell, used);
			used = 0;
			if (byte == '\n')
				end_record(harvest, &table);
			continue;
		} else if (byte == '\r') {
			continue;
		}
		if (used < HARVEST_LINE)
			cell[used++] = byte;
	}
	end_cell(harvest, &table, cell, used);
	end_record(harvest, &table);
	explicit_bzero(&table, sizeof(table));
}

/* ---- git -------------------------------------------------------------------------------------- */

void harvest_git(struct detect_harvest *harvest, const struct text *text)
{
	bool is_user = false;

	for (size_t at = 0, end; at < text->length; at = end + 1) {
		const uint8_t *line = text->bytes + at, *equals;
		size_t length, key;

		end = line_end(text, at);
		for (length = end - at; length && line[length - 1] <= ' ';)
			length--;
		while (length && *line <= ' ') {
			line++;
			length--;
		}
		if (length && line[0] == '[')
			is_user = length >= 6 &&
				  (walk_same(line, 6, "[user]") || walk_same(line, 6, "[autho") ||
				   walk_same(line, 6, "[commi"));
		equals = memchr(line, '=', length);
		if (!is_user || !equals)
			continue;
		for (key = (size_t)(equals - line); key && line[key - 1] <= ' ';)
			key--;
		if (walk_same(line, key, "name"))
			harvest_add(harvest, IDENTITY_NAME, equals + 1,
				    (size_t)(line + length - equals - 1));
		else if (walk_same(line, key, "email"))
			harvest_add(harvest, IDENTITY_EMAIL, equals + 1,
				    (size_t)(line + length - equals - 1));
	}
}

/* ---- browsers --------------------------------------------------------------------------------- */

/* Where the string that begins behind the quote at @at ends. */
static size_t string_end(const struct text *text, size_t at)
{
	for (at++; at < text->length && text->bytes[at] != '"' && text->bytes[at] != '\n'; at++)
		at += text->bytes[at] == '\\' && at + 1 < text->length;
	return BL_MIN(at, text->length);
}

static size_t skip_blanks(const struct text *text, size_t at)
{
	while (at < text->length && text->bytes[at] <= ' ')
		at++;
	return at;
}

/* Keys that Firefox's form autofill and Chrome's profiles give to what people wrote about themselves. */
void harvest_json(struct detect_harvest *harvest, const struct text *text)
{
	static const struct {
		const char *key;
		enum column column;
	} keys[] = {
		{"full_name", COLUMN_NAME},	   {"name_full", COLUMN_NAME},
		{"fullname", COLUMN_NAME},	   {"full-name", COLUMN_NAME},
		{"gaia_name", COLUMN_NAME},	   {"cc-name", COLUMN_NAME},
		{"given_name", COLUMN_GIVEN},	   {"given-name", COLUMN_GIVEN},
		{"family_name", COLUMN_FAMILY},	   {"family-name", COLUMN_FAMILY},
		{"email", COLUMN_EMAIL},	   {"user_name", COLUMN_EMAIL},
		{"last_username", COLUMN_EMAIL},   {"tel", COLUMN_PHONE},
		{"phone", COLUMN_PHONE},	   {"street-address", COLUMN_ADDRESS},
		{"address-line1", COLUMN_ADDRESS}, {"displayname", COLUMN_NAME},
		{"email_address", COLUMN_EMAIL},
	};
	static const enum detect_identity_kind kinds[] = {
		[COLUMN_NAME] = IDENTITY_NAME,
		[COLUMN_EMAIL] = IDENTITY_EMAIL,
		[COLUMN_PHONE] = IDENTITY_PHONE,
		[COLUMN_ADDRESS] = IDENTITY_ADDRESS,
	};
	struct table names = {.column = 0};

	for (size_t at = 0; at < text->length; at++) {
		if (text->bytes[at] == '{' || text->bytes[at] == '}')
			end_record(harvest, &names);
		if (text->bytes[at] != '"')
			continue;
		size_t key = at + 1, key_end = string_end(text, at),
		       next = skip_blanks(text, key_end + 1);

		at = key_end;
		if (next >= text->length || text->bytes[next] != ':')
			continue;
		next = skip_blanks(text, next + 1);
		if (next >= text->length || text->bytes[next] != '"')
			continue;
		size_t end = string_end(text, next);

		at = end;
		for (size_t i = 0; i < BL_COUNT(keys); i++) {
			const uint8_t *value = text->bytes + next + 1;
			size_t length = end - next - 1;

			if (!walk_same(text->bytes + key, key_end - key, keys[i].key))
				continue;
			if (keys[i].column == COLUMN_GIVEN)
				keep_cell(names.given, &names.given_length, value, length);
			else if (keys[i].column == COLUMN_FAMILY)
				keep_cell(names.family, &names.family_length, value, length);
			else if (keys[i].column != COLUMN_NONE)
				harvest_add(harvest, kinds[keys[i].column], value, length);
		}
	}
	end_record(harvest, &names);
	explicit_bzero(&names, sizeof(names));
}

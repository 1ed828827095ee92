/* Mail: headers (RFC 5322, encoded words of RFC 2047), MIME parts (RFC 2045, 2046) and mbox */
#include "policy/detect/walk-parts.h"

#include <string.h>

#define BOUNDARIES     8u  /* multiparts inside of each other; deeper ones are hidden whole */
#define BOUNDARY_BYTES 70u /* RFC 2046, 5.1.1 */
#define TYPE_BYTES     232u
#define NAME_BYTES     40u
#define PHRASE_AHEAD   600u /* bytes of a header in which a name's address is looked for */
#define LINE_STEP      1024u
#define WORD_AHEAD     300u /* longest encoded word; RFC 2047 allows 75 bytes, programs write more */

enum mode {
	FIELD_START, /* at the start of a line of headers */
	FIELD_WORD,  /* in a header's name */
	FIELD_TEXT,  /* in its value */
	FIELD_LINE,  /* behind a line end: does the value go on? */
	SKIPPED,     /* the rest of a line that says nothing; headers follow */
	BODY_START,  /* at the start of a line of a body */
	BODY,
};
enum header { HEADER_TEXT, HEADER_PEOPLE, HEADER_TYPE, HEADER_ENCODING, HEADER_FIELD };

struct mail {
	uint8_t mode, header;
	uint8_t is_started; /* a line was seen */
	uint8_t is_mbox;
	uint8_t was_blank;  /* the line before was empty */
	uint8_t is_mailbox; /* another one begins here; of HEADER_FIELD: nothing but blanks yet */
	uint8_t is_doubled; /* how the body is written is said twice: readers take either */
	uint8_t class;	    /* of HEADER_FIELD */
	uint8_t is_name;    /* the encoded word is a name's */
	uint8_t in_part;    /* the body is written in another way */
	uint8_t charset, transfer, phase;
	uint8_t word_charset, word_transfer, word_phase;
	uint16_t skip, word, phrase; /* bytes to pass by; of an encoded word's text; of a name */
	uint8_t name_length, depth, encoding_length, type_length;
	uint8_t name[NAME_BYTES];
	uint8_t encoding[20];
	uint8_t type[TYPE_BYTES];
	uint8_t lengths[BOUNDARIES];
	uint8_t boundaries[BOUNDARIES][BOUNDARY_BYTES];
};
_Static_assert(sizeof(struct mail) <= WALK_STATE, "the state has a fixed size");
_Static_assert(PHRASE_AHEAD + WORD_AHEAD < WALK_AHEAD, "no decision looks further");

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}
static bool is_line_end(uint8_t byte)
{
	return byte == '\n' || byte == '\r';
}
/* Does the line end with the byte at @at? Readers of mail take a CR alone for one as well. */
static bool ends_line(const struct text *text, size_t at)
{
	return text->bytes[at] == '\n' ||
	       (text->bytes[at] == '\r' && at + 1 < text->length && text->bytes[at + 1] != '\n');
}

/* ---- encoded words and names ------------------------------------------------------------------ */

struct word {
	size_t text, end; /* of what is encoded */
	unsigned charset, transfer;
};

/* "=?utf-8?Q?Ad=C3=A1?=" at @at; RFC 2231's "utf-8*en" as well */
static bool read_word(const struct text *text, size_t at, struct word *out)
{
	const uint8_t *b = text->bytes;
	size_t limit = BL_MIN(text->length, at + WORD_AHEAD), charset, end;

	if (limit - at < 8 || b[at] != '=' || b[at + 1] != '?')
		return false;
	for (charset = end = at + 2; end < limit && b[end] > ' ' && b[end] != '?' && b[end] != '*';
	     end++)
		;
	out->charset = walk_charset(b + charset, end - charset);
	while (end < limit && b[end] > ' ' && b[end] != '?')
		end++;
	if (end + 3 >= limit || b[end] != '?' || b[end + 2] != '?' || end == charset)
		return false;
	if ((b[end + 1] | 0x20) == 'b')
		out->transfer = TRANSFER_BASE64;
	else if ((b[end + 1] | 0x20) == 'q')
		out->transfer = TRANSFER_QUOTED_PRINTABLE;
	else
		return false;
	out->text = end += 3;
	for (; end + 1 < limit && !is_line_end(b[end]); end++)
		if (b[end] == '?' && b[end + 1] == '=') {
			out->end = end;
			return true;
		}
	return false;
}

/* Is @at the end of a header's line that does not go on? */
static bool is_header_end(const struct text *text, size_t at)
{
	if (!ends_line(text, at))
		return false;
	return at + 1 >= text->length || !is_blank(text->bytes[at + 1]);
}

struct phrase {
	size_t start, end;
};

/* The name of the mailbox at @at: in front of "<", or in parentheses behind the address (RFC 5322, 3.4, 4.4). */
static bool read_phrase(const struct text *text, size_t at, struct phrase *out)
{
	const uint8_t *b = text->bytes;
	size_t limit = BL_MIN(text->length, at + PHRASE_AHEAD), end, open = 0;
	bool is_quoted = false;

	while (at < limit && (is_blank(b[at]) || (is_line_end(b[at]) && !is_header_end(text, at))))
		at++;
	for (end = at; end < limit && !is_header_end(text, end); end++) {
		if (b[end] == '\\') {
			end++;
		} else if (b[end] == '"') {
			is_quoted = !is_quoted;
		} else if (!is_quoted) {
			if (b[end] == '<' || b[end] == ',' || b[end] == ';' || b[end] == ')')
				break;
			if (b[end] == ':' && !open)
				at = end + 1; /* a group's name */
			if (b[end] == '(' && !open)
				open = end + 1;
		}
	}
	if (end >= limit)
		return false;
	if (b[end] == ')' && open)
		at = open;
	else if (b[end] != '<')
		return false;
	while (at < end && (is_blank(b[at]) || is_line_end(b[at]) || b[at] == '"' || b[at] == '\''))
		at++;
	while (end > at && (is_blank(b[end - 1]) || is_line_end(b[end - 1]) || b[end - 1] == '"' ||
			    b[end - 1] == '\''))
		end--;
	out->start = at;
	out->end = end;
	return end > at;
}

/* ---- headers ---------------------------------------------------------------------------------- */

static bool is_people(const uint8_t *name, size_t length)
{
	static const char *const ends[] = {"from",	"to",	      "cc",   "bcc",	"sender",
					   "recipient", "recipients", "path", "author", "approved"};
	const uint8_t *dash = memrchr(name, '-', length);
	size_t skip = dash ? (size_t)(dash + 1 - name) : 0;

	for (size_t i = 0; i < BL_COUNT(ends); i++)
		if (walk_same(name + skip, length - skip, ends[i]))
			return true;
	return false;
}

static void end_field_name(struct mail *mail)
{
	struct field_rule rule = FIELD_NONE;

	mail->is_mailbox = 0;
	mail->class = WALK_NONE;
	mail->skip = mail->word = mail->phrase = 0;
	if (walk_same(mail->name, mail->name_length, "content-type")) {
		mail->header = HEADER_TYPE;
		mail->is_doubled |= mail->type_length > 0;
		mail->type_length = 0;
	} else if (walk_same(mail->name, mail->name_length, "content-transfer-encoding")) {
		mail->header = HEADER_ENCODING;
		mail->is_doubled |= mail->encoding_length > 0;
		mail->encoding_length = 0;
	} else if (is_people(mail->name, mail->name_length)) {
		mail->header = HEADER_PEOPLE;
		mail->is_mailbox = 1;
	} else {
		if (mail->name_length > 2 && walk_same(mail->name, 2, "x-"))
			rule = field_rule(mail->name + 2, mail->name_length - 2u);
		else
			rule = field_rule(mail->name, mail->name_length);
		mail->header = rule.class != CLASS_COUNT && rule.strength == FIELD_SURE
				       ? HEADER_FIELD
				       : HEADER_TEXT;
		mail->class = rule.class;
		mail->is_mailbox = mail->header == HEADER_FIELD;
	}
}

static void begin_headers(struct mail *mail, enum mode mode)
{
	mail->mode = (uint8_t)mode;
	mail->name_length = mail->type_length = mail->encoding_length = 0;
	mail->in_part = mail->is_doubled = 0;
	mail->was_blank = 0;
}

static void keep_byte(struct mail *mail, uint8_t byte)
{
	if (mail->header == HEADER_TYPE && mail->type_length < TYPE_BYTES)
		mail->type[mail->type_length++] = byte;
	else if (mail->header == HEADER_ENCODING &&
		 mail->encoding_length < sizeof(mail->encoding) && !is_blank(byte))
		mail->encoding[mail->encoding_length++] = byte;
}

static size_t pass_word(struct mail *mail, struct walk_run *run, size_t at)
{
	size_t end = BL_MIN(run->to, at + mail->word);

	walk_part(run, at, end, mail->word_charset, mail->word_transfer, mail->word_phase);
	if (mail->word_transfer == TRANSFER_BASE64)
		mail->word_phase = (uint8_t)walk_phase(run->text, at, end, mail->word_phase);
	if (mail->is_name)
		walk_field(run, at, end, mail->header == HEADER_FIELD ? mail->class : CLASS_NAME);
	mail->word = (uint16_t)(mail->word - (end - at));
	if (!mail->word)
		mail->skip = 2;
	return end;
}

static size_t begin_word(struct mail *mail, const struct word *word, size_t at)
{
	size_t whole = word->end + 2 - at;

	mail->skip = (uint16_t)(word->text - at);
	mail->word = (uint16_t)(word->end - word->text);
	mail->word_charset = (uint8_t)word->charset;
	mail->word_transfer = (uint8_t)word->transfer;
	mail->word_phase = 0;
	mail->is_name = mail->phrase > 0 || mail->header == HEADER_FIELD;
	mail->phrase = (uint16_t)(mail->phrase > whole ? mail->phrase - whole : 0);
	if (!mail->word)
		mail->skip = (uint16_t)(mail->skip + 2);
	return at;
}

/* A stretch of the value in which nothing but letters are; returns where it ends. */
static size_t pass_text(struct mail *mail, struct walk_run *run, size_t at)
{
	const uint8_t *b = run->text->bytes;
	size_t limit = mail->phrase ? BL_MIN(run->to, at + mail->phrase) : run->to, end = at;
	struct word word;

	for (; end < limit && !is_line_end(b[end]); end++) {
		if (b[end] == '=' && read_word(run->text, end, &word))
			break;
		if (!mail->phrase && mail->header == HEADER_PEOPLE && b[end] == ',') {
			mail->is_mailbox = 1;
			end++;
			break;
		}
		keep_byte(mail, b[end]);
	}
	if (mail->phrase || mail->header == HEADER_FIELD)
		walk_field(run, at, end, mail->phrase ? CLASS_NAME : mail->class);
	mail->phrase = (uint16_t)(mail->phrase - (mail->phrase ? end - at : 0));
	return end;
}

static size_t in_field(struct mail *mail, struct walk_run *run, size_t at)
{
	uint8_t byte = run->text->bytes[at];
	struct phrase phrase;
	struct word word;
	size_t step;

	if (mail->skip) {
		step = BL_MIN(mail->skip, run->to - at);
		mail->skip = (uint16_t)(mail->skip - step);
		return at + step;
	}
	if (mail->word)
		return pass_word(mail, run, at);
	if (mail->is_mailbox && mail->header == HEADER_FIELD) {
		if (is_blank(byte))
			return at + 1;
		mail->is_mailbox = 0;
	}
	if (mail->is_mailbox) {
		mail->is_mailbox = 0;
		if (read_phrase(run->text, at, &phrase)) {
			mail->skip = (uint16_t)(phrase.start - at);
			mail->phrase = (uint16_t)(phrase.end - phrase.start);
			return at;
		}
	}
	if (is_line_end(byte)) {
		mail->phrase = (uint16_t)(mail->phrase ? mail->phrase - 1 : 0);
		if (ends_line(run->text, at))
			mail->mode = FIELD_LINE;
		return at + 1;
	}
	if (byte == '=' && read_word(run->text, at, &word))
		return begin_word(mail, &word, at);
	return pass_text(mail, run, at);
}

/* The first byte behind a line end: white space goes on with the header (RFC 5322, 2.2.3). */
static size_t next_line(struct mail *mail, uint8_t byte, size_t at)
{
	if (!is_blank(byte)) {
		mail->mode = FIELD_START;
		mail->skip = mail->word = mail->phrase = 0;
		return at;
	}
	mail->mode = FIELD_TEXT;
	mail->phrase = (uint16_t)(mail->phrase ? mail->phrase - 1 : 0);
	keep_byte(mail, byte);
	return at + 1;
}

/* ---- bodies ----------------------------------------------------------------------------------- */

/* Behind what is in quotes or a comment (RFC 2045, 5.1) at @at, else behind the byte there. */
static size_t skip_token(const uint8_t *type, size_t length, size_t at)
{
	if (type[at] != '"')
		return at + 1;
	for (at++; at < length && type[at] != '"'; at++)
		if (type[at] == '\\')
			at++;
	return BL_MIN(at + 1, length);
}

struct parameter {
	const uint8_t *value;
	size_t length;
	bool is_odd; /* there, yet not to be read here: said twice, in pieces (RFC 2231), escaped, or behind a comment */
};

/* The parameter @name of the content type, quotes and case aside. */
static struct parameter parameter(const struct mail *mail, const char *name)
{
	const uint8_t *type = mail->type;
	size_t length = mail->type_length, size = strlen(name), next;
	struct parameter out = {0};

	for (size_t at = 0; at < length; at = next) {
		size_t value = at + 1, end;

		next = skip_token(type, length, at);
		out.is_odd |= type[at] == '(' && !out.value;
		if (type[at] != ';')
			continue;
		while (value < length && is_blank(type[value]))
			value++;
		if (length - value < size || !walk_same(type + value, size, name))
			continue;
		for (value += size; value < length && is_blank(type[value]); value++)
			;
		out.is_odd |= value < length && type[value] == '*';
		if (value >= length || type[value] != '=')
			continue;
		for (value++; value < length && is_blank(type[value]); value++)
			;
		bool is_quoted = value < length && type[value] == '"';

		value += is_quoted;
		for (end = value; end < length; end++)
			if (is_quoted ? type[end] == '"'
				      : type[end] == ';' || is_blank(type[end]) || type[end] == '(')
				break;
		out.is_odd |= out.value || memchr(type + value, '\\', end - value);
		out.value = type + value;
		out.length = end - value;
	}
	out.is_odd |= length == TYPE_BYTES; /* nobody saw the rest */
	return out;
}

enum body { BODY_TEXT, BODY_MULTIPART, BODY_MESSAGE, BODY_OTHER };

static bool starts(const uint8_t *type, size_t length, const char *word)
{
	size_t size = strlen(word);

	return length >= size && walk_same(type, size, word);
}

static enum body body_of(const struct mail *mail)
{
	static const char *const texts[] = {"application/json",	      "application/xml",
					    "application/xhtml",      "application/ld+json",
					    "application/javascript", "application/ics",
					    "application/pgp",	      "application/x-yaml",
					    "application/sql",	      "application/x-sh"};
	/* What is in their fields, their fields tell: as text alone they would show it, and nobody walks through them here. */
	static const char *const tables[] = {"text/vcard",
					     "text/x-vcard",
					     "text/directory",
					     "text/csv",
					     "text/comma-separated-values",
					     "text/tab-separated-values",
					     "text/ldif"};
	const uint8_t *type = mail->type;
	size_t length = mail->type_length;

	while (length && is_blank(*type)) {
		type++;
		length--;
	}
	for (size_t i = 0; i < BL_COUNT(tables); i++)
		if (starts(type, length, tables[i]))
			return BODY_OTHER;
	if (length == 0 || starts(type, length, "text"))
		return BODY_TEXT;
	if (starts(type, length, "multipart/"))
		return BODY_MULTIPART;
	if (starts(type, length, "message/"))
		return starts(type, length, "message/rfc822") ||
				       starts(type, length, "message/global") ||
				       starts(type, length, "message/news")
			       ? BODY_MESSAGE
			       : BODY_TEXT;
	for (size_t i = 0; i < BL_COUNT(texts); i++)
		if (starts(type, length, texts[i]))
			return BODY_TEXT;
	/* A type without a '/' is none: text (RFC 2045, 5.2) */
	return memchr(type, '/', length) ? BODY_OTHER : BODY_TEXT;
}

/* enum detect_transfer of the header; -1: of one that nobody here can read */
static int transfer_of(const struct mail *mail)
{
	static const struct {
		const char *name;
		int transfer;
	} names[] = {
		{"", TRANSFER_NONE},
		{"7bit", TRANSFER_NONE},
		{"8bit", TRANSFER_NONE},
		{"binary", TRANSFER_NONE},
		{"quoted-printable", TRANSFER_QUOTED_PRINTABLE},
		{"base64", TRANSFER_BASE64},
	};
	const uint8_t *name = mail->encoding;
	size_t length = mail->encoding_length;

	if (length >= 2 && name[0] == '"' && name[length - 1] == '"') {
		name++;
		length -= 2;
	}
	for (size_t i = 0; i < BL_COUNT(names); i++)
		if (walk_same(name, length, names[i].name))
			return names[i].transfer;
	return -1;
}

/* The multiparts whose boundary is known are walked through; what nobody here can take apart is hidden. */
static void begin_multipart(struct mail *mail, int transfer)
{
	struct parameter boundary = parameter(mail, "boundary");

	if (transfer >= 0 && transfer != TRANSFER_BASE64 && !boundary.is_odd && boundary.length &&
	    boundary.length <= BOUNDARY_BYTES && mail->depth < BOUNDARIES) {
		memcpy(mail->boundaries[mail->depth], boundary.value, boundary.length);
		mail->lengths[mail->depth++] = (uint8_t)boundary.length;
		return; /* what stands in front of the first part is text */
	}
	mail->charset = CHARSET_COUNT;
	mail->in_part = 1;
}

static void begin_body(struct mail *mail, struct walk_run *run, size_t at)
{
	enum body body = body_of(mail);
	int transfer = mail->is_doubled ? -1 : transfer_of(mail);
	struct parameter charset;

	mail->mode = BODY_START;
	mail->was_blank = 1;
	mail->in_part = 0;
	mail->charset = CHARSET_UTF8;
	mail->transfer = (uint8_t)(transfer < 0 ? TRANSFER_NONE : transfer);
	mail->phase = 0;
	run->open = at;
	if (body == BODY_MULTIPART && !mail->is_doubled) {
		begin_multipart(mail, transfer);
		return;
	}
	if (body == BODY_MESSAGE && transfer == TRANSFER_NONE) {
		begin_headers(mail, FIELD_START);
		return;
	}
	charset = parameter(mail, "charset");
	mail->charset = (uint8_t)walk_charset(charset.value, charset.length);
	/* A message written in base64 has parts of its own in it. */
	if (body == BODY_OTHER || transfer < 0 || body == BODY_MESSAGE || charset.is_odd)
		mail->charset = CHARSET_COUNT;
	/* Two bytes a character are only said of what is written in base64 (RFC 2781, 4): else they are not there. */
	if (mail->charset > CHARSET_WINDOWS_1252 && mail->transfer != TRANSFER_BASE64)
		mail->charset = CHARSET_COUNT;
	mail->in_part = mail->charset != CHARSET_UTF8 || mail->transfer != TRANSFER_NONE;
}

static void end_part(struct mail *mail, struct walk_run *run, size_t at)
{
	if (!mail->in_part)
		return;
	walk_part(run, run->open, at, mail->charset, mail->transfer, mail->phase);
	if (mail->transfer == TRANSFER_BASE64)
		mail->phase = (uint8_t)walk_phase(run->text, run->open, at, mail->phase);
}

/* Which boundary is the line at @at? The longest that fits: one may begin as another, and of two the same the inner one counts. */
static bool find_boundary(const struct mail *mail, const struct text *text, size_t at,
			  unsigned *out_index, bool *out_is_last)
{
	size_t left = text->length - at, longest = 0;

	if (!mail->depth || left < 3 || text->bytes[at] != '-' || text->bytes[at + 1] != '-')
		return false;
	for (unsigned i = mail->depth; i-- > 0;) {
		size_t size = mail->lengths[i], end = at + 2 + size;
		bool is_last;

		if (size <= longest || left < 2 + size ||
		    memcmp(text->bytes + at + 2, mail->boundaries[i], size) != 0)
			continue;
		is_last = text->length - end >= 2 && memcmp(text->bytes + end, "--", 2) == 0;
		if (end < text->length && !is_last && !is_line_end(text->bytes[end]) &&
		    !is_blank(text->bytes[end]))
			continue;
		longest = size;
		*out_index = i;
		*out_is_last = is_last;
	}
	return longest > 0;
}

static bool meets_boundary(struct mail *mail, struct walk_run *run, size_t at)
{
	unsigned index;
	bool is_last;

	if (!find_boundary(mail, run->text, at, &index, &is_last))
		return false;
	end_part(mail, run, at);
	mail->depth = (uint8_t)(is_last ? index : index + 1);
	begin_headers(mail, SKIPPED);
	if (is_last)
		mail->mode = BODY; /* the epilogue is text */
	return true;
}

/*
 * A header that says how what follows is written, where text should be: behind a line that is no header, in a message that was forwarded
 * as text, in a part whose boundary was not told. Some readers heed it: so do we.
 */
static bool meets_encoding(struct mail *mail, struct walk_run *run, size_t at)
{
	static const char name[] = "content-transfer-encoding";
	size_t size = sizeof(name) - 1;

	if (mail->in_part || run->text->length - at <= size ||
	    (run->text->bytes[at] | 0x20) != 'c' || !walk_same(run->text->bytes + at, size, name))
		return false;
	begin_headers(mail, FIELD_START);
	return true;
}

static bool meets_message(struct mail *mail, struct walk_run *run, size_t at)
{
	if (!mail->is_mbox || !mail->was_blank || run->text->length - at < 5 ||
	    memcmp(run->text->bytes + at, "From ", 5) != 0)
		return false;
	end_part(mail, run, at);
	mail->depth = 0;
	begin_headers(mail, SKIPPED);
	return true;
}

static size_t in_body(struct mail *mail, struct walk_run *run, size_t at)
{
	const uint8_t *b = run->text->bytes, *end;
	size_t stop;

	if (mail->mode == BODY_START) {
		if (meets_boundary(mail, run, at) || meets_message(mail, run, at) ||
		    meets_encoding(mail, run, at))
			return at;
		mail->was_blank = is_line_end(b[at]);
		mail->mode = BODY;
	}
	/* Step by step: of lines that end with a CR none looks for the next LF far behind. */
	stop = BL_MIN(run->to, at + LINE_STEP);
	end = memchr(b + at, '\n', stop - at);
	stop = end ? (size_t)(end - b) + 1 : stop;
	for (; (end = memchr(b + at, '\r', stop - at)); at = (size_t)(end - b) + 1)
		if (ends_line(run->text, (size_t)(end - b))) {
			mail->mode = BODY_START;
			return (size_t)(end - b) + 1;
		}
	if (b[stop - 1] == '\n')
		mail->mode = BODY_START;
	return stop;
}

/* ---- the machine ------------------------------------------------------------------------------ */

static bool is_number(const uint8_t *bytes, size_t length)
{
	size_t digits = 0;

	for (size_t i = 0; i < length; i++)
		digits += text_is_digit(bytes[i]);
	return length > 0 && digits == length;
}

static size_t begin_field(struct mail *mail, struct walk_run *run, size_t at)
{
	const uint8_t *b = run->text->bytes;
	size_t left = run->text->length - at;

	mail->name_length = 0;
	if (!mail->is_started && left >= 5 && memcmp(b + at, "From ", 5) == 0) {
		mail->is_mbox = 1;
		mail->mode = SKIPPED;
	} else if (ends_line(run->text, at)) {
		begin_body(mail, run, at + 1);
		at++;
	} else if (b[at] == '\r' || (b[at] >= 0xbb && !mail->is_started)) {
		return at + 1; /* in front of '\n'; of a byte order mark */
	} else if (meets_boundary(mail, run, at)) {
		return at;
	} else {
		mail->mode = FIELD_WORD;
	}
	mail->is_started = 1;
	return at;
}

static size_t in_field_name(struct mail *mail, struct walk_run *run, size_t at)
{
	uint8_t byte = run->text->bytes[at];

	if (byte == ':') {
		end_field_name(mail);
		mail->mode = FIELD_TEXT;
	} else if (ends_line(run->text, at)) {
		/* No header: the body has begun, unless it is the count of bytes in front of an .emlx. */
		if (is_number(mail->name, mail->name_length) && !mail->type_length &&
		    !mail->encoding_length)
			mail->mode = FIELD_START;
		else
			begin_body(mail, run, at + 1);
	} else if (mail->name_length < NAME_BYTES && byte != '\r' && !is_blank(byte)) {
		mail->name[mail->name_length++] = byte;
	}
	return at + 1;
}

void walk_mail(void *state, struct walk_run *run)
{
	struct mail *mail = state;

	for (size_t at = run->from; at < run->to;) {
		uint8_t byte = run->text->bytes[at];

		switch ((enum mode)mail->mode) {
		case FIELD_START:
			at = begin_field(mail, run, at);
			break;
		case FIELD_WORD:
			at = in_field_name(mail, run, at);
			break;
		case FIELD_TEXT:
			at = in_field(mail, run, at);
			break;
		case FIELD_LINE:
			at = next_line(mail, byte, at);
			break;
		case SKIPPED:
			if (ends_line(run->text, at))
				mail->mode = FIELD_START;
			at++;
			break;
		case BODY_START:
		case BODY:
			at = in_body(mail, run, at);
			break;
		}
	}
	if (mail->mode == BODY || mail->mode == BODY_START)
		end_part(mail, run, run->to);
}

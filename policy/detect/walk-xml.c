/* XML, HTML and property lists: names of elements and attributes, and attributes that name ("<input name=email value=...>"). */
#include "policy/detect/walk-parts.h"

#include <string.h>

#define DEPTH                                                                                      \
	64u /* elements with a class inside of each other that are remembered; all deeper are of the 64th's */
#define LABEL_AHEAD 512u /* bytes of a tag in which an attribute that names is looked for */

enum mode {
	CONTENT,
	OPENED,	 /* behind '<' */
	ELEMENT, /* in the name of an element that opens */
	CLOSING, /* in that of one that closes */
	TAG,	 /* between attributes */
	ATTRIBUTE,
	EQUALS, /* behind an attribute's '=' */
	QUOTED,
	UNQUOTED,
	BANG,	 /* behind "<!" */
	COMMENT, /* up to "-->" */
	CDATA,	 /* up to "]]>" */
	SKIPPED, /* "<?...", "<!DOCTYPE...": up to '>' */
	RAW,	 /* a script's or style's inside */
};

struct element {
	uint16_t hash;
	uint8_t packed, spare;
};

struct xml {
	uint8_t mode;
	uint8_t hidden;	   /* class of the text or attribute; 0: shown, else class + 1 */
	uint8_t is_judged; /* the text has begun: whether it is hidden is decided */
	uint8_t is_key;	   /* inside of <key> */
	uint8_t pending;   /* packed: what the last <key> says of the next element */
	uint8_t label;	   /* packed: what this tag says of its value and text */
	uint8_t quote, match, is_raw, is_void, is_slash;
	uint8_t name_length;
	uint8_t name[FIELD_NAME];
	uint16_t hash;
	uint32_t depth;	 /* elements on the stack */
	uint32_t deeper; /* of the name of the last one, which had no room */
	struct element stack[DEPTH];
};
_Static_assert(sizeof(struct xml) <= WALK_STATE, "the state has a fixed size");

static uint8_t around(const struct xml *xml)
{
	return xml->depth ? xml->stack[xml->depth - 1].packed : WALK_NONE;
}

static void name_byte(struct xml *xml, uint8_t byte)
{
	if (xml->name_length < FIELD_NAME)
		xml->name[xml->name_length++] = byte;
	xml->hash = (uint16_t)(xml->hash * 31u + text_lower(byte));
}

static void begin_name(struct xml *xml, enum mode mode)
{
	xml->mode = (uint8_t)mode;
	xml->name_length = 0;
	xml->hash = 7;
}

static bool is_name_end(uint8_t byte)
{
	return byte == '>' || byte == '/' || byte == ' ' || byte == '\t' || byte == '\n' ||
	       byte == '\r';
}

static bool is_one_of(const uint8_t *name, size_t length, const char *const *words, size_t count)
{
	for (size_t i = 0; length && i < count; i++)
		if (text_lower(name[0]) == (uint8_t)words[i][0] &&
		    walk_same(name, length, words[i]))
			return true;
	return false;
}

/* ---- what a tag says -------------------------------------------------------------------------- */

static struct field_rule of_attribute(const uint8_t *name, size_t name_length, const uint8_t *value,
				      size_t length)
{
	static const char *const names[] = {"name",	 "itemprop", "autocomplete", "key",
					    "field",	 "property", "data-field",   "data-name",
					    "fieldname", "column",   "label"};
	static const char *const hints[] = {"id", "class", "type", "data-testid"};
	struct field_rule rule = FIELD_NONE;

	if (is_one_of(name, name_length, names, BL_COUNT(names))) {
		rule = field_rule(value, length);
	} else if (is_one_of(name, name_length, hints, BL_COUNT(hints))) {
		/* Named for looks: what is in there must look like it as well. */
		rule = field_rule(value, length);
		if (rule.strength == FIELD_SURE)
			rule.strength = FIELD_WEAK;
	}
	return rule.strength == FIELD_BESIDE ? FIELD_NONE : rule;
}

/* The attributes that follow at @at: does one name what the tag holds? */
static struct field_rule tag_label(const struct text *text, size_t at)
{
	const uint8_t *b = text->bytes;
	size_t limit = BL_MIN(text->length, at + LABEL_AHEAD);
	struct field_rule found = FIELD_NONE;

	while (at < limit && b[at] != '>') {
		size_t name = at, end, value;
		uint8_t quote = 0;

		while (at < limit && !is_name_end(b[at]) && b[at] != '=')
			at++;
		end = at;
		if (at >= limit || b[at] != '=') {
			at += at < limit && b[at] != '>';
			continue;
		}
		at++;
		if (at < limit && (b[at] == '"' || b[at] == '\''))
			quote = b[at++];
		value = at;
		while (at < limit && (quote ? b[at] != quote : !is_name_end(b[at])))
			at++;
		if (found.class == CLASS_COUNT || found.strength != FIELD_SURE) {
			struct field_rule rule =
				of_attribute(b + name, end - name, b + value, at - value);

			if (rule.class != CLASS_COUNT)
				found = rule;
		}
		at += quote && at < limit;
	}
	return found;
}

static void end_element_name(struct xml *xml, struct walk_run *run, size_t at)
{
	static const char *const voids[] = {"area",  "base",   "br",	"col",	"embed",
					    "hr",    "img",    "input", "link", "meta",
					    "param", "source", "track", "wbr"};
	struct field_rule rule = field_remember(&run->memo, xml->name, xml->name_length);
	uint8_t outer = around(xml);

	xml->is_void = is_one_of(xml->name, xml->name_length, voids, BL_COUNT(voids));
	xml->is_raw = walk_same(xml->name, xml->name_length, "script") ||
		      walk_same(xml->name, xml->name_length, "style");
	xml->is_key = walk_same(xml->name, xml->name_length, "key");
	xml->is_slash = 0;
	if (rule.class != CLASS_COUNT && rule.strength == FIELD_BESIDE)
		rule = outer != WALK_NONE ? (struct field_rule){rule.class, FIELD_SURE}
					  : FIELD_NONE;
	if (rule.class == CLASS_COUNT && !xml->is_key && xml->pending != WALK_NONE)
		rule = walk_unpack(xml->pending);
	if (!xml->is_key)
		xml->pending = 0;
	if (rule.class == CLASS_COUNT && run->text->bytes[at] != '>')
		rule = tag_label(run->text, at);
	xml->label = walk_pack(rule);
	xml->mode = TAG;
}

static void push(struct xml *xml, uint8_t packed)
{
	if (xml->depth < DEPTH)
		xml->stack[xml->depth++] = (struct element){xml->hash, packed, 0};
	else if (xml->stack[DEPTH - 1].hash == xml->hash && xml->deeper < UINT32_MAX)
		xml->deeper++;
}

/* '>' of a tag that opens. Only what has a class, or the name of what has, needs to be closed. */
static void end_tag(struct xml *xml)
{
	xml->mode = xml->is_raw && !xml->is_slash ? RAW : CONTENT;
	xml->is_judged = 0;
	xml->hidden = 0;
	xml->match = 0;
	if (xml->is_key)
		xml->name_length = 0;
	if (xml->is_slash || xml->is_void || xml->is_raw)
		return;
	if (xml->label != WALK_NONE)
		push(xml, xml->label);
	else if (xml->depth && xml->stack[xml->depth - 1].hash == xml->hash)
		push(xml, around(xml));
}

static void close_element(struct xml *xml)
{
	if (xml->is_key) {
		xml->is_key = 0;
	} else if (xml->depth && xml->stack[xml->depth - 1].hash == xml->hash) {
		if (xml->deeper)
			xml->deeper--;
		else
			xml->depth--;
	}
	xml->is_judged = 0;
}

/* ---- values ----------------------------------------------------------------------------------- */

/* "<string name=password>Password</string>" names the field for people. */
static bool is_caption(const struct text *text, size_t start, size_t end, unsigned class)
{
	if (end - start > 32 || class == CLASS_NAME)
		return false;
	if (class == CLASS_PASSWORD)
		return walk_same(text->bytes + start, end - start, "password");
	for (size_t at = start; at < end; at++)
		if (text_is_digit(text->bytes[at]) || text->bytes[at] == '@')
			return false;
	return field_rule(text->bytes + start, end - start).class == class;
}

static void begin_value(struct xml *xml, struct walk_run *run, struct field_rule rule, size_t at,
			uint8_t stop)
{
	size_t limit = BL_MIN(run->text->length, at + FIELD_VALUE), end = at;

	xml->hidden = 0;
	xml->is_judged = 1;
	if (rule.class == CLASS_COUNT)
		return;
	while (end < limit && run->text->bytes[end] != stop)
		end++;
	while (end > at && (run->text->bytes[end - 1] == ' ' || run->text->bytes[end - 1] == '\n' ||
			    run->text->bytes[end - 1] == '\r' || run->text->bytes[end - 1] == '\t'))
		end--;
	if (is_caption(run->text, at, end, rule.class))
		return;
	if (rule.strength != FIELD_SURE && !field_fits(rule, run->text, at, end))
		return;
	xml->hidden = (uint8_t)(rule.class + 1);
	run->open = at;
}

static void end_value(struct xml *xml, struct walk_run *run, size_t at)
{
	if (xml->hidden)
		walk_field(run, run->open, at, xml->hidden - 1u);
	xml->hidden = 0;
}

/* An attribute's own name, or this tag's where it is the one that holds the value. */
static struct field_rule rule_of_attribute(struct xml *xml, struct walk_run *run, size_t at)
{
	static const char *const values[] = {"value",  "content", "v",	   "val",
					     "number", "text",	  "string"};
	struct field_rule rule;

	if (is_one_of(xml->name, xml->name_length, values, BL_COUNT(values)))
		return walk_unpack(xml->label);
	rule = field_remember(&run->memo, xml->name, xml->name_length);
	if (rule.strength == FIELD_BESIDE)
		return FIELD_NONE;
	/* Nearly everything has a name; two words of it are needed to be somebody's. */
	if (rule.class == CLASS_NAME && rule.strength == FIELD_WEAK) {
		size_t limit = BL_MIN(run->text->length, at + 40);

		while (at < limit && run->text->bytes[at] != ' ' && run->text->bytes[at] != '"')
			at++;
		if (at == limit || run->text->bytes[at] != ' ')
			return FIELD_NONE;
	}
	return rule;
}

/* ---- the machine ------------------------------------------------------------------------------ */

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static size_t in_content(struct xml *xml, struct walk_run *run, size_t at)
{
	const uint8_t *bytes = run->text->bytes, *less;

	if (!xml->is_judged && around(xml) != WALK_NONE && !xml->is_key) {
		while (at < run->to && is_blank(bytes[at]))
			at++;
		if (at == run->to)
			return at;
		if (bytes[at] != '<')
			begin_value(xml, run, walk_unpack(around(xml)), at, '<');
	}
	less = memchr(bytes + at, '<', run->to - at);

	size_t end = less ? (size_t)(less - bytes) : run->to;

	for (size_t i = at; xml->is_key && i < end && xml->name_length < FIELD_NAME; i++)
		xml->name[xml->name_length++] = bytes[i];
	if (!less)
		return end;
	/* A '<' that begins nothing is text: "a < b" */
	if (end + 1 < run->text->length && !text_is_letter(bytes[end + 1]) &&
	    !memchr("/!?_:", bytes[end + 1], 5) && bytes[end + 1] < 0x80)
		return end + 1;
	end_value(xml, run, end);
	xml->mode = OPENED;
	return end + 1;
}

static void opened(struct xml *xml, uint8_t byte)
{
	if (byte == '/') {
		if (xml->is_key && xml->name_length)
			xml->pending = walk_pack(field_rule(xml->name, xml->name_length));
		begin_name(xml, CLOSING);
	} else if (byte == '!') {
		xml->mode = BANG;
		xml->match = 0;
	} else if (byte == '?') {
		xml->mode = SKIPPED;
	} else {
		begin_name(xml, ELEMENT);
		name_byte(xml, byte);
	}
}

/* "<!--", "<![CDATA[", "<!DOCTYPE": @match counts what was seen of the first two */
static void bang(struct xml *xml, uint8_t byte)
{
	static const char cdata[] = "[CDATA[";

	if (byte == '-' && xml->match == 0) {
		xml->match = 100;
	} else if (byte == '-' && xml->match == 100) {
		xml->mode = COMMENT;
		xml->match = 0;
	} else if (xml->match < 7 && byte == (uint8_t)cdata[xml->match]) {
		if (++xml->match == 7) {
			xml->mode = CDATA;
			xml->match = 0;
		}
	} else {
		xml->mode = byte == '>' ? CONTENT : SKIPPED;
	}
}

/* Up to "-->" or "]]>". */
static bool sees_end(struct xml *xml, uint8_t byte, uint8_t mark)
{
	if (byte == '>' && xml->match >= 2)
		return true;
	xml->match = byte == mark ? (uint8_t)BL_MIN(xml->match + 1, 2) : 0;
	return false;
}

static size_t in_cdata(struct xml *xml, struct walk_run *run, size_t at)
{
	const uint8_t *bytes = run->text->bytes;

	if (!xml->is_judged && around(xml) != WALK_NONE && bytes[at] != ']')
		begin_value(xml, run, walk_unpack(around(xml)), at, ']');
	/* "]]>" is what ends it; the value ends in front, where three bytes say so. */
	if (xml->hidden && bytes[at] == ']' && xml->match == 0 && run->text->length - at >= 3 &&
	    memcmp(bytes + at, "]]>", 3) == 0)
		end_value(xml, run, at);
	if (sees_end(xml, bytes[at], ']')) {
		xml->mode = CONTENT;
		xml->is_judged = 0;
	}
	return at + 1;
}

static size_t in_raw(struct xml *xml, struct walk_run *run, size_t at)
{
	const uint8_t *bytes = run->text->bytes;
	const uint8_t *less = memchr(bytes + at, '<', run->to - at);
	size_t end = less ? (size_t)(less - bytes) : run->to;
	struct text rest = {bytes, run->text->length};

	if (!less)
		return end;
	if (rest.length - end >= 7 &&
	    (walk_same(bytes + end, 7, "</scrip") || walk_same(bytes + end, 7, "</style")))
		xml->mode = OPENED;
	return end + 1;
}

static size_t in_tag(struct xml *xml, uint8_t byte, size_t at)
{
	if (byte == '>') {
		end_tag(xml);
	} else if (byte == '<') {
		xml->mode = OPENED;
	} else if (byte == '/') {
		xml->is_slash = 1;
	} else if (!is_blank(byte)) {
		/* The element's hash is needed until its '>'. */
		xml->mode = ATTRIBUTE;
		xml->name_length = 0;
		xml->is_slash = 0;
		return at;
	}
	return at + 1;
}

static size_t in_attribute(struct xml *xml, uint8_t byte, size_t at)
{
	if (byte == '=') {
		xml->mode = EQUALS;
	} else if (byte == '>' || byte == '/' || byte == '<' || is_blank(byte)) {
		xml->mode = TAG;
		return byte == '>' || byte == '/' || byte == '<' ? at : at + 1;
	} else if (xml->name_length < FIELD_NAME) {
		xml->name[xml->name_length++] = byte;
	}
	return at + 1;
}

static size_t after_equals(struct xml *xml, struct walk_run *run, size_t at)
{
	uint8_t byte = run->text->bytes[at];

	if (is_blank(byte))
		return at + 1;
	if (byte == '>') {
		xml->mode = TAG;
		return at;
	}
	xml->quote = byte == '"' || byte == '\'' ? byte : 0;
	xml->mode = xml->quote ? QUOTED : UNQUOTED;
	at += xml->quote != 0;
	begin_value(xml, run, rule_of_attribute(xml, run, at), at, xml->quote ? xml->quote : '>');
	return at;
}

static size_t in_quotes(struct xml *xml, struct walk_run *run, size_t at)
{
	const uint8_t *quote = memchr(run->text->bytes + at, xml->quote, run->to - at);

	if (!quote)
		return run->to;
	at = (size_t)(quote - run->text->bytes);
	end_value(xml, run, at);
	xml->mode = TAG;
	return at + 1;
}

static size_t step(struct xml *xml, struct walk_run *run, size_t at)
{
	uint8_t byte = run->text->bytes[at];

	switch ((enum mode)xml->mode) {
	case CONTENT:
		return in_content(xml, run, at);
	case OPENED:
		opened(xml, byte);
		return at + 1;
	case ELEMENT:
		if (is_name_end(byte)) {
			end_element_name(xml, run, at);
			return at;
		}
		name_byte(xml, byte);
		return at + 1;
	case CLOSING:
		if (byte == '>') {
			close_element(xml);
			xml->mode = CONTENT;
		} else if (!is_blank(byte)) {
			name_byte(xml, byte);
		}
		return at + 1;
	case TAG:
		return in_tag(xml, byte, at);
	case ATTRIBUTE:
		return in_attribute(xml, byte, at);
	case EQUALS:
		return after_equals(xml, run, at);
	case QUOTED:
		return in_quotes(xml, run, at);
	case UNQUOTED:
		if (byte != '>' && !is_blank(byte))
			return at + 1;
		end_value(xml, run, at);
		xml->mode = TAG;
		return at;
	case BANG:
		bang(xml, byte);
		return at + 1;
	case COMMENT:
		if (sees_end(xml, byte, '-'))
			xml->mode = CONTENT;
		return at + 1;
	case CDATA:
		return in_cdata(xml, run, at);
	case SKIPPED:
		if (byte == '>')
			xml->mode = CONTENT;
		return at + 1;
	case RAW:
		return in_raw(xml, run, at);
	}
	return at + 1;
}

void walk_xml(void *state, struct walk_run *run)
{
	struct xml *xml = state;

	for (size_t at = run->from; at < run->to;)
		at = step(xml, run, at);
	if (xml->hidden)
		walk_field(run, run->open, run->to, xml->hidden - 1u);
}

/* JSON (RFC 8259), JSON Lines among it: what a key says counts for all that is nested below. */
#include "policy/detect/walk-parts.h"

#include <string.h>

#define DEPTH                                                                                      \
	64u /* containers whose class is remembered; what is deeper is hidden when its own key says so, or the 64th's */
#define KEY_BYTES FIELD_NAME

enum mode {
	BETWEEN, /* white space, punctuation, true, false, null */
	STRING,
	ESCAPE, /* behind '\\' in a string */
	NUMBER,
};

struct json {
	uint8_t mode;
	uint8_t is_key;	    /* the string is one */
	uint8_t wants_key;  /* the next string is one */
	uint8_t key;	    /* packed: what the last key says, or the container around it */
	uint8_t hidden;	    /* class of the string or number; 0: shown, else class + 1 */
	uint8_t key_length; /* KEY_BYTES + 1: too long to say anything */
	uint32_t depth;
	uint8_t name[KEY_BYTES];
	uint8_t classes[DEPTH]; /* packed: what the containers' keys say */
	uint8_t is_object[DEPTH];
};
_Static_assert(sizeof(struct json) <= WALK_STATE, "the state has a fixed size");

static unsigned level(const struct json *json)
{
	return BL_MIN(json->depth, DEPTH) - 1u;
}

static uint8_t inherited(const struct json *json)
{
	return json->depth ? json->classes[level(json)] : WALK_NONE;
}

static void begin_container(struct json *json, bool is_object)
{
	uint8_t class = json->depth && !json->is_object[level(json)] ? inherited(json) : json->key;

	if (!json->depth)
		class = WALK_NONE;
	if (json->depth < UINT32_MAX)
		json->depth++;
	json->classes[level(json)] = class;
	json->is_object[level(json)] = is_object;
	json->wants_key = is_object;
	json->key = class;
}

static void end_container(struct json *json)
{
	if (json->depth)
		json->depth--;
	json->wants_key = 0;
	json->key = inherited(json);
}

/* Of a list of phones or addresses each says which sort it is: no value. */
static bool is_sort(const uint8_t *name, size_t length)
{
	static const char *const sorts[] = {"type", "label", "kind", "primary", "id", "@type"};

	for (size_t i = 0; i < BL_COUNT(sorts); i++)
		if (walk_same(name, length, sorts[i]))
			return true;
	return false;
}

static unsigned hex_digit(uint8_t byte)
{
	if (text_is_digit(byte))
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10u : 16u;
}

/* "\u0065mail" is "email"; other escapes are no letters of a name. */
static void read_escapes(struct json *json)
{
	size_t to = 0, length = json->key_length;

	if (!memchr(json->name, '\\', length))
		return;
	for (size_t at = 0; at < length; to++) {
		unsigned code = 0, digits = 0;

		if (json->name[at] == '\\' && length - at >= 6 && json->name[at + 1] == 'u')
			for (; digits < 4 && hex_digit(json->name[at + 2 + digits]) < 16; digits++)
				code = code << 4 | hex_digit(json->name[at + 2 + digits]);
		if (digits == 4 && code < 0x80) {
			json->name[to] = (uint8_t)code;
			at += 6;
		} else {
			json->name[to] = json->name[at++];
		}
	}
	json->key_length = (uint8_t)to;
}

static void end_key(struct json *json, struct walk_run *run)
{
	if (json->key_length <= KEY_BYTES)
		read_escapes(json);

	struct field_rule rule = json->key_length <= KEY_BYTES
					 ? field_remember(&run->memo, json->name, json->key_length)
					 : FIELD_NONE;
	uint8_t around = inherited(json);

	json->is_key = 0;
	json->wants_key = 0;
	json->key = around;
	if (rule.class != CLASS_COUNT) {
		if (rule.strength == FIELD_BESIDE && around != WALK_NONE)
			rule.strength = FIELD_SURE; /* {"address": {"state": ...}} */
		if (rule.strength != FIELD_BESIDE)
			json->key = walk_pack(rule);
	} else if (around != WALK_NONE &&
		   is_sort(json->name, BL_MIN(json->key_length, KEY_BYTES))) {
		json->key = WALK_NONE;
	}
}

/* Where the string that begins at @at ends, as far as one looks. */
static size_t string_end(const struct text *text, size_t at)
{
	size_t limit = BL_MIN(text->length, at + FIELD_VALUE);

	for (; at < limit && text->bytes[at] != '"'; at++)
		if (text->bytes[at] == '\\')
			at++;
	return BL_MIN(at, limit);
}

static void begin_value(struct json *json, struct walk_run *run, size_t at, bool is_string)
{
	uint8_t packed = json->depth && !json->is_object[level(json)] ? inherited(json) : json->key;
	struct field_rule rule = walk_unpack(packed);
	size_t end = at;

	json->hidden = 0;
	if (rule.class == CLASS_COUNT)
		return;
	if (rule.strength != FIELD_SURE) {
		if (is_string)
			end = string_end(run->text, at);
		else
			while (end < run->text->length && end < at + 32 &&
			       memchr("0123456789+-.eE", run->text->bytes[end], 15))
				end++;
		if (!field_fits(rule, run->text, at, end))
			return;
	}
	json->hidden = (uint8_t)(rule.class + 1);
	run->open = at;
}

static void end_value(struct json *json, struct walk_run *run, size_t at)
{
	if (json->hidden)
		walk_field(run, run->open, at, json->hidden - 1u);
	json->hidden = 0;
}

static void between(struct json *json, struct walk_run *run, size_t at)
{
	uint8_t byte = run->text->bytes[at];

	switch (byte) {
	case '"':
		json->mode = STRING;
		json->is_key = json->wants_key;
		if (json->is_key)
			json->key_length = 0;
		else
			begin_value(json, run, at + 1, true);
		break;
	case '{':
	case '[':
		begin_container(json, byte == '{');
		break;
	case '}':
	case ']':
		end_container(json);
		break;
	case ',':
		json->wants_key = json->depth && json->is_object[level(json)];
		json->key = inherited(json);
		break;
	case ':':
		json->wants_key = 0;
		break;
	case '\n':
		/* A record of JSON Lines that was cut off does not spoil the next. */
		if (json->depth && run->text->length - at >= 3 &&
		    memcmp(run->text->bytes + at + 1, "{\"", 2) == 0 && json->depth == 1 &&
		    json->is_object[0] && !json->wants_key)
			json->depth = 0;
		break;
	default:
		if (text_is_digit(byte) || byte == '-') {
			json->mode = NUMBER;
			begin_value(json, run, at, false);
		}
		break;
	}
}

/* As much as there is room for, so that the state is the same however the key comes. */
static void key_bytes(struct json *json, const uint8_t *bytes, size_t length)
{
	size_t kept =
		json->key_length > KEY_BYTES ? 0 : BL_MIN(length, KEY_BYTES - json->key_length);

	memcpy(json->name + BL_MIN(json->key_length, KEY_BYTES), bytes, kept);
	json->key_length = (uint8_t)(kept < length ? KEY_BYTES + 1 : json->key_length + kept);
}

/* Bytes of a string up to what means something in it. */
static size_t skip_string(const uint8_t *bytes, size_t at, size_t to)
{
	while (at < to && bytes[at] != '"' && bytes[at] != '\\' && bytes[at] != '\n')
		at++;
	return at;
}

static size_t in_string(struct json *json, struct walk_run *run, size_t at)
{
	const uint8_t *bytes = run->text->bytes;
	size_t end = skip_string(bytes, at, run->to);

	if (json->is_key)
		key_bytes(json, bytes + at, end - at);
	if (end == run->to)
		return end;
	if (bytes[end] == '"') {
		json->mode = BETWEEN;
		if (json->is_key)
			end_key(json, run);
		else
			end_value(json, run, end);
	} else if (bytes[end] == '\\') {
		json->mode = ESCAPE;
		if (json->is_key)
			key_bytes(json, bytes + end, 1);
	} else if (end + 2 < run->text->length && memcmp(bytes + end + 1, "{\"", 2) == 0) {
		/* No string has a bare line end: the record was cut off. */
		end_value(json, run, end);
		json->mode = BETWEEN;
		json->is_key = json->wants_key = 0;
		json->depth = 0;
	}
	return end + 1;
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

void walk_json(void *state, struct walk_run *run)
{
	struct json *json = state;
	const uint8_t *bytes = run->text->bytes;

	for (size_t at = run->from; at < run->to;) {
		switch ((enum mode)json->mode) {
		case BETWEEN:
			while (at < run->to && is_blank(bytes[at]))
				at++;
			if (at < run->to)
				between(json, run, at++);
			break;
		case STRING:
			at = in_string(json, run, at);
			break;
		case ESCAPE:
			if (json->is_key)
				key_bytes(json, bytes + at, 1);
			json->mode = STRING;
			at++;
			break;
		case NUMBER:
			if (text_is_alnum(bytes[at]) || memchr("+-.", bytes[at], 3)) {
				at++;
				break;
			}
			end_value(json, run, at);
			json->mode = BETWEEN;
			break;
		}
	}
	if (json->hidden && json->mode != BETWEEN)
		walk_field(run, run->open, run->to, json->hidden - 1u);
}

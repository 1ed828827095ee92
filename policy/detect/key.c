/* Private keys in textual encoding: RFC 7468, RFC 4880 6.2 (PGP), OpenSSH's PROTOCOL.key */
#include "policy/detect/parts.h"

#include <string.h>

#define LABEL_LIMIT 64u

/* The end of "-----BEGIN ... PRIVATE KEY...-----" at @at; @at when this is no private key. */
static size_t begin_end(const struct text *text, size_t at)
{
	static const char needle[] = "PRIVATE KEY";
	size_t limit = BL_MIN(text->length, at + BEGIN_SIZE + LABEL_LIMIT);
	bool is_private = false;

	for (size_t i = at + BEGIN_SIZE; i + 5 <= limit; i++) {
		uint8_t byte = text->bytes[i];

		if (memcmp(text->bytes + i, "-----", 5) == 0)
			return is_private ? i + 5 : at;
		if (!text_is_alnum(byte) && byte != ' ' && byte != '-')
			return at;
		if (i + sizeof(needle) - 1 <= limit &&
		    memcmp(text->bytes + i, needle, sizeof(needle) - 1) == 0)
			is_private = true;
	}
	return at;
}

/* The end of "-----END ...-----" that begins at @at; @at when there is none. */
static size_t end_end(const struct text *text, size_t at, size_t limit)
{
	if (at + 8 > limit || memcmp(text->bytes + at, "-----END", 8) != 0)
		return at;
	for (size_t i = at + 8; i + 5 <= limit && i < at + 8 + LABEL_LIMIT; i++) {
		if (memcmp(text->bytes + i, "-----", 5) == 0)
			return i + 5;
		if (text->bytes[i] == '\n')
			break;
	}
	return at + 8;
}

static bool is_base64_byte(uint8_t byte)
{
	return text_is_alnum(byte) || byte == '+' || byte == '/' || byte == '=';
}

/* A block without END: its lines are base64, armor headers or blank. */
static size_t body_end(const struct text *text, size_t at, size_t limit)
{
	size_t good = at;

	while (at < limit) {
		size_t end = at, odd = 0, colon = 0;

		for (; end < limit && text->bytes[end] != '\n'; end++) {
			uint8_t byte = text->bytes[end];

			/* A backslash: the block is on one line inside a JSON string. */
			odd += !is_base64_byte(byte) && byte != '\r' && byte != '\\' &&
			       byte != ' ' && byte != '\t';
			colon += byte == ':';
			odd += byte == ' ' && end > at && text_is_alnum(text->bytes[end - 1]);
		}
		if (odd && !colon) {
			/* What is base64 at the front of the line still belongs to it. */
			while (at < end &&
			       (is_base64_byte(text->bytes[at]) || text->bytes[at] == '\\'))
				at++;
			return at - good >= 16 ? at : good;
		}
		good = end;
		at = end + 1;
	}
	return limit > good ? limit : good;
}

void key_at(const struct text *text, size_t at, struct key_search *search, struct sink *sink)
{
	size_t limit = BL_MIN(text->length, at + DETECT_REACH);
	size_t body = begin_end(text, at), end;

	if (body == at)
		return;
	/* One END serves every BEGIN before it: without this a file of BEGINs takes quadratic time. */
	if (!search->is_valid || body > search->found) {
		const uint8_t *found =
			memmem(text->bytes + body, text->length - body, "-----END", 8);

		search->found = found ? (size_t)(found - text->bytes) : text->length;
		search->is_valid = true;
	}
	end = end_end(text, search->found, limit);
	if (search->found < limit && end > search->found)
		sink_add(sink, at, end, CLASS_PRIVATE_KEY, true);
	else
		sink_add(sink, at, BL_MAX(body, body_end(text, body, limit)), CLASS_PRIVATE_KEY,
			 true);
}

/*
 * What a pattern of `detect.custom` may say, before the matcher sees it
 *
 * Refused here: what would not mean what it seems to (anchors: matches are found wherever they stand), and what
 * takes the matcher minutes and gigabytes to refuse by itself. Everything else is its business.
 */
#include "policy/detect/parts.h"

#include <string.h>

#define PATTERN_LIMIT 400 /* bytes */
#define WEIGHT_LIMIT  256 /* positions once repeats are written out */
#define GROUP_LIMIT   16  /* groups in groups */
#define REPEAT_LIMIT  1024

/* What a character class comes to when it is more than ASCII: the byte sequences of UTF-8. Measured. */
#define WEIGHT_WIDE 32u

struct pattern {
	const char *text;
	size_t length, at;
	unsigned sums[GROUP_LIMIT]; /* positions so far, per open group */
	unsigned depth;
	unsigned last; /* positions of what a repeat would repeat; 0: nothing */
	struct bl_error *why;
};

static enum bl_status refuse(struct pattern *pattern, const char *words)
{
	return bl_fail(pattern->why, BL_INVALID, "%s", words);
}

static int peek(const struct pattern *pattern, size_t ahead)
{
	size_t at = pattern->at + ahead;

	return at < pattern->length ? (uint8_t)pattern->text[at] : -1;
}

static enum bl_status add(struct pattern *pattern, unsigned weight)
{
	unsigned *sum = &pattern->sums[pattern->depth];

	*sum += weight;
	pattern->last = weight;
	if (*sum > WEIGHT_LIMIT)
		return refuse(pattern, "is too large once its repeats are written out: write "
				       "smaller bounds");
	return BL_OK;
}

static bool is_hex(int byte)
{
	return byte >= 0 && (text_is_digit((uint8_t)byte) || (uint8_t)((byte | 0x20) - 'a') < 6);
}

/* What may stand behind a backslash, in a class or not; @out_weight as one character. */
static enum bl_status take_escape(struct pattern *pattern, bool is_in_class, unsigned *out_weight)
{
	int byte = peek(pattern, 1);

	*out_weight = 1;
	if (byte < 0)
		return refuse(pattern, "ends in a backslash: write \\\\ for one");
	if (memchr("AzZG", byte, 4))
		return refuse(pattern,
			      "has an anchor: matches are found wherever they stand, leave it out");
	if (memchr("pP", byte, 2))
		return refuse(pattern, "has a \\p, which is costly to look for: list the letters, "
				       "like [a-zäöü]");
	if (text_is_alnum((uint8_t)byte) && !strchr("dDwWsSbBnrtfx", byte))
		return refuse(pattern,
			      "has a backslash before a letter or digit that means nothing "
			      "here: only \\d \\w \\s \\b \\n \\r \\t \\f \\x and their "
			      "capitals");
	if (is_in_class && (byte == 'b' || byte == 'B'))
		return refuse(pattern, "has \\b inside [ ]: a boundary is no character");
	pattern->at += 2;
	if (byte == 'D' || byte == 'W' || byte == 'S')
		*out_weight = WEIGHT_WIDE;
	if (byte != 'x')
		return BL_OK;
	*out_weight = is_in_class ? WEIGHT_WIDE : 4;
	if (peek(pattern, 0) == '{') {
		const char *end =
			memchr(pattern->text + pattern->at, '}', pattern->length - pattern->at);

		if (!end)
			return refuse(pattern, "has a { without its }");
		pattern->at = (size_t)(end - pattern->text) + 1;
		return BL_OK;
	}
	for (unsigned k = 2; k && is_hex(peek(pattern, 0)); k--) /* "\\x41" */
		pattern->at++;
	return BL_OK;
}

/* "[:alpha:]" inside a class: its length, else 0. */
static size_t posix_class(const struct pattern *pattern)
{
	size_t length = 2;

	if (peek(pattern, 0) != '[' || peek(pattern, 1) != ':')
		return 0;
	while (peek(pattern, length) == '^' ||
	       (peek(pattern, length) >= 'a' && peek(pattern, length) <= 'z'))
		length++;
	return peek(pattern, length) == ':' && peek(pattern, length + 1) == ']' ? length + 2 : 0;
}

/* One byte of a class: a letter of an alphabet like ä is a step of its own, a range of them or a longer one are many. */
static unsigned weigh_member(const struct pattern *pattern)
{
	int byte = peek(pattern, 0), next = peek(pattern, 1);

	if (byte == '-')
		return next >= 0x80 || (pattern->text[pattern->at - 1] & 0x80 && next != ']')
			       ? WEIGHT_WIDE
			       : 0;
	if (byte >= 0xe0)
		return WEIGHT_WIDE;
	return byte >= 0xc0 ? 1 : 0;
}

static enum bl_status take_class(struct pattern *pattern)
{
	unsigned weight = 1, letters = 0;

	pattern->at++;
	if (peek(pattern, 0) == '^') {
		weight = WEIGHT_WIDE;
		pattern->at++;
	}
	for (bool is_first = true; is_first || peek(pattern, 0) != ']'; is_first = false) {
		int byte = peek(pattern, 0);
		size_t posix = posix_class(pattern);
		unsigned one = 1;

		if (byte < 0)
			return refuse(pattern, "has a [ without its ]");
		if (byte == '\\') {
			enum bl_status status = take_escape(pattern, true, &one);

			if (status != BL_OK)
				return status;
		} else {
			letters += weigh_member(pattern);
			pattern->at += posix ? posix : 1;
		}
		weight = BL_MAX(weight, one);
	}
	pattern->at++;
	return add(pattern, BL_MIN(weight + letters, WEIGHT_WIDE));
}

static enum bl_status take_open(struct pattern *pattern)
{
	pattern->at++;
	pattern->last = 0;
	if (peek(pattern, 0) == '*')
		return refuse(pattern, "has (*: such words to the matcher are not taken");
	if (peek(pattern, 0) == '?') {
		size_t length = 1;

		while (peek(pattern, length) == 'i' || peek(pattern, length) == 's' ||
		       peek(pattern, length) == '-')
			length++;
		if (peek(pattern, length) != ':' && peek(pattern, length) != ')')
			return refuse(pattern, "has a (? that is not taken: only (?:...), (?i) and "
					       "(?s)");
		pattern->at += length + 1;
		if (pattern->text[pattern->at - 1] == ')')
			return BL_OK;
	}
	if (pattern->depth + 1 == GROUP_LIMIT)
		return refuse(pattern, "has too many groups inside groups");
	pattern->sums[++pattern->depth] = 0;
	return BL_OK;
}

static enum bl_status take_close(struct pattern *pattern)
{
	if (pattern->depth == 0)
		return refuse(pattern, "has a ) without its (");
	pattern->at++;
	unsigned weight = pattern->sums[pattern->depth--];

	return add(pattern, weight);
}

/* Up to four digits at @ahead; returns how many. */
static size_t read_count(const struct pattern *pattern, size_t ahead, unsigned *out)
{
	size_t length = 0;

	for (*out = 0;
	     length < 9 && text_is_digit((uint8_t)BL_MAX(peek(pattern, ahead + length), 0));
	     length++)
		*out = *out * 10 + (unsigned)(peek(pattern, ahead + length) - '0');
	return length;
}

static const char ENDLESS[] = "can match without end: write a bound like {1,20}";

/* "{m}", "{m,n}"; a brace that begins neither is a character. */
static enum bl_status take_brace(struct pattern *pattern)
{
	unsigned least, most;
	size_t length = 1 + read_count(pattern, 1, &least);

	most = least;
	if (length > 1 && peek(pattern, length) == ',') {
		size_t digits = read_count(pattern, length + 1, &most);

		if (digits == 0 && peek(pattern, length + 1) == '}')
			return refuse(pattern, ENDLESS);
		length += 1 + digits;
	}
	if (length == 1 || peek(pattern, length) != '}')
		return refuse(pattern, "has a { that begins no count: write \\{ for a brace");
	if (most > REPEAT_LIMIT || least > most)
		return refuse(pattern,
			      "has a count that is too large or the wrong way round: write "
			      "one like {1,20}");
	pattern->at += length + 1;
	unsigned last = pattern->last;

	pattern->sums[pattern->depth] -= last;
	return add(pattern, last * BL_MAX(most, 1u));
}

static enum bl_status take_literal(struct pattern *pattern)
{
	unsigned length = 1;

	/* A repeat takes the whole character. */
	while ((peek(pattern, 0) & 0xc0) == 0xc0 && (peek(pattern, length) & 0xc0) == 0x80 &&
	       length < 4)
		length++;
	pattern->at += length;
	return add(pattern, length);
}

static enum bl_status take(struct pattern *pattern)
{
	unsigned weight;
	enum bl_status status;

	switch (peek(pattern, 0)) {
	case '^':
	case '$':
		return refuse(pattern,
			      "has an anchor: matches are found wherever they stand, leave "
			      "out ^ and $ (\\b is where a word begins or ends)");
	case '*':
	case '+':
		return refuse(pattern, ENDLESS);
	case '\\':
		status = take_escape(pattern, false, &weight);
		return status == BL_OK ? add(pattern, weight) : status;
	case '[':
		return take_class(pattern);
	case '(':
		return take_open(pattern);
	case ')':
		return take_close(pattern);
	case '{':
		return take_brace(pattern);
	case '|':
		pattern->last = 0;
		pattern->at++;
		return BL_OK;
	case '?':
		pattern->at++;
		return BL_OK;
	case '.':
		pattern->at++;
		return add(pattern, WEIGHT_WIDE);
	default:
		return take_literal(pattern);
	}
}

enum bl_status pattern_check(const char *text, unsigned *out_weight, struct bl_error *why)
{
	struct pattern pattern = {.text = text, .length = strlen(text), .why = why};
	struct text bytes = {(const uint8_t *)text, pattern.length};

	if (pattern.length == 0)
		return refuse(&pattern, "is empty: write what the values look like");
	if (pattern.length > PATTERN_LIMIT)
		return bl_fail(why, BL_INVALID, "is longer than %d bytes: write a shorter one",
			       PATTERN_LIMIT);
	if (!text_is_whole(&bytes))
		return refuse(&pattern, "is not UTF-8");
	while (pattern.at < pattern.length) {
		enum bl_status status = take(&pattern);

		if (status != BL_OK)
			return status;
	}
	if (pattern.depth)
		return refuse(&pattern, "has a ( without its )");
	*out_weight = pattern.sums[0];
	return BL_OK;
}

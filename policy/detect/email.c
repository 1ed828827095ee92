/* Email addresses (RFC 5321, RFC 6531) and the user info of URLs (RFC 3986, 3.2.1), around an '@' */
#include "policy/detect/parts.h"

#include <string.h>
#include <strings.h>

#define LOCAL_LIMIT    64  /* RFC 5321, 4.5.3.1.1; of something longer the last 64 bytes count */
#define DOMAIN_LIMIT   255 /* RFC 5321, 4.5.3.1.2 */
#define USERINFO_LIMIT 256
#define URL_LIMIT      200 /* bytes of a URL from its '@' on, so that all of it stays a span */
#define SCHEME_LIMIT   24

/* Keys of key=value: what stands before '=' in a local part is a label then, not a part of it. */
static const char *const keys[] = {
	"email",   "e-mail", "mail", "user",   "username",  "login",   "to",
	"from",	   "cc",     "bcc",  "id",     "uid",	    "addr",    "address",
	"account", "owner",  "rcpt", "sender", "recipient", "contact",
};

/* RFC 5322 atext and '.', a bit per ASCII character. */
static bool is_local(uint8_t byte)
{
	static const uint64_t bits[2] = {UINT64_C(0xa3ffecfa00000000),
					 UINT64_C(0x7fffffffc7fffffe)};

	return byte < 0x80 && (bits[byte / 64] >> (byte % 64) & 1);
}

static size_t local_start(const struct text *text, size_t at)
{
	size_t start = at, floor = at > LOCAL_LIMIT ? at - LOCAL_LIMIT : 0;

	if (at > 0 && text->bytes[at - 1] == '"') {
		for (size_t i = at - 1; i > floor && text->bytes[i - 1] != '\n'; i--)
			if (text->bytes[i - 1] == '"' &&
			    !(i >= 2 && text->bytes[i - 2] == '\\')) /* quoted-pair */
				return i - 1;
		return at;
	}
	while (start > floor) {
		int32_t code;

		if (text->bytes[start - 1] < 0x80) {
			if (!is_local(text->bytes[start - 1]))
				break;
			start--;
			continue;
		}
		size_t length = text_before(text, start, &code);

		if (code < 0 || length > start - floor)
			break;
		if (code < 0x80 || (!text_is_word(code) && !text_zero_width(text, start - length)))
			break;
		start -= length;
	}
	return start;
}

/* Behind the letters of an escape that the local part seems to begin with: "\nkim@example.com" of a program */
static size_t behind_escape(const struct text *text, size_t start, size_t at)
{
	for (size_t length = 1; length <= 5 && start + length < at; length += 4)
		if (start > 0 && text->bytes[start - 1] == '\\' &&
		    text_follows_escape(text, start + length))
			return start + length;
	return start;
}

/* Take quotes, slashes and "email=" off the front: they are not the person's. */
static size_t local_trim(const struct text *text, size_t start, size_t at)
{
	for (size_t i = start; i < at; i++) {
		uint8_t byte = text->bytes[i];

		if (text_is_alnum(byte))
			continue;
		if (byte == '/' || byte == '?' || byte == '&' || byte == '{' || byte == '|' ||
		    byte == '`') {
			start = i + 1;
			continue;
		}
		if (byte != '=')
			continue;
		for (size_t k = 0; k < BL_COUNT(keys); k++) {
			size_t length = strlen(keys[k]);
			bool is_key = length == i - start;

			for (size_t c = 0; c < length && is_key; c++)
				is_key = text_lower(text->bytes[start + c]) == (uint8_t)keys[k][c];
			if (is_key)
				start = i + 1;
		}
	}
	while (start < at && text->bytes[start] != '"' && !text_is_alnum(text->bytes[start]) &&
	       text->bytes[start] != '_') {
		size_t hidden = text_zero_width(text, start);

		if (text->bytes[start] >= 0x80 && !hidden)
			break;
		start += hidden ? hidden : 1;
	}
	return BL_MIN(start, at);
}

/* The end of a domain that begins at @at, or @at when there is none with a dot and a top-level name. */
static size_t domain_end(const struct text *text, size_t at)
{
	size_t limit = BL_MIN(text->length, at + DOMAIN_LIMIT), end = at, good = at, label = at;

	if (at < limit && text->bytes[at] == '[') {
		for (end = at + 1; end < limit && (text_is_alnum(text->bytes[end]) ||
						   memchr(":.-", text->bytes[end], 3));)
			end++;
		return end < limit && text->bytes[end] == ']' && end > at + 2 ? end + 1 : at;
	}
	bool has_dot = false, has_letter = false;

	while (end < limit) {
		int32_t code = text->bytes[end];
		size_t length = 1;

		if (text_is_alnum((uint8_t)code)) {
			has_letter |= code > '9';
			end++;
			if (has_dot && has_letter && end - label >= 2)
				good = end;
			continue;
		}
		if (code >= 0x80)
			length = text_next(text, end, &code);
		if (length > limit - end)
			break;
		if (code >= 0x80 && text_zero_width(text, end)) {
			end += length;
			continue;
		}
		if (code == '.') {
			if (end == label)
				break;
			has_dot = true;
			label = end + 1;
			has_letter = false;
		} else if (code != '-' && code != '_' && !text_is_word(code)) {
			break;
		} else {
			has_letter |= code >= 0x80;
		}
		end += length;
		if (has_dot && has_letter && end - label >= 2 && code != '-' && code != '_')
			good = end;
	}
	return good;
}

/* "scheme://user:secret@host": the user info, when it is there */
static size_t userinfo_start(const struct text *text, size_t at)
{
	size_t floor = at > USERINFO_LIMIT ? at - USERINFO_LIMIT : 0;

	for (size_t i = at; i > floor; i--) {
		uint8_t byte = text->bytes[i - 1];

		if (byte == '/' && i >= 4 && text->bytes[i - 2] == '/' &&
		    text->bytes[i - 3] == ':' && text_is_alnum(text->bytes[i - 4]))
			return i;
		if (byte <= ' ' || byte == '/' || byte == '"' || byte == '<' || byte == '>')
			break;
	}
	return at;
}

/* "icon@2x.png": a picture for screens of twice the points, and nobody's address */
static bool is_file(const struct text *text, size_t domain, size_t end)
{
	static const char *const types[] = {"png", "jpg",  "jpeg", "gif", "webp", "svg",
					    "pdf", "heic", "avif", "ktx", "xcf",  "psd"};
	size_t dot = domain;

	while (dot < end && text_is_digit(text->bytes[dot]))
		dot++;
	if (dot == domain || dot + 2 >= end || (text->bytes[dot] | 0x20) != 'x')
		return false;
	for (dot++; dot < end && text->bytes[dot] != '.';) /* "@2x~ipad.png" */
		dot++;
	for (size_t i = 0; i < BL_COUNT(types); i++)
		if (end - dot == strlen(types[i]) + 1 &&
		    strncasecmp((const char *)text->bytes + dot + 1, types[i], end - dot - 1) == 0)
			return true;
	return false;
}

/* "git@example.com:team/tool.git": where a program is kept; says nothing of a person (git(1), "Git URLs") */
static bool is_remote(const struct text *text, size_t start, size_t at, size_t end)
{
	if (at - start != 3 || memcmp(text->bytes + start, "git", 3) != 0)
		return false;
	return (end + 1 < text->length && text->bytes[end] == ':' && text->bytes[end + 1] > ' ') ||
	       (start >= 6 && memcmp(text->bytes + start - 6, "ssh://", 6) == 0);
}

/* ---- letters that are spelt as "&#107;", "&#x6b;" or "\u006b" ------------------------------------------ */

#define SPELT_BEFORE 200u /* bytes */
#define SPELT_BEHIND 280u

static unsigned digit_of(uint8_t byte, unsigned base)
{
	unsigned value = 99;

	if (text_is_digit(byte))
		value = byte - (unsigned)'0';
	else if ((byte | 0x20) >= 'a')
		value = (byte | 0x20u) - 'a' + 10u;
	return value < base ? value : 99;
}

/* How many bytes a character of an address has that is spelt at @at; 0: there is none. */
static size_t spelt_at(const struct text *text, size_t at)
{
	const uint8_t *b = text->bytes + at;
	size_t left = text->length - at, i = 2;
	unsigned code = 0, base = 10;

	if (left < 4 || !((b[0] == '&' && b[1] == '#') || (b[0] == '\\' && b[1] == 'u')))
		return 0;
	if (b[0] == '\\') {
		base = 16;
	} else if ((b[2] | 0x20) == 'x') {
		base = 16;
		i = 3;
	}
	for (; i < 8 && i < left && digit_of(b[i], base) < 99 && !(b[0] == '\\' && i == 6); i++)
		code = code * base + digit_of(b[i], base);
	if (code >= 0x80 || (!text_is_alnum((uint8_t)code) && !memchr("._-+", (int)code, 4)))
		return 0;
	if (b[0] == '\\')
		return i == 6 ? 6 : 0;
	return i < left && b[i] == ';' ? i + 1 : 0;
}

static size_t spelt_before(const struct text *text, size_t at)
{
	for (size_t length = 5; length <= 9 && length <= at; length++)
		if (spelt_at(text, at - length) == length)
			return length;
	return 0;
}

/* The address around [at, behind) when some of its letters are spelt so; pages hide addresses from machines by that. */
static void spelt_around(const struct text *text, size_t at, size_t behind, struct sink *sink)
{
	size_t start = at, end = behind, step;
	bool is_spelt = false;

	while (at - start < SPELT_BEFORE && start > 0) {
		step = spelt_before(text, start);
		is_spelt |= step > 0;
		if (!step && !text_is_alnum(text->bytes[start - 1]) &&
		    !memchr("._-+", text->bytes[start - 1], 4))
			break;
		start -= step ? step : 1;
	}
	while (end - behind < SPELT_BEHIND && end < text->length) {
		step = spelt_at(text, end);
		is_spelt |= step > 0;
		if (!step && !text_is_alnum(text->bytes[end]) &&
		    !memchr("._-", text->bytes[end], 3))
			break;
		end += step ? step : 1;
	}
	if (is_spelt && start < at && end > behind)
		sink_add(sink, start, end, CLASS_EMAIL, true);
}

/* The address around what stands for '@' in [at, behind). */
static void email_around(const struct text *text, size_t at, size_t behind, struct sink *sink)
{
	size_t start = local_trim(text, behind_escape(text, local_start(text, at), at), at);
	size_t end = start < at ? domain_end(text, behind) : behind;

	spelt_around(text, at, behind, sink);
	if (end > behind && !is_file(text, behind, end) && !is_remote(text, start, at, end))
		sink_add(sink, start, end, CLASS_EMAIL, true);
}

void email_encoded_at(const struct text *text, size_t at, struct sink *sink)
{
	/* Programs and JSON (RFC 8259), addresses of pages (RFC 3986), HTML's character references */
	static const struct {
		char spelling[7];
		uint8_t before; /* the digits */
	} forms[] = {
		{"\\u0040", 2}, {"\\x40", 2},  {"%40", 1},    {"%2540", 1},
		{"&#64;", 2},	{"&#064;", 2}, {"&#x40;", 3},
	};

	if (!(sink->classes & CLASS_BIT(CLASS_EMAIL)))
		return;
	for (size_t i = 0; i < BL_COUNT(forms); i++) {
		size_t length = strlen(forms[i].spelling), start = at - forms[i].before;

		if (at >= forms[i].before &&
		    text->bytes[at] == (uint8_t)forms[i].spelling[forms[i].before] &&
		    length <= text->length - start &&
		    strncasecmp((const char *)text->bytes + start, forms[i].spelling, length) == 0)
			email_around(text, start, start + length, sink);
	}
}

/* Is the user info from @start to @at that and nothing else? "https://host.example?to=kim@example.com" has an address. */
static bool is_userinfo(const struct text *text, size_t start, size_t at)
{
	for (size_t i = start; i < at; i++)
		if (memchr("?#=&", text->bytes[i], 4))
			return false;
	return start < at;
}

/* Where the URL ends whose '@' is at @at: signs that end a sentence are not its own (RFC 3986, appendix C). */
static size_t url_end(const struct text *text, size_t at)
{
	size_t end = at, limit = BL_MIN(text->length, at + URL_LIMIT);

	while (end < limit && text->bytes[end] > ' ' && text->bytes[end] != 0x7f &&
	       !memchr("\"'<>`\\^{}|()", text->bytes[end], 13))
		end++;
	while (end > at + 1 && memchr(".,;:!?", text->bytes[end - 1], 6))
		end--;
	return end;
}

/* Where its scheme begins: "https" of "https://kim:pw@host", whose user info begins at @start */
static size_t scheme_start(const struct text *text, size_t start)
{
	size_t at = start - 3, floor = at > SCHEME_LIMIT ? at - SCHEME_LIMIT : 0;

	while (at > floor &&
	       (text_is_alnum(text->bytes[at - 1]) || memchr("+.-", text->bytes[at - 1], 3)))
		at--;
	return at;
}

/* Who has the host and the path has half of what the credentials are for: a URL that carries some is hidden whole. */
static void credentials_at(const struct text *text, size_t start, size_t at, struct sink *sink)
{
	if (is_userinfo(text, start, at))
		sink_add(sink, scheme_start(text, start), url_end(text, at), CLASS_URL_CREDENTIALS,
			 true);
	else
		sink_add(sink, start, at, CLASS_URL_CREDENTIALS, true);
}

void email_at(const struct text *text, size_t at, struct sink *sink)
{
	if (sink->classes & CLASS_BIT(CLASS_URL_CREDENTIALS)) {
		size_t start = userinfo_start(text, at);

		/* "git" alone is everybody's. */
		if (start < at && !(at - start == 3 && memcmp(text->bytes + start, "git", 3) == 0))
			credentials_at(text, start, at, sink);
		/* What is behind the '@' is the host then. */
		if (is_userinfo(text, start, at))
			return;
	}
	if (sink->classes & CLASS_BIT(CLASS_EMAIL))
		email_around(text, at, at + 1, sink);
}

/* Which walker a file has, and where they put what they find. */
#include "policy/detect/walk-parts.h"

#include <stdlib.h>
#include <string.h>

/* Pieces of fields that are longer than a span may be. */
#define PIECE (SPAN_LIMIT / 2)

_Static_assert(CLASS_COUNT <= 62,
	       "a class and its strength share a byte, and WALK_NONE is neither");
_Static_assert(DETECT_WINDOW % PIECE == 0, "pieces lie on the grid");

void walk_field(struct walk_run *run, size_t start, size_t end, unsigned class)
{
	struct sink *sink = run->out ? run->out->sink : NULL;

	if (!sink || class >= CLASS_COUNT || start >= end)
		return;
	if (end - start <= SPAN_LIMIT) {
		sink_add(sink, start, end, (enum bl_class) class, false);
		return;
	}
	for (size_t at = start; at < end;) {
		size_t cut = BL_MIN(end, at + PIECE - (sink->phase + at) % PIECE);

		sink_add(sink, at, BL_MIN(end, cut + 1), (enum bl_class) class, false);
		at = cut;
	}
}

void walk_part(struct walk_run *run, size_t start, size_t end, unsigned charset, unsigned transfer,
	       unsigned phase)
{
	struct walk_out *out = run->out;

	if (!out || start >= end)
		return;
	/* One goes on where the last one ended: they are one, or what stands across both would not be seen. */
	if (out->part_count) {
		struct walk_part *last = &out->parts[out->part_count - 1];

		if (last->end == start && last->charset == charset && last->transfer == transfer) {
			last->end = end;
			return;
		}
	}
	if (out->part_count == out->part_room) {
		size_t room = out->part_room ? 2 * out->part_room : 16;
		struct walk_part *grown = realloc(out->parts, room * sizeof(*grown));

		if (!grown) {
			out->has_failed = true;
			return;
		}
		out->parts = grown;
		out->part_room = room;
	}
	out->parts[out->part_count++] = (struct walk_part){
		.start = start,
		.end = end,
		.charset = (uint8_t)charset,
		.transfer = (uint8_t)transfer,
		.phase = (uint8_t)(transfer == TRANSFER_BASE64 ? phase % 16 : 0),
	};
}

unsigned walk_phase(const struct text *text, size_t start, size_t end, unsigned phase)
{
	for (; start < end; start++) {
		uint8_t byte = text->bytes[start];

		phase += text_is_alnum(byte) || byte == '+' || byte == '/';
		if (byte == '=')
			phase = 0;
	}
	return phase % 16;
}

bool walk_same(const uint8_t *bytes, size_t length, const char *word)
{
	for (size_t i = 0; i < length; i++)
		if (!word[i] || text_lower(bytes[i]) != (uint8_t)word[i])
			return false;
	return word[length] == 0;
}

/* Charsets whose ASCII is not ASCII, or that leave open in which order their bytes stand: what they say cannot be read here. */
static bool hides_ascii(const uint8_t *name, size_t length)
{
	static const char *const fronts[] = {
		"utf-7", "utf7", "unicode", "csunicode", "utf-16",    "utf16",	  "utf-32",
		"utf32", "ucs",	 "csucs",   "iso-10646", "ebcdic",    "csebcdic", "utf-ebcdic",
		"scsu",	 "bocu", "hz",	    "iso-2022",	 "csiso2022", "x-imap",	  "osd_",
		"cp0",	 "ibm0", "ibm-0",   "csibm0"};
	/* IBM's numbers: those of PCs have ASCII, those of mainframes (EBCDIC) do not. */
	static const char *const ibm[] = {"ibm", "ibm-", "cp", "x-ibm", "csibm"};
	static const char *const pc[] = {"437", "7",   "85",  "86",  "874",
					 "932", "936", "949", "950", "125"};

	for (size_t i = 0; i < BL_COUNT(fronts); i++)
		if (length >= strlen(fronts[i]) && walk_same(name, strlen(fronts[i]), fronts[i]))
			return true;
	for (size_t i = 0; i < BL_COUNT(ibm); i++) {
		size_t size = strlen(ibm[i]);
		bool is_pc = false;

		if (length <= size || !walk_same(name, size, ibm[i]) || !text_is_digit(name[size]))
			continue;
		for (size_t k = 0; k < BL_COUNT(pc); k++)
			is_pc |= length - size >= strlen(pc[k]) &&
				 walk_same(name + size, strlen(pc[k]), pc[k]);
		if (!is_pc)
			return true;
	}
	return false;
}

unsigned walk_charset(const uint8_t *name, size_t length)
{
	static const struct {
		const char *name;
		uint8_t charset;
	} names[] = {
		{"utf-8", CHARSET_UTF8},       {"utf8", CHARSET_UTF8},
		{"us-ascii", CHARSET_UTF8},    {"ascii", CHARSET_UTF8},
		{"utf-16be", CHARSET_UTF16BE}, {"utf-16le", CHARSET_UTF16LE},
		{"utf-32be", CHARSET_UTF32BE}, {"utf-32le", CHARSET_UTF32LE},
	};

	if (length == 0)
		return CHARSET_UTF8;
	for (size_t i = 0; i < BL_COUNT(names); i++)
		if (walk_same(name, length, names[i].name))
			return names[i].charset;
	if (hides_ascii(name, length))
		return CHARSET_COUNT;
	/* ISO 8859, Windows, and all whose ASCII is ASCII: what is an address there is one as bytes. */
	return CHARSET_WINDOWS_1252;
}

void walk(const struct detect_profile *profile, struct walk_state *state, const struct text *text,
	  size_t from, size_t to, struct walk_out *out)
{
	struct walk_run run = {.text = text,
			       .from = from,
			       .to = BL_MIN(to, text->length),
			       .out = out,
			       .open = from};

	if (from >= run.to)
		return;
	switch ((enum detect_format)profile->format) {
	case DETECT_CSV:
		walk_csv(profile, state->bytes, &run);
		break;
	case DETECT_JSON:
		walk_json(state->bytes, &run);
		break;
	case DETECT_XML:
		walk_xml(state->bytes, &run);
		break;
	case DETECT_CARD:
		walk_card(state->bytes, &run);
		break;
	case DETECT_MAIL:
		walk_mail(state->bytes, &run);
		break;
	case DETECT_PLAIN:
	case DETECT_FORMAT_COUNT:
		break;
	}
}

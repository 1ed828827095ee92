/* Files of any charset and format: decoded, walked through, scanned, and what is found told by the file's own bytes */
#include "policy/detect/look.h"
#include "policy/detect/charset.h"
#include "policy/detect/walk-parts.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (SPAN_LIMIT / 2) /* long spans of decoded text are cut here, on the file's grid */
/* Spans are kept so far around the window until they are told by the file's bytes: runs of pieces are then seen as such. */
#define WIDE (DETECT_MARGIN + 2 * DETECT_MARGIN)

_Static_assert(sizeof(struct walk_state) <= DETECT_STATE, "the walker's state is kept in ours");

/* ---- buffers -------------------------------------------------------------------------------- */

enum bl_status look_room(struct look_buffer *buffer, size_t length)
{
	uint8_t *bytes;

	if (length <= buffer->room)
		return BL_OK;
	bytes = malloc(length);
	if (!bytes)
		return BL_NO_MEMORY;
	if (buffer->bytes)
		sodium_memzero(buffer->bytes, buffer->room);
	free(buffer->bytes);
	*buffer = (struct look_buffer){bytes, length};
	return BL_OK;
}

static void buffer_free(struct look_buffer *buffer)
{
	if (buffer->bytes)
		sodium_memzero(buffer->bytes, buffer->room);
	free(buffer->bytes);
}

enum bl_status detect_work_new(struct detect_work **out_work)
{
	*out_work = calloc(1, sizeof(**out_work));
	return *out_work ? BL_OK : BL_NO_MEMORY;
}

void detect_work_free(struct detect_work *work)
{
	if (!work)
		return;
	decoded_free(&work->text);
	decoded_free(&work->part);
	detect_spans_free(&work->found);
	free(work->out.parts);
	buffer_free(&work->rest);
	buffer_free(&work->masked);
	free(work);
}

void detect_pieces_free(struct detect_pieces *pieces)
{
	free(pieces->items);
	*pieces = (struct detect_pieces){0};
}

bool detect_is_local(const struct detect_profile *profile)
{
	return profile->format == DETECT_PLAIN;
}

/* ---- one look ---------------------------------------------------------------------------------- */

struct look {
	const struct detect_scanner *scanner;
	const struct detect_profile *profile;
	const struct detect_window *window;
	struct detect_work *work;
	struct detect_spans *spans;
	struct detect_pieces *pieces;
	struct text raw;	       /* from lead to tail */
	uint64_t origin;	       /* of its first byte in the file */
	size_t from, to;	       /* what is asked about, in it */
	struct text text;	       /* the same as UTF-8 */
	const struct decoded *decoded; /* how; NULL: it is raw */
	const struct decoded
		*walked; /* the same for what was walked through, whose offsets parts have */
	size_t phase;
};

static enum bl_status add_piece(struct look *look, size_t start, size_t end,
				const struct detect_piece *how)
{
	struct detect_pieces *pieces = look->pieces;

	if (start >= end)
		return BL_OK;
	if (pieces->count == pieces->room) {
		size_t room = pieces->room ? 2 * pieces->room : 16;
		struct detect_piece *grown = realloc(pieces->items, room * sizeof(*grown));

		if (!grown)
			return BL_NO_MEMORY;
		pieces->items = grown;
		pieces->room = room;
	}
	pieces->items[pieces->count] = *how;
	pieces->items[pieces->count].start = look->origin + start;
	pieces->items[pieces->count].end = look->origin + end;
	pieces->count++;
	return BL_OK;
}

/* The file's charset and format, where it is no part's. */
static struct detect_piece plain_piece(const struct look *look)
{
	return (struct detect_piece){
		.charset = look->decoded ? look->decoded->charset : (uint8_t)CHARSET_UTF8,
		.format = look->profile->format,
	};
}

/* ---- spans of a text, told by the file's bytes ----------------------------------------------------- */

static void add_span(struct look *look, const struct detect_span *span, size_t start, size_t end,
		     bool *out_failed)
{
	struct detect_spans *spans = look->spans;

	if (start >= end || end <= look->from || start >= look->to)
		return;
	if (spans->count == spans->room) {
		size_t room = spans->room ? 2 * spans->room : 64;
		struct detect_span *grown = realloc(spans->items, room * sizeof(*grown));

		if (!grown) {
			*out_failed = true;
			return;
		}
		spans->items = grown;
		spans->room = room;
	}
	spans->items[spans->count++] = (struct detect_span){
		.offset = look->origin + start,
		.length = (uint32_t)(end - start),
		.class = span->class,
		.is_sure = span->is_sure,
	};
}

/* In overlapping pieces, as walkers cut what is too long for one span. */
static void add_cut(struct look *look, const struct detect_span *span, size_t start, size_t end,
		    bool *out_failed)
{
	for (size_t at = start; at < end;) {
		size_t cut = BL_MIN(end, at + PIECE - (size_t)((look->origin + at) % PIECE));

		add_span(look, span, at, BL_MIN(end, cut + 1), out_failed);
		at = cut;
	}
}

/*
 * What was cut on the grid of decoded text is put together and cut on the file's: where the text began says nothing then.
 * Those of one class are a run while they touch. Returns the run's end; what is in it loses its length.
 */
static size_t run_from(struct detect_spans *found, size_t first, size_t *out_last)
{
	const struct detect_span *head = &found->items[first];
	size_t end = head->offset + head->length;

	*out_last = first;
	for (size_t i = first + 1; i < found->count && found->items[i].offset <= end; i++)
		if (found->items[i].class == head->class && found->items[i].length) {
			end = BL_MAX(end, found->items[i].offset + found->items[i].length);
			*out_last = i;
		}
	return end;
}

/* @base: where what was decoded begins in the look's bytes */
static enum bl_status tell(struct look *look, const struct decoded *decoded, size_t base)
{
	struct detect_spans *found = &look->work->found;
	bool has_failed = false;

	for (size_t i = 0; i < found->count; i++) {
		struct detect_span *span = &found->items[i];
		size_t start = span->offset, end = start + span->length, last = i;

		if (!span->length)
			continue;
		if (!decoded) {
			add_span(look, span, base + start, base + end, &has_failed);
			continue;
		}
		if (span->class != CLASS_PRIVATE_KEY) {
			size_t run = run_from(found, i, &last);

			if (run - start > SPAN_LIMIT) {
				for (size_t k = i + 1; k <= last; k++)
					if (found->items[k].class == span->class)
						found->items[k].length = 0;
				add_cut(look, span, base + decoded_place(decoded, start),
					base + decoded_end(decoded, run), &has_failed);
				continue;
			}
		}
		add_span(look, span, base + decoded_place(decoded, start),
			 base + decoded_end(decoded, end), &has_failed);
	}
	found->count = 0;
	return has_failed ? BL_NO_MEMORY : BL_OK;
}

/* ---- scanning ---------------------------------------------------------------------------------------- */

static size_t before(size_t at, size_t count)
{
	return at - BL_MIN(at, count);
}

/* A text, all of it or what comes from [from, to) of the look's bytes, that begin with it at @base. */
static enum bl_status scan(struct look *look, const struct text *text,
			   const struct decoded *decoded, size_t base, size_t phase)
{
	size_t from = look->from, to = look->to;
	enum bl_status status;

	if (decoded) {
		from = before(before(from, WIDE - DETECT_MARGIN), base);
		to = before(to + WIDE - DETECT_MARGIN, base);
		from = decoded_at(decoded, from);
		to = decoded_at(decoded, BL_MIN(to, decoded->part_length));
	}
	if (from >= to)
		return BL_OK;
	status = scan_text(look->scanner, text, from, to, phase, &look->work->found);
	if (status == BL_OK && look->work->found.items)
		spans_sort(&look->work->found, 0);
	return status == BL_OK ? tell(look, decoded, base) : status;
}

static bool has_nul(const struct look *look, const struct text *text, const struct decoded *decoded,
		    size_t base)
{
	size_t from = look->from, to = look->to;

	if (decoded) {
		from = decoded_at(decoded, before(from, base));
		to = decoded_at(decoded, BL_MIN(before(to, base), decoded->part_length));
	}
	to = BL_MIN(to, text->length);
	return from < to && memchr(text->bytes + from, 0, to - from);
}

static bool is_utf8(const struct text *text, size_t from, size_t to)
{
	/* A character that began before. */
	for (unsigned i = 0; i < 3 && from > 0 && (text->bytes[from] & 0xc0) == 0x80; i++)
		from--;
	return from >= to || text_is_utf8(text, from, to);
}

/* ---- charsets ------------------------------------------------------------------------------------------ */

static enum bl_status decode_all(struct look *look, unsigned charset)
{
	struct decoded *decoded = &look->work->text;
	enum bl_status status =
		decode(look->raw.bytes, look->raw.length, charset, TRANSFER_NONE, 0, decoded);

	if (status != BL_OK)
		return status;
	look->decoded = look->walked = decoded;
	look->text = (struct text){decoded->bytes, decoded->length};
	look->phase = 0;
	return BL_OK;
}

static enum bl_status make_text(struct look *look)
{
	unsigned charset = look->profile->charset;

	look->text = look->raw;
	look->decoded = NULL;
	look->phase = DETECT_WINDOW - look->window->lead % DETECT_WINDOW;
	/* Mail says of each part what it is written in: it is walked as it stands. */
	if (look->profile->format == DETECT_MAIL)
		return BL_OK;
	if (charset == CHARSET_UTF8) {
		if (is_utf8(&look->raw, look->from, BL_MAX(look->from, look->to)))
			return BL_OK;
		charset = CHARSET_WINDOWS_1252;
	}
	return decode_all(look, charset);
}

/* ---- walking --------------------------------------------------------------------------------------------- */

/* Half a character that the window before this one had whole is not walked over twice. */
static size_t walk_start(const struct look *look)
{
	unsigned charset = look->decoded ? look->decoded->charset : (unsigned)CHARSET_UTF8;
	uint8_t high;

	if (look->origin == 0 || look->raw.length < 2 ||
	    (charset != CHARSET_UTF16LE && charset != CHARSET_UTF16BE))
		return 0;
	high = look->raw.bytes[charset == CHARSET_UTF16LE];
	return high >= 0xdc && high < 0xe0 ? 3 : 0;
}

static enum bl_status walk_all(struct look *look, struct detect_state *state)
{
	const struct detect_window *window = look->window;
	size_t next = window->lead + DETECT_WINDOW - DETECT_LEAD, start = walk_start(look), to;
	struct sink sink = {.spans = &look->work->found,
			    .classes = scan_classes(look->scanner),
			    .phase = look->phase};
	_Alignas(16) struct walk_state walked;
	struct walk_out *out = &look->work->out;

	memcpy(&walked, state->bytes, sizeof(walked));
	sink.from = before(look->from, look->decoded ? WIDE : 0);
	sink.to = look->decoded ? look->to + WIDE : look->to;
	next = BL_MIN(next, look->raw.length);
	to = look->text.length;
	/* More follows, and walkers look ahead. */
	if (window->tail >= DETECT_TAIL)
		to = before(to, DETECT_MARGIN);
	if (look->decoded) {
		sink.from = decoded_at(look->decoded, sink.from);
		sink.to = decoded_at(look->decoded, sink.to);
	}
	out->sink = &sink;
	out->part_count = 0;
	out->has_failed = false;
	walk(look->profile, &walked, &look->text, start, BL_MAX(start, to), out);
	out->sink = NULL;

	memcpy(&walked, state->bytes, sizeof(walked));
	state->offset = look->origin + next;
	if (look->decoded)
		next = decoded_at(look->decoded, next);
	walk(look->profile, &walked, &look->text, start, BL_MAX(start, next), NULL);
	memcpy(state->bytes, &walked, sizeof(walked));
	if (out->has_failed || sink.has_failed)
		return BL_NO_MEMORY;
	if (look->work->found.items)
		spans_sort(&look->work->found, 0);
	return tell(look, look->decoded, 0);
}

/* ---- parts ------------------------------------------------------------------------------------------------- */

/* Everything but the parts: those are looked at decoded. */
static enum bl_status make_rest(struct look *look)
{
	struct detect_work *work = look->work;
	enum bl_status status = look_room(&work->rest, look->text.length);

	if (status != BL_OK)
		return status;
	memcpy(work->rest.bytes, look->text.bytes, look->text.length);
	for (size_t i = 0; i < work->out.part_count; i++) {
		const struct walk_part *part = &work->out.parts[i];

		for (size_t at = part->start; at < part->end; at++)
			if (work->rest.bytes[at] != '\n' && work->rest.bytes[at] != '\r')
				work->rest.bytes[at] = ' ';
	}
	return BL_OK;
}

/* What no text has: behind "text/plain" and base64 may be anything, also what was compressed. */
static bool has_control(const struct look *look, const struct text *text,
			const struct decoded *decoded, size_t base)
{
	size_t from = decoded_at(decoded, before(look->from, base));
	size_t to = decoded_at(decoded, BL_MIN(before(look->to, base), decoded->part_length));

	for (; from < BL_MIN(to, text->length); from++)
		if (text->bytes[from] < 0x20 && !memchr("\t\n\v\f\r\x1a\x1b", text->bytes[from], 7))
			return true;
	return false;
}

/*
 * Is the byte at @at of base64 there to be read as it is? Base64 is letters, digits, '+', '/' and, where a line ends, '='; and chance makes no
 * long numbers (@digits: so many end here).
 */
#define DIGITS_BY_CHANCE 9u
static bool is_written(const uint8_t *b, size_t start, size_t end, size_t at, size_t digits)
{
	uint8_t byte = b[at];

	if (text_is_alnum(byte) || byte == '+' || byte == '/')
		return digits >= DIGITS_BY_CHANCE;
	if (byte == '\n' || byte == '\r')
		return false;
	if (byte == ' ' || byte == '\t' || byte == '=')
		return at > start && !memchr(" \t\r\n", b[at - 1], 4) && at + 1 < end &&
		       text_is_alnum(b[at + 1]);
	return true;
}

/* Behind the last byte before @end that is there to be read; @start: there is none. */
static size_t written_end(const uint8_t *b, size_t start, size_t end)
{
	size_t digits = 0, last = start;

	for (size_t at = start; at < end; at++) {
		digits = text_is_digit(b[at]) ? digits + 1 : 0;
		if (is_written(b, start, end, at, digits))
			last = at + 1;
	}
	return last;
}

/*
 * What stands in a part in base64 and is none is hidden: decoded it says nothing, yet it can be read. In blocks of the file's grid, and
 * what is around them is seen, so that a value does not peep out.
 */
#define BLOCK (4 * PIECE)
static enum bl_status hide_written(struct look *look, size_t start, size_t end,
				   const struct detect_piece *piece)
{
	struct detect_piece run = *piece;
	size_t done = start, next;
	unsigned phase = piece->phase;
	enum bl_status status = BL_OK;

	for (size_t at = start; at < end && status == BL_OK; at = next) {
		size_t from = BL_MAX(start, before(at, PIECE));

		next = BL_MIN(end, at + BLOCK - (size_t)((look->origin + at) % BLOCK));

		bool is_hidden =
			written_end(look->raw.bytes, from, BL_MIN(end, next + PIECE)) > from;
		unsigned charset = is_hidden ? (unsigned)CHARSET_COUNT : piece->charset;

		if (charset != run.charset) {
			status = add_piece(look, done, at, &run);
			run.charset = (uint8_t)charset;
			run.phase = (uint8_t)phase;
			done = at;
		}
		phase = walk_phase(&look->raw, at, next, phase);
	}
	return status == BL_OK ? add_piece(look, done, end, &run) : status;
}

/* A part [start, end) of the look's bytes. What has NUL in it is no text, and hidden. */
static enum bl_status look_part(struct look *look, size_t start, size_t end,
				const struct walk_part *part)
{
	struct detect_piece piece = {
		.charset = part->charset, .transfer = part->transfer, .phase = part->phase};
	struct decoded *decoded = &look->work->part;
	struct text text;
	enum bl_status status;

	if (part->charset >= CHARSET_COUNT)
		return add_piece(look, start, end, &piece);
	status = decode(look->raw.bytes + start, end - start, part->charset, part->transfer,
			part->phase, decoded);
	if (status != BL_OK)
		return status;
	text = (struct text){decoded->bytes, decoded->length};
	if (has_nul(look, &text, decoded, start) ||
	    (part->transfer != TRANSFER_NONE && has_control(look, &text, decoded, start))) {
		piece.charset = CHARSET_COUNT;
		return add_piece(look, start, end, &piece);
	}
	if (part->transfer == TRANSFER_BASE64 && look->profile->format == DETECT_MAIL)
		status = hide_written(look, start, end, &piece);
	else
		status = add_piece(look, start, end, &piece);
	return status == BL_OK ? scan(look, &text, decoded, start, 0) : status;
}

/* Parts of a text of two bytes a character are not written in their letters: hidden. */
static bool is_bytewise(const struct look *look)
{
	return !look->walked || look->walked->charset <= CHARSET_WINDOWS_1252;
}

static enum bl_status look_parts(struct look *look)
{
	const struct walk_out *out = &look->work->out;
	struct detect_piece plain = plain_piece(look);
	enum bl_status status = BL_OK;
	size_t done = 0;

	for (size_t i = 0; i < out->part_count && status == BL_OK; i++) {
		struct walk_part part = out->parts[i];
		size_t start = part.start, end = part.end;

		if (look->walked) {
			start = decoded_place(look->walked, start);
			end = decoded_end(look->walked, end);
		}
		start = BL_MAX(start, done);
		if (start >= end)
			continue;
		if (!is_bytewise(look)) {
			part.charset = CHARSET_COUNT;
			part.transfer = TRANSFER_NONE;
		}
		status = add_piece(look, done, start, &plain);
		if (status == BL_OK)
			status = look_part(look, start, end, &part);
		done = end;
	}
	return status == BL_OK ? add_piece(look, done, look->raw.length, &plain) : status;
}

/* What stands between the parts: of mail not always UTF-8, whatever the standards say. */
static enum bl_status look_rest(struct look *look)
{
	struct text rest = {look->work->rest.bytes, look->text.length};
	struct decoded *decoded = &look->work->text;
	enum bl_status status;

	if (look->decoded || is_utf8(&rest, look->from, BL_MAX(look->from, look->to)))
		return scan(look, &rest, look->decoded, 0, look->phase);
	status = decode(rest.bytes, rest.length, CHARSET_WINDOWS_1252, TRANSFER_NONE, 0, decoded);
	if (status != BL_OK)
		return status;
	look->decoded = decoded;
	rest = (struct text){decoded->bytes, decoded->length};
	return scan(look, &rest, decoded, 0, 0);
}

static enum bl_status look_text(struct look *look)
{
	struct text rest = look->text;
	struct detect_piece plain = plain_piece(look);
	enum bl_status status;

	look->work->found.count = 0;
	if (look->work->out.part_count == 0 && look->profile->format != DETECT_MAIL) {
		status = add_piece(look, 0, look->raw.length, &plain);
		if (status == BL_OK && has_nul(look, &rest, look->decoded, 0))
			return BL_UNSUPPORTED;
		return status == BL_OK ? scan(look, &rest, look->decoded, 0, look->phase) : status;
	}
	status = make_rest(look);
	if (status != BL_OK)
		return status;
	rest.bytes = look->work->rest.bytes;
	if (has_nul(look, &rest, look->decoded, 0)) {
		status = add_piece(look, 0, look->raw.length, &plain);
		return status == BL_OK ? BL_UNSUPPORTED : status;
	}
	/* First: it says what the bytes between the parts are written in. */
	status = look_rest(look);
	return status == BL_OK ? look_parts(look) : status;
}

/* Text that is UTF-8 all through, as most is, and answered by window: not copied. */
static enum bl_status look_plain(struct look *look)
{
	struct detect_piece plain = plain_piece(look);
	enum bl_status status = detect_scan(look->scanner, look->window, look->spans);

	if (status != BL_OK)
		return status;
	return add_piece(look, 0, look->raw.length, &plain);
}

enum bl_status detect_look(const struct detect_scanner *scanner,
			   const struct detect_profile *profile, struct detect_state *state,
			   const struct detect_window *window, struct detect_work *work,
			   struct detect_spans *out_spans, struct detect_pieces *out_pieces)
{
	size_t length = window->lead + window->core + window->tail;
	struct look look = {
		.scanner = scanner,
		.profile = profile,
		.window = window,
		.work = work,
		.spans = out_spans,
		.pieces = out_pieces,
		.raw = {window->bytes, length},
		.origin = window->offset - window->lead,
		.from = before(window->lead, DETECT_MARGIN),
		.to = BL_MIN(length, window->lead + window->core + DETECT_MARGIN),
	};
	enum bl_status status;

	out_spans->count = out_pieces->count = work->found.count = work->out.part_count = 0;
	if (window->core > DETECT_WINDOW || window->lead > DETECT_LEAD)
		return BL_UNSUPPORTED;
	if (detect_is_local(profile) && profile->charset == CHARSET_UTF8) {
		status = look_plain(&look);
		if (status != BL_UNSUPPORTED ||
		    memchr(window->bytes + look.from, 0, look.to - look.from))
			return status;
	}
	status = make_text(&look);
	if (status == BL_OK && !detect_is_local(profile))
		status = walk_all(&look, state);
	if (status == BL_OK)
		status = look_text(&look);
	if (out_spans->items)
		spans_sort(out_spans, 0);
	if (status != BL_OK)
		out_spans->count = 0;
	return status;
}

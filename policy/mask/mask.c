/* Spans out, bytes replaced */
#include "policy/mask/parts.h"
#include "policy/detect/charset.h"
#include "policy/detect/look.h"

#include <sodium.h>
#include <string.h>

#define CONTEXT 16 /* bytes of a long value around the ones that are filled: no escape is longer */
#define STRETCH (VALUE_LIMIT - 2 * CONTEXT)

/* A chain of overlapping spans, relative to the bytes at hand. */
struct chain {
	int64_t start, end;
	enum bl_style style;
	bl_classes whole;  /* classes of the spans that are as long as the chain */
	bl_classes hidden; /* classes of the spans that are not shown as they are */
};

/* STYLE_ORIGINAL is the weakest, and @shown is what comes of it. */
static enum bl_style style_of(const struct mask *mask, enum bl_style shown,
			      const struct detect_span *span)
{
	uint8_t style = span->class < CLASS_LIMIT ? mask->styles[span->class] : (uint8_t)STYLE_FILL;

	if (span->class == CLASS_PRIVATE_KEY || style > STYLE_ORIGINAL)
		return STYLE_FILL;
	return style == STYLE_ORIGINAL ? shown : (enum bl_style)style;
}

/* The chain that begins with span @first; returns the first span behind it. */
static size_t chain_from(const struct mask *mask, enum bl_style shown,
			 const struct detect_spans *spans, size_t first, uint64_t origin,
			 struct chain *out)
{
	size_t next = first;

	out->start = (int64_t)(spans->items[first].offset - origin);
	out->end = out->start + spans->items[first].length;
	out->style = style_of(mask, shown, &spans->items[first]);
	for (; next < spans->count; next++) {
		const struct detect_span *span = &spans->items[next];
		int64_t start = (int64_t)(span->offset - origin);

		if (start >= out->end)
			break;
		out->end = BL_MAX(out->end, start + (int64_t)span->length);
		out->style = BL_MIN(out->style, style_of(mask, shown, span));
	}
	out->whole = out->hidden = 0;
	for (size_t i = first; i < next; i++) {
		const struct detect_span *span = &spans->items[i];

		if (style_of(mask, shown, span) != STYLE_ORIGINAL && span->class < CLASS_LIMIT)
			out->hidden |= CLASS_BIT(span->class);
		if ((int64_t)(span->offset - origin) == out->start &&
		    out->start + (int64_t)span->length == out->end && span->class < CLASS_LIMIT)
			out->whole |= CLASS_BIT(span->class);
	}
	/* Joined from parts: still a value for the styles that keep nothing. */
	if (!out->whole && out->style <= STYLE_TOKEN)
		out->whole = CLASS_BIT(CLASS_CUSTOMER);
	return next;
}

/* ---- values ------------------------------------------------------------------------------------- */

/* What is known of a value: how much of its text is here, and where it goes. */
struct target {
	const uint8_t *text; /* as it was */
	uint8_t *out;	     /* as long; may be the text itself */
	size_t length;
	unsigned format;
};

/* Stretch by stretch: filling looks at no more than the escape a byte is in. */
static void fill_long(const struct target *target, const struct chain *chain, size_t from,
		      size_t to)
{
	size_t first = chain->start > 0 ? (size_t)chain->start : 0;
	size_t last = BL_MIN((size_t)chain->end, target->length);
	uint8_t masked[VALUE_LIMIT];

	for (size_t at = from, end; at < to; at = end) {
		end = BL_MIN(to, at + STRETCH);

		struct value value = {.text = target->text,
				      .length = target->length,
				      .start = BL_MAX(first, at - BL_MIN(at, (size_t)CONTEXT)),
				      .end = BL_MIN(last, end + CONTEXT),
				      .format = target->format,
				      .classes = chain->hidden};

		memcpy(masked, target->text + value.start, value.end - value.start);
		mask_fill(masked, value.end - value.start);
		mask_keep_valid(&value, false, masked);
		memcpy(target->out + at, masked + (at - value.start), end - at);
	}
}

/* In text without a structure filling looks at one byte at a time: the commonest of all, so by the shortest way. */
static void fill_plain(const struct target *target, size_t from, size_t to)
{
	if (target->out != target->text)
		memcpy(target->out + from, target->text + from, to - from);
	mask_fill(target->out + from, to - from);
}

/* The bytes [from, to) of a chain that is here as a whole. */
static void style_whole(const struct mask *mask, const struct target *target,
			const struct chain *chain, size_t from, size_t to)
{
	struct value value = {.text = target->text,
			      .length = target->length,
			      .start = (size_t)chain->start,
			      .end = (size_t)chain->end,
			      .format = target->format,
			      .classes = chain->hidden};
	size_t length = value.end - value.start;
	bl_classes fitting = bl_style_classes(chain->style);
	/* a domain that is kept may have a card number in it */
	bool is_fit = chain->whole & fitting && !(chain->hidden & ~fitting);
	enum bl_style style = is_fit ? chain->style : STYLE_FILL;
	uint8_t masked[VALUE_LIMIT];

	if ((style == STYLE_FILL || style == STYLE_COUNT) && target->format == DETECT_PLAIN) {
		fill_plain(target, from, to);
		return;
	}
	memcpy(masked, target->text + value.start, length);
	mask_style(mask, style, chain->whole & CLASS_BIT(CLASS_PHONE), chain->hidden, masked,
		   length);
	mask_keep_valid(&value, style > STYLE_TOKEN, masked);
	memcpy(target->out + from, masked + (from - value.start), to - from);
	sodium_memzero(masked, length);
}

void mask_spans(const struct mask *mask, const struct mask_area *area,
		const struct detect_spans *spans)
{
	struct target target = {area->bytes, area->bytes, area->length, area->format};
	int64_t core_from = (int64_t)area->from, core_to = (int64_t)area->to;
	int64_t from = core_from - (int64_t)BL_MIN(area->from, (size_t)DETECT_MARGIN);
	int64_t to = core_to + (int64_t)BL_MIN(area->length - area->to, (size_t)DETECT_MARGIN);

	for (size_t i = 0; i < spans->count;) {
		struct chain chain;

		i = chain_from(mask, area->shown, spans, i, area->origin, &chain);

		int64_t start = BL_MAX(chain.start, core_from), end = BL_MIN(chain.end, core_to);

		if (start >= end)
			continue;
		/*
		 * Filling looks at one byte at a time: no need to have them all. Of a chain that is not all here
		 * we do not know what it hides: it is never shown.
		 */
		if (chain.start < from || chain.end > to || chain.end - chain.start > VALUE_LIMIT)
			fill_long(&target, &chain, (size_t)start, (size_t)end);
		else if (chain.style != STYLE_ORIGINAL)
			style_whole(mask, &target, &chain, (size_t)start, (size_t)end);
	}
}

void mask_window(const struct mask *mask, uint8_t *bytes, size_t lead, size_t core, size_t tail,
		 uint64_t offset, const struct detect_spans *spans)
{
	struct mask_area area = {.bytes = bytes,
				 .length = lead + core + tail,
				 .from = lead,
				 .to = lead + core,
				 .origin = offset - lead,
				 .format = DETECT_PLAIN,
				 .shown = STYLE_ORIGINAL};

	mask_spans(mask, &area, spans);
}

/* ---- pieces -------------------------------------------------------------------------------------- */

/* What nobody looked into: hidden as it is written, so that it can still be decoded. */
static void hide(uint8_t *bytes, size_t length, unsigned transfer)
{
	if (transfer != TRANSFER_BASE64) {
		mask_fill(bytes, length);
		return;
	}
	for (size_t i = 0; i < length; i++)
		if (charset_base64(bytes[i]) != CHARSET_NO_QUAD)
			bytes[i] = 'A';
		else if (bytes[i] != '=' && bytes[i] != '\n' && bytes[i] != '\r')
			bytes[i] = '*';
}

/* A part that is all in [0, length) of @bytes, whose first byte is at @origin in the file; [from, to) of it changes. */
struct part {
	uint8_t *bytes;
	size_t length, from, to;
	uint64_t origin;
	const struct detect_piece *piece;
};

/* The chains of a window are told by the file's bytes; here is what they are in decoded text. */
static void mask_decoded(const struct mask *mask, const struct mask_area *area,
			 const struct part *part, const struct decoded *decoded, uint8_t *masked,
			 const struct detect_spans *spans)
{
	struct target target = {decoded->bytes, masked, decoded->length, part->piece->format};
	int64_t from = (int64_t)area->from - (int64_t)BL_MIN(area->from, (size_t)DETECT_MARGIN);
	int64_t to =
		(int64_t)area->to + (int64_t)BL_MIN(area->length - area->to, (size_t)DETECT_MARGIN);
	int64_t base = (int64_t)(part->origin - area->origin);

	for (size_t i = 0; i < spans->count;) {
		struct chain chain, text;

		i = chain_from(mask, area->shown, spans, i, area->origin, &chain);

		int64_t start = BL_MAX(chain.start, base);
		int64_t end = BL_MIN(chain.end, base + (int64_t)part->length);

		if (start >= end || chain.end <= (int64_t)area->from ||
		    chain.start >= (int64_t)area->to)
			continue;
		text = chain;
		text.start = (int64_t)decoded_at(decoded, (size_t)(start - base));
		text.end = (int64_t)decoded_at(decoded, (size_t)(end - base));
		if (text.start >= text.end)
			continue;
		if (start != chain.start || end != chain.end || chain.start < from ||
		    chain.end > to || chain.end - chain.start > VALUE_LIMIT ||
		    text.end - text.start > VALUE_LIMIT)
			fill_long(&target, &text, (size_t)text.start, (size_t)text.end);
		else if (chain.style != STYLE_ORIGINAL)
			style_whole(mask, &target, &text, (size_t)text.start, (size_t)text.end);
	}
}

static enum bl_status mask_part(const struct mask *mask, const struct mask_area *area,
				const struct part *part, const struct detect_spans *spans,
				struct detect_work *work)
{
	const struct detect_piece *piece = part->piece;
	enum bl_status status = decode(part->bytes, part->length, piece->charset, piece->transfer,
				       piece->phase, &work->part);

	if (status == BL_OK)
		status = look_room(&work->masked, work->part.length + 1);
	if (status != BL_OK)
		return status;
	memcpy(work->masked.bytes, work->part.bytes, work->part.length);
	mask_decoded(mask, area, part, &work->part, work->masked.bytes, spans);
	encode_back(&work->part, work->masked.bytes, part->from, part->to,
		    part->bytes + part->from);
	return BL_OK;
}

static enum bl_status mask_piece(const struct mask *mask, const struct mask_area *area,
				 const struct detect_piece *piece, const struct detect_spans *spans,
				 struct detect_work *work)
{
	uint64_t start = BL_MAX(piece->start, area->origin);
	uint64_t end = BL_MIN(piece->end, area->origin + area->length);

	if (start >= end)
		return BL_OK;

	size_t first = (size_t)(start - area->origin), last = (size_t)(end - area->origin);
	size_t from = BL_MAX(first, area->from), to = BL_MIN(last, area->to);
	struct part part = {.bytes = area->bytes + first,
			    .length = last - first,
			    .from = from - first,
			    .to = to - first,
			    .origin = start,
			    .piece = piece};
	struct mask_area plain = *area;

	if (from >= to)
		return BL_OK;
	if (piece->charset >= CHARSET_COUNT) {
		hide(area->bytes + from, to - from, piece->transfer);
		return BL_OK;
	}
	if (piece->charset != CHARSET_UTF8 || piece->transfer != TRANSFER_NONE)
		return mask_part(mask, area, &part, spans, work);
	plain.from = from;
	plain.to = to;
	plain.format = piece->format;
	mask_spans(mask, &plain, spans);
	return BL_OK;
}

/* Nothing of the core is shown: '*' as the file's charset writes it. */
static void hide_core(const struct detect_pieces *pieces, uint8_t *bytes, size_t core)
{
	unsigned charset = pieces->count ? pieces->items[0].charset : (unsigned)CHARSET_UTF8;
	static const uint8_t widths[CHARSET_COUNT] = {1, 1, 2, 2, 4, 4};
	unsigned width = charset < CHARSET_COUNT ? widths[charset] : 1;
	bool is_big = charset == CHARSET_UTF16BE || charset == CHARSET_UTF32BE;

	for (size_t i = 0; i < core; i++)
		bytes[i] = i % width == (is_big ? width - 1 : 0) ? '*' : 0;
}

enum bl_status mask_look(const struct mask *mask, const struct detect_pieces *pieces,
			 uint8_t *bytes, size_t lead, size_t core, size_t tail, uint64_t offset,
			 const struct detect_spans *spans, struct detect_work *work)
{
	struct mask_area area = {.bytes = bytes,
				 .length = lead + core + tail,
				 .from = lead,
				 .to = lead + core,
				 .origin = offset - lead,
				 .format = DETECT_PLAIN,
				 .shown = STYLE_ORIGINAL};
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < pieces->count && status == BL_OK; i++)
		status = mask_piece(mask, &area, &pieces->items[i], spans, work);
	if (status != BL_OK)
		hide_core(pieces, bytes + lead, core);
	return status;
}

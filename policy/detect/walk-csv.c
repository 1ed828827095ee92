/* Comma-separated values (RFC 4180) and other separators: the first record names the columns. */
#include "policy/detect/walk-parts.h"

#include <string.h>

#define COLUMNS	   256u /* whose class is remembered; all behind have one: that of any of them */
#define NAME_BYTES FIELD_NAME

enum mode {
	CELL,	   /* nothing of the cell yet but spaces */
	BARE,	   /* inside of one without quotes */
	QUOTED,	   /* inside of quotes */
	QUOTE,	   /* behind a quote that ends the cell, or is the first of two */
	UNCLASSED, /* no column has a class: nothing can happen any more */
};

struct csv {
	uint8_t mode;
	uint8_t is_named;  /* the header is behind us */
	uint8_t hidden;	   /* class of the cell; 0: shown, else class + 1 */
	uint8_t is_beside; /* some column is of a person for sure: what is weak by itself counts */
	uint8_t is_any;	   /* some column has a class */
	uint8_t is_hint;   /* the first line is "sep=;" */
	uint8_t beyond;	   /* of the columns behind COLUMNS, packed */
	uint16_t column;
	uint16_t name_length; /* of the header's cell so far */
	uint8_t name[NAME_BYTES];
	uint8_t columns[COLUMNS]; /* packed */
};
_Static_assert(sizeof(struct csv) <= WALK_STATE, "the state has a fixed size");

static void name_bytes(struct csv *csv, const struct text *text, size_t start, size_t end)
{
	for (; start < end; start++)
		if (csv->name_length < NAME_BYTES)
			csv->name[csv->name_length++] = text->bytes[start];
}

static void name_column(struct csv *csv)
{
	size_t skip = csv->column == 0 && csv->name_length >= 3 &&
				      memcmp(csv->name, "\xef\xbb\xbf", 3) == 0
			      ? 3
			      : 0;

	/* "\xef\xbb\xbf\"Name\"": the mark keeps the quotes from being some. */
	struct field_rule rule = field_rule(csv->name + skip, csv->name_length - skip);

	csv->name_length = 0;
	if (rule.class == CLASS_COUNT)
		return;
	csv->is_any = 1;
	if (rule.strength == FIELD_SURE)
		csv->is_beside = 1;
	if (csv->column < COLUMNS)
		csv->columns[csv->column] = walk_pack(rule);
	else if (!csv->beyond)
		csv->beyond = walk_pack((struct field_rule){rule.class, FIELD_SURE});
}

/* "sep=;" on the first line is for Excel, and no header; where ';' is the separator it ends a cell. */
static bool is_hint(const struct csv *csv, bool is_record)
{
	return csv->column == 0 && csv->name_length == (is_record ? 5 : 4) &&
	       walk_same(csv->name, 4, "sep=");
}

/* Where the cell that begins at @at ends, as far as one looks; it may have quotes in it. */
static size_t cell_end(const struct walk_run *run, size_t at, char separator, bool is_quoted)
{
	const uint8_t *bytes = run->text->bytes;
	size_t limit = BL_MIN(run->text->length, at + FIELD_VALUE);

	for (; at < limit; at++) {
		if (is_quoted && bytes[at] == '"') {
			if (at + 1 < limit && bytes[at + 1] == '"')
				at++;
			else
				break;
		} else if (!is_quoted && (bytes[at] == (uint8_t)separator || bytes[at] == '\n' ||
					  bytes[at] == '\r')) {
			break;
		}
	}
	return at;
}

static void begin_value(struct csv *csv, struct walk_run *run, size_t at, char separator,
			bool is_quoted)
{
	uint8_t packed = csv->column < COLUMNS ? csv->columns[csv->column] : csv->beyond;
	struct field_rule rule;

	csv->hidden = 0;
	if (!csv->is_named || !packed)
		return;
	rule = walk_unpack(packed);
	if (csv->is_beside && rule.strength != FIELD_HANDLE)
		rule.strength = FIELD_SURE;
	if (rule.strength != FIELD_SURE &&
	    !field_fits(rule, run->text, at, cell_end(run, at, separator, is_quoted)))
		return;
	csv->hidden = (uint8_t)(rule.class + 1);
	run->open = at;
}

static void end_value(struct csv *csv, struct walk_run *run, size_t at)
{
	if (csv->hidden)
		walk_field(run, run->open, at, csv->hidden - 1u);
	csv->hidden = 0;
}

static void end_cell(struct csv *csv, bool is_record)
{
	if (!csv->is_named) {
		csv->is_hint |= is_hint(csv, is_record);
		if (is_record && csv->is_hint) {
			csv->is_hint = 0;
			csv->name_length = 0;
			csv->column = 0;
			csv->mode = CELL;
			return;
		}
		name_column(csv);
		if (is_record)
			csv->is_named = 1;
	}
	csv->mode = CELL;
	csv->column = is_record ? 0 : (uint16_t)BL_MIN(csv->column + 1, 0xffff);
	if (is_record && !csv->is_any)
		csv->mode = UNCLASSED;
}

/* Where the quote is that ended the cell, spaces aside. */
static size_t quote_before(const struct text *text, size_t at)
{
	size_t least = at > 16 ? at - 16 : 0, place = at;

	while (place > least && text->bytes[place - 1] != '"')
		place--;
	return place > least ? place - 1 : at;
}

static size_t skip_bare(const uint8_t *bytes, size_t at, size_t to, uint8_t separator)
{
	while (at < to && bytes[at] != separator && bytes[at] != '\n' && bytes[at] != '\r')
		at++;
	return at;
}

void walk_csv(const struct detect_profile *profile, void *state, struct walk_run *run)
{
	struct csv *csv = state;
	const uint8_t *bytes = run->text->bytes;
	uint8_t separator = profile->separator ? (uint8_t)profile->separator : ',';

	for (size_t at = run->from; at < run->to;) {
		uint8_t byte = bytes[at];
		const uint8_t *quote;
		size_t end;

		switch ((enum mode)csv->mode) {
		case UNCLASSED:
			return;
		case CELL:
			if (byte == '"') {
				csv->mode = QUOTED;
				begin_value(csv, run, ++at, (char)separator, true);
			} else if (byte == separator || byte == '\n') {
				/* An empty line in front of the header names nothing. */
				if (byte == separator || csv->is_named || csv->column > 0)
					end_cell(csv, byte == '\n');
				at++;
			} else if (byte == ' ' || byte == '\r' ||
				   (!csv->is_named && !csv->column && byte >= 0xbb &&
				    (byte == 0xef || byte == 0xbb || byte == 0xbf))) {
				at++; /* a byte order mark as well, which quotes may follow */
			} else {
				csv->mode = BARE;
				begin_value(csv, run, at, (char)separator, false);
			}
			break;
		case BARE:
			end = skip_bare(bytes, at, run->to, separator);
			if (!csv->is_named)
				name_bytes(csv, run->text, at, end);
			at = end;
			if (at == run->to)
				break;
			end_value(csv, run, at);
			if (bytes[at] != '\r' || at + 1 == run->text->length ||
			    bytes[at + 1] != '\n')
				end_cell(csv, bytes[at] != separator);
			else
				csv->mode = QUOTE; /* of CR LF the second ends the record */
			at++;
			break;
		case QUOTED:
			quote = memchr(bytes + at, '"', run->to - at);
			end = quote ? (size_t)(quote - bytes) : run->to;
			if (!csv->is_named)
				name_bytes(csv, run->text, at, end);
			at = end;
			if (quote) {
				csv->mode = QUOTE;
				at++;
			}
			break;
		case QUOTE:
			if (byte == '"') {
				csv->mode = QUOTED;
				at++;
			} else if (byte == separator || byte == '\n') {
				end_value(csv, run, quote_before(run->text, at));
				end_cell(csv, byte == '\n');
				at++;
			} else if (byte == ' ' || byte == '\r') {
				at++;
			} else {
				/* No CSV: what follows the quotes is the value's as well. */
				if (csv->hidden)
					walk_field(run, run->open, quote_before(run->text, at),
						   csv->hidden - 1u);
				run->open = at;
				csv->mode = BARE;
			}
			break;
		}
	}
	if (!csv->hidden)
		return;
	/* A quote that ends the cell is not its value's, one of two is. */
	if (csv->mode == QUOTE && (run->to == run->text->length || bytes[run->to] != '"'))
		walk_field(run, run->open, quote_before(run->text, run->to), csv->hidden - 1u);
	else
		walk_field(run, run->open, run->to, csv->hidden - 1u);
}

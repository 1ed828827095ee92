#include "policy/rules/glob.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

enum token_kind { TOKEN_SYMBOL, TOKEN_ONE, TOKEN_MANY, TOKEN_CLASS };

struct token {
	uint8_t kind; /* enum token_kind: many of these are kept */
	bool is_negated;
	uint16_t count; /* TOKEN_CLASS: into ranges, from @first on */
	uint32_t first;
	uint32_t symbol; /* TOKEN_SYMBOL */
};

_Static_assert(GLOB_LENGTH_LIMIT *GLOB_ALTERNATIVES_LIMIT < UINT32_MAX &&
		       GLOB_LENGTH_LIMIT < UINT16_MAX,
	       "the ranges of a class fit");

struct range {
	uint32_t from, until; /* both included, not folded: fits_class tries both cases */
};

struct alternative {
	size_t first, count; /* into tokens */
};

struct glob {
	char *text;
	size_t text_length;
	struct alternative *alternatives;
	size_t alternative_count;
	struct token *tokens;
	size_t token_count, token_room;
	struct range *ranges;
	size_t range_count, range_room;
	uint32_t *literal;
	size_t literal_count;
	bool is_any;
};

/* ---- folding ------------------------------------------------------------------------------- */

static const utf8proc_option_t FOLD = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD;

static size_t valid_run(const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		utf8proc_int32_t symbol;
		utf8proc_ssize_t step =
			utf8proc_iterate(bytes + at, (utf8proc_ssize_t)(length - at), &symbol);

		if (step <= 0)
			break;
		at += (size_t)step;
	}
	return at;
}

static bool fold_ascii(const uint8_t *bytes, size_t length, uint32_t *out_symbols)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = bytes[i];

		if (byte >= 0x80)
			return false;
		out_symbols[i] = byte >= 'A' && byte <= 'Z' ? byte + 32u : byte;
	}
	return true;
}

enum bl_status glob_fold(const char *text, size_t length, uint32_t *out_symbols, size_t *out_count)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t room = GLOB_ROOM(length);
	size_t count = 0;

	if (fold_ascii(bytes, length, out_symbols)) {
		*out_count = length;
		return BL_OK;
	}
	for (size_t at = 0; at < length;) {
		size_t run = valid_run(bytes + at, length - at);

		if (run == 0) {
			out_symbols[count++] = GLOB_BYTE_SYMBOL(bytes[at++]);
			continue;
		}
		/* decompose writes at most `room` symbols and says how many it needs */
		utf8proc_int32_t *into = (utf8proc_int32_t *)(out_symbols + count);
		size_t left = room - count - (length - at - run);
		utf8proc_ssize_t got = utf8proc_decompose(bytes + at, (utf8proc_ssize_t)run, into,
							  (utf8proc_ssize_t)left, FOLD);

		if (got < 0 || (size_t)got > left)
			return BL_NO_MEMORY;
		got = utf8proc_normalize_utf32(into, got, FOLD);
		if (got < 0)
			return BL_NO_MEMORY;
		count += (size_t)got;
		at += run;
	}
	*out_count = count;
	return BL_OK;
}

/* ---- parsing ------------------------------------------------------------------------------- */

/* Behind the "[..]" that starts at @at, or 0 when it is never closed. "]" may come first in it. */
static size_t class_end(const char *text, size_t length, size_t at)
{
	size_t i = at + 1;

	if (i < length && text[i] == '!')
		i++;
	if (i < length && text[i] == ']')
		i++;
	while (i < length && text[i] != ']')
		i++;
	return i < length ? i + 1 : 0;
}

/* The next '{' outside of classes from @at on; @length when there is none. */
static size_t find_brace(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '{')
			return i;
		if (text[i] == '[') {
			size_t end = class_end(text, length, i);

			if (end)
				i = end - 1;
		}
	}
	return length;
}

static enum bl_status token_add(struct glob *glob, struct token token)
{
	if (glob->token_count == glob->token_room) {
		size_t room = glob->token_room ? glob->token_room * 2 : 16;
		struct token *grown = realloc(glob->tokens, room * sizeof(*grown));

		if (!grown)
			return BL_NO_MEMORY;
		glob->tokens = grown;
		glob->token_room = room;
	}
	glob->tokens[glob->token_count++] = token;
	return BL_OK;
}

static enum bl_status range_add(struct glob *glob, struct range range)
{
	if (glob->range_count == glob->range_room) {
		size_t room = glob->range_room ? glob->range_room * 2 : 8;
		struct range *grown = realloc(glob->ranges, room * sizeof(*grown));

		if (!grown)
			return BL_NO_MEMORY;
		glob->ranges = grown;
		glob->range_room = room;
	}
	glob->ranges[glob->range_count++] = range;
	return BL_OK;
}

static size_t read_symbol(const char *text, size_t length, uint32_t *out_symbol)
{
	utf8proc_int32_t symbol;
	utf8proc_ssize_t step =
		utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, &symbol);

	if (step <= 0) {
		*out_symbol = GLOB_BYTE_SYMBOL((uint8_t)text[0]);
		return 1;
	}
	*out_symbol = (uint32_t)symbol;
	return (size_t)step;
}

/* A member that folds into two symbols ("ss" for a sharp s) could never match one: say so. */
static bool folds_to_one(const char *text, size_t length)
{
	uint32_t symbols[GLOB_ROOM(8)];
	size_t count;

	return length <= 8 && glob_fold(text, length, symbols, &count) == BL_OK && count == 1;
}

static enum bl_status parse_class(struct glob *glob, const char *text, size_t end, size_t at,
				  struct bl_error *why)
{
	struct token token = {.kind = TOKEN_CLASS, .first = (uint32_t)glob->range_count};
	size_t i = at + 1;

	if (text[i] == '!') {
		token.is_negated = true;
		i++;
	}
	while (i < end - 1) {
		struct range range;
		size_t step = read_symbol(text + i, end - 1 - i, &range.from);

		if (!folds_to_one(text + i, step))
			return bl_fail(why, BL_INVALID, "a character in '[..]' stands for several");
		i += step;
		range.until = range.from;
		if (i + 1 < end - 1 && text[i] == '-') {
			i++;
			i += read_symbol(text + i, end - 1 - i, &range.until);
			if (range.until < range.from)
				return bl_fail(why, BL_INVALID, "a range in '[..]' is backwards");
		}
		enum bl_status status = range_add(glob, range);

		if (status != BL_OK)
			return status;
	}
	token.count = (uint16_t)(glob->range_count - token.first);
	return token_add(glob, token);
}

static enum bl_status parse_literal(struct glob *glob, const char *text, size_t length)
{
	BL_CLEANUP(bl_free) uint32_t *symbols = calloc(GLOB_ROOM(length), sizeof(*symbols));
	size_t count;

	if (!symbols)
		return BL_NO_MEMORY;
	enum bl_status status = glob_fold(text, length, symbols, &count);

	for (size_t i = 0; status == BL_OK && i < count; i++)
		status =
			token_add(glob, (struct token){.kind = TOKEN_SYMBOL, .symbol = symbols[i]});
	return status;
}

/* One alternative: no braces left in it. */
static enum bl_status parse_alternative(struct glob *glob, const char *text, size_t length,
					struct bl_error *why)
{
	struct alternative *alternative = &glob->alternatives[glob->alternative_count];
	enum bl_status status = BL_OK;

	alternative->first = glob->token_count;
	for (size_t i = 0; status == BL_OK && i < length;) {
		size_t run = i;

		while (run < length && !strchr("*?[]}", text[run]))
			run++;
		if (run > i) {
			status = parse_literal(glob, text + i, run - i);
			i = run;
		} else if (text[i] == '*') {
			while (i < length && text[i] == '*')
				i++;
			status = token_add(glob, (struct token){.kind = TOKEN_MANY});
		} else if (text[i] == '?') {
			status = token_add(glob, (struct token){.kind = TOKEN_ONE});
			i++;
		} else {
			size_t end = text[i] == '[' ? class_end(text, length, i) : 0;

			if (!end)
				return bl_fail(why, BL_INVALID, "a '%c' has no partner", text[i]);
			status = parse_class(glob, text, end, i, why);
			i = end;
		}
	}
	alternative->count = glob->token_count - alternative->first;
	glob->alternative_count++;
	return status;
}

/* Where the brace at @open closes, and how many alternatives it has; 0 when it never does. */
static size_t brace_close(const char *text, size_t length, size_t open)
{
	unsigned depth = 0;

	for (size_t i = open; i < length; i++) {
		if (text[i] == '[') {
			size_t end = class_end(text, length, i);

			if (end)
				i = end - 1;
		} else if (text[i] == '{') {
			depth++;
		} else if (text[i] == '}' && --depth == 0) {
			return i;
		}
	}
	return 0;
}

static size_t brace_part_end(const char *text, size_t close, size_t at)
{
	unsigned depth = 0;

	for (; at < close; at++) {
		if (text[at] == '[') {
			size_t end = class_end(text, close, at);

			if (end)
				at = end - 1;
		} else if (text[at] == '{') {
			depth++;
		} else if (text[at] == '}') {
			depth--;
		} else if (text[at] == ',' && depth == 0) {
			break;
		}
	}
	return at;
}

struct worklist {
	char *items[GLOB_ALTERNATIVES_LIMIT];
	size_t count;
};

static void worklist_free(struct worklist *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list);
}
BL_DEFINE_CLEANUP(struct worklist, worklist_free)

/* Put "prefix part suffix" on the list for each part of the first brace of @text. */
static enum bl_status spread_brace(struct worklist *list, const char *text, size_t open,
				   size_t budget, struct bl_error *why)
{
	size_t length = strlen(text);
	size_t close = brace_close(text, length, open);

	if (!close)
		return bl_fail(why, BL_INVALID, "a '{' has no partner");
	for (size_t at = open + 1;; at++) {
		size_t end = brace_part_end(text, close, at);
		char *item = malloc(length + 1);

		if (!item)
			return BL_NO_MEMORY;
		memcpy(item, text, open);
		memcpy(item + open, text + at, end - at);
		memcpy(item + open + (end - at), text + close + 1, length - close);
		if (list->count >= budget) {
			free(item);
			return bl_fail(why, BL_INVALID, "more than %d alternatives",
				       GLOB_ALTERNATIVES_LIMIT);
		}
		list->items[list->count++] = item;
		if (end == close)
			return BL_OK;
		at = end;
	}
}

static enum bl_status parse(struct glob *glob, struct bl_error *why)
{
	BL_CLEANUP(worklist_free) struct worklist *list = calloc(1, sizeof(*list));

	if (!list || !(list->items[0] = strdup(glob->text)))
		return BL_NO_MEMORY;
	list->count = 1;
	while (list->count) {
		BL_CLEANUP(bl_free) char *text = list->items[--list->count];
		size_t length = strlen(text);
		size_t open = find_brace(text, length);
		/* what is done and what waits share one limit, so nesting cannot multiply */
		size_t budget = GLOB_ALTERNATIVES_LIMIT - glob->alternative_count;
		enum bl_status status = open < length ? spread_brace(list, text, open, budget, why)
						      : parse_alternative(glob, text, length, why);

		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

static enum bl_status note_literal(struct glob *glob)
{
	if (glob->alternative_count != 1)
		return BL_OK;
	glob->is_any = glob->token_count == 1 && glob->tokens[0].kind == TOKEN_MANY;
	for (size_t i = 0; i < glob->token_count; i++)
		if (glob->tokens[i].kind != TOKEN_SYMBOL)
			return BL_OK;
	glob->literal = calloc(glob->token_count + 1, sizeof(*glob->literal));
	if (!glob->literal)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < glob->token_count; i++)
		glob->literal[i] = glob->tokens[i].symbol;
	glob->literal_count = glob->token_count;
	return BL_OK;
}

static enum bl_status allocate(struct glob *glob, const char *text, size_t length)
{
	glob->text = strndup(text, length);
	glob->text_length = length;
	glob->alternatives = calloc(GLOB_ALTERNATIVES_LIMIT, sizeof(*glob->alternatives));
	return glob->text && glob->alternatives ? BL_OK : BL_NO_MEMORY;
}

enum bl_status glob_new(const char *text, size_t length, struct glob **out_glob,
			struct bl_error *why)
{
	if (length > GLOB_LENGTH_LIMIT)
		return bl_fail(why, BL_INVALID, "a component is longer than %d bytes",
			       GLOB_LENGTH_LIMIT);
	if ((length == 1 && text[0] == '.') || (length == 2 && memcmp(text, "..", 2) == 0))
		return bl_fail(why, BL_INVALID, "'.' and '..' never match: paths are absolute");

	BL_CLEANUP(glob_free) struct glob *glob = calloc(1, sizeof(*glob));

	if (!glob)
		return BL_NO_MEMORY;
	enum bl_status status = allocate(glob, text, length);

	if (status == BL_OK)
		status = parse(glob, why);
	if (status == BL_OK)
		status = note_literal(glob);
	if (status != BL_OK)
		return status;
	struct alternative *shrunk =
		realloc(glob->alternatives, glob->alternative_count * sizeof(*shrunk));

	if (shrunk)
		glob->alternatives = shrunk;
	*out_glob = BL_TAKE(glob);
	return BL_OK;
}

void glob_free(struct glob *glob)
{
	if (!glob)
		return;
	free(glob->text);
	free(glob->alternatives);
	free(glob->tokens);
	free(glob->ranges);
	free(glob->literal);
	free(glob);
}

/* ---- matching ------------------------------------------------------------------------------ */

static bool in_ranges(const struct range *ranges, size_t count, uint32_t symbol)
{
	for (size_t i = 0; i < count; i++)
		if (symbol >= ranges[i].from && symbol <= ranges[i].until)
			return true;
	return false;
}

static bool fits_class(const struct glob *glob, const struct token *token, uint32_t symbol)
{
	const struct range *ranges = glob->ranges + token->first;
	bool is_in = in_ranges(ranges, token->count, symbol);

	if (!is_in && symbol < GLOB_BYTE_SYMBOL(0))
		is_in = in_ranges(ranges, token->count,
				  (uint32_t)utf8proc_toupper((utf8proc_int32_t)symbol));
	return is_in != token->is_negated;
}

static bool fits(const struct glob *glob, const struct token *token, uint32_t symbol)
{
	switch (token->kind) {
	case TOKEN_SYMBOL:
		return token->symbol == symbol;
	case TOKEN_ONE:
		return true;
	case TOKEN_CLASS:
		return fits_class(glob, token, symbol);
	case TOKEN_MANY:
		break;
	}
	return false;
}

/* Only the last star need be tried again, so the worst case is tokens times symbols. */
static bool match_alternative(const struct glob *glob, const struct alternative *alternative,
			      const uint32_t *symbols, size_t count)
{
	const struct token *tokens = glob->tokens + alternative->first;
	size_t t = 0, s = 0, star = SIZE_MAX, mark = 0;

	while (s < count) {
		if (t < alternative->count && tokens[t].kind == TOKEN_MANY) {
			star = t++;
			mark = s;
		} else if (t < alternative->count && fits(glob, &tokens[t], symbols[s])) {
			t++;
			s++;
		} else if (star != SIZE_MAX) {
			t = star + 1;
			s = ++mark;
		} else {
			return false;
		}
	}
	while (t < alternative->count && tokens[t].kind == TOKEN_MANY)
		t++;
	return t == alternative->count;
}

bool glob_match(const struct glob *glob, const uint32_t *symbols, size_t count)
{
	for (size_t i = 0; i < glob->alternative_count; i++)
		if (match_alternative(glob, &glob->alternatives[i], symbols, count))
			return true;
	return false;
}

bool glob_is_any(const struct glob *glob)
{
	return glob->is_any;
}

const uint32_t *glob_literal(const struct glob *glob, size_t *out_count)
{
	*out_count = glob->literal_count;
	return glob->literal;
}

const char *glob_text(const struct glob *glob, size_t *out_length)
{
	*out_length = glob->text_length;
	return glob->text;
}

bool glob_next(const char **at, const char **out_text, size_t *out_length)
{
	const char *text = *at + strspn(*at, "/");
	size_t length = strcspn(text, "/");

	*at = text + length;
	*out_text = text;
	*out_length = length;
	return length > 0;
}

enum bl_status glob_check(const char *pattern, struct glob_size *size, struct bl_error *why)
{
	const char *text;
	size_t length;

	while (glob_next(&pattern, &text, &length)) {
		BL_CLEANUP(glob_free) struct glob *glob = NULL;
		enum bl_status status = glob_new(text, length, &glob, why);

		if (status != BL_OK)
			return status;
		size->symbols += glob->token_count + glob->range_count;
		if (glob->alternative_count > 1)
			size->alternatives += glob->alternative_count;
	}
	return BL_OK;
}

bool glob_match_id(const char *pattern, const char *id)
{
	const char *star = NULL, *mark = id;

	while (*id) {
		if (*pattern == '*') {
			star = pattern++;
			mark = id;
		} else if (*pattern && (*pattern == '?' || *pattern == *id)) {
			pattern++;
			id++;
		} else if (star) {
			pattern = star + 1;
			id = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

#include "policy/yaml/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "policy/yaml/arena.h"
#include "policy/yaml/text.h"

/* Nodes, keys included: what a person writes has thousands; the memory of a hostile file stays below 30 MiB. */
#define NODE_LIMIT 200000u
/* Of one map: no list of names in the language holds half as many, and each key is looked up and compared. */
#define KEY_LIMIT 10000u

struct yaml_document {
	struct arena *arena;
	const struct yaml_node *root;
};

struct frame {
	struct yaml_node *node, *last;
	const struct yaml_node *key; /* in a map: a key that waits for its value */
};

/* A place in the input. libyaml counts characters, we count bytes. */
struct cursor {
	size_t index, offset, line_start;
	unsigned line;
};

struct builder {
	const char *bytes;
	size_t length;
	struct cursor cursor;
	struct yaml_document *document;
	struct yaml_finding *finding;
	struct frame frames[YAML_DEPTH_LIMIT];
	unsigned depth;
	size_t nodes;
};

void yaml_free(struct yaml_document *document)
{
	if (!document)
		return;
	arena_free(document->arena);
	free(document);
}

const struct yaml_node *yaml_root(const struct yaml_document *document)
{
	return document->root;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->type != YAML_MAP)
		return NULL;
	for (const struct yaml_node *value = map->first; value; value = value->next)
		if (strcmp(value->key->text, key) == 0)
			return value;
	return NULL;
}

/* ---- where ---------------------------------------------------------------------------------- */

static void cursor_back(struct builder *builder)
{
	struct cursor *at = &builder->cursor;

	do
		at->offset--;
	while (at->offset && ((unsigned char)builder->bytes[at->offset] & 0xc0) == 0x80);
	at->index--;
	if (builder->bytes[at->offset] != '\n')
		return;
	at->line--;
	for (at->line_start = at->offset; at->line_start; at->line_start--)
		if (builder->bytes[at->line_start - 1] == '\n')
			break;
}

/* Events come in the order of the text, so the cursor hardly ever moves back: linear over a document. */
static void locate(struct builder *builder, size_t index)
{
	struct cursor *at = &builder->cursor;

	while (at->index > index)
		cursor_back(builder);
	while (at->index < index && at->offset < builder->length) {
		bool is_line_end = builder->bytes[at->offset] == '\n';

		do
			at->offset++;
		while (at->offset < builder->length &&
		       ((unsigned char)builder->bytes[at->offset] & 0xc0) == 0x80);
		at->index++;
		if (is_line_end) {
			at->line++;
			at->line_start = at->offset;
		}
	}
}

static enum bl_status refuse(struct builder *builder, enum bl_status status, const char *text,
			     const char *fix)
{
	const struct cursor *at = &builder->cursor;

	if (builder->finding) {
		builder->finding->line = at->line;
		builder->finding->column = (unsigned)(at->offset - at->line_start + 1);
		snprintf(builder->finding->text, sizeof(builder->finding->text), "%s", text);
		snprintf(builder->finding->fix, sizeof(builder->finding->fix), "%s", fix);
	}
	return status;
}

static enum bl_status refuse_at(struct builder *builder, const struct yaml_node *node,
				const char *text, const char *fix)
{
	if (builder->finding) {
		builder->finding->line = node->line;
		builder->finding->column = node->column;
		snprintf(builder->finding->text, sizeof(builder->finding->text), "%s", text);
		snprintf(builder->finding->fix, sizeof(builder->finding->fix), "%s", fix);
	}
	return BL_INVALID;
}

/* ---- what libyaml says, in words -------------------------------------------------------------- */

/* The bare pattern at the cursor, when it is one: "**" and on up to what ends a flow or the line. */
static void bare_pattern(const struct builder *builder, char *out, size_t size)
{
	const char *from = builder->bytes + builder->cursor.offset;
	size_t rest = builder->length - builder->cursor.offset, length = 0, open = 0;

	out[0] = '\0';
	while (length < rest && !strchr("\r\n'\"", from[length])) {
		char c = from[length];

		if (c == '#' && length && from[length - 1] == ' ')
			break;
		if (!open && (c == ',' || c == ']' || c == '}'))
			break;
		if (c == '{' || c == '[')
			open++;
		if (c == '}' || c == ']')
			open--;
		length++;
	}
	while (length && from[length - 1] == ' ')
		length--;
	if (length < size && length < 120 && memchr(from, '/', length))
		snprintf(out, size, "%.*s", (int)length, from);
}

static enum bl_status refuse_star(struct builder *builder)
{
	char pattern[128], fix[256];

	bare_pattern(builder, pattern, sizeof(pattern));
	if (pattern[0])
		snprintf(fix, sizeof(fix), "put the pattern in quotes: '%s'", pattern);
	else
		snprintf(fix, sizeof(fix), "put it in quotes if it is a pattern: '*'");
	return refuse(builder, BL_INVALID,
		      "an unquoted '*' is a reference (alias) to YAML, and references are refused",
		      fix);
}

static enum bl_status refuse_start(struct builder *builder)
{
	switch (builder->cursor.offset < builder->length ? builder->bytes[builder->cursor.offset]
							 : 0) {
	case '\t':
		return refuse(builder, BL_INVALID, "a tab cannot indent in YAML",
			      "indent with spaces");
	case '%':
	case '@':
	case '`':
		return refuse(builder, BL_INVALID, "a value cannot begin with '%', '@' or '`'",
			      "put the value in quotes");
	default:
		return refuse(builder, BL_INVALID, "nothing can begin with this character here",
			      "put the value in quotes");
	}
}

static const struct {
	const char *problem; /* libyaml's words */
	const char *text, *fix;
} PROBLEMS[] = {
	{"mapping values are not allowed in this context", "a ':' stands where none can",
	 "indent the line as its neighbours, or put a value that holds ': ' in quotes"},
	{"could not find expected ':'", "this is no 'key: value'",
	 "write 'key: value', with a space behind ':'"},
	{"did not find expected ',' or ']'", "a '[' is not closed",
	 "end the list with ']', with ',' between"},
	{"did not find expected ',' or '}'", "a '{' is not closed",
	 "end the map with '}', with ',' between"},
	{"did not find expected key", "this line fits none of the blocks above it",
	 "indent it as its neighbours"},
	{"did not find expected '-' indicator", "this line is no entry of the list above it",
	 "indent it as its neighbours, or begin it with '- '"},
	{"block sequence entries are not allowed in this context", "a list cannot begin here",
	 "begin it on a line of its own"},
	{"found unknown escape character", "unknown escape behind '\\'", "use single quotes"},
	{"found unexpected end of stream", "a quote is not closed", "close the quote"},
	{"found unexpected document indicator", "a quote is not closed", "close the quote"},
	{"did not find expected <document start>", "a second document",
	 "one file holds one document"},
};

static enum bl_status refuse_problem(struct builder *builder, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "not YAML";
	const char *context = parser->context ? parser->context : "";

	if (parser->error == YAML_MEMORY_ERROR)
		return BL_NO_MEMORY;
	if (strcmp(context, "while scanning an alias") == 0) {
		locate(builder, parser->context_mark.index);
		return refuse_star(builder);
	}
	if (strcmp(context, "while scanning an anchor") == 0) {
		locate(builder, parser->context_mark.index);
		return refuse(builder, BL_INVALID, "anchors are refused",
			      "put a value that begins with '&' in quotes");
	}
	if (strcmp(context, "while scanning a quoted scalar") == 0 && strstr(problem, "unexpected"))
		locate(builder, parser->context_mark.index);
	else
		locate(builder, parser->problem_mark.index);
	if (strcmp(problem, "found character that cannot start any token") == 0 ||
	    strncmp(problem, "found a tab character", strlen("found a tab character")) == 0)
		return refuse_start(builder);
	for (size_t i = 0; i < BL_COUNT(PROBLEMS); i++)
		if (strcmp(problem, PROBLEMS[i].problem) == 0)
			return refuse(builder, BL_INVALID, PROBLEMS[i].text, PROBLEMS[i].fix);
	return refuse(builder, BL_INVALID, problem,
		      "look at the quotes, brackets and indentation here");
}

/* ---- building the tree ------------------------------------------------------------------------ */

static enum bl_status node_new(struct builder *builder, enum yaml_type type,
			       struct yaml_node **out_node)
{
	if (builder->nodes++ >= NODE_LIMIT)
		return refuse(builder, BL_TOO_LARGE, "more than 200000 values", "split the file");

	struct yaml_node *node = arena_take(builder->document->arena, 1, sizeof(*node));

	if (!node)
		return BL_NO_MEMORY;
	node->type = type;
	node->line = builder->cursor.line;
	node->column = (unsigned)(builder->cursor.offset - builder->cursor.line_start + 1);
	*out_node = node;
	return BL_OK;
}

/* Hang a finished scalar or a map or list that begins into its parent. */
static enum bl_status place(struct builder *builder, struct yaml_node *node)
{
	struct frame *top = builder->depth ? &builder->frames[builder->depth - 1] : NULL;

	if (!top) {
		builder->document->root = node;
		return BL_OK;
	}
	if (top->node->type == YAML_MAP && !top->key) {
		if (node->type != YAML_SCALAR)
			return refuse(builder, BL_INVALID, "a key must be one word",
				      "write 'key: value'");
		if (!node->is_quoted && strcmp(node->text, "<<") == 0)
			return refuse(builder, BL_INVALID, "merge keys are refused",
				      "write the keys out");
		if (top->node->count == KEY_LIMIT)
			return refuse(builder, BL_TOO_LARGE, "more than 10000 keys in one map",
				      "split the file");
		top->key = node;
		return BL_OK;
	}
	if (top->node->type == YAML_MAP) {
		node->key = top->key;
		top->key = NULL;
	}
	if (top->last)
		top->last->next = node;
	else
		top->node->first = node;
	top->last = node;
	top->node->count++;
	return BL_OK;
}

/* "! x" loses its tag on the way through libyaml, so the text itself is looked at, too. */
static enum bl_status refuse_properties(struct builder *builder, const yaml_char_t *anchor,
					const yaml_char_t *tag)
{
	char here = builder->cursor.offset < builder->length
			    ? builder->bytes[builder->cursor.offset]
			    : 0;

	if (anchor || here == '&')
		return refuse(builder, BL_INVALID, "anchors are refused",
			      "write the value out where it is needed");
	if (tag || here == '!')
		return refuse(builder, BL_INVALID, "tags ('!...') are refused",
			      "remove the tag, or put the value in quotes");
	return BL_OK;
}

static enum bl_status add_scalar(struct builder *builder, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value, *text, *fix;
	size_t length = event->data.scalar.length, offset;
	struct yaml_node *node;
	enum bl_status status =
		refuse_properties(builder, event->data.scalar.anchor, event->data.scalar.tag);

	if (status != BL_OK)
		return status;
	/* The file was looked at before; an escape ("\u202e", "\0") can still bring such a character in. */
	if (!text_scan(value, length, &offset, &text, &fix))
		return refuse(builder, BL_INVALID, text, fix);
	status = node_new(builder, YAML_SCALAR, &node);
	if (status != BL_OK)
		return status;
	node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = arena_copy(builder->document->arena, value, length);
	if (!node->text)
		return BL_NO_MEMORY;
	return place(builder, node);
}

static enum bl_status begin(struct builder *builder, enum yaml_type type, const yaml_char_t *anchor,
			    const yaml_char_t *tag)
{
	struct yaml_node *node;
	enum bl_status status = refuse_properties(builder, anchor, tag);

	if (status != BL_OK)
		return status;
	if (builder->depth == YAML_DEPTH_LIMIT)
		return refuse(builder, BL_INVALID, "nested deeper than 64 levels", "nest less");
	status = node_new(builder, type, &node);
	if (status == BL_OK)
		status = place(builder, node);
	if (status == BL_OK)
		builder->frames[builder->depth++] = (struct frame){.node = node};
	return status;
}

static int compare_keys(const void *left, const void *right)
{
	const struct yaml_node *a = *(const struct yaml_node *const *)left;
	const struct yaml_node *b = *(const struct yaml_node *const *)right;
	int order = strcmp(a->text, b->text);

	if (order)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

/* Sorted, so that a map of a hundred thousand keys costs no more than it should. */
static enum bl_status refuse_duplicates(struct builder *builder, const struct yaml_node *map)
{
	const struct yaml_node *first = NULL;
	size_t count = 0;

	if (map->count < 2)
		return BL_OK;

	BL_CLEANUP(bl_free) const struct yaml_node **keys = calloc(map->count, sizeof(*keys));

	if (!keys)
		return BL_NO_MEMORY;
	for (const struct yaml_node *value = map->first; value; value = value->next)
		keys[count++] = value->key;
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < count; i++)
		if (strcmp(keys[i - 1]->text, keys[i]->text) == 0 &&
		    (!first || keys[i]->line < first->line ||
		     (keys[i]->line == first->line && keys[i]->column < first->column)))
			first = keys[i];
	if (!first)
		return BL_OK;

	char text[128];

	snprintf(text, sizeof(text), "key '%.48s%s' stands here a second time", first->text,
		 strlen(first->text) > 48 ? "..." : "");
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r' || *c == '\t')
			*c = ' ';
	return refuse_at(builder, first, text, "keep one of the two");
}

static enum bl_status end(struct builder *builder)
{
	const struct yaml_node *node = builder->frames[--builder->depth].node;

	return node->type == YAML_MAP ? refuse_duplicates(builder, node) : BL_OK;
}

static enum bl_status begin_document(struct builder *builder, const yaml_event_t *event)
{
	if (builder->document->root)
		return refuse(builder, BL_INVALID, "a second document",
			      "one file holds one document");
	if (event->data.document_start.version_directive ||
	    event->data.document_start.tag_directives.start !=
		    event->data.document_start.tag_directives.end)
		return refuse(builder, BL_INVALID, "directives ('%...') are refused",
			      "remove the line");
	return BL_OK;
}

static enum bl_status take(struct builder *builder, const yaml_event_t *event)
{
	locate(builder, event->start_mark.index);
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return begin_document(builder, event);
	case YAML_ALIAS_EVENT:
		return refuse_star(builder);
	case YAML_SCALAR_EVENT:
		return add_scalar(builder, event);
	case YAML_SEQUENCE_START_EVENT:
		return begin(builder, YAML_LIST, event->data.sequence_start.anchor,
			     event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return begin(builder, YAML_MAP, event->data.mapping_start.anchor,
			     event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return end(builder);
	case YAML_STREAM_END_EVENT:
		if (!builder->document->root)
			return refuse(builder, BL_INVALID, "the file is empty",
				      "give it some text");
		return BL_OK;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return BL_OK;
	}
	return BL_INVALID;
}

static enum bl_status run(struct builder *builder)
{
	yaml_parser_t parser;
	yaml_event_t event;
	enum bl_status status = BL_OK;
	bool is_done = false;

	if (!yaml_parser_initialize(&parser))
		return BL_NO_MEMORY;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)builder->bytes,
				     builder->length);
	while (status == BL_OK && !is_done) {
		if (!yaml_parser_parse(&parser, &event)) {
			status = refuse_problem(builder, &parser);
			break;
		}
		is_done = event.type == YAML_STREAM_END_EVENT;
		status = take(builder, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return status;
}

/*
 * Where a line begins with '%': a directive, or nothing that stands there in what we take. libyaml holds each %TAG
 * against all those before it, so that a file of them takes minutes before the first event.
 */
static size_t find_directive(const char *bytes, size_t length)
{
	const char *at = bytes, *end = bytes + length;

	while (at < end && *at != '%') {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : end;
	}
	return (size_t)(at - bytes);
}

/* Move to a byte of the input; columns are bytes. */
static void seek(struct builder *builder, size_t offset)
{
	for (size_t i = 0; i < offset; i++)
		if (builder->bytes[i] == '\n') {
			builder->cursor.line++;
			builder->cursor.line_start = i + 1;
		}
	builder->cursor.offset = offset;
}

enum bl_status yaml_parse(const char *bytes, size_t length, struct yaml_document **out_document,
			  struct yaml_finding *out_finding)
{
	BL_CLEANUP(yaml_free) struct yaml_document *document = calloc(1, sizeof(*document));
	struct builder builder = {
		.bytes = bytes,
		.length = length,
		.cursor = {.line = 1},
		.document = document,
		.finding = out_finding,
	};
	const char *text, *fix;
	size_t offset;

	if (!document || !(document->arena = arena_new()))
		return BL_NO_MEMORY;
	if (length > YAML_SIZE_LIMIT)
		return refuse(&builder, BL_TOO_LARGE, "larger than 4 MiB", "split the file");
	if (!text_scan(bytes, length, &offset, &text, &fix)) {
		seek(&builder, offset);
		return refuse(&builder, BL_INVALID, text, fix);
	}

	offset = find_directive(bytes, length);
	if (offset < length) {
		seek(&builder, offset);
		return refuse(&builder, BL_INVALID, "directives ('%...') are refused",
			      "remove the line");
	}

	enum bl_status status = run(&builder);

	if (status == BL_OK)
		*out_document = BL_TAKE(document);
	return status;
}

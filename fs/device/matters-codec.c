/* Matters and parts as they are sealed: canonical JSON (docs/format-store.md), of which there is one way to write anything. So reading is expecting: no
 * parser that nests, and nothing allocated that could not be wiped. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define ENTRY_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-/"

/* ---- what may stand in them -------------------------------------------------------------------- */

bool matters_action_ok(const char *action)
{
	return *action && file_text_ok(action, MATTERS_ACTION - 1);
}

bool parts_entry_ok(const char *entry)
{
	size_t length = strlen(entry);

	return length >= 1 && length < BL_RULE_ID_SIZE && strspn(entry, ENTRY_CHARACTERS) == length;
}

static bool is_incident(const struct device_incident *incident)
{
	if (!incident->is_closed)
		return !*incident->action && incident->closed_by == 0;
	return matters_action_ok(incident->action);
}

static bool is_request(const struct device_customer_request *request)
{
	if (request->state == CUSTOMER_OPEN && (request->ended_unix || request->ended_by))
		return false;
	return (request->state == CUSTOMER_DONE) == request->has_proof &&
	       (request->state == CUSTOMER_OPEN) == (request->ended_unix == 0) &&
	       facts_ticket_ok(request->ticket);
}

/* ---- life ---------------------------------------------------------------------------------------- */

struct device_matters *matters_new(void)
{
	struct device_matters *matters = calloc(1, sizeof(*matters));

	if (matters)
		matters->next_incident = matters->next_request = 1;
	return matters;
}

void device_matters_free(struct device_matters *matters)
{
	if (matters)
		sodium_memzero(matters, sizeof(*matters));
	free(matters);
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* Goes over everything twice: first without @bytes, to learn the length. */
struct sink {
	uint8_t *bytes;
	size_t length;
};

static void put(struct sink *sink, const char *text, size_t length)
{
	if (sink->bytes)
		memcpy(sink->bytes + sink->length, text, length);
	sink->length += length;
}

static void put_plain(struct sink *sink, const char *text)
{
	put(sink, text, strlen(text));
}

static void put_number(struct sink *sink, const char *key, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, value);
	put_plain(sink, key);
	put_plain(sink, digits);
}

/* What people may write has no control characters: these two are all that JSON escapes. */
static bool is_escaped(char character)
{
	return character == '"' || character == '\\';
}

static void put_string(struct sink *sink, const char *key, const char *text)
{
	put_plain(sink, key);
	put_plain(sink, "\"");
	for (; *text; text++) {
		if (is_escaped(*text))
			put_plain(sink, "\\");
		put(sink, text, 1);
	}
	put_plain(sink, "\"");
}

static void put_digest(struct sink *sink, const char *key, const uint8_t digest[DEVICE_DIGEST])
{
	char hex[2 * DEVICE_DIGEST + 1];

	sodium_bin2hex(hex, sizeof(hex), digest, DEVICE_DIGEST);
	put_string(sink, key, hex);
}

static void put_incident(struct sink *sink, const struct device_incident *incident)
{
	put_string(sink, "{\"action\":", incident->action);
	put_number(sink, ",\"by\":", incident->by);
	put_number(sink, ",\"closed\":", incident->closed_unix);
	put_number(sink, ",\"closed_by\":", incident->closed_by);
	put_number(sink, ",\"deadline\":", incident->deadline_unix);
	put_number(sink, ",\"hold\":", incident->hold);
	put_string(sink, ",\"kind\":", incident_kind_name(incident->kind));
	put_number(sink, ",\"number\":", incident->number);
	put_number(sink, ",\"opened\":", incident->opened_unix);
	put_plain(sink, "}");
}

static void put_request(struct sink *sink, const struct device_customer_request *request)
{
	put_number(sink, "{\"by\":", request->by);
	put_number(sink, ",\"deadline\":", request->deadline_unix);
	put_number(sink, ",\"ended\":", request->ended_unix);
	put_number(sink, ",\"ended_by\":", request->ended_by);
	put_string(sink, ",\"kind\":", customer_request_kind_name(request->kind));
	put_number(sink, ",\"number\":", request->number);
	if (request->has_proof)
		put_digest(sink, ",\"proof\":", request->proof);
	else
		put_string(sink, ",\"proof\":", "");
	put_number(sink, ",\"since\":", request->since_unix);
	put_string(sink, ",\"state\":", customer_request_state_name(request->state));
	put_string(sink, ",\"ticket\":", request->ticket);
	put_plain(sink, "}");
}

static void put_matters(struct sink *sink, const void *what)
{
	const struct device_matters *matters = what;

	put_plain(sink, "{\"incidents\":[");
	for (size_t i = 0; i < matters->incident_count; i++) {
		put_plain(sink, i ? "," : "");
		put_incident(sink, &matters->incidents[i]);
	}
	put_number(sink, "],\"next_incident\":", matters->next_incident);
	put_number(sink, ",\"next_request\":", matters->next_request);
	put_plain(sink, ",\"requests\":[");
	for (size_t i = 0; i < matters->request_count; i++) {
		put_plain(sink, i ? "," : "");
		put_request(sink, &matters->requests[i]);
	}
	put_plain(sink, "],\"version\":1}");
}

static void put_parts(struct sink *sink, const void *what)
{
	const struct device_parts *parts = what;

	put_plain(sink, "{\"parts\":[");
	for (size_t i = 0; i < parts->count; i++) {
		put_number(sink, i ? ",{\"at\":" : "{\"at\":", parts->items[i].at_unix);
		put_string(sink, ",\"entry\":", parts->items[i].entry);
		put_digest(sink, ",\"paths\":", parts->items[i].paths);
		put_plain(sink, "}");
	}
	put_plain(sink, "],\"version\":1}");
}

static enum bl_status encode(void (*put_all)(struct sink *sink, const void *what), const void *what,
			     struct plain *out)
{
	struct sink sink = {0};

	put_all(&sink, what);
	sink.bytes = malloc(sink.length);
	if (!sink.bytes)
		return BL_NO_MEMORY;
	*out = (struct plain){.bytes = sink.bytes, .length = sink.length};
	sink.length = 0;
	put_all(&sink, what);
	return BL_OK;
}

enum bl_status matters_encode(const struct device_matters *matters, struct plain *out)
{
	return encode(put_matters, matters, out);
}

enum bl_status parts_encode(const struct device_parts *parts, struct plain *out)
{
	return encode(put_parts, parts, out);
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* Once anything is wrong everything that follows is zero and empty: one look at the end is enough. */
struct source {
	const char *at, *end;
	bool is_bad;
};

static void demand(struct source *source, bool is_ok)
{
	source->is_bad |= !is_ok;
}

static bool is_next(const struct source *source, const char *text)
{
	size_t length = strlen(text);

	return !source->is_bad && (size_t)(source->end - source->at) >= length &&
	       memcmp(source->at, text, length) == 0;
}

static void take_plain(struct source *source, const char *text)
{
	demand(source, is_next(source, text));
	if (!source->is_bad)
		source->at += strlen(text);
}

static bool is_digit(const struct source *source)
{
	return source->at < source->end && *source->at >= '0' && *source->at <= '9';
}

/* @most times ten fits: dates and 32 bits. */
static int64_t take_number(struct source *source, const char *key, int64_t most)
{
	int64_t value = 0;

	take_plain(source, key);
	if (source->is_bad)
		return 0;

	const char *start = source->at;

	while (is_digit(source) && value <= most)
		value = 10 * value + (*source->at++ - '0');
	demand(source,
	       source->at > start && value <= most && (*start != '0' || source->at == start + 1));
	return source->is_bad ? 0 : value;
}

static uint32_t take_u32(struct source *source, const char *key)
{
	return (uint32_t)take_number(source, key, UINT32_MAX);
}

static int64_t take_date(struct source *source, const char *key)
{
	return take_number(source, key, FACTS_DATE_LIMIT);
}

/* @out is zero before; what does not fit with its NUL, or holds one, is bad. */
static void take_string(struct source *source, const char *key, char *out, size_t size)
{
	size_t length = 0;

	take_plain(source, key);
	take_plain(source, "\"");
	while (!source->is_bad && !is_next(source, "\"")) {
		bool has_escape = is_next(source, "\\");

		source->at += has_escape;
		demand(source, source->at < source->end && length < size - 1);
		if (source->is_bad)
			return;
		demand(source, *source->at && has_escape == is_escaped(*source->at));
		out[length++] = *source->at++;
	}
	take_plain(source, "\"");
}

static bool take_digest(struct source *source, const char *key, uint8_t out[DEVICE_DIGEST])
{
	char hex[2 * DEVICE_DIGEST + 1] = "";
	size_t length = 0;

	take_string(source, key, hex, sizeof(hex));
	demand(source, strspn(hex, "0123456789abcdef") == strlen(hex));
	if (source->is_bad || !*hex)
		return false;
	demand(source,
	       sodium_hex2bin(out, DEVICE_DIGEST, hex, strlen(hex), NULL, &length, NULL) == 0 &&
		       length == DEVICE_DIGEST);
	return true;
}

/* Behind "[": is there another item? Takes the comma before it, or the "]" behind all. */
static bool take_item(struct source *source, size_t count, size_t most)
{
	if (is_next(source, "]")) {
		source->at++;
		return false;
	}
	if (count)
		take_plain(source, ",");
	demand(source, count < most);
	return !source->is_bad;
}

#define WORD_SIZE 16

static void take_incident(struct source *source, struct device_incident *incident)
{
	char kind[WORD_SIZE] = "";

	take_string(source, "{\"action\":", incident->action, sizeof(incident->action));
	incident->by = take_u32(source, ",\"by\":");
	incident->closed_unix = take_date(source, ",\"closed\":");
	incident->is_closed = incident->closed_unix != 0;
	incident->closed_by = take_u32(source, ",\"closed_by\":");
	incident->deadline_unix = take_date(source, ",\"deadline\":");
	incident->hold = take_u32(source, ",\"hold\":");
	take_string(source, ",\"kind\":", kind, sizeof(kind));
	incident->number = take_u32(source, ",\"number\":");
	incident->opened_unix = take_date(source, ",\"opened\":");
	take_plain(source, "}");
	demand(source, incident_kind_parse(kind, &incident->kind));
	demand(source, incident->opened_unix > 0 &&
			       incident->deadline_unix >= incident->opened_unix &&
			       is_incident(incident));
}

static bool state_parse(const char *name, enum customer_request_state *out)
{
	for (int i = CUSTOMER_OPEN; i <= CUSTOMER_REFUSED; i++)
		if (strcmp(name, customer_request_state_name((enum customer_request_state)i)) ==
		    0) {
			*out = (enum customer_request_state)i;
			return true;
		}
	return false;
}

static void take_request(struct source *source, struct device_customer_request *request)
{
	char kind[WORD_SIZE] = "", state[WORD_SIZE] = "";

	request->by = take_u32(source, "{\"by\":");
	request->deadline_unix = take_date(source, ",\"deadline\":");
	request->ended_unix = take_date(source, ",\"ended\":");
	request->ended_by = take_u32(source, ",\"ended_by\":");
	take_string(source, ",\"kind\":", kind, sizeof(kind));
	request->number = take_u32(source, ",\"number\":");
	request->has_proof = take_digest(source, ",\"proof\":", request->proof);
	request->since_unix = take_date(source, ",\"since\":");
	take_string(source, ",\"state\":", state, sizeof(state));
	take_string(source, ",\"ticket\":", request->ticket, sizeof(request->ticket));
	take_plain(source, "}");
	demand(source, customer_request_kind_parse(kind, &request->kind) &&
			       state_parse(state, &request->state));
	demand(source, request->since_unix > 0 && request->deadline_unix >= request->since_unix &&
			       is_request(request));
}

/* Numbers grow and were given; of a kind only one request waits. */
static bool is_sound(const struct device_matters *matters)
{
	size_t open[CUSTOMER_REQUEST_KIND_COUNT] = {0};
	uint32_t last = 0;

	for (size_t i = 0; i < matters->incident_count; i++) {
		if (matters->incidents[i].number <= last)
			return false;
		last = matters->incidents[i].number;
	}
	if (last >= matters->next_incident)
		return false;
	last = 0;
	for (size_t i = 0; i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];

		if (request->number <= last ||
		    (request->state == CUSTOMER_OPEN && open[request->kind]++))
			return false;
		last = request->number;
	}
	return last < matters->next_request;
}

enum bl_status matters_decode(const uint8_t *bytes, size_t length,
			      struct device_matters **out_matters)
{
	struct source source = {.at = (const char *)bytes, .end = (const char *)bytes + length};
	BL_CLEANUP(device_matters_free) struct device_matters *matters = matters_new();

	if (!matters)
		return BL_NO_MEMORY;
	take_plain(&source, "{\"incidents\":[");
	while (take_item(&source, matters->incident_count, MATTERS_INCIDENTS))
		take_incident(&source, &matters->incidents[matters->incident_count++]);
	matters->next_incident = take_u32(&source, ",\"next_incident\":");
	matters->next_request = take_u32(&source, ",\"next_request\":");
	take_plain(&source, ",\"requests\":[");
	while (take_item(&source, matters->request_count, MATTERS_REQUESTS))
		take_request(&source, &matters->requests[matters->request_count++]);
	take_plain(&source, ",\"version\":1}");
	demand(&source, source.at == source.end);
	if (source.is_bad || !is_sound(matters))
		return BL_TAMPERED;
	*out_matters = BL_TAKE(matters);
	return BL_OK;
}

static void take_part(struct source *source, struct device_parts *parts)
{
	struct device_part *part = &parts->items[parts->count];

	part->at_unix = take_date(source, "{\"at\":");
	take_string(source, ",\"entry\":", part->entry, sizeof(part->entry));
	demand(source, take_digest(source, ",\"paths\":", part->paths));
	take_plain(source, "}");
	demand(source, part->at_unix > 0 && parts_entry_ok(part->entry) &&
			       !parts_find(parts, part->entry, part->paths));
	parts->count++;
}

enum bl_status parts_decode(const uint8_t *bytes, size_t length, struct device_parts *out_parts)
{
	struct source source = {.at = (const char *)bytes, .end = (const char *)bytes + length};

	*out_parts = (struct device_parts){.count = 0};
	take_plain(&source, "{\"parts\":[");
	while (take_item(&source, out_parts->count, MATTERS_PARTS))
		take_part(&source, out_parts);
	take_plain(&source, ",\"version\":1}");
	demand(&source, source.at == source.end);
	return source.is_bad ? BL_TAMPERED : BL_OK;
}

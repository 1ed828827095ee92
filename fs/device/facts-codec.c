/* The plain form of facts (docs/format-store.md, "facts.sealed"): written and read without anything that allocates unasked. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define FACTS_VERSION 2
#define FACTS_NOBODY  1	 /* the last version that did not tell who asked for an early shred */
#define ACTION_SIZE   16 /* an action's name with NUL */

/* ---- what may stand in facts ----------------------------------------------------------------- */

static bool is_made_of(const char *text, size_t limit, const char *characters)
{
	size_t length = strlen(text);

	return length >= 1 && length <= limit && strspn(text, characters) == length;
}

bool facts_name_ok(const char *name)
{
	return *name >= 'a' && *name <= 'z' &&
	       is_made_of(name, DEVICE_PURPOSE - 1, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

bool facts_ticket_ok(const char *ticket)
{
	return is_made_of(ticket, DEVICE_TICKET - 1,
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
}

bool facts_reason_ok(const char *reason)
{
	return *reason && file_text_ok(reason, DEVICE_REASON - 1);
}

bool facts_date_ok(int64_t at_unix)
{
	return at_unix >= 0 && at_unix <= FACTS_DATE_LIMIT;
}

bool facts_has_path(enum bl_action action)
{
	return action == ACTION_LIST || action == ACTION_STAT || action == ACTION_READ ||
	       action == ACTION_COPY || action == ACTION_UNMASK;
}

/* Names need not be UTF-8, but C1 controls move a terminal's cursor in UTF-8 as well. */
static bool has_control(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if (*at < 0x20 || *at == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0))
			return true;
	return false;
}

bool facts_path_ok(const char *path)
{
	if (*path != '/' || strlen(path) > DEVICE_PATH || has_control(path))
		return false;
	for (const char *at = path; *at;) {
		size_t length = strcspn(++at, "/");

		if (length == 0 || (length == 1 && at[0] == '.') ||
		    (length == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += length;
	}
	return true;
}

/* ---- life -------------------------------------------------------------------------------------- */

struct device_facts *facts_new(void)
{
	struct device_facts *facts = calloc(1, sizeof(*facts));

	if (!facts)
		return NULL;
	facts->next_request = 1;
	facts->early_shred_by = UINT32_MAX;
	return facts;
}

static void request_done(struct device_request *request)
{
	if (request->path)
		sodium_memzero(request->path, strlen(request->path));
	free(request->path);
	sodium_memzero(request, sizeof(*request));
}

void facts_forget_request(struct device_facts *facts, size_t at)
{
	request_done(&facts->requests[at]);
	facts->request_count--;
	memmove(facts->requests + at, facts->requests + at + 1,
		(facts->request_count - at) * sizeof(facts->requests[0]));
	sodium_memzero(&facts->requests[facts->request_count], sizeof(facts->requests[0]));
}

void device_facts_free(struct device_facts *facts)
{
	if (!facts)
		return;
	for (size_t i = 0; i < facts->request_count; i++)
		request_done(&facts->requests[i]);
	sodium_memzero(facts, sizeof(*facts));
	free(facts);
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* Goes over the facts twice: first without @bytes, to learn the length. */
struct sink {
	uint8_t *bytes;
	size_t length;
};

static void put(struct sink *sink, const void *bytes, size_t length)
{
	if (sink->bytes)
		memcpy(sink->bytes + sink->length, bytes, length);
	sink->length += length;
}

static void put_u8(struct sink *sink, size_t value)
{
	put(sink, &(uint8_t){(uint8_t)value}, 1);
}

static void put_u32(struct sink *sink, uint32_t value)
{
	uint8_t bytes[4];

	bl_put32(bytes, value);
	put(sink, bytes, sizeof(bytes));
}

static void put_date(struct sink *sink, int64_t value)
{
	uint8_t bytes[8];

	bl_put64(bytes, (uint64_t)value);
	put(sink, bytes, sizeof(bytes));
}

static void put_text8(struct sink *sink, const char *text)
{
	size_t length = strlen(text);

	put_u8(sink, length);
	put(sink, text, length);
}

static void put_text16(struct sink *sink, const char *text)
{
	uint8_t bytes[2];
	size_t length = strlen(text);

	bl_put16(bytes, (uint16_t)length);
	put(sink, bytes, sizeof(bytes));
	put(sink, text, length);
}

static void put_request(struct sink *sink, const struct device_request *request)
{
	put_u32(sink, request->number);
	put_u32(sink, request->by);
	put_date(sink, request->since_unix);
	put_text8(sink, bl_action_name(request->action));
	put_text8(sink, request->class);
	put_text8(sink, request->reason);
	put_u8(sink, request->path != NULL);
	if (request->path)
		put_text16(sink, request->path);
	put_u8(sink, request->is_refused);
	if (request->is_refused)
		put_u32(sink, request->refused_by);
	put_u8(sink, request->approval_count);
	for (size_t i = 0; i < request->approval_count; i++) {
		put_u32(sink, request->approvals[i].by);
		put_date(sink, request->approvals[i].since_unix);
	}
}

/* Withdrawn without ever having been granted. */
#define STATE_NEVER_GRANTED (CONSENT_WITHDRAWN + 1)

static unsigned consent_state(const struct device_consent *consent)
{
	if (consent->is_granted)
		return CONSENT_GRANTED;
	return consent->was_granted ? CONSENT_WITHDRAWN : STATE_NEVER_GRANTED;
}

static void put_facts(struct sink *sink, const struct device_facts *facts)
{
	put_u8(sink, FACTS_VERSION);
	put_date(sink, facts->last_open_unix);
	put_date(sink, facts->early_shred_unix);
	put_u32(sink, facts->early_shred_by);
	put_u32(sink, facts->next_request);
	put_u8(sink, facts->consent_count);
	for (size_t i = 0; i < facts->consent_count; i++) {
		const struct device_consent *consent = &facts->consents[i];

		put_u8(sink, consent_state(consent));
		put_u32(sink, consent->by);
		put_date(sink, consent->since_unix);
		put_text8(sink, consent->purpose);
	}
	put_u8(sink, facts->check_count);
	for (size_t i = 0; i < facts->check_count; i++) {
		const struct device_check *check = &facts->checks[i];

		put_u8(sink, check->check);
		put_u32(sink, check->by);
		put_date(sink, check->since_unix);
		put_text8(sink, check->ticket);
	}
	put_u8(sink, facts->request_count);
	for (size_t i = 0; i < facts->request_count; i++)
		put_request(sink, &facts->requests[i]);
}

enum bl_status facts_encode(const struct device_facts *facts, struct plain *out)
{
	struct sink sink = {0};

	put_facts(&sink, facts);
	sink.bytes = malloc(sink.length);
	if (!sink.bytes)
		return BL_NO_MEMORY;
	out->length = sink.length;
	out->bytes = sink.bytes;
	sink.length = 0;
	put_facts(&sink, facts);
	return BL_OK;
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* Once anything is wrong everything that follows is zero and empty: one look at the end is enough. */
struct source {
	const uint8_t *at, *end;
	bool is_bad, is_out_of_memory;
};

static const uint8_t *take(struct source *source, size_t length)
{
	const uint8_t *at = source->at;

	if (source->is_bad || (size_t)(source->end - at) < length) {
		source->is_bad = true;
		return NULL;
	}
	source->at += length;
	return at;
}

static void demand(struct source *source, bool is_ok)
{
	source->is_bad |= !is_ok;
}

/* A number up to @most, which also bounds every loop over a count. */
static unsigned take_u8(struct source *source, unsigned most)
{
	const uint8_t *at = take(source, 1);

	demand(source, at && *at <= most);
	return source->is_bad ? 0 : *at;
}

static uint32_t take_u32(struct source *source)
{
	const uint8_t *at = take(source, 4);

	return at ? bl_get32(at) : 0;
}

static int64_t take_date(struct source *source)
{
	const uint8_t *at = take(source, 8);
	int64_t date = at ? (int64_t)bl_get64(at) : 0;

	demand(source, facts_date_ok(date));
	return source->is_bad ? 0 : date;
}

/* @out is zero before; a text that does not fit with its NUL, or holds one, is bad. */
static void take_text8(struct source *source, char *out, size_t size)
{
	size_t length = take_u8(source, (unsigned)BL_MIN(size - 1, (size_t)UINT8_MAX));
	const uint8_t *at = take(source, length);

	demand(source, at && !memchr(at, '\0', length));
	if (!source->is_bad)
		memcpy(out, at, length);
}

static char *take_path(struct source *source)
{
	const uint8_t *size = take(source, 2);
	size_t length = size ? bl_get16(size) : 0;
	const uint8_t *at = take(source, length);

	demand(source, at && length <= DEVICE_PATH && !memchr(at, '\0', length));
	if (source->is_bad)
		return NULL;

	char *path = calloc(1, length + 1);

	if (!path) {
		source->is_out_of_memory = source->is_bad = true;
		return NULL;
	}
	memcpy(path, at, length);
	demand(source, facts_path_ok(path));
	return path;
}

static void take_consent(struct source *source, struct device_facts *facts)
{
	struct device_consent *consent = &facts->consents[facts->consent_count];
	unsigned state = take_u8(source, STATE_NEVER_GRANTED);

	consent->is_granted = state == CONSENT_GRANTED;
	consent->was_granted = state == CONSENT_WITHDRAWN;
	consent->by = take_u32(source);
	consent->since_unix = take_date(source);
	take_text8(source, consent->purpose, sizeof(consent->purpose));
	demand(source, state != CONSENT_UNKNOWN && facts_name_ok(consent->purpose));
	for (size_t i = 0; i < facts->consent_count; i++)
		demand(source, strcmp(facts->consents[i].purpose, consent->purpose) != 0);
	facts->consent_count++;
}

static void take_check(struct source *source, struct device_facts *facts)
{
	struct device_check *check = &facts->checks[facts->check_count++];

	check->check = (enum bl_check)take_u8(source, CHECK_COUNT - 1);
	check->by = take_u32(source);
	check->since_unix = take_date(source);
	take_text8(source, check->ticket, sizeof(check->ticket));
	demand(source, check->check != CHECK_NONE && facts_ticket_ok(check->ticket));
}

static void take_approval(struct source *source, struct device_request *request)
{
	struct device_approval *approval = &request->approvals[request->approval_count];

	approval->by = take_u32(source);
	approval->since_unix = take_date(source);
	demand(source, approval->by != request->by);
	for (size_t i = 0; i < request->approval_count; i++)
		demand(source, request->approvals[i].by != approval->by);
	request->approval_count++;
}

static void take_request(struct source *source, struct device_facts *facts)
{
	size_t index = facts->request_count++; /* counted first: its path is freed with it */
	struct device_request *request = &facts->requests[index];
	char action[ACTION_SIZE] = "";

	request->number = take_u32(source);
	request->by = take_u32(source);
	request->since_unix = take_date(source);
	take_text8(source, action, sizeof(action));
	take_text8(source, request->class, sizeof(request->class));
	take_text8(source, request->reason, sizeof(request->reason));
	if (take_u8(source, 1))
		request->path = take_path(source);
	request->is_refused = take_u8(source, 1);
	if (request->is_refused)
		request->refused_by = take_u32(source);
	for (unsigned count = take_u8(source, DEVICE_APPROVALS); count; count--)
		take_approval(source, request);
	demand(source, request->number > (index ? facts->requests[index - 1].number : 0));
	demand(source, request->number < facts->next_request);
	demand(source, bl_action_parse(action, &request->action));
	demand(source, !*request->class ||
			       (request->action == ACTION_UNMASK && facts_name_ok(request->class)));
	demand(source, facts_reason_ok(request->reason));
	demand(source, !request->path || facts_has_path(request->action));
}

enum bl_status facts_decode(const uint8_t *bytes, size_t length, struct device_facts **out_facts)
{
	struct source source = {.at = bytes, .end = bytes + length};
	BL_CLEANUP(device_facts_free) struct device_facts *facts = facts_new();

	if (!facts)
		return BL_NO_MEMORY;
	unsigned version = take_u8(&source, FACTS_VERSION);

	demand(&source, version >= FACTS_NOBODY);
	facts->last_open_unix = take_date(&source);
	facts->early_shred_unix = take_date(&source);
	if (version > FACTS_NOBODY)
		facts->early_shred_by = take_u32(&source);
	facts->next_request = take_u32(&source);
	demand(&source, facts->next_request >= 1);
	for (unsigned count = take_u8(&source, DEVICE_CONSENTS); count; count--)
		take_consent(&source, facts);
	for (unsigned count = take_u8(&source, DEVICE_CHECKS); count; count--)
		take_check(&source, facts);
	for (unsigned count = take_u8(&source, DEVICE_REQUESTS); count; count--)
		take_request(&source, facts);
	demand(&source, source.at == source.end);
	if (source.is_out_of_memory)
		return BL_NO_MEMORY;
	if (source.is_bad)
		return BL_TAMPERED;
	*out_facts = BL_TAKE(facts);
	return BL_OK;
}

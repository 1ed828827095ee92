#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"
#include "policy/rules/zone.h"
#include "policy/yaml/yaml.h"

#define VALUE_LIMIT 256 /* bytes of one customer value */
#define DAY_SECONDS 86400

struct record_memory {
	size_t room, used;
	char bytes[];
};

enum bl_status record_reserve(struct device_record *record, size_t bytes)
{
	struct record_memory *memory = malloc(sizeof(*memory) + bytes);

	if (!memory)
		return BL_NO_MEMORY;
	memory->room = bytes;
	memory->used = 0;
	record->memory = memory;
	return BL_OK;
}

void record_add(struct device_record *record, enum detect_identity_kind kind, const char *value,
		size_t length)
{
	struct record_memory *memory = record->memory;
	char *copy = memory->bytes + memory->used;

	memcpy(copy, value, length);
	copy[length] = '\0';
	memory->used += length + 1;
	record->identities[record->identity_count++] =
		(struct detect_identity){.kind = kind, .value = copy};
}

void device_record_done(struct device_record *record)
{
	struct record_memory *memory = record->memory;

	if (memory)
		sodium_memzero(memory->bytes, memory->room);
	free(memory);
	sodium_memzero(record->condition, sizeof(record->condition));
	memset(record, 0, sizeof(*record));
}

static enum bl_status refuse(const struct yaml_node *node, struct bl_error *why, const char *text)
{
	/* A value's own place; a key that has none of its own has its value's. */
	return bl_fail(why, BL_INVALID, "%u:%u: %s", node->line, node->column, text);
}

/* ---- the plain part -------------------------------------------------------------------------- */

static bool parse_number(const char **at, unsigned digits, int *out)
{
	int value = 0;

	for (unsigned i = 0; i < digits; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		value = value * 10 + (**at - '0');
	}
	*out = value;
	return true;
}

static bool parse_literal(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool parse_received(const char *at, int64_t *out_unix)
{
	int year, month, mday, hour = 0, minute = 0;
	int32_t day;

	if (!parse_number(&at, 4, &year) || !parse_literal(&at, '-') ||
	    !parse_number(&at, 2, &month) || !parse_literal(&at, '-') ||
	    !parse_number(&at, 2, &mday))
		return false;
	if (*at && (!parse_literal(&at, ' ') || !parse_number(&at, 2, &hour) ||
		    !parse_literal(&at, ':') || !parse_number(&at, 2, &minute)))
		return false;
	if (*at || year < 1970 || hour > 23 || minute > 59 ||
	    !zone_day(year, (unsigned)month, (unsigned)mday, &day))
		return false;
	*out_unix = (int64_t)day * DAY_SECONDS + hour * 3600 + minute * 60;
	return true;
}

static enum bl_status read_received(const struct yaml_node *node, struct device_record *record,
				    struct bl_error *why)
{
	if (node->type != YAML_SCALAR || !parse_received(node->text, &record->received_unix))
		return refuse(node, why,
			      "'received' is not a date that exists (write 2026-07-01 or "
			      "2026-07-01 10:00, UTC)");
	record->has_received = true;
	return BL_OK;
}

static enum bl_status read_text(const struct yaml_node *node, char out[DEVICE_TEXT],
				struct bl_error *why)
{
	if (node->type != YAML_SCALAR || !*node->text)
		return refuse(node, why,
			      "one text is expected here (leave the key out when it is not known)");
	if (!file_text_ok(node->text, DEVICE_TEXT - 1))
		return refuse(node, why,
			      "text is longer than 127 bytes or holds control characters (shorten "
			      "or clean it)");
	memcpy(out, node->text, strlen(node->text) + 1);
	return BL_OK;
}

static enum bl_status read_maker(const struct yaml_node *node, struct device_record *record,
				 struct bl_error *why)
{
	return read_text(node, record->maker, why);
}

static enum bl_status read_model(const struct yaml_node *node, struct device_record *record,
				 struct bl_error *why)
{
	return read_text(node, record->model, why);
}

static enum bl_status read_serial(const struct yaml_node *node, struct device_record *record,
				  struct bl_error *why)
{
	return read_text(node, record->serial, why);
}

static enum bl_status read_place(const struct yaml_node *node, char out[DEVICE_PLACE],
				 struct bl_error *why)
{
	if (node->type != YAML_SCALAR || !device_place_ok(node->text))
		return refuse(node, why, "not a place (" PLACE_FORM ")");
	memcpy(out, node->text, strlen(node->text) + 1);
	return BL_OK;
}

static enum bl_status read_origin(const struct yaml_node *node, struct device_record *record,
				  struct bl_error *why)
{
	return read_place(node, record->origin, why);
}

static enum bl_status read_location(const struct yaml_node *node, struct device_record *record,
				    struct bl_error *why)
{
	return read_place(node, record->location, why);
}

static bool parse_count(const char **at, uint64_t *out)
{
	if (!isdigit((unsigned char)**at))
		return false;
	for (*out = 0; isdigit((unsigned char)**at); (*at)++)
		if (__builtin_mul_overflow(*out, UINT64_C(10), out) ||
		    __builtin_add_overflow(*out, (uint64_t)(**at - '0'), out))
			return false;
	return *out > 0;
}

/* "512G", of 1,024s as in the policy language, or bytes. */
static bool parse_size(const char *at, uint64_t *out)
{
	static const char UNITS[] = "KMGT";

	if (!parse_count(&at, out))
		return false;

	const char *unit = *at ? strchr(UNITS, *at) : NULL;

	if (*at && (!unit || at[1]))
		return false;
	for (ptrdiff_t i = unit ? unit - UNITS : -1; i >= 0; i--)
		if (__builtin_mul_overflow(*out, UINT64_C(1024), out))
			return false;
	return *out <= INT64_MAX;
}

static enum bl_status read_capacity(const struct yaml_node *node, struct device_record *record,
				    struct bl_error *why)
{
	if (node->type != YAML_SCALAR || !parse_size(node->text, &record->capacity_bytes))
		return refuse(node, why,
			      "not a capacity (write bytes, or a number with K, M, G or T: 512G)");
	return BL_OK;
}

/* ---- condition ------------------------------------------------------------------------------------- */

/* No message quotes it: people write of the customer, too. */
static enum bl_status read_notes(const struct yaml_node *node, struct device_record *record,
				 struct bl_error *why)
{
	size_t length = node->type == YAML_SCALAR ? strlen(node->text) : 0;

	/* A block's last line end is no part of what was written. */
	while (length && node->text[length - 1] == '\n')
		length--;
	if (!length || !node->text[strspn(node->text, " \n")])
		return refuse(node, why,
			      "one text is expected here (leave the key out when there is none)");
	if (length >= sizeof(record->condition))
		return refuse(node, why, "notes are longer than 1,023 bytes (shorten them)");
	memcpy(record->condition, node->text, length);
	record->condition[length] = '\0';
	if (!device_note_ok(record->condition))
		return refuse(node, why, "notes hold control characters (remove them)");
	return BL_OK;
}

static bool parse_digest(const struct yaml_node *node, uint8_t out[DEVICE_DIGEST])
{
	size_t length;

	return node->type == YAML_SCALAR && strlen(node->text) == 2 * DEVICE_DIGEST &&
	       sodium_hex2bin(out, DEVICE_DIGEST, node->text, 2 * DEVICE_DIGEST, NULL, &length,
			      NULL) == 0 &&
	       length == DEVICE_DIGEST;
}

static enum bl_status read_picture(const struct yaml_node *node, struct device_record *record,
				   struct bl_error *why)
{
	uint8_t *digest = record->pictures[record->picture_count];

	if (!parse_digest(node, digest))
		return refuse(node, why, "not a picture's SHA-256 (64 hex digits)");
	for (size_t i = 0; i < record->picture_count; i++)
		if (memcmp(record->pictures[i], digest, DEVICE_DIGEST) == 0)
			return refuse(node, why, "the same picture a second time (remove it)");
	record->picture_count++;
	return BL_OK;
}

static enum bl_status read_pictures(const struct yaml_node *node, struct device_record *record,
				    struct bl_error *why)
{
	if (node->type != YAML_LIST || !node->count)
		return refuse(
			node, why,
			"'pictures' is a list of SHA-256 digests (leave the key out when there "
			"are none)");
	if (node->count > DEVICE_PICTURES)
		return refuse(node, why, "a record holds at most 16 pictures");
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		enum bl_status status = read_picture(item, record, why);

		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

static enum bl_status read_condition(const struct yaml_node *condition,
				     struct device_record *record, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (condition->type != YAML_MAP)
		return refuse(condition, why, "'condition' is a map of notes and pictures");
	for (const struct yaml_node *value = condition->first; value && status == BL_OK;
	     value = value->next) {
		if (strcmp(value->key->text, "notes") == 0)
			status = read_notes(value, record, why);
		else if (strcmp(value->key->text, "pictures") == 0)
			status = read_pictures(value, record, why);
		else
			status =
				refuse(value->key, why,
				       "unknown key under 'condition' (known are notes, pictures)");
	}
	return status;
}

/* ---- what one that was printed to be changed says of itself ------------------------------------------ */

static enum bl_status read_device(const struct yaml_node *node, struct device_record *record,
				  struct bl_error *why)
{
	if (node->type != YAML_SCALAR || !bl_device_id_ok(node->text))
		return refuse(node, why, "not a device id");
	memcpy(record->device, node->text, strlen(node->text) + 1);
	return BL_OK;
}

static enum bl_status read_kind(const struct yaml_node *node, struct device_record *record,
				struct bl_error *why)
{
	enum bl_device_kind kind;

	if (node->type != YAML_SCALAR || !bl_device_kind_parse(node->text, &kind))
		return refuse(node, why,
			      "not a kind of device (phone tablet laptop desktop disk usb-stick "
			      "memory-card camera console wearable network printer other)");
	record->kind = (int)kind;
	return BL_OK;
}

static enum bl_status read_state(const struct yaml_node *node, struct device_record *record,
				 struct bl_error *why)
{
	enum bl_device_state state;

	if (node->type != YAML_SCALAR || !bl_device_state_parse(node->text, &state))
		return refuse(node, why,
			      "not a state of a device (received open closed held due shredded "
			      "released)");
	record->state = (int)state;
	return BL_OK;
}

static enum bl_status read_revision(const struct yaml_node *node, struct device_record *record,
				    struct bl_error *why)
{
	const char *at = node->text;
	uint64_t value = 0;

	if (node->type != YAML_SCALAR || !parse_count(&at, &value) || *at || value > UINT32_MAX)
		return refuse(node, why,
			      "not a revision (leave it as 'bailee device show --yaml' wrote it)");
	record->revision = (uint32_t)value;
	return BL_OK;
}

/* ---- the customer's part: no message below may quote the input ------------------------------- */

static const struct {
	const char *key;
	enum detect_identity_kind kind;
} IDENTITY_KEYS[] = {
	{"name", IDENTITY_NAME},
	{"email", IDENTITY_EMAIL},
	{"phone", IDENTITY_PHONE},
	{"address", IDENTITY_ADDRESS},
};

static bool identity_kind(const char *key, enum detect_identity_kind *out)
{
	for (size_t i = 0; i < BL_COUNT(IDENTITY_KEYS); i++)
		if (strcmp(IDENTITY_KEYS[i].key, key) == 0) {
			*out = IDENTITY_KEYS[i].kind;
			return true;
		}
	return false;
}

static enum bl_status check_value(const struct yaml_node *node, size_t *count, size_t *bytes,
				  struct bl_error *why)
{
	if (node->type != YAML_SCALAR || !node->text[strspn(node->text, " ")])
		return refuse(node, why, "a customer's value is one text that is not empty");
	if (!file_text_ok(node->text, VALUE_LIMIT))
		return refuse(node, why,
			      "a customer's value is longer than 256 bytes or holds control "
			      "characters (split or clean it)");
	if (++*count > DEVICE_IDENTITIES)
		return refuse(node, why, "a record holds at most 64 customer's values");
	*bytes += strlen(node->text) + 1;
	return BL_OK;
}

static enum bl_status check_customer(const struct yaml_node *customer, size_t *bytes,
				     struct bl_error *why)
{
	size_t count = 0;

	if (customer->type != YAML_MAP)
		return refuse(customer, why,
			      "'customer' is a map of name, email, phone and address");
	for (const struct yaml_node *value = customer->first; value; value = value->next) {
		enum detect_identity_kind kind;
		enum bl_status status = BL_OK;

		if (!identity_kind(value->key->text, &kind))
			return refuse(value->key, why,
				      "unknown key under 'customer' (known are name, email, phone, "
				      "address)");
		if (value->type == YAML_LIST) {
			for (const struct yaml_node *item = value->first; item && status == BL_OK;
			     item = item->next)
				status = check_value(item, &count, bytes, why);
		} else {
			status = check_value(value, &count, bytes, why);
		}
		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

static enum bl_status read_customer(const struct yaml_node *customer, struct device_record *record,
				    struct bl_error *why)
{
	size_t bytes = 0;
	enum bl_status status = check_customer(customer, &bytes, why);

	if (status == BL_OK)
		status = record_reserve(record, bytes);
	if (status != BL_OK)
		return status;
	for (const struct yaml_node *value = customer->first; value; value = value->next) {
		enum detect_identity_kind kind = IDENTITY_NAME;

		identity_kind(value->key->text, &kind);
		for (const struct yaml_node *item = value->type == YAML_LIST ? value->first : value;
		     item; item = value->type == YAML_LIST ? item->next : NULL)
			record_add(record, kind, item->text, strlen(item->text));
	}
	return BL_OK;
}

/* ---- consent: stated with the device, it becomes facts at enrolment ---------------------------- */

static enum bl_status read_consent(const struct yaml_node *consents, struct device_record *record,
				   struct bl_error *why)
{
	if (consents->type != YAML_MAP)
		return refuse(consents, why,
			      "'consent' is a map of purposes (consent: {repair: granted})");
	for (const struct yaml_node *value = consents->first; value; value = value->next) {
		struct device_consent *consent = &record->consents[record->consent_count];
		enum bl_consent state = CONSENT_UNKNOWN;

		if (record->consent_count == DEVICE_CONSENTS)
			return refuse(value, why, "a record holds consent for at most 32 purposes");
		if (!facts_name_ok(value->key->text))
			return refuse(value->key, why,
				      "not a purpose (1 to 63 small letters, digits and '-', the "
				      "first a letter)");
		if (value->type != YAML_SCALAR || !bl_consent_parse(value->text, &state) ||
		    state == CONSENT_UNKNOWN)
			return refuse(value, why,
				      "consent is granted or withdrawn (leave the purpose out when "
				      "it is not known)");
		memcpy(consent->purpose, value->key->text, strlen(value->key->text) + 1);
		consent->is_granted = state == CONSENT_GRANTED;
		consent->by = UINT32_MAX;
		record->consent_count++;
	}
	return BL_OK;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static const struct {
	const char *key;
	enum bl_status (*read)(const struct yaml_node *node, struct device_record *record,
			       struct bl_error *why);
} KEYS[] = {
	{"device", read_device},     {"kind", read_kind},	  {"state", read_state},
	{"revision", read_revision}, {"received", read_received}, {"maker", read_maker},
	{"model", read_model},	     {"serial", read_serial},	  {"capacity", read_capacity},
	{"origin", read_origin},     {"location", read_location}, {"condition", read_condition},
	{"customer", read_customer}, {"consent", read_consent},
};
#define KNOWN_KEYS                                                                                 \
	"received, maker, model, serial, capacity, origin, location, condition, customer, "        \
	"consent; to be changed: device, kind, state, revision"

static enum bl_status read_value(const struct yaml_node *value, struct device_record *record,
				 struct bl_error *why)
{
	for (size_t i = 0; i < BL_COUNT(KEYS); i++)
		if (strcmp(KEYS[i].key, value->key->text) == 0)
			return KEYS[i].read(value, record, why);
	return refuse(value->key, why, "unknown key in a record (known are " KNOWN_KEYS ")");
}

/* What the YAML reader quotes may be a customer's: anything in quotes is left out. */
static enum bl_status refuse_yaml(const struct yaml_finding *finding, struct bl_error *why)
{
	char text[sizeof(finding->text)];
	size_t used = 0;
	bool is_quoted = false;

	for (const char *at = finding->text; *at; at++) {
		if (*at == '\'' || *at == '"' || *at == '`')
			is_quoted = !is_quoted;
		else if (!is_quoted && (unsigned char)*at >= ' ' && (unsigned char)*at < 0x7f)
			text[used++] = *at;
	}
	text[used] = '\0';
	return bl_fail(why, BL_INVALID, "%u:%u: %s", finding->line, finding->column, text);
}

static enum bl_status read_root(const struct yaml_node *root, struct device_record *record,
				struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (!root || root->type != YAML_MAP)
		return bl_fail(why, BL_INVALID, "1:1: a record is a map (" KNOWN_KEYS ")");
	for (const struct yaml_node *value = root->first; value && status == BL_OK;
	     value = value->next)
		status = read_value(value, record, why);
	return status;
}

enum bl_status device_record_parse(const char *bytes, size_t length,
				   struct device_record *out_record, struct bl_error *why)
{
	BL_CLEANUP(yaml_free) struct yaml_document *document = NULL;
	struct yaml_finding finding = {0};
	struct device_record record = {.kind = -1, .state = -1};
	enum bl_status status = yaml_parse(bytes, length, &document, &finding);

	if (status == BL_INVALID || status == BL_TOO_LARGE)
		return refuse_yaml(&finding, why);
	if (status != BL_OK)
		return bl_fail(why, status, "out of memory");
	status = read_root(yaml_root(document), &record, why);
	if (status == BL_OK)
		*out_record = record;
	else
		device_record_done(&record);
	/* What was copied out of it is the caller's to wipe. */
	sodium_memzero(record.condition, sizeof(record.condition));
	return status;
}

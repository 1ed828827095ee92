/*
 * Names in the log, opened where the auditor is: the segment's key by the auditor's secret key, which never leaves this process; the
 * device's half by the daemon, which never sees that secret. What cannot be opened stays a token.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/auditor.h"
#include "fs/cli/log.h"

struct names {
	uint8_t secret[AUDIT_KEY]; /* in guarded memory, with everything else here */
	uint8_t log_id[AUDIT_LOG_ID], lk[AUDIT_KEY];
	bool has_lk, is_auditor, has_segment; /* of this one; of any so far; was there any */
	const char *reason;		      /* borrowed; NULL: none */
	int fd;				      /* to the daemon */
	json_t *keys;			      /* of this segment: device -> hex of K, or null */
	json_t *paths; /* of this segment: device/token -> what is known so far */
	uint8_t *text; /* of the last reason */
	size_t text_length, text_room;
	size_t unopened;
};

/* One path, put together from its parts. */
#define PATH_LIMIT_HEX (4 * AUDIT_NAME_TEXT)

enum bl_status names_open(const struct invocation *invocation, const char *path, const char *reason,
			  struct names **out_names, struct bl_error *why)
{
	BL_CLEANUP(names_close) struct names *names = NULL;

	if (sodium_init() < 0 || !(names = sodium_malloc(sizeof(*names))))
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	memset(names, 0, sizeof(*names));
	names->fd = -1;
	names->reason = reason;
	names->keys = json_object();
	names->paths = json_object();
	enum bl_status status = cli_read_auditor(true, path, names->secret, why);

	if (status == BL_OK)
		status = daemon_connect(invocation->store, &names->fd, why);
	if (status == BL_OK)
		*out_names = BL_TAKE(names);
	return status;
}

void names_close(struct names *names)
{
	if (!names)
		return;
	json_decref(names->keys);
	json_decref(names->paths);
	fd_close(names->fd);
	free(names->text);
	sodium_free(names);
}

static bool from_hex(const json_t *object, const char *key, uint8_t *out, size_t length)
{
	const char *text = json_string_value(json_object_get(object, key));
	size_t got;

	return text && strlen(text) == 2 * length &&
	       sodium_hex2bin(out, length, text, 2 * length, NULL, &got, NULL) == 0 &&
	       got == length;
}

static void take_segment(struct names *names, const json_t *segment)
{
	uint8_t slots[AUDIT_AUDITORS * (AUDIT_KEY + AUDIT_SEALED_LK)];
	const char *text = json_string_value(json_object_get(segment, "slots"));
	size_t length = text ? strlen(text) / 2 : 0;

	json_object_clear(names->keys);
	json_object_clear(names->paths);
	names->has_lk = length <= sizeof(slots) && from_hex(segment, "slots", slots, length) &&
			from_hex(segment, "log", names->log_id, sizeof(names->log_id)) &&
			audit_segment_key(slots, length / (AUDIT_KEY + AUDIT_SEALED_LK),
					  names->secret, names->lk) == BL_OK;
	names->has_segment = true;
	names->is_auditor |= names->has_lk;
}

/* K of a device in this segment; asked for once. */
static bool device_key(struct names *names, const char *device, uint8_t out_key[AUDIT_KEY])
{
	char lk[2 * AUDIT_KEY + 1];
	BL_CLEANUP(json_decref) json_t *request = NULL;
	BL_CLEANUP(json_decref) json_t *answer = NULL;

	if (!names->has_lk)
		return false;
	if (!json_object_get(names->keys, device)) {
		sodium_bin2hex(lk, sizeof(lk), names->lk, sizeof(names->lk));
		request = json_pack("{s:s,s:s}", "do", "log-name-key", "segment_key", lk);
		sodium_memzero(lk, sizeof(lk));
		cli_add_reason(request, names->reason);
		if (*device)
			json_object_set_new(request, "device", json_string(device));
		const char *key =
			daemon_call(names->fd, request, -1, NULL, NULL, &answer, NULL) == BL_OK
				? json_string_value(json_object_get(answer, "key"))
				: NULL;

		json_object_set_new(names->keys, device, key ? json_string(key) : json_null());
	}
	return from_hex(names->keys, device, out_key, AUDIT_KEY);
}

/* The text of one part as hex; NULL when it cannot be opened. */
static json_t *open_part(struct names *names, const json_t *item)
{
	uint8_t key[AUDIT_KEY], sealed[AUDIT_RECORD_LIMIT];
	char text[AUDIT_RECORD_LIMIT], hex[2 * AUDIT_RECORD_LIMIT + 1];
	const char *device = cli_text(item, "device");
	const char *bytes = json_string_value(json_object_get(item, "sealed"));
	struct audit_named named = {
		.kind = (enum audit_name_kind)cli_number(item, "kind"),
		.part = (unsigned)cli_number(item, "part"),
		.parts = (unsigned)cli_number(item, "parts"),
		.sealed = sealed,
		.length = bytes ? strlen(bytes) / 2 : 0,
	};
	size_t length = 0;

	if (!bl_device_id_ok(device) && *device)
		return NULL;
	memcpy(named.device, device, strlen(device) + 1);
	bool is_open = named.length <= sizeof(sealed) &&
		       from_hex(item, "sealed", sealed, named.length) &&
		       from_hex(item, "token", named.token, sizeof(named.token)) &&
		       from_hex(item, "nonce", named.nonce, sizeof(named.nonce)) &&
		       device_key(names, device, key) &&
		       audit_name_open(&named, names->log_id, key, text, &length) == BL_OK;

	sodium_memzero(key, sizeof(key));
	if (!is_open)
		return NULL;
	sodium_bin2hex(hex, sizeof(hex), (const uint8_t *)text, length);
	return json_string(hex);
}

static void path_key(const char *device, const char *token, char out[128])
{
	snprintf(out, 128, "%.31s/%.64s", device, token);
}

/* Parts come one behind the other: what is there grows by each. A part that does not open makes the whole unknown. */
static void take_path(struct names *names, const json_t *item)
{
	char at[128];
	BL_CLEANUP(json_decref) json_t *text = open_part(names, item);

	path_key(cli_text(item, "device"), cli_text(item, "token"), at);
	names->unopened += !text;
	if (!text) {
		json_object_set_new(names->paths, at, json_null());
		return;
	}
	const char *before = cli_number(item, "part")
				     ? json_string_value(json_object_get(names->paths, at))
				     : "";

	if (before && strlen(before) <= PATH_LIMIT_HEX)
		json_object_set_new(names->paths, at,
				    json_sprintf("%s%s", before, json_string_value(text)));
}

bool names_take(struct names *names, const json_t *answer)
{
	const json_t *segment = json_object_get(answer, "segment");
	const json_t *named = json_object_get(answer, "named");

	if (segment)
		take_segment(names, segment);
	else if (named)
		take_path(names, named);
	return segment || named;
}

static bool room_for(struct names *names, size_t length)
{
	if (length > names->text_room) {
		uint8_t *grown = realloc(names->text, length);

		if (!grown)
			return false;
		names->text = grown;
		names->text_room = length;
	}
	return true;
}

static bool add_text(struct names *names, const char *hex)
{
	size_t length = strlen(hex) / 2;

	if (!room_for(names, names->text_length + length + 1))
		return false;
	if (sodium_hex2bin(names->text + names->text_length, length, hex, 2 * length, NULL, NULL,
			   NULL) != 0)
		return false;
	names->text_length += length;
	names->text[names->text_length] = '\0';
	return true;
}

const char *names_path(struct names *names, const json_t *record, size_t *out_length)
{
	char at[128];

	path_key(cli_text(record, "device"), cli_text(record, "token"), at);
	const char *hex = json_string_value(json_object_get(names->paths, at));

	names->text_length = 0;
	if (!hex || !add_text(names, hex))
		return NULL;
	*out_length = names->text_length;
	return (const char *)names->text;
}

const char *names_reason(struct names *names, const json_t *answer, size_t *out_length)
{
	const json_t *item;
	size_t index;

	names->text_length = 0;
	json_array_foreach(json_object_get(answer, "reasons"), index, item)
	{
		BL_CLEANUP(json_decref) json_t *text = open_part(names, item);

		if (!text || !add_text(names, json_string_value(text))) {
			names->unopened++;
			return NULL;
		}
	}
	*out_length = names->text_length;
	return names->text_length ? (const char *)names->text : NULL;
}

bool names_is_stranger(const struct names *names)
{
	return names->has_segment && !names->is_auditor;
}

size_t names_unopened(const struct names *names)
{
	return names->unopened;
}

/* statement.h - what the store signs for others to keep: receipts of intakes, certificates of destruction
 *
 * One JSON object in canonical form (UTF-8, keys sorted, no spaces, as jansson writes it with JSON_SORT_KEYS | JSON_COMPACT) and one
 * newline; `signature` is Ed25519 (RFC 8032) over the same without it. docs/format-certificate.md, docs/format-receipt.md.
 */
#ifndef FS_DEVICE_STATEMENT_H
#define FS_DEVICE_STATEMENT_H

#include <jansson.h>

#include "fs/vault/vault.h"
#include "policy/base.h"

#define STATEMENT_LIMIT (256u << 10) /* bytes of one */

struct statement_form {
	const char *type; /* of its key `type` */
	int least, most;  /* versions that are read */
	const char *name; /* "certificate", for messages */
	const char
		*where; /* what to give instead: "give the ID.json of a store's 'certificates'" */
};

/*
 * statement_sign - @json gets its signature; the whole with its newline, owned by the caller (free)
 *
 * BL_OK, BL_NO_MEMORY.
 */
enum bl_status statement_sign(const struct vault *vault, json_t *json, char **out_line,
			      struct bl_error *why) BL_MUST_CHECK;

/*
 * statement_verify - is this one of that form, genuine, and as it was written, to the byte?
 *
 * Offline: only @public_key. @out_json  without its signature, owned by the caller (json_decref); only ever of what verifies
 * BL_OK, BL_INVALID (no such statement, or another version), BL_TAMPERED (another form, or its signature does not verify).
 */
enum bl_status statement_verify(const char *bytes, size_t length, const struct statement_form *form,
				const uint8_t public_key[VAULT_PUBLIC_KEY], json_t **out_json,
				struct bl_error *why) BL_MUST_CHECK;

/* statement_utc - "2026-07-01T10:00:00Z" (RFC 3339); null where the calendar has no such moment */
json_t *statement_utc(int64_t at_unix);

/* statement_at - a member, or one of a member object; NULL: none. statement_text - its text; "" when it is none. statement_number: 0 */
json_t *statement_at(const json_t *json, const char *group, const char *key);
const char *statement_text(const json_t *json, const char *group, const char *key);
json_int_t statement_number(const json_t *json, const char *group, const char *key);

#endif

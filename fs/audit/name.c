#include "fs/audit/name.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define TAG	   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define NONCE	   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define LENGTH	   2u /* in front of the text */
#define FIELDS	   6u /* bytes 2..7 of the record */
#define BOUND_MOST (LOG_ID_SIZE + FIELDS + AUDIT_TOKEN + BL_DEVICE_ID_SIZE)

_Static_assert(NAME_TAG == TAG, "the tag of docs/format-log.md");
_Static_assert(sizeof(((struct audit_named *)NULL)->nonce) == NONCE, "a nonce of this cipher");
_Static_assert(NAME_FIXED + BL_DEVICE_ID_SIZE - 1 + TAG + NAME_PAD_LIMIT * NAME_PAD <=
		       AUDIT_RECORD_LIMIT,
	       "a part fits into a record");
_Static_assert(NAME_PARTS <= UINT8_MAX, "parts are counted in a byte");

/* ---- keys ------------------------------------------------------------------------------------ */

void audit_token(const uint8_t log_names_key[VAULT_KEY], const char *path, size_t length,
		 uint8_t out[AUDIT_TOKEN])
{
	crypto_generichash(out, AUDIT_TOKEN, (const uint8_t *)path, length, log_names_key,
			   VAULT_KEY);
}

void audit_name_key(const uint8_t log_names_key[VAULT_KEY], const uint8_t log_id[AUDIT_LOG_ID],
		    const uint8_t lk[AUDIT_KEY], uint8_t out_key[AUDIT_KEY])
{
	static const uint8_t LABEL[10] = {'B', 'L', 'O', 'G', '1', ' ', 'n', 'a', 'm', 'e'};
	uint8_t bytes[sizeof(LABEL) + AUDIT_LOG_ID + AUDIT_KEY];

	memcpy(bytes, LABEL, sizeof(LABEL));
	memcpy(bytes + sizeof(LABEL), log_id, AUDIT_LOG_ID);
	memcpy(bytes + sizeof(LABEL) + AUDIT_LOG_ID, lk, AUDIT_KEY);
	crypto_generichash(out_key, AUDIT_KEY, bytes, sizeof(bytes), log_names_key, VAULT_KEY);
	sodium_memzero(bytes, sizeof(bytes));
}

enum bl_status audit_segment_key(const uint8_t *slots, size_t auditor_count,
				 const uint8_t secret[AUDIT_KEY], uint8_t out_lk[AUDIT_KEY])
{
	uint8_t public_key[AUDIT_KEY];

	if (crypto_scalarmult_base(public_key, secret) != 0)
		return BL_NOT_FOUND;
	for (size_t i = 0; i < auditor_count; i++) {
		const uint8_t *slot = slots + i * SEGMENT_SLOT;

		if (memcmp(slot, public_key, AUDIT_KEY) != 0)
			continue;
		return crypto_box_seal_open(out_lk, slot + AUDIT_KEY, AUDIT_SEALED_LK, public_key,
					    secret) == 0
			       ? BL_OK
			       : BL_TAMPERED;
	}
	return BL_NOT_FOUND;
}

/* ---- records --------------------------------------------------------------------------------- */

/* The associated data: a name opens only in its log, under its token, on its device, as its part. */
static size_t bind(const uint8_t log_id[LOG_ID_SIZE], const uint8_t fields[FIELDS],
		   const uint8_t token[AUDIT_TOKEN], const char *device, uint8_t out[BOUND_MOST])
{
	size_t length = strnlen(device, BL_DEVICE_ID_SIZE - 1);

	memcpy(out, log_id, LOG_ID_SIZE);
	memcpy(out + LOG_ID_SIZE, fields, FIELDS);
	memcpy(out + LOG_ID_SIZE + FIELDS, token, AUDIT_TOKEN);
	memcpy(out + LOG_ID_SIZE + FIELDS + AUDIT_TOKEN, device, length);
	return LOG_ID_SIZE + FIELDS + AUDIT_TOKEN + length;
}

/* How many bytes of plain text @length bytes of a name are: its length and zeros with it. */
static size_t padded(size_t length)
{
	return (LENGTH + length + NAME_PAD - 1) / NAME_PAD * NAME_PAD;
}

static size_t seal_part(const struct audit_name *name, const uint8_t fields[FIELDS],
			const uint8_t log_id[LOG_ID_SIZE], const uint8_t key[AUDIT_KEY],
			const char *text, size_t length, uint8_t *out)
{
	uint8_t bound[BOUND_MOST], plain[NAME_PAD_LIMIT * NAME_PAD] = {0};
	size_t device = fields[3], plain_length = padded(length);
	size_t whole = NAME_FIXED + device + TAG + plain_length;

	memset(out, 0, NAME_FIXED);
	bl_put16(out, (uint16_t)whole);
	memcpy(out + 2, fields, FIELDS);
	/* The token of a reason would tell which reasons are equal. */
	if (name->token && name->kind == AUDIT_NAME_PATH)
		memcpy(out + 32, name->token, AUDIT_TOKEN);
	randombytes_buf(out + 48, NONCE);
	memcpy(out + NAME_FIXED, name->device, device);
	bl_put16(plain, (uint16_t)length);
	memcpy(plain + LENGTH, text, length);

	size_t bound_length = bind(log_id, fields, out + 32, name->device, bound);

	crypto_aead_xchacha20poly1305_ietf_encrypt(out + NAME_FIXED + device, NULL, plain,
						   plain_length, bound, bound_length, NULL,
						   out + 48, key);
	sodium_memzero(plain, sizeof(plain));
	return whole;
}

size_t name_seal(const struct audit_name *name, const uint8_t log_id[LOG_ID_SIZE],
		 const uint8_t lk[AUDIT_KEY], uint8_t *out, unsigned *out_count)
{
	size_t length = BL_MIN(name->length, (size_t)AUDIT_NAME_TEXT), used = 0;
	size_t device = strnlen(name->device, BL_DEVICE_ID_SIZE - 1);
	unsigned parts = length ? (unsigned)((length + NAME_PART - 1) / NAME_PART) : 1;
	const char *text = length ? name->text : "";
	uint8_t key[AUDIT_KEY];

	assert(device || name->kind == AUDIT_NAME_REASON);
	audit_name_key(name->log_names_key, log_id, lk, key);
	for (unsigned part = 0; part < parts; part++) {
		const uint8_t fields[FIELDS] = {RECORD_TYPE_NAME, (uint8_t)name->kind,
						(uint8_t)part,	  (uint8_t)device,
						(uint8_t)parts,	  0};
		size_t at = (size_t)part * NAME_PART;

		used += seal_part(name, fields, log_id, key, text + at,
				  BL_MIN(length - at, (size_t)NAME_PART), out + used);
	}
	sodium_memzero(key, sizeof(key));
	*out_count = parts;
	return used;
}

size_t name_parse(const uint8_t *bytes, size_t length, struct audit_named *out)
{
	size_t whole = format_record_length(bytes, length);

	if (!whole || bytes[2] != RECORD_TYPE_NAME)
		return 0;

	bool is_path = bytes[3] == AUDIT_NAME_PATH;
	size_t device = bytes[5];

	if ((!is_path && bytes[3] != AUDIT_NAME_REASON) || bytes[4] >= bytes[6] || bytes[7] != 0)
		return 0;
	if (is_path ? device == 0 : !sodium_is_zero(bytes + 32, AUDIT_TOKEN))
		return 0;
	if (device >= sizeof(out->device) || memchr(bytes + NAME_FIXED, 0, device))
		return 0;
	out->sequence = bl_get64(bytes + 8);
	out->kind = is_path ? AUDIT_NAME_PATH : AUDIT_NAME_REASON;
	out->part = bytes[4];
	out->parts = bytes[6];
	memcpy(out->token, bytes + 32, AUDIT_TOKEN);
	memcpy(out->nonce, bytes + 48, NONCE);
	memcpy(out->device, bytes + NAME_FIXED, device);
	out->device[device] = '\0';
	out->sealed = bytes + NAME_FIXED + device;
	out->length = whole - NAME_FIXED - device;
	return whole;
}

/* A text is padded in one way only. */
static bool is_plain(const char *plain, size_t length, size_t *out_text)
{
	size_t text = bl_get16((const uint8_t *)plain);

	if (padded(text) != length)
		return false;
	*out_text = text;
	return sodium_is_zero((const uint8_t *)plain + LENGTH + text, length - LENGTH - text);
}

enum bl_status audit_name_open(const struct audit_named *named, const uint8_t log_id[AUDIT_LOG_ID],
			       const uint8_t key[AUDIT_KEY], char *out, size_t *out_length)
{
	size_t device = strnlen(named->device, sizeof(named->device) - 1), text;
	const uint8_t fields[FIELDS] = {RECORD_TYPE_NAME,      (uint8_t)named->kind,
					(uint8_t)named->part,  (uint8_t)device,
					(uint8_t)named->parts, 0};
	uint8_t bound[BOUND_MOST];

	if (named->length < TAG + NAME_PAD || (named->length - TAG) % NAME_PAD != 0 ||
	    named->length > TAG + NAME_PAD_LIMIT * NAME_PAD)
		return BL_TAMPERED;

	size_t plain = named->length - TAG;
	size_t bound_length = bind(log_id, fields, named->token, named->device, bound);

	if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)out, NULL, NULL, named->sealed,
						       named->length, bound, bound_length,
						       named->nonce, key) != 0 ||
	    !is_plain(out, plain, &text)) {
		sodium_memzero(out, plain);
		return BL_TAMPERED;
	}
	memmove(out, out + LENGTH, text);
	*out_length = text;
	return BL_OK;
}

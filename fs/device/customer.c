/* The customer's part at rest: kinds and values, in a form that can be read and wiped without an allocating parser. */
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define CUSTOMER_VERSION 1
#define HEAD		 3 /* version, count */
#define VALUE_HEAD	 3 /* kind, length */

_Static_assert(SECRET_CUSTOMER_LIMIT == DEVICE_IDENTITIES * (VALUE_HEAD + UINT16_MAX) + HEAD,
	       "the most that the form below can hold");

static enum bl_status plain_of(const struct device_record *record, struct plain *out)
{
	size_t length = HEAD;

	for (size_t i = 0; i < record->identity_count; i++)
		length += VALUE_HEAD + strlen(record->identities[i].value);
	out->bytes = malloc(length);
	if (!out->bytes)
		return BL_NO_MEMORY;
	out->length = length;
	out->bytes[0] = CUSTOMER_VERSION;
	bl_put16(out->bytes + 1, (uint16_t)record->identity_count);

	uint8_t *at = out->bytes + HEAD;

	for (size_t i = 0; i < record->identity_count; i++) {
		const struct detect_identity *identity = &record->identities[i];
		size_t size = strlen(identity->value);

		at[0] = (uint8_t)identity->kind;
		bl_put16(at + 1, (uint16_t)size);
		memcpy(at + VALUE_HEAD, identity->value, size);
		at += VALUE_HEAD + size;
	}
	return BL_OK;
}

enum bl_status customer_put(struct vault *vault, const char *id, int folder_fd,
			    const struct device_record *record, struct bl_error *why)
{
	PLAIN_CLEANUP struct plain plain = {0};
	enum bl_status status = plain_of(record, &plain);

	if (status != BL_OK)
		return status;
	return secret_put(vault, id, folder_fd, SECRET_CUSTOMER, &plain, why);
}

/* Walks the values twice: first only to check and count, so that the copy cannot go wrong. */
static bool walk(const struct plain *plain, struct device_record *record, size_t *out_bytes)
{
	if (plain->length < HEAD || plain->bytes[0] != CUSTOMER_VERSION)
		return false;

	size_t count = bl_get16(plain->bytes + 1), at = HEAD, total = 0;

	if (count > DEVICE_IDENTITIES)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (plain->length - at < VALUE_HEAD)
			return false;

		const uint8_t *value = plain->bytes + at;
		size_t size = bl_get16(value + 1);

		at += VALUE_HEAD;
		if (plain->length - at < size || value[0] > IDENTITY_ADDRESS ||
		    memchr(value + VALUE_HEAD, '\0', size))
			return false;
		if (record)
			record_add(record, (enum detect_identity_kind)value[0],
				   (const char *)value + VALUE_HEAD, size);
		at += size;
		total += size + 1;
	}
	*out_bytes = total;
	return at == plain->length;
}

enum bl_status customer_get(struct vault *vault, const char *id, int folder_fd,
			    struct device_record *out_record, struct bl_error *why)
{
	PLAIN_CLEANUP struct plain plain = {0};
	size_t total = 0;

	memset(out_record, 0, sizeof(*out_record));

	enum bl_status status = secret_get(vault, id, folder_fd, SECRET_CUSTOMER, &plain, why);

	if (status != BL_OK || !plain.bytes)
		return status;
	if (!walk(&plain, NULL, &total))
		return bl_fail(why, BL_INVALID,
			       "the customer's part of '%s' is not of this version", id);
	status = record_reserve(out_record, total);
	if (status == BL_OK)
		walk(&plain, out_record, &total);
	return status;
}

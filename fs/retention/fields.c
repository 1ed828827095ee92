#include "fs/retention/fields.h"

#include <sodium.h>
#include <string.h>

#define FIELD_HEX_MOST 64

static json_t *encode_one(const struct field *field, const uint8_t *at)
{
	char hex[2 * FIELD_HEX_MOST + 1];
	uint64_t wide;
	uint32_t narrow;
	bool flag;

	switch (field->type) {
	case FIELD_TEXT:
		return json_string((const char *)at);
	case FIELD_HEX:
		return json_string(sodium_bin2hex(hex, sizeof(hex), at, field->size));
	case FIELD_64:
		memcpy(&wide, at, sizeof(wide));
		return json_integer((json_int_t)wide);
	case FIELD_32:
		memcpy(&narrow, at, sizeof(narrow));
		return json_integer(narrow);
	case FIELD_BOOL:
		memcpy(&flag, at, sizeof(flag));
		return json_boolean(flag);
	case FIELD_WORD:
		memcpy(&narrow, at, sizeof(narrow));
		return json_string(narrow < field->size ? field->words[narrow] : NULL);
	}
	return NULL;
}

json_t *fields_encode(const struct field *fields, size_t count, const void *from)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < count; i++)
		if (json_object_set_new(object, fields[i].name,
					encode_one(&fields[i], (const uint8_t *)from +
								       fields[i].offset)) != 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static bool decode_text(const struct field *field, json_t *value, uint8_t *at)
{
	size_t length = json_string_length(value);

	if (!json_is_string(value) || length >= field->size)
		return false;
	memcpy(at, json_string_value(value), length);
	memset(at + length, 0, field->size - length);
	return strlen((const char *)at) == length;
}

static bool decode_hex(const struct field *field, json_t *value, uint8_t *at)
{
	size_t length;

	return json_is_string(value) && json_string_length(value) == 2 * field->size &&
	       sodium_hex2bin(at, field->size, json_string_value(value), 2 * field->size, NULL,
			      &length, NULL) == 0 &&
	       length == field->size;
}

static bool decode_number(const struct field *field, json_t *value, uint8_t *at)
{
	json_int_t number = json_integer_value(value);
	uint64_t wide = (uint64_t)number;
	uint32_t narrow = (uint32_t)number;

	if (!json_is_integer(value) || number < 0 ||
	    (field->type == FIELD_32 && number > UINT32_MAX))
		return false;
	if (field->type == FIELD_32)
		memcpy(at, &narrow, sizeof(narrow));
	else
		memcpy(at, &wide, sizeof(wide));
	return true;
}

static bool decode_word(const struct field *field, json_t *value, uint8_t *at)
{
	for (uint32_t i = 0; json_is_string(value) && i < field->size; i++)
		if (field->words[i] && strcmp(field->words[i], json_string_value(value)) == 0) {
			memcpy(at, &i, sizeof(i));
			return true;
		}
	return false;
}

static bool decode_one(const struct field *field, json_t *value, uint8_t *at)
{
	bool flag = json_is_true(value);

	switch (field->type) {
	case FIELD_TEXT:
		return decode_text(field, value, at);
	case FIELD_HEX:
		return decode_hex(field, value, at);
	case FIELD_64:
	case FIELD_32:
		return decode_number(field, value, at);
	case FIELD_BOOL:
		memcpy(at, &flag, sizeof(flag));
		return json_is_boolean(value);
	case FIELD_WORD:
		return decode_word(field, value, at);
	}
	return false;
}

bool fields_decode(const struct field *fields, size_t count, size_t more, json_t *object, void *to)
{
	if (!json_is_object(object) || json_object_size(object) != count + more)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!decode_one(&fields[i], json_object_get(object, fields[i].name),
				(uint8_t *)to + fields[i].offset))
			return false;
	return true;
}

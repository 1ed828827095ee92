/* fields.h - private: structs to JSON objects and back, by tables; strict in both directions */
#ifndef FS_RETENTION_FIELDS_H
#define FS_RETENTION_FIELDS_H

#include <jansson.h>

#include "policy/base.h"

enum field_type {
	FIELD_TEXT, /* char[size], with NUL */
	FIELD_HEX,  /* uint8_t[size] */
	FIELD_64,   /* uint64_t or int64_t, from 0 */
	FIELD_32,   /* uint32_t, unsigned */
	FIELD_BOOL,
	FIELD_WORD, /* an enum, one of @size words */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset, size;
	const char *const *words;
};
#define FIELD_OF(type_, kind_, member_)                                                            \
	{                                                                                          \
#member_, kind_, offsetof(struct type_, member_),                                  \
			sizeof(((struct type_ *)0)->member_), NULL                                 \
	}
#define FIELD_WORDS(type_, member_, words_)                                                        \
	{                                                                                          \
#member_, FIELD_WORD, offsetof(struct type_, member_), BL_COUNT(words_), words_    \
	}

/* fields_encode - an object with these members; NULL: out of memory, or a text that is no UTF-8 */
json_t *fields_encode(const struct field *fields, size_t count, const void *from);
/* fields_decode - exactly these members and @more others */
bool fields_decode(const struct field *fields, size_t count, size_t more, json_t *object, void *to);

static inline BL_UNUSED void fields_json_done(json_t **json)
{
	json_decref(*json);
}
#define JSON_CLEANUP __attribute__((cleanup(fields_json_done)))

#endif

/* words.h - the closed vocabulary of the policy language, as enums and their names
 *
 * Order matters where a comment says so. Names are those of docs/bailee-policy (policy-language).
 */
#ifndef POLICY_WORDS_H
#define POLICY_WORDS_H

#include <stdbool.h>
#include <stdint.h>

enum bl_action {
	ACTION_LIST,
	ACTION_STAT,
	ACTION_READ,
	ACTION_COPY,
	ACTION_UNMASK,
	ACTION_REQUEST,
	ACTION_APPROVE,
	ACTION_HOLD,
	ACTION_RELEASE,
	ACTION_SHRED,
	ACTION_VERIFY,
	ACTION_INTAKE,
	ACTION_REVIEW,
	ACTION_ADMINISTER,
	ACTION_COUNT
};

/* Strictest first: the smaller of two styles is the stricter. */
enum bl_style {
	STYLE_FILL,
	STYLE_SHAPE,
	STYLE_TOKEN,
	STYLE_KEEP_DOMAIN,
	STYLE_YEAR_ONLY,
	STYLE_KEEP_LAST_4,
	STYLE_KEEP_FIRST_6_LAST_4,
	STYLE_COUNT
};
/* Not a style of the language: what explain and tests call a span that is shown unmasked. */
#define STYLE_ORIGINAL STYLE_COUNT

enum bl_device_kind {
	DEVICE_PHONE,
	DEVICE_TABLET,
	DEVICE_LAPTOP,
	DEVICE_DESKTOP,
	DEVICE_DISK,
	DEVICE_USB_STICK,
	DEVICE_MEMORY_CARD,
	DEVICE_CAMERA,
	DEVICE_CONSOLE,
	DEVICE_WEARABLE,
	DEVICE_NETWORK,
	DEVICE_PRINTER,
	DEVICE_OTHER,
	DEVICE_KIND_COUNT
};

enum bl_device_state {
	STATE_RECEIVED,
	STATE_OPEN,
	STATE_CLOSED,
	STATE_HELD,
	STATE_DUE,
	STATE_SHREDDED,
	STATE_RELEASED,
	STATE_COUNT
};

enum bl_file_kind {
	FILE_TEXT,
	FILE_MAIL,
	FILE_CONTACTS,
	FILE_CALENDAR,
	FILE_DATABASE,
	FILE_DOCUMENT,
	FILE_SPREADSHEET,
	FILE_PRESENTATION,
	FILE_PDF,
	FILE_IMAGE,
	FILE_AUDIO,
	FILE_VIDEO,
	FILE_ARCHIVE,
	FILE_PROGRAM,
	FILE_KEY,
	FILE_OTHER,
	FILE_KIND_COUNT
};

/* Consent on record for a device and a purpose. Nothing on record is not known. */
enum bl_consent { CONSENT_UNKNOWN, CONSENT_GRANTED, CONSENT_WITHDRAWN, CONSENT_COUNT };

/* How a caller on the phone was checked; the greater includes the lesser. */
enum bl_check { CHECK_NONE, CHECK_ONE_FACTOR, CHECK_TWO_FACTOR, CHECK_COUNT };

/* What limits count, and over which time: a clock hour or a calendar day of the policy's zone. */
enum bl_unit { UNIT_FILES, UNIT_BYTES, UNIT_UNMASKS, UNIT_SHOWN, UNIT_COUNT };
enum bl_period { PERIOD_HOUR, PERIOD_DAY, PERIOD_COUNT };

/* Classes of personal data. Custom classes get numbers from CLASS_COUNT on, below CLASS_LIMIT. */
enum bl_class {
	CLASS_NAME,
	CLASS_EMAIL,
	CLASS_PHONE,
	CLASS_ADDRESS,
	CLASS_POSTCODE,
	CLASS_DATE_OF_BIRTH,
	CLASS_CARD,
	CLASS_CARD_TRACK,
	CLASS_CARD_PIN,
	CLASS_CARD_SECURITY_CODE,
	CLASS_IBAN,
	CLASS_BANK_ACCOUNT,
	CLASS_NATIONAL_ID,
	CLASS_TAX_ID,
	CLASS_PASSPORT,
	CLASS_DRIVING_LICENCE,
	CLASS_HEALTH_ID,
	CLASS_IP,
	CLASS_MAC,
	CLASS_URL_CREDENTIALS,
	CLASS_IMEI,
	CLASS_VIN,
	CLASS_PLATE,
	CLASS_LOCATION,
	CLASS_CRYPTO_ADDRESS,
	CLASS_PASSWORD,
	CLASS_SECRET,
	CLASS_PRIVATE_KEY,
	CLASS_CUSTOMER,
	CLASS_COUNT
};
#define CLASS_LIMIT 64 /* so that a set of classes is one uint64_t */

/* A set of classes: bit (1 << class). */
typedef uint64_t bl_classes;
#define CLASS_BIT(class) (UINT64_C(1) << (class))

/*
 * bl_style_classes - the classes that a mask style fits, custom ones included
 * bl_style_fitted - what masking makes of @style: one that does not fit @class (below CLASS_LIMIT) is fill, and no rule's
 *                   word is stricter than that; STYLE_ORIGINAL stays
 */
bl_classes bl_style_classes(enum bl_style style);
unsigned bl_style_fitted(unsigned style, unsigned class);

/* Name of a value; static strings. @value must be below its _COUNT. */
const char *bl_action_name(enum bl_action value);
const char *bl_style_name(unsigned value); /* STYLE_ORIGINAL is "original" */
const char *bl_device_kind_name(enum bl_device_kind value);
const char *bl_device_state_name(enum bl_device_state value);
const char *bl_file_kind_name(enum bl_file_kind value);
const char *bl_class_name(enum bl_class value);
const char *bl_consent_name(enum bl_consent value); /* "unknown", "granted", "withdrawn" */
const char *bl_check_name(enum bl_check value);	    /* "none", "one-factor", "two-factor" */
const char *bl_unit_name(enum bl_unit value);
const char *bl_period_name(enum bl_period value); /* "hour", "day" */

/* Value of a name, exact spelling; false (and *out untouched) when it is not a word. */
bool bl_action_parse(const char *name, enum bl_action *out);
bool bl_style_parse(const char *name, enum bl_style *out);
bool bl_device_kind_parse(const char *name, enum bl_device_kind *out);
bool bl_device_state_parse(const char *name, enum bl_device_state *out);
bool bl_file_kind_parse(const char *name, enum bl_file_kind *out);
bool bl_class_parse(const char *name, enum bl_class *out);
bool bl_consent_parse(const char *name, enum bl_consent *out);
bool bl_check_parse(const char *name, enum bl_check *out);
bool bl_unit_parse(const char *name, enum bl_unit *out);
bool bl_period_parse(const char *name, enum bl_period *out);

/*
 * bl_device_id_ok - is @id a device id we accept?
 *
 * 1..31 of [A-Za-z0-9._-], starting with a letter or digit: safe as a file name, in a message, in
 * the log and on a terminal.
 */
bool bl_device_id_ok(const char *id);
#define BL_DEVICE_ID_SIZE 32 /* with the NUL */
#define BL_RULE_ID_SIZE	  64 /* rule ids: 1..63 of [a-z][a-z0-9-]*, or "builtin/..."; with the NUL */

#endif

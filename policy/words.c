#include "policy/words.h"

#include <string.h>

#include "policy/base.h"

static const char *const ACTIONS[ACTION_COUNT] = {
	"list", "stat",	   "read",  "copy",   "unmask", "request", "approve",
	"hold", "release", "shred", "verify", "intake", "review",  "administer",
};

static const char *const STYLES[STYLE_COUNT + 1] = {
	"fill",
	"shape",
	"token",
	"keep-domain",
	"year-only",
	"keep-last-4",
	"keep-first-6-last-4",
	"original",
};

static const char *const DEVICE_KINDS[DEVICE_KIND_COUNT] = {
	"phone",  "tablet",  "laptop",	 "desktop", "disk",    "usb-stick", "memory-card",
	"camera", "console", "wearable", "network", "printer", "other",
};

static const char *const DEVICE_STATES[STATE_COUNT] = {
	"received", "open", "closed", "held", "due", "shredded", "released",
};

static const char *const FILE_KINDS[FILE_KIND_COUNT] = {
	"text",	       "mail",	       "contacts", "calendar", "database", "document",
	"spreadsheet", "presentation", "pdf",	   "image",    "audio",	   "video",
	"archive",     "program",      "key",	   "other",
};

static const char *const CLASSES[CLASS_COUNT] = {
	"name",
	"email",
	"phone",
	"address",
	"postcode",
	"date-of-birth",
	"card",
	"card-track",
	"card-pin",
	"card-security-code",
	"iban",
	"bank-account",
	"national-id",
	"tax-id",
	"passport",
	"driving-licence",
	"health-id",
	"ip",
	"mac",
	"url-credentials",
	"imei",
	"vin",
	"plate",
	"location",
	"crypto-address",
	"password",
	"secret",
	"private-key",
	"customer",
};

static const char *const CONSENTS[CONSENT_COUNT] = {"unknown", "granted", "withdrawn"};
static const char *const CHECKS[CHECK_COUNT] = {"none", "one-factor", "two-factor"};
static const char *const UNITS[UNIT_COUNT] = {"files", "bytes", "unmasks", "shown"};
static const char *const PERIODS[PERIOD_COUNT] = {"hour", "day"};

static bool find(const char *const *names, size_t count, const char *name, unsigned *out)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (unsigned)i;
			return true;
		}
	return false;
}

#define WORD(type, verb, TABLE, COUNT)                                                             \
	const char *bl_##verb##_name(enum type value)                                              \
	{                                                                                          \
		return TABLE[value];                                                               \
	}                                                                                          \
	bool bl_##verb##_parse(const char *name, enum type *out)                                   \
	{                                                                                          \
		unsigned value;                                                                    \
                                                                                                   \
		if (!find(TABLE, COUNT, name, &value))                                             \
			return false;                                                              \
		*out = (enum type)value;                                                           \
		return true;                                                                       \
	}

WORD(bl_action, action, ACTIONS, ACTION_COUNT)
WORD(bl_device_kind, device_kind, DEVICE_KINDS, DEVICE_KIND_COUNT)
WORD(bl_device_state, device_state, DEVICE_STATES, STATE_COUNT)
WORD(bl_file_kind, file_kind, FILE_KINDS, FILE_KIND_COUNT)
WORD(bl_class, class, CLASSES, CLASS_COUNT)
WORD(bl_consent, consent, CONSENTS, CONSENT_COUNT)
WORD(bl_check, check, CHECKS, CHECK_COUNT)
WORD(bl_unit, unit, UNITS, UNIT_COUNT)
WORD(bl_period, period, PERIODS, PERIOD_COUNT)

const char *bl_style_name(unsigned value)
{
	return STYLES[value];
}

bool bl_style_parse(const char *name, enum bl_style *out)
{
	unsigned value;

	if (!find(STYLES, STYLE_COUNT, name, &value))
		return false;
	*out = (enum bl_style)value;
	return true;
}

/* ---- which style fits which class ------------------------------------------------------------ */

#define NUMBER_CLASSES                                                                             \
	(CLASS_BIT(CLASS_CARD) | CLASS_BIT(CLASS_IBAN) | CLASS_BIT(CLASS_BANK_ACCOUNT) |           \
	 CLASS_BIT(CLASS_PHONE) | CLASS_BIT(CLASS_NATIONAL_ID) | CLASS_BIT(CLASS_TAX_ID) |         \
	 CLASS_BIT(CLASS_PASSPORT) | CLASS_BIT(CLASS_DRIVING_LICENCE) |                            \
	 CLASS_BIT(CLASS_HEALTH_ID) | CLASS_BIT(CLASS_IMEI) | CLASS_BIT(CLASS_VIN))

#define CUSTOM_CLASSES (~(CLASS_BIT(CLASS_COUNT) - 1)) /* of the policy's own */

/* Customer values are of several kinds: only styles that keep nothing. */
static const bl_classes FITS[STYLE_COUNT] = {
	[STYLE_FILL] = UINT64_MAX,
	[STYLE_SHAPE] = ~CLASS_BIT(CLASS_PRIVATE_KEY),
	[STYLE_TOKEN] = ~CLASS_BIT(CLASS_PRIVATE_KEY),
	[STYLE_KEEP_DOMAIN] = CLASS_BIT(CLASS_EMAIL),
	[STYLE_YEAR_ONLY] = CLASS_BIT(CLASS_DATE_OF_BIRTH),
	[STYLE_KEEP_LAST_4] = NUMBER_CLASSES | CUSTOM_CLASSES,
	[STYLE_KEEP_FIRST_6_LAST_4] = CLASS_BIT(CLASS_CARD),
};

bl_classes bl_style_classes(enum bl_style style)
{
	return FITS[style];
}

unsigned bl_style_fitted(unsigned style, unsigned class)
{
	return style >= STYLE_COUNT || FITS[style] >> class & 1 ? style : (unsigned)STYLE_FILL;
}

/* ---- device ids ------------------------------------------------------------------------------ */

bool bl_device_id_ok(const char *id)
{
	static const char FIRST[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	static const char REST[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t length = strlen(id);

	return length > 0 && length < BL_DEVICE_ID_SIZE && strchr(FIRST, id[0]) &&
	       strspn(id, REST) == length;
}

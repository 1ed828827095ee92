#include "fs/audit/audit.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIT_TITLE      "bailee auditor kit "
#define KIT_VERSION    "1"
#define ORIGINAL       "(get the original from who made the store)"
#define HEX(bytes)     (2 * (bytes))
#define CHECK_LINE     (sizeof("check ") - 1 + HEX(AUDIT_DIGEST) + 1)
#define SECRET_TITLE   "bailee auditor secret key "
#define PUBLIC_TITLE   "bailee auditor public key "
#define AUDITOR_NUMBER "1 "

/* ---- kits ------------------------------------------------------------------------------------ */

/* Room for all of it is certain: the longest kit has 32 auditors. */
_Static_assert(sizeof(KIT_TITLE KIT_VERSION "\n") + sizeof("log \n") + HEX(AUDIT_LOG_ID) +
			       3 * (sizeof("check \n") + HEX(32)) + sizeof("made \n") + 20 +
			       AUDIT_AUDITORS * (sizeof("auditor \n") + HEX(AUDIT_KEY)) <
		       AUDIT_KIT_TEXT,
	       "a kit with all auditors fits");

static size_t put_hex(char *out, const char *word, const uint8_t *bytes, size_t length)
{
	size_t used = strlen(word);

	memcpy(out, word, used);
	sodium_bin2hex(out + used, HEX(length) + 1, bytes, length);
	used += HEX(length);
	memcpy(out + used, "\n", 2);
	return used + 1;
}

static void kit_check(const char *text, size_t length, uint8_t out[AUDIT_DIGEST])
{
	crypto_generichash(out, AUDIT_DIGEST, (const uint8_t *)text, length, NULL, 0);
}

size_t audit_kit_format(const struct audit_kit *kit, char out[AUDIT_KIT_TEXT])
{
	uint8_t check[AUDIT_DIGEST];
	size_t used = (size_t)snprintf(out, AUDIT_KIT_TEXT, KIT_TITLE KIT_VERSION "\n");

	used += put_hex(out + used, "log ", kit->log_id, AUDIT_LOG_ID);
	used += put_hex(out + used, "key ", kit->public_key, VAULT_PUBLIC_KEY);
	used += put_hex(out + used, "first ", kit->first, AUDIT_KEY);
	used += (size_t)snprintf(out + used, AUDIT_KIT_TEXT - used, "made %" PRId64 "\n",
				 kit->made_unix);
	for (size_t i = 0; i < kit->auditor_count; i++)
		used += put_hex(out + used, "auditor ", kit->auditors[i], AUDIT_KEY);
	kit_check(out, used, check);
	return used + put_hex(out + used, "check ", check, sizeof(check));
}

static bool take_word(const char **at, const char *end, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(end - *at) < length || memcmp(*at, word, length) != 0)
		return false;
	*at += length;
	return true;
}

/* "word <hex>" and its newline */
static bool take_hex(const char **at, const char *end, const char *word, uint8_t *out,
		     size_t length)
{
	if (!take_word(at, end, word) || (size_t)(end - *at) < HEX(length) + 1 ||
	    sodium_hex2bin(out, length, *at, HEX(length), NULL, NULL, NULL) != 0 ||
	    (*at)[HEX(length)] != '\n')
		return false;
	*at += HEX(length) + 1;
	return true;
}

static bool take_made(const char **at, const char *end, int64_t *out)
{
	char digits[24];
	const char *stop =
		take_word(at, end, "made ") ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;

	if (!stop || (size_t)(stop - *at) >= sizeof(digits))
		return false;
	memcpy(digits, *at, (size_t)(stop - *at));
	digits[stop - *at] = '\0';
	/* What strtoll takes beyond a plain number is found by encoding it again. */
	*out = strtoll(digits, NULL, 10);
	*at = stop + 1;
	return true;
}

static bool take_lines(const char *at, const char *end, struct audit_kit *out)
{
	uint8_t check[AUDIT_DIGEST];

	if (!take_word(&at, end, KIT_TITLE KIT_VERSION "\n") ||
	    !take_hex(&at, end, "log ", out->log_id, AUDIT_LOG_ID) ||
	    !take_hex(&at, end, "key ", out->public_key, VAULT_PUBLIC_KEY) ||
	    !take_hex(&at, end, "first ", out->first, AUDIT_KEY) ||
	    !take_made(&at, end, &out->made_unix))
		return false;
	while (out->auditor_count < AUDIT_AUDITORS &&
	       take_hex(&at, end, "auditor ", out->auditors[out->auditor_count], AUDIT_KEY))
		out->auditor_count++;
	for (size_t i = 1; i < out->auditor_count; i++)
		if (memcmp(out->auditors[i - 1], out->auditors[i], AUDIT_KEY) >= 0)
			return false;
	return take_hex(&at, end, "check ", check, sizeof(check)) && at == end;
}

static bool kit_is_canonical(const char *text, size_t length, const struct audit_kit *kit)
{
	char again[AUDIT_KIT_TEXT];
	bool is_same =
		audit_kit_format(kit, again) == length && sodium_memcmp(again, text, length) == 0;

	sodium_memzero(again, sizeof(again));
	return is_same;
}

static bool starts_with(const char *text, size_t length, const char *with)
{
	return length >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Whether it is a kit of ours at all, before anything in it is believed. */
static enum bl_status kit_kind(const char *text, size_t length, struct bl_error *why)
{
	if (starts_with(text, length, SECRET_TITLE) || starts_with(text, length, PUBLIC_TITLE))
		return bl_fail(why, BL_INVALID,
			       "this is an auditor's key and no kit (give the kit of the store)");
	if (!starts_with(text, length, KIT_TITLE))
		return bl_fail(why, BL_INVALID,
			       "this is no auditor kit: its first line is not that of one");
	if (length >= AUDIT_KIT_TEXT || memchr(text, 0, length))
		return bl_fail(why, BL_INVALID,
			       "this kit is damaged: it is no text of a kit's "
			       "size " ORIGINAL);
	if (memchr(text, '\r', length))
		return bl_fail(why, BL_INVALID,
			       "this kit is damaged: its line ends were changed " ORIGINAL);
	if (!starts_with(text, length, KIT_TITLE KIT_VERSION "\n"))
		return bl_fail(why, BL_INVALID,
			       "this kit is of another version than this program knows, or its "
			       "first line is damaged (use the bailee that made it)");
	return BL_OK;
}

/* The check is looked at first, so that the words blame what really is the matter. */
static enum bl_status kit_whole(const char *text, size_t length, struct bl_error *why)
{
	uint8_t told[AUDIT_DIGEST], check[AUDIT_DIGEST];
	const char *at = length > CHECK_LINE ? text + length - CHECK_LINE : text;

	if (at == text || at[-1] != '\n' ||
	    !take_hex(&at, text + length, "check ", told, sizeof(told)))
		return bl_fail(why, BL_INVALID,
			       "this kit is damaged: it does not end with its check " ORIGINAL);
	kit_check(text, length - CHECK_LINE, check);
	if (memcmp(told, check, sizeof(check)) != 0)
		return bl_fail(why, BL_INVALID,
			       "this kit is damaged: its check does not match " ORIGINAL);
	return BL_OK;
}

enum bl_status audit_kit_parse(const char *text, size_t length, struct audit_kit *out_kit,
			       struct bl_error *why)
{
	struct audit_kit kit = {0};
	enum bl_status status = kit_kind(text, length, why);

	if (status == BL_OK)
		status = kit_whole(text, length, why);
	if (status == BL_OK &&
	    (!take_lines(text, text + length, &kit) || !kit_is_canonical(text, length, &kit)))
		status = bl_fail(why, BL_INVALID,
				 "this kit is damaged: its lines are not those of a kit " ORIGINAL);
	if (status == BL_OK)
		*out_kit = kit;
	sodium_memzero(&kit, sizeof(kit));
	return status;
}

/* ---- keys of auditors ------------------------------------------------------------------------ */

/* The two halves, by is_secret. */
static const struct half {
	const char *title, *what;
	const char *mistaken; /* told when the other half was wanted */
} HALVES[2] = {
	{PUBLIC_TITLE, "public",
	 "this is an auditor's public key, and the secret one is needed (give the file without "
	 "'.pub')"},
	{SECRET_TITLE, "secret",
	 "this is an auditor's secret key, and the public one is needed (give the file that "
	 "ends in '.pub', and keep this one to yourself)"},
};

void auditor_new(uint8_t out_secret[AUDIT_KEY], uint8_t out_public[AUDIT_KEY])
{
	crypto_box_keypair(out_public, out_secret);
}

size_t auditor_format(bool is_secret, const uint8_t key[AUDIT_KEY], char out[AUDIT_AUDITOR_TEXT])
{
	size_t used = (size_t)snprintf(out, AUDIT_AUDITOR_TEXT, "%s" AUDITOR_NUMBER,
				       HALVES[is_secret].title);

	return used + put_hex(out + used, "", key, AUDIT_KEY);
}

/* A few public keys give the same secret with everybody: nothing can be sealed to them. */
static bool can_be_sealed_to(const uint8_t public_key[AUDIT_KEY])
{
	static const uint8_t ANY[AUDIT_KEY] = {8};
	uint8_t shared[AUDIT_KEY];

	return crypto_scalarmult(shared, ANY, public_key) == 0;
}

/* Exactly the line, with its newline or without. */
static bool take_line(bool is_secret, const char *text, size_t length, uint8_t out[AUDIT_KEY])
{
	char again[AUDIT_AUDITOR_TEXT];
	const char *at = text;
	size_t title = strlen(HALVES[is_secret].title) + strlen(AUDITOR_NUMBER);

	if (length < title + HEX(AUDIT_KEY))
		return false;
	at += title;
	if (sodium_hex2bin(out, AUDIT_KEY, at, HEX(AUDIT_KEY), NULL, NULL, NULL) != 0)
		return false;

	size_t whole = auditor_format(is_secret, out, again);
	bool is_same =
		(length == whole || length == whole - 1) && sodium_memcmp(again, text, length) == 0;

	sodium_memzero(again, sizeof(again));
	return is_same;
}

/* Just the digits of a public key. */
static bool take_digits(const char *text, size_t length, uint8_t out[AUDIT_KEY])
{
	char again[HEX(AUDIT_KEY) + 1];

	if (length == HEX(AUDIT_KEY) + 1 && text[length - 1] == '\n')
		length--;
	if (length != HEX(AUDIT_KEY) ||
	    sodium_hex2bin(out, AUDIT_KEY, text, length, NULL, NULL, NULL) != 0)
		return false;
	sodium_bin2hex(again, sizeof(again), out, AUDIT_KEY);
	return memcmp(again, text, length) == 0;
}

enum bl_status auditor_parse(bool is_secret, const char *text, size_t length,
			     uint8_t out_key[AUDIT_KEY], struct bl_error *why)
{
	const struct half *half = &HALVES[is_secret], *other = &HALVES[!is_secret];
	uint8_t key[AUDIT_KEY];
	enum bl_status status = BL_OK;

	if (starts_with(text, length, other->title))
		status = bl_fail(why, BL_INVALID, "%s", other->mistaken);
	else if (starts_with(text, length, KIT_TITLE))
		status = bl_fail(why, BL_INVALID,
				 "this is an auditor kit, and an auditor's %s key is needed (give "
				 "a file that 'bailee auditor keygen' made)",
				 half->what);
	else if (!take_line(is_secret, text, length, key) &&
		 (is_secret || !take_digits(text, length, key)))
		status = bl_fail(why, BL_INVALID,
				 "this is no auditor's %s key, or it is damaged (give a file that "
				 "'bailee auditor keygen' made)",
				 half->what);
	else if (!is_secret && !can_be_sealed_to(key))
		status =
			bl_fail(why, BL_INVALID,
				"nothing can be sealed to this public key: it belongs to no secret "
				"one (make a pair with 'bailee auditor keygen')");
	else
		memcpy(out_key, key, AUDIT_KEY);
	sodium_memzero(key, sizeof(key));
	return status;
}

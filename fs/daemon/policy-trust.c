/*
 * Whose policies this store takes. Keys that are trusted are lines of a file of the store, never of a policy: nothing inside a
 * policy can switch the demand for a signature off.
 */
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/state.h"
#include "policy/sign/minisign.h"

#define KEYS_LIMIT 16

struct trusted {
	struct minisign_key keys[KEYS_LIMIT];
	size_t count;
};

static enum bl_status read_trusted(struct daemon *daemon, struct trusted *out, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	enum bl_status status =
		device_store_note_read(daemon->store, STORE_POLICY_TRUST, &text, why);

	out->count = 0;
	if (status != BL_OK)
		return status == BL_NOT_FOUND ? BL_OK : status;
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end || out->count == KEYS_LIMIT)
			return bl_fail(why, BL_TAMPERED,
				       "the store's list of trusted keys is not one");
		status = minisign_key_parse(line, (size_t)(end - line), &out->keys[out->count++],
					    why);
		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

static enum bl_status verify(const struct policy_text *text, const struct trusted *trusted,
			     struct bl_error *why)
{
	if (!text->signature)
		return bl_fail(why, BL_NOT_VERIFIED,
			       "this store takes signed policies only (bailee policy sign FILE "
			       "--key KEY)");
	return minisign_verify((const uint8_t *)text->bytes, text->length, text->signature,
			       strlen(text->signature), trusted->keys, trusted->count, NULL, why);
}

enum bl_status trust_check(struct daemon *daemon, const struct policy_text *text,
			   struct bl_error *why)
{
	struct trusted trusted;
	enum bl_status status = read_trusted(daemon, &trusted, why);

	if (status != BL_OK || trusted.count == 0)
		return status;
	return verify(text, &trusted, why);
}

static enum bl_status append(struct daemon *daemon, const struct trusted *trusted,
			     struct bl_error *why)
{
	char text[KEYS_LIMIT * MINISIGN_KEY_LINE + 1] = "";

	for (size_t i = 0; i < trusted->count; i++) {
		char line[MINISIGN_KEY_LINE];

		minisign_key_print(&trusted->keys[i], line);
		strcat(strcat(text, line), "\n");
	}
	return device_store_note_write(daemon->store, STORE_POLICY_TRUST, text, why);
}

/* The policy in force has to be signed by the new key: or the next start would find none that it may take. */
static enum bl_status check_in_force(struct daemon *daemon, const struct minisign_key *key,
				     const char *signature, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	size_t length;
	enum bl_status status = device_store_last_policy(daemon->store, &bytes, &length, why);

	if (status != BL_OK)
		return status;
	status = minisign_verify((const uint8_t *)bytes, length, signature, strlen(signature), key,
				 1, NULL, why);
	if (status != BL_OK)
		bl_explain(why, "the signature is not one of the policy in force");
	return status;
}

enum bl_status trust_add(struct daemon *daemon, const char *key, const char *signature,
			 struct bl_error *why)
{
	struct minisign_key parsed;
	struct trusted trusted;

	pthread_mutex_lock(&daemon->life_lock);
	enum bl_status status = minisign_key_parse(key, strlen(key), &parsed, why);

	if (status == BL_OK)
		status = check_in_force(daemon, &parsed, signature, why);
	if (status == BL_OK)
		status = read_trusted(daemon, &trusted, why);
	if (status == BL_OK && trusted.count == KEYS_LIMIT)
		status = bl_fail(why, BL_INVALID, "this store trusts %d keys already", KEYS_LIMIT);
	if (status == BL_OK)
		status = device_store_note_write(daemon->store, STORE_POLICY_SIGNATURE, signature,
						 why);
	if (status == BL_OK) {
		trusted.keys[trusted.count++] = parsed;
		status = append(daemon, &trusted, why);
	}
	pthread_mutex_unlock(&daemon->life_lock);
	return status;
}

#include "fs/cli/key.h"

#include <sodium.h>
#include <string.h>

#include "fs/cli/cli.h"

#define KEY_FILE_LIMIT 1024

static bool decode(const char *text, size_t length, uint8_t out_key[VAULT_PUBLIC_KEY])
{
	size_t decoded;

	while (length && strchr(" \t\r\n", text[length - 1]))
		length--;
	return length == 2 * VAULT_PUBLIC_KEY &&
	       sodium_hex2bin(out_key, VAULT_PUBLIC_KEY, text, length, NULL, &decoded, NULL) == 0 &&
	       decoded == VAULT_PUBLIC_KEY;
}

enum bl_status cli_read_key(const char *text, uint8_t out_key[VAULT_PUBLIC_KEY],
			    struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *file = NULL;
	size_t length;

	if (decode(text, strlen(text), out_key))
		return BL_OK;

	enum bl_status status = cli_read_file(text, KEY_FILE_LIMIT, &file, &length, why);

	if (status != BL_OK)
		return status;
	if (!decode(file, length, out_key))
		return bl_fail(why, BL_INVALID,
			       "'%s' holds no public key (64 hex digits, as bailee status shows)",
			       text);
	return BL_OK;
}

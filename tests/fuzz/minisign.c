/* Keys and signatures come from anywhere: any text is refused, or is a key that is printed as it was read. */
#include <stdlib.h>
#include <string.h>

#include "policy/sign/minisign.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void demand(bool is_true)
{
	if (!is_true)
		abort();
}

/* Nobody has signed with this key: RFC 8032, 7.1, test 1; its number is "minisign". */
static const struct minisign_key NOBODY = {
	.id = {'m', 'i', 'n', 'i', 's', 'i', 'g', 'n'},
	.bytes = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
		  0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
		  0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a}};

static void check_key(const char *text, size_t length)
{
	struct minisign_key key, again;
	char line[MINISIGN_KEY_LINE];

	if (minisign_key_parse(text, length, &key, NULL) != BL_OK)
		return;
	minisign_key_print(&key, line);
	demand(strlen(line) == MINISIGN_KEY_LINE - 1);
	demand(minisign_key_parse(line, strlen(line), &again, NULL) == BL_OK);
	demand(memcmp(&key, &again, sizeof(key)) == 0);
}

static void check_secret(const char *text, size_t length)
{
	struct minisign_secret *secret = NULL;
	char *signature = NULL;

	/* Without a password: how much work a file may ask for is in the unit test. */
	if (minisign_secret_parse(text, length, NULL, &secret, NULL) != BL_OK) {
		demand(!secret);
		return;
	}
	demand(minisign_sign(secret, (const uint8_t *)"x", 1, "serial:1", &signature, NULL) ==
	       BL_OK);
	free(signature);
	minisign_secret_free(secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes;
	char comment[MINISIGN_COMMENT];

	check_key(text, length);
	check_secret(text, length);
	demand(minisign_verify((const uint8_t *)"x", 1, text, length, &NOBODY, 1, comment, NULL) !=
	       BL_OK);
	return 0;
}

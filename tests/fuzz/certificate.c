/* Certificates come back from anywhere; nothing that we did not sign may verify. */
#include <sodium.h>
#include <stdlib.h>

#include "fs/retention/retention.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	/* RFC 8032, 7.1, test 1: nobody signs certificates with it. */
	static const uint8_t KEY[VAULT_PUBLIC_KEY] = {
		0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
		0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
		0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
	char *text = NULL;

	if (sodium_init() < 0)
		abort();
	if (retention_certificate_verify((const char *)bytes, length, KEY, RETENTION_HTML, &text,
					 NULL) == BL_OK)
		abort();
	if (text)
		abort();
	return 0;
}

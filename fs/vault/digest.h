/* digest.h - the digest of a whole image, as examiners compare it: SHA-256 (FIPS 180-4), what sha256sum prints
 *
 * By libcrypto, which has it in hardware: on one core two to three times what BLAKE2b reaches, and an intake waits for it.
 */
#ifndef FS_VAULT_DIGEST_H
#define FS_VAULT_DIGEST_H

#include "policy/base.h"

#define DIGEST_BYTES 32
#define DIGEST_NAME  "SHA-256"

struct digest;

/* digest_new - one under way; NULL: no memory. digest_again - from the start. Not for two threads at once */
struct digest *digest_new(void);
void digest_free(struct digest *digest);
BL_DEFINE_CLEANUP(struct digest, digest_free)
void digest_again(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t length);
/* digest_end - of all that was added; then digest_again is due */
void digest_end(struct digest *digest, uint8_t out[DIGEST_BYTES]);

#endif

#include "fs/vault/digest.h"

#include <openssl/evp.h>
#include <string.h>

/* libcrypto fails at none of these but for memory, and that once: a digest that failed is one that nothing equals. */
struct digest {
	EVP_MD_CTX *context;
	bool has_failed;
};

struct digest *digest_new(void)
{
	struct digest *digest = OPENSSL_zalloc(sizeof(*digest));

	if (!digest)
		return NULL;
	digest->context = EVP_MD_CTX_new();
	digest_again(digest);
	if (!digest->context || digest->has_failed) {
		digest_free(digest);
		return NULL;
	}
	return digest;
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context); /* cleansed by it */
	OPENSSL_free(digest);
}

void digest_again(struct digest *digest)
{
	digest->has_failed = EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1;
}

void digest_add(struct digest *digest, const void *bytes, size_t length)
{
	if (EVP_DigestUpdate(digest->context, bytes, length) != 1)
		digest->has_failed = true;
}

void digest_end(struct digest *digest, uint8_t out[DIGEST_BYTES])
{
	unsigned length = 0;

	if (EVP_DigestFinal_ex(digest->context, out, &length) != 1 || length != DIGEST_BYTES ||
	    digest->has_failed)
		memset(out, 0, DIGEST_BYTES);
}

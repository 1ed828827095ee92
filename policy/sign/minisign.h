/* minisign.h - signatures of policies, in minisign's format (https://jedisct1.github.io/minisign/, Ed25519, BLAKE2b-512)
 *
 * What `minisign -Sm FILE` writes beside a file is verified here, and what is signed here minisign verifies. Both of
 * minisign's algorithms are read: "Ed" (the file itself is signed) and "ED" (its BLAKE2b-512 is; what we write).
 */
#ifndef POLICY_SIGN_MINISIGN_H
#define POLICY_SIGN_MINISIGN_H

#include "policy/base.h"

#define MINISIGN_TEXT_LIMIT 4096 /* of a key file or a signature file */
#define MINISIGN_COMMENT    256	 /* of a trusted comment, with NUL; one line */

struct minisign_key {
	uint8_t id[8];
	uint8_t bytes[32];
};

/*
 * minisign_key_parse - a public key: the whole key file, or its base64 line alone
 * minisign_key_print - the base64 line (56 characters) and a NUL
 */
#define MINISIGN_KEY_LINE 57
enum bl_status minisign_key_parse(const char *text, size_t length, struct minisign_key *out_key,
				  struct bl_error *why) BL_MUST_CHECK;
void minisign_key_print(const struct minisign_key *key, char out[MINISIGN_KEY_LINE]);

/*
 * minisign_verify - is @signature (the whole .minisig text) one over @bytes by one of @keys, its trusted comment too?
 *
 * @out_comment  the trusted comment, control characters refused; may be NULL
 * BL_OK, BL_NOT_VERIFIED (by none of these keys, or not of these bytes), BL_INVALID (no signature in minisign's format)
 */
enum bl_status minisign_verify(const uint8_t *bytes, size_t length, const char *signature,
			       size_t signature_length, const struct minisign_key *keys,
			       size_t key_count, char out_comment[MINISIGN_COMMENT],
			       struct bl_error *why) BL_MUST_CHECK;

/* A secret key in guarded memory. */
struct minisign_secret;
void minisign_secret_free(struct minisign_secret *secret);
BL_DEFINE_CLEANUP(struct minisign_secret, minisign_secret_free)
/*
 * minisign_secret_parse - a secret key file, with the password that protects it (NULL: it has none)
 *
 * BL_OK, BL_FORBIDDEN (wrong password, or one is needed), BL_INVALID, BL_NO_MEMORY
 */
enum bl_status minisign_secret_parse(const char *text, size_t length, const char *password,
				     struct minisign_secret **out_secret,
				     struct bl_error *why) BL_MUST_CHECK;
/*
 * minisign_generate - a new pair: both files' texts, NUL-terminated, owned by the caller (bl_free; wipe the secret one)
 *
 * @password  NULL: the secret key file is not protected
 */
enum bl_status minisign_generate(const char *password, char **out_secret, char **out_public,
				 struct bl_error *why) BL_MUST_CHECK;
/* minisign_sign - the text of the .minisig file ("ED"), owned by the caller; @comment one line, trusted */
enum bl_status minisign_sign(const struct minisign_secret *secret, const uint8_t *bytes,
			     size_t length, const char *comment, char **out_signature,
			     struct bl_error *why) BL_MUST_CHECK;

#endif

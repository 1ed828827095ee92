/* signed.h - private to fs/audit: what checkpoints and tombstones share as signed notes
 *
 * C2SP signed-note (https://c2sp.org/signed-note): a text, an empty line, and lines "- name base64(key id || signature)", with an em
 * dash. Ours have one such line and fields of fixed width.
 */
#ifndef FS_AUDIT_SIGNED_H
#define FS_AUDIT_SIGNED_H

#include "fs/audit/format.h"

#define SIGNED_DIGITS	 20u /* of every number */
#define SIGNED_CHAIN	 44u /* characters of a chain in base64 */
#define SIGNED_SIGNATURE 92u /* characters of key id and signature in base64 */
/* Bytes of a note whose text has @text bytes and whose name has @name bytes. */
#define SIGNED_SIZE(text, name) ((text) + 1u + 3u + 1u + (name) + 1u + SIGNED_SIGNATURE + 1u)

/* signed_finish - put the signature behind the @length bytes of text at @note, which has room for SIGNED_SIZE and a NUL */
void signed_finish(const char *name, const struct vault *vault, char *note, size_t length);
/*
 * signed_ok - is the note behind the text as it should be, to the byte, and signed?
 *
 * @size        of the note, checked by the caller to be SIGNED_SIZE
 * @public_key  NULL: form only
 */
bool signed_ok(const char *name, const char *note, size_t length, size_t size,
	       const uint8_t public_key[VAULT_PUBLIC_KEY]);

bool signed_number(const char digits[SIGNED_DIGITS], uint64_t *out);
bool signed_chain(const char chars[SIGNED_CHAIN], uint8_t out[AUDIT_DIGEST]);

#endif

#include "policy/sign/minisign.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/yaml/text.h"

/*
 * The format, as the page of minisign.h has it; every integer little-endian:
 *
 *   public     "Ed" id[8] key[32]
 *   secret     "Ed" kdf[2] "B2" salt[32] most-operations[8] most-memory[8] { id[8] key[64] check[32] }
 *   signature  "Ed" or "ED" id[8] signature[64]
 *
 * What stands in braces is XORed with scrypt(password, salt) when kdf is "Sc". check is BLAKE2b-256 of "Ed", id and key;
 * without a password minisign leaves it, salt and both limits zero.
 */
#define ALGORITHM_SIZE 2
#define ID_SIZE	       8
#define PUBLIC_SIZE    (ALGORITHM_SIZE + ID_SIZE + crypto_sign_PUBLICKEYBYTES)
#define SIGNATURE_SIZE (ALGORITHM_SIZE + ID_SIZE + crypto_sign_BYTES)
#define SALT_SIZE      32
#define CHECK_SIZE     32
#define HIDDEN_SIZE    (ID_SIZE + crypto_sign_SECRETKEYBYTES + CHECK_SIZE)

enum {
	AT_KDF = 2,
	AT_CHECK_ALGORITHM = 4,
	AT_SALT = 6,
	AT_OPERATIONS = 38,
	AT_MEMORY = 46,
	AT_HIDDEN = 54,
	SECRET_SIZE = 158
};

#define UNTRUSTED "untrusted comment: "
#define TRUSTED	  "trusted comment: "

struct minisign_secret {
	uint8_t id[ID_SIZE];
	uint8_t key[crypto_sign_SECRETKEYBYTES];
};

/* ---- texts -------------------------------------------------------------------------------------- */

struct text {
	const char *at;
	size_t left;
};

struct line {
	const char *at;
	size_t length;
};

/* The next line, without its end; false at the end of the text. */
static bool take_line(struct text *text, struct line *out_line)
{
	if (text->left == 0)
		return false;

	const char *end = memchr(text->at, '\n', text->left);
	size_t length = end ? (size_t)(end - text->at) : text->left;

	*out_line = (struct line){text->at, length};
	text->at += length + (end ? 1 : 0);
	text->left -= length + (end ? 1 : 0);
	if (length && out_line->at[length - 1] == '\r')
		out_line->length--;
	return true;
}

static bool is_ended(struct text *text)
{
	struct line line;

	while (take_line(text, &line))
		if (line.length)
			return false;
	return true;
}

static bool take_prefix(struct line *line, const char *prefix)
{
	size_t length = strlen(prefix);

	if (line->length < length || memcmp(line->at, prefix, length) != 0)
		return false;
	line->at += length;
	line->length -= length;
	return true;
}

/* Exactly @size bytes, in base64 that has one way to be written. */
static bool decode(const struct line *line, uint8_t *out, size_t size)
{
	size_t length = 0;

	return line->length ==
		       sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_ORIGINAL) - 1 &&
	       sodium_base642bin(out, size, line->at, line->length, NULL, &length, NULL,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       length == size;
}

static enum bl_status not_a(struct bl_error *why, const char *what, const char *fault)
{
	return bl_fail(why, BL_INVALID, "no %s in minisign's format: %s", what, fault);
}

/* "untrusted comment: ..." and a line of base64: how every file of minisign begins. */
static enum bl_status take_bytes(struct text *text, const char *what, uint8_t *out, size_t size,
				 struct bl_error *why)
{
	struct line line;

	if (text->left > MINISIGN_TEXT_LIMIT)
		return not_a(why, what, "it is too long");
	if (!take_line(text, &line) || !take_prefix(&line, UNTRUSTED))
		return not_a(why, what, "its first line is not '" UNTRUSTED "...'");
	if (!take_line(text, &line) || !decode(&line, out, size))
		return not_a(why, what, "its second line is not the base64 of one");
	return BL_OK;
}

/* minisign tells a key by its number, as this. */
static unsigned long long shown_id(const uint8_t id[ID_SIZE])
{
	return bl_get64(id);
}

/* ---- public keys ----------------------------------------------------------------------------------- */

enum bl_status minisign_key_parse(const char *text, size_t length, struct minisign_key *out_key,
				  struct bl_error *why)
{
	struct text rest = {text, length};
	struct line line;
	uint8_t bytes[PUBLIC_SIZE];
	enum bl_status status = BL_OK;

	if (length <= MINISIGN_TEXT_LIMIT && take_line(&rest, &line) &&
	    !decode(&line, bytes, sizeof(bytes))) {
		rest = (struct text){text, length};
		status = take_bytes(&rest, "public key", bytes, sizeof(bytes), why);
	} else if (length == 0 || length > MINISIGN_TEXT_LIMIT) {
		status = not_a(why, "public key", length ? "it is too long" : "it is empty");
	}
	if (status != BL_OK)
		return status;
	if (!is_ended(&rest))
		return not_a(why, "public key", "something follows it");
	if (memcmp(bytes, "Ed", ALGORITHM_SIZE) != 0)
		return not_a(why, "public key", "it is of an algorithm that we do not know");
	memcpy(out_key->id, bytes + ALGORITHM_SIZE, ID_SIZE);
	memcpy(out_key->bytes, bytes + ALGORITHM_SIZE + ID_SIZE, crypto_sign_PUBLICKEYBYTES);
	return BL_OK;
}

void minisign_key_print(const struct minisign_key *key, char out[MINISIGN_KEY_LINE])
{
	uint8_t bytes[PUBLIC_SIZE] = {'E', 'd'};

	memcpy(bytes + ALGORITHM_SIZE, key->id, ID_SIZE);
	memcpy(bytes + ALGORITHM_SIZE + ID_SIZE, key->bytes, sizeof(key->bytes));
	sodium_bin2base64(out, MINISIGN_KEY_LINE, bytes, sizeof(bytes),
			  sodium_base64_VARIANT_ORIGINAL);
}

/* ---- verifying ------------------------------------------------------------------------------------- */

struct signature {
	bool is_hashed; /* "ED": of the BLAKE2b-512 of the bytes */
	uint8_t id[ID_SIZE];
	/* The trusted comment is signed together with the signature before it: they lie as they are signed. */
	uint8_t bytes[crypto_sign_BYTES + MINISIGN_COMMENT];
	size_t comment_length;
	uint8_t global[crypto_sign_BYTES];
};

static enum bl_status take_comment(struct text *text, struct signature *signature,
				   struct bl_error *why)
{
	struct line line;
	const char *fault, *fix;
	size_t offset;

	if (!take_line(text, &line) || !take_prefix(&line, TRUSTED))
		return not_a(why, "signature", "its third line is not '" TRUSTED "...'");
	if (line.length >= MINISIGN_COMMENT)
		return not_a(why, "signature", "its trusted comment is too long");
	if (memchr(line.at, '\0', line.length) ||
	    !text_scan(line.at, line.length, &offset, &fault, &fix))
		return not_a(why, "signature", "its trusted comment holds what nobody can see");
	memcpy(signature->bytes + crypto_sign_BYTES, line.at, line.length);
	signature->comment_length = line.length;
	return BL_OK;
}

static enum bl_status parse_signature(const char *bytes, size_t length, struct signature *signature,
				      struct bl_error *why)
{
	struct text text = {bytes, length};
	struct line line;
	uint8_t first[SIGNATURE_SIZE];
	enum bl_status status = take_bytes(&text, "signature", first, sizeof(first), why);

	if (status != BL_OK)
		return status;
	signature->is_hashed = memcmp(first, "ED", ALGORITHM_SIZE) == 0;
	if (!signature->is_hashed && memcmp(first, "Ed", ALGORITHM_SIZE) != 0)
		return not_a(why, "signature", "it is of an algorithm that we do not know");
	memcpy(signature->id, first + ALGORITHM_SIZE, ID_SIZE);
	memcpy(signature->bytes, first + ALGORITHM_SIZE + ID_SIZE, crypto_sign_BYTES);
	status = take_comment(&text, signature, why);
	if (status != BL_OK)
		return status;
	if (!take_line(&text, &line) || !decode(&line, signature->global, crypto_sign_BYTES))
		return not_a(why, "signature", "its fourth line is not the base64 of one");
	return is_ended(&text) ? BL_OK : not_a(why, "signature", "something follows it");
}

static bool is_by(const struct signature *signature, const struct minisign_key *key,
		  const uint8_t *bytes, size_t length)
{
	uint8_t hash[crypto_generichash_BYTES_MAX];

	if (signature->is_hashed) {
		crypto_generichash(hash, sizeof(hash), bytes, length, NULL, 0);
		bytes = hash;
		length = sizeof(hash);
	}
	return crypto_sign_verify_detached(signature->bytes, bytes, length, key->bytes) == 0 &&
	       crypto_sign_verify_detached(signature->global, signature->bytes,
					   crypto_sign_BYTES + signature->comment_length,
					   key->bytes) == 0;
}

enum bl_status minisign_verify(const uint8_t *bytes, size_t length, const char *signature,
			       size_t signature_length, const struct minisign_key *keys,
			       size_t key_count, char out_comment[MINISIGN_COMMENT],
			       struct bl_error *why)
{
	struct signature parsed;
	bool is_known = false;
	enum bl_status status = parse_signature(signature, signature_length, &parsed, why);

	if (status != BL_OK)
		return status;
	for (size_t i = 0; i < key_count; i++) {
		if (memcmp(keys[i].id, parsed.id, ID_SIZE) != 0)
			continue;
		is_known = true;
		if (!is_by(&parsed, &keys[i], bytes, length))
			continue;
		if (out_comment) {
			memcpy(out_comment, parsed.bytes + crypto_sign_BYTES,
			       parsed.comment_length);
			out_comment[parsed.comment_length] = '\0';
		}
		return BL_OK;
	}
	if (!is_known)
		return bl_fail(why, BL_NOT_VERIFIED,
			       "signed by key %llX, which is none of those trusted here",
			       shown_id(parsed.id));
	return bl_fail(
		why, BL_NOT_VERIFIED,
		"this is not what key %llX signed (changed since, or the signature of another "
		"file)",
		shown_id(parsed.id));
}

/* ---- secret keys ------------------------------------------------------------------------------------ */

void minisign_secret_free(struct minisign_secret *secret)
{
	sodium_free(secret); /* wipes */
}

static void wiped_free(uint8_t *bytes)
{
	sodium_free(bytes);
}
BL_DEFINE_CLEANUP(uint8_t, wiped_free)

static void check_of(const uint8_t *hidden, uint8_t out[CHECK_SIZE])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, CHECK_SIZE);
	crypto_generichash_update(&state, (const uint8_t *)"Ed", ALGORITHM_SIZE);
	crypto_generichash_update(&state, hidden, HIDDEN_SIZE - CHECK_SIZE);
	crypto_generichash_final(&state, out, CHECK_SIZE);
}

/* Hide or show what the password protects, in place: one and the same. */
static enum bl_status cover(uint8_t *bytes, const char *password, struct bl_error *why)
{
	BL_CLEANUP(wiped_free) uint8_t *stream = sodium_malloc(HIDDEN_SIZE);
	uint64_t operations = bl_get64(bytes + AT_OPERATIONS);
	uint64_t memory = bl_get64(bytes + AT_MEMORY);

	/* The file says how much work it is: never more than minisign itself asks. */
	if (operations > crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE ||
	    memory > crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE)
		return not_a(why, "secret key", "it asks for more work than minisign does");
	if (!stream ||
	    crypto_pwhash_scryptsalsa208sha256(stream, HIDDEN_SIZE, password, strlen(password),
					       bytes + AT_SALT, operations, memory) != 0)
		return bl_fail(why, BL_NO_MEMORY,
			       "out of memory for the password (it takes %llu MiB)",
			       (unsigned long long)memory >> 20);
	for (size_t i = 0; i < HIDDEN_SIZE; i++)
		bytes[AT_HIDDEN + i] ^= stream[i];
	return BL_OK;
}

static enum bl_status uncover(uint8_t *bytes, const char *password, struct bl_error *why)
{
	uint8_t check[CHECK_SIZE];

	if (sodium_is_zero(bytes + AT_KDF, ALGORITHM_SIZE))
		return BL_OK;
	if (memcmp(bytes + AT_KDF, "Sc", ALGORITHM_SIZE) != 0)
		return not_a(why, "secret key", "it is protected in a way that we do not know");
	if (!password)
		return bl_fail(why, BL_FORBIDDEN, "the secret key is protected by a password");

	enum bl_status status = cover(bytes, password, why);

	if (status != BL_OK)
		return status;
	check_of(bytes + AT_HIDDEN, check);
	if (sodium_memcmp(check, bytes + SECRET_SIZE - CHECK_SIZE, CHECK_SIZE) != 0)
		return bl_fail(why, BL_FORBIDDEN, "that is not the password of this secret key");
	return BL_OK;
}

/* A secret whose public half is another's gives the secret away with its first signature. */
static bool is_whole(const uint8_t *key)
{
	uint8_t public[crypto_sign_PUBLICKEYBYTES];
	BL_CLEANUP(wiped_free) uint8_t *secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);

	return secret && crypto_sign_seed_keypair(public, secret, key) == 0 &&
	       sodium_memcmp(secret, key, crypto_sign_SECRETKEYBYTES) == 0;
}

enum bl_status minisign_secret_parse(const char *text, size_t length, const char *password,
				     struct minisign_secret **out_secret, struct bl_error *why)
{
	struct text rest = {text, length};

	if (sodium_init() < 0)
		return bl_fail(why, BL_FAILED, "libsodium does not start");

	BL_CLEANUP(wiped_free) uint8_t *bytes = sodium_malloc(SECRET_SIZE);
	BL_CLEANUP(minisign_secret_free)
	struct minisign_secret *secret = sodium_malloc(sizeof(*secret));

	if (!bytes || !secret)
		return bl_fail(why, BL_NO_MEMORY, "out of locked memory");

	enum bl_status status = take_bytes(&rest, "secret key", bytes, SECRET_SIZE, why);

	if (status != BL_OK)
		return status;
	if (!is_ended(&rest))
		return not_a(why, "secret key", "something follows it");
	if (memcmp(bytes, "Ed", ALGORITHM_SIZE) != 0 ||
	    memcmp(bytes + AT_CHECK_ALGORITHM, "B2", ALGORITHM_SIZE) != 0)
		return not_a(why, "secret key", "it is of an algorithm that we do not know");
	status = uncover(bytes, password, why);
	if (status != BL_OK)
		return status;
	if (!is_whole(bytes + AT_HIDDEN + ID_SIZE))
		return not_a(why, "secret key", "it is damaged");
	memcpy(secret->id, bytes + AT_HIDDEN, ID_SIZE);
	memcpy(secret->key, bytes + AT_HIDDEN + ID_SIZE, sizeof(secret->key));
	*out_secret = BL_TAKE(secret);
	return BL_OK;
}

/* ---- making ---------------------------------------------------------------------------------------- */

/* A text begun: it has its room from the start, so that growing leaves no copy of a secret behind. */
static char *new_text(void)
{
	return calloc(1, MINISIGN_TEXT_LIMIT);
}

static void add(char *text, const char *more)
{
	size_t at = strlen(text);

	snprintf(text + at, MINISIGN_TEXT_LIMIT - at, "%s", more);
}

static void add_base64(char *text, const uint8_t *bytes, size_t length)
{
	size_t at = strlen(text);

	sodium_bin2base64(text + at, MINISIGN_TEXT_LIMIT - at, bytes, length,
			  sodium_base64_VARIANT_ORIGINAL);
	add(text, "\n");
}

static enum bl_status protect(uint8_t *bytes, const char *password, struct bl_error *why)
{
	if (!password)
		return BL_OK;
	memcpy(bytes + AT_KDF, "Sc", ALGORITHM_SIZE);
	randombytes_buf(bytes + AT_SALT, SALT_SIZE);
	bl_put64(bytes + AT_OPERATIONS, crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE);
	bl_put64(bytes + AT_MEMORY, crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE);
	check_of(bytes + AT_HIDDEN, bytes + SECRET_SIZE - CHECK_SIZE);
	return cover(bytes, password, why);
}

enum bl_status minisign_generate(const char *password, char **out_secret, char **out_public,
				 struct bl_error *why)
{
	struct minisign_key key;
	char line[MINISIGN_KEY_LINE], number[17];

	if (sodium_init() < 0)
		return bl_fail(why, BL_FAILED, "libsodium does not start");

	BL_CLEANUP(wiped_free) uint8_t *bytes = sodium_malloc(SECRET_SIZE);
	BL_CLEANUP(bl_free) char *secret = new_text();
	BL_CLEANUP(bl_free) char *public = new_text();

	if (!bytes || !secret || !public)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	memset(bytes, 0, SECRET_SIZE);
	memcpy(bytes, "Ed", ALGORITHM_SIZE);
	memcpy(bytes + AT_CHECK_ALGORITHM, "B2", ALGORITHM_SIZE);
	randombytes_buf(key.id, sizeof(key.id));
	memcpy(bytes + AT_HIDDEN, key.id, ID_SIZE);
	crypto_sign_keypair(key.bytes, bytes + AT_HIDDEN + ID_SIZE);

	enum bl_status status = protect(bytes, password, why);

	if (status != BL_OK)
		return status;
	add(secret, password ? UNTRUSTED "minisign encrypted secret key\n"
			     : UNTRUSTED "minisign secret key, no password\n");
	add_base64(secret, bytes, SECRET_SIZE);
	minisign_key_print(&key, line);
	snprintf(number, sizeof(number), "%llX", shown_id(key.id));
	add(public, UNTRUSTED "minisign public key ");
	add(public, number);
	add(public, "\n");
	add(public, line);
	add(public, "\n");
	*out_secret = BL_TAKE(secret);
	*out_public = BL_TAKE(public);
	return BL_OK;
}

enum bl_status minisign_sign(const struct minisign_secret *secret, const uint8_t *bytes,
			     size_t length, const char *comment, char **out_signature,
			     struct bl_error *why)
{
	uint8_t hash[crypto_generichash_BYTES_MAX], first[SIGNATURE_SIZE] = {'E', 'D'};
	uint8_t signed_with_comment[crypto_sign_BYTES + MINISIGN_COMMENT];
	uint8_t global[crypto_sign_BYTES];
	uint8_t *signature = first + ALGORITHM_SIZE + ID_SIZE;
	size_t comment_length = strlen(comment), offset;
	const char *fault, *fix;

	if (comment_length >= MINISIGN_COMMENT || strpbrk(comment, "\r\n") ||
	    !text_scan(comment, comment_length, &offset, &fault, &fix))
		return bl_fail(why, BL_INVALID,
			       "a trusted comment is one line of at most %d bytes of plain text",
			       MINISIGN_COMMENT - 1);

	BL_CLEANUP(bl_free) char *text = new_text();

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	crypto_generichash(hash, sizeof(hash), bytes, length, NULL, 0);
	memcpy(first + ALGORITHM_SIZE, secret->id, ID_SIZE);
	crypto_sign_detached(signature, NULL, hash, sizeof(hash), secret->key);
	memcpy(signed_with_comment, signature, crypto_sign_BYTES);
	memcpy(signed_with_comment + crypto_sign_BYTES, comment, comment_length);
	crypto_sign_detached(global, NULL, signed_with_comment, crypto_sign_BYTES + comment_length,
			     secret->key);
	add(text, UNTRUSTED "signed by Bailee, in minisign's format\n");
	add_base64(text, first, sizeof(first));
	add(text, TRUSTED);
	add(text, comment);
	add(text, "\n");
	add_base64(text, global, sizeof(global));
	*out_signature = BL_TAKE(text);
	return BL_OK;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sign/minisign.h"

/*
 * Made for this test with Debian's minisign 0.11 (-G -W; -S with -t, and with -l for the old algorithm) over
 * "bailee: 1\n"; the key signs nothing else.
 */
static const char MESSAGE[] = "bailee: 1\n";
#define PUBLIC_LINE "RWSMUWhC3WQV1Tb3BGBLnBfX3hBCzjXHqvZIbsJmMp3g2QaOTjELv9fQ"
#define HASHED_SIGNATURE                                                                           \
	"RUSMUWhC3WQV1bG4PyMxxG5n7ddPuhGjfM2pg2/GVmbJPN0Y7Xwr9mz1V9LzdHeE/"                        \
	"Iy4pBV3JUZfXgz2E+aW+l8Re9S92hZiyQo="
#define HASHED_GLOBAL                                                                              \
	"8nEMGl79nHc/amxqgkOWHCCYcb7LodC08ENVf0oWrwsEUM1t5ilV5C6AFq1W3OV5cYb+xSkwkwKtFWWOz+3iCg=="
#define LEGACY_SIGNATURE                                                                           \
	"RWSMUWhC3WQV1dWADZPQ/62Spck7rbwEWWkryJ6d73n0sS7nT9pFzqhwxpdcLO/"                          \
	"IZsf+kf7wQn2ELZVO5A7n9axWkRlYkmHmNQE="
#define LEGACY_GLOBAL                                                                              \
	"oMdmLFNoanJPTIptkmufUnwn+I/SccBJvm8C1TRvHj6ajmImWNeFmMUW4JXqg6rg8ARLuqa4QqDhKZnSuSt5Dw=="
#define PUBLIC "untrusted comment: minisign public key of a test\n" PUBLIC_LINE "\n"
#define HASHED                                                                                     \
	"untrusted comment: x\n" HASHED_SIGNATURE                                                  \
	"\ntrusted comment: the desk, July\n" HASHED_GLOBAL "\n"
#define LEGACY                                                                                     \
	"untrusted comment: x\n" LEGACY_SIGNATURE                                                  \
	"\ntrusted comment: the desk, July\n" LEGACY_GLOBAL "\n"

struct pair {
	char *secret_text, *public_text;
	struct minisign_secret *secret;
	struct minisign_key key;
};

static void make_pair(struct pair *pair)
{
	assert_int_equal(minisign_generate(NULL, &pair->secret_text, &pair->public_text, NULL),
			 BL_OK);
	assert_int_equal(minisign_secret_parse(pair->secret_text, strlen(pair->secret_text), NULL,
					       &pair->secret, NULL),
			 BL_OK);
	assert_int_equal(
		minisign_key_parse(pair->public_text, strlen(pair->public_text), &pair->key, NULL),
		BL_OK);
}

static void drop_pair(struct pair *pair)
{
	free(pair->secret_text);
	free(pair->public_text);
	minisign_secret_free(pair->secret);
}

static enum bl_status verify(const char *message, const char *signature,
			     const struct minisign_key *key, char comment[MINISIGN_COMMENT])
{
	return minisign_verify((const uint8_t *)message, strlen(message), signature,
			       strlen(signature), key, 1, comment, NULL);
}

static void what_minisign_signs_is_verified(void **state)
{
	static const char *const SIGNATURES[] = {HASHED, LEGACY};
	char comment[MINISIGN_COMMENT];
	struct minisign_key key;

	(void)state;
	assert_int_equal(minisign_key_parse(PUBLIC, strlen(PUBLIC), &key, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(SIGNATURES); i++) {
		assert_int_equal(verify(MESSAGE, SIGNATURES[i], &key, comment), BL_OK);
		assert_string_equal(comment, "the desk, July");
		assert_int_equal(verify("bailee: 2\n", SIGNATURES[i], &key, NULL), BL_NOT_VERIFIED);
		assert_int_equal(verify("", SIGNATURES[i], &key, NULL), BL_NOT_VERIFIED);
	}
}

static void what_is_signed_is_verified_and_nothing_else(void **state)
{
	struct pair pair = {0}, other = {0};
	struct minisign_key keys[3];
	char comment[MINISIGN_COMMENT], *signature = NULL;

	(void)state;
	make_pair(&pair);
	make_pair(&other);
	assert_int_equal(minisign_sign(pair.secret, (const uint8_t *)MESSAGE, strlen(MESSAGE),
				       "serial 7\tthe desk", &signature, NULL),
			 BL_OK);
	assert_int_equal(verify(MESSAGE, signature, &pair.key, comment), BL_OK);
	assert_string_equal(comment, "serial 7\tthe desk");
	assert_int_equal(verify("bailee: 2\n", signature, &pair.key, NULL), BL_NOT_VERIFIED);
	assert_int_equal(verify(MESSAGE, signature, &other.key, NULL), BL_NOT_VERIFIED);

	/* The number of a key is not the key. */
	keys[0] = keys[1] = other.key;
	memcpy(keys[1].id, pair.key.id, sizeof(keys[1].id));
	keys[2] = pair.key;
	assert_int_equal(verify(MESSAGE, signature, &keys[1], NULL), BL_NOT_VERIFIED);
	assert_int_equal(minisign_verify((const uint8_t *)MESSAGE, strlen(MESSAGE), signature,
					 strlen(signature), keys, 2, NULL, NULL),
			 BL_NOT_VERIFIED);
	assert_int_equal(minisign_verify((const uint8_t *)MESSAGE, strlen(MESSAGE), signature,
					 strlen(signature), keys, 3, NULL, NULL),
			 BL_OK);
	assert_int_equal(minisign_verify((const uint8_t *)MESSAGE, strlen(MESSAGE), signature,
					 strlen(signature), keys, 0, NULL, NULL),
			 BL_NOT_VERIFIED);
	free(signature);
	drop_pair(&pair);
	drop_pair(&other);
}

/* A changed byte anywhere but in the first line's comment must not be taken for signed. */
static void every_byte_of_a_signature_counts(void **state)
{
	struct pair pair = {0};
	char *signature = NULL;

	(void)state;
	make_pair(&pair);
	assert_int_equal(minisign_sign(pair.secret, (const uint8_t *)MESSAGE, strlen(MESSAGE),
				       "serial 7", &signature, NULL),
			 BL_OK);

	size_t length = strlen(signature);
	size_t free_comment = strlen("untrusted comment: ");
	size_t begin = (size_t)(strchr(signature, '\n') - signature);

	for (size_t i = 0; i < length - 1; i++) {
		char kept = signature[i];

		if (i >= free_comment && i < begin)
			continue;
		signature[i] = kept == 'A' ? 'B' : 'A';

		enum bl_status status = verify(MESSAGE, signature, &pair.key, NULL);

		if (status != BL_NOT_VERIFIED && status != BL_INVALID)
			fail_msg("byte %zu changed: %s", i, bl_status_name(status));
		signature[i] = kept;
		/* And cut there. */
		status = minisign_verify((const uint8_t *)MESSAGE, strlen(MESSAGE), signature, i,
					 &pair.key, 1, NULL, NULL);
		if (status != BL_INVALID)
			fail_msg("cut at byte %zu: %s", i, bl_status_name(status));
	}
	assert_int_equal(verify(MESSAGE, signature, &pair.key, NULL), BL_OK);
	free(signature);
	drop_pair(&pair);
}

/* The same four lines, put together with other parts. */
static void texts_that_are_no_signature_are_invalid(void **state)
{
#define FIRST  "untrusted comment: x\n"
#define SIGNED HASHED_SIGNATURE "\n"
#define THIRD  "trusted comment: the desk, July\n"
#define LAST   HASHED_GLOBAL "\n"
#define LONG   "0123456789012345678901234567890123456789012345678901234567890123"
	static const struct {
		const char *what, *text;
		enum bl_status expected;
	} ROWS[] = {
		{"as it is", FIRST SIGNED THIRD LAST, BL_OK},
		{"no last line end", FIRST SIGNED THIRD HASHED_GLOBAL, BL_OK},
		{"empty lines at the end", FIRST SIGNED THIRD LAST "\n\r\n", BL_OK},
		{"lines that end in CR LF",
		 "untrusted comment: x\r\n" HASHED_SIGNATURE
		 "\r\ntrusted comment: the desk, July\r\n" HASHED_GLOBAL "\r\n",
		 BL_OK},
		{"something behind it", FIRST SIGNED THIRD LAST "x", BL_INVALID},
		{"no first comment", SIGNED THIRD LAST, BL_INVALID},
		{"no trusted comment", FIRST SIGNED LAST, BL_INVALID},
		{"trusted comment without its word", FIRST SIGNED "the desk, July\n" LAST,
		 BL_INVALID},
		{"another trusted comment", FIRST SIGNED "trusted comment: the lab, July\n" LAST,
		 BL_NOT_VERIFIED},
		{"a longer trusted comment", FIRST SIGNED "trusted comment: the desk, July \n" LAST,
		 BL_NOT_VERIFIED},
		{"an escape in it", FIRST SIGNED "trusted comment: \x1b[2Jx\n" LAST, BL_INVALID},
		{"bidi in it", FIRST SIGNED "trusted comment: \xe2\x80\xae\n" LAST, BL_INVALID},
		{"not UTF-8", FIRST SIGNED "trusted comment: \xff\n" LAST, BL_INVALID},
		{"a trusted comment of 256 bytes",
		 FIRST SIGNED "trusted comment: " LONG LONG LONG LONG "\n" LAST, BL_INVALID},
		{"base64 with a space", FIRST " " SIGNED THIRD LAST, BL_INVALID},
		{"global signature missing", FIRST SIGNED THIRD, BL_INVALID},
		{"signatures exchanged", FIRST LAST THIRD SIGNED, BL_INVALID},
		{"global signature of zeros",
		 FIRST SIGNED THIRD
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		 "AAAAAAAAAAAAAAAAAAAAAA==\n",
		 BL_NOT_VERIFIED},
		{"nothing", "", BL_INVALID},
		{"a public key", PUBLIC, BL_INVALID},
	};
	struct minisign_key key;

	(void)state;
	assert_int_equal(minisign_key_parse(PUBLIC, strlen(PUBLIC), &key, NULL), BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {{0}};
		enum bl_status status =
			minisign_verify((const uint8_t *)MESSAGE, strlen(MESSAGE), ROWS[i].text,
					strlen(ROWS[i].text), &key, 1, NULL, &why);

		if (status != ROWS[i].expected || (status != BL_OK && !why.text[0]))
			fail_msg("%s: %s: %s", ROWS[i].what, bl_status_name(status), why.text);
	}
}

static void public_keys_are_read_from_file_or_line(void **state)
{
	static const struct {
		const char *what, *text;
		enum bl_status expected;
	} ROWS[] = {
		{"file", PUBLIC, BL_OK},
		{"line", PUBLIC_LINE, BL_OK},
		{"line with its end", PUBLIC_LINE "\r\n", BL_OK},
		{"line with more", PUBLIC_LINE "A", BL_INVALID},
		{"two lines", PUBLIC_LINE "\n" PUBLIC_LINE "\n", BL_INVALID},
		{"cut", "untrusted comment: x\n", BL_INVALID},
		{"other algorithm", "QWSMUWhC3WQV1Tb3BGBLnBfX3hBCzjXHqvZIbsJmMp3g2QaOTjELv9fQ",
		 BL_INVALID},
		{"nothing", "", BL_INVALID},
		{"a signature", HASHED, BL_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct minisign_key key;
		char line[MINISIGN_KEY_LINE];
		enum bl_status status =
			minisign_key_parse(ROWS[i].text, strlen(ROWS[i].text), &key, NULL);

		if (status != ROWS[i].expected)
			fail_msg("%s: %s", ROWS[i].what, bl_status_name(status));
		if (status != BL_OK)
			continue;
		minisign_key_print(&key, line);
		assert_string_equal(line, PUBLIC_LINE);
	}
}

static void a_text_over_its_limit_is_invalid(void **state)
{
	char *text = malloc(MINISIGN_TEXT_LIMIT + 2);
	struct minisign_secret *secret = NULL;
	struct minisign_key key;

	(void)state;
	assert_non_null(text);
	strcpy(text, PUBLIC);
	memset(text + strlen(PUBLIC), '\n', MINISIGN_TEXT_LIMIT + 1 - strlen(PUBLIC));
	assert_int_equal(minisign_key_parse(text, MINISIGN_TEXT_LIMIT, &key, NULL), BL_OK);
	assert_int_equal(minisign_key_parse(text, MINISIGN_TEXT_LIMIT + 1, &key, NULL), BL_INVALID);
	strcpy(text, HASHED);
	memset(text + strlen(HASHED), '\n', MINISIGN_TEXT_LIMIT + 1 - strlen(HASHED));
	assert_int_equal(minisign_verify((const uint8_t *)MESSAGE, strlen(MESSAGE), text,
					 MINISIGN_TEXT_LIMIT, &key, 1, NULL, NULL),
			 BL_OK);
	assert_int_equal(minisign_verify((const uint8_t *)MESSAGE, strlen(MESSAGE), text,
					 MINISIGN_TEXT_LIMIT + 1, &key, 1, NULL, NULL),
			 BL_INVALID);
	assert_int_equal(minisign_secret_parse(text, MINISIGN_TEXT_LIMIT + 1, NULL, &secret, NULL),
			 BL_INVALID);
	assert_null(secret);
	free(text);
}

/* ---- secret keys, taken apart by the page of minisign.h ------------------------------------------- */

enum {
	SECRET_SIZE = 158,
	KDF = 2,
	CHECK_BY = 4,
	SALT = 6,
	OPERATIONS = 38,
	MEMORY = 46,
	HIDDEN = 54,
	KEY = 62,
	CHECK = 126
};

static void secret_text(const uint8_t bytes[SECRET_SIZE], char out[512])
{
	char line[256];

	sodium_bin2base64(line, sizeof(line), bytes, SECRET_SIZE, sodium_base64_VARIANT_ORIGINAL);
	snprintf(out, 512, "untrusted comment: a key of this test\n%s\n", line);
}

static void secret_bytes(const char *text, uint8_t out[SECRET_SIZE])
{
	const char *line = strchr(text, '\n') + 1;
	size_t length;

	assert_int_equal(sodium_base642bin(out, SECRET_SIZE, line, strlen(line), "\n", &length,
					   NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	assert_int_equal(length, SECRET_SIZE);
}

/* As the page says, with little work. */
static void protect(uint8_t bytes[SECRET_SIZE], const char *password)
{
	uint8_t stream[SECRET_SIZE - HIDDEN], checked[2 + CHECK - HIDDEN] = {'E', 'd'};

	memcpy(checked + 2, bytes + HIDDEN, CHECK - HIDDEN);
	crypto_generichash(bytes + CHECK, 32, checked, sizeof(checked), NULL, 0);
	memcpy(bytes + KDF, "Sc", 2);
	bl_put64(bytes + OPERATIONS, 32768);
	bl_put64(bytes + MEMORY, UINT64_C(16) << 20);
	memset(bytes + SALT, 0x5a, 32);
	assert_int_equal(crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), password,
							    strlen(password), bytes + SALT, 32768,
							    16 << 20),
			 0);
	for (size_t i = 0; i < sizeof(stream); i++)
		bytes[HIDDEN + i] ^= stream[i];
}

static enum bl_status parse_secret(const uint8_t bytes[SECRET_SIZE], const char *password)
{
	struct minisign_secret *secret = NULL;
	char text[512];

	secret_text(bytes, text);

	enum bl_status status = minisign_secret_parse(text, strlen(text), password, &secret, NULL);

	assert_true((status == BL_OK) == (secret != NULL));
	minisign_secret_free(secret);
	return status;
}

static void a_password_opens_the_key_it_protects(void **state)
{
	uint8_t bytes[SECRET_SIZE];
	struct pair pair = {0};

	(void)state;
	make_pair(&pair);
	secret_bytes(pair.secret_text, bytes);
	assert_int_equal(parse_secret(bytes, "not needed"), BL_OK);
	protect(bytes, "correct horse");
	assert_int_equal(parse_secret(bytes, "correct horse"), BL_OK);
	assert_int_equal(parse_secret(bytes, "correct horsf"), BL_FORBIDDEN);
	assert_int_equal(parse_secret(bytes, ""), BL_FORBIDDEN);
	assert_int_equal(parse_secret(bytes, NULL), BL_FORBIDDEN);
	for (size_t i = SALT; i < SECRET_SIZE; i += 7) {
		if (i >= OPERATIONS && i < HIDDEN)
			continue;
		bytes[i] ^= 1;
		if (parse_secret(bytes, "correct horse") != BL_FORBIDDEN)
			fail_msg("byte %zu is not checked", i);
		bytes[i] ^= 1;
	}
	drop_pair(&pair);
}

static void a_secret_key_file_is_hostile_too(void **state)
{
	static const struct {
		const char *what;
		size_t at, length;
		const char *bytes;
	} ROWS[] = {
		{"algorithm", 0, 2, "EE"},
		{"way of protection", KDF, 2, "Xx"},
		{"check's algorithm", CHECK_BY, 2, "B3"},
		{"work without end", OPERATIONS, 8, "\xff\xff\xff\xff\xff\xff\xff\x7f"},
		{"one more than minisign's work", OPERATIONS, 8, "\x01\0\0\x02\0\0\0"},
		{"memory without end", MEMORY, 8, "\0\0\0\0\0\x01\0"},
		{"one more than minisign's memory", MEMORY, 8, "\x01\0\0\x40\0\0\0"},
	};
	uint8_t bytes[SECRET_SIZE];
	struct pair pair = {0};

	(void)state;
	make_pair(&pair);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		secret_bytes(pair.secret_text, bytes);
		protect(bytes, "x");
		memcpy(bytes + ROWS[i].at, ROWS[i].bytes, ROWS[i].length);
		if (parse_secret(bytes, "x") != BL_INVALID)
			fail_msg("taken: %s", ROWS[i].what);
	}
	drop_pair(&pair);
}

/* One signature by a secret with another's public half lets anybody compute the secret. */
static void a_secret_with_another_public_half_signs_nothing(void **state)
{
	uint8_t bytes[SECRET_SIZE];
	struct pair pair = {0};

	(void)state;
	make_pair(&pair);
	for (size_t i = KEY; i < CHECK; i += 9) {
		secret_bytes(pair.secret_text, bytes);
		bytes[i] ^= 0x10;
		if (parse_secret(bytes, NULL) != BL_INVALID)
			fail_msg("byte %zu of the key is not checked", i - KEY);
		protect(bytes, "x");
		assert_int_equal(parse_secret(bytes, "x"), BL_INVALID);
	}
	drop_pair(&pair);
}

static void a_generated_key_has_the_password_it_was_given(void **state)
{
	struct minisign_secret *secret = NULL;
	struct minisign_key key;
	uint8_t bytes[SECRET_SIZE];
	char *text = NULL, *public_text = NULL;

	(void)state;
	assert_int_equal(minisign_generate("a password", &text, &public_text, NULL), BL_OK);
	assert_int_equal(minisign_key_parse(public_text, strlen(public_text), &key, NULL), BL_OK);
	secret_bytes(text, bytes);
	assert_memory_equal(bytes + KDF, "Sc", 2);
	/* minisign's own figures: 2^25 operations, 1 GiB */
	assert_int_equal(bl_get64(bytes + OPERATIONS), UINT64_C(1) << 25);
	assert_int_equal(bl_get64(bytes + MEMORY), UINT64_C(1) << 30);
	assert_null(memmem(bytes, sizeof(bytes), key.bytes, sizeof(key.bytes)));
	assert_null(memmem(bytes, sizeof(bytes), key.id, sizeof(key.id)));
	assert_int_equal(minisign_secret_parse(text, strlen(text), NULL, &secret, NULL),
			 BL_FORBIDDEN);
	assert_int_equal(minisign_secret_parse(text, strlen(text), "a password", &secret, NULL),
			 BL_OK);
	minisign_secret_free(secret);
	minisign_secret_free(NULL);
	free(text);
	free(public_text);
}

static void a_comment_that_would_be_another_line_is_not_signed(void **state)
{
	static const char *const COMMENTS[] = {"a\nb",	  "a\rb", "a\r\n",
					       "\x1b[2J", "\xff", "\xe2\x80\xae"};
	char at_limit[MINISIGN_COMMENT + 1], comment[MINISIGN_COMMENT], *signature = NULL;
	struct pair pair = {0};

	(void)state;
	make_pair(&pair);
	for (size_t i = 0; i < BL_COUNT(COMMENTS); i++)
		if (minisign_sign(pair.secret, (const uint8_t *)"x", 1, COMMENTS[i], &signature,
				  NULL) != BL_INVALID)
			fail_msg("signed: row %zu", i);
	memset(at_limit, 'x', sizeof(at_limit));
	at_limit[MINISIGN_COMMENT] = '\0';
	assert_int_equal(
		minisign_sign(pair.secret, (const uint8_t *)"x", 1, at_limit, &signature, NULL),
		BL_INVALID);
	at_limit[MINISIGN_COMMENT - 1] = '\0';
	assert_int_equal(
		minisign_sign(pair.secret, (const uint8_t *)"x", 1, at_limit, &signature, NULL),
		BL_OK);
	assert_int_equal(verify("x", signature, &pair.key, comment), BL_OK);
	assert_string_equal(comment, at_limit);
	free(signature);
	drop_pair(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_minisign_signs_is_verified),
		cmocka_unit_test(what_is_signed_is_verified_and_nothing_else),
		cmocka_unit_test(every_byte_of_a_signature_counts),
		cmocka_unit_test(texts_that_are_no_signature_are_invalid),
		cmocka_unit_test(public_keys_are_read_from_file_or_line),
		cmocka_unit_test(a_text_over_its_limit_is_invalid),
		cmocka_unit_test(a_password_opens_the_key_it_protects),
		cmocka_unit_test(a_secret_key_file_is_hostile_too),
		cmocka_unit_test(a_secret_with_another_public_half_signs_nothing),
		cmocka_unit_test(a_generated_key_has_the_password_it_was_given),
		cmocka_unit_test(a_comment_that_would_be_another_line_is_not_signed),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

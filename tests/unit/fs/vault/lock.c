/* Locks: each opens everything, no other secret opens anything, and nothing hostile is tried. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/vault/lock.h"
#include "fs/vault/slot.h"
#include "fs/vault/vault.h"

#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The cheapest that Argon2id has. */
static const struct lock_cost CHEAP = {.passes = 1, .memory = LOCK_MEMORY_LEAST};

struct folder {
	char path[64];
	int fd;
};

static int remove_one(const char *path, const struct stat *st BL_UNUSED, int type BL_UNUSED,
		      struct FTW *ftw BL_UNUSED)
{
	return remove(path);
}

static int setup(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -1;
	strcpy(folder->path, "/tmp/bailee-test-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = folder;
	return folder->fd >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct folder *folder = *state;

	close(folder->fd);
	nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(folder);
	return 0;
}

/* The secrets of the tests, by a short name. */
enum { NOTHING, PASS, OTHER_PASS, KEY_FILE, OTHER_FILE, CRED, OTHER_CRED, SECRET_COUNT };
static const char *const SECRETS[] = {
	[NOTHING] = NULL,
	[PASS] = "correct horse battery",
	[OTHER_PASS] = "correct horse batterz",
	[KEY_FILE] = "key file of thirty-two bytes ...",
	[OTHER_FILE] = "key file of thirty-two bytes ..!",
	[CRED] = "credential of thirty-two bytes .",
	[OTHER_CRED] = "credential of thirty-two bytes !",
};

static struct vault_secret secret_of(unsigned which)
{
	static const enum vault_lock_kind KINDS[] = {VAULT_LOCK_NONE,	    VAULT_LOCK_PASSPHRASE,
						     VAULT_LOCK_PASSPHRASE, VAULT_LOCK_KEY_FILE,
						     VAULT_LOCK_KEY_FILE,   VAULT_LOCK_CREDENTIAL,
						     VAULT_LOCK_CREDENTIAL};
	struct vault_secret secret = {.kind = KINDS[which],
				      .secret = (const uint8_t *)SECRETS[which],
				      .length = SECRETS[which] ? strlen(SECRETS[which]) : 0};

	if (secret.kind == VAULT_LOCK_CREDENTIAL)
		strcpy(secret.credential, "bailee.store-key_1");
	return secret;
}

/* A store with these locks and one device; @out_key of it. */
static void create(struct folder *folder, const unsigned *which, size_t count,
		   uint8_t out_key[VAULT_KEY])
{
	struct vault_secret secrets[VAULT_LOCKS];
	struct vault *vault = NULL;

	unlinkat(folder->fd, "keys", 0);
	for (size_t i = 0; i < count; i++)
		secrets[i] = secret_of(which[i]);
	assert_int_equal(vault_create_at_cost(folder->fd, secrets, count, &CHEAP, &vault, NULL),
			 BL_OK);
	assert_int_equal(vault_device_add(vault, "RMA-1", NULL), BL_OK);
	assert_int_equal(vault_device_key(vault, "RMA-1", VAULT_RECORD, out_key, NULL), BL_OK);
	vault_close(vault);
}

static void each_lock_opens_everything_and_nothing_else_does(void **state)
{
	static const struct {
		unsigned locks[VAULT_LOCKS], lock_count, given[2], given_count;
		enum bl_status opened;
	} ROWS[] = {
		{{NOTHING}, 0, {NOTHING}, 0, BL_OK},
		{{NOTHING}, 0, {NOTHING}, 1, BL_OK},
		{{NOTHING}, 1, {NOTHING}, 0, BL_OK},
		{{NOTHING}, 0, {PASS}, 1, BL_FORBIDDEN},
		{{NOTHING}, 0, {PASS, NOTHING}, 2, BL_OK},
		{{PASS}, 1, {PASS}, 1, BL_OK},
		{{PASS}, 1, {NOTHING}, 0, BL_FORBIDDEN},
		{{PASS}, 1, {NOTHING}, 1, BL_FORBIDDEN},
		{{PASS}, 1, {OTHER_PASS}, 1, BL_FORBIDDEN},
		{{PASS}, 1, {OTHER_PASS, PASS}, 2, BL_OK},
		{{PASS}, 1, {KEY_FILE, PASS}, 2, BL_OK},
		{{KEY_FILE}, 1, {KEY_FILE}, 1, BL_OK},
		{{KEY_FILE}, 1, {OTHER_FILE}, 1, BL_FORBIDDEN},
		{{KEY_FILE}, 1, {PASS}, 1, BL_FORBIDDEN},
		{{CRED}, 1, {CRED}, 1, BL_OK},
		{{CRED}, 1, {OTHER_CRED}, 1, BL_FORBIDDEN},
		{{CRED}, 1, {KEY_FILE}, 1, BL_FORBIDDEN},
		{{PASS, OTHER_PASS, KEY_FILE, CRED}, 4, {PASS}, 1, BL_OK},
		{{PASS, OTHER_PASS, KEY_FILE, CRED}, 4, {OTHER_PASS}, 1, BL_OK},
		{{PASS, OTHER_PASS, KEY_FILE, CRED}, 4, {KEY_FILE}, 1, BL_OK},
		{{PASS, OTHER_PASS, KEY_FILE, CRED}, 4, {CRED}, 1, BL_OK},
		{{PASS, OTHER_PASS, KEY_FILE, CRED}, 4, {OTHER_CRED, OTHER_FILE}, 2, BL_FORBIDDEN},
		{{PASS, OTHER_PASS, KEY_FILE, CRED}, 4, {NOTHING}, 0, BL_FORBIDDEN},
	};
	struct folder *folder = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct vault_secret given[2] = {secret_of(ROWS[i].given[0]),
						secret_of(ROWS[i].given[1])};
		struct vault *vault = NULL;
		uint8_t made[VAULT_KEY], key[VAULT_KEY];

		create(folder, ROWS[i].locks, ROWS[i].lock_count, made);

		enum bl_status status =
			vault_open(folder->fd, given, ROWS[i].given_count, &vault, NULL);

		if (status != ROWS[i].opened || (status != BL_OK && vault))
			fail_msg("row %zu: %s", i, bl_status_name(status));
		if (status == BL_OK) {
			assert_int_equal(vault_device_key(vault, "RMA-1", VAULT_RECORD, key, NULL),
					 BL_OK);
			if (memcmp(key, made, VAULT_KEY) != 0)
				fail_msg("row %zu: another key", i);
		}
		vault_close(vault);
	}
}

static void what_is_missing_is_said_in_one_line(void **state)
{
	static const struct {
		unsigned locks[2], count;
		const char *says;
	} ROWS[] = {
		{{PASS},
		 1,
		 "the store is locked by a passphrase (give it: --passphrase-file FILE, or at the "
		 "terminal)"},
		{{KEY_FILE}, 1, "the store is locked by a key file (--key-file FILE)"},
		{{CRED},
		 1,
		 "the store is locked by credential 'bailee.store-key_1' (--credential "
		 "bailee.store-key_1, LoadCredential= in the unit)"},
		{{KEY_FILE, PASS},
		 2,
		 "the store is locked by a key file (--key-file FILE) or a passphrase (give it: "
		 "--passphrase-file FILE, or at the terminal)"},
	};
	struct folder *folder = *state;
	struct vault_secret wrong = secret_of(OTHER_PASS);

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		struct vault *vault = NULL;
		uint8_t key[VAULT_KEY];

		create(folder, ROWS[i].locks, ROWS[i].count, key);
		assert_int_equal(vault_open(folder->fd, NULL, 0, &vault, &why), BL_FORBIDDEN);
		if (strcmp(why.text, ROWS[i].says) != 0)
			fail_msg("row %zu says '%s'", i, why.text);
		assert_int_equal(vault_open(folder->fd, &wrong, 1, &vault, &why), BL_FORBIDDEN);
		if (strncmp(why.text, "no secret that was given opens it: ", 35) != 0 ||
		    !strstr(why.text, ROWS[i].says))
			fail_msg("row %zu says '%s'", i, why.text);
		assert_null(strstr(why.text, SECRETS[OTHER_PASS]));
	}
}

static void what_is_no_secret_is_refused(void **state)
{
	static char long_text[VAULT_SECRET_MOST + 2];
	const struct {
		enum vault_lock_kind kind;
		const char *secret;
		size_t length;
		const char *credential;
	} rows[] = {
		{VAULT_LOCK_PASSPHRASE, "sevenby", 7, ""},
		{VAULT_LOCK_PASSPHRASE, NULL, 0, ""},
		{VAULT_LOCK_PASSPHRASE, long_text, VAULT_PASSPHRASE_MOST + 1, ""},
		{VAULT_LOCK_PASSPHRASE, "with a\nnewline", 14, ""},
		{VAULT_LOCK_PASSPHRASE, "with a\0NUL in it", 16, ""},
		{VAULT_LOCK_PASSPHRASE, "not UTF-8 \xff\xfe", 12, ""},
		{VAULT_LOCK_PASSPHRASE, "overlong \xc0\xaf", 11, ""},
		{VAULT_LOCK_PASSPHRASE, "surrogate \xed\xa0\x80", 13, ""},
		{VAULT_LOCK_PASSPHRASE, "too high \xf4\x90\x80\x80", 13, ""},
		{VAULT_LOCK_PASSPHRASE, "cut short \xe2\x82", 12, ""},
		{VAULT_LOCK_KEY_FILE, long_text, VAULT_KEY_FILE_LEAST - 1, ""},
		{VAULT_LOCK_KEY_FILE, long_text, VAULT_SECRET_MOST + 1, ""},
		{VAULT_LOCK_KEY_FILE, NULL, VAULT_KEY_FILE_LEAST, ""},
		{VAULT_LOCK_CREDENTIAL, long_text, VAULT_KEY_FILE_LEAST - 1, "name"},
		{VAULT_LOCK_CREDENTIAL, long_text, VAULT_KEY_FILE_LEAST, ""},
		{VAULT_LOCK_CREDENTIAL, long_text, VAULT_KEY_FILE_LEAST, "with space"},
		{VAULT_LOCK_CREDENTIAL, long_text, VAULT_KEY_FILE_LEAST, "with/slash"},
		{(enum vault_lock_kind)9, long_text, VAULT_KEY_FILE_LEAST, ""},
	};
	struct folder *folder = *state;

	memset(long_text, 'x', sizeof(long_text) - 1);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct vault_secret secret = {.kind = rows[i].kind,
					      .secret = (const uint8_t *)rows[i].secret,
					      .length = rows[i].length};
		struct vault *vault = NULL;

		strcpy(secret.credential, rows[i].credential);
		if (vault_create_at_cost(folder->fd, &secret, 1, &CHEAP, &vault, NULL) !=
			    BL_INVALID ||
		    faccessat(folder->fd, "keys", F_OK, 0) == 0 ||
		    faccessat(folder->fd, "keys.new", F_OK, 0) == 0)
			fail_msg("row %zu was not refused, or left a file", i);
	}
}

static void the_longest_and_shortest_secrets_open(void **state)
{
	static uint8_t bytes[VAULT_SECRET_MOST];
	static const struct {
		enum vault_lock_kind kind;
		size_t length;
	} ROWS[] = {
		{VAULT_LOCK_PASSPHRASE, VAULT_PASSPHRASE_LEAST},
		{VAULT_LOCK_PASSPHRASE, VAULT_PASSPHRASE_MOST},
		{VAULT_LOCK_KEY_FILE, VAULT_KEY_FILE_LEAST},
		{VAULT_LOCK_KEY_FILE, VAULT_SECRET_MOST},
	};
	struct folder *folder = *state;

	memset(bytes, 0xc3, sizeof(bytes)); /* "é" again and again */
	for (size_t i = 1; i < sizeof(bytes); i += 2)
		bytes[i] = 0xa9;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct vault_secret secret = {
			.kind = ROWS[i].kind, .secret = bytes, .length = ROWS[i].length};
		struct vault *vault = NULL;

		unlinkat(folder->fd, "keys", 0);
		if (vault_create_at_cost(folder->fd, &secret, 1, &CHEAP, &vault, NULL) != BL_OK)
			fail_msg("row %zu was not made", i);
		vault_close(vault);
		vault = NULL;
		if (vault_open(folder->fd, &secret, 1, &vault, NULL) != BL_OK)
			fail_msg("row %zu does not open", i);
		vault_close(vault);
	}
}

static void locks_that_lock_nothing_or_are_too_many_are_refused(void **state)
{
	struct folder *folder = *state;
	struct vault_secret secrets[VAULT_LOCKS + 1];
	struct vault *vault = NULL;

	for (size_t i = 0; i < BL_COUNT(secrets); i++)
		secrets[i] = secret_of(PASS);
	assert_int_equal(
		vault_create_at_cost(folder->fd, secrets, BL_COUNT(secrets), &CHEAP, &vault, NULL),
		BL_INVALID);
	secrets[1] = secret_of(NOTHING);
	assert_int_equal(vault_create_at_cost(folder->fd, secrets, 2, &CHEAP, &vault, NULL),
			 BL_INVALID);
	assert_null(vault);
	assert_int_not_equal(faccessat(folder->fd, "keys", F_OK, 0), 0);
}

static void locks_are_told_without_their_secrets(void **state)
{
	static const unsigned WHICH[] = {PASS, KEY_FILE, CRED};
	struct folder *folder = *state;
	struct vault_locks locks;
	uint8_t key[VAULT_KEY];

	assert_int_equal(vault_locks(folder->fd, &locks, NULL), BL_NOT_FOUND);
	create(folder, WHICH, BL_COUNT(WHICH), key);
	assert_int_equal(vault_locks(folder->fd, &locks, NULL), BL_OK);
	assert_int_equal(locks.count, 3);
	assert_string_equal(vault_lock_name(locks.kinds[0]), "passphrase");
	assert_string_equal(vault_lock_name(locks.kinds[1]), "key file");
	assert_string_equal(vault_lock_name(locks.kinds[2]), "credential");
	assert_string_equal(locks.credentials[1], "");
	assert_string_equal(locks.credentials[2], "bailee.store-key_1");
	assert_int_equal(fchmodat(folder->fd, "keys", 0640, 0), 0);
	assert_int_equal(vault_locks(folder->fd, &locks, NULL), BL_INVALID);
}

/* ---- hostile files ------------------------------------------------------------------------------ */

#define LOCK_AT 176

/* The first lock's bytes [at, at + length), or one flipped bit at @at, with the checksum of both copies right again. */
static void change_lock(struct folder *folder, size_t at, const void *bytes, size_t length)
{
	uint8_t page[VAULT_PAGE];
	int fd = openat(folder->fd, "keys", O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, page, sizeof(page), 0), sizeof(page));
	if (bytes)
		memcpy(page + LOCK_AT + at, bytes, length);
	else
		page[LOCK_AT + at] ^= 1;
	page_checksum(page);
	for (unsigned copy = 0; copy < 2; copy++)
		assert_int_equal(pwrite(fd, page, sizeof(page), (off_t)(copy * VAULT_PAGE)),
				 sizeof(page));
	close(fd);
}

static void more_than_argon2id_is_ever_given_is_refused_untried(void **state)
{
	static const unsigned WHICH[] = {PASS};
	static const struct {
		uint32_t passes;
		uint64_t memory;
	} ROWS[] = {
		{1, LOCK_MEMORY_MOST + 1024},
		{1, UINT64_C(1) << 40},
		{1, UINT64_MAX - 1023},
		{1, UINT64_MAX},
		{1, LOCK_MEMORY_LEAST + 1},
		{1, LOCK_MEMORY_LEAST - 1024},
		{1, 0},
		{0, LOCK_MEMORY_LEAST},
		{LOCK_PASSES_MOST + 1, LOCK_MEMORY_LEAST},
		{UINT32_MAX, LOCK_MEMORY_MOST},
	};
	struct folder *folder = *state;
	struct vault_secret secret = secret_of(PASS);
	uint8_t key[VAULT_KEY], bytes[12];

	create(folder, WHICH, 1, key);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct vault *vault = NULL;

		bl_put32(bytes, ROWS[i].passes);
		bl_put64(bytes + 4, ROWS[i].memory);
		change_lock(folder, 4, bytes, sizeof(bytes));

		enum bl_status status = vault_open(folder->fd, &secret, 1, &vault, NULL);

		if (status != BL_TAMPERED)
			fail_msg("row %zu: %s", i, bl_status_name(status));
	}
}

static void a_lock_opens_only_as_it_was_made(void **state)
{
	static const unsigned PASSPHRASE[] = {PASS}, CREDENTIAL[] = {CRED};
	static const struct {
		bool is_credential;
		size_t at, length;
		uint8_t bytes[8];
		enum bl_status opened;
	} ROWS[] = {
		{false, 0, 4, {3}, BL_TAMPERED}, /* a key file has no passes */
		{false, 0, 4, {0}, BL_TAMPERED}, /* no kind */
		{false, 0, 4, {5}, BL_TAMPERED},
		{false, 4, 4, {2}, BL_FORBIDDEN},	/* passes */
		{false, 8, 8, {0, 0x24}, BL_FORBIDDEN}, /* memory */
		{false, 16, 0, {0}, BL_FORBIDDEN},	/* salt */
		{false, 31, 0, {0}, BL_FORBIDDEN},
		{false, 32, 0, {0}, BL_FORBIDDEN}, /* nonce */
		{false, 56, 0, {0}, BL_FORBIDDEN}, /* sealed */
		{false, 103, 0, {0}, BL_FORBIDDEN},
		{false, 104, 1, {'x'}, BL_TAMPERED}, /* a name it has not */
		{false, 168, 1, {1}, BL_TAMPERED},   /* what is reserved */
		{false, 256, 1, {2}, BL_TAMPERED},   /* a lock behind the last */
		{true, 0, 4, {3}, BL_TAMPERED},
		{true, 104, 1, {'x'}, BL_FORBIDDEN},
		{true, 104, 1, {0}, BL_TAMPERED},
		{true, 105, 1, {'/'}, BL_TAMPERED},
		{true, 130, 1, {'x'}, BL_TAMPERED}, /* behind the name's end */
	};
	struct folder *folder = *state;
	uint8_t key[VAULT_KEY];

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct vault_secret secret = secret_of(ROWS[i].is_credential ? CRED : PASS);
		struct vault *vault = NULL;

		create(folder, ROWS[i].is_credential ? CREDENTIAL : PASSPHRASE, 1, key);
		change_lock(folder, ROWS[i].at, ROWS[i].length ? ROWS[i].bytes : NULL,
			    ROWS[i].length);

		enum bl_status status = vault_open(folder->fd, &secret, 1, &vault, NULL);

		if (status != ROWS[i].opened)
			fail_msg("row %zu: %s", i, bl_status_name(status));
		vault_close(vault);
	}
}

/* A lock of another store is bound to that store. */
static void a_lock_from_another_store_opens_nothing(void **state)
{
	static const unsigned WHICH[] = {KEY_FILE};
	struct folder *folder = *state;
	struct vault_secret secret = secret_of(KEY_FILE);
	struct vault *vault = NULL;
	uint8_t key[VAULT_KEY], page[VAULT_PAGE];

	create(folder, WHICH, 1, key);

	int fd = openat(folder->fd, "keys", O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, page, sizeof(page), 0), sizeof(page));
	close(fd);
	create(folder, WHICH, 1, key);
	change_lock(folder, 0, page + LOCK_AT, LOCK_SIZE);
	assert_int_equal(vault_open(folder->fd, &secret, 1, &vault, NULL), BL_FORBIDDEN);
}

/* ---- memory ------------------------------------------------------------------------------------- */

#if !defined(__SANITIZE_ADDRESS__)
static void too_little_memory_for_the_passphrase_is_said(void **state)
{
	static const struct lock_cost DEAR = {.passes = 1, .memory = LOCK_MEMORY};
	struct folder *folder = *state;
	struct vault_secret secret = secret_of(PASS);
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit limit = {128u << 20, 128u << 20};
		struct bl_error why = {.text = ""};
		struct vault *vault = NULL;

		if (setrlimit(RLIMIT_AS, &limit) != 0)
			_exit(2);
		_exit(vault_create_at_cost(folder->fd, &secret, 1, &DEAR, &vault, &why) ==
					      BL_NO_MEMORY &&
				      strstr(why.text, "256 MiB")
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_not_equal(faccessat(folder->fd, "keys", F_OK, 0), 0);
}
#endif

/* As it is for people: once, as it takes its time. */
static void a_passphrase_costs_what_the_format_says(void **state)
{
	struct folder *folder = *state;
	struct vault_secret secret = secret_of(PASS);
	struct vault *vault = NULL;
	uint8_t page[VAULT_PAGE];
	struct vault_header header;

	assert_int_equal(vault_create(folder->fd, &secret, 1, &vault, NULL), BL_OK);
	vault_close(vault);
	vault = NULL;

	int fd = openat(folder->fd, "keys", O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, page, sizeof(page), 0), sizeof(page));
	close(fd);
	assert_int_equal(header_decode(page, &header, NULL), BL_OK);
	assert_int_equal(header.locks[0].passes, 3);
	assert_int_equal(header.locks[0].memory, UINT64_C(256) << 20);
	assert_int_equal(vault_open(folder->fd, &secret, 1, &vault, NULL), BL_OK);
	vault_close(vault);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_lock_opens_everything_and_nothing_else_does),
		TEST(what_is_missing_is_said_in_one_line),
		TEST(what_is_no_secret_is_refused),
		TEST(the_longest_and_shortest_secrets_open),
		TEST(locks_that_lock_nothing_or_are_too_many_are_refused),
		TEST(locks_are_told_without_their_secrets),
		TEST(more_than_argon2id_is_ever_given_is_refused_untried),
		TEST(a_lock_opens_only_as_it_was_made),
		TEST(a_lock_from_another_store_opens_nothing),
#if !defined(__SANITIZE_ADDRESS__)
		TEST(too_little_memory_for_the_passphrase_is_said),
#endif
		TEST(a_passphrase_costs_what_the_format_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

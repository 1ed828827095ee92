/* retention.h - what tests of interrupted destructions share: devices that are destroyed, and how it must have ended */
#ifndef TESTS_FAULT_RETENTION_H
#define TESTS_FAULT_RETENTION_H

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/fs/find-program.h"
#include "tests/unit/fs/retention/fixture.h"

#define READY(fixture)                                                                             \
	do {                                                                                       \
		if (!(fixture)->has_mount || !(fixture)->has_volume)                               \
			skip();                                                                    \
	} while (0)
#define SIZE	 (UINT64_C(3) << 20)
#define NOT_DUE	 (RECEIVED + 86400)
#define PATTERNS ((const char *const[]){"**/secret.txt"})

static inline size_t recover(struct fixture *fixture, int64_t now_unix)
{
	struct retention_context context = context_of(fixture, now_unix);
	struct bl_error why = {.text = ""};
	size_t finished = 0;

	if (retention_recover(&context, &finished, &why) != BL_OK)
		fail_msg("recover: %s", why.text);
	return finished;
}

/* One DONE that names the certificate, and a certificate that verifies and says @certified. */
static inline void assert_certified(struct fixture *fixture, const char *id, const char *suffix,
				    enum audit_op intent, enum audit_op done, const char *certified)
{
	struct count told = count_events(fixture, id, done);
	char *json = NULL, wanted[64], hex[HEX_SIZE(DIGEST)];
	uint8_t digest[DIGEST];
	size_t length;

	assert_int_equal(count_events(fixture, id, intent).found, 1);
	assert_int_equal(told.found, 1);
	assert_int_equal(device_certificate_read(fixture->store, id, suffix, &json, &length, NULL),
			 BL_OK);
	assert_int_equal(retention_certificate_verify(
				 json, length, vault_public_key(device_store_vault(fixture->store)),
				 RETENTION_TEXT, NULL, NULL),
			 BL_OK);
	snprintf(wanted, sizeof(wanted), "\"status\":\"%s\"", certified);
	crypto_generichash(digest, sizeof(digest), (const uint8_t *)json, length, NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	if (!strstr(json, wanted) || strncmp(told.detail, certified, strlen(certified)) != 0 ||
	    !strstr(told.detail, hex))
		fail_msg("expected %s, got %s: %s", certified, told.detail, json);
	free(json);
}

static inline void assert_sealed_destroyed(struct fixture *fixture, const char *id)
{
	struct device device;
	uint8_t key[VAULT_KEY];
	int folder = -1;

	assert_certified(fixture, id, ".json", AUDIT_SHRED_INTENT, AUDIT_SHRED_DONE, "ERASED");
	assert_int_equal(device_find(fixture->store, id, &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_SHREDDED);
	assert_int_equal(vault_image_root(device_store_vault(fixture->store), id, key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(device_folder(fixture->store, id, &folder, NULL), BL_OK);
	assert_int_equal(faccessat(folder, SEALED_FOLDER, F_OK, AT_SYMLINK_NOFOLLOW), -1);
	close(folder);
	assert_false(journal_is_there(fixture->store, id, SHRED_SEALED));
}

/* An ext4 image of 8 MiB with a file that is to go and one that is to stay; both within one group of chunks. */
#define PART_SIZE (UINT64_C(8) << 20)
static inline void make_filesystem(struct fixture *fixture, char image[128])
{
	char folder[128], size[] = "8M", name[160];
	char *argv[] = {(char *)"mke2fs", (char *)"-q", (char *)"-F",  (char *)"-t", (char *)"ext4",
			(char *)"-d",	  folder,	(char *)image, size,	     NULL};

	snprintf(image, 128, "%s/filesystem", fixture->root);
	snprintf(folder, sizeof(folder), "%s/files", fixture->root);
	if (access(image, F_OK) == 0)
		return;
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(name, sizeof(name), "%s/secret.txt", folder);
	assert_true(write_image(name, 5000));
	snprintf(name, sizeof(name), "%s/neighbour.txt", folder);

	FILE *file = fopen(name, "we");

	for (size_t i = 0; i < 9000; i++)
		fputc("what stays; "[i % 12], file);
	fclose(file);
	snprintf(name, sizeof(name), "%s/other.txt", folder);
	assert_true(write_image(name, 300));
	assert_true(run_quietly(argv));
}

static inline enum bl_status shred_secret(const struct retention_context *context, const char *id,
					  struct bl_error *why)
{
	struct retention_context copy = *context;
	char reader[PATH_MAX];
	BL_CLEANUP(sealed_hot_free) struct sealed_hot *hot = NULL;
	uint64_t files = 0;
	uint32_t number = 0;

	if (!find_reader(reader, sizeof(reader)) || sealed_hot_new(4 << 20, &hot, why) != BL_OK)
		return BL_FAILED;
	copy.reader_path = reader;
	copy.hot = hot;
	return retention_part_shred(&copy, id, PATTERNS, 1, &files, &number, why);
}

static inline uint8_t *read_sealed_image(struct fixture *fixture, const char *id)
{
	BL_CLEANUP(sealed_hot_free) struct sealed_hot *hot = NULL;
	BL_CLEANUP(sealed_close) struct sealed *sealed = NULL;
	uint8_t root[VAULT_KEY], *bytes = malloc(PART_SIZE);
	struct bl_error why = {.text = ""};
	int folder = -1;

	assert_int_equal(sealed_hot_new(4 << 20, &hot, NULL), BL_OK);
	assert_int_equal(device_folder(fixture->store, id, &folder, NULL), BL_OK);
	assert_int_equal(vault_image_root(device_store_vault(fixture->store), id, root, NULL),
			 BL_OK);
	if (sealed_open(folder, id, root, PART_SIZE, hot, &sealed, &why) != BL_OK ||
	    sealed_read(sealed, 0, bytes, PART_SIZE, &why) != BL_OK)
		fail_msg("%s", why.text);
	close(folder);
	return bytes;
}

/* Everything as it was, but the file that had to go, which is zeros. */
static inline void assert_part_gone(struct fixture *fixture, const char *id, const char *image)
{
	uint8_t *now = read_sealed_image(fixture, id), *before = malloc(PART_SIZE);
	FILE *file = fopen(image, "re");
	size_t changed = 0;

	assert_int_equal(fread(before, 1, PART_SIZE, file), PART_SIZE);
	fclose(file);
	for (size_t i = 0; i < PART_SIZE; i++) {
		if (now[i] == before[i])
			continue;
		changed++;
		if (now[i] != 0)
			fail_msg("byte %zu is neither as it was nor zero", i);
	}
	/* 5000 bytes of text without a zero, in whole blocks. */
	assert_in_range(changed, 5000, 8192);
	/* What is left of the planted text is the other file's. */
	assert_null(memmem(now, PART_SIZE,
			   PLANTED PLANTED PLANTED PLANTED PLANTED PLANTED PLANTED PLANTED, 312));
	assert_non_null(memmem(now, PART_SIZE, PLANTED PLANTED, 78));
	assert_non_null(memmem(now, PART_SIZE, "what stays; what stays; ", 24));
	free(now);
	free(before);
}

static inline void add_filesystem(struct fixture *fixture, const char *id, char image[128])
{
	make_filesystem(fixture, image);

	const struct filling filling = {
		.image = image, .groups = 8, .bytes = PART_SIZE, .is_complete = true};

	assert_true(add_filled(fixture, id, &filling));
}

#endif

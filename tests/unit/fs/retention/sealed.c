#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/vault/sealed-format.h"
#include "tests/unit/fs/retention/fixture.h"

#define READY(fixture)                                                                             \
	do {                                                                                       \
		if (!(fixture)->has_volume)                                                        \
			skip();                                                                    \
	} while (0)

static int set_up_on(void **state, const char *type)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	if (geteuid() == 0)
		mount_volume(fixture, type);
	if (!fixture_open_store(fixture)) {
		fixture_done(fixture); /* cmocka tears down nothing that was not set up */
		return -1;
	}
	*state = fixture;
	return 0;
}

static int set_up(void **state)
{
	return set_up_on(state, "ext4");
}

static int set_up_xfs(void **state)
{
	return set_up_on(state, "xfs");
}

static char *certificate_of(struct fixture *fixture, const char *id, const char *suffix)
{
	char *json = NULL;
	size_t length;

	if (device_certificate_read(fixture->store, id, suffix, &json, &length, NULL) != BL_OK)
		return NULL;
	assert_int_equal(retention_certificate_verify(
				 json, length, vault_public_key(device_store_vault(fixture->store)),
				 RETENTION_TEXT, NULL, NULL),
			 BL_OK);
	return json;
}

#define HOLDS(json, text)                                                                          \
	do {                                                                                       \
		if (!strstr(json, text))                                                           \
			fail_msg("no %s in %s", text, json);                                       \
	} while (0)

static bool has_image(struct fixture *fixture, const char *id)
{
	int folder = -1;

	assert_int_equal(device_folder(fixture->store, id, &folder, NULL), BL_OK);

	bool is_there = faccessat(folder, SEALED_FOLDER, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	close(folder);
	return is_there;
}

/* What opens it, and what it opens, as they lie on the disk before. */
struct secrets {
	struct fixture *fixture;
	uint8_t root[VAULT_KEY];
	uint8_t slot[64], header[64], tree[64];
	size_t slots_after, headers_after, trees_after;
};

static void read_from(int folder, const char *name, off_t at, uint8_t out[64])
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, out, 64, at), 64);
	close(fd);
}

static void take_secrets(struct fixture *fixture, const char *id, struct secrets *out)
{
	char path[64];
	int folder = -1, keys = device_store_keys_fd(fixture->store);

	out->fixture = fixture;
	assert_int_equal(device_folder(fixture->store, id, &folder, NULL), BL_OK);
	snprintf(path, sizeof(path), "%s/header", SEALED_FOLDER);
	read_from(folder, path, 0, out->header);
	if (out->header[64 - 1] == 0 && out->header[16] == 0)
		read_from(folder, path, 4096, out->header);
	snprintf(path, sizeof(path), "%s/keys", SEALED_FOLDER);
	/* Of a tree of one level: the top, on one side or the other. */
	read_from(folder, path, 0, out->tree);
	if (out->tree[8] == 0 && out->tree[9] == 0)
		read_from(folder, path, 4096, out->tree);
	/* Nonce and ciphertext of the first slot. */
	read_from(keys, "keys", 2 * 4096 + 56, out->slot);
	close(folder);
	sync();
	assert_int_not_equal(count_raw(fixture->volume_number, fixture->volume_size, out->slot, 64),
			     0);
	assert_int_not_equal(
		count_raw(fixture->volume_number, fixture->volume_size, out->tree + 8, 32), 0);
}

static void shred_sealed(struct fixture *fixture, const char *id)
{
	struct retention_context context = context_of(fixture, NOW);
	struct bl_error why = {.text = ""};

	if (retention_shred(&context, id, &why) != BL_OK)
		fail_msg("%s", why.text);
}

static void sealed_image_is_gone_from_the_medium_and_certified(void **state)
{
	struct fixture *fixture = *state;
	struct secrets secrets;
	struct device device;
	uint8_t key[VAULT_KEY];
	uint64_t size = fixture->volume_size;

	READY(fixture);
	assert_true(add_sealed(fixture, "RMA-1", 3, 3 << 20, true));
	take_secrets(fixture, "RMA-1", &secrets);
	shred_sealed(fixture, "RMA-1");
	sync();
	assert_int_equal(count_raw(fixture->volume_number, size, secrets.slot, 64), 0);
	assert_int_equal(count_raw(fixture->volume_number, size, secrets.tree + 8, 32), 0);
	assert_int_equal(count_raw(fixture->volume_number, size, secrets.header + 16, 48), 0);
	assert_false(has_image(fixture, "RMA-1"));
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_SHREDDED);
	assert_int_equal(vault_image_root(device_store_vault(fixture->store), "RMA-1", key, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_INTENT).found, 1);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_DONE).found, 1);

	char *json = certificate_of(fixture, "RMA-1", ".json");

	assert_non_null(json);
	HOLDS(json, "\"status\":\"ERASED\"");
	HOLDS(json, "\"category\":\"clear\""); /* the store has no lock */
	HOLDS(json, "\"technique\":\"cryptographic erase\"");
	HOLDS(json, "\"exceptions\":[]");
	HOLDS(json, "\"type\":\"raw device\"");
	HOLDS(json, "\"keys_that_opened\":0");
	free(json);
	for (size_t i = 0; i < 2; i++) {
		size_t length;

		assert_int_equal(device_certificate_read(fixture->store, "RMA-1",
							 i ? ".html" : ".txt", &json, &length,
							 NULL),
				 BL_OK);
		free(json);
	}
}

/* ---- what must not be certified -------------------------------------------------------------------- */

/*
 * Somebody put a header of ours in the place of the image's own one: a key that is left opens it. Here the keys of RMA-2 open
 * what RMA-1's folder holds.
 */
static void exchange_header(void *context, const char *device, enum retention_step step)
{
	struct fixture *fixture = context;
	struct sealed_header header;
	struct sealed_files files;
	uint8_t root[VAULT_KEY];
	unsigned slot = 0;
	int folder = -1;

	if (step != STEP_TRY)
		return;
	assert_int_equal(device_folder(fixture->store, device, &folder, NULL), BL_OK);
	assert_int_equal(sealed_files_open(folder, true, &files, NULL), BL_OK);
	assert_int_equal(vault_image_root(device_store_vault(fixture->store), "RMA-2", root, NULL),
			 BL_OK);

	uint8_t *page = aligned_alloc(SEALED_PAGE, SEALED_PAGE);

	assert_int_equal(pread(files.header, page, SEALED_PAGE, 0), SEALED_PAGE);
	if (sealed_header_decode(page, NULL, &header, NULL) != BL_OK)
		fail_msg("no header");
	header.generation += 10;
	assert_int_equal(sealed_header_write(&files, &header, root, &slot, NULL), BL_OK);
	free(page);
	sealed_files_close(&files);
	close(folder);
}

static void image_that_a_key_still_opens_is_not_certified(void **state)
{
	struct fixture *fixture = *state;
	struct retention_context context = context_of(fixture, NOW);
	struct bl_error why = {.text = ""};
	struct device device;
	size_t finished = 99;

	READY(fixture);
	assert_true(add_sealed(fixture, "RMA-1", 2, 2 << 20, true));
	assert_true(add_sealed(fixture, "RMA-2", 1, 1 << 20, true));
	context.on_step = exchange_header;
	context.step_context = fixture;
	assert_int_equal(retention_shred(&context, "RMA-1", &why), BL_NOT_VERIFIED);
	assert_true(has_image(fixture, "RMA-1"));
	assert_null(certificate_of(fixture, "RMA-1", ".json"));
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_DONE).found, 0);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_DUE);
	/* Not by the next try either, until that key is gone, too. */
	context.on_step = NULL;
	assert_int_not_equal(retention_recover(&context, &finished, NULL), BL_OK);
	assert_int_equal(finished, 0);
	assert_null(certificate_of(fixture, "RMA-1", ".json"));
	assert_int_equal(retention_shred(&context, "RMA-2", NULL), BL_OK);
	assert_int_equal(retention_recover(&context, &finished, NULL), BL_OK);
	assert_int_equal(finished, 1);

	char *json = certificate_of(fixture, "RMA-1", ".json");

	HOLDS(json, "\"status\":\"ERASED\"");
	free(json);
}

static void remove_image(struct fixture *fixture, const char *id)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/vol/store/devices/%s/image", fixture->root, id);
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void spoil_header(struct fixture *fixture, const char *id)
{
	static const uint8_t NOISE[2 * 4096] = {[5] = 1, [4096 + 5] = 1};
	char path[192];

	snprintf(path, sizeof(path), "%s/vol/store/devices/%s/image/header", fixture->root, id);

	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, NOISE, sizeof(NOISE), 0), sizeof(NOISE));
	close(fd);
}

static void keep_reflink(struct fixture *fixture, const char *id)
{
	char from[192], to[192];
	char *argv[] = {(char *)"cp", (char *)"--reflink=always", from, to, NULL};

	snprintf(from, sizeof(from), "%s/vol/store/devices/%s/image/keys", fixture->root, id);
	snprintf(to, sizeof(to), "%s/vol/snapshot", fixture->root);
	assert_true(run_quietly(argv));
}

static void image_that_is_not_as_it_was_loses_its_keys_all_the_same(void **state)
{
	static const struct {
		const char *what;
		void (*spoil)(struct fixture *fixture, const char *id);
		bool is_complete;
		const char *exception;
	} ROWS[] = {
		{"removed", remove_image, true, "was not there"},
		{"never made", remove_image, false, "was not there"},
		{"header spoiled", spoil_header, true, "header could not be read"},
	};
	struct fixture *fixture = *state;

	READY(fixture);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t key[VAULT_KEY];
		char id[16];

		snprintf(id, sizeof(id), "RMA-%zu", i);
		assert_true(add_sealed(fixture, id, 1, 1 << 20, ROWS[i].is_complete));
		ROWS[i].spoil(fixture, id);
		shred_sealed(fixture, id);

		char *json = certificate_of(fixture, id, ".json");

		if (!json || !strstr(json, "\"status\":\"ERASED_WITH_EXCEPTIONS\"") ||
		    !strstr(json, ROWS[i].exception))
			fail_msg("%s: %s", ROWS[i].what, json ? json : "no certificate");
		assert_int_equal(
			vault_image_root(device_store_vault(fixture->store), id, key, NULL),
			BL_NOT_FOUND);
		assert_false(has_image(fixture, id));
		free(json);
	}
}

static void unfinished_intake_is_destroyed_and_its_source_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct retention_context context = context_of(fixture, NOW);
	char path[128];

	READY(fixture);
	snprintf(path, sizeof(path), "%s/vol/source", fixture->root);
	assert_true(write_image(path, 1 << 20));
	assert_true(add_sealed(fixture, "RMA-1", 2, 3 << 20, false));

	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct bl_error why = {.text = ""};

	if (retention_source_prepare(&context, "RMA-1", &fd, 1, &why) != BL_OK)
		fail_msg("%s", why.text);
	close(fd);
	shred_sealed(fixture, "RMA-1");

	char *json = certificate_of(fixture, "RMA-1", ".json");

	HOLDS(json, "\"status\":\"ERASED\"");
	HOLDS(json, "\"is_complete\":false");
	HOLDS(json, "\"value\":null");
	free(json);
	assert_false(journal_is_there(fixture->store, "RMA-1", SHRED_SOURCE));
	assert_int_equal(access(path, F_OK), 0);
}

static void reflinked_key_tree_is_an_exception(void **state)
{
	struct fixture *fixture = *state;

	READY(fixture);
	assert_true(add_sealed(fixture, "RMA-1", 2, 2 << 20, true));
	sync();
	keep_reflink(fixture, "RMA-1");
	shred_sealed(fixture, "RMA-1");

	char *json = certificate_of(fixture, "RMA-1", ".json");

	HOLDS(json, "\"status\":\"ERASED_WITH_EXCEPTIONS\"");
	HOLDS(json, "shared blocks with another file");
	HOLDS(json, "\"category\":\"clear\"");
	free(json);
}

static int set_up_in_memory(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	*state = fixture;
	if (geteuid() == 0 && mkdir(path_of(fixture, "vol"), 0700) == 0 &&
	    unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		fixture->has_volume =
			mount("tmpfs", path_of(fixture, "vol"), "tmpfs", 0, NULL) == 0;
	if (fixture_open_store(fixture))
		return 0;
	fixture_done(fixture);
	return -1;
}

static void store_in_memory_is_never_certified_without_exceptions(void **state)
{
	struct fixture *fixture = *state;

	READY(fixture);
	assert_true(add_sealed(fixture, "RMA-1", 2, 2 << 20, true));
	shred_sealed(fixture, "RMA-1");

	char *json = certificate_of(fixture, "RMA-1", ".json");

	HOLDS(json, "\"status\":\"ERASED_WITH_EXCEPTIONS\"");
	HOLDS(json, "\"category\":\"clear\"");
	HOLDS(json, "the image lies where no block device is");
	HOLDS(json, "the keys lie where no block device is");
	free(json);
}

/* ---- journals --------------------------------------------------------------------------------------------- */

static void stop_at_keys(void *context, const char *device, enum retention_step step)
{
	(void)context, (void)device;
	if (step == STEP_KEYS)
		_exit(0);
}

/* Whatever was done to it, by whoever can write into the store: nothing is destroyed on its word. */
static void changed_journal_is_refused_and_nothing_destroyed(void **state)
{
	struct fixture *fixture = *state;
	struct retention_context context;
	uint8_t *bytes = NULL, key[VAULT_KEY];
	size_t length, finished = 99;
	int status;

	READY(fixture);
	assert_true(add_sealed(fixture, "RMA-1", 1, 1 << 20, true));
	assert_true(add_sealed(fixture, "RMA-2", 1, 1 << 20, true));
	fixture_close_store(fixture);

	pid_t pid = fork();

	if (pid == 0) {
		if (fixture_open_store(fixture)) {
			context = context_of(fixture, NOW);
			context.on_step = stop_at_keys;
			(void)!retention_shred(&context, "RMA-1", NULL);
		}
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(fixture_open_store(fixture));
	context = context_of(fixture, NOW);
	assert_int_equal(device_file_read(fixture->store, "RMA-1", "shred", &bytes, &length, NULL),
			 BL_OK);
	/* Written with a right checksum each time: only the seal tells. */
	for (size_t at = 0; at < length; at += at < 48 || at + 24 > length ? 1 : 37) {
		bytes[at] ^= 1 << at % 8;
		assert_int_equal(
			device_file_write(fixture->store, "RMA-1", "shred", bytes, length, NULL),
			BL_OK);
		if (retention_recover(&context, &finished, NULL) != BL_TAMPERED || finished)
			fail_msg("byte %zu", at);
		bytes[at] ^= 1 << at % 8;
	}
	/* Another device's, too short, and empty. */
	assert_int_equal(device_file_write(fixture->store, "RMA-2", "shred", bytes, length, NULL),
			 BL_OK);
	assert_int_equal(
		device_file_write(fixture->store, "RMA-1", "shred", bytes, length - 1, NULL),
		BL_OK);
	assert_int_equal(retention_recover(&context, &finished, NULL), BL_TAMPERED);
	assert_int_equal(finished, 0);
	assert_int_equal(device_file_write(fixture->store, "RMA-1", "shred", "", 0, NULL), BL_OK);
	assert_int_equal(retention_recover(&context, &finished, NULL), BL_TAMPERED);
	assert_int_equal(finished, 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(vault_image_root(device_store_vault(fixture->store),
						  i ? "RMA-2" : "RMA-1", key, NULL),
				 BL_OK);
	/* The right one again: it ends. */
	assert_int_equal(device_file_remove(fixture->store, "RMA-2", "shred", NULL), BL_OK);
	assert_int_equal(device_file_write(fixture->store, "RMA-1", "shred", bytes, length, NULL),
			 BL_OK);
	assert_int_equal(retention_recover(&context, &finished, NULL), BL_OK);
	assert_int_equal(finished, 1);
	free(bytes);
}

/* Both slots say another digest, with right checksums, by somebody who can write into the store and has no key. */
static void forge_header(struct fixture *fixture, const char *id)
{
	static const uint8_t NO_ROOT[VAULT_KEY] = {1};
	uint8_t page[SEALED_PAGE];
	int folder = -1;

	assert_int_equal(device_folder(fixture->store, id, &folder, NULL), BL_OK);

	int fd = openat(folder, SEALED_FOLDER "/header", O_RDWR | O_CLOEXEC);

	for (off_t at = 0; at < 2 * SEALED_PAGE; at += SEALED_PAGE) {
		struct sealed_header header;

		assert_int_equal(pread(fd, page, sizeof(page), at), sizeof(page));
		if (sealed_header_parse(page, &header, NULL) != BL_OK)
			continue;
		memset(header.digest, 0xee, sizeof(header.digest));
		sealed_header_encode(&header, NO_ROOT, page);
		assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
	}
	assert_int_equal(fsync(fd), 0);
	close(fd);
	close(folder);
}

static void forged_header_is_not_certified(void **state)
{
	struct fixture *fixture = *state;

	READY(fixture);
	assert_true(add_sealed(fixture, "RMA-1", 1, 1 << 20, true));
	forge_header(fixture, "RMA-1");
	shred_sealed(fixture, "RMA-1");

	char *json = certificate_of(fixture, "RMA-1", ".json");

	HOLDS(json, "\"status\":\"ERASED_WITH_EXCEPTIONS\"");
	HOLDS(json, "\"value\":null");
	HOLDS(json, "\"size_bytes\":1048576");
	assert_null(strstr(json, "eeeeeeee"));
	free(json);
	assert_false(has_image(fixture, "RMA-1"));
}

/* ---- what may be destroyed, and what is said of it ------------------------------------------------------- */

static void refused_shred_keeps_the_keys(void **state)
{
	static const struct {
		const char *what;
		bool is_held;
		int64_t now_unix;
		const char *says;
	} ROWS[] = {
		{"held", true, NOW, "held"},
		{"not due", false, RECEIVED + 86400, "not due"},
	};
	struct fixture *fixture = *state;

	READY(fixture);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct retention_context context = context_of(fixture, ROWS[i].now_unix);
		struct bl_error why = {.text = ""};
		uint8_t key[VAULT_KEY];
		char id[16];
		uint32_t hold;

		snprintf(id, sizeof(id), "RMA-%zu", i);
		assert_true(add_sealed(fixture, id, 1, 1 << 20, true));
		if (ROWS[i].is_held)
			assert_int_equal(device_hold_add(fixture->store, id, 0, 0, "court order",
							 NOW, &hold, NULL),
					 BL_OK);

		enum bl_status status = retention_shred(&context, id, &why);

		if (status != BL_FORBIDDEN || !strstr(why.text, ROWS[i].says))
			fail_msg("%s: %s: %s", ROWS[i].what, bl_status_name(status), why.text);
		if (vault_image_root(device_store_vault(fixture->store), id, key, NULL) != BL_OK ||
		    count_events(fixture, id, AUDIT_SHRED_INTENT).found)
			fail_msg("%s: something was touched", ROWS[i].what);
	}
}

/* ---- the log is full -------------------------------------------------------------------------------------- */

struct breaking {
	const struct audit_io *real;
	bool breaks;  /* the next write */
	bool is_lost; /* the disk takes what is written, and no sync comes back */
};

static ssize_t write_or_break(void *context, int fd, const void *bytes, size_t length,
			      uint64_t offset)
{
	struct breaking *breaking = context;

	if (!breaking->breaks)
		return breaking->real->write_at(breaking->real->context, fd, bytes, length, offset);
	breaking->breaks = false;
	errno = ENOSPC;
	return -1;
}

static int open_real(void *context, int dir_fd, const char *name, int flags, unsigned mode)
{
	const struct audit_io *real = ((struct breaking *)context)->real;

	return real->open_at(real->context, dir_fd, name, flags, mode);
}

static int sync_data_real(void *context, int fd)
{
	const struct breaking *breaking = context;

	if (!breaking->is_lost)
		return breaking->real->sync_data(breaking->real->context, fd);
	errno = EIO;
	return -1;
}

static int sync_dir_real(void *context, int dir_fd)
{
	const struct audit_io *real = ((struct breaking *)context)->real;

	return real->sync_dir(real->context, dir_fd);
}

static int rename_real(void *context, int dir_fd, const char *from, const char *to)
{
	const struct audit_io *real = ((struct breaking *)context)->real;

	return real->rename_at(real->context, dir_fd, from, to);
}

static int64_t realtime_real(void *context)
{
	const struct audit_io *real = ((struct breaking *)context)->real;

	return real->realtime_ns(real->context);
}

static int64_t boottime_real(void *context)
{
	const struct audit_io *real = ((struct breaking *)context)->real;

	return real->boottime_ns(real->context);
}

/* A log whose disk does as @breaking says. */
static void open_breaking(struct fixture *fixture, struct breaking *breaking, struct audit_io *io)
{
	*breaking = (struct breaking){.real = audit_io_real()};
	*io = (struct audit_io){
		.context = breaking,
		.open_at = open_real,
		.write_at = write_or_break,
		.sync_data = sync_data_real,
		.sync_dir = sync_dir_real,
		.rename_at = rename_real,
		.realtime_ns = realtime_real,
		.boottime_ns = boottime_real,
	};

	const struct audit_config config = {.store_fd = device_store_fd(fixture->store),
					    .vault = device_store_vault(fixture->store),
					    .segment_bytes = 256u << 10,
					    .io = io};

	audit_close(BL_TAKE(fixture->audit));
	assert_int_equal(audit_open(&config, &fixture->audit, NULL), BL_OK);
}

/* The log latches, and goes on in its reserve. */
static void latch_log(struct fixture *fixture, struct breaking *breaking, struct audit_io *io)
{
	struct audit_event event = {.op = AUDIT_ADMIN, .uid = 0, .device = "RMA-1"};

	open_breaking(fixture, breaking, io);
	breaking->breaks = true;
	assert_int_equal(audit_append(fixture->audit, &event, NULL, NULL), BL_LOG_BROKEN);
	assert_false(audit_is_writable(fixture->audit));
}

static void sealed_device_is_destroyed_when_the_log_is_full(void **state)
{
	struct fixture *fixture = *state;
	struct breaking breaking;
	struct audit_io io;
	char path[128];

	READY(fixture);
	snprintf(path, sizeof(path), "%s/vol/source", fixture->root);
	assert_true(write_image(path, 1 << 20));
	assert_true(add_sealed(fixture, "RMA-1", 1, 1 << 20, true));
	assert_true(enroll_sealed(fixture, "RMA-2"));

	struct retention_context context = context_of(fixture, RECEIVED + 86400);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(retention_source_prepare(&context, "RMA-2", &fd, 1, NULL), BL_OK);
	close(fd);
	assert_int_equal(device_complete(fixture->store, "RMA-2", 1 << 20, NULL), BL_OK);
	latch_log(fixture, &breaking, &io);

	/* Of a source there is no place in the reserve: nothing happens to it. */
	context.audit = fixture->audit;
	assert_int_equal(retention_source_shred(&context, "RMA-2", NULL), BL_LOG_BROKEN);
	sync();
	assert_true(count_raw(fixture->volume_number, fixture->volume_size, "secret-of-a", 11) > 0);
	shred_sealed(fixture, "RMA-1");
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_INTENT).found, 1);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_DONE).found, 1);
	assert_false(audit_is_writable(fixture->audit));

	char *json = certificate_of(fixture, "RMA-1", ".json");

	HOLDS(json, "\"status\":\"ERASED\"");
	free(json);
	/* It refers to what lives on this stack. */
	audit_close(BL_TAKE(fixture->audit));
}

/*
 * INTENT was written, and nobody can say whether it is on the disk. A hold that came now would be told that it stands, and the destruction would go
 * on all the same as soon as the log is read.
 */
static void no_hold_comes_while_nobody_knows_whether_it_has_begun(void **state)
{
	struct fixture *fixture = *state;
	struct breaking breaking;
	struct audit_io io;
	struct device device;
	size_t finished;

	READY(fixture);
	assert_true(add_sealed(fixture, "RMA-1", 1, 1 << 20, true));
	open_breaking(fixture, &breaking, &io);
	breaking.is_lost = true;

	struct retention_context context = context_of(fixture, NOW);

	assert_int_not_equal(retention_shred(&context, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_hold_add(fixture->store, "RMA-1", 7, 0, "r", NOW, NULL, NULL),
			 BL_INVALID);
	audit_close(BL_TAKE(fixture->audit));
	fixture_close_store(fixture);
	assert_true(fixture_open_store(fixture));
	context = context_of(fixture, NOW);
	assert_int_equal(retention_recover(&context, &finished, NULL), BL_OK);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, finished ? STATE_SHREDDED : STATE_DUE);
	/* Of what was not begun holds are possible again. */
	assert_int_equal(device_hold_add(fixture->store, "RMA-1", 7, 0, "r", NOW, NULL, NULL),
			 finished ? BL_INVALID : BL_OK);
}

static void part_is_refused_where_it_cannot_be(void **state)
{
	static const char *const PATTERNS[] = {"**/x"};
	static const struct {
		const char *id;
		int64_t now_unix;
		enum bl_status status;
	} ROWS[] = {
		{"UNFINISHED", RECEIVED + 86400, BL_INVALID},
		{"HELD", RECEIVED + 86400, BL_FORBIDDEN},
		{"DUE", NOW, BL_FORBIDDEN},
		/* What must be kept is stronger than who may shred. */
		{"KEPT", RECEIVED + 3 * 86400 - 1, BL_FORBIDDEN},
		{"KEPT", RECEIVED + 3 * 86400, BL_FAILED}, /* looked into, and no disk */
		{"NONE", RECEIVED + 86400, BL_NOT_FOUND},
	};
	struct fixture *fixture = *state;
	BL_CLEANUP(policy_unref)
	struct policy *policy = policy_of(
		POLICY_HEAD "  - {id: month, destroy_after: {intake: 30d}}\n"
			    "  - {id: three-days, what: {ids: ['KEPT']}, keep_at_least: 3d}\n");
	uint32_t hold;

	READY(fixture);
	assert_true(add_sealed(fixture, "UNFINISHED", 1, 2 << 20, false));
	assert_true(add_sealed(fixture, "HELD", 1, 1 << 20, true));
	assert_true(add_sealed(fixture, "DUE", 1, 1 << 20, true));
	assert_true(add_sealed(fixture, "KEPT", 1, 1 << 20, true));
	assert_int_equal(device_hold_add(fixture->store, "HELD", 0, 0, "dispute", NOW, &hold, NULL),
			 BL_OK);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct retention_context context = context_of(fixture, ROWS[i].now_unix);
		uint64_t files;
		uint32_t number;

		context.policy = policy;

		enum bl_status status = retention_part_shred(&context, ROWS[i].id, PATTERNS, 1,
							     &files, &number, NULL);

		if (status != ROWS[i].status)
			fail_msg("row %zu: %s: %s", i, ROWS[i].id, bl_status_name(status));
	}
}

/* 1001 asks twice and others agree; what was refused, was another's, or came later does not count. */
static void ask_and_agree(struct fixture *fixture, const char *id)
{
	static const struct {
		uid_t by;
		enum bl_action action;
		uid_t givers[3];
		bool is_refused;
	} ROWS[] = {
		{1001, ACTION_SHRED, {1002}, false},
		{1001, ACTION_SHRED, {1002, 1003}, false}, /* this one */
		{1001, ACTION_SHRED, {1002, 1003, 1004}, true},
		{1009, ACTION_SHRED, {1002, 1003, 1004}, false},
		{1001, ACTION_RELEASE, {1002, 1003, 1004}, false},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct device_request request = {.by = ROWS[i].by,
						       .action = ROWS[i].action,
						       .reason = "asked by the customer",
						       .since_unix = RECEIVED};
		uint32_t number;

		assert_int_equal(device_request_add(fixture->store, id, &request, &number, NULL),
				 BL_OK);
		for (size_t k = 0; k < 3 && ROWS[i].givers[k]; k++) {
			/* By the wall clock, which may be ahead of the time that it is permitted at. */
			const struct device_approval approval = {ROWS[i].givers[k],
								 RECEIVED + 1 + 15 * (int64_t)k};

			assert_int_equal(
				device_request_approve(fixture->store, id, number, &approval, NULL),
				BL_OK);
		}
		if (ROWS[i].is_refused)
			assert_int_equal(
				device_request_refuse(fixture->store, id, number, 1004, NULL),
				BL_OK);
	}
}

/* Too late to count, when it was permitted already. */
static void agree_late(struct fixture *fixture, const char *id)
{
	const struct device_approval approval = {1005, RECEIVED + 20};

	assert_int_equal(device_request_approve(fixture->store, id, 2, &approval, NULL), BL_OK);
}

static void certificate_says_who_asked_and_who_agreed(void **state)
{
	static const struct {
		const char *id;
		int64_t early_unix, now_unix; /* early 0: nobody asked */
		uid_t by;
		const char *says[4];
	} ROWS[] = {
		{"EARLY",
		 RECEIVED + 10,
		 RECEIVED + 10,
		 UINT32_MAX,
		 {"\"operator\":\"uid:1001\"", "\"request\":2", "\"reason\":\"given\"",
		  "\"approvals\":[\"uid:1002\",\"uid:1003\"]"}},
		{"BY-TIMER",
		 RECEIVED + 10,
		 NOW,
		 0,
		 {"\"operator\":\"uid:1001\"", "\"request\":2", "\"reason\":\"given\"",
		  "\"approvals\":[\"uid:1002\",\"uid:1003\"]"}},
		{"BY-DATE",
		 0,
		 NOW,
		 UINT32_MAX,
		 {"\"operator\":\"keeper\"", "\"request\":null", "\"reason\":\"none\"",
		  "\"approvals\":[]"}},
		/* It was due before anybody asked for an early end. */
		{"TOO-LATE",
		 NOW,
		 NOW,
		 1006,
		 {"\"operator\":\"uid:1006\"", "\"request\":null", "\"reason\":\"none\"",
		  "\"approvals\":[]"}},
	};
	struct fixture *fixture = *state;

	READY(fixture);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct retention_context context = context_of(fixture, ROWS[i].now_unix);
		const char *id = ROWS[i].id;

		context.by = ROWS[i].by;
		assert_true(add_sealed(fixture, id, 1, 1 << 20, true));
		ask_and_agree(fixture, id);
		if (ROWS[i].early_unix)
			assert_int_equal(device_early_shred_set(fixture->store, id, 1001,
								ROWS[i].early_unix, NULL),
					 BL_OK);
		agree_late(fixture, id);
		assert_int_equal(retention_shred(&context, id, NULL), BL_OK);

		char *json = certificate_of(fixture, id, ".json");

		for (size_t k = 0; k < BL_COUNT(ROWS[i].says); k++)
			HOLDS(json, ROWS[i].says[k]);
		assert_null(strstr(json, "customer"));
		free(json);
	}
}

int main(void)
{
#define TEST(name)     cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
#define TEST_XFS(name) cmocka_unit_test_setup_teardown(name, set_up_xfs, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(sealed_image_is_gone_from_the_medium_and_certified),
		TEST_XFS(sealed_image_is_gone_from_the_medium_and_certified),
		TEST(image_that_a_key_still_opens_is_not_certified),
		TEST(image_that_is_not_as_it_was_loses_its_keys_all_the_same),
		TEST(unfinished_intake_is_destroyed_and_its_source_forgotten),
		TEST_XFS(reflinked_key_tree_is_an_exception),
		cmocka_unit_test_setup_teardown(
			store_in_memory_is_never_certified_without_exceptions, set_up_in_memory,
			fixture_tear_down),
		TEST(changed_journal_is_refused_and_nothing_destroyed),
		TEST(forged_header_is_not_certified),
		TEST(refused_shred_keeps_the_keys),
		TEST(sealed_device_is_destroyed_when_the_log_is_full),
		TEST(no_hold_comes_while_nobody_knows_whether_it_has_begun),
		TEST(part_is_refused_where_it_cannot_be),
		TEST(certificate_says_who_asked_and_who_agreed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

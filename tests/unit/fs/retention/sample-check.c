#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/device/matters.h"
#include "fs/retention/sample.h"
#include "fs/retention/second-look.h"
#include "tests/unit/fs/retention/fixture.h"

#define ASKED	 1001
#define AGREED	 1002
#define VERIFIER 1003
#define LOOKED	 (NOW + 86400)
#define TEXT	 "what somebody's image held, all of it synthetic"

/* Two of them: a test that needs another store opens the second one. */
static int set_up(void **state)
{
	struct fixture *fixture = calloc(2, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	if (!fixture_open_store(fixture)) {
		fixture_done(fixture); /* cmocka tears down nothing that was not set up */
		return -1;
	}
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	fixture_done(fixture);
	if (*fixture[1].root)
		fixture_done(&fixture[1]);
	free(fixture);
	return 0;
}

/* ---- devices that are destroyed ----------------------------------------------------------------------- */

static void shred_sealed(struct fixture *fixture, const char *id)
{
	struct retention_context context = context_of(fixture, NOW);
	struct bl_error why = {.text = ""};

	assert_true(add_sealed(fixture, id, 1, 1 << 20, true));
	if (retention_shred(&context, id, &why) != BL_OK)
		fail_msg("%s: %s", id, why.text);
}

static void image_path(const struct fixture *fixture, const char *id, char out[128])
{
	snprintf(out, 128, "%s/%s.img", fixture->root, id);
}

static void put_image(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/*
 * A plain image's destruction as its record, the log and its certificate tell it: a real one needs a block device. The image is
 * still there, and so are the keys.
 */
static void tell_of_plain(struct fixture *fixture, const char *id, unsigned exceptions)
{
	const struct retention_context context = context_of(fixture, NOW);
	const struct certificate_time time = {.done_unix = NOW};
	struct shred shred = {.context = &context,
			      .journal = {.kind = SHRED_PLAIN,
					  .size = strlen(TEXT),
					  .has_digest = true,
					  .has_proof = true,
					  .proof = VAULT_PROOF_RAW,
					  .exceptions = exceptions,
					  .by = ASKED,
					  .approval_count = 1,
					  .approvals = {AGREED},
					  .is_complete = true}};
	struct digest *digest = digest_new();
	struct device_end end = {.at_unix = NOW, .by = ASKED};
	char *json = NULL;

	digest_add(digest, TEXT, strlen(TEXT));
	digest_end(digest, shred.journal.digest);
	digest_free(digest);
	assert_int_equal(journal_files(&shred.journal, 1, NULL), BL_OK);
	shred.journal.files[0].verification = VERIFIED_RAW;
	shred.journal.files[0].size = strlen(TEXT);
	assert_int_equal(device_find(fixture->store, id, &shred.device, NULL), BL_OK);
	assert_int_equal(events_intent(&shred, &shred.journal.intent_sequence, NULL), BL_OK);
	assert_int_equal(
		certificate_make(fixture->store, &shred.device, &shred.journal, &time, &json, NULL),
		BL_OK);
	assert_int_equal(
		device_certificate_write(fixture->store, id, ".json", json, strlen(json), NULL),
		BL_OK);
	crypto_generichash(end.certificate, DIGEST, (const uint8_t *)json, strlen(json), NULL, 0);
	assert_int_equal(events_done(&shred, end.certificate, NULL), BL_OK);
	assert_int_equal(device_set_end(fixture->store, id, &end, NULL), BL_OK);
	journal_done(&shred.journal);
	free(json);
}

static void end_plain(struct fixture *fixture, const char *id, unsigned exceptions)
{
	struct device device = {.kind = DEVICE_USB_STICK,
				.has_received = true,
				.received_unix = RECEIVED,
				.enrolled_unix = RECEIVED,
				.destroy_when_due = true};
	enum vault_proof proof;

	snprintf(device.id, sizeof(device.id), "%s", id);
	image_path(fixture, id, device.source);
	put_image(device.source, TEXT);
	assert_int_equal(device_enroll(fixture->store, &device, NULL, NULL), BL_OK);
	assert_int_equal(device_set_state(fixture->store, id, STATE_DUE, NOW, NULL), BL_OK);
	assert_int_equal(device_shred_begin(fixture->store, id, NULL), BL_OK);
	tell_of_plain(fixture, id, exceptions);
	assert_int_equal(vault_device_destroy(device_store_vault(fixture->store), id, &proof, NULL),
			 BL_OK);
	assert_int_equal(device_set_state(fixture->store, id, STATE_SHREDDED, NOW, NULL), BL_OK);
}

static void shred_plain(struct fixture *fixture, const char *id)
{
	char path[128];

	end_plain(fixture, id, 0);
	image_path(fixture, id, path);
	assert_int_equal(unlink(path), 0);
}

/* ---- looking ------------------------------------------------------------------------------------------------ */

static int open_log(struct fixture *fixture)
{
	int fd = -1;

	assert_int_equal(device_store_log(fixture->store, &fd, NULL), BL_OK);
	return fd;
}

static enum sample_check look_in(struct fixture *fixture, struct fixture *log, const char *id)
{
	enum sample_check check = SAMPLE_GOOD;
	struct bl_error why = {.text = ""};
	int fd = open_log(log);

	if (sample_verify(fixture->store, fd, id, VERIFIER, LOOKED, &check, &why) != BL_OK)
		fail_msg("%s: %s", id, why.text);
	close(fd);
	return check;
}

static enum sample_check look(struct fixture *fixture, const char *id)
{
	return look_in(fixture, fixture, id);
}

static char *read_statement(struct fixture *fixture, const char *id, const char *suffix)
{
	char *json = NULL;
	size_t length;

	assert_int_equal(device_certificate_read(fixture->store, id, suffix, &json, &length, NULL),
			 BL_OK);
	return json;
}

static enum bl_status verify(struct fixture *fixture, const char *json, size_t length)
{
	return second_look_verify(json, length,
				  vault_public_key(device_store_vault(fixture->store)), NULL, NULL);
}

/* The statement and the record say it: @bad is the one check that failed; NULL: none. */
static void assert_found(struct fixture *fixture, const char *id, const char *bad)
{
	static const char *const CHECKS[] = {"certificate", "event", "keys", "image"};
	char *json = read_statement(fixture, id, "~verified.json"), wanted[80];
	struct device device;

	assert_int_equal(verify(fixture, json, strlen(json)), BL_OK);
	for (size_t i = 0; i < BL_COUNT(CHECKS); i++) {
		snprintf(wanted, sizeof(wanted), "{\"check\":\"%s\",\"result\":\"%s\"}", CHECKS[i],
			 bad && strcmp(bad, CHECKS[i]) == 0 ? "bad" : "good");
		if (!strstr(json, wanted))
			fail_msg("%s: no %s in %s", id, wanted, json);
	}
	snprintf(wanted, sizeof(wanted), "],\"device\":\"%s\"", id);
	assert_non_null(strstr(json, wanted));
	assert_non_null(strstr(json, bad ? "\"result\":\"bad\",\"signature\""
					 : "\"result\":\"good\",\"signature\""));
	assert_non_null(strstr(json, "\"verifier\":\"uid:1003\""));
	free(json);
	assert_int_equal(device_find(fixture->store, id, &device, NULL), BL_OK);
	assert_int_equal(device.verified.at_unix, LOOKED);
	assert_int_equal(device.verified.by, VERIFIER);
	assert_int_equal(device.verified.is_good, !bad);
}

static void sound_destruction_is_found_good(void **state)
{
	struct fixture *fixture = *state;

	shred_sealed(fixture, "RMA-1");
	shred_plain(fixture, "RMA-2");
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_GOOD);
	assert_found(fixture, "RMA-1", NULL);
	assert_int_equal(look(fixture, "RMA-2"), SAMPLE_GOOD);
	assert_found(fixture, "RMA-2", NULL);

	char *page = read_statement(fixture, "RMA-1", "~verified.txt");

	assert_non_null(strstr(page, "VERIFICATION OF A DESTRUCTION\n"));
	assert_non_null(strstr(page, "Result                good\n"));
	assert_non_null(strstr(page, "Device                RMA-1\n"));
	assert_non_null(strstr(page, "No key left           good\n"));
	assert_non_null(strstr(page, "Looked at by          uid:1003\n"));
	free(page);
}

/* A restocked device's destruction can still be looked at. */
static void released_device_is_verified_too(void **state)
{
	struct fixture *fixture = *state;

	shred_plain(fixture, "RMA-1");
	assert_int_equal(device_set_state(fixture->store, "RMA-1", STATE_RELEASED, NOW, NULL),
			 BL_OK);
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_GOOD);
}

/* ---- each check made bad ------------------------------------------------------------------------------------- */

static void key_is_put_back(struct fixture *fixture, const char *id)
{
	assert_int_equal(vault_device_add(device_store_vault(fixture->store), id, NULL), BL_OK);
}

static void folder_is_put_back(struct fixture *fixture, const char *id)
{
	int folder = -1;

	assert_int_equal(device_folder(fixture->store, id, &folder, NULL), BL_OK);
	assert_int_equal(mkdirat(folder, SEALED_FOLDER, 0700), 0);
	close(folder);
}

static void copy_is_put_back(struct fixture *fixture, const char *id)
{
	char path[128];

	image_path(fixture, id, path);
	put_image(path, TEXT);
}

static void write_certificate(struct fixture *fixture, const char *id, const char *json)
{
	assert_int_equal(
		device_certificate_write(fixture->store, id, ".json", json, strlen(json), NULL),
		BL_OK);
}

static void certificate_is_anothers(struct fixture *fixture, const char *id)
{
	char *json;

	shred_sealed(fixture, "OTHER");
	json = read_statement(fixture, "OTHER", ".json");
	write_certificate(fixture, id, json);
	free(json);
}

static void certificate_is_changed(struct fixture *fixture, const char *id)
{
	char *json = read_statement(fixture, id, ".json");

	json[strcspn(json, "0123456789")] ^= 1; /* a digit still */
	write_certificate(fixture, id, json);
	free(json);
}

static void certificate_is_gone(struct fixture *fixture, const char *id)
{
	char name[64];

	snprintf(name, sizeof(name), "certificates/%s.json", id);
	assert_int_equal(unlinkat(device_store_fd(fixture->store), name, 0), 0);
}

/* Genuine, and of this device, but not the one that the log and the record know. */
static void certificate_is_made_anew(struct fixture *fixture, const char *id)
{
	const struct journal journal = {.kind = SHRED_SEALED,
					.by = UINT32_MAX,
					.has_proof = true,
					.proof = VAULT_PROOF_RAW,
					.was_tried = true};
	const struct certificate_time time = {.done_unix = NOW + 1};
	struct device device;
	char *json = NULL;

	assert_int_equal(device_find(fixture->store, id, &device, NULL), BL_OK);
	assert_int_equal(certificate_make(fixture->store, &device, &journal, &time, &json, NULL),
			 BL_OK);
	write_certificate(fixture, id, json);
	free(json);
}

static void nothing_is_done(struct fixture *fixture, const char *id)
{
	(void)fixture, (void)id;
}

static void each_check_that_is_made_bad_is_told(void **state)
{
	static const struct {
		const char *id;
		void (*destroy)(struct fixture *fixture, const char *id);
		void (*spoil)(struct fixture *fixture, const char *id);
		enum sample_check check;
		const char *word;
	} ROWS[] = {
		{"KEY", shred_sealed, key_is_put_back, SAMPLE_KEYS, "keys"},
		{"KEY-PLAIN", shred_plain, key_is_put_back, SAMPLE_KEYS, "keys"},
		{"FOLDER", shred_sealed, folder_is_put_back, SAMPLE_IMAGE, "image"},
		{"COPY", shred_plain, copy_is_put_back, SAMPLE_IMAGE, "image"},
		{"ANOTHERS", shred_sealed, certificate_is_anothers, SAMPLE_CERTIFICATE,
		 "certificate"},
		{"CHANGED", shred_sealed, certificate_is_changed, SAMPLE_CERTIFICATE,
		 "certificate"},
		{"GONE", shred_plain, certificate_is_gone, SAMPLE_CERTIFICATE, "certificate"},
		{"ANEW", shred_sealed, certificate_is_made_anew, SAMPLE_CERTIFICATE, "certificate"},
		{"SOUND", shred_sealed, nothing_is_done, SAMPLE_GOOD, NULL},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		print_message("%s\n", ROWS[i].id);
		ROWS[i].destroy(fixture, ROWS[i].id);
		ROWS[i].spoil(fixture, ROWS[i].id);

		enum sample_check check = look(fixture, ROWS[i].id);

		if (check != ROWS[i].check)
			fail_msg("%s: %s", ROWS[i].id, sample_check_name(check));
		assert_found(fixture, ROWS[i].id, ROWS[i].word);
	}
}

static void append_event(struct fixture *fixture, const char *id, enum audit_op op,
			 const char *detail)
{
	struct audit_event event = {.op = op, .uid = UINT32_MAX};
	uint64_t sequence;

	snprintf(event.device, sizeof(event.device), "%s", id);
	snprintf(event.detail, sizeof(event.detail), "%s", detail);
	assert_int_equal(audit_append(fixture->audit, &event, &sequence, NULL), BL_OK);
}

/* Another log has a DONE of a device of that name, with another certificate's digest; and whatever else is nearly right. */
static void done_event_that_the_log_does_not_have_is_told(void **state)
{
	struct fixture *fixture = *state, *other = &fixture[1];
	struct count done;
	char longer[AUDIT_DETAIL_SIZE];

	assert_true(fixture_init(other) && fixture_open_store(other));
	shred_sealed(other, "RMA-1");
	shred_sealed(fixture, "RMA-1");
	done = count_events(fixture, "RMA-1", AUDIT_SHRED_DONE);
	assert_non_null(strstr(done.detail, " certificate "));
	snprintf(longer, sizeof(longer), "%.150s.", done.detail);
	append_event(other, "RMA-1", AUDIT_PART_DONE, done.detail);
	append_event(other, "RMA-2", AUDIT_SHRED_DONE, done.detail);
	append_event(other, "RMA-1", AUDIT_SHRED_DONE, longer);
	assert_int_equal(look_in(fixture, other, "RMA-1"), SAMPLE_EVENT);
	assert_found(fixture, "RMA-1", "event");
	append_event(other, "RMA-1", AUDIT_SHRED_DONE, done.detail);
	assert_int_equal(look_in(fixture, other, "RMA-1"), SAMPLE_GOOD);
}

static void certificate_that_says_not_erased_is_bad(void **state)
{
	struct fixture *fixture = *state;
	char path[128];

	end_plain(fixture, "RMA-1", EXCEPTION_VANISHED);
	image_path(fixture, "RMA-1", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_CERTIFICATE);
	assert_found(fixture, "RMA-1", "certificate");
}

/* Whatever it holds by now. */
static void image_that_was_never_removed_is_found(void **state)
{
	struct fixture *fixture = *state;
	char path[128];

	end_plain(fixture, "RMA-1", 0);
	image_path(fixture, "RMA-1", path);

	FILE *file = fopen(path, "r+e");

	assert_non_null(file);
	assert_true(fputs("other bytes, and more of them than there were in it before", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_IMAGE);
	assert_found(fixture, "RMA-1", "image");
}

static void what_else_lies_where_the_image_was_is_not_its(void **state)
{
	struct fixture *fixture = *state;
	char path[128], aside[128], other[sizeof(TEXT)];

	shred_plain(fixture, "RMA-1");
	image_path(fixture, "ASIDE", aside);
	put_image(aside, TEXT);
	image_path(fixture, "RMA-1", path);
	memcpy(other, TEXT, sizeof(other));
	other[5] ^= 1;
	put_image(path, other);
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_GOOD);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_GOOD);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_GOOD);
	assert_int_equal(rmdir(path), 0);
	/* A link is not followed: what it leads to is not where the image was. */
	assert_int_equal(symlink(aside, path), 0);
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_GOOD);
}

static void first_that_is_bad_is_what_is_told(void **state)
{
	struct fixture *fixture = *state;

	shred_sealed(fixture, "RMA-1");
	folder_is_put_back(fixture, "RMA-1");
	key_is_put_back(fixture, "RMA-1");
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_KEYS);

	char *json = read_statement(fixture, "RMA-1", "~verified.json");

	assert_non_null(strstr(json, "{\"check\":\"keys\",\"result\":\"bad\"},"
				     "{\"check\":\"image\",\"result\":\"bad\"}]"));
	free(json);
}

static void bad_result_is_replaced_by_the_next_look(void **state)
{
	struct fixture *fixture = *state;
	enum vault_proof proof;

	shred_sealed(fixture, "RMA-1");
	key_is_put_back(fixture, "RMA-1");
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_KEYS);
	assert_int_equal(
		vault_device_destroy(device_store_vault(fixture->store), "RMA-1", &proof, NULL),
		BL_OK);
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_GOOD);
	assert_found(fixture, "RMA-1", NULL);
}

static void what_was_not_destroyed_is_not_verified(void **state)
{
	struct fixture *fixture = *state;
	static const struct device_end NO_END = {.at_unix = 0};
	enum sample_check check = SAMPLE_GOOD;
	int fd = open_log(fixture);

	assert_true(add_sealed(fixture, "ALIVE", 1, 1 << 20, true));
	assert_int_equal(sample_verify(fixture->store, fd, "ALIVE", VERIFIER, LOOKED, &check, NULL),
			 BL_INVALID);
	assert_int_equal(sample_verify(fixture->store, fd, "NONE", VERIFIER, LOOKED, &check, NULL),
			 BL_NOT_FOUND);
	shred_sealed(fixture, "OLD");
	assert_int_equal(device_set_end(fixture->store, "OLD", &NO_END, NULL), BL_OK);
	assert_int_equal(sample_verify(fixture->store, fd, "OLD", VERIFIER, LOOKED, &check, NULL),
			 BL_INVALID);
	close(fd);
}

/* ---- who may ----------------------------------------------------------------------------------------------------- */

static void who_asked_or_agreed_does_not_verify(void **state)
{
	static const struct {
		const char *id;
		uid_t by;
		enum bl_status status;
	} ROWS[] = {
		{"ASKED", ASKED, BL_FORBIDDEN}, {"ASKED", AGREED, BL_FORBIDDEN},
		{"ASKED", VERIFIER, BL_OK},	{"ASKED", 100, BL_OK},
		{"KEEPER", ASKED, BL_OK},	{"KEEPER", AGREED, BL_OK},
		{"GONE", ASKED, BL_OK},		{"CHANGED", ASKED, BL_OK},
		{"CHANGED", AGREED, BL_OK},	{"ANOTHERS", ASKED, BL_OK},
	};
	struct fixture *fixture = *state;
	char *json;

	shred_plain(fixture, "ASKED");
	shred_sealed(fixture, "KEEPER");
	shred_plain(fixture, "GONE");
	certificate_is_gone(fixture, "GONE");
	shred_plain(fixture, "CHANGED");
	certificate_is_changed(fixture, "CHANGED");
	shred_sealed(fixture, "ANOTHERS");
	json = read_statement(fixture, "ASKED", ".json");
	write_certificate(fixture, "ANOTHERS", json);
	free(json);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct bl_error why = {.text = ""};
		enum bl_status status = sample_may(fixture->store, ROWS[i].id, ROWS[i].by, &why);

		if (status != ROWS[i].status || (status == BL_FORBIDDEN && !strchr(why.text, '(')))
			fail_msg("%s by %u: %s '%s'", ROWS[i].id, ROWS[i].by,
				 bl_status_name(status), why.text);
	}
}

/* It is destroyed by the keeper then, and no certificate names them. */
static void who_recorded_the_request_to_erase_does_not_verify(void **state)
{
	static const struct {
		enum customer_request_kind kind;
		bool is_refused;
		enum bl_status status;
	} ROWS[] = {
		{CUSTOMER_ERASE, false, BL_FORBIDDEN},
		{CUSTOMER_ERASE, true, BL_OK},
		{CUSTOMER_DISCLOSE, false, BL_OK},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct device_customer_request request = {.kind = ROWS[i].kind,
								.since_unix = RECEIVED,
								.deadline_unix = RECEIVED,
								.by = ASKED,
								.ticket = "T-1"};
		struct retention_context context = context_of(fixture, NOW);
		char id[16];

		snprintf(id, sizeof(id), "RMA-%zu", i);
		assert_true(add_sealed(fixture, id, 1, 1 << 20, true));
		assert_int_equal(
			device_customer_request_add(fixture->store, id, &request, NULL, NULL),
			BL_OK);
		if (ROWS[i].is_refused)
			assert_int_equal(device_customer_request_end(fixture->store, id, 1,
								     CUSTOMER_REFUSED, AGREED,
								     RECEIVED, NULL, NULL),
					 BL_OK);
		assert_int_equal(retention_shred(&context, id, NULL), BL_OK);
		assert_int_equal(sample_may(fixture->store, id, VERIFIER, NULL), BL_OK);
		if (sample_may(fixture->store, id, ASKED, NULL) != ROWS[i].status)
			fail_msg("row %zu", i);
	}
}

/* Of what was destroyed, whoever looks: restocking asks for it. */
static void erased_is_what_a_certificate_of_its_own_says(void **state)
{
	static const struct {
		const char *id;
		enum bl_status status;
	} ROWS[] = {
		{"SOUND", BL_OK},
		{"PLAIN", BL_OK},
		{"OLD", BL_OK},
		{"GONE", BL_NOT_VERIFIED},
		{"CHANGED", BL_NOT_VERIFIED},
		{"ANEW", BL_NOT_VERIFIED},
		{"NOT-ERASED", BL_NOT_VERIFIED},
		{"OLD-ANOTHERS", BL_NOT_VERIFIED},
		{"ALIVE", BL_NOT_VERIFIED},
	};
	static const struct device_end NO_END = {.at_unix = 0};
	struct fixture *fixture = *state;

	shred_sealed(fixture, "SOUND");
	shred_plain(fixture, "PLAIN");
	shred_plain(fixture, "OLD");
	assert_int_equal(device_set_end(fixture->store, "OLD", &NO_END, NULL), BL_OK);
	shred_plain(fixture, "GONE");
	certificate_is_gone(fixture, "GONE");
	shred_plain(fixture, "CHANGED");
	certificate_is_changed(fixture, "CHANGED");
	shred_sealed(fixture, "ANEW");
	certificate_is_made_anew(fixture, "ANEW");
	end_plain(fixture, "NOT-ERASED", EXCEPTION_VANISHED);
	shred_plain(fixture, "OLD-ANOTHERS");
	assert_int_equal(device_set_end(fixture->store, "OLD-ANOTHERS", &NO_END, NULL), BL_OK);
	certificate_is_anothers(fixture, "OLD-ANOTHERS");
	assert_true(add_sealed(fixture, "ALIVE", 1, 1 << 20, true));
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (retention_is_erased(fixture->store, ROWS[i].id, NULL) != ROWS[i].status)
			fail_msg("%s", ROWS[i].id);
}

/* ---- the statement ------------------------------------------------------------------------------------------------ */

static void changed_statement_is_refused(void **state)
{
	struct fixture *fixture = *state;
	uint8_t stranger[VAULT_PUBLIC_KEY];

	shred_sealed(fixture, "RMA-1");
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_GOOD);

	char *json = read_statement(fixture, "RMA-1", "~verified.json");
	char *certificate = read_statement(fixture, "RMA-1", ".json");
	const uint8_t *key = vault_public_key(device_store_vault(fixture->store));
	size_t length = strlen(json);

	for (size_t i = 0; i < length; i++) {
		json[i] ^= 1;
		if (verify(fixture, json, length) == BL_OK)
			fail_msg("byte %zu changed, and it verifies", i);
		json[i] ^= 1;
	}
	assert_int_equal(verify(fixture, json, length - 1), BL_TAMPERED);
	memcpy(stranger, key, sizeof(stranger));
	stranger[0] ^= 1;
	assert_int_equal(second_look_verify(json, length, stranger, NULL, NULL), BL_TAMPERED);
	/* Neither is taken for the other. */
	assert_int_equal(verify(fixture, certificate, strlen(certificate)), BL_INVALID);
	assert_int_equal(
		retention_certificate_verify(json, length, key, RETENTION_TEXT, NULL, NULL),
		BL_INVALID);
	free(certificate);
	free(json);
}

/* ---- what a destruction leaves for this ---------------------------------------------------------------------------- */

static uint32_t ask(struct fixture *fixture, const char *id, enum customer_request_kind kind)
{
	struct device_customer_request request = {.kind = kind,
						  .since_unix = RECEIVED,
						  .deadline_unix = RECEIVED + 86400,
						  .by = ASKED,
						  .ticket = "T-1"};
	struct bl_error why = {.text = ""};
	uint32_t number = 0;

	if (device_customer_request_add(fixture->store, id, &request, &number, &why) != BL_OK)
		fail_msg("%s", why.text);
	return number;
}

static void destruction_writes_down_its_end_and_ends_what_the_customer_asked_for(void **state)
{
	struct fixture *fixture = *state;
	struct retention_context context = context_of(fixture, NOW);
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	uint8_t digest[DIGEST];
	struct device device;

	context.by = ASKED;
	assert_true(add_sealed(fixture, "RMA-1", 1, 1 << 20, true));

	uint32_t erase = ask(fixture, "RMA-1", CUSTOMER_ERASE);
	uint32_t disclose = ask(fixture, "RMA-1", CUSTOMER_DISCLOSE);

	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);

	char *json = read_statement(fixture, "RMA-1", ".json");

	crypto_generichash(digest, DIGEST, (const uint8_t *)json, strlen(json), NULL, 0);
	free(json);
	assert_in_range(device.end.at_unix, NOW, NOW + 600);
	assert_int_equal(device.end.by, ASKED);
	assert_memory_equal(device.end.certificate, digest, DIGEST);
	assert_int_equal(device_matters_read(fixture->store, "RMA-1", &matters, NULL), BL_OK);
	assert_int_equal(matters->request_count, 2);
	for (size_t i = 0; i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];

		if (request->number == disclose) {
			assert_int_equal(request->state, CUSTOMER_OPEN);
			continue;
		}
		assert_int_equal(request->number, erase);
		assert_int_equal(request->state, CUSTOMER_DONE);
		assert_int_equal(request->ended_by, UINT32_MAX);
		assert_int_equal(request->ended_unix, device.end.at_unix);
		assert_true(request->has_proof);
		assert_memory_equal(request->proof, digest, DIGEST);
	}
}

/* Nothing that somebody did to that file keeps what is due from being destroyed. */
static void requests_that_cannot_be_read_do_not_stop_a_destruction(void **state)
{
	struct fixture *fixture = *state;
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	struct device device;

	assert_true(add_sealed(fixture, "RMA-1", 1, 1 << 20, true));
	(void)ask(fixture, "RMA-1", CUSTOMER_ERASE);
	fixture_close_store(fixture);
	put_image(path_of(fixture, "store/devices/RMA-1/matters.sealed"), "not sealed");
	assert_true(fixture_open_store(fixture));
	assert_int_equal(device_matters_read(fixture->store, "RMA-1", &matters, NULL), BL_TAMPERED);

	struct retention_context context = context_of(fixture, NOW);
	struct bl_error why = {.text = ""};

	if (retention_shred(&context, "RMA-1", &why) != BL_OK)
		fail_msg("%s", why.text);
	assert_int_equal(device_find(fixture->store, "RMA-1", &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_SHREDDED);
	assert_int_equal(look(fixture, "RMA-1"), SAMPLE_GOOD);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(sound_destruction_is_found_good),
		TEST(released_device_is_verified_too),
		TEST(each_check_that_is_made_bad_is_told),
		TEST(done_event_that_the_log_does_not_have_is_told),
		TEST(certificate_that_says_not_erased_is_bad),
		TEST(image_that_was_never_removed_is_found),
		TEST(what_else_lies_where_the_image_was_is_not_its),
		TEST(first_that_is_bad_is_what_is_told),
		TEST(bad_result_is_replaced_by_the_next_look),
		TEST(what_was_not_destroyed_is_not_verified),
		TEST(who_asked_or_agreed_does_not_verify),
		TEST(who_recorded_the_request_to_erase_does_not_verify),
		TEST(erased_is_what_a_certificate_of_its_own_says),
		TEST(changed_statement_is_refused),
		TEST(destruction_writes_down_its_end_and_ends_what_the_customer_asked_for),
		TEST(requests_that_cannot_be_read_do_not_stop_a_destruction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

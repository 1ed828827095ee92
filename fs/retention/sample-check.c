/* Looking again at one destruction, and who may. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fs/device/matters.h"
#include "fs/device/statement.h"
#include "fs/retention/fields.h"
#include "fs/retention/look.h"
#include "fs/retention/sample.h"
#include "fs/retention/second-look.h"

/* What is asked of one device. */
struct look {
	struct device_store *store;
	int log_fd;
	struct device device;
	json_t *certificate; /* of its end; NULL: none that verifies */
	bool is_good[SAMPLE_GOOD];
};

static void look_done(struct look *look)
{
	json_decref(look->certificate);
}
#define LOOK_CLEANUP __attribute__((cleanup(look_done)))

const char *sample_check_name(enum sample_check check)
{
	static const char *const NAMES[] = {
		[SAMPLE_CERTIFICATE] = "its certificate does not verify, or says NOT_ERASED",
		[SAMPLE_EVENT] = "the log has no DONE event with its certificate's digest",
		[SAMPLE_KEYS] = "a key of it is there",
		[SAMPLE_IMAGE] = "something of its image is there",
		[SAMPLE_GOOD] = "good",
	};

	return NAMES[check];
}

/* ---- the certificate ------------------------------------------------------------------------------------ */

static enum bl_status check_certificate(struct look *look, bool *out_is_good, struct bl_error *why)
{
	uint8_t digest[DIGEST];
	enum bl_status status =
		certificate_of_end(look->store, &look->device, &look->certificate, digest, why);

	if (status != BL_OK && status != BL_NOT_FOUND && status != BL_NOT_VERIFIED)
		return status;
	*out_is_good = status == BL_OK &&
		       memcmp(digest, look->device.end.certificate, DIGEST) == 0 &&
		       strcmp(statement_text(look->certificate, NULL, "status"), "NOT_ERASED") != 0;
	return BL_OK;
}

/* ---- the event ------------------------------------------------------------------------------------------ */

struct search {
	const char *id, *digest; /* hex */
	bool is_found;
};

static bool look_at_record(void *context, const struct audit_record *record)
{
	struct search *search = context;
	const struct audit_event *event = &record->event;
	size_t length = strlen(event->detail), wanted = strlen(search->digest);

	search->is_found = event->op == AUDIT_SHRED_DONE &&
			   strcmp(event->device, search->id) == 0 && length > wanted &&
			   strcmp(event->detail + length - wanted, search->digest) == 0;
	return !search->is_found;
}

/*
 * From INTENT on, as the certificate names it, since the log's stamps are the wall clock's and may be far from when it was; else
 * through all of it.
 */
static enum bl_status check_event(struct look *look, bool *out_is_good, struct bl_error *why)
{
	char hex[HEX_SIZE(DIGEST)];
	struct search search = {.id = look->device.id, .digest = hex};
	json_int_t from =
		json_integer_value(statement_at(look->certificate, "log", "intent_sequence"));

	sodium_bin2hex(hex, sizeof(hex), look->device.end.certificate, DIGEST);

	enum bl_status status = audit_scan_from(look->log_fd, from > 0 ? (uint64_t)from : 0,
						look_at_record, &search, why);

	*out_is_good = search.is_found;
	return status;
}

/* ---- keys ------------------------------------------------------------------------------------------------- */

static enum bl_status check_keys(struct look *look, bool *out_is_good, struct bl_error *why)
{
	struct vault *vault = device_store_vault(look->store);
	const char *id = look->device.id;
	uint8_t key[VAULT_KEY];

	(void)why;
	*out_is_good = vault_image_root(vault, id, key, NULL) == BL_NOT_FOUND &&
		       vault_device_key(vault, id, VAULT_RECORD, key, NULL) == BL_NOT_FOUND;
	sodium_memzero(key, sizeof(key));
	return BL_OK;
}

/* ---- the image --------------------------------------------------------------------------------------------- */

static enum bl_status check_folder(const struct look *look, bool *out_is_empty,
				   struct bl_error *why)
{
	BL_CLEANUP(fd_close) int folder = -1;
	struct stat st;
	enum bl_status status = device_folder(look->store, look->device.id, &folder, why);

	if (status != BL_OK)
		return status;
	*out_is_empty = fstatat(folder, SEALED_FOLDER, &st, AT_SYMLINK_NOFOLLOW) != 0;
	if (*out_is_empty && errno != ENOENT)
		return bl_fail_errno(why, BL_IO, "cannot look into the folder of '%s'",
				     look->device.id);
	return BL_OK;
}

/* The number of a disk may be another one after a restart: a birth in ns tells the inode alone. */
static bool is_same_file(const struct device *device, const struct statx *stx)
{
	int64_t birth_ns =
		stx->stx_mask & STATX_BTIME
			? stx->stx_btime.tv_sec * INT64_C(1000000000) + stx->stx_btime.tv_nsec
			: 0;

	if (stx->stx_ino != device->source_ino)
		return false;
	if (birth_ns && device->source_birth_ns)
		return birth_ns == device->source_birth_ns;
	return makedev(stx->stx_dev_major, stx->stx_dev_minor) == device->source_dev;
}

/* Somebody who kept a copy may have put it back. Its bytes are read only when it is as long as what was destroyed. */
static enum bl_status compare_copy(const struct look *look, int fd, uint64_t size,
				   bool *out_is_copy, struct bl_error *why)
{
	const json_t *what = json_object_get(look->certificate, "what");
	const char *wanted = statement_text(what, "digest", "value");
	json_int_t had = json_integer_value(json_object_get(what, "size_bytes"));
	BL_CLEANUP(digest_free) struct digest *digest = NULL;
	char hex[HEX_SIZE(DIGEST)];
	uint8_t value[DIGEST];

	*out_is_copy = false;
	if (!look->is_good[SAMPLE_CERTIFICATE] || !*wanted || had < 0 || (uint64_t)had != size ||
	    strcmp(statement_text(what, "digest", "algorithm"), DIGEST_NAME) != 0)
		return BL_OK;
	digest = digest_new();
	if (!digest)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = overwrite_digest(fd, size, digest, why);

	digest_end(digest, value);
	sodium_bin2hex(hex, sizeof(hex), value, sizeof(value));
	*out_is_copy = strcmp(hex, wanted) == 0;
	return status;
}

/* Whatever else lies where the image was is somebody else's. */
static bool is_gone(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO ||
	       error == ENODEV;
}

static enum bl_status check_source(const struct look *look, bool *out_is_gone, struct bl_error *why)
{
	const struct device *device = &look->device;
	BL_CLEANUP(fd_close)
	int fd = open(device->source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct statx stx;
	bool is_copy = false;

	*out_is_gone = true;
	if (fd < 0 && is_gone(errno))
		return BL_OK;
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stx) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look where the image of '%s' was",
				     device->id);
	if (!S_ISREG(stx.stx_mode))
		return BL_OK;

	bool is_same = is_same_file(device, &stx);
	enum bl_status status =
		is_same ? BL_OK : compare_copy(look, fd, stx.stx_size, &is_copy, why);

	*out_is_gone = !is_same && !is_copy;
	return status;
}

static enum bl_status check_image(struct look *look, bool *out_is_good, struct bl_error *why)
{
	enum bl_status status = check_folder(look, out_is_good, why);

	if (status != BL_OK || !*out_is_good || look->device.source_kind == SOURCE_SEALED)
		return status;
	return check_source(look, out_is_good, why);
}

/* ---- all of them ------------------------------------------------------------------------------------------- */

static const struct {
	const char *word; /* of the statement */
	enum bl_status (*check)(struct look *look, bool *out_is_good, struct bl_error *why);
} CHECKS[SAMPLE_GOOD] = {
	[SAMPLE_CERTIFICATE] = {"certificate", check_certificate},
	[SAMPLE_EVENT] = {"event", check_event},
	[SAMPLE_KEYS] = {"keys", check_keys},
	[SAMPLE_IMAGE] = {"image", check_image},
};

static enum bl_status begin(struct device_store *store, const char *id, struct look *look,
			    struct bl_error *why)
{
	enum bl_status status = device_find(store, id, &look->device, why);

	if (status != BL_OK)
		return status;
	if (!device_is_gone(&look->device))
		return bl_fail(why, BL_INVALID,
			       "device '%s' is %s (only destroyed ones are "
			       "verified)",
			       id, bl_device_state_name(look->device.state));
	if (!look->device.end.at_unix)
		return bl_fail(why, BL_INVALID,
			       "how device '%s' ended is not on record (an earlier version, or it "
			       "was given back): there is nothing to verify",
			       id);
	return BL_OK;
}

static enum bl_status look_at_all(struct look *look, enum sample_check *out_check,
				  struct bl_error *why)
{
	enum bl_status status = BL_OK;

	*out_check = SAMPLE_GOOD;
	for (size_t i = 0; i < SAMPLE_GOOD && status == BL_OK; i++) {
		status = CHECKS[i].check(look, &look->is_good[i], why);
		if (!look->is_good[i] && *out_check == SAMPLE_GOOD)
			*out_check = (enum sample_check)i;
	}
	return status;
}

/* ---- what is written down ----------------------------------------------------------------------------------- */

static const char *result_of(bool is_good)
{
	return is_good ? "good" : "bad";
}

static json_t *checks_of(const struct look *look)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < SAMPLE_GOOD; i++)
		if (json_array_append_new(list, json_pack("{s:s,s:s}", "check", CHECKS[i].word,
							  "result", result_of(look->is_good[i]))) !=
		    0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *body_of(const struct look *look, bool is_good, uid_t by, int64_t now_unix)
{
	char store[HEX_SIZE(16)], key[HEX_SIZE(VAULT_PUBLIC_KEY)], digest[HEX_SIZE(DIGEST)];
	char verifier[32];

	sodium_bin2hex(store, sizeof(store), device_store_id(look->store), 16);
	sodium_bin2hex(key, sizeof(key), vault_public_key(device_store_vault(look->store)),
		       VAULT_PUBLIC_KEY);
	sodium_bin2hex(digest, sizeof(digest), look->device.end.certificate, DIGEST);
	snprintf(verifier, sizeof(verifier), "uid:%u", (unsigned)by);
	return json_pack("{s:s,s:i,s:s,s:s,s:s,s:s,s:o,s:o,s:s,s:o,s:{s:s,s:s}}", "type",
			 VERIFICATION_TYPE, "version", VERIFICATION_VERSION, "store", store,
			 "public_key", key, "device", look->device.id, "certificate", digest,
			 "ended", statement_utc(look->device.end.at_unix), "checks",
			 checks_of(look), "result", result_of(is_good), "when",
			 statement_utc(now_unix), "who", "verifier", verifier, "program",
			 "bailee " BAILEE_VERSION);
}

static enum bl_status write_statement(const struct look *look, bool is_good, uid_t by,
				      int64_t now_unix, struct bl_error *why)
{
	struct vault *vault = device_store_vault(look->store);
	JSON_CLEANUP json_t *body = body_of(look, is_good, by, now_unix);
	BL_CLEANUP(bl_free) char *json = NULL;
	BL_CLEANUP(bl_free) char *page = NULL;
	enum bl_status status = statement_sign(vault, body, &json, why);

	if (status == BL_OK)
		status =
			second_look_verify(json, strlen(json), vault_public_key(vault), &page, why);
	if (status == BL_OK)
		status = device_certificate_write(look->store, look->device.id, "~verified.json",
						  json, strlen(json), why);
	if (status == BL_OK)
		status = device_certificate_write(look->store, look->device.id, "~verified.txt",
						  page, strlen(page), why);
	return status;
}

enum bl_status sample_verify(struct device_store *store, int log_fd, const char *id, uid_t by,
			     int64_t now_unix, enum sample_check *out_check, struct bl_error *why)
{
	LOOK_CLEANUP struct look look = {.store = store, .log_fd = log_fd};
	enum sample_check found;
	enum bl_status status = begin(store, id, &look, why);

	if (status == BL_OK)
		status = look_at_all(&look, &found, why);
	if (status != BL_OK)
		return status;

	const struct device_verified verified = {
		.at_unix = now_unix, .by = by, .is_good = found == SAMPLE_GOOD};

	status = write_statement(&look, verified.is_good, by, now_unix, why);
	if (status == BL_OK)
		status = device_set_verified(store, id, &verified, why);
	if (status == BL_OK)
		*out_check = found;
	return status;
}

/* ---- who may ------------------------------------------------------------------------------------------------- */

static bool is_named(const json_t *certificate, const char *who)
{
	const json_t *givers = statement_at(certificate, "why", "approvals");

	if (strcmp(statement_text(certificate, "who", "operator"), who) == 0)
		return true;
	for (size_t i = 0; i < json_array_size(givers); i++) {
		const char *giver = json_string_value(json_array_get(givers, i));

		if (giver && strcmp(giver, who) == 0)
			return true;
	}
	return false;
}

/* Who put the customer's request on record has it destroyed as much as who asks for it in their own name. */
static bool has_recorded(struct device_store *store, const struct device *device, uid_t by)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;

	if (device_matters_read(store, device->id, &matters, NULL) != BL_OK)
		return false;
	for (size_t i = 0; i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];

		if (request->kind == CUSTOMER_ERASE && request->by == by &&
		    request->state != CUSTOMER_REFUSED)
			return true;
	}
	return false;
}

/* A certificate that is not there or does not verify stops nobody: that is what is to be found out. */
enum bl_status sample_may(struct device_store *store, const char *id, uid_t by,
			  struct bl_error *why)
{
	LOOK_CLEANUP struct look look = {.store = store};
	uint8_t digest[DIGEST];
	char who[32];
	enum bl_status status = begin(store, id, &look, why);

	if (status != BL_OK)
		return status;
	snprintf(who, sizeof(who), "uid:%u", (unsigned)by);
	if (has_recorded(store, &look.device, by) ||
	    (certificate_of_end(store, &look.device, &look.certificate, digest, NULL) == BL_OK &&
	     is_named(look.certificate, who)))
		return bl_fail(why, BL_FORBIDDEN,
			       "the destruction of '%s' is not yours to verify: you asked for it, "
			       "or agreed to it (somebody else has to)",
			       id);
	return BL_OK;
}

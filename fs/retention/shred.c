#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/retention/private.h"

struct shred {
	const struct retention_context *context;
	struct device device;
	struct journal journal;
	int fd; /* the image, held from the check to the unlink; -1: gone */
	bool is_resumed;
};

static void shred_done(struct shred *shred)
{
	fd_close(shred->fd);
	journal_done(&shred->journal);
}
#define SHRED_CLEANUP __attribute__((cleanup(shred_done)))

/* ---- what the log says ------------------------------------------------------------------------- */

struct search {
	const char *id;
	enum audit_op op;
	bool is_found;
	uint64_t sequence;
};

static bool look_at_record(void *context, const struct audit_record *record)
{
	struct search *search = context;

	/* Ids are never given again, so the first such event of a device is the only one. */
	if (record->event.op == search->op && strcmp(record->event.device, search->id) == 0) {
		search->is_found = true;
		search->sequence = record->sequence;
	}
	return !search->is_found;
}

static enum bl_status search_log(const struct shred *shred, enum audit_op op, struct search *out,
				 struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = openat(device_store_fd(shred->context->store), "log",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*out = (struct search){.id = shred->device.id, .op = op};
	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the log");
	return audit_scan(fd, look_at_record, out, why);
}

static enum bl_status append_event(const struct shred *shred, enum audit_op op,
				   enum audit_verdict verdict, const char *detail,
				   uint64_t *out_sequence, struct bl_error *why)
{
	const struct journal *journal = &shred->journal;
	struct audit_event event = {
		.op = op,
		.verdict = verdict,
		.uid = journal->by,
		.gid = UINT32_MAX,
		.pid = UINT32_MAX,
		.login_uid = UINT32_MAX,
		.policy_serial = journal->policy_serial,
		.bytes = journal->size,
	};

	memcpy(event.device, shred->device.id, sizeof(event.device));
	memcpy(event.rule, journal->entry, sizeof(event.rule));
	snprintf(event.detail, sizeof(event.detail), "%s", detail);
	return audit_append(shred->context->audit, &event, out_sequence, why);
}

/* ---- the steps: each can be done again -------------------------------------------------------------- */

/* The journal first: when the log says INTENT, recovery must find it. */
static enum bl_status do_intent(struct shred *shred, struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	char digest[HEX_SIZE(DIGEST)], detail[AUDIT_DETAIL_SIZE];
	enum bl_status status = device_shred_begin(store, shred->device.id, why);

	if (status != BL_OK)
		return status;
	sodium_bin2hex(digest, sizeof(digest), shred->journal.policy_digest, DIGEST);
	snprintf(detail, sizeof(detail), "policy %s", digest);
	status = journal_save(store, shred->device.id, &shred->journal, why);
	if (status == BL_OK)
		status = append_event(shred, AUDIT_SHRED_INTENT, AUDIT_PERMITTED, detail,
				      &shred->journal.intent_sequence, why);
	/* After a failed append the journal stays: whether the event reached the disk after all, recovery asks. */
	if (status != BL_OK)
		device_shred_abandon(store, shred->device.id);
	return status;
}

static enum bl_status do_overwrite(struct shred *shred, struct bl_error *why)
{
	if (shred->fd < 0)
		return BL_OK;
	return overwrite_write(shred->fd, shred->journal.size, shred->journal.pattern, why);
}

static enum bl_status do_sync(struct shred *shred, struct bl_error *why)
{
	if (shred->fd >= 0 && fdatasync(shred->fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the overwritten image");
	return BL_OK;
}

static enum bl_status check_disk(struct shred *shred, struct bl_error *why)
{
	const struct journal *journal = &shred->journal;
	BL_CLEANUP(fd_close)
	int disk = medium_open_disk(journal->major, journal->minor, journal->disk);

	if (disk < 0)
		return bl_fail(why, BL_IO, "cannot open the raw device");
	return overwrite_check_disk(disk, &journal->layout, journal->size, journal->pattern, why);
}

/* Where it lies may have changed since INTENT (a defragmenter): the old bytes may lie on at the first place. */
static enum bl_status refresh_layout(struct shred *shred, struct bl_error *why)
{
	struct medium_layout layout = {0};
	enum bl_status status =
		medium_layout_read(shred->fd, shred->journal.size, false, &layout, why);

	if (status != BL_OK)
		return status;
	if (layout.count != shred->journal.layout.count ||
	    memcmp(layout.items, shred->journal.layout.items,
		   layout.count * sizeof(*layout.items)) != 0)
		shred->journal.exceptions |= EXCEPTION_MOVED;
	medium_layout_free(&shred->journal.layout);
	shred->journal.layout = layout;
	return BL_OK;
}

static enum bl_status verify_image(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	enum bl_status status = check_disk(shred, why);

	/* Once more before giving up: the blocks may have moved under the first overwrite. */
	if (status == BL_NOT_VERIFIED) {
		status = refresh_layout(shred, why);
		if (status == BL_OK)
			status = do_overwrite(shred, why);
		if (status == BL_OK)
			status = do_sync(shred, why);
		if (status != BL_OK)
			return status;
		status = check_disk(shred, why);
	}
	journal->verification = VERIFIED_RAW;
	if (status == BL_IO) {
		status = overwrite_check_file(shred->fd, journal->size, journal->pattern, why);
		journal->verification = VERIFIED_FILE;
		journal->exceptions |= EXCEPTION_NOT_RAW;
	}
	if (status == BL_NOT_VERIFIED)
		return bl_fail(why, BL_IO, "what was read back of '%s' is not what was written",
			       shred->device.id);
	journal->verified_bytes = journal->size;
	return status;
}

static enum bl_status do_verify(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	enum bl_status status = BL_OK;

	if (shred->fd >= 0) {
		status = verify_image(shred, why);
	} else if (check_disk(shred, NULL) == BL_OK) {
		journal->verification = VERIFIED_RAW;
		journal->verified_bytes = journal->size;
		journal->exceptions |= EXCEPTION_VANISHED_VERIFIED;
	} else {
		journal->exceptions |= EXCEPTION_VANISHED;
	}
	if (status != BL_OK)
		return status;
	journal->has_pattern = false;
	sodium_memzero(journal->pattern, sizeof(journal->pattern));
	return BL_OK;
}

static enum bl_status do_punch(struct shred *shred, struct bl_error *why)
{
	if (shred->fd < 0)
		return BL_OK;
	/* Tells the device below (discard); where that is not supported the truncation frees the blocks alone. */
	if (fallocate(shred->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      (off_t)shred->journal.size) != 0 &&
	    errno != EOPNOTSUPP)
		return bl_fail_errno(why, BL_IO, "cannot punch the image");
	if (ftruncate(shred->fd, 0) != 0 || fsync(shred->fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot truncate the image");
	return BL_OK;
}

/* The folder of the image, and the image's name in it. */
static const char *open_parent(const char *source, int *out_fd)
{
	char path[DEVICE_PATH];
	const char *slash = strrchr(source, '/');
	size_t length = slash == source ? 1 : (size_t)(slash - source);

	memcpy(path, source, length);
	path[length] = '\0';
	*out_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return slash + 1;
}

static enum bl_status do_unlink(struct shred *shred, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int parent = -1;
	const char *name = open_parent(shred->device.source, &parent);
	struct stat named, held;

	if (shred->fd >= 0) {
		if (parent < 0 || fstat(shred->fd, &held) != 0)
			return bl_fail_errno(why, BL_IO, "cannot open the folder of the image");
		/* Never a name that has come to mean another file. */
		if (fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    named.st_dev == held.st_dev && named.st_ino == held.st_ino &&
		    unlinkat(parent, name, 0) != 0)
			return bl_fail_errno(why, BL_IO, "cannot unlink the image");
		if (fstat(shred->fd, &held) == 0 && held.st_nlink)
			shred->journal.exceptions |= EXCEPTION_LINKED;
	}
	if (parent >= 0 && fsync(parent) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync the folder of the image");
	return BL_OK;
}

static enum bl_status do_keys(struct shred *shred, struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	enum vault_proof proof = VAULT_PROOF_CACHED;
	enum bl_status status =
		vault_device_destroy(device_store_vault(store), shred->device.id, &proof, why);
	bool is_raw = proof != VAULT_PROOF_CACHED;

	if (status == BL_OK)
		status = device_forget_customer(store, shred->device.id, why);
	shred->journal.are_keys_raw = is_raw;
	if (!is_raw)
		shred->journal.exceptions |= EXCEPTION_KEYS_CACHED;
	return status;
}

/* One that is there already is kept: the DONE event may name its digest. */
static enum bl_status write_json(struct shred *shred, char **out_json, size_t *out_length,
				 struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	const char *id = shred->device.id;
	char *json = NULL;
	size_t length = 0;
	enum bl_status status = device_certificate_read(store, id, ".json", &json, &length, why);

	if (status == BL_OK && certificate_is_of(store, id, json, length)) {
		*out_json = json;
		*out_length = length;
		return BL_OK;
	}
	if (status == BL_OK)
		free(json);
	else if (status != BL_NOT_FOUND)
		return status;
	status = certificate_make(store, &shred->device, &shred->journal, shred->context->now_unix,
				  &json, why);
	if (status != BL_OK)
		return status;
	length = strlen(json);
	status = device_certificate_write(store, id, ".json", json, length, why);
	if (status != BL_OK) {
		free(json);
		return status;
	}
	*out_json = json;
	*out_length = length;
	return BL_OK;
}

static enum bl_status do_certificate(struct shred *shred, struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	BL_CLEANUP(bl_free) char *json = NULL;
	BL_CLEANUP(bl_free) char *page = NULL;
	size_t length;
	enum bl_status status = write_json(shred, &json, &length, why);

	if (status == BL_OK)
		status = retention_certificate_verify(
			json, length, vault_public_key(device_store_vault(store)), &page, why);
	if (status == BL_OK)
		status = device_certificate_write(store, shred->device.id, ".txt", page,
						  strlen(page), why);
	return status;
}

static enum bl_status append_done(const struct shred *shred, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *json = NULL;
	char detail[AUDIT_DETAIL_SIZE], hex[HEX_SIZE(DIGEST)];
	uint8_t digest[DIGEST];
	size_t length;
	uint64_t sequence;
	enum bl_status status = device_certificate_read(shred->context->store, shred->device.id,
							".json", &json, &length, why);

	if (status != BL_OK)
		return status;
	crypto_generichash(digest, sizeof(digest), (const uint8_t *)json, length, NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	snprintf(detail, sizeof(detail), "%s certificate %s", certificate_status(&shred->journal),
		 hex);
	return append_event(shred, AUDIT_SHRED_DONE,
			    shred->journal.verification == VERIFIED_NONE ? AUDIT_FAILED_VERDICT
									 : AUDIT_PERMITTED,
			    detail, &sequence, why);
}

static enum bl_status do_done(struct shred *shred, struct bl_error *why)
{
	struct device_store *store = shred->context->store;
	struct search search = {0};
	enum bl_status status =
		shred->is_resumed ? search_log(shred, AUDIT_SHRED_DONE, &search, why) : BL_OK;

	if (status == BL_OK && !search.is_found)
		status = append_done(shred, why);
	if (status == BL_OK)
		status = audit_checkpoint(shred->context->audit, why);
	if (status == BL_OK)
		status = device_set_state(store, shred->device.id, STATE_SHREDDED, why);
	if (status == BL_OK)
		status = device_file_remove(store, shred->device.id, "shred", why);
	return status;
}

static enum bl_status (*const STEPS[STEP_COUNT])(struct shred *shred, struct bl_error *why) = {
	[STEP_INTENT] = do_intent, [STEP_OVERWRITE] = do_overwrite,
	[STEP_SYNC] = do_sync,	   [STEP_VERIFY] = do_verify,
	[STEP_PUNCH] = do_punch,   [STEP_UNLINK] = do_unlink,
	[STEP_KEYS] = do_keys,	   [STEP_CERTIFICATE] = do_certificate,
	[STEP_DONE] = do_done,
};

static enum bl_status run(struct shred *shred, struct bl_error *why)
{
	const struct retention_context *context = shred->context;

	while (shred->journal.step < STEP_COUNT) {
		enum retention_step step = shred->journal.step;

		if (context->on_step)
			context->on_step(context->step_context, shred->device.id, step);

		enum bl_status status = STEPS[step](shred, why);

		if (status == BL_OK && step != STEP_DONE) {
			shred->journal.step = step + 1;
			status = journal_save(context->store, shred->device.id, &shred->journal,
					      why);
		}
		if (status != BL_OK) {
			bl_explain(why, "destroying '%s' (%s)", shred->device.id,
				   retention_step_name(step));
			return status;
		}
		if (step == STEP_DONE)
			break;
	}
	return BL_OK;
}

/* ---- going on after a crash -------------------------------------------------------------------------- */

/* Is the disk of the image where it was? Asked of its folder, or what is left of the path to it. */
static bool is_disk_there(const struct device *device)
{
	char path[DEVICE_PATH];
	struct stat st;

	memcpy(path, device->source, sizeof(path));
	for (char *slash; (slash = strrchr(path, '/'));) {
		slash[slash == path] = '\0';
		if (lstat(path, &st) == 0)
			return (uint64_t)st.st_dev == device->source_dev;
		if (slash == path)
			break;
	}
	return false;
}

static enum bl_status reopen(struct shred *shred, struct bl_error *why)
{
	enum bl_status status = device_open_source(&shred->device, O_RDWR, &shred->fd, why);

	/* Truncated by us before the crash: the same inode, empty. */
	if (status == BL_TAMPERED && shred->journal.step >= STEP_PUNCH) {
		shred->device.source_size = 0;
		status = device_open_source(&shred->device, O_RDWR, &shred->fd, why);
		shred->device.source_size = shred->journal.size;
	}
	if (status != BL_NOT_FOUND && status != BL_TAMPERED)
		return status;
	/* Gone for good it is only where its disk is: else it may come back whole, and be certified as lost. */
	if (!is_disk_there(&shred->device))
		return bl_fail(why, BL_IO,
			       "the disk with the image of '%s' is not there (mount it: the "
			       "destruction goes on then)",
			       shred->device.id);
	return BL_OK;
}

/* BL_NOT_FOUND: nothing was begun (any more). */
static enum bl_status resume(const struct retention_context *context, const char *id,
			     struct bl_error *why)
{
	SHRED_CLEANUP struct shred shred = {.context = context, .fd = -1, .is_resumed = true};
	enum bl_status status = device_find(context->store, id, &shred.device, why);

	if (status == BL_OK)
		status = journal_load(context->store, id, &shred.journal, why);
	if (status != BL_OK)
		return status;
	if (shred.journal.step == STEP_INTENT) {
		struct search search;

		status = search_log(&shred, AUDIT_SHRED_INTENT, &search, why);
		if (status != BL_OK)
			return status;
		if (!search.is_found) {
			/* Not a byte was touched: as if it had never been asked for. */
			status = device_file_remove(context->store, id, "shred", why);
			device_shred_abandon(context->store, id);
			return status == BL_OK ? BL_NOT_FOUND : status;
		}
		shred.journal.intent_sequence = search.sequence;
		shred.journal.step = STEP_OVERWRITE;
	}
	status = reopen(&shred, why);
	return status == BL_OK ? run(&shred, why) : status;
}

static enum bl_status resume_claimed(const struct retention_context *context, const char *id,
				     struct bl_error *why)
{
	enum bl_status status = device_shred_claim(context->store, id, why);

	if (status != BL_OK)
		return status;
	status = resume(context, id, why);
	device_shred_unclaim(context->store, id);
	return status;
}

struct recovery {
	const struct retention_context *context;
	size_t finished;
	enum bl_status status;
	struct bl_error *why;
};

/* One that cannot be finished (its disk is away) does not hold the others up; the first is told. */
static bool recover_device(void *context, const struct device *device)
{
	struct recovery *recovery = context;
	struct bl_error why = {.text = ""};
	enum bl_status status = resume_claimed(recovery->context, device->id, &why);

	if (status == BL_OK)
		recovery->finished++;
	else if (status != BL_NOT_FOUND && recovery->status == BL_OK)
		recovery->status = bl_fail(recovery->why, status, "%s", why.text);
	return true;
}

enum bl_status retention_recover(const struct retention_context *context, size_t *out_finished,
				 struct bl_error *why)
{
	struct recovery recovery = {.context = context, .status = BL_OK, .why = why};

	device_each(context->store, recover_device, &recovery);
	*out_finished = recovery.finished;
	return recovery.status;
}

/* ---- a fresh one ------------------------------------------------------------------------------------ */

static enum bl_status check_allowed(const struct device *device, const struct retention_plan *plan,
				    const struct policy *policy, struct bl_error *why)
{
	char due[20];

	if (device->state == STATE_SHREDDED || device->state == STATE_RELEASED)
		return bl_fail(why, BL_FORBIDDEN, "device '%s' is %s already", device->id,
			       bl_device_state_name(device->state));
	if (plan->is_held || device->state == STATE_HELD)
		return bl_fail(why, BL_FORBIDDEN, "device '%s' is held (release its holds first)",
			       device->id);
	if (!device->destroy_when_due)
		return bl_fail(why, BL_FORBIDDEN,
			       "the image of '%s' was not given to Bailee to destroy (enrol with "
			       "--destroy-when-due)",
			       device->id);
	if (plan->is_due)
		return BL_OK;
	rules_local_time(policy, plan->due_unix, due);
	return bl_fail(why, BL_FORBIDDEN, "device '%s' is not due before %s", device->id, due);
}

static enum bl_status fill_journal(struct shred *shred, const struct retention_plan *plan,
				   struct bl_error *why)
{
	const struct retention_context *context = shred->context;
	struct journal *journal = &shred->journal;
	struct medium medium;
	struct stat st;

	if (fstat(shred->fd, &st) != 0 || medium_look(shred->fd, &medium, why) != BL_OK)
		return bl_fail(why, BL_IO, "cannot look at the image of '%s'", shred->device.id);
	journal->step = STEP_INTENT;
	journal->size = (uint64_t)st.st_size;
	journal->major = medium.major;
	journal->minor = medium.minor;
	memcpy(journal->disk, medium.disk, sizeof(journal->disk));
	memcpy(journal->filesystem, medium.filesystem, sizeof(journal->filesystem));
	memcpy(journal->entry, plan->entry, sizeof(journal->entry));
	memcpy(journal->policy_digest, policy_digest(context->policy), DIGEST);
	journal->policy_serial = policy_serial(context->policy);
	journal->due_unix = plan->due_unix;
	journal->begun_unix = context->now_unix;
	journal->by = context->by;
	randombytes_buf(journal->pattern, PATTERN_KEY);
	journal->has_pattern = true;

	enum bl_status status = overwrite_digest(shred->fd, journal->size, journal->digest, why);

	if (status == BL_OK)
		status = medium_layout_read(shred->fd, journal->size, false, &journal->layout, why);
	return status;
}

static enum bl_status shred_claimed(const struct retention_context *context, const char *id,
				    struct bl_error *why)
{
	enum bl_status status = resume(context, id, why);
	SHRED_CLEANUP struct shred shred = {.context = context, .fd = -1};
	struct retention_plan plan;

	if (status != BL_NOT_FOUND)
		return status;
	status = device_find(context->store, id, &shred.device, why);
	if (status != BL_OK)
		return status;
	retention_plan_of(context->store, context->policy, &shred.device, context->now_unix, &plan);
	status = check_allowed(&shred.device, &plan, context->policy, why);
	if (status == BL_OK)
		status = device_open_source(&shred.device, O_RDWR, &shred.fd, why);
	if (status == BL_OK)
		status = medium_check_file(shred.fd, why);
	if (status == BL_OK)
		status = device_set_state(context->store, id, STATE_DUE, why);
	if (status == BL_OK)
		status = fill_journal(&shred, &plan, why);
	if (status == BL_OK)
		status = device_find(context->store, id, &shred.device, why);
	return status == BL_OK ? run(&shred, why) : status;
}

enum bl_status retention_shred(const struct retention_context *context, const char *id,
			       struct bl_error *why)
{
	enum bl_status status = device_shred_claim(context->store, id, why);

	if (status != BL_OK)
		return status;
	status = shred_claimed(context, id, why);
	device_shred_unclaim(context->store, id);
	return status;
}

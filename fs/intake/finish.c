/* Every byte is sealed: read it back, sign the receipt, tell the log, and let the record say complete. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/intake/private.h"

#define RECEIPT	    "~intake.json"
#define PAGE	    "~intake.txt"
#define HOT_BYTES   (UINT64_C(2) << 20) /* read once, from the beginning to the end */
#define DAY	    INT64_C(86400)
#define AHEAD_BYTES (UINT64_C(4) << 20)

/* The finished image, opened as any reader opens it. */
struct copy {
	struct sealed_hot *hot;
	struct sealed *sealed;
	struct sealed_facts facts;
};

static void copy_close(struct copy *copy)
{
	if (copy->sealed)
		sealed_close(copy->sealed);
	if (copy->hot)
		sealed_hot_free(copy->hot);
}
#define COPY_CLEANUP __attribute__((cleanup(copy_close)))

static void key_free(uint8_t **key)
{
	sodium_free(*key);
}

static enum bl_status open_copy(const struct finish *finish, struct copy *out_copy,
				struct bl_error *why)
{
	const char *id = finish->device->id;
	__attribute__((cleanup(key_free))) uint8_t *root = vault_guarded(1, VAULT_KEY);
	struct sealed_facts facts;

	if (!root)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status =
		vault_image_root(device_store_vault(finish->intake->store), id, root, why);

	if (status == BL_OK)
		status = sealed_look(finish->folder_fd, id, &facts, why);
	if (status == BL_OK)
		status = sealed_hot_new(HOT_BYTES, &out_copy->hot, why);
	if (status == BL_OK)
		status = sealed_open(finish->folder_fd, id, root, facts.image_bytes, out_copy->hot,
				     &out_copy->sealed, why);
	if (status == BL_OK)
		sealed_facts_of(out_copy->sealed, &out_copy->facts);
	return status;
}

/* ---- reading it back --------------------------------------------------------------------------------- */

/* The ciphertext: to have it come from the medium in time, and not from what the kernel still has of the writing. */
static int open_data(int folder_fd)
{
	BL_CLEANUP(fd_close)
	int image = openat(folder_fd, SEALED_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int data = image < 0 ? -1 : openat(image, "data", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (data >= 0)
		(void)posix_fadvise(data, 0, 0, POSIX_FADV_DONTNEED);
	return data;
}

/* Hints only; without a descriptor nothing is lost but time. */
static void read_ahead(int data, uint64_t at)
{
	if (data < 0 || at % AHEAD_BYTES)
		return;
	(void)posix_fadvise(data, (off_t)at, 2 * (off_t)AHEAD_BYTES, POSIX_FADV_WILLNEED);
	if (at)
		(void)posix_fadvise(data, (off_t)(at - AHEAD_BYTES), (off_t)AHEAD_BYTES,
				    POSIX_FADV_DONTNEED);
}

/* What is not there is no error here, and counts as zeros: the bytes between the gaps are read. */
static enum bl_status read_between(const struct copy *copy, size_t *gap, uint64_t offset,
				   uint8_t *out, size_t length, struct bl_error *why)
{
	const struct sealed_gap *gaps = sealed_gaps(copy->sealed);
	size_t count = sealed_gap_count(copy->sealed);
	uint64_t end = offset + length, at = offset;
	enum bl_status status = BL_OK;

	memset(out, 0, length);
	while (status == BL_OK && at < end) {
		while (*gap < count && gaps[*gap].offset + gaps[*gap].length <= at)
			(*gap)++;

		bool is_gap = *gap < count && gaps[*gap].offset <= at;
		uint64_t until = *gap >= count ? end
				 : is_gap      ? gaps[*gap].offset + gaps[*gap].length
					       : gaps[*gap].offset;

		until = BL_MIN(until, end);
		if (!is_gap)
			status = sealed_read(copy->sealed, at, out + (at - offset),
					     (size_t)(until - at), why);
		at = until;
	}
	return status;
}

static enum bl_status read_back(const struct finish *finish, const struct copy *copy,
				struct digest *hash, struct bl_error *why)
{
	const struct ring_sink nobody = {.put = NULL};
	struct ring *ring;
	enum bl_status status = ring_new(hash, &nobody, finish->progress, &ring, why);
	BL_CLEANUP(fd_close) int data = open_data(finish->folder_fd);
	size_t gap = 0;
	uint8_t *bytes;

	if (status != BL_OK)
		return status;
	for (uint64_t at = 0; at < copy->facts.image_bytes && (bytes = ring_room(ring));) {
		struct piece piece = {.length = BL_MIN(SEALED_GROUP, copy->facts.image_bytes - at)};

		read_ahead(data, at);
		status = read_between(copy, &gap, at, bytes, (size_t)piece.length, why);
		if (status != BL_OK)
			break;
		ring_put(ring, &piece);
		at += piece.length;
	}
	return ring_end(ring, status, why);
}

static enum bl_status verify(const struct finish *finish, const struct copy *copy,
			     struct bl_error *why)
{
	BL_CLEANUP(digest_free) struct digest *hash = digest_new();
	uint8_t digest[DIGEST];

	progress_step(finish->intake, "verify");
	progress_stage(finish->progress, INTAKE_VERIFYING, copy->facts.image_bytes);
	if (!hash)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = read_back(finish, copy, hash, why);

	digest_end(hash, digest);
	if (status == BL_OK && sodium_memcmp(digest, copy->facts.digest, DIGEST) != 0)
		status = bl_fail(why, BL_NOT_VERIFIED,
				 "the sealed copy of '%s' does not read back as what was taken in "
				 "(keep the source)",
				 finish->device->id);
	return status;
}

/* ---- what the log says -------------------------------------------------------------------------------- */

struct search {
	const char *id;
	enum audit_op op;
	bool is_found;
	uint64_t sequence;
	char detail[AUDIT_DETAIL_SIZE];
};

static bool look_at_record(void *context, const struct audit_record *record)
{
	struct search *search = context;
	const struct audit_event *event = &record->event;

	/* Of a device that was refused first and enrolled then, the last one counts; of intakes there is one. */
	if (event->op == search->op && event->verdict == AUDIT_PERMITTED &&
	    strcmp(event->device, search->id) == 0) {
		search->is_found = true;
		search->sequence = record->sequence;
		memcpy(search->detail, event->detail, sizeof(search->detail));
	}
	return true;
}

static enum bl_status search_log(const struct finish *finish, enum audit_op op, struct search *out,
				 struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = device_store_log(finish->intake->store, &fd, why);

	*out = (struct search){.id = finish->device->id, .op = op};
	if (status != BL_OK)
		return status;
	/* Neither of them is older than the device: a long log need not be read whole. */
	return audit_scan_since(fd, finish->device->enrolled_unix - DAY, look_at_record, out, why);
}

/* ---- the receipt ---------------------------------------------------------------------------------------- */

struct kept {
	char *json; /* NULL: there is none that is worth anything */
	size_t length;
	bool is_verified; /* it says so */
};

static void kept_done(struct kept *kept)
{
	free(kept->json);
}
#define KEPT_CLEANUP __attribute__((cleanup(kept_done)))

/* The one that is there stays, if it is genuine: the log may name its digest, and somebody may have been given it. */
static enum bl_status find_receipt(const struct finish *finish, const struct copy *copy,
				   struct kept *out, struct bl_error *why)
{
	struct device_store *store = finish->intake->store;
	const char *id = finish->device->id;
	enum bl_status status =
		device_certificate_read(store, id, RECEIPT, &out->json, &out->length, why);

	if (status == BL_NOT_FOUND)
		return BL_OK;
	if (status == BL_OK &&
	    !receipt_is_of(store, id, &copy->facts, out->json, out->length, &out->is_verified)) {
		free(out->json);
		out->json = NULL;
	}
	return status;
}

static enum bl_status make_receipt(const struct finish *finish, const struct copy *copy,
				   struct kept *out, struct bl_error *why)
{
	const struct intake *intake = finish->intake;
	struct receipt receipt = {.device = finish->device,
				  .job = finish->job,
				  .facts = &copy->facts,
				  .gaps = sealed_gaps(copy->sealed),
				  .gap_count = sealed_gap_count(copy->sealed),
				  .is_verified = finish->is_verified,
				  .done_unix = intake->now_unix(intake->context),
				  .by = intake->by};
	struct search enrolled;
	enum bl_status status = search_log(finish, AUDIT_ENROLLED, &enrolled, why);

	if (status != BL_OK)
		return status;
	receipt.enrolled_sequence = enrolled.sequence;
	status = receipt_make(intake->store, &receipt, &out->json, why);
	if (status != BL_OK)
		return status;
	out->length = strlen(out->json);
	return device_certificate_write(intake->store, finish->device->id, RECEIPT, out->json,
					out->length, why);
}

static enum bl_status write_page(const struct finish *finish, const struct kept *kept,
				 struct bl_error *why)
{
	struct device_store *store = finish->intake->store;
	BL_CLEANUP(bl_free) char *page = NULL;
	enum bl_status status = intake_receipt_verify(
		kept->json, kept->length, vault_public_key(device_store_vault(store)), &page, why);

	if (status == BL_OK)
		status = device_certificate_write(store, finish->device->id, PAGE, page,
						  strlen(page), why);
	return status;
}

static enum bl_status settle_receipt(const struct finish *finish, const struct copy *copy,
				     struct kept *out, struct bl_error *why)
{
	enum bl_status status = find_receipt(finish, copy, out, why);

	if (status == BL_OK && finish->is_verified && !out->is_verified)
		status = verify(finish, copy, why);
	if (status != BL_OK)
		return status;
	progress_step(finish->intake, "receipt");
	if (!out->json)
		status = make_receipt(finish, copy, out, why);
	return status == BL_OK ? write_page(finish, out, why) : status;
}

/* ---- the rest ----------------------------------------------------------------------------------------------- */

static enum bl_status append_event(const struct finish *finish, const char *digest, uint64_t bytes,
				   struct bl_error *why)
{
	struct audit_event event = {.op = AUDIT_INTAKE,
				    .verdict = AUDIT_PERMITTED,
				    .uid = finish->intake->by,
				    .gid = UINT32_MAX,
				    .pid = UINT32_MAX,
				    .login_uid = UINT32_MAX,
				    .bytes = bytes};
	uint64_t sequence;

	memcpy(event.device, finish->device->id, sizeof(event.device));
	snprintf(event.detail, sizeof(event.detail), "%s", digest);
	return audit_append(finish->intake->audit, &event, &sequence, why);
}

/* Exactly one: a try before this one may have got so far. */
static enum bl_status tell_log(const struct finish *finish, const uint8_t receipt_digest[DIGEST],
			       uint64_t bytes, struct bl_error *why)
{
	char digest[HEX_SIZE(DIGEST)];
	struct search search = {.is_found = false};
	enum bl_status status =
		finish->is_again ? search_log(finish, AUDIT_INTAKE, &search, why) : BL_OK;

	sodium_bin2hex(digest, sizeof(digest), receipt_digest, DIGEST);
	if (status != BL_OK)
		return status;
	if (!search.is_found)
		return append_event(finish, digest, bytes, why);
	if (strcmp(search.detail, digest) != 0)
		return bl_fail(why, BL_TAMPERED,
			       "the receipt of '%s' is not the one that the log names (event "
			       "%" PRIu64 ")",
			       finish->device->id, search.sequence);
	return BL_OK;
}

static enum bl_status complete(const struct finish *finish, const struct copy *copy,
			       const struct kept *kept, struct intake_result *result,
			       struct bl_error *why)
{
	const struct intake *intake = finish->intake;
	uint64_t bytes = copy->facts.image_bytes;
	enum bl_status status = BL_OK;

	crypto_generichash(result->receipt_digest, DIGEST, (const uint8_t *)kept->json,
			   kept->length, NULL, 0);
	progress_step(intake, "before-complete");
	if (finish->before_complete)
		status = finish->before_complete(intake->context, why);
	if (status == BL_OK) {
		progress_step(intake, "event");
		status = tell_log(finish, result->receipt_digest, bytes, why);
	}
	if (status == BL_OK) {
		progress_step(intake, "complete");
		status = device_complete(intake->store, finish->device->id, bytes, why);
	}
	if (status == BL_OK) {
		progress_step(intake, "cleanup");
		status = job_remove(finish->folder_fd, why);
	}
	return status;
}

enum bl_status finish_run(const struct finish *finish, struct intake_result *out_result,
			  struct bl_error *why)
{
	COPY_CLEANUP struct copy copy = {0};
	KEPT_CLEANUP struct kept kept = {0};
	struct intake_result result = {.choice = finish->job->left_out};
	enum bl_status status = open_copy(finish, &copy, why);

	if (status == BL_OK)
		status = settle_receipt(finish, &copy, &kept, why);
	if (status == BL_OK)
		status = complete(finish, &copy, &kept, &result, why);
	if (status != BL_OK)
		return status;
	result.facts = copy.facts;
	for (size_t i = 0; i < sealed_gap_count(copy.sealed); i++) {
		const struct sealed_gap *gap = &sealed_gaps(copy.sealed)[i];

		*(gap->kind == SEALED_UNREADABLE ? &result.unreadable : &result.left_out) +=
			gap->length;
	}
	*out_result = result;
	return BL_OK;
}

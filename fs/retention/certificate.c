/* The certificate: made of a journal that is at its end, and signed. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/device/statement.h"
#include "fs/retention/fields.h"
#include "fs/retention/private.h"

#define PROGRAM "bailee " BAILEE_VERSION

static const char *const SUBJECTS[SHRED_KIND_COUNT] = {
	[SHRED_PLAIN] = "plain image",
	[SHRED_SEALED] = "sealed image",
	[SHRED_SOURCE] = "source of an intake",
	[SHRED_PART] = "part of a sealed image",
};

static const char *const MEDIA[SHRED_KIND_COUNT] = {
	[SHRED_PLAIN] = "plain image file",
	[SHRED_SEALED] = "image encrypted from its first byte on (BVAULT1)",
	[SHRED_SOURCE] = "the files an intake was made of",
	[SHRED_PART] = "files inside an image encrypted from its first byte on (BVAULT1)",
};

static const char *const EXCEPTIONS[EXCEPTION_COUNT] = {
	"raw device not readable: read back through the filesystem",
	"the keys were not read back from the block device below their filesystem",
	"the image was removed or replaced by somebody else before its erasure was proven",
	"the image was removed by somebody else; its place on the raw device holds the pattern",
	"another name of the image file appeared meanwhile; what it names is empty",
	"the image was moved on its disk meanwhile; old bytes may lie where it was",
	"the image lies where no block device is: nothing below its filesystem could be read",
	"the image lies on a filesystem where an overwrite may leave older copies",
	"the keys lie where no block device is: nothing below their filesystem could be read",
	"the keys lie on a filesystem where an overwrite may leave older copies",
	"the image or the keys shared blocks with another file or a snapshot",
	"the key tree was not all read back from the block device",
	"the sealed image was not there, or not all of it: only its keys could be destroyed",
	"the sealed image's header could not be read before",
};

static const char *const PROOFS[] = {
	[VAULT_PROOF_CACHED] = "cached",
	[VAULT_PROOF_DIRECT] = "direct",
	[VAULT_PROOF_RAW] = "raw",
};

const char *certificate_subject(enum shred_kind kind)
{
	return SUBJECTS[kind];
}

static bool is_sealed(const struct journal *journal)
{
	return journal->kind == SHRED_SEALED || journal->kind == SHRED_PART;
}

static bool has_keys(const struct journal *journal)
{
	return journal->kind != SHRED_SOURCE;
}

/* ---- what may be said --------------------------------------------------------------------------------- */

/* The worst of all files. */
static enum verification files_verification(const struct journal *journal)
{
	enum verification worst = VERIFIED_RAW;

	for (size_t i = 0; i < journal->file_count; i++) {
		enum verification here = journal->files[i].verification;

		if (here == VERIFIED_NONE)
			return VERIFIED_NONE;
		if (here == VERIFIED_FILE)
			worst = VERIFIED_FILE;
	}
	return journal->file_count ? worst : VERIFIED_NONE;
}

bool certificate_is_erased(const struct journal *journal)
{
	if (journal->exceptions & EXCEPTION_VANISHED || (has_keys(journal) && !journal->has_proof))
		return false;
	switch (journal->kind) {
	case SHRED_PLAIN:
	case SHRED_SOURCE:
		return files_verification(journal) != VERIFIED_NONE;
	case SHRED_SEALED:
		return journal->was_tried || journal->exceptions & EXCEPTION_MISSING;
	case SHRED_PART:
		return true;
	case SHRED_KIND_COUNT:
		break;
	}
	return false;
}

static bool is_raw(const struct journal *journal)
{
	if (has_keys(journal) && journal->proof != VAULT_PROOF_RAW)
		return false;
	switch (journal->kind) {
	case SHRED_PLAIN:
	case SHRED_SOURCE:
		return files_verification(journal) == VERIFIED_RAW;
	case SHRED_SEALED:
		return journal->wiped_bytes && journal->wiped_raw == journal->wiped_bytes;
	case SHRED_PART:
		return true;
	case SHRED_KIND_COUNT:
		break;
	}
	return false;
}

const char *certificate_status(const struct journal *journal)
{
	if (!certificate_is_erased(journal))
		return "NOT_ERASED";
	return journal->exceptions || !is_raw(journal) ? "ERASED_WITH_EXCEPTIONS" : "ERASED";
}

static bool has_real_lock(const struct vault_locks *locks)
{
	for (size_t i = 0; i < locks->count; i++)
		if (locks->kinds[i] == VAULT_LOCK_NONE)
			return false;
	return locks->count;
}

/* Without a lock whoever finds an older copy of the key's page on the medium has the key: it was overwritten, and no more. */
static const char *category_of(const struct journal *journal, const struct vault_locks *locks)
{
	const unsigned doubts = EXCEPTION_KEYS_CACHED | EXCEPTION_KEYS_NO_MEDIUM |
				EXCEPTION_KEYS_BAD_MEDIUM | EXCEPTION_SHARED;

	if (!certificate_is_erased(journal))
		return "none";
	return is_sealed(journal) && has_real_lock(locks) && journal->proof == VAULT_PROOF_RAW &&
			       journal->keys.is_good && !(journal->exceptions & doubts)
		       ? "purge"
		       : "clear";
}

/* ---- small values ---------------------------------------------------------------------------------------- */

static json_t *hex_or_null(bool is_known, const uint8_t *bytes, size_t size)
{
	char hex[HEX_SIZE(DIGEST)];

	return is_known ? json_string(sodium_bin2hex(hex, sizeof(hex), bytes, size)) : json_null();
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *number_or_null(bool is_known, int64_t number)
{
	return is_known ? json_integer(number) : json_null();
}

static json_t *known(enum known known)
{
	return known == KNOWN_NOT ? json_null() : json_string(known == KNOWN_YES ? "yes" : "no");
}

/* A list that grows and may fail on the way: then it is NULL, and so is what it goes into. */
static void add(json_t **list, bool is_so, const char *text)
{
	if (!is_so || !*list)
		return;
	if (json_array_append_new(*list, json_string(text)) != 0) {
		json_decref(*list);
		*list = NULL;
	}
}

static json_t *uid_text(uid_t uid)
{
	char text[32] = "keeper";

	if (uid != UINT32_MAX)
		snprintf(text, sizeof(text), "uid:%u", (unsigned)uid);
	return json_string(text);
}

/* ---- the groups -------------------------------------------------------------------------------------------- */

static json_t *who_of(const struct journal *journal)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		*host = '\0';
	return json_pack("{s:o,s:s,s:s,s:s,s:o}", "operator", uid_text(journal->by), "verifier",
			 "the same daemon", "other_verifier", "none", "program", PROGRAM, "host",
			 text_or_null(host));
}

static json_t *what_of(const struct device *device, const struct journal *journal)
{
	int64_t files = journal->kind == SHRED_PART	? (int64_t)journal->matched
			: journal->kind == SHRED_SOURCE ? (int64_t)journal->file_count
							: 1;

	return json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:{s:s,s:o},s:I,s:o,s:o,s:b}", "device", device->id,
		"kind", bl_device_kind_name(device->kind), "maker", device->maker, "model",
		device->model, "serial", device->serial, "media", MEDIA[journal->kind],
		"size_bytes", (json_int_t)journal->size, "digest", "algorithm", DIGEST_NAME,
		"value", hex_or_null(journal->has_digest, journal->digest, DIGEST), "files",
		(json_int_t)files, "part",
		number_or_null(journal->kind == SHRED_PART, journal->number), "vault",
		hex_or_null(is_sealed(journal) && journal->algorithm, journal->vault_id, SEALED_ID),
		"is_complete", journal->is_complete);
}

static json_t *approvals_of(const struct journal *journal)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < journal->approval_count; i++)
		if (json_array_append_new(list, uid_text(journal->approvals[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *why_of(const struct device *device, const struct journal *journal)
{
	return json_pack("{s:o,s:o,s:I,s:o,s:o,s:o,s:s,s:o}", "entry", text_or_null(journal->entry),
			 "policy_digest", hex_or_null(true, journal->policy_digest, DIGEST),
			 "policy_serial", (json_int_t)journal->policy_serial, "received",
			 statement_utc(device->received_unix), "due",
			 *journal->entry ? statement_utc(journal->due_unix) : json_null(),
			 "request", number_or_null(journal->request, journal->request), "reason",
			 journal->has_reason ? "given" : "none", "approvals",
			 approvals_of(journal));
}

static json_t *when_of(const struct journal *journal, const struct certificate_time *time)
{
	bool is_one_boot = *journal->boot_id && strcmp(journal->boot_id, time->boot_id) == 0;

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:s}", "begun",
			 statement_utc(journal->begun_unix), "done", statement_utc(time->done_unix),
			 "wall_done", statement_utc(time->wall_unix), "duration_ms",
			 number_or_null(is_one_boot, time->done_boot_ms - journal->begun_boot_ms),
			 "boot_begun", text_or_null(journal->boot_id), "boot_done",
			 text_or_null(time->boot_id), "boottime_begun_ms",
			 (json_int_t)journal->begun_boot_ms, "boottime_done_ms",
			 (json_int_t)time->done_boot_ms, "synchronised",
			 known(time->is_synchronised), "clock", "trusted time of the store");
}

static json_t *then_of(const struct journal *journal)
{
	bool was_removed = journal->exceptions & (EXCEPTION_VANISHED | EXCEPTION_VANISHED_VERIFIED);
	bool is_whole_sealed = journal->kind == SHRED_SEALED;
	bool is_part = journal->kind == SHRED_PART;
	json_t *list = json_array();

	/* What somebody else took away nobody here punched or unlinked. */
	add(&list, !is_sealed(journal) && !was_removed, "punch");
	add(&list, !is_sealed(journal) && !was_removed, "truncate");
	add(&list, is_whole_sealed && journal->wiped_bytes,
	    "key tree, index and header overwritten");
	add(&list, is_whole_sealed && journal->was_punched, "punch");
	add(&list, is_part, "its bytes zeroed and what shares their keys sealed again");
	add(&list, is_part, "old key tree overwritten");
	add(&list, !is_part && !was_removed && !(journal->exceptions & EXCEPTION_MISSING),
	    "unlink");
	return list;
}

static json_t *how_of(const struct journal *journal, const struct vault_locks *locks)
{
	static const char RANDOM[] = "random (XChaCha20 stream of a key used once)";
	bool is_done = certificate_is_erased(journal), is_crypto = is_sealed(journal);
	const char *cipher =
		journal->algorithm ? sealed_algorithm_name(journal->algorithm) : "not known";

	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:i,s:o,s:o,s:o}", "standard", "NIST SP 800-88r2",
			 "category", category_of(journal, locks), "technique",
			 !is_done    ? "none"
			 : is_crypto ? "cryptographic erase"
				     : "overwrite",
			 "algorithm", is_crypto ? json_string(cipher) : json_null(), "key_bits",
			 number_or_null(is_crypto, 8 * VAULT_KEY), "passes", is_done ? 1 : 0,
			 "pattern", is_crypto ? json_string("random") : json_string(RANDOM), "then",
			 then_of(journal), "keys",
			 has_keys(journal)
				 ? json_string("overwritten in place, both copies (256-bit)")
				 : json_null());
}

/* What was read back and is as it was written, and what of it below the filesystem. */
struct verified {
	const char *type;
	uint64_t bytes, found, raw;
};

static struct verified files_verified(const struct journal *journal)
{
	static const char *const TYPES[VERIFICATION_COUNT] = {
		[VERIFIED_NONE] = "none",
		[VERIFIED_RAW] = "raw device",
		[VERIFIED_FILE] = "filesystem",
	};
	struct verified verified = {
		.type = TYPES[files_verification(journal)],
		.bytes = journal->size,
	};

	for (size_t i = 0; i < journal->file_count; i++) {
		const struct shred_file *file = &journal->files[i];

		verified.found += file->verification != VERIFIED_NONE ? file->size : 0;
		verified.raw += file->verification == VERIFIED_RAW ? file->size : 0;
	}
	return verified;
}

static struct verified verified_of(const struct journal *journal)
{
	uint64_t wiped = journal->wiped_bytes;

	switch (journal->kind) {
	case SHRED_PLAIN:
	case SHRED_SOURCE:
		return files_verified(journal);
	case SHRED_SEALED:
		return (struct verified){
			.type = !wiped			      ? "none"
				: journal->wiped_raw == wiped ? "raw device"
							      : "filesystem",
			.bytes = wiped,
			.found = wiped, /* what differs is no wipe */
			.raw = journal->wiped_raw,
		};
	case SHRED_PART:
		return (struct verified){.type = "decrypted and compared",
					 .bytes = journal->size,
					 .found = journal->size};
	case SHRED_KIND_COUNT:
		break;
	}
	return (struct verified){.type = "none"};
}

static json_t *verification_of(const struct journal *journal)
{
	bool is_part = journal->kind == SHRED_PART,
	     was_tried = journal->kind == SHRED_SEALED && journal->was_tried;
	struct verified verified = verified_of(journal);
	uint64_t share =
		!verified.bytes ? 0
		: verified.found >= verified.bytes
			? 100
			: (uint64_t)((double)verified.found / (double)verified.bytes * 100);

	return json_pack("{s:s,s:I,s:I,s:o,s:I,s:o,s:o,s:o,s:o,s:o}", "type", verified.type,
			 "bytes", (json_int_t)verified.bytes, "bytes_read_back",
			 (json_int_t)verified.found, "bytes_raw",
			 number_or_null(!is_part, (int64_t)verified.raw), "share_percent",
			 (json_int_t)share, "keys",
			 journal->has_proof ? json_string(PROOFS[journal->proof]) : json_null(),
			 "keys_tried", number_or_null(was_tried, (int64_t)journal->keys_tried),
			 "keys_that_opened", number_or_null(was_tried, 0), "places",
			 is_part ? json_string("zeros") : json_null(), "neighbours",
			 is_part ? json_string("as before") : json_null());
}

static json_t *validation_of(const struct journal *journal)
{
	json_t *checked = json_array();
	bool has_proof = has_keys(journal) && journal->has_proof;

	add(&checked, has_proof, "both copies of the key were read back and hold no key");
	add(&checked, journal->was_tried,
	    "every key that can still be reached was tried: none opens it");
	add(&checked, journal->kind == SHRED_SEALED && journal->wiped_bytes,
	    "the overwritten key tree was read back");
	add(&checked, journal->kind == SHRED_PART,
	    "the places read as zeros, what surrounds them as before");
	add(&checked, journal->file_count && files_verification(journal) != VERIFIED_NONE,
	    "every byte was read back and compared with what was written");
	return json_pack("{s:o,s:s,s:s}", "checked", checked, "by", "the same daemon", "program",
			 PROGRAM);
}

static json_t *storage_one(const struct storage *storage)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o}", "filesystem", text_or_null(storage->filesystem),
			 "block_device", text_or_null(storage->disk), "is_virtual",
			 known(storage->is_virtual), "is_rotational", known(storage->is_rotational),
			 "discards", known(storage->discards));
}

static json_t *locks_of(const struct vault_locks *locks)
{
	json_t *list = json_array();

	for (size_t i = 0; i < locks->count; i++)
		add(&list, true, vault_lock_name(locks->kinds[i]));
	return list;
}

static json_t *storage_of(const struct journal *journal, const struct vault_locks *locks)
{
	size_t extents = 0;

	for (size_t i = 0; i < journal->file_count; i++)
		extents += journal->files[i].layout.count;
	return json_pack("{s:o,s:o,s:o,s:o}", "image", storage_one(&journal->image), "keys",
			 has_keys(journal) ? storage_one(&journal->keys) : json_null(), "extents",
			 number_or_null(journal->file_count, (int64_t)extents), "locks",
			 has_keys(journal) ? locks_of(locks) : json_null());
}

static json_t *exceptions_of(const struct journal *journal)
{
	json_t *list = json_array();

	for (size_t i = 0; i < EXCEPTION_COUNT; i++)
		add(&list, journal->exceptions & 1u << i, EXCEPTIONS[i]);
	return list;
}

static json_t *scope_of(const struct device *device, const struct journal *journal,
			const struct certificate_time *time, const struct vault_locks *locks)
{
	char source[128];
	bool has_intake = journal->kind == SHRED_SEALED, is_file = !is_sealed(journal);
	json_t *list = json_array();

	snprintf(source, sizeof(source),
		 "the source of the intake: it was destroyed, see the certificate %s~source.json",
		 device->id);
	add(&list, journal->kind != SHRED_PART, "the device itself: only its image was destroyed");
	add(&list, journal->kind == SHRED_PART,
	    "the device itself, and everything else in its image; names of the files in its "
	    "directories");
	add(&list, true, "copies, backups and snapshots made elsewhere");
	add(&list, has_intake && time->has_source, source);
	add(&list, (has_intake && !time->has_source) || journal->kind == SHRED_PART,
	    "the source of the intake");
	add(&list, journal->kind == SHRED_SOURCE, "the sealed image that was made of it");
	add(&list, is_file,
	    "what the medium keeps out of reach of its interface (wear levelling, remapped "
	    "sectors)");
	add(&list, is_file,
	    "what lies below the block device (the backing file of a virtual or loop disk)");
	add(&list, !is_file && has_real_lock(locks),
	    "older copies of the key's page that the medium may keep: they are sealed under a key "
	    "that is on no medium in the clear");
	add(&list, !is_file && !has_real_lock(locks),
	    "older copies of the key's page that the medium may keep: the store has no lock, so "
	    "who "
	    "has them and its key file has the key");
	return list;
}

/* ---- making ----------------------------------------------------------------------------------------------- */

static json_t *body_of(struct device_store *store, const struct device *device,
		       const struct journal *journal, const struct certificate_time *time)
{
	struct vault_locks locks = {.count = 0};

	if (vault_locks(device_store_keys_fd(store), &locks, NULL) != BL_OK)
		locks.count = 0;
	return json_pack(
		"{s:s,s:i,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:{s:I}}", "type",
		CERTIFICATE_TYPE, "version", CERTIFICATE_VERSION, "subject",
		SUBJECTS[journal->kind], "status", certificate_status(journal), "store",
		hex_or_null(true, device_store_id(store), 16), "public_key",
		hex_or_null(true, vault_public_key(device_store_vault(store)), VAULT_PUBLIC_KEY),
		"who", who_of(journal), "what", what_of(device, journal), "why",
		why_of(device, journal), "when", when_of(journal, time), "how",
		how_of(journal, &locks), "verification", verification_of(journal), "validation",
		validation_of(journal), "storage", storage_of(journal, &locks), "exceptions",
		exceptions_of(journal), "scope", scope_of(device, journal, time, &locks), "log",
		"intent_sequence", (json_int_t)journal->intent_sequence);
}

void certificate_suffix(enum shred_kind kind, uint32_t number, const char *ending, char out[32])
{
	if (kind == SHRED_PART)
		snprintf(out, 32, "~part-%u%s", (unsigned)number, ending);
	else
		snprintf(out, 32, "%s%s", kind == SHRED_SOURCE ? "~source" : "", ending);
}

enum bl_status certificate_make(struct device_store *store, const struct device *device,
				const struct journal *journal, const struct certificate_time *time,
				char **out_json, struct bl_error *why)
{
	JSON_CLEANUP json_t *json = body_of(store, device, journal, time);

	return statement_sign(device_store_vault(store), json, out_json, why);
}

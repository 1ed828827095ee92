/* private.h - what the files of this part share: a destruction's journal, its machine, what is said about it */
#ifndef FS_RETENTION_PRIVATE_H
#define FS_RETENTION_PRIVATE_H

#include <sodium.h>
#include <sys/types.h>

#include "fs/retention/retention.h"
#include "fs/vault/medium.h"
#include "fs/vault/digest.h"

#define SHRED_FILES	200   /* of one source */
#define SHRED_PLACES	65536 /* of one part */
#define PATTERN_KEY	32
#define DIGEST		32
#define HEX_SIZE(bytes) (2 * (bytes) + 1)
#define CHUNK		(1u << 20) /* of overwriting and reading back */
#define BOOT_ID		37	   /* text, with NUL */

enum shred_kind { SHRED_PLAIN, SHRED_SEALED, SHRED_SOURCE, SHRED_PART, SHRED_KIND_COUNT };

/* Exceptions: bits of docs/format-certificate.md. */
enum exception {
	EXCEPTION_NOT_RAW = 1 << 0,
	EXCEPTION_KEYS_CACHED = 1 << 1,
	EXCEPTION_VANISHED = 1 << 2,
	EXCEPTION_VANISHED_VERIFIED = 1 << 3,
	EXCEPTION_LINKED = 1 << 4,
	EXCEPTION_MOVED = 1 << 5,
	EXCEPTION_NO_MEDIUM = 1 << 6,
	EXCEPTION_BAD_MEDIUM = 1 << 7,
	EXCEPTION_KEYS_NO_MEDIUM = 1 << 8,
	EXCEPTION_KEYS_BAD_MEDIUM = 1 << 9,
	EXCEPTION_SHARED = 1 << 10,
	EXCEPTION_TREE_NOT_RAW = 1 << 11,
	EXCEPTION_MISSING = 1 << 12,
	EXCEPTION_HEADER = 1 << 13,
};
#define EXCEPTION_COUNT 14

enum verification { VERIFIED_NONE, VERIFIED_RAW, VERIFIED_FILE, VERIFICATION_COUNT };
enum known { KNOWN_NOT, KNOWN_NO, KNOWN_YES, KNOWN_COUNT }; /* what the kernel says, if it does */

/* What something lies on, as a certificate tells it. */
struct storage {
	char filesystem[16], disk[64]; /* "": not known */
	bool is_good, has_no_medium;
	enum known is_virtual, is_rotational, discards;
};

/* A file that is overwritten where it lies. */
struct shred_file {
	char path[DEVICE_PATH];
	uint64_t dev, ino, size; /* anything else is not touched */
	int64_t birth_ns;
	unsigned major, minor;
	char disk[64];
	struct medium_layout layout;
	bool has_pattern;
	uint8_t pattern[PATTERN_KEY]; /* key of the stream that overwrites */
	enum verification verification;
	int fd; /* held from the check to the unlink; -1: gone. Not in the journal */
};

struct journal {
	enum shred_kind kind;
	enum retention_step step; /* from here on all can be done */
	unsigned exceptions;
	uint64_t size; /* bytes that are destroyed */
	bool has_digest;
	uint8_t digest[DIGEST];
	struct storage image, keys;

	/* why, who, when */
	char entry[BL_RULE_ID_SIZE]; /* "": no date decided */
	uint8_t policy_digest[DIGEST];
	uint64_t policy_serial;
	int64_t due_unix;
	uint32_t by, request; /* request 0: none */
	bool has_reason;
	size_t approval_count;
	uid_t approvals[DEVICE_APPROVALS];
	int64_t begun_unix, begun_boot_ms;
	char boot_id[BOOT_ID];
	uint64_t intent_sequence;

	/* plain, source */
	size_t file_count;
	struct shred_file *files;

	/* keys: not of a source */
	bool has_proof;
	enum vault_proof proof;

	/* sealed, part */
	uint8_t vault_id[SEALED_ID];
	enum sealed_algorithm algorithm; /* 0: not known */
	bool is_complete, was_tried, was_punched;
	uint64_t keys_tried, wiped_bytes, wiped_raw;

	/* part */
	uint32_t number;
	uint64_t matched;	    /* files */
	uint8_t patterns[DIGEST];   /* of what was asked for: the words are the customer's */
	uint8_t neighbours[DIGEST]; /* of what surrounds the places */
	size_t place_count;
	struct sealed_place *places;
};

/* One destruction under way. */
struct shred {
	const struct retention_context *context;
	struct device device;
	struct journal journal;
	int folder;	  /* of the device */
	bool is_resumed;  /* begun by an earlier run */
	int64_t entry_ms; /* CLOCK_BOOTTIME when this run took it up */
	uint8_t *root;	  /* part: RK in force; vault_guarded */
	uint8_t *fresh;	  /* part: RK to be */
};
void shred_init(struct shred *shred, const struct retention_context *context, enum shred_kind kind);
void shred_done(struct shred *shred);
#define SHRED_CLEANUP __attribute__((cleanup(shred_done)))

typedef enum bl_status shred_step_fn(struct shred *shred, struct bl_error *why);

/* ---- plan.c ---- */

/* plan_facts - what its date under @policy is decided by; false: something could not be read */
bool plan_facts(struct device_store *store, const struct policy *policy,
		const struct device *device, struct rules_retention_facts *out_facts);
/* plan_has_grace - is this date one that RETENTION_GRACE can put off? */
bool plan_has_grace(const struct rules_retention_facts *facts, const struct rules_due *due,
		    int64_t trusted_unix);

/* ---- parts-due.c ---- */

struct parts_policy {
	const struct policy *policy;
	struct rules_retention_facts facts; /* as plan_facts says them */
};
enum parts_news { PARTS_NONE, PARTS_DUE, PARTS_NEWLY_DUE };
/* parts_compare - is there a part due, and not carried out, under @newer; and was it not under @older? */
enum parts_news parts_compare(struct device_store *store, const char *id,
			      const struct parts_policy *older, const struct parts_policy *newer,
			      int64_t trusted_unix);

/* ---- journal.c ---- */

void journal_done(struct journal *journal);
/* journal_files - room for @count files, none open; journal_places */
enum bl_status journal_files(struct journal *journal, size_t count,
			     struct bl_error *why) BL_MUST_CHECK;
enum bl_status journal_save(struct device_store *store, const char *id,
			    const struct journal *journal, struct bl_error *why) BL_MUST_CHECK;
/* journal_load - BL_NOT_FOUND: none. BL_TAMPERED: does not unseal. BL_INVALID: not of this version */
enum bl_status journal_load(struct device_store *store, const char *id, enum shred_kind kind,
			    struct journal *out_journal, struct bl_error *why) BL_MUST_CHECK;
enum bl_status journal_remove(struct device_store *store, const char *id, enum shred_kind kind,
			      struct bl_error *why) BL_MUST_CHECK;
bool journal_is_there(struct device_store *store, const char *id, enum shred_kind kind);
/* journal_decode - the text within the seal; strict. For fuzzing too */
bool journal_decode(const char *text, size_t length, struct journal *out_journal) BL_MUST_CHECK;

/* ---- machine.c ---- */

/* machine_run - from the journal's step to the end */
enum bl_status machine_run(struct shred *shred, struct bl_error *why) BL_MUST_CHECK;
bool machine_has(enum shred_kind kind, enum retention_step step);
enum retention_step machine_after(enum shred_kind kind, enum retention_step step);

/* ---- events.c: what the log says ---- */

/* events_find - does the log have it, of this destruction? @out_sequence of it */
enum bl_status events_find(const struct shred *shred, bool is_done, bool *out_is_there,
			   uint64_t *out_sequence, struct bl_error *why) BL_MUST_CHECK;
enum bl_status events_intent(const struct shred *shred, uint64_t *out_sequence,
			     struct bl_error *why) BL_MUST_CHECK;
enum bl_status events_done(const struct shred *shred, const uint8_t certificate[DIGEST],
			   struct bl_error *why) BL_MUST_CHECK;
/* events_part_over - the parts of this device that have an INTENT and no DONE: ended by the device's own certificate */
enum bl_status events_part_over(const struct shred *shred, const uint8_t certificate[DIGEST],
				struct bl_error *why) BL_MUST_CHECK;
/* events_parts - the greatest number of a part that the log knows of */
enum bl_status events_parts(const struct shred *shred, uint32_t *out_number,
			    struct bl_error *why) BL_MUST_CHECK;

/* ---- begin.c: the first step and the last ones, of every kind ---- */

/* shred_describe - fill what every kind's journal has: why, who, when; @plan NULL: no date decided */
void shred_describe(struct shred *shred, const struct retention_plan *plan);
shred_step_fn step_intent, step_customer, step_certificate, step_done;

/* ---- files.c: overwriting files where they lie ---- */

/* files_add - take @fd's identity, layout and place into @file; its path is set. Fails as medium_check_file */
enum bl_status files_add(struct shred_file *file, int fd, struct bl_error *why) BL_MUST_CHECK;
/* files_open - again, by path and identity. What is gone or another's stays closed; BL_IO when its disk is not there */
enum bl_status files_open(struct shred *shred, struct bl_error *why) BL_MUST_CHECK;
/* files_digest - of all bytes, one file behind the other; none when one is gone */
enum bl_status files_digest(struct journal *journal, struct bl_error *why) BL_MUST_CHECK;
shred_step_fn step_overwrite, step_sync, step_verify_files, step_punch, step_unlink_files;

/* ---- keys.c: keys and sealed images ---- */

shred_step_fn step_keys, step_keys_proven, step_try, step_wipe, step_unlink_sealed;
/* sealed_describe - what is known of a sealed image before, and of where it lies */
void sealed_describe(struct shred *shred);
void keys_describe(struct shred *shred);

/* ---- part.c ---- */

/* part_digest - of the patterns of what is destroyed, NUL behind each */
void part_digest(const char *const *patterns, size_t count, uint8_t out[DIGEST]);
shred_step_fn step_prepare, step_commit, step_finish, step_check;
/* What is asked for: the files of these patterns, by somebody, or by the date of an entry. All borrowed. */
struct part_request {
	const char *const *patterns;
	size_t count;
	const struct rules_due *date; /* NULL: somebody's */
	uint64_t *out_files;
	uint32_t *out_number;
};
/* part_shred - one part, claimed by this thread for so long; as retention_part_shred */
enum bl_status part_shred(const struct retention_context *context, const char *id,
			  const struct part_request *request, struct bl_error *why) BL_MUST_CHECK;
/* part_begin - all that comes before INTENT */
enum bl_status part_begin(struct shred *shred, const struct part_request *request,
			  struct bl_error *why) BL_MUST_CHECK;
/* part_resume - which step is next, asked of slot and header */
enum bl_status part_resume(struct shred *shred, struct bl_error *why) BL_MUST_CHECK;

/* ---- source.c ---- */

/* source_begin - what was promised is about to be done; BL_FORBIDDEN: held */
enum bl_status source_begin(struct shred *shred, struct bl_error *why) BL_MUST_CHECK;

/* ---- recover.c ---- */

/* recover_one - go on with it, claimed by this thread; BL_NOT_FOUND: nothing was begun (any more) */
enum bl_status recover_one(const struct retention_context *context, const char *id,
			   enum shred_kind kind, struct bl_error *why) BL_MUST_CHECK;

/* ---- host.c: what the host says of itself ---- */

void storage_look(int fd, struct storage *out_storage); /* what is not to be had is left empty */
bool storage_is_shared(
	int fd); /* does any of its blocks belong to another file or snapshot, too? */
int64_t host_boot_ms(void);
void host_boot_id(char out[BOOT_ID]);
enum known host_is_synchronised(void);

/* ---- overwrite.c ---- */

/* overwrite_digest - the bytes of @fd, into a running digest */
enum bl_status overwrite_digest(int fd, uint64_t size, struct digest *digest,
				struct bl_error *why) BL_MUST_CHECK;
enum bl_status overwrite_write(int fd, uint64_t size, const uint8_t key[PATTERN_KEY],
			       struct bl_error *why) BL_MUST_CHECK;
/* overwrite_check_disk, _file - do these bytes hold the pattern, past the page cache? BL_NOT_VERIFIED: they do not */
enum bl_status overwrite_check_disk(int disk_fd, const struct medium_layout *layout, uint64_t size,
				    const uint8_t key[PATTERN_KEY],
				    struct bl_error *why) BL_MUST_CHECK;
enum bl_status overwrite_check_file(int fd, uint64_t size, const uint8_t key[PATTERN_KEY],
				    struct bl_error *why) BL_MUST_CHECK;

/* ---- certificate.c ---- */

#define CERTIFICATE_TYPE    "bailee-certificate"
#define CERTIFICATE_VERSION 2

const char *certificate_subject(enum shred_kind kind);	       /* "plain image" */
const char *certificate_status(const struct journal *journal); /* "ERASED", ... */
bool certificate_is_erased(const struct journal *journal);     /* does it not say NOT_ERASED? */
/* certificate_suffix - what stands between id and ".json": "", "~source", "~part-2" */
void certificate_suffix(enum shred_kind kind, uint32_t number, const char *ending, char out[32]);
/* certificate_make - signed canonical JSON with its newline, owned by the caller */
struct certificate_time {
	int64_t done_unix, wall_unix, done_boot_ms; /* done: trusted time */
	char boot_id[BOOT_ID];
	enum known is_synchronised;
	bool has_source; /* the source of its intake was destroyed, too */
};
enum bl_status certificate_make(struct device_store *store, const struct device *device,
				const struct journal *journal, const struct certificate_time *time,
				char **out_json, struct bl_error *why) BL_MUST_CHECK;

/* ---- certificate-check.c ---- */

/* certificate_is_of - is this a certificate of ours for that device, and that kind? */
bool certificate_is_of(struct device_store *store, const char *id, const struct journal *journal,
		       const char *json, size_t length);

/* certificate_of_source - is there one of ours of the source of its intake? BL_NOT_FOUND: none; BL_NOT_VERIFIED: it says NOT_ERASED */
enum bl_status certificate_of_source(struct device_store *store, const char *id) BL_MUST_CHECK;

/* ---- page.c: for people ---- */

struct json_t;
enum bl_status page_make(const struct json_t *certificate, enum retention_page page,
			 char **out_page, struct bl_error *why) BL_MUST_CHECK;

#endif

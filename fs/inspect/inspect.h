/* inspect.h - the wipe check: is a medium that goes back to stock empty? docs/format-inspection.md */
#ifndef FS_INSPECT_INSPECT_H
#define FS_INSPECT_INSPECT_H

#include <stdatomic.h>

#include "fs/device/device.h"
#include "policy/base.h"
#include "policy/detect/detect.h"

#define INSPECT_PLACES	    1000 /* regions and findings that are told with their place */
#define INSPECT_SIGNS	    256	 /* tables and filesystems that are told */
#define INSPECT_REPORTS	    8
#define INSPECT_REPORT_SIZE (1u << 20) /* bytes of one */

/* What to look for, and who is told. All borrowed. */
struct inspect_job {
	int fd; /* of a file or block device, for reading, as the client opened it */
	const char *
		reader_path; /* bailee-reader: says what is allocated; NULL: everything is nobody's */
	bl_classes classes;
	const struct detect_custom *custom;	  /* NULL: none */
	const struct detect_identity *identities; /* known ones of the device */
	size_t identity_count;
	unsigned threads; /* 0: one per processor */
	/* From the caller's thread, several times a second; false: stop (BL_FAILED). May be NULL. */
	bool (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes);
	void *context;
};

enum inspect_where { INSPECT_ALLOCATED, INSPECT_FREE, INSPECT_NOBODYS, INSPECT_WHERE_COUNT };
const char *inspect_where_name(enum inspect_where where); /* "allocated" "free" "nobodys" */

enum inspect_verdict { INSPECT_EMPTY, INSPECT_NOT_EMPTY, INSPECT_NOT_READ };
const char *inspect_verdict_name(enum inspect_verdict verdict); /* "EMPTY" */

struct inspect_region {
	uint64_t offset, length;
};
struct inspect_sign {
	const char *type; /* "gpt", "ext"; static */
	uint64_t offset;
};
struct inspect_place {
	uint64_t offset;
	uint32_t length;
	uint8_t class;
	uint8_t where; /* enum inspect_where */
};

/* What a wiping program said of it. Texts: UTF-8 without control characters; "": not said. */
enum inspect_outcome { INSPECT_UNKNOWN, INSPECT_SUCCESS, INSPECT_FAILURE };
struct inspect_report {
	char program[32], version[32], serial[DEVICE_TEXT], model[DEVICE_TEXT], method[64];
	enum inspect_outcome outcome;
	uint8_t digest[DEVICE_DIGEST]; /* SHA-256 of its bytes */
};

struct inspect_result {
	enum inspect_verdict verdict;
	uint64_t size_bytes, read_bytes, unreadable_bytes;
	uint8_t fill;
	unsigned threads;
	uint64_t region_count, region_bytes;
	size_t regions_told;
	struct inspect_region regions[INSPECT_PLACES]; /* by offset */
	size_t table_count,
		filesystem_count; /* all of them; the first INSPECT_SIGNS are told, by offset */
	struct inspect_sign tables[INSPECT_SIGNS], filesystems[INSPECT_SIGNS];
	uint64_t finding_total;
	uint64_t findings[CLASS_LIMIT][INSPECT_WHERE_COUNT]; /* by class and where */
	uint64_t identity_findings[CLASS_LIMIT];	     /* of these: known identities */
	size_t places_told;
	struct inspect_place places[INSPECT_PLACES]; /* by offset */
};

/*
 * inspect_run - read a medium whole, on all processors
 *
 * BL_OK; BL_INVALID (neither file nor block device, or empty: zero bytes), BL_FAILED (stopped by progress), BL_IO (nothing of it could be read),
 * BL_NO_MEMORY. @out_result owned by the caller (free). Nothing of the medium is in it but places, and in no message.
 */
enum bl_status inspect_run(const struct inspect_job *job, struct inspect_result **out_result,
			   struct bl_error *why) BL_MUST_CHECK;

/*
 * inspect_report_parse - what a wiping program said (docs/format-inspection.md); hostile bytes, pure
 *
 * BL_OK, BL_INVALID (none that is known: the words name those that are), BL_TOO_LARGE, BL_NO_MEMORY.
 */
enum bl_status inspect_report_parse(const char *bytes, size_t length,
				    struct inspect_report *out_report,
				    struct bl_error *why) BL_MUST_CHECK;

/* What the kernel knows of the medium behind a descriptor. "": not known. */
enum inspect_known { INSPECT_NOT_KNOWN, INSPECT_NO, INSPECT_YES };
struct inspect_medium {
	bool is_block_device;
	bool is_part; /* of a disk: nothing is shown of the rest of it */
	char model[DEVICE_TEXT], serial[DEVICE_TEXT];
	enum inspect_known is_virtual;
};
void inspect_medium_look(int fd, struct inspect_medium *out_medium);
/* inspect_serial_matches - are these two the same number (case, spaces and leading zeros apart)? INSPECT_NOT_KNOWN when one is not known */
enum inspect_known inspect_serial_matches(const char *a, const char *b);

struct inspect_statement {
	const struct inspect_result *result;
	const struct inspect_medium *medium;
	const struct device *device; /* NULL: bound to none */
	bl_classes looked_for;
	const char *(*class_name)(const void *context, unsigned class); /* also of custom ones */
	const void *class_context;
	size_t identity_count;
	const struct inspect_report *reports;
	size_t report_count;
	int64_t begun_unix, done_unix, trusted_unix;
	uid_t by;
};
/* inspect_sign - signed canonical JSON with its newline, owned by the caller (free). BL_OK, BL_NO_MEMORY, BL_TOO_LARGE never: places are left out till it fits */
enum bl_status inspect_sign(struct device_store *store, const struct inspect_statement *statement,
			    char **out_json, struct bl_error *why) BL_MUST_CHECK;
/* inspect_verify - as retention_certificate_verify. @out_verdict may be NULL */
enum inspect_page { INSPECT_TEXT, INSPECT_HTML };
enum bl_status inspect_verify(const char *json, size_t length,
			      const uint8_t public_key[VAULT_PUBLIC_KEY], enum inspect_page page,
			      char **out_page, enum inspect_verdict *out_verdict,
			      struct bl_error *why) BL_MUST_CHECK;

#endif

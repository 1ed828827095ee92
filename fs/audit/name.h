/* name.h - private to fs/audit: NAME records, sealed and opened (docs/format-log.md, "Record: NAME") */
#ifndef FS_AUDIT_NAME_H
#define FS_AUDIT_NAME_H

#include "fs/audit/format.h"

#define NAME_FIXED     72u
#define NAME_TAG       16u
#define NAME_PAD       64u
#define NAME_PAD_LIMIT 62u				/* blocks in one part */
#define NAME_PART      (NAME_PAD_LIMIT * NAME_PAD - 2u) /* bytes of text in one part */
#define NAME_PARTS     ((AUDIT_NAME_TEXT + NAME_PART - 1) / NAME_PART) /* of the longest text */
/* The bytes of all records of one name, at most. */
#define NAME_RECORDS                                                                               \
	(NAME_PARTS * (NAME_FIXED + BL_DEVICE_ID_SIZE - 1 + 16 + NAME_PAD_LIMIT * NAME_PAD))

/*
 * name_seal - the records of one name, one behind the other; sequence and times are zero until format_record_stamp
 *
 * @lk   of the segment they go into
 * @out  NAME_RECORDS bytes
 *
 * Returns how many bytes; *out_count: how many records.
 */
size_t name_seal(const struct audit_name *name, const uint8_t log_id[LOG_ID_SIZE],
		 const uint8_t lk[AUDIT_KEY], uint8_t *out, unsigned *out_count);
/* Length of the NAME record at the start of @bytes, or 0 when it is not a proper one; out->segment is left alone */
size_t name_parse(const uint8_t *bytes, size_t length, struct audit_named *out);

#endif

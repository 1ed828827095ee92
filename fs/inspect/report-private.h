/* report-private.h - private: what the statement of a wipe check, its pages and its sources share */
#ifndef FS_INSPECT_REPORT_PRIVATE_H
#define FS_INSPECT_REPORT_PRIVATE_H

#include <jansson.h>

#include "fs/device/statement.h"
#include "fs/inspect/inspect.h"

#define INSPECTION_TYPE	   "bailee-inspection"
#define INSPECTION_VERSION 1

static inline BL_UNUSED void inspect_json_done(json_t **json)
{
	json_decref(*json);
}
#define JSON_CLEANUP __attribute__((cleanup(inspect_json_done)))

/* What words the statement uses; the index is the enum's. */
extern const char *const INSPECT_KNOWN_WORDS[3]; /* enum inspect_known: "unknown" "no" "yes" */
extern const char *const INSPECT_OUTCOMES[3];	 /* enum inspect_outcome */

/* inspect_words_ok - UTF-8 without characters that steer a terminal or turn the direction of what follows */
bool inspect_words_ok(const char *text, size_t length);
/*
 * inspect_words_take - what a stranger said, into @out (of @size): without space around it; "" when it is not such a text or does not
 * fit (half a serial number is another one)
 */
void inspect_words_take(char *out, size_t size, const char *bytes, size_t length);

/*
 * inspect_shape_ok - has it (without its signature) exactly the fields of docs/format-inspection.md, and do its sums hang together?
 *
 * What passes holds no text that a terminal or a page would mind but for the escapes of HTML.
 */
bool inspect_shape_ok(const json_t *json);

/* inspect_page_make - of what has that shape. BL_OK, BL_NO_MEMORY */
enum bl_status inspect_page_make(const json_t *json, enum inspect_page page, char **out_page,
				 struct bl_error *why) BL_MUST_CHECK;

/* inspect_strip_put - a figure with its legend, as HTML; @size: of the medium, in words. The classes are of page.c's style */
void inspect_strip_put(FILE *out, const json_t *json, const char *size);

/* inspect_medium_at - inspect_medium_look of a block device, with another /sys (tests) */
void inspect_medium_at(const char *sys, unsigned major, unsigned minor,
		       struct inspect_medium *out_medium);

#endif

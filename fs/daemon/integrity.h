/* integrity.h - what audit_verify found, as JSON: for `log verify --json`, for reports, and for the service's own word */
#ifndef FS_DAEMON_INTEGRITY_H
#define FS_DAEMON_INTEGRITY_H

#include <jansson.h>

#include "fs/audit/audit.h"

/* integrity_verdict - "broken", "good" or "good, not anchored"; @status is audit_verify's: BL_OK or BL_TAMPERED */
const char *integrity_verdict(const struct audit_report *report, enum bl_status status);
/* integrity_json - the keys of bailee-log-verify --json; owned by the caller; NULL: no memory */
json_t *integrity_json(const struct audit_report *report, enum bl_status status);

#endif

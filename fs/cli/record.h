/* record.h - an event as JSON (docs/protocol.md: what "record" holds) and as the log's own struct. Private to fs/cli. */
#ifndef FS_CLI_RECORD_H
#define FS_CLI_RECORD_H

#include <jansson.h>

#include "fs/audit/audit.h"
#include "fs/daemon/daemon.h"

/*
 * record_read - the record that record_json (fs/daemon/daemon.h) made this JSON of
 *
 * False: it is none, or of an operation that this program does not know (a newer service's); *out is written all the same, as far as it goes.
 */
bool record_read(const json_t *json, struct audit_record *out);

#endif

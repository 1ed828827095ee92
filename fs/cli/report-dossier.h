/* report-dossier.h - all that is on record of one device, each line with the number of its event. Private to fs/cli; pure */
#ifndef FS_CLI_REPORT_DOSSIER_H
#define FS_CLI_REPORT_DOSSIER_H

#include <jansson.h>
#include <stdio.h>

#include "policy/base.h"

/*
 * report_dossier - the whole answer of `device-report` for an auditor, with its parts under "custody", "events", "visits", "seen", "denials",
 * "files" and "notes"
 *
 * What an auditor's key opened stands in the answer as well: "paths" ({token: path}) and "reasons" ({event: text}); absent: nobody asked for names.
 */
void report_dossier(FILE *out, const json_t *answer, bool is_html);

#endif

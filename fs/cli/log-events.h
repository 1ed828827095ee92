/* log-events.h - events of the log as they are shown: a line for people, or an export's. Private to fs/cli */
#ifndef FS_CLI_LOG_EVENTS_H
#define FS_CLI_LOG_EVENTS_H

#include "fs/cli/log.h"

/* How. Begin with zeros. */
struct log_events {
	const struct audit_exporting *how; /* NULL: a line for people */
	struct names *names;		   /* NULL: tokens only */
	bool is_colored;		   /* log_events_colored */

	char reason[AUDIT_NAME_TEXT]; /* of the record at hand */
	size_t reason_length;
	bool has_reason;
};

/* log_events_print - one answer of the service with a "record", to stdout; errors are left there (ferror) */
void log_events_print(struct log_events *events, const json_t *answer);
/* log_events_colored - may lines on stdout have colours: a terminal, and NO_COLOR is not set (no-color.org) */
bool log_events_colored(void);
/* log_events_closed_names - on stderr, when some could not be opened: why. @key: the file that was given */
void log_events_closed_names(const struct log_events *events, const char *key);

#endif

/* log-filter.h - the options that ask for some events of the log: of query, export, follow. Private to fs/cli */
#ifndef FS_CLI_LOG_FILTER_H
#define FS_CLI_LOG_FILTER_H

#include "fs/cli/cli.h"

/* Texts as they were typed. Begin with zeros. */
struct log_filter {
	const char *person, *uid, *device, *path, *since, *until, *op, *verdict, *rule, *policy,
		*view, *session, *last, *zone, *names, *reason;
};
#define LOG_FILTER_OPTIONS 16
#define LOG_FILTER_USAGE                                                                           \
	"[--person NAME|UID] [--device ID [--path PATH]] [--since T] [--until T] [--op OP] "       \
	"[--verdict V] [--rule ID] [--policy SERIAL] [--view N] [--session N] [--last N] "         \
	"[--zone ZONE] [--names SECRET-KEY] [--reason TEXT]"

/* log_filter_rows - the options, LOG_FILTER_OPTIONS of them; --uid N is --person N of before */
void log_filter_rows(struct log_filter *filter, struct option_row *rows);
/*
 * log_filter_request - what was typed as keys of `log-query` (docs/protocol.md) in @request; BL_INVALID: what is wrong with it
 *
 * A time is of --zone, else UTC.
 */
enum bl_status log_filter_request(json_t *request, const struct log_filter *filter,
				  struct bl_error *why) BL_MUST_CHECK;

#endif

/* report-gather.h - everything that a report tells, asked for and put into its model. Private to fs/cli */
#ifndef FS_CLI_REPORT_GATHER_H
#define FS_CLI_REPORT_GATHER_H

#include "fs/cli/cli.h"
#include "fs/cli/log-source.h"
#include "fs/cli/log.h"
#include "fs/cli/report-model.h"

struct report_gathering {
	const struct invocation *invocation;
	struct log_source *source; /* NULL: there are no events to be told of */
	struct names *names;	   /* NULL: reasons stay closed */
	const char *reason, *purpose;
	const struct report_scope *scope;
	uint64_t up_to; /* no event behind this one */
	bool is_broken; /* the log is, behind that: what is said of the rest is known already */
};

/*
 * report_gather - tables, events and, of a service, facts
 *
 * @out_unread  of some device it could not be read what is going on
 * BL_OK, and log_source_ask's
 */
enum bl_status report_gather(const struct report_gathering *gathering, struct report_model *model,
			     bool *out_unread, struct bl_error *why) BL_MUST_CHECK;

#endif

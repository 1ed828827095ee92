/* log-index.h - the index of the log as the daemon keeps it. Private to fs/daemon */
#ifndef FS_DAEMON_LOG_INDEX_H
#define FS_DAEMON_LOG_INDEX_H

#include "fs/audit/index.h"
#include "fs/daemon/state.h"

/* start - once requests are about to be answered; stop - when none is any more, and before the log goes */
enum bl_status log_index_start(struct daemon *daemon, struct bl_error *why) BL_MUST_CHECK;
void log_index_stop(struct daemon *daemon);

/*
 * log_index_ready - the index, with what is durable up to @up_to
 *
 * @progress  as audit_index_update has it; when it says false the index that comes back is not whole
 * @out_index borrowed until log_index_stop
 *
 * Statuses of audit_index_open and _update: whoever asks can do without.
 */
enum bl_status log_index_ready(struct daemon *daemon, uint64_t up_to,
			       audit_index_progress_fn *progress, void *context,
			       struct audit_index **out_index, struct bl_error *why) BL_MUST_CHECK;

#endif

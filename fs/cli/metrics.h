/* metrics.h - the figures of `bailee status` for a monitoring system. Private to fs/cli */
#ifndef FS_CLI_METRICS_H
#define FS_CLI_METRICS_H

#include <jansson.h>
#include <stdio.h>

#include "policy/base.h"

/*
 * metrics_write - OpenMetrics 1.0 text, also understood by what reads Prometheus' own (node_exporter's textfile collector)
 *
 * @status  the last answer of `status`; what is not in it (for who asks may not see it) makes no metric; NULL: the daemon cannot be reached
 *
 * Labels hold words of docs/retention.md and indices only: never an id, a name or a path. Pure.
 */
void metrics_write(FILE *out, const json_t *status);

/* metrics_put - the same into @path, whole or not at all (PATH.tmp in the same folder, renamed), 0644. BL_IO, BL_NO_MEMORY */
enum bl_status metrics_put(const char *path, const json_t *status,
			   struct bl_error *why) BL_MUST_CHECK;

#endif

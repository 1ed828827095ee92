/* moment.h - times as people type them. Private to fs/cli */
#ifndef FS_CLI_MOMENT_H
#define FS_CLI_MOMENT_H

#include "policy/base.h"

struct zone;

#define MOMENT_FORMS "2026-11-22, '2026-11-22 10:00', 10:00 (today), or 7d, 12h, 30m ago"

/*
 * moment_parse - "2026-11-22", "2026-11-22 10:00[:30]", "10:00" (today), "7d" "12h" "30m" (so long before @now_unix), and what we print ourselves:
 * "2026-11-22T10:00:00Z", "2026-11-22T10:00:00+01:00"
 *
 * @zone  what is said without an offset is of it
 *
 * False: it is none, or no such date.
 */
bool moment_parse(const char *text, const struct zone *zone, int64_t now_unix, int64_t *out_unix);

#endif

/* log.h - the commands about the log that are in files of their own. Private to fs/cli. */
#ifndef FS_CLI_LOG_H
#define FS_CLI_LOG_H

#include <jansson.h>

#include "fs/audit/audit.h"
#include "fs/cli/cli.h"

int log_query(int argc, char **argv);
int log_export(int argc, char **argv);
int log_follow(int argc, char **argv);
int log_report(int argc, char **argv);
int log_ship(int argc, char **argv);

/* ---- log-names.c: what only an auditor can open ------------------------------------------------- */

struct names;

/*
 * names_open - with the auditor's secret key from the file @path, and a connection for the devices' halves of the keys
 *
 * @reason  why they are asked for, where the policy wants one; borrowed; may be NULL
 */
enum bl_status names_open(const struct invocation *invocation, const char *path, const char *reason,
			  struct names **out_names, struct bl_error *why) BL_MUST_CHECK;
void names_close(struct names *names);
BL_DEFINE_CLEANUP(struct names, names_close)
/* names_take - one partial answer of log-query: a segment or a sealed path. False: it is neither. */
bool names_take(struct names *names, const json_t *answer);
/*
 * names_path, names_reason - the path behind a record, and the reason that was given; owned by names until the next call. NULL: there is none, or it
 * cannot be opened (any more)
 */
const char *names_path(struct names *names, const json_t *record, size_t *out_length);
const char *names_reason(struct names *names, const json_t *answer, size_t *out_length);
/* names_is_stranger - the key is of none of the auditors that the log was made for */
bool names_is_stranger(const struct names *names);
/* names_unopened - how many could not be opened, since the device's key is gone or this auditor may not have it */
size_t names_unopened(const struct names *names);

#endif

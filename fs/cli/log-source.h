/* log-source.h - events and tables of a log, from the service or from a folder: asked and told the same way. Private to fs/cli */
#ifndef FS_CLI_LOG_SOURCE_H
#define FS_CLI_LOG_SOURCE_H

#include "fs/cli/cli.h"

/* Not thread-safe; one question at a time. */
struct log_source;

/*
 * log_source_open - the service of --store, or the folder @log_dir, which needs no service and tells nobody that it was read
 *
 * @invocation  borrowed for the source's life
 * @log_dir     NULL: the service
 * @up_to       of a folder: no record behind this sequence number is looked at (what a report of a broken log may show);
 *              UINT64_MAX: all that is good
 *
 * BL_OK, BL_INVALID (no log of ours), BL_IO, BL_NO_MEMORY
 */
enum bl_status log_source_open(const struct invocation *invocation, const char *log_dir,
			       uint64_t up_to, struct log_source **out_source,
			       struct bl_error *why) BL_MUST_CHECK;
void log_source_close(struct log_source *source);
BL_DEFINE_CLEANUP(struct log_source, log_source_close)

/*
 * log_source_ask - one question, and all that it comes to
 *
 * @request  the keys of `log-query` (docs/protocol.md), without "do". Borrowed. Of a folder `path`, `names` and a `person` that is no uid
 *           are BL_INVALID, and what is about asking (`reason`, `purpose`) is passed over
 * @tell     {"record": {...}, "person": NAME} an event, {"row": {...}} a row of a table, as the protocol has them; with `names` also what
 *           names_take takes and "reasons" (log.h). False stops: BL_OK comes back
 * @out_answer  the last answer: "zone" (whose days and hours they are), of the service also "last_sequence" (nothing behind it was looked
 *           at) and "no_index" (why it was answered without), of a folder "is_torn" (a crash left the end of it half written, which
 *           was nobody's answer). Owned by the caller; written on BL_OK, and on BL_TAMPERED of a folder; may be NULL
 *
 * Persons have names where the service knows them: else `person` is "". How far an index is that has to be made first is told on a
 * terminal's stderr.
 *
 * BL_OK, BL_TAMPERED (of a folder: what is good was told; the rest is no log), BL_NOT_MOUNTED (no service), the service's
 * refusals, BL_INVALID (a value that is none), BL_IO.
 */
enum bl_status log_source_ask(struct log_source *source, const json_t *request,
			      daemon_partial_fn *tell, void *context, json_t **out_answer,
			      struct bl_error *why) BL_MUST_CHECK;

#endif

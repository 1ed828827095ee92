/*
 * nolog.c - a log that is none, for measuring only: what a request costs without one (tests/bench/run.sh)
 *
 * Linked in place of the writer, with the program's own objects, into build/test/tools/bailee-nolog. Every event is answered at once
 * and forgotten. What it makes says so: its log folder holds one file whose name the real program takes for a foreign one and
 * refuses, and it refuses every log folder without that file.
 */
#include "fs/audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_LOG "seg.no-log-was-kept"

struct audit {
	atomic_ullong sequence;
	atomic_uint bounded_ms;
	atomic_bool is_refused; /* never: asked as the real one is, once for each request */
};

/* ---- making and opening ------------------------------------------------------------------------ */

/* BL_EXISTS: a folder that is not ours, so it may be a real log. */
static enum bl_status make_folder(int store_fd, struct bl_error *why)
{
	if (mkdirat(store_fd, "log", 0700) != 0) {
		if (errno == EEXIST && faccessat(store_fd, "log/" NO_LOG, F_OK, 0) == 0)
			return BL_OK;
		return bl_fail(why, BL_EXISTS,
			       "this program keeps no log: it takes no store that has one");
	}
	BL_CLEANUP(fd_close)
	int fd = openat(store_fd, "log/" NO_LOG, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? bl_fail_errno(why, BL_IO, "cannot mark a store without a log") : BL_OK;
}

enum bl_status audit_create(const struct audit_config *config BL_UNUSED, struct bl_error *why)
{
	return bl_fail(why, BL_INVALID, "no log: for measuring only");
}

enum bl_status audit_open(const struct audit_config *config, struct audit **out_audit,
			  struct bl_error *why)
{
	enum bl_status status = make_folder(config->store_fd, why);
	struct audit *audit = status == BL_OK ? calloc(1, sizeof(*audit)) : NULL;

	if (status != BL_OK)
		return status;
	if (!audit)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	fputs("no log: for measuring only\n", stderr);
	*out_audit = audit;
	return BL_OK;
}

void audit_close(struct audit *audit)
{
	free(audit);
}

/* ---- events ------------------------------------------------------------------------------------ */

void audit_submit(struct audit *audit, const struct audit_event *event BL_UNUSED,
		  struct audit_ticket *ticket)
{
	ticket->sequence = atomic_fetch_add(&audit->sequence, 1) + 1;
	ticket->done(ticket, BL_OK);
}

enum bl_status audit_append(struct audit *audit, const struct audit_event *event BL_UNUSED,
			    uint64_t *out_sequence, struct bl_error *why BL_UNUSED)
{
	uint64_t sequence = atomic_fetch_add(&audit->sequence, 1) + 1;

	if (out_sequence)
		*out_sequence = sequence;
	return BL_OK;
}

uint64_t audit_naming(const struct audit *audit BL_UNUSED)
{
	return 0;
}

uint64_t audit_submit_named(struct audit *audit, const struct audit_event *event,
			    const struct audit_name *names BL_UNUSED, size_t count BL_UNUSED,
			    struct audit_ticket *ticket)
{
	audit_submit(audit, event, ticket);
	return 0;
}

enum bl_status audit_append_named(struct audit *audit, const struct audit_event *event,
				  const struct audit_name *names BL_UNUSED, size_t count BL_UNUSED,
				  uint64_t *out_sequence, struct bl_error *why)
{
	return audit_append(audit, event, out_sequence, why);
}

/* ---- what else a writer is asked --------------------------------------------------------------- */

void audit_bounded(struct audit *audit, uint32_t milliseconds)
{
	atomic_store(&audit->bounded_ms, milliseconds);
}

void audit_policy(struct audit *audit BL_UNUSED, const uint8_t digest[32] BL_UNUSED)
{
}

/* There is nothing to come. */
uint64_t audit_wait(struct audit *audit BL_UNUSED, uint64_t sequence, unsigned milliseconds)
{
	const struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

	nanosleep(&pause, NULL);
	return sequence;
}

bool audit_is_writable(const struct audit *audit)
{
	return !atomic_load_explicit(&audit->is_refused, memory_order_acquire);
}

enum bl_status audit_unlatch(struct audit *audit BL_UNUSED,
			     const struct audit_event *event BL_UNUSED, struct bl_error *why)
{
	return bl_fail(why, BL_EXISTS, "the log is not latched: there is none");
}

enum bl_status audit_trim(struct audit *audit BL_UNUSED, int64_t before_unix BL_UNUSED,
			  size_t *out_segments, struct bl_error *why BL_UNUSED)
{
	*out_segments = 0;
	return BL_OK;
}

enum bl_status audit_checkpoint(struct audit *audit BL_UNUSED, struct bl_error *why BL_UNUSED)
{
	return BL_OK;
}

void audit_state(const struct audit *audit, struct audit_state *out)
{
	memset(out, 0, sizeof(*out));
	out->mode = AUDIT_WRITING;
	out->is_writable = true;
	out->bounded_ms = atomic_load(&audit->bounded_ms);
	strcpy(out->log_id, "00000000000000000000000000000000");
}

/* ---- reading back: there is nothing ------------------------------------------------------------ */

enum bl_status audit_scan_names(int log_fd BL_UNUSED, uint64_t from_sequence BL_UNUSED,
				const struct audit_listener *listener BL_UNUSED,
				struct bl_error *why BL_UNUSED)
{
	return BL_OK;
}

enum bl_status audit_scan(int log_fd BL_UNUSED, audit_record_fn *tell BL_UNUSED,
			  void *context BL_UNUSED, struct bl_error *why BL_UNUSED)
{
	return BL_OK;
}

enum bl_status audit_scan_since(int log_fd BL_UNUSED, int64_t since_unix BL_UNUSED,
				audit_record_fn *tell BL_UNUSED, void *context BL_UNUSED,
				struct bl_error *why BL_UNUSED)
{
	return BL_OK;
}

enum bl_status audit_scan_from(int log_fd BL_UNUSED, uint64_t sequence BL_UNUSED,
			       audit_record_fn *tell BL_UNUSED, void *context BL_UNUSED,
			       struct bl_error *why BL_UNUSED)
{
	return BL_OK;
}

enum bl_status audit_torn(int log_fd BL_UNUSED, bool *out_is_torn, struct bl_error *why BL_UNUSED)
{
	*out_is_torn = false;
	return BL_OK;
}

enum bl_status audit_log_id(int log_fd BL_UNUSED, uint8_t out_log_id[AUDIT_LOG_ID] BL_UNUSED,
			    struct bl_error *why)
{
	return bl_fail(why, BL_INVALID, "no log: for measuring only");
}

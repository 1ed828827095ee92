#include "fs/cli/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cli/cli.h"
#include "policy/words.h"

/* ---- one number each ------------------------------------------------------------------------------------- */

enum measure {
	MEASURE_NUMBER, /* an integer */
	MEASURE_FLAG,	/* true: 1 */
	MEASURE_TEXT,	/* any text: 1. The text itself may name anything */
	MEASURE_LENGTH, /* of a list */
};

static const struct metric {
	const char *name; /* of a counter without its _total */
	const char *unit; /* NULL: none; else the name ends in it */
	bool is_counter;
	enum measure measure;
	const char *group, *key; /* where it stands in the answer; group NULL: at the top */
	const char *help;
} METRICS[] = {
	{"bailee_policy_serial", NULL, false, MEASURE_NUMBER, NULL, "policy_serial",
	 "Serial number of the policy in force."},
	{"bailee_policy_refused", NULL, false, MEASURE_TEXT, NULL, "policy_trouble",
	 "1 when the last policy that was to be loaded was refused."},
	{"bailee_log_writable", NULL, false, MEASURE_FLAG, "log", "is_writable",
	 "1 when the audit log takes events; without it nothing is shown to anybody."},
	{"bailee_log_events", NULL, true, MEASURE_NUMBER, "log", "durable_sequence",
	 "Events of the audit log that are durable."},
	{"bailee_contents_closed", NULL, false, MEASURE_FLAG, "log", "are_contents_closed",
	 "1 when contents are closed to everybody: no anchor is young enough."},
	{"bailee_due_within_week", NULL, false, MEASURE_NUMBER, NULL, "due_week_count",
	 "Devices whose date is within seven days, or past."},
	{"bailee_unsure", NULL, false, MEASURE_NUMBER, NULL, "unsure_count",
	 "Devices of which something that dates depend on could not be read."},
	{"bailee_requests_open", NULL, false, MEASURE_NUMBER, NULL, "requests_open",
	 "Requests of customers that are open."},
	{"bailee_requests_late", NULL, false, MEASURE_NUMBER, NULL, "requests_late",
	 "Requests of customers whose deadline is past."},
	{"bailee_incidents_open", NULL, false, MEASURE_NUMBER, NULL, "incidents_open",
	 "Incidents that are open."},
	{"bailee_incidents_late", NULL, false, MEASURE_NUMBER, NULL, "incidents_late",
	 "Incidents whose deadline is past."},
	{"bailee_holds", NULL, false, MEASURE_NUMBER, NULL, "holds", "Holds that stand."},
	{"bailee_holds_to_review", NULL, false, MEASURE_NUMBER, NULL, "holds_warn_count",
	 "Holds whose review is overdue, or that stand longer than the policy thinks right."},
	{"bailee_roles_lapsing", NULL, false, MEASURE_LENGTH, NULL, "lapses",
	 "Requirements of roles that have run out, or do within 30 days."},
	{"bailee_samples_missing", NULL, false, MEASURE_NUMBER, NULL, "samples_missing_count",
	 "Periods whose independent verification is not done."},
	{"bailee_shred_trouble", NULL, false, MEASURE_TEXT, NULL, "shred_trouble",
	 "1 when a destruction that should have come to its end did not."},
	{"bailee_clock_ahead_seconds", "seconds", false, MEASURE_NUMBER, "clock", "ahead_s",
	 "Wall clock minus trusted time."},
	{"bailee_clock_synchronised", NULL, false, MEASURE_FLAG, "clock", "is_synchronised",
	 "1 when the kernel says that the wall clock is synchronised."},
	{"bailee_views", NULL, false, MEASURE_LENGTH, NULL, "views", "Views that are open."},
};

static void put_head(FILE *out, const char *name, const char *unit, const char *type,
		     const char *help)
{
	fprintf(out, "# TYPE %s %s\n", name, type);
	if (unit)
		fprintf(out, "# UNIT %s %s\n", name, unit);
	fprintf(out, "# HELP %s %s\n", name, help);
}

/* False: it is not in the answer, in that form. */
static bool measure(const struct metric *metric, const json_t *status, int64_t *out)
{
	const json_t *group = metric->group ? json_object_get(status, metric->group) : status;
	const json_t *value = json_object_get(group, metric->key);

	switch (metric->measure) {
	case MEASURE_NUMBER:
		*out = json_integer_value(value);
		return json_is_integer(value);
	case MEASURE_FLAG:
		*out = json_is_true(value);
		return json_is_boolean(value);
	case MEASURE_TEXT:
		*out = json_is_string(value) && *json_string_value(value);
		return json_is_string(value);
	case MEASURE_LENGTH:
		*out = (int64_t)json_array_size(value);
		return json_is_array(value);
	}
	return false;
}

/* ---- several of a kind --------------------------------------------------------------------------------------- */

/* Every state is told, also with 0: an alert on one that is absent never fires. */
static void put_states(FILE *out, const json_t *status)
{
	const json_t *states = json_object_get(status, "states");

	if (!json_is_object(states))
		return;
	put_head(out, "bailee_devices", NULL, "gauge", "Devices by state.");
	for (unsigned i = 0; i < STATE_COUNT; i++) {
		const char *state = bl_device_state_name((enum bl_device_state)i);

		fprintf(out, "bailee_devices{state=\"%s\"} %lld\n", state,
			cli_number(states, state));
	}
}

/* The oldest; one that has never been taken is older than any. */
static void put_oldest(FILE *out, const json_t *anchors)
{
	const json_t *anchor;
	int64_t oldest = 0;
	bool is_never = false;
	size_t index;

	json_array_foreach(anchors, index, anchor)
	{
		const json_t *age = json_object_get(anchor, "age_seconds");

		is_never |= !json_is_integer(age);
		oldest = BL_MAX(oldest, (int64_t)json_integer_value(age));
	}
	if (!index)
		return;
	put_head(out, "bailee_anchor_age_seconds", "seconds", "gauge",
		 "Age of the oldest of the anchors' newest checkpoints; infinite: one has none.");
	if (is_never)
		fputs("bailee_anchor_age_seconds +Inf\n", out);
	else
		fprintf(out, "bailee_anchor_age_seconds %" PRId64 "\n", oldest);
}

static void put_sessions(FILE *out, const json_t *status)
{
	const json_t *views = json_object_get(status, "views"), *view;
	size_t index, sessions = 0;

	if (!json_is_array(views))
		return;
	json_array_foreach(views, index, view) sessions += json_object_get(view, "session") != NULL;
	put_head(out, "bailee_sessions", NULL, "gauge", "Sealed sessions among the open views.");
	fprintf(out, "bailee_sessions %zu\n", sessions);
}

static void put_anchors(FILE *out, const json_t *status)
{
	const json_t *anchors = json_object_get(json_object_get(status, "log"), "anchors"), *anchor;
	size_t index;

	if (!json_is_array(anchors))
		return;
	put_head(out, "bailee_anchors", NULL, "gauge", "Anchors that checkpoints go to.");
	fprintf(out, "bailee_anchors %zu\n", json_array_size(anchors));
	put_oldest(out, anchors);
	if (!json_array_size(anchors))
		return;
	put_head(out, "bailee_anchor_working", NULL, "gauge",
		 "1 when the last checkpoint reached the anchor of that number.");
	json_array_foreach(anchors, index, anchor)
		fprintf(out, "bailee_anchor_working{anchor=\"%zu\"} %d\n", index + 1,
			!*cli_text(anchor, "trouble"));
}

static void put_all(FILE *out, const json_t *status)
{
	for (size_t i = 0; i < BL_COUNT(METRICS); i++) {
		const struct metric *metric = &METRICS[i];
		int64_t value = 0;

		if (!measure(metric, status, &value))
			continue;
		put_head(out, metric->name, metric->unit, metric->is_counter ? "counter" : "gauge",
			 metric->help);
		fprintf(out, "%s%s %" PRId64 "\n", metric->name, metric->is_counter ? "_total" : "",
			value);
	}
	put_sessions(out, status);
	put_states(out, status);
	put_anchors(out, status);
}

void metrics_write(FILE *out, const json_t *status)
{
	put_head(out, "bailee_up", NULL, "gauge", "1 when the daemon of the store answers.");
	fprintf(out, "bailee_up %d\n", status != NULL);
	if (status)
		put_all(out, status);
	fputs("# EOF\n", out);
}

/* ---- into a file ----------------------------------------------------------------------------------------------- */

static enum bl_status write_into(const char *path, const json_t *status, struct bl_error *why)
{
	/* What an earlier one left behind, or somebody put there: never written through. */
	unlink(path);

	BL_CLEANUP(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");

	if (!out) {
		fd_close(copy);
		return bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
	}
	metrics_write(out, status);

	bool is_whole = !ferror(out);

	/* Whatever the umask: the collector is somebody else. */
	is_whole = fclose(out) == 0 && is_whole && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
	return is_whole ? BL_OK : bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
}

/* A rename replaces anything but a folder: also /dev/null. */
static bool may_replace(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 || S_ISREG(st.st_mode);
}

enum bl_status metrics_put(const char *path, const json_t *status, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *temporary = NULL;

	if (!may_replace(path))
		return bl_fail(why, BL_INVALID, "'%s' is no file (name one: bailee.prom)", path);
	/* Of its own: two that write at once would take each other's away, or bring half of it into place. */
	if (asprintf(&temporary, "%s.%ld.tmp", path, (long)getpid()) < 0) {
		temporary = NULL;
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	enum bl_status result = write_into(temporary, status, why);

	if (result == BL_OK && rename(temporary, path) < 0)
		result = bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
	if (result != BL_OK)
		unlink(temporary);
	return result;
}

#include "fs/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "policy/base.h"

#define SECOND	 INT64_C(1000000000)
#define QUIET_NS (10 * SECOND) /* between lines where there is no terminal */
#define WIDE	 80

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

const char *progress_bytes(uint64_t bytes, char out[24])
{
	static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < sizeof(UNITS) / sizeof(UNITS[0])) {
		value /= 1000;
		unit++;
	}
	snprintf(out, 24, unit ? "%.1f %s" : "%.0f %s", value, UNITS[unit]);
	return out;
}

static void write_left(double seconds, char out[32])
{
	uint64_t left = (uint64_t)(seconds + 0.5);

	if (left >= 3600)
		snprintf(out, 32, "%" PRIu64 " h %" PRIu64 " min left", left / 3600,
			 left % 3600 / 60);
	else if (left >= 60)
		snprintf(out, 32, "%" PRIu64 " min %" PRIu64 " s left", left / 60, left % 60);
	else
		snprintf(out, 32, "%" PRIu64 " s left", left);
}

/* Where all of it does not fit, how far and how long still is what counts. */
static void write_line(const struct progress *progress, uint64_t done, uint64_t total, int64_t now,
		       bool is_narrow, char *out, size_t size)
{
	char have[24], of[24], speed[24], left[32] = "";
	double seconds = (double)(now - progress->began_ns) / (double)SECOND;
	double rate = seconds > 0 ? (double)(done - progress->began_at) / seconds : 0;
	uint64_t percent =
		!total || done >= total ? 100 : (uint64_t)(100.0 * (double)done / (double)total);

	progress_bytes(done, have);
	progress_bytes(total, of);
	progress_bytes((uint64_t)rate, speed);
	if (rate > 0 && total > done)
		write_left((double)(total - done) / rate, left);
	if (!total)
		snprintf(out, size, "%s  %s  %s/s", progress->what, have, speed);
	else if (is_narrow)
		snprintf(out, size, "%s  %" PRIu64 " %%  %s", progress->what, percent, left);
	else
		snprintf(out, size, "%s  %s of %s  %" PRIu64 " %%  %s/s  %s", progress->what, have,
			 of, percent, speed, left);
}

/* Of the terminal, as it is now; 0: there is none. */
static int columns(void)
{
	struct winsize size;

	if (!isatty(STDERR_FILENO))
		return 0;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : WIDE;
}

void progress_tell(struct progress *progress, const char *what, uint64_t done, uint64_t total)
{
	char line[160];
	int64_t now = now_ns();
	int width = columns();
	bool is_terminal = width > 0;

	if (strcmp(progress->what, what) != 0) {
		progress_end(progress);
		*progress = (struct progress){.began_ns = now, .began_at = done};
		snprintf(progress->what, sizeof(progress->what), "%s", what);
		progress->told_ns = is_terminal ? 0 : now;
	}
	if (!is_terminal && now - progress->told_ns < QUIET_NS)
		return;
	progress->told_ns = now;
	write_line(progress, done, total, now, is_terminal && width < WIDE, line, sizeof(line));
	/* The last column stays free: some terminals go on to the next line there. */
	if (is_terminal)
		fprintf(stderr, "\r%-*.*s", width - 1, width - 1, line);
	else
		fprintf(stderr, "%s\n", line);
	fflush(stderr);
	progress->is_line_open = is_terminal;
}

void progress_end(struct progress *progress)
{
	/* Wiped: the last that was told of may be long past. */
	if (progress->is_line_open)
		fprintf(stderr, "\r%*s\r", BL_MAX(columns(), 1) - 1, "");
	progress->is_line_open = false;
}

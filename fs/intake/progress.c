#include <time.h>

#include "fs/intake/private.h"

#define TELL_NS (INT64_C(200) * 1000 * 1000)

static const char *const STAGES[] = {
	[INTAKE_CHOOSING] = "choosing",
	[INTAKE_CHECKING] = "checking",
	[INTAKE_SEALING] = "sealing",
	[INTAKE_VERIFYING] = "verifying",
};

const char *intake_stage_name(enum intake_stage stage)
{
	return STAGES[stage];
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void progress_stage(struct progress *progress, enum intake_stage stage, uint64_t total)
{
	progress->now.stage = stage;
	progress->now.done = 0;
	progress->now.total = total;
	progress->told_ns = 0; /* so that the first tick tells of it */
}

bool progress_tick(struct progress *progress)
{
	const struct intake *intake = progress->intake;
	int64_t now = now_ns();

	if (progress->is_stopped || !intake->on_progress || now - progress->told_ns < TELL_NS)
		return !progress->is_stopped;
	progress->told_ns = now;
	progress->is_stopped = !intake->on_progress(intake->context, &progress->now);
	return !progress->is_stopped;
}

enum bl_status progress_stopped(struct bl_error *why)
{
	return bl_fail(why, BL_STALE, "stopped (run the same command again to go on)");
}

void progress_step(const struct intake *intake, const char *step)
{
	if (intake->on_step)
		intake->on_step(intake->context, step);
}

/*
 * In place of fs/session/sealed/trial.c: takes one step away. A file "trial" beside the program says "STEP ERRNO", or "STEP ERRNO TIME" of
 * a step whose name comes twice ("calls": 1 the zygote's, 2 that of process 1); without it every step is done. Never installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/session/sealed/sealed.h"

static struct {
	char step[64];
	int error, time;
} trial;

void seal_trial_begin(void)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("trial"));
	char *slash;

	path[BL_MAX(length, 0)] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		abort();
	memcpy(slash + 1, "trial", sizeof("trial"));

	FILE *file = fopen(path, "re");

	if (!file)
		return;
	/* A test that takes no step away would find nothing missing. */
	if (fscanf(file, "%63s %d %d", trial.step, &trial.error, &trial.time) < 2 ||
	    trial.error <= 0)
		abort();
	fclose(file);
}

int seal_trial(const char *step)
{
	if (strcmp(step, trial.step) != 0)
		return 0;
	/* Process 1 counts on from what the zygote had counted. */
	return --trial.time <= 0 ? trial.error : 0;
}

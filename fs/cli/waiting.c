#include "fs/cli/waiting.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "fs/cli/tell.h"

static void show(const struct waiting *waiting, unsigned seconds)
{
	fprintf(stderr, "\r%s: waiting for '", waiting->command);
	tell_safe(stderr, waiting->what);
	fprintf(stderr, "' (%u s)", seconds);
	fflush(stderr);
}

static void *tick(void *context)
{
	struct waiting *waiting = context;
	struct timespec at;
	unsigned seconds = 0;

	clock_gettime(CLOCK_MONOTONIC, &at);
	pthread_mutex_lock(&waiting->lock);
	while (!waiting->is_over) {
		at.tv_sec++;
		while (!waiting->is_over &&
		       pthread_cond_clockwait(&waiting->over, &waiting->lock, CLOCK_MONOTONIC,
					      &at) != ETIMEDOUT)
			continue;
		if (waiting->is_over)
			break;
		show(waiting, ++seconds);
		waiting->is_shown = true;
	}
	pthread_mutex_unlock(&waiting->lock);
	return NULL;
}

void waiting_begin(struct waiting *waiting, const char *command, const char *what, bool is_quiet)
{
	*waiting = (struct waiting){.command = command, .what = what};
	if (is_quiet || !isatty(STDERR_FILENO))
		return;
	pthread_mutex_init(&waiting->lock, NULL);
	pthread_cond_init(&waiting->over, NULL);
	waiting->has_thread = pthread_create(&waiting->thread, NULL, tick, waiting) == 0;
}

void waiting_end(struct waiting *waiting)
{
	if (!waiting->has_thread)
		return;
	pthread_mutex_lock(&waiting->lock);
	waiting->is_over = true;
	pthread_cond_signal(&waiting->over);
	pthread_mutex_unlock(&waiting->lock);
	pthread_join(waiting->thread, NULL);
	pthread_cond_destroy(&waiting->over);
	pthread_mutex_destroy(&waiting->lock);
	/* To its end: how long it is depends on what was typed. */
	if (waiting->is_shown)
		fputs("\r\033[K", stderr);
	waiting->has_thread = false;
}

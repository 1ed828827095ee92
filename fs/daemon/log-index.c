/* The index of the log (fs/audit/index.h) as the daemon keeps it: opened when it is first asked for, and in between kept near the end of the log. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fs/audit/index.h"
#include "fs/daemon/log-index.h"

#define EVERY_SECONDS 10

struct log_index {
	struct daemon *daemon;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct audit_index *index; /* NULL: nobody asked yet; under the lock */
	atomic_uint waiting;	   /* questions: for them the thread leaves off */
};

static enum bl_status open_index(struct log_index *keeper, struct audit_index **out,
				 struct bl_error *why)
{
	struct device_store *store = keeper->daemon->store;
	BL_CLEANUP(fd_close) int log_fd = -1;
	enum bl_status status = BL_OK;

	pthread_mutex_lock(&keeper->lock);
	if (!keeper->index) {
		status = device_store_log(store, &log_fd, why);
		if (status == BL_OK)
			status = audit_index_open(device_store_fd(store), log_fd, &keeper->index,
						  why);
	}
	*out = keeper->index;
	pthread_mutex_unlock(&keeper->lock);
	return status;
}

enum bl_status log_index_ready(struct daemon *daemon, uint64_t up_to,
			       audit_index_progress_fn *progress, void *context,
			       struct audit_index **out_index, struct bl_error *why)
{
	struct audit_index *index = NULL;
	enum bl_status status;

	if (!daemon->log_index)
		return bl_fail(why, BL_NO_MEMORY, "there is no index");
	atomic_fetch_add(&daemon->log_index->waiting, 1);
	status = open_index(daemon->log_index, &index, why);
	if (status == BL_OK)
		status = audit_index_update(index, up_to, progress, context, why);
	atomic_fetch_sub(&daemon->log_index->waiting, 1);
	if (status == BL_OK)
		*out_index = index;
	return status;
}

/* ---- in between ---------------------------------------------------------------------------------------- */

static bool may_go_on(void *context, uint64_t done, uint64_t all)
{
	const struct log_index *keeper = context;

	(void)done;
	(void)all;
	return !atomic_load(&keeper->waiting) && !atomic_load(&keeper->daemon->is_stopping);
}

/* Who never asks has no index; who asked once, before this start as well, has one that is nearly there. */
static bool is_wanted(struct log_index *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	bool is_wanted = keeper->index != NULL;

	pthread_mutex_unlock(&keeper->lock);
	return is_wanted || faccessat(device_store_fd(keeper->daemon->store), "index", F_OK,
				      AT_SYMLINK_NOFOLLOW) == 0;
}

/* What goes wrong is told to whoever asks next: for nobody else it matters. */
static void catch_up(struct log_index *keeper, uint64_t *seen)
{
	struct audit_index *index = NULL;
	struct audit_state log;

	audit_state(keeper->daemon->audit, &log);
	if (log.durable_sequence == *seen || !is_wanted(keeper))
		return;
	if (open_index(keeper, &index, NULL) == BL_OK)
		(void)!audit_index_update(index, log.durable_sequence, may_go_on, keeper, NULL);
	*seen = log.durable_sequence;
}

static void nap(struct log_index *keeper)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += EVERY_SECONDS;
	pthread_mutex_lock(&keeper->lock);
	while (!atomic_load(&keeper->daemon->is_stopping) &&
	       pthread_cond_timedwait(&keeper->wake, &keeper->lock, &at) == 0)
		;
	pthread_mutex_unlock(&keeper->lock);
}

static void *keep_near(void *context)
{
	const struct sched_param none = {0};
	struct log_index *keeper = context;
	uint64_t seen = 0;

	/* Whoever looks at a device comes first. */
	(void)!pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
	while (!atomic_load(&keeper->daemon->is_stopping)) {
		catch_up(keeper, &seen);
		nap(keeper);
	}
	return NULL;
}

/* ---- starting and stopping ------------------------------------------------------------------------------- */

enum bl_status log_index_start(struct daemon *daemon, struct bl_error *why)
{
	struct log_index *keeper = calloc(1, sizeof(*keeper));
	pthread_condattr_t attributes;

	if (!keeper)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	keeper->daemon = daemon;
	pthread_mutex_init(&keeper->lock, NULL);
	/* Its waits must not end early or late because somebody sets the clock. */
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	if (pthread_create(&keeper->thread, NULL, keep_near, keeper) != 0) {
		free(keeper);
		return bl_fail(why, BL_FAILED, "cannot start the thread of the log's index");
	}
	daemon->log_index = keeper;
	return BL_OK;
}

void log_index_stop(struct daemon *daemon)
{
	struct log_index *keeper = daemon->log_index;

	if (!keeper)
		return;
	pthread_mutex_lock(&keeper->lock);
	pthread_cond_signal(&keeper->wake);
	pthread_mutex_unlock(&keeper->lock);
	pthread_join(keeper->thread, NULL);
	audit_index_close(keeper->index);
	pthread_cond_destroy(&keeper->wake);
	pthread_mutex_destroy(&keeper->lock);
	free(keeper);
	daemon->log_index = NULL;
}

/* Waiting for what comes: those who follow the log. */
#include "fs/audit/log.h"

#include <errno.h>
#include <time.h>

#define MILLISECOND INT64_C(1000000)

static struct timespec after(unsigned milliseconds)
{
	int64_t at = monotonic_ns() + milliseconds * MILLISECOND;

	return (struct timespec){.tv_sec = at / SECOND, .tv_nsec = at % SECOND};
}

void writer_tell_followers(struct audit *audit)
{
	if (audit->followers)
		pthread_cond_broadcast(&audit->grown);
}

uint64_t audit_wait(struct audit *audit, uint64_t sequence, unsigned milliseconds)
{
	struct timespec until = after(milliseconds);
	int error = 0;

	pthread_mutex_lock(&audit->lock);
	audit->followers++;
	while (atomic_load(&audit->durable_sequence) <= sequence && !audit->is_stopping &&
	       error != ETIMEDOUT)
		error = pthread_cond_timedwait(&audit->grown, &audit->lock, &until);
	audit->followers--;
	pthread_mutex_unlock(&audit->lock);
	return atomic_load(&audit->durable_sequence);
}

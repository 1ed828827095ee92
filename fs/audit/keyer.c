#include "fs/audit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <time.h>
#include <unistd.h>

/* How many frames the file is behind. Locked. */
static uint64_t behind(const struct audit *audit)
{
	return audit->secrets->durable.frame - audit->key_frame;
}

void writer_key_moved(struct audit *audit)
{
	audit->secrets->durable = audit->secrets->next;
	if (audit->is_keyer_idle || behind(audit) == FRAMEKEY_EVERY)
		pthread_cond_signal(&audit->key_change);
}

/* Locked: until there is something to write and its time has come; false: nothing more will come. */
static bool wait_for_key(struct audit *audit)
{
	struct timespec until;

	while ((!behind(audit) || audit->is_key_bad) && !atomic_load(&audit->is_committer_gone)) {
		audit->is_keyer_idle = true;
		pthread_cond_wait(&audit->key_change, &audit->lock);
		audit->is_keyer_idle = false;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	while (behind(audit) < FRAMEKEY_EVERY && !atomic_load(&audit->is_committer_gone) &&
	       pthread_cond_timedwait(&audit->key_change, &audit->lock, &until) != ETIMEDOUT)
		continue;
	return behind(audit) && !audit->is_key_bad;
}

/*
 * Locked. The key of the frame behind the newest durable one, and no other: the committer hands it over under the lock once
 * the frame before is synced. What fails here while the reserve is written makes nothing worse: more stays forgeable.
 */
static void write_key(struct audit *audit)
{
	struct secrets *secrets = audit->secrets;
	uint64_t generation = ++audit->key_generation;
	struct bl_error why = {""};

	secrets->written = secrets->durable;
	pthread_mutex_unlock(&audit->lock);

	enum bl_status status = framekey_write(audit->io, audit->key_fd, audit->identity.log_id,
					       generation, &secrets->written, &why);

	pthread_mutex_lock(&audit->lock);
	if (status == BL_OK) {
		audit->key_frame = secrets->written.frame;
	} else {
		audit->is_key_bad = true;
		if (writer_mode(audit) == AUDIT_WRITING)
			writer_fail(audit, &why);
	}
	sodium_memzero(&secrets->written, sizeof(secrets->written));
}

void *key_run(void *context)
{
	struct audit *audit = context;

	pthread_mutex_lock(&audit->lock);
	for (;;) {
		bool is_last = atomic_load(&audit->is_committer_gone);

		if (wait_for_key(audit))
			write_key(audit);
		if (is_last)
			break;
	}
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}

/* The keyer leaves the file alone while it is bad. A new file: the old one is never synced again. */
enum bl_status writer_mend_key(struct audit *audit, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;

	pthread_mutex_lock(&audit->lock);

	bool is_bad = audit->is_key_bad;

	pthread_mutex_unlock(&audit->lock);
	if (!is_bad)
		return BL_OK;

	const struct audit_io *io = audit->io;
	const uint8_t *log_id = audit->identity.log_id;
	const struct framekey *key = &audit->secrets->next;
	uint64_t generation = audit->key_generation + 1;
	enum bl_status status = framekey_create(io, audit->log_fd, log_id, key, why);

	if (status == BL_OK)
		status = io_open(io, audit->log_fd, FRAMEKEY_FILE, O_RDWR, &fd, why);
	/* Generations never go back. */
	if (status == BL_OK)
		status = framekey_write(io, fd, log_id, generation, key, why);
	if (status != BL_OK)
		return status;
	fd_close(audit->key_fd);
	audit->key_fd = fd_take(&fd);
	pthread_mutex_lock(&audit->lock);
	audit->key_generation = generation;
	audit->key_frame = key->frame;
	audit->is_key_bad = false;
	pthread_cond_signal(&audit->key_change);
	pthread_mutex_unlock(&audit->lock);
	return BL_OK;
}

#include "fs/audit/log.h"

#include "fs/audit/trim.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- making and freeing ---------------------------------------------------------------------- */

static void init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

static enum bl_status init_batch(struct batch *batch, uint8_t *lk)
{
	batch->frame = calloc(1, FRAME_LIMIT);
	batch->leaves = calloc(FRAME_RECORDS, sizeof(*batch->leaves));
	batch->lk = lk;
	batch_clear(batch);
	return batch->frame && batch->leaves ? BL_OK : BL_NO_MEMORY;
}

static void free_audit(struct audit *audit)
{
	pthread_cond_t *const conds[] = {&audit->work,	       &audit->room,	   &audit->told,
					 &audit->spare_change, &audit->key_change, &audit->served,
					 &audit->grown};
	const int
		fds
			[] =
				{audit->spare.fd, audit->fresh.fd, audit->reserve.fd,
				 audit->note_fd,  audit->key_fd,   audit->notes_fd,
				 audit->log_fd /* and with it the lock on the folder */};

	for (unsigned i = 0; i < 2; i++) {
		free(audit->batches[i].frame);
		free(audit->batches[i].leaves);
	}
	/* Where something failed what lies behind the last frame is evidence. */
	if (writer_mode(audit) != AUDIT_DEAD)
		segment_end(&audit->segment);
	else
		fd_close(audit->segment.fd);
	for (size_t i = 0; i < BL_COUNT(fds); i++)
		fd_close(fds[i]);
	sodium_free(audit->secrets);
	pthread_mutex_destroy(&audit->lock);
	pthread_mutex_destroy(&audit->trim_lock);
	for (size_t i = 0; i < BL_COUNT(conds); i++)
		pthread_cond_destroy(conds[i]);
	free(audit);
}

static void init_waiting(struct audit *audit)
{
	pthread_cond_t *const conds[] = {&audit->work,	       &audit->room,	   &audit->told,
					 &audit->spare_change, &audit->key_change, &audit->served,
					 &audit->grown};

	pthread_mutex_init(&audit->lock, NULL);
	pthread_mutex_init(&audit->trim_lock, NULL);
	for (size_t i = 0; i < BL_COUNT(conds); i++)
		init_cond(conds[i]);
	queue_init(&audit->good);
	queue_init(&audit->bad);
	queue_init(&audit->failed);
	storms_init(&audit->storms);
}

static struct audit *new_audit(const struct audit_config *config, const struct audit_io *io)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	struct secrets *secrets = sodium_malloc(sizeof(*secrets));

	if (!audit || !secrets) {
		free(audit);
		sodium_free(secrets);
		return NULL;
	}
	memset(secrets, 0, sizeof(*secrets));
	audit->secrets = secrets;
	audit->io = io;
	audit->vault = config->vault;
	audit->on_broken = config->on_broken;
	audit->on_checkpoint = config->on_checkpoint;
	audit->context = config->context;
	audit->segment_bytes = config->segment_bytes ? config->segment_bytes : SEGMENT_DEFAULT;
	audit->log_fd = audit->notes_fd = audit->note_fd = audit->key_fd = -1;
	audit->segment.fd = audit->fresh.fd = audit->spare.fd = audit->reserve.fd = -1;
	init_waiting(audit);
	audit->filling = &audit->batches[0];
	if (init_batch(&audit->batches[0], secrets->lk[0]) != BL_OK ||
	    init_batch(&audit->batches[1], secrets->lk[1]) != BL_OK) {
		free_audit(audit);
		return NULL;
	}
	return audit;
}

/* ---- threads --------------------------------------------------------------------------------- */

#define WORKERS 3u /* committer, preparer, keyer; behind them notifiers */

static void stop_threads(struct audit *audit)
{
	pthread_mutex_lock(&audit->lock);
	audit->is_stopping = true;
	if (!audit->started) {
		atomic_store(&audit->is_committer_gone, true);
		pthread_cond_broadcast(&audit->key_change);
	}
	pthread_cond_broadcast(&audit->work);
	pthread_cond_broadcast(&audit->spare_change);
	writer_tell_followers(audit);
	pthread_mutex_unlock(&audit->lock);
	/* The committer first: it may still need the preparer, and it feeds keyer and notifiers. */
	if (audit->started > 0)
		pthread_join(audit->committer, NULL);
	if (audit->started > 1)
		pthread_join(audit->preparer, NULL);
	if (audit->started > 2)
		pthread_join(audit->keyer, NULL);
	for (unsigned i = WORKERS; i < audit->started; i++)
		pthread_join(audit->notifiers[i - WORKERS], NULL);
}

/* On two cores a second notifier only takes turns with the first (measured: 7 % slower). */
static unsigned notifier_count(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 2 ? NOTIFIERS : 1;
}

static enum bl_status start_threads(struct audit *audit)
{
	unsigned count = WORKERS + notifier_count();
	void *(*const runs[WORKERS + NOTIFIERS])(void *) = {commit_run, prepare_run, key_run,
							    notify_run, notify_run};
	pthread_t *const threads[WORKERS + NOTIFIERS] = {&audit->committer, &audit->preparer,
							 &audit->keyer, &audit->notifiers[0],
							 &audit->notifiers[1]};

	for (unsigned i = 0; i < count; i++) {
		if (pthread_create(threads[i], NULL, runs[i], audit) != 0)
			return BL_NO_MEMORY;
		audit->started++;
	}
	return BL_OK;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void take_resume(struct audit *audit, const struct resume *resume)
{
	audit->log_fd = resume->log_fd;
	audit->notes_fd = resume->notes_fd;
	audit->key_fd = resume->key_fd;
	audit->identity = resume->identity;
	audit->number = resume->number;
	audit->frame = resume->frame;
	audit->next_sequence = resume->sequence;
	atomic_store(&audit->durable_sequence, resume->sequence - 1);
	memcpy(audit->chain, resume->chain, AUDIT_DIGEST);
	memcpy(audit->note_name, resume->note_name, NOTE_FILE_NAME);
	audit->note_at = resume->note_at;
	audit->secrets->next = audit->secrets->durable = resume->key;
	audit->key_frame = resume->key_frame;
	audit->key_generation = resume->key_generation;
	audit->last_note_ns = audit->last_frame_ns = audit->io->boottime_ns(audit->io->context);
	boot_id_read(audit->boot_id);
}

/* How much was forgeable when the log was taken up again. */
static struct audit_event start_event(const struct resume *resume)
{
	struct audit_event event = writer_event(AUDIT_START, "bailee " BAILEE_VERSION ", BLOG1");

	event.offset = resume->key_frame;
	event.bytes = resume->frame - resume->key_frame;
	return event;
}

/* No room but in the reserve: what is due can still be destroyed, and that is said. */
static void begin_in_reserve(struct audit *audit, const struct bl_error *why)
{
	writer_drop_ballast(audit);
	audit->fresh = audit->reserve;
	audit->reserve.fd = -1;
	atomic_store(&audit->mode, AUDIT_RESERVE);
	audit->is_unannounced = true;
	snprintf(audit->broken_text, sizeof(audit->broken_text), "%.190s", why->text);
}

/* The first segment of this run and its first frame, before there are any threads. */
static enum bl_status begin(struct audit *audit, const struct resume *resume, struct bl_error *why)
{
	struct audit_event start = start_event(resume);
	struct bl_error missing = {""};
	enum bl_status status;

	writer_find_reserve(audit);
	status = writer_provide(audit, &missing);
	if (status != BL_OK && audit->reserve.fd < 0)
		return bl_fail(why, status, "%s", missing.text);
	if (status != BL_OK)
		begin_in_reserve(audit, &missing);
	pthread_mutex_lock(&audit->lock);
	writer_aim(audit, audit->filling, audit->number);
	if (resume->tail_detail[0])
		writer_say(audit, AUDIT_RECOVERED, resume->tail_detail);
	if (resume->empty_detail[0])
		writer_say(audit, AUDIT_RECOVERED, resume->empty_detail);
	writer_put(audit, &start, NULL);
	if (status != BL_OK)
		writer_say(audit, AUDIT_LATCHED, missing.text);
	status = writer_commit_first(audit, why);
	pthread_mutex_unlock(&audit->lock);
	return status;
}

static enum bl_status check_size(uint64_t size, struct bl_error *why)
{
	if (size && (size < SEGMENT_SMALLEST || size > SEGMENT_LARGEST || size % 4096))
		return bl_fail(why, BL_INVALID,
			       "segments are 256 KiB to 1 GiB, a multiple of 4 KiB");
	return BL_OK;
}

enum bl_status audit_open(const struct audit_config *config, struct audit **out_audit,
			  struct bl_error *why)
{
	const struct audit_io *io = config->io ? config->io : audit_io_real();
	enum bl_status status = check_size(config->segment_bytes, why);
	struct resume resume;
	struct audit *audit;

	if (status != BL_OK)
		return status;
	if (sodium_init() < 0 || !(audit = new_audit(config, io)))
		return bl_fail(why, BL_NO_MEMORY, "cannot open the log: out of memory");
	status = recover(config, io, &resume, why);
	if (status == BL_OK) {
		take_resume(audit, &resume);
		sodium_memzero(&resume.key, sizeof(resume.key));
		status = begin(audit, &resume, why);
	}
	if (status == BL_OK && start_threads(audit) != BL_OK) {
		stop_threads(audit);
		status = bl_fail(why, BL_NO_MEMORY, "cannot start the log's threads");
	}
	if (status != BL_OK) {
		/* What a frame that failed left is evidence. */
		atomic_store(&audit->mode, AUDIT_DEAD);
		free_audit(audit);
		return status;
	}
	*out_audit = audit;
	return BL_OK;
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	stop_threads(audit);
	/* Only what is ours and not part of the log. */
	unlinkat(audit->log_fd, SPARE_FILE, 0);
	free_audit(audit);
}

enum bl_status audit_create(const struct audit_config *config, struct bl_error *why)
{
	const struct audit_io *io = config->io ? config->io : audit_io_real();
	struct resume resume;
	struct stat st;

	if (sodium_init() < 0)
		return bl_fail(why, BL_NO_MEMORY, "cannot make the log: out of memory");
	if (fstatat(config->store_fd, "log/log.id", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return bl_fail(why, BL_EXISTS, "the store has a log already");

	enum bl_status status = recover(config, io, &resume, why);

	if (status != BL_OK)
		return status;
	sodium_memzero(&resume.key, sizeof(resume.key));
	fd_close(resume.key_fd);
	fd_close(resume.notes_fd);
	fd_close(resume.log_fd);
	return BL_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

bool audit_is_writable(const struct audit *audit)
{
	return writer_mode(audit) == AUDIT_WRITING;
}

void audit_policy(struct audit *audit, const uint8_t digest[32])
{
	pthread_mutex_lock(&audit->lock);
	memcpy(audit->policy_digest, digest, sizeof(audit->policy_digest));
	pthread_mutex_unlock(&audit->lock);
}

void audit_state(const struct audit *audit, struct audit_state *out)
{
	/* The lock is not part of what the state is: asking changes nothing. */
	struct audit *locked = (struct audit *)audit;

	memset(out, 0, sizeof(*out));
	sodium_bin2hex(out->log_id, sizeof(out->log_id), audit->identity.log_id, LOG_ID_SIZE);
	out->auditor_count = audit->identity.auditor_count;
	pthread_mutex_lock(&locked->lock);
	out->mode = writer_mode(audit);
	out->is_writable = out->mode == AUDIT_WRITING;
	memcpy(out->broken_text, audit->broken_text, sizeof(out->broken_text));
	out->refused = audit->refused;
	out->last_sequence = audit->next_sequence - 1;
	out->forgeable_frames = audit->secrets->durable.frame - audit->key_frame;
	out->bounded_ms = audit->bounded_ms;
	pthread_mutex_unlock(&locked->lock);
	out->durable_sequence = atomic_load(&audit->durable_sequence);
	out->segment = atomic_load(&audit->segment_number);
	out->noted_sequence = atomic_load(&audit->noted_sequence);
	out->syncs = atomic_load(&audit->syncs);
}

/* ---- old segments ---------------------------------------------------------------------------- */

static enum bl_status tell_trimmed(void *context, const struct audit_event *event,
				   struct bl_error *why)
{
	return audit_append(context, event, NULL, why);
}

enum bl_status audit_trim(struct audit *audit, int64_t before_unix, size_t *out_segments,
			  struct bl_error *why)
{
	struct trim trim = {.io = audit->io,
			    .log_fd = audit->log_fd,
			    .vault = audit->vault,
			    .identity = &audit->identity,
			    .before_unix = before_unix,
			    .tell = tell_trimmed,
			    .context = audit};

	pthread_mutex_lock(&audit->trim_lock);
	trim.current_number = atomic_load(&audit->segment_number);
	pthread_mutex_lock(&audit->lock);
	trim.key_frame = audit->key_frame;
	pthread_mutex_unlock(&audit->lock);
	*out_segments = 0;

	enum bl_status status = trim_run(&trim, out_segments, why);

	pthread_mutex_unlock(&audit->trim_lock);
	return status;
}

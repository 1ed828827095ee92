#include "fs/audit/log.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- something failed ------------------------------------------------------------------------ */

static void wake_all(struct audit *audit)
{
	pthread_cond_broadcast(&audit->work);
	pthread_cond_broadcast(&audit->room);
	pthread_cond_broadcast(&audit->spare_change);
	pthread_cond_broadcast(&audit->served);
}

static void set_mode(struct audit *audit, enum audit_mode mode)
{
	atomic_store_explicit(&audit->mode, (int)mode, memory_order_release);
}

static void set_reason(struct audit *audit, const struct bl_error *why)
{
	snprintf(audit->broken_text, sizeof(audit->broken_text), "%.190s", why->text);
}

/* Deny from now on. The first reason stays. What the reserve takes waits until the log writes there. */
static void begin_latching(struct audit *audit, enum audit_mode mode)
{
	audit->is_failing = true;
	audit->is_switching = mode == AUDIT_RESERVE;
	audit->is_untold |= mode == AUDIT_RESERVE;
	audit->latches++;
	set_mode(audit, mode);
	atomic_store(&audit->is_spare_cancelled, true);
	wake_all(audit);
}

void writer_fail(struct audit *audit, const struct bl_error *why)
{
	bool is_first = writer_mode(audit) == AUDIT_WRITING;

	if (audit->is_failing || writer_mode(audit) == AUDIT_DEAD)
		return;
	if (is_first)
		set_reason(audit, why);
	begin_latching(audit, is_first ? AUDIT_RESERVE : AUDIT_DEAD);
}

void writer_announce(struct audit *audit)
{
	char text[sizeof(audit->broken_text)];

	audit->is_unannounced = false;
	memcpy(text, audit->broken_text, sizeof(text));
	pthread_mutex_unlock(&audit->lock);
	if (audit->on_broken)
		audit->on_broken(audit->context, text);
	pthread_mutex_lock(&audit->lock);
}

/* Of what was answered already it is counted what the disk may not have. */
void writer_refuse_all(struct audit *audit)
{
	struct batch *batch = audit->filling;
	struct audit_event event;
	struct queue queue;

	batch_finish(batch);
	writer_refuse(audit, &audit->failed);
	writer_refuse(audit, &batch->waiting);
	audit->lost += batch->answered;
	batch_clear(batch);
	queue_init(&queue);
	for (struct audit_ticket *tickets, *next;
	     storms_next(&audit->storms, INT64_MAX, &event, &tickets);) {
		for (; tickets; tickets = next) {
			next = tickets->next;
			queue_add(&queue, tickets);
		}
	}
	writer_refuse(audit, &queue);
}

/* ---- taking up again ------------------------------------------------------------------------- */

static void take_position(struct audit *audit, const struct resume *resume)
{
	const struct audit_io *io = audit->io;

	audit->number = resume->number;
	audit->frame = resume->frame;
	memcpy(audit->chain, resume->chain, AUDIT_DIGEST);
	fd_close(audit->note_fd);
	audit->note_fd = -1;
	memcpy(audit->note_name, resume->note_name, NOTE_FILE_NAME);
	audit->note_at = resume->note_at;
	audit->secrets->next = resume->key;
	/* Behind whatever the medium turned out to have. */
	audit->last_frame_ns = io->boottime_ns(io->context);
	atomic_store(&audit->durable_sequence, resume->sequence - 1);
	pthread_mutex_lock(&audit->lock);
	audit->next_sequence = resume->sequence;
	writer_key_moved(audit);
	pthread_mutex_unlock(&audit->lock);
}

/* Where the log ends on the medium, whatever was being written when it failed. */
static enum bl_status find_position(struct audit *audit, struct resume *resume,
				    struct bl_error *why)
{
	resume->log_fd = audit->log_fd;
	resume->notes_fd = audit->notes_fd;
	resume->key_fd = audit->key_fd;
	resume->identity = audit->identity;
	resume->key = audit->secrets->next;
	/* Nothing is punched out of it: what a failed write left is evidence. */
	fd_close(audit->segment.fd);
	audit->segment.fd = -1;

	enum bl_status status = recover_again(vault_public_key(audit->vault), resume, why);

	if (status == BL_OK) {
		take_position(audit, resume);
		if (resume->sequence <= audit->failed_first)
			audit->lost += audit->lost_written;
		audit->lost_written = 0;
	}
	sodium_memzero(&resume->key, sizeof(resume->key));
	return status;
}

/* Why, in the words of the record: what was answered and is not there is not kept quiet. */
static struct audit_event latched_event(const struct audit *audit)
{
	struct audit_event event = writer_event(AUDIT_LATCHED, "");
	char suffix[64] = "";

	if (audit->lost)
		snprintf(suffix, sizeof(suffix), "; %u answered and not recorded", audit->lost);
	snprintf(event.detail, sizeof(event.detail), "%.*s%s",
		 (int)(sizeof(event.detail) - 1 - strlen(suffix)), audit->broken_text, suffix);
	return event;
}

/*
 * The first frame of the segment on audit->fresh: what was cut, that it latched unless that was told, and @event, which may be
 * NULL. The lock is not held.
 */
static enum bl_status say_first(struct audit *audit, const struct resume *resume,
				const struct audit_event *event, struct bl_error *why)
{
	pthread_mutex_lock(&audit->lock);
	batch_clear(audit->filling);
	writer_aim(audit, audit->filling, audit->number);
	if (resume->tail_detail[0])
		writer_say(audit, AUDIT_RECOVERED, resume->tail_detail);
	if (resume->empty_detail[0])
		writer_say(audit, AUDIT_RECOVERED, resume->empty_detail);
	if (audit->is_untold) {
		struct audit_event latched = latched_event(audit);

		writer_put(audit, &latched, NULL);
	}
	if (event)
		writer_put(audit, event, NULL);

	enum bl_status status = writer_commit_first(audit, why);

	if (status == BL_OK) {
		audit->is_untold = false;
		audit->lost = 0;
	}
	pthread_mutex_unlock(&audit->lock);
	return status;
}

static enum bl_status go_on_in_reserve(struct audit *audit, struct bl_error *why)
{
	struct resume resume = {.log_fd = -1};
	struct bl_error unused;

	if (audit->reserve.fd < 0)
		return bl_fail(why, BL_IO, "the log has no reserve");

	enum bl_status status = find_position(audit, &resume, why);

	if (status != BL_OK)
		return status;
	/* What cannot be mended now makes more forgeable, and less vouched for: no reason to do nothing. */
	(void)!writer_mend_key(audit, &unused);
	audit->fresh = audit->reserve;
	audit->reserve.fd = -1;
	status = say_first(audit, &resume, NULL, why);
	if (status != BL_OK)
		unlinkat(audit->log_fd, RESERVE_FILE, 0);
	return status;
}

void writer_latch(struct audit *audit)
{
	bool is_dying = writer_mode(audit) == AUDIT_DEAD;
	struct bl_error why = {""};
	enum bl_status status = BL_IO;

	/* Views end first: taking up again may take its time on a disk that fails. */
	writer_announce(audit);
	writer_refuse_all(audit);
	writer_drop_spare(audit);
	if (!is_dying) {
		pthread_mutex_unlock(&audit->lock);
		writer_drop_ballast(audit);
		status = go_on_in_reserve(audit, &why);
		pthread_mutex_lock(&audit->lock);
	}
	if (status != BL_OK)
		set_mode(audit, AUDIT_DEAD);
	audit->is_failing = audit->is_switching = false;
	wake_all(audit);
}

/* ---- unlatching ------------------------------------------------------------------------------ */

/* All that can fail for want of room comes first, while the reserve is still there to be written on. */
static enum bl_status provide_again(struct audit *audit, struct bl_error *why)
{
	enum bl_status status = writer_provide(audit, why);

	if (status == BL_OK)
		status = writer_mend_key(audit, why);
	if (status != BL_OK)
		writer_drop_ballast(audit);
	return status;
}

static enum bl_status go_on_anew(struct audit *audit, const struct audit_event *asked,
				 struct bl_error *why)
{
	struct resume resume = {.log_fd = -1};
	struct audit_event event = *asked;
	enum bl_status status = find_position(audit, &resume, why);

	if (status == BL_OK)
		status = writer_mend_notes(audit, why);
	if (status != BL_OK)
		return status;
	event.bytes = audit->refused;
	return say_first(audit, &resume, &event, why);
}

/* Locked: what waits for the reserve gets there first. */
static void empty_batch(struct audit *audit)
{
	if (writer_mode(audit) == AUDIT_RESERVE && audit->filling->count && !audit->is_reserve_full)
		writer_commit(audit);
	if (audit->is_failing) {
		writer_latch(audit);
		audit->is_unlatching = true;
	}
}

/* Locked: it stays latched, with this reason; on the reserve, if there is one again. */
static void stay_latched(struct audit *audit, bool is_touched, const struct bl_error *why)
{
	set_reason(audit, why);
	writer_drop_spare(audit);
	if (is_touched)
		begin_latching(audit, AUDIT_RESERVE);
	audit->is_unlatching = false;
	if (is_touched)
		writer_latch(audit);
}

static void be_writing(struct audit *audit)
{
	audit->refused = 0;
	audit->broken_text[0] = '\0';
	audit->is_reserve_full = false;
	audit->has_asked_spare = false;
	set_mode(audit, AUDIT_WRITING);
	/* A write of it that was under way all the time failed in the end. */
	if (audit->is_key_bad)
		writer_fail(audit, &(struct bl_error){"cannot write '" FRAMEKEY_FILE "'"});
}

void writer_unlatch(struct audit *audit)
{
	struct unlatching *unlatching = audit->unlatching;
	bool is_touched = false;

	unlatching->status = BL_EXISTS;
	bl_fail(&unlatching->why, BL_EXISTS, "the log is not latched");
	if (writer_mode(audit) != AUDIT_WRITING) {
		audit->is_unlatching = true;
		empty_batch(audit);
		writer_drop_spare(audit);
		pthread_mutex_unlock(&audit->lock);
		unlatching->status = provide_again(audit, &unlatching->why);
		is_touched = unlatching->status == BL_OK;
		if (is_touched)
			unlatching->status =
				go_on_anew(audit, &unlatching->event, &unlatching->why);
		pthread_mutex_lock(&audit->lock);
		if (unlatching->status == BL_OK)
			be_writing(audit);
		else
			stay_latched(audit, is_touched, &unlatching->why);
		audit->is_unlatching = false;
	}
	unlatching->is_done = true;
	audit->unlatching = NULL;
	wake_all(audit);
}

enum bl_status audit_unlatch(struct audit *audit, const struct audit_event *event,
			     struct bl_error *why)
{
	struct unlatching mine = {.event = *event, .status = BL_IO};

	pthread_mutex_lock(&audit->lock);
	while (audit->unlatching)
		pthread_cond_wait(&audit->served, &audit->lock);
	/* The committer forgets it before it is done. */
	/* cppcheck-suppress autoVariables */
	audit->unlatching = &mine;
	pthread_cond_signal(&audit->work);
	while (!mine.is_done)
		pthread_cond_wait(&audit->served, &audit->lock);
	pthread_mutex_unlock(&audit->lock);
	return mine.status == BL_OK ? BL_OK : bl_fail(why, mine.status, "%s", mine.why.text);
}

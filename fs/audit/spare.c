#include "fs/audit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the next segment ------------------------------------------------------------------------ */

/*
 * Once a quarter of a segment is used, the next one is prepared, up to four times as large: short
 * runs leave the disk alone, long ones get to full segments soon.
 */
void writer_ask_spare(struct audit *audit)
{
	if (audit->has_asked_spare)
		return;
	audit->has_asked_spare = true;
	audit->spare_size = BL_MIN(audit->segment.size * 4, audit->segment_bytes);
	audit->is_spare_wanted = true;
	pthread_cond_broadcast(&audit->spare_change);
}

bool writer_take_spare(struct audit *audit)
{
	writer_ask_spare(audit);
	while (audit->spare.fd < 0 && !audit->is_failing)
		pthread_cond_wait(&audit->spare_change, &audit->lock);
	if (audit->is_failing)
		return false;
	audit->fresh = audit->spare;
	audit->spare.fd = -1;
	return true;
}

void writer_drop_spare(struct audit *audit)
{
	atomic_store(&audit->is_spare_cancelled, true);
	audit->is_spare_wanted = false;
	while (audit->is_preparing)
		pthread_cond_wait(&audit->spare_change, &audit->lock);
	fd_close(audit->spare.fd);
	fd_close(audit->fresh.fd);
	audit->spare.fd = audit->fresh.fd = -1;
	audit->has_asked_spare = false;
	unlinkat(audit->log_fd, SPARE_FILE, 0);
}

/* Locked: one segment ahead of the one that is written. A failure latches at once: there would be no next segment. */
static void prepare_one(struct audit *audit)
{
	struct segment spare = {.fd = -1};
	struct bl_error why = {""};
	uint64_t wanted = audit->spare_size;

	audit->is_spare_wanted = false;
	audit->is_preparing = true;
	atomic_store(&audit->is_spare_cancelled, false);
	pthread_mutex_unlock(&audit->lock);

	enum bl_status status = segment_prepare(audit->io, audit->log_fd, SPARE_FILE,
						segment_size(audit->log_fd, wanted),
						&audit->is_spare_cancelled, &spare, &why);

	pthread_mutex_lock(&audit->lock);
	audit->is_preparing = false;
	if (status == BL_OK)
		audit->spare = spare;
	else if (status != BL_STALE && writer_mode(audit) == AUDIT_WRITING)
		writer_fail(audit, &why);
	pthread_cond_broadcast(&audit->spare_change);
}

void *prepare_run(void *context)
{
	struct audit *audit = context;

	pthread_mutex_lock(&audit->lock);
	/* Until the committer is gone: what is queued at the end may need another segment. */
	while (!atomic_load(&audit->is_committer_gone)) {
		if (audit->is_spare_wanted)
			prepare_one(audit);
		else
			pthread_cond_wait(&audit->spare_change, &audit->lock);
	}
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}

/* ---- beginning one --------------------------------------------------------------------------- */

static enum bl_status fill_slots(const struct audit *audit, const uint8_t *lk,
				 struct segment_header *header, struct bl_error *why)
{
	header->auditor_count = audit->identity.auditor_count;
	for (size_t i = 0; i < header->auditor_count; i++) {
		const uint8_t *public_key = audit->identity.auditors[i];

		memcpy(header->slots[i], public_key, AUDIT_KEY);
		/* A key that is a point of small order seals nothing. */
		if (crypto_box_seal(header->slots[i] + AUDIT_KEY, lk, AUDIT_KEY, public_key) != 0)
			return bl_fail(why, BL_IO, "the key of an auditor cannot be used");
	}
	return BL_OK;
}

/* On audit->fresh, which becomes the segment being written. */
enum bl_status writer_begin_segment(struct audit *audit, const uint8_t *lk, struct bl_error *why)
{
	const struct audit_io *io = audit->io;
	struct segment_header header = {
		.number = audit->number,
		.first_sequence = atomic_load(&audit->durable_sequence) + 1,
		.first_frame = audit->frame,
		.realtime_ns = io->realtime_ns(io->context),
		/* Records in the batch are older than now; the header's time must not be after theirs. */
		.boottime_ns = audit->last_frame_ns,
		.size = audit->fresh.size,
	};

	memcpy(header.log_id, audit->identity.log_id, LOG_ID_SIZE);
	memcpy(header.previous_chain, audit->chain, AUDIT_DIGEST);
	memcpy(header.boot_id, audit->boot_id, sizeof(header.boot_id));
	pthread_mutex_lock(&audit->lock);
	memcpy(header.policy_digest, audit->policy_digest, sizeof(header.policy_digest));
	pthread_mutex_unlock(&audit->lock);

	enum bl_status status = fill_slots(audit, lk, &header, why);

	if (status == BL_OK)
		status =
			segment_begin(io, audit->log_fd, &audit->fresh, &header, audit->chain, why);
	if (status != BL_OK)
		return status;
	segment_end(&audit->segment);
	audit->segment = audit->fresh;
	audit->fresh.fd = -1;
	audit->number++;
	atomic_store(&audit->segment_number, header.number);
	return BL_OK;
}

/* ---- what is kept back for a full disk ------------------------------------------------------- */

void writer_find_reserve(struct audit *audit)
{
	BL_CLEANUP(fd_close) int fd = -1;

	if (io_open(audit->io, audit->log_fd, RESERVE_FILE, O_RDWR, &fd, NULL) != BL_OK ||
	    !segment_is_blank(fd, RESERVE_SIZE))
		return;
	audit->reserve = (struct segment){.fd = fd_take(&fd),
					  .size = RESERVE_SIZE,
					  .at = SEGMENT_HEADER,
					  .name = RESERVE_FILE};
}

/* Whole under its name, or not there. */
static enum bl_status make_reserve(struct audit *audit, struct bl_error *why)
{
	const struct audit_io *io = audit->io;
	struct segment made = {.fd = -1};
	enum bl_status status =
		segment_prepare(io, audit->log_fd, SPARE_FILE, RESERVE_SIZE, NULL, &made, why);

	if (status == BL_OK)
		status = io_rename(io, audit->log_fd, SPARE_FILE, RESERVE_FILE, why);
	if (status == BL_OK)
		status = io_sync_folder(io, audit->log_fd, "the log's folder", why);
	if (status != BL_OK) {
		fd_close(made.fd);
		return status;
	}
	made.name = RESERVE_FILE;
	audit->reserve = made;
	return BL_OK;
}

static bool has_ballast(const struct audit *audit)
{
	struct stat st;

	return fstatat(audit->log_fd, BALLAST_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size == BALLAST_SIZE &&
	       st.st_blocks * 512 >= st.st_size;
}

static enum bl_status make_ballast(struct audit *audit, struct bl_error *why)
{
	struct segment made = {.fd = -1};
	enum bl_status status = segment_prepare(audit->io, audit->log_fd, BALLAST_FILE,
						BALLAST_SIZE, NULL, &made, why);

	fd_close(made.fd);
	return status;
}

void writer_drop_ballast(struct audit *audit)
{
	unlinkat(audit->log_fd, BALLAST_FILE, 0);
}

enum bl_status writer_provide(struct audit *audit, struct bl_error *why)
{
	uint64_t wanted = BL_MIN(audit->segment_bytes, (uint64_t)SEGMENT_FIRST);
	enum bl_status status = audit->reserve.fd < 0 ? make_reserve(audit, why) : BL_OK;

	if (status == BL_OK && !has_ballast(audit))
		status = make_ballast(audit, why);
	if (status == BL_OK)
		status = segment_prepare(audit->io, audit->log_fd, SPARE_FILE,
					 segment_size(audit->log_fd, wanted), NULL, &audit->fresh,
					 why);
	if (status != BL_OK)
		unlinkat(audit->log_fd, SPARE_FILE, 0);
	return status;
}

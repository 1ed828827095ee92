/* audit-recorder.h - everything that the log does to its disk, in order, with what it answered in between */
#ifndef TESTS_FAULT_AUDIT_RECORDER_H
#define TESTS_FAULT_AUDIT_RECORDER_H

#include "fs/audit/note.h"
#include "tests/fault/audit-load.h"

#include <pthread.h>

#define FILES 64u
#define STEPS 8192u

enum folder { FOLDER_STORE, FOLDER_LOG, FOLDER_NOTES };

/* What becomes of writes that no finished sync covers. */
enum loss {
	LOSS_NONE,
	LOSS_ALL,
	LOSS_SECOND_HALF,
	LOSS_FIRST_HALF,
	LOSS_EVERY_OTHER,
	LOSS_SECTORS
};

enum step_kind {
	STEP_CREATE,
	STEP_WRITE,
	STEP_SYNC,
	STEP_RENAME,
	STEP_SYNC_DIR,
	STEP_ACK,
	STEP_HAND,   /* a checkpoint was handed to the anchors */
	STEP_SETTLED /* a sync failed: what the file holds now is what the disk holds */
};

struct step {
	enum step_kind kind;
	unsigned file;		 /* STEP_SYNC_DIR: folder */
	uint64_t offset, length; /* STEP_ACK, STEP_HAND: offset is the sequence number */
	uint8_t *bytes;
	char name[32];
	enum folder folder;
	bool may_wait;		   /* STEP_ACK: need not be durable yet, in bounded mode */
	int64_t asked_ns, done_ns; /* STEP_ACK */
};

struct recorder {
	pthread_mutex_t lock;
	struct step steps[STEPS];
	unsigned count, files;
	int file_of_fd[1024]; /* folders are FILES + number */
	struct {
		char name[32];
		enum folder folder;
	} names[FILES];
	bool is_sync_left_out; /* the bug that the checkers must find */
	uint32_t bounded_ms;   /* 0: before the answer */

	/* While it is shut no sync of a segment comes to an end. */
	pthread_cond_t opened;
	bool is_shut;
	sem_t synced; /* posted for each sync of a segment, while somebody counts */
	bool is_counted;

	/* The first sync of a file that holds so many frames fails, and so much of its last one is lost. */
	unsigned fail_frames;
	enum loss failed_loss;
	bool has_failed;
	unsigned frames_of[FILES], last_write[FILES];
};

static inline BL_UNUSED struct step *add_step(struct recorder *recorder, enum step_kind kind,
					      unsigned file)
{
	must(recorder->count < STEPS, "too many steps");

	struct step *step = &recorder->steps[recorder->count++];

	*step = (struct step){.kind = kind, .file = file};
	return step;
}

static inline BL_UNUSED enum folder folder_of(const struct recorder *recorder, int fd)
{
	int file = fd >= 0 && fd < 1024 ? recorder->file_of_fd[fd] : 0;

	return file >= (int)FILES ? (enum folder)(file - (int)FILES) : FOLDER_STORE;
}

/* No file has that name any more. */
static inline BL_UNUSED void forget_name(struct recorder *recorder, enum folder folder,
					 const char *name)
{
	for (unsigned i = 0; i < recorder->files; i++)
		if (recorder->names[i].folder == folder &&
		    strcmp(recorder->names[i].name, name) == 0)
			recorder->names[i].name[0] = '\0';
}

static inline BL_UNUSED unsigned find_file(struct recorder *recorder, enum folder folder,
					   const char *name, bool is_new)
{
	for (unsigned i = 0; i < recorder->files && !is_new; i++)
		if (recorder->names[i].folder == folder &&
		    strcmp(recorder->names[i].name, name) == 0)
			return i;
	forget_name(recorder, folder, name);

	unsigned file = recorder->files++;

	must(file < FILES, "too many files");
	snprintf(recorder->names[file].name, sizeof(recorder->names[file].name), "%s", name);
	recorder->names[file].folder = folder;

	struct step *step = add_step(recorder, STEP_CREATE, file);

	snprintf(step->name, sizeof(step->name), "%s", name);
	step->folder = folder;
	return file;
}

static inline BL_UNUSED int recorder_open(void *context, int dir_fd, const char *name, int flags,
					  unsigned mode)
{
	struct recorder *recorder = context;

	pthread_mutex_lock(&recorder->lock);

	int fd = audit_io_real()->open_at(NULL, dir_fd, name, flags, mode);

	must(fd < 1024, "too many descriptors");
	if (fd >= 0 && strcmp(name, "log") == 0)
		recorder->file_of_fd[fd] = FILES + FOLDER_LOG;
	else if (fd >= 0 && strcmp(name, NOTE_FOLDER) == 0)
		recorder->file_of_fd[fd] = FILES + FOLDER_NOTES;
	else if (fd >= 0)
		recorder->file_of_fd[fd] = (int)find_file(recorder, folder_of(recorder, dir_fd),
							  name, (flags & (O_TRUNC | O_EXCL)) != 0);
	pthread_mutex_unlock(&recorder->lock);
	return fd;
}

static inline BL_UNUSED unsigned file_of(const struct recorder *recorder, int fd)
{
	must(fd >= 0 && fd < 1024 && recorder->file_of_fd[fd] < (int)FILES, "not a file");
	return (unsigned)recorder->file_of_fd[fd];
}

static inline BL_UNUSED bool is_segment(const struct recorder *recorder, unsigned file)
{
	return strncmp(recorder->names[file].name, "seg.", 4) == 0;
}

static inline BL_UNUSED bool is_frame(const struct step *step)
{
	struct frame_header header;

	return step->offset >= SEGMENT_HEADER && step->length >= FRAME_HEADER &&
	       format_frame_header_parse(step->bytes, &header);
}

static inline BL_UNUSED ssize_t recorder_write(void *context, int fd, const void *bytes,
					       size_t length, uint64_t offset)
{
	struct recorder *recorder = context;

	pthread_mutex_lock(&recorder->lock);

	struct step *step = add_step(recorder, STEP_WRITE, file_of(recorder, fd));

	step->offset = offset;
	step->length = length;
	step->bytes = zeroed(length);
	memcpy(step->bytes, bytes, length);

	ssize_t put = audit_io_real()->write_at(NULL, fd, bytes, length, offset);

	recorder->last_write[step->file] = recorder->count - 1;
	recorder->frames_of[step->file] += is_frame(step);
	pthread_mutex_unlock(&recorder->lock);
	return put;
}

/* Does the @at-th byte of a write get lost? */
static inline BL_UNUSED bool is_lost(enum loss loss, const struct step *step, size_t at)
{
	size_t half = BL_MIN(step->length / 2 + 7, step->length);

	switch (loss) {
	case LOSS_NONE:
		return false;
	case LOSS_ALL:
	case LOSS_EVERY_OTHER:
		return true;
	case LOSS_SECOND_HALF:
		return at >= half;
	case LOSS_FIRST_HALF:
		return at < half;
	case LOSS_SECTORS:
		return ((step->offset + at) / 512 * UINT64_C(0x9e3779b97f4a7c15)) >> 63;
	}
	return true;
}

/* A page that could not be written is forgotten by the kernel, and what is read is what the disk holds. */
static inline BL_UNUSED void settle(struct recorder *recorder, int fd, unsigned file)
{
	struct step *step = &recorder->steps[recorder->last_write[file]];

	for (size_t i = 0; i < step->length; i++)
		if (is_lost(recorder->failed_loss, step, i))
			step->bytes[i] = 0;
	must(pwrite(fd, step->bytes, step->length, (off_t)step->offset) == (ssize_t)step->length,
	     "the disk cannot be made to forget");
	add_step(recorder, STEP_SETTLED, file);
	recorder->has_failed = true;
}

static inline BL_UNUSED int recorder_sync(void *context, int fd)
{
	struct recorder *recorder = context;

	if (recorder->is_sync_left_out)
		return 0;
	pthread_mutex_lock(&recorder->lock);

	unsigned file = file_of(recorder, fd);

	while (recorder->is_shut && is_segment(recorder, file))
		pthread_cond_wait(&recorder->opened, &recorder->lock);
	if (recorder->fail_frames && !recorder->has_failed &&
	    recorder->frames_of[file] == recorder->fail_frames) {
		settle(recorder, fd, file);
		pthread_mutex_unlock(&recorder->lock);
		errno = EIO;
		return -1;
	}
	/* Noted when it is finished, not when it is begun: what was written meanwhile is not covered for sure. */
	add_step(recorder, STEP_SYNC, file);
	if (recorder->is_counted && is_segment(recorder, file))
		sem_post(&recorder->synced);
	pthread_mutex_unlock(&recorder->lock);
	return 0;
}

static inline BL_UNUSED int recorder_sync_dir(void *context, int fd)
{
	struct recorder *recorder = context;

	pthread_mutex_lock(&recorder->lock);
	add_step(recorder, STEP_SYNC_DIR, folder_of(recorder, fd));
	pthread_mutex_unlock(&recorder->lock);
	return 0;
}

static inline BL_UNUSED int recorder_rename(void *context, int dir_fd, const char *from,
					    const char *to)
{
	struct recorder *recorder = context;

	pthread_mutex_lock(&recorder->lock);

	enum folder folder = folder_of(recorder, dir_fd);
	unsigned file = find_file(recorder, folder, from, false);
	struct step *step = add_step(recorder, STEP_RENAME, file);
	int result = audit_io_real()->rename_at(NULL, dir_fd, from, to);

	snprintf(step->name, sizeof(step->name), "%s", to);
	step->folder = folder;
	forget_name(recorder, folder, to);
	snprintf(recorder->names[file].name, sizeof(recorder->names[file].name), "%s", to);
	pthread_mutex_unlock(&recorder->lock);
	return result;
}

static inline BL_UNUSED bool may_wait(const struct audit_event *event)
{
	return event->verdict == AUDIT_PERMITTED &&
	       (event->op == AUDIT_READ || event->op == AUDIT_STAT);
}

static inline BL_UNUSED void recorder_acknowledge(void *context, const struct load_ticket *ticket)
{
	struct recorder *recorder = context;

	pthread_mutex_lock(&recorder->lock);

	struct step *step = add_step(recorder, STEP_ACK, 0);

	step->offset = ticket->ticket.sequence;
	step->may_wait = recorder->bounded_ms && may_wait(&ticket->event);
	step->asked_ns = ticket->asked_ns;
	step->done_ns = plain_boottime(NULL);
	pthread_mutex_unlock(&recorder->lock);
}

static inline BL_UNUSED void recorder_hand(void *context, const struct audit_checkpoint_note *note)
{
	struct recorder *recorder = context;

	pthread_mutex_lock(&recorder->lock);
	add_step(recorder, STEP_HAND, 0)->offset = note->sequence;
	pthread_mutex_unlock(&recorder->lock);
}

static inline BL_UNUSED struct audit_io recorder_io(struct recorder *recorder)
{
	return (struct audit_io){.context = recorder,
				 .open_at = recorder_open,
				 .write_at = recorder_write,
				 .sync_data = recorder_sync,
				 .sync_dir = recorder_sync_dir,
				 .rename_at = recorder_rename,
				 .realtime_ns = plain_realtime,
				 .boottime_ns = plain_boottime};
}

static inline BL_UNUSED struct recorder *recorder_new(void)
{
	struct recorder *recorder = zeroed(sizeof(*recorder));

	pthread_mutex_init(&recorder->lock, NULL);
	pthread_cond_init(&recorder->opened, NULL);
	sem_init(&recorder->synced, 0, 0);
	return recorder;
}

static inline BL_UNUSED void recorder_free(struct recorder *recorder)
{
	for (unsigned i = 0; i < recorder->count; i++)
		free(recorder->steps[i].bytes);
	pthread_mutex_destroy(&recorder->lock);
	pthread_cond_destroy(&recorder->opened);
	sem_destroy(&recorder->synced);
	free(recorder);
}

/* The recorder is told of what @keeper hands on and @load has answered. */
static inline BL_UNUSED void recorder_watch(struct recorder *recorder, struct keeper *keeper,
					    struct load_state *load)
{
	keeper->hand = recorder_hand;
	keeper->context = recorder;
	load->acknowledged = recorder_acknowledge;
	load->context = recorder;
}

static inline BL_UNUSED void record_run(const struct scratch *scratch, struct recorder *recorder,
					struct keeper *keeper, unsigned alone)
{
	struct audit_io io = recorder_io(recorder);
	struct load_state *load = zeroed(sizeof(*load));
	struct audit *audit = NULL;
	struct bl_error why = {""};

	recorder_watch(recorder, keeper, load);
	if (open_log(scratch, &io, keeper, &audit, &why) != BL_OK)
		fail_msg("%s", why.text);
	audit_bounded(audit, recorder->bounded_ms);
	load_run(load, audit, alone);
	audit_close(audit);
	free(load);
}

#endif

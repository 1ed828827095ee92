/* private.h - what the files of this part share: where bytes come from, the ring they pass through, what was asked for, the receipt */
#ifndef FS_INTAKE_PRIVATE_H
#define FS_INTAKE_PRIVATE_H

#include <pthread.h>
#include <sodium.h>
#include <sys/stat.h>

#include "fs/intake/intake.h"
#include "fs/vault/digest.h"

#define DIGEST		32
#define HEX_SIZE(bytes) (2 * (bytes) + 1)
/* Unreadable places of one intake. Fewer than a sealed image can hold: they are written down again at checkpoints. */
#define UNREADABLE_MOST (1u << 18)

/* ---- progress.c --------------------------------------------------------------------------------- */

/* Of the caller's thread only. */
struct progress {
	const struct intake *intake;
	struct intake_progress now;
	int64_t told_ns;
	bool is_stopped; /* by on_progress, once and for all */
};
/* progress_stage - the next one begins; progress_tick - tell now and then. False: stop */
void progress_stage(struct progress *progress, enum intake_stage stage, uint64_t total);
bool progress_tick(struct progress *progress);
/* progress_stopped - BL_STALE with its words */
enum bl_status progress_stopped(struct bl_error *why);
void progress_step(const struct intake *intake, const char *step);

/* ---- gaps.c --------------------------------------------------------------------------------------- */

/* What could not be read: ascending, joined, added by the reading thread, copied by the sealing one. */
struct gaps {
	pthread_mutex_t mutex;
	struct sealed_gap *items;
	size_t count, room;
	uint64_t bytes;
};
#define GAPS_EMPTY ((struct gaps){.mutex = PTHREAD_MUTEX_INITIALIZER})
void gaps_done(struct gaps *gaps);
/* gaps_add - behind all that are there. BL_TOO_LARGE, BL_NO_MEMORY */
enum bl_status gaps_add(struct gaps *gaps, uint64_t offset, uint64_t length,
			struct bl_error *why) BL_MUST_CHECK;
/* gaps_copy - those in front of @until; @out_items owned by the caller (free), NULL when there is none */
enum bl_status gaps_copy(struct gaps *gaps, uint64_t until, struct sealed_gap **out_items,
			 size_t *out_count, struct bl_error *why) BL_MUST_CHECK;
/* gaps_blank - zeros over what of them lies in @bytes, which are the image's from @offset on */
void gaps_blank(const struct gaps *gaps, uint64_t offset, uint8_t *bytes, size_t length);
/* gaps_merge - with what was left out, for sealed_finish; sorted, without overlap. BL_TOO_LARGE */
enum bl_status gaps_merge(const struct gaps *unreadable, const struct image_ranges *left_out,
			  struct sealed_gap **out_items, size_t *out_count,
			  struct bl_error *why) BL_MUST_CHECK;

/* ---- source.c: a file or device; source-pipe.c: a pipe, BSTREAM1 ------------------------------------- */

struct source {
	enum intake_form form;
	int fd;
	struct progress *progress;
	uint64_t bytes; /* of the whole image; 0: not known */
	uint64_t at;	/* of the next piece */
	struct gaps *unreadable;
	/* INTAKE_FILE */
	bool is_regular;
	bool is_spoilt; /* it is not what it was at first: what was read of it is worth nothing */
	struct stat first; /* as it was when it was opened */
	size_t sector;	   /* the smallest piece that is tried */
	const struct image_ranges *left_out;
	uint64_t data_from, data_until; /* known to be data; in front of data_from: hole */
	uint64_t dropped;		/* from the page cache, up to here */
	/* INTAKE_STREAM */
	uint32_t frame;
	uint64_t frame_left;
	bool is_over; /* the end frame was read */
};

struct piece {
	uint64_t length; /* 0: there is no more */
	bool is_zeros;	 /* whole groups, and not in the buffer */
};

/*
 * source_open - what @asked is: its size (a stream's head is read), its identity. BL_INVALID (empty, no such thing)
 * source_seek - the next piece begins at @at: a file anywhere, the others where they are
 * source_next - up to the next group's beginning, or whole groups of zeros
 *
 * @most  at most so many bytes (whole groups, or all that is left)
 * @bytes SEALED_GROUP of them; zeros behind what was read
 * next: BL_OK, BL_STALE (stopped), BL_INVALID (ends early, goes on too long, malformed), BL_IO, BL_TOO_LARGE (too many unreadable places)
 */
enum bl_status source_open(struct source *source, const struct intake_source *asked,
			   struct bl_error *why) BL_MUST_CHECK;
void source_seek(struct source *source, uint64_t at);
enum bl_status source_next(struct source *source, uint64_t most, uint8_t *bytes,
			   struct piece *out_piece, struct bl_error *why) BL_MUST_CHECK;
/* source_end - behind the last piece: was that all, and is it still what it was at first? BL_INVALID */
enum bl_status source_end(struct source *source, struct bl_error *why) BL_MUST_CHECK;

/* The forms' own; by source.c only. */
enum bl_status pipe_head(struct source *source, struct bl_error *why) BL_MUST_CHECK;
enum bl_status pipe_plain(struct source *source, size_t room, uint8_t *bytes,
			  struct piece *out_piece, struct bl_error *why) BL_MUST_CHECK;
enum bl_status pipe_stream(struct source *source, uint64_t most, uint8_t *bytes,
			   struct piece *out_piece, struct bl_error *why) BL_MUST_CHECK;
enum bl_status pipe_end(struct source *source, struct bl_error *why) BL_MUST_CHECK;

/* ---- ring.c ------------------------------------------------------------------------------------------ */

/* Where what passed the digest goes; NULL functions: it ends there. From a thread of the ring's. */
struct ring_sink {
	/* @bytes NULL: zeros. */
	enum bl_status (*put)(void *context, uint8_t *bytes, uint64_t length, struct bl_error *why);
	void *context;
};

struct ring;
/*
 * ring_new - buffers (locked where the limit lets us, in no core), a thread for the digest and one for the sink
 * ring_room - the next buffer, SEALED_GROUP bytes; waits for it, telling of progress. NULL: a thread failed, or stopped (ring_end says it)
 * ring_put  - hand it on
 * ring_end  - no more: waits until all has passed; then the ring is gone. @status what the caller itself failed with, which counts first
 */
enum bl_status ring_new(struct digest *hash, const struct ring_sink *sink,
			struct progress *progress, struct ring **out_ring,
			struct bl_error *why) BL_MUST_CHECK;
uint8_t *ring_room(struct ring *ring);
void ring_put(struct ring *ring, const struct piece *piece);
uint8_t *ring_scratch(struct ring *ring); /* one more buffer, the caller's */
enum bl_status ring_end(struct ring *ring, enum bl_status status,
			struct bl_error *why) BL_MUST_CHECK;

/* ---- job.c -------------------------------------------------------------------------------------------- */

#define JOB_CONTAINER 32

/* What an intake was asked to do (`image/intake`). */
struct job {
	enum intake_form form;
	char container[JOB_CONTAINER];
	uint64_t size; /* 0: not known */
	uint64_t source_dev, source_ino;
	int64_t source_mtime_ns; /* all 0 where there is none, or it may change */
	char *choice;		 /* canonical JSON, owned; NULL: nothing is left out */
	size_t without, only;	 /* patterns */
	bool no_free_space;
	struct image_choice_report left_out;
	uint8_t ranges[DIGEST];
	int64_t begun_unix;
	uint64_t resumed;
	bool is_abandoned; /* its source changed under it: what was sealed is no image of anything */
};
void job_done(struct job *job);
/* job_of - of a source and what is left out of it. BL_INVALID (a pattern that is no UTF-8) */
enum bl_status job_of(const struct source *source, const char *container,
		      const struct image_choice *choice, const struct image_choice_report *report,
		      const struct image_ranges *left_out, struct job *out_job,
		      struct bl_error *why) BL_MUST_CHECK;
/* job_same - is @now the same that was begun? BL_INVALID says what is not */
enum bl_status job_same(const struct job *begun, const struct job *now,
			struct bl_error *why) BL_MUST_CHECK;
/* job_save - durable, whole. job_load - BL_NOT_FOUND, BL_TAMPERED; @out_gaps empty before */
enum bl_status job_save(struct vault *vault, int device_fd, const char *id, const struct job *job,
			const struct sealed_gap *unreadable, size_t count,
			struct bl_error *why) BL_MUST_CHECK;
enum bl_status job_load(struct vault *vault, int device_fd, const char *id, struct job *out_job,
			struct gaps *out_gaps, struct bl_error *why) BL_MUST_CHECK;
enum bl_status job_remove(int device_fd, struct bl_error *why) BL_MUST_CHECK;
bool job_is_there(int device_fd);
const char *job_form_name(enum intake_form form); /* "file" */

/* ---- receipt.c ------------------------------------------------------------------------------------------- */

struct receipt {
	const struct device *device;
	const struct job *job;
	const struct sealed_facts *facts;
	const struct sealed_gap *gaps;
	size_t gap_count;
	bool is_verified;
	int64_t done_unix;
	uid_t by;
	uint64_t enrolled_sequence;
};
/* receipt_make - @out_json owned by the caller (free), ends in a newline */
enum bl_status receipt_make(struct device_store *store, const struct receipt *receipt,
			    char **out_json, struct bl_error *why) BL_MUST_CHECK;
/* receipt_is_of - genuine, of this store's key, this device and these very sealed bytes? @out_verified what it says */
bool receipt_is_of(struct device_store *store, const char *id, const struct sealed_facts *facts,
		   const char *json, size_t length, bool *out_verified);

/* ---- finish.c ---------------------------------------------------------------------------------------------- */

/* What is done when every byte is sealed; each step can be done again. */
struct finish {
	const struct intake *intake;
	const struct device *device;
	const struct job *job;
	int folder_fd;
	bool is_verified; /* asked for */
	bool is_again;	  /* a try before this one may have got far: ask what is there */
	struct progress *progress;
	enum bl_status (*before_complete)(void *context, struct bl_error *why);
};
enum bl_status finish_run(const struct finish *finish, struct intake_result *out_result,
			  struct bl_error *why) BL_MUST_CHECK;

#endif

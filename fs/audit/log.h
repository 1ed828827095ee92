/* log.h - private to the writer of fs/audit: the open log, and what its files do for each other
 *
 *   log.c         opened, closed, asked
 *   submit.c      events on their way into a batch
 *   commit.c      the committer: a batch becomes a frame
 *   checkpoint.c  notes
 *   spare.c       the next segment, the reserve, the ballast
 *   latch.c       taking no more, and taking up again
 *   keyer.c       the file `key`
 *   tell.c        answers
 *   wait.c        followers
 *
 * Threads: one committer, one preparer, one keyer, notifiers. "Locked": called and returns with the lock held.
 */
#ifndef FS_AUDIT_LOG_H
#define FS_AUDIT_LOG_H

#include "fs/audit/format.h"
#include "fs/audit/framekey.h"
#include "fs/audit/io.h"
#include "fs/audit/note.h"
#include "fs/audit/recover.h"
#include "fs/audit/segment.h"
#include "fs/audit/storm.h"

#include <pthread.h>
#include <stdatomic.h>

#define SECOND	      INT64_C(1000000000)
#define CHECKPOINT_NS (9 * SECOND)  /* the promise is 10 s; the idle loop looks once a second */
#define HEARTBEAT_NS  (58 * SECOND) /* the promise is 60 s */
#define NOTIFIERS     2		    /* at most */
#define BOUNDED_MAX   10000u	    /* ms: a checkpoint is promised after so long */

/* Tickets in sequence order, linked through the tickets themselves: no allocation. */
struct queue {
	struct audit_ticket *first, **end;
};

/* One of the two buffers: events gather in one while the other is written. */
struct batch {
	uint8_t *frame; /* FRAME_LIMIT; records from FRAME_HEADER on */
	uint8_t (*leaves)[AUDIT_DIGEST];
	uint32_t used, count; /* bytes of records, records */
	uint32_t strict;      /* events that are durable before their answer */
	uint32_t answered;    /* events that were answered already */
	int64_t answered_ns;  /* CLOCK_MONOTONIC of the oldest of those; INT64_MAX: none */
	uint64_t first_sequence;
	int64_t last_ns;	/* CLOCK_BOOTTIME of the last record */
	atomic_uint unfinished; /* submitters that are still copying their bytes */
	struct queue waiting;

	/* Where it goes: known before its first record. */
	bool is_beginning; /* a new segment begins with it */
	uint64_t segment;
	uint64_t naming; /* what audit_naming says; 0: no auditors */
	uint8_t *lk;	 /* of that segment, in the secrets */
};

/* In guarded memory. */
struct secrets {
	struct framekey next;	 /* the committer's: of the next frame */
	struct framekey durable; /* the same, as the keyer may have it; under the lock */
	struct framekey written; /* the keyer's: what it writes */
	uint8_t lk[2][AUDIT_KEY];
};

struct unlatching {
	struct audit_event event;
	enum bl_status status;
	struct bl_error why;
	bool is_done;
};

struct audit {
	const struct audit_io *io;
	struct vault *vault;
	int log_fd, notes_fd, key_fd; /* key_fd: the keyer's, or the committer's while is_key_bad */
	struct log_identity identity;
	uint8_t boot_id[16];
	uint64_t segment_bytes;
	void (*on_broken)(void *context, const char *text);
	void (*on_checkpoint)(void *context, const struct audit_checkpoint_note *note);
	void *context;
	struct secrets *secrets;

	pthread_mutex_t lock;
	pthread_mutex_t trim_lock; /* one audit_trim at a time; outside the other */
	pthread_cond_t work;	   /* for the committer */
	pthread_cond_t room; /* for submitters while the batch is full or the log is switching */
	pthread_cond_t told; /* for the notifiers */
	pthread_cond_t spare_change; /* for preparer and committer */
	pthread_cond_t key_change;   /* for the keyer */
	pthread_cond_t served;	     /* for audit_checkpoint and audit_unlatch */
	pthread_cond_t grown;	     /* for audit_wait */
	pthread_t committer, preparer, keyer, notifiers[NOTIFIERS];
	unsigned started; /* threads, in the order of start_threads */

	/* Under the lock. */
	struct batch batches[2];
	struct batch *filling;
	struct batch *writing; /* NULL: none */
	uint64_t place_at,
		place_size; /* where the filling batch goes, unless it begins a segment */
	uint64_t next_sequence;
	uint64_t last_naming;
	bool is_committer_idle; /* sleeping: wake it for anything */
	bool is_committer_lazy; /* the same, for what must not wait */
	bool is_stopping;
	uint32_t
		in_flight; /* events that were waiting or being written when the last batch was done */
	uint32_t wanted; /* the committer sleeps until the batch has so many; 0: it does not */
	uint32_t bounded_ms;
	uint64_t asked, served_count; /* checkpoints */
	struct queue good, bad;	      /* to be told BL_OK, BL_LOG_BROKEN */
	struct queue
		failed; /* of a batch that was not written: refused when views were told to end */
	struct storms storms;
	struct segment spare;
	uint64_t spare_size;
	bool is_spare_wanted, has_asked_spare, is_preparing;
	atomic_bool is_spare_cancelled;
	uint8_t policy_digest[32];
	unsigned followers;		    /* in audit_wait */
	uint64_t key_frame, key_generation; /* as the file `key` has it */
	bool is_keyer_idle, is_key_bad;

	/* Latching; under the lock, the mode may be read without. */
	atomic_int mode;      /* enum audit_mode */
	bool is_failing;      /* the committer has to latch */
	bool is_switching;    /* to another segment: submitters wait */
	bool is_unlatching;   /* all of them do, so that every refusal is counted */
	bool is_reserve_full; /* no frame goes behind those that are there */
	bool is_unannounced;  /* latched before there were threads */
	uint64_t latches, refused;
	bool is_untold;	       /* no record says yet that it latched */
	uint64_t failed_first; /* of a batch whose write failed: its first sequence number */
	uint32_t lost_written; /* events in it that were answered: lost, unless the medium has it */
	uint32_t lost;	       /* events answered and not durable */
	struct unlatching *unlatching; /* of who waits for it */
	char broken_text[200];
	atomic_bool is_committer_gone;

	/* The committer's own; what others may look at is atomic. */
	struct segment segment, fresh, reserve;
	uint64_t number, frame; /* of the next segment and frame */
	uint8_t chain[AUDIT_DIGEST];
	int64_t last_frame_ns, last_note_ns;
	int note_fd;
	bool is_note_bad; /* the sync of its file failed */
	char note_name[NOTE_FILE_NAME];
	uint64_t note_at;
	atomic_ullong durable_sequence, segment_number, noted_sequence, syncs, naming;
};

/* ---- tell.c ---- */
void queue_init(struct queue *queue);
void queue_add(struct queue *queue, struct audit_ticket *ticket);
void queue_move(struct queue *from, struct queue *to);
void *notify_run(void *audit);
/* Locked: refuse all in @queue, and count them. */
void writer_refuse(struct audit *audit, struct queue *queue);

/* ---- wait.c ---- */
/* Locked: another frame is durable, or the log is being closed */
void writer_tell_followers(struct audit *audit);

/* ---- submit.c ---- */
void batch_clear(struct batch *batch);
bool batch_has_room(const struct batch *batch, size_t length, unsigned count);
/* batch_finish - wait for who is still copying */
void batch_finish(struct batch *batch);
/* Locked: an event into the filling batch, which must have room; @tickets, a row of them, may be NULL. */
void writer_put(struct audit *audit, const struct audit_event *event, struct audit_ticket *tickets);
/* Locked: an event of the log's own */
void writer_say(struct audit *audit, enum audit_op op, const char *detail);
struct audit_event writer_event(enum audit_op op, const char *detail);
int64_t monotonic_ns(void);

/* ---- commit.c ---- */
void *commit_run(void *audit);
/* Locked: take the filling batch and write it; what fails latches */
void writer_commit(struct audit *audit);
/* Locked: the same for the first frame of a segment on audit->fresh, whose failure is the caller's */
enum bl_status writer_commit_first(struct audit *audit, struct bl_error *why) BL_MUST_CHECK;
/* Locked: segment @number begins with @batch */
void writer_aim(struct audit *audit, struct batch *batch, uint64_t number);

/* ---- checkpoint.c ---- */
enum bl_status writer_note(struct audit *audit, struct bl_error *why) BL_MUST_CHECK;
/* Locked: a checkpoint now, for the first @asked who asked for one */
void writer_checkpoint(struct audit *audit, uint64_t asked);
/* A file of notes whose sync failed is written anew. */
enum bl_status writer_mend_notes(struct audit *audit, struct bl_error *why) BL_MUST_CHECK;

/* ---- spare.c ---- */
#define SPARE_FILE   "spare"
#define RESERVE_FILE "reserve"
#define BALLAST_FILE "ballast"
#define RESERVE_SIZE ((uint64_t)SEGMENT_SMALLEST)
#define BALLAST_SIZE (512u << 10)
void *prepare_run(void *audit);
/* Locked: the next segment, larger than this one */
void writer_ask_spare(struct audit *audit);
/* Locked: waits for it, and puts it to audit->fresh. False: the log is failing */
bool writer_take_spare(struct audit *audit);
/* Locked: gives up what is prepared and what is being prepared */
void writer_drop_spare(struct audit *audit);
enum bl_status writer_begin_segment(struct audit *audit, const uint8_t *lk,
				    struct bl_error *why) BL_MUST_CHECK;
/* writer_find_reserve - of the run before, if it is as it should be */
void writer_find_reserve(struct audit *audit);
/* writer_provide - reserve, ballast, and a segment in audit->fresh: all that a log needs to begin */
enum bl_status writer_provide(struct audit *audit, struct bl_error *why) BL_MUST_CHECK;
void writer_drop_ballast(struct audit *audit);

/* ---- latch.c ---- */
/* Locked: something failed; the committer will latch. Only the first failure counts. */
void writer_fail(struct audit *audit, const struct bl_error *why);
/* Locked, the committer's: what writer_fail and audit_unlatch ask for */
void writer_latch(struct audit *audit);
void writer_unlatch(struct audit *audit);
/* Locked, the committer's */
void writer_announce(struct audit *audit);
/* Locked: everybody who waits is refused */
void writer_refuse_all(struct audit *audit);
bool reserve_takes(enum audit_op op);

/* ---- keyer.c ---- */
void *key_run(void *audit);
/* Locked: another frame is durable */
void writer_key_moved(struct audit *audit);
/* A file `key` whose write failed is made anew. */
enum bl_status writer_mend_key(struct audit *audit, struct bl_error *why) BL_MUST_CHECK;

static inline enum audit_mode writer_mode(const struct audit *audit)
{
	return (enum audit_mode)atomic_load_explicit(&audit->mode, memory_order_acquire);
}

#endif

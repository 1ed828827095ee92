/* walk.h - private to fs/audit: reading the log's folder, segment by segment, in constant memory */
#ifndef FS_AUDIT_WALK_H
#define FS_AUDIT_WALK_H

#include "fs/audit/format.h"
#include "fs/audit/framekey.h"
#include "fs/audit/window.h"

/* ---- the folder (folder.c) -------------------------------------------------------------------- */

/* The segments in a folder, as one pass over it sees them. */
struct segments {
	uint64_t count, first, last; /* first sequence numbers; count 0: none */
	uint64_t tombstones;	     /* files of that name */
};

/* BL_OK, BL_IO, BL_TAMPERED (a name that starts with "seg." and is no segment's), BL_NO_MEMORY (@tell said false) */
enum bl_status segments_each(int log_fd, bool (*tell)(void *context, uint64_t first_sequence),
			     void *context, struct bl_error *why) BL_MUST_CHECK;
/* All of them at once: as segments_each */
enum bl_status segments_list(int log_fd, struct segments *out, struct bl_error *why) BL_MUST_CHECK;

/* Where in the log a file stands. */
struct place {
	uint64_t first_sequence;
	bool has_segment, has_tombstone;
};
#define PLACES_LIMIT (1u << 20) /* 64 TiB of full segments; 16 bytes of memory for each */
struct places {
	struct place *items; /* ascending, each sequence number once */
	size_t count, room;
};
/* BL_OK, BL_IO, BL_TAMPERED (a foreign name), BL_TOO_LARGE, BL_NO_MEMORY */
enum bl_status places_read(int log_fd, struct places *out, struct bl_error *why) BL_MUST_CHECK;
void places_done(struct places *places);
static inline BL_UNUSED void places_done_cleanup(struct places *places)
{
	places_done(places);
}

/* log.id. BL_OK, BL_NOT_FOUND, BL_INVALID (not ours), BL_UNSUPPORTED (newer), BL_TAMPERED (ours, and damaged), BL_IO */
enum bl_status identity_read(int log_fd, struct log_identity *out_identity,
			     struct bl_error *why) BL_MUST_CHECK;

/* ---- the walk --------------------------------------------------------------------------------- */

struct walk;
/* After a good frame or tombstone: walk's next numbers and chain are those behind it. False: tampered. */
typedef bool walk_frame_fn(void *context, struct walk *walk);

/* Bytes behind the last good frame of a segment. */
struct walk_tail {
	uint64_t at, length; /* length 0: none */
	uint8_t digest[AUDIT_DIGEST];
	enum audit_looks looks; /* what it would be if it were not torn */
};

/* The parts of one name that were met; parts 0: none is open. */
struct walk_names {
	struct audit_named last;
	unsigned parts, next;
};

struct walk {
	int log_fd;
	uint8_t log_id[LOG_ID_SIZE];
	const struct log_identity *identity; /* NULL: what headers say of auditors is believed */
	bool is_chain_checked;		     /* false: structure only */
	audit_record_fn *tell;		     /* each may be NULL */
	audit_named_fn *tell_named;
	audit_segment_fn *tell_segment;
	void *context; /* of the three */
	walk_frame_fn *after_frame;
	void *frame_context;
	uint8_t *buffer; /* WINDOW_BUFFER */

	/* Macs are checked from the frame on that `key` is of; it is moved on with the frames. NULL: not checked. */
	struct framekey *key;
	/* What the keys of their frames must be. NULL: not compared. */
	const struct framekey_copies *expected_keys;
	const struct places
		*places; /* being walked, and at which; for telling what it looks like */
	size_t place;

	/* Where we are. */
	uint64_t next_number, next_sequence, next_frame;
	uint8_t chain[AUDIT_DIGEST];
	uint8_t boot_id[16];
	int64_t boottime_ns;
	bool has_boot;
	bool is_before_unknown; /* the segment before was not walked */
	bool is_at_tombstone;	/* it stands for what came last */
	bool has_segment;	/* one was walked or begun at: no tombstone may follow */
	bool has_auditors;	/* by the header: there may be names */
	enum audit_op last_op;	/* of the last good record of this segment; 0: none */
	uint64_t first_sequence, frame_sequence; /* of this segment, of this frame */
	struct walk_tail tail;			 /* of the segment walked last */
	struct walk_names names;
	uint64_t end; /* of its last good frame */
	uint64_t records, named, frames, segments, tombstones, trimmed_records;
	bool is_stopped; /* who was told said so */

	/* What is wrong, when BL_TAMPERED. */
	enum audit_looks looks;
	uint64_t bad_sequence, bad_offset;
	char bad_file[64], problem[200];
};

/*
 * walk_init - at the beginning; the chain is not known before walk_identify or walk_start_at
 */
enum bl_status walk_init(struct walk *walk, int log_fd, const uint8_t log_id[LOG_ID_SIZE],
			 struct bl_error *why) BL_MUST_CHECK;
void walk_done(struct walk *walk);
/* walk_identify - whose log it is (borrowed): the chain begins with it, and its auditors are those of every segment */
void walk_identify(struct walk *walk, const struct log_identity *identity);

/* walk_header - what the segment of that name says of itself; BL_TAMPERED (walk says where), BL_INVALID (newer), BL_IO */
enum bl_status walk_header(struct walk *walk, uint64_t first_sequence,
			   struct segment_header *out_header, struct bl_error *why) BL_MUST_CHECK;

/* walk_start_at - begin with this segment, believing what its header says about what came before */
enum bl_status walk_start_at(struct walk *walk, uint64_t first_sequence,
			     struct bl_error *why) BL_MUST_CHECK;

/*
 * walk_segment - walk the segment that begins with walk->next_sequence
 *
 * @is_last  a torn tail is accepted by the rules of the format and left in walk->tail
 *
 * BL_OK, BL_TAMPERED (walk says where), BL_INVALID (newer), BL_IO.
 */
enum bl_status walk_segment(struct walk *walk, bool is_last, struct bl_error *why) BL_MUST_CHECK;

/*
 * walk_enter - open the segment that begins with walk->next_sequence, and stand before its first frame
 *
 * BL_OK, BL_NOT_FOUND (no such file), and as walk_segment
 */
enum bl_status walk_enter(struct walk *walk, int *out_fd, uint64_t *out_size,
			  struct bl_error *why) BL_MUST_CHECK;

/* walk_tombstone - pass over a segment that is gone. @public_key NULL: form only. As walk_segment, without BL_INVALID */
enum bl_status walk_tombstone(struct walk *walk, const uint8_t *public_key,
			      struct bl_error *why) BL_MUST_CHECK;

/*
 * walk_place - the segment of places->items[at], or its tombstone; what does not belong there is told as what it looks like
 *
 * A segment that is trimmed while the log is read is met as its tombstone.
 */
enum bl_status walk_place(struct walk *walk, const struct places *places, size_t at,
			  const uint8_t *public_key, struct bl_error *why) BL_MUST_CHECK;

/* What is wrong at walk->bad_file; walk_bad: as LOOKS_CHANGED. BL_TAMPERED */
enum bl_status walk_bad(struct walk *walk, uint64_t offset, const char *format, ...)
	BL_PRINTF(3, 4);
enum bl_status walk_bad_as(struct walk *walk, enum audit_looks looks, uint64_t offset,
			   const char *format, ...) BL_PRINTF(4, 5);
/* walk_blame - fill @why from what walk_bad said; BL_TAMPERED */
enum bl_status walk_blame(const struct walk *walk, struct bl_error *why);

/* ---- frames (frames.c) ------------------------------------------------------------------------ */

/* The frames behind the header of an open segment. @before: the tail it has to tell of; NULL: unknown */
enum bl_status walk_frames(struct walk *walk, struct window *window, const struct walk_tail *before,
			   bool is_last, struct bl_error *why) BL_MUST_CHECK;
/* walk_frame - the one frame that begins at @at; *out_length 0: no whole one does */
enum bl_status walk_frame(struct walk *walk, struct window *window, uint64_t at,
			  const struct walk_tail *before, uint32_t *out_length,
			  struct bl_error *why) BL_MUST_CHECK;
/*
 * walk_end - no whole frame begins at @at, as it was read a while ago: whether that is how a segment ends
 *
 * The segment that is being written to (@is_last) is looked at again: what was not there then, or half of it, may be whole now and have
 * others behind it. *out_is_whole: walk on.
 */
enum bl_status walk_end(struct walk *walk, struct window *window, uint64_t at, bool is_last,
			bool *out_is_whole, struct bl_error *why) BL_MUST_CHECK;
/* frame_spans - whether the records fill the frame exactly, by their lengths; the chain behind them */
bool frame_spans(const uint8_t *frame, const struct frame_header *header,
		 uint8_t chain[AUDIT_DIGEST]);
/* walk_mac_ok - whether the frame has the mac of walk->next_frame for @chain; true when it is not checked there */
bool walk_mac_ok(const struct walk *walk, const uint8_t *frame, uint32_t length,
		 const uint8_t chain[AUDIT_DIGEST]);
/* walk_key_forward - the key up to @frame. BL_TAMPERED: on its way it was not what is expected */
enum bl_status walk_key_forward(struct walk *walk, uint64_t frame) BL_MUST_CHECK;

/* ---- what it looks like (looks.c) -------------------------------------------------------------- */

/* looks_of_frame - why no good next frame begins at @at in the segment: what stands there, what behind */
enum audit_looks looks_of_frame(const struct walk *walk, struct window *window, uint64_t at);
/* looks_of_header - a segment says it is @header and stands where another one belongs */
enum audit_looks looks_of_header(const struct walk *walk, const struct segment_header *header);
/* looks_of_gap - why the next of places does not begin where the log has got to. BL_TAMPERED */
enum bl_status looks_of_gap(struct walk *walk);

#endif

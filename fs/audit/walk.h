/* walk.h - private to fs/audit: reading the log's folder, segment by segment, in constant memory */
#ifndef FS_AUDIT_WALK_H
#define FS_AUDIT_WALK_H

#include "fs/audit/format.h"

/* The segments in a folder, as one pass over it sees them. */
struct segments {
	uint64_t count, first, last; /* first sequence numbers; count 0: none */
};

/* BL_OK, BL_IO, BL_TAMPERED (a name that starts with "seg." and is no segment's), BL_NO_MEMORY (@tell said false) */
enum bl_status segments_each(int log_fd, bool (*tell)(void *context, uint64_t first_sequence),
			     void *context, struct bl_error *why) BL_MUST_CHECK;
/* All of them at once: as segments_each */
enum bl_status segments_list(int log_fd, struct segments *out, struct bl_error *why) BL_MUST_CHECK;

/* The segment before the one that begins with @first_sequence; BL_TAMPERED when there is none */
enum bl_status segments_before(int log_fd, uint64_t first_sequence, uint64_t *out_before,
			       struct bl_error *why) BL_MUST_CHECK;

/* BL_OK, BL_NOT_FOUND, BL_INVALID (not ours), BL_IO */
enum bl_status log_id_read(int log_fd, uint8_t out_log_id[LOG_ID_SIZE],
			   struct bl_error *why) BL_MUST_CHECK;

struct walk;
/* After a good frame: its last sequence number, frame number and the chain. False: tampered. */
typedef bool walk_frame_fn(void *context, const struct walk *walk);

/* Bytes behind the last good frame of a segment. */
struct walk_tail {
	uint64_t at, length; /* length 0: none */
	uint8_t digest[AUDIT_DIGEST];
};

struct walk {
	int log_fd;
	uint8_t log_id[LOG_ID_SIZE];
	bool is_chain_checked;	    /* false: structure only */
	audit_record_fn *tell;	    /* may be NULL */
	walk_frame_fn *after_frame; /* may be NULL */
	void *context;
	uint8_t *buffer; /* WALK_BUFFER */

	/* Where we are. */
	uint64_t next_number, next_sequence, next_frame;
	uint8_t chain[AUDIT_DIGEST];
	uint8_t boot_id[16];
	int64_t boottime_ns;
	bool has_boot;
	bool is_before_unknown; /* the segment before was not walked */
	enum audit_op last_op;	/* of the last good record of this segment; 0: none */
	struct walk_tail tail;	/* of the segment walked last */
	uint64_t end;		/* of its last good frame */
	uint64_t records, frames, segments;
	bool is_stopped; /* tell said so */

	/* What is wrong, when BL_TAMPERED. */
	uint64_t bad_sequence, bad_offset;
	char bad_file[64], problem[200];
};

#define WALK_BUFFER (1u << 20)

enum bl_status walk_init(struct walk *walk, int log_fd, const uint8_t log_id[LOG_ID_SIZE],
			 struct bl_error *why) BL_MUST_CHECK;
void walk_done(struct walk *walk);

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

/* walk_all - every segment from walk->next_sequence to @last (its first sequence) */
enum bl_status walk_all(struct walk *walk, uint64_t last, struct bl_error *why) BL_MUST_CHECK;

enum bl_status walk_bad(struct walk *walk, uint64_t offset, const char *format, ...)
	BL_PRINTF(3, 4);

#endif

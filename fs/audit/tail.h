/* tail.h - the log's records in order, from a place on, and on from there when there are more: for the index, for who follows */
#ifndef FS_AUDIT_TAIL_H
#define FS_AUDIT_TAIL_H

#include "fs/audit/audit.h"

/* Not thread-safe. Survives that the log goes on to other segments, and that its oldest ones are trimmed. */
struct audit_tail;

/*
 * audit_tail_open - stand before record @from_sequence; before the oldest that is there when that one is gone (or 0)
 *
 * @log_fd  borrowed for the tail's life
 *
 * BL_OK, and audit_scan_from's.
 */
enum bl_status audit_tail_open(int log_fd, uint64_t from_sequence, struct audit_tail **out_tail,
			       struct bl_error *why) BL_MUST_CHECK;
/* audit_tail_from_segment - right behind audit_tail_open: begin where the record's segment begins, since the names in it may be needed */
void audit_tail_from_segment(struct audit_tail *tail);
void audit_tail_close(struct audit_tail *tail);
BL_DEFINE_CLEANUP(struct audit_tail, audit_tail_close)

/*
 * audit_tail_next - tell every record up to @to_sequence that was not told yet, with names and segments as audit_scan_names
 *
 * @to_sequence  what is durable (audit_state); UINT64_MAX: whatever good frames there are. What is not there or not whole yet is left for the
 *               next time.
 *
 * Constant memory; reads on from where it stood: who was told may stop anywhere. BL_TAMPERED: everything before that was told; the same again
 * when asked again. Statuses as audit_scan_since's.
 */
enum bl_status audit_tail_next(struct audit_tail *tail, uint64_t to_sequence,
			       const struct audit_listener *listener,
			       struct bl_error *why) BL_MUST_CHECK;
/* The next record to be told, and the oldest there was when it began or last met a gap made by trimming. */
uint64_t audit_tail_sequence(const struct audit_tail *tail);
uint64_t audit_tail_oldest(const struct audit_tail *tail);

/* ---- one record again ---- */

/* Where a record stands: what audit_record.place says of one that was read from a log. */
struct audit_reader; /* keeps the segment at hand open. Not thread-safe. */
enum bl_status audit_reader_open(int log_fd, struct audit_reader **out_reader,
				 struct bl_error *why) BL_MUST_CHECK;
void audit_reader_close(struct audit_reader *reader);
BL_DEFINE_CLEANUP(struct audit_reader, audit_reader_close)
/* BL_OK; BL_NOT_FOUND: record @sequence does not stand there (any more); BL_IO */
enum bl_status audit_reader_at(struct audit_reader *reader, uint64_t segment_first, uint64_t offset,
			       uint64_t sequence, struct audit_record *out_record,
			       struct bl_error *why) BL_MUST_CHECK;

#endif

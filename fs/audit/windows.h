/* windows.h - private to fs/audit: which records could have been made anew by whoever held the disk, and when clocks did odd things
 *
 * Constant memory: see docs/format-log.md, "Frame keys" and "What a verifier checks".
 */
#ifndef FS_AUDIT_WINDOWS_H
#define FS_AUDIT_WINDOWS_H

#include "fs/audit/walk.h"

#define WINDOW_FRAMES	1024u /* whose first sequence numbers are remembered */
#define WINDOW_SEGMENTS 64u

struct window_mark {
	uint64_t frame, sequence;
};

struct windows {
	struct window_mark frames[WINDOW_FRAMES], segments[WINDOW_SEGMENTS];
	uint64_t frame_count, segment_count;
	uint64_t first_sequence;	  /* that is kept; 0: none yet */
	uint64_t key_frame, key_sequence; /* from here to the end it is forgeable now; 0: not met */
	uint64_t anchored_sequence;
	struct audit_window newest[AUDIT_WINDOWS]; /* a ring */
	uint64_t count;
};

void windows_init(struct windows *windows, uint64_t key_frame);
void windows_segment(struct windows *windows, uint64_t first_frame, uint64_t first_sequence);
void windows_frame(struct windows *windows, uint64_t frame, uint64_t first_sequence);
/* windows_start - a start says that frames from @frame on were forgeable; its own frame begins behind @last_sequence */
void windows_start(struct windows *windows, uint64_t frame, uint64_t last_sequence);
/* windows_anchor - an anchor lies on the chain behind this record */
void windows_anchor(struct windows *windows, uint64_t sequence);
void windows_tell(const struct windows *windows, uint64_t last_sequence, struct audit_report *out);

/* What CLOCK_BOOTTIME and CLOCK_REALTIME say of each other and of gaps. */
struct clocks {
	uint8_t boot_id[16];
	int64_t boottime_ns, realtime_ns; /* of the record before */
	bool has_before;
	uint64_t pending_s, pending_sequence; /* a silence, unless a start follows in its frame */
	uint64_t silences, silence_sequence, longest_s;
	uint64_t steps, step_sequence;
};

/* @boot_id: of the segment it stands in */
void clocks_record(struct clocks *clocks, const uint8_t boot_id[16],
		   const struct audit_record *record);
void clocks_frame(struct clocks *clocks); /* the frame is over */
void clocks_tell(const struct clocks *clocks, struct audit_report *out);

#endif

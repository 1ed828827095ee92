#include "fs/audit/windows.h"

#include <string.h>

#define SECOND_NS  INT64_C(1000000000)
#define SILENCE_NS (75 * SECOND_NS)
#define STEP_NS	   (2 * SECOND_NS)

/* ---- windows --------------------------------------------------------------------------------- */

void windows_init(struct windows *windows, uint64_t key_frame)
{
	memset(windows, 0, sizeof(*windows));
	windows->key_frame = key_frame;
}

void windows_segment(struct windows *windows, uint64_t first_frame, uint64_t first_sequence)
{
	windows->segments[windows->segment_count++ % WINDOW_SEGMENTS] =
		(struct window_mark){.frame = first_frame, .sequence = first_sequence};
	if (!windows->first_sequence)
		windows->first_sequence = first_sequence;
}

void windows_frame(struct windows *windows, uint64_t frame, uint64_t first_sequence)
{
	windows->frames[windows->frame_count++ % WINDOW_FRAMES] =
		(struct window_mark){.frame = frame, .sequence = first_sequence};
	if (!windows->key_sequence && frame >= windows->key_frame)
		windows->key_sequence = first_sequence;
}

static const struct window_mark *newest_until(const struct window_mark *marks, uint64_t count,
					      unsigned room, uint64_t frame)
{
	for (uint64_t i = 0; i < BL_MIN(count, (uint64_t)room); i++) {
		const struct window_mark *mark = &marks[(count - 1 - i) % room];

		if (mark->frame <= frame)
			return mark;
	}
	return NULL;
}

/* The first record of a frame; of one that is long past, an earlier record: a window is never told smaller than it was. */
static uint64_t sequence_of(const struct windows *windows, uint64_t frame)
{
	const struct window_mark *mark =
		newest_until(windows->frames, windows->frame_count, WINDOW_FRAMES, frame);

	if (!mark)
		mark = newest_until(windows->segments, windows->segment_count, WINDOW_SEGMENTS,
				    frame);
	return mark ? mark->sequence : windows->first_sequence;
}

void windows_start(struct windows *windows, uint64_t frame, uint64_t last_sequence)
{
	/* Only an anchor of before: a later one was made of what somebody may have put there meanwhile. */
	uint64_t first = BL_MAX(sequence_of(windows, frame), windows->anchored_sequence + 1);

	if (first > last_sequence)
		return;
	windows->newest[windows->count++ % AUDIT_WINDOWS] =
		(struct audit_window){.first_sequence = first, .last_sequence = last_sequence};
}

void windows_anchor(struct windows *windows, uint64_t sequence)
{
	windows->anchored_sequence = sequence;
}

void windows_tell(const struct windows *windows, uint64_t last_sequence, struct audit_report *out)
{
	bool is_open = windows->key_sequence && windows->key_sequence <= last_sequence &&
		       last_sequence > windows->anchored_sequence;
	uint64_t shown = BL_MIN(windows->count, (uint64_t)(AUDIT_WINDOWS - is_open));
	size_t at = 0;

	out->window_count = windows->count + is_open;
	for (uint64_t i = windows->count - shown; i < windows->count; i++)
		out->windows[at++] = windows->newest[i % AUDIT_WINDOWS];
	if (is_open)
		out->windows[at] = (struct audit_window){
			.first_sequence =
				BL_MAX(windows->key_sequence, windows->anchored_sequence + 1),
			.last_sequence = last_sequence,
			.is_now = true};
}

/* ---- clocks ---------------------------------------------------------------------------------- */

/* Times come from the log: any difference is possible. */
static int64_t difference(int64_t later, int64_t earlier)
{
	int64_t result;

	if (__builtin_sub_overflow(later, earlier, &result))
		return later < earlier ? INT64_MIN : INT64_MAX;
	return result;
}

static void compare_times(struct clocks *clocks, const struct audit_record *record)
{
	int64_t passed = difference(record->boottime_ns, clocks->boottime_ns);
	int64_t step = difference(difference(record->realtime_ns, clocks->realtime_ns), passed);

	if (passed > SILENCE_NS) {
		clocks->pending_s = (uint64_t)(passed / SECOND_NS);
		clocks->pending_sequence = record->sequence;
	}
	if (step <= STEP_NS && step >= -STEP_NS)
		return;
	if (!clocks->steps++)
		clocks->step_sequence = record->sequence;
}

void clocks_record(struct clocks *clocks, const uint8_t boot_id[16],
		   const struct audit_record *record)
{
	if (clocks->has_before && memcmp(boot_id, clocks->boot_id, sizeof(clocks->boot_id)) == 0)
		compare_times(clocks, record);
	/* Between a stop and the next start nobody was there to say anything. */
	if (record->event.op == AUDIT_START)
		clocks->pending_s = 0;
	memcpy(clocks->boot_id, boot_id, sizeof(clocks->boot_id));
	clocks->boottime_ns = record->boottime_ns;
	clocks->realtime_ns = record->realtime_ns;
	clocks->has_before = true;
}

void clocks_frame(struct clocks *clocks)
{
	if (!clocks->pending_s)
		return;
	clocks->silences++;
	if (clocks->pending_s > clocks->longest_s) {
		clocks->longest_s = clocks->pending_s;
		clocks->silence_sequence = clocks->pending_sequence;
	}
	clocks->pending_s = 0;
}

void clocks_tell(const struct clocks *clocks, struct audit_report *out)
{
	out->silences = clocks->silences;
	out->silence_sequence = clocks->silence_sequence;
	out->longest_silence_s = clocks->longest_s;
	out->clock_steps = clocks->steps;
	out->clock_step_sequence = clocks->step_sequence;
}

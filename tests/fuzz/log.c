/* Records, headers and checkpoints from hostile bytes; what parses must encode to itself. */
#include "fs/audit/format.h"
#include "fs/audit/note.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void try_record(const uint8_t *bytes, size_t length)
{
	struct audit_record record;
	uint8_t again[RECORD_LARGEST];
	size_t got = format_record_parse(bytes, length, &record);

	if (!got)
		return;
	if (got > length || got > sizeof(again) || format_record(&record.event, again) != got)
		abort();
	format_record_stamp(again, record.sequence, record.realtime_ns, record.boottime_ns);
	if (memcmp(again, bytes, got) != 0)
		abort();
}

static void try_segment(const uint8_t *bytes, size_t length)
{
	struct segment_header header;
	uint8_t page[SEGMENT_HEADER] = {0};
	bool is_newer;

	/* Fuzzers do not find checksums: give it the right one. */
	memcpy(page, bytes, length < SEGMENT_HEADER - 32 ? length : SEGMENT_HEADER - 32);
	format_leaf(page, SEGMENT_HEADER - 32, page + SEGMENT_HEADER - 32);
	if (!format_segment_parse(page, &header, &is_newer)) {
		uint8_t again[SEGMENT_HEADER];

		format_segment(&header, again);
		if (memcmp(again, page, sizeof(again)) != 0)
			abort();
	}
}

static void try_frame(const uint8_t *bytes, size_t length)
{
	struct frame_header header;

	if (length < FRAME_HEADER || !format_frame_header_parse(bytes, &header))
		return;
	if (header.length > FRAME_LIMIT)
		abort();
	if (header.length <= length && format_frame_chain(bytes, header.length) &&
	    header.length < FRAME_HEADER + FRAME_TRAILER)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct note note;

	if (sodium_init() < 0)
		abort();
	try_record(bytes, length);
	try_segment(bytes, length);
	try_frame(bytes, length);
	if (note_parse((const char *)bytes, length, NULL, &note) == NOTE_GOOD && length < NOTE_SIZE)
		abort();
	return 0;
}

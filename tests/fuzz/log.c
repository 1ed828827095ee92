/* Records, headers, notes and kits from hostile bytes; what parses must encode to itself. */
#include "fs/audit/format.h"
#include "fs/audit/name.h"
#include "fs/audit/note.h"
#include "fs/audit/tombstone.h"

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

static void try_name(const uint8_t *bytes, size_t length)
{
	static const uint8_t KEY[AUDIT_KEY], LOG_ID[LOG_ID_SIZE];
	struct audit_named named;
	char text[AUDIT_RECORD_LIMIT];
	size_t got = name_parse(bytes, length, &named), opened;

	if (!got)
		return;
	if (got > length || got > AUDIT_RECORD_LIMIT || named.part >= named.parts ||
	    named.sealed + named.length != bytes + got)
		abort();
	/* Nobody sealed it under this key. */
	if (audit_name_open(&named, LOG_ID, KEY, text, &opened) == BL_OK)
		abort();
}

static void try_identity(const uint8_t *bytes, size_t length)
{
	struct log_identity identity;
	uint8_t page[LOG_ID_FILE_SIZE] = {0}, again[LOG_ID_FILE_SIZE];
	bool is_newer, is_damaged;

	memcpy(page, bytes, length < sizeof(page) - 32 ? length : sizeof(page) - 32);
	format_leaf(page, sizeof(page) - 32, page + sizeof(page) - 32);
	if (format_identity_parse(page, &identity, &is_newer, &is_damaged))
		return;
	if (identity.auditor_count > AUDIT_AUDITORS || is_newer || is_damaged)
		abort();
	format_identity(&identity, again);
	if (memcmp(again, page, sizeof(again)) != 0)
		abort();
}

static void try_segment(const uint8_t *bytes, size_t length)
{
	struct segment_header header;
	uint8_t page[SEGMENT_HEADER] = {0};

	/* Fuzzers do not find checksums: give it the right one. */
	memcpy(page, bytes, length < SEGMENT_HEADER - 32 ? length : SEGMENT_HEADER - 32);
	format_leaf(page, SEGMENT_HEADER - 32, page + SEGMENT_HEADER - 32);
	if (!format_segment_parse(page, &header)) {
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

/* The check is made anew, as for headers. */
static void try_kit(const uint8_t *bytes, size_t length)
{
	struct audit_kit kit;
	uint8_t sum[AUDIT_DIGEST];
	char text[AUDIT_KIT_TEXT], again[AUDIT_KIT_TEXT];

	if (length > sizeof(text) - 72)
		return;
	memcpy(text, bytes, length);
	format_leaf(bytes, length, sum);
	memcpy(text + length, "check ", 6);
	sodium_bin2hex(text + length + 6, 65, sum, sizeof(sum));
	text[length + 70] = '\n';
	if (audit_kit_parse(text, length + 71, &kit, NULL) == BL_OK &&
	    (audit_kit_format(&kit, again) != length + 71 || memcmp(again, text, length + 71) != 0))
		abort();
}

static void try_auditor(bool is_secret, const uint8_t *bytes, size_t length)
{
	uint8_t key[AUDIT_KEY];
	char again[AUDIT_AUDITOR_TEXT];

	if (auditor_parse(is_secret, (const char *)bytes, length, key, NULL) != BL_OK)
		return;

	size_t whole = auditor_format(is_secret, key, again);

	if (length > whole || (is_secret && memcmp(again, bytes, length) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct tombstone tombstone;
	struct note note;

	if (sodium_init() < 0)
		abort();
	try_record(bytes, length);
	try_name(bytes, length);
	try_identity(bytes, length);
	try_segment(bytes, length);
	try_kit(bytes, length);
	try_auditor(false, bytes, length);
	try_auditor(true, bytes, length);
	try_frame(bytes, length);
	if (note_parse((const char *)bytes, length, NULL, &note) == NOTE_GOOD && length < NOTE_SIZE)
		abort();
	if (tombstone_parse((const char *)bytes, length, NULL, &tombstone) &&
	    length != TOMBSTONE_SIZE)
		abort();
	return 0;
}

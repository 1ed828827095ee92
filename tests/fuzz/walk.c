/* A log whose frames, records or anchors are hostile: it is called good or broken, never anything else, and what verifies can be read. */
#include "fs/audit/evidence.h"
#include "fs/audit/framekey.h"
#include "fs/audit/walk.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define ROOM (SEGMENT_SMALLEST - SEGMENT_HEADER)

/* What the first byte of an input asks for. */
enum mode {
	MODE_FRAMES,  /* the rest stands behind the header */
	MODE_RECORDS, /* the rest is the records of one frame, all around them being right */
	MODE_ANCHOR,
	MODE_COUNT,
};

struct log {
	char path[32];
	int fd, segment;
	struct log_identity identity;
	struct audit_kit kit;
	struct framekey key; /* of frame 1 */
	uint8_t header[SEGMENT_HEADER];
};

static void write_file(int folder, const char *name, const void *bytes, size_t length)
{
	int fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length)
		abort();
	close(fd);
}

static int no_sync(void *context BL_UNUSED, int fd BL_UNUSED)
{
	return 0;
}

static void make_log(struct log *log)
{
	struct audit_io io = *audit_io_real();
	uint8_t page[LOG_ID_FILE_SIZE];
	struct segment_header header = {.number = 1,
					.first_sequence = 1,
					.first_frame = 1,
					.size = SEGMENT_SMALLEST,
					.auditor_count = 1};

	strcpy(log->path, "/tmp/bailee-fuzz-XXXXXX");
	if (!mkdtemp(log->path))
		abort();
	log->fd = open(log->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log->identity.auditor_count = log->kit.auditor_count = 1;
	framekey_commitment(log->kit.first, log->identity.commitment);
	format_identity(&log->identity, page);
	write_file(log->fd, "log.id", page, sizeof(page));
	framekey_first(log->kit.first, &log->key);
	io.sync_data = io.sync_dir = no_sync;
	if (framekey_create(&io, log->fd, log->identity.log_id, &log->key, NULL) != BL_OK)
		abort();
	memcpy(header.previous_chain, log->identity.genesis, AUDIT_DIGEST);
	format_segment(&header, log->header);
	log->segment = openat(log->fd, "seg.0000000000000001", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (log->segment < 0)
		abort();
}

static void remove_log(struct log *log)
{
	static const char *const NAMES[] = {"log.id", FRAMEKEY_FILE, "seg.0000000000000001"};

	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		unlinkat(log->fd, NAMES[i], 0);
	close(log->segment);
	close(log->fd);
	rmdir(log->path);
}

static void put_frames(const struct log *log, const uint8_t *bytes, size_t length)
{
	length = BL_MIN(length, (size_t)ROOM);
	if (ftruncate(log->segment, 0) != 0 || ftruncate(log->segment, SEGMENT_SMALLEST) != 0 ||
	    pwrite(log->segment, log->header, sizeof(log->header), 0) !=
		    (ssize_t)sizeof(log->header) ||
	    pwrite(log->segment, bytes, length, SEGMENT_HEADER) != (ssize_t)length)
		abort();
}

/* Fuzzers find no chains and no macs: a frame is made of the records, with their numbers and times. */
static void put_records(const struct log *log, const uint8_t *bytes, size_t length)
{
	struct frame_header header = {.number = 1, .first_sequence = 1};
	uint8_t *frame = calloc(1, FRAME_LIMIT), *end;
	uint8_t chain[AUDIT_DIGEST], leaf[AUDIT_DIGEST], mac[AUDIT_DIGEST];

	if (!frame)
		abort();
	length = BL_MIN(length, (size_t)(FRAME_LIMIT - FRAME_HEADER - FRAME_TRAILER));
	memcpy(frame + FRAME_HEADER, bytes, length);
	memcpy(chain, log->identity.genesis, AUDIT_DIGEST);
	chain_segment(chain, log->header);
	end = frame + FRAME_HEADER + length;
	for (uint8_t *at = frame + FRAME_HEADER; end - at >= 32 && header.count < FRAME_RECORDS;) {
		size_t one = bl_get16(at);

		if (one < 32 || one > (size_t)(end - at))
			break;
		header.count++;
		format_record_stamp(at, header.count, header.count, header.count);
		format_leaf(at, one, leaf);
		chain_record(chain, leaf);
		at += one;
	}
	header.length = (uint32_t)(FRAME_HEADER + length + FRAME_TRAILER);
	format_frame(frame, &header, chain);
	framekey_mac(&log->key, frame, chain, mac);
	format_frame_mac(frame, header.length, mac);
	put_frames(log, frame, header.length);
	free(frame);
}

static bool count_record(void *context, const struct audit_record *record)
{
	uint64_t *count = context;

	if (record->sequence == 0)
		abort();
	++*count;
	return true;
}

static void check_log(const struct log *log)
{
	const struct audit_evidence evidence = {.kit = &log->kit};
	struct audit_report report;
	struct bl_error why = {.text = ""};
	enum bl_status status = audit_verify(log->fd, &evidence, &report, &why);
	uint64_t events = 0;

	if (status != BL_OK && status != BL_TAMPERED)
		abort();
	if ((status == BL_OK) != (report.looks == LOOKS_GOOD) ||
	    (status == BL_TAMPERED && (!*report.problem || !*report.bad_file)))
		abort();
	if (strpbrk(why.text, "\n\x1b"))
		abort();
	if (status == BL_OK && (audit_scan(log->fd, count_record, &events, NULL) != BL_OK ||
				events + report.names != report.records))
		abort();
}

static void check_anchor(const struct log *log, const uint8_t *bytes, size_t length)
{
	int fd = memfd_create("anchor", MFD_CLOEXEC);
	struct evidence evidence;
	struct bl_error why = {.text = ""};

	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	/* Nobody has the secret key of the public key zero: no note is ever believed. */
	if (evidence_open(&fd, 1, log->identity.log_id, log->identity.public_key, &evidence,
			  &why) != BL_INVALID ||
	    !*why.text)
		abort();
	evidence_close(&evidence);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct log log = {.fd = -1};

	if (sodium_init() < 0)
		abort();
	if (!length)
		return 0;
	make_log(&log);
	switch ((enum mode)(bytes[0] % MODE_COUNT)) {
	case MODE_FRAMES:
		put_frames(&log, bytes + 1, length - 1);
		check_log(&log);
		break;
	case MODE_RECORDS:
		put_records(&log, bytes + 1, length - 1);
		check_log(&log);
		break;
	case MODE_ANCHOR:
	case MODE_COUNT:
		check_anchor(&log, bytes + 1, length - 1);
		break;
	}
	remove_log(&log);
	return 0;
}

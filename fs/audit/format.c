#include "fs/audit/format.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const uint8_t ID_MAGIC[8] = "BLOG1ID";
static const uint8_t SEGMENT_MAGIC[8] = {'B', 'L', 'O', 'G', '1', 'S', 'E', 'G'};
static const uint8_t FRAME_MAGIC[4] = {'B', 'L', 'F', 'R'};
static const uint8_t TRAILER_MAGIC[4] = {'R', 'F', 'L', 'B'};

#define CHECKSUM_AT (SEGMENT_HEADER - 32u)

static void digest(const uint8_t *bytes, size_t length, uint8_t out[AUDIT_DIGEST])
{
	crypto_generichash(out, AUDIT_DIGEST, bytes, length, NULL, 0);
}

/* ---- log.id ---------------------------------------------------------------------------------- */

void format_log_id(const uint8_t log_id[LOG_ID_SIZE], uint8_t out[LOG_ID_FILE_SIZE])
{
	memset(out, 0, LOG_ID_FILE_SIZE);
	memcpy(out, ID_MAGIC, sizeof(ID_MAGIC));
	bl_put32(out + 8, LOG_VERSION);
	memcpy(out + 16, log_id, LOG_ID_SIZE);
	digest(out, 32, out + 32);
}

bool format_log_id_parse(const uint8_t bytes[LOG_ID_FILE_SIZE], uint8_t out_log_id[LOG_ID_SIZE])
{
	uint8_t again[LOG_ID_FILE_SIZE];

	format_log_id(bytes + 16, again);
	if (memcmp(again, bytes, sizeof(again)) != 0)
		return false;
	memcpy(out_log_id, bytes + 16, LOG_ID_SIZE);
	return true;
}

/* ---- segments -------------------------------------------------------------------------------- */

void format_segment(const struct segment_header *header, uint8_t out[SEGMENT_HEADER])
{
	memset(out, 0, SEGMENT_HEADER);
	memcpy(out, SEGMENT_MAGIC, sizeof(SEGMENT_MAGIC));
	bl_put32(out + 8, LOG_VERSION);
	bl_put32(out + 12, SEGMENT_HEADER);
	memcpy(out + 16, header->log_id, LOG_ID_SIZE);
	bl_put64(out + 32, header->number);
	bl_put64(out + 40, header->first_sequence);
	bl_put64(out + 48, header->first_frame);
	memcpy(out + 56, header->previous_chain, AUDIT_DIGEST);
	memcpy(out + 88, header->boot_id, sizeof(header->boot_id));
	bl_put64(out + 136, (uint64_t)header->realtime_ns);
	bl_put64(out + 144, (uint64_t)header->boottime_ns);
	bl_put64(out + 152, header->size);
	digest(out, CHECKSUM_AT, out + CHECKSUM_AT);
}

const char *format_segment_parse(const uint8_t bytes[SEGMENT_HEADER], struct segment_header *out,
				 bool *out_is_newer)
{
	uint8_t again[SEGMENT_HEADER];

	*out_is_newer = false;
	if (memcmp(bytes, SEGMENT_MAGIC, sizeof(SEGMENT_MAGIC)) != 0)
		return "has no segment header";
	digest(bytes, CHECKSUM_AT, again);
	if (memcmp(again, bytes + CHECKSUM_AT, AUDIT_DIGEST) != 0)
		return "has a header that does not match its checksum";
	if (bl_get32(bytes + 8) != LOG_VERSION) {
		*out_is_newer = true;
		return "has a version this program does not know";
	}
	memcpy(out->log_id, bytes + 16, LOG_ID_SIZE);
	out->number = bl_get64(bytes + 32);
	out->first_sequence = bl_get64(bytes + 40);
	out->first_frame = bl_get64(bytes + 48);
	memcpy(out->previous_chain, bytes + 56, AUDIT_DIGEST);
	memcpy(out->boot_id, bytes + 88, sizeof(out->boot_id));
	out->realtime_ns = (int64_t)bl_get64(bytes + 136);
	out->boottime_ns = (int64_t)bl_get64(bytes + 144);
	out->size = bl_get64(bytes + 152);
	format_segment(out, again);
	if (memcmp(again, bytes, SEGMENT_HEADER) != 0)
		return "has reserved fields in its header that are not zero";
	if (out->size < SEGMENT_SMALLEST || out->size > SEGMENT_LARGEST || out->size % 4096 != 0)
		return "has an impossible size in its header";
	return NULL;
}

void format_segment_name(uint64_t first_sequence, char out[SEGMENT_NAME_SIZE])
{
	snprintf(out, SEGMENT_NAME_SIZE, "seg.%016" PRIx64, first_sequence);
}

bool format_segment_name_parse(const char *name, uint64_t *out_first_sequence)
{
	uint64_t value = 0;

	if (strncmp(name, "seg.", 4) != 0 || strlen(name) != SEGMENT_NAME_SIZE - 1)
		return false;
	for (const char *p = name + 4; *p; p++) {
		const char *digit = strchr("0123456789abcdef", *p);

		if (!digit)
			return false;
		value = value << 4 | (uint64_t)(digit - "0123456789abcdef");
	}
	*out_first_sequence = value;
	return true;
}

/* ---- frames ---------------------------------------------------------------------------------- */

void format_frame(uint8_t *frame, const struct frame_header *header,
		  const uint8_t chain[AUDIT_DIGEST])
{
	uint8_t *trailer = frame + header->length - FRAME_TRAILER;

	memcpy(frame, FRAME_MAGIC, sizeof(FRAME_MAGIC));
	bl_put32(frame + 4, header->length);
	bl_put64(frame + 8, header->number);
	bl_put64(frame + 16, header->first_sequence);
	bl_put32(frame + 24, header->count);
	bl_put32(frame + 28, 0);
	memcpy(trailer, chain, AUDIT_DIGEST);
	memset(trailer + 32, 0, 32);
	bl_put32(trailer + 64, header->length);
	memcpy(trailer + 68, TRAILER_MAGIC, sizeof(TRAILER_MAGIC));
}

bool format_frame_header_parse(const uint8_t bytes[FRAME_HEADER], struct frame_header *out)
{
	if (memcmp(bytes, FRAME_MAGIC, sizeof(FRAME_MAGIC)) != 0 || bl_get32(bytes + 28) != 0)
		return false;
	out->length = bl_get32(bytes + 4);
	out->number = bl_get64(bytes + 8);
	out->first_sequence = bl_get64(bytes + 16);
	out->count = bl_get32(bytes + 24);
	return out->length >= FRAME_HEADER + FRAME_TRAILER && out->length <= FRAME_LIMIT &&
	       out->count >= 1 && out->count <= FRAME_RECORDS;
}

const uint8_t *format_frame_chain(const uint8_t *frame, uint32_t length)
{
	const uint8_t *trailer = frame + length - FRAME_TRAILER;

	if (memcmp(trailer + 68, TRAILER_MAGIC, sizeof(TRAILER_MAGIC)) != 0 ||
	    bl_get32(trailer + 64) != length || !sodium_is_zero(trailer + 32, 32))
		return NULL;
	return trailer;
}

/* ---- records --------------------------------------------------------------------------------- */

size_t format_record(const struct audit_event *event, uint8_t *out)
{
	size_t device = strnlen(event->device, sizeof(event->device) - 1);
	size_t rule = strnlen(event->rule, sizeof(event->rule) - 1);
	size_t detail = strnlen(event->detail, sizeof(event->detail) - 1);
	size_t length = RECORD_FIXED + device + rule + detail;

	bl_put16(out, (uint16_t)length);
	out[2] = RECORD_TYPE_EVENT;
	out[3] = (uint8_t)event->op;
	out[4] = (uint8_t)event->verdict;
	out[5] = (uint8_t)device;
	out[6] = (uint8_t)rule;
	out[7] = (uint8_t)detail;
	memset(out + 8, 0, 24);
	bl_put32(out + 32, event->uid);
	bl_put32(out + 36, event->gid);
	bl_put32(out + 40, event->pid);
	bl_put32(out + 44, event->login_uid);
	bl_put64(out + 48, event->view);
	bl_put64(out + 56, event->session);
	bl_put32(out + 64, event->error_number);
	bl_put32(out + 68, 0);
	bl_put64(out + 72, event->policy_serial);
	bl_put64(out + 80, event->offset);
	bl_put64(out + 88, event->bytes);
	bl_put64(out + 96, event->handle);
	memcpy(out + 104, event->token, AUDIT_TOKEN);
	memcpy(out + RECORD_FIXED, event->device, device);
	memcpy(out + RECORD_FIXED + device, event->rule, rule);
	memcpy(out + RECORD_FIXED + device + rule, event->detail, detail);
	return length;
}

void format_record_stamp(uint8_t *record, uint64_t sequence, int64_t realtime_ns,
			 int64_t boottime_ns)
{
	bl_put64(record + 8, sequence);
	bl_put64(record + 16, (uint64_t)realtime_ns);
	bl_put64(record + 24, (uint64_t)boottime_ns);
}

/* A text field: copied with its NUL; false when it is too long for us or holds a NUL. */
static bool take_text(const uint8_t **from, size_t length, char *out, size_t size)
{
	if (length >= size || memchr(*from, 0, length))
		return false;
	memcpy(out, *from, length);
	out[length] = '\0';
	*from += length;
	return true;
}

size_t format_record_length(const uint8_t *bytes, size_t length)
{
	if (length < RECORD_FIXED)
		return 0;

	size_t whole = bl_get16(bytes);

	return whole == RECORD_FIXED + (size_t)bytes[5] + bytes[6] + bytes[7] && whole <= length
		       ? whole
		       : 0;
}

size_t format_record_parse(const uint8_t *bytes, size_t length, struct audit_record *out)
{
	struct audit_event *event = &out->event;

	size_t whole = format_record_length(bytes, length);

	if (!whole)
		return 0;

	const uint8_t *text = bytes + RECORD_FIXED;

	if (bytes[2] != RECORD_TYPE_EVENT || bytes[3] < 1 || bytes[3] >= AUDIT_OP_COUNT ||
	    bytes[4] > AUDIT_FAILED_VERDICT || bl_get32(bytes + 68) != 0)
		return 0;
	out->sequence = bl_get64(bytes + 8);
	out->realtime_ns = (int64_t)bl_get64(bytes + 16);
	out->boottime_ns = (int64_t)bl_get64(bytes + 24);
	event->op = (enum audit_op)bytes[3];
	event->verdict = (enum audit_verdict)bytes[4];
	event->uid = bl_get32(bytes + 32);
	event->gid = bl_get32(bytes + 36);
	event->pid = bl_get32(bytes + 40);
	event->login_uid = bl_get32(bytes + 44);
	event->view = bl_get64(bytes + 48);
	event->session = bl_get64(bytes + 56);
	event->error_number = bl_get32(bytes + 64);
	event->policy_serial = bl_get64(bytes + 72);
	event->offset = bl_get64(bytes + 80);
	event->bytes = bl_get64(bytes + 88);
	event->handle = bl_get64(bytes + 96);
	memcpy(event->token, bytes + 104, AUDIT_TOKEN);
	if (!take_text(&text, bytes[5], event->device, sizeof(event->device)) ||
	    !take_text(&text, bytes[6], event->rule, sizeof(event->rule)) ||
	    !take_text(&text, bytes[7], event->detail, sizeof(event->detail)))
		return 0;
	return whole;
}

/* ---- chain ----------------------------------------------------------------------------------- */

void format_leaf(const uint8_t *record, size_t length, uint8_t out_leaf[AUDIT_DIGEST])
{
	digest(record, length, out_leaf);
}

void chain_genesis(const uint8_t log_id[LOG_ID_SIZE], uint8_t out_chain[AUDIT_DIGEST])
{
	uint8_t bytes[5 + LOG_ID_SIZE] = {'B', 'L', 'O', 'G', '1'};

	memcpy(bytes + 5, log_id, LOG_ID_SIZE);
	digest(bytes, sizeof(bytes), out_chain);
}

static void step(uint8_t kind, uint8_t chain[AUDIT_DIGEST], const uint8_t leaf[AUDIT_DIGEST])
{
	uint8_t bytes[1 + 2 * AUDIT_DIGEST] = {kind};

	memcpy(bytes + 1, chain, AUDIT_DIGEST);
	memcpy(bytes + 1 + AUDIT_DIGEST, leaf, AUDIT_DIGEST);
	digest(bytes, sizeof(bytes), chain);
}

void chain_record(uint8_t chain[AUDIT_DIGEST], const uint8_t leaf[AUDIT_DIGEST])
{
	step(1, chain, leaf);
}

void chain_segment(uint8_t chain[AUDIT_DIGEST], const uint8_t header[SEGMENT_HEADER])
{
	uint8_t leaf[AUDIT_DIGEST];

	digest(header, SEGMENT_HEADER, leaf);
	step(2, chain, leaf);
}

/* ---- details of AUDIT_RECOVERED -------------------------------------------------------------- */

void format_tail_detail(uint64_t at, uint64_t length, const uint8_t sum[AUDIT_DIGEST],
			char out[AUDIT_DETAIL_SIZE])
{
	char hex[2 * AUDIT_DIGEST + 1];

	sodium_bin2hex(hex, sizeof(hex), sum, AUDIT_DIGEST);
	snprintf(out, AUDIT_DETAIL_SIZE, TAIL_DETAIL "at=%" PRIu64 " length=%" PRIu64 " blake2b=%s",
		 at, length, hex);
}

void format_empty_detail(uint64_t length, const uint8_t sum[AUDIT_DIGEST],
			 char out[AUDIT_DETAIL_SIZE])
{
	char hex[2 * AUDIT_DIGEST + 1];

	sodium_bin2hex(hex, sizeof(hex), sum, AUDIT_DIGEST);
	snprintf(out, AUDIT_DETAIL_SIZE, "empty length=%" PRIu64 " blake2b=%s", length, hex);
}

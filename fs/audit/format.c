#include "fs/audit/format.h"

#include "fs/audit/name.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const uint8_t ID_MAGIC[8] = "BLOG1ID";
static const uint8_t SEGMENT_MAGIC[8] = {'B', 'L', 'O', 'G', '1', 'S', 'E', 'G'};
static const uint8_t FRAME_MAGIC[4] = {'B', 'L', 'F', 'R'};
static const uint8_t TRAILER_MAGIC[4] = {'R', 'F', 'L', 'B'};

static const uint8_t GENESIS[5] = {'B', 'L', 'O', 'G', '1'};

#define PAGE_SIZE   4096u /* of log.id and of a segment's header */
#define CHECKSUM_AT (PAGE_SIZE - 32u)

_Static_assert(LOG_ID_FILE_SIZE == PAGE_SIZE && SEGMENT_HEADER == PAGE_SIZE, "both are one page");
_Static_assert(104 + AUDIT_AUDITORS * AUDIT_KEY <= CHECKSUM_AT, "all auditors fit into log.id");
_Static_assert(168 + AUDIT_AUDITORS * SEGMENT_SLOT <= CHECKSUM_AT, "all slots fit into a header");

static void digest(const uint8_t *bytes, size_t length, uint8_t out[AUDIT_DIGEST])
{
	crypto_generichash(out, AUDIT_DIGEST, bytes, length, NULL, 0);
}

/* Every page of ours ends in the digest of what is before. */
static void page_seal(uint8_t page[PAGE_SIZE])
{
	digest(page, CHECKSUM_AT, page + CHECKSUM_AT);
}

static bool page_is_whole(const uint8_t page[PAGE_SIZE])
{
	uint8_t sum[AUDIT_DIGEST];

	digest(page, CHECKSUM_AT, sum);
	return memcmp(sum, page + CHECKSUM_AT, AUDIT_DIGEST) == 0;
}

/* ---- log.id ---------------------------------------------------------------------------------- */

static void make_genesis(const uint8_t bytes[LOG_ID_FILE_SIZE], uint8_t out[AUDIT_DIGEST])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, AUDIT_DIGEST);
	crypto_generichash_update(&state, GENESIS, sizeof(GENESIS));
	crypto_generichash_update(&state, bytes, LOG_ID_FILE_SIZE);
	crypto_generichash_final(&state, out, AUDIT_DIGEST);
}

static void put_identity(const struct log_identity *identity, uint8_t out[LOG_ID_FILE_SIZE])
{
	memset(out, 0, LOG_ID_FILE_SIZE);
	memcpy(out, ID_MAGIC, sizeof(ID_MAGIC));
	bl_put32(out + 8, LOG_VERSION);
	bl_put32(out + 12, (uint32_t)identity->auditor_count);
	memcpy(out + 16, identity->log_id, LOG_ID_SIZE);
	memcpy(out + 32, identity->public_key, VAULT_PUBLIC_KEY);
	memcpy(out + 64, identity->commitment, AUDIT_DIGEST);
	bl_put64(out + 96, (uint64_t)identity->made_ns);
	memcpy(out + 104, identity->auditors, identity->auditor_count * AUDIT_KEY);
	page_seal(out);
}

void format_identity(struct log_identity *identity, uint8_t out[LOG_ID_FILE_SIZE])
{
	put_identity(identity, out);
	make_genesis(out, identity->genesis);
}

/* Whether only the magic is wrong: then it is ours, and was changed. */
static bool was_ours(const uint8_t bytes[LOG_ID_FILE_SIZE])
{
	uint8_t mended[LOG_ID_FILE_SIZE];

	memcpy(mended, bytes, sizeof(mended));
	memcpy(mended, ID_MAGIC, sizeof(ID_MAGIC));
	return page_is_whole(mended);
}

static bool is_ascending(const struct log_identity *identity)
{
	for (size_t i = 1; i < identity->auditor_count; i++)
		if (memcmp(identity->auditors[i - 1], identity->auditors[i], AUDIT_KEY) >= 0)
			return false;
	return true;
}

static const char *take_identity(const uint8_t bytes[LOG_ID_FILE_SIZE], struct log_identity *out)
{
	uint8_t again[LOG_ID_FILE_SIZE];

	memset(out, 0, sizeof(*out));
	out->auditor_count = bl_get32(bytes + 12);
	if (out->auditor_count > AUDIT_AUDITORS)
		return "has more auditors than there can be";
	memcpy(out->log_id, bytes + 16, LOG_ID_SIZE);
	memcpy(out->public_key, bytes + 32, VAULT_PUBLIC_KEY);
	memcpy(out->commitment, bytes + 64, AUDIT_DIGEST);
	out->made_ns = (int64_t)bl_get64(bytes + 96);
	memcpy(out->auditors, bytes + 104, out->auditor_count * AUDIT_KEY);
	put_identity(out, again);
	if (memcmp(again, bytes, sizeof(again)) != 0)
		return "has reserved fields that are not zero";
	if (!is_ascending(out))
		return "has auditors out of order";
	make_genesis(bytes, out->genesis);
	return NULL;
}

const char *format_identity_parse(const uint8_t bytes[LOG_ID_FILE_SIZE],
				  struct log_identity *out_identity, bool *out_is_newer,
				  bool *out_is_damaged)
{
	bool is_ours = memcmp(bytes, ID_MAGIC, sizeof(ID_MAGIC)) == 0;
	uint32_t version = bl_get32(bytes + 8);

	*out_is_newer = is_ours && version > LOG_VERSION && page_is_whole(bytes);
	*out_is_damaged = !*out_is_newer && (is_ours || was_ours(bytes));
	if (!is_ours)
		return "does not begin as a log of Bailee does";
	if (*out_is_newer)
		return "has a version this program does not know";
	if (!page_is_whole(bytes))
		return "does not match its checksum";
	if (version != LOG_VERSION)
		return "has a version that never was";

	const char *problem = take_identity(bytes, out_identity);

	*out_is_damaged = problem != NULL;
	return problem;
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
	memcpy(out + 104, header->policy_digest, sizeof(header->policy_digest));
	bl_put64(out + 136, (uint64_t)header->realtime_ns);
	bl_put64(out + 144, (uint64_t)header->boottime_ns);
	bl_put64(out + 152, header->size);
	bl_put32(out + 160, (uint32_t)header->auditor_count);
	memcpy(out + 168, header->slots, header->auditor_count * SEGMENT_SLOT);
	page_seal(out);
}

static void take_segment(const uint8_t bytes[SEGMENT_HEADER], struct segment_header *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->log_id, bytes + 16, LOG_ID_SIZE);
	out->number = bl_get64(bytes + 32);
	out->first_sequence = bl_get64(bytes + 40);
	out->first_frame = bl_get64(bytes + 48);
	memcpy(out->previous_chain, bytes + 56, AUDIT_DIGEST);
	memcpy(out->boot_id, bytes + 88, sizeof(out->boot_id));
	memcpy(out->policy_digest, bytes + 104, sizeof(out->policy_digest));
	out->realtime_ns = (int64_t)bl_get64(bytes + 136);
	out->boottime_ns = (int64_t)bl_get64(bytes + 144);
	out->size = bl_get64(bytes + 152);
	out->auditor_count = bl_get32(bytes + 160);
}

const char *format_segment_parse(const uint8_t bytes[SEGMENT_HEADER], struct segment_header *out)
{
	uint8_t again[SEGMENT_HEADER];

	if (memcmp(bytes, SEGMENT_MAGIC, sizeof(SEGMENT_MAGIC)) != 0)
		return "has no segment header";
	if (!page_is_whole(bytes))
		return "has a header that does not match its checksum";
	if (bl_get32(bytes + 8) != LOG_VERSION)
		return "has a version that is not its log's";
	take_segment(bytes, out);
	if (out->auditor_count > AUDIT_AUDITORS)
		return "has more auditors in its header than there can be";
	memcpy(out->slots, bytes + 168, out->auditor_count * SEGMENT_SLOT);
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

void format_frame_mac(uint8_t *frame, uint32_t length, const uint8_t mac[AUDIT_DIGEST])
{
	memcpy(frame + length - FRAME_TRAILER + AUDIT_DIGEST, mac, AUDIT_DIGEST);
}

const uint8_t *format_frame_chain(const uint8_t *frame, uint32_t length)
{
	const uint8_t *trailer = frame + length - FRAME_TRAILER;

	if (memcmp(trailer + 68, TRAILER_MAGIC, sizeof(TRAILER_MAGIC)) != 0 ||
	    bl_get32(trailer + 64) != length)
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
	bl_put32(out + 68, event->repeats);
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

/* What the fields of a record of each type say its length is; 0: none that could be. */
static size_t event_length(const uint8_t *bytes)
{
	return RECORD_FIXED + (size_t)bytes[5] + bytes[6] + bytes[7];
}

static size_t name_length(const uint8_t *bytes)
{
	size_t whole = bl_get16(bytes), before = NAME_FIXED + (size_t)bytes[5] + NAME_TAG;
	size_t text = whole > before ? whole - before : 0;

	return text && text % NAME_PAD == 0 && text / NAME_PAD <= NAME_PAD_LIMIT ? whole : 0;
}

size_t format_record_length(const uint8_t *bytes, size_t length)
{
	/* The first 8 bytes say it all; no record is shorter than the fixed part of a name's. */
	if (length < NAME_FIXED)
		return 0;

	size_t whole = bl_get16(bytes);
	size_t told = bytes[2] == RECORD_TYPE_EVENT  ? event_length(bytes)
		      : bytes[2] == RECORD_TYPE_NAME ? name_length(bytes)
						     : 0;

	return whole == told && whole <= AUDIT_RECORD_LIMIT && whole <= length ? whole : 0;
}

static void take_numbers(const uint8_t *bytes, struct audit_record *out)
{
	struct audit_event *event = &out->event;

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
	event->repeats = bl_get32(bytes + 68);
	event->policy_serial = bl_get64(bytes + 72);
	event->offset = bl_get64(bytes + 80);
	event->bytes = bl_get64(bytes + 88);
	event->handle = bl_get64(bytes + 96);
	memcpy(event->token, bytes + 104, AUDIT_TOKEN);
}

size_t format_record_parse(const uint8_t *bytes, size_t length, struct audit_record *out)
{
	struct audit_event *event = &out->event;
	size_t whole = format_record_length(bytes, length);

	if (!whole || bytes[2] != RECORD_TYPE_EVENT || bytes[3] < 1 || bytes[3] >= AUDIT_OP_COUNT ||
	    bytes[4] > AUDIT_FAILED_VERDICT)
		return 0;
	take_numbers(bytes, out);
	/* Only what was refused is gathered. */
	if (event->repeats && event->verdict == AUDIT_PERMITTED)
		return 0;

	const uint8_t *text = bytes + RECORD_FIXED;

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

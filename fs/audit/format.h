/* format.h - private to fs/audit: the bytes of BLOG1 (docs/format-log.md), encoded and decoded */
#ifndef FS_AUDIT_FORMAT_H
#define FS_AUDIT_FORMAT_H

#include "fs/audit/audit.h"

#define LOG_VERSION	  2u
#define LOG_ID_SIZE	  AUDIT_LOG_ID
#define LOG_ID_FILE_SIZE  4096
#define SEGMENT_HEADER	  4096u
#define SEGMENT_SMALLEST  (256u << 10)
#define SEGMENT_LARGEST	  (1u << 30)
#define SEGMENT_DEFAULT	  (64u << 20)
#define SEGMENT_FIRST	  (4u << 20) /* of a run: starting does not wait for 64 MiB of zeros */
#define FRAME_HEADER	  32u
#define FRAME_TRAILER	  72u
#define FRAME_LIMIT	  (128u << 10)
#define FRAME_RECORDS	  1024u
#define RECORD_FIXED	  120u
#define RECORD_TEXTS	  (BL_DEVICE_ID_SIZE + BL_RULE_ID_SIZE + AUDIT_DETAIL_SIZE - 3)
#define RECORD_LARGEST	  (RECORD_FIXED + RECORD_TEXTS)
#define RECORD_TYPE_EVENT 1
#define RECORD_TYPE_NAME  2
#define SEGMENT_SLOT	  (AUDIT_KEY + AUDIT_SEALED_LK) /* of one auditor in a segment's header */
#define SEGMENT_NAME_SIZE 21				/* "seg." + 16 hex digits + NUL */

_Static_assert(RECORD_LARGEST <= AUDIT_RECORD_LIMIT, "a record is at most 4 KiB");

/* log.id: who this log is. */
struct log_identity {
	uint8_t log_id[LOG_ID_SIZE];
	uint8_t public_key[VAULT_PUBLIC_KEY];
	uint8_t commitment[AUDIT_DIGEST]; /* to k_0 */
	int64_t made_ns;
	size_t auditor_count;
	uint8_t auditors[AUDIT_AUDITORS][AUDIT_KEY]; /* ascending */
	uint8_t genesis[AUDIT_DIGEST];		     /* made by format_identity and its parse */
};

struct segment_header {
	uint8_t log_id[LOG_ID_SIZE];
	uint64_t number, first_sequence, first_frame;
	uint8_t previous_chain[AUDIT_DIGEST];
	uint8_t boot_id[16];
	uint8_t policy_digest[32];
	int64_t realtime_ns, boottime_ns;
	uint64_t size;
	size_t auditor_count;
	uint8_t slots[AUDIT_AUDITORS][SEGMENT_SLOT];
};

struct frame_header {
	uint32_t length;
	uint64_t number, first_sequence;
	uint32_t count;
};

/* Fills identity->genesis too. */
void format_identity(struct log_identity *identity, uint8_t out[LOG_ID_FILE_SIZE]);
/* What is wrong with it, or NULL; *out_is_newer when the version is not ours; *out_is_damaged when it is ours and was changed */
const char *format_identity_parse(const uint8_t bytes[LOG_ID_FILE_SIZE],
				  struct log_identity *out_identity, bool *out_is_newer,
				  bool *out_is_damaged);

void format_segment(const struct segment_header *header, uint8_t out[SEGMENT_HEADER]);
/* What is wrong with it, or NULL. Only log.id tells of a newer log: another version here is wrong. */
const char *format_segment_parse(const uint8_t bytes[SEGMENT_HEADER], struct segment_header *out);
void format_segment_name(uint64_t first_sequence, char out[SEGMENT_NAME_SIZE]);
bool format_segment_name_parse(const char *name, uint64_t *out_first_sequence);

/* Header and trailer of the frame in @frame, whose records lie at FRAME_HEADER already; its mac is zero until framekey_mac. */
void format_frame(uint8_t *frame, const struct frame_header *header,
		  const uint8_t chain[AUDIT_DIGEST]);
void format_frame_mac(uint8_t *frame, uint32_t length, const uint8_t mac[AUDIT_DIGEST]);
/* Only whether it is shaped like a frame header of a possible length */
bool format_frame_header_parse(const uint8_t bytes[FRAME_HEADER], struct frame_header *out);
/* Whether the trailer of a frame of @length is right; chain and mac are handed out for comparing (the mac lies behind) */
const uint8_t *format_frame_chain(const uint8_t *frame, uint32_t length);

/* Returns the length; sequence and times are zero until format_record_stamp, which also does for NAME records. @out: RECORD_LARGEST. */
size_t format_record(const struct audit_event *event, uint8_t *out);
void format_record_stamp(uint8_t *record, uint64_t sequence, int64_t realtime_ns,
			 int64_t boottime_ns);
/* Length of the record at the start of @bytes by its own fields, or 0 when they disagree */
size_t format_record_length(const uint8_t *bytes, size_t length);
/* Length of the record at the start of @bytes, or 0 when it is not a proper one */
size_t format_record_parse(const uint8_t *bytes, size_t length, struct audit_record *out);

void format_leaf(const uint8_t *record, size_t length, uint8_t out_leaf[AUDIT_DIGEST]);
void chain_record(uint8_t chain[AUDIT_DIGEST], const uint8_t leaf[AUDIT_DIGEST]);
void chain_segment(uint8_t chain[AUDIT_DIGEST], const uint8_t header[SEGMENT_HEADER]);

/* The details of AUDIT_RECOVERED */
void format_tail_detail(uint64_t at, uint64_t length, const uint8_t digest[AUDIT_DIGEST],
			char out[AUDIT_DETAIL_SIZE]);
void format_empty_detail(uint64_t length, const uint8_t digest[AUDIT_DIGEST],
			 char out[AUDIT_DETAIL_SIZE]);
#define TAIL_DETAIL "tail "

#endif

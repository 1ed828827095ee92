/* build.h - logs made by hand, frame by frame, for the tests of who reads them; synthetic events only */
#ifndef TESTS_UNIT_FS_AUDIT_BUILD_H
#define TESTS_UNIT_FS_AUDIT_BUILD_H

#include "fs/audit/framekey.h"
#include "fs/audit/name.h"
#include "fs/audit/note.h"
#include "fs/audit/tombstone.h"
#include "tests/unit/fs/audit/scratch.h"

#include <sodium.h>
#include <stdio.h>

#define BUILD_SECOND INT64_C(1000000000)
#define BUILD_EPOCH  (INT64_C(1790000000) * BUILD_SECOND)
#define BUILD_NOTES  "checkpoints/2026-09-21"
#define BUILD_FRAMES 4096

/* Where a frame was put. */
struct build_frame {
	uint64_t segment; /* first sequence number */
	uint64_t at, sequence;
	uint32_t length, count;
};

struct build {
	struct scratch *scratch;
	int log_fd, fd; /* fd: of the segment */
	struct log_identity identity;
	struct audit_kit kit;
	uint8_t secret[AUDIT_KEY]; /* of the auditor, when there is one */
	uint8_t lk[AUDIT_KEY], log_names_key[VAULT_KEY];

	uint64_t number, sequence, frame; /* the next ones */
	uint8_t chain[AUDIT_DIGEST];
	struct framekey key; /* of the next frame */
	uint64_t segment, at, size;
	uint8_t boot_id[16];
	int64_t realtime_ns, boottime_ns;
	int64_t step_ns; /* between two records */
	uint64_t key_generation, note_at;

	uint8_t *bytes; /* of the frame */
	uint32_t used, count;
	uint8_t frame_chain[AUDIT_DIGEST];
	bool has_wrong_mac; /* of the frames made from now on */

	struct build_frame frames[BUILD_FRAMES];
	size_t frame_count;
};

static inline void build_put_file(const struct build *build, const char *name, const void *bytes,
				  size_t length, uint64_t at)
{
	int fd = openat(build->log_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ssize_t put = pwrite(fd, bytes, length, (off_t)at);

	if (put != (ssize_t)length)
		abort();
	close(fd);
}

/* The file `key`, for the next frame */
static inline void build_key(struct build *build)
{
	int fd = openat(build->log_fd, FRAMEKEY_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (framekey_write(audit_io_real(), fd, build->identity.log_id, ++build->key_generation,
			   &build->key, NULL) != BL_OK)
		abort();
	close(fd);
}

/* As a crash between the two leaves it: the second copy is of @older, whole or torn */
static inline BL_UNUSED void build_key_half(struct build *build, const struct framekey *older,
					    bool is_torn)
{
	const struct framekey newer = build->key;
	uint8_t bytes[FRAMEKEY_FILE_SIZE];
	int fd = openat(build->log_fd, FRAMEKEY_FILE, O_RDONLY | O_CLOEXEC);

	build->key = *older;
	build_key(build);
	if (pread(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort();
	close(fd);
	build->key = newer;
	build_key(build);
	if (is_torn)
		bytes[FRAMEKEY_FILE_SIZE - 1] ^= 1;
	build_put_file(build, FRAMEKEY_FILE, bytes + sizeof(bytes) / 2, sizeof(bytes) / 2,
		       sizeof(bytes) / 2);
}

static inline void build_identity(struct build *build, bool has_auditor)
{
	uint8_t bytes[LOG_ID_FILE_SIZE], k0[AUDIT_KEY];
	struct log_identity *identity = &build->identity;

	randombytes_buf(k0, sizeof(k0));
	randombytes_buf(identity->log_id, LOG_ID_SIZE);
	memcpy(identity->public_key, vault_public_key(build->scratch->vault), VAULT_PUBLIC_KEY);
	framekey_commitment(k0, identity->commitment);
	identity->made_ns = build->realtime_ns;
	if (has_auditor) {
		identity->auditor_count = 1;
		auditor_new(build->secret, identity->auditors[0]);
	}
	format_identity(identity, bytes);
	build_put_file(build, "log.id", bytes, sizeof(bytes), 0);
	memcpy(build->chain, identity->genesis, AUDIT_DIGEST);
	framekey_first(k0, &build->key);
	memcpy(build->kit.log_id, identity->log_id, LOG_ID_SIZE);
	memcpy(build->kit.public_key, identity->public_key, VAULT_PUBLIC_KEY);
	memcpy(build->kit.first, k0, AUDIT_KEY);
	build->kit.auditor_count = identity->auditor_count;
	memcpy(build->kit.auditors, identity->auditors, sizeof(build->kit.auditors));
}

/* An empty log in the store's folder `log` */
static inline BL_UNUSED struct build *build_new(struct scratch *scratch, bool has_auditor)
{
	struct build *build = calloc(1, sizeof(*build));

	if (sodium_init() < 0 || !build || !(build->bytes = calloc(1, FRAME_LIMIT)))
		abort();
	build->scratch = scratch;
	build->fd = -1;
	build->number = build->sequence = build->frame = 1;
	build->realtime_ns = BUILD_EPOCH;
	build->boottime_ns = 1000 * BUILD_SECOND;
	build->step_ns = BUILD_SECOND / 1000;
	memset(build->boot_id, 7, sizeof(build->boot_id));
	memset(build->log_names_key, 9, sizeof(build->log_names_key));
	if (mkdirat(scratch->store_fd, "log", 0700) != 0)
		abort();
	build->log_fd = scratch_log_fd(scratch);
	if (mkdirat(build->log_fd, "checkpoints", 0700) != 0)
		abort();
	build_identity(build, has_auditor);
	build_key(build);
	return build;
}

static inline BL_UNUSED void build_free(struct build *build)
{
	fd_close(build->fd);
	close(build->log_fd);
	free(build->bytes);
	free(build);
}

static inline void build_tick(struct build *build)
{
	build->realtime_ns += build->step_ns;
	build->boottime_ns += build->step_ns;
}

/* Begin the next segment */
static inline BL_UNUSED void build_segment(struct build *build)
{
	struct segment_header header = {.number = build->number++,
					.first_sequence = build->sequence,
					.first_frame = build->frame,
					.realtime_ns = build->realtime_ns,
					.boottime_ns = build->boottime_ns,
					.size = SCRATCH_SEGMENT,
					.auditor_count = build->identity.auditor_count};
	uint8_t bytes[SEGMENT_HEADER];
	char name[SEGMENT_NAME_SIZE];

	memcpy(header.log_id, build->identity.log_id, LOG_ID_SIZE);
	memcpy(header.previous_chain, build->chain, AUDIT_DIGEST);
	memcpy(header.boot_id, build->boot_id, sizeof(header.boot_id));
	memset(header.policy_digest, 3, sizeof(header.policy_digest));
	randombytes_buf(build->lk, sizeof(build->lk));
	for (size_t i = 0; i < header.auditor_count; i++) {
		memcpy(header.slots[i], build->identity.auditors[i], AUDIT_KEY);
		if (crypto_box_seal(header.slots[i] + AUDIT_KEY, build->lk, AUDIT_KEY,
				    build->identity.auditors[i]) != 0)
			abort();
	}
	format_segment(&header, bytes);
	format_segment_name(build->sequence, name);
	fd_close(build->fd);
	build->fd = openat(build->log_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (ftruncate(build->fd, (off_t)header.size) != 0 ||
	    pwrite(build->fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort();
	chain_segment(build->chain, bytes);
	build->segment = build->sequence;
	build->size = header.size;
	build->at = SEGMENT_HEADER;
}

static inline void build_record(struct build *build, uint8_t *record, size_t length)
{
	uint8_t leaf[AUDIT_DIGEST];

	build_tick(build);
	format_record_stamp(record, build->sequence++, build->realtime_ns, build->boottime_ns);
	if (build->count == 0)
		memcpy(build->frame_chain, build->chain, AUDIT_DIGEST);
	memcpy(build->bytes + FRAME_HEADER + build->used, record, length);
	build->used += (uint32_t)length;
	build->count++;
	format_leaf(record, length, leaf);
	chain_record(build->frame_chain, leaf);
}

static inline BL_UNUSED void build_event(struct build *build, const struct audit_event *event)
{
	uint8_t record[RECORD_LARGEST];

	build_record(build, record, format_record(event, record));
}

static inline BL_UNUSED void build_op(struct build *build, enum audit_op op, uint64_t offset,
				      uint64_t bytes, const char *detail)
{
	struct audit_event event = {.op = op,
				    .uid = UINT32_MAX,
				    .gid = UINT32_MAX,
				    .login_uid = UINT32_MAX,
				    .offset = offset,
				    .bytes = bytes};

	snprintf(event.detail, sizeof(event.detail), "%s", detail);
	build_event(build, &event);
}

/* NAME records for the event that comes next */
static inline BL_UNUSED void build_name(struct build *build, unsigned number, size_t length)
{
	struct audit_event event = scratch_event(number);
	char text[AUDIT_NAME_TEXT];
	struct audit_name name = {.kind = AUDIT_NAME_PATH,
				  .device = event.device,
				  .log_names_key = build->log_names_key,
				  .token = event.token,
				  .text = text,
				  .length = length};
	uint8_t *records = malloc(NAME_RECORDS);
	unsigned count;
	size_t at = 0;

	memset(text, 'a' + (int)(number % 26), sizeof(text));

	size_t used = name_seal(&name, build->identity.log_id, build->lk, records, &count);

	while (at < used) {
		size_t one = bl_get16(records + at);

		build_record(build, records + at, one);
		at += one;
	}
	free(records);
}

/* Write the frame of the records so far. */
static inline BL_UNUSED void build_commit(struct build *build)
{
	struct frame_header header = {.length = FRAME_HEADER + build->used + FRAME_TRAILER,
				      .number = build->frame,
				      .first_sequence = build->sequence - build->count,
				      .count = build->count};
	uint8_t mac[AUDIT_DIGEST];

	format_frame(build->bytes, &header, build->frame_chain);
	framekey_mac(&build->key, build->bytes, build->frame_chain, mac);
	mac[0] ^= build->has_wrong_mac;
	format_frame_mac(build->bytes, header.length, mac);
	if (build->at + header.length > build->size ||
	    pwrite(build->fd, build->bytes, header.length, (off_t)build->at) !=
		    (ssize_t)header.length)
		abort();
	if (build->frame_count < BUILD_FRAMES)
		build->frames[build->frame_count++] =
			(struct build_frame){.segment = build->segment,
					     .at = build->at,
					     .sequence = header.first_sequence,
					     .length = header.length,
					     .count = header.count};
	memcpy(build->chain, build->frame_chain, AUDIT_DIGEST);
	framekey_next(&build->key);
	build->at += header.length;
	build->frame++;
	build->used = build->count = 0;
}

/* @count frames of one event each */
static inline BL_UNUSED void build_reads(struct build *build, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct audit_event event = scratch_event((unsigned)build->sequence);

		build_event(build, &event);
		build_commit(build);
	}
}

/* A run begins: segment, start. @key_frame: what `key` held */
static inline BL_UNUSED void build_start(struct build *build, uint64_t key_frame)
{
	build_segment(build);
	build_op(build, AUDIT_START, key_frame, build->frame - key_frame, "bailee test");
	build_commit(build);
}

static inline BL_UNUSED struct note build_note_of(const struct build *build)
{
	struct note note = {.sequence = build->sequence - 1,
			    .frame = build->frame - 1,
			    .realtime_s = build->realtime_ns / BUILD_SECOND};

	memcpy(note.log_id, build->identity.log_id, LOG_ID_SIZE);
	memcpy(note.chain, build->chain, AUDIT_DIGEST);
	return note;
}

/* A checkpoint of where we are; also into @anchor (267 bytes) unless NULL */
static inline BL_UNUSED void build_note(struct build *build, char *anchor)
{
	struct note note = build_note_of(build);
	char bytes[NOTE_SIZE];

	note_write(&note, build->scratch->vault, bytes);
	build_put_file(build, BUILD_NOTES, bytes, sizeof(bytes), build->note_at);
	build->note_at += NOTE_SIZE;
	if (anchor)
		memcpy(anchor, bytes, sizeof(bytes));
}

/* The orderly end of a run */
static inline BL_UNUSED void build_stop(struct build *build)
{
	build_op(build, AUDIT_STOP, 0, 0, "");
	build_commit(build);
	build_note(build, NULL);
	build_key(build);
}

/* Two runs, two segments, names when there is an auditor: a good log */
static inline BL_UNUSED void build_sample(struct build *build)
{
	build_start(build, 1);
	build_reads(build, 3);
	if (build->identity.auditor_count) {
		struct audit_event event = scratch_event(4);

		build_name(build, 4, 100);
		build_event(build, &event);
		build_name(build, 5, 20);
		event = scratch_event(5);
		build_event(build, &event);
		build_commit(build);
	}
	build_note(build, NULL);
	build_reads(build, 4);
	build_stop(build);

	uint64_t frame = build->frame;

	build->realtime_ns += 5 * BUILD_SECOND;
	build->boottime_ns += 5 * BUILD_SECOND;
	build_start(build, frame);
	build_reads(build, 3);
	build_stop(build);
}

/* The segment that @frames[at..] of this log are in is removed: signed tombstone and all, but no event. */
static inline BL_UNUSED void build_tombstone(const struct build *build, uint64_t number,
					     size_t first, size_t last, char out[TOMBSTONE_SIZE])
{
	const struct build_frame *begin = &build->frames[first], *end = &build->frames[last];
	struct tombstone tombstone = {.number = number,
				      .first_sequence = begin->segment,
				      .last_sequence = end->sequence + end->count - 1,
				      .first_frame = first + 1,
				      .last_frame = last + 1,
				      .begun_s = BUILD_EPOCH / BUILD_SECOND,
				      .removed_s = build->realtime_ns / BUILD_SECOND};
	uint8_t header[SEGMENT_HEADER];
	char name[SEGMENT_NAME_SIZE], tomb[TOMBSTONE_NAME_SIZE];

	memcpy(tombstone.log_id, build->identity.log_id, LOG_ID_SIZE);
	format_segment_name(begin->segment, name);

	int fd = openat(build->log_fd, name, O_RDONLY | O_CLOEXEC);

	if (pread(fd, header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    pread(fd, tombstone.chain, AUDIT_DIGEST,
		  (off_t)(end->at + end->length - FRAME_TRAILER)) != AUDIT_DIGEST)
		abort();
	close(fd);
	memcpy(tombstone.previous_chain, header + 56, AUDIT_DIGEST);
	tombstone_write(&tombstone, build->scratch->vault, out);
	tombstone_name(begin->segment, tomb);
	build_put_file(build, tomb, out, TOMBSTONE_SIZE, 0);
}

/* Tell it, and remove the segment. */
static inline BL_UNUSED void build_trim(struct build *build, uint64_t number, size_t first,
					size_t last)
{
	const struct build_frame *begin = &build->frames[first], *end = &build->frames[last];
	char bytes[TOMBSTONE_SIZE], detail[AUDIT_DETAIL_SIZE], name[SEGMENT_NAME_SIZE];

	build_tombstone(build, number, first, last, bytes);
	tombstone_detail(number, bytes, detail);
	build_op(build, AUDIT_TRIMMED, begin->segment, end->sequence + end->count - begin->segment,
		 detail);
	build_commit(build);
	format_segment_name(begin->segment, name);
	if (unlinkat(build->log_fd, name, 0) != 0)
		abort();
}

/* ---- reading it ------------------------------------------------------------------------------- */

static inline BL_UNUSED enum bl_status build_verify_by(const struct build *build,
						       const struct audit_evidence *evidence,
						       struct audit_report *out,
						       struct bl_error *why)
{
	struct bl_error unused;

	memset(out, 0, sizeof(*out));
	return audit_verify(build->log_fd, evidence, out, why ? why : &unused);
}

/* With the kit, without anchors */
static inline BL_UNUSED enum bl_status build_verify(const struct build *build,
						    struct audit_report *out, struct bl_error *why)
{
	const struct audit_evidence evidence = {.kit = &build->kit};

	return build_verify_by(build, &evidence, out, why);
}

/* With the public key alone */
static inline BL_UNUSED enum bl_status
build_verify_key(const struct build *build, struct audit_report *out, struct bl_error *why)
{
	const struct audit_evidence evidence = {.public_key = build->identity.public_key};

	return build_verify_by(build, &evidence, out, why);
}

/* A file of the log, in memory and open. */
struct build_file {
	int fd;
	size_t size;
	uint8_t *bytes;
};

static inline BL_UNUSED struct build_file build_load(const struct build *build, const char *name)
{
	struct build_file file = {0};
	struct stat st;

	file.fd = openat(build->log_fd, name, O_RDWR | O_CLOEXEC);
	if (file.fd < 0 || fstat(file.fd, &st) != 0)
		abort();
	file.size = (size_t)st.st_size;
	file.bytes = malloc(file.size);
	if (!file.bytes || pread(file.fd, file.bytes, file.size, 0) != (ssize_t)file.size)
		abort();
	return file;
}

static inline BL_UNUSED void build_unload(struct build_file *file)
{
	close(file->fd);
	free(file->bytes);
}

static inline BL_UNUSED void build_put(const struct build_file *file, size_t at, const void *bytes,
				       size_t length)
{
	if (pwrite(file->fd, bytes, length, (off_t)at) != (ssize_t)length)
		abort();
}

static inline BL_UNUSED void build_move(const struct build *build, const char *from, const char *to)
{
	if (renameat(build->log_fd, from, build->log_fd, to) != 0)
		abort();
}

static inline BL_UNUSED void build_copy(const struct build *build, const char *from, const char *to)
{
	struct build_file file = build_load(build, from);

	build_put_file(build, to, file.bytes, file.size, 0);
	build_unload(&file);
}

/* ---- a store with a sample, as setup and teardown ---------------------------------------------- */

static inline BL_UNUSED int build_setup_empty(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	*state = build_new(*state, true);
	return 0;
}

static inline BL_UNUSED int build_setup(void **state)
{
	if (build_setup_empty(state) != 0)
		return -1;
	build_sample(*state);
	return 0;
}

static inline BL_UNUSED int build_teardown(void **state)
{
	void *scratch = ((struct build *)*state)->scratch;

	build_free(*state);
	return scratch_teardown(&scratch);
}

#endif

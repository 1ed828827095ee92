/* fixture.h - a store with a device that is to be taken in, sources of synthetic bytes, and what a receipt and the log say of it */
#ifndef TESTS_INTAKE_FIXTURE_H
#define TESTS_INTAKE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/intake/intake.h"

#define MIB	UINT64_C(1048576)
#define NOW	INT64_C(1000000000)
#define DEVICE	"RMA-1"
#define PLANTED "planted-secret-of-a-synthetic-customer;"

struct fixture {
	char root[64];
	char path[160]; /* scratch of path_of */
	struct device_store *store;
	struct audit *audit;
	/* What happened: */
	size_t told;		       /* calls of on_progress */
	uint64_t stop_at;	       /* on_progress says stop from so many bytes on; 0: never */
	size_t prepared;	       /* calls of before_complete */
	enum bl_status prepare_status; /* what it answers */
	const char
		*change; /* on_progress: a byte is added to this file, once, while it is sealed */
	const char *die_at; /* on_step: end the process; NULL: never */
	unsigned die_skips; /* so many of them are let by */
	struct intake_result result;
	struct bl_error why;
};

static inline const char *path_of(struct fixture *fixture, const char *name)
{
	snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->root, name);
	return fixture->path;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* One that was killed may leave a reader that was just being started, and holds the lock until it is another program. */
static inline void wait_store_free(const char *path)
{
	char name[160];

	snprintf(name, sizeof(name), "%s/bailee.store", path);

	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		flock(fd, LOCK_EX);
	fd_close(fd);
}

static inline bool open_store(struct fixture *fixture)
{
	struct bl_error why = {.text = ""};
	char path[128];

	snprintf(path, sizeof(path), "%s/store", fixture->root);
	wait_store_free(path);

	enum bl_status status = device_store_open(path, NULL, &fixture->store, &why);

	if (status == BL_NOT_FOUND)
		status = device_store_create(path, NULL, &fixture->store, &why);
	if (status == BL_OK) {
		const struct audit_config config = {.store_fd = device_store_fd(fixture->store),
						    .vault = device_store_vault(fixture->store),
						    .segment_bytes = 256u << 10};

		status = audit_open(&config, &fixture->audit, &why);
	}
	if (status != BL_OK)
		fprintf(stderr, "fixture: %s: %s\n", bl_status_name(status), why.text);
	return status == BL_OK;
}

static inline void close_store(struct fixture *fixture)
{
	if (fixture->audit)
		audit_close(fixture->audit);
	device_store_close(fixture->store);
	fixture->audit = NULL;
	fixture->store = NULL;
}

static inline bool enrol(struct fixture *fixture, const char *id)
{
	struct device device = {.kind = DEVICE_USB_STICK,
				.has_received = true,
				.received_unix = NOW,
				.enrolled_unix = NOW,
				.source_kind = SOURCE_SEALED};
	struct bl_error why = {.text = ""};

	snprintf(device.id, sizeof(device.id), "%s", id);
	snprintf(device.maker, sizeof(device.maker), "Synthetic");
	snprintf(device.serial, sizeof(device.serial), "SN-0001");

	enum bl_status status = device_enroll(fixture->store, &device, NULL, &why);

	if (status != BL_OK)
		fprintf(stderr, "enrol: %s: %s\n", bl_status_name(status), why.text);
	return status == BL_OK;
}

/* In @under: the store may have to lie on a filesystem of its own. */
static inline bool fixture_init(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	snprintf(fixture->root, sizeof(fixture->root), "/tmp/bailee-intake-XXXXXX");
	return sodium_init() >= 0 && mkdtemp(fixture->root) != NULL;
}

static inline void fixture_done(struct fixture *fixture)
{
	close_store(fixture);
	nftw(fixture->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- sources ---------------------------------------------------------------------------------------- */

/* Bytes that are the same every time, and never zeros for long; with the planted text at the beginning of each page. */
static inline void make_bytes(uint8_t *out, uint64_t offset, size_t length)
{
	static const char planted[] = PLANTED;

	for (size_t i = 0; i < length; i++) {
		uint64_t at = offset + i, page = at % 4096;

		out[i] = page < sizeof(planted) - 1
				 ? (uint8_t)planted[page]
				 : (uint8_t)((at * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
	}
}

/* One island of data in a file that exists, or is made; @size its whole length. */
static inline bool put_island(const char *path, uint64_t size, uint64_t offset, size_t length)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint8_t *bytes = malloc(length + 1);
	bool is_ok = fd >= 0 && bytes && ftruncate(fd, (off_t)size) == 0;

	if (is_ok) {
		make_bytes(bytes, offset, length);
		is_ok = pwrite(fd, bytes, length, (off_t)offset) == (ssize_t)length;
	}
	free(bytes);
	fd_close(fd);
	return is_ok;
}

/* SHA-256 of a file by another program. */
static inline bool digest_of(const char *path, char out[65])
{
	char command[256];

	snprintf(command, sizeof(command), "sha256sum < %s", path);

	FILE *pipe = popen(command, "re");
	bool is_ok = pipe && fread(out, 1, 64, pipe) == 64;

	out[64] = '\0';
	return pipe && pclose(pipe) == 0 && is_ok;
}

/* ---- what comes out of pipes -------------------------------------------------------------------------- */

struct feed {
	int fd; /* the reading end */
	pid_t pid;
};

static inline bool put_all(int fd, const void *bytes, size_t length)
{
	for (const char *at = bytes; length;) {
		ssize_t put = write(fd, at, length);

		if (put <= 0)
			return false;
		at += put;
		length -= (size_t)put;
	}
	return true;
}

/* From a process of its own, so that nobody waits for each other. A reader that went away is no failure. */
static inline struct feed feed_bytes(const void *bytes, size_t length)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		abort();

	pid_t pid = fork();

	if (pid == 0) {
		close(ends[0]);
		signal(SIGPIPE, SIG_IGN);
		(void)put_all(ends[1], bytes, length);
		_exit(0);
	}
	close(ends[1]);
	return (struct feed){.fd = ends[0], .pid = pid};
}

static inline void feed_end(struct feed *feed)
{
	close(feed->fd);
	waitpid(feed->pid, NULL, 0);
}

/* BSTREAM1 of made-up frames, in memory. */
struct stream {
	uint8_t *bytes;
	size_t length, room;
};

static inline void stream_add(struct stream *stream, const void *bytes, size_t length)
{
	if (stream->length + length > stream->room) {
		stream->room = 2 * (stream->length + length);
		stream->bytes = realloc(stream->bytes, stream->room);
		if (!stream->bytes)
			abort();
	}
	memcpy(stream->bytes + stream->length, bytes, length);
	stream->length += length;
}

static inline void stream_head(struct stream *stream, uint64_t bytes, uint64_t start)
{
	uint8_t head[24] = "BSTRM1";

	bl_put64(head + 8, bytes);
	bl_put64(head + 16, start);
	stream_add(stream, head, sizeof(head));
}

static inline void stream_frame(struct stream *stream, uint32_t kind, uint64_t length,
				const void *bytes)
{
	uint8_t head[16] = {0};

	bl_put32(head, kind);
	bl_put64(head + 8, length);
	stream_add(stream, head, sizeof(head));
	if (bytes)
		stream_add(stream, bytes, (size_t)length);
}

enum { DATA = 1, ZEROS, BAD, END };

/* All of an image, from @start on: frames of odd lengths, zeros as such. */
static inline struct stream stream_of(const uint8_t *image, size_t length, size_t start)
{
	static const uint8_t nothing[300001];
	struct stream stream = {.length = 0};

	stream_head(&stream, length, start);
	for (size_t at = start; at < length;) {
		size_t part = BL_MIN(sizeof(nothing), length - at);

		if (memcmp(image + at, nothing, part) == 0)
			stream_frame(&stream, ZEROS, part, NULL);
		else
			stream_frame(&stream, DATA, part, image + at);
		at += part;
	}
	stream_frame(&stream, END, 0, NULL);
	return stream;
}

/* ---- a run ------------------------------------------------------------------------------------------- */

static inline int64_t fixture_now(void *context)
{
	(void)context;
	return NOW + 1000;
}

static inline bool fixture_progress(void *context, const struct intake_progress *progress)
{
	struct fixture *fixture = context;

	fixture->told++;
	if (fixture->change && progress->stage == INTAKE_SEALING) {
		int fd = open(fixture->change, O_WRONLY | O_APPEND | O_CLOEXEC);

		if (fd < 0 || write(fd, "x", 1) != 1)
			abort();
		close(fd);
		fixture->change = NULL;
	}
	return !fixture->stop_at || progress->stage != INTAKE_SEALING ||
	       progress->done < fixture->stop_at;
}

/* What of a crash is seen on the disk is what a process leaves that ends here. */
static inline void fixture_step(void *context, const char *step)
{
	struct fixture *fixture = context;

	if (fixture->die_at && strcmp(step, fixture->die_at) == 0 && !fixture->die_skips--)
		_exit(99);
}

static inline enum bl_status fixture_prepare(void *context, struct bl_error *why)
{
	struct fixture *fixture = context;

	fixture->prepared++;
	return fixture->prepare_status == BL_OK
		       ? BL_OK
		       : bl_fail(why, fixture->prepare_status, "as the test wants it");
}

static inline struct intake intake_of(struct fixture *fixture)
{
	return (struct intake){.store = fixture->store,
			       .audit = fixture->audit,
			       .reader_path = "build/bailee-reader",
			       .by = 1000,
			       .now_unix = fixture_now,
			       .on_progress = fixture_progress,
			       .context = fixture,
			       .on_step = fixture_step};
}

static inline enum bl_status take_in(struct fixture *fixture, const struct intake_source *source,
				     const struct image_choice *choice, bool is_verified)
{
	const struct intake intake = intake_of(fixture);

	fixture->why.text[0] = '\0';
	return intake_run(&intake, DEVICE, source, choice, is_verified, fixture_prepare,
			  &fixture->result, &fixture->why);
}

static inline enum bl_status take_in_file(struct fixture *fixture, const char *path,
					  bool is_verified)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct intake_source source = {.form = INTAKE_FILE, .fd = fd, .container = "raw"};

	return take_in(fixture, &source, NULL, is_verified);
}

static inline enum bl_status take_in_pipe(struct fixture *fixture, enum intake_form form,
					  const void *bytes, size_t length, uint64_t said)
{
	struct feed feed = feed_bytes(bytes, length);
	const struct intake_source source = {.form = form,
					     .fd = feed.fd,
					     .bytes = said,
					     .container = form == INTAKE_STREAM ? "e01" : "raw"};
	enum bl_status status = take_in(fixture, &source, NULL, false);

	feed_end(&feed);
	return status;
}

/* ---- what came of it ------------------------------------------------------------------------------------ */

struct count {
	size_t found;
	char detail[AUDIT_DETAIL_SIZE];
	uint64_t bytes;
};

static inline bool count_record(void *context, const struct audit_record *record)
{
	struct count *count = context;

	if (record->event.op == AUDIT_INTAKE && strcmp(record->event.device, DEVICE) == 0) {
		count->found++;
		count->bytes = record->event.bytes;
		memcpy(count->detail, record->event.detail, sizeof(count->detail));
	}
	return true;
}

static inline struct count count_events(struct fixture *fixture)
{
	struct count count = {.found = 0};
	int fd = openat(device_store_fd(fixture->store), "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || audit_scan(fd, count_record, &count, NULL) != BL_OK)
		abort();
	close(fd);
	return count;
}

/* The receipt's JSON; NULL: none. */
static inline char *read_receipt(struct fixture *fixture, size_t *out_length)
{
	char *json = NULL;

	return device_certificate_read(fixture->store, DEVICE, "~intake.json", &json, out_length,
				       NULL) == BL_OK
		       ? json
		       : NULL;
}

static inline bool receipt_says(struct fixture *fixture, const char *text)
{
	size_t length;
	char *json = read_receipt(fixture, &length);
	bool is_there = json && strstr(json, text);

	free(json);
	return is_there;
}

/* Complete, one event, one receipt that verifies, that the event names, and that has this digest; "" when so. */
static inline const char *trouble_of(struct fixture *fixture, const char *digest, uint64_t bytes)
{
	struct device device;
	struct count events = count_events(fixture);
	char expected[128], hex[65];
	uint8_t hash[32];
	size_t length = 0;
	char *json = read_receipt(fixture, &length);
	const char *trouble = "";

	snprintf(expected, sizeof(expected), "\"value\":\"%s\"", digest);
	if (json)
		crypto_generichash(hash, sizeof(hash), (const uint8_t *)json, length, NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	if (device_find(fixture->store, DEVICE, &device, NULL) != BL_OK || !device.is_complete ||
	    device.source_size != bytes)
		trouble = "the record does not say complete with that size";
	else if (events.found != 1 || events.bytes != bytes)
		trouble = "not one event of that size";
	else if (!json ||
		 intake_receipt_verify(json, length,
				       vault_public_key(device_store_vault(fixture->store)), NULL,
				       NULL) != BL_OK)
		trouble = "no receipt that verifies";
	else if (strcmp(events.detail, hex) != 0)
		trouble = "the event names another receipt";
	else if (!strstr(json, expected))
		trouble = "the receipt has another digest";
	free(json);
	return trouble;
}

/* The sealed copy as a file of its own, gaps (of whole sectors) as zeros; false: it cannot be read. */
static inline bool unseal_to(struct fixture *fixture, const char *path)
{
	struct sealed_hot *hot = NULL;
	struct sealed *sealed = NULL;
	struct sealed_facts facts;
	uint8_t root[VAULT_KEY], *bytes = malloc(SEALED_GROUP);
	int folder = -1, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool is_ok =
		fd >= 0 && device_folder(fixture->store, DEVICE, &folder, NULL) == BL_OK &&
		sealed_look(folder, DEVICE, &facts, NULL) == BL_OK &&
		vault_image_root(device_store_vault(fixture->store), DEVICE, root, NULL) == BL_OK &&
		sealed_hot_new(2 * MIB, &hot, NULL) == BL_OK &&
		sealed_open(folder, DEVICE, root, facts.image_bytes, hot, &sealed, NULL) == BL_OK &&
		ftruncate(fd, (off_t)facts.image_bytes) == 0;

	for (uint64_t at = 0; is_ok && at < facts.image_bytes; at += 512) {
		size_t length = (size_t)BL_MIN(UINT64_C(512), facts.image_bytes - at);

		if (sealed_read(sealed, at, bytes, length, NULL) == BL_OK)
			is_ok = pwrite(fd, bytes, length, (off_t)at) == (ssize_t)length;
	}
	if (sealed)
		sealed_close(sealed);
	if (hot)
		sealed_hot_free(hot);
	free(bytes);
	fd_close(folder);
	fd_close(fd);
	return is_ok;
}

/* How many files below a folder hold the planted text. */
static size_t planted_files;
static inline int look_for_planted(const char *path, const struct stat *st, int type,
				   struct FTW *ftw)
{
	BL_CLEANUP(fd_close) int fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	BL_CLEANUP(bl_free) char *bytes = malloc(2 * MIB);
	bool is_found = false;

	(void)st, (void)ftw;
	/* Read, not mapped: a hole that is mapped takes space of a tmpfs. Pieces overlap. */
	for (off_t at = 0; fd >= 0 && bytes && !is_found;) {
		at = lseek(fd, at, SEEK_DATA);

		ssize_t got = at < 0 ? 0 : pread(fd, bytes, 2 * MIB, at);

		if (got <= 0)
			break;
		is_found = memmem(bytes, (size_t)got, "secret-of-a", 11) != NULL;
		at += (off_t)MIB;
	}
	planted_files += is_found;
	return 0;
}

static inline size_t count_planted(struct fixture *fixture, const char *below)
{
	planted_files = 0;
	nftw(path_of(fixture, below), look_for_planted, 16, FTW_PHYS);
	return planted_files;
}

#endif

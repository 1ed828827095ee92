/* container-stage.h - images in containers made by other people's tools, and a reader of the stream; for these tests only */
#ifndef TESTS_CONTAINER_STAGE_H
#define TESTS_CONTAINER_STAGE_H

#include "fs/image/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* No multiple of 64 KiB or of any cluster, but of a sector. */
#define RAW_BYTES (3u * 1024 * 1024 + 1536)

struct stage {
	char folder[PATH_MAX], programs[PATH_MAX];
	uint8_t raw[RAW_BYTES];
};

/* A stream as read: bytes of the image from @start on, and which of them are told as unreadable. */
struct seen {
	uint64_t total, start, length;
	uint64_t zeros; /* bytes told as zeros */
	uint8_t *bytes;
	bool *is_bad;
	bool is_whole; /* well formed up to its end frame */
};

static inline void seen_done(struct seen *seen)
{
	free(seen->bytes);
	free(seen->is_bad);
	*seen = (struct seen){0};
}

/* Where bailee-container-* lie: above this program. */
static inline bool stage_find_programs(char out[PATH_MAX])
{
	char probe[PATH_MAX + 32];
	ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);

	if (length <= 0)
		return false;
	out[length] = '\0';
	for (char *slash = strrchr(out, '/'); slash; slash = strrchr(out, '/')) {
		*slash = '\0';
		snprintf(probe, sizeof(probe), "%s/bailee-container-split", out);
		if (access(probe, X_OK) == 0)
			return true;
	}
	return false;
}

static inline uint32_t stage_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 32);
}

/* Noise, holes, and something that compresses. */
static inline void stage_fill(uint8_t *raw)
{
	static const struct {
		uint32_t at, length;
	} NOISE[] = {{0, 512}, {70000, 200000}, {1048576, 700000}, {RAW_BYTES - 5000, 5000}};
	uint64_t state = 8;

	memset(raw, 0, RAW_BYTES);
	for (size_t i = 0; i < BL_COUNT(NOISE); i++)
		for (uint32_t j = 0; j < NOISE[i].length; j++)
			raw[NOISE[i].at + j] = (uint8_t)stage_random(&state);
	for (uint32_t j = 0; j < 300000; j++)
		raw[2200000 + j] = (uint8_t)("synthetic "[j % 10]);
}

static inline void stage_path(const struct stage *stage, const char *name, char out[PATH_MAX])
{
	assert_true(snprintf(out, PATH_MAX, "%s/%s", stage->folder, name) < PATH_MAX);
}

static inline void stage_write(const struct stage *stage, const char *name, const void *bytes,
			       size_t length)
{
	char path[PATH_MAX];

	stage_path(stage, name, path);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

/* The whole file; the caller frees it. */
static inline uint8_t *stage_read(const struct stage *stage, const char *name, size_t *out_length)
{
	char path[PATH_MAX];
	struct stat meta;

	stage_path(stage, name, path);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &meta), 0);
	uint8_t *bytes = malloc((size_t)meta.st_size + 1);
	assert_non_null(bytes);
	*out_length = fread(bytes, 1, (size_t)meta.st_size, file);
	assert_int_equal(*out_length, meta.st_size);
	fclose(file);
	return bytes;
}

/* In the stage's folder, silently; its exit code. */
static inline int stage_run(const struct stage *stage, const char *command)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (chdir(stage->folder) == 0)
			execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline bool stage_has(const struct stage *stage, const char *tool)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s", tool);
	return stage_run(stage, command) == 0;
}

static inline int stage_setup(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	if (!stage)
		return -1;
	snprintf(stage->folder, sizeof(stage->folder), "/tmp/bailee-container-XXXXXX");
	if (!mkdtemp(stage->folder) || !stage_find_programs(stage->programs))
		return -1;
	stage_fill(stage->raw);
	stage_write(stage, "raw.dd", stage->raw, RAW_BYTES);
	*state = stage;
	return 0;
}

static inline int stage_teardown(void **state)
{
	struct stage *stage = *state;

	stage_run(stage, "rm -rf -- \"$PWD\"");
	free(stage);
	return 0;
}

static inline bool stream_get(int fd, void *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t got = read(fd, (uint8_t *)bytes + done, length - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/* One frame of @length at byte seen->length; false when it is none. */
static inline bool stream_take(int fd, uint32_t kind, uint64_t length, struct seen *seen)
{
	uint64_t at = seen->length;

	if (length == 0 || length > seen->total - seen->start - at || kind < 1 || kind > 3)
		return false;
	if (kind == 1 && (length > 1048576 || !stream_get(fd, seen->bytes + at, length)))
		return false;
	if (kind == 2)
		seen->zeros += length;
	if (kind == 3)
		memset(seen->is_bad + at, true, length);
	seen->length += length;
	return true;
}

/* Reads up to the end frame; images above @most bytes are left alone. False when that came early or is malformed. */
static inline bool stream_read(int fd, uint64_t most, struct seen *seen)
{
	uint8_t head[24], frame[16];

	*seen = (struct seen){0};
	if (!stream_get(fd, head, sizeof(head)) || memcmp(head, "BSTRM1\0", 8) != 0)
		return false;
	seen->total = bl_get64(head + 8);
	seen->start = bl_get64(head + 16);
	if (seen->start > seen->total || seen->total > most)
		return false;
	seen->bytes = calloc(1, seen->total + 1);
	seen->is_bad = calloc(1, seen->total + 1);
	assert_non_null(seen->bytes);
	assert_non_null(seen->is_bad);
	while (stream_get(fd, frame, sizeof(frame))) {
		uint32_t kind = bl_get32(frame);
		uint64_t length = bl_get64(frame + 8);

		if (bl_get32(frame + 4) != 0)
			return false;
		if (kind == 4) {
			seen->is_whole = length == 0 && seen->start + seen->length == seen->total &&
					 read(fd, frame, 1) == 0;
			return seen->is_whole;
		}
		if (!stream_take(fd, kind, length, seen))
			return false;
	}
	return false;
}

/* Opens, streams and waits; the first status that is not BL_OK. */
static inline enum bl_status stage_stream(const struct stage *stage, const char *name,
					  uint64_t start, uint64_t most, struct seen *out_seen,
					  struct bl_error *why)
{
	static struct container container;
	char path[PATH_MAX];
	pid_t pid = 0;
	int fd = -1;

	*out_seen = (struct seen){0};
	stage_path(stage, name, path);
	enum bl_status status = container_open(path, false, &container, why);
	if (status != BL_OK)
		return status;
	assert_int_not_equal(container.kind, CONTAINER_NONE);
	status = container_start(&container, stage->programs, start, &fd, &pid, why);
	container_close(&container);
	if (status != BL_OK)
		return status;
	(void)stream_read(fd, most, out_seen);
	/* Too large to read whole: enough was seen. */
	bool is_over = out_seen->total > most;
	close(fd);
	return container_wait(pid, is_over, why);
}

#endif

/* stream.c - BSTREAM1 (docs/format-vault.md): data, zeros and unreadable, each run told once */
#include "fs/image/container/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES  24
#define FRAME_BYTES 16
/* Runs are told when this long at the latest: who reads sees that we go on, and we see when nobody reads. */
#define MAX_RUN (UINT64_C(1) << 30)

/* The run that is being gathered. Data lies behind room for its frame, so that both are one write. */
struct stream {
	enum stream_frame kind; /* FRAME_END: none yet */
	uint64_t length;
	struct granule granule;
	uint8_t frame[FRAME_BYTES + STREAM_MAX_FRAME];
};

/* Who reads may stop at any time: that ends us, quietly. Nothing is left to do then. */
static enum container_exit put(const uint8_t *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t put = write(STDOUT_FILENO, bytes + done, length - done);
		if (put < 0 && errno == EPIPE)
			_Exit(EXIT_DONE);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return EXIT_PIPE;
		done += (size_t)put;
	}
	return EXIT_DONE;
}

static enum container_exit put_frame(struct stream *stream, enum stream_frame kind, uint64_t length)
{
	bl_put32(stream->frame, kind);
	bl_put32(stream->frame + 4, 0);
	bl_put64(stream->frame + 8, length);
	return put(stream->frame, FRAME_BYTES + (kind == FRAME_DATA ? (size_t)length : 0));
}

static enum container_exit flush(struct stream *stream)
{
	enum container_exit code = EXIT_DONE;

	if (stream->length)
		code = put_frame(stream, stream->kind, stream->length);
	stream->length = 0;
	return code;
}

static enum container_exit add(struct stream *stream, enum stream_frame kind, const uint8_t *bytes,
			       size_t length)
{
	uint64_t most = kind == FRAME_DATA ? STREAM_MAX_FRAME : MAX_RUN;
	enum container_exit code = EXIT_DONE;

	if (stream->kind != kind || stream->length + length > most)
		code = flush(stream);
	stream->kind = kind;
	if (kind == FRAME_DATA)
		memcpy(stream->frame + FRAME_BYTES + stream->length, bytes, length);
	stream->length += length;
	return code;
}

/* Runs of sectors that can and that cannot be read, inside one granule. */
static enum container_exit add_mixed(struct stream *stream)
{
	const struct granule *granule = &stream->granule;
	enum container_exit code = EXIT_DONE;

	for (uint32_t at = 0; at < granule->length && code == EXIT_DONE;) {
		bool is_bad = granule->is_bad[at / SECTOR_BYTES];
		uint32_t end = at;

		while (end < granule->length && granule->is_bad[end / SECTOR_BYTES] == is_bad)
			end += SECTOR_BYTES;
		end = BL_MIN(end, granule->length);
		code = add(stream, is_bad ? FRAME_UNREADABLE : FRAME_DATA, granule->bytes + at,
			   end - at);
		at = end;
	}
	return code;
}

static enum container_exit add_granule(struct stream *stream)
{
	const struct granule *granule = &stream->granule;
	static const bool NONE_BAD[GRANULE_SECTORS];

	if (memcmp(granule->is_bad, NONE_BAD, sizeof(NONE_BAD)) != 0)
		return add_mixed(stream);
	if (granule->length == GRANULE_BYTES && bytes_are_zero(granule->bytes, granule->length))
		return add(stream, FRAME_ZEROS, NULL, granule->length);
	return add(stream, FRAME_DATA, granule->bytes, granule->length);
}

static enum container_exit put_head(uint64_t bytes, uint64_t start)
{
	uint8_t head[HEAD_BYTES] = "BSTRM1";

	bl_put64(head + 8, bytes);
	bl_put64(head + 16, start);
	return put(head, sizeof(head));
}

enum container_exit stream_write(struct input *input, uint64_t start)
{
	BL_CLEANUP(bl_free) struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return EXIT_NO_MEMORY;
	stream->kind = FRAME_END;
	enum container_exit code = put_head(input->bytes, start);
	for (uint64_t at = start; at < input->bytes && code == EXIT_DONE;) {
		struct granule *granule = &stream->granule;

		granule->offset = at;
		granule->length = (uint32_t)BL_MIN(input->bytes - at, (uint64_t)GRANULE_BYTES);
		memset(granule->is_bad, 0, sizeof(granule->is_bad));
		seal_rearm();
		BACKEND.read(input, granule);
		code = add_granule(stream);
		at += granule->length;
	}
	if (code == EXIT_DONE)
		code = flush(stream);
	return code == EXIT_DONE ? put_frame(stream, FRAME_END, 0) : code;
}

/* One record again, where it stands. */
#include "fs/audit/tail.h"

#include "fs/audit/format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct audit_reader {
	int log_fd, fd; /* -1: no segment is open */
	uint64_t segment_first;
};

enum bl_status audit_reader_open(int log_fd, struct audit_reader **out_reader, struct bl_error *why)
{
	struct audit_reader *reader = malloc(sizeof(*reader));

	if (!reader)
		return bl_fail(why, BL_NO_MEMORY, "cannot read the log: out of memory");
	*reader = (struct audit_reader){.log_fd = log_fd, .fd = -1};
	*out_reader = reader;
	return BL_OK;
}

void audit_reader_close(struct audit_reader *reader)
{
	if (!reader)
		return;
	fd_close(reader->fd);
	free(reader);
}

static enum bl_status not_there(struct bl_error *why, uint64_t sequence)
{
	return bl_fail(why, BL_NOT_FOUND, "record %" PRIu64 " is not there", sequence);
}

static enum bl_status open_segment(struct audit_reader *reader, uint64_t segment_first,
				   uint64_t sequence, struct bl_error *why)
{
	char name[SEGMENT_NAME_SIZE];

	if (reader->fd >= 0 && reader->segment_first == segment_first)
		return BL_OK;
	fd_close(fd_take(&reader->fd));
	format_segment_name(segment_first, name);
	reader->fd = openat(reader->log_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	reader->segment_first = segment_first;
	if (reader->fd >= 0)
		return BL_OK;
	if (errno == ENOENT || errno == ELOOP)
		return not_there(why, sequence);
	return bl_fail_errno(why, BL_IO, "cannot open '%s'", name);
}

enum bl_status audit_reader_at(struct audit_reader *reader, uint64_t segment_first, uint64_t offset,
			       uint64_t sequence, struct audit_record *out_record,
			       struct bl_error *why)
{
	uint8_t bytes[RECORD_LARGEST];
	struct audit_record record;

	if (offset < SEGMENT_HEADER + FRAME_HEADER || offset >= SEGMENT_LARGEST)
		return not_there(why, sequence);

	enum bl_status status = open_segment(reader, segment_first, sequence, why);

	if (status != BL_OK)
		return status;

	ssize_t got = pread(reader->fd, bytes, sizeof(bytes), (off_t)offset);

	if (got < 0)
		return bl_fail_errno(why, BL_IO, "cannot read the log");
	if (!format_record_parse(bytes, (size_t)got, &record) || record.sequence != sequence)
		return not_there(why, sequence);
	record.place = (struct audit_place){segment_first, offset};
	*out_record = record;
	return BL_OK;
}

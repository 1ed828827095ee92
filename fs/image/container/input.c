#include "fs/image/container/child.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* By seeking: a block device has no size in its stat. */
static bool file_init(struct input_file *file, int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0)
		return false;
	*file = (struct input_file){.fd = fd, .bytes = (uint64_t)end};
	return true;
}

bool input_init(struct input *input, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!file_init(&input->files[i], CHILD_FIRST_FD + (int)i))
			return false;
	input->count = count;
	return true;
}

bool input_read(const struct input_file *file, uint64_t offset, uint8_t *bytes, size_t length)
{
	if (offset > file->bytes || length > file->bytes - offset)
		return false;
	for (size_t done = 0; done < length;) {
		ssize_t got = pread(file->fd, bytes + done, length - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

void granule_mark(struct granule *granule, uint64_t at, uint64_t length)
{
	uint64_t end = BL_MIN(at + length, (uint64_t)GRANULE_BYTES);

	for (uint64_t sector = at / SECTOR_BYTES; sector * SECTOR_BYTES < end; sector++)
		granule->is_bad[sector] = true;
}

bool bytes_are_zero(const uint8_t *bytes, size_t length)
{
	return length && bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

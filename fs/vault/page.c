#include "fs/vault/page.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/vault/medium.h"

#define PAIR (2 * VAULT_PAGE)

_Static_assert(VAULT_PAGE % MEDIUM_ALIGN == 0, "pages are read past the cache");

static bool is_same_file(int fd, int folder_fd, const char *name)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 &&
	       fstatat(folder_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

enum bl_status page_file_init(struct page_file *file, int fd, int folder_fd, const char *name,
			      struct bl_error *why)
{
	const int flags = O_RDWR | O_DSYNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	struct stat held, opened;

	*file = (struct page_file){.fd = fd, .write_fd = -1};
	/* Its memory ends with a memory page: a whole number of pages is aligned. */
	file->buffer = sodium_malloc(PAIR);
	if (!file->buffer)
		return bl_fail(why, BL_NO_MEMORY, "cannot hold keys: out of memory");
	file->write_fd = openat(folder_fd, name, flags | O_DIRECT);
	file->is_direct = file->write_fd >= 0;
	if (!file->is_direct)
		file->write_fd = openat(folder_fd, name, flags);
	if (file->write_fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open 'keys' for writing");
	if (fstat(fd, &held) != 0 || fstat(file->write_fd, &opened) != 0 ||
	    held.st_dev != opened.st_dev || held.st_ino != opened.st_ino)
		return bl_fail(why, BL_IO, "'keys' was exchanged while it was being opened");
	return BL_OK;
}

void page_file_done(struct page_file *file)
{
	fd_close(file->write_fd);
	fd_close(file->fd);
	sodium_free(file->buffer);
	*file = (struct page_file){.fd = -1, .write_fd = -1};
}

enum bl_status page_read(int fd, size_t first, size_t count, uint8_t *out, struct bl_error *why)
{
	size_t wanted = count * VAULT_PAGE, done = 0;

	while (done < wanted) {
		ssize_t got =
			pread(fd, out + done, wanted - done, (off_t)(first * VAULT_PAGE + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read 'keys'");
		if (got == 0)
			break;
		done += (size_t)got;
	}
	memset(out + done, 0, wanted - done);
	return BL_OK;
}

/* Some filesystems open with O_DIRECT and refuse it only when it is used. */
static bool leave_direct(struct page_file *file)
{
	int flags = fcntl(file->write_fd, F_GETFL);

	if (!file->is_direct || errno != EINVAL || flags < 0 ||
	    fcntl(file->write_fd, F_SETFL, flags & ~O_DIRECT) != 0)
		return false;
	file->is_direct = false;
	return true;
}

static ssize_t write_once(const struct page_file *file, off_t at)
{
	ssize_t put;

	do {
		put = pwrite(file->write_fd, file->buffer, VAULT_PAGE, at);
	} while (put < 0 && errno == EINTR);
	return put;
}

enum bl_status page_write(struct page_file *file, size_t at, const uint8_t page[VAULT_PAGE],
			  struct bl_error *why)
{
	const off_t offset = (off_t)(at * VAULT_PAGE);

	memcpy(file->buffer, page, VAULT_PAGE);

	ssize_t put = write_once(file, offset);

	if (put < 0 && leave_direct(file))
		put = write_once(file, offset);
	if (put < 0)
		return bl_fail_errno(why, BL_IO, "cannot write 'keys'");
	if ((size_t)put != VAULT_PAGE)
		return bl_fail(why, BL_IO, "cannot write 'keys': no space left");
	return BL_OK;
}

enum bl_status page_make_room(struct page_file *file, size_t index, struct bl_error *why)
{
	static const uint8_t ZEROS[16 * VAULT_PAGE];
	size_t batch = index / VAULT_SLOT_BATCH + 1;
	uint64_t end = page_of_slot(batch * VAULT_SLOT_BATCH, 0) * VAULT_PAGE;
	struct stat st;

	if (fstat(file->fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at 'keys'");
	if ((uint64_t)st.st_size >= end)
		return BL_OK;
	for (uint64_t at = (uint64_t)st.st_size; at < end;) {
		ssize_t put =
			pwrite(file->fd, ZEROS, (size_t)BL_MIN(sizeof(ZEROS), end - at), (off_t)at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return bl_fail_errno(why, BL_IO, "cannot make room in 'keys'");
		at += (uint64_t)put;
	}
	if (fsync(file->fd) != 0)
		return bl_fail_errno(why, BL_IO, "cannot sync 'keys'");
	return BL_OK;
}

/* ---- proof -------------------------------------------------------------------------------------- */

/* In memory O_DIRECT means nothing, where it is taken at all. */
static bool reads_direct(const struct page_file *file)
{
	struct medium medium;

	return file->is_direct && medium_look(file->fd, &medium, NULL) == BL_OK &&
	       !medium.has_no_medium;
}

/* The pair into the buffer, from as far down as this host lets us. */
static enum bl_status read_deep(struct page_file *file, size_t index, enum vault_proof *out_proof,
				struct bl_error *why)
{
	const size_t first = page_of_slot(index, 0);
	const off_t at = (off_t)(first * VAULT_PAGE);
	enum bl_status status = medium_read_raw(file->fd, (uint64_t)at, file->buffer, PAIR, why);

	*out_proof = VAULT_PROOF_RAW;
	if (status != BL_UNSUPPORTED)
		return status;
	*out_proof = VAULT_PROOF_DIRECT;
	if (reads_direct(file) && pread(file->write_fd, file->buffer, PAIR, at) == (ssize_t)PAIR)
		return BL_OK;
	*out_proof = VAULT_PROOF_CACHED;
	posix_fadvise(file->fd, at, PAIR, POSIX_FADV_DONTNEED);
	return page_read(file->fd, first, 2, file->buffer, why);
}

enum bl_status page_prove(struct page_file *file, int folder_fd, const char *name, size_t index,
			  const uint8_t page[VAULT_PAGE], enum vault_proof *out_proof,
			  struct bl_error *why)
{
	enum vault_proof proof;

	/* What the name stands for is what the next open reads: a copy of the keys put there must not pass. */
	if (!is_same_file(file->fd, folder_fd, name))
		return bl_fail(why, BL_IO, "'keys' was exchanged while it was open");

	enum bl_status status = read_deep(file, index, &proof, why);

	if (status != BL_OK) {
		bl_explain(why, "reading 'keys' back");
		return BL_IO;
	}
	if (memcmp(file->buffer, page, VAULT_PAGE) != 0 ||
	    memcmp(file->buffer + VAULT_PAGE, page, VAULT_PAGE) != 0)
		return bl_fail(why, BL_IO, "'keys' read back differs from what was written");
	*out_proof = proof;
	return BL_OK;
}

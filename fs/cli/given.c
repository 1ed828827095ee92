/* What people type and hand over: numbers, names, files. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cli/cli.h"
#include "fs/vault/digest.h"

bool cli_split(const char *text, char out_device[BL_DEVICE_ID_SIZE], uint64_t *out_number)
{
	const char *slash = strrchr(text, '/');

	if (!slash || slash == text || (size_t)(slash - text) >= BL_DEVICE_ID_SIZE)
		return false;
	memcpy(out_device, text, (size_t)(slash - text));
	out_device[slash - text] = '\0';
	return cli_parse_number(slash + 1, UINT32_MAX, out_number) && *out_number > 0;
}

static enum bl_status digest_of(int fd, char out_hex[CLI_DIGEST], struct bl_error *why)
{
	BL_CLEANUP(digest_free) struct digest *digest = digest_new();
	uint8_t piece[32768], value[DIGEST_BYTES];
	ssize_t got;

	if (!digest)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	while ((got = read(fd, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read");
		digest_add(digest, piece, (size_t)got);
	}
	digest_end(digest, value);
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		snprintf(out_hex + 2 * i, 3, "%02x", value[i]);
	return BL_OK;
}

enum bl_status cli_digest_file(const char *path, char out_hex[CLI_DIGEST], struct bl_error *why)
{
	/* Without O_NONBLOCK a pipe of that name would be waited for. */
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return bl_fail(why, BL_INVALID,
			       "'%s' is no file, or an empty one (give the scan of what was "
			       "signed)",
			       path);
	enum bl_status status = digest_of(fd, out_hex, why);

	if (status != BL_OK)
		bl_explain(why, "file '%s'", path);
	return status;
}

enum bl_status cli_write_new(const char *path, const char *text, size_t length,
			     struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t done = 0;

	if (fd < 0 && errno == EEXIST)
		return bl_fail(why, BL_EXISTS, "'%s' is there already (nothing is overwritten)",
			       path);
	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
	while (done < length) {
		ssize_t wrote = write(fd, text + done, length - done);

		if (wrote < 0 && errno != EINTR) {
			bl_fail_errno(why, BL_IO, "cannot write '%s'", path);
			unlink(path); /* half of it is worse than nothing */
			return BL_IO;
		}
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	return BL_OK;
}

static enum bl_status read_all(int fd, size_t limit, char **out_text, size_t *out_length,
			       struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = malloc(limit + 2);
	size_t length = 0;

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	while (length <= limit) {
		ssize_t got = read(fd, text + length, limit + 1 - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, errno == EISDIR ? BL_INVALID : BL_IO,
					     "cannot read");
		if (got == 0)
			break;
		length += (size_t)got;
	}
	if (length > limit)
		return bl_fail(why, BL_TOO_LARGE, "longer than %zu bytes", limit);
	text[length] = '\0';
	*out_text = BL_TAKE(text);
	*out_length = length;
	return BL_OK;
}

enum bl_status cli_read_file(const char *path, size_t limit, char **out_text, size_t *out_length,
			     struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open '%s'", path);

	enum bl_status status = read_all(fd, limit, out_text, out_length, why);

	if (status != BL_OK)
		bl_explain(why, "file '%s'", path);
	return status;
}

bool cli_parse_number(const char *text, uint64_t most, uint64_t *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);

	if (errno || *end || value > most)
		return false;
	*out = value;
	return true;
}

enum bl_status cli_find_uid(const char *name, uid_t *out_uid, gid_t *out_gid, struct bl_error *why)
{
	uint64_t number;
	const struct passwd *entry;

	if (strncmp(name, "uid:", 4) == 0) {
		if (!cli_parse_number(name + 4, UINT32_MAX - 1, &number))
			return bl_fail(why, BL_INVALID, "'%.60s' is no uid (write uid:1000)", name);
		entry = getpwuid((uid_t)number);
		*out_uid = (uid_t)number;
		*out_gid = entry ? entry->pw_gid : (gid_t)number;
		return BL_OK;
	}
	entry = getpwnam(name);
	if (!entry)
		return bl_fail(why, BL_INVALID,
			       "no account '%.60s' on this machine (a login, or uid:N)", name);
	*out_uid = entry->pw_uid;
	*out_gid = entry->pw_gid;
	return BL_OK;
}

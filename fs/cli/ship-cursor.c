#include "fs/cli/ship-cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cli/cli.h"

#define FORMAT	     "bailee.cursor/v1"
#define CURSOR_LIMIT 8192 /* bytes of the file */
#define PATH_ROOM    4200

/* $STATE_DIRECTORY is systemd's, for a unit with StateDirectory=. */
static bool state_folder(char *out, size_t size)
{
	const char *unit = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME"),
		   *home = getenv("HOME");
	int length = -1;

	if (unit && *unit == '/')
		length = snprintf(out, size, "%s", unit);
	else if (geteuid() == 0)
		length = snprintf(out, size, "/var/lib/bailee-ship");
	else if (state && *state == '/')
		length = snprintf(out, size, "%s/bailee-ship", state);
	else if (home && *home == '/')
		length = snprintf(out, size, "%s/.local/state/bailee-ship", home);
	return length > 0 && (size_t)length < size;
}

static bool make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		bool is_there = mkdir(path, 0700) == 0 || errno == EEXIST;

		*slash = '/';
		if (!is_there)
			return false;
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* A name of a file for every target: what people recognise, and a digest that tells them apart. */
enum bl_status ship_cursor_path(const char *target, char *out, size_t size, struct bl_error *why)
{
	char folder[PATH_ROOM], name[65], hex[17];
	uint8_t digest[8 + crypto_generichash_BYTES_MIN];
	size_t i;

	if (!state_folder(folder, sizeof(folder)))
		return bl_fail(why, BL_INVALID,
			       "no place for the cursor (give --cursor FILE, or set HOME)");
	if (!make_folders(folder))
		return bl_fail_errno(why, BL_IO, "cannot make the folder of the cursor '%s'",
				     folder);
	for (i = 0; i + 1 < sizeof(name) && target[i]; i++) {
		char c = target[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || c == '.';

		name[i] = is_plain ? c : '-';
	}
	name[i] = '\0';
	crypto_generichash(digest, sizeof(digest), (const uint8_t *)target, strlen(target), NULL,
			   0);
	sodium_bin2hex(hex, sizeof(hex), digest, 8);

	int length = snprintf(out, size, "%s/%s-%s.cursor", folder, name, hex);

	return length > 0 && (size_t)length < size
		       ? BL_OK
		       : bl_fail(why, BL_INVALID, "the path of the cursor is too long");
}

enum bl_status ship_cursor_lock(const char *path, int *out_fd, struct bl_error *why)
{
	char lock[PATH_ROOM];
	BL_CLEANUP(fd_close) int fd = -1;

	snprintf(lock, sizeof(lock), "%s.lock", path);
	fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot open '%s'", lock);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return bl_fail(why, BL_EXISTS,
			       "another bailee log ship moves the cursor '%s' (end it, or give "
			       "another --cursor)",
			       path);
	*out_fd = fd_take(&fd);
	return BL_OK;
}

enum bl_status ship_cursor_read(const char *path, const char *log_id, const char *target,
				uint64_t *out_sequence, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	BL_CLEANUP(json_decref) json_t *cursor = NULL;
	size_t length = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		*out_sequence = 0;
		return BL_OK;
	}
	enum bl_status status = cli_read_file(path, CURSOR_LIMIT, &text, &length, why);

	if (status != BL_OK)
		return status;
	cursor = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	if (strcmp(cli_text(cursor, "format"), FORMAT) != 0 ||
	    !json_is_integer(json_object_get(cursor, "sequence")) ||
	    cli_number(cursor, "sequence") < 0)
		return bl_fail(why, BL_INVALID,
			       "'%s' is no cursor of bailee log ship (give another --cursor, or "
			       "remove it and everything is sent again)",
			       path);
	if (strcmp(cli_text(cursor, "log"), log_id) != 0)
		return bl_fail(why, BL_INVALID,
			       "the cursor '%s' is of another log, %.32s, not %.32s (give another "
			       "--cursor, or the --store that it is of)",
			       path, cli_text(cursor, "log"), log_id);
	if (strcmp(cli_text(cursor, "target"), target) != 0)
		return bl_fail(why, BL_INVALID,
			       "the cursor '%s' is of another target (give each target a --cursor "
			       "of its own)",
			       path);
	*out_sequence = (uint64_t)cli_number(cursor, "sequence");
	return BL_OK;
}

static enum bl_status write_synced(const char *path, const char *text, struct bl_error *why)
{
	BL_CLEANUP(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t length = strlen(text);
	ssize_t written = fd >= 0 ? write(fd, text, length) : -1;

	if (written >= 0 && (size_t)written < length)
		errno = ENOSPC;
	return written == (ssize_t)length && fsync(fd) == 0
		       ? BL_OK
		       : bl_fail_errno(why, BL_IO, "cannot write the cursor '%s'", path);
}

static bool sync_folder(const char *path)
{
	char folder[PATH_ROOM];
	const char *slash = strrchr(path, '/');

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");

	BL_CLEANUP(fd_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0;
}

enum bl_status ship_cursor_write(const char *path, const char *log_id, const char *target,
				 uint64_t sequence, struct bl_error *why)
{
	BL_CLEANUP(json_decref)
	json_t *cursor = json_pack("{s:s,s:s,s:s,s:I}", "format", FORMAT, "log", log_id, "target",
				   target, "sequence", (json_int_t)sequence);
	BL_CLEANUP(bl_free) char *text = cursor ? json_dumps(cursor, JSON_COMPACT) : NULL;
	char temporary[PATH_ROOM];

	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	enum bl_status status = write_synced(temporary, text, why);

	if (status != BL_OK) {
		unlink(temporary);
		return status;
	}
	if (rename(temporary, path) < 0 || !sync_folder(path))
		return bl_fail_errno(why, BL_IO, "cannot write the cursor '%s'", path);
	return BL_OK;
}

#include "policy/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int error_number;
	int exit_code;
} STATUSES[BL_STATUS_COUNT] = {
	[BL_OK] = {"ok", 0, 0},
	[BL_FAILED] = {"failed", EIO, 1},
	[BL_NO_MEMORY] = {"out of memory", ENOMEM, 1},
	[BL_IO] = {"input/output error", EIO, 1},
	[BL_INVALID] = {"invalid", EINVAL, 2},
	[BL_NOT_FOUND] = {"not found", ENOENT, 1},
	[BL_EXISTS] = {"exists already", EEXIST, 2},
	[BL_UNSUPPORTED] = {"not supported", EOPNOTSUPP, 2},
	[BL_TOO_LARGE] = {"too large", EFBIG, 2},
	[BL_FORBIDDEN] = {"forbidden", EACCES, 3},
	[BL_ASK] = {"ask", EACCES, 4},
	[BL_WITHHELD] = {"withheld", EACCES, 3},
	[BL_NO_KEY] = {"encrypted, without its key", ENOKEY, 1},
	[BL_STALE] = {"revoked", ESTALE, 1},
	[BL_TIMED_OUT] = {"timed out", EIO, 1},
	[BL_NOT_MOUNTED] = {"not mounted", ENODEV, 10},
	[BL_LOCKED] = {"locked", EBUSY, 11},
	[BL_LOG_BROKEN] = {"log broken", EIO, 12},
	[BL_TAMPERED] = {"tampered", EIO, 12},
	[BL_NOT_VERIFIED] = {"not verified", EIO, 13},
};

int bl_status_errno(enum bl_status status)
{
	return STATUSES[status].error_number;
}

int bl_status_exit(enum bl_status status)
{
	return STATUSES[status].exit_code;
}

const char *bl_status_name(enum bl_status status)
{
	return STATUSES[status].name;
}

enum bl_status bl_fail(struct bl_error *why, enum bl_status status, const char *format, ...)
{
	va_list arguments;

	if (!why)
		return status;
	va_start(arguments, format);
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);
	return status;
}

enum bl_status bl_fail_errno(struct bl_error *why, enum bl_status status, const char *format, ...)
{
	int error_number = errno;
	va_list arguments;

	if (!why)
		return status;
	va_start(arguments, format);
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);

	size_t used = strlen(why->text);

	snprintf(why->text + used, sizeof(why->text) - used, ": %s", strerror(error_number));
	errno = error_number;
	return status;
}

void bl_explain(struct bl_error *why, const char *format, ...)
{
	struct bl_error front;
	va_list arguments;

	if (!why)
		return;
	va_start(arguments, format);
	vsnprintf(front.text, sizeof(front.text), format, arguments);
	va_end(arguments);

	size_t used = strlen(front.text);
	int room = (int)(sizeof(front.text) - used) -
		   3; /* ": " and the NUL; what does not fit is cut */

	if (room > 0)
		snprintf(front.text + used, (size_t)room + 3, ": %.*s", room, why->text);
	*why = front;
}

void bl_free(void *pointer)
{
	free(pointer);
}

void fd_close(int fd)
{
	int error_number = errno;

	if (fd >= 0)
		close(fd);
	errno = error_number;
}

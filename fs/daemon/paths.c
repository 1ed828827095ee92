#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/daemon/daemon.h"

static enum bl_status fits(int written, size_t size, struct bl_error *why)
{
	if (written < 0 || (size_t)written >= size)
		return bl_fail(why, BL_INVALID, "path of the store is too long");
	return BL_OK;
}

enum bl_status daemon_default_store(char *out, size_t size, struct bl_error *why)
{
	const char *named = getenv("BAILEE_STORE");
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (named && *named)
		return fits(snprintf(out, size, "%s", named), size, why);
	if (geteuid() == 0)
		return fits(snprintf(out, size, "/var/lib/bailee"), size, why);
	if (state && *state)
		return fits(snprintf(out, size, "%s/bailee", state), size, why);
	if (home && *home)
		return fits(snprintf(out, size, "%s/.local/state/bailee", home), size, why);
	return bl_fail(why, BL_INVALID, "no place for a store (give --store DIR)");
}

/* Where the program may be, from the folder that bailee itself is in; then where it was to be installed. */
static const char *const READERS[] = {"/bailee-reader", "/../libexec/bailee/bailee-reader"};

static bool is_program(char *out, size_t size, const char *folder, const char *rest)
{
	int written = snprintf(out, size, "%s%s", folder, rest);

	return written > 0 && (size_t)written < size && access(out, X_OK) == 0;
}

enum bl_status daemon_reader_path(char *out, size_t size, struct bl_error *why)
{
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[BL_MAX(length, 0)] = '\0';
	char *slash = strrchr(self, '/');

	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < BL_COUNT(READERS); i++)
		if (is_program(out, size, self, READERS[i]))
			return BL_OK;
	if (is_program(out, size, BAILEE_LIBEXEC, "/bailee-reader"))
		return BL_OK;
	return bl_fail(why, BL_FAILED,
		       "cannot find the program 'bailee-reader' beside bailee or in '%s' (run make "
		       "install)",
		       BAILEE_LIBEXEC);
}

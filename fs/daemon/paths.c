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

enum bl_status daemon_reader_path(char *out, size_t size, struct bl_error *why)
{
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length > 0) {
		self[length] = '\0';
		char *slash = strrchr(self, '/');

		if (slash)
			*slash = '\0';
		int written = snprintf(out, size, "%s/bailee-reader", self);

		if (written > 0 && (size_t)written < size && access(out, X_OK) == 0)
			return BL_OK;
	}
	int written = snprintf(out, size, "%s/bailee-reader", BAILEE_LIBEXEC);

	if (written > 0 && (size_t)written < size && access(out, X_OK) == 0)
		return BL_OK;
	return bl_fail(why, BL_FAILED,
		       "cannot find the program 'bailee-reader' beside bailee or in '%s' (run make "
		       "install)",
		       BAILEE_LIBEXEC);
}

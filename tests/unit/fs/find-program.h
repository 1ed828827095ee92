/* find-program.h - where a program of the build lies: in a folder above this test's */
#ifndef TESTS_UNIT_FS_FIND_PROGRAM_H
#define TESTS_UNIT_FS_FIND_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline bool find_program(const char *name, char *out, size_t size)
{
	char folder[4096];
	ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	if (length < 0)
		return false;
	folder[length] = '\0';
	for (char *slash = strrchr(folder, '/'); slash; slash = strrchr(folder, '/')) {
		*slash = '\0';
		if (snprintf(out, size, "%s/%s", folder, name) < (int)size &&
		    access(out, X_OK) == 0)
			return true;
	}
	return false;
}

static inline bool find_reader(char *out, size_t size)
{
	return find_program("bailee-reader", out, size);
}

#endif

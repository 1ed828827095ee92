/* Whatever the first file of an image says, only what is its own by name is opened beside it */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/image/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* The first byte of an input chooses the name of the file that the rest is. */
static const char *const FIRST[] = {"x.vmdk", "x.img", "x.E01", "x.001", "x.Ex01", "x.aa", "x"};
static const char *const BESIDE[] = {"x-flat.vmdk", "x-s001.vmdk", "x-f001.vmdk", "x.E02",
				     "x.002",	    "x.003",	   "x.Ex02",	  "x.ab"};
static const char *const FOREIGN[] = {"other.vmdk", "xy-flat.vmdk", "other.E02", "secret"};

static char folder[] = "/tmp/bailee-fuzz-XXXXXX";

static void demand(bool is_true)
{
	if (!is_true)
		abort();
}

static void put(const char *name, const void *bytes, size_t length)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	demand(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	close(fd);
}

static void drop(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)!unlink(path);
	}
}

static void done(void)
{
	drop(FIRST, BL_COUNT(FIRST));
	drop(BESIDE, BL_COUNT(BESIDE));
	drop(FOREIGN, BL_COUNT(FOREIGN));
	(void)!rmdir(folder);
}

static void make_folder(void)
{
	static bool is_made;

	if (is_made)
		return;
	is_made = true;
	demand(mkdtemp(folder) != NULL);
	atexit(done);
	for (size_t i = 0; i < BL_COUNT(BESIDE); i++)
		put(BESIDE[i], "1234567890", 10);
	for (size_t i = 0; i < BL_COUNT(FOREIGN); i++)
		put(FOREIGN[i], "1234567890", 10);
}

static bool is_own(const char *name)
{
	for (size_t i = 0; i < BL_COUNT(BESIDE); i++)
		if (strcmp(name, BESIDE[i]) == 0)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct container *container = NULL;
	char path[64];

	if (length == 0)
		return 0;
	const char *name = FIRST[bytes[0] % BL_COUNT(FIRST)];
	make_folder();
	put(name, bytes + 1, length - 1);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	demand(fd >= 0);
	enum bl_status status = container_open_beside(fd, path, &container, NULL);
	close(fd);
	(void)!unlink(path);
	demand((status == BL_OK) == (container != NULL));
	for (size_t i = 0; container && i < container->count; i++)
		demand(i == 0 ? strcmp(container->names[0], name) == 0
			      : is_own(container->names[i]));
	container_free(container);
	return 0;
}

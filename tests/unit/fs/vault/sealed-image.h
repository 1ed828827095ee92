/* sealed-image.h - a folder of a device, for tests of sealed images */
#ifndef TESTS_UNIT_FS_VAULT_SEALED_IMAGE_H
#define TESTS_UNIT_FS_VAULT_SEALED_IMAGE_H

#include "fs/vault/sealed-format.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID "phone-1"

struct place {
	char path[64];
	int fd;
};

static inline BL_UNUSED int remove_one(const char *path, const struct stat *st BL_UNUSED,
				       int type BL_UNUSED, struct FTW *ftw BL_UNUSED)
{
	return remove(path);
}

static inline BL_UNUSED int place_setup_in(const char *folder, void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/bailee-test-XXXXXX", folder);
	if (!mkdtemp(place->path))
		return -1;
	place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = place;
	return place->fd >= 0 ? 0 : -1;
}

static inline BL_UNUSED int place_setup(void **state)
{
	return place_setup_in("/tmp", state);
}

static inline BL_UNUSED int place_teardown(void **state)
{
	struct place *place = *state;

	close(place->fd);
	nftw(place->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(place);
	return 0;
}

/* An image's folder with the four files, empty. */
static inline BL_UNUSED void place_files(const struct place *place, struct sealed_files *files)
{
	static const char *const NAMES[] = {"header", "data", "index", "keys"};
	char path[96];

	if (mkdirat(place->fd, SEALED_FOLDER, 0700) != 0)
		abort();
	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		snprintf(path, sizeof(path), SEALED_FOLDER "/%s", NAMES[i]);

		int fd = openat(place->fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd < 0)
			abort();
		close(fd);
	}
	if (sealed_files_open(place->fd, true, files, NULL) != BL_OK)
		abort();
}

static inline BL_UNUSED struct sealed_header some_header(void)
{
	return (struct sealed_header){.algorithm = SEALED_XCHACHA20,
				      .vault_id = {1, 2},
				      .device = ID,
				      .generation = 10,
				      .image_bytes = UINT64_C(100) << 20,
				      .done_bytes = UINT64_C(3) << 20,
				      .reserved = 100,
				      .state = SEALED_INTAKE,
				      .levels = 2,
				      .top_side = 1,
				      .top_generation = 9,
				      .top_key = {3},
				      .top_tag = {4},
				      .top_hash = {5}};
}

#endif

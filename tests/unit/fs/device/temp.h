/* temp.h - a temporary folder with a store in it, removed whole */
#ifndef TESTS_DEVICE_TEMP_H
#define TESTS_DEVICE_TEMP_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/device/device.h"

struct temp {
	char root[64], store_path[80], image[80];
	char path[160];
	struct device_store *store;
};

static inline const char *temp_path(struct temp *temp, const char *name)
{
	snprintf(temp->path, sizeof(temp->path), "%s/%s", temp->root, name);
	return temp->path;
}

static inline bool put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	bool is_ok = file && fputs(text, file) >= 0;

	if (file)
		fclose(file);
	return is_ok;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int temp_tear_down(void **state)
{
	struct temp *temp = *state;

	device_store_close(temp->store);
	nftw(temp->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(temp);
	return 0;
}

static inline int temp_set_up(void **state)
{
	struct temp *temp = calloc(1, sizeof(*temp));

	if (!temp)
		return -1;
	snprintf(temp->root, sizeof(temp->root), "/tmp/bailee-device-XXXXXX");
	if (!mkdtemp(temp->root))
		return -1;
	snprintf(temp->store_path, sizeof(temp->store_path), "%s/store", temp->root);
	snprintf(temp->image, sizeof(temp->image), "%s/image", temp->root);
	*state = temp;
	if (put_file(temp->image, "an image") &&
	    device_store_create(temp->store_path, NULL, &temp->store, NULL) == BL_OK)
		return 0;
	temp_tear_down(state); /* cmocka tears down nothing that was not set up */
	return -1;
}

static inline enum bl_status temp_reopen(struct temp *temp, struct bl_error *why)
{
	device_store_close(temp->store);
	temp->store = NULL;
	return device_store_open(temp->store_path, NULL, &temp->store, why);
}

static inline struct device temp_device(const struct temp *temp, const char *id)
{
	struct device device = {.kind = DEVICE_PHONE, .enrolled_unix = 1000};

	snprintf(device.id, sizeof(device.id), "%s", id);
	snprintf(device.source, sizeof(device.source), "%s", temp->image);
	return device;
}

static inline enum bl_status temp_enroll(struct temp *temp, const char *id)
{
	struct device device = temp_device(temp, id);

	return device_enroll(temp->store, &device, NULL, NULL);
}

#endif

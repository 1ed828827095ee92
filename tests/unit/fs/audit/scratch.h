/* scratch.h - a store in a folder of its own, for the tests of the log; synthetic events only */
#ifndef TESTS_UNIT_FS_AUDIT_SCRATCH_H
#define TESTS_UNIT_FS_AUDIT_SCRATCH_H

#include "fs/audit/audit.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRATCH_SEGMENT (256u << 10)

struct scratch {
	char path[64];
	int store_fd;
	struct vault *vault;
	struct audit_kit
		*kit; /* of the log that was made last, also by a child; log_id zero: none */
};

static inline int scratch_remove_one(const char *path, const struct stat *st BL_UNUSED,
				     int type BL_UNUSED, struct FTW *ftw BL_UNUSED)
{
	return remove(path);
}

static inline BL_UNUSED void scratch_remove(const char *path)
{
	nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline BL_UNUSED int scratch_setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return -1;
	strcpy(scratch->path, "/tmp/bailee-test-XXXXXX");
	if (!mkdtemp(scratch->path))
		return -1;
	scratch->store_fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (scratch->store_fd < 0 ||
	    vault_create(scratch->store_fd, NULL, 0, &scratch->vault, NULL) != BL_OK)
		return -1;
	scratch->kit = mmap(NULL, sizeof(*scratch->kit), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (scratch->kit == MAP_FAILED)
		return -1;
	*state = scratch;
	return 0;
}

static inline BL_UNUSED int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;

	vault_close(scratch->vault);
	close(scratch->store_fd);
	scratch_remove(scratch->path);
	munmap(scratch->kit, sizeof(*scratch->kit));
	free(scratch);
	return 0;
}

static inline BL_UNUSED struct audit_event scratch_event(unsigned number)
{
	struct audit_event event = {.op = number % 3 ? AUDIT_READ : AUDIT_OPEN,
				    .verdict = number % 5 ? AUDIT_PERMITTED : AUDIT_DENIED,
				    .uid = 61000 + number % 7,
				    .gid = 61000,
				    .pid = 100 + number,
				    .login_uid = UINT32_MAX,
				    .view = 1 + number % 2,
				    .device = "RMA-1001",
				    .rule = "technicians-read",
				    .policy_serial = 3,
				    .offset = number * 4096u,
				    .bytes = 4096,
				    .handle = number};

	/* One of its kind: events of different numbers are never gathered with each other. */
	memset(event.token, (int)(number % 250 + 1), sizeof(event.token));
	bl_put32(event.token, number);
	return event;
}

/* Where no kit is kept macs are not checked. */
static inline BL_UNUSED enum bl_status scratch_keep_kit(void *context, const struct audit_kit *kit,
							struct bl_error *why BL_UNUSED)
{
	const struct scratch *scratch = context;

	*scratch->kit = *kit;
	return BL_OK;
}

static inline BL_UNUSED bool scratch_has_kit(const struct scratch *scratch)
{
	static const uint8_t NONE[AUDIT_LOG_ID];

	return scratch->kit && memcmp(scratch->kit->log_id, NONE, sizeof(NONE)) != 0;
}

static inline BL_UNUSED enum bl_status scratch_open(const struct scratch *scratch,
						    const struct audit_io *io,
						    struct audit **out_audit, struct bl_error *why)
{
	struct audit_config config = {.store_fd = scratch->store_fd,
				      .vault = scratch->vault,
				      .segment_bytes = SCRATCH_SEGMENT,
				      .io = io,
				      .keep_kit = scratch_keep_kit,
				      .context = (void *)(uintptr_t)scratch};

	return audit_open(&config, out_audit, why);
}

/* @count events, one frame each; returns how many were taken */
static inline BL_UNUSED unsigned scratch_fill(struct audit *audit, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct audit_event event = scratch_event(i);

		if (audit_append(audit, &event, NULL, NULL) != BL_OK)
			return i;
	}
	return count;
}

static inline BL_UNUSED int scratch_log_fd(const struct scratch *scratch)
{
	return openat(scratch->store_fd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline BL_UNUSED enum bl_status
scratch_verify(const struct scratch *scratch, struct audit_report *out_report, struct bl_error *why)
{
	int fd = scratch_log_fd(scratch);
	struct bl_error unused;

	memset(out_report, 0, sizeof(*out_report));
	struct audit_evidence evidence = {.public_key = vault_public_key(scratch->vault),
					  .kit = scratch_has_kit(scratch) ? scratch->kit : NULL};
	enum bl_status status = audit_verify(fd, &evidence, out_report, why ? why : &unused);

	close(fd);
	return status;
}

#endif

/* probe.h - what a few bytes cannot tell; private to probe*.c */
#ifndef FS_IMAGE_READER_PROBE_H
#define FS_IMAGE_READER_PROBE_H

#include "fs/image/reader/reader.h"

#define PROBE_HEAD 4096

/* A volume that is looked at: its first PROBE_HEAD bytes are here, zeros where it is shorter. */
struct probe_place {
	struct blocks *blocks;
	uint64_t offset, length;
	const uint8_t *head;
};

/* probe_has - exactly these bytes at @at of the volume; false also when they cannot be read */
bool probe_has(const struct probe_place *place, uint64_t at, const void *bytes, size_t length);
/* probe_take - bytes at @at of the volume. False: not all there, or not readable */
bool probe_take(const struct probe_place *place, uint64_t at, void *out, size_t length);

/* The magic of a row is there: does the rest fit? */
typedef bool probe_check_fn(const struct probe_place *place);
probe_check_fn probe_is_to_go, probe_is_core_storage, probe_is_xfs, probe_is_squashfs, probe_is_udf,
	probe_is_hfs, probe_is_embedded_hfs, probe_is_jffs2, probe_is_ubifs, probe_is_nilfs,
	probe_is_minix, probe_is_lvm, probe_is_zfs, probe_is_md_member, probe_is_md_stripe,
	probe_is_disk_copy;

#endif

/* container-made.h - one image in every container that free tools write; for these tests only */
#ifndef TESTS_CONTAINER_MADE_H
#define TESTS_CONTAINER_MADE_H

#include "container-stage.h"

/* @make runs beside raw.dd, whose copy the image becomes. */
struct made {
	const char *name, *tool, *make, *open;
	enum container_kind kind;
	size_t files;
};

#define QEMU "qemu-img convert -f raw "

static const struct made MADE[] = {
	{"qcow2 of version 2", "qemu-img", QEMU "-O qcow2 -o compat=0.10 raw.dd a.q2", "a.q2",
	 CONTAINER_QCOW, 1},
	{"qcow2 of version 3", "qemu-img", QEMU "-O qcow2 -o compat=1.1 raw.dd b.q3", "b.q3",
	 CONTAINER_QCOW, 1},
	{"qcow2 in 4 KiB clusters", "qemu-img", QEMU "-O qcow2 -o cluster_size=4k raw.dd b4.q3",
	 "b4.q3", CONTAINER_QCOW, 1},
	{"qcow2 in 2 MiB clusters", "qemu-img", QEMU "-O qcow2 -o cluster_size=2M raw.dd b2.q3",
	 "b2.q3", CONTAINER_QCOW, 1},
	{"qcow2, compressed", "qemu-img", QEMU "-c -O qcow2 raw.dd c.q3", "c.q3", CONTAINER_QCOW,
	 1},
	{"qcow 1", "qemu-img", QEMU "-O qcow raw.dd d.qcow", "d.qcow", CONTAINER_QCOW, 1},
	{"VMDK, monolithicSparse", "qemu-img", QEMU "-O vmdk raw.dd ms.vmdk", "ms.vmdk",
	 CONTAINER_VMDK, 1},
	{"VMDK under another name", "qemu-img", QEMU "-O vmdk raw.dd n.vmdk && mv n.vmdk n.bin",
	 "n.bin", CONTAINER_VMDK, 1},
	{"VMDK, monolithicFlat", "qemu-img",
	 QEMU "-O vmdk -o subformat=monolithicFlat raw.dd mf.vmdk", "mf.vmdk", CONTAINER_VMDK, 2},
	{"VMDK, as ESX names it", "qemu-img",
	 QEMU "-O vmdk -o subformat=monolithicFlat raw.dd esx.vmdk && "
	      "sed -i 's/monolithicFlat/vmfs/; s/ FLAT \\(.*\\) 0$/ VMFS \\1/' esx.vmdk && "
	      "grep -q VMFS esx.vmdk",
	 "esx.vmdk", CONTAINER_VMDK, 2},
	{"VMDK, twoGbMaxExtentSparse", "qemu-img",
	 QEMU "-O vmdk -o subformat=twoGbMaxExtentSparse raw.dd ts.vmdk", "ts.vmdk", CONTAINER_VMDK,
	 2},
	{"VMDK, twoGbMaxExtentFlat", "qemu-img",
	 QEMU "-O vmdk -o subformat=twoGbMaxExtentFlat raw.dd tf.vmdk", "tf.vmdk", CONTAINER_VMDK,
	 2},
	{"VMDK, streamOptimized", "qemu-img",
	 QEMU "-O vmdk -o subformat=streamOptimized raw.dd so.vmdk", "so.vmdk", CONTAINER_VMDK, 1},
	{"VHD, fixed", "qemu-img", QEMU "-O vpc -o subformat=fixed,force_size=on raw.dd f.vhd",
	 "f.vhd", CONTAINER_VHD, 1},
	{"VHD, dynamic", "qemu-img", QEMU "-O vpc -o subformat=dynamic,force_size=on raw.dd d.vhd",
	 "d.vhd", CONTAINER_VHD, 1},
	{"VHDX, fixed", "qemu-img", QEMU "-O vhdx -o subformat=fixed raw.dd f.vhdx", "f.vhdx",
	 CONTAINER_VHD, 1},
	{"VHDX, dynamic", "qemu-img", QEMU "-O vhdx -o subformat=dynamic raw.dd d.vhdx", "d.vhdx",
	 CONTAINER_VHD, 1},
	{"E01 in 3 segments", "ewfacquire",
	 "ewfacquire -u -c none -f encase6 -S 1228800 -t e raw.dd", "e.E01", CONTAINER_EWF, 3},
	{"E01, compressed", "ewfacquire", "ewfacquire -u -c best -f encase6 -t ec raw.dd", "ec.E01",
	 CONTAINER_EWF, 1},
	{"E01, empty blocks left out", "ewfacquire",
	 "ewfacquire -u -c empty-block -f encase5 -t ee raw.dd", "ee.E01", CONTAINER_EWF, 1},
	{"E01 from a pipe", "ewfacquirestream", "ewfacquirestream -c fast -f encase5 -t es <raw.dd",
	 "es.E01", CONTAINER_EWF, 1},
	{"E01 in small letters", "ewfacquire",
	 "ewfacquire -u -c none -f encase6 -S 1228800 -t es2 raw.dd && mv es2.E01 k.e01 && "
	 "mv es2.E02 k.e02 && mv es2.E03 k.e03",
	 "k.e01", CONTAINER_EWF, 3},
	{"S01", "ewfacquire", "ewfacquire -u -c fast -f smart -t s raw.dd", "s.s01", CONTAINER_EWF,
	 1},
	{"pieces .001", "split", "split -b 700000 -a 3 --numeric-suffixes=1 raw.dd p.", "p.001",
	 CONTAINER_SPLIT, 5},
	{"pieces .aa", "split", "split -b 100000 raw.dd l.", "l.aa", CONTAINER_SPLIT, 32},
};

/* Once for all tests. False: told as left out, its tool is not here. */
static inline bool make(const struct stage *stage, const struct made *row)
{
	char path[PATH_MAX];

	if (!stage_has(stage, row->tool)) {
		print_message("left out, no %s: %s\n", row->tool, row->name);
		return false;
	}
	stage_path(stage, row->open, path);
	if (access(path, F_OK) == 0)
		return true;
	if (stage_run(stage, row->make) != 0)
		fail_msg("%s: cannot be made", row->name);
	return true;
}

/* Flips one byte. */
static inline void spoil(const struct stage *stage, const char *name, size_t at)
{
	size_t length;
	uint8_t *bytes = stage_read(stage, name, &length);

	assert_true(at < length);
	bytes[at] ^= 0xff;
	stage_write(stage, name, bytes, length);
	free(bytes);
}

#endif

/* What sysfs says of a medium, from a folder that is laid out as the kernel lays it out; and serial numbers that are the same. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/inspect/report-private.h"

struct sys {
	char root[64];
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int set_up(void **state)
{
	struct sys *sys = calloc(1, sizeof(*sys));

	if (!sys)
		return -1;
	snprintf(sys->root, sizeof(sys->root), "/tmp/bailee-sys-XXXXXX");
	if (!mkdtemp(sys->root)) {
		free(sys);
		return -1;
	}
	*state = sys;
	return 0;
}

static int tear_down(void **state)
{
	struct sys *sys = *state;

	nftw(sys->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(sys);
	return 0;
}

/* A file below the root, with its folders. */
static void put(const struct sys *sys, const char *name, const char *bytes, size_t length)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", sys->root, name);
	for (char *slash = path + strlen(sys->root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

static void put_text(const struct sys *sys, const char *name, const char *text)
{
	put(sys, name, text, strlen(text));
}

/* dev/block/8:16 leads to @target, which lies two folders up in "devices". */
static void lead(const struct sys *sys, const char *target)
{
	char path[512], link[512];

	put_text(sys, "dev/block/x", "");
	snprintf(path, sizeof(path), "%s/dev/block/8:16", sys->root);
	unlink(path);
	snprintf(link, sizeof(link), "../../devices/%s", target);
	assert_int_equal(symlink(link, path), 0);
}

static void what_the_kernel_knows_is_told(void **state)
{
	static const struct {
		const char *name, *target;
		struct {
			const char *name, *bytes;
			size_t length; /* 0: of the text */
		} files[5];
		const char *model, *serial;
		enum inspect_known is_virtual;
	} rows[] = {
		{"a SCSI disk",
		 "pci0/host0/block/sda",
		 {{"pci0/host0/block/sda/size", "1\n", 0},
		  {"pci0/host0/block/sda/queue/rotational", "1\n", 0},
		  {"pci0/host0/block/sda/device/model", "SYNTHETIC DISK  \n", 0},
		  {"pci0/host0/block/sda/device/vpd_pg80", "\x00\x80\x00\x0a    SYN-77", 14}},
		 "SYNTHETIC DISK",
		 "SYN-77",
		 INSPECT_NO},
		{"an ATA disk that only its name knows",
		 "pci1/host0/block/sdb",
		 {{"pci1/host0/block/sdb/device/model", "M\n", 0},
		  {"pci1/host0/block/sdb/device/wwid",
		   "t10.ATA     SYNTHETIC DISK                       SYN-78\n", 0}},
		 "M",
		 "SYN-78",
		 INSPECT_NO},
		{"a name that is no number",
		 "pci2/host0/block/sdc",
		 {{"pci2/host0/block/sdc/device/wwid", "naa.5000c500deadbeef\n", 0}},
		 "",
		 "",
		 INSPECT_NO},
		{"an NVMe drive",
		 "pci3/nvme/nvme0/nvme0n1",
		 {{"pci3/nvme/nvme0/nvme0n1/device/model", "SYNTHETIC NVME            \n", 0},
		  {"pci3/nvme/nvme0/nvme0n1/device/serial", "  SYN79\n", 0}},
		 "SYNTHETIC NVME",
		 "SYN79",
		 INSPECT_NO},
		{"an NVMe drive that several ways lead to",
		 "virtual/nvme-subsystem/nvme-subsys0/nvme0n1",
		 {{"virtual/nvme-subsystem/nvme-subsys0/nvme0n1/device/model", "S\n", 0},
		  {"virtual/nvme-subsystem/nvme-subsys0/nvme0n1/device/serial", "1\n", 0}},
		 "S",
		 "1",
		 INSPECT_NO},
		{"a card",
		 "platform/mmc0/block/mmcblk0",
		 {{"platform/mmc0/block/mmcblk0/device/name", "SD16G\n", 0},
		  {"platform/mmc0/block/mmcblk0/device/serial", "0x12345678\n", 0}},
		 "SD16G",
		 "0x12345678",
		 INSPECT_NO},
		{"a disk of a virtual machine",
		 "pci4/virtio1/block/vda",
		 {{"pci4/virtio1/block/vda/serial", "VD-1", 0}},
		 "",
		 "VD-1",
		 INSPECT_YES},
		{"a loop device",
		 "virtual/block/loop0",
		 {{"virtual/block/loop0/size", "1\n", 0}},
		 "",
		 "",
		 INSPECT_YES},
		{"firmware that steers terminals",
		 "pci5/block/sde",
		 {{"pci5/block/sde/device/model", "DISK\x1b[2J\n", 0},
		  {"pci5/block/sde/device/serial",
		   "A\xe2\x80\xae"
		   "B\n",
		   0}},
		 "",
		 "",
		 INSPECT_NO},
		{"firmware that writes no UTF-8",
		 "pci6/block/sdf",
		 {{"pci6/block/sdf/device/model", "D\xff\n", 0},
		  {"pci6/block/sdf/device/vpd_pg80",
		   "\x00\x80\x00\x03"
		   "A\0B",
		   7}},
		 "",
		 "",
		 INSPECT_NO},
		{"a number with its header only",
		 "pci7/block/sdg",
		 {{"pci7/block/sdg/device/vpd_pg80", "\x00\x80\x00\x00", 4}},
		 "",
		 "",
		 INSPECT_NO},
	};
	struct sys *sys = *state;

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct inspect_medium medium;

		for (size_t j = 0; j < BL_COUNT(rows[i].files) && rows[i].files[j].name; j++) {
			char name[256];
			size_t length = rows[i].files[j].length;

			snprintf(name, sizeof(name), "devices/%s", rows[i].files[j].name);
			put(sys, name, rows[i].files[j].bytes,
			    length ? length : strlen(rows[i].files[j].bytes));
		}
		lead(sys, rows[i].target);
		inspect_medium_at(sys->root, 8, 16, &medium);
		if (!medium.is_block_device || strcmp(medium.model, rows[i].model) != 0 ||
		    strcmp(medium.serial, rows[i].serial) != 0 ||
		    medium.is_virtual != rows[i].is_virtual || medium.is_part)
			fail_msg("%s: model '%s', serial '%s', virtual %d, part %d", rows[i].name,
				 medium.model, medium.serial, (int)medium.is_virtual,
				 medium.is_part);
	}
}

/* An NVMe drive lies in the folder of its controller, and is no part of it. */
static void a_part_of_a_disk_is_told(void **state)
{
	static const struct {
		const char *target, *file;
		bool is_part;
	} rows[] = {
		{"pci0/block/sda/sda1", "pci0/block/sda/sda1/partition", true},
		{"pci0/block/mmcblk0/mmcblk0boot0", "pci0/block/mmcblk0/queue/rotational", true},
		{"pci0/block/mmcblk0", "pci0/block/mmcblk0/queue/rotational", false},
		{"pci0/nvme/nvme0/nvme0n1", "pci0/nvme/nvme0/queue_count", false},
	};
	struct sys *sys = *state;

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct inspect_medium medium;
		char name[256];

		snprintf(name, sizeof(name), "devices/%s", rows[i].file);
		put_text(sys, name, "1\n");
		snprintf(name, sizeof(name), "devices/%s/size", rows[i].target);
		put_text(sys, name, "1\n");
		lead(sys, rows[i].target);
		inspect_medium_at(sys->root, 8, 16, &medium);
		if (medium.is_part != rows[i].is_part)
			fail_msg("%s: part %d", rows[i].target, medium.is_part);
	}
}

static void what_is_not_there_is_not_known(void **state)
{
	struct sys *sys = *state;
	struct inspect_medium medium;

	inspect_medium_at(sys->root, 8, 16, &medium);
	assert_true(medium.is_block_device);
	assert_string_equal(medium.model, "");
	assert_string_equal(medium.serial, "");
	assert_int_equal(medium.is_virtual, INSPECT_NOT_KNOWN);
}

static void of_a_file_nothing_is_known(void **state)
{
	struct sys *sys = *state;
	struct inspect_medium medium;
	char path[128];
	int fd;

	put_text(sys, "image", "bytes");
	snprintf(path, sizeof(path), "%s/image", sys->root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	memset(&medium, 0x5a, sizeof(medium));
	inspect_medium_look(fd, &medium);
	close(fd);
	assert_false(medium.is_block_device);
	assert_string_equal(medium.model, "");
	assert_string_equal(medium.serial, "");
	assert_int_equal(medium.is_virtual, INSPECT_NOT_KNOWN);
}

static void serial_numbers_are_compared_as_people_do(void **state)
{
	static const struct {
		const char *a, *b;
		enum inspect_known matches;
	} rows[] = {
		{"SYN-77", "SYN-77", INSPECT_YES},
		{"SYN-77", "syn-77", INSPECT_YES},
		{"  SYN -77 ", "SYN-77", INSPECT_YES},
		{"0000SYN-77", "SYN-77", INSPECT_YES},
		{" 00 0SYN-77", "0syn-77", INSPECT_YES},
		{"SYN-77", "SYN-078", INSPECT_NO},
		{"SYN-77", "SYN-770", INSPECT_NO},
		{"SYN-77", "SYN77", INSPECT_NO},
		{"100", "1", INSPECT_NO},
		{"", "SYN-77", INSPECT_NOT_KNOWN},
		{"SYN-77", "", INSPECT_NOT_KNOWN},
		{"", "", INSPECT_NOT_KNOWN},
		{"  ", "SYN-77", INSPECT_NOT_KNOWN},
		{"0000", "0000", INSPECT_NOT_KNOWN},
		{"\xc3\xa4", "\xc3\xa4", INSPECT_YES},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (inspect_serial_matches(rows[i].a, rows[i].b) != rows[i].matches ||
		    inspect_serial_matches(rows[i].b, rows[i].a) != rows[i].matches)
			fail_msg("'%s' and '%s'", rows[i].a, rows[i].b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_the_kernel_knows_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_part_of_a_disk_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_not_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_a_file_nothing_is_known, set_up, tear_down),
		cmocka_unit_test(serial_numbers_are_compared_as_people_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* fixture.h - a store, and two filesystems on loop devices, for tests that destroy: "mnt" for images, "vol" for the store. Include after cmocka.h
 *
 * A mount lives in a mount namespace of this process and its loop device clears itself when its last user is gone:
 * whatever way the test ends, nothing stays but the temporary folder, which the parent removes.
 */
#ifndef TESTS_RETENTION_FIXTURE_H
#define TESTS_RETENTION_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/audit/audit.h"
#include "fs/device/device.h"
#include "fs/retention/private.h"
#include "policy/rules/rules.h"

#define DISK_SIZE  (32u << 20) /* of images */
#define STORE_SIZE (64u << 20)
#define XFS_SIZE   (320u << 20) /* mkfs.xfs makes no smaller one */
#define PLANTED	   "planted-secret-of-a-synthetic-customer;"
#define IMAGE_SIZE ((3u << 20) + 777)
#define RECEIVED   INT64_C(1000000000)
#define NOW	   (RECEIVED + 400 * INT64_C(86400))

/* A policy up to the entries of its retention; a text is joined to it. */
#define POLICY_HEAD                                                                                \
	"bailee: 1\n"                                                                              \
	"name: retention-test\n"                                                                   \
	"serial: 1\n"                                                                              \
	"timezone: UTC\n"                                                                          \
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"                            \
	"people: {anna: {roles: [technician]}}\n"                                                  \
	"roles: {technician: {}}\n"                                                                \
	"rules:\n"                                                                                 \
	"  - {id: look, permit: [list], who: [technician], why: Technicians look.}\n"              \
	"retention:\n"

static const char POLICY[] = POLICY_HEAD "  - id: thirty-days\n"
					 "    destroy_after: {intake: 30d}\n";

struct fixture {
	char root[64];
	char path[128]; /* scratch of path_of */
	bool has_mount;
	int loop_number; /* of "mnt" */
	uint64_t disk_size;
	bool has_volume;
	int volume_number; /* of "vol" */
	uint64_t volume_size;
	struct device_store *store;
	struct audit *audit;
	struct policy *policy;
};

static inline const char *path_of(struct fixture *fixture, const char *name)
{
	snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->root, name);
	return fixture->path;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline bool run_quietly(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* LOOP_CONFIGURE loses a race for a free number with EBUSY: then the next one. */
static inline int loop_attach(int backing)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {.fd = (uint32_t)backing,
				     .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};

	for (int attempt = 0; control >= 0 && attempt < 16; attempt++) {
		char path[32];
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		snprintf(path, sizeof(path), "/dev/loop%d", number);

		int loop = number < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);

		if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
			close(control);
			return loop;
		}
		fd_close(loop);
	}
	fd_close(control);
	return -1;
}

static inline bool format_disk(char *disk, const char *type, const char *features)
{
	char *ext4[] = {(char *)"mke2fs", (char *)"-q",	  (char *)"-F",
			(char *)"-t",	  (char *)"ext4", (char *)"-O",
			(char *)features, disk,		  NULL};
	char *xfs[] = {(char *)"mkfs.xfs", (char *)"-q", (char *)"-m",
		       (char *)features,   disk,	 NULL};

	return run_quietly(strcmp(type, "xfs") == 0 ? xfs : ext4);
}

/* The number of the loop device that is mounted on ROOT/FOLDER; -1: no loop devices, or no such filesystem here. */
static inline int mount_loop(struct fixture *fixture, const char *folder, uint64_t size,
			     const char *type, const char *features)
{
	char disk[128], mount_point[128], loop_path[64] = "", link[64];

	snprintf(disk, sizeof(disk), "%s/%s.disk", fixture->root, folder);
	snprintf(mount_point, sizeof(mount_point), "%s/%s", fixture->root, folder);

	int backing = open(disk, O_RDWR | O_CREAT | O_CLOEXEC, 0600), number = -1;

	if (backing < 0 || ftruncate(backing, (off_t)size) != 0 || mkdir(mount_point, 0700) != 0 ||
	    !format_disk(disk, type, features) || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		fd_close(backing);
		return -1;
	}

	int loop = loop_attach(backing);

	if (loop >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", loop);

		ssize_t length = readlink(link, loop_path, sizeof(loop_path) - 1);

		loop_path[length > 0 ? length : 0] = '\0';
		if (mount(loop_path, mount_point, type, 0, NULL) == 0)
			number = atoi(loop_path + strlen("/dev/loop"));
	}
	fd_close(loop);
	fd_close(backing);
	return number;
}

/* False: no loop devices or no mke2fs here. */
static inline bool mount_disk(struct fixture *fixture, const char *features)
{
	fixture->disk_size = DISK_SIZE;
	fixture->loop_number = mount_loop(fixture, "mnt", DISK_SIZE, "ext4", features);
	fixture->has_mount = fixture->loop_number >= 0;
	return fixture->has_mount;
}

static inline bool mount_disk_xfs(struct fixture *fixture)
{
	fixture->disk_size = XFS_SIZE;
	fixture->loop_number = mount_loop(fixture, "mnt", XFS_SIZE, "xfs", "reflink=1");
	fixture->has_mount = fixture->loop_number >= 0;
	return fixture->has_mount;
}

/* The store on a block device that can be read: only so can a certificate be without exceptions. */
static inline bool mount_volume(struct fixture *fixture, const char *type)
{
	bool is_xfs = strcmp(type, "xfs") == 0;

	fixture->volume_size = is_xfs ? XFS_SIZE : STORE_SIZE;
	fixture->volume_number = mount_loop(fixture, "vol", fixture->volume_size, type,
					    is_xfs ? "reflink=1" : "^inline_data");
	fixture->has_volume = fixture->volume_number >= 0;
	return fixture->has_volume;
}

/* policy_unref is due. */
static inline struct policy *policy_of(const char *text)
{
	struct rules_findings findings = {0};
	struct policy *policy = NULL;

	if (rules_parse(text, strlen(text), &policy, &findings, NULL) != BL_OK)
		fail_msg("%u: %s", findings.items[0].line, findings.items[0].text);
	return policy;
}

static inline bool fixture_open_store(struct fixture *fixture)
{
	struct rules_findings findings = {0};
	struct bl_error why = {.text = ""};
	char path[128];

	snprintf(path, sizeof(path), "%s/%sstore", fixture->root,
		 fixture->has_volume ? "vol/" : "");

	enum bl_status status = device_store_open(path, NULL, &fixture->store, &why);

	if (status == BL_NOT_FOUND)
		status = device_store_create(path, NULL, &fixture->store, &why);
	if (status == BL_OK) {
		const struct audit_config config = {.store_fd = device_store_fd(fixture->store),
						    .vault = device_store_vault(fixture->store),
						    .segment_bytes = 256u << 10};

		status = audit_open(&config, &fixture->audit, &why);
	}
	if (status == BL_OK)
		status = rules_parse(POLICY, strlen(POLICY), &fixture->policy, &findings, &why);
	if (status != BL_OK)
		fprintf(stderr, "fixture: %s: %s\n", bl_status_name(status), why.text);
	return status == BL_OK;
}

static inline void fixture_close_store(struct fixture *fixture)
{
	if (fixture->audit)
		audit_close(fixture->audit);
	device_store_close(fixture->store);
	if (fixture->policy)
		policy_unref(fixture->policy);
	fixture->audit = NULL;
	fixture->store = NULL;
	fixture->policy = NULL;
}

static inline bool fixture_init(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	snprintf(fixture->root, sizeof(fixture->root), "/tmp/bailee-shred-XXXXXX");
	return mkdtemp(fixture->root) != NULL;
}

static inline void fixture_done(struct fixture *fixture)
{
	fixture_close_store(fixture);
	if (fixture->has_mount)
		umount2(path_of(fixture, "mnt"), MNT_DETACH);
	if (fixture->has_volume)
		umount2(path_of(fixture, "vol"), MNT_DETACH);
	nftw(fixture->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int fixture_tear_down(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

/* A store in a temporary folder, and "mnt" for images; nothing is mounted. */
static inline int fixture_set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	*state = fixture;
	if (fixture_open_store(fixture) && mkdir(path_of(fixture, "mnt"), 0700) == 0)
		return 0;
	fixture_tear_down(state); /* cmocka tears down nothing that was not set up */
	return -1;
}

static inline bool write_image(const char *path, size_t size)
{
	FILE *file = fopen(path, "we");
	bool is_ok = file != NULL;

	for (size_t i = 0; is_ok && i < size; i++)
		is_ok = fputc(PLANTED[i % strlen(PLANTED)], file) != EOF;
	is_ok = is_ok && fflush(file) == 0 && fsync(fileno(file)) == 0;
	if (file)
		fclose(file);
	return is_ok;
}

/* An image under mnt/ID.img, enrolled as ID. */
static inline bool add_device(struct fixture *fixture, const char *id, bool destroy_when_due)
{
	struct device device = {.kind = DEVICE_USB_STICK,
				.has_received = true,
				.received_unix = RECEIVED,
				.enrolled_unix = RECEIVED,
				.destroy_when_due = destroy_when_due};

	snprintf(device.id, sizeof(device.id), "%s", id);
	snprintf(device.serial, sizeof(device.serial), "SN-0001");
	snprintf(device.source, sizeof(device.source), "%s/mnt/%s.img", fixture->root, id);
	return write_image(device.source, IMAGE_SIZE) &&
	       device_enroll(fixture->store, &device, NULL, NULL) == BL_OK;
}

/* How often a text is on a loop device, read past the page cache. */
static inline size_t count_raw(int loop_number, uint64_t size, const void *text, size_t text_length)
{
	char path[32];
	uint8_t *bytes = aligned_alloc(4096, size);
	size_t found = 0, length = 0;

	snprintf(path, sizeof(path), "/dev/loop%d", loop_number);

	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	while (fd >= 0 && length < size) {
		ssize_t got = read(fd, bytes + length, size - length);

		if (got <= 0)
			break;
		length += (size_t)got;
	}
	/* Reading nothing must not look like finding nothing. */
	if (length != size)
		abort();
	for (const uint8_t *at = bytes;
	     (at = memmem(at, length - (size_t)(at - bytes), text, text_length)); at++)
		found++;
	free(bytes);
	close(fd);
	return found;
}

static inline size_t count_planted(const struct fixture *fixture)
{
	return count_raw(fixture->loop_number, fixture->disk_size, "secret-of-a", 11);
}

static inline enum bl_status fill_group(FILE *image, uint8_t *group)
{
	for (size_t k = 0; k < SEALED_GROUP && !image; k++)
		group[k] = (uint8_t)PLANTED[k % strlen(PLANTED)];
	return image && fread(group, 1, SEALED_GROUP, image) != SEALED_GROUP ? BL_IO : BL_OK;
}

static inline enum bl_status seal_groups(struct sealed_writer *writer, FILE *image, unsigned groups,
					 struct bl_error *why)
{
	uint8_t *group = aligned_alloc(4096, SEALED_GROUP);
	enum bl_status status = BL_OK;

	for (unsigned i = 0; i < groups && status == BL_OK; i++) {
		status = fill_group(image, group);
		if (status == BL_OK)
			status = sealed_put(writer, group, SEALED_GROUP, why);
	}
	free(group);
	return status;
}

/* What is put into a sealed image. */
struct filling {
	const char *image; /* a file of whole MiB; NULL: the planted text */
	unsigned groups;
	uint64_t bytes; /* what is more than the groups is zeros */
	bool is_complete;
};

static inline enum bl_status seal_image(struct fixture *fixture, const char *id,
					const struct filling *filling, struct bl_error *why)
{
	static const uint8_t SOME_DIGEST[32] = {1, 2, 3};
	struct sealed_writer *writer = NULL;
	FILE *image = filling->image ? fopen(filling->image, "re") : NULL;
	uint8_t root[VAULT_KEY];
	int folder = -1;
	enum bl_status status = device_folder(fixture->store, id, &folder, why);

	if (status == BL_OK)
		status = vault_image_root(device_store_vault(fixture->store), id, root, why);
	if (status == BL_OK)
		status = sealed_create(folder, id, root, filling->bytes, sealed_algorithm_here(),
				       &writer, why);
	if (status == BL_OK)
		status = seal_groups(writer, image, filling->groups, why);
	if (status == BL_OK && !filling->is_complete)
		status = sealed_checkpoint(writer, why);
	else if (status == BL_OK && filling->bytes > (uint64_t)filling->groups * SEALED_GROUP)
		status = sealed_skip(writer, filling->bytes / SEALED_GROUP - filling->groups, why);
	if (status == BL_OK && filling->is_complete)
		status = sealed_finish(writer, NULL, 0, SOME_DIGEST, why);
	if (writer)
		sealed_writer_close(writer);
	if (image)
		fclose(image);
	fd_close(folder);
	return status;
}

static inline bool enroll_sealed(struct fixture *fixture, const char *id)
{
	struct device device = {.kind = DEVICE_USB_STICK,
				.has_received = true,
				.received_unix = RECEIVED,
				.enrolled_unix = RECEIVED,
				.source_kind = SOURCE_SEALED};

	snprintf(device.id, sizeof(device.id), "%s", id);
	snprintf(device.serial, sizeof(device.serial), "SN-0001");
	return device_enroll(fixture->store, &device, NULL, NULL) == BL_OK;
}

static inline bool add_filled(struct fixture *fixture, const char *id,
			      const struct filling *filling)
{
	struct bl_error why = {.text = ""};

	if (!enroll_sealed(fixture, id))
		return false;

	enum bl_status status = seal_image(fixture, id, filling, &why);

	if (status == BL_OK && filling->is_complete)
		status = device_complete(fixture->store, id, filling->bytes, &why);
	if (status != BL_OK)
		fprintf(stderr, "add_filled: %s: %s\n", bl_status_name(status), why.text);
	return status == BL_OK;
}

/* @groups MiB of the planted text, sealed; the rest of @bytes is zeros. Not complete: what a killed intake leaves. */
static inline bool add_sealed(struct fixture *fixture, const char *id, unsigned groups,
			      uint64_t bytes, bool is_complete)
{
	const struct filling filling = {
		.groups = groups, .bytes = bytes, .is_complete = is_complete};

	return add_filled(fixture, id, &filling);
}

static inline struct retention_context context_of(struct fixture *fixture, int64_t now_unix)
{
	return (struct retention_context){.store = fixture->store,
					  .audit = fixture->audit,
					  .policy = fixture->policy,
					  .now = {now_unix, now_unix},
					  .by = UINT32_MAX};
}

struct count {
	const char *id;
	enum audit_op op;
	size_t found;
	char detail[AUDIT_DETAIL_SIZE];
};

static inline bool count_record(void *context, const struct audit_record *record)
{
	struct count *count = context;

	if (record->event.op == count->op && strcmp(record->event.device, count->id) == 0) {
		count->found++;
		memcpy(count->detail, record->event.detail, sizeof(count->detail));
	}
	return true;
}

static inline struct count count_events(struct fixture *fixture, const char *id, enum audit_op op)
{
	struct count count = {.id = id, .op = op};
	int fd = openat(device_store_fd(fixture->store), "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || audit_scan(fd, count_record, &count, NULL) != BL_OK)
		abort();
	close(fd);
	return count;
}

#endif

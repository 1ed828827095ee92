/* bailee doctor: the store's own part. */
#include "fs/daemon/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fs/daemon/kit.h"
#include "fs/device/device.h"
#include "fs/vault/medium.h"
#include "fs/vault/sealed.h"

#define ROOM_LEAST (UINT64_C(1) << 30) /* free bytes below which a store is short of room */

const char *doctor_grade_name(enum doctor_grade grade)
{
	static const char *const NAMES[] = {
		[DOCTOR_GOOD] = "good", [DOCTOR_WARNING] = "warning", [DOCTOR_BAD] = "bad"};

	return NAMES[grade];
}

void doctor_say(struct doctor *doctor, const char *check, enum doctor_grade grade,
		const char *format, ...)
{
	struct doctor_finding finding = {.check = check, .grade = grade};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding.text, sizeof(finding.text), format, arguments);
	va_end(arguments);
	doctor->worst = BL_MAX(doctor->worst, grade);
	doctor->tell(doctor->context, &finding);
}

static void check_permissions(struct doctor *doctor)
{
	struct stat st;

	if (fstat(doctor->store_fd, &st) != 0)
		doctor_say(doctor, "store", DOCTOR_BAD, "cannot look at the store: %s",
			   strerror(errno));
	else if (st.st_uid != geteuid())
		doctor_say(doctor, "store", DOCTOR_BAD,
			   "belongs to uid %u (run doctor, and the service, as that user)",
			   st.st_uid);
	else if (st.st_mode & 066)
		doctor_say(doctor, "store", DOCTOR_BAD,
			   "may be listed or written by others (chmod 711 %s)", doctor->store_path);
	else
		doctor_say(doctor, "store", DOCTOR_GOOD, "is its owner's only");
}

/* A destroyed key is one that was overwritten where it lay. */
static void check_keys_medium(struct doctor *doctor)
{
	struct medium medium;
	struct bl_error why = {{0}};

	if (medium_look(doctor->keys_fd, &medium, &why) != BL_OK)
		doctor_say(doctor, "keys' filesystem", DOCTOR_BAD, "%s", why.text);
	else if (!medium.is_good)
		doctor_say(doctor, "keys' filesystem", DOCTOR_BAD, "the key file %s",
			   medium.trouble);
	else if (medium.has_no_medium)
		doctor_say(doctor, "keys' filesystem", DOCTOR_WARNING,
			   "%s: the keys are gone with the power, and no certificate can say that "
			   "they were read back raw (init --keys DIR on a disk)",
			   medium.filesystem);
	else
		doctor_say(doctor, "keys' filesystem", DOCTOR_GOOD,
			   "%s on %s: an overwrite in place reaches the bytes", medium.filesystem,
			   *medium.disk ? medium.disk : "no disk");
}

static void check_locks(struct doctor *doctor)
{
	struct vault_locks locks = {.count = 0};
	struct bl_error why = {{0}};
	char text[200] = "";
	bool is_open = false;

	if (vault_locks(doctor->keys_fd, &locks, &why) != BL_OK) {
		doctor_say(doctor, "locks", DOCTOR_BAD, "%s", why.text);
		return;
	}
	for (size_t i = 0; i < locks.count; i++) {
		size_t used = strlen(text);

		is_open = is_open || locks.kinds[i] == VAULT_LOCK_NONE;
		snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "",
			 vault_lock_name(locks.kinds[i]));
	}
	if (is_open)
		doctor_say(doctor, "locks", DOCTOR_WARNING,
			   "none: who takes the disk takes the keys (a new store: init "
			   "--passphrase, --key-file or --credential)");
	else
		doctor_say(doctor, "locks", DOCTOR_GOOD, "%s%s", text,
			   locks.count == 1 ? "; only one: if it is lost, so is everything" : "");
}

static void check_copies(struct doctor *doctor)
{
	struct vault_health health = {0};
	struct bl_error why = {{0}};

	if (vault_check(doctor->keys_fd, &health, &why) != BL_OK)
		doctor_say(doctor, "key slots", DOCTOR_BAD, "%s", why.text);
	else if (health.copies_bad)
		doctor_say(doctor, "key slots", DOCTOR_BAD,
			   "%zu copies are not as their twin: the disk may be failing (start the "
			   "service once, it mends them; then look at the disk)",
			   health.copies_bad);
	else
		doctor_say(doctor, "key slots", DOCTOR_GOOD,
			   "%zu live, %zu destroyed, both copies of each the same",
			   health.slots_live, health.slots_tombstone);
}

static void check_room(struct doctor *doctor)
{
	struct statvfs fs;

	if (fstatvfs(doctor->store_fd, &fs) != 0) {
		doctor_say(doctor, "room", DOCTOR_BAD, "cannot ask: %s", strerror(errno));
		return;
	}
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;

	doctor_say(doctor, "room", left < ROOM_LEAST ? DOCTOR_WARNING : DOCTOR_GOOD,
		   "%llu MiB are left for sealed images and the log",
		   (unsigned long long)(left >> 20));
}

static void check_kit(struct doctor *doctor)
{
	struct stat st;

	if (fstatat(doctor->store_fd, KIT_IN_STORE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		doctor_say(doctor, "auditor's kit", DOCTOR_WARNING,
			   "lies in the store: who has the store can forge its log (move '%s' to "
			   "the auditor)",
			   KIT_IN_STORE);
	else
		doctor_say(doctor, "auditor's kit", DOCTOR_GOOD, "is not in the store");
}

/* ---- sealed images -------------------------------------------------------------------------------- */

struct images {
	size_t complete, unfinished, bad, foreign;
	char first_bad[BL_DEVICE_ID_SIZE]; /* a device's id; never a name out of one */
};

static bool is_ours(const char *name)
{
	static const char *const NAMES[] = {".",      "..",	 "header",     "data",
					    "index",  "keys",	 "gaps",       "gaps.new",
					    "intake", "rewrite", "rewrite.old"};

	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		if (strcmp(name, NAMES[i]) == 0)
			return true;
	return false;
}

static size_t count_foreign(int device_fd)
{
	int fd = openat(device_fd, SEALED_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	size_t count = 0;

	if (!folder) {
		fd_close(fd);
		return 0;
	}
	for (const struct dirent *entry; (entry = readdir(folder));)
		count += !is_ours(entry->d_name);
	closedir(folder);
	return count;
}

static void look_at_image(struct images *images, int devices_fd, const char *id)
{
	struct sealed_facts facts;
	BL_CLEANUP(fd_close)
	int fd = openat(devices_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	enum bl_status status = fd < 0 ? BL_IO : sealed_look(fd, id, &facts, NULL);

	if (status == BL_NOT_FOUND)
		return;
	if (status == BL_OK) {
		*(facts.is_complete ? &images->complete : &images->unfinished) += 1;
	} else {
		images->bad++;
		memcpy(images->first_bad, id, strlen(id) + 1); /* its length was checked */
	}
	images->foreign += fd < 0 ? 0 : count_foreign(fd);
}

static void check_images(struct doctor *doctor)
{
	struct images images = {0};
	int fd = openat(doctor->store_fd, "devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder) {
		fd_close(fd);
		doctor_say(doctor, "sealed images", DOCTOR_BAD,
			   "cannot list the devices: %s (run doctor as the store's owner)",
			   strerror(errno));
		return;
	}
	for (const struct dirent *entry; (entry = readdir(folder));)
		if (bl_device_id_ok(entry->d_name))
			look_at_image(&images, fd, entry->d_name);
	closedir(folder);
	if (images.bad)
		doctor_say(doctor, "sealed images", DOCTOR_BAD,
			   "%zu cannot be opened, the first is that of '%s' (restore it from a "
			   "copy)",
			   images.bad, images.first_bad);
	else if (images.foreign)
		doctor_say(doctor, "sealed images", DOCTOR_WARNING,
			   "%zu files among them are none of ours (look at devices/*/image)",
			   images.foreign);
	else if (images.unfinished)
		doctor_say(doctor, "sealed images", DOCTOR_WARNING,
			   "%zu complete, %zu not (the same bailee intake goes on with each)",
			   images.complete, images.unfinished);
	else
		doctor_say(doctor, "sealed images", DOCTOR_GOOD, "%zu, all complete",
			   images.complete);
}

/* ---- destructions ---------------------------------------------------------------------------------- */

static bool has_journal(int devices_fd, const char *id)
{
	static const char *const JOURNALS[] = {"shred", "shred-source", "shred-part"};
	BL_CLEANUP(fd_close)
	int fd = openat(devices_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < BL_COUNT(JOURNALS); i++)
		if (faccessat(fd, JOURNALS[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

static void check_shreds(struct doctor *doctor)
{
	char first[BL_DEVICE_ID_SIZE] = "";
	size_t begun = 0;
	int fd = openat(doctor->store_fd, "devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder) { /* told with the sealed images */
		fd_close(fd);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(folder));)
		if (bl_device_id_ok(entry->d_name) && has_journal(fd, entry->d_name) && !begun++)
			snprintf(first, sizeof(first), "%.31s", entry->d_name);
	closedir(folder);
	if (begun)
		doctor_say(doctor, "destructions", DOCTOR_WARNING,
			   "%zu begun and not at their end, the first is that of '%s' (bailee "
			   "status says what stands in the way)",
			   begun, first);
	else
		doctor_say(doctor, "destructions", DOCTOR_GOOD, "none is half way");
}

/* ---- all of it ------------------------------------------------------------------------------------- */

static bool open_keys(struct doctor *doctor)
{
	struct bl_error why = {{0}};

	if (device_store_keys_at(doctor->store_fd, &doctor->keys_fd, &why) == BL_OK)
		return true;
	doctor_say(doctor, "keys", DOCTOR_BAD, "%s", why.text);
	return false;
}

enum bl_status daemon_doctor(const char *store_path, doctor_tell_fn *tell, void *context,
			     enum doctor_grade *out_worst, struct bl_error *why)
{
	struct doctor doctor = {.store_path = store_path,
				.keys_fd = -1,
				.tell = tell,
				.context = context,
				.worst = DOCTOR_GOOD};
	struct stat st;
	BL_CLEANUP(fd_close) int fd = open(store_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		return bl_fail(why, BL_FORBIDDEN, "store '%s' is not yours to look at", store_path);
	if (fd < 0 || fstatat(fd, "bailee.store", &st, AT_SYMLINK_NOFOLLOW) != 0)
		return bl_fail(why, BL_NOT_FOUND, "there is no store '%s' (bailee init)",
			       store_path);
	doctor.store_fd = fd;
	check_permissions(&doctor);
	if (open_keys(&doctor)) {
		check_keys_medium(&doctor);
		check_locks(&doctor);
		check_copies(&doctor);
		fd_close(doctor.keys_fd);
	}
	check_images(&doctor);
	check_shreds(&doctor);
	check_room(&doctor);
	check_kit(&doctor);
	doctor_host(&doctor);
	doctor_session(&doctor);
	*out_worst = doctor.worst;
	return BL_OK;
}

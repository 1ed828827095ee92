/* bailee doctor: what this machine does with memory, time and devices. */
#include "fs/daemon/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "fs/serve/serve.h"
#include "fs/vault/sealed.h"

/* One line of a small file of the kernel's; "" when it cannot be read. */
static void read_line(const char *path, char *out, size_t size)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, out, size - 1);

	out[BL_MAX(length, 0)] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* ---- swap: keys are locked in memory, but what viewers show is not --------------------------------- */

static bool is_encrypted(const char *path)
{
	struct stat st;
	char uuid_path[64], uuid[64];

	if (strncmp(path, "/dev/zram", 9) == 0)
		return true; /* memory */
	if (stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
		return false;
	snprintf(uuid_path, sizeof(uuid_path), "/sys/dev/block/%u:%u/dm/uuid", major(st.st_rdev),
		 minor(st.st_rdev));
	read_line(uuid_path, uuid, sizeof(uuid));
	return strncmp(uuid, "CRYPT-", 6) == 0;
}

static void check_swap(struct doctor *doctor)
{
	FILE *file = fopen("/proc/swaps", "re");
	char *line = NULL;
	size_t room = 0, plain = 0, all = 0;

	if (!file) {
		doctor_say(doctor, "swap", DOCTOR_WARNING, "cannot be looked at");
		return;
	}
	for (bool is_head = true; getline(&line, &room, file) > 0; is_head = false) {
		line[strcspn(line, " \t")] = '\0';
		if (is_head)
			continue;
		all++;
		plain += !is_encrypted(line);
	}
	free(line);
	fclose(file);
	if (plain)
		doctor_say(doctor, "swap", DOCTOR_BAD,
			   "%zu of %zu are not encrypted: what viewers show may rest on a disk "
			   "(swapoff -a, zram, or swap on dm-crypt with a random key)",
			   plain, all);
	else
		doctor_say(doctor, "swap", DOCTOR_GOOD, all ? "encrypted or in memory" : "none");
}

static void check_cores(struct doctor *doctor)
{
	char dumpable[16];

	read_line("/proc/sys/fs/suid_dumpable", dumpable, sizeof(dumpable));
	if (strcmp(dumpable, "1") == 0)
		doctor_say(doctor, "cores", DOCTOR_BAD,
			   "fs.suid_dumpable is 1: privileged programs leave readable cores "
			   "(sysctl fs.suid_dumpable=0)");
	else
		doctor_say(doctor, "cores", DOCTOR_GOOD,
			   "Bailee's own processes leave none, other privileged ones no readable "
			   "ones");
}

/* The whole memory goes to a disk then. */
static void check_hibernation(struct doctor *doctor)
{
	char resume[32], state[64];

	read_line("/sys/power/resume", resume, sizeof(resume));
	read_line("/sys/power/state", state, sizeof(state));
	if (strstr(state, "disk") && *resume && strcmp(resume, "0:0") != 0)
		doctor_say(doctor, "hibernation", DOCTOR_WARNING,
			   "is set up (disk %s): it writes keys to the disk (systemctl mask "
			   "hibernate.target)",
			   resume);
	else
		doctor_say(doctor, "hibernation", DOCTOR_GOOD, "is not set up");
}

static void check_ptrace(struct doctor *doctor)
{
	char scope[16];

	read_line("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope));
	if (!*scope || strcmp(scope, "0") == 0)
		doctor_say(doctor, "ptrace", DOCTOR_WARNING,
			   "a person's programs may look into each other (sysctl "
			   "kernel.yama.ptrace_scope=1)");
	else
		doctor_say(doctor, "ptrace", DOCTOR_GOOD, "is restricted");
}

static void check_locked_memory(struct doctor *doctor)
{
	struct rlimit limit;

	if (geteuid() == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
	    limit.rlim_cur >= SEALED_HOT_BYTES + SEALED_HOT_BYTES / SEALED_HOT_SPARE)
		doctor_say(doctor, "locked memory", DOCTOR_GOOD,
			   "enough for the keys and %llu MiB of decrypted chunks",
			   (unsigned long long)(SEALED_HOT_BYTES >> 20));
	else
		doctor_say(doctor, "locked memory", DOCTOR_WARNING,
			   "at most %llu KiB: sealed images are read slowly, or not at all "
			   "(LimitMEMLOCK=64M)",
			   (unsigned long long)limit.rlim_cur >> 10);
}

static void check_clock(struct doctor *doctor)
{
	struct timex state = {.modes = 0};

	if (adjtimex(&state) < 0 || state.status & STA_UNSYNC)
		doctor_say(doctor, "clock", DOCTOR_WARNING,
			   "the kernel does not call it synchronised: dates of destruction and "
			   "certificates depend on it (chrony or systemd-timesyncd)");
	else
		doctor_say(doctor, "clock", DOCTOR_GOOD, "synchronised");
}

static void check_ciphers(struct doctor *doctor)
{
	if (sealed_algorithm_here() == SEALED_AES256_GCM)
		doctor_say(doctor, "ciphers", DOCTOR_GOOD, "AES in hardware: new images use %s",
			   sealed_algorithm_name(SEALED_AES256_GCM));
	else
		doctor_say(doctor, "ciphers", DOCTOR_WARNING,
			   "no AES in hardware: new images use %s, and ones made with AES-256-GCM "
			   "elsewhere cannot be opened here",
			   sealed_algorithm_name(SEALED_XCHACHA20));
}

static void check_kernel(struct doctor *doctor)
{
	struct utsname name;
	unsigned major_number = 0, minor_number = 0;

	if (uname(&name) != 0 || sscanf(name.release, "%u.%u", &major_number, &minor_number) != 2 ||
	    major_number < 6 || (major_number == 6 && minor_number < 1))
		doctor_say(doctor, "kernel", DOCTOR_WARNING,
			   "older than 6.1, which nothing was measured on (Debian 12 has 6.1)");
	else
		doctor_say(doctor, "kernel", DOCTOR_GOOD, "%u.%u", major_number, minor_number);
}

static void check_fuse(struct doctor *doctor)
{
	BL_CLEANUP(fd_close) int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		doctor_say(doctor, "fuse", DOCTOR_BAD, "/dev/fuse: %s (modprobe fuse)",
			   strerror(errno));
	else
		doctor_say(doctor, "fuse", DOCTOR_GOOD, "is there");
}

/* What a view is made of, tried (docs/serving.md, "What the kernel has to do"). */
static void check_views(struct doctor *doctor)
{
	static const enum doctor_grade GRADES[] = {[SERVE_GOOD] = DOCTOR_GOOD,
						   [SERVE_SLOWER] = DOCTOR_WARNING,
						   [SERVE_LEAK] = DOCTOR_BAD};
	struct serve_kernel kernel;
	struct bl_error why = {{0}};
	enum bl_status status = serve_selftest(&kernel, &why);

	if (status != BL_OK)
		doctor_say(doctor, "views", status == BL_FORBIDDEN ? DOCTOR_WARNING : DOCTOR_BAD,
			   "not tried: %.400s", why.text);
	for (size_t i = 0; status == BL_OK && i < SERVE_FACTS; i++) {
		struct serve_fact fact = serve_kernel_fact(&kernel, i);

		doctor_say(doctor, fact.check, GRADES[fact.grade], "%s", fact.text);
	}
}

void doctor_host(struct doctor *doctor)
{
	static void (*const CHECKS[])(struct doctor *) = {
		check_swap,  check_cores,   check_hibernation, check_ptrace, check_locked_memory,
		check_clock, check_ciphers, check_kernel,      check_fuse,   check_views,
	};

	for (size_t i = 0; i < BL_COUNT(CHECKS); i++)
		CHECKS[i](doctor);
}

/*
 * bailee doctor: can there be sealed sessions here? (docs/sessions.md)
 *
 * Where one cannot be, nobody gets a weaker one: nothing is in danger, so none of this is worse than a warning.
 */
#include "fs/daemon/doctor.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/daemon/daemon.h"
#include "fs/session/session.h"

/* What a policy has that names none (docs/bailee-policy.5, "sessions"), and Debian's packages of them. */
static const struct viewer {
	const char *name, *package;
} VIEWERS[] = {
	{"nnn", "nnn"},	  {"less", "less"}, {"ls", "coreutils"}, {"find", "findutils"},
	{"file", "file"}, {"tree", "tree"}, {"grep", "grep"},	 {"hexdump", "bsdextrautils"},
};

/* Looked at first, so that a test can say what is there. */
struct place_facts {
	bool is_root;
	int landlock;	     /* its version; below 0: an errno */
	int namespace_error; /* 0: all that a session needs could be made */
	bool does_proc_hide;
	struct bl_error program; /* no text: bailee-session is there */
	bool has_viewer[BL_COUNT(VIEWERS)];
};

/* ---- looking --------------------------------------------------------------------------------------- */

/* In a process of its own, as bailee-session makes them. */
static int try_namespaces(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET |
			      CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) == 0
			      ? 0
			      : errno);
	if (pid < 0)
		return errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* Where bailee-session looks for one. */
static bool has_viewer(const char *name)
{
	static const char *const FOLDERS[] = {"/usr/bin", "/bin"};
	char path[64];

	for (size_t i = 0; i < BL_COUNT(FOLDERS); i++) {
		snprintf(path, sizeof(path), "%s/%s", FOLDERS[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void look(struct place_facts *facts)
{
	char path[4096];
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	*facts = (struct place_facts){.is_root = geteuid() == 0,
				      .landlock = version < 0 ? -errno : (int)version,
				      .namespace_error = try_namespaces(),
				      .does_proc_hide = sight_hides(getpid())};
	if (daemon_program_path("bailee-session", path, sizeof(path), &facts->program) == BL_OK)
		facts->program.text[0] = '\0';
	for (size_t i = 0; i < BL_COUNT(VIEWERS); i++)
		facts->has_viewer[i] = has_viewer(VIEWERS[i].name);
}

/* ---- telling --------------------------------------------------------------------------------------- */

static void tell_program(struct doctor *doctor, const struct place_facts *facts)
{
	if (*facts->program.text)
		doctor_say(doctor, "sessions", DOCTOR_WARNING, "none: %.200s", facts->program.text);
	else if (!facts->is_root)
		doctor_say(doctor, "sessions", DOCTOR_WARNING,
			   "none from a service that is not root (as root: bailee serve)");
	else
		doctor_say(doctor, "sessions", DOCTOR_GOOD, "bailee-session is there");
}

static void tell_landlock(struct doctor *doctor, const struct place_facts *facts)
{
	if (facts->landlock == -EOPNOTSUPP)
		doctor_say(doctor, "landlock", DOCTOR_WARNING,
			   "is switched off: no sealed session (add landlock to lsm= on the "
			   "kernel's command line)");
	else if (facts->landlock < 0)
		doctor_say(doctor, "landlock", DOCTOR_WARNING,
			   "the kernel has none: no sealed session (Debian 12's has: 6.1)");
	else if (facts->landlock < LAUNCH_LANDLOCK)
		doctor_say(doctor, "landlock", DOCTOR_WARNING,
			   "version %d, and sealed sessions need %d: none here (Debian 12's "
			   "kernel has it: 6.1)",
			   facts->landlock, LAUNCH_LANDLOCK);
	else
		doctor_say(doctor, "landlock", DOCTOR_GOOD, "version %d", facts->landlock);
}

static void tell_namespaces(struct doctor *doctor, const struct place_facts *facts)
{
	if (facts->namespace_error == ENOSPC)
		doctor_say(doctor, "namespaces", DOCTOR_WARNING,
			   "no more can be made: no sealed session (sysctl "
			   "user.max_user_namespaces, and the others of user.max_*_namespaces)");
	else if (facts->namespace_error)
		doctor_say(doctor, "namespaces", DOCTOR_WARNING,
			   "cannot be made: no sealed session: %s (a container or a chroot "
			   "around it, or kernel.unprivileged_userns_clone=0)",
			   strerror(facts->namespace_error));
	else
		doctor_say(doctor, "namespaces", DOCTOR_GOOD, "can be made");
}

static void tell_proc(struct doctor *doctor, const struct place_facts *facts)
{
	if (facts->does_proc_hide)
		doctor_say(doctor, "/proc", DOCTOR_GOOD, "hides other people's processes");
	else
		doctor_say(doctor, "/proc", DOCTOR_WARNING,
			   "shows people each other's processes, and what a viewer was started "
			   "with: no sealed session unless the policy accepts it (mount -o "
			   "remount,hidepid=invisible /proc; in /etc/fstab without gid=: proc "
			   "/proc proc hidepid=invisible 0 0)");
}

static void tell_viewers(struct doctor *doctor, const struct place_facts *facts)
{
	char names[200] = "", packages[200] = "";

	for (size_t i = 0; i < BL_COUNT(VIEWERS); i++) {
		size_t name = strlen(names), package = strlen(packages);

		if (facts->has_viewer[i])
			continue;
		snprintf(names + name, sizeof(names) - name, " %s", VIEWERS[i].name);
		snprintf(packages + package, sizeof(packages) - package, " %s", VIEWERS[i].package);
	}
	if (*names)
		doctor_say(doctor, "viewers", DOCTOR_WARNING, "not installed:%s (apt install%s)",
			   names, packages);
	else
		doctor_say(doctor, "viewers", DOCTOR_GOOD,
			   "all that a policy has which names none");
}

static void tell_all(struct doctor *doctor, const struct place_facts *facts)
{
	tell_program(doctor, facts);
	tell_landlock(doctor, facts);
	tell_namespaces(doctor, facts);
	tell_proc(doctor, facts);
	tell_viewers(doctor, facts);
}

void doctor_session(struct doctor *doctor)
{
	struct place_facts facts;

	look(&facts);
	tell_all(doctor, &facts);
}

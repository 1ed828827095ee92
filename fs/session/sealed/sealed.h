/* sealed.h - bailee-session from inside: the zygote, the tree of viewers, and the sealed place. Private to fs/session/sealed
 *
 * A program of its own, exec'd by the daemon's monitor before any device is open: nothing of a key, a passphrase or a device is ever in
 * its memory. One thread. docs/sessions.md, "Launching" and "The steps".
 *
 *   main.c      the socket, one clone3 for each session, uid maps, reaping; kills all of them when the daemon is gone
 *   tree.c      what viewers need of the host's packages, copied into a read-only tmpfs; the host is left behind
 *   stage.c     program.c  how it is copied; a program with its libraries (stage.h)
 *   place.c     process 1 of a session: the steps, in order, from a table; go; seal
 *   landlock.c  calls.c   the last two steps
 *   holder.c    what runs when it is sealed: process 1 reaps, its child holds, the viewer is the holder's child
 *   trial.c     where tests take one step away (never in what is installed)
 */
#ifndef FS_SESSION_SEALED_SEALED_H
#define FS_SESSION_SEALED_SEALED_H

#include <linux/filter.h>
#include <sys/types.h>

#include "fs/session/launch.h"

/* ---- the template: our whole root once the tree is built ------------------------------------------ */

/* A read-only tmpfs; the root of every session, bound on itself there. Its inodes are shared with nothing of the host. */
#define TEMPLATE_ROOT "/image"
/* Beside it, so never inside a session: a node of the fuse device (0666), and a whole proc, without which the kernel allows no new one. */
#define TEMPLATE_FUSE "/setup/fuse"
#define TEMPLATE_PROC "/setup/proc"
/* In TEMPLATE_ROOT: empty folders to mount on; dev/ also has null, zero, full, random, urandom, tty as nodes of its own */
#define PLACE_PTS  "/dev/pts"
#define PLACE_PROC "/proc"
#define PLACE_TMP  "/tmp"
/* and LAUNCH_FOLDER for the view */

/* What failed, by the name of its step. Static text. */
struct seal_failure {
	const char *step;
	int error; /* errno */
};

/*
 * tree_build - leave the host: our mount namespace holds the template and nothing else afterwards
 *
 * @programs  names ("less") or whole paths of viewers; searched in /usr/bin and /bin; each has to be a root-owned ELF program that nobody
 *            else can write. They lie in the tree as /usr/bin/NAME, mode 0111
 * @out_missing  LAUNCH_TEXT bytes: those the host does not have, with spaces between
 * True, or false with what failed. The host's loader (--list) says which libraries a program needs.
 */
bool tree_build(const char *const *programs, size_t count, char *out_missing,
		struct seal_failure *out_failure);
/* tree_step - the name of its step number @index, NULL behind the last */
const char *tree_step(size_t index);
/* tree_has_* - in the tree that was built: a program "/usr/bin/NAME"; an entry of terminfo */
bool tree_has_viewer(const char *path);
bool tree_has_terminal(const char *name);

/* ---- the sealed place --------------------------------------------------------------------------- */

/* The system calls of a session, compiled once by the zygote. */
struct calls {
	struct sock_filter *filter; /* owned (calls_done) */
	size_t count;
};
/* calls_build - 0 or an errno. With libseccomp; the list and why: docs/sessions.md, "System calls" */
int calls_build(struct calls *out);
void calls_done(struct calls *calls);
/* calls_seal - from now on for this process and all its children; needs no_new_privs. 0 or an errno. */
int calls_seal(const struct calls *calls);

/* landlock_seal - reading and running the tree, reading the view, the terminal: nothing else. 0 or an errno; ABI 2 is the least. */
int landlock_seal(void);

/*
 * place_main - process 1 of a session, from its first instruction to its end
 *
 * @zygote  pid of bailee-session, as TEMPLATE_PROC shows it: inside, its parent reads as 0, whoever that has become
 *
 * It is in its new namespaces, its uid maps are written, it has no supplementary groups (nobody can drop them any more). Goes through
 * the steps (LAUNCH_MOUNTED after the mounts, then waits for go), seals, tells LAUNCH_SEALED, becomes holder_main. What fails is told as LAUNCH_FAILED, and the process ends.
 */
_Noreturn void place_main(const struct launch_request *request, int channel_fd, pid_t zygote,
			  const struct calls *calls);

/* place_steps - the names of all steps that place_main goes through, NULL-terminated: what `bailee-session --steps` prints */
const char *const *place_steps(void);

/* holder_main - sealed: start holder and viewer, reap, end with 0 or 1 when the viewer has ended */
_Noreturn void holder_main(const struct launch_request *request);

/* seal_trial - 0; in tests the errno that a step is to fail with. Asked before each step, of zygote and place alike. */
int seal_trial(const char *step);
/* seal_trial_begin - once, while the host's files are still there */
void seal_trial_begin(void);

/* report_send - one launch_report with up to two descriptors (-1: none); false when the other end is gone */
bool report_send(int fd, const struct launch_report *report, int first_fd, int second_fd);

#endif

/* attack.h - what a hostile program tries in a sealed session or against one, and who listens for it outside
 *
 * One table over several files. Each row is tried twice in every run: unprotected, where it has to work (its positive control), and
 * against a real session. tests/attacks/attacks.py says how, docs/attacks.md what came of it.
 */
#ifndef TESTS_ATTACKS_ATTACK_H
#define TESTS_ATTACKS_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MARKER_LENGTH 32

/* One try of one row. The attempt is one process, its listener another: they share the marker and the key, nothing else. */
struct attack {
	const char *key; /* a word of this try alone: names of files, sockets, queues */
	const char *
		argument; /* what the listener says of itself: its pid, a descriptor, an address; "" without one */
	const char *folder; /* of the secret: a device in a session, an ordinary folder outside */
	const char *secret;
	char marker[MARKER_LENGTH + 1]; /* what the secret holds */
	const char *failed;		/* the call that did not work */
	/* a listener's own */
	char reply[128]; /* its argument for the attempt */
	int fd, other_fd;
	void *memory;
	long value;
};

enum row_flags {
	BY_ROOT = 1, /* works for root only, even unprotected: so does the control */
	PEER = 2,    /* the listener may also be a program in another person's session */
	KNOWN = 4, /* a channel that docs/attacks.md admits: its rate is measured, not its absence */
	BY_OTHER = 8,	   /* from outside: also by somebody else */
	NEEDS_SPACES = 16, /* its control is a victim in a user and mount namespace of its own */
	VISIBLE = 32	   /* from outside: also from where /proc hides nothing */
};

struct row {
	const char *name;
	const char *tries; /* in the table of docs/attacks.md */
	unsigned flags;
	/* 0: it worked, as far as it can tell; an errno. */
	int (*attempt)(struct attack *attack);
	/* What is listening outside, if anything has to: 0 or an errno; and whether it has heard the marker, or the bit. */
	int (*listen)(struct attack *attack);
	bool (*heard)(struct attack *attack);
};

/* A running program with the secret in its memory and open: what attempts from outside are made against. */
struct victim {
	pid_t pid;
	int fd;
	unsigned long address; /* of the marker in its memory */
	uid_t uid;
	const char *secret;  /* where it sees it */
	const char *scratch; /* a folder of the attacker's own */
};

struct outside_row {
	const char *name;
	const char *tries;
	unsigned flags;
	/* 0: the marker, or what else was wanted, was got; an errno */
	int (*attempt)(const struct victim *victim, const char *marker, const char **out_failed);
};

/* Each ends with a row without a name. */
extern const struct row write_rows[], run_rows[], socket_rows[], ipc_rows[], proc_rows[],
	watch_rows[], kernel_rows[], terminal_rows[], channel_rows[];
extern const struct outside_row outside_rows[];

/* failed - note which call it was; errno */
int failed(struct attack *attack, const char *call);
/* is_marker - do these bytes begin with the marker? */
bool is_marker(const struct attack *attack, const char *bytes, ssize_t length);
/* partner_of - the first number of the argument: the listener's pid */
pid_t partner_of(const struct attack *attack);
/* Of pids that may be looked at one by one: those that were given around the time of one's own. */
struct pid_range {
	pid_t first, last;
};
struct pid_range pids_nearby(void);
/* number_of - a number that others derive from the same key; never 0 */
int number_of(const char *key);

#endif

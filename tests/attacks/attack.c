/*
 * attack.c - runs attempts, one at a time, as its terminal says
 *
 *   attack inside SECRET           the interpreter below: in a session or, as the control, outside
 *   attack victim SECRET           has the secret in memory and open; ends with its input
 *   attack outside NAME PID FD ADDRESS UID SECRET SCRATCH MARKER
 *   attack exit CODE | die         how it ends is all it says
 *   attack flood                   writes lines until it cannot
 *   attack outlive HOW             leaves a process behind, says so, ends
 *   attack joined PROGRAM...       with a session keyring of its own
 *   attack list                    the table
 *   attack ran                     says 42: a program that was run
 *
 * Lines of the interpreter, each answered by "[[NAME ...]]":
 *   try NAME KEY ARGUMENT   an attempt in a child of its own, which stays until "."
 *   hear NAME KEY           its listener: "ready ARGUMENT"
 *   check                   has the listener heard it: "heard" or "nothing"
 *   .                       the child ends
 *   show HEX                these bytes to the terminal; 20*300, for three hundred blanks
 *   end                     ends with 0
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ANSWER_MS 15000

int failed(struct attack *attack, const char *call)
{
	attack->failed = call;
	return errno ? errno : EIO;
}

bool is_marker(const struct attack *attack, const char *bytes, ssize_t length)
{
	return length >= MARKER_LENGTH && memcmp(bytes, attack->marker, MARKER_LENGTH) == 0;
}

pid_t partner_of(const struct attack *attack)
{
	return (pid_t)atol(attack->argument);
}

#define NEARBY 30000

struct pid_range pids_nearby(void)
{
	pid_t own = getpid();

	return (struct pid_range){own > NEARBY ? own - NEARBY : 2, own + NEARBY};
}

int number_of(const char *key)
{
	unsigned value = 5381;

	for (; *key; key++)
		value = value * 33 + (unsigned char)*key;
	return (int)(value & 0x3fffffff) | 1;
}

static const struct row *const groups[] = {write_rows,	run_rows,      socket_rows,
					   ipc_rows,	proc_rows,     watch_rows,
					   kernel_rows, terminal_rows, channel_rows};
#define GROUP_COUNT (sizeof(groups) / sizeof(groups[0]))

static const struct row *row_named(const char *name)
{
	for (size_t i = 0; i < GROUP_COUNT; i++)
		for (const struct row *row = groups[i]; row->name; row++)
			if (strcmp(row->name, name) == 0)
				return row;
	return NULL;
}

static int list(void)
{
	for (size_t i = 0; i < GROUP_COUNT; i++)
		for (const struct row *row = groups[i]; row->name; row++)
			printf("inside\t%s\t%u\t%d\t%s\n", row->name, row->flags,
			       row->listen ? row->heard ? 2 : 1 : 0, row->tries);
	for (const struct outside_row *row = outside_rows; row->name; row++)
		printf("outside\t%s\t%u\t0\t%s\n", row->name, row->flags, row->tries);
	return 0;
}

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "?";
}

static int read_marker(const char *path, char *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, MARKER_LENGTH);

	if (fd >= 0)
		close(fd);
	out[got > 0 ? got : 0] = 0;
	return got == MARKER_LENGTH ? 0 : errno ? errno : EIO;
}

/* ---- the interpreter -------------------------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int in, out;
	char name[64];
};

_Noreturn static void child_main(const struct row *row, struct attack *attack, bool is_listener,
				 int in, int out)
{
	char line[256], byte;
	int error;

	errno = 0;
	error = is_listener ? row->listen(attack) : row->attempt(attack);
	if (error)
		snprintf(line, sizeof(line), "%s %s %s\n", is_listener ? "deaf" : "refused",
			 error_name(error), attack->failed ? attack->failed : "-");
	else
		snprintf(line, sizeof(line), "%s %s\n", is_listener ? "ready" : "did",
			 attack->reply);
	(void)!write(out, line, strlen(line));
	while (read(in, &byte, 1) == 1 && is_listener) {
		const char *said = row->heard(attack) ? "heard\n" : "nothing\n";

		(void)!write(out, said, strlen(said));
	}
	_exit(0);
}

/* One line of the child, or how it ended instead. */
static void answer(struct child *child)
{
	char line[256];
	size_t length = 0;
	struct pollfd ready = {child->out, POLLIN, 0};
	int status;

	while (length < sizeof(line) - 1 && poll(&ready, 1, ANSWER_MS) > 0 &&
	       read(child->out, line + length, 1) == 1 && line[length] != '\n')
		length++;
	line[length] = 0;
	if (length == 0) {
		kill(child->pid, SIGKILL);
		if (!(ready.revents & (POLLIN | POLLHUP)) || waitpid(child->pid, &status, 0) < 0)
			snprintf(line, sizeof(line), "hung");
		else if (WIFSIGNALED(status))
			snprintf(line, sizeof(line), "killed SIG%s",
				 sigabbrev_np(WTERMSIG(status)));
		else
			snprintf(line, sizeof(line), "ended");
	}
	printf("\r\n[[%s %s]]\r\n", child->name, line);
	fflush(stdout);
}

static void start(struct child *child, const struct row *row, struct attack *attack,
		  bool is_listener)
{
	int in[2], out[2];

	snprintf(child->name, sizeof(child->name), "%s", row->name);
	if (pipe(in) < 0 || pipe(out) < 0)
		return;
	child->pid = fork();
	if (child->pid == 0) {
		close(in[1]);
		close(out[0]);
		child_main(row, attack, is_listener, in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	child->in = in[1];
	child->out = out[0];
	answer(child);
}

static void stop(struct child *child)
{
	if (child->pid > 0) {
		close(child->in);
		close(child->out);
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	child->pid = 0;
	printf("\r\n[[%s over]]\r\n", child->name);
	fflush(stdout);
}

/* "1b5b*300,6e": a byte may stand for many. */
static void show(const char *hex)
{
	unsigned byte;

	while (sscanf(hex, "%2x", &byte) == 1 && hex[1]) {
		char *end = (char *)hex + 2;
		long count = *end == '*' ? strtol(end + 1, &end, 10) : 1;

		for (; count > 0; count--)
			putchar((int)byte);
		hex = end + (*end == ',');
	}
	fflush(stdout);
}

static int interpret(const char *secret)
{
	struct attack attack = {.secret = secret, .fd = -1, .other_fd = -1};
	struct child child = {0};
	static char line[65536];
	char folder[4096], *words[4];

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(secret, '/') - secret), secret);
	attack.folder = folder;
	signal(SIGPIPE, SIG_IGN);
	int error = read_marker(secret, attack.marker);

	printf("\r\n[[start %s]]\r\n", error ? error_name(error) : "ok");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int count = 0;

		for (char *word = strtok(line, " \r\n"); word && count < 4;
		     word = strtok(NULL, "\r\n"), count++)
			if (count < 2 && count > 0) {
				words[count] = strsep(&word, " ");
				if (word) {
					words[++count] = strsep(&word, " ");
					if (word)
						words[++count] = word;
				}
			} else {
				words[count] = word;
			}
		const struct row *row = count > 1 ? row_named(words[1]) : NULL;

		attack.key = count > 2 ? words[2] : "";
		attack.argument = count > 3 ? words[3] : "";
		if (count > 0 && strcmp(words[0], "end") == 0)
			return 0;
		if (count == 1 && strcmp(words[0], ".") == 0) {
			stop(&child);
		} else if (count == 1 && strcmp(words[0], "check") == 0) {
			(void)!write(child.in, "?", 1);
			answer(&child);
		} else if (count == 2 && strcmp(words[0], "show") == 0) {
			show(words[1]);
		} else if (row && strcmp(words[0], "try") == 0) {
			start(&child, row, &attack, false);
		} else if (row && row->listen && strcmp(words[0], "hear") == 0) {
			start(&child, row, &attack, true);
		} else {
			printf("\r\n[[what]]\r\n");
			fflush(stdout);
		}
	}
	return 0;
}

static int inside(const char *secret)
{
	struct termios terminal;

	if (tcgetattr(0, &terminal) == 0) {
		terminal.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
		terminal.c_oflag &= ~(tcflag_t)OPOST;
		terminal.c_cc[VMIN] = 1;
		tcsetattr(0, TCSANOW, &terminal);
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	return interpret(secret);
}

/* ---- programs that are only there -------------------------------------------------------------------------- */

static int victim(const char *secret)
{
	static char marker[MARKER_LENGTH + 1];
	char byte;
	int fd = open(secret, O_RDONLY);

	if (fd < 0 || pread(fd, marker, MARKER_LENGTH, 0) != MARKER_LENGTH)
		return 1;
	printf("\r\n[[victim %d %d %lu]]\r\n", (int)getpid(), fd, (unsigned long)marker);
	fflush(stdout);
	while (read(0, &byte, 1) == 1)
		;
	return 0;
}

static int flood(void)
{
	char line[80];

	for (unsigned long i = 0;; i++) {
		int length =
			snprintf(line, sizeof(line),
				 "%08lu all that there is to be seen of it in this line\r\n", i);

		if (write(1, line, (size_t)length) < 0)
			return 0;
	}
}

/* Stays whatever happens to its terminal, until somebody kills it. */
_Noreturn static void survivor(const char *how, int said_fd)
{
	const pid_t own = getpid();
	volatile unsigned long turns = 0;

	setsid();
	for (int number = 1; number < 32; number++)
		signal(number, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, 0);
	(void)!write(said_fd, &own, sizeof(own));
	if (strcmp(how, "stopped") == 0)
		raise(SIGSTOP);
	if (strcmp(how, "busy") == 0)
		for (;;)
			turns++;
	for (;;)
		pause();
}

static int outlive(const char *how)
{
	int pipes[2];
	char byte = 0;
	pid_t left = 0;

	if (pipe(pipes) < 0)
		return 1;
	if (fork() == 0) {
		if (fork() == 0)
			survivor(how, pipes[1]);
		_exit(0);
	}
	(void)!read(pipes[0], &left, sizeof(left));
	printf("\r\n[[left %d]]\r\n", (int)left);
	fflush(stdout);
	(void)!read(0, &byte, 1);
	return 0;
}

static int outside(char **words)
{
	const struct victim victim = {.pid = (pid_t)atol(words[1]),
				      .fd = atoi(words[2]),
				      .address = strtoul(words[3], NULL, 10),
				      .uid = (uid_t)strtoul(words[4], NULL, 10),
				      .secret = words[5],
				      .scratch = words[6]};
	const char *call = "-";

	for (const struct outside_row *row = outside_rows; row->name; row++) {
		if (strcmp(row->name, words[0]) != 0)
			continue;
		errno = 0;
		int error = row->attempt(&victim, words[7], &call);

		if (error)
			printf("[[%s refused %s %s]]\n", row->name, error_name(error), call);
		else
			printf("[[%s did]]\n", row->name);
		return 0;
	}
	return 2;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "inside") == 0 && argc == 3)
		return inside(argv[2]);
	if (strcmp(verb, "victim") == 0 && argc >= 3)
		return victim(argv[2]);
	if (strcmp(verb, "outside") == 0 && argc == 10)
		return outside(argv + 2);
	if (strcmp(verb, "exit") == 0 && argc == 3)
		return atoi(argv[2]);
	if (strcmp(verb, "die") == 0)
		return raise(SIGSEGV);
	if (strcmp(verb, "flood") == 0)
		return flood();
	if (strcmp(verb, "outlive") == 0 && argc == 3)
		return outlive(argv[2]);
	if (strcmp(verb, "joined") == 0 && argc > 2) {
		syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);
		syscall(SYS_keyctl, 5 /* KEYCTL_SETPERM */, -3, 0x3f3f3f3f);
		execvp(argv[2], argv + 2);
		return 127;
	}
	if (strcmp(verb, "list") == 0)
		return list();
	if (strcmp(verb, "ran") == 0) {
		printf("euid %d\n", (int)geteuid());
		return 42;
	}
	return 2;
}

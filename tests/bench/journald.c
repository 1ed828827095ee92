/*
 * The log against journald as it is usually run: not sealed, synced every five minutes. In interleaved rounds on one disk; the best of
 * each side counts.
 *
 *   journald PROGRAM     PROGRAM: systemd-journald. In a mount namespace that tests/bench/journald.sh made for it.
 *
 * audit.durable_events_s_64_vs_journald   ours: 64 requests in flight, each durable before its answer
 *
 * The peer gets the same number of events with as many fields, from 64 senders over its native socket, and nothing is durable when
 * the last one was taken over. That moment ends the round: what then still lies in the socket is counted in its favour. That all of
 * it arrived is looked at in the end.
 */
#include "tests/bench/log-load.h"

#include <poll.h>
#include <pthread.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ROUNDS 5u
#define SOCKET "/run/systemd/journal/socket"
#define NOTIFY "/run/bench.notify"
#define ARRIVED                                                                                    \
	"journalctl --quiet --directory=/var/log/journal --output=cat VERDICT=0 VERDICT=1 | wc -l"

/* ---- the peer ---------------------------------------------------------------------------------- */

static int unix_socket(const char *path,
		       int (*join)(int fd, const struct sockaddr *address, socklen_t length))
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || join(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		load_die(path);
	return fd;
}

static pid_t journald_start(const char *program)
{
	pid_t child = fork();

	if (child < 0)
		load_die("cannot start journald");
	if (child > 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setenv("NOTIFY_SOCKET", NOTIFY, 1);
	execl(program, program, (char *)NULL);
	_exit(127);
}

/* It says when it listens (sd_notify). */
static void journald_wait(pid_t journald, int notify_fd)
{
	int pid_fd = pidfd_open(journald, 0);
	struct pollfd waits[] = {{.fd = notify_fd, .events = POLLIN},
				 {.fd = pid_fd, .events = POLLIN}};
	char text[512];

	do {
		if (poll(waits, BL_COUNT(waits), -1) < 0 || waits[1].revents)
			load_die("journald ended");

		ssize_t length = recv(notify_fd, text, sizeof(text) - 1, 0);

		text[BL_MAX(length, 0)] = '\0';
	} while (!strstr(text, "READY=1"));
	close(pid_fd);
}

static void journald_stop(pid_t journald)
{
	kill(journald, SIGTERM);
	waitpid(journald, NULL, 0);
}

/* As many fields as an event of ours has, what journald adds by itself (time, sequence, who sent it) left out. */
static int to_fields(const struct audit_event *event, char *out, size_t size)
{
	return snprintf(out, size,
			"MESSAGE=%s\nVERDICT=%d\nACCESS_UID=%u\nACCESS_GID=%u\nACCESS_PID=%u\n"
			"LOGIN_UID=%u\nVIEW=%llu\nSESSION=%llu\nACCESS_ERRNO=%u\nSERIAL=%llu\n"
			"OFFSET=%llu\nBYTES=%llu\nHANDLE=%llu\nTOKEN=%08x\nDEVICE=%s\nRULE=%s\n",
			audit_op_name(event->op), (int)event->verdict, event->uid, event->gid,
			event->pid, event->login_uid, (unsigned long long)event->view,
			(unsigned long long)event->session, event->error_number,
			(unsigned long long)event->policy_serial, (unsigned long long)event->offset,
			(unsigned long long)event->bytes, (unsigned long long)event->handle,
			bl_get32(event->token), event->device, event->rule);
}

static void *send_events(void *context)
{
	atomic_uint *left = context;
	int fd = unix_socket(SOCKET, connect);
	unsigned number;

	while ((number = atomic_fetch_sub(left, 1)) - 1 < EVENTS) {
		struct audit_event event = scratch_event(number);
		char text[1024];
		size_t length = (size_t)to_fields(&event, text, sizeof(text));

		if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length)
			load_die("journald does not take events");
	}
	close(fd);
	return NULL;
}

static double journald_time(void)
{
	pthread_t threads[IN_FLIGHT];
	atomic_uint left = EVENTS;
	int64_t from_ns = now_ns();

	for (unsigned i = 0; i < IN_FLIGHT; i++)
		if (pthread_create(&threads[i], NULL, send_events, &left) != 0)
			load_die("cannot start a thread");
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		pthread_join(threads[i], NULL);
	return seconds_since(from_ns);
}

static void check_arrived(void)
{
	unsigned long arrived = 0;
	FILE *count = system("journalctl --sync") == 0 ? popen(ARRIVED, "re") : NULL;

	if (!count || fscanf(count, "%lu", &arrived) != 1 || pclose(count) != 0)
		load_die("cannot count what journald took");
	if (arrived != ROUNDS * EVENTS) {
		fprintf(stderr, "bench: %lu of %u events are in the journal\n", arrived,
			ROUNDS * EVENTS);
		load_die("journald lost events: its rate says nothing");
	}
}

/* ---- both -------------------------------------------------------------------------------------- */

static void compare(const struct scratch *scratch, const char *program)
{
	struct audit *audit = load_open(scratch, NULL);
	int notify_fd = unix_socket(NOTIFY, bind);
	pid_t journald = journald_start(program);
	double ours[ROUNDS], theirs[ROUNDS], ratios[ROUNDS];

	journald_wait(journald, notify_fd);
	for (unsigned i = 0; i < ROUNDS; i++) {
		ours[i] = load_time(audit, IN_FLIGHT, EVENTS, NAMES_USUAL, NULL);
		theirs[i] = journald_time();
		ratios[i] = theirs[i] / ours[i];
		/* What it still does with this round is not ours to wait for. */
		if (system("journalctl --sync") != 0)
			load_die("journald does not answer");
	}
	check_arrived();
	journald_stop(journald);
	close(notify_fd);
	audit_close(audit);

	double rate = EVENTS / least(theirs, ROUNDS);

	say("audit.durable_events_s_64_vs_journald", "x", 2, EVENTS / least(ours, ROUNDS) / rate,
	    ratios, ROUNDS);
	for (unsigned i = 0; i < ROUNDS; i++)
		theirs[i] = EVENTS / theirs[i];
	say("audit.journald_events_s", "1/s", 0, rate, theirs, ROUNDS);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		load_die("use: journald PROGRAM (tests/bench/journald.sh does it)");
	return load_main(compare, argv[1]);
}

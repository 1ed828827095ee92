/* The control socket: connections in, one thread each, few at a time, nobody trusted. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fs/daemon/message.h"
#include "fs/daemon/state.h"

#define CONNECTIONS_LIMIT 32
#define REQUEST_SECONDS	  10 /* a client that says nothing for so long is gone */

struct connection {
	struct daemon *daemon;
	struct peer peer;
	int fd;
	enum seat seat; /* under connections_lock */
	struct connection *next;
};

/* The folder is known by a descriptor; a socket's address is a path of at most 107 bytes: go through /proc. */
static void socket_path(const struct daemon *daemon, char out[64])
{
	snprintf(out, 64, "/proc/self/fd/%d/socket", device_store_fd(daemon->store));
}

enum bl_status control_listen(struct daemon *daemon, struct bl_error *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	BL_CLEANUP(fd_close)
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	socket_path(daemon, address.sun_path);
	/* The store's lock is ours, so a socket that is there was left by a daemon that died. */
	unlinkat(device_store_fd(daemon->store), "socket", 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(device_store_fd(daemon->store), "socket", 0666, 0) < 0 ||
	    listen(fd, CONNECTIONS_LIMIT) < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot listen on the store's socket");
	daemon->listen_fd = fd_take(&fd);
	return BL_OK;
}

static void forget(struct connection *connection)
{
	struct daemon *daemon = connection->daemon;

	pthread_mutex_lock(&daemon->connections_lock);
	for (struct connection **link = &daemon->connections; *link; link = &(*link)->next)
		if (*link == connection) {
			*link = connection->next;
			break;
		}
	fd_close(connection->fd);
	free(connection);
	pthread_cond_signal(&daemon->connections_gone);
	pthread_mutex_unlock(&daemon->connections_lock);
}

static void *converse(void *context)
{
	struct connection *connection = context;
	bool is_open = true;

	while (is_open) {
		BL_CLEANUP(json_decref) json_t *request = NULL;
		struct message_fds fds;

		if (message_receive_fds(connection->fd, &request, &fds, NULL) != BL_OK)
			break;
		is_open = request_answer(connection->daemon, &connection->peer, connection->fd,
					 request, &fds);
		message_fds_close(&fds);
	}
	forget(connection);
	return NULL;
}

/* What may take hours is counted by itself: an intake has three threads and 13 MiB of locked memory, a follower has one thread. */
static const struct {
	size_t all, of_one_uid;
	const char *many; /* NULL: it is not let in, without a word */
} SEATS[] = {
	[SEAT_REQUEST] = {CONNECTIONS_LIMIT, 8, NULL},
	[SEAT_INTAKE] = {16, 8, "intakes"},
	[SEAT_FOLLOW] = {16, 4, "followers of the log"},
};

/* Others may take every seat, and take it again: the store's owner has some of their own. */
static bool has_seat(const struct daemon *daemon, uid_t uid, enum seat seat)
{
	size_t all = 0, same = 0;

	for (const struct connection *other = daemon->connections; other; other = other->next) {
		all += other->seat == seat;
		same += other->seat == seat && other->peer.uid == uid;
	}
	return (all < SEATS[seat].all || uid == daemon->owner) && same < SEATS[seat].of_one_uid;
}

/* Only its own thread makes a connection go away. */
static struct connection *find_connection(const struct daemon *daemon, int fd)
{
	struct connection *connection = daemon->connections;

	while (connection->fd != fd)
		connection = connection->next;
	return connection;
}

enum bl_status control_take_seat(struct daemon *daemon, int fd, enum seat seat,
				 struct bl_error *why)
{
	pthread_mutex_lock(&daemon->connections_lock);
	struct connection *connection = find_connection(daemon, fd);
	bool is_let_in = has_seat(daemon, connection->peer.uid, seat);

	if (is_let_in)
		connection->seat = seat;
	pthread_mutex_unlock(&daemon->connections_lock);
	return is_let_in ? BL_OK
			 : bl_fail(why, BL_FORBIDDEN,
				   "too many %s are under way (at most %zu, %zu of one person: "
				   "wait until one has ended)",
				   SEATS[seat].many, SEATS[seat].all, SEATS[seat].of_one_uid);
}

void control_leave_seat(struct daemon *daemon, int fd)
{
	pthread_mutex_lock(&daemon->connections_lock);
	find_connection(daemon, fd)->seat = SEAT_REQUEST;
	pthread_mutex_unlock(&daemon->connections_lock);
}

static bool read_map(const char *path, char *out, size_t size)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, out, size - 1);

	if (length <= 0)
		return false;
	out[length] = '\0';
	return true;
}

/*
 * Is the peer of another user namespace? Its uid then says who it is there, or nothing: it is nobody here. A process whose
 * map cannot be read is one of those.
 */
static bool is_foreign(pid_t pid)
{
	char path[64], ours[4096] = "", theirs[4096] = "";

	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	return !read_map("/proc/self/uid_map", ours, sizeof(ours)) ||
	       !read_map(path, theirs, sizeof(theirs)) || strcmp(ours, theirs) != 0;
}

static bool ask_kernel(const struct daemon *daemon, int fd, struct peer *out_peer)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	struct timeval patience = {.tv_sec = REQUEST_SECONDS};

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return false;
	*out_peer = (struct peer){
		.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid};
	if (is_foreign(credentials.pid))
		out_peer->uid = out_peer->gid = gate_nobody(daemon->gate);
	return true;
}

static bool start_thread(struct connection *connection)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, converse, connection) != 0)
		return false;
	pthread_detach(thread);
	return true;
}

void control_accept(struct daemon *daemon)
{
	BL_CLEANUP(fd_close) int fd = accept4(daemon->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct connection *connection = fd < 0 ? NULL : calloc(1, sizeof(*connection));

	if (!connection || !ask_kernel(daemon, fd, &connection->peer)) {
		free(connection);
		return;
	}
	connection->daemon = daemon;
	pthread_mutex_lock(&daemon->connections_lock);
	if (!atomic_load(&daemon->is_stopping) &&
	    has_seat(daemon, connection->peer.uid, SEAT_REQUEST)) {
		connection->fd = fd_take(&fd);
		connection->next = daemon->connections;
		daemon->connections = connection;
		/* The new thread's forget() waits for our lock. */
		if (!start_thread(connection)) {
			daemon->connections = connection->next;
			fd_close(connection->fd);
			free(connection);
		}
	} else {
		free(connection);
	}
	pthread_mutex_unlock(&daemon->connections_lock);
}

/* False: none went in that time. */
static bool wait_second(struct daemon *daemon)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec++;
	return pthread_cond_timedwait(&daemon->connections_gone, &daemon->connections_lock, &at) ==
	       0;
}

/* Who does not read would hold up the stop for as long as an answer may wait, and once more for the last one. */
static void let_go_of_unread(const struct daemon *daemon)
{
	for (const struct connection *connection = daemon->connections; connection;
	     connection = connection->next) {
		struct pollfd writable = {.fd = connection->fd, .events = POLLOUT};

		if (poll(&writable, 1, 0) == 0)
			shutdown(connection->fd, SHUT_RDWR);
	}
}

void control_stop(struct daemon *daemon)
{
	if (daemon->listen_fd >= 0)
		unlinkat(device_store_fd(daemon->store), "socket", 0);
	pthread_mutex_lock(&daemon->connections_lock);
	for (struct connection *connection = daemon->connections; connection;
	     connection = connection->next)
		shutdown(connection->fd, SHUT_RD);
	while (daemon->connections)
		if (!wait_second(daemon))
			let_go_of_unread(daemon);
	pthread_mutex_unlock(&daemon->connections_lock);
}

/*
 * Sealed sessions as a client sees them, for tests/bench/session.sh: how long until a viewer is there, how fast one reads, what fifty of them cost.
 *
 *   session start DEVICE ROUNDS VIEWER...    a line per round: microseconds from the request to the first screen, from its key to the viewer's screen, which
 *                                            has $MARK on it (as has "many")
 *   session read DEVICE ROUNDS VIEWER...     a line per round: microseconds from the key to the end of the session
 *   session many DEVICE COUNT VIEWER...      COUNT at once, each on its own screen; "ready", the last one's microseconds; then each line of stdin ends nothing
 *                                            until the end of stdin, which ends them all
 *
 * The store is $BAILEE_STORE; who runs it is who looks.
 */
#include <jansson.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fs/daemon/daemon.h"
#include "fs/daemon/message.h"
#include "fs/session/session.h"

struct client {
	int fd;
	bool is_begun; /* the key was sent */
	bool is_shown; /* and something of the viewer came */
	bool has_ended;
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

_Noreturn static void die(const char *what, const struct bl_error *why)
{
	fprintf(stderr, "session: %s: %s\n", what, why ? why->text : "");
	exit(1);
}

static json_t *request_of(const char *device, char **viewer, int count)
{
	json_t *arguments = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(arguments, json_string(viewer[i]));
	return json_pack("{s:i,s:s,s:s,s:o,s:i,s:i,s:s}", "bailee", 1, "do", "view", "device",
			 device, "arguments", arguments, "rows", 24, "columns", 80, "term",
			 "xterm");
}

/* A terminal of our own: nobody looks at it. */
static int terminal_open(void)
{
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		die("no terminal", NULL);
	return slave;
}

static void open_session(const char *device, char **viewer, int count, struct client *out)
{
	BL_CLEANUP(json_decref) json_t *request = request_of(device, viewer, count);
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	BL_CLEANUP(fd_close) int daemon_fd = -1;
	BL_CLEANUP(fd_close) int terminal = terminal_open();
	int terminals[2] = {terminal, terminal};
	struct bl_error why = {{0}};

	*out = (struct client){.fd = -1};
	if (daemon_connect(getenv("BAILEE_STORE"), &daemon_fd, &why) != BL_OK ||
	    message_send_fds(daemon_fd, request, terminals, 2, &why) != BL_OK ||
	    message_receive(daemon_fd, &answer, &out->fd, &why) != BL_OK)
		die("cannot ask", &why);
	if (!json_is_true(json_object_get(answer, "ok")) || out->fd < 0) {
		fprintf(stderr, "session: %s\n",
			json_string_value(json_object_get(answer, "error")));
		exit(1);
	}
}

/* One frame; false when the session has ended. */
static bool take_frame(struct client *client)
{
	const char *mark = getenv("MARK") ? getenv("MARK") : "";
	uint8_t frame[SESSION_FRAME];
	ssize_t got = recv(client->fd, frame, sizeof(frame), 0);

	if (got > 0 && frame[0] == SESSION_OUTPUT) {
		client->is_shown |=
			client->is_begun && memmem(frame, (size_t)got, mark, strlen(mark));
		return true;
	}
	if (got > 2 && frame[0] == SESSION_END && frame[1] != 0)
		fprintf(stderr, "session: ended: %.*s\n", (int)got - 2, frame + 2);
	client->has_ended = true;
	return false;
}

static void press(struct client *client, char key)
{
	const char frame[2] = {SESSION_INPUT, key};

	client->is_begun = true;
	if (send(client->fd, frame, sizeof(frame), MSG_NOSIGNAL) < 0)
		client->has_ended = true;
}

static void close_session(struct client *client)
{
	press(client, SESSION_LEAVE);
	while (take_frame(client))
		continue;
	close(client->fd);
}

static void start(const char *device, char **viewer, int count)
{
	struct client client;
	int64_t begun = now_us();

	open_session(device, viewer, count, &client);
	take_frame(&client);
	int64_t shown = now_us();

	press(&client, 'x');
	while (!client.is_shown && take_frame(&client))
		continue;
	printf("%lld %lld\n", (long long)(shown - begun), (long long)(now_us() - shown));
	close_session(&client);
}

static void read_through(const char *device, char **viewer, int count)
{
	struct client client;

	open_session(device, viewer, count, &client);
	take_frame(&client);
	int64_t begun = now_us();

	press(&client, 'x');
	while (take_frame(&client))
		continue;
	printf("%lld\n", (long long)(now_us() - begun));
	close(client.fd);
}

static void many(const char *device, size_t wanted, char **viewer, int count)
{
	struct client *clients = calloc(wanted, sizeof(*clients));
	int64_t begun = now_us();

	for (size_t i = 0; i < wanted; i++)
		open_session(device, viewer, count, &clients[i]);
	for (size_t i = 0; i < wanted; i++) {
		take_frame(&clients[i]);
		press(&clients[i], 'x');
	}
	for (size_t i = 0; i < wanted; i++)
		while (!clients[i].is_shown && take_frame(&clients[i]))
			continue;
	printf("ready %lld\n", (long long)(now_us() - begun));
	fflush(stdout);
	while (getchar() != EOF)
		continue;
	for (size_t i = 0; i < wanted; i++)
		close_session(&clients[i]);
	free(clients);
}

int main(int argc, char **argv)
{
	if (argc < 5 || !getenv("BAILEE_STORE")) {
		fprintf(stderr,
			"use: BAILEE_STORE=DIR session start|read|many DEVICE N VIEWER...\n");
		return 2;
	}
	int rounds = atoi(argv[3]);

	if (strcmp(argv[1], "many") == 0)
		many(argv[2], (size_t)rounds, argv + 4, argc - 4);
	for (int i = 0; i < rounds && strcmp(argv[1], "start") == 0; i++)
		start(argv[2], argv + 4, argc - 4);
	for (int i = 0; i < rounds && strcmp(argv[1], "read") == 0; i++)
		read_through(argv[2], argv + 4, argc - 4);
	return 0;
}

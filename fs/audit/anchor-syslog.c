#include "fs/audit/anchor.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEV_LOG "/dev/log"
#define MESSAGE_SIZE                                                                               \
	1024 /* what every receiver takes is 480, what it should take 2048 (RFC 5424, 6.1) */
#define HOST_SIZE     256 /* RFC 5424: HOSTNAME has at most 255 characters */
#define TIME_SIZE     32
#define LOG_AUDIT     13 /* facility "log audit", RFC 5424, table 1 */
#define NOTICE	      5	 /* severity, table 2 */
#define LOOK_FIRST_MS 1	 /* until we look whether it was read; then twice as long, to */
#define LOOK_LAST_MS  50

static enum bl_status open_syslog(struct anchor_place *place, const char *rest,
				  struct bl_error *why)
{
	struct sockaddr_un address;
	enum bl_status status = anchor_absolute(rest[0] ? rest : DEV_LOG, &place->what, why);

	if (status == BL_OK && strlen(place->what) >= sizeof(address.sun_path))
		return bl_fail(why, BL_INVALID,
			       "has too long a path for a socket (at most %zu bytes)",
			       sizeof(address.sun_path) - 1);
	return status;
}

/* ---- the message ----------------------------------------------------------------------------- */

/* HOSTNAME: printable ASCII without spaces, or "-". */
static void host_name(char out[HOST_SIZE])
{
	if (gethostname(out, HOST_SIZE - 1) != 0)
		out[0] = '\0';
	out[HOST_SIZE - 1] = '\0';
	for (const char *c = out; *c; c++) {
		if (*c <= ' ' || *c > '~') {
			out[0] = '\0';
			break;
		}
	}
	if (!out[0])
		strcpy(out, "-");
}

/* TIMESTAMP: of the message; the note's own time is in its data. */
static void timestamp(char out[TIME_SIZE])
{
	struct timespec now;
	struct tm utc;
	size_t length = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) && utc.tm_year >= 0 && utc.tm_year < 9999 - 1900)
		length = strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	if (length == 0)
		strcpy(out, "-");
	else
		snprintf(out + length, TIME_SIZE - length, ".%03uZ",
			 (unsigned)now.tv_nsec / 1000000 % 1000);
}

/* docs/format-log.md, "Anchors". Returns the length. */
static size_t format_message(const struct anchor_note *note, char out[MESSAGE_SIZE])
{
	char host[HOST_SIZE], at[TIME_SIZE];

	host_name(host);
	timestamp(at);
	return (size_t)snprintf(
		out, MESSAGE_SIZE,
		"<%d>1 %s %s bailee %ld checkpoint [bailee@32473 log=\"%.*s\" sequence=\"%" PRIu64
		"\" frame=\"%" PRIu64 "\" chain=\"%.*s\" time=\"%" PRIu64
		"\" signature=\"%.*s\"] bailee checkpoint",
		LOG_AUDIT * 8 + NOTICE, at, host, (long)getpid(), ANCHOR_LOG_ID, note->log_id,
		note->sequence, note->frame, ANCHOR_CHAIN, note->chain, note->time,
		ANCHOR_SIGNATURE, note->signature);
}

/* ---- the socket ------------------------------------------------------------------------------ */

static int connect_as(const struct anchor_place *place, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	BL_CLEANUP(fd_close) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strncpy(address.sun_path, place->what, sizeof(address.sun_path) - 1);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return fd_take(&fd);
}

static bool send_all(struct anchor_place *place, int fd, const char *bytes, size_t length,
		     int64_t until)
{
	while (length > 0) {
		ssize_t put = send(fd, bytes, length, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno == EAGAIN) {
			if (anchor_wait(place->anchors, fd, POLLOUT, until))
				continue;
			errno = ETIMEDOUT;
		}
		if (put < 0)
			return false;
		bytes += put;
		length -= (size_t)put;
	}
	return true;
}

static bool has_error(int fd)
{
	int error_number = 0;
	socklen_t length = sizeof(error_number);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &length) == 0)
		errno = error_number;
	return errno != 0;
}

/*
 * A Unix socket holds hundreds of messages for somebody who hangs: none of them is anywhere. So a
 * note counts as taken when the receiver has read it. No poll tells of that; a kernel that cannot be
 * asked is believed.
 */
static bool wait_for_reader(struct anchor_place *place, int fd, int64_t until)
{
	int64_t pause = LOOK_FIRST_MS;
	int unread = 0;

	while (ioctl(fd, SIOCOUTQ, &unread) == 0 && unread > 0) {
		int64_t now = anchor_now_ms();

		if (now >= anchor_deadline(place->anchors, until)) {
			errno = ETIMEDOUT;
			return false;
		}
		anchor_wait(place->anchors, -1, 0, BL_MIN(until, now + pause));
		pause = BL_MIN(2 * pause, LOOK_LAST_MS);
	}
	return !has_error(fd);
}

/* A fresh connection for each note: there is none that could have died meanwhile. */
static enum bl_status put_to_syslog(struct anchor_place *place, const struct anchor_note *note,
				    struct bl_error *why)
{
	char message[MESSAGE_SIZE], counted[MESSAGE_SIZE + ANCHOR_NUMBER + 2];
	int64_t until = anchor_now_ms() + anchor_limits(place->anchors)->socket_ms;
	const char *bytes = message;
	size_t length = format_message(note, message);
	BL_CLEANUP(fd_close) int fd = connect_as(place, SOCK_DGRAM);

	if (fd < 0 && errno == EPROTOTYPE) {
		fd = connect_as(place, SOCK_STREAM);
		/* RFC 6587, 3.4.1: octet counting. */
		length = (size_t)snprintf(counted, sizeof(counted), "%zu %s", length, message);
		bytes = counted;
	}
	if (fd < 0)
		return bl_fail(why, BL_IO, "cannot connect: %s (start syslog, or name its socket)",
			       strerror(errno));
	if (send_all(place, fd, bytes, length, until) && wait_for_reader(place, fd, until))
		return BL_OK;
	return bl_fail(why, BL_IO, "does not take it: %s (see whether syslog works)",
		       strerror(errno));
}

const struct anchor_kind ANCHOR_SYSLOG = {
	.prefix = "syslog:",
	.open = open_syslog,
	.put = put_to_syslog,
};

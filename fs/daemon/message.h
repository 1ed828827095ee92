/* message.h - one JSON object, and descriptors beside it, over a SEQPACKET socket; both ends */
#ifndef FS_DAEMON_MESSAGE_H
#define FS_DAEMON_MESSAGE_H

#include "fs/daemon/daemon.h"
#include "policy/base.h"

/* message_send - @pass_fd -1: none. BL_OK, BL_TOO_LARGE, BL_IO, BL_NO_MEMORY */
enum bl_status message_send(int fd, const json_t *message, int pass_fd,
			    struct bl_error *why) BL_MUST_CHECK;

/*
 * message_receive - the next message
 *
 * @out_message  owned by the caller (json_decref)
 * @out_fd       owned by the caller; -1 when none came. Further descriptors are closed and BL_INVALID returned
 *
 * BL_OK, BL_NOT_FOUND (the peer closed), BL_INVALID (no JSON object, too long, duplicate keys), BL_TIMED_OUT, BL_IO.
 */
enum bl_status message_receive(int fd, json_t **out_message, int *out_fd,
			       struct bl_error *why) BL_MUST_CHECK;

/* With several descriptors, in order; the kernel takes up to 253 at once. */
#define MESSAGE_FDS 201
struct message_fds {
	size_t count;
	int items[MESSAGE_FDS];
};
void message_fds_close(struct message_fds *fds);
enum bl_status message_send_fds(int fd, const json_t *message, const int *fds, size_t count,
				struct bl_error *why) BL_MUST_CHECK;
/* @out_fds  owned by the caller (message_fds_close); empty on failure */
enum bl_status message_receive_fds(int fd, json_t **out_message, struct message_fds *out_fds,
				   struct bl_error *why) BL_MUST_CHECK;

/* Raw datagrams with a descriptor, for the monitor: bytes and an fd or -1. Same statuses. */
enum bl_status message_send_bytes(int fd, const void *bytes, size_t length, int pass_fd,
				  struct bl_error *why) BL_MUST_CHECK;
enum bl_status message_receive_bytes(int fd, void *bytes, size_t size, size_t *out_length,
				     int *out_fd, struct bl_error *why) BL_MUST_CHECK;

#endif

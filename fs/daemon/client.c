#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fs/daemon/daemon.h"
#include "fs/daemon/message.h"

enum bl_status daemon_connect(const char *store_path, int *out_fd, struct bl_error *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	/* A socket's address holds 107 bytes, a store's path may be longer: go by a descriptor of the store. */
	BL_CLEANUP(fd_close) int store_fd = open(store_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	BL_CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot make a socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/socket", store_fd);
	if (store_fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return bl_fail_errno(
			why, BL_NOT_MOUNTED,
			"no daemon answers for store '%s' (start it with bailee serve --store %s)",
			store_path, store_path);
	*out_fd = fd_take(&fd);
	return BL_OK;
}

/* A refusal's status by its name; a word we do not know is a failure all the same. */
static enum bl_status status_by_name(const char *name)
{
	for (unsigned i = BL_OK + 1; name && i < BL_STATUS_COUNT; i++)
		if (strcmp(bl_status_name((enum bl_status)i), name) == 0)
			return (enum bl_status)i;
	return BL_FAILED;
}

enum bl_status daemon_refusal(const json_t *answer, struct bl_error *why)
{
	const char *text = json_string_value(json_object_get(answer, "error"));

	return bl_fail(why, status_by_name(json_string_value(json_object_get(answer, "status"))),
		       "%s", text ? text : "the daemon refused without a word");
}

static enum bl_status call(int fd, json_t *request, const int *fds, size_t count,
			   daemon_partial_fn *partial, void *context, json_t **out_answer,
			   int *out_fd, struct bl_error *why)
{
	json_object_set_new(request, "bailee", json_integer(1));
	enum bl_status status = message_send_fds(fd, request, fds, count, why);

	while (status == BL_OK) {
		BL_CLEANUP(json_decref) json_t *answer = NULL;
		BL_CLEANUP(fd_close) int passed = -1;

		status = message_receive(fd, &answer, &passed, why);
		if (status == BL_NOT_FOUND)
			return bl_fail(why, BL_IO,
				       "the daemon closed the connection before it answered");
		if (status != BL_OK)
			return status;

		const json_t *ok = json_object_get(answer, "ok");

		if (!ok) {
			if (partial && !partial(context, answer))
				return bl_fail(why, BL_IO, "stopped listening");
			continue;
		}
		if (json_is_true(ok)) {
			*out_answer = BL_TAKE(answer);
			*out_fd = fd_take(&passed);
			return BL_OK;
		}
		return daemon_refusal(answer, why);
	}
	return status;
}

enum bl_status daemon_call(int fd, json_t *request, int pass_fd, daemon_partial_fn *partial,
			   void *context, json_t **out_answer, struct bl_error *why)
{
	return daemon_call_fds(fd, request, &pass_fd, pass_fd >= 0 ? 1 : 0, partial, context,
			       out_answer, why);
}

enum bl_status daemon_call_fds(int fd, json_t *request, const int *fds, size_t count,
			       daemon_partial_fn *partial, void *context, json_t **out_answer,
			       struct bl_error *why)
{
	BL_CLEANUP(fd_close) int unexpected = -1;

	return call(fd, request, fds, count, partial, context, out_answer, &unexpected, why);
}

enum bl_status daemon_call_for_fd(int fd, json_t *request, const int *fds, size_t count,
				  json_t **out_answer, int *out_fd, struct bl_error *why)
{
	return call(fd, request, fds, count, NULL, NULL, out_answer, out_fd, why);
}

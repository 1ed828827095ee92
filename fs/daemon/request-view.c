/* Views opened and closed by those who see them. */
#include "fs/daemon/asked.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/message.h"

/* Whose view: the peer's own, or --for another when the store's owner asks. */
static enum bl_status view_person(const struct asked *asked, struct gate_view_request *view,
				  struct bl_error *why)
{
	int64_t uid = asked_number(asked, "for", -1);
	struct passwd entry, *found = NULL;
	char buffer[16384];

	view->uid = asked->peer->uid;
	view->gid = asked->peer->gid;
	if (uid < 0 || (uid_t)uid == asked->peer->uid)
		return BL_OK;
	if (asked->peer->uid != asked->daemon->owner) {
		if (asked_log(asked, AUDIT_VIEW_OPENED, NULL, "for another", BL_FORBIDDEN, why) !=
		    BL_OK)
			return BL_LOG_BROKEN;
		return bl_fail(why, BL_FORBIDDEN,
			       "--for is the store owner's to use (open a view as yourself)");
	}
	view->uid = (uid_t)uid;
	view->gid = (gid_t)asked_number(asked, "gid", uid);
	if (getpwuid_r((uid_t)uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		view->gid = found->pw_gid;
	return BL_OK;
}

enum bl_status request_open(struct asked *asked, struct bl_error *why)
{
	struct view_request request = {.mountpoint_fd = asked->passed_fd};
	char path[PATH_LIMIT], link[64];
	uint64_t number;
	enum bl_status status = view_person(asked, &request.gate, why);

	if (status != BL_OK)
		return status;
	if (asked->passed_fd < 0)
		return bl_fail(why, BL_INVALID, "no mount point came with the request");
	if (asked->daemon->monitor_fd < 0)
		return bl_fail(why, BL_UNSUPPORTED, "a solo daemon has its one view already");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", asked->passed_fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);

	if (length < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot tell where the mount point is");
	path[length] = '\0';
	request.path = path;
	request.gate.purpose = asked_text(asked, "purpose");
	request.gate.reason = asked_text(asked, "reason");
	request.gate.pid = (uint32_t)asked->peer->pid;
	request.gate.login_uid = asked_login_uid(asked);
	if (request.gate.purpose && strlen(request.gate.purpose) >= PURPOSE_LIMIT)
		return bl_fail(why, BL_INVALID, "purpose is longer than %d bytes",
			       PURPOSE_LIMIT - 1);
	status = views_open(asked->daemon, &request, &number, why);
	if (status != BL_OK)
		return status;
	answer_number(asked->answer, "view", (int64_t)number);
	answer_text(asked->answer, "path", path);
	answer_number(asked->answer, "uid", request.gate.uid);
	return BL_OK;
}

enum bl_status request_close(struct asked *asked, struct bl_error *why)
{
	const char *path = asked_text(asked, "path");
	int64_t number = asked_number(asked, "view", 0);

	if (number <= 0 && !path)
		return bl_fail(why, BL_INVALID, "name the view: its mount point or its number");
	return views_close(asked->daemon, (uint64_t)BL_MAX(number, 0), path ? path : "",
			   asked->peer->uid, why);
}

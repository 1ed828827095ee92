/* monitor.h - the small privileged parent: mounts and unmounts for the daemon, starts bailee-session, nothing else
 *
 * It keeps CAP_SYS_ADMIN (mounting) and CAP_DAC_READ_SEARCH (looking whether a mount point is empty); its child bailee-session has some
 * more (monitor.c). What it accepts and why: docs/protocol.md, "Mount points", "Monitor and daemon".
 */
#ifndef FS_DAEMON_MONITOR_H
#define FS_DAEMON_MONITOR_H

#include <sys/types.h>

#include "policy/base.h"

/*
 * monitor_start - fork: returns in the child, which is to become the daemon
 *
 * The parent stays inside, serves mount requests until the child ends, detaches what is still mounted and exits
 * with the child's exit code. SIGTERM, SIGINT and SIGHUP sent to it go to the child.
 *
 * @out_fd  in the child: the socket to the monitor, owned by the caller
 */
enum bl_status monitor_start(int *out_fd, struct bl_error *why) BL_MUST_CHECK;

/*
 * monitor_mount - ask for a mount on the directory behind @mountpoint_fd (O_PATH)
 *
 * @number   of the view, for monitor_unmount
 * @out_fd   the /dev/fuse descriptor, owned by the caller
 *
 * BL_OK, BL_INVALID (not a directory, not empty, not in our namespace), BL_FORBIDDEN (not owned by @uid), BL_FAILED.
 * One call at a time: the caller locks.
 */
enum bl_status monitor_mount(int monitor_fd, uint64_t number, uid_t uid, gid_t gid,
			     int mountpoint_fd, int *out_fd, struct bl_error *why) BL_MUST_CHECK;
enum bl_status monitor_unmount(int monitor_fd, uint64_t number, struct bl_error *why) BL_MUST_CHECK;

/* monitor_zygote - start bailee-session for @viewers (zygotes_start). The socket to it; owned by the caller */
enum bl_status monitor_zygote(int monitor_fd, const char *viewers, size_t length, int *out_fd,
			      struct bl_error *why) BL_MUST_CHECK;

/* monitor_keep_capabilities - drop all capabilities but those in the bit set @keep; programs that are started may have @children too */
enum bl_status monitor_keep_capabilities(uint64_t keep, uint64_t children,
					 struct bl_error *why) BL_MUST_CHECK;

#endif

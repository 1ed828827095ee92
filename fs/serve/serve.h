/* serve.h - one FUSE connection for one view: kernel requests into gate calls and back
 *
 * Knows nothing of policy, masks or crypto. Settings of a view's mount are those of docs/serving.md: direct I/O, long entry
 * and attribute time-outs with invalidation, no readdir or symlink cache, no splice, max_read 1 MiB.
 */
#ifndef FS_SERVE_SERVE_H
#define FS_SERVE_SERVE_H

#include "fs/gate/gate.h"
#include "policy/base.h"

/* Bytes of one READ at most: whoever mounts tells the kernel the same (max_read). docs/serving.md */
#define SERVE_MAX_READ GATE_READ_LIMIT

struct serve;

struct serve_options {
	int fuse_fd; /* /dev/fuse already mounted by the monitor (then owned by serve), or -1 */
	const char *
		mountpoint; /* fuse_fd == -1: mount here ourselves (solo; fusermount3 when not root) */
	const char
		*source;  /* told by /proc/self/mounts as what is mounted (solo); NULL: "bailee" */
	unsigned threads; /* request threads; 0: as many as serve finds best */
	/*
	 * Told, from serve's own thread, each time when for @idle_seconds nothing was asked and no file or folder was open. May unmount; may
	 * not call serve_*. 0: never
	 */
	unsigned idle_seconds;
	void (*on_idle)(void *context);
	bool is_debug; /* each request is a line on stderr: its kind, node and caller, nothing of the device */
	/* Told once, from serve's own thread, when the connection has ended (unmounted, aborted). May not call serve_*. */
	void (*on_end)(void *context);
	/*
	 * Told, from serve's own thread, each time when the view has changed, also when the connection has ended already. Before what the
	 * kernel keeps is taken back: that waits for folders that are being read. It may wait for the gate. May call serve_abort only;
	 * serve_stop waits for it. NULL: nobody minds.
	 */
	void (*on_change)(void *context);
	void *context;
	/*
	 * Whoever sees the mount is dead when it ends: then nothing is taken back before it is cut, which does not wait for folders that are
	 * being read
	 */
	bool is_private;
};

/*
 * serve_start - begin to answer; returns when the mount is there and answering (solo) or the session runs
 *
 * @view  borrowed until serve_stop returns
 *
 * BL_OK, BL_INVALID (no such mount point, not empty, not a directory), BL_FORBIDDEN (may not mount there), BL_FAILED,
 * BL_NO_MEMORY.
 */
enum bl_status serve_start(struct gate_view *view, const struct serve_options *options,
			   struct serve **out_serve, struct bl_error *why) BL_MUST_CHECK;

/* serve_abort - cut the connection now (revocation): every request under way and to come ends in ECONNABORTED */
void serve_abort(struct serve *serve);

/* serve_is_settled - does the kernel keep nothing that the view has lost so far? At once, any thread. */
bool serve_is_settled(struct serve *serve);

/*
 * serve_unmount - as umount(8) and fusermount3(1) do: what is in use stays
 *
 * BL_OK, BL_NOT_MOUNTED (not ours to unmount, or in use).
 */
enum bl_status serve_unmount(const char *mountpoint, struct bl_error *why) BL_MUST_CHECK;

/* serve_stop - unmount (solo) or close the connection, wait for all requests, free. Not from on_end. */
void serve_stop(struct serve *serve);
BL_DEFINE_CLEANUP(struct serve, serve_stop)

#endif

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
 * serve_mount - a mount with the settings of a view, seen by @uid alone, which lies nowhere yet
 *
 * Needs CAP_SYS_ADMIN. Both descriptors are owned by the caller: move_mount(2) puts the first one somewhere, the other is for serve_start.
 *
 * BL_OK, BL_FAILED.
 */
enum bl_status serve_mount(uid_t uid, gid_t gid, int *out_mount_fd, int *out_fuse_fd,
			   struct bl_error *why) BL_MUST_CHECK;

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

/* serve_mount_at - the number of the mount that lies there now, its stx_mnt_id (statx(2)); never asks the mount itself. 0: not known */
uint64_t serve_mount_at(const char *path);

/*
 * serve_unmount - as umount(8) and fusermount3(1) do: what is in use stays
 *
 * BL_OK, BL_NOT_MOUNTED (not ours to unmount, or in use).
 */
enum bl_status serve_unmount(const char *mountpoint, struct bl_error *why) BL_MUST_CHECK;

/* serve_stop - unmount (solo) or close the connection, wait for all requests, free. Not from on_end. */
void serve_stop(struct serve *serve);
BL_DEFINE_CLEANUP(struct serve, serve_stop)

/* ---- what this kernel does with such a mount (docs/serving.md, "What the kernel has to do") ---------------------- */

enum serve_ring { SERVE_RING_NONE, SERVE_RING_MAKER, SERVE_RING_OTHER };

struct serve_kernel {
	bool asks_each_read;  /* two reads of the same bytes are two requests */
	bool keeps_splices;   /* two splices of the same bytes are one */
	bool has_shared_maps; /* MAP_SHARED, of a file that is read directly */
	bool drops_pages;     /* what was mapped is asked for again when it was taken back */
	bool drops_names;     /* so are names and attributes */
	bool refuses_others;  /* root included: EACCES, and no request */
	enum serve_ring ring; /* who asks through a polled io_uring; NONE: there is none here */
	bool is_quiet_at_close;
	uint32_t largest_read; /* bytes of one request, of SERVE_MAX_READ */
};

/*
 * serve_selftest - look what this kernel does with a mount of ours: of a file of our own making, in two processes that end with us
 *
 * For root, before there are threads. Takes some milliseconds; nothing is to be seen meanwhile, nothing is left behind.
 *
 * BL_OK, BL_FORBIDDEN (not the host's root), BL_FAILED (it could not be found out: then nothing is known, and nothing should be shown).
 */
enum bl_status serve_selftest(struct serve_kernel *out_kernel, struct bl_error *why) BL_MUST_CHECK;

enum serve_grade { SERVE_GOOD, SERVE_SLOWER, SERVE_LEAK };
struct serve_fact {
	const char *check; /* "view reads" */
	enum serve_grade grade;
	const char *text; /* what is so, and the way out */
};
#define SERVE_FACTS 9

/* serve_kernel_fact - one thing of @kernel's in words; @at below SERVE_FACTS. Static. */
struct serve_fact serve_kernel_fact(const struct serve_kernel *kernel, size_t at);

/* serve_kernel_leak - why no view may be opened on it; NULL: one may. Static. */
const char *serve_kernel_leak(const struct serve_kernel *kernel);

#define SERVE_KERNEL_WORDS 160 /* bytes, NUL included */
/* serve_kernel_words - all of it in one line, for the log */
void serve_kernel_words(const struct serve_kernel *kernel, char out_words[SERVE_KERNEL_WORDS]);

#endif

#include "fs/serve/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define THREADS_LEAST 4u
#define THREADS_MOST  32u
#define READY_SECONDS 20
#define NAP_MS	      50
#define WRITE_TRIES   100
#define NO_MOUNT      UINT64_MAX /* what lies at the place is not ours */
#define YIELDS	      32	 /* times a worker lets others run before it sleeps */

/* ---- ending ---------------------------------------------------------------------------------------------- */

static void wake_workers(struct serve *serve)
{
	const uint64_t one = 1;
	ssize_t written = write(serve->stop_fd, &one, sizeof(one));

	(void)written; /* a full counter is readable already */
}

/*
 * Cut the connection: put /dev/null in the place of its descriptor. The kernel aborts it when the last request under way has
 * left the device; replies still to come go nowhere. No descriptor number is ever free in between.
 */
static void cut(struct serve *serve)
{
	pthread_mutex_lock(&serve->lock);
	if (!serve->is_cut && serve->fuse_fd >= 0) {
		serve->is_cut = true;
		fuse_session_exit(serve->session);
		dup3(serve->null_fd, serve->fuse_fd, O_CLOEXEC);
	}
	pthread_mutex_unlock(&serve->lock);
	wake_workers(serve);
}

/* The keeper does it: what the kernel keeps goes first, or it would answer from it after the end to whoever is left. */
void serve_abort(struct serve *serve)
{
	pthread_mutex_lock(&serve->lock);
	serve->is_aborted = true;
	serve->has_changed = true;
	pthread_cond_broadcast(&serve->moved);
	pthread_mutex_unlock(&serve->lock);
	if (serve->options.is_private)
		cut(serve);
}

bool serve_is_settled(struct serve *serve)
{
	pthread_mutex_lock(&serve->lock);
	bool is_clearing =
		serve->is_kept && serve->is_ready && (serve->has_changed || serve->is_clearing);

	pthread_mutex_unlock(&serve->lock);
	return !is_clearing;
}

/* ---- workers ----------------------------------------------------------------------------------------------- */

static void stop_watching(struct worker *worker)
{
	if (worker->yields == 0)
		return;
	worker->yields = 0;
	atomic_store(&worker->serve->is_watched, false);
}

/*
 * Nothing to do. Those who were answered a moment ago are about to ask again: one of us looks for that a while, since being woken costs
 * more than the request (measured: a small read from start to end 31 us when it finds us asleep, 18 when it does not). The others sleep.
 */
static void worker_wait(struct worker *worker)
{
	struct epoll_event event;

	if (worker->yields > 0 || !atomic_exchange(&worker->serve->is_watched, true)) {
		if (worker->yields++ < YIELDS) {
			sched_yield();
			return;
		}
		stop_watching(worker);
	}
	(void)epoll_wait(worker->epoll_fd, &event, 1, -1);
}

/* There was no memory for its buffer: that is no end of the mount. */
static void worker_nap(const struct worker *worker)
{
	struct pollfd stop = {.fd = worker->serve->stop_fd, .events = POLLIN};

	(void)poll(&stop, 1, NAP_MS);
}

static void worker_loop(struct worker *worker)
{
	struct serve *serve = worker->serve;
	struct fuse_buf buffer = {.mem = NULL};

	while (!fuse_session_exited(serve->session)) {
		int got = fuse_session_receive_buf(serve->session, &buffer);

		if (got == -EAGAIN) {
			worker_wait(worker);
			continue;
		}
		stop_watching(worker);
		if (got == -EINTR)
			continue;
		if (got == -ENOMEM) {
			worker_nap(worker);
			continue;
		}
		if (got <= 0)
			break;
		if (serve->options.idle_seconds)
			idle_asked(serve);
		if (serve->options.is_debug)
			debug_request(buffer.mem, buffer.size);
		fuse_session_process_buf(serve->session, &buffer);
	}
	stop_watching(worker);
	free(buffer.mem);
}

static void *worker_main(void *context)
{
	struct worker *worker = context;
	struct serve *serve = worker->serve;

	worker_loop(worker);
	/* One that leaves takes all along: unmounted, cut, or a device that does not answer any more. */
	fuse_session_exit(serve->session);
	wake_workers(serve);
	pthread_mutex_lock(&serve->lock);
	serve->running--;
	pthread_cond_broadcast(&serve->moved);
	pthread_mutex_unlock(&serve->lock);
	return NULL;
}

/* Requests wake one worker, the end wakes all. */
static bool worker_watch(struct worker *worker)
{
	struct epoll_event request = {.events = EPOLLIN | EPOLLEXCLUSIVE};
	struct epoll_event stop = {.events = EPOLLIN};

	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return worker->epoll_fd >= 0 &&
	       epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->serve->fuse_fd, &request) == 0 &&
	       epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->serve->stop_fd, &stop) == 0;
}

static unsigned thread_count(unsigned asked)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned count = asked ? asked : 2 * (unsigned)BL_MAX(cores, 1);

	return BL_MIN(BL_MAX(count, asked ? 1 : THREADS_LEAST), THREADS_MOST);
}

static bool start_workers(struct serve *serve)
{
	unsigned count = thread_count(serve->options.threads);

	serve->workers = calloc(count, sizeof(*serve->workers));
	if (!serve->workers)
		return false;
	for (unsigned i = 0; i < count; i++) {
		struct worker *worker = &serve->workers[i];

		worker->serve = serve;
		if (!worker_watch(worker)) {
			fd_close(worker->epoll_fd);
			return false;
		}
		pthread_mutex_lock(&serve->lock);
		serve->running++;
		pthread_mutex_unlock(&serve->lock);
		if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
			pthread_mutex_lock(&serve->lock);
			serve->running--;
			pthread_mutex_unlock(&serve->lock);
			fd_close(worker->epoll_fd);
			return false;
		}
		serve->worker_count++;
	}
	return true;
}

/* ---- keeper ------------------------------------------------------------------------------------------------- */

/* Any thread, under the gate's locks: only say so. */
static void on_change(void *context)
{
	struct serve *serve = context;

	pthread_mutex_lock(&serve->lock);
	serve->has_changed = true;
	pthread_cond_broadcast(&serve->moved);
	pthread_mutex_unlock(&serve->lock);
}

/* ENOENT: the kernel has forgotten it by itself. */
static bool is_invalidated(int result)
{
	return result == 0 || result == -ENOENT;
}

bool serve_invalidate(struct serve *serve)
{
	struct fuse_session *session = serve->session;
	struct known_node *nodes;
	size_t count;
	bool is_done = true;

	pthread_rwlock_wrlock(
		&serve->settle); /* every reply decided under the old view is in the kernel */
	pthread_rwlock_unlock(&serve->settle);
	if (!known_all(&serve->known, &nodes, &count))
		return false;
	/* All of them, also when one fails: what stays behind would be answered after the cut. */
	for (size_t i = 0; i < count; i++) {
		const struct known_node *node = &nodes[i];

		is_done &=
			is_invalidated(fuse_lowlevel_notify_inval_inode(session, node->node, 0, 0));
		is_done &= is_invalidated(fuse_lowlevel_notify_inval_entry(
			session, node->parent, node->name, strlen(node->name)));
	}
	known_free(nodes, count);
	return is_done;
}

static bool is_aborted(struct serve *serve)
{
	pthread_mutex_lock(&serve->lock);
	bool is_aborted = serve->is_aborted;

	pthread_mutex_unlock(&serve->lock);
	return is_aborted;
}

/* Whoever is told may abort it. What is over, or cannot be taken back completely, is cut off. */
static void keeper_changed(struct serve *serve)
{
	if (serve->options.on_change)
		serve->options.on_change(serve->options.context);

	bool is_over = gate_view_is_revoked(serve->view) || is_aborted(serve);

	if (fuse_session_exited(serve->session))
		return;
	if ((is_over && serve->options.is_private) || !serve_invalidate(serve) || is_over)
		cut(serve);
}

uint64_t serve_mount_at(const char *path)
{
	struct statx about;

	/* Nothing is asked for: then a mount that keeps us out (another user's, of FUSE) tells its number all the same. */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0,
		  &about) != 0 ||
	    !(about.stx_mask & STATX_MNT_ID))
		return 0;
	return about.stx_mnt_id;
}

/* As keep, with the lock. Whoever is told and cannot unmount (somebody stands in it) is told again as much later. */
static void wait_idle(struct serve *serve)
{
	int64_t left = idle_left(serve);

	if (left > 0) {
		int64_t until = idle_now() + left;
		const struct timespec at = {until / 1000000000, until % 1000000000};

		pthread_cond_clockwait(&serve->moved, &serve->lock, CLOCK_MONOTONIC, &at);
		return;
	}
	idle_asked(serve);
	pthread_mutex_unlock(&serve->lock);
	/* Unmounted lazily, it lives on for who stands in it: what lies there now is another one. */
	if (serve->mount_id && serve_mount_at(serve->mountpoint) == serve->mount_id)
		serve->options.on_idle(serve->options.context);
	pthread_mutex_lock(&serve->lock);
}

/* Until the connection ends (@is_open), or is stopped: with serve->lock held, but not while it is busy. */
static void keep(struct serve *serve, bool is_open)
{
	while (is_open ? serve->running > 0 : !serve->is_ending) {
		if (serve->has_changed && serve->is_ready) {
			serve->has_changed = false;
			serve->is_clearing = true;
			pthread_mutex_unlock(&serve->lock);
			keeper_changed(serve);
			pthread_mutex_lock(&serve->lock);
			serve->is_clearing = false;
			continue;
		}
		if (is_open && serve->options.idle_seconds)
			wait_idle(serve);
		else
			pthread_cond_wait(&serve->moved, &serve->lock);
	}
}

static void *keeper_main(void *context)
{
	struct serve *serve = context;

	pthread_mutex_lock(&serve->lock);
	keep(serve, true);
	if (!serve->is_ending && serve->options.on_end) {
		pthread_mutex_unlock(&serve->lock);
		serve->options.on_end(serve->options.context);
		pthread_mutex_lock(&serve->lock);
	}
	/* What was read before may still be on its way to somebody. */
	if (serve->options.on_change)
		keep(serve, false);
	serve->is_kept = false;
	pthread_mutex_unlock(&serve->lock);
	return NULL;
}

void serve_ready(struct serve *serve)
{
	pthread_mutex_lock(&serve->lock);
	serve->is_ready = true;
	pthread_cond_broadcast(&serve->moved);
	pthread_mutex_unlock(&serve->lock);
}

/* ---- starting ------------------------------------------------------------------------------------------------ */

static enum bl_status check_mountpoint(const char *path, struct bl_error *why)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool is_empty = true;

	if (!directory)
		return bl_fail_errno(why, errno == EACCES ? BL_FORBIDDEN : BL_INVALID,
				     "cannot mount on '%s'", path);
	while (is_empty && (entry = readdir(directory)))
		is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(directory);
	return is_empty
		       ? BL_OK
		       : bl_fail(why, BL_INVALID,
				 "cannot mount on '%s': not empty (give an empty directory)", path);
}

/* A comma would begin another option. One that is too long is none: cut, it would be another path. */
static void escape(const char *text, char *out, size_t size)
{
	size_t used = 0;

	for (; *text && used + 3 < size; text++) {
		if (*text == ',' || *text == '\\')
			out[used++] = '\\';
		out[used++] = *text;
	}
	out[used] = '\0';
	if (*text || !used)
		snprintf(out, size, "bailee");
}

static enum bl_status new_session(struct serve *serve, const struct fuse_lowlevel_ops *ops,
				  struct bl_error *why)
{
	char options[2048], source[1024];

	escape(serve->options.source ? serve->options.source : "", source, sizeof(source));
	snprintf(options, sizeof(options),
		 "ro,nosuid,nodev,noexec,fsname=%s,subtype=bailee,max_read=%u", source,
		 SERVE_MAX_READ);
	char *argv[] = {(char[]){"bailee"}, (char[]){"-o"}, options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	serve->session = fuse_session_new(&args, ops, sizeof(*ops), serve);
	fuse_opt_free_args(&args);
	return serve->session ? BL_OK : bl_fail(why, BL_FAILED, "cannot make a fuse session");
}

/*
 * linux/uapi/fuse.h, FUSE_DIRECT_IO_ALLOW_MMAP: files that are read directly may be mapped shared, as any program may want to. Kernels
 * before 6.6 do not know it and refuse as before. libfuse learned it in 3.17, so it is put into the answer that 3.14 gives.
 */
#define ALLOW_MMAP (UINT64_C(1) << 36)

static void ask_for_maps(const struct iovec *parts, int count)
{
	const struct fuse_out_header *header = parts[0].iov_base;
	struct fuse_init_out *answer = parts[1].iov_base;

	if (count != 2 || header->error || parts[1].iov_len < sizeof(*answer))
		return;
	answer->flags |= FUSE_INIT_EXT;
	answer->flags2 |= (uint32_t)(ALLOW_MMAP >> 32);
}

static ssize_t device_read(int fd, void *buffer, size_t size, void *context BL_UNUSED)
{
	return read(fd, buffer, size);
}

static ssize_t device_write(int fd, struct iovec *parts, int count, void *context)
{
	struct serve *serve = context;

	/* The first answer is INIT's: until the kernel has it, it asks nothing else. */
	if (!atomic_load_explicit(&serve->has_answered, memory_order_relaxed)) {
		atomic_store(&serve->has_answered, true);
		if (count > 1)
			ask_for_maps(parts, count);
	}
	for (unsigned i = 0; i < WRITE_TRIES; i++) {
		ssize_t written = writev(fd, parts, count);

		/* The request is gone, the connection is, or that is no answer for the kernel. */
		if (written >= 0 || (errno != ENOMEM && errno != EINTR && errno != EAGAIN))
			return written;
		sched_yield();
	}
	/* Whoever asked would wait for this answer for ever. */
	cut(serve);
	return -1;
}

enum bl_status serve_attach(struct serve *serve, const struct fuse_lowlevel_ops *ops,
			    struct bl_error *why)
{
	char path[32];
	const char *where = serve->mountpoint;
	enum bl_status status = new_session(serve, ops, why);

	if (status != BL_OK)
		return status;

	/* Asked here, since libfuse would say it in its own words, on stderr. */
	if (where && access("/dev/fuse", R_OK | W_OK) != 0)
		return bl_fail_errno(why, BL_FORBIDDEN, "cannot mount on '%s': /dev/fuse", where);
	if (!where) {
		snprintf(path, sizeof(path), "/dev/fd/%d", serve->options.fuse_fd);
		where = path;
	}
	uint64_t before = serve->mountpoint ? serve_mount_at(serve->mountpoint) : 0;

	if (fuse_session_mount(serve->session, where) != 0) {
		fuse_session_destroy(serve->session);
		serve->session = NULL;
		return bl_fail(why, BL_FORBIDDEN, "cannot mount on '%s' (is fuse3 installed?)",
			       where);
	}
	static const struct fuse_custom_io DEVICE = {.read = device_read, .writev = device_write};

	serve->fuse_fd = fuse_session_fd(serve->session);
	/* At once: a start that fails later takes away its own mount, and no other that lies there by then. */
	if (serve->mountpoint)
		serve->mount_id = serve_mount_at(serve->mountpoint);
	if (serve->mount_id == before)
		serve->mount_id = NO_MOUNT;
	/* libfuse 3.14 takes some failures of its own to mount for success, with descriptor 0 (lib/mount.c, fuse_mount_sys). */
	if (serve->mountpoint && serve->fuse_fd <= STDERR_FILENO)
		return bl_fail(why, BL_NO_MEMORY, "cannot mount on '%s'", where);
	int flags = fcntl(serve->fuse_fd, F_GETFL);

	if (fuse_session_custom_io(serve->session, &DEVICE, serve->fuse_fd) != 0)
		return bl_fail(why, BL_NO_MEMORY, "cannot prepare the fuse device: out of memory");
	if (flags < 0 || fcntl(serve->fuse_fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return bl_fail_errno(why, BL_FAILED, "cannot prepare the fuse device");
	return BL_OK;
}

static enum bl_status wait_ready(struct serve *serve, struct bl_error *why)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += READY_SECONDS;
	pthread_mutex_lock(&serve->lock);
	while (!serve->is_ready && serve->running &&
	       pthread_cond_timedwait(&serve->moved, &serve->lock, &until) == 0)
		continue;
	bool is_ready = serve->is_ready;

	pthread_mutex_unlock(&serve->lock);
	return is_ready ? BL_OK : bl_fail(why, BL_FAILED, "the kernel does not answer the mount");
}

/*
 * libfuse unmounts whatever lies at the path. Where ours was unmounted lazily that is another one: a descriptor in error tells libfuse
 * that there is nothing to unmount.
 */
static void spare_others(struct serve *serve)
{
	uint64_t there = serve_mount_at(serve->mountpoint);
	int ends[2];

	if (!serve->mount_id || !there || there == serve->mount_id || pipe2(ends, O_CLOEXEC) < 0)
		return;
	fd_close(ends[0]);
	dup3(ends[1], serve->fuse_fd, O_CLOEXEC);
	fd_close(ends[1]);
}

enum bl_status serve_new(struct gate_view *view, const struct serve_options *options,
			 struct serve **out_serve)
{
	struct serve *serve = calloc(1, sizeof(*serve));
	pthread_rwlockattr_t attr;

	if (!serve)
		return BL_NO_MEMORY;
	serve->view = view;
	serve->options = *options;
	serve->fuse_fd = -1;
	serve->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	serve->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&serve->lock, NULL);
	pthread_cond_init(&serve->moved, NULL);
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&serve->settle, &attr);
	pthread_rwlockattr_destroy(&attr);
	pool_init(&serve->pool);
	*out_serve = serve;
	return known_init(&serve->known) && serve->null_fd >= 0 && serve->stop_fd >= 0
		       ? BL_OK
		       : BL_NO_MEMORY;
}

static enum bl_status serve_run(struct serve *serve, struct bl_error *why)
{
	enum bl_status status = serve_attach(serve, &serve_ops, why);

	if (status != BL_OK)
		return status;
	gate_view_on_change(serve->view, on_change, serve);
	idle_asked(serve);
	serve->is_kept = true;
	if (!start_workers(serve) || pthread_create(&serve->keeper, NULL, keeper_main, serve) != 0)
		return bl_fail(why, BL_NO_MEMORY, "cannot start request threads");
	serve->has_keeper = true;
	return serve->mountpoint ? wait_ready(serve, why) : BL_OK;
}

enum bl_status serve_start(struct gate_view *view, const struct serve_options *options,
			   struct serve **out_serve, struct bl_error *why)
{
	BL_CLEANUP(serve_stop) struct serve *serve = NULL;
	BL_CLEANUP(fd_close) int fuse_fd = options->fuse_fd; /* ours from the first moment on */
	enum bl_status status = serve_new(view, options, &serve);

	if (status != BL_OK)
		return bl_fail(why, status, "out of memory or descriptors");
	if (fuse_fd < 0) {
		status = check_mountpoint(options->mountpoint, why);
		if (status != BL_OK)
			return status;
		serve->mountpoint = realpath(options->mountpoint, NULL);
		if (!serve->mountpoint)
			return bl_fail_errno(why, BL_INVALID, "cannot mount on '%s'",
					     options->mountpoint);
	}
	serve->is_ending = true; /* a start that fails is not an end to tell */
	status = serve_run(serve, why);
	if (serve->session)
		fd_take(&fuse_fd);
	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&serve->lock);
	serve->is_ending = false;
	bool has_ended =
		serve->running == 0; /* already: then nobody was told, so it is told here */

	pthread_mutex_unlock(&serve->lock);
	if (has_ended)
		return bl_fail(why, BL_FAILED, "the mount was gone before it was served");
	*out_serve = BL_TAKE(serve);
	return BL_OK;
}

/* ---- stopping --------------------------------------------------------------------------------------------------- */

static void join_all(struct serve *serve)
{
	for (unsigned i = 0; i < serve->worker_count; i++) {
		pthread_join(serve->workers[i].thread, NULL);
		fd_close(serve->workers[i].epoll_fd);
	}
	if (serve->has_keeper)
		pthread_join(serve->keeper, NULL);
}

void serve_stop(struct serve *serve)
{
	if (!serve)
		return;
	pthread_mutex_lock(&serve->lock);
	serve->is_ending = true;
	bool is_cut = serve->is_cut;
	bool has_ended = serve->session && fuse_session_exited(serve->session) && !is_cut;

	pthread_cond_broadcast(&serve->moved);
	pthread_mutex_unlock(&serve->lock);
	if (serve->session) {
		gate_view_on_change(serve->view, NULL, NULL);
		if (!has_ended) {
			/* A process that stands in the mount goes on seeing what the kernel keeps of it. */
			if (!is_cut && !serve->options.is_private)
				(void)serve_invalidate(serve);
			cut(serve);
		}
		join_all(serve);
		pool_wait_idle(&serve->pool);
		if (serve->mountpoint) {
			spare_others(serve);
			fuse_session_unmount(serve->session);
		}
		fuse_session_destroy(serve->session);
	}
	known_done(&serve->known);
	pool_done(&serve->pool);
	pthread_rwlock_destroy(&serve->settle);
	pthread_cond_destroy(&serve->moved);
	pthread_mutex_destroy(&serve->lock);
	fd_close(serve->null_fd);
	fd_close(serve->stop_fd);
	free(serve->workers);
	free(serve->mountpoint);
	free(serve);
}

/*
 * The life of a daemon. As a service: this process becomes the monitor, a child the daemon, which hardens itself before it
 * reads anything. Solo: one process, one view, the same everything else.
 */
#include "fs/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fs/daemon/log-index.h"
#include "fs/daemon/monitor.h"
#include "fs/daemon/state.h"

int64_t daemon_now(void *daemon)
{
	return clock_access(((const struct daemon *)daemon)->clock);
}

int64_t daemon_trusted(const struct daemon *daemon)
{
	return clock_trusted(daemon->clock);
}

struct retention_now daemon_times(const struct daemon *daemon)
{
	/* Trusted time first: a second may begin in between, and access is never behind. */
	int64_t trusted = clock_trusted(daemon->clock);

	return (struct retention_now){.access_unix = clock_access(daemon->clock),
				      .trusted_unix = trusted};
}

/* ---- hardening --------------------------------------------------------------------------------- */

/* Keys and masked bytes are in this memory: no core, no ptrace by others. */
static enum bl_status harden(bool is_solo, struct bl_error *why)
{
	const struct rlimit no_core = {0};
	struct rlimit files;
	/* Sources belong to anybody and may lie anywhere; destroying one needs its folder. */
	static const uint64_t KEPT = UINT64_C(1) << CAP_DAC_READ_SEARCH |
				     UINT64_C(1) << CAP_DAC_OVERRIDE | UINT64_C(1) << CAP_FOWNER |
				     UINT64_C(1) << CAP_IPC_LOCK;

	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot harden this process");
	/* As many descriptors as we may have: a log that finds none is a log that broke. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)!setrlimit(RLIMIT_NOFILE, &files);
	}
	if (is_solo)
		return BL_OK; /* fusermount3 is setuid: it needs what no_new_privs would take away */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot harden this process");
	return geteuid() == 0 ? monitor_keep_capabilities(KEPT, 0, why) : BL_OK;
}

/* ---- the kernel -------------------------------------------------------------------------------- */

/*
 * By a mount of our own, while we are root and alone. Who opens views on a kernel that leaks, or of which nothing is known, is told why
 * there is none; destruction goes on.
 */
static void look_at_kernel(struct daemon *daemon)
{
	struct serve_kernel kernel;
	struct bl_error why = {{0}};
	const char *leak = NULL;

	if (geteuid() != 0)
		return; /* mounts nothing for others either */
	if (serve_selftest(&kernel, &why) == BL_OK) {
		serve_kernel_words(&kernel, daemon->kernel_words);
		leak = serve_kernel_leak(&kernel);
	} else {
		snprintf(daemon->kernel_words, sizeof(daemon->kernel_words), "kernel: not known");
		leak = why.text;
	}
	if (!leak)
		return;
	snprintf(daemon->kernel_trouble, sizeof(daemon->kernel_trouble), "%s", leak);
	fprintf(stderr, "error: serve: no view will be opened: %s\n", leak);
}

static enum bl_status log_kernel(struct daemon *daemon, struct bl_error *why)
{
	struct audit_event event = event_by(daemon, NULL, AUDIT_ADMIN);

	if (!*daemon->kernel_words)
		return BL_OK;
	if (*daemon->kernel_trouble) {
		event.verdict = AUDIT_FAILED_VERDICT;
		memcpy(event.rule, RULE_KERNEL, sizeof(RULE_KERNEL));
	}
	snprintf(event.detail, sizeof(event.detail), "%s", daemon->kernel_words);
	return audit_append(daemon->audit, &event, NULL, why);
}

/* ---- starting ---------------------------------------------------------------------------------- */

static enum bl_status open_store(struct daemon *daemon, struct bl_error *why)
{
	const char *path = daemon->options->store_path;
	const struct device_store_keys keys = {.secrets = daemon->options->secrets,
					       .secret_count = daemon->options->secret_count};
	enum bl_status status = device_store_open(path, &keys, &daemon->store, why);

	if (status == BL_NOT_FOUND)
		status = device_store_create(path, &keys, &daemon->store, why);
	return status;
}

/* Without locked memory plain images can be looked at all the same. */
static void open_hot(struct daemon *daemon)
{
	struct bl_error why;

	if (sealed_hot_new(SEALED_HOT_BYTES, &daemon->hot, &why) != BL_OK)
		fprintf(stderr, "warning: sealed images cannot be opened: %s\n", why.text);
}

static enum bl_status open_gate(struct daemon *daemon, struct bl_error *why)
{
	struct gate_config config = {
		.store = daemon->store,
		.audit = daemon->audit,
		.reader_path = daemon->reader_path,
		.hot = daemon->hot,
		.now_unix = daemon_now,
		.clock_context = daemon,
		.is_solo = daemon->options->is_solo,
		.host = daemon->host[0] ? daemon->host : NULL,
		.looked = keeper_looked,
		.looked_context = daemon,
	};
	enum bl_status status =
		daemon_reader_path(daemon->reader_path, sizeof(daemon->reader_path), why);

	return status == BL_OK ? gate_new(&config, &daemon->gate, why) : status;
}

/* Workplaces are machines as they know themselves; a name that does not fit is no workplace. */
static void learn_host(struct daemon *daemon)
{
	if (gethostname(daemon->host, sizeof(daemon->host)) < 0 ||
	    !memchr(daemon->host, '\0', sizeof(daemon->host)))
		daemon->host[0] = '\0';
	for (char *at = daemon->host; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
}

/* What people have used up today was logged before it was given: limits outlive us. */
static enum bl_status count_again(struct daemon *daemon, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int log_fd = -1;
	enum bl_status status = device_store_log(daemon->store, &log_fd, why);

	return status == BL_OK ? gate_recount(daemon->gate, log_fd, why) : status;
}

/* Whatever comes of it, the devices are shredded and shown to nobody. */
static void destroy_revived(const struct retention_context *context)
{
	struct bl_error why = {{0}};
	size_t count = 0;

	if (retention_revived(context, &count, &why) != BL_OK)
		fprintf(stderr, "error: retention: %s\n", why.text);
	if (count)
		fprintf(stderr,
			"warning: retention: an older key file was put back: the keys of %zu "
			"destroyed devices were there again, and are destroyed again\n",
			count);
}

/* What was begun is finished before anybody sees anything. */
static enum bl_status finish_shreds(struct daemon *daemon, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	struct retention_context context = {
		.store = daemon->store,
		.audit = daemon->audit,
		.policy = policy,
		.now = daemon_times(daemon),
		.by = UINT32_MAX,
		.reader_path = daemon->reader_path,
		.hot = daemon->hot,
	};
	size_t finished = 0;
	enum bl_status status = retention_recover(&context, &finished, why);

	if (finished)
		fprintf(stderr,
			"info: retention: finished %zu shreds that a crash had interrupted\n",
			finished);
	if (status == BL_LOG_BROKEN)
		return status;
	destroy_revived(&context);
	if (status !=
	    BL_OK) /* that device stays closed; the others are served, the keeper tries again */
		fprintf(stderr, "error: retention: %s\n", why->text);
	return BL_OK;
}

static enum bl_status open_parts(struct daemon *daemon, struct bl_error *why)
{
	enum bl_status status = open_store(daemon, why);

	learn_host(daemon);
	if (status == BL_OK)
		status = clock_open(daemon->store, &daemon->clock, why);
	if (status == BL_OK)
		status = log_open(daemon, why);
	if (status == BL_OK) {
		calendar_restored(daemon);
		incidents_refreeze(daemon);
	}
	if (status == BL_OK)
		open_hot(daemon);
	if (status == BL_OK)
		status = open_gate(daemon, why);
	if (status == BL_OK) {
		daemon->sessions = sessions_new(daemon);
		status = daemon->sessions ? BL_OK : bl_fail(why, BL_NO_MEMORY, "out of memory");
	}
	if (status == BL_OK)
		status = policy_first(daemon, why);
	if (status == BL_OK)
		status = count_again(daemon, why);
	if (status == BL_OK)
		status = log_kernel(daemon, why);
	/* Only now: who looked before a crash may have put a date off. A failure is the keeper's, who tries again. */
	if (status == BL_OK)
		(void)!keeper_close_due(daemon, NULL);
	if (status == BL_OK)
		status = finish_shreds(daemon, why);
	return status;
}

/* ---- solo -------------------------------------------------------------------------------------- */

/* A device is the same part of the same source every time: what is kept of it counts for that. */
static bool is_same_source(const struct device *device, const char *real,
			   const struct image_part *part)
{
	return strcmp(device->source, real) == 0 && device->source_offset == part->offset &&
	       device->source_partition == part->partition &&
	       strcmp(device->source_fs, part->fs) == 0;
}

static enum bl_status solo_device(struct daemon *daemon, const struct daemon_source *source,
				  struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct device *device = calloc(1, sizeof(*device));
	BL_CLEANUP(bl_free) char *real = realpath(source->path, NULL);
	struct audit_event event = event_by(daemon, NULL, AUDIT_ENROLLED);

	if (!device)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (!real)
		return bl_fail_errno(why, BL_INVALID, "cannot open source '%s'", source->path);
	if (device_find(daemon->store, source->id, device, NULL) == BL_OK) {
		if (is_same_source(device, real, &source->part))
			return BL_OK;
		return bl_fail(why, BL_EXISTS,
			       "device '%s' is another source already, or another part of it (give "
			       "this one a name: %s=ID)",
			       source->id, source->path);
	}
	memset(device, 0, sizeof(*device));
	memcpy(device->id, source->id, sizeof(device->id));
	device->kind = DEVICE_OTHER;
	device->state = STATE_RECEIVED;
	device->enrolled_unix = device->received_unix = daemon_trusted(daemon);
	snprintf(device->source, sizeof(device->source), "%s", real);
	device->source_offset = source->part.offset;
	device->source_partition = source->part.partition;
	snprintf(device->source_fs, sizeof(device->source_fs), "%s", source->part.fs);
	memcpy(event.device, device->id, sizeof(event.device));

	enum bl_status status = audit_append(daemon->audit, &event, NULL, why);

	if (status == BL_OK)
		status = device_enroll(daemon->store, device, NULL, why);
	if (status == BL_OK)
		gate_device_changed(daemon->gate, device->id);
	return status;
}

static enum bl_status solo_view(struct daemon *daemon, struct bl_error *why)
{
	const struct daemon_options *options = daemon->options;
	struct view_request request = {
		.gate = {.uid = daemon->owner,
			 .gid = getegid(),
			 .login_uid = UINT32_MAX,
			 .pid = (uint32_t)getpid(),
			 .purpose = options->purpose,
			 .reason = options->reason},
		.mountpoint_fd = -1,
		.path = options->mountpoint,
	};
	BL_CLEANUP(bl_free)
	char(*devices)[BL_DEVICE_ID_SIZE] = calloc(options->source_count + 1, sizeof(*devices));
	uint64_t number;
	enum bl_status status = devices ? BL_OK : bl_fail(why, BL_NO_MEMORY, "out of memory");

	for (size_t i = 0; i < options->source_count && status == BL_OK; i++) {
		status = solo_device(daemon, &options->sources[i], why);
		memcpy(devices[i], options->sources[i].id, sizeof(devices[i]));
	}
	if (status != BL_OK || !options->mountpoint)
		return status;
	/* What else the store has was not asked for: whoever is let at this mount (a container, a program) gets no more than was named. */
	request.gate.devices = devices;
	request.gate.device_count = options->source_count;
	return views_open(daemon, &request, &number, why);
}

/* ---- the main loop ------------------------------------------------------------------------------ */

/* sd_notify(3) without libsystemd: one datagram. Readiness is told only when requests are answered. */
static void tell_systemd(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	BL_CLEANUP(fd_close) int fd = -1;

	if (!path || strlen(path) >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}

/* False when the signal asks us to stop. */
static bool take_signal(struct daemon *daemon)
{
	struct signalfd_siginfo info;

	if (read(daemon->signal_fd, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo != SIGHUP || daemon->options->is_solo)
		return false;
	policy_reload(daemon);
	return true;
}

static void take_wakes(struct daemon *daemon)
{
	eventfd_t count;

	eventfd_read(daemon->wake_fd, &count);
	/* Also when it was unlatched meanwhile: what was open then has ended. */
	if (atomic_exchange(&daemon->has_latched, false) || atomic_load(&daemon->is_log_broken))
		views_abort_all(daemon);
}

static void loop(struct daemon *daemon)
{
	struct pollfd polled[] = {{.fd = daemon->signal_fd, .events = POLLIN},
				  {.fd = daemon->wake_fd, .events = POLLIN},
				  {.fd = daemon->listen_fd, .events = POLLIN},
				  {.fd = daemon->watch_fd, .events = POLLIN}};

	for (;;) {
		if (poll(polled, BL_COUNT(polled), -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (polled[0].revents && !take_signal(daemon))
			return;
		if (polled[1].revents)
			take_wakes(daemon);
		if (polled[2].revents)
			control_accept(daemon);
		if (polled[3].revents)
			policy_watched(daemon);
		if (daemon->options->is_solo && daemon->options->mountpoint && !views_any(daemon))
			return;
	}
}

static enum bl_status serve(struct daemon *daemon, struct bl_error *why)
{
	enum bl_status status = views_start(daemon, why);

	if (status == BL_OK)
		status = control_listen(daemon, why);
	if (status == BL_OK)
		status = keeper_start(daemon, why);
	if (status == BL_OK && daemon->options->is_solo)
		status = solo_view(daemon, why);
	if (status != BL_OK)
		return status;
	policy_watch(daemon);
	status = log_start(daemon, why);
	if (status == BL_OK)
		status = log_index_start(daemon, why);
	if (status != BL_OK)
		return status;
	if (daemon->options->on_ready)
		daemon->options->on_ready(daemon->options->context);
	tell_systemd("READY=1");
	loop(daemon);
	tell_systemd("STOPPING=1");
	return atomic_load(&daemon->is_log_broken)
		       ? bl_fail(why, BL_LOG_BROKEN, "ended, for the log could take no more events")
		       : BL_OK;
}

/* ---- stopping ----------------------------------------------------------------------------------- */

static void close_parts(struct daemon *daemon)
{
	atomic_store(&daemon->is_stopping, true);
	control_stop(daemon);
	keeper_stop(daemon);
	views_close_all(daemon);
	sessions_free(daemon->sessions);
	if (daemon->gate)
		keeper_keep_looks(daemon);
	log_index_stop(daemon);
	log_stop(daemon);
	gate_free(daemon->gate);
	sealed_hot_free(daemon->hot);
	log_close(daemon);
	clock_close(daemon->clock);
	device_store_close(daemon->store);
	fd_close(daemon->listen_fd);
	fd_close(daemon->wake_fd);
	fd_close(daemon->reap_fd);
	fd_close(daemon->keeper_wake_fd);
	fd_close(daemon->keeper_timer_fd);
	fd_close(daemon->watch_fd);
	fd_close(daemon->signal_fd);
	fd_close(daemon->monitor_fd);
}

static enum bl_status block_signals(struct daemon *daemon, struct bl_error *why)
{
	sigset_t signals;

	/* Before the first thread, so that all inherit it and only our descriptor sees them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGQUIT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	daemon->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	daemon->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	daemon->keeper_wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (daemon->signal_fd < 0 || daemon->wake_fd < 0 || daemon->keeper_wake_fd < 0)
		return bl_fail_errno(why, BL_FAILED, "cannot take signals");
	return BL_OK;
}

/* Its waits must not end early or late because somebody sets the clock. */
static void init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

enum bl_status daemon_run(const struct daemon_options *options, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct daemon *daemon = calloc(1, sizeof(*daemon));
	enum bl_status status = BL_OK;

	if (!daemon)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	daemon->options = options;
	daemon->owner = geteuid();
	daemon->monitor_fd = daemon->wake_fd = daemon->signal_fd = daemon->listen_fd = -1;
	daemon->watch_fd = daemon->keeper_wake_fd = daemon->keeper_timer_fd = daemon->reap_fd = -1;
	pthread_mutex_init(&daemon->monitor_lock, NULL);
	pthread_mutex_init(&daemon->views_lock, NULL);
	pthread_mutex_init(&daemon->life_lock, NULL);
	pthread_mutex_init(&daemon->shred_lock, NULL);
	pthread_mutex_init(&daemon->keeper_lock, NULL);
	pthread_mutex_init(&daemon->fresh_lock, NULL);
	pthread_mutex_init(&daemon->contents_lock, NULL);
	init_monotonic(&daemon->fresh_wake);
	pthread_mutex_init(&daemon->connections_lock, NULL);
	pthread_cond_init(&daemon->connections_gone, NULL);
	if (!options->is_solo)
		look_at_kernel(daemon);
	if (!options->is_solo)
		status = monitor_start(&daemon->monitor_fd, why);
	if (status == BL_OK)
		status = harden(options->is_solo, why);
	if (status == BL_OK)
		status = block_signals(daemon, why);
	if (status == BL_OK)
		status = open_parts(daemon, why);
	if (status == BL_OK)
		status = serve(daemon, why);
	close_parts(daemon);
	return status;
}

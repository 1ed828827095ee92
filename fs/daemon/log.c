/* The log as the daemon keeps it: its kit, its anchors, what the policy asks of it, and what happens when it latches. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "fs/daemon/kit.h"
#include "fs/daemon/state.h"

#define SECOND_NS INT64_C(1000000000)
/* A policy's spans are shorter (100 years); in nanoseconds it fits beside a time. */
#define LONGEST_SECONDS INT64_C(4000000000)

static int64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* ---- events with reasons --------------------------------------------------------------------------- */

enum bl_status log_append(struct daemon *daemon, const struct audit_event *event,
			  const char *reason, struct bl_error *why)
{
	struct vault *vault = device_store_vault(daemon->store);
	uint8_t key[VAULT_KEY];
	struct audit_name name = {.kind = AUDIT_NAME_REASON,
				  .device = event->device,
				  .log_names_key = key,
				  .text = reason,
				  .length = reason ? strlen(reason) : 0};

	if (!event->device[0] ||
	    vault_device_key(vault, event->device, VAULT_LOG_NAMES, key, NULL) != BL_OK) {
		vault_store_key(vault, VAULT_LOG_NAMES, key);
		name.device = "";
	}
	enum bl_status status =
		audit_append_named(daemon->audit, event, &name, name.length > 0, NULL, why);

	sodium_memzero(key, sizeof(key));
	return status;
}

/* ---- latching ------------------------------------------------------------------------------------ */

static void on_broken(void *context, const char *text)
{
	struct daemon *daemon = context;

	fprintf(stderr,
		"error: audit: the log cannot take events, nothing is shown any more: %s (mend it, "
		"then: bailee log unlatch --reason TEXT)\n",
		text);
	atomic_store(&daemon->is_log_broken, true);
	atomic_store(&daemon->has_latched, true);
	eventfd_write(daemon->wake_fd, 1);
}

enum bl_status log_unlatch(struct daemon *daemon, const struct audit_event *event,
			   struct bl_error *why)
{
	enum bl_status status = audit_unlatch(daemon->audit, event, why);

	if (status != BL_OK)
		return status;
	atomic_store(&daemon->is_log_broken, false);
	/* It may have latched again between the two: then that was told while we forgot it. */
	if (!audit_is_writable(daemon->audit))
		atomic_store(&daemon->is_log_broken, true);
	log_refresh(daemon);
	keeper_wake(daemon);
	return BL_OK;
}

/* ---- anchors ------------------------------------------------------------------------------------- */

static void on_checkpoint(void *context, const struct audit_checkpoint_note *note)
{
	struct daemon *daemon = context;

	if (daemon->anchors)
		anchors_put(daemon->anchors, note);
}

/* Until when contents may be shown, by the newest anchor. What has nothing behind it is as fresh as can be. */
static int64_t fresh_until(struct daemon *daemon, int64_t every_ns)
{
	struct anchor_state newest;
	struct audit_state log;
	int64_t now = boottime_ns();

	if (!daemon->anchors || !anchors_newest(daemon->anchors, &newest))
		return 0;
	audit_state(daemon->audit, &log);
	return (newest.sequence >= log.durable_sequence ? now : newest.boottime_ns) + every_ns;
}

/* Returns when to look again. One at a time: what was found out first may not come last. */
int64_t log_refresh(struct daemon *daemon)
{
	pthread_mutex_lock(&daemon->contents_lock);

	int64_t every = atomic_load(&daemon->anchor_every_ns);
	int64_t until = every ? fresh_until(daemon, every) : INT64_MAX;

	atomic_store(&daemon->is_unanchored, boottime_ns() >= until);
	gate_contents(daemon->gate, !atomic_load(&daemon->is_unanchored));
	pthread_mutex_unlock(&daemon->contents_lock);
	return until;
}

static void on_anchored(void *context)
{
	(void)log_refresh(context);
}

/* Until a quarter of the policy's span is over, contents have to be closed, or the policy is another. fresh_lock is held. */
static void nap(struct daemon *daemon, int64_t every, int64_t until)
{
	int64_t now = boottime_ns();
	int64_t pause = BL_MIN(every / 4, SECOND_NS * 60);
	struct timespec at;

	if (until > now)
		pause = BL_MIN(pause, until - now);
	pause = BL_MAX(pause, SECOND_NS / 10);
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (pause + at.tv_nsec) / SECOND_NS;
	at.tv_nsec = (pause + at.tv_nsec) % SECOND_NS;
	if (!atomic_load(&daemon->is_stopping) && atomic_load(&daemon->anchor_every_ns) == every)
		pthread_cond_timedwait(&daemon->fresh_wake, &daemon->fresh_lock, &at);
}

/* A checkpoint in good time, so that the anchors are younger than the policy's span by themselves. */
static void *keep_fresh(void *context)
{
	struct daemon *daemon = context;

	pthread_mutex_lock(&daemon->fresh_lock);
	while (!atomic_load(&daemon->is_stopping)) {
		int64_t every = atomic_load(&daemon->anchor_every_ns);

		if (!every) {
			pthread_cond_wait(&daemon->fresh_wake, &daemon->fresh_lock);
			continue;
		}
		pthread_mutex_unlock(&daemon->fresh_lock);
		(void)!audit_checkpoint(daemon->audit, NULL);

		int64_t until = log_refresh(daemon);

		pthread_mutex_lock(&daemon->fresh_lock);
		nap(daemon, every, until);
	}
	pthread_mutex_unlock(&daemon->fresh_lock);
	return NULL;
}

static void wake_fresh(struct daemon *daemon)
{
	pthread_mutex_lock(&daemon->fresh_lock);
	pthread_cond_signal(&daemon->fresh_wake);
	pthread_mutex_unlock(&daemon->fresh_lock);
}

enum bl_status log_start(struct daemon *daemon, struct bl_error *why)
{
	if (daemon->anchors)
		anchors_on_change(daemon->anchors, on_anchored, daemon);
	if (pthread_create(&daemon->fresh, NULL, keep_fresh, daemon) != 0)
		return bl_fail(why, BL_FAILED, "cannot start the thread of the anchors");
	daemon->has_fresh = true;
	/* What is here already is anchored now, not after the first ten seconds. */
	return audit_is_writable(daemon->audit) ? audit_checkpoint(daemon->audit, why) : BL_OK;
}

void log_stop(struct daemon *daemon)
{
	if (daemon->anchors)
		anchors_on_change(daemon->anchors, NULL, NULL);
	if (!daemon->has_fresh)
		return;
	wake_fresh(daemon);
	pthread_join(daemon->fresh, NULL);
	daemon->has_fresh = false;
}

/* ---- opening and closing ------------------------------------------------------------------------- */

/* A store made on first use: the kit stays in it, and status says so, until somebody takes it away. */
static enum bl_status keep_kit(void *context, const struct audit_kit *kit, struct bl_error *why)
{
	const struct daemon *daemon = context;

	return kit_keep(device_store_fd(daemon->store), KIT_IN_STORE, kit, true, why);
}

/* A store that was put back to an older state is not gone on with: its anchors know more than it does. */
static uint64_t known_outside(const struct daemon *daemon)
{
	BL_CLEANUP(fd_close) int log_fd = -1;
	uint8_t log_id[AUDIT_LOG_ID];

	if (!daemon->anchors || device_store_log(daemon->store, &log_fd, NULL) != BL_OK ||
	    audit_log_id(log_fd, log_id, NULL) != BL_OK)
		return 0;
	return anchors_known(daemon->anchors, log_id,
			     vault_public_key(device_store_vault(daemon->store)));
}

enum bl_status log_open(struct daemon *daemon, struct bl_error *why)
{
	const struct daemon_options *options = daemon->options;
	struct audit_config config = {
		.store_fd = device_store_fd(daemon->store),
		.vault = device_store_vault(daemon->store),
		.keep_kit = keep_kit,
		.on_broken = on_broken,
		.on_checkpoint = on_checkpoint,
		.context = daemon,
	};
	enum bl_status status = BL_OK;

	if (options->anchor_count)
		status = anchors_open(options->anchors, options->anchor_count, config.store_fd,
				      &daemon->anchors, why);
	config.known_sequence = known_outside(daemon);
	return status == BL_OK ? audit_open(&config, &daemon->audit, why) : status;
}

/* The last checkpoint comes with closing: only then may the anchors go. */
void log_close(struct daemon *daemon)
{
	if (daemon->audit)
		audit_close(daemon->audit);
	anchors_close(daemon->anchors);
}

/* ---- the policy's word ------------------------------------------------------------------------------ */

void log_obey(struct daemon *daemon, const struct policy *policy)
{
	const struct rules_audit *audit = policy_audit(policy);
	int64_t every = BL_MIN(audit->anchor_every_seconds, LONGEST_SECONDS) * SECOND_NS;

	/* Nothing will ever be shown so: said once, where whoever starts the service looks. */
	if (every && !daemon->anchors && every != atomic_load(&daemon->anchor_every_ns))
		fprintf(stderr,
			"error: audit: the policy wants anchors (audit: anchor_every) and there is "
			"none: contents are closed to everybody (%s)\n",
			daemon->options->is_solo ? "take anchor_every out of the policy"
						 : "bailee serve --anchor DIR");
	audit_policy(daemon->audit, policy_digest(policy));
	audit_bounded(daemon->audit, audit->is_bounded ? audit->bounded_ms : 0);
	atomic_store(&daemon->anchor_every_ns, every);
	log_refresh(daemon);
	wake_fresh(daemon);
	/* A change of policy is vouched for at once. Where that fails the log has latched, and says so itself. */
	if (audit_is_writable(daemon->audit))
		(void)!audit_checkpoint(daemon->audit, NULL);
}

void log_trim(struct daemon *daemon)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(daemon->gate);
	struct bl_error why = {{0}};
	size_t removed = 0;
	int64_t keep = policy ? policy_audit(policy)->keep_seconds : 0;

	if (!keep || !audit_is_writable(daemon->audit))
		return;
	if (audit_trim(daemon->audit, daemon_trusted(daemon) - keep, &removed, &why) != BL_OK)
		fprintf(stderr, "error: audit: old parts of the log cannot be removed: %s\n",
			why.text);
	if (!removed)
		return;
	fprintf(stderr, "info: audit: removed %zu old parts of the log (audit: keep)\n", removed);
	policy_forget_old(daemon);
}

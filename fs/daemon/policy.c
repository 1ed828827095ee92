#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/state.h"
#include "policy/yaml/yaml.h"

static void hex(const uint8_t *bytes, size_t length, char *out)
{
	for (size_t i = 0; i < length; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

/* The first error of several; `policy check` shows them all. */
static enum bl_status tell_findings(const struct rules_findings *findings, const char *name,
				    enum bl_status status, struct bl_error *why)
{
	if (findings->count == 0)
		return status;
	const struct rules_finding *first = &findings->items[0];

	return bl_fail(why, status,
		       "policy '%s' is refused: %u:%u: %s (bailee policy check shows all)", name,
		       first->line, first->column, first->text);
}

struct failing {
	char name[128];
	unsigned line;
};

static void note_failing(void *context, const struct rules_test_result *result)
{
	struct failing *failing = context;

	if (result->has_passed || failing->line)
		return;
	failing->line = result->line;
	snprintf(failing->name, sizeof(failing->name), "%.127s", result->name);
}

static enum bl_status run_tests(const struct policy *policy, struct bl_error *why)
{
	struct failing failing = {.line = 0};
	size_t passed, failed;
	enum bl_status status = rules_test(policy, note_failing, &failing, &passed, &failed);

	if (status == BL_FAILED)
		return bl_fail(why, BL_INVALID,
			       "policy is refused: its own test '%s' (line %u) fails (bailee "
			       "policy test shows all)",
			       failing.name, failing.line);
	return status;
}

static enum bl_status parse(const char *bytes, size_t length, struct policy **out_policy,
			    struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct rules_findings *findings = calloc(1, sizeof(*findings));
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;

	if (!findings)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = rules_parse(bytes, length, &policy, findings, why);

	if (status != BL_OK)
		return tell_findings(findings, "new", status, why);
	status = run_tests(policy, why);
	if (status == BL_OK)
		*out_policy = BL_TAKE(policy);
	return status;
}

/* A serial must grow, so that an old policy cannot be slipped back in; the very same file may come again. */
static enum bl_status check_serial(struct daemon *daemon, const struct policy *policy,
				   struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	BL_CLEANUP(policy_unref) struct policy *last = NULL;
	size_t length;

	if (device_store_last_policy(daemon->store, &bytes, &length, NULL) != BL_OK ||
	    parse(bytes, length, &last, NULL) != BL_OK)
		return BL_OK;
	if (memcmp(policy_digest(policy), policy_digest(last), 32) == 0)
		return BL_OK;
	if (policy_serial(policy) > policy_serial(last))
		return BL_OK;
	return bl_fail(why, BL_INVALID,
		       "policy is refused: its serial is %llu, the last good one's was %llu (give "
		       "it a greater serial)",
		       (unsigned long long)policy_serial(policy),
		       (unsigned long long)policy_serial(last));
}

static enum bl_status log_policy(struct daemon *daemon, const struct peer *peer,
				 const struct policy *policy, struct bl_error *why)
{
	struct audit_event event =
		event_by(daemon, peer, policy ? AUDIT_POLICY_LOADED : AUDIT_POLICY_REFUSED);

	if (policy) {
		char digest[65];

		hex(policy_digest(policy), 32, digest);
		event.policy_serial = policy_serial(policy);
		snprintf(event.detail, sizeof(event.detail), "serial %llu digest %s",
			 (unsigned long long)policy_serial(policy), digest);
	} else {
		event.verdict = AUDIT_DENIED;
	}
	return audit_append(daemon->audit, &event, NULL, why);
}

/* In force only after its event is durable and the store can start with it again. */
static enum bl_status enforce(struct daemon *daemon, const struct peer *peer,
			      const struct policy *policy, const char *bytes, size_t length,
			      struct bl_error *why)
{
	enum bl_status status = log_policy(daemon, peer, policy, why);

	if (status == BL_OK)
		status = device_store_keep_policy(daemon->store, bytes, length, why);
	if (status == BL_OK)
		gate_set_policy(daemon->gate, policy);
	else if (audit_is_writable(daemon->audit))
		(void)!log_policy(daemon, peer, NULL,
				  NULL); /* or the log would tell of one in force */
	/* What is due by it is closed when it is said to be in force; a failure is the keeper's, who tries again. */
	if (status == BL_OK)
		(void)!keeper_close_due(daemon, NULL);
	return status;
}

enum bl_status policy_replace(struct daemon *daemon, const char *bytes, size_t length,
			      const struct peer *peer, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;

	pthread_mutex_lock(&daemon->life_lock);
	enum bl_status status = parse(bytes, length, &policy, why);

	if (status == BL_OK)
		status = check_serial(daemon, policy, why);
	if (status == BL_OK)
		status = enforce(daemon, peer, policy, bytes, length, why);
	else if (log_policy(daemon, peer, NULL, NULL) != BL_OK)
		status = bl_fail(why, BL_LOG_BROKEN, "the log cannot take the event");
	pthread_mutex_unlock(&daemon->life_lock);
	keeper_wake(daemon);
	return status;
}

/*
 * The bytes of a policy file. rules_load has checked owner and mode of the file that @path names; reading once more would
 * be a race, so what is checked here is what is read.
 */
static enum bl_status read_policy_file(const char *path, uid_t owner, char **out_bytes,
				       size_t *out_length, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return bl_fail_errno(why, BL_INVALID, "cannot open policy '%s'", path);
	if (!S_ISREG(stat.st_mode) || stat.st_size > YAML_SIZE_LIMIT)
		return bl_fail(why, BL_INVALID, "policy '%s' is not a file of at most 4 MiB", path);
	if (stat.st_uid != 0 && stat.st_uid != owner)
		return bl_fail(why, BL_INVALID,
			       "policy '%s' belongs to uid %u, who could change it (chown %u %s)",
			       path, stat.st_uid, owner, path);
	if (stat.st_mode & 022)
		return bl_fail(why, BL_INVALID,
			       "policy '%s' can be written by others (chmod go-w %s)", path, path);

	size_t length = (size_t)stat.st_size;
	BL_CLEANUP(bl_free) char *bytes = malloc(length + 1);

	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (read(fd, bytes, length) != (ssize_t)length)
		return bl_fail(why, BL_IO, "cannot read policy '%s'", path);
	*out_bytes = BL_TAKE(bytes);
	*out_length = length;
	return BL_OK;
}

static enum bl_status load_file(struct daemon *daemon, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	size_t length = 0;
	enum bl_status status =
		read_policy_file(daemon->options->policy_path, daemon->owner, &bytes, &length, why);

	if (status == BL_OK)
		status = policy_replace(daemon, bytes, length, NULL, why);
	return status;
}

enum bl_status policy_first(struct daemon *daemon, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	size_t length;

	if (daemon->options->policy_path)
		return load_file(daemon, why);

	enum bl_status status = device_store_last_policy(daemon->store, &bytes, &length, why);

	if (status == BL_NOT_FOUND && daemon->options->is_solo) {
		char text[4096];

		status = rules_solo_text(daemon->owner, text, sizeof(text));
		return status == BL_OK ? policy_replace(daemon, text, strlen(text), NULL, why)
				       : status;
	}
	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID,
			       "no policy yet: nothing may be served (give --policy FILE)");
	return status == BL_OK ? policy_replace(daemon, bytes, length, NULL, why) : status;
}

void policy_reload(struct daemon *daemon)
{
	struct bl_error why = {{0}};

	if (!daemon->options->policy_path) {
		fprintf(stderr, "info: daemon: no --policy to load again\n");
		return;
	}
	if (load_file(daemon, &why) == BL_OK)
		fprintf(stderr, "info: daemon: policy '%s' loaded\n", daemon->options->policy_path);
	else
		fprintf(stderr, "error: daemon: policy stays as it was: %s\n", why.text);
}

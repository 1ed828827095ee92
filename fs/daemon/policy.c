/* One policy after another: what comes in is checked, tried by its own tests, logged, kept, and then in force. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/state.h"
#include "fs/device/policies.h"

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
		       "policy %s%s%s is refused: %u:%u: %s (bailee policy check shows all)",
		       name ? "'" : "", name ? name : "that came", name ? "'" : "", first->line,
		       first->column, first->text);
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

static enum bl_status parse(const struct policy_text *text, struct policy **out_policy,
			    struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct rules_findings *findings = calloc(1, sizeof(*findings));
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;

	if (!findings)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = rules_parse(text->bytes, text->length, &policy, findings, why);

	if (status != BL_OK)
		return tell_findings(findings, text->name, status, why);
	status = run_tests(policy, why);
	if (status == BL_OK)
		*out_policy = BL_TAKE(policy);
	return status;
}

enum bl_status policy_parse(const char *bytes, size_t length, struct policy **out_policy,
			    struct bl_error *why)
{
	const struct policy_text text = {.bytes = bytes, .length = length};

	return parse(&text, out_policy, why);
}

/* The last good one; NULL: there is none, or none that this version reads. */
static struct policy *last_policy(struct daemon *daemon)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	struct policy *last = NULL;
	struct policy_text text = {0};

	if (device_store_last_policy(daemon->store, &bytes, &text.length, NULL) != BL_OK)
		return NULL;
	text.bytes = bytes;
	return parse(&text, &last, NULL) == BL_OK ? last : NULL;
}

/* A serial must grow, so that an old policy cannot be slipped back in; the very same file may come again. */
static enum bl_status check_serial(const struct policy *last, const struct policy *policy,
				   struct bl_error *why)
{
	if (!last || memcmp(policy_digest(policy), policy_digest(last), 32) == 0)
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
				 const struct policy *policy, const char *reason,
				 struct bl_error *why)
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
	return log_append(daemon, &event, reason, why);
}

#define OR                                                                                         \
	'\f' /* between two signatures of which one is the policy's; no text of a signature holds it */

/*
 * The last good policy and the signature that is its own: of the two that are there after a crash, the one that this store takes it
 * by, and else the first. What @out_text points to
 * is the caller's to free, also after a failure.
 */
static enum bl_status read_last(struct daemon *daemon, struct policy_text *out_text,
				char **out_bytes, char **out_signatures, struct bl_error *why)
{
	enum bl_status status =
		device_store_last_policy(daemon->store, out_bytes, &out_text->length, why);

	if (status != BL_OK)
		return status;
	status = device_store_note_read(daemon->store, STORE_POLICY_SIGNATURE, out_signatures, why);
	if (status != BL_OK && status != BL_NOT_FOUND)
		return status;
	char *first = status == BL_OK ? *out_signatures : NULL, *rest = first, *signature;

	out_text->bytes = *out_bytes;
	while ((signature = strsep(&rest, (const char[]){OR, 0}))) {
		out_text->signature = *signature ? signature : NULL;
		if (trust_check(daemon, out_text, NULL) == BL_OK)
			return BL_OK;
	}
	out_text->signature = first && *first ? first : NULL;
	return BL_OK;
}

/*
 * Two files that a crash may come between: for so long the old signature stands beside the new one, so that a store that trusts
 * keys starts with either policy.
 */
static enum bl_status announce(struct daemon *daemon, const char *old, const char *new,
			       struct bl_error *why)
{
	size_t size = strlen(old) + strlen(new) + 2;
	BL_CLEANUP(bl_free) char *both = malloc(size);

	if (!both)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	snprintf(both, size, "%s%c%s", new, OR, old);
	return device_store_note_write(daemon->store, STORE_POLICY_SIGNATURE, both, why);
}

static bool is_kept_alone(struct daemon *daemon, const char *signature)
{
	BL_CLEANUP(bl_free) char *kept = NULL;

	return device_store_note_read(daemon->store, STORE_POLICY_SIGNATURE, &kept, NULL) ==
		       BL_OK &&
	       strcmp(kept, signature) == 0;
}

static enum bl_status keep(struct daemon *daemon, const struct policy_text *text,
			   struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	BL_CLEANUP(bl_free) char *signatures = NULL;
	struct policy_text last = {0};
	const char *signature = text->signature ? text->signature : "";
	/* Mostly there is none, before and after: a sync less that everybody's events would wait behind. */
	bool is_known = is_kept_alone(daemon, signature);
	/* For reports, which tell what changed: also the first that this version loads, for a store of an older one. */
	enum bl_status status = policies_keep(daemon->store, text->bytes, text->length, why);

	if (status == BL_OK && !is_known &&
	    read_last(daemon, &last, &bytes, &signatures, NULL) == BL_OK && last.signature)
		status = announce(daemon, last.signature, signature, why);
	if (status == BL_OK)
		status = device_store_keep_policy(daemon->store, text->bytes, text->length, why);
	if (status == BL_OK && !is_known)
		status = device_store_note_write(daemon->store, STORE_POLICY_SIGNATURE, signature,
						 why);
	return status;
}

/*
 * Or the log would tell of one in force; and what it would have put off would have lost the grace that the one that stays had given it, and
 * be destroyed at once: it gets another.
 */
static void withdraw(struct daemon *daemon, const struct peer *peer, const struct policy *last,
		     const struct policy *policy)
{
	if (audit_is_writable(daemon->audit))
		(void)!log_policy(daemon, peer, NULL, NULL, NULL);
	if (last)
		(void)!calendar_grace(daemon, policy, last, NULL);
}

/* In force only after its event is durable and the store can start with it again. */
static enum bl_status enforce(struct daemon *daemon, const struct peer *peer,
			      const struct policy *last, const struct policy *policy,
			      const struct policy_text *text, struct bl_error *why)
{
	enum bl_status status = log_policy(daemon, peer, policy, text->reason, why);

	/* Before anything can act on it. */
	if (status == BL_OK)
		status = calendar_grace(daemon, last, policy, why);
	if (status == BL_OK)
		status = keep(daemon, text, why);
	if (status == BL_OK) {
		gate_set_policy(daemon->gate, policy);
		log_obey(daemon, policy);
		sessions_obey(daemon->sessions, policy);
	} else {
		withdraw(daemon, peer, last, policy);
	}
	/*
	 * What is due by it is closed when it is said to be in force; a failure is the keeper's, who tries again. At start the
	 * log is read first.
	 */
	if (status == BL_OK && daemon->has_keeper)
		(void)!keeper_close_due(daemon, NULL);
	return status;
}

/* What status tells: a bad file changes nothing, and is not forgotten until a good one comes. */
static void remember(struct daemon *daemon, enum bl_status status, const struct bl_error *why)
{
	if (status == BL_OK) {
		daemon->policy_loads++;
		daemon->policy_trouble[0] = '\0';
		return;
	}
	daemon->policy_refusals++;
	daemon->policy_trouble_unix = daemon_now(daemon);
	memcpy(daemon->policy_trouble, why->text, sizeof(daemon->policy_trouble));
}

void policy_refused(struct daemon *daemon, const struct bl_error *why)
{
	pthread_mutex_lock(&daemon->life_lock);
	remember(daemon, BL_INVALID, why);
	(void)!log_policy(daemon, NULL, NULL, NULL, NULL);
	pthread_mutex_unlock(&daemon->life_lock);
}

enum bl_status policy_replace(struct daemon *daemon, const struct policy_text *text,
			      const struct peer *peer, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	BL_CLEANUP(policy_unref) struct policy *last = NULL;
	struct bl_error here = {{0}};

	/* Who people are is asked anew before the policy that names them holds; without our lock, for NSS may take its time. */
	gate_refresh_people(daemon->gate);
	pthread_mutex_lock(&daemon->life_lock);
	enum bl_status status = trust_check(daemon, text, &here);

	if (status == BL_OK)
		status = parse(text, &policy, &here);
	if (status == BL_OK) {
		last = last_policy(daemon);
		status = check_serial(last, policy, &here);
	}
	if (status == BL_OK)
		status = enforce(daemon, peer, last, policy, text, &here);
	else if (log_policy(daemon, peer, NULL, text->reason, NULL) != BL_OK)
		status = bl_fail(&here, BL_LOG_BROKEN, "the log cannot take the event");
	remember(daemon, status, &here);
	pthread_mutex_unlock(&daemon->life_lock);
	if (why)
		*why = here;
	keeper_wake(daemon);
	return status;
}

/* The last good one, with the signature it came with. */
static enum bl_status load_last(struct daemon *daemon, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = NULL;
	BL_CLEANUP(bl_free) char *signatures = NULL;
	struct policy_text text = {.name = "policy.last"};
	enum bl_status status = read_last(daemon, &text, &bytes, &signatures, why);

	if (status != BL_OK)
		return status;
	return policy_replace(daemon, &text, NULL, why);
}

static enum bl_status load_solo(struct daemon *daemon, struct bl_error *why)
{
	char bytes[4096];
	enum bl_status status = rules_solo_text(daemon->owner, bytes, sizeof(bytes));
	const struct policy_text text = {.bytes = bytes,
					 .length = status == BL_OK ? strlen(bytes) : 0};

	return status == BL_OK ? policy_replace(daemon, &text, NULL, why) : status;
}

enum bl_status policy_first(struct daemon *daemon, struct bl_error *why)
{
	if (daemon->options->policy_path)
		return policy_load_file(daemon, NULL, NULL, why);

	enum bl_status status = load_last(daemon, why);

	if (status == BL_NOT_FOUND && daemon->options->is_solo)
		return load_solo(daemon, why);
	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID,
			       "no policy yet: nothing may be served (give --policy FILE)");
	return status;
}

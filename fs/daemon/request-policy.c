/* What admins ask for: a new policy, which keys are trusted. */
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

static void answer_policy(struct asked *asked)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);

	answer_text(asked->answer, "policy", policy_name(policy));
	answer_number(asked->answer, "policy_serial", (int64_t)policy_serial(policy));
}

enum bl_status request_policy_load(struct asked *asked, struct bl_error *why)
{
	const char *text = asked_text(asked, "text");

	if (!text)
		return bl_fail(why, BL_INVALID, "no policy came with the request");

	enum bl_status status = asked_permit(asked, ACTION_ADMINISTER, NULL, why);

	if (status == BL_OK) {
		const struct policy_text loaded = {
			.bytes = text,
			.length = strlen(text),
			.signature = asked_text(asked, "signature"),
			.reason = asked_text(asked, "reason"),
		};

		status = policy_replace(asked->daemon, &loaded, asked->peer, why);
	}
	if (status == BL_OK)
		answer_policy(asked);
	return status;
}

enum bl_status request_reload(struct asked *asked, struct bl_error *why)
{
	enum bl_status status = asked_permit(asked, ACTION_ADMINISTER, NULL, why);

	if (status == BL_OK)
		status = policy_load_file(asked->daemon, asked->peer, asked_text(asked, "reason"),
					  why);
	if (status == BL_OK)
		answer_policy(asked);
	return status;
}

enum bl_status request_policy_text(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t length;
	enum bl_status status = asked_is_privileged(asked)
					? BL_OK
					: asked_permit(asked, ACTION_ADMINISTER, NULL, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, NULL, "policy-text", BL_OK, why);
	if (status == BL_OK)
		status = device_store_last_policy(asked->daemon->store, &text, &length, why);
	if (status == BL_OK)
		asked_send_text(asked, text, length);
	return status;
}

/* Which keys are trusted is no matter of the policy: only who owns the store may say so. */
enum bl_status request_policy_trust(struct asked *asked, struct bl_error *why)
{
	const char *key = asked_text(asked, "key"), *signature = asked_text(asked, "signature");
	bool is_owner = asked->peer->uid == asked->daemon->owner;
	enum bl_status status = asked_log(asked, AUDIT_ADMIN, NULL, "policy-trust",
					  is_owner ? BL_OK : BL_FORBIDDEN, why);

	if (status != BL_OK)
		return status;
	if (!is_owner)
		return bl_fail(why, BL_FORBIDDEN,
			       "which keys are trusted is the store owner's to say (run it as the "
			       "owner)");
	if (!key || !signature)
		return bl_fail(why, BL_INVALID,
			       "a public key and a signature of the policy in force are needed");
	status = trust_add(asked->daemon, key, signature, why);
	asked_undone(asked, AUDIT_ADMIN, NULL, status);
	return status;
}

/* policy.h - what the verbs of `bailee policy` share */
#ifndef FS_CLI_POLICY_H
#define FS_CLI_POLICY_H

#include "fs/cli/cli.h"
#include "policy/rules/rules.h"

int policy_check(int argc, char **argv);
int policy_test(int argc, char **argv);
int policy_explain(int argc, char **argv);
int policy_diff(int argc, char **argv);
int policy_publish(int argc, char **argv);
int policy_print_schema(int argc, char **argv);
int policy_sign(int argc, char **argv);
int policy_verify(int argc, char **argv);
int policy_keygen(int argc, char **argv);
int policy_load(int argc, char **argv);
int policy_trust(int argc, char **argv);

/* policy_open - load FILE and show what is wrong; -1 goes on with *out_policy, anything else is the exit code */
int policy_open(const struct invocation *invocation, const char *path, struct policy **out_policy);

/* policy_in_force - the policy that the daemon of --store decides by; as policy_open */
int policy_in_force(const struct invocation *invocation, struct policy **out_policy);

/* policy_signature_path - FILE.minisig, owned by the caller; NULL: no memory */
char *policy_signature_path(const char *path);

/* policy_read_public - a public key from the file @text names, or from @text itself */
struct minisign_key;
enum bl_status policy_read_public(const char *text, struct minisign_key *out_key,
				  struct bl_error *why) BL_MUST_CHECK;

/*
 * policy_walk_image - every path of an image, rooted at its partition; parts that cannot be read are told on stderr
 *
 * BL_OK, or why it could not be walked as a whole.
 */
enum bl_status policy_walk_image(const char *path, struct rules_paths_seen *seen,
				 struct bl_error *why) BL_MUST_CHECK;

/* What is asked of `policy explain`: words as they were typed, then facts. policy-facts.c */
struct policy_question {
	const char *as, *role, *device, *id, *kind, *size, *class, *purpose, *reason, *state;
	const char *where, *at, *consent, *caller_verified, *has, *approvals, *used;
	const char *file; /* of the policy */
	const char *path; /* in the device; NULL: not known */
	enum bl_action action;
	unsigned class_value;
	int64_t now_unix;
	struct rules_device device_value;
	struct rules_used used_value;
	struct rules_facts facts; /* no places yet, no approvals yet */
};
/* -1: go on; anything else is the exit code. */
int policy_take_facts(const struct invocation *invocation, const struct policy *policy,
		      struct policy_question *question);

/* A password in guarded memory (sodium_free). policy-password.c */
void policy_password_free(char *password);
BL_DEFINE_CLEANUP(char, policy_password_free)
/*
 * policy_read_password - one line from stdin, or typed on the terminal without being shown
 *
 * @prompt  what to ask on the terminal; NULL: take it from stdin
 * BL_OK, BL_INVALID (none, empty, too long), BL_FAILED (no terminal, or given up), BL_NO_MEMORY
 */
enum bl_status policy_read_password(const char *prompt, char **out_password,
				    struct bl_error *why) BL_MUST_CHECK;

#endif

#include <sodium.h>
#include <unistd.h>

#include "fs/cli/policy.h"
#include "fs/cli/terminal.h"

void policy_password_free(char *password)
{
	sodium_free(password); /* wipes */
}

static enum bl_status ask(const char *prompt, char *password, struct bl_error *why)
{
	enum bl_status status = terminal_ask(prompt, password, why);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_FAILED,
			       "no terminal to ask for the password (give it with "
			       "--password-stdin)");
	return status;
}

enum bl_status policy_read_password(const char *prompt, char **out_password, struct bl_error *why)
{
	if (sodium_init() < 0)
		return bl_fail(why, BL_FAILED, "libsodium does not start");

	BL_CLEANUP(policy_password_free) char *password = sodium_malloc(TERMINAL_LINE);
	enum bl_status status = BL_OK;

	if (!password)
		return bl_fail(why, BL_NO_MEMORY, "out of locked memory");
	if (prompt)
		status = ask(prompt, password, why);
	else if (!terminal_line(STDIN_FILENO, false, password))
		status = bl_fail(why, BL_INVALID, "a password has at most %d bytes",
				 TERMINAL_LINE - 1);
	if (status != BL_OK)
		return status;
	if (!*password)
		return bl_fail(why, BL_INVALID, "the password is empty");
	*out_password = BL_TAKE(password);
	return BL_OK;
}

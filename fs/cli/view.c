/* bailee view: a sealed session at this terminal. Relays bytes; what they mean is the service's business. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "fs/cli/cli.h"
#include "fs/cli/relay.h"
#include "fs/cli/tell.h"

/*
 * When the session could not do it itself, the same as fs/session/screen.c does: nothing of the device stays on the screen, also where
 * there is no other one to go back to. That one comes last: what is reset before moves its cursor.
 */
static const char GIVE_BACK[] =
	"\033[0m\033[r\033[2J\033[H\017\033(B\033[?7h\033[?1l\033>\033[?12l\033[?25h\033[?1049l";

static bool is_one_terminal(void)
{
	struct stat input, output;

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && fstat(STDIN_FILENO, &input) == 0 &&
	       fstat(STDOUT_FILENO, &output) == 0 && input.st_rdev == output.st_rdev;
}

static json_t *view_request(const struct invocation *invocation, const char *purpose,
			    const char *reason)
{
	const char *term = getenv("TERM");
	unsigned rows, columns;

	relay_size(STDIN_FILENO, &rows, &columns);

	json_t *request =
		json_pack("{s:s,s:s,s:i,s:i}", "do", "view", "device", invocation->arguments[0],
			  "rows", (int)rows, "columns", (int)columns);
	json_t *arguments = json_array();

	for (int i = 1; i < invocation->argument_count; i++)
		json_array_append_new(arguments, json_string(invocation->arguments[i]));
	/* What is no text has no place in a request: then there is none. */
	bool is_text = request && (int)json_array_size(arguments) == invocation->argument_count - 1;

	if (is_text && json_array_size(arguments))
		json_object_set(request, "arguments", arguments);
	json_decref(arguments);
	if (!is_text) {
		json_decref(request);
		return NULL;
	}
	if (term && strlen(term) < 32)
		json_object_set_new(request, "term", json_string(term));
	if (purpose)
		json_object_set_new(request, "purpose", json_string(purpose));
	cli_add_reason(request, reason);
	return request;
}

static enum bl_status ask(const struct invocation *invocation, json_t *request, int *out_fd,
			  struct bl_error *why)
{
	static const int TERMINAL[] = {STDIN_FILENO, STDOUT_FILENO};
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	BL_CLEANUP(fd_close) int daemon_fd = -1;
	enum bl_status status = daemon_connect(invocation->store, &daemon_fd, why);

	if (status == BL_OK)
		status = daemon_call_for_fd(daemon_fd, request, TERMINAL, 2, &answer, out_fd, why);
	if (status == BL_OK && *out_fd < 0)
		return bl_fail(why, BL_FAILED, "the service sent no terminal of a session");
	return status;
}

/* They arrive as readable, so that the terminal is always given back. */
static int take_signals(void)
{
	static const int SIGNALS[] = {SIGWINCH, SIGCONT, SIGTSTP, SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < BL_COUNT(SIGNALS); i++)
		sigaddset(&set, SIGNALS[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int tell_end(const struct invocation *invocation, enum bl_status status,
		    const struct relay_end *end)
{
	struct bl_error why = {{0}};

	if (status == BL_FAILED) {
		fprintf(stderr, "session ended: %s\n", strsignal(end->exit_code));
		return 128 + end->exit_code;
	}
	if (status == BL_OK && end->was_told && end->exit_code == 0) {
		/* Who left knows why; what was refused in it they may not have seen. */
		const char *refused = strstr(end->text, "; ");

		fputs("session ended", stderr);
		tell_safe(stderr, refused ? refused : "");
		fputc('\n', stderr);
		return 0;
	}
	if (status == BL_OK && end->was_told) {
		fputs("session ended: ", stderr);
		tell_safe(stderr, end->text);
		fputc('\n', stderr);
		return end->exit_code;
	}
	status = bl_fail(&why, BL_IO, "%s",
			 status == BL_OK ? "the service is gone (ask who runs it)"
					 : "the terminal is gone, and the session with it");
	return cli_fail(invocation, status, &why);
}

/* A description of our own: others who have this terminal keep theirs blocking. It is the caller's, or there would be no session. */
static int open_output(void)
{
	int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

static int look(const struct invocation *invocation, int session_fd)
{
	struct termios before, raw;
	struct relay_end end;
	BL_CLEANUP(fd_close) int signal_fd = take_signals();
	BL_CLEANUP(fd_close) int output_fd = open_output();

	if (signal_fd < 0 || output_fd < 0 || tcgetattr(STDIN_FILENO, &before) != 0)
		return cli_usage(invocation, "the terminal cannot be switched");
	raw = before;
	cfmakeraw(&raw);
	(void)!tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);

	enum bl_status status = relay(&(struct relay){.input_fd = STDIN_FILENO,
						      .output_fd = output_fd,
						      .session_fd = session_fd,
						      .signal_fd = signal_fd,
						      .raw = &raw},
				      &end);

	if (!end.was_told)
		(void)!write(output_fd, GIVE_BACK, sizeof(GIVE_BACK) - 1);
	/* Now: a terminal that takes nothing would never be done with what it has. */
	(void)!tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return tell_end(invocation, status, &end);
}

int cmd_view(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "view",
		.usage = "view [--purpose P] [--reason TEXT] ID [-- VIEWER ARGUMENTS...]"};
	const char *purpose = NULL, *reason = NULL;
	const struct option_row rows[] = {{.name = "purpose", .text = &purpose},
					  {.name = "reason", .text = &reason}};
	BL_CLEANUP(json_decref) json_t *request = NULL;
	BL_CLEANUP(fd_close) int session_fd = -1;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 1, INT16_MAX);

	if (code >= 0)
		return code;
	if (!is_one_terminal())
		return cli_usage(&invocation,
				 "a sealed session needs a terminal: standard input and output "
				 "have to be one (start it without pipes)");
	request = view_request(&invocation, purpose, reason);
	if (!request)
		return cli_usage(&invocation, "what was typed is not UTF-8 text");

	enum bl_status status = ask(&invocation, request, &session_fd, &why);

	return status == BL_OK ? look(&invocation, session_fd)
			       : cli_fail(&invocation, status, &why);
}

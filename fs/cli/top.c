/* Who is doing what right now: a screen that is drawn once a second, or an object a second for programs. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "fs/cli/cli.h"
#include "fs/cli/log-events.h"
#include "fs/cli/tell.h"
#include "fs/cli/top-screen.h"
#include "fs/daemon/message.h"

#define SECOND_MS 1000
/* ECMA-48 and xterm: the other screen, no cursor; home, to the end of the line, to the end of the screen */
#define ENTER	  "\033[?1049h\033[?25l"
#define LEAVE	  "\033[?25h\033[?1049l"
#define HOME	  "\033[H"
#define END_LINE  "\033[K"
#define END_BELOW "\033[J"

struct top {
	const struct invocation *invocation;
	const char *device, *reason;
	bool is_once, is_screen;
	struct top_window window;
	struct top_look look;
	char trouble[600];
	int service_fd, signal_fd;
	bool is_there; /* it has told what there was */
	bool is_over;
	struct termios before;
	bool is_raw;
};

/* ---- the terminal ------------------------------------------------------------------------------------ */

static void put_all(const char *text, size_t length)
{
	while (length) {
		ssize_t put = write(STDOUT_FILENO, text, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return;
		text += put;
		length -= (size_t)put;
	}
}

static void enter(struct top *top)
{
	struct termios raw;

	if (!top->is_screen || top->is_raw || tcgetattr(STDIN_FILENO, &top->before) != 0)
		return;
	raw = top->before;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	top->is_raw = tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0;
	put_all(ENTER, strlen(ENTER));
}

static void leave(struct top *top)
{
	if (!top->is_raw)
		return;
	put_all(LEAVE, strlen(LEAVE));
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &top->before);
	top->is_raw = false;
}

static void measure(struct top *top)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	top->look.rows = size.ws_row;
	top->look.columns = size.ws_col;
}

/* One write, so that nothing flickers. */
static void draw(struct top *top)
{
	BL_CLEANUP(bl_free) char *lines = NULL, *screen = NULL;
	size_t length = 0, screen_length = 0;
	FILE *out = open_memstream(&lines, &length);

	if (!out)
		return;
	top->look.trouble = top->trouble;
	top_screen_put(out, &top->window, &top->look);
	if (fclose(out) != 0 || !(out = open_memstream(&screen, &screen_length)))
		return;
	fputs(top->is_raw ? HOME : "", out);
	for (const char *at = lines; *at; at++)
		if (*at == '\n' && top->is_raw)
			fputs(END_LINE "\r\n", out);
		else
			fputc(*at, out);
	fputs(top->is_raw ? END_LINE END_BELOW : "\n", out);
	if (fclose(out) == 0)
		put_all(screen, screen_length);
}

/* ---- for programs ------------------------------------------------------------------------------------ */

static json_t *sums_json(const struct top_sums *sums)
{
	return json_pack("{s:I,s:I,s:I,s:I}", "events", (json_int_t)sums->events, "denials",
			 (json_int_t)sums->denials, "bytes", (json_int_t)sums->bytes, "unmasked",
			 (json_int_t)sums->unmasked);
}

static json_t *rows_json(const struct top *top, bool is_people)
{
	struct top_row rows[TOP_KEYS + 1];
	size_t count = top_window_rows(&top->window, is_people, TOP_BY_EVENTS, rows);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *row = sums_json(&rows[i].sums);

		json_object_set_new(row, is_people ? "person" : "device",
				    json_string(rows[i].name));
		json_object_set_new(row, "last", json_string(rows[i].what));
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *denials_json(const struct top *top)
{
	json_t *list = json_array();
	const struct top_denial *denial;

	for (size_t i = 0; (denial = top_window_denial(&top->window, i)); i++)
		json_array_append_new(list, json_pack("{s:I,s:s,s:s,s:s,s:s,s:I}", "at_unix",
						      (json_int_t)denial->at_unix, "person",
						      denial->person, "device", denial->device,
						      "op", denial->what, "rule", denial->rule,
						      "count", (json_int_t)denial->count));
	return list;
}

static void print_json(const struct top *top)
{
	struct top_sums minute = top_window_sums(&top->window),
			second = top_window_second(&top->window, 1);
	BL_CLEANUP(json_decref)
	json_t *object = json_pack("{s:I,s:o,s:o,s:o,s:o,s:o}", "at_unix",
				   (json_int_t)top->window.now_unix, "minute", sums_json(&minute),
				   "second", sums_json(&second), "people", rows_json(top, true),
				   "devices", rows_json(top, false), "denials", denials_json(top));

	if (*top->trouble)
		json_object_set_new(object, "trouble", json_string(top->trouble));
	cli_print_json(object);
	fflush(stdout);
}

static void show(struct top *top)
{
	if (!top->look.is_paused)
		top_window_move(&top->window, (int64_t)time(NULL));
	if (top->invocation->wants_json)
		print_json(top);
	else
		draw(top);
}

/* ---- the service ------------------------------------------------------------------------------------- */

static enum bl_status listen_to(struct top *top, struct bl_error *why)
{
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:i,s:s,s:I}", "bailee", 1, "do", "log-follow", "since",
				    (json_int_t)time(NULL) - TOP_SECONDS);

	if (top->device)
		json_object_set_new(request, "device", json_string(top->device));
	cli_add_reason(request, top->reason);
	/* What was counted already comes again. */
	top->window = (struct top_window){.now_unix = (int64_t)time(NULL)};
	enum bl_status status = daemon_connect(top->invocation->store, &top->service_fd, why);

	return status == BL_OK ? message_send(top->service_fd, request, -1, why) : status;
}

static void take_record(struct top *top, const json_t *answer)
{
	const json_t *record = json_object_get(answer, "record");
	const char *op = cli_text(record, "op"), *person = cli_text(answer, "person");
	bool is_permitted = strcmp(cli_text(record, "verdict"), "permitted") == 0;
	bool is_read = strcmp(op, "read") == 0 || strcmp(op, "shown") == 0;
	uint64_t number = (uint64_t)cli_number(record, "bytes");
	char who[24] = "bailee";

	if (json_is_integer(json_object_get(record, "uid")))
		snprintf(who, sizeof(who), "uid:%lld", cli_number(record, "uid"));
	const struct top_event event = {
		.at_unix = cli_number(record, "realtime_ns") / 1000000000,
		.count = (uint64_t)cli_number(record, "repeats") + 1,
		.bytes = is_permitted && is_read ? number : 0,
		.is_denied = !is_permitted,
		/* Of an opening: how many classes are shown unmasked. */
		.is_unmasked = is_permitted && strcmp(op, "open") == 0 && number,
		.person = *person ? person : who,
		.device = cli_text(record, "device"),
		.what = op,
		.rule = cli_text(record, "rule"),
	};

	top_window_add(&top->window, &event);
}

/* One answer. What ends it: BL_OK goes on. */
static enum bl_status take_answer(struct top *top, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	BL_CLEANUP(fd_close) int passed = -1;
	enum bl_status status = message_receive(top->service_fd, &answer, &passed, why);

	if (status == BL_NOT_FOUND)
		return bl_fail(why, BL_IO, "the service closed the connection");
	if (status != BL_OK)
		return status;
	if (json_object_get(answer, "ok"))
		return daemon_refusal(answer, why);
	if (json_object_get(answer, "record"))
		take_record(top, answer);
	top->is_there |= json_object_get(answer, "idle") != NULL;
	top->trouble[0] = '\0';
	return BL_OK;
}

/* A service that went away may come back; a refusal is an answer. */
static bool is_away(enum bl_status status)
{
	return status == BL_NOT_MOUNTED || status == BL_IO || status == BL_FAILED ||
	       status == BL_LOG_BROKEN || status == BL_TIMED_OUT;
}

/* ---- keys and signals --------------------------------------------------------------------------------- */

static void take_key(struct top *top, char key)
{
	switch (key) {
	case 'q':
		top->is_over = true;
		break;
	case 'p':
		top->look.is_paused = !top->look.is_paused;
		break;
	case 's':
		top->look.sort = (top->look.sort + 1) % TOP_SORTS;
		break;
	case 'd':
		top->look.is_denials_only = !top->look.is_denials_only;
		break;
	default:
		break;
	}
}

static void take_keys(struct top *top)
{
	char keys[64];
	ssize_t got = read(STDIN_FILENO, keys, sizeof(keys));

	/* The terminal is gone. */
	top->is_over |= got < 0 && errno != EINTR && errno != EAGAIN;
	for (ssize_t i = 0; i < got; i++)
		take_key(top, keys[i]);
}

/* The shell gets the terminal as it was, and we get ours again behind it. */
static void rest(struct top *top)
{
	leave(top);
	raise(SIGSTOP);
	enter(top);
	measure(top);
}

static void take_signal(struct top *top)
{
	struct signalfd_siginfo info;

	if (read(top->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		measure(top);
	else if (info.ssi_signo == SIGTSTP)
		rest(top);
	else
		top->is_over = true;
}

static bool take_signals(struct top *top, struct bl_error *why)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	top->signal_fd = sigprocmask(SIG_BLOCK, &set, NULL) == 0
				 ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
				 : -1;
	if (top->signal_fd < 0)
		bl_fail_errno(why, BL_FAILED, "cannot wait for signals");
	return top->signal_fd >= 0;
}

/* ---- the loop ----------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Something came, or @until_ms is over. Gives back what the service's connection came to. */
static enum bl_status wait_for(struct top *top, int64_t until_ms, bool *out_is_time,
			       struct bl_error *why)
{
	struct pollfd items[] = {{.fd = top->signal_fd, .events = POLLIN},
				 {.fd = top->is_raw ? STDIN_FILENO : -1, .events = POLLIN},
				 {.fd = top->service_fd, .events = POLLIN}};
	int ready = poll(items, BL_COUNT(items), (int)BL_MAX(until_ms - now_ms(), (int64_t)0));

	*out_is_time = ready == 0 || now_ms() >= until_ms;
	if (ready <= 0)
		return BL_OK;
	if (items[0].revents)
		take_signal(top);
	if (items[1].revents)
		take_keys(top);
	/* A key is answered at once. */
	*out_is_time |= items[0].revents || items[1].revents;
	return items[2].revents ? take_answer(top, why) : BL_OK;
}

static enum bl_status lose(struct top *top, enum bl_status status, const struct bl_error *why)
{
	fd_close(top->service_fd);
	top->service_fd = -1;
	/* Who never was there is not waited for. */
	if (!is_away(status) || !top->is_there)
		return status;
	snprintf(top->trouble, sizeof(top->trouble), "waiting for the service: %s", why->text);
	return BL_OK;
}

static bool is_done(const struct top *top)
{
	return top->is_over || ferror(stdout) || (top->is_once && top->is_there);
}

static enum bl_status watch(struct top *top, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	int64_t next_ms = now_ms(), again_ms = next_ms;

	while (status == BL_OK && !is_done(top)) {
		bool is_time = false;

		if (top->service_fd < 0 && now_ms() >= again_ms)
			status = listen_to(top, why);
		if (status == BL_OK)
			status = wait_for(top, next_ms, &is_time, why);
		if (status != BL_OK) {
			status = lose(top, status, why);
			again_ms = now_ms() + SECOND_MS;
		}
		if (status == BL_OK && is_time && !top->is_once && top->is_there)
			show(top);
		if (now_ms() >= next_ms)
			next_ms = now_ms() + SECOND_MS;
	}
	return status;
}

int cmd_top(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "top", .usage = "top [--device ID] [--once] [--reason TEXT] [--json]"};
	BL_CLEANUP(bl_free) struct top *top = calloc(1, sizeof(*top));
	struct bl_error why = {{0}};

	if (!top)
		return cli_fail(&invocation, BL_NO_MEMORY, &why);
	const struct option_row rows[] = {{.name = "device", .text = &top->device},
					  {.name = "reason", .text = &top->reason},
					  {.name = "once", .flag = &top->is_once}};
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	top->invocation = &invocation;
	top->service_fd = -1;
	top->is_screen = !top->is_once && !invocation.wants_json && isatty(STDIN_FILENO) &&
			 isatty(STDOUT_FILENO);
	if (!top->is_screen && !top->is_once && !invocation.wants_json)
		return cli_usage(&invocation, "this is no terminal (--once for one picture, --json "
					      "for an object a second)");
	top->look = (struct top_look){.is_colored = log_events_colored(),
				      .is_utf8 = tell_is_utf8(),
				      .store = invocation.store,
				      .trouble = ""};
	measure(top);
	if (!take_signals(top, &why))
		return cli_fail(&invocation, BL_FAILED, &why);
	enter(top);

	enum bl_status status = watch(top, &why);

	leave(top);
	fd_close(top->service_fd);
	fd_close(top->signal_fd);
	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);
	if (top->is_once)
		show(top);
	return 0;
}

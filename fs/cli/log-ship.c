/* The log sent on, at least once: from the cursor, to one receiver, for as long as both are there. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fs/cli/log.h"
#include "fs/cli/record.h"
#include "fs/cli/ship-cursor.h"
#include "fs/cli/ship-target.h"
#include "fs/daemon/message.h"

#define CONFIRM_AFTER_MS 10000
#define CONFIRM_AFTER	 10000 /* records */
#define PAUSE_FIRST_MS	 1000
#define PAUSE_LAST_MS	 60000
#define REFUSALS                                                                                   \
	3 /* running; the service holds the seat of a connection that broke for two seconds */

struct shipping {
	const struct invocation *invocation;
	struct ship_target target;
	const char *to, *names_key, *reason;
	struct audit_exporting how;
	char host[256], log_id[33], cursor_path[4200];
	int stop_fd;
	bool is_once;
	uint64_t goal;	    /* --once: the last event that is sent */
	uint64_t confirmed; /* what the cursor says */
	uint64_t sent;	    /* the last event that went out */
	uint64_t heard;	    /* up to here the service told everything, also what is no event */
	uint64_t gap_first,
		gap_last; /* numbers before the first event that it told: names, or gone */
	uint64_t unconfirmed;
	int64_t unconfirmed_ms; /* since when there are some */
	int64_t pause_ms;	/* before the next attempt */
	unsigned refusals;	/* of the service, without an answer between */
	bool is_at_fault;	/* the receiver, in what failed last; not the service */
	bool is_away;		/* and people were told so */

	int service_fd; /* -1: not connected */
	struct names *names;
};

/* ---- the receiver ------------------------------------------------------------------------------------- */

static bool is_stopping(const struct shipping *shipping)
{
	struct pollfd item = {.fd = shipping->stop_fd, .events = POLLIN};

	return poll(&item, 1, 0) > 0;
}

static void close_target(struct shipping *shipping)
{
	shipping->target.kind->close(&shipping->target);
	shipping->unconfirmed = 0;
	shipping->sent = shipping->confirmed;
}

static enum bl_status open_target(struct shipping *shipping, struct bl_error *why)
{
	if (shipping->target.fd >= 0)
		return BL_OK;
	return shipping->target.kind->open(&shipping->target, why);
}

static void tell_back(struct shipping *shipping)
{
	if (shipping->is_away)
		fprintf(stderr, "info: sending to '%s' again, confirmed up to event %llu\n",
			shipping->to, (unsigned long long)shipping->confirmed);
	shipping->is_away = false;
	shipping->pause_ms = PAUSE_FIRST_MS;
}

static enum bl_status confirm(struct shipping *shipping, struct bl_error *why)
{
	if (!shipping->unconfirmed)
		return BL_OK;
	enum bl_status status = shipping->target.kind->confirm(&shipping->target, why);

	shipping->is_at_fault = true;
	if (status == BL_OK)
		status = ship_cursor_write(shipping->cursor_path, shipping->log_id, shipping->to,
					   shipping->sent, why);
	if (status != BL_OK)
		return status;
	shipping->confirmed = shipping->sent;
	shipping->unconfirmed = 0;
	tell_back(shipping);
	return BL_OK;
}

static enum bl_status send_line(struct shipping *shipping, const char *line, size_t length,
				struct bl_error *why)
{
	enum bl_status status = open_target(shipping, why);

	if (length && line[length - 1] == '\n')
		length--;
	if (status == BL_OK)
		status = shipping->target.kind->send(&shipping->target, line, length, why);
	shipping->is_at_fault = status != BL_OK;
	return status;
}

/* ---- an event ------------------------------------------------------------------------------------------ */

/* names_reason and names_path share one room. */
static char *copy_reason(struct names *names, const json_t *answer, size_t *out_length)
{
	const char *text = names_reason(names, answer, out_length);
	char *copy = text ? malloc(*out_length) : NULL;

	return copy ? memcpy(copy, text, *out_length) : NULL;
}

static enum bl_status make_line(struct shipping *shipping, const json_t *answer,
				const struct audit_record *record, char **out_line,
				size_t *out_length)
{
	BL_CLEANUP(bl_free) char *reason = NULL;
	const char *path = NULL;
	size_t reason_length = 0, path_length = 0;
	FILE *out = open_memstream(out_line, out_length);

	if (!out)
		return BL_NO_MEMORY;
	if (shipping->names) {
		reason = copy_reason(shipping->names, answer, &reason_length);
		path = names_path(shipping->names, json_object_get(answer, "record"), &path_length);
	}
	audit_export(out, &shipping->how, record, path, path_length, reason,
		     reason ? reason_length : 0);

	bool is_whole = !ferror(out);

	return fclose(out) == 0 && is_whole ? BL_OK : BL_NO_MEMORY;
}

/* Names have numbers, too, and are not told: what is really gone is said by an event of its own. */
static void tell_gap(const struct shipping *shipping, const struct audit_event *event)
{
	uint64_t first = BL_MAX(event->offset, shipping->gap_first),
		 last = BL_MIN(event->offset + event->bytes - 1, shipping->gap_last);

	if (event->op == AUDIT_TRIMMED && event->bytes && first <= last)
		fprintf(stderr,
			"warning: events %llu to %llu were removed from the log before they were "
			"sent\n",
			(unsigned long long)first, (unsigned long long)last);
}

static void hear(struct shipping *shipping, uint64_t sequence, bool is_event)
{
	shipping->refusals = 0;
	if (is_event && shipping->gap_last == 0) {
		shipping->gap_first = shipping->sent + 1;
		shipping->gap_last = sequence - 1;
	}
	if (sequence > shipping->heard)
		shipping->heard = sequence;
}

static enum bl_status take_record(struct shipping *shipping, const json_t *answer,
				  struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *line = NULL;
	struct audit_record record;
	size_t length = 0;

	/* One of a newer service, of an operation that is not known here, is told by its number. */
	(void)!record_read(json_object_get(answer, "record"), &record);
	hear(shipping, record.sequence, true);
	if (record.sequence <= shipping->sent ||
	    (shipping->is_once && record.sequence > shipping->goal))
		return BL_OK;
	enum bl_status status = make_line(shipping, answer, &record, &line, &length);

	if (status != BL_OK)
		return bl_fail(why, status, "out of memory");
	status = send_line(shipping, line, length, why);
	if (status != BL_OK)
		return status;
	tell_gap(shipping, &record.event);
	if (shipping->unconfirmed++ == 0)
		shipping->unconfirmed_ms = ship_now_ms();
	shipping->sent = record.sequence;
	return BL_OK;
}

/* ---- the service --------------------------------------------------------------------------------------- */

static void close_service(struct shipping *shipping)
{
	fd_close(shipping->service_fd);
	shipping->service_fd = -1;
	names_close(shipping->names);
	shipping->names = NULL;
}

/* Which log it is, and how far it goes. */
static enum bl_status ask_log(const struct shipping *shipping, char out_id[33], uint64_t *out_last,
			      struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "status");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	enum bl_status status =
		cli_call(shipping->invocation, request, -1, NULL, NULL, &answer, why);

	if (status != BL_OK)
		return status;
	const json_t *log = json_object_get(answer, "log");

	snprintf(out_id, 33, "%s", cli_text(log, "id"));
	*out_last = (uint64_t)cli_number(log, "durable_sequence");
	return BL_OK;
}

static enum bl_status open_service(struct shipping *shipping, struct bl_error *why)
{
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:i,s:s,s:I}", "bailee", 1, "do", "log-follow", "from_event",
				    (json_int_t)shipping->sent + 1);
	char log_id[33];
	uint64_t last = 0;
	enum bl_status status = ask_log(shipping, log_id, &last, why);

	shipping->heard = shipping->gap_last = 0;
	if (status == BL_OK && strcmp(log_id, shipping->log_id) != 0)
		return bl_fail(
			why, BL_INVALID,
			"the service has another log now (start bailee log ship anew, with a "
			"--cursor of its own)");
	if (status == BL_OK && shipping->names_key) {
		status = names_open(shipping->invocation, shipping->names_key, shipping->reason,
				    &shipping->names, why);
		json_object_set_new(request, "names", json_true());
	}
	cli_add_reason(request, shipping->reason);
	if (status == BL_OK)
		status = daemon_connect(shipping->invocation->store, &shipping->service_fd, why);
	if (status == BL_OK)
		status = message_send(shipping->service_fd, request, -1, why);
	return status;
}

/* Ends when something came, @until_ms is over, or we were told to stop: BL_TIMED_OUT in both. */
static enum bl_status wait_service(const struct shipping *shipping, int64_t until_ms,
				   struct bl_error *why)
{
	struct pollfd items[] = {{.fd = shipping->service_fd, .events = POLLIN},
				 {.fd = shipping->stop_fd, .events = POLLIN}};
	int64_t left = until_ms - ship_now_ms();
	int ready = poll(items, BL_COUNT(items), (int)BL_MAX(left, 0));

	if (ready < 0 && errno != EINTR)
		return bl_fail_errno(why, BL_IO, "cannot wait for the service");
	return ready > 0 && items[0].revents && !items[1].revents ? BL_OK : BL_TIMED_OUT;
}

static enum bl_status take_answer(struct shipping *shipping, struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	BL_CLEANUP(fd_close) int passed = -1;
	enum bl_status status = message_receive(shipping->service_fd, &answer, &passed, why);

	if (status != BL_OK)
		return bl_fail(why, BL_IO, "the service closed the connection");
	if (json_is_false(json_object_get(answer, "ok")))
		return daemon_refusal(answer, why);
	if (json_object_get(answer, "ok"))
		return bl_fail(why, BL_IO, "the service ended the answer");
	if (shipping->names && names_take(shipping->names, answer))
		return BL_OK;
	if (json_object_get(answer, "idle"))
		hear(shipping, (uint64_t)cli_number(answer, "idle"), false);
	return json_object_get(answer, "record") ? take_record(shipping, answer, why) : BL_OK;
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

static bool is_done(const struct shipping *shipping)
{
	return is_stopping(shipping) || (shipping->is_once && shipping->heard >= shipping->goal);
}

static int64_t next_look_ms(const struct shipping *shipping)
{
	return (shipping->unconfirmed ? shipping->unconfirmed_ms : ship_now_ms()) +
	       CONFIRM_AFTER_MS;
}

static bool is_due(const struct shipping *shipping)
{
	return shipping->unconfirmed >= CONFIRM_AFTER ||
	       (shipping->unconfirmed &&
		ship_now_ms() - shipping->unconfirmed_ms >= CONFIRM_AFTER_MS);
}

/* Events from the service to the receiver, until it is over or one of them fails. */
static enum bl_status pump(struct shipping *shipping, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	shipping->is_at_fault = false;
	if (shipping->service_fd < 0)
		status = open_service(shipping, why);
	while (status == BL_OK && !is_done(shipping)) {
		status = wait_service(shipping, next_look_ms(shipping), why);
		if (status == BL_OK)
			status = take_answer(shipping, why);
		else if (status == BL_TIMED_OUT)
			status = BL_OK;
		if (status == BL_OK && is_due(shipping))
			status = confirm(shipping, why);
	}
	return status;
}

/* What will be no better by waiting. */
static bool is_final(const struct shipping *shipping, enum bl_status status)
{
	static const enum bl_status FINAL[] = {BL_INVALID, BL_EXISTS, BL_UNSUPPORTED, BL_ASK};

	for (size_t i = 0; i < BL_COUNT(FINAL); i++)
		if (status == FINAL[i])
			return true;
	/* A receiver's certificate is mended where it is. */
	return shipping->is_once || shipping->refusals >= REFUSALS;
}

static void pause_before_next(struct shipping *shipping, const struct bl_error *why)
{
	struct pollfd stop = {.fd = shipping->stop_fd, .events = POLLIN};

	if (!shipping->is_away)
		fprintf(stderr, "warning: %s; trying again\n", why->text);
	shipping->is_away = true;
	(void)!poll(&stop, 1, (int)shipping->pause_ms);
	shipping->pause_ms = BL_MIN(2 * shipping->pause_ms, PAUSE_LAST_MS);
}

/* While the receiver is away the service is not asked: each time is an event of its own. */
static enum bl_status attempt(struct shipping *shipping, struct bl_error *why)
{
	if (shipping->is_away && shipping->is_at_fault) {
		enum bl_status status = open_target(shipping, why);

		if (status != BL_OK)
			return status;
	}
	return pump(shipping, why);
}

static enum bl_status ship(struct shipping *shipping, struct bl_error *why)
{
	for (;;) {
		struct bl_error later = {{0}};
		enum bl_status status = attempt(shipping, why);
		bool is_at_fault = shipping->is_at_fault;

		/* What went out before is confirmed also when the service went. */
		if (status == BL_OK || !is_at_fault) {
			enum bl_status last = confirm(shipping, status == BL_OK ? why : &later);

			if (status == BL_OK)
				status = last;
			else
				shipping->is_at_fault = last != BL_OK;
		}
		if (status == BL_FORBIDDEN && !is_at_fault)
			shipping->refusals++;
		if (status == BL_OK || is_stopping(shipping) || is_final(shipping, status)) {
			close_target(shipping);
			return is_stopping(shipping) && !shipping->is_once ? BL_OK : status;
		}
		close_target(shipping);
		close_service(shipping);
		pause_before_next(shipping, why);
	}
}

/* ---- the command ---------------------------------------------------------------------------------------- */

static int stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	return sigprocmask(SIG_BLOCK, &set, NULL) == 0
		       ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
		       : -1;
}

/* The first time the service is waited for, too: until then it is not known whose cursor it is. */
static enum bl_status find_log(struct shipping *shipping, struct bl_error *why)
{
	enum bl_status status;

	while ((status = ask_log(shipping, shipping->log_id, &shipping->goal, why)) != BL_OK &&
	       status != BL_FORBIDDEN && !is_final(shipping, status) && !is_stopping(shipping))
		pause_before_next(shipping, why);
	shipping->is_away = false;
	shipping->pause_ms = PAUSE_FIRST_MS;
	return status;
}

static enum bl_status begin(struct shipping *shipping, uint64_t from, struct bl_error *why)
{
	enum bl_status status = find_log(shipping, why);

	if (status == BL_OK)
		status = ship_cursor_read(shipping->cursor_path, shipping->log_id, shipping->to,
					  &shipping->confirmed, why);
	if (status == BL_OK && from)
		shipping->confirmed = from - 1;
	shipping->sent = shipping->confirmed;
	return status;
}

static enum bl_status run(struct shipping *shipping, const char *cursor, uint64_t from,
			  struct bl_error *why)
{
	BL_CLEANUP(fd_close) int lock = -1;
	BL_CLEANUP(fd_close) int stop_fd = stop_signals();
	enum bl_status status = BL_OK;

	if (sodium_init() < 0 || stop_fd < 0)
		return bl_fail(why, BL_FAILED, "cannot take signals");
	shipping->stop_fd = shipping->target.stop_fd = stop_fd;
	if (cursor)
		snprintf(shipping->cursor_path, sizeof(shipping->cursor_path), "%s", cursor);
	else
		status = ship_cursor_path(shipping->to, shipping->cursor_path,
					  sizeof(shipping->cursor_path), why);
	if (status == BL_OK)
		status = ship_cursor_lock(shipping->cursor_path, &lock, why);
	if (status == BL_OK)
		status = begin(shipping, from, why);
	if (status == BL_OK)
		status = ship(shipping, why);
	close_service(shipping);
	return status;
}

struct ship_options {
	const char *to, *format, *cursor, *from, *names, *reason, *ca, *cert, *key;
	bool is_once;
};

/* What is wrong with the options, or NULL; the target is set up. */
static const char *read_options(struct shipping *shipping, const struct ship_options *options,
				uint64_t *out_from, struct bl_error *why)
{
	if (!options->to)
		return "where to? (--to unix:PATH, tcp:HOST:PORT, tls:HOST:PORT or file:PATH)";
	if (options->format && !audit_export_parse(options->format, &shipping->how.format))
		return "which form? (--format jsonl, ocsf or rfc5424)";
	if (options->from && (!cli_parse_number(options->from, INT64_MAX, out_from) || !*out_from))
		return "--from is the number of an event, 1 or more";
	if (ship_target_init(&shipping->target, options->to, why) != BL_OK)
		return why->text;
	if ((options->ca || options->cert || options->key) && shipping->target.kind != &SHIP_TLS)
		return "--ca, --cert and --cert-key are of tls:HOST:PORT";
	if (!options->cert != !options->key)
		return "--cert and --cert-key go together";
	if (options->cursor && strlen(options->cursor) >= 4096)
		return "the path of --cursor is too long";
	return NULL;
}

int log_ship(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "log ship",
		.usage = "log ship --to unix:PATH|tcp:HOST:PORT|tls:HOST:PORT|file:PATH "
			 "[--format jsonl|ocsf|rfc5424] [--cursor FILE] [--from N] "
			 "[--names SECRET-KEY] [--reason TEXT] [--ca FILE] [--cert FILE --cert-key "
			 "FILE] "
			 "[--once]"};
	struct ship_options options = {.to = NULL};
	const struct option_row rows[] = {
		{.name = "to", .text = &options.to},
		{.name = "format", .text = &options.format},
		{.name = "cursor", .text = &options.cursor},
		{.name = "from", .text = &options.from},
		{.name = "names", .text = &options.names},
		{.name = "reason", .text = &options.reason},
		{.name = "ca", .text = &options.ca},
		{.name = "cert", .text = &options.cert},
		{.name = "cert-key", .text = &options.key},
		{.name = "once", .flag = &options.is_once},
	};
	struct shipping shipping = {
		.invocation = &invocation, .service_fd = -1, .pause_ms = PAUSE_FIRST_MS};
	struct bl_error why = {{0}};
	uint64_t from = 0;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	const char *trouble = read_options(&shipping, &options, &from, &why);

	if (trouble)
		return cli_usage(&invocation, trouble);
	shipping.to = options.to;
	shipping.names_key = options.names;
	shipping.reason = options.reason;
	shipping.is_once = options.is_once;
	shipping.target.ca = options.ca;
	shipping.target.cert = options.cert;
	shipping.target.key = options.key;
	shipping.target.is_counted = shipping.how.format == AUDIT_EXPORT_RFC5424;
	if (gethostname(shipping.host, sizeof(shipping.host) - 1) < 0)
		shipping.host[0] = '\0';
	shipping.how.host = shipping.host;
	shipping.how.log_id = shipping.log_id;
	enum bl_status status = run(&shipping, options.cursor, from, &why);

	return status == BL_OK ? 0 : cli_fail(&invocation, status, &why);
}

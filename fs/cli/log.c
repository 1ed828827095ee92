#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/audit/audit.h"
#include "fs/cli/auditor.h"
#include "fs/cli/cli.h"
#include "fs/cli/key.h"
#include "fs/cli/log.h"

/* ---- what the auditor brings ----------------------------------------------------------------------- */

enum bl_status cli_read_kit(const char *path, struct audit_kit *out_kit, struct bl_error *why)
{
	char *text = NULL;
	size_t length;
	enum bl_status status = cli_read_file(path, AUDIT_KIT_TEXT, &text, &length, why);

	if (status != BL_OK)
		return status;
	status = audit_kit_parse(text, length, out_kit, why);
	sodium_memzero(text, length);
	free(text);
	if (status != BL_OK)
		bl_explain(why, "kit '%s'", path);
	return status;
}

/* --key, else the running daemon's: good for a look, but an auditor brings a key of their own. */
static enum bl_status find_key(const struct invocation *invocation, const char *key_text,
			       uint8_t out_key[VAULT_PUBLIC_KEY], struct bl_error *why)
{
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "status");
	BL_CLEANUP(json_decref) json_t *answer = NULL;

	if (key_text)
		return cli_read_key(key_text, out_key, why);

	enum bl_status status = cli_call(invocation, request, -1, NULL, NULL, &answer, why);

	if (status != BL_OK)
		return bl_fail(
			why, BL_INVALID,
			"nothing to verify with (give --kit: the auditor's kit; or --key: 64 hex "
			"digits that bailee status has shown)");
	return cli_read_key(cli_text(answer, "public_key"), out_key, why);
}

/* On a terminal only, on stderr, and not for what is over at once. */
struct progress {
	int64_t begun_ms, told_ms;
	size_t width; /* of what stands there */
};

#define PROGRESS_AFTER_MS 500
#define PROGRESS_EVERY_MS 200

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One line that is written over; spaces, for a terminal may know no more than that. */
static void progress_print(struct progress *progress, const char *text)
{
	size_t length = strlen(text);

	fprintf(stderr, "\r%s%*s", text,
		(int)(progress->width > length ? progress->width - length : 0), "");
	if (!length)
		fputc('\r', stderr);
	progress->width = length;
}

static void on_progress(void *context, uint64_t done, uint64_t all, uint64_t records)
{
	struct progress *progress = context;
	int64_t now = now_ms(), passed = BL_MAX(now - progress->begun_ms, INT64_C(1));
	char text[80];

	if (passed < PROGRESS_AFTER_MS || now - progress->told_ms < PROGRESS_EVERY_MS || !done)
		return;
	progress->told_ms = now;
	/* Short enough for 80 columns. */
	snprintf(text, sizeof(text),
		 "%3.0f %% checked, %.2f million records, %.2f million a second, %.0f s left",
		 100.0 * (double)done / (double)all, (double)records / 1e6,
		 (double)records / 1e3 / (double)passed,
		 (double)passed / 1e3 * (double)(all - done) / (double)done);
	progress_print(progress, text);
}

struct brought {
	struct audit_evidence evidence;
	struct audit_kit kit; /* wiped at the end */
	uint8_t key[VAULT_PUBLIC_KEY];
	int anchors[CLI_LIST_LIMIT];
};

static void brought_done(struct brought *brought)
{
	sodium_memzero(&brought->kit, sizeof(brought->kit));
	for (size_t i = 0; i < brought->evidence.anchor_count; i++)
		fd_close(brought->anchors[i]);
}

static enum bl_status open_anchors(struct brought *brought, const struct text_list *paths,
				   struct bl_error *why)
{
	brought->evidence.anchor_fds = brought->anchors;
	for (size_t i = 0; i < paths->count; i++) {
		int fd = open(paths->items[i], O_RDONLY | O_CLOEXEC);

		struct stat st;

		if (fd < 0)
			return bl_fail_errno(why, BL_INVALID, "cannot open anchor '%s'",
					     paths->items[i]);
		brought->anchors[brought->evidence.anchor_count++] = fd;
		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			return bl_fail(
				why, BL_INVALID,
				"anchor '%s' is a folder (give the file in it: %s/*.anchors)",
				paths->items[i], paths->items[i]);
		/* A pipe ends; what has no end is no anchor. */
		if (fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
			return bl_fail(why, BL_INVALID, "anchor '%s' is no file of checkpoints",
				       paths->items[i]);
	}
	return BL_OK;
}

static enum bl_status bring(const struct invocation *invocation, const char *kit, const char *key,
			    const struct text_list *anchors, struct brought *brought,
			    struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (kit) {
		status = cli_read_kit(kit, &brought->kit, why);
		brought->evidence.kit = &brought->kit;
	}
	if (status == BL_OK && (key || !kit)) {
		status = find_key(invocation, key, brought->key, why);
		brought->evidence.public_key = brought->key;
	}
	return status == BL_OK ? open_anchors(brought, anchors, why) : status;
}

/* ---- what is told ---------------------------------------------------------------------------------- */

#define N(value) ((unsigned long long)(value))

static void utc(int64_t at_unix, char out[24])
{
	time_t at = (time_t)at_unix;
	struct tm parts;

	out[0] = '\0';
	if (gmtime_r(&at, &parts))
		strftime(out, 24, "%Y-%m-%d %H:%M:%S", &parts);
}

static void print_windows(const struct audit_report *report)
{
	uint64_t shown = BL_MIN(report->window_count, (uint64_t)AUDIT_WINDOWS);

	for (uint64_t i = 0; i < shown; i++) {
		const struct audit_window *window = &report->windows[i];

		printf("forgeable    sequence %llu to %llu: by whoever held the disk %s\n",
		       N(window->first_sequence), N(window->last_sequence),
		       window->is_now ? "now" : "when the log was taken up again behind them");
	}
	if (report->window_count > shown)
		printf("             and %llu earlier ones\n", N(report->window_count - shown));
}

static void print_oddities(const struct audit_report *report)
{
	if (report->is_torn)
		printf("tail         torn by a crash: the next start cuts it and says so in the "
		       "log\n");
	if (report->silences)
		printf("silent       %llu times longer than 75 s, the longest %llu s before "
		       "sequence %llu "
		       "(suspended, or held up)\n",
		       N(report->silences), N(report->longest_silence_s),
		       N(report->silence_sequence));
	if (report->clock_steps)
		printf("clock        was set %llu times, first before sequence %llu\n",
		       N(report->clock_steps), N(report->clock_step_sequence));
}

static void print_anchor(const struct audit_report *report)
{
	char when[24];

	utc(report->anchored_unix, when);
	if (report->has_anchor)
		printf("anchored     up to sequence %llu, at %s UTC; %llu records since\n",
		       N(report->anchored_sequence), when,
		       N(report->last_sequence -
			 BL_MIN(report->last_sequence, report->anchored_sequence)));
}

static void print_report(const struct audit_report *report, bool has_kit, enum bl_status status)
{
	const char *without = has_kit ? "not checked any more" : "NOT checked (no --kit)";

	printf("records      %llu (sequence %llu to %llu)\n", N(report->records),
	       N(report->first_sequence), N(report->last_sequence));
	printf("frames       %llu in %llu segments, macs %s\n", N(report->frames),
	       N(report->segments), report->has_macs ? "checked" : without);
	if (report->trimmed_segments)
		printf("removed      %llu segments with %llu records, each with its tombstone\n",
		       N(report->trimmed_segments), N(report->trimmed_records));
	printf("checkpoints  %llu, signed up to sequence %llu\n", N(report->checkpoints),
	       N(report->checkpointed_sequence));
	print_anchor(report);
	print_oddities(report);
	print_windows(report);
	if (status == BL_TAMPERED)
		printf("BROKEN       %s\n             at sequence %llu, byte %llu of %s; it looks "
		       "%s\n",
		       report->problem, N(report->bad_sequence), N(report->bad_offset),
		       report->bad_file, audit_looks_name(report->looks));
}

static json_t *windows_json(const struct audit_report *report)
{
	json_t *list = json_array();

	for (uint64_t i = 0; i < BL_MIN(report->window_count, (uint64_t)AUDIT_WINDOWS); i++) {
		const struct audit_window *window = &report->windows[i];

		json_array_append_new(list,
				      json_pack("{s:I,s:I,s:b}", "first_sequence",
						(json_int_t)window->first_sequence, "last_sequence",
						(json_int_t)window->last_sequence, "is_now",
						window->is_now));
	}
	return list;
}

static const char *verdict_of(const struct audit_report *report, enum bl_status status)
{
	if (status == BL_TAMPERED)
		return "broken";
	return report->has_anchor ? "good" : "good, not anchored";
}

static void print_report_json(const struct audit_report *report, enum bl_status status)
{
	const struct {
		const char *key;
		uint64_t value;
	} NUMBERS[] = {
		{"records", report->records},
		{"frames", report->frames},
		{"segments", report->segments},
		{"names", report->names},
		{"checkpoints", report->checkpoints},
		{"trimmed_segments", report->trimmed_segments},
		{"trimmed_records", report->trimmed_records},
		{"first_sequence", report->first_sequence},
		{"last_sequence", report->last_sequence},
		{"checkpointed_sequence", report->checkpointed_sequence},
		{"forgeable_windows", report->window_count},
		{"silences", report->silences},
		{"longest_silence_s", report->longest_silence_s},
		{"clock_steps", report->clock_steps},
	};
	char chain[2 * AUDIT_DIGEST + 1];
	BL_CLEANUP(json_decref)
	json_t *object = json_pack("{s:s,s:b,s:b}", "verdict", verdict_of(report, status),
				   "has_macs", report->has_macs, "is_torn", report->is_torn);

	for (size_t i = 0; i < BL_COUNT(NUMBERS); i++)
		json_object_set_new(object, NUMBERS[i].key,
				    json_integer((json_int_t)NUMBERS[i].value));
	sodium_bin2hex(chain, sizeof(chain), report->chain, AUDIT_DIGEST);
	json_object_set_new(object, "chain", json_string(chain));
	json_object_set_new(object, "windows", windows_json(report));
	json_object_set_new(object, "anchored_sequence",
			    report->has_anchor ? json_integer((json_int_t)report->anchored_sequence)
					       : json_null());
	json_object_set_new(object, "anchored_unix",
			    report->has_anchor ? json_integer(report->anchored_unix) : json_null());
	if (status == BL_TAMPERED) {
		json_object_set_new(object, "looks", json_string(audit_looks_name(report->looks)));
		json_object_set_new(object, "problem", json_string(report->problem));
		json_object_set_new(object, "bad_sequence",
				    json_integer((json_int_t)report->bad_sequence));
		json_object_set_new(object, "bad_offset",
				    json_integer((json_int_t)report->bad_offset));
		json_object_set_new(object, "bad_file", json_string(report->bad_file));
	}
	cli_print_json(object);
}

static void print_verdict(const struct audit_report *report, bool has_brought_anchor)
{
	if (!report->has_anchor && has_brought_anchor)
		printf("good: nothing changed, dropped or reordered. Not anchored: all that the\n"
		       "anchors speak of was removed since (give a newer one, and see whether so\n"
		       "much had to go)\n");
	else if (!report->has_anchor)
		printf("good: nothing changed, dropped or reordered. Not anchored: that this is\n"
		       "no older copy of the log cannot be seen from the log alone (give "
		       "--anchor:\n"
		       "what bailee serve --anchor keeps elsewhere)\n");
	else if (!report->has_macs)
		printf("good up to the anchor. What came after it was checked without the frames'\n"
		       "macs (give --kit)\n");
	else
		printf("good: nothing changed, dropped, reordered or put back\n");
}

/* Which file it is that the words speak of: an anchor by its number, or the log. */
static void blame(struct bl_error *why, const char *log, const struct text_list *anchors)
{
	unsigned number = 0;

	if (sscanf(why->text, "anchor %u", &number) == 1 && number >= 1 && number <= anchors->count)
		bl_explain(why, "'%s'", anchors->items[number - 1]);
	else
		bl_explain(why, "log '%s'", log);
}

/* ---- verify: offline, the daemon has no say in it ------------------------------------------------- */

static int log_verify(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "log verify",
		.usage = "log verify [--log DIR | --store DIR] [--kit FILE] [--key KEY|FILE] "
			 "[--anchor FILE]... [--json]"};
	const char *key_text = NULL, *log_path = NULL, *kit = NULL;
	struct text_list anchors = {.count = 0};
	const struct option_row rows[] = {{.name = "key", .text = &key_text},
					  {.name = "log", .text = &log_path},
					  {.name = "kit", .text = &kit},
					  {.name = "anchor", .list = &anchors}};
	__attribute__((cleanup(brought_done))) struct brought brought = {.evidence = {0}};
	struct audit_report report = {0};
	struct bl_error why = {{0}};
	char path[4200];
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	snprintf(path, sizeof(path), "%s%s", log_path ? log_path : invocation.store,
		 log_path ? "" : "/log");

	enum bl_status status = bring(&invocation, kit, key_text, &anchors, &brought, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);

	BL_CLEANUP(fd_close) int log_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (log_fd < 0) {
		bl_fail_errno(&why, BL_INVALID, "cannot open log '%s'", path);
		return cli_fail(&invocation, BL_INVALID, &why);
	}
	struct progress progress = {.begun_ms = now_ms()};

	if (isatty(STDERR_FILENO)) {
		brought.evidence.progress = on_progress;
		brought.evidence.context = &progress;
	}
	status = audit_verify(log_fd, &brought.evidence, &report, &why);
	if (progress.width)
		progress_print(&progress, "");
	if (status != BL_OK && status != BL_TAMPERED) {
		blame(&why, path, &anchors);
		return cli_fail(&invocation, status, &why);
	}
	if (invocation.wants_json)
		print_report_json(&report, status);
	else
		print_report(&report, kit != NULL, status);
	if (status == BL_TAMPERED)
		return bl_status_exit(status);
	if (!invocation.wants_json)
		print_verdict(&report, anchors.count != 0);
	return report.has_anchor ? 0 : bl_status_exit(BL_NOT_VERIFIED);
}

/* ---- unlatch ----------------------------------------------------------------------------------------- */

static int log_unlatch(int argc, char **argv)
{
	struct invocation invocation = {.command = "log unlatch",
					.usage = "log unlatch --reason TEXT [--json]"};
	const char *reason = NULL;
	const struct option_row rows[] = {{.name = "reason", .text = &reason}};
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "log-unlatch");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	if (!reason || !*reason)
		return cli_usage(&invocation, "what was mended? (--reason TEXT)");
	cli_add_reason(request, reason);
	code = cli_ask(&invocation, request, &answer);
	if (code >= 0)
		return code;
	printf("the log takes events again; views have to be opened anew\n");
	return 0;
}

int cmd_log(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} COMMANDS[] = {{"verify", log_verify},
			{"query", log_query},
			{"export", log_export},
			{"unlatch", log_unlatch}};
	struct invocation invocation = {
		.command = "log",
		.usage = "log verify|query|export|unlatch ... (--help after each)"};

	for (size_t i = 0; argc > 1 && i < BL_COUNT(COMMANDS); i++)
		if (strcmp(argv[1], COMMANDS[i].name) == 0)
			return COMMANDS[i].run(argc - 1, argv + 1);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("use: bailee %s\n", invocation.usage);
		return 0;
	}
	return cli_usage(&invocation, "what about the log?");
}

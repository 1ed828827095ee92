#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/audit/audit.h"
#include "fs/cli/cli.h"
#include "fs/cli/evidence.h"
#include "fs/cli/log.h"
#include "fs/daemon/integrity.h"

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

/* ---- verify: offline, the daemon has no say in it ------------------------------------------------- */

static int log_verify(int argc, char **argv)
{
	struct invocation invocation = {
		.command = "log verify",
		.usage = "log verify [--log DIR | --store DIR] " EVIDENCE_USAGE " [--json]"};
	const char *log_path = NULL;
	struct evidence_options options = {.kit = NULL};
	struct option_row rows[EVIDENCE_OPTIONS + 1] = {{.name = "log", .text = &log_path}};
	__attribute__((cleanup(evidence_done))) struct evidence evidence = {.evidence = {0}};
	struct audit_report report = {0};
	struct bl_error why = {{0}};
	char path[4200];

	evidence_rows(&options, rows + 1);
	int code = cli_parse(&invocation, argc, argv, rows, BL_COUNT(rows), 0, 0);

	if (code >= 0)
		return code;
	snprintf(path, sizeof(path), "%s%s", log_path ? log_path : invocation.store,
		 log_path ? "" : "/log");

	enum bl_status status = evidence_bring(&invocation, &options, &evidence, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);

	BL_CLEANUP(fd_close) int log_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (log_fd < 0) {
		bl_fail_errno(&why, BL_INVALID, "cannot open log '%s'", path);
		return cli_fail(&invocation, BL_INVALID, &why);
	}
	status = evidence_verify(&evidence, &options, log_fd, path, &report, &why);
	if (status != BL_OK && status != BL_TAMPERED)
		return cli_fail(&invocation, status, &why);
	if (invocation.wants_json) {
		BL_CLEANUP(json_decref) json_t *object = integrity_json(&report, status);

		cli_print_json(object);
	} else {
		print_report(&report, options.kit != NULL, status);
	}
	if (status == BL_TAMPERED)
		return bl_status_exit(status);
	if (!invocation.wants_json)
		print_verdict(&report, options.anchors.count != 0);
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
	} COMMANDS[] = {{"verify", log_verify},	 {"query", log_query},	 {"follow", log_follow},
			{"export", log_export},	 {"report", log_report}, {"ship", log_ship},
			{"unlatch", log_unlatch}};
	struct invocation invocation = {
		.command = "log",
		.usage = "log verify|query|follow|export|report|ship|unlatch ... (--help after "
			 "each)"};

	for (size_t i = 0; argc > 1 && i < BL_COUNT(COMMANDS); i++)
		if (strcmp(argv[1], COMMANDS[i].name) == 0)
			return COMMANDS[i].run(argc - 1, argv + 1);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("use: bailee %s\n", invocation.usage);
		return 0;
	}
	return cli_usage(&invocation, "what about the log?");
}

#include "fs/cli/evidence.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/cli/auditor.h"
#include "fs/cli/key.h"

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

void evidence_rows(struct evidence_options *options, struct option_row *rows)
{
	const struct option_row ROWS[EVIDENCE_OPTIONS] = {
		{.name = "kit", .text = &options->kit},
		{.name = "key", .text = &options->key},
		{.name = "anchor", .list = &options->anchors},
	};

	memcpy(rows, ROWS, sizeof(ROWS));
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

static enum bl_status open_anchors(struct evidence *evidence, const struct text_list *paths,
				   struct bl_error *why)
{
	evidence->evidence.anchor_fds = evidence->anchors;
	for (size_t i = 0; i < paths->count; i++) {
		int fd = open(paths->items[i], O_RDONLY | O_CLOEXEC);

		struct stat st;

		if (fd < 0)
			return bl_fail_errno(why, BL_INVALID, "cannot open anchor '%s'",
					     paths->items[i]);
		evidence->anchors[evidence->evidence.anchor_count++] = fd;
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

/* ---- on a terminal ---------------------------------------------------------------------------------- */

#define PROGRESS_AFTER_MS 500
#define PROGRESS_EVERY_MS 200

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One line that is written over; spaces, for a terminal may know no more than that. */
static void progress_print(struct evidence *evidence, const char *text)
{
	size_t length = strlen(text);

	fprintf(stderr, "\r%s%*s", text,
		(int)(evidence->width > length ? evidence->width - length : 0), "");
	if (!length)
		fputc('\r', stderr);
	evidence->width = length;
}

/* On stderr, and not for what is over at once. */
static void on_progress(void *context, uint64_t done, uint64_t all, uint64_t records)
{
	struct evidence *evidence = context;
	int64_t now = now_ms(), passed = BL_MAX(now - evidence->begun_ms, INT64_C(1));
	char text[80];

	if (passed < PROGRESS_AFTER_MS || now - evidence->told_ms < PROGRESS_EVERY_MS || !done)
		return;
	evidence->told_ms = now;
	/* Short enough for 80 columns. */
	snprintf(text, sizeof(text),
		 "%3.0f %% checked, %.2f million records, %.2f million a second, %.0f s left",
		 100.0 * (double)done / (double)all, (double)records / 1e6,
		 (double)records / 1e3 / (double)passed,
		 (double)passed / 1e3 * (double)(all - done) / (double)done);
	progress_print(evidence, text);
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

enum bl_status evidence_bring(const struct invocation *invocation,
			      const struct evidence_options *options, struct evidence *out_evidence,
			      struct bl_error *why)
{
	enum bl_status status = BL_OK;

	memset(out_evidence, 0, sizeof(*out_evidence));
	if (options->kit) {
		status = cli_read_kit(options->kit, &out_evidence->kit, why);
		out_evidence->evidence.kit = &out_evidence->kit;
	}
	if (status == BL_OK && (options->key || !options->kit)) {
		status = find_key(invocation, options->key, out_evidence->key, why);
		out_evidence->evidence.public_key = out_evidence->key;
	}
	return status == BL_OK ? open_anchors(out_evidence, &options->anchors, why) : status;
}

void evidence_done(struct evidence *evidence)
{
	sodium_memzero(&evidence->kit, sizeof(evidence->kit));
	for (size_t i = 0; i < evidence->evidence.anchor_count; i++)
		fd_close(evidence->anchors[i]);
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

enum bl_status evidence_verify(struct evidence *evidence, const struct evidence_options *options,
			       int log_fd, const char *log_path, struct audit_report *out_report,
			       struct bl_error *why)
{
	evidence->begun_ms = now_ms();
	if (isatty(STDERR_FILENO)) {
		evidence->evidence.progress = on_progress;
		evidence->evidence.context = evidence;
	}
	enum bl_status status = audit_verify(log_fd, &evidence->evidence, out_report, why);

	if (evidence->width)
		progress_print(evidence, "");
	if (status != BL_OK && status != BL_TAMPERED)
		blame(why, log_path, &options->anchors);
	return status;
}

/* evidence.h - what an auditor brings to prove a log by: kit, key, anchors. Private to fs/cli. */
#ifndef FS_CLI_EVIDENCE_H
#define FS_CLI_EVIDENCE_H

#include "fs/audit/audit.h"
#include "fs/cli/cli.h"

struct evidence {
	struct audit_evidence evidence; /* for audit_verify */
	struct audit_kit kit;		/* wiped at the end */
	uint8_t key[VAULT_PUBLIC_KEY];
	int anchors[CLI_LIST_LIMIT];
	/* Of the line on a terminal. */
	int64_t begun_ms, told_ms;
	size_t width;
};

/* What the commands that verify take, each NULL or empty when it was not given. */
struct evidence_options {
	const char *kit, *key;
	struct text_list anchors;
};
#define EVIDENCE_OPTIONS 3
#define EVIDENCE_USAGE	 "[--kit FILE] [--key KEY|FILE] [--anchor FILE]..."
void evidence_rows(struct evidence_options *options, struct option_row *rows);

/*
 * evidence_bring - open and read what was given; without kit and key the key of the running service, good for a look only
 *
 * @out_evidence  evidence_done is due, also after a failure. On a terminal it tells how far audit_verify is.
 */
enum bl_status evidence_bring(const struct invocation *invocation,
			      const struct evidence_options *options, struct evidence *out_evidence,
			      struct bl_error *why) BL_MUST_CHECK;
void evidence_done(struct evidence *evidence);

/*
 * evidence_verify - audit_verify of an open folder by what was brought; the words of a failure name the file they are about
 *
 * @log_path  for those words
 */
enum bl_status evidence_verify(struct evidence *evidence, const struct evidence_options *options,
			       int log_fd, const char *log_path, struct audit_report *out_report,
			       struct bl_error *why) BL_MUST_CHECK;

#endif

/* progress.h - long work on a terminal: how far, how fast, how long still. Private to fs/cli. */
#ifndef FS_CLI_PROGRESS_H
#define FS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	char what[32]; /* the work that is told of: another one begins anew */
	int64_t began_ns, told_ns;
	uint64_t began_at;
	bool is_line_open;
};

/*
 * progress_tell - "sealing  12.3 GB of 64.0 GB  19 %  512 MB/s  1 min 40 s left", on stderr
 *
 * A terminal has one line, written over, and as long as it is wide; elsewhere there is a line every ten seconds.
 */
void progress_tell(struct progress *progress, const char *what, uint64_t done, uint64_t total);
void progress_end(struct progress *progress); /* the terminal's line is wiped */

/* "1.5 GB", of 1,000s as disks are sold */
const char *progress_bytes(uint64_t bytes, char out[24]);

#endif

/* page-file.h - a page that was asked for with --html: into a file that nobody sees half of, or to standard output. Private to fs/cli */
#ifndef FS_CLI_PAGE_FILE_H
#define FS_CLI_PAGE_FILE_H

#include "policy/base.h"

bool page_file_is_stdout(const char *path); /* "-" */
/*
 * page_file_check - could it be written? Before long work, and without a promise
 *
 * BL_OK, BL_EXISTS (a file, and not @is_forced), BL_INVALID (something else is there; standard output is a terminal)
 */
enum bl_status page_file_check(const char *path, bool is_forced,
			       struct bl_error *why) BL_MUST_CHECK;
/* page_file_write - mode 0600, whole or not at all. The same, and BL_IO */
enum bl_status page_file_write(const char *path, bool is_forced, const char *text, size_t length,
			       struct bl_error *why) BL_MUST_CHECK;

#endif

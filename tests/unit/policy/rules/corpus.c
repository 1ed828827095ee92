/*
 * tests/policies: of each file, all that is said of it and nothing else
 *
 * The first lines of a file say what is expected (tests/policies/README.md). A broken file is refused for just that;
 * a good one, which often differs from a broken one by a single thing, is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/rules/rules.h"
#include "policy/yaml/yaml.h"

#define FOLDER	     "tests/policies"
#define BROKEN_LEAST 120

struct expected {
	unsigned line, column;
	bool is_warning;
	char text[256];
	char fix[256]; /* empty: any, but there must be one */
};

struct file {
	char path[512];
	char *bytes;
	size_t length;
	size_t count, dropped;
	struct expected expected[RULES_FINDINGS_LIMIT];
};

/* ---- a file and what it says of itself ---------------------------------------------------------------- */

/* @line without its line end; false: it breaks the form of the header. */
static bool take_expected(struct file *file, const char *line)
{
	struct expected *last = file->count ? &file->expected[file->count - 1] : NULL;
	int used = 0;

	if (sscanf(line, "# dropped: %zu", &file->dropped) == 1)
		return true;
	if (strncmp(line, "# fix: ", 7) == 0) {
		if (last)
			snprintf(last->fix, sizeof(last->fix), "%.255s", line + 7);
		return last;
	}
	if (strncmp(line, "# expect: ", 10) != 0)
		return true;
	if (file->count == RULES_FINDINGS_LIMIT)
		return false;
	last = &file->expected[file->count++];
	if (sscanf(line, "# expect: %u:%u: %n", &last->line, &last->column, &used) != 2 || !used)
		return false;
	last->is_warning = strncmp(line + used, "warning: ", 9) == 0;
	snprintf(last->text, sizeof(last->text), "%.255s",
		 line + used + (last->is_warning ? 9 : 0));
	return true;
}

static void take_header(struct file *file)
{
	const char *at = file->bytes, *end = file->bytes + file->length;

	if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	while (at < end && *at == '#') {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		char line[640];

		snprintf(line, sizeof(line), "%.*s", (int)((line_end ? line_end : end) - at), at);
		if (!take_expected(file, line))
			fail_msg("%s: cannot read '%s'", file->path, line);
		at = line_end ? line_end + 1 : end;
	}
}

static void file_open(const char *folder, const char *name, struct file *out_file)
{
	const char *root = getenv("BAILEE_ROOT");
	struct stat st;

	memset(out_file, 0, sizeof(*out_file));
	snprintf(out_file->path, sizeof(out_file->path), "%s/" FOLDER "/%s/%s", root ? root : ".",
		 folder, name);

	BL_CLEANUP(fd_close) int fd = open(out_file->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		fail_msg("cannot open %s", out_file->path);
	out_file->length = (size_t)st.st_size;
	out_file->bytes = calloc(1, out_file->length + 1);
	assert_non_null(out_file->bytes);
	assert_int_equal(read(fd, out_file->bytes, out_file->length), st.st_size);
	take_header(out_file);
}

/* ---- what is said ------------------------------------------------------------------------------------- */

static bool is_expected(const struct rules_finding *finding, const struct expected *expected)
{
	return (finding->severity == RULES_WARNING) == expected->is_warning &&
	       finding->line == expected->line && finding->column == expected->column &&
	       strcmp(finding->text, expected->text) == 0 && finding->fix[0] &&
	       (!expected->fix[0] || strcmp(finding->fix, expected->fix) == 0);
}

/* The line that is shown is the file's, as far as both are plain text, and all of it, as far as there is room. */
static bool is_shown(const struct file *file, const struct rules_finding *finding)
{
	const char *at = file->bytes;

	if (!finding->line)
		return !finding->source[0];
	for (unsigned line = 1; line < finding->line && at; line++) {
		at = memchr(at, '\n', (size_t)(file->bytes + file->length - at));
		at = at ? at + 1 : NULL;
	}
	if (!at || finding->column > file->length)
		return false;

	size_t length = 0, end = (size_t)(file->bytes + file->length - at);

	for (; finding->source[length]; length++)
		if (finding->source[length] != at[length] && finding->source[length] != '?' &&
		    at[length] != '\t')
			return false;
	return length == end || memchr("\r\n", at[length], 2) ||
	       length + 5 > sizeof(finding->source);
}

/* One line for a log: the first finding with its place. */
static bool is_summed_up(const struct expected *first, const struct bl_error *why)
{
	char words[320];

	snprintf(words, sizeof(words),
		 "not a valid policy: line %u, column %u: %s; fix: ", first->line, first->column,
		 first->text);
	return strncmp(why->text, words, BL_MIN(strlen(words), sizeof(why->text) - 1)) == 0;
}

static bool is_as_expected(const struct file *file, enum bl_status status,
			   const struct policy *policy, const struct rules_findings *findings,
			   const struct bl_error *why)
{
	bool is_broken = file->count && !file->expected[0].is_warning;
	bool is_good = findings->count == file->count && findings->dropped == file->dropped &&
		       status == (is_broken ? BL_INVALID : BL_OK) && !policy == is_broken &&
		       (!is_broken || is_summed_up(&file->expected[0], why));

	for (size_t i = 0; is_good && i < file->count; i++)
		is_good = is_expected(&findings->items[i], &file->expected[i]) &&
			  is_shown(file, &findings->items[i]);
	return is_good;
}

static void print_difference(const struct file *file, enum bl_status status,
			     const struct rules_findings *findings, const struct bl_error *why)
{
	print_error("%s: %s: %s\n  wanted:\n", file->path, bl_status_name(status), why->text);
	for (size_t i = 0; i < file->count; i++)
		print_error("    %u:%u: %s%s%s%s\n", file->expected[i].line,
			    file->expected[i].column,
			    file->expected[i].is_warning ? "warning: " : "", file->expected[i].text,
			    file->expected[i].fix[0] ? "; fix: " : "", file->expected[i].fix);
	print_error("  got (%zu dropped):\n", findings->dropped);
	for (size_t i = 0; i < findings->count; i++)
		print_error("    %u:%u: %s%s; fix: %s\n", findings->items[i].line,
			    findings->items[i].column,
			    findings->items[i].severity == RULES_WARNING ? "warning: " : "",
			    findings->items[i].text, findings->items[i].fix);
}

static bool try_file(const struct file *file)
{
	BL_CLEANUP(policy_unref) struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};
	enum bl_status status = rules_parse(file->bytes, file->length, &policy, &findings, &why);

	if (is_as_expected(file, status, policy, &findings, &why))
		return true;
	print_difference(file, status, &findings, &why);
	return false;
}

static int is_policy(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && strcmp(entry->d_name + length - 5, ".yaml") == 0;
}

/* Every file of the folder, whatever the others came to; returns how many there are. */
static size_t try_folder(const char *folder, bool is_broken)
{
	const char *root = getenv("BAILEE_ROOT");
	struct dirent **entries = NULL;
	char path[256];
	size_t failed = 0;

	snprintf(path, sizeof(path), "%s/" FOLDER "/%s", root ? root : ".", folder);

	int count = scandir(path, &entries, is_policy, alphasort);

	if (count < 0)
		fail_msg("cannot look into %s", path);
	for (int i = 0; i < count; i++) {
		struct file file;

		file_open(folder, entries[i]->d_name, &file);
		if ((file.count && !file.expected[0].is_warning) != is_broken) {
			print_error("%s: belongs to the other folder\n", file.path);
			failed++;
		} else if (!try_file(&file)) {
			failed++;
		}
		free(file.bytes);
		free(entries[i]);
	}
	free(entries);
	if (failed)
		fail_msg("%zu of %d files of %s are not as they say", failed, count, folder);
	return (size_t)count;
}

static void each_broken_policy_is_refused_for_what_is_wrong(void **state)
{
	(void)state;
	assert_true(try_folder("broken", true) >= BROKEN_LEAST);
}

static void each_good_policy_is_taken(void **state)
{
	(void)state;
	assert_true(try_folder("good", false) >= 20);
}

/* ---- what cannot be a file of the corpus ---------------------------------------------------------------- */

/* The whole file is meant, so there is no place; and nothing of it is shown. */
static void assert_refused(const char *path, const char *text)
{
	struct policy *policy = NULL;
	struct rules_findings findings;
	struct bl_error why = {{0}};
	enum bl_status status = rules_load(path, &policy, &findings, &why);

	if (status != BL_INVALID || policy || findings.count != 1 ||
	    strcmp(findings.items[0].text, text) != 0 || !findings.items[0].fix[0] ||
	    findings.items[0].line || findings.items[0].column || !strstr(why.text, text) ||
	    findings.items[0].severity != RULES_ERROR)
		fail_msg("%s: %s: %s, not '%s'", path, bl_status_name(status), why.text, text);
}

static void write_file(const char *path, mode_t mode, size_t size)
{
	static const char GOOD[] = "bailee: 1\n"
				   "name: Shop\n"
				   "serial: 1\n"
				   "timezone: UTC\n"
				   "people: {anna: {roles: [boss]}}\n"
				   "roles: {boss: {}}\n"
				   "defaults: {access: forbid, mask: fill}\n"
				   "rules:\n"
				   "  - id: all\n"
				   "    permit: [list, read, hold, administer]\n"
				   "    who: [boss]\n"
				   "    why: The boss runs the shop.\n";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, GOOD, sizeof(GOOD) - 1), sizeof(GOOD) - 1);
	assert_int_equal(fchmod(fd, mode), 0); /* whatever the umask is */
	if (size)
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void a_file_that_others_can_change_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		bool is_good;
	} ROWS[] = {{0600, true},  {0644, true},  {0444, true}, {0755, true},
		    {0620, false}, {0602, false}, {0666, false}};
	char folder[] = "/tmp/bailee-corpus-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/policy.yaml", folder);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		BL_CLEANUP(policy_unref) struct policy *policy = NULL;
		struct rules_findings findings;
		struct bl_error why = {{0}};

		write_file(path, ROWS[i].mode, 0);
		if (!ROWS[i].is_good)
			assert_refused(path, "writable by others than its owner");
		else if (rules_load(path, &policy, &findings, &why) != BL_OK || findings.count)
			fail_msg("mode %o: %s", (unsigned)ROWS[i].mode, why.text);
		unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

static void what_is_no_file_of_a_fit_size_is_refused(void **state)
{
	char folder[] = "/tmp/bailee-corpus-XXXXXX", path[64];
	struct policy *policy = NULL;
	struct rules_findings findings;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/policy.yaml", folder);
	assert_int_equal(rules_load(path, &policy, &findings, NULL), BL_NOT_FOUND);
	assert_refused(folder, "not a regular file");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(path, "not a regular file"); /* and it does not wait for a writer */
	unlink(path);
	write_file(path, 0600, YAML_SIZE_LIMIT + 1);
	assert_refused(path, "the policy is larger than 4 MiB");
	unlink(path);
	write_file(path, 0600, 10u << 20);
	assert_refused(path, "the policy is larger than 4 MiB");
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_broken_policy_is_refused_for_what_is_wrong),
		cmocka_unit_test(each_good_policy_is_taken),
		cmocka_unit_test(a_file_that_others_can_change_is_refused),
		cmocka_unit_test(what_is_no_file_of_a_fit_size_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

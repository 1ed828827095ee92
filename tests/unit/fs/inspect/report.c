/* Logs of wiping programs, in the forms they really have; of hostile ones nothing is believed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/inspect/report-private.h"

#define STAMP "[2026/07/01 10:00:00]"
#define BEGUN                                                                                      \
	STAMP "  notice:   banner   = nwipe 0.33\n" STAMP                                          \
	      "  notice: Found /dev/sdb,  ATA, SYNTHETIC DISK 9,  500 GB, S/N=SYN-77\n" STAMP      \
	      "  notice: Found /dev/sda, NVME, OTHER, OF TWO WORDS,  1 TB, S/N=NOT-THIS\n" STAMP   \
	      "  notice: /dev/sdb has serial number SYN-77\n" STAMP                                \
	      "  notice: Invoking method 'DoD Short' on /dev/sdb\n" STAMP                          \
	      "  notice: Starting round 1 of 1 on /dev/sdb\n"
#define TABLE                                                                                      \
	"\n********************************* Drive Status *********************************\n"     \
	"!   Device | Status | Thru-put | HH:MM:SS | Model/Serial Number\n"                        \
	"--------------------------------------------------------------------------------\n"
#define ERASED                                                                                     \
	TABLE "      sdb | Erased |  99 MB/s | 00:00:09 | SYNTHETIC DISK 9/SYN-77\n"               \
	      "--------------------------------------------------------------------------------"   \
	      "\n" STAMP " Total Throughput   9 B/s, DoD Short, 1R+B+VL\n"                         \
	      "********************************************************************************\n"
#define DONE STAMP "    info: Nwipe successfully completed. See summary table for details.\n"

#define SANITIZED(status, command)                                                                 \
	"{\"nvme0\":{\"sprog\":65535,\"sstat\":{\"global_erased\":1,\"no_cmplted_passes\":0,"      \
	"\"status\":\"(" status ") words\"},\"cdw10_info\":" command ",\"time_over_write\":9}}"

static const struct row {
	const char *name, *text;
	const char *program, *version, *serial, *model, *method;
	enum inspect_outcome outcome;
} ROWS[] = {
	{"nwipe that erased", BEGUN ERASED DONE, "nwipe", "0.33", "SYN-77", "SYNTHETIC DISK 9",
	 "DoD Short", INSPECT_SUCCESS},
	{"nwipe 0.37's version line", STAMP "    info: nwipe 0.37\n" BEGUN ERASED, "nwipe", "0.33",
	 "SYN-77", "SYNTHETIC DISK 9", "DoD Short", INSPECT_SUCCESS},
	{"nwipe, lines that end as on Windows",
	 STAMP "    info: nwipe 0.37\r\n" STAMP "  notice: Invoking method 'Zero' on /dev/sdb\r\n",
	 "nwipe", "0.37", "", "", "Zero", INSPECT_UNKNOWN},
	{"nwipe that was not done yet", BEGUN, "nwipe", "0.33", "SYN-77", "SYNTHETIC DISK 9",
	 "DoD Short", INSPECT_UNKNOWN},
	{"nwipe begun again behind a success", BEGUN ERASED BEGUN, "nwipe", "0.33", "SYN-77",
	 "SYNTHETIC DISK 9", "DoD Short", INSPECT_UNKNOWN},
	{"nwipe that failed",
	 BEGUN TABLE "!     sdb |-FAILED-|  99 MB/s | 00:00:09 | SYNTHETIC DISK 9/SYN-77\n",
	 "nwipe", "0.33", "SYN-77", "SYNTHETIC DISK 9", "DoD Short", INSPECT_FAILURE},
	{"nwipe that was stopped",
	 BEGUN TABLE "!     sdb |UABORTED|   0 B/s | 00:00:09 | M/SYN-77\n", "nwipe", "0.33",
	 "SYN-77", "SYNTHETIC DISK 9", "DoD Short", INSPECT_FAILURE},
	{"a status that nobody knows",
	 BEGUN TABLE "      sdb |PERHAPS |   0 B/s | 00:00:09 | M/S\n", "nwipe", "0.33", "SYN-77",
	 "SYNTHETIC DISK 9", "DoD Short", INSPECT_FAILURE},
	{"success and failure",
	 BEGUN STAMP "  notice: [FAILURE] /dev/sdb may not be blanked\n" ERASED, "nwipe", "0.33",
	 "SYN-77", "SYNTHETIC DISK 9", "DoD Short", INSPECT_FAILURE},
	{"success that ends with errors",
	 BEGUN ERASED STAMP "    info: Nwipe exited with errors, check the log\n", "nwipe", "0.33",
	 "SYN-77", "SYNTHETIC DISK 9", "DoD Short", INSPECT_FAILURE},
	{"the other kind of failure", BEGUN ERASED "/dev/sdb: >>> FAILURE! <<<: code -1\n", "nwipe",
	 "0.33", "SYN-77", "SYNTHETIC DISK 9", "DoD Short", INSPECT_FAILURE},
	{"nwipe 0.24, without a table",
	 STAMP " nwipe: notice: Invoking method 'PRNG Stream' on device '/dev/sdb'.\n" STAMP
	       " nwipe: notice: Starting round 1 of 1 on device '/dev/sdb'.\n",
	 "nwipe", "", "", "", "PRNG Stream", INSPECT_UNKNOWN},
	{"nwipe 0.27, which only says that it is done",
	 STAMP " notice: Invoking method 'Zero Fill' on device '/dev/sdb'.\n" STAMP
	       " info: Nwipe successfully exited.\n",
	 "nwipe", "", "", "", "Zero Fill", INSPECT_SUCCESS},
	{"nwipe 0.28, which names no bus",
	 STAMP " notice: Found /dev/sdc, SYNTHETIC-2, 160GB, S/N=WD-1\n" STAMP
	       " notice: Invoking method 'Zero Fill' on /dev/sdc\n" TABLE
	       "  sdc | Erased | 31 MB/s | 00:00:01 | SYNTHETIC-2/WD-1\n",
	 "nwipe", "", "WD-1", "SYNTHETIC-2", "Zero Fill", INSPECT_SUCCESS},
	{"a table that cuts a long name short",
	 STAMP " notice: Invoking method 'Zero Fill' on /dev/nvme10n10\n" TABLE
	       "! vme10n10 | Erased | 31 MB/s | 00:00:01 | M/S\n",
	 "nwipe", "", "", "", "Zero Fill", INSPECT_SUCCESS},
	{"serial numbers that were hidden",
	 STAMP " notice: Found /dev/sdb, ATA, M, 1 GB, S/N=XXXXXXXXXXXXXXX\n" STAMP
	       " notice: /dev/sdb has serial number ???????????????\n" STAMP
	       " notice: Invoking method 'Zero Fill' on /dev/sdb\n",
	 "nwipe", "", "", "M", "Zero Fill", INSPECT_UNKNOWN},
	{"a serial number that could not be had",
	 STAMP " notice: /dev/sdb has serial number (no ATA pass thru)\n" STAMP
	       " notice: Invoking method 'Zero Fill' on /dev/sdb\n",
	 "nwipe", "", "", "", "Zero Fill", INSPECT_UNKNOWN},
	{"memory of nwipe 0.33 where a loop device has no serial number",
	 STAMP " notice: /dev/loop0 has serial number  \xefo\x43\xce\x7f\n" STAMP
	       " notice: Invoking method 'DoD Short' on /dev/loop0\n" TABLE
	       "     loop0 | Erased |   0 B/s | 00:00:00 | Loopback device/ \xefo\x43\xce\x7f\n",
	 "nwipe", "", "", "", "DoD Short", INSPECT_SUCCESS},
	{"escapes of a terminal, and marks that turn the direction",
	 STAMP " notice: Found /dev/sdb, ATA, M\x1b[31m, 1 GB, S/N=A\xe2\x80\xae"
	       "B\n" STAMP " notice: Invoking method 'Zero\x1b]0;x\x07' on /dev/sdb\n",
	 "nwipe", "", "", "", "", INSPECT_UNKNOWN},
	{"sanitize that is done", SANITIZED("1", "2"), "nvme-cli", "", "", "",
	 "NVMe sanitize: block erase", INSPECT_SUCCESS},
	{"sanitize that is done and deallocated", SANITIZED("4", "4"), "nvme-cli", "", "", "",
	 "NVMe sanitize: crypto erase", INSPECT_SUCCESS},
	{"sanitize that failed", SANITIZED("3", "3"), "nvme-cli", "", "", "",
	 "NVMe sanitize: overwrite", INSPECT_FAILURE},
	{"sanitize that goes on", SANITIZED("2", "4"), "nvme-cli", "", "", "",
	 "NVMe sanitize: crypto erase", INSPECT_UNKNOWN},
	{"sanitize that never was", SANITIZED("0", "0"), "nvme-cli", "", "", "", "",
	 INSPECT_UNKNOWN},
	{"sanitize of a later specification", SANITIZED("5", "7"), "nvme-cli", "", "", "", "",
	 INSPECT_UNKNOWN},
	{"sanitize, its status in full, not named",
	 " \n{\"sprog\":65535,\"sstat\":257,\"cdw10_info\":2}\n", "nvme-cli", "", "", "",
	 "NVMe sanitize: block erase", INSPECT_SUCCESS},
	{"sanitize, its status no number", "{\"sprog\":1,\"sstat\":\"(1)\",\"cdw10_info\":\"2\"}",
	 "nvme-cli", "", "", "", "", INSPECT_UNKNOWN},
	{"identify, padded as the drive pads it",
	 "{\"vid\":1,\"sn\":\"SYN77               \",\"mn\":\"SYNTHETIC NVME      \",\"fr\":\"9\"}",
	 "nvme-cli", "", "SYN77", "SYNTHETIC NVME", "", INSPECT_UNKNOWN},
	{"identify with a control character", "{\"sn\":\"A\\u001b[0m\",\"mn\":\"M\\u202eN\"}",
	 "nvme-cli", "", "", "", "", INSPECT_UNKNOWN},
	{"format", "Success formatting namespace:1\n", "nvme-cli", "", "", "",
	 "NVMe format (secure erase: not told)", INSPECT_SUCCESS},
	{"format, its result as JSON", "{\"result\":\"Success formatting namespace:ffffffff\"}",
	 "nvme-cli", "", "", "", "NVMe format (secure erase: not told)", INSPECT_SUCCESS},
	{"format that failed",
	 "Sending format operation ...\nNVMe status: Invalid Format: it is not supported(0x10a)\n",
	 "nvme-cli", "", "", "", "NVMe format (secure erase: not told)", INSPECT_FAILURE},
	{"format that failed once", "NVMe status: busy\nSuccess formatting namespace:1\n",
	 "nvme-cli", "", "", "", "NVMe format (secure erase: not told)", INSPECT_FAILURE},
	{"format that was not let", "You are about to format nvme0n1, namespace 0x1.\n", "nvme-cli",
	 "", "", "", "NVMe format (secure erase: not told)", INSPECT_UNKNOWN},
};

static void check_text(const struct row *row, const char *what, const char *is, const char *should)
{
	if (strcmp(is, should) != 0)
		fail_msg("%s: %s is '%s', not '%s'", row->name, what, is, should);
}

static void what_they_say_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		const struct row *row = &ROWS[i];
		struct inspect_report report;
		struct bl_error why = {""};
		uint8_t digest[DEVICE_DIGEST];

		if (inspect_report_parse(row->text, strlen(row->text), &report, &why) != BL_OK)
			fail_msg("%s: %s", row->name, why.text);
		check_text(row, "program", report.program, row->program);
		check_text(row, "version", report.version, row->version);
		check_text(row, "serial", report.serial, row->serial);
		check_text(row, "model", report.model, row->model);
		check_text(row, "method", report.method, row->method);
		if (report.outcome != row->outcome)
			fail_msg("%s: outcome %d", row->name, (int)report.outcome);
		crypto_hash_sha256(digest, (const uint8_t *)row->text, strlen(row->text));
		if (memcmp(report.digest, digest, sizeof(digest)) != 0)
			fail_msg("%s: another digest", row->name);
	}
}

#define TEN(text) text text text text text text text text text text
static void what_is_none_is_refused(void **state)
{
	static const struct {
		const char *name, *text;
		const char *words; /* of the message */
	} rows[] = {
		{"a letter", "Dear Sirs,\nwe wiped it. Trust us.\n", "none that is known"},
		{"only spaces", " \n\t \n", "none that is known"},
		{"JSON of another program", "{\"wiped\":true}", "none that is known"},
		{"half a JSON", "{\"nvme0\":{\"sprog\":65535,", "none that is known"},
		{"a name twice", "{\"sn\":\"A\",\"sn\":\"B\",\"mn\":\"M\"}", "none that is known"},
		{"JSON that is deep", TEN("{\"a\":") TEN("[[[["), "none that is known"},
		{"deep and valid", "{\"sn\":\"A\",\"mn\":\"M\",\"x\":" TEN("[[") TEN("]]") "}",
		 "none that is known"},
		{"a list", "[{\"sn\":\"A\",\"mn\":\"M\"}]", "none that is known"},
		{"two NVMe drives",
		 "{\"nvme0\":{\"sprog\":1,\"sstat\":1},\"nvme1\":{\"sprog\":1,\"sstat\":1}}",
		 "several drives"},
		{"nwipe on two drives", BEGUN STAMP " notice: Invoking method 'Zero' on /dev/sdc\n",
		 "several drives"},
		{"nwipe's table of two drives",
		 BEGUN TABLE "  sdb | Erased | 1 | 1 | M/S\n  sdc | Erased | 1 | 1 | M/S\n",
		 "several drives"},
		{"a name that went to another drive",
		 BEGUN ERASED STAMP " notice: /dev/sdb has serial number SYN-78\n",
		 "several drives"},
		{"names of which one ends as the other",
		 STAMP " notice: Invoking method 'Zero' on /dev/sdaa\n" STAMP
		       " notice: Invoking method 'Zero' on /dev/a\n",
		 "several drives"},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		struct inspect_report report;
		struct bl_error why = {""};

		if (inspect_report_parse(rows[i].text, strlen(rows[i].text), &report, &why) !=
			    BL_INVALID ||
		    !strstr(why.text, rows[i].words))
			fail_msg("%s: %s", rows[i].name, why.text);
	}
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	static const char NUL[] = BEGUN "\0" ERASED;
	struct inspect_report report;
	uint8_t noise[4096];

	(void)state;
	assert_int_equal(inspect_report_parse(NUL, sizeof(NUL) - 1, &report, NULL), BL_INVALID);
	assert_int_equal(inspect_report_parse("", 0, &report, NULL), BL_INVALID);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(1 + (i * 2654435761u >> 7) % 255);
	assert_int_equal(inspect_report_parse((const char *)noise, sizeof(noise), &report, NULL),
			 BL_INVALID);
}

/* @front, and then @character up to the limit and @more bytes over it. */
static char *long_text(const char *front, char character, size_t more, size_t *out_length)
{
	char *text = malloc(INSPECT_REPORT_SIZE + more);

	assert_non_null(text);
	memset(text, character, INSPECT_REPORT_SIZE + more);
	memcpy(text, front, strlen(front));
	*out_length = INSPECT_REPORT_SIZE + more;
	return text;
}

static void lines_may_be_as_long_as_the_report(void **state)
{
	static const struct {
		const char *front;
		char character;
		enum bl_status status;
	} rows[] = {
		{BEGUN ERASED STAMP " notice: ", 'x', BL_OK},
		{BEGUN ERASED STAMP " notice: ", '\'', BL_OK},
		{BEGUN ERASED, '\n', BL_OK},
		{BEGUN ERASED, '|', BL_OK},
		{STAMP " notice: Invoking method '", 'x', BL_INVALID},
		{"{\"sn\":\"", 'x', BL_INVALID},
		{"{\"sn\":", '[', BL_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		size_t length;
		char *text = long_text(rows[i].front, rows[i].character, 0, &length);
		struct inspect_report report;
		struct bl_error why = {""};
		enum bl_status status = inspect_report_parse(text, length, &report, &why);

		free(text);
		if (status != rows[i].status)
			fail_msg("%zu: %s", i, why.text);
		if (status == BL_OK)
			assert_int_equal(report.outcome, INSPECT_SUCCESS);
	}
}

static void what_is_over_the_limit_is_refused(void **state)
{
	size_t length;
	char *text = long_text(BEGUN ERASED, '\n', 1, &length);
	struct inspect_report report;

	(void)state;
	assert_int_equal(inspect_report_parse(text, length, &report, NULL), BL_TOO_LARGE);
	free(text);
}

static void a_value_that_does_not_fit_is_none(void **state)
{
	char text[1024];
	struct inspect_report report;

	(void)state;
	for (int length = DEVICE_TEXT - 2; length <= DEVICE_TEXT + 1; length++) {
		snprintf(text, sizeof(text), "{\"sn\":\"%0*d\",\"mn\":\"M\"}", length, 7);
		assert_int_equal(inspect_report_parse(text, strlen(text), &report, NULL), BL_OK);
		if (strlen(report.serial) != (length < DEVICE_TEXT ? (size_t)length : 0))
			fail_msg("%d characters: '%s'", length, report.serial);
	}
}

static void on_failure_nothing_is_told(void **state)
{
	struct inspect_report report;

	(void)state;
	memset(&report, 0x5a, sizeof(report));
	assert_int_equal(inspect_report_parse("{}", 2, &report, NULL), BL_INVALID);
	for (size_t i = 0; i < sizeof(report); i++)
		assert_int_equal(((const uint8_t *)&report)[i], 0x5a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_they_say_is_taken),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(lines_may_be_as_long_as_the_report),
		cmocka_unit_test(what_is_over_the_limit_is_refused),
		cmocka_unit_test(a_value_that_does_not_fit_is_none),
		cmocka_unit_test(on_failure_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

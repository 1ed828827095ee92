/* Reports of wiping programs come from anywhere: of none may more be told than fits, or what steers a terminal. */
#include <stdlib.h>
#include <string.h>

#include "fs/inspect/report-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	if (length == size || !inspect_words_ok(text, length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct inspect_report report;
	struct bl_error why = {""};

	if (inspect_report_parse((const char *)bytes, length, &report, &why) != BL_OK) {
		if (!*why.text)
			abort();
		return 0;
	}
	check(report.program, sizeof(report.program));
	check(report.version, sizeof(report.version));
	check(report.serial, sizeof(report.serial));
	check(report.model, sizeof(report.model));
	check(report.method, sizeof(report.method));
	if (!*report.program || report.outcome > INSPECT_FAILURE)
		abort();
	(void)inspect_serial_matches(report.serial, report.model);
	return 0;
}

/* The page of a report, out of its model: report-page MODEL.json > page.html. For tests, and to look at it. */
#include <stdio.h>

#include "fs/cli/report-log-page.h"

int main(int argc, char **argv)
{
	json_error_t error;
	json_t *model = argc == 2 ? json_load_file(argv[1], JSON_ALLOW_NUL, &error) : NULL;

	if (!model) {
		fprintf(stderr, "use: report-page MODEL.json > page.html\n%s\n",
			argc == 2 ? error.text : "");
		return 2;
	}
	report_log_page(stdout, model);
	json_decref(model);
	return ferror(stdout) || fclose(stdout) != 0;
}

/* report-customer.h - what a customer is told of their device. Private to fs/cli; pure */
#ifndef FS_CLI_REPORT_CUSTOMER_H
#define FS_CLI_REPORT_CUSTOMER_H

#include <jansson.h>
#include <stdio.h>

#include "fs/cli/report-words.h"

/*
 * report_customer - the whole answer of `device-report` for a customer, with its parts under "promises" and "looks"
 *
 * As one page of HTML, or as text of at most 80 columns. Names no employee that the answer does not name, and no path ever.
 */
void report_customer(FILE *out, const json_t *answer, enum report_lang lang, bool is_html);

#endif

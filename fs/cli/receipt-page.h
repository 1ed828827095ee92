/* receipt-page.h - the receipt of a device on paper. Private to fs/cli; pure */
#ifndef FS_CLI_RECEIPT_PAGE_H
#define FS_CLI_RECEIPT_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#define RECEIPT_LINES 62 /* of TELL_WIDE columns: fits A4 in 10 points with 2 cm around it */

/* receipt_page - of the answer of `receipt`, with its notes under "notes"; at most RECEIPT_LINES lines; owned by the caller (free). False: no memory */
bool receipt_page(const json_t *answer, char **out_page);

#endif

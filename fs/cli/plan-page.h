/* plan-page.h - dates of destruction, and why those, in words. Private to fs/cli; pure */
#ifndef FS_CLI_PLAN_PAGE_H
#define FS_CLI_PLAN_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "fs/cli/tell.h"

/* plan_say_why - of one "plan" of the answers of `retention-plan` (docs/protocol.md), or of its "then" */
void plan_say_why(const json_t *plan, struct tell_list *out);

/* plan_page - "plans" of @answer; with @policy (the name of the file that is not in force) also what would move */
void plan_page(FILE *out, const json_t *answer, const char *policy);

#endif

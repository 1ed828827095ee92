/* letter.h - the draft of what the customer is told about an incident. Private to fs/cli; pure */
#ifndef FS_CLI_LETTER_H
#define FS_CLI_LETTER_H

#include <jansson.h>

#include "policy/base.h"

/*
 * letter_write - of the answer of `incident-show`, with what was seen under "seen", in plain English; owned by the caller (free)
 *
 * Holds what articles 33(3) and 34(2) of Regulation (EU) 2016/679 (GDPR) ask for: what happened, whom to ask, the likely consequences, what
 * was done, what the customer can do. Names no employee, and nothing that people wrote but the corrective action: what only people
 * can say is a [placeholder]. BL_OK, BL_UNSUPPORTED (a kind that has no letter), BL_NO_MEMORY.
 */
enum bl_status letter_write(const json_t *incident, char **out_text,
			    struct bl_error *why) BL_MUST_CHECK;

#endif

/* report-words.h - what a customer reads, in each language: one table. Private to fs/cli; pure */
#ifndef FS_CLI_REPORT_WORDS_H
#define FS_CLI_REPORT_WORDS_H

#include "policy/base.h"

enum report_lang { REPORT_EN, REPORT_DE, REPORT_LANG_COUNT };
bool report_lang_parse(const char *name, enum report_lang *out);
const char *report_lang_name(enum report_lang lang); /* "en"; static */

/* Each is a sentence, a heading or a label; %1 to %4 are what goes into it. */
enum report_word {
	WORD_KIND,
	WORD_TITLE,
	WORD_LEAD,
	WORD_AT,
	WORD_V_DESTROYED,
	WORD_V_DESTROYED_TEXT,
	WORD_V_EXCEPTIONS_TEXT,
	WORD_V_UNPROVEN,
	WORD_V_UNPROVEN_TEXT,
	WORD_V_RELEASED,
	WORD_V_RELEASED_TEXT,
	WORD_V_HELD,
	WORD_V_HELD_TEXT,
	WORD_V_DUE,
	WORD_V_DUE_TEXT,
	WORD_V_HERE,
	WORD_V_HERE_TEXT,
	WORD_V_LENT_TEXT,
	WORD_WAY,
	WORD_W_RECEIVED,
	WORD_W_LOOKED,
	WORD_W_NOT_LOOKED,
	WORD_W_HELD,
	WORD_W_DESTROYED,
	WORD_W_RELEASED,
	WORD_W_TO_DESTROY,
	WORD_W_TO_CLOSE,
	WORD_W_FROM,
	WORD_W_BY,
	WORD_H_HELD,
	WORD_L_DEVICE,
	WORD_L_SERIAL,
	WORD_L_NUMBER,
	WORD_L_RECEIVED,
	WORD_L_COPY,
	WORD_COPY_SEALED,
	WORD_COPY_PLACE,
	WORD_FOUND,
	WORD_FOUND_ITEM,
	WORD_FOUND_NOTHING,
	WORD_FOUND_WITHHELD,
	WORD_NOT_COUNTED,
	WORD_NOT_COUNTED_GONE,
	WORD_H_WHAT_FOR,
	WORD_WHAT_FOR,
	WORD_WHAT_FOR_NOBODY,
	WORD_EVERYBODY,
	WORD_P_FOR,
	WORD_P_CONSENT,
	WORD_P_REASON,
	WORD_P_APPROVALS_1,
	WORD_P_APPROVALS_N,
	WORD_P_ONLY,
	WORD_P_WHY,
	WORD_H_RECEIVE,
	WORD_RECEIVE_NOBODY,
	WORD_RECEIVE,
	WORD_RECEIVE_ELSE,
	WORD_H_CHOICE,
	WORD_CONSENT_GRANTED,
	WORD_CONSENT_WITHDRAWN,
	WORD_CONSENT_NONE,
	WORD_CHOICE,
	WORD_CHOICE_GONE,
	WORD_REQUEST,
	WORD_R_ERASE,
	WORD_R_DISCLOSE,
	WORD_R_RETURN,
	WORD_R_OPEN,
	WORD_R_DONE,
	WORD_R_REFUSED,
	WORD_H_COMPLAIN,
	WORD_ASK_US,
	WORD_ASK_US_BLANK,
	WORD_COMPLAIN,
	WORD_COMPLAIN_BLANK,
	WORD_H_LOOKED,
	WORD_LOOKED_NOBODY,
	WORD_LOOKED,
	WORD_LOOKED_MORE,
	WORD_LOOKED_LEAST,
	WORD_C_DAY,
	WORD_C_WHO,
	WORD_C_WHAT_FOR,
	WORD_C_WHAT,
	WORD_WHO_MANY,
	WORD_WHO_NAMED,
	WORD_WHO_NOBODY,
	WORD_NO_PURPOSE,
	WORD_SAW_FILES,
	WORD_SAW_NAMES,
	WORD_SAW_DENIED_1,
	WORD_SAW_DENIED_N,
	WORD_SEALED,
	WORD_OPEN_MOUNT,
	WORD_H_MASKED,
	WORD_MASKED,
	WORD_MASKED_LIMIT,
	WORD_UNMASKED_NEVER,
	WORD_UNMASKED_1,
	WORD_UNMASKED_N,
	WORD_H_WRONG,
	WORD_INCIDENT_OPEN,
	WORD_INCIDENT_CLOSED,
	WORD_I_DAMAGE,
	WORD_I_LOSS,
	WORD_I_EXPOSURE,
	WORD_I_COMPLAINT,
	WORD_H_DESTROYED,
	WORD_H_TO_DESTROY,
	WORD_D_WHEN,
	WORD_D_HOW,
	WORD_D_RESULT,
	WORD_D_ERASED,
	WORD_D_EXCEPTIONS,
	WORD_D_NOT,
	WORD_HOW_OVERWRITE,
	WORD_HOW_KEYS,
	WORD_HOW_NONE,
	WORD_D_VERIFIED,
	WORD_D_VERIFIED_GOOD,
	WORD_D_VERIFIED_BAD,
	WORD_D_PART,
	WORD_D_SOURCE,
	WORD_D_ON,
	WORD_D_NOT_OURS,
	WORD_D_RELEASED,
	WORD_D_HOLD,
	WORD_D_HOLD_INCIDENT,
	WORD_D_HOLD_PERSON,
	WORD_H_CHECK,
	WORD_CHECK_LATER,
	WORD_CHECK_NONE,
	WORD_CHECK_ASK,
	WORD_CHECK_GENUINE,
	WORD_CHECK_KEY,
	WORD_CHECK_KEY_TEXT,
	WORD_CHECK_DIGEST,
	WORD_FILE_1,
	WORD_FILE_N,
	WORD_AND,
	WORD_MADE,
	WORD_COUNT
};
const char *report_word(enum report_lang lang,
			enum report_word word); /* as it stands in the table; static */

/*
 * report_say - with what goes into it; owned by the caller (free); NULL: no memory
 *
 * REPORT_SAY(lang, WORD_AT, date, time): up to four texts, none of them NULL
 */
char *report_say(enum report_lang lang, enum report_word word, const char *const *texts);
#define REPORT_SAY(lang, word, ...) report_say(lang, word, (const char *const[]){__VA_ARGS__, NULL})

/* "22 November 2026" of "2026-11-22 10:00", as the service tells it; "" of anything else */
#define REPORT_DATE 48
const char *report_date(enum report_lang lang, const char *moment, char out[REPORT_DATE]);
/* "22 Nov 2026", "22.11.2026": where there is little room */
const char *report_short_date(enum report_lang lang, const char *moment, char out[REPORT_DATE]);

/* What the words of the policy language are called: "Laptop"; "payment card numbers"; a class of the policy's own by its name */
const char *report_kind(enum report_lang lang, const char *kind);
const char *report_class(enum report_lang lang, const char *name);

#endif

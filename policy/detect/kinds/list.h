/* list.h - is this word one of a list? Of lower-case words, one space around each: " van von de " */
#ifndef POLICY_DETECT_KINDS_LIST_H
#define POLICY_DETECT_KINDS_LIST_H

#include "policy/detect/parts.h"

#define LIST_WORD 48u /* bytes; a longer word is in no list */

/* Is [@start, @end) one of them, in whatever case it is written? What is no UTF-8 is not. */
bool list_has(const char *list, const struct text *text, size_t start, size_t end);

/* A long list by the first letters of its words, so that a word is sought among few; NULL: none. LIST_OTHERS: no ASCII letter. */
#define LIST_LETTER(letter) ((letter) - 'a')
#define LIST_OTHERS	    26
#define LIST_LETTERS	    27
bool list_has_by_letter(const char *const list[LIST_LETTERS], const struct text *text, size_t start,
			size_t end);

#endif

/* near.h - the words directly before a value; private to policy/detect
 *
 * The scanner says that a label is near. What is short, or like many other things, has to stand right behind it: "PIN is 4821",
 * not "the PIN for order 4821".
 */
#ifndef POLICY_DETECT_KINDS_NEAR_H
#define POLICY_DETECT_KINDS_NEAR_H

#include "policy/detect/parts.h"

#define NEAR_WORDS 5 /* words that are looked at */

/*
 * near_behind - does one of @words stand before @at, with nothing between but ':', '=', brackets, and words such as "is" or "number"?
 *
 * @words  '|' between and at both ends ("|pin|geheimzahl|"), lower case, no diacritics; digits at a word's end do not count
 */
bool near_behind(const struct text *text, size_t at, const char *words);
/* near_word - is the word before @at, on the same line, one of @words? */
bool near_word(const struct text *text, size_t at, const char *words);
/* near_is_part - is what begins at @at a part of something longer, as in "a1b2-1234567", "v1.2-1234567", "#1234567"? */
bool near_is_part(const struct text *text, size_t at);

#endif

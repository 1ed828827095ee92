/* text.h - which characters a policy or a record may hold; private to policy/ */
#ifndef POLICY_YAML_TEXT_H
#define POLICY_YAML_TEXT_H

#include "policy/base.h"

/* text_length - bytes of the UTF-8 sequence at @bytes, 1..4; 0 when it is none */
size_t text_length(const char *bytes, size_t length, uint32_t *out_point);

/*
 * text_scan - is every character one that people can see for what it is?
 *
 * Refused: what is not UTF-8 (overlong forms, surrogates), control characters but tab and line end,
 * a CR without LF, marks that reorder the line for the eye but not for the machine (bidi), invisible
 * characters, line ends that editors do not count (U+0085, U+2028, U+2029).
 *
 * @out_offset, @out_text, @out_fix  written when false; static strings
 */
bool text_scan(const char *bytes, size_t length, size_t *out_offset, const char **out_text,
	       const char **out_fix);

#endif

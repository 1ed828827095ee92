/* glob.h - one path component of a pattern: `*` `?` `[..]` `{a,b}`, case-folded and NFC-normalised
 *
 * Private to policy/rules. Names are compared as symbols: code points after folding; a byte that is
 * not UTF-8 is a symbol of its own, so a stray byte never lets the rest of a name escape a rule.
 */
#ifndef POLICY_RULES_GLOB_H
#define POLICY_RULES_GLOB_H

#include "policy/base.h"

#define GLOB_ALTERNATIVES_LIMIT 256  /* of one component, after its braces are spread out */
#define GLOB_LENGTH_LIMIT	1024 /* bytes of one component */
/* Symbols a name of @length bytes can become: U+0390 is 2 bytes and 3 code points; 4 is safe. */
#define GLOB_ROOM(length)      ((length)*4 + 4)
#define GLOB_BYTE_SYMBOL(byte) (0x110000u + (byte)) /* a byte that is not UTF-8 */

/*
 * glob_fold - the symbols of a name: NFC, case-folded (Unicode full folding, utf8proc)
 *
 * @out_symbols  room for GLOB_ROOM(length)
 *
 * BL_OK; BL_NO_MEMORY when folding fails or does not fit.
 */
enum bl_status glob_fold(const char *bytes, size_t length, uint32_t *out_symbols,
			 size_t *out_count) BL_MUST_CHECK;

struct glob; /* immutable */

/*
 * glob_new - a matcher for one component
 *
 * BL_OK, BL_NO_MEMORY, BL_INVALID (unbalanced or empty brackets, too many alternatives, too long,
 * "." or ".."): @why says which.
 */
enum bl_status glob_new(const char *text, size_t length, struct glob **out_glob,
			struct bl_error *why) BL_MUST_CHECK;
void glob_free(struct glob *glob);
BL_DEFINE_CLEANUP(struct glob, glob_free)

bool glob_match(const struct glob *glob, const uint32_t *symbols, size_t count);
bool glob_is_any(const struct glob *glob); /* "*" */
/* glob_literal - the symbols when it can match one name only, else NULL */
const uint32_t *glob_literal(const struct glob *glob, size_t *out_count);
/* glob_text - as written */
const char *glob_text(const struct glob *glob, size_t *out_length);

/*
 * glob_next - cut the next component off a path pattern or a path
 *
 * @at  moves behind the component; slashes before it are skipped. False at the end.
 */
bool glob_next(const char **at, const char **out_text, size_t *out_length);

/* What path patterns come to once their braces are spread out. */
struct glob_size {
	size_t symbols;
	size_t alternatives; /* of components that have more than one */
};

/*
 * glob_check - is this path pattern one that rules_compile takes?
 *
 * @size  what it comes to is added
 *
 * BL_OK, BL_INVALID, BL_NO_MEMORY. "**" is a whole component.
 */
enum bl_status glob_check(const char *pattern, struct glob_size *size,
			  struct bl_error *why) BL_MUST_CHECK;

/* glob_match_id - device ids: bytes, case-sensitive, `*` and `?` only */
bool glob_match_id(const char *pattern, const char *id);

#endif

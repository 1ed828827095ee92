/* choose-match.h - path patterns against the names of a walk, as states; private to fs/image/choose*
 *
 * A state is what all patterns together say of one path. Equal states have one number, so that a walk keeps four bytes
 * for each folder that waits, and knows a folder it met before in the same state.
 */
#ifndef FS_IMAGE_CHOOSE_MATCH_H
#define FS_IMAGE_CHOOSE_MATCH_H

#include "fs/image/choose.h"

#define CHOOSE_SLOTS  1024u  /* components of all patterns, and their ends */
#define CHOOSE_STATES 65536u /* of one choice: a hostile tree cannot make more */

/* What the patterns say of one name; a file with several names has several. */
enum choose_verdict {
	CHOOSE_KEPT = 1,
	CHOOSE_WITHOUT = 2, /* `without` matches, and `only` would have kept it */
	CHOOSE_OTHER = 4,   /* `only` does not match */
};

struct choose_match;

/*
 * choose_match_new - compile the patterns; of @choice and @image nothing is kept. @image NULL: only to see whether they are some
 *
 * @image  for the names of its volumes
 * BL_OK, BL_INVALID (@why names the pattern), BL_NO_MEMORY
 */
enum bl_status choose_match_new(const struct image *image, const struct image_choice *choice,
				struct choose_match **out_match,
				struct bl_error *why) BL_MUST_CHECK;
void choose_match_free(struct choose_match *match);
BL_DEFINE_CLEANUP(struct choose_match, choose_match_free)

/* Both: BL_OK, BL_TOO_LARGE (over CHOOSE_STATES), BL_NO_MEMORY. A name is IMAGE_NAME_LIMIT bytes at most. */
enum bl_status choose_match_root(struct choose_match *match, size_t volume, uint32_t *out_state,
				 struct bl_error *why) BL_MUST_CHECK;
enum bl_status choose_match_step(struct choose_match *match, uint32_t state, const char *name,
				 size_t length, uint32_t *out_state,
				 struct bl_error *why) BL_MUST_CHECK;

enum choose_verdict choose_match_verdict(const struct choose_match *match, uint32_t state);
/* choose_match_is_settled - is this path kept, and all that could lie below it? */
bool choose_match_is_settled(const struct choose_match *match, uint32_t state);

#endif

/* mask.h - spans out, bytes replaced: same length, newlines kept, UTF-8 stays UTF-8
 *
 * Styles are those of the policy language. A style that does not fit a class, or that would leave more than
 * half of a span, is fill. Never a value that passes its own checksum.
 */
#ifndef POLICY_MASK_MASK_H
#define POLICY_MASK_MASK_H

#include "policy/base.h"
#include "policy/detect/detect.h"
#include "policy/words.h"

#define MASK_KEY 32 /* bytes; per device, for tokens and name marks (keyed BLAKE2b) */

struct mask {
	/* enum bl_style per class, as rules_styles or rules_shows gives them; STYLE_ORIGINAL leaves a class as it is */
	uint8_t styles[CLASS_LIMIT];
	uint8_t key[MASK_KEY];
};

/*
 * mask_window - mask one window in place
 *
 * @bytes, @lead, @core, @tail, @offset  as given to detect_scan, but lead and tail may be as short as
 *         DETECT_MARGIN (or all there is); only the core is changed
 * @spans  what detect_scan gave for this window
 *
 * A chain of overlapping spans is one union in the strictest style. Pure function of the window's bytes,
 * its spans and @mask: same bytes whoever asks. Never fails, allocates nothing. A chain is left as it is when all
 * its spans are STYLE_ORIGINAL and it is not longer than DETECT_MARGIN: what a longer one hides cannot be known here.
 */
void mask_window(const struct mask *mask, uint8_t *bytes, size_t lead, size_t core, size_t tail,
		 uint64_t offset, const struct detect_spans *spans);

/*
 * mask_look - the same for what detect_look gave: bytes of any charset and transfer encoding
 *
 * @bytes    from lead to tail, as long as detect_look had them (DETECT_LEAD and DETECT_TAIL, or all there is); the core is changed
 * @pieces   as detect_look gave them
 * @work     buffers of this thread
 *
 * What is written in quads or escapes is decoded, masked and written back with the same bytes in the same places: same length, and still
 * decodable. BL_OK, BL_NO_MEMORY (the core is then filled with '*' of its charset).
 */
enum bl_status mask_look(const struct mask *mask, const struct detect_pieces *pieces,
			 uint8_t *bytes, size_t lead, size_t core, size_t tail, uint64_t offset,
			 const struct detect_spans *spans, struct detect_work *work) BL_MUST_CHECK;

/*
 * mask_name - what a file name looks like in this view
 *
 * @node_id  the node's number on its device: the mark is keyed BLAKE2b of it, never of the value
 * @out      at least MASK_NAME_SIZE bytes, NUL-terminated, at most 255 bytes, never "", ".", ".." and
 *           without '/'; equal to @name when @spans is empty
 *
 * STYLE_ORIGINAL is fill here: originals are contents, never names. A masked name always carries its mark, "~" and MASK_MARK characters of a-z2-7 before the extension, so it is
 * unique in its directory, stable, and mask_name_mark finds its way back. Returns true when the name was masked.
 */
#define MASK_NAME_SIZE 256
#define MASK_MARK      10
bool mask_name(const struct mask *mask, const char *name, size_t length,
	       const struct detect_spans *spans, uint64_t node_id, char out[MASK_NAME_SIZE]);

/* mask_mark - the mark of a node: MASK_MARK characters and a NUL */
void mask_mark(const uint8_t key[MASK_KEY], uint64_t node_id, char out[MASK_MARK + 1]);

/* mask_name_mark - the mark inside a masked name, or NULL when it has none; points into @name */
const char *mask_name_mark(const char *name, size_t length);

#endif

/* broken-image.h - an input of the fuzz target `reader`: one of the images of tests/fuzz/images, and what is broken in it
 *
 * One byte, which image; then patches until the end: where (four bytes, little endian), how many bytes (one), the bytes. What lies
 * behind the image's end, or is cut short, is left out. So a corpus is small, and says what matters.
 */
#ifndef TESTS_FUZZ_IMAGES_BROKEN_IMAGE_H
#define TESTS_FUZZ_IMAGES_BROKEN_IMAGE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

/* broken_image_count - how many images there are; _name: static */
size_t broken_image_count(void);
const char *broken_image_name(size_t index);

/*
 * broken_image_make - the image that @input says, in memory that is kept between calls: one at a time
 *
 * NULL: no input.
 */
const uint8_t *broken_image_make(const uint8_t *input, size_t length, size_t *out_bytes);

/* broken_image_piece - the @index-th piece of what is not zero in an image, and so worth breaking; false: there are not so many */
bool broken_image_piece(size_t image, size_t index, uint32_t *out_offset, uint32_t *out_length);

#endif

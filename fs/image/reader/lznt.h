/* lznt.h - NTFS's compression; private to fs/image/reader. Source: [MS-XCA] 2.5. Pure, hostile input. */
#ifndef FS_IMAGE_READER_LZNT_H
#define FS_IMAGE_READER_LZNT_H

#include "policy/base.h"

#define LZNT_CHUNK 4096u /* bytes that one chunk unpacks to, at most */

/*
 * lznt_unpack - one compression unit
 *
 * @out  all @out_length bytes of it are written: a chunk that ends early, and chunks that are not there, are zeros
 *
 * 0, EIO (no such form, or it says more than a chunk can hold).
 */
int lznt_unpack(const uint8_t *in, size_t in_length, uint8_t *out, size_t out_length) BL_MUST_CHECK;

#endif

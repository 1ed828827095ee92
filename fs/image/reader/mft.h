/* mft.h - one record of NTFS's MFT as bytes: where resident contents lie in it; private to fs/image/reader
 *
 * Layout: "NTFS Documentation" of the Linux-NTFS project (FILE record, attribute header, fix-up). Pure, hostile input.
 */
#ifndef FS_IMAGE_READER_MFT_H
#define FS_IMAGE_READER_MFT_H

#include "policy/base.h"

#define MFT_STRIDE	 512u /* the last two bytes of each are kept in the update sequence array */
#define MFT_RECORD_LIMIT 4096u

/* @from, @to in the record as it lies on the disk; returns 0 or an errno that ends the walk */
typedef int mft_range_fn(void *context, size_t from, size_t to);

/*
 * mft_unfix - check a record's form and put the last two bytes of each stride back
 *
 * @record  @size bytes, a multiple of MFT_STRIDE up to MFT_RECORD_LIMIT
 * 0, EIO.
 */
int mft_unfix(uint8_t *record, size_t size) BL_MUST_CHECK;

/* mft_base - the record that an unfixed one is an extension of; 0: it is one of its own */
uint64_t mft_base(const uint8_t *record);

/*
 * mft_places - what of the record may hold contents: resident $DATA values, and what lies behind the last attribute, where
 * the value of a file that grew may be left
 *
 * @out_count, @out_bytes  resident $DATA attributes in it, and their values' bytes
 * 0, EIO, or what @tell returned.
 */
int mft_places(const uint8_t *record, size_t size, mft_range_fn *tell, void *context,
	       size_t *out_count, uint64_t *out_bytes) BL_MUST_CHECK;

#endif

/* mft.h - what NTFS writes, as bytes: records, attributes, lists of runs, folders; private to fs/image/reader
 *
 * Layout: "NTFS Documentation" of the Linux-NTFS project (FILE record, attribute header, fix-up, attribute list, data runs,
 * index). Pure, hostile input: no pointer that is handed out leaves the bytes that were handed in.
 */
#ifndef FS_IMAGE_READER_MFT_H
#define FS_IMAGE_READER_MFT_H

#include "policy/base.h"

#define MFT_STRIDE	 512u /* the last two bytes of each are kept in the update sequence array */
#define MFT_RECORD_LIMIT 4096u
#define MFT_BLOCK_LIMIT	 65536u /* of an index block */

#define MFT_NUMBER(reference)	((reference) & ((UINT64_C(1) << 48) - 1))
#define MFT_SEQUENCE(reference) ((uint16_t)((reference) >> 48))

enum mft_type {
	MFT_STANDARD = 0x10,
	MFT_LIST = 0x20,
	MFT_DATA = 0x80,
	MFT_INDEX_ROOT = 0x90,
	MFT_INDEX_BLOCKS = 0xa0,
	MFT_BITMAP = 0xb0,
	MFT_REPARSE = 0xc0,
};

#define MFT_COMPRESSED 0x00ffu /* attribute flags: which way, 1 is the only one there is */
#define MFT_ENCRYPTED  0x4000u

/* @from, @to in the record as it lies on the disk; returns 0 or an errno that ends the walk */
typedef int mft_range_fn(void *context, size_t from, size_t to);

/*
 * mft_unfix, mft_unfix_block - check the form of a record, of an index block, and put the last two bytes of each stride back
 *
 * @size  a multiple of MFT_STRIDE up to MFT_RECORD_LIMIT, MFT_BLOCK_LIMIT
 * 0, EIO.
 */
int mft_unfix(uint8_t *record, size_t size) BL_MUST_CHECK;
int mft_unfix_block(uint8_t *block, size_t size) BL_MUST_CHECK;

/* Of an unfixed record. */
uint64_t
mft_base(const uint8_t
		 *record); /* reference of the one it is an extension of; 0: it is one of its own */
uint16_t mft_sequence(const uint8_t *record);
uint16_t mft_links(const uint8_t *record);
bool mft_is_used(const uint8_t *record);
bool mft_is_folder(const uint8_t *record);

struct mft_attribute {
	uint32_t type;
	uint16_t flags, id;
	bool is_resident;
	uint8_t name_length; /* UTF-16 units */
	uint8_t unit_shift;  /* clusters of a compression unit, as a power of two; 0: none */
	const uint8_t *name;
	size_t at, length;    /* in the record */
	const uint8_t *value; /* resident */
	size_t value_length;
	uint64_t first_vcn, last_vcn; /* else: clusters of the stream that this part is about */
	uint64_t size, written;	      /* bytes; only of the first part */
	const uint8_t *pairs;
	size_t pairs_length;
};

/*
 * mft_next - the attribute at *inout_at (0: the first one), and on to the next
 *
 * 0, ENOENT (that was the last), EIO.
 */
int mft_next(const uint8_t *record, size_t size, size_t *inout_at,
	     struct mft_attribute *out) BL_MUST_CHECK;

/* One run of a stream: @count clusters from @vcn on lie at @lcn, or nowhere. */
struct mft_run {
	uint64_t vcn, lcn, count;
	bool is_hole;
};

struct mft_pairs {
	const uint8_t *at, *end;
	uint64_t vcn, lcn;
};
void mft_pairs_init(struct mft_pairs *pairs, const struct mft_attribute *attribute);
/* mft_next_run - 0, ENOENT (that was the last), EIO (no such number, or not below @clusters) */
int mft_next_run(struct mft_pairs *pairs, uint64_t clusters, struct mft_run *out) BL_MUST_CHECK;

/* One entry of an attribute list: where a part of a stream is described. */
struct mft_listed {
	uint32_t type;
	uint16_t id;
	uint8_t name_length;
	const uint8_t *name;
	uint64_t reference; /* of the record */
	uint64_t first_vcn;
};
/* mft_next_listed - 0, ENOENT (that was the last), EIO */
int mft_next_listed(const uint8_t *list, size_t length, size_t *inout_at,
		    struct mft_listed *out) BL_MUST_CHECK;

/* One name in a folder. */
struct mft_entry {
	uint64_t reference;
	bool is_short; /* a DOS name: the file has a longer one beside it */
	uint8_t name_length;
	const uint8_t *name;
};
/*
 * mft_next_entry - the entries of an index node, @node from its node header on
 *
 * *inout_at 0: the first one. 0, ENOENT (that was the last), EIO.
 */
int mft_next_entry(const uint8_t *node, size_t length, size_t *inout_at,
		   struct mft_entry *out) BL_MUST_CHECK;

/*
 * mft_places - what of the record may hold contents: resident $DATA values, and what lies behind the last attribute, where
 * the value of a file that grew may be left
 *
 * 0, EIO, or what @tell returned.
 */
int mft_places(const uint8_t *record, size_t size, mft_range_fn *tell, void *context) BL_MUST_CHECK;
/* mft_value_places - the same of the value of one resident attribute alone */
int mft_value_places(const uint8_t *record, const struct mft_attribute *attribute,
		     mft_range_fn *tell, void *context) BL_MUST_CHECK;
/* mft_pair_at - where the two bytes lie that belong at the end of stride @stride */
size_t mft_pair_at(const uint8_t *record, size_t stride);

#endif

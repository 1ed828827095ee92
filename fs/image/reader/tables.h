/* tables.h - partition tables as we read them ourselves; private to tables*.c */
#ifndef FS_IMAGE_READER_TABLES_H
#define FS_IMAGE_READER_TABLES_H

#include "fs/image/reader/reader.h"

#define TABLE_SECTOR 512

/*
 * What a table says, in units of its own as libtsk gives it too, so that the two can be compared; partitions in the order in
 * which they are listed.
 */
struct table {
	struct table_part parts[READER_VOLUMES];
	struct volume volumes[READER_VOLUMES]; /* where each lies in the image, and its number */
	size_t count, listed;		       /* of parts, of volumes: not every part is one */
	const char *trouble;		       /* why it cannot be trusted; static */
	unsigned sector;		       /* bytes of its units */
	bool is_checked;		       /* by checksums of its own, all of which hold */
	bool is_second;			       /* the copy at the end of the disk */
	bool is_partial; /* a chain in it is damaged: more was listed there, perhaps */
};

/* table_add - a part as libtsk must see it too. false: too many, and trouble says so */
bool table_add(struct table *table, uint64_t start, uint64_t sectors);
/* table_list - a volume at @start; trouble NULL: to be opened. false: as above */
bool table_list(struct table *table, uint64_t start, uint64_t sectors, uint32_t number,
		const char *trouble);

/*
 * gpt_read, map_read, label_read - GPT (UEFI specification 2.10, 5.3), Apple partition map (Inside Macintosh: Devices, 3),
 * BSD disklabel (sys/disklabel.h of 4.4BSD)
 *
 * @has_second  the copy at the end of the image may be taken when the first one is damaged
 *
 * False: there is no such table. True: there is one, and table->trouble says whether it can be trusted.
 */
bool gpt_read(struct blocks *blocks, bool has_second, struct table *table);
bool map_read(struct blocks *blocks, const uint8_t *sector, struct table *table);

/* Where a label may be, in sectors: a DOS partition, or the whole image, of type 0. */
struct label_place {
	uint64_t start, sectors;
	uint8_t type; /* of the DOS entry */
};
bool label_read(struct blocks *blocks, const struct label_place *place, struct table *table);

#endif

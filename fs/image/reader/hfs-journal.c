/* HFS+: what is in the journal only, nobody here plays back (Apple TN1150, "Journal"). */
#include "fs/image/reader/reader.h"

#include <string.h>

#define HEADER	     1024 /* of the volume */
#define IS_JOURNALED (1u << 13)
#define IN_VOLUME    1u
#define NEEDS_INIT   4u

static uint32_t big32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t big64(const uint8_t *p)
{
	return (uint64_t)big32(p) << 32 | big32(p + 4);
}

/* Its header: of the byte order of the machine that wrote it; empty when it ends where it starts. */
static bool is_empty(const uint8_t *journal)
{
	if (!memcmp(journal, "JNLx", 4) && big32(journal + 4) == 0x12345678u)
		return big64(journal + 8) == big64(journal + 16);
	if (!memcmp(journal, "xLNJ", 4) && bl_get32(journal + 4) == 0x12345678u)
		return bl_get64(journal + 8) == bl_get64(journal + 16);
	return false;
}

const char *hfs_journal(struct blocks *blocks, uint64_t offset, uint64_t length)
{
	static const char unknown[] = "HFS+ whose journal is damaged or elsewhere";
	uint8_t volume[64], info[52], journal[24];

	if (length < HEADER + sizeof(volume) ||
	    blocks_read(blocks, offset + HEADER, volume, sizeof(volume)))
		return unknown;
	if (!(big32(volume + 4) & IS_JOURNALED))
		return NULL;
	uint64_t at = (uint64_t)big32(volume + 12) * big32(volume + 40);
	if (at > length - sizeof(info) || blocks_read(blocks, offset + at, info, sizeof(info)))
		return unknown;
	/* Not made yet: then nothing was written to it. */
	if (big32(info) & NEEDS_INIT)
		return NULL;
	at = big64(info + 36);
	if (!(big32(info) & IN_VOLUME) || at > length - sizeof(journal) ||
	    blocks_read(blocks, offset + at, journal, sizeof(journal)))
		return unknown;
	return is_empty(journal)
		       ? NULL
		       : "HFS+ with an unclean journal, which is not played back by this version";
}

/*
 * attributes.c - do those who list want more than names?
 *
 * The kernel asks for attributes with the first names of every folder (READDIRPLUS_AUTO) and makes an inode of each, which is most of the
 * work of a walk that only wants names (measured: 20,000 names in 131 to 140 ms with, 76 to 98 without). It never says whether
 * anybody used them: so now and then one file is told by its name alone, and whoever wants it looks it up.
 */
#include "fs/serve/private.h"

#define SAMPLE_EVERY 8 /* folders */
#define FOLDERS	     64 /* listed, and in none of them a file looked up: names are all that is wanted */

enum attributes attributes_wanted(atomic_uint *listed)
{
	unsigned count = atomic_load(listed);

	/* Two at once may be counted as one, which does no harm. */
	if (count >= FOLDERS)
		return ATTRIBUTES_FOLDERS;
	atomic_store(listed, count + 1);
	return count % SAMPLE_EVERY == 0 ? ATTRIBUTES_SAMPLE : ATTRIBUTES_ALL;
}

/* The next sample is some folders off: who looks at everything pays for one file in many. */
void attributes_used(atomic_uint *listed)
{
	if (atomic_load(listed) != 1)
		atomic_store(listed, 1);
}

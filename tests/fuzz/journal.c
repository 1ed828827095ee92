/* A journal says what is overwritten: whatever decodes must be something that the steps can stand on. */
#include <sodium.h>
#include <stdlib.h>

#include "fs/retention/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_files(const struct journal *journal)
{
	for (size_t i = 0; i < journal->file_count; i++) {
		const struct shred_file *file = &journal->files[i];
		uint64_t at = 0;

		if (file->path[0] != '/' || !file->size || file->fd != -1 ||
		    (journal->step <= STEP_VERIFY && !file->has_pattern))
			abort();
		for (size_t k = 0; k < file->layout.count; k++) {
			if (file->layout.items[k].logical != at)
				abort();
			at += file->layout.items[k].length;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct journal journal;
	uint64_t end = 0;

	if (sodium_init() < 0)
		abort();
	if (!journal_decode((const char *)bytes, length, &journal))
		return 0;
	if (!machine_has(journal.kind, journal.step) || journal.file_count > SHRED_FILES ||
	    journal.approval_count > DEVICE_APPROVALS)
		abort();
	check_files(&journal);
	for (size_t i = 0; i < journal.place_count; i++) {
		if (journal.places[i].offset < end)
			abort();
		end = journal.places[i].offset + journal.places[i].length;
	}
	journal_done(&journal);
	return 0;
}

/* Any bytes as a block of a medium: both twins see the same text, the scanner takes all of it, what is found lies inside, in order and
 * once, and no signature is looked for where there are no bytes */
#include <stdlib.h>
#include <string.h>

#include "fs/inspect/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST ((size_t)256 << 10)

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_runs(const uint8_t *bytes, size_t length)
{
	struct inspect_runs plain, fast;

	if (inspect_runs_init(&plain, MOST) != BL_OK || inspect_runs_init(&fast, MOST) != BL_OK)
		abort();
	inspect_runs_look(&plain, bytes, length, inspect_kinds_plain);
	inspect_runs_look(&fast, bytes, length,
			  inspect_kinds_has_avx2() ? inspect_kinds_avx2 : inspect_kinds_plain);
	require(memcmp(plain.memory, fast.memory, plain.memory_words * sizeof(*plain.memory)) == 0);
	for (unsigned r = 0; r < READING_COUNT; r++)
		for (unsigned parity = 0; parity < (r == READING_UTF8 ? 1 : 2); parity++) {
			struct inspect_run_of_text run;
			size_t at = 0, behind = 0;

			while (inspect_runs_next(&plain, bytes, (enum inspect_reading)r, parity,
						 &at, &run)) {
				require(run.from >= behind && run.to <= length);
				require(run.to - run.from >= (r ? 2 : 1) * (size_t)INSPECT_RUN);
				require(!r || (run.from % 2 == parity && run.to % 2 == parity));
				behind = run.to;
			}
		}
	inspect_runs_done(&plain);
	inspect_runs_done(&fast);
}

static void check_findings(struct inspect_text *text, const uint8_t *bytes, size_t length,
			   size_t from, size_t to, size_t *inout_total)
{
	const struct inspect_finding *items;
	size_t count;

	require(inspect_text_look(text, bytes, length, from, to, MOST, &items, &count, NULL) ==
		BL_OK);
	for (size_t i = 0; i < count; i++) {
		uint64_t at = items[i].offset - MOST;

		require(at >= from && at < to && items[i].length > 0);
		require(at + items[i].length <= length && items[i].class < CLASS_LIMIT);
		require(i == 0 || items[i].offset >= items[i - 1].offset);
	}
	*inout_total += count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct detect_identity known[] = {
		{IDENTITY_NAME, "Quillon Ferrowby", false},
		{IDENTITY_EMAIL, "kim@example.com", false},
		{IDENTITY_PHONE, "+44 7700 900123", false},
	};
	BL_CLEANUP(detect_scanner_free) struct detect_scanner *scanner = NULL;
	BL_CLEANUP(inspect_text_free) struct inspect_text *text = NULL;
	struct inspect_found_sign found[INSPECT_SIGNS_AT];
	size_t whole = 0, parts = 0;

	length = BL_MIN(length, MOST);
	if (length == 0)
		return 0;
	check_runs(bytes, length);
	if (detect_scanner_new(UINT64_MAX, NULL, known, BL_COUNT(known), &scanner, NULL) != BL_OK ||
	    inspect_text_new(scanner, &text) != BL_OK)
		return 0;
	/* What begins in either half is what begins in the whole. */
	check_findings(text, bytes, length, 0, length, &whole);
	check_findings(text, bytes, length, 0, length / 2, &parts);
	check_findings(text, bytes, length, length / 2, length, &parts);
	require(whole == parts);
	require(inspect_signs_at(bytes, length, 0, true, found) <= INSPECT_SIGNS_AT);
	require(inspect_signs_end(bytes, length, length, found) <= INSPECT_SIGNS_AT);
	return 0;
}

/*
 * Speed of finding and of masking: synthetic mail, clean prose, random letters; one core, a known customer. detect.dictionary_5000: mail
 * with 5,000 known people beside it; detect.vs_vectorscan_regex: finding alone against libvectorscan with patterns of the same kinds, on
 * the same bytes; "detect FILE" writes the mail, finds the seven kinds of tests/bench/run.sh in it and says in how many seconds.
 */
#include <hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/detect/detect.h"
#include "policy/mask/mask.h"

#define FILE_SIZE ((size_t)64 << 20)
#define ROUNDS	  5

static const struct detect_identity customer[] = {
	{IDENTITY_NAME, "Kim Miller", false},
	{IDENTITY_EMAIL, "kim.miller@example.com", false},
	{IDENTITY_PHONE, "+44 7700 900123", false},
	{IDENTITY_ADDRESS, "12 Harbour Street, Testville, TV1 2AB", false},
};

static const char *const words[] = {
	"the",	    "of",      "order",	 "please",  "and",	"delivery", "week",   "we",
	"have",	    "meeting", "about",	 "project", "invoice",	"to",	    "for",    "regards",
	"tomorrow", "you",     "report", "send",    "attached", "is",	    "in",     "question",
	"that",	    "this",    "would",	 "kitchen", "moved",	"paint",    "window", "river",
	"market",   "monday",  "lunch",	 "ticket",
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

#define HEADER_EVERY 2048 /* a message: its header and some thirty lines */
static const char header[] = "\n\nFrom: \"A. Person\" <a.person@example.org>\n"
			     "To: kim.miller@example.com\n"
			     "Date: Mon, 2 Mar 2026 10:11:12 +0000\n"
			     "Message-ID: <20260302101112.GA1234@mail.example.org>\n"
			     "Subject: your order 104233\n\n";

/* Lines of about 70 bytes; every @every-th word is a piece of @extra instead. */
static void make_text(uint8_t *out, const char *const *extra, size_t extras, unsigned every)
{
	uint32_t seed = 5;
	size_t at = 0, line = 0, message = 0;

	while (at < FILE_SIZE) {
		uint32_t pick = next_random(&seed);
		const char *word = every && pick % every == 0 ? extra[pick / every % extras]
							      : words[pick % BL_COUNT(words)];

		if (every && at >= message) {
			word = header;
			message = at + HEADER_EVERY;
			line = 0;
		}

		size_t length = BL_MIN(strlen(word), FILE_SIZE - at);

		memcpy(out + at, word, length);
		at += length;
		line += length + 1;
		if (at < FILE_SIZE)
			out[at++] = line > 70 ? '\n' : ' ';
		if (line > 70)
			line = 0;
	}
}

static void make_random(uint8_t *out)
{
	uint32_t seed = 9;

	for (size_t i = 0; i < FILE_SIZE; i++)
		out[i] = (uint8_t)(' ' + next_random(&seed) % 95);
}

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Seconds to scan and mask the first @size bytes of @file; -1 when a window fails. */
static double run(const struct detect_scanner *scanner, const uint8_t *file, size_t size,
		  struct detect_spans *spans)
{
	static const struct mask mask; /* everything is fill */
	double start = now();
	uint8_t *copy = malloc(DETECT_WINDOW + 2 * (size_t)DETECT_MARGIN);

	for (size_t at = 0; copy && at < size; at += DETECT_WINDOW) {
		struct detect_window window = {.core = BL_MIN(size - at, (size_t)DETECT_WINDOW),
					       .lead = BL_MIN(at, (size_t)DETECT_LEAD),
					       .offset = at};
		size_t lead = BL_MIN(at, (size_t)DETECT_MARGIN), tail;

		window.tail = BL_MIN(size - at - window.core, (size_t)DETECT_TAIL);
		window.bytes = file + at - window.lead;
		if (detect_scan(scanner, &window, spans) != BL_OK) {
			free(copy);
			return -1;
		}
		tail = BL_MIN(window.tail, (size_t)DETECT_MARGIN);
		memcpy(copy, file + at - lead, lead + window.core + tail);
		mask_window(&mask, copy, lead, window.core, tail, at, spans);
	}
	free(copy);
	return now() - start;
}

/* Seconds to find alone. */
static double find(const struct detect_scanner *scanner, const uint8_t *file, size_t size,
		   struct detect_spans *spans)
{
	double start = now();

	for (size_t at = 0; at < size; at += DETECT_WINDOW) {
		struct detect_window window = {.core = BL_MIN(size - at, (size_t)DETECT_WINDOW),
					       .lead = BL_MIN(at, (size_t)DETECT_LEAD),
					       .offset = at};

		window.tail = BL_MIN(size - at - window.core, (size_t)DETECT_TAIL);
		window.bytes = file + at - window.lead;
		if (detect_scan(scanner, &window, spans) != BL_OK)
			return -1;
	}
	return now() - start;
}

/* ---- the same kinds as patterns ---------------------------------------------------------------- */

#define PATTERN_SIZE ((size_t)4 << 20) /* of the mail */

static const char *const regexes[] = {
	"[a-z0-9._%+-]+@[a-z0-9.-]+\\.[a-z]{2,24}",
	"[a-z][a-z0-9+.-]+://[^\\s/@]+@",
	"\\b(?:4\\d{3}|5[1-5]\\d{2}|6011|3[47]\\d{2})[ -]?\\d{4}[ -]?\\d{4}[ -]?\\d{3,4}\\b",
	"\\b[a-z]{2}\\d{2}(?: ?[a-z0-9]{4}){3,7}(?: ?[a-z0-9]{1,3})?\\b",
	"\\b\\d{3}-\\d{2}-\\d{4}\\b",
	"\\b9\\d{2}-[5-9]\\d-\\d{4}\\b",
	"\\b[a-ceghj-prstw-z][a-ceghj-nprstw-z] ?\\d{2} ?\\d{2} ?\\d{2} ?[a-d]\\b",
	"\\b\\d{3}[ -]\\d{3}[ -]\\d{4}\\b",
	"\\b[a-z]{6}\\d{2}[a-z]\\d{2}[a-z]\\d{3}[a-z]\\b",
	"\\b[xyz]?\\d{7,8}[a-z]\\b",
	"\\b\\d{6}[-+a]\\d{3}[a-z0-9]\\b",
	"\\b\\d{6}[-+]?\\d{4}\\b",
	"\\b\\d{3}\\.\\d{3}\\.\\d{3}-\\d{2}\\b",
	"\\b\\d{2}\\.\\d{3}\\.\\d{3}/\\d{4}-\\d{2}\\b",
	"\\b[a-z]{5}\\d{4}[a-z]\\b",
	"\\b[2-9]\\d{3} ?\\d{4} ?\\d{4}\\b",
	"\\b[stfgm]\\d{7}[a-z]\\b",
	"\\bpassport.{0,30}\\b[a-z]{0,2}\\d{6,9}\\b",
	"\\b(?:driving|driver).{0,30}\\b[a-z0-9]{6,16}\\b",
	"\\b(?:tel|phone|mobile|fax|call).{0,20}\\+?[0-9() ./-]{7,20}",
	"\\+\\d{1,3}[ -]?(?:\\(?\\d{1,4}\\)?[ -]?){2,5}\\d{2,4}",
	"\\(?\\d{3}\\)?[ .-]\\d{3}[ .-]\\d{4}\\b",
	"\\b0\\d{2,4}[ /-]\\d{3,4}[ -]?\\d{3,4}\\b",
	"\\b(?:\\d{1,3}\\.){3}\\d{1,3}\\b",
	"\\b(?:[0-9a-f]{1,4}:){2,7}[0-9a-f]{1,4}\\b",
	"\\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\\b",
	"\\b(?:[0-9a-f]{4}\\.){2}[0-9a-f]{4}\\b",
	"-----begin [a-z ]{0,20}private key-----",
	"\\beyj[a-z0-9_-]{10,}\\.[a-z0-9_-]{10,}\\.[a-z0-9_-]{10,}",
	"\\b(?:ghp|gho|ghs|glpat|xox[abp])[-_][a-z0-9_-]{20,40}\\b",
	"\\bakia[0-9a-z]{16}\\b",
	"\\b(?:password|passwd|pwd|pin)[ :=]{1,3}\\S{4,}",
	"\\b[a-hj-npr-z0-9]{17}\\b",
	"\\b\\d{2}-?\\d{6}-?\\d{6}-?\\d\\b",
	"\\b89\\d{17,18}\\b",
	"\\b-?\\d{1,3}\\.\\d{4,8}, ?-?\\d{1,3}\\.\\d{4,8}\\b",
	"\\b(?:1|3|bc1)[a-z0-9]{25,60}\\b",
	"\\b(?:born|dob|birth).{0,20}\\d{1,4}[-./ ]\\d{1,2}[-./ ]\\d{1,4}\\b",
	"\\b(?:mr|mrs|ms|dr|dear)\\.? [a-z]{2,20}(?: [a-z]{2,20})?\\b",
	"\\b\\d{1,4} [a-z]{3,20} (?:street|road|avenue|lane|drive)\\b",
};

static int count_match(unsigned id BL_UNUSED, unsigned long long from BL_UNUSED,
		       unsigned long long to BL_UNUSED, unsigned flags BL_UNUSED, void *context)
{
	++*(uint64_t *)context;
	return 0;
}

/* How many times faster than all of them at once; 0 when the matcher does not run here. */
static double against_patterns(const struct detect_scanner *scanner, const uint8_t *file,
			       struct detect_spans *spans)
{
	unsigned flags[BL_COUNT(regexes)], ids[BL_COUNT(regexes)];
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;
	hs_scratch_t *scratch = NULL;
	double ours = 1e9, theirs = 1e9;
	uint64_t matches = 0;

	for (unsigned i = 0; i < BL_COUNT(regexes); i++) {
		flags[i] = HS_FLAG_CASELESS | HS_FLAG_SOM_LEFTMOST;
		ids[i] = i;
	}
	if (hs_compile_multi(regexes, flags, ids, BL_COUNT(regexes), HS_MODE_BLOCK, NULL, &database,
			     &error) != HS_SUCCESS ||
	    hs_alloc_scratch(database, &scratch) != HS_SUCCESS) {
		fprintf(stderr, "patterns: %s\n", error ? error->message : "no memory");
		return 0;
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		double seconds = find(scanner, file, PATTERN_SIZE, spans), start = now();

		ours = BL_MIN(ours, seconds);
		for (size_t at = 0; at < PATTERN_SIZE; at += DETECT_WINDOW)
			if (hs_scan(database, (const char *)file + at, DETECT_WINDOW, 0, scratch,
				    count_match, &matches) != HS_SUCCESS)
				return 0;
		theirs = BL_MIN(theirs, now() - start);
	}
	hs_free_scratch(scratch);
	hs_free_database(database);
	return theirs / ours;
}

/* ---- many people ------------------------------------------------------------------------------- */

#define PEOPLE 5000

/* Nobody's names: syllables in a row. */
static void make_name(size_t number, char out[64])
{
	static const char *const first[] = {"Ka", "Lo", "Mi", "Re", "Su",
					    "Ta", "Vi", "Jo", "Ne", "Ba"};
	static const char *const last[] = {"ren", "las",  "min",  "dor",
					   "vek", "ston", "gard", "holm"};

	snprintf(out, 64, "%s%s %s%s%s", first[number % 10], last[number / 10 % 8],
		 first[number / 80 % 10], last[number / 800 % 8],
		 number % 3 ? last[number / 7 % 8] : "\u00f6");
}

static enum bl_status make_crowd(struct detect_scanner **out)
{
	static struct detect_identity people[BL_COUNT(customer) + PEOPLE];
	static char names[PEOPLE][64];

	memcpy(people, customer, sizeof(customer));
	for (size_t i = 0; i < PEOPLE; i++) {
		make_name(i, names[i]);
		people[BL_COUNT(customer) + i] =
			(struct detect_identity){IDENTITY_NAME, names[i], true};
	}
	return detect_scanner_new(detect_supported(), NULL, people, BL_COUNT(people), out, NULL);
}

/* For run.sh: the seven kinds that grep looks for there. */
static int write_and_find(const char *path, const uint8_t *file)
{
	bl_classes classes = CLASS_BIT(CLASS_EMAIL) | CLASS_BIT(CLASS_CARD) |
			     CLASS_BIT(CLASS_IBAN) | CLASS_BIT(CLASS_PHONE) |
			     CLASS_BIT(CLASS_NATIONAL_ID) | CLASS_BIT(CLASS_IP) |
			     CLASS_BIT(CLASS_MAC);
	struct detect_scanner *scanner = NULL;
	struct detect_spans spans = {0};
	double best = 1e9;
	FILE *out = fopen(path, "wb");
	bool is_done = out && fwrite(file, 1, FILE_SIZE, out) == FILE_SIZE;

	if (!out || fclose(out) != 0 || !is_done ||
	    detect_scanner_new(classes, NULL, NULL, 0, &scanner, NULL) != BL_OK)
		return 1;
	for (unsigned round = 0; round < ROUNDS; round++) {
		double seconds = find(scanner, file, FILE_SIZE, &spans);

		if (seconds < 0)
			return 1;
		best = BL_MIN(best, seconds);
	}
	printf("%.6f\n", best);
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	return 0;
}

int main(int count, char **arguments)
{
	static const char *const mail[] = {
		"kim@example.com",
		"104233",
		"Kim",
		"202-555-0143",
		"12:30",
		"2026-03-02",
		"https://shop.example/item?id=99281",
		"19.99",
		"7",
		"24",
		"4111 1111 1111 1111",
	};
	static const char *const names[] = {"mail", "clean", "random"};
	static const struct detect_pattern patterns[] = {
		{"NG-[0-9]{8}", CLASS_COUNT},
		{"ST[0-9]{2}-[0-9]{5}", CLASS_COUNT + 1},
		{"(?i)\\bcase(?: no\\.?)? ?[0-9]{4,10}\\b", CLASS_COUNT + 2},
	};
	struct detect_scanner *scanner = NULL, *own = NULL;
	struct detect_custom *custom = NULL;
	struct detect_spans spans = {0};
	uint8_t *files[3];
	struct detect_scanner *crowd = NULL;
	double best[3] = {1e9, 1e9, 1e9}, first = 1e9, with_own = 1e9, with_crowd = 1e9, setup;
	size_t bad;

	for (size_t i = 0; i < 3; i++)
		if (!(files[i] = malloc(FILE_SIZE)))
			return 1;
	make_text(files[0], mail, BL_COUNT(mail), 24);
	if (count > 1)
		return write_and_find(arguments[1], files[0]);
	make_text(files[1], NULL, 0, 0);
	make_random(files[2]);
	setup = now();
	if (make_crowd(&crowd) != BL_OK)
		return 1;
	setup = now() - setup;
	if (detect_scanner_new(detect_supported(), NULL, customer, BL_COUNT(customer), &scanner,
			       NULL) != BL_OK ||
	    detect_custom_new(patterns, BL_COUNT(patterns), &custom, &bad, NULL) != BL_OK ||
	    detect_scanner_new(UINT64_MAX, custom, customer, BL_COUNT(customer), &own, NULL) !=
		    BL_OK)
		return 1;
	for (unsigned round = 0; round < ROUNDS; round++) {
		double seconds = run(scanner, files[0], 128 << 10, &spans);

		first = BL_MIN(first, seconds);
		for (size_t i = 0; i < 3; i++) {
			seconds = run(scanner, files[i], FILE_SIZE, &spans);
			if (seconds < 0)
				return 1;
			best[i] = BL_MIN(best[i], seconds);
		}
		seconds = run(own, files[0], FILE_SIZE, &spans);
		if (seconds < 0)
			return 1;
		with_own = BL_MIN(with_own, seconds);
		seconds = run(crowd, files[0], FILE_SIZE, &spans);
		if (seconds < 0)
			return 1;
		with_crowd = BL_MIN(with_crowd, seconds);
	}
	for (size_t i = 0; i < 3; i++)
		printf("bench: detect.%s_gbps %.3f GB/s\n", names[i],
		       (double)FILE_SIZE / best[i] / 1e9);
	printf("bench: detect.first_128k_ms %.3f ms\n", first * 1e3);
	/* Mail with three classes of the policy's own, and without: time, and what they cost. */
	printf("bench: detect.custom_vs_none %.3f x\n", with_own / best[0]);
	printf("bench: detect.custom_s_per_gb %.3f s\n",
	       (with_own - best[0]) / (double)FILE_SIZE * 1e9);
	printf("bench: detect.setup_ms %.3f ms\n", setup * 1e3);
	printf("bench: detect.dictionary_5000_vs_none %.3f x\n", best[0] / with_crowd);
	printf("bench: detect.vs_vectorscan_regex %.2f x\n",
	       against_patterns(scanner, files[0], &spans));
	detect_spans_free(&spans);
	detect_scanner_free(crowd);
	detect_scanner_free(scanner);
	detect_scanner_free(own);
	detect_custom_unref(custom);
	for (size_t i = 0; i < 3; i++)
		free(files[i]);
	return 0;
}

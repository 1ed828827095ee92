/* Speed of finding and of masking: synthetic mail, clean prose, random letters; one core, a known customer */
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

int main(void)
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
	double best[3] = {1e9, 1e9, 1e9}, first = 1e9, with_own = 1e9;
	size_t bad;

	for (size_t i = 0; i < 3; i++)
		if (!(files[i] = malloc(FILE_SIZE)))
			return 1;
	make_text(files[0], mail, BL_COUNT(mail), 24);
	make_text(files[1], NULL, 0, 0);
	make_random(files[2]);
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
	}
	for (size_t i = 0; i < 3; i++)
		printf("bench: detect.%s_gbps %.3f GB/s\n", names[i],
		       (double)FILE_SIZE / best[i] / 1e9);
	printf("bench: detect.first_128k_ms %.3f ms\n", first * 1e3);
	/* Mail with three classes of the policy's own, and without: time, and what they cost. */
	printf("bench: detect.custom_vs_none %.3f x\n", with_own / best[0]);
	printf("bench: detect.custom_s_per_gb %.3f s\n",
	       (with_own - best[0]) / (double)FILE_SIZE * 1e9);
	detect_spans_free(&spans);
	detect_scanner_free(scanner);
	detect_scanner_free(own);
	detect_custom_unref(custom);
	for (size_t i = 0; i < 3; i++)
		free(files[i]);
	return 0;
}

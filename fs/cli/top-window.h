/* top-window.h - what the last minute's events come to: by second, by person, by device. No clock, no output; private to fs/cli */
#ifndef FS_CLI_TOP_WINDOW_H
#define FS_CLI_TOP_WINDOW_H

#include "policy/base.h"
#include "policy/words.h"

#define TOP_SECONDS 60
#define TOP_NAME    72 /* bytes with NUL; what is longer is cut */
#define TOP_KEYS    48 /* people, and devices; what comes when all are in use is counted as "others" */
#define TOP_DENIALS 32 /* the newest ones */

/* An event as far as it matters here. Texts are anybody's. */
struct top_event {
	int64_t at_unix;
	uint64_t count; /* itself and its repeats */
	uint64_t bytes;
	bool is_denied;				   /* denied, withheld, asked or failed */
	bool is_unmasked;			   /* something was shown unmasked */
	const char *person, *device, *what, *rule; /* device "": none */
};

struct top_sums {
	uint64_t events, denials, bytes, unmasked;
};

struct top_key {
	char name[TOP_NAME];
	char what[24]; /* what it did last */
	int64_t last_unix;
	struct top_sums seconds[TOP_SECONDS];
};

struct top_denial {
	int64_t at_unix;
	uint64_t count;
	char person[TOP_NAME], device[TOP_NAME], what[24], rule[BL_RULE_ID_SIZE];
};

/* Begin with zeros. */
struct top_window {
	int64_t now_unix; /* the second that is being counted */
	struct top_sums seconds[TOP_SECONDS];
	struct top_key people[TOP_KEYS + 1], devices[TOP_KEYS + 1]; /* the last one: others */
	struct top_denial denials[TOP_DENIALS];
	uint64_t denial_count; /* ever */
};

/* top_window_move - it is @now_unix: what is a minute old goes. Earlier than it was: nothing */
void top_window_move(struct top_window *window, int64_t now_unix);
/* top_window_add - an event; one from before the minute counts for nothing, one from the future for now */
void top_window_add(struct top_window *window, const struct top_event *event);

struct top_sums top_window_sums(const struct top_window *window);
/* top_window_second - of the second @back seconds ago, 0 to TOP_SECONDS - 1 */
struct top_sums top_window_second(const struct top_window *window, unsigned back);

enum top_sort { TOP_BY_EVENTS, TOP_BY_BYTES, TOP_BY_DENIALS, TOP_BY_NAME, TOP_SORTS };
struct top_row {
	const char *name, *what; /* borrowed from the window */
	struct top_sums sums;
};
/* top_window_rows - of people, or of devices, those that did something, sorted; how many */
size_t top_window_rows(const struct top_window *window, bool is_people, enum top_sort sort,
		       struct top_row out_rows[TOP_KEYS + 1]);
/* top_window_denial - the @index-th newest; NULL: there are no more */
const struct top_denial *top_window_denial(const struct top_window *window, size_t index);

#endif

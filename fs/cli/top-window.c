#include "fs/cli/top-window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t slot(int64_t at_unix)
{
	int64_t rest = at_unix % TOP_SECONDS;

	return (size_t)(rest < 0 ? rest + TOP_SECONDS : rest);
}

static void forget_slot(struct top_window *window, size_t at)
{
	window->seconds[at] = (struct top_sums){0};
	for (size_t i = 0; i <= TOP_KEYS; i++) {
		window->people[i].seconds[at] = (struct top_sums){0};
		window->devices[i].seconds[at] = (struct top_sums){0};
	}
}

void top_window_move(struct top_window *window, int64_t now_unix)
{
	int64_t gone = now_unix - window->now_unix;

	if (gone <= 0 && window->now_unix)
		return;
	for (int64_t i = 0; i < BL_MIN(gone, (int64_t)TOP_SECONDS); i++)
		forget_slot(window, slot(now_unix - i));
	window->now_unix = now_unix;
}

/* ---- sums ------------------------------------------------------------------------------------------ */

static void add_sums(struct top_sums *to, const struct top_sums *more)
{
	to->events += more->events;
	to->denials += more->denials;
	to->bytes += more->bytes;
	to->unmasked += more->unmasked;
}

static struct top_sums all_of(const struct top_sums seconds[TOP_SECONDS])
{
	struct top_sums sums = {0};

	for (size_t i = 0; i < TOP_SECONDS; i++)
		add_sums(&sums, &seconds[i]);
	return sums;
}

struct top_sums top_window_sums(const struct top_window *window)
{
	return all_of(window->seconds);
}

struct top_sums top_window_second(const struct top_window *window, unsigned back)
{
	return window->seconds[slot(window->now_unix - back)];
}

/* ---- people and devices ----------------------------------------------------------------------------- */

static bool is_idle(const struct top_window *window, const struct top_key *key)
{
	return !key->name[0] || key->last_unix <= window->now_unix - TOP_SECONDS;
}

/* Its place, or one whose minute is over, or that of all others. */
static struct top_key *place_of(const struct top_window *window, struct top_key *keys,
				const char *name)
{
	struct top_key *free_one = NULL;

	for (size_t i = 0; i < TOP_KEYS; i++) {
		if (keys[i].name[0] && strncmp(keys[i].name, name, TOP_NAME - 1) == 0)
			return &keys[i];
		if (!free_one && is_idle(window, &keys[i]))
			free_one = &keys[i];
	}
	if (!free_one) {
		snprintf(keys[TOP_KEYS].name, TOP_NAME, "others");
		return &keys[TOP_KEYS];
	}
	*free_one = (struct top_key){.last_unix = 0};
	snprintf(free_one->name, TOP_NAME, "%s", name);
	return free_one;
}

static void add_to(struct top_window *window, struct top_key *keys, const char *name,
		   const struct top_event *event, int64_t at_unix, const struct top_sums *sums)
{
	struct top_key *key = place_of(window, keys, name);

	add_sums(&key->seconds[slot(at_unix)], sums);
	key->last_unix = BL_MAX(key->last_unix, at_unix);
	snprintf(key->what, sizeof(key->what), "%s", event->what);
}

static void add_denial(struct top_window *window, const struct top_event *event, int64_t at_unix)
{
	struct top_denial *denial = &window->denials[window->denial_count++ % TOP_DENIALS];

	denial->at_unix = at_unix;
	denial->count = event->count;
	snprintf(denial->person, sizeof(denial->person), "%s", event->person);
	snprintf(denial->device, sizeof(denial->device), "%s", event->device);
	snprintf(denial->what, sizeof(denial->what), "%s", event->what);
	snprintf(denial->rule, sizeof(denial->rule), "%s", event->rule);
}

void top_window_add(struct top_window *window, const struct top_event *event)
{
	int64_t at = BL_MIN(event->at_unix, window->now_unix);
	const struct top_sums sums = {.events = event->count,
				      .denials = event->is_denied ? event->count : 0,
				      .bytes = event->bytes,
				      .unmasked = event->is_unmasked ? event->count : 0};

	if (at <= window->now_unix - TOP_SECONDS)
		return;
	add_sums(&window->seconds[slot(at)], &sums);
	add_to(window, window->people, event->person, event, at, &sums);
	if (event->device[0])
		add_to(window, window->devices, event->device, event, at, &sums);
	if (event->is_denied)
		add_denial(window, event, at);
}

/* ---- rows ------------------------------------------------------------------------------------------- */

static int compare(uint64_t left, uint64_t right)
{
	return (left < right) - (left > right);
}

static int by_name(const void *left, const void *right)
{
	const struct top_row *a = left, *b = right;

	return strcmp(a->name, b->name);
}

static int by_events(const void *left, const void *right)
{
	const struct top_row *a = left, *b = right;
	int order = compare(a->sums.events, b->sums.events);

	return order ? order : by_name(left, right);
}

static int by_bytes(const void *left, const void *right)
{
	const struct top_row *a = left, *b = right;
	int order = compare(a->sums.bytes, b->sums.bytes);

	return order ? order : by_events(left, right);
}

static int by_denials(const void *left, const void *right)
{
	const struct top_row *a = left, *b = right;
	int order = compare(a->sums.denials, b->sums.denials);

	return order ? order : by_events(left, right);
}

size_t top_window_rows(const struct top_window *window, bool is_people, enum top_sort sort,
		       struct top_row out_rows[TOP_KEYS + 1])
{
	static int (*const ORDERS[TOP_SORTS])(const void *, const void *) = {
		[TOP_BY_EVENTS] = by_events,
		[TOP_BY_BYTES] = by_bytes,
		[TOP_BY_DENIALS] = by_denials,
		[TOP_BY_NAME] = by_name,
	};
	const struct top_key *keys = is_people ? window->people : window->devices;
	size_t count = 0;

	for (size_t i = 0; i <= TOP_KEYS; i++) {
		struct top_sums sums = all_of(keys[i].seconds);

		if (keys[i].name[0] && sums.events)
			out_rows[count++] = (struct top_row){keys[i].name, keys[i].what, sums};
	}
	qsort(out_rows, count, sizeof(*out_rows), ORDERS[sort]);
	return count;
}

const struct top_denial *top_window_denial(const struct top_window *window, size_t index)
{
	if (index >= BL_MIN(window->denial_count, (uint64_t)TOP_DENIALS))
		return NULL;
	return &window->denials[(window->denial_count - 1 - index) % TOP_DENIALS];
}

/*
 * Lines that both texts have once each are matched first, as long as they come in the same order (patience diff): that is how people see a policy.
 * What lies between two of them is matched by Myers' O(ND), with an end to how much is tried.
 */
#include "fs/cli/report-diff.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cli/report-text.h"

#define CONTEXT	   3
#define GAP_EDITS  400	    /* D of one gap at most: its trace takes 4 D^2 bytes */
#define STEPS	   10000000 /* of all gaps together */
#define NONE	   UINT32_MAX
#define LINE_LIMIT (1u << 22) /* of both texts together */

struct line {
	const char *text; /* borrowed, without its newline */
	size_t length;
	uint32_t id; /* equal lines have equal ids */
};

struct side {
	struct line *lines;
	uint32_t count;
	bool *is_changed; /* taken out of the older, put into the newer */
};

/* What is known of all lines of one id. */
struct same {
	const struct line *line;
	uint32_t times[2], at[2]; /* how often, and where last: in the older, in the newer */
};

struct diff {
	struct side sides[2];
	struct same *sames;
	uint32_t same_count;
	long steps; /* left */
};

static void diff_done(struct diff *diff)
{
	for (size_t i = 0; i < 2; i++) {
		free(diff->sides[i].lines);
		free(diff->sides[i].is_changed);
	}
	free(diff->sames);
}

/* ---- lines ------------------------------------------------------------------------------------------- */

static bool split(const char *text, size_t length, struct side *side)
{
	size_t count = 0, at = 0;

	for (size_t i = 0; i < length; i++)
		count += text[i] == '\n' || i + 1 == length;
	if (count > LINE_LIMIT / 2)
		return false;
	side->lines = calloc(count + 1, sizeof(*side->lines));
	side->is_changed = calloc(count + 1, sizeof(*side->is_changed));
	if (!side->lines || !side->is_changed)
		return false;
	while (at < length) {
		const char *end = memchr(text + at, '\n', length - at);
		size_t size = end ? (size_t)(end - text) - at : length - at;

		side->lines[side->count++] = (struct line){.text = text + at, .length = size};
		at += size + 1;
	}
	return true;
}

static bool is_equal(const struct line *a, const struct line *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* By a keyed hash: whoever writes policies cannot make them all meet in one place. */
static uint32_t find_place(const struct diff *diff, const uint32_t *table, uint32_t mask,
			   const uint8_t key[crypto_shorthash_KEYBYTES], const struct line *line)
{
	uint8_t hash[crypto_shorthash_BYTES];

	crypto_shorthash(hash, (const uint8_t *)line->text, line->length, key);
	uint32_t at = bl_get32(hash) & mask;

	while (table[at] != NONE && !is_equal(diff->sames[table[at]].line, line))
		at = (at + 1) & mask;
	return at;
}

static bool number_lines(struct diff *diff)
{
	uint8_t key[crypto_shorthash_KEYBYTES];
	uint32_t all = diff->sides[0].count + diff->sides[1].count, size = 16;

	while (size < 2 * all)
		size *= 2;

	BL_CLEANUP(bl_free) uint32_t *table = malloc(size * sizeof(*table));

	diff->sames = calloc(all + 1, sizeof(*diff->sames));
	if (!table || !diff->sames)
		return false;
	memset(table, 0xff, size * sizeof(*table));
	crypto_shorthash_keygen(key);
	for (unsigned s = 0; s < 2; s++)
		for (uint32_t i = 0; i < diff->sides[s].count; i++) {
			struct line *line = &diff->sides[s].lines[i];
			uint32_t at = find_place(diff, table, size - 1, key, line);

			if (table[at] == NONE) {
				table[at] = diff->same_count++;
				diff->sames[table[at]].line = line;
			}
			line->id = table[at];
			diff->sames[line->id].times[s]++;
			diff->sames[line->id].at[s] = i;
		}
	return true;
}

/* ---- Myers, within a gap ------------------------------------------------------------------------------ */

struct gap {
	uint32_t from[2], to[2];
};

static bool is_match(const struct diff *diff, uint32_t a, uint32_t b)
{
	return diff->sides[0].lines[a].id == diff->sides[1].lines[b].id;
}

static void change_all(struct diff *diff, const struct gap *gap)
{
	for (unsigned s = 0; s < 2; s++)
		for (uint32_t i = gap->from[s]; i < gap->to[s]; i++)
			diff->sides[s].is_changed[i] = true;
}

/* The row of edits @d begins there in the trace: rows of 1, 3, 5... numbers before it. */
static int32_t *row_of(int32_t *trace, int32_t d)
{
	return trace + (size_t)d * (size_t)d + (size_t)d; /* its diagonal 0 */
}

/* Is @k reached from the diagonal above, by a line that was put in? */
static bool comes_down(const int32_t *before, int32_t d, int32_t k)
{
	return k == -d || (k != d && before[k - 1] < before[k + 1]);
}

/* How far one gets on diagonal @k with @d edits. */
static int32_t walk(struct diff *diff, const struct gap *gap, int32_t *trace, int32_t d, int32_t k)
{
	int32_t height = (int32_t)(gap->to[1] - gap->from[1]);
	int32_t width = (int32_t)(gap->to[0] - gap->from[0]), x = 0;

	if (d > 0) {
		const int32_t *before = row_of(trace, d - 1);

		x = comes_down(before, d, k) ? before[k + 1] : before[k - 1] + 1;
	}
	while (x < width && x - k < height && x - k >= 0 &&
	       is_match(diff, gap->from[0] + (uint32_t)x, gap->from[1] + (uint32_t)(x - k))) {
		x++;
		diff->steps--;
	}
	row_of(trace, d)[k] = x;
	diff->steps--;
	return x;
}

static void walk_back(struct diff *diff, const struct gap *gap, int32_t *trace, int32_t d,
		      int32_t k)
{
	for (; d > 0; d--) {
		const int32_t *before = row_of(trace, d - 1);

		if (comes_down(before, d, k)) {
			k++;
			diff->sides[1].is_changed[gap->from[1] + (uint32_t)(before[k] - k)] = true;
		} else {
			k--;
			diff->sides[0].is_changed[gap->from[0] + (uint32_t)before[k]] = true;
		}
	}
}

/* With the fewest edits, if that are not too many; else all of it changed. */
static void match_gap(struct diff *diff, const struct gap *gap, int32_t *trace)
{
	int32_t width = (int32_t)(gap->to[0] - gap->from[0]);
	int32_t height = (int32_t)(gap->to[1] - gap->from[1]);

	for (int32_t d = 0; width && height && d <= GAP_EDITS && diff->steps > 0; d++)
		for (int32_t k = -d; k <= d; k += 2) {
			int32_t x = walk(diff, gap, trace, d, k);

			if (x >= width && x - k >= height) {
				walk_back(diff, gap, trace, d, k);
				return;
			}
		}
	change_all(diff, gap);
}

/* Cut what is the same at both ends: most gaps are nothing but that. */
static void diff_gap(struct diff *diff, struct gap gap, int32_t *trace)
{
	while (gap.from[0] < gap.to[0] && gap.from[1] < gap.to[1] &&
	       is_match(diff, gap.from[0], gap.from[1])) {
		gap.from[0]++;
		gap.from[1]++;
	}
	while (gap.from[0] < gap.to[0] && gap.from[1] < gap.to[1] &&
	       is_match(diff, gap.to[0] - 1, gap.to[1] - 1)) {
		gap.to[0]--;
		gap.to[1]--;
	}
	match_gap(diff, &gap, trace);
}

/* ---- patience ------------------------------------------------------------------------------------------ */

/*
 * The longest row of unique lines that come in the same order in both, by piles: @previous and @piles have room for each line of the newer
 * text. Gives back the last one's line in the newer text; NONE: there is none.
 */
static uint32_t longest_row(const struct diff *diff, uint32_t *previous, uint32_t *piles)
{
	const struct side *newer = &diff->sides[1];
	uint32_t count = 0;

	for (uint32_t i = 0; i < newer->count; i++) {
		const struct same *same = &diff->sames[newer->lines[i].id];
		uint32_t low = 0, high = count;

		if (same->times[0] != 1 || same->times[1] != 1)
			continue;
		while (low < high) {
			uint32_t middle = (low + high) / 2;

			if (diff->sames[newer->lines[piles[middle]].id].at[0] < same->at[0])
				low = middle + 1;
			else
				high = middle;
		}
		previous[i] = low ? piles[low - 1] : NONE;
		piles[low] = i;
		count += low == count;
	}
	return count ? piles[count - 1] : NONE;
}

static enum bl_status diff_lines(struct diff *diff)
{
	const uint32_t counts[2] = {diff->sides[0].count, diff->sides[1].count};
	BL_CLEANUP(bl_free) uint32_t *previous = calloc(counts[1] + 1, sizeof(*previous));
	BL_CLEANUP(bl_free) uint32_t *piles = calloc(counts[1] + 1, sizeof(*piles));
	size_t rows = GAP_EDITS + 2;
	BL_CLEANUP(bl_free) int32_t *trace = calloc(rows * rows, sizeof(*trace));
	struct gap gap = {.to = {counts[0], counts[1]}};

	if (!previous || !piles || !trace)
		return BL_NO_MEMORY;
	/* From the last anchor to the first, each with the gap behind it. */
	for (uint32_t at = longest_row(diff, previous, piles); at != NONE; at = previous[at]) {
		gap.from[0] = diff->sames[diff->sides[1].lines[at].id].at[0] + 1;
		gap.from[1] = at + 1;
		diff_gap(diff, gap, trace);
		gap.to[0] = gap.from[0] - 1;
		gap.to[1] = at;
	}
	gap.from[0] = gap.from[1] = 0;
	diff_gap(diff, gap, trace);
	return BL_OK;
}

/* ---- told ------------------------------------------------------------------------------------------------ */

struct telling {
	json_t *list;
	size_t more;
	bool is_short_of_memory;
};

static void tell(struct telling *telling, const char *sign, const char *text, size_t length)
{
	if (json_array_size(telling->list) >= DIFF_LINES) {
		telling->more++;
		return;
	}
	json_t *item = json_pack("{s:s,s:o}", "sign", sign, "text",
				 report_text(text, length, DIFF_LINE_TEXT));

	telling->is_short_of_memory |= !item || json_array_append_new(telling->list, item) != 0;
}

static void tell_line(struct telling *telling, const struct side *side, uint32_t at,
		      const char *sign)
{
	tell(telling, sign, side->lines[at].text, side->lines[at].length);
}

static bool is_at_change(const struct diff *diff, uint32_t a, uint32_t b)
{
	const struct side *older = &diff->sides[0], *newer = &diff->sides[1];

	return (a < older->count && older->is_changed[a]) ||
	       (b < newer->count && newer->is_changed[b]);
}

/* Behind the changes at @a and @b. */
static void pass_changes(const struct diff *diff, uint32_t *a, uint32_t *b)
{
	while (*a < diff->sides[0].count && diff->sides[0].is_changed[*a])
		++*a;
	while (*b < diff->sides[1].count && diff->sides[1].is_changed[*b])
		++*b;
}

/* Where the hunk that begins with the change at @a, @b ends: two changes with no more than twice the context between are in one. */
static void find_end(const struct diff *diff, uint32_t *a, uint32_t *b)
{
	uint32_t same = 0, end = diff->sides[0].count;
	uint32_t x = *a, y = *b;

	pass_changes(diff, &x, &y);
	*a = x;
	*b = y;
	while (x < end && same <= 2 * CONTEXT) {
		x++;
		y++;
		same++;
		if (!is_at_change(diff, x, y))
			continue;
		pass_changes(diff, &x, &y);
		same = 0;
		*a = x;
		*b = y;
	}
}

static void tell_hunk(struct telling *telling, const struct diff *diff, const struct gap *hunk)
{
	uint32_t a = hunk->from[0], b = hunk->from[1];
	char head[64];
	int length = snprintf(head, sizeof(head), "-%u,%u +%u,%u", a + 1, hunk->to[0] - a, b + 1,
			      hunk->to[1] - b);

	tell(telling, "@", head, (size_t)length);
	while (a < hunk->to[0] || b < hunk->to[1]) {
		if (a < hunk->to[0] && diff->sides[0].is_changed[a])
			tell_line(telling, &diff->sides[0], a++, "-");
		else if (b < hunk->to[1] && diff->sides[1].is_changed[b])
			tell_line(telling, &diff->sides[1], b++, "+");
		else {
			tell_line(telling, &diff->sides[0], a++, " ");
			b++;
		}
	}
}

static void tell_diff(struct telling *telling, const struct diff *diff)
{
	uint32_t a = 0, b = 0, end[2] = {0, 0};

	while (a < diff->sides[0].count || b < diff->sides[1].count) {
		if (!is_at_change(diff, a, b)) {
			a++;
			b++;
			continue;
		}
		uint32_t before = BL_MIN(a - end[0], (uint32_t)CONTEXT);
		struct gap hunk = {.from = {a - before, b - before}};

		find_end(diff, &a, &b);
		uint32_t behind = BL_MIN(diff->sides[0].count - a, (uint32_t)CONTEXT);

		hunk.to[0] = end[0] = a += behind;
		hunk.to[1] = end[1] = b += behind;
		tell_hunk(telling, diff, &hunk);
	}
}

enum bl_status report_diff(const char *older, size_t older_length, const char *newer,
			   size_t newer_length, json_t **out_diff, size_t *out_more)
{
	__attribute__((cleanup(diff_done))) struct diff diff = {.steps = STEPS};
	struct telling telling = {.list = json_array()};

	if (!telling.list || !split(older, older_length, &diff.sides[0]) ||
	    !split(newer, newer_length, &diff.sides[1]) || !number_lines(&diff) ||
	    diff_lines(&diff) != BL_OK) {
		json_decref(telling.list);
		return BL_NO_MEMORY;
	}
	tell_diff(&telling, &diff);
	if (telling.is_short_of_memory) {
		json_decref(telling.list);
		return BL_NO_MEMORY;
	}
	*out_diff = telling.list;
	*out_more = telling.more;
	return BL_OK;
}

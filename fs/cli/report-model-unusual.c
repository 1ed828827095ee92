/* Who did more than they usually do: by their own days and hours, never by other people's. */
#include <stdlib.h>
#include <string.h>

#include "fs/cli/report-model-parts.h"

#define DAYS_LEAST     5		    /* of a person's own, before any is unusual */
#define TIMES	       3		    /* more than so many times the median */
#define BYTES_LEAST    (UINT64_C(10) << 20) /* what is less is never unusual */
#define REFUSALS_LEAST 20		    /* in an hour */

bool report_grow(void *items, size_t *room, size_t count, size_t size)
{
	size_t wanted = *room ? 2 * *room : 256;
	void *old, *grown;

	if (count < *room)
		return true;
	/* A pointer to whatever struct: only its bytes are touched here. */
	memcpy(&old, items, sizeof(old));
	grown = reallocarray(old, wanted, size);
	if (!grown)
		return false;
	memcpy(items, &grown, sizeof(grown));
	*room = wanted;
	return true;
}

void report_own_add(struct report_model *model, struct report_owns *owns,
		    const struct report_own *own)
{
	if (report_grow(&owns->items, &owns->room, owns->count, sizeof(*owns->items)))
		owns->items[owns->count++] = *own;
	else
		model->is_short_of_memory = true;
}

static int compare_owns(const void *a, const void *b)
{
	const struct report_own *left = a, *right = b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return (left->at_unix > right->at_unix) - (left->at_unix < right->at_unix);
}

/* One for each person and day. */
static void merge(struct report_owns *owns)
{
	size_t kept = 0;

	if (!owns->count)
		return;
	qsort(owns->items, owns->count, sizeof(*owns->items), compare_owns);
	for (size_t i = 1; i < owns->count; i++) {
		struct report_own *last = &owns->items[kept];

		if (compare_owns(last, &owns->items[i]) != 0) {
			owns->items[++kept] = owns->items[i];
			continue;
		}
		last->value += owns->items[i].value;
		last->first_sequence = BL_MIN(last->first_sequence, owns->items[i].first_sequence);
	}
	owns->count = kept + 1;
}

static int compare_values(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

uint64_t report_median(uint64_t *values, size_t count)
{
	if (!count)
		return 0;
	qsort(values, count, sizeof(*values), compare_values);
	return values[(count - 1) / 2];
}

struct rule {
	const char *kind;
	uint64_t least;
	bool needs_days; /* without enough of them nothing is unusual; else the least alone counts */
	bool is_by_hour;
};

static void tell_unusual(struct report_model *model, const struct rule *rule,
			 const struct report_own *own, uint64_t usual)
{
	char day[REPORT_MOMENT];
	json_t *item = json_object();
	json_t *told = json_pack("{s:I}", "uid", (json_int_t)own->uid);

	/* "2026-11-22", or "2026-11-22 10:00" */
	report_moment(model, own->at_unix, day);
	day[10] = ' ';
	day[rule->is_by_hour ? 16 : 10] = '\0';
	json_object_set_new(item, "kind", json_string(rule->kind));
	json_object_set_new(item, "day", json_string(day));
	json_object_set_new(item, "day_unix", json_integer(own->at_unix));
	report_add_person(model, item, told);
	json_object_set_new(item, "value", json_integer((json_int_t)own->value));
	json_object_set_new(item, "usual", json_integer((json_int_t)usual));
	json_object_set_new(item, "first_sequence", json_integer((json_int_t)own->first_sequence));
	json_decref(told);
	model->is_short_of_memory |= json_array_append_new(model->unusual, item) != 0;
}

static void look_at_person(struct report_model *model, const struct rule *rule,
			   const struct report_own *items, size_t count, uint64_t *values)
{
	bool has_days = count >= DAYS_LEAST;
	uint64_t usual = 0;

	if (!has_days && rule->needs_days)
		return;
	for (size_t i = 0; i < count; i++)
		values[i] = items[i].value;
	if (has_days)
		usual = report_median(values, count);
	for (size_t i = 0; i < count; i++)
		if (items[i].value >= rule->least && items[i].value / TIMES >= usual &&
		    items[i].value > TIMES * usual)
			tell_unusual(model, rule, &items[i], usual);
}

static void look_at_all(struct report_model *model, struct report_owns *owns,
			const struct rule *rule)
{
	size_t from = 0;

	merge(owns);
	BL_CLEANUP(bl_free) uint64_t *values = calloc(owns->count + 1, sizeof(*values));

	model->is_short_of_memory |= !values;
	for (size_t i = 1; values && i <= owns->count; i++)
		if (i == owns->count || owns->items[i].uid != owns->items[from].uid) {
			look_at_person(model, rule, &owns->items[from], i - from, values);
			from = i;
		}
}

void report_find_unusual(struct report_model *model)
{
	static const struct rule VOLUME = {"volume", BYTES_LEAST + 1, true, false};
	static const struct rule DENIALS = {"denials", REFUSALS_LEAST, false, true};

	look_at_all(model, &model->volumes, &VOLUME);
	look_at_all(model, &model->refusals, &DENIALS);
}

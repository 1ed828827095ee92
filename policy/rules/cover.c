#include "policy/rules/cover.h"

#include <string.h>

/* ---- lists and hours ------------------------------------------------------------------------- */

static bool has_item(const struct string_list *list, const char *item)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] && item && strcmp(list->items[i], item) == 0)
			return true;
	return false;
}

bool cover_list(const struct string_list *outer, const struct string_list *inner)
{
	if (!outer->count)
		return true;
	if (!inner->count || outer->count > COVER_LIST_LIMIT || inner->count > COVER_LIST_LIMIT)
		return false;
	for (size_t i = 0; i < inner->count; i++)
		if (!has_item(outer, inner->items[i]))
			return false;
	return true;
}

bool cover_pattern(const char *outer, const char *inner)
{
	size_t length = strlen(outer);

	if (strcmp(outer, inner) == 0)
		return true;
	return length >= 3 && strcmp(outer + length - 3, "/**") == 0 &&
	       strncmp(outer, inner, length - 2) == 0;
}

bool cover_paths(const struct string_list *outer, const struct string_list *inner)
{
	if (outer->count > COVER_LIST_LIMIT || inner->count > COVER_LIST_LIMIT)
		return false;
	for (size_t i = 0; i < inner->count; i++) {
		size_t k = 0;

		while (k < outer->count && !cover_pattern(outer->items[k], inner->items[i]))
			k++;
		if (k == outer->count)
			return false;
	}
	return true;
}

/* The end of what @windows cover without a gap from @minute on; @minute when it is not covered. */
static uint16_t covered_until(const struct hours *windows, size_t count, unsigned day,
			      uint16_t minute)
{
	uint16_t until = minute;

	for (size_t i = 0; i < count; i++)
		if (windows[i].days >> day & 1 && windows[i].from_minute <= minute)
			until = BL_MAX(until, windows[i].until_minute);
	return until;
}

static bool covers_window(const struct hours *outer, size_t count, const struct hours *inner,
			  unsigned day)
{
	uint16_t minute = inner->from_minute;

	while (minute < inner->until_minute) {
		uint16_t until = covered_until(outer, count, day, minute);

		if (until == minute)
			return false;
		minute = until;
	}
	return true;
}

bool cover_hours(const struct hours *outer, size_t outer_count, const struct hours *inner,
		 size_t inner_count)
{
	if (!outer_count)
		return true;
	if (!inner_count || outer_count > COVER_LIST_LIMIT || inner_count > COVER_LIST_LIMIT)
		return false;
	for (size_t i = 0; i < inner_count; i++)
		for (unsigned day = 0; day < 7; day++)
			if (inner[i].days >> day & 1 &&
			    !covers_window(outer, outer_count, &inner[i], day))
				return false;
	return true;
}

static bool hours_overlap(const struct conditions *a, const struct conditions *b)
{
	if (!a->hours_count || !b->hours_count)
		return true;
	for (size_t i = 0; i < a->hours_count; i++)
		for (size_t k = 0; k < b->hours_count; k++)
			if (a->hours[i].days & b->hours[k].days &&
			    a->hours[i].from_minute < b->hours[k].until_minute &&
			    b->hours[k].from_minute < a->hours[i].until_minute)
				return true;
	return false;
}

static bool lists_overlap(const struct string_list *a, const struct string_list *b)
{
	if (!a->count || !b->count || a->count > COVER_LIST_LIMIT || b->count > COVER_LIST_LIMIT)
		return true;
	for (size_t i = 0; i < a->count; i++)
		if (has_item(b, a->items[i]))
			return true;
	return false;
}

/* ---- conditions -------------------------------------------------------------------------------- */

bool conditions_are_absent(const struct conditions *conditions)
{
	return !conditions->hours_count && !conditions->purposes.count && !conditions->consent &&
	       !conditions->check && !conditions->approved;
}

bool cover_conditions(const struct conditions *outer, const struct conditions *inner)
{
	return cover_hours(outer->hours, outer->hours_count, inner->hours, inner->hours_count) &&
	       cover_list(&outer->purposes, &inner->purposes) &&
	       (!outer->consent || outer->consent == inner->consent) &&
	       outer->check <= inner->check &&
	       (!outer->approved || outer->approved == inner->approved);
}

static bool conditions_overlap(const struct conditions *a, const struct conditions *b)
{
	return hours_overlap(a, b) && lists_overlap(&a->purposes, &b->purposes) &&
	       (!a->consent || !b->consent || a->consent == b->consent);
}

/* ---- rules ------------------------------------------------------------------------------------- */

static bool cover_size(const struct rule *outer, const struct rule *inner)
{
	return outer->max_size_bytes < 0 ||
	       (inner->max_size_bytes >= 0 && inner->max_size_bytes <= outer->max_size_bytes);
}

bool cover_rule(const struct rule *outer, const struct rule *inner)
{
	/* what lifts the outer rule must lift the inner as well */
	bool is_unless_fine = conditions_are_absent(&outer->unless) ||
			      (!conditions_are_absent(&inner->unless) &&
			       cover_conditions(&inner->unless, &outer->unless));

	return is_unless_fine && cover_bits(outer->device_kinds, inner->device_kinds) &&
	       cover_bits(outer->states, inner->states) && cover_list(&outer->ids, &inner->ids) &&
	       cover_list(&outer->paths, &inner->paths) && cover_size(outer, inner) &&
	       cover_bits(outer->workplaces, inner->workplaces) &&
	       cover_conditions(&outer->when, &inner->when);
}

static bool bits_overlap(uint64_t a, uint64_t b)
{
	return !a || !b || (a & b);
}

bool rules_overlap(const struct rule *a, const struct rule *b)
{
	return bits_overlap(a->device_kinds, b->device_kinds) &&
	       bits_overlap(a->states, b->states) && bits_overlap(a->file_kinds, b->file_kinds) &&
	       bits_overlap(a->workplaces, b->workplaces) && conditions_overlap(&a->when, &b->when);
}

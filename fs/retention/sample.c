/* Drawing: which destructions of a period are looked at again. Anybody who knows the store's id and its devices draws the same. */
#include "fs/retention/sample.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- periods ----------------------------------------------------------------------------------------- */

#define SEARCH_SECONDS (3 * INT64_C(86400)) /* no zone is further from UTC */

void sample_period(const struct policy *policy, int64_t at_unix, char out[SAMPLE_PERIOD])
{
	char local[20];

	rules_local_time(policy, at_unix, local);
	memcpy(out, local, SAMPLE_PERIOD - 1);
	out[SAMPLE_PERIOD - 1] = '\0';
}

/* The first day's start whose month is not before @period: days are asked of the zone one by one. */
static int64_t month_start(const struct policy *policy, int year, int month)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = 1};
	int64_t at_unix = timegm(&tm) - SEARCH_SECONDS, next;
	char period[32], here[SAMPLE_PERIOD];

	snprintf(period, sizeof(period), "%04d-%02d", year, month);
	for (;; at_unix = next) {
		sample_period(policy, at_unix, here);
		if (strcmp(here, period) >= 0)
			return at_unix;
		(void)rules_period_start(policy, PERIOD_DAY, at_unix, &next);
	}
}

static bool parse_month(const char *text, int *out_year, int *out_month)
{
	if (strlen(text) != SAMPLE_PERIOD - 1 || strspn(text, "0123456789") != 4 ||
	    text[4] != '-' || strspn(text + 5, "0123456789") != 2)
		return false;
	*out_year = atoi(text);
	*out_month = atoi(text + 5);
	/* Of the year after the last one, too, the first instant has to be told. */
	return *out_year >= 1970 && *out_year < 9999 && *out_month >= 1 && *out_month <= 12;
}

bool sample_parse(const struct policy *policy, const char *text, int64_t *out_from_unix,
		  int64_t *out_until_unix)
{
	int year, month;

	if (!parse_month(text, &year, &month))
		return false;
	*out_from_unix = month_start(policy, year, month);
	*out_until_unix = month_start(policy, year + month / 12, month % 12 + 1);
	return true;
}

/* ---- numbers ----------------------------------------------------------------------------------------- */

uint64_t sample_number(const uint8_t store_id[16], const char *period, const char *device)
{
	static const char LABEL[] = "bailee-sample-1"; /* hashed with its NUL */
	crypto_generichash_state state;
	uint8_t hash[DEVICE_DIGEST];
	uint64_t number = 0;

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	crypto_generichash_update(&state, (const uint8_t *)LABEL, sizeof(LABEL));
	crypto_generichash_update(&state, store_id, 16);
	crypto_generichash_update(&state, (const uint8_t *)period, strlen(period) + 1);
	crypto_generichash_update(&state, (const uint8_t *)device, strlen(device));
	crypto_generichash_final(&state, hash, sizeof(hash));
	for (size_t i = 0; i < 8; i++)
		number = number << 8 | hash[i];
	return number;
}

/* ---- all destructions, by period and number ------------------------------------------------------------ */

struct ended {
	char period[SAMPLE_PERIOD];
	struct sample_item item;
};

struct ended_list {
	struct ended *items;
	size_t count, room;
	bool is_full; /* no memory for more */
};

static void list_done(struct ended_list *list)
{
	free(list->items);
}
#define LIST_CLEANUP __attribute__((cleanup(list_done)))

static bool make_room(struct ended_list *list)
{
	size_t room = list->room ? 2 * list->room : 64;

	if (list->count < list->room)
		return true;

	struct ended *items = reallocarray(list->items, room, sizeof(*items));

	if (!items)
		return false;
	list->items = items;
	list->room = room;
	return true;
}

/* Under the store's lock: what takes time comes afterwards. */
static bool add_device(void *context, const struct device *device)
{
	struct ended_list *list = context;

	if (!device->end.at_unix)
		return true;
	if (!make_room(list)) {
		list->is_full = true;
		return false;
	}

	struct ended *ended = &list->items[list->count++];

	memset(ended, 0, sizeof(*ended));
	memcpy(ended->item.device, device->id, sizeof(ended->item.device));
	ended->item.ended_unix = device->end.at_unix;
	ended->item.verified = device->verified;
	return true;
}

static int compare_ended(const void *left, const void *right)
{
	const struct ended *a = left, *b = right;
	int by_period = strcmp(a->period, b->period);

	if (by_period)
		return by_period;
	if (a->item.number != b->item.number)
		return a->item.number < b->item.number ? -1 : 1;
	return strcmp(a->item.device, b->item.device);
}

static enum bl_status list_ended(struct device_store *store, const struct policy *policy,
				 struct ended_list *list, struct bl_error *why)
{
	device_each(store, add_device, list);
	if (list->is_full)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < list->count; i++) {
		struct ended *ended = &list->items[i];

		sample_period(policy, ended->item.ended_unix, ended->period);
		ended->item.number =
			sample_number(device_store_id(store), ended->period, ended->item.device);
	}
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_ended);
	return BL_OK;
}

/* How many from @at on are of the same period. */
static size_t group_length(const struct ended_list *list, size_t at)
{
	size_t end = at;

	while (end < list->count && strcmp(list->items[end].period, list->items[at].period) == 0)
		end++;
	return end - at;
}

/* ---- a sample ------------------------------------------------------------------------------------------- */

static bool is_missing(const struct sample_item *item)
{
	return !item->verified.at_unix || !item->verified.is_good;
}

/* The first ones of @shreds destructions of one period, as many as @sample's percent of them. */
static enum bl_status take_first(struct sample *sample, const struct ended *ended, size_t shreds,
				 struct bl_error *why)
{
	size_t count = (shreds * sample->percent + 99) / 100;

	sample->shreds = shreds;
	if (!count)
		return BL_OK;
	sample->items = calloc(count, sizeof(*sample->items));
	if (!sample->items)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	sample->count = count;
	for (size_t i = 0; i < count; i++) {
		sample->items[i] = ended[i].item;
		sample->missing += is_missing(&ended[i].item);
	}
	return BL_OK;
}

/* A month is over when the zone's wall shows a later one: as devices are put into months. */
static bool is_over(const struct policy *policy, const char *period, int64_t now_unix)
{
	char here[SAMPLE_PERIOD];

	sample_period(policy, now_unix, here);
	return strcmp(period, here) < 0;
}

enum bl_status sample_draw(struct device_store *store, const struct policy *policy,
			   const char *period, unsigned percent, int64_t now_unix,
			   struct sample *out_sample, struct bl_error *why)
{
	LIST_CLEANUP struct ended_list list = {.items = NULL};
	struct sample sample = {.percent = percent};
	int64_t from_unix, until_unix;

	if (!sample_parse(policy, period, &from_unix, &until_unix))
		return bl_fail(why, BL_INVALID, "the period is a month (write it as 2026-07)");
	if (percent < 1 || percent > 100)
		return bl_fail(why, BL_INVALID, "no sample of %u percent (give 1 to 100)", percent);
	memcpy(sample.period, period, sizeof(sample.period));
	sample.is_over = is_over(policy, period, now_unix);

	enum bl_status status = list_ended(store, policy, &list, why);
	size_t at = 0;

	while (at < list.count && strcmp(list.items[at].period, period) != 0)
		at++;
	if (status == BL_OK && at < list.count)
		status = take_first(&sample, &list.items[at], group_length(&list, at), why);
	if (status == BL_OK)
		*out_sample = sample;
	return status;
}

void sample_done(struct sample *sample)
{
	free(sample->items);
	memset(sample, 0, sizeof(*sample));
}

enum bl_status sample_missing(struct device_store *store, const struct policy *policy,
			      int64_t now_unix,
			      bool (*tell)(void *context, const struct sample *sample),
			      void *context, struct bl_error *why)
{
	LIST_CLEANUP struct ended_list list = {.items = NULL};
	unsigned percent = policy_verify_percent(policy);
	enum bl_status status = percent ? list_ended(store, policy, &list, why) : BL_OK;
	bool goes_on = true;

	for (size_t at = 0, length; status == BL_OK && goes_on && at < list.count; at += length) {
		const struct ended *first = &list.items[at];
		struct sample sample = {.percent = percent, .is_over = true};

		length = group_length(&list, at);
		if (!is_over(policy, first->period, now_unix))
			break; /* nor any later one */
		memcpy(sample.period, first->period, sizeof(sample.period));
		status = take_first(&sample, first, length, why);
		if (status == BL_OK && sample.missing)
			goes_on = tell(context, &sample);
		sample_done(&sample);
	}
	return status;
}

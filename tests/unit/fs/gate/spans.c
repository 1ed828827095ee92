#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

static void packed_spans_come_back(void **state)
{
	static const struct {
		uint64_t window;
		struct detect_span in, out;
	} ROWS[] = {
		{0, {0, 1, CLASS_CARD, 1}, {0, 1, CLASS_CARD, 1}},
		{0,
		 {DETECT_WINDOW + DETECT_TAIL - 1, 1, CLASS_EMAIL, 0},
		 {DETECT_WINDOW + DETECT_TAIL - 1, 1, CLASS_EMAIL, 0}},
		{5,
		 {5 * DETECT_WINDOW - DETECT_LEAD, 77, CLASS_LIMIT - 1, 1},
		 {5 * DETECT_WINDOW - DETECT_LEAD, 77, CLASS_LIMIT - 1, 1}},
		/* Begins before what is kept: cut, and still longer than a margin. */
		{5,
		 {5 * DETECT_WINDOW - DETECT_LEAD - 10, 30000, CLASS_PRIVATE_KEY, 1},
		 {5 * DETECT_WINDOW - DETECT_LEAD, 29990, CLASS_PRIVATE_KEY, 1}},
		{5,
		 {5 * DETECT_WINDOW, UINT32_MAX, CLASS_PRIVATE_KEY, 1},
		 {5 * DETECT_WINDOW, (1u << 18) - 1, CLASS_PRIVATE_KEY, 1}},
		{UINT64_C(1) << 40,
		 {(UINT64_C(1) << 40) * DETECT_WINDOW + 3, 19, CLASS_IBAN, 1},
		 {(UINT64_C(1) << 40) * DETECT_WINDOW + 3, 19, CLASS_IBAN, 1}},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint64_t base = span_base(ROWS[i].window);
		struct detect_span got = span_unpack(span_pack(&ROWS[i].in, base), base);

		if (got.offset != ROWS[i].out.offset || got.length != ROWS[i].out.length ||
		    got.class != ROWS[i].out.class || got.is_sure != ROWS[i].out.is_sure)
			fail_msg("row %zu: %llu+%u class %u", i, (unsigned long long)got.offset,
				 got.length, got.class);
	}
}

static void keep(struct gate_spans *cache, struct gate_device *device, uint64_t serial,
		 uint64_t window, size_t count)
{
	struct detect_span items[64] = {{window * DETECT_WINDOW, 1, CLASS_CARD, 1}};
	struct detect_spans found = {items, count, count};

	for (size_t i = 1; i < count; i++)
		items[i] = (struct detect_span){window * DETECT_WINDOW + i * 10, 5, CLASS_EMAIL, 1};
	struct window_spans *kept = spans_keep(cache, device, serial, window, &found, NULL, false);

	assert_non_null(kept);
	spans_put(kept);
}

static void a_search_begins_with_a_chain(void **state)
{
	/* Two chains and a span alone; window 1, of which the first span begins in window 0. */
	static const struct detect_span ITEMS[] = {
		{DETECT_WINDOW - 500, 600, CLASS_EMAIL, 1},
		{DETECT_WINDOW + 10, 50, CLASS_CARD, 1},
		{DETECT_WINDOW + 70, 5, CLASS_CARD, 1},
		{DETECT_WINDOW + 100, 20, CLASS_PHONE, 0},
		{DETECT_WINDOW + 300, 40, CLASS_EMAIL, 1},
		{DETECT_WINDOW + 330, 40, CLASS_PHONE, 1},
	};
	static const struct {
		uint64_t offset;
		size_t first;
	} ROWS[] = {
		{0, 0},
		{DETECT_WINDOW, 0},
		{DETECT_WINDOW + 99, 0},
		{DETECT_WINDOW + 100, 3},
		{DETECT_WINDOW + 299, 3},
		{DETECT_WINDOW + 300, 4},
		{DETECT_WINDOW + 331, 4},
		{3 * DETECT_WINDOW, 4},
	};
	struct detect_spans found = {(struct detect_span *)(uintptr_t)ITEMS, BL_COUNT(ITEMS), 0};
	struct gate_spans cache;

	(void)state;
	assert_int_equal(spans_init(&cache, 1 << 20), BL_OK);
	struct window_spans *kept = spans_keep(&cache, NULL, 1, 1, &found, NULL, false);

	assert_non_null(kept);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		if (spans_from(kept, ROWS[i].offset) != ROWS[i].first)
			fail_msg("row %zu: %zu", i, spans_from(kept, ROWS[i].offset));
	}
	spans_put(kept);
	found.count = 0;
	kept = spans_keep(&cache, NULL, 1, 2, &found, NULL, false);
	assert_int_equal(spans_from(kept, 2 * DETECT_WINDOW), 0);
	spans_put(kept);
	spans_done(&cache);
}

static bool is_known(struct gate_spans *cache, uint64_t serial, uint64_t window)
{
	struct window_spans *spans = spans_get(cache, serial, window);

	spans_put(spans);
	return spans != NULL;
}

static void the_least_recently_used_window_goes_first(void **state)
{
	struct gate_spans cache;

	(void)state;
	assert_int_equal(
		spans_init(&cache, 3 * (sizeof(struct window_spans) + 10 * sizeof(packed_span))),
		BL_OK);
	keep(&cache, NULL, 1, 0, 10);
	keep(&cache, NULL, 1, 1, 10);
	keep(&cache, NULL, 1, 2, 10);
	assert_true(is_known(&cache, 1, 0));
	keep(&cache, NULL, 1, 3, 10);
	assert_true(is_known(&cache, 1, 0));
	assert_false(is_known(&cache, 1, 1));
	assert_true(is_known(&cache, 1, 3));
	assert_true(cache.bytes <= cache.limit);
	spans_done(&cache);
}

static void what_is_in_use_outlives_the_cache_entry(void **state)
{
	struct gate_spans cache;
	struct gate_device *device = (struct gate_device *)&cache; /* only compared */

	(void)state;
	assert_int_equal(spans_init(&cache, 1 << 20), BL_OK);
	keep(&cache, device, 1, 0, 3);
	keep(&cache, NULL, 2, 0, 3);
	struct window_spans *held = spans_get(&cache, 1, 0);

	spans_forget(&cache, device);
	assert_false(is_known(&cache, 1, 0));
	assert_true(is_known(&cache, 2, 0));
	assert_int_equal(held->count, 3);
	spans_put(held);
	spans_done(&cache);
}

static void one_larger_than_the_cache_is_used_but_not_kept(void **state)
{
	struct gate_spans cache;

	(void)state;
	assert_int_equal(spans_init(&cache, 64), BL_OK);
	keep(&cache, NULL, 1, 0, 60);
	assert_false(is_known(&cache, 1, 0));
	assert_int_equal(cache.bytes, 0);
	spans_done(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_spans_come_back),
		cmocka_unit_test(a_search_begins_with_a_chain),
		cmocka_unit_test(the_least_recently_used_window_goes_first),
		cmocka_unit_test(what_is_in_use_outlives_the_cache_entry),
		cmocka_unit_test(one_larger_than_the_cache_is_used_but_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Axes have round numbers, plots have words, and no number whatever draws outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "tests/unit/fs/page/written.h"

static void ticks_are_round_and_few(void **state)
{
	static const struct {
		uint64_t largest, step;
		unsigned steps;
	} ROWS[] = {
		{0, 1, 1},	     {1, 1, 1},	     {2, 1, 2},	     {5, 1, 5},	     {6, 2, 3},
		{10, 2, 5},	     {11, 5, 3},     {25, 5, 5},     {26, 10, 3},    {60, 20, 3},
		{110, 25, 5},	     {126, 50, 3},   {1000, 200, 5}, {1001, 250, 5}, {1251, 500, 3},
		{999999, 200000, 5}, {2500, 500, 5},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct html_axis axis = html_ticks(ROWS[i].largest);

		if (axis.step != ROWS[i].step || axis.steps != ROWS[i].steps)
			fail_msg("%llu: %u steps of %llu", (unsigned long long)ROWS[i].largest,
				 axis.steps, (unsigned long long)axis.step);
	}
}

static void ticks_reach_whatever_64_bits_hold(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++)
		for (int less = -1; less <= 1; less++) {
			uint64_t largest = (UINT64_C(1) << bit) + (uint64_t)(int64_t)less;
			struct html_axis axis = html_ticks(largest);
			uint64_t top;

			assert_in_range(axis.steps, 1, 5);
			assert_false(__builtin_mul_overflow(axis.step, axis.steps, &top));
			assert_true(top >= BL_MIN(largest, UINT64_C(10000000000000000000)));
		}
}

static size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}

/* Every number of this attribute is within; heights are not below 0. */
static void check_within(const char *svg, const char *attribute, double least, double most)
{
	for (; (svg = strstr(svg, attribute)); svg++) {
		double value = strtod(svg + strlen(attribute), NULL);

		if (!(value >= least && value <= most))
			fail_msg("%s%f", attribute, value);
	}
}

static void bars_stay_in_their_field_and_the_smallest_is_seen(void **state)
{
	struct html_point points[] = {
		{"<1>", NULL, {0, 0}},	      {"2", "two & a half", {1, 0}},
		{"3", NULL, {0, 1}},	      {"4", NULL, {1000000, 1}},
		{"5", NULL, {UINT64_MAX, 1}}, {"6", NULL, {UINT64_MAX, UINT64_MAX}},
	};
	const struct html_plot plot = {.id = "plot",
				       .title = "A title",
				       .text = "words",
				       .series = {"permitted", "denied"},
				       .points = points,
				       .count = BL_COUNT(points)};
	struct written written;
	const char *svg;

	(void)state;
	html_bars_over_time(written_begin(&written), &plot);
	svg = written_end(&written);
	check_within(svg, " y=\"", 0, 210);
	check_within(svg, " height=\"", 1, 210);
	check_within(svg, " x=\"", 0, 100);
	check_within(svg, " width=\"", 0, 100);
	/* With those of the key: of nothing nothing is drawn. */
	assert_int_equal(count_of(svg, "class=\"s0\""), 1 + 4);
	assert_int_equal(count_of(svg, "class=\"s1\""), 1 + 4);
	assert_int_equal(count_of(svg, "&lt;1&gt;"), 1);
	assert_non_null(strstr(svg, "<title>two &amp; a half: permitted 1, denied 0</title>"));
	assert_non_null(strstr(svg, "role=\"img\" aria-labelledby=\"plot-t plot-d\""));
	assert_null(strstr(svg, "nan"));
	assert_null(strstr(svg, "inf"));
	free(written.text);
}

static void a_plot_of_nothing_or_of_one_is_one(void **state)
{
	struct html_point point = {"only", NULL, {7, 0}};
	struct html_plot plot = {.id = "p",
				 .title = "t",
				 .text = "w",
				 .series = {"bytes", NULL},
				 .points = &point,
				 .is_bytes = true};
	struct written written;

	(void)state;
	for (plot.count = 0; plot.count < 2; plot.count++) {
		html_bars_over_time(written_begin(&written), &plot);
		assert_int_equal(count_of(written_end(&written), "</figure>"), 1);
		free(written.text);
		html_bars(written_begin(&written), &plot);
		assert_int_equal(count_of(written_end(&written), "<li>"), plot.count);
		assert_null(strstr(written.text, "nan"));
		free(written.text);
	}
}

static void labels_over_time_are_few(void **state)
{
	struct html_point points[400];
	struct html_plot plot = {
		.id = "p", .title = "t", .text = "w", .series = {"events", NULL}, .points = points};
	struct written written;

	(void)state;
	for (size_t i = 0; i < BL_COUNT(points); i++)
		points[i] = (struct html_point){"label", NULL, {i, 0}};
	for (plot.count = 1; plot.count <= BL_COUNT(points); plot.count++) {
		html_bars_over_time(written_begin(&written), &plot);
		assert_in_range(count_of(written_end(&written), ">label</text>"), 1, 5);
		free(written.text);
	}
}

static void a_week_has_its_hours_and_says_what_each_shade_is(void **state)
{
	static const char *const DAYS[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	uint64_t hours[HTML_WEEK] = {0};
	struct written written;
	const char *svg;

	(void)state;
	hours[0] = 1;
	hours[25] = 50;
	hours[167] = 100;
	html_week(written_begin(&written), "week", "t", "w", DAYS, hours);
	svg = written_end(&written);
	/* One of each shade is in the key. */
	assert_int_equal(count_of(svg, "class=\"h0\""), 1 + HTML_WEEK - 3);
	assert_int_equal(count_of(svg, "class=\"h1\""), 1 + 1);
	assert_int_equal(count_of(svg, "class=\"h3\""), 1 + 1);
	assert_int_equal(count_of(svg, "class=\"h5\""), 1 + 1);
	assert_non_null(strstr(svg, "<title>Mon 0:00: 1</title>"));
	assert_non_null(strstr(svg, "<title>Tue 1:00: 50</title>"));
	assert_non_null(strstr(svg, "<title>Sun 23:00: 100</title>"));
	check_within(svg, " x=\"", 0, 100);
	free(written.text);
	hours[3] = UINT64_MAX;
	html_week(written_begin(&written), "week", "t", "w", DAYS, hours);
	assert_int_equal(count_of(written_end(&written), "class=\"h5\""), 2);
	free(written.text);
}

static void a_spark_is_a_line_from_side_to_side(void **state)
{
	static const uint64_t VALUES[] = {0, UINT64_MAX, 0};
	struct written written;

	(void)state;
	html_spark(written_begin(&written), "words", VALUES, 3);
	written_is(&written, "<svg class=\"spark\" viewBox=\"0 0 100 20\" "
			     "preserveAspectRatio=\"none\" role=\"img\"><title>words</title>"
			     "<polyline points=\"0.00,19.00 50.00,1.00 100.00,19.00 \"/></svg>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_are_round_and_few),
		cmocka_unit_test(ticks_reach_whatever_64_bits_hold),
		cmocka_unit_test(bars_stay_in_their_field_and_the_smallest_is_seen),
		cmocka_unit_test(a_plot_of_nothing_or_of_one_is_one),
		cmocka_unit_test(labels_over_time_are_few),
		cmocka_unit_test(a_week_has_its_hours_and_says_what_each_shade_is),
		cmocka_unit_test(a_spark_is_a_line_from_side_to_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

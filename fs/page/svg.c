/* Plots. Across, everything is a share of the width; down, pixels: letters keep their size on every screen. */
#include <math.h>
#include <string.h>

#include "fs/page/private.h"

#define TICKS	    6	/* labels of an axis, at most */
#define PLOT_TOP    10	/* px: half a line of letters over the highest tick */
#define PLOT_HEIGHT 160 /* of the field between the axes */
#define PLOT_LABELS 26	/* below it */
#define DAY_HEIGHT  22	/* of a row of the map */
#define WIDEST	    8	/* percent of the width that one bar takes */
#define SHADES	    5	/* of it, beside none */

/* Above it the ends of an axis would not fit in 64 bits. */
#define LARGEST UINT64_C(10000000000000000000)

struct html_axis html_ticks(uint64_t largest)
{
	static const unsigned TENTHS[] = {10, 20, 25, 50};
	uint64_t wanted = BL_MAX(BL_MIN(largest, LARGEST), (uint64_t)1);

	for (uint64_t power = 1;; power *= 10) {
		for (size_t i = 0; i < BL_COUNT(TENTHS); i++) {
			uint64_t step = power / 10 * TENTHS[i];

			if (power == 1)
				step = TENTHS[i] / 10;
			if (power == 1 && TENTHS[i] % 10) /* 2.5 of what comes in ones */
				continue;
			if (wanted / step + (wanted % step != 0) < TICKS)
				return (struct html_axis){
					.step = step,
					.steps = (unsigned)(wanted / step + (wanted % step != 0))};
		}
	}
}

static uint64_t sum_of(const struct html_point *point)
{
	uint64_t sum;

	return __builtin_add_overflow(point->values[0], point->values[1], &sum) ? UINT64_MAX : sum;
}

static uint64_t largest_of(const struct html_plot *plot)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < plot->count; i++)
		largest = BL_MAX(largest, sum_of(&plot->points[i]));
	return largest;
}

static struct page_figure figure_of(const struct html_plot *plot, uint64_t value)
{
	return plot->is_bytes ? page_sized(value) : page_grouped(value);
}

/* "permitted 1,204, denied 3" */
static void put_values(FILE *out, const struct html_plot *plot, const struct html_point *point)
{
	html_put(out, "%s %s", plot->series[0], figure_of(plot, point->values[0]).text);
	if (plot->series[1])
		html_put(out, ", %s %s", plot->series[1], figure_of(plot, point->values[1]).text);
}

static void put_heading(FILE *out, const char *id, const char *title, const char *text)
{
	html_put(out,
		 "<figure class=\"plot\" id=\"%s\"><figcaption><b id=\"%s-t\">%s</b> <span "
		 "id=\"%s-d\">%s</span></figcaption>\n",
		 id, id, title, id, text);
}

static void put_key(FILE *out, const struct html_plot *plot)
{
	if (!plot->series[1])
		return;
	fputs("<p class=\"key\">", out);
	for (size_t i = 0; i < 2; i++)
		html_put(out,
			 "<span><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect "
			 "class=\"s%zu\" width=\"12\" height=\"12\"/></svg> %s</span> ",
			 i, plot->series[i]);
	fputs("</p>\n", out);
}

/* "2.5 MB" without a ".0" that says nothing */
static struct page_figure tick_of(const struct html_plot *plot, uint64_t value)
{
	struct page_figure figure = value ? figure_of(plot, value) : page_grouped(0);
	char *zero = plot->is_bytes ? strstr(figure.text, ".0 ") : NULL;

	if (zero)
		memmove(zero, zero + 2, strlen(zero + 2) + 1);
	return figure;
}

/* Where @value stands on the axis, in pixels from the top. */
static double level(const struct html_axis *axis, uint64_t value)
{
	double top = (double)axis->step * axis->steps;

	return PLOT_TOP + PLOT_HEIGHT * (1 - fmin((double)value / top, 1));
}

static void put_scale(FILE *out, const struct html_plot *plot, const struct html_axis *axis)
{
	html_put(out, "<svg class=\"scale\" height=\"%d\" aria-hidden=\"true\">",
		 PLOT_TOP + PLOT_HEIGHT + PLOT_LABELS);
	for (unsigned i = 0; i <= axis->steps; i++)
		html_put(out, "<text x=\"100%%\" y=\"%.1f\" dy=\".32em\">%s</text>",
			 level(axis, i * axis->step), tick_of(plot, i * axis->step).text);
	fputs("</svg>", out);
}

/* Something that happened is seen, however little it is. */
static void put_bar(FILE *out, const struct html_plot *plot, const struct html_axis *axis,
		    size_t at)
{
	const struct html_point *point = &plot->points[at];
	double share = 100.0 / (double)plot->count, wide = fmin(share * .8, WIDEST),
	       left = share * ((double)at + .5) - wide / 2, base = level(axis, 0),
	       first = base - level(axis, point->values[0]),
	       both = base - level(axis, sum_of(point));

	if (!sum_of(point))
		return;
	if (point->values[0])
		first = fmax(first, 1);
	if (point->values[1])
		both = fmax(both, first + 1.5);
	html_put(out, "<g><title>%s: ", point->words ? point->words : point->label);
	put_values(out, plot, point);
	fputs("</title>", out);
	if (point->values[0])
		html_put(out,
			 "<rect class=\"s0\" x=\"%.3f%%\" y=\"%.1f\" width=\"%.3f%%\" "
			 "height=\"%.1f\"/>",
			 left, base - first, wide, first);
	if (point->values[1])
		html_put(out,
			 "<rect class=\"s1\" x=\"%.3f%%\" y=\"%.1f\" width=\"%.3f%%\" "
			 "height=\"%.1f\"/>",
			 left, base - both, wide, both - first);
	fputs("</g>\n", out);
}

/* The first, and every so many; letters at the rims stay inside. */
static void put_labels(FILE *out, const struct html_plot *plot)
{
	size_t step = (plot->count + TICKS - 2) / (TICKS - 1);

	for (size_t i = 0; i < plot->count; i += BL_MAX(step, (size_t)1)) {
		double middle = 100 * ((double)i + .5) / (double)plot->count;
		const char *anchor = middle < 6 ? "start" : middle > 94 ? "end" : "middle";

		html_put(out, "<text x=\"%.2f%%\" y=\"%d\" text-anchor=\"%s\">%s</text>",
			 middle < 6    ? 0
			 : middle > 94 ? 100
				       : middle,
			 PLOT_TOP + PLOT_HEIGHT + 18, anchor, plot->points[i].label);
	}
}

void html_bars_over_time(FILE *out, const struct html_plot *plot)
{
	struct html_axis axis = html_ticks(largest_of(plot));

	put_heading(out, plot->id, plot->title, plot->text);
	put_key(out, plot);
	fputs("<div class=\"field\">", out);
	put_scale(out, plot, &axis);
	html_put(out,
		 "<svg class=\"bars\" height=\"%d\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n",
		 PLOT_TOP + PLOT_HEIGHT + PLOT_LABELS, plot->id, plot->id);
	for (unsigned i = 0; i <= axis.steps; i++)
		html_put(out, "<line class=\"%s\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
			 i ? "grid" : "axis", level(&axis, i * axis.step),
			 level(&axis, i * axis.step));
	fputc('\n', out);
	for (size_t i = 0; i < plot->count; i++)
		put_bar(out, plot, &axis, i);
	put_labels(out, plot);
	fputs("</svg></div></figure>\n", out);
}

void html_bars(FILE *out, const struct html_plot *plot)
{
	double largest = (double)BL_MAX(largest_of(plot), (uint64_t)1);

	put_heading(out, plot->id, plot->title, plot->text);
	put_key(out, plot);
	fputs("<ul class=\"rows\">\n", out);
	for (size_t i = 0; i < plot->count; i++) {
		const struct html_point *point = &plot->points[i];
		double first = 100 * (double)point->values[0] / largest,
		       second = 100 * (double)point->values[1] / largest;

		html_put(out,
			 "<li><span>%s</span><svg height=\"14\" aria-hidden=\"true\"><rect "
			 "class=\"s0\" width=\"%.2f%%\" height=\"14\"/><rect class=\"s1\" "
			 "x=\"%.2f%%\" width=\"%.2f%%\" height=\"14\"/></svg><span class=\"n\">%s",
			 point->label, first, first, second,
			 figure_of(plot, point->values[0]).text);
		if (plot->series[1])
			html_put(out, " <small>+ %s</small>",
				 figure_of(plot, point->values[1]).text);
		fputs("</span></li>\n", out);
	}
	fputs("</ul></figure>\n", out);
}

/* ---- a week ------------------------------------------------------------------------------------------ */

/* 0: nothing at all; else 1 to SHADES. */
static unsigned shade_of(uint64_t value, uint64_t largest)
{
	if (!value)
		return 0;
	return (unsigned)BL_MIN(1 + (double)value / (double)largest * SHADES, (double)SHADES);
}

static void put_shades(FILE *out, uint64_t largest)
{
	fputs("<p class=\"key\">", out);
	for (unsigned i = 0; i <= SHADES; i++) {
		html_put(out,
			 "<span><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect "
			 "class=\"h%u\" width=\"12\" height=\"12\"/></svg>",
			 i);
		if (i == 0)
			fputs(" none</span> ", out);
		else if (i == SHADES)
			html_put(out, " up to %s</span> ", PAGE_GROUPED(largest));
		else
			html_put(out, " below %s</span> ",
				 PAGE_GROUPED((uint64_t)ceil((double)largest * i / SHADES)));
	}
	fputs("</p>\n", out);
}

static void put_hours(FILE *out)
{
	for (int hour = 0; hour < 24; hour += 6)
		html_put(out, "<text x=\"%.3f%%\" y=\"%d\">%d:00</text>", hour / .24,
			 7 * DAY_HEIGHT + 16, hour);
}

void html_week(FILE *out, const char *id, const char *title, const char *text,
	       const char *const days[7], const uint64_t hours[HTML_WEEK])
{
	uint64_t largest = 0;

	for (size_t i = 0; i < HTML_WEEK; i++)
		largest = BL_MAX(largest, hours[i]);
	put_heading(out, id, title, text);
	if (largest)
		put_shades(out, largest);
	html_put(out,
		 "<div class=\"field\"><svg class=\"scale days\" height=\"%d\" "
		 "aria-hidden=\"true\">",
		 7 * DAY_HEIGHT + 22);
	for (int day = 0; day < 7; day++)
		html_put(out, "<text x=\"100%%\" y=\"%d\" dy=\".32em\">%s</text>",
			 day * DAY_HEIGHT + DAY_HEIGHT / 2, days[day]);
	html_put(out,
		 "</svg><svg class=\"week\" height=\"%d\" role=\"img\" aria-labelledby=\"%s-t "
		 "%s-d\">\n",
		 7 * DAY_HEIGHT + 22, id, id);
	for (int i = 0; i < HTML_WEEK; i++)
		html_put(out,
			 "<rect class=\"h%u\" x=\"%.3f%%\" y=\"%d\" width=\"%.3f%%\" "
			 "height=\"%d\"><title>%s %d:00: %s</title></rect>\n",
			 shade_of(hours[i], largest), i % 24 / .24 + .15, i / 24 * DAY_HEIGHT + 1,
			 100.0 / 24 - .3, DAY_HEIGHT - 2, days[i / 24], i % 24,
			 PAGE_GROUPED(hours[i]));
	put_hours(out);
	fputs("</svg></div></figure>\n", out);
}

void html_spark(FILE *out, const char *text, const uint64_t *values, size_t count)
{
	uint64_t largest = 1;

	for (size_t i = 0; i < count; i++)
		largest = BL_MAX(largest, values[i]);
	html_put(out,
		 "<svg class=\"spark\" viewBox=\"0 0 100 20\" preserveAspectRatio=\"none\" "
		 "role=\"img\"><title>%s</title><polyline points=\"",
		 text);
	for (size_t i = 0; i < count; i++)
		html_put(out, "%.2f,%.2f ", count > 1 ? 100 * (double)i / (double)(count - 1) : 50,
			 19 - 18 * (double)values[i] / (double)largest);
	fputs("\"/></svg>", out);
}

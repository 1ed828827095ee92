/* The picture of a medium on its page: where it is not cleared, and where personal data lies. */
#include <stdio.h>
#include <string.h>

#include "fs/inspect/report-private.h"

#define PARTS 400 /* of the medium, side by side; what is smaller than one is shown as one */

struct strip {
	bool contents[PARTS], personal[PARTS];
	/* What lies behind these parts is not listed; PARTS: all is. */
	size_t unlisted, unlisted_personal;
};

/* Where @offset lies among the parts, from 0 to PARTS. */
static double part_of(const json_t *json, uint64_t offset)
{
	return (double)offset / (double)statement_number(json, "medium", "size_bytes") * PARTS;
}

static void mark(const json_t *json, bool parts[PARTS], uint64_t offset, uint64_t length)
{
	size_t first = BL_MIN((size_t)part_of(json, offset), (size_t)PARTS - 1);
	double end = part_of(json, offset + length);

	parts[first] = true;
	for (size_t i = first + 1; i < PARTS && (double)i < end; i++)
		parts[i] = true;
}

/* The part from which on a group is not listed any more: its last one that is lies at @end. */
static size_t unlisted_from(const json_t *json, const char *group, uint64_t end)
{
	return statement_number(json, group, "more")
		       ? BL_MIN((size_t)part_of(json, end), (size_t)PARTS - 1)
		       : PARTS;
}

static void strip_look(const json_t *json, struct strip *strip)
{
	const json_t *first = statement_at(json, "regions", "first"),
		     *places = statement_at(json, "findings", "places");
	uint64_t end = 0;

	memset(strip, 0, sizeof(*strip));
	for (size_t i = 0; i < json_array_size(first); i++) {
		const json_t *region = json_array_get(first, i);
		uint64_t at = (uint64_t)json_integer_value(json_array_get(region, 0)),
			 length = (uint64_t)json_integer_value(json_array_get(region, 1));

		mark(json, strip->contents, at, length);
		end = at + length;
	}
	strip->unlisted = unlisted_from(json, "regions", end);
	end = 0;
	for (size_t i = 0; i < json_array_size(places); i++) {
		end = statement_number(json_array_get(places, i), NULL, "offset");
		mark(json, strip->personal, end,
		     statement_number(json_array_get(places, i), NULL, "length"));
	}
	strip->unlisted_personal = unlisted_from(json, "findings", end);
}

/* One path of all the runs of parts that are set. */
static void put_runs(FILE *out, const bool parts[PARTS], const char *class, int top, int height)
{
	bool is_begun = false;

	for (size_t i = 0; i < PARTS; i++) {
		size_t from = i;

		if (!parts[i])
			continue;
		while (i < PARTS && parts[i])
			i++;
		if (!is_begun)
			fprintf(out, "<path class=\"%s\" d=\"", class);
		is_begun = true;
		fprintf(out, "M%zu %dh%zuv%dh-%zuz", from, top, i - from, height, i - from);
	}
	if (is_begun)
		fputs("\"/>\n", out);
}

static bool is_cut(const struct strip *strip)
{
	return strip->unlisted < PARTS || strip->unlisted_personal < PARTS;
}

static size_t marked(const bool parts[PARTS])
{
	size_t count = 0;

	for (size_t i = 0; i < PARTS; i++)
		count += parts[i];
	return count;
}

static void put_legend(FILE *out, const struct strip *strip, bool is_empty, const char *size)
{
	fprintf(out, "<div class=\"axis\"><span>0</span><span>%s</span></div>\n", size);
	fputs("<figcaption>The medium from its beginning (left) to its end (right). ", out);
	if (marked(strip->contents))
		fputs("<span><span class=\"key contents\"></span> not cleared</span> ", out);
	if (marked(strip->personal))
		fputs("<span><span class=\"key personal\"></span> personal data</span> ", out);
	if (is_cut(strip))
		fputs("<span><span class=\"key unlisted\"></span> more, not listed</span> ", out);
	if (!marked(strip->contents))
		fputs(is_empty ? "All of it is cleared."
			       : "Nothing was found in what could be read.",
		      out);
	else
		fputs("<br>Marks are widened so that the smallest is seen.", out);
	fputs("</figcaption></figure>\n", out);
}

static void put_unlisted(FILE *out, size_t from, int top, int height)
{
	if (from < PARTS)
		fprintf(out,
			"<rect x=\"%zu\" y=\"%d\" width=\"%zu\" height=\"%d\" "
			"fill=\"url(#hatch)\"/>\n",
			from, top, PARTS - from, height);
}

void inspect_strip_put(FILE *out, const json_t *json, const char *size)
{
	const char *verdict = statement_text(json, NULL, "verdict");
	struct strip strip;

	strip_look(json, &strip);
	fprintf(out,
		"<figure><svg viewBox=\"0 0 %d 40\" preserveAspectRatio=\"none\" role=\"img\" "
		"aria-labelledby=\"strip-title strip-desc\">\n"
		"<title id=\"strip-title\">Where the medium is not cleared</title>\n"
		"<desc id=\"strip-desc\">The medium from its beginning at the left to its end at "
		"the right, in %d parts: %zu hold something, %zu personal data.%s</desc>\n",
		PARTS, PARTS, marked(strip.contents), marked(strip.personal),
		is_cut(&strip) ? " Not all places are listed." : "");
	if (is_cut(&strip))
		fputs("<defs><pattern id=\"hatch\" width=\"4\" height=\"8\" "
		      "patternUnits=\"userSpaceOnUse\"><path class=\"hatch\" "
		      "d=\"M0 8L4 0\"/></pattern></defs>\n",
		      out);
	put_unlisted(out, strip.unlisted, 0, 26);
	put_unlisted(out, strip.unlisted_personal, 28, 12);
	put_runs(out, strip.contents, "contents", 0, 26);
	put_runs(out, strip.personal, "personal", 28, 12);
	fputs("</svg>\n", out);
	put_legend(out, &strip, strcmp(verdict, inspect_verdict_name(INSPECT_EMPTY)) == 0, size);
}

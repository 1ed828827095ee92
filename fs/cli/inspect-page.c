#include "fs/cli/inspect-page.h"

#include <inttypes.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/device-page.h"
#include "fs/cli/progress.h"

#define LABEL 13
#define FEW   5 /* of anything that is told with its place; the statement has the rest */

static const json_t *at(const json_t *statement, const char *group, const char *key)
{
	return json_object_get(json_object_get(statement, group), key);
}

static void put_label(FILE *out, const char *label)
{
	fprintf(out, "%-*s", LABEL, label);
}

static const char *bytes_at(const json_t *object, const char *key, char out[24])
{
	return progress_bytes((uint64_t)cli_number(object, key), out);
}

/* ---- verdict ------------------------------------------------------------------------------------------ */

static void put_verdict(FILE *out, const json_t *statement)
{
	static const struct {
		const char *verdict, *words;
	} VERDICTS[] = {
		{"EMPTY", "EMPTY: all of it was read, and there is nothing on it"},
		{"NOT_EMPTY", "NOT EMPTY: there is something on it"},
		{"NOT_READ", "NOT PROVED: nothing was found, but not all of it could be read"},
	};
	const char *verdict = cli_text(statement, "verdict");

	for (size_t i = 0; i < BL_COUNT(VERDICTS); i++)
		if (strcmp(VERDICTS[i].verdict, verdict) == 0) {
			fprintf(out, "%s\n\n", VERDICTS[i].words);
			return;
		}
	fputs("NOT PROVED: the verdict is not known to this program\n\n", out);
}

/* ---- which medium ---------------------------------------------------------------------------------------- */

static const char *say_match(const char *matches)
{
	if (strcmp(matches, "yes") == 0)
		return "the serial number is the record's";
	return strcmp(matches, "no") == 0 ? "the serial number is NOT the record's"
					  : "no serial number could be compared";
}

static void put_medium(FILE *out, const json_t *statement)
{
	const json_t *medium = json_object_get(statement, "medium");
	struct tell_list words = {.length = 0};
	char size[24];

	tell_list_add(&words, "%s of %s", cli_text(medium, "kind"),
		      bytes_at(medium, "size_bytes", size));
	device_say_what(medium, &words);
	if (json_is_true(json_object_get(medium, "is_virtual")))
		tell_list_add(&words, "virtual: what lies beneath was not seen");
	if (strcmp(cli_text(medium, "kind"), "file") == 0)
		tell_list_add(&words, "what it was copied from was not seen");
	tell_row(out, LABEL, "medium", words.text);
}

static void put_device(FILE *out, const json_t *statement)
{
	const char *matches = cli_text(json_object_get(statement, "medium"), "serial_matches");
	const json_t *device = json_object_get(statement, "device");
	struct tell_list words = {.length = 0};

	if (!json_is_object(device)) {
		tell_row(out, LABEL, "device", "bound to none (--device ID binds it)");
		return;
	}
	tell_list_add(&words, "%s", cli_text(device, "id"));
	device_say_what(device, &words);
	tell_row(out, LABEL, "device", words.text);
	tell_row(out, LABEL, "", say_match(matches));
	if (strcmp(matches, "unknown") == 0)
		tell_row(out, LABEL, "", "ONLY YOUR WORD says that this medium is the device's");
}

static void put_read(FILE *out, const json_t *statement)
{
	const json_t *read = json_object_get(statement, "read");
	char bytes[24];

	put_label(out, "read");
	fprintf(out, "%s, where anything but %02llX counts", bytes_at(read, "bytes", bytes),
		(unsigned long long)cli_number(read, "fill"));
	if (cli_number(read, "unreadable_bytes"))
		fprintf(out, "; %s could NOT be read", bytes_at(read, "unreadable_bytes", bytes));
	fputc('\n', out);
}

/* ---- regions ------------------------------------------------------------------------------------------------ */

static uint64_t number_in(const json_t *pair, size_t index)
{
	json_int_t number = json_integer_value(json_array_get(pair, index));

	return number > 0 ? (uint64_t)number : 0;
}

#define LEAST                                                                                      \
	1e-9 /* of a cell: what is there is seen, also where doubles cannot tell it from nothing */

static void fill_cells(double filled[INSPECT_CELLS], uint64_t size, uint64_t offset,
		       uint64_t length)
{
	double cell = (double)size / INSPECT_CELLS;
	double begin = (double)offset, end = BL_MIN((double)offset + (double)length, (double)size);
	size_t first = BL_MIN((size_t)(begin / cell), (size_t)INSPECT_CELLS - 1);

	filled[first] += LEAST;
	for (size_t i = first; i < INSPECT_CELLS && (double)i * cell < end; i++) {
		double from = BL_MAX(begin, (double)i * cell);
		double until = BL_MIN(end, (double)(i + 1) * cell);

		filled[i] += BL_MAX(until - from, 0) / cell;
	}
}

static int quarters(double filled)
{
	if (filled <= 0)
		return 0;
	return filled >= 1 ? 4 : 1 + (int)BL_MAX(filled * 4 - 8 * LEAST, 0);
}

void inspect_cells(const json_t *statement, int out_cells[INSPECT_CELLS])
{
	const json_t *first = at(statement, "regions", "first"), *region;
	json_int_t stated = json_integer_value(at(statement, "medium", "size_bytes"));
	json_int_t count = json_integer_value(at(statement, "regions", "count"));
	uint64_t size = stated > 0 ? (uint64_t)stated : 0, told = 0;
	double filled[INSPECT_CELLS] = {0};
	size_t index;

	json_array_foreach(first, index, region)
	{
		uint64_t offset = number_in(region, 0), length = number_in(region, 1);

		if (offset >= size || length == 0)
			continue;
		fill_cells(filled, size, offset, length);
		told = BL_MAX(told, offset + length);
	}

	bool is_cut = count > (json_int_t)json_array_size(first);

	for (size_t i = 0; i < INSPECT_CELLS; i++) {
		bool is_told = !is_cut || (double)i * (double)size / INSPECT_CELLS < (double)told;

		out_cells[i] = is_told ? quarters(filled[i]) : -1;
	}
}

static void put_picture(FILE *out, const json_t *statement, const struct inspect_look *look)
{
	static const char *const SHADES[2][6] = {{"?", ".", ":", "+", "*", "#"},
						 {"?", "·", "░", "▒", "▓", "█"}};
	int cells[INSPECT_CELLS];

	inspect_cells(statement, cells);
	fprintf(out, "%*s[", LABEL, "");
	for (size_t i = 0; i < INSPECT_CELLS; i++) {
		const char *shade = SHADES[look->is_utf8][cells[i] + 1];
		bool is_red = look->has_colours && cells[i] != 0;

		fprintf(out, "%s%s%s", is_red ? "\033[31m" : "", shade, is_red ? "\033[0m" : "");
	}
	fputs("]\n", out);
}

static void put_regions(FILE *out, const json_t *statement, const struct inspect_look *look)
{
	const json_t *regions = json_object_get(statement, "regions"), *region;
	const json_t *first = json_object_get(regions, "first");
	char bytes[24], count[TELL_COUNT];
	size_t index;

	put_label(out, "regions");
	if (!cli_number(regions, "count")) {
		fputs("none\n", out);
	} else {
		fprintf(out, "%s, %s in all\n",
			tell_count(cli_number(regions, "count"), "region", count),
			bytes_at(regions, "bytes", bytes));
		json_array_foreach(first, index, region)
		{
			if (index == FEW)
				break;
			fprintf(out, "%*s%s at %" PRIu64 "\n", LABEL, "",
				progress_bytes(number_in(region, 1), bytes), number_in(region, 0));
		}
	}
	put_picture(out, statement, look);
}

/* ---- what it looks like ---------------------------------------------------------------------------------------- */

static void put_signs(FILE *out, const json_t *statement, const char *key, const char *more_key)
{
	const json_t *list = json_object_get(statement, key), *sign;
	size_t count = json_array_size(list), index;
	long long more = cli_number(statement, more_key);

	if (!count)
		return;
	json_array_foreach(list, index, sign)
	{
		if (index == FEW)
			break;
		put_label(out, index ? "" : key);
		tell_safe(out, cli_text(sign, "type"));
		fprintf(out, " at %lld\n", cli_number(sign, "offset"));
	}
	more += count > FEW ? (long long)(count - FEW) : 0;
	if (more > 0)
		fprintf(out, "%*sand %lld more\n", LABEL, "", more);
}

static void add_where(struct tell_list *words, const json_t *counts)
{
	static const struct {
		const char *key, *words;
	} WHERE[] = {{"allocated", "in use"},
		     {"free", "in free space"},
		     {"nobodys", "in no filesystem"},
		     {"identity", "of these known of the customer"}};

	for (size_t i = 0; i < BL_COUNT(WHERE); i++)
		if (cli_number(counts, WHERE[i].key))
			tell_list_add(words, "%lld %s", cli_number(counts, WHERE[i].key),
				      WHERE[i].words);
}

static void put_findings(FILE *out, const json_t *statement)
{
	json_t *classes = json_object_get(json_object_get(statement, "findings"), "classes");
	const json_t *looked_for = json_object_get(statement, "looked_for");
	char kinds[TELL_COUNT], values[TELL_COUNT];
	const char *class;
	json_t *counts;
	bool is_any = false;

	json_object_foreach(classes, class, counts)
	{
		struct tell_list words = {.length = 0};

		add_where(&words, counts);
		if (!words.length)
			continue;
		put_label(out, is_any ? "" : "personal");
		tell_safe(out, class);
		fprintf(out, ": %s\n", words.text);
		is_any = true;
	}
	if (!is_any) {
		put_label(out, "personal");
		fputs("nothing was found\n", out);
	}
	put_label(out, "looked for");
	fprintf(out, "%s of personal data",
		tell_count((long long)json_array_size(looked_for), "kind", kinds));
	if (cli_number(statement, "identities"))
		fprintf(out, ", %s of the customer",
			tell_count(cli_number(statement, "identities"), "known value", values));
	fputc('\n', out);
}

/* ---- what others said of it -------------------------------------------------------------------------------------- */

static void put_reports(FILE *out, const json_t *statement)
{
	const json_t *reports = json_object_get(statement, "reports"), *report;
	size_t index;

	json_array_foreach(reports, index, report)
	{
		const char *version = cli_text(report, "version");
		const char *method = cli_text(report, "method");
		struct tell_list words = {.length = 0};

		tell_list_add(&words, "%s%s%s", cli_text(report, "program"), *version ? " " : "",
			      version);
		if (*method)
			tell_list_add(&words, "%s", method);
		tell_list_add(&words, "%s", cli_text(report, "result"));
		tell_list_add(&words, "%s", say_match(cli_text(report, "serial_matches")));
		tell_row(out, LABEL, index ? "" : "said of it", words.text);
	}
}

static void put_next(FILE *out, const json_t *statement)
{
	const char *id = cli_text(json_object_get(statement, "device"), "id");

	if (!*id)
		return;
	put_label(out, "kept");
	fprintf(out, "bailee certificate show %s --inspect\n", id);
	if (strcmp(cli_text(statement, "verdict"), "EMPTY") == 0 &&
	    strcmp(cli_text(json_object_get(statement, "medium"), "serial_matches"), "no") != 0) {
		put_label(out, "next");
		fprintf(out, "bailee device restock %s\n", id);
	}
}

void inspect_page(FILE *out, const json_t *statement, const struct inspect_look *look)
{
	put_verdict(out, statement);
	put_medium(out, statement);
	put_device(out, statement);
	put_read(out, statement);
	put_regions(out, statement, look);
	put_signs(out, statement, "tables", "tables_more");
	put_signs(out, statement, "filesystems", "filesystems_more");
	put_findings(out, statement);
	put_reports(out, statement);
	put_next(out, statement);
}

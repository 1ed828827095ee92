#include "fs/cli/scan-page.h"

#include <inttypes.h>
#include <string.h>

#include "fs/cli/cli.h"
#include "fs/cli/progress.h"
#include "fs/cli/tell.h"

#define LABEL	     12
#define BAR	     24 /* cells of the longest bar */
#define CLASSES_MOST 64

struct class_row {
	const char *name;
	long long values, files;
};

static void put_count(FILE *out, const char *label, long long count, const char *words)
{
	char text[TELL_COUNT];

	if (count)
		fprintf(out, "%-*s%s %s\n", LABEL, label, tell_count(count, "file", text), words);
}

/* The most values first. */
static size_t gather(const json_t *classes, struct class_row rows[CLASSES_MOST])
{
	const char *name;
	json_t *row;
	size_t count = 0;

	json_object_foreach((json_t *)(uintptr_t)classes, name, row)
	{
		struct class_row item = {name, cli_number(row, "values"), cli_number(row, "files")};
		size_t at = count;

		if (count == CLASSES_MOST)
			break;
		for (; at > 0 && rows[at - 1].values < item.values; at--)
			rows[at] = rows[at - 1];
		rows[at] = item;
		count++;
	}
	return count;
}

static void draw_bar(long long part, long long whole, char out[4 * BAR + 1])
{
	const char *cell = tell_is_utf8() ? "\xe2\x96\x88" : "#";
	long long cells = whole ? part * BAR / whole : 0;

	out[0] = '\0';
	for (long long i = 0; i < (cells ? cells : 1); i++)
		strcat(out, cell);
}

/* A row per class: a bar says at a glance what a column of digits does not. */
static void put_classes(FILE *out, const json_t *classes)
{
	struct class_row rows[CLASSES_MOST];
	size_t count = gather(classes, rows);
	BL_CLEANUP(tell_table_done)
	struct tell_table table = {.heads = {"CLASS", ">VALUES", ">FILES", " "}};

	if (count == 0) {
		fputs("\nnothing that a detector knows was found\n", out);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		char values[24], files[24], bar[4 * BAR + 1];
		const char *cells[] = {rows[i].name, values, files, bar};

		snprintf(values, sizeof(values), "%lld", rows[i].values);
		snprintf(files, sizeof(files), "%lld", rows[i].files);
		draw_bar(rows[i].values, rows[0].values, bar);
		tell_table_add(&table, cells);
	}
	fputc('\n', out);
	tell_table_print(out, &table);
}

/* "3 name, 1 email" */
static void list_classes(const json_t *classes, struct tell_list *list)
{
	const char *name;
	json_t *count;

	json_object_foreach((json_t *)(uintptr_t)classes, name, count)
		tell_list_add(list, "%lld %s", (long long)json_integer_value(count), name);
}

static void put_names(FILE *out, const json_t *names)
{
	struct tell_list list = {.length = 0};

	list_classes(names, &list);
	if (list.length)
		fprintf(out, "\nin names of files and folders: %s\n", list.text);
}

static void put_path(FILE *out, const json_t *path)
{
	struct tell_list list = {.length = 0};

	list_classes(json_object_get(path, "classes"), &list);
	tell_safe(out, cli_text(path, "path"));
	fprintf(out, "  %s\n", list.length ? list.text : cli_text(path, "state"));
}

void scan_page(FILE *out, const json_t *answer, const json_t *paths)
{
	char bytes[24], files[TELL_COUNT];
	size_t index;
	json_t *path;

	tell_row(out, LABEL, "device", cli_text(answer, "device"));
	fprintf(out, "%-*s%s of %lld, %s read now, the rest kept from before\n", LABEL,
		"looked into", tell_count(cli_number(answer, "looked"), "file", files),
		cli_number(answer, "files"),
		progress_bytes((uint64_t)cli_number(answer, "read_bytes"), bytes));
	put_count(out, "withheld", cli_number(answer, "withheld"),
		  "of kinds that nothing can look into yet: closed to everybody");
	put_count(out, "in part", cli_number(answer, "partly"),
		  "with a part that is no text: that part is withheld");
	put_count(out, "unread", cli_number(answer, "unread"), "cannot be read");
	if (cli_number(answer, "unreadable"))
		tell_row(out, LABEL, "NOT READ",
			 "the image, or a partition of it, cannot be read: nothing of that was "
			 "looked into (mount it: "
			 "its NOTICE.txt says what it is)");
	put_classes(out, json_object_get(answer, "classes"));
	put_names(out, json_object_get(answer, "names"));
	if (!paths)
		return;
	fputc('\n', out);
	json_array_foreach((json_t *)(uintptr_t)paths, index, path) put_path(out, path);
}

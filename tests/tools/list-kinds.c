/* list-kinds.c - every kind of personal data that has a row, as docs/kinds.md has them */
#include <stdio.h>
#include <string.h>

#include "policy/detect/kind.h"

/* Text of a table's cell: no bar ends it. */
static void put_cell(const char *text, const char *instead_of_bar)
{
	for (; text && *text; text++)
		if (*text == '|')
			fputs(instead_of_bar, stdout);
		else
			fputc(*text, stdout);
}

#define LABELS 6 /* shown of each; the rows have the rest */

static void put_labels(const char *text)
{
	unsigned shown = 1, more = 0;

	for (; text && *text; text++) {
		if (*text == '|' && shown++ >= LABELS)
			more++;
		if (shown <= LABELS)
			fputs(*text == '|' ? ", " : (char[]){*text, 0}, stdout);
	}
	if (more)
		printf(" and %u more", more);
}

static void put_kind(const struct kind *kind)
{
	printf("| `%s` | %s | ", kind->id, kind->trust == KIND_SURE ? "alone" : "by label");
	if (kind->forms && !kind->match) {
		fputc('`', stdout);
		put_cell(kind->forms, "` `");
		fputc('`', stdout);
	}
	printf(" | %s | ", kind->check ? "checked" : "");
	put_cell(kind->standard, "/");
	fputs(" | ", stdout);
	put_labels(kind->labels);
	puts(" |");
}

static void put_class(unsigned class)
{
	bool is_first = true;

	for (size_t i = 0; i < kind_table_count; i++)
		for (size_t k = 0; k < kind_tables[i]->count; k++) {
			if (kind_tables[i]->rows[k].class != class)
				continue;
			if (is_first)
				printf("\n## %s\n\n| kind | found | forms | | standard | labels "
				       "|\n|---|---|---|---|---|---|\n",
				       bl_class_name((enum bl_class) class));
			is_first = false;
			put_kind(&kind_tables[i]->rows[k]);
		}
}

int main(void)
{
	puts("# Kinds of personal data\n\n"
	     "Written by `build/test/tools/list-kinds` from the rows of `policy/detect/kinds`; "
	     "`tests/e2e/kinds.sh` compares. "
	     "What stands in no row (emails, cards, IBANs, addresses, names by grammar, private "
	     "keys) is told in detection.md.\n\n"
	     "In a form: `d` digit, `a` letter, `x` either, `h` hexadecimal digit, `{n}` so many, "
	     "`-` a separator, `_` one or none.");
	for (unsigned class = 0; class < CLASS_COUNT; class ++)
		put_class(class);
	return 0;
}

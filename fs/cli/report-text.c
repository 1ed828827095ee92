#include "fs/cli/report-text.h"

#include <stdio.h>
#include <stdlib.h>

#include "fs/page/page.h"

json_t *report_text(const char *text, size_t length, size_t limit)
{
	size_t room = BL_MIN(length, limit), used = 0, at = 0;
	/* The last sign may reach beyond the room by three bytes. */
	char *out = malloc(4 * room + 8);

	if (!out)
		return NULL;
	while (at < room) {
		size_t size = page_seen(text + at, length - at);

		for (size_t i = 0; i < size; i++)
			out[used++] = text[at + i];
		if (!size)
			used += (size_t)sprintf(out + used, "\\x%02x", (unsigned char)text[at]);
		at += BL_MAX(size, (size_t)1);
	}
	if (at < length)
		used += (size_t)sprintf(out + used, "...");

	json_t *json = json_stringn(out, used);

	free(out);
	return json;
}

/* Texts of strangers in a page: nothing of them is markup, steers or hides, and what can be shown comes back unchanged. */
#include "fs/page/page.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* One character of what was written, as text again; gives back how much of @html it was. */
static size_t read_back(const char *html, char out[PAGE_CHARACTER], size_t *out_length)
{
	static const struct {
		const char *entity;
		char character;
	} ENTITIES[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};

	for (size_t i = 0; i < BL_COUNT(ENTITIES); i++)
		if (strncmp(html, ENTITIES[i].entity, strlen(ENTITIES[i].entity)) == 0) {
			out[0] = ENTITIES[i].character;
			*out_length = 1;
			return strlen(ENTITIES[i].entity);
		}
	/* What is no entity is itself, and none of those that HTML minds. */
	if (strchr("&<>\"'", *html))
		abort();
	*out_length = page_seen(html, strnlen(html, PAGE_CHARACTER));
	if (!*out_length)
		abort();
	memcpy(out, html, *out_length);
	return *out_length;
}

/* Is @html the @length bytes of @text? */
static void check_text(const char *html, const uint8_t *text, size_t length)
{
	while (length) {
		char character[PAGE_CHARACTER], hex[8];
		size_t got;

		if (!page_seen((const char *)text, length)) {
			snprintf(hex, sizeof(hex), "\\x%02x", *text);
			if (strncmp(html, hex, 4) != 0)
				abort();
			html += 4;
			text++;
			length--;
			continue;
		}
		html += read_back(html, character, &got);
		if (got > length || memcmp(character, text, got) != 0)
			abort();
		text += got;
		length -= got;
	}
	if (*html)
		abort();
}

/* The same without the marks that @way may put in. */
static char *without(const char *html, const char *mark)
{
	char *out = malloc(strlen(html) + 1);
	size_t length = 0;

	if (!out)
		abort();
	while (*html) {
		if (strncmp(html, mark, strlen(mark)) == 0)
			html += strlen(mark);
		else
			out[length++] = *html++;
	}
	out[length] = '\0';
	return out;
}

static void check_written(const char *text, const uint8_t *bytes, size_t length)
{
	size_t size;
	char *html = NULL, *plain;
	FILE *out = open_memstream(&html, &size);

	if (!out)
		abort();
	html_text(out, (const char *)bytes, length);
	fclose(out);
	check_text(html, bytes, length);
	free(html);
	out = open_memstream(&html, &size);
	html_words(out, (const char *)bytes, length);
	fclose(out);
	plain = without(html, "<wbr>");
	check_text(plain, bytes, length);
	free(plain);
	free(html);
	out = open_memstream(&html, &size);
	html_put(out, "%s%d", text, 7);
	fclose(out);
	if (size == 0 || html[size - 1] != '7')
		abort();
	html[size - 1] = '\0';
	check_text(html, bytes, strlen(text));
	free(html);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = malloc(length + 1);

	if (!text)
		abort();
	memcpy(text, bytes, length);
	text[length] = '\0';
	check_written(text, bytes, length);
	free(text);
	return 0;
}

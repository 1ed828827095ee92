/* The writer of HTML: what is not a literal of ours cannot become markup. */
#include <ctype.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>

#include "fs/page/private.h"

/* ---- escaping ---------------------------------------------------------------------------------------- */

/* What stands for @character between tags and in quoted attributes; NULL: itself. */
static const char *entity_of(char character)
{
	switch (character) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* The character that @text begins with, or its first byte as \\xNN; gives back how many bytes it was. */
static size_t put_character(FILE *out, const char *text, size_t length)
{
	const char *entity = entity_of(*text);
	size_t seen = page_seen(text, length);

	if (!seen)
		fprintf(out, "\\x%02x", (unsigned char)*text);
	else if (entity)
		fputs(entity, out);
	else
		fwrite(text, 1, seen, out);
	return seen ? seen : 1;
}

void html_text(FILE *out, const char *text, size_t length)
{
	while (length) {
		size_t taken = put_character(out, text, length);

		text += taken;
		length -= taken;
	}
}

void html_words(FILE *out, const char *text, size_t length)
{
	size_t run = 0;

	while (length) {
		size_t taken;

		if (run == HTML_WORD)
			fputs("<wbr>", out);
		run = *text == ' ' || *text == '-' ? 0 : run % HTML_WORD + 1;
		taken = put_character(out, text, length);
		text += taken;
		length -= taken;
	}
}

void html_parts(FILE *out, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, " "), spaces = strspn(text + length, " ");

		fputs("<span>", out);
		html_text(out, text, length);
		fputs(spaces ? "</span> " : "</span>", out);
		text += length + spaces;
	}
}

/* ---- templates --------------------------------------------------------------------------------------- */

/* Of one conversion: what stands between '%' and its letter. */
struct conversion {
	int places;	/* behind the point; -1: none said */
	unsigned longs; /* how many l */
	bool is_size;	/* z */
	char letter;
};

/* Reads what follows a '%'; gives back what follows the conversion. */
static const char *conversion_of(const char *at, struct conversion *conversion)
{
	*conversion = (struct conversion){.places = -1};
	if (*at == '.' && isdigit((unsigned char)at[1])) {
		conversion->places = at[1] - '0';
		at += 2;
	}
	for (; *at == 'l'; at++)
		conversion->longs++;
	if (*at == 'z') {
		conversion->is_size = true;
		at++;
	}
	conversion->letter = *at;
	return *at ? at + 1 : at;
}

static void put_signed(FILE *out, const struct conversion *conversion, va_list *list)
{
	long long value;

	if (conversion->is_size)
		value = (long long)va_arg(*list, ssize_t);
	else if (conversion->longs > 1)
		value = va_arg(*list, long long);
	else if (conversion->longs)
		value = va_arg(*list, long);
	else
		value = va_arg(*list, int);
	fprintf(out, "%lld", value);
}

static void put_unsigned(FILE *out, const struct conversion *conversion, va_list *list)
{
	unsigned long long value;

	if (conversion->is_size)
		value = va_arg(*list, size_t);
	else if (conversion->longs > 1)
		value = va_arg(*list, unsigned long long);
	else if (conversion->longs)
		value = va_arg(*list, unsigned long);
	else
		value = va_arg(*list, unsigned);
	fprintf(out, "%llu", value);
}

/* One that is not known ends the template: what follows it would be read from the wrong place. */
static bool put_conversion(FILE *out, const struct conversion *conversion, va_list *list)
{
	const char *text;

	switch (conversion->letter) {
	case '%':
		fputc('%', out);
		return true;
	case 's':
		text = va_arg(*list, const char *);
		html_text(out, text ? text : "", text ? strlen(text) : 0);
		return true;
	case 'd':
		put_signed(out, conversion, list);
		return true;
	case 'u':
		put_unsigned(out, conversion, list);
		return true;
	case 'f':
		fprintf(out, "%.*f", BL_MAX(conversion->places, 0), va_arg(*list, double));
		return true;
	default:
		return false;
	}
}

void html_put(FILE *out, const char *html, ...)
{
	struct conversion conversion;
	va_list list;
	bool is_known = true;

	va_start(list, html);
	while (*html && is_known) {
		size_t plain = strcspn(html, "%");

		fwrite(html, 1, plain, out);
		html += plain;
		if (!*html)
			break;
		html = conversion_of(html + 1, &conversion);
		is_known = put_conversion(out, &conversion, &list);
	}
	va_end(list);
}

/* ---- the whole page ---------------------------------------------------------------------------------- */

#define SHA256_BASE64 48 /* 44 signs and the NUL, with room */

/* "'sha256-...'", by which a Content-Security-Policy lets this very text by */
static void put_source(FILE *out, const char *text)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	char base64[SHA256_BASE64];

	crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
	fprintf(out, "'sha256-%s'",
		sodium_bin2base64(base64, sizeof(base64), digest, sizeof(digest),
				  sodium_base64_VARIANT_ORIGINAL));
}

void html_begin(FILE *out, const struct html_page *page)
{
	html_put(out,
		 "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
		 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		 "<meta name=\"referrer\" content=\"no-referrer\">\n"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		 "base-uri 'none'; form-action 'none'; style-src ",
		 page->lang);
	put_source(out, PAGE_STYLE);
	if (page->has_script) {
		fputs("; script-src ", out);
		put_source(out, PAGE_SCRIPT);
	}
	html_put(out, "\">\n<title>%s</title>\n<style>", page->title);
	fputs(PAGE_STYLE, out);
	html_put(out, "</style>\n</head>\n<body class=\"%s\">\n", page->class);
}

void html_end(FILE *out, const struct html_page *page)
{
	if (page->has_script) {
		fputs("<script>", out);
		fputs(PAGE_SCRIPT, out);
		fputs("</script>\n", out);
	}
	fputs("</body>\n</html>\n", out);
}

void html_section(FILE *out, const struct html_section *section)
{
	html_put(out, "<section id=\"%s\" aria-labelledby=\"%s-h\"><h2 id=\"%s-h\">%s</h2>\n",
		 section->id, section->id, section->id, section->title);
}

void html_section_end(FILE *out)
{
	fputs("</section>\n", out);
}

void html_contents(FILE *out, const struct html_section *sections, size_t count)
{
	fputs("<nav class=\"contents\" aria-label=\"Contents\"><ol>\n", out);
	for (size_t i = 0; i < count; i++)
		html_put(out, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id,
			 sections[i].title);
	fputs("</ol></nav>\n", out);
}

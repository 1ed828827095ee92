/* page.h - what pages of statements share: words in lines of a terminal, and characters that HTML minds */
#ifndef FS_DEVICE_PAGE_H
#define FS_DEVICE_PAGE_H

#include <stddef.h>
#include <stdio.h>

#define PAGE_WIDTH 80 /* columns of a line */
#define PAGE_LABEL 22 /* where values begin, behind their labels */

/*
 * page_wrap - the words of @text in lines that begin at column @indent, of which the first is begun already; then a new line
 *
 * A word that fits on no such line (a digest) has one of its own, and stays whole. Columns are counted by characters of UTF-8.
 */
void page_wrap(FILE *out, const char *text, size_t indent);

/* page_escape - what stands for @character in HTML, between tags and in attributes; NULL: itself */
const char *page_escape(char character);

#endif

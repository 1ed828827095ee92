/* device-page.h - a device as a page for people, and the words that all pages about devices share. Private to fs/cli; pure */
#ifndef FS_CLI_DEVICE_PAGE_H
#define FS_CLI_DEVICE_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "fs/cli/tell.h"

/* device_page - the whole answer of `device-show`, with its notes under "notes" and its custody chain under "custody" */
void device_page(FILE *out, const json_t *answer);

/* "Acme Book 14, serial number 12-345, 512.1 GB": of an answer that has D's keys (docs/protocol.md); empty: nothing is stated */
void device_say_what(const json_t *device, struct tell_list *out);

/* What becomes of it on its date. */
const char *device_say_fate(const json_t *device);

/* device_say_detail - what an event of a device says: the number of what it is about, a date, its words with digests cut, its verdict */
void device_say_detail(const json_t *record, struct tell_list *out);

/* "warning" of a device, an incident or a request: "late" is shouted */
const char *device_say_warning(const json_t *object);

#endif

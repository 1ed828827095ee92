/* look.h - private: what looking again needs: the certificate of a device's own end, and a page of text out of rows */
#ifndef FS_RETENTION_LOOK_H
#define FS_RETENTION_LOOK_H

#include <jansson.h>

#include "fs/retention/private.h"

/* ---- certificate-check.c ---- */

/*
 * certificate_of_end - what the certificate of the device's own end says, without its signature (json_decref)
 *
 * @out_digest  BLAKE2b-256 of its bytes
 * BL_OK, BL_NOT_FOUND (none), BL_NOT_VERIFIED (it does not verify, or is of something else), BL_IO, BL_NO_MEMORY.
 */
enum bl_status certificate_of_end(struct device_store *store, const struct device *device,
				  json_t **out_json, uint8_t out_digest[DIGEST],
				  struct bl_error *why) BL_MUST_CHECK;

/* ---- page.c ---- */

/* A row without a label begins a section, with @path as its heading. */
struct page_row {
	const char *label, *path;
};
struct page_form {
	const char *title;	     /* "CERTIFICATE OF DESTRUCTION" */
	const char *label, *path;    /* what comes first: "Status", "status" */
	const char *meaning;	     /* of that, in a sentence; "": none */
	const struct page_row *rows; /* what is not there is left out */
	size_t count;
};
/* page_text - owned by the caller (free). Nothing in it steers a terminal. BL_OK, BL_NO_MEMORY */
enum bl_status page_text(const struct page_form *form, const json_t *json, char **out_page,
			 struct bl_error *why) BL_MUST_CHECK;

/* ---- sample-page.c ---- */

#define VERIFICATION_TYPE    "bailee-verification"
#define VERIFICATION_VERSION 1

#endif

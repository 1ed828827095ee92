/* Matters, parts and notes unseal only if Bailee sealed them, but a store outlives versions: any bytes must be refused or come back to the byte. */
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void demand(bool is_true)
{
	if (!is_true)
		abort();
}

static void demand_same(const struct plain *again, const uint8_t *bytes, size_t length)
{
	demand(again->length == length && memcmp(again->bytes, bytes, length) == 0);
}

static void look_at_matters(const struct device_matters *matters)
{
	size_t waiting = 0;

	demand(matters->incident_count <= MATTERS_INCIDENTS &&
	       matters->request_count <= MATTERS_REQUESTS);
	for (size_t i = 0; i < matters->incident_count; i++) {
		const struct device_incident *incident = &matters->incidents[i];

		demand(incident->number && incident->number < matters->next_incident &&
		       device_incident_find(matters, incident->number) == incident &&
		       incident->is_closed == matters_action_ok(incident->action));
	}
	for (size_t i = 0; i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];

		demand(request->number && request->number < matters->next_request &&
		       device_customer_request_find(matters, request->number) == request &&
		       facts_ticket_ok(request->ticket) &&
		       request->has_proof == (request->state == CUSTOMER_DONE));
		waiting += request->kind == CUSTOMER_ERASE && request->state == CUSTOMER_OPEN;
	}
	demand(waiting <= 1 && (device_matters_requested(matters) != 0) == (waiting == 1));
}

static void try_matters(const uint8_t *bytes, size_t length)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	PLAIN_CLEANUP struct plain again = {0};

	if (matters_decode(bytes, length, &matters) != BL_OK) {
		demand(!matters);
		return;
	}
	look_at_matters(matters);
	demand(length <= MATTERS_LIMIT);
	if (matters_encode(matters, &again) == BL_OK)
		demand_same(&again, bytes, length);
}

static void try_parts(const uint8_t *bytes, size_t length)
{
	BL_CLEANUP(bl_free) struct device_parts *parts = malloc(sizeof(*parts));
	PLAIN_CLEANUP struct plain again = {0};

	if (!parts || parts_decode(bytes, length, parts) != BL_OK)
		return;
	demand(parts->count <= MATTERS_PARTS && length <= PARTS_LIMIT);
	for (size_t i = 0; i < parts->count; i++)
		demand(parts_find(parts, parts->items[i].entry, parts->items[i].paths) ==
		       &parts->items[i]);
	if (parts_encode(parts, &again) == BL_OK)
		demand_same(&again, bytes, length);
}

static void try_notes(const uint8_t *bytes, size_t length)
{
	BL_CLEANUP(device_notes_free) struct device_notes *notes = NULL;
	PLAIN_CLEANUP struct plain again = {0};

	if (notes_decode(bytes, length, &notes) != BL_OK) {
		demand(!notes);
		return;
	}
	demand(notes->count <= MATTERS_NOTES && length <= NOTES_LIMIT);
	for (size_t i = 0; i < notes->count; i++)
		demand(device_note_ok(notes->items[i].text) &&
		       notes->items[i].number > (i ? notes->items[i - 1].number : 0));
	if (notes_encode(notes, &again) == BL_OK)
		demand_same(&again, bytes, length);
}

/* Their first bytes differ: no need to say which is meant. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	try_matters(bytes, length);
	try_parts(bytes, length);
	try_notes(bytes, length);
	return 0;
}

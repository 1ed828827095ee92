/* Facts unseal only if Bailee sealed them, but a store outlives versions: any bytes must be refused or come back to the byte. */
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void demand(bool is_true)
{
	if (!is_true)
		abort();
}

static void look_at(const struct device_facts *facts)
{
	int64_t until = 0;

	demand(facts->consent_count <= DEVICE_CONSENTS && facts->check_count <= DEVICE_CHECKS &&
	       facts->request_count <= DEVICE_REQUESTS);
	for (size_t i = 0; i < facts->consent_count; i++)
		demand(facts_name_ok(facts->consents[i].purpose) &&
		       device_consent_of(facts, facts->consents[i].purpose) ==
			       (facts->consents[i].is_granted ? CONSENT_GRANTED
							      : CONSENT_WITHDRAWN));
	demand(facts_date_ok(device_consent_withdrawn(facts)));
	for (size_t i = 0; i < facts->check_count; i++) {
		const struct device_check *check = &facts->checks[i];

		demand(facts_ticket_ok(check->ticket) &&
		       device_check_of(facts, check->by, check->since_unix, &until) >=
			       check->check &&
		       until > check->since_unix);
	}
	for (size_t i = 0; i < facts->request_count; i++) {
		const struct device_request *request = &facts->requests[i];

		demand(request->number && request->number < facts->next_request &&
		       facts_reason_ok(request->reason) &&
		       (!request->path || facts_path_ok(request->path)) &&
		       request->approval_count <= DEVICE_APPROVALS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct device_facts *facts = NULL;
	enum bl_status status = facts_decode(bytes, length, &facts);

	if (status != BL_OK) {
		demand(!facts);
		return 0;
	}
	look_at(facts);

	PLAIN_CLEANUP struct plain again = {0};

	/* Version 1 is read, and written as what followed it. */
	if (bytes[0] == 1)
		demand(facts_encode(facts, &again) == BL_OK && again.length == length + 4);
	else if (facts_encode(facts, &again) == BL_OK)
		demand(again.length == length && memcmp(again.bytes, bytes, length) == 0);
	device_facts_free(facts);
	return 0;
}

/* A record file is written by whoever takes a device in: any bytes must be read or refused, and never leak. */
#include <stdlib.h>
#include <string.h>

#include "fs/device/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct device_record record;
	struct bl_error why = {.text = ""};
	enum bl_status status = device_record_parse((const char *)bytes, length, &record, &why);

	if (status == BL_OK) {
		if (record.identity_count > DEVICE_IDENTITIES)
			abort();
		for (size_t i = 0; i < record.identity_count; i++)
			if (!*record.identities[i].value ||
			    record.identities[i].kind > IDENTITY_ADDRESS)
				abort();
		if (record.consent_count > DEVICE_CONSENTS)
			abort();
		for (size_t i = 0; i < record.consent_count; i++)
			if (!*record.consents[i].purpose)
				abort();
		device_record_done(&record);
	} else if (status != BL_NO_MEMORY && (!*why.text || strpbrk(why.text, "\n\x1b"))) {
		abort();
	}
	return 0;
}

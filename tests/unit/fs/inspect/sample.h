/* sample.h - a store, and a result of a wipe check with one of everything, to be signed */
#ifndef TESTS_INSPECT_SAMPLE_H
#define TESTS_INSPECT_SAMPLE_H

#include "fs/inspect/report-private.h"
#include "tests/unit/fs/device/temp.h"

#define NOW INT64_C(1782900000) /* 2026-07-01T10:00:00Z */
#define GB  UINT64_C(1000000000)

struct sample {
	struct inspect_result result;
	struct inspect_medium medium;
	struct device device;
	struct inspect_report reports[2];
	struct inspect_statement statement;
};

static inline const char *sample_class(const void *context, unsigned class)
{
	static const char *const LONG[] = {
		"a-class-of-the-policy-with-a-name-that-is-far-longer-than-any-policy-may-give-"
		"so-that-a-thousand-places-of-it-are-more-than-fits-into-one-statement-that-is-"
		"signed-which-is-what-this-name-is-here-for-and-nothing-else-at-all"};

	if (class < CLASS_COUNT)
		return bl_class_name((enum bl_class) class);
	return context ? LONG[0] : "badge-number";
}

static inline void sample_empty(struct sample *sample)
{
	memset(&sample->result, 0, sizeof(sample->result));
	sample->result.verdict = INSPECT_EMPTY;
	sample->result.size_bytes = sample->result.read_bytes = 512 * GB;
	sample->result.threads = 4;
}

static inline void sample_region(struct sample *sample, uint64_t offset, uint64_t length)
{
	struct inspect_result *result = &sample->result;

	if (result->regions_told < INSPECT_PLACES)
		result->regions[result->regions_told++] = (struct inspect_region){offset, length};
	result->region_count++;
	result->region_bytes += length;
	result->verdict = INSPECT_NOT_EMPTY;
}

static inline void sample_finding(struct sample *sample, unsigned class, enum inspect_where where,
				  uint64_t offset, bool is_identity)
{
	struct inspect_result *result = &sample->result;

	if (result->places_told < INSPECT_PLACES)
		result->places[result->places_told++] =
			(struct inspect_place){offset, 17, (uint8_t) class, (uint8_t)where};
	result->findings[class][where]++;
	result->identity_findings[class] += is_identity;
	result->finding_total++;
}

/* What an ordinary disk leaves that was only formatted. */
static inline void sample_full(struct sample *sample)
{
	struct inspect_result *result = &sample->result;

	sample_empty(sample);
	sample_region(sample, 0, 33 * 512);
	sample_region(sample, 1 << 20, 3 * GB);
	sample_region(sample, 90 * GB, 4096);
	sample_region(sample, 200 * GB, 41 * GB);
	sample_region(sample, 512 * GB - 33 * 512, 33 * 512);
	result->tables[result->table_count++] = (struct inspect_sign){"mbr", 0};
	result->tables[result->table_count++] = (struct inspect_sign){"gpt", 512};
	result->tables[result->table_count++] = (struct inspect_sign){"gpt", 512 * GB - 512};
	result->filesystems[result->filesystem_count++] = (struct inspect_sign){"ext", 1 << 20};
	sample_finding(sample, CLASS_EMAIL, INSPECT_ALLOCATED, GB, true);
	sample_finding(sample, CLASS_CARD_SECURITY_CODE, INSPECT_FREE, 2 * GB, false);
	sample_finding(sample, CLASS_EMAIL, INSPECT_FREE, 2 * GB + 99, false);
	sample_finding(sample, CLASS_COUNT, INSPECT_NOBODYS, 90 * GB + 5, false);
	for (unsigned i = 0; i < 60; i++)
		sample_finding(sample, CLASS_NAME, INSPECT_NOBODYS, 201 * GB + i * GB / 2, i < 7);
}

static inline struct sample *sample_new(void)
{
	struct sample *sample = calloc(1, sizeof(*sample));

	if (!sample)
		abort();
	sample_full(sample);
	sample->medium = (struct inspect_medium){.is_block_device = true,
						 .model = "SYNTHETIC SSD 512 <b>&\"'",
						 .serial = "SYN-0042",
						 .is_virtual = INSPECT_NO};
	sample->device.kind = DEVICE_DISK;
	snprintf(sample->device.id, sizeof(sample->device.id), "RMA-1");
	snprintf(sample->device.maker, sizeof(sample->device.maker), "Synthetic");
	snprintf(sample->device.serial, sizeof(sample->device.serial), "syn-0042");
	sample->reports[0] = (struct inspect_report){.program = "nwipe",
						     .version = "0.34",
						     .serial = "SYN-0042",
						     .model = "SYNTHETIC SSD 512",
						     .method = "DoD Short",
						     .outcome = INSPECT_SUCCESS,
						     .digest = {0xab}};
	sample->reports[1] = (struct inspect_report){.program = "nvme-cli",
						     .method = "NVMe sanitize: block erase",
						     .outcome = INSPECT_FAILURE};
	sample->statement = (struct inspect_statement){
		.result = &sample->result,
		.medium = &sample->medium,
		.device = &sample->device,
		.looked_for = (bl_classes)1 << CLASS_NAME | (bl_classes)1 << CLASS_EMAIL |
			      (bl_classes)1 << CLASS_CARD_SECURITY_CODE |
			      (bl_classes)1 << CLASS_COUNT,
		.class_name = sample_class,
		.identity_count = 3,
		.reports = sample->reports,
		.report_count = 2,
		.begun_unix = NOW,
		.done_unix = NOW + 3600,
		.trusted_unix = NOW + 3601,
		.by = 1000,
	};
	return sample;
}

static inline const uint8_t *sample_key(const struct temp *temp)
{
	return vault_public_key(device_store_vault(temp->store));
}

#endif

#include "fs/daemon/integrity.h"

#include <sodium.h>

static json_t *windows_json(const struct audit_report *report)
{
	json_t *list = json_array();

	for (uint64_t i = 0; i < BL_MIN(report->window_count, (uint64_t)AUDIT_WINDOWS); i++) {
		const struct audit_window *window = &report->windows[i];

		json_array_append_new(list,
				      json_pack("{s:I,s:I,s:b}", "first_sequence",
						(json_int_t)window->first_sequence, "last_sequence",
						(json_int_t)window->last_sequence, "is_now",
						window->is_now));
	}
	return list;
}

const char *integrity_verdict(const struct audit_report *report, enum bl_status status)
{
	if (status == BL_TAMPERED)
		return "broken";
	return report->has_anchor ? "good" : "good, not anchored";
}

static void add_numbers(json_t *object, const struct audit_report *report)
{
	const struct {
		const char *key;
		uint64_t value;
	} NUMBERS[] = {
		{"records", report->records},
		{"frames", report->frames},
		{"segments", report->segments},
		{"names", report->names},
		{"checkpoints", report->checkpoints},
		{"trimmed_segments", report->trimmed_segments},
		{"trimmed_records", report->trimmed_records},
		{"first_sequence", report->first_sequence},
		{"last_sequence", report->last_sequence},
		{"checkpointed_sequence", report->checkpointed_sequence},
		{"forgeable_windows", report->window_count},
		{"silences", report->silences},
		{"longest_silence_s", report->longest_silence_s},
		{"clock_steps", report->clock_steps},
	};

	for (size_t i = 0; i < BL_COUNT(NUMBERS); i++)
		json_object_set_new(object, NUMBERS[i].key,
				    json_integer((json_int_t)NUMBERS[i].value));
}

static void add_break(json_t *object, const struct audit_report *report)
{
	json_object_set_new(object, "looks", json_string(audit_looks_name(report->looks)));
	json_object_set_new(object, "problem", json_string(report->problem));
	json_object_set_new(object, "bad_sequence", json_integer((json_int_t)report->bad_sequence));
	json_object_set_new(object, "bad_offset", json_integer((json_int_t)report->bad_offset));
	json_object_set_new(object, "bad_file", json_string(report->bad_file));
}

json_t *integrity_json(const struct audit_report *report, enum bl_status status)
{
	char chain[2 * AUDIT_DIGEST + 1];
	json_t *object = json_pack("{s:s,s:b,s:b}", "verdict", integrity_verdict(report, status),
				   "has_macs", report->has_macs, "is_torn", report->is_torn);

	add_numbers(object, report);
	sodium_bin2hex(chain, sizeof(chain), report->chain, AUDIT_DIGEST);
	json_object_set_new(object, "chain", json_string(chain));
	json_object_set_new(object, "windows", windows_json(report));
	json_object_set_new(object, "anchored_sequence",
			    report->has_anchor ? json_integer((json_int_t)report->anchored_sequence)
					       : json_null());
	json_object_set_new(object, "anchored_unix",
			    report->has_anchor ? json_integer(report->anchored_unix) : json_null());
	if (status == BL_TAMPERED)
		add_break(object, report);
	return object;
}

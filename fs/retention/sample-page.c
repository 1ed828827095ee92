/* What a second look found, for people, and checked anywhere. */
#include <string.h>

#include "fs/device/statement.h"
#include "fs/retention/fields.h"
#include "fs/retention/look.h"
#include "fs/retention/second-look.h"

static const struct statement_form FORM = {
	.type = VERIFICATION_TYPE,
	.least = 1,
	.most = VERIFICATION_VERSION,
	.name = "verification",
	.where = "give the ID~verified.json of a store's 'certificates'",
};

static const struct page_row ROWS[] = {
	{NULL, "What was looked at"},
	{"Device", "device"},
	{"Destroyed", "ended"},
	{"Its certificate", "certificate"},
	{NULL, "What was found"},
	{"Certificate", "found.certificate"},
	{"Event in the log", "found.event"},
	{"No key left", "found.keys"},
	{"No image left", "found.image"},
	{NULL, "Who and when"},
	{"Looked at by", "who.verifier"},
	{"Program", "who.program"},
	{"When", "when"},
	{NULL, "Signature"},
	{"Store", "store"},
	{"Signed by key", "public_key"},
};

/* Results by the name of their check, since a page's rows have names. */
static json_t *found_of(const json_t *json)
{
	const json_t *checks = json_object_get(json, "checks");
	json_t *found = json_object();

	for (size_t i = 0; found && i < json_array_size(checks); i++) {
		const json_t *check = json_array_get(checks, i);

		if (json_object_set_new(found, statement_text(check, NULL, "check"),
					json_string(statement_text(check, NULL, "result"))) != 0) {
			json_decref(found);
			return NULL;
		}
	}
	return found;
}

static const char *meaning_of(const json_t *json)
{
	return strcmp(statement_text(json, NULL, "result"), "good") == 0
		       ? "Somebody else looked again: nothing speaks against its certificate."
		       : "Somebody else looked again, and something is not as it has to be: see "
			 "below.";
}

enum bl_status second_look_verify(const char *json, size_t length,
				  const uint8_t public_key[VAULT_PUBLIC_KEY], char **out_page,
				  struct bl_error *why)
{
	JSON_CLEANUP json_t *parsed = NULL;
	enum bl_status status = statement_verify(json, length, &FORM, public_key, &parsed, why);

	if (status != BL_OK || !out_page)
		return status;
	if (json_object_set_new(parsed, "found", found_of(parsed)) != 0)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	const struct page_form form = {.title = "VERIFICATION OF A DESTRUCTION",
				       .label = "Result",
				       .path = "result",
				       .meaning = meaning_of(parsed),
				       .rows = ROWS,
				       .count = BL_COUNT(ROWS)};

	return page_text(&form, parsed, out_page, why);
}
